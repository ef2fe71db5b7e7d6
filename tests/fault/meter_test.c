/* The meter: from instants and lengths to pieces, ends and streams, whoever let them through. */
#include "fault/stream.h"

#include "fault/meter.h"

static struct ld_receipt receipt_of(const struct ld_effect *effect, const struct ld_fault_spec *fault)
{
    struct ld_receipt receipt;
    ld_effect_receipt(effect, fault, &receipt);
    return receipt;
}

static struct ld_fault_spec latency(int64_t latency_ns)
{
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_LATENCY, "a/0/latency");
    fault.attributes.latency.latency_ns = latency_ns;
    return fault;
}

static void pieces_are_timed_from_their_own_arrival(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency(10 * MS);
    struct ld_effect *effect = ld_effect_new(SEED, &fault);
    struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
    ld_meter_attach(meter, effect, 0);
    ld_meter_received(meter, 100, 0);
    ld_meter_received(meter, 50, 3 * MS);
    ld_meter_sent(meter, 60, 10 * MS);
    ld_meter_sent(meter, 90, 13 * MS); /* 40 of the first in 13 ms, 50 of the second in 10 */
    struct ld_receipt receipt = receipt_of(effect, &fault);
    assert_int_equal(receipt.count, 3);
    assert_int_equal(receipt.worst_early_ns, 0);
    assert_in_range(receipt.p50_ns, 10 * MS, 10 * MS + 20 * LD_US);
    assert_in_range(receipt.p99_ns, 13 * MS - 26 * LD_US, 13 * MS);
    assert_true(receipt.effective);
    ld_meter_free(meter);
    ld_effect_free(effect);
}

/* What came while nothing was attached has no time; it must not be taken for what came after. */
static void what_came_before_the_fault_is_not_measured(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency(10 * MS);
    struct ld_effect *effect = ld_effect_new(SEED, &fault);
    struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
    assert_true(ld_meter_idle(meter));
    ld_meter_received(meter, 70, 0);
    ld_meter_sent(meter, 20, 0);
    ld_meter_attach(meter, effect, MS);
    assert_false(ld_meter_idle(meter));
    ld_meter_received(meter, 30, 2 * MS);
    ld_meter_sent(meter, 40, 2 * MS);
    assert_int_equal(receipt_of(effect, &fault).count, 0);
    ld_meter_sent(meter, 30, 12 * MS); /* 10 of before, 20 of after */
    struct ld_receipt receipt = receipt_of(effect, &fault);
    assert_int_equal(receipt.count, 1);
    assert_int_equal(receipt.p50_ns, 10 * MS);
    assert_int_equal(receipt.worst_early_ns, 0);
    ld_meter_free(meter);
    ld_effect_free(effect);
}

/* Of a piece that holds bytes of before and after, only those of after are measured. */
static void bytes_of_before_do_not_make_a_piece_longer(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_SLICER, "a/0/slicer");
    fault.attributes.slicer.average_size = 30;
    struct ld_effect *effect = ld_effect_new(SEED, &fault);
    struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
    ld_meter_received(meter, 1000, 0);
    ld_meter_attach(meter, effect, 0);
    ld_meter_received(meter, 60, 0);
    ld_meter_sent(meter, 1030, 1);
    ld_meter_sent(meter, 30, 2);
    assert_string_equal(receipt_of(effect, &fault).text,
                        "asked pieces of 30B, delivered 2, p50 30B, the largest 30B, 2ns from one to the next");
    ld_meter_free(meter);
    ld_effect_free(effect);
}

/* Some bytes kept, one let through: it did not hold. */
static void a_hold_with_a_hole_is_none(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_TIMEOUT, "a/0/timeout");
    for (size_t hole = 0; hole < 2; hole++) {
        struct ld_effect *effect = ld_effect_new(SEED, &fault);
        struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
        ld_meter_attach(meter, effect, 0);
        ld_meter_received(meter, 10, 0);
        ld_meter_sent(meter, hole, 1);
        ld_meter_detach(meter, effect, 0, 2);
        assert_int_equal(receipt_of(effect, &fault).effective, !hole);
        ld_meter_free(meter);
        ld_effect_free(effect);
    }
}

static void what_was_held_when_the_fault_ended_is_not_measured(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency(10 * MS);
    struct ld_effect *effect = ld_effect_new(SEED, &fault), *later = ld_effect_new(SEED, &fault);
    struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
    ld_meter_attach(meter, effect, 0);
    ld_meter_received(meter, 30, 0);
    ld_meter_detach(meter, effect, 0, MS);
    ld_meter_detach(meter, effect, 0, MS); /* once is enough */
    ld_meter_attach(meter, later, 5 * MS);
    ld_meter_sent(meter, 30, 10 * MS);
    assert_int_equal(receipt_of(effect, &fault).count, 0);
    assert_int_equal(receipt_of(later, &fault).count, 0);
    ld_meter_free(meter);
    ld_effect_free(effect);
    ld_effect_free(later);
}

