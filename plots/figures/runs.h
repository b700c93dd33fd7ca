/* The runs that a figure shows: those of a study, loaded once, with their curves on demand and their seeds grouped. */
#ifndef RUNS_H
#define RUNS_H
#include "store/store.h"

/* Rows in the order of store_each: all keys, the seed last, so runs that differ by their seed alone are neighbours.
 * Their strings are NULL. All are read at one threshold (reading.h), whatever they were last asked for, or each at its
 * own. Diverged and interrupted runs have neither plateau nor lower bound and are left out. */
struct runs {
    struct store_row *list; /* owned */
    size_t n, allocated;
    size_t interrupted, diverged, unknown; /* runs_load left out: not finished, without a length, ended before the
                                              threshold */
};

/* What a picture of these runs does not show, or not as it is: " 2 diverged, ..", each kind that there is; "" if none.
 * Appended. */
void runs_caveats(const struct runs *runs, struct text *out);

/* Appends the runs of `study` (NULL: all), without those that ended before they came to the threshold. ERR_INPUT: one
 * that was imported did not record it. ERR_DATABASE, ERR_MEMORY. Release with runs_free, also after an error. */
enum status runs_load(struct store *store, const char *study, double threshold, struct runs *runs);
/* Appends one (copied). ERR_MEMORY. */
enum status runs_add(struct runs *runs, const struct store_row *row);
void runs_free(struct runs *runs);

/* A key's value of a row. */
double runs_key(const struct store_row *row, enum key key);
/* The distinct values of `key` over the rows of that model, ascending, into values[most]; returns how many. */
size_t runs_values(const struct runs *runs, enum model model, enum key key, double *values, size_t most);

/* What a row has to be: these keys with these values. */
struct runs_setting {
    size_t n;
    struct {
        enum key key;
        double value;
    } list[4];
};
bool runs_belongs(const struct runs_setting *setting, const struct store_row *row);

/* Keeps the rows that belong. */
void runs_keep(struct runs *runs, const struct runs_setting *setting);
/* Keeps the rows with the largest value of `key` (a study swept at two scales has two sizes in one database). */
void runs_keep_largest(struct runs *runs, enum key key);

/* Of runs that differ by their seed alone keeps the first RUNS_SEEDS: more curves would say no more, and make a picture
 * of many megabytes. */
enum { RUNS_SEEDS = 10 };
void runs_keep_seeds(struct runs *runs);

/* Appends the rows, read at another threshold (reading.h), to *out, without those that did not record it. ERR_SOLVER,
 * ERR_MEMORY. */
enum status runs_read(const struct runs *runs, double threshold, struct runs *out);

/* Runs that differ by their seed alone. Of a group with a censored run, mean and low are lower bounds. Low and high
 * take in the bracket of a length that was evaluated too seldom (result.h). */
struct runs_group {
    const struct store_row *first;
    size_t n;
    double mean, low, high; /* of the plateau length over the seeds */
    bool censored;
};
/* The group that begins at row `from`; returns where the next one begins. */
size_t runs_group_at(const struct runs *runs, size_t from, struct runs_group *group);

/* The curve of a row (overwritten; release with trace_free). ERR_INPUT if none was stored. */
enum status runs_curve(struct store *store, const struct store_row *row, struct trace *curve);
/* Column `name` of row r of a curve. */
double runs_at(const struct trace *curve, size_t r, const char *name);
/* A curve has more rows than a picture shows: the next row to draw after row r, about `most` of them in all, the first
 * and the last among them. A solver's steps are dense where the state changes, so every k-th one is fine on any axis.
 */
size_t runs_next(const struct trace *curve, size_t r, size_t most);

#endif
