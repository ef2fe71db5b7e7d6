/* Lines of dumps, panics, sanitizers and prose. */
#include "groups.h"
#include "support.h"

static void check_lines(const char *shown, const char *text, const char *expected)
{
    struct ld_blind *blind = new_blind(11, "shop");
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 16);
    blind->showing = true;
    if (shown)
        assert_int_equal(ld_blind_symbol(blind, ld_blind_span(shown), &out, NULL), 0);
    ld_buffer_clear(&out);
    assert_int_equal(ld_blind_lines(blind, ld_blind_span(text), &out), 0);
    assert_numbered(&out, expected);
    assert_comes_back(blind, &out, text);
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

static void a_dump_keeps_all_but_the_names(void **state)
{
    (void)state;
    check_lines(NULL,
                "goroutine 7 [chan receive, 2 minutes]:\n"
                "shop/digest.(*Desk).collect(0xc000, {0x1, 0x2})\n"
                "\t/src/shop/digest/digest.go:41 +0x1d\n"
                "net/http.(*conn).serve(0x1)\n"
                "\t/usr/lib/go/src/net/http/server.go:9 +0x1\n"
                "created by shop/digest.Open in goroutine 1\n"
                "\t/src/shop/digest/digest.go:22 +0x5f\n\n",
                "goroutine 7 [chan receive, 2 minutes]:\n"
                "p1/p2.(*N3).n4(0xc000, {0x1, 0x2})\n"
                "\t/p5/p1/p2/p2.go:41 +0x1d\n"
                "net/http.(*conn).serve(0x1)\n"
                "\t/usr/lib/go/src/net/http/server.go:9 +0x1\n"
                "created by p1/p2.N6 in goroutine 1\n"
                "\t/p5/p1/p2/p2.go:22 +0x5f\n\n");
    check_lines(NULL, "created by main.leak\n\t/a b/main.go:3 +0x5\n", "created by main.n1\n\t/p2/p3.go:3 +0x5\n");
    /* A state is Go's, though a function of ours is called so; a label's value is not. */
    check_lines("shop/digest.receive", "goroutine 1 [chan receive]: {job: shop/digest.Open}:\n",
                "goroutine 1 [chan receive]: {job: p1/p2.N3}:\n");
}

static void groups_of_a_count_profile(void **state)
{
    (void)state;
    check_lines(NULL,
                "goroutine profile: total 7\n"
                "6 @ 0x4851 0x414c\n"
                "# labels: {\"job\":\"shop/digest.Open\"}\n"
                "#\t0x521e\tshop/digest.work.func1+0x1d\t\t/src/shop/my digest.go:23\n"
                "#\t0x522f\truntime.main+0x1d\t/usr/lib/go/src/runtime/proc.go:290\n"
                "#\t0x5230\n"
                "#\t0x5231\ttake_page+0x4\t/src/shop/page.c:8\n"
                "#\t0x5232\tdo_sys_poll+0x4\t/usr/src/poll.c:8\n",
                "goroutine profile: total 7\n"
                "6 @ 0x4851 0x414c\n"
                "# labels: {\"job\":\"p1/p2.N3\"}\n"
                "#\t0x521e\tp1/p2.n4.func1+0x1d\t\t/p5/p1/p6.go:23\n"
                "#\t0x522f\truntime.main+0x1d\t/usr/lib/go/src/runtime/proc.go:290\n"
                "#\t0x5230\n"
                "#\t0x5231\tn7+0x4\t/p5/p1/p8.c:8\n"
                "#\t0x5232\tdo_sys_poll+0x4\t/usr/src/poll.c:8\n");
}

static void reports_of_sanitizers(void **state)
{
    (void)state;
    check_lines(NULL,
                "==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x60\n"
                "    #0 0x4a2f in turn_page /src/shop/plates/plates.c:12:5\n"
                "    #1 0x4a30 in free (/lib/x86_64-linux-gnu/libasan.so.8+0xb5)\n"
                "    #2 0x4a31 in turn_page (/tmp/x/plates+0x4a)\n"
                "    #3 0x4a32 in _cgo_12ab_Cfunc_turn_page cgo-gcc-prolog:51\n"
                "    #4 0x4a33 in shop/plates.(*Press).turn /src/shop/plates/plates.go:9\n"
                "    #5 0x4a34 in __interceptor_malloc ../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69\n"
                "SUMMARY: AddressSanitizer: heap-use-after-free /src/shop/plates/plates.c:12 in turn\n",
                "==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x60\n"
                "    #0 0x4a2f in n1 /p2/p3/p4/p4.c:12:5\n"
                "    #1 0x4a30 in free (/lib/x86_64-linux-gnu/libasan.so.8+0xb5)\n"
                "    #2 0x4a31 in n1 (/p5/p6/p4+0x4a)\n"
                "    #3 0x4a32 in _cgo_12ab_Cfunc_n1 cgo-gcc-prolog:51\n"
                "    #4 0x4a33 in p3/p4.(*N7).n8 /p2/p3/p4/p4.go:9\n"
                "    #5 0x4a34 in __interceptor_malloc ../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69\n"
                "SUMMARY: AddressSanitizer: heap-use-after-free /p2/p3/p4/p4.c:12 in n8\n");
}

