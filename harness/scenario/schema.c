/* The top of the schema: every key of a scenario file. Parts with checks of their own have their own file. */
#include <string.h>

#include "base/text.h"
#include "scenario/draft.h"

int ld_unknown_name(struct ld_schema_context *context, const struct ld_node *node, const char *what, const char *text,
                    const char *const *names)
{
    const char *nearest = names ? ld_nearest(text, names) : NULL;
    if (nearest)
        return ld_schema_error(context, node, LD_ESPEC, "unknown %s \"%.60s\"; did you mean \"%s\"?", what, text,
                               nearest);
    return ld_schema_error(context, node, LD_ESPEC, "unknown %s \"%.60s\"", what, text);
}

/* ---- load */

#define LOAD(member) offsetof(struct ld_load_spec, member)
static const struct ld_field load_fields[] = {
    {.name = "path",
     .type = LD_FIELD_TEXT,
     .offset = LOAD(path),
     .initial = "/work",
     .doc = "What is asked of the target, GET."},
    {.name = "rate",
     .type = LD_FIELD_RATE,
     .offset = LOAD(per_second),
     .flags = LD_FIELD_REQUIRED,
     .minimum = 0.01,
     .maximum = 100000,
     .doc = "Requests, such as 40/s. Each run's seed varies it by up to 5 %."},
    {.name = "from",
     .type = LD_FIELD_DURATION,
     .offset = LOAD(from_ns),
     .maximum = 24.0 * 3600e9,
     .doc = "When the load begins, after the method began. Each run's seed delays the whole schedule by less than one "
            "sampling period."},
    {.name = "for",
     .type = LD_FIELD_DURATION,
     .offset = LOAD(for_ns),
     .flags = LD_FIELD_REQUIRED,
     .minimum = 1e6,
     .maximum = 24.0 * 3600e9,
     .doc = "How long it lasts."},
    {0},
};

static int check_load(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_load_spec *load = value;
    return ld_check_url_path(context, node, "path", load->path);
}

const struct ld_schema ld_load_schema = {
    .name = "load",
    .doc = "Requests to the target, open loop: a slow answer delays no later request. Without it there is none.",
    .fields = load_fields,
    .check = check_load};

/* ---- phases and sampling */

#define PHASE(member) offsetof(struct ld_phases_spec, member)
static const struct ld_field phases_fields[] = {
    {.name = "ready",
     .type = LD_FIELD_DURATION,
     .offset = PHASE(ready_ns),
     .minimum = 100e6,
     .maximum = 600e9,
     .initial = "10s",
     .doc = "At most this long until the target is ready. Not divided by time_scale."},
    {.name = "baseline",
     .type = LD_FIELD_DURATION,
     .offset = PHASE(baseline_ns),
     .maximum = 24.0 * 3600e9,
     .initial = "1s",
     .doc = "Quiet observation before the method."},
    {.name = "drain",
     .type = LD_FIELD_DURATION,
     .offset = PHASE(drain_ns),
     .maximum = 3600e9,
     .initial = "500ms",
     .doc = "After the method: requests under way may end."},
    {.name = "settle",
     .type = LD_FIELD_DURATION,
     .offset = PHASE(settle_ns),
     .maximum = 3600e9,
     .initial = "500ms",
     .doc = "After the drain, before the truth is looked at from outside."},
    {.name = "stop",
     .type = LD_FIELD_DURATION,
     .offset = PHASE(stop_ns),
     .minimum = 10e6,
     .maximum = 600e9,
     .initial = "2s",
     .doc = "At most this long from TERM to KILL. Not divided by time_scale."},
    {0},
};
static const struct ld_schema phases_schema = {
    .name = "phases", .doc = "What lies around the method of a run.", .fields = phases_fields};

/* Profiles that the sampler can read at its period; the others are known to the parsers alone. The leak profile is
 * never sampled: it forces a GC and erases ages, so it belongs to the detector that asks for it. */
