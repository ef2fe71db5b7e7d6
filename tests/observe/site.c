/* Sites and waits: the same for eight Go releases and, where the encoding tells, for all three encodings. */
#include "observe/site.h"

#include "groups.h"
#include "observe/series.h"
#include "pprof/support.h"

static const char *const releases[] = {"1.19", "1.21", "1.22", "1.23", "1.24", "1.25", "1.26", "1.27"};
#define RELEASES (sizeof releases / sizeof releases[0])

/* The 25 kinds of goroutine of goprof/generator_main.go (leakRW makes two, sig makes two, leakSend runs six times). */
static const struct {
    const char *site;
    enum ld_wait wait;
    int64_t count;
    enum ld_wait in_text; /* debug=1 hides the runtime */
    const char *created_by;
} expected[] = {
    {"io.(*pipe).read", LD_WAIT_SELECT, 1, LD_WAIT_UNKNOWN, "main.leakPipe"},
    {"main.lbl.func1.1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.lbl.func1"},
    {"main.leakAfter.func1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.leakAfter"},
    {"main.leakBg.func1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.leakBg"},
    {"main.leakCond.func1", LD_WAIT_COND, 1, LD_WAIT_COND, "main.leakCond"},
    {"main.leakCtx.func1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.leakCtx"},
    {"main.leakCtxTO.func1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.leakCtxTO"},
    {"main.leakGlobalCh.func1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.leakGlobalCh"},
    {"main.leakGlobalMu.func1", LD_WAIT_MUTEX, 1, LD_WAIT_MUTEX, "main.leakGlobalMu"},
    {"main.leakLocked.func1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.leakLocked"},
    {"main.leakMutex.func1", LD_WAIT_MUTEX, 1, LD_WAIT_MUTEX, "main.leakMutex"},
    {"main.leakNilR.func1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.leakNilR"},
    {"main.leakNilS.func1", LD_WAIT_CHAN_SEND, 1, LD_WAIT_UNKNOWN, "main.leakNilS"},
    {"main.leakNoCase.func1", LD_WAIT_SELECT_EMPTY, 1, LD_WAIT_UNKNOWN, "main.leakNoCase"},
    {"main.leakRW.func1", LD_WAIT_RWMUTEX_READ, 1, LD_WAIT_RWMUTEX_READ, "main.leakRW"},
    {"main.leakRW.func2", LD_WAIT_RWMUTEX_WRITE, 1, LD_WAIT_RWMUTEX_WRITE, "main.leakRW"},
    {"main.leakRecv.func1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.leakRecv"},
    {"main.leakSelect.func1", LD_WAIT_SELECT, 1, LD_WAIT_UNKNOWN, "main.leakSelect"},
    {"main.leakSend.func1", LD_WAIT_CHAN_SEND, 6, LD_WAIT_UNKNOWN, "main.leakSend"},
    {"main.leakSleep.func1", LD_WAIT_SLEEP, 1, LD_WAIT_SLEEP, "main.leakSleep"},
    {"main.leakSyscall.func1", LD_WAIT_SYSCALL, 1, LD_WAIT_SYSCALL, "main.leakSyscall"},
    {"main.leakTicker.func1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.leakTicker"},
    {"main.leakWG.func1", LD_WAIT_WAITGROUP, 1, LD_WAIT_WAITGROUP, "main.leakWG"},
    {"main.main.func1", LD_WAIT_RUNNING, 1, LD_WAIT_UNKNOWN, ""},
    {"main.sig.func1", LD_WAIT_CHAN_RECEIVE, 1, LD_WAIT_UNKNOWN, "main.sig"},
    {"main.spinner.func1", LD_WAIT_SLEEP, 1, LD_WAIT_SLEEP, "main.spinner"},
    {"net.(*netFD).accept", LD_WAIT_IO, 1, LD_WAIT_IO, "main.leakIO"},
    {"os/signal.signal_recv", LD_WAIT_SYSCALL, 1, LD_WAIT_UNKNOWN, NULL}, /* the creator's name differs */
};
#define EXPECTED (sizeof expected / sizeof expected[0])

