/* The published partition of causes.
 *
 * A cause names what a leak is; its class is what a detector's inputs can tell apart (waiting on a context's Done and
 * on any channel look alike in a profile: one class). A cause matches when the classes are equal; equal names are a
 * finer hit and only shown. One table: scenarios, truth, rules, alerts and reports all take their causes from here. */
#ifndef LD_TRUTH_CAUSE_H
#define LD_TRUTH_CAUSE_H

struct ld_buffer;

/*    id, name, class, what it is */
#define LD_CAUSES(X)                                                                                                   \
    X(NONE, "none", "none", "no cause given")                                                                          \
    X(CHAN_RECEIVE, "chan-receive", "channel-wait", "receive from a channel nobody sends on or closes")                \
    X(CONTEXT_WAIT, "context-wait", "channel-wait", "wait for a context that is never cancelled")                      \
    X(TICKER_WAIT, "ticker-wait", "channel-wait", "range over a ticker that nobody stops")                             \
    X(CHAN_SEND, "chan-send", "channel-send", "send on a channel nobody receives from")                                \
    X(SELECT_WAIT, "select-wait", "select-wait", "select whose cases never fire")                                      \
    X(SELECT_EMPTY, "select-empty", "select-empty", "select without cases")                                            \
    X(WAITGROUP, "waitgroup", "waitgroup", "WaitGroup.Wait without the last Done")                                     \
    X(LOCK, "lock", "lock", "mutex or read-write lock never released")                                                 \
    X(COND, "cond", "cond", "Cond.Wait whose signal was lost")                                                         \
    X(SLEEP_LOOP, "sleep-loop", "sleep", "endless loop that sleeps")                                                   \
    X(HTTP_CONNECTION, "http-connection", "http-connection",                                                           \
      "HTTP connection held by an unread, unclosed body or an idle pool")                                              \
    X(IO_WAIT, "io-wait", "io-wait", "network read or accept without deadline")                                        \
    X(DATABASE_POOL, "database-pool", "database-pool", "database connections never returned")                          \
    X(DESCRIPTOR, "descriptor", "descriptor", "files or pipes never closed")                                           \
    X(HEAP, "heap", "heap", "reachable memory that only grows")                                                        \
    X(NATIVE_MEMORY, "native-memory", "native-memory", "C memory never freed")                                         \
    X(MEMORY_SAFETY, "memory-safety", "memory-safety", "use of freed memory")                                          \
    X(CPU_SPIN, "cpu-spin", "cpu", "a loop that burns CPU")                                                            \
    X(CONTENTION, "contention", "contention", "a lock held across slow work")                                          \
    X(GC_THRASH, "gc-thrash", "gc", "collections back to back near the goal")                                          \
    X(GOROUTINE_GROWTH, "goroutine-growth", "any", "more goroutines than expected, cause not named")                   \
    X(ANY, "any", "any", "something leaks, cause not named")

enum ld_cause {
#define X(id, ...) LD_CAUSE_##id,
    LD_CAUSES(X)
#undef X
    LD_CAUSE_COUNT
};

struct ld_cause_info {
    const char *name, *class_name, *doc;
};
extern const struct ld_cause_info ld_cause_table[LD_CAUSE_COUNT];
int ld_cause_find(const char *name); /* -1 when unknown */

/* The table for people, each with its class; or one cause and what is of its class. LD_ENOMEM, LD_ELIMIT. */
int ld_causes_explain(struct ld_buffer *out);
int ld_cause_explain(enum ld_cause cause, struct ld_buffer *out);

enum ld_cause_match { LD_CAUSE_WRONG, LD_CAUSE_UNNAMED, LD_CAUSE_RIGHT };
/* UNNAMED when the alert's class is "any" or "none": it claims no cause, which is not a wrong one. */
enum ld_cause_match ld_cause_compare(enum ld_cause truth, enum ld_cause alert);

#endif
