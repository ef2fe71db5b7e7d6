/* Conditions at work: the gate, the triggers, and what came back afterwards. */
#include "fault/condition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define OPEN_ALERTS_MAX 256 /* of one condition at once; further ones are passed over */

/* The growth of a counter since the last look. */
struct growth {
    bool known;
    double value;
    int64_t time_ns;
};

/* One steady metric of one instance. */
struct series {
    struct growth growth;
    /* the stretch in hand: all its values lie within the bounds of one another */
    int64_t since_ns, last_ns; /* since: -1 when there is none */
    double least, most, sum;
    uint64_t count;
    /* what the gate found */
    double mean;
    int64_t within_since_ns; /* -1: outside of the bounds, or not seen */
};

struct open_alert {
    uint32_t instance;
    uint64_t id;
};

struct watched {
    struct ld_condition is;
    struct ld_condition_state state;
    struct growth *growth;    /* METRIC, by instance */
    int64_t *since_ns;        /* by instance: since when it holds; -1 */
    struct open_alert alerts[OPEN_ALERTS_MAX]; /* ALERT */
    size_t alert_count;
    bool *blind;              /* ALERT, by instance: its detector cannot see */
};

struct ld_conditions {
    const struct ld_conditions_events *events;
    void *context;
    uint32_t instances;
    const struct ld_steady *steady;
    struct ld_steady_state gate;
    int64_t gate_from_ns;          /* INT64_MAX: it does not listen yet */
    int64_t armed_from_ns, armed_to_ns;
    struct series *series;         /* metric by metric, instance by instance */
    size_t count;
    struct watched *items;
    size_t first;                  /* index of the first one triggered; count: none */
};

/* ---- making */

static int make_watched(struct watched *watched, const struct ld_condition *is, uint32_t instances)
{
    watched->is = *is;
    watched->state.recovered_ns = watched->state.relapsed_ns = -1;
    watched->growth = calloc(instances, sizeof *watched->growth);
    watched->since_ns = calloc(instances, sizeof *watched->since_ns);
    watched->blind = calloc(instances, sizeof *watched->blind);
    if (!watched->growth || !watched->since_ns || !watched->blind)
        return LD_ENOMEM;
    for (uint32_t i = 0; i < instances; i++)
        watched->since_ns[i] = -1;
    return 0;
}

int ld_conditions_new(struct ld_conditions **ret_conditions, const struct ld_steady *steady,
                      const struct ld_condition *items, size_t count, uint32_t instances,
                      const struct ld_conditions_events *events, void *context)
{
    if (count > LD_CONDITIONS_MAX || instances == 0 || instances > LD_CONDITION_INSTANCES_MAX)
        return LD_ELIMIT;
    struct ld_conditions *conditions = calloc(1, sizeof *conditions);
    if (!conditions)
        return LD_ENOMEM;
    conditions->events = events;
    conditions->context = context;
    conditions->instances = instances;
    conditions->steady = steady;
    conditions->gate_from_ns = conditions->armed_from_ns = INT64_MAX;
    conditions->first = count;
    size_t series_count = steady ? steady->metric_count * instances : 0;
    conditions->series = calloc(series_count + 1, sizeof *conditions->series);
    conditions->items = calloc(count + 1, sizeof *conditions->items);
    int code = conditions->series && conditions->items ? 0 : LD_ENOMEM;
    for (size_t i = 0; i < series_count && !code; i++)
        conditions->series[i].since_ns = conditions->series[i].within_since_ns = -1;
    for (; conditions->items && conditions->count < count && !code; conditions->count++)
        code = make_watched(&conditions->items[conditions->count], &items[conditions->count], instances);
    if (code) {
        ld_conditions_free(conditions);
        return code;
    }
    *ret_conditions = conditions;
    return 0;
}

void ld_conditions_free(struct ld_conditions *conditions)
{
    if (!conditions)
        return;
    for (size_t i = 0; i < conditions->count; i++) {
        free(conditions->items[i].growth);
        free(conditions->items[i].since_ns);
        free(conditions->items[i].blind);
    }
    free(conditions->items);
    free(conditions->series);
    free(conditions);
}

/* ---- values */

/* The metric's value as it is judged: itself, or the growth per second since the last look; false when there is none
 * yet. A counter that fell began anew. */
static bool judged_value(struct growth *growth, enum ld_metric metric, double value, int64_t time_ns, double *ret_value)
{
    if (!ld_metric_is_counter(metric)) {
        *ret_value = value;
        return true;
    }
    bool known = growth->known && time_ns > growth->time_ns && value >= growth->value;
    if (known)
        *ret_value = (value - growth->value) * 1e9 / (double)(time_ns - growth->time_ns);
    *growth = (struct growth){true, value, time_ns};
    return known;
}

