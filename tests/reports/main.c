/* Renderers against golden files (tests/data/reports), from records made by hand. LEAKDRILL_GOLDEN=write rewrites them.
 */
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "reports/board.h"
#include "reports/groups.h"
#include "reports/report.h"
#include "reports/style.h"

#define GOLDEN TEST_DATA "/reports/"

static double rates[] = {1, 4};
static struct ld_fault_case fault_cases[] = {{.name = "none"}, {.name = "upstream-killed-and-slow"}};
static const struct ld_scenario scenario = {.file = "scenarios/documented/http-body-not-closed.yaml",
                                            .name = "http-body-not-closed",
                                            .target = {.rates = {.count = 2, .items = rates}},
                                            .sampling = {.every_ns = 5 * LD_SECOND},
                                            .time_scale = 20,
                                            .fault_case_count = 2,
                                            .fault_cases = fault_cases};
static const struct ld_cell cells[] = {{.index = 0,
                                        .scenario = &scenario,
                                        .variant = LD_VARIANT_LEAKY,
                                        .fault_case = 1,
                                        .rate = 4,
                                        .name = "http-body-not-closed/leaky/upstream-killed-and-slow/rate=4"},
                                       {.index = 1,
                                        .scenario = &scenario,
                                        .variant = LD_VARIANT_HEALTHY,
                                        .rate = 1,
                                        .name = "http-body-not-closed/healthy/none"},
                                       {.index = 2,
                                        .scenario = &scenario,
                                        .variant = LD_VARIANT_LEAKY,
                                        .rate = 1,
                                        .name = "http-body-not-closed/leaky/none"}};
static const struct ld_run_plan run_plans[] = {{.index = 0, .cell = 0, .seed = UINT64_MAX},
                                               {.index = 1, .cell = 1, .seed = 2}};
static const struct ld_plan plan = {
    .seed = 42, .cell_count = 3, .cells = cells, .run_count = 2, .runs = run_plans, .hash = "abc123"};
static const struct ld_alert claims[] = {{.rule = "receive", .rule_version = "v0.3.0-a1b2c3"},
                                         {.rule = "receive", .rule_version = "v0.3.0-a1b2c3"},
                                         {.rule = "", .rule_version = ""}};
static struct ld_detector_record watching[] = {
    {.name = "exec",
     .failed = true,
     .reason = "exit 1 <&> \x01",
     .said = "not shown\nTraceback (most recent call last):\n  File \"exec.py\"\nKeyError: \x1b\n"},
    {.name = "matrix", .alert_count = 3, .alerts = claims},
    {.name = "mine", .alert_count = 1, .alerts = claims}};
static const struct ld_condition_record met[] = {{.condition = "steady",
                                                  .kind = "steady",
                                                  .asked = "1 numbers within 10% for 5s",
                                                  .text = "9 to 11",
                                                  .to_ns = -1,
                                                  .sequence = 7,
                                                  .time_ns = LD_SECOND,
                                                  .acted_ns = -1,
                                                  .recovered_ns = -1,
                                                  .relapsed_ns = -1},
                                                 {.condition = "abort/0",
                                                  .kind = "abort",
                                                  .asked = "process_memory_resident_bytes over 400.0MiB",
                                                  .text = "",
                                                  .acted_ns = -1,
                                                  .time_ns = -1,
                                                  .recovered_ns = -1,
                                                  .relapsed_ns = -1},
                                                 {.condition = "reactions/0/kill",
                                                  .kind = "fault",
                                                  .asked = "matrix red for 3m",
                                                  .text = "matrix \x1b[31mred",
                                                  .sequence = 40,
                                                  .time_ns = 5 * LD_SECOND,
                                                  .acted_ns = 5001 * LD_MS,
                                                  .recovers = true,
                                                  .recovered_ns = 6200 * LD_MS,
                                                  .relapsed_ns = 8 * LD_SECOND,
                                                  .followed_to_ns = 11 * LD_SECOND},
                                                 {.condition = "reactions/1/load",
                                                  .kind = "fault",
                                                  .asked = "service_work_errors_total over 5/s",
                                                  .text = "",
                                                  .sequence = 41,
                                                  .time_ns = 6 * LD_SECOND,
                                                  .acted_ns = 6 * LD_SECOND,
                                                  .recovers = true,
                                                  .recovered_ns = -1,
                                                  .relapsed_ns = -1,
                                                  .followed_to_ns = 11 * LD_SECOND}};
