/* What AddressSanitizer writes on stderr, line by line (pprof/sanitizer.h). Private to the room. */
#ifndef LD_MATRIX_REPORT_H
#define LD_MATRIX_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#define LD_REPORT_TEXT_MAX 200      /* bytes of a report's first line that are kept to be quoted */
#define LD_REPORT_WHAT_MAX 64
#define LD_REPORT_FUNCTION_MAX 256  /* a longer name is cut */

/* The last report; all zero: none yet. */
struct ld_sanitizer_report {
    uint32_t count;                 /* reports so far */
    uint32_t frames;                /* of the last report's first stack */
    bool in_stack;                  /* the first stack may go on */
    char text[LD_REPORT_TEXT_MAX];  /* "AddressSanitizer: heap-use-after-free on address …" */
    char what[LD_REPORT_WHAT_MAX];  /* "heap-use-after-free" */
    char function[LD_REPORT_FUNCTION_MAX];  /* of the innermost frame that is the program's, as sites are written */
    char machinery[LD_REPORT_FUNCTION_MAX]; /* of the innermost one that has a name and is not */
};

/* True when the line gave the report in hand its function, or ended a stack that has no other: it says now what and
 * where. */
bool ld_sanitizer_line(struct ld_sanitizer_report *report, const char *line);

#endif
