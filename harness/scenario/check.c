/* The checks that look across the parts of a scenario. Each goes on after the others' errors, so that one pass tells
 * all; they run only on a draft whose every part was bound. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "detect/exec.h"
#include "scenario/arm.h"
#include "scenario/draft.h"
#include "scenario/endpoints.h"

struct check {
    struct ld_schema_context *context;
    const struct ld_scenario_draft *draft;
    const struct ld_scenario *scenario;
    const struct ld_catalogue *catalogue; /* NULL: every name is taken */
    int code;                             /* of the first error */
};

static void keep(struct check *check, int code)
{
    if (!check->code)
        check->code = code;
}

/* Report `text` at one key of `node` (at the node itself where the key is not written). */
static void complain(struct check *check, const struct ld_node *node, const char *key, const char *text)
{
    const struct ld_node *child = ld_node_get(node, key);
    size_t length = ld_schema_push(check->context, key);
    keep(check, ld_schema_error(check->context, child ? child : node, LD_ESPEC, "%s", text));
    ld_schema_pop(check->context, length);
}

static const struct ld_node *part(const struct check *check, const char *key)
{
    const struct ld_node *node = ld_node_get(check->draft->root, key);
    return node ? node : check->draft->root;
}

/* ---- names */

static bool listed(const char *const *names, const char *name)
{
    for (size_t i = 0; names && names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* A calm program is healthy and nothing else: without `variants` both would be planned. */
static void check_fixture_variants(struct check *check)
{
    const struct ld_target_spec *target = &check->scenario->target;
    const struct ld_node *node = part(check, "target"), *given = ld_node_get(node, "variants");
    if (target->kind != LD_TARGET_FIXTURE || !check->catalogue->has_variant)
        return;
    for (int i = 0; i < LD_VARIANTS; i++) {
        enum ld_variant variant = (enum ld_variant)i;
        if (!target->variants[i] || check->catalogue->has_variant(check->catalogue->context, target->fixture, variant))
            continue;
        size_t length = ld_schema_push(check->context, "target.variants");
        const char *other = ld_variant_name(variant == LD_VARIANT_LEAKY ? LD_VARIANT_HEALTHY : LD_VARIANT_LEAKY);
        keep(check, ld_schema_error(check->context, given ? given : ld_node_get(node, "fixture"), LD_ESPEC,
                                    "the fixture %.80s has no %s variant: write variants: [%s]", target->fixture,
                                    ld_variant_name(variant), other));
        ld_schema_pop(check->context, length);
    }
}

static void check_catalogue(struct check *check)
{
    const struct ld_catalogue *catalogue = check->catalogue;
    const struct ld_scenario *scenario = check->scenario;
    if (!catalogue)
        return;
    const char *fixture = scenario->target.kind == LD_TARGET_FIXTURE ? scenario->target.fixture : NULL;
    if (fixture && !(catalogue->has_fixture ? catalogue->has_fixture(catalogue->context, fixture)
                                            : listed(catalogue->fixtures, fixture))) {
        size_t length = ld_schema_push(check->context, "target.fixture");
        keep(check, ld_unknown_name(check->context, ld_node_get(part(check, "target"), "fixture"), "fixture", fixture,
                                    catalogue->fixtures));
        ld_schema_pop(check->context, length);
    }
    check_fixture_variants(check);
    const char *upstream = scenario->upstream;
    if (*upstream && !(catalogue->has_upstream ? catalogue->has_upstream(catalogue->context, upstream)
                                               : listed(catalogue->upstreams, upstream))) {
        size_t length = ld_schema_push(check->context, "upstream");
        keep(check,
             ld_unknown_name(check->context, part(check, "upstream"), "upstream", upstream, catalogue->upstreams));
        ld_schema_pop(check->context, length);
    }
}

static void check_names(struct check *check)
{
    if (strchr(check->scenario->name, '/'))
        complain(check, check->draft->root, "name",
                 "a scenario's name has no '/': it is the first part of its cells' names");
}

/* ---- target, upstream and load */

static void check_upstream(struct check *check)
{
    const struct ld_target_spec *target = &check->scenario->target;
    const char *const *words = target->command.items;
    bool given = *check->scenario->upstream != '\0';
    if (given && target->kind == LD_TARGET_ATTACH)
        complain(check, check->draft->root, "upstream", "an attached target cannot be told the address of an upstream");
    for (size_t i = 0; i < target->command.count && !given; i++) {
        if (!strstr(words[i], "{upstream}"))
            continue;
        const struct ld_node *node = part(check, "target");
        bool built = target->kind == LD_TARGET_INSTRUMENT;
        size_t length = ld_schema_push(check->context, built ? "target.instrument" : "target");
        complain(check, built ? ld_node_get(node, "instrument") : node, built ? "arguments" : "command",
                 "{upstream} stands in the command, but the scenario has no upstream");
        ld_schema_pop(check->context, length);
        return;
    }
}

static void check_declared(struct check *check)
{
    const struct ld_scenario *scenario = check->scenario;
    const struct ld_declared_truth *declared = scenario->target.declared;
    if (!declared || declared->healthy || declared->amount >= scenario->manifest)
        return;
    size_t length = ld_schema_push(check->context, "target.declared");
    complain(check, ld_node_get(part(check, "target"), "declared"), "amount",
             "is less than `manifest`: the leak would never count");
    ld_schema_pop(check->context, length);
}

static void check_period(struct check *check)
{
    const struct ld_scenario *scenario = check->scenario;
    if (ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns) >= LD_SCENARIO_PERIOD_MIN_NS)
        return;
    const struct ld_node *written = ld_node_get(ld_node_get(check->draft->root, "sampling"), "every"),
                         *time_scale = ld_node_get(check->draft->root, "time_scale");
    int64_t every_ns = scenario->sampling.every_ns;
    int64_t least_ns = (int64_t)((double)LD_SCENARIO_PERIOD_MIN_NS / 1000 * (scenario->time_scale * 1000) + 0.5);
    char every[32], scaled[32], least[32];
    size_t length = ld_schema_push(check->context, "time_scale");
    keep(check, ld_schema_error(
                    check->context, time_scale ? time_scale : check->draft->root, LD_ESPEC,
                    "sampling.every (%s%s) divided by time_scale (%g) is %s, less than 20ms: write sampling.every, at "
                    "least %s, or a smaller time_scale",
                    ld_format_duration(every_ns, every, sizeof every), written ? "" : ", the default",
                    scenario->time_scale,
                    ld_format_duration_short(ld_scenario_scaled_ns(scenario, every_ns), scaled, sizeof scaled),
                    ld_format_duration(least_ns, least, sizeof least)));
    ld_schema_pop(check->context, length);
}

/* ---- faults */

/* It must act for longer than it waits before it does anything. */
static void check_fault_lasts(struct check *check, const struct ld_fault_spec *fault, const struct ld_node *item)
{
    const struct ld_scenario *scenario = check->scenario;
    int64_t needs_ns = ld_fault_needs_ns(fault), lasts_ns = fault->for_ns;
    if (lasts_ns < 0)
        lasts_ns = scenario->load.from_ns + scenario->load.for_ns - fault->at_ns;
    if (needs_ns == 0 || ld_scenario_scaled_ns(scenario, lasts_ns) > needs_ns)
        return;
    complain(check, item, ld_fault_table[fault->type].name,
             "the fault ends before the time it waits: it would do nothing");
}

static void check_fault(struct check *check, const struct ld_fault_spec *fault, const struct ld_node *item)
{
    const struct ld_scenario *scenario = check->scenario;
    const struct ld_fault_info *info = &ld_fault_table[fault->type];
    bool attached = scenario->target.kind == LD_TARGET_ATTACH, upstream = *scenario->upstream != '\0';
    if (info->scope == LD_SCOPE_PROXY && !upstream)
        complain(check, item, info->name, "acts between target and upstream, but the scenario has no upstream");
    check_fault_lasts(check, fault, item);
    if (attached && info->scope == LD_SCOPE_PROCESS)
        complain(check, item, info->name, "an attached target is never killed");
    if (attached && info->scope == LD_SCOPE_RESOURCE)
        complain(check, item, info->name, "an attached target is never limited");
    bool has_victims = info->scope == LD_SCOPE_PROCESS || info->scope == LD_SCOPE_RESOURCE;
    if (has_victims && fault->attributes.victims.who == LD_WHO_UPSTREAM && !upstream && !attached)
        complain(check, item, info->name, "who: upstream, but the scenario has no upstream");
    if (has_victims && fault->attributes.victims.instance >= scenario->target.instances)
        complain(check, item, info->name, "there is no such instance: they count from 0 to target.instances - 1");
    if (fault->at_ns + ld_fault_lasts_ns(fault) > LD_SCENARIO_METHOD_MAX_NS)
        complain(check, item, fault->for_ns > 0 ? "for" : info->name,
                 "the fault would end later than 24h after the method began");
    if (fault->when)
        return; /* its end is the method's */
    bool until_the_end = fault->for_ns < 0 && !ld_fault_is_instant(fault->type);
    if (until_the_end && fault->at_ns >= scenario->load.from_ns + scenario->load.for_ns)
        complain(check, item, "for", "is needed here: no load follows that would end it");
}

/* Do both act at some instant, by the schedule? One that a condition starts is not known beforehand. */
static bool overlap(const struct ld_fault_spec *fault, const struct ld_fault_spec *other)
{
    int64_t ends_ns = fault->for_ns < 0 ? INT64_MAX : fault->at_ns + fault->for_ns;
    int64_t other_ends_ns = other->for_ns < 0 ? INT64_MAX : other->at_ns + other->for_ns;
    return !fault->when && !other->when && fault->at_ns < other_ends_ns && other->at_ns < ends_ns;
}

/* A fault beside those of its case that stand before it. */
static void check_beside(struct check *check, const struct ld_fault_case *fault_case, size_t index,
                         const struct ld_node *item)
{
    const struct ld_fault_spec *fault = &fault_case->faults[index];
    const char *name = ld_fault_table[fault->type].name;
    for (size_t i = 0; i < index; i++) {
        const struct ld_fault_spec *other = &fault_case->faults[i];
        char text[200];
        if (fault->type != other->type)
            continue;
        if (fault->type == LD_FAULT_DISK && fault->attributes.disk.size_bytes != other->attributes.disk.size_bytes) {
            complain(check, item, name, "all disk faults of a case have one size: each instance has one such folder");
            return;
        }
        if (!ld_fault_excludes(fault, other) || !overlap(fault, other))
            continue;
        snprintf(text, sizeof text,
                 "overlaps with [%zu] of this case: of one kind only one acts at a time on the same %s, and the end of "
                 "one would end both",
                 i, ld_fault_table[fault->type].scope == LD_SCOPE_REACTION ? "service" : "process");
        complain(check, item, name, text);
        return;
    }
}

static void check_fault_case(struct check *check, const struct ld_fault_case *fault_case, const struct ld_node *name,
                             const struct ld_node *items)
{
    if (strcmp(fault_case->name, "none") == 0)
        keep(check, ld_schema_error(check->context, name, LD_ESPEC, "the case none is always there and has no faults"));
    else if (strchr(fault_case->name, '/'))
        keep(check, ld_schema_error(check->context, name, LD_ESPEC,
                                    "a case's name has no '/': it is a part of its cells' names"));
    else if (fault_case->fault_count == 0)
        keep(check, ld_schema_error(check->context, name, LD_ESPEC, "has no faults; the case none is always there"));
    for (size_t i = 0; i < fault_case->fault_count; i++) {
        size_t length = ld_schema_push_index(check->context, i);
        check_fault(check, &fault_case->faults[i], items->items[i]);
        check_beside(check, fault_case, i, items->items[i]);
        ld_schema_pop(check->context, length);
    }
}

static void check_faults(struct check *check)
{
    const struct ld_node *faults = part(check, "faults");
    for (size_t i = 1; i < check->scenario->fault_case_count; i++) {
        size_t outer = ld_schema_push(check->context, "faults");
        ld_schema_push(check->context, check->scenario->fault_cases[i].name);
        check_fault_case(check, &check->scenario->fault_cases[i], faults->keys[i - 1], faults->items[i - 1]);
        ld_schema_pop(check->context, outer);
    }
}

/* What was observed is over: nothing can be done to it, and it is there once. */
static void check_imported(struct check *check)
{
    static const char *const doings[] = {"upstream", "load", "faults", "steady", "abort", "phases"};
    const struct ld_scenario *scenario = check->scenario;
    if (scenario->target.kind != LD_TARGET_IMPORTED)
        return;
    for (size_t i = 0; i < sizeof doings / sizeof *doings; i++)
        if (ld_node_get(check->draft->root, doings[i]))
            complain(check, check->draft->root, doings[i], "is for what runs, and nothing does: it is imported");
    if (scenario->repeat.runs != 1)
        complain(check, check->draft->root, "repeat", "what is imported is one run: write repeat: {runs: 1}");
}

/* With its waits at their longest a run must end before it is killed. */
static void check_wall(struct check *check)
{
    const struct ld_scenario *scenario = check->scenario;
    const struct ld_phases_spec *phases = &scenario->phases;
    if (scenario->target.kind == LD_TARGET_IMPORTED)
        return;
    for (size_t i = 0; i < scenario->fault_case_count; i++) {
        const struct ld_fault_case *fault_case = &scenario->fault_cases[i];
        int64_t waits_ns = scenario->steady ? scenario->steady->at_most_ns : 0;
        for (size_t k = 0; k < fault_case->fault_count; k++)
            if (fault_case->faults[k].when && ld_fault_is_instant(fault_case->faults[k].type) &&
                fault_case->faults[k].attributes.kill.restart_after_ns > 0)
                waits_ns += fault_case->faults[k].attributes.kill.restart_after_ns; /* it struck at the method's end */
        int64_t scheduled = phases->baseline_ns + scenario->sampling.every_ns + waits_ns +
                            ld_scenario_method_ns(scenario, fault_case) + phases->drain_ns + phases->settle_ns;
        int64_t total = phases->ready_ns + ld_scenario_scaled_ns(scenario, scheduled) + phases->stop_ns;
        if (total <= scenario->target.limits.wall_ns)
            continue;
        char total_text[32], wall_text[32];
        size_t length = ld_schema_push(check->context, "target.limits.wall");
        const struct ld_node *limits = ld_node_get(part(check, "target"), "limits"),
                             *wall = ld_node_get(limits, "wall");
        keep(check, ld_schema_error(check->context, wall ? wall : part(check, "target"), LD_ESPEC,
                                    "a run of the case %s may take %s with all its phases, more than %s",
                                    fault_case->name, ld_format_duration(total, total_text, sizeof total_text),
                                    ld_format_duration(scenario->target.limits.wall_ns, wall_text, sizeof wall_text)));
        ld_schema_pop(check->context, length);
        return;
    }
}

/* ---- detectors */

static const struct ld_detector_kind *calibration_kind(const char *name)
{
    const struct ld_detector_kind *kind = ld_detector_find(name);
    return kind && kind->calibration ? kind : NULL;
}

static void check_clock(struct check *check, const struct ld_detector_spec *detector, const struct ld_node *item)
{
    const struct ld_detector_kind *kind = detector->kind;
    if (!kind->external_clock || check->scenario->time_scale == 1 ||
        (kind->unscaled && kind->unscaled(detector->options)))
        return;
    keep(check, ld_schema_error(check->context, item, LD_ESPEC, "%s depends on clocks that time_scale cannot scale%s",
                                kind->name,
                                kind->unscaled ? ": say unscaled: true when its times are meant as they stand" : ""));
}

static void check_detector(struct check *check, size_t index, const struct ld_node *item)
{
    const struct ld_detector_spec *detectors = check->scenario->detectors, *detector = &detectors[index];
    struct ld_schema_context *context = check->context;
    for (size_t i = 0; i < index; i++)
        if (strcmp(detectors[i].name, detector->name) == 0) {
            keep(check, ld_schema_error(context, item, LD_ESPEC,
                                        "a second detector named %s: give it another name with `as`", detector->name));
            break;
        }
    if (calibration_kind(detector->name))
        keep(check,
             ld_schema_error(context, item, LD_ESPEC, "the name %s belongs to the calibration set", detector->name));
    check_clock(check, detector, item);
    bool several = ld_scenario_arm_count(check->scenario) > 1;
    if (several && (strcmp(detector->name, LD_ARM_BARE) == 0 || strcmp(detector->name, LD_ARM_PASSIVE) == 0))
        keep(check, ld_schema_error(context, item, LD_ESPEC, "an arm is named %s: give the detector another name",
                                    detector->name));
}

/* Its path is read once more only when the read before it had time to end. */
static void check_endpoint(struct check *check, size_t index, const struct ld_node *item)
{
    const struct ld_scenario *scenario = check->scenario;
    const struct ld_detector_spec *detector = &scenario->detectors[index];
    struct ld_endpoint endpoint, all[LD_ENDPOINTS_MAX];
    size_t count;
    int64_t period_ns = ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns), hold_ns = 0;
    if (!ld_detector_endpoint_of(detector->kind, detector->options, scenario->time_scale, period_ns, &endpoint))
        return;
    if (ld_scenario_endpoints(scenario, NULL, all, &count) != 0)
        keep(check, ld_schema_error(check->context, item, LD_ESPEC, "more than %d paths are read in a run",
                                    LD_ENDPOINTS_MAX));
    for (size_t i = 0; i < count; i++)
        hold_ns += all[i].hold_ns; /* they wait for each other */
    if (hold_ns >= endpoint.every * period_ns)
        keep(check, ld_schema_error(check->context, item, LD_ESPEC,
                                    "%s: the endpoints take %.2f s by design, and the next read comes %lld periods of "
                                    "%.3f s later (real time): raise `every`",
                                    detector->name, (double)hold_ns / 1e9, (long long)endpoint.every,
                                    (double)period_ns / 1e9));
}

