/* What a toxic did, measured: a histogram of fixed size whose buckets grow with the value, as HdrHistogram's do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "fault/toxic.h"

/* Values below 2^PRECISION ns have a bucket each; above, every power of two is cut into 2^PRECISION buckets, so that
 * the middle of a bucket is at most 2^-(PRECISION + 1) = 0.2 % off. The last power holds 2^43 ns, over two hours. */
#define PRECISION 8
#define SUB_BUCKETS (1u << PRECISION)
#define POWERS 36
#define BUCKETS (POWERS * SUB_BUCKETS)

#define SLACK_NS (5 * LD_MS) /* what a busy machine may add before the fault counts as another one than asked */

struct ld_effect {
    int64_t asked_ns;
    uint64_t touched, spared;
    uint64_t count;
    int64_t least_ns, most_ns;
    int64_t worst_early_ns;
    uint64_t buckets[BUCKETS];
};

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

struct ld_effect *ld_effect_new(int64_t asked_ns)
{
    struct ld_effect *effect = calloc(1, sizeof *effect);
    if (effect)
        effect->asked_ns = asked_ns;
    return effect;
}

void ld_effect_free(struct ld_effect *effect)
{
    free(effect);
}

void ld_effect_connection(struct ld_effect *effect, bool touched)
{
    if (touched)
        effect->touched++;
    else
        effect->spared++;
}

void ld_effect_chunk(struct ld_effect *effect, int64_t arrived_ns, int64_t due_ns, int64_t left_ns)
{
    int64_t delay_ns = left_ns > arrived_ns ? left_ns - arrived_ns : 0;
    if (effect->count == 0 || delay_ns < effect->least_ns)
        effect->least_ns = delay_ns;
    if (delay_ns > effect->most_ns)
        effect->most_ns = delay_ns;
    if (due_ns - left_ns > effect->worst_early_ns)
        effect->worst_early_ns = due_ns - left_ns;
    effect->count++;
    effect->buckets[bucket_of((uint64_t)delay_ns)]++;
}

/* The value at or below which `percent` of the chunks lie (nearest rank); 0 when there is none. */
static int64_t quantile(const struct ld_effect *effect, uint64_t percent)
{
    uint64_t rank = effect->count / 100 * percent + (effect->count % 100 * percent + 99) / 100;
    uint64_t seen = 0;
    for (size_t i = 0; i < BUCKETS && rank > 0; i++) {
        seen += effect->buckets[i];
        if (seen < rank)
            continue;
        int64_t value = bucket_middle(i);
        if (value < effect->least_ns)
            return effect->least_ns;
        return value > effect->most_ns ? effect->most_ns : value;
    }
    return 0;
}

static bool in_range(int64_t p50_ns, const struct ld_fault_latency *latency)
{
    int64_t tolerance_ns = latency->jitter_ns + SLACK_NS + latency->latency_ns / 500;
    return p50_ns >= latency->latency_ns - tolerance_ns && p50_ns <= latency->latency_ns + tolerance_ns;
}

static void describe(struct ld_receipt *receipt)
{
    char asked[40], p50[40], p99[40], early[40];
    int n = snprintf(receipt->text, sizeof receipt->text, "asked %s, ",
                     ld_format_duration_short(receipt->asked_ns, asked, sizeof asked));
    size_t used = (size_t)n, left = sizeof receipt->text - used;
    if (receipt->count == 0)
        n = snprintf(receipt->text + used, left, "delayed nothing; %llu connections touched, %llu spared",
                     (unsigned long long)receipt->touched, (unsigned long long)receipt->spared);
    else
        n = snprintf(receipt->text + used, left, "delivered p50 %s p99 %s over %llu",
                     ld_format_duration_short(receipt->p50_ns, p50, sizeof p50),
                     ld_format_duration_short(receipt->p99_ns, p99, sizeof p99), (unsigned long long)receipt->count);
    if (receipt->worst_early_ns > 0)
        snprintf(receipt->text + used + n, left - (size_t)n, ", up to %s early",
                 ld_format_duration_short(receipt->worst_early_ns, early, sizeof early));
}

void ld_effect_receipt(const struct ld_effect *effect, const struct ld_fault_spec *fault,
                       struct ld_receipt *ret_receipt)
{
    struct ld_receipt receipt = {
        .touched = effect->touched,
        .spared = effect->spared,
        .count = effect->count,
        .asked_ns = effect->asked_ns,
        .p50_ns = quantile(effect, 50),
        .p99_ns = quantile(effect, 99),
        .worst_early_ns = effect->worst_early_ns,
    };
    receipt.effective = receipt.count > 0 && receipt.worst_early_ns == 0 &&
                        in_range(receipt.p50_ns, &fault->attributes.latency);
    describe(&receipt);
    *ret_receipt = receipt;
}
