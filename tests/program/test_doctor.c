/* leakdrill doctor: its table of checks, as text and as JSON, and what a machine that lacks something makes of it. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"
#include "runner/cli/doctor.h"

static const struct {
    const char *name;
    bool needed;
} checks[] = {
#define X(id, name, needed, lost) {name, needed},
    LD_DOCTOR_CHECKS(X)
#undef X
};
#define CHECK_COUNT (sizeof checks / sizeof checks[0])

/* What `leakdrill doctor --json` says to a shell that has run `before`. */
static json_t *ask(const char *before, int *ret_exit)
{
    struct program_result result;
    char script[600];
    snprintf(script, sizeof script, "%s\nexec '" LEAKDRILL "' doctor --json", before);
    LAB_RUN_PROGRAM(&lab, &result, "/bin/sh", "-c", script);
    json_t *root = json_loads(result.out, 0, NULL);
    if (!root)
        fail_msg("no JSON: exit code %d\nstdout: %s\nstderr: %s", result.exit_code, result.out, result.err);
    *ret_exit = result.exit_code;
    program_result_done(&result);
    return root;
}

static const char *status_of(json_t *root, const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(root, "checks"), i,
                       row) if (strcmp(json_string_value(json_object_get(row, "name")), name) ==
                                0) return json_string_value(json_object_get(row, "status"));
    fail_msg("no check is called %s", name);
    return NULL;
}

/* Every row of the table in its order; its own words; and an exit code that follows from them. */
static void check_rows(json_t *root, int exit_code)
{
    json_t *rows = json_object_get(root, "checks");
    bool possible = true;
    assert_int_equal(json_array_size(rows), CHECK_COUNT);
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const char *name, *status, *found;
        int needed;
        json_t *lost, *row = json_array_get(rows, i);
        assert_int_equal(json_unpack(row, "{s:s, s:s, s:b, s:s, s:o}", "name", &name, "status", &status, "needed",
                                     &needed, "found", &found, "lost", &lost),
                         0);
        assert_string_equal(name, checks[i].name);
        assert_int_equal(needed, checks[i].needed);
        bool ok = strcmp(status, "ok") == 0, missing = strcmp(status, "missing") == 0;
        if (!ok && !missing && strcmp(status, "degraded") != 0)
            fail_msg("%s has the status %s", name, status);
        if (!found[0] || ok != json_is_null(lost))
            fail_msg("%s, %s: found \"%s\", lost %s", name, status, found,
                     json_is_null(lost) ? "nothing" : "something");
        possible = possible && !(missing && needed);
    }
    assert_int_equal(json_boolean_value(json_object_get(root, "runs_possible")), possible);
    assert_int_equal(exit_code, possible ? 0 : 3);
}

static void json_has_every_check_of_the_table(void **state)
{
    (void)state;
    int exit_code;
    json_t *root = ask("", &exit_code);
    check_rows(root, exit_code);
    json_decref(root);
}

static void text_has_every_check_of_the_table(void **state)
{
    (void)state;
    struct program_result result;
    LAB_RUN(&lab, &result, "doctor");
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        char begin[64];
        snprintf(begin, sizeof begin, "  %-16s  ", checks[i].name);
        lab_check_said(&result, begin, NULL);
    }
    lab_check_said(&result, result.exit_code ? "Runs are not possible" : "Runs are possible", NULL);
    program_result_done(&result);
}

static void what_is_lacking_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *before, *name, *status;
        int exit_code; /* -1: whatever the machine's other rows make of it */
    } cases[] = {
        {"export TMPDIR=/nonexistent", "temporary folder", "missing", 3},
        {"export TMPDIR=/nonexistent", "guard", "missing", 3},
        {"ulimit -n 300", "open files", "missing", 3},
        {"ulimit -n 1000", "open files", "degraded", -1},
        {"export LEAKDRILL_FIXTURES_FILE=/nonexistent/fixtures.json", "Go programs", "missing", -1},
        {"export LEAKDRILL_FIXTURES_FILE=/nonexistent/fixtures.json", "leak profile", "missing", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int exit_code;
        json_t *root = ask(cases[i].before, &exit_code);
        check_rows(root, exit_code);
        const char *status = status_of(root, cases[i].name);
        if (strcmp(status, cases[i].status) != 0 || (cases[i].exit_code >= 0 && exit_code != cases[i].exit_code))
            fail_msg("after %s: %s is %s, exit code %d; not %s, %d", cases[i].before, cases[i].name, status, exit_code,
                     cases[i].status, cases[i].exit_code);
        json_decref(root);
    }
}

int test_doctor(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(json_has_every_check_of_the_table),
        IN_LAB(text_has_every_check_of_the_table),
        IN_LAB(what_is_lacking_is_said),
    };
    return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
