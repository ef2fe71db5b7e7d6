/* Faults on real connections: who is touched, how long it takes, and what the receipt says. */
#include "runner-proxy/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ROUNDS 41

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void latency_is_never_early_and_near_its_value(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 30 * LD_MS, 0, 1, LD_STREAM_DOWN);
    struct pair pair = connect_pair(fixture);
    int64_t times_ns[ROUNDS];
    start_fault(fixture, &fault);
    for (int i = 0; i < ROUNDS; i++) {
        times_ns[i] = round_trip_ns(pair);
        assert_true(times_ns[i] >= 30 * LD_MS);
    }
    qsort(times_ns, ROUNDS, sizeof times_ns[0], by_value);
    assert_in_range(times_ns[ROUNDS / 2], 30 * LD_MS, 55 * LD_MS);
    stop_fault(fixture, fault.id);
    const struct ld_receipt *receipt = &fixture->told.receipt;
    assert_true(fixture->told.has_receipt);
    assert_int_equal(receipt->touched, 1);
    assert_int_equal(receipt->spared, 0);
    assert_int_equal(receipt->count, ROUNDS);
    assert_int_equal(receipt->asked_ns, 30 * LD_MS);
    assert_int_equal(receipt->worst_early_ns, 0);
    assert_in_range(receipt->p50_ns, 30 * LD_MS, 55 * LD_MS);
    print_message("           %s\n", receipt->text);
    close_pair(pair);
}

static void both_streams_are_delayed_apart(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec up = latency_fault("a/0/latency", 20 * LD_MS, 0, 1, LD_STREAM_UP);
    struct ld_fault_spec both = latency_fault("a/1/latency", 10 * LD_MS, 0, 1, LD_STREAM_BOTH);
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &up);
    start_fault(fixture, &both);
    assert_true(round_trip_ns(pair) >= 40 * LD_MS); /* 20 + 10 up, 10 down */
    stop_fault(fixture, up.id);
    assert_int_equal(fixture->told.receipt.count, 1);
    stop_fault(fixture, both.id);
    assert_int_equal(fixture->told.receipt.count, 2);
    close_pair(pair);
}

static void a_toxic_is_switched_in_mid_connection(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 300 * LD_MS, 0, 1, LD_STREAM_DOWN);
    struct pair pair = connect_pair(fixture);
    int64_t least_ns = INT64_MAX;
    round_trip_ns(pair);
    start_fault(fixture, &fault);
    int64_t from_ns = now_ns();
    send_text(pair.server, "held");
    /* once the proxy has counted a chunk sent later on another connection, it has read this one too */
    struct pair other = connect_pair(fixture);
    assert_true(round_trip_ns(other) >= 300 * LD_MS);
    expect_text(pair.client, "held");
    assert_true(now_ns() - from_ns >= 300 * LD_MS);
    stop_fault(fixture, fault.id);
    for (int i = 0; i < 20; i++) {
        int64_t took_ns = round_trip_ns(pair);
        least_ns = took_ns < least_ns ? took_ns : least_ns;
    }
    assert_true(least_ns < 300 * LD_MS);
    close_pair(pair);
    close_pair(other);
}

/* Who sees a latency of 40 ms is exactly who ld_toxic_touches names, and the same was told. */
static void decisions_are_those_of_the_seed(void **state)
{
    enum { CONNECTIONS = 48 };
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("slow/0/latency", 40 * LD_MS, 0, 0.5, LD_STREAM_DOWN);
    struct pair pairs[CONNECTIONS];
    uint64_t touched = 0;
    for (int i = 0; i < CONNECTIONS / 2; i++) /* half of them before the fault, half after */
        pairs[i] = connect_pair(fixture);
    start_fault(fixture, &fault);
    for (int i = CONNECTIONS / 2; i < CONNECTIONS; i++)
        pairs[i] = connect_pair(fixture);
    for (int i = 0; i < CONNECTIONS; i++) {
        bool wanted = ld_toxic_touches(SEED, fault.id, (uint64_t)i, 0.5);
        int64_t least_ns = INT64_MAX; /* of three: a pause of the machine is no latency */
        for (int k = 0; k < (wanted ? 1 : 3); k++) {
            int64_t took_ns = round_trip_ns(pairs[i]);
            least_ns = took_ns < least_ns ? took_ns : least_ns;
        }
        if (wanted != (least_ns >= 40 * LD_MS))
            fail_msg("connection %d: touched %d, but %lld us", i, wanted, (long long)(least_ns / 1000));
        touched += wanted;
    }
    stop_fault(fixture, fault.id);
    const struct told *told = &fixture->told;
    assert_int_equal(told->receipt.touched, touched);
    assert_int_equal(told->receipt.spared, CONNECTIONS - touched);
    assert_int_equal(told->decisions, CONNECTIONS);
    bool seen[CONNECTIONS] = {false};
    for (unsigned i = 0; i < told->decisions; i++) {
        uint64_t connection = told->decision[i].connection;
        assert_string_equal(told->decision[i].fault_id, fault.id);
        assert_in_range(connection, 0, CONNECTIONS - 1);
        assert_false(seen[connection]);
        seen[connection] = true;
        assert_int_equal(told->decision[i].touched, ld_toxic_touches(SEED, fault.id, connection, 0.5));
    }
    for (int i = 0; i < CONNECTIONS; i++)
        close_pair(pairs[i]);
}

