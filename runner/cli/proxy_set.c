#include "runner/cli/proxy_set.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"
#include "runner/proxy/proxy.h"

#define TALK "leakdrill proxy: "
#define VALUES_MAX ((size_t)4096) /* of one toxic's attributes as text */

struct open_proxy {
    struct open_proxy *next;
    struct ld_proxy_set *set;
    struct ld_proxy_listener *listener;
    char name[104];
    const struct ld_proxy_entry *entry; /* of the file that holds; NULL: drains, its file is gone */
    const struct ld_proxy_entry *to;    /* of the file that is applied; NULL: it has none */
    bool fresh;                         /* opened by the apply that is under way */
    bool asked;                         /* for its status */
    bool closing;
    json_t *status;                     /* owned; the last answer */
};

struct question {
    struct question *next;
    bool begun; /* asked of the proxies; else it waits for those before it */
    void (*told)(void *context, json_t *proxies);
    void *context;
};

struct ld_proxy_set {
    uv_loop_t *loop;
    struct ld_proxy *proxy;
    struct ld_proxies *file; /* owned; NULL before the first */
    struct open_proxy *open;
    struct question *questions;
    bool draining, closing;
    void (*drained)(void *context);
    void (*gone)(void *context);
    void *context;
};

/* ---- what is told */

static void ask_next(struct ld_proxy_set *set);
static void answer_if_whole(struct ld_proxy_set *set);

static const struct ld_fault_spec *find_toxic(const struct ld_proxy_entry *entry, const char *id)
{
    const struct ld_fault_spec *toxics = entry ? entry->toxics.items : NULL;
    for (size_t i = 0; entry && i < entry->toxics.count; i++)
        if (strcmp(toxics[i].id, id) == 0)
            return &toxics[i];
    return NULL;
}

static void on_fault_began(void *context, const char *fault_id, int code, int64_t time_ns)
{
    (void)context, (void)time_ns;
    if (code)
        fprintf(stderr, TALK "%s does not act: %s\n", fault_id, ld_code_text(code));
}

static void on_fault_ended(void *context, const char *fault_id, int64_t began_ns, int64_t ended_ns,
                           const struct ld_receipt *receipt)
{
    char lasted[40];
    (void)context;
    if (!receipt)
        return;
    printf("%s: %s", fault_id, receipt->text);
    if (!strstr(receipt->text, "touched")) /* some tell it themselves */
        printf("; %llu connections touched, %llu spared", (unsigned long long)receipt->touched,
               (unsigned long long)receipt->spared);
    printf("; acted %s%s\n", ld_format_duration_short(ended_ns - began_ns, lasted, sizeof lasted),
           receipt->effective ? "" : "; not effective");
    fflush(stdout);
}

static void on_upstream_changed(void *context, uint16_t port, int code, int64_t time_ns)
{
    const struct open_proxy *open = context;
    (void)port, (void)time_ns;
    if (code)
        fprintf(stderr, TALK "%s does not accept: %s\n", open->name, ld_code_text(code));
}

static void on_refused(void *context, uint64_t count, int64_t time_ns)
{
    const struct open_proxy *open = context;
    (void)time_ns;
    fprintf(stderr, TALK "%s refused connections: %llu\n", open->name, (unsigned long long)count);
}

static void on_stalled(void *context, uint64_t connection, enum ld_stream stream, int64_t began_ns, int64_t time_ns)
{
    const struct open_proxy *open = context;
    char since[40];
    fprintf(stderr, TALK "%s: the %s of connection %llu has not read for %s though bytes wait\n", open->name,
            stream == LD_STREAM_DOWN ? "client" : "upstream", (unsigned long long)connection,
            ld_format_duration_short(time_ns - began_ns, since, sizeof since));
}

/* ---- status */

/* What the toxic is set to; NULL when its file is gone, or without memory. */
static json_t *attributes_of(const struct ld_fault_spec *toxic)
{
    struct ld_buffer text;
    json_t *values = NULL;
    if (!toxic)
        return NULL;
    ld_buffer_init(&text, VALUES_MAX);
    if (ld_schema_values(ld_fault_table[toxic->type].attributes, &toxic->attributes, &text) == 0)
        values = json_loads(ld_buffer_text(&text), 0, NULL);
    ld_buffer_done(&text);
    return values;
}

