/* Detectors that are programs: sound ones, examples, and every kind of bad one, live and in replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DETECTOR SOURCE_FOLDER "/tests/program/detectors/detector.py"

static int prepare(void **state)
{
    char folder[128];
    open_lab(state);
    snprintf(folder, sizeof folder, "%s/all", lab.folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    return 0;
}

/* ---- bad ones, as many in one run as there is room for: what they do to their neighbours is part of the question */

struct bad_detector {
    const char *behaviour;
    const char *reason;  /* a pattern of LIKE; NULL: no fault */
    const char *note;    /* likewise; NULL: not asked */
    const char *options; /* NULL: none */
};

static const struct bad_detector bad_detectors[] = {
    {"sound", NULL, NULL, NULL},
    {"talks", NULL, "one word%", NULL},
    {"lingers", NULL, "it did not end after its input''s end and was killed", NULL},
    {"ends-badly", NULL, "it ended with exit code 4 after its input''s end", NULL},
    {"exits", "crashed: it ended with exit code 3, while asked about observation 6", "no more of this%", NULL},
    {"exits-cleanly", "crashed: it ended with exit code 0, while asked about observation 6", NULL, NULL},
    {"crashes", "crashed: it ended with signal 11, while asked about observation 6", NULL, NULL},
    {"leaves-a-child", "crashed: it ended with exit code 3, while asked about observation 6", NULL, NULL},
    {"closes-output", "crashed: it closed its output, while asked about observation 6", NULL, NULL},
    {"closes-input", "hung: observation 6 was not answered within 1s", NULL, "timeout: 1s"},
    {"hangs", "hung: observation 6 was not answered within 1s", NULL, "timeout: 1s"},
    {"never-says-hello", "hung: hello was not answered within 10s; does it flush each line%", NULL, NULL},
    {"slow", "fell-behind: % observations still waited 10000 ms after the run''s end", NULL, NULL},
    {"floods", "flooded: observation 6: more than 1000 lines in one answer", NULL, NULL},
    {"floods-alerts", "flooded: observation 6: more than 1000 %", NULL, NULL},
    {"floods-errors", "flooded: more than 16777216 bytes on standard error", "xxx%", "timeout: 60s"},
    {"long-line", "flooded: observation 6: a line of more than 65536 bytes", NULL, NULL},
    {"hoards", "too-much-memory: % MiB resident, over its limit of 128MiB", NULL, "timeout: 60s, memory: 128MiB"},
    {"spins", "too-much-cpu: % of CPU time, over its limit of 500ms", NULL, "timeout: 60s, cpu: 500ms"},
    {"no-json", "broken-json: observation 6: at byte %", NULL, NULL},
    {"half-json", "broken-json: observation 6: at byte %", NULL, NULL},
    {"no-object", "broken-json: observation 6: a line that is no JSON object", NULL, NULL},
    {"deep-json", "broken-json: observation 6: at byte % maximum parsing depth reached%", NULL, NULL},
    {"twice-a-key", "broken-json: observation 6: at byte % duplicate object key%", NULL, NULL},
    {"bad-utf8", "invalid-utf8: observation 6: at byte %", NULL, NULL},
    {"nul", "broken-json: observation 6: at byte %", NULL, NULL},
    {"banner", "broken-json: hello: at byte %", NULL, NULL},
    {"unknown-type", "off-protocol: observation 6: an unknown type \"alarm\"", NULL, NULL},
    {"unknown-key", "off-protocol: observation 6: an unknown key \"sevrity\"", NULL, NULL},
    {"missing-key", "off-protocol: observation 6: open needs the key \"id\"", NULL, NULL},
    {"wrong-type", "off-protocol: observation 6: \"id\" is not a text", NULL, NULL},
    {"wrong-cause", "off-protocol: observation 6: no cause is called \"chan-recieve\"", NULL, NULL},
    {"negative", "off-protocol: observation 6: \"amount\" is not a number from 0 on", NULL, NULL},
    {"long-why", "off-protocol: observation 6: \"why\" has 5000 bytes; at most 1024 are allowed", NULL, NULL},
    {"alerts-in-hello", "out-of-turn: hello: open before any observation", NULL, NULL},
    {"answers-twice", "out-of-turn: observation %", NULL, NULL},
    {"answers-the-past", "out-of-turn: observation 6: done names observation 5, asked was 6", NULL, NULL},
    {"answers-the-future", "impossible-claim: observation 6: done names observation 7, asked was 6", NULL, NULL},
    {"claims-the-future", "impossible-claim: observation 6: open names observation 106, asked was 6", NULL, NULL},
    {"claims-an-unseen-site", "impossible-claim: observation 6: no observation has shown the site \"main.secret\"",
     NULL, NULL},
    {"claims-an-unseen-instance", "impossible-claim: observation 6: no observation has shown an instance 4", NULL,
     NULL},
    {"closes-what-is-not-open", "impossible-claim: observation 6: closes \"nothing\", which is not open", NULL, NULL},
    {"updates-what-is-not-open", "impossible-claim: observation 6: updates \"nothing\", which is not open", NULL, NULL},
    {"opens-twice", "impossible-claim: observation 6: opens \"a\", which is open", NULL, NULL},
    {"knows-again", "impossible-claim: observation 6: instance 0 is known again, but was not unknown", NULL, NULL},
    {"gives-up", "gave-up: observation 6: this is not a Go program", NULL, NULL},
};

