/* Writing observations. A column is NULL when it does not belong to the kind and is zero, so that what comes back is
 * what went in, whatever was set. */
#include "store/internal.h"

static const unsigned of_read =
    1u << LD_OBSERVATION_METRICS | 1u << LD_OBSERVATION_PROFILE | 1u << LD_OBSERVATION_FAILED;
static const unsigned of_body = 1u << LD_OBSERVATION_PROFILE | 1u << LD_OBSERVATION_FAILED;
static const unsigned of_failure = 1u << LD_OBSERVATION_FAILED;
static const unsigned of_life = 1u << LD_OBSERVATION_LIFE;

static bool shown(const struct ld_observation *observation, unsigned kinds, int64_t value)
{
    return value != 0 || (kinds >> observation->kind & 1u) != 0;
}

static int insert_row(struct ld_store *store, uint32_t run, const struct ld_observation *o, int64_t body,
                      int64_t profile, struct ld_error *error)
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
        shown(o, of_body, o->profile_kind) ? ld_profile_kind_name(o->profile_kind) : NULL,
        shown(o, of_body, o->encoding) ? ld_store_encoding_name(o->encoding) : NULL, body, profile,
        (int64_t)o->of_profile, shown(o, of_failure, o->failure) ? ld_read_failure_name(o->failure) : NULL,
        (int64_t)o->http_status, shown(o, of_life, o->life) ? ld_life_name(o->life) : NULL, o->exit_status,
        (int64_t)o->expected, o->text);
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
    if (observation->body)
        code = ld_store_body(store, observation->body, observation->body_length, &body, &added, error);
    if (code == 0 && observation->kind == LD_OBSERVATION_PROFILE)
        code = ld_store_profile(store, body, observation, &profile, error);
    if (code == 0)
        code = insert_row(store, run, observation, body, profile, error);
    return code ? code : insert_points(store, run, observation, error);
}
