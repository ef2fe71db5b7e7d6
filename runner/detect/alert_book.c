#include "runner/detect/alert_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An alert that fires. */
struct entry {
    struct ld_webhook_alert alert;
    uint32_t instance;
    uint64_t claim;       /* number of the claim that is open; 0: none */
    uint32_t incarnation; /* that is claimed */
};

struct instance {
    uint32_t incarnation;   /* 0: not observed yet */
    bool lives;
    int64_t began_ns;       /* its life, by the wall; 0: the first */
    int64_t began_at_ns;    /* and in observation time */
    uint64_t sequence;      /* the last observation */
    int64_t time_ns;
    bool unseen;
    uint64_t unknown;       /* number of the `unknown` that is open; 0: none */
};

enum refusal { REFUSED_STRANGER, REFUSED_NO_INSTANCE, REFUSALS };

struct ld_alert_book {
    struct ld_alert_book_setting setting;
    size_t count;
    struct entry *entries[LD_ALERT_BOOK_MAX];
    struct instance *instances;
    uint64_t last_number;
    bool seen_all;
    bool *present; /* of each selector: it had series once */
    bool refused[REFUSALS];
};

struct ld_alert_book *ld_alert_book_new(const struct ld_alert_book_setting *setting)
{
    struct ld_alert_book *book = calloc(1, sizeof *book);
    if (!book)
        return NULL;
    book->instances = calloc(setting->instances, sizeof *book->instances);
    book->present = calloc(setting->selector_count + 1, sizeof *book->present);
    if (!book->instances || !book->present) {
        ld_alert_book_free(book);
        return NULL;
    }
    book->setting = *setting;
    return book;
}

void ld_alert_book_free(struct ld_alert_book *book)
{
    if (!book)
        return;
    for (size_t i = 0; i < book->count; i++)
        free(book->entries[i]);
    free(book->instances);
    free(book->present);
    free(book);
}

/* ---- what is said of it */

static void say(struct ld_alert_book *book, uint32_t index, const struct ld_alert *what)
{
    const struct instance *instance = &book->instances[index];
    struct ld_alert alert = *what;
    alert.evidence = instance->sequence;
    alert.evidence_time_ns = instance->time_ns;
    alert.instance = index;
    if (!alert.incarnation)
        alert.incarnation = instance->incarnation;
    book->setting.sink.alert(book->setting.sink.context, &alert);
}

static void claim(struct ld_alert_book *book, struct entry *entry, enum ld_alert_action action)
{
    const struct ld_webhook_alert *alert = &entry->alert;
    if (action == LD_ALERT_OPEN) {
        entry->claim = ++book->last_number;
        entry->incarnation = book->instances[entry->instance].incarnation;
    }
    say(book, entry->instance,
        &(struct ld_alert){.id = entry->claim,
                           .action = action,
                           .incarnation = entry->incarnation,
                           .cause = alert->cause,
                           .site = alert->site,
                           .amount = alert->amount,
                           .severity = alert->severity,
                           .why = alert->why,
                           .rule = alert->name,
                           .rule_version = book->setting.version});
    if (action == LD_ALERT_CLOSE)
        entry->claim = 0;
}

/* What fires claims the present life when it is about it. */
static bool is_due(const struct ld_alert_book *book, const struct entry *entry)
{
    const struct instance *instance = &book->instances[entry->instance];
    return !entry->claim && instance->lives &&
           (entry->alert.starts_ns >= instance->began_ns ||
            instance->time_ns - instance->began_at_ns >= book->setting.grace_ns);
}

/* Prometheus sees the instance or not: said once there is an observation to say it of. */
static void look(struct ld_alert_book *book, uint32_t index)
{
    struct instance *instance = &book->instances[index];
    bool unknown = instance->unknown != 0;
    if (!instance->incarnation || unknown == instance->unseen)
        return;
    if (instance->unseen)
        instance->unknown = ++book->last_number;
    say(book, index,
        &(struct ld_alert){.id = instance->unknown,
                           .action = instance->unseen ? LD_ALERT_UNKNOWN : LD_ALERT_KNOWN,
                           .cause = LD_CAUSE_NONE,
                           .site = "",
                           .why = instance->unseen ? "Prometheus could not scrape it" : "Prometheus scrapes it again",
                           .rule = "",
                           .rule_version = book->setting.version});
    if (!instance->unseen)
        instance->unknown = 0;
}

/* ---- observations */

static void end_life(struct ld_alert_book *book, uint32_t index)
{
    for (size_t i = 0; i < book->count; i++)
        if (book->entries[i]->instance == index && book->entries[i]->claim)
            claim(book, book->entries[i], LD_ALERT_CLOSE);
    book->instances[index].lives = false;
}

