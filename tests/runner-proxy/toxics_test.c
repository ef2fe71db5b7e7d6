/* Each toxic between real sockets: what the peers see, and that the receipt says so.
 *
 * This file is compiled twice. In the second program every toxic is disabled behind the proxy's back (toothless.c); the
 * same scenes are played, and there every receipt must say that nothing took effect. */
#include "runner-proxy/fixture.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef TOOTHLESS
static const bool works = false;
#else
static const bool works = true;
#endif

#define LATE_NS (400 * LD_MS) /* what a loaded machine may add to what a peer sees */

static struct ld_fault_spec toxic(enum ld_fault_type type, int stream)
{
    return (struct ld_fault_spec){
        .type = type, .id = ld_fault_table[type].name, .for_ns = -1, .attributes.reach = {1, stream}};
}

/* Stops the fault and asks its receipt. */
static void judge(struct fixture *fixture, const struct ld_fault_spec *fault)
{
    stop_fault(fixture, fault->id);
    const struct ld_receipt *receipt = &fixture->told.receipt;
    assert_true(fixture->told.has_receipt);
    print_message("           %s: %s\n", fault->id, receipt->text);
    if (receipt->effective != works)
        fail_msg("effective: %d, want %d: %s", receipt->effective, works, receipt->text);
}

static void check_time(int64_t took_ns, int64_t asked_ns)
{
    if (works && (took_ns < asked_ns || took_ns > asked_ns + LATE_NS))
        fail_msg("took %lld us, want %lld", (long long)(took_ns / LD_US), (long long)(asked_ns / LD_US));
}

/* Is there anything to read, be it bytes, an end or an error? */
static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    return poll(&polled, 1, timeout_ms) > 0;
}

static size_t receive(int fd, size_t length)
{
    static char bytes[1 << 20];
    assert_true(length <= sizeof bytes);
    ssize_t received = recv(fd, bytes, length, MSG_WAITALL);
    return received > 0 ? (size_t)received : 0;
}

static void latency(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_LATENCY, LD_STREAM_DOWN);
    fault.attributes.latency.latency_ns = 30 * LD_MS;
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    for (int i = 0; i < 10; i++)
        check_time(round_trip_ns(pair), 30 * LD_MS);
    judge(fixture, &fault);
    close_pair(pair);
}

static void bandwidth(void **state)
{
    static char bytes[40 << 10];
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_BANDWIDTH, LD_STREAM_DOWN);
    fault.attributes.bandwidth.rate = 100 << 10;
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    int64_t from_ns = now_ns();
    send_all(pair.server, bytes, sizeof bytes);
    assert_int_equal(receive(pair.client, sizeof bytes), sizeof bytes);
    check_time(now_ns() - from_ns, 400 * LD_MS);
    assert_true(round_trip_ns(pair) < LATE_NS); /* a byte up is not slowed, one down hardly */
    judge(fixture, &fault);
    close_pair(pair);
}

/* The sender's socket blocks: a limit that only fills a buffer of the proxy is none. */
static void bandwidth_blocks_the_sender(void **state)
{
    static char bytes[1 << 20];
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_BANDWIDTH, LD_STREAM_UP);
    fault.attributes.bandwidth.rate = 1 << 10;
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    size_t taken = 0;
    struct pollfd polled = {.fd = pair.client, .events = POLLOUT};
    while (taken < LD_LINK_BYTES_MAX && poll(&polled, 1, 300) > 0) {
        ssize_t sent = send(pair.client, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        taken += sent > 0 ? (size_t)sent : 0;
    }
    if (works)
        assert_in_range(taken, 1, 32 << 20); /* the kernel's buffers */
    stop_fault(fixture, fault.id);
    close_pair(pair);
}

static void slow_close(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_SLOW_CLOSE, LD_STREAM_DOWN);
    fault.attributes.slow_close.delay_ns = 150 * LD_MS;
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    int64_t from_ns = now_ns();
    send_text(pair.server, "the last");
    shutdown(pair.server, SHUT_WR);
    expect_text(pair.client, "the last");
    assert_true(now_ns() - from_ns < 150 * LD_MS || !works); /* bytes are not delayed */
    send_text(pair.client, "the other way is open");
    expect_text(pair.server, "the other way is open");
    expect_end(pair.client);
    check_time(now_ns() - from_ns, 150 * LD_MS);
    judge(fixture, &fault);
    close_pair(pair);
}

