/* Links, with every instant given: what leaves, in which order, and when. */
#include "fault/groups.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "fault/toxic.h"

#define SEED UINT64_C(7)
#define MS LD_MS

static struct ld_fault_spec latency_fault(const char *id, int64_t latency_ns, int64_t jitter_ns, double toxicity,
                                          int stream)
{
    return (struct ld_fault_spec){.type = LD_FAULT_LATENCY, .id = id, .for_ns = -1,
                                  .attributes.latency = {{toxicity, stream}, latency_ns, jitter_ns}};
}

static struct ld_link *down_link(uint64_t connection)
{
    struct ld_link *link = ld_link_new(SEED, connection, LD_STREAM_DOWN);
    assert_non_null(link);
    return link;
}

static void write_text(struct ld_link *link, const char *text, int64_t now_ns)
{
    assert_int_equal(ld_link_write(link, text, strlen(text), now_ns), 0);
}

/* All that may leave at now_ns, `step` bytes at a time, as a text. */
static const char *take(struct ld_link *link, int64_t now_ns, size_t step)
{
    static char text[4096];
    size_t length = 0, piece;
    const void *bytes;
    while ((piece = ld_link_peek(link, now_ns, &bytes)) > 0) {
        piece = piece < step ? piece : step;
        assert_true(length + piece < sizeof text);
        memcpy(text + length, bytes, piece);
        length += piece;
        ld_link_consume(link, piece, now_ns);
    }
    text[length] = '\0';
    return text;
}

static void without_toxic_bytes_leave_at_once(void **state)
{
    (void)state;
    struct ld_link *link = down_link(0);
    assert_true(ld_link_passes_bytes(link));
    assert_int_equal(ld_link_due(link), INT64_MAX);
    write_text(link, "abc", 5);
    assert_false(ld_link_passes_bytes(link));
    assert_int_equal(ld_link_held(link), 3);
    assert_string_equal(take(link, 5, 10), "abc");
    assert_true(ld_link_passes_bytes(link));
    assert_true(ld_link_empty(link));
    ld_link_free(link);
}

static void bytes_leave_at_their_time_not_before(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 100 * MS, 0, 1, LD_STREAM_DOWN);
    struct ld_link *link = down_link(0);
    assert_int_equal(ld_link_add(link, &fault, 0), 0);
    assert_false(ld_link_passes_bytes(link));
    write_text(link, "abc", 10 * MS);
    assert_int_equal(ld_link_due(link), 110 * MS);
    assert_string_equal(take(link, 110 * MS - 1, 10), "");
    assert_string_equal(take(link, 110 * MS, 10), "abc");
    ld_link_free(link);
}

/* Split writes and split reads, every combination of step: the same bytes. */
static void pieces_of_any_size_keep_the_bytes(void **state)
{
    (void)state;
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    struct ld_fault_spec fault = latency_fault("a/0/latency", 10 * MS, 4 * MS, 1, LD_STREAM_DOWN);
    size_t length = strlen(text);
    for (size_t in = 1; in <= length; in++) {
        for (size_t out = 1; out <= length; out++) {
            struct ld_link *link = down_link(in);
            assert_int_equal(ld_link_add(link, &fault, 0), 0);
            for (size_t i = 0; i < length; i += in)
                assert_int_equal(ld_link_write(link, text + i, length - i < in ? length - i : in, (int64_t)i), 0);
            assert_string_equal(take(link, LD_SECOND, out), text);
            assert_true(ld_link_empty(link));
            ld_link_free(link);
        }
    }
}

static void chunks_due_together_leave_together(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 10 * MS, 0, 1, LD_STREAM_DOWN);
    struct ld_link *link = down_link(0);
    assert_int_equal(ld_link_add(link, &fault, 0), 0);
    write_text(link, "a", 0);
    write_text(link, "b", 1 * MS);
    write_text(link, "c", 2 * MS);
    assert_string_equal(take(link, 11 * MS, 10), "ab");
    assert_int_equal(ld_link_due(link), 12 * MS);
    assert_string_equal(take(link, 12 * MS, 10), "c");
    ld_link_free(link);
}

