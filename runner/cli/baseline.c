/* Baselines: what a campaign came to, kept for `run --against`. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "runner/cli/judged.h"
#include "runner/run/baseline_file.h"

/* What was interrupted or is void says nothing of the detectors. */
static int check_campaign(const struct ld_judged_campaign *judged, const char *path, struct ld_error *error)
{
    const struct ld_campaign_info *info = &judged->campaign.info;
    if (info->interrupt_signal || info->ended_wall_ns == 0)
        return ld_fail(error, LD_EUSAGE, "%s was interrupted: no baseline", path);
    if (ld_judged_is_void(&judged->judged))
        return ld_fail(error, LD_EUSAGE, "%s is void: no baseline", path);
    return 0;
}

static int make_folder(const char *path, struct ld_error *error)
{
    if (strncmp(path, LD_BASELINES_FOLDER "/", sizeof LD_BASELINES_FOLDER) != 0)
        return 0;
    if (mkdir(LD_BASELINES_FOLDER, 0777) != 0 && errno != EEXIST)
        return ld_fail_errno(error, LD_EIO, errno, "cannot make the folder " LD_BASELINES_FOLDER);
    return 0;
}

#define FEW_RUNS 20 /* half of the leaks lost is found with 92 % power: reports/definitions.md */

/* What can be found against it, said while there is still time for more runs. */
static void tell_few(const struct ld_baseline *baseline)
{
    uint32_t fewest = FEW_RUNS;
    for (size_t i = 0; i < baseline->row_count; i++)
        fewest = baseline->rows[i].runs < fewest ? baseline->rows[i].runs : fewest;
    if (fewest < FEW_RUNS)
        fprintf(stderr,
                "leakdrill baseline: cells have as few as %u runs that count: against fewer than %d what is gone is "
                "found, and not what became rarer\n",
                fewest, FEW_RUNS);
}

static int save(const struct ld_invocation *invocation, const char *name, struct ld_error *error)
{
    struct ld_judged_campaign judged = {0};
    struct ld_baseline baseline = {0};
    char database[512], path[1024];
    int code = ld_baseline_path(name, path, sizeof path, error);
    if (!code && access(path, F_OK) == 0 && !ld_option_given(invocation, "replace"))
        code = ld_fail(error, LD_EUSAGE, "%s exists; --replace replaces it", path);
    if (!code)
        code = ld_database_find(ld_option_text(invocation, "db"), database, sizeof database, error);
    if (!code)
        code = ld_judged_campaign_open(&judged, database, error);
    if (!code)
        code = check_campaign(&judged, database, error);
    if (!code)
        code = ld_judged_baseline(&baseline, &judged.judged, &judged.plan, error);
    if (!code) {
        baseline.name = name;
        baseline.campaign = judged.campaign.info.id;
        baseline.version = LEAKDRILL_VERSION;
        baseline.made_wall_ns = judged.campaign.info.ended_wall_ns;
        code = make_folder(path, error);
    }
    if (!code)
        code = ld_baseline_write(&baseline, path, error);
    if (!code)
        printf("%s: %zu row%s of %s\n", path, baseline.row_count, baseline.row_count == 1 ? "" : "s", database);
    if (!code)
        tell_few(&baseline);
    ld_baseline_done(&baseline);
    ld_judged_campaign_done(&judged);
    return code;
}

static int is_baseline(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

static int list_one(const struct ld_command *command, const char *file)
{
    struct ld_baseline baseline;
    struct ld_error error = {0};
    char path[1024];
    snprintf(path, sizeof path, LD_BASELINES_FOLDER "/%s", file);
    if (ld_baseline_read(&baseline, path, &error) != 0)
        return ld_say_error(command, &error);
    char name[256], campaign[256], shown[256];
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - 5), file);
    printf("%-24s %5zu rows, campaign %s\n", ld_format_harmless(name, shown, sizeof shown), baseline.row_count,
           ld_format_harmless(baseline.campaign, campaign, sizeof campaign));
    ld_baseline_done(&baseline);
    return LD_EXIT_OK;
}

/* All that can be read; the exit code is that of the first that cannot. */
static int list(const struct ld_command *command)
{
    struct dirent **entries;
    int exit = LD_EXIT_OK;
    int count = scandir(LD_BASELINES_FOLDER, &entries, is_baseline, alphasort);
    for (int i = 0; i < count; i++) {
        int one = list_one(command, entries[i]->d_name);
        exit = exit ? exit : one;
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    if (count <= 0)
        fprintf(stderr, "no baselines in " LD_BASELINES_FOLDER "\n");
    return exit;
}

int ld_command_baseline(const struct ld_invocation *invocation)
{
    struct ld_error error = {0};
    char **words = invocation->arguments;
    if (invocation->argument_count == 1 && strcmp(words[0], "list") == 0)
        return list(invocation->command);
    if (invocation->argument_count != 2 || strcmp(words[0], "save") != 0)
        return ld_usage_error(invocation->command, "takes save NAME, or list");
    return save(invocation, words[1], &error) ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
