/* Each toxic byte by byte in virtual time: order, nothing lost, nothing early, and what a change in mid-stream does. */
#include "fault/stream.h"

#include "base/random.h"

#define KIB ((size_t)1024)

static struct stream with(const struct ld_fault_spec *fault)
{
    struct stream stream = stream_new(0, LD_STREAM_DOWN);
    assert_int_equal(ld_link_add(stream.link, fault, 0), 0);
    return stream;
}

/* ---- bandwidth */

static struct ld_fault_spec bandwidth(const char *id, uint64_t rate)
{
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_BANDWIDTH, id);
    fault.attributes.bandwidth.rate = rate;
    return fault;
}

/* A byte leaves when the rate has had the time for it and all before it since the first of them came. */
static void bandwidth_lets_no_byte_out_early_nor_late(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 7, 1000, 100 * 1024, 10 << 20, (uint64_t)10 << 30};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct ld_fault_spec fault = bandwidth("a/0/bandwidth", rates[i]);
        struct stream stream = with(&fault);
        size_t length = rates[i] < 1000 ? 20 : 40 * KIB;
        stream_write(&stream, length, 5 * MS);
        stream_run(&stream, INT64_MAX - 1);
        assert_int_equal(stream.left, length);
        for (size_t k = 0; k < stream.count; k++) {
            const struct departure *departure = &stream.departures[k];
            double due_ns = 5e6 + (double)(departure->position + departure->length) * 1e9 / (double)rates[i];
            double late_ns = (double)departure->at_ns - due_ns;
            if (late_ns < -1 || late_ns > 1000)
                fail_msg("rate %llu: bytes up to %llu left %.0f ns beside their time", (unsigned long long)rates[i],
                         (unsigned long long)(departure->position + departure->length), late_ns);
        }
        stream_free(&stream);
    }
}

static void bandwidth_saves_nothing_up_while_idle(void **state)
{
    (void)state;
    struct ld_fault_spec fault = bandwidth("a/0/bandwidth", 100 * KIB);
    struct stream stream = with(&fault);
    stream_write(&stream, KIB, 0);
    stream_run(&stream, 60 * LD_SECOND);
    stream_write(&stream, 10 * KIB, 60 * LD_SECOND);
    assert_int_equal(stream_look(&stream, 60 * LD_SECOND), 0);
    stream_run(&stream, INT64_MAX - 1);
    assert_in_range(stream_last_ns(&stream), 60 * LD_SECOND + 100 * MS, 60 * LD_SECOND + 100 * MS + 1000);
    stream_free(&stream);
}

/* A pump that comes late makes up for it; a receiver that did not read for long gets no flood. */
static void bandwidth_makes_up_for_a_tenth_of_a_second(void **state)
{
    (void)state;
    struct ld_fault_spec fault = bandwidth("a/0/bandwidth", 100 * KIB);
    struct stream stream = with(&fault);
    stream_write(&stream, 60 * KIB, 0);
    assert_int_equal(stream_look(&stream, 50 * MS), 5 * KIB);
    assert_int_equal(stream_look(&stream, 10 * LD_SECOND), 10 * KIB);
    stream_run(&stream, INT64_MAX - 1);
    assert_in_range(stream_last_ns(&stream), 10 * LD_SECOND + 450 * MS, 10 * LD_SECOND + 450 * MS + 1000);
    stream_free(&stream);
}

static void bandwidth_makes_the_sender_wait(void **state)
{
    (void)state;
    struct ld_fault_spec fault = bandwidth("a/0/bandwidth", 100 * KIB);
    struct ld_fault_spec latency = toxic_spec(LD_FAULT_LATENCY, "a/1/latency");
    latency.attributes.latency.latency_ns = LD_SECOND;
    struct stream stream = with(&fault);
    assert_int_equal(ld_link_room(stream.link), LD_LINK_THROTTLED_BYTES);
    stream_write(&stream, LD_LINK_THROTTLED_BYTES, 0);
    assert_int_equal(ld_link_room(stream.link), 0);
    stream_look(&stream, 50 * MS);
    assert_int_equal(ld_link_room(stream.link), 5 * KIB);
    assert_int_equal(ld_link_add(stream.link, &latency, 50 * MS), 0); /* what is on the way needs room too */
    assert_int_equal(ld_link_room(stream.link), 105 * KIB);
    ld_link_remove(stream.link, fault.id);
    assert_int_equal(ld_link_room(stream.link), LD_LINK_BYTES_MAX - 59 * KIB);
    stream_free(&stream);
}

