/* What a report tells of runs of which nobody says what leaked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "detect/detector.h"
#include "reports/groups.h"
#include "reports/report.h"
#include "scenario/scenario.h"

static const struct ld_alert claim = {.id = 1,
                                      .action = LD_ALERT_OPEN,
                                      .receipt_ns = 13900 * LD_MS,
                                      .instance = 1,
                                      .incarnation = 1,
                                      .cause = LD_CAUSE_CHAN_RECEIVE,
                                      .site = "main.leakOne",
                                      .why = "549 goroutines",
                                      .rule = "",
                                      .rule_version = ""};
static const struct ld_alert blind = {.id = 1,
                                      .action = LD_ALERT_UNKNOWN,
                                      .receipt_ns = LD_SECOND,
                                      .incarnation = 1,
                                      .site = "",
                                      .why = "could not look",
                                      .rule = "",
                                      .rule_version = ""};
static struct ld_detector_record detectors[] = {
    {.name = "always", .reason = "", .calibration = true, .alert_count = 1, .alerts = &claim},
    {.name = "finds", .reason = "", .alert_count = 1, .alerts = &claim},
    {.name = "blind", .reason = "", .alert_count = 1, .alerts = &blind},
    {.name = "broke", .reason = "it said nothing", .failed = true},
    {.name = "growth", .reason = ""},
    {.name = "quiet", .reason = ""}};

/* A claim is told and not judged; of silence it is told whether it means anything. */
static void what_was_observed_is_told(void **state)
{
    static const char *const wanted[] = {
        "run 0 watched/observed/none, observed for 14s\n",
        " finds    1 alert, the first at +13.900s, instance 1: chan-receive at main.leakOne: 549 goroutines\n",
        " blind    no alert: could not look\n",
        " broke    broke: it said nothing\n",
        " growth   no alert: it needs ",
        " of observation and had 14s\n",
        " quiet    no alert\n",
        "All that happened: leakdrill show 0\n"};
    static const char *const unwanted[] = {"leaks seen", "always", "healthy twin"};
    struct ld_detector_spec growth;
    struct ld_fault_case fault_case = {.name = "none"};
    struct ld_arena *arena = ld_arena_new(1 << 20);
    struct ld_errors errors = {0};
    struct ld_scenario scenario = {.name = "watched",
                                   .file = "",
                                   .time_scale = 1,
                                   .target.truth = LD_TRUTH_NONE,
                                   .fault_case_count = 1,
                                   .fault_cases = &fault_case,
                                   .detector_count = 1,
                                   .detectors = &growth};
    const struct ld_cell cell = {.scenario = &scenario, .name = "watched/observed/none"};
    const struct ld_run_plan planned = {.index = 0};
    const struct ld_plan plan = {.cell_count = 1, .cells = &cell, .run_count = 1, .runs = &planned, .hash = ""};
    const struct ld_life_span lives[] = {{0, 1, 0, 14 * LD_SECOND}, {1, 1, 0, 14 * LD_SECOND}};
    const struct ld_run_record run = {.reason = "",
                                      .observed_to_ns = 14 * LD_SECOND,
                                      .life_count = 2,
                                      .lives = lives,
                                      .detector_count = sizeof detectors / sizeof *detectors,
                                      .detectors = detectors};
    static const struct ld_score score;
    static const struct ld_verdicts verdicts = {.calibrated = true};
    static const struct ld_text_style style = {120, false, true};
    const struct ld_report report = {
        .plan = &plan, .runs = &run, .run_count = 1, .score = &score, .verdicts = &verdicts};
    struct ld_buffer out;
    (void)state;
    static const char declared[] = "growth: {window: 10m}";
    assert_int_equal(ld_detector_declaration_parse(&growth, arena, "", declared, strlen(declared), &errors), 0);
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_report_text(&report, &style, &out), 0);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(ld_buffer_text(&out), wanted[i]))
            fail_msg("\"%s\" is not in:\n%s", wanted[i], ld_buffer_text(&out));
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        if (strstr(ld_buffer_text(&out), unwanted[i]))
            fail_msg("\"%s\" is in:\n%s", unwanted[i], ld_buffer_text(&out));
    ld_buffer_done(&out);
    ld_arena_free(arena);
}

int test_observed(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_observed_is_told)};
    return cmocka_run_group_tests_name("observed", tests, NULL, NULL);
}
