#include "detect/site_total.h"

#include <string.h>

bool ld_site_total_next(const struct ld_site_counts *counts, size_t *cursor, struct ld_site_total *ret_total)
{
    if (*cursor >= counts->count)
        return false;
    const struct ld_site_count *first = &counts->items[*cursor];
    struct ld_site_total total = {.site = first->site, .wait = first->wait, .created_by = first->created_by};
    int64_t most = -1;
    for (; *cursor < counts->count && strcmp(counts->items[*cursor].site, first->site) == 0; (*cursor)++) {
        const struct ld_site_count *item = &counts->items[*cursor];
        total.count += item->count;
        total.leaked += item->leaked;
        if (item->count > most) {
            most = item->count;
            total.wait = item->wait;
            total.created_by = item->created_by;
        }
    }
    *ret_total = total;
    return true;
}

bool ld_site_total_find(const struct ld_site_counts *counts, const char *site, size_t significant,
                        struct ld_site_total *ret_total)
{
    size_t low = 0, high = counts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strncmp(counts->items[middle].site, site, significant) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == counts->count || strncmp(counts->items[low].site, site, significant) != 0)
        return false;
    return ld_site_total_next(counts, &low, ret_total);
}
