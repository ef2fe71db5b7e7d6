/* Renderers: what a campaign came to, as text for terminals, JSON, JUnit, Markdown and HTML. They read score's
 * structures (live, or made again from the store), write into a buffer, and never print. JSON's schema is
 * reports/schema.json, versioned. */
#ifndef LD_REPORTS_REPORT_H
#define LD_REPORTS_REPORT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "plan/plan.h"
#include "score/compare.h"
#include "score/cost.h"
#include "score/regress.h"
#include "score/score.h"
#include "score/standings.h"
#include "store/store.h"

struct ld_report {
    const struct ld_plan *plan;
    const struct ld_run_record *runs;
    size_t run_count;
    const struct ld_score *score;
    const struct ld_verdicts *verdicts;
    const struct ld_standings *standings; /* NULL: none; renderers for people show it where it can claim something */
    const struct ld_costs *costs;         /* NULL: none */
    const char *campaign, *database; /* id, path */
    int64_t started_wall_ns; /* since 1970-01-01 UTC; 0: unknown */
    const char *version;     /* of the leakdrill that ran it; NULL: unknown */
    bool interrupted;
    int interrupt_signal; /* what interrupted it; 0: nothing, or it was killed and nobody wrote down how */
};

struct ld_text_style {
    unsigned width; /* columns of the terminal, 80 when unknown */
    bool colour;
    bool utf8;
};

/* The final table: a row per case and detector, the healthy twin beside the leaky runs; counts, no percentages. */
int ld_report_text(const struct ld_report *report, const struct ld_text_style *style, struct ld_buffer *out);
/* What its columns, the outcomes and the verdicts mean. `word`, one of theirs: only the section in which it stands;
 * NULL: all. */
int ld_report_explain(const char *word, const struct ld_text_style *style, struct ld_buffer *out);
bool ld_report_has_word(const char *word);
int ld_report_json(const struct ld_report *report, struct ld_buffer *out);
/* One testsuite per scenario, one testcase per check and per run; JUnit as CI systems read it. */
int ld_report_junit(const struct ld_report *report, struct ld_buffer *out);
/* A summary for a CI page: verdict, what did not pass, the table; GitHub's Markdown, without links. */
int ld_report_markdown(const struct ld_report *report, struct ld_buffer *out);

#define LD_REPORT_RUNS_MAX 64      /* runs drawn on one page */
#define LD_REPORT_SAMPLES_MAX 1000 /* of one line; more are thinned to the least and the most of each stretch */
#define LD_REPORT_LINES_MAX 24     /* lines of one chart */

/* What a page draws of one run. */
struct ld_report_run_detail {
    const struct ld_run_record *record;
    const struct ld_cell *cell;
    struct ld_stored_run stored;
    bool failed; /* a check of its cell did not pass, or it is no evidence */
    size_t fault_count, series_count;
    const struct ld_stored_fault *faults;
    const struct ld_stored_series *series;
};
struct ld_report_details {
    struct ld_report_run_detail *runs; /* those of failed checks first, then by the plan */
    size_t count, left_out;            /* left out for LD_REPORT_RUNS_MAX */
};
/* All runs of cells with a failed check, those that are no evidence, and one of every other cell. Memory goes to the
 * arena. */
int ld_report_details_read(struct ld_report_details *ret_details, const struct ld_report *report,
                           struct ld_store *store, struct ld_arena *arena, struct ld_error *error);
/* One page that needs nothing else and asks nobody for anything: verdict, checks, the table, and the runs over time.
 * Without JavaScript its charts are SVG. */
int ld_report_html(const struct ld_report *report, const struct ld_report_details *details, struct ld_buffer *out);

/* `compare`: two sides on the same runs. Names are those the user gave. */
struct ld_report_sides {
    const char *left, *right;
};
int ld_report_compare(const struct ld_comparison *comparison, const struct ld_report_sides *sides,
                      const struct ld_text_style *style, struct ld_buffer *out);
int ld_report_compare_json(const struct ld_comparison *comparison, const struct ld_report_sides *sides,
                           struct ld_buffer *out);

/* `board`: where each detector stands over all leaks. */
int ld_report_standings(const struct ld_standings *standings, const struct ld_text_style *style, struct ld_buffer *out);
int ld_report_standings_markdown(const struct ld_standings *standings, struct ld_buffer *out);
int ld_report_standings_json(const struct ld_standings *standings, struct ld_buffer *out);

/* `cost`: what each detector costs the target, a table for each scenario that measures it. */
int ld_report_costs(const struct ld_costs *costs, const struct ld_text_style *style, struct ld_buffer *out);
int ld_report_costs_json(const struct ld_costs *costs, struct ld_buffer *out);

/* `run --against`: what changed against a baseline, a line each; what fails first. */
int ld_report_regressions(const struct ld_regressions *regressions, const char *baseline,
                          const struct ld_text_style *style, struct ld_buffer *out);
/* For machines: {baseline, worse, rows_compared, findings: [...]}, and a JUnit file of one testsuite with a testcase a
 * finding. */
int ld_report_regressions_json(const struct ld_regressions *regressions, const char *baseline, struct ld_buffer *out);
int ld_report_regressions_junit(const struct ld_regressions *regressions, const char *baseline, struct ld_buffer *out);

/* `show RUN`: a timeline of truth, faults, alerts, counts. */
int ld_report_run(const struct ld_stored_run *run, const struct ld_timeline_row *rows, size_t count,
                  const struct ld_text_style *style, struct ld_buffer *out);

#endif
