/* A terminal as far as leakdrill uses one: it shows what is left on the screen after all that was written. */
#ifndef LD_TEST_PROGRAM_TERMINAL_H
#define LD_TEST_PROGRAM_TERMINAL_H

#include <stddef.h>

#define TERMINAL_ROWS_MAX 2000
#define TERMINAL_COLUMNS_MAX 256

struct terminal {
    size_t columns, row, column, rows;
    size_t wraps;     /* how often a line was longer than the terminal is wide */
    size_t erasures;  /* lines cleared */
    size_t colours;   /* changes of colour */
    char screen[TERMINAL_ROWS_MAX][TERMINAL_COLUMNS_MAX]; /* other characters than ASCII as '#' */
};

/* Show `bytes`; fails the test at a control sequence that it does not know. */
void terminal_show(struct terminal *terminal, size_t columns, const char *bytes);
/* The row that holds `text`, or NULL. */
const char *terminal_find(const struct terminal *terminal, const char *text);

#endif