/* The program and its files are there: said before anything starts, and where it is written. */
static void check_command(struct check *check, const struct ld_detector_spec *detector, const struct ld_node *item)
{
    if (detector->kind->type != LD_DETECTOR_EXEC || !check->catalogue || !check->catalogue->check_word)
        return;
    const struct ld_exec_options *options = detector->options;
    const struct ld_node *words = ld_node_get(item->items[0], "command");
    size_t outer = ld_schema_push(check->context, "exec");
    size_t inner = ld_schema_push(check->context, "command");
    for (size_t i = 0; i < options->command.count; i++) {
        struct ld_error error;
        const char *word = ((const char *const *)options->command.items)[i];
        if (check->catalogue->check_word(check->context->file, word, i, &error) == 0)
            continue;
        size_t length = ld_schema_push_index(check->context, i);
        keep(check, ld_schema_error(check->context, words->items[i], LD_ESPEC, "%s", error.message));
        ld_schema_pop(check->context, length);
    }
    ld_schema_pop(check->context, inner);
    ld_schema_pop(check->context, outer);
}

/* It needs the source of what runs: a fixture's, or that of a local package. */
static void check_source(struct check *check, const struct ld_detector_spec *detector, const struct ld_node *item)
{
    const struct ld_target_spec *target = &check->scenario->target;
    const struct ld_instrument_spec *instrument = target->instrument;
    bool local = instrument && !*instrument->module && strncmp(instrument->package, "{goroot}", 8) != 0;
    if (detector->kind->type != LD_DETECTOR_STATIC || target->kind == LD_TARGET_FIXTURE ||
        (target->kind == LD_TARGET_INSTRUMENT && local))
        return;
    keep(check, ld_schema_error(check->context, item, LD_ESPEC, "%s reads source, and %s", detector->name,
                                target->kind == LD_TARGET_INSTRUMENT
                                    ? "a published module or Go's own folder is nobody's to change"
                                    : "that of the target is not known: it needs a fixture, or instrument with a "
                                      "package on this machine"));
}

