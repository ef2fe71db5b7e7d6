#include "runner/detect/watched_programs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "detect/exec.h"
#include "runner/detect/program.h"

#define MEMORY ((size_t)LD_WATCHED_PROGRAMS_MAX * (2 * PATH_MAX + 1024))
#define BYTES_MAX ((size_t)256 << 20) /* of a file that is hashed: its beginning stands for a greater one */
#define HASH_SHOWN 12

struct file {
    const char *path, *shown;
    struct stat status;
    char hash[LD_HASH_HEX];
};

struct ld_watched_programs {
    struct ld_arena *arena;
    size_t count;
    struct file files[LD_WATCHED_PROGRAMS_MAX];
};

static bool hash_of(const char *path, struct stat *ret_status, char ret_hash[LD_HASH_HEX])
{
    struct ld_hash hash;
    size_t left = BYTES_MAX;
    char piece[65536];
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = fstat(fd, ret_status) == 0 && S_ISREG(ret_status->st_mode);
    ld_hash_init(&hash);
    while (good && left > 0 && n != 0) {
        n = read(fd, piece, left < sizeof piece ? left : sizeof piece);
        good = n >= 0 || errno == EINTR;
        if (n > 0) {
            ld_hash_add(&hash, piece, (size_t)n);
            left -= (size_t)n;
        }
    }
    ld_hash_end(&hash, ret_hash);
    close(fd);
    return good;
}

static bool is_untouched(const struct stat *then, const struct stat *now)
{
    return then->st_dev == now->st_dev && then->st_ino == now->st_ino && then->st_size == now->st_size &&
           then->st_mtim.tv_sec == now->st_mtim.tv_sec && then->st_mtim.tv_nsec == now->st_mtim.tv_nsec &&
           then->st_ctim.tv_sec == now->st_ctim.tv_sec && then->st_ctim.tv_nsec == now->st_ctim.tv_nsec;
}

/* The file that the word of a command names; false: it names none. */
static bool file_of_word(const struct ld_scenario *scenario, const char *word, size_t index, char path[PATH_MAX])
{
    struct ld_error ignored;
    bool beside = strncmp(word, "./", 2) == 0 || strncmp(word, "../", 3) == 0;
    if (index == 0)
        return ld_program_find(scenario->file, word, path, PATH_MAX, &ignored) == 0;
    return beside && ld_program_word(scenario->file, word, path, PATH_MAX, &ignored) == 0;
}

static const struct file *find(const struct ld_watched_programs *programs, const char *path)
{
    for (size_t i = 0; i < programs->count; i++)
        if (strcmp(programs->files[i].path, path) == 0)
            return &programs->files[i];
    return NULL;
}

static int add(struct ld_watched_programs *programs, const struct ld_scenario *scenario, const char *word,
               const char *path)
{
    char shown[LD_DETECTOR_PATH_MAX];
    struct file *file = &programs->files[programs->count];
    if (programs->count == LD_WATCHED_PROGRAMS_MAX || find(programs, path) ||
        !hash_of(path, &file->status, file->hash))
        return 0;
    if (word[0] == '.')
        ld_detector_beside(scenario->file, word, shown, sizeof shown);
    else
        snprintf(shown, sizeof shown, "%s", path);
    file->path = ld_arena_text(programs->arena, path);
    file->shown = ld_arena_text(programs->arena, shown);
    if (!file->path || !file->shown)
        return LD_ENOMEM;
    programs->count++;
    return 0;
}

static int add_detector(struct ld_watched_programs *programs, const struct ld_scenario *scenario,
                        const struct ld_detector_spec *spec)
{
    const struct ld_exec_options *options = spec->options;
    int code = 0;
    if (spec->kind->type != LD_DETECTOR_EXEC)
        return 0;
    for (size_t i = 0; i < options->command.count && !code; i++) {
        const char *word = ((const char *const *)options->command.items)[i];
        char path[PATH_MAX];
        code = file_of_word(scenario, word, i, path) ? add(programs, scenario, word, path) : 0;
    }
    return code;
}

int ld_watched_programs_new(struct ld_watched_programs **ret_programs, const struct ld_plan *plan,
                            struct ld_error *error)
{
    struct ld_watched_programs *programs = calloc(1, sizeof *programs);
    int code = programs && (programs->arena = ld_arena_new(MEMORY)) ? 0 : LD_ENOMEM;
    for (size_t i = 0; i < plan->cell_count && !code; i++) {
        const struct ld_scenario *scenario = plan->cells[i].scenario;
        if (i && plan->cells[i - 1].scenario == scenario)
            continue;
        for (size_t k = 0; k < scenario->detector_count && !code; k++)
            code = add_detector(programs, scenario, &scenario->detectors[k]);
    }
    if (code) {
        ld_watched_programs_free(programs);
        return ld_fail(error, code, "%s", ld_code_text(code));
    }
    *ret_programs = programs;
    return 0;
}

void ld_watched_programs_free(struct ld_watched_programs *programs)
{
    if (programs)
        ld_arena_free(programs->arena);
    free(programs);
}

size_t ld_watched_programs_count(const struct ld_watched_programs *programs)
{
    return programs ? programs->count : 0;
}

void ld_watched_programs_at(const struct ld_watched_programs *programs, size_t index, const char **ret_path,
                            const char **ret_hash)
{
    *ret_path = programs->files[index].shown;
    *ret_hash = programs->files[index].hash;
}

static bool has_changed(const struct file *file, char *text, size_t room)
{
    struct stat now;
    char hash[LD_HASH_HEX];
    if (stat(file->path, &now) == 0 && is_untouched(&file->status, &now))
        return false;
    bool there = hash_of(file->path, &now, hash);
    if (there && strcmp(hash, file->hash) == 0)
        return false;
    if (there)
        snprintf(text, room, "%.200s is %.*s and was %.*s when the campaign began", file->shown, HASH_SHOWN, hash,
                 HASH_SHOWN, file->hash);
    else
        snprintf(text, room, "%.200s cannot be read any more", file->shown);
    return true;
}

bool ld_watched_programs_changed(const struct ld_watched_programs *programs, const struct ld_scenario *scenario,
                                 const struct ld_detector_spec *spec, char *text, size_t room)
{
    const struct ld_exec_options *options = spec->options;
    if (!programs || spec->kind->type != LD_DETECTOR_EXEC)
        return false;
    for (size_t i = 0; i < options->command.count; i++) {
        char path[PATH_MAX];
        const char *word = ((const char *const *)options->command.items)[i];
        const struct file *file = file_of_word(scenario, word, i, path) ? find(programs, path) : NULL;
        if (file && has_changed(file, text, room))
            return true;
    }
    return false;
}
