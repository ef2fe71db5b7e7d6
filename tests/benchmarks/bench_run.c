/* A run's fixed cost against a bare program that spawns the same target, waits until it is ready, fetches a few
 * profiles, kills it and waits. Four arms in turn, round after round:
 *
 *   bare       the above: three profiles (goroutine, its stacks, heap), SIGKILL
 *   lean       a run of leakdrill with as few reads as there can be: one goroutine profile in each of the three surveys
 *              (before anything counts, before the method, after it), metrics beside each, a second look at the metrics
 *              after a forced GC, SIGTERM
 *   same work  the bare program with every read, garbage collection and signal of a full run of leakdrill, in its order
 *   full       a run of leakdrill with heap and stacks too, and the detector that looks at them
 *
 * leakdrill's runs follow each other (--jobs 1) and count from the start of one to the start of the next, so that
 * nothing a run costs is left out, less the time its schedule asks it to wait.
 *
 * usage: bench_run [ROUNDS [RUNS [PROFILES]]]: rounds of RUNS of each arm, the bare program fetching PROFILES; default
 * 8 rounds of 10, 3 profiles. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "database.h"
#include "statistics.h"
#include "target.h"

#define CASE "digest"

/* %s: what is sampled, who looks at it */
static const char scenario[] = "leakdrill: 1\n"
                               "name: fixed-cost\n"
                               "doc: A run that does only what every run does.\n"
                               "target: {fixture: queue/consumer-unclosed, variants: [healthy]}\n"
                               "phases: {baseline: 0s, drain: 0s, settle: 0s}\n"
                               "sampling: {every: 250ms, %s}\n"
                               "detectors: [%s]\n"
                               "repeat: {runs: 1}\n";

struct kind {
    const char *sampling, *detectors;
};
static const struct kind full = {"profiles: [goroutine, heap]", "matrix"};
static const struct kind lean = {"profiles: [goroutine], full_below: 0", "threshold"};

struct arm {
    const char *name;
    double ms[BENCH_VALUES_MAX];
    size_t count;
    double reads, profiles; /* of all runs: reads, and how many of them were of profiles */
    double ready_ms;        /* bare programs, all runs: from the start until the target is ready */
};

struct place {
    char folder[64], scenario[96], database[96], output[96];
    char leakdrill[4096], target[4096];
};

static void add(struct arm *arm, int64_t ns)
{
    if (arm->count < BENCH_VALUES_MAX)
        arm->ms[arm->count++] = (double)ns / 1e6;
}

/* ---- the bare program */

