/* JUnit XML: a testsuite a scenario and one for the campaign; a testcase a check and a run. */
#include <stdio.h>
#include <string.h>

#include "reports/board.h"
#include "reports/style.h"

static int escape(struct ld_buffer *out, const char *text)
{
    static const struct {
        char character;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"},
                    {'\n', "&#10;"}, {'\t', "&#9;"}, {'\r', "&#13;"}};
    int code = 0;
    while (!code && *text) {
        size_t length = style_sequence(text);
        const char *entity = NULL;
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            entity = entities[i].character == *text ? entities[i].entity : entity;
        bool nonsense =
            length == 0 || (unsigned char)*text < 0x20 || /* XML 1.0 allows no other control character, */
            (length == 3 && memcmp(text, "\xef\xbf", 2) == 0 && (unsigned char)text[2] >= 0xbe); /* nor U+FFFE */
        if (entity)
            code = ld_buffer_add_text(out, entity);
        else
            code = nonsense ? ld_buffer_add_text(out, "?") : ld_buffer_add(out, text, length);
        text += length ? length : 1;
    }
    return code;
}

static int attribute(struct ld_buffer *out, const char *name, const char *text)
{
    int code = ld_buffer_printf(out, " %s=\"", name);
    if (!code)
        code = escape(out, text);
    return code ? code : ld_buffer_add_text(out, "\"");
}

/* What viewers show green is what has passed, or may be left out: an inconclusive check is neither. */
enum result { RESULT_PASSED, RESULT_FAILURE, RESULT_ERROR, RESULT_SKIPPED, RESULT_COUNT };
static const char *const elements[RESULT_COUNT] = {NULL, "failure", "error", "skipped"};

static const enum result results[] = {
    [LD_VERDICT_PASS] = RESULT_PASSED,
    [LD_VERDICT_FAIL] = RESULT_FAILURE,
    [LD_VERDICT_INCONCLUSIVE] = RESULT_ERROR,
    [LD_VERDICT_HARNESS] = RESULT_ERROR,
};

static enum result result_of_run(const struct ld_run_record *run)
{
    return run->validity == LD_VALID ? RESULT_PASSED : RESULT_SKIPPED;
}

/* The message of what has passed is for people: "" for none. */
static int testcase(struct ld_buffer *out, const char *class_name, const char *name, enum result result,
                    const char *message)
{
    int code = ld_buffer_add_text(out, "    <testcase");
    if (!code)
        code = attribute(out, "classname", class_name);
    if (!code)
        code = attribute(out, "name", name);
    if (code || (!elements[result] && !*message))
        return code ? code : ld_buffer_add_text(out, "/>\n");
    if (!elements[result]) {
        code = ld_buffer_add_text(out, "><system-out>");
        code = code ? code : escape(out, message);
        return code ? code : ld_buffer_add_text(out, "</system-out></testcase>\n");
    }
    code = ld_buffer_printf(out, "><%s", elements[result]);
    if (!code)
        code = attribute(out, "message", message);
    return code ? code : ld_buffer_add_text(out, "/></testcase>\n");
}

static int check_case(struct ld_buffer *out, const struct ld_check *check)
{
    char class_name[512], message[512] = "";
    snprintf(class_name, sizeof class_name, "%s%s%s", *check->cell ? check->cell : "campaign",
             *check->detector ? "." : "", check->detector);
    if (check->verdict != LD_VERDICT_PASS || check->notable)
        snprintf(message, sizeof message, "%s: asked %s; seen %s; line %u",
                 check->notable ? board_notable_word(check) : ld_verdict_name(check->verdict), check->asked,
                 check->seen, check->line);
    return testcase(out, class_name, check->what, results[check->verdict], message);
}

static const struct ld_cell *cell_of(const struct ld_plan *plan, uint32_t run)
{
    const struct ld_run_plan *planned = ld_plan_find_run(plan, run);
    return planned ? &plan->cells[planned->cell] : NULL;
}

