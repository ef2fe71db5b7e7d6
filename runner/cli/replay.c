/* Feed recorded runs to their detectors again, and say whether the alerts are the stored ones; or to a detector that
 * did not watch them, and say what it would have seen. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "detect/detector.h"
#include "runner/cli/database.h"
#include "runner/cli/stranger.h"
#include "runner/detect/hosted.h"
#include "runner/run/campaign.h"
#include "runner/run/own.h"
#include "runner/run/replay.h"
#include "runner/run/rules.h"
#include "yaml/node.h"

#define REPLAY_OUTPUT_MAX ((size_t)256 << 20)

struct replaying {
    const struct ld_invocation *invocation;
    struct ld_stored_campaign *campaign;
    struct ld_error *error;
    struct ld_host *host;       /* NULL: nobody is hosted */
    struct ld_buffer *out;
    const char *detector;       /* --detector, a name; NULL: all */
    bool declared;              /* --detector is a declaration */
    struct ld_stranger stranger; /* for runs that it did not watch; its kind NULL: there is none */
    uint32_t *runs;
    size_t run_count;
    size_t compared, different, alerts; /* alerts: of the runs compared */
};

static bool holds(const uint32_t *runs, size_t count, int64_t run)
{
    for (size_t i = 0; i < count; i++)
        if (runs[i] == run)
            return true;
    return false;
}

/* One that ended, or that was cut off: what was observed until then is there. */
static int read_run(const struct replaying *replaying, const char *text, const uint32_t *ended, size_t count,
                    uint32_t *ret_run)
{
    uint32_t *cut;
    size_t cut_count;
    int64_t run;
    const char *expected;
    if (ld_parse_integer(text, &run, &expected) != 0 || run < 0 || run > UINT32_MAX)
        return ld_fail(replaying->error, LD_EUSAGE, "\"%s\" is no run; write its number, such as 0", text);
    int code = ld_store_read_unfinished(replaying->campaign->store, &cut, &cut_count, replaying->campaign->arena,
                                        replaying->error);
    if (code)
        return code;
    if (!holds(ended, count, run) && !holds(cut, cut_count, run))
        return ld_fail(replaying->error, LD_EUSAGE, "the campaign has no run %s that began", text);
    *ret_run = (uint32_t)run;
    return 0;
}

static int choose_runs(struct replaying *replaying)
{
    const struct ld_invocation *invocation = replaying->invocation;
    struct ld_stored_campaign *campaign = replaying->campaign;
    struct ld_error *error = replaying->error;
    uint32_t *ended;
    size_t count;
    int code = ld_store_read_runs(campaign->store, &ended, &count, campaign->arena, error);
    if (code)
        return code;
    if (count == 0) /* cut off: what was observed until then is there */
        code = ld_store_read_unfinished(campaign->store, &ended, &count, campaign->arena, error);
    if (code)
        return code;
    if (count == 0)
        return ld_fail(error, LD_EUSAGE, "no run of this campaign has begun: there is nothing to replay");
    replaying->runs = ended;
    replaying->run_count = count;
    if (invocation->argument_count == 0)
        return 0;
    replaying->runs = ld_arena_array(campaign->arena, invocation->argument_count, sizeof *replaying->runs);
    replaying->run_count = invocation->argument_count;
    if (!replaying->runs)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < invocation->argument_count && !code; i++)
        code = read_run(replaying, invocation->arguments[i], ended, count, &replaying->runs[i]);
    return code;
}

/* ---- which detector */

/* Does the detector, one of the arm's own or of the calibration set, watch the run? */
static bool is_watched_by(const struct ld_plan *plan, uint32_t run, const char *detector)
{
    const struct ld_run_plan *planned = ld_plan_find_run(plan, run);
    const struct ld_cell *cell = planned ? &plan->cells[planned->cell] : NULL;
    const struct ld_detector_kind *kind = ld_detector_find(detector);
    bool declared = kind && kind->calibration;
    for (size_t i = 0; cell && i < cell->scenario->detector_count; i++)
        declared = declared || strcmp(cell->scenario->detectors[i].name, detector) == 0;
    return cell && declared && ld_cell_is_watched_by(cell, detector);
}

static bool is_file(const char *text)
{
    const char *end = strrchr(text, '.');
    return end && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0) && access(text, F_OK) == 0;
}

/* Hosted, and content with what is stored. */
static bool replays_hosted(const struct ld_detector_spec *spec)
{
    const struct ld_hosted_kind *hosted = spec->kind ? ld_hosted_find(spec->kind) : NULL;
    return hosted && hosted->replays && hosted->replays(spec->options);
}

/* A text that only a declaration can be; a bare name may be that of a detector in the scenarios. */
static bool is_declaration(const char *text)
{
    return strpbrk(text, ":{\n") != NULL || is_file(text);
}

