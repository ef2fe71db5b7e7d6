/* The board over all leaks as it is written, from standings made by hand. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "reports/groups.h"
#include "reports/report.h"

static const struct ld_cost_row cost = {
    .scenario = "cost",
    .detector = "matrix",
    .period_ns = LD_SECOND,
    .pairs = 8,
    .values = {[LD_COST_CPU] = {8, 2 * LD_SECOND, 130 * LD_MS, true, 100 * LD_MS, 160 * LD_MS}}};
#define MATRIX                                                                                                         \
    {                                                                                                                  \
        .detector = "matrix", .leaks_told = 6, .has_shares = true, .seen = 358, .late = 3, .missed = 2,                \
        .counts =                                                                                                      \
            {[LD_OUTCOME_TP] = 355, [LD_OUTCOME_TP_LATE] = 3, [LD_OUTCOME_FN] = 2, [LD_OUTCOME_OUT_OF_RANGE] = 4},     \
        .wilson = {true, 0.98, 0.998}, .clustered = {true, 0.91, 1}, .cause_right = 350, .site_right = 300,            \
        .leaky_runs = 360, .leaky_alerted = 358, .twin_runs = 360, .twin_alerted = 2, .calm_runs = 280,                \
        .difference = {true, 0.9, 0.99}, .false_alarms = 2, .wrong_site = 1, .quiet_hours = 2.5, .rate = 0.8,          \
        .rate_lower = 0.1, .rate_upper = 2.9, .rate_by_program = {true, 0, 4.5}, .during_hold = 3, .hold_hours = 1.5,  \
        .time = {.n = 364, .events = 358, .median_ns = 1900 * LD_MS}, .mean_ns = 2 * LD_SECOND,                        \
        .mean_to_ns = 6 * LD_SECOND, .cost = &cost                                                                     \
    }
#define SILENT                                                                                                         \
    {                                                                                                                  \
        .detector = "threshold", .counts = {[LD_OUTCOME_OUT_OF_RANGE] = 360}, .leaky_runs = 360, .twin_runs = 360,     \
        .time = {.median_ns = -1}, .mean_ns = -1                                                                       \
    }
static struct ld_standing items[] = {MATRIX, SILENT, MATRIX, SILENT, MATRIX, SILENT};
static const char *groups[] = {"", "none", "kill"};
static const struct ld_standings standings = {.detector_count = 2,
                                              .group_count = 3,
                                              .groups = groups,
                                              .items = items,
                                              .time_scale = 20,
                                              .period_ns = 250 * LD_MS,
                                              .leaks = 6,
                                              .calm = 6,
                                              .runs_least = 20,
                                              .runs_most = 20};

static void assert_says(const struct ld_buffer *out, const char *text)
{
    if (!strstr(ld_buffer_text(out), text))
        fail_msg("no \"%s\" in:\n%s", text, ld_buffer_text(out));
}

static void print(struct ld_buffer *out, const struct ld_standings *of, unsigned width)
{
    ld_buffer_clear(out);
    assert_int_equal(ld_report_standings(of, &(struct ld_text_style){width, false, true}, out), 0);
}

static void a_terminal_has_its_tables(void **state)
{
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 1 << 20);
    print(&out, &standings, 120);
    assert_says(&out,
                "6 leaks with healthy twins, 6 programs that never leak, 20 runs of each cell; sampled every 250ms, 20 "
                "times as fast");
    assert_says(&out, " matrix               358/360  99.4%  91 to 100%  98 to 100%    3     2   350/358   300/358\n"
                      "   not counted: 4 OUT_OF_RANGE\n"
                      " threshold                  -      -           -           -    0     0         -         -\n"
                      "   not counted: 360 OUT_OF_RANGE\n");
    assert_null(strstr(ld_buffer_text(&out), " \n")); /* nothing but blanks behind a heading */
    assert_says(&out, "A time to detect needs 6 leaks");
    assert_says(&out, " matrix               358/360    2/360    +99%     90 to 99%    0/280    1.9s      2s\n");
    assert_says(
        &out, " matrix                  2  2h30m    0.8         0 to 4.5       0.1 to 2.9     1     3  1h30m      2\n"
              " threshold               0      -      -                -                -     0     0      -      -\n");
    assert_says(
        &out, " matrix                 +130ms          -           -          -           -                    cost\n");
    assert_says(&out, "                             none          kill\n"
                      " matrix                358/360 !3    358/360 !3\n");
    ld_buffer_done(&out);
}

