/* The alert: a detector's claim, opened and closed; and where alerts go.
 *
 * An alert that opened is closed at the latest when its incarnation ends. UNKNOWN and KNOWN are a pair of their own
 * for an instance, not for a life: UNKNOWN takes a fresh id, KNOWN carries it; between them the detector sees nothing
 * of that instance, through deaths and restarts, and claims that are open stay as they are. */
#ifndef LD_DETECT_ALERT_H
#define LD_DETECT_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "truth/cause.h"

enum ld_alert_action {
    LD_ALERT_OPEN,    /* the claim is made */
    LD_ALERT_CLOSE,   /* the claim is withdrawn; same id as its open */
    LD_ALERT_UNKNOWN, /* the detector cannot see: never counted as healthy */
    LD_ALERT_KNOWN    /* it can see again */
};
const char *ld_alert_action_name(enum ld_alert_action action);
int ld_alert_action_find(const char *name);

enum ld_severity { LD_SEVERITY_GREEN, LD_SEVERITY_AMBER, LD_SEVERITY_RED };
const char *ld_severity_name(enum ld_severity severity);
int ld_severity_find(const char *name);

struct ld_alert {
    uint64_t id;              /* from 1, rising within a detector and run; CLOSE carries its OPEN's id */
    enum ld_alert_action action;
    uint64_t evidence;        /* sequence of the deciding observation: identical in replay */
    int64_t evidence_time_ns; /* its time */
    int64_t receipt_ns; /* the runner's monotonic clock, since the run's start; scoring uses it. 0 until received */
    uint32_t instance, incarnation;
    enum ld_cause cause;
    const char *site;         /* "" when none is named */
    double amount;            /* units claimed, 0 when none */
    enum ld_severity severity;
    const char *why;          /* the evidence, quoted: columns, values, since when */
    const char *rule;         /* row of a rule file, "" when the detector has no rules */
    const char *rule_version; /* "v1.2.0-a1b2c3", "" likewise */
};
/* The `why` of a CLOSE that is no end: the claim changed, and the detector's next alert is the OPEN of it as it is. */
#define LD_ALERT_UPDATED "updated"
/* The `why` of a CLOSE that nobody decided. */
#define LD_ALERT_LIFE_OVER "the incarnation ended"
/* How many claims more there are after the alert, of those that were ever made: 1 for a new one, 0 for what else there
 * is; an update's CLOSE is -1, so that it and its OPEN come to 0. */
int ld_alert_new_claims(const struct ld_alert *alert);
/* The texts belong to the detector and are valid during the call that delivers the alert. */

/* Everything but the receipt, which is a live clock's; doubles by their bits. */
bool ld_alert_same(const struct ld_alert *a, const struct ld_alert *b);
/* The same but for the id: detectors look at sites in the order of their names, and number what they claim at once. */
bool ld_alert_same_claim(const struct ld_alert *a, const struct ld_alert *b);
/* Bring the first of `alerts` that makes this claim to the front; false: none does. Only those of one observation. */
bool ld_alert_bring(struct ld_alert *alerts, size_t count, const struct ld_alert *claim);
/* "open at observation 41 (site "main.wait")" into `text`. */
void ld_alert_describe(const struct ld_alert *alert, char *text, size_t room);

/* Where alerts go. The receiver copies. */
struct ld_alert_sink {
    void (*alert)(void *context, const struct ld_alert *alert);
    void *context;
};

#endif
