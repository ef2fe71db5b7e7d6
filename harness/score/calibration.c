/* The calibration set: detectors whose score is known beforehand. One that comes out differently shows that the harness
 * or the scoring is wrong, and voids the campaign. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "detect/builtin.h"
#include "score/internal.h"

#define PERIODS_TOLERATED 2
#define FIRST_LOOK_NS LD_SECOND /* at least so long until the first observation of an incarnation */

/* What a kind of calibration detector came to over the campaign. */
struct tally {
    uint64_t asked, right; /* of its known score */
    uint64_t runs, missing, failed;
    uint64_t wrong_alarms;
    double expected;  /* random: hits to come */
    uint64_t hits;
    char first[128];  /* the first thing that was off */
};

struct trial {
    const struct ld_scenario *scenario;
    const struct ld_cell *cell;
    const struct ld_run_record *run;
    const struct ld_detector_record *record;
    const struct ld_episodes *episodes;
};

static void off(struct tally *tally, const struct trial *trial, const char *what)
{
    if (!tally->first[0])
        snprintf(tally->first, sizeof tally->first, "run %u (%.40s): %.48s", trial->run->run, trial->cell->name, what);
}

static void expect(struct tally *tally, const struct trial *trial, bool right, const char *what)
{
    tally->asked++;
    tally->right += right;
    if (!right)
        off(tally, trial, what);
}

static void no_false_alarm(struct tally *tally, const struct trial *trial)
{
    for (size_t i = 0; i < trial->episodes->count; i++) {
        if (trial->episodes->items[i].false_alarm) {
            tally->wrong_alarms++;
            off(tally, trial, "a false alarm");
        }
    }
}

/* The oracle speaks within two periods of M units; a leak that lasted less asks nothing of it. */
static void try_oracle(struct tally *tally, const struct trial *trial)
{
    int64_t slack_ns = PERIODS_TOLERATED * score_period_ns(trial->scenario);
    no_false_alarm(tally, trial);
    for (size_t i = 0; i < trial->run->truth->interval_count; i++) {
        const struct ld_truth_interval *interval = &trial->run->truth->intervals[i];
        if (!score_manifested(interval, trial->scenario->manifest) ||
            interval->end_ns - interval->manifest_ns < slack_ns)
            continue;
        expect(tally, trial, score_detection(trial->run, trial->episodes, i) != NULL, "missed a leak");
    }
}

static void try_never(struct tally *tally, const struct trial *trial)
{
    expect(tally, trial, trial->episodes->count == 0, "it alerted");
}

static void try_always(struct tally *tally, const struct trial *trial)
{
    int64_t slack_ns = PERIODS_TOLERATED * score_period_ns(trial->scenario);
    slack_ns = slack_ns > FIRST_LOOK_NS ? slack_ns : FIRST_LOOK_NS;
    size_t explained = 0;
    for (size_t i = 0; i < trial->run->life_count; i++) {
        const struct ld_life_span *life = &trial->run->lives[i];
        size_t found = 0;
        bool first = true;
        for (size_t j = 0; j < trial->episodes->count; j++) {
            const struct ld_episode *episode = &trial->episodes->items[j];
            if (episode->instance != life->instance || episode->incarnation != life->incarnation)
                continue;
            found++;
            first = first && episode->first->evidence_time_ns <= life->from_ns + slack_ns;
        }
        explained += found;
        expect(tally, trial, found == 1 && first,
               found == 1 ? "not at the first observation" : "not one episode a life");
    }
    if (explained != trial->episodes->count)
        expect(tally, trial, false, "an episode outside every life");
}

/* A field of the detector's options: as declared, else the kind's own default. */
static const struct ld_field *option(const struct trial *trial, const char *name, const void **ret_value)
{
    const struct ld_detector_spec *spec = score_spec(trial->scenario, trial->record->name);
    const struct ld_detector_kind *kind = spec ? spec->kind : ld_detector_find(trial->record->name);
    *ret_value = NULL;
    for (const struct ld_field *field = kind && kind->options ? kind->options->fields : NULL; field && field->name;
         field++) {
        if (strcmp(field->name, name) != 0)
            continue;
        if (spec && spec->options)
            *ret_value = (const char *)spec->options + field->offset;
        return field;
    }
    return NULL;
}