#define FAULTS (COUNT(bad_detectors) - 4)
#define AT_ONCE 12 /* starting them is work: a machine that is busy anyway would be late with everything else */
#define RUNS ((COUNT(bad_detectors) + AT_ONCE - 1) / AT_ONCE)

static void write_scenario(const char *name, const struct bad_detector *detectors, size_t count)
{
    struct ld_buffer items;
    char file[64];
    snprintf(file, sizeof file, "all/%s.yaml", name);
    ld_buffer_init(&items, (size_t)1 << 20);
    for (size_t i = 0; i < count; i++)
        ld_buffer_printf(&items, "  - exec: {command: [" DETECTOR ", %s], as: %s%s%s}\n", detectors[i].behaviour,
                         detectors[i].behaviour, detectors[i].options ? ", " : "",
                         detectors[i].options ? detectors[i].options : "");
    LAB_SCENARIO(&lab, file, "exec.yaml", "NAME", name, "PROGRAM", TARGETS_FOLDER "/service", "DETECTORS",
                 ld_buffer_text(&items));
    ld_buffer_done(&items);
}

static void assert_reason(const char *database, const struct bad_detector *detector)
{
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT failed || ' ' || coalesce(reason, '') FROM detector WHERE name = '%s'",
             detector->behaviour);
    char *seen = lab_text(&lab, database, sql);
    if (detector->reason)
        snprintf(sql, sizeof sql, "SELECT count(*) FROM detector WHERE name = '%s' AND failed AND reason LIKE '%s'",
                 detector->behaviour, detector->reason);
    else
        snprintf(sql, sizeof sql, "SELECT count(*) FROM detector WHERE name = '%s' AND NOT failed",
                 detector->behaviour);
    if (lab_number(&lab, database, sql) != 1)
        fail_msg("%s: \"%s\", not \"%s\"", detector->behaviour, seen, detector->reason ? detector->reason : "sound");
    free(seen);
    if (!detector->note)
        return;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM note WHERE kind = 'detector %s' AND text LIKE '%s'",
             detector->behaviour, detector->note);
    if (lab_number(&lab, database, sql) != 1)
        fail_msg("%s: no note \"%s\"", detector->behaviour, detector->note);
}

