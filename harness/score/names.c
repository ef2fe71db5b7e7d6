#include <string.h>

#include "base/error.h"
#include "score/score.h"

static const struct {
    const char *name;
    bool evidence;
} outcomes[LD_OUTCOME_COUNT] = {
#define X(id, name_text, is_evidence, meaning) [LD_OUTCOME_##id] = {name_text, is_evidence},
    LD_OUTCOMES(X)
#undef X
};

static const char *const validities[] = {
    [LD_VALID] = "valid",          [LD_INVALID_HARNESS] = "harness", [LD_INVALID_LAG] = "lag",
    [LD_INVALID_GAPS] = "gaps",    [LD_INVALID_TRUTH] = "truth",     [LD_INVALID_FAULT] = "fault",
    [LD_INVALID_UNSTEADY] = "unsteady",
};

static const struct {
    const char *name;
    int exit;
} verdicts[] = {
    [LD_VERDICT_PASS] = {"pass", LD_EXIT_OK},
    [LD_VERDICT_FAIL] = {"fail", LD_EXIT_EXPECTATION},
    [LD_VERDICT_INCONCLUSIVE] = {"inconclusive", LD_EXIT_INCONCLUSIVE},
    [LD_VERDICT_HARNESS] = {"harness", LD_EXIT_HARNESS},
};

const char *ld_outcome_name(enum ld_outcome_kind kind)
{
    return outcomes[kind].name;
}

int ld_outcome_find(const char *name)
{
    for (int i = 0; i < LD_OUTCOME_COUNT; i++) {
        if (strcmp(outcomes[i].name, name) == 0)
            return i;
    }
    return -1;
}

bool ld_outcome_is_evidence(enum ld_outcome_kind kind)
{
    return outcomes[kind].evidence;
}

const char *ld_validity_name(enum ld_validity validity)
{
    return validities[validity];
}

int ld_validity_find(const char *name)
{
    for (size_t i = 0; i < sizeof validities / sizeof *validities; i++) {
        if (strcmp(validities[i], name) == 0)
            return (int)i;
    }
    return -1;
}

const char *ld_verdict_name(enum ld_verdict verdict)
{
    return verdicts[verdict].name;
}

int ld_verdict_exit(enum ld_verdict verdict)
{
    return verdicts[verdict].exit;
}
