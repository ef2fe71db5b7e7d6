/* Statements: prepared once, found again by the address of their SQL, bound from a description. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

bool ld_store_keeps(double value)
{
    /* SQLite turns a number that is none into NULL and minus zero into zero. */
    return value == value && !(value == 0 && ld_store_bits(value) != 0);
}

int64_t ld_store_bits(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

double ld_store_from_bits(int64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int ld_store_nomem(struct ld_store *store, struct ld_error *error)
{
    return ld_fail(error, LD_ENOMEM, "%s: out of memory", store->path);
}

int ld_store_damaged(struct ld_store *store, struct ld_error *error, const char *format, ...)
{
    char message[384];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return ld_fail(error, LD_ESTORE, "%s: %s", store->path, message);
}

int ld_store_fail(struct ld_store *store, struct ld_error *error, const char *what)
{
    int primary = sqlite3_errcode(store->db) & 0xff;
    char message[384];
    if (primary == SQLITE_FULL)
        snprintf(message, sizeof message, "cannot %s: the disk is full, or the file reached its limit", what);
    else if (primary == SQLITE_NOTADB)
        snprintf(message, sizeof message, "is not a database");
    else
        snprintf(message, sizeof message, "cannot %s: %s", what, sqlite3_errmsg(store->db));
    int code = primary == SQLITE_NOMEM ? LD_ENOMEM : LD_ESTORE;
    ld_fail(error, code, "%s: %s", store->path, message);
    if (store->grouped) {
        ld_fail(&store->failed, code, "%s: %s", store->path, message);
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL); /* fails when SQLite did it already */
        store->grouped = false;
    }
    return code;
}

int ld_store_execute(struct ld_store *store, struct ld_error *error, const char *sql, const char *what)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : ld_store_fail(store, error, what);
}

int ld_store_group(struct ld_store *store, struct ld_error *error)
{
    assert(store->magic == LD_STORE_MAGIC);
    if (store->failed.code) {
        if (error)
            *error = store->failed;
        return store->failed.code;
    }
    if (store->grouped)
        return 0;
    if (!store->writable)
        return ld_fail(error, LD_ESTORE, "%s: was opened for reading only", store->path);
    int code = ld_store_execute(store, error, "BEGIN IMMEDIATE", "begin writing");
    store->grouped = code == 0;
    return code;
}

/* The cached statement, or a new one. */
static int prepare(struct ld_store *store, struct ld_error *error, const char *sql, sqlite3_stmt **ret_statement)
{
    for (size_t i = 0; i < store->statement_count; i++)
        if (store->statements[i].sql == sql) {
            if (sqlite3_stmt_busy(store->statements[i].handle))
                return ld_fail(error, LD_ESTORE, "%s: the same question is being asked already", store->path);
            *ret_statement = store->statements[i].handle;
            return 0;
        }
    assert(store->statement_count < LD_STORE_STATEMENTS_MAX);
    sqlite3_stmt *handle;
    if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL) != SQLITE_OK)
        return ld_store_fail(store, error, "use its tables");
    store->statements[store->statement_count++] = (struct ld_statement){.sql = sql, .handle = handle};
    *ret_statement = handle;
    return 0;
}

static int bind_double(sqlite3_stmt *statement, int *position, double value)
{
    int code = sqlite3_bind_double(statement, (*position)++, value);
    if (code != SQLITE_OK)
        return code;
    return ld_store_keeps(value) ? sqlite3_bind_null(statement, (*position)++)
                                 : sqlite3_bind_int64(statement, (*position)++, ld_store_bits(value));
}

/* Never NULL with a length: SQLite would take it for a NULL value. */
static const void *solid(const void *bytes)
{
    return bytes ? bytes : "";
}

static int bind_one(sqlite3_stmt *statement, int *position, char type, va_list *arguments)
{
    const char *text;
    int64_t number;
    switch (type) {
    case 'i':
        return sqlite3_bind_int64(statement, (*position)++, va_arg(*arguments, int64_t));
    case 'u':
        return sqlite3_bind_int64(statement, (*position)++, (int64_t)va_arg(*arguments, uint64_t));
    case 'o':
        number = va_arg(*arguments, int64_t);
        return number == -1 ? sqlite3_bind_null(statement, (*position)++)
                            : sqlite3_bind_int64(statement, (*position)++, number);
    case 't':
        text = va_arg(*arguments, const char *);
        return sqlite3_bind_text(statement, (*position)++, text, -1, SQLITE_STATIC);
    case 'z':
        text = solid(va_arg(*arguments, const char *));
        return sqlite3_bind_text64(statement, (*position)++, text, va_arg(*arguments, size_t), SQLITE_STATIC,
                                   SQLITE_UTF8);
    case 'b':
        text = solid(va_arg(*arguments, const void *));
        return sqlite3_bind_blob64(statement, (*position)++, text, va_arg(*arguments, size_t), SQLITE_STATIC);
    case 'd':
        return bind_double(statement, position, va_arg(*arguments, double));
    case 'r':
        return sqlite3_bind_double(statement, (*position)++, va_arg(*arguments, double));
    case 'n':
        return sqlite3_bind_null(statement, (*position)++);
    }
    assert(false); /* a type that nobody knows */
    return SQLITE_MISUSE;
}

static int bind(struct ld_store *store, struct ld_error *error, sqlite3_stmt *statement, const char *types,
                va_list *arguments)
{
    int position = 1;
    for (const char *type = types; *type; type++)
        if (bind_one(statement, &position, *type, arguments) != SQLITE_OK)
            return ld_store_fail(store, error, "take a value");
    assert(position == sqlite3_bind_parameter_count(statement) + 1);
    return 0;
}

int ld_store_write(struct ld_store *store, struct ld_error *error, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    int code = ld_store_group(store, error);
    if (code == 0)
        code = prepare(store, error, sql, &statement);
    if (code)
        return code;
    va_list arguments;
    va_start(arguments, types);
    code = bind(store, error, statement, types, &arguments);
    va_end(arguments);
    if (code == 0 && sqlite3_step(statement) != SQLITE_DONE)
        code = ld_store_fail(store, error, "write");
    sqlite3_reset(statement);
    return code;
}

static int begin_query(struct ld_store *store, struct ld_error *error, const char *sql, sqlite3_stmt **ret_statement,
                       const char *types, va_list *arguments)
{
    assert(store->magic == LD_STORE_MAGIC);
    sqlite3_stmt *statement = NULL;
    int code = prepare(store, error, sql, &statement);
    if (code == 0)
        code = bind(store, error, statement, types, arguments);
    if (code == 0)
        *ret_statement = statement;
    return code;
}

int ld_store_query(struct ld_store *store, struct ld_error *error, const char *sql, sqlite3_stmt **ret_statement,
                   const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    int code = begin_query(store, error, sql, ret_statement, types, &arguments);
    va_end(arguments);
    return code;
}

int ld_store_step(struct ld_store *store, struct ld_error *error, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : ld_store_fail(store, error, "read");
}

void ld_store_end(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

int ld_store_number(struct ld_store *store, struct ld_error *error, int64_t *ret_value, const char *sql,
                    const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    va_list arguments;
    va_start(arguments, types);
    int code = begin_query(store, error, sql, &statement, types, &arguments);
    va_end(arguments);
    if (code)
        return code;
    code = ld_store_step(store, error, statement);
    if (code == 1 && sqlite3_column_type(statement, 0) == SQLITE_INTEGER) {
        *ret_value = sqlite3_column_int64(statement, 0);
        code = 0;
    } else if (code >= 0) {
        code = LD_ENOENT;
    }
    ld_store_end(statement);
    return code;
}
