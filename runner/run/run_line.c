/* The lines between the instances and their upstream: a listener of the fault proxy for each, so that a connection's
 * number, and with it every decision of a toxic, depends on its own instance alone and not on who was first. */
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "runner/run/run_internal.h"

/* The first has the run's own seed: with one instance nothing but the run is in a decision. */
static uint64_t seed_of(const struct ld_run *run, uint32_t index)
{
    return index ? ld_derive(run->run_plan->seed, "instance", index) : run->run_plan->seed;
}

/* What a connection is called in the database. */
static uint64_t number_of(const struct ld_line *line, uint64_t connection)
{
    return (uint64_t)line->index << 32 | (connection & UINT32_MAX);
}

static struct ld_run_fault *find(struct ld_run *run, const char *id)
{
    for (size_t i = 0; i < run->fault_count; i++)
        if (strcmp(run->faults[i].spec->id, id) == 0)
            return &run->faults[i];
    return NULL;
}

/* ---- faults on all of them */

void ld_lines_fault_begin(struct ld_run_fault *fault)
{
    struct ld_run *run = fault->run;
    struct ld_error error;
    fault->sum = (struct ld_receipt_sum){0};
    fault->lines_acting = run->upstream_line_count;
    for (uint32_t i = 0; i < run->upstream_line_count; i++)
        if (ld_proxy_fault_start(run->upstream_lines[i].listener, fault->spec, &error) != 0) {
            ld_run_void(run, LD_INVALID_HARNESS, "fault %s: %s", fault->spec->id, error.message);
            return;
        }
}

void ld_lines_fault_end(struct ld_run_fault *fault)
{
    struct ld_run *run = fault->run;
    for (uint32_t i = 0; i < run->upstream_line_count; i++)
        if (ld_proxy_fault_stop(run->upstream_lines[i].listener, fault->spec->id) != 0)
            ld_run_void(run, LD_INVALID_HARNESS, "out of memory");
}

/* ---- what the proxy says */

static void on_decision(void *context, const char *fault_id, uint64_t connection, bool touched, int64_t time_ns)
{
    struct ld_line *line = context;
    struct ld_run *run = line->run;
    (void)time_ns;
    ld_run_written(run, ld_writer_fault_decision(run->control->writer, run->run_plan->index, fault_id,
                                                 number_of(line, connection), touched));
}

static void on_began(void *context, const char *fault_id, int code, int64_t time_ns)
{
    struct ld_run *run = ((struct ld_line *)context)->run;
    struct ld_run_fault *fault = find(run, fault_id);
    if (code)
        ld_run_void(run, LD_INVALID_HARNESS, "fault %s: %s", fault_id, ld_code_text(code));
    else if (fault)
        fault->began_ns = time_ns - run->start_ns;
}

static void on_ended(void *context, const char *fault_id, int64_t began_ns, int64_t ended_ns,
                     const struct ld_receipt *receipt)
{
    struct ld_run *run = ((struct ld_line *)context)->run;
    struct ld_run_fault *fault = find(run, fault_id);
    (void)began_ns;
    (void)ended_ns;
    if (!fault || fault->state != LD_FAULT_ACTING)
        return;
    fault->lines_acting--;
    if (receipt)
        ld_receipt_sum_add(&fault->sum, receipt);
    if (fault->lines_acting > 0)
        return;
    struct ld_receipt sum;
    ld_receipt_sum_take(&fault->sum, &sum);
    ld_run_fault_finish(fault, &sum);
}

static void on_refused(void *context, uint64_t count, int64_t time_ns)
{
    (void)time_ns;
    ld_run_void(((struct ld_line *)context)->run, LD_INVALID_HARNESS,
                "the proxy refused %llu connections over its limit", (unsigned long long)count);
}

static void on_closed(void *context, const struct ld_proxy_counts *counts)
{
    struct ld_line *line = context;
    struct ld_run *run = line->run;
    char text[192], of[32] = "";
    if (run->upstream_line_count > 1)
        snprintf(of, sizeof of, "instance %u: ", line->index);
    snprintf(text, sizeof text, "%s%llu connections, %llu found no upstream, %llu reset, %llu bytes up, %llu down", of,
             (unsigned long long)counts->accepted, (unsigned long long)counts->upstream_refused,
             (unsigned long long)counts->resets, (unsigned long long)counts->bytes_up,
             (unsigned long long)counts->bytes_down);
    ld_run_note(run, "proxy", text);
    if (counts->lost_events)
        ld_run_void(run, LD_INVALID_HARNESS, "the proxy lost %llu messages", (unsigned long long)counts->lost_events);
    line->open = false;
    ld_run_handle_closed(run);
}

static void on_upstream_changed(void *context, uint16_t port, int code, int64_t time_ns)
{
    (void)port;
    (void)time_ns;
    if (code)
        ld_run_void(((struct ld_line *)context)->run, LD_INVALID_HARNESS, "the proxy cannot listen again");
}

static const struct ld_proxy_events proxy_events = {.decision = on_decision,
                                                    .fault_began = on_began,
                                                    .fault_ended = on_ended,
                                                    .upstream_changed = on_upstream_changed,
                                                    .refused = on_refused,
                                                    .closed = on_closed};

/* ---- life */

int ld_lines_make(struct ld_run *run, struct ld_error *error)
{
    uint32_t count = (uint32_t)run->scenario->target.instances;
    run->upstream_lines = ld_arena_array(run->arena, count, sizeof *run->upstream_lines);
    if (!run->upstream_lines)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (; run->upstream_line_count < count; run->upstream_line_count++) {
        struct ld_line *line = &run->upstream_lines[run->upstream_line_count];
        line->run = run;
        line->index = run->upstream_line_count;
        struct ld_proxy_spec proxy = {.seed = seed_of(run, line->index), .events = proxy_events, .context = line};
        int code = ld_proxy_open(run->control->proxy, &proxy, &line->listener, error);
        if (code)
            return code;
        line->open = true;
        run->open_handles++;
        snprintf(line->address, sizeof line->address, "127.0.0.1:%u", ld_proxy_port(line->listener));
    }
    return 0;
}

const char *ld_line_address(const struct ld_run *run, uint32_t index)
{
    return index < run->upstream_line_count ? run->upstream_lines[index].address : "";
}

void ld_lines_upstream(struct ld_run *run, uint16_t port)
{
    for (uint32_t i = 0; i < run->upstream_line_count; i++)
        if (ld_proxy_upstream(run->upstream_lines[i].listener, port) != 0)
            ld_run_void(run, LD_INVALID_HARNESS, "out of memory");
}

void ld_lines_close(struct ld_run *run)
{
    for (uint32_t i = 0; i < run->upstream_line_count; i++)
        if (run->upstream_lines[i].open)
            ld_proxy_close(run->upstream_lines[i].listener);
}
