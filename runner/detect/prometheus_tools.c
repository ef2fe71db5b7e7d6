#include "runner/detect/prometheus_tools.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runner/detect/program.h"

#define TOOLS_FOLDER LEAKDRILL_BUILD_FOLDER "/../tools/usr/bin"
/* Debian's Alertmanager reads its templates from here and from nowhere else, and does not start without them. */
#define DEBIANS_ALERTMANAGER "prometheus-alertmanager"
#define DEBIANS_TEMPLATES "/usr/share/prometheus/alertmanager/default.tmpl"

static bool find(const char *name, char ret_path[PATH_MAX])
{
    struct ld_error ignored;
    char beside[PATH_MAX];
    if (ld_program_find("", name, ret_path, PATH_MAX, &ignored) == 0)
        return true;
    snprintf(beside, sizeof beside, TOOLS_FOLDER "/%s", name);
    return ld_program_find("", beside, ret_path, PATH_MAX, &ignored) == 0;
}

bool ld_promtool_find(char ret_path[PATH_MAX])
{
    return find("promtool", ret_path);
}

bool ld_amtool_find(char ret_path[PATH_MAX])
{
    return find("amtool", ret_path);
}

int ld_prometheus_tools_find(struct ld_prometheus_tools *ret_tools, struct ld_error *error)
{
    bool debians = find(DEBIANS_ALERTMANAGER, ret_tools->alertmanager);
    const char *lacks = !find("prometheus", ret_tools->prometheus)                        ? "Prometheus"
                        : !debians && !find("alertmanager", ret_tools->alertmanager) ? "Alertmanager"
                                                                                          : NULL;
    if (lacks)
        return ld_fail(error, LD_EUNAVAILABLE,
                       "there is no %s, neither on PATH nor among the tools of the build: ./quickstart setup gets it",
                       lacks);
    if (debians && access(DEBIANS_TEMPLATES, R_OK) != 0)
        return ld_fail(error, LD_EUNAVAILABLE,
                       "Debian's Alertmanager needs %s, which is not there: ./quickstart setup copies it",
                       DEBIANS_TEMPLATES);
    if (!ld_promtool_find(ret_tools->promtool))
        ret_tools->promtool[0] = '\0';
    return 0;
}
