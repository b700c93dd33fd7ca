#include "yaml_file.h"
#include "text.h"
#include <string.h>

static const size_t LARGEST_FILE = 1 << 20;

const char *yaml_file_text(const yaml_node_t *node)
{
    if (!node || node->type != YAML_SCALAR_NODE || memchr(node->data.scalar.value, '\0', node->data.scalar.length))
        return NULL;
    return (const char *)node->data.scalar.value;
}

size_t yaml_file_line(const yaml_node_t *node)
{
    return node ? node->start_mark.line + 1 : 1;
}

static enum status not_yaml(const yaml_parser_t *parser)
{
    return parser->error == YAML_MEMORY_ERROR ? error_set(ERR_MEMORY, "out of memory for the YAML parser")
                                              : error_set(ERR_INPUT, "%zu: not YAML: %s", parser->problem_mark.line + 1,
                                                          parser->problem ? parser->problem : "?");
}

/* A second document would be passed over in silence, so it is refused. */
static enum status check_end(yaml_parser_t *parser)
{
    yaml_document_t rest;
    if (!yaml_parser_load(parser, &rest))
        return not_yaml(parser);
    const yaml_node_t *root = yaml_document_get_root_node(&rest);
    enum status rc =
        root ? error_set(ERR_INPUT, "%zu: a second document: keep one to a file", yaml_file_line(root)) : OK;
    yaml_document_delete(&rest);
    return rc;
}

static enum status visit_document(yaml_parser_t *parser, yaml_file_visit *visit, void *context)
{
    yaml_document_t doc;
    if (!yaml_parser_load(parser, &doc))
        return not_yaml(parser);
    const yaml_node_t *root = yaml_document_get_root_node(&doc);
    enum status rc = root ? check_end(parser) : OK;
    if (rc == OK)
        rc = visit(&doc, root, context);
    yaml_document_delete(&doc);
    return rc;
}

enum status yaml_file_read(const char *path, yaml_file_visit *visit, void *context)
{
    enum status rc = OK;
    struct text file = {0};
    yaml_parser_t parser;
    TRY(text_read_file(path, LARGEST_FILE, &file));
    REQUIRE(yaml_parser_initialize(&parser), ERR_MEMORY, "out of memory for the YAML parser");
    yaml_parser_set_input_string(&parser, (const unsigned char *)file.data, file.length);
    rc = visit_document(&parser, visit, context);
    yaml_parser_delete(&parser);
    if (rc != OK)
        error_prefix(rc, "%s", path);
done:
    text_free(&file);
    return rc;
}
