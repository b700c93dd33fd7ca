/* CLONES before a function: it exists once per instruction set, and the best that the processor has is taken at run
 * time. That needs glibc, ELF and GCC; elsewhere there is one version. (Clang gives the resolver of a static function a
 * global name, so that two files with a function of the same name cannot be linked; version 14 does so.) With
 * -ffp-contract=off all versions of a loop over elements give the same bits. */
#ifndef CLONES_H
#define CLONES_H
#include <stdlib.h> /* defines __GLIBC__ */

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
#define WITH_CLONES 1
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WITH_CLONES 0
#define CLONES
#endif

#endif
