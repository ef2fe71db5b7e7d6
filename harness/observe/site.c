#include "observe/site.h"

#include <stddef.h>
#include <string.h>

static const char *const wait_names[LD_WAIT_COUNT] = {
#define X(id, name, doc) [LD_WAIT_##id] = name,
    LD_WAITS(X)
#undef X
};

const char *ld_wait_name(enum ld_wait wait)
{
    return wait_names[wait];
}

int ld_wait_find(const char *name)
{
    for (int i = 0; i < LD_WAIT_COUNT; i++)
        if (strcmp(wait_names[i], name) == 0)
            return i;
    return -1;
}

/* ---- sites */

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Asked of every frame of every sample: the first letter settles most. */
bool ld_site_is_machinery(const char *function)
{
    switch (function[0]) {
    case '\0': /* C code without a symbol */
        return true;
    case 'r':
        return begins(function, "runtime.") || begins(function, "runtime/");
    case 'i':
        return begins(function, "internal/");
    case 's':
        return begins(function, "sync.") || begins(function, "sync/atomic.") || begins(function, "syscall.");
    case 't':
        return strcmp(function, "time.Sleep") == 0;
    default:
        return false;
    }
}

/* How many frames, from the leaf on, are machinery. */
static uint32_t machinery_count(const struct ld_sample *sample)
{
    uint32_t count = 0;
    while (count < sample->frame_count && ld_site_is_machinery(sample->frames[count]->function))
        count++;
    return count;
}

const char *ld_site_of(const struct ld_sample *sample, const struct ld_frame **ret_frame)
{
    const struct ld_frame *frame = NULL;
    if (sample->frame_count) {
        uint32_t first = machinery_count(sample);
        frame = sample->frames[first < sample->frame_count ? first : sample->frame_count - 1];
    }
    if (ret_frame)
        *ret_frame = frame;
    return frame ? frame->function : "";
}

/* ---- waits */

struct wait_row {
    const char *text;
    enum ld_wait wait;
};

/* By function. Of several rows in one stack the outermost decides: sync.(*RWMutex).Lock may park in its inner Mutex,
 * and a Mutex in the runtime's semaphore. sync.(*Cond).Wait is no row: woken, it waits for its Mutex. */
static const struct wait_row by_function[] = {
    {"runtime.chanrecv1", LD_WAIT_CHAN_RECEIVE},
    {"runtime.chanrecv2", LD_WAIT_CHAN_RECEIVE},
    {"runtime.chanrecv", LD_WAIT_CHAN_RECEIVE},
    {"runtime.chansend1", LD_WAIT_CHAN_SEND},
    {"runtime.chansend", LD_WAIT_CHAN_SEND},
    {"runtime.selectgo", LD_WAIT_SELECT},
    {"runtime.block", LD_WAIT_SELECT_EMPTY},
    {"runtime.semacquire1", LD_WAIT_SEMAPHORE},
    {"runtime.semacquire", LD_WAIT_SEMAPHORE},
    {"internal/poll.runtime_Semacquire", LD_WAIT_SEMAPHORE},
    {"sync.runtime_Semacquire", LD_WAIT_SEMAPHORE},
    {"sync.runtime_SemacquireWaitGroup", LD_WAIT_WAITGROUP},
    {"sync.(*WaitGroup).Wait", LD_WAIT_WAITGROUP},
    {"sync.runtime_SemacquireMutex", LD_WAIT_MUTEX},
    {"internal/sync.runtime_SemacquireMutex", LD_WAIT_MUTEX},
    {"sync.(*Mutex).lockSlow", LD_WAIT_MUTEX},
    {"internal/sync.(*Mutex).lockSlow", LD_WAIT_MUTEX},
    {"sync.(*Mutex).Lock", LD_WAIT_MUTEX},
    {"sync.runtime_SemacquireRWMutexR", LD_WAIT_RWMUTEX_READ},
    {"sync.(*RWMutex).RLock", LD_WAIT_RWMUTEX_READ},
    {"sync.(*rlocker).Lock", LD_WAIT_RWMUTEX_READ},
    {"sync.runtime_SemacquireRWMutex", LD_WAIT_RWMUTEX_WRITE},
    {"sync.(*RWMutex).Lock", LD_WAIT_RWMUTEX_WRITE},
    {"sync.runtime_notifyListWait", LD_WAIT_COND},
    {"time.Sleep", LD_WAIT_SLEEP},
    {"runtime.timeSleep", LD_WAIT_SLEEP},
    {"runtime.netpollblock", LD_WAIT_IO},
    {"internal/poll.runtime_pollWait", LD_WAIT_IO},
    {"syscall.Syscall", LD_WAIT_SYSCALL},
    {"syscall.Syscall6", LD_WAIT_SYSCALL},
    {"syscall.Syscall9", LD_WAIT_SYSCALL},
    {"syscall.RawSyscall", LD_WAIT_SYSCALL},
    {"syscall.RawSyscall6", LD_WAIT_SYSCALL},
    {"syscall.syscall", LD_WAIT_SYSCALL},
    {"syscall.syscall6", LD_WAIT_SYSCALL},
    {"internal/runtime/syscall.Syscall6", LD_WAIT_SYSCALL},
    {"internal/runtime/syscall/linux.Syscall6", LD_WAIT_SYSCALL},
    {"runtime/internal/syscall.Syscall6", LD_WAIT_SYSCALL},
    {"runtime.cgocall", LD_WAIT_SYSCALL},
    {"runtime.notetsleepg", LD_WAIT_SYSCALL},
    {"runtime.runfinq", LD_WAIT_FINALIZER},
    {"runtime.runFinalizers", LD_WAIT_FINALIZER},
    {"runtime.runCleanups", LD_WAIT_FINALIZER},
    {"runtime.bgsweep", LD_WAIT_GC},
    {"runtime.bgscavenge", LD_WAIT_GC},
    {"runtime.forcegchelper", LD_WAIT_GC},
    {"runtime.gcBgMarkWorker", LD_WAIT_GC},
    {"runtime.gcAssistAlloc", LD_WAIT_GC},
    {"runtime.goroutineProfileWithLabels", LD_WAIT_RUNNING},
    {"runtime.Gosched", LD_WAIT_RUNNING},
    {"runtime.asyncPreempt", LD_WAIT_RUNNING},
};

