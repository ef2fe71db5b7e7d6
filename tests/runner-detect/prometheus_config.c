/* The files that Prometheus and Alertmanager are given: YAML, whatever the user's texts hold. */
#include "groups.h"

#include "base/arena.h"
#include "base/clock.h"
#include "runner/detect/alert_book.h"
#include "runner/detect/prometheus_config.h"
#include "yaml/node.h"

static const char odd[] = "a 'quote' \"two\" \\ #: \x7f\xc2\x85\u2028\u00e9";

static const char *const urls[] = {"http://127.0.0.1:4567/0123456789abcdef/0",
                                   "http://127.0.0.1:4567/0123456789abcdef/1"};

static struct ld_document document_of(int (*config)(const struct ld_prometheus_setting *setting, struct ld_buffer *out))
{
    static const char *const names[] = {"tier"}, *const values[] = {odd};
    static const struct ld_rule_selector selectors[] = {{.text = "go_goroutines", .rule = "A"},
                                                        {.text = odd, .rule = "B"}};
    const struct ld_prometheus_options options = {
        .scrape_interval_ns = LD_SECOND,
        .evaluation_interval_ns = LD_SECOND,
        .group_interval_ns = LD_SECOND,
        .labels = {.names = (const char **)names, .items = (void *)values, .count = 1}};
    const struct ld_prometheus_setting setting = {.options = &options,
                                                  .instances = 2,
                                                  .gateway_urls = urls,
                                                  .metrics_path = "/metrics",
                                                  .webhook_url = "http://127.0.0.1:9/x",
                                                  .alertmanager = "127.0.0.1:9",
                                                  .selectors = selectors,
                                                  .selector_count = 2};
    struct ld_buffer text;
    struct ld_document document;
    struct ld_errors errors = {0};
    ld_buffer_init(&text, 1 << 20);
    assert_int_equal(config(&setting, &text), 0);
    if (ld_document_parse(&document, "made.yml", text.bytes, text.length, &errors) != 0)
        fail_msg("%s:\n%s", errors.items[0].message, ld_buffer_text(&text));
    ld_buffer_done(&text);
    return document;
}

/* The node at the end of keys and, in lists, of numbers. */
static const struct ld_node *at(const struct ld_node *node, const char *const *path)
{
    for (; *path; path++) {
        node = node->kind == LD_NODE_SEQUENCE ? node->items[atoi(*path)] : ld_node_get(node, *path);
        assert_non_null(node);
    }
    return node;
}

#define TEXT_AT(document, ...) at((document).root, (const char *const[]){__VA_ARGS__, NULL})->text

static void labels_come_back_as_they_were(void **state)
{
    (void)state;
    struct ld_document document = document_of(ld_prometheus_config);
    assert_string_equal(TEXT_AT(document, "scrape_configs", "0", "static_configs", "1", "labels", "tier"), odd);
    assert_string_equal(TEXT_AT(document, "scrape_configs", "0", "static_configs", "1", "labels", "instance"), "1");
    ld_document_done(&document);
}

static void selectors_are_watched_for_presence(void **state)
{
    (void)state;
    struct ld_document document = document_of(ld_prometheus_watch);
    char expected[200];
    snprintf(expected, sizeof expected, "count(%s) >= 0 and on() count(up == 1) >= 2", odd);
    assert_string_equal(TEXT_AT(document, "groups", "0", "rules", "2", "expr"),
                        "count(go_goroutines) >= 0 and on() count(up == 1) >= 2");
    assert_string_equal(TEXT_AT(document, "groups", "0", "rules", "3", "expr"), expected);
    assert_string_equal(TEXT_AT(document, "groups", "0", "rules", "3", "alert"), "1");
    assert_string_equal(TEXT_AT(document, "groups", "0", "rules", "3", "labels", "leakdrill"), LD_ALERT_MARK_PRESENT);
    ld_document_done(&document);
}

/* Of ours, all that is present is one group. */
static void ours_are_few_groups(void **state)
{
    (void)state;
    struct ld_document document = document_of(ld_alertmanager_config);
    assert_string_equal(TEXT_AT(document, "route", "group_by", "0"), "...");
    assert_string_equal(TEXT_AT(document, "route", "routes", "0", "matchers", "0"),
                        "leakdrill=~\"" LD_ALERT_MARKS_OURS "\"");
    assert_string_equal(TEXT_AT(document, "route", "routes", "0", "group_by", "0"), "leakdrill");
    assert_string_equal(TEXT_AT(document, "route", "routes", "0", "group_by", "1"), "instance");
    ld_document_done(&document);
}

int test_prometheus_config(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_come_back_as_they_were),
        cmocka_unit_test(selectors_are_watched_for_presence),
        cmocka_unit_test(ours_are_few_groups),
    };
    return cmocka_run_group_tests_name("prometheus-config", tests, NULL, NULL);
}
