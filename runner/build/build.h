/* Building a Go program with a listener added: target.instrument.
 *
 * The program's source is never touched. A local package is built where it is; a published module, and what lies in
 * Go's own folder, is copied first, for Go refuses overlays on its module cache. Go itself runs under the guard, with
 * the environment of leakdrill and what the scenario adds. All files, the program too, are in the campaign's work
 * folder and go with it. */
#ifndef LD_BUILD_BUILD_H
#define LD_BUILD_BUILD_H

#include <stdbool.h>
#include <uv.h>

#include "base/arena.h"
#include "base/error.h"
#include "runner/process/guard.h"
#include "scenario/scenario.h"

struct ld_build {
    uv_loop_t *loop;
    const struct ld_guard *guard;
    const char *folder;    /* absolute; does not exist yet; its parent does */
    const bool *cancelled; /* give up when this becomes true; NULL: never */
    /* What the compiler said when it failed, line by line; NULL: nobody listens. */
    void (*talk)(void *context, const char *line);
    void *context;
    struct ld_arena *arena; /* for what is returned */
};

struct ld_built {
    const char *program; /* path */
    const char *name;    /* of the program, as Go would call it */
    const char *by;      /* "go1.27.3" */
};

/* Fetch, copy and build. LD_EUNAVAILABLE: no Go here; LD_ETARGET: Go says no (the message has its command);
 * LD_ETIMEOUT, LD_ECANCELLED, LD_EIO, LD_ENOMEM, LD_ESYSTEM. */
int ld_build_program(const struct ld_build *build, const struct ld_instrument_spec *spec, struct ld_built *ret_built,
                     struct ld_error *error);
/* The go command: on PATH, else where it is usually installed; in `arena`. LD_EUNAVAILABLE. */
int ld_build_find_go(struct ld_arena *arena, const char **ret_go, struct ld_error *error);

#endif
