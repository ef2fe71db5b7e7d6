/* Renderers: what a campaign came to, as text for terminals, JSON and JUnit. They read score's structures (live, or
 * made again from the store), write into a buffer, and never print. JSON's schema is reports/schema.json, versioned. */
#ifndef LD_REPORTS_REPORT_H
#define LD_REPORTS_REPORT_H

#include "base/buffer.h"
#include "plan/plan.h"
#include "score/score.h"
#include "store/store.h"

struct ld_report {
    const struct ld_plan *plan;
    const struct ld_run_record *runs;
    size_t run_count;
    const struct ld_score *score;
    const struct ld_verdicts *verdicts;
    const char *campaign, *database; /* id, path */
    bool interrupted;
};

struct ld_text_style {
    unsigned width;  /* columns of the terminal, 80 when unknown */
    bool colour;
    bool utf8;
};

/* The final table: a row per case and detector, the healthy twin beside the leaky runs; counts, no percentages. */
int ld_report_text(const struct ld_report *report, const struct ld_text_style *style, struct ld_buffer *out);
/* What its columns, the outcomes and the verdicts mean. */
int ld_report_explain(const struct ld_text_style *style, struct ld_buffer *out);
int ld_report_json(const struct ld_report *report, struct ld_buffer *out);
/* One testsuite per scenario, one testcase per check and per run; JUnit as CI systems read it. */
int ld_report_junit(const struct ld_report *report, struct ld_buffer *out);
/* `show RUN`: a timeline of truth, faults, alerts, counts. */
int ld_report_run(const struct ld_stored_run *run, const struct ld_timeline_row *rows, size_t count,
                  const struct ld_text_style *style, struct ld_buffer *out);

#endif
