/* A service for tests that looks like a Go program from outside and behaves as badly as it is told.
 *
 *   service BEHAVIOUR ADDRESS [WORD…]   as any command: listens on ADDRESS ("127.0.0.1:0": any port) and prints
 *                                       "listening PORT", then "GET PATH" for each request, on stdout
 *   service                             by the contract of fixtures: socket on fd 3, truth on fd 4, setting on fd 5;
 *                                       the setting's case is the behaviour
 *   service BEHAVIOUR contract [WORD…]  the same with the behaviour given
 *
 * Further words are ignored: they mark the process. Its goroutines are numbers: some stand still, and with some
 * behaviours each GET /work adds one that stays. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define STANDING 8       /* goroutines of a program at rest */
#define BODY_MAX 400000  /* enough for the debug=2 of what tests let pile up */
#define STAYING_MAX 2000

struct behaviour {
    const char *name;
    void (*begin)(void);                                /* before it listens; may not return */
    bool (*answer)(int connection, const char *path);   /* false: as any program would */
    void (*truth)(void);                                /* contract: after `ready` */
    bool stays;                                         /* each GET /work leaves a goroutine */
    const char *floods;                                 /* stderr, with this over and over */
    void (*collect)(void);                              /* contract: at the command `gc`, before it is answered */
};

static const struct behaviour *behaviour;
static unsigned staying; /* goroutines that requests left */
static struct timespec first_work; /* when the first GET /work came; zero before */
static bool collected;   /* the command `gc` came */
static bool contract;

/* ---- HTTP */

static void send_all(int connection, const char *bytes, size_t length)
{
    for (ssize_t n; length > 0; bytes += n, length -= (size_t)n)
        if ((n = send(connection, bytes, length, MSG_NOSIGNAL)) <= 0)
            return;
}

static void reply(int connection, const char *status, size_t claimed, const char *body, size_t length)
{
    char head[256];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                     status, claimed);
    send_all(connection, head, (size_t)n);
    send_all(connection, body, length);
}

static void reply_text(int connection, const char *status, const char *text)
{
    reply(connection, status, strlen(text), text, strlen(text));
}

/* ---- what a Go program shows */

static char body[BODY_MAX];

static size_t groups(void)
{
    int n = snprintf(body, sizeof body, "goroutine profile: total %u\n", STANDING + staying);
    n += snprintf(body + n, sizeof body - (size_t)n, "%d @ 0x401000 0x402000\n#\t0x401000\tmain.serve+0x10\t"
                  "/src/service/main.go:10\n#\t0x402000\tmain.main+0x20\t/src/service/main.go:20\n\n", STANDING);
    if (staying)
        n += snprintf(body + n, sizeof body - (size_t)n, "%u @ 0x403000 0x404000\n#\t0x403000\tmain.wait+0x10\t"
                      "/src/service/main.go:30\n#\t0x404000\tmain.work.func1+0x20\t/src/service/main.go:40\n\n",
                      staying);
    return (size_t)n;
}

static size_t stacks(void)
{
    size_t length = 0;
    for (unsigned i = 0; i < STANDING + staying; i++)
        length += (size_t)snprintf(body + length, sizeof body - length,
                                   i < STANDING ? "goroutine %u [IO wait]:\nmain.serve()\n\t/src/service/main.go:10 "
                                                  "+0x10\nmain.main()\n\t/src/service/main.go:20 +0x20\n\n"
                                                : "goroutine %u [chan receive]:\nmain.wait()\n"
                                                  "\t/src/service/main.go:30 +0x10\ncreated by main.work in goroutine "
                                                  "1\n\t/src/service/main.go:40 +0x20\n\n",
                                   i + 1);
    return length;
}

static const char heap[] =
    "heap profile: 1: 4096 [2: 8192] @ heap/1048576\n"
    "1: 4096 [2: 8192] @ 0x401000 0x402000\n#\t0x401000\tmain.serve+0x10\t/src/service/main.go:10\n"
    "#\t0x402000\tmain.main+0x20\t/src/service/main.go:20\n\n\n# runtime.MemStats\n"
    "# Alloc = 4096\n# NumGC = 1\n";

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void work(void)
{
    if (first_work.tv_sec == 0)
        clock_gettime(CLOCK_MONOTONIC, &first_work);
    if (!behaviour->stays || staying == STAYING_MAX)
        return;
    staying++;
    if (contract)
        say("\"event\":\"leak\",\"interval\":\"a\",\"amount\":%u,\"cause\":\"chan-receive\",\"unit\":\"goroutines\","
            "\"per_unit\":{\"goroutines\":1},\"seen_at\":[\"main.wait\"],\"culprit\":\"main.work\"", staying);
}

