#include "safetensors.h"
#include <endian.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const size_t LARGEST_FILE = (size_t)1 << 34,
                    LARGEST_HEADER = (size_t)100 << 20; /* the format's own limit for the header */
static const char metadata[] = "__metadata__";

static const struct {
    const char *name;
    size_t bytes;
} types[] = {
#define AS_ENTRY(name, text, bytes) {text, bytes},
    SAFETENSORS_TYPES(AS_ENTRY)
#undef AS_ENTRY
};
enum { TYPES = sizeof types / sizeof types[0] };

static size_t tensor_bytes(const struct safetensors_tensor *t)
{
    size_t bytes = types[t->type].bytes;
    for (int i = 0; i < t->rank; i++)
        bytes *= t->shape[i];
    return bytes;
}

/* Copies numbers of 4 or 8 bytes between this machine's order and little-endian: the same operation both ways. */
static void copy_numbers(const void *from, size_t bytes, size_t size, void *to)
{
    for (size_t i = 0; i < bytes; i += size) {
        uint32_t four;
        uint64_t eight;
        if (size == 4) {
            memcpy(&four, (const char *)from + i, 4);
            four = htole32(four);
            memcpy((char *)to + i, &four, 4);
        } else {
            memcpy(&eight, (const char *)from + i, 8);
            eight = htole64(eight);
            memcpy((char *)to + i, &eight, 8);
        }
    }
}

/* ---- writing ---- */

static void add_header(const struct safetensors_tensor *tensors, size_t n, const struct safetensors_note *notes,
                       size_t n_notes, struct text *out)
{
    size_t at = 0;
    text_add(out, "{\"__metadata__\": {");
    for (size_t i = 0; i < n_notes; i++) {
        text_add(out, i ? ", " : "");
        text_add_json(out, notes[i].name);
        text_add(out, ": ");
        text_add_json(out, notes[i].text);
    }
    text_add(out, "}");
    for (size_t i = 0; i < n; i++) {
        const struct safetensors_tensor *t = &tensors[i];
        text_add(out, ", ");
        text_add_json(out, t->name);
        text_addf(out, ": {\"dtype\": \"%s\", \"shape\": [", types[t->type].name);
        for (int k = 0; k < t->rank; k++)
            text_addf(out, "%s%zu", k ? ", " : "", t->shape[k]);
        text_addf(out, "], \"data_offsets\": [%zu, %zu]}", at, at + tensor_bytes(t));
        at += tensor_bytes(t);
    }
    text_add(out, "}");
    while (out->length % 8) /* so that the numbers are aligned in the file */
        text_add(out, " ");
}

enum status safetensors_write(const char *path, const struct safetensors_tensor *tensors, size_t n,
                              const struct safetensors_note *notes, size_t n_notes)
{
    enum status rc = OK;
    struct text header = {0};
    char *bytes = NULL;
    size_t total = 8;
    add_header(tensors, n, notes, n_notes, &header);
    TRY(text_status(&header));
    total += header.length;
    for (size_t i = 0; i < n; i++)
        total += tensor_bytes(&tensors[i]);
    REQUIRE(bytes = malloc(total), ERR_MEMORY, "%s: out of memory for a file of %zu bytes", path, total);
    uint64_t length = htole64((uint64_t)header.length);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header.data, header.length);
    size_t at = 8 + header.length;
    for (size_t i = 0; i < n; i++) {
        copy_numbers(tensors[i].data, tensor_bytes(&tensors[i]), types[tensors[i].type].bytes, bytes + at);
        at += tensor_bytes(&tensors[i]);
    }
    TRY(text_write_file(path, bytes, total));
done:
    text_free(&header);
    free(bytes);
    return rc;
}

/* ---- reading ---- */

/* A whole number from 0 to 2^53 of a JSON array. */
static bool whole(const json_t *array, size_t i, size_t *value)
{
    const json_t *number = json_array_get(array, i);
    json_int_t integer = json_is_integer(number) ? json_integer_value(number) : -1;
    *value = (size_t)integer;
    return integer >= 0 && integer <= (json_int_t)1 << 53;
}

static enum status read_type(const char *name, const json_t *entry, struct safetensors_tensor *t)
{
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    for (int i = 0; i < TYPES; i++) {
        if (type && !strcmp(type, types[i].name)) {
            t->type = (enum safetensors_type)i;
            return OK;
        }
    }
    return error_set(ERR_INPUT, "%.80s: type %.20s is not F32, F64 or I32; convert it", name, type ? type : "(none)");
}