static void a_toxic_added_later_leaves_held_bytes_alone(void **state)
{
    (void)state;
    struct ld_fault_spec first = latency_fault("a/0/latency", 10 * MS, 0, 1, LD_STREAM_DOWN);
    struct ld_fault_spec second = latency_fault("a/1/latency", 5 * MS, 0, 1, LD_STREAM_BOTH);
    struct ld_link *link = down_link(0);
    assert_int_equal(ld_link_add(link, &first, 0), 0);
    write_text(link, "a", 0);
    assert_int_equal(ld_link_add(link, &second, 1 * MS), 0);
    write_text(link, "b", 2 * MS);
    assert_int_equal(ld_link_due(link), 10 * MS);
    assert_string_equal(take(link, 10 * MS, 10), "a");
    assert_int_equal(ld_link_due(link), 17 * MS); /* 2 + 10 + 5 */
    ld_link_free(link);
}

static void held_bytes_keep_their_time_when_the_toxic_goes(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 100 * MS, 0, 1, LD_STREAM_DOWN);
    struct ld_link *link = down_link(0);
    assert_int_equal(ld_link_add(link, &fault, 0), 0);
    write_text(link, "held", 0);
    ld_link_remove(link, fault.id);
    write_text(link, "behind", 20 * MS); /* no toxic delays it, but it must not overtake */
    assert_string_equal(take(link, 99 * MS, 100), "");
    assert_string_equal(take(link, 100 * MS, 100), "heldbehind");
    assert_true(ld_link_passes_bytes(link));
    write_text(link, "free", 101 * MS);
    assert_string_equal(take(link, 101 * MS, 100), "free");
    ld_link_remove(link, "never/added");
    ld_link_free(link);
}

static void another_direction_or_an_untouched_connection_changes_nothing(void **state)
{
    (void)state;
    struct ld_fault_spec upwards = latency_fault("a/0/latency", 100 * MS, 0, 1, LD_STREAM_UP);
    struct ld_fault_spec harmless = latency_fault("a/1/latency", 100 * MS, 0, 0, LD_STREAM_BOTH);
    struct ld_link *link = down_link(0);
    assert_int_equal(ld_link_add(link, &upwards, 0), 0);
    assert_int_equal(ld_link_add(link, &harmless, 0), 0);
    assert_true(ld_link_passes_bytes(link));
    ld_link_free(link);
}

static void the_link_touches_as_decided(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 100 * MS, 0, 0.5, LD_STREAM_BOTH);
    for (uint64_t c = 0; c < 64; c++) {
        struct ld_link *link = down_link(c);
        assert_int_equal(ld_link_add(link, &fault, 0), 0);
        assert_int_equal(!ld_link_passes_bytes(link), ld_toxic_touches(SEED, fault.id, c, 0.5));
        ld_link_free(link);
    }
}

static void the_end_is_delayed_and_never_overtakes(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 50 * MS, 50 * MS, 1, LD_STREAM_DOWN);
    for (uint64_t c = 0; c < 200; c++) {
        struct ld_link *link = down_link(c);
        assert_int_equal(ld_link_add(link, &fault, 0), 0);
        assert_int_equal(ld_link_end_due(link), INT64_MAX);
        write_text(link, "reply", 0);
        int64_t data_ns = ld_link_due(link);
        ld_link_end(link, 1);
        int64_t end_ns = ld_link_end_due(link);
        assert_true(end_ns >= data_ns);
        assert_in_range(end_ns, 1, 100 * MS + 1);
        assert_false(ld_link_finished(link, end_ns)); /* the reply has not left */
        assert_string_equal(take(link, data_ns, 100), "reply");
        assert_int_equal(ld_link_due(link), end_ns);
        assert_int_equal(ld_link_finished(link, end_ns - 1), false);
        assert_true(ld_link_finished(link, end_ns));
        ld_link_end(link, LD_SECOND);
        assert_int_equal(ld_link_end_due(link), end_ns);
        ld_link_free(link);
    }
}

