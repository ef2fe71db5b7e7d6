#include "runner/cli/scaffold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

#define ARENA_MAX ((size_t)16 << 20)
#define FILE_MAX ((size_t)1 << 20)
#define PATH_ROOM 4096
#define BESIDE ".new" /* behind the name of a file that is about to be replaced */

static int no_memory(struct ld_error *error)
{
    return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
}

int ld_scaffold_init(struct ld_scaffold *scaffold, const char *source, struct ld_error *error)
{
    static const char *const signs[] = {"fixtures-go/cases.json", "harness/detect/builtin.h", "scenarios"};
    *scaffold = (struct ld_scaffold){.source = source ? source : LEAKDRILL_SOURCE_FOLDER};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (!ld_scaffold_has(scaffold, signs[i]))
            return ld_fail(error, LD_EUSAGE, "%s is no source tree of leakdrill: it has no %s%s", scaffold->source,
                           signs[i], source ? "" : "; name one with --source");
    scaffold->arena = ld_arena_new(ARENA_MAX);
    return scaffold->arena ? 0 : no_memory(error);
}

void ld_scaffold_done(struct ld_scaffold *scaffold)
{
    ld_arena_free(scaffold->arena);
    scaffold->arena = NULL;
}

const char *ld_scaffold_fill(struct ld_scaffold *scaffold, const char *template_text, const char *const *words)
{
    struct ld_buffer out;
    ld_buffer_init(&out, FILE_MAX);
    int code = 0;
    while (!code && *template_text) {
        const char *const *word = words;
        while (word[0] && strncmp(template_text, word[0], strlen(word[0])) != 0)
            word += 2;
        code = word[0] ? ld_buffer_add_text(&out, word[1]) : ld_buffer_add(&out, template_text, 1);
        template_text += word[0] ? strlen(word[0]) : 1;
    }
    const char *text = code ? NULL : ld_arena_text(scaffold->arena, ld_buffer_text(&out));
    ld_buffer_done(&out);
    return text;
}

static bool full_path(const struct ld_scaffold *scaffold, const char *path, const char *behind, char *ret_path)
{
    int n = snprintf(ret_path, PATH_ROOM, "%s/%s%s", scaffold->source, path, behind);
    return n > 0 && n < PATH_ROOM;
}

bool ld_scaffold_has(const struct ld_scaffold *scaffold, const char *path)
{
    char full[PATH_ROOM];
    struct stat status;
    return full_path(scaffold, path, "", full) && lstat(full, &status) == 0;
}

int ld_scaffold_read(struct ld_scaffold *scaffold, const char *path, const char **ret_text, struct ld_error *error)
{
    char full[PATH_ROOM];
    if (!full_path(scaffold, path, "", full))
        return ld_fail(error, LD_EIO, "%s: the path is too long", path);
    FILE *stream = fopen(full, "re");
    if (!stream)
        return ld_fail_errno(error, LD_EIO, errno, "%s", full);
    char *bytes = malloc(FILE_MAX);
    size_t length = bytes ? fread(bytes, 1, FILE_MAX - 1, stream) : 0;
    bool whole = bytes && feof(stream) && !ferror(stream);
    fclose(stream);
    if (whole)
        bytes[length] = '\0';
    const char *text = whole ? ld_arena_text(scaffold->arena, bytes) : NULL;
    free(bytes);
    if (!text)
        return ld_fail(error, LD_EIO, "%s cannot be read whole", full);
    *ret_text = text;
    return 0;
}

int ld_scaffold_add(struct ld_scaffold *scaffold, const char *path, const char *text, bool replaces,
                    struct ld_error *error)
{
    if (!path || !text)
        return no_memory(error);
    if (scaffold->count == LD_SCAFFOLD_FILES_MAX)
        return ld_fail(error, LD_ELIMIT, "more than %d files", LD_SCAFFOLD_FILES_MAX);
    if (!replaces && ld_scaffold_has(scaffold, path))
        return ld_fail(error, LD_EUSAGE, "%s/%s is there already; choose another name or remove it", scaffold->source,
                       path);
    scaffold->files[scaffold->count++] = (struct ld_scaffold_file){.path = path, .text = text, .replaces = replaces};
    return 0;
}