static const struct ld_run_record runs[] = {
    {.run = 0, .reason = "", .detector_count = 3, .detectors = watching, .condition_count = 4, .conditions = met,
     .marked_ns = 5001 * LD_MS},
    {.run = 1, .validity = LD_INVALID_LAG, .reason = "the control loop lagged \"212ms\"\x1b[31m"}};
#define NONE {.median_ns = -1, .p95_ns = -1}
static struct ld_board_row rows[] = {
    {.cell = 0,
     .detector = "matrix",
     .runs = 25,
     .valid = 25,
     .manifested = 25,
     .counts = {[LD_OUTCOME_TP] = 24, [LD_OUTCOME_TP_LATE] = 1},
     .evident_runs = 25,
     .hit_runs = 24,
     .alerted = 25,
     .cause_right = 25,
     .site_right = 24,
     .time = {.n = 25, .events = 25, .median_ns = 1234 * LD_MS, .p95_ns = -1, .fraction = 1},
     .from_first = {.n = 25, .events = 25, .median_ns = 1345 * LD_MS, .p95_ns = 1999 * LD_MS, .fraction = 1}},
    {.cell = 0,
     .detector = "a-detector-with-a-very-long-name-indeed",
     .runs = 5,
     .valid = 5,
     .manifested = 5,
     .counts = {[LD_OUTCOME_FN] = 5},
     .false_alarms = 3,
     .wrong_site = 2,
     .alerted = 2,
     .time = {.n = 5, .median_ns = -1, .p95_ns = -1},
     .from_first = NONE},
    {.cell = 0,
     .detector = "oracle",
     .calibration = true,
     .runs = 5,
     .time = {.median_ns = -1, .p95_ns = -1},
     .from_first = NONE},
    {.cell = 1,
     .detector = "matrix",
     .runs = 5,
     .valid = 4,
     .counts = {[LD_OUTCOME_NOT_MANIFESTED] = 4, [LD_OUTCOME_HARNESS_ERROR] = 1},
     .quiet_hours = 0.25,
     .time = {.median_ns = -1, .p95_ns = -1},
     .from_first = NONE},
    {.cell = 1,
     .detector = "growth",
     .runs = 5,
     .valid = 4,
     .alerted = 4,
     .false_alarms = 4,
     .during_hold = 1,
     .hold_hours = 0.5,
     .counts = {[LD_OUTCOME_NOT_MANIFESTED] = 4, [LD_OUTCOME_HARNESS_ERROR] = 1},
     .time = {.median_ns = -1, .p95_ns = -1},
     .from_first = NONE},
    {.cell = 2,
     .detector = "matrix",
     .runs = 5,
     .valid = 5,
     .manifested = 4,
     .alerted = 3,
     .counts = {[LD_OUTCOME_TP] = 3, [LD_OUTCOME_NOT_MANIFESTED] = 1, [LD_OUTCOME_OUT_OF_RANGE] = 1},
     .cause_right = 3,
     .time = {.n = 4, .events = 3, .median_ns = 754321 * LD_MS, .p95_ns = -1},
     .from_first = NONE},
    {.cell = 2,
     .detector = "growth",
     .runs = 5,
     .valid = 4,
     .manifested = 4,
     .alerted = 4,
     .counts = {[LD_OUTCOME_TP] = 4, [LD_OUTCOME_DETECTOR_ERROR] = 1},
     .time = {.n = 4, .events = 4, .median_ns = -2 * LD_MS, .p95_ns = -1},
     .from_first = NONE}};
