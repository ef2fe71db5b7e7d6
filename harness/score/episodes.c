/* Alerts to episodes, and what truth says of each. */
#include <stdlib.h>
#include <string.h>

#include "score/internal.h"

/* One alert from open to close. */
struct span {
    const struct ld_alert *alert;
    int64_t from_ns, to_ns;
};

static const char *site_of(const struct ld_alert *alert)
{
    return alert->site ? alert->site : "";
}

static int64_t life_end(const struct ld_run_record *run, const struct ld_alert *alert)
{
    for (size_t i = 0; i < run->life_count; i++) {
        if (run->lives[i].instance == alert->instance && run->lives[i].incarnation == alert->incarnation)
            return run->lives[i].to_ns;
    }
    return run->observed_to_ns;
}

static int by_id(const void *left, const void *right)
{
    const struct ld_alert *const *a = left, *const *b = right;
    if ((*a)->id != (*b)->id)
        return (*a)->id < (*b)->id ? -1 : 1;
    return *a < *b ? -1 : *a > *b; /* closes of one id in their order */
}

static int by_claim(const void *left, const void *right)
{
    const struct span *a = left, *b = right;
    const struct ld_alert *x = a->alert, *y = b->alert;
    if (x->instance != y->instance)
        return x->instance < y->instance ? -1 : 1;
    if (x->incarnation != y->incarnation)
        return x->incarnation < y->incarnation ? -1 : 1;
    if (x->cause != y->cause)
        return x->cause < y->cause ? -1 : 1;
    int sites = strcmp(site_of(x), site_of(y));
    if (sites)
        return sites;
    if (a->from_ns != b->from_ns)
        return a->from_ns < b->from_ns ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int by_beginning(const void *left, const void *right)
{
    const struct ld_episode *a = left, *b = right;
    if (a->from_ns != b->from_ns)
        return a->from_ns < b->from_ns ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* Until its close, the incarnation's end at the latest. `closes` is sorted by id. */
static struct span make_span(const struct ld_run_record *run, const struct ld_alert *alert,
                             const struct ld_alert *const *closes, size_t close_count)
{
    int64_t from_ns = alert->receipt_ns, to_ns = life_end(run, alert);
    size_t low = 0, high = close_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (closes[middle]->id < alert->id || (closes[middle]->id == alert->id && closes[middle] < alert))
            low = middle + 1;
        else
            high = middle;
    }
    if (low < close_count && closes[low]->id == alert->id && closes[low]->receipt_ns < to_ns)
        to_ns = closes[low]->receipt_ns;
    return (struct span){.alert = alert, .from_ns = from_ns, .to_ns = to_ns > from_ns ? to_ns : from_ns};
}

/* Spans in order of claim and time to episodes; returns how many. */
static size_t merge(struct ld_episode *items, const struct span *spans, size_t count, int64_t quiet_ns)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ld_alert *alert = spans[i].alert;
        struct ld_episode *last = made ? &items[made - 1] : NULL;
        if (last && last->instance == alert->instance && last->incarnation == alert->incarnation &&
            last->cause == alert->cause && strcmp(last->site, site_of(alert)) == 0 &&
            spans[i].from_ns - last->to_ns < quiet_ns) {
            last->to_ns = spans[i].to_ns > last->to_ns ? spans[i].to_ns : last->to_ns;
            last->severity = alert->severity > last->severity ? alert->severity : last->severity;
            continue;
        }
        items[made++] = (struct ld_episode){.instance = alert->instance,
                                            .incarnation = alert->incarnation,
                                            .cause = alert->cause,
                                            .site = site_of(alert),
                                            .from_ns = spans[i].from_ns,
                                            .to_ns = spans[i].to_ns,
                                            .evidence = alert->evidence,
                                            .severity = alert->severity,
                                            .first = alert,
                                            .interval = -1};
    }
    return made;
}

static bool same_life(const struct ld_episode *episode, const struct ld_truth_interval *interval)
{
    return episode->timeless || (episode->instance == interval->instance &&
                                 (episode->incarnation == 0 || episode->incarnation == interval->incarnation));
}

int64_t score_spoken_ns(const struct ld_run_record *run, const struct ld_episode *episode)
{
    bool farewell = run->observed_to_ns >= 0 && episode->first->evidence_time_ns > run->observed_to_ns;
    return farewell && episode->from_ns > run->observed_to_ns ? run->observed_to_ns : episode->from_ns;
}

