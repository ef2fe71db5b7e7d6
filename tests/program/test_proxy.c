/* leakdrill proxy: alone, as its file says. The test is client and upstream; nothing sleeps, what a reload did is
 * awaited on stderr. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "groups.h"
#include "in_lab.h"

#define PATIENCE_S 120

static int server;
static unsigned server_port;

/* ---- sockets */

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_socket(unsigned *ret_port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* -1: refused. */
static int connect_socket(unsigned port)
{
    struct sockaddr_in address = loopback(port);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

struct pair {
    int client, upstream;
};

static struct pair connect_pair(unsigned port)
{
    struct pair pair = {.client = connect_socket(port)};
    assert_true(pair.client >= 0);
    pair.upstream = accept(server, NULL, NULL);
    assert_true(pair.upstream >= 0);
    return pair;
}

static void close_pair(struct pair pair)
{
    close(pair.client);
    close(pair.upstream);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* From the upstream to the client: ms. */
static int64_t answer_ms(struct pair pair)
{
    char byte = 'x';
    int64_t from_ms = now_ms();
    assert_int_equal(send(pair.upstream, &byte, 1, MSG_NOSIGNAL), 1);
    assert_int_equal(recv(pair.client, &byte, 1, 0), 1);
    return now_ms() - from_ms;
}

/* ---- the proxy */

static void write_file(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void write_file(const char *name, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    lab_write(&lab, name, text);
}

#define HEAD "leakdrill-proxy: 1\nstatus: 127.0.0.1:0\nproxies:\n"
#define PROXY(name) "  " name ":\n    listen: 127.0.0.1:0\n    upstream: 127.0.0.1:%u\n"

/* The number behind the last `text` on stderr. */
static unsigned number_behind(const struct running_program *running, const char *text)
{
    const char *found = NULL, *at = ld_buffer_text(&running->err_text);
    while ((at = strstr(at, text)) != NULL)
        found = at += strlen(text);
    if (!found)
        fail_msg("no \"%s\" in:\n%s", text, ld_buffer_text(&running->err_text));
    return (unsigned)strtoul(found, NULL, 10);
}

static void start(struct running_program *running, const char *const *arguments)
{
    lab_start(&lab, running, arguments);
    program_await_err(running, "; ready\n");
}
#define START(running, ...) \
    start(running, (const char *const[]){"proxy", "-f", "p.yaml", __VA_ARGS__ __VA_OPT__(,) NULL})

static void reload(struct running_program *running, const char *outcome)
{
    assert_int_equal(kill(running->pid, SIGHUP), 0);
    program_await_err(running, outcome);
}

static void finish(struct running_program *running, int number, int exit_code, const char *out, const char *err)
{
    struct program_result result;
    if (number)
        assert_int_equal(kill(running->pid, number), 0);
    program_finish(running, &result);
    assert_false(result.timed_out);
    lab_check(&result, exit_code, out, err);
    program_result_done(&result);
}

/* The answer to a request, its head and all; free(). */
static char *ask(const struct running_program *running, const char *request)
{
    int fd = connect_socket(number_behind(running, "status is at http://127.0.0.1:"));
    char *text = calloc(1, 1 << 20);
    size_t length = 0;
    assert_true(fd >= 0 && text);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    for (ssize_t piece; (piece = recv(fd, text + length, (1 << 20) - 1 - length, 0)) > 0;)
        length += (size_t)piece;
    close(fd);
    return text;
}

static json_t *status(const struct running_program *running)
{
    json_error_t problem;
    char *text = ask(running, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(text, "HTTP/1.1 200 "));
    assert_non_null(strstr(text, "Content-Type: application/json"));
    json_t *document = json_loads(strstr(text, "\r\n\r\n"), 0, &problem);
    if (!document)
        fail_msg("%s in:\n%s", problem.text, text);
    free(text);
    return document;
}

static json_t *proxy_of(json_t *document, const char *name)
{
    size_t i;
    json_t *proxy;
    json_array_foreach(json_object_get(document, "proxies"), i, proxy)
        if (strcmp(json_string_value(json_object_get(proxy, "name")), name) == 0)
            return proxy;
    fail_msg("no proxy %s", name);
    return NULL;
}

static int64_t number_of(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("%s is no integer", key);
    return json_integer_value(value);
}

/* ---- the file and the command line */

static void a_file_can_be_checked(void **state)
{
    struct program_result result;
    (void)state;
    write_file("p.yaml", HEAD PROXY("a"), server_port);
    LAB_RUN(&lab, &result, "proxy", "-f", "p.yaml", "--check");
    lab_check(&result, 0, "no errors; proxies: 1\n", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "lint", "p.yaml"); /* told by its key, as any file of ours */
    lab_check(&result, 0, "proxy files: 1\n", NULL);
    program_result_done(&result);
    write_file("p.yaml", HEAD PROXY("a") "    toxics: [{latency: {latency: 100}}]\n", server_port);
    LAB_RUN(&lab, &result, "proxy", "--file", "p.yaml", "--check");
    lab_check(&result, 2, NULL, "p.yaml:7:34: proxies.a.toxics[0].latency.latency: \"100\" needs a unit");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "proxy", "-f", "p.yaml");
    lab_check(&result, 2, NULL, "p.yaml:7:34: ");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "lint", "p.yaml");
    lab_check(&result, 2, "p.yaml:7:34: proxies.a.toxics[0].latency.latency: \"100\" needs a unit",
              "errors: 1, files: 1");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "proxy", "-f", "none.yaml");
    lab_check(&result, 3, NULL, "none.yaml: cannot open");
    program_result_done(&result);
}

static void a_wrong_command_line_is_told(void **state)
{
    static const struct {
        const char *words[5], *err;
    } cases[] = {
        {{"proxy", NULL}, "which proxies? -f FILE"},
        {{"proxy", "-f", NULL}, "--file needs a value"},
        {{"proxy", "-f", "p.yaml", "--drain=5", NULL}, "--drain: \"5\" is not a duration with its unit"},
        {{"proxy", "p.yaml", NULL}, "unexpected argument \"p.yaml\""},
        {{"proxy", "-g", NULL}, "unknown option -g"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct program_result result;
        lab_run(&lab, &result, cases[i].words);
        lab_check(&result, 4, NULL, cases[i].err);
        program_result_done(&result);
    }
}

static void a_port_that_is_taken_ends_it(void **state)
{
    struct program_result result;
    char err[100];
    (void)state;
    write_file("p.yaml", HEAD PROXY("a") "  b: {listen: 127.0.0.1:%u, upstream: 127.0.0.1:1}\n", server_port,
               server_port);
    snprintf(err, sizeof err, "the proxy cannot listen on 127.0.0.1:%u: ", server_port);
    LAB_RUN(&lab, &result, "proxy", "-f", "p.yaml");
    lab_check(&result, 3, NULL, err);
    program_result_done(&result);
    write_file("p.yaml", "leakdrill-proxy: 1\nstatus: 127.0.0.1:%u\nproxies:\n" PROXY("a"), server_port, server_port);
    LAB_RUN(&lab, &result, "proxy", "-f", "p.yaml");
    lab_check(&result, 3, NULL, "the status page cannot listen on 127.0.0.1:");
    program_result_done(&result);
}

/* ---- at work */

static void bytes_pass_and_the_page_tells(void **state)
{
    struct running_program running;
    (void)state;
    write_file("p.yaml", HEAD PROXY("plain") PROXY("slow") "    toxics: [{name: late, latency: {latency: 80ms}}]\n",
               server_port, server_port);
    START(&running);
    struct pair plain = connect_pair(number_behind(&running, "plain listens on 127.0.0.1:"));
    struct pair slow = connect_pair(number_behind(&running, "slow listens on 127.0.0.1:"));
    answer_ms(plain);
    assert_true(answer_ms(slow) >= 80);
    json_t *document = status(&running), *proxy = proxy_of(document, "slow");
    assert_int_equal(number_of(document, "pid"), running.pid);
    assert_int_equal(number_of(proxy_of(document, "plain"), "connections"), 1);
    assert_int_equal(number_of(proxy, "bytes_down"), 1);
    json_t *toxic = json_array_get(json_object_get(proxy, "toxics"), 0), *receipt = json_object_get(toxic, "receipt");
    assert_string_equal(json_string_value(json_object_get(toxic, "name")), "late");
    assert_string_equal(json_string_value(json_object_get(json_object_get(toxic, "attributes"), "latency")), "80ms");
    assert_int_equal(number_of(receipt, "touched"), 1);
    assert_true(number_of(receipt, "p50_ns") >= 80000000);
    assert_true(json_is_true(json_object_get(receipt, "effective")));
    json_decref(document);
    close_pair(plain);
    close_pair(slow);
    finish(&running, SIGTERM, 143, "slow/late: asked 80ms, delivered p50 ", "slow closed: accepted 1, refused 0");
}

static void the_page_answers_only_what_it_has(void **state)
{
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", "HTTP/1.1 405 "},
        {"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "},
        {"nonsense\r\n\r\n", ""},
    };
    struct running_program running;
    (void)state;
    write_file("p.yaml", HEAD PROXY("a"), server_port);
    START(&running);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = ask(&running, cases[i].request);
        if (strncmp(text, cases[i].answer, strlen(cases[i].answer)) != 0)
            fail_msg("case %zu: \"%.100s\" instead of \"%s\"", i, text, cases[i].answer);
        free(text);
    }
    json_decref(status(&running));
    finish(&running, SIGINT, 130, NULL, NULL);
}