static int64_t delay_of(const struct trial *trial)
{
    const void *value;
    const char *expected;
    int64_t delay_ns = 0;
    const struct ld_field *field = option(trial, "delay", &value);
    if (value)
        memcpy(&delay_ns, value, sizeof delay_ns);
    else if (field && field->initial)
        (void)ld_parse_duration(field->initial, &delay_ns, &expected);
    return score_scaled(trial->scenario, delay_ns);
}

static void try_oracle_delay(struct tally *tally, const struct trial *trial)
{
    int64_t slack_ns = PERIODS_TOLERATED * score_period_ns(trial->scenario), delay_ns = delay_of(trial);
    no_false_alarm(tally, trial);
    for (size_t i = 0; i < trial->run->truth->interval_count; i++) {
        const struct ld_truth_interval *interval = &trial->run->truth->intervals[i];
        if (!score_manifested(interval, trial->scenario->manifest) ||
            interval->end_ns - interval->manifest_ns < delay_ns + slack_ns)
            continue;
        const struct ld_episode *episode = score_detection(trial->run, trial->episodes, i);
        int64_t took_ns = episode ? episode->from_ns - interval->manifest_ns : -1;
        bool right = took_ns >= delay_ns && took_ns <= delay_ns + slack_ns;
        char what[48], took[24];
        snprintf(what, sizeof what, "seen after %s", ld_format_duration_short(took_ns, took, sizeof took));
        expect(tally, trial, right, episode ? what : "missed a leak");
    }
}

/* Hits are alerts, not episodes: lots that fall within Q of each other would merge. */
static void try_random(struct tally *tally, const struct trial *trial)
{
    const void *value;
    const char *expected;
    double hazard = 0;
    const struct ld_field *field = option(trial, "hazard", &value);
    if (value)
        memcpy(&hazard, value, sizeof hazard);
    else if (field && field->initial)
        (void)ld_parse_rate(field->initial, &hazard, &expected);
    hazard = ld_random_hazard(hazard, score_period_ns(trial->scenario));
    const struct ld_run_record *run = trial->run;
    for (size_t i = 0; i < run->life_count; i++) {
        int64_t from_ns = run->lives[i].from_ns > run->observed_from_ns ? run->lives[i].from_ns : run->observed_from_ns;
        int64_t to_ns = run->lives[i].to_ns < run->observed_to_ns ? run->lives[i].to_ns : run->observed_to_ns;
        if (from_ns >= to_ns)
            continue;
        tally->expected += hazard * (double)(to_ns - from_ns) / (double)LD_SECOND;
        for (size_t j = 0; j < trial->record->alert_count; j++) {
            const struct ld_alert *alert = &trial->record->alerts[j];
            tally->hits += alert->action == LD_ALERT_OPEN && alert->instance == run->lives[i].instance &&
                           alert->incarnation == run->lives[i].incarnation && alert->evidence_time_ns >= from_ns &&
                           alert->evidence_time_ns < to_ns;
        }
    }
}

enum { ORACLE, ORACLE_DELAY, NEVER, ALWAYS, RANDOM, KINDS };

static const struct {
    const char *kind, *what, *asked;
    void (*run)(struct tally *tally, const struct trial *trial);
} trials[KINDS] = {
    [ORACLE] = {"oracle", "calibration: oracle", "every leak, no false alarm", try_oracle},
    [ORACLE_DELAY] = {"oracle-delay", "calibration: oracle-delay", "every leak at its delay, within two periods",
                      try_oracle_delay},
    [NEVER] = {"never", "calibration: never", "no alert", try_never},
    [ALWAYS] = {"always", "calibration: always", "one episode at the first look of each incarnation", try_always},
    [RANDOM] = {"random", "calibration: random", "its hazard, exact Poisson test, p at least 0.0001", try_random},
};

