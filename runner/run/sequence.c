#include "runner/run/sequence.h"

#include <stdlib.h>

#include "base/arena.h"
#include "runner/run/judge.h"
#include "score/sequential.h"

struct ld_sequence {
    uv_loop_t *loop;
    uv_work_t work;
    const struct ld_plan *plan;
    void (*scored)(void *context);
    void *context;
    struct ld_store *store; /* the thread's while it works */
    struct ld_sequential *sequential;
    uint32_t *started;      /* of each cell */
    uint32_t *waiting, *in_work; /* indices of ended runs */
    size_t waiting_count, in_work_count;
    bool busy;
    struct ld_judged judged; /* what the thread made of those in work */
    int code;                /* sticky */
    struct ld_error error;
};

/* ---- on the thread */

static void score(uv_work_t *work)
{
    struct ld_sequence *sequence = work->data;
    sequence->code = ld_score_stored(&sequence->judged, sequence->store, sequence->plan, sequence->in_work,
                                     sequence->in_work_count, &sequence->error);
}

/* ---- on the loop */

static void begin(struct ld_sequence *sequence);

static void on_scored(uv_work_t *work, int status)
{
    struct ld_sequence *sequence = work->data;
    (void)status; /* it is never cancelled */
    if (!sequence->code) {
        ld_sequential_add(sequence->sequential, sequence->judged.records, sequence->judged.count,
                          &sequence->judged.score);
        ld_judged_done(&sequence->judged);
    }
    sequence->busy = false;
    begin(sequence);
    sequence->scored(sequence->context);
}

static void begin(struct ld_sequence *sequence)
{
    if (sequence->busy || sequence->code || !sequence->waiting_count)
        return;
    uint32_t *free_list = sequence->in_work;
    sequence->in_work = sequence->waiting;
    sequence->in_work_count = sequence->waiting_count;
    sequence->waiting = free_list;
    sequence->waiting_count = 0;
    sequence->busy = true;
    sequence->work.data = sequence;
    uv_queue_work(sequence->loop, &sequence->work, score, on_scored);
}

void ld_sequence_ended(struct ld_sequence *sequence, const struct ld_run_plan *run)
{
    if (!sequence || !ld_cell_sequential_tests(&sequence->plan->cells[run->cell]))
        return;
    sequence->waiting[sequence->waiting_count++] = run->index;
    begin(sequence);
}

bool ld_sequence_is_busy(const struct ld_sequence *sequence)
{
    return sequence && sequence->busy;
}

int ld_sequence_status(const struct ld_sequence *sequence, struct ld_error *error)
{
    if (!sequence || sequence->busy || !sequence->code)
        return 0;
    *error = sequence->error;
    return sequence->code;
}

bool ld_sequence_is_settled(const struct ld_sequence *sequence, const struct ld_run_plan *run)
{
    return sequence && ld_sequential_is_settled(sequence->sequential, run->cell);
}

bool ld_sequence_wants(const struct ld_sequence *sequence, const struct ld_run_plan *run)
{
    return !sequence || ld_sequential_wants(sequence->sequential, run->cell, sequence->started[run->cell]);
}

void ld_sequence_started(struct ld_sequence *sequence, const struct ld_run_plan *run)
{
    if (sequence)
        sequence->started[run->cell]++;
}

/* ---- making */

static int open_parts(struct ld_sequence *sequence, const char *database, struct ld_error *error)
{
    const struct ld_plan *plan = sequence->plan;
    sequence->started = calloc(plan->cell_count + 1, sizeof *sequence->started);
    sequence->waiting = calloc(plan->run_count + 1, sizeof *sequence->waiting);
    sequence->in_work = calloc(plan->run_count + 1, sizeof *sequence->in_work);
    if (!sequence->started || !sequence->waiting || !sequence->in_work)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    int code = ld_sequential_new(&sequence->sequential, plan, error);
    return code ? code : ld_store_open(&sequence->store, database, false, error);
}

int ld_sequence_new(struct ld_sequence **ret_sequence, uv_loop_t *loop, const struct ld_plan *plan,
                    const char *database, void (*scored)(void *context), void *context, struct ld_error *error)
{
    size_t tests = 0;
    for (size_t i = 0; i < plan->cell_count; i++)
        tests += ld_cell_sequential_tests(&plan->cells[i]);
    *ret_sequence = NULL;
    if (!tests)
        return 0;
    struct ld_sequence *sequence = calloc(1, sizeof *sequence);
    if (!sequence)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    *sequence = (struct ld_sequence){.loop = loop, .plan = plan, .scored = scored, .context = context};
    int code = open_parts(sequence, database, error);
    if (code) {
        ld_sequence_free(sequence);
        return code;
    }
    *ret_sequence = sequence;
    return 0;
}

void ld_sequence_free(struct ld_sequence *sequence)
{
    if (!sequence)
        return;
    ld_sequential_free(sequence->sequential);
    if (sequence->store)
        ld_store_close(sequence->store, NULL);
    free(sequence->started);
    free(sequence->waiting);
    free(sequence->in_work);
    free(sequence);
}
