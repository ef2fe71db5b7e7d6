/* Sequential repeats in the reports: what each test came to, and what was not needed. */
#ifndef LD_REPORTS_SEQUENTIAL_H
#define LD_REPORTS_SEQUENTIAL_H

#include "reports/style.h"

#define SEQUENTIAL_TEXT 320

/* "stopped after 28 of at most 60 runs: a miss rate of at most 5% accepted, 1 miss in 28". */
const char *sequential_told(const struct ld_sequential_result *result, char text[SEQUENTIAL_TEXT]);
/* "6 tests: 4 accepted, 1 rejected, 1 not decided; 74 of 120 runs were not needed"; "" without tests. */
const char *sequential_sum(const struct ld_verdicts *verdicts, size_t planned, char text[SEQUENTIAL_TEXT]);
/* ", 74 not needed", behind the numbers of runs; "" when all were. */
const char *sequential_spared(const struct ld_verdicts *verdicts, char text[SEQUENTIAL_TEXT]);
/* The block of the terminal's report; nothing without tests. */
void sequential_text(struct styled *styled, const struct ld_report *report);

#endif