static void answer(int connection, const char *path)
{
    char text[64];
    if (behaviour->answer && behaviour->answer(connection, path))
        return;
    if (strcmp(path, "/ready") == 0 || strcmp(path, "/debug/pprof/") == 0) {
        reply_text(connection, "200 OK", "ready\n");
    } else if (strcmp(path, "/work") == 0) {
        work();
        reply_text(connection, "200 OK", "done\n");
    } else if (strcmp(path, "/metrics") == 0) {
        snprintf(text, sizeof text, "go_goroutines %u\n", STANDING + staying);
        reply_text(connection, "200 OK", text);
    } else if (strcmp(path, "/debug/pprof/goroutine") == 0) {
        size_t length = groups();
        reply(connection, "200 OK", length, body, length);
    } else if (strcmp(path, "/debug/pprof/heap") == 0) {
        reply_text(connection, "200 OK", heap);
    } else if (strcmp(path, "/debug/pprof/goroutine?debug=2") == 0) {
        size_t length = stacks();
        reply(connection, "200 OK", length, body, length);
    } else {
        reply_text(connection, "404 Not Found", "no such page\n");
    }
}

/* ---- truth, on descriptor 4 */

static void write_bytes(const char *bytes, size_t length)
{
    for (ssize_t n; length > 0; bytes += n, length -= (size_t)n)
        if ((n = write(4, bytes, length)) < 0)
            exit(9);
}

static void write_truth(const char *line)
{
    write_bytes(line, strlen(line));
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void say_at(int64_t time_ns, const char *fields)
{
    char line[640];
    snprintf(line, sizeof line, "{\"t\":%" PRId64 ",%s}\n", time_ns, fields);
    write_truth(line);
}

static void say(const char *format, ...)
{
    char fields[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fields, sizeof fields, format, arguments);
    va_end(arguments);
    say_at(now_ns(), fields);
}

static void say_garbage(void)
{
    write_truth("\x01 no truth at all\n");
}

static void say_what_is_not(void)
{
    say("\"event\":\"leak\",\"interval\":\"a\",\"amount\":7,\"cause\":\"chan-receive\",\"unit\":\"goroutines\","
        "\"per_unit\":{\"goroutines\":1},\"seen_at\":[\"main.wait\"],\"culprit\":\"main.work\"");
}

static void say_error(void)
{
    say("\"event\":\"error\",\"text\":\"the case needs an upstream\"");
}

/* Of a time that has not come. */
static void say_future(void)
{
    say_at(now_ns() + INT64_C(3600) * 1000000000, "\"event\":\"gc\",\"amount\":1");
}

/* One line, and no end of it for long. */
static void say_too_much(void)
{
    static char line[100000];
    memset(line, ' ', sizeof line);
    line[0] = '{';
    line[sizeof line - 1] = '\n';
    write_bytes(line, sizeof line);
}

/* The runner's commands; only `gc` matters here, and it is answered at once. */
static void obey(void)
{
    char command[256];
    ssize_t n = read(5, command, sizeof command - 1);
    if (n <= 0)
        exit(0); /* the runner is gone */
    command[n] = '\0';
    if (strstr(command, "\"stop\"") && strcmp(behaviour->name, "resists") != 0)
        exit(0);
    if (!strstr(command, "\"gc\"") || strcmp(behaviour->name, "never-collects") == 0)
        return;
    if (behaviour->collect)
        behaviour->collect();
    collected = true;
    say("\"event\":\"gc\",\"amount\":1");
}

/* ---- ways to misbehave */

static void never_listen(void)
{
    for (;;)
        pause();
}

static void exit_at_once(void)
{
    fputs("cannot find my configuration\n", stderr);
    exit(3);
}

static void crash_at_once(void)
{
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void ignore_term(void)
{
    signal(SIGTERM, SIG_IGN);
}

/* What it had before a fault lowered it. */
static void keep_limit(pid_t process, int resource, const struct rlimit *before)
{
    struct rlimit now;
    if (prlimit(process, (enum __rlimit_resource)resource, before, NULL) == 0)
        return;
    if (prlimit(process, (enum __rlimit_resource)resource, NULL, &now) == 0) {
        now.rlim_cur = now.rlim_max;
        prlimit(process, (enum __rlimit_resource)resource, &now, NULL);
    }
}

/* A helper that undoes every fault as soon as it acts; it ends with us. */
static void help(pid_t process)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const char *folder = getenv("TMPDIR");
    struct rlimit files, data;
    char path[300];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    for (int descriptor = 0; descriptor <= 5; descriptor++)
        close(descriptor);
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_DATA, &data);
    snprintf(path, sizeof path, "%s/.full", folder ? folder : "");
    while (getppid() == process) {
        kill(process, SIGCONT);
        keep_limit(process, RLIMIT_NOFILE, &files);
        keep_limit(process, RLIMIT_DATA, &data);
        unlink(path);
        nanosleep(&pause, NULL);
    }
    _exit(0);
}

