/* A folder of sources, copied to where it may be built: what lies in Go's module cache may not. */
#ifndef LD_BUILD_COPY_H
#define LD_BUILD_COPY_H

#include <stdbool.h>

#include "base/error.h"

#define LD_COPY_BYTES_MAX ((long long)2 << 30)
#define LD_COPY_FILES_MAX 200000

/* Regular files and folders; links and all else are left out. `deep` false: the folder's own files alone. `to` must not
 * exist. LD_EIO (the message names the file), LD_ELIMIT, LD_ENOMEM. */
int ld_copy_tree(const char *from, const char *to, bool deep, struct ld_error *error);

#endif
