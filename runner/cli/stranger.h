/* A detector that is let watch recorded runs which it did not watch live. There is nothing to compare with: its alerts
 * are told, and scored against the stored truth by the time of their observations, for receipts are only known live. */
#ifndef LD_RUNNER_CLI_STRANGER_H
#define LD_RUNNER_CLI_STRANGER_H

#include "base/buffer.h"
#include "runner/run/replay.h"

struct ld_stranger {
    struct ld_detector_spec spec; /* kind NULL: there is none, and nothing below does anything */
    const char *declared_in;      /* the file from which its program is seen; "" for none */
    /* private */
    struct ld_detector_files *files;
    const struct ld_plan *plan;
    struct ld_arena *arena;
    size_t count, room;
    struct ld_run_record *records;
    size_t alerts, broken, blind, half_blind; /* runs that broke it, that hold nothing, or not all, it judges by */
    uint32_t broken_run;
    bool namesake; /* one of that name did watch, declared in another way */
    const char *broken_reason;
    char missing[400], half_missing[400];
};

/* With spec and declared_in set. Reads the files of the detector, once for all runs: LD_ENOMEM, or the code of one that
 * cannot be read. */
int ld_stranger_init(struct ld_stranger *stranger, const struct ld_plan *plan, struct ld_error *error);
void ld_stranger_done(struct ld_stranger *stranger);
/* One run: its alerts as text, or as JSON lines, to the setting's `out`. */
int ld_stranger_replay(struct ld_stranger *stranger, struct ld_replay_setting *setting, struct ld_error *error);
/* What it came to over all of them. */
int ld_stranger_tell(struct ld_stranger *stranger, struct ld_buffer *out, struct ld_error *error);
/* 0; LD_EXIT_HARNESS: it broke; LD_EXIT_INCONCLUSIVE: no run holds what it judges by. */
int ld_stranger_exit(const struct ld_stranger *stranger);

#endif