static int bind_profiles(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                         void *value)
{
    bool *profiles = value;
    const char *names[LD_PROFILE_KINDS + 1] = {NULL};
    int code = 0;
    (void)field;
    if (node->kind != LD_NODE_SEQUENCE)
        return ld_schema_error(context, node, LD_ESPEC, "must be a list of profiles, such as [goroutine, heap]");
    memset(profiles, 0, LD_PROFILE_KINDS * sizeof *profiles);
    for (int kind = 0; kind < LD_PROFILE_KINDS; kind++)
        names[kind] = ld_profile_kind_name((enum ld_profile_kind)kind);
    for (size_t i = 0; i < node->count; i++) {
        const struct ld_node *item = node->items[i];
        size_t length = ld_schema_push_index(context, i);
        int kind = item->kind == LD_NODE_SCALAR ? ld_profile_kind_find(item->text) : -1, failed = 0;
        if (item->kind != LD_NODE_SCALAR)
            failed = ld_schema_error(context, item, LD_ESPEC, "must be the name of a profile");
        else if (kind < 0)
            failed = ld_unknown_name(context, item, "profile", item->text, names);
        else if (kind == LD_PROFILE_GOROUTINELEAK)
            failed = ld_schema_error(context, item, LD_ESPEC,
                                     "intrudes and is never sampled: use the detector goroutineleak");
        else if (kind != LD_PROFILE_GOROUTINE && kind != LD_PROFILE_HEAP)
            failed = ld_schema_error(context, item, LD_ENOTYET, "sampling %s is not implemented yet", item->text);
        else if (profiles[kind])
            failed = ld_schema_error(context, item, LD_ESPEC, "%s stands here twice", item->text);
        else
            profiles[kind] = true;
        ld_schema_pop(context, length);
        code = code ? code : failed;
    }
    return code;
}

static int check_sampling(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_sampling_spec *sampling = value;
    (void)context;
    if (!ld_node_get(node, "profiles"))
        sampling->profiles[LD_PROFILE_GOROUTINE] = true;
    return 0;
}

#define SAMPLING(member) offsetof(struct ld_sampling_spec, member)
static const struct ld_field sampling_fields[] = {
    {.name = "every",
     .type = LD_FIELD_DURATION,
     .offset = SAMPLING(every_ns),
     .minimum = 20e6,
     .maximum = 24.0 * 3600e9,
     .initial = "250ms",
     .doc = "The sampling period."},
    {.name = "profiles",
     .type = LD_FIELD_CUSTOM,
     .offset = SAMPLING(profiles),
     .custom = bind_profiles,
     .doc = "Read whatever the detectors need: goroutine, heap. Not given: [goroutine]."},
    {.name = "full_below",
     .type = LD_FIELD_INTEGER,
     .offset = SAMPLING(full_below),
     .minimum = 0,
     .maximum = 100000,
     .initial = "2000",
     .doc = "Dumps with a paragraph per goroutine (debug=2) stop the world: only below this many goroutines. 0: never, "
            "which "
            "is the default for an attached target."},
    {.name = "idle_periods",
     .type = LD_FIELD_INTEGER,
     .offset = SAMPLING(idle_periods),
     .minimum = 1,
     .maximum = 1000,
     .initial = "8",
     .doc = "A goroutine profile at least every so many periods, though the count stands still."},
    {.name = "timeout",
     .type = LD_FIELD_DURATION,
     .offset = SAMPLING(timeout_ns),
     .minimum = 10e6,
     .maximum = 30e9,
     .initial = "2s",
     .doc = "Of one read. Not divided by time_scale."},
    {0},
};
static const struct ld_schema sampling_schema = {.name = "sampling",
                                                 .doc = "What is read from the target, and how often.",
                                                 .fields = sampling_fields,
                                                 .check = check_sampling};

/* ---- repeat */