static struct ld_check checks[] = {{.scenario = "http-body-not-closed",
                                    .cell = "http-body-not-closed/leaky/upstream-killed-and-slow/rate=4",
                                    .detector = "matrix",
                                    .what = "detection",
                                    .asked = "observed 100%",
                                    .seen = "24 of 25 in time, 1 late",
                                    .verdict = LD_VERDICT_FAIL,
                                    .line = 31},
                                   {.scenario = "http-body-not-closed",
                                    .cell = "http-body-not-closed/healthy/none",
                                    .detector = "matrix",
                                    .what = "false alarms",
                                    .asked = "at most 0",
                                    .seen = "0 episodes in 4 runs",
                                    .verdict = LD_VERDICT_PASS,
                                    .line = 31},
                                   {.scenario = "",
                                    .cell = "",
                                    .detector = "oracle",
                                    .what = "calibration: oracle",
                                    .asked = "every leak",
                                    .seen = "25 of 25"},
                                   {.scenario = "",
                                    .cell = "",
                                    .detector = "never",
                                    .what = "calibration: never",
                                    .asked = "no alert",
                                    .seen = "30 of 30"},
                                   {.scenario = "",
                                    .cell = "",
                                    .detector = "",
                                    .what = "excluded runs",
                                    .asked = "at most 5%",
                                    .seen = "1 of 2 runs",
                                    .verdict = LD_VERDICT_INCONCLUSIVE},
                                   {.scenario = "http-body-not-closed",
                                    .cell = "http-body-not-closed/healthy/none",
                                    .detector = "growth",
                                    .what = "false alarms",
                                    .asked = "at most 0",
                                    .seen = "0 of 0",
                                    .verdict = LD_VERDICT_INCONCLUSIVE,
                                    .line = 35},
                                   {.scenario = "http-body-not-closed",
                                    .cell = "http-body-not-closed/healthy/none",
                                    .detector = "growth",
                                    .what = "cause",
                                    .asked = "right",
                                    .seen = "right in 0 of 0 detections",
                                    .verdict = LD_VERDICT_INCONCLUSIVE,
                                    .line = 35},
                                   {.scenario = "http-body-not-closed",
                                    .cell = "http-body-not-closed/leaky/none",
                                    .detector = "growth",
                                    .what = "declared miss found now",
                                    .asked = "all missed",
                                    .seen = "4 of 4 found",
                                    .notable = true,
                                    .line = 36}};
static struct ld_sequential_result sequential[] = {
    {.cell = "http-body-not-closed/leaky/none",
     .detector = "matrix",
     .test = {0.05, 0.2, 0.0125, 0.05, 1, 60},
     .decision = LD_SPRT_ACCEPT,
     .trials = 28,
     .bad = 1,
     .passed_over = 2,
     .ended = 31,
     .later = 1,
     .planned = 60},
    {.cell = "http-body-not-closed/healthy/none",
     .detector = "growth",
     .false_alarms = true,
     .test = {0.05, 0.2, 0.0125, 0.05, 1, 60},
     .decision = LD_SPRT_REJECT,
     .trials = 4,
     .bad = 4,
     .ended = 4,
     .planned = 60},
    {.cell = "http-body-not-closed/leaky/none",
     .detector = "growth",
     .test = {0.05, 0.2, 0.0125, 0.05, 1, 60},
     .trials = 60,
     .bad = 6,
     .ended = 60,
     .planned = 60}};
static struct ld_verdicts verdicts = {.verdict = LD_VERDICT_FAIL,
                                      .calibrated = true,
                                      .check_count = sizeof checks / sizeof *checks,
                                      .checks = checks,
                                      .row_count = sizeof rows / sizeof *rows,
                                      .rows = rows,
                                      .excluded = 1,
                                      .excluded_share = 0.5,
                                      .sequential_count = sizeof sequential / sizeof *sequential,
                                      .sequential = sequential,
                                      .not_needed = 29};
