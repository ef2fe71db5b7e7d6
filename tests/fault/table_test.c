/* The table, and what the attribute schemas accept and refuse. */
#include "fault/groups.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
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
        assert_non_null(info->attributes);
    }
    assert_null(ld_fault_find("Latency"));
    assert_null(ld_fault_find(""));
}

static void toxics_are_faults_of_the_proxy(void **state)
{
    (void)state;
    for (int i = 0; i < LD_FAULT_TYPES; i++)
        assert_int_equal(ld_fault_table[i].toxic != NULL, ld_fault_table[i].scope == LD_SCOPE_PROXY);
}

static void signals_have_their_numbers(void **state)
{
    (void)state;
    static const struct {
        enum ld_fault_type type;
        int index, number;
        const char *name;
    } cases[] = {{LD_FAULT_KILL, 0, SIGKILL, "KILL"},
                 {LD_FAULT_KILL, 1, SIGTERM, "TERM"},
                 {LD_FAULT_CRASH, 0, SIGSEGV, "SEGV"},
                 {LD_FAULT_CRASH, 1, SIGABRT, "ABRT"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ld_fault_spec fault = {.type = cases[i].type, .attributes.kill.signal = cases[i].index};
        assert_int_equal(ld_fault_signal(&fault), cases[i].number);
        assert_string_equal(ld_fault_signal_name(&fault), cases[i].name);
    }
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
    assert_true(attributes.latency.reach.toxicity == 0.99);
    assert_int_equal(attributes.latency.reach.stream, LD_STREAM_BOTH);
}

static void latency_has_toxiproxys_defaults(void **state)
{
    (void)state;
    union ld_fault_attributes attributes;
    char message[600];
    assert_int_equal(bind("latency", "{latency: 1s}", &attributes, message, sizeof message), 0);
    assert_int_equal(attributes.latency.jitter_ns, 0);
    assert_true(attributes.latency.reach.toxicity == 1.0);
    assert_int_equal(attributes.latency.reach.stream, LD_STREAM_DOWN);
}

static void kill_binds(void **state)
{
    (void)state;
    union ld_fault_attributes attributes;
    char message[600];
    assert_int_equal(bind("kill", "{who: upstream, signal: TERM, restart_after: 1s}", &attributes, message,
                          sizeof message), 0);
    assert_string_equal(message, "");
    assert_int_equal(attributes.kill.victims.who, LD_WHO_UPSTREAM);
    assert_int_equal(attributes.kill.signal, 1);
    assert_int_equal(attributes.kill.restart_after_ns, LD_SECOND);
    assert_int_equal(attributes.kill.victims.instance, -1);
    assert_int_equal(bind("kill", "{who: target}", &attributes, message, sizeof message), 0);
    assert_int_equal(attributes.kill.signal, 0);
    assert_int_equal(attributes.kill.times, 1);
    assert_true(attributes.kill.victims.share == 1.0);
    assert_int_equal(attributes.kill.restart_after_ns, -1);
    assert_int_equal(attributes.kill.victims.instance, -1);
    assert_int_equal(bind("kill", "{who: target, instance: 3, restart_after: 0s}", &attributes, message,
                          sizeof message), 0);
    assert_int_equal(attributes.kill.victims.instance, 3);
    assert_int_equal(attributes.kill.restart_after_ns, 0);
    assert_int_equal(bind("kill", "{who: upstream, instance: all}", &attributes, message, sizeof message), 0);
    assert_int_equal(attributes.kill.victims.instance, -1);
}

static void every_fault_of_a_process_binds(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *yaml, *values;
    } cases[] = {
        {"kill", "{who: target, share: 10%, restart_after: 1s, times: 5, every: 2s}",
         "{\"who\":\"target\",\"signal\":\"KILL\",\"restart_after\":\"1s\",\"times\":5,\"every\":\"2s\","
         "\"instance\":\"all\",\"share\":\"10%\"}"},
        {"crash", "{signal: ABRT}",
         "{\"who\":\"target\",\"signal\":\"ABRT\",\"times\":1,\"every\":\"0s\",\"instance\":\"all\",\"share\":\"100%"
         "\"}"},
        {"exit", "{who: upstream}",
         "{\"who\":\"upstream\",\"times\":1,\"every\":\"0s\",\"instance\":\"all\",\"share\":\"100%\"}"},
        {"pause", "{instance: 2}", "{\"who\":\"target\",\"instance\":2,\"share\":\"100%\"}"},
        {"open_files", "{limit: 32}", "{\"limit\":32,\"who\":\"target\",\"instance\":\"all\",\"share\":\"100%\"}"},
        {"memory", "{limit: 64MiB, restart_after: 0s}",
         "{\"limit\":\"64MiB\",\"restart_after\":\"0s\",\"who\":\"target\",\"instance\":\"all\",\"share\":\"100%\"}"},
        {"cpu", "{limit: 20%, who: upstream}",
         "{\"limit\":\"20%\",\"who\":\"upstream\",\"instance\":\"all\",\"share\":\"100%\"}"},
        {"disk", "{}", "{\"size\":\"1MiB\",\"who\":\"target\",\"instance\":\"all\",\"share\":\"100%\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        union ld_fault_attributes attributes;
        struct ld_buffer values;
        char message[600];
        ld_buffer_init(&values, 4096);
        bind(cases[i].fault, cases[i].yaml, &attributes, message, sizeof message);
        assert_string_equal(message, "");
        assert_int_equal(ld_schema_values(ld_fault_find(cases[i].fault)->attributes, &attributes, &values), 0);
        assert_string_equal(ld_buffer_text(&values), cases[i].values);
        ld_buffer_done(&values);
    }
}

static void instants_last_until_the_last_restart(void **state)
{
    (void)state;
    struct ld_fault_spec fault = {.type = LD_FAULT_KILL, .for_ns = -1,
                                  .attributes.kill = {.restart_after_ns = -1, .times = 1}};
    assert_true(ld_fault_is_instant(LD_FAULT_KILL) && ld_fault_is_instant(LD_FAULT_EXIT));
    assert_false(ld_fault_is_instant(LD_FAULT_PAUSE));
    assert_int_equal(ld_fault_lasts_ns(&fault), 0);
    fault.attributes.kill.restart_after_ns = LD_SECOND;
    fault.attributes.kill.times = 5;
    fault.attributes.kill.every_ns = 2 * LD_SECOND;
    assert_int_equal(ld_fault_lasts_ns(&fault), 9 * LD_SECOND);
    fault = (struct ld_fault_spec){.type = LD_FAULT_PAUSE, .for_ns = 3 * LD_SECOND};
    assert_int_equal(ld_fault_lasts_ns(&fault), 3 * LD_SECOND);
}

static struct ld_fault_spec lasting(enum ld_fault_type type, int who, int64_t instance)
{
    return (struct ld_fault_spec){.type = type, .for_ns = LD_SECOND, .attributes.victims = {who, instance, 1}};
}

static void those_of_a_kind_exclude_each_other(void **state)
{
    static const struct {
        enum ld_fault_type type, other;
        int64_t instance, other_instance;
        bool excludes;
    } cases[] = {
        {LD_FAULT_PAUSE, LD_FAULT_PAUSE, 0, 0, true},     {LD_FAULT_PAUSE, LD_FAULT_PAUSE, 0, 1, false},
        {LD_FAULT_PAUSE, LD_FAULT_PAUSE, -1, 1, true},    {LD_FAULT_CPU, LD_FAULT_CPU, 2, -1, true},
        {LD_FAULT_MEMORY, LD_FAULT_MEMORY, -1, -1, true}, {LD_FAULT_PAUSE, LD_FAULT_CPU, -1, -1, false},
        {LD_FAULT_KILL, LD_FAULT_KILL, 0, 0, false},      {LD_FAULT_LATENCY, LD_FAULT_LATENCY, 0, 0, false},
        {LD_FAULT_LOAD, LD_FAULT_LOAD, 0, 0, true},       {LD_FAULT_LOAD, LD_FAULT_BREAKER, 0, 0, false},
        {LD_FAULT_BREAKER, LD_FAULT_BREAKER, 0, 0, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_fault_spec fault = lasting(cases[i].type, LD_WHO_TARGET, cases[i].instance);
        struct ld_fault_spec other = lasting(cases[i].other, LD_WHO_TARGET, cases[i].other_instance);
        bool excludes = ld_fault_excludes(&fault, &other), back = ld_fault_excludes(&other, &fault);
        if (excludes != cases[i].excludes || back != excludes)
            fail_msg("case %zu: expected %d, is %d and %d", i, cases[i].excludes, excludes, back);
    }
    struct ld_fault_spec fault = lasting(LD_FAULT_PAUSE, LD_WHO_TARGET, -1);
    struct ld_fault_spec other = lasting(LD_FAULT_PAUSE, LD_WHO_UPSTREAM, -1);
    assert_false(ld_fault_excludes(&fault, &other));
}

static uint32_t choose(uint64_t seed, double share, int64_t instance, uint32_t count, bool *chosen)
{
    struct ld_fault_spec fault = {.id = "case/0/kill", .attributes.victims = {LD_WHO_TARGET, instance, share}};
    uint32_t number = 0;
    ld_fault_choose(seed, &fault, count, chosen);
    for (uint32_t i = 0; i < count; i++)
        number += chosen[i];
    return number;
}

static void a_share_is_drawn_from_the_seed(void **state)
{
    (void)state;
    bool one[64], again[64];
    unsigned times[10] = {0};
    assert_int_equal(choose(1, 0.1, -1, 10, one), 1);
    assert_int_equal(choose(1, 0.1, -1, 10, again), 1);
    assert_memory_equal(one, again, 10);
    assert_int_equal(choose(1, 0.01, -1, 10, one), 1); /* at least one */
    assert_int_equal(choose(1, 0.5, -1, 5, one), 3);
    assert_int_equal(choose(1, 1, -1, 64, one), 64);
    assert_int_equal(choose(1, 1, 3, 5, one), 1);
    assert_true(one[3]);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        choose(seed, 0.1, -1, 10, one);
        for (int i = 0; i < 10; i++)
            times[i] += one[i];
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(times[i], 60, 140); /* 100 expected; 4 standard deviations are 38 */
}

static void every_toxic_binds(void **state)
{
    (void)state;
    union ld_fault_attributes a;
    char message[600];
    assert_int_equal(bind("bandwidth", "{rate: 100KiB/s, stream: both, toxicity: 0.5}", &a, message, 600), 0);
    assert_int_equal(a.bandwidth.rate, 100 * 1024);
    assert_int_equal(a.reach.stream, LD_STREAM_BOTH);
    assert_true(a.reach.toxicity == 0.5);
    assert_int_equal(bind("slow_close", "{delay: 250ms, stream: upstream}", &a, message, 600), 0);
    assert_int_equal(a.slow_close.delay_ns, 250 * LD_MS);
    assert_int_equal(a.reach.stream, LD_STREAM_UP);
    assert_int_equal(bind("timeout", "{timeout: 0s}", &a, message, 600), 0);
    assert_int_equal(a.timeout.timeout_ns, 0);
    assert_int_equal(a.reach.stream, LD_STREAM_DOWN);
    assert_int_equal(bind("reset_peer", "{}", &a, message, 600), 0);
    assert_int_equal(a.timeout.timeout_ns, 0);
    assert_int_equal(a.reach.stream, LD_STREAM_BOTH);
    assert_int_equal(bind("slicer", "{average_size: 64B, size_variation: 32B, delay: 10us}", &a, message, 600), 0);
    assert_int_equal(a.slicer.average_size, 64);
    assert_int_equal(a.slicer.size_variation, 32);
    assert_int_equal(a.slicer.delay_ns, 10 * LD_US);
    assert_int_equal(bind("limit_data", "{bytes: 64KiB}", &a, message, 600), 0);
    assert_int_equal(a.limit_data.bytes, 64 * 1024);
    assert_int_equal(bind("connect_delay", "{delay: 1s, jitter: 1s}", &a, message, 600), 0);
    assert_int_equal(a.connect_delay.jitter_ns, LD_SECOND);
    assert_true(a.reach.toxicity == 1.0);
    assert_int_equal(bind("stall", "{}", &a, message, 600), 0);
    assert_int_equal(a.reach.stream, LD_STREAM_DOWN);
    assert_int_equal(bind("down", "{}", &a, message, 600), 0);
    assert_true(a.reach.toxicity == 1.0);
    assert_int_equal(a.reach.stream, LD_STREAM_BOTH);
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
        /* what crashes Toxiproxy, or is accepted there and does nothing */
        {"slicer", "{average_size: 0B}", "1:16", "out of range"},
        {"bandwidth", "{rate: -1}", "1:8", "is not a size for each second"},
        {"bandwidth", "{rate: 0B/s}", "1:8", "out of range: 1B/s to 10GiB/s"},
        {"slicer", "{average_sise: 10B}", "1:2", "did you mean \"average_size\"?"},
        {"limit_data", "{byte: 10B}", "1:2", "did you mean \"bytes\"?"},
        {"bandwidth", "{rate: 1KB}", "1:8", "is not a size for each second"},
        {"bandwidth", "{rate: 100}", "1:8", "needs a unit; write a bandwidth such as 100KiB/s"},
        {"bandwidth", "{rate: 11GiB/s}", "1:8", "out of range"},
        {"bandwidth", "{}", "1:1", "rate"},
        {"slicer", "{average_size: 10B, size_variation: 10B}", "1:37", "must be smaller than average_size"},
        {"slicer", "{average_size: 2MiB}", "1:16", "out of range"},
        {"slow_close", "{delay: 0s}", "1:9", "out of range"},
        {"timeout", "{}", "1:1", "timeout"},
        {"timeout", "{timeout: 2h}", "1:11", "out of range"},
        {"reset_peer", "{stream: upstream}", "1:2", "unknown key"},
        {"limit_data", "{}", "1:1", "bytes"},
        {"connect_delay", "{delay: 10ms, jitter: 11ms}", "1:23", "at most delay"},
        {"down", "{toxicity: 0.5}", "1:2", "unknown key"},
        {"stall", "{timeout: 1s}", "1:2", "unknown key"},
        {"kill", "{signal: KILL}", "1:1", "who"},
        {"kill", "{who: target, signal: SEGV}", "1:23", ""},
        {"kill", "{who: target, instance: -1}", "1:25", "must be the number of an instance"},
        {"kill", "{who: target, instance: some}", "1:25", "must be the number of an instance"},
        {"kill", "{who: target, instance: [1]}", "1:25", "must be the number of an instance"},
        {"kill", "{who: target, instance: 1000}", "1:25", "must be below 1000"},
        {"kill", "{who: upstream, instance: 0}", "1:27", "there is one upstream"},
        {"kill", "{who: target, restart_after: 2h}", "1:30", ""},
        {"kill", "{who: target, share: 0%}", "1:22", "would touch nobody"},
        {"kill", "{who: target, share: 10%, instance: 1}", "1:22", "not both"},
        {"kill", "{who: upstream, share: 10%}", "1:24", "there is one upstream"},
        {"kill", "{who: target, times: 5, every: 2s}", "1:22", "needs restart_after"},
        {"kill", "{who: target, times: 5, restart_after: 2s}", "1:22", "needs every"},
        {"kill", "{who: target, times: 5, restart_after: 2s, every: 1s}", "1:51", "longer than restart_after"},
        {"kill", "{who: target, every: 1s}", "1:22", "for more times than one"},
        {"kill", "{who: target, times: 0}", "1:22", ""},
        {"crash", "{signal: KILL}", "1:10", ""},
        {"exit", "{signal: TERM}", "1:2", ""},
        {"pause", "{who: nobody}", "1:7", ""},
        {"open_files", "{}", "1:1", "limit"},
        {"open_files", "{limit: 2}", "1:9", ""},
        {"memory", "{limit: 64}", "1:9", ""},
        {"memory", "{limit: 64KiB}", "1:9", ""},
        {"cpu", "{limit: 100%}", "1:9", ""},
        {"cpu", "{limit: 0.2}", "1:9", ""},
        {"disk", "{who: upstream}", "1:7", "only a target"},
        {"disk", "{size: 1GiB}", "1:8", ""},
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
        cmocka_unit_test(toxics_are_faults_of_the_proxy),
        cmocka_unit_test(every_fault_of_a_process_binds),
        cmocka_unit_test(instants_last_until_the_last_restart),
        cmocka_unit_test(those_of_a_kind_exclude_each_other),
        cmocka_unit_test(a_share_is_drawn_from_the_seed),
        cmocka_unit_test(signals_have_their_numbers),
        cmocka_unit_test(latency_binds),
        cmocka_unit_test(latency_has_toxiproxys_defaults),
        cmocka_unit_test(kill_binds),
        cmocka_unit_test(every_toxic_binds),
        cmocka_unit_test(wrong_attributes_are_refused),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
