#include "study/study.h"
#include "study/yaml_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SHARDS = 1000000 };

static const char *const scale_names[] = {
#define AS_NAME(enumerator, name) name,
    SCALES(AS_NAME)
#undef AS_NAME
};

/* A study while its file is read; section: of each block, SCALE_COUNT for `runs`. */
struct reader {
    yaml_document_t *doc;
    struct study *study;
    enum scale scale;
    enum scale section[STUDY_BLOCKS];
};

const char *study_scale_name(enum scale scale)
{
    return scale_names[scale];
}

enum status study_scale(const char *name, enum scale *scale)
{
    for (int i = 0; i < SCALE_COUNT; i++) {
        if (!strcmp(name, scale_names[i])) {
            *scale = (enum scale)i;
            return OK;
        }
    }
    return error_set(ERR_INPUT, "--scale %s: smoke, quick, desk or paper", name);
}

enum status study_shard(const char *text, struct study *study)
{
    char first[32];
    const char *slash = strchr(text, '/');
    double i, n;
    snprintf(first, sizeof first, "%.*s", slash ? (int)(slash - text) : 0, text);
    const bool numbers = slash && text_to_real(first, &i) && text_to_real(slash + 1, &n);
    if (!numbers || i != floor(i) || n != floor(n) || !(i >= 1 && i <= n && n <= MOST_SHARDS))
        return error_set(ERR_INPUT, "--shard %s: i/n with whole numbers 1 <= i <= n <= %d, such as 2/8", text,
                         MOST_SHARDS);
    study->shard = (size_t)i;
    study->shards = (size_t)n;
    return OK;
}

static enum status bad(const yaml_node_t *node, const char *rule)
{
    return error_set(ERR_INPUT, "%zu: %s", yaml_file_line(node), rule);
}

/* Writes a scalar or a list of scalars as the comma list of the command line. */
static enum status value_text(yaml_document_t *doc, const yaml_node_t *node, struct text *out)
{
    if (yaml_file_text(node)) {
        text_add(out, yaml_file_text(node));
        return text_status(out);
    }
    if (!node || node->type != YAML_SEQUENCE_NODE)
        return bad(node, "a key needs a value or a list of values");
    for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
        const char *text = yaml_file_text(yaml_document_get_node(doc, *item));
        if (!text)
            return bad(node, "a list of values holds plain values only");
        text_addf(out, "%s%s", out->length ? "," : "", text);
    }
    return out->length ? text_status(out) : bad(node, "a list of values must not be empty");
}

static enum status read_block(struct reader *r, const yaml_node_t *node, enum scale section)
{
    yaml_document_t *doc = r->doc;
    struct study *study = r->study;
    enum status rc = OK;
    struct text value = {0};
    if (!node || node->type != YAML_MAPPING_NODE)
        return bad(node, "a block of runs is a mapping key: value");
    if (study->n_blocks == STUDY_BLOCKS)
        return bad(node, "too many blocks");
    r->section[study->n_blocks] = section;
    struct grid *grid = &study->blocks[study->n_blocks++];
    TRY(grid_set(grid, "model", "flow"));
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(doc, pair->key);
        text_clear(&value);
        if (!yaml_file_text(key))
            TRY(bad(key, "a key is a plain name"));
        TRY(value_text(doc, yaml_document_get_node(doc, pair->value), &value));
        rc = grid_set(grid, yaml_file_text(key), value.data);
        if (rc != OK) {
            error_prefix(rc, "%zu", yaml_file_line(key));
            goto done;
        }
    }
done:
    text_free(&value);
    return rc;
}

static enum status read_blocks(struct reader *r, const char *name, const yaml_node_t *value, enum scale section)
{
    enum status rc = OK;
    if (!value || value->type != YAML_SEQUENCE_NODE) {
        rc = bad(value, "is a list of blocks");
        return error_prefix(rc, "%s", name);
    }
    yaml_node_item_t *end = value->data.sequence.items.top;
    for (yaml_node_item_t *i = value->data.sequence.items.start; i < end && rc == OK; i++)
        rc = read_block(r, yaml_document_get_node(r->doc, *i), section);
    return rc;
}