static struct ld_site_counts counts_of(const char *path, enum ld_profile_kind kind)
{
    struct ld_profile profile = parse_golden(path, kind);
    struct ld_site_counts counts;
    assert_int_equal(ld_site_counts_of(&counts, &profile), 0);
    ld_profile_done(&profile); /* the list owns its texts */
    return counts;
}

static void assert_expected(const char *path, enum ld_profile_encoding encoding)
{
    struct ld_site_counts counts = counts_of(path, LD_PROFILE_GOROUTINE);
    print_message("%s\n", path);
    assert_int_equal(counts.count, EXPECTED);
    for (size_t i = 0; i < EXPECTED; i++) {
        const struct ld_site_count *item = &counts.items[i];
        enum ld_wait wait = encoding == LD_ENCODING_GROUPS ? expected[i].in_text : expected[i].wait;
        assert_string_equal(item->site, expected[i].site);
        assert_string_equal(ld_wait_name(item->wait), ld_wait_name(wait));
        assert_int_equal(item->count, expected[i].count);
        if (encoding != LD_ENCODING_STACKS)
            assert_string_equal(item->created_by, "");
        else if (expected[i].created_by)
            assert_string_equal(item->created_by, expected[i].created_by);
    }
    ld_site_counts_done(&counts);
}

static void eight_releases_agree_in_three_encodings(void **state)
{
    static const struct {
        const char *file;
        enum ld_profile_encoding encoding;
    } encodings[] = {
        {"goroutine.debug0.pb.gz", LD_ENCODING_PROTO},
        {"goroutine.debug1.txt", LD_ENCODING_GROUPS},
        {"goroutine.debug2.txt", LD_ENCODING_STACKS},
    };
    (void)state;
    for (size_t r = 0; r < RELEASES; r++)
        for (size_t e = 0; e < 3; e++) {
            char path[128];
            snprintf(path, sizeof path, "goprof/go%s/%s", releases[r], encodings[e].file);
            assert_expected(path, encodings[e].encoding);
        }
    assert_expected("goprof/go1.27-gomod127-labels/goroutine.debug2.txt", LD_ENCODING_STACKS);
    assert_expected("goprof/go1.27/goroutine.debug2.after-leak-profile.txt", LD_ENCODING_STACKS);
    assert_expected("goprof/go1.19/goroutine.debug2.after65s.txt", LD_ENCODING_STACKS);
}

static void the_leaked_are_counted(void **state)
{
    (void)state;
    struct ld_site_counts marked =
        counts_of("goprof/go1.26/goroutine.debug2.after-leak-profile.txt", LD_PROFILE_GOROUTINE);
    struct ld_site_counts leaks = counts_of("goprof/go1.26/goroutineleak.debug0.pb.gz", LD_PROFILE_GOROUTINELEAK);
    struct ld_site_counts alone =
        counts_of("goprof/go1.26/goroutine.debug2.after-leak-profile.txt", LD_PROFILE_GOROUTINELEAK);
    size_t sites = 0;
    for (size_t i = 0; i < marked.count; i++) {
        sites += marked.items[i].leaked != 0;
        assert_int_equal(marked.items[i].leaked, ld_site_counts_get(&leaks, marked.items[i].site));
    }
    assert_int_equal(sites, 15);
    assert_int_equal(leaks.count, 15);
    assert_int_equal(alone.count, 15);
    assert_int_equal(ld_site_counts_get(&marked, "main.leakSend.func1"), 6);
    assert_int_equal(ld_site_counts_get(&marked, "main.nowhere"), 0);
    ld_site_counts_done(&marked);
    ld_site_counts_done(&leaks);
    ld_site_counts_done(&alone);
}

static void a_phantom_has_no_site(void **state)
{
    (void)state;
    struct ld_site_counts counts =
        counts_of("goprof/go1.27/goroutineleak.phantom-empty-stack.pb.gz", LD_PROFILE_GOROUTINELEAK);
    assert_int_equal(counts.count, 2);
    assert_string_equal(counts.items[0].site, "");
    assert_int_equal(counts.items[0].wait, LD_WAIT_UNKNOWN);
    assert_int_equal(counts.items[0].count, 1);
    assert_string_equal(counts.items[1].site, "main.main.func1.1");
    ld_site_counts_done(&counts);
}

