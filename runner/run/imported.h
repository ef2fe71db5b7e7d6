/* Imported observations become a campaign of one run: stored, and judged by the scenario's detectors, as if they had
 * been observed live. An alert's receipt is the time of the observation that decided it, for nobody was there to
 * receive. */
#ifndef LD_RUN_IMPORTED_H
#define LD_RUN_IMPORTED_H

#include "import/import.h"
#include "plan/plan.h"
#include "runner/run/host.h"
#include "score/score.h"
#include "store/store.h"

/* Facts of such a campaign. */
#define LD_FACT_IMPORT_SOURCE "import.source"     /* the words of the command line */
#define LD_FACT_IMPORT_PERIOD "import.period"     /* the median difference of two reads of a kind, a duration */
#define LD_FACT_IMPORT_INSTANCE "import.instance" /* with ".0", …: the name of an instance, "" when it has none */

struct ld_imported_setting {
    const struct ld_import *import; /* finished */
    const struct ld_plan *plan;     /* one run */
    const char *database;           /* there only once everything is in it */
    const char *data_folder;
    const char *source;
    struct ld_host *host;           /* for detectors that are hosted; NULL: they are left out */
    /* Each alert of a detector that is not of the calibration set; may be NULL. */
    void (*alert)(void *context, const char *detector, const struct ld_alert *alert);
    bool (*interrupted)(void); /* asked at each observation; NULL: never */
    void *context;
};

struct ld_imported_result {
    size_t observations;
    enum ld_verdict verdict;
};

/* LD_ESTORE, LD_EDETECTOR, LD_ENOMEM, LD_EIO, LD_ECANCELLED; then there is no database. */
int ld_imported_store(struct ld_imported_result *ret_result, const struct ld_imported_setting *setting,
                      struct ld_error *error);

#endif
