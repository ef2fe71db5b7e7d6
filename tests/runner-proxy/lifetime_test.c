/* Upstreams that die and come back, limits, closes in the middle of things, and what is left afterwards. */
#include "runner-proxy/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"

static void set_upstream(struct fixture *fixture, uint16_t port)
{
    unsigned changed = fixture->told.changed;
    assert_int_equal(ld_proxy_upstream(fixture->listener, port), 0);
    wait_for(fixture, &fixture->told.changed, changed + 1);
    assert_int_equal(fixture->told.port, port);
    assert_int_equal(fixture->told.changed_code, 0);
}

static void expect_refused(struct fixture *fixture)
{
    assert_int_equal(connect_socket(ld_proxy_port(fixture->listener)), -1);
    assert_int_equal(errno, ECONNREFUSED);
}

static void an_upstream_moves(void **state)
{
    struct fixture *fixture = *state;
    struct pair first = connect_pair(fixture);
    for (int i = 0; i < 5; i++) {
        close(fixture->server);
        set_upstream(fixture, 0);
        expect_refused(fixture);
        fixture->server = listen_socket(&fixture->server_port);
        set_upstream(fixture, fixture->server_port);
        struct pair next = connect_pair(fixture);
        round_trip_ns(next);
        close_pair(next);
    }
    round_trip_ns(first); /* its own upstream never died */
    close_pair(first);
}

static void an_upstream_that_died_untold_resets_the_client(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = connect_pair(fixture);
    close(fixture->server);
    reset_socket(pair.server);
    expect_reset(pair.client);
    int late = connect_socket(ld_proxy_port(fixture->listener));
    if (late >= 0) /* else the reset came before connect returned */
        expect_reset(late);
    close(late);
    close(pair.client);
    fixture->server = listen_socket(&fixture->server_port);
    fixture_finish(fixture, true);
    assert_int_equal(fixture->told.counts.accepted, 2);
    assert_int_equal(fixture->told.counts.upstream_refused, 1);
}

