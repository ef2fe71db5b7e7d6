/* What goes in comes out, to the bit and in the same order. */
#include "sample.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"

#define COUNT 400

struct expectation {
    struct ld_observation observations[COUNT];
    struct ld_truth_event events[2 * COUNT + 1];
    size_t event_count;
    size_t next_observation, next_event;
    uint64_t last_sequence;
    int stop_at;
};

static int check_observation(void *context, const struct ld_observation *o)
{
    struct expectation *expected = context;
    assert_in_range(expected->next_observation, 0, COUNT - 1);
    sample_same_observation(o, &expected->observations[expected->next_observation++]);
    expected->last_sequence = o->sequence;
    return expected->stop_at && o->sequence == (uint64_t)expected->stop_at ? 4242 : 0;
}

static int check_truth(void *context, const struct ld_truth_event *event)
{
    struct expectation *expected = context;
    assert_true(expected->next_event < expected->event_count);
    sample_same_event(event, &expected->events[expected->next_event++]);
    assert_int_equal(expected->last_sequence, event->after_sequence);
    return 0;
}

static void add_event(struct expectation *expected, struct ld_random *random, uint64_t after, struct ld_store *store,
                      struct ld_arena *arena)
{
    struct ld_error error = {0};
    struct ld_truth_event *event = &expected->events[expected->event_count++];
    sample_truth_event(random, after, event, arena);
    assert_done(ld_store_truth_event(store, 3, event, &error), &error);
}

static void replay_and_compare(struct ld_store *store, struct expectation *expected)
{
    struct ld_error error = {0};
    struct ld_replay_sink sink = {check_observation, check_truth, expected};
    expected->next_observation = expected->next_event = 0;
    expected->last_sequence = 0;
    assert_done(ld_store_replay(store, 3, &sink, &error), &error);
    assert_int_equal(expected->next_observation, COUNT);
    assert_int_equal(expected->next_event, expected->event_count);
}

/* Before the run's end (plain rows), after it (series), and from the file opened again. */
static void everything_comes_back(void **state)
{
    (void)state;
    sample_folder();
    struct ld_error error = {0};
    struct ld_arena *arena = ld_arena_new((size_t)512 << 20);
    struct expectation *expected = calloc(1, sizeof *expected);
    struct ld_store *store = sample_store(sample_path("a.db"));
    struct ld_random random;
    ld_random_init(&random, 20261121);
    add_event(expected, &random, 0, store, arena); /* before anything was observed */
    for (uint64_t i = 0; i < COUNT; i++) {
        sample_observation(&random, i + 1, &expected->observations[i], arena);
        assert_done(ld_store_observation(store, 3, &expected->observations[i], &error), &error);
        for (uint64_t n = ld_random_below(&random, 3); n > 0; n--)
            add_event(expected, &random, i + 1, store, arena);
    }
    replay_and_compare(store, expected);
    struct ld_run_end end = {.reason = ""};
    assert_done(ld_store_run_end(store, 3, &end, &error), &error);
    replay_and_compare(store, expected);
    assert_done(ld_store_close(store, &error), &error);
    assert_done(ld_store_open(&store, sample_path("a.db"), false, &error), &error);
    replay_and_compare(store, expected);
    expected->stop_at = 7; /* a callback ends the replay with its own code */
    expected->next_observation = expected->next_event = 0;
    expected->last_sequence = 0;
    struct ld_replay_sink sink = {check_observation, check_truth, expected};
    assert_int_equal(ld_store_replay(store, 3, &sink, &error), 4242);
    assert_int_equal(expected->next_observation, 7);
    assert_fails(ld_store_replay(store, 999, &sink, &error), LD_ENOENT, &error, "has no run 999", "a.db");
    assert_done(ld_store_close(store, &error), &error);
    free(expected);
    ld_arena_free(arena);
    sample_clean();
}

static int count_points(void *context, const struct ld_observation *o)
{
    size_t *sum = context;
    *sum += o->point_count;
    for (size_t i = 0; i < o->point_count; i++)
        assert_true(o->points[i].value == (double)o->sequence + 0.25 * (double)i);
    return 0;
}

/* More samples of one metric than a piece holds; a sequence and a time beyond 32 bits. */
static void long_series(void **state)
{
    (void)state;
    sample_folder();
    struct ld_error error = {0};
    struct ld_store *store = sample_store(sample_path("long.db"));
    struct ld_point points[2] = {{.metric = LD_METRIC_RSS}, {.metric = LD_METRIC_RSS}};
    for (uint64_t i = 0; i < 5000; i++) {
        struct ld_observation o = {.sequence = i < 4999 ? i + 1 : UINT64_C(1) << 40,
                                   .time_ns = (int64_t)(i * i * 9999991),
                                   .incarnation = 1,
                                   .kind = LD_OBSERVATION_METRICS,
                                   .point_count = 2,
                                   .points = points};
        points[0].value = (double)o.sequence;
        points[1].value = (double)o.sequence + 0.25;
        assert_done(ld_store_observation(store, 0, &o, &error), &error);
    }
    struct ld_run_end end = {.reason = ""};
    assert_done(ld_store_run_end(store, 0, &end, &error), &error);
    size_t sum = 0;
    struct ld_replay_sink sink = {count_points, NULL, &sum};
    assert_done(ld_store_replay(store, 0, &sink, &error), &error);
    assert_int_equal(sum, 10000);
    assert_done(ld_store_close(store, &error), &error);
    sample_clean();
}

/* One content is stored once, compressed unless it is already. */
static void bodies_once(void **state)
{
    (void)state;
    sample_folder();
    struct ld_error error = {0};
    struct ld_store *store = sample_store(sample_path("b.db"));
    sample_write_run(store, 0, 200, 5);
    sample_write_run(store, 1, 200, 6);
    assert_done(ld_store_close(store, &error), &error);
    sqlite3 *db;
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_open(sample_path("b.db"), &db), SQLITE_OK);
    sqlite3_prepare_v2(db,
                       "SELECT count(*), sum(encoding = 'raw'), sum(encoding = 'zstd' AND length(stored) >= length), "
                       "(SELECT count(*) FROM point), (SELECT count(*) FROM series), "
                       "(SELECT count(*) FROM site_count), (SELECT count(*) FROM stack) "
                       "FROM body WHERE length > 10",
                       -1, &row, NULL);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(row, 0), 4);
    assert_int_equal(sqlite3_column_int(row, 1), 1); /* the gzip one */
    assert_int_equal(sqlite3_column_int(row, 2), 0);
    assert_int_equal(sqlite3_column_int(row, 3), 0);
    assert_true(sqlite3_column_int(row, 4) > 0);
    assert_true(sqlite3_column_int(row, 5) > 0);
    assert_true(sqlite3_column_int(row, 6) > 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    sample_clean();
}

static void profile_needs_body(void **state)
{
    (void)state;
    sample_folder();
    struct ld_error error = {0};
    struct ld_store *store = sample_store(sample_path("p.db"));
    struct ld_observation o = {.sequence = 1, .kind = LD_OBSERVATION_PROFILE};
    assert_fails(ld_store_observation(store, 0, &o, &error), LD_ESTORE, &error, "without its body", NULL);
    o.body = "garbage";
    o.body_length = 7;
    assert_int_not_equal(ld_store_observation(store, 0, &o, &error), 0);
    assert_done(ld_store_close(store, &error), &error);
    sample_clean();
}

int test_replay(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(long_series),
        cmocka_unit_test(bodies_once),
        cmocka_unit_test(profile_needs_body),
    };
    return cmocka_run_group_tests_name("store: replay", tests, NULL, NULL);
}
