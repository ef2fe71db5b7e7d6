/* Import: dated profiles, CSV and range-query results of others become a campaign, on which everything that works on
 * recorded runs does. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "import/import.h"
#include "runner/cli/database.h"
#include "runner/cli/observed.h"
#include "runner/run/imported.h"
#include "runner/run/reads.h"
#include "score/score.h"

#define SCENARIO_MAX ((size_t)64 << 10)
#define COLUMNS_MEMORY ((size_t)8 << 20)
#define DEPTH_MAX 16 /* of folders */
#define PERIOD_MIN_NS LD_SCENARIO_PERIOD_MIN_NS
#define PERIOD_MAX_NS LD_DAY
#define PERIOD_UNKNOWN_NS LD_MINUTE /* of what was read once */
#define TEXT_MAX ((size_t)1 << 20)

struct importing {
    const struct ld_invocation *invocation;
    struct ld_import_setting setting;
    struct ld_import *import;
    struct ld_import_summary summary;
    struct ld_reads_seen seen;
    struct ld_arena *arena;
    struct ld_errors errors;
    struct ld_error *error;
    size_t file_count, ignored; /* ignored: files that are nothing known, with --ignore-others */
    int64_t period_ns;          /* of the scenario: the median, within its bounds */
    char database[512], scenario_path[560];
    const struct ld_scenario *scenario;
    bool generated;             /* the scenario is ours, and is written beside the database when that is there */
    struct ld_buffer generated_text;
    size_t *opened;             /* by the scenario's detector: alerts that it opened */
};

/* ---- files */

static int fail_path(struct importing *importing, int code, const char *path, const char *why)
{
    struct ld_error error;
    ld_fail(&error, code, "%s", why);
    snprintf(error.file, sizeof error.file, "%s", path);
    ld_errors_add(&importing->errors, &error);
    return code;
}

static int import_bytes(struct importing *importing, const struct ld_import_file *file)
{
    struct ld_error error;
    size_t length = strlen(file->name);
    if (length > 7 && strcmp(file->name + length - 7, ".csv.gz") == 0)
        return fail_path(importing, LD_ESPEC, file->file, "is a packed CSV: unpack it first (gunzip)");
    switch (ld_import_kind_of(file->name, file->bytes, file->length)) {
    case LD_IMPORT_PROFILE:
        return ld_import_profile(importing->import, file, &importing->errors);
    case LD_IMPORT_CSV:
        return ld_import_csv(importing->import, file, &importing->errors);
    case LD_IMPORT_RANGE:
        return ld_import_range(importing->import, file, &importing->errors);
    case LD_IMPORT_UNKNOWN:
        break;
    }
    if (importing->setting.ignore_others) {
        importing->ignored++;
        return 0;
    }
    ld_fail(&error, LD_ESPEC, "is neither a profile nor a CSV nor the JSON answer of a range query");
    snprintf(error.file, sizeof error.file, "%s", file->file);
    ld_errors_add(&importing->errors, &error);
    return LD_ESPEC;
}

static int import_file(struct importing *importing, const char *path, const char *place, const struct stat *status)
{
    struct ld_buffer bytes;
    struct ld_error error;
    const char *slash = strrchr(path, '/');
    if (++importing->file_count > LD_IMPORT_FILES_MAX) {
        ld_fail(&error, LD_ELIMIT, "more than %d files", LD_IMPORT_FILES_MAX);
        ld_errors_add(&importing->errors, &error);
        return LD_ELIMIT;
    }
    ld_buffer_init(&bytes, LD_IMPORT_FILE_BYTES_MAX);
    int code = ld_file_read(path, &bytes, &error);
    if (code)
        ld_errors_add(&importing->errors, &error);
    const struct ld_import_file file = {.file = path,
                                        .place = place,
                                        .name = slash ? slash + 1 : path,
                                        .bytes = ld_buffer_text(&bytes),
                                        .length = bytes.length,
                                        .modified_ns = (int64_t)status->st_mtim.tv_sec * LD_SECOND +
                                                       status->st_mtim.tv_nsec};
    if (!code)
        code = import_bytes(importing, &file);
    ld_buffer_done(&bytes);
    return code;
}

