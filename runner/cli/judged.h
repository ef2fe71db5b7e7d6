/* A stored campaign read back and judged again. */
#ifndef LD_RUNNER_CLI_JUDGED_H
#define LD_RUNNER_CLI_JUDGED_H

#include "runner/cli/database.h"
#include "runner/run/judge.h"

struct ld_judged_campaign {
    struct ld_stored_campaign campaign;
    struct ld_plan plan; /* what filter and shard left of it */
    struct ld_judged judged;
};
/* To be let go of by ld_judged_campaign_done also after a failure; zero-initialise. */
int ld_judged_campaign_open(struct ld_judged_campaign *judged, const char *path, struct ld_error *error);
void ld_judged_campaign_done(struct ld_judged_campaign *judged);

#endif
