/* The hash of this program (the store's checksums are another, store_check.c): FNV-1a with 64 bits,
 *
 *     hash <- (hash ^ byte) * 0x100000001b3
 *
 * for every byte, from HASH_START. It names runs, so its values are stored and must stay what they are. It tells what
 * differs, but keeps nobody from forging. */
#ifndef HASH_H
#define HASH_H
#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* One byte; or a whole number, which is quicker where the value is not stored. */
static inline uint64_t hash_number(uint64_t hash, uint64_t number)
{
    return (hash ^ number) * UINT64_C(0x100000001b3);
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n);
/* Its characters, without the NUL. */
uint64_t hash_text(uint64_t hash, const char *text);

#endif
