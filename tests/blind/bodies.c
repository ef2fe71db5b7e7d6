/* Real profiles of eight Go releases: renamed, they say the same but for the names, and back they are what they were.
 */
#include "groups.h"
#include "support.h"

#include "pprof/inflate.h"

static const struct {
    const char *path;
    enum ld_profile_kind kind;
} files[] = {
#define RELEASE(version)                                                                                               \
    {"goprof/" version "/goroutine.debug0.pb.gz", LD_PROFILE_GOROUTINE},                                              \
    {"goprof/" version "/goroutine.debug1.txt", LD_PROFILE_GOROUTINE},                                                \
    {"goprof/" version "/goroutine.debug2.txt", LD_PROFILE_GOROUTINE}
    RELEASE("go1.19"),
    RELEASE("go1.21"),
    RELEASE("go1.22"),
    RELEASE("go1.23"),
    RELEASE("go1.24"),
    RELEASE("go1.25"),
    RELEASE("go1.26"),
    RELEASE("go1.27"),
#undef RELEASE
    {"goprof/go1.27/goroutine.debug2.after-leak-profile.txt", LD_PROFILE_GOROUTINE},
    {"goprof/go1.27-gomod127-labels/goroutine.debug2.txt", LD_PROFILE_GOROUTINE},
    {"goprof/go1.27/goroutineleak.debug0.pb.gz", LD_PROFILE_GOROUTINELEAK},
    {"goprof/go1.27/goroutineleak.debug1.txt", LD_PROFILE_GOROUTINELEAK},
    {"goprof/go1.27/goroutineleak.phantom-empty-stack.pb.gz", LD_PROFILE_GOROUTINELEAK},
    {"profiles/go1.26/goroutine.debug2.txt", LD_PROFILE_GOROUTINE},
    {"profiles/go1.27/goroutine.debug0.pb.gz", LD_PROFILE_GOROUTINE},
    {"profiles/go1.27/goroutine.debug1.txt", LD_PROFILE_GOROUTINE},
    {"profiles/go1.27/goroutine.debug2.txt", LD_PROFILE_GOROUTINE},
    {"profiles/go1.27/heap.debug0.pb.gz", LD_PROFILE_HEAP},
    {"profiles/go1.27/heap.debug1.txt", LD_PROFILE_HEAP},
    {"profiles/go1.27/allocs.debug0.pb.gz", LD_PROFILE_ALLOCS},
    {"profiles/go1.27/block.debug0.pb.gz", LD_PROFILE_BLOCK},
    {"profiles/go1.27/block.debug1.txt", LD_PROFILE_BLOCK},
    {"profiles/go1.27/mutex.debug0.pb.gz", LD_PROFILE_MUTEX},
    {"profiles/go1.27/mutex.debug1.txt", LD_PROFILE_MUTEX},
};

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Inflated where it is packed. */
static void plain_of(struct ld_buffer *ret_plain, const struct ld_buffer *body)
{
    struct ld_error error;
    ld_buffer_init(ret_plain, 1 << 26);
    if (begins(ld_buffer_text(body), "\x1f\x8b"))
        assert_int_equal(ld_inflate(ret_plain, body->bytes, body->length, &error), 0);
    else
        assert_int_equal(ld_buffer_add(ret_plain, body->bytes, body->length), 0);
}

static bool has_word(const struct ld_buffer *plain, const char *word, size_t length)
{
    const char *end = plain->bytes + plain->length;
    for (const char *at = plain->bytes; (at = memmem(at, (size_t)(end - at), word, length)); at++)
        if (at > plain->bytes && !ld_blind_is_name_byte(at[-1]) && !ld_blind_is_name_byte(at[length]))
            return true;
    return false;
}

/* No identifier of an own function stands anywhere in the bytes. */
static void assert_hidden(const struct ld_buffer *plain, const char *function)
{
    if (!begins(function, "main.") || begins(function, "main.main") || begins(function, "main.init"))
        return;
    const char *at = function + strlen("main.") + strspn(function + strlen("main."), "(*");
    size_t length = strcspn(at, ".)[");
    if (length && has_word(plain, at, length))
        fail_msg("%.*s stands in the renamed bytes", (int)length, at);
}

