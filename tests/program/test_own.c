/* Blind runs of programs of which nobody knows what is their own: refused until it is named, and void where what was
 * named or read is not what runs. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

/* The test service, which is no Go program, with the build information of one behind it: "mod example.com/me/shop". */
static const char make_shop[] =
    "cp '" TARGETS_FOLDER "/service' shop\n"
    "truncate -s %16 shop\n"
    "printf '\\377 Go buildinf:\\010\\002' >> shop\n"
    "printf '%16s\\006go1.26' '' >> shop\n"
    "printf '\\0730123456789abcdefmod\\texample.com/me/shop\\tv1\\n0123456789abcdef' >> shop\n"
    "printf '#!/bin/sh\\ncd \"%s\"\\nexec ./shop \"$@\"\\n' \"$PWD\" > start.sh\n"
    "chmod +x start.sh\n";

/* A scenario of one program; `own`: the line of its truth, and before it perhaps one of its modules. */
static void write_scenario(const char *name, const char *program, const char *own)
{
    char file[64];
    snprintf(file, sizeof file, "%s.yaml", name);
    LAB_SCENARIO(&lab, file, "command.yaml", "NAME", name, "BEHAVIOUR", "growing", "PROGRAM", program,
                 "  truth: none", own);
}

static void a_script_is_refused_until_its_modules_are_named(void **state)
{
    struct program_result result;
    (void)state;
    lab_sh(&lab, make_shop);
    write_scenario("script", "./start.sh", "  truth: none");
    write_scenario("named", "./start.sh", "  own: [example.com/me/shop]\n  truth: none");
    LAB_RUN(&lab, &result, "run", "script.yaml", "--blind", "--db", "script.db");
    lab_check(&result, 4, NULL, "--blind: script.yaml: nobody knows which packages are the target's own");
    lab_check(&result, 4, NULL, "target: {own: [example.com/shop]}");
    program_result_done(&result);
    assert_false(lab_has(&lab, "script.db"));
    LAB_RUN(&lab, &result, "run", "named.yaml", "--blind", "--db", "named.db");
    lab_check(&result, 0, "Blind: 1 detector agrees in 1 run", NULL);
    program_result_done(&result);
    lab_assert_text(&lab, "named.db", "SELECT value FROM fact WHERE name = 'own.named'", "example.com/me/shop");
}

static void a_program_that_is_not_what_was_named_voids_the_run(void **state)
{
    struct program_result result;
    (void)state;
    lab_sh(&lab, make_shop);
    write_scenario("wrong", "./start.sh", "  own: [example.com/you]\n  truth: none");
    LAB_RUN(&lab, &result, "run", "wrong.yaml", "--blind", "--db", "wrong.db");
    lab_check(&result, 3, NULL, "it runs a program of the module example.com/me/shop, whose names are not hidden");
    program_result_done(&result);
    lab_assert_number(&lab, "wrong.db", "SELECT count(*) FROM observation WHERE kind = 'profile'", 0);
}

/* With names a script runs as it is; its recording is hidden only from whom is told what to hide. */
static void a_recording_of_a_script_needs_its_modules_too(void **state)
{
    struct program_result result;
    (void)state;
    lab_sh(&lab, make_shop);
    write_scenario("script", "./start.sh", "  truth: none");
    LAB_RUN(&lab, &result, "run", "script.yaml", "--db", "seen.db");
    lab_check(&result, 0, NULL, NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "seen.db", "--blind");
    lab_check(&result, 4, NULL, "name its modules: --own example.com/shop");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "seen.db", "--blind", "--own", "example.com/me/shop,example.com/b");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    program_result_done(&result);
}

static void an_attached_program_is_refused_until_its_modules_are_named(void **state)
{
    struct program_result result;
    (void)state;
    LAB_SCENARIO(&lab, "attach.yaml", "attach.yaml", "NAME", "attach", "ADDRESS", "127.0.0.1:1", "ELSEWHERE", "",
                 "MORE", "", "LOAD", "");
    LAB_RUN(&lab, &result, "run", "attach.yaml", "--blind", "--db", "attach.db");
    lab_check(&result, 4, NULL,
              "--blind: attach.yaml: nobody knows which packages are the target's own, for it is attached");
    program_result_done(&result);
    assert_false(lab_has(&lab, "attach.db"));
}

int test_own(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(a_script_is_refused_until_its_modules_are_named),
        IN_LAB(a_program_that_is_not_what_was_named_voids_the_run),
        IN_LAB(a_recording_of_a_script_needs_its_modules_too),
        IN_LAB(an_attached_program_is_refused_until_its_modules_are_named),
    };
    return cmocka_run_group_tests_name("own", tests, NULL, NULL);
}
