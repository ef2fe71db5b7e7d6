/* Evaluation over one run: lives, claims, blindness. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/alert.h"
#include "matrix/evaluate.h"

#define INSTANCES_MAX 1024
#define CLAIMS_MAX 1024 /* open at once for one life; further ones wait until one closes */
#define WHY_MAX ((size_t)8192)

struct ld_matrix_state {
    const struct ld_matrix *matrix;
    double time_scale;
    int64_t period_ns, horizon_ns, spacing_ns;
    uint64_t last_id;
    size_t count, room;
    struct ld_life_record **lives; /* by instance */
};

int ld_matrix_state_new(struct ld_matrix_state **ret_state, const struct ld_matrix *matrix, double time_scale,
                        int64_t period_ns)
{
    struct ld_matrix_state *state = calloc(1, sizeof *state);
    if (!state)
        return LD_ENOMEM;
    state->matrix = matrix;
    state->time_scale = time_scale > 0 ? time_scale : 1;
    state->period_ns = period_ns > 0 ? period_ns : 1;
    state->horizon_ns = (int64_t)((double)matrix->window_ns / state->time_scale);
    if (state->horizon_ns < state->period_ns)
        state->horizon_ns = state->period_ns;
    state->spacing_ns = state->period_ns / 4;
    if (state->spacing_ns < state->horizon_ns / LD_LIFE_POINTS_MAX)
        state->spacing_ns = state->horizon_ns / LD_LIFE_POINTS_MAX;
    if (state->spacing_ns < 1)
        state->spacing_ns = 1;
    *ret_state = state;
    return 0;
}

void ld_matrix_state_free(struct ld_matrix_state *state)
{
    if (!state)
        return;
    for (size_t i = 0; i < state->count; i++) {
        ld_life_clear(state->lives[i]);
        free(state->lives[i]);
    }
    free(state->lives);
    free(state);
}

/* ---- alerts */

static void send(const struct ld_matrix_state *state, const struct ld_life_record *life,
                 const struct ld_observation *observation, const struct ld_alert_sink *sink, struct ld_alert *alert)
{
    alert->evidence = observation->sequence;
    alert->evidence_time_ns = observation->time_ns;
    alert->instance = life->instance;
    alert->incarnation = life->incarnation;
    alert->rule_version = ld_matrix_version(state->matrix);
    if (sink && sink->alert)
        sink->alert(sink->context, alert);
}

static void close_claim(const struct ld_matrix_state *state, struct ld_life_record *life,
                        const struct ld_observation *observation, const struct ld_alert_sink *sink, size_t index,
                        const char *why)
{
    struct ld_row_claim claim = life->claims[index];
    memmove(&life->claims[index], &life->claims[index + 1], (life->claim_count - index - 1) * sizeof *life->claims);
    life->claim_count--;
    struct ld_alert alert = {.id = claim.id, .action = LD_ALERT_CLOSE, .cause = (enum ld_cause)claim.row->cause,
                             .site = claim.site, .severity = (enum ld_severity)claim.row->colour, .why = why,
                             .rule = claim.row->id};
    send(state, life, observation, sink, &alert);
    free(claim.site);
}

static int add_claim(struct ld_matrix_state *state, struct ld_life_record *life, const struct ld_row *row,
                     const char *site, struct ld_row_claim **ret_claim)
{
    if (life->claim_count == life->claim_room) {
        size_t room = life->claim_room ? life->claim_room * 2 : 4;
        struct ld_row_claim *claims = realloc(life->claims, room * sizeof *claims);
        if (!claims)
            return LD_ENOMEM;
        life->claims = claims;
        life->claim_room = room;
    }
    char *copy = strdup(site);
    if (!copy)
        return LD_ENOMEM;
    struct ld_row_claim *claim = &life->claims[life->claim_count++];
    *claim = (struct ld_row_claim){.id = ++state->last_id, .row = row, .site = copy, .held = true, .failing_ns = -1};
    *ret_claim = claim;
    return 0;
}

