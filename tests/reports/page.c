/* The HTML page and the Markdown of a campaign in which every name is an attack: well formed, nothing unescaped,
 * nothing asked of the network, and a policy that allows just its own scripts. */
#include <jansson.h>
#include <setjmp.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/utils.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "reports/groups.h"
#include "reports/report.h"

#define ATTACK                                                                                                         \
    "</code></style></script><script>alert(1)</script><img src=http://evil.test onerror='x'>\"'&`|\n@you "             \
    "www.evil.test \xff\x1b\xe2\x80\xae"
#define DEPTH_MAX 64

static struct ld_fault_case fault_cases[] = {{.name = "none"}, {.name = ATTACK}};
static const struct ld_scenario scenario = {
    .file = ATTACK, .name = ATTACK, .time_scale = 1, .fault_case_count = 2, .fault_cases = fault_cases};
static const struct ld_cell cells[] = {{.index = 0, .scenario = &scenario, .fault_case = 1, .name = ATTACK}};
static const struct ld_run_plan run_plans[] = {{.index = 0, .cell = 0, .seed = 7}};
static const struct ld_plan plan = {
    .seed = 1, .cell_count = 1, .cells = cells, .run_count = 1, .runs = run_plans, .hash = "ab"};
static const struct ld_alert alerts[] = {{.id = 1,
                                          .action = LD_ALERT_OPEN,
                                          .receipt_ns = LD_SECOND,
                                          .evidence_time_ns = LD_SECOND,
                                          .incarnation = 1,
                                          .site = ATTACK,
                                          .why = ATTACK,
                                          .rule = "",
                                          .rule_version = ""},
                                         {.id = 2,
                                          .action = LD_ALERT_UNKNOWN,
                                          .receipt_ns = 2 * LD_SECOND,
                                          .incarnation = 1,
                                          .site = "",
                                          .why = ATTACK,
                                          .rule = "",
                                          .rule_version = ""}};
static struct ld_detector_record detectors[] = {{.name = ATTACK, .reason = "", .alert_count = 2, .alerts = alerts},
                                                {.name = "broken" ATTACK, .failed = true, .reason = ATTACK}};
static const char *const seen_at[] = {ATTACK};
static struct ld_truth_interval intervals[] = {{.id = ATTACK,
                                                .incarnation = 1,
                                                .first_ns = 2 * LD_SECOND,
                                                .manifest_ns = 3 * LD_SECOND,
                                                .end_ns = 9 * LD_SECOND,
                                                .amount = 10,
                                                .seen_at_count = 1,
                                                .seen_at = seen_at,
                                                .culprit = ATTACK,
                                                .confirmed = 10},
                                               {.id = "h",
                                                .incarnation = 2,
                                                .hold = true,
                                                .first_ns = 9 * LD_SECOND,
                                                .manifest_ns = -1,
                                                .end_ns = 10 * LD_SECOND,
                                                .culprit = ""}};
static const struct ld_truth truth = {.intervals = intervals, .interval_count = 2};
static const struct ld_life_span lives[] = {{0, 1, 0, 9 * LD_SECOND}, {0, 2, 9 * LD_SECOND, 12 * LD_SECOND}};
static const struct ld_run_record runs[] = {{.run = 0,
                                             .validity = LD_INVALID_LAG,
                                             .reason = ATTACK,
                                             .observed_to_ns = 12 * LD_SECOND,
                                             .truth = &truth,
                                             .life_count = 2,
                                             .lives = lives,
                                             .detector_count = 2,
                                             .detectors = detectors}};
static struct ld_board_row rows[] = {{.detector = ATTACK,
                                      .runs = 1,
                                      .valid = 1,
                                      .alerted = 1,
                                      .false_alarms = 1,
                                      .during_hold = 1,
                                      .time = {.median_ns = LD_SECOND}}};
static struct ld_check checks[] = {
    {.scenario = ATTACK,
     .cell = ATTACK,
     .detector = ATTACK,
     .what = ATTACK,
     .asked = "<b>",
     .seen = "& http://evil.test @you",
     .verdict = LD_VERDICT_FAIL,
     .line = 3},
    {.scenario = "", .cell = "", .detector = "", .what = "calibration: oracle", .asked = "all", .seen = "all"}};
static struct ld_verdicts verdicts = {
    .verdict = LD_VERDICT_FAIL, .check_count = 2, .checks = checks, .row_count = 1, .rows = rows, .excluded = 1};
