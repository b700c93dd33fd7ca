/* The root of a function of one number between two points at which its signs differ. */
#ifndef ROOT_H
#define ROOT_H
#include "base/error.h"

/* Its value at x into *y. An error ends the search. */
typedef enum status root_function(void *context, double x, double *y);

struct root {
    root_function *f;
    void *context;
    /* Two points a < b and the values there, of which one is above 0 and the other is not; root_find moves them. */
    double a, fa, b, fb;
    double rtol; /* close enough: b - a <= rtol b .. */
    double ftol; /* .. or |f| <= ftol, and b is that point */
    /* Every so many steps, and where the secant leaves [a, b], the next point is the middle. 0: never. 1: always, and
     * then the sign of f alone matters. */
    int bisect;
    int most; /* steps */
};

/* Closes in on a root by regula falsi with the Illinois correction; r->b is the result.
 *
 *     c = b - f(b) (b - a)/(f(b) - f(a))
 *
 * replaces the point whose value has its sign. When the other point has stayed twice in a row, its value is halved. So
 * the root stays between a and b, and where f is smooth the steps converge superlinearly. Errors are those of f. */
enum status root_find(struct root *r);

#endif