static void compare_frames(const struct ld_blind *blind, const struct ld_frame *frame, const struct ld_frame *renamed,
                           const struct ld_buffer *plain)
{
    struct ld_buffer out;
    assert_int_equal(frame == NULL, renamed == NULL);
    if (!frame)
        return;
    assert_int_equal(frame->line, renamed->line);
    assert_int_equal(frame->address, renamed->address);
    ld_buffer_init(&out, 1 << 16);
    assert_int_equal(ld_buffer_add_text(&out, renamed->function), 0);
    assert_comes_back(blind, &out, frame->function);
    ld_buffer_clear(&out);
    assert_int_equal(ld_buffer_add_text(&out, renamed->file), 0);
    assert_comes_back(blind, &out, frame->file);
    ld_buffer_done(&out);
    if (begins(frame->function, "main."))
        assert_string_not_equal(frame->file, renamed->file);
    else
        assert_string_equal(frame->function, renamed->function);
    assert_hidden(plain, frame->function);
}

static void compare_samples(const struct ld_blind *blind, const struct ld_sample *sample,
                            const struct ld_sample *renamed, const struct ld_buffer *plain)
{
    assert_memory_equal(sample->values, renamed->values, sizeof sample->values);
    assert_int_equal(sample->frame_count, renamed->frame_count);
    assert_int_equal(sample->label_count, renamed->label_count);
    assert_int_equal(sample->goroutine, renamed->goroutine);
    assert_int_equal(sample->created_in, renamed->created_in);
    assert_int_equal(sample->age_minutes, renamed->age_minutes);
    assert_int_equal(sample->leaked, renamed->leaked);
    assert_int_equal(sample->elided, renamed->elided);
    assert_string_equal(sample->state ? sample->state : "", renamed->state ? renamed->state : "");
    for (uint32_t i = 0; i < sample->frame_count; i++)
        compare_frames(blind, sample->frames[i], renamed->frames[i], plain);
    for (uint32_t i = 0; i < sample->label_count; i++)
        assert_string_equal(sample->labels[i].key, renamed->labels[i].key);
    compare_frames(blind, sample->created_by, renamed->created_by, plain);
}

static void check_file(const char *path, enum ld_profile_kind kind)
{
    struct ld_profile profile, renamed;
    struct ld_blind *blind = new_blind(5, NULL);
    struct ld_buffer out, plain;
    struct ld_error error = {0};
    size_t length;
    char *bytes = read_golden(path, &length);
    ld_buffer_init(&out, 1 << 26);
    print_message("%s\n", path);
    assert_int_equal(ld_profile_parse(&profile, kind, bytes, length, NULL, &error), 0);
    assert_int_equal(ld_blind_profile(blind, bytes, length, &out, &error), 0);
    if (ld_profile_parse(&renamed, kind, out.bytes, out.length, NULL, &error) != 0)
        fail_msg("%s", error.message);
    plain_of(&plain, &out);
    assert_int_equal(profile.encoding, renamed.encoding);
    assert_int_equal(profile.total, renamed.total);
    assert_int_equal(profile.time_ns, renamed.time_ns);
    assert_int_equal(profile.period, renamed.period);
    assert_int_equal(profile.sample_count, renamed.sample_count);
    assert_memory_equal(&profile.memstats, &renamed.memstats, sizeof profile.memstats);
    for (uint32_t i = 0; i < profile.sample_count; i++)
        compare_samples(blind, &profile.samples[i], &renamed.samples[i], &plain);
    ld_profile_done(&profile);
    ld_profile_done(&renamed);
    ld_buffer_done(&out);
    ld_buffer_done(&plain);
    ld_blind_free(blind);
    free(bytes);
}

static void every_profile_says_the_same_but_for_the_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check_file(files[i].path, files[i].kind);
}

