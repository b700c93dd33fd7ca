/* A results database as a folder of text that diffs: results in a repository.
 *
 *     FOLDER/STUDY.csv         the runs of a study: columns and order as `plateau export` has them, ids counted anew,
 *                              and at the end of each line its checksum
 *     FOLDER/curves/STUDY.csv  their curves: run (the id in STUDY.csv), then the columns of traces; at most
 *                              ARCHIVE_ROWS evenly spaced rows of each, and the last, with four digits (time: six)
 *
 * Runs come back with all their bits, with their version, host and times; what is read from curves is approximate. The
 * files of a folder may come from several databases: of a run that is in two of them the row that went further counts,
 * and two rows of one library that contradict each other are an error. */
#ifndef ARCHIVE_H
#define ARCHIVE_H
#include "store/store.h"

enum { ARCHIVE_ROWS = 100 };

/* Writes every study of `store` into `folder`, which is made; files of other studies there stay. A run of several
 * studies stands with each, and so does its curve: the files of a study are complete. *studies, *runs: how many;
 * *without: runs of no study, which are left out. ERR_IO, ERR_DATABASE, ERR_MEMORY. */
enum status archive_write(struct store *store, const char *folder, size_t *studies, size_t *runs, size_t *without);
/* Opens what there is for reading: a database, or a folder of results, which is read into memory. The first bad line is
 * ERR_INPUT "FILE:LINE: .."; other errors as store_open. Release *store with store_close; NULL after an error. */
enum status archive_open(const char *path, struct store **store);

#endif
