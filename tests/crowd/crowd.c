/* A crowd on leakdrill proxy: a thousand connections under every toxic, among them peers that never read, that leave
 * by resets, that keep half a connection, that send a byte now and then. What arrives is what was sent; the proxy's
 * memory and descriptors stay flat, and nothing is left when the crowd has gone.
 *
 * usage: test_crowd LEAKDRILL SECONDS */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"

#define CROWD 1000
#define SEED 1
#define MESSAGE 700          /* bytes of one message; the echo is checked */
#define PAUSE_MS 150         /* between a peer's messages, on average */
#define LIFE 12              /* messages of one connection, on average */
#define SAMPLE_MS 250
#define GONE_MS 15000        /* until the proxy must have forgotten the crowd */
#define SLACK_KIB (16 << 10) /* by which memory may differ between the halves of the time */
#define EPOLL_MAX 512
#define IDLE_DESCRIPTORS (2 * 64 + 2) /* pipes that are kept, and the status's own connection */

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define MEMORY_IS_TOLD false /* it is the sanitizer's */
#else
#define MEMORY_IS_TOLD true
#endif

extern char **environ;

static const char *const toxics[] = {
    "",
    "{latency: {latency: 30ms, jitter: 20ms, stream: both}}",
    "{bandwidth: {rate: 200KB/s}}, {slicer: {average_size: 100B, size_variation: 50B, delay: 100us}}",
    "{slow_close: {delay: 50ms}}, {latency: {latency: 5ms, toxicity: 0.5}}",
    "{timeout: {timeout: 700ms, toxicity: 0.5}}",
    "{reset_peer: {timeout: 500ms, toxicity: 0.5}}",
    "{limit_data: {bytes: 5KB, toxicity: 0.7}}",
    "{connect_delay: {delay: 40ms, jitter: 30ms}}, {stall: {toxicity: 0.2}}",
};
#define PROXIES (sizeof toxics / sizeof *toxics)

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static pid_t proxy_pid;

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "crowd: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    if (proxy_pid > 0)
        kill(proxy_pid, SIGKILL);
    exit(1);
}

static void check(bool succeeded, const char *what)
{
    if (!succeeded)
        fail("%s: %s", what, strerror(errno));
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    check(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 4096) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &length) == 0, "listen");
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int connect_socket(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    return fd;
}

static void close_by_reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* ---- the upstream: echoes, in the same loop */

struct end { /* of a connection: ours */
    int fd;
    bool upstream;
    struct peer *peer; /* NULL: the upstream's */
    struct end *next;  /* to be freed, once no event can name it */
};

static int poll_fd, server_fd;
static struct end *gone;
static size_t ends_open;

static struct end *end_new(int fd, struct peer *peer)
{
    struct end *end = calloc(1, sizeof *end);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};
    check(end != NULL, "memory");
    *end = (struct end){.fd = fd, .peer = peer, .upstream = !peer};
    check(epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll");
    ends_open++;
    return end;
}

static void end_close(struct end *end, bool by_reset)
{
    if (by_reset)
        close_by_reset(end->fd);
    else
        close(end->fd);
    end->fd = -1;
    end->next = gone;
    gone = end;
    ends_open--;
}

