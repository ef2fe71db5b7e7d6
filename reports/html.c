/* The HTML page: one file that needs nothing else and asks nobody for anything. Its policy allows the very bytes of
 * its own style and scripts (by their hashes) and nothing more, so that what slipped past escaping would still not run.
 */
#include "reports/html.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/utils.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/board.h"
#include "reports/conditions.h"
#include "reports/style.h"
#include "reports/sequential.h"

#define OPEN_RUNS 3 /* unfolded from the start */
#define DIGEST_TEXT 64

void html_raw(struct html *html, const char *markup)
{
    if (!html->code)
        html->code = ld_buffer_add_text(html->out, markup);
}

void html_printf(struct html *html, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!html->code)
        html->code = ld_buffer_vprintf(html->out, format, arguments);
    va_end(arguments);
}

static const char *entity_of(char character)
{
    static const struct {
        char character;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (entities[i].character == character)
            return entities[i].entity;
    return NULL;
}

void html_text(struct html *html, const char *text)
{
    while (*text && !html->code) {
        size_t length = style_sequence(text);
        bool nonsense = style_is_nonsense(text, length) && *text != '\n' && *text != '\t';
        const char *entity = entity_of(*text);
        if (entity || nonsense)
            html_raw(html, nonsense ? "?" : entity);
        else
            html->code = ld_buffer_add(html->out, text, length);
        text += length ? length : 1;
    }
}

void html_element(struct html *html, const char *element, const char *text)
{
    html_printf(html, "<%s>", element);
    html_text(html, text);
    html_printf(html, "</%s>", element);
}

/* ---- head */

struct digest {
    char text[DIGEST_TEXT];
};

/* 'sha256-…' of the texts, one after the other. */
static struct digest digest_of(const char *first, const char *second)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    struct digest digest;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)first, strlen(first));
    crypto_hash_sha256_update(&state, (const unsigned char *)second, strlen(second));
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2base64(digest.text, sizeof digest.text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    return digest;
}

static void head(struct html *html, const struct ld_report *report)
{
    html_raw(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html_printf(html,
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
                "script-src 'sha256-%s' 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n",
                digest_of(html_uplot_css, html_page_css).text, digest_of(html_uplot_js, "").text,
                digest_of(html_page_js, "").text);
    html_raw(html,
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
             "<title>leakdrill: ");
    html_printf(html, "%s, ", ld_verdict_name(report->verdicts->verdict));
    html_text(html, report->campaign ? report->campaign : "");
    html_raw(html, "</title>\n<style>");
    html_raw(html, html_uplot_css);
    html_raw(html, html_page_css);
    html_raw(html, "</style>\n</head>\n");
}

/* ---- verdict and checks */

static const struct {
    const char *word, *class, *meaning;
} verdict_words[] = {
    [LD_VERDICT_PASS] = {"PASS", "good",
                         "Every expectation is met, and the calibration set came out at its known scores."},
    [LD_VERDICT_FAIL] = {"FAIL", "bad", "An expectation is not met."},
    [LD_VERDICT_INCONCLUSIVE] = {"INCONCLUSIVE", "warn", "There is not enough evidence."},
    [LD_VERDICT_HARNESS] = {"HARNESS", "bad",
                            "The harness, its machine or its scoring failed: nothing may be concluded."},
};

static size_t count_failed(const struct ld_report *report)
{
    size_t failed = 0;
    for (size_t i = 0; i < report->verdicts->check_count; i++)
        failed += report->verdicts->checks[i].verdict != LD_VERDICT_PASS;
    return failed;
}

static void fact(struct html *html, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    html_raw(html, "<div>");
    html_element(html, "dt", name);
    html_element(html, "dd", value);
    html_raw(html, "</div>");
}

static void header(struct html *html, const struct ld_report *report)
{
    char spared[SEQUENTIAL_TEXT], runs[SEQUENTIAL_TEXT + 64], sequential[SEQUENTIAL_TEXT];
    char checks[64], seed[32], rules[BOARD_REMARKS], about[BOARD_REMARKS];
    enum ld_verdict verdict = report->verdicts->verdict;
    html_printf(html,
                "<header>\n<h1>leakdrill <span class=\"verdict %s\">%s%s</span></h1>\n<p>%s</p>\n<dl class=\"facts\">",
                verdict_words[verdict].class, verdict_words[verdict].word, report->interrupted ? " (interrupted)" : "",
                verdict_words[verdict].meaning);
    snprintf(runs, sizeof runs, "%zu of %zu, %u no evidence%s", report->run_count, report->plan->run_count,
             report->verdicts->excluded, sequential_spared(report->verdicts, spared));
    snprintf(checks, sizeof checks, "%zu of %zu passed", report->verdicts->check_count - count_failed(report),
             report->verdicts->check_count);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)report->plan->seed);
    fact(html, "campaign", report->campaign);
    fact(html, "runs", runs);
    fact(html, "sequential", sequential_sum(report->verdicts, report->plan->run_count, sequential));
    fact(html, "checks", checks);
    fact(html, "seed", seed);
    fact(html, "calibration", board_calibration(report->verdicts));
    board_rules(report, rules, sizeof rules);
    board_about(report, about, sizeof about);
    fact(html, "rules", rules);
    fact(html, "started", about);
    fact(html, "database", report->database);
    html_raw(html, "</dl>\n</header>\n");
}

