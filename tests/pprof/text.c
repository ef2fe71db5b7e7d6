/* debug=1: text that lies, ends early, or is none. */
#include "groups.h"
#include "support.h"

static void labels_addresses_and_spaces(void **state)
{
    (void)state;
    struct ld_profile profile = parse_text(
        LD_PROFILE_GOROUTINE, "goroutine profile: total 6\n"
                              "4 @ 0x1 0x2\n# labels: {\"a\":\"x, }\", "
                              "\"b\\\"\":\"\"}\n#\t0x1\tmain.(*T[...]).f+0x1d\t\t/my dir/a:b.go:23\n#\t0x2\n\n"
                              "1 @\n\n1 @ 0x1\n# labels: {}\n#\t0x1\tmain.(*T[...]).f+0x1d\t/my dir/a:b.go:23\n\n");
    const struct ld_sample *first = &profile.samples[0];
    assert_int_equal(profile.total, 6);
    assert_int_equal(profile.sample_count, 3);
    assert_string_equal(first->labels[0].text, "x, }");
    assert_string_equal(first->labels[1].key, "b\"");
    assert_string_equal(first->labels[1].text, "");
    assert_int_equal(first->frame_count, 2);
    assert_string_equal(first->frames[0]->function, "main.(*T[...]).f");
    assert_string_equal(first->frames[0]->file, "/my dir/a:b.go");
    assert_int_equal(first->frames[0]->line, 23);
    assert_int_equal(first->frames[0]->address, 1);
    assert_string_equal(first->frames[1]->function, "");
    assert_int_equal(first->frames[1]->address, 2);
    assert_int_equal(profile.samples[1].frame_count, 0);
    assert_int_equal(profile.samples[2].label_count, 0);
    assert_ptr_equal(profile.samples[2].frames[0], first->frames[0]);
    assert_true(first->runtime_hidden);
    ld_profile_done(&profile);
}

static void nothing_at_all_is_a_profile(void **state)
{
    (void)state;
    struct ld_profile profile = parse_text(LD_PROFILE_GOROUTINELEAK, "goroutineleak profile: total 0\n");
    assert_int_equal(profile.total, 0);
    assert_int_equal(profile.sample_count, 0);
    ld_profile_done(&profile);
}

static const struct {
    enum ld_profile_kind kind;
    const char *text;
    int code;
    const char *message;
} broken[] = {
    {LD_PROFILE_GOROUTINE, "", LD_ESYNTAX, "the body is empty"},
    {LD_PROFILE_GOROUTINE, "<!DOCTYPE html>\n<html>", LD_ESYNTAX,
     "at byte 0: the body begins with \"<!DOCTYPE html>.<html>\""},
    {LD_PROFILE_GOROUTINE, "Unknown profile\n", LD_ESYNTAX, "Unknown profile"},
    {LD_PROFILE_GOROUTINE, "goroutineleak profile: total 0\n", LD_ESYNTAX, "another kind of profile"},
    {LD_PROFILE_GOROUTINELEAK, "goroutine profile: total 0\n", LD_ESYNTAX, "another kind of profile"},
    {LD_PROFILE_CPU, "goroutine profile: total 0\n", LD_ESYNTAX, "another kind of profile"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total", LD_ETRUNCATED, "within its first line, at byte 24"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total x\n", LD_ESYNTAX, "no header of a goroutine profile at byte 25"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total -1\n", LD_ESYNTAX, "no header of a goroutine profile"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 99999999999999999999\n", LD_ESYNTAX, "no header"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 2\n1 @ 0x1\n\n", LD_ETRUNCATED, "1 of 2 counted"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 2\n3 @ 0x1\n\n", LD_ESYNTAX, "sum up to 3, more than the total 2"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n-1 @ 0x1\n\n", LD_ESYNTAX, "no group of a profile at byte 27"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n1 @ 1\n\n", LD_ESYNTAX, "no address at byte 31"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n1 @ 0x1x\n\n", LD_ESYNTAX, "something behind the addresses"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n1 @ 0x11112222333344445\n\n", LD_ESYNTAX, "no address"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n#\t0x1\n", LD_ESYNTAX, "a comment outside of any group"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n1 @ 0x1\n#\t0x1\tmain.f\t/a.go:1\n", LD_ESYNTAX,
     "no function, file and line"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n1 @ 0x1\n#\t0x1\tmain.f+0x1\t/a.go:x\n", LD_ESYNTAX,
     "no line number"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n1 @ 0x1\n#\t0x1\tmain.f+0x1\n", LD_ESYNTAX,
     "no function, file and line"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n1 @ 0x1\n# labels: {\"a\"}\n", LD_ESYNTAX,
     "a label without \":\""},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n1 @ 0x1\n# labels: {\"a\":\"b\"\n", LD_ESYNTAX,
     "labels without \"}\""},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 1\n1 @ 0x1\n#\t0x1\tmain.f+0x1\t/a.go:1", LD_ETRUNCATED,
     "within a line, at byte 59"},
    {LD_PROFILE_GOROUTINE, "goroutine profile: total 5\n9223372036854775807 @ 0x1\n9223372036854775807 @ 0x1\n",
     LD_ESYNTAX, "passes 2^63"},
    {LD_PROFILE_HEAP, "heap profile: 0: 0 [1: 16] @ heap/8192\n0: 0 [1: 16] @ 0x1\n\n", LD_ETRUNCATED, "ends early"},
    {LD_PROFILE_HEAP, "heap profile: 0: 0 [0: 0] @ heap/8192\n# runtime.MemStats\n# NumGC = x\n", LD_ESYNTAX,
     "no number in the MemStats"},
    {LD_PROFILE_MUTEX, "--- mutex:\ncycles/second=0\n", LD_ESYNTAX, "no header of a mutex profile"},
    {LD_PROFILE_MUTEX, "--- mutex:\n", LD_ESYNTAX, "no header of a mutex profile"},
    {LD_PROFILE_BLOCK, "--- mutex:\ncycles/second=1\n", LD_ESYNTAX, "another kind of profile"},
};