static const struct ld_score no_score;
static const struct ld_report report = {.plan = &plan,
                                        .runs = runs,
                                        .run_count = 2,
                                        .score = &no_score,
                                        .verdicts = &verdicts,
                                        .campaign = "2026-11-21-a1",
                                        .database = "leakdrill-runs/2026-11-21-a1.db",
                                        .started_wall_ns = 1795249800 * LD_SECOND,
                                        .version = "0.1.0"};

static const struct ld_stored_run stored = {.run = 3,
                                            .cell = "chan/leaky/target-killed",
                                            .scenario = "chan",
                                            .variant = "leaky",
                                            .fault_case = "target-killed",
                                            .seed = 77,
                                            .repetition = 1,
                                            .rate = 1,
                                            .ended = true,
                                            .end = {.validity = LD_INVALID_GAPS,
                                                    .reason = "3 samples missing",
                                                    .observed_from_ns = LD_SECOND,
                                                    .observed_to_ns = 12 * LD_SECOND,
                                                    .lag_p99_ns = 2 * LD_MS}};
static const struct ld_timeline_row timeline[] = {
    {0, "phase", "", "prepare", -1, -1},
    {20 * LD_MS, "life", "instance 0", "incarnation 1 started", 0, -1},
    {250 * LD_MS, "count", "instance 0", "8 goroutines", 0, -1},
    {2 * LD_SECOND, "truth", "i1", "leak chan-receive, 1 goroutines outstanding", 0, 1},
    {2100 * LD_MS, "truth", "i1", "leak chan-receive, 2 goroutines outstanding", 0, 2},
    {2150 * LD_MS, "truth", "i2", "leak http-connection, 1 connections outstanding", 0, 1},
    {2200 * LD_MS, "truth", "i1", "leak chan-receive, 1 goroutines outstanding", 1, 1}, /* of another instance */
    {2250 * LD_MS, "alert", "growth", "open amber goroutine-growth", 1, -1},
    {2300 * LD_MS, "truth", "i1", "leak chan-receive, 3 goroutines outstanding", 0, 3},
    {3 * LD_SECOND, "count", "instance 0", "40 goroutines", 0, -1},
    {3100 * LD_MS, "truth", "i1", "leak chan-receive, 37 goroutines outstanding", 0, 37},
    {3500 * LD_MS, "alert", "matrix",
     "open red chan-receive at shop/mail.consume: 32 goroutines wait at one site, none has left for 2 s", 0, -1},
    {3550 * LD_MS, "alert", "matrix", "close red chan-receive at shop/mail.consume: updated (stuck, rules v1.0-a)", 0,
     -1},
    {3550 * LD_MS, "alert", "oracle", "open red chan-receive", 0, -1},
    {3550 * LD_MS, "alert", "matrix",
     "open red chan-receive at shop/mail.consume: 37 goroutines (stuck, rules v1.0-a)", 0, -1},
    {3600 * LD_MS, "truth", "i1", "leak chan-receive, 38 goroutines outstanding", 0, 38},
    {3700 * LD_MS, "truth", "i1", "cured chan-receive, 20 goroutines outstanding", 0, 20},
    {3800 * LD_MS, "truth", "i1", "cured chan-receive, 0 goroutines outstanding", 0, 0},
    {4 * LD_SECOND, "fault", "target-killed/0/kill", "intent: kill until 5.000 s", -1, -1},
    {4010 * LD_MS, "life", "instance 0", "incarnation 1 ended, status -9", 0, -1},
    {4250 * LD_MS, "read", "instance 0", "metrics refused\x1b[2J", 0, -1},
    {4500 * LD_MS, "read", "instance 0", "metrics refused\x1b[2J", 0, -1},
    {4750 * LD_MS, "read", "instance 0", "metrics refused\x1b[2J", 0, -1},
    {5000 * LD_MS, "alert", "exec", "open red any: \xe2\x80\xaeworg", 0, -1},
    {5500 * LD_MS, "alert", "exec", "open red any: \xe2\x80\xaeworg", 0, -1},
    {6 * LD_SECOND, "count", "instance 0", "8 goroutines", 0, -1},
    {10 * LD_SECOND, "alert", "oracle", "open red chan-receive", 0, -1},   /* neither is counted: the first is of */
    {11 * LD_SECOND, "alert", "matrix", "close red chan-receive", 0, -1}, /* the calibration set */
    {11500 * LD_MS, "note", "detector exec", "Traceback:\n  File \"a.py\"\n\nfound an \x1b\n", -1, -1},
    {12 * LD_SECOND, "phase", "", "stop", -1, -1}};
