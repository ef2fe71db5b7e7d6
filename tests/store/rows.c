/* What people and the score read: records, the timeline, the views, the example queries of schema.sql. */
#include "sample.h"

#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "store/internal.h"

static struct ld_store *store;
static struct ld_arena *arena;

static int setup(void **state)
{
    (void)state;
    sample_folder();
    store = sample_store(sample_path("a.db"));
    sample_write_run(store, 1, 60, 11);
    sample_write_run(store, 0, 60, 12);
    arena = ld_arena_new((size_t)64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ld_store_close(store, NULL);
    ld_arena_free(arena);
    sample_clean();
    return 0;
}

static void campaign_comes_back(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_campaign_info info;
    assert_done(ld_store_read_campaign(store, &info, arena, &error), &error);
    assert_string_equal(info.id, "c-1");
    assert_true(info.seed == UINT64_MAX - 1);
    assert_string_equal(info.plan_hash, "feedface");
    assert_string_equal(info.plan_json, "{\"version\":1}");
    assert_int_equal(info.fact_count, 2);
    assert_string_equal(info.facts[0].name, "go");
    assert_int_equal(info.runs_planned, SAMPLE_RUNS);
    assert_int_equal(info.runs_ended, 2);
    assert_int_equal(info.ended_wall_ns, 0);
    assert_done(ld_store_campaign_end(store, 77, "pass", SIGTERM, &error), &error);
    assert_done(ld_store_read_campaign(store, &info, arena, &error), &error);
    assert_int_equal(info.ended_wall_ns, 77);
    assert_string_equal(info.verdict, "pass");
    assert_int_equal(info.interrupt_signal, SIGTERM);
    struct ld_stored_scenario *scenarios;
    size_t count;
    assert_done(ld_store_read_scenarios(store, &scenarios, &count, arena, &error), &error);
    assert_int_equal(count, 1);
    assert_int_equal(scenarios[0].text_length, 27);
    assert_memory_equal(scenarios[0].text, "leakdrill: 1\nname: one # \xc3\xa9\n", 27);
}

static void run_comes_back(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_stored_run run;
    uint32_t *runs;
    size_t count;
    assert_done(ld_store_read_runs(store, &runs, &count, arena, &error), &error);
    assert_int_equal(count, 2);
    assert_int_equal(runs[0], 0);
    assert_int_equal(runs[1], 1);
    assert_done(ld_store_read_run(store, 1, &run, arena, &error), &error);
    assert_string_equal(run.cell, "one/healthy/slow");
    assert_string_equal(run.scenario, "one");
    assert_string_equal(run.variant, "healthy");
    assert_string_equal(run.fault_case, "slow");
    assert_true(run.seed == UINT64_MAX - 1);
    assert_true(run.rate == 0.25);
    assert_int_equal(run.depth, 3);
    assert_true(run.ended);
    assert_int_equal(run.end.validity, LD_INVALID_LAG);
    assert_string_equal(run.end.reason, "lag");
    assert_int_equal(run.end.observed_to_ns, 5000);
    assert_done(ld_store_read_run(store, 2, &run, arena, &error), &error);
    assert_false(run.ended);
    assert_fails(ld_store_read_run(store, 64, &run, arena, &error), LD_ENOENT, &error, "has no run 64", NULL);
}

static void record_comes_back(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_run_record record;
    assert_done(ld_store_read_record(store, 1, &record, arena, &error), &error);
    assert_int_equal(record.truth->interval_count, 2);
    const struct ld_truth_interval *interval = &record.truth->intervals[0];
    assert_string_equal(interval->id, "i-1");
    assert_int_equal(interval->end, LD_END_KILL);
    assert_int_equal(interval->cause, LD_CAUSE_HTTP_CONNECTION);
    assert_int_equal(interval->seen_at_count, 2);
    assert_string_equal(interval->seen_at[1], "orders.\"loop\"");
    assert_int_equal(interval->confirmed, 8);
    assert_int_equal(record.truth->intervals[1].manifest_ns, -1);
    assert_int_equal(record.truth->intervals[1].confirmed, -1);
    assert_true(record.truth->intervals[1].hold);
    assert_string_equal(record.truth->calm[0], "pool.idle");
    assert_int_equal(record.life_count, 2);
    assert_int_equal(record.lives[0].to_ns, 777);
    assert_int_equal(record.lives[1].to_ns, 5000); /* until the end of follow-up */
    assert_int_equal(record.detector_count, 3);
    assert_string_equal(record.detectors[0].name, "zeta"); /* as declared */
    assert_int_equal(record.detectors[0].alert_count, 2);
    assert_int_equal(record.detectors[0].alerts[0].id, 8); /* by receipt */
    assert_true(signbit(record.detectors[0].alerts[0].amount) != 0);
    assert_string_equal(record.detectors[0].alerts[1].rule_version, "v1.0.0-abcdef");
    assert_true(record.detectors[1].calibration);
    assert_true(record.detectors[2].failed);
    assert_string_equal(record.detectors[2].reason, "it said nothing");
    assert_false(record.detectors[2].out_of_range);
    assert_done(ld_store_detector_out_of_range(store, 1, "always", "too few", &error), &error);
    assert_done(ld_store_delete_alerts(store, 1, &error), &error);
    assert_done(ld_store_read_record(store, 1, &record, arena, &error), &error);
    assert_int_equal(record.detectors[0].alert_count, 0);
    assert_true(record.detectors[1].out_of_range);
    assert_fails(ld_store_read_record(store, 2, &record, arena, &error), LD_ENOENT, &error, "did not end", NULL);
    assert_fails(ld_store_read_cut(store, 2, &record, arena, &error), LD_ENOENT, &error, "nothing of it", NULL);
    assert_fails(ld_store_detector_failed(store, 1, "nobody", "", &error), LD_ESTORE, &error, "no detector nobody",
                 NULL);
}

static void timeline_tells_all(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_timeline_row *rows;
    size_t count;
    static const char *const kinds[] = {"phase", "truth", "fault", "alert", "life", "read", "note", "count"};
    assert_done(ld_store_read_timeline(store, 1, &rows, &count, arena, &error), &error);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        size_t seen = 0;
        for (size_t i = 0; i < count; i++)
            seen += strcmp(rows[i].kind, kinds[k]) == 0;
        if (!seen)
            fail_msg("no row of kind %s among %zu", kinds[k], count);
    }
    for (size_t i = 1; i < count; i++)
        assert_true(rows[i - 1].time_ns <= rows[i].time_ns);
}

