/* Real profiles of eight Go releases: all of their content that does not vary. Sites and waits: tests/observe. */
#include "groups.h"
#include "support.h"

static const struct {
    const char *path;
    enum ld_profile_kind kind;
    enum ld_profile_encoding encoding;
    int64_t total;
    uint32_t samples, leaked, aged;
    bool creator_ids;
} files[] = {
#define RELEASE(version, ids)                                                                                          \
    {"goprof/" version "/goroutine.debug0.pb.gz", LD_PROFILE_GOROUTINE, LD_ENCODING_PROTO, 33, 28, 0, 0, false},       \
        {"goprof/" version "/goroutine.debug1.txt", LD_PROFILE_GOROUTINE, LD_ENCODING_GROUPS, 33, 28, 0, 0, false},    \
    {                                                                                                                  \
        "goprof/" version "/goroutine.debug2.txt", LD_PROFILE_GOROUTINE, LD_ENCODING_STACKS, 33, 33, 0, 0, ids         \
    }
    RELEASE("go1.19", false),
    RELEASE("go1.21", true),
    RELEASE("go1.22", true),
    RELEASE("go1.23", true),
    RELEASE("go1.24", true),
    RELEASE("go1.25", true),
    RELEASE("go1.26", true),
    RELEASE("go1.27", true),
#undef RELEASE
    {"goprof/go1.19/goroutine.debug2.after65s.txt", LD_PROFILE_GOROUTINE, LD_ENCODING_STACKS, 33, 33, 0, 31, false},
    {"goprof/go1.26/goroutine.debug2.after65s.txt", LD_PROFILE_GOROUTINE, LD_ENCODING_STACKS, 33, 33, 21, 10, true},
    {"goprof/go1.27/goroutine.debug2.after65s.txt", LD_PROFILE_GOROUTINE, LD_ENCODING_STACKS, 33, 33, 21, 10, true},
    {"goprof/go1.26/goroutine.debug2.after-leak-profile.txt", LD_PROFILE_GOROUTINE, LD_ENCODING_STACKS, 33, 33, 20, 0,
     true},
    {"goprof/go1.27/goroutine.debug2.after-leak-profile.txt", LD_PROFILE_GOROUTINE, LD_ENCODING_STACKS, 33, 33, 21, 0,
     true},
    {"goprof/go1.27-gomod127-labels/goroutine.debug2.txt", LD_PROFILE_GOROUTINE, LD_ENCODING_STACKS, 33, 33, 0, 0,
     true},
    {"goprof/go1.26/goroutineleak.debug0.pb.gz", LD_PROFILE_GOROUTINELEAK, LD_ENCODING_PROTO, 20, 15, 0, 0, false},
    {"goprof/go1.26/goroutineleak.debug1.txt", LD_PROFILE_GOROUTINELEAK, LD_ENCODING_GROUPS, 20, 15, 0, 0, false},
    {"goprof/go1.27/goroutineleak.debug0.pb.gz", LD_PROFILE_GOROUTINELEAK, LD_ENCODING_PROTO, 21, 16, 0, 0, false},
    {"goprof/go1.27/goroutineleak.debug1.txt", LD_PROFILE_GOROUTINELEAK, LD_ENCODING_GROUPS, 21, 16, 0, 0, false},
    {"goprof/go1.27/goroutineleak.phantom-empty-stack.pb.gz", LD_PROFILE_GOROUTINELEAK, LD_ENCODING_PROTO, 2, 2, 0, 0,
     false},
};

