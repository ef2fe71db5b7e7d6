/* Import: observations out of files that others wrote, so that detectors can be replayed over them.
 *
 * Three kinds of files: profiles as net/http/pprof serves them (one read of one instance at one instant), CSV (a row is
 * one instant) and the JSON answer of Prometheus' /api/v1/query_range. Bytes come in, reads are collected, and
 * ld_import_finish makes one order of them; nothing is guessed: what could mean two things is an error with its place.
 * Every error of every file is reported before anything is made of it.
 *
 * Rules, which `leakdrill help import` tells:
 *  - Time of a profile: of its file's name, else its own (only debug=0 has one), or, when asked for, of the file. A
 *    date without a zone is UTC. Dates without a time of day are no time.
 *  - Instance of a profile: the folder below the one named, and what is left of the file's name without time, kind and
 *    suffix ("api-1-goroutine-20261121-083000.pb.gz": api-1). Of a number: the column or label `instance` (or `pod`).
 *  - A goroutine profile gives the number of goroutines too, as numbers read just before it.
 *  - A new incarnation begins where a counter falls, or process_start_time_seconds moves by more than a second.
 *  - The sampling period is the median difference of the times of an instance's reads of one kind. Where a kind of read
 *    stays away for more than two and a half of its periods, one failed read says so a period after the last good one:
 *    detectors say `unknown` until the next. */
#ifndef LD_IMPORT_IMPORT_H
#define LD_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "observe/observation.h"

#define LD_IMPORT_FILES_MAX 20000
#define LD_IMPORT_FILE_BYTES_MAX ((size_t)64 << 20) /* of one file */
#define LD_IMPORT_BYTES_MAX ((size_t)1 << 30)       /* of all profiles, as they are stored */
#define LD_IMPORT_POINTS_MAX ((size_t)5000000)      /* numbers */
#define LD_IMPORT_INSTANCES_MAX 64                  /* as many as a scenario may have */
#define LD_IMPORT_COLUMNS_MAX 1024                  /* of a CSV */
#define LD_IMPORT_FIELD_MAX 4096                    /* bytes of one of its fields */
#define LD_IMPORT_NAME_MAX 200                      /* bytes of an instance's name */
#define LD_IMPORT_APART_MAX_NS (366 * INT64_C(86400000000000)) /* from one read of an instance and kind to the next */
#define LD_IMPORT_LEFT_OUT_MAX 100                  /* names of series that are told */

/* What a column or series can be besides a metric of the registry. */
enum ld_import_role {
    LD_IMPORT_START = LD_METRIC_COUNT, /* process_start_time_seconds: tells lives apart */
    LD_IMPORT_TIME,
    LD_IMPORT_INSTANCE,
    LD_IMPORT_NOTHING /* left out */
};
/* By the registry's name, the Prometheus name, `time`, `instance` or `-`; -1 when unknown. */
int ld_import_role_find(const char *name);
/* All names that it knows, ends with NULL, for ld_nearest. */
const char *const *ld_import_role_names(void);

/* "heap_mb=go_heap_inuse_bytes, note=-": what columns and series of other names are. */
struct ld_import_columns {
    size_t count;
    struct ld_import_column {
        const char *name;
        int role;
        bool used; /* some file had it */
    } *items;
};
/* The list of --columns. Memory is the arena's. LD_EUSAGE with what is wrong. */
int ld_import_columns_parse(struct ld_import_columns *ret_columns, const char *text, struct ld_arena *arena,
                            struct ld_error *error);

/* Where the time of a profile is taken from: NAME falls back to the profile's own. */
enum ld_import_times { LD_IMPORT_TIMES_NAME, LD_IMPORT_TIMES_PROFILE, LD_IMPORT_TIMES_FILE };

struct ld_import_setting {
    struct ld_import_columns *columns; /* NULL: none */
    enum ld_import_times times;
    bool one_instance;  /* names of files tell no instances apart, folders still do */
    bool ignore_others; /* columns of a CSV that are no metric are left out, not errors */
};

