/* The rule language's own documentation, out of the tables that check it. */
#include "base/buffer.h"
#include "matrix/rules.h"

static const char language[] =
    "\nHow rows are judged\n"
    "  A row of scope site is judged for every site in each of its waits, at each goroutine profile; a row of metrics\n"
    "  alone at each metrics read, one that looks at a sanitizer when a report has a frame; that one stays until the\n"
    "  incarnation ends. It opens an alert when all its cells hold, one for a row and site at a time, and\n"
    "  closes it when they have not held for one sampling period. A cell whose series does not cover its window does\n"
    "  not hold. A new incarnation starts with nothing remembered. While a read that a row needs fails, the matrix is\n"
    "  unknown and its alerts stay as they are.\n"
    "\nIdentity\n"
    "  v<version>-<first 6 hex digits of the SHA-256 of the canonical form>. Comments, the order of keys, rows and\n"
    "  cells, and the spelling of quantities do not change it; every text does.\n";

static int explain_column(const struct ld_column *column, struct ld_buffer *out)
{
    const char *window = ld_column_needs_window(column)      ? ", over a window"
                         : ld_column_may_have_window(column) ? ", a window is allowed"
                                                             : "";
    int code = ld_buffer_printf(out, "  %-24s %s\n", column->name, column->doc);
    if (code)
        return code;
    if (column->not_yet)
        return ld_buffer_printf(out, "  %-24s not implemented yet\n", "");
    return ld_buffer_printf(out, "  %-24s %s; %s%s\n", "",
                            column->level == LD_LEVEL_SITE ? "of a site" : "of the instance",
                            ld_column_unit_text(column->unit), window);
}

static int explain_waits(struct ld_buffer *out)
{
    int code = ld_buffer_add_text(out, "\nWaits\n ");
    for (int i = 0; !code && i < LD_WAIT_COUNT; i++)
        code = ld_buffer_printf(out, " %s", ld_wait_name((enum ld_wait)i));
    return code ? code : ld_buffer_add_text(out, "\n");
}

int ld_matrix_explain(struct ld_buffer *out)
{
    int code = ld_schema_explain(&ld_matrix_schema, 4, out);
    if (!code)
        code = ld_buffer_add_text(out, "\nColumns\n");
    const struct ld_column *column;
    for (unsigned i = 0; !code && (column = ld_column_at(i)) != NULL; i++)
        code = explain_column(column, out);
    if (!code)
        code = explain_waits(out);
    return code ? code : ld_buffer_add_text(out, language);
}
