/* The files a campaign's report is written as: one table for `run --report` and `report --format`. */
#ifndef LD_RUNNER_CLI_FORMATS_H
#define LD_RUNNER_CLI_FORMATS_H

#include "reports/report.h"

/* A report and where its runs' numbers are. */
struct ld_report_source {
    const struct ld_report *report;
    struct ld_store *store;
    struct ld_arena *arena;
    struct ld_text_style style; /* of the terminal; a file gets what a file can be read in */
};

struct ld_report_format {
    const char *name; /* as the command line says it */
    const char *file; /* in the folder of --report */
    int (*render)(const struct ld_report_source *source, struct ld_buffer *out, struct ld_error *error);
};
/* The table; ends with a zero row. */
extern const struct ld_report_format ld_report_formats[];
const char *const *ld_report_format_names(void); /* ends with NULL */
const struct ld_report_format *ld_report_format_find(const char *name); /* NULL when there is none */

/* Render and write to the file `path`, NULL: stdout. */
int ld_report_write(const struct ld_report_format *format, const struct ld_report_source *source, const char *path,
                    struct ld_error *error);
/* Every format to its file in the folder, which is there. */
int ld_report_write_all(const struct ld_report_source *source, const char *folder, struct ld_error *error);
/* These bytes as a file of the folder. */
int ld_report_write_file(const char *folder, const char *name, const struct ld_buffer *bytes, struct ld_error *error);

#endif
