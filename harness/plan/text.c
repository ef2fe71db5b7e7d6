/* The plan for people: what would run, how long it would take, and whether that can prove what is expected. */
#include "plan/plan.h"

#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"
#include "scenario/arm.h"
#include "scenario/claim.h"

#define RUNS_MAX INT64_C(100000000)
#define DURATION_SIZE 32
#define ATTRIBUTES_MAX ((size_t)4096)

int64_t ld_plan_runs_needed(double share, double confidence)
{
    double miss = (1 - confidence) * (1 + 1e-12); /* so that rounding does not ask for one more */
    double all_seen = share;
    for (int64_t runs = 1; runs <= RUNS_MAX; runs++, all_seen *= share)
        if (all_seen <= miss)
            return runs;
    return INT64_MAX;
}

/* ---- times */

static const char *duration(int64_t ns, char buffer[DURATION_SIZE])
{
    return ld_format_duration_short(ns, buffer, DURATION_SIZE);
}

static int64_t cell_duration(const struct ld_plan *plan, size_t cell, uint32_t *ret_runs)
{
    int64_t total = 0;
    *ret_runs = 0;
    for (size_t i = 0; i < plan->run_count; i++) {
        if (plan->runs[i].cell != cell)
            continue;
        total += ld_plan_run_duration(plan, &plan->runs[i]);
        ++*ret_runs;
    }
    return *ret_runs ? total / *ret_runs : 0;
}

/* Longest of an even share of all, and of the longest run: no more jobs can beat that. */
int64_t ld_plan_duration(const struct ld_plan *plan, unsigned jobs)
{
    int64_t total = 0, longest = 0;
    for (size_t i = 0; i < plan->run_count; i++) {
        int64_t one = ld_plan_run_duration(plan, &plan->runs[i]);
        total += one;
        longest = one > longest ? one : longest;
    }
    int64_t share = total / (jobs ? jobs : 1);
    return share > longest ? share : longest;
}

/* ---- the parts of the text; each adds to `out` and returns its code */

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static int head_text(const struct ld_plan *plan, unsigned jobs, struct ld_buffer *out)
{
    char total[DURATION_SIZE];
    int code = ld_buffer_printf(out, "plan %.12s  seed %llu  %zu cell%s, %zu run%s", plan->hash,
                                (unsigned long long)plan->seed, plan->cell_count, plural(plan->cell_count),
                                plan->run_count, plural(plan->run_count));
    if (!code && plan->run_count != plan->whole_run_count)
        code = ld_buffer_printf(out, " of %u cell%s, %u run%s", plan->whole_cell_count, plural(plan->whole_cell_count),
                                plan->whole_run_count, plural(plan->whole_run_count));
    return code ? code
                : ld_buffer_printf(out, "\nabout %s with %u at once, starting and stopping not counted\n",
                                   duration(ld_plan_duration(plan, jobs), total), jobs ? jobs : 1);
}

/* Cells with exactly so many runs, and the least number of runs above; 0 when no cell has more. */
static size_t cells_with(const struct ld_plan *plan, uint32_t runs, uint32_t *ret_next)
{
    size_t count = 0;
    *ret_next = 0;
    for (size_t i = 0; i < plan->cell_count; i++) {
        uint32_t of_cell;
        cell_duration(plan, i, &of_cell);
        count += of_cell == runs;
        if (of_cell > runs && (!*ret_next || of_cell < *ret_next))
            *ret_next = of_cell;
    }
    return count;
}

static int claims_text(const struct ld_plan *plan, struct ld_buffer *out)
{
    int code = 0;
    for (uint32_t runs = 0, next; !code; runs = next) {
        size_t cells = cells_with(plan, runs, &next);
        if (runs)
            code = ld_buffer_printf(out, "%zu cell%s of %u run%s: %s\n", cells, plural(cells), runs, plural(runs),
                                    runs < ld_claims[0].runs ? "counts only" : "counts, and");
        for (const struct ld_claim *claim = ld_claims; !code && claim->runs && claim->runs <= runs; claim++)
            code = ld_buffer_printf(out, "  %s\n", claim->text);
        if (!next)
            break;
    }
    return code;
}

static int cells_text(const struct ld_plan *plan, const struct ld_scenario *scenario, struct ld_buffer *out)
{
    char each[DURATION_SIZE];
    uint32_t runs;
    int code = ld_buffer_add_text(out, "  cells\n");
    for (size_t i = 0; !code && i < plan->cell_count; i++) {
        if (plan->cells[i].scenario != scenario)
            continue;
        int64_t ns = cell_duration(plan, i, &runs);
        code = ld_buffer_printf(out, "    %4u  %-60s %u run%s, %s each\n", plan->cells[i].index, plan->cells[i].name,
                                runs, plural(runs), duration(ns, each));
    }
    return code;
}

