/* `run --against`: the result of a campaign against a baseline. */
#ifndef LD_RUNNER_CLI_AGAINST_H
#define LD_RUNNER_CLI_AGAINST_H

#include "reports/report.h"
#include "runner/run/judge.h"
#include "score/regress.h"

struct ld_against {
    bool given;
    struct ld_baseline baseline;
    const char *report_folder; /* what was found is written there too; NULL: nowhere. The caller's, as */
    const char *data_folder;   /* where shipped rules are; the caller's, set before judging */
};

/* Before anything starts. `name` NULL: nothing is given. LD_EUSAGE, LD_ESPEC. */
int ld_against_open(struct ld_against *against, const char *name, struct ld_error *error);
void ld_against_done(struct ld_against *against);

/* Runs the cells again, with other seeds. A void rerun has no rows. */
struct ld_against_rerun {
    int (*run)(void *context, const char *const *cells, uint32_t runs, struct ld_baseline *ret_baseline,
               struct ld_error *error);
    void *context;
};

/* Compare, let the cells of what is worse run again, and tell on stdout, and in against.txt, .json and .xml (JUnit).
 * HARNESS: the campaign is void, and was neither compared nor run again. FAIL: it is worse; INCONCLUSIVE: what looks
 * worse can neither be told from chance nor be dismissed, or the two have nothing in common; else PASS. */
int ld_against_judge(const struct ld_against *against, const struct ld_plan *plan, const struct ld_judged *judged,
                     const struct ld_against_rerun *rerun, const struct ld_text_style *style,
                     enum ld_verdict *ret_verdict, struct ld_error *error);

#endif
