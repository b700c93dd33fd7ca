/* Two number types, fixed when a file is compiled.
 *
 *     real      what parameters, the residual stream, softmax, losses and gradients are made of: float. The tests
 *               compile the same sources a second time with real = double (-DREAL_IS_DOUBLE): there every product is
 *               exact enough for central differences to judge the gradient.
 *     element   what the factors of matrix products are stored in: real, or bfloat16 (-DELEMENT_IS_BF16), which is the
 *               upper half of a float, rounded to nearest even.
 *
 * Code outside this directory sees elements as bytes (kernels.element_size). */
#ifndef REAL_H
#define REAL_H
#include <stdint.h>
#include <string.h>

#ifdef REAL_IS_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#ifdef ELEMENT_IS_BF16
typedef uint16_t element;
#define ELEMENT_NAME(name) name##_bf16
#define ELEMENT_ROUNDS 1

static inline real element_value(element x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* NaN stays NaN: its carry must not run into the sign. */
static inline element element_of(real value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
    return (element)((bits & 0x7FFFFFFFu) > 0x7F800000u ? bits >> 16 | 0x40u : rounded);
}
#else
typedef real element;
#define ELEMENT_NAME(name) name##_real
#define ELEMENT_ROUNDS 0

static inline real element_value(element x)
{
    return x;
}

static inline element element_of(real value)
{
    return value;
}
#endif
#endif