#define TIMELINE_ROWS (sizeof timeline / sizeof *timeline)

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *bytes = calloc(1, 1 << 20);
    assert_non_null(bytes);
    size_t length = fread(bytes, 1, (1 << 20) - 1, file);
    bytes[length] = '\0';
    fclose(file);
    return bytes;
}

static void compare(const char *name, const struct ld_buffer *out)
{
    char path[512];
    snprintf(path, sizeof path, GOLDEN "%s", name);
    const char *mode = getenv("LEAKDRILL_GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fputs(ld_buffer_text(out), file);
        fclose(file);
    }
    char *wanted = read_file(path);
    if (!wanted)
        fail_msg("no golden file %s", path);
    assert_string_equal(ld_buffer_text(out), wanted);
    free(wanted);
}

static void assert_width(const struct ld_buffer *out, unsigned width)
{
    unsigned used = 0;
    for (const char *at = ld_buffer_text(out); *at; at += style_sequence(at) ? style_sequence(at) : 1) {
        used = *at == '\n' ? 0 : used + 1;
        if (used > width)
            fail_msg("a line of more than %u columns before: %.60s", width, at);
        if ((unsigned char)*at < 0x20 && *at != '\n')
            fail_msg("control character %d at width %u", *at, width);
    }
}

static void tables(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct ld_text_style style;
    } cases[] = {{"table-60.txt", {60, false, true}},
                 {"table-80.txt", {80, false, true}},
                 {"table-80-ascii.txt", {80, false, false}},
                 {"table-200.txt", {200, false, true}},
                 {"table-80-colour.txt", {80, true, true}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_buffer out;
        ld_buffer_init(&out, 1 << 20);
        assert_int_equal(ld_report_text(&report, &cases[i].style, &out), 0);
        compare(cases[i].name, &out);
        ld_buffer_done(&out);
    }
}

static void no_width_is_exceeded(void **state)
{
    (void)state;
    for (unsigned width = 60; width <= 220; width++) {
        const struct ld_text_style style = {width, false, width % 2 == 0};
        struct ld_buffer out;
        ld_buffer_init(&out, 1 << 20);
        assert_int_equal(ld_report_text(&report, &style, &out), 0);
        assert_width(&out, width);
        ld_buffer_clear(&out);
        assert_int_equal(ld_report_run(&stored, timeline, TIMELINE_ROWS, &style, &out), 0);
        assert_width(&out, width);
        ld_buffer_done(&out);
    }
}

static void shown_run(void **state)
{
    (void)state;
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_report_run(&stored, timeline, TIMELINE_ROWS, &(struct ld_text_style){80, false, true}, &out),
                     0);
    compare("run-80.txt", &out);
    ld_buffer_clear(&out);
    assert_int_equal(ld_report_run(&stored, timeline, TIMELINE_ROWS, &(struct ld_text_style){120, false, false}, &out),
                     0);
    compare("run-120-ascii.txt", &out);
    ld_buffer_clear(&out);
    assert_int_equal(ld_report_run(&stored, NULL, 0, &(struct ld_text_style){80, false, true}, &out), 0);
    ld_buffer_done(&out);
}

