/* The command line: one table of options, one of commands; parser, help and man page come from them. */
#ifndef CLI_H
#define CLI_H
#include "error.h"
#include <stdbool.h>
#include <stddef.h>

/* X(name, field type, argument or NULL, meaning) */
#define OPTIONS(X)                                                                                                     \
    X(json, FLAG, NULL, "one JSON object per run and line on stdout")                                                  \
    X(quiet, FLAG, NULL, "no progress")                                                                                \
    X(trace, TEXT, "FILE.csv", "write the trace of the run (one run only)")                                            \
    X(jobs, NUMBER, "N", "worker processes (default: one a core)")

struct arguments {
    const char **assignments; /* key=value; owned array of borrowed strings */
    size_t n_assignments;
    const char **files;       /* the other words; owned array of borrowed strings */
    size_t n_files;
#define FIELD_FLAG bool
#define FIELD_TEXT const char *
#define FIELD_NUMBER size_t
#define AS_FIELD(name, type, argument, meaning) FIELD_##type name;
    OPTIONS(AS_FIELD)
#undef AS_FIELD
};

/* X(name, what follows it, options it takes (names between blanks), one line) */
#define COMMANDS(X)                                                                                                    \
    X(flow, "key=value..", " json quiet trace jobs ", "integrate the reduced flow; plateau length beside every prediction") \
    X(train, "key=value..", " json quiet trace jobs ", "train the toy model with all its parameters")                  \
    X(keys, "[KEY]", " ", "every key: type, default, range, unit, meaning")                                            \
    X(help, "[COMMAND]", " ", "this page, or a command's")                                                             \
    X(man, "", " ", "the man page, as roff")                                                                           \
    X(cite, "", " ", "how to cite the paper and the program")

#define AS_PROTOTYPE(name, ...) enum status command_##name(const struct arguments *a);
COMMANDS(AS_PROTOTYPE)
#undef AS_PROTOTYPE

/* Writes bytes to stdout; ERR_IO when that fails (a full disk, a closed pipe). */
enum status cli_print(const char *bytes, size_t n);

#endif
