/* Receipts: each toxic with a link that works, and with one whose toxic was disabled. Between the two only the meter
 * looks, as in the proxy: what the disabled one yields must never be called effective. */
#include "fault/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "fault/cpu.h"
#include "fault/meter.h"
#include "fault/receipt.h"
#include "fault/sampling.h"

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
    struct lane lane = {.link = ld_link_new(SEED, connection, LD_STREAM_DOWN),
                        .meter = ld_meter_new(connection, LD_STREAM_DOWN),
                        .open = true};
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
    ld_meter_detach(lane.meter, effect, unread, lane.now_ns);
    ld_link_free(lane.link);
    ld_meter_free(lane.meter);
}

static struct ld_receipt run(const struct ld_fault_spec *fault, size_t size, bool disabled)
{
    struct ld_receipt receipt;
    struct ld_effect *effect = ld_effect_new(SEED, fault);
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
    check(&fault, 20);
    fault.attributes.slicer.size_variation = 0;
    struct ld_receipt receipt = run(&fault, 32, false); /* messages end at every cut: no proof */
    assert_false(receipt.effective);
    assert_string_equal(receipt.text, "asked pieces of 64B, cut nothing; 8 connections touched, 0 spared");
}

/* A disabled slicer, and a kernel that took a few messages in two. */
static void a_few_cuts_of_the_kernel_are_no_slicer(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_SLICER, "a/0/slicer");
    fault.attributes.slicer.average_size = 64;
    struct ld_effect *effect = ld_effect_new(SEED, &fault);
    struct ld_receipt receipt;
    for (int i = 0; i < 1000; i++)
        ld_effect_piece(effect, &(struct ld_piece){.length = 20, .cut = i % 100 == 0});
    ld_effect_receipt(effect, &fault, &receipt);
    if (receipt.effective)
        fail_msg("effective: %s", receipt.text);
    ld_effect_free(effect);
}

