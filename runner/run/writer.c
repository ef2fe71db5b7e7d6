#include "runner/run/writer.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "runner/run/entry.h"
#include "runner/process/monotonic.h"

#define WRITER_MAGIC 0x57524954u
#define ITEMS_MAX 8192
#define BYTES_MAX ((size_t)64 << 20)
#define GROUP_NS (100 * LD_MS)
#define GROUP_BYTES ((size_t)1 << 20)

struct ld_writer {
    unsigned magic;
    struct ld_store *store;
    struct ld_writer_setting setting;
    pthread_t thread;
    pthread_mutex_t mutex;  /* everything below */
    pthread_cond_t filled;  /* something to write, or to stop for */
    pthread_cond_t emptied; /* room for who waits */
    struct ld_entry *first, **last;
    size_t items, bytes;
    bool stopping;
    uint64_t ticket; /* the last one given */
    uint64_t settled, kept; /* kept: and durable indeed */
    struct ld_error failed;
    struct ld_writer_statistics statistics;
};

static void fail_locked(struct ld_writer *writer, const struct ld_error *error)
{
    if (writer->failed.code == 0)
        writer->failed = *error;
}

/* ---- the thread */

/* What the thread alone knows: the uncommitted group, and who waits for its end. */
struct group {
    struct ld_entry *settling, **last; /* messages with a ticket, written but not yet durable */
    size_t bytes;
    int64_t since_ns; /* 0: nothing is uncommitted */
};

/* Commit; then, if anybody asked for it, settle tickets and call who waits. */
static void end_group(struct ld_writer *writer, struct group *group, bool failed)
{
    struct ld_error error = {0};
    bool durable = group->settling != NULL;
    int code = failed ? 0 : ld_store_commit(writer->store, durable, &error);
    pthread_mutex_lock(&writer->mutex);
    if (code)
        fail_locked(writer, &error);
    writer->statistics.commits++;
    writer->statistics.durable_commits += durable;
    for (const struct ld_entry *entry = group->settling; entry; entry = entry->next)
        writer->settled = entry->ticket;
    if (!failed && !code)
        writer->kept = writer->settled;
    pthread_mutex_unlock(&writer->mutex);
    for (struct ld_entry *entry = group->settling; entry;) {
        struct ld_entry *next = entry->next;
        if (entry->wake.call)
            entry->wake.call(entry->wake.context);
        free(entry);
        entry = next;
    }
    *group = (struct group){.last = &group->settling};
}

/* Take the whole queue at once; waits until there is something or the group is due. NULL: due, or stopping. */
static struct ld_entry *take_queue(struct ld_writer *writer, const struct group *group, bool *ret_stop,
                                   bool *ret_failed)
{
    pthread_mutex_lock(&writer->mutex);
    while (!writer->first && !writer->stopping) {
        if (!group->since_ns) {
            pthread_cond_wait(&writer->filled, &writer->mutex);
            continue;
        }
        int64_t due_ns = group->since_ns + writer->setting.group_ns;
        struct timespec due = {.tv_sec = due_ns / LD_SECOND, .tv_nsec = due_ns % LD_SECOND};
        if (pthread_cond_timedwait(&writer->filled, &writer->mutex, &due) != 0)
            break;
    }
    struct ld_entry *first = writer->first;
    writer->first = NULL;
    writer->last = &writer->first;
    writer->items = writer->bytes = 0;
    *ret_stop = !first && writer->stopping;
    *ret_failed = writer->failed.code != 0;
    pthread_cond_broadcast(&writer->emptied);
    pthread_mutex_unlock(&writer->mutex);
    return first;
}

/* Write one message; after a failure the rest of the queue is only passed through, so that nobody waits for ever. */
static void write_entry(struct ld_writer *writer, struct group *group, struct ld_entry *entry, bool *failed)
{
    struct ld_error error = {0};
    if (!*failed && ld_entry_write(entry, writer->store, &error) != 0) {
        *failed = true;
        pthread_mutex_lock(&writer->mutex);
        fail_locked(writer, &error);
        pthread_mutex_unlock(&writer->mutex);
    }
    if (!group->since_ns)
        group->since_ns = ld_monotonic_ns();
    group->bytes += entry->size;
    if (entry->ticket) {
        entry->next = NULL;
        *group->last = entry;
        group->last = &entry->next;
    } else {
        free(entry);
    }
}