static void a_listener_may_begin_without_upstream(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    struct ld_proxy_listener *listener = open_listener(fixture, 0, 0, &told);
    assert_int_equal(connect_socket(ld_proxy_port(listener)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(ld_proxy_upstream(listener, fixture->server_port), 0);
    wait_for(fixture, &told.changed, 1);
    int client = connect_socket(ld_proxy_port(listener));
    struct pair pair = {client, accept_socket(fixture->server)};
    round_trip_ns(pair);
    close_pair(pair);
    ld_proxy_close(listener);
    wait_for(fixture, &told.closed, 1);
    assert_int_equal(told.counts.accepted, 1);
}

static void what_is_beyond_the_limit_is_reset(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    struct ld_proxy_listener *listener = open_listener(fixture, fixture->server_port, 2, &told);
    struct pair pairs[2];
    for (int i = 0; i < 2; i++) {
        pairs[i].client = connect_socket(ld_proxy_port(listener));
        pairs[i].server = accept_socket(fixture->server);
    }
    int beyond = connect_socket(ld_proxy_port(listener));
    if (beyond >= 0)
        expect_reset(beyond);
    close(beyond);
    wait_for(fixture, &told.refusals, 1);
    assert_int_equal(told.refused, 1);
    round_trip_ns(pairs[0]);
    close_pair(pairs[1]);
    ld_proxy_close(listener);
    wait_for(fixture, &told.closed, 1);
    assert_int_equal(told.counts.accepted, 2);
    assert_int_equal(told.counts.refused, 1);
    expect_reset(pairs[0].client);
    close_pair(pairs[0]);
}

/* Nobody can open a file: clients are turned away instead of waiting, and afterwards all is well. */
/* Ten thousand come beyond the limit: each is reset, counted, and costs nothing that stays. */
static void a_storm_beyond_the_limit_is_reset(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t storm = 10000;
    struct pair pair = connect_pair(fixture);
    round_trip_ns(pair);
    assert_int_equal(ld_proxy_limit(fixture->listener, 1), 0);
    assert_int_equal(ld_proxy_status(fixture->listener), 0);
    wait_for(fixture, &fixture->told.statuses, 1);
    for (uint64_t i = 0; i < storm; i++) {
        int fd = connect_socket(ld_proxy_port(fixture->listener));
        if (fd < 0)
            continue; /* reset already: seen by the connect itself */
        if (i % 2)
            reset_socket(fd);
        else
            close(fd);
    }
    while (fixture->told.refused < storm)
        wait_for(fixture, &fixture->told.refusals, fixture->told.refusals + 1);
    round_trip_ns(pair); /* who was there was not disturbed */
    close_pair(pair);
    fixture_finish(fixture, true);
    assert_int_equal(fixture->told.counts.refused, storm);
    assert_int_equal(fixture->told.counts.accepted, 1);
}

static void running_out_of_descriptors_refuses(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, none;
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), lowest_free = dup(client);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(ld_proxy_port(fixture->listener)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)lowest_free;
    close(lowest_free);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int result = connect(client, (struct sockaddr *)&address, sizeof address);
    if (result == 0)
        expect_reset(client);
    wait_for(fixture, &fixture->told.refusals, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(client);
    assert_int_equal(fixture->told.refused, 1);
    struct pair pair = connect_pair(fixture);
    round_trip_ns(pair);
    close_pair(pair);
}

static void a_status_tells_what_is_done(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 10 * LD_MS, 0, 1, LD_STREAM_DOWN);
    struct pair pair = connect_pair(fixture);
    start_fault(fixture, &fault);
    round_trip_ns(pair);
    assert_int_equal(ld_proxy_status(fixture->listener), 0);
    wait_for(fixture, &fixture->told.statuses, 1);
    assert_int_equal(fixture->told.status.connections, 1);
    assert_int_equal(fixture->told.status.held, 0);
    assert_int_equal(fixture->told.status.counts.accepted, 1);
    assert_int_equal(fixture->told.status.counts.bytes_down, 1);
    assert_int_equal(fixture->told.status.fault_count, 1);
    assert_string_equal(fixture->told.fault_id, fault.id);
    assert_int_equal(fixture->told.receipt.count, 1);
    stop_fault(fixture, fault.id);
    close_pair(pair);
}

static void a_drained_listener_keeps_its_connections(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = connect_pair(fixture);
    ld_proxy_drain(fixture->listener);
    assert_int_equal(ld_proxy_status(fixture->listener), 0); /* answered after it drains */
    wait_for(fixture, &fixture->told.statuses, 1);
    expect_refused(fixture);
    set_upstream(fixture, fixture->server_port); /* does not make it accept again */
    expect_refused(fixture);
    round_trip_ns(pair);
    assert_int_equal(fixture->told.drained, 0);
    close_pair(pair);
    wait_for(fixture, &fixture->told.drained, 1);
    fixture_finish(fixture, true);
}

static void the_limit_can_be_changed(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = connect_pair(fixture);
    assert_int_equal(ld_proxy_limit(fixture->listener, 1), 0);
    assert_int_equal(ld_proxy_status(fixture->listener), 0);
    wait_for(fixture, &fixture->told.statuses, 1);
    int beyond = connect_socket(ld_proxy_port(fixture->listener));
    wait_for(fixture, &fixture->told.refusals, 1);
    expect_reset(beyond);
    close(beyond);
    assert_int_equal(ld_proxy_limit(fixture->listener, 2), 0);
    assert_int_equal(ld_proxy_status(fixture->listener), 0);
    wait_for(fixture, &fixture->told.statuses, 2);
    struct pair second = connect_pair(fixture);
    round_trip_ns(second);
    close_pair(pair);
    close_pair(second);
}

static void a_port_may_be_chosen_once(void **state)
{
    struct fixture *fixture = *state;
    struct ld_proxy_spec spec = {.port = ld_proxy_port(fixture->listener), .upstream_port = fixture->server_port};
    struct ld_proxy_listener *listener = NULL;
    struct ld_error error;
    assert_int_equal(ld_proxy_open(fixture->proxy, &spec, &listener, &error), LD_ESYSTEM);
    assert_non_null(strstr(error.message, "cannot listen on 127.0.0.1:"));
    assert_null(listener);
}

static void a_close_drops_what_is_held(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", LD_MINUTE, 0, 1, LD_STREAM_BOTH);
    struct pair pairs[20];
    start_fault(fixture, &fault);
    for (int i = 0; i < 20; i++) {
        pairs[i] = connect_pair(fixture);
        send_text(pairs[i].client, "never arrives");
        send_text(pairs[i].server, "neither does this");
    }
    int64_t from_ns = now_ns();
    fixture_finish(fixture, true);
    assert_true(now_ns() - from_ns < LD_MINUTE);
    assert_int_equal(fixture->told.ended, 1);
    assert_int_equal(fixture->told.receipt.touched, 20);
    assert_int_equal(fixture->told.receipt.count, 0);
    assert_false(fixture->told.receipt.effective);
    for (int i = 0; i < 20; i++) {
        expect_reset(pairs[i].client);
        expect_reset(pairs[i].server);
        close_pair(pairs[i]);
    }
}

static void a_shutdown_closes_what_is_open(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = connect_pair(fixture);
    round_trip_ns(pair);
    fixture_finish(fixture, false); /* nobody closed the listener: it is told as closed all the same */
    expect_reset(pair.client);
    expect_reset(pair.server);
    close_pair(pair);
    assert_int_equal(connect_socket(1), -1);
}

static void listeners_do_not_disturb_each_other(void **state)
{
    enum { LISTENERS = 8 };
    struct fixture *fixture = *state;
    struct ld_fault_spec fault = latency_fault("a/0/latency", 20 * LD_MS, 0, 1, LD_STREAM_DOWN);
    static struct told told[LISTENERS];
    struct ld_proxy_listener *listeners[LISTENERS];
    struct pair pairs[LISTENERS];
    struct ld_error error;
    memset(told, 0, sizeof told);
    for (int i = 0; i < LISTENERS; i++) {
        listeners[i] = open_listener(fixture, fixture->server_port, 0, &told[i]);
        pairs[i].client = connect_socket(ld_proxy_port(listeners[i]));
        pairs[i].server = accept_socket(fixture->server);
        if (i % 2 == 0)
            assert_int_equal(ld_proxy_fault_start(listeners[i], &fault, &error), 0);
    }
    for (int i = 0; i < LISTENERS; i += 2)
        wait_for(fixture, &told[i].decisions, 1);
    for (int i = 0; i < LISTENERS; i++) {
        int64_t took_ns = round_trip_ns(pairs[i]);
        assert_true(i % 2 || took_ns >= 20 * LD_MS);
    }
    for (int i = 0; i < LISTENERS; i += 2)
        ld_proxy_close(listeners[i]);
    for (int i = 0; i < LISTENERS; i += 2) {
        wait_for(fixture, &told[i].closed, 1);
        assert_int_equal(told[i].receipt.count, 1);
        expect_reset(pairs[i].client);
        close_pair(pairs[i]);
        round_trip_ns(pairs[i + 1]);
        assert_int_equal(told[i + 1].decisions, 0);
    }
    fixture_finish(fixture, true);
    for (int i = 1; i < LISTENERS; i += 2) {
        assert_int_equal(told[i].closed, 1);
        close_pair(pairs[i]);
    }
}

/* ---- everything at once */

#define CROWD 24

static void end_somehow(struct ld_random *random, struct pair *pair)
{
    int *fds[] = {&pair->client, &pair->server};
    for (int i = 0; i < 2; i++) {
        if (ld_random_below(random, 2))
            reset_socket(*fds[i]);
        else
            close(*fds[i]);
    }
    pair->client = pair->server = -1;
}

static void do_something(struct fixture *fixture, struct ld_random *random, struct pair *pair)
{
    static char bytes[100000];
    int fd = ld_random_below(random, 2) ? pair->client : pair->server;
    if (pair->client < 0) {
        *pair = connect_pair(fixture);
        return;
    }
    switch (ld_random_below(random, 8)) {
    case 0:
        end_somehow(random, pair);
        break;
    case 1:
        shutdown(fd, SHUT_WR);
        break;
    case 2:
    case 3:
        recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        break;
    default:
        send(fd, bytes, (size_t)ld_random_below(random, sizeof bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

/* Sends, half-closes, resets and faults in a random but repeatable order; the proxy's own assertions judge, and the
 * teardown that nothing is left. */
static void a_crowd_behaves_as_it_likes(void **state)
{
    struct fixture *fixture = *state;
    struct ld_fault_spec faults[] = {
        latency_fault("a/0/latency", 2 * LD_MS, 2 * LD_MS, 0.7, LD_STREAM_BOTH),
        latency_fault("a/1/latency", 9 * LD_MS, 3 * LD_MS, 0.5, LD_STREAM_UP),
    };
    bool acts[2] = {false};
    struct pair pairs[CROWD];
    struct ld_random random;
    ld_random_init(&random, 11);
    memset(pairs, -1, sizeof pairs);
    for (int i = 0; i < 6000; i++) {
        fixture->told.decisions = 0; /* too many to keep */
        if (i % 200 == 0) {
            size_t which = (size_t)ld_random_below(&random, 2);
            if (acts[which])
                stop_fault(fixture, faults[which].id);
            else
                start_fault(fixture, &faults[which]);
            acts[which] = !acts[which];
        }
        do_something(fixture, &random, &pairs[ld_random_below(&random, CROWD)]);
    }
    fixture->told.decisions = 0;
    fixture_finish(fixture, true);
    assert_true(fixture->told.counts.accepted > 200);
    assert_true(fixture->told.counts.resets > 0);
    for (int i = 0; i < CROWD; i++)
        if (pairs[i].client >= 0)
            close_pair(pairs[i]);
}

static unsigned open_descriptors(unsigned *ret_inheritable)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;
    *ret_inheritable = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(folder))
            continue;
        count++;
        if (fd > 2 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
            *ret_inheritable += 1;
    }
    closedir(folder);
    return count;
}

static void no_descriptor_is_inherited_or_left(void **state)
{
    unsigned inheritable_before, inheritable, left = open_descriptors(&inheritable_before);
    fixture_setup(state);
    struct fixture *fixture = *state;
    struct pair pair = connect_pair(fixture);
    round_trip_ns(pair);
    open_descriptors(&inheritable);
    assert_int_equal(inheritable, inheritable_before);
    close_pair(pair);
    fixture_teardown(state);
    assert_int_equal(open_descriptors(&inheritable), left);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int test_lifetime(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_upstream_moves),
        TEST(an_upstream_that_died_untold_resets_the_client),
        TEST(a_listener_may_begin_without_upstream),
        TEST(what_is_beyond_the_limit_is_reset),
        TEST(a_storm_beyond_the_limit_is_reset),
        TEST(running_out_of_descriptors_refuses),
        TEST(a_status_tells_what_is_done),
        TEST(a_drained_listener_keeps_its_connections),
        TEST(the_limit_can_be_changed),
        TEST(a_port_may_be_chosen_once),
        TEST(a_close_drops_what_is_held),
        TEST(a_shutdown_closes_what_is_open),
        TEST(listeners_do_not_disturb_each_other),
        TEST(a_crowd_behaves_as_it_likes),
        cmocka_unit_test(no_descriptor_is_inherited_or_left),
    };
    return cmocka_run_group_tests_name("lifetime", tests, NULL, NULL);
}
