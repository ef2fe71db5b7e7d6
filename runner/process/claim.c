#include "runner/process/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANDOM_LENGTH ((size_t)6) /* the last characters of mkdtemp's pattern */
#define RANDOM_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

int ld_folder_lock(const char *path)
{
    struct stat status;
    int lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
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

bool ld_folder_name_fits(const char *name, const char *pattern)
{
    size_t fixed = strlen(pattern) - RANDOM_LENGTH;
    return strlen(name) == fixed + RANDOM_LENGTH && strncmp(name, pattern, fixed) == 0 &&
           strspn(name + fixed, RANDOM_LETTERS) == RANDOM_LENGTH;
}

enum ld_claimed ld_folder_claim(const char *path, const char *pattern, int *ret_lock)
{
    struct stat status;
    const char *slash = strrchr(path, '/');
    int lock = ld_folder_lock(path);
    if (lock < 0)
        return errno == ENOENT ? LD_CLAIM_GONE : errno == EWOULDBLOCK ? LD_CLAIM_HELD : LD_CLAIM_NOT_OURS;
    /* Asked of what is locked: nobody can put another folder in its place. */
    if (!slash || !ld_folder_name_fits(slash + 1, pattern) || fstat(lock, &status) != 0 ||
        status.st_uid != geteuid() || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        close(lock);
        return LD_CLAIM_NOT_OURS;
    }
    *ret_lock = lock;
    return LD_CLAIM_TAKEN;
}