/* The numbers of two metrics and the totals of profiles: as many as the views count, by time, each in its life. */
static void series_come_back(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_stored_series *series;
    size_t count, samples[LD_METRIC_COUNT] = {0};
    static const enum ld_metric metrics[] = {LD_METRIC_GOROUTINES, LD_METRIC_RSS, LD_METRIC_PROFILE_GOROUTINES};
    assert_done(ld_store_read_series(store, 1, metrics, 3, &series, &count, arena, &error), &error);
    for (size_t i = 0; i < count; i++) {
        samples[series[i].metric] += series[i].count;
        for (size_t j = 1; j < series[i].count; j++)
            assert_true(series[i].samples[j - 1].time_ns <= series[i].samples[j].time_ns);
        for (size_t j = 0; j < i; j++)
            assert_false(series[i].metric == series[j].metric && series[i].instance == series[j].instance &&
                         series[i].incarnation == series[j].incarnation);
    }
    struct ld_stored_points points;
    size_t wanted[LD_METRIC_COUNT] = {0};
    int64_t profiles;
    assert_done(ld_store_points_read(store, 1, &points, &error), &error);
    for (size_t i = 0; i < points.count; i++)
        wanted[points.items[i].metric] += isfinite(points.items[i].value) != 0;
    ld_store_points_done(&points);
    static const char count_profiles[] = "SELECT count(*) FROM observation JOIN profile USING (profile) WHERE run = 1 "
                                         "AND profile.kind = 'goroutine'";
    assert_done(ld_store_number(store, &error, &profiles, count_profiles, ""), &error);
    wanted[LD_METRIC_PROFILE_GOROUTINES] = (size_t)profiles;
    size_t all = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(samples[metrics[i]], wanted[metrics[i]]);
        all += wanted[metrics[i]];
    }
    assert_true(all > 10);
    assert_done(ld_store_read_series(store, 1, metrics, 0, &series, &count, arena, &error), &error);
    assert_int_equal(count, 0);
}

