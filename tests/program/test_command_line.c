/* The command line: usage, help, lint, explain, list and plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "groups.h"
#include "run_program.h"
#include "terminal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char good[] = "leakdrill: 1\nname: bodies\ndoc: Response bodies stay open.\n"
                           "target: {fixture: http/body-not-closed, variants: [leaky, healthy]}\nupstream: http-echo\n"
                           "load: {path: /work, rate: 40/s, from: 2s, for: 10s}\n"
                           "detectors: [before-after]\nrepeat: {runs: 3}\n";
static const char bad[] = "leakdrill: 1\nname: bodies\nname: twice\ntarget: {fixtur: 1}\n";

static char folder[] = "/tmp/leakdrill-program-XXXXXX";

static void write_file(const char *name, const char *text)
{
    FILE *stream = fopen(name, "we");
    assert_non_null(stream);
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    write_file("good.yaml", good);
    write_file("bad.yaml", bad);
    write_file("neither.yaml", "x: 1\n");
    /* Names are taken as they are, whether or not the Go programs are built. */
    return setenv("LEAKDRILL_FIXTURES_FILE", "/nonexistent/fixtures.json", 1);
}

static int remove_folder(void **state)
{
    (void)state;
    unlink("good.yaml");
    unlink("bad.yaml");
    unlink("neither.yaml");
    return rmdir(folder);
}

static void check(const struct program_result *result, int exit_code, const char *out, const char *err)
{
    if (result->exit_code != exit_code || (out && !strstr(result->out, out)) || (err && !strstr(result->err, err)))
        fail_msg("exit code %d, not %d\nstdout: %s\nstderr: %s\nwanted: %s %s", result->exit_code, exit_code,
                 result->out, result->err, out ? out : "", err ? err : "");
}

static void usage_errors_are_exit_4_and_name_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *words[4];
        const char *message;
    } cases[] = {
        {{NULL}, "usage: leakdrill COMMAND"},
        {{"lnt"}, "unknown command \"lnt\"; did you mean lint?"},
        {{"plan", "--sed", "3"}, "leakdrill plan: unknown option --sed; did you mean --seed?"},
        {{"plan", "--seed"}, "--seed needs a value: --seed N"},
        {{"plan", "--seed="}, "--seed needs a value: --seed N"},
        {{"plan", "--seed=x"}, "--seed: \"x\" is not a whole number"},
        {{"plan", "--jobs=0"}, "--jobs: 0 is out of range: 1 to 1024"},
        {{"plan", "--json=1"}, "--json takes no value"},
        {{"plan", "--seed=1", "--seed=2"}, "--seed is given twice"},
        {{"plan", "--shard", "3/2"}, "--shard: \"3/2\" is not K/N"},
        {{"plan", "-x"}, "unknown option -x"},
        {{"plan", "good.yaml", "--filter=zzz"}, "no cell matches"},
        {{"plan", "--", "--json"}, "--json: No such file"},
        {{"version", "1"}, "unexpected argument \"1\""},
        {{"lint", "/nonexistent"}, "/nonexistent: No such file or directory"},
        {{"explain", "targt"}, "did you mean \"target\"?"},
        {{"explain", "replay"}, "replay is a command: leakdrill help replay"},
        {{"explain", "matrox"}, "did you mean \"matrix\"?"},
        {{"help", "lnt"}, "did you mean lint?"},
        {{"verify", "--what"}, "leakdrill verify: not implemented yet"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct program_result result;
        run_program(&result, PROGRAM_HANGS_S, NULL, NULL, cases[i].words);
        check(&result, 4, NULL, cases[i].message);
        assert_string_equal(result.out, "");
        program_result_done(&result);
    }
}