static struct ld_detector_setting detector_setting(const struct check *check, const struct ld_detector_spec *detector)
{
    const struct ld_scenario *scenario = check->scenario;
    const char *data_folder = check->catalogue && check->catalogue->data_folder ? check->catalogue->data_folder : "";
    return (struct ld_detector_setting){.name = detector->name,
                                        .options = detector->options,
                                        .time_scale = 1,
                                        .period_ns = scenario->sampling.every_ns,
                                        .manifest = scenario->manifest,
                                        .data_folder = data_folder,
                                        .scenario_file = check->context->file,
                                        .files = check->catalogue ? check->catalogue->files : NULL};
}

static void report(struct check *check, const struct ld_node *item, int code, const struct ld_error *error)
{
    char place[1024];
    keep(check, ld_schema_error(check->context, item, code == LD_ENOMEM ? LD_ENOMEM : LD_ESPEC, "%s",
                                ld_error_format(error, place, sizeof place)));
}

/* What its files are from here on. False: one cannot be read, which is reported. */
static bool reads_files(struct check *check, const struct ld_detector_spec *detector, const struct ld_node *item)
{
    struct ld_error error = {0};
    if (!check->catalogue || !check->catalogue->files || !check->catalogue->opens_detectors)
        return true;
    const struct ld_detector_setting setting = detector_setting(check, detector);
    int code = ld_detector_read_files(detector->kind, &setting, check->catalogue->files, &error);
    if (code)
        report(check, item, code, &error);
    return code == 0;
}

