/* The kinds of target and of truth other than fixtures: command with declared, own or no truth, and attach. */
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

static void declared_truth_is_what_alerts_are_scored_against(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "leak.yaml", "leak.yaml", "NAME", "leak", "EXPECTATION", "detection: {observed: 100%}",
                 "amount: 10", "amount: 12, from: 100ms");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "declared.db", "run", "leak.yaml", "--runs", "1");
    lab_check(&result, 0, "Verdict: PASS", NULL);
    program_result_done(&result);
    lab_assert_text(&lab, "declared.db",
                    "SELECT printf('%s %s %d %s %s', cause, unit, amount, ended_by, seen_at) FROM truth_interval",
                    "chan-receive goroutines 12 follow-up [\"main.wait\"]");
    /* Its onset: 100 ms after the method began, and the seed's part of a sampling period. */
    lab_assert_number(
        &lab, "declared.db",
        "SELECT (first_ns - method_from_ns - phase_ns) / 1000000 BETWEEN 100 AND 1000 FROM truth_interval JOIN run "
        "USING (run)",
        1);
    lab_assert_number(&lab, "declared.db", "SELECT count(*) FROM outcome WHERE detector = 'threshold' AND "
                                           "kind = 'TP'", 1);
}

static void without_truth_a_run_is_only_observed(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "none.yaml", "command.yaml", "NAME", "none", "BEHAVIOUR", "growing");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "none.db", "run", "none.yaml");
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "none.db", "SELECT count(*) FROM truth_interval", 0);
    lab_assert_number(&lab, "none.db", "SELECT count(*) FROM run WHERE validity = 'valid'", 1);
    /* The count was seen to grow: what the service says of itself arrived whole. */
    lab_assert_number(&lab, "none.db", "SELECT max(value) > min(value) AND min(value) = 8 FROM points WHERE "
                                       "metric = 'go_sched_goroutines_count'", 1);
    LAB_SCENARIO(&lab, "claim.yaml", "command.yaml", "NAME", "claim", "BEHAVIOUR", "growing", "repeat: {runs: 1}",
                 "expect: [{detector: threshold, detection: {observed: 100%}}]");
    LAB_RUN(&lab, &result, "run", "claim.yaml", "--db", "claim.db");
    lab_check(&result, 2, NULL, "claim.yaml:12:43: expect[0].detection: nobody says what leaks (truth: none)");
    program_result_done(&result);
    assert_false(lab_has(&lab, "claim.db"));
}

static void a_command_may_tell_its_own_truth(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "own.yaml", "truth-fd.yaml", "NAME", "own", "BEHAVIOUR", "growing");
    LAB_SCENARIO(&lab, "false.yaml", "truth-fd.yaml", "NAME", "false", "BEHAVIOUR", "says-what-is-not");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "own.db", "run", "own.yaml", "false.yaml");
    lab_check(&result, 5, "interval a: the target says 7 goroutines, from outside there are 0\n", NULL);
    program_result_done(&result);
    lab_assert_number(
        &lab, "own.db",
        "SELECT count(*) FROM truth_interval JOIN run USING (run) WHERE validity = 'valid' AND amount > 20 "
        "AND confirmed = final_amount AND culprit = 'main.work'",
        1);
    lab_assert_number(&lab, "own.db", "SELECT count(*) FROM run WHERE validity = 'truth'", 1);
}

/* ---- attach */

/* Start the service as somebody else would; its address. */
static void start_service(struct running_program *ret_service, const char *behaviour, char *ret_address, size_t room)
{
    program_start(ret_service, PROGRAM_HANGS_S, TARGETS_FOLDER "/service", lab.folder, NULL,
                  (const char *const[]){behaviour, "127.0.0.1:0", NULL});
    program_await_out(ret_service, "\n");
    unsigned port = 0;
    assert_int_equal(sscanf(ld_buffer_text(&ret_service->out_text), "listening %u\n", &port), 1);
    snprintf(ret_address, room, "127.0.0.1:%u", port);
}

/* End it and see what it was asked. It was there until now: nobody else ended it. */
static void end_service(struct running_program *service, struct program_result *ret_result)
{
    assert_int_equal(kill(service->pid, 0), 0);
    assert_int_equal(kill(service->pid, SIGTERM), 0);
    program_finish(service, ret_result);
    assert_int_equal(ret_result->exit_code, 0);
}

