/* debug=2: every form of the header and of the lines below it, and text that is none. */
#include "groups.h"
#include "support.h"

#define STACK "main.f(0x1, {0x2, 0x3})\n\t/src/a b:c.go:41 +0x1f\n"

static struct ld_profile parse_header(const char *header)
{
    char text[512];
    snprintf(text, sizeof text, "%s\n" STACK, header);
    return parse_text(LD_PROFILE_GOROUTINE, text);
}

static const struct {
    const char *header;
    const char *state;
    uint64_t goroutine;
    int64_t age_minutes;
    bool leaked, locked;
    uint32_t labels;
    const char *key, *text; /* of the last label */
} headers[] = {
    {"goroutine 7 [running]:", "running", 7, -1, false, false, 0, NULL, NULL},
    {"goroutine 18446744073709551615 [select]:", "select", UINT64_MAX, -1, false, false, 0, NULL, NULL},
    {"goroutine 7 [chan receive, 1 minutes]:", "chan receive", 7, 1, false, false, 0, NULL, NULL},
    {"goroutine 7 [chan receive (nil chan), 12 minutes, locked to thread]:", "chan receive (nil chan)", 7, 12, false,
     true, 0, NULL, NULL},
    {"goroutine 7 [chan receive (nil chan) (leaked) (scan)]:", "chan receive (nil chan)", 7, -1, true, false, 0, NULL,
     NULL},
    {"goroutine 7 [select (durable), 2 minutes, synctest bubble 3]:", "select", 7, 2, false, false, 0, NULL, NULL},
    {"goroutine 7 [chan receive (leaked) (durable), locked to thread, synctest bubble 3]:", "chan receive", 7, -1, true,
     true, 0, NULL, NULL},
    {"goroutine 7 gp=0xc0000061c0 m=0 mp=0x55d0e0 [IO wait]:", "IO wait", 7, -1, false, false, 0, NULL, NULL},
    {"goroutine 7 gp=0xc0000061c0 m=nil [GC worker (idle), 5 minutes]:", "GC worker (idle)", 7, 5, false, false, 0,
     NULL, NULL},
    {"goroutine 7 [chan receive (leaked)] {req: 42, tenant: \"a b\"}:", "chan receive", 7, -1, true, false, 2, "tenant",
     "a b"},
    {"goroutine 7 [select] {\"k: ]\": \"x]:, }\\\"{\"}:", "select", 7, -1, false, false, 1, "k: ]", "x]:, }\"{"},
    {"goroutine 7 [select] {: }:", "select", 7, -1, false, false, 1, "", ""},
    {"goroutine 7 [select, 3 minutes labels:{\"a\": \"1\", \"b\": \"x]:\\n\\u00e9\"}]:", "select", 7, 3, false, false,
     2, "b", "x]:\n\xc3\xa9"},
    {"goroutine 7 [chan send labels:{\"a\": \"\"}]:", "chan send", 7, -1, false, false, 1, "a", ""},
    {"goroutine 7 [???]:", "???", 7, -1, false, false, 0, NULL, NULL},
};

static void every_form_of_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct ld_profile profile = parse_header(headers[i].header);
        const struct ld_sample *sample = &profile.samples[0];
        print_message("%s\n", headers[i].header);
        assert_int_equal(profile.sample_count, 1);
        assert_string_equal(sample->state, headers[i].state);
        assert_true(sample->goroutine == headers[i].goroutine);
        assert_int_equal(sample->age_minutes, headers[i].age_minutes);
        assert_int_equal(sample->leaked, headers[i].leaked);
        assert_int_equal(sample->locked_to_thread, headers[i].locked);
        assert_int_equal(sample->label_count, headers[i].labels);
        if (headers[i].labels) {
            assert_string_equal(sample->labels[headers[i].labels - 1].key, headers[i].key);
            assert_string_equal(sample->labels[headers[i].labels - 1].text, headers[i].text);
        }
        assert_string_equal(sample->frames[0]->function, "main.f");
        assert_string_equal(sample->frames[0]->file, "/src/a b:c.go");
        assert_int_equal(sample->frames[0]->line, 41);
        ld_profile_done(&profile);
    }
}

static const struct {
    const char *line, *function;
} functions[] = {
    {"main.(*T).f(...)", "main.(*T).f"},
    {"main.(*T).f()", "main.(*T).f"},
    {"main.glob..func1(0x1)", "main.glob..func1"},
    {"main.T.f-fm({0x1?, 0x2?})", "main.T.f-fm"},
    {"main.(*List[...]).push(0xc000, _)", "main.(*List[...]).push"},
    {"example.com/a%2eb/c.d(0x1, ...)", "example.com/a%2eb/c.d"},
    {"panic({0x1, 0x2})", "panic"},
    {"c_function", "c_function"},
};