static void bandwidth_can_be_changed_and_removed(void **state)
{
    (void)state;
    struct ld_fault_spec slow = bandwidth("a/0/bandwidth", 1000), fast = bandwidth("a/0/bandwidth", 10000);
    struct stream stream = with(&slow);
    stream_write(&stream, 10000, 0);
    stream_run(&stream, LD_SECOND);
    assert_int_equal(stream.left, 1000);
    assert_int_equal(ld_link_change(stream.link, &fast, LD_SECOND), 0);
    stream_run(&stream, LD_SECOND + 500 * MS);
    assert_int_equal(stream.left, 6000);
    ld_link_remove(stream.link, fast.id);
    assert_int_equal(stream_look(&stream, LD_SECOND + 500 * MS), 4000);
    stream_free(&stream);
}

/* ---- slicer */

static struct ld_fault_spec slicer(uint64_t average, uint64_t variation, int64_t delay_ns)
{
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_SLICER, "a/0/slicer");
    fault.attributes.slicer.average_size = average;
    fault.attributes.slicer.size_variation = variation;
    fault.attributes.slicer.delay_ns = delay_ns;
    return fault;
}

static void slices_have_their_size_and_their_pause(void **state)
{
    (void)state;
    static const uint64_t sizes[][2] = {{1, 0}, {64, 0}, {64, 63}, {100, 31}, {1000, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct ld_fault_spec fault = slicer(sizes[i][0], sizes[i][1], 3 * MS);
        struct stream stream = with(&fault);
        uint64_t length = 500 * sizes[i][0];
        stream_write(&stream, (size_t)length, 0);
        stream_run(&stream, INT64_MAX - 1);
        assert_int_equal(stream.left, length);
        assert_in_range(stream.count, 499, 501);
        for (size_t k = 0; k < stream.count; k++) {
            assert_int_equal(stream.departures[k].at_ns, (int64_t)k * 3 * MS);
            uint64_t least = k + 1 < stream.count ? sizes[i][0] - sizes[i][1] : 1; /* the last may be cut short */
            assert_in_range(stream.departures[k].length, least, sizes[i][0] + sizes[i][1]);
        }
        stream_free(&stream);
    }
}

/* Drawn anew for each piece, connection and direction, over the whole range. */
static void slices_vary(void **state)
{
    (void)state;
    struct ld_fault_spec fault = slicer(100, 60, 0);
    fault.attributes.reach.stream = LD_STREAM_BOTH;
    struct stream streams[] = {stream_new(0, LD_STREAM_DOWN), stream_new(0, LD_STREAM_UP), stream_new(1, LD_STREAM_UP)};
    size_t same = 0, least = SIZE_MAX, most = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ld_link_add(streams[i].link, &fault, 0), 0);
        stream_write(&streams[i], 100000, 0);
        stream_look(&streams[i], 0);
    }
    for (size_t k = 0; k < 900; k++) {
        size_t length = streams[0].departures[k].length;
        same += length == streams[1].departures[k].length || length == streams[2].departures[k].length;
        least = length < least ? length : least;
        most = length > most ? length : most;
    }
    assert_in_range(same, 0, 60);
    assert_in_range(least, 40, 48);
    assert_in_range(most, 152, 160);
    for (size_t i = 0; i < 3; i++)
        stream_free(&streams[i]);
}

static void slices_without_a_pause_leave_one_by_one(void **state)
{
    (void)state;
    struct ld_fault_spec fault = slicer(10, 0, 0);
    struct stream stream = with(&fault);
    stream_write(&stream, 95, MS);
    assert_int_equal(stream_look(&stream, MS), 95);
    assert_int_equal(stream.count, 10);
    assert_int_equal(stream.departures[9].length, 5);
    stream_free(&stream);
}

/* The pause counts from when the piece really left. */
static void a_late_slice_has_its_whole_pause(void **state)
{
    (void)state;
    struct ld_fault_spec fault = slicer(10, 0, 20 * MS);
    struct stream stream = with(&fault);
    stream_write(&stream, 20, 0);
    assert_int_equal(stream_look(&stream, 15 * MS), 10);
    assert_int_equal(stream_look(&stream, 35 * MS - 1), 0);
    assert_int_equal(stream_look(&stream, 35 * MS), 10);
    stream_free(&stream);
}