static void every_file_has_its_totals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct ld_profile profile = parse_golden(files[i].path, files[i].kind);
        uint32_t leaked = 0, aged = 0, with_creator_id = 0;
        for (uint32_t s = 0; s < profile.sample_count; s++) {
            leaked += profile.samples[s].leaked;
            aged += profile.samples[s].age_minutes >= 0;
            with_creator_id += profile.samples[s].created_in != 0;
        }
        print_message("%s\n", files[i].path);
        assert_int_equal(profile.encoding, files[i].encoding);
        assert_int_equal(profile.kind, files[i].kind);
        assert_int_equal(profile.total, files[i].total);
        assert_int_equal(profile.sample_count, files[i].samples);
        assert_int_equal(leaked, files[i].leaked);
        assert_int_equal(aged, files[i].aged);
        assert_int_equal(with_creator_id, files[i].creator_ids ? 32 : 0);
        assert_int_equal(profile.value_count, 1);
        assert_string_equal(profile.value_types[0].type, ld_profile_kind_name(files[i].kind));
        assert_string_equal(profile.value_types[0].unit, "count");
        assert_int_equal(profile.time_ns != 0, files[i].encoding == LD_ENCODING_PROTO);
        assert_false(profile.truncated);
        ld_profile_done(&profile);
    }
}

/* The one sample whose frames hold this function. */
static const struct ld_sample *find_sample(const struct ld_profile *profile, const char *function)
{
    for (uint32_t s = 0; s < profile->sample_count; s++)
        for (uint32_t f = 0; f < profile->samples[s].frame_count; f++)
            if (strcmp(profile->samples[s].frames[f]->function, function) == 0)
                return &profile->samples[s];
    fail_msg("no sample stands in %s", function);
    return NULL;
}

/* In any order: debug=0 of Go 1.19 walks a map. */
static void assert_labels(const struct ld_sample *sample)
{
    assert_int_equal(sample->label_count, 2);
    int tenant = strcmp(sample->labels[0].key, "tenant") == 0 ? 0 : 1;
    assert_string_equal(sample->labels[tenant].key, "tenant");
    assert_string_equal(sample->labels[tenant].text, "a b");
    assert_string_equal(sample->labels[!tenant].key, "req");
    assert_string_equal(sample->labels[!tenant].text, "42");
}

static void labels_are_read_in_every_encoding(void **state)
{
    static const char *const paths[] = {"goprof/go1.19/goroutine.debug0.pb.gz", "goprof/go1.27/goroutine.debug0.pb.gz",
                                        "goprof/go1.19/goroutine.debug1.txt", "goprof/go1.27/goroutine.debug1.txt",
                                        "goprof/go1.27-gomod127-labels/goroutine.debug2.txt"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct ld_profile profile = parse_golden(paths[i], LD_PROFILE_GOROUTINE);
        assert_labels(find_sample(&profile, "main.lbl.func1.1"));
        assert_int_equal(find_sample(&profile, "main.leakRecv.func1")->label_count, 0);
        ld_profile_done(&profile);
    }
}

static void a_stack_is_read_to_the_letter(void **state)
{
    (void)state;
    struct ld_profile profile = parse_golden("goprof/go1.27/goroutine.debug2.txt", LD_PROFILE_GOROUTINE);
    const struct ld_sample *sample = find_sample(&profile, "main.leakMutex.func1");
    static const struct {
        const char *function, *file;
        int64_t line;
    } expected[] = {
        {"internal/sync.runtime_SemacquireMutex", "/opt/go-pkgs/1.27/usr/lib/go-1.27/src/runtime/sema.go", 95},
        {"internal/sync.(*Mutex).lockSlow", "/opt/go-pkgs/1.27/usr/lib/go-1.27/src/internal/sync/mutex.go", 149},
        {"internal/sync.(*Mutex).Lock", "/opt/go-pkgs/1.27/usr/lib/go-1.27/src/internal/sync/mutex.go", 70},
        {"sync.(*Mutex).Lock", "/opt/go-pkgs/1.27/usr/lib/go-1.27/src/sync/mutex.go", 46},
        {"main.leakMutex.func1", "/src/leakdrill/fmt/main.go", 28},
    };
    assert_int_equal(sample->frame_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_string_equal(sample->frames[i]->function, expected[i].function);
        assert_string_equal(sample->frames[i]->file, expected[i].file);
        assert_int_equal(sample->frames[i]->line, expected[i].line);
    }
    assert_int_equal(sample->goroutine, 25);
    assert_string_equal(sample->state, "sync.Mutex.Lock");
    assert_string_equal(sample->created_by->function, "main.leakMutex");
    assert_int_equal(sample->created_by->line, 28);
    assert_int_equal(sample->created_in, 1);
    assert_true(find_sample(&profile, "main.leakLocked.func1")->locked_to_thread);
    /* The lock of leakGlobalMu is the same code: equal frames share a pointer. */
    assert_ptr_equal(find_sample(&profile, "main.leakGlobalMu.func1")->frames[0], sample->frames[0]);
    ld_profile_done(&profile);
}

