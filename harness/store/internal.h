/* What the files of this room share: the connection, prepared statements, checked reading of rows. */
#ifndef LD_STORE_INTERNAL_H
#define LD_STORE_INTERNAL_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "store/store.h"

#define LD_STORE_MAGIC 0x4c445354u
#define LD_STORE_STATEMENTS_MAX 128
#define LD_STORE_SIGNAL_MAX 64 /* Linux has none beyond */
#define LD_STORE_TEXT_MAX ((size_t)512 << 20) /* one text or blob; SQLite's own limit is set to it */

/* A prepared statement, found again by the address of its SQL: every SQL text of this room is a static array. */
struct ld_statement {
    const char *sql;
    sqlite3_stmt *handle;
};

struct ld_store {
    unsigned magic;
    sqlite3 *db;
    char *path;
    bool writable;
    bool grouped;                     /* a transaction is open */
    bool unsynced;                    /* something was committed since the last durable commit */
    struct ld_error failed;           /* the first write error: sticky, nothing is written after it */
    int64_t metrics[LD_METRIC_COUNT]; /* row ids of the registry in this file; 0: not there */
    size_t statement_count;
    struct ld_statement statements[LD_STORE_STATEMENTS_MAX];
};

extern const char ld_store_schema[]; /* schema.sql, embedded by the build */

/* As ld_store_open; `name` is what messages call the file. */
int ld_store_open_as(struct ld_store **ret_store, const char *path, const char *name, bool writable,
                     struct ld_error *error);

/* ---- migration: steps from one user_version to a later one, each in the caller's transaction */
struct ld_migration {
    int from, to;
    const char *sql;
};
extern const struct ld_migration ld_store_migrations[];
extern const size_t ld_store_migration_count;
/* Apply the steps that lead from `version` to `target` and set user_version. LD_ESTORE when a step is missing. */
int ld_store_migrate(struct ld_store *store, const struct ld_migration *steps, size_t count, int version, int target,
                     struct ld_error *error);

