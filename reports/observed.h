/* Runs of which nobody says what leaked (truth: none): recordings, imports, attached services. Nothing can be right or
 * wrong there, so that no table of leaks is drawn of them; what the detectors said is told instead. */
#ifndef LD_REPORTS_OBSERVED_H
#define LD_REPORTS_OBSERVED_H

#include "reports/report.h"
#include "reports/style.h"

/* For a terminal, all runs of the scenario. */
void observed_text(struct styled *styled, const struct ld_report *report, const struct ld_scenario *scenario);

#endif