/* Is it open at the episode's receipt, or was it since the deciding observation? */
static bool concerns(const struct ld_run_record *run, const struct ld_episode *episode,
                     const struct ld_truth_interval *interval)
{
    int64_t since_ns = episode->first->evidence_time_ns, receipt_ns = score_spoken_ns(run, episode);
    if (since_ns < receipt_ns - LD_RECEIPT_LAG_NS)
        since_ns = receipt_ns - LD_RECEIPT_LAG_NS;
    if (since_ns > receipt_ns)
        since_ns = receipt_ns;
    return episode->timeless ||
           (same_life(episode, interval) && ld_truth_interval_covers(interval, since_ns, receipt_ns));
}

static bool at_site(const struct ld_episode *episode, const struct ld_truth_interval *interval)
{
    return ld_truth_site_matches(interval, episode->site) || ld_truth_names_culprit(interval, episode->site);
}

/* The interval the episode explains: at its site, or any when it names none; of several one whose cause is right. */
static int32_t explained(const struct ld_run_record *run, const struct ld_episode *episode, bool hold)
{
    int32_t best = -1;
    for (size_t i = 0; i < run->truth->interval_count; i++) {
        const struct ld_truth_interval *interval = &run->truth->intervals[i];
        if (interval->hold != hold || !concerns(run, episode, interval) ||
            (*episode->site && !at_site(episode, interval)))
            continue;
        bool right = ld_cause_compare(interval->cause, episode->cause) == LD_CAUSE_RIGHT;
        if (right)
            return (int32_t)i;
        if (best < 0)
            best = (int32_t)i;
    }
    return best;
}

/* Is anything held, by a leak or for a while? Then it is no quiet time. What read the source has none anyway. */
static bool anything_held(const struct ld_run_record *run, const struct ld_episode *episode)
{
    for (size_t i = 0; i < run->truth->interval_count; i++) {
        const struct ld_truth_interval *interval = &run->truth->intervals[i];
        if (!(interval->hold && episode->timeless) && concerns(run, episode, interval))
            return true;
    }
    return false;
}

static void judge(const struct ld_run_record *run, struct ld_episode *episode)
{
    episode->interval = explained(run, episode, false);
    if (episode->interval >= 0)
        return;
    episode->during_hold = explained(run, episode, true) >= 0;
    episode->false_alarm = !episode->during_hold;
    episode->wrong_site = episode->false_alarm && anything_held(run, episode);
}

int ld_episodes_make(struct ld_episodes *ret_episodes, const struct ld_run_record *run, size_t detector,
                     int64_t quiet_ns)
{
    const struct ld_detector_record *record = &run->detectors[detector];
    size_t count = record->alert_count, span_count = 0, close_count = 0;
    if (count == 0) {
        *ret_episodes = (struct ld_episodes){0};
        return 0;
    }
    struct span *spans = calloc(count, sizeof *spans);
    const struct ld_alert **closes = calloc(count, sizeof *closes);
    struct ld_episode *items = calloc(count, sizeof *items);
    int code = spans && closes && items ? 0 : LD_ENOMEM;
    if (!code) {
        for (size_t i = 0; i < count; i++) {
            if (record->alerts[i].action == LD_ALERT_CLOSE)
                closes[close_count++] = &record->alerts[i];
        }
        qsort(closes, close_count, sizeof *closes, by_id);
        for (size_t i = 0; i < count; i++) {
            if (record->alerts[i].action == LD_ALERT_OPEN)
                spans[span_count++] = make_span(run, &record->alerts[i], closes, close_count);
        }
        qsort(spans, span_count, sizeof *spans, by_claim);
        size_t made = merge(items, spans, span_count, quiet_ns);
        qsort(items, made, sizeof *items, by_beginning);
        for (size_t i = 0; i < made; i++)
            items[i].timeless = record->timeless;
        for (size_t i = 0; i < made && run->truth; i++)
            judge(run, &items[i]);
        *ret_episodes = (struct ld_episodes){.items = items, .count = made};
        items = NULL;
    }
    free(spans);
    free(closes);
    free(items);
    return code;
}

void ld_episodes_done(struct ld_episodes *episodes)
{
    if (!episodes)
        return;
    free(episodes->items);
    *episodes = (struct ld_episodes){0};
}

const struct ld_episode *score_detection(const struct ld_run_record *run, const struct ld_episodes *episodes,
                                         size_t index)
{
    const struct ld_truth_interval *interval = &run->truth->intervals[index];
    for (size_t i = 0; i < episodes->count; i++) {
        const struct ld_episode *episode = &episodes->items[i];
        int64_t spoken_ns = score_spoken_ns(run, episode);
        bool then = episode->timeless || (spoken_ns >= interval->first_ns && spoken_ns <= interval->end_ns);
        if (!same_life(episode, interval) || !then)
            continue;
        if (*episode->site ? at_site(episode, interval)
                           : episode->interval == (int32_t)index ||
                                 ld_cause_compare(interval->cause, episode->cause) != LD_CAUSE_WRONG)
            return episode;
    }
    return NULL;
}
