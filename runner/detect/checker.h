/* A program that checks a file and ends: promtool, amtool. Given the very bytes that will be used, not the file, which
 * somebody may edit meanwhile. Blocking, for at most LD_CHECKER_TIME_NS: before anything runs. */
#ifndef LD_RUNNER_DETECT_CHECKER_H
#define LD_RUNNER_DETECT_CHECKER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"

#define LD_CHECKER_TIME_NS (20 * LD_SECOND)
#define LD_CHECKER_INPUT "/dev/stdin"         /* the file, among its arguments and in what it says */
#define LD_CHECKER_TEXT_MAX ((size_t)64 << 10) /* of what it says; the rest is left out */

/* Run `program` with `arguments` (the first is its name; they end with NULL), the bytes as its standard input. What it
 * says on both streams is added to `said`. *ret_good: it ended with 0. LD_ESYSTEM, LD_ETIMEOUT. */
int ld_checker_run(const char *program, const char *const *arguments, const void *bytes, size_t length,
                   struct ld_buffer *said, bool *ret_good, struct ld_error *error);

#endif