/* Latency and a rate on the same bytes: 300 bytes every 20 ms are 15 kB/s. */
static void several_at_once(void **state)
{
    (void)state;
    static const struct {
        uint64_t rate;
        bool latency_works, rate_works;
    } cases[] = {
        {10 << 10, true, true}, {10 << 10, true, false}, {10 << 10, false, false}, {1 << 30, true, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ld_fault_spec latency = toxic_spec(LD_FAULT_LATENCY, "a/0/latency");
        struct ld_fault_spec rate = toxic_spec(LD_FAULT_BANDWIDTH, "a/1/bandwidth");
        latency.attributes.latency = (struct ld_fault_latency){{1, LD_STREAM_DOWN}, 60 * MS, 0};
        rate.attributes.bandwidth.rate = cases[i].rate;
        struct ld_effect *effects[] = {ld_effect_new(SEED, &latency), ld_effect_new(SEED, &rate)};
        struct lane lane = {
            .link = ld_link_new(SEED, 0, LD_STREAM_DOWN), .meter = ld_meter_new(0, LD_STREAM_DOWN), .open = true};
        if (cases[i].latency_works)
            assert_int_equal(ld_link_add(lane.link, &latency, 0), 0);
        if (cases[i].rate_works)
            assert_int_equal(ld_link_add(lane.link, &rate, 0), 0);
        for (size_t k = 0; k < 2; k++)
            ld_meter_attach(lane.meter, effects[k], 0);
        for (int k = 0; k < 100; k++) {
            send(&lane, 300);
            settle(&lane, (k + 1) * 20 * MS);
        }
        struct ld_receipt receipts[2];
        ld_effect_receipt(effects[0], &latency, &receipts[0]);
        ld_effect_receipt(effects[1], &rate, &receipts[1]);
        print_message("           %s\n           %s\n", receipts[0].text, receipts[1].text);
        bool felt = cases[i].rate < (1 << 20);
        if (receipts[1].effective != (cases[i].rate_works && felt))
            fail_msg("case %zu: rate effective %d: %s", i, receipts[1].effective, receipts[1].text);
        if (receipts[0].effective != cases[i].latency_works)
            fail_msg("case %zu: latency effective %d: %s", i, receipts[0].effective, receipts[0].text);
        ld_link_free(lane.link);
        ld_meter_free(lane.meter);
        ld_effect_free(effects[0]);
        ld_effect_free(effects[1]);
    }
}

/* Two latencies add up: neither is proven by the other's wait. */
static void latencies_add_up(void **state)
{
    (void)state;
    for (int both = 0; both < 2; both++) {
        struct ld_fault_spec faults[] = {toxic_spec(LD_FAULT_LATENCY, "a/0/latency"),
                                         toxic_spec(LD_FAULT_LATENCY, "a/1/latency")};
        struct ld_effect *effects[2];
        struct lane lane = {
            .link = ld_link_new(SEED, 0, LD_STREAM_DOWN), .meter = ld_meter_new(0, LD_STREAM_DOWN), .open = true};
        for (size_t k = 0; k < 2; k++) {
            faults[k].attributes.latency.latency_ns = (k ? 30 : 100) * MS;
            faults[k].attributes.latency.jitter_ns = 30 * MS;
            effects[k] = ld_effect_new(SEED, &faults[k]);
            if (k == 0 || both)
                assert_int_equal(ld_link_add(lane.link, &faults[k], 0), 0);
            ld_meter_attach(lane.meter, effects[k], 0);
        }
        for (int k = 0; k < 10; k++) {
            send(&lane, 300);
            settle(&lane, (k + 1) * 200 * MS);
        }
        for (size_t k = 0; k < 2; k++) {
            struct ld_receipt receipt;
            ld_effect_receipt(effects[k], &faults[k], &receipt);
            if (receipt.effective != both)
                fail_msg("latency %zu, both %d: effective %d: %s", k, both, receipt.effective, receipt.text);
            ld_effect_free(effects[k]);
        }
        ld_link_free(lane.link);
        ld_meter_free(lane.meter);
    }
}

/* Bytes were kept back, and the connection was open long after its time: it held, and never closed. */
static void a_fate_that_never_comes_is_no_effect(void **state)
{
    (void)state;
    static const enum ld_fault_type types[] = {LD_FAULT_TIMEOUT, LD_FAULT_RESET_PEER};
    for (size_t i = 0; i < 2; i++)
        for (int waiting = 0; waiting < 2; waiting++) {
            struct ld_fault_spec fault = toxic_spec(types[i], "a/0/fate");
            fault.attributes.timeout.timeout_ns = 700 * MS;
            struct ld_effect *effect = ld_effect_new(SEED, &fault);
            struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
            struct ld_receipt receipt;
            ld_effect_connection(effect, true);
            ld_meter_attach(meter, effect, 0);
            ld_meter_detach(meter, effect, waiting ? 100 : 0, 5 * LD_SECOND);
            ld_effect_receipt(effect, &fault, &receipt);
            if (receipt.effective || receipt.idle)
                fail_msg("effective %d, idle %d: %s", receipt.effective, receipt.idle, receipt.text);
            assert_non_null(strstr(receipt.text, "when their time was over"));
            ld_meter_free(meter);
            ld_effect_free(effect);
        }
}

/* Nothing to act on is another thing than nothing done: a hold that let all through is not idle. */
static void idle_is_where_nothing_came(void **state)
{
    (void)state;
    static const enum ld_fault_type types[] = {LD_FAULT_STALL, LD_FAULT_TIMEOUT, LD_FAULT_LIMIT_DATA,
                                               LD_FAULT_LATENCY, LD_FAULT_BANDWIDTH, LD_FAULT_SLICER};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (size_t bytes = 0; bytes < 2; bytes++) {
            struct ld_fault_spec fault = toxic_spec(types[i], "a/0/any");
            fault.attributes.bandwidth.rate = (uint64_t)LD_MINUTE; /* and the first attribute of all others */
            struct ld_effect *effect = ld_effect_new(SEED, &fault);
            struct ld_meter *meter = ld_meter_new(0, LD_STREAM_DOWN);
            struct ld_receipt receipt;
            ld_effect_connection(effect, true);
            ld_meter_attach(meter, effect, 0);
            ld_meter_received(meter, bytes, MS);
            ld_meter_sent(meter, bytes, MS);
            ld_meter_detach(meter, effect, 0, LD_SECOND);
            ld_effect_receipt(effect, &fault, &receipt);
            if (receipt.effective || receipt.idle != !bytes)
                fail_msg("%s, %zu bytes: effective %d, idle %d: %s", ld_fault_table[types[i]].name, bytes,
                         receipt.effective, receipt.idle, receipt.text);
            ld_meter_free(meter);
            ld_effect_free(effect);
        }
}

static struct ld_receipt line_of(uint64_t count, bool effective, bool idle, const char *text)
{
    struct ld_receipt receipt = {
        .touched = 1, .count = count, .effective = effective, .idle = idle, .p50_ns = (int64_t)count};
    snprintf(receipt.text, sizeof receipt.text, "%s", text);
    return receipt;
}

static void a_broken_line_is_not_hidden_by_the_others(void **state)
{
    (void)state;
    const struct ld_receipt works = line_of(4, true, false, "held 4"), more = line_of(5, true, false, "held 5"),
                            idle = line_of(0, false, true, "nothing"),
                            broken = line_of(0, false, false, "0B kept; 9B passed");
    const struct {
        struct ld_receipt lines[3];
        size_t count;
        bool effective, idle;
        const char *text;
    } cases[] = {
        {{works}, 1, true, false, "held 4"},
        {{broken}, 1, false, false, "0B kept; 9B passed"},
        {{works, more, works}, 3, true, false, "3 instances, one of them: held 5"},
        {{works, idle, more}, 3, true, false, "3 instances, one of them: held 5"},
        {{works, broken, more}, 3, false, false, "3 instances, not on 1, one of them: 0B kept; 9B passed"},
        {{broken, works, more}, 3, false, false, "3 instances, not on 1, one of them: 0B kept; 9B passed"},
        {{idle, idle, broken}, 3, false, false, "3 instances, not on 1, one of them: 0B kept; 9B passed"},
        {{idle, idle, works}, 3, true, false, "3 instances, one of them: held 4"},
        {{idle, idle, idle}, 3, false, true, "3 instances, one of them: nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ld_receipt_sum sum = {0};
        struct ld_receipt receipt;
        for (size_t k = 0; k < cases[i].count; k++)
            ld_receipt_sum_add(&sum, &cases[i].lines[k]);
        ld_receipt_sum_take(&sum, &receipt);
        if (receipt.effective != cases[i].effective || receipt.idle != cases[i].idle)
            fail_msg("case %zu: effective %d, idle %d: %s", i, receipt.effective, receipt.idle, receipt.text);
        assert_string_equal(receipt.text, cases[i].text);
        assert_int_equal(receipt.touched, cases[i].count);
    }
}

static void a_cpu_share_is_not_proven_by_a_look(void **state)
{
    (void)state;
    static const struct {
        double limit;
        uint64_t stopped, looks;
        bool held;
    } cases[] = {
        {0.2, 80, 100, true},  {0.2, 65, 100, true},   {0.2, 60, 100, false}, {0.88, 28, 229, true},
        {0.88, 1, 229, false}, {0.88, 0, 229, false},  {0.9, 5, 100, true},   {0.9, 4, 100, false},
        {0.99, 1, 100, false}, {0.99, 2, 100, true},   {0.5, 1, 1, false},    {0.5, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ld_fault_cpu cpu = {.limit = cases[i].limit};
        if (ld_cpu_is_held(&cpu, cases[i].stopped, cases[i].looks) != cases[i].held)
            fail_msg("%g: %llu of %llu: want %d", cases[i].limit, (unsigned long long)cases[i].stopped,
                     (unsigned long long)cases[i].looks, cases[i].held);
    }
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

/* The receipt of an effect in which nothing was measured. What the runner judges by itself, of processes, resources and
 * reactions, is assumed to claim an effect. */
static struct ld_receipt receipt_of_nothing(const struct ld_fault_spec *fault)
{
    struct ld_receipt receipt = {.effective = true, .text = "claimed"};
    struct ld_effect *effect;
    switch (ld_fault_table[fault->type].scope) {
    case LD_SCOPE_PROXY:
        effect = ld_effect_new(SEED, fault);
        ld_effect_receipt(effect, fault, &receipt);
        ld_effect_free(effect);
        assert_false(receipt.effective); /* by its own judgement */
        assert_true(receipt.idle);
        break;
    case LD_SCOPE_SAMPLING:
        ld_sampling_receipt(&(struct ld_sampling_effect){0}, fault, &receipt);
        assert_false(receipt.effective);
        break;
    case LD_SCOPE_PROCESS:
    case LD_SCOPE_RESOURCE:
    case LD_SCOPE_REACTION:
        break;
    }
    return receipt;
}

static void nobody_there_is_no_proof(void **state)
{
    (void)state;
    for (int type = 0; type < LD_FAULT_TYPES; type++) {
        struct ld_fault_spec fault = toxic_spec((enum ld_fault_type)type, "a/0/any");
        fault.attributes.bandwidth.rate = 1000; /* and the first attribute of all other toxics */
        bool sampling = type == LD_FAULT_SAMPLING;
        for (int how = 0; how < (sampling ? LD_SAMPLING_HOWS : 1); how++) {
            if (sampling)
                fault.attributes.sampling = (struct ld_fault_sampling){.how = how, .reads = ~0u, .toxicity = 1};
            struct ld_receipt receipt = receipt_of_nothing(&fault);
            print_message("           %s: %s\n", ld_fault_table[type].name, receipt.text);
            assert_false(ld_receipt_proves(&receipt));
            assert_true(receipt.text[0] != '\0');
        }
    }
    assert_true(ld_receipt_proves(&(struct ld_receipt){.effective = true, .touched = 1}));
    assert_true(ld_receipt_proves(&(struct ld_receipt){.effective = true, .count = 1}));
    assert_false(ld_receipt_proves(&(struct ld_receipt){.touched = 1, .count = 1}));
}

static void down_is_proven_by_connects(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_DOWN, "a/0/down");
    struct ld_effect *effect = ld_effect_new(SEED, &fault);
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
        struct ld_effect *effect = ld_effect_new(SEED, &fault);
        struct ld_receipt receipt;
        ld_effect_connect(effect, &(struct ld_connect){0, LD_SECOND, LD_SECOND + 101 * MS, false});
        ld_effect_connect(effect, &(struct ld_connect){1, LD_SECOND, LD_SECOND + (early ? 0 : 100 * MS), false});
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
        cmocka_unit_test(a_few_cuts_of_the_kernel_are_no_slicer),
        cmocka_unit_test(several_at_once),
        cmocka_unit_test(latencies_add_up),
        cmocka_unit_test(a_fate_that_never_comes_is_no_effect),
        cmocka_unit_test(idle_is_where_nothing_came),
        cmocka_unit_test(a_broken_line_is_not_hidden_by_the_others),
        cmocka_unit_test(a_cpu_share_is_not_proven_by_a_look),
        cmocka_unit_test(nobody_there_is_no_proof),
        cmocka_unit_test(down_is_proven_by_connects),
        cmocka_unit_test(connects_that_waited),
    };
    return cmocka_run_group_tests_name("receipts", tests, NULL, NULL);
}
