#include "score/campaign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *const names[DETECTORS] = {"subject", "oracle", "oracle-delay", "never", "always", "random"};
static const char *const sites[] = {SITE};
static const struct ld_detector_kind subject_kind = {.name = "growth", .type = LD_DETECTOR_BUILTIN};

struct ld_alert *campaign_open(struct campaign *campaign, size_t run, int detector, int64_t receipt_ns,
                               const char *site)
{
    struct ld_detector_record *record = &campaign->detectors[run][detector];
    assert_true(record->alert_count < ALERTS_MAX);
    struct ld_alert *alert = &campaign->alerts[run][detector][record->alert_count++];
    *alert = (struct ld_alert){.id = record->alert_count,
                               .action = LD_ALERT_OPEN,
                               .evidence = record->alert_count,
                               .evidence_time_ns = receipt_ns - 10 * LD_MS,
                               .receipt_ns = receipt_ns,
                               .incarnation = 1,
                               .cause = LD_CAUSE_CHAN_RECEIVE,
                               .site = site,
                               .why = "",
                               .rule = "",
                               .rule_version = ""};
    return alert;
}

void campaign_close(struct campaign *campaign, size_t run, int detector, int64_t receipt_ns, uint64_t id)
{
    struct ld_alert *alert = campaign_open(campaign, run, detector, receipt_ns, "");
    alert->action = LD_ALERT_CLOSE;
    alert->id = id;
}

static void calibrate(struct campaign *campaign, size_t run, bool leaky)
{
    campaign_open(campaign, run, ALWAYS, 20 * LD_MS, "")->cause = LD_CAUSE_ANY;
    if (leaky) {
        campaign_open(campaign, run, ORACLE, 6 * LD_SECOND + LD_MS, SITE);
        campaign_open(campaign, run, ORACLE_DELAY, 6 * LD_SECOND + 600 * LD_MS, SITE);
    }
    for (int hit = 0; hit < 2; hit++) { /* 0.1 a second over 19 s: 1.9 expected */
        int64_t at_ns = (3 + 9 * hit) * LD_SECOND;
        campaign_open(campaign, run, RANDOM, at_ns, "")->cause = LD_CAUSE_ANY;
        campaign_close(campaign, run, RANDOM, at_ns, campaign->detectors[run][RANDOM].alert_count);
    }
}

static void make_run(struct campaign *campaign, size_t run, size_t cell)
{
    bool leaky = cell == 0;
    campaign->run_plans[run] =
        (struct ld_run_plan){.index = (uint32_t)run, .cell = (uint32_t)cell, .repetition = (uint32_t)run / 2};
    campaign->intervals[run][0] = (struct ld_truth_interval){.id = "i1",
                                                             .incarnation = 1,
                                                             .cause = LD_CAUSE_CHAN_RECEIVE,
                                                             .first_ns = 5 * LD_SECOND,
                                                             .manifest_ns = 6 * LD_SECOND,
                                                             .end_ns = 20 * LD_SECOND,
                                                             .amount = 9,
                                                             .seen_at_count = 1,
                                                             .seen_at = sites,
                                                             .culprit = "mailer.go:42 shop/mail.Start",
                                                             .confirmed = 9};
    campaign->truths[run] = (struct ld_truth){.intervals = campaign->intervals[run], .interval_count = leaky};
    campaign->lives[run][0] = (struct ld_life_span){.incarnation = 1, .to_ns = 20 * LD_SECOND};
    for (int i = 0; i < DETECTORS; i++)
        campaign->detectors[run][i] = (struct ld_detector_record){
            .name = names[i], .calibration = i != SUBJECT, .reason = "", .alerts = campaign->alerts[run][i]};
    campaign->runs[run] = (struct ld_run_record){.run = (uint32_t)run,
                                                 .reason = "",
                                                 .observed_from_ns = LD_SECOND,
                                                 .observed_to_ns = 20 * LD_SECOND,
                                                 .truth = &campaign->truths[run],
                                                 .life_count = 1,
                                                 .lives = campaign->lives[run],
                                                 .detector_count = DETECTORS,
                                                 .detectors = campaign->detectors[run]};
    calibrate(campaign, run, leaky);
}

