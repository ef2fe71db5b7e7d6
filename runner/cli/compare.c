/* Two detectors on the same runs, or one in two campaigns. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "reports/report.h"
#include "runner/cli/judged.h"
#include "runner/cli/style.h"

#define COMPARE_OUTPUT_MAX ((size_t)256 << 20)

#define NAMES_MAX 256

/* Did the detector watch any run? If not the error says which name is near. */
static int check_detector(const struct ld_judged_campaign *side, const char *detector, const char *path,
                          struct ld_error *error)
{
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < side->judged.score.detector_run_count; i++) {
        const char *name = side->judged.score.detector_runs[i].detector;
        size_t known = 0;
        if (strcmp(name, detector) == 0)
            return 0;
        while (known < count && strcmp(names[known], name) != 0)
            known++;
        if (known == count && count < NAMES_MAX)
            names[count++] = name;
    }
    names[count] = NULL;
    const char *nearest = ld_nearest(detector, names);
    return ld_fail(error, LD_EUSAGE, "no run of %s was watched by \"%s\"%s%s%s", path, detector,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static struct ld_compare_side side_of(const struct ld_judged_campaign *side, const char *detector)
{
    const struct ld_judged *judged = &side->judged;
    return (struct ld_compare_side){&side->plan, judged->records, judged->count, &judged->score, detector};
}

static int compare(const struct ld_invocation *invocation, const struct ld_judged_campaign *left,
                   const struct ld_judged_campaign *right, const char *const detectors[2], bool *ret_compared,
                   struct ld_error *error)
{
    const struct ld_compare_side left_side = side_of(left, detectors[0]), right_side = side_of(right, detectors[1]);
    const struct ld_report_sides names = {invocation->arguments[0], invocation->arguments[1]};
    struct ld_text_style style = ld_style_of(STDOUT_FILENO, invocation->colour);
    struct ld_comparison comparison;
    struct ld_buffer out;
    int code = ld_compare(&comparison, &left_side, &right_side, left->plan.seed, error);
    if (code)
        return code;
    ld_buffer_init(&out, COMPARE_OUTPUT_MAX);
    code = ld_option_given(invocation, "json") ? ld_report_compare_json(&comparison, &names, &out)
                                               : ld_report_compare(&comparison, &names, &style, &out);
    if (!code)
        ld_put(&out);
    else
        ld_fail(error, code, "%s", ld_code_text(code));
    *ret_compared = comparison.pairs > 0;
    ld_buffer_done(&out);
    ld_comparison_done(&comparison);
    return code;
}

static int compare_detectors(const struct ld_invocation *invocation, bool *ret_compared, struct ld_error *error)
{
    const char *const detectors[2] = {invocation->arguments[0], invocation->arguments[1]};
    struct ld_judged_campaign side = {0};
    char path[512];
    int code = ld_database_find(ld_option_text(invocation, "db"), path, sizeof path, error);
    if (!code)
        code = ld_judged_campaign_open(&side, path, error);
    for (int i = 0; i < 2 && !code; i++)
        code = check_detector(&side, detectors[i], path, error);
    if (!code)
        code = compare(invocation, &side, &side, detectors, ret_compared, error);
    ld_judged_campaign_done(&side);
    return code;
}

static int compare_campaigns(const struct ld_invocation *invocation, const char *detector, bool *ret_compared,
                             struct ld_error *error)
{
    const char *const detectors[2] = {detector, detector};
    struct ld_judged_campaign sides[2] = {0};
    int code = 0;
    for (int i = 0; i < 2 && !code; i++) {
        char path[512];
        code = ld_database_find(invocation->arguments[i], path, sizeof path, error);
        if (!code)
            code = ld_judged_campaign_open(&sides[i], path, error);
        if (!code)
            code = check_detector(&sides[i], detector, invocation->arguments[i], error);
    }
    if (!code)
        code = compare(invocation, &sides[0], &sides[1], detectors, ret_compared, error);
    ld_judged_campaign_done(&sides[0]);
    ld_judged_campaign_done(&sides[1]);
    return code;
}

int ld_command_compare(const struct ld_invocation *invocation)
{
    struct ld_error error = {0};
    const char *detector = ld_option_text(invocation, "detector");
    if (invocation->argument_count != 2)
        return ld_usage_error(invocation->command, "takes two detectors, or two databases with --detector");
    if (detector && ld_option_given(invocation, "db"))
        return ld_usage_error(invocation->command, "--db goes with two detectors, --detector with two databases");
    bool files = access(invocation->arguments[0], F_OK) == 0 && access(invocation->arguments[1], F_OK) == 0;
    if (files && !detector)
        return ld_usage_error(invocation->command, "two databases need --detector DETECTOR");
    bool compared = false;
    int code = detector ? compare_campaigns(invocation, detector, &compared, &error)
                        : compare_detectors(invocation, &compared, &error);
    if (code)
        return ld_say_error(invocation->command, &error);
    return compared ? LD_EXIT_OK : LD_EXIT_INCONCLUSIVE;
}
