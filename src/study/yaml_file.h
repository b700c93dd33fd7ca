/* A file that holds one YAML document, whole or not at all: what study files and claims have in common. */
#ifndef YAML_FILE_H
#define YAML_FILE_H
#include "base/error.h"
#include <yaml.h>

/* Reads what the root node says into `context`; ERR_INPUT "line: ..", to which the path is added. */
typedef enum status yaml_file_visit(yaml_document_t *doc, const yaml_node_t *root, void *context);
/* Reads `path` (one document of at most 1 MiB, no key twice in a mapping, 16 lists and mappings within each other, 100
 * anchors, 16 directives: beyond that libyaml takes minutes) and calls visit; root is NULL for an empty file. ERR_INPUT
 * "path: line: ..", ERR_MEMORY. */
enum status yaml_file_read(const char *path, yaml_file_visit *visit, void *context);
/* The text of a plain value, borrowed from the document; NULL for anything else, and for text with a NUL inside. */
const char *yaml_file_text(const yaml_node_t *node);
/* Line of a node in the file, from 1. NULL is fine. */
size_t yaml_file_line(const yaml_node_t *node);

#endif
