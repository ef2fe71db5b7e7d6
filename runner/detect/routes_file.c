#include "runner/detect/routes_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "detect/prometheus.h"
#include "runner/detect/alert_book.h"
#include "runner/detect/checker.h"
#include "runner/detect/prometheus_tools.h"

int ld_routes_file_read(struct ld_routes_file *ret_routes, const struct ld_scenario *scenario,
                        const struct ld_detector_spec *spec, struct ld_error *error)
{
    const struct ld_detector_setting setting = {.options = spec->options, .scenario_file = scenario->file};
    struct ld_detector_file_use use;
    *ret_routes = (struct ld_routes_file){0};
    if (!spec->kind->file(&setting, LD_PROMETHEUS_FILE_ALERTMANAGER, &use))
        return 0;
    struct ld_routes_file routes = {.given = true};
    snprintf(routes.path, sizeof routes.path, "%s", use.path);
    ld_buffer_init(&routes.bytes, LD_DETECTOR_FILE_BYTES_MAX);
    int code = ld_detector_files_take(scenario->files, use.name, use.path, use.take, &routes.bytes, error);
    if (!code)
        code = ld_alertmanager_times(&routes.times, routes.path, routes.bytes.bytes, routes.bytes.length, error);
    if (code)
        ld_routes_file_done(&routes);
    else
        *ret_routes = routes;
    return code;
}

void ld_routes_file_done(struct ld_routes_file *routes)
{
    ld_buffer_done(&routes->bytes);
    *routes = (struct ld_routes_file){0};
}

int ld_routes_file_hosted(const struct ld_routes_file *routes, const char *webhook_url, struct ld_buffer *out,
                          struct ld_error *error)
{
    const struct ld_alertmanager_host host = {
        .url = webhook_url, .label = "leakdrill", .values = LD_ALERT_MARKS_OURS};
    return ld_alertmanager_hosted(&host, routes->path, routes->bytes.bytes, routes->bytes.length, out, error);
}

/* Behind "FAILED:", without the places, which are of what was made of the file. */
static int refused(const char *said, const char *path, struct ld_error *error)
{
    const char *at = strstr(said, "FAILED:");
    unsigned line;
    int used = 0;
    at = at ? at + strlen("FAILED:") : said;
    at += strspn(at, " \n");
    if (strncmp(at, "yaml: unmarshal errors:", strlen("yaml: unmarshal errors:")) == 0)
        at += strlen("yaml: unmarshal errors:");
    at += strspn(at, " \n");
    if (sscanf(at, "line %u: %n", &line, &used) == 1)
        at += used;
    ld_fail(error, LD_ESPEC, "amtool refuses it: %.400s", *at ? at : "it does not say why");
    error->message[strcspn(error->message, "\n")] = '\0';
    snprintf(error->file, sizeof error->file, "%.255s", path);
    return LD_ESPEC;
}

int ld_routes_file_amtool(const struct ld_routes_file *routes, struct ld_error *error)
{
    static const char *const arguments[] = {"amtool", "check-config", LD_CHECKER_INPUT, NULL};
    char program[PATH_MAX];
    struct ld_buffer hosted, said;
    bool good = false;
    if (!ld_amtool_find(program))
        return 0;
    ld_buffer_init(&hosted, 2 * LD_DETECTOR_FILE_BYTES_MAX);
    ld_buffer_init(&said, LD_CHECKER_TEXT_MAX);
    int code = ld_routes_file_hosted(routes, "http://127.0.0.1:9/", &hosted, error);
    if (!code)
        code = ld_checker_run(program, arguments, hosted.bytes, hosted.length, &said, &good, error);
    if (!code && !good)
        code = refused(ld_buffer_text(&said), routes->path, error);
    ld_buffer_done(&hosted);
    ld_buffer_done(&said);
    return code;
}
