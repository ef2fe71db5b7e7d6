#include "runner/run/work_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/process/sweep.h"

#define NAME "leakdrill-work-XXXXXX"
#define NAME_LENGTH (sizeof NAME - 1)
#define FIXED_LENGTH (NAME_LENGTH - 6) /* what mkdtemp leaves as it is */
#define TRIES_MAX 100

static const char *base_folder(void)
{
    const char *base = getenv("TMPDIR");
    return base && base[0] == '/' ? base : "/tmp";
}

/* The folder's descriptor, with its lock; -1 and errno: EWOULDBLOCK when somebody has it, ENOENT when it is gone. */
static int take_lock(const char *folder)
{
    struct stat status;
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0)
        return -1;
    int saved = flock(lock, LOCK_EX | LOCK_NB) != 0 || fstat(lock, &status) != 0 ? errno : 0;
    if (!saved && status.st_nlink == 0)
        saved = ENOENT; /* removed between open and flock: a lock on nothing */
    if (saved) {
        close(lock);
        errno = saved;
        return -1;
    }
    return lock;
}

int ld_work_folder_make(char *ret_path, size_t room, int *ret_lock, struct ld_error *error)
{
    /* The sweep of another campaign may come between the folder and its lock: then it is gone, the next one is tried. */
    for (int i = 0; i < TRIES_MAX; i++) {
        int n = snprintf(ret_path, room, "%s/" NAME, base_folder());
        if (n < 0 || (size_t)n >= room)
            return ld_fail(error, LD_ESYSTEM, "TMPDIR is too long");
        if (!mkdtemp(ret_path))
            return ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make the work folder %s", ret_path);
        *ret_lock = take_lock(ret_path);
        if (*ret_lock >= 0)
            return 0;
        if (errno != ENOENT && errno != EWOULDBLOCK)
            break;
    }
    int saved = errno;
    rmdir(ret_path);
    return ld_fail_errno(error, LD_ESYSTEM, saved, "cannot lock the work folder %s", ret_path);
}

static bool is_ours(const char *path, const char *name)
{
    struct stat status;
    return strlen(name) == NAME_LENGTH && strncmp(name, NAME, FIXED_LENGTH) == 0 && lstat(path, &status) == 0 &&
           S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

static bool take_if_free(const char *path, bool remove)
{
    int lock = take_lock(path);
    if (lock < 0)
        return false;
    if (remove)
        (void)ld_remove_tree(path);
    close(lock);
    return true;
}

unsigned ld_work_folders_sweep(bool remove)
{
    char path[512];
    unsigned count = 0;
    DIR *folder = opendir(base_folder());
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (snprintf(path, sizeof path, "%s/%s", base_folder(), entry->d_name) < (int)sizeof path &&
            is_ours(path, entry->d_name))
            count += take_if_free(path, remove);
    if (folder)
        closedir(folder);
    return count;
}

int ld_work_folder_guarded(char *ret_path, size_t room, int *ret_lock, struct ld_guard *ret_guard,
                           struct ld_error *error)
{
    ld_work_folders_sweep(true);
    int code = ld_work_folder_make(ret_path, room, ret_lock, error);
    if (code)
        return code;
    code = ld_guard_start(ret_guard, ret_path, true, error);
    if (code) {
        ld_remove_tree(ret_path);
        close(*ret_lock);
    }
    return code;
}
