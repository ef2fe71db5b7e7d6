#include "observe/package.h"

#include <string.h>

static const char *const standard[] = {
    "archive", "arena",   "bufio",    "builtin", "bytes",   "cmp",     "compress", "container", "context", "crypto",
    "database", "debug",  "embed",    "encoding", "errors", "expvar",  "flag",     "fmt",       "go",      "hash",
    "html",    "image",   "index",    "internal", "io",     "iter",    "log",      "maps",      "math",    "mime",
    "net",     "os",      "path",     "plugin",  "reflect", "regexp",  "runtime",  "simd",      "slices",  "sort",
    "strconv", "strings", "structs",  "sync",    "syscall", "testing", "text",     "time",      "unicode", "unique",
    "unsafe",  "uuid",    "vendor",   "weak",
};

bool ld_package_is_go(const char *path, size_t length)
{
    const char *slash = length ? memchr(path, '/', length) : NULL;
    size_t element = slash ? (size_t)(slash - path) : length;
    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++)
        if (strlen(standard[i]) == element && memcmp(standard[i], path, element) == 0)
            return true;
    return false;
}
