/* The fault `sampling`: its attributes, its decisions and its receipt. The door of an instance (runner/sample) carries
 * it out. */
#include "fault/sampling.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "fault/schemas.h"
#include "fault/toxic.h"
#include "pprof/profile.h"

#define PROFILE_PREFIX "/debug/pprof/"
#define METRICS_NAME "metrics"
#define ENDPOINTS_NAME "endpoints"
#define NOISE_LENGTH 512
#define FELT_NS LD_MS         /* delays that come to less prove nothing */
#define SLACK_NS (50 * LD_MS) /* what a busy machine may add: readers wait behind one another */

static const char *const how_names[] = {"slow", "truncated", "refused", "not-found", "wrong-content", NULL};
static const char *const content_names[] = {"html", "noise", "empty", NULL};

const char *ld_sampling_how_name(enum ld_sampling_how how)
{
    assert((unsigned)how < LD_SAMPLING_HOWS);
    return how_names[how];
}

/* ---- attributes */

static int bind_read(struct ld_schema_context *context, const struct ld_node *item, unsigned *reads)
{
    const char *names[LD_PROFILE_KINDS + 3] = {METRICS_NAME, ENDPOINTS_NAME};
    for (int kind = 0; kind < LD_PROFILE_KINDS; kind++)
        names[kind + 2] = ld_profile_kind_name((enum ld_profile_kind)kind);
    if (item->kind != LD_NODE_SCALAR)
        return ld_schema_error(context, item, LD_ESPEC, "must be metrics, endpoints or the name of a profile");
    int kind = ld_profile_kind_find(item->text);
    unsigned other = strcmp(item->text, METRICS_NAME) == 0     ? LD_SAMPLING_METRICS
                     : strcmp(item->text, ENDPOINTS_NAME) == 0 ? LD_SAMPLING_ENDPOINTS
                                                               : 0;
    if (kind < 0 && !other) {
        const char *nearest = ld_nearest(item->text, names);
        return ld_schema_error(context, item, LD_ESPEC, "unknown read \"%.60s\"%s%s%s", item->text,
                               nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    }
    unsigned bit = other ? other : 1u << kind;
    if (*reads & bit)
        return ld_schema_error(context, item, LD_ESPEC, "%s stands here twice", item->text);
    *reads |= bit;
    return 0;
}

static int bind_reads(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                      void *value)
{
    unsigned *reads = value;
    int code = 0;
    (void)field;
    *reads = 0;
    if (node->kind != LD_NODE_SEQUENCE || node->count == 0)
        return ld_schema_error(context, node, LD_ESPEC, "must be a list of reads, such as [goroutine, metrics]");
    for (size_t i = 0; i < node->count; i++) {
        size_t length = ld_schema_push_index(context, i);
        int failed = bind_read(context, node->items[i], reads);
        ld_schema_pop(context, length);
        code = code ? code : failed;
    }
    return code;
}

static int show_reads(const struct ld_field *field, const void *value, struct ld_buffer *out)
{
    unsigned reads = *(const unsigned *)value;
    (void)field;
    int code = ld_buffer_add_text(out, "[");
    const char *comma = "";
    for (int kind = 0; kind < LD_PROFILE_KINDS && !code; kind++)
        if (reads & (1u << kind)) {
            code = ld_buffer_printf(out, "%s\"%s\"", comma, ld_profile_kind_name((enum ld_profile_kind)kind));
            comma = ",";
        }
    if (!code && (reads & LD_SAMPLING_METRICS)) {
        code = ld_buffer_printf(out, "%s\"" METRICS_NAME "\"", comma);
        comma = ",";
    }
    if (!code && (reads & LD_SAMPLING_ENDPOINTS))
        code = ld_buffer_printf(out, "%s\"" ENDPOINTS_NAME "\"", comma);
    return code ? code : ld_buffer_add_text(out, "]");
}

#define AT(member) offsetof(union ld_fault_attributes, sampling.member)

static const struct ld_field fields[] = {
    {.name = "how",
     .type = LD_FIELD_CHOICE,
     .offset = AT(how),
     .flags = LD_FIELD_REQUIRED,
     .choices = how_names,
     .doc = "slow: the answer comes later; truncated: its body is cut; refused: nobody listens; not-found: 404, for a "
            "profile in Go's own words; wrong-content: 200 with something else."},
    {.name = "reads",
     .type = LD_FIELD_CUSTOM,
     .offset = AT(reads),
     .custom = bind_reads,
     .show = show_reads,
     .doc =
         "Which reads: metrics, endpoints (paths that detectors of kind endpoint read) and names of profiles, such as "
         "[goroutine, heap, metrics]. Not given: all."},
    {.name = "delay",
     .type = LD_FIELD_DURATION,
     .offset = AT(delay_ns),
     .minimum = 1e6,
     .maximum = 10 * LD_MINUTE,
     .doc = "slow: how much later. A reader that waits less gets nothing."},
    {.name = "jitter",
     .type = LD_FIELD_DURATION,
     .offset = AT(jitter_ns),
     .maximum = 10 * LD_MINUTE,
     .initial = "0s",
     .doc = "slow: each delay is drawn evenly from delay - jitter to delay + jitter, never below 0."},
    {.name = "after",
     .type = LD_FIELD_SIZE,
     .offset = AT(after),
     .maximum = (double)(64 << 20),
     .initial = "256B",
     .doc = "truncated: bytes of the body that still come; shorter ones pass whole."},
    {.name = "content",
     .type = LD_FIELD_CHOICE,
     .offset = AT(content),
     .choices = content_names,
     .initial = "html",
     .doc = "wrong-content: a login page (html), random bytes (noise), or nothing at all (empty)."},
    {.name = "toxicity",
     .type = LD_FIELD_NUMBER,
     .offset = AT(toxicity),
     .maximum = 1,
     .initial = "1",
     .doc = "Share of those reads it touches, from 0 to 1; decided once per read from the seed."},
    {0},
};

/* An attribute of another kind of fault would do nothing, silently. */
static int check_belongs(struct ld_schema_context *context, const struct ld_node *node, int how)
{
    static const struct {
        const char *key;
        int how;
    } owners[] = {{"delay", LD_SAMPLING_SLOW},
                  {"jitter", LD_SAMPLING_SLOW},
                  {"after", LD_SAMPLING_TRUNCATED},
                  {"content", LD_SAMPLING_WRONG_CONTENT}};
    int code = 0;
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        const struct ld_node *child = ld_node_get(node, owners[i].key);
        if (!child || owners[i].how == how)
            continue;
        size_t length = ld_schema_push(context, owners[i].key);
        code = ld_schema_error(context, child, LD_ESPEC, "is for how: %s", how_names[owners[i].how]);
        ld_schema_pop(context, length);
    }
    return code;
}

