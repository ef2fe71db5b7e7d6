#include "runner/sample/door.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DOOR_MAGIC 0x6c64646fu
#define SLOW_KEPT_NS (5 * LD_SECOND) /* then a quicker one takes the place of a reader's longest read */

struct ld_door_read {
    struct ld_door_read *next;
    struct ld_door *door;
    struct ld_door_lane *lane;
    bool endpoint;
    struct ld_fetch *fetch; /* NULL while it waits in the queue */
    struct ld_reader *reader;
    char path[256];
    int64_t timeout_ns;
    size_t body_max;
    ld_fetch_done *done;
    void *context;
    /* what sampling faults make of it */
    bool decided, held;
    int64_t asked_ns;             /* when its turn came; 0 before */
    int64_t delay_ns;             /* until it may begin */
    struct ld_door_fault *slowed; /* the first of those that delay it; NULL: none */
    struct ld_door_fault *struck; /* the one that changes its answer; NULL: none */
    uint64_t struck_read;         /* its number at that fault */
};

static void advance(struct ld_door_lane *lane);

static struct ld_reader *reader_of(struct ld_door *door, const char *name)
{
    for (size_t i = 0; i < door->reader_count; i++)
        if (strcmp(door->readers[i].name, name) == 0)
            return &door->readers[i];
    if (door->reader_count == LD_DOOR_READERS_MAX)
        return &door->readers[LD_DOOR_READERS_MAX - 1];
    struct ld_reader *reader = &door->readers[door->reader_count++];
    snprintf(reader->name, sizeof reader->name, "%s",
             door->reader_count == LD_DOOR_READERS_MAX ? "others" : name);
    return reader;
}

static struct ld_door_read *take_first(struct ld_door_lane *lane)
{
    struct ld_door_read *read = lane->first;
    lane->first = read->next;
    if (!lane->first)
        lane->last = &lane->first;
    lane->door->queued--;
    return read;
}

/* ---- sampling faults */

/* Each fault that aims at the read numbers it, whatever the others do, so that no fault changes another's decisions. */
static void decide(struct ld_door *door, struct ld_door_read *read)
{
    read->decided = true;
    read->asked_ns = (int64_t)uv_hrtime();
    for (struct ld_door_fault *fault = door->faults; fault; fault = fault->next) {
        const struct ld_fault_sampling *sampling = &fault->spec->attributes.sampling;
        if (read->endpoint ? !ld_sampling_aims_at_endpoints(sampling) : !ld_sampling_aims_at(sampling, read->path))
            continue;
        uint64_t number = fault->reads++;
        if (!ld_sampling_touches(fault->seed, fault->spec, fault->instance, number)) {
            fault->effect.spared++;
        } else if (sampling->how == LD_SAMPLING_SLOW) {
            read->delay_ns += ld_sampling_delay_ns(fault->seed, fault->spec, fault->instance, number);
            read->slowed = read->slowed ? read->slowed : fault;
        } else if (!read->struck) {
            read->struck = fault;
            read->struck_read = number;
        } else {
            fault->effect.spared++; /* another fault has it already */
        }
    }
}

static bool cuts(const struct ld_door_read *read)
{
    return read->struck && read->struck->spec->attributes.sampling.how == LD_SAMPLING_TRUNCATED;
}

/* The receipt's figures: what this reader gets, now that he gets it. */
static void count_effect(const struct ld_door_read *read, const struct ld_fetch_result *result, bool changed)
{
    struct ld_sampling_effect *effect;
    if (read->struck && read->struck->on) {
        effect = &read->struck->effect;
        effect->touched++;
        effect->delivered += changed;
        effect->unchanged += !changed;
    }
    if (!read->slowed || !read->slowed->on)
        return;
    effect = &read->slowed->effect;
    effect->touched++;
    bool waited = read->held && (result->failure == LD_FETCH_OK || changed);
    bool gave_up = result->failure == LD_FETCH_TIMEOUT;
    effect->delivered += waited || gave_up;
    effect->unchanged += !(waited || gave_up);
    if (waited)
        ld_sampling_delayed(effect, read->delay_ns, result->began_ns - read->asked_ns);
}

