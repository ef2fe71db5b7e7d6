/* What Alertmanager posts: any bytes, a post a line, observations between them. Whatever comes, alerts keep to the
 * interface: ids rise, what closes was open, evidence was observed. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/detect/alert_book.h"

#define OPEN_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct ld_alert_book *book;
    uint64_t last[2], last_id;
    uint64_t open[OPEN_MAX];
    size_t open_count;
};

static void hear(void *context, const struct ld_alert *alert)
{
    struct heard *heard = context;
    assert(alert->instance < 2 && alert->incarnation > 0 && alert->evidence <= heard->last[alert->instance]);
    assert(alert->site && alert->why && alert->rule && alert->rule_version);
    assert(alert->amount >= 0 && (unsigned)alert->cause < LD_CAUSE_COUNT);
    if (alert->action == LD_ALERT_OPEN || alert->action == LD_ALERT_UNKNOWN) {
        assert(alert->id > heard->last_id && heard->open_count < OPEN_MAX);
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

static void ignore(void *context, const char *text)
{
    (void)context;
    assert(text[0]);
}

static void take(void *context, const struct ld_webhook_alert *alert)
{
    struct heard *heard = context;
    assert(strlen(alert->why) <= LD_WEBHOOK_TEXT_BYTES_MAX && alert->name[0] != '\n');
    (void)ld_alert_book_post(heard->book, alert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"UpIsOne", "Plain"};
    struct heard heard = {0};
    const struct ld_alert_book_setting setting = {.instances = 2,
                                                  .names = names,
                                                  .name_count = 2,
                                                  .version = "rules-1",
                                                  .grace_ns = 3,
                                                  .sink = {hear, &heard},
                                                  .note = ignore};
    heard.book = ld_alert_book_new(&setting);
    assert(heard.book);
    for (uint64_t sequence = 1; size > 0; sequence++) {
        const uint8_t *newline = memchr(data, '\n', size);
        size_t length = newline ? (size_t)(newline - data) + 1 : size;
        struct ld_error error;
        (void)ld_webhook_read((const char *)data, length, take, &heard, &error);
        data += length;
        size -= length;
        uint32_t instance = (uint32_t)(sequence % 2);
        heard.last[instance] = sequence;
        ld_alert_book_observe(heard.book,
                              &(struct ld_observation){.sequence = sequence,
                                                       .time_ns = (int64_t)sequence,
                                                       .instance = instance,
                                                       .incarnation = 1 + (uint32_t)(sequence / 6),
                                                       .kind = sequence % 6 == 5 ? LD_OBSERVATION_LIFE
                                                                                 : LD_OBSERVATION_TICK,
                                                       .life = LD_LIFE_ENDED},
                              (int64_t)1796000000 * 1000000000);
    }
    ld_alert_book_free(heard.book);
    return 0;
}
