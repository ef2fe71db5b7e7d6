/* What leakdrill's sampling costs the target: the CPU time (user and system) of a target with 1 000 parked goroutines,
 * sampled every 250 ms by `leakdrill run` on an attached target, against the same process untouched. Each pair is one
 * fresh target, warmed up by a short sampled run, then both arms in turn, the first one alternating.
 *
 *   still   the goroutine count stands still: metrics every period, profiles every eighth
 *   moving  one goroutine more each period, the worst case: a goroutine profile every period. What starts it comes to
 *           both arms alike.
 *
 * usage: bench_sampling still|moving [PAIRS [SECONDS]]; default 20 pairs of 5 s an arm. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "database.h"
#include "statistics.h"
#include "target.h"

#define CASE "digest"
#define GOROUTINES 1000
#define PERIOD_MS 250
#define LEAD_MS 1200 /* from leakdrill's start until its surveys are over and only the sampling is left */
#define TAIL_MS 500  /* from the window's end until the surveys of its end begin */
#define PAIRS_MAX 1000

struct place {
    char folder[64], scenario[96], database[96], output[96];
    char leakdrill[4096], target[4096];
};

static void pause_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time) == EINTR)
        ;
}

static int64_t cpu_ns(const struct bench_target *target)
{
    clockid_t clock;
    struct timespec time;
    errno = clock_getcpuclockid(target->pid, &clock);
    bench_check(errno == 0 && clock_gettime(clock, &time) == 0, "the target's CPU clock");
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* CPU time over the window, as a share of one core. */
static double watch(struct bench_target *target, int seconds, bool moving)
{
    int64_t from = bench_now_ns(), cpu = cpu_ns(target);
    for (int i = 0; i < seconds * 1000 / PERIOD_MS; i++) {
        if (moving)
            bench_target_command(target, "{\"command\":\"trigger\",\"n\":1}");
        pause_ms(PERIOD_MS);
    }
    return (double)(cpu_ns(target) - cpu) / (double)(bench_now_ns() - from);
}

/* Everything commanded is done and what the target said about it is read. Its GC lies outside the windows. */
static void quiet(struct bench_target *target)
{
    bench_target_command(target, "{\"command\":\"gc\"}");
    bench_target_await(target, "gc");
}

static pid_t start_leakdrill(const struct place *place, const struct bench_target *target, int64_t baseline_ms)
{
    FILE *file = fopen(place->scenario, "w");
    bench_check(file != NULL, place->scenario);
    fprintf(file,
            "leakdrill: 1\n"
            "name: sampling\n"
            "doc: A program at rest is sampled.\n"
            "target: {attach: \"http://127.0.0.1:%u\", ready: /metrics}\n"
            "phases: {baseline: %lldms, drain: 0s, settle: 0s}\n"
            "sampling: {every: %dms, profiles: [goroutine, heap]}\n"
            "detectors: [matrix]\n"
            "repeat: {runs: 1}\n",
            target->port, (long long)baseline_ms, PERIOD_MS);
    bench_check(fclose(file) == 0, place->scenario);
    const char *arguments[] = {place->leakdrill, "run", place->scenario, "--db", place->database, NULL};
    bench_forget_database(place->database);
    return bench_spawn(arguments, place->output);
}

struct reads {
    double metrics, profiles;
};

static double sampled(const struct place *place, struct bench_target *target, int seconds, bool moving,
                      struct reads *reads)
{
    pid_t leakdrill = start_leakdrill(place, target, LEAD_MS + seconds * 1000 + TAIL_MS);
    pause_ms(LEAD_MS);
    double share = watch(target, seconds, moving);
    bench_await_success(leakdrill, "leakdrill run");
    reads->metrics += bench_query_number(
        place->database, "SELECT count(*) FROM observation WHERE purpose = 'period' AND kind = 'metrics'");
    reads->profiles += bench_query_number(
        place->database, "SELECT count(*) FROM observation WHERE purpose = 'period' AND kind = 'profile'");
    return share;
}

static void measure_pair(const struct place *place, int pair, int seconds, bool moving, double *ret_untouched,
                         double *ret_sampled, struct reads *reads)
{
    struct bench_target target;
    char trigger[64];
    bench_target_start(&target, place->target, CASE);
    bench_target_await(&target, "ready");
    snprintf(trigger, sizeof trigger, "{\"command\":\"trigger\",\"n\":%d}", GOROUTINES);
    bench_target_command(&target, trigger);
    quiet(&target);
    bench_await_success(start_leakdrill(place, &target, 300), "leakdrill run");
    for (int arm = 0; arm < 2; arm++) {
        quiet(&target);
        pause_ms(100);
        if ((arm + pair) % 2 == 0)
            *ret_untouched = watch(&target, seconds, moving);
        else
            *ret_sampled = sampled(place, &target, seconds, moving, reads);
    }
    bench_target_end(&target, SIGKILL);
}

static void make_place(struct place *place)
{
    snprintf(place->folder, sizeof place->folder, "/tmp/leakdrill-bench-XXXXXX");
    bench_check(mkdtemp(place->folder) != NULL, "a folder in /tmp");
    snprintf(place->scenario, sizeof place->scenario, "%s/sampling.yaml", place->folder);
    snprintf(place->database, sizeof place->database, "%s/runs.db", place->folder);
    snprintf(place->output, sizeof place->output, "%s/output", place->folder);
    bench_built(place->leakdrill, "bin/leakdrill");
    bench_built(place->target, "fixtures/leaky/mailroom");
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
    static double untouched[PAIRS_MAX], touched[PAIRS_MAX], difference[PAIRS_MAX];
    static struct place place;
    struct reads reads = {0, 0};
    bool moving = count > 1 && strcmp(words[1], "moving") == 0;
    int pairs = count > 2 ? atoi(words[2]) : 20, seconds = count > 3 ? atoi(words[3]) : 5;
    if (count < 2 || (!moving && strcmp(words[1], "still") != 0) || pairs < 2 || pairs > PAIRS_MAX || seconds < 1) {
        fprintf(stderr, "usage: bench_sampling still|moving [PAIRS [SECONDS]]\n");
        return 4;
    }
    make_place(&place);
    bench_print_load("before");
    for (int pair = 0; pair < pairs; pair++) {
        measure_pair(&place, pair, seconds, moving, &untouched[pair], &touched[pair], &reads);
        difference[pair] = 100 * (touched[pair] - untouched[pair]);
    }
    bench_print_load("after");
    size_t n = (size_t)pairs;
    double span = (double)pairs * (LEAD_MS + TAIL_MS + seconds * 1000) / 1000;
    printf("%s, %d pairs of %d s, %d goroutines, every %d ms: %.1f metrics and %.1f profiles read a second\n", words[1],
           pairs, seconds, GOROUTINES, PERIOD_MS, reads.metrics / span, reads.profiles / span);
    printf("the target's CPU, %% of one core: untouched mean %.3f, sampled mean %.3f\n", 100 * bench_mean(untouched, n),
           100 * bench_mean(touched, n));
    printf("difference: mean %.3f, quartiles %.3f %.3f, 95 %% upper bound %.3f (t), %.3f (bootstrap)\n",
           bench_mean(difference, n), bench_quantile(difference, n, 0.25), bench_quantile(difference, n, 0.75),
           bench_t_upper(difference, n), bench_bootstrap_mean(difference, n, 0.05).upper);
    remove_place(&place);
    return 0;
}
