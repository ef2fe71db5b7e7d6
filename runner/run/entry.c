/* Copying is done in two passes of the same function: the first, without memory, only counts bytes; the second copies
 * and turns the pointers. So the size can never disagree with the copy. */
#include "runner/run/entry.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct packing {
    char *block; /* NULL while counting */
    size_t used;
};

/* Room for `size` bytes, aligned for anything; their copy of `bytes`, or `bytes` itself while counting. */
static const void *pack(struct packing *packing, const void *bytes, size_t size)
{
    if (!bytes)
        return NULL;
    size_t alignment = _Alignof(max_align_t);
    size_t at = (packing->used + alignment - 1) / alignment * alignment;
    packing->used = at + size;
    if (!packing->block)
        return bytes;
    if (size)
        memcpy(packing->block + at, bytes, size);
    return packing->block + at;
}

static const char *pack_text(struct packing *packing, const char *text)
{
    return text ? pack(packing, text, strlen(text) + 1) : NULL;
}

/* A list of texts: the list, then each text. */
static const char *const *pack_texts(struct packing *packing, const char *const *texts, size_t count)
{
    if (!count)
        return NULL;
    const char **copy = (const char **)pack(packing, texts, count * sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const char *text = pack_text(packing, texts[i]);
        if (packing->block)
            copy[i] = text;
    }
    return copy;
}

static void pack_nothing(struct packing *packing, struct ld_entry *entry)
{
    (void)packing;
    (void)entry;
}

static void pack_observation(struct packing *packing, struct ld_entry *entry)
{
    struct ld_observation *observation = &entry->of.observation;
    observation->points = pack(packing, observation->points, observation->point_count * sizeof *observation->points);
    observation->body = pack(packing, observation->body, observation->body_length);
    observation->text = pack_text(packing, observation->text);
    observation->profile = NULL; /* made again from the body, once per content */
}

static void pack_truth_event(struct packing *packing, struct ld_entry *entry)
{
    struct ld_truth_event *event = &entry->of.truth_event;
    event->interval = pack_text(packing, event->interval);
    for (size_t i = 0; i < event->seen_at_count; i++)
        event->seen_at[i] = pack_text(packing, event->seen_at[i]);
    event->culprit = pack_text(packing, event->culprit);
    event->text = pack_text(packing, event->text);
}

static void pack_interval(struct packing *packing, const struct ld_truth_interval *from, struct ld_truth_interval *to)
{
    const char *id = pack_text(packing, from->id), *culprit = pack_text(packing, from->culprit);
    const char *const *seen_at = pack_texts(packing, from->seen_at, from->seen_at_count);
    if (!packing->block)
        return;
    to->id = id;
    to->culprit = culprit;
    to->seen_at = seen_at;
}

static void pack_truth(struct packing *packing, struct ld_entry *entry)
{
    struct ld_truth *truth = &entry->of.truth;
    const struct ld_truth_interval *from = truth->intervals;
    struct ld_truth_interval *to =
        (struct ld_truth_interval *)pack(packing, from, truth->interval_count * sizeof *from);
    for (size_t i = 0; i < truth->interval_count; i++)
        pack_interval(packing, &from[i], &to[i]);
    truth->intervals = to;
    truth->calm = (const char **)pack_texts(packing, truth->calm, truth->calm_count);
    truth->arena = NULL;
}

static void pack_fault(struct packing *packing, struct ld_entry *entry)
{
    entry->of.fault.id = pack_text(packing, entry->of.fault.id);
}

static void pack_alert(struct packing *packing, struct ld_entry *entry)
{
    struct ld_alert *alert = &entry->of.alert;
    alert->site = pack_text(packing, alert->site);
    alert->why = pack_text(packing, alert->why);
    alert->rule = pack_text(packing, alert->rule);
    alert->rule_version = pack_text(packing, alert->rule_version);
}

static void pack_condition(struct packing *packing, struct ld_entry *entry)
{
    struct ld_condition_record *condition = &entry->of.condition;
    condition->condition = pack_text(packing, condition->condition);
    condition->kind = pack_text(packing, condition->kind);
    condition->asked = pack_text(packing, condition->asked);
    condition->text = pack_text(packing, condition->text);
}

static void pack_run_end(struct packing *packing, struct ld_entry *entry)
{
    entry->of.run_end.reason = pack_text(packing, entry->of.run_end.reason);
}

static int write_nothing(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    (void)m;
    (void)store;
    (void)error;
    return 0;
}

static int write_run_begin(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_run_begin(store, m->run, m->time_ns, error);
}

static int write_phase(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_phase(store, m->run, m->name, m->time_ns, error);
}

