/* A user's Alertmanager configuration: what is kept, what is run, what is refused and where. */
#include "detect/alertmanager.h"

#include "detect/groups.h"
#include "detect/rig.h"
#include "yaml/node.h"

static const char whole[] = "global: {resolve_timeout: 1m, slack_api_url: 'https://secret'}\n"
                            "templates: ['*.tmpl']\n"
                            "route:\n"
                            "  receiver: mails\n"
                            "  group_by: [alertname]\n"
                            "  group_wait: 10s\n"
                            "  routes:\n"
                            "    - match: {severity: info}\n"
                            "      receiver: 'null'\n"
                            "      group_wait: 2s\n"
                            "      group_interval: 1h30m\n"
                            "    - receiver: chat\n"
                            "      matchers: ['team=\"a b\"']\n"
                            "      continue: true\n"
                            "      mute_time_intervals: [nights]\n"
                            "inhibit_rules:\n"
                            "  - {source_match: {severity: critical}, target_matchers: ['severity=\"warning\"'], "
                            "equal: [instance]}\n"
                            "receivers:\n"
                            "  - {name: mails, email_configs: [{to: secret@shop.test}], slack_configs: []}\n"
                            "  - name: chat\n"
                            "    slack_configs: [{api_url: 'https://secret', channel: '#a'}]\n"
                            "  - {name: 'null', webhook_configs: [], email_configs: }\n"
                            "time_intervals:\n"
                            "  - name: nights\n"
                            "    time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}]}]\n";

static const char kept[] =
    "# Made by leakdrill: every receiver posts to it, and nothing goes anywhere else.\n"
    "global:\n"
    "  resolve_timeout: 1m\n"
    "route:\n"
    "  receiver: mails\n"
    "  group_by: [alertname]\n"
    "  group_wait: 10s\n"
    "  routes:\n"
    "    - match:\n"
    "        severity: info\n"
    "      receiver: \"null\"\n"
    "      group_wait: 2s\n"
    "      group_interval: 1h30m\n"
    "    - receiver: chat\n"
    "      matchers: [\"team=\\\"a b\\\"\"]\n"
    "      continue: true\n"
    "      mute_time_intervals: [nights]\n"
    "inhibit_rules:\n"
    "  - source_match:\n"
    "      severity: critical\n"
    "    target_matchers: [\"severity=\\\"warning\\\"\"]\n"
    "    equal: [instance]\n"
    "time_intervals:\n"
    "  - name: nights\n"
    "    time_intervals:\n"
    "      - times:\n"
    "          - start_time: \"22:00\"\n"
    "            end_time: \"24:00\"\n"
    "receivers:\n"
    "  - name: \"mails\"\n"
    "    webhook_configs:\n"
    "      - url: \"http://leakdrill.invalid/\"\n"
    "        send_resolved: true\n"
    "  - name: \"chat\"\n"
    "    webhook_configs:\n"
    "      - url: \"http://leakdrill.invalid/\"\n"
    "        send_resolved: true\n"
    "  - name: \"null\"\n";

static struct ld_buffer kept_of(const char *text)
{
    struct ld_buffer bytes;
    struct ld_error error = {0};
    ld_buffer_init(&bytes, 1 << 20);
    assert_int_equal(ld_buffer_add_text(&bytes, text), 0);
    if (ld_alertmanager_keep("my.yml", &bytes, &error) != 0)
        fail_msg("%u:%u: %s", error.line, error.column, error.message);
    return bytes;
}

static void routes_stay_and_secrets_go(void **state)
{
    (void)state;
    struct ld_buffer bytes = kept_of(whole), again;
    assert_string_equal(ld_buffer_text(&bytes), kept);
    again = kept_of(ld_buffer_text(&bytes));
    assert_string_equal(ld_buffer_text(&again), kept);
    ld_buffer_done(&bytes);
    ld_buffer_done(&again);
}

static void assert_has(const struct ld_buffer *bytes, const char *text)
{
    if (!strstr(ld_buffer_text(bytes), text))
        fail_msg("\"%s\" is not in:\n%s", text, ld_buffer_text(bytes));
}