static json_t *toxic_json(const struct open_proxy *open, const struct ld_proxy_fault_status *status)
{
    const struct ld_receipt *receipt = &status->receipt;
    const struct ld_fault_spec *toxic = find_toxic(open->entry, status->id);
    return json_pack("{s:s, s:s, s:o*, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s}}",
                     "name", strchr(status->id, '/') ? strrchr(status->id, '/') + 1 : status->id,
                     "type", toxic ? ld_fault_table[toxic->type].name : "",
                     "attributes", attributes_of(toxic),
                     "acts_ns", (json_int_t)((int64_t)uv_hrtime() - status->began_ns),
                     "receipt", "touched", (json_int_t)receipt->touched, "spared", (json_int_t)receipt->spared,
                     "count", (json_int_t)receipt->count, "asked_ns", (json_int_t)receipt->asked_ns,
                     "p50_ns", (json_int_t)receipt->p50_ns, "p99_ns", (json_int_t)receipt->p99_ns,
                     "worst_early_ns", (json_int_t)receipt->worst_early_ns, "effective", receipt->effective ? 1 : 0,
                     "text", receipt->text);
}

static json_t *address_json(uint16_t port)
{
    return json_sprintf("127.0.0.1:%u", port);
}

static json_t *proxy_json(const struct open_proxy *open, const struct ld_proxy_status *status)
{
    const struct ld_proxy_counts *counts = &status->counts;
    json_t *toxics = json_array();
    for (size_t i = 0; i < status->fault_count; i++)
        json_array_append_new(toxics, toxic_json(open, &status->faults[i]));
    return json_pack(
        "{s:s, s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
        "name", open->name, "listen", address_json(ld_proxy_port(open->listener)),
        "upstream", open->entry ? address_json(open->entry->upstream.port) : json_null(),
        "draining", open->entry == NULL || open->set->draining,
        "connections", (json_int_t)status->connections, "held_bytes", (json_int_t)status->held,
        "accepted", (json_int_t)counts->accepted, "refused", (json_int_t)counts->refused,
        "upstream_refused", (json_int_t)counts->upstream_refused, "resets", (json_int_t)counts->resets,
        "stalls", (json_int_t)counts->stalls, "bytes_up", (json_int_t)counts->bytes_up,
        "bytes_down", (json_int_t)counts->bytes_down, "bytes_spliced", (json_int_t)counts->bytes_spliced,
        "toxics", toxics);
}

static void on_status(void *context, const struct ld_proxy_status *status)
{
    struct open_proxy *open = context;
    open->asked = false;
    json_decref(open->status);
    open->status = status && !open->closing ? proxy_json(open, status) : NULL;
    answer_if_whole(open->set);
}

static struct question *take_question(struct ld_proxy_set *set)
{
    struct question *question = set->questions;
    set->questions = question->next;
    return question;
}

/* The first question has its answer when every proxy has given its part. */
static void answer_if_whole(struct ld_proxy_set *set)
{
    if (!set->questions || !set->questions->begun || set->closing)
        return;
    for (const struct open_proxy *open = set->open; open; open = open->next)
        if (open->asked)
            return;
    json_t *proxies = json_array();
    for (struct open_proxy *open = set->open; open; open = open->next) {
        if (open->status)
            json_array_append_new(proxies, open->status);
        open->status = NULL;
    }
    struct question *question = take_question(set);
    if (question->told)
        question->told(question->context, proxies);
    else
        json_decref(proxies);
    free(question);
    ask_next(set);
}

static void ask_next(struct ld_proxy_set *set)
{
    if (!set->questions || set->questions->begun)
        return;
    set->questions->begun = true;
    for (struct open_proxy *open = set->open; open; open = open->next)
        open->asked = !open->closing && ld_proxy_status(open->listener) == 0;
}

int ld_proxy_set_status(struct ld_proxy_set *set, void (*told)(void *context, json_t *proxies), void *context)
{
    struct question **last = &set->questions;
    struct question *question = calloc(1, sizeof *question);
    if (!question)
        return LD_ENOMEM;
    *question = (struct question){.told = told, .context = context};
    while (*last)
        last = &(*last)->next;
    *last = question;
    ask_next(set);
    return 0;
}

void ld_proxy_set_forget(struct ld_proxy_set *set, const void *context)
{
    for (struct question *question = set->questions; question; question = question->next)
        if (question->context == context)
            question->told = NULL;
}

/* ---- the end of a proxy */

static void check_drained(struct ld_proxy_set *set)
{
    for (const struct open_proxy *open = set->open; open; open = open->next)
        if (!open->closing)
            return;
    if (set->draining && !set->closing && set->drained) {
        void (*drained)(void *context) = set->drained;
        set->drained = NULL;
        drained(set->context);
    }
}

static void close_proxy(struct open_proxy *open)
{
    if (open->closing)
        return;
    open->closing = true;
    ld_proxy_close(open->listener);
}

static void on_drained(void *context)
{
    struct open_proxy *open = context;
    close_proxy(open);
    check_drained(open->set);
}

