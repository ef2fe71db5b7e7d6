/* What a toxic did, measured: a histogram of fixed size whose buckets grow with the value, as HdrHistogram's do. */
#include "fault/effect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fault/toxic_kind.h"

/* Values below 2^PRECISION have a bucket each; above, every power of two is cut into 2^PRECISION buckets, so that the
 * middle of a bucket is at most 2^-(PRECISION + 1) = 0.2 % off. The last power holds 2^43 ns, over two hours. */
#define PRECISION 8
#define SUB_BUCKETS (1u << PRECISION)
#define POWERS 36
#define BUCKETS (POWERS * SUB_BUCKETS)

struct ld_effect {
    struct ld_fault_spec fault;
    uint64_t seed;
    struct ld_measures measures;
    uint64_t buckets[BUCKETS];
};

static const struct ld_toxic_kind *kind_of(const struct ld_effect *effect)
{
    return ld_fault_table[effect->fault.type].toxic;
}

static size_t bucket_of(uint64_t value)
{
    if (value < SUB_BUCKETS)
        return (size_t)value;
    unsigned power = 63u - (unsigned)__builtin_clzll(value) - PRECISION + 1; /* at least 1 */
    if (power >= POWERS)
        return BUCKETS - 1;
    return power * SUB_BUCKETS + (size_t)((value >> (power - 1)) - SUB_BUCKETS);
}

static int64_t bucket_middle(size_t bucket)
{
    if (bucket < SUB_BUCKETS)
        return (int64_t)bucket;
    unsigned power = (unsigned)(bucket / SUB_BUCKETS);
    int64_t width = INT64_C(1) << (power - 1);
    return (int64_t)(SUB_BUCKETS + bucket % SUB_BUCKETS) * width + width / 2;
}

struct ld_effect *ld_effect_new(uint64_t seed, const struct ld_fault_spec *fault)
{
    struct ld_effect *effect = calloc(1, sizeof *effect);
    if (!effect)
        return NULL;
    effect->seed = seed;
    effect->fault = *fault;
    return effect;
}

void ld_effect_free(struct ld_effect *effect)
{
    free(effect);
}

void ld_effect_connection(struct ld_effect *effect, bool touched)
{
    if (touched)
        effect->measures.touched++;
    else
        effect->measures.spared++;
}

void ld_effect_value(struct ld_effect *effect, int64_t value, int64_t floor, bool shared)
{
    struct ld_measures *measures = &effect->measures;
    if (value < 0)
        value = 0;
    if (measures->count == 0 || value < measures->least)
        measures->least = value;
    if (value > measures->most)
        measures->most = value;
    if (floor - value > measures->worst_early_ns)
        measures->worst_early_ns = floor - value;
    measures->count++;
    measures->shared += shared;
    effect->buckets[bucket_of((uint64_t)value)]++;
}

uint64_t ld_effect_seed(const struct ld_effect *effect)
{
    return effect->seed;
}

void ld_effect_wait(struct ld_effect *effect, const struct ld_wait *wait)
{
    struct ld_measures *measures = &effect->measures;
    ld_effect_value(effect, wait->took_ns, wait->due_ns, wait->shared);
    measures->fitting += wait->shared || wait->took_ns - wait->due_ns <= wait->due_ns / 500 + wait->slack_ns;
    if (wait->drawn_ns >= LD_EFFECT_FELT_NS && measures->felt_ns < LD_SECOND)
        measures->felt_ns += wait->drawn_ns;
}

int64_t ld_effect_delay_ns(const struct ld_effect *effect, uint64_t connection, enum ld_stream stream,
                           uint64_t position)
{
    const struct ld_toxic toxic = {
        .fault = &effect->fault, .seed = effect->seed, .connection = connection, .stream = stream};
    return kind_of(effect)->delay_ns ? kind_of(effect)->delay_ns(&toxic, position) : 0;
}

void ld_effect_piece(struct ld_effect *effect, const struct ld_piece *piece)
{
    struct ld_measures *measures = &effect->measures;
    bool behind = piece->turn_ns > piece->due_ns;
    measures->pieces++;
    measures->shared_pieces += piece->shared;
    measures->bytes += piece->length;
    measures->turns += !behind || measures->turns == 0;
    measures->cuts += piece->cut;
    if (piece->sent_ns > piece->turn_ns)
        measures->turn_ns += piece->sent_ns - piece->turn_ns;
    if (kind_of(effect)->measure_piece)
        kind_of(effect)->measure_piece(effect, &effect->fault, piece);
}

void ld_effect_end(struct ld_effect *effect, const struct ld_end *end)
{
    if (end->by_fault && end->kind == LD_END_FIN)
        effect->measures.fins++;
    if (end->by_fault && end->kind == LD_END_RESET)
        effect->measures.resets++;
    if (kind_of(effect)->measure_end)
        kind_of(effect)->measure_end(effect, &effect->fault, end);
}

