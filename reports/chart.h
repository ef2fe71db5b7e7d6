/* Charts of a run on one time axis: which there are, and their lines as SVG, as data for uPlot, and as a table.
 *
 * SVG's x is in per cent of the width, so that text keeps its size at any width of the page; lines stand in an inner
 * <svg> that is stretched. The left margin, for the values, is the style's. */
#ifndef LD_REPORTS_CHART_H
#define LD_REPORTS_CHART_H

#include "observe/metric.h"
#include "reports/html.h"

/* The metrics that charts show; returns their number. */
size_t chart_metrics(enum ld_metric metrics[LD_METRIC_COUNT]);

/* The time that a run's charts show: from its start to its end. */
int64_t chart_end_ns(const struct ld_report_run_detail *detail);
/* Where an instant is on the axis: 0 to 100. */
double chart_percent(int64_t time_ns, int64_t end_ns);
/* Lines and labels of the time axis, the labels below a plot `height` pixels high. */
void chart_time_axis(struct html *html, int64_t end_ns, int height);

/* All charts of a run that have a number. */
void chart_all(struct html *html, const struct ld_report_run_detail *detail);
/* Their numbers. */
void chart_table(struct html *html, const struct ld_report_run_detail *detail);

#endif