static int open_claim(struct ld_matrix_state *state, struct ld_life_record *life, const struct ld_row *row,
                      const struct ld_look *look, const char *site, const struct ld_observation *observation,
                      const struct ld_alert_sink *sink)
{
    if (life->claim_count == CLAIMS_MAX)
        return 0;
    struct ld_buffer why;
    ld_buffer_init(&why, WHY_MAX);
    int code = ld_row_explain(row, look, &why);
    struct ld_row_claim *claim;
    if (!code || code == LD_ELIMIT) /* a text that is too long is cut, the claim stands */
        code = add_claim(state, life, row, site, &claim);
    if (!code) {
        const struct ld_series *counts = look->site ? &look->site->counts : NULL;
        double amount = counts && counts->count ? counts->points[counts->count - 1].value : 0;
        struct ld_alert alert = {.id = claim->id, .action = LD_ALERT_OPEN, .cause = (enum ld_cause)row->cause,
                                 .site = claim->site, .amount = amount, .severity = (enum ld_severity)row->colour,
                                 .why = ld_buffer_text(&why), .rule = row->id};
        send(state, life, observation, sink, &alert);
    }
    ld_buffer_done(&why);
    return code;
}

/* ---- blindness */

static void say_blindness(struct ld_matrix_state *state, struct ld_life_record *life,
                          const struct ld_observation *observation, const struct ld_alert_sink *sink, const char *why)
{
    bool blind = life->blind_profiles || life->blind_sources;
    if (blind == (life->blind_id != 0))
        return;
    if (blind)
        life->blind_id = ++state->last_id;
    struct ld_alert alert = {.id = life->blind_id, .action = blind ? LD_ALERT_UNKNOWN : LD_ALERT_KNOWN,
                             .cause = LD_CAUSE_NONE, .site = "", .severity = LD_SEVERITY_GREEN,
                             .why = blind ? why : "every read that the rules need was good again", .rule = ""};
    if (!blind)
        life->blind_id = 0;
    send(state, life, observation, sink, &alert);
}

/* A process that is gone hides /proc; every other failure of a metrics read hides the target's own /metrics. */
static unsigned hidden_by(const struct ld_observation *observation)
{
    return 1u << (observation->failure == LD_READ_GONE ? LD_SOURCE_PROC : LD_SOURCE_METRICS);
}

static unsigned sources_of(const struct ld_column *column)
{
    if (column->series != LD_SERIES_METRIC)
        return 0;
    unsigned sources = 1u << ld_metric_table[column->metric].source;
    return column->fact == LD_FACT_PART ? sources | 1u << ld_metric_table[column->whole].source : sources;
}

static bool needs_hidden(const struct ld_row *row, unsigned hidden)
{
    unsigned needed = 0;
    for (size_t i = 0; i < row->when.count; i++)
        needed |= sources_of(ld_row_cell(row, i)->column);
    return (needed & hidden) != 0;
}

static void failed(struct ld_matrix_state *state, struct ld_life_record *life, const struct ld_observation *observation,
                   const struct ld_alert_sink *sink)
{
    if (observation->of_profile && observation->profile_kind == LD_PROFILE_GOROUTINE && state->matrix->needs_sites)
        life->blind_profiles = true;
    if (!observation->of_profile)
        life->blind_sources |= hidden_by(observation) & state->matrix->needs_sources;
    char why[200];
    snprintf(why, sizeof why, "could not look: the read of %s failed (%s)",
             observation->of_profile ? ld_profile_kind_name(observation->profile_kind) : "metrics",
             ld_read_failure_name(observation->failure));
    say_blindness(state, life, observation, sink, why);
}

/* ---- rows */

struct evaluation {
    struct ld_matrix_state *state;
    struct ld_life_record *life;
    const struct ld_observation *observation;
    const struct ld_alert_sink *sink;
    bool may_open;
};

static struct ld_row_claim *find_claim(struct ld_life_record *life, const struct ld_row *row, const char *site)
{
    for (size_t i = 0; i < life->claim_count; i++)
        if (life->claims[i].row == row && strcmp(life->claims[i].site, site) == 0)
            return &life->claims[i];
    return NULL;
}

/* Such a row names the function that a report names, and is judged when one does. What a report says stays true. */
static bool of_sanitizer(const struct ld_row *row)
{
    for (size_t i = 0; i < row->when.count; i++)
        if (ld_row_cell(row, i)->column->series == LD_SERIES_SANITIZER)
            return true;
    return false;
}

static int judge(const struct evaluation *now, const struct ld_row *row, const struct ld_site_series *site)
{
    struct ld_look look = {.life = now->life, .site = site, .now_ns = now->observation->time_ns,
                           .time_scale = now->state->time_scale};
    const char *name = site ? site->site : of_sanitizer(row) ? now->life->report.function : "";
    struct ld_row_claim *claim = find_claim(now->life, row, name);
    if ((claim && claim->held) || (!claim && !now->may_open) || !ld_row_holds(row, &look))
        return 0;
    if (!claim)
        return open_claim(now->state, now->life, row, &look, name, now->observation, now->sink);
    claim->held = true;
    claim->failing_ns = -1;
    return 0;
}

