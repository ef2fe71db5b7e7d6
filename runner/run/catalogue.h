/* The programs that are installed: fixtures.json, which the build of the Go programs writes.
 *
 *   {"fixtures": {"http/body-not-closed": {"program": "storefront", "case": "prices"}, …},
 *    "upstreams": {"http-echo": {"program": "quotes"}, …},
 *    "folders": {"leaky": "…", "healthy": "…", "upstream": "…"},
 *    "source": "…"}
 *
 * A fixture may have "variants" (a calm program has only the healthy one) and "unavailable": why it could not be built.
 * "build" says how ("cgo", "asan"; not given: without C). Folders are absolute, or relative to the file. "source" is
 * the folder of the module they were built from, where it is still there. */
#ifndef LD_RUNNER_RUN_CATALOGUE_H
#define LD_RUNNER_RUN_CATALOGUE_H

#include "base/error.h"
#include "scenario/scenario.h"

struct ld_installed;

/* Read the file. LD_ENOENT: there is none (the Go programs are not built); LD_EUNAVAILABLE: it is malformed;
 * LD_EIO, LD_ENOMEM. */
int ld_installed_read(struct ld_installed **ret_installed, const char *file, struct ld_error *error);
void ld_installed_free(struct ld_installed *installed); /* NULL is allowed */

/* What scenarios may name; owned by `installed`. data_folder is NULL: the caller may copy the struct and set it. */
const struct ld_catalogue *ld_installed_catalogue(const struct ld_installed *installed);

/* Where a program is. All owned by the catalogue. */
struct ld_program {
    const char *path;      /* of the executable */
    const char *case_name; /* what the private setting asks the program for; "" for an upstream */
};

/* LD_ENOENT with the nearest name when there is no such fixture or upstream; LD_EUNAVAILABLE when it could not be built
 * here, LD_ESPEC when it has no such variant. Whether the file exists is not asked. */
int ld_installed_fixture(const struct ld_installed *installed, const char *name, enum ld_variant variant,
                         struct ld_program *ret_program, struct ld_error *error);
/* Where its source is. LD_ENOENT; LD_EUNAVAILABLE: fixtures.json does not say. */
struct ld_program_source {
    const char *module;    /* folder */
    const char *package;   /* "./cmd/storefront" */
    const char *case_name;
    bool cgo;
};
int ld_installed_source(const struct ld_installed *installed, const char *name, struct ld_program_source *ret_source,
                        struct ld_error *error);
int ld_installed_upstream(const struct ld_installed *installed, const char *name, struct ld_program *ret_program,
                          struct ld_error *error);

#endif