static int import_path(struct importing *importing, const char *path, const char *place, unsigned depth);

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* `place`: of the folder, "" for one that the user named. */
static int import_folder(struct importing *importing, const char *path, const char *place, unsigned depth)
{
    struct dirent **entries;
    if (depth == DEPTH_MAX)
        return fail_path(importing, LD_ELIMIT, path, "folders within folders, too deep");
    int count = scandir(path, &entries, not_hidden, alphasort);
    if (count < 0)
        return fail_path(importing, LD_EIO, path, strerror(errno));
    int code = 0;
    size_t length = strlen(path);
    for (int i = 0; i < count; i++) {
        char *below = ld_arena_printf(importing->arena, "%s%s%s", path, length && path[length - 1] == '/' ? "" : "/",
                                      entries[i]->d_name);
        int failed = below ? import_path(importing, below, place, depth + 1) : LD_ENOMEM;
        code = code ? code : failed;
        free(entries[i]);
    }
    free(entries);
    return code;
}

static int import_path(struct importing *importing, const char *path, const char *place, unsigned depth)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return fail_path(importing, LD_ENOENT, path, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return import_file(importing, path, place, &status);
    if (depth == 0)
        return import_folder(importing, path, "", depth);
    const char *slash = strrchr(path, '/');
    const char *here = ld_arena_printf(importing->arena, "%s%s%s", place, *place ? "/" : "", slash ? slash + 1 : path);
    return here ? import_folder(importing, path, here, depth) : LD_ENOMEM;
}

static int read_all(struct importing *importing)
{
    const struct ld_invocation *invocation = importing->invocation;
    int code = 0;
    for (size_t i = 0; i < invocation->argument_count; i++) {
        int failed = import_path(importing, invocation->arguments[i], "", 0);
        code = code ? code : failed;
    }
    if (!code)
        code = ld_import_finish(importing->import, &importing->errors);
    if (code) {
        ld_say_errors(stderr, &importing->errors);
        return ld_fail(importing->error, LD_ESPEC, "%zu error%s; nothing was imported",
                       importing->errors.count + importing->errors.dropped,
                       importing->errors.count + importing->errors.dropped == 1 ? "" : "s");
    }
    ld_import_summarise(importing->import, &importing->summary);
    return 0;
}

/* ---- the scenario */

static void set_seen(struct importing *importing)
{
    const struct ld_import_summary *summary = &importing->summary;
    for (int i = 0; i < LD_METRIC_COUNT; i++) {
        bool gctrace = ld_metric_table[i].source == LD_SOURCE_GCTRACE;
        importing->seen.gctrace = importing->seen.gctrace || (summary->metrics[i] && gctrace);
        importing->seen.numbers = importing->seen.numbers || (summary->metrics[i] && !gctrace);
    }
    memcpy(importing->seen.profiles, summary->kinds, sizeof summary->kinds);
}

/* Who can judge by what there is; the leak profile changed nothing here that its reading had not changed then. */
static bool watches(const void *context, const struct ld_detector_kind *kind)
{
    const struct importing *importing = context;
    char missing[400];
    bool of_profile = kind->type == LD_DETECTOR_ENDPOINT && kind->reads == LD_READ_GOROUTINELEAK;
    return (ld_observed_may_watch(kind) || of_profile) &&
           ld_reads_judge(&importing->seen, kind, NULL, missing, sizeof missing) != LD_READS_NONE;
}