/* What its options name is there and good: a rule file is a part of the scenario that stands elsewhere. */
static void check_opens(struct check *check, const struct ld_detector_spec *detector, const struct ld_node *item)
{
    if (detector->kind->type != LD_DETECTOR_BUILTIN || !detector->kind->open || !check->catalogue ||
        !check->catalogue->opens_detectors)
        return;
    const struct ld_detector_setting setting = detector_setting(check, detector);
    struct ld_detector *opened;
    struct ld_error error = {0};
    int code = ld_detector_open(&opened, detector->kind, &setting, &error);
    if (code == 0)
        ld_detector_free(opened);
    else
        report(check, item, code, &error);
}

/* A rhythm that is written and faster than the sampling is not kept: a measurement is a read. */
static void check_interval(struct check *check, const struct ld_detector_spec *detector, const struct ld_node *item)
{
    const struct ld_node *options = item->kind == LD_NODE_MAPPING ? item->items[0] : NULL;
    char interval[32], every[32];
    if (!detector->kind->interval_ns || !check->catalogue || !check->catalogue->opens_detectors || !options ||
        !ld_node_get(options, "interval"))
        return;
    const struct ld_detector_setting setting = detector_setting(check, detector);
    int64_t interval_ns = detector->kind->interval_ns(&setting);
    size_t outer = ld_schema_push(check->context, detector->kind->name);
    size_t inner = ld_schema_push(check->context, "interval");
    if (interval_ns < setting.period_ns)
        keep(check, ld_schema_error(check->context, ld_node_get(options, "interval"), LD_ESPEC,
                                    "%s cannot measure every %s: a sample comes every %s (sampling.every)",
                                    detector->name, ld_format_duration(interval_ns, interval, sizeof interval),
                                    ld_format_duration(setting.period_ns, every, sizeof every)));
    ld_schema_pop(check->context, inner);
    ld_schema_pop(check->context, outer);
}