/* Claims whose row held nowhere in this evaluation close once that has lasted a period. Sampling jitters, so seven
 * eighths of one are enough. */
static void close_unheld(const struct evaluation *now, const struct ld_row *row)
{
    int64_t hold_off_ns = now->state->period_ns - now->state->period_ns / 8;
    for (size_t i = now->life->claim_count; i-- > 0;) {
        struct ld_row_claim *claim = &now->life->claims[i];
        if (claim->row != row || claim->held)
            continue;
        if (claim->failing_ns < 0)
            claim->failing_ns = now->observation->time_ns;
        else if (now->observation->time_ns - claim->failing_ns >= hold_off_ns)
            close_claim(now->state, now->life, now->observation, now->sink, i, "the row no longer holds");
    }
}

static int evaluate_row(const struct evaluation *now, const struct ld_row *row)
{
    struct ld_life_record *life = now->life;
    for (size_t i = 0; i < life->claim_count; i++)
        if (life->claims[i].row == row)
            life->claims[i].held = false;
    int code = row->scope == LD_LEVEL_INSTANCE ? judge(now, row, NULL) : 0;
    for (size_t i = 0; !code && row->scope == LD_LEVEL_SITE && i < life->site_count; i++)
        code = judge(now, row, &life->sites[i]);
    close_unheld(now, row);
    return code;
}

static bool looks_at_sites(const struct ld_row *row)
{
    if (row->scope == LD_LEVEL_SITE)
        return true;
    for (size_t i = 0; i < row->when.count; i++) {
        enum ld_column_series series = ld_row_cell(row, i)->column->series;
        if (series != LD_SERIES_METRIC && series != LD_SERIES_SANITIZER)
            return true;
    }
    return false;
}

static int64_t newest_profile(const struct ld_life_record *life)
{
    return life->profiles_begun && life->totals.count ? life->totals.points[life->totals.count - 1].time_ns : 0;
}

/* A row that looks at sites is judged at each goroutine profile, one of metrics alone at each metrics read. Other
 * observations, ticks among them, can only close, and only when the data they would wait for is late: windows move on
 * while the sampler leaves profiles out. While a read that the row needs fails, its claims stay as they are. */
static int evaluate(struct ld_matrix_state *state, struct ld_life_record *life,
                    const struct ld_observation *observation, const struct ld_alert_sink *sink, bool new_profile,
                    bool new_metrics)
{
    for (size_t i = 0; i < state->matrix->rows.count; i++) {
        const struct ld_row *row = ld_matrix_row(state->matrix, i);
        if (of_sanitizer(row))
            continue;
        bool of_sites = looks_at_sites(row);
        if ((of_sites && life->blind_profiles) || needs_hidden(row, life->blind_sources))
            continue;
        bool fresh = of_sites ? new_profile : new_metrics;
        int64_t newest_ns = of_sites ? newest_profile(life) : life->metrics_ns;
        if (!fresh && observation->time_ns - newest_ns <= 2 * state->period_ns)
            continue;
        struct evaluation now = {state, life, observation, sink, fresh};
        int code = evaluate_row(&now, row);
        if (code)
            return code;
    }
    return 0;
}

/* Only opens: what was reported was done. */
static int evaluate_report(struct ld_matrix_state *state, struct ld_life_record *life,
                           const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct evaluation now = {state, life, observation, sink, true};
    int code = 0;
    for (size_t i = 0; !code && i < state->matrix->rows.count; i++)
        if (of_sanitizer(ld_matrix_row(state->matrix, i)))
            code = judge(&now, ld_matrix_row(state->matrix, i), NULL);
    return code;
}

/* ---- observations */

static size_t place_of(const struct ld_matrix_state *state, uint32_t instance)
{
    size_t i = 0;
    while (i < state->count && state->lives[i]->instance < instance)
        i++;
    return i;
}

static int add_life(struct ld_matrix_state *state, const struct ld_observation *observation, size_t place)
{
    if (state->count == INSTANCES_MAX)
        return LD_ELIMIT;
    if (state->count == state->room) {
        size_t room = state->room ? state->room * 2 : 4;
        struct ld_life_record **lives = realloc(state->lives, room * sizeof *lives);
        if (!lives)
            return LD_ENOMEM;
        state->lives = lives;
        state->room = room;
    }
    struct ld_life_record *life = calloc(1, sizeof *life);
    if (!life)
        return LD_ENOMEM;
    life->instance = observation->instance;
    life->incarnation = observation->incarnation;
    life->horizon_ns = state->horizon_ns;
    life->spacing_ns = state->spacing_ns;
    memmove(&state->lives[place + 1], &state->lives[place], (state->count - place) * sizeof *state->lives);
    state->lives[place] = life;
    state->count++;
    return 0;
}

