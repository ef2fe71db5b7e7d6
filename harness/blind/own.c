/* Whose a package, a file or a C function is. */
#include "blind/internal.h"
#include "observe/package.h"

/* Of libc, and what cgo adds on the C side. The sanitizers' begin with two underscores. */
static const char *const c_library[] = {
    "malloc", "calloc", "realloc", "reallocarray", "free", "posix_memalign", "memalign", "aligned_alloc",
    "strdup", "strndup", "memcpy", "memmove", "memset", "strlen", "strcpy", "strncpy", "printf", "fprintf",
    "puts", "abort", "start_thread", "clone", "clone3", "main", "_start", "pthread_create", "CString",
    "CBytes", "GoString", "GoStringN", "GoBytes", "_CMalloc", "asmcgocall", "crosscall1", "crosscall2",
    "gogo", "mcall", "usleep", "sleep", "nanosleep", "poll", "read", "write", "open", "close", NULL
};

static bool is_one_of(const char *const *texts, struct ld_span span)
{
    for (; *texts; texts++)
        if (ld_span_is(span, *texts))
            return true;
    return false;
}

static bool contains(struct ld_span span, const char *part)
{
    return ld_span_length(span) && memmem(span.at, ld_span_length(span), part, strlen(part)) != NULL;
}

/* Up to the first slash. */
static struct ld_span first_element(struct ld_span path)
{
    const char *slash = ld_span_length(path) ? memchr(path.at, '/', ld_span_length(path)) : NULL;
    return (struct ld_span){path.at, slash ? slash : path.end};
}

/* Step over a module's path. In the last element of a symbol's package the linker writes a dot, and some other bytes,
 * as %2e (cmd/internal/objabi.PathToPrefix). */
static bool take_module(struct ld_span *path, const char *module)
{
    struct ld_span rest = *path;
    for (; *module && rest.at < rest.end; module++) {
        int high = ld_span_length(rest) > 2 && *rest.at == '%' ? ld_blind_hex(rest.at[1]) : -1;
        int low = high < 0 ? -1 : ld_blind_hex(rest.at[2]);
        int byte = low < 0 ? (unsigned char)*rest.at : high << 4 | low;
        if (byte != (unsigned char)*module)
            return false;
        rest.at += low < 0 ? 1 : 3;
    }
    if (*module)
        return false;
    *path = rest;
    return true;
}

/* In a module that the caller named, perhaps with its version behind it. */
bool ld_blind_is_named(const struct ld_blind *blind, struct ld_span path)
{
    for (size_t i = 0; i < blind->own_count; i++) {
        struct ld_span rest = path;
        if (blind->own[i][0] && take_module(&rest, blind->own[i]) &&
            (rest.at == rest.end || *rest.at == '/' || *rest.at == '@'))
            return true;
    }
    return false;
}

bool ld_blind_owns_package(const struct ld_blind *blind, struct ld_span path)
{
    if (ld_blind_is_named(blind, path))
        return true;
    struct ld_span first = first_element(path);
    if (first.at == first.end || ld_package_is_go(first.at, ld_span_length(first)))
        return false;
    return !memchr(first.at, '.', ld_span_length(first)) && !contains(first, "%2e");
}

bool ld_blind_is_source(struct ld_span path)
{
    static const char *const extensions[] = {".go", ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".s", ".S", NULL};
    for (const char *const *extension = extensions; *extension; extension++) {
        struct ld_span stem = path;
        if (ld_scan_suffix(&stem, *extension) && stem.at < stem.end && stem.end[-1] != '/')
            return true;
    }
    return false;
}

/* "/usr/lib/go-1.26/src/net/http/server.go": behind src stands a package of Go's. */
static bool is_below_goroot(struct ld_span path)
{
    static const char src[] = "/src/";
    for (const char *at = path.at; (size_t)(path.end - at) >= strlen(src); at++)
        if (memcmp(at, src, strlen(src)) == 0 &&
            ld_package_is_go(at + strlen(src), (size_t)(path.end - at) - strlen(src)))
            return true;
    return false;
}

bool ld_blind_owns_file(const struct ld_blind *blind, struct ld_span path)
{
    static const char *const system[] = {"/usr/", "/lib/", "/lib64/", NULL};
    if (path.at == path.end || *path.at == '<' || *path.at == '?')
        return false;
    if (ld_blind_is_named(blind, path))
        return true;
    if (contains(path, "/pkg/mod/") || contains(path, "@v") || is_below_goroot(path))
        return false;
    if (!memchr(path.at, '/', ld_span_length(path)))
        return true; /* as log.Lshortfile prints it */
    if (*path.at != '/')
        return ld_blind_owns_package(blind, path);
    for (const char *const *folder = system; *folder; folder++) {
        struct ld_span rest = path;
        if (ld_scan_text(&rest, *folder))
            return false;
    }
    return true;
}

bool ld_blind_is_c_library(struct ld_span name)
{
    static const char *const prefixes[] = {"__", "_rt0_", "x_cgo_", "_cgo_topofstack", "_cgo_panic", "_cgo_wait",
                                           "_cgo_release", "_cgo_get", "_cgo_sys", "_cgo_yield", "runtime.", NULL};
    for (const char *const *prefix = prefixes; *prefix; prefix++) {
        struct ld_span rest = name;
        if (ld_scan_text(&rest, *prefix))
            return true;
    }
    return is_one_of(c_library, name);
}
