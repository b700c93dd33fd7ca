/* Errors: one list of codes, one message per thread, no exit but main's.
 *
 * A function that can fail returns enum status and leaves a message that names the thing, the rule and the remedy:
 *     return error_set(ERR_INPUT, "T=%d B=%d: B must be smaller than T", T, B);
 * Callers pass the status up with TRY, through one label `done` at which they free what they own. */
#ifndef ERROR_H
#define ERROR_H

/* X(code, exit code of the program, what it means) */
#define ERROR_CODES(X)                                                                                                 \
    X(OK, 0, "done")                                                                                                   \
    X(ERR_DEVIATES, 1, "a verdict deviates, or of two databases has changed (--strict)")                               \
    X(ERR_INPUT, 2, "bad input: keys, options, files")                                                                 \
    X(ERR_DAMAGED, 2, "a damaged checkpoint")                                                                          \
    X(ERR_MEMORY, 3, "out of memory")                                                                                  \
    X(ERR_IO, 3, "a file or the disk failed")                                                                          \
    X(ERR_SOLVER, 3, "CVODE or GSL failed")                                                                            \
    X(ERR_DATABASE, 3, "the results database failed")                                                                  \
    X(ERR_PROGRAM, 3, "another program (gnuplot) or a worker process failed")                                          \
    X(ERR_REQUEUE, 75, "checkpointed on request: run the same command again")                                          \
    X(ERR_INTERRUPTED, 130, "interrupted after everything finished was saved")

enum status {
#define AS_ENUM(code, exit_code, text) code,
    ERROR_CODES(AS_ENUM)
#undef AS_ENUM
};

/* Records the message (printf style, cut at 1023 bytes, control characters replaced) for the calling thread; returns
 * `code`, for `return error_set(..)`. */
enum status error_set(enum status code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts "prefix: " before the recorded message; returns `code`. Use it to say where (a file, a line, a run). */
enum status error_prefix(enum status code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The message of the last error_set of this thread, "" if none. Borrowed: valid until the next error_set. */
const char *error_message(void);
/* Exit code of the program for `code` (0, 1, 2, 3, 75, 130). */
int error_exit_code(enum status code);

/* In a function with `enum status rc = OK;` and a label `done`. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        if ((rc = (call)) != OK)                                                                                       \
            goto done;                                                                                                 \
    } while (0)
#define REQUIRE(condition, code, ...)                                                                                  \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            rc = error_set(code, __VA_ARGS__);                                                                         \
            goto done;                                                                                                 \
        }                                                                                                              \
    } while (0)

#endif
