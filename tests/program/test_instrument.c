/* target.instrument: programs that know nothing of leakdrill, in tests/program/foreign, built with a listener added. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define NO_BUILD ""

static int prepare(void **state)
{
    open_lab(state);
    lab_sh(&lab, "cp -r '" SOURCE_FOLDER "/tests/program/foreign' foreign");
    lab_sh(&lab, "find foreign -type f -exec cksum {} + | sort >before");
    return 0;
}

/* Whatever was built: the source is as it was. */
static int clean_up(void **state)
{
    lab_sh(&lab, "find foreign -type f -exec cksum {} + | sort | cmp - before");
    return close_lab(state);
}

static void write_scenario(const char *file, const char *package, const char *build, const char *ready,
                           const char *load)
{
    LAB_SCENARIO(&lab, file, "instrument.yaml", "NAME", "n", "PACKAGE", package, "SWITCH", GO_TOOLCHAIN, "BUILD", build,
                 "READY", ready, "LOAD", load);
}

static void a_server_is_watched_and_loaded_at_its_own_address(void **state)
{
    (void)state;
    struct program_result result;
    write_scenario("orders.yaml", "package: ./foreign/orders, arguments: [-listen, \"{listen}\"]", NO_BUILD,
                   "ready: /healthz", "load: {path: /orders, rate: 60/s, for: 900ms}");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "o.db", "run", "orders.yaml");
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", "leakdrill: building the program of n: ./foreign/orders\n");
    program_result_done(&result);
    /* Every request was answered, and its goroutine seen by name; the count comes from the added metrics. */
    lab_assert_number(&lab, "o.db", "SELECT max(value) >= 40 FROM points WHERE metric = 'service_work_responses_total'",
                      1);
    lab_assert_number(&lab, "o.db", "SELECT max(value) = 0 FROM points WHERE metric = 'service_work_errors_total'",
                      1);
    lab_assert_number(&lab, "o.db",
                      "SELECT max(value) - min(value) >= 40 FROM points WHERE metric = 'go_sched_goroutines_count'", 1);
    lab_assert_number(&lab, "o.db",
                      "SELECT count(DISTINCT metric) FROM points WHERE metric IN ('go_sched_threads_count', "
                      "'go_heap_alloc_bytes', 'go_heap_inuse_bytes', 'go_heap_objects_count', 'go_stack_inuse_bytes', "
                      "'go_gc_next_goal_bytes', 'go_gc_cycles_total', 'go_gc_pause_sum_seconds', "
                      "'go_sched_pause_gc_seconds', 'go_sched_pause_other_seconds', 'go_heap_allocated_total_bytes', "
                      "'go_heap_allocated_total_objects')", 12);
    lab_assert_number(&lab, "o.db", "SELECT count(*) > 0 FROM observation WHERE kind = 'failed'", 0);
}

static void main_may_run_on_request(void **state)
{
    (void)state;
    struct program_result result;
    write_scenario("request.yaml", "package: ./foreign/once, arguments: [abc], main: on-request", NO_BUILD, "",
                   "load: {path: /main, rate: 40/s, for: 900ms}");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "r.db", "run", "request.yaml");
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", NULL);
    program_result_done(&result);
    /* Three goroutines a request, none before the first. */
    lab_assert_number(&lab, "r.db",
                      "SELECT max(value) - min(value) >= 75 AND min(value) < 12 FROM points WHERE metric = "
                      "'go_sched_goroutines_count'",
                      1);
}

static void main_may_return_and_be_held(void **state)
{
    (void)state;
    struct program_result result;
    write_scenario("held.yaml", "package: ./foreign/once, arguments: [abcdefghijklmnopqrstuvwxyz], main: held",
                   NO_BUILD, "", "");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "h.db", "run", "held.yaml");
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "h.db", "SELECT min(value) >= 27 FROM points WHERE metric = 'go_sched_goroutines_count'",
                      1);
}