static void on_closed(void *context, const struct ld_proxy_counts *counts)
{
    struct open_proxy *open = context;
    struct ld_proxy_set *set = open->set;
    struct open_proxy **place = &set->open;
    fprintf(stderr, TALK "%s closed: accepted %llu, refused %llu, bytes up %llu, down %llu\n", open->name,
            (unsigned long long)counts->accepted, (unsigned long long)counts->refused,
            (unsigned long long)counts->bytes_up, (unsigned long long)counts->bytes_down);
    while (*place != open)
        place = &(*place)->next;
    *place = open->next;
    json_decref(open->status);
    free(open);
    answer_if_whole(set);
}

/* ---- applying a file */

static const struct ld_proxy_events events = {.fault_began = on_fault_began,
                                              .fault_ended = on_fault_ended,
                                              .upstream_changed = on_upstream_changed,
                                              .refused = on_refused,
                                              .stalled = on_stalled,
                                              .status = on_status,
                                              .drained = on_drained,
                                              .closed = on_closed};

static int open_one(struct ld_proxy_set *set, const struct ld_proxies *file, const struct ld_proxy_entry *entry,
                    struct ld_error *error)
{
    struct open_proxy *open = calloc(1, sizeof *open);
    if (!open)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    *open = (struct open_proxy){.set = set, .entry = entry, .to = entry, .fresh = true};
    snprintf(open->name, sizeof open->name, "%s", entry->name);
    struct ld_proxy_spec spec = {.seed = (uint64_t)file->seed,
                                 .port = entry->listen.port,
                                 .upstream_port = entry->upstream.port,
                                 .connections_max = (uint32_t)entry->connections,
                                 .events = events,
                                 .context = open};
    int code = ld_proxy_open(set->proxy, &spec, &open->listener, error);
    if (code) {
        free(open);
        return code;
    }
    struct open_proxy **last = &set->open;
    while (*last)
        last = &(*last)->next;
    *last = open;
    return 0;
}

/* The proxy that goes on as this entry: the one that listens there, whatever its name was, for its port cannot be given
 * up and taken again without a moment in which clients are refused. With any port (0) it is the name that counts. */
static struct open_proxy *find_open(struct ld_proxy_set *set, const struct ld_proxy_entry *entry)
{
    struct open_proxy *open = set->open;
    for (; open; open = open->next) {
        if (!open->entry || open->to)
            continue;
        if (entry->listen.port ? open->entry->listen.port == entry->listen.port
                               : open->entry->listen.port == 0 && strcmp(open->name, entry->name) == 0)
            break;
    }
    return open;
}

static void start_toxic(struct open_proxy *open, const struct ld_fault_spec *toxic)
{
    struct ld_error error;
    if (ld_proxy_fault_start(open->listener, toxic, &error) != 0)
        fprintf(stderr, TALK "%s does not act: %s\n", toxic->id, error.message);
}

static void stop_toxic(struct open_proxy *open, const struct ld_fault_spec *toxic)
{
    if (ld_proxy_fault_stop(open->listener, toxic->id) != 0)
        fprintf(stderr, TALK "%s still acts: out of memory\n", toxic->id);
}

static void change_toxic(struct open_proxy *open, const struct ld_fault_spec *toxic)
{
    struct ld_error error;
    if (ld_proxy_fault_change(open->listener, toxic, &error) != 0)
        fprintf(stderr, TALK "%s was not changed: %s\n", toxic->id, error.message);
}

static void change_toxics(struct open_proxy *open, const struct ld_proxy_entry *to)
{
    const struct ld_fault_spec *before = open->entry->toxics.items, *after = to->toxics.items;
    for (size_t i = 0; i < open->entry->toxics.count; i++) {
        const struct ld_fault_spec *same = find_toxic(to, before[i].id);
        if (!same || same->type != before[i].type)
            stop_toxic(open, &before[i]);
    }
    for (size_t i = 0; i < to->toxics.count; i++) {
        const struct ld_fault_spec *same = find_toxic(open->entry, after[i].id);
        if (!same || same->type != after[i].type)
            start_toxic(open, &after[i]);
        else if (!ld_proxy_toxics_equal(same, &after[i]))
            change_toxic(open, &after[i]);
    }
}

