/* SIGKILL at random instants: the file opens clean and every run whose end was acknowledged is there, whole. */
#include "sample.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "groups.h"

#define KILLS 40
#define OBSERVATIONS 12
#define RUNS 30

/* Each write is acknowledged with one byte: 'w', or 'e' when a run has ended. Never returns. */
static void write_until_killed(const char *path, int acknowledge)
{
    struct ld_error error = {0};
    struct ld_store *store = NULL;
    struct ld_run_end end = {.reason = ""};
    struct ld_point points[3] = {{LD_METRIC_RSS, 1}, {LD_METRIC_CPU, 0.5}, {LD_METRIC_GOROUTINES, 3}};
    int code = ld_store_create(&store, path, &error);
    if (code == 0)
        code = ld_store_campaign(store, "c", 1, 2, NULL, 0, &error);
    if (code == 0)
        code = ld_store_plan(store, sample_plan(), &error);
    for (uint32_t run = 0; run < RUNS && code == 0; run++) {
        code = ld_store_run_begin(store, run, 1, &error);
        for (uint64_t i = 1; i <= OBSERVATIONS && code == 0; i++) {
            struct ld_observation o = {
                .sequence = i, .incarnation = 1, .kind = LD_OBSERVATION_METRICS, .point_count = 3, .points = points};
            code = ld_store_observation(store, run, &o, &error);
            if (code == 0 && i % 5 == 0)
                code = ld_store_commit(store, false, &error);
            if (code == 0 && write(acknowledge, "w", 1) != 1)
                _exit(1);
        }
        if (code == 0)
            code = ld_store_run_end(store, run, &end, &error);
        if (code == 0 && write(acknowledge, "e", 1) != 1)
            _exit(1);
    }
    if (code)
        fprintf(stderr, "%s\n", error.message);
    _exit(code ? 1 : 0);
}

/* Read acknowledgements, kill after so many, read the rest; how many runs had ended. */
static uint32_t kill_after(pid_t child, int acknowledged, uint64_t count)
{
    uint32_t ended = 0;
    char byte;
    while (read(acknowledged, &byte, 1) == 1) {
        ended += byte == 'e';
        if (count-- == 0)
            kill(child, SIGKILL);
    }
    return ended;
}

static int count_points(void *context, const struct ld_observation *o)
{
    size_t *sum = context;
    *sum += o->point_count;
    return 0;
}

static void check_file(const char *path, uint32_t ended)
{
    sqlite3 *db;
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(row, 0), "ok");
    sqlite3_finalize(row);
    sqlite3_close(db);
    struct ld_error error = {0};
    struct ld_store *store;
    struct ld_arena *arena = ld_arena_new((size_t)1 << 20);
    uint32_t *runs;
    size_t count;
    assert_done(ld_store_open(&store, path, false, &error), &error);
    assert_done(ld_store_read_runs(store, &runs, &count, arena, &error), &error);
    assert_in_range(count, ended, ended + 1); /* the last one may have ended unheard */
    for (size_t i = 0; i < count; i++) {
        size_t points = 0;
        struct ld_replay_sink sink = {count_points, NULL, &points};
        assert_int_equal(runs[i], i);
        assert_done(ld_store_replay(store, runs[i], &sink, &error), &error);
        assert_int_equal(points, 3 * OBSERVATIONS);
    }
    assert_done(ld_store_close(store, &error), &error);
    ld_arena_free(arena);
}

static void killed_at_random(void **state)
{
    (void)state;
    struct ld_random random;
    int killed = 0;
    ld_random_init(&random, 99);
    for (int i = 0; i < KILLS; i++) {
        int channel[2];
        sample_folder();
        assert_int_equal(pipe(channel), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(channel[0]);
            write_until_killed(sample_path("killed.db"), channel[1]);
        }
        close(channel[1]);
        uint32_t ended = kill_after(child, channel[0], ld_random_below(&random, RUNS * (OBSERVATIONS + 1)));
        close(channel[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        killed += WIFSIGNALED(status);
        check_file(sample_path("killed.db"), ended);
        sample_clean();
    }
    assert_in_range(killed, KILLS / 4, KILLS); /* else it was no test */
}

int test_crash(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_at_random)};
    return cmocka_run_group_tests_name("store: crash", tests, NULL, NULL);
}