static const struct ld_score no_score;
static const struct ld_report report = {.plan = &plan,
                                        .runs = runs,
                                        .run_count = 1,
                                        .score = &no_score,
                                        .verdicts = &verdicts,
                                        .campaign = ATTACK,
                                        .database = ATTACK};

static struct ld_stored_sample samples[] = {{0, 8}, {LD_SECOND, 8}, {5 * LD_SECOND, 40}, {8 * LD_SECOND, 1e12}};
static const struct ld_stored_series series[] = {{LD_METRIC_GOROUTINES, 0, 1, 4, samples},
                                                 {LD_METRIC_GOROUTINES, 1, 1, 2, samples},
                                                 {LD_METRIC_RSS, 0, 1, 4, samples},
                                                 {LD_METRIC_LATENCY_P50, 0, 2, 1, samples},
                                                 {LD_METRIC_LATENCY_P99, 0, 2, 2, samples}};
static const struct ld_stored_fault faults[] = {
    {ATTACK, "kill", 4 * LD_SECOND, 5 * LD_SECOND, 4 * LD_SECOND, 5 * LD_SECOND, true, ATTACK},
    {"never", ATTACK, 4 * LD_SECOND, 5 * LD_SECOND, -1, -1, false, ""}};
static struct ld_report_run_detail shown[] = {{.record = runs,
                                               .cell = cells,
                                               .failed = true,
                                               .fault_count = 2,
                                               .series_count = 5,
                                               .faults = faults,
                                               .series = series,
                                               .stored = {.end = {.ended_ns = 12 * LD_SECOND}}}};
static const struct ld_report_details details = {.runs = shown, .count = 1, .left_out = 3};

static char *render(void)
{
    struct ld_buffer out;
    size_t length;
    ld_buffer_init(&out, 1 << 22);
    assert_int_equal(ld_report_html(&report, &details, &out), 0);
    return ld_buffer_take(&out, &length);
}

static bool is_void(const char *name)
{
    return strcmp(name, "meta") == 0 || strcmp(name, "!DOCTYPE") == 0;
}

/* What follows the attributes' names, which are checked on the way. */
static const char *skip_attributes(const char *at, const char *element)
{
    while (*at != '>' && *at != '/') {
        char name[40];
        size_t length =
            strspn(at += strspn(at, " "), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
        if (length == 0 || length >= sizeof name)
            fail_msg("<%s>: no attribute: %.60s", element, at);
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        bool inside = strcmp(name, "href") == 0 && strncmp(at + length, "=\"#", 3) == 0;
        static const char *const refused[] = {"src", "href", "style", "srcset", "action", "data", "background"};
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
            if ((strcmp(name, refused[i]) == 0 && !inside) || strncmp(name, "on", 2) == 0)
                fail_msg("<%s> has the attribute %s", element, name);
        at += length;
        if (*at != '=')
            continue;
        if (at[1] != '"')
            fail_msg("<%s %s>: the value is not quoted: %.60s", element, name, at);
        at = strchr(at + 2, '"');
        assert_non_null(at);
        at++;
    }
    return at;
}

static void assert_entity(const char *at)
{
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (strncmp(at, entities[i], strlen(entities[i])) == 0)
            return;
    fail_msg("not escaped: %.60s", at);
}

/* Elements are closed in order, values are quoted, no text is markup. Counts the scripts that run. */
static void well_formed(void **state)
{
    (void)state;
    char *page = render(), stack[DEPTH_MAX][24];
    size_t depth = 0, scripts = 0, data = 0;
    for (const char *at = page; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '&')
            assert_entity(at);
        if ((byte < 0x20 && byte != '\n') || byte == 0x7f || strncmp(at, "\xe2\x80\xae", 3) == 0)
            fail_msg("a control character: %.20s", at);
        if (byte != '<')
            continue;
        char name[24];
        bool closing = at[1] == '/';
        at += 1 + closing;
        size_t length = strcspn(at, " />");
        assert_true(length > 0 && length < sizeof name);
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        if (closing) {
            if (depth == 0 || strcmp(stack[depth - 1], name) != 0)
                fail_msg("</%s> closes <%s>", name, depth ? stack[depth - 1] : "");
            depth--;
            continue;
        }
        bool json = strncmp(at, "script type=\"application/json\"", 30) == 0;
        scripts += strcmp(name, "script") == 0 && !json;
        data += json;
        at = strcmp(name, "!DOCTYPE") == 0 ? strchr(at, '>') : skip_attributes(at + length, name);
        if (*at == '/' || is_void(name)) {
            at = strchr(at, '>');
            continue;
        }
        assert_true(depth < DEPTH_MAX);
        snprintf(stack[depth++], sizeof *stack, "%s", name);
        if (strcmp(name, "script") == 0 || strcmp(name, "style") == 0)
            at = strstr(at, name[1] == 'c' ? "</script>" : "</style>") - 1;
    }
    if (depth)
        fail_msg("<%s> is not closed", stack[depth - 1]);
    assert_int_equal(data, 3);      /* goroutines, memory, latency */
    assert_in_range(scripts, 1, 2); /* uPlot's, if the build had it, and the page's */
    free(page);
}

