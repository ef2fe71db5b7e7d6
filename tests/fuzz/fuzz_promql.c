/* Any text as PromQL: each selector is a piece of it, in order, and it comes to an end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "detect/promql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    const char *at, *end;
};

static int take(void *context, const char *selector, size_t length)
{
    struct reading *reading = context;
    if (length == 0 || selector < reading->at || length > (size_t)(reading->end - selector))
        abort();
    reading->at = selector + length;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* of just this size, for AddressSanitizer */
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    struct reading reading = {text, text + strlen(text)};
    if (ld_promql_selectors(text, take, &reading) != 0)
        abort();
    free(text);
    return 0;
}
