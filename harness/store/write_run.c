/* Writing what happens to a run from its begin to its end. */
#include "store/internal.h"

/* An UPDATE that must hit a row: to change what is not there is our mistake, but never a silent one. */
static int must_change(struct ld_store *store, uint32_t run, const char *what, struct ld_error *error)
{
    if (sqlite3_changes(store->db) == 1)
        return 0;
    return ld_fail(error, LD_ESTORE, "%s: run %u has no %s to change", store->path, run, what);
}

int ld_store_run_begin(struct ld_store *store, uint32_t run, int64_t started_wall_ns, struct ld_error *error)
{
    static const char begin_run[] = "UPDATE run SET started_wall_ns = ? WHERE run = ?";
    int code = ld_store_write(store, error, begin_run, "ii", started_wall_ns, (int64_t)run);
    return code ? code : must_change(store, run, "row", error);
}

int ld_store_phase(struct ld_store *store, uint32_t run, const char *phase, int64_t time_ns, struct ld_error *error)
{
    static const char insert_phase[] = "INSERT INTO phase (run, ordinal, name, time_ns) "
                                       "SELECT ?1, coalesce(max(ordinal) + 1, 0), ?2, ?3 FROM phase WHERE run = ?1";
    return ld_store_write(store, error, insert_phase, "iti", (int64_t)run, phase, time_ns);
}

int ld_store_incarnation(struct ld_store *store, uint32_t run, uint32_t instance, uint32_t incarnation, int64_t pid,
                         int64_t from_ns, struct ld_error *error)
{
    static const char insert_incarnation[] =
        "INSERT INTO incarnation (run, instance, incarnation, pid, from_ns) VALUES (?, ?, ?, ?, ?)";
    return ld_store_write(store, error, insert_incarnation, "iiiii", (int64_t)run, (int64_t)instance,
                          (int64_t)incarnation, pid, from_ns);
}

int ld_store_incarnation_end(struct ld_store *store, uint32_t run, uint32_t instance, uint32_t incarnation,
                             int64_t to_ns, int64_t exit_status, bool expected, struct ld_error *error)
{
    static const char end_incarnation[] = "UPDATE incarnation SET to_ns = ?, exit_status = ?, expected = ? "
                                          "WHERE run = ? AND instance = ? AND incarnation = ?";
    int code = ld_store_write(store, error, end_incarnation, "iiiiii", to_ns, exit_status, (int64_t)expected,
                              (int64_t)run, (int64_t)instance, (int64_t)incarnation);
    return code ? code : must_change(store, run, "such incarnation", error);
}

int ld_store_reader(struct ld_store *store, uint32_t run, uint32_t instance, const char *reader, uint64_t reads,
                    uint64_t bytes, int64_t time_ns, uint64_t failures, struct ld_error *error)
{
    static const char insert_reader[] =
        "INSERT OR REPLACE INTO reader (run, instance, reader, reads, bytes, time_ns, failures) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)";
    return ld_store_write(store, error, insert_reader, "iituuiu", (int64_t)run, (int64_t)instance, reader, reads, bytes,
                          time_ns, failures);
}

int ld_store_note(struct ld_store *store, uint32_t run, int64_t time_ns, const char *kind, const char *text,
                  struct ld_error *error)
{
    static const char insert_note[] = "INSERT INTO note (run, time_ns, kind, text) VALUES (?, ?, ?, ?)";
    return ld_store_write(store, error, insert_note, "iitt", (int64_t)run, time_ns, kind, text);
}

int ld_store_run_end(struct ld_store *store, uint32_t run, const struct ld_run_end *end, struct ld_error *error)
{
    static const char end_run[] =
        "UPDATE run SET validity = ?, reason = ?, method_from_ns = ?, observed_from_ns = ?, observed_to_ns = ?, "
        "ended_ns = ?, lag_p99_ns = ?, lag_max_ns = ?, left_processes = ? WHERE run = ?";
    int code = ld_store_seal(store, run, error);
    if (code == 0)
        code = ld_store_write(store, error, end_run, "ttiiiiiiii", ld_validity_name(end->validity), end->reason,
                              end->method_from_ns, end->observed_from_ns, end->observed_to_ns, end->ended_ns,
                              end->lag_p99_ns, end->lag_max_ns, end->left, (int64_t)run);
    if (code == 0)
        code = must_change(store, run, "row", error);
    return code ? code : ld_store_commit(store, true, error);
}
