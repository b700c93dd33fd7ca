/* hold_lock F.db SECONDS: holds a reader's lock on a database, so that nobody can write. Says so on stdout first. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    sqlite3 *db;
    if (argc != 3 || sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        return 2;
    sqlite3_busy_timeout(db, 60000);
    if (sqlite3_exec(db, "BEGIN; SELECT count(*) FROM runs", NULL, NULL, NULL) != SQLITE_OK)
        return 3;
    puts("locked");
    fflush(stdout);
    usleep((useconds_t)(1e6 * strtod(argv[2], NULL)));
    return sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ? 0 : 3;
}
