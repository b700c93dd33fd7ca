#include "store/lease.h"
#include "base/list.h"
#include "base/progress.h"
#include "store/store_sql.h"
#include "base/text.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LEASES_ID = 0x506c6c73, /* "Plls", in the header of the file */
    BEAT_S = 5,
    BUSY_MS = 10000,
    MOST_TRIES = 1000, /* to join while others leave */
    OWNER = 160
};

/* Another sweep, as this one sees it. */
struct other {
    char owner[OWNER];
    sqlite3_int64 beat;
    double since; /* when this beat was first seen, progress_clock */
};

struct leases {
    struct text path; /* owned */
    sqlite3 *db;      /* owned; NULL: leases are not used */
    char owner[OWNER];
    double rest_s;
    struct other *others; /* owned */
    size_t n_others, allocated;
    double beaten; /* when this one's beat was last raised, progress_clock */
};

/* ---- processes ---- */

/* The first line of a file; "" if it cannot be read. */
static void line_of(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "r");
    *line = '\0';
    if (file && !fgets(line, size, file))
        *line = '\0';
    if (file)
        fclose(file);
    line[strcspn(line, "\n")] = '\0';
}

/* Names this machine since its last start, and the space of process numbers here (a container has its own). */
static void machine(char name[OWNER])
{
    char boot[64] = "", numbers[64] = "";
    line_of("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    const ssize_t n = readlink("/proc/self/ns/pid", numbers, sizeof numbers - 1);
    numbers[n > 0 ? n : 0] = '\0';
    snprintf(name, OWNER, "%.40s/%.40s/", boot, numbers);
}

/* "MACHINE/NUMBER/START" of a process; without START if it does not live here. */
static void identify(long process, char owner[OWNER])
{
    char here[OWNER], path[64], stat[512];
    machine(here);
    snprintf(path, sizeof path, "/proc/%ld/stat", process);
    line_of(path, stat, sizeof stat);
    char *field = strrchr(stat, ')'), *rest = NULL; /* its name may hold blanks: the state follows it */
    const bool ended = field && strchr("ZX", field[1] ? field[2] : 'X');
    field = field ? strtok_r(field + 1, " ", &rest) : NULL;
    for (int i = 3; field && i < 22; i++)
        field = strtok_r(NULL, " ", &rest);
    snprintf(owner, OWNER, "%.90s%ld/%.30s", here, process, ended || !field ? "" : field);
}

/* Is the process gone from this machine? Of processes on other machines nothing is known. */
static bool is_gone(const char *owner, long process)
{
    char here[OWNER], now[OWNER];
    machine(here);
    if (strlen(here) < 10 || strncmp(owner, here, strlen(here)) != 0)
        return false;
    identify(process, now);
    return strcmp(now, owner) != 0;
}

/* ---- the file ---- */

/* From here on the file is not used any more; a line says why, once. */
static void give_up(struct leases *l, const char *why)
{
    fprintf(stderr,
            "plateau: %s: %s: other sweeps of this database may make the same runs; when none is at work, remove "
            "this file\n",
            l->path.data ? l->path.data : "leases", why);
    sqlite3_close(l->db);
    l->db = NULL;
}

static bool execute(struct leases *l, const char *sql)
{
    return sqlite3_exec(l->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Runs a statement with up to two texts and a number; *value, if not NULL, is the first column of its first row, or -1.
 */
static bool run(struct leases *l, const char *sql, const char *a, const char *b, sqlite3_int64 number,
                sqlite3_int64 *value)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(l->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return false;
    sqlite3_bind_text(statement, 1, a, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, b, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, number);
    const int code = sqlite3_step(statement);
    if (value)
        *value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* Has the file been removed, or another put in its place? This is certain only inside a transaction that writes. */
static bool has_moved(struct leases *l)
{
    int moved = 1;
    return sqlite3_file_control(l->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || moved;
}

/* Opens the file, or makes it, and begins to write. If it returns false, either the file was removed meanwhile
 * (*moved), or it cannot be opened or is not one of plateau's, which *why or sqlite3_errmsg explains. The journal is
 * kept in memory: one on the disk would have the same name as the journal of the file that another sweep makes next. */
static bool connect(struct leases *l, const char **why, bool *moved)
{
    struct stat info;
    sqlite3_int64 id = 0, objects = 0;
    *why = NULL;
    *moved = false;
    if (lstat(l->path.data, &info) == 0 && !S_ISREG(info.st_mode)) {
        *why = "not a regular file";
        return false;
    }
    if (sqlite3_open_v2(l->path.data, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return false;
    sqlite3_extended_result_codes(l->db, 1);
    sqlite3_busy_timeout(l->db, BUSY_MS);
    store_distrust(l->db);
    if (!execute(l, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; BEGIN IMMEDIATE") ||
        (*moved = has_moved(l)) || !run(l, "PRAGMA application_id", NULL, NULL, 0, &id) ||
        !run(l, "SELECT count(*) FROM sqlite_master", NULL, NULL, 0, &objects))
        return false;
    if (objects && id != LEASES_ID) {
        *why = "an SQLite database of another program";
        return false;
    }
    return true;
}

static bool join(struct leases *l, const char **why, bool *moved)
{
    char host[64] = "", sql[256];
    gethostname(host, sizeof host - 1);
    snprintf(sql, sizeof sql,
             "PRAGMA application_id = %d;"
             "CREATE TABLE IF NOT EXISTS sweeps(owner TEXT PRIMARY KEY, host TEXT, process INTEGER, beat INTEGER);"
             "CREATE TABLE IF NOT EXISTS leases(hash TEXT PRIMARY KEY, owner TEXT)",
             LEASES_ID);
    return connect(l, why, moved) && execute(l, sql) &&
           run(l, "INSERT OR REPLACE INTO sweeps(owner, host, process, beat) VALUES(?1, ?2, ?3, 0)", l->owner, host,
               getpid(), NULL) &&
           execute(l, "COMMIT");
}

/* ---- the interface ---- */

enum status lease_open(const char *database, double rest_s, struct leases **leases)
{
    enum status rc = OK;
    const char *why = NULL;
    bool joined = false;
    char *real = realpath(database, NULL); /* the same file under whatever name the database was given */
    struct leases *l = calloc(1, sizeof *l);
    REQUIRE(l, ERR_MEMORY, "out of memory for the leases of runs");
    l->rest_s = rest_s;
    text_addf(&l->path, "%s.leases", real ? real : database);
    TRY(text_status(&l->path));
    identify(getpid(), l->owner);
    for (int i = 0; i < MOST_TRIES && !joined; i++) {
        bool moved;
        joined = join(l, &why, &moved);
        if (!joined && !moved)
            break;
        if (!joined) { /* the last one removed it meanwhile */
            sqlite3_close(l->db);
            l->db = NULL;
        }
    }
    if (!joined)
        give_up(l, why ? why : l->db ? sqlite3_errmsg(l->db) : "out of memory");
    l->beaten = progress_clock();
done:
    free(real);
    if (rc != OK) {
        lease_close(l);
        l = NULL;
    }
    *leases = l;
    return rc;
}

/* Has the beat of sweep `owner`, which is `now`, not moved for too long? */
static bool rests(struct leases *l, const char *owner, sqlite3_int64 now)
{
    struct other *o = l->others;
    while (o < l->others + l->n_others && strcmp(o->owner, owner) != 0)
        o++;
    if (o == l->others + l->n_others) {
        if (list_room(&l->others, l->n_others, &l->allocated, sizeof *l->others, "sweeps") != OK)
            return false;
        o = &l->others[l->n_others++];
        snprintf(o->owner, sizeof o->owner, "%s", owner);
        o->beat = now - 1;
    }
    if (o->beat != now)
        o->since = progress_clock();
    o->beat = now;
    return progress_clock() - o->since > l->rest_s;
}

/* Is the run free: leased by nobody, or by a sweep that is gone or whose beat rests? *ok: the file could be read. */
static bool is_free(struct leases *l, const char *hash, bool *ok)
{
    sqlite3_stmt *row = NULL;
    *ok = sqlite3_prepare_v2(l->db,
                             "SELECT owner, process, beat FROM leases LEFT JOIN sweeps USING (owner) WHERE hash = ?1",
                             -1, &row, NULL) == SQLITE_OK;
    sqlite3_bind_text(row, 1, hash, -1, SQLITE_STATIC);
    const int code = *ok ? sqlite3_step(row) : SQLITE_ERROR;
    bool yes = code == SQLITE_DONE;
    *ok = code == SQLITE_ROW || code == SQLITE_DONE;
    if (code == SQLITE_ROW) {
        const char *owner = (const char *)sqlite3_column_text(row, 0);
        yes = !owner || !strcmp(owner, l->owner) || sqlite3_column_type(row, 1) == SQLITE_NULL ||
              is_gone(owner, (long)sqlite3_column_int64(row, 1)) || rests(l, owner, sqlite3_column_int64(row, 2));
    }
    sqlite3_finalize(row);
    return yes;
}

void lease_beat(struct leases *l)
{
    const double now = progress_clock();
    if (!l->db || now - l->beaten < BEAT_S)
        return;
    l->beaten = now;
    run(l, "UPDATE sweeps SET beat = beat + 1 WHERE owner = ?1", l->owner, NULL, 0, NULL);
}

bool lease_take(struct leases *l, const char *hash)
{
    bool ok = true, mine = true;
    if (l->db)
        mine = is_free(l, hash, &ok); /* only reads, and so keeps nobody from writing */
    if (l->db && ok && mine) {
        ok = execute(l, "BEGIN IMMEDIATE") && !has_moved(l);
        mine = ok && is_free(l, hash, &ok);
        if (ok && mine)
            ok = run(l, "INSERT OR REPLACE INTO leases(hash, owner) VALUES(?1, ?2)", hash, l->owner, 0, NULL);
        ok = ok && execute(l, "COMMIT");
    }
    if (!ok)
        give_up(l, has_moved(l) ? "it was removed or replaced" : sqlite3_errmsg(l->db));
    return mine || !ok;
}

void lease_return(struct leases *l, const char *hash)
{
    if (l->db && !run(l, "DELETE FROM leases WHERE hash = ?1 AND owner = ?2", hash, l->owner, 0, NULL))
        give_up(l, sqlite3_errmsg(l->db));
}

/* Takes this sweep out of the file, and removes the file if no living sweep is left in it: returns true. No sweep can
 * join while this one holds the lock, and a sweep that waits for the lock finds the file moved. */
static bool leave(struct leases *l)
{
    sqlite3_stmt *row = NULL;
    bool last = true;
    if (!execute(l, "BEGIN EXCLUSIVE") || has_moved(l) ||
        !run(l, "DELETE FROM leases WHERE owner = ?1", l->owner, NULL, 0, NULL) ||
        !run(l, "DELETE FROM sweeps WHERE owner = ?1", l->owner, NULL, 0, NULL) ||
        sqlite3_prepare_v2(l->db, "SELECT owner, process, beat FROM sweeps", -1, &row, NULL) != SQLITE_OK)
        return false;
    while (sqlite3_step(row) == SQLITE_ROW) {
        const char *owner = (const char *)sqlite3_column_text(row, 0);
        last = last && owner &&
               (is_gone(owner, (long)sqlite3_column_int64(row, 1)) || rests(l, owner, sqlite3_column_int64(row, 2)));
    }
    sqlite3_finalize(row);
    if (last)
        unlink(l->path.data);
    return execute(l, "COMMIT") && last;
}

bool lease_close(struct leases *l)
{
    bool last = false;
    if (!l)
        return false;
    if (l->db)
        last = leave(l);
    sqlite3_close(l->db);
    text_free(&l->path);
    free(l->others);
    free(l);
    return last;
}
