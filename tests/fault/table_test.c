/* The table, and what the attribute schemas accept and refuse. */
#include "fault/groups.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fault/fault.h"
#include "yaml/node.h"

static void rows_stand_at_their_type(void **state)
{
    (void)state;
    for (int i = 0; i < LD_FAULT_TYPES; i++) {
        const struct ld_fault_info *info = &ld_fault_table[i];
        assert_int_equal(info->type, i);
        assert_non_null(info->doc);
        assert_ptr_equal(ld_fault_find(info->name), info);
        assert_int_equal(info->implemented, info->attributes != NULL);
    }
    assert_null(ld_fault_find("Latency"));
    assert_null(ld_fault_find(""));
}

static void the_faults_of_the_first_issue_are_implemented(void **state)
{
    (void)state;
    for (int i = 0; i < LD_FAULT_TYPES; i++)
        assert_int_equal(ld_fault_table[i].implemented, i == LD_FAULT_LATENCY || i == LD_FAULT_KILL);
}

static void signals_have_their_numbers(void **state)
{
    (void)state;
    assert_string_equal(ld_fault_signals[0], "KILL");
    assert_int_equal(ld_fault_signal_numbers[0], SIGKILL);
    assert_string_equal(ld_fault_signals[1], "TERM");
    assert_int_equal(ld_fault_signal_numbers[1], SIGTERM);
    assert_null(ld_fault_signals[2]);
}

/* Bind `yaml` as the attributes of a fault; the first error's message goes to `message`. */
static int bind(const char *fault, const char *yaml, union ld_fault_attributes *attributes, char *message, size_t size)
{
    struct ld_errors errors = {0};
    struct ld_document document;
    message[0] = '\0';
    int code = ld_document_parse(&document, "test.yaml", yaml, strlen(yaml), &errors);
    assert_int_equal(code, 0);
    struct ld_schema_context context = {.file = "test.yaml", .arena = document.arena, .errors = &errors};
    memset(attributes, 0xa5, sizeof *attributes); /* what no key and no default sets would stay garbage */
    code = ld_schema_bind(&context, ld_fault_find(fault)->attributes, document.root, attributes);
    if (errors.count)
        snprintf(message, size, "%u:%u: %s", errors.items[0].line, errors.items[0].column, errors.items[0].message);
    ld_errors_done(&errors);
    ld_document_done(&document);
    return code;
}

static void latency_binds(void **state)
{
    (void)state;
    union ld_fault_attributes attributes;
    char message[600];
    assert_int_equal(bind("latency", "{latency: 200ms, jitter: 50ms, toxicity: 0.99, stream: both}", &attributes,
                          message, sizeof message), 0);
    assert_string_equal(message, "");
    assert_int_equal(attributes.latency.latency_ns, 200 * LD_MS);
    assert_int_equal(attributes.latency.jitter_ns, 50 * LD_MS);
    assert_true(attributes.latency.toxicity == 0.99);
    assert_int_equal(attributes.latency.stream, LD_STREAM_BOTH);
}

static void latency_has_toxiproxys_defaults(void **state)
{
    (void)state;
    union ld_fault_attributes attributes;
    char message[600];
    assert_int_equal(bind("latency", "{latency: 1s}", &attributes, message, sizeof message), 0);
    assert_int_equal(attributes.latency.jitter_ns, 0);
    assert_true(attributes.latency.toxicity == 1.0);
    assert_int_equal(attributes.latency.stream, LD_STREAM_DOWN);
}

static void kill_binds(void **state)
{
    (void)state;
    union ld_fault_attributes attributes;
    char message[600];
    assert_int_equal(bind("kill", "{who: upstream, signal: TERM, restart_after: 1s}", &attributes, message,
                          sizeof message), 0);
    assert_string_equal(message, "");
    assert_int_equal(attributes.kill.who, LD_WHO_UPSTREAM);
    assert_string_equal(ld_fault_signals[attributes.kill.signal], "TERM");
    assert_int_equal(attributes.kill.restart_after_ns, LD_SECOND);
    assert_int_equal(attributes.kill.instance, -1);
    assert_int_equal(bind("kill", "{who: target}", &attributes, message, sizeof message), 0);
    assert_string_equal(ld_fault_signals[attributes.kill.signal], "KILL");
    assert_int_equal(attributes.kill.restart_after_ns, -1);
    assert_int_equal(attributes.kill.instance, -1);
    assert_int_equal(bind("kill", "{who: target, instance: 3, restart_after: 0s}", &attributes, message,
                          sizeof message), 0);
    assert_int_equal(attributes.kill.instance, 3);
    assert_int_equal(attributes.kill.restart_after_ns, 0);
    assert_int_equal(bind("kill", "{who: upstream, instance: all}", &attributes, message, sizeof message), 0);
    assert_int_equal(attributes.kill.instance, -1);
}

static void wrong_attributes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *yaml, *place, *fragment;
    } cases[] = {
        {"latency", "{jitter: 5ms}", "1:1", "latency"},
        {"latency", "{latency: 0s}", "1:1", "nothing would be delayed"},
        {"latency", "{latency: 200}", "1:11", ""},
        {"latency", "{latency: 20ms, toxicity: 1.5}", "1:27", ""},
        {"latency", "{latency: 20ms, stream: down}", "1:25", ""},
        {"latency", "{latency: 11m}", "1:11", ""},
        {"latency", "{latenzy: 20ms}", "1:2", "latency"},
        {"kill", "{signal: KILL}", "1:1", "who"},
        {"kill", "{who: target, signal: SEGV}", "1:23", ""},
        {"kill", "{who: target, instance: -1}", "1:25", "must be the number of an instance"},
        {"kill", "{who: target, instance: some}", "1:25", "must be the number of an instance"},
        {"kill", "{who: target, instance: [1]}", "1:25", "must be the number of an instance"},
        {"kill", "{who: target, instance: 1000}", "1:25", "must be below 1000"},
        {"kill", "{who: upstream, instance: 0}", "1:27", "there is one upstream"},
        {"kill", "{who: target, restart_after: 2h}", "1:30", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        union ld_fault_attributes attributes;
        char message[600];
        int code = bind(cases[i].fault, cases[i].yaml, &attributes, message, sizeof message);
        if (code != LD_ESPEC || strncmp(message, cases[i].place, strlen(cases[i].place)) != 0 ||
            !strstr(message, cases[i].fragment))
            fail_msg("%s: got %d and \"%s\", want %d, place %s and \"%s\"", cases[i].yaml, code, message, LD_ESPEC,
                     cases[i].place, cases[i].fragment);
    }
}

int test_table(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_stand_at_their_type),
        cmocka_unit_test(the_faults_of_the_first_issue_are_implemented),
        cmocka_unit_test(signals_have_their_numbers),
        cmocka_unit_test(latency_binds),
        cmocka_unit_test(latency_has_toxiproxys_defaults),
        cmocka_unit_test(kill_binds),
        cmocka_unit_test(wrong_attributes_are_refused),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
