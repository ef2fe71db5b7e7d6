/* Runs that a condition changed: they are evidence up to there. */
#include <string.h>

#include "base/arena.h"
#include "score/score.h"

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* What was not yet M units did not manifest; what was still held is cut off like everything at the end of follow-up.
 * Intervals keep their places: outcomes name them by index. */
static void cut_interval(struct ld_truth_interval *interval, int64_t marked_ns)
{
    if (interval->manifest_ns > marked_ns)
        interval->manifest_ns = -1;
    if (interval->end_ns <= marked_ns)
        return;
    interval->end_ns = interval->first_ns > marked_ns ? interval->first_ns : marked_ns;
    interval->end = LD_END_FOLLOW_UP;
}

static int cut_truth(struct ld_run_record *run, struct ld_arena *arena)
{
    if (!run->truth)
        return 0;
    struct ld_truth *truth = ld_arena_take(arena, sizeof *truth);
    struct ld_truth_interval *intervals =
        ld_arena_array(arena, run->truth->interval_count + 1, sizeof *intervals);
    if (!truth || !intervals)
        return LD_ENOMEM;
    *truth = *run->truth;
    if (truth->interval_count)
        memcpy(intervals, truth->intervals, truth->interval_count * sizeof *intervals);
    truth->intervals = intervals;
    for (size_t i = 0; i < truth->interval_count; i++)
        cut_interval(&truth->intervals[i], run->marked_ns);
    run->truth = truth;
    return 0;
}

static int cut_lives(struct ld_run_record *run, struct ld_arena *arena)
{
    struct ld_life_span *lives = ld_arena_array(arena, run->life_count + 1, sizeof *lives);
    size_t kept = 0;
    if (!lives)
        return LD_ENOMEM;
    for (size_t i = 0; i < run->life_count; i++) {
        if (run->lives[i].from_ns > run->marked_ns)
            continue;
        lives[kept] = run->lives[i];
        lives[kept].to_ns = earlier(lives[kept].to_ns, run->marked_ns);
        kept++;
    }
    run->lives = lives;
    run->life_count = kept;
    return 0;
}

/* By the receipt, as everything in scoring. */
static size_t cut_alerts(const struct ld_alert *alerts, size_t count, int64_t marked_ns)
{
    size_t kept = 0;
    while (kept < count && alerts[kept].receipt_ns <= marked_ns)
        kept++;
    return kept;
}

int ld_score_censor(struct ld_run_record *run, struct ld_arena *arena)
{
    if (run->marked_ns < 0 || run->marked_ns >= run->observed_to_ns)
        return 0;
    run->observed_to_ns = run->marked_ns;
    int code = cut_truth(run, arena);
    if (!code)
        code = cut_lives(run, arena);
    for (size_t i = 0; i < run->detector_count && !code; i++)
        run->detectors[i].alert_count =
            cut_alerts(run->detectors[i].alerts, run->detectors[i].alert_count, run->marked_ns);
    return code;
}