/* One recording serves both: the same bytes in, the same bytes out. */
static void renaming_is_deterministic(void **state)
{
    struct ld_error error;
    size_t length;
    char *bytes = read_golden(files[0].path, &length);
    struct ld_buffer outs[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct ld_blind *blind = new_blind(9, NULL);
        ld_buffer_init(&outs[i], 1 << 20);
        assert_int_equal(ld_blind_profile(blind, bytes, length, &outs[i], &error), 0);
        ld_blind_free(blind);
    }
    assert_int_equal(outs[0].length, outs[1].length);
    assert_memory_equal(outs[0].bytes, outs[1].bytes, outs[0].length);
    ld_buffer_done(&outs[0]);
    ld_buffer_done(&outs[1]);
    free(bytes);
}

/* Every cut of a packed profile is an error, never a body that passes for whole. */
static void a_cut_profile_is_refused(void **state)
{
    struct ld_blind *blind = new_blind(9, NULL);
    struct ld_buffer out;
    size_t length;
    char *bytes = read_golden(files[0].path, &length);
    (void)state;
    ld_buffer_init(&out, 1 << 20);
    for (size_t i = 3; i < length; i += 97) {
        struct ld_error error = {0};
        int code = ld_blind_profile(blind, bytes, i, &out, &error);
        assert_true(code == LD_ETRUNCATED || code == LD_ESYNTAX);
        assert_int_equal(error.code, code);
    }
    ld_buffer_done(&out);
    ld_blind_free(blind);
    free(bytes);
}

static void observations_are_renamed_with_all_they_hold(void **state)
{
    struct ld_blind *blind = new_blind(9, NULL);
    struct ld_error error;
    size_t length;
    char *bytes = read_golden(files[2].path, &length);
    struct ld_profile profile;
    (void)state;
    assert_int_equal(ld_profile_parse(&profile, files[2].kind, bytes, length, NULL, &error), 0);
    struct ld_observation observation = {.sequence = 4, .kind = LD_OBSERVATION_PROFILE, .profile = &profile,
                                         .body = bytes, .body_length = length}, renamed;
    assert_int_equal(ld_blind_observation(blind, &observation, &renamed, &error), 0);
    assert_int_equal(renamed.sequence, 4);
    assert_int_equal(renamed.profile->sample_count, profile.sample_count);
    assert_null(memmem(renamed.body, renamed.body_length, "leakSend", 8));
    struct ld_observation line = {.kind = LD_OBSERVATION_LINE, .instance = 1, .text = "main.leakSend(0x1)"};
    assert_int_equal(ld_blind_observation(blind, &line, &renamed, &error), 0);
    assert_null(strstr(renamed.text, "leakSend"));
    struct ld_observation place = {.kind = LD_OBSERVATION_LINE, .instance = 1, .text = "\t/opt/own/a.go:3 +0x1"};
    assert_int_equal(ld_blind_observation(blind, &place, &renamed, &error), 0);
    assert_null(strstr(renamed.text, "own")); /* it stands below the function of the line before */
    struct ld_observation tick = {.kind = LD_OBSERVATION_TICK, .sequence = 9};
    assert_int_equal(ld_blind_observation(blind, &tick, &renamed, &error), 0);
    assert_int_equal(renamed.kind, LD_OBSERVATION_TICK);
    assert_int_equal(renamed.sequence, 9);
    ld_profile_done(&profile);
    ld_blind_free(blind);
    free(bytes);
}

