/* One run on the page: when faults acted, when what leaked, when which detector claimed it; its charts; its tables. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reports/chart.h"

#define LANE_HEIGHT 32 /* pixels: a line of text and a bar */
#define BAR_TOP 18
#define BAR_HEIGHT 8
#define LANES_MAX 48 /* faults and leaks; detectors have theirs in any case */

struct lanes {
    struct html *html;
    const struct ld_report_run_detail *detail;
    int64_t end_ns;
    int y;
};

static double seconds(int64_t ns)
{
    return (double)ns / (double)LD_SECOND;
}

/* ---- lanes */

static void lane_label(struct lanes *lanes, const char *kind, const char *name, const char *remark)
{
    html_printf(lanes->html, "<text class=\"lane\" x=\"0\" y=\"%d\"><tspan class=\"dim\">%s </tspan>", lanes->y + 13,
                kind);
    html_text(lanes->html, name);
    if (*remark) {
        html_raw(lanes->html, "<tspan class=\"dim\">, ");
        html_text(lanes->html, remark);
        html_raw(lanes->html, "</tspan>");
    }
    html_raw(lanes->html, "</text>");
    html_printf(lanes->html, "<rect class=\"track\" x=\"0\" width=\"100%%\" y=\"%d\" height=\"%d\"/>",
                lanes->y + BAR_TOP, BAR_HEIGHT);
}

/* A stretch of a lane, at least 3 pixels wide so that an instant is seen, too. */
static void bar(struct lanes *lanes, const char *class, int64_t from_ns, int64_t to_ns, const char *title)
{
    double from = chart_percent(from_ns, lanes->end_ns), to = chart_percent(to_ns, lanes->end_ns);
    html_printf(lanes->html, "<g class=\"%s\"><title>", class);
    html_text(lanes->html, title);
    html_printf(lanes->html, " (%.3f s to %.3f s)</title>", seconds(from_ns), seconds(to_ns));
    html_printf(lanes->html, "<rect x=\"%.2f%%\" width=\"3\" y=\"%d\" height=\"%d\"/>", from, lanes->y + BAR_TOP,
                BAR_HEIGHT);
    html_printf(lanes->html, "<rect x=\"%.2f%%\" width=\"%.2f%%\" y=\"%d\" height=\"%d\"/></g>", from, to - from,
                lanes->y + BAR_TOP, BAR_HEIGHT);
}

static void fault_lanes(struct lanes *lanes)
{
    for (size_t i = 0; i < lanes->detail->fault_count && i < LANES_MAX; i++) {
        const struct ld_stored_fault *fault = &lanes->detail->faults[i];
        bool acted = fault->began_ns >= 0;
        lane_label(lanes, "fault", fault->id, acted ? fault->receipt : "no receipt");
        if (acted)
            bar(lanes, "bar-fault", fault->began_ns, fault->ended_ns, fault->id);
        lanes->y += LANE_HEIGHT;
    }
}

static const char *amount_of(const struct ld_truth_interval *interval, char *amount, size_t size)
{
    if (interval->unit == LD_UNIT_BYTES && interval->amount >= 0)
        snprintf(amount, size, "%.3g MiB", (double)interval->amount / (1024.0 * 1024.0));
    else
        snprintf(amount, size, "%lld %s", (long long)interval->amount, ld_unit_name(interval->unit));
    return amount;
}

static void truth_lanes(struct lanes *lanes)
{
    const struct ld_truth *truth = lanes->detail->record->truth;
    for (size_t i = 0; truth && i < truth->interval_count && i < LANES_MAX; i++) {
        const struct ld_truth_interval *interval = &truth->intervals[i];
        char amount[64], remark[128];
        snprintf(remark, sizeof remark, "%s at most", amount_of(interval, amount, sizeof amount));
        lane_label(lanes, interval->hold ? "hold" : "leak", ld_cause_table[interval->cause].name, remark);
        bar(lanes, interval->hold ? "bar-hold" : "bar-onset", interval->first_ns, interval->end_ns, interval->id);
        if (!interval->hold && interval->manifest_ns >= 0)
            bar(lanes, "bar-leak", interval->manifest_ns, interval->end_ns, "manifested");
        lanes->y += LANE_HEIGHT;
    }
}