static void bad_detectors_harm_nobody_else(void **state)
{
    (void)state;
    struct program_result result;
    for (size_t i = 0; i < COUNT(bad_detectors); i += AT_ONCE) {
        char name[32];
        size_t left = COUNT(bad_detectors) - i;
        snprintf(name, sizeof name, "part-%zu", i / AT_ONCE);
        write_scenario(name, &bad_detectors[i], left < AT_ONCE ? left : AT_ONCE);
    }
    RUN_UNTIL(&result, LAB_UNDISTURBED, "exec.db", "run", "all", "--jobs", "1");
    lab_check(&result, 0, "Calibration: holds", NULL);
    lab_check(&result, 0, "Detectors that broke (DETECTOR_ERROR):\n", NULL);
    lab_check(&result, 0, "  the last of its standard error:\n    no more of this\n", NULL);
    lab_check(&result, 0, "  the last of its standard error (more: leakdrill show RUN):\n    xxx", NULL);
    lab_assert_clean(&lab);
    lab_assert_database(&lab, "exec.db");
    lab_assert_number(&lab, "exec.db", "SELECT count(*) FROM run WHERE validity = 'valid' AND left_processes = 0",
                      RUNS);
    for (size_t i = 0; i < COUNT(bad_detectors); i++)
        assert_reason("exec.db", &bad_detectors[i]);
    /* Who is sound among them is heard, and so are the built-in ones. */
    lab_assert_number(&lab, "exec.db",
                      "SELECT count(DISTINCT detector) FROM alert WHERE action = 'open' AND detector IN ('threshold', "
                      "'growth') OR (detector IN ('sound', 'talks', 'lingers', 'ends-badly') AND site = 'main.wait')",
                      6);
    lab_assert_number(&lab, "exec.db",
                      "SELECT count(*) FROM outcome WHERE detector IN ('sound', 'talks', 'lingers', 'ends-badly') AND "
                      "kind = 'TP' AND cause_match = 'right' AND site_match = 'right'",
                      4);
    lab_assert_number(&lab, "exec.db", "SELECT count(*) FROM detector WHERE kind = 'exec' AND failed", FAULTS);
    lab_assert_number(&lab, "exec.db", "SELECT count(*) FROM outcome WHERE kind = 'DETECTOR_ERROR'", FAULTS);
    program_result_done(&result);
}

/* ---- live and replayed */

static void replay_gives_the_same_alerts(void **state)
{
    (void)state;
    struct program_result live, replayed;
    write_scenario("sound", bad_detectors, 1);
    RUN_UNTIL(&live, LAB_UNDISTURBED, "exec.db", "run", "all", "--runs", "2");
    lab_check(&live, 0, "sound", NULL);
    lab_assert_number(&lab, "exec.db", "SELECT count(DISTINCT run) FROM alert WHERE detector = 'sound'", 2);
    LAB_RUN(&lab, &replayed, "replay", "--db", "exec.db");
    lab_check(&replayed, 0, "identical to the stored ones", NULL);
    lab_assert_clean(&lab);
    program_result_done(&replayed);
    LAB_RUN(&lab, &replayed, "replay", "--db", "exec.db", "--detector", "sound", "--json");
    lab_check(&replayed, 0, "\"detector\":\"sound\"", NULL);
    program_result_done(&replayed);
    program_result_done(&live);
}

/* ---- edited while the campaign runs */

static void an_edited_program_is_told(void **state)
{
    (void)state;
    struct running_program running;
    struct program_result result;
    struct ld_buffer text;
    struct ld_error error;
    ld_buffer_init(&text, 1 << 20);
    assert_int_equal(ld_file_read(DETECTOR, &text, &error), 0);
    lab_write(&lab, "all/mine.py", ld_buffer_text(&text));
    LAB_SCENARIO(&lab, "all/edited.yaml", "exec.yaml", "NAME", "edited", "PROGRAM", TARGETS_FOLDER "/service",
                 "DETECTORS", "  - exec: {command: [python3, ./mine.py, sound], as: mine}\n");
    LAB_START(&lab, &running, "run", "all", "--db", "edited.db", "--runs", "2", "--jobs", "1");
    lab_await_number(&lab, "edited.db", "SELECT count(*) FROM phase WHERE name = 'method'", 1);
    assert_int_equal(ld_buffer_add_text(&text, "# edited\n"), 0);
    lab_write(&lab, "all/mine.py", ld_buffer_text(&text));
    program_finish(&running, &result);
    lab_check_judged(&lab, &result, "edited.db");
    lab_check_said(&result,
                   "CHANGED detector program: asked the same program in every run, seen mine was another one in", NULL);
    lab_check_said(&result, "1 of 2 runs, first in run ", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "edited.db",
                      "SELECT count(*) FROM note WHERE kind = 'program' AND text LIKE 'mine: all/mine.py is "
                      "____________ and was ____________ when the campaign began'",
                      1);
    lab_assert_number(&lab, "edited.db",
                      "SELECT count(*) FROM fact WHERE name = 'program.all/mine.py' AND length(value) = 64", 1);
    lab_assert_number(&lab, "edited.db", "SELECT count(*) FROM detector WHERE failed", 0);
    ld_buffer_done(&text);
}

