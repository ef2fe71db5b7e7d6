/* Runs to outcomes: per detector and truth interval, what came of it. */
#include <stdlib.h>
#include <string.h>

#include "score/internal.h"

bool score_manifested(const struct ld_truth_interval *interval, int64_t manifest)
{
    if (interval->hold || interval->manifest_ns < 0)
        return false;
    bool unconfirmed = interval->end == LD_END_FOLLOW_UP && interval->confirmed >= 0 && interval->confirmed < manifest;
    return !unconfirmed;
}

static const enum ld_outcome_kind excluded_as[] = {
    [LD_VALID] = LD_OUTCOME_NOT_MANIFESTED,     [LD_INVALID_HARNESS] = LD_OUTCOME_HARNESS_ERROR,
    [LD_INVALID_LAG] = LD_OUTCOME_HARNESS_ERROR, [LD_INVALID_GAPS] = LD_OUTCOME_HARNESS_ERROR,
    [LD_INVALID_TRUTH] = LD_OUTCOME_HARNESS_ERROR, [LD_INVALID_FAULT] = LD_OUTCOME_FAULT_NOT_EFFECTIVE,
    [LD_INVALID_UNSTEADY] = LD_OUTCOME_HARNESS_ERROR,
};

struct scoring {
    struct ld_score *score;
    const struct ld_scenario *scenario;
    const struct ld_run_record *run;
    const struct ld_detector_record *record;
    size_t detector;
    const char *name; /* the detector's, in the score's arena */
    bool out_of_memory;
};

static struct ld_outcome *add_outcome(struct scoring *scoring, int32_t interval, enum ld_outcome_kind kind)
{
    struct ld_outcome *outcome = &scoring->score->outcomes[scoring->score->outcome_count++];
    *outcome = (struct ld_outcome){.run = scoring->run->run,
                                   .detector = scoring->name,
                                   .interval = interval,
                                   .kind = kind,
                                   .timeless = scoring->record->timeless,
                                   .detect_ns = -1,
                                   .from_first_ns = -1,
                                   .rule = "",
                                   .rule_version = "",
                                   .cause = LD_CAUSE_UNNAMED,
                                   .site = LD_SITE_NONE};
    return outcome;
}

/* Who judges one observation has a window of 0. What leakdrill does not know from within, and whose scenario tells no
 * window, may have any. */
static bool has_unknown_window(const struct ld_detector_spec *spec, int64_t window_ns)
{
    bool foreign = spec && spec->kind &&
                   (spec->kind->type == LD_DETECTOR_EXEC || spec->kind->type == LD_DETECTOR_WEBHOOK);
    return foreign && window_ns == 0;
}

int64_t ld_score_window_ns(const struct ld_scenario *scenario, const char *detector)
{
    const struct ld_detector_spec *spec = score_spec(scenario, detector);
    if (!spec || !spec->kind || !spec->kind->window_ns)
        return 0;
    const struct ld_detector_setting setting = {.name = spec->name,
                                                .options = spec->options,
                                                .time_scale = scenario->time_scale,
                                                .period_ns = score_period_ns(scenario),
                                                .manifest = scenario->manifest,
                                                .data_folder = "",
                                                .scenario_file = scenario->file,
                                                .files = scenario->files};
    return spec->kind->window_ns(&setting);
}

/* The least follow-up in which the detector can speak: its window and one sampling period; where nobody knows its
 * window, the deadline that it was given, if any. */
static int64_t needed_ns(const struct scoring *scoring, int64_t deadline_ns)
{
    const struct ld_scenario *scenario = scoring->scenario;
    int64_t window_ns = ld_score_window_ns(scenario, scoring->record->name);
    if (has_unknown_window(score_spec(scenario, scoring->record->name), window_ns) && deadline_ns > 0)
        return deadline_ns;
    return window_ns + score_period_ns(scenario);
}

/* Decided by the interval and the detector alone, whatever it said: a score that left out misses where it keeps hits
 * would flatter. What the leak itself put an end to counts, however soon that was. */
static bool is_in_range(const struct scoring *scoring, const struct ld_truth_interval *interval, int64_t deadline_ns)
{
    return scoring->record->timeless || interval->end == LD_END_DEATH ||
           interval->end_ns - interval->manifest_ns >= needed_ns(scoring, deadline_ns);
}