void ld_alert_book_observe(struct ld_alert_book *book, const struct ld_observation *observation, int64_t wall_ns)
{
    if (observation->instance >= book->setting.instances)
        return;
    struct instance *instance = &book->instances[observation->instance];
    bool fresh = observation->incarnation > instance->incarnation;
    if (fresh && instance->lives)
        end_life(book, observation->instance); /* as of the last that was seen of it */
    instance->sequence = observation->sequence;
    instance->time_ns = observation->time_ns;
    if (fresh) {
        instance->began_ns = instance->incarnation ? wall_ns : 0;
        instance->began_at_ns = observation->time_ns;
        instance->incarnation = observation->incarnation;
        instance->lives = true;
    }
    if (observation->kind == LD_OBSERVATION_LIFE && observation->life == LD_LIFE_ENDED && instance->lives)
        end_life(book, observation->instance);
    look(book, observation->instance);
    for (size_t i = 0; i < book->count; i++)
        if (book->entries[i]->instance == observation->instance && is_due(book, book->entries[i]))
            claim(book, book->entries[i], LD_ALERT_OPEN);
}

/* ---- posts */

static void refuse(struct ld_alert_book *book, enum refusal refusal, const struct ld_webhook_alert *alert)
{
    static const char *const reasons[] = {[REFUSED_STRANGER] = "is none of the rule file's",
                                          [REFUSED_NO_INSTANCE] = "names no instance"};
    char text[300];
    if (book->refused[refusal])
        return;
    book->refused[refusal] = true;
    snprintf(text, sizeof text, "an alert that %s is no claim: %s, instance \"%s\"", reasons[refusal], alert->name,
             alert->instance);
    book->setting.note(book->setting.context, text);
}

static bool is_one_of_the_rules(const struct ld_alert_book *book, const char *name)
{
    for (size_t i = 0; i < book->setting.name_count; i++)
        if (strncmp(book->setting.names[i], name, LD_WEBHOOK_NAME_BYTES_MAX) == 0)
            return true;
    return false;
}

/* Which of ours it is about; a rule over all of them (sum without by) means the only one. */
static bool find_instance(const struct ld_alert_book *book, const char *name, uint32_t *ret_index)
{
    char *end;
    unsigned long index = strtoul(name, &end, 10);
    if (!name[0] && book->setting.instances == 1) {
        *ret_index = 0;
        return true;
    }
    *ret_index = (uint32_t)index;
    return name[0] >= '0' && name[0] <= '9' && !*end && index < book->setting.instances;
}

static struct entry **find_entry(struct ld_alert_book *book, uint64_t fingerprint)
{
    for (size_t i = 0; i < book->count; i++)
        if (book->entries[i]->alert.fingerprint == fingerprint)
            return &book->entries[i];
    return NULL;
}

static int fire(struct ld_alert_book *book, const struct ld_webhook_alert *alert, uint32_t instance)
{
    struct entry **found = find_entry(book, alert->fingerprint);
    if (!found) {
        if (book->count == LD_ALERT_BOOK_MAX)
            return LD_ELIMIT;
        struct entry *entry = calloc(1, sizeof *entry);
        if (!entry)
            return LD_ENOMEM;
        entry->instance = instance;
        found = &book->entries[book->count++];
        *found = entry;
    }
    if (!(*found)->claim)
        (*found)->alert = *alert; /* what is claimed stays as it was said */
    else
        (*found)->alert.starts_ns = alert->starts_ns;
    if (is_due(book, *found))
        claim(book, *found, LD_ALERT_OPEN);
    return 0;
}

static void resolve(struct ld_alert_book *book, uint64_t fingerprint)
{
    struct entry **found = find_entry(book, fingerprint);
    if (!found)
        return;
    if ((*found)->claim)
        claim(book, *found, LD_ALERT_CLOSE);
    free(*found);
    *found = book->entries[--book->count];
}

/* Its name is the number. That it is resolved says nothing: an instance may be down. */
static void note_presence(struct ld_alert_book *book, const struct ld_webhook_alert *alert)
{
    char *end;
    unsigned long index = strtoul(alert->name, &end, 10);
    if (end == alert->name || *end || index >= book->setting.selector_count)
        return;
    book->present[index] = book->present[index] || alert->firing;
}

int ld_alert_book_post(struct ld_alert_book *book, const struct ld_webhook_alert *alert)
{
    uint32_t index;
    if (strcmp(alert->mark, LD_ALERT_MARK_IGNORE) == 0)
        return 0;
    if (strcmp(alert->mark, LD_ALERT_MARK_SEEN) == 0) {
        book->seen_all = book->seen_all || alert->firing;
        return 0;
    }
    if (strcmp(alert->mark, LD_ALERT_MARK_PRESENT) == 0) {
        note_presence(book, alert);
        return 0;
    }
    bool unseen = strcmp(alert->mark, LD_ALERT_MARK_UNSEEN) == 0;
    if (!unseen && !is_one_of_the_rules(book, alert->name)) {
        refuse(book, REFUSED_STRANGER, alert);
        return 0;
    }
    if (!find_instance(book, alert->instance, &index)) {
        refuse(book, REFUSED_NO_INSTANCE, alert);
        return 0;
    }
    if (unseen) {
        book->instances[index].unseen = alert->firing;
        look(book, index);
        return 0;
    }
    if (alert->firing)
        return fire(book, alert, index);
    resolve(book, alert->fingerprint);
    return 0;
}

bool ld_alert_book_seen_all(const struct ld_alert_book *book)
{
    return book->seen_all;
}

bool ld_alert_book_in_vain(const struct ld_alert_book *book, size_t index)
{
    return !book->present[index];
}
