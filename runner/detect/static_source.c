#include "runner/detect/static_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "detect/go_source.h"

#define PACKAGES_MAX 5000u

struct copying {
    struct ld_source *source;
    const struct ld_source_spec *spec;
    struct ld_arena *arena;
    struct ld_error *error;
    const char *module; /* the folder of the original; NULL before the first package */
};

static int write_file(const char *path, const char *bytes, size_t length, struct ld_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t done = 0;
    while (fd >= 0 && done < length) {
        ssize_t n = write(fd, bytes + done, length - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    int saved = errno;
    bool good = fd >= 0 && close(fd) == 0 && done == length;
    return good ? 0 : ld_fail_errno(error, LD_EIO, saved, "cannot write %s", path);
}

static int copy_file(struct copying *copying, const char *from, const char *to)
{
    size_t length = strlen(from);
    bool is_go = length > 3 && strcmp(from + length - 3, ".go") == 0;
    struct ld_buffer text, stripped;
    ld_buffer_init(&text, LD_GO_SOURCE_MAX);
    ld_buffer_init(&stripped, LD_GO_SOURCE_MAX);
    int code = ld_file_read(from, &text, copying->error);
    if (!code && is_go && ld_go_strip(ld_buffer_text(&text), text.length, &stripped) != 0)
        code = ld_fail(copying->error, LD_ENOMEM, "out of memory");
    const struct ld_buffer *kept = is_go ? &stripped : &text;
    if (!code)
        code = write_file(to, ld_buffer_text(kept), kept->length, copying->error);
    ld_buffer_done(&text);
    ld_buffer_done(&stripped);
    return code;
}

/* With every folder above it, from the copy's root on. */
static int make_folder(struct copying *copying, const char *below)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", copying->source->folder, below);
    if (length < 0 || (size_t)length >= sizeof path)
        return ld_fail(copying->error, LD_ELIMIT, "the path of %s is too long", below);
    for (char *slash = path + strlen(copying->source->folder) + 1; *below && (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return ld_fail_errno(copying->error, LD_EIO, errno, "cannot make %s", path);
        *slash = '/';
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return ld_fail_errno(copying->error, LD_EIO, errno, "cannot make %s", path);
    return 0;
}

/* Is the repaired file of this folder the one that the tool sees? */
static bool is_exchanged(const struct copying *copying, const char *below)
{
    static const char cases[] = "cases/";
    const struct ld_source_spec *spec = copying->spec;
    if (!spec->case_name || strncmp(below, cases, strlen(cases)) != 0)
        return false;
    return spec->repaired || strcmp(below + strlen(cases), spec->case_name) != 0;
}

static int copy_package_file(struct copying *copying, const char *folder, const char *below, const char *name)
{
    const char *from = ld_arena_printf(copying->arena, "%s/repaired/%s", folder, name);
    const char *to =
        ld_arena_printf(copying->arena, "%s/%s%s%s", copying->source->folder, below, *below ? "/" : "", name);
    const char *slash = strrchr(name, '/'); /* what is embedded may lie deeper */
    if (!from || !to)
        return ld_fail(copying->error, LD_ENOMEM, "out of memory");
    if (!is_exchanged(copying, below) || access(from, F_OK) != 0)
        from = ld_arena_printf(copying->arena, "%s/%s", folder, name);
    const char *deeper = slash ? ld_arena_printf(copying->arena, "%s%s%.*s", below, *below ? "/" : "",
                                                 (int)(slash - name), name)
                               : below;
    if (!from || !deeper)
        return ld_fail(copying->error, LD_ENOMEM, "out of memory");
    int code = slash ? make_folder(copying, deeper) : 0;
    return code ? code : copy_file(copying, from, to);
}

/* go.mod, and go.sum where there is one. */
static int copy_module_files(struct copying *copying)
{
    static const char *const names[] = {"go.mod", "go.sum"};
    int code = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && !code; i++) {
        const char *from = ld_arena_printf(copying->arena, "%s/%s", copying->module, names[i]);
        const char *to = ld_arena_printf(copying->arena, "%s/%s", copying->source->folder, names[i]);
        if (!from || !to)
            return ld_fail(copying->error, LD_ENOMEM, "out of memory");
        if (i == 0 || access(from, F_OK) == 0)
            code = copy_file(copying, from, to);
    }
    return code;
}

/* One line of the listing; it is cut into its words. */
static int copy_package(struct copying *copying, char *line)
{
    struct ld_source *source = copying->source;
    const char *path = strsep(&line, "\t"), *name = strsep(&line, "\t"), *folder = strsep(&line, "\t"),
               *module = strsep(&line, "\t");
    if (!path || !name || !folder || !module || strncmp(folder, module, strlen(module)) != 0)
        return ld_fail(copying->error, LD_ETARGET, "go list does not say where a package is");
    if (source->count == PACKAGES_MAX)
        return ld_fail(copying->error, LD_ELIMIT, "more than %u packages", PACKAGES_MAX);
    const char *below = folder + strlen(module) + (folder[strlen(module)] == '/');
    int code = 0;
    if (!copying->module) {
        copying->module = module;
        code = copy_module_files(copying);
    }
    source->packages[source->count++] =
        (struct ld_source_package){.folder = below, .name = strcmp(name, "main") == 0 ? "main" : path};
    if (!code)
        code = make_folder(copying, below);
    for (const char *file; !code && (file = strsep(&line, "\t"));)
        code = copy_package_file(copying, folder, below, file);
    return code;
}

int ld_source_copy(struct ld_source *ret_source, const struct ld_source_spec *spec, const char *folder,
                   struct ld_arena *arena, struct ld_error *error)
{
    struct ld_source source = {.folder = folder};
    struct copying copying = {.source = &source, .spec = spec, .arena = arena, .error = error};
    char *rest = ld_arena_text(arena, spec->listing);
    source.packages = ld_arena_array(arena, PACKAGES_MAX, sizeof *source.packages);
    if (!rest || !source.packages)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    if (mkdir(folder, 0700) != 0)
        return ld_fail_errno(error, LD_EIO, errno, "cannot make %s", folder);
    int code = 0;
    for (char *line; !code && (line = strsep(&rest, "\n"));)
        if (*line)
            code = copy_package(&copying, line);
    if (!code && source.count == 0)
        code = ld_fail(error, LD_ETARGET, "go list names no package of the module");
    if (!code)
        *ret_source = source;
    return code;
}

/* Below the copy: without its folder, or "./", in front. NULL: elsewhere. */
static const char *below_copy(const struct ld_source *source, const char *file)
{
    size_t length = strlen(source->folder);
    if (strncmp(file, source->folder, length) == 0 && file[length] == '/')
        return file + length + 1;
    return file[0] == '/' ? NULL : file + (strncmp(file, "./", 2) == 0 ? 2 : 0);
}

static const struct ld_source_package *package_of(const struct ld_source *source, const char *below)
{
    const char *slash = strrchr(below, '/');
    size_t length = slash ? (size_t)(slash - below) : 0;
    for (size_t i = 0; i < source->count; i++)
        if (strlen(source->packages[i].folder) == length && memcmp(source->packages[i].folder, below, length) == 0)
            return &source->packages[i];
    return NULL;
}

int ld_source_site(const struct ld_source *source, const char *file, unsigned line, struct ld_arena *arena,
                   const char **ret_site, const char **ret_file)
{
    const char *below = below_copy(source, file), *site = file;
    const struct ld_source_package *package = below ? package_of(source, below) : NULL;
    const char *path = below ? ld_arena_printf(arena, "%s/%s", source->folder, below) : "";
    struct ld_buffer text;
    struct ld_error error;
    if (!path)
        return LD_ENOMEM;
    ld_buffer_init(&text, LD_GO_SOURCE_MAX);
    if (package && ld_file_read(path, &text, &error) == 0) {
        char name[LD_GO_FUNCTION_MAX];
        ld_go_function_at(ld_buffer_text(&text), text.length, line, package->name, name);
        site = ld_arena_text(arena, name);
    }
    ld_buffer_done(&text);
    *ret_site = site;
    *ret_file = below ? below : file;
    return site ? 0 : LD_ENOMEM;
}
