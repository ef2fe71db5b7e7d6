/* The proxy without a toxic against a direct connection, interleaved in one run: throughput and round trip. Then, with
 * latency on 64 connections in flight, how far each delivery was from its time. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "runner/proxy/proxy.h"

#define ROUNDS 15
#define STREAM_BYTES ((size_t)128 << 20)
#define TRIPS 2000
#define IN_FLIGHT 64
#define FLIGHTS 40

static void check(int succeeded, const char *what)
{
    if (succeeded)
        return;
    fprintf(stderr, "bench_proxy: %s: %s\n", what, strerror(errno));
    exit(3);
}

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * LD_SECOND + time.tv_nsec;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* ---- the upstream: a thread for each connection, whose first byte says what it wants: e echo, s swallow and answer */

static void *serve(void *context)
{
    int fd = (int)(intptr_t)context;
    static _Thread_local char bytes[256 << 10];
    char kind = 0;
    ssize_t length = recv(fd, &kind, 1, 0);
    while (length > 0 && (length = recv(fd, bytes, sizeof bytes, 0)) > 0)
        if (kind == 'e')
            check(send(fd, bytes, (size_t)length, MSG_NOSIGNAL) == length, "echo");
    if (kind == 's')
        check(send(fd, "k", 1, MSG_NOSIGNAL) == 1, "answer");
    close(fd);
    return NULL;
}

static void *serve_all(void *context)
{
    int server = (int)(intptr_t)context, fd, one = 1;
    pthread_t thread;
    while ((fd = accept4(server, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        check(pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0, "thread");
        pthread_detach(thread);
    }
    return NULL;
}

static uint16_t start_upstream(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    pthread_t thread;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 256) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &length) == 0, "listen");
    check(pthread_create(&thread, NULL, serve_all, (void *)(intptr_t)fd) == 0, "thread");
    pthread_detach(thread);
    return ntohs(address.sin_port);
}

/* ---- measuring */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t quantile(int64_t *values, size_t count, size_t percent)
{
    qsort(values, count, sizeof values[0], by_value);
    return values[(count - 1) * percent / 100];
}

/* Time for STREAM_BYTES to go and be read to the end. */
static int64_t stream_ns(uint16_t port)
{
    static char bytes[64 << 10];
    char answer;
    int fd = connect_to(port);
    int64_t from_ns = now_ns();
    check(send(fd, "s", 1, MSG_NOSIGNAL) == 1, "send");
    for (size_t rest = STREAM_BYTES; rest > 0; rest -= sizeof bytes)
        check(send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) == (ssize_t)sizeof bytes, "send");
    shutdown(fd, SHUT_WR);
    check(recv(fd, &answer, 1, 0) == 1, "answer");
    int64_t took_ns = now_ns() - from_ns;
    close(fd);
    return took_ns;
}

static void round_trips(int fd, int64_t *times_ns, size_t count)
{
    char byte = 'x';
    for (size_t i = 0; i < count; i++) {
        int64_t from_ns = now_ns();
        check(send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1, "round trip");
        times_ns[i] = now_ns() - from_ns;
    }
}

static void compare_throughput(uint16_t direct, uint16_t proxied)
{
    int64_t times_ns[2][ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        times_ns[0][i] = stream_ns(direct);
        times_ns[1][i] = stream_ns(proxied);
    }
    double direct_ns = (double)quantile(times_ns[0], ROUNDS, 50);
    double proxied_ns = (double)quantile(times_ns[1], ROUNDS, 50);
    printf("throughput   direct %6.0f MB/s   proxied %6.0f MB/s   ratio %.2f   (median of %d, %zu MiB each)\n",
           (double)STREAM_BYTES * 1e3 / direct_ns, (double)STREAM_BYTES * 1e3 / proxied_ns, direct_ns / proxied_ns,
           ROUNDS, STREAM_BYTES >> 20);
}

