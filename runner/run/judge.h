/* Judging what a database holds: the same for a campaign that just ended and for one read back. */
#ifndef LD_RUN_JUDGE_H
#define LD_RUN_JUDGE_H

#include "plan/plan.h"
#include "score/cost.h"
#include "score/regress.h"
#include "score/score.h"
#include "score/standings.h"
#include "store/store.h"

/* What scoring came to; the records belong to `arena`. */
struct ld_judged {
    struct ld_arena *arena;
    struct ld_run_record *records;
    size_t count;
    struct ld_score score;
    struct ld_verdicts verdicts;
    struct ld_costs costs; /* no rows where none is measured */
    struct ld_standings standings;
    struct ld_program_hash *programs; /* of detectors that are programs; only where it was judged */
    size_t program_count;
    bool scored, judged;
};

/* Score some ended runs, by their indices: nothing is judged. */
int ld_score_stored(struct ld_judged *ret_judged, struct ld_store *store, const struct ld_plan *plan,
                    const uint32_t *runs, size_t count, struct ld_error *error);
/* Judge the ended runs. `plan` is the one the database was made from. */
int ld_judge_store(struct ld_judged *ret_judged, struct ld_store *store, const struct ld_plan *plan,
                   struct ld_error *error);
/* ld_baseline_make, with the programs. LD_ENOMEM. */
int ld_judged_baseline(struct ld_baseline *ret_baseline, const struct ld_judged *judged, const struct ld_plan *plan,
                       struct ld_error *error);
/* Is it void? Then it says nothing of its detectors: it is neither kept nor compared. */
bool ld_judged_is_void(const struct ld_judged *judged);
void ld_judged_done(struct ld_judged *judged);

#endif