static bool group_is_due(const struct ld_writer *writer, const struct group *group)
{
    return group->since_ns && (group->settling || group->bytes >= writer->setting.group_bytes ||
                               ld_monotonic_ns() - group->since_ns >= writer->setting.group_ns);
}

static void *run(void *context)
{
    struct ld_writer *writer = context;
    assert(writer->magic == WRITER_MAGIC);
    struct group group = {.last = &group.settling};
    bool stop = false, failed = false;
    while (!stop) {
        struct ld_entry *entry = take_queue(writer, &group, &stop, &failed);
        while (entry) {
            struct ld_entry *next = entry->next;
            bool ticket = entry->ticket != 0;
            write_entry(writer, &group, entry, &failed);
            entry = next;
            /* Requests for durability that stand behind each other share one commit. */
            if ((!ticket || !next) && group_is_due(writer, &group))
                end_group(writer, &group, failed);
        }
        if (group_is_due(writer, &group))
            end_group(writer, &group, failed);
    }
    if (group.since_ns)
        end_group(writer, &group, failed);
    return NULL;
}

/* ---- the callers' side */

/* Waits while the queue is full. A message larger than the whole queue goes when the queue is empty. */
static void wait_for_room(struct ld_writer *writer, size_t size)
{
    int64_t from_ns = 0;
    while (writer->failed.code == 0 && writer->items &&
           (writer->items >= writer->setting.items_max || size > writer->setting.bytes_max ||
            writer->bytes > writer->setting.bytes_max - size)) {
        if (!from_ns)
            from_ns = ld_monotonic_ns();
        pthread_cond_wait(&writer->emptied, &writer->mutex);
    }
    if (from_ns) {
        writer->statistics.waits++;
        writer->statistics.waited_ns += ld_monotonic_ns() - from_ns;
    }
}

static void append(struct ld_writer *writer, struct ld_entry *entry)
{
    struct ld_writer_statistics *statistics = &writer->statistics;
    *writer->last = entry;
    writer->last = &entry->next;
    writer->items++;
    writer->bytes += entry->size;
    statistics->messages++;
    statistics->bytes += entry->size;
    if (writer->items > statistics->most_items)
        statistics->most_items = writer->items;
    if (writer->bytes > statistics->most_bytes)
        statistics->most_bytes = writer->bytes;
    pthread_cond_signal(&writer->filled);
}

/* Copy `message`, give it a ticket when asked for, and queue it. */
static int post(struct ld_writer *writer, const struct ld_entry *entry, bool settles, uint64_t *ret_ticket)
{
    assert(writer->magic == WRITER_MAGIC);
    struct ld_entry *copy = ld_entry_copy(entry);
    pthread_mutex_lock(&writer->mutex);
    if (!copy) {
        struct ld_error error;
        ld_fail(&error, LD_ENOMEM, "no memory for what is to be stored");
        fail_locked(writer, &error);
    } else {
        wait_for_room(writer, copy->size);
    }
    int code = writer->failed.code;
    if (code == 0) {
        if (settles)
            copy->ticket = ++writer->ticket;
        if (settles && ret_ticket)
            *ret_ticket = copy->ticket;
        append(writer, copy);
        copy = NULL;
    }
    pthread_mutex_unlock(&writer->mutex);
    free(copy);
    return code;
}

static void release(struct ld_writer *writer)
{
    pthread_cond_destroy(&writer->filled);
    pthread_cond_destroy(&writer->emptied);
    pthread_mutex_destroy(&writer->mutex);
    free(writer);
}

int ld_writer_start(struct ld_writer **ret_writer, struct ld_store *store, const struct ld_writer_setting *setting,
                    struct ld_error *error)
{
    struct ld_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return ld_fail(error, LD_ENOMEM, "no memory for the writer");
    writer->magic = WRITER_MAGIC;
    writer->store = store;
    writer->last = &writer->first;
    if (setting)
        writer->setting = *setting;
    writer->setting.items_max = writer->setting.items_max ? writer->setting.items_max : ITEMS_MAX;
    writer->setting.bytes_max = writer->setting.bytes_max ? writer->setting.bytes_max : BYTES_MAX;
    writer->setting.group_ns = writer->setting.group_ns ? writer->setting.group_ns : GROUP_NS;
    writer->setting.group_bytes = writer->setting.group_bytes ? writer->setting.group_bytes : GROUP_BYTES;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->filled, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&writer->emptied, NULL);
    pthread_mutex_init(&writer->mutex, NULL);
    int failure = pthread_create(&writer->thread, NULL, run, writer);
    if (failure) {
        release(writer);
        return ld_fail_errno(error, LD_ESYSTEM, failure, "cannot start the writer's thread");
    }
    *ret_writer = writer;
    return 0;
}

