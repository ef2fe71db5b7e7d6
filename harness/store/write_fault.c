/* Writing faults: what is intended before it acts, what it did, whom it touched. */
#include <stdlib.h>

#include "base/buffer.h"
#include "store/internal.h"

#define ATTRIBUTES_MAX ((size_t)64 * 1024)

int ld_store_fault_intent(struct ld_store *store, uint32_t run, const struct ld_fault_spec *fault, int64_t time_ns,
                          int64_t until_ns, struct ld_error *error)
{
    static const char insert[] =
        "INSERT INTO fault_intent (run, fault, type, at_ns, for_ns, attributes, time_ns, until_ns) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    struct ld_buffer attributes;
    ld_buffer_init(&attributes, ATTRIBUTES_MAX);
    /* For people; the scenario's text is what a plan is made from. */
    int code = ld_schema_values(ld_fault_table[fault->type].attributes, &fault->attributes, &attributes);
    code = code ? ld_store_nomem(store, error)
                : ld_store_write(store, error, insert, "ittiotii", (int64_t)run, fault->id,
                                 ld_fault_table[fault->type].name, fault->at_ns, fault->for_ns,
                                 ld_buffer_text(&attributes), time_ns, until_ns);
    ld_buffer_done(&attributes);
    return code ? code : ld_store_commit(store, true, error);
}

int ld_store_fault_receipt(struct ld_store *store, uint32_t run, const char *fault_id, int64_t began_ns,
                           int64_t ended_ns, const struct ld_receipt *receipt, struct ld_error *error)
{
    static const char insert[] =
        "INSERT OR REPLACE INTO fault_receipt (run, fault, began_ns, ended_ns, touched, spared, count, asked_ns, "
        "p50_ns, p99_ns, worst_early_ns, unit, asked, delivered, effective, text) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    return ld_store_write(store, error, insert, "itiiuuuiiiituuit", (int64_t)run, fault_id, began_ns, ended_ns,
                          receipt->touched, receipt->spared, receipt->count, receipt->asked_ns, receipt->p50_ns,
                          receipt->p99_ns, receipt->worst_early_ns, receipt->unit, receipt->asked, receipt->delivered,
                          (int64_t)receipt->effective, receipt->text);
}

int ld_store_fault_decision(struct ld_store *store, uint32_t run, const char *fault_id, uint64_t connection,
                            bool touched, struct ld_error *error)
{
    static const char insert[] = "INSERT INTO fault_decision (run, fault, connection, touched) VALUES (?, ?, ?, ?)";
    return ld_store_write(store, error, insert, "itui", (int64_t)run, fault_id, connection, (int64_t)touched);
}
