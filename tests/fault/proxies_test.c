/* The file of `leakdrill proxy`: what is taken, and that every mistake is told with its place. */
#include "fault/groups.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "fault/proxies.h"

static const char good[] = "leakdrill-proxy: 1\n"
                           "seed: 7\n"
                           "status: 127.0.0.1:9000\n"
                           "proxies:\n"
                           "  redis:\n"
                           "    listen: 127.0.0.1:26379\n"
                           "    upstream: 127.0.0.1:6379\n"
                           "    toxics:\n"
                           "      - {name: slow, latency: {latency: 100ms, jitter: 20ms, toxicity: 0.5}}\n"
                           "      - {latency: {latency: 1s, stream: upstream}}\n"
                           "  any:\n"
                           "    listen: 127.0.0.1:0\n"
                           "    upstream: 127.0.0.1:80\n"
                           "    connections: 12\n";

static void a_good_file_is_taken(void **state)
{
    struct ld_proxies *proxies = NULL;
    struct ld_errors errors = {0};
    (void)state;
    assert_int_equal(ld_proxies_parse(&proxies, "p.yaml", good, sizeof good - 1, &errors), 0);
    assert_int_equal(errors.count, 0);
    assert_int_equal(proxies->seed, 7);
    assert_int_equal(proxies->status.port, 9000);
    assert_int_equal(proxies->count, 2);
    const struct ld_proxy_entry *redis = ld_proxies_find(proxies, "redis"), *any = ld_proxies_find(proxies, "any");
    assert_non_null(redis);
    assert_non_null(any);
    assert_null(ld_proxies_find(proxies, "redi"));
    assert_int_equal(redis->listen.port, 26379);
    assert_int_equal(redis->upstream.port, 6379);
    assert_int_equal(redis->connections, 4096);
    assert_int_equal(redis->toxics.count, 2);
    const struct ld_fault_spec *toxics = redis->toxics.items;
    assert_string_equal(toxics[0].id, "redis/slow");
    assert_string_equal(toxics[1].id, "redis/latency");
    assert_int_equal(toxics[0].attributes.latency.jitter_ns, 20 * LD_MS);
    assert_int_equal(toxics[1].attributes.latency.reach.stream, LD_STREAM_UP);
    assert_false(ld_proxy_toxics_equal(&toxics[0], &toxics[1]));
    assert_true(ld_proxy_toxics_equal(&toxics[0], &toxics[0]));
    assert_int_equal(any->listen.port, 0);
    assert_int_equal(any->connections, 12);
    assert_int_equal(any->toxics.count, 0);
    ld_proxies_free(proxies);
    ld_errors_done(&errors);
}

#define HEAD "leakdrill-proxy: 1\nproxies:\n  a:\n    listen: 127.0.0.1:1000\n    upstream: 127.0.0.1:80\n"