static void a_program_may_have_our_names(void **state)
{
    (void)state;
    struct program_result result;
    write_scenario("hostile.yaml", "package: ./foreign/hostile, arguments: [\"{port}\"]", NO_BUILD,
                   "ready: /debug/pprof/", "load: {path: /debug/pprof/, rate: 20/s, for: 300ms}");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "x.db", "run", "hostile.yaml");
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", NULL);
    program_result_done(&result);
    /* Its own port still has no pprof. */
    lab_assert_number(&lab, "x.db", "SELECT max(value) = 0 FROM points WHERE metric = 'service_work_responses_total'",
                      1);
    lab_assert_number(&lab, "x.db", "SELECT max(value) > 0 FROM points WHERE metric = 'service_work_errors_total'", 1);
}

static void vendored_packages_are_taken_from_there(void **state)
{
    (void)state;
    struct program_result result;
    lab_sh(&lab,
           "mkdir -p shop/vendor/example.org/greet; cd shop\n"
           "printf 'module example.org/shop\\n\\ngo 1.26.0\\n\\nrequire example.org/greet v1.0.0\\n' >go.mod\n"
           "printf 'package greet\\n\\nfunc Wait() { select {} }\\n' >vendor/example.org/greet/greet.go\n"
           "printf '# example.org/greet v1.0.0\\n## explicit\\nexample.org/greet\\n' >vendor/modules.txt\n"
           "printf 'package main\\n\\nimport \"example.org/greet\"\\n\\nfunc main() { greet.Wait() }\\n' >main.go\n");
    write_scenario("vendored.yaml", "package: shop", NO_BUILD, "", "");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "v.db", "run", "vendored.yaml");
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", NULL);
    program_result_done(&result);
}

/* A server as it was published; only where Go can fetch it. */
static void a_published_module_is_fetched_and_built(void **state)
{
    (void)state;
    struct program_result result;
    LAB_RUN(&lab, &result, "run", SOURCE_FOLDER "/scenarios/foreign/httpbin.yaml", "--runs", "1", "--db", "m.db");
    if (strstr(result.err, "go cannot fetch") || strstr(result.err, "go: download")) {
        print_message("%s\n", result.err);
        program_result_done(&result);
        skip_for("go cannot fetch what it needs");
    }
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "m.db",
                      "SELECT max(value) >= 300 FROM points WHERE metric = 'service_work_responses_total'", 1);
}

/* One of Go's own leak kernels: the program comes with Go. */
static void a_leak_kernel_of_go_leaks_once_a_request(void **state)
{
    (void)state;
    struct program_result result;
    LAB_RUN(&lab, &result, "run", SOURCE_FOLDER "/scenarios/foreign/go-kernel-receive.yaml", "--runs", "1", "--db",
            "k.db");
    if (strstr(result.err, "go: download")) {
        print_message("%s\n", result.err);
        program_result_done(&result);
        skip_for("go cannot fetch what it needs");
    }
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", NULL);
    program_result_done(&result);
    lab_assert_number(
        &lab, "k.db",
        "SELECT count(*) FROM v_outcomes WHERE detector IN ('matrix', 'goroutineleak') AND kind = 'TP' AND "
        "cause_right = 1",
        2);
}

/* What cannot be built ends the campaign before it has a database. */
static void what_cannot_be_built_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *package, *build, *said;
    } cases[] = {
        {"package: ./foreign/broken", "", "leakdrill: ./main.go:4:2: undefined: undeclared\n"},
        {"package: ./foreign/broken", "", "go build -buildvcs=false -overlay="},
        {"package: ./foreign/broken", "", "exit code 1\n"},
        {"package: ./foreign/library", "",
         "example.org/foreign/library is package library, not a program (package main)\n"},
        {"package: ./foreign/absent", "", "package ./foreign/absent: No such file or directory\n"},
        {"package: ./foreign", "", "no Go files in "},
        {"package: ./foreign/once", ", flags: [-unknown]", "flag provided but not defined: -unknown"},
        {"package: \"{goroot}/src/absent\"", "", "absent"},
        {"package: \"{goroot}/src/container/list\"", "",
         "example.org/list is package list, not a program (package main)\n"},
        {"module: example.org/shop@not-a-version", "", "go cannot fetch example.org/shop@not-a-version: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct program_result result;
        write_scenario("bad.yaml", cases[i].package, cases[i].build, "", "");
        LAB_RUN(&lab, &result, "run", "bad.yaml", "--db", "bad.db");
        lab_check(&result, 3, NULL, cases[i].said);
        lab_check(&result, 3, NULL, "bad.yaml: ");
        program_result_done(&result);
        assert_false(lab_has(&lab, "bad.db"));
        lab_assert_clean(&lab);
    }
}

