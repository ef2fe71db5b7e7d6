/* Writing new source files from templates, and rows into files that are there: all of it or nothing.
 *
 * First everything is prepared in memory and checked, then it is written: new files never overwrite, files that get a
 * row are replaced whole. The templates are runner/cli/templates, built into the program. */
#ifndef LD_RUNNER_CLI_SCAFFOLD_H
#define LD_RUNNER_CLI_SCAFFOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

#define LD_SCAFFOLD_FILES_MAX 8

extern const char ld_template_case_go[], ld_template_fault_go[], ld_template_repair_go[], ld_template_program_go[],
    ld_template_scenario_yaml[], ld_template_detector_c[], ld_template_detector_test_c[],
    ld_template_exec_detector_py[], ld_template_exec_detector_go[];

struct ld_scaffold_file {
    const char *path; /* below the source folder */
    const char *text;
    const char *original; /* what it replaces; set when it is written */
    bool replaces;    /* a file that is there; else it must not be */
};

struct ld_scaffold {
    struct ld_arena *arena; /* holds every text */
    const char *source;     /* folder */
    size_t count;
    struct ld_scaffold_file files[LD_SCAFFOLD_FILES_MAX];
};

/* `source`: a folder; NULL: the working folder when it is a source tree, else the tree that leakdrill was built from.
 * LD_EUSAGE when it is no source tree of leakdrill. */
int ld_scaffold_init(struct ld_scaffold *scaffold, const char *source, struct ld_error *error);
void ld_scaffold_done(struct ld_scaffold *scaffold);

/* The template with each of `words` (pairs of a word and what it becomes, ends with NULL) replaced; NULL: no memory. */
const char *ld_scaffold_fill(struct ld_scaffold *scaffold, const char *template_text, const char *const *words);
/* The text of a file of the tree; LD_EIO. */
int ld_scaffold_read(struct ld_scaffold *scaffold, const char *path, const char **ret_text, struct ld_error *error);
/* Whether there is such a file or folder. */
bool ld_scaffold_has(const struct ld_scaffold *scaffold, const char *path);

/* Prepare a file; a NULL path or text is LD_ENOMEM. A new one that is there already is LD_EUSAGE. */
int ld_scaffold_add(struct ld_scaffold *scaffold, const char *path, const char *text, bool replaces,
                    struct ld_error *error);
/* `row` put into `text` before the byte at `at`; NULL: no memory. */
const char *ld_scaffold_insert(struct ld_scaffold *scaffold, const char *text, const char *at, const char *row);
/* Write what was prepared: first all that is new, then the replacements in the order in which they were added, so that
 * a list which points at the others is added last. On an error what was new is removed again, and what was replaced is
 * put back. */
int ld_scaffold_write(struct ld_scaffold *scaffold, struct ld_error *error);
/* The tree, "wrote …" and "changed …" to stdout, and how to build. */
void ld_scaffold_tell(const struct ld_scaffold *scaffold);
/* Where that builds: our own build folder, or build/dev of another tree. */
/* A path as a shell reads it: in quotes where it needs them. */
const char *ld_scaffold_quoted(const struct ld_scaffold *scaffold, const char *path);
const char *ld_scaffold_build_folder(struct ld_scaffold *scaffold);

#endif
