/* How to write for what is behind a descriptor: width, colour, character set. */
#ifndef LD_RUNNER_CLI_STYLE_H
#define LD_RUNNER_CLI_STYLE_H

#include <stdbool.h>

#include "reports/report.h"

struct ld_text_style ld_style_of(int fd, bool colour);
struct ld_text_style ld_style_of_file(void);

#endif
