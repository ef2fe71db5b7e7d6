#include "matrix/report.h"

#include <stdio.h>
#include <string.h>

#include "pprof/sanitizer.h"

/* "==4711==ERROR: AddressSanitizer: heap-use-after-free on address 0x… at pc 0x…" */
static bool begins(struct ld_sanitizer_report *report, const char *line)
{
    const char *what = ld_sanitizer_error(line);
    if (!what)
        return false;
    uint32_t count = report->count < UINT32_MAX ? report->count + 1 : UINT32_MAX;
    *report = (struct ld_sanitizer_report){.count = count, .in_stack = true};
    snprintf(report->text, sizeof report->text, "AddressSanitizer: %s", what);
    snprintf(report->what, sizeof report->what, "%.*s", (int)strcspn(what, " :"), what);
    return true;
}

/* Of a stack that has nothing else, its machinery must do. */
static bool end_stack(struct ld_sanitizer_report *report)
{
    report->in_stack = report->frames == 0; /* the stacks behind it say who freed and who allocated */
    if (report->in_stack || report->function[0])
        return false;
    memcpy(report->function, report->machinery, sizeof report->function);
    return report->function[0] != '\0';
}

bool ld_sanitizer_line(struct ld_sanitizer_report *report, const char *line)
{
    struct ld_sanitizer_frame frame;
    if (begins(report, line) || !report->in_stack)
        return false;
    if (!ld_sanitizer_frame_read(line, &frame))
        return end_stack(report);
    report->frames++;
    if (report->function[0] || frame.function.at == frame.function.end)
        return false;
    bool machinery = ld_sanitizer_frame_is_machinery(&frame);
    if (!machinery || !report->machinery[0])
        ld_sanitizer_frame_site(&frame, machinery ? report->machinery : report->function, sizeof report->function);
    return report->function[0] != '\0';
}