int ld_writer_stop(struct ld_writer *writer, struct ld_error *error)
{
    if (!writer)
        return 0;
    ld_writer_flush(writer, (struct ld_writer_wake){0}, NULL); /* its error is the sticky one, returned below */
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = true;
    pthread_cond_signal(&writer->filled);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    int code = ld_writer_status(writer, error);
    writer->magic = 0;
    release(writer);
    return code;
}

int ld_writer_status(struct ld_writer *writer, struct ld_error *error)
{
    pthread_mutex_lock(&writer->mutex);
    int code = writer->failed.code;
    if (code && error)
        *error = writer->failed;
    pthread_mutex_unlock(&writer->mutex);
    return code;
}

void ld_writer_statistics(struct ld_writer *writer, struct ld_writer_statistics *ret_statistics)
{
    pthread_mutex_lock(&writer->mutex);
    *ret_statistics = writer->statistics;
    pthread_mutex_unlock(&writer->mutex);
}

uint64_t ld_writer_durable(struct ld_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    uint64_t settled = writer->settled;
    pthread_mutex_unlock(&writer->mutex);
    return settled;
}

bool ld_writer_kept(struct ld_writer *writer, uint64_t ticket)
{
    pthread_mutex_lock(&writer->mutex);
    bool kept = ticket > 0 && ticket <= writer->kept;
    pthread_mutex_unlock(&writer->mutex);
    return kept;
}

int ld_writer_flush(struct ld_writer *writer, struct ld_writer_wake wake, uint64_t *ret_ticket)
{
    struct ld_entry entry = {.kind = LD_ENTRY_FLUSH, .wake = wake};
    return post(writer, &entry, true, ret_ticket);
}

int ld_writer_run_begin(struct ld_writer *writer, uint32_t run, int64_t started_wall_ns)
{
    struct ld_entry entry = {.kind = LD_ENTRY_RUN_BEGIN, .run = run, .time_ns = started_wall_ns};
    return post(writer, &entry, false, NULL);
}

int ld_writer_phase(struct ld_writer *writer, uint32_t run, const char *phase, int64_t time_ns)
{
    struct ld_entry entry = {.kind = LD_ENTRY_PHASE, .run = run, .name = phase, .time_ns = time_ns};
    return post(writer, &entry, false, NULL);
}

int ld_writer_incarnation(struct ld_writer *writer, uint32_t run, uint32_t instance, uint32_t incarnation, int64_t pid,
                          int64_t from_ns)
{
    struct ld_entry entry = {.kind = LD_ENTRY_INCARNATION,
                             .run = run,
                             .instance = instance,
                             .incarnation = incarnation,
                             .number = pid,
                             .time_ns = from_ns};
    return post(writer, &entry, false, NULL);
}

int ld_writer_incarnation_end(struct ld_writer *writer, uint32_t run, uint32_t instance, uint32_t incarnation,
                              int64_t to_ns, int64_t exit_status, bool expected)
{
    struct ld_entry entry = {.kind = LD_ENTRY_INCARNATION_END,
                             .run = run,
                             .instance = instance,
                             .incarnation = incarnation,
                             .time_ns = to_ns,
                             .number = exit_status,
                             .flag = expected};
    return post(writer, &entry, false, NULL);
}

int ld_writer_observation(struct ld_writer *writer, uint32_t run, const struct ld_observation *observation)
{
    struct ld_entry entry = {.kind = LD_ENTRY_OBSERVATION, .run = run, .of.observation = *observation};
    return post(writer, &entry, false, NULL);
}

int ld_writer_truth_event(struct ld_writer *writer, uint32_t run, const struct ld_truth_event *event)
{
    struct ld_entry entry = {.kind = LD_ENTRY_TRUTH_EVENT, .run = run, .of.truth_event = *event};
    return post(writer, &entry, false, NULL);
}

