/* The work folder of a campaign: $TMPDIR/leakdrill-work-XXXXXX, for the programs it starts and what they write.
 *
 * leakdrill alone holds a lock on it (flock on the folder): whoever finds it free knows that its leakdrill is dead. The
 * guard removes the folder when leakdrill ends; when both were killed at once, the next campaign does. */
#ifndef LD_RUN_WORK_FOLDER_H
#define LD_RUN_WORK_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "runner/process/claim.h"
#include "runner/process/guard.h"

/* Make one below $TMPDIR (/tmp when that is unset or relative). *ret_lock is the descriptor that holds its lock, close
 * on exec; closing it gives the folder up. LD_ESYSTEM: the message names the folder. */
int ld_work_folder_make(char *ret_path, size_t room, int *ret_lock, struct ld_error *error);
/* All three at once: remove what dead campaigns left, make a folder, start the guard that removes it. To be called
 * before any thread exists. LD_ESYSTEM: nothing is left. */
int ld_work_folder_guarded(char *ret_path, size_t room, int *ret_lock, struct ld_guard *ret_guard,
                           struct ld_error *error);
/* $TMPDIR, or /tmp. The text lasts as long as the environment is not changed. */
const char *ld_work_folder_parent(void);
/* Take over one that somebody names: TAKEN only when it is a work folder of this user's in that place, and its
 * leakdrill is dead. Closing *ret_lock gives it up. */
enum ld_claimed ld_work_folder_claim(const char *path, int *ret_lock);
/* Remove what dead campaigns of this user left there. Never fails: what cannot be removed stays. `remove` false: only
 * count. Returns how many there were. */
unsigned ld_work_folders_sweep(bool remove);

#endif