static bool find_point(const struct ld_observation *observation, enum ld_metric metric, double *ret_value)
{
    for (size_t i = 0; i < observation->point_count; i++)
        if (observation->points[i].metric == metric && isfinite(observation->points[i].value)) {
            *ret_value = observation->points[i].value;
            return true;
        }
    return false;
}

/* ---- steady */

static struct series *series_of(const struct ld_conditions *conditions, size_t metric, uint32_t instance)
{
    return &conditions->series[metric * conditions->instances + instance];
}

/* The load is one for all instances and is told with the first. */
static bool belongs_to(enum ld_metric metric, uint32_t instance)
{
    return ld_metric_table[metric].source != LD_SOURCE_LOAD || instance == 0;
}

static double tolerance(const struct ld_conditions *conditions, size_t metric, double mean)
{
    return conditions->steady->within * fabs(mean) + conditions->steady->metrics[metric].slack;
}

/* The instance died, came up, or could not be read: what was known of it is not evidence of standing still. */
static void forget_series(struct ld_conditions *conditions, uint32_t instance, bool died)
{
    for (size_t i = 0; conditions->steady && i < conditions->steady->metric_count; i++) {
        struct series *series = series_of(conditions, i, instance);
        series->since_ns = series->within_since_ns = -1;
        if (died)
            series->growth.known = false;
    }
}

static void extend(struct ld_conditions *conditions, size_t metric, struct series *series, double value,
                   int64_t time_ns)
{
    double least = value < series->least ? value : series->least, most = value > series->most ? value : series->most;
    double mean = (series->sum + value) / (double)(series->count + 1);
    if (series->since_ns < 0 || most - least > tolerance(conditions, metric, mean)) {
        series->since_ns = time_ns;
        series->least = series->most = series->sum = value;
        series->count = 1;
    } else {
        series->least = least;
        series->most = most;
        series->sum += value;
        series->count++;
    }
    series->last_ns = time_ns;
}

/* Bounds are as wide as the gate allowed values to differ from one another, to either side of their mean. */
static void compare(struct ld_conditions *conditions, size_t metric, struct series *series, double value,
                    int64_t time_ns)
{
    bool within = fabs(value - series->mean) <= tolerance(conditions, metric, series->mean);
    if (!within)
        series->within_since_ns = -1;
    else if (series->within_since_ns < 0)
        series->within_since_ns = time_ns;
    series->last_ns = time_ns;
}

static bool stands_still(const struct series *series, int64_t for_ns)
{
    return series->since_ns >= 0 && series->count >= 2 && series->last_ns - series->since_ns >= for_ns;
}

static void describe_gate(struct ld_conditions *conditions, size_t metric, uint32_t instance)
{
    const struct series *series = series_of(conditions, metric, instance);
    enum ld_metric name = conditions->steady->metrics[metric].metric;
    char least[48], most[48];
    if (series->since_ns < 0)
        snprintf(conditions->gate.text, sizeof conditions->gate.text, "%s of instance %u was not seen",
                 ld_metric_table[name].name, instance);
    else
        snprintf(conditions->gate.text, sizeof conditions->gate.text, "%s of instance %u: %s to %s",
                 ld_metric_table[name].name, instance, ld_condition_quantity(name, series->least, least, sizeof least),
                 ld_condition_quantity(name, series->most, most, sizeof most));
}

static bool all_stand_still(struct ld_conditions *conditions)
{
    for (size_t i = 0; i < conditions->steady->metric_count; i++)
        for (uint32_t k = 0; k < conditions->instances; k++)
            if (belongs_to(conditions->steady->metrics[i].metric, k) &&
                !stands_still(series_of(conditions, i, k), conditions->steady->for_ns)) {
                describe_gate(conditions, i, k);
                return false;
            }
    describe_gate(conditions, 0, 0);
    return true;
}

static void open_gate(struct ld_conditions *conditions, const struct ld_observation *observation)
{
    conditions->gate.passed = true;
    conditions->gate.sequence = observation->sequence;
    conditions->gate.time_ns = observation->time_ns;
    for (size_t i = 0; i < conditions->steady->metric_count * conditions->instances; i++) {
        struct series *series = &conditions->series[i];
        series->mean = series->count ? series->sum / (double)series->count : 0;
        series->within_since_ns = series->since_ns;
    }
    if (conditions->events->steady)
        conditions->events->steady(conditions->context);
}

static void watch_steady(struct ld_conditions *conditions, const struct ld_observation *observation)
{
    if (!conditions->steady || observation->time_ns < conditions->gate_from_ns)
        return;
    for (size_t i = 0; i < conditions->steady->metric_count; i++) {
        struct series *series = series_of(conditions, i, observation->instance);
        enum ld_metric metric = conditions->steady->metrics[i].metric;
        double value;
        if (!belongs_to(metric, observation->instance) || !find_point(observation, metric, &value) ||
            !judged_value(&series->growth, metric, value, observation->time_ns, &value))
            continue;
        if (!conditions->gate.passed)
            extend(conditions, i, series, value, observation->time_ns);
        else if (observation->time_ns < conditions->armed_to_ns)
            compare(conditions, i, series, value, observation->time_ns);
    }
    if (!conditions->gate.passed && all_stand_still(conditions))
        open_gate(conditions, observation);
}