/* Who watches in which arm; nothing where all watch every run. */
static int arms_text(const struct ld_scenario *scenario, struct ld_buffer *out)
{
    size_t count = ld_scenario_arm_count(scenario);
    int code = count > 1 ? ld_buffer_add_text(out, "  arms, of one seed each repetition\n") : 0;
    for (size_t i = 0; count > 1 && i < count && !code; i++) {
        struct ld_arm arm = ld_scenario_arm(scenario, i);
        const char *before = "";
        code = ld_buffer_printf(out, "    %-16s ", arm.name);
        for (size_t k = 0; k < scenario->detector_count && !code; k++) {
            if (!ld_arm_has(&arm, k))
                continue;
            code = ld_buffer_printf(out, "%s%s", before, scenario->detectors[k].name);
            before = ", ";
        }
        if (!code)
            code = ld_buffer_add_text(out, *before ? "\n" : "the calibration set alone\n");
    }
    return code;
}

/* The attributes as a user writes them, defaults too, in a line of their own; nothing for a fault without any. */
static int attributes_text(const struct ld_fault_spec *fault, struct ld_buffer *out)
{
    struct ld_buffer values;
    ld_buffer_init(&values, ATTRIBUTES_MAX);
    int code = ld_schema_values(ld_fault_table[fault->type].attributes, &fault->attributes, &values);
    const char *text = ld_buffer_text(&values);
    if (!code && strcmp(text, "{}") != 0) {
        code = ld_buffer_printf(out, "%28s", "");
        for (const char *p = text + 1; !code && p[1]; p++) /* JSON without its quotes, a space behind : and , */
            if (*p != '"')
                code = ld_buffer_printf(out, *p == ':' || *p == ',' ? "%c " : "%c", *p);
        code = code ? code : ld_buffer_add_text(out, "\n");
    }
    ld_buffer_done(&values);
    return code;
}

static int fault_on_text(const struct ld_scenario *scenario, const struct ld_fault_spec *fault, struct ld_buffer *out)
{
    char until[DURATION_SIZE];
    int code = ld_buffer_printf(out, "  %s", fault->id);
    if (!code && fault->for_ns >= 0)
        code = ld_buffer_printf(out, " for %s", duration(ld_scenario_scaled_ns(scenario, fault->for_ns), until));
    if (!code)
        code = ld_buffer_add_text(out, "\n");
    return code ? code : attributes_text(fault, out);
}

static int action_text(const struct ld_scenario *scenario, const struct ld_fault_case *fault_case,
                       const struct ld_action *action, int64_t phase_ns, struct ld_buffer *out)
{
    char at[DURATION_SIZE];
    const struct ld_fault_spec *fault = fault_case->fault_count ? &fault_case->faults[action->fault] : NULL;
    int code = ld_buffer_printf(out, "      %8s  %s", duration(action->at_ns - phase_ns, at),
                                ld_action_kind_name(action->kind));
    if (code)
        return code;
    switch (action->kind) {
    case LD_ACTION_LOAD_ON:
        return ld_buffer_printf(out, "  %s at %g/s +-5%%\n", scenario->load.path,
                                scenario->load.per_second * scenario->time_scale);
    case LD_ACTION_FAULT_ON:
        return fault_on_text(scenario, fault, out);
    case LD_ACTION_FAULT_OFF:
        return ld_buffer_printf(out, "  %s\n", fault->id);
    default:
        return ld_buffer_add_text(out, "\n");
    }
}

/* In real time, as the rest of the schedule. */
static const char *when_text(const struct ld_scenario *scenario, const struct ld_when *when, char *text, size_t size)
{
    struct ld_when scaled = *when;
    scaled.for_ns = ld_scenario_scaled_ns(scenario, when->for_ns);
    return ld_when_text(&scaled, text, size);
}

/* A fault that no clock starts. */
static int condition_text(const struct ld_scenario *scenario, const struct ld_fault_spec *fault, struct ld_buffer *out)
{
    char when[160], until[DURATION_SIZE] = "the method's end";
    if (fault->for_ns > 0)
        duration(ld_scenario_scaled_ns(scenario, fault->for_ns), until);
    int code = ld_buffer_printf(out, "      %8s  fault-on  %s, when %s%s%s\n", "?", fault->id,
                                when_text(scenario, fault->when, when, sizeof when),
                                ld_fault_is_instant(fault->type) ? "" : fault->for_ns > 0 ? ", for " : ", until ",
                                ld_fault_is_instant(fault->type) ? "" : until);
    return code ? code : attributes_text(fault, out);
}

