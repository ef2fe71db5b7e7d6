/* Planted regressions: what makes a detector worse is found by `run --against`, and named by what was changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "groups.h"
#include "in_lab.h"

/* On stdout, wherever its lines are broken. */
static void assert_says(const struct program_result *result, const char *expected)
{
    size_t length = 0;
    char *text = calloc(strlen(result->out) + 1, 1);
    assert_non_null(text);
    for (const char *at = result->out; *at; at++) {
        bool space = *at == ' ' || *at == '\n';
        if (!space || (length && text[length - 1] != ' '))
            text[length++] = space ? ' ' : *at;
    }
    bool says = strstr(text, expected) != NULL;
    free(text);
    if (!says)
        fail_msg("\"%s\" is not in:\n%s", expected, result->out);
}

/* ---- a row of the matrix is disabled */

#define ROW "  - id: waitgroup-missing-done\n"
#define SEEN "SELECT count(*) >= 2 FROM outcome WHERE detector = 'matrix' AND kind = 'TP'"
#define MISSED "SELECT count(*) >= 2 FROM outcome WHERE detector = 'matrix' AND kind = 'FN'"

/* The shipped rules, and the same without one row. Both are whole files of their own: an identity each. */
static void write_rules(void)
{
    struct ld_buffer bytes;
    struct ld_error error = {0};
    ld_buffer_init(&bytes, 1 << 20);
    if (ld_file_read(SOURCE_FOLDER "/scenarios/matrix/current.yaml", &bytes, &error) != 0)
        fail_msg("%s", error.message);
    const char *text = ld_buffer_text(&bytes);
    lab_write(&lab, "rules.yaml", text);
    const char *row = strstr(text, ROW);
    assert_non_null(row);
    const char *next = strstr(row + strlen(ROW), "  - id: ");
    assert_non_null(next);
    char *fewer = NULL;
    assert_true(asprintf(&fewer, "%.*s%s", (int)(row - text), text, next) > 0);
    lab_write(&lab, "fewer.yaml", fewer);
    free(fewer);
    ld_buffer_done(&bytes);
}

static void a_disabled_row_is_found_and_named(void **state)
{
    struct program_result result;
    (void)state;
    write_rules();
    LAB_SCENARIO(&lab, "whole.yaml", "regression.yaml", "RULES", "rules.yaml");
    LAB_SCENARIO(&lab, "part.yaml", "regression.yaml", "RULES", "fewer.yaml");
    RUN_UNTIL(&result, SEEN, "whole.db", "run", "whole.yaml", "--jobs", "2");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "baseline", "save", "rules", "--db", "whole.db");
    lab_check(&result, 0, "leakdrill-baselines/rules.json: 4 rows", NULL);
    program_result_done(&result);
    RUN_UNTIL(&result, MISSED, "part.db", "run", "part.yaml", "--jobs", "2", "--filter", "wait/leaky/none",
              "--against", "rules");
    lab_check(&result, 1, "lost        matrix, wait/leaky/none: saw 0 of ", "the cells concerned run 11 times more");
    assert_says(&result, "by row waitgroup-missing-done of v0.");
    assert_says(&result, ", have no such row");
    assert_says(&result, "changed matrix, wait: it reads fewer.yaml ");
    assert_says(&result, "run again: 0 of ");
    assert_says(&result, ", beyond chance among ");
    assert_null(strstr(result.out, "lost        growth")); /* it is not told of the rules */
    program_result_done(&result);
}

/* ---- rules are edited while the campaign runs */

#define EDITED "mine.yaml was edited meanwhile: every run was judged by it as it was when the campaign began"

static void rules_that_are_edited_meanwhile_change_nothing(void **state)
{
    struct running_program running;
    struct program_result result;
    (void)state;
    write_rules();
    char *rules = lab_read(&lab, "rules.yaml");
    lab_write(&lab, "mine.yaml", rules);
    LAB_SCENARIO(&lab, "recv.yaml", "quick-recv.yaml", "growth]", "growth, {matrix: {rules: mine.yaml}}]");
    LAB_START(&lab, &running, "run", "recv.yaml", "--jobs", "1", "--db", "edited.db");
    lab_await_number(&lab, "edited.db", "SELECT count(*) FROM phase WHERE name = 'method'", 1);
    lab_write(&lab, "mine.yaml", "matrix: broken\n");
    program_finish(&running, &result);
    bool busy = result.exit_code == 3 || result.exit_code == 5; /* its runs are void: not what is asked here */
    lab_check(&result, busy ? result.exit_code : 0, NULL, EDITED);
    program_result_done(&result);
    lab_assert_number(&lab, "edited.db", "SELECT count(*) FROM detector WHERE name = 'matrix' AND NOT failed", 6);
    lab_assert_text(&lab, "edited.db", "SELECT value FROM fact WHERE name = 'rules.mine.yaml'", rules);
    free(rules);
}

