#include "runner/cli/sources.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fault/proxies.h"
#include "matrix/matrix.h"
#include "runner/cli/wrap.h"
#include "runner/detect/hosted.h"
#include "runner/detect/program.h"
#include "yaml/node.h"

#define SCENARIO_FOLDER LEAKDRILL_SOURCE_FOLDER "/scenarios"
#define DOCUMENTED_FOLDER SCENARIO_FOLDER "/documented"
#define SOURCES_MAX 10000

/* ---- finding files */

static int add_source(struct ld_sources *sources, const char *file, bool named, struct ld_error *error)
{
    if (sources->count == SOURCES_MAX)
        return ld_fail(error, LD_EUSAGE, "more than %d files", SOURCES_MAX);
    struct ld_source *grown = realloc(sources->items, (sources->count + 1) * sizeof *grown);
    if (grown)
        sources->items = grown;
    char *copy = grown ? strdup(file) : NULL;
    if (!copy)
        return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    sources->items[sources->count++] = (struct ld_source){.file = copy, .named = named};
    return 0;
}

static int by_name(const FTSENT **left, const FTSENT **right)
{
    return strcmp((*left)->fts_name, (*right)->fts_name);
}

static bool no_such_name(int saved_errno)
{
    return saved_errno == ENOENT || saved_errno == ENOTDIR || saved_errno == ELOOP || saved_errno == ENAMETOOLONG;
}

static int unreachable(const char *path, struct ld_error *error)
{
    struct stat status;
    int saved = stat(path, &status) == 0 ? ENOENT : errno;
    return ld_fail_errno(error, LD_EUSAGE, saved, "%s", path);
}

static int visit(struct ld_sources *sources, const FTSENT *entry, struct ld_error *error)
{
    const char *dot = strrchr(entry->fts_name, '.');
    bool named = entry->fts_level == FTS_ROOTLEVEL;
    switch (entry->fts_info) {
    case FTS_NS:
    case FTS_DNR:
    case FTS_ERR:
        return ld_fail_errno(error, named && no_such_name(entry->fts_errno) ? LD_EUSAGE : LD_EIO, entry->fts_errno,
                             "%s", entry->fts_path);
    case FTS_SLNONE: /* a link that leads nowhere, or in a circle; beside other files it is nobody's scenario */
        return named ? unreachable(entry->fts_path, error) : 0;
    case FTS_F:
        if (named || (dot && strcmp(dot, ".yaml") == 0))
            return add_source(sources, entry->fts_path, named, error);
        return 0;
    case FTS_DEFAULT:
        return named ? ld_fail(error, LD_EUSAGE, "%s: neither a file nor a folder", entry->fts_path) : 0;
    default:
        return 0;
    }
}

static int walk(struct ld_sources *sources, const char *name, struct ld_error *error)
{
    char *copy = strdup(name);
    char *const roots[] = {copy, NULL};
    size_t before = sources->count;
    if (!name[0]) {
        free(copy);
        return ld_fail(error, LD_EUSAGE, "an empty name is no file");
    }
    FTS *tree = copy ? fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name) : NULL;
    int code = tree ? 0 : ld_fail_errno(error, LD_EIO, errno, "%s", name);
    for (FTSENT *entry = NULL; !code && (entry = fts_read(tree));)
        code = visit(sources, entry, error);
    if (tree)
        fts_close(tree);
    free(copy);
    if (!code && sources->count == before)
        code = ld_fail(error, LD_EUSAGE, "%s: no *.yaml files", name);
    return code;
}

int ld_sources_find(struct ld_sources *ret_sources, char *const *names, size_t count, struct ld_error *error)
{
    static char shipped[] = SCENARIO_FOLDER;
    char *const defaults[] = {shipped};
    struct ld_sources sources = {0};
    int code = 0;
    if (count == 0) {
        names = defaults;
        count = 1;
    }
    for (size_t i = 0; !code && i < count; i++)
        code = walk(&sources, names[i], error);
    if (code)
        ld_sources_done(&sources);
    else
        *ret_sources = sources;
    return code;
}

void ld_sources_done(struct ld_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        free(sources->items[i].file);
    free(sources->items);
    *sources = (struct ld_sources){0};
}

/* ---- kinds */