#define REPEAT(member) offsetof(struct ld_repeat_spec, member)
static const struct ld_field repeat_fields[] = {
    {.name = "runs",
     .type = LD_FIELD_INTEGER,
     .offset = REPEAT(runs),
     .minimum = 1,
     .maximum = 10000,
     .initial = "5",
     .doc = "Runs of each cell, each with its own seed."},
    {.name = "full",
     .type = LD_FIELD_INTEGER,
     .offset = REPEAT(full),
     .minimum = 1,
     .maximum = 10000,
     .doc =
         "Runs of each cell with --full. Not given: as many as claims at 95 % need (`leakdrill plan --full` says how "
         "many) where a detector is judged, else `runs`."},
    {.name = "sequential",
     .type = LD_FIELD_OPTIONAL_OBJECT,
     .offset = REPEAT(sequential),
     .object = &ld_sequential_schema,
     .size = sizeof(struct ld_sequential_spec),
     .doc = "Stop a cell as soon as its evidence decides: {miss: [5%, 20%], max: 60}. Cells in which nothing is "
            "decided so are run `runs` times."},
    {0},
};
static const struct ld_schema repeat_schema = {
    .name = "repeat", .doc = "How often each cell is run.", .fields = repeat_fields};

/* ---- the whole */

static const struct ld_field fault_item = {
    .name = "fault",
    .type = LD_FIELD_CUSTOM,
    .custom = ld_fault_item_bind,
    .doc = "A mapping with `at`, `for` where the fault has a duration, and one fault with its attributes."};
static const struct ld_field fault_case_item = {.name = "case",
                                                .type = LD_FIELD_LIST,
                                                .item = &fault_item,
                                                .size = sizeof(struct ld_fault_spec),
                                                .count_max = 32,
                                                .doc = "The faults of one case."};
static const struct ld_field detector_item = {
    .name = "detector",
    .type = LD_FIELD_CUSTOM,
    .custom = ld_detector_item_bind,
    .doc = "A detector's name, or {name: {option: value}}; the option `as` gives it another name."};
static const struct ld_field expectation_item = {.name = "expectation",
                                                 .type = LD_FIELD_OBJECT,
                                                 .object = &ld_expectation_schema,
                                                 .doc = "What one detector must achieve in every cell."};

static const char *const arms_modes[] = {"together", "apart", "each", NULL}; /* enum ld_arms_mode */

#define DRAFT(member) offsetof(struct ld_scenario_draft, member)
#define SCENARIO(member) offsetof(struct ld_scenario_draft, scenario.member)