static void a_narrow_terminal_is_not_exceeded(void **state)
{
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 1 << 20);
    print(&out, &standings, 80);
    assert_null(strstr(ld_buffer_text(&out), "98 to 100%")); /* Wilson's goes first */
    assert_says(&out, "91 to 100%");
    assert_says(&out,
                " matrix                  2  2h30m    0.8         0 to 4.5     1     3  1h30m\n"); /* nor Poisson's */
    for (const char *line = ld_buffer_text(&out); *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 80);
    ld_buffer_done(&out);
}

/* More fault cases than fit beside each other stand below each other. */
static void many_fault_cases_are_not_exceeding(void **state)
{
    static const char *many[] = {"", "none", "kill", "latency", "reset", "an-upstream-that-is-killed", "stall"};
    struct ld_standing all[14];
    struct ld_standings of = standings;
    struct ld_buffer out;
    (void)state;
    for (size_t i = 0; i < 14; i++)
        all[i] = items[i % 2];
    of.items = all;
    of.groups = many;
    of.group_count = 7;
    ld_buffer_init(&out, 1 << 20);
    print(&out, &of, 80);
    assert_says(&out, "                             none          kill       latency         reset\n");
    assert_says(&out, "                    an-upstream-…         stall\n"
                      " matrix                358/360 !3    358/360 !3\n");
    for (const char *line = ld_buffer_text(&out); *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 82); /* an ellipsis has three bytes */
    ld_buffer_done(&out);
}

/* Time that runs faster makes many alarms an hour; a tool on the source has no hours. */
static void rates_have_no_powers_of_ten(void **state)
{
    struct ld_standing two[] = {MATRIX, MATRIX};
    struct ld_standings of = standings;
    struct ld_buffer out;
    (void)state;
    two[0].rate = 999.7;
    two[0].rate_lower = 812.4;
    two[0].rate_upper = 12345.6;
    two[1].detector = "go-vet";
    two[1].timeless = true;
    two[1].wilson.given = false;
    two[1].quiet_hours = two[1].hold_hours = 0;
    two[1].rate_by_program.given = false;
    two[1].time.n = 0;
    of.items = two;
    of.group_count = 1;
    ld_buffer_init(&out, 1 << 20);
    print(&out, &of, 120);
    assert_says(
        &out, " matrix                  2  2h30m   1000         0 to 4.5     812 to 12346     1     3  1h30m      2\n");
    assert_says(
        &out, " go-vet                  2      -      -                -                -     1     3      -      -\n");
    assert_says(&out, " go-vet               358/360    2/360    +99%     90 to 99%    0/280       -       -\n");
    assert_says(&out, " go-vet               358/360  99.4%  91 to 100%           -    3     2   350/358   300/358\n"
                      "   one result of each program, told in every run; not counted: 4 OUT_OF_RANGE\n");
    ld_buffer_done(&out);
}

/* Of few runs there are counts, and nothing that looks like a probability. */
static void few_runs_have_no_percentages(void **state)
{
    struct ld_standing few[] = {MATRIX, SILENT};
    struct ld_standings of = standings;
    struct ld_buffer out;
    (void)state;
    few[0].has_shares = few[0].wilson.given = few[0].clustered.given = few[0].difference.given = false;
    few[0].cost = NULL;
    of.items = few;
    of.group_count = 1;
    assert_false(ld_standings_can_claim(&of));
    ld_buffer_init(&out, 1 << 20);
    of.time_scale = 1;
    print(&out, &of, 120);
    assert_says(&out, "20 runs of each cell; sampled every 250ms\n");
    assert_says(&out, " matrix               358/360      -           -           -    3     2   350/358   300/358\n");
    assert_null(strstr(ld_buffer_text(&out), "Cost"));
    assert_null(strstr(ld_buffer_text(&out), "99"));
    ld_buffer_done(&out);
}

