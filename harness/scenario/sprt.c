#include "scenario/sprt.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

enum ld_sprt ld_sprt(int64_t bad, int64_t n, double p0, double p1, double alpha, double beta)
{
    if (bad < 0 || bad > n || !(p0 > 0) || !(p1 > p0) || !(p1 < 1) || !(alpha > 0) || !(beta > 0) || !(alpha < 1) ||
        !(beta < 1))
        return LD_SPRT_CONTINUE;
    double ratio = (double)bad * log(p1 / p0) + (double)(n - bad) * log((1 - p1) / (1 - p0));
    if (ratio >= log(1 / alpha))
        return LD_SPRT_REJECT;
    return ratio <= log(beta) ? LD_SPRT_ACCEPT : LD_SPRT_CONTINUE;
}

enum ld_sprt ld_sprt_decide(const struct ld_sprt_test *test, int64_t bad, int64_t n)
{
    if (n < test->min || n > test->max)
        return LD_SPRT_CONTINUE;
    return ld_sprt(bad, n, test->p0, test->p1, test->alpha, test->beta);
}

int64_t ld_sprt_goods_needed(const struct ld_sprt_test *test, int64_t bad, int64_t n)
{
    int64_t more = 1;
    while (n + more <= test->max && ld_sprt_decide(test, bad, n + more) != LD_SPRT_ACCEPT)
        more++;
    return more;
}

/* One trial more: `alive[k]` is the probability of being undecided with k bad ones. */
static void step(const struct ld_sprt_test *test, double p, int64_t n, double *alive,
                 struct ld_sprt_expectation *expectation)
{
    for (int64_t bad = n; bad >= 0; bad--) {
        alive[bad] = (bad < n ? alive[bad] * (1 - p) : 0) + (bad ? alive[bad - 1] * p : 0);
        enum ld_sprt decision = ld_sprt_decide(test, bad, n);
        if (decision == LD_SPRT_CONTINUE)
            continue;
        *(decision == LD_SPRT_ACCEPT ? &expectation->accepts : &expectation->rejects) += alive[bad];
        alive[bad] = 0;
    }
}

int ld_sprt_expect(const struct ld_sprt_test *test, double p, struct ld_sprt_expectation *ret_expectation)
{
    if (test->max > LD_SPRT_TRIALS_MAX)
        return LD_ELIMIT;
    double *alive = calloc((size_t)(test->max > 0 ? test->max : 0) + 2, sizeof *alive);
    if (!alive)
        return LD_ENOMEM;
    struct ld_sprt_expectation expectation = {.undecided = 1};
    alive[0] = 1;
    for (int64_t n = 1; n <= test->max; n++) {
        expectation.trials += expectation.undecided;
        step(test, p, n, alive, &expectation);
        expectation.undecided = 1 - expectation.accepts - expectation.rejects;
    }
    expectation.undecided = fmax(0, expectation.undecided);
    free(alive);
    *ret_expectation = expectation;
    return 0;
}
