/* Without and with a toxic: what passes is what was sent, ends as ends and resets as resets. */
#include "runner-proxy/fixture.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/random.h"

static void bytes_pass_both_ways(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = connect_pair(fixture);
    send_text(pair.client, "question");
    expect_text(pair.server, "question");
    send_text(pair.server, "answer");
    expect_text(pair.client, "answer");
    close(pair.client);
    expect_end(pair.server);
    close(pair.server);
    fixture_finish(fixture, true);
    assert_int_equal(fixture->told.counts.accepted, 1);
    assert_int_equal(fixture->told.counts.bytes_up, 8);
    assert_int_equal(fixture->told.counts.bytes_down, 6);
    assert_int_equal(fixture->told.counts.resets, 0);
}

/* ---- big transfers */

struct transfer {
    pthread_t thread;
    int fd;
    size_t length;
    uint64_t seed;
    char hash[LD_HASH_HEX];
};

static void *send_random(void *context)
{
    struct transfer *transfer = context;
    struct ld_random random;
    struct ld_hash hash;
    uint64_t words[4096];
    ld_random_init(&random, transfer->seed);
    ld_hash_init(&hash);
    for (size_t rest = transfer->length; rest > 0;) {
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            words[i] = ld_random_next(&random);
        size_t piece = 1 + (size_t)ld_random_below(&random, sizeof words);
        piece = piece < rest ? piece : rest;
        ld_hash_add(&hash, words, piece);
        for (size_t sent = 0; sent < piece;) {
            ssize_t result = send(transfer->fd, (char *)words + sent, piece - sent, MSG_NOSIGNAL);
            if (result < 0)
                return "send failed";
            sent += (size_t)result;
        }
        rest -= piece;
    }
    ld_hash_end(&hash, transfer->hash);
    return shutdown(transfer->fd, SHUT_WR) == 0 ? NULL : "shutdown failed";
}

static void *receive_to_end(void *context)
{
    struct transfer *transfer = context;
    struct ld_hash hash;
    char bytes[32768];
    ssize_t received;
    ld_hash_init(&hash);
    while ((received = recv(transfer->fd, bytes, sizeof bytes, 0)) > 0) {
        ld_hash_add(&hash, bytes, (size_t)received);
        transfer->length += (size_t)received;
    }
    ld_hash_end(&hash, transfer->hash);
    return received == 0 ? NULL : "recv failed";
}

/* Both directions at once, each until its end; what arrives has the hash of what was sent. */
static void transfer_both_ways(struct fixture *fixture, size_t length)
{
    struct pair pair = connect_pair(fixture);
    struct transfer transfers[] = {
        {.fd = pair.client, .length = length, .seed = 1},
        {.fd = pair.server},
        {.fd = pair.server, .length = length, .seed = 2},
        {.fd = pair.client},
    };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            pthread_create(&transfers[i].thread, NULL, i % 2 ? receive_to_end : send_random, &transfers[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failure;
        pthread_join(transfers[i].thread, &failure);
        if (failure)
            fail_msg("transfer %zu: %s", i, (const char *)failure);
    }
    for (size_t i = 0; i < 4; i += 2) {
        assert_int_equal(transfers[i + 1].length, transfers[i].length);
        assert_string_equal(transfers[i + 1].hash, transfers[i].hash);
    }
    close_pair(pair);
}

static void big_transfers_stay_intact(void **state)
{
    transfer_both_ways(*state, 16 << 20);
}

static void big_transfers_stay_intact_under_latency(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 5 * LD_MS, 4 * LD_MS, 1, LD_STREAM_BOTH);
    start_fault(fixture, &fault);
    transfer_both_ways(fixture, 8 << 20);
    stop_fault(fixture, fault.id);
    assert_true(fixture->told.receipt.count > 100);
    assert_int_equal(fixture->told.receipt.worst_early_ns, 0);
}

/* The toxic comes and goes while bytes stream: nothing is lost or overtaken. */
static void toxics_switched_in_a_stream_keep_it_intact(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 2 * LD_MS, 2 * LD_MS, 1, LD_STREAM_BOTH);
    struct pair pair = connect_pair(fixture);
    struct transfer out = {.fd = pair.client, .length = 24 << 20, .seed = 3}, in = {.fd = pair.server};
    void *failures[2];
    assert_int_equal(pthread_create(&out.thread, NULL, send_random, &out), 0);
    assert_int_equal(pthread_create(&in.thread, NULL, receive_to_end, &in), 0);
    for (int i = 0; i < 50; i++) {
        start_fault(fixture, &fault);
        stop_fault(fixture, fault.id);
    }
    pthread_join(out.thread, &failures[0]);
    pthread_join(in.thread, &failures[1]);
    assert_null(failures[0]);
    assert_null(failures[1]);
    assert_string_equal(in.hash, out.hash);
    close_pair(pair);
}

