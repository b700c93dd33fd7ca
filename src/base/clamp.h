/* Clamps: attention that is held where it should end up, so that what it delays can be told (the key `clamp`).
 *
 *     none                     nothing is held
 *     copy@2                   recall: in layer 2 every value attends to its key, in all heads
 *     select@4.h1              recall: in layer 4, head 1, the query attends to its value (1/B to each copy)
 *     relevant@1               regression: the last position attends to the relevant ones (1/B to each)
 *     uniform@2                every position of that layer or head attends to all (mask=causal: to those before it
 * and itself)
 *     hop@1                    a chain of attentions in flow and toy (hops): that hop is at its right move
 *     copy@2..3000             the same until step 3000 (Transformers)
 *     copy@2/select@4..500     several, with / between them
 *
 * What is held has no gradient: its scores do not learn. As the value of a key it is the number of its text (word.h).
 * */
#ifndef CLAMP_H
#define CLAMP_H
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLAMPS = 16, CLAMP_TEXT = 512 };
#define CLAMP_KINDS(X)                                                                                                 \
    X(CLAMP_COPY, "copy")                                                                                              \
    X(CLAMP_SELECT, "select") X(CLAMP_RELEVANT, "relevant") X(CLAMP_UNIFORM, "uniform") X(CLAMP_HOP, "hop")
enum clamp_kind {
#define AS_ENUMERATOR(name, text) name,
    CLAMP_KINDS(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        CLAMP_KIND_COUNT
};

struct clamp {
    enum clamp_kind kind;
    int layer;     /* from 1; of a hop, the hop */
    int head;      /* from 1; 0: all of the layer */
    int64_t until; /* held before this step; 0: to the end */
};
/* n = 0: none. */
struct clamps {
    size_t n;
    struct clamp list[CLAMPS];
};

/* Text -> clamps. ERR_INPUT: "clamp=..: the rule, the remedy". */
enum status clamp_parse(const char *text, struct clamps *c);
/* The one text of clamps, which clamp_parse reads back. text: CLAMP_TEXT bytes. Returns text. */
char *clamp_text(const struct clamps *c, char *text);
/* "copy", .. */
const char *clamp_kind_name(enum clamp_kind kind);
/* Text -> number of the key (0: none). ERR_INPUT, ERR_MEMORY. */
enum status clamp_value(const char *text, double *value);
/* The number of a key -> its text, borrowed for good; and its clamps. */
const char *clamp_name(double value);
struct clamps clamp_of(double value);
/* Is the clamp held in the step behind `steps` updates? */
bool clamp_holds(const struct clamp *c, int64_t steps);

#endif