struct ld_import;
int ld_import_new(struct ld_import **ret_import, const struct ld_import_setting *setting, struct ld_error *error);
void ld_import_free(struct ld_import *import); /* NULL is allowed */

enum ld_import_kind { LD_IMPORT_PROFILE, LD_IMPORT_CSV, LD_IMPORT_RANGE, LD_IMPORT_UNKNOWN };
/* What a file is, by its bytes. A CSV is what is named so, or has a header with a column of time. */
enum ld_import_kind ld_import_kind_of(const char *name, const void *bytes, size_t length);

/* One file. `file` is what errors name, `place` the folder below the one that the user named, "" for itself. The bytes
 * are copied where they are needed later. 0 or the first code; every error is in `errors`. After an error the import is
 * only good for more errors. */
struct ld_import_file {
    const char *file, *place, *name; /* name: without folders */
    const void *bytes;
    size_t length;
    int64_t modified_ns; /* wall clock */
};
int ld_import_profile(struct ld_import *import, const struct ld_import_file *file, struct ld_errors *errors);
int ld_import_csv(struct ld_import *import, const struct ld_import_file *file, struct ld_errors *errors);
int ld_import_range(struct ld_import *import, const struct ld_import_file *file, struct ld_errors *errors);

/* No more files: order, duplicates, lives, period. LD_ESPEC when there is nothing, or two reads contradict each
 * other or are over LD_IMPORT_APART_MAX_NS apart. */
int ld_import_finish(struct ld_import *import, struct ld_errors *errors);

struct ld_import_summary {
    size_t reads, points, profiles; /* that are delivered: reads of numbers, their numbers, profiles */
    bool kinds[LD_PROFILE_KINDS];   /* of profiles */
    bool metrics[LD_METRIC_COUNT];
    size_t duplicates; /* left out: the same read twice */
    size_t not_finite; /* values left out: NaN, infinite, or more than a number holds */
    const char *not_finite_file; /* of the first of them, and its line (of a range: its series, from 0) */
    uint32_t not_finite_line;
    size_t restarts, gaps;
    uint32_t instances;
    const char *const *instance_names; /* "": it has none */
    int64_t from_ns, to_ns; /* wall clock of the first and last read */
    int64_t period_ns;
    size_t left_out_count; /* names of series and columns that are no metric */
    const char *const *left_out;
};
/* After ld_import_finish; pointers are the import's. */
void ld_import_summarise(const struct ld_import *import, struct ld_import_summary *ret_summary);

/* The observations in their order: numbered from 1, times from the first read on. Stops at the first nonzero return and
 * returns it. LD_ESYNTAX, LD_ENOMEM. */
struct ld_import_sink {
    int (*observation)(void *context, const struct ld_observation *observation);
    void *context;
};
int ld_import_deliver(const struct ld_import *import, const struct ld_import_sink *sink, struct ld_error *error);

/* ---- times (time.c) */

/* A whole text: RFC 3339 (a space for the T, no zone: UTC), or a Unix time in s (with a fraction), ms, us or ns by its
 * size. LD_ESYNTAX; between 1970 and 2200. */
int ld_import_time_parse(const char *text, int64_t *ret_ns);
/* The time within a file's name: 20261121-083000, 2026-11-21T08:30:00.5Z, 2026-11-21_08-30-00, 1795249800,
 * 1795249800123, and so on. 0, LD_ENOENT: there is none; LD_ESPEC: there are two. *ret_from and *ret_to: its bytes. */
int ld_import_time_of_name(const char *name, int64_t *ret_ns, size_t *ret_from, size_t *ret_to);
/* What of a profile's name is its instance, into `instance` (LD_IMPORT_NAME_MAX + 1 bytes); "" when nothing. `from` to
 * `to` is its time (equal: it has none). *ret_word: the kind that it names, or LD_PROFILE_KINDS. 0, or LD_ELIMIT: the
 * name would be longer, and cut, two could become one; `instance` is then its beginning. */
int ld_import_instance_of_name(const char *name, size_t from, size_t to, char *instance,
                               enum ld_profile_kind *ret_word);

#endif