int ld_writer_truth(struct ld_writer *writer, uint32_t run, const struct ld_truth *truth)
{
    struct ld_entry entry = {.kind = LD_ENTRY_TRUTH, .run = run, .of.truth = *truth};
    return post(writer, &entry, false, NULL);
}

int ld_writer_fault_intent(struct ld_writer *writer, uint32_t run, const struct ld_fault_spec *fault, int64_t time_ns,
                           int64_t until_ns, struct ld_writer_wake wake, uint64_t *ret_ticket)
{
    struct ld_entry entry = {.kind = LD_ENTRY_FAULT_INTENT,
                             .run = run,
                             .of.fault = *fault,
                             .time_ns = time_ns,
                             .until_ns = until_ns,
                             .wake = wake};
    return post(writer, &entry, true, ret_ticket);
}

int ld_writer_fault_receipt(struct ld_writer *writer, uint32_t run, const char *fault_id, int64_t began_ns,
                            int64_t ended_ns, const struct ld_receipt *receipt)
{
    struct ld_entry entry = {.kind = LD_ENTRY_FAULT_RECEIPT,
                             .run = run,
                             .name = fault_id,
                             .time_ns = began_ns,
                             .until_ns = ended_ns,
                             .of.receipt = *receipt};
    return post(writer, &entry, false, NULL);
}

int ld_writer_fault_decision(struct ld_writer *writer, uint32_t run, const char *fault_id, uint64_t connection,
                             bool touched)
{
    struct ld_entry entry = {
        .kind = LD_ENTRY_FAULT_DECISION, .run = run, .name = fault_id, .number = (int64_t)connection, .flag = touched};
    return post(writer, &entry, false, NULL);
}

int ld_writer_detector(struct ld_writer *writer, uint32_t run, const char *detector, const char *kind, bool calibration,
                       const char *options_json)
{
    struct ld_entry entry = {.kind = LD_ENTRY_DETECTOR,
                             .run = run,
                             .name = detector,
                             .word = kind,
                             .flag = calibration,
                             .text = options_json};
    return post(writer, &entry, false, NULL);
}

int ld_writer_detector_failed(struct ld_writer *writer, uint32_t run, const char *detector, const char *reason)
{
    struct ld_entry entry = {.kind = LD_ENTRY_DETECTOR_FAILED, .run = run, .name = detector, .text = reason};
    return post(writer, &entry, false, NULL);
}

int ld_writer_detector_out_of_range(struct ld_writer *writer, uint32_t run, const char *detector, const char *reason)
{
    struct ld_entry entry = {.kind = LD_ENTRY_OUT_OF_RANGE, .run = run, .name = detector, .text = reason};
    return post(writer, &entry, false, NULL);
}

int ld_writer_alert(struct ld_writer *writer, uint32_t run, const char *detector, const struct ld_alert *alert)
{
    struct ld_entry entry = {.kind = LD_ENTRY_ALERT, .run = run, .name = detector, .of.alert = *alert};
    return post(writer, &entry, false, NULL);
}

int ld_writer_reader(struct ld_writer *writer, uint32_t run, uint32_t instance, const char *reader, uint64_t reads,
                     uint64_t bytes, int64_t time_ns, uint64_t failures)
{
    struct ld_entry entry = {.kind = LD_ENTRY_READER,
                             .run = run,
                             .instance = instance,
                             .name = reader,
                             .time_ns = time_ns,
                             .of.reading = {reads, bytes, failures}};
    return post(writer, &entry, false, NULL);
}

int ld_writer_condition(struct ld_writer *writer, uint32_t run, const struct ld_condition_record *condition)
{
    struct ld_entry entry = {.kind = LD_ENTRY_CONDITION, .run = run, .of.condition = *condition};
    return post(writer, &entry, false, NULL);
}

int ld_writer_note(struct ld_writer *writer, uint32_t run, int64_t time_ns, const char *kind, const char *text)
{
    struct ld_entry entry = {.kind = LD_ENTRY_NOTE, .run = run, .time_ns = time_ns, .name = kind, .text = text};
    return post(writer, &entry, false, NULL);
}

int ld_writer_run_end(struct ld_writer *writer, uint32_t run, const struct ld_run_end *end, struct ld_writer_wake wake,
                      uint64_t *ret_ticket)
{
    struct ld_entry entry = {.kind = LD_ENTRY_RUN_END, .run = run, .of.run_end = *end, .wake = wake};
    return post(writer, &entry, true, ret_ticket);
}
