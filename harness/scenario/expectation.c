/* One expectation: its keys, and the checks that need nothing but the expectation. */
#include "scenario/draft.h"

#define RATE(member) offsetof(struct ld_rate_expectation, member)

static int bind_missed(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                       void *value)
{
    static const char *const choices[] = {"all", NULL};
    const struct ld_field choice = {.name = field->name, .type = LD_FIELD_CHOICE, .choices = choices};
    int chosen;
    int code = ld_field_bind(context, &choice, node, &chosen);
    if (!code)
        *(bool *)value = true;
    return code;
}

static const struct ld_field detection_fields[] = {
    {.name = "observed",
     .type = LD_FIELD_PERCENT,
     .offset = RATE(observed),
     .doc = "The share of manifested leaks that must have been seen, as counted."},
    {.name = "confident",
     .type = LD_FIELD_PERCENT,
     .offset = RATE(confident),
     .doc = "The exact one-sided lower bound (Clopper-Pearson) that must be reached; `plan` says how many runs that "
            "needs. Beside observed it is judged only where there are so many, as with --full."},
    {.name = "at", .type = LD_FIELD_PERCENT, .offset = RATE(at), .doc = "The confidence of that bound, such as 95%."},
    {.name = "missed",
     .type = LD_FIELD_CUSTOM,
     .offset = RATE(missed),
     .custom = bind_missed,
     .doc = "all: a declared miss. It is known that this detector cannot see this leak, and missing it passes, "
            "also where it is OUT_OF_RANGE. When it sees "
            "one nevertheless, that is no failure either, but stands in every report as `declared miss found now`: the "
            "declaration is out of date. Nothing else of detection goes with it."},
    {0},
};

static int check_detection(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_rate_expectation *rate = value;
    bool observed = ld_node_get(node, "observed"), confident = ld_node_get(node, "confident"),
         at = ld_node_get(node, "at");
    if (rate->missed && (observed || confident || at))
        return ld_schema_error(context, ld_node_get(node, "missed"), LD_ESPEC,
                               "what is declared to be missed is not asked for as well");
    if (!observed && !confident && !rate->missed)
        return ld_schema_error(context, node, LD_ESPEC, "needs observed, or confident, or both; or missed");
    if (confident && !at)
        return ld_schema_error(context, node, LD_ESPEC,
                               "confident needs `at`: the confidence of the bound, such as 95%%");
    if (at && !confident)
        return ld_schema_error(context, ld_node_get(node, "at"), LD_ESPEC, "at belongs to confident");
    if (confident && (rate->confident >= 1 || rate->at >= 1))
        return ld_schema_error(context, node, LD_ESPEC,
                               "no number of runs gives certainty: confident and at are below 100%%");
    if (confident && (rate->confident <= 0 || rate->at <= 0))
        return ld_schema_error(context, node, LD_ESPEC, "a bound or confidence of 0%% claims nothing");
    rate->given = true;
    if (!observed)
        rate->observed = -1;
    if (!confident) {
        rate->confident = -1;
        rate->at = 0.95;
    }
    return 0;
}

static const struct ld_schema detection_schema = {.name = "detection",
                                                  .doc = "How many manifested leaks it must see.",
                                                  .fields = detection_fields,
                                                  .check = check_detection};

#define EXPECT(member) offsetof(struct ld_expectation, member)

static int check_false_alarms(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_expectation *expectation = value;
    (void)context;
    (void)node;
    expectation->false_alarms_given = true;
    return 0;
}

static int check_during_holds(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_expectation *expectation = value;
    (void)context;
    (void)node;
    expectation->during_holds_given = true;
    return 0;
}

/* These three have no struct of their own: their fields lie in the expectation's. */
static const struct ld_field false_alarms_fields[] = {
    {.name = "at_most",
     .type = LD_FIELD_INTEGER,
     .offset = EXPECT(false_alarms_at_most),
     .flags = LD_FIELD_REQUIRED,
     .minimum = 0,
     .maximum = 1e6,
     .doc = "Episodes over all runs of a cell."},
    {0},
};
static const struct ld_schema false_alarms_schema = {.name = "false_alarms",
                                                     .doc = "How often it may cry wolf.",
                                                     .fields = false_alarms_fields,
                                                     .check = check_false_alarms};

static const struct ld_field during_holds_fields[] = {
    {.name = "at_most",
     .type = LD_FIELD_INTEGER,
     .offset = EXPECT(during_holds_at_most),
     .flags = LD_FIELD_REQUIRED,
     .minimum = 0,
     .maximum = 1e6,
     .doc = "Episodes over all runs of a cell."},
    {0},
};
static const struct ld_schema during_holds_schema = {
    .name = "during_holds",
    .doc = "How often it may take for a leak what is held and let go in time. Not among the false alarms.",
    .fields = during_holds_fields,
    .check = check_during_holds};

static int check_time(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_expectation *expectation = value;
    int64_t median = expectation->median_ns, p95 = expectation->p95_ns, deadline = expectation->deadline_ns;
    if (node->count == 0)
        return ld_schema_error(context, node, LD_ESPEC, "needs one of median, p95 and deadline");
    if (median && p95 && p95 < median)
        return ld_schema_error(context, ld_node_get(node, "p95"), LD_ESPEC, "p95 is less than the median");
    if (deadline && (median > deadline || p95 > deadline))
        return ld_schema_error(context, ld_node_get(node, "deadline"), LD_ESPEC,
                               "the deadline is before the median or p95 asked for");
    expectation->time_given = true;
    return 0;
}

