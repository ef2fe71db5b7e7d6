/* Writing faults: what is intended before it acts, what it did, whom it touched. */
#include <jansson.h>
#include <stdlib.h>

#include "store/internal.h"

static json_t *latency_json(const union ld_fault_attributes *attributes)
{
    const struct ld_fault_latency *latency = &attributes->latency;
    return json_pack("{sI sI sf ss}", "latency_ns", (json_int_t)latency->latency_ns, "jitter_ns",
                     (json_int_t)latency->jitter_ns, "toxicity", latency->toxicity, "stream",
                     ld_stream_name((enum ld_stream)latency->stream));
}

static json_t *kill_json(const union ld_fault_attributes *attributes)
{
    const struct ld_fault_kill *kill = &attributes->kill;
    return json_pack("{ss ss sI sI}", "who", kill->who == LD_WHO_UPSTREAM ? "upstream" : "target", "signal",
                     ld_fault_signals[kill->signal], "restart_after_ns", (json_int_t)kill->restart_after_ns, "instance",
                     (json_int_t)kill->instance);
}

/* Attributes for people; the scenario's text is what a plan is made from. */
static json_t *(*const attribute_writers[LD_FAULT_TYPES])(const union ld_fault_attributes *attributes) = {
    [LD_FAULT_LATENCY] = latency_json,
    [LD_FAULT_KILL] = kill_json,
};

static char *attributes_text(const struct ld_fault_spec *fault)
{
    json_t *json = attribute_writers[fault->type] ? attribute_writers[fault->type](&fault->attributes) : json_object();
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

int ld_store_fault_intent(struct ld_store *store, uint32_t run, const struct ld_fault_spec *fault, int64_t time_ns,
                          int64_t until_ns, struct ld_error *error)
{
    static const char insert[] =
        "INSERT INTO fault_intent (run, fault, type, at_ns, for_ns, attributes, time_ns, until_ns) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    char *attributes = attributes_text(fault);
    if (!attributes)
        return ld_store_nomem(store, error);
    int code =
        ld_store_write(store, error, insert, "ittiotii", (int64_t)run, fault->id, ld_fault_table[fault->type].name,
                       fault->at_ns, fault->for_ns, attributes, time_ns, until_ns);
    free(attributes);
    return code ? code : ld_store_commit(store, true, error);
}

int ld_store_fault_receipt(struct ld_store *store, uint32_t run, const char *fault_id, int64_t began_ns,
                           int64_t ended_ns, const struct ld_receipt *receipt, struct ld_error *error)
{
    static const char insert[] =
        "INSERT OR REPLACE INTO fault_receipt (run, fault, began_ns, ended_ns, touched, spared, count, asked_ns, "
        "p50_ns, "
        "p99_ns, worst_early_ns, effective, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    return ld_store_write(store, error, insert, "itiiuuuiiiiit", (int64_t)run, fault_id, began_ns, ended_ns,
                          receipt->touched, receipt->spared, receipt->count, receipt->asked_ns, receipt->p50_ns,
                          receipt->p99_ns, receipt->worst_early_ns, (int64_t)receipt->effective, receipt->text);
}

int ld_store_fault_decision(struct ld_store *store, uint32_t run, const char *fault_id, uint64_t connection,
                            bool touched, struct ld_error *error)
{
    static const char insert[] = "INSERT INTO fault_decision (run, fault, connection, touched) VALUES (?, ?, ?, ?)";
    return ld_store_write(store, error, insert, "itui", (int64_t)run, fault_id, connection, (int64_t)touched);
}
