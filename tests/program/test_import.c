/* Import: dumps, CSV and range-query results of others, judged and replayed like what was recorded here. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "groups.h"
#include "in_lab.h"

#define NOON 1795249800 /* 2026-11-21T08:30:00Z */
#define SAMPLES 120

/* Steady for a quarter of an hour, then twelve goroutines more every half minute. */
static int goroutines_at(int sample)
{
    return sample < 30 ? 50 : 50 + (sample - 30) * 12;
}

static void write_csv(const char *name)
{
    struct ld_buffer text;
    ld_buffer_init(&text, 1 << 20);
    ld_buffer_add_text(&text, "time,go_goroutines,process_resident_memory_bytes\r\n");
    for (int i = 0; i < SAMPLES; i++)
        ld_buffer_printf(&text, "%d,%d,%d\r\n", NOON + 30 * i, goroutines_at(i), 100000000 + 4096 * goroutines_at(i));
    lab_write(&lab, name, text.bytes);
    ld_buffer_done(&text);
}

static void add_series(struct ld_buffer *text, const char *pod, bool leaks)
{
    ld_buffer_printf(text, "{\"metric\":{\"__name__\":\"go_goroutines\",\"pod\":\"%s\"},\"values\":[", pod);
    for (int i = 0; i < SAMPLES; i++)
        ld_buffer_printf(text, "%s[%d,\"%d\"]", i ? "," : "", NOON + 30 * i, leaks ? goroutines_at(i) : 50 + i % 3);
    ld_buffer_add_text(text, "]}");
}

static void write_range(const char *name)
{
    struct ld_buffer text;
    ld_buffer_init(&text, 1 << 20);
    ld_buffer_add_text(&text, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    add_series(&text, "shop-1", true);
    ld_buffer_add_text(&text, ",");
    add_series(&text, "shop-2", false);
    ld_buffer_add_text(&text, "]}}");
    lab_write(&lab, name, text.bytes);
    ld_buffer_done(&text);
}

static void copy_golden(const char *golden, const char *name)
{
    char path[512];
    struct ld_buffer bytes;
    struct ld_error error;
    snprintf(path, sizeof path, TEST_DATA "/goprof/%s", golden);
    ld_buffer_init(&bytes, 64 << 20);
    if (ld_file_read(path, &bytes, &error) != 0)
        fail_msg("%s", error.message);
    snprintf(path, sizeof path, "%s/%s", lab.folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.bytes, 1, bytes.length, file), bytes.length);
    fclose(file);
    ld_buffer_done(&bytes);
}

static size_t count_files(void)
{
    DIR *folder = opendir(lab.folder);
    size_t files = 0;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat status;
        assert_int_equal(fstatat(dirfd(folder), entry->d_name, &status, 0), 0);
        files += S_ISREG(status.st_mode);
    }
    closedir(folder);
    return files;
}

static void make_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", lab.folder, name);
    assert_int_equal(mkdir(path, 0777), 0);
}

/* ---- tests */

static void a_csv_with_a_ramp(void **state)
{
    struct program_result result;
    (void)state;
    write_csv("ramp.csv");
    LAB_RUN(&lab, &result, "import", "ramp.csv", "--db", "ramp.db");
    lab_check(&result, 0, "every 30s (the median of the differences)", "");
    lab_check(&result, 0, "site-threshold cannot judge: there are no goroutine profiles", NULL);
    program_result_done(&result);
    lab_assert_database(&lab, "ramp.db");
    /* 500 goroutines from sample 68 on: 50 + 38 * 12 = 506. */
    lab_assert_number(
        &lab, "ramp.db",
        "SELECT evidence_time_ns / 1000000000 FROM alert WHERE detector = 'threshold' AND action = 'open'", 68 * 30);
    lab_assert_number(&lab, "ramp.db", "SELECT count(*) FROM alert WHERE detector = 'growth' AND action = 'open'", 1);
    lab_assert_number(&lab, "ramp.db", "SELECT count(*) FROM alert WHERE receipt_ns <> evidence_time_ns", 0);
    LAB_RUN(&lab, &result, "replay", "--db", "ramp.db");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    assert_string_equal(result.err, "");
    program_result_done(&result);
    assert_true(lab_has(&lab, "ramp.yaml"));
    LAB_RUN(&lab, &result, "lint", "ramp.yaml");
    lab_check(&result, 0, NULL, NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "run", "ramp.yaml", "--db", "run.db");
    lab_check(&result, 2, NULL, "is of imported observations, which cannot be run");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "show", "0", "--db", "ramp.db");
    lab_check(&result, 0, "imported/observed/none", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "report", "--db", "ramp.db");
    lab_check(&result, 0, "Verdict: PASS", NULL);
    program_result_done(&result);
}