static void a_slice_does_not_wait_for_bytes_that_are_not_there(void **state)
{
    (void)state;
    struct ld_fault_spec fault = slicer(100, 0, 20 * MS);
    struct stream stream = with(&fault);
    stream_write(&stream, 60, 0);
    assert_int_equal(stream_look(&stream, 0), 60);
    stream_write(&stream, 60, MS);
    assert_int_equal(stream_look(&stream, MS), 40); /* the piece is full, and the pause begins */
    assert_int_equal(ld_link_due(stream.link), 21 * MS);
    stream_free(&stream);
}

/* ---- slow_close */

static struct ld_fault_spec slow_close(int64_t delay_ns)
{
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_SLOW_CLOSE, "a/0/slow_close");
    fault.attributes.slow_close.delay_ns = delay_ns;
    return fault;
}

static void a_slow_close_delays_the_end_and_no_byte(void **state)
{
    (void)state;
    struct ld_fault_spec fault = slow_close(100 * MS);
    struct stream stream = with(&fault);
    assert_true(ld_link_passes_bytes(stream.link));
    stream_write(&stream, 10, 0);
    ld_link_end(stream.link, 0);
    assert_int_equal(stream_look(&stream, 30 * MS), 10); /* the receiver was slow: it counts from here */
    assert_false(stream.ended);
    stream_run(&stream, INT64_MAX - 1);
    assert_int_equal(stream.ended_ns, 130 * MS);
    stream_free(&stream);
}

static void a_slow_close_that_goes_lets_the_end_go(void **state)
{
    (void)state;
    struct ld_fault_spec fault = slow_close(LD_HOUR);
    struct stream stream = with(&fault);
    ld_link_end(stream.link, 5 * MS);
    assert_int_equal(ld_link_end_due(stream.link), 5 * MS + LD_HOUR);
    stream_look(&stream, LD_SECOND);
    assert_false(stream.ended);
    ld_link_remove(stream.link, fault.id);
    stream_look(&stream, LD_SECOND);
    assert_true(stream.ended);
    stream_free(&stream);
}

/* ---- timeout */

static struct ld_fault_spec timed(enum ld_fault_type type, int64_t timeout_ns)
{
    struct ld_fault_spec fault = toxic_spec(type, "a/0/timed");
    fault.attributes.timeout.timeout_ns = timeout_ns;
    if (type == LD_FAULT_RESET_PEER)
        fault.attributes.reach.stream = LD_STREAM_BOTH;
    return fault;
}

/* Toxiproxy arms its timer anew with every chunk. */
static void a_timeout_is_not_postponed_by_bytes(void **state)
{
    (void)state;
    struct ld_fault_spec fault = timed(LD_FAULT_TIMEOUT, 500 * MS);
    struct stream stream = with(&fault);
    for (int64_t now_ns = 0; now_ns < 500 * MS; now_ns += 10 * MS) {
        stream_write(&stream, 100, now_ns);
        assert_int_equal(stream_look(&stream, now_ns), 0);
        assert_int_equal(ld_link_fate(stream.link, now_ns), LD_FATE_NONE);
        assert_int_equal(ld_link_fate_due(stream.link), 500 * MS);
    }
    assert_int_equal(ld_link_fate(stream.link, 500 * MS), LD_FATE_CLOSE);
    stream_free(&stream);
}

static void a_timeout_keeps_everything_and_lets_it_go_when_removed(void **state)
{
    (void)state;
    struct ld_fault_spec fault = timed(LD_FAULT_TIMEOUT, 0);
    struct stream stream = with(&fault);
    stream_write(&stream, 100, 0);
    stream_write(&stream, 100, LD_SECOND);
    ld_link_end(stream.link, LD_SECOND);
    assert_true(ld_link_room(stream.link) > 0);
    assert_int_equal(ld_link_due(stream.link), INT64_MAX);
    assert_int_equal(ld_link_fate_due(stream.link), INT64_MAX); /* 0: never */
    assert_int_equal(stream_look(&stream, LD_HOUR), 0);
    assert_false(stream.ended);
    ld_link_remove(stream.link, fault.id);
    assert_int_equal(stream_look(&stream, LD_HOUR), 200);
    assert_true(stream.ended);
    stream_free(&stream);
}