static void compare_round_trips(uint16_t direct, uint16_t proxied)
{
    static int64_t times_ns[2][ROUNDS * TRIPS];
    int fds[2] = {connect_to(direct), connect_to(proxied)};
    for (int k = 0; k < 2; k++)
        check(send(fds[k], "e", 1, MSG_NOSIGNAL) == 1, "send");
    for (size_t i = 0; i < ROUNDS; i++)
        for (int k = 0; k < 2; k++)
            round_trips(fds[k], times_ns[k] + i * TRIPS, TRIPS);
    double p50[2], p99[2];
    for (int k = 0; k < 2; k++) {
        p50[k] = (double)quantile(times_ns[k], ROUNDS * TRIPS, 50) / 1e3;
        p99[k] = (double)quantile(times_ns[k], ROUNDS * TRIPS, 99) / 1e3;
        close(fds[k]);
    }
    printf("round trip   direct %.1f/%.1f us   proxied %.1f/%.1f us   added %+.1f/%+.1f us   ratio %.2f/%.2f   "
           "(p50/p99)\n",
           p50[0], p99[0], p50[1], p99[1], p50[1] - p50[0], p99[1] - p99[0], p50[1] / p50[0], p99[1] / p99[0]);
}

/* ---- the owner's side */

static void on_began(void *context, const char *fault_id, int code, int64_t time_ns)
{
    (void)fault_id;
    (void)time_ns;
    check(code == 0, "fault");
    *(int *)context = 1;
}

static void on_ended(void *context, const char *fault_id, int64_t began_ns, int64_t ended_ns,
                     const struct ld_receipt *receipt)
{
    (void)fault_id;
    (void)began_ns;
    (void)ended_ns;
    printf("latency      %s; p99 error %.2f ms, worst early %.3f ms   (%d connections in flight)\n", receipt->text,
           (double)(receipt->p99_ns - receipt->asked_ns) / 1e6, (double)receipt->worst_early_ns / 1e6, IN_FLIGHT);
    *(int *)context = 1;
}

static void wait_for(uv_loop_t *loop, int *flag)
{
    while (!*flag)
        uv_run(loop, UV_RUN_ONCE);
    *flag = 0;
}

static void measure_latency(uv_loop_t *loop, struct ld_proxy_listener *listener, int *flag)
{
    struct ld_fault_spec fault = {.type = LD_FAULT_LATENCY, .id = "bench/0/latency", .for_ns = -1,
                                  .attributes.latency = {{1, LD_STREAM_DOWN}, 20 * LD_MS, 0}};
    int fds[IN_FLIGHT];
    char byte = 'x';
    check(ld_proxy_fault_start(listener, &fault, NULL) == 0, "fault");
    wait_for(loop, flag);
    for (int i = 0; i < IN_FLIGHT; i++) {
        fds[i] = connect_to(ld_proxy_port(listener));
        check(send(fds[i], "e", 1, MSG_NOSIGNAL) == 1, "send");
    }
    for (int k = 0; k < FLIGHTS; k++) {
        for (int i = 0; i < IN_FLIGHT; i++)
            check(send(fds[i], &byte, 1, MSG_NOSIGNAL) == 1, "send");
        for (int i = 0; i < IN_FLIGHT; i++)
            check(recv(fds[i], &byte, 1, 0) == 1, "recv");
    }
    check(ld_proxy_fault_stop(listener, fault.id) == 0, "fault");
    wait_for(loop, flag);
    for (int i = 0; i < IN_FLIGHT; i++)
        close(fds[i]);
}

int main(void)
{
    uv_loop_t loop;
    struct ld_proxy *proxy = NULL;
    struct ld_proxy_listener *listener = NULL;
    struct ld_error error;
    int flag = 0;
    struct ld_proxy_spec spec = {.upstream_port = start_upstream(), .context = &flag,
                                 .events = {.fault_began = on_began, .fault_ended = on_ended}};
    check(uv_loop_init(&loop) == 0 && ld_proxy_start(&proxy, &loop, &error) == 0 &&
              ld_proxy_open(proxy, &spec, &listener, &error) == 0, "proxy");
    compare_throughput(spec.upstream_port, ld_proxy_port(listener));
    compare_round_trips(spec.upstream_port, ld_proxy_port(listener));
    measure_latency(&loop, listener, &flag);
    ld_proxy_shutdown(proxy, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 3;
}