/* As go.uber.org/goleak prints what it found. */
static void words_of_goleak(void **state)
{
    (void)state;
    check_lines("shop/receive.state",
                "found unexpected goroutines:\n"
                "[Goroutine 7 in state chan receive, 2 minutes, with shop/digest.(*Desk).collect on top of the stack:\n"
                "shop/digest.(*Desk).collect(0x1)\n"
                "\t/src/shop/digest/digest.go:41 +0x1d\n"
                "created by shop/digest.Open in goroutine 1\n"
                "\t/src/shop/digest/digest.go:22 +0x5f\n"
                "]\n",
                "found unexpected goroutines:\n"
                "[Goroutine 7 in state chan receive, 2 minutes, with p1/p2.(*N3).n4 on top of the stack:\n"
                "p1/p2.(*N3).n4(0x1)\n"
                "\t/p5/p1/p2/p2.go:41 +0x1d\n"
                "created by p1/p2.N6 in goroutine 1\n"
                "\t/p5/p1/p2/p2.go:22 +0x5f\n"
                "]\n");
}

static void lines_of_the_runtime_stay(void **state)
{
    static const char gctrace[] = "gc 1 @0.003s 2%: 0.17+0.63+0.021 ms clock, 0.35+0.037/0.087/0.12+0.042 ms cpu, "
                                  "3->3->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P\n";
    (void)state;
    check_lines("clock/cpu.gc", gctrace, gctrace);
    check_lines("all/asleep.deadlock", "fatal error: all goroutines are asleep - deadlock!\n",
                "fatal error: all goroutines are asleep - deadlock!\n");
}

static void prose_loses_the_words_that_were_shown(void **state)
{
    (void)state;
    check_lines("shop/digest.(*Desk).collectAll",
                "digest: *digest.Desk in shop/digest.Open failed: collectAll(digest.go:7), e.g. 10.0.0.1:80\n",
                "p1: *p1.N2 in p3/p1.N4 failed: n5(p1.go:7), e.g. 10.0.0.1:80\n");
    /* Words that anybody may use are left, and those that no observation showed. */
    check_lines("shop/digest.run", "run of prices began\n", "run of prices began\n");
    check_lines("shop/digest.run", "orders.Take\n", "orders.Take\n");
}

/* What looks like a line of a profile is none where a program prints. */
static void printed_lines_are_prose(void **state)
{
    static const char *const lines[] = {"2026/11/29 08:30:00 mail @ main.takePage", "# main.takePage",
                                        "Customer profile: main.takePage"};
    struct ld_blind *blind = new_blind(11, NULL);
    struct ld_blind_text text = {.printed = true};
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 256);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        ld_buffer_clear(&out);
        assert_int_equal(ld_blind_line(blind, &text, ld_blind_span(lines[i]), &out), 0);
        assert_null(strstr(ld_buffer_text(&out), "takePage"));
        assert_comes_back(blind, &out, lines[i]);
    }
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

