/* Lines of a fixture's truth: each parsed, all folded, intervals asked about. Whatever the bytes, what comes out is
 * consistent: intervals end after they begin, and a manifest one reached its units. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "truth/truth.h"

#define EVENTS_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_arena *arena = ld_arena_new((size_t)1 << 22);
    struct ld_truth_event *events = calloc(EVENTS_MAX, sizeof *events);
    if (!arena || !events)
        abort();
    size_t count = 0;
    while (size > 0 && count < EVENTS_MAX) {
        const uint8_t *newline = memchr(data, '\n', size);
        size_t length = newline ? (size_t)(newline - data) + 1 : size;
        struct ld_error error;
        if (ld_truth_parse(&events[count], (const char *)data, length, 1000, arena, &error) == 0) {
            events[count].incarnation = 1 + (uint32_t)(count / 16); /* so that several lives are met */
            count++;
        }
        data += length;
        size -= length;
    }
    struct ld_truth truth;
    struct ld_error error;
    const int64_t end_ns = INT64_C(1) << 40;
    if (ld_truth_fold(&truth, events, count, 3, end_ns, &error) == 0) {
        for (size_t i = 0; i < truth.interval_count; i++) {
            const struct ld_truth_interval *interval = &truth.intervals[i];
            assert(interval->first_ns <= interval->end_ns && interval->end_ns <= end_ns);
            assert(interval->manifest_ns < 0 || (interval->amount >= 3 && interval->manifest_ns >= interval->first_ns));
            assert(interval->hold || interval->cause != LD_CAUSE_NONE);
            (void)ld_truth_outstanding(&truth, interval->end_ns, interval->instance, interval->incarnation);
        }
        ld_truth_done(&truth);
    }
    free(events);
    ld_arena_free(arena);
    return 0;
}
