/* gzip, bounded. Private to harness/pprof. */
#ifndef LD_PPROF_INFLATE_H
#define LD_PPROF_INFLATE_H

#include "base/buffer.h"
#include "base/error.h"

/* Inflate the one gzip member that is the whole of [bytes, bytes + length) into `ret_plain`, which the caller has
 * initialised with its maximum. LD_ETRUNCATED, LD_ESYNTAX (damage, or bytes behind the member), LD_ELIMIT (more than
 * the buffer's maximum), LD_ENOMEM. */
int ld_inflate(struct ld_buffer *ret_plain, const void *bytes, size_t length, struct ld_error *error);

#endif
