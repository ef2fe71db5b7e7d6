#include "pprof/sanitizer.h"

#include <ctype.h>
#include <stdio.h>

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

const char *ld_sanitizer_says(const char *line)
{
    if (!begins(line, "=="))
        return NULL;
    const char *digits = line + 2, *end = digits;
    while (isdigit((unsigned char)*end))
        end++;
    return end > digits && begins(end, "==") ? end + 2 : NULL;
}

const char *ld_sanitizer_error(const char *line)
{
    static const char address[] = "ERROR: AddressSanitizer: ";
    const char *text = ld_sanitizer_says(line);
    return text && begins(text, address) ? text + strlen(address) : NULL;
}

bool ld_sanitizer_frame_read(const char *line, struct ld_sanitizer_frame *ret_frame)
{
    const char *text = line + strspn(line, " \t");
    if (text == line || *text++ != '#' || !isdigit((unsigned char)*text))
        return false;
    const char *in = strstr(text, " in ");
    const char *function = in ? in + strlen(" in ") : text + strlen(text), *build = strstr(function, " (BuildId: ");
    const char *end = build ? build : function + strlen(function), *place = end;
    while (place > function && place[-1] != ' ')
        place--;
    /* Without a place, the last word is the name's own. */
    bool placed = place > function && (*place == '(' || memchr(place, ':', (size_t)(end - place)));
    *ret_frame = (struct ld_sanitizer_frame){{function, placed ? place - 1 : end}, {placed ? place : end, end}};
    return true;
}

static bool begins_with_one_of(struct ld_span text, const char *const *beginnings)
{
    for (; *beginnings; beginnings++)
        if (ld_scan_text(&(struct ld_span){text.at, text.end}, *beginnings))
            return true;
    return false;
}

static bool holds(struct ld_span text, const char *part)
{
    return ld_span_length(text) && memmem(text.at, ld_span_length(text), part, strlen(part)) != NULL;
}

static const char wrapper[] = "_cgo_", wrapped[] = "_Cfunc_"; /* _cgo_<hash>_Cfunc_<name> stands for that function */

bool ld_sanitizer_frame_is_machinery(const struct ld_sanitizer_frame *frame)
{
    static const char *const names[] = {"malloc",   "calloc",   "realloc",        "free",          "strdup", "strndup",
                                        "__strdup", "memalign", "posix_memalign", "aligned_alloc", NULL};
    static const char *const prefixes[] = {"__interceptor_", "___interceptor_", "__asan_",      "__lsan_",
                                           "__sanitizer_",   "__libc_start",    "operator new", "operator delete",
                                           "runtime.",       "runtime/",        "internal/",    "x_cgo_",
                                           "crosscall",      NULL};
    static const char *const places[] = {"libsanitizer/", "compiler-rt/", "libasan.so", "liblsan.so",
                                         "libclang_rt.",  "libc.so",      "libpthread", "ld-linux"};
    for (const char *const *name = names; *name; name++)
        if (ld_span_is(frame->function, *name))
            return true;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (holds(frame->place, places[i]))
            return true;
    bool of_cgo = ld_scan_text(&(struct ld_span){frame->function.at, frame->function.end}, wrapper);
    return begins_with_one_of(frame->function, prefixes) || frame->function.at == frame->function.end ||
           (of_cgo && !holds(frame->function, wrapped));
}

/* A name of Go has a dot (its package), one of C has none. */
void ld_sanitizer_frame_site(const struct ld_sanitizer_frame *frame, char *ret_site, size_t room)
{
    struct ld_span name = frame->function;
    const char *inner = ld_scan_text(&(struct ld_span){name.at, name.end}, wrapper)
                            ? memmem(name.at, ld_span_length(name), wrapped, strlen(wrapped))
                            : NULL;
    if (inner)
        name.at = inner + strlen(wrapped);
    bool of_c = inner || !memchr(name.at, '.', ld_span_length(name));
    size_t length = ld_span_length(name) < room ? ld_span_length(name) : room;
    snprintf(ret_site, room, "%s%.*s", of_c ? "C." : "", (int)length, name.at);
}