static void faults_come_back(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_stored_fault *faults;
    size_t count;
    int64_t intents, receipts, told = 0;
    assert_done(ld_store_read_faults(store, 1, &faults, &count, arena, &error), &error);
    assert_done(ld_store_number(store, &error, &intents, "SELECT count(*) FROM fault_intent WHERE run = 1", ""),
                &error);
    assert_done(ld_store_number(store, &error, &receipts, "SELECT count(*) FROM fault_receipt WHERE run = 1", ""),
                &error);
    assert_true(intents > 0);
    assert_int_equal(count, intents);
    for (size_t i = 0; i < count; i++) {
        told += faults[i].began_ns >= 0;
        assert_true(faults[i].until_ns >= faults[i].time_ns);
        assert_true(*faults[i].id && *faults[i].type);
    }
    assert_int_equal(told, receipts);
}

static void planned_runs_come_back(void **state)
{
    (void)state;
    struct ld_error error = {0};
    uint32_t *runs;
    size_t count;
    assert_done(ld_store_read_planned(store, &runs, &count, arena, &error), &error);
    assert_int_equal(count, SAMPLE_RUNS);
}

/* Later lines of an interval give its amount alone. */
static void timeline_takes_the_cause_from_the_first_line(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_timeline_row *rows;
    size_t count, seen = 0;
    const char *const wanted[] = {"leak http-connection, 1 connections outstanding",
                                  "leak http-connection, 2 connections outstanding",
                                  "cured http-connection, 0 connections outstanding"};
    struct ld_truth_event event = {.time_ns = 7,
                                   .instance = 63,
                                   .incarnation = 1,
                                   .kind = LD_TRUTH_LEAK,
                                   .interval = "bare",
                                   .cause = LD_CAUSE_HTTP_CONNECTION,
                                   .unit = LD_UNIT_CONNECTIONS,
                                   .amount = 1,
                                   .culprit = "",
                                   .text = ""};
    for (int64_t line = 0; line < 3; line++) {
        assert_done(ld_store_truth_event(store, 1, &event, &error), &error);
        event = (struct ld_truth_event){.time_ns = 8 + line, .instance = 63, .incarnation = 1,
                                        .kind = line ? LD_TRUTH_CURED : LD_TRUTH_LEAK, .interval = "bare",
                                        .amount = line ? 0 : 2, .culprit = "", .text = ""};
    }
    assert_done(ld_store_read_timeline(store, 1, &rows, &count, arena, &error), &error);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].who, "bare") != 0)
            continue;
        assert_true(seen < 3);
        assert_string_equal(rows[i].text, wanted[seen]);
        assert_int_equal(rows[i].instance, 63);
        assert_int_equal(rows[i].amount, seen == 2 ? 0 : (int64_t)seen + 1);
        seen++;
    }
    assert_int_equal(seen, 3);
}