void ld_scenario_remark(const struct ld_scenario *scenario, struct ld_buffer *out)
{
    for (size_t i = 0; i < scenario->detector_count; i++) {
        const struct ld_hosted_kind *hosted = ld_hosted_find(scenario->detectors[i].kind);
        if (hosted && hosted->remark)
            hosted->remark(scenario, &scenario->detectors[i], out);
    }
}

void ld_put_remarks(void *stream, struct ld_buffer *remarks)
{
    for (const char *text = ld_buffer_text(remarks); *text;) {
        char note[PATH_MAX + 500];
        size_t length = strcspn(text, "\n");
        snprintf(note, sizeof note, "note: %.*s\n", (int)length, text);
        ld_put_fitting(stream, note);
        text += length + (text[length] == '\n');
    }
    ld_buffer_clear(remarks);
}

static void check_scenario(const char *file, const struct ld_source_setting *setting, struct ld_errors *errors)
{
    struct ld_scenario *scenario;
    if (ld_scenario_read(&scenario, file, &setting->catalogue, errors) != 0)
        return;
    if (setting->remarks)
        ld_scenario_remark(scenario, setting->remarks);
    ld_scenario_free(scenario);
}

static void check_matrix(const char *file, const struct ld_source_setting *setting, struct ld_errors *errors)
{
    struct ld_matrix *matrix;
    (void)setting;
    if (ld_matrix_read(&matrix, file, errors) == 0)
        ld_matrix_free(matrix);
}

static void check_proxies(const char *file, const struct ld_source_setting *setting, struct ld_errors *errors)
{
    struct ld_proxies *proxies;
    (void)setting;
    if (ld_proxies_read(&proxies, file, errors) == 0)
        ld_proxies_free(proxies);
}

const struct ld_source_kind_info ld_source_kinds[LD_SOURCE_KINDS] = {
    [LD_SOURCE_SCENARIO] = {"leakdrill", "scenarios", check_scenario},
    [LD_SOURCE_MATRIX] = {"matrix", "matrix rule files", check_matrix},
    [LD_SOURCE_PROXIES] = {"leakdrill-proxy", "proxy files", check_proxies},
};

static enum ld_source_kind kind_of_root(const char *file, const struct ld_node *root, struct ld_errors *errors)
{
    for (int kind = 0; kind < LD_SOURCE_KINDS; kind++)
        if (ld_node_get(root, ld_source_kinds[kind].key))
            return (enum ld_source_kind)kind;
    struct ld_error error;
    ld_fail(&error, LD_ESPEC, "none of our files: a scenario has the key leakdrill, a rule file matrix, a "
                               "proxy file leakdrill-proxy");
    snprintf(error.file, sizeof error.file, "%s", file);
    error.line = error.column = 1;
    ld_errors_add(errors, &error);
    return LD_SOURCE_OTHER;
}

/* The parser of the kind reports a file's errors better, so those found here count only when there is no kind. */
enum ld_source_kind ld_source_kind_of(const char *file, struct ld_errors *errors)
{
    struct ld_buffer bytes;
    struct ld_errors found = {0};
    struct ld_node *root = NULL;
    enum ld_source_kind kind = LD_SOURCE_OTHER;
    struct ld_arena *arena = ld_arena_new(LD_YAML_ARENA_MAX);
    ld_buffer_init(&bytes, LD_YAML_BYTES_MAX);
    int code = arena ? ld_yaml_read(file, &bytes, &found) : LD_ENOMEM;
    if (!code)
        code = ld_node_parse(&root, arena, file, bytes.bytes, bytes.length, &found);
    if (root)
        kind = kind_of_root(file, root, &found);
    if (kind == LD_SOURCE_OTHER)
        for (size_t i = 0; i < found.count; i++)
            ld_errors_add(errors, &found.items[i]);
    ld_errors_done(&found);
    ld_buffer_done(&bytes);
    ld_arena_free(arena);
    return kind;
}

/* ---- what files are checked against */

const char *ld_fixtures_file(void)
{
    const char *file = getenv("LEAKDRILL_FIXTURES_FILE");
    return file && *file ? file : LEAKDRILL_BUILD_FOLDER "/fixtures/fixtures.json";
}

static bool accept_any(void *context, const char *name)
{
    (void)context;
    (void)name;
    return true;
}

