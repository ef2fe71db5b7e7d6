#include "matrix/function.h"

#include <stdbool.h>
#include <string.h>

#include "observe/package.h"

#define PACKAGE_MAX 512 /* longer package paths are the user's */

const char *const ld_function_kinds[] = {"go", "library", "user", NULL};

/* The import path of `function`, with %2e decoded; false when it has none or it is too long. */
static bool package_of(const char *function, char package[PACKAGE_MAX])
{
    size_t end = strcspn(function, "[("); /* type arguments and receivers may hold paths of their own */
    size_t start = end;
    while (start > 0 && function[start - 1] != '/')
        start--;
    const char *dot = memchr(function + start, '.', end - start);
    if (!dot)
        return false;
    size_t length = (size_t)(dot - function), used = 0;
    for (size_t i = 0; i < length; i++) {
        if (used + 1 >= PACKAGE_MAX)
            return false;
        bool escaped = length - i >= 3 && function[i] == '%' && function[i + 1] == '2' && function[i + 2] == 'e';
        package[used++] = escaped ? '.' : function[i];
        i += escaped ? 2 : 0;
    }
    package[used] = '\0';
    return used > 0;
}

static bool within(const char *package, const char *module)
{
    size_t length = strlen(module);
    return length && strncmp(package, module, length) == 0 && (package[length] == '\0' || package[length] == '/');
}

enum ld_function_kind ld_function_kind_of(const char *function, const char *const *libraries, size_t count)
{
    char package[PACKAGE_MAX];
    if (!package_of(function, package))
        return LD_FUNCTION_USER;
    if (ld_package_is_go(package, strlen(package)))
        return LD_FUNCTION_GO;
    for (size_t i = 0; i < count; i++)
        if (within(package, libraries[i]))
            return LD_FUNCTION_LIBRARY;
    return LD_FUNCTION_USER;
}