static int check(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_fault_sampling *sampling = &((union ld_fault_attributes *)value)->sampling;
    if (!ld_node_get(node, "reads"))
        sampling->reads = ~0u;
    if (!ld_node_get(node, "delay"))
        sampling->delay_ns = 0;
    if (sampling->how == LD_SAMPLING_SLOW && !ld_node_get(node, "delay"))
        return ld_schema_error(context, node, LD_ESPEC, "how: slow needs `delay`");
    return check_belongs(context, node, sampling->how);
}

const struct ld_schema ld_fault_sampling_schema = {
    .name = "sampling",
    .doc = "Disturb reads of the target at the read gateway, for every reader alike: the sampler, detectors, "
           "Prometheus, people. The target itself is left alone. Effective when more than half of the touched reads "
           "got what the fault wants them to get.",
    .fields = fields,
    .check = check,
};

/* ---- decisions */

static int profile_of(const char *path)
{
    char name[32];
    if (strncmp(path, PROFILE_PREFIX, strlen(PROFILE_PREFIX)) != 0)
        return -1;
    path += strlen(PROFILE_PREFIX);
    size_t length = strcspn(path, "?");
    if (length >= sizeof name)
        return -1;
    memcpy(name, path, length);
    name[length] = '\0';
    return ld_profile_kind_find(name);
}