static void set_period(struct importing *importing)
{
    int64_t period_ns = importing->summary.period_ns;
    period_ns = period_ns > LD_SECOND ? (period_ns + LD_MS / 2) / LD_MS * LD_MS : period_ns; /* as people write it */
    if (period_ns == 0)
        period_ns = PERIOD_UNKNOWN_NS;
    importing->period_ns = period_ns < PERIOD_MIN_NS ? PERIOD_MIN_NS
                           : period_ns > PERIOD_MAX_NS ? PERIOD_MAX_NS
                                                       : period_ns;
}

static int render(struct importing *importing, struct ld_buffer *target, struct ld_buffer *out)
{
    char every[32];
    int code = ld_buffer_add_text(target, "  imported: ");
    if (!code)
        code = ld_observed_quote(importing->invocation->arguments[0], target);
    if (!code)
        code = ld_buffer_printf(target, "\n  instances: %u\n", importing->summary.instances);
    const struct ld_observed observed = {.name = "imported",
                                         .doc = "What others recorded, taken in by leakdrill import.",
                                         .target = ld_buffer_text(target),
                                         .every = ld_format_duration(importing->period_ns, every, sizeof every),
                                         .profiles = "goroutine",
                                         .watches = watches,
                                         .context = importing};
    return code ? code : ld_observed_render(&observed, out);
}

/* The first error with its place; the generated one has none that a user could mend. */
static int parse(struct importing *importing, const char *file, const struct ld_buffer *text,
                 const struct ld_catalogue *catalogue, struct ld_scenario **ret_scenario)
{
    int code = text ? ld_scenario_parse(ret_scenario, file, text->bytes, text->length, catalogue, &importing->errors)
                    : ld_scenario_read(ret_scenario, file, catalogue, &importing->errors);
    if (code) {
        ld_say_errors(stderr, &importing->errors);
        ld_fail(importing->error, code, "the scenario has errors; nothing was imported");
    }
    return code;
}

/* What the scenario says of the observations must be so. */
static int check_scenario(const struct importing *importing, const struct ld_scenario *scenario)
{
    char every[32];
    int64_t every_ns = ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns);
    int code = 0;
    if (scenario->target.kind != LD_TARGET_IMPORTED)
        code = ld_fail(importing->error, LD_ESPEC, "is of a program: write target: {imported: ...}");
    else if (scenario->target.instances != importing->summary.instances)
        code = ld_fail(importing->error, LD_ESPEC, "has %lld instances, the files have %u",
                       (long long)scenario->target.instances, importing->summary.instances);
    else if (every_ns > importing->period_ns * 2 || every_ns * 2 < importing->period_ns)
        code = ld_fail(importing->error, LD_ESPEC,
                       "sampling.every is not how often the files were read: write sampling: {every: %s}",
                       ld_format_duration(importing->period_ns, every, sizeof every));
    if (code)
        snprintf(importing->error->file, sizeof importing->error->file, "%s", scenario->file);
    return code;
}

static int make_scenario(struct importing *importing, const struct ld_source_setting *sources,
                         struct ld_scenario **ret_scenario)
{
    const char *given = ld_option_text(importing->invocation, "scenario");
    if (given) {
        int code = parse(importing, given, NULL, &sources->catalogue, ret_scenario);
        return code ? code : check_scenario(importing, *ret_scenario);
    }
    struct ld_buffer target, *text = &importing->generated_text;
    ld_buffer_init(&target, SCENARIO_MAX);
    ld_buffer_init(text, SCENARIO_MAX);
    importing->generated = true;
    int code = render(importing, &target, text);
    if (code)
        ld_fail(importing->error, code, "the scenario: %s", ld_code_text(code));
    else if (access(importing->scenario_path, F_OK) == 0)
        code = ld_fail(importing->error, LD_EUSAGE, "%s exists; an import writes its scenario there",
                       importing->scenario_path);
    if (!code)
        code = parse(importing, importing->scenario_path, text, &sources->catalogue, ret_scenario);
    ld_buffer_done(&target);
    return code;
}