static void a_change_does_not_arm_a_timeout_anew(void **state)
{
    (void)state;
    struct ld_fault_spec fault = timed(LD_FAULT_TIMEOUT, 500 * MS), longer = timed(LD_FAULT_TIMEOUT, LD_SECOND);
    struct stream stream = with(&fault);
    assert_int_equal(ld_link_change(stream.link, &longer, 400 * MS), 0);
    assert_int_equal(ld_link_fate_due(stream.link), LD_SECOND);
    stream_free(&stream);
}

/* ---- reset_peer */

/* Toxiproxy waits for a chunk first, and an idle connection is never reset. */
static void an_idle_connection_is_reset(void **state)
{
    (void)state;
    struct ld_fault_spec fault = timed(LD_FAULT_RESET_PEER, 500 * MS), at_once = timed(LD_FAULT_RESET_PEER, 0);
    struct stream idle = with(&fault), new = with(&at_once);
    assert_int_equal(ld_link_fate(idle.link, 500 * MS - 1), LD_FATE_NONE);
    assert_int_equal(ld_link_fate(idle.link, 500 * MS), LD_FATE_RESET);
    assert_int_equal(ld_link_fate(new.link, 0), LD_FATE_RESET);
    stream_free(&idle);
    stream_free(&new);
}

static void bytes_pass_until_the_reset(void **state)
{
    (void)state;
    struct ld_fault_spec fault = timed(LD_FAULT_RESET_PEER, 500 * MS);
    struct stream stream = with(&fault);
    assert_true(ld_link_passes_bytes(stream.link));
    stream_write(&stream, 100, 499 * MS);
    assert_int_equal(stream_look(&stream, 499 * MS), 100);
    assert_int_equal(ld_link_fate_due(stream.link), 500 * MS);
    stream_free(&stream);
}

/* Toxiproxy resets all of them. */
static void at_toxicity_0_nothing_is_touched(void **state)
{
    (void)state;
    for (int type = 0; type < LD_FAULT_TYPES; type++) {
        if (ld_fault_table[type].scope != LD_SCOPE_PROXY || type == LD_FAULT_DOWN)
            continue;
        for (uint64_t connection = 0; connection < 200; connection++) {
            struct ld_fault_spec fault = toxic_spec((enum ld_fault_type)type, "a/0/any");
            fault.attributes.reach = (struct ld_fault_reach){0, LD_STREAM_BOTH};
            struct ld_link *link = ld_link_new(SEED, connection, LD_STREAM_UP);
            assert_int_equal(ld_link_add(link, &fault, 0), 0);
            assert_true(ld_link_passes_bytes(link));
            assert_int_equal(ld_link_fate_due(link), INT64_MAX);
            assert_int_equal(ld_link_room(link), LD_LINK_BYTES_MAX);
            assert_int_equal(ld_toxic_connect_delay_ns(SEED, &fault, connection), 0);
            ld_link_free(link);
        }
    }
}

/* ---- limit_data */

static struct ld_fault_spec limit_data(uint64_t bytes)
{
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_LIMIT_DATA, "a/0/limit_data");
    fault.attributes.limit_data.bytes = bytes;
    return fault;
}

static void exactly_the_limit_passes(void **state)
{
    (void)state;
    for (size_t chunk = 1; chunk <= 200; chunk += 13) {
        struct ld_fault_spec fault = limit_data(150);
        struct stream stream = with(&fault);
        for (int64_t i = 0; stream.written < 400; i++) {
            assert_int_equal(ld_link_fate(stream.link, i), stream.left < 150 ? LD_FATE_NONE : LD_FATE_CLOSE);
            stream_write(&stream, chunk, i);
            stream_look(&stream, i);
        }
        assert_int_equal(stream.left, 150);
        assert_int_equal(ld_link_due(stream.link), INT64_MAX);
        stream_free(&stream);
    }
}

static void a_limit_counts_from_its_start_and_can_be_raised(void **state)
{
    (void)state;
    struct ld_fault_spec fault = limit_data(100), more = limit_data(130), none = limit_data(0);
    struct stream stream = stream_new(0, LD_STREAM_DOWN);
    stream_write(&stream, 50, 0);
    stream_look(&stream, 0);
    assert_int_equal(ld_link_add(stream.link, &fault, 1), 0);
    stream_write(&stream, 200, 2);
    assert_int_equal(stream_look(&stream, 2), 100);
    assert_int_equal(ld_link_change(stream.link, &more, 3), 0);
    assert_int_equal(stream_look(&stream, 3), 30);
    assert_int_equal(ld_link_change(stream.link, &none, 4), 0);
    assert_int_equal(ld_link_fate(stream.link, 4), LD_FATE_CLOSE);
    stream_free(&stream);
}