static void markdown_and_json_say_the_same(void **state)
{
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_report_standings_markdown(&standings, &out), 0);
    assert_says(
        &out, "| `matrix` not counted: 4 OUT_OF_RANGE | 358/360 | 99.4% | 91 to 100% | 98 to 100% | 3 | 2 | 350/358 | "
              "300/358 |\n");
    assert_says(&out, "| detector | none | kill |\n| --- | ---: | ---: |\n| `matrix` | 358/360 !3 | 358/360 !3 |\n");
    ld_buffer_clear(&out);
    assert_int_equal(ld_report_standings_json(&standings, &out), 0);
    json_t *object = json_loads(ld_buffer_text(&out), 0, NULL);
    json_t *rows = json_object_get(object, "rows"), *whole = json_array_get(rows, 0), *kill = json_array_get(rows, 4);
    assert_int_equal(json_array_size(rows), 6);
    assert_true(json_is_null(json_object_get(whole, "fault")));
    assert_string_equal(json_string_value(json_object_get(kill, "fault")), "kill");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(whole, "outcomes"), "OUT_OF_RANGE")), 4);
    assert_true(json_is_null(json_object_get(json_array_get(rows, 1), "by_leak")));
    json_decref(object);
    ld_buffer_done(&out);
}

/* Where it can claim something the reports of a campaign show it, else they do not. */
static void reports_show_what_can_be_claimed(void **state)
{
    static const struct ld_plan plan = {.seed = 1};
    static const struct ld_score score;
    static const struct ld_verdicts verdicts = {.calibrated = true};
    static const struct ld_text_style style = {120, false, true};
    struct ld_report report = {.plan = &plan, .score = &score, .verdicts = &verdicts, .standings = &standings};
    struct ld_report_details details = {0};
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 1 << 22);
    for (int claims = 1; claims >= 0; claims--) {
        items[0].has_shares = items[1].has_shares = claims;
        assert_int_equal(ld_standings_can_claim(&standings), claims);
        ld_buffer_clear(&out);
        assert_int_equal(ld_report_text(&report, &style, &out), 0);
        assert_int_equal(strstr(ld_buffer_text(&out), "\nThe board\n") != NULL, claims);
        ld_buffer_clear(&out);
        assert_int_equal(ld_report_markdown(&report, &out), 0);
        assert_int_equal(strstr(ld_buffer_text(&out), "### The board\n") != NULL, claims);
        ld_buffer_clear(&out);
        assert_int_equal(ld_report_html(&report, &details, &out), 0);
        assert_int_equal(strstr(ld_buffer_text(&out), "<h2 id=\"standings\">Over all leaks</h2>") != NULL, claims);
        assert_int_equal(strstr(ld_buffer_text(&out), "<td class=\"number\">91 to 100%</td>") != NULL, claims);
        ld_buffer_clear(&out);
        assert_int_equal(ld_report_json(&report, &out), 0);
        assert_says(&out, "\"board\": {"); /* counts are JSON's always */
    }
    ld_buffer_done(&out);
}

/* The intervals are explained where there are some. */
static void costs_without_intervals_have_none_explained(void **state)
{
    struct ld_cost_row few = cost;
    struct ld_costs costs = {.row_count = 1, .rows = &few};
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_report_costs(&costs, &(struct ld_text_style){.width = 200}, &out), 0);
    assert_says(&out, "at least and at most: its 95 % interval");
    ld_buffer_clear(&out);
    few.values[LD_COST_CPU] = (struct ld_cost_value){2, 2 * LD_SECOND, 130 * LD_MS, false, 0, 0};
    assert_int_equal(ld_report_costs(&costs, &(struct ld_text_style){.width = 200}, &out), 0);
    assert_says(&out, "it has a 95 % interval from ");
    assert_null(strstr(ld_buffer_text(&out), "at least"));
    ld_buffer_done(&out);
}

int test_standings(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_has_its_tables),
        cmocka_unit_test(a_narrow_terminal_is_not_exceeded),
        cmocka_unit_test(many_fault_cases_are_not_exceeding),
        cmocka_unit_test(rates_have_no_powers_of_ten),
        cmocka_unit_test(few_runs_have_no_percentages),
        cmocka_unit_test(markdown_and_json_say_the_same),
        cmocka_unit_test(reports_show_what_can_be_claimed),
        cmocka_unit_test(costs_without_intervals_have_none_explained),
    };
    return cmocka_run_group_tests_name("standings", tests, NULL, NULL);
}