static void ignore(int number)
{
    (void)number;
}

static void resist(void)
{
    pid_t self = getpid();
    signal(SIGTERM, ignore);
    signal(SIGSEGV, ignore);
    signal(SIGABRT, ignore);
    if (fork() == 0)
        help(self);
}

/* Each GET /work takes one more of something, and says so when there is no more. */
static bool open_more(int connection, const char *path)
{
    (void)connection;
    int one = strcmp(path, "/work") == 0 ? open("/dev/null", O_RDONLY) : -1;
    int spare = one < 0 ? -1 : open("/dev/null", O_RDONLY); /* else nobody could connect any more */
    if (one >= 0 && spare < 0) {
        fprintf(stderr, "cannot open: %s\n", strerror(errno));
        close(one);
    }
    close(spare);
    return false;
}

static bool write_more(int connection, const char *path)
{
    char name[300];
    const char *folder = getenv("TMPDIR");
    (void)connection;
    if (strcmp(path, "/work") != 0 || !folder)
        return false;
    snprintf(name, sizeof name, "%s/log", folder);
    int log = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log < 0 || write(log, body, 4096) < 4096)
        fprintf(stderr, "cannot write: %s\n", strerror(errno));
    close(log);
    return false;
}

static bool hoard(int connection, const char *path)
{
    (void)connection;
    if (strcmp(path, "/work") != 0)
        return false;
    char *more = malloc((size_t)1 << 20);
    if (!more) {
        fputs("out of memory\n", stderr);
        exit(2);
    }
    memset(more, 1, (size_t)1 << 20);
    return false;
}

/* A grandchild in a session of its own that nobody awaits. */
static void leave_a_grandchild(bool silent)
{
    pid_t child = fork();
    if (child == 0) {
        if (setsid() < 0 || fork() != 0)
            _exit(0);
        ignore_term();
        for (int descriptor = 0; silent && descriptor < 3; descriptor++)
            close(descriptor);
        never_listen();
    }
}

static void leave_a_daemon(void)
{
    leave_a_grandchild(true);
}

/* It keeps stderr, and what else it was given, open. */
static void leave_a_holder(void)
{
    leave_a_grandchild(false);
}

static bool is_profile(const char *path)
{
    return strncmp(path, "/debug/pprof/", 13) == 0 && path[13];
}

static bool never_answer(int connection, const char *path)
{
    (void)connection;
    if (!is_profile(path))
        return false;
    (void)dup(connection); /* kept open for as long as we live */
    return true;
}

static bool answer_garbage(int connection, const char *path)
{
    if (!is_profile(path))
        return false;
    reply(connection, "200 OK", 12, "\x1f\x8b\xff\0garbage!", 12);
    return true;
}

static bool answer_nothing_else(int connection, const char *path)
{
    if (strcmp(path, "/ready") == 0)
        return false;
    reply_text(connection, "404 Not Found", "no such page\n");
    return true;
}

static bool answer_half(int connection, const char *path)
{
    if (!is_profile(path))
        return false;
    reply(connection, "200 OK", groups(), body, 40);
    return true;
}

static void leave_many(void)
{
    for (int i = 0; i < 20; i++)
        if (fork() == 0)
            setsid() < 0 ? _exit(1) : never_listen(); /* keeps stderr open, too */
}

static void kill_the_parent(void)
{
    kill(getppid(), SIGKILL);
    never_listen();
}

static bool answer_endlessly(int connection, const char *path)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    if (!is_profile(path))
        return false;
    send_all(connection, head, sizeof head - 1);
    while (send(connection, body, sizeof body, MSG_NOSIGNAL) > 0)
        ;
    return true;
}

/* A byte now and then: no read of it fails, and none ends. */
static bool answer_in_drops(int connection, const char *path)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    const struct timespec pause = {.tv_nsec = 20000000};
    if (!is_profile(path))
        return false;
    send_all(connection, head, sizeof head - 1);
    while (send(connection, "g", 1, MSG_NOSIGNAL) > 0)
        nanosleep(&pause, NULL);
    return true;
}