struct ld_catalogue ld_catalogue_of_any(void)
{
    return (struct ld_catalogue){
        .has_fixture = accept_any, .has_upstream = accept_any, .data_folder = LEAKDRILL_SOURCE_FOLDER};
}

static int check_word(const char *file, const char *word, size_t index, struct ld_error *error)
{
    char path[PATH_MAX];
    return index ? ld_program_check_word(file, word, error) : ld_program_find(file, word, path, sizeof path, error);
}

static int check_hosted(const char *file, const struct ld_scenario *scenario, const struct ld_detector_spec *detector,
                        struct ld_error *error)
{
    const struct ld_hosted_kind *hosted = ld_hosted_find(detector->kind);
    return hosted && hosted->check ? hosted->check(file, scenario, detector, error) : 0;
}

int ld_source_setting_init(struct ld_source_setting *setting, struct ld_error *error)
{
    *setting = (struct ld_source_setting){0};
    int code = ld_installed_read(&setting->installed, ld_fixtures_file(), error);
    if (code && code != LD_ENOENT)
        return code;
    setting->files = ld_detector_files_new();
    if (!setting->files) {
        ld_source_setting_done(setting);
        return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    }
    if (code) {
        char note[PATH_MAX + 100];
        snprintf(note, sizeof note, "note: names of fixtures are not checked: there is no %s\n", ld_fixtures_file());
        ld_put_fitting(stderr, note);
        setting->catalogue = ld_catalogue_of_any();
    } else {
        setting->catalogue = *ld_installed_catalogue(setting->installed);
        setting->catalogue.data_folder = LEAKDRILL_SOURCE_FOLDER;
    }
    setting->catalogue.check_word = check_word;
    setting->catalogue.check_hosted = check_hosted;
    setting->catalogue.opens_detectors = true;
    setting->catalogue.files = setting->files;
    return 0;
}

void ld_source_setting_done(struct ld_source_setting *setting)
{
    ld_installed_free(setting->installed);
    ld_detector_files_free(setting->files);
    *setting = (struct ld_source_setting){0};
}

/* ---- scenarios */

static int read_scenario(struct ld_scenarios *scenarios, const struct ld_source *source,
                         const struct ld_source_setting *setting, struct ld_errors *errors)
{
    enum ld_source_kind kind = ld_source_kind_of(source->file, errors);
    if (kind == LD_SOURCE_OTHER)
        return LD_ESPEC;
    if (kind != LD_SOURCE_SCENARIO && !source->named)
        return 0;
    struct ld_scenario *scenario;
    int code = ld_scenario_read(&scenario, source->file, &setting->catalogue, errors);
    if (!code)
        scenarios->items[scenarios->count++] = scenario;
    return code;
}

int ld_scenarios_read(struct ld_scenarios *ret_scenarios, char *const *names, size_t count,
                      const struct ld_source_setting *setting, struct ld_errors *errors, struct ld_error *error)
{
    static char documented[] = DOCUMENTED_FOLDER;
    char *const nothing_named[] = {documented};
    struct ld_sources sources;
    struct ld_scenarios scenarios = {0};
    int code = ld_sources_find(&sources, count ? names : nothing_named, count ? count : 1, error);
    if (code)
        return code;
    scenarios.items = calloc(sources.count, sizeof(struct ld_scenario *));
    if (!scenarios.items)
        code = ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    for (size_t i = 0; scenarios.items && i < sources.count; i++) {
        int failed = read_scenario(&scenarios, &sources.items[i], setting, errors);
        code = code ? code : failed;
    }
    ld_sources_done(&sources);
    if (code && errors->count)
        ld_fail(error, code, "the scenarios have errors; nothing was started");
    if (!code && scenarios.count == 0)
        code = ld_fail(error, LD_EUSAGE, "no scenario among the files");
    if (code)
        ld_scenarios_done(&scenarios);
    else
        *ret_scenarios = scenarios;
    return code;
}

void ld_scenarios_done(struct ld_scenarios *scenarios)
{
    for (size_t i = 0; i < scenarios->count; i++)
        ld_scenario_free(scenarios->items[i]);
    free(scenarios->items);
    *scenarios = (struct ld_scenarios){0};
}
