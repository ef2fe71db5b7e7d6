#include "runner/detect/answer.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "runner/detect/limits.h"

#define SHOWN_MAX 200                     /* bytes of a faulty line that are kept to show */
/* A text of its, for a terminal, of at most so many bytes; lives as long as the block. */
#define SHOWN(text, bytes) ld_format_harmless(text, (char[(bytes) + 1]){0}, (bytes) + 1)
#define WHOLE_REAL_MAX 9007199254740992.0 /* 2^53: up to here a double holds every whole number */

const char *ld_exec_fault_name(enum ld_exec_fault fault)
{
    static const char *const names[] = {"",
#define X(id, name, doc) name,
                                        LD_EXEC_FAULTS(X)
#undef X
    };
    return names[fault];
}

struct open_claim {
    uint64_t number;
    uint32_t instance, incarnation;
    enum ld_cause cause;
    enum ld_severity severity;
    double amount;
    char id[LD_EXEC_ID_BYTES_MAX + 1];
    char rule[LD_EXEC_ID_BYTES_MAX + 1], version[LD_EXEC_ID_BYTES_MAX + 1];
    char *site, *why;
};

struct instance {
    uint32_t incarnation; /* the last it was told of; 0: none yet */
    uint64_t unknown;     /* the number of the `unknown` that is open; 0: none */
};

struct ld_answers {
    struct ld_answers_setting setting;
    struct ld_question question;
    bool waiting;
    struct ld_buffer text; /* bytes of a line that has not ended */
    unsigned lines;        /* of this answer */
    unsigned claims;       /* of the run */
    uint64_t last_number;
    size_t open_count, open_room;
    struct open_claim *open;
    struct instance *instances;
    enum ld_exec_fault fault;
    char why[256], line[SHOWN_MAX + 4];
};

struct ld_answers *ld_answers_new(const struct ld_answers_setting *setting)
{
    struct ld_answers *answers = calloc(1, sizeof *answers);
    if (!answers || !(answers->instances = calloc(setting->instances, sizeof *answers->instances))) {
        free(answers);
        return NULL;
    }
    answers->setting = *setting;
    ld_buffer_init(&answers->text, LD_EXEC_LINE_BYTES_MAX);
    return answers;
}

static void free_claim(struct open_claim *claim)
{
    free(claim->site);
    free(claim->why);
}

void ld_answers_free(struct ld_answers *answers)
{
    if (!answers)
        return;
    for (size_t i = 0; i < answers->open_count; i++)
        free_claim(&answers->open[i]);
    free(answers->open);
    free(answers->instances);
    ld_buffer_done(&answers->text);
    free(answers);
}

