/* Text for people broken at spaces to the width of what it is written to. */
#ifndef LD_RUNNER_CLI_WRAP_H
#define LD_RUNNER_CLI_WRAP_H

#include <stdio.h>

#include "base/buffer.h"

/* Each line of `text` that is longer than `width` columns is broken; the rest of a "name   explanation" line continues
 * below the explanation, that of another below its beginning. Words longer than the width are left whole. 0, LD_ENOMEM,
 * LD_ELIMIT. */
int ld_wrap(const char *text, unsigned width, struct ld_buffer *out);
/* Write `text` wrapped to `stream`: to a terminal's width, at most 100 columns; 80 when it is none. */
int ld_put_wrapped(FILE *stream, const struct ld_buffer *text);
/* Write `text` to a terminal wrapped to its width, to anything else line by line as it is: programs read that. As it is
 * when memory runs out, too. */
void ld_put_fitting(FILE *stream, const char *text);

#endif
