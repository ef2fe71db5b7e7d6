/* What a person sees while a campaign runs: a live table on a terminal, one plain line an ended run in a log. stderr.
 */
#ifndef LD_RUNNER_CLI_PROGRESS_H
#define LD_RUNNER_CLI_PROGRESS_H

#include "runner/run/campaign.h"

struct ld_progress {
    bool live;       /* stderr is a terminal that can move its cursor */
    bool colour;
    unsigned width;  /* columns */
    unsigned drawn;  /* lines of the live table that stand on the screen */
    unsigned jobs;
};

void ld_progress_init(struct ld_progress *progress, unsigned jobs);
struct ld_campaign_events ld_progress_events(struct ld_progress *progress);
/* Take the live table off the screen. */
void ld_progress_end(struct ld_progress *progress);
/* Columns of the terminal behind `fd`, 80 when it is none or does not say. */
unsigned ld_terminal_width(int fd);

#endif