static void count_slow(struct ld_reader *reader, const struct ld_fetch_result *result)
{
    int64_t took_ns = result->ended_ns - result->began_ns;
    if (took_ns < reader->slow_ns && result->began_ns - reader->slow_ended_ns < SLOW_KEPT_NS)
        return;
    reader->slow_ns = took_ns;
    reader->slow_ended_ns = result->ended_ns;
}

const struct ld_reader *ld_door_held_by(const struct ld_door *door, int64_t since_ns)
{
    const struct ld_reader *held_by = NULL;
    for (size_t i = 0; i < door->reader_count; i++) {
        const struct ld_reader *reader = &door->readers[i];
        if (reader->slow_ended_ns > since_ns && strcmp(reader->name, LD_READER_SAMPLER) != 0 &&
            (!held_by || reader->slow_ns > held_by->slow_ns))
            held_by = reader;
    }
    return held_by;
}

static void answer(struct ld_door_lane *lane, const struct ld_fetch_result *result, bool changed)
{
    struct ld_door_read *read = take_first(lane);
    count_effect(read, result, changed);
    struct ld_fetch_result seen = *result; /* by the reader: his waiting began when his turn came */
    if (read->held)
        seen.began_ns = read->asked_ns;
    result = &seen;
    read->reader->reads++;
    read->reader->bytes += result->length;
    read->reader->time_ns += result->ended_ns - result->began_ns;
    if (lane == &lane->door->lanes[LD_DOOR_IN_TURN])
        count_slow(read->reader, result);
    if (result->failure != LD_FETCH_OK || result->status != 200)
        read->reader->failures++;
    /* The next one starts before the asker hears, so that what he asks for now queues behind it. */
    advance(lane);
    read->done(read->context, result);
    free(read);
}

/* The connection broke after `after` bytes of the body. */
static void answer_cut(struct ld_door_lane *lane, const struct ld_fetch_result *whole, size_t after)
{
    struct ld_fetch_result result = *whole;
    char *part = malloc(after + 1);
    result.failure = LD_FETCH_TRUNCATED;
    result.message = "transfer closed with bytes of the body outstanding";
    result.body = part ? part : "";
    result.length = part ? after : 0;
    if (part) {
        memcpy(part, whole->body, after);
        part[after] = '\0';
    }
    answer(lane, &result, true);
    free(part);
}

static void on_fetched(void *context, const struct ld_fetch_result *result)
{
    const struct ld_door_read *read = context;
    assert(read->door->magic == DOOR_MAGIC);
    uint64_t after = cuts(read) ? read->struck->spec->attributes.sampling.after : UINT64_MAX;
    if (result->failure == LD_FETCH_OK && result->length > after)
        answer_cut(read->lane, result, (size_t)after);
    else
        answer(read->lane, result, false);
}

/* An answer of the door's own: no answer at all. */
static void answer_failure(struct ld_door_lane *lane, enum ld_fetch_failure failure, const char *message, bool changed)
{
    int64_t now = (int64_t)uv_hrtime();
    struct ld_fetch_result result = {.failure = failure,
                                     .content_type = "",
                                     .body = "",
                                     .began_ns = now,
                                     .ended_ns = now,
                                     .message = message};
    answer(lane, &result, changed);
}