/* What the runner hosts for it can be had from what its options name: a rule file is a part of the scenario, too. */
static void check_hosted(struct check *check, const struct ld_detector_spec *detector, const struct ld_node *item)
{
    struct ld_error error = {0};
    if (!check->catalogue || !check->catalogue->check_hosted)
        return;
    int code = check->catalogue->check_hosted(check->context->file, check->scenario, detector, &error);
    if (code)
        report(check, item, code, &error);
}

static void check_detectors(struct check *check)
{
    const struct ld_node *items = part(check, "detectors");
    size_t outer = ld_schema_push(check->context, "detectors");
    for (size_t i = 0; i < check->scenario->detector_count; i++) {
        size_t length = ld_schema_push_index(check->context, i);
        check_detector(check, i, items->items[i]);
        check_command(check, &check->scenario->detectors[i], items->items[i]);
        check_endpoint(check, i, items->items[i]);
        check_source(check, &check->scenario->detectors[i], items->items[i]);
        check_interval(check, &check->scenario->detectors[i], items->items[i]);
        if (reads_files(check, &check->scenario->detectors[i], items->items[i])) {
            check_opens(check, &check->scenario->detectors[i], items->items[i]);
            check_hosted(check, &check->scenario->detectors[i], items->items[i]);
        }
        ld_schema_pop(check->context, length);
    }
    ld_schema_pop(check->context, outer);
}

