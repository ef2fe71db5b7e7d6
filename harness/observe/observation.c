#include "observe/observation.h"

#include <string.h>

static const char *const kind_names[LD_OBSERVATION_KINDS] = {
#define X(id, name, doc) [LD_OBSERVATION_##id] = name,
    LD_OBSERVATIONS(X)
#undef X
};

static const char *const failure_names[LD_READ_FAILURE_COUNT] = {
#define X(id, name, doc) [LD_READ_##id] = name,
    LD_READ_FAILURES(X)
#undef X
};

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *ld_observation_kind_name(enum ld_observation_kind kind)
{
    return kind_names[kind];
}

int ld_observation_kind_find(const char *name)
{
    return find(kind_names, LD_OBSERVATION_KINDS, name);
}

const char *ld_read_failure_name(enum ld_read_failure failure)
{
    return failure_names[failure];
}

int ld_read_failure_find(const char *name)
{
    return find(failure_names, LD_READ_FAILURE_COUNT, name);
}

const char *ld_purpose_name(enum ld_purpose purpose)
{
    static const char *const names[LD_PURPOSES] = {
        [LD_PURPOSE_PERIOD] = "period", [LD_PURPOSE_WARM_UP] = "warm-up",       [LD_PURPOSE_BEFORE] = "before",
        [LD_PURPOSE_AFTER] = "after",   [LD_PURPOSE_ESCALATION] = "escalation",
    };
    return names[purpose];
}

bool ld_observation_misses_metrics(const struct ld_observation *observation)
{
    return observation->kind == LD_OBSERVATION_FAILED && !observation->of_profile && !observation->path;
}

const char *ld_life_name(enum ld_life life)
{
    static const char *const names[] = {
        [LD_LIFE_STARTED] = "started", [LD_LIFE_READY] = "ready", [LD_LIFE_ENDED] = "ended",
    };
    return names[life];
}
