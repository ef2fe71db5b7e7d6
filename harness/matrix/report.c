#include "matrix/report.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char mark[] = "ERROR: AddressSanitizer: ";

/* "==4711==ERROR: AddressSanitizer: heap-use-after-free on address 0x… at pc 0x…" */
static bool begins(struct ld_sanitizer_report *report, const char *line)
{
    if (strncmp(line, "==", 2) != 0)
        return false;
    const char *at = line + 2 + strspn(line + 2, "0123456789");
    if (at == line + 2 || strncmp(at, "==", 2) != 0 || strncmp(at + 2, mark, sizeof mark - 1) != 0)
        return false;
    const char *what = at + 2 + sizeof mark - 1;
    uint32_t count = report->count < UINT32_MAX ? report->count + 1 : UINT32_MAX;
    *report = (struct ld_sanitizer_report){.count = count, .in_stack = true};
    snprintf(report->text, sizeof report->text, "%s", at + 2 + strlen("ERROR: "));
    snprintf(report->what, sizeof report->what, "%.*s", (int)strcspn(what, " :"), what);
    return true;
}

/* "    #0 0x55d0 in shop/cases/plates.(*Engraver).proofread shop/cases/plates/plates.go:85": what stands behind the
 * address. NULL: no frame; "": a frame without a name. */
static const char *frame_name(const char *line)
{
    const char *at = line + strspn(line, " ");
    if (*at != '#' || !isdigit((unsigned char)at[1]))
        return NULL;
    at += 1 + strspn(at + 1, "0123456789");
    if (strncmp(at, " 0x", 3) != 0)
        return NULL;
    at += 3 + strspn(at + 3, "0123456789abcdefABCDEF");
    return strncmp(at, " in ", 4) == 0 ? at + 4 : "";
}

bool ld_sanitizer_line(struct ld_sanitizer_report *report, const char *line)
{
    if (begins(report, line) || !report->in_stack)
        return false;
    const char *name = frame_name(line);
    if (!name) {
        report->in_stack = report->frames == 0; /* the stacks behind it say who freed and who allocated */
        return false;
    }
    report->frames++;
    if (report->function[0] || !name[0])
        return false;
    snprintf(report->function, sizeof report->function, "%.*s", (int)strcspn(name, " "), name);
    return report->function[0] != '\0';
}
