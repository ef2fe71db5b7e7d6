/* Blind runs: no byte that reaches a detector or a reader of the gateway names the target's own code, and everybody
 * says the same as with names, live and in replay. */
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

#define KEEPER SOURCE_FOLDER "/tests/program/detectors/keeper.py"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Two leaks: their fixtures, and the words that are their own. Packages, types, functions, files, programs. */
static const struct {
    const char *name, *fixture, *site;
    const char *words[8];
} leaks[] = {
    {"recv", "queue/consumer-unclosed", "shop/cases/digest.(*Desk).collect",
     {"digest", "Desk", "collect", "mailroom", NULL}},
    {"body", "http/body-not-closed", "net/http.(*persistConn).", {"prices", "quotes", "storefront", NULL}},
};
/* Of both. */
static const char *const shared_words[] = {"shop", "cases", "instrument", "Ledger", "fixtures", NULL};

static int prepare(void **state)
{
    char folder[128];
    open_lab(state);
    snprintf(folder, sizeof folder, "%s/all", lab.folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    for (size_t i = 0; i < COUNT(leaks); i++) {
        char file[64];
        snprintf(file, sizeof file, "all/%s.yaml", leaks[i].name);
        LAB_SCENARIO(&lab, file, "nameless.yaml", "NAME", leaks[i].name, "FIXTURE", leaks[i].fixture, "KEEPER", KEEPER,
                     "FOLDER", lab.folder);
    }
    return 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A file with bytes of every kind, as C code reads it: up to its length, not to a NUL. */
static char *read_kept(const char *name, const char *what, size_t *ret_length)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s.%s", lab.folder, name, what);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s was not written", path);
    fseek(file, 0, SEEK_END);
    *ret_length = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*ret_length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *ret_length, file), *ret_length);
    bytes[*ret_length] = '\0';
    fclose(file);
    return bytes;
}

/* Where the word stands by itself; NULL: nowhere. */
static const char *find_word(const char *bytes, size_t length, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = bytes, *end = bytes + length; (at = memmem(at, (size_t)(end - at), word, size)); at++)
        if ((at == bytes || !is_letter(at[-1])) && !is_letter(at[size]))
            return at;
    return NULL;
}

static void assert_hidden(const char *bytes, size_t length, const char *const *words)
{
    for (; *words; words++) {
        const char *at = find_word(bytes, length, *words);
        if (at)
            fail_msg("\"%s\" was handed out: ...%.*s", *words, 120, at - (at - bytes < 40 ? at - bytes : 40));
    }
}

static void assert_holds(const char *bytes, size_t length, const char *text)
{
    if (!memmem(bytes, length, text, strlen(text)))
        fail_msg("\"%s\" is not in what was handed out", text);
}

static void check_kept(size_t leak, bool hidden)
{
    size_t length;
    char *bytes = read_kept(leaks[leak].name, "kept", &length);
    static const char *const seen[] = {"\"type\":\"hello\"", "\"type\":\"line\"", "\"format\":\"debug2\"",
                                       "\"profile\":\"goroutineleak\"", "\"profile\":\"heap\"", "runtime.gopark",
                                       "net/http.(*conn).serve", "main.main"};
    for (size_t i = 0; i < COUNT(seen); i++) /* of Go, and so in both */
        assert_holds(bytes, length, seen[i]);
    if (hidden) {
        assert_hidden(bytes, length, leaks[leak].words);
        assert_hidden(bytes, length, shared_words);
    } else {
        assert_non_null(find_word(bytes, length, leaks[leak].words[0]));
        assert_non_null(find_word(bytes, length, "shop"));
    }
    free(bytes);
}

static void check_read(size_t leak, bool hidden)
{
    size_t length;
    char *bytes = read_kept(leaks[leak].name, "read", &length);
    static const char *const seen[] = {"== 200 /metrics\n", "\ngo_goroutines ", "== 200 /debug/pprof/\n",
                                       "== 200 /debug/pprof/goroutine?debug=2\ngoroutine ",
                                       "== 200 /debug/pprof/heap?debug=1\nheap profile: ", "net/http.(*conn).serve"};
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_holds(bytes, length, seen[i]);
    assert_holds(bytes, length,
                 hidden ? "== 200 /debug/pprof/cmdline\ntarget\n" : "== 200 /debug/pprof/cmdline\nmailroom");
    assert_holds(bytes, length, hidden ? "== 403 /debug/pprof/symbol?" : "== 200 /debug/pprof/symbol?");
    assert_holds(bytes, length, hidden ? "== 403 /debug/pprof/trace?" : "== 200 /debug/pprof/trace?");
    if (hidden) {
        assert_hidden(bytes, length, leaks[leak].words);
        assert_hidden(bytes, length, shared_words);
    } else {
        assert_non_null(find_word(bytes, length, "shop"));
    }
    free(bytes);
}