/* ---- expectations */

#define DETECTORS_MAX 64

static const struct ld_detector_spec *find_detector(const struct ld_scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->detector_count; i++)
        if (strcmp(scenario->detectors[i].name, name) == 0)
            return &scenario->detectors[i];
    return NULL;
}

static void unknown_detector(struct check *check, const struct ld_node *item, const char *name)
{
    const char *names[DETECTORS_MAX + 1] = {NULL};
    size_t count = 0, kind_count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&kind_count);
    for (size_t i = 0; i < check->scenario->detector_count && count < DETECTORS_MAX; i++)
        names[count++] = check->scenario->detectors[i].name;
    for (size_t i = 0; i < kind_count && count < DETECTORS_MAX; i++)
        if (kinds[i]->calibration)
            names[count++] = kinds[i]->name;
    const char *nearest = ld_nearest(name, names);
    size_t length = ld_schema_push(check->context, "detector");
    keep(check, ld_schema_error(check->context, ld_node_get(item, "detector"), LD_ESPEC,
                                "\"%.60s\" is not among the detectors of this scenario%s%s%s", name,
                                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : ""));
    ld_schema_pop(check->context, length);
}

/* Before its window and one sampling period have passed, a detector cannot have spoken. */
static void check_deadline(struct check *check, const struct ld_expectation *expectation,
                           const struct ld_detector_spec *detector, const struct ld_node *item)
{
    const struct ld_scenario *scenario = check->scenario;
    if (!expectation->deadline_ns || !detector || !detector->kind->window_ns)
        return;
    const struct ld_detector_setting setting = detector_setting(check, detector);
    int64_t least = detector->kind->window_ns(&setting) + scenario->sampling.every_ns;
    if (expectation->deadline_ns >= least)
        return;
    char text[32];
    size_t length = ld_schema_push(check->context, "time_to_detect.deadline");
    keep(check, ld_schema_error(check->context, ld_node_get(ld_node_get(item, "time_to_detect"), "deadline"), LD_ESPEC,
                                "%s cannot speak before its window and one sampling period, %s", detector->name,
                                ld_format_duration(least, text, sizeof text)));
    ld_schema_pop(check->context, length);
}