/* What does not fit into the socket is lost: peers that never read get no more. */
static void echo(struct end *end)
{
    char bytes[16384];
    ssize_t length = recv(end->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (length > 0)
        (void)!send(end->fd, bytes, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
    else if (length == 0 || errno != EAGAIN)
        end_close(end, false);
}

static void accept_all(void)
{
    int fd;
    while ((fd = accept4(server_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
        end_new(fd, NULL);
}

/* ---- the crowd */

enum manner { CHATS, NEVER_READS, RESETS, HALF_CLOSES, DRIPS, MANNERS };

struct peer {
    enum manner manner;
    uint16_t port;
    struct end *end;
    int64_t at_ms;          /* of its next deed */
    uint64_t sent, received; /* bytes of this connection */
    unsigned messages_left;
    bool half_closed;
};

static struct peer peers[CROWD];
static struct ld_random randomness;
static uint64_t connections, messages, checked_bytes;

static char byte_at(const struct peer *peer, uint64_t position)
{
    return (char)((uint64_t)(peer - peers) * 31 + position * 7);
}

static void peer_begin(struct peer *peer, int64_t now)
{
    peer->end = end_new(connect_socket(peer->port), peer);
    peer->sent = peer->received = 0;
    peer->half_closed = false;
    peer->messages_left = 1 + (unsigned)ld_random_below(&randomness, 2 * LIFE);
    peer->at_ms = now + (int64_t)ld_random_below(&randomness, PAUSE_MS);
    connections++;
}

static void peer_end(struct peer *peer)
{
    end_close(peer->end, peer->manner == RESETS);
    peer->end = NULL;
}

static void peer_send(struct peer *peer)
{
    char bytes[MESSAGE];
    size_t length = peer->manner == DRIPS ? 1 : 1 + (size_t)ld_random_below(&randomness, sizeof bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = byte_at(peer, peer->sent + i);
    ssize_t sent = send(peer->end->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0)
        peer->sent += (uint64_t)sent;
    messages++;
}

static void peer_act(struct peer *peer, int64_t now)
{
    if (!peer->end) {
        peer_begin(peer, now);
        return;
    }
    peer->at_ms = now + 1 + (int64_t)ld_random_below(&randomness, 2 * PAUSE_MS);
    if (peer->messages_left-- == 0) {
        peer_end(peer);
    } else if (peer->manner == HALF_CLOSES && peer->messages_left == 0) {
        shutdown(peer->end->fd, SHUT_WR); /* and waits for what comes, until its time is up */
        peer->half_closed = true;
    } else if (!peer->half_closed) {
        peer_send(peer);
    }
}

static void peer_receive(struct peer *peer)
{
    char bytes[16384];
    if (peer->manner == NEVER_READS) {
        struct epoll_event never = {.data.ptr = peer->end};
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, peer->end->fd, &never);
        return;
    }
    ssize_t length = recv(peer->end->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    for (ssize_t i = 0; i < length; i++)
        if (bytes[i] != byte_at(peer, peer->received + (uint64_t)i))
            fail("byte %llu of peer %td is wrong", (unsigned long long)(peer->received + (uint64_t)i), peer - peers);
    if (length > 0) {
        peer->received += (uint64_t)length;
        checked_bytes += (uint64_t)length;
        if (peer->received > peer->sent)
            fail("peer %td received %llu bytes and sent %llu", peer - peers, (unsigned long long)peer->received,
                 (unsigned long long)peer->sent);
    } else if (length == 0 || errno != EAGAIN) {
        peer_end(peer); /* the toxics' doing, or its own; it comes back at its time */
    }
}

/* ---- the proxy, from outside */

static void write_proxies(const char *file, uint16_t upstream, bool with_toxics)
{
    FILE *out = fopen(file, "we");
    check(out != NULL, file);
    fprintf(out, "leakdrill-proxy: 1\nstatus: 127.0.0.1:0\nproxies:\n");
    for (size_t i = 0; i < PROXIES; i++)
        fprintf(out, "  p%zu: {listen: 127.0.0.1:0, upstream: 127.0.0.1:%u, toxics: [%s]}\n", i, upstream,
                with_toxics ? toxics[i] : "");
    check(fclose(out) == 0, file);
}

/* Starts it and reads where it listens. */
static int start_proxy(const char *program, const char *file, uint16_t *ret_ports, uint16_t *ret_status)
{
    int ends[2];
    char line[512];
    posix_spawn_file_actions_t actions;
    char *arguments[] = {(char *)(uintptr_t)program, "proxy", "-f", (char *)(uintptr_t)file, NULL};
    check(pipe(ends) == 0, "pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    errno = posix_spawn(&proxy_pid, program, &actions, NULL, arguments, environ);
    check(errno == 0, program);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE *talk = fdopen(dup(ends[0]), "r");
    check(talk != NULL, "talk");
    setvbuf(talk, NULL, _IONBF, 0); /* nothing is read ahead of what is left in the pipe */
    for (*ret_status = 0; !*ret_status && fgets(line, sizeof line, talk);) {
        unsigned number, port;
        if (sscanf(line, "leakdrill proxy: p%u listens on 127.0.0.1:%u", &number, &port) == 2)
            ret_ports[number] = (uint16_t)port;
        else if (sscanf(line, "leakdrill proxy: status is at http://127.0.0.1:%u", &port) == 1)
            *ret_status = (uint16_t)port;
        else
            fail("it said: %s", line);
    }
    fclose(talk);
    check(*ret_status != 0, "the proxy is not ready");
    return ends[0];
}

static long resident_kib(void)
{
    char path[64], line[256];
    long value = 0;
    snprintf(path, sizeof path, "/proc/%d/status", proxy_pid);
    FILE *file = fopen(path, "re");
    check(file != NULL, "the proxy is gone");
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &value) == 1)
            break;
    fclose(file);
    return value;
}

static long descriptors(void)
{
    char path[64];
    long count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", proxy_pid);
    DIR *folder = opendir(path);
    check(folder != NULL, "the proxy is gone");
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static json_t *ask_status(uint16_t port)
{
    static char text[1 << 20];
    size_t length = 0;
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int fd = connect_socket(port);
    check(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1, "status");
    for (ssize_t piece; (piece = recv(fd, text + length, sizeof text - 1 - length, 0)) > 0;)
        length += (size_t)piece;
    text[length] = '\0';
    close(fd);
    const char *body = strstr(text, "\r\n\r\n");
    json_t *document = body ? json_loads(body, 0, NULL) : NULL;
    if (!document)
        fail("no status: %.200s", text);
    return document;
}

/* A number summed up over the proxies. */
static int64_t total(json_t *document, const char *key)
{
    size_t i;
    json_t *proxy;
    int64_t sum = 0;
    json_array_foreach(json_object_get(document, "proxies"), i, proxy)
        sum += json_integer_value(json_object_get(proxy, key));
    return sum;
}

/* ---- the run */

struct samples {
    size_t count;
    long resident[4096], descriptors[4096];
};

static void take_sample(struct samples *samples)
{
    if (samples->count == sizeof samples->resident / sizeof samples->resident[0])
        return;
    samples->resident[samples->count] = resident_kib();
    samples->descriptors[samples->count++] = descriptors();
}

static void handle(struct end *end)
{
    if (!end)
        accept_all();
    else if (end->fd >= 0 && end->upstream)
        echo(end);
    else if (end->fd >= 0)
        peer_receive(end->peer);
}

static void turn(int wait_ms)
{
    struct epoll_event events[EPOLL_MAX];
    int count = epoll_wait(poll_fd, events, EPOLL_MAX, wait_ms);
    for (int i = 0; i < count; i++)
        handle(events[i].data.ptr);
    while (gone) {
        struct end *end = gone;
        gone = end->next;
        free(end);
    }
}

static void run(int64_t for_ms, struct samples *samples)
{
    int64_t from_ms = now_ms(), sample_ms = from_ms;
    for (int64_t now = from_ms; now < from_ms + for_ms; now = now_ms()) {
        for (size_t i = 0; i < CROWD; i++)
            if (peers[i].at_ms <= now)
                peer_act(&peers[i], now);
        turn(2);
        if (now < sample_ms)
            continue;
        take_sample(samples);
        sample_ms = now + SAMPLE_MS;
    }
}

static void disperse(void)
{
    for (size_t i = 0; i < CROWD; i++)
        if (peers[i].end)
            peer_end(&peers[i]);
}

static long most(const long *values, size_t from, size_t until)
{
    long result = 0;
    for (size_t i = from; i < until; i++)
        result = values[i] > result ? values[i] : result;
    return result;
}

/* The second half of the time needs no more than the first after its warm-up, but for a little. */
static void judge(const struct samples *samples)
{
    size_t quarter = samples->count / 4;
    long early = most(samples->resident, quarter, 2 * quarter);
    long late = most(samples->resident, 2 * quarter, samples->count);
    printf("memory: at most %ld KiB in the second quarter, %ld KiB in the second half; descriptors: at most %ld\n",
           early, late, most(samples->descriptors, 0, samples->count));
    if (MEMORY_IS_TOLD && late > early + early / 10 + SLACK_KIB)
        fail("memory grew from %ld to %ld KiB", early, late);
}

/* The crowd has gone: the proxy forgets all of it, at last what a toxic held. */
static void expect_nothing_left(uint16_t status_port, long descriptors_before)
{
    int64_t until_ms = now_ms() + GONE_MS;
    for (;;) {
        json_t *document = ask_status(status_port);
        int64_t open = total(document, "connections"), held = total(document, "held_bytes");
        json_decref(document);
        long more = descriptors() - descriptors_before;
        if (open == 0 && held == 0 && ends_open == 0 && more <= IDLE_DESCRIPTORS)
            return;
        if (now_ms() > until_ms)
            fail("left: %lld connections, %lld bytes, %ld descriptors; ends of the upstream: %zu", (long long)open,
                 (long long)held, more, ends_open);
        turn(20); /* the upstream's ends close */
    }
}

static void expect_clean_end(int talk)
{
    int status;
    char bytes[4096];
    kill(proxy_pid, SIGTERM);
    while (read(talk, bytes, sizeof bytes) > 0) /* so that it can talk */
        continue;
    check(waitpid(proxy_pid, &status, 0) == proxy_pid, "wait");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 143)
        fail("it ended with status %#x", (unsigned)status);
}

/* Its talk goes into a pipe that nobody reads meanwhile: enlarge it, refusals and stalls are not that many. */
static void keep_talk(int talk)
{
    fcntl(talk, F_SETPIPE_SZ, 1 << 20);
}

int main(int argc, char **argv)
{
    static struct samples samples;
    uint16_t upstream, ports[PROXIES], status_port;
    char file[64];
    struct rlimit limit;
    long seconds = argc == 3 ? atol(argv[2]) : 0;
    if (seconds < 1) {
        fprintf(stderr, "usage: test_crowd LEAKDRILL SECONDS\n");
        return 4;
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    snprintf(file, sizeof file, "/tmp/leakdrill-crowd-%d.yaml", getpid());
    ld_random_init(&randomness, SEED);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    server_fd = listen_socket(&upstream);
    struct epoll_event event = {.events = EPOLLIN};
    check(epoll_ctl(poll_fd, EPOLL_CTL_ADD, server_fd, &event) == 0, "epoll");
    write_proxies(file, upstream, true);
    int talk = start_proxy(argv[1], file, ports, &status_port);
    keep_talk(talk);
    long descriptors_before = descriptors();
    for (size_t i = 0; i < CROWD; i++)
        peers[i] = (struct peer){.manner = i % 10 < MANNERS ? (enum manner)(i % 10) : CHATS,
                                 .port = ports[i % PROXIES]};
    run(seconds * 1000, &samples);
    json_t *document = ask_status(status_port);
    printf("%llu connections, %llu messages, %llu bytes back; resets %lld, stalls %lld\n",
           (unsigned long long)connections, (unsigned long long)messages, (unsigned long long)checked_bytes,
           (long long)total(document, "resets"), (long long)total(document, "stalls"));
    if (total(document, "accepted") < CROWD || checked_bytes == 0)
        fail("there was no crowd");
    json_decref(document);
    disperse();
    write_proxies(file, upstream, false); /* or what stalls would stay */
    kill(proxy_pid, SIGHUP);
    expect_nothing_left(status_port, descriptors_before);
    judge(&samples);
    expect_clean_end(talk);
    unlink(file);
    return 0;
}