static void an_alert_of_no_rule_has_the_version_alone(void **state)
{
    (void)state;
    static const struct ld_timeline_row without[] = {
        {LD_SECOND, "alert", "matrix", "open amber any: 3 goroutines (, rules v0.4.1-4465e3)", 0, -1}};
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_report_run(&stored, without, 1, &(struct ld_text_style){120, false, true}, &out), 0);
    assert_non_null(strstr(ld_buffer_text(&out), "any: 3 goroutines (rules v0.4.1-4465e3)"));
    ld_buffer_done(&out);
}

/* The legend, the columns and every outcome are explained within the width. */
static void outcomes_are_explained(void **state)
{
    (void)state;
    for (unsigned width = 60; width <= 220; width += 20) {
        struct ld_buffer out;
        ld_buffer_init(&out, 1 << 20);
        assert_int_equal(ld_report_explain(NULL, &(struct ld_text_style){width, false, false}, &out), 0);
        assert_width(&out, width);
        for (int kind = 0; kind < LD_OUTCOME_COUNT; kind++)
            assert_non_null(strstr(ld_buffer_text(&out), ld_outcome_name((enum ld_outcome_kind)kind)));
        ld_buffer_done(&out);
    }
}

/* What the schema requires is there. */
static void assert_required(json_t *schema, json_t *object, const char *what)
{
    size_t index;
    json_t *key;
    assert_true(json_is_object(object));
    json_array_foreach(json_object_get(schema, "required"), index, key) {
        if (!json_object_get(object, json_string_value(key)))
            fail_msg("%s lacks \"%s\"", what, json_string_value(key));
    }
}

static void json(void **state)
{
    (void)state;
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_report_json(&report, &out), 0);
    compare("report.json", &out);
    json_t *parsed = json_loads(ld_buffer_text(&out), JSON_REJECT_DUPLICATES, NULL);
    json_t *schema = json_load_file(SOURCE_FOLDER "/reports/schema.json", JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(parsed);
    assert_non_null(schema);
    json_t *parts = json_object_get(schema, "$defs");
    assert_required(schema, parsed, "the report");
    assert_required(json_object_get(parts, "row"), json_array_get(json_object_get(parsed, "rows"), 0), "a row");
    assert_required(json_object_get(parts, "check"), json_array_get(json_object_get(parsed, "checks"), 0), "a check");
    assert_required(
        json_object_get(parts, "condition"),
        json_array_get(json_object_get(json_array_get(json_object_get(parsed, "runs"), 0), "conditions"), 0),
        "a condition");
    assert_required(json_object_get(parts, "run"), json_array_get(json_object_get(parsed, "runs"), 0), "a run");
    assert_int_equal(json_integer_value(json_object_get(parsed, "exit_code")), 1);
    json_decref(parsed);
    json_decref(schema);
    ld_buffer_done(&out);
}

/* What the process exits with, whatever the verdict would have been; nothing when it could not. */
static void an_interrupted_campaign_has_its_signal_as_exit_code(void **state)
{
    static const struct {
        bool interrupted;
        int signal, exit_code; /* -1: null */
    } cases[] = {{false, 0, 1}, {true, SIGINT, 130}, {true, SIGTERM, 143}, {true, SIGHUP, 129}, {true, 0, -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_report told = report;
        struct ld_buffer out;
        told.interrupted = cases[i].interrupted;
        told.interrupt_signal = cases[i].signal;
        ld_buffer_init(&out, 1 << 20);
        assert_int_equal(ld_report_json(&told, &out), 0);
        json_t *parsed = json_loads(ld_buffer_text(&out), 0, NULL), *code = json_object_get(parsed, "exit_code");
        assert_int_equal(json_is_null(code) ? -1 : json_integer_value(code), cases[i].exit_code);
        json_decref(parsed);
        ld_buffer_done(&out);
    }
}

static void junit(void **state)
{
    (void)state;
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_report_junit(&report, &out), 0);
    compare("junit.xml", &out);
    ld_buffer_done(&out);
}

