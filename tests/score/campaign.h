/* Campaigns made by hand: one scenario, cells leaky and healthy, runs whose alerts the test writes. */
#ifndef TEST_SCORE_CAMPAIGN_H
#define TEST_SCORE_CAMPAIGN_H

#include "base/clock.h"
#include "score/score.h"

#define RUNS_MAX 256
#define ALERTS_MAX 64
#define DETECTORS 6 /* "subject", then the calibration set */
#define SITE "shop/mail.consume"

enum { SUBJECT, ORACLE, ORACLE_DELAY, NEVER, ALWAYS, RANDOM };

struct campaign {
    struct ld_scenario scenario;
    struct ld_detector_spec subject;
    struct ld_expectation expectation;
    struct ld_cell cells[2];
    struct ld_run_plan run_plans[RUNS_MAX];
    struct ld_plan plan;
    size_t count;
    struct ld_run_record runs[RUNS_MAX];
    struct ld_truth truths[RUNS_MAX];
    struct ld_truth_interval intervals[RUNS_MAX][4];
    struct ld_life_span lives[RUNS_MAX][4];
    struct ld_detector_record detectors[RUNS_MAX][DETECTORS];
    struct ld_alert alerts[RUNS_MAX][DETECTORS][ALERTS_MAX];
    struct ld_score score;
    struct ld_verdicts verdicts;
};

/* `pairs` leaky and as many healthy runs of 20 s, observed from 1 s on; leaks from 5 s, manifest at 6 s; M is 3, the
 * period 250 ms. The calibration set behaves; the subject is silent. */
struct campaign *campaign_new(size_t pairs);
void campaign_free(struct campaign *campaign);
/* An alert of a detector in a run, at a receipt; returned for changes. Evidence is 10 ms older. */
struct ld_alert *campaign_open(struct campaign *campaign, size_t run, int detector, int64_t receipt_ns,
                               const char *site);
void campaign_close(struct campaign *campaign, size_t run, int detector, int64_t receipt_ns, uint64_t id);
/* The subject sees every leak `after_ns` after its M-th unit. */
void campaign_subject_sees(struct campaign *campaign, int64_t after_ns);
/* Score and judge; fails the test on an error. */
void campaign_judge(struct campaign *campaign);
/* The check, NULL when there is none; `cell` NULL: any. */
const struct ld_check *campaign_check(const struct campaign *campaign, const char *what, const char *cell);
void assert_check(const struct campaign *campaign, const char *what, const char *cell, enum ld_verdict wanted);
void assert_verdict(const struct campaign *campaign, enum ld_verdict wanted);

#endif
