#include "detect/wait_cause.h"

#include <assert.h>

static const enum ld_cause causes[LD_WAIT_COUNT] = {
    [LD_WAIT_UNKNOWN] = LD_CAUSE_ANY,
    [LD_WAIT_RUNNING] = LD_CAUSE_ANY,
    [LD_WAIT_CHAN_RECEIVE] = LD_CAUSE_CHAN_RECEIVE,
    [LD_WAIT_CHAN_SEND] = LD_CAUSE_CHAN_SEND,
    [LD_WAIT_SELECT] = LD_CAUSE_SELECT_WAIT,
    [LD_WAIT_SELECT_EMPTY] = LD_CAUSE_SELECT_EMPTY,
    [LD_WAIT_WAITGROUP] = LD_CAUSE_WAITGROUP,
    [LD_WAIT_MUTEX] = LD_CAUSE_LOCK,
    [LD_WAIT_RWMUTEX_READ] = LD_CAUSE_LOCK,
    [LD_WAIT_RWMUTEX_WRITE] = LD_CAUSE_LOCK,
    [LD_WAIT_COND] = LD_CAUSE_COND,
    [LD_WAIT_SEMAPHORE] = LD_CAUSE_ANY,
    [LD_WAIT_SLEEP] = LD_CAUSE_SLEEP_LOOP,
    [LD_WAIT_IO] = LD_CAUSE_IO_WAIT,
    [LD_WAIT_SYSCALL] = LD_CAUSE_ANY,
    [LD_WAIT_FINALIZER] = LD_CAUSE_ANY,
    [LD_WAIT_GC] = LD_CAUSE_ANY,
};

enum ld_cause ld_cause_of_wait(enum ld_wait wait)
{
    assert((unsigned)wait < LD_WAIT_COUNT);
    return causes[wait];
}