static void answer_struck(struct ld_door_lane *lane, const struct ld_door_read *read)
{
    const struct ld_door_fault *fault = read->struck;
    struct ld_sampling_answer forged;
    if (fault->spec->attributes.sampling.how == LD_SAMPLING_REFUSED) {
        answer_failure(lane, LD_FETCH_REFUSED, "Connection refused", true);
        return;
    }
    ld_sampling_forge(fault->seed, fault->spec, fault->instance, read->struck_read, read->path, &forged);
    int64_t now = (int64_t)uv_hrtime();
    bool fits = forged.length <= read->body_max;
    struct ld_fetch_result result = {.failure = fits ? LD_FETCH_OK : LD_FETCH_TOO_LARGE,
                                     .status = forged.status,
                                     .pprof_header = forged.pprof_header,
                                     .content_type = forged.content_type,
                                     .body = forged.body,
                                     .length = forged.length,
                                     .began_ns = now,
                                     .ended_ns = now,
                                     .message = fits ? "" : "the body is too large"};
    answer(lane, &result, true);
}

/* Whatever is answered without asking the target: outside of the asker's own call. */
static void on_idle(uv_idle_t *idle)
{
    struct ld_door_lane *lane = idle->data;
    struct ld_door_read *read = lane->first;
    uv_idle_stop(idle);
    if (!read || read->fetch)
        return;
    if (lane->door->address[0] && read->struck && !cuts(read))
        answer_struck(lane, read);
    else
        answer_failure(lane, LD_FETCH_REFUSED, "the instance is not up", false);
}

static void on_held(uv_timer_t *timer);

/* The loop's clock has whole milliseconds and may be one behind: no read begins before its time. */
static void arm_hold(struct ld_door_lane *lane, int64_t wait_ns)
{
    uv_update_time(lane->answer.loop);
    uv_timer_start(&lane->hold, on_held, (uint64_t)((wait_ns + LD_MS - 1) / LD_MS), 0);
}

static void on_held(uv_timer_t *timer)
{
    struct ld_door_lane *lane = timer->data;
    struct ld_door_read *read = lane->first;
    bool gives_up = read->delay_ns >= read->timeout_ns;
    int64_t due_ns = read->asked_ns + (gives_up ? read->timeout_ns : read->delay_ns), now_ns = (int64_t)uv_hrtime();
    if (now_ns < due_ns) {
        arm_hold(lane, due_ns - now_ns);
        return;
    }
    read->held = true;
    if (gives_up)
        answer_failure(lane, LD_FETCH_TIMEOUT, "nothing came in time", false);
    else
        advance(lane);
}

/* Start the first read of the lane, if it is not under way. */
static void advance(struct ld_door_lane *lane)
{
    struct ld_door *door = lane->door;
    struct ld_door_read *read = lane->first;
    if (!read || read->fetch)
        return;
    if (door->address[0] && !read->decided)
        decide(door, read);
    if (read->delay_ns && !read->held) {
        if (!uv_is_active((uv_handle_t *)&lane->hold))
            arm_hold(lane, read->delay_ns < read->timeout_ns ? read->delay_ns : read->timeout_ns);
        return;
    }
    if (door->address[0] && (!read->struck || cuts(read))) {
        char url[384];
        snprintf(url, sizeof url, "http://%s%s", door->address, read->path);
        struct ld_fetch_request request = {
            .url = url, .timeout_ns = read->timeout_ns - read->delay_ns, .body_max = read->body_max, .keep_body = true};
        if (ld_fetch_start(&read->fetch, door->fetcher, &request, on_fetched, read) == 0)
            return;
        read->fetch = NULL;
    }
    uv_idle_start(&lane->answer, on_idle);
}

int ld_door_init(struct ld_door *door, struct ld_fetcher *fetcher, uv_loop_t *loop)
{
    memset(door, 0, sizeof *door);
    door->magic = DOOR_MAGIC;
    door->fetcher = fetcher;
    for (int way = 0; way < LD_DOOR_WAYS; way++) {
        struct ld_door_lane *lane = &door->lanes[way];
        lane->door = door;
        lane->last = &lane->first;
        if (uv_idle_init(loop, &lane->answer) || uv_timer_init(loop, &lane->hold))
            return LD_ESYSTEM; /* neither fails in libuv */
        lane->answer.data = lane->hold.data = lane;
        door->open_handles += 2;
    }
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    const struct ld_door_lane *lane = handle->data;
    struct ld_door *door = lane->door;
    if (--door->open_handles)
        return;
    door->magic = 0;
    door->closed(door->closed_context);
}

