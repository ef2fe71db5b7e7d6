/* leakdrill proxy beside Toxiproxy, haproxy and a direct connection: the same work through each, taking turns in
 * rounds, medians over the rounds and ratios. Each is a process of its own.
 *
 * usage: bench_proxy_compare LEAKDRILL TOXIPROXY|- HAPROXY|- SCRATCH_FOLDER [ROUNDS]      proxy_compare.sh calls it */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "statistics.h"
#include "target.h"

#define ROUNDS_MAX 100
#define STREAM_BYTES ((size_t)256 << 20) /* through each arm in each round, split over the connections */
#define STREAMS_MAX 8
#define TRIP_CONNECTIONS 32
#define TRIPS 16000
#define CONNECTS 1500
#define CONNECT_THREADS 4
#define LATE_CONNECTIONS 64
#define LATE_TRIPS 3200
#define LATE_NS 20000000

enum { DIRECT, LEAKDRILL, TOXIPROXY, HAPROXY, ARMS };
static const char *const arm_names[] = {"direct", "leakdrill", "toxiproxy", "haproxy"};

struct arm {
    bool there;
    pid_t pid; /* 0: none */
    uint16_t port, late_port;
    pid_t late_pid; /* of a process of its own, so that the toxic is not part of the rest */
};

static struct arm arms[ARMS] = {{.there = true}, {.there = true}};

enum { STREAM_1, STREAM_8, CPU_PER_GB, TRIP_P50, TRIP_P99, CONNECT_RATE, LATE_P99, LATE_WORST_EARLY, FIGURES };
static const struct {
    const char *name, *unit;
    double scale;
} figures[] = {
    {"throughput, 1 connection", "MB/s", 1},   {"throughput, 8 connections", "MB/s", 1},
    {"CPU of the proxy", "s/GB", 1},           {"round trip p50, 32 connections", "us", 1},
    {"round trip p99, 32 connections", "us", 1}, {"connects", "/s", 1},
    {"latency 20ms, error p99, 64 in flight", "us", 1}, {"latency 20ms, most a trip was early", "us", 1},
};
static double measured[FIGURES][ARMS][ROUNDS_MAX];

/* ---- sockets */

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_socket(uint16_t *ret_port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_check(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 4096) == 0 &&
                    getsockname(fd, (struct sockaddr *)&address, &length) == 0, "listen");
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    uint16_t port;
    close(listen_socket(&port));
    return port;
}

static int try_connect(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_check(fd >= 0, "socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* The first bytes on a connection: how many the upstream shall swallow before it answers with one; 0: it echoes. (The
 * end of the stream would do, but a half-close through Toxiproxy loses the answer.) */
static int connect_as(uint16_t port, uint64_t swallow)
{
    int fd = try_connect(port);
    bench_check(fd >= 0, "connect");
    bench_check(send(fd, &swallow, sizeof swallow, MSG_NOSIGNAL) == (ssize_t)sizeof swallow, "send");
    return fd;
}

/* ---- the upstream: a process, one thread, epoll */

#define DESCRIPTORS_MAX 4096
static struct served {
    uint64_t swallow;
    size_t head; /* bytes of it that came */
    uint64_t swallowed;
} served[DESCRIPTORS_MAX];

static void serve_ready(int fd)
{
    static char bytes[256 << 10];
    struct served *connection = &served[fd];
    const char *from = bytes;
    ssize_t length = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (length < 0 && errno == EAGAIN)
        return;
    if (length <= 0) {
        close(fd);
        return;
    }
    for (; length > 0 && connection->head < sizeof connection->swallow; from++, length--)
        ((char *)&connection->swallow)[connection->head++] = *from;
    connection->swallowed += (uint64_t)length;
    if (length > 0 && connection->swallow == 0)
        (void)!send(fd, from, (size_t)length, MSG_NOSIGNAL);
    else if (length > 0 && connection->swallowed == connection->swallow)
        (void)!send(fd, "k", 1, MSG_NOSIGNAL);
}

static void serve(int server)
{
    struct epoll_event events[256], event = {.events = EPOLLIN, .data.fd = server};
    int poll = epoll_create1(EPOLL_CLOEXEC), one = 1;
    bench_check(poll >= 0 && epoll_ctl(poll, EPOLL_CTL_ADD, server, &event) == 0, "epoll");
    for (;;) {
        int count = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != server) {
                serve_ready(events[i].data.fd);
                continue;
            }
            int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
            bench_check(fd >= 0 && fd < DESCRIPTORS_MAX, "accept");
            served[fd] = (struct served){0};
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            event = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
            epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        }
    }
}

