/* The text of goleak, as an endpoint answers it. */
#include <stdlib.h>
#include <string.h>

#include "detect/goleak.h"
#include "observe/series.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_profile profile;
    struct ld_site_counts counts;
    struct ld_error error = {0};
    char *body = malloc(size + 1); /* of just this size, for AddressSanitizer */
    if (!body)
        return 0;
    if (size)
        memcpy(body, data, size);
    int code = ld_goleak_parse(&profile, body, size, &error);
    if (code == 0) {
        if (!ld_goleak_speaks(body, size) || profile.sample_count > LD_GOLEAK_GOROUTINES_MAX)
            abort();
        if (ld_site_counts_of(&counts, &profile) == 0)
            ld_site_counts_done(&counts);
        ld_profile_done(&profile);
    } else if (error.code != code || !error.message[0]) {
        abort();
    }
    free(body);
    return 0;
}
