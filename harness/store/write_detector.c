/* Writing detectors and their alerts. */
#include "store/internal.h"

int ld_store_detector(struct ld_store *store, uint32_t run, const char *detector, const char *kind, bool calibration,
                      const char *options_json, struct ld_error *error)
{
    static const char insert[] = "INSERT INTO detector (run, name, kind, calibration, options) VALUES (?, ?, ?, ?, ?)";
    return ld_store_write(store, error, insert, "ittit", (int64_t)run, detector, kind, (int64_t)calibration,
                          options_json ? options_json : "{}");
}

static int mark(struct ld_store *store, const char *sql, uint32_t run, const char *detector, const char *reason,
                struct ld_error *error)
{
    int code = ld_store_write(store, error, sql, "tit", reason, (int64_t)run, detector);
    if (code == 0 && sqlite3_changes(store->db) != 1)
        code = ld_fail(error, LD_ESTORE, "%s: run %u has no detector %s", store->path, run, detector);
    return code;
}

int ld_store_detector_failed(struct ld_store *store, uint32_t run, const char *detector, const char *reason,
                             struct ld_error *error)
{
    static const char fail[] = "UPDATE detector SET failed = 1, reason = ? WHERE run = ? AND name = ?";
    return mark(store, fail, run, detector, reason, error);
}

int ld_store_detector_out_of_range(struct ld_store *store, uint32_t run, const char *detector, const char *reason,
                                   struct ld_error *error)
{
    static const char exclude[] = "UPDATE detector SET out_of_range = 1, reason = ? WHERE run = ? AND name = ?";
    return mark(store, exclude, run, detector, reason, error);
}

int ld_store_alert(struct ld_store *store, uint32_t run, const char *detector, const struct ld_alert *alert,
                   struct ld_error *error)
{
    static const char insert[] =
        "INSERT INTO alert (run, detector, id, action, evidence, evidence_time_ns, receipt_ns, instance, incarnation, "
        "cause, site, amount, amount_bits, severity, why, rule, rule_version) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    return ld_store_write(store, error, insert, "itutuiiiittdtttt", (int64_t)run, detector, alert->id,
                          ld_alert_action_name(alert->action), alert->evidence, alert->evidence_time_ns,
                          alert->receipt_ns, (int64_t)alert->instance, (int64_t)alert->incarnation,
                          ld_cause_table[alert->cause].name, alert->site, alert->amount,
                          ld_severity_name(alert->severity), alert->why, alert->rule, alert->rule_version);
}

int ld_store_delete_alerts(struct ld_store *store, uint32_t run, struct ld_error *error)
{
    static const char delete_alerts[] = "DELETE FROM alert WHERE run = ?";
    int code = ld_store_write(store, error, delete_alerts, "i", (int64_t)run);
    return code ? code : ld_store_commit(store, true, error);
}
