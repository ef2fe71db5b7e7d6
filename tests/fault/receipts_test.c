/* Receipts: each toxic with a link that works, and with one whose toxic was disabled. Between the two only the meter
 * looks, as in the proxy: what the disabled one yields must never be called effective. */
#include "fault/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "fault/meter.h"

/* One connection's direction with its meter, and a proxy of a few lines around them. */
struct lane {
    struct ld_link *link;
    struct ld_meter *meter;
    int64_t now_ns;
    bool open;
};

static void settle(struct lane *lane, int64_t until_ns)
{
    for (;;) {
        int64_t due_ns = ld_link_due(lane->link), fate_ns = ld_link_fate_due(lane->link);
        int64_t next_ns = due_ns < fate_ns ? due_ns : fate_ns;
        if (!lane->open || next_ns > until_ns)
            break;
        if (next_ns > lane->now_ns)
            lane->now_ns = next_ns;
        lane->now_ns += 60 * LD_US; /* never quite in time */
        const void *bytes;
        size_t length;
        while ((length = ld_link_peek(lane->link, lane->now_ns, &bytes)) > 0) {
            ld_link_consume(lane->link, length, lane->now_ns);
            ld_meter_sent(lane->meter, length, lane->now_ns);
        }
        enum ld_fate fate = ld_link_fate(lane->link, lane->now_ns);
        if (fate != LD_FATE_NONE) {
            ld_meter_end_passed(lane->meter, fate == LD_FATE_RESET ? LD_END_RESET : LD_END_FIN, true, lane->now_ns);
            lane->open = false;
        } else if (ld_link_finished(lane->link, lane->now_ns)) {
            ld_meter_end_passed(lane->meter, LD_END_FIN, false, lane->now_ns);
            lane->open = false;
        }
    }
    lane->now_ns = until_ns > lane->now_ns ? until_ns : lane->now_ns;
}

static void send(struct lane *lane, size_t length)
{
    char *bytes = calloc(1, length);
    if (ld_link_room(lane->link) >= length) {
        assert_int_equal(ld_link_write(lane->link, bytes, length, lane->now_ns), 0);
        ld_meter_received(lane->meter, length, lane->now_ns);
    }
    free(bytes);
}

/* Traffic of two seconds on one connection: messages of `size` every 20 ms, in the middle of which the fault begins,
 * and an end. Disabled: the link is never told of the fault. */
static void run_lane(const struct ld_fault_spec *fault, struct ld_effect *effect, uint64_t connection, size_t size,
                     bool disabled)
{
    struct lane lane = {.link = ld_link_new(SEED, connection, LD_STREAM_DOWN), .meter = ld_meter_new(), .open = true};
    bool touched = ld_toxic_touches(SEED, fault->id, connection, ld_fault_toxicity(fault));
    for (int i = 0; i < 100 && lane.open; i++) {
        if (i == 20) {
            if (!disabled)
                assert_int_equal(ld_link_add(lane.link, fault, lane.now_ns), 0);
            if (touched)
                ld_meter_attach(lane.meter, effect, lane.now_ns);
            ld_effect_connection(effect, touched);
        }
        send(&lane, size);
        settle(&lane, (i + 1) * 20 * MS);
    }
    if (lane.open) {
        ld_link_end(lane.link, lane.now_ns);
        ld_meter_end_seen(lane.meter, lane.now_ns);
        settle(&lane, lane.now_ns + 500 * MS);
    }
    size_t unread = !disabled && fault->type == LD_FAULT_STALL && touched ? size : 0;
    ld_meter_detach(lane.meter, effect, unread);
    ld_link_free(lane.link);
    ld_meter_free(lane.meter);
}

static struct ld_receipt run(const struct ld_fault_spec *fault, size_t size, bool disabled)
{
    struct ld_receipt receipt;
    struct ld_effect *effect = ld_effect_new(fault);
    for (uint64_t connection = 0; connection < 8; connection++)
        run_lane(fault, effect, connection, size, disabled);
    ld_effect_receipt(effect, fault, &receipt);
    ld_effect_free(effect);
    return receipt;
}

static void check(const struct ld_fault_spec *fault, size_t size)
{
    struct ld_receipt works = run(fault, size, false), disabled = run(fault, size, true);
    print_message("           %-11s works: %s\n           %-11s disabled: %s\n", ld_fault_table[fault->type].name,
                  works.text, "", disabled.text);
    if (!works.effective)
        fail_msg("it worked, and the receipt says no: %s", works.text);
    if (disabled.effective)
        fail_msg("it was disabled, and the receipt says yes: %s", disabled.text);
    assert_int_equal(works.touched + works.spared, 8);
}

static void latency(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_LATENCY, "a/0/latency");
    static const int64_t asked[][2] = {{200, 0}, {200, 50}, {30, 30}, {20, 100}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        fault.attributes.latency.latency_ns = asked[i][0] * MS;
        fault.attributes.latency.jitter_ns = asked[i][1] * MS;
        check(&fault, 300);
    }
    fault.attributes.reach.toxicity = 0.5;
    check(&fault, 300);
}