/* A receiver that never ends is looked for once, not from each of its beginnings: a second, not an hour. */
static void a_long_line_takes_no_longer_than_its_bytes(void **state)
{
    struct ld_blind *blind = new_blind(11, NULL);
    struct ld_buffer text, out;
    (void)state;
    ld_buffer_init(&text, 1 << 24);
    ld_buffer_init(&out, 1 << 24);
    for (int i = 0; i < 1 << 20; i++)
        assert_int_equal(ld_buffer_add_text(&text, "a.b(*"), 0);
    assert_int_equal(ld_blind_prose(blind, ld_blind_span(ld_buffer_text(&text)), &out), 0);
    assert_int_equal(out.length, text.length);
    ld_buffer_done(&text);
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

static void a_reader_of_the_gateway_teaches_no_words(void **state)
{
    struct ld_blind *blind = new_blind(11, NULL);
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 256);
    assert_int_equal(ld_blind_symbol(blind, ld_blind_span("shop/digest.Open"), &out, NULL), 0);
    ld_buffer_clear(&out);
    assert_int_equal(ld_blind_prose(blind, ld_blind_span("digest began"), &out), 0);
    assert_string_equal(ld_buffer_text(&out), "digest began");
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

static void metrics_of_the_program_are_renamed(void **state)
{
    struct ld_blind *blind = new_blind(11, "example.com/shop");
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 4096);
    /* A folder of the program's that is called as the Go client's metrics begin. */
    blind->showing = true;
    assert_int_equal(ld_blind_file(blind, ld_blind_span("/home/go/process/main.go"), true, &out), 0);
    blind->showing = false;
    ld_buffer_clear(&out);
    assert_int_equal(ld_blind_metrics(blind,
                                      ld_blind_span("# HELP shop_orders_total Orders of example.com/shop/desk.Take\n"
                                                    "# TYPE shop_orders_total counter\n"
                                                    "shop_orders_total{at=\"main.work\"} 5\n"
                                                    "go_goroutines 7\nprocess_open_fds 9\n"),
                                      &out),
                     0);
    assert_numbered(&out, "# HELP n1_total Orders of p2/p3/p4.N5\n"
                          "# TYPE n1_total counter\n"
                          "n1_total{at=\"main.n6\"} 5\n"
                          "go_goroutines 7\nprocess_open_fds 9\n");
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

/* Labels' keys stay, though a package is called like one; quotes and commas within values are the value's. */
static void labels_of_metrics(void **state)
{
    struct ld_blind *blind = new_blind(11, "example.com/shop");
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 4096);
    blind->showing = true;
    assert_int_equal(ld_blind_symbol(blind, ld_blind_span("example.com/shop/desk.Take"), &out, NULL), 0);
    blind->showing = false;
    ld_buffer_clear(&out);
    static const char same[] = "go_gc_seconds{quantile=\"0.5\"} 1e-05 1700000000000\ngo_goroutines 7\n";
    assert_int_equal(ld_blind_metrics(blind, ld_blind_span(same), &out), 0);
    assert_string_equal(ld_buffer_text(&out), same);
    assert_int_equal(ld_blind_metrics_hidden(blind), 0);
    ld_buffer_clear(&out);
    static const char call[] = "calls{desk=\"\\\"desk\\\", x\", code=\"200\",} 5\n";
    assert_int_equal(ld_blind_metrics(blind, ld_blind_span(call), &out), 0);
    assert_numbered(&out, "calls{desk=\"\\\"p1\\\", x\", code=\"200\",} 5\n");
    assert_int_equal(ld_blind_metrics_hidden(blind), 1);
    assert_int_equal(ld_blind_metrics_reads(blind), 2);
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

static void assert_asks(const struct ld_blind *blind, const char *rules, const char *expected)
{
    char why[256] = "";
    bool asks = ld_blind_rules_ask(blind, ld_blind_span(rules), why, sizeof why);
    assert_string_equal(why, expected ? expected : "");
    assert_int_equal(asks, expected != NULL);
}

static void rules_that_ask_for_what_was_renamed(void **state)
{
    struct ld_blind *blind = new_blind(11, "example.com/shop");
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 4096);
    static const char metrics[] = "shop_orders_total{at=\"main.work\",code=\"200\"} 5\ngo_goroutines 7\n"
                                  "queue_length{of=\"desk\"} 3\n";
    assert_int_equal(ld_blind_metrics(blind, ld_blind_span(metrics), &out), 0);
    assert_asks(blind, "- expr: deriv(go_goroutines[8s]) > 2\n  # shop_orders_total\n", NULL);
    assert_asks(blind, "expr: sum by (at) (rate(go_goroutines{code!~\"5..\"}[5m])) > 2", NULL);
    assert_asks(blind, "a: b\nexpr: my_shop_orders_total + shop_orders_total2 > 2", NULL);
    assert_asks(blind, "a: b\nexpr: rate(shop_orders_total[5m]) > 2",
                "a rule asks for shop_orders_total, which was renamed");
    assert_asks(blind, "expr: '{__name__=~\"shop.*\"} > 2'",
                "a rule selects by __name__, and shop_orders_total was renamed");
    assert_asks(blind, "expr: calls{at =~ \"main.*\"} > 2",
                "a rule selects by the label at, whose values were renamed in shop_orders_total");
    assert_asks(blind, "expr: label_replace(calls, \"to\", \"$1\", \"at\", \"main[.](.*)\")",
                "a rule selects by the label at, whose values were renamed in shop_orders_total");
    assert_asks(blind, "expr: queue_length > 2", NULL);
    char why[200] = "";
    assert_false(ld_blind_routes_ask(blind, ld_blind_span("route: {receiver: atonce}\n# at: x"), why, sizeof why));
    assert_true(ld_blind_routes_ask(blind, ld_blind_span("routes:\n- match: {at: main.work}"), why, sizeof why));
    assert_string_equal(why, "alerts are routed by the label at, whose values were renamed in shop_orders_total");
    blind->showing = true; /* from here on the word is known for the program's */
    assert_int_equal(ld_blind_symbol(blind, ld_blind_span("example.com/shop/desk.Take"), &out, NULL), 0);
    blind->showing = false;
    assert_int_equal(ld_blind_metrics(blind, ld_blind_span(metrics), &out), 0);
    assert_asks(blind, "expr: queue_length > 2",
                "a rule asks for queue_length, whose label of was renamed in the midst of the run");
    assert_int_equal(ld_blind_metrics(blind, ld_blind_span("{\"shop.orders\"} 5\n"), &out), 0);
    assert_asks(blind, "expr: go_goroutines > 2", "more was renamed in the metrics than can be followed");
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

/* More names than are kept: told, and each further read of a run that lasts takes no more memory. */
static void reads_beyond_what_is_kept_cost_nothing(void **state)
{
    (void)state;
    struct ld_blind *blind = new_blind(11, "example.com/shop");
    struct ld_buffer metrics, out;
    ld_buffer_init(&metrics, 1 << 20);
    ld_buffer_init(&out, 1 << 20);
    for (int i = 0; i < LD_BLIND_HIDDEN_MAX + 300; i++)
        assert_int_equal(ld_buffer_printf(&metrics, "shop_number_%d 5\n", i), 0);
    struct ld_span text = ld_blind_span(ld_buffer_text(&metrics));
    assert_int_equal(ld_blind_metrics(blind, text, &out), 0);
    assert_int_equal(ld_blind_metrics_hidden(blind), LD_BLIND_HIDDEN_MAX);
    assert_asks(blind, "expr: up", "more was renamed in the metrics than can be followed");
    size_t used = ld_arena_used(blind->arena);
    assert_int_equal(ld_blind_metrics(blind, text, &out), 0);
    assert_int_equal(ld_arena_used(blind->arena), used);
    ld_buffer_done(&metrics);
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

/* A line that begins with its labels is of no metric's: no rule asks for it by a name. */
static void labels_without_a_metric(void **state)
{
    (void)state;
    static const char metrics[] = "{of=\"desk\"} 3\n";
    struct ld_blind *blind = new_blind(11, "example.com/shop");
    struct ld_buffer out;
    ld_buffer_init(&out, 4096);
    assert_int_equal(ld_blind_metrics(blind, ld_blind_span(metrics), &out), 0);
    blind->showing = true;
    assert_int_equal(ld_blind_symbol(blind, ld_blind_span("example.com/shop/desk.Take"), &out, NULL), 0);
    blind->showing = false;
    assert_int_equal(ld_blind_metrics(blind, ld_blind_span(metrics), &out), 0);
    assert_int_equal(ld_blind_metrics_hidden(blind), 1);
    char *exact = strdup("a"); /* the address sanitizer looks beyond it */
    char why[64];
    assert_non_null(exact);
    assert_false(ld_blind_rules_ask(blind, (struct ld_span){exact, exact + 1}, why, sizeof why));
    free(exact);
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

int test_lines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dump_keeps_all_but_the_names),
        cmocka_unit_test(groups_of_a_count_profile),
        cmocka_unit_test(reports_of_sanitizers),
        cmocka_unit_test(words_of_goleak),
        cmocka_unit_test(lines_of_the_runtime_stay),
        cmocka_unit_test(prose_loses_the_words_that_were_shown),
        cmocka_unit_test(printed_lines_are_prose),
        cmocka_unit_test(a_long_line_takes_no_longer_than_its_bytes),
        cmocka_unit_test(a_reader_of_the_gateway_teaches_no_words),
        cmocka_unit_test(metrics_of_the_program_are_renamed),
        cmocka_unit_test(labels_of_metrics),
        cmocka_unit_test(rules_that_ask_for_what_was_renamed),
        cmocka_unit_test(reads_beyond_what_is_kept_cost_nothing),
        cmocka_unit_test(labels_without_a_metric),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
