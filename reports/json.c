/* The report as JSON, schema version 1: reports/schema.json. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reports/board.h"
#include "reports/cost.h"
#include "reports/standings.h"
#include "reports/style.h"
#include "scenario/arm.h"

#define SCHEMA_VERSION 1

static json_t *text(const char *value)
{
    return style_json_text(value);
}

static json_t *whole(int64_t value)
{
    return json_integer(value);
}

/* 64 bits do not fit JSON's numbers everywhere. */
static json_t *big(uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    return json_string(digits);
}

static json_t *duration(int64_t ns)
{
    return ns < 0 ? json_null() : json_integer(ns);
}

static json_t *outcomes(const struct ld_board_row *row)
{
    json_t *object = json_object();
    for (int i = 0; i < LD_OUTCOME_COUNT; i++)
        json_object_set_new(object, ld_outcome_name((enum ld_outcome_kind)i), whole(row->counts[i]));
    return object;
}

static json_t *survival(const struct ld_survival *time)
{
    return json_pack("{s:I,s:I,s:o,s:o,s:I,s:I,s:f}", "leaks", (json_int_t)time->n, "seen", (json_int_t)time->events,
                     "median_ns", duration(time->median_ns), "p95_ns", duration(time->p95_ns), "restricted_mean_ns",
                     (json_int_t)time->restricted_mean_ns, "restricted_to_ns", (json_int_t)time->restricted_to_ns,
                     "fraction", time->fraction);
}

/* Shares with their 95 % intervals, null where runs are too few, or one result told again. */
static json_t *detection_rate(const struct ld_board_row *row)
{
    if (row->evident_runs < LD_STANDINGS_RUNS_MIN || row->timeless)
        return json_null();
    int64_t excluded = row->runs - row->valid, n = row->evident_runs, hits = row->hit_runs;
    double lower, upper;
    ld_wilson(hits, n, 0.95, &lower, &upper);
    return json_pack("{s:I,s:I,s:f,s:f,s:f,s:f,s:f}", "runs", (json_int_t)n, "hits", (json_int_t)hits, "conditional",
                     (double)hits / (double)n, "primary", (double)hits / (double)(n + excluded), "wilson_lower", lower,
                     "wilson_upper", upper, "exact_lower", ld_clopper_pearson_lower(hits, n, 0.95));
}

static json_t *row_object(const struct ld_report *report, const struct ld_board_row *row)
{
    const struct ld_cell *cell = &report->plan->cells[row->cell];
    const struct ld_scenario *scenario = cell->scenario;
    const char *fault =
        cell->fault_case < scenario->fault_case_count ? scenario->fault_cases[cell->fault_case].name : "none";
    json_t *object = json_pack("{s:o,s:o,s:s,s:o,s:f,s:I,s:o,s:b}", "scenario", text(scenario->name), "cell",
                               text(cell->name), "variant", cell->variant == LD_VARIANT_LEAKY ? "leaky" : "healthy",
                               "fault", text(fault), "rate", cell->rate, "depth", (json_int_t)cell->depth, "detector",
                               text(row->detector), "calibration", row->calibration);
    const struct {
        const char *key;
        uint32_t value;
    } counts[] = {{"runs", row->runs},
                  {"valid", row->valid},
                  {"manifested", row->manifested},
                  {"alerted", row->alerted},
                  {"false_alarms", row->false_alarms},
                  {"wrong_site", row->wrong_site},
                  {"during_hold", row->during_hold},
                  {"cause_right", row->cause_right},
                  {"cause_wrong", row->cause_wrong},
                  {"site_right", row->site_right},
                  {"site_wrong", row->site_wrong}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(object, counts[i].key, whole(counts[i].value));
    const char *arm = ld_scenario_arm(scenario, cell->arm).name;
    if (*arm)
        json_object_set_new(object, "arm", text(arm));
    json_object_set_new(object, "outcomes", outcomes(row));
    json_object_set_new(object, "quiet_hours", json_real(row->quiet_hours));
    json_object_set_new(object, "hold_hours", json_real(row->hold_hours));
    json_object_set_new(object, "time_to_detect", survival(&row->time));
    json_object_set_new(object, "time_from_first", survival(&row->from_first));
    json_object_set_new(object, "detection", detection_rate(row));
    return object;
}

static json_t *check_object(const struct ld_report *report, const struct ld_check *check)
{
    const char *file = "";
    for (size_t i = 0; i < report->plan->cell_count; i++) {
        if (strcmp(report->plan->cells[i].scenario->name, check->scenario) == 0)
            file = report->plan->cells[i].scenario->file;
    }
    return json_pack("{s:o,s:o,s:I,s:o,s:o,s:o,s:o,s:o,s:s,s:b}", "scenario", text(check->scenario), "file", text(file),
                     "line", (json_int_t)check->line, "cell", text(check->cell), "detector", text(check->detector),
                     "what", text(check->what), "asked", text(check->asked), "seen", text(check->seen), "verdict",
                     ld_verdict_name(check->verdict), "notable", check->notable);
}

static json_t *sequential_object(const struct ld_sequential_result *result)
{
    static const char *const words[] = {
        [LD_SPRT_CONTINUE] = "undecided", [LD_SPRT_ACCEPT] = "accepted", [LD_SPRT_REJECT] = "rejected"};
    return json_pack("{s:o,s:o,s:s,s:s,s:f,s:f,s:f,s:f,s:I,s:I,s:I,s:I,s:I,s:I}", "cell", text(result->cell),
                     "detector", text(result->detector), "of", result->false_alarms ? "false_alarms" : "misses",
                     "decision", words[result->decision], "acceptable", result->test.p0, "unacceptable",
                     result->test.p1, "alpha", result->test.alpha, "beta", result->test.beta, "trials",
                     (json_int_t)result->trials, "bad", (json_int_t)result->bad, "passed_over",
                     (json_int_t)result->passed_over, "ended", (json_int_t)result->ended, "later",
                     (json_int_t)result->later, "planned", (json_int_t)result->planned);
}

/* Duration since the condition was decided, null when it did not come. */
static json_t *since(const struct ld_condition_record *condition, int64_t then_ns)
{
    return then_ns < 0 ? json_null() : whole(then_ns - condition->time_ns);
}

static json_t *condition_object(const struct ld_condition_record *condition)
{
    bool decided = condition->sequence > 0;
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "condition", text(condition->condition), "kind",
        text(condition->kind), "asked", text(condition->asked), "observation",
        decided ? big(condition->sequence) : json_null(), "time", decided ? whole(condition->time_ns) : json_null(),
        "acted", condition->acted_ns < 0 ? json_null() : whole(condition->acted_ns), "recovery",
        since(condition, condition->recovered_ns), "relapse", since(condition, condition->relapsed_ns), "followed",
        condition->recovers && decided ? since(condition, condition->followed_to_ns) : json_null(), "text",
        text(condition->text));
}

