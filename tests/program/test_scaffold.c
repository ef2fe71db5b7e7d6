/* new-fixture and new-detector: what they write into a copy of the source tree builds, passes, and really leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

/* The Go of the build's own choice. */
#define GO "env GOTOOLCHAIN=" GO_TOOLCHAIN " GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0 " GO_COMMAND

/* A lab with a copy of what the scaffolds write into, in the folder tree. */
static int open_with_tree(void **state)
{
    open_lab(state);
    lab_sh(&lab,
           "mkdir tree tree/tests\n"
           "cp -r '" SOURCE_FOLDER "/fixtures-go' '" SOURCE_FOLDER "/harness' '" SOURCE_FOLDER "/scenarios' tree\n"
           "cp -r '" SOURCE_FOLDER "/tests/detect' tree/tests\n"
           "(cd tree && find . -type f -exec cksum {} + | sort) >before\n");
    return 0;
}

static void run(const char *command, const char *name, int exit_code, const char *out, const char *err)
{
    struct program_result result;
    LAB_RUN(&lab, &result, command, name, "--source", "tree");
    lab_check(&result, exit_code, out, err);
    program_result_done(&result);
}

static void assert_untouched(void)
{
    lab_sh(&lab, "(cd tree && find . -type f -exec cksum {} + | sort) >after; diff before after >&2");
}

/* A new family, then a second case of a family that has a program, then one more: the map of cases grows. */
static void new_fixtures_are_gofmt_and_vet_clean(void **state)
{
    (void)state;
    if (!lab_has_programs())
        skip_for("the Go programs are not built");
    run("new-fixture", "counter/receipts", 0, "wrote   tree/fixtures-go/cmd/counter/main.go\n", NULL);
    run("new-fixture", "counter/bills", 0, "changed tree/fixtures-go/cmd/counter/main.go\n", NULL);
    run("new-fixture", "queue/telegrams", 0, "changed tree/fixtures-go/cmd/mailroom/main.go\n", NULL);
    lab_sh(&lab, "cd tree/fixtures-go\n" GO " vet ./cases/... ./cmd/counter ./cmd/mailroom\n"
                 "test -z \"$(" GO " fmt ./cases/... ./cmd/...)\"\n"
                 "grep -q '\"bills\":    bills.Open,' cmd/counter/main.go\n");
}

/* Built as the build builds it, one run of each variant: the leak is there, confirmed from outside, and not in the
 * twin. */
static void a_new_fixture_leaks(void **state)
{
    (void)state;
    struct program_result result;
    if (!lab_has_programs())
        skip_for("the Go programs are not built");
    run("new-fixture", "counter/receipts", 0, "scenarios/documented/counter-receipts.yaml\n", NULL);
    lab_sh(&lab,
       "case=tree/fixtures-go/cases/receipts\n"
       "cp $case/repaired/receipts.go receipts.go # -trimpath would keep the folder's name, and Go's cache that\n"
       "echo \"{\\\"Replace\\\": {\\\"$PWD/$case/receipts.go\\\": \\\"$PWD/receipts.go\\\"}}\" >overlay.json\n"
       "cd tree/fixtures-go\n" GO " build -trimpath -buildvcs=false -o ../../leaky/ ./cmd/counter\n" GO
       " build -trimpath -buildvcs=false -overlay=../../overlay.json -o ../../healthy/ ./cmd/counter\n");
    lab_fixtures(&lab,
                 "{\"fixtures\": {\"counter/receipts\": {\"program\": \"counter\", \"case\": \"receipts\"}},\n"
                 " \"upstreams\": {\"http-echo\": {\"program\": \"quotes\"}},\n \"folders\": {\"leaky\": \"leaky\", "
                 "\"healthy\": \"healthy\", \"upstream\": \"" BUILD_FOLDER "/fixtures/upstream\"}}\n");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "new.db", "run", "tree/scenarios/documented/counter-receipts.yaml", "--filter",
              "*/none", "--runs", "1");
    lab_check(&result, 0, "PASS", NULL);
    program_result_done(&result);
    lab_assert_database(&lab, "new.db");
    lab_assert_number(&lab, "new.db", "SELECT count(*) FROM v_runs WHERE cell LIKE '%leaky%' AND leaks = 1", 1);
    lab_assert_number(&lab, "new.db", "SELECT count(*) FROM v_runs WHERE cell LIKE '%healthy%' AND leaks = 0", 1);
    lab_assert_number(&lab, "new.db",
                      "SELECT count(*) FROM v_outcomes WHERE detector = 'matrix' AND kind = 'TP' AND cause_right = 1",
                      1);
}