static void bandwidth(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_BANDWIDTH, "a/0/bandwidth");
    fault.attributes.bandwidth.rate = 20 << 10;
    check(&fault, 300);
    fault.attributes.bandwidth.rate = 1 << 20;
    check(&fault, 60 << 10);
    struct ld_receipt rate = run(&fault, 60 << 10, false);
    assert_string_equal(rate.unit, "B/s");
    assert_int_equal(rate.asked, 1 << 20);
    assert_in_range(rate.delivered, (1 << 20) * 98 / 100, 1 << 20);
    fault.attributes.bandwidth.rate = (uint64_t)1 << 30; /* too fast for this traffic to feel: no proof */
    struct ld_receipt receipt = run(&fault, 300, false);
    assert_false(receipt.effective);
    assert_non_null(strstr(receipt.text, "too little to feel the limit"));
}

static void slow_close(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_SLOW_CLOSE, "a/0/slow_close");
    fault.attributes.slow_close.delay_ns = 150 * MS;
    check(&fault, 300);
}

static void timeouts(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_TIMEOUT, "a/0/timeout");
    fault.attributes.timeout.timeout_ns = 700 * MS;
    check(&fault, 300);
    fault.attributes.timeout.timeout_ns = 0;
    check(&fault, 300);
    fault.attributes.timeout.timeout_ns = LD_HOUR;
    check(&fault, 300);
}

static void reset_peer(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_RESET_PEER, "a/0/reset_peer");
    fault.attributes.reach.stream = LD_STREAM_BOTH;
    check(&fault, 300);
    fault.attributes.timeout.timeout_ns = 700 * MS;
    check(&fault, 300);
}

static void slicer(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_SLICER, "a/0/slicer");
    fault.attributes.slicer.average_size = 64;
    fault.attributes.slicer.size_variation = 30;
    check(&fault, 300);
    fault.attributes.slicer.delay_ns = 2 * MS;
    check(&fault, 300);
    struct ld_receipt receipt = run(&fault, 20, false); /* nothing to cut: no proof */
    assert_true(receipt.effective || strstr(receipt.text, "cut nothing"));
}

static void limit_data(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_LIMIT_DATA, "a/0/limit_data");
    fault.attributes.limit_data.bytes = 10000;
    check(&fault, 300);
    fault.attributes.limit_data.bytes = 1 << 30; /* never reached: no proof */
    assert_false(run(&fault, 300, false).effective);
}

static void stall(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_STALL, "a/0/stall");
    check(&fault, 300);
}

static void nobody_there_is_no_proof(void **state)
{
    (void)state;
    for (int type = 0; type < LD_FAULT_TYPES; type++) {
        if (ld_fault_table[type].scope != LD_SCOPE_PROXY)
            continue;
        struct ld_fault_spec fault = toxic_spec((enum ld_fault_type)type, "a/0/any");
        fault.attributes.bandwidth.rate = 1000; /* and the first attribute of all others */
        struct ld_receipt receipt;
        struct ld_effect *effect = ld_effect_new(&fault);
        ld_effect_receipt(effect, &fault, &receipt);
        assert_false(receipt.effective);
        assert_true(receipt.text[0] != '\0');
        print_message("           %s\n", receipt.text);
        ld_effect_free(effect);
    }
}

static void down_is_proven_by_connects(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_DOWN, "a/0/down");
    struct ld_effect *effect = ld_effect_new(&fault);
    struct ld_receipt receipt;
    ld_effect_probe(effect, true);
    ld_effect_probe(effect, true);
    ld_effect_receipt(effect, &fault, &receipt);
    assert_true(receipt.effective);
    assert_string_equal(receipt.text, "2 of 2 connects refused, 0 resets sent");
    ld_effect_probe(effect, false);
    ld_effect_receipt(effect, &fault, &receipt);
    assert_false(receipt.effective);
    ld_effect_free(effect);
}

static void connects_that_waited(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_CONNECT_DELAY, "a/0/connect_delay");
    fault.attributes.connect_delay.delay_ns = 100 * MS;
    for (int early = 0; early < 2; early++) {
        struct ld_effect *effect = ld_effect_new(&fault);
        struct ld_receipt receipt;
        ld_effect_connect(effect, LD_SECOND, LD_SECOND + 101 * MS);
        ld_effect_connect(effect, LD_SECOND, LD_SECOND + (early ? 0 : 100 * MS));
        ld_effect_receipt(effect, &fault, &receipt);
        assert_int_equal(receipt.effective, !early);
        ld_effect_free(effect);
    }
}

int test_receipts(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latency),    cmocka_unit_test(bandwidth),
        cmocka_unit_test(slow_close), cmocka_unit_test(timeouts),
        cmocka_unit_test(reset_peer), cmocka_unit_test(slicer),
        cmocka_unit_test(limit_data), cmocka_unit_test(stall),
        cmocka_unit_test(nobody_there_is_no_proof),
        cmocka_unit_test(down_is_proven_by_connects),
        cmocka_unit_test(connects_that_waited),
    };
    return cmocka_run_group_tests_name("receipts", tests, NULL, NULL);
}