static void an_end_alone_is_delayed(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 50 * MS, 0, 1, LD_STREAM_DOWN);
    struct ld_link *link = down_link(0);
    assert_int_equal(ld_link_add(link, &fault, 0), 0);
    ld_link_end(link, 3 * MS);
    assert_false(ld_link_passes_bytes(link));
    assert_int_equal(ld_link_due(link), 53 * MS);
    assert_false(ld_link_finished(link, 53 * MS - 1));
    assert_true(ld_link_finished(link, 53 * MS));
    ld_link_free(link);
}

static void due_times_never_go_back(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 20 * MS, 20 * MS, 1, LD_STREAM_DOWN);
    struct ld_fault_spec other = latency_fault("a/1/latency", 5 * MS, 5 * MS, 1, LD_STREAM_DOWN);
    struct ld_link *link = down_link(0);
    struct ld_random random;
    ld_random_init(&random, 1);
    int64_t now_ns = 0, last_ns = 0;
    bool both = false;
    assert_int_equal(ld_link_add(link, &fault, 0), 0);
    for (int i = 0; i < 5000; i++) {
        now_ns += (int64_t)ld_random_below(&random, 2 * LD_MS);
        write_text(link, "x", now_ns);
        if (i % 97 == 0) {
            if (both)
                ld_link_remove(link, other.id);
            else
                assert_int_equal(ld_link_add(link, &other, now_ns), 0);
            both = !both;
        }
        if (ld_random_below(&random, 3) == 0)
            continue;
        int64_t due_ns = ld_link_due(link);
        assert_true(due_ns >= last_ns);
        last_ns = due_ns;
        ld_link_consume(link, 1, due_ns);
    }
    ld_link_free(link);
}

/* The draws of one toxic are the same whatever others are started on the same connection, before or after. */
static void an_unrelated_toxic_changes_no_draw(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 20 * MS, 20 * MS, 1, LD_STREAM_DOWN);
    struct ld_fault_spec other = latency_fault("b/0/latency", 1 * MS, 0, 1, LD_STREAM_DOWN);
    struct ld_link *alone = down_link(0), *beside = down_link(0);
    assert_int_equal(ld_link_add(beside, &other, 0), 0);
    write_text(beside, "early", 0); /* a chunk that only the other one sees */
    assert_string_equal(take(beside, LD_SECOND, 10), "early");
    ld_link_passed(alone, 5); /* the same bytes, past it */
    assert_int_equal(ld_link_add(alone, &fault, LD_SECOND), 0);
    assert_int_equal(ld_link_add(beside, &fault, LD_SECOND), 0);
    for (int64_t i = 1; i < 50; i++) {
        int64_t now_ns = i * LD_SECOND;
        write_text(alone, "x", now_ns);
        write_text(beside, "x", now_ns);
        assert_int_equal(ld_link_due(beside), ld_link_due(alone) + 1 * MS);
        assert_int_equal(ld_link_due(alone), now_ns + ld_toxic_latency_ns(SEED, &fault, 0, LD_STREAM_DOWN,
                                                                           (uint64_t)i + 4));
        ld_link_consume(alone, 1, now_ns + LD_SECOND);
        ld_link_consume(beside, 1, now_ns + LD_SECOND);
    }
    ld_link_free(alone);
    ld_link_free(beside);
}