static void a_range_of_two_pods(void **state)
{
    struct program_result result;
    (void)state;
    write_range("pods.json");
    LAB_RUN(&lab, &result, "import", "pods.json", "--db", "pods.db");
    lab_check(&result, 0, "instance 1: shop-2\n", "");
    program_result_done(&result);
    lab_assert_number(&lab, "pods.db", "SELECT count(*) FROM alert WHERE detector = 'threshold' AND instance = 0 AND "
                                       "action = 'open'", 1);
    lab_assert_number(&lab, "pods.db", "SELECT count(*) FROM alert WHERE detector IN ('threshold', 'growth') AND "
                                       "instance = 1", 0);
    lab_assert_text(&lab, "pods.db", "SELECT value FROM fact WHERE name = 'import.instance.1'", "shop-2");
    LAB_RUN(&lab, &result, "show", "0", "--db", "pods.db");
    lab_check(&result, 0, "\ninstance 0: shop-1\ninstance 1: shop-2\n", "");
    lab_check(&result, 0, "instance 0: open ", "");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "pods.db");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    program_result_done(&result);
}

static void dumps_that_are_real(void **state)
{
    struct program_result result;
    (void)state;
    make_folder("dumps");
    /* One program, by three releases of Go and in every encoding; its leaks twice, as the detector wants. */
    copy_golden("go1.24/goroutine.debug2.txt", "dumps/goroutine-20261121-083000.txt");
    copy_golden("go1.25/goroutine.debug0.pb.gz", "dumps/goroutine-20261121-083100.pb.gz");
    copy_golden("go1.26/goroutine.debug1.txt", "dumps/goroutine-20261121-083200.txt");
    copy_golden("go1.26/goroutineleak.debug0.pb.gz", "dumps/leaks-20261121-083200.pb.gz");
    copy_golden("go1.26/goroutineleak.debug1.txt", "dumps/leaks-20261121-083300.txt");
    LAB_RUN(&lab, &result, "import", "dumps", "--one-instance", "--db", "dumps.db");
    lab_check(&result, 0, "5 profiles of goroutine, goroutineleak and 0 numbers in 0 reads, of 1 instance", "");
    program_result_done(&result);
    lab_assert_number(&lab, "dumps.db", "SELECT count(*) FROM observation WHERE kind = 'profile'", 5);
    lab_assert_number(&lab, "dumps.db", "SELECT count(*) > 0 FROM alert WHERE detector = 'goroutineleak'", 1);
    LAB_RUN(&lab, &result, "replay", "--db", "dumps.db");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    program_result_done(&result);
}

/* A profile need not be packed to be imported, but a detector that is a program is promised gzip. */
static void a_detector_gets_plain_protobuf_packed(void **state)
{
    struct program_result result;
    char command[1024];
    (void)state;
    make_folder("plain");
    for (int minute = 30; minute < 32; minute++) {
        snprintf(command, sizeof command,
                 "gunzip -c '" TEST_DATA
                 "/goprof/go1.25/goroutine.debug0.pb.gz' >'%s/plain/goroutine-20261121-08%d00.pb'",
                 lab.folder, minute);
        assert_int_equal(system(command), 0);
    }
    LAB_RUN(&lab, &result, "import", "plain", "--db", "plain.db");
    lab_check(&result, 0, "2 profiles of goroutine", "");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "plain.db", "--detector",
            "exec: {command: [" SOURCE_FOLDER "/runner/detect/examples/python/site_growth.py]}");
    lab_check(&result, 0, "0 alerts of exec, which did not watch it\n", NULL);
    program_result_done(&result);
}

