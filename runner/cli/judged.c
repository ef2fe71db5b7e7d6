#include "runner/cli/judged.h"

int ld_judged_campaign_open(struct ld_judged_campaign *judged, const char *path, struct ld_error *error)
{
    int code = ld_stored_campaign_open(&judged->campaign, path, false, error);
    if (!code)
        code = ld_stored_campaign_narrow(&judged->campaign, &judged->plan, error);
    if (!code)
        code = ld_judge_store(&judged->judged, judged->campaign.store, &judged->plan, error);
    return code;
}

void ld_judged_campaign_done(struct ld_judged_campaign *judged)
{
    ld_judged_done(&judged->judged);
    ld_stored_campaign_done(&judged->campaign);
}
