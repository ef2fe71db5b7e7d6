/* `leakdrill new-detector NAME --exec LANGUAGE`: a detector that is a program, into the working folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/cli/command.h"
#include "runner/cli/new_detector.h"
#include "runner/cli/scaffold.h"

#define MEMORY_MAX ((size_t)1 << 20)
#define GO_MODULE "module @NAME@\n\ngo 1.23\n"

struct file {
    const char *path, *text;
    mode_t mode;
};

struct language {
    const char *name;
    const char *folder;   /* made first; NULL: none */
    struct file files[2]; /* path and text with @NAME@; a NULL path ends them */
    const char *build;    /* what must be said first; "" when nothing must */
    const char *command;  /* how a scenario starts it */
};

static const struct language languages[] = {
    {"python", NULL, {{"@NAME@.py", ld_template_exec_detector_py, 0777}}, "", "./@NAME@.py"},
    {"go",
     "@NAME@",
     {{"@NAME@/main.go", ld_template_exec_detector_go, 0666}, {"@NAME@/go.mod", GO_MODULE, 0666}},
     "  (cd @NAME@ && go build)\n",
     "./@NAME@/@NAME@"},
};
#define LANGUAGES (sizeof languages / sizeof *languages)

const char *const *ld_exec_languages(void)
{
    static const char *names[LANGUAGES + 1];
    for (size_t i = 0; i < LANGUAGES; i++)
        names[i] = languages[i].name;
    return names;
}

static const struct language *find_language(const char *name)
{
    for (size_t i = 0; i < LANGUAGES; i++)
        if (strcmp(languages[i].name, name) == 0)
            return &languages[i];
    return NULL;
}

static int write_file(const char *path, const char *text, mode_t mode, struct ld_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return ld_fail_errno(error, errno == EEXIST ? LD_EUSAGE : LD_EIO, errno, "%s", path);
    size_t length = strlen(text);
    bool good = write(fd, text, length) == (ssize_t)length;
    int saved = errno;
    if (close(fd) == 0 && good)
        return 0;
    unlink(path);
    return ld_fail_errno(error, LD_EIO, saved, "%s", path);
}

static int write_all(struct ld_scaffold *scaffold, const struct language *language, const char *const *words,
                     struct ld_error *error)
{
    const char *folder = language->folder ? ld_scaffold_fill(scaffold, language->folder, words) : NULL;
    if (folder && mkdir(folder, 0777) != 0)
        return ld_fail_errno(error, errno == EEXIST ? LD_EUSAGE : LD_EIO, errno, "%s", folder);
    for (size_t i = 0; i < 2 && language->files[i].path; i++) {
        const struct file *file = &language->files[i];
        const char *path = ld_scaffold_fill(scaffold, file->path, words);
        const char *text = ld_scaffold_fill(scaffold, file->text, words);
        int code =
            path && text ? write_file(path, text, file->mode, error) : ld_fail(error, LD_ENOMEM, "out of memory");
        if (code)
            return code;
        printf("wrote %s\n", path);
    }
    return 0;
}

int ld_new_exec_detector(const struct ld_invocation *invocation, const char *name, const char *language_name)
{
    struct ld_error error;
    const struct language *language = find_language(language_name);
    const char *const words[] = {"@NAME@", name, NULL};
    if (!language)
        return ld_usage_error(invocation->command, "--exec is python or go, not \"%.60s\"", language_name);
    struct ld_scaffold scaffold = {.arena = ld_arena_new(MEMORY_MAX), .source = "."};
    if (!scaffold.arena) {
        ld_fail(&error, LD_ENOMEM, "out of memory");
        return ld_say_error(invocation->command, &error);
    }
    int code = write_all(&scaffold, language, words, &error);
    const char *build = ld_scaffold_fill(&scaffold, language->build, words);
    const char *command = ld_scaffold_fill(&scaffold, language->command, words);
    if (!code)
        printf(
            "\n%s  leakdrill detector check %s\n\nA scenario in this folder names it as `detectors: [exec: {command: "
            "[%s], as: %s}]`.\n",
            build ? build : "", command ? command : "", command ? command : "", name);
    ld_arena_free(scaffold.arena);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
