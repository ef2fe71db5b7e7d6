#include "runner/detect/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "runner/detect/limits.h"
#include "runner/detect/recording.h"

#define ALERTS_MAX ((size_t)8 << 20) /* bytes of the alerts of one play, as text */
#define RECORDINGS 4
#define ERRORS_KEPT sizeof((struct ld_check_result *)NULL)->errors

/* One play: one process from hello to its end. */
struct play {
    const struct ld_recording *recording; /* NULL: its input ends after hello */
    bool in_pieces;
    struct ld_exec *exec;
    struct ld_buffer alerts; /* everything of them but the receipt, as text */
    char claims[LD_CHECK_CLAIMS_BYTES];
    size_t told, claimed, updated, withdrawn, unknown;
    int64_t slowest_ns;
    uint64_t slowest; /* the observation */
    enum ld_exec_fault fault;
    char reason[400], line[240];
    bool lingered, closed;
    bool updating; /* the next alert is the second half of an update */
    int64_t status;
    char *errors; /* where the last of its standard error goes, ERRORS_KEPT bytes */
};

/* "observation 41: chan-receive at shop/digest.(*Desk).collect, amount 40: it grew" */
static void keep_claim(struct play *play, const struct ld_alert *alert)
{
    char site[160], why[160], amount[48] = "";
    size_t used = strlen(play->claims);
    ld_format_harmless(alert->site, site, sizeof site);
    ld_format_harmless(alert->why, why, sizeof why);
    if (alert->amount > 0)
        snprintf(amount, sizeof amount, ", amount %g", alert->amount);
    snprintf(play->claims + used, sizeof play->claims - used, "observation %llu: %s%s%s%s%s%s\n",
             (unsigned long long)alert->evidence, ld_cause_table[alert->cause].name, *site ? " at " : "", site, amount,
             *why ? ": " : "", why);
}

static void on_alert(void *context, const struct ld_alert *alert)
{
    struct play *play = context;
    bool goes_on = ld_alert_new_claims(alert) < 0;
    if (alert->action == LD_ALERT_OPEN && !play->updating && ++play->claimed <= LD_CHECK_CLAIMS_MAX)
        keep_claim(play, alert);
    play->updating = goes_on;
    play->updated += goes_on;
    play->withdrawn += alert->action == LD_ALERT_CLOSE && !goes_on && strcmp(alert->why, LD_ALERT_LIFE_OVER) != 0;
    play->unknown += alert->action == LD_ALERT_UNKNOWN;
    (void)ld_buffer_printf(&play->alerts, "%llu %s %llu %u.%u %s %s %.17g %s \"%s\" %s %s\n",
                           (unsigned long long)alert->evidence, ld_alert_action_name(alert->action),
                           (unsigned long long)alert->id, alert->instance, alert->incarnation,
                           ld_cause_table[alert->cause].name, alert->site, alert->amount,
                           ld_severity_name(alert->severity), alert->why, alert->rule, alert->rule_version);
}

static void on_broken(void *context, enum ld_exec_fault fault, const char *reason)
{
    struct play *play = context;
    play->fault = fault;
    snprintf(play->reason, sizeof play->reason, "%s", reason);
    snprintf(play->line, sizeof play->line, "%s", ld_exec_line(play->exec));
}

static void on_note(void *context, const char *text)
{
    (void)context; /* standard error and how it ended are asked for in the end */
    (void)text;
}

static void on_closed(void *context)
{
    ((struct play *)context)->closed = true;
}

static const struct ld_exec_events events = {on_alert, on_broken, on_note, on_closed};

static void settle(struct play *play, uv_loop_t *loop, uint64_t sequence)
{
    int64_t before = (int64_t)uv_hrtime();
    while (!ld_exec_idle(play->exec))
        uv_run(loop, UV_RUN_ONCE);
    int64_t took = (int64_t)uv_hrtime() - before;
    if (took > play->slowest_ns) {
        play->slowest_ns = took;
        play->slowest = sequence;
    }
}

struct ld_hello ld_check_hello(const struct ld_exec_options *options)
{
    return (struct ld_hello){
        .token = 0x5eed, .instances = 1, .time_scale = 1, .period_ns = 250 * LD_MS, .options = options};
}

static void keep_errors(struct play *play)
{
    const char *text = ld_exec_errors(play->exec);
    size_t length = strlen(text);
    text += length >= ERRORS_KEPT ? length - ERRORS_KEPT + 1 : 0;
    while (((unsigned char)*text & 0xc0) == 0x80) /* not within a character */
        text++;
    if (length)
        snprintf(play->errors, ERRORS_KEPT, "%s", text);
}