static void score_is_stored(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_outcome outcomes[] = {
        {.run = 1,
         .detector = "zeta",
         .interval = 0,
         .kind = LD_OUTCOME_TP,
         .detect_ns = -1,
         .from_first_ns = 5,
         .cause = LD_CAUSE_RIGHT,
         .site = LD_SITE_RIGHT},
        {.run = 1, .detector = "always", .interval = 0, .kind = LD_OUTCOME_FN, .detect_ns = -1, .censored_ns = 9},
        {.run = 0, .detector = "zeta", .interval = -1, .kind = LD_OUTCOME_NOT_MANIFESTED, .detect_ns = -1},
        {.run = 1, .detector = "quick", .kind = LD_OUTCOME_OUT_OF_RANGE, .seen_anyway = true, .detect_ns = 7},
        {.run = 1, .detector = "slow", .kind = LD_OUTCOME_OUT_OF_RANGE, .detect_ns = -1, .censored_ns = 8},
        {.run = 1, .detector = "never", .kind = LD_OUTCOME_OUT_OF_RANGE, .detect_ns = -1}, /* of the dose */
    };
    struct ld_detector_run runs[] = {
        {.run = 1, .detector = "zeta", .alerted = true, .false_alarms = 2, .quiet_seconds = 1.5}};
    struct ld_check checks[] = {{.scenario = "one",
                                 .cell = "one/leaky/none",
                                 .detector = "zeta",
                                 .what = "detection",
                                 .asked = "100%",
                                 .seen = "1 of 1",
                                 .verdict = LD_VERDICT_FAIL,
                                 .line = 12}};
    struct ld_score score = {.outcome_count = sizeof outcomes / sizeof *outcomes,
                             .outcomes = outcomes,
                             .detector_run_count = 1,
                             .detector_runs = runs};
    struct ld_verdicts verdicts = {.check_count = 1, .checks = checks};
    int64_t value = 0;
    assert_done(ld_store_score(store, &score, &verdicts, &error), &error);
    assert_done(ld_store_score(store, &score, &verdicts, &error), &error); /* replaces */
    assert_done(ld_store_number(store, &error, &value, "SELECT count(*) FROM outcome", ""), &error);
    assert_int_equal(value, 6);
    /* times of what was out of range are times; of no view's rates */
    assert_done(ld_store_number(store, &error, &value,
                                "SELECT count(seconds) * 10 + count(censored_after_seconds) FROM v_time_to_detect", ""),
                &error);
    assert_int_equal(value, 22);
    assert_done(ld_store_number(store, &error, &value,
                                "SELECT count(*) FROM v_time_to_detect WHERE kind = 'OUT_OF_RANGE'", ""), &error);
    assert_int_equal(value, 2);
    /* -1 ns is a time to detect like any other: seen just before the M-th unit */
    assert_done(ld_store_number(store, &error, &value, "SELECT detect_ns FROM outcome WHERE kind = 'TP'", ""), &error);
    assert_int_equal(value, -1);
    assert_done(ld_store_number(store, &error, &value,
                                "SELECT count(*) FROM outcome WHERE detect_ns IS NULL AND kind <> 'TP'", ""),
                &error);
    assert_int_equal(value, 4);
    assert_done(ld_store_number(store, &error, &value, "SELECT count(*) FROM gate WHERE verdict <> 'pass'", ""),
                &error);
    assert_int_equal(value, 1);
}

/* ---- the file's own documentation */

/* The next example query of schema.sql, without its comment signs; false at the end. */
static bool next_query(const char **at, char *sql, size_t size)
{
    const char *line = strstr(*at, "-- Q:");
    if (!line)
        return false;
    size_t used = 0;
    for (line = strchr(line, '\n'); line && strncmp(line + 1, "--    ", 6) == 0; line = strchr(line + 1, '\n')) {
        const char *from = line + 6, *end = strchr(from, '\n');
        assert_true(used + (size_t)(end - from) + 2 < size);
        memcpy(sql + used, from, (size_t)(end - from));
        used += (size_t)(end - from);
        sql[used++] = ' ';
    }
    sql[used] = '\0';
    *at = line ? line : "";
    return true;
}

