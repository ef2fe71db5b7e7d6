/* The webhook's server: every alert may be posted on a connection of its own, all at once. */
#include "groups.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner/detect/webhook_server.h"

#define CROWD 64
#define TOKEN UINT64_C(0x0123456789abcdef)

struct scene {
    uv_loop_t loop;
    uv_timer_t timer; /* fails the test: nothing came */
    struct ld_webhook_server *server;
    unsigned posts, expected;
    bool closed;
};

static int on_post(void *context, const char *bytes, size_t length)
{
    struct scene *scene = context;
    assert_int_equal(length, 2);
    assert_memory_equal(bytes, "{}", 2);
    if (++scene->posts == scene->expected)
        uv_stop(&scene->loop);
    return 0;
}

static void on_closed(void *context)
{
    ((struct scene *)context)->closed = true;
}

static const struct ld_webhook_server_events events = {on_post, on_closed};

static void on_time(uv_timer_t *timer)
{
    const struct scene *scene = timer->data;
    fail_msg("%u of %u posts came", scene->posts, scene->expected);
}

static void open_scene(struct scene *scene)
{
    struct ld_error error = {0};
    *scene = (struct scene){.expected = CROWD};
    assert_int_equal(uv_loop_init(&scene->loop), 0);
    assert_int_equal(uv_timer_init(&scene->loop, &scene->timer), 0);
    scene->timer.data = scene;
    assert_int_equal(uv_timer_start(&scene->timer, on_time, 20000, 0), 0);
    if (ld_webhook_server_new(&scene->server, &scene->loop, TOKEN, &events, scene, &error) != 0)
        fail_msg("%s", error.message);
}

static void close_scene(struct scene *scene)
{
    ld_webhook_server_close(scene->server);
    uv_close((uv_handle_t *)&scene->timer, NULL);
    assert_int_equal(uv_run(&scene->loop, UV_RUN_DEFAULT), 0);
    assert_true(scene->closed);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
}

/* As Go's client does: it would keep the connection. */
static int post(const char *url)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *port = strrchr(url, ':') + 1;
    char text[200];
    address.sin_port = htons((uint16_t)atoi(port));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int length = snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
                          strchr(port, '/'));
    assert_int_equal(send(fd, text, (size_t)length, 0), length);
    return fd;
}

/* All that the server says until it closes the connection. */
static void assert_answered(int fd)
{
    char text[600];
    size_t length = 0;
    for (ssize_t n; length < sizeof text - 1 && (n = recv(fd, text + length, sizeof text - 1 - length, 0)) > 0;)
        length += (size_t)n;
    text[length] = '\0';
    assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
    if (!strstr(text, "Connection: close\r\n"))
        fail_msg("%s", text);
    close(fd);
}

static void a_crowd_of_connections_is_heard_at_once(void **state)
{
    (void)state;
    struct scene scene;
    char url[LD_WEBHOOK_URL_MAX];
    int crowd[CROWD];
    open_scene(&scene);
    ld_webhook_server_url(scene.server, url);
    for (size_t i = 0; i < CROWD; i++)
        crowd[i] = post(url);
    uv_run(&scene.loop, UV_RUN_DEFAULT);
    assert_int_equal(scene.posts, CROWD);
    close_scene(&scene); /* what was not sent yet is */
    for (size_t i = 0; i < CROWD; i++)
        assert_answered(crowd[i]);
}

int test_webhook_server(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_of_connections_is_heard_at_once),
    };
    return cmocka_run_group_tests_name("webhook-server", tests, NULL, NULL);
}
