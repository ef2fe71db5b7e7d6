/* Writing the score: outcomes, what detectors did, and the gates. Scoring again replaces it. */
#include "store/internal.h"

static const char *const cause_matches[] = {"wrong", "unnamed", "right"}; /* enum ld_cause_match */
static const char *const site_matches[] = {"none", "wrong", "right"};     /* ld_outcome.site */

static int clear(struct ld_store *store, struct ld_error *error)
{
    static const char delete_outcomes[] = "DELETE FROM outcome", delete_runs[] = "DELETE FROM detector_run",
                      delete_gates[] = "DELETE FROM gate";
    int code = ld_store_write(store, error, delete_outcomes, "");
    if (code == 0)
        code = ld_store_write(store, error, delete_runs, "");
    return code ? code : ld_store_write(store, error, delete_gates, "");
}

static int write_outcome(struct ld_store *store, const struct ld_outcome *outcome, struct ld_error *error)
{
    static const char insert[] =
        "INSERT INTO outcome (run, ordinal, detector, interval, kind, detect_ns, from_first_ns, censored_ns, "
        "cause_match, "
        "site_match, culprit) SELECT ?1, coalesce(max(ordinal) + 1, 0), ?2, ?3, ?4, "
        "CASE WHEN ?11 THEN ?5 END, CASE WHEN ?11 THEN ?6 END, CASE WHEN ?12 THEN ?7 END, ?8, ?9, ?10 "
        "FROM outcome WHERE run = ?1";
    struct ld_survival_time time;
    bool timed = ld_outcome_time(outcome, &time);
    return ld_store_write(store, error, insert, "itotiiittiii", (int64_t)outcome->run, outcome->detector,
                          (int64_t)outcome->interval, ld_outcome_name(outcome->kind), outcome->detect_ns,
                          outcome->from_first_ns, outcome->censored_ns, cause_matches[outcome->cause],
                          site_matches[outcome->site], (int64_t)outcome->culprit,
                          (int64_t)(timed && time.event), (int64_t)(timed && !time.event));
}

static int write_detector_run(struct ld_store *store, const struct ld_detector_run *row, struct ld_error *error)
{
    static const char insert[] =
        "INSERT INTO detector_run (run, detector, alerted, episodes, false_alarms, wrong_site, during_hold, "
        "quiet_seconds, unknown_seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    return ld_store_write(store, error, insert, "itiiiiirr", (int64_t)row->run, row->detector, (int64_t)row->alerted,
                          (int64_t)row->episodes, (int64_t)row->false_alarms, (int64_t)row->wrong_site,
                          (int64_t)row->during_hold, row->quiet_seconds, row->unknown_seconds);
}

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static int write_gate(struct ld_store *store, const struct ld_check *check, struct ld_error *error)
{
    static const char insert[] =
        "INSERT INTO gate (scenario, cell, detector, what, asked, seen, verdict, line) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    return ld_store_write(store, error, insert, "ttttttti", text_or_empty(check->scenario), text_or_empty(check->cell),
                          text_or_empty(check->detector), check->what, check->asked, check->seen,
                          ld_verdict_name(check->verdict), (int64_t)check->line);
}

int ld_store_score(struct ld_store *store, const struct ld_score *score, const struct ld_verdicts *verdicts,
                   struct ld_error *error)
{
    int code = clear(store, error);
    for (size_t i = 0; i < score->outcome_count && code == 0; i++)
        code = write_outcome(store, &score->outcomes[i], error);
    for (size_t i = 0; i < score->detector_run_count && code == 0; i++)
        code = write_detector_run(store, &score->detector_runs[i], error);
    for (size_t i = 0; i < verdicts->check_count && code == 0; i++)
        code = write_gate(store, &verdicts->checks[i], error);
    return code ? code : ld_store_commit(store, true, error);
}
