/* Counts of one profile by site alone: what is left when the waits of a site are summed. */
#ifndef LD_DETECT_SITE_TOTAL_H
#define LD_DETECT_SITE_TOTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "observe/series.h"

struct ld_site_total {
    const char *site; /* owned by the counts */
    int64_t count, leaked;
    enum ld_wait wait;      /* the wait most of them are in; the first of equals */
    const char *created_by; /* of the items in that wait */
};

/* The next site in order from *cursor (0 at first); false at the end. */
bool ld_site_total_next(const struct ld_site_counts *counts, size_t *cursor, struct ld_site_total *ret_total);
/* The total at the first site whose first `significant` bytes are those of `site`; false when there is none. */
bool ld_site_total_find(const struct ld_site_counts *counts, const char *site, size_t significant,
                        struct ld_site_total *ret_total);

#endif