static void two_hundred_connections_at_once(void **state)
{
    enum { CONNECTIONS = 200 };
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 50 * LD_MS, 20 * LD_MS, 1, LD_STREAM_BOTH);
    struct pair pairs[CONNECTIONS];
    char text[32];
    start_fault(fixture, &fault);
    for (int i = 0; i < CONNECTIONS; i++)
        pairs[i] = connect_pair(fixture);
    for (int i = 0; i < CONNECTIONS; i++) {
        snprintf(text, sizeof text, "question %d", i);
        send_text(pairs[i].client, text);
        snprintf(text, sizeof text, "answer %d", i);
        send_text(pairs[i].server, text);
    }
    for (int i = CONNECTIONS - 1; i >= 0; i--) {
        snprintf(text, sizeof text, "question %d", i);
        expect_text(pairs[i].server, text);
        snprintf(text, sizeof text, "answer %d", i);
        expect_text(pairs[i].client, text);
    }
    stop_fault(fixture, fault.id);
    assert_int_equal(fixture->told.receipt.count, 2 * CONNECTIONS);
    assert_int_equal(fixture->told.receipt.touched, CONNECTIONS);
    assert_int_equal(fixture->told.receipt.worst_early_ns, 0);
    print_message("           %s\n", fixture->told.receipt.text);
    for (int i = 0; i < CONNECTIONS; i++)
        close_pair(pairs[i]);
}

/* Drawn between 0 and 400 ms, nearly all chunks wait for the slowest of the first ones: more becomes due in one instant
 * than the proxy moves at a time, and it must come back for the rest by itself. */
static void a_backlog_due_at_once_leaves_to_the_last_byte(void **state)
{
    static char bytes[4 << 20];
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 200 * LD_MS, 200 * LD_MS, 1, LD_STREAM_UP);
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    send_all(pair.client, bytes, sizeof bytes);
    assert_int_equal(recv(pair.server, bytes, sizeof bytes, MSG_WAITALL), sizeof bytes);
    close_pair(pair);
}

/* A small buffer would make latency a limit of bandwidth; no buffer limit at all would eat the machine. */
static void much_is_held_but_not_everything(void **state)
{
    static char bytes[1 << 20];
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 10 * LD_MINUTE, 0, 1, LD_STREAM_UP);
    struct timeval short_patience = {.tv_usec = 300000};
    struct pair pair = connect_pair(fixture);
    size_t taken = 0;
    ssize_t sent;
    start_fault(fixture, &fault);
    for (int i = 0; i < 64; i++)
        send_all(pair.client, bytes, sizeof bytes); /* nothing of it leaves, and nobody waits */
    setsockopt(pair.client, SOL_SOCKET, SO_SNDTIMEO, &short_patience, sizeof short_patience);
    while ((sent = send(pair.client, bytes, sizeof bytes, MSG_NOSIGNAL)) > 0 && taken < LD_LINK_BYTES_MAX)
        taken += (size_t)sent;
    assert_in_range(taken, 0, 32 << 20); /* the kernel's own buffers */
    close_pair(pair);
}

