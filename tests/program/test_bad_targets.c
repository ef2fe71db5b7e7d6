/* Targets that misbehave: each becomes a harness error that names it, the other runs of the campaign count, and nothing
 * of it is left. One campaign holds them all, as many at a time as the table has rows of a kind: what a bad target does
 * to its neighbours is part of the question. */
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
#include "in_lab.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct bad_target {
    const char *name, *behaviour, *program; /* program NULL: the test service */
    const char *validity, *reason;          /* reason: a pattern of LIKE */
    const char *evidence;                   /* in the run's notes; NULL: none asked */
};

static void write_scenarios(const char *template, const struct bad_target *targets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char file[64];
        snprintf(file, sizeof file, "all/%s.yaml", targets[i].name);
        const char *name = targets[i].name;
        /* Some are waited for in vain; a busy machine is slow with the others. */
        bool never = strncmp(name, "never-", 6) == 0, stays = never || strcmp(name, "ignores-term") == 0;
        LAB_SCENARIO(&lab, file, template, "NAME", name, "BEHAVIOUR", targets[i].behaviour, "PROGRAM",
                     targets[i].program ? targets[i].program : TARGETS_FOLDER "/service", "ready: 1s",
                     never ? "ready: 1s" : "ready: 20s", "wall: 5s",
                     never ? "wall: 5s" : "wall: 2m", "stop: 300ms",
                     stays ? "stop: 300ms" : "stop: 10s");
    }
}

static void assert_outcome(const struct bad_target *target, const char *database)
{
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM run JOIN cell USING (cell) WHERE name LIKE '%s/%%'", target->name);
    lab_assert_number(&lab, database, sql, 1);
    snprintf(sql, sizeof sql,
             "SELECT validity || ': ' || reason FROM run JOIN cell USING (cell) WHERE name LIKE '%s/%%'", target->name);
    char *outcome = lab_text(&lab, database, sql);
    snprintf(
        sql, sizeof sql,
        "SELECT count(*) FROM run JOIN cell USING (cell) WHERE name LIKE '%s/%%' AND validity LIKE '%s' AND reason "
        "LIKE '%s' AND left_processes = 0",
        target->name, target->validity, target->reason);
    if (lab_number(&lab, database, sql) != 1)
        fail_msg("%s: \"%s\", not \"%s: %s\"", target->name, outcome, target->validity, target->reason);
    free(outcome);
    if (!target->evidence)
        return;
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM note JOIN run USING (run) JOIN cell USING (cell) WHERE name LIKE '%s/%%' AND "
             "kind = 'stderr' AND text LIKE '%%%s%%'",
             target->name, target->evidence);
    lab_assert_number(&lab, database, sql, 1);
}

static void make_folder(void)
{
    char folder[128];
    snprintf(folder, sizeof folder, "%s/all", lab.folder);
    assert_int_equal(mkdir(folder, 0700), 0);
}

/* Stands in the middle of the others, in time too. */
static void assert_all(const struct bad_target *targets, size_t count, const char *jobs, int64_t void_runs)
{
    struct program_result result;
    char text[64];
    RUN_UNTIL(&result, "SELECT count(*) = 0 FROM run WHERE validity IN ('lag', 'gaps')", "all.db", "run", "all",
              "--jobs", jobs);
    snprintf(text, sizeof text, ", %zu of %zu runs\n", count, count);
    lab_check(&result, 5, text, NULL);
    snprintf(text, sizeof text, "Excluded: %lld of %zu runs\n", (long long)void_runs, count);
    lab_check(&result, 5, text, NULL);
    lab_check(&result, 5, "Calibration: holds", NULL);
    lab_assert_clean(&lab);
    lab_assert_database(&lab, "all.db");
    for (size_t i = 0; i < count; i++)
        assert_outcome(&targets[i], "all.db");
    program_result_done(&result);
}