static void help_and_version_go_to_stdout(void **state)
{
    (void)state;
    static const struct {
        const char *words[3];
        const char *text;
    } cases[] = {
        {{"--version"}, "leakdrill 0."},          {{"version"}, "leakdrill 0."},
        {{"--help"}, "usage: leakdrill COMMAND"}, {{"help"}, "check scenario, rule and proxy files"},
        {{"plan", "--help"}, "--shard K/N"},      {{"help", "plan"}, "--shard K/N"},
        {{"lint", "-h"}, "usage: leakdrill lint"}, {{"verify", "--help"}, "not implemented yet"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct program_result result;
        run_program(&result, PROGRAM_HANGS_S, NULL, NULL, cases[i].words);
        check(&result, 0, cases[i].text, NULL);
        assert_string_equal(result.err, "");
        program_result_done(&result);
    }
}

/* Without a terminal, 80 columns. */
static void explanations_are_80_columns_wide(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"help"},
        {"list"},
        {"explain"},
        {"explain", "matrix"},
        {"explain", "outcomes"},
        {"explain", "faults"},
        {"explain", "detectors"},
        {"explain", "growth"},
        {"help", "new-fixture"},
        {"help", "run"},
        {"help", "replay"},
        {"help", "explain"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct program_result result;
        run_program(&result, PROGRAM_HANGS_S, NULL, NULL, cases[i]);
        check(&result, 0, "\n", NULL);
        unsigned column = 0;
        for (const char *at = result.out; *at; at++) {
            column = *at == '\n' ? 0 : column + (((unsigned char)*at & 0xc0) != 0x80);
            if (column > 80)
                fail_msg("leakdrill %s %s: a line of more than 80 columns before: %.40s", cases[i][0],
                         cases[i][1] ? cases[i][1] : "", at);
        }
        program_result_done(&result);
    }
}

static void lint_prints_every_error_and_exits_2(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "lint", "good.yaml");
    check(&result, 0, "no errors; scenarios: 1, matrix rule files: 0, proxy files: 0\n", NULL);
    program_result_done(&result);
    RUN(&result, "lint", ".");
    check(&result, 2, "./bad.yaml:3:1: duplicate key \"name\"; first given at line 2\n", "errors: 3, files: 3\n");
    check(&result, 2, "./bad.yaml:4:10: target.fixtur: unknown key \"fixtur\"; did you mean \"fixture\"?\n", NULL);
    check(&result, 2, "./neither.yaml:1:1: none of our files: a scenario has the key leakdrill", NULL);
    program_result_done(&result);
}

static const char sparse[] = "leakdrill: 1\nname: sparse\ntarget: {fixture: http/body-not-closed}\n"
                             "load: {path: /work, rate: 40/s, for: 10s}\nrepeat: {runs: 3}\n"
                             "detectors: [prometheus: {rules: rules.yml, scrape_interval: 1m, as: sre}]\n";
static const char rules[] = "groups:\n- name: a\n  rules:\n  - {alert: A, expr: go_goroutines > 9, labels: {severity: "
                            "urgent}}\n";

/* What is allowed and hardly meant is told, and is no error. */
static void remarks_are_told(void **state)
{
    (void)state;
    struct program_result result;
    write_file("sparse.yaml", sparse);
    write_file("rules.yml", rules);
    RUN(&result, "lint", "sparse.yaml");
    check(&result, 0, "note: sparse.yaml: sre: scrape_interval 1m, and the longest run is observed for ", NULL);
    check(&result, 0, "severity \"urgent\" is taken as red", NULL);
    check(&result, 0, "no errors; scenarios: 1", NULL);
    program_result_done(&result);
    RUN(&result, "plan", "sparse.yaml", "--json");
    check(&result, 0, "\"cells\":[", "note: sparse.yaml: sre: scrape_interval 1m");
    program_result_done(&result);
    unlink("sparse.yaml");
    unlink("rules.yml");
}

static void one_seed_gives_one_plan(void **state)
{
    (void)state;
    struct program_result once, again, other;
    RUN(&once, "plan", "good.yaml", "--json", "--seed", "4");
    RUN(&again, "plan", "--seed=4", "--json", "good.yaml");
    RUN(&other, "plan", "--seed=5", "--json", "good.yaml");
    check(&once, 0, "\"cells\":[", NULL);
    assert_string_equal(once.out, again.out);
    assert_string_not_equal(once.out, other.out);
    program_result_done(&once);
    program_result_done(&again);
    program_result_done(&other);
    RUN(&once, "plan", "good.yaml", "bad.yaml");
    check(&once, 2, NULL, "target.fixtur");
    assert_string_equal(once.out, "");
    program_result_done(&once);
}