/* A cell that says its column's name where rows are too narrow for columns. */
static void labelled(struct html *html, const char *label, const char *text)
{
    html_printf(html, "<td data-label=\"%s\">", label);
    html_text(html, text);
    html_raw(html, "</td>");
}

static void check_row(struct html *html, const struct ld_plan *plan, const struct ld_check *check)
{
    html_printf(html, "<tr><td><span class=\"tag %s\">%s</span></td><th scope=\"row\">",
                check->notable ? "warn" : verdict_words[check->verdict].class,
                check->notable ? board_notable_word(check) : verdict_words[check->verdict].word);
    html_text(html, check->what);
    html_raw(html, "</th>");
    labelled(html, "detector", check->detector);
    html_raw(html, "<td data-label=\"cell\">");
    html_element(html, "code", check->cell);
    html_raw(html, "</td>");
    labelled(html, "asked", check->asked);
    labelled(html, "seen", check->seen);
    html_raw(html, "<td data-label=\"where\">");
    if (check->line) {
        html_raw(html, "<code>");
        html_text(html, board_scenario_file(plan, check->scenario));
        html_printf(html, ":%u</code>", check->line);
    }
    html_raw(html, "</td></tr>\n");
}

enum told { TOLD_FAILED, TOLD_NOTABLE, TOLD_PASSED }; /* what is notable has passed, too */

static enum told told_as(const struct ld_check *check)
{
    return check->verdict != LD_VERDICT_PASS ? TOLD_FAILED : check->notable ? TOLD_NOTABLE : TOLD_PASSED;
}

static void check_table(struct html *html, const struct ld_report *report, enum told told, const char *that)
{
    static const enum ld_verdict worst_first[] = {LD_VERDICT_HARNESS, LD_VERDICT_FAIL, LD_VERDICT_INCONCLUSIVE,
                                                  LD_VERDICT_PASS};
    html_printf(html,
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Checks that %s\"><table "
                "class=\"checks\"><thead><tr>"
                "<th scope=\"col\">verdict</th><th scope=\"col\">check</th><th scope=\"col\">detector</th>"
                "<th scope=\"col\">cell</th><th scope=\"col\">asked</th><th scope=\"col\">seen</th>"
                "<th scope=\"col\">where</th></tr></thead><tbody>\n",
                that);
    for (size_t order = 0; order < sizeof worst_first / sizeof *worst_first; order++) {
        for (size_t i = 0; i < report->verdicts->check_count; i++) {
            struct ld_check check;
            if (report->verdicts->checks[i].verdict == worst_first[order] &&
                told_as(&report->verdicts->checks[i]) == told && board_check(report, i, &check))
                check_row(html, report->plan, &check);
        }
    }
    html_raw(html, "</tbody></table></div>\n");
}

static void failed_checks(struct html *html, const struct ld_report *report)
{
    if (!count_failed(report))
        return;
    html_raw(html, "<section aria-labelledby=\"failed\">\n<h2 id=\"failed\">Checks that did not pass</h2>\n");
    check_table(html, report, TOLD_FAILED, "did not pass");
    html_raw(html, "</section>\n");
}

static void notable_checks(struct html *html, const struct ld_report *report)
{
    if (!board_notable(report->verdicts))
        return;
    html_raw(html, "<section aria-labelledby=\"notable\">\n<h2 id=\"notable\">Passed, and yet news</h2>\n");
    check_table(html, report, TOLD_NOTABLE, "passed and are news");
    html_raw(html, "</section>\n");
}

static void passed_checks(struct html *html, const struct ld_report *report)
{
    size_t passed = report->verdicts->check_count - count_failed(report) - board_notable(report->verdicts);
    if (!passed)
        return;
    html_printf(html,
                "<section aria-labelledby=\"passed\">\n<h2 id=\"passed\">Checks that passed</h2>\n"
                "<details><summary>All %zu</summary>\n", passed);
    check_table(html, report, TOLD_PASSED, "passed");
    html_raw(html, "</details>\n</section>\n");
}

static void excluded_runs(struct html *html, const struct ld_report *report)
{
    if (!report->verdicts->excluded)
        return;
    html_raw(html,
             "<section aria-labelledby=\"excluded\">\n<h2 id=\"excluded\">Runs that are no evidence</h2>\n<ul>\n");
    for (size_t i = 0; i < report->run_count; i++) {
        const struct ld_run_record *run = &report->runs[i];
        if (run->validity == LD_VALID)
            continue;
        html_printf(html, "<li>run %u: %s: ", run->run, ld_validity_name(run->validity));
        html_element(html, "code", run->reason ? run->reason : "");
        html_raw(html, "</li>\n");
    }
    html_raw(html, "</ul>\n</section>\n");
}

