/* A run's fixed cost against a bare program that spawns the same target, waits until it is ready, fetches three
 * profiles, kills it and waits. Three arms in turn, round after round:
 *
 *   bare       the above: 3 reads, SIGKILL
 *   same work  as bare, but with every read, garbage collection and the SIGTERM that a run of leakdrill makes:
 *              three surveys (before they count, before the method, after it) and the second look after a forced GC
 *   leakdrill  whole runs, one after the other (--jobs 1): from the start of one to the start of the next, so that
 *              nothing a run costs is left out, less the time its schedule asks it to wait
 *
 * usage: bench_run [ROUNDS [RUNS]]: rounds of RUNS of each arm; default 8 rounds of 10. */
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

static const char scenario[] = "leakdrill: 1\n"
                               "name: fixed-cost\n"
                               "doc: A run that does only what every run does.\n"
                               "target: {fixture: queue/consumer-unclosed, variants: [healthy]}\n"
                               "phases: {baseline: 0s, drain: 0s, settle: 0s}\n"
                               "sampling: {every: 250ms, profiles: [goroutine, heap]}\n"
                               "detectors: [matrix]\n"
                               "repeat: {runs: 1}\n";

struct arm {
    const char *name;
    double ms[BENCH_VALUES_MAX];
    size_t count;
    double ready_ms; /* sum: from the start until the target is ready */
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

static const char *const three_reads[] = {GOROUTINES, STACKS, HEAP, NULL};
static const char *const same_work[] = {METRICS, HEAP, GOROUTINES, STACKS, METRICS, HEAP,    GOROUTINES, STACKS,
                                        METRICS, HEAP, GOROUTINES, STACKS, COLLECT, METRICS, STACKS,     NULL};

static size_t count_reads(const char *const *steps)
{
    size_t count = 0;
    for (; *steps; steps++)
        count += **steps != '\0';
    return count;
}

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

static void run_leakdrill(const struct place *place, int runs, int round)
{
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
    "UNION ALL SELECT 'durable', 99, lead(started_wall_ns) OVER (ORDER BY execution_order) - started_wall_ns - "
    "ended_ns "
    "FROM run) WHERE length_ns IS NOT NULL ORDER BY ordinal";
static const char reads_sql[] = "SELECT avg(n) FROM (SELECT count(*) AS n FROM observation WHERE kind IN ('metrics', "
                                "'profile', 'failed') GROUP BY run)";
static const char valid_sql[] = "SELECT sum(validity <> 'valid') FROM run";

static void measure_leakdrill(const struct place *place, struct arm *arm, struct phases *phases, double *reads,
                              int runs, int round)
{
    run_leakdrill(place, runs + 1, round); /* one more: a gap lies between two */
    bench_query(place->database, gaps_sql, take_gap, arm);
    bench_query(place->database, phases_sql, take_phase, phases);
    *reads = bench_query_number(place->database, reads_sql);
    double invalid = bench_query_number(place->database, valid_sql);
    if (invalid > 0) {
        fprintf(stderr, "bench_run: %.0f runs are not valid; see %s\n", invalid, place->database);
        exit(3);
    }
}

/* ---- what came of it */

static void print_arm(const struct arm *arm, double reads, const struct arm *bare)
{
    double median = bench_quantile(arm->ms, arm->count, 0.5);
    printf("%-10s %5.0f reads  n=%-4zu median %6.2f ms  mean %6.2f  quartiles %6.2f %6.2f", arm->name, reads,
           arm->count, median, bench_mean(arm->ms, arm->count), bench_quantile(arm->ms, arm->count, 0.25),
           bench_quantile(arm->ms, arm->count, 0.75));
    if (arm != bare) {
        struct bench_interval interval = bench_bootstrap_ratio(arm->ms, arm->count, bare->ms, bare->count, 0.025);
        printf("  %.2f x bare [%.2f, %.2f]", median / bench_quantile(bare->ms, bare->count, 0.5), interval.lower,
               interval.upper);
    }
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
    FILE *file = fopen(place->scenario, "w");
    bench_check(file && fputs(scenario, file) >= 0 && fclose(file) == 0, place->scenario);
}

static void remove_place(const struct place *place)
{
    bench_forget_database(place->database);
    unlink(place->scenario);
    unlink(place->output);
    rmdir(place->folder);
}

int main(int count, char **words)
{
    static struct arm bare = {.name = "bare"}, same = {.name = "same work"}, drill = {.name = "leakdrill"};
    static struct place place;
    struct phases phases = {.count = 0};
    int rounds = count > 1 ? atoi(words[1]) : 8, runs = count > 2 ? atoi(words[2]) : 10;
    double reads = 0;
    if (rounds < 1 || runs < 1 || (double)rounds * runs > BENCH_VALUES_MAX) {
        fprintf(stderr, "usage: bench_run [ROUNDS [RUNS]], together at most %d runs\n", BENCH_VALUES_MAX);
        return 4;
    }
    make_place(&place);
    bench_print_load("before");
    for (int round = 0; round < rounds; round++) {
        run_bare(&bare, &place, three_reads, SIGKILL, runs);
        measure_leakdrill(&place, &drill, &phases, &reads, runs, round);
        run_bare(&same, &place, same_work, SIGTERM, runs);
    }
    bench_print_load("after");
    print_arm(&bare, (double)count_reads(three_reads), &bare);
    print_arm(&same, (double)count_reads(same_work), &bare);
    print_arm(&drill, reads, &bare);
    struct bench_interval interval = bench_bootstrap_ratio(drill.ms, drill.count, same.ms, same.count, 0.025);
    printf("leakdrill over the same work: %.2f [%.2f, %.2f]\n",
           bench_quantile(drill.ms, drill.count, 0.5) / bench_quantile(same.ms, same.count, 0.5), interval.lower,
           interval.upper);
    printf("until the target is ready, mean ms: bare %.2f, same work %.2f; leakdrill: spawn below\n",
           bare.ready_ms / (double)bare.count, same.ready_ms / (double)same.count);
    printf("a run's phases, mean ms:");
    for (size_t i = 0; i < phases.count; i++)
        printf(" %s %.2f", phases.rows[i].name, phases.rows[i].ms / (double)phases.rows[i].count);
    printf("\n");
    remove_place(&place);
    return 0;
}
