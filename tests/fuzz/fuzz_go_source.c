/* Go source: comments taken out, and the function of a line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "detect/go_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_buffer once;
    char name[LD_GO_FUNCTION_MAX];
    ld_buffer_init(&once, LD_GO_SOURCE_MAX);
    if (ld_go_strip((const char *)data, size, &once) == 0) {
        if (once.length != size)
            abort();
        for (size_t i = 0; i < size; i++) /* nothing but spaces comes in, and lines stay */
            if (once.bytes[i] != (char)data[i] && (once.bytes[i] != ' ' || data[i] == '\n'))
                abort();
        for (size_t line = 0; line < 4; line++) {
            ld_go_function_at(once.bytes, once.length, line * 7, "p", name);
            if (strlen(name) >= sizeof name || name[0] == '\0')
                abort();
        }
    }
    ld_buffer_done(&once);
    return 0;
}