static bool answer_elsewhere(int connection, const char *path)
{
    static const char head[] =
        "HTTP/1.1 302 Found\r\nLocation: /ready\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (!is_profile(path))
        return false;
    send_all(connection, head, sizeof head - 1);
    return true;
}

/* Metrics of its own, of the module example.com/shop, beside Go's. */
static bool answer_own_metrics(int connection, const char *path)
{
    if (strcmp(path, "/metrics") != 0)
        return false;
    reply_text(connection, "200 OK",
               "# HELP shop_orders_total Orders that shop/desk.Take took.\n# TYPE shop_orders_total counter\n"
               "shop_orders_total{at=\"example.com/shop/desk.Take\",code=\"200\"} 5\ngo_goroutines 9\n");
    return true;
}

static bool freeze_at_work(int connection, const char *path)
{
    (void)connection;
    if (strcmp(path, "/work") == 0)
        raise(SIGSTOP);
    return false;
}

static bool die_of_work(int connection, const char *path)
{
    (void)connection;
    if (strcmp(path, "/work") != 0)
        return false;
    fputs("no more of this\n", stderr);
    exit(7);
}

/* Says that it collected whenever it is looked at. */
static bool collect_unasked(int connection, const char *path)
{
    (void)connection;
    if (strcmp(path, "/debug/pprof/goroutine?debug=2") == 0)
        say("\"event\":\"gc\",\"amount\":0");
    return false;
}

/* Is it so many milliseconds after the first GET /work, and not as many as `until`? */
static bool is_within(int64_t from, int64_t until)
{
    if (first_work.tv_sec == 0)
        return false;
    int64_t since = now_ns() / 1000000 - ((int64_t)first_work.tv_sec * 1000 + first_work.tv_nsec / 1000000);
    return since >= from && since < until;
}

static bool refuse(int connection, bool refused)
{
    if (refused)
        reply_text(connection, "500 Internal Server Error", "not now\n");
    return refused;
}

static bool hide_metrics(int connection, const char *path)
{
    return refuse(connection, strcmp(path, "/metrics") == 0 && is_within(100, 1000));
}

static bool hide_profiles(int connection, const char *path)
{
    return refuse(connection, is_profile(path) && is_within(100, 1300));
}

/* Until shortly before the survey after settling, by the times of validity.yaml. */
static bool hide_to_the_end(int connection, const char *path)
{
    return refuse(connection, (is_profile(path) || strcmp(path, "/metrics") == 0) && is_within(700, 2100));
}

/* As a runtime dies that finds a deadlock. */
static void die_of_collecting(void)
{
    _exit(66);
}

static bool die_of_the_second_look(int connection, const char *path)
{
    (void)connection;
    if (collected && is_profile(path))
        _exit(66);
    return false;
}

/* The only thing it ever says is its last. */
static bool die_saying(int connection, const char *path)
{
    (void)connection;
    if (strcmp(path, "/work") != 0)
        return false;
    work();
    if (!is_within(300, INT64_MAX))
        return false;
    say_what_is_not();
    _exit(66);
}

static const struct behaviour behaviours[] = {
    {.name = "calm"},
    {.name = "growing", .stays = true},
    {.name = "never-listens", .begin = never_listen},
    {.name = "exits", .begin = exit_at_once},
    {.name = "crashes", .begin = crash_at_once},
    {.name = "never-answers", .answer = never_answer},
    {.name = "answers-garbage", .answer = answer_garbage},
    {.name = "has-no-pprof", .answer = answer_nothing_else},
    {.name = "answers-half", .answer = answer_half},
    {.name = "answers-endlessly", .answer = answer_endlessly},
    {.name = "answers-in-drops", .answer = answer_in_drops},
    {.name = "answers-elsewhere", .answer = answer_elsewhere},
    {.name = "counts", .answer = answer_own_metrics},
    {.name = "freezes", .answer = freeze_at_work},
    {.name = "kills-its-parent", .begin = kill_the_parent},
    {.name = "leaves-many", .begin = leave_many},
    {.name = "dies-of-work", .answer = die_of_work},
    {.name = "ignores-term", .begin = ignore_term},
    {.name = "resists", .stays = true, .begin = resist},
    {.name = "opens-more", .stays = true, .answer = open_more},
    {.name = "writes-more", .stays = true, .answer = write_more},
    {.name = "hoards", .stays = true, .answer = hoard},
    {.name = "leaves-a-daemon", .begin = leave_a_daemon},
    {.name = "leaves-a-holder", .begin = leave_a_holder},
    {.name = "floods", .floods = "x\n"},
    {.name = "floods-without-end", .floods = "x"}, /* of the line */
    /* by the contract */
    {.name = "says-garbage", .truth = say_garbage},
    {.name = "says-what-is-not", .truth = say_what_is_not},
    {.name = "says-error", .truth = say_error},
    {.name = "never-ready", .begin = never_listen},
    {.name = "never-collects", .stays = true},
    {.name = "collects-unasked", .stays = true, .answer = collect_unasked},
    {.name = "hides-metrics", .stays = true, .answer = hide_metrics},
    {.name = "hides-profiles", .stays = true, .answer = hide_profiles},
    {.name = "hides-to-the-end", .stays = true, .answer = hide_to_the_end},
    {.name = "dies-of-collecting", .stays = true, .collect = die_of_collecting},
    {.name = "dies-without-units", .collect = die_of_collecting},
    {.name = "dies-of-the-second-look", .stays = true, .answer = die_of_the_second_look},
    {.name = "dies-saying", .answer = die_saying},
    {.name = "says-future", .truth = say_future},
    {.name = "says-too-much", .truth = say_too_much},
};

