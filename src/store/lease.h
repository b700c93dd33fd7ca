/* Leases say which sweep makes which run, so that sweeps which share a database, on one machine or on several with a
 * shared folder, make each run once.
 *
 *     F.db.leases, an SQLite file     sweeps(owner, host, process, beat), leases(hash, owner)
 *
 * The file lies beside the database, because it must not wait for the database's readers and need not survive a power
 * cut. Each sweep raises its beat every few seconds. A lease is free again when its process is gone from this machine,
 * or when its beat has not moved for some time as this process sees it: no clocks are compared. The last sweep to end
 * removes the file.
 *
 * Leases only save work: where the file cannot be used, a line on stderr says so, every run is granted, and a run that
 * two sweeps make is saved twice, with the same bits. */
#ifndef LEASE_H
#define LEASE_H
#include "base/error.h"
#include <stdbool.h>

struct leases;

/* Joins the sweeps of the database at `database`; others are given up when their beat rests for `rest_s` seconds.
 * Release with lease_close. ERR_MEMORY. */
enum status lease_open(const char *database, double rest_s, struct leases **leases);
/* Shows that this sweep is alive: to be called much more often than every `rest_s` seconds. No thread does it, because
 * the sweep forks its workers. */
void lease_beat(struct leases *leases);
/* Is the run with this hash this sweep's to make? It is until lease_return. */
bool lease_take(struct leases *leases, const char *hash);
void lease_return(struct leases *leases, const char *hash);
/* Returns all leases; true if no other sweep is at work on the database, false if one is or may be. NULL is allowed. */
bool lease_close(struct leases *leases);

#endif