static void inlined_calls_are_frames_leaf_first(void **state)
{
    (void)state;
    struct ld_profile profile = parse_golden("goprof/go1.27/goroutine.debug0.pb.gz", LD_PROFILE_GOROUTINE);
    const struct ld_sample *sample = find_sample(&profile, "main.leakMutex.func1");
    static const char *const expected[] = {
        "runtime.gopark", "runtime.goparkunlock", "runtime.semacquire1", "internal/sync.runtime_SemacquireMutex",
        "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).Lock", "sync.(*Mutex).Lock", "main.leakMutex.func1"};
    assert_int_equal(sample->frame_count, 8);
    for (uint32_t i = 0; i < 8; i++)
        assert_string_equal(sample->frames[i]->function, expected[i]);
    assert_int_equal(sample->frames[1]->address, 0x461891); /* goparkunlock, inlined into semacquire1 */
    assert_int_equal(sample->frames[2]->address, 0x461891);
    assert_int_equal(sample->frames[3]->address, 0x4862c4);
    ld_profile_done(&profile);
}

static void a_phantom_has_no_stack(void **state)
{
    (void)state;
    struct ld_profile profile =
        parse_golden("goprof/go1.27/goroutineleak.phantom-empty-stack.pb.gz", LD_PROFILE_GOROUTINELEAK);
    assert_int_equal(profile.samples[0].frame_count, 0);
    assert_int_equal(profile.samples[0].values[0], 1);
    assert_int_equal(profile.samples[1].frame_count, 4);
    assert_string_equal(profile.samples[1].frames[3]->function, "main.main.func1.1");
    assert_int_equal(profile.samples[1].frames[3]->address, 0x4defc4);
    ld_profile_done(&profile);
}

static void leaked_is_counted_alone_in_a_leak_dump(void **state)
{
    (void)state;
    struct ld_profile profile =
        parse_golden("goprof/go1.27/goroutine.debug2.after-leak-profile.txt", LD_PROFILE_GOROUTINELEAK);
    assert_int_equal(profile.sample_count, 33);
    assert_int_equal(profile.total, 21);
    assert_int_equal(find_sample(&profile, "main.leakSleep.func1")->values[0], 0);
    assert_string_equal(find_sample(&profile, "main.leakNilR.func1")->state, "chan receive (nil chan)");
    ld_profile_done(&profile);
}

/* ---- the other kinds */

static int64_t sum(const struct ld_profile *profile, uint32_t value)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < profile->sample_count; i++)
        total += profile->samples[i].values[value];
    return total;
}

