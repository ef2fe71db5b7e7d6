/* Where the go command is. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/build/build.h"

/* Behind PATH, the first that is there; of a pattern the highest version. */
static const char *const usual_places[] = {"/usr/local/go/bin/go", "/usr/lib/go-1.*/bin/go", "/usr/lib/go/bin/go"};

static bool is_program(const char *path)
{
    return path[0] == '/' && access(path, X_OK) == 0;
}

static const char *on_path(struct ld_arena *arena)
{
    const char *folders = getenv("PATH");
    for (const char *folder = folders ? folders : ""; *folder;) {
        size_t length = strcspn(folder, ":");
        const char *path = ld_arena_printf(arena, "%.*s/go", (int)length, folder);
        if (path && is_program(path))
            return path;
        folder += length + (folder[length] == ':');
    }
    return NULL;
}

static const char *at_usual_place(struct ld_arena *arena)
{
    const char *found = NULL;
    for (size_t i = 0; !found && i < sizeof usual_places / sizeof *usual_places; i++) {
        glob_t matches = {0};
        const char *best = NULL;
        if (glob(usual_places[i], 0, NULL, &matches) == 0)
            for (size_t k = 0; k < matches.gl_pathc; k++)
                if (is_program(matches.gl_pathv[k]) && (!best || strverscmp(matches.gl_pathv[k], best) > 0))
                    best = matches.gl_pathv[k];
        found = best ? ld_arena_text(arena, best) : NULL;
        globfree(&matches);
    }
    return found;
}

int ld_build_find_go(struct ld_arena *arena, const char **ret_go, struct ld_error *error)
{
    const char *go = on_path(arena);
    if (!go)
        go = at_usual_place(arena);
    if (!go)
        return ld_fail(error, LD_EUNAVAILABLE,
                       "target.instrument and static detectors need the go command, and there is none on PATH nor in "
                       "/usr/local/go or /usr/lib/go-1.*: ./quickstart setup installs one");
    *ret_go = go;
    return 0;
}
