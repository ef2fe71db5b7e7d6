/* A user's rule file: what is taken from it, what is refused and where, and what promtool says. */
#include "groups.h"

#include <unistd.h>

#include "base/clock.h"
#include "detect/builtin.h"
#include "detect/prometheus.h"
#include "runner/detect/prometheus_remarks.h"
#include "runner/detect/rule_file.h"

static char folder[] = "/tmp/leakdrill-rules-XXXXXX";
static char scenario[64], file[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(scenario, sizeof scenario, "%s/s.yaml", folder);
    snprintf(file, sizeof file, "%s/rules.yml", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

static int read_named(const char *name, struct ld_rule_file *ret_rules, struct ld_error *error)
{
    struct ld_prometheus_options options = {.rules = name};
    const struct ld_detector_spec spec = {.kind = &ld_detector_prometheus, .options = &options};
    const struct ld_scenario beside = {.file = scenario};
    return ld_rule_file_read(ret_rules, &beside, &spec, error);
}

static int read_rules(const char *text, struct ld_rule_file *ret_rules, struct ld_error *error)
{
    FILE *stream = fopen(file, "w");
    assert_non_null(stream);
    fputs(text, stream);
    fclose(stream);
    *error = (struct ld_error){0};
    return read_named("rules.yml", ret_rules, error);
}

static void its_alerts_are_known(void **state)
{
    (void)state;
    struct ld_rule_file rules;
    struct ld_error error;
    int code = read_rules("groups:\n"
                          "- name: a\n"
                          "  rules:\n"
                          "  - record: x\n"
                          "    expr: sum(up)\n"
                          "  - alert: One\n"
                          "    expr: |\n"
                          "      up == 1\n"
                          "    labels: {cause: \"{{ $labels.cause }}\"}\n"
                          "- {name: b, rules: [{alert: Two, expr: up, labels: {cause: heap}}]}\n",
                          &rules, &error);
    if (code)
        fail_msg("%s", error.message);
    assert_int_equal(rules.alert_count, 2);
    assert_string_equal(rules.alerts[0], "One");
    assert_string_equal(rules.alerts[1], "Two");
    assert_int_equal(strlen(rules.version), strlen("rules-") + 12);
    assert_memory_equal(rules.version + strlen("rules-"), rules.hash, 12);
    ld_rule_file_done(&rules);
}

static const struct {
    const char *text;
    unsigned line, column;
    const char *message;
} bad_files[] = {
    {"groups: [\n", 2, 1, NULL},
    {"rules: []\n", 1, 1, "a rule file has a list of groups under the key groups"},
    {"groups: {}\n", 1, 9, "a rule file has a list of groups under the key groups"},
    {"groups:\n- 5\n", 2, 3, "a group must be a mapping"},
    {"groups:\n- {name: a, rules: 5}\n", 2, 20, "the rules of a group must be a list"},
    {"groups:\n- {name: a, rules: [{record: x, expr: up}]}\n", 2, 1, "none of its rules is an alert"},
    {"groups:\n- {name: a, rules: [{alert: '', expr: up}]}\n", 2, 29, "an alert needs a name"},
    {"groups:\n- {name: a, rules: [{alert: A, expr: up, labels: {cause: chan-recieve}}]}\n", 2, 58,
     "no cause is called \"chan-recieve\"; did you mean \"chan-receive\"?"},
    {"groups:\n- {name: a, rules: [{alert: A, expr: up, labels: {leakdrill: seen}}]}\n", 2, 62,
     "the label leakdrill can only be ignore"},
};

static void bad_files_are_refused_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        struct ld_rule_file rules;
        struct ld_error error;
        assert_int_not_equal(read_rules(bad_files[i].text, &rules, &error), 0);
        if (error.line != bad_files[i].line || error.column != bad_files[i].column ||
            !strstr(error.file, "rules.yml") ||
            (bad_files[i].message && strcmp(error.message, bad_files[i].message) != 0))
            fail_msg("%s: %s:%u:%u: %s", bad_files[i].text, error.file, error.line, error.column, error.message);
    }
}

static void a_missing_file_is_refused(void **state)
{
    (void)state;
    struct ld_rule_file rules;
    struct ld_error error = {0};
    assert_int_equal(read_named("none.yml", &rules, &error), LD_ENOENT);
}