static void arguments_are_cut_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "goroutine 1 [select]:\n%s\n\t/a.go:1 +0x1 fp=0x1 sp=0x2 pc=0x3\n",
                 functions[i].line);
        struct ld_profile profile = parse_text(LD_PROFILE_GOROUTINE, text);
        assert_string_equal(profile.samples[0].frames[0]->function, functions[i].function);
        ld_profile_done(&profile);
    }
}

static void the_lines_below_a_header(void **state)
{
    (void)state;
    struct ld_profile profile = parse_text(
        LD_PROFILE_GOROUTINE,
        "goroutine 5 [running]:\n\tgoroutine running on other thread; stack unavailable\n"
        "created by main.(*T).serve in goroutine 3\n\t/a.go:9 +0x20\n\n"
        "goroutine 6 [select]:\n" STACK "...12 frames elided...\n" STACK "created by main.old\n\t/a.go:9 +0x20\n"
        "[originating from goroutine 1]:\nmain.main(...)\n\t/a.go:1 +0x3\ncreated by main.x\n\t/a.go:2\n\n"
        "goroutine 7 [syscall]:\nnon-Go function at pc=0x7f00\nnon-Go function\n\tpc=0x7f01\nc_read\n\tread.c:5 "
        "pc=0x7f02\n"
        "...additional frames elided...\n\n\n");
    assert_int_equal(profile.sample_count, 3);
    assert_true(profile.samples[0].stack_unavailable);
    assert_int_equal(profile.samples[0].frame_count, 0);
    assert_string_equal(profile.samples[0].created_by->function, "main.(*T).serve");
    assert_int_equal(profile.samples[0].created_in, 3);
    assert_int_equal(profile.samples[1].elided, 12);
    assert_int_equal(profile.samples[1].frame_count, 2);
    assert_ptr_equal(profile.samples[1].frames[0], profile.samples[1].frames[1]);
    assert_string_equal(profile.samples[1].created_by->function, "main.old");
    assert_int_equal(profile.samples[1].created_in, 0);
    assert_int_equal(profile.samples[2].frame_count, 3);
    assert_int_equal(profile.samples[2].frames[0]->address, 0x7f00);
    assert_string_equal(profile.samples[2].frames[0]->function, "");
    assert_int_equal(profile.samples[2].frames[1]->address, 0x7f01);
    assert_string_equal(profile.samples[2].frames[2]->function, "c_read");
    assert_int_equal(profile.samples[2].elided, LD_ELIDED_UNKNOWN);
    ld_profile_done(&profile);
}

static const struct {
    const char *text, *message;
} broken[] = {
    {"goroutine 5\n", "no goroutine header at byte 11"},
    {"goroutine 99999999999999999999 [select]:\n", "no goroutine header at byte 10"},
    {"goroutine 5 [select:\n", "a goroutine header without \"]\" at byte 20"},
    {"goroutine 5 [select]\n", "a goroutine header without its colon at byte 20"},
    {"goroutine 5 [select, 2 hours]:\n", "an unknown remark"},
    {"goroutine 5 [select, -2 minutes]:\n", "an unknown remark on a goroutine at byte 21"},
    {"goroutine 5 [select] {a b}:\n", "a label without \": \""},
    {"goroutine 5 [select] {a: \"b}:\n", "not quoted well"},
    {"goroutine 5 [select] {a: \"\\q\"}:\n", "not quoted well"},
    {"goroutine 5 [select] {a: b:\n", "labels without \"}\""},
    {"goroutine 5 [select]:\nmain.f()\nmain.g()\n", "no file and line below a function at byte 31"},
    {"goroutine 5 [select]:\nmain.f()\n\t/a.go\n", "no file and line"},
    {"goroutine 5 [select]:\nmain.f()\n\t/a.go:-1\n", "no file and line"},
    {"goroutine 5 [select]:\nmain.f()\n\t/a.go:99999999999999999999\n", "no file and line"},
    {"goroutine 5 [select]:\nmain.f()\n\t/a.go:1x\n", "no file and line"},
    {"goroutine 5 [select]:\n" STACK "\n<html>\n", "no goroutine header at byte"},
    {"goroutine 5 gp=0xq m=0 mp=0x1 [select]:\n", "no goroutine header"},
};

static void broken_dumps_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_fails(LD_PROFILE_GOROUTINE, broken[i].text, strlen(broken[i].text), NULL, LD_ESYNTAX, broken[i].message);
    assert_fails(LD_PROFILE_HEAP, "goroutine 5 [select]:\n", 22, NULL, LD_ESYNTAX, "where \"heap\" was expected");
}

