#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* Why it is not read, NULL for a regular file. */
static const char *refusal(mode_t mode)
{
    if (S_ISREG(mode))
        return NULL;
    if (S_ISDIR(mode))
        return "is a folder, not a file";
    return S_ISFIFO(mode) ? "is a pipe, not a file" : "is a device or a socket, not a file";
}

static int read_all(int fd, struct ld_buffer *bytes, struct ld_error *error)
{
    char piece[16384], most[32];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ld_fail_errno(error, LD_EIO, errno, "cannot read");
        if (n == 0)
            return 0;
        int code = ld_buffer_add(bytes, piece, (size_t)n);
        if (code == LD_ELIMIT)
            return ld_fail(error, LD_ESPEC, "the file is larger than %s",
                           ld_format_size(bytes->maximum, most, sizeof most));
        if (code)
            return ld_fail(error, code, "%s", ld_code_text(code));
    }
}

/* Without O_NONBLOCK a pipe that nobody writes to would keep open() waiting. */
static int read_file(const char *file, struct ld_buffer *bytes, struct ld_error *error)
{
    struct stat status;
    int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ENXIO)
        return ld_fail(error, LD_ESPEC, "%s", refusal(S_IFSOCK));
    if (fd < 0)
        return ld_fail_errno(error, errno == ENOENT || errno == ENOTDIR ? LD_ENOENT : LD_EIO, errno, "cannot open");
    int code = fstat(fd, &status) == 0 ? 0 : ld_fail_errno(error, LD_EIO, errno, "cannot read");
    if (!code && refusal(status.st_mode))
        code = ld_fail(error, LD_ESPEC, "%s", refusal(status.st_mode));
    if (!code)
        code = read_all(fd, bytes, error);
    close(fd);
    return code;
}

int ld_file_read(const char *file, struct ld_buffer *bytes, struct ld_error *error)
{
    struct ld_error found = {0};
    int code = read_file(file, bytes, &found);
    if (code && error) {
        *error = found;
        snprintf(error->file, sizeof error->file, "%s", file);
    }
    return code;
}