static void names_are_checked_against_what_is_installed(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int exit_code;
        const char *out, *err;
    } cases[] = {
        {"{\"fixtures\": {\"http/body-not-closed\": {\"program\": \"a\", \"case\": \"b\"}}, \"upstreams\": "
         "{\"http-echo\": {\"program\": \"c\"}}, \"folders\": {\"leaky\": \"l\", \"healthy\": \"h\", \"upstream\": "
         "\"u\"}}",
         0, "no errors", NULL},
        {"{\"fixtures\": {\"http/body-not-close\": {\"program\": \"a\", \"case\": \"b\"}}, \"upstreams\": "
         "{\"http-echo\": {\"program\": \"c\"}}, \"folders\": {\"leaky\": \"l\", \"healthy\": \"h\", \"upstream\": "
         "\"u\"}}",
         2, "http/body-not-close\"", NULL},
        {"{\"fixtures\": {}, \"upstreams\": {}}", 3, NULL, "needs fixtures, upstreams and folders"},
        {"{\"fixtures\": {\"x\": {}}, \"upstreams\": {}, \"folders\": {\"leaky\": \"l\", \"healthy\": \"h\", "
         "\"upstream\": \"u\"}}",
         3, NULL, "an entry needs a program"},
        {"{", 3, NULL, "fixtures.json:1:"},
        {"{\"fixtures\": {\"http/body-not-closed\": {\"program\": \"a\", \"case\": \"b\", \"variants\": "
         "[\"healthy\"]}}, \"upstreams\": {\"http-echo\": {\"program\": \"c\"}}, \"folders\": {\"leaky\": \"l\", "
         "\"healthy\": \"h\", \"upstream\": \"u\"}}",
         2,
         "good.yaml:4:51: target.variants: the fixture http/body-not-closed has no leaky variant: write variants: "
         "[healthy]\n",
         NULL},
    };
    static const char *const environment[] = {"LEAKDRILL_FIXTURES_FILE=fixtures.json", NULL};
    static const char *const words[] = {"lint", "good.yaml", NULL};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct program_result result;
        write_file("fixtures.json", cases[i].json);
        run_program(&result, PROGRAM_HANGS_S, NULL, environment, words);
        check(&result, cases[i].exit_code, cases[i].out, cases[i].err);
        program_result_done(&result);
    }
    unlink("fixtures.json");
}

/* A pipe would hang, a device would never end; what is no file is said before anything is read. */
static void only_files_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *name, *message;
    } cases[] = {
        {"fifo", "fifo: neither a file nor a folder"},
        {"/dev/zero", "/dev/zero: neither a file nor a folder"},
        {"loop", "loop: Too many levels of symbolic links"},
        {"dangling", "dangling: No such file or directory"},
        {"", "an empty name is no file"},
    };
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(symlink("gone", "dangling"), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct program_result result;
        RUN(&result, "lint", cases[i].name);
        check(&result, 4, NULL, cases[i].message);
        program_result_done(&result);
    }
    struct program_result result;
    RUN(&result, "proxy", "--check", "--file", "fifo");
    check(&result, 2, NULL, "fifo: is a pipe, not a file");
    program_result_done(&result);
    unlink("fifo");
    unlink("loop");
    unlink("dangling");
}

/* A rule file is a part of the scenario: it is opened by everything that checks one. */
static void rule_files_are_checked_where_they_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *message;
    } cases[] = {
        {"gone.yaml", "rules.yaml:6:13: detectors[0]: gone.yaml: cannot open: No such file or directory\n"},
        {"/dev/zero", "rules.yaml:6:13: detectors[0]: /dev/zero: is a device or a socket, not a file\n"},
        {"broken.yaml", "rules.yaml:6:13: detectors[0]: broken.yaml:1:1: matrx: unknown key \"matrx\""},
    };
    write_file("broken.yaml", "matrx: 1\n");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct program_result result;
        char text[400];
        snprintf(text, sizeof text,
                 "leakdrill: 1\nname: rules\ntarget: {fixture: http/body-not-closed}\nupstream: http-echo\n"
                 "load: {rate: 40/s, for: 10s}\ndetectors: [{matrix: {rules: %s}}]\n",
                 cases[i].rules);
        write_file("rules.yaml", text);
        RUN(&result, "lint", "rules.yaml");
        check(&result, 2, cases[i].message, NULL);
        program_result_done(&result);
        RUN(&result, "plan", "rules.yaml");
        check(&result, 2, NULL, cases[i].message);
        program_result_done(&result);
        RUN(&result, "run", "--dry-run", "rules.yaml");
        check(&result, 2, NULL, cases[i].message);
        program_result_done(&result);
    }
    unlink("broken.yaml");
    unlink("rules.yaml");
}