/* ---- goleak no longer waits for what is under way */

#define ATTEMPTS 4

/* Run a scenario until two runs of it are evidence (`evidence`: SQL that counts them). As lab_run_until, but goleak may
 * speak by chance where it settles: one undisturbed attempt without evidence is not a failure yet, only attempts are.
 * False: the machine disturbed all of them. */
static bool run_until_evident(struct program_result *ret_result, const char *scenario, const char *evidence,
                              const char *const *more, char database[32])
{
    int undisturbed = 0;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        const char *arguments[16] = {"run", scenario, "--jobs", "2", "--db", database};
        size_t count = 6;
        for (size_t i = 0; more[i]; i++)
            arguments[count++] = more[i];
        snprintf(database, 32, "%.20s-%d.db", scenario, attempt);
        lab_run(&lab, ret_result, arguments);
        if (lab_number(&lab, database, evidence) >= 2)
            return true;
        undisturbed += lab_number(&lab, database, LAB_UNDISTURBED) != 0;
        program_result_done(ret_result);
    }
    if (undisturbed)
        fail_msg("%s: %d attempts were not disturbed and show nothing of: %s", scenario, undisturbed, evidence);
    return false;
}

#define VALID "SELECT count(*) FROM run WHERE validity = 'valid'"
#define ALERTS "(SELECT count(*) FROM alert WHERE detector = 'goleak')"
#define SETTLED VALID " AND " ALERTS " = 0" /* a baseline with a false alarm by chance would be another one */
#define HASTY VALID " AND " ALERTS " > 0"

static void goleak_without_settling_is_found_and_named(void **state)
{
    struct program_result result;
    char database[32];
    (void)state;
    LAB_SCENARIO(&lab, "settled.yaml", "goleak.yaml", "SETTLE", "500ms");
    LAB_SCENARIO(&lab, "hasty.yaml", "goleak.yaml", "SETTLE", "0s");
    if (!run_until_evident(&result, "settled.yaml", SETTLED,
                           (const char *const[]){"--filter", "calm/healthy/slow", NULL}, database))
        skip_for("the machine is too busy");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "baseline", "save", "settled", "--db", database);
    lab_check(&result, 0, "leakdrill-baselines/settled.json: 1 row", NULL);
    program_result_done(&result);
    if (!run_until_evident(
            &result, "hasty.yaml", HASTY,
            (const char *const[]){"--filter", "calm/healthy/slow", "--against", "settled", "--report", "report", NULL},
            database))
        skip_for("the machine is too busy");
    lab_check(&result, 1, "Against the baseline settled: worse", NULL);
    assert_says(&result, "false-alarm goleak, calm/healthy/slow: false alarms in ");
    assert_says(&result, ", in the baseline 0 of ");
    assert_says(&result, "; run again: ");
    assert_says(&result, ", beyond chance among ");
    assert_says(&result, "; its settle was \"500ms\" and is \"0s\"");
    program_result_done(&result);
    static const char *const files[][2] = {
        {"report/against.txt", "false-alarm goleak, calm/healthy/slow"},
        {"report/against.json", "\"rerun\": \"confirmed\""},
        {"report/against.xml", "name=\"false-alarm\"><failure message=\"false alarms"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *text = lab_read(&lab, files[i][0]);
        if (!text || !strstr(text, files[i][1]))
            fail_msg("\"%s\" is not in %s:\n%s", files[i][1], files[i][0], text ? text : "(no file)");
        free(text);
    }
}

int test_regression(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(a_disabled_row_is_found_and_named),
        IN_GROUP(rules_that_are_edited_meanwhile_change_nothing),
        IN_GROUP(goleak_without_settling_is_found_and_named),
    };
    if (lacks_programs("regression"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("regression", tests, open_lab, close_lab);
}