/* ---- ends */

static void reply_after_half_close(struct fixture *fixture)
{
    struct pair pair = connect_pair(fixture);
    send_text(pair.client, "request");
    assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
    expect_text(pair.server, "request");
    expect_end(pair.server);
    send_text(pair.server, "the reply that must not be lost");
    close(pair.server);
    expect_text(pair.client, "the reply that must not be lost");
    expect_end(pair.client);
    close(pair.client);
}

static void a_half_close_keeps_the_reply(void **state)
{
    reply_after_half_close(*state);
}

static void a_half_close_keeps_the_reply_under_latency(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 20 * LD_MS, 10 * LD_MS, 1, LD_STREAM_BOTH);
    start_fault(fixture, &fault);
    int64_t from_ns = now_ns();
    reply_after_half_close(fixture);
    assert_true(now_ns() - from_ns >= 20 * LD_MS); /* the ends were delayed as well: twice 10 to 30 ms */
}

static void a_half_close_leaves_the_other_direction_open(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = connect_pair(fixture);
    assert_int_equal(shutdown(pair.server, SHUT_WR), 0);
    expect_end(pair.client);
    for (int i = 0; i < 100; i++) {
        send_text(pair.client, "still here");
        expect_text(pair.server, "still here");
    }
    close(pair.client);
    expect_end(pair.server);
    close(pair.server);
}

/* ---- resets */

static void a_clients_reset_passes(void **state)
{
    struct pair pair = connect_pair(*state);
    send_text(pair.client, "last words");
    expect_text(pair.server, "last words");
    reset_socket(pair.client);
    expect_reset(pair.server);
    close(pair.server);
}

static void an_upstreams_reset_passes(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = connect_pair(fixture);
    reset_socket(pair.server);
    expect_reset(pair.client);
    close(pair.client);
    fixture_finish(fixture, true);
    assert_int_equal(fixture->told.counts.resets, 1);
}

static void a_reset_after_a_half_close_passes(void **state)
{
    struct pair pair = connect_pair(*state);
    assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
    expect_end(pair.server);
    reset_socket(pair.client);
    /* after an end Linux never tells a reset by recv; poll and SO_ERROR do */
    struct pollfd poll_server = {.fd = pair.server};
    assert_int_equal(poll(&poll_server, 1, 30000), 1);
    assert_int_equal(poll_server.revents, POLLERR | POLLHUP);
    int failure = 0;
    socklen_t length = sizeof failure;
    assert_int_equal(getsockopt(pair.server, SOL_SOCKET, SO_ERROR, &failure, &length), 0);
    assert_int_equal(failure, EPIPE);
    close(pair.server);
}

/* Under latency a reset travels like a byte: what was sent before it arrives, and it comes no sooner. */
static void a_reset_is_delayed_like_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 60 * LD_MS, 0, 1, LD_STREAM_UP);
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    int64_t from_ns = now_ns();
    send_text(pair.client, "sent before");
    reset_socket(pair.client);
    expect_text(pair.server, "sent before");
    expect_reset(pair.server);
    assert_true(now_ns() - from_ns >= 60 * LD_MS);
    close(pair.server);
}

/* Write until nobody takes more; how much was taken. */
static size_t fill(int fd)
{
    static char bytes[65536];
    struct timeval short_patience = {.tv_usec = 200000};
    size_t taken = 0;
    ssize_t sent;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &short_patience, sizeof short_patience);
    while ((sent = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL)) > 0)
        taken += (size_t)sent;
    assert_int_equal(errno, EAGAIN);
    return taken;
}

static void a_reader_that_stands_still_stops_the_writer(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = connect_pair(fixture);
    size_t taken = fill(pair.client), received = 0;
    char bytes[65536];
    assert_in_range(taken, 1, 48 << 20); /* the kernel's buffers of two connections, and little of ours */
    assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
    for (ssize_t piece; (piece = recv(pair.server, bytes, sizeof bytes, 0)) > 0;)
        received += (size_t)piece;
    assert_int_equal(received, taken);
    close_pair(pair);
}

/* Read so many bytes of `fill`, which sends zeros. */
static void receive_zeros(int fd, size_t length)
{
    static char bytes[65536];
    while (length > 0) {
        ssize_t piece = recv(fd, bytes, length < sizeof bytes ? length : sizeof bytes, 0);
        assert_true(piece > 0);
        for (ssize_t i = 0; i < piece; i++)
            if (bytes[i] != 0)
                fail_msg("byte %zd is %d instead of 0", i, bytes[i]);
        length -= (size_t)piece;
    }
}