static pid_t start_upstream(uint16_t *ret_port)
{
    int server = listen_socket(ret_port);
    pid_t pid = fork();
    bench_check(pid >= 0, "fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(server);
    }
    close(server);
    return pid;
}

/* ---- the proxies */

static void write_file(const char *folder, const char *name, char *ret_path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void write_file(const char *folder, const char *name, char *ret_path, const char *format, ...)
{
    va_list arguments;
    snprintf(ret_path, 512, "%s/%s", folder, name);
    FILE *file = fopen(ret_path, "we");
    bench_check(file != NULL, ret_path);
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    bench_check(fclose(file) == 0, ret_path);
}

static void await_port(uint16_t port)
{
    for (int i = 0; i < 500; i++) {
        int fd = try_connect(port);
        if (fd >= 0) {
            close(fd);
            return;
        }
        usleep(10000);
    }
    bench_check(0, "a proxy does not listen");
}

static pid_t start_leakdrill(const char *program, const char *folder, const char *name, uint16_t port,
                             uint16_t upstream, const char *toxics)
{
    char file[512], output[600];
    write_file(folder, name, file,
               "leakdrill-proxy: 1\nstatus: 127.0.0.1:0\nproxies:\n"
               "  %s: {listen: 127.0.0.1:%u, upstream: 127.0.0.1:%u, toxics: [%s]}\n", name, port, upstream, toxics);
    snprintf(output, sizeof output, "%s.log", file);
    return bench_spawn((const char *const[]){program, "proxy", "-f", file, NULL}, output);
}

/* One request to Toxiproxy's own API. */
static void toxiproxy_post(uint16_t port, const char *path, const char *body)
{
    char text[1024];
    int fd = try_connect(port);
    bench_check(fd >= 0, "Toxiproxy's API");
    int length = snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\nConnection: close"
                                             "\r\n\r\n%s", path, strlen(body), body);
    bench_check(send(fd, text, (size_t)length, MSG_NOSIGNAL) == length, "Toxiproxy's API");
    ssize_t got = recv(fd, text, sizeof text - 1, MSG_WAITALL);
    bench_check(got > 12 && strncmp(text + 9, "200", 3) == 0, "Toxiproxy refuses the toxic");
    close(fd);
}

static pid_t start_toxiproxy(const char *program, const char *folder, const char *name, uint16_t port,
                             uint16_t upstream, const char *toxic)
{
    char file[512], output[600], api_text[8], path[64];
    uint16_t api = free_port();
    snprintf(api_text, sizeof api_text, "%u", api);
    write_file(folder, name, file,
               "[{\"name\":\"%s\",\"listen\":\"127.0.0.1:%u\",\"upstream\":\"127.0.0.1:%u\",\"enabled\":true}]", name,
               port, upstream);
    snprintf(output, sizeof output, "%s.log", file);
    setenv("LOG_LEVEL", "error", 1); /* a line for each connection would be measured too */
    pid_t pid = bench_spawn(
        (const char *const[]){program, "-host", "127.0.0.1", "-port", api_text, "-config", file, NULL}, output);
    await_port(api);
    await_port(port);
    snprintf(path, sizeof path, "/proxies/%s/toxics", name);
    if (toxic)
        toxiproxy_post(api, path, toxic);
    return pid;
}

static void start_haproxy(struct arm *arm, const char *program, const char *folder, uint16_t upstream)
{
    char file[512], output[512];
    write_file(folder, "haproxy.cfg", file,
               "global\n  nbthread 1\n  maxconn 4096\n"
               "defaults\n  mode tcp\n  option splice-auto\n  timeout connect 5s\n  timeout client 60s\n"
               "  timeout server 60s\n"
               "listen plain\n  bind 127.0.0.1:%u\n  server s 127.0.0.1:%u\n", arm->port, upstream);
    snprintf(output, sizeof output, "%s/haproxy.log", folder);
    arm->pid = bench_spawn((const char *const[]){program, "-db", "-f", file, NULL}, output);
}