static const struct ld_field scenario_fields[] = {
    {.name = "leakdrill",
     .type = LD_FIELD_INTEGER,
     .offset = DRAFT(version),
     .flags = LD_FIELD_REQUIRED,
     .minimum = 1,
     .maximum = 1,
     .doc = "The version of this format: 1."},
    {.name = "name",
     .type = LD_FIELD_NAME,
     .offset = SCENARIO(name),
     .flags = LD_FIELD_REQUIRED,
     .doc = "The scenario's name, without '/'; unique within a campaign."},
    {.name = "doc", .type = LD_FIELD_TEXT, .offset = SCENARIO(doc), .initial = "", .doc = "What it shows, for people."},
    {.name = "target",
     .type = LD_FIELD_OBJECT,
     .offset = SCENARIO(target),
     .flags = LD_FIELD_REQUIRED,
     .object = &ld_target_schema,
     .doc = "The program under observation."},
    {.name = "upstream",
     .type = LD_FIELD_NAME,
     .offset = SCENARIO(upstream),
     .doc = "A program that the target calls, such as http-echo; always reached through the fault proxy."},
    {.name = "load",
     .type = LD_FIELD_OBJECT,
     .offset = SCENARIO(load),
     .object = &ld_load_schema,
     .doc = "Requests to the target."},
    {.name = "time_scale",
     .type = LD_FIELD_NUMBER,
     .offset = SCENARIO(time_scale),
     .minimum = 1,
     .maximum = 1000,
     .initial = "1",
     .doc =
         "20: the run goes 20 times faster than written, so that what takes production minutes takes seconds. Divided "
         "by it are load times, faults' at, for and restart_after, sampling.every, the phases baseline, drain and "
         "settle, deadlines, the windows of detectors and rules, and the fixtures' own clocks; rates are multiplied. "
         "Not scaled is what bounds the work of real processes and sockets: the phases ready and stop, limits.wall, "
         "sampling.timeout, and what a toxic does to bytes, such as its latency. Counts and sizes stay as they are. "
         "Reports show real times. It cannot scale Go's own clocks, and detectors that depend on them are refused."},
    {.name = "phases",
     .type = LD_FIELD_OBJECT,
     .offset = SCENARIO(phases),
     .object = &phases_schema,
     .doc = "What lies around the method."},
    {.name = "sampling",
     .type = LD_FIELD_OBJECT,
     .offset = SCENARIO(sampling),
     .object = &sampling_schema,
     .doc = "What is read, how often."},
    {.name = "manifest",
     .type = LD_FIELD_INTEGER,
     .offset = SCENARIO(manifest),
     .minimum = 1,
     .maximum = 1e6,
     .initial = "5",
     .doc = "M: a leak counts as manifested with this many units outstanding; before, nobody is asked to see it."},
    {.name = "steady",
     .type = LD_FIELD_OPTIONAL_OBJECT,
     .offset = DRAFT(steady),
     .object = &ld_steady_schema,
     .size = sizeof(struct ld_steady),
     .doc = "The gate before the method: what must stand still first. Its bounds measure recoveries, too."},
    {.name = "abort",
     .type = LD_FIELD_CUSTOM,
     .offset = DRAFT(aborts),
     .custom = ld_aborts_bind,
     .object = &ld_abort_schema,
     .doc = "{when: CONDITION}, or a list of them: once it holds, the run ends there. All faults are undone; a kill "
            "strikes no more, and what is down stays down. What came before still counts."},
    {.name = "faults",
     .type = LD_FIELD_MAP,
     .offset = DRAFT(faults),
     .item = &fault_case_item,
     .size = sizeof(struct ld_list),
     .count_max = 100,
     .doc = "The fault axis: named cases, each a list of faults. The case `none` is always there."},
    {.name = "detectors",
     .type = LD_FIELD_LIST,
     .offset = DRAFT(detectors),
     .item = &detector_item,
     .size = sizeof(struct ld_detector_spec),
     .count_max = 32,
     .doc = "Who watches. The calibration set always does and is not listed."},
    {.name = "arms",
     .type = LD_FIELD_CHOICE,
     .offset = SCENARIO(arms),
     .choices = arms_modes,
     .initial = "together",
     .doc =
         "How detectors share runs. At most one active detector, which changes the target, watches a run. together: "
         "all watch every run; with two or more active ones it is as apart. apart: one arm with those that change "
         "nothing, called passive, and one for each active detector. each: an arm for every detector, and one called "
         "bare that none watches: what a detector costs is the difference (`leakdrill cost`). Where there is more than "
         "one arm, every cell exists once for each, with /arm=NAME in its name, and reads what its own detectors need; "
         "runs of one repetition share their seed over the arms."},
    {.name = "repeat",
     .type = LD_FIELD_OBJECT,
     .offset = SCENARIO(repeat),
     .object = &repeat_schema,
     .doc = "How often each cell is run."},
    {.name = "expect",
     .type = LD_FIELD_LIST,
     .offset = DRAFT(expectations),
     .item = &expectation_item,
     .size = sizeof(struct ld_expectation),
     .count_max = 100,
     .doc = "What must come out for exit code 0."},
    {0},
};

const struct ld_schema ld_scenario_schema = {.name = "scenario",
                                             .doc = "One YAML document. Durations, sizes and rates carry their unit.",
                                             .fields = scenario_fields};