static void fail(struct ld_answers *answers, enum ld_exec_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fail(struct ld_answers *answers, enum ld_exec_fault fault, const char *format, ...)
{
    va_list arguments;
    if (answers->fault)
        return;
    answers->fault = fault;
    char why[LD_EXEC_TEXT_BYTES_MAX + 256];
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    ld_format_harmless(why, answers->why, sizeof answers->why);
}

/* ---- one line, as a table of words and their keys */

enum key {
    KEY_TYPE,
    KEY_SEQ,
    KEY_INSTANCE,
    KEY_AMOUNT,
    KEY_ID,
    KEY_CAUSE,
    KEY_SITE,
    KEY_SEVERITY,
    KEY_WHY,
    KEY_RULE,
    KEY_VERSION,
    KEYS
};
#define BIT(key) (1u << (key))

enum shape { COUNTING, NUMBER, TEXT };

static const struct {
    const char *name;
    enum shape shape;
    size_t bytes_max; /* TEXT */
} keys[KEYS] = {
    [KEY_TYPE] = {"type", TEXT, LD_EXEC_ID_BYTES_MAX},
    [KEY_SEQ] = {"seq", COUNTING, 0},
    [KEY_INSTANCE] = {"instance", COUNTING, 0},
    [KEY_AMOUNT] = {"amount", NUMBER, 0},
    [KEY_ID] = {"id", TEXT, LD_EXEC_ID_BYTES_MAX},
    [KEY_CAUSE] = {"cause", TEXT, LD_EXEC_ID_BYTES_MAX},
    [KEY_SITE] = {"site", TEXT, LD_EXEC_TEXT_BYTES_MAX},
    [KEY_SEVERITY] = {"severity", TEXT, LD_EXEC_ID_BYTES_MAX},
    [KEY_WHY] = {"why", TEXT, LD_EXEC_TEXT_BYTES_MAX},
    [KEY_RULE] = {"rule", TEXT, LD_EXEC_ID_BYTES_MAX},
    [KEY_VERSION] = {"version", TEXT, LD_EXEC_ID_BYTES_MAX},
};

struct said {
    unsigned given; /* bits of enum key */
    const char *texts[KEYS];
    int64_t whole[KEYS];
    double amount;
};

static bool given(const struct said *said, enum key key)
{
    return (said->given & BIT(key)) != 0;
}

/* A whole number from 0 on, written as one or with a point, 12.0; false when it is none. */
static bool read_counting(const json_t *value, int64_t *ret_number)
{
    double real = json_real_value(value);
    bool whole = json_is_integer(value) ||
                 (json_is_real(value) && real >= 0 && real <= WHOLE_REAL_MAX && real == floor(real));
    *ret_number = json_is_integer(value) ? json_integer_value(value) : whole ? (int64_t)real : -1;
    return whole && *ret_number >= 0;
}

static void take_value(struct ld_answers *answers, struct said *said, enum key key, const json_t *value)
{
    int64_t whole = 0;
    const char *name = keys[key].name;
    if (keys[key].shape == TEXT && !json_is_string(value)) {
        fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "\"%s\" is not a text", name);
    } else if (keys[key].shape == TEXT && json_string_length(value) > keys[key].bytes_max) {
        fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "\"%s\" has %zu bytes; at most %zu are allowed", name,
             json_string_length(value), keys[key].bytes_max);
    } else if (keys[key].shape == COUNTING && !read_counting(value, &whole)) {
        fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "\"%s\" is not a whole number from 0 on", name);
    } else if (keys[key].shape == NUMBER && (!json_is_number(value) || json_number_value(value) < 0)) {
        fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "\"%s\" is not a number from 0 on", name);
    } else {
        said->given |= BIT(key);
        said->texts[key] = json_string_value(value);
        said->whole[key] = whole;
        if (keys[key].shape == NUMBER)
            said->amount = json_number_value(value);
    }
}

static int find_key(const char *name)
{
    for (int key = 0; key < KEYS; key++)
        if (strcmp(keys[key].name, name) == 0)
            return key;
    return -1;
}

static void take_values(struct ld_answers *answers, struct said *said, json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        int key = find_key(name);
        if (key < 0)
            fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "an unknown key \"%s\"", SHOWN(name, 60));
        else
            take_value(answers, said, (enum key)key, value);
    }
}

/* ---- claims */

static struct open_claim *find_claim(struct ld_answers *answers, const char *id)
{
    for (size_t i = 0; i < answers->open_count; i++)
        if (strcmp(answers->open[i].id, id) == 0)
            return &answers->open[i];
    return NULL;
}

static void send(struct ld_answers *answers, struct ld_alert *alert)
{
    alert->evidence = answers->question.sequence;
    alert->evidence_time_ns = answers->question.time_ns;
    answers->setting.sink.alert(answers->setting.sink.context, alert);
}

static void send_open(struct ld_answers *answers, struct open_claim *claim)
{
    claim->number = ++answers->last_number;
    send(answers, &(struct ld_alert){.id = claim->number,
                                     .action = LD_ALERT_OPEN,
                                     .instance = claim->instance,
                                     .incarnation = claim->incarnation,
                                     .cause = claim->cause,
                                     .site = claim->site,
                                     .amount = claim->amount,
                                     .severity = claim->severity,
                                     .why = claim->why,
                                     .rule = claim->rule,
                                     .rule_version = claim->version});
}

