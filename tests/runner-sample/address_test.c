/* What may be asked of the read gateway, and under which name. */
#include <stdio.h>

#include "base/error.h"
#include "runner-sample/fixture.h"
#include "runner/sample/address.h"

static void takes_addresses_apart(void **state)
{
    struct ld_address address;
    (void)state;
    assert_int_equal(ld_address_parse("/0123456789abcdef/12/debug/pprof/goroutine?debug=2&x=%2f", &address), 0);
    assert_true(address.token == UINT64_C(0x0123456789abcdef));
    assert_int_equal(address.instance, 12);
    assert_string_equal(address.path, "/debug/pprof/goroutine?debug=2&x=%2f");
}

static void refuses_what_is_not_one(void **state)
{
    static const struct {
        const char *target;
        int code;
    } cases[] = {
        {"", LD_ENOENT},
        {"/", LD_ENOENT},
        {"*", LD_ESYNTAX},
        {"/0123456789abcdef", LD_ENOENT},
        {"/0123456789abcdef/", LD_ENOENT},
        {"/0123456789abcdef/0", LD_ENOENT},
        {"/0123456789abcdef//metrics", LD_ENOENT},
        {"/0123456789abcdef/-1/metrics", LD_ENOENT},
        {"/0123456789abcdef/01/metrics", LD_ENOENT},
        {"/0123456789abcdef/4294967296/metrics", LD_ENOENT},
        {"/0123456789abcde/0/metrics", LD_ENOENT},
        {"/0123456789abcdef0/0/metrics", LD_ENOENT},
        {"/0123456789ABCDEF/0/metrics", LD_ENOENT},
        {"/0123456789abcdef?/0/metrics", LD_ENOENT},
        {"http://127.0.0.1/0123456789abcdef/0/metrics", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/../../work", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/..", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/..?debug=1", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/./heap", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/%2e%2e/work", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/heap#x", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/heap?a#x", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/heap?a\r\nX: y", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/heap?a b", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/heap?\x80", LD_ESYNTAX},
        {"/0123456789abcdef/0/debug/pprof/h\\eap", LD_ESYNTAX},
        {"/0123456789abcdef/0@127.0.0.1/metrics", LD_ESYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_address address = {.token = 7};
        int code = ld_address_parse(cases[i].target, &address);
        if (code != cases[i].code)
            fail_msg("%s: %s, not %s", cases[i].target, ld_code_name(code), ld_code_name(cases[i].code));
        assert_true(address.token == 7); /* set only on success */
    }
}

static void bounds_the_length(void **state)
{
    char target[LD_ADDRESS_MAX + 8];
    struct ld_address address;
    const size_t prefix = strlen("/0123456789abcdef/0");
    (void)state;
    memset(target, 'a', sizeof target);
    memcpy(target, "/0123456789abcdef/0/", prefix + 1);
    target[prefix + LD_ADDRESS_PATH_MAX] = '\0';
    assert_int_equal(ld_address_parse(target, &address), 0);
    assert_int_equal(strlen(address.path), LD_ADDRESS_PATH_MAX);
    target[prefix + LD_ADDRESS_PATH_MAX] = 'a';
    target[prefix + LD_ADDRESS_PATH_MAX + 1] = '\0';
    assert_int_equal(ld_address_parse(target, &address), LD_ELIMIT);
    target[prefix + LD_ADDRESS_PATH_MAX + 1] = 'a';
    target[LD_ADDRESS_MAX + 1] = '\0';
    assert_int_equal(ld_address_parse(target, &address), LD_ELIMIT);
}

static void lets_profiles_and_metrics_pass(void **state)
{
    static const struct {
        const char *path, *metrics;
        bool readable;
    } cases[] = {
        {"/debug/pprof/", "", true},          {"/debug/pprof/goroutine?debug=2", "", true},
        {"/metrics", "/metrics", true},       {"/metrics?x=1", "/metrics", true},
        {"/metrics", "", false},              {"/metrics/", "/metrics", false},
        {"/metricsx", "/metrics", false},     {"/metric", "/metrics", false},
        {"/stats", "/metrics", false},        {"/work", "/metrics", false},
        {"/debug/pprof", "/metrics", false},  {"/debug/vars", "/metrics", false},
        {"//debug/pprof/heap", "/metrics", false}, {"/debug/pprofx/heap", "/metrics", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_address address = {0};
        snprintf(address.path, sizeof address.path, "%s", cases[i].path);
        if (ld_address_readable(&address, cases[i].metrics) != cases[i].readable)
            fail_msg("%s with metrics at '%s' must be %s", cases[i].path, cases[i].metrics,
                     cases[i].readable ? "readable" : "hidden");
    }
}

static void names_readers(void **state)
{
    static const struct {
        const char *reader, *agent, *name;
    } cases[] = {
        {"watcher", "curl/8.0", "http:watcher"},
        {NULL, "Prometheus/2.45.0 (linux)", "http:Prometheus/2.45.0"},
        {"", "curl/8.0", "http:curl/8.0"},
        {NULL, NULL, "http:unnamed"},
        {"", "", "http:unnamed"},
        {"a\"b\x01<\xff>", NULL, "http:a_b____"},
        {"0123456789012345678901234567890123456789", NULL, "http:01234567890123456789012345678901"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[LD_READER_MAX + 6];
        ld_address_reader(cases[i].reader, cases[i].agent, name);
        assert_string_equal(name, cases[i].name);
    }
}

static void knows_what_lasts(void **state)
{
    static const struct {
        const char *path;
        int64_t seconds;
    } cases[] = {
        {"/debug/pprof/goroutine?debug=2", 0},
        {"/debug/pprof/heap", 0},
        {"/debug/pprof/symbol?0x1", 0},
        {"/metrics", 0},
        {"/debug/pprof/profile", 30},
        {"/debug/pprof/profile?", 30},
        {"/debug/pprof/profile?debug=1", 30},
        {"/debug/pprof/profile?seconds=", 30},
        {"/debug/pprof/profile?seconds=0", 30},
        {"/debug/pprof/profile?seconds=2", 2},
        {"/debug/pprof/profiles", 0},
        {"/debug/pprof/trace", 1},
        {"/debug/pprof/trace?seconds=1.5", 2},
        {"/debug/pprof/heap?gc=1&seconds=5", 5},
        {"/debug/pprof/heap?seconds=1&seconds=7&seconds=3", 7},
        {"/debug/pprof/heap?myseconds=7", 0},
        {"/debug/pprof/heap?seconds=x", 1},
        {"/debug/pprof/heap?%73econds=7", LD_LASTS_UNKNOWN},
        {"/debug/pprof/heap?seconds=%37", LD_LASTS_UNKNOWN},
        {"/debug/pprof/heap?x=%37", 0},
        {"/debug/pprof/profile?seconds=99999999999999999999", 9999999},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_address address;
        snprintf(address.path, sizeof address.path, "%s", cases[i].path);
        int64_t seconds = ld_address_lasts_s(&address);
        if (seconds != cases[i].seconds)
            fail_msg("%s: %lld s, not %lld", cases[i].path, (long long)seconds, (long long)cases[i].seconds);
    }
}

int test_address(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_addresses_apart),
        cmocka_unit_test(refuses_what_is_not_one),
        cmocka_unit_test(bounds_the_length),
        cmocka_unit_test(lets_profiles_and_metrics_pass),
        cmocka_unit_test(names_readers),
        cmocka_unit_test(knows_what_lasts),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
