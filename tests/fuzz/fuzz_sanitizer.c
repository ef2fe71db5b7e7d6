/* Reports of sanitizers, a line at a time. */
#include <stdlib.h>
#include <string.h>

#include "detect/memory_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_memory_report report = {0};
    for (size_t at = 0; at < size;) {
        const uint8_t *newline = memchr(data + at, '\n', size - at);
        size_t length = newline ? (size_t)(newline - data) - at : size - at;
        char *line = malloc(length + 1);
        if (!line)
            return 0;
        memcpy(line, data + at, length);
        line[length] = '\0';
        enum ld_sanitizer_says says = ld_memory_report_line(&report, line);
        const struct ld_memory_finding *finding = &report.finding;
        if (strlen(finding->what) >= sizeof finding->what || strlen(finding->site) >= sizeof finding->site ||
            strlen(finding->place) >= sizeof finding->place ||
            (says == LD_SANITIZER_FOUND && ld_memory_report_unfinished(&report)))
            abort();
        free(line);
        at += length + 1;
    }
    return 0;
}