void ld_door_close(struct ld_door *door, void (*closed)(void *context), void *context)
{
    assert(door->magic == DOOR_MAGIC);
    door->closed = closed;
    door->closed_context = context;
    for (int way = 0; way < LD_DOOR_WAYS; way++) {
        struct ld_door_lane *lane = &door->lanes[way];
        while (lane->first) {
            struct ld_door_read *read = take_first(lane);
            ld_fetch_cancel(read->fetch);
            free(read);
        }
        uv_close((uv_handle_t *)&lane->answer, on_closed);
        uv_close((uv_handle_t *)&lane->hold, on_closed);
    }
}

void ld_door_point(struct ld_door *door, const char *address)
{
    assert(door->magic == DOOR_MAGIC);
    snprintf(door->address, sizeof door->address, "%s", address ? address : "");
}

int ld_door_read(struct ld_door *door, const struct ld_door_request *request, ld_fetch_done *done, void *context)
{
    assert(door->magic == DOOR_MAGIC);
    struct ld_door_read *read = NULL;
    if (door->queued == LD_DOOR_QUEUE_MAX || strlen(request->path) >= sizeof read->path)
        return LD_ELIMIT;
    read = calloc(1, sizeof *read);
    if (!read)
        return LD_ENOMEM;
    struct ld_door_lane *lane = &door->lanes[request->way];
    *read = (struct ld_door_read){.door = door,
                                  .lane = lane,
                                  .endpoint = request->endpoint,
                                  .reader = reader_of(door, request->reader),
                                  .timeout_ns = request->timeout_ns,
                                  .body_max = request->body_max,
                                  .done = done,
                                  .context = context};
    snprintf(read->path, sizeof read->path, "%s", request->path);
    *lane->last = read;
    lane->last = &read->next;
    door->queued++;
    advance(lane);
    return 0;
}

static void forget(struct ld_door_lane *lane, const void *context)
{
    struct ld_door_read **link = &lane->first;
    while (*link) {
        struct ld_door_read *read = *link;
        if (read->context != context) {
            link = &read->next;
            continue;
        }
        if (read == lane->first) { /* what is due is due for it alone */
            uv_timer_stop(&lane->hold);
            uv_idle_stop(&lane->answer);
        }
        *link = read->next;
        lane->door->queued--;
        ld_fetch_cancel(read->fetch);
        free(read);
    }
    lane->last = link;
    advance(lane);
}

void ld_door_forget(struct ld_door *door, const void *context)
{
    assert(door->magic == DOOR_MAGIC);
    for (int way = 0; way < LD_DOOR_WAYS; way++)
        forget(&door->lanes[way], context);
}

void ld_door_fault_add(struct ld_door *door, struct ld_door_fault *fault)
{
    struct ld_door_fault **link = &door->faults;
    assert(door->magic == DOOR_MAGIC && !fault->on);
    while (*link)
        link = &(*link)->next;
    *link = fault;
    fault->next = NULL;
    fault->on = true;
}

void ld_door_fault_remove(struct ld_door *door, struct ld_door_fault *fault)
{
    struct ld_door_fault **link = &door->faults;
    while (*link && *link != fault)
        link = &(*link)->next;
    if (!*link)
        return;
    *link = fault->next;
    fault->next = NULL;
    fault->on = false;
}

void ld_door_totals(const struct ld_door *door, uint64_t *ret_bytes, int64_t *ret_time_ns)
{
    *ret_bytes = 0;
    *ret_time_ns = 0;
    for (size_t i = 0; i < door->reader_count; i++) {
        *ret_bytes += door->readers[i].bytes;
        *ret_time_ns += door->readers[i].time_ns;
    }
}