/* As promtool 2.42 and 3 say it. */
static const struct {
    const char *said;
    unsigned line, column;
    const char *message;
} said[] = {
    {"  FAILED:\n/dev/stdin: 5:11: group \"a\", rule 1, \"X\": could not parse expression: 1:16: parse error\n",
     5, 11, "group \"a\", rule 1, \"X\": could not parse expression: 1:16: parse error"},
    {"  FAILED:\n/dev/stdin: yaml: unmarshal errors:\n  line 6: field fore not found in type rulefmt.RuleNode\n", 6, 1,
     "field fore not found in type rulefmt.RuleNode"},
    {"  FAILED:\n/dev/stdin: yaml: line 7: did not find expected key\n/dev/stdin: yaml: line 7: did\n", 7, 1,
     "did not find expected key"},
    {"  FAILED:\nsomething else\n", 0, 0, "something else"},
    {"", 0, 0, "promtool refuses it"},
};

static void promtools_words_become_a_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct ld_error error;
        assert_int_equal(ld_promtool_error(said[i].said, "/r/a.yml", &error), LD_ESPEC);
        assert_string_equal(error.message, said[i].message);
        assert_int_equal(error.line, said[i].line);
        assert_int_equal(error.column, said[i].line ? said[i].column : 0);
    }
}

/* Somebody's own words are taken, and told. */
static void odd_severities_are_known(void **state)
{
    (void)state;
    struct ld_rule_file rules;
    struct ld_error error;
    assert_int_equal(read_rules("groups:\n- name: a\n  rules:\n"
                                "  - {alert: A, expr: up, labels: {severity: critical}}\n"
                                "  - {alert: B, expr: up, labels: {severity: urgent}}\n"
                                "  - {alert: C, expr: up, labels: {severity: '{{ $labels.severity }}'}}\n",
                                &rules, &error),
                     0);
    assert_int_equal(rules.odd_severity_count, 1);
    assert_string_equal(rules.odd_severities[0].text, "urgent");
    assert_int_equal(rules.odd_severities[0].line, 5);
    assert_int_equal(rules.odd_severities[0].column, 45);
    ld_rule_file_done(&rules);
}

static void promtools_quoted_values_are_found(void **state)
{
    (void)state;
    struct ld_rule_file rules;
    struct ld_error error;
    assert_int_equal(read_rules("groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up\n    for: 10\n", &rules,
                                &error),
                     0);
    int code = ld_rule_file_promtool(&rules, &error);
    ld_rule_file_done(&rules);
    if (code == 0)
        skip(); /* there is no promtool */
    if (error.line != 6 || error.column != 10)
        fail_msg("%s:%u:%u: %s", error.file, error.line, error.column, error.message);
}

/* 2 s before, 8 s of load, 1 s and 1 s after. */
static void intervals_that_no_run_holds_twice_are_told(void **state)
{
    (void)state;
    static struct ld_fault_case none = {.name = "none"};
    static const struct {
        int64_t scrape_ns, evaluation_ns;
        const char *told;
    } cases[] = {
        {6 * LD_SECOND, LD_SECOND, ""},
        {7 * LD_SECOND, LD_SECOND, "sre: scrape_interval 7s, and the longest run is observed for 12s"},
        {LD_SECOND, LD_MINUTE, "sre: evaluation_interval 1m, and the longest run is observed for 12s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_prometheus_options options = {.rules = "none.yml",
                                                .scrape_interval_ns = cases[i].scrape_ns,
                                                .evaluation_interval_ns = cases[i].evaluation_ns};
        const struct ld_detector_spec spec = {.name = "sre", .kind = &ld_detector_prometheus, .options = &options};
        const struct ld_scenario of = {
            .file = scenario,
            .time_scale = 1,
            .load = {.path = "/work", .for_ns = 8 * LD_SECOND},
            .phases = {.baseline_ns = 2 * LD_SECOND, .drain_ns = LD_SECOND, .settle_ns = LD_SECOND},
            .fault_case_count = 1,
            .fault_cases = &none};
        struct ld_buffer out;
        ld_buffer_init(&out, 4096);
        ld_prometheus_remark(&of, &spec, &out);
        if (!strstr(ld_buffer_text(&out), cases[i].told) || (!*cases[i].told && out.length))
            fail_msg("case %zu: %s", i, ld_buffer_text(&out));
        ld_buffer_done(&out);
    }
}

int test_rules(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_alerts_are_known),
        cmocka_unit_test(bad_files_are_refused_with_their_place),
        cmocka_unit_test(a_missing_file_is_refused),
        cmocka_unit_test(promtools_words_become_a_place),
        cmocka_unit_test(odd_severities_are_known),
        cmocka_unit_test(promtools_quoted_values_are_found),
        cmocka_unit_test(intervals_that_no_run_holds_twice_are_told),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
