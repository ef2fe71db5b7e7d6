/* The schema layer: tables of fields from which checking, binding to C structs and documentation all come.
 *
 * A schema is a table of struct ld_field. ld_schema_bind walks a mapping node, checks every key against the table
 * (unknown: with the nearest name; duplicate; missing; wrong type, unit or range; not implemented yet), and writes
 * the values into a struct at the field's offset. It goes on after an error, so that one pass reports them all. */
#ifndef LD_YAML_SCHEMA_H
#define LD_YAML_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "yaml/node.h"

enum ld_field_type {
    LD_FIELD_TEXT,     /* const char * */
    LD_FIELD_NAME,     /* const char *: [a-z0-9] then [a-z0-9._/-]*, at most 100 bytes */
    LD_FIELD_BOOL,     /* bool: true or false only */
    LD_FIELD_INTEGER,  /* int64_t, minimum..maximum */
    LD_FIELD_NUMBER,   /* double, minimum..maximum */
    LD_FIELD_DURATION, /* int64_t ns, minimum..maximum in ns */
    LD_FIELD_SIZE,     /* uint64_t bytes */
    LD_FIELD_RATE,     /* double per second */
    LD_FIELD_BANDWIDTH, /* uint64_t bytes per second; written 100KiB/s */
    LD_FIELD_PERCENT,  /* double fraction 0..1; written 99.2% */
    LD_FIELD_CHOICE,   /* int: index into choices */
    LD_FIELD_OBJECT,   /* struct embedded at offset, bound by `object` */
    LD_FIELD_OPTIONAL_OBJECT, /* pointer to a struct of `size` bytes from the arena, NULL when absent */
    LD_FIELD_LIST,     /* struct ld_list: items of `item`, each `size` bytes */
    LD_FIELD_MAP,      /* struct ld_map: user-chosen names to values of `item`, each `size` bytes */
    LD_FIELD_NODE,     /* const struct ld_node *: kept as it is, for a later schema */
    LD_FIELD_CUSTOM    /* bound by `custom`, which gets the value's own address (the struct's plus offset) */
};

enum ld_field_flag {
    LD_FIELD_REQUIRED = 1,
    LD_FIELD_NOT_YET = 2 /* documented, refused with "… is not implemented yet" */
};

struct ld_list {
    size_t count;
    void *items; /* array in the arena */
};

struct ld_map {
    size_t count;
    const char **names;
    const struct ld_node **name_nodes; /* for the places of errors; the value's node when built in code */
    void *items;
};

struct ld_schema_context {
    const char *file;
    struct ld_arena *arena;
    struct ld_errors *errors;
    char path[192]; /* key path of the node in hand; ld_schema_push and _pop keep it */
};

struct ld_schema;
struct ld_buffer;

struct ld_field {
    const char *name;
    enum ld_field_type type;
    size_t offset;              /* into the struct that the schema binds */
    unsigned flags;             /* enum ld_field_flag */
    double minimum, maximum;    /* inclusive; both 0: no bounds; ns for durations, bytes for sizes, fraction for
                                 * percents; INFINITY (<math.h>) leaves one side open */
    const char *const *choices; /* CHOICE: ends with NULL */
    const struct ld_schema *object; /* OBJECT, OPTIONAL_OBJECT; NODE, CUSTOM: what a later step binds it by, so that it
                                     * is explained and found; may be NULL */
    const struct ld_field *item;    /* LIST, MAP: describes one item (offset 0) */
    size_t size;                    /* LIST, MAP, OPTIONAL_OBJECT: bytes of one item */
    size_t count_max;               /* LIST, MAP: 0 means 1000 */
    const char *initial;            /* default, written as in YAML and parsed like it; NULL: zero */
    int (*custom)(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                  void *value);     /* CUSTOM: reports through ld_schema_error; 0 or LD_E… */
    int (*show)(const struct ld_field *field, const void *value,
                struct ld_buffer *out); /* CUSTOM: the value as JSON, for ld_schema_values; NULL: LD_ENOTYET there */
    const char *doc;                /* one or two sentences, for explain */
};

struct ld_schema {
    const char *name;  /* "target" */
    const char *doc;
    const struct ld_field *fields; /* ends with a zero row */
    /* Checks across fields, after all of them bound without error; may be NULL. */
    int (*check)(struct ld_schema_context *context, const struct ld_node *node, void *value);
    const char *example; /* whole lines of YAML, for explain; may be NULL */
};

/* Bind `node` into `value` (defaults first). 0, or the code of the first error; all are in context->errors. */
int ld_schema_bind(struct ld_schema_context *context, const struct ld_schema *schema, const struct ld_node *node,
                   void *value);
/* Bind one value by its field description; what LIST and MAP use for items. `value` is the struct: the value goes to
 * its field->offset. Texts are copied to the context's arena, NODE fields point into the document. */
int ld_field_bind(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                  void *value);
/* Set the defaults only. */
int ld_schema_defaults(struct ld_schema_context *context, const struct ld_schema *schema, void *value);

/* Record an error at `node` (NULL: no place) and the current key path; returns code. */
int ld_schema_error(struct ld_schema_context *context, const struct ld_node *node, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Append ".key" or "[index]" to the path; returns the old length for pop. */
size_t ld_schema_push(struct ld_schema_context *context, const char *key);
size_t ld_schema_push_index(struct ld_schema_context *context, size_t index);
void ld_schema_pop(struct ld_schema_context *context, size_t length);

/* Bound values as a JSON object, in the order of the table; quantities as text with their unit, as a user writes them;
 * a negative duration stands for a key that was not given and is left out. `schema` NULL: {}. LD_ENOTYET for a table
 * with objects or nodes, or custom fields without `show`; LD_ENOMEM, LD_ELIMIT. */
int ld_schema_values(const struct ld_schema *schema, const void *value, struct ld_buffer *out);
/* Write the documentation of `schema` as indented plain text, 78 columns; `depth` levels of nested objects. */
int ld_schema_explain(const struct ld_schema *schema, unsigned depth, struct ld_buffer *out);
/* Find a field by dotted key path ("target.limits.memory"); NULL when there is none. */
const struct ld_field *ld_schema_find(const struct ld_schema *schema, const char *path);

#endif