static int declare(struct replaying *replaying, const char *file, const char *text, size_t length)
{
    struct ld_stranger *stranger = &replaying->stranger;
    struct ld_errors errors = {0};
    int code = ld_detector_declaration_parse(&stranger->spec, replaying->campaign->arena, file, text, length, &errors);
    if (code) {
        ld_say_errors(stderr, &errors);
        ld_fail(replaying->error, code, "the detector has errors; nothing was replayed");
    }
    ld_errors_done(&errors);
    if (code)
        return code;
    const struct ld_hosted_kind *hosted = ld_hosted_find(stranger->spec.kind);
    if (hosted && !replays_hosted(&stranger->spec))
        return ld_fail(replaying->error, LD_EUSAGE, "%s %s: it cannot be replayed", stranger->spec.name,
                       hosted->why_no_replay);
    return 0;
}

static int declare_file(struct replaying *replaying, const char *file)
{
    struct ld_buffer text;
    ld_buffer_init(&text, LD_YAML_BYTES_MAX);
    int code = ld_file_read(file, &text, replaying->error);
    replaying->stranger.declared_in = file;
    if (!code)
        code = declare(replaying, file, ld_buffer_text(&text), text.length);
    ld_buffer_done(&text);
    return code;
}

/* A name: of a detector of the scenarios where it watched; elsewhere its kind, with the options it has by default. */
static int name_detector(struct replaying *replaying)
{
    size_t watched = 0;
    const char *name = replaying->detector;
    const struct ld_detector_kind *kind = ld_detector_find(name);
    for (size_t i = 0; i < replaying->run_count; i++)
        watched += is_watched_by(replaying->campaign->plan, replaying->runs[i], name);
    if (watched == replaying->run_count)
        return 0;
    if (kind && !kind->calibration && (watched == 0 || !ld_hosted_find(kind)))
        return declare(replaying, "--detector", name, strlen(name));
    if (watched) { /* a name that only scenarios know */
        fprintf(stderr, "leakdrill replay: left out: %zu run%s that the detector %s does not watch\n",
                replaying->run_count - watched, replaying->run_count - watched == 1 ? "" : "s", name);
        size_t kept = 0;
        for (size_t i = 0; i < replaying->run_count; i++)
            if (is_watched_by(replaying->campaign->plan, replaying->runs[i], name))
                replaying->runs[kept++] = replaying->runs[i];
        replaying->run_count = kept;
        return 0;
    }
    const char *nearest = ld_nearest(name, ld_detector_names());
    return ld_fail(replaying->error, LD_EUSAGE,
                   "no scenario of this database has a detector \"%s\", nor is it one%s%s%s", name,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static int choose_detector(struct replaying *replaying)
{
    const char *given = replaying->detector;
    replaying->stranger.declared_in = "";
    if (!given)
        return 0;
    replaying->declared = is_declaration(given);
    if (!replaying->declared)
        return name_detector(replaying);
    return is_file(given) ? declare_file(replaying, given) : declare(replaying, "--detector", given, strlen(given));
}

/* ---- what takes no part, and who needs a host */

static bool needs_host(const struct replaying *replaying)
{
    const struct ld_stored_campaign *campaign = replaying->campaign;
    if (replays_hosted(&replaying->stranger.spec))
        return true;
    for (size_t i = 0; i < campaign->scenarios.count && !replaying->declared; i++) {
        const struct ld_scenario *scenario = campaign->scenarios.items[i];
        for (size_t k = 0; k < scenario->detector_count; k++)
            if (replays_hosted(&scenario->detectors[k]))
                return true;
    }
    return false;
}

/* Does a scenario before this one have it, too? */
static bool was_told(const struct ld_stored_campaign *campaign, size_t scenario, const char *detector)
{
    for (size_t i = 0; i < scenario; i++)
        for (size_t k = 0; k < campaign->scenarios.items[i]->detector_count; k++)
            if (strcmp(campaign->scenarios.items[i]->detectors[k].name, detector) == 0)
                return true;
    return false;
}

/* Silence about them would read as "nothing differs". */
static void tell_left_out(const struct replaying *replaying)
{
    const struct ld_stored_campaign *campaign = replaying->campaign;
    for (size_t i = 0; i < campaign->scenarios.count && !replaying->detector; i++) {
        const struct ld_scenario *scenario = campaign->scenarios.items[i];
        for (size_t k = 0; k < scenario->detector_count; k++) {
            const struct ld_detector_spec *spec = &scenario->detectors[k];
            const struct ld_hosted_kind *hosted = ld_hosted_find(spec->kind);
            if (hosted && !replays_hosted(spec) && !was_told(campaign, i, spec->name))
                fprintf(stderr, "leakdrill replay: left out: %s %s: it cannot be replayed\n", spec->name,
                        hosted->why_no_replay);
        }
    }
}

static void tell_changed(void *context, const char *path)
{
    (void)context;
    fprintf(stderr, "leakdrill replay: %s is not what it was; the rules of then are used\n", path);
}

/* Programs beside a scenario are looked for where it was. Is it there no more, then from here, as of an older
 * database. */
static void see_scenarios(struct replaying *replaying)
{
    struct ld_stored_campaign *campaign = replaying->campaign;
    const char *folder = ld_database_fact(&campaign->info, LD_FACT_FOLDER);
    for (size_t i = 0; folder && i < campaign->scenarios.count; i++) {
        struct ld_scenario *scenario = campaign->scenarios.items[i];
        char path[PATH_MAX];
        bool absolute = scenario->file[0] == '/';
        snprintf(path, sizeof path, "%s%s%s", absolute ? "" : folder, absolute ? "" : "/", scenario->file);
        bool there = access(path, F_OK) == 0;
        scenario->folder = there ? folder : NULL;
        if (!there && replaying->host && !replaying->declared)
            fprintf(stderr, "leakdrill replay: the scenario %s is not there any more; programs beside it are looked "
                            "for beside %s, from the folder in which you are\n", path, scenario->file);
    }
}

/* What is compared uses the rules of then; where the file is another one now, that is said. */
static void tell_changed_rules(const struct replaying *replaying)
{
    if (!replaying->declared)
        ld_rules_tell_changed(replaying->campaign->plan, LEAKDRILL_SOURCE_FOLDER, tell_changed, NULL);
}

/* ---- runs */

static bool is_strange_to(const struct replaying *replaying, uint32_t run)
{
    return replaying->declared ||
           (replaying->stranger.spec.kind && !is_watched_by(replaying->campaign->plan, run, replaying->detector));
}

static bool was_blind(const struct replaying *replaying)
{
    const char *fact = ld_database_fact(&replaying->campaign->info, LD_FACT_BLIND);
    return fact && strcmp(fact, "1") == 0;
}

/* As the run was, unless told otherwise. */
static bool is_blind(const struct replaying *replaying)
{
    return ld_option_given(replaying->invocation, "blind") ||
           (was_blind(replaying) && !ld_option_given(replaying->invocation, "sighted"));
}

/* What the campaign knew, and what --own adds; in the campaign's arena. LD_ENOMEM. LD_EUSAGE: names are to be
 * hidden, and nobody knows whose they are. */
static int own_modules(const struct replaying *replaying, uint32_t run, const char **ret_own)
{
    char name[192] = "";
    const struct ld_stored_campaign *campaign = replaying->campaign;
    const struct ld_run_plan *planned = ld_plan_find_run(campaign->plan, run);
    if (planned)
        snprintf(name, sizeof name, LD_FACT_OWN "%s", campaign->plan->cells[planned->cell].scenario->name);
    const char *known = ld_database_fact(&campaign->info, name);
    const char *added = ld_option_text(replaying->invocation, "own");
    char *own = ld_arena_printf(campaign->arena, "%s%s%s", known ? known : "", known && *known && added ? " " : "",
                                added ? added : "");
    if (!own)
        return ld_fail(replaying->error, LD_ENOMEM, "out of memory");
    for (char *comma = own; (comma = strchr(comma, ','));)
        *comma = ' ';
    *ret_own = own;
    if (is_blind(replaying) && !own[strspn(own, " ")])
        return ld_fail(
            replaying->error, LD_EUSAGE,
            "run %u: nobody knows which packages are the target's own, to hide their names; name its modules: "
            "--own example.com/shop",
            run);
    return 0;
}

static int compare_run(struct replaying *replaying, struct ld_replay_setting *setting)
{
    struct ld_replay_result result;
    int code = ld_replay_run(&result, setting, replaying->error);
    if (code)
        return code;
    replaying->compared++;
    replaying->alerts += result.alerts;
    if (!setting->json)
        ld_buffer_printf(replaying->out, "run %u: %zu observations, %zu alert%s%s, %s%s\n", setting->run,
                         result.observations, result.alerts, result.alerts == 1 ? "" : "s",
                         result.conditions ? " and its conditions" : "",
                         result.different ? "NOT the stored ones" : "identical to the stored ones",
                         result.cut ? " as far as it went: it never ended" : "");
    if (result.different) {
        replaying->different++;
        fprintf(stderr, "leakdrill replay: run %u: %s\n", setting->run, result.first_difference);
    }
    return 0;
}

static int replay_runs(struct replaying *replaying)
{
    const char *only[] = {replaying->detector, NULL};
    int code = 0;
    for (size_t i = 0; i < replaying->run_count && !code; i++) {
        struct ld_replay_setting setting = {.store = replaying->campaign->store,
                                            .plan = replaying->campaign->plan,
                                            .run = replaying->runs[i],
                                            .data_folder = LEAKDRILL_SOURCE_FOLDER,
                                            .only = replaying->detector ? only : NULL,
                                            .host = replaying->host,
                                            .blind = is_blind(replaying),
                                            .crossed = is_blind(replaying) != was_blind(replaying),
                                            .json = ld_option_given(replaying->invocation, "json"),
                                            .out = replaying->out};
        code = own_modules(replaying, replaying->runs[i], &setting.own);
        if (!code)
            code = is_strange_to(replaying, replaying->runs[i])
                       ? ld_stranger_replay(&replaying->stranger, &setting, replaying->error)
                       : compare_run(replaying, &setting);
    }
    return code;
}

/* The last line of what was compared; on stderr beside JSON. */
static void tell_sum(const struct replaying *replaying)
{
    char text[160];
    if (!replaying->compared)
        return;
    if (replaying->different)
        snprintf(text, sizeof text, "%zu run%s, %zu alert%s: %zu run%s NOT identical to what is stored\n",
                 replaying->compared, replaying->compared == 1 ? "" : "s", replaying->alerts,
                 replaying->alerts == 1 ? "" : "s", replaying->different, replaying->different == 1 ? "" : "s");
    else
        snprintf(text, sizeof text, "%zu run%s, %zu alert%s: all identical to the stored ones\n", replaying->compared,
                 replaying->compared == 1 ? "" : "s", replaying->alerts, replaying->alerts == 1 ? "" : "s");
    if (ld_option_given(replaying->invocation, "json"))
        fputs(text, stderr);
    else
        ld_buffer_add_text(replaying->out, text);
}

static void look_for_namesake(struct replaying *replaying)
{
    struct ld_stranger *stranger = &replaying->stranger;
    for (size_t i = 0; i < replaying->run_count && replaying->declared; i++)
        stranger->namesake = stranger->namesake ||
                             is_watched_by(replaying->campaign->plan, replaying->runs[i], stranger->spec.name);
}

static int replay_hosted(struct replaying *replaying)
{
    struct ld_host host;
    bool hosted = needs_host(replaying);
    int code = hosted ? ld_host_start(&host, replaying->error) : 0;
    if (code)
        return code;
    replaying->host = hosted ? &host : NULL;
    see_scenarios(replaying);
    code = replay_runs(replaying);
    if (hosted)
        ld_host_stop(&host);
    tell_sum(replaying);
    return code;
}

static int replay_campaign(struct replaying *replaying, int *ret_exit)
{
    bool json = ld_option_given(replaying->invocation, "json");
    struct ld_buffer said;
    ld_buffer_init(&said, REPLAY_OUTPUT_MAX);
    int code = choose_runs(replaying);
    if (!code)
        code = choose_detector(replaying);
    if (!code)
        code = ld_stranger_init(&replaying->stranger, replaying->campaign->plan, replaying->error);
    if (!code) {
        tell_left_out(replaying);
        tell_changed_rules(replaying);
        look_for_namesake(replaying);
        code = replay_hosted(replaying);
    }
    if (!code)
        code = ld_stranger_tell(&replaying->stranger, json ? &said : replaying->out, replaying->error);
    if (json && said.length)
        fputs(ld_buffer_text(&said), stderr);
    if (!code)
        *ret_exit = replaying->different ? LD_EXIT_EXPECTATION : ld_stranger_exit(&replaying->stranger);
    ld_stranger_done(&replaying->stranger);
    ld_buffer_done(&said);
    return code;
}

int ld_command_replay(const struct ld_invocation *invocation)
{
    struct ld_stored_campaign campaign = {0};
    struct ld_error error = {0};
    struct ld_buffer out;
    char path[512];
    int exit = LD_EXIT_OK;
    if (ld_option_given(invocation, "blind") && ld_option_given(invocation, "sighted"))
        return ld_usage_error(invocation->command, "--blind and --sighted contradict each other");
    ld_buffer_init(&out, REPLAY_OUTPUT_MAX);
    struct replaying replaying = {.invocation = invocation,
                                  .campaign = &campaign,
                                  .error = &error,
                                  .out = &out,
                                  .detector = ld_option_text(invocation, "detector")};
    int code = ld_database_find(ld_option_text(invocation, "db"), path, sizeof path, &error);
    if (!code)
        code = ld_stored_campaign_open(&campaign, path, false, &error);
    if (!code) {
        code = replay_campaign(&replaying, &exit);
        ld_put(&out);
        ld_stored_campaign_done(&campaign);
    }
    ld_buffer_done(&out);
    return code ? ld_say_error(invocation->command, &error) : exit;
}
