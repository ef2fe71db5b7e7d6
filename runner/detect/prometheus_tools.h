/* Where Prometheus, Alertmanager and their checkers are: on PATH, else where `quickstart setup` lays them, in the
 * folder tools beside the builds. */
#ifndef LD_RUNNER_DETECT_PROMETHEUS_TOOLS_H
#define LD_RUNNER_DETECT_PROMETHEUS_TOOLS_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"

struct ld_prometheus_tools {
    char prometheus[PATH_MAX], alertmanager[PATH_MAX];
    char promtool[PATH_MAX]; /* "": there is none; its checks are left out */
};

/* LD_EUNAVAILABLE: Prometheus or Alertmanager is not there, or cannot work from there. */
int ld_prometheus_tools_find(struct ld_prometheus_tools *ret_tools, struct ld_error *error);
/* promtool alone, which checks rules, and amtool, which checks an Alertmanager's configuration; false: there is none.
 */
bool ld_promtool_find(char ret_path[PATH_MAX]);
bool ld_amtool_find(char ret_path[PATH_MAX]);

#endif
