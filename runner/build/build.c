#include "runner/build/build.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "runner/build/copy.h"
#include "runner/process/tool.h"

#define SAID_MAX ((size_t)1 << 20)
#define LINES_MAX 40 /* of a compiler's complaint */
#define WORDS_MAX 128
#define GOROOT_PLACE "{goroot}"

extern char **environ;
extern const char ld_overlay_listener[], ld_overlay_held[], ld_overlay_on_request[];

/* Their names decide when their init runs: Go goes by the order of the files. */
#define LISTENER_FILE "0_inherited_listener.go"
#define MAIN_FILE "zzz_inherited_main.go"

struct building {
    const struct ld_build *build;
    const struct ld_instrument_spec *spec;
    struct ld_arena *arena;
    struct ld_error *error;
    const char *go;
    const char *const *environment;
    int64_t deadline_ns;
    const char *goroot, *version;
    const char *folder;  /* in which go runs */
    const char *package; /* as go is told, seen from there */
    struct ld_buffer out, err;
};

static int no_memory(struct building *building)
{
    return ld_fail(building->error, LD_ENOMEM, "out of memory");
}

/* ---- the environment of go */

static bool is_named(const char *entry, const char *name)
{
    size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/* GOFLAGS without what would let go write to go.mod. */
static const char *harmless_flags(struct building *building, const char *flags)
{
    char *kept = ld_arena_printf(building->arena, "%s", "GOFLAGS=");
    for (const char *word = flags; kept && *word;) {
        size_t length = strcspn(word, " ");
        if (length && !(length == 8 && memcmp(word, "-mod=mod", 8) == 0) &&
            !(length == 9 && memcmp(word, "--mod=mod", 9) == 0))
            kept = ld_arena_printf(building->arena, "%s%s%.*s", kept, kept[8] ? " " : "", (int)length, word);
        word += length + (word[length] == ' ');
    }
    return kept;
}

/* Said by the scenario, or by us: see below. */
static bool is_given(const struct building *building, const char *entry)
{
    static const char *const ours[] = {"PWD", "TMPDIR", "GOTMPDIR"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (is_named(entry, ours[i]))
            return true;
    const struct ld_environment_spec *given = &building->spec->environment;
    for (size_t i = 0; i < given->names.count; i++)
        if (is_named(entry, ((const char **)given->names.items)[i]))
            return true;
    return false;
}

/* Ours with the scenario's on top: proxies, caches and credentials are where the user has them. A go that is killed
 * leaves its temporary files: they go with the work folder. */
static int make_environment(struct building *building)
{
    const struct ld_environment_spec *given = &building->spec->environment;
    size_t count = 0, room = given->names.count + 3;
    for (char **entry = environ; *entry; entry++)
        room++;
    const char **environment = ld_arena_array(building->arena, room, sizeof *environment);
    if (!environment)
        return no_memory(building);
    for (char **entry = environ; *entry; entry++)
        if (!is_given(building, *entry))
            environment[count++] = *entry;
    for (size_t i = 0; i < given->names.count; i++)
        environment[count++] = ld_arena_printf(building->arena, "%s=%s", ((const char **)given->names.items)[i],
                                               ((const char **)given->values.items)[i]);
    environment[count++] = ld_arena_printf(building->arena, "TMPDIR=%s", building->build->folder);
    environment[count++] = ld_arena_printf(building->arena, "GOTMPDIR=%s", building->build->folder);
    for (size_t i = 0; i < count; i++) {
        if (environment[i] && is_named(environment[i], "GOFLAGS"))
            environment[i] = harmless_flags(building, environment[i] + strlen("GOFLAGS="));
        if (!environment[i])
            return no_memory(building);
    }
    building->environment = environment;
    return 0;
}

/* ---- running go */

static void tell_lines(const struct building *building)
{
    const char *text = ld_buffer_text(&building->err);
    for (size_t lines = 0; *text && building->build->talk; lines++) {
        size_t length = strcspn(text, "\n");
        const char *line = lines == LINES_MAX ? "…" : ld_arena_copy(building->arena, text, length);
        if (line)
            building->build->talk(building->build->context, line);
        if (lines == LINES_MAX)
            return;
        text += length + (text[length] == '\n');
    }
}

static const char *joined(struct building *building, const char *const *arguments)
{
    const char *text = "";
    for (size_t i = 0; text && arguments[i]; i++)
        text = ld_arena_printf(building->arena, "%s%s%s", text, i ? " " : "", arguments[i]);
    return text ? text : "go";
}

/* go in building->folder; what it writes is in building->out and err. `arguments` begin with "go". */
static int run_go(struct building *building, const char *const *arguments)
{
    const struct ld_tool tool = {.loop = building->build->loop,
                                 .guard = building->build->guard,
                                 .program = building->go,
                                 .folder = building->folder,
                                 .arguments = arguments,
                                 .environment = building->environment,
                                 .deadline_ns = building->deadline_ns,
                                 .cancelled = building->build->cancelled};
    int64_t status = 0;
    ld_buffer_clear(&building->out);
    ld_buffer_clear(&building->err);
    int code = ld_tool_run(&tool, &building->out, &building->err, &status, building->error);
    if (code == LD_ETIMEOUT)
        return ld_fail(building->error, code, "took longer than target.instrument.wall (%.0f s): %.300s",
                       (double)building->spec->wall_ns / 1e9, joined(building, arguments));
    if (code == LD_ECANCELLED)
        return ld_fail(building->error, code, "interrupted while building");
    if (code)
        return code;
    if (status == 0)
        return 0;
    tell_lines(building);
    return ld_fail(building->error, LD_ETARGET, "in %.150s: %.300s: %s %d", building->folder,
                   joined(building, arguments), status < 0 ? "signal" : "exit code",
                   (int)(status < 0 ? -status : status));
}

#define RUN_GO(building, ...) run_go(building, (const char *const[]){"go", __VA_ARGS__, NULL})

/* Line `index` of what go wrote, in the arena; "" when there is none, NULL when out of memory. */
static char *line_of(struct building *building, size_t index)
{
    const char *text = ld_buffer_text(&building->out);
    for (; index && *text; index--)
        text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n');
    return ld_arena_copy(building->arena, text, strcspn(text, "\n"));
}

static int ask_go(struct building *building)
{
    building->folder = building->build->folder;
    int code = RUN_GO(building, "env", "GOROOT", "GOVERSION");
    if (code)
        return code;
    building->goroot = line_of(building, 0);
    building->version = line_of(building, 1);
    return building->goroot && building->version ? 0 : no_memory(building);
}

/* ---- the source */

static int write_file(struct building *building, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t length = strlen(text);
    bool good = fd >= 0 && write(fd, text, length) == (ssize_t)length;
    int saved = errno;
    if (fd >= 0 && close(fd) != 0)
        good = false;
    return good ? 0 : ld_fail_errno(building->error, LD_EIO, saved, "cannot write %s", path);
}

static const char *below(struct building *building, const char *name)
{
    return ld_arena_printf(building->arena, "%s/%s", building->build->folder, name);
}

static int download(struct building *building, const char **ret_folder)
{
    int code = RUN_GO(building, "mod", "download", "-json", building->spec->module);
    /* What went wrong stands in the answer, not on stderr. */
    json_t *answer = json_loadb(building->out.bytes, building->out.length, 0, NULL);
    const char *folder = json_string_value(json_object_get(answer, "Dir"));
    const char *problem = json_string_value(json_object_get(answer, "Error"));
    if (problem)
        code = ld_fail(building->error, LD_ETARGET, "go cannot fetch %s: %.300s", building->spec->module, problem);
    else if (!code && !folder)
        code = ld_fail(building->error, LD_ETARGET, "go does not say where %s is", building->spec->module);
    if (!code && !(*ret_folder = ld_arena_text(building->arena, folder)))
        code = no_memory(building);
    json_decref(answer);
    return code;
}

static int copy_module(struct building *building)
{
    const char *from = NULL, *to = below(building, "source");
    int code = to ? download(building, &from) : no_memory(building);
    if (!code)
        code = ld_copy_tree(from, to, true, building->error);
    if (code)
        return code;
    building->folder = to;
    building->package = ld_arena_printf(building->arena, "./%s", building->spec->package);
    const char *module_file = below(building, "source/go.mod");
    if (!building->package || !module_file)
        return no_memory(building);
    if (access(module_file, F_OK) != 0)
        return ld_fail(building->error, LD_ETARGET,
                       "%s has no go.mod: it is from before modules and cannot be built alone", building->spec->module);
    return 0;
}

/* A folder of Go itself has no go.mod of its own: one is made, which says the language is that of this Go. */
static int copy_of_goroot(struct building *building)
{
    char *from =
        ld_arena_printf(building->arena, "%s%s", building->goroot, building->spec->package + strlen(GOROOT_PLACE));
    if (!from)
        return no_memory(building);
    for (size_t length = strlen(from); length > 1 && from[length - 1] == '/'; length--)
        from[length - 1] = '\0';
    const char *name = strrchr(from, '/') + 1;
    const char *root = below(building, "source"),
               *to = ld_arena_printf(building->arena, "%s/%s", root ? root : "", name);
    const char *module_file = ld_arena_printf(building->arena, "%s/go.mod", to ? to : "");
    const char *text = ld_arena_printf(building->arena, "module example.org/%s\n\ngo %s\n", name,
                                       building->version + (strncmp(building->version, "go", 2) == 0 ? 2 : 0));
    if (!root || !to || !module_file || !text)
        return no_memory(building);
    if (mkdir(root, 0700) != 0)
        return ld_fail_errno(building->error, LD_EIO, errno, "cannot make %s", root);
    int code = ld_copy_tree(from, to, false, building->error);
    building->folder = to;
    building->package = ".";
    return code ? code : write_file(building, module_file, text);
}

static int find_source(struct building *building)
{
    if (building->spec->module[0])
        return copy_module(building);
    if (strncmp(building->spec->package, GOROOT_PLACE, strlen(GOROOT_PLACE)) == 0)
        return copy_of_goroot(building);
    char *folder = realpath(building->spec->package, NULL);
    if (!folder)
        return ld_fail_errno(building->error, LD_ETARGET, errno, "package %s", building->spec->package);
    building->folder = ld_arena_text(building->arena, folder);
    building->package = ".";
    free(folder);
    return building->folder ? 0 : no_memory(building);
}

/* ---- the overlay */

/* A name that no file of the package has. */
static const char *free_name(struct building *building, const char *folder, const char *name)
{
    const char *path = ld_arena_printf(building->arena, "%s/%s", folder, name);
    for (unsigned i = 0; path && access(path, F_OK) == 0; i++)
        path = ld_arena_printf(building->arena, "%s/%.*s_%u.go", folder, (int)(strlen(name) - 3), name, i);
    return path;
}

static int add_file(struct building *building, json_t *replace, const char *folder, const char *name, const char *text)
{
    const char *own = below(building, name), *there = free_name(building, folder, name);
    if (!own || !there)
        return no_memory(building);
    int code = write_file(building, own, text);
    if (!code && json_object_set_new(replace, there, json_string(own)) != 0)
        code = no_memory(building);
    return code;
}

static int write_overlay(struct building *building, const char *folder, const char **ret_path)
{
    static const char *const main_files[] = {
        [LD_MAIN_HELD] = ld_overlay_held, [LD_MAIN_ON_REQUEST] = ld_overlay_on_request};
    int mode = building->spec->main;
    json_t *replace = json_object(), *overlay = json_pack("{s:o}", "Replace", replace);
    const char *path = below(building, "overlay.json");
    int code = overlay && path ? 0 : no_memory(building);
    if (!code)
        code = add_file(building, replace, folder, LISTENER_FILE, ld_overlay_listener);
    if (!code && mode != LD_MAIN_NORMAL)
        code = add_file(building, replace, folder, MAIN_FILE, main_files[mode]);
    if (!code && json_dump_file(overlay, path, 0) != 0)
        code = ld_fail_errno(building->error, LD_EIO, errno, "cannot write %s", path);
    json_decref(overlay);
    *ret_path = path;
    return code;
}

/* ---- building */

/* Is it a program, where exactly is it, and what is it called? */
static int look_at_package(struct building *building, const char **ret_folder, const char **ret_name)
{
    int code = RUN_GO(building, "list", "-f", "{{.Name}} {{.ImportPath}} {{.Dir}}", building->package);
    if (code)
        return code;
    char *line = line_of(building, 0), *rest = line;
    if (!line)
        return no_memory(building);
    const char *name = strsep(&rest, " "), *path = strsep(&rest, " ");
    if (!path || !rest)
        return ld_fail(building->error, LD_ETARGET, "go does not say where the package is, but: %.200s", line);
    if (strcmp(name, "main") != 0)
        return ld_fail(building->error, LD_ETARGET, "%.200s is package %.100s, not a program (package main)", path,
                       name);
    *ret_folder = rest;
    *ret_name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    return 0;
}

static int compile(struct building *building, const char *overlay, const char *program)
{
    const struct ld_list *flags = &building->spec->flags;
    const char *arguments[WORDS_MAX];
    size_t count = 0;
    arguments[count++] = "go";
    arguments[count++] = "build";
    arguments[count++] = "-buildvcs=false";
    arguments[count++] = ld_arena_printf(building->arena, "-overlay=%s", overlay);
    for (size_t i = 0; i < flags->count && count < WORDS_MAX - 4; i++)
        arguments[count++] = ((const char **)flags->items)[i];
    arguments[count++] = "-o";
    arguments[count++] = program;
    arguments[count++] = building->package;
    arguments[count] = NULL;
    return arguments[3] ? run_go(building, arguments) : no_memory(building);
}

static int build_all(struct building *building, struct ld_built *ret_built)
{
    const char *package_folder = NULL, *name = NULL, *overlay = NULL;
    if (mkdir(building->build->folder, 0700) != 0)
        return ld_fail_errno(building->error, LD_EIO, errno, "cannot make %s", building->build->folder);
    int code = make_environment(building);
    if (!code)
        code = ask_go(building);
    if (!code)
        code = find_source(building);
    if (!code)
        code = look_at_package(building, &package_folder, &name);
    if (!code)
        code = write_overlay(building, package_folder, &overlay);
    if (code)
        return code;
    const char *program = below(building, "program");
    code = program ? compile(building, overlay, program) : no_memory(building);
    if (!code)
        *ret_built = (struct ld_built){.program = program, .name = name, .by = building->version};
    return code;
}

int ld_build_program(const struct ld_build *build, const struct ld_instrument_spec *spec, struct ld_built *ret_built,
                     struct ld_error *error)
{
    struct building building = {.build = build,
                                .spec = spec,
                                .arena = build->arena,
                                .error = error,
                                .deadline_ns = (int64_t)uv_hrtime() + spec->wall_ns};
    int code = ld_build_find_go(build->arena, &building.go, error);
    if (code)
        return code;
    ld_buffer_init(&building.out, SAID_MAX);
    ld_buffer_init(&building.err, SAID_MAX);
    code = build_all(&building, ret_built);
    ld_buffer_done(&building.out);
    ld_buffer_done(&building.err);
    return code;
}