/* The policy names exactly the bytes of the style and of each script that runs. */
static void policy_allows_its_own_scripts(void **state)
{
    (void)state;
    char *page = render();
    static const struct {
        const char *begin, *end;
    } kinds[] = {{"<style>", "</style>"}, {"<script>", "</script>"}};
    assert_non_null(strstr(page, "content=\"default-src 'none'; style-src 'sha256-"));
    assert_null(strstr(page, "unsafe"));
    for (size_t i = 0; i < 2; i++) {
        for (const char *at = page; (at = strstr(at, kinds[i].begin)); at++) {
            const char *begin = at + strlen(kinds[i].begin), *end = strstr(begin, kinds[i].end);
            unsigned char hash[crypto_hash_sha256_BYTES];
            char text[64], source[80];
            crypto_hash_sha256(hash, (const unsigned char *)begin, (size_t)(end - begin));
            sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
            snprintf(source, sizeof source, "'sha256-%s'", text);
            if (!strstr(page, source))
                fail_msg("the policy lacks %s", source);
        }
    }
    free(page);
}

/* Outside of scripts, where uPlot's licence names its home, no address is even mentioned but as escaped text. */
static void asks_nobody(void **state)
{
    (void)state;
    char *page = render();
    const char *style = strstr(page, "<style>"), *style_end = strstr(page, "</style>");
    assert_non_null(style);
    for (const char *at = style; at < style_end; at++) {
        if (strncmp(at, "@import", 7) == 0 || strncmp(at, "http", 4) == 0 ||
            (strncmp(at, "url(", 4) == 0 && strncmp(at, "url(#", 5) != 0))
            fail_msg("the style asks for something: %.60s", at);
    }
    static const char *const elements[] = {"<link", "<img",  "<iframe", "<object", "<embed",
                                           "<base", "<form", "<audio"};
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (strstr(page, elements[i]))
            fail_msg("there is a %s", elements[i]);
    for (const char *at = page; (at = strstr(at, " href=\"")); at++) {
        char id[64];
        snprintf(id, sizeof id, " id=\"%.*s\"", (int)strcspn(at + 8, "\""), at + 8);
        if (at[7] != '#' || !strstr(page, id))
            fail_msg("a link that does not lead to a place of the page: %.60s", at);
    }
    for (const char *at = page; (at = strstr(at, "<script>")); at++) {
        const char *end = strstr(at, "</script>");
        static const char *const calls[] = {"fetch(",      "XMLHttpRequest", "import(",  "WebSocket",
                                            "EventSource", "sendBeacon",     "innerHTML"};
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
            const char *found = strstr(at, calls[i]);
            if (found && found < end)
                fail_msg("a script uses %s", calls[i]);
        }
    }
    free(page);
}

