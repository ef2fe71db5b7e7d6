/* Static tools: what they are shown, how what they find is scored, and what becomes of those that break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

/* It leaks where go vet says so: a context that is not cancelled, in the function that waits for it. */
static const char program[] = "package main\n"
                              "\n"
                              "import (\n"
                              "\t\"context\"\n"
                              "\t\"flag\"\n"
                              "\t\"io\"\n"
                              "\t\"net/http\"\n"
                              ")\n"
                              "\n"
                              "func main() {\n"
                              "\tlisten := flag.String(\"listen\", \"\", \"address\")\n"
                              "\tflag.Parse()\n"
                              "\thttp.HandleFunc(\"/healthz\", func(http.ResponseWriter, *http.Request) {})\n"
                              "\thttp.HandleFunc(\"/work\", func(w http.ResponseWriter, _ *http.Request) {\n"
                              "\t\tgo keep(true)\n"
                              "\t\tio.WriteString(w, \"kept\")\n"
                              "\t})\n"
                              "\thttp.ListenAndServe(*listen, nil)\n"
                              "}\n"
                              "\n"
                              "// keep: the secret is that nobody cancels.\n"
                              "func keep(late bool) {\n"
                              "\tctx, cancel := context.WithCancel(context.Background())\n"
                              "\tif late {\n"
                              "\t\t<-ctx.Done()\n"
                              "\t\treturn\n"
                              "\t}\n"
                              "\tcancel()\n"
                              "}\n";

static const char scenario[] = "leakdrill: 1\n"
                               "name: %s\n"
                               "doc: A program of one's own, read by tools.\n"
                               "target:\n"
                               "  instrument: {package: ./svc, arguments: [-listen, \"{listen}\"], "
                               "env: {GOTOOLCHAIN: " GO_TOOLCHAIN "}}\n"
                               "  ready: /healthz\n"
                               "  truth: declared\n"
                               "  declared: {%s}\n"
                               "load: {path: /work, rate: 20/s, for: 1s}\n"
                               "phases: {ready: 10s, baseline: 300ms, drain: 100ms, settle: 100ms}\n"
                               "sampling: {every: 250ms}\n"
                               "detectors:\n"
                               "  - static: go-vet\n"
                               "  - static: {tool: command, command: [./elsewhere.sh], as: elsewhere}\n"
                               "  - static: {tool: command, command: [./broken.sh, 3], as: broken}\n"
                               "repeat: {runs: 1}\n"
                               "expect:\n"
                               "  - {detector: static, report_only: true}\n";

/* A fixture, and a tool that knows how its fault looks. */
static const char of_fixture[] = "leakdrill: 1\n"
                                 "name: fixture\n"
                                 "doc: A fixture and its twin, read by a tool.\n"
                                 "target: {fixture: queue/consumer-unclosed, variants: [leaky, healthy]}\n"
                                 "load: {path: /work, rate: 40/s, for: 1s}\n"
                                 "phases: {baseline: 300ms, drain: 100ms, settle: 100ms}\n"
                                 "sampling: {every: 250ms}\n"
                                 "detectors:\n"
                                 "  - static: {tool: command, command: [./unsealed.sh], as: unsealed}\n"
                                 "repeat: {runs: 2}\n"
                                 "expect:\n"
                                 "  - {detector: unsealed, detection: {observed: 100%}, false_alarms: {at_most: 0}, "
                                 "site: observable}\n";

static void write_tool(const char *name, const char *commands)
{
    char text[1024], path[256];
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", commands);
    lab_write(&lab, name, text);
    snprintf(path, sizeof path, "%s/%s", lab.folder, name);
    assert_int_equal(chmod(path, 0755), 0);
}

static void write_scenario(const char *file, const char *name, const char *declared)
{
    char text[2048], *at = text;
    const char *rest = scenario;
    const char *const words[] = {name, declared};
    for (size_t i = 0; i < 2; i++) {
        const char *place = strstr(rest, "%s");
        at += sprintf(at, "%.*s%s", (int)(place - rest), rest, words[i]);
        rest = place + 2;
    }
    strcpy(at, rest);
    lab_write(&lab, file, text);
}