/* ---- triggers */

static bool is_armed(const struct ld_conditions *conditions, int64_t time_ns)
{
    return time_ns >= conditions->armed_from_ns && time_ns < conditions->armed_to_ns;
}

static void trigger(struct ld_conditions *conditions, struct watched *watched, uint32_t instance,
                    const struct ld_observation *observation)
{
    watched->state.triggered = true;
    watched->state.sequence = observation->sequence;
    watched->state.time_ns = observation->time_ns;
    watched->state.instance = instance;
    if (conditions->first == conditions->count)
        conditions->first = (size_t)(watched - conditions->items);
    conditions->events->triggered(conditions->context, (size_t)(watched - conditions->items));
}

static void watch_metric(struct ld_conditions *conditions, struct watched *watched,
                         const struct ld_observation *observation)
{
    const struct ld_when *when = watched->is.when;
    uint32_t instance = observation->instance;
    char value_text[48], when_text[128];
    double value;
    if (!find_point(observation, when->metric, &value) ||
        !judged_value(&watched->growth[instance], when->metric, value, observation->time_ns, &value))
        return;
    if (!is_armed(conditions, observation->time_ns) || !(when->over ? value > when->limit : value < when->limit)) {
        watched->since_ns[instance] = -1;
        return;
    }
    if (watched->since_ns[instance] < 0)
        watched->since_ns[instance] = observation->time_ns;
    if (observation->time_ns - watched->since_ns[instance] < when->for_ns)
        return;
    snprintf(watched->state.text, sizeof watched->state.text, "%s: it was %s at instance %u",
             ld_when_text(when, when_text, sizeof when_text),
             ld_condition_quantity(when->metric, value, value_text, sizeof value_text), instance);
    trigger(conditions, watched, instance, observation);
}

/* Since when alerts are open; counted from the method's beginning at the earliest. */
static void watch_alerts(struct ld_conditions *conditions, struct watched *watched,
                         const struct ld_observation *observation)
{
    const struct ld_when *when = watched->is.when;
    if (!is_armed(conditions, observation->time_ns))
        return;
    for (uint32_t i = 0; i < conditions->instances && !watched->state.triggered; i++) {
        int64_t since_ns = watched->since_ns[i];
        if (since_ns < 0 || watched->blind[i])
            continue;
        since_ns = since_ns > conditions->armed_from_ns ? since_ns : conditions->armed_from_ns;
        if (observation->time_ns - since_ns < when->for_ns)
            continue;
        char text[160];
        snprintf(watched->state.text, sizeof watched->state.text, "%s at instance %u",
                 ld_when_text(when, text, sizeof text), i);
        trigger(conditions, watched, i, observation);
    }
}

static void close_alert(struct watched *watched, uint32_t instance, uint64_t id)
{
    bool others = false;
    for (size_t i = 0; i < watched->alert_count;) {
        const struct open_alert *alert = &watched->alerts[i];
        if (alert->instance == instance && alert->id == id) {
            watched->alerts[i] = watched->alerts[--watched->alert_count];
            continue;
        }
        others = others || alert->instance == instance;
        i++;
    }
    if (!others)
        watched->since_ns[instance] = -1;
}

static void take_alert(struct watched *watched, const struct ld_alert *alert)
{
    switch (alert->action) {
    case LD_ALERT_OPEN:
        if (alert->severity < watched->is.when->severity || watched->alert_count == OPEN_ALERTS_MAX)
            return;
        watched->alerts[watched->alert_count++] = (struct open_alert){alert->instance, alert->id};
        if (watched->since_ns[alert->instance] < 0)
            watched->since_ns[alert->instance] = alert->evidence_time_ns;
        break;
    case LD_ALERT_CLOSE:
        close_alert(watched, alert->instance, alert->id);
        break;
    case LD_ALERT_UNKNOWN:
        watched->blind[alert->instance] = true;
        break;
    case LD_ALERT_KNOWN:
        watched->blind[alert->instance] = false;
        break;
    }
}

void ld_conditions_alert(struct ld_conditions *conditions, const char *detector, const struct ld_alert *alert)
{
    for (size_t i = 0; alert->instance < conditions->instances && i < conditions->count; i++) {
        const struct ld_when *when = conditions->items[i].is.when;
        if (when->kind == LD_WHEN_ALERT && when->detector && strcmp(when->detector, detector) == 0)
            take_alert(&conditions->items[i], alert);
    }
}

