/* Inside the room: what files put into an import. */
#ifndef LD_IMPORT_INTERNAL_H
#define LD_IMPORT_INTERNAL_H

#include "import/import.h"

/* One number, and where it stood. */
struct ld_import_number {
    int64_t wall_ns;
    double value;
    uint32_t instance;
    uint16_t role; /* a metric, or LD_IMPORT_START */
    uint16_t file; /* index into files */
    uint32_t line; /* CSV: its line; a range: its series, from 0 */
    uint32_t column; /* CSV: its column; a range: its value, from 0 */
};

/* One read: a profile, or numbers of one instant. */
struct ld_import_read {
    int64_t wall_ns;
    uint32_t instance, incarnation;
    bool of_profile;
    bool restarts; /* a new life begins with it */
    bool gap;      /* nothing was read: what should have been */
    enum ld_profile_kind kind;
    enum ld_profile_encoding encoding;
    const void *body;
    size_t length;
    const char *file;
    int64_t goroutines; /* of a goroutine profile; -1 */
    size_t first, count; /* of the numbers, start times not among them */
};

/* Reads that keep one rhythm: the profiles of a kind, or the numbers. */
#define LD_IMPORT_STREAMS (LD_PROFILE_KINDS + 1)

static inline size_t ld_import_stream(const struct ld_import_read *read)
{
    return read->of_profile ? (size_t)read->kind : LD_PROFILE_KINDS;
}

struct ld_import {
    struct ld_import_setting setting;
    struct ld_arena *arena;
    size_t read_count, read_room;
    struct ld_import_read *reads;
    size_t number_count, number_room;
    struct ld_import_number *numbers;
    size_t profile_bytes;
    uint32_t instance_count;
    const char *instances[LD_IMPORT_INSTANCES_MAX];
    size_t file_count;
    const char *files[LD_IMPORT_FILES_MAX];
    bool of_range[LD_IMPORT_FILES_MAX]; /* the file is a range query's answer, whose numbers have a path, no line */
    size_t left_out_count;
    const char *left_out[LD_IMPORT_LEFT_OUT_MAX];
    struct ld_import_summary summary;
};

/* A value that is no finite number was left out. */
static inline void ld_import_left_value(struct ld_import *import, uint16_t file, uint32_t line)
{
    struct ld_import_summary *summary = &import->summary;
    if (summary->not_finite++)
        return;
    summary->not_finite_file = import->files[file];
    summary->not_finite_line = line;
}

/* An error at a place of a file, into `errors`; line and column 0: none. Returns `code`. */
int ld_import_fail(struct ld_errors *errors, int code, const char *file, unsigned line, unsigned column,
                   const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The instance of that name, which is made when it is new. LD_ELIMIT, LD_ENOMEM: reported nowhere yet. */
int ld_import_instance(struct ld_import *import, const char *name, size_t length, uint32_t *ret_instance);
/* What is wrong with an instance that cannot be made. */
const char *ld_import_why_instance(int code);
/* What a limit or no memory comes to, in words. */
const char *ld_import_why(int code);
int ld_import_add_number(struct ld_import *import, const struct ld_import_number *number);
int ld_import_add_read(struct ld_import *import, const struct ld_import_read *read);
/* Its index; LD_ELIMIT, LD_ENOMEM. */
int ld_import_add_file(struct ld_import *import, const char *file, uint16_t *ret_index);
/* A name that is no metric: told once. */
void ld_import_leave_out(struct ld_import *import, const char *name);
/* What the user said it is, else what its name says; -1. */
int ld_import_role_of(struct ld_import *import, const char *name);
/* The upper median, 0 of none; sorts them. */
int64_t ld_import_median(int64_t *differences, size_t count);
/* Add failed reads where a rhythm was broken. LD_ENOMEM, LD_ELIMIT. */
int ld_import_fill_gaps(struct ld_import *import);
/* Decimal, with an exponent; NaN and infinities (of any sign) are no error: *ret_finite is false then. */
bool ld_import_value(const char *text, double *ret_value, bool *ret_finite);

#endif
