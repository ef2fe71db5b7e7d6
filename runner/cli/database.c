#include "runner/cli/database.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "runner/run/campaign.h"
#include "runner/run/rules.h"

#define CAMPAIGN_MEMORY ((size_t)1 << 30)

int ld_database_new(const char *given, char *ret_path, size_t room, struct ld_error *error)
{
    if (given) {
        if (snprintf(ret_path, room, "%s", given) >= (int)room)
            return ld_fail(error, LD_EUSAGE, "--db: the path is too long");
        if (access(given, F_OK) == 0)
            return ld_fail(error, LD_EUSAGE, "%s exists; a campaign needs a new database", given);
        return 0;
    }
    if (mkdir(LD_RUNS_FOLDER, 0777) != 0 && errno != EEXIST)
        return ld_fail_errno(error, LD_EIO, errno,
                             "cannot make the folder " LD_RUNS_FOLDER " for the database (--db FILE: elsewhere)");
    time_t now = time(NULL);
    struct tm utc;
    char stamp[32];
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &utc);
    /* Two campaigns of one second differ by their process. */
    snprintf(ret_path, room, LD_RUNS_FOLDER "/%s-%d.db", stamp, (int)getpid());
    return 0;
}

static bool is_database(const char *name)
{
    size_t length = strlen(name);
    return name[0] != '.' && length > 3 && strcmp(name + length - 3, ".db") == 0;
}

int ld_database_find(const char *given, char *ret_path, size_t room, struct ld_error *error)
{
    if (given) {
        if (snprintf(ret_path, room, "%s", given) >= (int)room)
            return ld_fail(error, LD_EUSAGE, "--db: the path is too long");
        return access(given, R_OK) == 0 ? 0 : ld_fail_errno(error, LD_EUSAGE, errno, "%s", given);
    }
    DIR *folder = opendir(LD_RUNS_FOLDER);
    char newest[256] = "";
    time_t newest_time = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat status;
        if (!is_database(entry->d_name) || fstatat(dirfd(folder), entry->d_name, &status, 0) != 0)
            continue;
        /* Names carry their time: among files of one second the later name is the newer one. */
        if (status.st_mtime > newest_time ||
            (status.st_mtime == newest_time && strcmp(entry->d_name, newest) > 0)) {
            newest_time = status.st_mtime;
            snprintf(newest, sizeof newest, "%s", entry->d_name);
        }
    }
    if (folder)
        closedir(folder);
    if (!newest[0])
        return ld_fail(error, LD_EUSAGE, "no database in " LD_RUNS_FOLDER "; say which with --db FILE");
    snprintf(ret_path, room, LD_RUNS_FOLDER "/%s", newest);
    return 0;
}

/* A stored scenario passed every check when it ran: what is installed here does not matter any more. */
static int parse_scenarios(struct ld_stored_campaign *campaign, struct ld_error *error)
{
    struct ld_stored_scenario *texts;
    size_t count;
    int code = ld_store_read_scenarios(campaign->store, &texts, &count, campaign->arena, error);
    if (code)
        return code;
    campaign->scenarios.items = calloc(count + 1, sizeof(struct ld_scenario *));
    if (!campaign->scenarios.items)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    struct ld_catalogue anything = ld_catalogue_of_any();
    anything.files = campaign->files = ld_rules_stored(&campaign->info);
    if (!campaign->files)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < count && !code; i++) {
        struct ld_errors errors = {0};
        code = ld_scenario_parse(&campaign->scenarios.items[campaign->scenarios.count], texts[i].file, texts[i].text,
                                 texts[i].text_length, &anything, &errors);
        if (code && errors.count)
            *error = errors.items[0];
        ld_errors_done(&errors);
        campaign->scenarios.count += code == 0;
    }
    return code;
}

const char *ld_database_fact(const struct ld_campaign_info *info, const char *name)
{
    for (size_t i = 0; i < info->fact_count; i++)
        if (strcmp(info->facts[i].name, name) == 0)
            return info->facts[i].value;
    return NULL;
}

const char *ld_database_version(const struct ld_campaign_info *info)
{
    return ld_database_fact(info, "leakdrill.version");
}