static const struct behaviour *find(const char *name)
{
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++)
        if (strcmp(behaviours[i].name, name) == 0)
            return &behaviours[i];
    fprintf(stderr, "no behaviour %s\n", name);
    exit(2);
}

/* ---- serving */

static void on_term(int number)
{
    (void)number;
    _exit(0);
}

static void serve(int listening)
{
    char request[4096], path[256];
    struct timeval limit = {.tv_usec = 500000};
    size_t length = 0;
    int connection = accept(listening, NULL, NULL);
    if (connection < 0)
        return;
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    request[0] = '\0';
    for (ssize_t n; !strstr(request, "\r\n\r\n") && length < sizeof request - 1; request[length] = '\0') {
        if ((n = recv(connection, request + length, sizeof request - 1 - length, 0)) <= 0)
            break;
        length += (size_t)n;
    }
    if (sscanf(request, "GET %255s HTTP/1.1", path) == 1) {
        printf("GET %s\n", path);
        fflush(stdout);
        answer(connection, path);
    }
    close(connection);
}

static int listen_on(const char *address)
{
    struct sockaddr_in place = {.sin_family = AF_INET};
    socklen_t size = sizeof place;
    char host[64];
    unsigned port;
    int on = 1, listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sscanf(address, "%63[0-9.]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &place.sin_addr) != 1)
        exit(2);
    place.sin_port = htons((uint16_t)port);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&place, sizeof place) < 0 || listen(listening, 128) < 0 ||
        getsockname(listening, (struct sockaddr *)&place, &size) < 0) {
        perror(address);
        exit(98);
    }
    printf("listening %u\n", ntohs(place.sin_port));
    fflush(stdout);
    return listening;
}

static void flood(void)
{
    static char lines[16384];
    for (size_t i = 0; i < sizeof lines; i++)
        lines[i] = behaviour->floods[i % strlen(behaviour->floods)];
    if (write(2, lines, sizeof lines) < 0 && errno != EAGAIN)
        behaviour = find("calm");
}

static const struct behaviour *behaviour_of_setting(void)
{
    char setting[1024], name[64];
    ssize_t n = read(5, setting, sizeof setting - 1);
    setting[n > 0 ? n : 0] = '\0';
    const char *found = strstr(setting, "\"case\":\"");
    if (!found || sscanf(found, "\"case\":\"%63[a-z-]\"", name) != 1)
        exit(2);
    return find(name);
}

int main(int argc, char **argv)
{
    signal(SIGTERM, on_term);
    int listening = 3;
    contract = argc < 3 || strcmp(argv[2], "contract") == 0;
    behaviour = argc < 3 ? behaviour_of_setting() : find(argv[1]);
    if (behaviour->begin)
        behaviour->begin();
    if (contract)
        say("\"event\":\"ready\"");
    else
        listening = listen_on(argv[2]);
    if (behaviour->truth)
        behaviour->truth();
    if (behaviour->floods)
        fcntl(2, F_SETFL, O_NONBLOCK);
    struct pollfd waits[] = {
        {.fd = listening, .events = POLLIN}, {.fd = contract ? 5 : -1, .events = POLLIN}, {.fd = 2}};
    for (;;) {
        waits[2].events = behaviour->floods ? POLLOUT : 0;
        if (poll(waits, behaviour->floods ? 3 : 2, -1) < 0)
            continue;
        if (waits[0].revents)
            serve(listening);
        if (waits[1].revents)
            obey();
        if (behaviour->floods && waits[2].revents)
            flood();
    }
}
