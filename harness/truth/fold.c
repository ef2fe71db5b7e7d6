/* Events to intervals: which leak was open when, in which incarnation, and how it ended. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "truth/truth.h"

/* Intervals, calm sites and their texts of one run; far more than LD_TRUTH_INTERVALS_MAX of ordinary ones need. */
#define ARENA_MAX ((size_t)256 * 1024 * 1024)

struct open_interval {
    struct ld_truth_interval interval;
    bool open;
};

struct folding {
    struct ld_arena *arena;
    struct ld_error *error;
    int64_t manifest;
    struct open_interval *items; /* in order of onset; grows */
    size_t count, capacity;
    const char **calm;
    size_t calm_count;
    struct ending {
        uint32_t instance, incarnation;
    } *endings; /* incarnations that ended */
    size_t ending_count;
};

struct ordered {
    const struct ld_truth_event *event;
    size_t index;
};

static int by_time(const void *left, const void *right)
{
    const struct ordered *a = left, *b = right;
    if (a->event->time_ns != b->event->time_ns)
        return a->event->time_ns < b->event->time_ns ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static bool same_life(const struct ld_truth_event *event, uint32_t instance, uint32_t incarnation)
{
    return event->instance == instance && event->incarnation == incarnation;
}

/* The latest interval of that id, open or not; NULL when the id is new. */
static struct open_interval *find_latest(struct folding *folding, const struct ld_truth_event *event)
{
    for (size_t i = folding->count; i-- > 0;) {
        struct ld_truth_interval *interval = &folding->items[i].interval;
        if (same_life(event, interval->instance, interval->incarnation) && strcmp(interval->id, event->interval) == 0)
            return &folding->items[i];
    }
    return NULL;
}

static const char *copy_text(struct folding *folding, const char *text, int *code)
{
    const char *copy = ld_arena_text(folding->arena, text ? text : "");
    if (!copy)
        *code = LD_ENOMEM;
    return copy;
}

static int grow(struct folding *folding)
{
    if (folding->count < folding->capacity)
        return 0;
    if (folding->count >= LD_TRUTH_INTERVALS_MAX)
        return ld_fail(folding->error, LD_ELIMIT, "truth: more than %d intervals in one run", LD_TRUTH_INTERVALS_MAX);
    size_t capacity = folding->capacity ? folding->capacity * 2 : 16;
    struct open_interval *grown = realloc(folding->items, capacity * sizeof *grown);
    if (!grown)
        return LD_ENOMEM;
    folding->items = grown;
    folding->capacity = capacity;
    return 0;
}

/* What does not change during an interval, from its first event. */
static int describe(struct folding *folding, const struct ld_truth_event *event, struct ld_truth_interval *interval)
{
    bool hold = event->kind == LD_TRUTH_HOLD;
    if (!hold && event->cause == LD_CAUSE_NONE)
        return ld_fail(folding->error, LD_ESYNTAX, "truth: the first line of interval \"%s\" gives no cause",
                       event->interval);
    int code = 0;
    const char **seen_at = ld_arena_array(folding->arena, event->seen_at_count + 1, sizeof *seen_at);
    if (!seen_at)
        return LD_ENOMEM;
    for (size_t i = 0; i < event->seen_at_count; i++)
        seen_at[i] = copy_text(folding, event->seen_at[i], &code);
    *interval = (struct ld_truth_interval){
        .id = copy_text(folding, event->interval, &code),
        .instance = event->instance,
        .incarnation = event->incarnation,
        .cause = event->cause,
        .unit = event->unit,
        .goroutines_per_unit = event->goroutines_per_unit,
        .descriptors_per_unit = event->descriptors_per_unit,
        .bytes_per_unit = event->bytes_per_unit,
        .seen_at_count = event->seen_at_count,
        .seen_at = seen_at,
        .culprit = copy_text(folding, event->culprit, &code),
        .hold = hold,
    };
    return code;
}

static int begin(struct folding *folding, const struct ld_truth_event *event, const struct open_interval *earlier,
                 struct open_interval **ret_begun)
{
    struct ld_truth_interval interval;
    int code = 0;
    if (earlier)
        interval = earlier->interval;
    else
        code = describe(folding, event, &interval);
    if (!code)
        code = grow(folding);
    if (code)
        return code;
    interval.first_ns = event->time_ns;
    interval.manifest_ns = -1;
    interval.manifest_after_sequence = 0;
    interval.amount = 0;
    interval.confirmed = -1;
    folding->items[folding->count] = (struct open_interval){.interval = interval, .open = true};
    *ret_begun = &folding->items[folding->count++];
    return 0;
}

static void end(struct open_interval *item, int64_t time_ns, enum ld_interval_end how)
{
    item->open = false;
    item->interval.end_ns = time_ns;
    item->interval.end = how;
}

static void set_amount(struct folding *folding, struct open_interval *item, const struct ld_truth_event *event)
{
    struct ld_truth_interval *interval = &item->interval;
    interval->final_amount = event->amount;
    if (event->amount > interval->amount)
        interval->amount = event->amount;
    if (!interval->hold && interval->manifest_ns < 0 && event->amount >= folding->manifest) {
        interval->manifest_ns = event->time_ns;
        interval->manifest_after_sequence = event->after_sequence;
    }
    if (event->amount <= 0)
        end(item, event->time_ns, LD_END_CURED);
}

static int fold_growth(struct folding *folding, const struct ld_truth_event *event)
{
    struct open_interval *item = find_latest(folding, event);
    if (item && item->interval.hold != (event->kind == LD_TRUTH_HOLD))
        return ld_fail(folding->error, LD_ESYNTAX, "truth: interval \"%s\" is both a leak and a hold", event->interval);
    if (item && event->cause != LD_CAUSE_NONE && event->cause != item->interval.cause)
        return ld_fail(folding->error, LD_ESYNTAX, "truth: interval \"%s\" changes its cause from %s to %s",
                       event->interval, ld_cause_table[item->interval.cause].name, ld_cause_table[event->cause].name);
    int code = 0;
    if (!item || !item->open)
        code = begin(folding, event, item, &item);
    if (!code)
        set_amount(folding, item, event);
    return code;
}

static int fold_relief(struct folding *folding, const struct ld_truth_event *event)
{
    struct open_interval *item = find_latest(folding, event);
    if (!item || item->interval.hold != (event->kind == LD_TRUTH_RELEASE))
        return ld_fail(folding->error, LD_ESYNTAX, "truth: %s of interval \"%s\", which never began",
                       ld_truth_kind_name(event->kind), event->interval);
    if (item->open)
        set_amount(folding, item, event);
    return 0;
}

static int fold_calm(struct folding *folding, const struct ld_truth_event *event)
{
    for (size_t i = 0; i < folding->calm_count; i++) {
        if (strcmp(folding->calm[i], event->text) == 0)
            return 0;
    }
    int code = 0;
    const char *site = copy_text(folding, event->text, &code);
    if (!code)
        folding->calm[folding->calm_count++] = site;
    return code;
}

static int fold_ended(struct folding *folding, const struct ld_truth_event *event)
{
    enum ld_interval_end how = strcmp(event->text, "kill") == 0 ? LD_END_KILL : LD_END_DEATH;
    for (size_t i = 0; i < folding->count; i++) {
        struct open_interval *item = &folding->items[i];
        if (item->open && same_life(event, item->interval.instance, item->interval.incarnation))
            end(item, event->time_ns, how);
    }
    folding->endings[folding->ending_count++] =
        (struct ending){.instance = event->instance, .incarnation = event->incarnation};
    return 0;
}

static int fold_nothing(struct folding *folding, const struct ld_truth_event *event)
{
    (void)folding;
    (void)event;
    return 0;
}

static int (*const folds[])(struct folding *folding, const struct ld_truth_event *event) = {
    [LD_TRUTH_READY] = fold_nothing, [LD_TRUTH_LEAK] = fold_growth,    [LD_TRUTH_CURED] = fold_relief,
    [LD_TRUTH_HOLD] = fold_growth,   [LD_TRUTH_RELEASE] = fold_relief, [LD_TRUTH_CALM] = fold_calm,
    [LD_TRUTH_GC] = fold_nothing,    [LD_TRUTH_ERROR] = fold_nothing,  [LD_TRUTH_ENDED] = fold_ended,
};

static bool has_ended(const struct folding *folding, const struct ld_truth_event *event)
{
    for (size_t i = 0; i < folding->ending_count; i++) {
        if (same_life(event, folding->endings[i].instance, folding->endings[i].incarnation))
            return true;
    }
    return false;
}

static int fold_all(struct folding *folding, const struct ordered *order, size_t count, int64_t end_ns)
{
    for (size_t i = 0; i < count && order[i].event->time_ns <= end_ns; i++) {
        const struct ld_truth_event *event = order[i].event;
        if (has_ended(folding, event))
            continue;
        int code = folds[event->kind](folding, event);
        if (code)
            return code;
    }
    for (size_t i = 0; i < folding->count; i++) {
        if (folding->items[i].open)
            end(&folding->items[i], end_ns, LD_END_FOLLOW_UP);
    }
    return 0;
}

static int deliver(struct ld_truth *ret_truth, struct folding *folding)
{
    struct ld_truth_interval *intervals = ld_arena_array(folding->arena, folding->count + 1, sizeof *intervals);
    if (!intervals)
        return LD_ENOMEM;
    for (size_t i = 0; i < folding->count; i++)
        intervals[i] = folding->items[i].interval;
    *ret_truth = (struct ld_truth){.intervals = intervals,
                                   .interval_count = folding->count,
                                   .calm = folding->calm,
                                   .calm_count = folding->calm_count,
                                   .arena = folding->arena};
    return 0;
}

static size_t count_kind(const struct ld_truth_event *events, size_t count, enum ld_truth_kind kind)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += events[i].kind == kind;
    return found;
}

