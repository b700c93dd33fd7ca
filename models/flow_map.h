/* A map of plateau lengths of the reduced flow over two of its parameters: a million pixels in seconds.
 *
 * The flow starts at zero, with unit columns. Its equations take real T, d and B, so a pixel need not be at whole
 * numbers; one with B > T - 1 is empty. Each pixel is found in the cheapest way whose error is known to be below 0.1 %:
 *
 *     closed         the closed form, where its largest error has been measured (prediction_closed_error)
 *     interpolated   ln T_pl is smooth in the parameters. Over a rectangle of pixels it is the polynomial through 6 x 6
 *                    integrations at Chebyshev points, held against 5 x 5 more between them, where such a polynomial is
 *                    worst. The error noted is twice the largest found there; over 0.1 % the rectangle is cut in four.
 *     integrated     what is then left in pieces of at most 4 x 4 pixels, each by itself
 *
 * The rectangles do not depend on the number of threads, nor on what else the map holds, so the pixels are the same
 * bits for any. */
#ifndef FLOW_MAP_H
#define FLOW_MAP_H
#include "base/keys.h"

enum { FLOW_MAP_MOST = 4096 }; /* pixels along an axis */

/* n >= 2 pixels whose centres go from `first` to `last`: geometrically for T, d and B, evenly for p and threshold. */
struct flow_map_axis {
    enum key key;
    double first, last;
    size_t n;
};
bool flow_map_has(enum key key);
bool flow_map_is_geometric(enum key key);
/* The parameter at pixel i. */
double flow_map_value(const struct flow_map_axis *axis, double i);

#define FLOW_MAP_METHODS(X)                                                                                            \
    X(FLOW_MAP_EMPTY, "empty")                                                                                         \
    X(FLOW_MAP_CLOSED, "closed") X(FLOW_MAP_INTERPOLATED, "interpolated") X(FLOW_MAP_INTEGRATED, "integrated")
enum flow_map_method {
#define AS_ENUMERATOR(enumerator, name) enumerator,
    FLOW_MAP_METHODS(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        FLOW_MAP_METHOD_COUNT
};
const char *flow_map_method_name(enum flow_map_method method);

/* The pixel of column i and row j is number i + x.n j. */
struct flow_map {
    struct flow_map_axis x, y;
    struct keys keys;      /* the other parameters */
    float *plateau;        /* owned; NaN where empty */
    float *error;          /* owned; relative, the largest known or measured */
    unsigned char *method; /* owned */
    size_t integrations;
};

/* Fills map->plateau, .. for the axes and keys that the caller has put into *map. ERR_INPUT: another preset than the
 * flow, a start other than zero, a target without unit columns, a schedule, an axis that is none (flow_map_has), is
 * given twice, or leaves its key's range; ERR_SOLVER; ERR_MEMORY; ERR_INTERRUPTED once *stop (may be NULL) is set.
 * Release with flow_map_free, also after an error. */
enum status flow_map_compute(struct flow_map *map, size_t threads, const volatile int *stop);
void flow_map_free(struct flow_map *map);

/* What random pixels are off the integrated flow, by method. */
struct flow_map_check {
    size_t n[FLOW_MAP_METHOD_COUNT];
    double largest[FLOW_MAP_METHOD_COUNT]; /* |pixel/flow - 1| */
};
/* n pixels drawn with `seed`; empty ones are counted, not compared. */
enum status flow_map_check(const struct flow_map *map, size_t n, uint64_t seed, struct flow_map_check *check);

#endif
