#include "runner/run/load.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_MAGIC 0x6c646c64u

struct ld_load_request {
    struct ld_load_request *next, **link;
    struct ld_load *load;
    struct ld_fetch *fetch;
};

static void unlink_request(struct ld_load_request *request)
{
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    request->load->in_flight--;
    free(request);
}

static void on_answer(void *context, const struct ld_fetch_result *result)
{
    struct ld_load_request *request = context;
    struct ld_load *load = request->load;
    assert(load->magic == LOAD_MAGIC);
    unlink_request(request);
    if (result->failure == LD_FETCH_OK && result->status >= 200 && result->status < 300)
        load->responses++;
    else
        load->errors++;
    load->unavailable += result->failure == LD_FETCH_OK && result->status == 503;
    if (load->latency_count < LD_LOAD_LATENCIES_MAX)
        load->latencies[load->latency_count++] = result->ended_ns - result->began_ns;
    if (!load->on && load->in_flight == 0)
        load->drained(load->context);
}

static void send_one(struct ld_load *load)
{
    const char *address = load->address(load->context, load->requests);
    load->requests++;
    if (!address || load->in_flight == LD_LOAD_IN_FLIGHT_MAX) {
        load->errors += address == NULL;
        load->skipped += address != NULL;
        return;
    }
    char url[512];
    snprintf(url, sizeof url, "http://%s%s", address, load->path);
    struct ld_fetch_request fetch = {.url = url, .timeout_ns = load->timeout_ns, .body_max = (size_t)64 << 20};
    struct ld_load_request *request = calloc(1, sizeof *request);
    if (!request || ld_fetch_start(&request->fetch, load->fetcher, &fetch, on_answer, request) != 0) {
        free(request);
        load->errors++;
        return;
    }
    request->load = load;
    request->link = &load->first;
    request->next = load->first;
    if (request->next)
        request->next->link = &request->next;
    load->first = request;
    load->in_flight++;
}

static void on_due(uv_timer_t *timer);

static void arm(struct ld_load *load)
{
    if (load->factor <= 0)
        return;
    double per_second = load->per_second * load->factor;
    int64_t due = load->start_ns + (int64_t)((double)load->sent_since_start * 1e9 / per_second);
    int64_t wait_ms = (due - (int64_t)uv_hrtime()) / 1000000;
    uv_update_time(load->loop);
    uv_timer_start(&load->timer, on_due, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static void on_due(uv_timer_t *timer)
{
    struct ld_load *load = timer->data;
    assert(load->magic == LOAD_MAGIC);
    double elapsed = (double)((int64_t)uv_hrtime() - load->start_ns) / 1e9;
    uint64_t due = (uint64_t)(elapsed * load->per_second * load->factor) + 1;
    while (load->on && load->sent_since_start < due) {
        load->sent_since_start++;
        send_one(load);
    }
    if (load->on)
        arm(load);
}

int ld_load_init(struct ld_load *load, uv_loop_t *loop, struct ld_fetcher *fetcher)
{
    memset(load, 0, sizeof *load);
    load->magic = LOAD_MAGIC;
    load->loop = loop;
    load->fetcher = fetcher;
    load->factor = 1;
    load->timer.data = load;
    return uv_timer_init(loop, &load->timer) ? LD_ESYSTEM : 0;
}

double ld_load_offered(const struct ld_load *load)
{
    if (!load->on)
        return load->offered;
    return load->offered + (double)((int64_t)uv_hrtime() - load->start_ns) / 1e9 * load->per_second;
}

/* The grid of arrivals begins anew. */
static void begin(struct ld_load *load)
{
    load->start_ns = (int64_t)uv_hrtime();
    load->sent_since_start = 0;
    load->on = true;
    arm(load);
}

void ld_load_start(struct ld_load *load, double per_second)
{
    assert(load->magic == LOAD_MAGIC && per_second > 0);
    load->offered = ld_load_offered(load);
    load->per_second = per_second;
    begin(load);
}

void ld_load_factor(struct ld_load *load, double factor)
{
    assert(load->magic == LOAD_MAGIC && factor >= 0);
    load->offered = ld_load_offered(load);
    load->factor = factor;
    uv_timer_stop(&load->timer);
    if (load->on)
        begin(load);
}

void ld_load_stop(struct ld_load *load)
{
    uv_timer_stop(&load->timer);
    load->offered = ld_load_offered(load);
    load->on = false;
    if (load->in_flight == 0)
        load->drained(load->context);
}

void ld_load_cancel(struct ld_load *load)
{
    uv_timer_stop(&load->timer);
    load->on = false;
    while (load->first) {
        ld_fetch_cancel(load->first->fetch);
        unlink_request(load->first);
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

size_t ld_load_points(struct ld_load *load, struct ld_point points[LD_LOAD_POINTS])
{
    if (load->requests == 0)
        return 0;
    size_t count = 0;
    points[count++] = (struct ld_point){LD_METRIC_REQUESTS, (double)load->requests};
    points[count++] = (struct ld_point){LD_METRIC_RESPONSES, (double)load->responses};
    points[count++] = (struct ld_point){LD_METRIC_ERRORS, (double)load->errors};
    points[count++] = (struct ld_point){LD_METRIC_IN_FLIGHT, (double)load->in_flight};
    if (load->latency_count) {
        size_t n = load->latency_count;
        qsort(load->latencies, n, sizeof *load->latencies, by_value);
        points[count++] = (struct ld_point){LD_METRIC_LATENCY_P50, (double)load->latencies[(n - 1) / 2] / 1e9};
        points[count++] = (struct ld_point){LD_METRIC_LATENCY_P99, (double)load->latencies[(n - 1) * 99 / 100] / 1e9};
        load->latency_count = 0;
    }
    return count;
}

static void on_closed(uv_handle_t *handle)
{
    struct ld_load *load = handle->data;
    load->magic = 0;
    load->closed(load->context);
}

void ld_load_close(struct ld_load *load)
{
    assert(load->magic == LOAD_MAGIC);
    ld_load_cancel(load);
    uv_close((uv_handle_t *)&load->timer, on_closed);
}
