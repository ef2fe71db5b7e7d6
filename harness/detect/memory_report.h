/* A report of AddressSanitizer or LeakSanitizer, read line by line as a program writes it to its standard error.
 *
 *   ==4242==ERROR: AddressSanitizer: heap-use-after-free on address 0x… at pc 0x… bp 0x… sp 0x…
 *   READ of size 1 at 0x… thread T3
 *       #0 0xc35324 in shop/cases/plates.(*Engraver).proofread shop/cases/plates/plates.go:85
 *
 *   ==4242==ERROR: LeakSanitizer: detected memory leaks
 *
 *   Direct leak of 640 byte(s) in 10 object(s) allocated from:
 *       #0 0x7f… in __interceptor_malloc ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69
 *       #1 0xcfd9ea in set /_/shop/glyph/glyph.go:13
 *       #2 0xcfd9ea in _cgo_624abf7d3f6a_Cfunc_set /tmp/go-build/cgo-gcc-prolog:68
 *
 *   SUMMARY: AddressSanitizer: 640 byte(s) leaked in 10 allocation(s).
 *
 * Its lines are taken apart by pprof/sanitizer.h. Of an error the first stack counts: what did it. Of leaks the direct
 * ones: indirect ones hang on them. A site is the first frame that is neither the sanitizer's nor the C library's nor
 * the Go runtime's. */
#ifndef LD_DETECT_MEMORY_REPORT_H
#define LD_DETECT_MEMORY_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "truth/cause.h"

#define LD_SANITIZER_WHAT_MAX 80
#define LD_SANITIZER_SITE_MAX 512 /* bytes of a site; longer ones are cut */

enum ld_sanitizer { LD_SANITIZER_ADDRESS, LD_SANITIZER_LEAK, LD_SANITIZERS };

/* One finding: an error, or the direct leak of one stack. */
struct ld_memory_finding {
    enum ld_sanitizer by;
    enum ld_cause cause;
    char what[LD_SANITIZER_WHAT_MAX]; /* "heap-use-after-free"; "leak" */
    char site[LD_SANITIZER_SITE_MAX]; /* "" when no frame says */
    char place[LD_SANITIZER_SITE_MAX]; /* "shop/cases/plates/plates.go:85", as printed; "" when not */
    uint64_t bytes, objects;          /* of a leak; else 0 */
};

/* Where in a report the last line left it. Zeroed: outside. */
struct ld_memory_report {
    enum { LD_REPORT_OUTSIDE, LD_REPORT_HEAD, LD_REPORT_STACK, LD_REPORT_PASSED } at;
    struct ld_memory_finding finding; /* of the stack in hand */
};

enum ld_sanitizer_says {
    LD_SANITIZER_NOTHING, /* the line says nothing yet, or does not belong to a report */
    LD_SANITIZER_FOUND,   /* the finding in report->finding is complete */
    LD_SANITIZER_FAILED   /* LeakSanitizer could not look */
};
/* The next line, without its newline; any bytes. */
enum ld_sanitizer_says ld_memory_report_line(struct ld_memory_report *report, const char *line);
/* Is a finding begun that no line has completed? A report that ends here was cut short. */
bool ld_memory_report_unfinished(const struct ld_memory_report *report);

#endif
