/* Sampling faults: what the schema accepts, which reads they touch, what comes instead, and the receipt. */
#include "fault/groups.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "fault/sampling.h"
#include "pprof/profile.h"
#include "yaml/node.h"

static struct ld_fault_spec spec = {.id = "case/0/sampling", .type = LD_FAULT_SAMPLING};

/* Bind `yaml` as the fault's attributes; the first error's message, "" when there is none. */
static const char *bind(const char *yaml)
{
    static char message[700];
    struct ld_errors errors = {0};
    struct ld_document document;
    assert_int_equal(ld_document_parse(&document, "test.yaml", yaml, strlen(yaml), &errors), 0);
    struct ld_schema_context context = {.file = "test.yaml", .arena = document.arena, .errors = &errors};
    memset(&spec.attributes, 0xa5, sizeof spec.attributes);
    int code = ld_schema_bind(&context, ld_fault_find("sampling")->attributes, document.root, &spec.attributes);
    message[0] = '\0';
    if (errors.count)
        snprintf(message, sizeof message, "%u:%u: %s", errors.items[0].line, errors.items[0].column,
                 errors.items[0].message);
    assert_int_equal(code != 0, errors.count != 0);
    ld_errors_done(&errors);
    ld_document_done(&document);
    return message;
}

static void attributes_bind(void **state)
{
    const struct ld_fault_sampling *sampling = &spec.attributes.sampling;
    (void)state;
    assert_string_equal(bind("{how: slow, delay: 300ms, jitter: 100ms, reads: [goroutine, metrics], toxicity: 0.5}"),
                        "");
    assert_int_equal(sampling->how, LD_SAMPLING_SLOW);
    assert_int_equal(sampling->delay_ns, 300 * LD_MS);
    assert_int_equal(sampling->jitter_ns, 100 * LD_MS);
    assert_int_equal(sampling->reads, LD_SAMPLING_METRICS | 1u << LD_PROFILE_GOROUTINE);
    assert_true(sampling->toxicity == 0.5);
    assert_string_equal(bind("{how: truncated}"), "");
    assert_int_equal(sampling->after, 256);
    assert_int_equal(sampling->reads, ~0u);
    assert_string_equal(bind("{how: wrong-content, content: noise}"), "");
    assert_int_equal(sampling->content, LD_SAMPLING_NOISE);
}

static void attributes_show_as_they_are_written(void **state)
{
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 1000);
    assert_string_equal(bind("{how: slow, delay: 300ms, reads: [heap, goroutine, metrics]}"), "");
    assert_int_equal(ld_schema_values(ld_fault_find("sampling")->attributes, &spec.attributes, &out), 0);
    assert_string_equal(ld_buffer_text(&out),
                        "{\"how\":\"slow\",\"reads\":[\"goroutine\",\"heap\",\"metrics\"],\"delay\":\"300ms\","
                        "\"jitter\":\"0s\",\"after\":\"256B\",\"content\":\"html\",\"toxicity\":1}");
    ld_buffer_done(&out);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "required key \"how\" is missing"},
        {"{how: lost}", "1:7: "},
        {"{how: slow}", "how: slow needs `delay`"},
        {"{how: slow, delay: 0s}", "1:20: "},
        {"{how: slow, delay: 11m}", "1:20: "},
        {"{how: slow, delay: 5}", "1:20: "},
        {"{how: refused, delay: 1s}", "1:23: is for how: slow"},
        {"{how: slow, delay: 1s, after: 1KiB}", "1:31: is for how: truncated"},
        {"{how: truncated, content: html}", "1:27: is for how: wrong-content"},
        {"{how: refused, reads: []}", "1:23: must be a list of reads"},
        {"{how: refused, reads: goroutine}", "1:23: must be a list of reads"},
        {"{how: refused, reads: [goroutin]}", "unknown read \"goroutin\"; did you mean \"goroutine\"?"},
        {"{how: refused, reads: [heap, heap]}", "1:30: heap stands here twice"},
        {"{how: refused, reads: [[heap]]}", "must be metrics, endpoints or the name of a profile"},
        {"{how: refused, toxicity: 1.1}", "1:26: "},
        {"{how: refused, toxicity: -1}", "1:26: "},
        {"{how: truncated, after: 65MiB}", "1:25: "},
        {"{how: refused, toxicty: 1}", "did you mean \"toxicity\"?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *message = bind(cases[i][0]);
        if (!strstr(message, cases[i][1]))
            fail_msg("%s: said \"%s\", not \"%s\"", cases[i][0], message, cases[i][1]);
    }
}

