/* gzip, bounded. Of harness/pprof and those that hand a profile on. */
#ifndef LD_PPROF_INFLATE_H
#define LD_PPROF_INFLATE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

/* Inflate the one gzip member that is the whole of [bytes, bytes + length) into `ret_plain`, which the caller has
 * initialised with its maximum. LD_ETRUNCATED, LD_ESYNTAX (damage, or bytes behind the member), LD_ELIMIT (more than
 * the buffer's maximum), LD_ENOMEM. */
int ld_inflate(struct ld_buffer *ret_plain, const void *bytes, size_t length, struct ld_error *error);

/* Do the bytes begin as gzip does? */
bool ld_is_gzip(const void *bytes, size_t length);
/* Append the bytes as one gzip member: of level 1 as Go's own, without a time, so that the same bytes become the same.
 * LD_ENOMEM, LD_ELIMIT (the buffer's maximum, or more than fits zlib's count), LD_ESYSTEM. */
int ld_deflate(struct ld_buffer *out, const void *bytes, size_t length);

#endif
