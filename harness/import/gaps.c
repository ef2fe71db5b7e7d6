/* Where a kind of read stays away: a failed read says so, for silence is no evidence of health. */
#include <stdlib.h>
#include <string.h>

#include "import/internal.h"

#define DIFFERENCES_MIN 4 /* fewer tell no rhythm */

struct gaps {
    struct ld_import *import;
    int64_t *differences;
    size_t read_count; /* before any gap was added */
};

static bool belongs(const struct ld_import_read *read, uint32_t instance, size_t stream)
{
    return read->instance == instance && ld_import_stream(read) == stream && (read->of_profile || read->count);
}

static int64_t rhythm_of(struct gaps *gaps, uint32_t instance, size_t stream)
{
    size_t count = 0;
    int64_t last = -1;
    for (size_t i = 0; i < gaps->read_count; i++) {
        const struct ld_import_read *read = &gaps->import->reads[i];
        if (!belongs(read, instance, stream))
            continue;
        if (last >= 0 && read->wall_ns > last)
            gaps->differences[count++] = read->wall_ns - last;
        last = read->wall_ns;
    }
    return count < DIFFERENCES_MIN ? 0 : ld_import_median(gaps->differences, count);
}

static int fill(struct gaps *gaps, uint32_t instance, size_t stream)
{
    struct ld_import *import = gaps->import;
    int64_t every_ns = rhythm_of(gaps, instance, stream), last = -1;
    int code = 0;
    for (size_t i = 0; i < gaps->read_count && every_ns > 0 && !code; i++) {
        const struct ld_import_read read = import->reads[i];
        if (!belongs(&read, instance, stream))
            continue;
        if (last >= 0 && read.wall_ns - last > every_ns * 2 + every_ns / 2 && !read.restarts) {
            struct ld_import_read gap = {.wall_ns = last + every_ns,
                                         .instance = instance,
                                         .of_profile = read.of_profile,
                                         .kind = read.kind,
                                         .encoding = read.encoding,
                                         .gap = true,
                                         .goroutines = -1};
            code = ld_import_add_read(import, &gap);
            import->summary.gaps++;
        }
        last = read.wall_ns;
    }
    return code;
}

int ld_import_fill_gaps(struct ld_import *import)
{
    struct gaps gaps = {.import = import, .read_count = import->read_count};
    bool there[LD_IMPORT_INSTANCES_MAX][LD_IMPORT_STREAMS] = {{false}};
    gaps.differences = malloc((import->read_count + 1) * sizeof *gaps.differences);
    int code = gaps.differences ? 0 : LD_ENOMEM;
    for (size_t i = 0; i < gaps.read_count; i++)
        there[import->reads[i].instance][ld_import_stream(&import->reads[i])] = true;
    for (uint32_t instance = 0; instance < import->instance_count; instance++)
        for (size_t stream = 0; stream < LD_IMPORT_STREAMS && !code; stream++)
            if (there[instance][stream])
                code = fill(&gaps, instance, stream);
    free(gaps.differences);
    return code;
}