static void broken_text_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_fails(broken[i].kind, broken[i].text, strlen(broken[i].text), NULL, broken[i].code, broken[i].message);
}

/* A goroutine profile tells its total first: no cut can pass for the whole, but for the loss of blank lines. */
static void every_cut_is_noticed(void **state)
{
    (void)state;
    size_t length;
    char *bytes = read_golden("goprof/go1.27/goroutine.debug1.txt", &length);
    size_t last_group = length;
    while (last_group > 2 && memcmp(bytes + last_group - 2, "\n1", 2) != 0)
        last_group--;
    for (size_t cut = 1; cut < last_group; cut++) {
        struct ld_profile profile;
        int code = parse_exact(&profile, LD_PROFILE_GOROUTINE, bytes, cut, NULL, NULL);
        if (code != LD_ETRUNCATED && !(code == LD_ESYNTAX && cut < strlen("goroutine profile: ")))
            fail_msg("cut at %zu: %s", cut, ld_code_name(code));
    }
    free(bytes);
}

static void texts_become_valid(void **state)
{
    static const char text[] =
        "goroutine profile: total 1\n1 @ 0x1\n#\t0x1\tmain.\0f\xff\xc3\xa9+0x1\t/\xed\xa0\x80:1\n\n";
    struct ld_profile profile;
    (void)state;
    assert_int_equal(parse_exact(&profile, LD_PROFILE_GOROUTINE, text, sizeof text - 1, NULL, NULL), 0);
    assert_string_equal(profile.samples[0].frames[0]->function, "main.\xef\xbf\xbd" "f\xef\xbf\xbd\xc3\xa9");
    assert_string_equal(profile.samples[0].frames[0]->file, "/\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    ld_profile_done(&profile);
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < LD_PROFILE_KINDS; i++)
        assert_int_equal(ld_profile_kind_find(ld_profile_kind_name((enum ld_profile_kind)i)), i);
    assert_int_equal(ld_profile_kind_find("cpu"), -1);
    assert_string_equal(ld_profile_kind_name(LD_PROFILE_CPU), "profile");
}

int test_groups(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_addresses_and_spaces), cmocka_unit_test(nothing_at_all_is_a_profile),
        cmocka_unit_test(broken_text_is_refused),      cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(texts_become_valid),          cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests_name("debug=1", tests, NULL, NULL);
}
