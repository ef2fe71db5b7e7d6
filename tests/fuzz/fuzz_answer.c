/* What a detector that is a program says: any bytes, in turns. The first byte of each piece says how it is cut.
 * Whatever comes, alerts keep to the interface: ids rise, what closes was open, evidence is the question. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/detect/answer.h"
#include "runner/detect/limits.h"

#define OPEN_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    uint64_t asked, last_id;
    uint64_t open[OPEN_MAX];
    size_t open_count;
};

static void hear(void *context, const struct ld_alert *alert)
{
    struct heard *heard = context;
    assert(alert->evidence == heard->asked && alert->site && alert->why && alert->rule && alert->rule_version);
    assert(alert->amount >= 0 && (unsigned)alert->cause < LD_CAUSE_COUNT && alert->instance < 2 &&
           alert->incarnation > 0);
    if (alert->action == LD_ALERT_OPEN || alert->action == LD_ALERT_UNKNOWN) {
        assert(alert->id == heard->last_id + 1 && heard->open_count < OPEN_MAX);
        heard->last_id = alert->id;
        heard->open[heard->open_count++] = alert->id;
        return;
    }
    for (size_t i = 0; i < heard->open_count; i++)
        if (heard->open[i] == alert->id) {
            heard->open[i] = heard->open[--heard->open_count];
            return;
        }
    abort();
}

static bool known(void *context, const char *site, uint64_t sequence)
{
    (void)context;
    return sequence > 2 && site[0] == 'm';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heard *heard = calloc(1, sizeof *heard);
    assert(heard);
    const struct ld_answers_setting setting = {.instances = 2, .sink = {hear, heard}, .site_known = known};
    struct ld_answers *answers = ld_answers_new(&setting);
    assert(answers);
    enum ld_exec_fault fault = LD_EXEC_SOUND;
    for (uint64_t sequence = 0; size > 0 && !fault; sequence++) {
        heard->asked = sequence;
        ld_answers_ask(answers, &(struct ld_question){.sequence = sequence,
                                                      .time_ns = (int64_t)sequence,
                                                      .instance = (uint32_t)(sequence / 3 % 2),
                                                      .incarnation = 1 + (uint32_t)(sequence / 6),
                                                      .ends_life = sequence % 6 == 5});
        while (size > 0 && !fault && ld_answers_waiting(answers)) {
            /* A line at a time, so that answers and turns can meet; sometimes in two. */
            const uint8_t *newline = memchr(data, '\n', size);
            size_t length = newline ? (size_t)(newline - data) + 1 : size;
            size_t cut = length > 1 ? 1 + data[0] % (length - 1) : length;
            fault = ld_answers_take(answers, (const char *)data, cut);
            if (!fault)
                fault = ld_answers_take(answers, (const char *)data + cut, length - cut);
            data += length;
            size -= length;
        }
    }
    assert(!fault || (ld_answers_why(answers)[0] && ld_answers_take(answers, "x", 1) == fault));
    ld_answers_free(answers);
    free(heard);
    return 0;
}
