/* Writing observations. A column is NULL when it does not belong to the kind and is zero, so that what comes back is
 * what went in, whatever was set. */
#include "base/buffer.h"
#include "store/internal.h"

#define TEXT_MAX ((size_t)1 << 20)

static const unsigned of_read = 1u << LD_OBSERVATION_METRICS | 1u << LD_OBSERVATION_PROFILE |
                                1u << LD_OBSERVATION_FAILED | 1u << LD_OBSERVATION_ANSWER;
static const unsigned of_body = 1u << LD_OBSERVATION_PROFILE | 1u << LD_OBSERVATION_FAILED;
static const unsigned of_failure = 1u << LD_OBSERVATION_FAILED;
static const unsigned of_life = 1u << LD_OBSERVATION_LIFE;

/* What a failed read was of, in the column of_profile. */
static int64_t asked_for(const struct ld_observation *o)
{
    return o->kind == LD_OBSERVATION_FAILED && o->path ? LD_STORE_OF_PATH : o->of_profile;
}

/* The column text: a path stands in it too, first, with a space between it and what went wrong. LD_ENOMEM: NULL. */
static int text_of(const struct ld_observation *o, struct ld_buffer *joined, const char **ret_text)
{
    *ret_text = o->path ? o->path : o->text;
    if (!o->path || o->kind != LD_OBSERVATION_FAILED || !o->text)
        return 0;
    int code = ld_buffer_printf(joined, "%s %s", o->path, o->text);
    *ret_text = code ? NULL : ld_buffer_text(joined);
    return code;
}

static bool shown(const struct ld_observation *observation, unsigned kinds, int64_t value)
{
    return value != 0 || (kinds >> observation->kind & 1u) != 0;
}

static int insert_row(struct ld_store *store, uint32_t run, const struct ld_observation *o, int64_t body,
                      int64_t profile, const char *text, struct ld_error *error)
{
    static const char insert[] =
        "INSERT INTO observation (run, sequence, time_ns, instance, incarnation, kind, purpose, read_ns, points, "
        "profile_kind, encoding, body, profile, of_profile, failure, http_status, life, exit_status, expected, text) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), nullif(?, 0), nullif(?, 0), ?, nullif(?, 0), ?, "
        "nullif(?, 0), nullif(?, 0), ?)";
    return ld_store_write(
        store, error, insert, "iuiiittiittiiititiit", (int64_t)run, o->sequence, o->time_ns, (int64_t)o->instance,
        (int64_t)o->incarnation, ld_observation_kind_name(o->kind),
        shown(o, of_read, o->purpose) ? ld_purpose_name(o->purpose) : NULL, o->read_ns, (int64_t)o->point_count,
        shown(o, o->path ? 0 : of_body, o->profile_kind) ? ld_profile_kind_name(o->profile_kind) : NULL,
        shown(o, o->path ? 0 : of_body, o->encoding) ? ld_store_encoding_name(o->encoding) : NULL, body, profile,
        asked_for(o), shown(o, of_failure, o->failure) ? ld_read_failure_name(o->failure) : NULL,
        (int64_t)o->http_status, shown(o, of_life, o->life) ? ld_life_name(o->life) : NULL, o->exit_status,
        (int64_t)o->expected, text);
}

static int insert_points(struct ld_store *store, uint32_t run, const struct ld_observation *o, struct ld_error *error)
{
    static const char insert[] =
        "INSERT INTO point (run, sequence, ordinal, metric, value, bits) VALUES (?, ?, ?, ?, ?, ?)";
    for (size_t i = 0; i < o->point_count; i++) {
        int code = ld_store_write(store, error, insert, "iuiid", (int64_t)run, o->sequence, (int64_t)i,
                                  store->metrics[o->points[i].metric], o->points[i].value);
        if (code)
            return code;
    }
    return 0;
}

int ld_store_observation(struct ld_store *store, uint32_t run, const struct ld_observation *observation,
                         struct ld_error *error)
{
    int64_t body = 0, profile = 0;
    bool added;
    int code = 0;
    if (observation->kind == LD_OBSERVATION_PROFILE && !observation->body)
        return ld_fail(error, LD_ESTORE, "%s: a profile without its body cannot be replayed", store->path);
    if (observation->kind == LD_OBSERVATION_ANSWER && (!observation->body || !observation->path))
        return ld_fail(error, LD_ESTORE, "%s: an answer without path and body cannot be replayed", store->path);
    if (observation->body)
        code = ld_store_body(store, observation->body, observation->body_length, &body, &added, error);
    if (code == 0 && observation->kind == LD_OBSERVATION_PROFILE)
        code = ld_store_profile(store, body, observation, &profile, error);
    struct ld_buffer joined;
    const char *text;
    ld_buffer_init(&joined, TEXT_MAX);
    if (code == 0 && text_of(observation, &joined, &text) != 0)
        code = ld_store_nomem(store, error);
    if (code == 0)
        code = insert_row(store, run, observation, body, profile, text, error);
    ld_buffer_done(&joined);
    return code ? code : insert_points(store, run, observation, error);
}
