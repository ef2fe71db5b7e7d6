/* A proxy with one listener and an upstream that the test itself plays: blocking sockets on loopback, each with a
 * timeout, so that a failure fails instead of hanging. Nothing sleeps. */
#ifndef LD_TESTS_PROXY_FIXTURE_H
#define LD_TESTS_PROXY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "fault/toxic.h"
#include "runner/proxy/proxy.h"

#define SEED UINT64_C(42)
#define DECISIONS_MAX 512

/* What the listener told. */
struct told {
    unsigned decisions, began, ended, changed, refusals, stalls, statuses, drained, closed;
    struct {
        char fault_id[32];
        uint64_t connection;
        bool touched;
    } decision[DECISIONS_MAX];
    char fault_id[32];
    int began_code;
    bool has_receipt;
    struct ld_receipt receipt;
    uint16_t port;
    int changed_code;
    uint64_t refused;
    uint64_t stalled_connection;
    enum ld_stream stalled_stream;
    struct ld_proxy_status status;
    struct ld_proxy_counts counts;
};

struct fixture {
    uv_loop_t loop;
    struct ld_proxy *proxy;
    struct ld_proxy_listener *listener; /* NULL: closed by the test */
    int server;                         /* the upstream's listening socket */
    uint16_t server_port;
    struct told told;
    bool done;
};

int fixture_setup(void **state);
int fixture_teardown(void **state); /* closes everything and asserts that the loops closed */
int fixture_finish(struct fixture *fixture, bool close_listener); /* the same, by the test */

struct ld_proxy_listener *open_listener(struct fixture *fixture, uint16_t upstream_port, uint32_t connections_max,
                                        struct told *told);
/* Run the control loop until `*counter` is at least `count`. */
void wait_for(struct fixture *fixture, const unsigned *counter, unsigned count);
struct ld_fault_spec latency_fault(const char *id, int64_t latency_ns, int64_t jitter_ns, double toxicity, int stream);
void start_fault(struct fixture *fixture, const struct ld_fault_spec *fault); /* and wait until it acts */
void stop_fault(struct fixture *fixture, const char *id);                     /* and wait for its receipt */

int64_t now_ns(void);
int listen_socket(uint16_t *ret_port);
int connect_socket(uint16_t port);     /* -1 and errno when refused */
int accept_socket(int server);
void reset_socket(int fd);
/* A client connected through the proxy and the upstream's end of it. */
struct pair {
    int client, server;
};
struct pair connect_pair(struct fixture *fixture);
void close_pair(struct pair pair);

void send_all(int fd, const void *bytes, size_t length);
void send_text(int fd, const char *text);
void expect_text(int fd, const char *text); /* exactly this, or more behind it */
void expect_end(int fd);                    /* FIN */
void expect_reset(int fd);                  /* whatever is still there, then a reset */
int64_t round_trip_ns(struct pair pair);    /* client to server and back */

int test_passing(void);
int test_faults(void);
int test_toxics(void);
int test_lifetime(void);

#endif
