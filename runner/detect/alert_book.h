/* The book of what an alerting system says: which alerts fire, and which claims they make on which incarnation.
 *
 * A claim is opened when an alert fires and closed when it is resolved, or when its incarnation ends. Across a restart
 * a series goes on, so an alert may fire on for a moment about the life before: a new life is claimed by what began to
 * fire in it, and by what still fires a grace after its start. Alerts of the book's own rules say which instance the
 * alerting system cannot see: unknown, until it can.
 *
 * Observations give evidence, life and death; no clock is read here. */
#ifndef LD_RUNNER_DETECT_ALERT_BOOK_H
#define LD_RUNNER_DETECT_ALERT_BOOK_H

#include "observe/observation.h"
#include "runner/detect/webhook.h"

#define LD_ALERT_BOOK_MAX 1000 /* alerts that are known at a time */

/* Values of the label leakdrill. */
#define LD_ALERT_MARK_IGNORE "ignore" /* a user's: no claim */
#define LD_ALERT_MARK_UNSEEN "unseen" /* our own rule: the instance was not scraped */
#define LD_ALERT_MARK_SEEN "seen"     /* our own rule: all instances were */
#define LD_ALERT_MARK_PRESENT "present" /* our own rule: selector number NAME of the user's rules has series */
#define LD_ALERT_MARKS_OURS LD_ALERT_MARK_SEEN "|" LD_ALERT_MARK_UNSEEN "|" LD_ALERT_MARK_PRESENT

struct ld_alert_book;

struct ld_alert_book_setting {
    uint32_t instances;
    const char *const *names; /* of the alerts that claim something */
    size_t name_count;
    size_t selector_count;    /* of the rules, at most LD_RULE_SELECTORS_MAX */
    const char *version;      /* of the rules */
    int64_t grace_ns;         /* after a life began, until what fires is about it */
    struct ld_alert_sink sink;
    void (*note)(void *context, const char *text); /* an alert that is no claim, and why; for each reason once */
    void *context;
}; /* its texts outlive the book */

struct ld_alert_book *ld_alert_book_new(const struct ld_alert_book_setting *setting); /* NULL: out of memory */
void ld_alert_book_free(struct ld_alert_book *book); /* NULL is allowed */
/* Each observation, once; `wall_ns`: since the epoch. */
void ld_alert_book_observe(struct ld_alert_book *book, const struct ld_observation *observation, int64_t wall_ns);
/* What was posted. LD_ELIMIT: too many alerts at a time; LD_ENOMEM. */
int ld_alert_book_post(struct ld_alert_book *book, const struct ld_webhook_alert *alert);
/* Were all instances seen at once, ever? */
bool ld_alert_book_seen_all(const struct ld_alert_book *book);
/* Did selector `index` of the rules never have a series, to now? Meaningful once all instances were seen. */
bool ld_alert_book_in_vain(const struct ld_alert_book *book, size_t index);

#endif
