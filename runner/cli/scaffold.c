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

/* The folder in which one stands, when it is a source tree and another than ours; NULL else. */
static const char *tree_here(struct ld_scaffold *scaffold)
{
    static const char *const signs[] = {"fixtures-go/cases.json", "harness/detect/builtin.h"};
    char here[PATH_ROOM];
    struct stat one, other;
    if (!getcwd(here, sizeof here))
        return NULL;
    const struct ld_scaffold candidate = {.source = here};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (!ld_scaffold_has(&candidate, signs[i]))
            return NULL;
    bool ours = stat(here, &one) == 0 && stat(LEAKDRILL_SOURCE_FOLDER, &other) == 0 && one.st_dev == other.st_dev &&
                one.st_ino == other.st_ino;
    return ours ? NULL : ld_arena_text(scaffold->arena, here);
}

int ld_scaffold_init(struct ld_scaffold *scaffold, const char *source, struct ld_error *error)
{
    static const char *const signs[] = {"fixtures-go/cases.json", "harness/detect/builtin.h", "scenarios"};
    *scaffold = (struct ld_scaffold){.arena = ld_arena_new(ARENA_MAX)};
    if (!scaffold->arena)
        return no_memory(error);
    const char *here = source ? NULL : tree_here(scaffold);
    scaffold->source = source ? source : here ? here : LEAKDRILL_SOURCE_FOLDER;
    int code = 0;
    for (size_t i = 0; !code && i < sizeof signs / sizeof *signs; i++)
        if (!ld_scaffold_has(scaffold, signs[i]))
            code = ld_fail(error, LD_EUSAGE, "%s is no source tree of leakdrill: it has no %s%s", scaffold->source,
                           signs[i], source ? "" : "; name one with --source");
    if (code)
        ld_scaffold_done(scaffold);
    return code;
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

/* What is new is written at its place, what replaces beside the file that it will replace; one that an earlier attempt
 * left there is nobody's. */
static int put(struct ld_scaffold *scaffold, struct ld_scaffold_file *file, struct ld_error *error)
{
    char full[PATH_ROOM];
    make_folders(scaffold, file->path);
    if (!full_path(scaffold, file->path, file->replaces ? BESIDE : "", full))
        return ld_fail(error, LD_EIO, "%s: the path is too long", file->path);
    if (file->replaces) {
        int code = ld_scaffold_read(scaffold, file->path, &file->original, error);
        if (code)
            return code;
        unlink(full);
    }
    return write_new(full, file->text, error);
}

/* What was written beside a file takes its place. */
static int move_in(const struct ld_scaffold *scaffold, const struct ld_scaffold_file *file, struct ld_error *error)
{
    char full[PATH_ROOM], beside[PATH_ROOM];
    if (!full_path(scaffold, file->path, "", full) || !full_path(scaffold, file->path, BESIDE, beside))
        return ld_fail(error, LD_EIO, "%s: the path is too long", file->path);
    return rename(beside, full) == 0 ? 0 : ld_fail_errno(error, LD_EIO, errno, "%s", full);
}

/* Those that are empty again, or the next attempt would take them for somebody's. */
static void remove_folders(const struct ld_scaffold *scaffold, const char *path)
{
    char full[PATH_ROOM];
    if (!full_path(scaffold, path, "", full))
        return;
    size_t above = strlen(scaffold->source);
    for (char *slash; (slash = strrchr(full, '/')) && slash > full + above;) {
        *slash = '\0';
        if (rmdir(full) != 0)
            return;
    }
}

/* Back to what was there. What cannot be undone is left for the user, who is told of the first failure. */
static void undo(const struct ld_scaffold *scaffold, const struct ld_scaffold_file *file, bool moved_in)
{
    char full[PATH_ROOM];
    if (!full_path(scaffold, file->path, file->replaces ? BESIDE : "", full))
        return;
    if (!moved_in)
        unlink(full);
    if (!file->replaces)
        remove_folders(scaffold, file->path);
    else if (moved_in && write_new(full, file->original, NULL) == 0 && move_in(scaffold, file, NULL) != 0)
        unlink(full);
}

int ld_scaffold_write(struct ld_scaffold *scaffold, struct ld_error *error)
{
    size_t written = 0, moved = 0;
    int code = 0;
    for (; !code && written < scaffold->count; written += !code)
        code = put(scaffold, &scaffold->files[written], error);
    for (; !code && moved < scaffold->count; moved += !code)
        if (scaffold->files[moved].replaces)
            code = move_in(scaffold, &scaffold->files[moved], error);
    if (written < scaffold->count)
        remove_folders(scaffold, scaffold->files[written].path);
    for (size_t i = written; code && i-- > 0;)
        undo(scaffold, &scaffold->files[i], scaffold->files[i].replaces && i < moved);
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
    printf("source tree: %s\n", scaffold->source);
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
