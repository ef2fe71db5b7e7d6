/* Endpoints: paths of the target that hold a verdict of their own. `endpoint` reads any of them, `goleak` is the one
 * that fixtures have, go.uber.org/goleak behind a handler.
 *
 * The verdict is the endpoint's: what it says is claimed at once and withdrawn when it no longer says so. What is no
 * verdict, because nobody answered or the answer is something else, is unknown. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/builtin.h"
#include "detect/goleak.h"
#include "detect/site_total.h"
#include "detect/wait_cause.h"
#include "detect/watch.h"

#define EVERY_LEAST 4
#define EVERY_MAX 1000
#define PATH_LENGTH_MAX 190 /* goleak's settle is added */
#define STATUSES_MAX 16
#define RETRY_NS (450 * LD_MS) /* goleak.Find looks up to 21 times while it finds something, 0.43 s together */

enum form { FORM_STATUS, FORM_GOLEAK, FORM_PROFILE };
static const char *const form_names[] = {"status", "goleak", "profile", NULL};

struct options {
    const char *path;
    int64_t every, timeout_ns;
    int form;
    struct ld_list leak; /* int64_t: HTTP statuses */
    int64_t at_least;
    bool active;
    int64_t settle_ns; /* goleak only */
};

#define AT(member) offsetof(struct options, member)

/* ---- options */

static int refuse(struct ld_schema_context *context, const struct ld_node *node, const char *key, const char *why)
{
    const struct ld_node *child = ld_node_get(node, key);
    size_t length = ld_schema_push(context, key);
    int code = ld_schema_error(context, child ? child : node, LD_ESPEC, "%s", why);
    ld_schema_pop(context, length);
    return code;
}

static bool is_plain(const char *path)
{
    for (; *path; path++)
        if (!isgraph((unsigned char)*path) || *path == '#')
            return false;
    return true;
}

static int check_path(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct options *options = value;
    int code = 0;
    if (options->path[0] != '/' || strlen(options->path) > PATH_LENGTH_MAX || !is_plain(options->path))
        code = refuse(context, node, "path",
                      "must begin with / and go over the wire as it is: no spaces, no #, at most "
                      "190 bytes");
    return code;
}

static int check_endpoint(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct options *options = value;
    int code = check_path(context, node, value);
    if (ld_node_get(node, "leak") && options->form != FORM_STATUS)
        code = refuse(context, node, "leak", "is for verdict: status");
    if (ld_node_get(node, "at_least") && options->form == FORM_STATUS)
        code = refuse(context, node, "at_least", "a status lists no goroutines: it is for verdict: goleak or profile");
    return code;
}

static const struct ld_field status_item = {
    .name = "status", .type = LD_FIELD_INTEGER, .minimum = 100, .maximum = 599};

#define TIMEOUT_FIELD                                                                                                  \
    {.name = "timeout",                                                                                                \
     .type = LD_FIELD_DURATION,                                                                                        \
     .offset = AT(timeout_ns),                                                                                         \
     .minimum = 1e6,                                                                                                   \
     .maximum = 60e9,                                                                                                  \
     .initial = "5s",                                                                                                  \
     .doc = "Longest time for one answer, beyond what it takes by design; real time, whatever time_scale is."}
#define AT_LEAST_FIELD                                                                                                 \
    {.name = "at_least",                                                                                               \
     .type = LD_FIELD_INTEGER,                                                                                         \
     .offset = AT(at_least),                                                                                           \
     .minimum = 1,                                                                                                     \
     .maximum = 1e9,                                                                                                   \
     .initial = "1",                                                                                                   \
     .doc = "Goroutines that the verdict must list at a site for a claim on it."}

