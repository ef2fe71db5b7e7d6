/* Reading a file that a user named: whole, bounded, and only what is a file.
 *
 * A pipe would hang and a device would never end, so both are refused before a byte is read. Everything that takes a
 * file's name from a user reads it here, so that all give the same codes and the same words. */
#ifndef LD_BASE_FILE_H
#define LD_BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

/* Add the bytes of `file` to `bytes`; what does not fit into the buffer's maximum is too large. LD_ENOENT: there is no
 * such file; LD_ESPEC: a folder, a pipe, a device, or too large; LD_EIO, LD_ENOMEM. The error's file is set; `bytes`
 * may hold a part of the file after an error. */
int ld_file_read(const char *file, struct ld_buffer *bytes, struct ld_error *error);

#endif
