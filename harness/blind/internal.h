/* What the files of this room share. */
#ifndef LD_BLIND_INTERNAL_H
#define LD_BLIND_INTERNAL_H

#include "base/arena.h"
#include "blind/blind.h"

#define LD_BLIND_TOKEN 9 /* bytes: a letter and eight hexadecimal digits */
#define LD_BLIND_MEMORY ((size_t)128 << 20)
#define LD_BLIND_INSTANCES_MAX 1024
#define LD_BLIND_HIDDEN_MAX 256
#define LD_BLIND_PLAIN_MAX ((size_t)4096) /* a power of two */

enum ld_blind_class { LD_BLIND_PATH, LD_BLIND_NAME, LD_BLIND_CLASSES };

struct ld_blind_word {
    const char *text; /* NULL: a free place */
    uint32_t length;
    uint32_t number;    /* of the token; unique within its letter */
    char letter;
    bool shown;       /* an observation showed it, not only a reader of the gateway */
};

/* Open addressing, a power of two of places, at most half full. */
struct ld_blind_table {
    struct ld_blind_word **places;
    size_t room, count;
};

/* What readers of metrics were told under another name: metrics, and labels some of whose values were renamed. */
struct ld_blind_hidden {
    size_t reads, count;
    bool lost; /* something else was renamed, or more than is kept */
    struct ld_blind_hidden_name {
        const char *metric, *label; /* label NULL: the metric itself */
        bool late;                  /* a value of the label was handed out before as it is: one series became two */
    } names[LD_BLIND_HIDDEN_MAX];
    size_t plain_count;
    uint64_t plain[2 * LD_BLIND_PLAIN_MAX]; /* digests of labels handed out as they are; 0: a free place */
};

struct ld_blind {
    uint64_t seed;
    struct ld_arena *arena;
    struct ld_blind_table by_text, by_token;
    const char **own;
    size_t own_count;
    bool showing;                 /* an observation is being renamed */
    struct ld_blind_text lines[LD_BLIND_INSTANCES_MAX]; /* by instance: of standard error */
    struct ld_blind_hidden hidden;
    struct ld_buffer body;        /* of the observation renamed last */
    struct ld_profile profile;
};

/* The word's token, made at its first use. LD_ENOMEM, LD_ELIMIT. */
int ld_blind_token(struct ld_blind *blind, enum ld_blind_class class, struct ld_span word, struct ld_buffer *out);
/* A word that observations showed before; NULL: none did. */
const struct ld_blind_word *ld_blind_known(const struct ld_blind *blind, enum ld_blind_class class,
                                           struct ld_span word);
int ld_blind_add_token(const struct ld_blind_word *word, struct ld_buffer *out);

/* ---- own.c */
/* Is it of a module that the caller named? */
bool ld_blind_is_named(const struct ld_blind *blind, struct ld_span path);
bool ld_blind_owns_package(const struct ld_blind *blind, struct ld_span path);
/* Without knowing its function. */
bool ld_blind_owns_file(const struct ld_blind *blind, struct ld_span path);
/* One of libc's, cgo's or the sanitizers'. */
bool ld_blind_is_c_library(struct ld_span name);
/* x.go, x.c, … */
bool ld_blind_is_source(struct ld_span path);

/* ---- symbol.c */
/* How much of the text, from its beginning, is one symbol: a package path, a dot and a name. 0: none. */
size_t ld_blind_symbol_length(struct ld_span text);
/* A function of C, by its file: one of Go is told by its package. */
bool ld_blind_owns_c(const struct ld_blind *blind, struct ld_span name, struct ld_span file);
/* An identifier of own code, with what cgo puts before it. */
int ld_blind_identifier(struct ld_blind *blind, struct ld_span name, struct ld_buffer *out);
int ld_blind_elements(struct ld_blind *blind, struct ld_span path, struct ld_buffer *out);

/* Bytes of an identifier: ASCII letters, digits, _ and everything beyond ASCII. */
static inline bool ld_blind_is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* Bytes of a package's path or a file's, or of the symbol that begins with one. */
static inline bool ld_blind_is_path_byte(char c)
{
    return ld_blind_is_name_byte(c) || (c && strchr("/.%-~+@", c));
}

static inline bool ld_blind_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* -1: no lower-case hexadecimal digit. */
static inline int ld_blind_hex(char c)
{
    return ld_blind_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline int ld_blind_copy(struct ld_span text, struct ld_buffer *out)
{
    return ld_buffer_add(out, text.at, ld_span_length(text));
}

static inline struct ld_span ld_blind_span(const char *text)
{
    return (struct ld_span){text, text + strlen(text)};
}

#endif