const char *ld_scaffold_insert(struct ld_scaffold *scaffold, const char *text, const char *at, const char *row)
{
    return ld_arena_printf(scaffold->arena, "%.*s%s%s", (int)(at - text), text, row, at);
}

/* The folders above a path, those that are missing. */
static void make_folders(const struct ld_scaffold *scaffold, const char *path)
{
    char full[PATH_ROOM];
    if (!full_path(scaffold, path, "", full))
        return;
    for (char *slash = full + strlen(scaffold->source) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(full, 0777); /* what fails shows when the file is written */
    }
}

static int write_new(const char *full, const char *text, struct ld_error *error)
{
    int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return ld_fail_errno(error, LD_EIO, errno, "%s", full);
    size_t length = strlen(text);
    ssize_t n = write(fd, text, length);
    int saved = n < 0 ? errno : ENOSPC;
    if (close(fd) == 0 && n == (ssize_t)length)
        return 0;
    unlink(full);
    return ld_fail_errno(error, LD_EIO, saved, "%s", full);
}

static const char *name_while_written(const struct ld_scaffold_file *file)
{
    return file->replaces ? BESIDE : "";
}

int ld_scaffold_write(const struct ld_scaffold *scaffold, struct ld_error *error)
{
    char full[PATH_ROOM], beside[PATH_ROOM];
    size_t written = 0;
    int code = 0;
    for (; !code && written < scaffold->count; written += !code) {
        const struct ld_scaffold_file *file = &scaffold->files[written];
        make_folders(scaffold, file->path);
        code = full_path(scaffold, file->path, name_while_written(file), full)
                   ? write_new(full, file->text, error)
                   : ld_fail(error, LD_EIO, "%s: the path is too long", file->path);
    }
    for (size_t i = 0; !code && i < scaffold->count; i++) {
        const struct ld_scaffold_file *file = &scaffold->files[i];
        if (!file->replaces || !full_path(scaffold, file->path, "", full) ||
            !full_path(scaffold, file->path, BESIDE, beside))
            continue;
        if (rename(beside, full) != 0)
            code = ld_fail_errno(error, LD_EIO, errno, "%s", full);
    }
    for (size_t i = 0; code && i < written; i++)
        if (full_path(scaffold, scaffold->files[i].path, name_while_written(&scaffold->files[i]), full))
            unlink(full);
    return code;
}

static bool is_ours(const struct ld_scaffold *scaffold)
{
    return strcmp(scaffold->source, LEAKDRILL_SOURCE_FOLDER) == 0;
}

const char *ld_scaffold_quoted(const struct ld_scaffold *scaffold, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:@%/";
    if (path[strspn(path, plain)] == '\0')
        return path;
    const char *quoted = ld_arena_printf(scaffold->arena, "'");
    for (; quoted && *path; path++)
        quoted = *path == '\'' ? ld_arena_printf(scaffold->arena, "%s'\\''", quoted)
                               : ld_arena_printf(scaffold->arena, "%s%c", quoted, *path);
    quoted = quoted ? ld_arena_printf(scaffold->arena, "%s'", quoted) : NULL;
    return quoted ? quoted : path;
}

void ld_scaffold_tell(const struct ld_scaffold *scaffold)
{
    for (size_t i = 0; i < scaffold->count; i++)
        printf("%s %s/%s\n", scaffold->files[i].replaces ? "changed" : "wrote  ", scaffold->source,
               scaffold->files[i].path);
    printf("\nNext:\n");
    if (is_ours(scaffold))
        printf("  cmake --build %s\n", ld_scaffold_quoted(scaffold, LEAKDRILL_BUILD_FOLDER));
    else
        printf("  (cd %s && cmake --preset dev && cmake --build --preset dev)\n",
               ld_scaffold_quoted(scaffold, scaffold->source));
}

const char *ld_scaffold_build_folder(struct ld_scaffold *scaffold)
{
    const char *other = is_ours(scaffold) ? NULL : ld_arena_printf(scaffold->arena, "%s/build/dev", scaffold->source);
    return other ? other : LEAKDRILL_BUILD_FOLDER;
}