static void forget_kept(void)
{
    for (size_t i = 0; i < COUNT(leaks); i++)
        for (int what = 0; what < 2; what++) {
            char path[192];
            snprintf(path, sizeof path, "%s/%s.%s", lab.folder, leaks[i].name, what ? "read" : "kept");
            unlink(path);
        }
}

/* Both leaks with their twins, every detector with and without names. */
static void nothing_handed_out_has_a_name(void **state)
{
    (void)state;
    struct program_result result;
    LAB_RUN(&lab, &result, "run", "all", "--blind", "--jobs", "4", "--db", "blind.db");
    static const char *const told[] = {
        "Blind: 5 detectors agree in 4 runs with and without names",
        "Blind: keeper, not compared in the runs: leakdrill replay --sighted tells it the names",
        "Blind: reader, not compared in the runs: it reads the target itself: leakdrill compare with runs of",
    };
    for (size_t i = 0; i < COUNT(told); i++)
        lab_check_said(&result, told[i], NULL);
    program_result_done(&result);
    lab_assert_clean(&lab);
    for (size_t i = 0; i < COUNT(leaks); i++) {
        check_kept(i, true);
        check_read(i, true);
        char sql[512];
        /* What it named by a token is stored, and scored, by the name. */
        snprintf(sql, sizeof sql,
                 "SELECT group_concat(DISTINCT site) FROM alert JOIN run USING (run) JOIN cell USING (cell) WHERE "
                 "detector = 'keeper' AND action = 'open' AND cell.name LIKE '%s/leaky/%%'",
                 leaks[i].name);
        lab_assert_text(&lab, "blind.db", sql, leaks[i].site);
        snprintf(sql, sizeof sql,
                 "SELECT min(why = site || ' holds most') FROM alert WHERE detector = 'keeper' AND action = 'open'");
        lab_assert_number(&lab, "blind.db", sql, 1);
    }
    lab_assert_number(&lab, "blind.db", "SELECT value FROM fact WHERE name = 'blind'", 1);
    /* An endpoint's answers are renamed, too, and its twin judges the same ones. */
    lab_assert_number(&lab, "blind.db",
                      "SELECT count(*) FROM note WHERE kind = 'blind' AND text LIKE 'goleak: agrees: %'", 4);
    lab_assert_number(&lab, "blind.db", "SELECT count(*) > 0 FROM note WHERE kind = 'blind' AND text LIKE 'goleak: "
                      "agrees: %' AND text NOT LIKE '%: 0 alerts'", 1);
    lab_assert_number(&lab, "blind.db",
                      "SELECT count(*) > 0 FROM alert WHERE detector = 'goleak' AND site LIKE 'shop/%'", 1);
    lab_assert_text(&lab, "blind.db", "SELECT value FROM fact WHERE name = 'own.recv'", "shop");
    /* Observations are stored as they were: one recording serves both. */
    lab_assert_number(&lab, "blind.db", "SELECT count(*) > 0 FROM frame WHERE function LIKE 'shop/%'", 1);
}

/* Programs have no sighted twin in the run: replays tell them, and the built-in ones again, with and without names. */
static void verdicts_are_the_same_with_names(void **state)
{
    (void)state;
    struct program_result result;
    forget_kept();
    LAB_RUN(&lab, &result, "replay", "--db", "blind.db", "--sighted");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    check_kept(0, false);
    program_result_done(&result);
    forget_kept();
    LAB_RUN(&lab, &result, "replay", "--db", "blind.db");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    for (size_t i = 0; i < COUNT(leaks); i++)
        check_kept(i, true);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "blind.db", "--sighted", "--blind");
    lab_check(&result, 4, NULL, "contradict");
    program_result_done(&result);
}