/* Its alerts go before all routes and take no part in inhibition; its receiver's name is nobody's. */
static void the_host_hears_everything_at_once(void **state)
{
    (void)state;
    const struct ld_alertmanager_host host = {.url = "http://127.0.0.1:9/x", .label = "l", .values = "a|b"};
    static const char text[] = "route: {receiver: leakdrill, routes: [{receiver: leakdrill-1}]}\n"
                               "inhibit_rules: [{source_matchers: [a=b], equal: [c]}]\n"
                               "receivers: [{name: leakdrill, email_configs: [{}]}, {name: leakdrill-1}]\n";
    struct ld_buffer bytes;
    struct ld_error error = {0};
    ld_buffer_init(&bytes, 1 << 20);
    if (ld_alertmanager_hosted(&host, "my.yml", text, strlen(text), &bytes, &error) != 0)
        fail_msg("%s", error.message);
    assert_has(&bytes, "route:\n"
                       "  receiver: leakdrill\n"
                       "  routes:\n"
                       "    - matchers: [\"l=~\\\"a|b\\\"\"]\n"
                       "      receiver: \"leakdrill-2\"\n"
                       "      group_by: [\"l\", \"instance\"]\n"
                       "      group_wait: 0s\n"
                       "      group_interval: 250ms\n"
                       "      repeat_interval: 1d\n"
                       "    - receiver: leakdrill-1\n");
    assert_has(&bytes, "  - equal: [c]\n"
                       "    target_matchers: [\"l!~\\\"a|b\\\"\"]\n"
                       "    source_matchers: [\"a=b\", \"l!~\\\"a|b\\\"\"]\n");
    assert_has(&bytes, "  - name: \"leakdrill\"\n    webhook_configs:\n      - url: \"http://127.0.0.1:9/x\"\n");
    assert_has(&bytes, "  - name: \"leakdrill-1\"\n  - name: \"leakdrill-2\"\n    webhook_configs:\n");
    ld_buffer_done(&bytes);
}

/* What YAML would read as something else, or not at all, is written so that the same is read again. */
static void every_text_comes_back(void **state)
{
    (void)state;
    static const char text[] = "route:\n"
                               "  receiver: \"caf\\u00e9 \\x7f\\u0085\\u2028\\n \\\"\\\\ \\U0001F514\"\n"
                               "  routes:\n"
                               "    - {match: {'a: b': '~', \"null\": null, c: 'no', d: '#x', e: yes}, routes: }\n"
                               "    - matchers: ['- x', \"\"]\n"
                               "      match_re: {f: [], g: [['- y', [], {}]]}\n"
                               "receivers:\n"
                               "  - {name: \"caf\\u00e9 \\x7f\\u0085\\u2028\\n \\\"\\\\ \\U0001F514\", a_configs: ~}\n";
    struct ld_buffer bytes = kept_of(text);
    struct ld_errors errors = {0};
    struct ld_document document;
    assert_int_equal(ld_document_parse(&document, "kept.yml", bytes.bytes, bytes.length, &errors), 0);
    const struct ld_node *route = ld_node_get(document.root, "route"), *routes = ld_node_get(route, "routes");
    assert_string_equal(ld_node_get(route, "receiver")->text, "caf\u00e9 \x7f\xc2\x85\u2028\n \"\\ \U0001F514");
    const struct ld_node *match = ld_node_get(routes->items[0], "match");
    static const char *const keys[] = {"a: b", "null", "c", "d", "e"}, *const values[] = {"~", "null", "no", "#x",
                                                                                          "yes"};
    assert_int_equal(match->count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(match->keys[i]->text, keys[i]);
        assert_string_equal(match->items[i]->text, values[i]);
        assert_int_equal(match->items[i]->quoted, i == 0 || i == 2 || i == 3);
    }
    assert_string_equal(ld_node_get(routes->items[0], "routes")->text, "null");
    const struct ld_node *matchers = ld_node_get(routes->items[1], "matchers");
    assert_int_equal(matchers->count, 2);
    assert_string_equal(matchers->items[0]->text, "- x");
    const struct ld_node *odd = ld_node_get(routes->items[1], "match_re"), *inner = ld_node_get(odd, "g")->items[0];
    assert_int_equal(inner->count, 3);
    assert_string_equal(inner->items[0]->text, "- y");
    assert_int_equal(inner->items[2]->kind, LD_NODE_MAPPING);
    assert_int_equal(ld_node_get(odd, "f")->kind, LD_NODE_SEQUENCE);
    ld_document_done(&document);
    ld_errors_done(&errors);
    ld_buffer_done(&bytes);
}

static void its_times_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t wait_ns, interval_ns;
    } rows[] = {{whole, 2 * LD_SECOND, 90 * 60 * LD_SECOND},
                {"route: {receiver: a}\nreceivers: [{name: a}]\n", 30 * LD_SECOND, 300 * LD_SECOND},
                {"route: {receiver: a, group_wait: 0, group_interval: 1m5s250ms, routes: [{}]}\nreceivers: [{name: a}]",
                 0, 65 * LD_SECOND + 250 * LD_MS}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ld_alertmanager_times times;
        struct ld_error error = {0};
        if (ld_alertmanager_times(&times, "my.yml", rows[i].text, strlen(rows[i].text), &error) != 0)
            fail_msg("%s", error.message);
        assert_int_equal(times.group_wait_ns, rows[i].wait_ns);
        assert_int_equal(times.group_interval_ns, rows[i].interval_ns);
    }
}

#define A "receivers: [{name: a}]\n"

