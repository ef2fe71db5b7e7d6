/* Folders that tell by a lock whether their leakdrill lives: a campaign's work folder and its cgroup.
 *
 * leakdrill holds a lock (flock on the folder) as long as it lives, and the kernel lets it go however it dies. So
 * whoever gets the lock may undo what is in the folder, and nobody else may, whatever a database says of it: pids do
 * not show across PID namespaces, locks do. */
#ifndef LD_PROCESS_CLAIM_H
#define LD_PROCESS_CLAIM_H

#include <stdbool.h>

enum ld_claimed {
    LD_CLAIM_GONE,     /* there is no such folder */
    LD_CLAIM_NOT_OURS, /* it is not one that leakdrill makes for this user, or it cannot be looked at */
    LD_CLAIM_HELD,     /* somebody has its lock */
    LD_CLAIM_TAKEN     /* its leakdrill is dead, and the lock is the caller's */
};

/* The folder's descriptor (close on exec) with its lock, no link followed; -1 and errno: EWOULDBLOCK when somebody has
 * it, ENOENT when it is gone. */
int ld_folder_lock(const char *path);
/* Did mkdtemp make this name (without folders before it) of `pattern`, such as "leakdrill-XXXXXX"? */
bool ld_folder_name_fits(const char *name, const char *pattern);
/* Take its lock if it is free; TAKEN only for a folder of that pattern's name that is this user's and nobody else's to
 * look into, as mkdtemp makes them. *ret_lock is set with TAKEN: close it when all is done. Where the folder must lie
 * is for the caller to know. */
enum ld_claimed ld_folder_claim(const char *path, const char *pattern, int *ret_lock);

#endif
