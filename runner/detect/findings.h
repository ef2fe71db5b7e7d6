/* What static tools write, read into findings: JSON of `go vet -json` and `staticcheck -f json`, or lines of text. */
#ifndef LD_RUNNER_DETECT_FINDINGS_H
#define LD_RUNNER_DETECT_FINDINGS_H

#include <stddef.h>

#include "base/arena.h"

#define LD_FINDINGS_MAX 10000u /* further ones are counted and passed over */

struct ld_finding {
    const char *file;    /* as the tool writes it */
    unsigned line, column;
    const char *code;    /* the check: "lostcancel", "SA2002"; "" when not said */
    const char *message;
};

struct ld_findings {
    size_t count, room;
    size_t passed_over; /* beyond LD_FINDINGS_MAX */
    struct ld_finding *items;
};

/* All append, and take their texts from the arena. LD_ENOMEM; LD_ESYNTAX: it is not what such a tool writes; then
 * *ret_reason says what it is. Any bytes. */

/* Objects {package: {check: [{posn, message}]}}, one after the other; lines that begin with # are passed over. A check
 * may hold {error: text} in place of its list: that is LD_ESYNTAX, too. */
int ld_findings_of_vet(struct ld_findings *findings, const char *text, size_t length, struct ld_arena *arena,
                       const char **ret_reason);
/* One object a line: {code, location: {file, line, column}, message}. The code "compile" is LD_ESYNTAX. */
int ld_findings_of_staticcheck(struct ld_findings *findings, const char *text, size_t length, struct ld_arena *arena,
                               const char **ret_reason);
/* Lines "file.go:12:3: message (check)", of which the column and the check may be missing; others are passed over. */
int ld_findings_of_lines(struct ld_findings *findings, const char *text, size_t length, struct ld_arena *arena);

#endif