/* ---- errors */
/* "PATH: cannot WHAT: SQLite's message". Of a write: rolls the group back and makes the error sticky. */
int ld_store_fail(struct ld_store *store, struct ld_error *error, const char *what);
/* "PATH: MESSAGE": a row that we would never write. */
#define LD_STORE_OF_PATH 2 /* observation.of_profile: a path of the target was asked for, text begins with it */
int ld_store_damaged(struct ld_store *store, struct ld_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int ld_store_nomem(struct ld_store *store, struct ld_error *error);

/* ---- statements
 * `types` describes the values that follow, one letter a parameter: i int64_t, u uint64_t, t const char * (NULL
 * allowed), z const char * and size_t, d double (and its bits where SQLite would not keep them: two parameters),
 * b const void * and size_t, r double alone, o int64_t that becomes NULL when it is -1, n nothing: NULL. Texts and
 * blobs must stay valid until the statement was run. */
int ld_store_write(struct ld_store *store, struct ld_error *error, const char *sql, const char *types, ...);
/* Rows: begin, then step until 0 (1: a row is there), then end. Always end what began without error. */
int ld_store_query(struct ld_store *store, struct ld_error *error, const char *sql, sqlite3_stmt **ret_statement,
                   const char *types, ...);
int ld_store_step(struct ld_store *store, struct ld_error *error, sqlite3_stmt *statement);
void ld_store_end(sqlite3_stmt *statement);
/* One number of one row; LD_ENOENT (error untouched) when there is none. For lookups while writing. */
int ld_store_number(struct ld_store *store, struct ld_error *error, int64_t *ret_value, const char *sql,
                    const char *types, ...);
/* Run SQL without rows, several statements too. */
int ld_store_execute(struct ld_store *store, struct ld_error *error, const char *sql, const char *what);
/* Open the group if none is open; the sticky error if there is one. Every ld_store_write does it. */
int ld_store_group(struct ld_store *store, struct ld_error *error);

/* ---- checked reading: a row's columns from left to right. The first column that is not what it must be sets
 * `code` and fills the error; what is read after it gives zeros. */
struct ld_row {
    struct ld_store *store;
    struct ld_error *error;
    sqlite3_stmt *statement;
    struct ld_arena *arena; /* for texts; NULL: they point into the row and last until the next step */
    const char *table;      /* for the message */
    int column;
    int code;
};
int64_t ld_row_integer(struct ld_row *row, int64_t minimum, int64_t maximum);
int64_t ld_row_integer_or(struct ld_row *row, int64_t absent); /* NULL: absent */
uint64_t ld_row_unsigned(struct ld_row *row);                  /* 64 bits in a signed column */
uint32_t ld_row_index(struct ld_row *row);                     /* 0..UINT32_MAX */
bool ld_row_bool(struct ld_row *row);                          /* 0 or 1; NULL: 0 */
const char *ld_row_text(struct ld_row *row);                   /* never NULL */
const char *ld_row_text_or(struct ld_row *row, const char *absent);
const char *ld_row_bytes(struct ld_row *row, size_t *ret_length); /* text or blob, with its length */
double ld_row_real(struct ld_row *row);
double ld_row_double(struct ld_row *row); /* two columns: value and bits */
/* A name that `find` knows (-1: unknown); NULL gives `absent`, or an error when that is -1. */
int ld_row_name(struct ld_row *row, int (*find)(const char *name), int absent);

/* Call `read` for every row; `run` is the only parameter of the SQL, -1: it has none. Stops at the first nonzero code,
 * of `read` or of a column. */
int ld_store_each(struct ld_store *store, struct ld_error *error, const char *sql, int64_t run, const char *table,
                  struct ld_arena *arena, int (*read)(struct ld_row *row, void *context), void *context);

/* A growing array in an arena: what it outgrew stays there until the arena goes. */
struct ld_rows {
    void *items;
    size_t size; /* bytes of one item */
    size_t count, capacity;
};
/* A new zeroed item; NULL when the arena is exhausted: the row then carries LD_ENOMEM. */
void *ld_rows_add(struct ld_rows *rows, struct ld_row *row);

/* ---- names of the enumerations that have no finder of their own; -1 when unknown */
int ld_store_purpose_find(const char *name);
int ld_store_life_find(const char *name);
const char *ld_store_encoding_name(enum ld_profile_encoding encoding);
int ld_store_encoding_find(const char *name);
const char *ld_store_end_name(int end); /* of a truth interval */
int ld_store_end_find(const char *name);

/* ---- doubles: does SQLite keep them? */
bool ld_store_keeps(double value);
int64_t ld_store_bits(double value);
double ld_store_from_bits(int64_t bits);

/* ---- JSON lists of texts (seen_at) */
int ld_store_texts_write(struct ld_buffer *out, const char *const *texts, size_t count);
int ld_store_texts_read(const char *json, size_t maximum, const char ***ret_texts, size_t *ret_count,
                        struct ld_arena *arena);

/* ---- bodies */
/* Store the bytes once; *ret_new says whether they were not there before. */
int ld_store_body(struct ld_store *store, const void *bytes, size_t length, int64_t *ret_body, bool *ret_new,
                  struct ld_error *error);
/* Read them back into malloc'ed memory, checked against length and hash. */
int ld_store_body_read(struct ld_store *store, int64_t body, void **ret_bytes, size_t *ret_length,
                       struct ld_error *error);
/* The facts of a profile, its stacks and sites, once per (body, kind). */
int ld_store_profile(struct ld_store *store, int64_t body, const struct ld_observation *observation,
                     int64_t *ret_profile, struct ld_error *error);

/* ---- points */
struct ld_stored_point {
    uint64_t sequence;
    uint32_t ordinal;
    enum ld_metric metric;
    double value;
};
struct ld_stored_points {
    struct ld_stored_point *items; /* owned, sorted by sequence and ordinal */
    size_t count, capacity;
};
/* Move the plain rows of a run into series. */
int ld_store_seal(struct ld_store *store, uint32_t run, struct ld_error *error);
/* Plain rows and series together. */
int ld_store_points_read(struct ld_store *store, uint32_t run, struct ld_stored_points *ret_points,
                         struct ld_error *error);
void ld_store_points_done(struct ld_stored_points *points);
/* Write what is missing of the metric registry (writable stores) and learn the file's row ids. */
int ld_store_metrics(struct ld_store *store, struct ld_error *error);
/* The metric of a row id; -1 when this program does not know it. */
int ld_store_metric_of(const struct ld_store *store, int64_t id);

#endif
