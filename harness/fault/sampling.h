/* Sampling faults: what becomes of a read of the target, decided per read and without any I/O.
 *
 * The read gateway asks here for every read that goes through an instance's door, whoever asked for it: sampler,
 * detectors, Prometheus and people meet the same fault. Whether a read is touched depends on the seed, the fault's id,
 * the instance and the number of the read among those that the fault could touch there, and on nothing else. */
#ifndef LD_FAULT_SAMPLING_H
#define LD_FAULT_SAMPLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/fault.h"

#define LD_SAMPLING_BODY_MAX 1024 /* bytes of a forged body */

/* Is the read of this path (with its query) among the fault's `reads`? What is not a profile is the metrics page. */
bool ld_sampling_aims_at(const struct ld_fault_sampling *sampling, const char *path);
/* Are reads of endpoints, whatever their paths? */
bool ld_sampling_aims_at_endpoints(const struct ld_fault_sampling *sampling);
/* Read number `read`, from 0, of those it aims at. Pure; the same on every machine. */
bool ld_sampling_touches(uint64_t seed, const struct ld_fault_spec *fault, uint32_t instance, uint64_t read);
/* slow: how much later its answer comes, ns. */
int64_t ld_sampling_delay_ns(uint64_t seed, const struct ld_fault_spec *fault, uint32_t instance, uint64_t read);

/* not-found and wrong-content: the answer that comes instead of the target's. */
struct ld_sampling_answer {
    int status;
    bool pprof_header; /* X-Go-Pprof: 1, as Go's own words carry it */
    const char *content_type;
    size_t length;
    char body[LD_SAMPLING_BODY_MAX + 1]; /* NUL behind length bytes */
};
void ld_sampling_forge(uint64_t seed, const struct ld_fault_spec *fault, uint32_t instance, uint64_t read,
                       const char *path, struct ld_sampling_answer *ret_answer);

/* What the fault did, counted where the reader got its answer. */
struct ld_sampling_effect {
    uint64_t touched, spared; /* reads it aims at */
    uint64_t delivered;       /* of the touched: the reader got what the fault wants him to get */
    uint64_t unchanged;       /* touched, but the body was shorter than the cut, or the target failed by itself */
    uint64_t delay_count;     /* slow: reads that came through, late */
    int64_t delay_least_ns, delay_most_ns;
    double delay_sum_ns, due_sum_ns; /* as they were; as they were drawn */
    int64_t worst_early_ns;   /* most an answer came before its time */
};
/* One touched read of a slow fault has its answer, `late_ns` after it was asked for. */
void ld_sampling_delayed(struct ld_sampling_effect *effect, int64_t due_ns, int64_t late_ns);
void ld_sampling_effect_add(struct ld_sampling_effect *sum, const struct ld_sampling_effect *effect);
/* Effective: of the touched reads more than half got it, none came early, and delays that were drawn are long enough to
 * be told from none: 1 ms in all. A read did not get it when the target failed by itself or the body was too short.
 * p50_ns of a slow fault is the mean of its delays and p99_ns the longest: reads are few. */
void ld_sampling_receipt(const struct ld_sampling_effect *effect, const struct ld_fault_spec *fault,
                         struct ld_receipt *ret_receipt);

#endif