/* ns on a core, over all threads of the process. */
static double cpu_ns(pid_t pid)
{
    char path[300];
    double total = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    bench_check(folder != NULL, path);
    for (struct dirent *task; (task = readdir(folder)) != NULL;) {
        unsigned long long ran_ns = 0;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, task->d_name);
        FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "re");
        if (file && fscanf(file, "%llu", &ran_ns) == 1)
            total += (double)ran_ns;
        if (file)
            fclose(file);
    }
    closedir(folder);
    return total;
}

/* ---- throughput */

struct stream {
    pthread_t thread;
    uint16_t port;
    size_t length;
};

static void *send_stream(void *context)
{
    struct stream *stream = context;
    static const char bytes[64 << 10];
    char answer;
    int fd = connect_as(stream->port, stream->length);
    for (size_t rest = stream->length; rest > 0; rest -= sizeof bytes)
        for (size_t sent = 0; sent < sizeof bytes;) {
            ssize_t piece = send(fd, bytes + sent, sizeof bytes - sent, MSG_NOSIGNAL);
            bench_check(piece > 0, "send");
            sent += (size_t)piece;
        }
    bench_check(recv(fd, &answer, 1, 0) == 1, "answer"); /* the upstream has read it all */
    close(fd);
    return NULL;
}

/* MB/s; adds to the bytes and the CPU of the proxy. */
static double throughput(const struct arm *arm, size_t connections, double *cpu)
{
    struct stream streams[STREAMS_MAX];
    double cpu_before = arm->pid ? cpu_ns(arm->pid) : 0;
    int64_t from_ns = bench_now_ns();
    for (size_t i = 0; i < connections; i++) {
        streams[i] = (struct stream){.port = arm->port, .length = STREAM_BYTES / connections};
        bench_check(pthread_create(&streams[i].thread, NULL, send_stream, &streams[i]) == 0, "thread");
    }
    for (size_t i = 0; i < connections; i++)
        pthread_join(streams[i].thread, NULL);
    int64_t took_ns = bench_now_ns() - from_ns;
    *cpu += arm->pid ? cpu_ns(arm->pid) - cpu_before : 0;
    return (double)STREAM_BYTES * 1e3 / (double)took_ns;
}

/* ---- round trips */

struct trip {
    int fd;
    int64_t sent_ns;
};

static void send_trip(struct trip *trip)
{
    static const char request[64];
    trip->sent_ns = bench_now_ns();
    bench_check(send(trip->fd, request, sizeof request, MSG_NOSIGNAL) == (ssize_t)sizeof request, "send");
}

/* `connections` in flight at once, each sends anew when it has its answer; the first ones within `spread_ns`. */
static void round_trips(uint16_t port, size_t connections, size_t count, int64_t spread_ns, double *ret_us)
{
    struct trip trips[LATE_CONNECTIONS];
    struct epoll_event events[LATE_CONNECTIONS];
    char answer[64];
    size_t done = 0;
    int poll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < connections; i++) {
        trips[i].fd = connect_as(port, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &trips[i]};
        bench_check(epoll_ctl(poll, EPOLL_CTL_ADD, trips[i].fd, &event) == 0, "epoll");
    }
    for (size_t i = 0; i < connections; i++) {
        send_trip(&trips[i]);
        if (spread_ns)
            usleep((useconds_t)(spread_ns / 1000) / (useconds_t)connections);
    }
    while (done < count) {
        int ready = epoll_wait(poll, events, LATE_CONNECTIONS, 10000);
        bench_check(ready > 0, "a round trip");
        for (int i = 0; i < ready; i++) {
            struct trip *trip = events[i].data.ptr;
            bench_check(recv(trip->fd, answer, sizeof answer, MSG_WAITALL) == (ssize_t)sizeof answer, "answer");
            if (done < count)
                ret_us[done++] = (double)(bench_now_ns() - trip->sent_ns) / 1e3;
            send_trip(trip);
        }
    }
    for (size_t i = 0; i < connections; i++)
        close(trips[i].fd);
    close(poll);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, size_t count, double share)
{
    qsort(values, count, sizeof *values, by_value);
    return values[(size_t)((double)(count - 1) * share)];
}

/* ---- connects */

