/* What a campaign is asked for and what it leaves: options, reports, databases, the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "groups.h"
#include "in_lab.h"
#include "terminal.h"

static void healthy(const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "%s.yaml", name);
    LAB_SCENARIO(&lab, file, "healthy.yaml", "NAME", name, "WARN", "20");
}

/* ---- schedules */

/* Ten times as fast, two at once, one of them killed and started again. */
static void instances_and_time_scale(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "two.yaml", "instances.yaml", "NAME", "two");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "two.db", "run", "two.yaml");
    lab_check(&result, 0, "Verdict: PASS, 2 of 2 runs\n", NULL);
    program_result_done(&result);
    lab_assert_database(&lab, "two.db");
    lab_assert_number(&lab, "two.db", "SELECT count(*) FROM run WHERE validity = 'valid'", 2);
    /* 22 s as written, without the start; here and below the upper bound is what it would be unscaled. */
    lab_assert_number(&lab, "two.db",
                      "SELECT min((observed_to_ns - observed_from_ns) / 1000000) BETWEEN 2100 AND 15000 "
                      "FROM run",
                      1);
    lab_assert_text(&lab, "two.db",
                    "SELECT group_concat(instance || '.' || incarnation || '=' || exit_status || '/' || expected, ' ') "
                    "FROM (SELECT * FROM incarnation JOIN run USING (run) JOIN cell USING (cell) WHERE fault_case = "
                    "'one-killed' ORDER BY instance, incarnation)",
                    "0.1=0/1 1.1=-9/1 1.2=0/1");
    lab_assert_text(&lab, "two.db", "SELECT text FROM fault_receipt", "KILL to 1 process, 1 dead");
    /* Asked for at 6 s, that is 600 ms; started again 1 s, that is 100 ms, after it was gone. */
    lab_assert_number(
        &lab, "two.db",
        "SELECT began_ns - method_from_ns - phase_ns / 10 BETWEEN 590e6 AND 4000e6 FROM fault_receipt JOIN "
        "run USING (run)",
        1);
    lab_assert_number(&lab, "two.db",
                      "SELECT second.from_ns - first.to_ns BETWEEN 100e6 AND 990e6 FROM incarnation first JOIN "
                      "incarnation second ON first.run = second.run AND first.instance = second.instance WHERE "
                      "first.incarnation = 1 AND second.incarnation = 2", 1);
    /* One life's leak ends with it; nobody else's does. */
    lab_assert_number(&lab, "two.db", "SELECT count(*) FROM truth_interval WHERE ended_by = 'kill'", 1);
    lab_assert_number(&lab, "two.db",
                      "SELECT count(*) FROM truth_interval WHERE ended_by = 'follow-up' AND confirmed = "
                      "final_amount",
                      4);
}

/* The Go programs that are built, in the shortest run that shows their leak. */
static void a_fixture_and_its_twin(void **state)
{
    (void)state;
    struct program_result result;
    if (!lab_has_programs())
        skip_for("the Go programs are not built");
    LAB_SCENARIO(&lab, "fixture.yaml", "fixture.yaml", "NAME", "fixture");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "fixture.db", "run", "fixture.yaml");
    lab_check(&result, 0, "Verdict: PASS, 2 of 2 runs\n", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "fixture.db",
                      "SELECT count(*) FROM truth_interval JOIN run USING (run) JOIN cell USING (cell) WHERE variant = "
                      "'leaky' AND confirmed = final_amount AND final_amount > 10", 1);
    lab_assert_number(&lab, "fixture.db", "SELECT count(*) FROM truth_interval JOIN run USING (run) JOIN cell USING "
                                          "(cell) WHERE variant = 'healthy'", 0);
}

/* ---- what is run */

