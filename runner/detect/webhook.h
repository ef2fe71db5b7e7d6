/* What Alertmanager posts (its webhook format, version 4): one JSON object with alerts, read under limits. */
#ifndef LD_RUNNER_DETECT_WEBHOOK_H
#define LD_RUNNER_DETECT_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "detect/alert.h"

/*    id, value, what it bounds */
#define LD_WEBHOOK_LIMITS(X)                                                     \
    X(BODY_BYTES, 1048576, "bytes of one post")                                  \
    X(ALERTS, 1000, "alerts of one post")                                        \
    X(NAME_BYTES, 128, "bytes of a name or a label; a longer one is cut")        \
    X(TEXT_BYTES, 1024, "bytes of a why or a site; a longer one is cut")

enum ld_webhook_limit {
#define X(id, value, doc) LD_WEBHOOK_##id##_MAX = value,
    LD_WEBHOOK_LIMITS(X)
#undef X
};

struct ld_webhook_alert {
    bool firing;             /* else it is resolved */
    uint64_t fingerprint;    /* Alertmanager's name for its set of labels */
    int64_t starts_ns;       /* since the epoch; when it began to fire */
    char name[LD_WEBHOOK_NAME_BYTES_MAX + 1];     /* label alertname */
    char instance[LD_WEBHOOK_NAME_BYTES_MAX + 1]; /* label instance, "" without one */
    char mark[LD_WEBHOOK_NAME_BYTES_MAX + 1];     /* label leakdrill, "" without one */
    enum ld_cause cause;     /* label or annotation cause; ANY when there is none, or no such cause */
    enum ld_severity severity;
    double amount;           /* annotation value or amount, 0 when it is no number from 0 on */
    char site[LD_WEBHOOK_TEXT_BYTES_MAX + 1];     /* label or annotation site */
    char why[LD_WEBHOOK_TEXT_BYTES_MAX + 1];      /* annotation summary or description, else all of the labels */
};

/* "critical", "warning" and so on: what is no error elsewhere is red. */
bool ld_webhook_knows_severity(const char *name);

/* Hand each alert of a post to `take`, in its order, once all of the post is read and good. LD_ESYNTAX: no JSON;
 * LD_ESPEC: not that format; LD_ELIMIT, LD_ENOMEM. Nothing is handed on then. */
int ld_webhook_read(const char *bytes, size_t length,
                    void (*take)(void *context, const struct ld_webhook_alert *alert), void *context,
                    struct ld_error *error);

#endif
