/* What a detector that is a program is told: hello and observations, each one JSON line.
 *
 * A line depends on the observation and the declared setting alone, so that live and replayed ones are the same bytes.
 * Names of scenario, cell, variant and fault are in none of them. */
#ifndef LD_RUNNER_DETECT_QUESTION_H
#define LD_RUNNER_DETECT_QUESTION_H

#include "base/buffer.h"
#include "detect/exec.h"
#include "observe/observation.h"

#define LD_EXEC_PROTOCOL 1
#define LD_EXEC_PATH_MAX 40

struct ld_hello {
    uint64_t token; /* of the run; says nothing about it */
    uint32_t instances;
    double time_scale;
    int64_t period_ns; /* scaled */
    const struct ld_exec_options *options;
    const char *const *gateway; /* one URL an instance; NULL: not asked for */
};

/* A line with its newline. LD_ENOMEM, LD_ELIMIT. */
int ld_question_hello(struct ld_buffer *out, const struct ld_hello *hello);
/* `path`: of the profile's file, relative to the detector's folder; unused for other kinds. */
int ld_question_observation(struct ld_buffer *out, const struct ld_observation *observation, const char *path);
/* Is it one of those that the detector asked for? */
bool ld_question_wanted(const struct ld_exec_options *options, const struct ld_observation *observation);
/* "profiles/41.pb.gz" or "profiles/41.txt", by the profile's encoding. Returns `path`. */
const char *ld_question_path(const struct ld_observation *observation, char path[LD_EXEC_PATH_MAX]);

#endif
