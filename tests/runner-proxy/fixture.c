#include "runner-proxy/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 30

/* ---- what is told */

static void on_decision(void *context, const char *fault_id, uint64_t connection, bool touched, int64_t time_ns)
{
    struct told *told = context;
    assert_true(told->decisions < DECISIONS_MAX);
    assert_true(time_ns <= now_ns());
    snprintf(told->decision[told->decisions].fault_id, sizeof told->decision[0].fault_id, "%s", fault_id);
    told->decision[told->decisions].connection = connection;
    told->decision[told->decisions++].touched = touched;
}

static void on_began(void *context, const char *fault_id, int code, int64_t time_ns)
{
    struct told *told = context;
    assert_true(time_ns <= now_ns());
    snprintf(told->fault_id, sizeof told->fault_id, "%s", fault_id);
    told->began_code = code;
    told->began++;
}

static void on_ended(void *context, const char *fault_id, int64_t began_ns, int64_t ended_ns,
                     const struct ld_receipt *receipt)
{
    struct told *told = context;
    assert_true(began_ns <= ended_ns && ended_ns <= now_ns());
    snprintf(told->fault_id, sizeof told->fault_id, "%s", fault_id);
    told->has_receipt = receipt != NULL;
    if (receipt)
        told->receipt = *receipt;
    told->ended++;
}

static void on_changed(void *context, uint16_t port, int code, int64_t time_ns)
{
    struct told *told = context;
    assert_true(time_ns <= now_ns());
    told->port = port;
    told->changed_code = code;
    told->changed++;
}

static void on_refused(void *context, uint64_t count, int64_t time_ns)
{
    struct told *told = context;
    assert_true(time_ns <= now_ns());
    told->refused += count;
    told->refusals++;
}

static void on_stalled(void *context, uint64_t connection, enum ld_stream stream, int64_t began_ns, int64_t time_ns)
{
    struct told *told = context;
    assert_true(began_ns + LD_PROXY_STALL_NS <= time_ns && time_ns <= now_ns());
    told->stalled_connection = connection;
    told->stalled_stream = stream;
    told->stalls++;
}

static void on_status(void *context, const struct ld_proxy_status *status)
{
    struct told *told = context;
    assert_non_null(status);
    told->status = *status;
    told->status.faults = NULL; /* lives no longer than this call */
    if (status->fault_count) {
        snprintf(told->fault_id, sizeof told->fault_id, "%s", status->faults[0].id);
        told->receipt = status->faults[0].receipt;
    }
    told->statuses++;
}

static void on_drained(void *context)
{
    ((struct told *)context)->drained++;
}

static void on_closed(void *context, const struct ld_proxy_counts *counts)
{
    struct told *told = context;
    told->counts = *counts;
    told->closed++;
}

/* ---- the fixture */

struct ld_proxy_listener *open_listener(struct fixture *fixture, uint16_t upstream_port, uint32_t connections_max,
                                        struct told *told)
{
    struct ld_proxy_spec spec = {
        .seed = SEED,
        .upstream_port = upstream_port,
        .connections_max = connections_max,
        .events = {.decision = on_decision,
                   .fault_began = on_began,
                   .fault_ended = on_ended,
                   .upstream_changed = on_changed,
                   .refused = on_refused,
                   .stalled = on_stalled,
                   .status = on_status,
                   .drained = on_drained,
                   .closed = on_closed},
        .context = told,
    };
    struct ld_proxy_listener *listener;
    struct ld_error error;
    assert_int_equal(ld_proxy_open(fixture->proxy, &spec, &listener, &error), 0);
    assert_int_not_equal(ld_proxy_port(listener), 0);
    return listener;
}

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct ld_error error;
    assert_non_null(fixture);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    assert_int_equal(ld_proxy_start(&fixture->proxy, &fixture->loop, &error), 0);
    fixture->server = listen_socket(&fixture->server_port);
    fixture->listener = open_listener(fixture, fixture->server_port, 0, &fixture->told);
    *state = fixture;
    return 0;
}

static void on_done(void *context)
{
    ((struct fixture *)context)->done = true;
}

