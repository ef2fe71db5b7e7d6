/* The files that a subcommand is given (scenarios, rules, proxies), and what they are checked against. */
#ifndef LD_RUNNER_CLI_SOURCES_H
#define LD_RUNNER_CLI_SOURCES_H

#include "runner/cli/command.h"
#include "runner/run/catalogue.h"
#include "scenario/scenario.h"

enum ld_source_kind { LD_SOURCE_SCENARIO, LD_SOURCE_MATRIX, LD_SOURCE_PROXIES, LD_SOURCE_KINDS, LD_SOURCE_OTHER };

struct ld_source {
    char *file; /* owned */
    bool named; /* the user named the file itself, not a folder above it */
};

struct ld_sources {
    struct ld_source *items; /* owned */
    size_t count;
};

/* The files named, and every *.yaml below the folders named, in order of name; the shipped scenarios when nothing is.
 * LD_EUSAGE: a name that is no file or folder, or a folder without any. */
int ld_sources_find(struct ld_sources *ret_sources, char *const *names, size_t count, struct ld_error *error);
void ld_sources_done(struct ld_sources *sources);

/* What the file is, by its top-level key. Files that cannot be read or are no YAML count as
 * LD_SOURCE_OTHER, and so does everything else; their errors, one at least, are then in `errors`. */
enum ld_source_kind ld_source_kind_of(const char *file, struct ld_errors *errors);

/* The installed programs and the catalogue that scenarios are checked against. When there are none, every name is
 * taken, and a line on stderr says so. */
struct ld_source_setting {
    struct ld_installed *installed; /* NULL when there are none */
    struct ld_detector_files *files; /* what detectors read: once, for all scenarios; the catalogue's */
    struct ld_catalogue catalogue;
    struct ld_buffer *remarks; /* where a check of sources leaves those of good scenarios; NULL: nowhere */
};
/* What of a good scenario is allowed and hardly meant, a line each with its file. */
void ld_scenario_remark(const struct ld_scenario *scenario, struct ld_buffer *out);
/* Say them, each behind "note: ", and empty the buffer. `stream`: a FILE *. */
void ld_put_remarks(void *stream, struct ld_buffer *remarks);
int ld_source_setting_init(struct ld_source_setting *setting, struct ld_error *error);
void ld_source_setting_done(struct ld_source_setting *setting);

/* What is told apart by its top-level key, one row a kind. */
struct ld_source_kind_info {
    const char *key;   /* the top-level key */
    const char *plural; /* "matrix rule files" */
    /* Read it for the sake of its errors. */
    void (*check)(const char *file, const struct ld_source_setting *setting, struct ld_errors *errors);
};
extern const struct ld_source_kind_info ld_source_kinds[LD_SOURCE_KINDS];
/* Takes every name of a fixture or an upstream: for scenarios that are not to be run here. */
struct ld_catalogue ld_catalogue_of_any(void);
/* The file of the installed programs: $LEAKDRILL_FIXTURES_FILE, else that of this build. */
const char *ld_fixtures_file(void);

/* Scenarios, each owned. */
struct ld_scenarios {
    struct ld_scenario **items;
    size_t count;
};
/* Read every scenario among `names` (other files in folders are passed over); nothing named: the documented ones. Every
 * error is in `errors`; 0 or the first code. */
int ld_scenarios_read(struct ld_scenarios *ret_scenarios, char *const *names, size_t count,
                      const struct ld_source_setting *setting, struct ld_errors *errors, struct ld_error *error);
void ld_scenarios_done(struct ld_scenarios *scenarios);

#endif
