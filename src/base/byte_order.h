/* Between this machine's order of bytes and little-endian, which files have: the same operation both ways. <endian.h>
 * has other names on each system, and is not on all of them; these are GCC's and Clang's own. */
#ifndef BYTE_ORDER_H
#define BYTE_ORDER_H
#include <stdint.h>

static inline uint32_t byte_order_little32(uint32_t x)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(x) : x;
}

static inline uint64_t byte_order_little64(uint64_t x)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(x) : x;
}

#endif
