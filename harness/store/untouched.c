/* What can be told of a file without changing a byte of it or beside it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/internal.h"

/* https://www.sqlite.org/fileformat2.html, 1.3: the format's version for writing and for reading; 1 is a file without a
 * write-ahead log. */
#define FORMAT_OFFSET 18
#define FORMAT_ROLLBACK 1
/* The same, 1.4: SQLite locks bytes of the page at one gigabyte. Every connection to a file with a write-ahead log
 * holds some of them until it ends, and so does a transaction without one. */
#define LOCKS_OFFSET 0x40000000
#define LOCKS_LENGTH 512

static const char *const neighbours[] = {"-wal", "-journal"}; /* "-shm" is made again from the log */
#define NEIGHBOURS (sizeof neighbours / sizeof *neighbours)

bool ld_store_in_use(const char *path)
{
    /* Not while this process has the file open in SQLite: close() would let go of that connection's locks. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKS_OFFSET, .l_len = LOCKS_LENGTH};
    bool in_use = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return in_use;
}

static int copy_bytes(int from, int to)
{
    char piece[65536];
    for (;;) {
        ssize_t n = read(from, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? 0 : -errno;
        for (ssize_t done = 0; done < n;) {
            ssize_t written = write(to, piece + done, (size_t)(n - done));
            if (written < 0 && errno != EINTR)
                return -errno;
            done += written > 0 ? written : 0;
        }
    }
}

/* 0 or -errno; -ENOENT: there is nothing to copy. */
static int copy_file(const char *from_path, const char *to_path)
{
    struct stat status;
    int from = open(from_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (from < 0)
        return -errno;
    if (fstat(from, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(from);
        return -EINVAL;
    }
    int to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int code = to < 0 ? -errno : copy_bytes(from, to);
    if (to >= 0 && close(to) != 0 && code == 0)
        code = -errno;
    close(from);
    return code;
}

static bool has_log_format(const char *path)
{
    unsigned char versions[2] = {FORMAT_ROLLBACK, FORMAT_ROLLBACK};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    bool read_both = pread(fd, versions, sizeof versions, FORMAT_OFFSET) == (ssize_t)sizeof versions;
    close(fd);
    return read_both && (versions[0] != FORMAT_ROLLBACK || versions[1] != FORMAT_ROLLBACK);
}

/* A file at rest: SQLite reads it without writing anything. */
static bool is_at_rest(const char *path)
{
    char beside[PATH_MAX];
    for (size_t i = 0; i < NEIGHBOURS; i++)
        if (snprintf(beside, sizeof beside, "%s%s", path, neighbours[i]) >= (int)sizeof beside ||
            access(beside, F_OK) == 0)
            return false;
    return !has_log_format(path);
}

/* The file and what stands beside it. 0 or -errno. */
static int copy_all(const char *path, const char *copy)
{
    char from[PATH_MAX], to[PATH_MAX];
    int code = copy_file(path, copy);
    for (size_t i = 0; i < NEIGHBOURS && code == 0; i++) {
        bool fits = snprintf(from, sizeof from, "%s%s", path, neighbours[i]) < (int)sizeof from &&
                    snprintf(to, sizeof to, "%s%s", copy, neighbours[i]) < (int)sizeof to;
        code = fits ? copy_file(from, to) : -ENAMETOOLONG;
        if (code == -ENOENT)
            code = 0;
    }
    return code;
}

int ld_store_open_untouched(struct ld_store **ret_store, const char *path, const char *folder, struct ld_error *error)
{
    /* The neighbours of a link stand beside what it leads to. What is not there is said by SQLite. */
    char real[PATH_MAX], copy[PATH_MAX];
    if (!realpath(path, real) || is_at_rest(real))
        return ld_store_open(ret_store, path, false, error);
    int code = snprintf(copy, sizeof copy, "%s/copy.db", folder) < (int)sizeof copy ? copy_all(real, copy)
                                                                                     : -ENAMETOOLONG;
    if (code)
        return ld_fail_errno(error, LD_ESTORE, -code, "%s: cannot copy it to read it", path);
    return ld_store_open_as(ret_store, copy, path, false, error);
}