static void send_close(struct ld_answers *answers, const struct open_claim *claim, const char *why)
{
    send(answers, &(struct ld_alert){.id = claim->number,
                                     .action = LD_ALERT_CLOSE,
                                     .instance = claim->instance,
                                     .incarnation = claim->incarnation,
                                     .cause = claim->cause,
                                     .site = claim->site,
                                     .severity = claim->severity,
                                     .why = why,
                                     .rule = claim->rule,
                                     .rule_version = claim->version});
}

static bool replace(char **text, const char *with)
{
    char *copy = strdup(with);
    if (!copy)
        return false;
    free(*text);
    *text = copy;
    return true;
}

/* What is given replaces what was; false after a fault. */
static bool change(struct ld_answers *answers, struct open_claim *claim, const struct said *said)
{
    if (given(said, KEY_CAUSE)) {
        int cause = ld_cause_find(said->texts[KEY_CAUSE]);
        if (cause < 0)
            fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "no cause is called \"%s\"", SHOWN(said->texts[KEY_CAUSE], 60));
        claim->cause = cause < 0 ? claim->cause : (enum ld_cause)cause;
    }
    if (given(said, KEY_SEVERITY)) {
        int severity = ld_severity_find(said->texts[KEY_SEVERITY]);
        if (severity < 0)
            fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "no severity is called \"%s\"",
                 SHOWN(said->texts[KEY_SEVERITY], 60));
        claim->severity = severity < 0 ? claim->severity : (enum ld_severity)severity;
    }
    const char *site = said->texts[KEY_SITE];
    if (site && *site && !answers->setting.site_known(answers->setting.sink.context, site, answers->question.sequence))
        fail(answers, LD_EXEC_FAULT_IMPOSSIBLE_CLAIM, "no observation has shown the site \"%s\"",
             SHOWN(site, 120));
    if (given(said, KEY_AMOUNT))
        claim->amount = said->amount;
    if (given(said, KEY_RULE))
        snprintf(claim->rule, sizeof claim->rule, "%s", said->texts[KEY_RULE]);
    if (given(said, KEY_VERSION))
        snprintf(claim->version, sizeof claim->version, "%s", said->texts[KEY_VERSION]);
    if ((site && !replace(&claim->site, site)) || (given(said, KEY_WHY) && !replace(&claim->why, said->texts[KEY_WHY])))
        fail(answers, LD_EXEC_FAULT_HARNESS, "out of memory");
    return !answers->fault;
}

/* The instance it speaks of: the question's unless it names one that it was told of; NULL after a fault. */
static struct instance *instance_of(struct ld_answers *answers, const struct said *said, uint32_t *ret_index)
{
    int64_t index = given(said, KEY_INSTANCE) ? said->whole[KEY_INSTANCE] : (int64_t)answers->question.instance;
    if (index >= (int64_t)answers->setting.instances || !answers->instances[index].incarnation) {
        fail(answers, LD_EXEC_FAULT_IMPOSSIBLE_CLAIM, "no observation has shown an instance %lld", (long long)index);
        return NULL;
    }
    *ret_index = (uint32_t)index;
    return &answers->instances[index];
}

static void say_open(struct ld_answers *answers, const struct said *said)
{
    uint32_t index;
    const struct instance *instance = instance_of(answers, said, &index);
    if (!instance)
        return;
    if (find_claim(answers, said->texts[KEY_ID])) {
        fail(answers, LD_EXEC_FAULT_IMPOSSIBLE_CLAIM, "opens \"%s\", which is open", SHOWN(said->texts[KEY_ID], 60));
        return;
    }
    if (answers->open_count == LD_EXEC_OPEN_ALERTS_MAX) {
        fail(answers, LD_EXEC_FAULT_FLOODED, "more than %d alerts are open", LD_EXEC_OPEN_ALERTS_MAX);
        return;
    }
    if (answers->open_count == answers->open_room) {
        size_t room = answers->open_room ? answers->open_room * 2 : 16;
        struct open_claim *grown = realloc(answers->open, room * sizeof *grown);
        if (!grown) {
            fail(answers, LD_EXEC_FAULT_HARNESS, "out of memory");
            return;
        }
        answers->open = grown;
        answers->open_room = room;
    }
    struct open_claim claim = {.instance = index,
                               .incarnation = instance->incarnation,
                               .cause = LD_CAUSE_ANY,
                               .severity = LD_SEVERITY_RED,
                               .site = strdup(""),
                               .why = strdup("")};
    snprintf(claim.id, sizeof claim.id, "%s", said->texts[KEY_ID]);
    if (!claim.site || !claim.why)
        fail(answers, LD_EXEC_FAULT_HARNESS, "out of memory");
    if (answers->fault || !change(answers, &claim, said)) {
        free_claim(&claim);
        return;
    }
    send_open(answers, &claim);
    answers->open[answers->open_count++] = claim;
}

