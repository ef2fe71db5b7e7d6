#include "base/random.h"

#include "groups.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check(uint64_t got, uint64_t wanted)
{
    if (got != wanted)
        fail_msg("%#llx is not %#llx", (unsigned long long)got, (unsigned long long)wanted);
}

/* Vigna's splitmix64 from seed 1234567: its first four outputs are the state that the seed gives. */
static void splitmix64_known_answers(void **state)
{
    (void)state;
    static const uint64_t known[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                     UINT64_C(9817491932198370423), UINT64_C(4593380528125082431)};
    struct ld_random random;
    ld_random_init(&random, 1234567);
    for (size_t i = 0; i < COUNT(known); i++)
        check(random.state[i], known[i]);
}

/* xoshiro256** 1.0 from the state 1, 2, 3, 4. */
static void xoshiro256_known_answers(void **state)
{
    (void)state;
    static const uint64_t known[] = {UINT64_C(11520),
                                     UINT64_C(0),
                                     UINT64_C(1509978240),
                                     UINT64_C(1215971899390074240),
                                     UINT64_C(1216172134540287360),
                                     UINT64_C(607988272756665600),
                                     UINT64_C(16172922978634559625),
                                     UINT64_C(8476171486693032832),
                                     UINT64_C(10595114339597558777),
                                     UINT64_C(2904607092377533576)};
    struct ld_random random = {{1, 2, 3, 4}};
    for (size_t i = 0; i < COUNT(known); i++)
        check(ld_random_next(&random), known[i]);
}

/* Stored plans depend on these: a change of any is a change of every schedule. Computed by an independent program. */
static void derived_values_stay(void **state)
{
    (void)state;
    check(ld_derive(0, NULL, 0), UINT64_C(0xa6bbc8dcbe30928c));
    check(ld_derive(0, "", 0), UINT64_C(0xa6bbc8dcbe30928c));
    check(ld_derive(1, "latency", 0), UINT64_C(0xab3ebbadf76d8064));
    check(ld_derive(1, "latency", 1), UINT64_C(0x1c952aa088c8e524));
    check(ld_derive(2, "latency", 0), UINT64_C(0x4cb400cab477917b));
}

static void below_stays_below_and_is_even(void **state)
{
    (void)state;
    struct ld_random random;
    unsigned counts[6] = {0};
    ld_random_init(&random, 7);
    for (int i = 0; i < 60000; i++) {
        uint64_t value = ld_random_below(&random, 6);
        assert_true(value < 6);
        counts[value]++;
    }
    /* 10000 expected, standard deviation 91: six of them either way. */
    for (size_t i = 0; i < COUNT(counts); i++)
        assert_in_range(counts[i], 9450, 10550);
    assert_int_equal(ld_random_below(&random, 1), 0);
    for (int i = 0; i < 100; i++)
        assert_true(ld_random_below(&random, UINT64_MAX) < UINT64_MAX);
}

static void unit_is_half_open(void **state)
{
    (void)state;
    assert_true(ld_unit(0) == 0.0);
    assert_true(ld_unit(UINT64_MAX) < 1.0);
    assert_true(ld_unit(UINT64_C(1) << 63) == 0.5);
    struct ld_random random;
    ld_random_init(&random, 3);
    double sum = 0;
    for (int i = 0; i < 10000; i++)
        sum += ld_random_unit(&random);
    assert_true(sum > 4820 && sum < 5180); /* standard deviation 29 */
}

static void shuffle_is_a_permutation_and_repeats(void **state)
{
    (void)state;
    uint32_t once[100], again[100];
    unsigned seen[100] = {0}, moved = 0;
    struct ld_random random;
    for (uint32_t i = 0; i < 100; i++)
        once[i] = again[i] = i;
    ld_random_init(&random, 11);
    ld_random_shuffle(&random, once, 100);
    ld_random_init(&random, 11);
    ld_random_shuffle(&random, again, 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(once[i], again[i]);
        seen[once[i]]++;
        moved += once[i] != i;
    }
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_in_range(moved, 80, 100);
    ld_random_shuffle(&random, NULL, 0);
}

int test_random(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitmix64_known_answers),     cmocka_unit_test(xoshiro256_known_answers),
        cmocka_unit_test(derived_values_stay),          cmocka_unit_test(below_stays_below_and_is_even),
        cmocka_unit_test(unit_is_half_open),            cmocka_unit_test(shuffle_is_a_permutation_and_repeats),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
