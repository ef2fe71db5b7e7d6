/* Reports of AddressSanitizer and LeakSanitizer: what is read in real ones, and what the detector says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "detect/groups.h"
#include "detect/rig.h"
#include "detect/memory_report.h"

#define PROOFREAD "shop/cases/plates.(*Engraver).proofread"

static char *read_report(const char *name, struct ld_buffer *buffer)
{
    char path[512];
    struct ld_error error;
    snprintf(path, sizeof path, "%s/sanitizer/%s.txt", TEST_DATA, name);
    ld_buffer_init(buffer, (size_t)1 << 20);
    if (ld_file_read(path, buffer, &error) != 0)
        fail_msg("%s", error.message);
    return buffer->bytes;
}

/* Hand over the first `count` lines of a real report. */
static void hand_report(struct rig *rig, const char *name, size_t count)
{
    struct ld_buffer buffer;
    char *rest = read_report(name, &buffer);
    assert_int_equal(ld_buffer_add(&buffer, "", 1), 0);
    rest = buffer.bytes;
    for (char *line; count-- > 0 && (line = strsep(&rest, "\n")) && rest;) {
        hand_line(rig->feed, line);
        assert_int_equal(rig->feed->code, 0);
    }
    ld_buffer_done(&buffer);
}

static void test_real_reports(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *site, *why;
        enum ld_cause cause;
        double amount;
        size_t claims;
    } rows[] = {
        {"use-after-free", PROOFREAD,
         "AddressSanitizer: heap-use-after-free in " PROOFREAD " (shop/cases/plates/plates.go:85)",
         LD_CAUSE_MEMORY_SAFETY, 1, 1},
        {"use-after-free-depth-3", "shop/flow.Strokes",
         "AddressSanitizer: heap-use-after-free in shop/flow.Strokes (shop/flow/flow.go:81)", LD_CAUSE_MEMORY_SAFETY, 1,
         1},
        {"leak", "C.set",
         "LeakSanitizer: 3932160 bytes in 30 objects, allocated in C.set (/_/shop/glyph/glyph.go:13), nobody can free",
         LD_CAUSE_NATIVE_MEMORY, 3932160, 1},
        {"c-leaks", "C.chain",
         "LeakSanitizer: 64 bytes in 1 objects, allocated in C.chain (/src/notes.c:5), nobody can free",
         LD_CAUSE_NATIVE_MEMORY, 64, 3},
        {"clang-leaks", "C.chain",
         "LeakSanitizer: 64 bytes in 1 objects, allocated in C.chain (/src/notes.c:5:75), nobody can free",
         LD_CAUSE_NATIVE_MEMORY, 64, 3},
        {"c-overflow", "C.main", "AddressSanitizer: heap-buffer-overflow in C.main (/src/notes.c:8)",
         LD_CAUSE_MEMORY_SAFETY, 1, 1},
        {"c-double-free", "C.main", "AddressSanitizer: attempting double-free in C.main (/src/notes.c:8)",
         LD_CAUSE_MEMORY_SAFETY, 1, 1},
        {"c-bad-free", "C.main", "AddressSanitizer: attempting free in C.main (/src/notes.c:9)",
         LD_CAUSE_MEMORY_SAFETY, 1, 1},
        {"c-segv", "C.main", "AddressSanitizer: SEGV in C.main (/src/notes.c:8)", LD_CAUSE_MEMORY_SAFETY, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig rig = rig_of("sanitizer", "{}");
        hand_report(&rig, rows[i].name, SIZE_MAX);
        print_message("%s\n", rows[i].name);
        assert_int_equal(opens(&rig), rows[i].claims);
        const struct kept_alert *first = find_open(&rig.feed->kept, 0);
        assert_string_equal(first->site, rows[i].site);
        assert_string_equal(first->why, rows[i].why);
        assert_int_equal(first->cause, rows[i].cause);
        assert_true(first->amount >= rows[i].amount && first->amount <= rows[i].amount);
        hand_life(rig.feed, LD_LIFE_ENDED);
        assert_int_equal(closes(&rig), rows[i].claims);
        assert_int_equal(unknowns(&rig), 0);
        rig_done(&rig);
    }
}

