/* A private copy of the source that a static tool may see: of one variant alone, the packages of the module that the
 * program imports, without comments (detect/go_source.h), at the same places with the same lines.
 *
 * Of a fixture the files of its own case are those of the variant; every other case that the program holds is the
 * repaired one in both variants, so that a finding there is false. */
#ifndef LD_RUNNER_DETECT_STATIC_SOURCE_H
#define LD_RUNNER_DETECT_STATIC_SOURCE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

struct ld_source_package {
    const char *folder; /* below the copy; "" is its root */
    const char *name;   /* as profiles write it: the import path, "main" for a program */
};

struct ld_source {
    const char *folder; /* the copy's, absolute */
    size_t count;
    struct ld_source_package *packages;
};

struct ld_source_spec {
    const char *listing;  /* what go list says in LD_SOURCE_FORMAT, of the program and all it needs */
    const char *case_name; /* of a fixture: its folder below cases/; NULL: not a fixture, nothing is exchanged */
    bool repaired;        /* a fixture's healthy twin */
};

/* One line a package of the main module: import path, name, folder, module's folder, then its files. */
#define LD_SOURCE_FORMAT                                                                                               \
    "{{if .Module}}{{if .Module.Main}}{{.ImportPath}}\t{{.Name}}\t{{.Dir}}\t{{.Module.Dir}}"                           \
    "{{range .GoFiles}}\t{{.}}{{end}}{{range .CgoFiles}}\t{{.}}{{end}}{{range .CFiles}}\t{{.}}{{end}}"                 \
    "{{range .HFiles}}\t{{.}}{{end}}{{range .SFiles}}\t{{.}}{{end}}{{range .EmbedFiles}}\t{{.}}{{end}}{{end}}{{end}}"

/* Make the copy in `folder`, which must not exist. LD_EIO, LD_ETARGET (the listing names no package), LD_ELIMIT,
 * LD_ENOMEM. */
int ld_source_copy(struct ld_source *ret_source, const struct ld_source_spec *spec, const char *folder,
                   struct ld_arena *arena, struct ld_error *error);
/* "shop/cases/prices.(*Shelf).look", what encloses the line of a file (below the copy, or absolute); for a file that is
 * none of the copy's, its own name. *ret_file is the name below the copy. LD_ENOMEM. */
int ld_source_site(const struct ld_source *source, const char *file, unsigned line, struct ld_arena *arena,
                   const char **ret_site, const char **ret_file);

#endif
