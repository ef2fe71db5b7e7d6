/* Rows per second into the store: a bare loop of sqlite3_step over prepared inserts (the baseline), ld_store_* called
 * directly, and the writer's thread; then bytes per number, plain and sealed. Interleaved rounds, medians, ratios. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner/run/writer.h"

#define ROUNDS 7
#define OBSERVATIONS 10000u
#define POINTS 20u
#define ROWS (OBSERVATIONS * (POINTS + 1))

static char path[64];

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * LD_SECOND + time.tv_nsec;
}

static void check(int code, const char *what)
{
    if (code == 0)
        return;
    fprintf(stderr, "bench_store: %s: %d\n", what, code);
    exit(3);
}

static void forget_file(void)
{
    char beside[80];
    unlink(path);
    snprintf(beside, sizeof beside, "%s-wal", path);
    unlink(beside);
    snprintf(beside, sizeof beside, "%s-shm", path);
    unlink(beside);
}

static double value_of(uint32_t observation, uint32_t point)
{
    return point % 3 == 0 ? 0.001 * observation * (point + 1) : (double)(4096u * (observation % 1000 + point));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    check(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), sql);
    return statement;
}

static void step(sqlite3_stmt *statement)
{
    check(sqlite3_step(statement) != SQLITE_DONE, "insert");
    sqlite3_reset(statement);
}

/* The least that can be done: the same two tables, one transaction, as few columns as carry the same facts. */
static int64_t bare_loop(void)
{
    sqlite3 *db;
    forget_file();
    check(sqlite3_open(path, &db), "open");
    check(sqlite3_exec(db,
                       "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                       "CREATE TABLE o (run INTEGER, sequence INTEGER, time_ns INTEGER, instance INTEGER, "
                       "incarnation INTEGER, kind TEXT, PRIMARY KEY (run, sequence)) STRICT, WITHOUT ROWID;"
                       "CREATE TABLE p (run INTEGER, sequence INTEGER, ordinal INTEGER, metric INTEGER, value REAL, "
                       "PRIMARY KEY (run, sequence, ordinal)) STRICT, WITHOUT ROWID",
                       NULL, NULL, NULL),
          "schema");
    sqlite3_stmt *insert_o = prepare(db, "INSERT INTO o VALUES (0, ?, ?, 0, 1, 'metrics')");
    sqlite3_stmt *insert_p = prepare(db, "INSERT INTO p VALUES (0, ?, ?, ?, ?)");
    int64_t from_ns = now_ns();
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    for (uint32_t i = 1; i <= OBSERVATIONS; i++) {
        sqlite3_bind_int64(insert_o, 1, i);
        sqlite3_bind_int64(insert_o, 2, i * 250 * LD_MS);
        step(insert_o);
        for (uint32_t j = 0; j < POINTS; j++) {
            sqlite3_bind_int64(insert_p, 1, i);
            sqlite3_bind_int64(insert_p, 2, j);
            sqlite3_bind_int64(insert_p, 3, j + 1);
            sqlite3_bind_double(insert_p, 4, value_of(i, j));
            step(insert_p);
        }
    }
    check(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), "commit");
    int64_t took_ns = now_ns() - from_ns;
    sqlite3_finalize(insert_o);
    sqlite3_finalize(insert_p);
    sqlite3_close(db);
    return took_ns;
}

static struct ld_store *create(void)
{
    static struct ld_fault_case cases[] = {{.name = "none"}};
    static struct ld_scenario scenario = {
        .file = "", .name = "one", .text = "", .fault_case_count = 1, .fault_cases = cases};
    static const struct ld_cell cell = {.scenario = &scenario, .rate = 1, .name = "one"};
    static const struct ld_run_plan run = {.index = 0};
    struct ld_plan plan = {.cell_count = 1, .cells = &cell, .run_count = 1, .runs = &run, .json = "{}"};
    struct ld_store *store = NULL;
    forget_file();
    check(ld_store_create(&store, path, NULL), "create");
    check(ld_store_campaign(store, "c", 1, 2, NULL, 0, NULL), "campaign");
    check(ld_store_plan(store, &plan, NULL), "plan");
    return store;
}

static void fill(struct ld_observation *observation, struct ld_point *points, uint32_t i)
{
    for (uint32_t j = 0; j < POINTS; j++)
        points[j] = (struct ld_point){(enum ld_metric)j, value_of(i, j)};
    *observation = (struct ld_observation){.sequence = i,
                                           .time_ns = i * 250 * LD_MS,
                                           .incarnation = 1,
                                           .kind = LD_OBSERVATION_METRICS,
                                           .point_count = POINTS,
                                           .points = points};
}

static int64_t bytes_of(const char *sql)
{
    sqlite3 *db;
    check(sqlite3_open(path, &db), "open");
    sqlite3_stmt *row = prepare(db, sql);
    check(sqlite3_step(row) != SQLITE_ROW, sql);
    int64_t bytes = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return bytes;
}

