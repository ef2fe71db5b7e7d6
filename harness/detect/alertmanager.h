/* A user's own Alertmanager configuration, made fit to be run here.
 *
 * Who is told of an alert, after which wait, and which alerts are muted or inhibited is a part of the time to detect
 * that its users live with: the tree of routes, the inhibition rules and the time intervals stay as they are. Nothing
 * may leave this machine and no secret may be kept: of a receiver only its name stays, and whether it tells anybody at
 * all; templates, global settings but resolve_timeout, and tracing are left out.
 *
 * Strict YAML as everywhere (yaml/node.h: no tags, merge keys or several documents). Pure: bytes in, bytes out. */
#ifndef LD_DETECT_ALERTMANAGER_H
#define LD_DETECT_ALERTMANAGER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define LD_ALERTMANAGER_RECEIVERS_MAX 1000
#define LD_ALERTMANAGER_ROUTES_MAX 1000

/* A file as it is kept (ld_detector_file_taker): read by whoever wants to know what was evaluated, and good input
 * itself, from which the same is kept. Receivers that tell somebody have a webhook to nowhere.
 * LD_ESYNTAX, LD_ESPEC with file:line:column: no YAML, an unknown key, a receiver or interval that is not there, a time
 * that is none; LD_ELIMIT, LD_ENOMEM. `bytes` is not changed after an error. */
int ld_alertmanager_keep(const char *file, struct ld_buffer *bytes, struct ld_error *error);

/* What the host adds. */
struct ld_alertmanager_host {
    const char *url;    /* where every receiver that tells somebody posts to */
    const char *label;  /* alerts of the host's own rules: label and values, a regular expression. Posted at once, */
    const char *values; /* whatever the routes are; they inhibit nothing and nothing inhibits them */
};

/* Those of one value, and of one instance where they have one, are a group: told at once, and then what has changed. */
#define LD_ALERTMANAGER_HOST_INTERVAL "250ms"

/* The configuration for one run, added to `out`, of a text that was kept or a whole file. Errors as above. */
int ld_alertmanager_hosted(const struct ld_alertmanager_host *host, const char *file, const char *text, size_t length,
                           struct ld_buffer *out, struct ld_error *error);

/* Times of a tree of routes, with Alertmanager's defaults where it has none. */
struct ld_alertmanager_times {
    int64_t group_wait_ns;     /* the least of all routes: no alert is told before */
    int64_t group_interval_ns; /* the most of all routes: until a change of any alert is told */
};
int ld_alertmanager_times(struct ld_alertmanager_times *ret_times, const char *file, const char *text, size_t length,
                          struct ld_error *error);

#endif
