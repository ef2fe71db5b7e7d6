#include "terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void next_row(struct terminal *terminal)
{
    terminal->row++;
    terminal->column = 0;
    assert_true(terminal->row < TERMINAL_ROWS_MAX);
    if (terminal->row >= terminal->rows)
        terminal->rows = terminal->row + 1;
}

static void put(struct terminal *terminal, char byte)
{
    if (terminal->column == terminal->columns) {
        terminal->wraps++;
        next_row(terminal);
    }
    terminal->screen[terminal->row][terminal->column++] = byte;
}

/* What stands behind ESC [: a number and a letter. Returns what follows it. */
static const char *control(struct terminal *terminal, const char *cursor)
{
    char *end;
    long number = strtol(cursor, &end, 10);
    while (*end == ';')
        strtol(end + 1, &end, 10);
    if (*end == 'A') {
        assert_true(number > 0 && (size_t)number <= terminal->row);
        terminal->row -= (size_t)number;
    } else if (*end == 'K' && number == 2) {
        memset(terminal->screen[terminal->row], 0, TERMINAL_COLUMNS_MAX);
        terminal->erasures++;
    } else if (*end == 'm') {
        terminal->colours++;
    } else {
        fail_msg("unknown control sequence ESC [%.8s", cursor);
    }
    return end + 1;
}

void terminal_show(struct terminal *terminal, size_t columns, const char *bytes)
{
    assert_true(columns < TERMINAL_COLUMNS_MAX);
    memset(terminal, 0, sizeof *terminal);
    terminal->columns = columns;
    terminal->rows = 1;
    for (const char *cursor = bytes; *cursor;) {
        unsigned char byte = (unsigned char)*cursor++;
        if (byte == '\033' && *cursor == '[')
            cursor = control(terminal, cursor + 1);
        else if (byte == '\n')
            next_row(terminal);
        else if (byte == '\r')
            terminal->column = 0;
        else if (byte < 0x80)
            put(terminal, (char)byte);
        else if (byte >= 0xc0)
            put(terminal, '#'); /* the first byte of a character; the others take no place */
    }
}

const char *terminal_find(const struct terminal *terminal, const char *text)
{
    for (size_t row = 0; row < terminal->rows; row++)
        if (strstr(terminal->screen[row], text))
            return terminal->screen[row];
    return NULL;
}