static void a_stream_that_ends_below_the_limit_ends_as_ever(void **state)
{
    (void)state;
    struct ld_fault_spec fault = limit_data(100);
    struct stream stream = with(&fault);
    stream_write(&stream, 99, 0);
    ld_link_end(stream.link, 0);
    assert_int_equal(stream_look(&stream, 0), 99);
    assert_true(stream.ended);
    assert_int_equal(ld_link_fate_due(stream.link), INT64_MAX);
    stream_free(&stream);
}

/* ---- stall, down, connect_delay */

static void a_stall_stops_reading_and_keeps_what_is_there(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_STALL, "a/0/stall");
    struct stream stream = stream_new(0, LD_STREAM_DOWN);
    stream_write(&stream, 100, 0);
    assert_int_equal(ld_link_add(stream.link, &fault, 0), 0);
    assert_int_equal(ld_link_room(stream.link), 0);
    assert_int_equal(stream_look(&stream, LD_HOUR), 0);
    ld_link_end(stream.link, LD_HOUR); /* a reset is seen without reading */
    assert_int_equal(ld_link_end_due(stream.link), INT64_MAX);
    assert_int_equal(ld_link_due(stream.link), INT64_MAX);
    ld_link_remove(stream.link, fault.id);
    assert_int_equal(stream_look(&stream, LD_HOUR), 100);
    assert_true(stream.ended);
    stream_free(&stream);
}

static void down_resets_at_once(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_DOWN, "a/0/down");
    fault.attributes.reach.stream = LD_STREAM_BOTH;
    struct ld_link *link = ld_link_new(SEED, 3, LD_STREAM_UP);
    assert_int_equal(ld_link_add(link, &fault, 17), 0);
    assert_int_equal(ld_link_fate(link, 17), LD_FATE_RESET);
    ld_link_free(link);
}

static void connects_are_delayed_within_their_jitter(void **state)
{
    (void)state;
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_CONNECT_DELAY, "a/0/connect_delay");
    fault.attributes.connect_delay.delay_ns = 100 * MS;
    fault.attributes.connect_delay.jitter_ns = 40 * MS;
    fault.attributes.reach.toxicity = 0.5;
    int64_t least_ns = INT64_MAX, most_ns = 0;
    for (uint64_t connection = 0; connection < 1000; connection++) {
        int64_t delay_ns = ld_toxic_connect_delay_ns(SEED, &fault, connection);
        bool touched = ld_toxic_touches(SEED, fault.id, connection, 0.5);
        assert_int_equal(delay_ns > 0, touched);
        assert_int_equal(delay_ns, ld_toxic_connect_delay_ns(SEED, &fault, connection));
        if (!touched)
            continue;
        least_ns = delay_ns < least_ns ? delay_ns : least_ns;
        most_ns = delay_ns > most_ns ? delay_ns : most_ns;
    }
    assert_in_range(least_ns, 60 * MS, 61 * MS);
    assert_in_range(most_ns, 139 * MS, 140 * MS);
}

/* ---- together */

/* Toxiproxy's buffers cap a connection under 100 ms of latency at 315 MB/s. */
static void latency_does_not_limit_the_rate(void **state)
{
    (void)state;
    enum { CHUNK = 64 << 10 };
    struct ld_fault_spec fault = toxic_spec(LD_FAULT_LATENCY, "a/0/latency");
    fault.attributes.latency.latency_ns = 100 * MS;
    struct stream stream = with(&fault);
    int64_t step_ns = (int64_t)CHUNK * LD_SECOND / 640000000; /* 640 MB/s */
    for (int64_t now_ns = 0; now_ns < LD_SECOND; now_ns += step_ns) {
        stream_look(&stream, now_ns);
        if (ld_link_room(stream.link) < CHUNK)
            fail_msg("full after %lld ns", (long long)now_ns);
        stream_write(&stream, CHUNK, now_ns);
    }
    stream_free(&stream);
}