/* Everything that reaches a detector, live and replayed: lines, profiles, environment, folder. */
static void nothing_tells_what_runs(void **state)
{
    (void)state;
    static const char *const telltales[] = {"tell-tale", "case-of-kills", "leaky", "healthy", "variant", "growing"};
    char options[256];
    struct program_result result;
    snprintf(options, sizeof options, "environment: [\"OUT=%s/told\"]", lab.folder);
    const struct bad_detector detectors[] = {{"sound", NULL, NULL, options}};
    write_scenario("tell-tale", detectors, 1);
    char *text = lab_read(&lab, "all/tell-tale.yaml");
    struct ld_buffer more;
    ld_buffer_init(&more, 1 << 16);
    ld_buffer_printf(&more, "%sfaults:\n  case-of-kills: [{at: 600ms, kill: {who: target, signal: KILL, "
                            "restart_after: 200ms}}]\n", text);
    lab_write(&lab, "all/tell-tale.yaml", ld_buffer_text(&more));
    free(text);
    ld_buffer_done(&more);
    LAB_RUN(&lab, &result, "run", "all", "--filter", "*/case-of-kills", "--db", "exec.db");
    lab_check_said(&result, "case-of-kills", NULL);
    program_result_done(&result);
    text = lab_read(&lab, "told");
    assert_non_null(text);
    assert_non_null(strstr(text, "\"type\":\"hello\""));
    assert_non_null(strstr(text, "\"life\":\"ended\""));
    assert_non_null(strstr(text, "main.wait"));
    for (size_t i = 0; i < COUNT(telltales); i++)
        if (strstr(text, telltales[i]))
            fail_msg("it was told: %.200s", strstr(text, telltales[i]));
    /* The first line is of its process; the others are told again byte for byte. */
    char path[128];
    snprintf(path, sizeof path, "%s/told", lab.folder);
    assert_int_equal(unlink(path), 0);
    LAB_RUN(&lab, &result, "replay", "--db", "exec.db");
    lab_check(&result, 0, "identical", NULL);
    program_result_done(&result);
    char *again = lab_read(&lab, "told");
    assert_non_null(again);
    assert_string_equal(strchr(again, '\n'), strchr(text, '\n'));
    free(again);
    free(text);
}

static void who_reads_for_itself_is_left_out_of_replays(void **state)
{
    (void)state;
    static const struct bad_detector detectors[] = {{"reads", NULL, NULL, "gateway: true"},
                                                    {"sound", NULL, NULL, NULL}};
    struct program_result result;
    write_scenario("reads", detectors, COUNT(detectors));
    LAB_RUN(&lab, &result, "run", "all", "--db", "exec.db");
    program_result_done(&result);
    assert_reason("exec.db", &detectors[0]);
    lab_assert_text(&lab, "exec.db", "SELECT why FROM alert WHERE detector = 'reads' ORDER BY id LIMIT 1",
                    "goroutine profile: total ");
    LAB_RUN(&lab, &result, "replay", "--db", "exec.db");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "exec.db", "--detector", "reads");
    lab_check(&result, 4, NULL, "reads reads the target through the gateway: it cannot be replayed");
    program_result_done(&result);
}

static void a_replay_finds_what_is_beside_the_scenario(void **state)
{
    struct program_result result;
    (void)state;
    lab_sh(&lab, "mkdir elsewhere && cp '" DETECTOR "' all");
    LAB_SCENARIO(&lab, "all/beside.yaml", "exec.yaml", "NAME", "beside", "PROGRAM", TARGETS_FOLDER "/service",
                 "DETECTORS", "  - exec: {command: [./detector.py, sound], as: sound}\n");
    LAB_RUN(&lab, &result, "run", "all/beside.yaml", "--db", "exec.db");
    lab_check_said(&result, "beside", NULL);
    program_result_done(&result);
    LAB_RUN_PROGRAM(&lab, &result, "/bin/sh", "-c", "cd elsewhere; exec '" LEAKDRILL "' replay --db ../exec.db");
    lab_check(&result, 0, "identical to the stored ones", "");
    program_result_done(&result);
    lab_sh(&lab, "chmod -x all/detector.py");
    LAB_RUN(&lab, &result, "replay", "--db", "exec.db");
    lab_check(&result, 3, NULL, "run 0 was not compared: sound: not-started: ./detector.py is not executable");
    program_result_done(&result);
    lab_sh(&lab, "chmod +x all/detector.py; mv all moved");
    LAB_RUN_PROGRAM(&lab, &result, "/bin/sh", "-c", "cd elsewhere; exec '" LEAKDRILL "' replay --db ../exec.db");
    lab_check(&result, 3, NULL, "/all/beside.yaml is not there any more");
    program_result_done(&result);
}