static void a_program_that_ends_at_once_is_named(void **state)
{
    (void)state;
    struct program_result result;
    write_scenario("exits.yaml", "package: ./foreign/exits", NO_BUILD, "", "");
    LAB_RUN(&lab, &result, "run", "exits.yaml", "--db", "e.db");
    lab_check(&result, 3, "target exits died", "exit code 3");
    program_result_done(&result);
    lab_assert_number(&lab, "e.db",
                      "SELECT count(*) FROM note WHERE kind = 'stderr' AND text LIKE '%cannot find my configuration%'",
                      1);
}

static void write_slow_tool(void)
{
    lab_sh(&lab, "printf '#!/bin/sh\\necho begun >begun.tmp; mv begun.tmp %s/begun; sleep 600\\n' \"$PWD\" >slow; "
                 "chmod +x slow");
}

static void a_build_has_a_limit(void **state)
{
    (void)state;
    struct program_result result;
    char build[256];
    write_slow_tool();
    snprintf(build, sizeof build, ", wall: 2s, flags: [-toolexec=%s/slow]", lab.folder);
    write_scenario("slow.yaml", "package: ./foreign/once", build, "", "");
    LAB_RUN(&lab, &result, "run", "slow.yaml", "--db", "slow.db");
    lab_check(&result, 3, NULL, "took longer than target.instrument.wall (2 s): go build ");
    program_result_done(&result);
    assert_false(lab_has(&lab, "slow.db"));
    lab_assert_clean(&lab);
}

static void a_build_can_be_interrupted(void **state)
{
    (void)state;
    struct running_program running;
    struct program_result result;
    char build[256];
    write_slow_tool();
    snprintf(build, sizeof build, ", flags: [-toolexec=%s/slow]", lab.folder);
    write_scenario("slow.yaml", "package: ./foreign/once", build, "", "");
    LAB_START(&lab, &running, "run", "slow.yaml", "--db", "slow.db");
    /* The tool's own word, by a file: leakdrill shows nothing of a build that has not failed. */
    lab_sh(&lab, "for i in $(seq 4000); do test -e begun && exit 0; sleep 0.05; done; exit 1");
    assert_int_equal(kill(running.pid, SIGTERM), 0);
    program_finish(&running, &result);
    lab_check(&result, 143, NULL, "interrupted while building\n");
    program_result_done(&result);
    assert_false(lab_has(&lab, "slow.db"));
    lab_assert_clean(&lab);
}

int test_instrument(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB_OF(a_server_is_watched_and_loaded_at_its_own_address, prepare, clean_up),
        IN_LAB_OF(main_may_run_on_request, prepare, clean_up),
        IN_LAB_OF(main_may_return_and_be_held, prepare, clean_up),
        IN_LAB_OF(a_program_may_have_our_names, prepare, clean_up),
        IN_LAB_OF(vendored_packages_are_taken_from_there, prepare, clean_up),
        IN_LAB_OF(a_published_module_is_fetched_and_built, prepare, clean_up),
        IN_LAB_OF(a_leak_kernel_of_go_leaks_once_a_request, prepare, clean_up),
        IN_LAB_OF(what_cannot_be_built_is_told, prepare, clean_up),
        IN_LAB_OF(a_program_that_ends_at_once_is_named, prepare, clean_up),
        IN_LAB_OF(a_build_has_a_limit, prepare, clean_up),
        IN_LAB_OF(a_build_can_be_interrupted, prepare, clean_up),
    };
    if (!GO_COMMAND[0]) {
        fprintf(stderr, "skipped: there is no Go here\n");
        return GROUP_SKIPPED;
    }
    return cmocka_run_group_tests_name("instrument", tests, NULL, NULL);
}