static enum status read_entry(struct reader *r, const char *name, const yaml_node_t *value)
{
    const char *text = yaml_file_text(value) ? yaml_file_text(value) : "";
    if (!strcmp(name, "study")) {
        enum status rc = store_check_study(text);
        if (rc != OK)
            return error_prefix(rc, "%zu", yaml_file_line(value));
        strcpy(r->study->name, text);
        return OK;
    }
    if (!strcmp(name, "curves")) {
        bool yes = !strcmp(text, "yes") || !strcmp(text, "true"), no = !strcmp(text, "no") || !strcmp(text, "false");
        if (!yes && !no)
            return bad(value, "curves: is yes or no");
        r->study->curves = yes;
        return OK;
    }
    for (int section = 0; section < SCALE_COUNT; section++) {
        if (!strcmp(name, scale_names[section]))
            return read_blocks(r, name, value, (enum scale)section);
    }
    return !strcmp(name, "runs")
               ? read_blocks(r, name, value, SCALE_COUNT)
               : bad(value, "a study has the entries study, curves, runs, smoke, quick, desk and paper");
}

/* Keeps `runs` and the largest section that is not above the scale. */
static void select_scale(const struct reader *r)
{
    struct study *study = r->study;
    enum scale scale = r->scale;
    int chosen = -1;
    size_t kept = 0;
    for (size_t b = 0; b < study->n_blocks; b++) {
        if (r->section[b] <= scale && (int)r->section[b] > chosen)
            chosen = (int)r->section[b];
    }
    for (size_t b = 0; b < study->n_blocks; b++) {
        if (r->section[b] == SCALE_COUNT || (int)r->section[b] == chosen)
            study->blocks[kept++] = study->blocks[b];
        else
            grid_free(&study->blocks[b]);
    }
    study->n_blocks = kept;
}

static enum status read_document(yaml_document_t *doc, const yaml_node_t *root, void *context)
{
    struct reader *r = context;
    r->doc = doc;
    if (!root || root->type != YAML_MAPPING_NODE)
        return bad(root, "a study is a mapping with the entries study, curves and runs");
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(doc, pair->key);
        const char *name = yaml_file_text(key);
        enum status rc =
            name ? read_entry(r, name, yaml_document_get_node(doc, pair->value)) : bad(key, "an entry is a plain name");
        if (rc != OK)
            return rc;
    }
    select_scale(r);
    enum status rc = store_check_study(r->study->name); /* which is the file's, if no entry `study` gives one */
    if (rc != OK)
        return error_prefix(rc, "1");
    return r->study->n_blocks ? OK : bad(root, "a study needs at least one block of runs at this scale");
}

enum status study_read(const char *path, enum scale scale, struct study *study)
{
    struct reader reader = {.study = study, .scale = scale};
    memset(study, 0, sizeof *study);
    const char *base = strrchr(path, '/');
    snprintf(study->name, sizeof study->name, "%.*s", (int)strcspn(base ? base + 1 : path, "."),
             base ? base + 1 : path);
    return yaml_file_read(path, read_document, &reader);
}

enum status study_override(struct study *study, const char *const *assignments, size_t n)
{
    for (size_t b = 0; b < study->n_blocks; b++) {
        for (size_t i = 0; i < n; i++) {
            enum status rc = grid_add(&study->blocks[b], assignments[i]);
            if (rc != OK)
                return rc;
        }
    }
    return OK;
}

enum status study_size(const struct study *study, size_t *size)
{
    enum status rc = OK;
    *size = 0;
    for (size_t b = 0; b < study->n_blocks && rc == OK; b++) {
        size_t runs;
        rc = grid_size(&study->blocks[b], &runs);
        *size += rc == OK ? runs : 0;
    }
    return rc;
}

enum status study_at(const struct study *study, size_t i, struct keys *keys)
{
    for (size_t b = 0; b < study->n_blocks; b++) {
        size_t runs;
        enum status rc = grid_size(&study->blocks[b], &runs);
        if (rc != OK || i < runs)
            return rc == OK ? grid_at(&study->blocks[b], i, keys) : rc;
        i -= runs;
    }
    return error_set(ERR_PROGRAM, "%s: no run %zu", study->name, i);
}

void study_free(struct study *study)
{
    for (size_t b = 0; b < study->n_blocks; b++)
        grid_free(&study->blocks[b]);
    study->n_blocks = 0;
    free(study->left_out);
    study->left_out = NULL;
}