static int perform(struct play *play, const struct ld_check_setting *setting, unsigned number, struct ld_seen *seen)
{
    struct ld_exec_setting exec = {.loop = setting->loop,
                                   .guard = setting->guard,
                                   .work_folder = setting->work_folder,
                                   .folder_token = number,
                                   .file = "",
                                   .hello = ld_check_hello(setting->options),
                                   .seen = seen,
                                   .in_pieces = play->in_pieces};
    int code = ld_exec_new(&play->exec, &exec, &events, play);
    if (code)
        return code;
    ld_exec_start(play->exec);
    settle(play, setting->loop, 0);
    play->slowest_ns = 0; /* starting may take longer */
    for (size_t i = 0; play->recording && i < play->recording->count && !play->fault; i++) {
        const struct ld_observation *observation = &play->recording->items[i];
        ld_seen_add(seen, observation);
        ld_exec_observe(play->exec, observation);
        settle(play, setting->loop, observation->sequence);
        play->told += ld_question_wanted(setting->options, observation) && !play->fault;
    }
    if (ld_exec_end(play->exec, false))
        while (!play->closed)
            uv_run(setting->loop, UV_RUN_ONCE);
    keep_errors(play);
    play->lingered = ld_exec_lingered(play->exec);
    play->status = ld_exec_status(play->exec);
    ld_exec_free(play->exec);
    return 0;
}

/* ---- rows */

static struct ld_check_row *add_row(struct ld_check_result *result, const char *what, bool holds, const char *format,
                                    ...) __attribute__((format(printf, 4, 5)));

static struct ld_check_row *add_row(struct ld_check_result *result, const char *what, bool holds, const char *format,
                                    ...)
{
    struct ld_check_row *row = &result->rows[result->row_count++];
    va_list arguments;
    *row = (struct ld_check_row){.what = what, .holds = holds};
    va_start(arguments, format);
    vsnprintf(row->found, sizeof row->found, format, arguments);
    va_end(arguments);
    result->failed += !holds;
    return row;
}

/* A fault that a row has told already is not told again. */
static void add_fault_row(struct ld_check_result *result, const char *what, const struct play *play)
{
    for (size_t i = 0; i < result->row_count; i++)
        if (!result->rows[i].holds && strcmp(result->rows[i].found, play->reason) == 0) {
            add_row(result, what, false, "the same fault");
            return;
        }
    struct ld_check_row *row = add_row(result, what, false, "%s", play->reason);
    snprintf(row->line, sizeof row->line, "%s", play->line);
}

static void add_play_row(struct ld_check_result *result, const char *what, const struct play *play)
{
    char time[32];
    if (play->fault)
        add_fault_row(result, what, play);
    else
        add_row(result, what, true, "%zu observations, the slowest answer took %s (observation %llu)", play->told,
                ld_format_duration_short(play->slowest_ns, time, sizeof time), (unsigned long long)play->slowest);
}

static const char *counted(size_t count, const char *one, char *text, size_t size)
{
    snprintf(text, size, "%zu %s%s", count, one, count == 1 ? "" : "s");
    return text;
}

/* "2 claims, 10 updates, 1 close" */
static const char *claims_of(const struct play *play, char *text, size_t size)
{
    char claims[32], updates[32], closes[32];
    counted(play->claimed, "claim", claims, sizeof claims);
    counted(play->updated, "update", updates, sizeof updates);
    counted(play->withdrawn, "close", closes, sizeof closes);
    snprintf(text, size, "%s%s%s%s%s", claims, play->updated ? ", " : "", play->updated ? updates : "",
             play->withdrawn ? ", " : "", play->withdrawn ? closes : "");
    return text;
}

/* The first line in which two texts differ, numbered from 1; 0: in none. */
static unsigned first_difference(const char *a, const char *b)
{
    unsigned number = 1;
    for (; *a && *a == *b; a++, b++)
        number += *a == '\n';
    return *a == *b ? 0 : number;
}

enum { EMPTY, LEAKY, AGAIN, HEALTHY, DRAINING, GENERIC, PIECES, PLAYS };

static void add_same_row(struct ld_check_result *result, const char *what, const struct play *a, const struct play *b)
{
    char claims[128];
    if (a->fault || b->fault) {
        add_fault_row(result, what, b->fault ? b : a);
        return;
    }
    unsigned line = first_difference(ld_buffer_text(&a->alerts), ld_buffer_text(&b->alerts));
    if (line)
        add_row(result, what, false, "alert %u is another one", line);
    else
        add_row(result, what, true, "%s", claims_of(a, claims, sizeof claims));
}

static void add_end_row(struct ld_check_result *result, const struct play *plays)
{
    static const char what[] = "it ends, with exit code 0, when its input ends";
    static const char *const when[PLAYS] = {"right after hello", "after the leaky run", "after the leaky run",
                                            "after the healthy run", "after the run of a burst",
                                            "after the leak in generic code", "after the leaky run"};
    for (int i = 0; i < PLAYS; i++) {
        if (plays[i].fault)
            continue;
        if (plays[i].lingered || plays[i].status != 0) {
            if (plays[i].lingered)
                add_row(result, what, false, "%s it did not end within %d ms", when[i], LD_EXEC_END_MS_MAX);
            else
                add_row(result, what, false, "%s it ended with %s %lld", when[i],
                        plays[i].status < 0 ? "signal" : "exit code",
                        (long long)(plays[i].status < 0 ? -plays[i].status : plays[i].status));
            return;
        }
    }
    add_row(result, what, true, "%s", "");
}

