/* Rows read with distrust: the file may have been cut, edited or made by somebody else. */
#include <string.h>

#include "store/internal.h"

static void refuse(struct ld_row *row, int column, const char *why)
{
    if (row->code == 0)
        row->code = ld_store_damaged(row->store, row->error, "%s.%s: %s", row->table,
                                     sqlite3_column_name(row->statement, column), why);
}

/* The next column, which must have the type `type`; -1 when it has not, or something failed before. */
static int next(struct ld_row *row, int type, const char *wanted)
{
    int column = row->column++;
    if (row->code)
        return -1;
    if (sqlite3_column_type(row->statement, column) == type)
        return column;
    refuse(row, column, wanted);
    return -1;
}

static bool skip_null(struct ld_row *row)
{
    if (row->code == 0 && sqlite3_column_type(row->statement, row->column) == SQLITE_NULL) {
        row->column++;
        return true;
    }
    return false;
}

int64_t ld_row_integer(struct ld_row *row, int64_t minimum, int64_t maximum)
{
    int column = next(row, SQLITE_INTEGER, "is not an integer");
    if (column < 0)
        return 0;
    int64_t value = sqlite3_column_int64(row->statement, column);
    if (value >= minimum && value <= maximum)
        return value;
    refuse(row, column, "is out of range");
    return 0;
}

int64_t ld_row_integer_or(struct ld_row *row, int64_t absent)
{
    return skip_null(row) ? absent : ld_row_integer(row, INT64_MIN, INT64_MAX);
}

uint64_t ld_row_unsigned(struct ld_row *row)
{
    return (uint64_t)ld_row_integer(row, INT64_MIN, INT64_MAX);
}

uint32_t ld_row_index(struct ld_row *row)
{
    return (uint32_t)ld_row_integer(row, 0, UINT32_MAX);
}

bool ld_row_bool(struct ld_row *row)
{
    return skip_null(row) ? false : ld_row_integer(row, 0, 1) == 1;
}

const char *ld_row_bytes(struct ld_row *row, size_t *ret_length)
{
    *ret_length = 0;
    int column = row->column++;
    if (row->code)
        return "";
    int type = sqlite3_column_type(row->statement, column);
    if (type != SQLITE_TEXT && type != SQLITE_BLOB) {
        refuse(row, column, "is neither text nor bytes");
        return "";
    }
    const char *bytes = sqlite3_column_blob(row->statement, column);
    size_t length = (size_t)sqlite3_column_bytes(row->statement, column);
    if (!bytes && length) {
        row->code = ld_store_nomem(row->store, row->error);
        return "";
    }
    if (row->arena && row->code == 0) {
        bytes = ld_arena_copy(row->arena, bytes, length);
        if (!bytes) {
            row->code = ld_store_nomem(row->store, row->error);
            return "";
        }
    }
    *ret_length = length;
    return bytes ? bytes : "";
}

const char *ld_row_text(struct ld_row *row)
{
    int column = next(row, SQLITE_TEXT, "is not text");
    if (column < 0)
        return "";
    const char *text = (const char *)sqlite3_column_text(row->statement, column);
    if (text && strlen(text) != (size_t)sqlite3_column_bytes(row->statement, column)) {
        refuse(row, column, "holds a NUL byte");
        return "";
    }
    if (text && row->arena)
        text = ld_arena_text(row->arena, text);
    if (text)
        return text;
    row->code = ld_store_nomem(row->store, row->error);
    return "";
}

const char *ld_row_text_or(struct ld_row *row, const char *absent)
{
    return skip_null(row) ? absent : ld_row_text(row);
}

double ld_row_real(struct ld_row *row)
{
    int column = next(row, SQLITE_FLOAT, "is not a real number");
    return column < 0 ? 0 : sqlite3_column_double(row->statement, column);
}

double ld_row_double(struct ld_row *row)
{
    double value = skip_null(row) ? 0 : ld_row_real(row);
    if (row->code == 0 && sqlite3_column_type(row->statement, row->column) != SQLITE_NULL)
        return ld_store_from_bits(ld_row_integer(row, INT64_MIN, INT64_MAX));
    if (row->code == 0 && sqlite3_column_type(row->statement, row->column - 1) == SQLITE_NULL)
        refuse(row, row->column - 1, "has neither value nor bits");
    row->column++;
    return value;
}

int ld_row_name(struct ld_row *row, int (*find)(const char *name), int absent)
{
    if (absent != -1 && skip_null(row))
        return absent;
    int column = next(row, SQLITE_TEXT, "is not text");
    if (column < 0)
        return 0;
    const char *name = (const char *)sqlite3_column_text(row->statement, column);
    int value = name ? find(name) : -1;
    if (value >= 0)
        return value;
    refuse(row, column, "is a word that this leakdrill does not know");
    return 0;
}

int ld_store_each(struct ld_store *store, struct ld_error *error, const char *sql, int64_t run, const char *table,
                  struct ld_arena *arena, int (*read)(struct ld_row *row, void *context), void *context)
{
    sqlite3_stmt *statement;
    int code = ld_store_query(store, error, sql, &statement, run < 0 ? "" : "i", run);
    if (code)
        return code;
    while ((code = ld_store_step(store, error, statement)) == 1) {
        struct ld_row row = {.store = store, .error = error, .statement = statement, .arena = arena, .table = table};
        code = read(&row, context);
        if (code == 0)
            code = row.code;
        if (code)
            break;
    }
    ld_store_end(statement);
    return code;
}

void *ld_rows_add(struct ld_rows *rows, struct ld_row *row)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity ? rows->capacity * 2 : 8;
        void *grown = ld_arena_array(row->arena, capacity, rows->size);
        if (!grown) {
            row->code = ld_store_nomem(row->store, row->error);
            return NULL;
        }
        if (rows->count)
            memcpy(grown, rows->items, rows->count * rows->size);
        rows->items = grown;
        rows->capacity = capacity;
    }
    return (char *)rows->items + rows->size * rows->count++;
}
