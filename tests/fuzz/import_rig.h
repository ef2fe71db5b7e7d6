/* What the fuzz targets of imported files do alike: an error has its file, and what is good is delivered in order. */
#ifndef TESTS_FUZZ_IMPORT_RIG_H
#define TESTS_FUZZ_IMPORT_RIG_H

#include <math.h>
#include <stdlib.h>

#include "import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_order(void *context, const struct ld_observation *observation)
{
    struct ld_observation *last = context;
    if (observation->sequence != last->sequence + 1 || observation->time_ns < last->time_ns ||
        !observation->incarnation)
        abort();
    for (size_t i = 0; i < observation->point_count; i++)
        if (!isfinite(observation->points[i].value) || (unsigned)observation->points[i].metric >= LD_METRIC_COUNT)
            abort();
    *last = *observation;
    return 0;
}

static inline int fuzz_import(const uint8_t *data, size_t size, const char *name,
                              int (*read)(struct ld_import *import, const struct ld_import_file *file,
                                          struct ld_errors *errors))
{
    const struct ld_import_setting setting = {.ignore_others = true};
    const struct ld_import_file file = {.file = name, .place = "", .name = name, .bytes = data, .length = size};
    struct ld_errors errors = {0};
    struct ld_error error = {0};
    struct ld_import *import;
    struct ld_observation last = {0};
    const struct ld_import_sink sink = {check_order, &last};
    if (ld_import_new(&import, &setting, &error) != 0)
        return 0;
    (void)ld_import_kind_of("x", data, size);
    int code = read(import, &file, &errors);
    if ((code != 0) != (errors.count > 0) || (code && !errors.items[0].file[0]))
        abort();
    if (!code && ld_import_finish(import, &errors) == 0 && ld_import_deliver(import, &sink, &error) != 0)
        abort();
    ld_import_free(import);
    ld_errors_done(&errors);
    return 0;
}

#endif