/* Toxiproxy's timer begins anew with every chunk. */
static void timeout_is_not_postponed(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_TIMEOUT, LD_STREAM_UP);
    fault.attributes.timeout.timeout_ns = 300 * LD_MS;
    struct pair pair = connect_pair(fixture);
    int64_t from_ns = now_ns();
    start_fault(fixture, &fault);
    for (int i = 0; i < 6 && !is_readable(pair.client, 40); i++) /* a chunk every 40 ms */
        assert_int_equal(send(pair.client, "chunk", 5, MSG_NOSIGNAL), 5);
    if (works) {
        expect_end(pair.server); /* not a byte, and FIN */
        expect_end(pair.client);
        check_time(now_ns() - from_ns, 300 * LD_MS);
    } else {
        expect_text(pair.server, "chunk");
    }
    judge(fixture, &fault);
    close_pair(pair);
}

static void timeout_0_holds_until_it_is_removed(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_TIMEOUT, LD_STREAM_UP);
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    send_text(pair.client, "first ");
    send_text(pair.client, "second");
    shutdown(pair.client, SHUT_WR);
    assert_int_equal(is_readable(pair.server, 200), !works);
    judge(fixture, &fault);
    expect_text(pair.server, "first second");
    expect_end(pair.server);
    close_pair(pair);
}

/* Toxiproxy resets at the first chunk, or never. */
static void reset_peer_fires_on_an_idle_connection(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_RESET_PEER, LD_STREAM_BOTH);
    fault.attributes.timeout.timeout_ns = 200 * LD_MS;
    struct pair pair = connect_pair(fixture);
    int64_t from_ns = now_ns();
    start_fault(fixture, &fault);
    assert_true(round_trip_ns(pair) < 200 * LD_MS || !works); /* until then bytes pass */
    assert_int_equal(is_readable(pair.client, 600), works);
    check_time(now_ns() - from_ns, 200 * LD_MS);
    if (works) {
        expect_reset(pair.client);
        expect_reset(pair.server);
    }
    judge(fixture, &fault);
    close_pair(pair);
}

static void reset_peer_without_a_time_meets_new_connections(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_RESET_PEER, LD_STREAM_BOTH);
    start_fault(fixture, &fault);
    for (int i = 0; i < 5; i++) {
        int client = connect_socket(ld_proxy_port(fixture->listener));
        assert_true(client >= 0);
        if (works)
            expect_reset(client);
        else
            assert_false(is_readable(client, 50));
        close(client);
    }
    judge(fixture, &fault);
}

/* Toxiproxy at toxicity 0 still resets 200 of 200 closes. */
static void reset_peer_at_toxicity_0_touches_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_RESET_PEER, LD_STREAM_BOTH);
    fault.attributes.reach.toxicity = 0;
    start_fault(fixture, &fault);
    for (int i = 0; i < 200; i++) {
        struct pair pair = connect_pair(fixture);
        send_text(pair.client, "bye");
        close(pair.client);
        expect_text(pair.server, "bye");
        expect_end(pair.server);
        close(pair.server);
    }
    stop_fault(fixture, fault.id);
    assert_int_equal(fixture->told.receipt.touched, 0);
    assert_int_equal(fixture->told.receipt.spared, 200);
    assert_false(fixture->told.receipt.effective);
}

static void slicer(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_SLICER, LD_STREAM_DOWN);
    static char bytes[4000];
    fault.attributes.slicer.average_size = 100;
    fault.attributes.slicer.size_variation = 40;
    fault.attributes.slicer.delay_ns = 5 * LD_MS;
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    int64_t from_ns = now_ns();
    send_all(pair.server, bytes, sizeof bytes);
    assert_int_equal(receive(pair.client, sizeof bytes), sizeof bytes);
    check_time(now_ns() - from_ns, 35 * 5 * LD_MS);
    judge(fixture, &fault);
    close_pair(pair);
}

static void limit_data(void **state)
{
    static char bytes[2000];
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_LIMIT_DATA, LD_STREAM_DOWN);
    fault.attributes.limit_data.bytes = 1500;
    struct pair pair = connect_pair(fixture);
    assert_true(round_trip_ns(pair) > 0); /* what passed before does not count */
    start_fault(fixture, &fault);
    send_all(pair.server, bytes, sizeof bytes);
    assert_int_equal(receive(pair.client, works ? 1500 : 2000), works ? 1500 : 2000);
    if (works)
        expect_end(pair.client); /* FIN, not RST */
    judge(fixture, &fault);
    close_pair(pair);
}

static void stall(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_STALL, LD_STREAM_UP);
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    send_text(pair.client, "kept");
    assert_int_equal(is_readable(pair.server, 200), !works);
    send_text(pair.server, "the other way is open");
    expect_text(pair.client, "the other way is open");
    judge(fixture, &fault);
    expect_text(pair.server, "kept");
    close_pair(pair);
}