/* What was there before the run has no time, and its runs are one result told again: no number of them is confidence.
 */
static void check_timeless(struct check *check, const struct ld_expectation *expectation,
                           const struct ld_detector_spec *detector, const struct ld_node *item)
{
    if (!detector || detector->kind->type != LD_DETECTOR_STATIC)
        return;
    if (expectation->time_given)
        complain(check, item, "time_to_detect", "a static detector has no time to detect: it read the source before");
    if (expectation->detection.given && expectation->detection.confident >= 0)
        complain(
            check, item, "detection",
            "all runs of a static detector are one result, so that no number of them makes it confident: observed");
    for (int variant = 0; variant < LD_VARIANTS; variant++)
        if (check->scenario->target.variants[variant] &&
            ld_scenario_sequential_test(check->scenario, (enum ld_variant)variant, expectation, NULL))
            complain(check, item, variant == LD_VARIANT_LEAKY ? "detection" : "false_alarms",
                     "all runs of a static detector are one result: repeat.sequential would take them for many");
}

static const char *needs_leak(const struct ld_expectation *expectation)
{
    return expectation->detection.given   ? "detection"
           : expectation->time_given      ? "time_to_detect"
           : expectation->cause_right     ? "cause"
           : expectation->site_observable ? "site"
                                          : NULL;
}

