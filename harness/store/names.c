/* Names of enumerations that have no finder in their own rooms. */
#include <string.h>

#include "store/internal.h"

int ld_store_purpose_find(const char *name)
{
    for (int i = 0; i < LD_PURPOSES; i++)
        if (strcmp(ld_purpose_name((enum ld_purpose)i), name) == 0)
            return i;
    return -1;
}

int ld_store_life_find(const char *name)
{
    for (int i = LD_LIFE_STARTED; i <= LD_LIFE_ENDED; i++)
        if (strcmp(ld_life_name((enum ld_life)i), name) == 0)
            return i;
    return -1;
}

static int find_text(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static const char *const encodings[] = {"proto", "groups", "stacks"}; /* enum ld_profile_encoding */

const char *ld_store_encoding_name(enum ld_profile_encoding encoding)
{
    return encodings[encoding];
}

int ld_store_encoding_find(const char *name)
{
    return find_text(encodings, 3, name);
}

static const char *const ends[] = {"follow-up", "cured", "death", "kill"}; /* ld_truth_interval.end */

const char *ld_store_end_name(int end)
{
    return ends[end];
}

int ld_store_end_find(const char *name)
{
    return find_text(ends, 4, name);
}