static void example_queries_run(void **state)
{
    (void)state;
    ld_store_commit(store, true, NULL);
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(sample_path("a.db"), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    char sql[1024];
    const char *at = strstr(ld_store_schema, "Each begins with");
    assert_non_null(at);
    at = strchr(at, '\n');
    int queries = 0, with_rows = 0;
    for (; next_query(&at, sql, sizeof sql); queries++) {
        sqlite3_stmt *row;
        if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        int code = sqlite3_step(row);
        with_rows += code == SQLITE_ROW;
        if (code != SQLITE_ROW && code != SQLITE_DONE)
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        sqlite3_finalize(row);
    }
    assert_int_equal(queries, 14);
    assert_true(with_rows >= 8); /* the score's tables are empty here */
    sqlite3_close(db);
}

/* A number asked by a plain connection, as a person's shell has it. */
static int64_t ask(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_open_v2(sample_path("a.db"), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return value;
}

/* The view shows plain and sealed numbers alike. */
static void points_view_agrees(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_point points[] = {{LD_METRIC_RSS, 0.1}, {LD_METRIC_GOROUTINES, 12}, {LD_METRIC_RSS, NAN}};
    for (uint64_t i = 1; i <= 3; i++) {
        struct ld_observation o = {.sequence = i,
                                   .time_ns = (int64_t)i * 1000,
                                   .incarnation = 1,
                                   .instance = 2,
                                   .kind = LD_OBSERVATION_METRICS,
                                   .point_count = 3,
                                   .points = points};
        assert_done(ld_store_observation(store, 5, &o, &error), &error);
    }
    assert_done(ld_store_commit(store, false, &error), &error);
    static const char digest[] =
        "SELECT count(*) * 1000000 + count(value) * 1000 + sum(metric = 'process_memory_resident_bytes' AND value = "
        "0.1 "
        "AND instance = 2 AND time_ns = sequence * 1000 AND unit = 'bytes') FROM points WHERE run = 5";
    assert_int_equal(ask(digest), 9006003);
    struct ld_run_end end = {.reason = ""};
    assert_done(ld_store_run_end(store, 5, &end, &error), &error);
    assert_int_equal(ask("SELECT count(*) FROM point"), 0);
    assert_int_equal(ask(digest), 9006003);
    assert_int_equal(ask("SELECT count(*) FROM v_goroutines WHERE run = 5 AND count = 12 AND source = 'metrics'"), 3);
}

/* An update is a close and an open of one claim: how many claims there were it does not change. */
static void runs_view_counts_claims(void **state)
{
    (void)state;
    static const struct {
        enum ld_alert_action action;
        uint64_t id;
        const char *why;
    } rows[] = {{LD_ALERT_OPEN, 1, "first"},  {LD_ALERT_CLOSE, 1, LD_ALERT_UPDATED}, {LD_ALERT_OPEN, 1, "grown"},
                {LD_ALERT_CLOSE, 1, "over"}, {LD_ALERT_UNKNOWN, 2, "timeout"},       {LD_ALERT_KNOWN, 2, ""},
                {LD_ALERT_OPEN, 3, "second"}};
    struct ld_error error = {0};
    assert_done(ld_store_detector(store, 6, "mine", "exec", false, "{}", &error), &error);
    assert_done(ld_store_detector(store, 6, "always", "always", true, "{}", &error), &error);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ld_alert alert = {.action = rows[i].action, .id = rows[i].id, .evidence = i + 1, .incarnation = 1,
                                 .cause = LD_CAUSE_GOROUTINE_GROWTH, .site = "", .why = rows[i].why, .rule = "",
                                 .rule_version = ""};
        assert_done(ld_store_alert(store, 6, "mine", &alert, &error), &error);
        assert_done(ld_store_alert(store, 6, "always", &alert, &error), &error);
    }
    assert_done(ld_store_commit(store, false, &error), &error);
    assert_int_equal(ask("SELECT alerts FROM v_runs WHERE run = 6"), 2);
    assert_int_equal(ask("SELECT alerts FROM v_runs WHERE run = 7"), 0);
}

/* Readers see what is committed, and neither side waits for the other. */
static void readers_beside_the_writer(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_store *readers[3];
    for (size_t i = 0; i < 3; i++)
        assert_done(ld_store_open(&readers[i], sample_path("a.db"), false, &error), &error);
    for (uint32_t run = 10; run < 14; run++) {
        assert_done(ld_store_note(store, run, 1, "uncommitted", "", &error), &error);
        for (size_t i = 0; i < 3; i++) {
            uint32_t *runs;
            size_t count;
            assert_done(ld_store_read_runs(readers[i], &runs, &count, arena, &error), &error);
            assert_int_equal(count, 2 + run - 10);
            assert_done(sample_read_all(readers[i], &error), &error);
        }
        sample_write_run(store, run, 10, run);
    }
    for (size_t i = 0; i < 3; i++)
        assert_done(ld_store_close(readers[i], &error), &error);
}

int test_rows(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(campaign_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(run_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(record_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(timeline_tells_all, setup, teardown),
        cmocka_unit_test_setup_teardown(series_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(planned_runs_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(timeline_takes_the_cause_from_the_first_line, setup, teardown),
        cmocka_unit_test_setup_teardown(score_is_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(example_queries_run, setup, teardown),
        cmocka_unit_test_setup_teardown(points_view_agrees, setup, teardown),
        cmocka_unit_test_setup_teardown(runs_view_counts_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_beside_the_writer, setup, teardown),
    };
    return cmocka_run_group_tests_name("store: rows", tests, NULL, NULL);
}
