/* A text as a YAML scalar between double quotes, on one line whatever is in it: the same text is read again. */
#ifndef LD_YAML_QUOTE_H
#define LD_YAML_QUOTE_H

#include "base/buffer.h"

/* `text` is UTF-8, as what was read from YAML is. Added to `out`. LD_ELIMIT, LD_ENOMEM. */
int ld_yaml_quote(const char *text, struct ld_buffer *out);

#endif