bool ld_sampling_aims_at(const struct ld_fault_sampling *sampling, const char *path)
{
    int kind = profile_of(path);
    if (kind >= 0)
        return (sampling->reads & (1u << kind)) != 0;
    /* pprof's index and its other pages are no profile: they are hit when everything is */
    if (strncmp(path, PROFILE_PREFIX, strlen(PROFILE_PREFIX)) == 0)
        return sampling->reads == ~0u;
    return (sampling->reads & LD_SAMPLING_METRICS) != 0;
}

bool ld_sampling_aims_at_endpoints(const struct ld_fault_sampling *sampling)
{
    return (sampling->reads & LD_SAMPLING_ENDPOINTS) != 0;
}

/* A read's own number over all instances: 2^32 reads of one would take years. */
static uint64_t number_of(uint32_t instance, uint64_t read)
{
    return (uint64_t)instance << 32 | (read & UINT32_MAX);
}

bool ld_sampling_touches(uint64_t seed, const struct ld_fault_spec *fault, uint32_t instance, uint64_t read)
{
    return ld_toxic_touches(seed, fault->id, number_of(instance, read), fault->attributes.sampling.toxicity);
}

int64_t ld_sampling_delay_ns(uint64_t seed, const struct ld_fault_spec *fault, uint32_t instance, uint64_t read)
{
    const struct ld_fault_sampling *sampling = &fault->attributes.sampling;
    if (sampling->jitter_ns == 0)
        return sampling->delay_ns;
    struct ld_random random;
    ld_random_init(&random, ld_derive(ld_derive(seed, fault->id, number_of(instance, read)), "delay", 0));
    int64_t offset = (int64_t)ld_random_below(&random, 2 * (uint64_t)sampling->jitter_ns + 1);
    int64_t delay_ns = sampling->delay_ns - sampling->jitter_ns + offset;
    return delay_ns > 0 ? delay_ns : 0;
}

/* ---- forged answers */

static void fill(struct ld_sampling_answer *answer, const char *content_type, const char *body)
{
    answer->content_type = content_type;
    answer->length = strlen(body);
    memcpy(answer->body, body, answer->length + 1);
}

static void fill_noise(struct ld_sampling_answer *answer, uint64_t seed)
{
    struct ld_random random;
    ld_random_init(&random, seed);
    answer->content_type = "application/octet-stream";
    answer->length = NOISE_LENGTH;
    for (size_t i = 0; i < NOISE_LENGTH; i++)
        answer->body[i] = (char)(unsigned char)(ld_random_next(&random) >> 56);
    answer->body[NOISE_LENGTH] = '\0';
}

void ld_sampling_forge(uint64_t seed, const struct ld_fault_spec *fault, uint32_t instance, uint64_t read,
                       const char *path, struct ld_sampling_answer *ret_answer)
{
    const struct ld_fault_sampling *sampling = &fault->attributes.sampling;
    bool profile = strncmp(path, PROFILE_PREFIX, strlen(PROFILE_PREFIX)) == 0;
    struct ld_sampling_answer *answer = ret_answer;
    answer->pprof_header = false;
    answer->status = 200;
    if (sampling->how == LD_SAMPLING_NOT_FOUND) {
        /* net/http/pprof's words for a profile that it does not know, net/http's for any other path */
        answer->status = 404;
        answer->pprof_header = profile;
        fill(answer, "text/plain; charset=utf-8", profile ? "Unknown profile\n" : "404 page not found\n");
    } else if (sampling->content == LD_SAMPLING_NOISE) {
        fill_noise(answer, ld_derive(ld_derive(seed, fault->id, number_of(instance, read)), "noise", 0));
    } else if (sampling->content == LD_SAMPLING_EMPTY) {
        fill(answer, "text/plain; charset=utf-8", "");
    } else {
        fill(answer, "text/html; charset=utf-8",
             "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n"
             "<body><form method=\"post\"><input name=\"user\"><button>Sign in</button></form></body></html>\n");
    }
}

