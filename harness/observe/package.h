/* Whose a package is, as far as its path alone says. */
#ifndef LD_OBSERVE_PACKAGE_H
#define LD_OBSERVE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

/* Is it of the standard library? By the first element of its import path, Go 1.19 to 1.27 (go list std). */
bool ld_package_is_go(const char *path, size_t length);

#endif