/* The same seed and schedule; and what is hidden above is there to be hidden. */
static void a_sighted_run_hands_out_names(void **state)
{
    (void)state;
    struct program_result result;
    forget_kept();
    LAB_RUN(&lab, &result, "run", "all/recv.yaml", "--filter", "recv/leaky/*", "--db", "sighted.db");
    program_result_done(&result);
    check_kept(0, false);
    check_read(0, false);
    lab_assert_number(&lab, "sighted.db", "SELECT count(*) FROM note WHERE kind = 'blind'", 0);
    lab_assert_number(&lab, "sighted.db", "SELECT value FROM fact WHERE name = 'blind'", 0);
    forget_kept();
    LAB_RUN(&lab, &result, "replay", "--db", "sighted.db", "--blind");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    check_kept(0, true);
    program_result_done(&result);
}

/* ---- Prometheus */

#define PROMETHEUS_RULES(expression)                                                                                   \
    "groups:\n  - name: mine\n    rules:\n      - alert: Grows\n        expr: " expression "\n"

/* A Prometheus as it is, that leaves what it stored, as it is, in the lab. */
static void keep_what_prometheus_stores(void)
{
    const char *path = getenv("PATH");
    char folder[128], script[256], text[4096];
    static char environment[4096];
    snprintf(folder, sizeof folder, "%s/bin", lab.folder);
    snprintf(script, sizeof script, "%s/prometheus", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    int length = snprintf(text, sizeof text,
                          "#!/bin/sh\nPATH='%s:" BUILD_FOLDER "/../tools/usr/bin'\nfor word; do\n  shift\n"
                          "  case $word in --storage.tsdb.path=*) word=--storage.tsdb.path=%s/tsdb.$$;; esac\n"
                          "  set -- \"$@\" \"$word\"\ndone\nexec prometheus \"$@\" --no-storage.tsdb.wal-compression\n",
                          path, lab.folder);
    assert_true(length > 0 && length < (int)sizeof text);
    lab_write(&lab, "bin/prometheus", text);
    assert_int_equal(chmod(script, 0700), 0);
    snprintf(environment, sizeof environment, "PATH=%s:%s", folder, path);
    lab.environment[2] = environment;
}

/* Which rules may be judged without names is told of each, and what Prometheus stored has none. */
static void prometheus_is_told_no_names(void **state)
{
    (void)state;
    struct program_result result;
    if (!has_prometheus()) {
        print_message("skipped: Prometheus and Alertmanager are not there\n");
        skip();
    }
    keep_what_prometheus_stores();
    lab_write(&lab, "own.yml", PROMETHEUS_RULES("rate(shop_orders_total[2s]) > 100"));
    lab_write(&lab, "others.yml", PROMETHEUS_RULES("deriv(go_goroutines[2s]) > 100 or go_gorutines > 5"));
    LAB_SCENARIO(&lab, "own.yaml", "own-metrics.yaml", "NAME", "own", "PROGRAM", TARGETS_FOLDER "/service");
    LAB_RUN(&lab, &result, "run", "own.yaml", "--blind", "--db", "own.db");
    lab_check_said(&result, "asks differs in 1 of 1 run", NULL);
    program_result_done(&result);
    lab_assert_text(&lab, "own.db", "SELECT text FROM note WHERE kind = 'blind' AND text LIKE 'asks: %'",
                    "asks: differs: a rule asks for shop_orders_total, which was renamed");
    lab_assert_number(&lab, "own.db", "SELECT count(*) FROM note WHERE kind = 'blind' AND text LIKE "
                      "'others: agrees: no rule asks for the 2 names that were renamed in % reads'", 1);
    /* What was renamed is no mistake of the rules'; a typo is one with names or without. */
    lab_assert_text(&lab, "own.db", "SELECT group_concat(text, ';') FROM note WHERE kind = 'in vain'",
                    "others: go_gorutines (rule Grows)");
    lab_sh(&lab, "cat tsdb.*/wal/0* >stored; ls -d tsdb.* | wc -l >&2\n"
                 "grep -aq go_goroutines stored; grep -aq code stored; grep -aEq 'n[0-9a-f]{8}_total' stored\n"
                 "if grep -aE 'shop|desk|Take|orders' stored; then exit 1; fi");
    lab.environment[2] = NULL;
}

int test_blind(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(nothing_handed_out_has_a_name),
        IN_GROUP(verdicts_are_the_same_with_names),
        IN_GROUP(a_sighted_run_hands_out_names),
        IN_GROUP(prometheus_is_told_no_names),
    };
    if (lacks_programs("blind"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("blind", tests, prepare, close_lab);
}