static const struct {
    const char *text;
    unsigned line, column;
    const char *message;
} bad[] = {
    {A, 1, 1, "there is no route"},
    {"[]", 1, 1, "an Alertmanager configuration must be a mapping"},
    {A "rout: {receiver: a}\n", 2, 1,
     "unknown key \"rout\" in an Alertmanager configuration; did you mean \"route\"?"},
    {A "route: {receiver: b}\n", 2, 19, "no receiver is called \"b\""},
    {A "route: {}\n", 2, 8, "the root route needs a receiver"},
    {A "route: {receiver: a, match: {x: y}}\n", 2, 29, "the root route takes every alert: it cannot have match"},
    {A "route: {receiver: a, matchers: [x=y]}\n", 2, 32, "the root route takes every alert: it cannot have matchers"},
    {A "route: {receiver: a, continue: true}\n", 2, 32, "the root route takes every alert: it cannot have continue"},
    {A "route: {receiver: a, mute_time_intervals: [x]}\n", 2, 43, "the root route cannot have mute_time_intervals"},
    {A "route: {receiver: a, group_by: x}\n", 2, 32, "group_by must be a list"},
    {A "route: {receiver: a, group_by: [[x]]}\n", 2, 33, "group_by must be a list of texts"},
    {A "route: {receiver: a, routes: [{matchers: nope}]}\n", 2, 42, "matchers must be a list"},
    {A "route: {receiver: a}\ninhibit_rules: [{equal: x}]\n", 3, 25, "equal must be a list"},
    {A "route: {receiver: a, routes: {}}\n", 2, 30, "routes must be a list"},
    {A "route: {receiver: a, routes: [5]}\n", 2, 31, "a route must be a mapping"},
    {A "route: {receiver: a, group_wiat: 1s}\n", 2, 22,
     "unknown key \"group_wiat\" in a route; did you mean \"group_wait\"?"},
    {A "route: {receiver: a, group_wait: 1.5s}\n", 2, 34,
     "group_wait: \"1.5s\" is no duration as Alertmanager has them, such as 30s or 1h30m"},
    {A "route: {receiver: a, group_wait: 1s1m}\n", 2, 34, NULL},
    {A "route: {receiver: a, group_wait: 99999999999999999999s}\n", 2, 34, NULL},
    {A "route: {receiver: a, routes: [{mute_time_intervals: [x]}]}\n", 2, 54, "no time interval is called \"x\""},
    {A "route: {receiver: a}\ninhibit_rules: [{sources: x}]\n", 3, 18, "unknown key \"sources\" in an inhibition rule"},
    {"receivers: [{name: a}, {name: a}]\nroute: {receiver: a}\n", 1, 31, "two receivers are called \"a\""},
    {"receivers: [{name: a, webhook: x}]\nroute: {receiver: a}\n", 1, 23,
     "unknown key \"webhook\" in a receiver: it has a name, and lists such as slack_configs"},
    {"receivers: [{slack_configs: []}]\nroute: {receiver: a}\n", 1, 13, "a receiver needs a name"},
    {"receivers: [{name: a, slack_configs: {}}]\nroute: {receiver: a}\n", 1, 38, "slack_configs must be a list"},
    {A "route: {receiver: a\n", 3, 1, NULL},
};

static void mistakes_have_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ld_buffer bytes;
        struct ld_error error = {0};
        ld_buffer_init(&bytes, 1 << 20);
        assert_int_equal(ld_buffer_add_text(&bytes, bad[i].text), 0);
        int code = ld_alertmanager_keep("my.yml", &bytes, &error);
        if (code == 0 || error.line != bad[i].line || error.column != bad[i].column ||
            (bad[i].message && strcmp(error.message, bad[i].message) != 0) || strcmp(error.file, "my.yml") != 0)
            fail_msg("%s:\n%d, %s:%u:%u: %s", bad[i].text, code, error.file, error.line, error.column, error.message);
        assert_string_equal(ld_buffer_text(&bytes), bad[i].text);
        ld_buffer_done(&bytes);
    }
}

/* A root that says what it would mean without saying it. */
static void a_root_may_say_nothing_at_length(void **state)
{
    (void)state;
    static const char *const words[] = {"continue: false", "continue: no", "match: {}", "match_re: {}", "matchers: []",
                                        "mute_time_intervals: []", "active_time_intervals: []"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char text[200];
        snprintf(text, sizeof text, "route: {receiver: a, %s}\n" A, words[i]);
        struct ld_buffer bytes = kept_of(text);
        assert_has(&bytes, words[i]);
        ld_buffer_done(&bytes);
    }
}

int test_alertmanager(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_stay_and_secrets_go),
        cmocka_unit_test(the_host_hears_everything_at_once),
        cmocka_unit_test(every_text_comes_back),
        cmocka_unit_test(its_times_are_known),
        cmocka_unit_test(mistakes_have_their_place),
        cmocka_unit_test(a_root_may_say_nothing_at_length),
    };
    return cmocka_run_group_tests_name("alertmanager", tests, NULL, NULL);
}
