/* A user's Prometheus rule file: looked through and hashed before anything starts.
 *
 * It is bounded, it must be YAML with groups of rules of which one at least is an alert, and promtool, where it is
 * there, must find it good. YAML beyond what rule files use (tags, merge keys, several documents) is refused. */
#ifndef LD_RUNNER_DETECT_RULE_FILE_H
#define LD_RUNNER_DETECT_RULE_FILE_H

#include <limits.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "scenario/scenario.h"
#include "yaml/node.h"

#define LD_RULE_SELECTORS_MAX 200
#define LD_RULE_SELECTOR_BYTES_MAX 400
#define LD_RULE_ODD_SEVERITIES_MAX 8
#define LD_RULE_FILE_VERSION_MAX 24 /* "rules-0123456789ab" */

/* What its expressions ask Prometheus for. */
struct ld_rule_selector {
    const char *text; /* "go_goroutines{job=\"shop\"}": one line */
    const char *rule; /* the first that has it: its alert's name, or that of what it records */
};

/* A severity that is written out and is none that webhook.h knows. */
struct ld_odd_severity {
    char text[64]; /* harmless, its beginning */
    unsigned line, column;
};

struct ld_rule_file {
    char path[PATH_MAX];
    struct ld_buffer bytes;
    struct ld_arena *arena; /* owns the names */
    size_t alert_count;
    const char **alerts;    /* of its rules, in the order of the file */
    size_t selector_count;  /* at most LD_RULE_SELECTORS_MAX, each once, without ALERTS and those of several lines */
    struct ld_rule_selector *selectors;
    size_t odd_severity_count;
    struct ld_odd_severity odd_severities[LD_RULE_ODD_SEVERITIES_MAX];
    char hash[LD_HASH_HEX];
    char version[LD_RULE_FILE_VERSION_MAX]; /* of its alerts, from the hash */
};

/* The rule file of the detector: as the scenario has it, else as it is on disk. The place of an error is in the rule
 * file. LD_ENOENT and other codes of ld_file_read, LD_ESYNTAX, LD_ESPEC, LD_ENOMEM. */
int ld_rule_file_read(struct ld_rule_file *ret_rules, const struct ld_scenario *scenario,
                      const struct ld_detector_spec *spec, struct ld_error *error);
void ld_rule_file_done(struct ld_rule_file *rules); /* zeroed is allowed */
/* What promtool says of it; nothing where there is none. LD_ESPEC. */
int ld_rule_file_promtool(const struct ld_rule_file *rules, struct ld_error *error);

/* What `promtool check rules` wrote of its input, as an error of `path` with its place, when it says that it is wrong.
 */
int ld_promtool_error(const char *text, const char *path, struct ld_error *error);

#endif