static void a_filter_and_shards_choose_whole_cells(void **state)
{
    (void)state;
    static const char *const shards[] = {"1/3", "2/3", "3/3"};
    struct program_result result;
    char seeds[3][4096] = {"", "", ""}, database[32];
    size_t runs = 0, skipped = 0;
    healthy("one");
    healthy("two");
    healthy("three");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "filter.db", "run", "one.yaml", "two.yaml", "three.yaml", "--filter", "two/*");
    lab_check(&result, 0, "Verdict: PASS, 2 of 2 runs\n", NULL);
    program_result_done(&result);
    lab_assert_text(&lab, "filter.db", "SELECT group_concat(DISTINCT cell.name) FROM run JOIN cell USING (cell) WHERE "
                                       "started_wall_ns IS NOT NULL", "two/healthy/none");
    for (size_t i = 0; i < 3; i++) {
        snprintf(database, sizeof database, "shard%zu.db", i);
        LAB_RUN(&lab, &result, "run", "one.yaml", "two.yaml", "three.yaml", "--shard", shards[i], "--db", database);
        bool none = result.exit_code == 77;
        if (!none)
            lab_check_judged(&lab, &result, database);
        program_result_done(&result);
        skipped += none;
        if (none)
            continue;
        char *text = lab_text(&lab, database, "SELECT group_concat(run || ':' || printf('%u', seed)) FROM (SELECT * "
                                              "FROM run WHERE started_wall_ns IS NOT NULL ORDER BY run)");
        snprintf(seeds[i], sizeof seeds[i], "%s", text);
        free(text);
        /* Two runs a cell: a cell is never split. */
        lab_assert_number(&lab, database,
                          "SELECT count(*) FROM (SELECT cell FROM run WHERE started_wall_ns IS NOT NULL "
                          "GROUP BY cell HAVING count(*) <> 2)",
                          0);
        runs += (size_t)lab_number(&lab, database, "SELECT count(*) FROM run WHERE started_wall_ns IS NOT NULL");
    }
    assert_int_equal(runs, 6);
    assert_true(skipped < 2); /* else this shows nothing */
    for (size_t i = 0; i < 3; i++)
        for (char *place, *run = strtok_r(seeds[i], ",", &place); run; run = strtok_r(NULL, ",", &place))
            for (size_t k = 0; k < 3; k++)
                if (k != i && strstr(seeds[k], run))
                    fail_msg("run %s is in shards %zu and %zu", run, i + 1, k + 1);
}

static void fail_fast_starts_nothing_after_a_void_run(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "exits.yaml", "command.yaml", "NAME", "exits", "BEHAVIOUR", "exits", "runs: 1", "runs: 5");
    LAB_RUN(&lab, &result, "run", "exits.yaml", "--jobs", "1", "--fail-fast", "--db", "fast.db");
    lab_check(&result, 3, "1 of 5 runs\n", "[1/5] ");
    program_result_done(&result);
    lab_assert_number(&lab, "fast.db", "SELECT count(*) FROM run WHERE started_wall_ns IS NOT NULL", 1);
}

/* ---- reports */

static int64_t member(const json_t *object, const char *first, const char *second)
{
    const json_t *value = json_object_get(object, first);
    if (second)
        value = json_object_get(value, second);
    if (!json_is_integer(value))
        fail_msg("report.json: %s %s is no integer", first, second ? second : "");
    return json_integer_value(value);
}

static void check_json(const char *text)
{
    json_error_t error;
    json_t *report = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!report)
        fail_msg("report.json:%d: %s", error.line, error.text);
    assert_int_equal(member(report, "schema", NULL), 1);
    assert_int_equal(member(report, "exit_code", NULL), 1);
    assert_int_equal(member(report, "plan", "runs_planned"), 3);
    assert_int_equal(member(report, "excluded", "count"), 1);
    assert_string_equal(json_string_value(json_object_get(report, "verdict")), "fail");
    json_decref(report);
}

/* Every element is closed, in order; entities and quotes are whole. Enough to find what escaping forgot. */
static void check_xml(const char *text)
{
    char open[16][64];
    size_t depth = 0;
    for (const char *cursor = strchr(text, '<'); cursor; cursor = strchr(cursor, '<')) {
        const char *end = cursor + 1;
        for (bool quoted = false; *end && (quoted || *end != '>'); end++)
            quoted = *end == '"' ? !quoted : quoted;
        assert_int_equal(*end, '>');
        char name[64] = "";
        sscanf(cursor + 1, "%63[a-z]", name);
        if (cursor[1] == '/') {
            sscanf(cursor + 2, "%63[a-z]", name);
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (cursor[1] != '?' && end[-1] != '/') {
            assert_true(depth < 16);
            strcpy(open[depth++], name);
        }
        for (const char *byte = cursor + 1; byte < end; byte++)
            assert_int_not_equal(*byte, '<');
        cursor = end;
    }
    assert_int_equal(depth, 0);
    for (const char *ampersand = text; (ampersand = strchr(ampersand, '&')); ampersand++)
        assert_non_null(memchr(ampersand, ';', 8));
}

static void reports_are_written_in_their_formats(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "alarm.yaml", "healthy.yaml", "NAME", "alarm", "WARN", "4");
    LAB_SCENARIO(&lab, "garbage.yaml", "command.yaml", "NAME", "garbage", "BEHAVIOUR", "answers-garbage");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "told.db", "run", "alarm.yaml", "garbage.yaml", "--report", "told");
    lab_check(&result, 1, "Verdict: FAIL", NULL);
    program_result_done(&result);
    char *json = lab_read(&lab, "told/report.json"), *xml = lab_read(&lab, "told/junit.xml");
    assert_true(lab_has(&lab, "told/report.html"));
    assert_true(lab_has(&lab, "told/summary.md"));
    assert_non_null(json);
    assert_non_null(xml);
    check_json(json);
    check_xml(xml);
    assert_non_null(strstr(xml, "<failure "));
    assert_non_null(strstr(xml, "<testsuites name=\"leakdrill\">"));
    free(json);
    free(xml);
}

