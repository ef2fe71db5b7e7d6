#include "database.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "target.h"

void bench_query(const char *database, const char *sql, void (*take)(void *context, sqlite3_stmt *row), void *context)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    int code;
    bench_check(sqlite3_open_v2(database, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK, "open the database");
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
        exit(3);
    }
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        take(context, statement);
    bench_check(code == SQLITE_DONE, "read the database");
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void take_number(void *context, sqlite3_stmt *row)
{
    *(double *)context = sqlite3_column_double(row, 0);
}

double bench_query_number(const char *database, const char *sql)
{
    double number = 0;
    bench_query(database, sql, take_number, &number);
    return number;
}

void bench_forget_database(const char *database)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[256];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s%s", database, ends[i]);
        unlink(path);
    }
}