/* ---- the examples, on a documented leak and its twin */

static void the_examples_see_the_leak_and_leave_its_twin_alone(void **state)
{
    (void)state;
    if (!lab_has_programs())
        skip_for("the Go programs are not built");
    struct program_result result;
    lab_write(&lab, "all/examples.yaml",
              "leakdrill: 1\nname: examples\ntarget: {fixture: queue/consumer-unclosed, variants: [leaky, healthy]}\n"
              "upstream: http-echo\nload: {path: /work, rate: 40/s, for: 8s}\n"
              "faults:\n  killed: [{at: 4s, kill: {who: target, signal: KILL, restart_after: 200ms}}]\n"
              "detectors:\n"
              "  - exec: {command: [" SOURCE_FOLDER "/runner/detect/examples/python/site_growth.py], as: python}\n"
              "  - exec: {command: [" BUILD_FOLDER "/examples/sitegrowth], as: go, options: {growth: \"30\"}}\n"
              "repeat: {runs: 1}\n"
              "expect:\n"
              "  - {detector: python, detection: {observed: 100%}, false_alarms: {at_most: 0}, site: observable}\n"
              "  - {detector: go, detection: {observed: 100%}, false_alarms: {at_most: 0}, site: observable}\n");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "examples.db", "run", "all");
    lab_check(&result, 0, "Verdict: PASS", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "examples.db", "SELECT count(*) FROM detector WHERE failed", 0);
    LAB_RUN(&lab, &result, "replay", "--db", "examples.db");
    lab_check(&result, 0, "run 3: ", NULL);
    program_result_done(&result);
}

/* ---- detector check */

#define SNOW "\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83"

static void check_says_what_holds(void **state)
{
    (void)state;
    static const struct {
        const char *behaviour;
        int exit_code;
        const char *says;
    } checks[] = {
        {"sound", 0, "holds  it says the same when its input comes in small pieces: 2 claims, 19 updates\n"},
        {"sound", 0, "       observation 23: chan-receive, amount 21: 21 goroutines\n"},
        {"sound", 0, "note   the burst that drains: 1 claim, "},
        {"sound", 0, "note   close: never said of it, though it drains\n"},
        {"paints", 0, "note   the last of its standard error:\n       \xe2\x98\x83\\u202e\\x1b[2J\n"},
        /* 60 bytes, and no half character */
        {"paints-keys", 1, "an unknown key \"\xe2\x98\x83\\u202e\\x1b[2J" SNOW SNOW SNOW SNOW
         "\xe2\x98\x83\xe2\x98\x83\""},
        {"talks", 0, "note   the last of its standard error:\n       one word\n"},
        {"exits", 1, "crashed: it ended with exit code 3, while asked about"},
        {"exits", 1, "FAILS  it says the same when it is told the same: the same fault\n"},
        {"exits", 1, "note   the last of its standard error:\n       no more of this\n"},
        {"hangs", 1, "was not answered within 1s\n"},
        {"no-json", 1, "       it wrote: alert: it leaks\n"},
        {"lingers", 1,
         "FAILS  it ends, with exit code 0, when its input ends: right after hello it did not end within"},
        {"ends-badly", 1, "right after hello it ended with exit code 4\n"},
        {"draws-lots", 1, "FAILS  it says the same when it is told the same: alert 1 is another one\n"},
        {"banner", 1, "FAILS  it starts and answers hello: broken-json: hello: at byte"},
    };
    struct program_result result;
    for (size_t i = 0; i < COUNT(checks); i++) {
        /* Only who is to be waited for in vain is given a second: an interpreter may need it for its start. */
        bool waits = strcmp(checks[i].behaviour, "hangs") == 0 || strcmp(checks[i].behaviour, "lingers") == 0;
        LAB_RUN(&lab, &result, "detector", "check", "--timeout", waits ? "1s" : "1m", DETECTOR, checks[i].behaviour);
        lab_check(&result, checks[i].exit_code, checks[i].says, NULL);
        program_result_done(&result);
        lab_assert_clean(&lab);
    }
}

