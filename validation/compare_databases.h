/* The same claims on two databases: what changed from one version of a setting to the next.
 *
 * A verdict changed, or the estimate moved under the same verdict. An estimate a with a 95 % interval of half-width h_a
 * moved to b if |b - a| > sqrt(h_a^2 + h_b^2), the half-width of the difference; one that has no interval (r2, each,
 * final) if it is another number, to 1e-6 of it. Claims on a flow or on keys need no runs: they say nothing about a
 * database and are left out. */
#ifndef COMPARE_DATABASES_H
#define COMPARE_DATABASES_H
#include "validation/claim.h"

/* X(enumerator, name, what it means) */
#define CHANGES(X)                                                                                                     \
    X(CHANGE_VERDICT, "verdict", "verdicts changed")                                                                   \
    X(CHANGE_ESTIMATE, "estimate", "estimates moved under the same verdict")                                           \
    X(CHANGE_ALONE, "alone", "measured in one database alone")                                                         \
    X(CHANGE_NONE, "none", "as before")                                                                                \
    X(CHANGE_NOWHERE, "nowhere", "without runs in either")
enum change {
#define AS_ENUMERATOR(name, text, meaning) name,
    CHANGES(AS_ENUMERATOR)
#undef AS_ENUMERATOR
        CHANGE_COUNT
};

const char *compare_databases_meaning(enum change change);
/* Drops the claims that need no runs, and (study not NULL) those on other studies; returns how many needed none. */
size_t compare_databases_keep(struct claims *claims, const char *study);
/* From the outcome of a claim on one database to that of the same claim on another. */
enum change compare_databases_change(const struct claim *before, const struct claim *after);
/* One entry: "C8.d  reproduced -> deviates  ..", and one JSON object on a line. Appended. */
void compare_databases_text(const struct claim *before, const struct claim *after, struct text *out);
void compare_databases_json(const struct claim *before, const struct claim *after, struct text *out);

#endif