/* A long queue: the ring grows around its seam. */
static void many_pieces_in_flight(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency(LD_SECOND);
    struct ld_effect *effect = ld_effect_new(SEED, &fault);
    struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
    int64_t sent = 0;
    ld_meter_attach(meter, effect, 0);
    for (int64_t i = 0; i < 5000; i++) {
        ld_meter_received(meter, 3, i * MS);
        if (i >= 1000 || i % 3 == 0) {
            ld_meter_sent(meter, 3, LD_SECOND + sent * MS);
            sent++;
        }
    }
    struct ld_receipt receipt = receipt_of(effect, &fault);
    assert_int_equal(receipt.count, sent);
    assert_int_equal(receipt.p50_ns, LD_SECOND);
    assert_int_equal(receipt.p99_ns, LD_SECOND);
    ld_meter_free(meter);
    ld_effect_free(effect);
}

static void a_fault_alone_and_one_beside_another(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency(10 * MS), other = latency(300 * MS);
    struct ld_effect *effect = ld_effect_new(SEED, &fault), *beside = ld_effect_new(SEED, &other);
    struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
    ld_meter_attach(meter, effect, 0);
    ld_meter_attach(meter, beside, 0);
    ld_meter_received(meter, 1, 0);
    ld_meter_sent(meter, 1, 310 * MS);
    struct ld_receipt receipt = receipt_of(effect, &fault);
    assert_true(receipt.effective); /* 310 ms: the rest is the other's */
    assert_string_equal(receipt.text, "asked 10ms, delivered p50 310ms p99 310ms over 1, beside other faults");
    assert_true(receipt_of(beside, &other).effective);
    ld_meter_free(meter);
    ld_effect_free(effect);
    ld_effect_free(beside);
}

static void an_end_counts_from_the_last_byte_or_from_itself(void **state)
{
    (void)state;
    static const struct {
        int64_t sent_ms, seen_ms, passed_ms, took_ms;
    } cases[] = {{5, 3, 105, 100}, {3, 5, 105, 100}, {5, 5, 5, 0}};
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_SLOW_CLOSE, "a/0/slow_close");
    fault.attributes.slow_close.delay_ns = 100 * MS;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ld_effect *effect = ld_effect_new(SEED, &fault);
        struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
        ld_meter_attach(meter, effect, 0);
        ld_meter_received(meter, 1, 0);
        if (cases[i].sent_ms <= cases[i].seen_ms)
            ld_meter_sent(meter, 1, cases[i].sent_ms * MS);
        ld_meter_end_seen(meter, cases[i].seen_ms * MS);
        ld_meter_end_seen(meter, 90 * MS); /* the first is it */
        if (cases[i].sent_ms > cases[i].seen_ms)
            ld_meter_sent(meter, 1, cases[i].sent_ms * MS);
        ld_meter_end_passed(meter, LD_END_FIN, false, cases[i].passed_ms * MS);
        struct ld_receipt receipt = receipt_of(effect, &fault);
        assert_int_equal(receipt.count, 1);
        assert_int_equal(receipt.p50_ns, cases[i].took_ms * MS);
        assert_int_equal(receipt.effective, cases[i].took_ms >= 100);
        ld_meter_free(meter);
        ld_effect_free(effect);
    }
}

static void a_detached_stream_tells_what_left_and_what_waits(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_STALL, "a/0/stall");
    struct ld_effect *effect = ld_effect_new(SEED, &fault);
    struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
    ld_meter_received(meter, 10, 0); /* held since before */
    ld_meter_attach(meter, effect, 0);
    ld_meter_detach(meter, effect, 90, MS);
    struct ld_receipt receipt = receipt_of(effect, &fault);
    assert_string_equal(receipt.text, "100B kept waiting on 1 of 1 streams");
    assert_true(receipt.effective);
    ld_meter_attach(meter, effect, MS);
    ld_meter_sent(meter, 4, MS);
    ld_meter_detach(meter, effect, 0, 2 * MS);
    receipt = receipt_of(effect, &fault);
    assert_string_equal(receipt.text, "106B kept waiting on 2 of 2 streams; up to 4B passed all the same");
    assert_false(receipt.effective);
    ld_meter_free(meter);
    ld_effect_free(effect);
}

int test_meter(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_timed_from_their_own_arrival),
        cmocka_unit_test(what_came_before_the_fault_is_not_measured),
        cmocka_unit_test(bytes_of_before_do_not_make_a_piece_longer),
        cmocka_unit_test(a_hold_with_a_hole_is_none),
        cmocka_unit_test(what_was_held_when_the_fault_ended_is_not_measured),
        cmocka_unit_test(many_pieces_in_flight),
        cmocka_unit_test(a_fault_alone_and_one_beside_another),
        cmocka_unit_test(an_end_counts_from_the_last_byte_or_from_itself),
        cmocka_unit_test(a_detached_stream_tells_what_left_and_what_waits),
    };
    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