/* NULL after a fault. */
static struct open_claim *open_claim_of(struct ld_answers *answers, const struct said *said, const char *verb)
{
    struct open_claim *claim = find_claim(answers, said->texts[KEY_ID]);
    if (!claim)
        fail(answers, LD_EXEC_FAULT_IMPOSSIBLE_CLAIM, "%s \"%s\", which is not open", verb,
             SHOWN(said->texts[KEY_ID], 60));
    return claim;
}

static void say_update(struct ld_answers *answers, const struct said *said)
{
    struct open_claim *claim = open_claim_of(answers, said, "updates");
    if (!claim)
        return;
    struct open_claim before = *claim;
    before.site = strdup(claim->site);
    before.why = NULL;
    if (!before.site)
        fail(answers, LD_EXEC_FAULT_HARNESS, "out of memory");
    else if (change(answers, claim, said)) {
        send_close(answers, &before, LD_ALERT_UPDATED);
        send_open(answers, claim);
    }
    free_claim(&before);
}

static void drop_claim(struct ld_answers *answers, struct open_claim *claim, const char *why)
{
    send_close(answers, claim, why);
    free_claim(claim);
    memmove(claim, claim + 1, (answers->open_count - (size_t)(claim - answers->open) - 1) * sizeof *claim);
    answers->open_count--;
}

static void say_close(struct ld_answers *answers, const struct said *said)
{
    struct open_claim *claim = open_claim_of(answers, said, "closes");
    const char *why = given(said, KEY_WHY) ? said->texts[KEY_WHY] : "";
    if (claim) /* the word for an update is ours */
        drop_claim(answers, claim, strcmp(why, LD_ALERT_UPDATED) == 0 ? "" : why);
}

static void send_sight(struct ld_answers *answers, enum ld_alert_action action, uint32_t index, uint64_t number,
                       const struct said *said)
{
    send(answers, &(struct ld_alert){.id = number,
                                     .action = action,
                                     .instance = index,
                                     .incarnation = answers->instances[index].incarnation,
                                     .cause = LD_CAUSE_NONE,
                                     .site = "",
                                     .severity = LD_SEVERITY_GREEN,
                                     .why = given(said, KEY_WHY) ? said->texts[KEY_WHY] : "",
                                     .rule = "",
                                     .rule_version = ""});
}

static void say_unknown(struct ld_answers *answers, const struct said *said)
{
    uint32_t index;
    struct instance *instance = instance_of(answers, said, &index);
    if (!instance || instance->unknown)
        return; /* said again: nothing new */
    instance->unknown = ++answers->last_number;
    send_sight(answers, LD_ALERT_UNKNOWN, index, instance->unknown, said);
}

static void say_known(struct ld_answers *answers, const struct said *said)
{
    uint32_t index;
    struct instance *instance = instance_of(answers, said, &index);
    if (!instance)
        return;
    if (!instance->unknown)
        fail(answers, LD_EXEC_FAULT_IMPOSSIBLE_CLAIM, "instance %u is known again, but was not unknown", index);
    else
        send_sight(answers, LD_ALERT_KNOWN, index, instance->unknown, said);
    instance->unknown = 0;
}

static void say_done(struct ld_answers *answers, const struct said *said)
{
    (void)said;
    const struct ld_question *question = &answers->question;
    for (size_t i = answers->open_count; question->ends_life && i-- > 0;)
        if (answers->open[i].instance == question->instance && answers->open[i].incarnation == question->incarnation)
            drop_claim(answers, &answers->open[i], LD_ALERT_LIFE_OVER);
    answers->waiting = false;
}

