/* The scenario of observations that nobody planned: a service that ran already (record), files that others wrote
 * (import). It only watches: every detector that can judge what is there, and nothing is expected of any. */
#ifndef LD_RUNNER_CLI_OBSERVED_H
#define LD_RUNNER_CLI_OBSERVED_H

#include "base/buffer.h"
#include "detect/detector.h"

struct ld_observed {
    const char *name, *doc;    /* of one line each, plain */
    const char *target;        /* the lines below `target:`, indented */
    const char *phases;        /* what follows `phases:`; NULL: nothing */
    const char *every;         /* the sampling period, as a duration */
    const char *profiles;      /* "goroutine, heap"; "" none */
    bool (*watches)(const void *context, const struct ld_detector_kind *kind); /* which detectors */
    const void *context;
};

/* LD_ENOMEM, LD_ELIMIT. */
int ld_observed_render(const struct ld_observed *observed, struct ld_buffer *out);
/* `text` as a scalar in double quotes. */
int ld_observed_quote(const char *text, struct ld_buffer *out);
/* Beside the database: runs.db and runs.yaml. */
void ld_observed_path(const char *database, char *path, size_t room);
/* A new file; LD_EIO when there is one. */
int ld_observed_write(const char *path, const struct ld_buffer *text, struct ld_error *error);
/* A detector that judges by harmless reads of a program that runs, and by no others, whatever its options. */
bool ld_observed_may_watch(const struct ld_detector_kind *kind);

#endif
