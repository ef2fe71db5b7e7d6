/* Effects and receipts: quantiles against exact ones, and what counts as effective. */
#include "fault/groups.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "fault/effect.h"
#include "fault/toxic.h"

static struct ld_fault_spec spec(int64_t latency_ns, int64_t jitter_ns)
{
    return (struct ld_fault_spec){.type = LD_FAULT_LATENCY, .id = "a/0/latency",
                                  .attributes.latency = {{1, LD_STREAM_DOWN}, latency_ns, jitter_ns}};
}

/* Bytes that were received at 0 and left at left_ns. */
static void deliver(struct ld_effect *effect, int64_t left_ns)
{
    ld_effect_piece(effect, &(struct ld_piece){.length = 1, .sent_ns = left_ns});
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
        struct ld_effect *effect = ld_effect_new(&fault);
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
        struct ld_effect *effect = ld_effect_new(&fault);
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
    struct ld_effect *effect = ld_effect_new(&fault);
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

static void effective_means_in_range_and_none_early(void **state)
{
    (void)state;
    static const struct {
        int64_t latency_ms, jitter_ms, delivered_us;
        bool effective;
    } cases[] = {
        {200, 0, 200000, true},   {200, 0, 205300, true},  {200, 0, 206000, false}, {200, 50, 150000, true},
        {200, 50, 255300, true},  {200, 50, 256000, false}, {200, 50, 144000, false}, {10, 100, 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ld_fault_spec fault = spec(cases[i].latency_ms * LD_MS, cases[i].jitter_ms * LD_MS);
        struct ld_effect *effect = ld_effect_new(&fault);
        struct ld_receipt receipt;
        deliver(effect, cases[i].delivered_us * LD_US);
        ld_effect_receipt(effect, &fault, &receipt);
        if (receipt.effective != cases[i].effective)
            fail_msg("case %zu: got %d, want %d", i, receipt.effective, cases[i].effective);
        ld_effect_free(effect);
    }
}

static void one_early_chunk_spoils_the_receipt(void **state)
{
    (void)state;
    struct ld_fault_spec fault = spec(200 * LD_MS, 0);
    struct ld_effect *effect = ld_effect_new(&fault);
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
        cmocka_unit_test(one_early_chunk_spoils_the_receipt),
        cmocka_unit_test(nothing_may_be_freed),
    };
    return cmocka_run_group_tests_name("effect", tests, NULL, NULL);
}
