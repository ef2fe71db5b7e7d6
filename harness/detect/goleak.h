/* What go.uber.org/goleak says, read back into a profile. */
#ifndef LD_DETECT_GOLEAK_H
#define LD_DETECT_GOLEAK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "pprof/profile.h"

#define LD_GOLEAK_GOROUTINES_MAX 200000

/* Does the body begin as goleak's error does? */
bool ld_goleak_speaks(const void *body, size_t length);
/* The text of goleak.Find's error (goleak 1.1 to 1.3) as a goroutine profile, one sample a goroutine:
 *
 *     found unexpected goroutines:
 *     [Goroutine 7 in state chan receive, with shop.wait on top of the stack:
 *     shop.wait(0xc000012345)
 *         /src/shop.go:41 +0x1f
 *     created by shop.serve in goroutine 1
 *         /src/shop.go:9 +0x20
 *      Goroutine 8 in state select, with …
 *     ]
 *
 * LD_ESYNTAX, LD_ETRUNCATED (the list does not end), LD_ELIMIT, LD_ENOMEM; *ret_profile is then untouched. Free it with
 * ld_profile_done. */
int ld_goleak_parse(struct ld_profile *ret_profile, const void *body, size_t length, struct ld_error *error);

#endif