static void check_is_used_rightly(void **state)
{
    (void)state;
    struct program_result result;
    LAB_RUN(&lab, &result, "detector");
    lab_check(&result, 4, NULL, "leakdrill detector check CMD [ARG...]");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "detector", "check");
    lab_check(&result, 4, NULL, "which program?");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "detector", "check", "./absent");
    lab_check(&result, 4, NULL, "there is no program ./absent");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "detector", "check", "--timeout", "2", "./absent");
    lab_check(&result, 4, NULL, "timeout: ");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "detector", "check", "--profiles", "goroutin", "./absent");
    lab_check(&result, 4, NULL, "\"goroutin\" is not one of goroutine");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "detector", "check", "--options", "growth=3", "./absent");
    lab_check(&result, 4, NULL, "--options takes NAME: VALUE, such as 'growth: 8, mode: fast'");
    program_result_done(&result);
    /* Metrics alone: all but the profiles and the reads of them that failed. */
    LAB_RUN(&lab, &result, "detector", "check", "--profiles", "none", DETECTOR, "sound");
    lab_check(&result, 0, "silence and a restart: 45 observations, the slowest", NULL);
    program_result_done(&result);
}

static void a_scaffold_is_sound(void **state)
{
    (void)state;
    struct program_result result;
    LAB_RUN(&lab, &result, "new-detector", "queue-depth", "--exec", "python");
    lab_check(&result, 0, "  leakdrill detector check ./queue-depth.py\n", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "detector", "check", "./queue-depth.py"); /* as the next step says, without an option */
    lab_check(&result, 0, "note   the leaky run: 2 claims\n       observation ", NULL);
    lab_check(&result, 0, "note   the healthy run: 0 claims\n", NULL);
    lab_check(&result, 0, "note   the burst that drains: 1 claim, 1 close\n", NULL);
    lab_check(&result, 0, "note   the leak in generic code: 1 claim\n", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "detector", "check", "--options", "limit: 60", "./queue-depth.py");
    lab_check(&result, 0, "note   the leaky run: 0 claims\n", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "new-detector", "queue-depth", "--exec", "python");
    lab_check(&result, 4, NULL, "queue-depth.py: File exists");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "new-detector", "queue-depth", "--exec", "ruby");
    lab_check(&result, 4, NULL, "--exec is python or go, not \"ruby\"");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "new-detector", "queue-depth", "--exec", "go");
    lab_check(&result, 0, "wrote queue-depth/main.go\nwrote queue-depth/go.mod\n", NULL);
    program_result_done(&result);
}

/* ---- the page */

/* The text between two others, to be freed; the first of them is part of it. */
static char *cut_out(const char *text, const char *from, const char *until)
{
    const char *begin = strstr(text, from), *end = begin ? strstr(begin, until) : NULL;
    assert_non_null(end);
    return strndup(begin, (size_t)(end - begin));
}

static void the_page_can_be_followed(void **state)
{
    (void)state;
    struct program_result result;
    char command[1024];
    struct ld_buffer page;
    struct ld_error error;
    ld_buffer_init(&page, 1 << 20);
    assert_int_equal(ld_file_read(SOURCE_FOLDER "/runner/detect/protocol.md", &page, &error), 0);
    char *scenario = cut_out(ld_buffer_text(&page), "# mine.yaml\n", "```");
    lab_write(&lab, "mine.yaml", scenario);
    snprintf(command, sizeof command,
             "cp '" SOURCE_FOLDER "/runner/detect/examples/python/site_growth.py' %s/my-detector.py", lab.folder);
    assert_int_equal(system(command), 0);
    LAB_RUN(&lab, &result, "detector", "check", "./my-detector.py");
    lab_check(&result, 0, "note   the leak in generic code: 1 claim\n       observation ", NULL);
    lab_check(&result, 0, ": any at main.(*queue[...]).take, amount ", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "lint", "mine.yaml");
    lab_check(&result, 0, "", "");
    program_result_done(&result);
    /* By hand: an answer to each line, and the leak. */
    snprintf(command, sizeof command,
             "cd '" SOURCE_FOLDER "/runner/detect/recording/leaky' && %s/my-detector.py <observations.jsonl >%s/said",
             lab.folder, lab.folder);
    assert_int_equal(system(command), 0);
    char *said = lab_read(&lab, "said");
    assert_non_null(said);
    assert_non_null(strstr(said, "\"site\": \"shop/cases/digest.(*Desk).collect\""));
    assert_non_null(strstr(said, "{\"type\": \"done\", \"seq\": 83}\n"));
    free(said);
    free(scenario);
    ld_buffer_done(&page);
}

