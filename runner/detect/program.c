#include "runner/detect/program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_beside(const char *word)
{
    return strncmp(word, "./", 2) == 0 || strncmp(word, "../", 3) == 0;
}

static int folder_of(const char *file, char ret_folder[PATH_MAX], struct ld_error *error)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(file, '/');
    if (slash && snprintf(folder, sizeof folder, "%.*s", (int)(slash - file) + 1, file) >= (int)sizeof folder)
        return ld_fail(error, LD_ELIMIT, "the scenario's path is too long");
    return realpath(folder, ret_folder) ? 0 : ld_fail_errno(error, LD_ENOENT, errno, "%.200s", folder);
}

int ld_program_word(const char *file, const char *word, char *ret_word, size_t room, struct ld_error *error)
{
    char folder[PATH_MAX];
    bool beside = is_beside(word);
    int code = beside ? folder_of(file, folder, error) : 0;
    if (code)
        return code;
    if (strncmp(word, "./", 2) == 0)
        word += 2;
    int length = snprintf(ret_word, room, "%s%s%s", beside ? folder : "", beside ? "/" : "", word);
    return length < (int)room ? 0 : ld_fail(error, LD_ELIMIT, "the path of %.60s is too long", word);
}

static int check_program(const char *path, const char *word, struct ld_error *error)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return ld_fail(error, LD_ENOENT, "there is no program %.200s", word);
    if (!S_ISREG(status.st_mode))
        return ld_fail(error, LD_ENOENT, "%.200s is no program but a folder or a device", word);
    if (access(path, X_OK) != 0)
        return ld_fail(error, LD_ENOENT, "%.200s is not executable (chmod +x)", word);
    return 0;
}

static int find_in_path(const char *word, char *ret_path, size_t room, struct ld_error *error)
{
    const char *folders = getenv("PATH");
    struct ld_error ignored;
    for (const char *at = folders ? folders : "/usr/local/bin:/usr/bin:/bin"; *at;) {
        size_t length = strcspn(at, ":");
        int written = snprintf(ret_path, room, "%.*s/%s", (int)length, at, word);
        if (at[0] == '/' && written < (int)room && check_program(ret_path, word, &ignored) == 0)
            return 0;
        at += length + (at[length] == ':');
    }
    return ld_fail(error, LD_ENOENT, "there is no program %.60s in PATH; a file is written with its folder, ./%.60s",
                   word, word);
}

int ld_program_find(const char *file, const char *word, char *ret_path, size_t room, struct ld_error *error)
{
    if (!strchr(word, '/'))
        return find_in_path(word, ret_path, room, error);
    if (word[0] != '/' && !is_beside(word))
        return ld_fail(error, LD_ENOENT, "%.200s: a path begins with / or, beside the scenario, with ./", word);
    int code = ld_program_word(file, word, ret_path, room, error);
    return code ? code : check_program(ret_path, word, error);
}

int ld_program_check_word(const char *file, const char *word, struct ld_error *error)
{
    char path[PATH_MAX];
    if (!is_beside(word))
        return 0;
    int code = ld_program_word(file, word, path, sizeof path, error);
    if (!code && access(path, F_OK) != 0)
        code = ld_fail(error, LD_ENOENT, "there is no file %.200s beside the scenario", word);
    return code;
}