/* Cut anywhere, a dump is truncated or whole, never wrong: the goroutines that are there are the first ones. */
static void every_cut_is_noticed(void **state)
{
    (void)state;
    size_t length;
    char *bytes = read_golden("profiles/go1.27/goroutine.debug2.txt", &length);
    struct ld_profile whole = parse_golden("profiles/go1.27/goroutine.debug2.txt", LD_PROFILE_GOROUTINE);
    for (size_t cut = 1; cut < length; cut++) {
        struct ld_profile profile;
        struct ld_error error = {0};
        int code = parse_exact(&profile, LD_PROFILE_GOROUTINE, bytes, cut, NULL, &error);
        if (code == LD_ETRUNCATED || (code == LD_ESYNTAX && cut < strlen("goroutine 1")))
            continue;
        if (code)
            fail_msg("cut at %zu: %s", cut, error.message);
        assert_in_range(profile.sample_count, 1, whole.sample_count);
        if (bytes[cut - 1] != '\n')
            assert_true(profile.truncated);
        if (profile.truncated)
            assert_true(profile.sample_count < whole.sample_count);
        for (uint32_t i = 0; i < profile.sample_count; i++)
            assert_int_equal(profile.samples[i].goroutine, whole.samples[i].goroutine);
        ld_profile_done(&profile);
    }
    ld_profile_done(&whole);
    free(bytes);
}

/* 64 MiB to the byte: the last paragraph may look whole and is still not trusted. One byte less, it is. */
static void the_runtimes_own_cut_is_noticed(void **state)
{
    static const char one[] = "goroutine 5 [select]:\nmain.f()\n\t/a.go:1 +0x1\n\n";
    size_t size = (size_t)64 << 20, step = sizeof one - 1, count = 0, used = 0;
    char *text = malloc(size);
    struct ld_profile profile;
    struct ld_error error = {0};
    (void)state;
    assert_non_null(text);
    for (; used + 2 * step <= size; used += step, count++)
        memcpy(text + used, one, step);
    /* The last one is stretched with arguments so that it ends exactly at the cut, at the end of a line. */
    int head = snprintf(text + used, step, "goroutine 9 [select]:\nmain.f(");
    memset(text + used + head, 'x', size - used - (size_t)head);
    memcpy(text + size - 16, ")\n\t/a.go:1 +0x1\n", 16);
    assert_int_equal(ld_profile_parse(&profile, LD_PROFILE_GOROUTINE, text, size, NULL, &error), 0);
    assert_true(profile.truncated);
    assert_int_equal(profile.sample_count, count);
    ld_profile_done(&profile);
    memmove(text + used + head, text + used + head + 1, size - used - (size_t)head - 1);
    assert_int_equal(ld_profile_parse(&profile, LD_PROFILE_GOROUTINE, text, size - 1, NULL, &error), 0);
    assert_false(profile.truncated);
    assert_int_equal(profile.sample_count, count + 1);
    ld_profile_done(&profile);
    free(text);
}

static void limits_hold(void **state)
{
    static const char two[] = "goroutine 5 [select]:\n" STACK STACK STACK "\ngoroutine 6 [select]:\n" STACK;
    struct ld_profile_limits limits = ld_profile_limits_default;
    (void)state;
    limits.samples = 1;
    assert_fails(LD_PROFILE_GOROUTINE, two, strlen(two), &limits, LD_ELIMIT, "more than 1 samples");
    limits = ld_profile_limits_default;
    limits.frames = 2;
    assert_fails(LD_PROFILE_GOROUTINE, two, strlen(two), &limits, LD_ELIMIT, "more than 2 frames");
    limits = ld_profile_limits_default;
    limits.strings = 2; /* "select", "main.f", the file */
    assert_fails(LD_PROFILE_GOROUTINE, two, strlen(two), &limits, LD_ELIMIT, "more than 2 texts");
    limits = ld_profile_limits_default;
    limits.bytes = strlen(two) - 1;
    assert_fails(LD_PROFILE_GOROUTINE, two, strlen(two), &limits, LD_ELIMIT, "bytes, more than");
    limits = ld_profile_limits_default;
    limits.memory = 64;
    assert_fails(LD_PROFILE_GOROUTINE, two, strlen(two), &limits, LD_ELIMIT, "more than 64 bytes of memory");
}

static void labels_are_limited(void **state)
{
    (void)state;
    char *text = malloc(1025 * 8 + 64);
    assert_non_null(text);
    strcpy(text, "goroutine 1 [select] {");
    for (int i = 0; i < 1025; i++)
        strcat(text, i ? ", a: b" : "a: b");
    strcat(text, "}:\n");
    assert_fails(LD_PROFILE_GOROUTINE, text, strlen(text), NULL, LD_ELIMIT, "more than 1024 labels");
    free(text);
}

int test_stacks(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_header),
        cmocka_unit_test(arguments_are_cut_off),
        cmocka_unit_test(the_lines_below_a_header),
        cmocka_unit_test(broken_dumps_are_refused),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(the_runtimes_own_cut_is_noticed),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(labels_are_limited),
    };
    return cmocka_run_group_tests_name("debug=2", tests, NULL, NULL);
}
