/* What a detector that is a program says: its lines read, held to the protocol, and turned into alerts.
 *
 * Pure: bytes in, alerts out; the first fault ends it. Lock-step is its business too: ld_answers_ask opens a turn, the
 * line `done` closes it. Numbers are given to its ids here, rising; an update is the close of the claim as it was and
 * the opening of the claim as it is; what it leaves open when an incarnation ends is closed for it. */
#ifndef LD_RUNNER_DETECT_ANSWER_H
#define LD_RUNNER_DETECT_ANSWER_H

#include "detect/alert.h"
#include "observe/observation.h"
#include "runner/detect/fault.h"

struct ld_answers;

struct ld_answers_setting {
    uint32_t instances;
    struct ld_alert_sink sink; /* receipts are the receiver's to fill in */
    /* Was the site shown up to that observation? `context` is the sink's. */
    bool (*site_known)(void *context, const char *site, uint64_t sequence);
};

/* What is asked about; sequence 0 is hello. */
struct ld_question {
    uint64_t sequence;
    int64_t time_ns;
    uint32_t instance, incarnation;
    bool ends_life;
};

struct ld_answers *ld_answers_new(const struct ld_answers_setting *setting); /* NULL when out of memory */
void ld_answers_free(struct ld_answers *answers);                            /* NULL is allowed */
/* The turn before it must be over. */
void ld_answers_ask(struct ld_answers *answers, const struct ld_question *question);
/* What came from it. LD_EXEC_SOUND or the fault, which every later call returns again. */
enum ld_exec_fault ld_answers_take(struct ld_answers *answers, const char *bytes, size_t length);
/* Is a question open? */
bool ld_answers_waiting(const struct ld_answers *answers);
/* The fault in words, and the beginning of the line at fault; "" when there is none. */
const char *ld_answers_why(const struct ld_answers *answers);
const char *ld_answers_line(const struct ld_answers *answers);

#endif