static void assert_same_file(const char *left, const char *right)
{
    char *one = lab_read(&lab, left), *other = lab_read(&lab, right);
    assert_non_null(one);
    assert_non_null(other);
    assert_string_equal(one, other);
    free(one);
    free(other);
}

/* What `report` writes of a database is what the campaign wrote at its end, byte for byte. */
static void a_stored_campaign_is_reported_again(void **state)
{
    (void)state;
    static const char *const formats[][2] = {{"json", "told/report.json"},
                                             {"junit", "told/junit.xml"},
                                             {"markdown", "told/summary.md"},
                                             {"html", "told/report.html"},
                                             {"text", "told/table.txt"}};
    struct program_result result;
    LAB_SCENARIO(&lab, "alarm.yaml", "healthy.yaml", "NAME", "alarm", "WARN", "4");
    healthy("calm");
    /* A filter leaves cells out: they are not missing in the report either. */
    RUN_UNTIL(&result, LAB_UNDISTURBED, "told.db", "run", "alarm.yaml", "calm.yaml", "--filter", "alarm/*", "--report",
              "told");
    lab_check(&result, 1, "Verdict: FAIL", NULL);
    program_result_done(&result);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        LAB_RUN(&lab, &result, "report", "--format", formats[i][0], "--db", "told.db", "--output", "again");
        lab_check(&result, 0, NULL, NULL);
        assert_string_equal(result.out, "");
        assert_string_equal(result.err, "");
        program_result_done(&result);
        assert_same_file(formats[i][1], "again");
    }
    char *page = lab_read(&lab, "told/report.html");
    static const char *const wanted[] = {"<b>Goroutines</b>",
                                         "<b>Resident memory</b>",
                                         "<b>Open files</b>",
                                         "<polyline class=\"line l0\" points=\"",
                                         "of a failed check",
                                         "bar-false",
                                         "</html>"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(page, wanted[i]))
            fail_msg("report.html lacks: %s", wanted[i]);
    free(page);
    LAB_RUN(&lab, &result, "report", "--format", "markdown", "--db", "told.db");
    lab_check(&result, 0, "## leakdrill: ❌ FAIL\n", NULL);
    program_result_done(&result);
}

static void reports_that_cannot_be_made_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        int exit_code;
        const char *message;
    } cases[] = {
        {{"report", "--format", "htm", NULL}, 4, "--format: there is no \"htm\"; did you mean html?\n"},
        {{"report", "--format", "pdf", NULL},
         4,
         "--format: there is no \"pdf\", but text, html, json, junit and markdown\n"},
        {{"report", "--format", "html", NULL}, 4, "no database in leakdrill-runs; say which with --db FILE\n"},
        {{"report", "--format", "html", "--db", "nowhere.db", NULL},
         4,
         "leakdrill report: nowhere.db: No such file or directory\n"},
        {{"report", "--format", "html", "--db", "text.db", NULL}, 3, "leakdrill report: text.db: "},
        {{"report", "--format", "json", "--db", "calm.db", "--output", "nowhere/it", NULL},
         3,
         "leakdrill report: cannot write nowhere/it: No such file or directory\n"},
        {{"report", "--format", "json", "--db", "calm.db", "--output", "/dev/full", NULL},
         3,
         "leakdrill report: cannot write /dev/full: No space left on device\n"},
    };
    struct program_result result;
    healthy("calm");
    lab_write(&lab, "text.db",
              "this is no database, and long enough for its first hundred bytes to be looked at by anybody who "
              "opens it: it is text.\n");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "calm.db", "run", "calm.yaml");
    lab_check(&result, 0, NULL, NULL);
    program_result_done(&result);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lab_run(&lab, &result, cases[i].words);
        lab_check(&result, cases[i].exit_code, NULL, cases[i].message);
        assert_string_equal(result.out, "");
        program_result_done(&result);
    }
}