int ld_truth_fold(struct ld_truth *ret_truth, const struct ld_truth_event *events, size_t count, int64_t manifest,
                  int64_t end_ns, struct ld_error *error)
{
    assert(manifest >= 1);
    struct folding folding = {.arena = ld_arena_new(ARENA_MAX), .error = error, .manifest = manifest};
    struct ordered *order = calloc(count + 1, sizeof *order);
    folding.endings = calloc(count_kind(events, count, LD_TRUTH_ENDED) + 1, sizeof *folding.endings);
    if (folding.arena)
        folding.calm =
            ld_arena_array(folding.arena, count_kind(events, count, LD_TRUTH_CALM) + 1, sizeof *folding.calm);
    int code = LD_ENOMEM;
    if (order && folding.endings && folding.calm) {
        for (size_t i = 0; i < count; i++)
            order[i] = (struct ordered){.event = &events[i], .index = i};
        qsort(order, count, sizeof *order, by_time);
        code = fold_all(&folding, order, count, end_ns);
    }
    if (!code)
        code = deliver(ret_truth, &folding);
    if (code == LD_ENOMEM)
        ld_fail(error, LD_ENOMEM, "truth: no memory for the intervals");
    free(order);
    free(folding.items);
    free(folding.endings);
    if (code)
        ld_arena_free(folding.arena);
    return code;
}

