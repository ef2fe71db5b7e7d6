#include "detect/memory_report.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the first line of a report */

/* What is about memory that must not be used as it was; all else AddressSanitizer ends a program for (no memory left, a
 * stack overflow) is an error without a cause that truth knows. */
static const char *const memory_errors[] = {"heap-use-after-free",
                                            "heap-buffer-overflow",
                                            "stack-buffer-overflow",
                                            "stack-buffer-underflow",
                                            "stack-use-after-return",
                                            "stack-use-after-scope",
                                            "dynamic-stack-buffer-overflow",
                                            "global-buffer-overflow",
                                            "use-after-poison",
                                            "container-overflow",
                                            "intra-object-overflow",
                                            "attempting double-free",
                                            "attempting free",
                                            "alloc-dealloc-mismatch",
                                            "unknown-crash",
                                            "SEGV",
                                            "BUS"};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Behind "==4242==", or NULL. */
static const char *behind_pid(const char *line)
{
    if (!begins(line, "=="))
        return NULL;
    const char *digits = line + 2, *end = digits;
    while (isdigit((unsigned char)*end))
        end++;
    return end > digits && begins(end, "==") ? end + 2 : NULL;
}

static enum ld_cause cause_of_error(const char *text)
{
    for (size_t i = 0; i < sizeof memory_errors / sizeof *memory_errors; i++)
        if (begins(text, memory_errors[i]))
            return LD_CAUSE_MEMORY_SAFETY;
    return LD_CAUSE_ANY;
}

static void begin_error(struct ld_memory_report *report, const char *text)
{
    const char *on = strstr(text, " on ");
    size_t length = on ? (size_t)(on - text) : strcspn(text, ":(");
    *report = (struct ld_memory_report){
        .at = LD_REPORT_HEAD, .finding = {.by = LD_SANITIZER_ADDRESS, .cause = cause_of_error(text)}};
    if (length >= sizeof report->finding.what)
        length = sizeof report->finding.what - 1;
    memcpy(report->finding.what, text, length);
}

static enum ld_sanitizer_says read_head(struct ld_memory_report *report, const char *text)
{
    static const char address[] = "ERROR: AddressSanitizer: ", leak[] = "ERROR: LeakSanitizer: detected memory leaks",
                      fatal[] = "LeakSanitizer has encountered a fatal error";
    if (begins(text, address)) {
        begin_error(report, text + strlen(address));
    } else if (begins(text, leak)) {
        *report = (struct ld_memory_report){.at = LD_REPORT_PASSED, .finding.by = LD_SANITIZER_LEAK};
    } else if (begins(text, fatal)) {
        *report = (struct ld_memory_report){0}; /* below a debugger, or where it may not trace */
        return LD_SANITIZER_FAILED;
    }
    return LD_SANITIZER_NOTHING;
}

/* "Direct leak of 640 byte(s) in 10 object(s) allocated from:" */
static bool read_leak(struct ld_memory_report *report, const char *line)
{
    static const char direct[] = "Direct leak of ", in[] = " byte(s) in ", from[] = " object(s) allocated from:";
    char *end;
    if (!begins(line, direct) || !isdigit((unsigned char)line[strlen(direct)]))
        return false;
    uint64_t bytes = strtoull(line + strlen(direct), &end, 10);
    if (!begins(end, in) || !isdigit((unsigned char)end[strlen(in)]))
        return false;
    uint64_t objects = strtoull(end + strlen(in), &end, 10);
    if (!begins(end, from))
        return false;
    report->at = LD_REPORT_STACK;
    report->finding = (struct ld_memory_finding){.by = LD_SANITIZER_LEAK,
                                                    .cause = LD_CAUSE_NATIVE_MEMORY,
                                                    .what = "leak",
                                                    .bytes = bytes,
                                                    .objects = objects};
    return true;
}

/* ---- frames */

struct frame {
    const char *function, *place; /* not ended: their lengths say how long they are */
    size_t function_length, place_length;
};

/* "    #1 0xcfd9ea in set /_/shop/glyph/glyph.go:13"; one without a function names a module at most, and nobody. */
static bool read_frame(const char *line, struct frame *ret_frame)
{
    const char *text = line + strspn(line, " \t");
    if (text == line || *text++ != '#' || !isdigit((unsigned char)*text))
        return false;
    *ret_frame = (struct frame){.function = "", .place = ""};
    const char *in = strstr(text, " in ");
    if (!in)
        return true;
    const char *function = in + strlen(" in "), *build = strstr(function, " (BuildId: ");
    const char *end = build ? build : function + strlen(function), *place = end;
    while (place > function && place[-1] != ' ')
        place--;
    /* Without a place, the last word is the name's own. */
    bool placed = place > function && (*place == '(' || memchr(place, ':', (size_t)(end - place)));
    *ret_frame = (struct frame){.function = function,
                                .function_length = (size_t)((placed ? place - 1 : end) - function),
                                .place = placed ? place : "",
                                .place_length = placed ? (size_t)(end - place) : 0};
    return true;
}