static bool names_wrong_site(const struct ld_run_record *run, const struct ld_episodes *episodes,
                             const struct ld_truth_interval *interval)
{
    for (size_t i = 0; i < episodes->count; i++) {
        const struct ld_episode *episode = &episodes->items[i];
        int64_t spoken_ns = score_spoken_ns(run, episode);
        bool then = episode->instance == interval->instance && spoken_ns >= interval->first_ns &&
                    spoken_ns <= interval->end_ns;
        if (episode->wrong_site && (then || episode->timeless))
            return true;
    }
    return false;
}

static void tell_miss(struct scoring *scoring, struct ld_outcome *outcome, const struct ld_episodes *episodes,
                      const struct ld_truth_interval *interval)
{
    int64_t followed_ns = interval->end_ns - interval->manifest_ns;
    if (scoring->record->timeless) /* it had all the time there is */
        followed_ns = 0;
    else if (interval->end == LD_END_DEATH) /* it cannot be found any more: it stays among those at risk to the end */
        followed_ns = scoring->run->observed_to_ns - interval->manifest_ns;
    outcome->censored_ns = followed_ns > 0 ? followed_ns : 0;
    outcome->site = names_wrong_site(scoring->run, episodes, interval) ? LD_SITE_WRONG : LD_SITE_NONE;
}

/* The text in the score's arena; "" for none, and when memory ran out, which is kept. */
static const char *keep(struct scoring *scoring, const char *text)
{
    const char *copy = text && *text ? ld_arena_text(scoring->score->arena, text) : "";
    scoring->out_of_memory = scoring->out_of_memory || !copy;
    return copy ? copy : "";
}

static void tell_hit(struct scoring *scoring, struct ld_outcome *outcome, const struct ld_episode *episode,
                     const struct ld_truth_interval *interval)
{
    if (!scoring->record->timeless) {
        outcome->detect_ns = episode->from_ns - interval->manifest_ns;
        outcome->from_first_ns = episode->from_ns - interval->first_ns;
    }
    outcome->cause = ld_cause_compare(interval->cause, episode->cause);
    outcome->site = *episode->site ? LD_SITE_RIGHT : LD_SITE_NONE;
    outcome->culprit = ld_truth_names_culprit(interval, episode->site);
    outcome->rule = keep(scoring, episode->first->rule);
    outcome->rule_version = keep(scoring, episode->first->rule_version);
}

static void score_interval(struct scoring *scoring, const struct ld_episodes *episodes, size_t index,
                           int64_t deadline_ns)
{
    const struct ld_truth_interval *interval = &scoring->run->truth->intervals[index];
    if (scoring->record->failed || scoring->record->out_of_range) {
        add_outcome(scoring, (int32_t)index,
                    scoring->record->failed ? LD_OUTCOME_DETECTOR_ERROR : LD_OUTCOME_OUT_OF_RANGE);
        return;
    }
    const struct ld_episode *episode = score_detection(scoring->run, episodes, index);
    struct ld_outcome *outcome = add_outcome(scoring, (int32_t)index, LD_OUTCOME_FN);
    if (episode)
        tell_hit(scoring, outcome, episode, interval);
    else
        tell_miss(scoring, outcome, episodes, interval);
    if (!is_in_range(scoring, interval, deadline_ns)) {
        outcome->kind = LD_OUTCOME_OUT_OF_RANGE;
        outcome->seen_anyway = episode != NULL;
    } else if (episode) {
        outcome->kind = deadline_ns > 0 && outcome->detect_ns > deadline_ns ? LD_OUTCOME_TP_LATE : LD_OUTCOME_TP;
    }
}

static void score_outcomes(struct scoring *scoring, const struct ld_episodes *episodes)
{
    const struct ld_run_record *run = scoring->run;
    const struct ld_expectation *expectation = score_expectation(scoring->scenario, scoring->record->name);
    int64_t deadline_ns = expectation && expectation->time_given
                              ? score_scaled(scoring->scenario, expectation->deadline_ns) : 0;
    size_t manifested = 0;
    for (size_t i = 0; run->validity == LD_VALID && run->truth && i < run->truth->interval_count; i++) {
        if (score_manifested(&run->truth->intervals[i], scoring->scenario->manifest)) {
            score_interval(scoring, episodes, i, deadline_ns);
            manifested++;
        }
    }
    if (manifested)
        return;
    bool broke = run->validity == LD_VALID && scoring->record->failed;
    add_outcome(scoring, -1, broke ? LD_OUTCOME_DETECTOR_ERROR : excluded_as[run->validity]);
}

