#include "run/safetensors.h"
#include "base/byte_order.h"
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const size_t LARGEST_HEADER = (size_t)100 << 20; /* the format's own limit */
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

/* Copies numbers of 4 or 8 bytes between this machine's order and little-endian: the same operation both ways. `to` may
 * be `from`. */
static void copy_numbers(const void *from, size_t bytes, size_t size, void *to)
{
    for (size_t i = 0; i < bytes; i += size) {
        uint32_t four;
        uint64_t eight;
        if (size == 4) {
            memcpy(&four, (const char *)from + i, 4);
            four = byte_order_little32(four);
            memcpy((char *)to + i, &four, 4);
        } else {
            memcpy(&eight, (const char *)from + i, 8);
            eight = byte_order_little64(eight);
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
    uint64_t length = byte_order_little64((uint64_t)header.length);
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

/* ERR_INPUT if there is no type at all. */
static enum status read_type(const json_t *entry, struct safetensors_entry *e)
{
    e->foreign = json_string_value(json_object_get(entry, "dtype"));
    if (!e->foreign)
        return error_set(ERR_INPUT, "%.80s: type (none); a tensor needs its dtype", e->tensor.name);
    for (int i = 0; i < TYPES && e->tensor.rank <= SAFETENSORS_RANK; i++) {
        if (!strcmp(e->foreign, types[i].name)) {
            e->tensor.type = (enum safetensors_type)i;
            e->foreign = NULL;
            return OK;
        }
    }
    return OK;
}

/* The sizes of a tensor of our types, whose numbers take e->bytes in the file. */
static enum status read_shape(const json_t *shape, struct safetensors_entry *e)
{
    enum status rc = OK;
    struct safetensors_tensor *t = &e->tensor;
    size_t left = e->bytes / types[t->type].bytes; /* no product of sizes may exceed it, so none overflows */
    bool empty = false;
    for (int i = 0; i < t->rank; i++) {
        REQUIRE(whole(shape, (size_t)i, &t->shape[i]), ERR_INPUT, "%.80s: a size that is not a whole number", t->name);
        empty = empty || t->shape[i] == 0;
    }
    bool fits = true;
    for (int i = 0; i < t->rank && !empty && fits; i++) {
        fits = t->shape[i] <= left;
        left /= t->shape[i];
    }
    REQUIRE(fits && e->bytes == (empty ? 0 : tensor_bytes(t)), ERR_INPUT,
            "%.80s: its data_offsets do not fit its shape", t->name);
done:
    return rc;
}

/* One entry of the header; the file has `size` bytes of numbers, the first at `numbers`. */
static enum status read_entry(const char *name, const json_t *json, size_t numbers, size_t size,
                              struct safetensors_entry *e)
{
    enum status rc = OK;
    const json_t *shape = json_object_get(json, "shape"), *offsets = json_object_get(json, "data_offsets");
    size_t begin, end;
    *e = (struct safetensors_entry){.tensor = {.name = name, .rank = (int)json_array_size(shape)}};
    TRY(read_type(json, e));
    REQUIRE(json_is_array(shape), ERR_INPUT, "%.80s: shape must be a list of sizes", name);
    REQUIRE(json_array_size(offsets) == 2 && whole(offsets, 0, &begin) && whole(offsets, 1, &end) && begin <= end &&
                end <= size,
            ERR_INPUT, "%.80s: its data_offsets are not inside the file", name);
    e->place = numbers + begin;
    e->bytes = end - begin;
    if (!e->foreign)
        TRY(read_shape(shape, e));
done:
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct safetensors_entry *x = a, *y = b; /* empty ones first */
    return x->place != y->place ? (x->place > y->place) - (x->place < y->place)
                                : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* Sorts the tensors by place; each byte from `at` to `end` must belong to one of them. */
static enum status check_cover(struct safetensors *file, size_t at, size_t end)
{
    qsort(file->entries, file->n, sizeof *file->entries, by_place);
    for (size_t i = 0; i < file->n; i++) {
        const struct safetensors_entry *e = &file->entries[i];
        if (e->place != at)
            return error_set(ERR_INPUT, "%.80s: its numbers overlap another's, or leave a hole", e->tensor.name);
        at += e->bytes;
    }
    return at == end ? OK : error_set(ERR_INPUT, "bytes at the end that belong to no tensor");
}

/* n bytes from `place` on, which are there. */
static enum status read_bytes(const struct safetensors *file, size_t place, size_t n, void *out)
{
    errno = 0;
    return fseeko(file->stream, (off_t)place, SEEK_SET) == 0 && fread(out, 1, n, file->stream) == n
               ? OK
               : error_set(ERR_IO, "cannot read: %s", errno ? strerror(errno) : "the file has become shorter");
}

/* The header's JSON; *length is its bytes. */
static enum status read_header(struct safetensors *file, size_t size, size_t *length)
{
    enum status rc = OK;
    char *text = NULL;
    json_error_t why;
    uint64_t N = 0;
    REQUIRE(size >= 8, ERR_INPUT, "not a safetensors file: shorter than 8 bytes");
    TRY(read_bytes(file, 0, 8, &N));
    N = byte_order_little64(N);
    REQUIRE(N <= LARGEST_HEADER && N <= size - 8, ERR_INPUT, "not a safetensors file: its header does not fit");
    *length = (size_t)N;
    REQUIRE(text = malloc(*length + 1), ERR_MEMORY, "out of memory for a header of %zu bytes", *length);
    TRY(read_bytes(file, 8, *length, text));
    file->header = json_loadb(text, *length, JSON_REJECT_DUPLICATES, &why);
    REQUIRE(file->header, ERR_INPUT, "not a safetensors file: its header: %s", why.text);
    REQUIRE(json_is_object((json_t *)file->header), ERR_INPUT, "not a safetensors file: its header is no JSON object");
done:
    free(text);
    return rc;
}

static enum status parse(struct safetensors *file)
{
    enum status rc = OK;
    const char *name;
    json_t *entry;
    struct stat info;
    size_t length = 0;
    REQUIRE(fstat(fileno(file->stream), &info) == 0 && S_ISREG(info.st_mode), ERR_INPUT,
            "not a file on disk, whose parts could be read: write it to one first");
    const size_t size = (size_t)info.st_size;
    TRY(read_header(file, size, &length));
    file->entries = calloc(json_object_size(file->header) + 1, sizeof *file->entries);
    REQUIRE(file->entries, ERR_MEMORY, "out of memory for the list of tensors");
    const size_t numbers = 8 + length;
    json_object_foreach(file->header, name, entry)
    {
        if (!strcmp(name, metadata))
            continue;
        TRY(read_entry(name, entry, numbers, size - numbers, &file->entries[file->n]));
        file->n++;
    }
    TRY(check_cover(file, numbers, size));
done:
    return rc;
}

enum status safetensors_read(const char *path, struct safetensors *file)
{
    *file = (struct safetensors){.stream = fopen(path, "rb")};
    if (!file->stream)
        return error_set(ERR_INPUT, "%s: %s", path, strerror(errno));
    enum status rc = parse(file);
    return rc == OK ? OK : error_prefix(rc, "%.150s", path);
}

void safetensors_free(struct safetensors *file)
{
    json_decref(file->header);
    free(file->entries);
    if (file->stream)
        fclose(file->stream);
    *file = (struct safetensors){0};
}

static const struct safetensors_entry *find(const struct safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->n; i++) {
        if (!strcmp(file->entries[i].tensor.name, name))
            return &file->entries[i];
    }
    return NULL;
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name)
{
    const struct safetensors_entry *e = find(file, name);
    return e && !e->foreign ? &e->tensor : NULL;
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
    const struct safetensors_entry *e = find(file, name);
    const struct safetensors_tensor *t = e ? &e->tensor : NULL;
    bool same = t && !e->foreign && t->type == type && t->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = t->shape[i] == shape[i];
    if (same) {
        enum status rc = e->bytes ? read_bytes(file, e->place, e->bytes, out) : OK;
        if (rc != OK)
            return error_prefix(rc, "%.80s", name);
        copy_numbers(out, e->bytes, types[type].bytes, out);
        return OK;
    }
    struct text has = {0}, needs = {0};
    if (t && e->foreign)
        text_addf(&has, "%.20s of rank %d", e->foreign, t->rank);
    else if (t)
        describe(t->type, t->rank, t->shape, &has);
    describe(type, rank, shape, &needs);
    enum status rc = error_set(ERR_INPUT, "%.80s is %s, needed is %s", name, has.data ? has.data : "missing",
                               needs.data ? needs.data : "?");
    text_free(&has);
    text_free(&needs);
    return rc;
}