static void life_lanes(struct lanes *lanes)
{
    const struct ld_run_record *record = lanes->detail->record;
    bool restarted = false;
    for (size_t i = 0; i < record->life_count; i++)
        restarted = restarted || record->lives[i].incarnation > 1 || record->lives[i].to_ns < record->observed_to_ns;
    for (size_t i = 0; restarted && i < record->life_count && i < LANES_MAX; i++) {
        const struct ld_life_span *life = &record->lives[i];
        char name[64];
        if (i == 0 || life->instance != record->lives[i - 1].instance) {
            snprintf(name, sizeof name, "instance %u", life->instance);
            lanes->y += i > 0 ? LANE_HEIGHT : 0;
            lane_label(lanes, "lives of", name, "");
        }
        snprintf(name, sizeof name, "life %u", life->incarnation);
        bar(lanes, life->incarnation % 2 ? "bar-life" : "bar-life other", life->from_ns, life->to_ns, name);
    }
    lanes->y += restarted ? LANE_HEIGHT : 0;
}

/* Does anybody say whether this alert is right? Not where no truth is known, nor of a detector that broke: that counts
 * neither for nor against. */
static bool is_judged(const struct ld_report_run_detail *detail, const struct ld_detector_record *detector)
{
    return detail->cell->scenario->target.truth != LD_TRUTH_NONE && !detector->failed;
}

static const char *episode_word(const struct ld_episode *episode, bool judged)
{
    return !judged               ? "not judged"
           : episode->wrong_site    ? "false alarm: wrong site"
           : episode->false_alarm ? "false alarm"
           : episode->during_hold ? "during a hold"
                                  : "true";
}

static const char *episode_bar(const struct ld_episode *episode, bool judged)
{
    return !judged                ? "bar-unjudged"
           : episode->false_alarm ? "bar-false"
           : episode->during_hold ? "bar-hold"
                                  : "bar-true";
}

static void detector_lane(struct lanes *lanes, const struct ld_detector_record *detector,
                          const struct ld_episodes *episodes)
{
    const bool judged = is_judged(lanes->detail, detector);
    char remark[64] = "no alert";
    if (detector->failed)
        snprintf(remark, sizeof remark, "broke");
    else if (episodes->count)
        snprintf(remark, sizeof remark, "%zu alert%s", episodes->count, episodes->count == 1 ? "" : "s");
    lane_label(lanes, "", detector->name, remark);
    for (size_t i = 0; i < episodes->count; i++) {
        const struct ld_episode *episode = &episodes->items[i];
        char title[400];
        snprintf(title, sizeof title, "%s: %s%s%.200s", episode_word(episode, judged),
                 ld_cause_table[episode->cause].name, *episode->site ? " at " : "", episode->site);
        bar(lanes, episode_bar(episode, judged), episode->from_ns, episode->to_ns, title);
    }
}

/* Pairs of unknown and known, on the detector's own lane above its bars. */
static void blind_stretches(struct lanes *lanes, const struct ld_detector_record *detector)
{
    for (size_t i = 0; i < detector->alert_count; i++) {
        const struct ld_alert *alert = &detector->alerts[i];
        int64_t to_ns = lanes->end_ns;
        if (alert->action != LD_ALERT_UNKNOWN)
            continue;
        for (size_t j = i + 1; j < detector->alert_count; j++) {
            if (detector->alerts[j].action == LD_ALERT_KNOWN && detector->alerts[j].id == alert->id) {
                to_ns = detector->alerts[j].receipt_ns;
                break;
            }
        }
        bar(lanes, "bar-blind", alert->receipt_ns, to_ns, "it could not see");
    }
}

static int episodes_of(const struct ld_report_run_detail *detail, size_t detector, struct ld_episodes *ret_episodes)
{
    return ld_episodes_make(ret_episodes, detail->record, detector, ld_score_quiet_ns(detail->cell->scenario));
}