static void commands(void **state)
{
    (void)state;
    static const struct bad_target targets[] = {
        {"calm", "calm", NULL, "valid", "", NULL},
        {"growing", "growing", NULL, "valid", "", NULL},
        /* Much talk is no crime, and harms nobody else. */
        {"floods", "floods", NULL, "valid", "", "lines were too many to keep"},
        {"floods-without-end", "floods-without-end", NULL, "valid", "", NULL},
        {"never-listens", "never-listens", NULL, "harness",
         "target %/service was not ready within 1.0 s: http://127.0.0.1:%/ready: nobody listens there", NULL},
        {"exits", "exits", NULL, "harness", "target %/service died before it was ready, exit code 3",
         "cannot find my configuration"},
        {"crashes", "crashes", NULL, "harness", "target %/service died before it was ready, signal 11", NULL},
        {"never-answers", "never-answers", NULL, "harness", "target %/service cannot be read (goroutine: timeout, %)",
         NULL},
        {"answers-garbage", "answers-garbage", NULL, "harness",
         "target %/service cannot be read (goroutine: garbage, %gzip%)", NULL},
        {"answers-half", "answers-half", NULL, "harness", "target %/service cannot be read (goroutine: truncated, %)",
         NULL},
        {"has-no-pprof", "has-no-pprof", NULL, "harness",
         "target %/service cannot be read (/metrics: status, HTTP 404; metrics: \"\" is for a target that serves none)",
         NULL},
        /* Too large, or on a slow machine a timeout before that. */
        {"answers-endlessly", "answers-endlessly", NULL, "harness", "target %/service cannot be read (goroutine: t%)",
         NULL},
        {"answers-in-drops", "answers-in-drops", NULL, "harness",
         "target %/service cannot be read (goroutine: timeout, %)", NULL},
        {"answers-elsewhere", "answers-elsewhere", NULL, "harness",
         "target %/service cannot be read (goroutine: status, HTTP 302)", NULL},
        {"freezes", "freezes", NULL, "%", "target %/service%", NULL},
        {"kills-its-parent", "kills-its-parent", NULL, "harness", "target %/service %", NULL},
        {"leaves-many", "leaves-many", NULL, "harness", "target %/service left 20 processes behind, which were killed",
         NULL},
        {"dies-of-work", "dies-of-work", NULL, "harness", "target %/service died by itself (exit code 7)",
         "no more of this"},
        {"ignores-term", "ignores-term", NULL, "harness", "target %/service ignored SIGTERM for 0.3 s and was killed",
         NULL},
        {"leaves-a-daemon", "leaves-a-daemon", NULL, "harness",
         "target %/service left 1 process behind, which was killed", NULL},
        {"missing", "x", "./missing", "harness", "command ./missing: no such program; is it built?", NULL},
        {"missing-on-path", "x", "missing-program", "harness", "command missing-program: no such program on PATH",
         NULL},
        {"is-no-program", "x", "./data", "harness", "target ./data cannot be started: Permission denied", NULL},
        {"is-a-folder", "x", "./scratch", "harness", "target ./scratch cannot be started: Permission denied", NULL},
        {"is-nonsense", "x", "./nonsense", "harness", "target ./nonsense cannot be started: Exec format error", NULL},
    };
    char path[128];
    make_folder();
    lab_write(&lab, "data", "no program\n");
    lab_write(&lab, "nonsense", "no program\n");
    snprintf(path, sizeof path, "%s/nonsense", lab.folder);
    assert_int_equal(chmod(path, 0700), 0);
    write_scenarios("command.yaml", targets, COUNT(targets));
    assert_all(targets, COUNT(targets), "6", 21);
}

/* The same by the contract of fixtures: what they say on fd 4 is part of what may be wrong. */
static void contracts(void **state)
{
    (void)state;
    static const struct bad_target targets[] = {
        {"honest", "test/growing", NULL, "valid", "", NULL},
        {"says-garbage", "test/says-garbage", NULL, "harness", "target service: truth: %", NULL},
        {"says-error", "test/says-error", NULL, "harness", "target service: the case needs an upstream", NULL},
        {"says-what-is-not", "test/says-what-is-not", NULL, "truth",
         "interval a: the target says 7 goroutines, from outside there are 0", NULL},
        {"never-ready", "test/never-ready", NULL, "harness", "target service was not ready within 1.0 s", NULL},
        {"exits", "test/exits", NULL, "harness", "target service died before it was ready, exit code 3",
         "cannot find my configuration"},
        {"never-collects", "test/never-collects", NULL, "harness",
         "took longer than limits.wall (5 s), in phase after, waiting for target service", NULL},
        {"not-built", "test/not-built", NULL, "harness", "%/absent%", NULL},
    };
    lab_fixtures(&lab, "{\"fixtures\": {"
                       "\"test/growing\": {\"program\": \"service\", \"case\": \"growing\"},"
                       "\"test/says-garbage\": {\"program\": \"service\", \"case\": \"says-garbage\"},"
                       "\"test/says-error\": {\"program\": \"service\", \"case\": \"says-error\"},"
                       "\"test/says-what-is-not\": {\"program\": \"service\", \"case\": \"says-what-is-not\"},"
                       "\"test/never-ready\": {\"program\": \"service\", \"case\": \"never-ready\"},"
                       "\"test/exits\": {\"program\": \"service\", \"case\": \"exits\"},"
                       "\"test/never-collects\": {\"program\": \"service\", \"case\": \"never-collects\"},"
                       "\"test/not-built\": {\"program\": \"absent\", \"case\": \"x\"}},"
                       "\"upstreams\": {}, \"folders\": {\"leaky\": \"" TARGETS_FOLDER
                       "\", \"healthy\": \"" TARGETS_FOLDER "\", \"upstream\": \"" TARGETS_FOLDER "\"}}");
    make_folder();
    write_scenarios("contract.yaml", targets, COUNT(targets));
    assert_all(targets, COUNT(targets), "4", 7);
}

int test_bad_targets(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(commands),
        IN_LAB(contracts),
    };
    return cmocka_run_group_tests_name("bad targets", tests, NULL, NULL);
}