/* One entry of the header, against `size` bytes of numbers; data is the address of the first of them all. */
static enum status read_entry(const char *name, const json_t *entry, const char *data, size_t size,
                              struct safetensors_tensor *t)
{
    enum status rc = OK;
    const json_t *shape = json_object_get(entry, "shape"), *offsets = json_object_get(entry, "data_offsets");
    size_t begin, end;
    *t = (struct safetensors_tensor){.name = name, .rank = (int)json_array_size(shape)};
    TRY(read_type(name, entry, t));
    REQUIRE(json_is_array(shape) && json_array_size(shape) <= SAFETENSORS_RANK, ERR_INPUT,
            "%.80s: shape must be a list of at most %d sizes", name, SAFETENSORS_RANK);
    size_t left = size / types[t->type].bytes; /* no product of sizes may exceed it, so none overflows */
    bool empty = false;
    for (int i = 0; i < t->rank; i++) {
        REQUIRE(whole(shape, (size_t)i, &t->shape[i]), ERR_INPUT, "%.80s: a size that is not a whole number", name);
        empty = empty || t->shape[i] == 0;
    }
    for (int i = 0; i < t->rank && !empty; i++) {
        REQUIRE(t->shape[i] <= left, ERR_INPUT, "%.80s: its shape needs more than the file holds", name);
        left /= t->shape[i];
    }
    REQUIRE(json_array_size(offsets) == 2 && whole(offsets, 0, &begin) && whole(offsets, 1, &end) && begin <= end &&
                end <= size,
            ERR_INPUT, "%.80s: its data_offsets are not inside the file", name);
    REQUIRE(end - begin == (empty ? 0 : tensor_bytes(t)), ERR_INPUT, "%.80s: its data_offsets do not fit its shape",
            name);
    t->data = data + begin;
done:
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct safetensors_tensor *x = a, *y = b;
    const size_t m = tensor_bytes(x), n = tensor_bytes(y); /* empty ones first */
    return x->data != y->data ? (x->data > y->data) - (x->data < y->data) : (m > n) - (m < n);
}

/* Sorts the tensors by place; each byte must belong to one of them. */
static enum status check_cover(struct safetensors *file, const char *data, size_t size)
{
    const char *at = data;
    qsort(file->tensors, file->n, sizeof *file->tensors, by_place);
    for (size_t i = 0; i < file->n; i++) {
        const struct safetensors_tensor *t = &file->tensors[i];
        if ((const char *)t->data != at)
            return error_set(ERR_INPUT, "%.80s: its numbers overlap another's, or leave a hole", t->name);
        at += tensor_bytes(t);
    }
    return at == data + size ? OK : error_set(ERR_INPUT, "bytes at the end that belong to no tensor");
}

static enum status parse(struct safetensors *file)
{
    enum status rc = OK;
    const char *data = file->bytes.data, *name;
    json_t *entry;
    json_error_t why;
    uint64_t length = 0;
    REQUIRE(file->bytes.length >= 8, ERR_INPUT, "not a safetensors file: shorter than 8 bytes");
    memcpy(&length, data, 8);
    length = le64toh(length);
    REQUIRE(length <= LARGEST_HEADER && length <= file->bytes.length - 8, ERR_INPUT,
            "not a safetensors file: its header does not fit");
    const char *numbers = data + 8 + length;
    const size_t size = file->bytes.length - 8 - (size_t)length;
    file->header = json_loadb(data + 8, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    REQUIRE(file->header, ERR_INPUT, "not a safetensors file: its header: %s", why.text);
    REQUIRE(json_is_object((json_t *)file->header), ERR_INPUT, "not a safetensors file: its header is no JSON object");
    file->tensors = calloc(json_object_size(file->header) + 1, sizeof *file->tensors);
    REQUIRE(file->tensors, ERR_MEMORY, "out of memory for the list of tensors");
    json_object_foreach(file->header, name, entry)
    {
        if (!strcmp(name, metadata))
            continue;
        TRY(read_entry(name, entry, numbers, size, &file->tensors[file->n]));
        file->n++;
    }
    TRY(check_cover(file, numbers, size));
done:
    return rc;
}

enum status safetensors_read(const char *path, struct safetensors *file)
{
    *file = (struct safetensors){0};
    enum status rc = text_read_file(path, LARGEST_FILE, &file->bytes);
    if (rc == OK && (rc = parse(file)) != OK)
        error_prefix(rc, "%.150s", path);
    return rc;
}

void safetensors_free(struct safetensors *file)
{
    json_decref(file->header);
    free(file->tensors);
    text_free(&file->bytes);
    *file = (struct safetensors){0};
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->n; i++) {
        if (!strcmp(file->tensors[i].name, name))
            return &file->tensors[i];
    }
    return NULL;
}

const char *safetensors_note(const struct safetensors *file, const char *name)
{
    return json_string_value(json_object_get(json_object_get(file->header, metadata), name));
}

/* "F32 [2, 3]" */
static void describe(enum safetensors_type type, int rank, const size_t *shape, struct text *out)
{
    text_addf(out, "%s [", types[type].name);
    for (int i = 0; i < rank; i++)
        text_addf(out, "%s%zu", i ? ", " : "", shape[i]);
    text_add(out, "]");
}

enum status safetensors_copy(const struct safetensors *file, const char *name, enum safetensors_type type, int rank,
                             const size_t *shape, void *out)
{
    const struct safetensors_tensor *t = safetensors_find(file, name);
    bool same = t && t->type == type && t->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = t->shape[i] == shape[i];
    if (same) {
        copy_numbers(t->data, tensor_bytes(t), types[type].bytes, out);
        return OK;
    }
    struct text has = {0}, needs = {0};
    if (t)
        describe(t->type, t->rank, t->shape, &has);
    describe(type, rank, shape, &needs);
    enum status rc = error_set(ERR_INPUT, "%.80s is %s, needed is %s", name, has.data ? has.data : "missing",
                               needs.data ? needs.data : "?");
    text_free(&has);
    text_free(&needs);
    return rc;
}