static void *connect_often(void *context)
{
    uint16_t port = *(const uint16_t *)context;
    char byte;
    for (int i = 0; i < CONNECTS / CONNECT_THREADS; i++) {
        int fd = connect_as(port, 0);
        bench_check(send(fd, "x", 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1, "a connect's echo");
        close(fd);
    }
    return NULL;
}

static double connect_rate(uint16_t port)
{
    pthread_t threads[CONNECT_THREADS];
    int64_t from_ns = bench_now_ns();
    for (size_t i = 0; i < CONNECT_THREADS; i++)
        bench_check(pthread_create(&threads[i], NULL, connect_often, &port) == 0, "thread");
    for (size_t i = 0; i < CONNECT_THREADS; i++)
        pthread_join(threads[i], NULL);
    return CONNECTS * 1e9 / (double)(bench_now_ns() - from_ns);
}

/* ---- rounds */

static void measure(size_t which, const struct arm *arm, size_t round)
{
    static double times_us[TRIPS];
    double cpu = 0;
    measured[STREAM_1][which][round] = throughput(arm, 1, &cpu);
    measured[STREAM_8][which][round] = throughput(arm, STREAMS_MAX, &cpu);
    measured[CPU_PER_GB][which][round] = cpu / (2 * (double)STREAM_BYTES); /* ns a byte are s a GB */
    round_trips(arm->port, TRIP_CONNECTIONS, TRIPS, 0, times_us);
    measured[TRIP_P50][which][round] = quantile(times_us, TRIPS, 0.5);
    measured[TRIP_P99][which][round] = quantile(times_us, TRIPS, 0.99);
    measured[CONNECT_RATE][which][round] = connect_rate(arm->port);
    if (!arm->late_port)
        return;
    round_trips(arm->late_port, LATE_CONNECTIONS, LATE_TRIPS, LATE_NS, times_us);
    measured[LATE_P99][which][round] = quantile(times_us, LATE_TRIPS, 0.99) - LATE_NS / 1e3;
    double early_us = LATE_NS / 1e3 - quantile(times_us, LATE_TRIPS, 0);
    measured[LATE_WORST_EARLY][which][round] = early_us > 0 ? early_us : 0;
}

static double median(size_t figure, size_t which, size_t rounds)
{
    return bench_quantile(measured[figure][which], rounds, 0.5);
}

static bool has(const struct arm *arm, size_t figure, size_t which)
{
    bool late = figure == LATE_P99 || figure == LATE_WORST_EARLY;
    return arm->there && (!late || arm->late_port) && (figure != CPU_PER_GB || which != DIRECT);
}

static void print_figures(size_t rounds)
{
    printf("\nmedian over %zu rounds [quartiles]\n%-40s", rounds, "");
    for (size_t which = 0; which < ARMS; which++)
        if (arms[which].there)
            printf("  %24s", arm_names[which]);
    printf("\n");
    for (size_t figure = 0; figure < FIGURES; figure++) {
        char name[64];
        snprintf(name, sizeof name, "%s, %s", figures[figure].name, figures[figure].unit);
        printf("%-40s", name);
        for (size_t which = 0; which < ARMS; which++) {
            char cell[64] = "-";
            const double *values = measured[figure][which];
            if (has(&arms[which], figure, which))
                snprintf(cell, sizeof cell, "%.4g [%.4g %.4g]", bench_quantile(values, rounds, 0.5),
                         bench_quantile(values, rounds, 0.25), bench_quantile(values, rounds, 0.75));
            if (arms[which].there)
                printf("  %24s", cell);
        }
        printf("\n");
    }
}

static const struct {
    size_t figure, against; /* ARMS: an absolute value */
    bool at_least;
    double target;
} targets[] = {
    {STREAM_1, TOXIPROXY, true, 2.5},   {STREAM_8, TOXIPROXY, true, 2.5},     {STREAM_1, DIRECT, true, 0.45},
    {TRIP_P99, TOXIPROXY, false, 0.5},  {CONNECT_RATE, TOXIPROXY, true, 1.8}, {CPU_PER_GB, TOXIPROXY, false, 0.35},
    {LATE_P99, ARMS, false, 500},       {LATE_WORST_EARLY, ARMS, false, 0},
};

static void print_targets(size_t rounds)
{
    printf("\nleakdrill against                                               asked      is   (95 %% interval)\n");
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        size_t figure = targets[i].figure, against = targets[i].against;
        char what[80], interval_text[64] = "";
        if (against != ARMS && !arms[against].there)
            continue;
        double value = median(figure, LEAKDRILL, rounds);
        if (against != ARMS) {
            struct bench_interval interval = bench_bootstrap_ratio(measured[figure][LEAKDRILL], rounds,
                                                                   measured[figure][against], rounds, 0.025);
            value /= median(figure, against, rounds);
            snprintf(interval_text, sizeof interval_text, "(%.2f to %.2f)", interval.lower, interval.upper);
        }
        bool met = targets[i].at_least ? value >= targets[i].target : value <= targets[i].target;
        snprintf(what, sizeof what, "%s, %s", figures[figure].name,
                 against == ARMS ? figures[figure].unit : arm_names[against]);
        printf("%-58s  %s %6.4g  %6.4g   %-18s %s\n", what, targets[i].at_least ? ">=" : "<=", targets[i].target, value,
               interval_text, met ? "met" : "MISSED");
    }
}