static void check_truth(struct check *check, const struct ld_expectation *expectation, const struct ld_node *item)
{
    const struct ld_target_spec *target = &check->scenario->target;
    const char *key = needs_leak(expectation);
    if (target->truth == LD_TRUTH_NONE && !key)
        key = expectation->false_alarms_given   ? "false_alarms"
              : expectation->during_holds_given ? "during_holds"
                                                : NULL;
    if (target->truth == LD_TRUTH_NONE && key)
        complain(check, item, key,
                 "nobody says what leaks (truth: none), so nothing can be expected");
    else if (key && !target->variants[LD_VARIANT_LEAKY])
        complain(check, item, key, "there is no leaky variant to detect");
    else if (expectation->site_observable && target->declared && target->declared->seen_at.count == 0)
        complain(check, item, "site", "target.declared names no seen_at to compare with");
}

static bool has_case(const struct ld_scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->fault_case_count; i++)
        if (strcmp(scenario->fault_cases[i].name, name) == 0)
            return true;
    return false;
}

static void check_cases(struct check *check, const struct ld_expectation *expectation, const struct ld_node *item)
{
    const char *const *cases = expectation->cases.items;
    for (size_t i = 0; i < expectation->cases.count; i++) {
        char text[160];
        snprintf(text, sizeof text, "\"%.60s\" is no case of `faults`, nor none", cases[i]);
        if (!has_case(check->scenario, cases[i]))
            complain(check, item, "cases", text);
    }
}

static void check_expectation(struct check *check, size_t index, const struct ld_node *item)
{
    const struct ld_scenario *scenario = check->scenario;
    const struct ld_expectation *expectation = &scenario->expectations[index];
    const struct ld_detector_spec *detector = find_detector(scenario, expectation->detector);
    if (!detector && !calibration_kind(expectation->detector))
        unknown_detector(check, item, expectation->detector);
    for (size_t i = 0; i < index; i++)
        if (strcmp(scenario->expectations[i].detector, expectation->detector) == 0) {
            complain(check, item, "detector", "has an expectation already");
            break;
        }
    check_cases(check, expectation, item);
    check_truth(check, expectation, item);
    check_deadline(check, expectation, detector, item);
    check_timeless(check, expectation, detector, item);
}

static void check_expectations(struct check *check)
{
    const struct ld_node *items = part(check, "expect");
    size_t outer = ld_schema_push(check->context, "expect");
    for (size_t i = 0; i < check->scenario->expectation_count; i++) {
        size_t length = ld_schema_push_index(check->context, i);
        check_expectation(check, i, items->items[i]);
        ld_schema_pop(check->context, length);
    }
    ld_schema_pop(check->context, outer);
}

int ld_scenario_check(struct ld_schema_context *context, struct ld_scenario_draft *draft,
                      const struct ld_catalogue *catalogue)
{
    struct check check = {.context = context, .draft = draft, .scenario = &draft->scenario, .catalogue = catalogue};
    check_names(&check);
    check_catalogue(&check);
    check_upstream(&check);
    check_declared(&check);
    check_period(&check);
    check_faults(&check);
    keep(&check, ld_toxics_check(context, draft));
    keep(&check, ld_conditions_check(context, draft));
    check_imported(&check);
    check_wall(&check);
    check_detectors(&check);
    check_expectations(&check);
    keep(&check, ld_sequential_check(context, draft));
    return check.code;
}
