/* Whose code a function is, by its name: Go's own, a listed library's, or the user's. */
#ifndef LD_MATRIX_FUNCTION_H
#define LD_MATRIX_FUNCTION_H

#include <stddef.h>

enum ld_function_kind { LD_FUNCTION_GO, LD_FUNCTION_LIBRARY, LD_FUNCTION_USER };
extern const char *const ld_function_kinds[]; /* "go", "library", "user"; ends with NULL */

/* `libraries`: module paths. "net/http.(*persistConn).readLoop" is Go's; "main.f" and what no library claims is the
 * user's. Generic instances ("f[go.shape.int]") and escaped dots ("yaml%2ev3") are understood. */
enum ld_function_kind ld_function_kind_of(const char *function, const char *const *libraries, size_t count);

#endif