/* All of them are told, and there is no database, nor half of one. */
static void what_is_wrong_is_told_at_once(void **state)
{
    struct program_result result;
    (void)state;
    make_folder("wrong");
    lab_write(&lab, "wrong/a.csv", "time,go_goroutines\n5,many\n");
    lab_write(&lab, "wrong/b.json", "{\"status\":\"error\",\"error\":\"too many points\"}");
    lab_write(&lab, "wrong/goroutine-20261121-083000.pb.gz", "\x1f\x8b no");
    lab_write(&lab, "wrong/notes", "hello\n");
    LAB_RUN(&lab, &result, "import", "wrong", "nowhere", "--db", "wrong.db");
    lab_check(&result, 2, "", "wrong/a.csv:2:3: \"many\" is no number\n");
    lab_check(&result, 2, "", "wrong/b.json: status: too many points\n");
    lab_check(&result, 2, "", "wrong/goroutine-20261121-083000.pb.gz: ");
    lab_check(&result, 2, "", "wrong/notes: is neither a profile nor a CSV nor the JSON answer of a range query\n");
    lab_check(&result, 2, "", "nowhere: ");
    lab_check(&result, 2, "", "5 errors; nothing was imported");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "import", "--db", "wrong.db");
    lab_check(&result, 4, "", "takes files or folders");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "import", "wrong", "--times", "now", "--db", "wrong.db");
    lab_check(&result, 4, "", "is not name, profile or mtime");
    program_result_done(&result);
    assert_false(lab_has(&lab, "wrong.db"));
    assert_false(lab_has(&lab, "wrong.yaml"));
}

/* A signal that came before the first observation: no database, no scenario, no half of either. */
static void an_interrupted_import_leaves_nothing(void **state)
{
    static const char blocked[] = "import os, signal, sys\n"
                                  "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
                                  "os.kill(os.getpid(), signal.SIGTERM)\n"
                                  "os.execv(sys.argv[1], sys.argv[1:])\n";
    const char *const words[] = {"python3", "-c", blocked, LEAKDRILL, "import", "ramp.csv", "--db", "cut.db", NULL};
    struct running_program running;
    struct program_result result;
    (void)state;
    write_csv("ramp.csv");
    program_start(&running, PROGRAM_HANGS_S, "/usr/bin/env", lab.folder, NULL, words);
    program_finish(&running, &result);
    lab_check(&result, 130, "", "interrupted; nothing was imported");
    program_result_done(&result);
    assert_int_equal(count_files(), 1);
    /* What one that was killed left goes with the next; what is of somebody who lives does not. */
    char alive[64];
    snprintf(alive, sizeof alive, "cut.db.part-%d", (int)getpid());
    lab_write(&lab, "cut.db.part-2000000000", "");
    lab_write(&lab, "cut.db.part-2000000000-wal", "");
    lab_write(&lab, "cut.db.part-precious", "");
    lab_write(&lab, alive, "");
    LAB_RUN(&lab, &result, "import", "ramp.csv", "--db", "cut.db");
    lab_check(&result, 0, "the scenario cut.yaml", "");
    program_result_done(&result);
    assert_false(lab_has(&lab, "cut.db.part-2000000000") || lab_has(&lab, "cut.db.part-2000000000-wal"));
    assert_true(lab_has(&lab, "cut.db.part-precious") && lab_has(&lab, alive) && lab_has(&lab, "cut.yaml"));
    LAB_RUN(&lab, &result, "import", "ramp.csv", "--db", "cut");
    lab_check(&result, 4, "", "cut.yaml exists; an import writes its scenario there");
    program_result_done(&result);
}

/* An incident whose cause is known: what was found of it, and when. */
static void a_declared_leak_is_scored(void **state)
{
    static const char scenario[] = "leakdrill: 1\nname: incident\n"
                                   "target: {imported: ramp.csv, declared: {cause: chan-receive, from: 15m}}\n"
                                   "sampling: {every: 30s}\n"
                                   "detectors: [threshold, growth]\nrepeat: {runs: 1}\n"
                                   "expect:\n  - {detector: threshold, detection: {observed: 100%}}\n"
                                   "  - {detector: growth, report_only: true}\n";
    struct program_result result;
    (void)state;
    write_csv("ramp.csv");
    lab_write(&lab, "incident.yaml", scenario);
    LAB_RUN(&lab, &result, "import", "ramp.csv", "--scenario", "incident.yaml", "--db", "incident.db");
    lab_check(&result, 0, NULL, "");
    program_result_done(&result);
    lab_assert_number(&lab, "incident.db",
                      "SELECT detect_ns / 1000000000 FROM outcome WHERE detector = 'threshold' AND kind = 'TP'",
                      68 * 30 - 900);
    lab_write(&lab, "wrong.yaml", "leakdrill: 1\nname: n\ntarget: {imported: x, instances: 2}\nrepeat: {runs: 1}\n"
                                  "detectors: [growth]\nexpect:\n  - {detector: growth, report_only: true}\n");
    LAB_RUN(&lab, &result, "import", "ramp.csv", "--scenario", "wrong.yaml", "--db", "wrong.db");
    lab_check(&result, 2, "", "wrong.yaml: has 2 instances, the files have 1");
    program_result_done(&result);
}

