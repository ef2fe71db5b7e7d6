/* A comparison with a baseline under way: shared by regress*.c only. */
#ifndef LD_SCORE_REGRESSING_H
#define LD_SCORE_REGRESSING_H

#include "score/regress.h"

struct regressing {
    struct ld_regressions *result;
    const struct ld_baseline *before, *now;
    const struct ld_plan *plan;
    const char *data_folder;
    size_t room;
};

/* A new finding, NULL when memory ran out. */
struct ld_regression *regress_add(struct regressing *regressing, enum ld_regression_kind kind, const char *cell,
                                  const char *detector);
/* Append to its text, what the rerun said last: for it there is always room. */
__attribute__((format(printf, 2, 3))) void regress_say(struct ld_regression *item, const char *format, ...);
__attribute__((format(printf, 2, 3))) void regress_say_again(struct ld_regression *item, const char *format, ...);
/* The options that differ. */
void regress_say_options(struct ld_regression *item, const struct ld_baseline_row *before,
                         const struct ld_baseline_row *now);
/* The row of a cell, apart from its arm; NULL. */
const struct ld_baseline_row *regress_row(const struct ld_baseline *baseline, const char *cell, const char *detector);
const struct ld_scenario *regress_scenario(const struct ld_plan *plan, const char *name);
/* What is bad of a row for a finding of this kind. `other`: the row it is held against, for an older baseline has leaks
 * in place of runs. */
struct ld_bad_runs regress_bad_runs(enum ld_regression_kind kind, const struct ld_baseline_row *row,
                                    const struct ld_baseline_row *other);
/* One-sided p of `now` being no worse than `before`. */
double regress_p(struct ld_bad_runs before, struct ld_bad_runs now);

/* Is a detector slower in a scenario? */
struct slowness {
    bool tested; /* both sides have enough, and such times can differ by more than a period; else, and where they do
                  * not, p is 1 */
    size_t before, now; /* leaks */
    int64_t difference_ns, lower_ns; /* and its lower bound, 95 % */
    double p, p_floor; /* p_floor: no smaller one could have been drawn */
};
/* `more`: further runs of now, or NULL. `comparisons` that share LD_REGRESS_ERROR, as far as known. LD_ENOMEM. */
int regress_slowness(struct slowness *ret_slowness, const struct ld_baseline *before, const struct ld_baseline *now,
                     const struct ld_baseline *more, const struct ld_plan *plan, const char *scenario,
                     const char *detector, size_t comparisons);
/* Of a scenario and detector; `like` is any row of them. LD_ENOMEM. */
int regress_times_of(struct regressing *regressing, const struct ld_baseline_row *like);

#endif
