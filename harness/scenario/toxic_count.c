/* How many toxics of a case act at once: a connection takes so many and no more; what comes beyond would not begin. */
#include "fault/toxic.h"
#include "scenario/draft.h"

static bool is_toxic(const struct ld_fault_spec *fault)
{
    return ld_fault_table[fault->type].scope == LD_SCOPE_PROXY;
}

/* Until the method's end is as long as anything; a condition may start at any time. */
static bool may_act_at(const struct ld_fault_spec *fault, int64_t time_ns)
{
    if (!is_toxic(fault) || fault->when)
        return is_toxic(fault);
    return fault->at_ns <= time_ns && (fault->for_ns < 0 || time_ns < fault->at_ns + fault->for_ns);
}

/* How many of the first `count` may act at the instant. */
static size_t count_at(const struct ld_fault_spec *faults, size_t count, int64_t time_ns)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += may_act_at(&faults[i], time_ns);
    return found;
}

/* With the last of `count` there are too many: most act together at the beginning of one of them. */
static bool last_is_too_many(const struct ld_fault_spec *faults, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (may_act_at(&faults[count - 1], faults[i].at_ns) &&
            count_at(faults, count, faults[i].at_ns) > LD_LINK_TOXICS_MAX)
            return true;
    return false;
}

static int check_case(struct ld_schema_context *context, const struct ld_fault_case *fault_case,
                      const struct ld_node *items)
{
    size_t i = 0;
    while (i < fault_case->fault_count && !last_is_too_many(fault_case->faults, i + 1))
        i++;
    if (i == fault_case->fault_count)
        return 0;
    size_t length = ld_schema_push_index(context, i);
    int code = ld_schema_error(context, items->items[i], LD_ESPEC,
                               "acts together with %d others between target and upstream: no more than %d can at once",
                               LD_LINK_TOXICS_MAX, LD_LINK_TOXICS_MAX);
    ld_schema_pop(context, length);
    return code;
}

int ld_toxics_check(struct ld_schema_context *context, const struct ld_scenario_draft *draft)
{
    const struct ld_node *faults = ld_node_get(draft->root, "faults");
    int code = 0;
    for (size_t i = 1; i < draft->scenario.fault_case_count; i++) {
        size_t outer = ld_schema_push(context, "faults");
        ld_schema_push(context, draft->scenario.fault_cases[i].name);
        int failed = check_case(context, &draft->scenario.fault_cases[i], faults->items[i - 1]);
        code = code ? code : failed;
        ld_schema_pop(context, outer);
    }
    return code;
}