static void down(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_DOWN, LD_STREAM_BOTH);
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    if (works) {
        expect_reset(pair.client);
        expect_reset(pair.server);
        assert_int_equal(connect_socket(ld_proxy_port(fixture->listener)), -1);
        assert_int_equal(errno, ECONNREFUSED);
    }
    judge(fixture, &fault);
    close_pair(pair);
    int client = connect_socket(ld_proxy_port(fixture->listener));
    assert_true(client >= 0); /* it is up again */
    close(client);
}

static void connect_delay(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = toxic(LD_FAULT_CONNECT_DELAY, LD_STREAM_BOTH);
    fault.attributes.connect_delay.delay_ns = 120 * LD_MS;
    start_fault(fixture, &fault);
    int64_t from_ns = now_ns();
    int client = connect_socket(ld_proxy_port(fixture->listener));
    send_text(client, "early");
    int server = accept_socket(fixture->server);
    check_time(now_ns() - from_ns, 120 * LD_MS);
    expect_text(server, "early");
    judge(fixture, &fault);
    close(client);
    close(server);
}

/* Toxiproxy loses the answer to a client that has shut down its writing side. */
static void no_toxic_loses_the_reply_to_a_half_close(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec faults[] = {toxic(LD_FAULT_LATENCY, LD_STREAM_BOTH), toxic(LD_FAULT_BANDWIDTH, LD_STREAM_BOTH),
                                     toxic(LD_FAULT_SLICER, LD_STREAM_BOTH),
                                     toxic(LD_FAULT_SLOW_CLOSE, LD_STREAM_BOTH),
                                     toxic(LD_FAULT_LIMIT_DATA, LD_STREAM_BOTH)};
    faults[0].attributes.latency.latency_ns = 10 * LD_MS;
    faults[1].attributes.bandwidth.rate = 10 << 10;
    faults[2].attributes.slicer.average_size = 3;
    faults[3].attributes.slow_close.delay_ns = 10 * LD_MS;
    faults[4].attributes.limit_data.bytes = 1000;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) { /* each, with all before it */
        start_fault(fixture, &faults[i]);
        struct pair pair = connect_pair(fixture);
        send_text(pair.client, "the question");
        shutdown(pair.client, SHUT_WR);
        expect_text(pair.server, "the question");
        expect_end(pair.server);
        send_text(pair.server, "the answer");
        close(pair.server);
        expect_text(pair.client, "the answer");
        expect_end(pair.client);
        close(pair.client);
    }
}

/* Toxiproxy decides anew for half of the connections. */
static void an_unrelated_toxic_changes_no_decision(void **state)
{
    enum { CONNECTIONS = 40 };
    struct fixture *fixture = *state;
    struct told *told = &fixture->told;
    struct ld_fault_spec first = toxic(LD_FAULT_LATENCY, LD_STREAM_DOWN), other = toxic(LD_FAULT_SLICER, LD_STREAM_UP);
    first.attributes.latency.latency_ns = LD_MS;
    first.attributes.reach.toxicity = other.attributes.reach.toxicity = 0.5;
    other.attributes.slicer.average_size = 10;
    struct pair pairs[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++)
        pairs[i] = connect_pair(fixture);
    start_fault(fixture, &first);
    start_fault(fixture, &other);
    stop_fault(fixture, first.id);
    start_fault(fixture, &first);
    wait_for(fixture, &told->decisions, 3 * CONNECTIONS);
    bool touched[2][CONNECTIONS] = {{false}};
    unsigned seen = 0;
    for (unsigned i = 0; i < told->decisions; i++)
        if (strcmp(told->decision[i].fault_id, first.id) == 0)
            touched[seen++ / CONNECTIONS][told->decision[i].connection] = told->decision[i].touched;
    assert_int_equal(seen, 2 * CONNECTIONS);
    assert_memory_equal(touched[0], touched[1], sizeof touched[0]);
    for (int i = 0; i < CONNECTIONS; i++)
        close_pair(pairs[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int test_toxics(void)
{
    const struct CMUnitTest tests[] = {
        TEST(latency),
        TEST(bandwidth),
        TEST(bandwidth_blocks_the_sender),
        TEST(slow_close),
        TEST(timeout_is_not_postponed),
        TEST(timeout_0_holds_until_it_is_removed),
        TEST(reset_peer_fires_on_an_idle_connection),
        TEST(reset_peer_without_a_time_meets_new_connections),
        TEST(reset_peer_at_toxicity_0_touches_nobody),
        TEST(slicer),
        TEST(limit_data),
        TEST(stall),
        TEST(down),
        TEST(connect_delay),
        TEST(no_toxic_loses_the_reply_to_a_half_close),
        TEST(an_unrelated_toxic_changes_no_decision),
    };
    return cmocka_run_group_tests_name("toxics", tests, NULL, NULL);
}