static void an_attached_target_is_read_harmlessly_and_lives_on(void **state)
{
    (void)state;
    struct running_program service;
    struct program_result result;
    char address[32];
    start_service(&service, "growing", address, sizeof address);
    LAB_SCENARIO(&lab, "attach.yaml", "attach.yaml", "NAME", "attach", "ADDRESS", address, "ELSEWHERE", "", "MORE", "",
                 "LOAD", "");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "attach.db", "run", "attach.yaml");
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", "1/1] run 0 attach/observed/none: 0 alerts");
    program_result_done(&result);
    lab_assert_number(&lab, "attach.db", "SELECT count(*) >= 3 FROM observation WHERE kind = 'profile'", 1);
    end_service(&service, &result);
    if (!strstr(result.out, "GET /debug/pprof/goroutine\n") || !strstr(result.out, "GET /metrics\n") ||
        strstr(result.out, "/work") || strstr(result.out, "debug=2") || strstr(result.out, "leak"))
        fail_msg("it was asked: %s", result.out);
    program_result_done(&result);
}

/* Each leaves a goroutine in a growing service. */
static void ask_for_work(const char *address, unsigned times)
{
    static const char request[] = "GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)atoi(strchr(address, ':') + 1));
    for (unsigned i = 0; i < times; i++) {
        char answer[512];
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
        assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
        while (read(fd, answer, sizeof answer) > 0)
            ;
        close(fd);
    }
}

/* Growth is what one watches for: nothing began that it could be blamed on. */
static void growth_of_what_is_only_watched_is_evidence(void **state)
{
    (void)state;
    struct running_program service, watching;
    struct program_result result;
    char address[32];
    start_service(&service, "growing", address, sizeof address);
    LAB_SCENARIO(&lab, "grows.yaml", "attach.yaml", "NAME", "grows", "ADDRESS", address, "ELSEWHERE", "", "MORE", "",
                 "LOAD", "", "baseline: 800ms", "baseline: 4s");
    LAB_START(&lab, &watching, "run", "grows.yaml", "--db", "grows.db");
    program_await_err(&watching, "at a time, seed");
    lab_await_number(&lab, "grows.db", "SELECT count(*) FROM observation WHERE kind = 'metrics'", 3);
    ask_for_work(address, 60);
    program_finish(&watching, &result);
    if (result.exit_code != 3 || strstr(result.err, "not steady")) /* 3: void on a busy machine */
        lab_check(&result, 0, "Nobody says what leaked here", NULL);
    program_result_done(&result);
    end_service(&service, &result);
    program_result_done(&result);
}

/* A recording is an attached run whose scenario is written beside it. */
static void a_recording_is_harmless_and_can_be_replayed(void **state)
{
    (void)state;
    struct running_program service;
    struct program_result result;
    char address[32], url[64];
    start_service(&service, "growing", address, sizeof address);
    snprintf(url, sizeof url, "http://%s/debug/pprof/", address); /* as people copy it */
    LAB_RUN(&lab, &result, "record", url, "--for", "2s", "--every", "200ms", "--db", "live.db");
    lab_check_judged(&lab, &result, "live.db");
    lab_check_said(&result, "Database: live.db\n", "the scenario is live.yaml");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "lint", "live.yaml");
    lab_check(&result, 0, NULL, NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "live.db");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "record", url, "--for", "2s", "--db", "live.db");
    lab_check(&result, 4, NULL, "live.db exists");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "record", "http://10.0.0.1:80", "--db", "far.db");
    lab_check(&result, 4, "", "leakdrill record: URL: must be http://, a numeric loopback address");
    program_result_done(&result);
    assert_false(lab_has(&lab, "far.yaml") || lab_has(&lab, "far.db"));
    LAB_RUN(&lab, &result, "record", url, "--for", "2s", "--every", "3s", "--db", "seldom.db");
    lab_check(&result, 4, "", "--every 3s is longer than --for 2s");
    program_result_done(&result);
    /* As long as it is by default, and as it may be. */
    for (size_t i = 0; i < 2; i++) {
        struct running_program recording;
        static const char *const lasts[] = {"1m", "12h"};
        LAB_START(&lab, &recording, "record", url, "--for", lasts[i], "--db", lasts[i]);
        program_await_err(&recording, "at a time, seed");
        kill(recording.pid, SIGINT);
        program_finish(&recording, &result);
        lab_check(&result, 130, NULL, NULL);
        program_result_done(&result);
    }
    /* Nobody there: told at once, and nothing is left. */
    LAB_RUN(&lab, &result, "record", "http://127.0.0.1:1", "--db", "none.db");
    lab_check(&result, 3, "", "http://127.0.0.1:1 does not answer: ");
    program_result_done(&result);
    assert_false(lab_has(&lab, "none.yaml") || lab_has(&lab, "none.db"));
    end_service(&service, &result);
    if (strstr(result.out, "/work") || strstr(result.out, "debug=2") || strstr(result.out, "leak"))
        fail_msg("it was asked: %s", result.out);
    program_result_done(&result);
}