static void causes_are_explained(void **state)
{
    (void)state;
    struct program_result result;
    LAB_RUN(&lab, &result, "explain", "causes");
    lab_check(&result, 0, "  ticker-wait       channel-wait: range over a ticker that nobody stops\n", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "explain", "ticker-wait");
    lab_check(&result, 0, "Its class is channel-wait. An alert that names chan-receive or context-wait or\n", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "explain", "goroutine-growth");
    lab_check(&result, 0, "claims no cause:\nneither right nor wrong.\n", NULL);
    program_result_done(&result);
}

/* ---- files that lint finds */

static void lint_finds_what_cannot_be_started(void **state)
{
    (void)state;
    struct program_result result;
    lab_write(&lab, "plain", "no program");
    lab_write(&lab, "lint.yaml",
              "leakdrill: 1\nname: n\ntarget: {command: [./a, \"{listen}\"], declared: {healthy: true}}\ndetectors:\n"
              "  - exec: {command: [./missing], as: a}\n"
              "  - exec: {command: [./plain], as: b}\n"
              "  - exec: {command: [no-such-program-anywhere], as: c}\n"
              "  - exec: {command: [sh, ./absent.sh], as: d}\n"
              "  - exec: {command: [folder/x], as: e}\n"
              "  - exec: {command: [.//], as: f}\n");
    LAB_RUN(&lab, &result, "lint", "lint.yaml");
    lab_check(&result, 2, "lint.yaml:5:22: detectors[0].exec.command[0]: there is no program ./missing\n", NULL);
    lab_check(&result, 2, "lint.yaml:6:22: detectors[1].exec.command[0]: ./plain is not executable (chmod +x)\n", NULL);
    lab_check(&result, 2,
              "lint.yaml:7:22: detectors[2].exec.command[0]: there is no program no-such-program-anywhere in "
              "PATH; a file is written with its folder, ./no-such-program-anywhere\n",
              NULL);
    lab_check(&result, 2,
              "lint.yaml:8:26: detectors[3].exec.command[1]: there is no file ./absent.sh beside the "
              "scenario\n",
              NULL);
    lab_check(&result, 2,
              "lint.yaml:9:22: detectors[4].exec.command[0]: folder/x: a path begins with / or, beside the "
              "scenario, with ./\n",
              NULL);
    lab_check(&result, 2, "lint.yaml:10:22: detectors[5].exec.command[0]: .// is no program but a folder or a device\n",
              NULL);
    program_result_done(&result);
}

int test_exec(void)
{
    if (access("/usr/bin/env", X_OK) != 0 || system("python3 -c '' 2>/dev/null") != 0) {
        print_message("skipped: the detectors of these tests need python3\n");
        return GROUP_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        IN_LAB_OF(bad_detectors_harm_nobody_else, prepare, close_lab),
        IN_LAB_OF(replay_gives_the_same_alerts, prepare, close_lab),
        IN_LAB_OF(an_edited_program_is_told, prepare, close_lab),
        IN_LAB_OF(the_examples_see_the_leak_and_leave_its_twin_alone, prepare, close_lab),
        IN_LAB_OF(check_says_what_holds, prepare, close_lab),
        IN_LAB_OF(nothing_tells_what_runs, prepare, close_lab),
        IN_LAB_OF(who_reads_for_itself_is_left_out_of_replays, prepare, close_lab),
        IN_LAB_OF(a_replay_finds_what_is_beside_the_scenario, prepare, close_lab),
        IN_LAB_OF(a_scaffold_is_sound, prepare, close_lab),
        IN_LAB_OF(check_is_used_rightly, prepare, close_lab),
        IN_LAB_OF(the_page_can_be_followed, prepare, close_lab),
        IN_LAB_OF(causes_are_explained, prepare, close_lab),
        IN_LAB_OF(lint_finds_what_cannot_be_started, prepare, close_lab),
    };
    return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
