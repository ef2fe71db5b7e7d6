/* Writing text into columns, shared by the renderers of this room. Foreign text (names, reasons) is made harmless
 * here: control characters and broken UTF-8 become "?", and without UTF-8 so does everything beyond ASCII. */
#ifndef LD_REPORTS_STYLE_H
#define LD_REPORTS_STYLE_H

#include <jansson.h>

#include "reports/report.h"

#define STYLE_WIDTH_MIN 60
#define STYLE_WIDTH_MAX 400

enum style_colour { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW };

/* Collects the first failure, so that callers check once at the end. */
struct styled {
    struct ld_text_style style;
    struct ld_buffer *out;
    int code;
};

void styled_begin(struct styled *styled, const struct ld_text_style *style, struct ld_buffer *out);
void styled_text(struct styled *styled, const char *text); /* ours, as it is */
void styled_printf(struct styled *styled, const char *format, ...) __attribute__((format(printf, 2, 3)));
void styled_repeat(struct styled *styled, const char *text, unsigned count);
/* Foreign text cut to `width` columns with an ellipsis, and padded to it when `pad`. Negative width: right-aligned. */
void styled_cell(struct styled *styled, const char *text, int width, bool pad);
/* Foreign text broken at its newlines, and at spaces into lines of the terminal's width, each `indent` columns in;
 * `used_before` columns of the first line are taken already (0: it is a line like the others). Empty lines are left
 * out. */
void styled_wrapped(struct styled *styled, unsigned used_before, unsigned indent, const char *text);
void styled_colour(struct styled *styled, enum style_colour colour); /* STYLE_PLAIN ends it; nothing without colour */
/* A line across the terminal. */
void styled_rule(struct styled *styled);

/* The object, which is taken, as JSON for people and programs; NULL: memory ran out while it was made. */
int style_json(json_t *object, struct ld_buffer *out);

/* Foreign text: what is no UTF-8 becomes "?". `text` NULL is "". NULL: memory ran out. */
json_t *style_json_text(const char *text);

/* The length of the UTF-8 sequence at `text`, 0 when it is broken. */
size_t style_sequence(const char *text);
/* May the sequence of `length` at `text` not be shown? It is broken (0), a control character, of those beyond ASCII,
 * too, or turns the direction of what follows. */
bool style_is_nonsense(const char *text, size_t length);

#endif
