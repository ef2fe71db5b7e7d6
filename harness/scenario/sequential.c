/* repeat.sequential: its keys, and what it must have to decide. */
#include "scenario/draft.h"

#define SPEC(member) offsetof(struct ld_sequential_spec, member)

/* [5%, 20%]: what is acceptable, and what is not. */
static int bind_rates(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                      void *value)
{
    static const struct ld_field percent = {.name = "rate", .type = LD_FIELD_PERCENT};
    double *rates = value;
    int code = 0;
    (void)field;
    if (node->kind != LD_NODE_SEQUENCE || node->count != 2)
        return ld_schema_error(context, node, LD_ESPEC,
                               "must be two rates, what is acceptable and what is not, such as [5%%, 20%%]");
    for (size_t i = 0; i < 2; i++) {
        size_t length = ld_schema_push_index(context, i);
        int bound = ld_field_bind(context, &percent, node->items[i], &rates[i]);
        ld_schema_pop(context, length);
        code = code ? code : bound;
    }
    if (!code && !(rates[0] > 0 && rates[0] < rates[1] && rates[1] < 1))
        code = ld_schema_error(context, node, LD_ESPEC,
                               "the first must be above 0%%, the second above it and below 100%%");
    return code;
}

static int check_spec(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_sequential_spec *spec = value;
    if (!ld_node_get(node, "miss") && !ld_node_get(node, "false_alarm"))
        return ld_schema_error(context, node, LD_ESPEC, "needs miss, or false_alarm, or both");
    if (!(spec->alpha > 0) || !(spec->beta > 0))
        return ld_schema_error(context, node, LD_ESPEC,
                               "without any error nothing is ever decided: alpha and beta are above 0%%");
    if (spec->min > spec->max)
        return ld_schema_error(context, ld_node_get(node, "min"), LD_ESPEC, "min is more than max");
    return 0;
}

static const struct ld_field fields[] = {
    {.name = "miss",
     .type = LD_FIELD_CUSTOM,
     .offset = SPEC(miss),
     .custom = bind_rates,
     .doc = "Of leaky runs, [acceptable, not acceptable] rates of those in which a leak was missed: each detection "
            "that is expected is judged so, in place of its `observed`, for each detector and cell."},
    {.name = "false_alarm",
     .type = LD_FIELD_CUSTOM,
     .offset = SPEC(false_alarm),
     .custom = bind_rates,
     .doc = "The same of healthy runs with a false alarm: each `false_alarms` that is expected is judged so there. Not "
            "given: they are counted, over `runs` runs."},
    {.name = "max",
     .type = LD_FIELD_INTEGER,
     .offset = SPEC(max),
     .flags = LD_FIELD_REQUIRED,
     .minimum = 1,
     .maximum = LD_SPRT_TRIALS_MAX,
     .doc = "At most so many runs of a cell; what is not decided by then is inconclusive. --runs takes its place."},
    {.name = "min",
     .type = LD_FIELD_INTEGER,
     .offset = SPEC(min),
     .minimum = 1,
     .maximum = LD_SPRT_TRIALS_MAX,
     .initial = "1",
     .doc = "Nothing is decided by fewer runs."},
    {.name = "alpha",
     .type = LD_FIELD_PERCENT,
     .offset = SPEC(alpha),
     .maximum = 0.5,
     .initial = "5%",
     .doc =
         "The probability that any detector of the campaign fails though all its rates are acceptable: it is divided "
         "among all tests of the plan, before filter and shard (Bonferroni)."},
    {.name = "beta",
     .type = LD_FIELD_PERCENT,
     .offset = SPEC(beta),
     .maximum = 0.5,
     .initial = "5%",
     .doc =
         "The probability that a detector passes though a rate of it is not acceptable. It is not divided: a campaign "
         "passes when all pass."},
    {0},
};

const struct ld_schema ld_sequential_schema = {
    .name = "sequential",
    .doc =
        "Wald's sequential test (SPRT) in each cell, for each detector. Runs of a cell are looked at in the order of "
        "their repetition, whichever ends first; those without evidence are passed over. Once all tests of the cell "
        "are decided nothing more of it is started. Runs in hand then still end and stand in the report, but they are "
        "no evidence for these tests. `plan` says how many runs to expect.",
    .fields = fields,
    .check = check_spec};

/* ---- against the rest of the scenario */

static const struct ld_node *spec_node(const struct ld_scenario_draft *draft)
{
    return ld_node_get(ld_node_get(draft->root, "repeat"), "sequential");
}

static int check_max(struct ld_schema_context *context, const struct ld_scenario_draft *draft,
                     const struct ld_sprt_test *test)
{
    const struct ld_sprt_test unbounded = {test->p0, test->p1, test->alpha, test->beta, test->min, LD_SPRT_TRIALS_MAX};
    int64_t needed = ld_sprt_goods_needed(&unbounded, 0, 0);
    if (needed <= test->max)
        return 0;
    size_t length = ld_schema_push(context, "repeat.sequential.max");
    int code = ld_schema_error(context, ld_node_get(spec_node(draft), "max"), LD_ESPEC,
                               "nothing can pass: even without a bad run %lld are needed to tell %g%% from %g%%",
                               (long long)needed, test->p0 * 100, test->p1 * 100);
    ld_schema_pop(context, length);
    return code;
}

/* A share of a fixed number of runs says something else than a test that chose when to stop. */
static int check_confident(struct ld_schema_context *context, const struct ld_scenario_draft *draft, size_t index)
{
    const struct ld_node *item = ld_node_get(draft->root, "expect")->items[index];
    size_t outer = ld_schema_push(context, "expect");
    ld_schema_push_index(context, index);
    ld_schema_push(context, "detection.confident");
    int code =
        ld_schema_error(context, ld_node_get(ld_node_get(item, "detection"), "confident"), LD_ESPEC,
                        "repeat.sequential ends a cell by what its runs show, so that the bound of a fixed number "
                        "of runs does not hold: leave one of them out");
    ld_schema_pop(context, outer);
    return code;
}

int ld_sequential_check(struct ld_schema_context *context, const struct ld_scenario_draft *draft)
{
    const struct ld_scenario *scenario = &draft->scenario;
    size_t tests[LD_VARIANTS] = {0};
    int code = 0;
    if (!scenario->repeat.sequential)
        return 0;
    for (size_t i = 0; i < scenario->expectation_count; i++) {
        for (int variant = 0; variant < LD_VARIANTS; variant++) {
            struct ld_sprt_test test;
            if (!scenario->target.variants[variant] ||
                !ld_scenario_sequential_test(scenario, (enum ld_variant)variant, &scenario->expectations[i], &test))
                continue;
            if (tests[variant]++ == 0) {
                int failed = check_max(context, draft, &test);
                code = code ? code : failed;
            }
            if (variant == LD_VARIANT_LEAKY && scenario->expectations[i].detection.confident >= 0) {
                int refused = check_confident(context, draft, i);
                code = code ? code : refused;
            }
        }
    }
    if (tests[LD_VARIANT_LEAKY] + tests[LD_VARIANT_HEALTHY])
        return code;
    size_t length = ld_schema_push(context, "repeat.sequential");
    code =
        ld_schema_error(context, spec_node(draft), LD_ESPEC,
                        "there is nothing to decide: no expectation asks for detection in a leaky variant (miss), or "
                        "for false_alarms in a healthy one (false_alarm)");
    ld_schema_pop(context, length);
    return code;
}