static const struct ld_schema endpoint_schema = {
    .name = "endpoint",
    .doc = "A path of the target that holds its own verdict.",
    .fields =
        (const struct ld_field[]){
            {.name = "path",
             .type = LD_FIELD_TEXT,
             .offset = AT(path),
             .flags = LD_FIELD_REQUIRED,
             .doc = "What is read, with its query: /health?leaks=1."},
            {.name = "verdict",
             .type = LD_FIELD_CHOICE,
             .offset = AT(form),
             .choices = form_names,
             .initial = "status",
             .doc =
                 "How the answer is read. status: a leak when the HTTP status is one of `leak`, none when it is 2xx; "
                 "names neither cause nor site. goleak: the text of go.uber.org/goleak, each site is claimed; an "
                 "empty body or ok with 200 means none. profile: a goroutine or goroutineleak profile in any of "
                 "pprof's forms, with 200: what it lists has leaked, or what it marks as leaked."},
            {.name = "leak",
             .type = LD_FIELD_LIST,
             .offset = AT(leak),
             .item = &status_item,
             .size = sizeof(int64_t),
             .count_max = STATUSES_MAX,
             .initial = "[500, 503]",
             .doc = "verdict: status: the HTTP statuses that say leak."},
            AT_LEAST_FIELD,
            {.name = "every",
             .type = LD_FIELD_INTEGER,
             .offset = AT(every),
             .minimum = 1,
             .maximum = EVERY_MAX,
             .initial = "4",
             .doc = "Sampling periods from one read to the next."},
            TIMEOUT_FIELD,
            {.name = "active",
             .type = LD_FIELD_BOOL,
             .offset = AT(active),
             .initial = "false",
             .doc = "It changes the target, such as by forcing a collection: at most one such detector watches a run "
                    "(`arms`), and while it is read no profile is."},
            {0}},
    .check = check_endpoint,
};

static const struct ld_schema goleak_schema = {
    .name = "goleak",
    .doc = "go.uber.org/goleak behind a handler of the target, as the fixtures have it.",
    .fields =
        (const struct ld_field[]){
            {.name = "settle",
             .type = LD_FIELD_DURATION,
             .offset = AT(settle_ns),
             .minimum = 0,
             .maximum = 30e9,
             .initial = "2s",
             .doc = "The handler looks, waits so long, looks again, and answers the goroutines that are in both looks. "
                    "0s: one look, which takes requests under way for leaks."},
            {.name = "path",
             .type = LD_FIELD_TEXT,
             .offset = AT(path),
             .initial = "/debug/goleak",
             .doc = "Where the handler is; settle is added to its query."},
            AT_LEAST_FIELD,
            {.name = "every",
             .type = LD_FIELD_INTEGER,
             .offset = AT(every),
             .minimum = 0,
             .maximum = EVERY_MAX,
             .initial = "0",
             .doc =
                 "Sampling periods from one read to the next. 0: 4, or as many as fit one read, which takes `settle` "
                 "and the half second (of real time) in which goleak looks."},
            TIMEOUT_FIELD,
            {0}},
    .check = check_path,
};

/* ---- what is read */

static int64_t settle_of(const struct ld_detector_setting *setting)
{
    const struct options *options = setting->options;
    return options->settle_ns ? ld_scaled_ns(options->settle_ns, setting->time_scale) : 0;
}

static void endpoint_endpoint(const struct ld_detector_setting *setting, struct ld_endpoint *ret_endpoint)
{
    const struct options *options = setting->options;
    *ret_endpoint = (struct ld_endpoint){
        .every = options->every, .timeout_ns = options->timeout_ns, .changes = options->active};
    snprintf(ret_endpoint->path, sizeof ret_endpoint->path, "%s", options->path);
}

static int64_t goleak_every(const struct ld_detector_setting *setting)
{
    const struct options *options = setting->options;
    int64_t fits = (settle_of(setting) + RETRY_NS) / setting->period_ns + 1;
    return options->every ? options->every : fits > EVERY_LEAST ? fits : EVERY_LEAST;
}

static void goleak_endpoint(const struct ld_detector_setting *setting, struct ld_endpoint *ret_endpoint)
{
    const struct options *options = setting->options;
    int64_t settle_ns = settle_of(setting), hold_ns = settle_ns + RETRY_NS;
    *ret_endpoint = (struct ld_endpoint){
        .every = goleak_every(setting), .hold_ns = hold_ns, .timeout_ns = hold_ns + options->timeout_ns};
    snprintf(ret_endpoint->path, sizeof ret_endpoint->path, "%s%csettle=%lldns", options->path,
             strchr(options->path, '?') ? '&' : '?', (long long)settle_ns);
}

static bool endpoint_active(const void *options)
{
    return ((const struct options *)options)->active;
}

static int64_t endpoint_window(const struct ld_detector_setting *setting)
{
    const struct options *options = setting->options;
    return (options->every - 1) * setting->period_ns;
}

static int64_t goleak_window(const struct ld_detector_setting *setting)
{
    return (goleak_every(setting) - 1) * setting->period_ns + settle_of(setting) + RETRY_NS;
}

