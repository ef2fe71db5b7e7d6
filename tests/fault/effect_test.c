/* Effects and receipts: quantiles against exact ones, and what counts as effective. */
#include "fault/groups.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "fault/effect.h"
#include "fault/toxic.h"

#define SEED UINT64_C(7)

static struct ld_fault_spec spec(int64_t latency_ns, int64_t jitter_ns)
{
    return (struct ld_fault_spec){.type = LD_FAULT_LATENCY, .id = "a/0/latency",
                                  .attributes.latency = {{1, LD_STREAM_DOWN}, latency_ns, jitter_ns}};
}

/* Bytes that were received at 0 and left at left_ns, when so much was drawn for their position. */
static void deliver_at(struct ld_effect *effect, uint64_t position, int64_t left_ns)
{
    int64_t due_ns = ld_effect_delay_ns(effect, 0, LD_STREAM_DOWN, position);
    ld_effect_piece(effect,
                    &(struct ld_piece){.position = position, .length = 1, .due_ns = due_ns, .sent_ns = left_ns});
}

static void deliver(struct ld_effect *effect, int64_t left_ns)
{
    deliver_at(effect, 0, left_ns);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void assert_within(int64_t got, int64_t want)
{
    int64_t tolerance = want / 500 + 1; /* 0.2 % */
    if (got < want - tolerance || got > want + tolerance)
        fail_msg("got %lld, want %lld to 0.2 %%", (long long)got, (long long)want);
}

/* Values over many powers of two, the histogram's p50 and p99 against the sorted list's. */
static void quantiles_are_right_to_their_error(void **state)
{
    (void)state;
    enum { VALUES = 1001 };
    struct ld_fault_spec fault = spec(100 * LD_MS, 0);
    for (unsigned bits = 1; bits <= 42; bits++) {
        struct ld_effect *effect = ld_effect_new(SEED, &fault);
        struct ld_random random;
        struct ld_receipt receipt;
        int64_t values[VALUES];
        ld_random_init(&random, bits);
        for (int i = 0; i < VALUES; i++) {
            values[i] = (int64_t)ld_random_below(&random, UINT64_C(1) << bits);
            deliver(effect, values[i]);
        }
        qsort(values, VALUES, sizeof values[0], by_value);
        ld_effect_receipt(effect, &fault, &receipt);
        assert_int_equal(receipt.count, VALUES);
        assert_within(receipt.p50_ns, values[500]);  /* rank 501 of 1001 */
        assert_within(receipt.p99_ns, values[990]);  /* rank 991 */
        ld_effect_free(effect);
    }
}

static void one_value_is_exact(void **state)
{
    (void)state;
    static const int64_t values[] = {0, 1, 255, 256, 257, 511, 512, 201 * LD_MS, 3 * LD_HOUR};
    struct ld_fault_spec fault = spec(100 * LD_MS, 0);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct ld_effect *effect = ld_effect_new(SEED, &fault);
        struct ld_receipt receipt;
        deliver(effect, values[i]);
        ld_effect_receipt(effect, &fault, &receipt);
        assert_int_equal(receipt.p50_ns, values[i]);
        assert_int_equal(receipt.p99_ns, values[i]);
        ld_effect_free(effect);
    }
}

static void a_receipt_counts_connections_and_reads_well(void **state)
{
    (void)state;
    struct ld_fault_spec fault = spec(200 * LD_MS, 0);
    struct ld_effect *effect = ld_effect_new(SEED, &fault);
    struct ld_receipt receipt;
    for (int i = 0; i < 7; i++)
        ld_effect_connection(effect, i % 3 == 0);
    ld_effect_receipt(effect, &fault, &receipt);
    assert_int_equal(receipt.touched, 3);
    assert_int_equal(receipt.spared, 4);
    assert_int_equal(receipt.count, 0);
    assert_false(receipt.effective);
    assert_string_equal(receipt.text, "asked 200ms, delayed nothing; 3 connections touched, 4 spared");
    for (int i = 0; i < 100; i++)
        deliver(effect, i < 98 ? 201 * LD_MS : 209 * LD_MS);
    ld_effect_receipt(effect, &fault, &receipt);
    assert_true(receipt.effective);
    assert_int_equal(receipt.asked_ns, 200 * LD_MS);
    assert_string_equal(receipt.text, "asked 200ms, delivered p50 201ms p99 209ms over 100");
    ld_effect_free(effect);
}

static bool is_effective(const struct ld_effect *effect, const struct ld_fault_spec *fault)
{
    struct ld_receipt receipt;
    ld_effect_receipt(effect, fault, &receipt);
    return receipt.effective;
}

