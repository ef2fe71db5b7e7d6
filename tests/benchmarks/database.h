/* What a benchmark asks a campaign's database. Failures end the benchmark. */
#ifndef LD_BENCHMARKS_DATABASE_H
#define LD_BENCHMARKS_DATABASE_H

#include <sqlite3.h>

/* Each row of the answer, to `take`. */
void bench_query(const char *database, const char *sql, void (*take)(void *context, sqlite3_stmt *row), void *context);
/* The one number of the one row. */
double bench_query_number(const char *database, const char *sql);
/* Removes the file and SQLite's side files, where they are. */
void bench_forget_database(const char *database);

#endif