/* ---- reloads */

static void a_reload_changes_toxics_in_mid_connection(void **state)
{
    struct running_program running;
    (void)state;
    write_file("p.yaml", HEAD PROXY("a"), server_port);
    START(&running);
    struct pair pair = connect_pair(number_behind(&running, "a listens on 127.0.0.1:"));
    answer_ms(pair);
    write_file("p.yaml", HEAD PROXY("a") "    toxics: [{latency: {latency: 150ms}}]\n", server_port);
    reload(&running, "reloaded p.yaml\n");
    assert_true(answer_ms(pair) >= 150);
    write_file("p.yaml", HEAD PROXY("a") "    toxics: [{latency: {latency: 1}}]\n", server_port);
    reload(&running, "p.yaml is refused; what was goes on\n");
    assert_true(answer_ms(pair) >= 150);
    json_t *document = status(&running);
    assert_int_equal(number_of(document, "reloads"), 1);
    assert_int_equal(number_of(document, "refused_reloads"), 1);
    assert_non_null(strstr(json_string_value(json_object_get(document, "reload_error")), "p.yaml:7:34: "));
    json_decref(document);
    write_file("p.yaml", "seed: 2\n" HEAD PROXY("a"), server_port);
    reload(&running, "seed changed from 1 to 2: ");
    assert_true(answer_ms(pair) >= 150);
    close_pair(pair);
    finish(&running, SIGTERM, 143, "a/latency: asked 150ms, ", NULL);
}

