/* A panel whose detectors are told renamed observations: names in alerts come back, and a detector whose claims depend
 * on names is found out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "blind/blind.h"
#include "groups.h"
#include "runner/run/panel.h"

/* Rules may not name a program, but they may call a module a library's: then whose code a site is depends on names. */
#define RULES                                                                                                          \
    "matrix: 1\nversion: 0.1.0\nlibraries: [example.com/acme]\nrows:\n  - id: a\n    scope: site\n    cause: any\n"    \
    "    colour: red\n    explain: x\n    repair: y\n    when:\n      - {column: site_kind, is: user}\n"               \
    "      - {column: site_count, at_least: 5}\n      - {column: site_growth, over: 2s, at_least: 1}\n"
#define SITE "example.com/acme/desk.(*Desk).collect"
#define ALERTS_MAX 16

struct heard {
    size_t count;
    char detectors[ALERTS_MAX][32], sites[ALERTS_MAX][80];
    char mine[256], before_after[256]; /* what is said of their agreement */
    size_t broken;
};

static void on_alert(void *context, const char *detector, const struct ld_alert *alert)
{
    struct heard *heard = context;
    assert_true(heard->count < ALERTS_MAX);
    snprintf(heard->detectors[heard->count], sizeof heard->detectors[0], "%s", detector);
    snprintf(heard->sites[heard->count++], sizeof heard->sites[0], "%s", alert->site);
}

static void on_broken(void *context, const char *detector, const char *reason)
{
    (void)detector;
    (void)reason;
    ((struct heard *)context)->broken++;
}

static void on_compared(void *context, const char *detector, const char *agreement)
{
    struct heard *heard = context;
    if (strcmp(detector, "mine") == 0)
        snprintf(heard->mine, sizeof heard->mine, "%s", agreement);
    if (strcmp(detector, "before-after") == 0)
        snprintf(heard->before_after, sizeof heard->before_after, "%s", agreement);
}

static void on_out_of_range(void *context, const char *detector, const char *reason)
{
    (void)context;
    (void)detector;
    (void)reason;
}

static const struct ld_panel_events events = {
    .alert = on_alert, .broken = on_broken, .compared = on_compared, .out_of_range = on_out_of_range};

static void observe_count(struct ld_panel *panel, uint64_t sequence, int count)
{
    struct ld_buffer body;
    struct ld_profile profile;
    struct ld_error error;
    ld_buffer_init(&body, 1 << 16);
    for (int i = 0; i < count; i++)
        ld_buffer_printf(&body, "goroutine %d [chan receive]:\n%s(0x1)\n\t/src/acme/desk.go:3 +0x1\n\n", i + 7, SITE);
    assert_int_equal(ld_profile_parse(&profile, LD_PROFILE_GOROUTINE, body.bytes, body.length, NULL, &error), 0);
    const struct ld_observation observation = {.sequence = sequence,
                                               .time_ns = (int64_t)sequence * LD_SECOND,
                                               .incarnation = 1,
                                               .kind = LD_OBSERVATION_PROFILE,
                                               .encoding = LD_ENCODING_STACKS,
                                               .profile = &profile,
                                               .body = body.bytes,
                                               .body_length = body.length};
    ld_panel_observe(panel, &observation);
    ld_profile_done(&profile);
    ld_buffer_done(&body);
}

static void observe_life(struct ld_panel *panel, uint64_t sequence, enum ld_life life)
{
    const struct ld_observation observation = {
        .sequence = sequence, .time_ns = (int64_t)sequence * LD_SECOND, .incarnation = 1, .kind = LD_OBSERVATION_LIFE,
        .life = life, .text = ""};
    ld_panel_observe(panel, &observation);
}

static struct ld_plan *make_plan(const char *rules, struct ld_scenario **ret_scenario)
{
    char text[512], line[512];
    struct ld_errors errors = {0};
    struct ld_error error;
    struct ld_plan *plan;
    const struct ld_plan_setting setting = {.seed = 7};
    snprintf(
        text, sizeof text,
        "leakdrill: 1\nname: panel\ntarget: {fixture: queue/consumer-unclosed}\nupstream: http-echo\n"
        "load: {rate: 40/s, for: 4s}\ndetectors:\n  - matrix: {rules: %s, as: mine}\n  - before-after: {apart: 5s}\n",
        rules);
    if (ld_scenario_parse(ret_scenario, "test.yaml", text, strlen(text), NULL, &errors) != 0)
        fail_msg("%s", ld_error_format(&errors.items[0], line, sizeof line));
    ld_errors_done(&errors);
    assert_int_equal(
        ld_plan_make(&plan, (const struct ld_scenario *const *)ret_scenario, 1, &setting, &error), 0);
    return plan;
}

/* What the panel says of ten seconds in which 20 goroutines more come to the site. */
static void hear(struct heard *ret_heard, const char *own)
{
    char rules[] = "/tmp/blind-panel-XXXXXX";
    struct ld_scenario *scenario;
    struct ld_blind *blind;
    struct ld_panel *panel;
    struct ld_error error;
    int fd = mkstemp(rules);
    assert_true(fd >= 0 && write(fd, RULES, strlen(RULES)) == (ssize_t)strlen(RULES));
    close(fd);
    struct ld_plan *plan = make_plan(rules, &scenario);
    *ret_heard = (struct heard){0};
    assert_int_equal(ld_blind_new(&blind, 1, &own, own ? 1 : 0), 0);
    static const char *const only[] = {"mine", "before-after", NULL};
    if (ld_panel_open(&panel, &plan->cells[0], &plan->runs[0], SOURCE_FOLDER, only, NULL, blind, &events, ret_heard,
                      &error) != 0)
        fail_msg("%s", error.message);
    observe_life(panel, 1, LD_LIFE_STARTED);
    observe_life(panel, 2, LD_LIFE_READY);
    for (int i = 0; i < 10; i++)
        observe_count(panel, (uint64_t)i + 3, 2 + 2 * i);
    ld_panel_finish(panel);
    ld_panel_free(panel);
    ld_blind_free(blind);
    ld_plan_free(plan);
    ld_scenario_free(scenario);
    unlink(rules);
}

static void names_in_alerts_come_back(void **state)
{
    struct heard heard;
    (void)state;
    hear(&heard, "example.com/acme");
    assert_true(heard.count > 0);
    assert_int_equal(heard.broken, 0);
    for (size_t i = 0; i < heard.count; i++)
        assert_string_equal(heard.sites[i], SITE);
    assert_non_null(strstr(heard.before_after, "agrees: "));
    assert_null(strstr(heard.before_after, " 0 alerts"));
}

static void who_depends_on_names_is_found_out(void **state)
{
    struct heard heard;
    (void)state;
    hear(&heard, "example.com/acme");
    if (!strstr(heard.mine, "differs: only without names: open at observation ") || !strstr(heard.mine, SITE))
        fail_msg("%s", heard.mine);
    hear(&heard, NULL); /* a library's, for all anybody knows: its names stay, and nobody speaks */
    assert_string_equal(heard.mine, "agrees: 0 alerts");
}

int test_blind_panel(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_alerts_come_back),
        cmocka_unit_test(who_depends_on_names_is_found_out),
    };
    return cmocka_run_group_tests_name("blind-panel", tests, NULL, NULL);
}
