#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "truth/groups.h"
#include "truth/truth.h"

/* Dumps made by hand: goroutines 1.. at readLoop or writeLoop, and some elsewhere. */
static const struct ld_frame park = {.function = "runtime.gopark", .file = ""};
static const struct ld_frame read_loop = {.function = "net/http.(*persistConn).readLoop", .file = ""};
static const struct ld_frame write_loop = {.function = "net/http.(*persistConn).writeLoop", .file = ""};
static const struct ld_frame other = {.function = "shop/cache.janitor", .file = ""};
static const struct ld_frame *const reading[] = {&park, &read_loop};
static const struct ld_frame *const writing[] = {&park, &write_loop};
static const struct ld_frame *const idling[] = {&park, &other};

static struct ld_sample goroutine(uint64_t id, const struct ld_frame *const *frames)
{
    return (struct ld_sample){.values = {1}, .frame_count = 2, .frames = frames, .goroutine = id, .age_minutes = -1};
}

static struct ld_profile dump(const struct ld_sample *samples, uint32_t count)
{
    return (struct ld_profile){
        .kind = LD_PROFILE_GOROUTINE, .encoding = LD_ENCODING_STACKS, .sample_count = count, .samples = samples};
}

static const char *const sites[] = {"net/http.(*persistConn).readLoop", "net/http.(*persistConn).writeLoop"};
static const struct ld_truth_interval unread_body = {
    .id = "i1", .goroutines_per_unit = 2, .seen_at_count = 2, .seen_at = sites, .culprit = ""};

static void ids_in_both_dumps_count(void **state)
{
    (void)state;
    const struct ld_sample before[] = {goroutine(7, idling), goroutine(1, reading), goroutine(2, writing)};
    const struct ld_sample settled[] = {goroutine(1, reading),  goroutine(2, writing),  goroutine(10, reading),
                                        goroutine(11, writing), goroutine(12, reading), goroutine(13, writing),
                                        goroutine(14, reading), goroutine(7, idling)};
    const struct ld_sample after[] = {goroutine(14, reading), goroutine(13, writing), goroutine(12, reading),
                                      goroutine(10, reading), goroutine(11, writing), goroutine(1, reading),
                                      goroutine(2, writing),  goroutine(99, reading)};
    struct ld_profile baseline = dump(before, 3), first = dump(settled, 8), second = dump(after, 8);
    assert_int_equal(ld_truth_confirm(&unread_body, NULL, &first, &second), 3);      /* 7 of 2 each, rounded down */
    assert_int_equal(ld_truth_confirm(&unread_body, &baseline, &first, &second), 2); /* 5 of 2 each */
    struct ld_profile half = dump(after, 2);
    assert_int_equal(ld_truth_confirm(&unread_body, &baseline, &first, &half), 1);
}

static void repeated_ids_count_once(void **state)
{
    (void)state;
    const struct ld_sample twice[] = {goroutine(1, reading), goroutine(1, reading), goroutine(2, writing),
                                      goroutine(0, reading)};
    struct ld_profile profile = dump(twice, 4);
    assert_int_equal(ld_truth_confirm(&unread_body, NULL, &profile, &profile), 1);
}

static void what_cannot_be_looked_at_is_unknown(void **state)
{
    (void)state;
    struct ld_profile empty = dump(NULL, 0);
    assert_int_equal(ld_truth_confirm(&unread_body, NULL, &empty, NULL), -1);
    assert_int_equal(ld_truth_confirm(&unread_body, NULL, NULL, &empty), -1);
    assert_int_equal(ld_truth_confirm(&unread_body, NULL, &empty, &empty), 0);
    struct ld_truth_interval heap = unread_body;
    heap.goroutines_per_unit = 0;
    assert_int_equal(ld_truth_confirm(&heap, NULL, &empty, &empty), -1);
}

int test_confirm(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_in_both_dumps_count),
        cmocka_unit_test(repeated_ids_count_once),
        cmocka_unit_test(what_cannot_be_looked_at_is_unknown),
    };
    return cmocka_run_group_tests_name("truth confirm", tests, NULL, NULL);
}
