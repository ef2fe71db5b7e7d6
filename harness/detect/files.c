#include "detect/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"

struct ld_detector_files {
    struct ld_arena *arena;
    size_t count;
    struct ld_detector_file items[LD_DETECTOR_FILES_MAX];
};

struct ld_detector_files *ld_detector_files_new(void)
{
    struct ld_detector_files *files = calloc(1, sizeof *files);
    if (files)
        files->arena = ld_arena_new(LD_DETECTOR_FILES_MAX * (LD_DETECTOR_FILE_BYTES_MAX + 8192));
    if (!files || files->arena)
        return files;
    free(files);
    return NULL;
}

void ld_detector_files_free(struct ld_detector_files *files)
{
    if (files)
        ld_arena_free(files->arena);
    free(files);
}

const struct ld_detector_file *ld_detector_files_find(const struct ld_detector_files *files, const char *name)
{
    for (size_t i = 0; files && i < files->count; i++)
        if (strcmp(files->items[i].name, name) == 0)
            return &files->items[i];
    return NULL;
}

const struct ld_detector_file *ld_detector_files_at(const struct ld_detector_files *files, size_t index)
{
    return &files->items[index];
}

size_t ld_detector_files_count(const struct ld_detector_files *files)
{
    return files ? files->count : 0;
}

int ld_detector_files_add(struct ld_detector_files *files, const char *name, const char *text, size_t length)
{
    if (files->count == LD_DETECTOR_FILES_MAX)
        return LD_ELIMIT;
    struct ld_detector_file *file = &files->items[files->count];
    file->name = ld_arena_text(files->arena, name);
    file->text = ld_arena_copy(files->arena, text, length);
    file->length = length;
    if (!file->name || !file->text)
        return LD_ENOMEM;
    ld_hash_of(text, length, file->hash);
    files->count++;
    return 0;
}

/* A NUL would end the text in the store, and nothing that reads such a file takes one. */
static int read_now(const char *path, ld_detector_file_taker *take, struct ld_buffer *bytes, struct ld_error *error)
{
    int code = ld_file_read(path, bytes, error);
    if (!code && strlen(ld_buffer_text(bytes)) != bytes->length) {
        code = ld_fail(error, LD_ESPEC, "has a NUL character at byte %zu", strlen(ld_buffer_text(bytes)) + 1);
        if (error)
            snprintf(error->file, sizeof error->file, "%s", path);
    }
    return code || !take ? code : take(path, bytes, error);
}

int ld_detector_files_read(struct ld_detector_files *files, const char *name, const char *path,
                           ld_detector_file_taker *take, struct ld_error *error)
{
    struct ld_buffer bytes;
    if (ld_detector_files_find(files, name))
        return 0;
    ld_buffer_init(&bytes, LD_DETECTOR_FILE_BYTES_MAX);
    int code = read_now(path, take, &bytes, error);
    int added = code ? 0 : ld_detector_files_add(files, name, ld_buffer_text(&bytes), bytes.length);
    ld_buffer_done(&bytes);
    if (added == LD_ELIMIT)
        return ld_fail(error, LD_ESPEC, "is one file too many: the detectors of a campaign read at most %d",
                       LD_DETECTOR_FILES_MAX);
    return added ? ld_fail(error, added, "%s", ld_code_text(added)) : code;
}

int ld_detector_files_take(const struct ld_detector_files *files, const char *name, const char *path,
                           ld_detector_file_taker *take, struct ld_buffer *bytes, struct ld_error *error)
{
    const struct ld_detector_file *file = ld_detector_files_find(files, name);
    if (!file)
        return read_now(path, take, bytes, error);
    int code = ld_buffer_add(bytes, file->text, file->length);
    return code ? ld_fail(error, code, "%s", ld_code_text(code)) : 0;
}
