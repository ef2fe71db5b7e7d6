/* The fault `bandwidth`: bytes leave at a rate. Effective: the bytes had to wait for the rate, none left faster, and
 * they did not leave much slower; where other faults acted on them too, most of them did not. Delays that were drawn
 * are no part of it: what counts is the time after them. */
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

#define RATE_MAX (10.0 * (1 << 30)) /* bytes per second: keeps the arithmetic within 64 bits */
#define QUANTUM_NS (10 * LD_MS)     /* bytes leave in portions of so much time, or of a chunk when that is less */
#define CREDIT_NS (100 * LD_MS)     /* at most so much time that a late pump or a slow receiver wasted is made up for */

#define AT(member) offsetof(union ld_fault_attributes, bandwidth.member)

static const struct ld_field fields[] = {
    {.name = "rate", .type = LD_FIELD_BANDWIDTH, .offset = AT(rate), .flags = LD_FIELD_REQUIRED, .minimum = 1,
     .maximum = RATE_MAX, .doc = "Bytes that pass in a second, at most (Toxiproxy: a number of KB/s)."},
    LD_TOXICITY_FIELD,
    LD_STREAM_FIELD,
    {0},
};

const struct ld_schema ld_fault_bandwidth_schema = {
    .name = "bandwidth",
    .doc = "Limit the rate of each connection and direction. No byte leaves before the rate allows it, nothing is "
           "saved up while nothing waits, and a sender that is too fast is made to wait.",
    .fields = fields,
};

static uint64_t rate_of(const struct ld_toxic *toxic)
{
    return toxic->fault->attributes.bandwidth.rate;
}

static int64_t time_for(uint64_t bytes, uint64_t rate)
{
    return (int64_t)(((unsigned __int128)bytes * LD_SECOND + rate - 1) / rate);
}

/* Fewer bytes than this do not leave alone. */
static uint64_t portion(uint64_t rate, size_t available)
{
    uint64_t quantum = rate / (uint64_t)(LD_SECOND / QUANTUM_NS);
    if (quantum == 0)
        quantum = 1;
    return quantum < available ? quantum : available;
}

/* The instant up to which the rate is used up: never before the byte in hand came. */
static int64_t paid_until(const struct ld_toxic *toxic, const struct ld_exit *exit)
{
    int64_t paid_ns = toxic->state.paid_until_ns > toxic->began_ns ? toxic->state.paid_until_ns : toxic->began_ns;
    return paid_ns > exit->since_ns ? paid_ns : exit->since_ns;
}

static size_t allow(struct ld_toxic *toxic, const struct ld_exit *exit)
{
    uint64_t rate = rate_of(toxic);
    int64_t paid_ns = paid_until(toxic, exit);
    if (exit->now_ns <= paid_ns)
        return 0;
    int64_t credit_ns = exit->now_ns - paid_ns;
    int64_t most_ns = time_for(portion(rate, exit->available), rate);
    most_ns = most_ns > CREDIT_NS ? most_ns : CREDIT_NS;
    if (credit_ns > most_ns)
        credit_ns = most_ns;
    toxic->state.paid_until_ns = exit->now_ns - credit_ns;
    uint64_t bytes = (uint64_t)((unsigned __int128)rate * (uint64_t)credit_ns / LD_SECOND);
    if (bytes < portion(rate, exit->available))
        return 0;
    return bytes < exit->available ? (size_t)bytes : exit->available;
}

static int64_t ready_ns(const struct ld_toxic *toxic, const struct ld_exit *exit)
{
    uint64_t rate = rate_of(toxic);
    return paid_until(toxic, exit) + time_for(portion(rate, exit->available), rate);
}

static void took(struct ld_toxic *toxic, const struct ld_exit *exit, size_t length)
{
    toxic->state.paid_until_ns = paid_until(toxic, exit) + time_for(length, rate_of(toxic));
}

#define TURN_LEAST_NS LD_MS /* what the rate asks of an unbroken run, on average: less is lost in the machine's own */

static int64_t turn_took_ns(const struct ld_piece *piece)
{
    return piece->sent_ns > piece->turn_ns ? piece->sent_ns - piece->turn_ns : 0;
}

/* A piece fits that waited about as long as the rate asks, and not for something slower. */
static void measure_piece(struct ld_effect *effect, const struct ld_fault_spec *fault, const struct ld_piece *piece)
{
    int64_t asked_ns = time_for(piece->length, fault->attributes.bandwidth.rate);
    ld_effect_wait(effect, &(struct ld_wait){.took_ns = turn_took_ns(piece),
                                             .due_ns = 0,
                                             .slack_ns = 2 * asked_ns + LD_EFFECT_SLACK_NS});
}

/* Did the traffic press against the limit at all? Else nothing is proven. Beside other faults the sum of the times may
 * be another's, who held the bytes for a while: then the pieces tell, one by one. */
static bool pressed(const struct ld_measures *measures, int64_t asked_ns)
{
    if (measures->turns == 0 || asked_ns / (int64_t)measures->turns < TURN_LEAST_NS)
        return false;
    if (measures->shared_pieces > 0)
        return measures->fitting >= measures->pieces - measures->fitting;
    return asked_ns >= measures->turn_ns / 2;
}

static uint64_t delivered_rate(const struct ld_measures *measures)
{
    double seconds = (double)(measures->turn_ns > 0 ? measures->turn_ns : 1) / (double)LD_SECOND;
    return (uint64_t)((double)measures->bytes / seconds);
}

static void describe(const struct ld_measures *measures, struct ld_receipt *receipt)
{
    char asked[40], delivered[40], bytes[40], time[40];
    ld_format_size(receipt->asked, asked, sizeof asked);
    ld_format_size_short(measures->bytes, bytes, sizeof bytes);
    if (measures->pieces == 0)
        snprintf(receipt->text, sizeof receipt->text, "asked %s/s, nothing passed", asked);
    else if (measures->turn_ns == 0)
        snprintf(receipt->text, sizeof receipt->text, "asked %s/s, %s passed at once", asked, bytes);
    else
        snprintf(receipt->text, sizeof receipt->text, "asked %s/s, delivered %s/s: %s in %s", asked,
                 ld_format_size_short(receipt->delivered, delivered, sizeof delivered), bytes,
                 ld_format_duration_short(measures->turn_ns, time, sizeof time));
    if (measures->pieces == 0)
        ld_effect_describe_reach(measures, receipt);
    else if (measures->shared_pieces > 0)
        ld_effect_append(receipt, ", beside other faults");
}

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    int64_t asked_ns = time_for(measures->bytes, fault->attributes.bandwidth.rate);
    int64_t late_ns = measures->turn_ns - asked_ns;
    bool slow_enough = late_ns >= -asked_ns / 50;
    bool fast_enough = late_ns <= asked_ns / 10 + (int64_t)measures->turns * LD_EFFECT_SLACK_NS;
    receipt->count = measures->pieces;
    receipt->unit = "B/s";
    receipt->asked = fault->attributes.bandwidth.rate;
    receipt->delivered = delivered_rate(measures);
    receipt->effective = slow_enough && (fast_enough || measures->shared_pieces > 0) && pressed(measures, asked_ns);
    describe(measures, receipt);
    if (measures->pieces > 0 && slow_enough && !pressed(measures, asked_ns))
        ld_effect_append(receipt, ", too little to feel the limit");
}

const struct ld_toxic_kind ld_toxic_bandwidth = {
    .looks_at_bytes = true,
    .allow = allow,
    .ready_ns = ready_ns,
    .took = took,
    .rate = rate_of,
    .measure_piece = measure_piece,
    .judge = judge,
};