/* By the printed state (waitReasonStrings and gStatusStrings of runtime, Go 1.19 to 1.27). "(synctest)" is Go 1.24's
 * "(durable)". */
static const struct wait_row by_state[] = {
    {"chan receive", LD_WAIT_CHAN_RECEIVE},
    {"chan receive (nil chan)", LD_WAIT_CHAN_RECEIVE},
    {"chan receive (synctest)", LD_WAIT_CHAN_RECEIVE},
    {"chan send", LD_WAIT_CHAN_SEND},
    {"chan send (nil chan)", LD_WAIT_CHAN_SEND},
    {"chan send (synctest)", LD_WAIT_CHAN_SEND},
    {"select", LD_WAIT_SELECT},
    {"select (synctest)", LD_WAIT_SELECT},
    {"select (no cases)", LD_WAIT_SELECT_EMPTY},
    {"semacquire", LD_WAIT_SEMAPHORE},
    {"sync.WaitGroup.Wait", LD_WAIT_WAITGROUP},
    {"sync.Mutex.Lock", LD_WAIT_MUTEX},
    {"sync.RWMutex.RLock", LD_WAIT_RWMUTEX_READ},
    {"sync.RWMutex.Lock", LD_WAIT_RWMUTEX_WRITE},
    {"sync.Cond.Wait", LD_WAIT_COND},
    {"sleep", LD_WAIT_SLEEP},
    {"IO wait", LD_WAIT_IO},
    {"syscall", LD_WAIT_SYSCALL},
    {"finalizer wait", LD_WAIT_FINALIZER},
    {"cleanup wait", LD_WAIT_FINALIZER},
    {"GC worker (idle)", LD_WAIT_GC},
    {"GC worker (active)", LD_WAIT_GC},
    {"GC sweep wait", LD_WAIT_GC},
    {"GC scavenge wait", LD_WAIT_GC},
    {"GC assist wait", LD_WAIT_GC},
    {"GC assist marking", LD_WAIT_GC},
    {"GC mark termination", LD_WAIT_GC},
    {"GC weak to strong wait", LD_WAIT_GC},
    {"force gc (idle)", LD_WAIT_GC},
    {"wait for GC cycle", LD_WAIT_GC},
    {"garbage collection", LD_WAIT_GC},
    {"garbage collection scan", LD_WAIT_GC},
    {"flushing proc caches", LD_WAIT_GC},
    {"running", LD_WAIT_RUNNING},
    {"runnable", LD_WAIT_RUNNING},
    {"preempted", LD_WAIT_RUNNING},
    {"copystack", LD_WAIT_RUNNING},
};

static enum ld_wait find_row(const struct wait_row *rows, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].text, text) == 0)
            return rows[i].wait;
    return LD_WAIT_UNKNOWN;
}

#define FIND_ROW(rows, text) find_row(rows, sizeof(rows) / sizeof((rows)[0]), text)

/* Where the runtime is not hidden, everyone who waits is parked: who stands in his own function runs. */
static bool is_running(const struct ld_sample *sample)
{
    return !sample->runtime_hidden && sample->frame_count && !ld_site_is_machinery(sample->frames[0]->function);
}

enum ld_wait ld_wait_of(const struct ld_sample *sample)
{
    enum ld_wait wait = LD_WAIT_UNKNOWN;
    for (uint32_t i = machinery_count(sample); i-- > 0 && wait == LD_WAIT_UNKNOWN;)
        wait = FIND_ROW(by_function, sample->frames[i]->function);
    if (wait == LD_WAIT_UNKNOWN && sample->state)
        wait = FIND_ROW(by_state, sample->state);
    if (wait == LD_WAIT_UNKNOWN && !sample->state && is_running(sample))
        wait = LD_WAIT_RUNNING;
    return wait;
}
