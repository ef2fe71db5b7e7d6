/* Wald's sequential probability ratio test (1945): is a rate of bad trials p0 (acceptable) or p1 > p0 (not acceptable)?
 * After each trial it accepts p0, rejects it, or asks for one more; at a cap it ends undecided. It needs far fewer
 * trials than a fixed number where the rate is near p0 or p1, and the most between them.
 *
 * It rejects where the evidence is 1/alpha times as probable under p1 as under p0, and accepts where it is beta times
 * as probable. So alpha bounds the probability of rejecting where the rate is p0, and beta that of accepting where it
 * is p1, whatever the cap and the least number of trials (Ville's inequality). Wald's own (1-beta)/alpha and
 * beta/(1-alpha) are approximations, which a large alpha or beta can exceed. Where many tests share one alpha it is
 * divided among them (Bonferroni): then the probability that any of them rejects wrongly is at most alpha. beta is not
 * divided: what passes only when every test accepts passes wrongly with probability beta at most, however many there
 * are. */
#ifndef LD_SCENARIO_SPRT_H
#define LD_SCENARIO_SPRT_H

#include <stdint.h>

enum ld_sprt { LD_SPRT_CONTINUE, LD_SPRT_ACCEPT, LD_SPRT_REJECT };

struct ld_sprt_test {
    double p0, p1;      /* 0 < p0 < p1 < 1 */
    double alpha, beta; /* of this test alone; 0 < both < 1 */
    int64_t min, max;   /* no decision before so many trials, none after so many */
};
#define LD_SPRT_TRIALS_MAX 2000 /* of `max` */

/* Of the bare test, without least and most. Nonsense decides nothing. */
enum ld_sprt ld_sprt(int64_t bad, int64_t n, double p0, double p1, double alpha, double beta);
/* After n trials, `bad` of them bad. */
enum ld_sprt ld_sprt_decide(const struct ld_sprt_test *test, int64_t bad, int64_t n);
/* How many more trials accept if none of them is bad: at least 1, and one more than the cap leaves when it cannot. */
int64_t ld_sprt_goods_needed(const struct ld_sprt_test *test, int64_t bad, int64_t n);

/* What the test does where the rate is `p`: exact, by the distribution of bad trials step by step. */
struct ld_sprt_expectation {
    double trials; /* the mean number of them */
    double accepts, rejects, undecided; /* probabilities; they add up to 1 */
};
/* LD_ENOMEM, LD_ELIMIT above LD_SPRT_TRIALS_MAX. */
int ld_sprt_expect(const struct ld_sprt_test *test, double p, struct ld_sprt_expectation *ret_expectation);

#endif