static size_t ignore_body(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static CURL *make_client(void)
{
    CURL *client = curl_easy_init();
    bench_check(client != NULL, "libcurl");
    curl_easy_setopt(client, CURLOPT_WRITEFUNCTION, ignore_body);
    curl_easy_setopt(client, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(client, CURLOPT_NOSIGNAL, 1L);
    return client;
}

static void fetch(CURL *client, const struct bench_target *target, const char *path)
{
    char url[256];
    long status = 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", target->port, path);
    curl_easy_setopt(client, CURLOPT_URL, url);
    CURLcode code = curl_easy_perform(client);
    curl_easy_getinfo(client, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && status == 200)
        return;
    fprintf(stderr, "bench_run: %s: %s, HTTP %ld\n", url, curl_easy_strerror(code), status);
    exit(3);
}

#define METRICS "/metrics"
#define HEAP "/debug/pprof/heap"
#define GOROUTINES "/debug/pprof/goroutine"
#define STACKS "/debug/pprof/goroutine?debug=2"
#define COLLECT "" /* not a read: tell the target to collect garbage and wait until it has */

static const char *const profiles[] = {GOROUTINES, STACKS, HEAP};
static const char *const same_work[] = {METRICS, HEAP, GOROUTINES, STACKS, METRICS, HEAP,    GOROUTINES, STACKS,
                                        METRICS, HEAP, GOROUTINES, STACKS, COLLECT, METRICS, STACKS,     NULL};

static void run_bare(struct arm *arm, const struct place *place, const char *const *steps, int how, int runs)
{
    CURL *client = make_client();
    for (int i = 0; i < runs; i++) {
        struct bench_target target;
        int64_t from = bench_now_ns();
        bench_target_start(&target, place->target, CASE);
        bench_target_await(&target, "ready");
        arm->ready_ms += (double)(bench_now_ns() - from) / 1e6;
        for (const char *const *step = steps; *step; step++) {
            if (**step) {
                fetch(client, &target, *step);
                arm->reads++;
                arm->profiles += strcmp(*step, METRICS) != 0;
            } else {
                bench_target_command(&target, "{\"command\":\"gc\"}");
                bench_target_await(&target, "gc");
            }
        }
        bench_target_end(&target, how);
        add(arm, bench_now_ns() - from);
    }
    curl_easy_cleanup(client);
}

/* ---- leakdrill */

static void run_leakdrill(const struct place *place, const struct kind *kind, int runs, int round)
{
    FILE *file = fopen(place->scenario, "w");
    bench_check(file && fprintf(file, scenario, kind->sampling, kind->detectors) > 0 && fclose(file) == 0,
                place->scenario);
    char runs_text[16], seed[16];
    snprintf(runs_text, sizeof runs_text, "%d", runs);
    snprintf(seed, sizeof seed, "%d", round + 1);
    const char *arguments[] = {place->leakdrill, "run", place->scenario, "--jobs",        "1", "--runs", runs_text,
                               "--seed",         seed,  "--db",          place->database, NULL};
    bench_forget_database(place->database);
    bench_await_success(bench_spawn(arguments, place->output), "leakdrill run");
}

static void take_gap(void *context, sqlite3_stmt *row)
{
    add(context, sqlite3_column_int64(row, 0));
}

struct phases {
    struct phase {
        char name[16];
        double ms;
        size_t count;
    } rows[24];
    size_t count;
};

static void take_phase(void *context, sqlite3_stmt *row)
{
    struct phases *phases = context;
    const char *name = (const char *)sqlite3_column_text(row, 0);
    size_t i = 0;
    while (i < phases->count && strcmp(phases->rows[i].name, name) != 0)
        i++;
    if (i == sizeof phases->rows / sizeof *phases->rows)
        return;
    if (i == phases->count)
        snprintf(phases->rows[phases->count++].name, sizeof phases->rows[i].name, "%s", name);
    phases->rows[i].ms += (double)sqlite3_column_int64(row, 1) / 1e6;
    phases->rows[i].count++;
}

/* From start to start, less what the schedule waits: the method's planned end counts from the method's begin. */
#define PLANNED "(SELECT max(at_ns) FROM action WHERE action.run = r.run)"
static const char gaps_sql[] =
    "SELECT gap FROM (SELECT lead(started_wall_ns) OVER (ORDER BY execution_order) - started_wall_ns - " PLANNED
    " AS gap FROM run AS r) WHERE gap IS NOT NULL";
static const char phases_sql[] =
    "SELECT name, length_ns FROM (SELECT p.name, p.ordinal, lead(p.time_ns) OVER (PARTITION BY p.run ORDER BY "
    "p.ordinal) "
    "- p.time_ns - iif(p.name = 'method', " PLANNED ", 0) AS length_ns FROM phase AS p JOIN run AS r ON r.run = p.run "
    "UNION ALL SELECT 'next', 99, lead(started_wall_ns) OVER (ORDER BY execution_order) - started_wall_ns - "
    "ended_ns "
    "FROM run) WHERE length_ns IS NOT NULL ORDER BY ordinal";
/* Each run has the same reads; the last one of a campaign has no gap and does not count. */
static const char reads_sql[] = "SELECT count(*) FROM observation WHERE kind IN ('metrics', 'profile', 'failed') AND "
                                "run < (SELECT max(run) FROM run)";
static const char profiles_sql[] =
    "SELECT count(*) FROM observation WHERE kind = 'profile' AND run < (SELECT max(run) FROM run)";
static const char valid_sql[] = "SELECT sum(validity <> 'valid') FROM run";

static void measure_leakdrill(const struct place *place, const struct kind *kind, struct arm *arm,
                              struct phases *phases, int runs, int round)
{
    run_leakdrill(place, kind, runs + 1, round); /* one more: a gap lies between two */
    bench_query(place->database, gaps_sql, take_gap, arm);
    bench_query(place->database, phases_sql, take_phase, phases);
    arm->reads += bench_query_number(place->database, reads_sql);
    arm->profiles += bench_query_number(place->database, profiles_sql);
    double invalid = bench_query_number(place->database, valid_sql);
    if (invalid > 0) {
        fprintf(stderr, "bench_run: %.0f runs are not valid; see %s\n", invalid, place->database);
        exit(3);
    }
}

/* ---- what came of it */

static void print_arm(const struct arm *arm)
{
    double runs = (double)arm->count;
    printf("%-10s %4.1f reads (%.1f profiles)  n=%-4zu median %6.2f ms  mean %6.2f  quartiles %6.2f %6.2f\n", arm->name,
           arm->reads / runs, arm->profiles / runs, arm->count, bench_quantile(arm->ms, arm->count, 0.5),
           bench_mean(arm->ms, arm->count), bench_quantile(arm->ms, arm->count, 0.25),
           bench_quantile(arm->ms, arm->count, 0.75));
}

static void print_ratio(const struct arm *arm, const struct arm *baseline)
{
    struct bench_interval interval = bench_bootstrap_ratio(arm->ms, arm->count, baseline->ms, baseline->count, 0.025);
    printf("%s / %s: %.2f of medians, 95 %% interval %.2f to %.2f\n", arm->name, baseline->name,
           bench_quantile(arm->ms, arm->count, 0.5) / bench_quantile(baseline->ms, baseline->count, 0.5),
           interval.lower, interval.upper);
}

static void print_phases(const char *name, const struct phases *phases)
{
    printf("%s, mean ms:", name);
    for (size_t i = 0; i < phases->count; i++)
        printf(" %s %.2f", phases->rows[i].name, phases->rows[i].ms / (double)phases->rows[i].count);
    printf("\n");
}

static void make_place(struct place *place)
{
    snprintf(place->folder, sizeof place->folder, "/tmp/leakdrill-bench-XXXXXX");
    bench_check(mkdtemp(place->folder) != NULL, "a folder in /tmp");
    snprintf(place->scenario, sizeof place->scenario, "%s/fixed-cost.yaml", place->folder);
    snprintf(place->database, sizeof place->database, "%s/runs.db", place->folder);
    snprintf(place->output, sizeof place->output, "%s/output", place->folder);
    bench_built(place->leakdrill, "bin/leakdrill");
    bench_built(place->target, "fixtures/healthy/mailroom");
}

static void remove_place(const struct place *place)
{
    bench_forget_database(place->database);
    unlink(place->scenario);
    unlink(place->output);
    rmdir(place->folder);
}

#define PROFILES_MAX 100

int main(int count, char **words)
{
    static struct arm bare = {.name = "bare"}, same = {.name = "same work"};
    static struct arm lean_runs = {.name = "lean"}, full_runs = {.name = "full"};
    static struct phases lean_phases, full_phases;
    static struct place place;
    const char *bare_work[PROFILES_MAX + 1] = {NULL};
    int rounds = count > 1 ? atoi(words[1]) : 8, runs = count > 2 ? atoi(words[2]) : 10;
    int profile_count = count > 3 ? atoi(words[3]) : 3;
    if (rounds < 1 || runs < 1 || (double)rounds * runs > BENCH_VALUES_MAX || profile_count < 1 ||
        profile_count > PROFILES_MAX) {
        fprintf(stderr, "usage: bench_run [ROUNDS [RUNS [PROFILES]]]: at most %d runs, %d profiles\n", BENCH_VALUES_MAX,
                PROFILES_MAX);
        return 4;
    }
    for (int i = 0; i < profile_count; i++)
        bare_work[i] = profiles[i % 3];
    make_place(&place);
    bench_print_load("before");
    for (int round = 0; round < rounds; round++) {
        run_bare(&bare, &place, bare_work, SIGKILL, runs);
        measure_leakdrill(&place, &lean, &lean_runs, &lean_phases, runs, round);
        run_bare(&same, &place, same_work, SIGTERM, runs);
        measure_leakdrill(&place, &full, &full_runs, &full_phases, runs, round);
    }
    bench_print_load("after");
    print_arm(&bare);
    print_arm(&lean_runs);
    print_arm(&same);
    print_arm(&full_runs);
    print_ratio(&lean_runs, &bare);
    print_ratio(&same, &bare);
    print_ratio(&full_runs, &bare);
    print_ratio(&full_runs, &same);
    printf("until the target is ready, mean ms: bare %.2f, same work %.2f; leakdrill's spawn below\n",
           bare.ready_ms / (double)bare.count, same.ready_ms / (double)same.count);
    print_phases("phases of a lean run", &lean_phases);
    print_phases("phases of a full run", &full_phases);
    remove_place(&place);
    return 0;
}