static void places_that_cannot_be_written_are_named_before_anything_starts(void **state)
{
    (void)state;
    static const struct {
        const char *option, *value;
        int exit_code;
        const char *message;
    } cases[] = {
        {"--db", "there.db", 4, "leakdrill run: there.db exists; a campaign needs a new database\n"},
        {"--db", "nowhere/new.db", 3, "leakdrill run: nowhere/new.db: cannot open: No such file or directory\n"},
        {"--db", "there.db/new.db", 3, "leakdrill run: there.db/new.db: cannot open: Not a directory\n"},
        {"--db", "/proc/new.db", 3, "leakdrill run: /proc/new.db: cannot open: "},
        {"--report", "there.db", 3, "leakdrill run: --report: cannot write into there.db: Not a directory\n"},
        {"--report", "/proc/told", 3, "leakdrill run: --report: cannot make the folder /proc/told: "},
        {"--report", "closed", 3, "leakdrill run: --report: cannot write into closed: Permission denied\n"},
        {"--db", "closed/new.db", 3, "leakdrill run: closed/new.db: cannot open: Permission denied\n"},
    };
    char path[128];
    healthy("calm");
    lab_write(&lab, "there.db", "mine\n");
    snprintf(path, sizeof path, "%s/closed", lab.folder);
    assert_int_equal(mkdir(path, 0500), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct program_result result;
        if (strstr(cases[i].message, "Permission denied") && geteuid() == 0)
            continue; /* root may write anywhere */
        LAB_RUN(&lab, &result, "run", "calm.yaml", cases[i].option, cases[i].value);
        lab_check(&result, cases[i].exit_code, NULL, cases[i].message);
        assert_string_equal(result.out, "");
        if (strstr(result.err, "[1/2]"))
            fail_msg("runs were made: %s", result.err);
        program_result_done(&result);
        lab_assert_clean(&lab);
    }
    char *kept = lab_read(&lab, "there.db");
    assert_string_equal(kept, "mine\n");
    free(kept);
    assert_false(lab_has(&lab, "there.db-wal"));
}

/* ---- where results go */

static void a_reader_that_has_gone_is_an_error_but_no_loss(void **state)
{
    (void)state;
    struct running_program running;
    struct program_result result;
    healthy("calm");
    LAB_START(&lab, &running, "run", "calm.yaml", "--report", "told", "--db", "gone.db");
    close(running.out);
    running.out = -1;
    program_finish(&running, &result);
    /* Of runs that the machine voided 5 is said, which weighs more. */
    lab_check(&result, lab_number(&lab, "gone.db", LAB_UNDISTURBED) ? 3 : 5, NULL,
              "leakdrill: cannot write the result: Broken pipe\n");
    program_result_done(&result);
    lab_assert_database(&lab, "gone.db");
    lab_assert_number(&lab, "gone.db", "SELECT count(*) FROM campaign WHERE verdict IS NOT NULL", 1);
    assert_true(lab_has(&lab, "told/report.json"));
}

static void what_is_written_to_pipes_has_no_colour_and_no_motion(void **state)
{
    (void)state;
    struct program_result result;
    healthy("calm");
    LAB_RUN(&lab, &result, "run", "calm.yaml", "--db", "plain.db");
    lab_check_judged(&lab, &result, "plain.db");
    lab_check_said(&result, "Verdict: ", "[2/2] run ");
    if (strchr(result.out, '\033') || strchr(result.err, '\033'))
        fail_msg("escapes: %s%s", result.out, result.err);
    program_result_done(&result);
}

static void fail_on_terminal(const struct terminal *terminal, const struct program_result *result, const char *name)
{
    for (size_t row = 0; row < terminal->rows; row++)
        fprintf(stderr, "|%-*s|\n", (int)terminal->columns, terminal->screen[row]);
    fail_msg("%s: exit code %d, %zu lines too long, %zu colours, what was written: %s", name, result->exit_code,
             terminal->wraps, terminal->colours, result->out);
}