static void add_remark(struct ld_check_result *result, const char *what, const char *found)
{
    add_row(result, what, true, "%s", found)->remark = true;
}

static void add_claims_remark(struct ld_check_result *result, const char *what, const struct play *play)
{
    char found[128];
    add_remark(result, what, claims_of(play, found, sizeof found));
    struct ld_check_row *row = &result->rows[result->row_count - 1];
    snprintf(row->claims, sizeof row->claims, "%s", play->claims);
    size_t used = strlen(row->claims);
    if (play->claimed > LD_CHECK_CLAIMS_MAX)
        snprintf(row->claims + used, sizeof row->claims - used, "and %zu more\n", play->claimed - LD_CHECK_CLAIMS_MAX);
}

static void add_remarks(struct ld_check_result *result, const struct play *plays)
{
    char unknown[64];
    add_claims_remark(result, "the leaky run", &plays[LEAKY]);
    add_claims_remark(result, "the healthy run", &plays[HEALTHY]);
    add_claims_remark(result, "the burst that drains", &plays[DRAINING]);
    add_claims_remark(result, "the leak in generic code", &plays[GENERIC]);
    if (plays[DRAINING].claimed && !plays[DRAINING].withdrawn)
        add_remark(result, "close", "never said of it, though it drains");
    add_remark(result, "reads that failed", counted(plays[LEAKY].unknown, "unknown", unknown, sizeof unknown));
}

static void report(struct ld_check_result *result, const struct play *plays)
{
    if (plays[EMPTY].fault) {
        struct ld_check_row *row = add_row(result, "it starts and answers hello", false, "%s", plays[EMPTY].reason);
        snprintf(row->line, sizeof row->line, "%s", plays[EMPTY].line);
        return;
    }
    add_row(result, "it starts and answers hello", true, "%s", "");
    add_play_row(result, "it keeps the protocol over a leaky run with failed reads, silence and a restart",
                 &plays[LEAKY]);
    add_play_row(result, "it keeps the protocol over the run of the healthy twin", &plays[HEALTHY]);
    add_play_row(result, "it keeps the protocol over a healthy run with a burst that drains", &plays[DRAINING]);
    add_play_row(result, "it keeps the protocol over a leak in generic code", &plays[GENERIC]);
    add_same_row(result, "it says the same when it is told the same", &plays[LEAKY], &plays[AGAIN]);
    add_same_row(result, "it says the same when its input comes in small pieces", &plays[LEAKY], &plays[PIECES]);
    add_end_row(result, plays);
    add_remarks(result, plays);
}

static int play_all(struct ld_check_result *result, const struct ld_check_setting *setting, struct play *plays)
{
    int code = 0;
    for (unsigned i = 0; i < PLAYS && !code && !plays[EMPTY].fault; i++) {
        struct ld_seen *seen = ld_seen_new();
        ld_buffer_init(&plays[i].alerts, ALERTS_MAX);
        plays[i].errors = result->errors;
        code = seen ? perform(&plays[i], setting, i + 1, seen) : LD_ENOMEM;
        ld_seen_free(seen);
    }
    if (!code)
        report(result, plays);
    for (unsigned i = 0; i < PLAYS; i++)
        ld_buffer_done(&plays[i].alerts);
    return code;
}

int ld_check_run(struct ld_check_result *ret_result, const struct ld_check_setting *setting, struct ld_error *error)
{
    static const char *const names[] = {"leaky", "healthy", "draining", "generic"};
    struct ld_recording recordings[RECORDINGS] = {0};
    struct ld_check_result *result = calloc(1, sizeof *result);
    char folder[4096];
    int code = result ? 0 : ld_fail(error, LD_ENOMEM, "out of memory");
    for (int i = 0; i < RECORDINGS && !code; i++) {
        snprintf(folder, sizeof folder, "%s/%s", setting->recordings, names[i]);
        code = ld_recording_read(&recordings[i], folder, error);
    }
    if (!code) {
        struct play plays[PLAYS] = {[LEAKY] = {.recording = &recordings[0]},
                                    [AGAIN] = {.recording = &recordings[0]},
                                    [HEALTHY] = {.recording = &recordings[1]},
                                    [DRAINING] = {.recording = &recordings[2]},
                                    [GENERIC] = {.recording = &recordings[3]},
                                    [PIECES] = {.recording = &recordings[0], .in_pieces = true}};
        code = play_all(result, setting, plays);
        if (code)
            ld_fail(error, code, "%s", ld_code_text(code));
        else
            *ret_result = *result;
    }
    for (int i = 0; i < RECORDINGS; i++)
        ld_recording_done(&recordings[i]);
    free(result);
    return code;
}