static void change(struct open_proxy *open, const struct ld_proxy_entry *to)
{
    int code = 0;
    if (open->entry->upstream.port != to->upstream.port)
        code = ld_proxy_upstream(open->listener, to->upstream.port);
    if (!code && open->entry->connections != to->connections)
        code = ld_proxy_limit(open->listener, (uint32_t)to->connections);
    if (code)
        fprintf(stderr, TALK "%s was not changed: %s\n", open->name, ld_code_text(code));
    if (strcmp(open->name, to->name) != 0) {
        fprintf(stderr, TALK "%s on 127.0.0.1:%u is now called %s\n", open->name, ld_proxy_port(open->listener),
                to->name);
        snprintf(open->name, sizeof open->name, "%s", to->name);
    }
    change_toxics(open, to);
    open->entry = to;
}

static void begin(struct open_proxy *open)
{
    const struct ld_fault_spec *toxics = open->entry->toxics.items;
    fprintf(stderr, TALK "%s listens on 127.0.0.1:%u, upstream 127.0.0.1:%u, toxics: %zu\n", open->name,
            ld_proxy_port(open->listener), open->entry->upstream.port, open->entry->toxics.count);
    open->fresh = false;
    for (size_t i = 0; i < open->entry->toxics.count; i++)
        start_toxic(open, &toxics[i]);
}

/* Say which proxy goes on as which entry, and open what is new. When one cannot be opened, none stays. */
static int open_new(struct ld_proxy_set *set, const struct ld_proxies *file, struct ld_error *error)
{
    int code = 0;
    for (struct open_proxy *open = set->open; open; open = open->next)
        open->to = NULL;
    for (size_t i = 0; i < file->count && !code; i++) {
        struct open_proxy *open = find_open(set, &file->items[i]);
        if (open)
            open->to = &file->items[i];
        else
            code = open_one(set, file, &file->items[i], error);
    }
    for (struct open_proxy *open = set->open; code && open; open = open->next)
        if (open->fresh) {
            open->entry = NULL;
            open->fresh = false;
            close_proxy(open);
        }
    return code;
}

static int check_fixed(const struct ld_proxies *before, const struct ld_proxies *after, struct ld_error *error)
{
    if (before && before->seed != after->seed)
        return ld_fail(error, LD_ESPEC, "seed changed from %lld to %lld: connections were decided by it, restart to "
                                        "change it", (long long)before->seed, (long long)after->seed);
    if (before && before->status.port != after->status.port)
        return ld_fail(error, LD_ESPEC, "status changed from 127.0.0.1:%u to 127.0.0.1:%u: restart to change it",
                       before->status.port, after->status.port);
    return 0;
}

int ld_proxy_set_apply(struct ld_proxy_set *set, struct ld_proxies *file, struct ld_error *error)
{
    int code = check_fixed(set->file, file, error);
    if (!code)
        code = open_new(set, file, error);
    if (code)
        return code;
    for (struct open_proxy *open = set->open; open; open = open->next) {
        if (!open->entry)
            continue; /* drains already */
        if (open->fresh) {
            begin(open);
        } else if (open->to) {
            change(open, open->to);
        } else {
            fprintf(stderr, TALK "%s no longer listens on 127.0.0.1:%u\n", open->name,
                    ld_proxy_port(open->listener));
            open->entry = NULL;
            ld_proxy_drain(open->listener);
        }
    }
    ld_proxies_free(set->file);
    set->file = file;
    return 0;
}

/* ---- begin and end */

int ld_proxy_set_new(struct ld_proxy_set **ret_set, uv_loop_t *loop, struct ld_error *error)
{
    struct ld_proxy_set *set = calloc(1, sizeof *set);
    if (!set)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    set->loop = loop;
    int code = ld_proxy_start(&set->proxy, loop, error);
    if (code) {
        free(set);
        return code;
    }
    *ret_set = set;
    return 0;
}

void ld_proxy_set_drain(struct ld_proxy_set *set, void (*drained)(void *context), void *context)
{
    assert(!set->draining);
    set->draining = true;
    set->drained = drained;
    set->context = context;
    for (struct open_proxy *open = set->open; open; open = open->next)
        if (open->entry && !open->closing)
            ld_proxy_drain(open->listener);
    check_drained(set);
}

static void on_gone(void *context)
{
    struct ld_proxy_set *set = context;
    void (*gone)(void *context) = set->gone;
    void *gone_context = set->context;
    assert(!set->open);
    ld_proxies_free(set->file);
    free(set);
    gone(gone_context);
}

void ld_proxy_set_close(struct ld_proxy_set *set, void (*gone)(void *context), void *context)
{
    set->closing = true;
    set->gone = gone;
    set->context = context;
    while (set->questions) {
        struct question *question = take_question(set);
        if (question->told)
            question->told(question->context, NULL);
        free(question);
    }
    for (struct open_proxy *open = set->open; open; open = open->next)
        close_proxy(open);
    ld_proxy_shutdown(set->proxy, on_gone, set);
}