/* A life of the instance began or ended: what holds of one says nothing of the next. Detectors close their alerts. */
static void forget_life(struct ld_conditions *conditions, uint32_t instance)
{
    forget_series(conditions, instance, true);
    for (size_t i = 0; i < conditions->count; i++) {
        if (conditions->items[i].is.when->kind != LD_WHEN_METRIC)
            continue;
        conditions->items[i].since_ns[instance] = -1;
        conditions->items[i].growth[instance].known = false;
    }
}

void ld_conditions_gate(struct ld_conditions *conditions, int64_t from_ns)
{
    conditions->gate_from_ns = from_ns;
}

void ld_conditions_arm(struct ld_conditions *conditions, int64_t from_ns, int64_t to_ns)
{
    conditions->armed_from_ns = from_ns;
    conditions->armed_to_ns = to_ns;
}

/* ---- recovery */

/* Since when every steady number has been within its bounds, `least_ns` at the earliest; -1 when one is not, or was not
 * seen for longer than the gate's own stretch. `ret_lasted`: until the one that was seen longest ago. */
static int64_t within_since(const struct ld_conditions *conditions, int64_t least_ns, int64_t *ret_lasted_ns)
{
    int64_t since_ns = least_ns, oldest_ns = INT64_MAX, newest_ns = 0;
    for (size_t i = 0; i < conditions->steady->metric_count; i++)
        for (uint32_t k = 0; k < conditions->instances; k++) {
            const struct series *series = series_of(conditions, i, k);
            if (!belongs_to(conditions->steady->metrics[i].metric, k))
                continue;
            if (series->within_since_ns < 0)
                return -1;
            since_ns = series->within_since_ns > since_ns ? series->within_since_ns : since_ns;
            newest_ns = series->last_ns > newest_ns ? series->last_ns : newest_ns;
            oldest_ns = series->last_ns < oldest_ns ? series->last_ns : oldest_ns;
        }
    *ret_lasted_ns = oldest_ns - since_ns;
    return newest_ns - oldest_ns <= conditions->steady->for_ns ? since_ns : -1;
}

static void watch_recovery(const struct ld_conditions *conditions, struct watched *watched, int64_t time_ns)
{
    struct ld_condition_state *state = &watched->state;
    int64_t lasted_ns = 0, since_ns = within_since(conditions, state->time_ns, &lasted_ns);
    if (since_ns < 0) {
        state->left = true;
        if (state->recovered_ns >= 0 && state->relapsed_ns < 0)
            state->relapsed_ns = time_ns;
    } else if (state->left && state->recovered_ns < 0 && lasted_ns >= conditions->steady->for_ns) {
        state->recovered_ns = since_ns;
    }
}

static void watch_recoveries(struct ld_conditions *conditions, const struct ld_observation *observation)
{
    if (!conditions->gate.passed || observation->time_ns >= conditions->armed_to_ns)
        return;
    for (size_t i = 0; i < conditions->count; i++)
        if (conditions->items[i].is.recovers && conditions->items[i].state.triggered)
            watch_recovery(conditions, &conditions->items[i], observation->time_ns);
}

void ld_conditions_observe(struct ld_conditions *conditions, const struct ld_observation *observation)
{
    if (observation->instance >= conditions->instances)
        return;
    if (observation->kind == LD_OBSERVATION_LIFE)
        forget_life(conditions, observation->instance);
    else if (ld_observation_misses_metrics(observation))
        forget_series(conditions, observation->instance, false);
    else if (observation->kind == LD_OBSERVATION_METRICS)
        watch_steady(conditions, observation);
    for (size_t i = 0; i < conditions->count; i++) {
        struct watched *watched = &conditions->items[i];
        if (watched->state.triggered)
            continue;
        if (watched->is.when->kind == LD_WHEN_ALERT)
            watch_alerts(conditions, watched, observation);
        else if (observation->kind == LD_OBSERVATION_METRICS)
            watch_metric(conditions, watched, observation);
    }
    watch_recoveries(conditions, observation);
}

/* ---- what came of it */

const struct ld_condition_state *ld_conditions_state(const struct ld_conditions *conditions, size_t index)
{
    return &conditions->items[index].state;
}

const struct ld_steady_state *ld_conditions_steady(const struct ld_conditions *conditions)
{
    return &conditions->gate;
}

const struct ld_condition_state *ld_conditions_first(const struct ld_conditions *conditions)
{
    return conditions->first < conditions->count ? &conditions->items[conditions->first].state : NULL;
}

void ld_conditions_settle(struct ld_conditions *conditions)
{
    for (size_t i = 0; i < conditions->count; i++) {
        struct ld_condition_state *state = &conditions->items[i].state;
        if (conditions->gate.passed && conditions->items[i].is.recovers && state->triggered && !state->left)
            state->recovered_ns = state->time_ns;
    }
}
