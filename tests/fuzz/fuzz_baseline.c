/* A baseline that came with a repository. What is accepted compares with itself, and is then no worse. */
#include <stdint.h>
#include <stdlib.h>

#include "runner/run/baseline_file.h"
#include "score/regress.h"

#define WHOLE_ROWS_MAX 64 /* of times, a permutation test takes long: those of small files will do */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct ld_baseline *baseline)
{
    struct ld_regressions regressions;
    const struct ld_plan plan = {.seed = 1};
    struct ld_error error = {0};
    const char *const *cells;
    if (ld_regress(&regressions, baseline, baseline, &plan, "", &error) != 0)
        return;
    if (regressions.compared != baseline->row_count || ld_regressions_fail(&regressions))
        abort();
    if (ld_regressions_cells(&regressions, baseline, baseline, &cells, &error) == 0 &&
        ld_regressions_reruns(&regressions))
        (void)ld_regressions_confirm(&regressions, baseline, baseline, baseline, &plan, &error);
    ld_regressions_done(&regressions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_baseline baseline;
    struct ld_error error = {0};
    int code = ld_baseline_parse(&baseline, (const char *)data, size, "baseline.json", &error);
    if (code) {
        if (!*error.message)
            abort();
        return 0;
    }
    if (baseline.row_count <= WHOLE_ROWS_MAX)
        compare(&baseline);
    ld_baseline_done(&baseline);
    return 0;
}
