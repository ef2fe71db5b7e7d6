/* Rule files: whatever the bytes, a file that is accepted has an identity, and its rules can be evaluated. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "matrix/matrix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A site that grows under rules nobody has read: no cell may trip over it. */
static void evaluate(const struct ld_matrix *matrix)
{
    struct ld_matrix_state *state;
    if (ld_matrix_state_new(&state, matrix, 1, 250000000) != 0)
        return;
    const struct ld_frame wait = {.function = "runtime.chanrecv1", .file = ""};
    const struct ld_frame site = {.function = "main.work", .file = ""};
    const struct ld_frame *frames[] = {&wait, &site};
    struct ld_sample sample = {.frame_count = 2, .frames = frames, .age_minutes = -1};
    struct ld_profile profile = {.value_count = 1, .sample_count = 1, .samples = &sample};
    struct ld_observation observation = {.kind = LD_OBSERVATION_PROFILE, .incarnation = 1, .profile = &profile,
                                         .text = ""};
    struct ld_point points[] = {{LD_METRIC_DESCRIPTORS, 0}, {LD_METRIC_GOROUTINES, 0}, {LD_METRIC_HEAP_INUSE, 0}};
    for (int i = 0; i < 40; i++) {
        observation.sequence++;
        observation.time_ns += 125000000;
        bool look = i % 2 == 0;
        observation.kind = look ? LD_OBSERVATION_PROFILE : LD_OBSERVATION_METRICS;
        observation.point_count = look ? 0 : 3;
        observation.points = points;
        sample.values[0] = profile.total = 10 * i;
        for (size_t k = 0; k < 3; k++)
            points[k].value = 1e6 * i;
        if (ld_matrix_observe(state, &observation, NULL) != 0)
            break;
    }
    ld_matrix_state_free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_errors errors = {0};
    struct ld_matrix *matrix = NULL;
    int code = ld_matrix_parse(&matrix, "rules.yaml", data, size, &errors);
    if (code == 0) {
        assert(errors.count == 0);
        assert(strlen(ld_matrix_hash(matrix)) == 64);
        evaluate(matrix);
        ld_matrix_free(matrix);
    } else {
        assert(matrix == NULL);
    }
    ld_errors_done(&errors);
    return 0;
}
