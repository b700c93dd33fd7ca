/* Where the running program lies: what differs from system to system, behind one function. */
#ifndef PROGRAM_H
#define PROGRAM_H
#include <stdbool.h>
#include <stddef.h>

/* The path of the program's own file, links resolved, into path[size]. false, and "", where the system does not tell
 * (Linux without /proc, a system that is not in program.c) or the path does not fit; there is no message, since every
 * caller has another way. */
bool program_path(char *path, size_t size);

#endif
