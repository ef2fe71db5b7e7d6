/* What is left after a leakdrill that was killed.
 *
 * The test becomes a child subreaper: every process below a leakdrill that dies becomes our child, zombie or not. So
 * when we have no child left, nothing of it is left, however far it had run away. */
#ifndef LD_TEST_PROGRAM_AFTERMATH_H
#define LD_TEST_PROGRAM_AFTERMATH_H

#include <stddef.h>
#include <sys/types.h>

/* The guard of the leakdrill `pid`; 0 when it has none, not yet or not any more. */
pid_t guard_of(pid_t pid);
/* The first of the guard's shims; 0: it has none. */
pid_t shim_of(pid_t guard);

/* To be called before the first leakdrill is started. */
void become_subreaper(void);
/* For those that are being killed to be gone, on a machine that hardly lets them. */
#define CHILDREN_GO_S 60
/* Reap until there is no child; fails the test when one lives longer than `seconds`, naming it. */
void assert_no_child_within(unsigned seconds);

/* Listening sockets on 127.0.0.1 that belong to our user. */
struct listeners {
    unsigned long inodes[4096];
    size_t count;
};
void listeners_look(struct listeners *ret_listeners);
/* Fails when one that was not there before listens on and no process has it open: those that others opened meanwhile
 * have an owner. To be called when none of ours is alive. */
void assert_no_listener_left(const struct listeners *before);

#endif