static void detector_lanes(struct lanes *lanes)
{
    const struct ld_run_record *record = lanes->detail->record;
    for (size_t i = 0; i < record->detector_count && !lanes->html->code; i++) {
        struct ld_episodes episodes;
        if (record->detectors[i].calibration)
            continue;
        lanes->html->code = episodes_of(lanes->detail, i, &episodes);
        if (lanes->html->code)
            return;
        detector_lane(lanes, &record->detectors[i], &episodes);
        blind_stretches(lanes, &record->detectors[i]);
        lanes->y += LANE_HEIGHT;
        ld_episodes_done(&episodes);
    }
}

/* The height is known only afterwards: the lanes are written apart and put in. */
static void all_lanes(struct html *html, const struct ld_report_run_detail *detail)
{
    struct ld_buffer inner;
    ld_buffer_init(&inner, html->out->maximum);
    struct html inside = {.out = &inner, .code = html->code};
    struct lanes lanes = {.html = &inside, .detail = detail, .end_ns = chart_end_ns(detail)};
    fault_lanes(&lanes);
    life_lanes(&lanes);
    truth_lanes(&lanes);
    detector_lanes(&lanes);
    html->code = inside.code;
    html_printf(html,
                "<figure class=\"chart lanes\"><figcaption><b>What happened when</b></figcaption>"
                "<svg class=\"plot\" role=\"img\" height=\"%d\"><title>Faults, leaks and alerts of run %u over time"
                "</title><desc>The same is in the tables below.</desc>",
                lanes.y + 20, detail->record->run);
    chart_time_axis(html, lanes.end_ns, lanes.y);
    html_raw(html, ld_buffer_text(&inner));
    html_raw(html, "</svg></figure>\n");
    ld_buffer_done(&inner);
}

/* ---- tables */

static void time_cell(struct html *html, int64_t ns)
{
    if (ns < 0)
        html_raw(html, "<td></td>");
    else
        html_printf(html, "<td class=\"number\">%.3f</td>", seconds(ns));
}

static void scroll_begins(struct html *html, const char *what, uint32_t run)
{
    html_printf(html,
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s of run %u\"><table "
                "class=\"wide\"><caption>%s"
                "</caption><thead><tr>",
                what, run, what);
}

static void truth_table(struct html *html, const struct ld_report_run_detail *detail)
{
    static const char *const ends[] = {[LD_END_FOLLOW_UP] = "end of follow-up",
                                       [LD_END_CURED] = "cured",
                                       [LD_END_DEATH] = "death",
                                       [LD_END_KILL] = "killed by the schedule"};
    const struct ld_truth *truth = detail->record->truth;
    if (!truth || truth->interval_count == 0)
        return;
    scroll_begins(html, "Truth", detail->record->run);
    html_raw(html, "<th scope=\"col\">leak</th><th scope=\"col\">instance</th><th scope=\"col\">first, s</th>"
                   "<th scope=\"col\">manifest, s</th><th scope=\"col\">end, s</th><th scope=\"col\">ended by</th>"
                   "<th scope=\"col\">most at once</th><th scope=\"col\">place</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < truth->interval_count; i++) {
        const struct ld_truth_interval *interval = &truth->intervals[i];
        html_raw(html, "<tr><th scope=\"row\">");
        html_text(html, ld_cause_table[interval->cause].name);
        html_raw(html, interval->hold ? " (a bounded hold)" : "");
        html_printf(html, "</th><td class=\"number\">%u</td>", interval->instance);
        time_cell(html, interval->first_ns);
        time_cell(html, interval->manifest_ns);
        time_cell(html, interval->end_ns);
        char amount[64];
        html_printf(html, "<td>%s</td><td>%s</td><td>", ends[interval->end],
                    amount_of(interval, amount, sizeof amount));
        html_element(html, "code", interval->culprit ? interval->culprit : "");
        html_raw(html, "</td></tr>\n");
    }
    html_raw(html, "</tbody></table></div>\n");
}

/* A rule's evidence is long: it is folded away behind its explanation. */
static void why(struct html *html, const char *text)
{
    static const char separator[] = " | evidence: ";
    char explanation[512];
    const char *evidence = strstr(text, separator);
    if (!evidence || evidence - text >= (ptrdiff_t)sizeof explanation) {
        html_text(html, text);
        return;
    }
    snprintf(explanation, sizeof explanation, "%.*s", (int)(evidence - text), text);
    html_raw(html, "<details>");
    html_element(html, "summary", explanation);
    html_text(html, evidence + strlen(separator));
    html_raw(html, "</details>");
}