static void a_reload_opens_closes_and_moves(void **state)
{
    struct running_program running;
    unsigned other_port;
    int other = listen_socket(&other_port);
    (void)state;
    write_file("p.yaml", HEAD PROXY("goes") PROXY("moves"), server_port, server_port);
    START(&running);
    unsigned goes = number_behind(&running, "goes listens on 127.0.0.1:");
    unsigned moves = number_behind(&running, "moves listens on 127.0.0.1:");
    struct pair pair = connect_pair(goes);
    write_file("p.yaml", HEAD PROXY("moves") PROXY("comes"), other_port, server_port);
    reload(&running, "reloaded p.yaml\n");
    close_pair(connect_pair(number_behind(&running, "comes listens on 127.0.0.1:")));
    int client = connect_socket(moves), upstream = accept(other, NULL, NULL); /* the new upstream has it */
    assert_true(client >= 0 && upstream >= 0);
    close(client);
    close(upstream);
    json_t *document = status(&running); /* so that all of the reload was done */
    assert_true(json_is_true(json_object_get(proxy_of(document, "goes"), "draining")));
    json_decref(document);
    assert_int_equal(connect_socket(goes), -1);
    answer_ms(pair); /* the connection stays */
    close_pair(pair);
    program_await_err(&running, "goes closed: accepted 1, refused 0");
    close(other);
    finish(&running, SIGTERM, 143, NULL, NULL);
}

/* The address goes on, with what is connected to it, under whatever name it has now. */
static void a_reload_renames_and_swaps(void **state)
{
    struct running_program running;
    (void)state;
    unsigned ports[2], other_port;
    int other = listen_socket(&other_port);
    int taken[2] = {listen_socket(&ports[0]), listen_socket(&ports[1])};
    close(taken[0]); /* free a moment ago */
    close(taken[1]);
#define FIXED(name) "  " name ":\n    listen: 127.0.0.1:%u\n    upstream: 127.0.0.1:%u\n"
    write_file("p.yaml", HEAD FIXED("a") FIXED("b"), ports[0], server_port, ports[1], other_port);
    START(&running);
    struct pair pair = connect_pair(ports[0]);
    write_file("p.yaml", HEAD FIXED("c") "    toxics: [{latency: {latency: 100ms}}]\n" FIXED("b"), ports[0],
               server_port, ports[1], other_port);
    reload(&running, "reloaded p.yaml\n");
    json_t *document = status(&running); /* so that all of the reload was done */
    assert_int_equal(json_array_size(json_object_get(document, "proxies")), 2);
    assert_int_equal(json_integer_value(json_object_get(proxy_of(document, "c"), "connections")), 1);
    json_decref(document);
    assert_true(answer_ms(pair) >= 100);
    write_file("p.yaml", HEAD FIXED("c") FIXED("b"), ports[1], other_port, ports[0], server_port);
    reload(&running, "c on 127.0.0.1:");
    document = status(&running);
    assert_int_equal(json_integer_value(json_object_get(proxy_of(document, "b"), "connections")), 1);
    assert_int_equal(json_integer_value(json_object_get(proxy_of(document, "c"), "connections")), 0);
    json_decref(document);
    close_pair(connect_pair(ports[0]));
    answer_ms(pair);
    close_pair(pair);
    close(other);
    finish(&running, SIGTERM, 143, "c/latency: asked 100ms", NULL);
#undef FIXED
}

