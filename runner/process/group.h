/* A cgroup (v2) for the processes of a campaign, and in it one for each target: cgroup.kill ends all of a group at
 * once, whatever it forks, and where the memory and cpu controllers are there a fault can limit it.
 *
 * Whether there is one is found out, not assumed: the file system's magic is looked at, the group is made, and it must
 * have cgroup.kill (Linux 5.14). leakdrill holds a lock on the folder: one that is free is a dead campaign's. */
#ifndef LD_PROCESS_GROUP_H
#define LD_PROCESS_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runner/process/claim.h"

#define LD_GROUP_PATH_MAX 256

struct ld_group {
    char path[LD_GROUP_PATH_MAX]; /* "": there is none */
    bool memory, cpu;             /* its groups have these controllers */
    int lock;                     /* -1 */
    char why_not[160];
};

/* Make one for a campaign. Never fails: where there can be none, `path` is "" and why_not says why. */
void ld_group_make(struct ld_group *ret_group);
/* Give it up: kill what is in it, remove it. */
void ld_group_done(struct ld_group *group);

/* The group of one target in a campaign's, made; "" when that is not possible. */
void ld_group_make_child(const char *parent, pid_t name, char ret_path[LD_GROUP_PATH_MAX]);
/* As fork, with the child in the group from its first instruction on; without one, or where the kernel refuses, as
 * fork. No pthread_atfork handler runs. */
pid_t ld_group_fork(const char *path);
/* SIGKILL to everything in it and below. */
void ld_group_kill(const char *path);
/* Kill and remove it and the groups in it; "" is allowed. Returns whether it is gone. */
bool ld_group_remove(const char *path);
/* Take over one that somebody names: TAKEN only when it is a campaign's group of this user's below the mount point, by
 * its true name, and its leakdrill is dead: then what is in it is that campaign's. Closing *ret_lock gives it up. */
enum ld_claimed ld_group_claim(const char *path, int *ret_lock);
/* Remove those of dead campaigns; `remove` false: only count. Returns how many there were. */
unsigned ld_groups_sweep(bool remove);

#endif