static void it_aims_at_what_it_names(void **state)
{
    const struct ld_fault_sampling *sampling = &spec.attributes.sampling;
    (void)state;
    assert_string_equal(bind("{how: refused, reads: [goroutine]}"), "");
    assert_true(ld_sampling_aims_at(sampling, "/debug/pprof/goroutine"));
    assert_true(ld_sampling_aims_at(sampling, "/debug/pprof/goroutine?debug=2"));
    assert_false(ld_sampling_aims_at(sampling, "/debug/pprof/goroutineleak"));
    assert_false(ld_sampling_aims_at(sampling, "/debug/pprof/heap"));
    assert_false(ld_sampling_aims_at(sampling, "/debug/pprof/"));
    assert_false(ld_sampling_aims_at(sampling, "/metrics"));
    assert_string_equal(bind("{how: refused, reads: [metrics]}"), "");
    assert_true(ld_sampling_aims_at(sampling, "/metrics"));
    assert_true(ld_sampling_aims_at(sampling, "/own/page"));
    assert_false(ld_sampling_aims_at(sampling, "/debug/pprof/heap"));
    assert_string_equal(bind("{how: refused}"), "");
    assert_true(ld_sampling_aims_at(sampling, "/debug/pprof/"));
    assert_true(ld_sampling_aims_at(sampling, "/debug/pprof/a-name-that-is-longer-than-that-of-any-profile"));
    assert_true(ld_sampling_aims_at(sampling, ""));
    assert_true(ld_sampling_aims_at_endpoints(sampling));
    assert_string_equal(bind("{how: refused, reads: [metrics, goroutine]}"), "");
    assert_false(ld_sampling_aims_at_endpoints(sampling));
    assert_string_equal(bind("{how: refused, reads: [endpoints]}"), "");
    assert_true(ld_sampling_aims_at_endpoints(sampling));
    assert_false(ld_sampling_aims_at(sampling, "/metrics"));
}

static void decisions_depend_on_nothing_else(void **state)
{
    unsigned touched = 0, other_instance = 0, differ = 0;
    (void)state;
    assert_string_equal(bind("{how: slow, delay: 20ms, jitter: 30ms, toxicity: 0.25}"), "");
    for (uint64_t read = 0; read < 4000; read++) {
        bool here = ld_sampling_touches(7, &spec, 0, read), there = ld_sampling_touches(7, &spec, 1, read);
        int64_t delay_ns = ld_sampling_delay_ns(7, &spec, 0, read);
        assert_true(here == ld_sampling_touches(7, &spec, 0, read));
        assert_true(delay_ns == ld_sampling_delay_ns(7, &spec, 0, read));
        assert_in_range(delay_ns, 0, 50 * LD_MS);
        touched += here;
        other_instance += there;
        differ += here != there;
    }
    assert_in_range(touched, 900, 1100);
    assert_in_range(other_instance, 900, 1100);
    assert_in_range(differ, 1200, 1800); /* instances are decided apart */
    /* the very values: the same on every machine */
    char pattern[33] = "";
    for (uint64_t read = 0; read < 32; read++)
        pattern[read] = ld_sampling_touches(7, &spec, 0, read) ? '1' : '0';
    assert_string_equal(pattern, "00010001011100101100010010000000");
}