/* The schedule of a fault case, from the first of its runs; they differ by the phase alone. */
static int case_text(const struct ld_plan *plan, const struct ld_scenario *scenario, uint32_t fault_case,
                     struct ld_buffer *out)
{
    const struct ld_run_plan *run = NULL;
    for (size_t i = 0; !run && i < plan->run_count; i++) {
        const struct ld_cell *cell = &plan->cells[plan->runs[i].cell];
        if (cell->scenario == scenario && cell->fault_case == fault_case)
            run = &plan->runs[i];
    }
    if (!run)
        return 0; /* filtered out */
    int code = ld_buffer_printf(out, "    %s\n", scenario->fault_cases[fault_case].name);
    const struct ld_fault_case *conditional = &scenario->fault_cases[fault_case];
    for (size_t i = 0; !code && i < conditional->fault_count; i++)
        if (conditional->faults[i].when)
            code = condition_text(scenario, &conditional->faults[i], out);
    for (size_t i = 0; !code && i < run->action_count; i++)
        code = action_text(scenario, &scenario->fault_cases[fault_case], &run->actions[i], run->phase_ns, out);
    return code;
}

static bool is_scaled(const struct ld_scenario *scenario)
{
    return ld_scenario_scaled_ns(scenario, LD_SECOND) != LD_SECOND;
}

static int schedule_text(const struct ld_plan *plan, const struct ld_scenario *scenario, struct ld_buffer *out)
{
    char period[DURATION_SIZE], baseline[DURATION_SIZE], drain[DURATION_SIZE], settle[DURATION_SIZE];
    int code = ld_buffer_printf(out,
                                "  schedule, real time%s; each run is delayed by less than %s\n    baseline %s before, "
                                "drain %s and settle %s after\n",
                                is_scaled(scenario) ? " (faults' attributes as written)" : "",
                                duration(ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns), period),
                                duration(ld_scenario_scaled_ns(scenario, scenario->phases.baseline_ns), baseline),
                                duration(ld_scenario_scaled_ns(scenario, scenario->phases.drain_ns), drain),
                                duration(ld_scenario_scaled_ns(scenario, scenario->phases.settle_ns), settle));
    char for_text[DURATION_SIZE], at_most[DURATION_SIZE], when[160];
    if (!code && scenario->steady)
        code = ld_buffer_printf(
            out, "    steady: %zu numbers within %g%% for %s, at most %s\n", scenario->steady->metric_count,
            scenario->steady->within * 100,
            duration(ld_scenario_scaled_ns(scenario, scenario->steady->for_ns), for_text),
            duration(ld_scenario_scaled_ns(scenario, scenario->steady->at_most_ns), at_most));
    for (size_t i = 0; !code && i < scenario->abort_count; i++)
        code = ld_buffer_printf(out, "    abort when %s\n",
                                when_text(scenario, &scenario->aborts[i], when, sizeof when));
    for (uint32_t i = 0; !code && i < scenario->fault_case_count; i++)
        code = case_text(plan, scenario, i, out);
    return code;
}

static int support_text(int64_t needed, int64_t runs, struct ld_buffer *out)
{
    if (needed == INT64_MAX)
        return ld_buffer_add_text(out, "NOT supported: no practical number of runs is enough\n");
    if (runs >= needed)
        return ld_buffer_printf(out, "supported: needs %lld runs of a cell without a miss, has %lld\n",
                                (long long)needed, (long long)runs);
    return ld_buffer_printf(out, "NOT supported: needs %lld runs of a cell without a miss, has %lld\n",
                            (long long)needed, (long long)runs);
}

static int detection_text(const struct ld_rate_expectation *rate, int64_t runs, struct ld_buffer *out)
{
    if (!rate->given)
        return 0;
    int code = 0;
    if (rate->observed >= 0)
        code = ld_buffer_printf(out, "      detection observed %g%%: supported, a count over %lld runs of a cell\n",
                                rate->observed * 100, (long long)runs);
    if (code || rate->confident < 0)
        return code;
    if (rate->observed >= 0 && runs < ld_plan_runs_needed(rate->confident, rate->at))
        return ld_buffer_printf(out,
                                "      detection confident %g%% at %g%%: not judged, needs %lld runs of a cell without "
                                "a miss (--full), has %lld\n",
                                rate->confident * 100, rate->at * 100,
                                (long long)ld_plan_runs_needed(rate->confident, rate->at), (long long)runs);
    code = ld_buffer_printf(out, "      detection confident %g%% at %g%%: ", rate->confident * 100, rate->at * 100);
    return code ? code : support_text(ld_plan_runs_needed(rate->confident, rate->at), runs, out);
}

