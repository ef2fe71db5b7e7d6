/* The lines of a report of AddressSanitizer or LeakSanitizer, one at a time: the first one, and the frames of a stack.
 *
 *   ==4242==ERROR: AddressSanitizer: heap-use-after-free on address 0x… at pc 0x… bp 0x… sp 0x…
 *       #0 0xc35324 in shop/cases/plates.(*Engraver).proofread shop/cases/plates/plates.go:85
 *       #1 0xcfd9ea in _cgo_624abf7d3f6a_Cfunc_set /tmp/go-build/cgo-gcc-prolog:68
 *       #2 0x7f… in __interceptor_malloc ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69
 *
 * (compiler-rt/lib/asan/asan_report.cpp, lsan_common.cpp and sanitizer_stacktrace_printer.cpp say what is printed.) */
#ifndef LD_PPROF_SANITIZER_H
#define LD_PPROF_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "pprof/scan.h"

/* What stands behind "==4242==", the process that speaks; NULL: the line does not begin so. */
const char *ld_sanitizer_says(const char *line);
/* The same, behind "ERROR: AddressSanitizer: ". */
const char *ld_sanitizer_error(const char *line);

struct ld_sanitizer_frame {
    struct ld_span function; /* into the line; empty when it names a module at most */
    struct ld_span place;    /* "shop/flow/flow.go:81", "(/lib/libf.so+0x12)"; empty when there is none */
};
/* False: the line is no frame. */
bool ld_sanitizer_frame_read(const char *line, struct ld_sanitizer_frame *ret_frame);
/* Of the sanitizer, the C library, cgo or the Go runtime, or without a name: nobody's site. */
bool ld_sanitizer_frame_is_machinery(const struct ld_sanitizer_frame *frame);
/* Its function as Go's own profiles and sources write it: a C function is C.set, whether the frame is its own or that
 * of cgo's wrapper. Cut at `room` bytes with its end. */
void ld_sanitizer_frame_site(const struct ld_sanitizer_frame *frame, char *ret_site, size_t room);

#endif