static void forged_answers(void **state)
{
    struct ld_sampling_answer answer, again;
    (void)state;
    assert_string_equal(bind("{how: not-found}"), "");
    ld_sampling_forge(1, &spec, 0, 0, "/debug/pprof/goroutine", &answer);
    assert_int_equal(answer.status, 404);
    assert_true(answer.pprof_header);
    assert_string_equal(answer.body, "Unknown profile\n");
    ld_sampling_forge(1, &spec, 0, 0, "/metrics", &answer);
    assert_int_equal(answer.status, 404);
    assert_false(answer.pprof_header);
    assert_string_equal(bind("{how: wrong-content}"), "");
    ld_sampling_forge(1, &spec, 0, 0, "/metrics", &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "<html>"));
    assert_int_equal(answer.length, strlen(answer.body));
    assert_string_equal(bind("{how: wrong-content, content: noise}"), "");
    ld_sampling_forge(1, &spec, 0, 5, "/metrics", &answer);
    ld_sampling_forge(1, &spec, 0, 5, "/metrics", &again);
    assert_int_equal(answer.length, 512);
    assert_memory_equal(answer.body, again.body, answer.length);
    ld_sampling_forge(1, &spec, 0, 6, "/metrics", &again);
    assert_memory_not_equal(answer.body, again.body, answer.length);
    assert_string_equal(bind("{how: wrong-content, content: empty}"), "");
    ld_sampling_forge(1, &spec, 0, 0, "/metrics", &answer);
    assert_int_equal(answer.length, 0);
}

static void receipts(void **state)
{
    struct ld_sampling_effect first = {.touched = 3, .spared = 2, .delivered = 3}, second = {.touched = 1}, sum = {0};
    struct ld_receipt receipt;
    (void)state;
    assert_string_equal(bind("{how: slow, delay: 200ms}"), "");
    ld_sampling_receipt(&sum, &spec, &receipt);
    assert_false(receipt.effective); /* nobody read */
    ld_sampling_delayed(&first, 200 * LD_MS, 201 * LD_MS);
    ld_sampling_delayed(&first, 200 * LD_MS, 203 * LD_MS);
    second.delivered = 1;
    ld_sampling_delayed(&second, 200 * LD_MS, 202 * LD_MS);
    ld_sampling_effect_add(&sum, &first);
    ld_sampling_effect_add(&sum, &second);
    ld_sampling_receipt(&sum, &spec, &receipt);
    assert_int_equal(receipt.touched, 4);
    assert_int_equal(receipt.spared, 2);
    assert_int_equal(receipt.count, 4);
    assert_int_equal(receipt.asked_ns, 200 * LD_MS);
    assert_int_equal(receipt.p50_ns, 202 * LD_MS);
    assert_int_equal(receipt.p99_ns, 203 * LD_MS);
    assert_true(receipt.effective);
    assert_string_equal(receipt.text, "slow: 4 of 4 touched reads got it, 2 spared; asked 200ms, delivered mean 202ms, "
                                      "longest 203ms");
    ld_sampling_delayed(&sum, 200 * LD_MS, 199 * LD_MS); /* early */
    ld_sampling_receipt(&sum, &spec, &receipt);
    assert_int_equal(receipt.worst_early_ns, LD_MS);
    assert_false(receipt.effective);
    sum = (struct ld_sampling_effect){.touched = 1, .delivered = 1};
    ld_sampling_delayed(&sum, 200 * LD_MS, LD_SECOND); /* another delay than the one asked for */
    ld_sampling_receipt(&sum, &spec, &receipt);
    assert_false(receipt.effective);
    assert_string_equal(bind("{how: truncated}"), "");
    sum = (struct ld_sampling_effect){.touched = 5, .unchanged = 5};
    ld_sampling_receipt(&sum, &spec, &receipt);
    assert_false(receipt.effective); /* every body was shorter than the cut */
    for (uint64_t delivered = 0; delivered <= 10; delivered++) {
        sum = (struct ld_sampling_effect){.touched = 10, .delivered = delivered, .unchanged = 10 - delivered};
        ld_sampling_receipt(&sum, &spec, &receipt);
        assert_int_equal(receipt.effective, delivered > 5); /* more than half of them */
    }
    assert_string_equal(bind("{how: slow, delay: 20ms, jitter: 30ms}"), "");
    sum = (struct ld_sampling_effect){.touched = 1, .delivered = 1};
    ld_sampling_delayed(&sum, 0, 14 * LD_US); /* no delay was drawn: no delay is no proof */
    ld_sampling_receipt(&sum, &spec, &receipt);
    assert_false(receipt.effective);
}

int test_sampling(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_bind),
        cmocka_unit_test(attributes_show_as_they_are_written),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(it_aims_at_what_it_names),
        cmocka_unit_test(decisions_depend_on_nothing_else),
        cmocka_unit_test(forged_answers),
        cmocka_unit_test(receipts),
    };
    return cmocka_run_group_tests_name("sampling faults", tests, NULL, NULL);
}
