#include "runner/sample/door.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOOR_MAGIC 0x6c64646fu

struct ld_door_read {
    struct ld_door_read *next;
    struct ld_door *door;
    struct ld_fetch *fetch; /* NULL while it waits in the queue */
    struct ld_reader *reader;
    char path[256];
    int64_t timeout_ns;
    size_t body_max;
    ld_fetch_done *done;
    void *context;
};

static void advance(struct ld_door *door);

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

static struct ld_door_read *take_first(struct ld_door *door)
{
    struct ld_door_read *read = door->first;
    door->first = read->next;
    if (!door->first)
        door->last = &door->first;
    door->queued--;
    return read;
}

static void answer(struct ld_door *door, const struct ld_fetch_result *result)
{
    struct ld_door_read *read = take_first(door);
    read->reader->reads++;
    read->reader->bytes += result->length;
    read->reader->time_ns += result->ended_ns - result->began_ns;
    if (result->failure != LD_FETCH_OK || result->status != 200)
        read->reader->failures++;
    /* The next one starts before the asker hears, so that what he asks for now queues behind it. */
    advance(door);
    read->done(read->context, result);
    free(read);
}

static void on_fetched(void *context, const struct ld_fetch_result *result)
{
    struct ld_door *door = ((struct ld_door_read *)context)->door;
    assert(door->magic == DOOR_MAGIC);
    answer(door, result);
}

static void refuse(struct ld_door *door, const char *message)
{
    int64_t now = (int64_t)uv_hrtime();
    struct ld_fetch_result result = {.failure = LD_FETCH_REFUSED,
                                     .content_type = "",
                                     .body = "",
                                     .began_ns = now,
                                     .ended_ns = now,
                                     .message = message};
    answer(door, &result);
}

static void on_idle(uv_idle_t *idle)
{
    struct ld_door *door = idle->data;
    uv_idle_stop(idle);
    if (door->first && !door->first->fetch)
        refuse(door, "the instance is not up");
}

/* Start the first read of the queue, if it is not under way. */
static void advance(struct ld_door *door)
{
    struct ld_door_read *read = door->first;
    if (!read || read->fetch)
        return;
    if (door->address[0]) {
        char url[384];
        snprintf(url, sizeof url, "http://%s%s", door->address, read->path);
        struct ld_fetch_request request = {
            .url = url, .timeout_ns = read->timeout_ns, .body_max = read->body_max, .keep_body = true};
        if (ld_fetch_start(&read->fetch, door->fetcher, &request, on_fetched, read) == 0)
            return;
        read->fetch = NULL;
    }
    uv_idle_start(&door->answer, on_idle);
}

int ld_door_init(struct ld_door *door, struct ld_fetcher *fetcher, uv_loop_t *loop)
{
    memset(door, 0, sizeof *door);
    door->magic = DOOR_MAGIC;
    door->fetcher = fetcher;
    door->last = &door->first;
    door->answer.data = door;
    return uv_idle_init(loop, &door->answer) ? LD_ESYSTEM : 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct ld_door *door = handle->data;
    door->magic = 0;
    door->closed(door->closed_context);
}

void ld_door_close(struct ld_door *door, void (*closed)(void *context), void *context)
{
    assert(door->magic == DOOR_MAGIC);
    while (door->first) {
        struct ld_door_read *read = take_first(door);
        ld_fetch_cancel(read->fetch);
        free(read);
    }
    door->closed = closed;
    door->closed_context = context;
    uv_close((uv_handle_t *)&door->answer, on_closed);
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
    *read = (struct ld_door_read){.door = door,
                                  .reader = reader_of(door, request->reader),
                                  .timeout_ns = request->timeout_ns,
                                  .body_max = request->body_max,
                                  .done = done,
                                  .context = context};
    snprintf(read->path, sizeof read->path, "%s", request->path);
    *door->last = read;
    door->last = &read->next;
    door->queued++;
    advance(door);
    return 0;
}

void ld_door_forget(struct ld_door *door, const void *context)
{
    assert(door->magic == DOOR_MAGIC);
    struct ld_door_read **link = &door->first;
    while (*link) {
        struct ld_door_read *read = *link;
        if (read->context != context) {
            link = &read->next;
            continue;
        }
        *link = read->next;
        door->queued--;
        ld_fetch_cancel(read->fetch);
        free(read);
    }
    door->last = link;
    advance(door);
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
