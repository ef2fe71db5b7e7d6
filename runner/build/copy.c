#include "runner/build/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy_file(const char *from, const char *to, struct ld_error *error)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t n = out < 0 ? -1 : 1;
    while (n > 0)
        n = sendfile(out, in, NULL, (size_t)1 << 30);
    int saved = errno;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) != 0 && n == 0) {
        saved = errno;
        n = -1;
    }
    return n == 0 ? 0 : ld_fail_errno(error, LD_EIO, saved, "cannot copy %s", from);
}

struct copying {
    const char *to;
    size_t from_length;
    bool deep;
    long long bytes, files;
};

static int copy_entry(struct copying *copying, FTS *tree, FTSENT *entry, struct ld_error *error)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s%s", copying->to, entry->fts_path + copying->from_length);
    if (n < 0 || (size_t)n >= sizeof path)
        return ld_fail(error, LD_ELIMIT, "the path of %s is too long", entry->fts_path);
    switch (entry->fts_info) {
    case FTS_D:
        if (!copying->deep && entry->fts_level > FTS_ROOTLEVEL)
            return fts_set(tree, entry, FTS_SKIP) ? ld_fail(error, LD_EIO, "%s", entry->fts_path) : 0;
        return mkdir(path, 0700) == 0 ? 0 : ld_fail_errno(error, LD_EIO, errno, "cannot make %s", path);
    case FTS_F:
        copying->bytes += entry->fts_statp->st_size;
        if (++copying->files > LD_COPY_FILES_MAX || copying->bytes > LD_COPY_BYTES_MAX)
            return ld_fail(error, LD_ELIMIT, "more than %d files or %lld GiB of sources", LD_COPY_FILES_MAX,
                           LD_COPY_BYTES_MAX >> 30);
        return copy_file(entry->fts_accpath, path, error);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return ld_fail_errno(error, LD_EIO, entry->fts_errno, "%s", entry->fts_path);
    default:
        return 0;
    }
}

int ld_copy_tree(const char *from, const char *to, bool deep, struct ld_error *error)
{
    struct copying copying = {.to = to, .from_length = strlen(from), .deep = deep};
    char *root = strdup(from);
    char *const roots[] = {root, NULL};
    FTS *tree = root ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    int code = tree ? 0 : ld_fail_errno(error, root ? LD_EIO : LD_ENOMEM, errno, "cannot read %s", from);
    for (FTSENT *entry = NULL; !code && (entry = fts_read(tree));)
        code = copy_entry(&copying, tree, entry, error);
    if (tree)
        fts_close(tree);
    free(root);
    return code;
}