static const struct ld_field time_fields[] = {
    {.name = "median",
     .type = LD_FIELD_DURATION,
     .offset = EXPECT(median_ns),
     .minimum = 1e6,
     .maximum = 24.0 * 3600e9,
     .doc = "Kaplan-Meier median, at most."},
    {.name = "p95",
     .type = LD_FIELD_DURATION,
     .offset = EXPECT(p95_ns),
     .minimum = 1e6,
     .maximum = 24.0 * 3600e9,
     .doc = "95 % quantile, at most; judged from 59 runs up."},
    {.name = "deadline",
     .type = LD_FIELD_DURATION,
     .offset = EXPECT(deadline_ns),
     .minimum = 1e6,
     .maximum = 24.0 * 3600e9,
     .doc = "A detection after it is late. At least the detector's window plus one sampling period. Not given: the "
            "run's end."},
    {0},
};
static const struct ld_schema time_schema = {
    .name = "time_to_detect",
    .doc = "From the M-th unit to the first matching alert; divided by time_scale.",
    .fields = time_fields,
    .check = check_time};

static int bind_cause(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                      void *value)
{
    static const char *const choices[] = {"right", NULL};
    const struct ld_field choice = {.name = field->name, .type = LD_FIELD_CHOICE, .choices = choices};
    int chosen;
    int code = ld_field_bind(context, &choice, node, &chosen);
    if (!code)
        *(bool *)value = true;
    return code;
}

static int bind_site(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                     void *value)
{
    static const char *const choices[] = {"observable", "culprit", NULL};
    const struct ld_field choice = {.name = field->name, .type = LD_FIELD_CHOICE, .choices = choices};
    int chosen;
    int code = ld_field_bind(context, &choice, node, &chosen);
    if (!code && chosen == 1)
        code = ld_schema_error(context, node, LD_ENOTYET, "site: culprit is not implemented yet");
    if (!code)
        *(bool *)value = true;
    return code;
}

static int check_expectation(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_expectation *expectation = value;
    bool asks = expectation->detection.given || expectation->false_alarms_given || expectation->during_holds_given ||
                expectation->time_given || expectation->cause_right || expectation->site_observable;
    expectation->line = node->line;
    if (!expectation->detection.given)
        expectation->detection = (struct ld_rate_expectation){.observed = -1, .confident = -1, .at = 0.95};
    if (expectation->report_only && asks)
        return ld_schema_error(context, node, LD_ESPEC, "report_only asks for nothing else");
    if (expectation->detection.missed &&
        (expectation->median_ns || expectation->p95_ns || expectation->cause_right || expectation->site_observable))
        return ld_schema_error(context, node, LD_ESPEC,
                               "what is declared to be missed has no time, cause or site; only a deadline");
    if (!expectation->report_only && !asks)
        return ld_schema_error(context, node, LD_ESPEC, "asks for nothing: say what is expected, or report_only: true");
    return 0;
}

#define CASES_MAX 64

static const struct ld_field case_item = {
    .name = "case", .type = LD_FIELD_NAME, .doc = "A name of `faults`, or none: the case without a fault."};

static const struct ld_field expectation_fields[] = {
    {.name = "detector",
     .type = LD_FIELD_NAME,
     .offset = EXPECT(detector),
     .flags = LD_FIELD_REQUIRED,
     .doc = "A name of `detectors`, or of the calibration set."},
    {.name = "cases",
     .type = LD_FIELD_LIST,
     .offset = EXPECT(cases),
     .item = &case_item,
     .size = sizeof(char *),
     .count_max = CASES_MAX,
     .doc =
         "The fault cases in which this is asked; in the others it is shown and not judged. Not given: in every one, "
         "none among them. A deadline holds in all."},
    {.name = "report_only",
     .type = LD_FIELD_BOOL,
     .offset = EXPECT(report_only),
     .initial = "false",
     .doc = "true: shown on the board, judged by nobody."},
    {.name = "detection",
     .type = LD_FIELD_OBJECT,
     .offset = EXPECT(detection),
     .object = &detection_schema,
     .doc = "How many manifested leaks it must see."},
    {.name = "false_alarms",
     .type = LD_FIELD_OBJECT,
     .offset = 0,
     .object = &false_alarms_schema,
     .doc = "How often it may cry wolf."},
    {.name = "during_holds",
     .type = LD_FIELD_OBJECT,
     .offset = 0,
     .object = &during_holds_schema,
     .doc = "How often it may take for a leak what is held and let go in time."},
    {.name = "time_to_detect",
     .type = LD_FIELD_OBJECT,
     .offset = 0,
     .object = &time_schema,
     .doc = "From the M-th unit to the first matching alert."},
    {.name = "cause",
     .type = LD_FIELD_CUSTOM,
     .offset = EXPECT(cause_right),
     .custom = bind_cause,
     .doc = "right: every detection names a cause of the right class."},
    {.name = "site",
     .type = LD_FIELD_CUSTOM,
     .offset = EXPECT(site_observable),
     .custom = bind_site,
     .doc =
         "observable: every detection names a site at which a profile can show the leak; culprit: the line at fault."},
    {0},
};
const struct ld_schema ld_expectation_schema = {.name = "expectation",
                                                .doc = "What one detector must achieve in every cell.",
                                                .fields = expectation_fields,
                                                .check = check_expectation};