/* ---- verdicts */

struct detector {
    struct ld_watch watch;
    struct options options;
    struct ld_endpoint endpoint;
    enum form form;
};

static int open_as(void **ret_state, const struct ld_detector_setting *setting, enum form form, struct ld_error *error)
{
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, 1, NULL);
    detector->options = *(const struct options *)setting->options; /* its lists outlive the detector */
    detector->form = form;
    *ret_state = detector;
    return 0;
}

static int endpoint_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    int code = open_as(ret_state, setting, (enum form)((const struct options *)setting->options)->form, error);
    if (!code)
        endpoint_endpoint(setting, &((struct detector *)*ret_state)->endpoint);
    return code;
}

static int goleak_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    int code = open_as(ret_state, setting, FORM_GOLEAK, error);
    if (!code)
        goleak_endpoint(setting, &((struct detector *)*ret_state)->endpoint);
    return code;
}

enum verdict { VERDICT_NONE, VERDICT_HEALTHY, VERDICT_LEAK };

static bool says_ok(const struct ld_observation *observation)
{
    const char *body = observation->body;
    size_t length = observation->body_length;
    while (length && isspace((unsigned char)body[length - 1]))
        length--;
    return observation->http_status == 200 && (length == 0 || (length == 2 && memcmp(body, "ok", 2) == 0));
}

static enum verdict verdict_of_status(const struct detector *detector, int status)
{
    const int64_t *leak = detector->options.leak.items;
    for (size_t i = 0; i < detector->options.leak.count; i++)
        if (leak[i] == status)
            return VERDICT_LEAK;
    return status >= 200 && status < 300 ? VERDICT_HEALTHY : VERDICT_NONE;
}

/* The goroutines that the answer lists; VERDICT_LEAK: *ret_profile is to be released. LD_ENOMEM or 0. */
static int read_profile(const struct detector *detector, const struct ld_observation *observation,
                        struct ld_profile *ret_profile, enum verdict *ret_verdict)
{
    struct ld_error error = {0};
    const void *body = observation->body;
    size_t length = observation->body_length;
    int code = LD_ESYNTAX;
    *ret_verdict = VERDICT_NONE;
    if (detector->form == FORM_GOLEAK && says_ok(observation)) {
        *ret_verdict = VERDICT_HEALTHY;
        return 0;
    }
    if (detector->form == FORM_GOLEAK) {
        code = ld_goleak_parse(ret_profile, body, length, &error);
    } else if (observation->http_status == 200) {
        code = ld_profile_parse(ret_profile, LD_PROFILE_GOROUTINELEAK, body, length, NULL, &error);
        if (code == LD_ESYNTAX)
            code = ld_profile_parse(ret_profile, LD_PROFILE_GOROUTINE, body, length, NULL, &error);
    }
    if (code)
        return code == LD_ENOMEM ? code : 0;
    if (ret_profile->truncated)
        ld_profile_done(ret_profile);
    else
        *ret_verdict = VERDICT_LEAK;
    return 0;
}

static int claim_site(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                      const struct ld_alert_sink *sink, const struct ld_site_total *total, int64_t count)
{
    ptrdiff_t known = ld_claim_find(life, total->site);
    if (known >= 0) {
        life->claims[known].kept = true;
        return 0;
    }
    char why[600];
    snprintf(why, sizeof why, "%.80s lists %lld goroutines at %.400s (%s)", detector->endpoint.path, (long long)count,
             total->site[0] ? total->site : "no stack", ld_wait_name(total->wait));
    struct ld_alert alert = {.cause = total->site[0] ? ld_cause_of_wait(total->wait) : LD_CAUSE_ANY,
                             .site = total->site, .amount = (double)count, .severity = LD_SEVERITY_RED, .why = why};
    return ld_claim_open(&detector->watch, life, observation, sink, &alert);
}

static void close_unkept(struct ld_life_state *life, const struct ld_observation *observation,
                         const struct ld_alert_sink *sink)
{
    for (size_t i = life->claim_count; i-- > 0;)
        if (!life->claims[i].kept)
            ld_claim_close(life, observation, sink, i, "the endpoint no longer says so");
}

