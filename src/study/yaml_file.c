#include "study/yaml_file.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const size_t LARGEST_FILE = 1 << 20;
enum { DEEPEST = 16, MOST_ANCHORS = 100, MOST_DIRECTIVES = 16 };

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

static int by_text(const void *a, const void *b)
{
    const yaml_node_t *x = *(const yaml_node_t *const *)a, *y = *(const yaml_node_t *const *)b;
    const int order = strcmp(yaml_file_text(x), yaml_file_text(y));
    return order ? order : (x->start_mark.index > y->start_mark.index) - (x->start_mark.index < y->start_mark.index);
}

/* Refuses two entries with one key, of which the last would win, or both, without a word. */
static enum status check_map(yaml_document_t *doc, const yaml_node_t *map)
{
    const size_t most = (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
    const yaml_node_t **keys = calloc(most + 1, sizeof(const yaml_node_t *));
    enum status rc = OK;
    size_t n = 0;
    REQUIRE(keys, ERR_MEMORY, "out of memory for %zu keys", most);
    for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(doc, pair->key);
        if (yaml_file_text(key))
            keys[n++] = key;
    }
    qsort(keys, n, sizeof(const yaml_node_t *), by_text);
    for (size_t i = 1; i < n; i++)
        REQUIRE(strcmp(yaml_file_text(keys[i - 1]), yaml_file_text(keys[i])) != 0, ERR_INPUT,
                "%zu: %.60s: this key stands in line %zu, too: leave one out", yaml_file_line(keys[i]),
                yaml_file_text(keys[i]), yaml_file_line(keys[i - 1]));
done:
    free(keys);
    return rc;
}

static enum status check_maps(yaml_document_t *doc)
{
    enum status rc = OK;
    yaml_node_t *node;
    for (int i = 1; rc == OK && (node = yaml_document_get_node(doc, i)); i++)
        rc = node->type == YAML_MAPPING_NODE ? check_map(doc, node) : OK;
    return rc;
}

/* Reads the events of the file, as far as they keep to the limits. Loading a document costs for each level, anchor and
 * directive a time in proportion to those before it, so that many of them take for ever. Other errors show when the
 * document is loaded. */
static enum status check_size(const struct text *file)
{
    enum status rc = OK;
    yaml_parser_t parser;
    size_t directives = 0, anchors = 0;
    for (const char *line = file->data; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        REQUIRE((directives += *line == '%') <= MOST_DIRECTIVES, ERR_INPUT, "1: more than %d lines begin with %%",
                MOST_DIRECTIVES);
        if (!*line)
            break;
    }
    if (!yaml_parser_initialize(&parser))
        return error_set(ERR_MEMORY, "out of memory for the YAML parser");
    yaml_parser_set_input_string(&parser, (const unsigned char *)file->data, file->length);
    yaml_event_t event;
    for (int depth = 0, end = 0; !end && rc == OK && yaml_parser_parse(&parser, &event);) {
        const yaml_event_type_t type = event.type;
        const size_t line = event.start_mark.line + 1;
        const bool sequence = type == YAML_SEQUENCE_START_EVENT, mapping = type == YAML_MAPPING_START_EVENT;
        depth += sequence || mapping;
        depth -= type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
        anchors += (sequence && event.data.sequence_start.anchor) || (mapping && event.data.mapping_start.anchor) ||
                   (type == YAML_SCALAR_EVENT && event.data.scalar.anchor);
        end = type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (depth > DEEPEST)
            rc = error_set(ERR_INPUT, "%zu: more than %d lists and mappings within each other", line, DEEPEST);
        else if (anchors > MOST_ANCHORS)
            rc = error_set(ERR_INPUT, "%zu: more than %d anchors", line, MOST_ANCHORS);
    }
    yaml_parser_delete(&parser);
done:
    return rc;
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
        rc = check_maps(&doc);
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
    rc = check_size(&file);
    if (rc == OK && !yaml_parser_initialize(&parser)) {
        rc = error_set(ERR_MEMORY, "out of memory for the YAML parser");
    } else if (rc == OK) {
        yaml_parser_set_input_string(&parser, (const unsigned char *)file.data, file.length);
        rc = visit_document(&parser, visit, context);
        yaml_parser_delete(&parser);
    }
    if (rc != OK)
        error_prefix(rc, "%s", path);
done:
    text_free(&file);
    return rc;
}