/* A name of a file breaks neither a line nor a terminal. */
static void names_of_files_are_harmless(void **state)
{
    (void)state;
    static const char name[] = "a\n\033[31m.yaml";
    struct program_result result;
    write_file(name, bad);
    RUN(&result, "lint", name);
    check(&result, 2, "a\\n\\x1b[31m.yaml:3:1: duplicate key", NULL);
    program_result_done(&result);
    write_file(name, good);
    RUN(&result, "plan", name);
    check(&result, 0, "bodies  (a\\n\\x1b[31m.yaml)\n", NULL);
    program_result_done(&result);
    unlink(name);
}

static void list_and_explain(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "list", "good.yaml");
    check(&result, 0, "bodies", NULL);
    check(&result, 0, "before-after", NULL);
    check(&result, 0, "latency", NULL);
    program_result_done(&result);
    RUN(&result, "explain", "target.limits");
    check(&result, 0, "open_files", NULL);
    program_result_done(&result);
}

/* What tables and scenarios show is found by the word that one reads there. */
static void words_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *word, *text, *not_text;
    } cases[] = {
        {"OUT_OF_RANGE", "cannot reach the detector's parameters", "Verdicts:"},
        {"FN", "FN                   no matching receipt", NULL},
        {"INCONCLUSIVE", "Verdicts:\n", "Outcomes"},
        {"detection", "expect.detection\n    How many manifested leaks", "The command"},
        {"site", "expect.site\n", NULL},
        {"cause", "See also: leakdrill explain causes\n", NULL},
        {"baseline", "The command baseline: leakdrill help baseline\n", NULL},
        {"proxy", "The command proxy: leakdrill help proxy\n", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct program_result result;
        RUN(&result, "explain", cases[i].word);
        check(&result, 0, cases[i].text, NULL);
        if (cases[i].not_text && strstr(result.out, cases[i].not_text))
            fail_msg("explain %s says %s", cases[i].word, cases[i].not_text);
        program_result_done(&result);
    }
}

static void a_terminal_gets_lines_as_long_as_it_is_wide(void **state)
{
    (void)state;
    static const struct {
        const char *words[4], *text;
    } cases[] = {
        {{"plan", "good.yaml"}, "bodies/"},
        {{"lint", "bad.yaml"}, "bad.yaml:4:10: target.fixtur"},
        {{"explain", "nothing-of-that-name"}, "give a key path"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        static const char *const environment[] = {"TERM=xterm", NULL};
        static struct terminal terminal;
        struct running_program running;
        struct program_result result;
        program_start_on_terminal(&running, 10, 50, folder, environment, cases[i].words);
        program_finish(&running, &result);
        terminal_show(&terminal, 50, result.out);
        if (terminal.wraps || !terminal_find(&terminal, cases[i].text))
            fail_msg("leakdrill %s: %zu lines too long: %s", cases[i].words[0], terminal.wraps, result.out);
        program_result_done(&result);
    }
}

int test_command_line(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_errors_are_exit_4_and_name_what_is_wrong),
        cmocka_unit_test(help_and_version_go_to_stdout),
        cmocka_unit_test(explanations_are_80_columns_wide),
        cmocka_unit_test(lint_prints_every_error_and_exits_2),
        cmocka_unit_test(remarks_are_told),
        cmocka_unit_test(one_seed_gives_one_plan),
        cmocka_unit_test(list_and_explain),
        cmocka_unit_test(words_are_explained),
        cmocka_unit_test(a_terminal_gets_lines_as_long_as_it_is_wide),
        cmocka_unit_test(only_files_are_read),
        cmocka_unit_test(rule_files_are_checked_where_they_are_named),
        cmocka_unit_test(names_of_files_are_harmless),
        cmocka_unit_test(names_are_checked_against_what_is_installed),
    };
    return cmocka_run_group_tests_name("command line", tests, make_folder, remove_folder);
}