static int claim_sites(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                       const struct ld_alert_sink *sink, const struct ld_profile *profile)
{
    struct ld_site_counts counts;
    struct ld_site_total total;
    /* A dump in debug=2 lists every goroutine and marks those that leaked. */
    bool marks = detector->form == FORM_PROFILE && profile->encoding == LD_ENCODING_STACKS;
    int code = ld_site_counts_of(&counts, profile);
    if (code)
        return code;
    for (size_t cursor = 0; !code && ld_site_total_next(&counts, &cursor, &total);) {
        int64_t count = marks ? total.leaked : total.count;
        if (count >= detector->options.at_least)
            code = claim_site(detector, life, observation, sink, &total, count);
    }
    if (!code)
        close_unkept(life, observation, sink);
    ld_site_counts_done(&counts);
    return code;
}

/* The status is all there is: one claim without a site, and the answer's first words for people. */
static int claim_status(struct detector *detector, struct ld_life_state *life,
                        const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    char words[120], why[300];
    size_t length = observation->body_length < sizeof words ? observation->body_length : sizeof words - 1;
    memcpy(words, observation->body, length);
    words[length] = '\0';
    words[strcspn(words, "\r\n")] = '\0';
    for (char *c = words; *c; c++)
        if (!isprint((unsigned char)*c))
            *c = '?';
    snprintf(why, sizeof why, "%.80s answered HTTP %d: %s", detector->endpoint.path, observation->http_status, words);
    const struct ld_alert alert = {.cause = LD_CAUSE_ANY, .site = "", .severity = LD_SEVERITY_RED, .why = why};
    return ld_claim_only(&detector->watch, life, observation, sink, true, &alert, "");
}

static int judge(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                 const struct ld_alert_sink *sink)
{
    struct ld_profile profile = {0};
    enum verdict verdict;
    int code = 0;
    if (detector->form == FORM_STATUS)
        verdict = verdict_of_status(detector, observation->http_status);
    else
        code = read_profile(detector, observation, &profile, &verdict);
    if (code)
        return code;
    if (verdict == VERDICT_NONE) {
        ld_watch_blind(&detector->watch, life, observation, sink);
        return 0;
    }
    ld_watch_seeing(life, observation, sink);
    for (size_t i = 0; i < life->claim_count; i++)
        life->claims[i].kept = false;
    if (verdict == VERDICT_HEALTHY)
        close_unkept(life, observation, sink);
    else if (detector->form == FORM_STATUS)
        code = claim_status(detector, life, observation, sink);
    else
        code = claim_sites(detector, life, observation, sink, &profile);
    ld_profile_done(&profile);
    return code;
}

static int endpoint_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    int code = ld_watch_follow(&detector->watch, observation, sink, &life, NULL);
    if (code || !life || !observation->path || strcmp(observation->path, detector->endpoint.path) != 0)
        return code;
    if (observation->kind == LD_OBSERVATION_ANSWER)
        return judge(detector, life, observation, sink);
    if (observation->kind == LD_OBSERVATION_FAILED)
        ld_watch_blind(&detector->watch, life, observation, sink);
    return 0;
}

static void endpoint_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_endpoint = {
    .name = "endpoint",
    .type = LD_DETECTOR_ENDPOINT,
    .doc = "Reads a path of the target that holds a verdict of its own, such as a health check, and claims what it "
           "says: a leak while it says so. An answer that is none of the verdict's forms is unknown. Not active unless "
           "it says so (`active`).",
    .reads = LD_READ_ENDPOINT,
    .active_of = endpoint_active,
    .endpoint_of = endpoint_endpoint,
    .options = &endpoint_schema,
    .options_size = sizeof(struct options),
    .open = endpoint_open,
    .window_ns = endpoint_window,
    .observe = endpoint_observe,
    .close = endpoint_close,
};

const struct ld_detector_kind ld_detector_goleak = {
    .name = "goleak",
    .type = LD_DETECTOR_ENDPOINT,
    .doc = "go.uber.org/goleak behind /debug/goleak of the target: claims each site at which goroutines that were not "
           "there when the program became ready are still there after `settle`. It takes whatever a service keeps for "
           "a leak. It stops the world up to 22 times a read, but forces no collection and marks nothing, so it is not "
           "active.",
    .reads = LD_READ_ENDPOINT,
    .endpoint_of = goleak_endpoint,
    .options = &goleak_schema,
    .options_size = sizeof(struct options),
    .open = goleak_open,
    .window_ns = goleak_window,
    .observe = endpoint_observe,
    .close = endpoint_close,
};