static void test_which(void **unused)
{
    (void)unused;
    struct rig address = rig_of("sanitizer", "{which: address}"), leak = rig_of("sanitizer", "{which: leak}");
    hand_report(&address, "leak", SIZE_MAX);
    hand_report(&leak, "use-after-free", SIZE_MAX);
    assert_int_equal(opens(&address) + opens(&leak), 0);
    hand_report(&address, "use-after-free", SIZE_MAX);
    hand_report(&leak, "leak", SIZE_MAX);
    assert_int_equal(opens(&address), 1);
    assert_int_equal(opens(&leak), 1);
    const struct ld_detector_kind *kind = ld_detector_find("sanitizer");
    assert_int_equal(ld_detector_reads(kind, address.options), 0); /* nobody waits for the end for its sake */
    assert_int_equal(ld_detector_reads(kind, leak.options), LD_READ_FAREWELL);
    rig_done(&address);
    rig_done(&leak);
}

/* Of one that ends with its process nobody knows what it would have said. */
static void test_cut_short(void **unused)
{
    (void)unused;
    for (size_t lines = 2; lines <= 3; lines++) {
        struct rig rig = rig_of("sanitizer", "{}");
        hand_report(&rig, "use-after-free", lines); /* "=====", the error, what it did */
        assert_int_equal(opens(&rig), 0);
        hand_life(rig.feed, LD_LIFE_ENDED);
        assert_int_equal(unknowns(&rig), 1);
        rig.feed->incarnation++;
        hand_life(rig.feed, LD_LIFE_STARTED);
        assert_int_equal(knowns(&rig), 1);
        rig_done(&rig);
    }
}

static void test_cannot_look(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("sanitizer", "{}"), address = rig_of("sanitizer", "{which: address}");
    hand_report(&rig, "traced", SIZE_MAX);
    hand_report(&address, "traced", SIZE_MAX);
    assert_int_equal(unknowns(&rig), 1);
    assert_int_equal(unknowns(&address), 0); /* not its question */
    rig_done(&rig);
    rig_done(&address);
}

static void test_frames(void **unused)
{
    (void)unused;
    static const struct {
        const char *frame, *site;
    } rows[] = {
        {"    #0 0x1 in main.(*T).f[...] main.go:1", "main.(*T).f[...]"},
        {"    #0 0x1 in _cgo_0a1b_Cfunc__Cmalloc _cgo_gotypes.go:1", "C._Cmalloc"},
        {"    #0 0x1 in ns::vector(unsigned long, int) /src/v.cc:3:4", "C.ns::vector(unsigned long, int)"},
        {"    #0 0x1 in f (/lib/libf.so+0x12) (BuildId: 00ff)", "C.f"},
        {"    #0 0x1 in f", "C.f"},
        /* nobody's: */
        {"    #0 0x1  ([stack]+0x1fc6f)", ""},
        {"    #0 0x1 in runtime.asmcgocall runtime/asm_amd64.s:970", ""},
        {"    #0 0x1 in _cgo_try_pthread_create /_/GOROOT/src/runtime/cgo/pthread_unix.c:126", ""},
        {"    #0 0x1 in memcpy (/lib/x86_64-linux-gnu/libc.so.6+0x18)", ""},
        {"    #0", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ld_memory_report report = {0};
        (void)ld_memory_report_line(&report, "==1==ERROR: AddressSanitizer: use-after-poison on address 0x1");
        print_message("%s\n", rows[i].frame);
        enum ld_sanitizer_says says = ld_memory_report_line(&report, rows[i].frame);
        assert_int_equal(says, rows[i].site[0] ? LD_SANITIZER_FOUND : LD_SANITIZER_NOTHING);
        if (says == LD_SANITIZER_NOTHING)
            assert_int_equal(ld_memory_report_line(&report, ""), LD_SANITIZER_FOUND); /* the stack names nobody */
        assert_string_equal(report.finding.site, rows[i].site);
    }
}

int test_sanitizer(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_reports), cmocka_unit_test(test_which),  cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_cannot_look),  cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests_name("sanitizer", tests, NULL, NULL);
}
