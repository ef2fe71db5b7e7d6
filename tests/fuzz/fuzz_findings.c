/* What static tools write. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/detect/findings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_arena *arena = ld_arena_new((size_t)64 << 20);
    struct ld_findings findings = {0};
    const char *reason = NULL, *text = (const char *)data;
    if (!arena)
        return 0;
    if (size && ld_findings_of_vet(&findings, text, size, arena, &reason) && !reason)
        abort();
    reason = NULL;
    if (size && ld_findings_of_staticcheck(&findings, text, size, arena, &reason) && !reason)
        abort();
    if (size && ld_findings_of_lines(&findings, text, size, arena))
        abort();
    for (size_t i = 0; i < findings.count; i++)
        if (!findings.items[i].file || !findings.items[i].line || !findings.items[i].code || !findings.items[i].message)
            abort();
    ld_arena_free(arena);
    return 0;
}