static void faults_that_cannot_act_are_told(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 5 * LD_MS, 0, 1, LD_STREAM_DOWN);
    struct ld_fault_spec kill = {.type = LD_FAULT_KILL, .id = "a/1/kill"};
    struct ld_fault_spec pause = {.type = LD_FAULT_PAUSE, .id = "a/2/pause"};
    struct told *told = &fixture->told;
    struct ld_error error;
    assert_int_equal(ld_proxy_fault_start(fixture->listener, &kill, &error), LD_ENOTYET);
    assert_int_equal(ld_proxy_fault_start(fixture->listener, &pause, &error), LD_ENOTYET);
    start_fault(fixture, &fault);
    assert_int_equal(ld_proxy_fault_start(fixture->listener, &fault, &error), 0);
    wait_for(fixture, &told->began, 2);
    assert_int_equal(told->began_code, LD_EUSAGE);
    for (unsigned i = 1; i <= LD_LINK_TOXICS_MAX; i++) {
        char id[] = {(char)('a' + i), '\0'};
        fault.id = id;
        assert_int_equal(ld_proxy_fault_start(fixture->listener, &fault, &error), 0);
        wait_for(fixture, &told->began, 2 + i);
        assert_int_equal(told->began_code, i < LD_LINK_TOXICS_MAX ? 0 : LD_ELIMIT);
    }
    stop_fault(fixture, "never/started");
    assert_false(told->has_receipt);
    fixture_finish(fixture, true);
    assert_int_equal(told->ended, 1 + LD_LINK_TOXICS_MAX); /* the close ended those that acted */
}

/* ---- what a toxic does to the whole connection */

static struct ld_fault_spec timed_fault(enum ld_fault_type type, const char *id, int64_t time_ns)
{
    struct ld_fault_spec fault = {.type = type, .id = id, .for_ns = -1};
    fault.attributes.timeout = (struct ld_fault_timeout){{1, LD_STREAM_BOTH}, time_ns};
    return fault;
}

/* What the client sent is held and then dropped, and both see an end, not a reset, though it was not read. */
static void a_timeout_closes_by_fin_on_time(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = timed_fault(LD_FAULT_TIMEOUT, "a/0/timeout", 80 * LD_MS);
    struct pair pair = connect_pair(fixture);
    round_trip_ns(pair);
    int64_t from_ns = now_ns();
    start_fault(fixture, &fault);
    send_text(pair.client, "never arrives");
    expect_end(pair.server);
    assert_true(now_ns() - from_ns >= 80 * LD_MS);
    expect_end(pair.client);
    stop_fault(fixture, fault.id);
    assert_true(fixture->told.receipt.count > 0);
    assert_int_equal(fixture->told.receipt.worst_early_ns, 0);
    close_pair(pair);
}

static void a_reset_comes_to_an_idle_connection(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = timed_fault(LD_FAULT_RESET_PEER, "a/0/reset_peer", 60 * LD_MS);
    struct pair pair = connect_pair(fixture);
    round_trip_ns(pair);
    int64_t from_ns = now_ns();
    start_fault(fixture, &fault);
    expect_reset(pair.client);
    assert_true(now_ns() - from_ns >= 60 * LD_MS);
    expect_reset(pair.server);
    stop_fault(fixture, fault.id);
    assert_int_equal(fixture->told.receipt.count, 2); /* one at each end; how late is the machine's matter */
    assert_int_equal(fixture->told.receipt.worst_early_ns, 0);
    close_pair(pair);
}

/* The deadline counts from the toxic's start, whatever is changed meanwhile. */
static void a_change_keeps_the_beginning(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = timed_fault(LD_FAULT_RESET_PEER, "a/0/reset_peer", 10 * LD_MINUTE);
    struct ld_error error;
    struct pair pair = connect_pair(fixture);
    round_trip_ns(pair);
    int64_t from_ns = now_ns();
    start_fault(fixture, &fault);
    while (now_ns() - from_ns < 150 * LD_MS)
        round_trip_ns(pair);
    fault.attributes.timeout.timeout_ns = 100 * LD_MS; /* past already */
    fixture->told.ended = fixture->told.began = 0;
    assert_int_equal(ld_proxy_fault_change(fixture->listener, &fault, &error), 0);
    wait_for(fixture, &fixture->told.ended, 1); /* the receipt of what was asked before */
    assert_false(fixture->told.receipt.effective);
    wait_for(fixture, &fixture->told.began, 1);
    assert_int_equal(fixture->told.began_code, 0);
    expect_reset(pair.client);
    close_pair(pair);
    struct ld_fault_spec other = latency_fault("a/1/latency", 20 * LD_MS, 0, 1, LD_STREAM_DOWN);
    assert_int_equal(ld_proxy_fault_change(fixture->listener, &other, &error), 0); /* is none yet: begins */
    wait_for(fixture, &fixture->told.began, 2);
    assert_int_equal(fixture->told.began_code, 0);
}