static void say_gave_up(struct ld_answers *answers, const struct said *said)
{
    fail(answers, LD_EXEC_FAULT_GAVE_UP, "%s", SHOWN(said->texts[KEY_WHY], 200));
}

#define CLAIM_KEYS                                                                                                     \
    (BIT(KEY_TYPE) | BIT(KEY_SEQ) | BIT(KEY_ID) | BIT(KEY_CAUSE) | BIT(KEY_SITE) | BIT(KEY_SEVERITY) | BIT(KEY_WHY) |  \
     BIT(KEY_RULE) | BIT(KEY_VERSION) | BIT(KEY_AMOUNT))

static const struct word {
    const char *name;
    unsigned allowed, required; /* bits of enum key */
    bool in_hello;              /* may answer hello */
    void (*say)(struct ld_answers *answers, const struct said *said);
} words[] = {
    {"open", CLAIM_KEYS | BIT(KEY_INSTANCE), BIT(KEY_ID), false, say_open},
    {"update", CLAIM_KEYS, BIT(KEY_ID), false, say_update},
    {"close", BIT(KEY_TYPE) | BIT(KEY_SEQ) | BIT(KEY_ID) | BIT(KEY_WHY), BIT(KEY_ID), false, say_close},
    {"unknown", BIT(KEY_TYPE) | BIT(KEY_SEQ) | BIT(KEY_INSTANCE) | BIT(KEY_WHY), 0, false, say_unknown},
    {"known", BIT(KEY_TYPE) | BIT(KEY_SEQ) | BIT(KEY_INSTANCE) | BIT(KEY_WHY), 0, false, say_known},
    {"done", BIT(KEY_TYPE) | BIT(KEY_SEQ), BIT(KEY_SEQ), true, say_done},
    {"gave-up", BIT(KEY_TYPE) | BIT(KEY_SEQ) | BIT(KEY_WHY), BIT(KEY_WHY), true, say_gave_up},
};
#define WORDS (sizeof words / sizeof *words)

static const struct word *find_word(const char *name)
{
    for (size_t i = 0; i < WORDS; i++)
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    return NULL;
}

static void check_keys(struct ld_answers *answers, const struct word *word, const struct said *said)
{
    for (int key = 0; key < KEYS; key++) {
        if ((said->given & BIT(key)) && !(word->allowed & BIT(key)))
            fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "%s has no key \"%s\"", word->name, keys[key].name);
        if ((word->required & BIT(key)) && !(said->given & BIT(key)))
            fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "%s needs the key \"%s\"", word->name, keys[key].name);
    }
}

static void check_turn(struct ld_answers *answers, const struct word *word, const struct said *said)
{
    unsigned long long asked = (unsigned long long)answers->question.sequence;
    if (asked == 0 && !word->in_hello)
        fail(answers, LD_EXEC_FAULT_OUT_OF_TURN, "%s before any observation", word->name);
    if (!given(said, KEY_SEQ) || said->whole[KEY_SEQ] == (int64_t)asked)
        return;
    bool future = said->whole[KEY_SEQ] > (int64_t)asked;
    fail(answers, future ? LD_EXEC_FAULT_IMPOSSIBLE_CLAIM : LD_EXEC_FAULT_OUT_OF_TURN,
         "%s names observation %lld, asked was %llu", word->name, (long long)said->whole[KEY_SEQ], asked);
}

static void obey(struct ld_answers *answers, json_t *object)
{
    struct said said = {0};
    take_values(answers, &said, object);
    if (!answers->fault && !given(&said, KEY_TYPE))
        fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "a line without \"type\"");
    if (answers->fault)
        return;
    const struct word *word = find_word(said.texts[KEY_TYPE]);
    if (!word) {
        fail(answers, LD_EXEC_FAULT_OFF_PROTOCOL, "an unknown type \"%s\"", SHOWN(said.texts[KEY_TYPE], 60));
        return;
    }
    check_keys(answers, word, &said);
    check_turn(answers, word, &said);
    if (!answers->fault && word->say != say_done && ++answers->claims > LD_EXEC_CLAIMS_MAX)
        fail(answers, LD_EXEC_FAULT_FLOODED, "more than %d claims in one run", LD_EXEC_CLAIMS_MAX);
    if (!answers->fault)
        word->say(answers, &said);
}