static void an_attached_target_gets_what_is_asked_for(void **state)
{
    (void)state;
    struct running_program service;
    struct program_result result;
    char address[32];
    start_service(&service, "growing", address, sizeof address);
    LAB_SCENARIO(&lab, "more.yaml", "attach.yaml", "NAME", "more", "ADDRESS", address, "ELSEWHERE", "", "MORE",
                 ", full_below: 100", "LOAD", "load: {path: /work, rate: 40/s, for: 500ms}");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "more.db", "run", "more.yaml");
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", NULL);
    program_result_done(&result);
    end_service(&service, &result);
    if (!strstr(result.out, "GET /debug/pprof/goroutine?debug=2\n") || !strstr(result.out, "GET /work\n"))
        fail_msg("it was asked: %s", result.out);
    program_result_done(&result);
}

static void an_attached_target_that_is_not_there_or_goes_is_named(void **state)
{
    (void)state;
    struct running_program service, running;
    struct program_result result;
    char address[32], reason[160];
    start_service(&service, "calm", address, sizeof address);
    LAB_SCENARIO(&lab, "goes.yaml", "attach.yaml", "NAME", "goes", "ADDRESS", address, "ELSEWHERE", "", "MORE", "",
                 "LOAD", "", "baseline: 800ms", "baseline: 20s");
    LAB_START(&lab, &running, "run", "goes.yaml", "--db", "goes.db");
    program_await_out(&service, "GET /debug/pprof/goroutine\n");
    end_service(&service, &result);
    program_result_done(&result);
    program_finish(&running, &result);
    snprintf(reason, sizeof reason, "target http://%s cannot be read (", address);
    lab_check(&result, 3, reason, "void, harness: target http://127.0.0.1:");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "run", "goes.yaml", "--db", "absent.db");
    snprintf(reason, sizeof reason,
             "target http://%s was not ready within 1.0 s: http://%s/ready: nobody listens there", address, address);
    lab_check(&result, 3, NULL, reason);
    program_result_done(&result);
}

static void an_attached_service_may_have_its_pprof_elsewhere(void **state)
{
    (void)state;
    struct running_program service, profiles;
    struct program_result result;
    char address[32], elsewhere[32], pprof[64];
    start_service(&service, "calm", address, sizeof address);
    start_service(&profiles, "growing", elsewhere, sizeof elsewhere);
    snprintf(pprof, sizeof pprof, "/\n  pprof: http://%s/", elsewhere); /* slashes that people write */
    LAB_SCENARIO(&lab, "two.yaml", "attach.yaml", "NAME", "two", "ADDRESS", address, "ELSEWHERE", pprof, "MORE", "",
                 "LOAD", "load: {path: /work, rate: 40/s, for: 500ms}");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "two.db", "run", "two.yaml");
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", NULL);
    program_result_done(&result);
    end_service(&service, &result);
    if (!strstr(result.out, "GET /work\n") || !strstr(result.out, "GET /ready\n") || strstr(result.out, "pprof") ||
        strstr(result.out, "metrics"))
        fail_msg("the service was asked: %s", result.out);
    program_result_done(&result);
    end_service(&profiles, &result);
    if (!strstr(result.out, "GET /debug/pprof/goroutine\n") || !strstr(result.out, "GET /metrics\n") ||
        strstr(result.out, "/work") || strstr(result.out, "/ready"))
        fail_msg("pprof was asked: %s", result.out);
    program_result_done(&result);
}

int test_targets(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(declared_truth_is_what_alerts_are_scored_against),
        IN_LAB(without_truth_a_run_is_only_observed),
        IN_LAB(a_command_may_tell_its_own_truth),
        IN_LAB(an_attached_target_is_read_harmlessly_and_lives_on),
        IN_LAB(a_recording_is_harmless_and_can_be_replayed),
        IN_LAB(growth_of_what_is_only_watched_is_evidence),
        IN_LAB(an_attached_target_gets_what_is_asked_for),
        IN_LAB(an_attached_target_that_is_not_there_or_goes_is_named),
        IN_LAB(an_attached_service_may_have_its_pprof_elsewhere),
    };
    return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