static int prepare(void **state)
{
    char path[256];
    open_lab(state);
    snprintf(path, sizeof path, "%s/svc", lab.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    lab_write(&lab, "svc/go.mod", "module example.org/svc\n\ngo 1.26.0\n\ntoolchain go1.27.3\n");
    lab_write(&lab, "svc/main.go", program);
    write_tool("elsewhere.sh", "grep -rq secret . && echo 'main.go:20:1: a comment (seen)'\n"
                               "echo './main.go:12:2: something (odd)'; exit 1");
    write_tool("broken.sh", "echo out of order >&2; exit $1");
    /* Line 61 of the twin defers what seals the channel; no other folder may be there to be compared with. */
    write_tool("unsealed.sh", "find . -name repaired -o -name '*_test.go' | sed 's/.*/main.go:1:1: & (seen)/'\n"
                              "grep -q '// d' cases/digest/digest.go && echo 'main.go:2:1: told (seen)'\n"
                              "sed -n 61p cases/digest/digest.go | grep -q seal || echo "
                              "'cases/digest/digest.go:62:3: nobody seals it (unsealed)'\nexit 0");
    write_scenario("leaky.yaml", "leaky", "cause: context-wait, amount: 10, seen_at: [main.keep]");
    write_scenario("healthy.yaml", "healthy", "healthy: true");
    lab_write(&lab, "fixture.yaml", of_fixture);
    return 0;
}

#define RUN_OF(cell, detector)                                                                                         \
    " JOIN run AS r USING (run) JOIN cell AS c ON c.cell = r.cell WHERE c.name LIKE '" cell                            \
    "%' AND detector = '" detector "'"

static void findings_are_scored(void **state)
{
    (void)state;
    struct program_result result;
    RUN_UNTIL(&result, LAB_UNDISTURBED, "s.db", "run", "leaky.yaml", "healthy.yaml", "fixture.yaml", "--jobs", "2");
    lab_check(&result, 0, "Verdict: ", "leakdrill: reading the source of leaky, leaky: go-vet\n");
    program_result_done(&result);
    /* A finding where the program leaks: seen, and no time. */
    lab_assert_text(&lab, "s.db",
                    "SELECT kind || ' ' || site_match || ' ' || cause_match || coalesce(detect_ns, ', no time') FROM "
                    "outcome" RUN_OF("leaky/", "static"),
                    "TP right right, no time");
    lab_assert_text(&lab, "s.db",
                    "SELECT rule || ' ' || cause || ' ' || site || ' ' || evidence || ' ' || why FROM alert" RUN_OF(
                        "leaky/", "static"),
                    "lostcancel context-wait main.keep 0 go-vet: main.go:23:2: the cancel function is not used");
    /* The same finding where nothing leaks, or elsewhere, is false; there are no quiet hours to divide it by. */
    lab_assert_text(&lab, "s.db",
                    "SELECT false_alarms || ' ' || wrong_site || ' ' || quiet_seconds FROM detector_run" RUN_OF(
                        "healthy/", "static"),
                    "1 0 0.0");
    lab_assert_text(&lab, "s.db",
                    "SELECT episodes || ' ' || false_alarms || ' ' || wrong_site FROM detector_run" RUN_OF("leaky/",
                                                                                                      "elsewhere"),
                    "1 1 1");
    lab_assert_text(&lab, "s.db", "SELECT kind FROM outcome" RUN_OF("leaky/", "elsewhere"), "FN");
    lab_assert_text(&lab, "s.db", "SELECT kind FROM outcome" RUN_OF("leaky/", "broken"), "DETECTOR_ERROR");
    lab_assert_text(&lab, "s.db", "SELECT reason FROM detector WHERE name = 'broken'", "out of order");
    /* A tool sees one variant, and of it no comment: a perfect one is right about both, in every run. */
    lab_assert_text(&lab, "s.db",
                    "SELECT group_concat(DISTINCT site) || ' ' || count(*) FROM alert" RUN_OF("fixture/", "unsealed"),
                    "shop/cases/digest.(*Desk).open 2");
    lab_assert_number(&lab, "s.db",
                      "SELECT count(*) FROM outcome" RUN_OF("fixture/leaky/", "unsealed") " AND culprit", 2);
}

static void a_replay_leaves_them_out(void **state)
{
    (void)state;
    struct program_result result;
    LAB_RUN(&lab, &result, "replay", "--db", "s.db");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "s.db", "--detector", "unsealed");
    lab_check(&result, 4, NULL, "reads the source, which no recording holds");
    program_result_done(&result);
}

int test_static(void)
{
    const struct CMUnitTest tests[] = {IN_GROUP(findings_are_scored),
                                       IN_GROUP(a_replay_leaves_them_out)};
    if (lacks_programs("static"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("static", tests, prepare, close_lab);
}