/* Told once, until it reads again. */
static void a_reader_that_stands_still_is_told_of(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = connect_pair(fixture), other = connect_pair(fixture);
    size_t taken = fill(other.server);
    wait_for(fixture, &fixture->told.stalls, 1);
    assert_int_equal(fixture->told.stalled_connection, 1);
    assert_int_equal(fixture->told.stalled_stream, LD_STREAM_DOWN);
    receive_zeros(other.client, taken);
    fill(pair.client);
    wait_for(fixture, &fixture->told.stalls, 2);
    assert_int_equal(fixture->told.stalled_connection, 0);
    assert_int_equal(fixture->told.stalled_stream, LD_STREAM_UP);
    close_pair(pair);
    close_pair(other);
    fixture_finish(fixture, true);
    assert_int_equal(fixture->told.counts.stalls, 2);
}

/* The kernel's queues are full, so that the reads that follow are: it streams. A toxic then comes while the pipe is
 * full, and goes. */
static void what_is_in_the_pipe_stays_in_front(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", LD_MS, 0, 1, LD_STREAM_UP);
    struct pair pair = connect_pair(fixture);
    receive_zeros(pair.server, fill(pair.client));
    size_t taken = fill(pair.client);
    start_fault(fixture, &fault);
    send_text(pair.server, "still open");
    expect_text(pair.client, "still open");
    receive_zeros(pair.server, taken);
    send_text(pair.client, "behind the zeros");
    expect_text(pair.server, "behind the zeros");
    stop_fault(fixture, fault.id);
    receive_zeros(pair.server, fill(pair.client));
    send_text(pair.client, "the end");
    assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
    expect_text(pair.server, "the end");
    expect_end(pair.server);
    close_pair(pair);
    fixture_finish(fixture, true);
    assert_in_range(fixture->told.counts.bytes_spliced, 1, fixture->told.counts.bytes_up - 7);
}

static void urgent_data_does_not_stop_a_stream(void **state)
{
    struct pair pair = connect_pair(*state);
    receive_zeros(pair.server, fill(pair.client)); /* it streams */
    size_t taken = fill(pair.client);
    struct timeval patience = {.tv_sec = 30};
    setsockopt(pair.client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    receive_zeros(pair.server, taken);
    assert_int_equal(send(pair.client, "!", 1, MSG_OOB), 1);
    send_text(pair.client, "after");
    expect_text(pair.server, "after");
    close_pair(pair);
}

/* The proxy reads nothing from the client at that time, and must see the reset all the same. */
static void a_reset_passes_a_reader_that_stands_still(void **state)
{
    struct pair pair = connect_pair(*state);
    struct pollfd server = {.fd = pair.server};
    fill(pair.client);
    reset_socket(pair.client);
    assert_int_equal(poll(&server, 1, 30000), 1); /* before the server reads a byte */
    expect_reset(pair.server);
    close(pair.server);
}

static void urgent_data_does_not_stop_the_rest(void **state)
{
    struct pair pair = connect_pair(*state);
    send_text(pair.client, "before");
    assert_int_equal(send(pair.client, "!", 1, MSG_OOB), 1);
    send_text(pair.client, "after");
    expect_text(pair.server, "beforeafter"); /* the urgent byte is out of band and stays there */
    reset_socket(pair.client);
    expect_reset(pair.server);
    close(pair.server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int test_passing(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_pass_both_ways),
        TEST(big_transfers_stay_intact),
        TEST(big_transfers_stay_intact_under_latency),
        TEST(toxics_switched_in_a_stream_keep_it_intact),
        TEST(a_half_close_keeps_the_reply),
        TEST(a_half_close_keeps_the_reply_under_latency),
        TEST(a_half_close_leaves_the_other_direction_open),
        TEST(a_clients_reset_passes),
        TEST(an_upstreams_reset_passes),
        TEST(a_reset_after_a_half_close_passes),
        TEST(a_reset_is_delayed_like_bytes),
        TEST(a_reader_that_stands_still_stops_the_writer),
        TEST(a_reader_that_stands_still_is_told_of),
        TEST(what_is_in_the_pipe_stays_in_front),
        TEST(urgent_data_does_not_stop_a_stream),
        TEST(a_reset_passes_a_reader_that_stands_still),
        TEST(urgent_data_does_not_stop_the_rest),
    };
    return cmocka_run_group_tests_name("passing", tests, NULL, NULL);
}
