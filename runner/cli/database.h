/* Databases on the command line: where a new one goes, which one is meant, and the plan it was made from. */
#ifndef LD_RUNNER_CLI_DATABASE_H
#define LD_RUNNER_CLI_DATABASE_H

#include "plan/plan.h"
#include "runner/cli/sources.h"
#include "store/store.h"

#define LD_RUNS_FOLDER "leakdrill-runs"

/* A path for a new database: `given`, or leakdrill-runs/<UTC time>.db (the folder is made). Fails when it exists. */
int ld_database_new(const char *given, char *ret_path, size_t room, struct ld_error *error);
/* An existing one: `given`, or the newest below leakdrill-runs. */
int ld_database_find(const char *given, char *ret_path, size_t room, struct ld_error *error);

/* A stored campaign: its store, its scenarios parsed again from their stored texts, and the plan made again; the plan's
 * hash is compared with the stored one. */
struct ld_stored_campaign {
    struct ld_store *store;
    struct ld_arena *arena;
    struct ld_campaign_info info;
    struct ld_scenarios scenarios;
    struct ld_detector_files *files; /* what its detectors read then: rule files */
    struct ld_plan *plan;
};
int ld_stored_campaign_open(struct ld_stored_campaign *ret_campaign, const char *path, bool writable,
                            struct ld_error *error);
/* NULL: there is no such fact. */
const char *ld_database_fact(const struct ld_campaign_info *info, const char *name);
/* Of the leakdrill that ran it; NULL: unknown. */
const char *ld_database_version(const struct ld_campaign_info *info);
/* What its filter and shard left of the plan, as it was judged then. The copy's memory is the campaign's. */
int ld_stored_campaign_narrow(struct ld_stored_campaign *campaign, struct ld_plan *ret_plan, struct ld_error *error);
void ld_stored_campaign_done(struct ld_stored_campaign *campaign);

#endif