/* ---- what came of it */

static void on_alert(void *context, const char *detector, const struct ld_alert *alert)
{
    struct importing *importing = context;
    for (size_t i = 0; alert->action == LD_ALERT_OPEN && i < importing->scenario->detector_count; i++)
        importing->opened[i] += strcmp(importing->scenario->detectors[i].name, detector) == 0;
}

static const char *wall_text(int64_t wall_ns, char *text, size_t room)
{
    time_t seconds = (time_t)(wall_ns / LD_SECOND);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, room, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void tell_instances(const struct ld_import_summary *summary, struct ld_buffer *out)
{
    char name[256];
    for (uint32_t i = 0; i < summary->instances && (summary->instances > 1 || summary->instance_names[0][0]); i++)
        ld_buffer_printf(out, "instance %u: %s\n", i,
                         summary->instance_names[i][0]
                             ? ld_format_harmless(summary->instance_names[i], name, sizeof name)
                             : "(without a name)");
}

static void tell_left_out(const struct importing *importing, struct ld_buffer *out)
{
    const struct ld_import_summary *summary = &importing->summary;
    char name[256];
    for (size_t i = 0; i < summary->left_out_count; i++)
        ld_buffer_printf(out, "%s%s%s", i ? ", " : "left out, no metric of the registry: ",
                         ld_format_harmless(summary->left_out[i], name, sizeof name),
                         i + 1 == summary->left_out_count ? "\n" : "");
    if (summary->not_finite)
        ld_buffer_printf(out, "left out: %zu value%s that %s no finite number, the first in %s", summary->not_finite,
                         plural(summary->not_finite), summary->not_finite == 1 ? "is" : "are",
                         ld_format_harmless(summary->not_finite_file, name, sizeof name));
    if (summary->not_finite && summary->not_finite_line)
        ld_buffer_printf(out, ":%u\n", summary->not_finite_line);
    else if (summary->not_finite)
        ld_buffer_printf(out, "\n");
    if (importing->ignored)
        ld_buffer_printf(out, "left out: %zu file%s that %s nothing known\n", importing->ignored,
                         plural(importing->ignored), importing->ignored == 1 ? "is" : "are");
}

static void tell_observations(const struct importing *importing, struct ld_buffer *out)
{
    const struct ld_import_summary *summary = &importing->summary;
    char from[32], to[32], period[32];
    ld_buffer_printf(out, "%zu profile%s", summary->profiles, plural(summary->profiles));
    for (int i = 0, told = 0; i < LD_PROFILE_KINDS; i++)
        if (summary->kinds[i])
            ld_buffer_printf(out, "%s%s", told++ ? ", " : " of ", ld_profile_kind_name((enum ld_profile_kind)i));
    ld_buffer_printf(out, " and %zu number%s in %zu read%s, of %u instance%s\n", summary->points,
                     plural(summary->points), summary->reads, plural(summary->reads), summary->instances,
                     plural(summary->instances));
    tell_instances(summary, out);
    ld_buffer_printf(out, "from %s to %s, ", wall_text(summary->from_ns, from, sizeof from),
                     wall_text(summary->to_ns, to, sizeof to));
    if (summary->period_ns)
        ld_buffer_printf(out, "every %s (the median of the differences)\n",
                         ld_format_duration_short(summary->period_ns, period, sizeof period));
    else
        ld_buffer_printf(out, "read once\n");
    ld_buffer_printf(out, "%zu duplicate%s left out, %zu restart%s, %zu gap%s\n", summary->duplicates,
                     plural(summary->duplicates), summary->restarts, plural(summary->restarts), summary->gaps,
                     plural(summary->gaps));
    tell_left_out(importing, out);
}

/* Silence of one that was never shown enough says nothing. */
static void tell_windows(const struct importing *importing, struct ld_buffer *out)
{
    char needs[32], there[32];
    const struct ld_scenario *scenario = importing->scenario;
    int64_t lasted_ns = importing->summary.to_ns - importing->summary.from_ns;
    for (size_t i = 0; i < scenario->detector_count; i++) {
        int64_t window_ns = ld_score_window_ns(scenario, scenario->detectors[i].name);
        if (!importing->opened[i] && window_ns > lasted_ns)
            ld_buffer_printf(out, "%s needs %s of observation, there are %s\n", scenario->detectors[i].name,
                             ld_format_duration_short(window_ns, needs, sizeof needs),
                             ld_format_duration_short(lasted_ns, there, sizeof there));
    }
}

static void tell_detectors(const struct importing *importing, struct ld_buffer *out)
{
    size_t count;
    char missing[400];
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    for (size_t i = 0; i < importing->scenario->detector_count; i++)
        ld_buffer_printf(out, "%s%s %zu", i ? ", " : "alerts by the time of the observations: ",
                         importing->scenario->detectors[i].name, importing->opened[i]);
    ld_buffer_printf(out, "\n");
    tell_windows(importing, out);
    for (size_t i = 0; i < count && importing->generated; i++) {
        bool builtin = ld_observed_may_watch(kinds[i]) || kinds[i]->reads == LD_READ_GOROUTINELEAK;
        if (builtin && ld_reads_judge(&importing->seen, kinds[i], NULL, missing, sizeof missing) == LD_READS_NONE)
            ld_buffer_printf(out, "%s cannot judge: there are %s\n", kinds[i]->name, missing);
    }
}

static void tell(const struct importing *importing)
{
    struct ld_buffer out;
    ld_buffer_init(&out, TEXT_MAX);
    tell_observations(importing, &out);
    tell_detectors(importing, &out);
    ld_buffer_printf(&out, "the database is %s%s%s; leakdrill show 0, report and replay work on it\n",
                     importing->database, importing->generated ? ", the scenario " : "",
                     importing->generated ? importing->scenario_path : "");
    ld_put(&out);
    ld_buffer_done(&out);
}

/* ---- the command */

static bool has_hosted(const struct ld_scenario *scenario)
{
    for (size_t i = 0; i < scenario->detector_count; i++)
        if (!scenario->detectors[i].kind->observe)
            return true;
    return false;
}

/* Signals that end a program wait until nothing of an import is left behind; then they have their way. */
static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
#define STOPS (sizeof stops / sizeof *stops)

static void hold_stops(sigset_t *ret_before)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < STOPS; i++)
        sigaddset(&set, stops[i]);
    pthread_sigmask(SIG_BLOCK, &set, ret_before);
}