/* Of the sanitizer, the C library, cgo or the Go runtime; but the wrapper of a C function, _cgo_<hash>_Cfunc_<name>,
 * stands for that function. */
static bool is_machinery(const struct frame *frame)
{
    static const char *const names[] = {"malloc", "calloc",  "realloc",  "free",           "strdup",
                                        "strndup", "__strdup", "memalign", "posix_memalign", "aligned_alloc"};
    static const char *const prefixes[] = {
        "__interceptor_", "___interceptor_", "__asan_",  "__lsan_",  "__sanitizer_", "__libc_start", "operator new",
        "operator delete", "runtime.",       "runtime/", "internal/", "x_cgo_",      "crosscall"};
    static const char *const places[] = {"libsanitizer/", "compiler-rt/", "libasan.so", "liblsan.so",
                                         "libclang_rt.",  "libc.so",      "libpthread", "ld-linux"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == frame->function_length && begins(frame->function, names[i]))
            return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (begins(frame->function, prefixes[i]))
            return true;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strstr(frame->place, places[i]))
            return true;
    return frame->function_length == 0 || (begins(frame->function, "_cgo_") && !strstr(frame->function, "_Cfunc_"));
}

/* As Go's own profiles and sources write it. A name of Go has a dot (its package), one of C has none. */
static void name_site(struct ld_memory_finding *finding, const struct frame *frame)
{
    const char *name = frame->function, *wrapped = begins(name, "_cgo_") ? strstr(name, "_Cfunc_") : NULL;
    size_t length = frame->function_length;
    if (wrapped) {
        length -= (size_t)(wrapped + strlen("_Cfunc_") - name);
        name = wrapped + strlen("_Cfunc_");
    }
    bool of_c = wrapped || !memchr(name, '.', length);
    if (length > sizeof finding->site - 3)
        length = sizeof finding->site - 3;
    snprintf(finding->site, sizeof finding->site, "%s%.*s", of_c ? "C." : "", (int)length, name);
    size_t place_length = frame->place_length < sizeof finding->place ? frame->place_length : sizeof finding->place - 1;
    memcpy(finding->place, frame->place, place_length);
    finding->place[place_length] = '\0';
}

/* ---- lines */

static enum ld_sanitizer_says complete(struct ld_memory_report *report)
{
    report->at = LD_REPORT_PASSED;
    return LD_SANITIZER_FOUND;
}

/* Nothing but its frames is in a stack: what else comes ends it. */
static enum ld_sanitizer_says read_stack(struct ld_memory_report *report, const char *line)
{
    struct frame frame;
    if (!read_frame(line, &frame))
        return complete(report);
    if (is_machinery(&frame))
        return LD_SANITIZER_NOTHING;
    name_site(&report->finding, &frame);
    return complete(report);
}

enum ld_sanitizer_says ld_memory_report_line(struct ld_memory_report *report, const char *line)
{
    struct frame frame;
    const char *text = behind_pid(line);
    if (text && !ld_memory_report_unfinished(report))
        return read_head(report, text);
    switch (report->at) {
    case LD_REPORT_OUTSIDE:
        return LD_SANITIZER_NOTHING;
    case LD_REPORT_HEAD: /* until the first frame: "READ of size 1 …", hints, the signal's cause */
        if (begins(line, "SUMMARY: "))
            return complete(report);
        if (!read_frame(line, &frame))
            return LD_SANITIZER_NOTHING;
        report->at = LD_REPORT_STACK;
        return read_stack(report, line);
    case LD_REPORT_STACK:
        return read_stack(report, line);
    case LD_REPORT_PASSED:
        if (begins(line, "SUMMARY: "))
            report->at = LD_REPORT_OUTSIDE;
        else if (report->finding.by == LD_SANITIZER_LEAK)
            (void)read_leak(report, line);
        break;
    }
    return LD_SANITIZER_NOTHING;
}

bool ld_memory_report_unfinished(const struct ld_memory_report *report)
{
    return report->at == LD_REPORT_HEAD || report->at == LD_REPORT_STACK;
}
