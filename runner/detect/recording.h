/* A recorded run as files: observations.jsonl, one line an observation as the protocol tells it, and profiles/ beside
 * it. What `detector check` plays. A person can read it, too, and give it to a detector by hand: for that its first
 * line is a hello, which a player leaves out and says its own. */
#ifndef LD_RUNNER_DETECT_RECORDING_H
#define LD_RUNNER_DETECT_RECORDING_H

#include "base/arena.h"
#include "base/error.h"
#include "observe/observation.h"

struct ld_recording {
    size_t count;
    struct ld_observation *items; /* their pointers belong to the recording */
    size_t profile_count;
    struct ld_profile *profiles;
    struct ld_arena *arena;
};

/* LD_EIO, LD_ESYNTAX with file and line, LD_ENOMEM, LD_ELIMIT. */
int ld_recording_read(struct ld_recording *ret_recording, const char *folder, struct ld_error *error);
void ld_recording_done(struct ld_recording *recording);

#endif