void ld_effect_stream(struct ld_effect *effect, const struct ld_stretch *stretch)
{
    struct ld_measures *measures = &effect->measures;
    measures->streams++;
    if (stretch->delivered > measures->delivered_most)
        measures->delivered_most = stretch->delivered;
    measures->held_streams += stretch->waiting > 0;
    measures->held_bytes += stretch->waiting;
    if (!stretch->cut && stretch->acted_ns > measures->uncut_ns)
        measures->uncut_ns = stretch->acted_ns;
}

void ld_effect_probe(struct ld_effect *effect, bool refused)
{
    if (refused)
        effect->measures.connects_refused++;
    else
        effect->measures.connects_taken++;
}

void ld_effect_connect(struct ld_effect *effect, const struct ld_connect *connect)
{
    if (kind_of(effect)->measure_connect)
        kind_of(effect)->measure_connect(effect, &effect->fault, connect);
}

/* The value at or below which `percent` of the values lie (nearest rank); 0 when there is none. */
static int64_t quantile(const struct ld_effect *effect, uint64_t percent)
{
    const struct ld_measures *measures = &effect->measures;
    uint64_t rank = measures->count / 100 * percent + (measures->count % 100 * percent + 99) / 100;
    uint64_t seen = 0;
    for (size_t i = 0; i < BUCKETS && rank > 0; i++) {
        seen += effect->buckets[i];
        if (seen < rank)
            continue;
        int64_t value = bucket_middle(i);
        if (value < measures->least)
            return measures->least;
        return value > measures->most ? measures->most : value;
    }
    return 0;
}

bool ld_effect_on_time(const struct ld_measures *measures, int64_t asked_ns, int64_t slack_ns)
{
    int64_t latest_ns = asked_ns + asked_ns / 500 + slack_ns;
    if (measures->count == 0 || measures->worst_early_ns > 0)
        return false;
    return measures->shared > 0 || measures->p50 <= latest_ns;
}

bool ld_effect_as_drawn(const struct ld_measures *measures)
{
    return measures->count > 0 && measures->worst_early_ns == 0 && measures->felt_ns >= LD_EFFECT_FELT_SUM_NS &&
           measures->fitting >= measures->count - measures->fitting;
}

bool ld_effect_overdue(const struct ld_measures *measures, int64_t after_ns)
{
    return measures->uncut_ns > after_ns + LD_EFFECT_OVERDUE_NS;
}

void ld_effect_append(struct ld_receipt *receipt, const char *text)
{
    size_t used = strlen(receipt->text);
    snprintf(receipt->text + used, sizeof receipt->text - used, "%s", text);
}

void ld_effect_describe_reach(const struct ld_measures *measures, struct ld_receipt *receipt)
{
    char text[96];
    snprintf(text, sizeof text, "; %llu connection%s touched, %llu spared", (unsigned long long)measures->touched,
             measures->touched == 1 ? "" : "s", (unsigned long long)measures->spared);
    ld_effect_append(receipt, text);
}

void ld_effect_describe_time(const struct ld_measures *measures, int64_t asked_ns, const char *nothing,
                             struct ld_receipt *receipt)
{
    char asked[40], p50[40], p99[40], early[40], text[96];
    receipt->count = measures->count;
    receipt->asked_ns = asked_ns;
    receipt->p50_ns = measures->p50;
    receipt->p99_ns = measures->p99;
    receipt->worst_early_ns = measures->worst_early_ns;
    ld_format_duration_short(asked_ns, asked, sizeof asked);
    if (measures->count == 0) {
        snprintf(receipt->text, sizeof receipt->text, "asked %s, %s", asked, nothing);
        ld_effect_describe_reach(measures, receipt);
        return;
    }
    snprintf(receipt->text, sizeof receipt->text, "asked %s, delivered p50 %s p99 %s over %llu", asked,
             ld_format_duration_short(measures->p50, p50, sizeof p50),
             ld_format_duration_short(measures->p99, p99, sizeof p99), (unsigned long long)measures->count);
    if (measures->shared)
        ld_effect_append(receipt, ", beside other faults");
    if (measures->worst_early_ns == 0)
        return;
    snprintf(text, sizeof text, ", up to %s early",
             ld_format_duration_short(measures->worst_early_ns, early, sizeof early));
    ld_effect_append(receipt, text);
}

/* There was nothing on which it could have acted: no byte came or waited, no connection was made or ended. */
static bool is_idle(const struct ld_measures *measures)
{
    return measures->count + measures->pieces + measures->delivered_most + measures->held_streams + measures->fins +
               measures->resets + measures->connects_refused + measures->connects_taken ==
           0;
}

void ld_effect_receipt(const struct ld_effect *effect, const struct ld_fault_spec *fault,
                       struct ld_receipt *ret_receipt)
{
    struct ld_measures measures = effect->measures;
    measures.p50 = quantile(effect, 50);
    measures.p99 = quantile(effect, 99);
    struct ld_receipt receipt = {.touched = measures.touched, .spared = measures.spared, .idle = is_idle(&measures)};
    kind_of(effect)->judge(&measures, fault, &receipt);
    *ret_receipt = receipt;
}
