/* An import of texts, and what it delivers as lines: "0.000 i0/1 metrics go_sched_goroutines_count=50". */
#ifndef TESTS_IMPORT_RIG_H
#define TESTS_IMPORT_RIG_H

#include "base/buffer.h"
#include "import/import.h"
#include "pprof/support.h"

struct rig {
    struct ld_import *import;
    struct ld_errors errors;
    struct ld_buffer lines;
    struct ld_import_summary summary;
};

void rig_open(struct rig *rig, const struct ld_import_setting *setting);
void rig_close(struct rig *rig);
/* By what its bytes are. */
int rig_add(struct rig *rig, const char *place, const char *name, const void *bytes, size_t length);
int rig_text(struct rig *rig, const char *name, const char *text);
/* Finish and deliver; the import must be good. */
void rig_deliver(struct rig *rig);
/* The errors, one a line, are exactly these. */
void rig_assert_errors(struct rig *rig, const char *expected);
void rig_assert_lines(const struct rig *rig, const char *expected);

#endif
