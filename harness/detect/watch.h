/* What every built-in detector does alike: follow the lives of instances, number its alerts, keep its open claims and
 * say unknown while it cannot look.
 *
 * A new incarnation is a fresh start: the claims of the dead one are closed and its state is dropped, so a count that
 * falls to zero by a restart is never compared with anything. Observations of an earlier life that arrive late are
 * passed over. Everything is bounded: instances and claims have limits, texts are cut. */
#ifndef LD_DETECT_WATCH_H
#define LD_DETECT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect/detector.h"

#define LD_WATCH_INSTANCES_MAX 1024 /* more are LD_ELIMIT */
#define LD_WATCH_CLAIMS_MAX 1024    /* open at once for one life; further sites stay unclaimed until one closes */
#define LD_WATCH_SITE_MAX 512       /* bytes of a claim's site, longer ones are cut */

struct ld_claim {
    uint64_t id;
    enum ld_cause cause;
    enum ld_severity severity;
    bool kept; /* a mark for the detector's own sweep */
    char site[LD_WATCH_SITE_MAX];
};

struct ld_life_state {
    uint32_t instance, incarnation;
    bool ended;        /* the incarnation died and no later one was seen */
    uint64_t blind_id; /* of the UNKNOWN that is open, 0 when the detector can see */
    size_t claim_count, claim_room;
    struct ld_claim *claims; /* by rising id */
    void *state;       /* state_size bytes, zeroed at the start of each life */
};

struct ld_watch {
    uint64_t last_id;
    size_t count, room;
    struct ld_life_state *lives; /* by instance */
    size_t state_size;
    void (*state_done)(void *state); /* release what the state holds; may be NULL */
};

/* `state_size`: of the detector's own state for one life, at least 1. */
void ld_watch_init(struct ld_watch *watch, size_t state_size, void (*state_done)(void *state));
void ld_watch_done(struct ld_watch *watch);

/* The life that the observation belongs to. *ret_life is NULL when there is nothing to do: it came from an earlier
 * life, or reported the end of one (which closes its claims here). `ret_fresh` (may be NULL): a new life began with
 * it. Valid until the next call. LD_ENOMEM, LD_ELIMIT. */
int ld_watch_follow(struct ld_watch *watch, const struct ld_observation *observation, const struct ld_alert_sink *sink,
                    struct ld_life_state **ret_life, bool *ret_fresh);

/* The life that an alert of another incarnation than the observation's would be about; NULL when not current. */
struct ld_life_state *ld_watch_find(struct ld_watch *watch, uint32_t instance);

/* Open a claim: `alert` gives cause, site, amount, severity and why; identity and evidence are filled in here.
 * Passed over when the limit of claims is reached. LD_ENOMEM. */
int ld_claim_open(struct ld_watch *watch, struct ld_life_state *life, const struct ld_observation *observation,
                  const struct ld_alert_sink *sink, const struct ld_alert *alert);
void ld_claim_close(struct ld_life_state *life, const struct ld_observation *observation,
                    const struct ld_alert_sink *sink, size_t index, const char *why);
/* Index of the open claim on `site`, or -1. */
ptrdiff_t ld_claim_find(const struct ld_life_state *life, const char *site);

/* The read failed, or (METRICS, ANSWER) showed nothing of use: say UNKNOWN unless said already. The read was good: say
 * KNOWN if UNKNOWN was said. */
void ld_watch_blind(struct ld_watch *watch, struct ld_life_state *life, const struct ld_observation *observation,
                    const struct ld_alert_sink *sink);
/* The same for other reasons. */
void ld_watch_unknown(struct ld_watch *watch, struct ld_life_state *life, const struct ld_observation *observation,
                      const struct ld_alert_sink *sink, const char *why);
void ld_watch_seeing(struct ld_life_state *life, const struct ld_observation *observation,
                     const struct ld_alert_sink *sink);

/* The value of `metric` in a METRICS observation; false when it is not among the points or no finite number. */
bool ld_observation_point(const struct ld_observation *observation, enum ld_metric metric, double *ret_value);
/* Did a read of `kind` fail, or was one cut short (a truncated profile is no evidence)? */
bool ld_observation_misses_profile(const struct ld_observation *observation, enum ld_profile_kind kind);
/* A whole profile of `kind`? */
bool ld_observation_has_profile(const struct ld_observation *observation, enum ld_profile_kind kind);

/* What detectors of one kind of profile do alike: follow the life, say unknown when such a profile could not be read or
 * is cut short. *ret_life is NULL when the observation is no whole profile of `kind`. LD_ENOMEM, LD_ELIMIT. */
int ld_watch_profile(struct ld_watch *watch, enum ld_profile_kind kind, const struct ld_observation *observation,
                     const struct ld_alert_sink *sink, struct ld_life_state **ret_life);
/* What detectors of the goroutine count do alike: follow the life, say unknown when the metrics could not be read or
 * hold no count, and take the count. *ret_life is NULL when the observation holds no count to judge. LD_ENOMEM,
 * LD_ELIMIT. */
int ld_watch_count(struct ld_watch *watch, const struct ld_observation *observation, const struct ld_alert_sink *sink,
                   struct ld_life_state **ret_life, double *ret_count);
/* The only claim of a life, of a detector that names no site: open `alert` when `holds` begins to be true, close it
 * with `closing` when it ends, do nothing while it stays. LD_ENOMEM. */
int ld_claim_only(struct ld_watch *watch, struct ld_life_state *life, const struct ld_observation *observation,
                  const struct ld_alert_sink *sink, bool holds, const struct ld_alert *alert, const char *closing);

/* A duration of the detector's options in observation time: as written, divided by the time scale, at least 1 ns. */
int64_t ld_scaled_ns(int64_t written_ns, double time_scale);
/* Has `interval_ns` passed since a read that is `since_ns` old? Reads stand on a grid of `period_ns`, but their times
 * are those of their answers, some milliseconds off it: who asked for no less than the interval would pass over every
 * other read. So the read that is nearest to the interval is the one: half a period may be missing, or half of an
 * interval that is shorter. */
bool ld_interval_passed(int64_t since_ns, int64_t interval_ns, int64_t period_ns);

#endif
