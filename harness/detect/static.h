/* A tool that reads the program's source instead of watching it run: how a scenario declares it, and which of its
 * findings are claims. The runner (runner/detect/static_source.h) gives it the source of one variant, without comments,
 * and has it run once for all runs of that variant. */
#ifndef LD_DETECT_STATIC_H
#define LD_DETECT_STATIC_H

#include "detect/detector.h"

enum ld_static_tool {
    LD_STATIC_GO_VET,
    LD_STATIC_STATICCHECK,
    LD_STATIC_BODYCLOSE,
    LD_STATIC_COMMAND,
    LD_STATIC_TOOLS
};
extern const char *const ld_static_tool_names[LD_STATIC_TOOLS + 1]; /* ends with NULL */

struct ld_static_options {
    int tool;               /* enum ld_static_tool */
    struct ld_list checks;  /* const char *; none: those of the tool that are about what is held */
    struct ld_list command; /* const char *: the program and its arguments; for COMMAND alone */
    int64_t wall_ns;        /* of one run of the tool; real time */
};

/* Is a finding of the check `code` a claim that something leaks? */
bool ld_static_claims(const struct ld_static_options *options, const char *code);
/* What the check says leaks; LD_CAUSE_ANY when it does not say. */
enum ld_cause ld_static_cause(const char *code);

#endif