static void end_life(struct ld_matrix_state *state, struct ld_life_record *life,
                     const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    while (life->claim_count)
        close_claim(state, life, observation, sink, 0, "the incarnation ended");
    ld_life_clear(life);
}

/* *ret_life: NULL for an observation of an earlier incarnation, or when an incarnation ended here. */
static int follow(struct ld_matrix_state *state, const struct ld_observation *observation,
                  const struct ld_alert_sink *sink, struct ld_life_record **ret_life)
{
    *ret_life = NULL;
    size_t place = place_of(state, observation->instance);
    if (place == state->count || state->lives[place]->instance != observation->instance) {
        int code = add_life(state, observation, place);
        if (code)
            return code;
    }
    struct ld_life_record *life = state->lives[place];
    if (observation->incarnation < life->incarnation)
        return 0;
    bool ended = observation->kind == LD_OBSERVATION_LIFE && observation->life == LD_LIFE_ENDED;
    struct ld_sanitizer_report report = life->report;
    bool next = observation->incarnation > life->incarnation;
    if (next || ended)
        end_life(state, life, observation, sink);
    if (ended && !next)
        life->report = report; /* its last words may come behind the news of its death */
    life->incarnation = observation->incarnation;
    if (!ended)
        *ret_life = life;
    return 0;
}

static int goroutines(struct ld_matrix_state *state, struct ld_life_record *life,
                      const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    const struct ld_profile *profile = observation->profile;
    bool usable = profile && !profile->truncated && profile->encoding != LD_ENCODING_GROUPS;
    life->blind_profiles = !usable && state->matrix->needs_sites;
    say_blindness(state, life, observation, sink,
                  profile && !profile->truncated
                      ? "could not look: debug=1 profiles do not show what goroutines wait for"
                      : "could not look: the goroutine profile was cut short");
    bool kept = false;
    int code = usable ? ld_life_profile(life, state->matrix, observation, &kept) : 0;
    return code ? code : evaluate(state, life, observation, sink, kept, false);
}

static int metrics(struct ld_matrix_state *state, struct ld_life_record *life, const struct ld_observation *observation,
                   const struct ld_alert_sink *sink)
{
    bool kept;
    int code = ld_life_metrics(life, observation, &kept);
    if (code)
        return code;
    /* What one source shows says nothing of another: /proc goes on beside a /metrics that fails. */
    for (size_t i = 0; i < observation->point_count; i++)
        if ((unsigned)observation->points[i].metric < LD_METRIC_COUNT)
            life->blind_sources &= ~(1u << ld_metric_table[observation->points[i].metric].source);
    say_blindness(state, life, observation, sink, "");
    return evaluate(state, life, observation, sink, false, kept);
}

int ld_matrix_observe(struct ld_matrix_state *state, const struct ld_observation *observation,
                      const struct ld_alert_sink *sink)
{
    struct ld_life_record *life;
    int code = follow(state, observation, sink, &life);
    if (code || !life)
        return code;
    if (observation->kind == LD_OBSERVATION_METRICS)
        return metrics(state, life, observation, sink);
    if (observation->kind == LD_OBSERVATION_PROFILE && observation->profile_kind == LD_PROFILE_GOROUTINE)
        return goroutines(state, life, observation, sink);
    if (observation->kind == LD_OBSERVATION_PROFILE && observation->profile_kind == LD_PROFILE_GOROUTINELEAK &&
        observation->profile && !observation->profile->truncated)
        code = ld_life_leaks(life, observation->profile);
    if (observation->kind == LD_OBSERVATION_LINE && ld_sanitizer_line(&life->report, observation->text))
        code = evaluate_report(state, life, observation, sink);
    if (observation->kind == LD_OBSERVATION_FAILED && !observation->path)
        failed(state, life, observation, sink);
    return code ? code : evaluate(state, life, observation, sink, false, false);
}

enum ld_severity ld_matrix_colour(const struct ld_matrix_state *state, uint32_t instance)
{
    enum ld_severity worst = LD_SEVERITY_GREEN;
    for (size_t i = 0; i < state->count; i++)
        for (size_t k = 0; state->lives[i]->instance == instance && k < state->lives[i]->claim_count; k++)
            if ((enum ld_severity)state->lives[i]->claims[k].row->colour > worst)
                worst = (enum ld_severity)state->lives[i]->claims[k].row->colour;
    return worst;
}
