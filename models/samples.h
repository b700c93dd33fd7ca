/* Samples: the numbers of a batch, as a Transformer and other programs read them, and where their random numbers come
 * from.
 *
 * A sample is a function of (seed, training step or test set, its number), so a batch may be drawn in any pieces. */
#ifndef SAMPLES_H
#define SAMPLES_H
#include "base/error.h"
#include "base/random.h"
#include <stdbool.h>

/* Sequences of T vectors with a vector to predict (regression), or of T tokens with a token to predict (recall). */
struct samples {
    size_t n, T;
    size_t features, outputs; /* regression: d + feature, d; recall: 0, 0 */
    size_t slots;             /* the largest number of relevant positions that a sample may have */
    float *inputs;            /* owned: [n][T][features]; NULL for recall */
    float *targets;           /* owned: [n][outputs]; NULL for recall */
    int32_t *tokens;          /* owned: [n][T]; NULL for regression */
    int32_t *labels;          /* owned: [n]; NULL for regression */
    int32_t *relevant;        /* owned: [n][slots] positions, then -1: those that hold what the readout needs */
};

/* Which samples of a seed. */
struct samples_range {
    bool test;      /* those of the test set, or of a training step */
    uint32_t step;  /* training: updates done before */
    uint32_t first; /* number of the first sample; samples.n of them follow */
};

/* Room for n samples (zeroed); features = 0 asks for tokens. ERR_MEMORY. Release with samples_free, also after an
 * error. */
enum status samples_init(size_t n, size_t T, size_t features, size_t outputs, size_t slots, struct samples *s);
void samples_free(struct samples *s);
/* Samples first .. first + n - 1 of s, borrowed from it. */
struct samples samples_part(const struct samples *s, size_t first, size_t n);
/* The streams of sample range->first + i: normals for its numbers, choices (uniforms) for everything discrete. */
void samples_streams(uint64_t seed, const struct samples_range *range, size_t i, struct stream *normals,
                     struct stream *choices);

#endif