static void effective_means_in_range_and_none_early(void **state)
{
    (void)state;
    static const struct {
        int64_t latency_ms, delivered_us;
        bool effective;
    } cases[] = {
        {200, 200000, true}, {200, 205300, true}, {200, 206000, false}, {200, 199999, false}, {200, 14, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ld_fault_spec fault = spec(cases[i].latency_ms * LD_MS, 0);
        struct ld_effect *effect = ld_effect_new(SEED, &fault);
        deliver(effect, cases[i].delivered_us * LD_US);
        if (is_effective(effect, &fault) != cases[i].effective)
            fail_msg("case %zu: got %d, want %d", i, !cases[i].effective, cases[i].effective);
        ld_effect_free(effect);
    }
}

/* With a jitter as large as the latency or larger, no time at all is a possible draw, and proves nothing. Whatever the
 * number of chunks: those that waited as drawn prove it, those that left at once do not. */
static void few_draws_are_held_to_what_was_drawn(void **state)
{
    (void)state;
    static const int64_t asked_ms[][2] = {{200, 200}, {200, 50}, {10, 100}, {0, 100}};
    for (size_t i = 0; i < sizeof asked_ms / sizeof asked_ms[0]; i++)
        for (uint64_t count = 1; count <= 200; count += count < 20 ? 1 : 60) {
            struct ld_fault_spec fault = spec(asked_ms[i][0] * LD_MS, asked_ms[i][1] * LD_MS);
            struct ld_effect *works = ld_effect_new(SEED, &fault), *disabled = ld_effect_new(SEED, &fault);
            struct ld_effect *late = ld_effect_new(SEED, &fault);
            int64_t drawn_ns = 0;
            for (uint64_t position = 0; position < count; position++) {
                int64_t delay_ns = ld_toxic_latency_ns(SEED, &fault, 0, LD_STREAM_DOWN, position);
                deliver_at(works, position, delay_ns + 100 * LD_US);
                deliver_at(disabled, position, 14 * LD_US);
                deliver_at(late, position, delay_ns + 50 * LD_MS);
                drawn_ns += delay_ns;
            }
            if (is_effective(works, &fault) != (drawn_ns >= LD_MS))
                fail_msg("%lld ms over %llu: it worked", (long long)asked_ms[i][0], (unsigned long long)count);
            if (is_effective(disabled, &fault))
                fail_msg("%lld ms over %llu: it was disabled", (long long)asked_ms[i][0], (unsigned long long)count);
            if (is_effective(late, &fault))
                fail_msg("%lld ms over %llu: 50 ms late", (long long)asked_ms[i][0], (unsigned long long)count);
            ld_effect_free(works);
            ld_effect_free(disabled);
            ld_effect_free(late);
        }
}

static void a_latency_below_the_machines_own_is_no_proof(void **state)
{
    (void)state;
    struct ld_fault_spec fault = spec(10 * LD_US, 0);
    struct ld_effect *effect = ld_effect_new(SEED, &fault);
    struct ld_receipt receipt;
    for (int i = 0; i < 1000; i++)
        deliver(effect, 14 * LD_US); /* what leaves at once takes as long */
    ld_effect_receipt(effect, &fault, &receipt);
    assert_false(receipt.effective);
    assert_string_equal(receipt.text,
                        "asked 10us, delivered p50 14us p99 14us over 1000, too short to tell from the machine's own");
    ld_effect_free(effect);
}

static void one_early_chunk_spoils_the_receipt(void **state)
{
    (void)state;
    struct ld_fault_spec fault = spec(200 * LD_MS, 0);
    struct ld_effect *effect = ld_effect_new(SEED, &fault);
    struct ld_receipt receipt;
    for (int i = 0; i < 1000; i++)
        deliver(effect, 200 * LD_MS);
    deliver(effect, 200 * LD_MS - 1 * LD_US);
    ld_effect_receipt(effect, &fault, &receipt);
    assert_int_equal(receipt.worst_early_ns, 1 * LD_US);
    assert_false(receipt.effective);
    ld_effect_free(effect);
}

static void nothing_may_be_freed(void **state)
{
    (void)state;
    ld_effect_free(NULL);
    ld_link_free(NULL);
}

int test_effect(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_right_to_their_error),
        cmocka_unit_test(one_value_is_exact),
        cmocka_unit_test(a_receipt_counts_connections_and_reads_well),
        cmocka_unit_test(effective_means_in_range_and_none_early),
        cmocka_unit_test(few_draws_are_held_to_what_was_drawn),
        cmocka_unit_test(a_latency_below_the_machines_own_is_no_proof),
        cmocka_unit_test(one_early_chunk_spoils_the_receipt),
        cmocka_unit_test(nothing_may_be_freed),
    };
    return cmocka_run_group_tests_name("effect", tests, NULL, NULL);
}
