/* The look from outside: goroutines of an interval that survive settling and a forced collection. */
#include <stdlib.h>

#include "observe/site.h"
#include "truth/truth.h"

struct ids {
    uint64_t *items; /* sorted, distinct */
    size_t count;
};

static int by_id(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Goroutine ids of a dump at the interval's sites. False without memory. */
static bool collect(struct ids *ret_ids, const struct ld_truth_interval *interval, const struct ld_profile *profile)
{
    size_t count = profile ? profile->sample_count : 0;
    uint64_t *items = calloc(count + 1, sizeof *items);
    if (!items)
        return false;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ld_sample *sample = &profile->samples[i];
        if (sample->goroutine && ld_truth_site_matches(interval, ld_site_of(sample, NULL)))
            items[found++] = sample->goroutine;
    }
    qsort(items, found, sizeof *items, by_id);
    size_t distinct = 0;
    for (size_t i = 0; i < found; i++) {
        if (distinct == 0 || items[distinct - 1] != items[i])
            items[distinct++] = items[i];
    }
    *ret_ids = (struct ids){.items = items, .count = distinct};
    return true;
}

static bool contains(const struct ids *ids, uint64_t id)
{
    return bsearch(&id, ids->items, ids->count, sizeof id, by_id) != NULL;
}

int64_t ld_truth_confirm(const struct ld_truth_interval *interval, const struct ld_profile *baseline,
                         const struct ld_profile *settled, const struct ld_profile *after_gc)
{
    if (interval->goroutines_per_unit <= 0 || !settled || !after_gc)
        return -1;
    struct ids before = {0}, first = {0}, second = {0};
    int64_t confirmed = -1;
    if (collect(&before, interval, baseline) && collect(&first, interval, settled) &&
        collect(&second, interval, after_gc)) {
        int64_t survivors = 0;
        for (size_t i = 0; i < first.count; i++)
            survivors += contains(&second, first.items[i]) && !contains(&before, first.items[i]);
        confirmed = survivors / interval->goroutines_per_unit;
    }
    free(before.items);
    free(first.items);
    free(second.items);
    return confirmed;
}