/* However this program exits, by a failed check too: what it started goes. */
static void kill_all(void)
{
    for (size_t which = LEAKDRILL; which < ARMS; which++) {
        if (arms[which].pid > 0)
            kill(arms[which].pid, SIGKILL);
        if (arms[which].late_pid > 0)
            kill(arms[which].late_pid, SIGKILL);
    }
}

static void start_all(char **argv, uint16_t upstream)
{
    struct arm *ours = &arms[LEAKDRILL], *toxiproxy = &arms[TOXIPROXY];
    ours->pid = start_leakdrill(argv[1], argv[4], "plain", ours->port, upstream, "");
    ours->late_pid =
        start_leakdrill(argv[1], argv[4], "late", ours->late_port, upstream, "{latency: {latency: 20ms}}");
    await_port(ours->late_port);
    if (toxiproxy->there) {
        toxiproxy->pid = start_toxiproxy(argv[2], argv[4], "toxiproxy", toxiproxy->port, upstream, NULL);
        toxiproxy->late_pid =
            start_toxiproxy(argv[2], argv[4], "toxiproxy-late", toxiproxy->late_port, upstream,
                            "{\"type\":\"latency\",\"stream\":\"downstream\",\"attributes\":{\"latency\":20}}");
    }
    if (arms[HAPROXY].there)
        start_haproxy(&arms[HAPROXY], argv[3], argv[4], upstream);
}

static void stop(pid_t *pid, int number)
{
    if (*pid <= 0)
        return;
    kill(*pid, number);
    waitpid(*pid, NULL, 0);
    *pid = 0;
}

/* What the late leakdrill says itself, measured at its sockets: without the waits of this program and the upstream. */
static void print_receipt(const char *folder)
{
    char path[512], line[512];
    snprintf(path, sizeof path, "%s/late.log", folder);
    FILE *file = fopen(path, "re");
    bench_check(file != NULL, path);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "late/", 5) == 0)
            printf("\nleakdrill's receipt over all rounds: %s", line);
    fclose(file);
}

int main(int argc, char **argv)
{
    uint16_t upstream;
    size_t rounds = argc > 5 ? (size_t)atol(argv[5]) : 9;
    if (argc < 5 || rounds < 2 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_proxy_compare LEAKDRILL TOXIPROXY|- HAPROXY|- SCRATCH_FOLDER [ROUNDS]\n");
        return 4;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    pid_t upstream_pid = start_upstream(&upstream);
    atexit(kill_all);
    signal(SIGPIPE, SIG_IGN); /* whoever reads our output may go before us */
    arms[DIRECT].port = upstream;
    arms[TOXIPROXY].there = strcmp(argv[2], "-") != 0;
    arms[HAPROXY].there = strcmp(argv[3], "-") != 0;
    for (size_t which = LEAKDRILL; which < ARMS; which++)
        arms[which].port = free_port();
    arms[LEAKDRILL].late_port = free_port();
    arms[TOXIPROXY].late_port = free_port();
    start_all(argv, upstream);
    for (size_t which = LEAKDRILL; which < ARMS; which++)
        if (arms[which].there)
            await_port(arms[which].port);
    bench_print_load("before");
    for (size_t round = 0; round < rounds; round++) {
        for (size_t turn = 0; turn < ARMS; turn++) {
            size_t which = (round + turn) % ARMS; /* nobody is always first */
            if (arms[which].there)
                measure(which, &arms[which], round);
        }
        fprintf(stderr, "round %zu of %zu\n", round + 1, rounds);
    }
    bench_print_load("after");
    print_figures(rounds);
    print_targets(rounds);
    for (size_t which = LEAKDRILL; which < ARMS; which++) {
        stop(&arms[which].pid, SIGTERM);
        stop(&arms[which].late_pid, SIGTERM);
    }
    print_receipt(argv[4]);
    stop(&upstream_pid, SIGKILL);
    return 0;
}
