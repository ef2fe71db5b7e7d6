/* Go source, read as far as a static tool's claims need it: comments taken out, and who encloses a line. */
#ifndef LD_DETECT_GO_SOURCE_H
#define LD_DETECT_GO_SOURCE_H

#include <stddef.h>

#include "base/buffer.h"

#define LD_GO_SOURCE_MAX ((size_t)8 << 20) /* bytes of one file */
#define LD_GO_FUNCTION_MAX 512             /* bytes of a name as profiles write it */

/* The source without its comments: each of their bytes is a space, so that lines, columns and bytes stay. What is no
 * mere comment stays: directives (//go:…, //export …, //line …, // +build …) and what stands before `import "C"`,
 * which is C. What a tool would take for an order to be silent (//nolint, //lint:ignore) goes. Anything that is no Go
 * comes out as it can. Appended; LD_ENOMEM, LD_ELIMIT. */
int ld_go_strip(const char *text, size_t length, struct ld_buffer *out);

/* The function that encloses `line` (from 1), as a profile names it: "shop/cases/prices.(*Shelf).look"; a function
 * within a function is its outermost one. Outside of all it is the package's initialisation, "shop/cases/prices.init".
 * `package`: import path, "main" for a program. `ret_name` has LD_GO_FUNCTION_MAX bytes. `text`: without comments. */
void ld_go_function_at(const char *text, size_t length, size_t line, const char *package, char *ret_name);

#endif
