/* A detector that is a program, put through its paces without a scenario: recorded runs are played to it, and each
 * thing that the protocol asks of it is a row that holds or does not. */
#ifndef LD_RUNNER_DETECT_CHECK_H
#define LD_RUNNER_DETECT_CHECK_H

#include "runner/detect/exec.h"

struct ld_check_setting {
    uv_loop_t *loop;
    const struct ld_guard *guard;
    const char *work_folder;
    const char *recordings; /* the folder with leaky/, healthy/ and draining/ */
    const struct ld_exec_options *options;
};

#define LD_CHECK_CLAIMS_MAX 5 /* claims of a run that are shown */
#define LD_CHECK_CLAIMS_BYTES 2048
struct ld_check_row {
    const char *what; /* "it says the same when it is told the same" */
    bool holds;
    bool remark;     /* only told; does not count */
    char found[480]; /* what was seen, "" when there is nothing to say */
    char line[240];  /* the offending line, "" when there is none */
    char claims[LD_CHECK_CLAIMS_BYTES]; /* what was claimed, a line each; "" without claims */
};

#define LD_CHECK_ROWS_MAX 16
struct ld_check_result {
    size_t row_count;
    struct ld_check_row rows[LD_CHECK_ROWS_MAX];
    size_t failed;     /* rows that do not hold */
    char errors[1024]; /* the last it wrote on standard error in the last run in which it wrote there */
};

/* The hello of a check. */
struct ld_hello ld_check_hello(const struct ld_exec_options *options);
/* LD_EIO, LD_ESYNTAX: the recordings; LD_ENOMEM. */
int ld_check_run(struct ld_check_result *ret_result, const struct ld_check_setting *setting, struct ld_error *error);

#endif
