/* Folding a profile into counts per site. */
#include <stdlib.h>
#include <string.h>

#include "observe/series.h"

struct group {
    const char *site; /* the profile's: equal sites share a pointer, as texts are interned */
    const char *created_by;
    enum ld_wait wait;
    int64_t count, leaked;
};

struct groups {
    struct group *items;
    size_t count;
    size_t *slots; /* index + 1 into items, 0 free; open addressing over a power of two */
    size_t slot_count;
};

static size_t slot_of(const struct groups *groups, const char *site, enum ld_wait wait)
{
    uint64_t hash = ((uint64_t)(uintptr_t)site ^ (uint64_t)wait << 56) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(hash >> 32) & (groups->slot_count - 1);
    while (groups->slots[i]) {
        const struct group *group = &groups->items[groups->slots[i] - 1];
        if (group->site == site && group->wait == wait)
            break;
        i = (i + 1) & (groups->slot_count - 1);
    }
    return i;
}

static void fold(struct groups *groups, const struct ld_sample *sample)
{
    const char *site = ld_site_of(sample, NULL);
    const char *created_by = sample->created_by ? sample->created_by->function : "";
    enum ld_wait wait = ld_wait_of(sample);
    size_t slot = slot_of(groups, site, wait);
    if (!groups->slots[slot]) {
        groups->items[groups->count] = (struct group){.site = site, .created_by = created_by, .wait = wait};
        groups->slots[slot] = ++groups->count;
    }
    struct group *group = &groups->items[groups->slots[slot] - 1];
    group->count += sample->values[0];
    if (sample->leaked)
        group->leaked += sample->values[0];
    if (strcmp(group->created_by, created_by) != 0)
        group->created_by = "";
}

static int compare_groups(const void *left, const void *right)
{
    const struct group *a = left, *b = right;
    int order = strcmp(a->site, b->site);
    return order ? order : (int)a->wait - (int)b->wait;
}

/* The one static "" and the profile's own "" would be two sites: a frame without a name has the site "". */
static void join_equals(struct groups *groups)
{
    size_t kept = 0;
    for (size_t i = 0; i < groups->count; i++) {
        struct group *into = kept ? &groups->items[kept - 1] : NULL, *from = &groups->items[i];
        if (!into || compare_groups(into, from) != 0) {
            groups->items[kept++] = *from;
            continue;
        }
        into->count += from->count;
        into->leaked += from->leaked;
        if (strcmp(into->created_by, from->created_by) != 0)
            into->created_by = "";
    }
    groups->count = kept;
}

static int copy_groups(const struct groups *groups, struct ld_site_counts *ret_counts)
{
    struct ld_site_counts counts = {.count = groups->count, .arena = ld_arena_new(ld_profile_limits_default.memory)};
    if (!counts.arena)
        return LD_ENOMEM;
    counts.items = ld_arena_array(counts.arena, groups->count ? groups->count : 1, sizeof *counts.items);
    for (size_t i = 0; counts.items && i < groups->count; i++) {
        const struct group *from = &groups->items[i];
        char *site = ld_arena_text(counts.arena, from->site);
        char *created_by = ld_arena_text(counts.arena, from->created_by);
        counts.items[i] = (struct ld_site_count){site, from->wait, from->count, from->leaked, created_by};
        if (!site || !created_by)
            counts.items = NULL;
    }
    if (!counts.items) {
        ld_arena_free(counts.arena);
        return LD_ENOMEM;
    }
    *ret_counts = counts;
    return 0;
}

int ld_site_counts_of(struct ld_site_counts *ret_counts, const struct ld_profile *profile)
{
    struct groups groups = {.slot_count = 64};
    int code = LD_ENOMEM;
    while (groups.slot_count < (size_t)profile->sample_count * 2)
        groups.slot_count *= 2;
    groups.items = calloc((size_t)profile->sample_count + 1, sizeof *groups.items);
    groups.slots = calloc(groups.slot_count, sizeof *groups.slots);
    if (groups.items && groups.slots) {
        for (uint32_t i = 0; i < profile->sample_count; i++)
            if (profile->samples[i].values[0])
                fold(&groups, &profile->samples[i]);
        qsort(groups.items, groups.count, sizeof *groups.items, compare_groups);
        join_equals(&groups);
        code = copy_groups(&groups, ret_counts);
    }
    free(groups.items);
    free(groups.slots);
    return code;
}

void ld_site_counts_done(struct ld_site_counts *counts)
{
    ld_arena_free(counts->arena);
    *counts = (struct ld_site_counts){0};
}

int64_t ld_site_counts_get(const struct ld_site_counts *counts, const char *site)
{
    int64_t sum = 0;
    for (size_t i = 0; i < counts->count; i++)
        if (strcmp(counts->items[i].site, site) == 0)
            sum += counts->items[i].count;
    return sum;
}
