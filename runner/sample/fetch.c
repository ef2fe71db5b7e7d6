#include "runner/sample/fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"

#define FETCHER_MAGIC 0x6c646665u
#define FETCH_MAGIC 0x6c646674u
#define CONNECTIONS_KEPT 512L
#define SPARE_HANDLES 256

/* A socket libcurl wants watched. Owned by the fetcher until libcurl says remove; freed in the close callback. */
struct watch {
    uv_poll_t poll;
    struct ld_fetcher *fetcher;
    curl_socket_t socket;
};

struct ld_fetcher {
    unsigned magic;
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    struct ld_fetch *first; /* under way */
    CURL *spare[SPARE_HANDLES];
    size_t spare_count;
    bool closing;
};

struct ld_fetch {
    unsigned magic;
    struct ld_fetcher *fetcher;
    struct ld_fetch *next, **link;
    CURL *easy;
    struct ld_buffer body;
    size_t received, body_max;
    bool keep_body, too_large, pprof_header;
    int64_t began_ns;
    ld_fetch_done *done;
    void *context;
    char message[CURL_ERROR_SIZE];
};

static void drain(struct ld_fetcher *fetcher);

/* ---- sockets and the timer */

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_socket_event(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    struct ld_fetcher *fetcher = watch->fetcher;
    int flags = 0, running = 0;
    /* A negative status: libuv has already stopped the handle; libcurl must hear of the error itself. */
    if (status < 0)
        flags = CURL_CSELECT_ERR;
    else {
        flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
        flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    }
    curl_multi_socket_action(fetcher->multi, watch->socket, flags, &running);
    drain(fetcher);
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *socket_context)
{
    struct ld_fetcher *fetcher = context;
    struct watch *watch = socket_context;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            uv_poll_stop(&watch->poll);
            curl_multi_assign(fetcher->multi, socket, NULL);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (!watch) {
        if (fetcher->closing || !(watch = calloc(1, sizeof *watch)))
            return -1;
        watch->fetcher = fetcher;
        watch->socket = socket;
        if (uv_poll_init_socket(fetcher->loop, &watch->poll, socket) != 0) {
            free(watch);
            return -1;
        }
        watch->poll.data = watch;
        curl_multi_assign(fetcher->multi, socket, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watch->poll, events, on_socket_event);
    return 0;
}

static void on_timeout(uv_timer_t *timer)
{
    struct ld_fetcher *fetcher = timer->data;
    int running = 0;
    curl_multi_socket_action(fetcher->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    drain(fetcher);
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct ld_fetcher *fetcher = context;
    (void)multi;
    if (fetcher->closing)
        return 0;
    if (timeout_ms < 0)
        uv_timer_stop(&fetcher->timer);
    else {
        uv_update_time(fetcher->loop); /* or a long callback before this would shorten the timeout */
        uv_timer_start(&fetcher->timer, on_timeout, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

/* ---- one transfer */

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct ld_fetch *fetch = context;
    size_t length = size * count;
    fetch->received += length;
    if (fetch->received > fetch->body_max) {
        fetch->too_large = true;
        return 0;
    }
    if (fetch->keep_body && ld_buffer_add(&fetch->body, bytes, length) != 0)
        return 0;
    return length;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct ld_fetch *fetch = context;
    static const char name[] = "x-go-pprof:";
    if (size * count >= sizeof name - 1 && strncasecmp(bytes, name, sizeof name - 1) == 0)
        fetch->pprof_header = true;
    return size * count;
}

/* `status`: 0 while no answer had begun. */
static enum ld_fetch_failure failure_of(const struct ld_fetch *fetch, CURLcode code, long status)
{
    if (fetch->too_large)
        return LD_FETCH_TOO_LARGE;
    switch (code) {
    case CURLE_OK:
        return LD_FETCH_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return LD_FETCH_TIMEOUT;
    case CURLE_PARTIAL_FILE:
        return LD_FETCH_TRUNCATED;
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
        return LD_FETCH_REFUSED;
    case CURLE_SEND_ERROR: /* also libcurl's word for CURL_CSELECT_ERR, whatever it was doing */
    case CURLE_RECV_ERROR:
        return status ? LD_FETCH_TRUNCATED : LD_FETCH_REFUSED;
    default:
        return LD_FETCH_BROKEN;
    }
}

static void unlink_fetch(struct ld_fetch *fetch)
{
    *fetch->link = fetch->next;
    if (fetch->next)
        fetch->next->link = fetch->link;
}

static void release(struct ld_fetch *fetch)
{
    struct ld_fetcher *fetcher = fetch->fetcher;
    curl_multi_remove_handle(fetcher->multi, fetch->easy);
    if (fetcher->spare_count < SPARE_HANDLES)
        fetcher->spare[fetcher->spare_count++] = fetch->easy;
    else
        curl_easy_cleanup(fetch->easy);
    unlink_fetch(fetch);
    ld_buffer_done(&fetch->body);
    fetch->magic = 0;
    free(fetch);
}

static void finish(struct ld_fetch *fetch, CURLcode code)
{
    assert(fetch->magic == FETCH_MAGIC);
    long status = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    struct ld_fetch_result result = {.failure = failure_of(fetch, code, status),
                                     .status = status,
                                     .pprof_header = fetch->pprof_header,
                                     .content_type = "",
                                     .body = ld_buffer_text(&fetch->body),
                                     .length = fetch->received,
                                     .began_ns = fetch->began_ns,
                                     .ended_ns = (int64_t)uv_hrtime(),
                                     .message = ""};
    char *content_type = NULL;
    curl_easy_getinfo(fetch->easy, CURLINFO_CONTENT_TYPE, &content_type);
    if (content_type)
        result.content_type = content_type;
    if (result.failure != LD_FETCH_OK)
        result.message = fetch->message[0] ? fetch->message : curl_easy_strerror(code);
    fetch->done(fetch->context, &result);
    release(fetch);
}

/* After every action, unconditionally: a transfer that ends by timeout is reported nowhere else. */
static void drain(struct ld_fetcher *fetcher)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(fetcher->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        struct ld_fetch *fetch = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&fetch);
        finish(fetch, code);
    }
}

static void set_up(struct ld_fetch *fetch, const struct ld_fetch_request *request)
{
    CURL *easy = fetch->easy;
    int64_t timeout_ms = request->timeout_ns / 1000000 > 0 ? request->timeout_ns / 1000000 : 1;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->message);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "");
}