void ld_truth_done(struct ld_truth *truth)
{
    if (!truth)
        return;
    ld_arena_free(truth->arena);
    *truth = (struct ld_truth){0};
}

bool ld_truth_interval_covers(const struct ld_truth_interval *interval, int64_t from_ns, int64_t to_ns)
{
    bool before_end = interval->end == LD_END_FOLLOW_UP ? from_ns <= interval->end_ns : from_ns < interval->end_ns;
    return before_end && to_ns >= interval->first_ns;
}

bool ld_truth_outstanding(const struct ld_truth *truth, int64_t time_ns, uint32_t instance, uint32_t incarnation)
{
    for (size_t i = 0; i < truth->interval_count; i++) {
        const struct ld_truth_interval *interval = &truth->intervals[i];
        if (!interval->hold && interval->instance == instance &&
            (incarnation == 0 || interval->incarnation == incarnation) &&
            ld_truth_interval_covers(interval, time_ns, time_ns))
            return true;
    }
    return false;
}

bool ld_truth_site_matches(const struct ld_truth_interval *interval, const char *site)
{
    for (size_t i = 0; i < interval->seen_at_count; i++) {
        if (strcmp(interval->seen_at[i], site) == 0)
            return true;
    }
    return false;
}

bool ld_truth_names_culprit(const struct ld_truth_interval *interval, const char *site)
{
    const char *culprit = interval->culprit ? interval->culprit : "";
    const char *space = strchr(culprit, ' ');
    size_t place = space ? (size_t)(space - culprit) : strlen(culprit);
    size_t length = strlen(site);
    if (length == 0)
        return false;
    if (length == place && memcmp(site, culprit, place) == 0)
        return true;
    return strcmp(site, culprit) == 0 || (space && strcmp(site, space + 1) == 0);
}