/* Nothing is left out without a word, and a time that cannot be is an error. */
static void what_is_no_number_or_no_time_is_told(void **state)
{
    struct program_result result;
    (void)state;
    lab_write(&lab, "holes.csv", "time,go_goroutines\n1795249815,4\n1795249830,NaN\n1795249845,1e400\n1795249860,5\n");
    LAB_RUN(&lab, &result, "import", "holes.csv", "--db", "holes.db");
    lab_check(&result, 0, "left out: 2 values that are no finite number, the first in holes.csv:3\n", "");
    lab_check(&result, 0, "growth needs 1m of observation, there are 45s\n", "");
    program_result_done(&result);
    lab_write(&lab, "apart.csv", "time,go_goroutines\n0,4\n1795249815,5\n");
    LAB_RUN(&lab, &result, "import", "apart.csv", "--db", "apart.db");
    lab_check(&result, 2, "", "apart.csv:3:1: 20778 days after the read before it: is a time wrong?\n");
    program_result_done(&result);
    assert_false(lab_has(&lab, "apart.db") || lab_has(&lab, "apart.yaml"));
    lab_write(&lab, "seldom.csv", "time,go_goroutines\n1764249815,4\n1795249815,5\n");
    LAB_RUN(&lab, &result, "import", "seldom.csv", "--db", "seldom.db"); /* 358 days: random's lots fit them */
    lab_check(&result, 0, "read", "");
    program_result_done(&result);
}

/* A rule file is a part of what was recorded: it may change, break or go. */
static void rules_are_kept(void **state)
{
    static const char scenario[] = "leakdrill: 1\nname: ruled\ntarget: {imported: ramp.csv}\n"
                                   "sampling: {every: 30s}\nrepeat: {runs: 1}\n"
                                   "detectors: [growth, {matrix: {rules: mine.yaml, as: mine}}]\n"
                                   "expect:\n  - {detector: mine, report_only: true}\n"
                                   "  - {detector: growth, report_only: true}\n";
    struct program_result result;
    struct ld_buffer rules;
    struct ld_error error;
    (void)state;
    ld_buffer_init(&rules, 1 << 20);
    if (ld_file_read(SOURCE_FOLDER "/scenarios/matrix/current.yaml", &rules, &error) != 0)
        fail_msg("%s", error.message);
    write_csv("ramp.csv");
    lab_write(&lab, "ruled.yaml", scenario);
    lab_write(&lab, "mine.yaml", rules.bytes);
    LAB_RUN(&lab, &result, "import", "ramp.csv", "--scenario", "ruled.yaml", "--db", "ruled.db");
    lab_check(&result, 0, NULL, "");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "ruled.db");
    lab_check(&result, 0, "all identical to the stored ones", NULL);
    assert_string_equal(result.err, "");
    program_result_done(&result);
    lab_write(&lab, "mine.yaml", "matrix: broken\n");
    LAB_RUN(&lab, &result, "replay", "--db", "ruled.db");
    lab_check(&result, 0, "all identical to the stored ones",
              "mine.yaml is not what it was; the rules of then are used\n");
    program_result_done(&result);
    lab_assert_text(&lab, "ruled.db", "SELECT value FROM fact WHERE name = 'rules.mine.yaml'", rules.bytes);
    ld_buffer_done(&rules);
    /* Those of today, where they are asked for. */
    LAB_RUN(&lab, &result, "replay", "--db", "ruled.db", "--detector", "matrix: {rules: mine.yaml}");
    lab_check(&result, 2, NULL, "mine.yaml:1:");
    program_result_done(&result);
}

int test_import(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(a_csv_with_a_ramp),        IN_LAB(a_range_of_two_pods),       IN_LAB(dumps_that_are_real),
        IN_LAB(what_is_wrong_is_told_at_once), IN_LAB(an_interrupted_import_leaves_nothing),
        IN_LAB(a_declared_leak_is_scored), IN_LAB(a_detector_gets_plain_protobuf_packed),
        IN_LAB(what_is_no_number_or_no_time_is_told),
        IN_LAB(rules_are_kept),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