static void room_is_limited_in_bytes(void **state)
{
    (void)state;
    enum { PIECE = 1 << 20 };
    struct ld_fault_spec fault = latency_fault("a/0/latency", LD_SECOND, 0, 1, LD_STREAM_DOWN);
    struct ld_link *link = down_link(0);
    char *bytes = calloc(1, PIECE);
    assert_int_equal(ld_link_add(link, &fault, 0), 0);
    assert_int_equal(ld_link_room(link), LD_LINK_BYTES_MAX);
    for (size_t i = 0; i < LD_LINK_BYTES_MAX / PIECE - 1; i++)
        assert_int_equal(ld_link_write(link, bytes, PIECE, 0), 0);
    assert_int_equal(ld_link_room(link), PIECE);
    assert_int_equal(ld_link_write(link, bytes, PIECE - 1, 0), 0);
    assert_int_equal(ld_link_write(link, bytes, 2, 0), LD_ELIMIT);
    assert_int_equal(ld_link_room(link), 1);
    assert_int_equal(ld_link_write(link, bytes, 1, 0), 0);
    assert_int_equal(ld_link_room(link), 0);
    ld_link_consume(link, 10, LD_SECOND);
    assert_int_equal(ld_link_room(link), 10);
    ld_link_free(link);
    free(bytes);
}

static void room_is_limited_in_chunks(void **state)
{
    (void)state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", LD_SECOND, 0, 1, LD_STREAM_DOWN);
    struct ld_link *link = down_link(0);
    assert_int_equal(ld_link_add(link, &fault, 0), 0);
    for (size_t i = 0; i < LD_LINK_CHUNKS_MAX; i++)
        write_text(link, "x", 0);
    assert_int_equal(ld_link_room(link), 0);
    assert_int_equal(ld_link_write(link, "x", 1, 0), LD_ELIMIT);
    ld_link_consume(link, 1, LD_SECOND);
    assert_int_equal(ld_link_room(link), LD_LINK_BYTES_MAX - LD_LINK_CHUNKS_MAX + 1);
    ld_link_free(link);
}

static void toxics_are_limited(void **state)
{
    (void)state;
    static char ids[LD_LINK_TOXICS_MAX + 1][8];
    struct ld_fault_spec faults[LD_LINK_TOXICS_MAX + 1];
    struct ld_link *link = down_link(0);
    for (int i = 0; i <= LD_LINK_TOXICS_MAX; i++) {
        ids[i][0] = (char)('a' + i);
        faults[i] = latency_fault(ids[i], 1 * MS, 0, 1, LD_STREAM_DOWN);
        assert_int_equal(ld_link_add(link, &faults[i], 0), i < LD_LINK_TOXICS_MAX ? 0 : LD_ELIMIT);
    }
    write_text(link, "x", 0);
    assert_int_equal(ld_link_due(link), LD_LINK_TOXICS_MAX * MS);
    struct ld_fault_spec other = {.type = LD_FAULT_KILL, .id = "z"};
    assert_int_equal(ld_link_add(link, &other, 0), LD_ENOTYET);
    ld_link_free(link);
}

int test_link(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_toxic_bytes_leave_at_once),
        cmocka_unit_test(bytes_leave_at_their_time_not_before),
        cmocka_unit_test(pieces_of_any_size_keep_the_bytes),
        cmocka_unit_test(chunks_due_together_leave_together),
        cmocka_unit_test(a_toxic_added_later_leaves_held_bytes_alone),
        cmocka_unit_test(held_bytes_keep_their_time_when_the_toxic_goes),
        cmocka_unit_test(another_direction_or_an_untouched_connection_changes_nothing),
        cmocka_unit_test(the_link_touches_as_decided),
        cmocka_unit_test(the_end_is_delayed_and_never_overtakes),
        cmocka_unit_test(an_end_alone_is_delayed),
        cmocka_unit_test(due_times_never_go_back),
        cmocka_unit_test(an_unrelated_toxic_changes_no_draw),
        cmocka_unit_test(room_is_limited_in_bytes),
        cmocka_unit_test(room_is_limited_in_chunks),
        cmocka_unit_test(toxics_are_limited),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