/* A reset and a close at the same instant: the reset. The earlier of two comes first. */
static void the_first_fate_comes(void **state)
{
    (void)state;
    struct ld_fault_spec close = timed(LD_FAULT_TIMEOUT, 100 * MS), reset = timed(LD_FAULT_RESET_PEER, 100 * MS);
    struct ld_fault_spec later = timed(LD_FAULT_RESET_PEER, 200 * MS);
    reset.id = "a/1/reset";
    later.id = "a/1/reset";
    struct stream stream = with(&close);
    assert_int_equal(ld_link_add(stream.link, &reset, 0), 0);
    assert_int_equal(ld_link_fate(stream.link, 100 * MS), LD_FATE_RESET);
    assert_int_equal(ld_link_change(stream.link, &later, 0), 0);
    assert_int_equal(ld_link_fate(stream.link, 100 * MS), LD_FATE_CLOSE);
    stream_free(&stream);
}

/* All gates and a delay at once: each of them holds. */
static void several_at_once_each_hold(void **state)
{
    (void)state;
    struct ld_fault_spec latency = toxic_spec(LD_FAULT_LATENCY, "a/1/latency");
    struct ld_fault_spec rate = bandwidth("a/2/bandwidth", 20000);
    struct ld_fault_spec cut = slicer(50, 20, 2 * MS), limit = limit_data(3000);
    latency.attributes.latency.latency_ns = 50 * MS;
    latency.attributes.latency.jitter_ns = 30 * MS;
    const struct ld_fault_spec *faults[] = {&latency, &rate, &cut, &limit};
    for (size_t first = 0; first < 4; first++) { /* in every rotation: the order of the starts does not matter */
        struct stream stream = stream_new(0, LD_STREAM_DOWN);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(ld_link_add(stream.link, faults[(first + i) % 4], 0), 0);
        for (int i = 0; i < 10; i++)
            stream_write(&stream, 400, (int64_t)i * 3 * MS);
        stream_run(&stream, INT64_MAX - 1);
        assert_int_equal(stream.left, 3000);
        assert_int_equal(ld_link_fate(stream.link, stream_last_ns(&stream)), LD_FATE_CLOSE);
        assert_true(stream_last_ns(&stream) >= 20 * MS + 3000 * LD_SECOND / 20000);
        for (size_t i = 0; i < stream.count; i++) {
            assert_in_range(stream.departures[i].length, 1, 70);
            assert_true(stream.departures[i].at_ns >=
                        20 * MS + (int64_t)(stream.departures[i].position / 400) * 3 * MS);
        }
        stream_free(&stream);
    }
}

int test_toxics(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bandwidth_lets_no_byte_out_early_nor_late),
        cmocka_unit_test(bandwidth_saves_nothing_up_while_idle),
        cmocka_unit_test(bandwidth_makes_up_for_a_tenth_of_a_second),
        cmocka_unit_test(bandwidth_makes_the_sender_wait),
        cmocka_unit_test(bandwidth_can_be_changed_and_removed),
        cmocka_unit_test(slices_have_their_size_and_their_pause),
        cmocka_unit_test(slices_vary),
        cmocka_unit_test(slices_without_a_pause_leave_one_by_one),
        cmocka_unit_test(a_late_slice_has_its_whole_pause),
        cmocka_unit_test(a_slice_does_not_wait_for_bytes_that_are_not_there),
        cmocka_unit_test(a_slow_close_delays_the_end_and_no_byte),
        cmocka_unit_test(a_slow_close_that_goes_lets_the_end_go),
        cmocka_unit_test(a_timeout_is_not_postponed_by_bytes),
        cmocka_unit_test(a_timeout_keeps_everything_and_lets_it_go_when_removed),
        cmocka_unit_test(a_change_does_not_arm_a_timeout_anew),
        cmocka_unit_test(an_idle_connection_is_reset),
        cmocka_unit_test(bytes_pass_until_the_reset),
        cmocka_unit_test(at_toxicity_0_nothing_is_touched),
        cmocka_unit_test(exactly_the_limit_passes),
        cmocka_unit_test(a_limit_counts_from_its_start_and_can_be_raised),
        cmocka_unit_test(a_stream_that_ends_below_the_limit_ends_as_ever),
        cmocka_unit_test(a_stall_stops_reading_and_keeps_what_is_there),
        cmocka_unit_test(down_resets_at_once),
        cmocka_unit_test(connects_are_delayed_within_their_jitter),
        cmocka_unit_test(latency_does_not_limit_the_rate),
        cmocka_unit_test(the_first_fate_comes),
        cmocka_unit_test(several_at_once_each_hold),
    };
    return cmocka_run_group_tests_name("toxics", tests, NULL, NULL);
}