static const struct {
    const char *text, *error;
} bad[] = {
    {"", "p.yaml"},
    {"leakdrill-proxy: 1\n", "p.yaml:1:1: proxies: required key \"proxies\" is missing"},
    {"leakdrill-proxy: 2\nproxies: {}\n", "p.yaml:1:18: leakdrill-proxy: "},
    {"leakdrill-proxy: 1\nproxies: {}\n", "p.yaml:2:10: there is no proxy in it"},
    {"leakdrill-proxy: 1\nproxies:\n  a: {listen: 127.0.0.1:1}\n",
     "p.yaml:3:6: proxies.a.upstream: required key \"upstream\" is missing"},
    {"leakdrill-proxy: 1\nproxies:\n  a: {listen: 0.0.0.0:1, upstream: 127.0.0.1:80}\n",
     "p.yaml:3:15: proxies.a.listen: must be 127.0.0.1:PORT; nothing listens or connects beyond loopback"},
    {"leakdrill-proxy: 1\nproxies:\n  a: {listen: 127.0.0.1:1, upstream: 127.0.0.1:0}\n",
     "p.yaml:3:38: proxies.a.upstream: the port must be from 1 to 65535"},
    {"leakdrill-proxy: 1\nproxies:\n  a: {listen: 127.0.0.1:99999, upstream: 127.0.0.1:8}\n",
     "p.yaml:3:15: proxies.a.listen: the port must be from 0 to 65535"},
    {HEAD "    toxics: [{latency: {latensy: 1s}}]\n", "p.yaml:6:"},
    {HEAD "    toxics: [{latency: {latency: 100}}]\n", "p.yaml:6:34: proxies.a.toxics[0].latency.latency: "},
    {HEAD "    toxics: [{name: x}]\n", "p.yaml:6:14: proxies.a.toxics[0]: names no toxic, such as latency"},
    {HEAD "    toxics: [{kill: {who: target}}]\n", "p.yaml:6:15: proxies.a.toxics[0].kill: unknown key \"kill\""},
    {HEAD "    toxics: [{latency: {latency: 1s}}, {latency: {latency: 2s}}]\n",
     "p.yaml:6:40: proxies.a: another toxic is called \"latency\" already"},
    {HEAD "  b: {listen: 127.0.0.1:1000, upstream: 127.0.0.1:80}\n",
     "p.yaml:6:3: proxy \"a\" listens on 127.0.0.1:1000 already"},
    {HEAD "  b: {listen: 127.0.0.1:2000, upstream: 127.0.0.1:2000}\n",
     "p.yaml:6:41: proxies.b.upstream: is where the proxy itself listens"},
    {HEAD "  c: {listen: 127.0.0.1:1, upstream: 127.0.0.1:2}\n  d: {listen: 127.0.0.1:2, upstream: 127.0.0.1:3}\n"
          "  e: {listen: 127.0.0.1:3, upstream: 127.0.0.1:1}\n",
     "p.yaml:6:38: proxies.c.upstream: leads to \"d\" and from there back to \"c\""},
    {HEAD "  f: {listen: 127.0.0.1:4, upstream: 127.0.0.1:5}\n  g: {listen: 127.0.0.1:5, upstream: 127.0.0.1:5}\n",
     "p.yaml:7:38: proxies.g.upstream: is where the proxy itself listens"},
    {HEAD "    toxics: [{latency: {latency: 1s, toxicity: 0}}]\n",
     "p.yaml:6:48: proxies.a.toxics[0].latency.toxicity: 0 touches no connection: it would do nothing"},
    {HEAD "    toxics: [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}]\n",
     "p.yaml:6:78: proxies.a.toxics: has 18 items; at most 16 are allowed"},
    {"status: 127.0.0.1:1000\n" HEAD, "p.yaml:4:3: proxy \"a\" listens where the status page is"},
};

static void every_mistake_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ld_proxies *proxies = NULL;
        struct ld_errors errors = {0};
        char text[1024] = "";
        int code = ld_proxies_parse(&proxies, "p.yaml", bad[i].text, strlen(bad[i].text), &errors);
        if (errors.count)
            ld_error_format(&errors.items[0], text, sizeof text);
        if (code == 0 || !strstr(text, bad[i].error))
            fail_msg("case %zu: code %d, error \"%s\" instead of \"%s\"", i, code, text, bad[i].error);
        assert_null(proxies);
        ld_errors_done(&errors);
    }
}

static void the_documentation_names_every_key(void **state)
{
    static const char *const words[] = {"leakdrill-proxy", "seed", "status", "proxies", "listen", "upstream",
                                        "connections", "toxics", "name", "latency", "slicer", "SCHED_RR"};
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_proxies_explain(&out), 0);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(ld_buffer_text(&out), words[i]))
            fail_msg("\"%s\" is not in:\n%s", words[i], ld_buffer_text(&out));
    assert_non_null(strstr(ld_buffer_text(&out), "  upstream: a value; required\n")); /* a custom one has no range */
    ld_buffer_done(&out);
}

int test_proxies(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_taken),
        cmocka_unit_test(every_mistake_is_told_with_its_place),
        cmocka_unit_test(the_documentation_names_every_key),
    };
    return cmocka_run_group_tests_name("proxies", tests, NULL, NULL);
}