/* A number among the facts; 0 when there is none, as in the files of an older leakdrill. */
static int64_t number_fact(const struct ld_campaign_info *info, const char *name)
{
    int64_t number = 0;
    const char *expected, *value = ld_database_fact(info, name);
    if (value)
        ld_parse_integer(value, &number, &expected);
    return number;
}

static int plan_again(struct ld_stored_campaign *campaign, struct ld_error *error)
{
    struct ld_plan_setting setting = {.seed = campaign->info.seed, .runs = number_fact(&campaign->info, LD_FACT_RUNS),
                                      .full = number_fact(&campaign->info, LD_FACT_FULL) != 0};
    int code = ld_plan_make(&campaign->plan, (const struct ld_scenario *const *)campaign->scenarios.items,
                            campaign->scenarios.count, &setting, error);
    if (!code && strcmp(campaign->plan->hash, campaign->info.plan_hash) != 0)
        code = ld_fail(error, LD_ESTORE, "this leakdrill plans the campaign differently (%.12s, stored %.12s)",
                       campaign->plan->hash, campaign->info.plan_hash);
    return code;
}

int ld_stored_campaign_open(struct ld_stored_campaign *ret_campaign, const char *path, bool writable,
                            struct ld_error *error)
{
    struct ld_stored_campaign campaign = {.arena = ld_arena_new(CAMPAIGN_MEMORY)};
    if (!campaign.arena)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    int code = ld_store_open(&campaign.store, path, writable, error);
    if (!code)
        code = ld_store_read_campaign(campaign.store, &campaign.info, campaign.arena, error);
    if (!code)
        code = parse_scenarios(&campaign, error);
    if (!code)
        code = plan_again(&campaign, error);
    if (code) {
        ld_stored_campaign_done(&campaign);
        return code;
    }
    *ret_campaign = campaign;
    return 0;
}

/* Copies of the planned runs and of their cells, without gaps and in the plan's order. `places`: one for each cell of
 * the whole plan, all 0; becomes 1 + where its copy is. */
static int copy_planned(const struct ld_plan *whole, const uint32_t *planned, uint32_t *places, struct ld_cell *cells,
                        struct ld_run_plan *runs, struct ld_plan *plan, struct ld_error *error)
{
    for (size_t i = 0; i < plan->run_count; i++) {
        const struct ld_run_plan *run = ld_plan_find_run(whole, planned[i]);
        if (!run)
            return ld_fail(error, LD_ESTORE, "run %u is not in the campaign's plan", planned[i]);
        runs[i] = *run;
        places[run->cell] = 1;
    }
    for (size_t i = 0; i < whole->cell_count; i++) {
        if (!places[i])
            continue;
        cells[plan->cell_count] = whole->cells[i];
        places[i] = (uint32_t)++plan->cell_count;
    }
    for (size_t i = 0; i < plan->run_count; i++)
        runs[i].cell = places[runs[i].cell] - 1;
    return 0;
}

int ld_stored_campaign_narrow(struct ld_stored_campaign *campaign, struct ld_plan *ret_plan, struct ld_error *error)
{
    uint32_t *planned;
    size_t count;
    int code = ld_store_read_planned(campaign->store, &planned, &count, campaign->arena, error);
    if (code)
        return code;
    struct ld_cell *cells = ld_arena_array(campaign->arena, campaign->plan->cell_count + 1, sizeof *cells);
    struct ld_run_plan *runs = ld_arena_array(campaign->arena, count + 1, sizeof *runs);
    uint32_t *places = ld_arena_array(campaign->arena, campaign->plan->cell_count + 1, sizeof *places);
    if (!cells || !runs || !places)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    struct ld_plan plan = *campaign->plan;
    plan.cells = cells;
    plan.cell_count = 0;
    plan.runs = runs;
    plan.run_count = count;
    code = copy_planned(campaign->plan, planned, places, cells, runs, &plan, error);
    if (!code)
        *ret_plan = plan;
    return code;
}

void ld_stored_campaign_done(struct ld_stored_campaign *campaign)
{
    ld_plan_free(campaign->plan);
    ld_scenarios_done(&campaign->scenarios);
    ld_detector_files_free(campaign->files);
    if (campaign->store)
        ld_store_close(campaign->store, NULL);
    ld_arena_free(campaign->arena);
    memset(campaign, 0, sizeof *campaign);
}
