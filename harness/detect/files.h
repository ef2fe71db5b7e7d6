/* The files that detectors read: rule files and the like.
 *
 * Each is read once, when the scenarios that name it are checked; its bytes are what is checked, what every run is
 * given, what the campaign keeps and what judges it. Who edits a file meanwhile changes the next campaign, never a part
 * of this one. Of a stored campaign they are those of then. */
#ifndef LD_DETECT_FILES_H
#define LD_DETECT_FILES_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"

#define LD_DETECTOR_FILES_MAX 256                   /* of one campaign */
#define LD_DETECTOR_FILE_BYTES_MAX ((size_t)1 << 20) /* LD_YAML_BYTES_MAX */

struct ld_detector_file {
    const char *name; /* relative to the working folder, or absolute; "" for the shipped one */
    const char *text; /* what is kept of it, with a NUL behind; has none within */
    size_t length;
    char hash[LD_HASH_HEX]; /* of the text */
};

struct ld_detector_files;

struct ld_detector_files *ld_detector_files_new(void); /* NULL: out of memory */
void ld_detector_files_free(struct ld_detector_files *files); /* NULL is allowed */

/* Makes of a file's bytes what is kept of it: `bytes` in, `bytes` out. `path`: for the place of an error. */
typedef int ld_detector_file_taker(const char *path, struct ld_buffer *bytes, struct ld_error *error);

/* Read `path` as `name`, unless it is there. `take` NULL: kept as it is. The codes of ld_file_read and of `take`;
 * LD_ESPEC: a NUL in it, or LD_DETECTOR_FILES_MAX are there. After a failure it is not there. */
int ld_detector_files_read(struct ld_detector_files *files, const char *name, const char *path,
                           ld_detector_file_taker *take, struct ld_error *error);
/* A text of a stored campaign, copied. LD_ENOMEM, LD_ELIMIT. */
int ld_detector_files_add(struct ld_detector_files *files, const char *name, const char *text, size_t length);

/* NULL: it is not there. The pointer, like those of the next, lives as long as `files`. `files` NULL is allowed. */
const struct ld_detector_file *ld_detector_files_find(const struct ld_detector_files *files, const char *name);
/* In the order they came; `index` below ld_detector_files_count. */
const struct ld_detector_file *ld_detector_files_at(const struct ld_detector_files *files, size_t index);
size_t ld_detector_files_count(const struct ld_detector_files *files);
/* What is kept of it, or, when it is not there, what would be if it were read now, added to `bytes`. For who has to do
 * with a detector outside a campaign. The codes of ld_detector_files_read. */
int ld_detector_files_take(const struct ld_detector_files *files, const char *name, const char *path,
                           ld_detector_file_taker *take, struct ld_buffer *bytes, struct ld_error *error);

#endif
