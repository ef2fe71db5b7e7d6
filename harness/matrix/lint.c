/* What a rule file must keep to beyond its grammar: rules know Go and libraries, never a program; a single number
 * never decides; explanations quote only what the row looked at. */
#include <stdlib.h>
#include <string.h>

#include "matrix/function.h"
#include "matrix/rules.h"

static void keep_first(int *first, int code)
{
    if (!*first)
        *first = code;
}

static bool is_semver(const char *text)
{
    int parts = 0;
    while (parts < 3) {
        size_t digits = strspn(text, "0123456789");
        if (!digits || digits > 6 || (digits > 1 && text[0] == '0'))
            return false;
        parts++;
        text += digits;
        if (parts < 3 && *text++ != '.')
            return false;
    }
    return *text == '\0';
}

static int check_libraries(struct ld_schema_context *context, const struct ld_matrix *matrix)
{
    const struct ld_node *list = ld_node_get(matrix->document.root, "libraries");
    int first = 0;
    for (size_t i = 0; i < matrix->libraries.count; i++) {
        const char *library = ld_matrix_libraries(matrix)[i];
        const struct ld_node *place = list && list->kind == LD_NODE_SEQUENCE && i < list->count ? list->items[i] : list;
        size_t element = strcspn(library, "/");
        const char *dot = memchr(library, '.', element);
        if (!dot || dot == library || dot == library + element - 1)
            keep_first(&first,
                       ld_schema_error(context, place, LD_ESPEC,
                                       "%.100s is no public module path: its first element wants a domain, such "
                                       "as google.golang.org/grpc",
                                       library));
    }
    return first;
}

static int check_function(struct ld_schema_context *context, const struct ld_matrix *matrix,
                          const struct ld_node *place, const char *function)
{
    if (ld_function_kind_of(function, ld_matrix_libraries(matrix), matrix->libraries.count) != LD_FUNCTION_USER)
        return 0;
    return ld_schema_error(context, place, LD_ESPEC,
                           "%.200s is neither Go's nor of a module under libraries: rules may not know a program",
                           function);
}

static int check_functions(struct ld_schema_context *context, const struct ld_matrix *matrix,
                           const struct ld_cell *cell)
{
    int first = 0;
    for (size_t i = 0; cell->column->fact == LD_FACT_NAME && i < cell->name_count; i++)
        keep_first(&first, check_function(context, matrix, cell->is ? cell->is : cell->is_not, cell->names[i]));
    if (cell->at)
        keep_first(&first, check_function(context, matrix, ld_node_get(cell->node, "at"), cell->at));
    return first;
}

/* Two cells are different numbers when they look at different columns or sites. */
static bool same_number(const struct ld_cell *a, const struct ld_cell *b)
{
    bool same_site = (!a->at && !b->at) || (a->at && b->at && strcmp(a->at, b->at) == 0 && a->at_wait == b->at_wait);
    return same_site && a->column->fact == b->column->fact && strcmp(a->column->name, b->column->name) == 0;
}

static int check_numbers(struct ld_schema_context *context, const struct ld_row *row)
{
    const struct ld_cell *number = NULL;
    for (size_t i = 0; i < row->when.count; i++) {
        const struct ld_cell *cell = ld_row_cell(row, i);
        if (cell->column->unit == LD_COLUMN_NAME)
            continue;
        if (number && !same_number(number, cell))
            return 0;
        number = cell;
    }
    return ld_schema_error(context, row->node, LD_ESPEC,
                           "the row rests on %s: a single number never decides, fuse at least two columns",
                           number ? number->column->name : "no number");
}

static int check_scope(struct ld_schema_context *context, const struct ld_row *row)
{
    int first = 0;
    for (size_t i = 0; row->scope == LD_LEVEL_INSTANCE && i < row->when.count; i++) {
        const struct ld_cell *cell = ld_row_cell(row, i);
        if (cell->column->level == LD_LEVEL_SITE && !cell->at)
            keep_first(&first, ld_schema_error(context, cell->node, LD_ESPEC,
                                               "%s needs a site: give at and waiting, or the row's scope is site",
                                               cell->column->name));
    }
    return first;
}

static bool names_cell(const struct ld_cell *cell, const char *name, size_t length)
{
    const char *own = cell->as ? cell->as : cell->at ? NULL : cell->column->name;
    return own && strlen(own) == length && memcmp(own, name, length) == 0;
}

const struct ld_cell *ld_row_placeholder(const struct ld_row *row, const char *name, size_t length)
{
    for (size_t i = 0; i < row->when.count; i++)
        if (names_cell(ld_row_cell(row, i), name, length))
            return ld_row_cell(row, i);
    return NULL;
}

static bool is_word(const char *name, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(name, word, length) == 0;
}

static bool known_placeholder(const struct ld_row *row, const char *name, size_t length)
{
    if (is_word(name, length, "since") || ld_row_placeholder(row, name, length))
        return true;
    return row->scope == LD_LEVEL_SITE && (is_word(name, length, "site") || is_word(name, length, "wait"));
}

static int check_template(struct ld_schema_context *context, const struct ld_row *row)
{
    const struct ld_node *place = ld_node_get(row->node, "explain");
    for (const char *at = row->explain; (at = strchr(at, '{')) != NULL;) {
        if (at[1] == '{') {
            at += 2;
            continue;
        }
        size_t length = strcspn(at + 1, "}");
        if (at[1 + length] != '}')
            return ld_schema_error(context, place, LD_ESPEC, "a brace is not closed; write {{ for a brace");
        if (!known_placeholder(row, at + 1, length))
            return ld_schema_error(context, place, LD_ESPEC,
                                   "{%.*s} is no cell of this row: an explanation quotes what the row looks at",
                                   (int)(length < 80 ? length : 80), at + 1);
        at += length + 1;
    }
    return 0;
}

static int check_unique(struct ld_schema_context *context, const struct ld_matrix *matrix, size_t index)
{
    const struct ld_row *row = ld_matrix_row(matrix, index);
    for (size_t i = 0; i < index; i++)
        if (strcmp(ld_matrix_row(matrix, i)->id, row->id) == 0)
            return ld_schema_error(context, ld_node_get(row->node, "id"), LD_ESPEC, "another row is called %s too",
                                   row->id);
    return 0;
}

static int check_row(struct ld_schema_context *context, const struct ld_matrix *matrix, size_t index)
{
    const struct ld_row *row = ld_matrix_row(matrix, index);
    int first = check_unique(context, matrix, index);
    for (size_t i = 0; i < row->when.count; i++)
        keep_first(&first, check_functions(context, matrix, ld_row_cell(row, i)));
    keep_first(&first, check_numbers(context, row));
    keep_first(&first, check_scope(context, row));
    keep_first(&first, check_template(context, row));
    return first;
}

int ld_matrix_lint(struct ld_schema_context *context, struct ld_matrix *matrix)
{
    int first = 0;
    if (!is_semver(matrix->semver))
        first = ld_schema_error(context, ld_node_get(matrix->document.root, "version"), LD_ESPEC,
                                "%.60s is no semantic version such as 1.2.0", matrix->semver);
    keep_first(&first, check_libraries(context, matrix));
    size_t rows = ld_schema_push(context, "rows");
    for (size_t i = 0; i < matrix->rows.count; i++) {
        size_t row = ld_schema_push_index(context, i);
        keep_first(&first, check_row(context, matrix, i));
        ld_schema_pop(context, row);
    }
    ld_schema_pop(context, rows);
    return first;
}
