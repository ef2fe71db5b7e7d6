/* The same bytes at other times and in other portions: the same decisions, bit for bit. */
#include "fault/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#define LENGTH 20000

/* Feed LENGTH bytes in portions and at instants drawn from `pace`, with the pump coming late by up to late_ns. */
static struct stream feed(const struct ld_fault_spec *faults, size_t fault_count, uint64_t pace, size_t portion,
                          int64_t late_ns)
{
    struct stream stream = stream_new(5, LD_STREAM_DOWN);
    struct ld_random random;
    int64_t now_ns = 0;
    ld_random_init(&random, pace);
    for (size_t i = 0; i < fault_count; i++)
        assert_int_equal(ld_link_add(stream.link, &faults[i], 0), 0);
    while (stream.written < LENGTH) {
        size_t length = 1 + (size_t)ld_random_below(&random, portion);
        if (length > LENGTH - stream.written)
            length = (size_t)(LENGTH - stream.written);
        now_ns += (int64_t)ld_random_below(&random, 2 * LD_MS);
        stream_write(&stream, length, now_ns);
        if (ld_random_below(&random, 3) == 0)
            stream_look(&stream, now_ns += (int64_t)ld_random_below(&random, (uint64_t)late_ns + 1));
    }
    stream_run(&stream, INT64_MAX - 1);
    return stream;
}

/* Where a stream is cut: the same however it comes, though a piece may have been sent in two where its bytes came in
 * two. So every cut of the one is a cut of the other. */
static void cuts_are_where_they_are(void **state)
{
    (void)state;
    static bool cut[LENGTH + 1];
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_SLICER, "a/0/slicer");
    fault.attributes.slicer.average_size = 70;
    fault.attributes.slicer.size_variation = 50;
    fault.attributes.slicer.delay_ns = LD_MS;
    memset(cut, 0, sizeof cut);
    struct stream whole = stream_new(5, LD_STREAM_DOWN);
    assert_int_equal(ld_link_add(whole.link, &fault, 0), 0);
    stream_write(&whole, LENGTH, 0);
    stream_run(&whole, INT64_MAX - 1);
    for (uint64_t pace = 1; pace <= 20; pace++) {
        struct stream other = feed(&fault, 1, pace, (size_t)pace * 40, (int64_t)pace * LD_MS);
        memset(cut, 0, sizeof cut);
        for (size_t i = 0; i < other.count; i++)
            cut[other.departures[i].position] = true;
        for (size_t i = 0; i < whole.count; i++)
            if (!cut[whole.departures[i].position])
                fail_msg("pace %llu: not cut at %llu", (unsigned long long)pace,
                         (unsigned long long)whole.departures[i].position);
        stream_free(&other);
    }
    stream_free(&whole);
}

/* Messages that come one at a time, as requests and answers do: each has its own latency, whatever the pace. */
static void each_message_has_its_latency(void **state)
{
    (void)state;
    enum { MESSAGES = 200 };
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_LATENCY, "a/0/latency");
    fault.attributes.latency.latency_ns = 50 * MS;
    fault.attributes.latency.jitter_ns = 50 * MS;
    int64_t drawn_ns[MESSAGES];
    for (uint64_t pace = 0; pace < 10; pace++) {
        struct stream stream = stream_new(5, LD_STREAM_DOWN);
        struct ld_random random;
        int64_t now_ns = 0;
        ld_random_init(&random, pace);
        assert_int_equal(ld_link_add(stream.link, &fault, 0), 0);
        for (uint64_t i = 0; i < MESSAGES; i++) {
            stream_write(&stream, (size_t)(i * 37 % 500 + 1), now_ns);
            int64_t delay_ns = ld_link_due(stream.link) - now_ns;
            if (pace == 0)
                drawn_ns[i] = delay_ns;
            assert_int_equal(delay_ns, drawn_ns[i]);
            now_ns = ld_link_due(stream.link) + (int64_t)ld_random_below(&random, 5 * LD_MS); /* a late pump */
            stream_look(&stream, now_ns);
            now_ns += (int64_t)ld_random_below(&random, pace * LD_MS + 1); /* a slow client */
        }
        stream_free(&stream);
    }
}

/* A toxic that starts in mid-stream draws for the bytes' positions, wherever the stream stands then. */
static void draws_do_not_depend_on_when_the_toxic_came(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_LATENCY, "a/0/latency");
    fault.attributes.latency.latency_ns = 50 * MS;
    fault.attributes.latency.jitter_ns = 50 * MS;
    struct stream early = stream_new(5, LD_STREAM_DOWN), late = stream_new(5, LD_STREAM_DOWN);
    assert_int_equal(ld_link_add(early.link, &fault, 0), 0);
    for (int i = 0; i < 50; i++) {
        int64_t now_ns = (i + 1) * LD_SECOND;
        if (i == 20)
            assert_int_equal(ld_link_add(late.link, &fault, now_ns), 0);
        stream_write(&early, 10, now_ns);
        stream_write(&late, 10, now_ns);
        if (i >= 20)
            assert_int_equal(ld_link_due(early.link), ld_link_due(late.link));
        stream_look(&early, now_ns + 500 * MS);
        stream_look(&late, now_ns + 500 * MS);
    }
    stream_free(&early);
    stream_free(&late);
}

static void a_limit_is_where_it_is(void **state)
{
    (void)state;
    struct ld_fault_spec faults[] = {toxic_spec(LD_FAULT_LIMIT_DATA, "a/0/limit_data"),
                                     toxic_spec(LD_FAULT_BANDWIDTH, "a/1/bandwidth"),
                                     toxic_spec(LD_FAULT_LATENCY, "a/2/latency")};
    faults[0].attributes.limit_data.bytes = 12345;
    faults[1].attributes.bandwidth.rate = 1 << 20;
    faults[2].attributes.latency.latency_ns = 7 * MS;
    faults[2].attributes.latency.jitter_ns = 7 * MS;
    for (uint64_t pace = 0; pace < 20; pace++) {
        struct stream stream = feed(faults, 3, pace, 700, 3 * LD_MS);
        assert_int_equal(stream.left, 12345);
        stream_free(&stream);
    }
}

int test_timing(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_are_where_they_are),
        cmocka_unit_test(each_message_has_its_latency),
        cmocka_unit_test(draws_do_not_depend_on_when_the_toxic_came),
        cmocka_unit_test(a_limit_is_where_it_is),
    };
    return cmocka_run_group_tests_name("timing", tests, NULL, NULL);
}