/* readLoop and writeLoop are the two sites of a body that nobody closed; the server's side stands in net. */
static void unclosed_bodies_stand_in_their_loops(void **state)
{
    static const char *const paths[] = {"profiles/go1.27/goroutine.debug0.pb.gz",
                                        "profiles/go1.27/goroutine.debug1.txt", "profiles/go1.27/goroutine.debug2.txt",
                                        "profiles/go1.26/goroutine.debug2.txt"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct ld_site_counts counts = counts_of(paths[i], LD_PROFILE_GOROUTINE);
        print_message("%s\n", paths[i]);
        assert_int_equal(counts.count, 9);
        assert_int_equal(ld_site_counts_get(&counts, "net/http.(*persistConn).readLoop"), 3);
        assert_int_equal(ld_site_counts_get(&counts, "net/http.(*persistConn).writeLoop"), 3);
        assert_int_equal(ld_site_counts_get(&counts, "net.(*netFD).Read"), 3);
        assert_int_equal(ld_site_counts_get(&counts, "main.(*queue[...]).take"), 1);
        assert_int_equal(ld_site_counts_get(&counts, "main.child"), 2);
        ld_site_counts_done(&counts);
    }
}

static void machinery_is_what_the_header_says(void **state)
{
    static const struct {
        const char *function;
        bool machinery;
    } rows[] = {
        {"runtime.gopark", true},
        {"runtime/pprof.writeGoroutine", true},
        {"runtime/debug.Stack", true},
        {"internal/poll.(*FD).Read", true},
        {"internal/sync.(*Mutex).Lock", true},
        {"sync.(*Mutex).Lock", true},
        {"sync/atomic.AddInt64", true},
        {"syscall.Read", true},
        {"time.Sleep", true},
        {"", true},
        {"time.Sleep.func1", false},
        {"time.After", false},
        {"syscallx.Read", false},
        {"runtimex.f", false},
        {"synchronous.f", false},
        {"sync/errgroup.f", false},
        {"main.f", false},
        {"net.(*conn).Read", false},
        {"net.(*netFD).Read", false},
        {"bufio.(*Reader).fill", false},
        {"io.(*pipe).read", false},
        {"os/signal.loop", false},
        {"example.com/internal/x.f", false},
        {"golang.org/x/sync/errgroup.(*Group).Wait", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (ld_site_is_machinery(rows[i].function) != rows[i].machinery)
            fail_msg("%s: expected %d", rows[i].function, rows[i].machinery);
}

/* One stack in debug=2, leaf first, told by its functions. */
static void assert_stack(const char *state_text, const char *const *functions, const char *site, enum ld_wait wait)
{
    char text[2048];
    int n = snprintf(text, sizeof text, "goroutine 1 [%s]:\n", state_text);
    for (; *functions; functions++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s(0x1)\n\t/a.go:1 +0x1\n", *functions);
    struct ld_profile profile = parse_text(LD_PROFILE_GOROUTINE, text);
    const struct ld_frame *frame;
    assert_string_equal(ld_site_of(&profile.samples[0], &frame), site);
    assert_ptr_equal(frame ? frame->function : "", ld_site_of(&profile.samples[0], NULL));
    assert_string_equal(ld_wait_name(ld_wait_of(&profile.samples[0])), ld_wait_name(wait));
    ld_profile_done(&profile);
}

#define STACK(state, site, wait, ...) assert_stack(state, (const char *const[]){__VA_ARGS__, NULL}, site, wait)

static void frames_come_before_the_state(void **state)
{
    (void)state;
    STACK("semacquire", "main.f", LD_WAIT_WAITGROUP, "sync.runtime_Semacquire", "sync.(*WaitGroup).Wait", "main.f");
    STACK("semacquire", "main.f", LD_WAIT_SEMAPHORE, "main.f");
    /* RWMutex.Lock parks in its inner Mutex behind another writer. */
    STACK("sync.Mutex.Lock", "main.f", LD_WAIT_RWMUTEX_WRITE, "internal/sync.runtime_SemacquireMutex",
          "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).Lock", "sync.(*Mutex).Lock",
          "sync.(*RWMutex).Lock", "main.f");
    /* Signalled, Cond.Wait waits for its Mutex. */
    STACK("sync.Mutex.Lock", "main.f", LD_WAIT_MUTEX, "internal/sync.runtime_SemacquireMutex",
          "internal/sync.(*Mutex).lockSlow", "sync.(*Mutex).Lock", "sync.(*Cond).Wait", "main.f");
    /* Once waits for its Mutex; what runs inside of it is not machinery. */
    STACK("sync.Mutex.Lock", "main.f", LD_WAIT_MUTEX, "sync.(*Mutex).lockSlow", "sync.(*Once).doSlow",
          "sync.(*Once).Do", "main.f");
    STACK("chan receive", "main.init.f", LD_WAIT_CHAN_RECEIVE, "main.init.f", "sync.(*Once).doSlow", "main.g");
    STACK("IO wait", "net.(*netFD).Read", LD_WAIT_IO, "internal/poll.runtime_pollWait",
          "internal/poll.(*pollDesc).wait", "internal/poll.(*FD).Read", "net.(*netFD).Read", "net.(*conn).Read");
    STACK("select", "main.f", LD_WAIT_SELECT, "main.f");
    STACK("select (durable)", "main.f", LD_WAIT_SELECT, "main.f");
    STACK("chan receive (synctest)", "main.f", LD_WAIT_CHAN_RECEIVE, "main.f");
    STACK("runnable", "main.f", LD_WAIT_RUNNING, "main.f");
    STACK("finalizer wait", "runtime.runFinalizers", LD_WAIT_FINALIZER, "runtime.gopark", "runtime.runFinalizers");
    STACK("GC worker (idle)", "runtime.gcBgMarkWorker", LD_WAIT_GC, "runtime.gopark", "runtime.gcBgMarkWorker");
    STACK("coroutine", "main.f", LD_WAIT_UNKNOWN, "main.f");
}

static void waits_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < LD_WAIT_COUNT; i++)
        assert_int_equal(ld_wait_find(ld_wait_name((enum ld_wait)i)), i);
    assert_int_equal(ld_wait_find("waiting"), -1);
}

static void mixed_creators_have_no_name(void **state)
{
    (void)state;
    struct ld_site_counts counts;
    struct ld_profile profile =
        parse_text(LD_PROFILE_GOROUTINE, "goroutine 1 [select]:\nb.f()\n\t/a:1\ncreated by x\n\t/a:1\n\ngoroutine 2 "
                                         "[select]:\nb.f()\n\t/a:2\ncreated by y\n\t/a:1\n\n"
                                         "goroutine 3 [chan send]:\nb.f()\n\t/a:2\ncreated by y\n\t/a:1\n\ngoroutine 4 "
                                         "[select]:\na.f()\n\t/a:2\ncreated by y\n\t/a:1\n");
    assert_int_equal(ld_site_counts_of(&counts, &profile), 0);
    assert_int_equal(counts.count, 3);
    assert_string_equal(counts.items[0].site, "a.f");
    assert_string_equal(counts.items[0].created_by, "y");
    assert_int_equal(counts.items[1].wait, LD_WAIT_CHAN_SEND); /* sorted by site, then wait */
    assert_int_equal(counts.items[2].wait, LD_WAIT_SELECT);
    assert_int_equal(counts.items[2].count, 2);
    assert_string_equal(counts.items[2].created_by, "");
    assert_int_equal(ld_site_counts_get(&counts, "b.f"), 3);
    ld_site_counts_done(&counts);
    ld_profile_done(&profile);
}

int test_site(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_releases_agree_in_three_encodings),
        cmocka_unit_test(the_leaked_are_counted),
        cmocka_unit_test(a_phantom_has_no_site),
        cmocka_unit_test(unclosed_bodies_stand_in_their_loops),
        cmocka_unit_test(machinery_is_what_the_header_says),
        cmocka_unit_test(frames_come_before_the_state),
        cmocka_unit_test(waits_have_names),
        cmocka_unit_test(mixed_creators_have_no_name),
    };
    return cmocka_run_group_tests_name("sites and waits", tests, NULL, NULL);
}