static int time_text(const struct ld_expectation *expectation, int64_t runs, struct ld_buffer *out)
{
    char text[DURATION_SIZE];
    int code = 0;
    if (expectation->median_ns)
        code = ld_buffer_printf(out, "      median time to detect %s: supported\n",
                                duration(expectation->median_ns, text));
    if (!code && expectation->p95_ns) {
        code = ld_buffer_printf(out, "      p95 of time to detect %s: ", duration(expectation->p95_ns, text));
        code = code ? code : support_text(LD_RUNS_FOR_P95, runs, out);
    }
    if (!code && expectation->deadline_ns)
        code = ld_buffer_printf(out, "      deadline %s\n", duration(expectation->deadline_ns, text));
    return code;
}

static int expectation_text(const struct ld_expectation *expectation, int64_t runs, struct ld_buffer *out)
{
    int code =
        ld_buffer_printf(out, "    %s%s\n", expectation->detector, expectation->report_only ? ": report only" : "");
    if (!code)
        code = detection_text(&expectation->detection, runs, out);
    if (!code && expectation->false_alarms_given)
        code = ld_buffer_printf(out, "      false alarms at most %lld: supported, a count over %lld runs of a cell\n",
                                (long long)expectation->false_alarms_at_most, (long long)runs);
    if (!code && expectation->during_holds_given)
        code = ld_buffer_printf(out,
                                "      alerts during holds at most %lld: supported, a count over %lld runs of a cell\n",
                                (long long)expectation->during_holds_at_most, (long long)runs);
    if (!code)
        code = time_text(expectation, runs, out);
    if (!code && expectation->cause_right)
        code = ld_buffer_add_text(out, "      cause right: supported\n");
    if (!code && expectation->site_observable)
        code = ld_buffer_add_text(out, "      site observable: supported\n");
    return code;
}

/* Runs of each cell of the scenario; all its cells have equally many. 0 when none was selected. */
static int64_t runs_of_cell(const struct ld_plan *plan, const struct ld_scenario *scenario)
{
    uint32_t runs = 0;
    for (size_t i = 0; i < plan->cell_count; i++) {
        if (plan->cells[i].scenario != scenario)
            continue;
        cell_duration(plan, i, &runs);
        break;
    }
    return runs;
}

/* The schedule above is real time, expectations are as written: where they differ, that is said. */
static int expectations_head_text(const struct ld_scenario *scenario, struct ld_buffer *out)
{
    if (!scenario->expectation_count)
        return ld_buffer_add_text(out, "  no expectations\n");
    if (!is_scaled(scenario))
        return ld_buffer_add_text(out, "  expectations\n");
    return ld_buffer_printf(out, "  expectations, times as written: %g times the real time\n", scenario->time_scale);
}

static int scenario_text(const struct ld_plan *plan, const struct ld_scenario *scenario, struct ld_buffer *out)
{
    int64_t runs = runs_of_cell(plan, scenario);
    char file[1024];
    int code = ld_buffer_printf(out, "\n%s  (%s)\n", scenario->name,
                                ld_format_harmless(scenario->file, file, sizeof file));
    if (!code)
        code = cells_text(plan, scenario, out);
    if (!code)
        code = arms_text(scenario, out);
    if (!code)
        code = schedule_text(plan, scenario, out);
    if (!code)
        code = expectations_head_text(scenario, out);
    for (size_t i = 0; !code && i < scenario->expectation_count; i++)
        code = expectation_text(&scenario->expectations[i], runs, out);
    return code;
}

int ld_plan_text(const struct ld_plan *plan, unsigned jobs, struct ld_buffer *out)
{
    const struct ld_scenario *last = NULL;
    int code = head_text(plan, jobs, out);
    if (!code)
        code = claims_text(plan, out);
    for (size_t i = 0; !code && i < plan->cell_count; i++) {
        if (plan->cells[i].scenario == last)
            continue; /* cells of one scenario stand together */
        last = plan->cells[i].scenario;
        code = scenario_text(plan, last, out);
    }
    return code;
}