/* All or nothing: what could be opened is closed again. */
static void a_reload_that_cannot_listen_changes_nothing(void **state)
{
    struct running_program running;
    (void)state;
    write_file("p.yaml", HEAD PROXY("a"), server_port);
    START(&running);
    write_file("p.yaml", HEAD PROXY("b") "  c: {listen: 127.0.0.1:%u, upstream: 127.0.0.1:1}\n", server_port,
               server_port);
    reload(&running, "p.yaml is refused; what was goes on\n");
    program_await_err(&running, "b closed: ");
    struct pair pair = connect_pair(number_behind(&running, "a listens on 127.0.0.1:"));
    answer_ms(pair);
    json_t *document = status(&running);
    assert_int_equal(json_array_size(json_object_get(document, "proxies")), 1);
    json_decref(document);
    close_pair(pair);
    finish(&running, SIGTERM, 143, NULL, NULL);
}

static void a_changed_file_is_read_when_asked(void **state)
{
    struct running_program running;
    (void)state;
    write_file("p.yaml", HEAD PROXY("a"), server_port);
    START(&running, "--watch");
    write_file("p.yaml", HEAD PROXY("a") PROXY("new"), server_port, server_port);
    program_await_err(&running, "reloaded p.yaml\n");
    close_pair(connect_pair(number_behind(&running, "new listens on 127.0.0.1:")));
    finish(&running, SIGTERM, 143, NULL, NULL);
}

/* ---- the end */

static void the_end_waits_for_what_is_connected(void **state)
{
    struct running_program running;
    (void)state;
    write_file("p.yaml", HEAD PROXY("a"), server_port);
    START(&running, "--drain", "10m");
    unsigned port = number_behind(&running, "a listens on 127.0.0.1:");
    struct pair pair = connect_pair(port);
    answer_ms(pair); /* so that the proxy has both ends */
    assert_int_equal(kill(running.pid, SIGTERM), 0);
    program_await_err(&running, "ends; waits for what is connected\n");
    json_t *document = status(&running);
    assert_true(json_is_true(json_object_get(document, "ending")));
    assert_int_equal(number_of(proxy_of(document, "a"), "connections"), 1);
    json_decref(document);
    assert_int_equal(connect_socket(port), -1);
    answer_ms(pair);
    close_pair(pair);
    finish(&running, 0, 143, NULL, "a closed: accepted 1, refused 0");
}

static void the_end_does_not_wait_for_ever(void **state)
{
    struct running_program running;
    char byte;
    (void)state;
    write_file("p.yaml", HEAD PROXY("a"), server_port);
    START(&running, "--drain", "50ms");
    struct pair pair = connect_pair(number_behind(&running, "a listens on 127.0.0.1:"));
    finish(&running, SIGTERM, 143, NULL, "connections were still open after 50ms and are reset\n");
    assert_int_equal(recv(pair.client, &byte, 1, 0), -1);
    close_pair(pair);
    START(&running, "--drain", "10m");
    pair = connect_pair(number_behind(&running, "a listens on 127.0.0.1:"));
    assert_int_equal(kill(running.pid, SIGINT), 0);
    program_await_err(&running, "ends; waits for what is connected\n");
    finish(&running, SIGTERM, 130, NULL, NULL);
    close_pair(pair);
}

static int prepare(void **state)
{
    open_lab(state);
    server = listen_socket(&server_port);
    return 0;
}

static int clean_up(void **state)
{
    close(server);
    return close_lab(state);
}

int test_proxy(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(a_file_can_be_checked),
        IN_GROUP(a_wrong_command_line_is_told),
        IN_GROUP(a_port_that_is_taken_ends_it),
        IN_GROUP(bytes_pass_and_the_page_tells),
        IN_GROUP(the_page_answers_only_what_it_has),
        IN_GROUP(a_reload_changes_toxics_in_mid_connection),
        IN_GROUP(a_reload_opens_closes_and_moves),
        IN_GROUP(a_reload_renames_and_swaps),
        IN_GROUP(a_reload_that_cannot_listen_changes_nothing),
        IN_GROUP(a_changed_file_is_read_when_asked),
        IN_GROUP(the_end_waits_for_what_is_connected),
        IN_GROUP(the_end_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests_name("proxy", tests, prepare, clean_up);
}