static bool is_stopped(void)
{
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < STOPS; i++)
        if (sigismember(&pending, stops[i]))
            return true;
    return false;
}

static int store(struct importing *importing, const struct ld_plan *plan, struct ld_imported_result *ret_result)
{
    struct ld_host host;
    sigset_t before;
    bool hosted = has_hosted(importing->scenario);
    const struct ld_imported_setting setting = {.import = importing->import,
                                                .plan = plan,
                                                .database = importing->database,
                                                .data_folder = LEAKDRILL_SOURCE_FOLDER,
                                                .source = importing->invocation->arguments[0],
                                                .host = hosted ? &host : NULL,
                                                .alert = on_alert,
                                                .interrupted = is_stopped,
                                                .context = importing};
    if (plan->run_count != 1)
        return ld_fail(importing->error, LD_ESPEC, "the scenario plans %zu runs, and what is imported is one",
                       plan->run_count);
    int code = hosted ? ld_host_start(&host, importing->error) : 0;
    if (code)
        return code;
    hold_stops(&before); /* behind the host, whose programs are to be stopped */
    code = ld_imported_store(ret_result, &setting, importing->error);
    if (hosted)
        ld_host_stop(&host);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static int store_judged(struct importing *importing, struct ld_scenario *scenario, int *ret_exit)
{
    const struct ld_plan_setting setting = {.seed = 1};
    const struct ld_scenario *const scenarios[] = {scenario};
    struct ld_imported_result result = {0};
    struct ld_plan *plan;
    importing->scenario = scenario;
    importing->opened = ld_arena_array(importing->arena, scenario->detector_count + 1, sizeof *importing->opened);
    if (!importing->opened)
        return ld_fail(importing->error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    int code = ld_plan_make(&plan, scenarios, 1, &setting, importing->error);
    if (code)
        return code;
    code = store(importing, plan, &result);
    if (!code && importing->generated)
        code = ld_observed_write(importing->scenario_path, &importing->generated_text, importing->error);
    if (!code) {
        tell(importing);
        *ret_exit = ld_verdict_exit(result.verdict);
        if (result.verdict != LD_VERDICT_PASS)
            fprintf(stderr, "leakdrill import: the verdict is %s; leakdrill report --db %s says why\n",
                    ld_verdict_name(result.verdict), importing->database);
    }
    ld_plan_free(plan);
    return code;
}

static int import_all(struct importing *importing, int *ret_exit)
{
    struct ld_source_setting sources;
    struct ld_scenario *scenario = NULL;
    int code = read_all(importing);
    if (code)
        return code;
    set_seen(importing);
    set_period(importing);
    code = ld_source_setting_init(&sources, importing->error);
    if (code)
        return code;
    code = make_scenario(importing, &sources, &scenario);
    if (!code)
        code = store_judged(importing, scenario, ret_exit);
    if (importing->generated)
        ld_buffer_done(&importing->generated_text);
    ld_scenario_free(scenario);
    ld_source_setting_done(&sources);
    return code;
}

static int read_times(const struct ld_invocation *invocation, enum ld_import_times *ret_times)
{
    static const char *const names[] = {"name", "profile", "mtime", NULL};
    const char *given = ld_option_text(invocation, "times");
    for (int i = 0; given && names[i]; i++)
        if (strcmp(given, names[i]) == 0) {
            *ret_times = (enum ld_import_times)i;
            return 0;
        }
    return given ? ld_usage_error(invocation->command, "--times: \"%s\" is not name, profile or mtime", given) : 0;
}

static int open_all(struct importing *importing, struct ld_import_columns *columns)
{
    const char *list = ld_option_text(importing->invocation, "columns");
    importing->setting.one_instance = ld_option_given(importing->invocation, "one-instance");
    importing->setting.ignore_others = ld_option_given(importing->invocation, "ignore-others");
    importing->setting.columns = columns;
    importing->arena = ld_arena_new(COLUMNS_MEMORY);
    if (!importing->arena)
        return ld_fail(importing->error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    int code = list ? ld_import_columns_parse(columns, list, importing->arena, importing->error) : 0;
    if (!code)
        code = ld_import_new(&importing->import, &importing->setting, importing->error);
    if (!code)
        code = ld_database_new(ld_option_text(importing->invocation, "db"), importing->database,
                               sizeof importing->database, importing->error);
    ld_observed_path(importing->database, importing->scenario_path, sizeof importing->scenario_path);
    return code;
}

int ld_command_import(const struct ld_invocation *invocation)
{
    struct ld_error error = {0};
    struct ld_import_columns columns = {0};
    struct importing importing = {.invocation = invocation, .error = &error};
    int exit = read_times(invocation, &importing.setting.times);
    if (exit)
        return exit;
    if (invocation->argument_count == 0)
        return ld_usage_error(invocation->command, "takes files or folders: profiles, CSV, results of range queries");
    int code = open_all(&importing, &columns);
    if (!code)
        code = import_all(&importing, &exit);
    ld_import_free(importing.import);
    ld_errors_done(&importing.errors);
    ld_arena_free(importing.arena);
    return code ? ld_say_error(invocation->command, &error) : exit;
}