static void data_is_json_and_accessible(void **state)
{
    (void)state;
    char *page = render();
    static const char begin[] = "<script type=\"application/json\">";
    for (const char *at = page; (at = strstr(at, begin)); at++) {
        const char *text = at + strlen(begin);
        json_t *parsed = json_loadb(text, (size_t)(strstr(text, "</script>") - text), JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(parsed);
        assert_true(json_array_size(json_object_get(parsed, "lines")) > 0);
        assert_int_equal(json_array_size(json_object_get(parsed, "faults")), 1);
        assert_int_equal(json_array_size(json_object_get(parsed, "leaks")), 1);
        json_decref(parsed);
    }
    static const char *const wanted[] = {"<html lang=\"en\">",
                                         "scope=\"col\"",
                                         "scope=\"row\"",
                                         "<desc>",
                                         "role=\"img\"",
                                         "prefers-color-scheme: dark",
                                         ":focus-visible",
                                         "name=\"viewport\"",
                                         "lives of",
                                         "could not see",
                                         "no receipt",
                                         "3 more did not fit",
                                         "instance 1",
                                         "bounded hold",
                                         "&lt;script&gt;alert(1)&lt;/script&gt;"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(page, wanted[i]))
            fail_msg("the page lacks: %s", wanted[i]);
    free(page);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

/* What one alert while nothing leaks is called. */
static void assert_episodes(bool known, bool broken, size_t false_alarms, size_t unjudged)
{
    struct ld_detector_record detector = {
        .name = "mine", .failed = broken, .reason = "", .alert_count = 1, .alerts = alerts};
    struct ld_scenario of = scenario;
    struct ld_run_record run = runs[0];
    struct ld_cell cell = cells[0];
    struct ld_report_run_detail detail = shown[0];
    const struct ld_report_details alone = {.runs = &detail, .count = 1};
    struct ld_buffer out;
    of.target.truth = known ? LD_TRUTH_FD : LD_TRUTH_NONE;
    cell.scenario = &of;
    run.detector_count = 1;
    run.detectors = &detector;
    detail.cell = &cell;
    detail.record = &run;
    ld_buffer_init(&out, 1 << 22);
    assert_int_equal(ld_report_html(&report, &alone, &out), 0);
    const char *lanes = strstr(ld_buffer_text(&out), "What happened when");
    assert_non_null(lanes);
    assert_int_equal(count_of(lanes, "<td class=\"bad\">false alarm</td>"), false_alarms);
    assert_int_equal(count_of(lanes, "class=\"bar-false\""), false_alarms);
    assert_int_equal(count_of(lanes, "<td class=\"\">not judged</td>"), unjudged);
    assert_int_equal(count_of(lanes, "class=\"bar-unjudged\""), unjudged);
    ld_buffer_done(&out);
}

/* Where nobody says what leaked no alert is false, nor is one of a detector that broke. */
static void nobody_calls_false_what_is_not_known(void **state)
{
    (void)state;
    assert_episodes(true, false, 1, 0);
    assert_episodes(false, false, 0, 1);
    assert_episodes(true, true, 0, 1);
}

/* In a code span nothing is markup; elsewhere it is escaped. A line of a table stays one line. */
static void markdown_is_harmless(void **state)
{
    (void)state;
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_report_markdown(&report, &out), 0);
    bool inside = false;
    for (const char *at = ld_buffer_text(&out); *at; at++) {
        if (*at == '\n')
            assert_false(inside);
        if (*at == '`' && (inside || at[-1] != '\\'))
            inside = !inside;
        bool escaped = at > ld_buffer_text(&out) && at[-1] == '\\';
        if (!inside && *at == '<' && !escaped && strncmp(at, "<!-- -->", 8) != 0)
            fail_msg("markup: %.60s", at);
        if (!inside && ((*at == '@' && at[1] != '<') || strncmp(at, "http://", 7) == 0 || strncmp(at, "](", 2) == 0))
            fail_msg("a link or a mention: %.60s", at);
        if ((unsigned char)*at < 0x20 && *at != '\n')
            fail_msg("a control character: %.20s", at);
    }
    ld_buffer_done(&out);
}

/* Whatever the room, it is said, and nothing is leaked (the sanitizers' presets look). */
static void any_room_that_is_too_small_is_said(void **state)
{
    (void)state;
    char *page = render();
    for (size_t room = 1; room < strlen(page); room += room / 7 + 1) {
        struct ld_buffer out;
        ld_buffer_init(&out, room);
        assert_int_equal(ld_report_html(&report, &details, &out), LD_ELIMIT);
        ld_buffer_done(&out);
    }
    free(page);
}

int test_page(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed),          cmocka_unit_test(policy_allows_its_own_scripts),
        cmocka_unit_test(asks_nobody),          cmocka_unit_test(data_is_json_and_accessible),
        cmocka_unit_test(nobody_calls_false_what_is_not_known),
        cmocka_unit_test(markdown_is_harmless), cmocka_unit_test(any_room_that_is_too_small_is_said)};
    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
