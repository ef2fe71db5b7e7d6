/* CSV: a header, then a row an instant. RFC 4180, with what programs make of it: CRLF or LF, a byte order mark, fields
 * in quotes, and a comma, a semicolon or a tab between them, whichever the header has. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "import/internal.h"

struct field {
    unsigned line, column; /* where it begins */
    size_t length;
    char text[LD_IMPORT_FIELD_MAX + 1];
    bool last; /* of its row */
};

struct reader {
    struct ld_import *import;
    struct ld_errors *errors;
    const char *file;
    uint16_t file_index;
    const char *at, *end;
    unsigned line;
    const char *line_start;
    char between;
    /* the header */
    size_t column_count;
    int *roles;
    struct field field; /* in hand */
};

static unsigned column_of(const struct reader *reader)
{
    return (unsigned)(reader->at - reader->line_start) + 1;
}

/* ---- fields */

static int fail_here(const struct reader *reader, const char *what)
{
    return ld_import_fail(reader->errors, LD_ESYNTAX, reader->file, reader->field.line, reader->field.column, "%s",
                          what);
}

static bool add_byte(struct field *field, char c)
{
    if (field->length == LD_IMPORT_FIELD_MAX || !c)
        return false;
    field->text[field->length++] = c;
    return true;
}

static int read_quoted(struct reader *reader)
{
    for (reader->at++; reader->at < reader->end; reader->at++) {
        if (*reader->at == '"' && (++reader->at == reader->end || *reader->at != '"'))
            return 0;
        if (*reader->at == '\n') {
            reader->line++;
            reader->line_start = reader->at + 1;
        }
        if (!add_byte(&reader->field, *reader->at))
            return fail_here(reader, "a field that is too long or holds a NUL");
    }
    return fail_here(reader, "a quote that is never closed");
}

static bool at_line_end(const struct reader *reader)
{
    return reader->at == reader->end || *reader->at == '\n' ||
           (*reader->at == '\r' && (reader->at + 1 == reader->end || reader->at[1] == '\n'));
}

static void skip_line_end(struct reader *reader)
{
    while (reader->at < reader->end && *reader->at != '\n')
        reader->at++;
    reader->at += reader->at < reader->end;
    reader->line++;
    reader->line_start = reader->at;
}

static int read_field(struct reader *reader)
{
    struct field *field = &reader->field;
    field->line = reader->line;
    field->column = column_of(reader);
    field->length = 0;
    if (reader->at < reader->end && *reader->at == '"') {
        int code = read_quoted(reader);
        if (code)
            return code;
    }
    while (!at_line_end(reader) && *reader->at != reader->between) {
        if (!add_byte(field, *reader->at))
            return fail_here(reader, "a field that is too long or holds a NUL");
        reader->at++;
    }
    field->text[field->length] = '\0';
    field->last = at_line_end(reader);
    if (field->last)
        skip_line_end(reader);
    else
        reader->at++;
    return 0;
}

/* ---- the header */

static char find_between(const struct reader *reader)
{
    bool quoted = false;
    for (const char *at = reader->at; at < reader->end && (quoted || *at != '\n'); at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (!quoted && (*at == ',' || *at == ';' || *at == '\t'))
            return *at;
    }
    return ',';
}

static int check_role(struct reader *reader, int role)
{
    const struct field *field = &reader->field;
    for (size_t i = 0; i < reader->column_count; i++)
        if (reader->roles[i] == role && role != LD_IMPORT_NOTHING)
            return ld_import_fail(reader->errors, LD_ESPEC, reader->file, field->line, field->column,
                                  "\"%.100s\" is the same as column %zu", field->text, i + 1);
    return 0;
}

static int read_column(struct reader *reader)
{
    const struct field *field = &reader->field;
    int role = ld_import_role_of(reader->import, field->text);
    if (role < 0 && (strcasecmp(field->text, "time") == 0 || strcasecmp(field->text, "timestamp") == 0 ||
                     strcasecmp(field->text, "ts") == 0))
        role = LD_IMPORT_TIME;
    if (role < 0 && reader->import->setting.ignore_others) {
        ld_import_leave_out(reader->import, field->text);
        role = LD_IMPORT_NOTHING;
    }
    if (role >= 0) {
        int code = check_role(reader, role);
        reader->roles[reader->column_count++] = role;
        return code;
    }
    reader->roles[reader->column_count++] = LD_IMPORT_NOTHING;
    const char *nearest = field->length ? ld_nearest(field->text, ld_import_role_names()) : NULL;
    return ld_import_fail(reader->errors, LD_ESPEC, reader->file, field->line, field->column,
                          "\"%.100s\" is no metric%s%s%s; --columns \"%.100s=METRIC\" says what it is (-: nothing), "
                          "--ignore-others leaves out all such",
                          field->text, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "",
                          field->text);
}

static bool has_role(const struct reader *reader, int role)
{
    for (size_t i = 0; i < reader->column_count; i++)
        if (reader->roles[i] == role)
            return true;
    return false;
}

