/* One loop with a fetcher, a scripted target on loopback and clients, all played by the test itself: no threads, and
 * nothing sleeps. A watchdog ends a test that waits for what never comes; the teardown asserts that the loop closed. */
#ifndef LD_TESTS_SAMPLE_FIXTURE_H
#define LD_TESTS_SAMPLE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "runner/sample/door.h"
#include "runner/sample/fetch.h"

#define SCRIPTS_MAX 24
#define ASKED_MAX 512
#define HEAD_MAX 2048

/* What the target does when a path is asked for: write the bytes, then this. */
enum act {
    STAY,  /* keep the connection for the next request */
    HOLD,  /* write nothing until release() */
    CUT,   /* close the connection */
    RESET  /* reset it */
};

struct script {
    char target[128]; /* with its query */
    enum act act;
    char *bytes;
    size_t length;
};

struct target {
    uv_tcp_t listener;
    bool listening;
    uint16_t port;
    char address[64];
    unsigned accepted, open, asked_count, held;
    char asked[ASKED_MAX][128]; /* request targets in their order; the first ASKED_MAX */
    char head[HEAD_MAX];        /* of the last request */
    struct script scripts[SCRIPTS_MAX];
    size_t script_count;
    struct visitor *visitors;
};

struct fixture {
    uv_loop_t loop;
    uv_timer_t watchdog;
    bool late;
    struct ld_fetcher *fetcher; /* NULL: closed by the test */
    struct target target;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Run the loop until `*counter` is at least `count`. */
void run_until(struct fixture *fixture, const unsigned *counter, unsigned count);
/* Run the loop as long as something happens at once; then nothing is left but waiting. */
void run_now(struct fixture *fixture);

/* From now on the target answers so. `headers`: lines, each ending "\r\n". Content-Length is added. */
void serve(struct fixture *fixture, const char *target, const char *status, const char *headers, const void *body,
           size_t length);
void serve_text(struct fixture *fixture, const char *target, const char *body);
/* 200 with the bytes of a file below TEST_DATA. */
void serve_file(struct fixture *fixture, const char *target, const char *file);
/* Raw bytes of an answer, and what follows them. */
void serve_raw(struct fixture *fixture, const char *target, enum act act, const char *bytes);
/* serve() before; now the answer waits for release(). */
void hold(struct fixture *fixture, const char *target);
/* Send all held answers. */
void release_all(struct fixture *fixture);
/* The target stops listening and drops everyone. */
void target_down(struct fixture *fixture);
/* How often the target was asked for this. */
unsigned times_asked(const struct fixture *fixture, const char *target);
/* "127.0.0.1:PORT" where nobody listens; the socket keeps the port until it is closed by the caller. */
int refusing_socket(char address[64]);

/* ---- a client that the test plays */

struct client {
    struct fixture *fixture;
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct ld_buffer received;
    unsigned replies;   /* whole ones received */
    unsigned connected, ended;
    bool head_only;     /* replies have no bodies */
};

struct reply {
    int status;
    char head[HEAD_MAX];
    const char *body; /* within the client's buffer, not NUL-terminated */
    size_t length;
};

struct client *client_open(struct fixture *fixture, uint16_t port);
void client_send(struct client *client, const char *text);
void client_read(struct client *client, bool on);
/* The reply of this index; waits for it. */
struct reply client_reply(struct client *client, unsigned index);
/* Closes and frees. */
void client_close(struct client *client);
void assert_body(const struct reply *reply, const char *text);

/* ---- the groups */

int test_address(void);
int test_fetch(void);
int test_door(void);
int test_door_fault(void);
int test_proc(void);
int test_sampler(void);
int test_gateway(void);

#endif
