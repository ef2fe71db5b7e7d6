/* Writing HTML: what is ours goes as it is, what is foreign is escaped; the parts of the page. */
#ifndef LD_REPORTS_HTML_H
#define LD_REPORTS_HTML_H

#include "reports/report.h"

/* Collects the first failure, so that callers check once at the end. */
struct html {
    struct ld_buffer *out;
    int code;
};

void html_raw(struct html *html, const char *markup); /* ours */
/* Ours too: only numbers and words of our own tables may be formatted into it. */
void html_printf(struct html *html, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Foreign text, for content and quoted attributes alike. What is no text becomes "?", controls that turn the direction
 * of writing too. */
void html_text(struct html *html, const char *text);
/* <element>text</element>, escaped. */
void html_element(struct html *html, const char *element, const char *text);

/* The board: at a glance, and every case. */
void html_summary(struct html *html, const struct ld_report *report);
/* Where detectors stand over all leaks. */
void html_standings(struct html *html, const struct ld_standings *standings);
void html_board(struct html *html, const struct ld_report *report);
/* A run: what happened when, its charts, the same as tables. `open`: unfolded from the start. */
void html_run(struct html *html, const struct ld_report_run_detail *detail, bool open);

/* The page's assets, embedded by the build: the style, the script, and uPlot's; "" where the build had no uPlot. */
extern const char html_page_css[], html_page_js[], html_uplot_css[], html_uplot_js[];

#endif