static void down_refuses_and_resets(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = {.type = LD_FAULT_DOWN, .id = "a/0/down", .for_ns = -1};
    fault.attributes.reach = (struct ld_fault_reach){1, LD_STREAM_BOTH};
    struct pair pair = connect_pair(fixture);
    round_trip_ns(pair);
    start_fault(fixture, &fault);
    expect_reset(pair.client);
    expect_reset(pair.server);
    close_pair(pair);
    assert_int_equal(connect_socket(ld_proxy_port(fixture->listener)), -1);
    fixture->told.changed = 0;
    assert_int_equal(ld_proxy_upstream(fixture->listener, fixture->server_port), 0);
    wait_for(fixture, &fixture->told.changed, 1);
    assert_int_equal(connect_socket(ld_proxy_port(fixture->listener)), -1); /* an upstream does not undo it */
    stop_fault(fixture, fault.id);
    assert_true(fixture->told.receipt.effective);
    assert_int_equal(fixture->told.receipt.count, 2);
    pair = connect_pair(fixture);
    round_trip_ns(pair);
    close_pair(pair);
}

/* ---- before and beside the bytes */

static struct ld_fault_spec connect_delay(int64_t delay_ns)
{
    struct ld_fault_spec fault = {.type = LD_FAULT_CONNECT_DELAY, .id = "a/0/connect_delay", .for_ns = -1};
    fault.attributes.connect_delay = (struct ld_fault_connect_delay){{1, LD_STREAM_BOTH}, delay_ns, 0};
    return fault;
}

static void a_delayed_connect_keeps_what_was_sent(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = connect_delay(60 * LD_MS);
    start_fault(fixture, &fault);
    int64_t from_ns = now_ns();
    int client = connect_socket(ld_proxy_port(fixture->listener));
    send_text(client, "waits");
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    int server = accept_socket(fixture->server);
    assert_true(now_ns() - from_ns >= 60 * LD_MS);
    expect_text(server, "waits");
    expect_end(server);
    stop_fault(fixture, fault.id);
    assert_int_equal(fixture->told.receipt.count, 1);
    assert_int_equal(fixture->told.receipt.worst_early_ns, 0);
    close(client);
    close(server);
}

static void a_client_that_leaves_before_the_connect_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = connect_delay(10 * LD_MINUTE);
    start_fault(fixture, &fault);
    int client = connect_socket(ld_proxy_port(fixture->listener));
    do { /* until the proxy has it */
        unsigned statuses = fixture->told.statuses;
        assert_int_equal(ld_proxy_status(fixture->listener), 0);
        wait_for(fixture, &fixture->told.statuses, statuses + 1);
    } while (fixture->told.status.connections == 0);
    reset_socket(client);
    do {
        unsigned statuses = fixture->told.statuses;
        assert_int_equal(ld_proxy_status(fixture->listener), 0);
        wait_for(fixture, &fixture->told.statuses, statuses + 1);
    } while (fixture->told.status.connections > 0);
    assert_int_equal(fixture->told.status.counts.resets, 1);
    client = connect_socket(ld_proxy_port(fixture->listener));
    fixture_finish(fixture, true); /* another one waits when all is closed */
    close(client);
}

static void a_stall_keeps_the_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = {.type = LD_FAULT_STALL, .id = "a/0/stall", .for_ns = -1};
    fault.attributes.reach = (struct ld_fault_reach){1, LD_STREAM_UP};
    struct pair pair = connect_pair(fixture);
    round_trip_ns(pair);
    start_fault(fixture, &fault);
    send_text(pair.client, "kept");
    assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
    send_text(pair.server, "passes");
    expect_text(pair.client, "passes");
    char byte;
    assert_int_equal(recv(pair.server, &byte, 1, MSG_DONTWAIT), -1);
    stop_fault(fixture, fault.id);
    assert_true(fixture->told.receipt.effective);
    expect_text(pair.server, "kept");
    expect_end(pair.server);
    close_pair(pair);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int test_faults(void)
{
    const struct CMUnitTest tests[] = {
        TEST(latency_is_never_early_and_near_its_value),
        TEST(both_streams_are_delayed_apart),
        TEST(a_toxic_is_switched_in_mid_connection),
        TEST(decisions_are_those_of_the_seed),
        TEST(two_hundred_connections_at_once),
        TEST(a_backlog_due_at_once_leaves_to_the_last_byte),
        TEST(much_is_held_but_not_everything),
        TEST(a_timeout_closes_by_fin_on_time),
        TEST(a_reset_comes_to_an_idle_connection),
        TEST(a_change_keeps_the_beginning),
        TEST(down_refuses_and_resets),
        TEST(a_delayed_connect_keeps_what_was_sent),
        TEST(a_client_that_leaves_before_the_connect_is_forgotten),
        TEST(a_stall_keeps_the_bytes),
        TEST(faults_that_cannot_act_are_told),
    };
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