/* One kind in one run: its detector (or detectors, when the scenario declares more of the kind). */
static int try_run(struct tally *tally, size_t kind, const struct score_inputs *inputs, const struct ld_run_record *run)
{
    struct trial trial = {.cell = score_cell(inputs->plan, run), .run = run};
    trial.scenario = trial.cell->scenario;
    bool found = false;
    for (size_t i = 0; i < run->detector_count; i++) {
        trial.record = &run->detectors[i];
        if (!trial.record->calibration ||
            strcmp(score_kind(trial.scenario, trial.record->name), trials[kind].kind) != 0)
            continue;
        found = true;
        struct ld_episodes episodes;
        int code = ld_episodes_make(&episodes, run, i, ld_score_quiet_ns(trial.scenario));
        if (code)
            return code;
        trial.episodes = &episodes;
        if (trial.record->failed) {
            tally->failed++;
            off(tally, &trial, "it broke");
        } else {
            trials[kind].run(tally, &trial);
        }
        ld_episodes_done(&episodes);
    }
    tally->runs += found;
    tally->missing += !found;
    if (!found)
        off(tally, &trial, "it did not run");
    return 0;
}

static void conclude(const struct tally *tally, size_t kind, struct score_checks *checks)
{
    bool good = tally->right == tally->asked && tally->wrong_alarms == 0 && tally->missing == 0 && tally->failed == 0;
    double p = 1;
    if (kind == RANDOM) {
        p = ld_poisson_test((int64_t)tally->hits, tally->expected);
        good = good && p >= LD_LOT_FAILS;
    }
    struct ld_check *check = score_check_add(checks, trials[kind].what, good ? LD_VERDICT_PASS : LD_VERDICT_HARNESS);
    check->detector = trials[kind].kind;
    snprintf(check->asked, sizeof check->asked, "%s", trials[kind].asked);
    if (kind == RANDOM)
        snprintf(check->seen, sizeof check->seen, "%llu alerts, %.1f expected, p %.2g%s%.80s",
                 (unsigned long long)tally->hits, tally->expected, p, tally->first[0] ? "; " : "", tally->first);
    else
        snprintf(check->seen, sizeof check->seen, "%llu of %llu%s%.110s", (unsigned long long)tally->right,
                 (unsigned long long)tally->asked, tally->first[0] ? "; " : "", tally->first);
}

static int check_shuffle(const struct score_inputs *inputs, struct score_checks *checks)
{
    struct ld_shuffle *rows;
    size_t count, wrong = 0;
    int code =
        ld_score_shuffle(&rows, &count, inputs->plan, inputs->runs, inputs->count, inputs->plan->seed, inputs->arena);
    if (code)
        return code;
    const struct ld_shuffle *first = NULL;
    for (size_t i = 0; i < count; i++) {
        wrong += !rows[i].at_chance;
        if (!rows[i].at_chance && !first)
            first = &rows[i];
    }
    struct ld_check *check =
        score_check_add(checks, "calibration: shuffled truth", wrong ? LD_VERDICT_HARNESS : LD_VERDICT_PASS);
    snprintf(check->asked, sizeof check->asked, "every detector at chance, within %d standard errors",
             LD_SHUFFLE_ERRORS);
    if (first)
        snprintf(check->seen, sizeof check->seen, "%zu of %zu not; first %.60s: %+.4f, error %.4f", wrong, count,
                 first->detector, first->difference, first->standard_error);
    else
        snprintf(check->seen, sizeof check->seen, "%zu of %zu", count, count);
    return 0;
}

int score_calibration(const struct score_inputs *inputs, struct score_checks *checks)
{
    bool any = false;
    struct tally tallies[KINDS];
    memset(tallies, 0, sizeof tallies);
    for (size_t i = 0; i < inputs->count; i++) {
        const struct ld_run_record *run = &inputs->runs[i];
        if (run->validity != LD_VALID || !run->truth)
            continue;
        any = true;
        for (size_t kind = 0; kind < KINDS; kind++) {
            int code = try_run(&tallies[kind], kind, inputs, run);
            if (code)
                return code;
        }
    }
    if (!any) /* nothing ran, nothing is calibrated or off: check_excluded and check_complete speak */
        return 0;
    for (size_t kind = 0; kind < KINDS; kind++)
        conclude(&tallies[kind], kind, checks);
    return check_shuffle(inputs, checks);
}