static const struct {
    const char *path;
    enum ld_profile_kind kind;
    uint32_t values, samples;
    int64_t total;
    const char *first, *last, *last_unit;
    const char *function; /* a frame that is in it */
} others[] = {
    {"profiles/go1.27/heap.debug0.pb.gz", LD_PROFILE_HEAP, 4, 44, 1547, "alloc_objects", "inuse_space", "bytes",
     "main.keep"},
    {"profiles/go1.27/heap.debug1.txt", LD_PROFILE_HEAP, 4, 71, 105, "alloc_objects", "inuse_space", "bytes",
     "main.keep"},
    {"profiles/go1.27/allocs.debug0.pb.gz", LD_PROFILE_ALLOCS, 4, 81, 1547, "alloc_objects", "inuse_space", "bytes",
     "main.keep"},
    {"profiles/go1.27/mutex.debug0.pb.gz", LD_PROFILE_MUTEX, 2, 7, 66, "contentions", "delay", "nanoseconds",
     "main.contend"},
    {"profiles/go1.27/mutex.debug1.txt", LD_PROFILE_MUTEX, 2, 7, 66, "contentions", "delay", "nanoseconds",
     "main.contend"},
    {"profiles/go1.27/block.debug0.pb.gz", LD_PROFILE_BLOCK, 2, 6, 74, "contentions", "delay", "nanoseconds",
     "main.contend"},
    {"profiles/go1.27/block.debug1.txt", LD_PROFILE_BLOCK, 2, 6, 74, "contentions", "delay", "nanoseconds",
     "main.contend"},
    {"profiles/go1.27/threadcreate.debug0.pb.gz", LD_PROFILE_THREADCREATE, 1, 2, 8, "threadcreate", "threadcreate",
     "count", "runtime.main"},
    {"profiles/go1.27/threadcreate.debug1.txt", LD_PROFILE_THREADCREATE, 1, 2, 8, "threadcreate", "threadcreate",
     "count", "runtime.main"},
    {"profiles/go1.27/profile.pb.gz", LD_PROFILE_CPU, 2, 6, 29, "samples", "cpu", "nanoseconds", "main.burn"},
};

static void the_other_kinds_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct ld_profile profile = parse_golden(others[i].path, others[i].kind);
        print_message("%s\n", others[i].path);
        assert_int_equal(profile.value_count, others[i].values);
        assert_int_equal(profile.sample_count, others[i].samples);
        assert_int_equal(profile.total, others[i].total);
        assert_string_equal(profile.value_types[0].type, others[i].first);
        assert_string_equal(profile.value_types[others[i].values - 1].type, others[i].last);
        assert_string_equal(profile.value_types[others[i].values - 1].unit, others[i].last_unit);
        find_sample(&profile, others[i].function);
        ld_profile_done(&profile);
    }
}

static void heap_values_are_in_one_order(void **state)
{
    (void)state;
    struct ld_profile text = parse_golden("profiles/go1.27/heap.debug1.txt", LD_PROFILE_HEAP);
    /* "heap profile: 75: 5378368 [105: 13734040] @ heap/8192" */
    assert_int_equal(sum(&text, 0), 105);
    assert_int_equal(sum(&text, 1), 13734040);
    assert_int_equal(sum(&text, 2), 75);
    assert_int_equal(sum(&text, 3), 5378368);
    assert_int_equal(text.period, 4096);
    assert_true(text.memstats.present);
    assert_int_equal(text.memstats.heap_inuse, 7364608);
    assert_int_equal(text.memstats.num_gc, 6);
    assert_int_equal(text.memstats.num_forced_gc, 2);
    struct ld_profile proto = parse_golden("profiles/go1.27/heap.debug0.pb.gz", LD_PROFILE_HEAP);
    /* 50 blocks of 106496 bytes, too large to be missed by the sampler: both say so. */
    assert_int_equal(find_sample(&text, "main.keep")->values[3], 50 * 106496);
    assert_int_equal(find_sample(&proto, "main.keep")->values[3], 50 * 106496);
    assert_int_equal(proto.period, 4096);
    assert_false(proto.memstats.present);
    ld_profile_done(&text);
    ld_profile_done(&proto);
}

static void a_heap_label_is_a_number(void **state)
{
    (void)state;
    struct ld_profile profile = parse_golden("profiles/go1.27/heap.debug0.pb.gz", LD_PROFILE_HEAP);
    const struct ld_sample *sample = find_sample(&profile, "main.keep");
    assert_int_equal(sample->label_count, 1);
    assert_string_equal(sample->labels[0].key, "bytes");
    assert_null(sample->labels[0].text);
    assert_int_equal(sample->labels[0].number, 106496);
    ld_profile_done(&profile);
}