/* Leaks, their variants, what never leaks; by folder and name, whatever the plan's order. */
static void scenarios_stand_by_kind(void **state)
{
    static const struct ld_scenario of[] = {{.file = "s/documented/chan.yaml", .name = "chan"},
                                            {.file = "s/documented/confounders/burst.yaml", .name = "burst"},
                                            {.file = "s/documented/variants/cgo-dose.yaml", .name = "cgo-dose"},
                                            {.file = "s/documented/waitgroup.yaml", .name = "waitgroup"},
                                            {.file = "s/documented/ticker.yaml", .name = "ticker"}};
    static const struct ld_cell order_cells[] = {{.scenario = &of[0], .variant = LD_VARIANT_HEALTHY},
                                                 {.scenario = &of[0], .variant = LD_VARIANT_LEAKY},
                                                 {.scenario = &of[1], .variant = LD_VARIANT_HEALTHY},
                                                 {.scenario = &of[2], .variant = LD_VARIANT_LEAKY},
                                                 {.scenario = &of[3], .variant = LD_VARIANT_LEAKY},
                                                 {.scenario = &of[4], .variant = LD_VARIANT_LEAKY}};
    static const struct ld_plan order_plan = {.cell_count = 6, .cells = order_cells};
    static const size_t wanted[] = {0, 5, 4, 3, 2};
    size_t count = 0;
    (void)state;
    for (size_t cell = BOARD_BEFORE_FIRST; board_scenario_next(&order_plan, &cell); count++) {
        assert_true(count < sizeof wanted / sizeof *wanted);
        assert_int_equal(cell, wanted[count]);
    }
    assert_int_equal(count, sizeof wanted / sizeof *wanted);
}

/* The two checks of the cell without a valid run are one; every other check is itself. */
static void a_cell_without_evidence_is_told_once(void **state)
{
    struct ld_check told;
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < verdicts.check_count; i++)
        count += board_check(&report, i, &told);
    assert_int_equal(count, verdicts.check_count - 1);
    assert_true(board_check(&report, 5, &told));
    assert_string_equal(told.what, "no evidence");
    assert_string_equal(told.asked, "2 checks");
    assert_non_null(strstr(told.seen, "1 of 1 run void; run 1: lag: the control loop lagged"));
    assert_false(board_check(&report, 6, &told));
}

static void markdown(void **state)
{
    (void)state;
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_report_markdown(&report, &out), 0);
    compare("summary.md", &out);
    ld_buffer_done(&out);
}

static void a_full_buffer_is_said(void **state)
{
    (void)state;
    struct ld_buffer out;
    ld_buffer_init(&out, 100);
    assert_int_equal(ld_report_text(&report, &(struct ld_text_style){80, false, true}, &out), LD_ELIMIT);
    ld_buffer_clear(&out);
    assert_int_equal(ld_report_json(&report, &out), LD_ELIMIT);
    ld_buffer_clear(&out);
    assert_int_equal(ld_report_junit(&report, &out), LD_ELIMIT);
    ld_buffer_clear(&out);
    assert_int_equal(ld_report_markdown(&report, &out), LD_ELIMIT);
    ld_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),
        cmocka_unit_test(no_width_is_exceeded),
        cmocka_unit_test(shown_run),
        cmocka_unit_test(json),
        cmocka_unit_test(junit),
        cmocka_unit_test(scenarios_stand_by_kind),
        cmocka_unit_test(a_cell_without_evidence_is_told_once),
        cmocka_unit_test(markdown),
        cmocka_unit_test(an_alert_of_no_rule_has_the_version_alone),
        cmocka_unit_test(outcomes_are_explained),
        cmocka_unit_test(a_full_buffer_is_said),
        cmocka_unit_test(an_interrupted_campaign_has_its_signal_as_exit_code),
    };
    return cmocka_run_group_tests_name("reports", tests, NULL, NULL) + test_page() + test_observed() + test_summary() +
           test_standings() + test_compare_report() + test_regressions_report();
}
