#include "detect/memory_report.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pprof/sanitizer.h"

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

/* `text`: behind the process; `error`: NULL, or behind AddressSanitizer's word for one. */
static enum ld_sanitizer_says read_head(struct ld_memory_report *report, const char *text, const char *error)
{
    static const char leak[] = "ERROR: LeakSanitizer: detected memory leaks",
                      fatal[] = "LeakSanitizer has encountered a fatal error";
    if (error) {
        begin_error(report, error);
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

static void name_site(struct ld_memory_finding *finding, const struct ld_sanitizer_frame *frame)
{
    size_t length = ld_span_length(frame->place);
    length = length < sizeof finding->place ? length : sizeof finding->place - 1;
    ld_sanitizer_frame_site(frame, finding->site, sizeof finding->site);
    memcpy(finding->place, frame->place.at, length);
    finding->place[length] = '\0';
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
    struct ld_sanitizer_frame frame;
    if (!ld_sanitizer_frame_read(line, &frame))
        return complete(report);
    if (ld_sanitizer_frame_is_machinery(&frame))
        return LD_SANITIZER_NOTHING;
    name_site(&report->finding, &frame);
    return complete(report);
}

enum ld_sanitizer_says ld_memory_report_line(struct ld_memory_report *report, const char *line)
{
    struct ld_sanitizer_frame frame;
    const char *text = ld_sanitizer_says(line);
    if (text && !ld_memory_report_unfinished(report))
        return read_head(report, text, ld_sanitizer_error(line));
    switch (report->at) {
    case LD_REPORT_OUTSIDE:
        return LD_SANITIZER_NOTHING;
    case LD_REPORT_HEAD: /* until the first frame: "READ of size 1 …", hints, the signal's cause */
        if (begins(line, "SUMMARY: "))
            return complete(report);
        if (!ld_sanitizer_frame_read(line, &frame))
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