static int write_incarnation(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_incarnation(store, m->run, m->instance, m->incarnation, m->number, m->time_ns, error);
}

static int write_incarnation_end(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_incarnation_end(store, m->run, m->instance, m->incarnation, m->time_ns, m->number, m->flag, error);
}

static int write_observation(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_observation(store, m->run, &m->of.observation, error);
}

static int write_truth_event(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_truth_event(store, m->run, &m->of.truth_event, error);
}

static int write_truth(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_truth(store, m->run, &m->of.truth, error);
}

static int write_fault_intent(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_fault_intent(store, m->run, &m->of.fault, m->time_ns, m->until_ns, error);
}

static int write_fault_receipt(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_fault_receipt(store, m->run, m->name, m->time_ns, m->until_ns, &m->of.receipt, error);
}

static int write_fault_decision(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_fault_decision(store, m->run, m->name, (uint64_t)m->number, m->flag, error);
}

static int write_condition(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_condition(store, m->run, &m->of.condition, error);
}

static int write_detector(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_detector(store, m->run, m->name, m->word, m->flag, m->text, error);
}

static int write_detector_failed(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_detector_failed(store, m->run, m->name, m->text, error);
}

static int write_out_of_range(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_detector_out_of_range(store, m->run, m->name, m->text, error);
}

static int write_alert(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_alert(store, m->run, m->name, &m->of.alert, error);
}

static int write_reader(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_reader(store, m->run, m->instance, m->name, m->of.reading.reads, m->of.reading.bytes, m->time_ns,
                           m->of.reading.failures, error);
}

static int write_note(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_note(store, m->run, m->time_ns, m->name, m->text, error);
}

static int write_run_end(const struct ld_entry *m, struct ld_store *store, struct ld_error *error)
{
    return ld_store_run_end(store, m->run, &m->of.run_end, error);
}

static const struct {
    void (*pack)(struct packing *packing, struct ld_entry *entry); /* what `of` points to */
    int (*write)(const struct ld_entry *entry, struct ld_store *store, struct ld_error *error);
} kinds[LD_ENTRY_KINDS] = {
    [LD_ENTRY_FLUSH] = {pack_nothing, write_nothing},
    [LD_ENTRY_RUN_BEGIN] = {pack_nothing, write_run_begin},
    [LD_ENTRY_PHASE] = {pack_nothing, write_phase},
    [LD_ENTRY_INCARNATION] = {pack_nothing, write_incarnation},
    [LD_ENTRY_INCARNATION_END] = {pack_nothing, write_incarnation_end},
    [LD_ENTRY_OBSERVATION] = {pack_observation, write_observation},
    [LD_ENTRY_TRUTH_EVENT] = {pack_truth_event, write_truth_event},
    [LD_ENTRY_TRUTH] = {pack_truth, write_truth},
    [LD_ENTRY_FAULT_INTENT] = {pack_fault, write_fault_intent},
    [LD_ENTRY_FAULT_RECEIPT] = {pack_nothing, write_fault_receipt},
    [LD_ENTRY_FAULT_DECISION] = {pack_nothing, write_fault_decision},
    [LD_ENTRY_CONDITION] = {pack_condition, write_condition},
    [LD_ENTRY_DETECTOR] = {pack_nothing, write_detector},
    [LD_ENTRY_DETECTOR_FAILED] = {pack_nothing, write_detector_failed},
    [LD_ENTRY_OUT_OF_RANGE] = {pack_nothing, write_out_of_range},
    [LD_ENTRY_ALERT] = {pack_alert, write_alert},
    [LD_ENTRY_READER] = {pack_nothing, write_reader},
    [LD_ENTRY_NOTE] = {pack_nothing, write_note},
    [LD_ENTRY_RUN_END] = {pack_run_end, write_run_end},
};

static void pack_entry(struct packing *packing, struct ld_entry *entry)
{
    packing->used = sizeof *entry;
    entry->name = pack_text(packing, entry->name);
    entry->word = pack_text(packing, entry->word);
    entry->text = pack_text(packing, entry->text);
    kinds[entry->kind].pack(packing, entry);
}

struct ld_entry *ld_entry_copy(const struct ld_entry *entry)
{
    struct packing packing = {0};
    struct ld_entry counted = *entry;
    pack_entry(&packing, &counted);
    struct ld_entry *copy = malloc(packing.used);
    if (!copy)
        return NULL;
    *copy = *entry;
    copy->size = packing.used;
    packing.block = (char *)copy;
    pack_entry(&packing, copy);
    return copy;
}

int ld_entry_write(const struct ld_entry *entry, struct ld_store *store, struct ld_error *error)
{
    return kinds[entry->kind].write(entry, store, error);
}