static void read_line(struct ld_answers *answers, const char *line, size_t length)
{
    json_error_t problem;
    if (!answers->waiting)
        fail(answers, LD_EXEC_FAULT_OUT_OF_TURN, "it spoke after its answer was done");
    else if (++answers->lines > LD_EXEC_ANSWER_LINES_MAX)
        fail(answers, LD_EXEC_FAULT_FLOODED, "more than %d lines in one answer", LD_EXEC_ANSWER_LINES_MAX);
    json_t *value = answers->fault ? NULL : json_loadb(line, length, JSON_REJECT_DUPLICATES, &problem);
    if (!answers->fault && !value)
        fail(answers,
             json_error_code(&problem) == json_error_invalid_utf8 ? LD_EXEC_FAULT_INVALID_UTF8
                                                                  : LD_EXEC_FAULT_BROKEN_JSON,
             "at byte %d: %s", problem.position, SHOWN(problem.text, 120));
    else if (!answers->fault && !json_is_object(value))
        fail(answers, LD_EXEC_FAULT_BROKEN_JSON, "a line that is no JSON object");
    if (!answers->fault)
        obey(answers, value);
    json_decref(value);
}

/* ---- turns and bytes */

void ld_answers_ask(struct ld_answers *answers, const struct ld_question *question)
{
    answers->question = *question;
    answers->waiting = true;
    answers->lines = 0;
    if (question->sequence && question->instance < answers->setting.instances)
        answers->instances[question->instance].incarnation = question->incarnation;
}

/* Only what can be printed of a line, since it may be anything. */
static void keep_line(struct ld_answers *answers, const char *line, size_t length)
{
    size_t shown = length < SHOWN_MAX ? length : SHOWN_MAX;
    for (size_t i = 0; i < shown; i++)
        answers->line[i] = (unsigned char)line[i] >= ' ' && (unsigned char)line[i] < 0x7f ? line[i] : '?';
    snprintf(answers->line + shown, sizeof answers->line - shown, "%s", length > shown ? "..." : "");
}

static void read_lines(struct ld_answers *answers)
{
    size_t used = 0;
    const char *bytes = answers->text.bytes;
    for (const char *newline; !answers->fault && used < answers->text.length &&
                              (newline = memchr(bytes + used, '\n', answers->text.length - used));) {
        size_t length = (size_t)(newline - bytes) - used;
        read_line(answers, bytes + used, length);
        if (answers->fault)
            keep_line(answers, bytes + used, length);
        used += length + 1;
    }
    ld_buffer_drop(&answers->text, used);
}

enum ld_exec_fault ld_answers_take(struct ld_answers *answers, const char *bytes, size_t length)
{
    while (length > 0 && !answers->fault) {
        size_t room = answers->text.maximum - answers->text.length;
        size_t piece = length < room ? length : room;
        if (ld_buffer_add(&answers->text, bytes, piece) != 0)
            fail(answers, LD_EXEC_FAULT_HARNESS, "out of memory");
        else
            read_lines(answers);
        if (!answers->fault && answers->text.length == answers->text.maximum) {
            fail(answers, LD_EXEC_FAULT_FLOODED, "a line of more than %d bytes", LD_EXEC_LINE_BYTES_MAX);
            keep_line(answers, answers->text.bytes, answers->text.length);
        }
        bytes += piece;
        length -= piece;
    }
    if (!answers->fault && !answers->waiting && answers->text.length)
        fail(answers, LD_EXEC_FAULT_OUT_OF_TURN, "it spoke after its answer was done");
    return answers->fault;
}

bool ld_answers_waiting(const struct ld_answers *answers)
{
    return answers->waiting;
}

const char *ld_answers_why(const struct ld_answers *answers)
{
    return answers->why;
}

const char *ld_answers_line(const struct ld_answers *answers)
{
    return answers->line;
}