/* A C function is told by its file; comments are prose, packed as google/pprof writes them too. */
static void functions_of_c_and_comments(void **state)
{
    static const char body[] = {
        0x32, 0,                                                                        /* strings, from 0 on */
        0x32, 7, 'c', 'o', 'l', 'l', 'e', 'c', 't',                                     /* 1 */
        0x32, 9, '/', 's', '/', 't', 'a', 'k', 'e', '.', 'c',                           /* 2 */
        0x32, 6, 'o', 'r', 'd', 'e', 'r', 's',                                          /* 3 */
        0x32, 4, 'p', 'o', 'l', 'k',                                                    /* 4 */
        0x32, 8, '/', 'u', 's', 'r', '/', 'p', '.', 'c',                                /* 5 */
        0x2a, 8, 0x08, 1, 0x10, 1, 0x18, 1, 0x20, 2, 0x2a, 8, 0x08, 2, 0x10, 4, 0x18, 4, 0x20, 5, /* functions */
        0x6a, 2, 3, 3                                                                   /* comments */
    };
    static const char *const own[] = {"collect", "take", "orders"}, *const foreign[] = {"polk", "/usr/p.c"};
    struct ld_blind *blind = new_blind(9, NULL);
    struct ld_buffer out;
    struct ld_error error;
    (void)state;
    ld_buffer_init(&out, 4096);
    blind->showing = true;
    assert_int_equal(ld_blind_symbol(blind, ld_blind_span("shop/orders.Take"), &out, NULL), 0);
    ld_buffer_clear(&out);
    assert_int_equal(ld_blind_profile(blind, body, sizeof body, &out, &error), 0);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (memmem(out.bytes, out.length, own[i], strlen(own[i])))
            fail_msg("%s is still there", own[i]);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (!memmem(out.bytes, out.length, foreign[i], strlen(foreign[i])))
            fail_msg("%s is gone", foreign[i]);
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

/* What went wrong may quote what was read. */
static void reasons_are_renamed(void **state)
{
    struct ld_blind *blind = new_blind(9, "shop");
    struct ld_error error;
    struct ld_observation renamed, failed = {.kind = LD_OBSERVATION_FAILED, .failure = LD_READ_GARBAGE,
                                             .text = "the body begins with \"shop/orders.Take(0\""};
    (void)state;
    assert_int_equal(ld_blind_observation(blind, &failed, &renamed, &error), 0);
    assert_null(strstr(renamed.text, "orders"));
    assert_non_null(strstr(renamed.text, "the body begins with"));
    ld_blind_free(blind);
}

/* What an endpoint answers: goleak's text keeps its form and comes back; what is no text at all passes. */
static void answers_are_renamed(void **state)
{
    static const char *const own[] = {"collect", "labelled", "pinned", "shop/main.go"};
    static const char noise[] = {'\x1f', '\x8b', 'x', '\0', 'y'};
    struct ld_blind *blind = new_blind(9, "shop");
    struct ld_error error;
    struct ld_observation renamed;
    size_t length;
    char *text = read_golden("goleak/go1.27.txt", &length);
    (void)state;
    struct ld_observation answer = {.kind = LD_OBSERVATION_ANSWER, .path = "/x", .http_status = 500, .body = text,
                                    .body_length = length};
    assert_int_equal(ld_blind_observation(blind, &answer, &renamed, &error), 0);
    assert_int_equal(renamed.http_status, 500);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (memmem(renamed.body, renamed.body_length, own[i], strlen(own[i])))
            fail_msg("%s is still there: %s", own[i], (const char *)renamed.body);
    assert_non_null(memmem(renamed.body, renamed.body_length, "Goroutine 24 in state chan send, with main.n", 44));
    struct ld_buffer back;
    ld_buffer_init(&back, 1 << 20);
    assert_int_equal(ld_blind_back(blind, renamed.body, &back), 0);
    assert_int_equal(back.length, length);
    assert_memory_equal(back.bytes, text, length);
    ld_buffer_done(&back);
    answer.body = noise;
    answer.body_length = sizeof noise;
    assert_int_equal(ld_blind_observation(blind, &answer, &renamed, &error), 0);
    answer.body_length = 0;
    assert_int_equal(ld_blind_observation(blind, &answer, &renamed, &error), 0);
    assert_int_equal(renamed.body_length, 0);
    assert_non_null(renamed.body);
    ld_blind_free(blind);
    free(text);
}

int test_bodies(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_says_the_same_but_for_the_names),
        cmocka_unit_test(renaming_is_deterministic),
        cmocka_unit_test(a_cut_profile_is_refused),
        cmocka_unit_test(observations_are_renamed_with_all_they_hold),
        cmocka_unit_test(functions_of_c_and_comments),
        cmocka_unit_test(reasons_are_renamed),
        cmocka_unit_test(answers_are_renamed),
    };
    return cmocka_run_group_tests_name("bodies", tests, NULL, NULL);
}