static void on_a_terminal(unsigned short columns, const char *name, const char *const *settings, bool coloured)
{
    static struct terminal terminal;
    struct running_program running;
    struct program_result result;
    const char *environment[8] = {lab.temporary, lab.fixtures};
    char database[48];
    for (size_t i = 0; settings[i]; i++)
        environment[2 + i] = settings[i];
    snprintf(database, sizeof database, "%s.db", name);
    program_start_on_terminal(&running, PROGRAM_HANGS_S, columns, lab.folder, environment,
                              (const char *const[]){"run", "leak.yaml", "--runs", "4", "--db", database, NULL});
    program_finish(&running, &result);
    terminal_show(&terminal, columns, result.out);
    lab_check_judged(&lab, &result, database);
    /* Why a run is void is said in one line, as long as it is. */
    bool fits = terminal.wraps == 0 || !lab_number(&lab, database, LAB_UNDISTURBED);
    if (!terminal_find(&terminal, "Verdict: ") || terminal_find(&terminal, "in hand") ||
        terminal_find(&terminal, "alerts  ") || !fits || (terminal.colours > 0) != coloured)
        fail_on_terminal(&terminal, &result, name);
    if (!strstr(result.out, " in hand, ")) /* there was a live table */
        fail_msg("%s: no live table: %s", name, result.out);
    assert_true(terminal.erasures > 4);
    program_result_done(&result);
}

static void a_terminal_gets_a_live_table_as_wide_as_it_is(void **state)
{
    (void)state;
    static const char *const plain[] = {"TERM=xterm", "NO_COLOR=1", NULL};
    static const char *const coloured[] = {"TERM=xterm", "NO_COLOR=", NULL};
    static const char *const unicode[] = {"TERM=xterm", "NO_COLOR=", "LC_ALL=C.UTF-8", NULL};
    /* Whether or not the Go programs are built: no note about it. */
    lab_fixtures(&lab, "{\"fixtures\": {}, \"upstreams\": {}, \"folders\": {\"leaky\": \"x\", \"healthy\": \"x\", "
                       "\"upstream\": \"x\"}}");
    LAB_SCENARIO(&lab, "leak.yaml", "leak.yaml", "NAME", "a-name-that-needs-more-room-than-there-is-in-sixty-columns",
                 "EXPECTATION", "detection: {observed: 100%}");
    on_a_terminal(60, "narrow", plain, false);
    on_a_terminal(200, "wide", coloured, true);
    on_a_terminal(80, "unicode", unicode, true);
}

static void a_dumb_terminal_gets_plain_lines(void **state)
{
    (void)state;
    struct running_program running;
    struct program_result result;
    const char *environment[] = {lab.temporary, lab.fixtures, "TERM=dumb", "NO_COLOR=1", NULL};
    healthy("calm");
    program_start_on_terminal(&running, PROGRAM_HANGS_S, 80, lab.folder, environment,
                              (const char *const[]){"run", "calm.yaml", "--db", "dumb.db", NULL});
    program_finish(&running, &result);
    lab_check_judged(&lab, &result, "dumb.db");
    lab_check_said(&result, "[2/2] run ", NULL);
    if (strchr(result.out, '\033'))
        fail_msg("escapes: %s", result.out);
    program_result_done(&result);
}

int test_campaign(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(instances_and_time_scale),
        IN_LAB(a_fixture_and_its_twin),
        IN_LAB(a_filter_and_shards_choose_whole_cells),
        IN_LAB(fail_fast_starts_nothing_after_a_void_run),
        IN_LAB(reports_are_written_in_their_formats),
        IN_LAB(a_stored_campaign_is_reported_again),
        IN_LAB(reports_that_cannot_be_made_say_why),
        IN_LAB(places_that_cannot_be_written_are_named_before_anything_starts),
        IN_LAB(a_reader_that_has_gone_is_an_error_but_no_loss),
        IN_LAB(what_is_written_to_pipes_has_no_colour_and_no_motion),
        IN_LAB(a_terminal_gets_a_live_table_as_wide_as_it_is),
        IN_LAB(a_dumb_terminal_gets_plain_lines),
    };
    return cmocka_run_group_tests_name("campaign", tests, NULL, NULL);
}