static void text_and_proto_agree_on_contention(void **state)
{
    (void)state;
    struct ld_profile text = parse_golden("profiles/go1.27/block.debug1.txt", LD_PROFILE_BLOCK);
    struct ld_profile proto = parse_golden("profiles/go1.27/block.debug0.pb.gz", LD_PROFILE_BLOCK);
    const struct ld_sample *in_text = find_sample(&text, "main.contend");
    const struct ld_sample *in_proto = find_sample(&proto, "main.contend");
    assert_int_equal(in_text->values[0], in_proto->values[0]);
    /* 274904566 cycles at 2299999634 a second */
    assert_int_equal(in_text->values[1], 119523743);
    assert_true(llabs(in_text->values[1] - in_proto->values[1]) <= 1000);
    ld_profile_done(&text);
    ld_profile_done(&proto);
}

static void cpu_profiles_have_a_duration(void **state)
{
    (void)state;
    struct ld_profile profile = parse_golden("profiles/go1.27/profile.pb.gz", LD_PROFILE_CPU);
    assert_int_equal(profile.duration_ns, 299302718);
    assert_int_equal(profile.period, 10000000);
    assert_int_equal(sum(&profile, 1), 29 * 10000000);
    ld_profile_done(&profile);
}

static void odd_labels_and_deep_stacks_survive(void **state)
{
    static const char *const paths[] = {"profiles/go1.27/goroutine.debug0.pb.gz",
                                        "profiles/go1.27/goroutine.debug1.txt", "profiles/go1.27/goroutine.debug2.txt",
                                        "profiles/go1.26/goroutine.debug2.txt"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct ld_profile profile = parse_golden(paths[i], LD_PROFILE_GOROUTINE);
        const struct ld_sample *odd = NULL;
        for (uint32_t s = 0; s < profile.sample_count; s++)
            odd = profile.samples[s].label_count == 3 ? &profile.samples[s] : odd;
        print_message("%s\n", paths[i]);
        assert_non_null(odd);
        assert_string_equal(odd->labels[0].key, "empty");
        assert_string_equal(odd->labels[0].text, "");
        assert_string_equal(odd->labels[1].key, "k]ey");
        assert_string_equal(odd->labels[1].text, "a\"b\\c: {d}, e]:\n\xef\xbf\xbd \xc3\xa9");
        assert_string_equal(odd->labels[2].text, "x/y_z.1");
        assert_int_equal(profile.total, 16);
        find_sample(&profile, "main.(*queue[...]).take");
        const struct ld_sample *deep = find_sample(&profile, "main.deep");
        if (profile.encoding == LD_ENCODING_STACKS) {
            assert_int_equal(deep->elided, 101);
            assert_int_equal(deep->frame_count, 100);
        }
        ld_profile_done(&profile);
    }
}

static void ancestors_are_no_part_of_a_stack(void **state)
{
    (void)state;
    struct ld_profile profile = parse_golden("profiles/go1.27/goroutine.debug2.txt", LD_PROFILE_GOROUTINE);
    uint32_t outermost_main = 0;
    for (uint32_t s = 0; s < profile.sample_count; s++) {
        const struct ld_sample *sample = &profile.samples[s];
        outermost_main += strcmp(sample->frames[sample->frame_count - 1]->function, "main.main") == 0;
        if (sample->goroutine != 1)
            assert_non_null(sample->created_by);
    }
    assert_int_equal(outermost_main, 1);
    ld_profile_done(&profile);
}

int test_golden(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_has_its_totals),
        cmocka_unit_test(labels_are_read_in_every_encoding),
        cmocka_unit_test(a_stack_is_read_to_the_letter),
        cmocka_unit_test(inlined_calls_are_frames_leaf_first),
        cmocka_unit_test(a_phantom_has_no_stack),
        cmocka_unit_test(leaked_is_counted_alone_in_a_leak_dump),
        cmocka_unit_test(the_other_kinds_are_read),
        cmocka_unit_test(heap_values_are_in_one_order),
        cmocka_unit_test(a_heap_label_is_a_number),
        cmocka_unit_test(text_and_proto_agree_on_contention),
        cmocka_unit_test(cpu_profiles_have_a_duration),
        cmocka_unit_test(odd_labels_and_deep_stacks_survive),
        cmocka_unit_test(ancestors_are_no_part_of_a_stack),
    };
    return cmocka_run_group_tests_name("golden profiles", tests, NULL, NULL);
}