static int count_observation(void *context, const struct ld_observation *observation)
{
    *(uint64_t *)context += observation->point_count;
    return 0;
}

struct timings {
    int64_t bare_ns[ROUNDS], direct_ns[ROUNDS], writer_ns[ROUNDS], caller_ns[ROUNDS], seal_ns[ROUNDS],
        replay_ns[ROUNDS];
};

static void direct(struct timings *timings, int round)
{
    struct ld_store *store = create();
    struct ld_observation observation;
    struct ld_point points[POINTS];
    uint64_t replayed = 0;
    int64_t from_ns = now_ns();
    for (uint32_t i = 1; i <= OBSERVATIONS; i++) {
        fill(&observation, points, i);
        check(ld_store_observation(store, 0, &observation, NULL), "observation");
    }
    check(ld_store_commit(store, false, NULL), "commit");
    timings->direct_ns[round] = now_ns() - from_ns;
    struct ld_run_end end = {.reason = ""};
    from_ns = now_ns();
    check(ld_store_run_end(store, 0, &end, NULL), "run end");
    timings->seal_ns[round] = now_ns() - from_ns;
    struct ld_replay_sink sink = {count_observation, NULL, &replayed};
    from_ns = now_ns();
    check(ld_store_replay(store, 0, &sink, NULL), "replay");
    timings->replay_ns[round] = now_ns() - from_ns;
    check(replayed != OBSERVATIONS * POINTS, "points replayed");
    check(ld_store_close(store, NULL), "close");
}

static void through_writer(struct timings *timings, int round, struct ld_writer_statistics *ret_statistics)
{
    struct ld_store *store = create();
    struct ld_writer *writer;
    struct ld_observation observation;
    struct ld_point points[POINTS];
    check(ld_writer_start(&writer, store, NULL, NULL), "start");
    int64_t from_ns = now_ns();
    for (uint32_t i = 1; i <= OBSERVATIONS; i++) {
        fill(&observation, points, i);
        check(ld_writer_observation(writer, 0, &observation), "observation");
    }
    timings->caller_ns[round] = now_ns() - from_ns;
    ld_writer_statistics(writer, ret_statistics);
    check(ld_writer_stop(writer, NULL), "stop");
    timings->writer_ns[round] = now_ns() - from_ns;
    check(ld_store_close(store, NULL), "close");
}

static int by_value(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static double median_seconds(int64_t *times)
{
    qsort(times, ROUNDS, sizeof *times, by_value);
    return (double)times[ROUNDS / 2] / 1e9;
}

int main(void)
{
    struct timings timings;
    struct ld_writer_statistics statistics;
    snprintf(path, sizeof path, "/tmp/bench_store-%ld.db", (long)getpid());
    for (int round = 0; round < ROUNDS; round++) {
        timings.bare_ns[round] = bare_loop();
        direct(&timings, round);
        through_writer(&timings, round, &statistics);
    }
    double bare = median_seconds(timings.bare_ns), direct_s = median_seconds(timings.direct_ns);
    double writer = median_seconds(timings.writer_ns), caller = median_seconds(timings.caller_ns);
    printf("%u rows in %u observations, medians of %d rounds; ratio: time against the bare loop\n", ROWS, OBSERVATIONS,
           ROUNDS);
    printf("  bare sqlite3_step loop  %7.0f krows/s  1.00\n", ROWS / bare / 1e3);
    printf("  ld_store_observation    %7.0f krows/s  %.2f\n", ROWS / direct_s / 1e3, direct_s / bare);
    printf("  writer, until durable   %7.0f krows/s  %.2f\n", ROWS / writer / 1e3, writer / bare);
    printf("  writer, what the caller spends %.2f us an observation, waiting for room included\n",
           caller / OBSERVATIONS * 1e6);
    printf("  writer's last round: the queue was full %llu times, for %.1f ms in all\n",
           (unsigned long long)statistics.waits, (double)statistics.waited_ns / 1e6);
    printf("  sealing %.2f us a number, replay %.2f us a number\n",
           median_seconds(timings.seal_ns) / (OBSERVATIONS * POINTS) * 1e6,
           median_seconds(timings.replay_ns) / (OBSERVATIONS * POINTS) * 1e6);
    double numbers = OBSERVATIONS * POINTS;
    double plain =
        (double)bytes_of("SELECT sum(pgsize) FROM dbstat WHERE name = 'point'"); /* the writer's run goes on */
    struct ld_store *store;
    struct ld_run_end end = {.reason = ""};
    check(ld_store_open(&store, path, true, NULL), "open");
    check(ld_store_run_end(store, 0, &end, NULL), "run end");
    check(ld_store_close(store, NULL), "close");
    double sealed = (double)bytes_of("SELECT sum(pgsize) FROM dbstat WHERE name = 'series'");
    printf("  bytes a number: plain %.1f, sealed %.1f\n", plain / numbers, sealed / numbers);
    forget_file();
    return 0;
}