struct campaign *campaign_new(size_t pairs)
{
    struct campaign *campaign = calloc(1, sizeof *campaign);
    assert_non_null(campaign);
    assert_true(2 * pairs <= RUNS_MAX);
    campaign->subject = (struct ld_detector_spec){.name = names[SUBJECT], .kind = &subject_kind};
    campaign->expectation = (struct ld_expectation){.detector = names[SUBJECT],
                                                    .detection = {.observed = -1, .confident = -1, .at = 0.95},
                                                    .line = 31};
    campaign->scenario = (struct ld_scenario){.file = "chan.yaml",
                                              .name = "chan",
                                              .time_scale = 1,
                                              .manifest = 3,
                                              .sampling = {.every_ns = 250 * LD_MS},
                                              .detector_count = 1,
                                              .detectors = &campaign->subject,
                                              .expectation_count = 1,
                                              .expectations = &campaign->expectation};
    static const char *const cell_names[] = {"chan/leaky/none", "chan/healthy/none"};
    for (uint32_t i = 0; i < 2; i++) {
        campaign->cells[i] =
            (struct ld_cell){.index = i, .scenario = &campaign->scenario, .variant = (enum ld_variant)i, .rate = 1};
        snprintf(campaign->cells[i].name, sizeof campaign->cells[i].name, "%s", cell_names[i]);
    }
    campaign->count = 2 * pairs;
    for (size_t i = 0; i < campaign->count; i++)
        make_run(campaign, i, i % 2);
    campaign->plan = (struct ld_plan){.seed = 7,
                                      .cell_count = 2,
                                      .cells = campaign->cells,
                                      .run_count = campaign->count,
                                      .runs = campaign->run_plans};
    return campaign;
}

void campaign_free(struct campaign *campaign)
{
    ld_score_done(&campaign->score);
    ld_verdicts_done(&campaign->verdicts);
    free(campaign);
}

void campaign_subject_sees(struct campaign *campaign, int64_t after_ns)
{
    for (size_t i = 0; i < campaign->count; i += 2)
        campaign_open(campaign, i, SUBJECT, 6 * LD_SECOND + after_ns, SITE);
}

void campaign_judge(struct campaign *campaign)
{
    struct ld_error error = {0};
    ld_score_done(&campaign->score);
    ld_verdicts_done(&campaign->verdicts);
    int code = ld_score_runs(&campaign->score, &campaign->plan, campaign->runs, campaign->count, &error);
    if (!code)
        code =
            ld_judge(&campaign->verdicts, &campaign->plan, campaign->runs, campaign->count, &campaign->score, &error);
    if (code)
        fail_msg("judge: %d %s", code, error.message);
}

const struct ld_check *campaign_check(const struct campaign *campaign, const char *what, const char *cell)
{
    for (size_t i = 0; i < campaign->verdicts.check_count; i++) {
        const struct ld_check *check = &campaign->verdicts.checks[i];
        if (strcmp(check->what, what) == 0 && (!cell || strcmp(check->cell, cell) == 0))
            return check;
    }
    return NULL;
}

void assert_check(const struct campaign *campaign, const char *what, const char *cell, enum ld_verdict wanted)
{
    const struct ld_check *check = campaign_check(campaign, what, cell);
    if (!check)
        fail_msg("no check \"%s\" of %s", what, cell ? cell : "any cell");
    if (check->verdict != wanted)
        fail_msg("\"%s\" is %s, wanted %s; asked %s, seen %s", what, ld_verdict_name(check->verdict),
                 ld_verdict_name(wanted), check->asked, check->seen);
}

void assert_verdict(const struct campaign *campaign, enum ld_verdict wanted)
{
    if (campaign->verdicts.verdict == wanted)
        return;
    for (size_t i = 0; i < campaign->verdicts.check_count; i++) {
        const struct ld_check *check = &campaign->verdicts.checks[i];
        print_error("%s %s %s: asked %s, seen %s\n", ld_verdict_name(check->verdict), check->cell, check->what,
                    check->asked, check->seen);
    }
    fail_msg("verdict %s, wanted %s", ld_verdict_name(campaign->verdicts.verdict), ld_verdict_name(wanted));
}
