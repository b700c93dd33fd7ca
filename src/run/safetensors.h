/* safetensors: named arrays in a file that PyTorch, JAX and NumPy read.
 *
 *     8 bytes   N, little-endian
 *     N bytes   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..,
 *               "__metadata__": {"note": "text"}}
 *     the rest  little-endian numbers, row-major, without holes; offsets count from here
 *
 * (https://github.com/huggingface/safetensors, "Format"). Of its types we write and read f32, f64 and i32; tensors of
 * others may be in the file, too. */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H
#include "base/text.h"
#include <stdio.h>

/* X(enumerator, name in the file, bytes) */
#define SAFETENSORS_TYPES(X) X(SAFETENSORS_F32, "F32", 4) X(SAFETENSORS_F64, "F64", 8) X(SAFETENSORS_I32, "I32", 4)
enum safetensors_type {
#define AS_ENUMERATOR(name, text, bytes) name,
    SAFETENSORS_TYPES(AS_ENUMERATOR)
#undef AS_ENUMERATOR
};
enum { SAFETENSORS_RANK = 4 };

struct safetensors_tensor {
    const char *name; /* borrowed */
    enum safetensors_type type;
    int rank; /* 0: a single number */
    size_t shape[SAFETENSORS_RANK];
    const void *data; /* borrowed: numbers of this machine, to be written; NULL if read: safetensors_copy */
};
struct safetensors_note {
    const char *name, *text; /* borrowed */
};

/* A tensor of a file: where its numbers are, in bytes from the beginning. */
struct safetensors_entry {
    struct safetensors_tensor tensor;
    const char *foreign; /* NULL; or the name of a type that is none of ours, or of any if there are more than
                            SAFETENSORS_RANK sizes: then tensor has its name and rank alone */
    size_t place, bytes;
};

/* A file that is being read. */
struct safetensors {
    FILE *stream;                      /* owned; NULL if it could not be opened */
    void *header;                      /* owned: the parsed header, which holds all names */
    struct safetensors_entry *entries; /* owned: in the order of their places */
    size_t n;
};

/* Writes the file aside and renames it: `path` holds the old or the whole new content. ERR_IO, ERR_MEMORY. */
enum status safetensors_write(const char *path, const struct safetensors_tensor *tensors, size_t n,
                              const struct safetensors_note *notes, size_t n_notes);
/* Opens the file and reads its header, whose every size and offset, types, and names that stand twice are checked
 * against the size of the file; no number is read yet. ERR_INPUT names path and tensor; ERR_IO, ERR_MEMORY. Release
 * with safetensors_free, also after an error. */
enum status safetensors_read(const char *path, struct safetensors *file);
void safetensors_free(struct safetensors *file);
/* The tensor (of our types) or note of that name, borrowed; NULL if there is none. */
const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name);
const char *safetensors_note(const struct safetensors *file, const char *name);
/* Reads the numbers of a tensor that must have this name, type and shape into out. ERR_INPUT says what it has instead;
 * ERR_IO. */
enum status safetensors_copy(const struct safetensors *file, const char *name, enum safetensors_type type, int rank,
                             const size_t *shape, void *out);

#endif