static void count_episodes(struct scoring *scoring, const struct ld_episodes *episodes)
{
    struct ld_detector_run *row = &scoring->score->detector_runs[scoring->score->detector_run_count++];
    *row = (struct ld_detector_run){.run = scoring->run->run,
                                    .detector = scoring->name,
                                    .valid = scoring->run->validity == LD_VALID && !scoring->record->failed,
                                    .alerted = episodes->count > 0,
                                    .episodes = (uint32_t)episodes->count,
                                    .false_rule = "",
                                    .false_site = ""};
    for (size_t i = 0; i < episodes->count; i++) {
        if (episodes->items[i].false_alarm && !row->false_alarms) {
            row->false_rule = keep(scoring, episodes->items[i].first->rule);
            row->false_site = keep(scoring, episodes->items[i].site);
        }
        row->false_alarms += episodes->items[i].false_alarm;
        row->wrong_site += episodes->items[i].wrong_site;
        row->during_hold += episodes->items[i].during_hold;
    }
    if (scoring->scenario->target.truth == LD_TRUTH_NONE || scoring->record->timeless)
        return; /* where nobody knows the truth nothing is known to be quiet */
    struct score_exposure exposure = {0};
    if (score_exposure(&exposure, scoring->run, scoring->detector) != 0)
        scoring->out_of_memory = true;
    row->quiet_seconds = exposure.quiet;
    row->hold_seconds = exposure.held;
    row->unknown_seconds = exposure.unknown;
}

static int score_run(struct ld_score *score, const struct ld_scenario *scenario, const struct ld_run_record *run)
{
    for (size_t i = 0; i < run->detector_count; i++) {
        struct scoring scoring = {
            .score = score, .scenario = scenario, .run = run, .record = &run->detectors[i], .detector = i};
        scoring.name = ld_arena_text(score->arena, run->detectors[i].name);
        struct ld_episodes episodes;
        if (!scoring.name || ld_episodes_make(&episodes, run, i, ld_score_quiet_ns(scenario)))
            return LD_ENOMEM;
        bool known = scenario->target.truth != LD_TRUTH_NONE;
        for (size_t j = 0; !known && j < episodes.count; j++)
            episodes.items[j].false_alarm = episodes.items[j].wrong_site = false;
        score_outcomes(&scoring, &episodes);
        count_episodes(&scoring, &episodes);
        ld_episodes_done(&episodes);
        if (scoring.out_of_memory)
            return LD_ENOMEM;
    }
    return 0;
}

int ld_score_runs(struct ld_score *ret_score, const struct ld_plan *plan, const struct ld_run_record *runs,
                  size_t count, struct ld_error *error)
{
    size_t outcomes = 0, detector_runs = 0;
    for (size_t i = 0; i < count; i++) {
        if (!score_cell(plan, &runs[i]))
            return ld_fail(error, LD_ESPEC, "score: run %u is not in the plan", runs[i].run);
        size_t intervals = runs[i].truth ? runs[i].truth->interval_count : 0;
        outcomes += runs[i].detector_count * (intervals + 1);
        detector_runs += runs[i].detector_count;
    }
    struct ld_score score = {.arena = ld_arena_new(SCORE_ARENA_MAX)};
    if (score.arena) {
        score.outcomes = ld_arena_array(score.arena, outcomes + 1, sizeof *score.outcomes);
        score.detector_runs = ld_arena_array(score.arena, detector_runs + 1, sizeof *score.detector_runs);
    }
    int code = score.outcomes && score.detector_runs ? 0 : LD_ENOMEM;
    for (size_t i = 0; !code && i < count; i++)
        code = score_run(&score, score_cell(plan, &runs[i])->scenario, &runs[i]);
    if (code) {
        ld_arena_free(score.arena);
        return ld_fail(error, code, "score: no memory for the outcomes of %zu runs", count);
    }
    *ret_score = score;
    return 0;
}

void ld_score_done(struct ld_score *score)
{
    if (!score)
        return;
    ld_arena_free(score->arena);
    *score = (struct ld_score){0};
}
