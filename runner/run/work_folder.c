#include "runner/run/work_folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/process/sweep.h"

#define NAME "leakdrill-work-XXXXXX"
#define TRIES_MAX 100

const char *ld_work_folder_parent(void)
{
    const char *base = getenv("TMPDIR");
    return base && base[0] == '/' ? base : "/tmp";
}

int ld_work_folder_make(char *ret_path, size_t room, int *ret_lock, struct ld_error *error)
{
    /* The sweep of another campaign may come between the folder and its lock: then it is gone, the
     * next one is tried. */
    for (int i = 0; i < TRIES_MAX; i++) {
        int n = snprintf(ret_path, room, "%s/" NAME, ld_work_folder_parent());
        if (n < 0 || (size_t)n >= room)
            return ld_fail(error, LD_ESYSTEM, "TMPDIR is too long");
        if (!mkdtemp(ret_path))
            return ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make the work folder %s", ret_path);
        *ret_lock = ld_folder_lock(ret_path);
        if (*ret_lock >= 0)
            return 0;
        if (errno != ENOENT && errno != EWOULDBLOCK)
            break;
    }
    int saved = errno;
    rmdir(ret_path);
    return ld_fail_errno(error, LD_ESYSTEM, saved, "cannot lock the work folder %s", ret_path);
}

/* One and the same folder, by whatever name. */
static bool is_same(const char *folder, const char *other)
{
    struct stat one, two;
    return stat(folder, &one) == 0 && stat(other, &two) == 0 && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

enum ld_claimed ld_work_folder_claim(const char *path, int *ret_lock)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int lock;
    enum ld_claimed claim = ld_folder_claim(path, NAME, &lock);
    if (claim != LD_CLAIM_TAKEN)
        return claim;
    if (snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path) >= (int)sizeof parent ||
        !is_same(parent, ld_work_folder_parent())) {
        close(lock);
        return LD_CLAIM_NOT_OURS;
    }
    *ret_lock = lock;
    return LD_CLAIM_TAKEN;
}

static bool take_if_free(const char *path, bool remove)
{
    int lock;
    if (ld_work_folder_claim(path, &lock) != LD_CLAIM_TAKEN)
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
    const char *parent = ld_work_folder_parent();
    DIR *folder = opendir(parent);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (ld_folder_name_fits(entry->d_name, NAME) &&
            snprintf(path, sizeof path, "%s/%s", parent, entry->d_name) < (int)sizeof path)
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