static void fixtures_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *name, *reason;
    } cases[] = {
        {"receipts", "is not FAMILY/NAME"},
        {"a/b/c", "is no name here"},
        {"counter/", "is not FAMILY/NAME"},
        {"/receipts", "is not FAMILY/NAME"},
        {"counter/Receipts", "is no name here"},
        {"counter/r", "is no name here"},
        {"counter/../../x", "is no name here"},
        {"counter/receipt-leak", "is no name here"},
        {"counter/leaky", "shows in profiles"},
        {"twins/receipts", "shows in profiles"},
        {"counter/func", "means something else"},
        {"quotes/receipts", "there is a program quotes already"},
        {"queue/digest", "is there already"},
        {"counter/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw", "is no name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run("new-fixture", cases[i].name, 4, NULL, cases[i].reason);
    assert_untouched();
    run("new-fixture", "counter/receipts", 0, NULL, NULL);
    run("new-fixture", "counter/receipts", 4, NULL, "is there already");
    lab_sh(&lab, "rm -r tree/fixtures-go/cases/receipts");
    run("new-fixture", "counter/receipts", 4, NULL, "there is a fixture counter/receipts already");
    lab_sh(&lab, "rm -r tree/harness");
    run("new-fixture", "counter/bills", 4, NULL, "is no source tree of leakdrill");
}

/* What is prepared but cannot be written leaves nothing behind. */
static void a_fixture_that_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    lab_sh(&lab, "mkdir tree/fixtures-go/cases.json.new; (cd tree && find . -type f -exec cksum {} + | sort) >before");
    run("new-fixture", "counter/receipts", 3, NULL, "cases.json.new: ");
    assert_untouched();
    /* what an earlier attempt left is no obstacle */
    lab_sh(&lab, "rmdir tree/fixtures-go/cases.json.new; echo stale >tree/fixtures-go/cases.json.new");
    run("new-fixture", "counter/receipts", 0, "changed tree/fixtures-go/cases.json\n", NULL);
    lab_sh(&lab, "test ! -e tree/fixtures-go/cases.json.new; grep -q counter/receipts tree/fixtures-go/cases.json");
}

/* Who stands in a source tree means that one, and is told which one it was. */
static void the_tree_in_which_one_stands_is_the_one(void **state)
{
    (void)state;
    lab_sh(&lab,
           "cd tree && '" LEAKDRILL "' new-detector queue-depth >../said && test -e harness/detect/queue_depth.c\n"
           "grep -q \"^source tree: $(pwd -P)\\$\" ../said\n"
           "test ! -e '" SOURCE_FOLDER "/harness/detect/queue_depth.c'");
}

static void detectors_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *name, *reason;
    } cases[] = {
        {"Burst", "is no name"}, {"9lives", "is no name"}, {"a", "is no name"},   {"burst-", "is no name"},
        {"a--b", "is no name"},  {"../x", "is no name"},   {"growth", "already"}, {"watch", "is there already"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run("new-detector", cases[i].name, 4, NULL, cases[i].reason);
    assert_untouched();
}

/* The room and its tests, compiled with the new detector and linked with the rooms below as they are built. */
static void a_new_detector_builds_and_passes(void **state)
{
    (void)state;
    run("new-detector", "queue-depth", 0, "wrote   tree/tests/detect/queue_depth.c\n", NULL);
    run("new-detector", "a-name-as-long-as-it-may-be-here", 0, NULL, NULL);
    lab_sh(&lab,
       COMPILER " -std=c17 -D_GNU_SOURCE -O0 -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes "
                "-Wmissing-prototypes -Wformat=2 -Werror " COMPILER_FLAGS " -Itree/harness -Itree -Itree/tests "
                "-DTEST_DATA='\"" TEST_DATA "\"' -DSOURCE_FOLDER='\"" SOURCE_FOLDER
                "\"' -DBUILD_FOLDER=\"\\\"$PWD\\\"\" tree/harness/detect/*.c tree/tests/detect/*.c -L'" BUILD_FOLDER
                "' -lld_matrix -lld_truth -lld_observe -lld_pprof -lld_yaml -lld_base -lcmocka -ljansson -lyaml -lz "
                "-lsodium -lm -o tests\n"
                "./tests >log 2>&1 || { cat log; exit 1; }\n"
                "grep -q 'OK ] test_claims_above_the_limit' log || { cat log; exit 1; }\n");
}

#define WITH_TREE(test) IN_LAB_OF(test, open_with_tree, close_lab)

int test_scaffold(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TREE(new_fixtures_are_gofmt_and_vet_clean),
        WITH_TREE(a_new_fixture_leaks),
        WITH_TREE(fixtures_are_refused_with_a_reason),
        WITH_TREE(a_fixture_that_cannot_be_written_leaves_nothing),
        WITH_TREE(the_tree_in_which_one_stands_is_the_one),
        WITH_TREE(a_new_detector_builds_and_passes),
        WITH_TREE(detectors_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests_name("scaffold", tests, NULL, NULL);
}
