/* What got worse, and better, against a baseline. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "reports/style.h"

static void item_line(struct styled *styled, const struct ld_regression *item)
{
    char line[2048];
    bool confirmed = item->rerun == LD_RERUN_CONFIRMED, refuted = item->rerun == LD_RERUN_NOT_AGAIN;
    styled_colour(styled, confirmed ? STYLE_RED : ld_regression_is_open(item) ? STYLE_YELLOW : STYLE_DIM);
    styled_cell(styled, refuted ? "not again" : ld_regression_name(item->kind), 12, true);
    styled_colour(styled, STYLE_PLAIN);
    snprintf(line, sizeof line, "%.100s, %.256s: %s", item->detector, item->cell, item->text);
    styled_wrapped(styled, 12, 14, line);
}

int ld_report_regressions(const struct ld_regressions *regressions, const char *baseline,
                          const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    char line[320];
    size_t gone = 0;
    styled_begin(&styled, style, out);
    bool fails = ld_regressions_fail(regressions), open = ld_regressions_open(regressions);
    snprintf(line, sizeof line, "Against the baseline %.100s: %s", baseline,
             fails                   ? "worse"
             : open                   ? "inconclusive, what looks worse can be chance"
             : !regressions->compared ? "nothing in common"
             : regressions->count     ? "not worse"
                                      : "no difference");
    styled_colour(&styled, fails ? STYLE_RED : regressions->compared && !open ? STYLE_GREEN : STYLE_YELLOW);
    styled_wrapped(&styled, 0, 0, line);
    styled_colour(&styled, STYLE_PLAIN);
    for (size_t i = 0; i < regressions->count; i++) {
        gone += regressions->items[i].kind == LD_REGRESSION_GONE; /* the last kind; a filter leaves out most */
        if (gone == 0)
            item_line(&styled, &regressions->items[i]);
    }
    if (gone) {
        const struct ld_regression *first = &regressions->items[regressions->count - gone];
        snprintf(line, sizeof line, "%zu rows of the baseline are not in this campaign, such as %.60s in %.120s.", gone,
                 first->detector, first->cell);
        styled_wrapped(&styled, 0, 0, line);
    }
    return styled.code;
}

static json_t *finding_object(const struct ld_regression *item)
{
    bool confirmed = item->rerun == LD_RERUN_CONFIRMED;
    return json_pack("{s:s, s:b, s:o, s:o, s:o, s:b, s:b, s:s, s:o}", "kind", ld_regression_name(item->kind), "fails",
                     confirmed, "cell", style_json_text(item->cell), "detector", style_json_text(item->detector),
                     "text", style_json_text(item->text), "run_again", item->rerun != LD_RERUN_NONE, "confirmed",
                     confirmed, "rerun", ld_rerun_name(item->rerun), "p",
                     isnan(item->p) ? json_null() : json_real(item->p));
}

int ld_report_regressions_json(const struct ld_regressions *regressions, const char *baseline, struct ld_buffer *out)
{
    json_t *findings = json_array();
    for (size_t i = 0; findings && i < regressions->count; i++)
        if (json_array_append_new(findings, finding_object(&regressions->items[i])) != 0) {
            json_decref(findings); /* one that is left out would look like none */
            return LD_ENOMEM;
        }
    return style_json(json_pack("{s:o, s:b, s:b, s:I, s:I, s:o}", "baseline", style_json_text(baseline), "worse",
                                ld_regressions_fail(regressions), "open", ld_regressions_open(regressions),
                                "rows_compared", (json_int_t)regressions->compared, "comparisons",
                                (json_int_t)regressions->comparisons, "findings", findings), out);
}