/* A run that gives no evidence is skipped: whether there are too many of them is a check of its own. */
static int run_case(struct ld_buffer *out, const struct ld_run_record *run, const struct ld_cell *cell)
{
    char name[32], message[512] = "";
    snprintf(name, sizeof name, "run %u", run->run);
    if (run->validity != LD_VALID)
        snprintf(message, sizeof message, "%s: %s", ld_validity_name(run->validity), run->reason ? run->reason : "");
    return testcase(out, cell->name, name, result_of_run(run), message);
}

/* The cases of a scenario, "" for the campaign's; written to `out` when it is given, counted in any case. */
static int cases(const struct ld_report *report, const char *scenario, size_t counts[RESULT_COUNT],
                 struct ld_buffer *out)
{
    int code = 0;
    for (size_t i = 0; !code && i < report->verdicts->check_count; i++) {
        const struct ld_check *check = &report->verdicts->checks[i];
        if (strcmp(check->scenario, scenario) != 0)
            continue;
        counts[results[check->verdict]]++;
        code = out ? check_case(out, check) : 0;
    }
    for (size_t i = 0; !code && i < report->run_count; i++) {
        const struct ld_cell *cell = cell_of(report->plan, report->runs[i].run);
        if (!cell || strcmp(cell->scenario->name, scenario) != 0)
            continue;
        counts[result_of_run(&report->runs[i])]++;
        code = out ? run_case(out, &report->runs[i], cell) : 0;
    }
    return code;
}

static int suite(const struct ld_report *report, const char *scenario, struct ld_buffer *out)
{
    size_t counts[RESULT_COUNT] = {0}, again[RESULT_COUNT] = {0};
    (void)cases(report, scenario, counts, NULL);
    size_t tests = counts[0] + counts[1] + counts[2] + counts[3];
    if (tests == 0)
        return 0;
    int code = ld_buffer_add_text(out, "  <testsuite");
    if (!code)
        code = attribute(out, "name", *scenario ? scenario : "campaign");
    if (!code)
        code = ld_buffer_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n", tests,
                                counts[RESULT_FAILURE], counts[RESULT_ERROR], counts[RESULT_SKIPPED]);
    if (!code)
        code = cases(report, scenario, again, out);
    return code ? code : ld_buffer_add_text(out, "  </testsuite>\n");
}

int ld_report_junit(const struct ld_report *report, struct ld_buffer *out)
{
    int code = ld_buffer_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"leakdrill\">\n");
    for (size_t i = 0; !code && i < report->plan->cell_count; i++) {
        const char *name = report->plan->cells[i].scenario->name;
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen = seen || strcmp(report->plan->cells[j].scenario->name, name) == 0;
        if (!seen)
            code = suite(report, name, out);
    }
    if (!code)
        code = suite(report, "", out);
    return code ? code : ld_buffer_add_text(out, "</testsuites>\n");
}

/* ---- against a baseline */

static int finding_case(struct ld_buffer *out, const struct ld_regression *item)
{
    char class_name[512];
    enum result result = item->rerun == LD_RERUN_CONFIRMED ? RESULT_FAILURE
                         : ld_regression_is_open(item)     ? RESULT_ERROR
                                                           : RESULT_PASSED;
    snprintf(class_name, sizeof class_name, "%.256s.%.128s", item->cell, item->detector);
    return testcase(out, class_name, ld_regression_name(item->kind), result, item->text);
}

int ld_report_regressions_junit(const struct ld_regressions *regressions, const char *baseline, struct ld_buffer *out)
{
    char name[256];
    size_t failures = 0, errors = 0;
    for (size_t i = 0; i < regressions->count; i++) {
        failures += regressions->items[i].rerun == LD_RERUN_CONFIRMED;
        errors += ld_regression_is_open(&regressions->items[i]);
    }
    snprintf(name, sizeof name, "against %.200s", baseline);
    int code = ld_buffer_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"leakdrill\">\n"
                                       "  <testsuite");
    if (!code)
        code = attribute(out, "name", name);
    if (!code)
        code = ld_buffer_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n",
                                regressions->count ? regressions->count : 1, failures, errors);
    for (size_t i = 0; !code && i < regressions->count; i++)
        code = finding_case(out, &regressions->items[i]);
    if (!code && !regressions->count)
        code = testcase(out, name, "no difference", RESULT_PASSED, "");
    return code ? code : ld_buffer_add_text(out, "  </testsuite>\n</testsuites>\n");
}