int fixture_finish(struct fixture *fixture, bool close_listener)
{
    if (close_listener && fixture->listener)
        ld_proxy_close(fixture->listener);
    ld_proxy_shutdown(fixture->proxy, on_done, fixture);
    assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    assert_true(fixture->done);
    if (fixture->listener) {
        assert_int_equal(fixture->told.closed, 1);
        assert_int_equal(fixture->told.counts.lost_events, 0);
    }
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    close(fixture->server);
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    if (!fixture->done)
        fixture_finish(fixture, true);
    free(fixture);
    return 0;
}

static void on_patience_lost(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("the proxy did not answer in %d s", PATIENCE_S);
}

void wait_for(struct fixture *fixture, const unsigned *counter, unsigned count)
{
    uv_timer_t patience;
    uv_timer_init(&fixture->loop, &patience);
    uv_timer_start(&patience, on_patience_lost, PATIENCE_S * 1000, 0);
    while (*counter < count)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&patience, NULL);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

struct ld_fault_spec latency_fault(const char *id, int64_t latency_ns, int64_t jitter_ns, double toxicity, int stream)
{
    return (struct ld_fault_spec){.type = LD_FAULT_LATENCY, .id = id, .for_ns = -1,
                                  .attributes.latency = {{toxicity, stream}, latency_ns, jitter_ns}};
}

void start_fault(struct fixture *fixture, const struct ld_fault_spec *fault)
{
    struct ld_error error;
    unsigned began = fixture->told.began;
    assert_int_equal(ld_proxy_fault_start(fixture->listener, fault, &error), 0);
    wait_for(fixture, &fixture->told.began, began + 1);
    assert_int_equal(fixture->told.began_code, 0);
    assert_string_equal(fixture->told.fault_id, fault->id);
}

void stop_fault(struct fixture *fixture, const char *id)
{
    unsigned ended = fixture->told.ended;
    assert_int_equal(ld_proxy_fault_stop(fixture->listener, id), 0);
    wait_for(fixture, &fixture->told.ended, ended + 1);
    assert_string_equal(fixture->told.fault_id, id);
}

/* ---- sockets */

int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * LD_SECOND + time.tv_nsec;
}

static void set_up_socket(int fd)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int one = 1;
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int listen_socket(uint16_t *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    set_up_socket(fd);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1024), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

int connect_socket(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(port);
    set_up_socket(fd);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int failure = errno;
    close(fd);
    errno = failure;
    return -1;
}

int accept_socket(int server)
{
    int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    set_up_socket(fd);
    return fd;
}

void reset_socket(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

struct pair connect_pair(struct fixture *fixture)
{
    struct pair pair = {.client = connect_socket(ld_proxy_port(fixture->listener))};
    assert_true(pair.client >= 0);
    pair.server = accept_socket(fixture->server);
    return pair;
}

void close_pair(struct pair pair)
{
    close(pair.client);
    close(pair.server);
}

void send_all(int fd, const void *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0)
            fail_msg("send: %s", strerror(errno));
        bytes = (const char *)bytes + sent;
        length -= (size_t)sent;
    }
}

void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

void expect_text(int fd, const char *text)
{
    char got[4096] = {0};
    size_t length = strlen(text);
    assert_true(length < sizeof got);
    ssize_t received = recv(fd, got, length, MSG_WAITALL);
    if (received < 0)
        fail_msg("recv: %s, want \"%s\"", strerror(errno), text);
    assert_string_equal(got, text);
}

void expect_end(int fd)
{
    char byte;
    ssize_t received = recv(fd, &byte, 1, 0);
    if (received != 0)
        fail_msg("got %zd (%s), want the end", received, received < 0 ? strerror(errno) : "a byte");
}

void expect_reset(int fd)
{
    char bytes[65536];
    ssize_t received;
    do
        received = recv(fd, bytes, sizeof bytes, 0);
    while (received > 0);
    if (received == 0 || errno != ECONNRESET)
        fail_msg("got %s, want a reset", received == 0 ? "an end" : strerror(errno));
}

int64_t round_trip_ns(struct pair pair)
{
    int64_t from_ns = now_ns();
    send_text(pair.client, "?");
    expect_text(pair.server, "?");
    send_text(pair.server, "!");
    expect_text(pair.client, "!");
    return now_ns() - from_ns;
}