static json_t *run_object(const struct ld_report *report, const struct ld_run_record *run)
{
    const struct ld_run_plan *planned = ld_plan_find_run(report->plan, run->run);
    json_t *broken = json_array();
    for (size_t i = 0; i < run->detector_count; i++) {
        if (run->detectors[i].failed)
            json_array_append_new(broken, json_pack("{s:o,s:o}", "detector", text(run->detectors[i].name), "reason",
                                                    text(run->detectors[i].reason)));
    }
    json_t *conditions = json_array();
    for (size_t i = 0; i < run->condition_count; i++)
        json_array_append_new(conditions, condition_object(&run->conditions[i]));
    return json_pack("{s:I,s:o,s:I,s:o,s:s,s:o,s:o,s:o,s:o}", "run", (json_int_t)run->run, "cell",
                     text(planned ? report->plan->cells[planned->cell].name : ""), "repetition",
                     (json_int_t)(planned ? planned->repetition : 0), "seed", big(planned ? planned->seed : 0),
                     "validity", ld_validity_name(run->validity), "reason", text(run->reason), "detector_errors",
                     broken, "marked",
                     run->marked_ns > 0 && run->condition_count ? whole(run->marked_ns) : json_null(), "conditions",
                     conditions);
}

static int add_bytes(const char *bytes, size_t length, void *context)
{
    return ld_buffer_add(context, bytes, length) ? -1 : 0;
}

/* Null where there was none: it was killed. */
static json_t *exit_code(const struct ld_report *report)
{
    if (!report->interrupted)
        return whole(ld_verdict_exit(report->verdicts->verdict));
    return report->interrupt_signal ? whole(128 + report->interrupt_signal) : json_null();
}

static json_t *report_object(const struct ld_report *report)
{
    const struct ld_verdicts *verdicts = report->verdicts;
    json_t *rows = json_array(), *checks = json_array(), *runs = json_array(), *excluded = json_array(),
           *sequential = json_array();
    for (size_t i = 0; i < verdicts->row_count; i++)
        json_array_append_new(rows, row_object(report, &verdicts->rows[i]));
    for (size_t i = 0; i < verdicts->check_count; i++)
        json_array_append_new(checks, check_object(report, &verdicts->checks[i]));
    for (size_t i = 0; i < verdicts->sequential_count; i++)
        json_array_append_new(sequential, sequential_object(&verdicts->sequential[i]));
    for (size_t i = 0; i < report->run_count; i++) {
        json_array_append_new(runs, run_object(report, &report->runs[i]));
        if (report->runs[i].validity != LD_VALID)
            json_array_append_new(excluded, run_object(report, &report->runs[i]));
    }
    char rules[BOARD_REMARKS], started[32];
    board_rules(report, rules, sizeof rules);
    board_time(report->started_wall_ns, started, sizeof started);
    return json_pack("{s:i,s:s,s:o,s:o,s:o,s:o,s:o,s:b,s:s,s:o,s:b,s:{s:o,s:o,s:I,s:I,s:I},s:{s:I,s:f,s:o},s:o,s:o,s:o,"
                     "s:o}",
                     "schema", SCHEMA_VERSION, "tool", "leakdrill", "version", text(report->version), "started",
                     *started ? text(started) : json_null(), "campaign", text(report->campaign), "database",
                     text(report->database), "rules", text(rules), "interrupted", report->interrupted, "verdict",
                     ld_verdict_name(verdicts->verdict), "exit_code", exit_code(report), "calibrated",
                     verdicts->calibrated, "plan", "hash", text(report->plan->hash), "seed", big(report->plan->seed),
                     "runs_planned", (json_int_t)report->plan->run_count, "runs_ended", (json_int_t)report->run_count,
                     "runs_not_needed", (json_int_t)verdicts->not_needed, "excluded", "count",
                     (json_int_t)verdicts->excluded, "share", verdicts->excluded_share, "runs", excluded, "rows", rows,
                     "checks", checks, "sequential", sequential, "runs", runs);
}

int ld_report_json(const struct ld_report *report, struct ld_buffer *out)
{
    json_t *object = report_object(report);
    if (!object)
        return LD_ENOMEM;
    if (report->standings)
        json_object_set_new(object, "board", standings_json(report->standings));
    if (report->costs)
        json_object_set_new(object, "costs", cost_json(report->costs));
    int failed = json_dump_callback(object, add_bytes, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(object);
    return failed ? LD_ELIMIT : ld_buffer_add_text(out, "\n");
}