int ld_fetch_start(struct ld_fetch **ret_fetch, struct ld_fetcher *fetcher, const struct ld_fetch_request *request,
                   ld_fetch_done *done, void *context)
{
    assert(fetcher->magic == FETCHER_MAGIC && !fetcher->closing);
    struct ld_fetch *fetch = calloc(1, sizeof *fetch);
    CURL *easy = fetcher->spare_count ? fetcher->spare[--fetcher->spare_count] : curl_easy_init();
    if (!fetch || !easy) {
        free(fetch);
        if (easy)
            curl_easy_cleanup(easy);
        return LD_ENOMEM;
    }
    *fetch = (struct ld_fetch){.magic = FETCH_MAGIC,
                               .fetcher = fetcher,
                               .easy = easy,
                               .body_max = request->body_max,
                               .keep_body = request->keep_body,
                               .began_ns = (int64_t)uv_hrtime(),
                               .done = done,
                               .context = context};
    ld_buffer_init(&fetch->body, request->body_max);
    fetch->link = &fetcher->first;
    fetch->next = fetcher->first;
    if (fetch->next)
        fetch->next->link = &fetch->next;
    fetcher->first = fetch;
    set_up(fetch, request);
    if (curl_multi_add_handle(fetcher->multi, easy) != CURLM_OK) {
        release(fetch);
        return LD_ENOMEM;
    }
    *ret_fetch = fetch;
    return 0;
}

void ld_fetch_cancel(struct ld_fetch *fetch)
{
    if (fetch) {
        assert(fetch->magic == FETCH_MAGIC);
        release(fetch);
    }
}

/* ---- the fetcher */

int ld_fetcher_new(struct ld_fetcher **ret_fetcher, uv_loop_t *loop, struct ld_error *error)
{
    struct ld_fetcher *fetcher = calloc(1, sizeof *fetcher);
    if (!fetcher || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(fetcher->multi = curl_multi_init())) {
        free(fetcher);
        return ld_fail(error, LD_ENOMEM, "libcurl cannot be initialised");
    }
    fetcher->magic = FETCHER_MAGIC;
    fetcher->loop = loop;
    uv_timer_init(loop, &fetcher->timer);
    fetcher->timer.data = fetcher;
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    *ret_fetcher = fetcher;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct ld_fetcher *fetcher = handle->data;
    fetcher->magic = 0;
    free(fetcher);
}

void ld_fetcher_close(struct ld_fetcher *fetcher)
{
    assert(fetcher->magic == FETCHER_MAGIC && !fetcher->closing);
    while (fetcher->first)
        release(fetcher->first);
    while (fetcher->spare_count)
        curl_easy_cleanup(fetcher->spare[--fetcher->spare_count]);
    fetcher->closing = true;
    /* Closes the kept connections: their REMOVE calls come through on_socket now. */
    curl_multi_cleanup(fetcher->multi);
    fetcher->multi = NULL;
    uv_close((uv_handle_t *)&fetcher->timer, on_timer_closed);
    curl_global_cleanup();
}