static int read_header(struct reader *reader)
{
    int code = 0;
    reader->between = find_between(reader);
    do {
        if (reader->column_count == LD_IMPORT_COLUMNS_MAX)
            return fail_here(reader, "more columns than an import takes");
        int failed = read_field(reader);
        if (failed)
            return failed;
        failed = read_column(reader);
        code = code ? code : failed;
    } while (!reader->field.last);
    if (!code && !has_role(reader, LD_IMPORT_TIME))
        code = ld_import_fail(reader->errors, LD_ESPEC, reader->file, 1, 1,
                              "the header has no column \"time\"; --columns NAME=time says which it is");
    bool any = false;
    for (size_t i = 0; i < reader->column_count; i++)
        any = any || reader->roles[i] < LD_METRIC_COUNT;
    if (!code && !any)
        code = ld_import_fail(reader->errors, LD_ESPEC, reader->file, 1, 1, "no column is a metric");
    return code;
}

/* ---- rows */

struct row {
    int64_t wall_ns;
    uint32_t instance;
    size_t count;
    struct ld_import_number numbers[LD_METRIC_COUNT + 1]; /* a role stands in one column only */
};

static int read_value(struct reader *reader, struct row *row, int role)
{
    const struct field *field = &reader->field;
    double value;
    bool finite;
    if (!field->length)
        return 0;
    if (!ld_import_value(field->text, &value, &finite))
        return ld_import_fail(reader->errors, LD_ESYNTAX, reader->file, field->line, field->column,
                              "\"%.100s\" is no number", field->text);
    if (finite)
        row->numbers[row->count++] = (struct ld_import_number){.value = value,
                                                               .role = (uint16_t)role,
                                                               .file = reader->file_index,
                                                               .line = field->line,
                                                               .column = field->column};
    else
        ld_import_left_value(reader->import, reader->file_index, field->line);
    return 0;
}

static int read_cell(struct reader *reader, struct row *row, int role)
{
    const struct field *field = &reader->field;
    if (role == LD_IMPORT_NOTHING)
        return 0;
    if (role == LD_IMPORT_TIME)
        return ld_import_time_parse(field->text, &row->wall_ns) == 0
                   ? 0
                   : ld_import_fail(reader->errors, LD_ESYNTAX, reader->file, field->line, field->column,
                                    "\"%.100s\" is no time: RFC 3339, or Unix seconds or milliseconds", field->text);
    if (role == LD_IMPORT_INSTANCE) {
        int code = ld_import_instance(reader->import, field->text, field->length, &row->instance);
        return code ? ld_import_fail(reader->errors, code, reader->file, field->line, field->column, "%s",
                                     ld_import_why_instance(code))
                    : 0;
    }
    return read_value(reader, row, role);
}

static int add_row(struct reader *reader, struct row *row)
{
    int code = 0;
    if (!has_role(reader, LD_IMPORT_INSTANCE))
        code = ld_import_instance(reader->import, "", 0, &row->instance);
    for (size_t i = 0; i < row->count && !code; i++) {
        row->numbers[i].wall_ns = row->wall_ns;
        row->numbers[i].instance = row->instance;
        code = ld_import_add_number(reader->import, &row->numbers[i]);
    }
    return code ? ld_import_fail(reader->errors, code, reader->file, reader->field.line, 1, "%s", ld_import_why(code))
                : 0;
}

/* *ret_fatal: what follows cannot be read. */
static int read_row(struct reader *reader, bool *ret_fatal)
{
    struct row row = {0};
    size_t column = 0;
    int code = 0;
    do {
        int failed = read_field(reader);
        if (failed) {
            *ret_fatal = true;
            return failed;
        }
        if (column < reader->column_count) {
            failed = read_cell(reader, &row, reader->roles[column]);
            code = code ? code : failed;
        }
        column++;
    } while (!reader->field.last);
    if (column != reader->column_count)
        return ld_import_fail(reader->errors, LD_ESYNTAX, reader->file, reader->field.line, 1,
                              "the row has %zu field%s, the header %zu", column, column == 1 ? "" : "s",
                              reader->column_count);
    if (code)
        return code;
    code = add_row(reader, &row);
    *ret_fatal = code != 0;
    return code;
}

static int read_rows(struct reader *reader)
{
    int code = 0;
    bool fatal = false;
    while (reader->at < reader->end && !fatal) {
        if (at_line_end(reader)) {
            skip_line_end(reader);
            continue;
        }
        int failed = read_row(reader, &fatal);
        code = code ? code : failed;
        fatal = fatal || reader->errors->dropped > 0;
    }
    return code;
}

int ld_import_csv(struct ld_import *import, const struct ld_import_file *file, struct ld_errors *errors)
{
    const char *bytes = file->bytes;
    size_t mark = file->length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    struct reader *reader = calloc(1, sizeof *reader);
    int *roles = calloc(LD_IMPORT_COLUMNS_MAX, sizeof *roles);
    int code = reader && roles ? 0 : LD_ENOMEM;
    uint16_t index = 0;
    if (!code)
        code = ld_import_add_file(import, file->file, &index);
    if (code) {
        ld_import_fail(errors, code, file->file, 0, 0, "%s", ld_import_why(code));
    } else {
        *reader = (struct reader){.import = import,
                                  .errors = errors,
                                  .file = file->file,
                                  .file_index = index,
                                  .at = bytes + mark,
                                  .end = bytes + file->length,
                                  .line = 1,
                                  .line_start = bytes + mark,
                                  .roles = roles};
        code = read_header(reader);
        if (!code)
            code = read_rows(reader);
    }
    free(roles);
    free(reader);
    return code;
}