/* ---- the receipt */

void ld_sampling_delayed(struct ld_sampling_effect *effect, int64_t due_ns, int64_t late_ns)
{
    if (effect->delay_count == 0 || late_ns < effect->delay_least_ns)
        effect->delay_least_ns = late_ns;
    if (late_ns > effect->delay_most_ns)
        effect->delay_most_ns = late_ns;
    if (due_ns - late_ns > effect->worst_early_ns)
        effect->worst_early_ns = due_ns - late_ns;
    effect->delay_sum_ns += (double)late_ns;
    effect->due_sum_ns += (double)due_ns;
    effect->delay_count++;
}

void ld_sampling_effect_add(struct ld_sampling_effect *sum, const struct ld_sampling_effect *effect)
{
    if (effect->delay_count && (sum->delay_count == 0 || effect->delay_least_ns < sum->delay_least_ns))
        sum->delay_least_ns = effect->delay_least_ns;
    if (effect->delay_most_ns > sum->delay_most_ns)
        sum->delay_most_ns = effect->delay_most_ns;
    if (effect->worst_early_ns > sum->worst_early_ns)
        sum->worst_early_ns = effect->worst_early_ns;
    sum->touched += effect->touched;
    sum->spared += effect->spared;
    sum->delivered += effect->delivered;
    sum->unchanged += effect->unchanged;
    sum->delay_count += effect->delay_count;
    sum->delay_sum_ns += effect->delay_sum_ns;
    sum->due_sum_ns += effect->due_sum_ns;
}

static bool in_range(const struct ld_sampling_effect *effect, const struct ld_fault_sampling *sampling)
{
    if (sampling->how != LD_SAMPLING_SLOW || effect->delay_count == 0)
        return true;
    return effect->worst_early_ns == 0 && effect->due_sum_ns >= (double)FELT_NS &&
           effect->delay_sum_ns / (double)effect->delay_count <=
               (double)(sampling->delay_ns + sampling->jitter_ns + SLACK_NS) + (double)sampling->delay_ns / 10;
}

void ld_sampling_receipt(const struct ld_sampling_effect *effect, const struct ld_fault_spec *fault,
                         struct ld_receipt *ret_receipt)
{
    const struct ld_fault_sampling *sampling = &fault->attributes.sampling;
    struct ld_receipt receipt = {.touched = effect->touched,
                                 .spared = effect->spared,
                                 .count = effect->delivered,
                                 .asked_ns = sampling->how == LD_SAMPLING_SLOW ? sampling->delay_ns : 0,
                                 .p99_ns = effect->delay_most_ns,
                                 .worst_early_ns = effect->worst_early_ns,
                                 .effective = 2 * effect->delivered > effect->touched && in_range(effect, sampling)};
    char asked[40], mean[40], most[40];
    if (effect->delay_count)
        receipt.p50_ns = (int64_t)(effect->delay_sum_ns / (double)effect->delay_count);
    int n = snprintf(receipt.text, sizeof receipt.text, "%s: %llu of %llu touched reads got it, %llu spared",
                     how_names[sampling->how], (unsigned long long)effect->delivered,
                     (unsigned long long)effect->touched, (unsigned long long)effect->spared);
    if (effect->delay_count)
        snprintf(receipt.text + n, sizeof receipt.text - (size_t)n, "; asked %s, delivered mean %s, longest %s",
                 ld_format_duration_short(receipt.asked_ns, asked, sizeof asked),
                 ld_format_duration_short(receipt.p50_ns, mean, sizeof mean),
                 ld_format_duration_short(receipt.p99_ns, most, sizeof most));
    *ret_receipt = receipt;
}