/* ---- conditions */

static void condition_row(struct html *html, const struct conditions_row *row)
{
    char median[CONDITIONS_VALUE], longest[CONDITIONS_VALUE];
    html_raw(html, "<tr><th scope=\"row\">");
    html_element(html, "code", row->cell->name);
    html_raw(html, "</th><td>");
    html_element(html, "code", row->id);
    html_raw(html, "</td>");
    html_element(html, "td", row->asked);
    html_printf(html, "<td>%u/%u</td><td>%u/%u</td><td>", row->acted, row->runs, row->recovered,
                row->followed);
    html_text(html, conditions_median(row, median));
    html_raw(html, "</td><td>");
    html_text(html, conditions_longest(row, longest));
    html_printf(html, "</td><td>%u</td></tr>\n", row->relapsed);
}

static void conditions(struct html *html, const struct ld_report *report)
{
    struct conditions_row *rows = calloc(CONDITIONS_MAX, sizeof *rows);
    char text[320];
    unsigned marked;
    size_t count = rows ? conditions_rows(report, rows, &marked) : 0;
    if (count) {
        html_raw(html, "<section aria-labelledby=\"conditions\">\n<h2 id=\"conditions\">Conditions and "
                       "reactions</h2>\n");
        html_element(html, "p", conditions_sentence(report, marked, text, sizeof text));
        html_raw(html, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Conditions and "
                       "reactions\"><table class=\"wide\"><thead><tr><th scope=\"col\">cell</th><th "
                       "scope=\"col\">condition</th><th scope=\"col\">when</th><th scope=\"col\">acted</th><th "
                       "scope=\"col\">back</th><th scope=\"col\">median</th><th scope=\"col\">longest</th><th "
                       "scope=\"col\">relapsed</th></tr></thead><tbody>\n");
        for (size_t i = 0; i < count; i++)
            condition_row(html, &rows[i]);
        html_raw(html, "</tbody></table></div>\n</section>\n");
    }
    free(rows);
}

/* ---- runs */

static void legend(struct html *html)
{
    static const struct {
        const char *class, *words;
    } keys[] = {{"bar-fault", "fault acts"},           {"bar-onset", "leak, first unit"},
                {"bar-leak", "leak, manifested"},      {"bar-hold", "bounded hold"},
                {"bar-true", "alert, true"},           {"bar-false", "alert, false"},
                {"bar-unjudged", "alert, not judged"}, {"bar-blind", "could not see"}};
    html_raw(html, "<ul class=\"legend\">");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        html_printf(html,
                    "<li><svg width=\"22\" height=\"10\" aria-hidden=\"true\"><g class=\"%s\"><rect width=\"22\" "
                    "height=\"10\"/></g></svg> %s</li>",
                    keys[i].class, keys[i].words);
    html_raw(html, "</ul>\n");
}

/* The stripes of false alarms: a second sign beside the colour. */
static void patterns(struct html *html)
{
    html_raw(html,
             "<svg class=\"definitions\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs><pattern id=\"stripes\" "
             "width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
             "<rect class=\"stripe-ground\" width=\"6\" height=\"6\"/><rect class=\"stripe\" width=\"2\" height=\"6\"/>"
             "</pattern></defs></svg>\n");
}

static void runs(struct html *html, const struct ld_report_details *details)
{
    if (!details || details->count == 0)
        return;
    html_raw(html, "<section aria-labelledby=\"runs\">\n<h2 id=\"runs\">Runs</h2>\n<p>All runs of cells with a failed "
                   "check, those that "
                   "are no evidence, and one of every other cell.");
    if (details->left_out)
        html_printf(html, " %zu more did not fit on this page; <code>leakdrill show RUN</code> tells them.",
                    details->left_out);
    html_raw(html, "</p>\n");
    patterns(html);
    legend(html);
    for (size_t i = 0; i < details->count && !html->code; i++)
        html_run(html, &details->runs[i], i < OPEN_RUNS);
    html_raw(html, "</section>\n");
}

static void script(struct html *html, const char *text)
{
    if (!*text)
        return;
    html_raw(html, "<script>");
    html_raw(html, text);
    html_raw(html, "</script>\n");
}

int ld_report_html(const struct ld_report *report, const struct ld_report_details *details, struct ld_buffer *out)
{
    struct html html = {.out = out};
    head(&html, report);
    html_raw(&html, "<body>\n");
    header(&html, report);
    html_raw(&html, "<main>\n");
    html_summary(&html, report);
    if (report->standings && ld_standings_can_claim(report->standings))
        html_standings(&html, report->standings);
    failed_checks(&html, report);
    notable_checks(&html, report);
    conditions(&html, report);
    excluded_runs(&html, report);
    html_board(&html, report);
    runs(&html, details);
    passed_checks(&html, report);
    html_raw(&html, "</main>\n");
    script(&html, html_uplot_js);
    script(&html, html_page_js);
    html_raw(&html, "</body>\n</html>\n");
    return html.code;
}
