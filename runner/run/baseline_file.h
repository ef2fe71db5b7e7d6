/* A baseline as a file: JSON, one row a line, so that a repository can keep it and a diff can be read.
 *
 *     {"leakdrill_baseline": 1, "name": "main", "campaign": "…", "version": "0.1.0", "made_wall_ns": …, "rows": [
 *      {"cell": "…", "scenario": "…", "detector": "…", "runs": 5, "leaks": 5, "seen": 5, "leaky_runs": 5,
 *       "whole_runs": 5, "false_alarm_runs": 0, "seen_ns": […], "missed_ns": […],
 *       "rules": [{"rule": "…", "version": "…", "leaks": 5}], "options": "…", "files": "my-rules.yml 0123456789ab"}, …
 *     ]}
 *
 * seen_ns are times to detect, missed_ns how long nothing came, both from the M-th unit: one for each leak, or none of
 * a detector without time. leaky_runs are runs with evidence of a leak, whole_runs those of them that saw all of
 * theirs. They, rules, options (its options as JSON) and files (that it read, each with the beginning of its SHA-256)
 * may be missing: an older leakdrill wrote none. */
#ifndef LD_RUN_BASELINE_FILE_H
#define LD_RUN_BASELINE_FILE_H

#include "score/regress.h"

#define LD_BASELINES_FOLDER "leakdrill-baselines"
#define LD_BASELINE_FILE_MAX ((size_t)64 << 20)
#define LD_BASELINE_ROWS_MAX ((size_t)1 << 20)
#define LD_BASELINE_RUNS_MAX 1000000                             /* and leaks, of a row */
#define LD_BASELINE_TIME_MAX_NS INT64_C(31536000000000000) /* a year */

/* `name` is a file when it has a slash or ends in .json, else leakdrill-baselines/<name>.json. LD_EUSAGE: too long, or
 * no plain name. */
int ld_baseline_path(const char *name, char *ret_path, size_t room, struct ld_error *error);
/* All or nothing, by a file beside it. LD_EIO, LD_ENOMEM, LD_ELIMIT. */
int ld_baseline_write(const struct ld_baseline *baseline, const char *path, struct ld_error *error);
/* What stands in such a file; `path` is for messages. LD_ESPEC, LD_ENOMEM. */
int ld_baseline_parse(struct ld_baseline *ret_baseline, const char *bytes, size_t length, const char *path,
                      struct ld_error *error);
/* LD_EUSAGE: no such file; LD_ESPEC: it is no baseline, with what is wrong and where. */
int ld_baseline_read(struct ld_baseline *ret_baseline, const char *path, struct ld_error *error);

#endif