static void episode_row(struct html *html, const char *detector, const struct ld_episode *episode, bool judged)
{
    html_raw(html, "<tr>");
    html_raw(html, "<th scope=\"row\">");
    html_text(html, detector);
    html_printf(html, "</th><td class=\"%s\">%s</td><td class=\"number\">%u</td>",
                judged && episode->false_alarm ? "bad" : "", episode_word(episode, judged), episode->instance);
    time_cell(html, episode->from_ns);
    time_cell(html, episode->to_ns);
    html_raw(html, "<td>");
    html_text(html, ld_cause_table[episode->cause].name);
    html_raw(html, "</td><td>");
    html_element(html, "code", episode->site);
    html_raw(html, "</td><td class=\"why\">");
    why(html, episode->first->why ? episode->first->why : "");
    html_raw(html, "</td></tr>\n");
}

static void alert_table(struct html *html, const struct ld_report_run_detail *detail)
{
    const struct ld_run_record *record = detail->record;
    bool begun = false;
    for (size_t i = 0; i < record->detector_count && !html->code; i++) {
        struct ld_episodes episodes;
        if (record->detectors[i].calibration)
            continue;
        html->code = episodes_of(detail, i, &episodes);
        if (html->code)
            return;
        if (episodes.count && !begun) {
            scroll_begins(html, "Alerts", record->run);
            html_raw(html, "<th scope=\"col\">detector</th><th scope=\"col\">is</th><th scope=\"col\">instance</th>"
                           "<th scope=\"col\">from, s</th><th scope=\"col\">to, s</th><th scope=\"col\">cause</th>"
                           "<th scope=\"col\">site</th>"
                           "<th scope=\"col\">why</th></tr></thead><tbody>\n");
            begun = true;
        }
        for (size_t j = 0; j < episodes.count; j++)
            episode_row(html, record->detectors[i].name, &episodes.items[j],
                        is_judged(detail, &record->detectors[i]));
        ld_episodes_done(&episodes);
    }
    if (begun)
        html_raw(html, "</tbody></table></div>\n");
}

static void broken_detectors(struct html *html, const struct ld_run_record *record)
{
    for (size_t i = 0; i < record->detector_count; i++) {
        const struct ld_detector_record *detector = &record->detectors[i];
        if (!detector->failed)
            continue;
        html_raw(html, "<p class=\"bad\">");
        html_text(html, detector->name);
        html_raw(html, " broke: ");
        html_element(html, "code", detector->reason ? detector->reason : "");
        html_raw(html, "</p>\n");
    }
}

void html_run(struct html *html, const struct ld_report_run_detail *detail, bool open)
{
    const struct ld_run_record *record = detail->record;
    char lasted[32];
    html_printf(html, "<details class=\"run\"%s><summary><span>run %u</span> ", open ? " open" : "", record->run);
    html_element(html, "code", detail->cell->name);
    if (record->validity != LD_VALID)
        html_printf(html, " <span class=\"tag bad\">%s</span>", ld_validity_name(record->validity));
    else if (detail->failed)
        html_raw(html, " <span class=\"tag warn\">of a failed check</span>");
    html_raw(html, "</summary>\n");
    ld_format_duration_short(record->observed_to_ns - record->observed_from_ns, lasted, sizeof lasted);
    html_printf(html, "<p class=\"dim\" id=\"run-%u\">repetition %u, seed %llu, observed for %s</p>\n",
                record->run, detail->stored.repetition, (unsigned long long)detail->stored.seed, lasted);
    if (record->validity != LD_VALID) {
        html_raw(html, "<p class=\"bad\">No evidence: ");
        html_text(html, record->reason ? record->reason : "");
        html_raw(html, "</p>\n");
    }
    broken_detectors(html, record);
    all_lanes(html, detail);
    chart_all(html, detail);
    truth_table(html, detail);
    alert_table(html, detail);
    chart_table(html, detail);
    html_raw(html, "</details>\n");
}
