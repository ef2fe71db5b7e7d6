/* Decisions: pure, stable for ever, and independent of each other. */
#include "fault/groups.h"

#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "fault/toxic.h"

#define SEED UINT64_C(20260314)
#define ID "slow-upstream/0/latency"

/* The first 64 connections of a seed, '1' where the toxic touches. A change here changes every plan ever recorded. */
static void decisions_are_the_golden_ones(void **state)
{
    (void)state;
    static const struct {
        double toxicity;
        const char *golden;
    } cases[] = {
        {0.0, "0000000000000000000000000000000000000000000000000000000000000000"},
        {0.5, "1001111000001101001011010110001101100011010101101000000100101000"},
        {1.0, "1111111111111111111111111111111111111111111111111111111111111111"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[65] = {0};
        for (uint64_t c = 0; c < 64; c++)
            got[c] = ld_toxic_touches(SEED, ID, c, cases[i].toxicity) ? '1' : '0';
        assert_string_equal(got, cases[i].golden);
    }
}

static void latencies_are_the_golden_ones(void **state)
{
    (void)state;
    struct ld_fault_spec fault = {.type = LD_FAULT_LATENCY, .id = ID,
                                  .attributes.latency = {{1, LD_STREAM_BOTH}, 200 * LD_MS, 50 * LD_MS}};
    static const int64_t golden[2][4] = {{223290460, 182801014, 247824815, 158355417},
                                         {183110484, 201288702, 182115510, 242433429}};
    for (int stream = LD_STREAM_DOWN; stream <= LD_STREAM_UP; stream++)
        for (uint64_t chunk = 0; chunk < 4; chunk++)
            assert_int_equal(ld_toxic_latency_ns(SEED, &fault, 7, (enum ld_stream)stream, chunk),
                             golden[stream][chunk]);
}

static void a_share_is_touched(void **state)
{
    (void)state;
    static const double shares[] = {0.01, 0.25, 0.5, 0.99};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        int touched = 0;
        for (uint64_t c = 0; c < 100000; c++)
            touched += ld_toxic_touches(SEED, ID, c, shares[i]);
        assert_in_range(touched, (int)(100000 * shares[i]) - 600, (int)(100000 * shares[i]) + 600); /* under 4 sigma */
    }
}

/* Who is touched at a share is touched at every greater one. */
static void toxicity_is_monotonic(void **state)
{
    (void)state;
    for (uint64_t c = 0; c < 1000; c++)
        if (ld_toxic_touches(SEED, ID, c, 0.3))
            assert_true(ld_toxic_touches(SEED, ID, c, 0.6));
}

static void seed_and_id_both_matter(void **state)
{
    (void)state;
    int seeds_differ = 0, ids_differ = 0;
    for (uint64_t c = 0; c < 1000; c++) {
        bool decision = ld_toxic_touches(SEED, ID, c, 0.5);
        seeds_differ += decision != ld_toxic_touches(SEED + 1, ID, c, 0.5);
        ids_differ += decision != ld_toxic_touches(SEED, "slow-upstream/1/latency", c, 0.5);
    }
    assert_in_range(seeds_differ, 430, 570);
    assert_in_range(ids_differ, 430, 570);
}

static void jitter_is_uniform(void **state)
{
    (void)state;
    struct ld_fault_spec fault = {.type = LD_FAULT_LATENCY, .id = ID,
                                  .attributes.latency = {{1, LD_STREAM_BOTH}, 200 * LD_MS, 50 * LD_MS}};
    enum { DRAWS = 100000, BINS = 10 };
    int bins[BINS] = {0};
    int64_t sum = 0, least = INT64_MAX, most = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        int64_t drawn = ld_toxic_latency_ns(SEED, &fault, i / 100, LD_STREAM_DOWN, i % 100);
        assert_in_range(drawn, 150 * LD_MS, 250 * LD_MS);
        bins[(drawn - 150 * LD_MS) * BINS / (100 * LD_MS + 1)]++;
        sum += drawn;
        least = drawn < least ? drawn : least;
        most = drawn > most ? drawn : most;
    }
    for (int i = 0; i < BINS; i++)
        assert_in_range(bins[i], DRAWS / BINS - 400, DRAWS / BINS + 400); /* 4.2 sigma */
    assert_in_range(sum / DRAWS, 200 * LD_MS - 400 * LD_US, 200 * LD_MS + 400 * LD_US);
    assert_true(least < 150 * LD_MS + 50 * LD_US && most > 250 * LD_MS - 50 * LD_US);
}

static void jitter_never_goes_below_zero(void **state)
{
    (void)state;
    struct ld_fault_spec fault = {.type = LD_FAULT_LATENCY, .id = ID,
                                  .attributes.latency = {{1, LD_STREAM_BOTH}, 10 * LD_MS, 100 * LD_MS}};
    int zeros = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        int64_t drawn = ld_toxic_latency_ns(SEED, &fault, 0, LD_STREAM_UP, i);
        assert_in_range(drawn, 0, 110 * LD_MS);
        zeros += drawn == 0;
    }
    assert_in_range(zeros, 380, 520); /* 90 of 200 ms lie below zero */
}

int test_decision(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_are_the_golden_ones), cmocka_unit_test(latencies_are_the_golden_ones),
        cmocka_unit_test(a_share_is_touched),            cmocka_unit_test(toxicity_is_monotonic),
        cmocka_unit_test(seed_and_id_both_matter),       cmocka_unit_test(jitter_is_uniform),
        cmocka_unit_test(jitter_never_goes_below_zero),
    };
    return cmocka_run_group_tests_name("decision", tests, NULL, NULL);
}
