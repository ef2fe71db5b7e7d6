/* What is in a profile, for people with a shell: stacks, frames and sites, interned. Replay needs none of it, it
 * parses the raw body again. */
#include <stdio.h>

#include "observe/series.h"
#include "store/internal.h"

/* A hostile target must not fill the disk with stacks; Go itself keeps at most 128 frames. */
#define SAMPLES_MAX 5000u
#define DEPTH_MAX 128u
#define SITES_MAX 5000u

static int intern_site(struct ld_store *store, const char *name, int64_t *ret_site, struct ld_error *error)
{
    static const char find_site[] = "SELECT site FROM site WHERE name = ?";
    static const char insert_site[] = "INSERT INTO site (name) VALUES (?)";
    int code = ld_store_number(store, error, ret_site, find_site, "t", name);
    if (code != LD_ENOENT)
        return code;
    code = ld_store_write(store, error, insert_site, "t", name);
    if (code == 0)
        *ret_site = sqlite3_last_insert_rowid(store->db);
    return code;
}

static int intern_frame(struct ld_store *store, const struct ld_frame *frame, int64_t *ret_frame,
                        struct ld_error *error)
{
    static const char find_frame[] = "SELECT frame FROM frame WHERE function = ? AND file = ? AND line = ?";
    static const char insert_frame[] = "INSERT INTO frame (function, file, line) VALUES (?, ?, ?)";
    int code = ld_store_number(store, error, ret_frame, find_frame, "tti", frame->function, frame->file, frame->line);
    if (code != LD_ENOENT)
        return code;
    code = ld_store_write(store, error, insert_frame, "tti", frame->function, frame->file, frame->line);
    if (code == 0)
        *ret_frame = sqlite3_last_insert_rowid(store->db);
    return code;
}

static uint32_t depth_of(const struct ld_sample *sample)
{
    return sample->frame_count < DEPTH_MAX ? sample->frame_count : DEPTH_MAX;
}

static void hash_stack(const struct ld_sample *sample, char ret_hash[LD_HASH_HEX])
{
    struct ld_hash hash;
    ld_hash_init(&hash);
    for (uint32_t i = 0; i < depth_of(sample); i++) {
        const struct ld_frame *frame = sample->frames[i];
        ld_hash_add_text(&hash, frame->function);
        ld_hash_add_text(&hash, frame->file);
        ld_hash_add(&hash, &frame->line, sizeof frame->line);
    }
    ld_hash_end(&hash, ret_hash);
}

static int insert_stack(struct ld_store *store, const struct ld_sample *sample, const char *hash, int64_t *ret_stack,
                        struct ld_error *error)
{
    static const char insert[] = "INSERT INTO stack (hash, site, depth) VALUES (?, ?, ?)";
    static const char insert_frame[] = "INSERT INTO stack_frame (stack, position, frame) VALUES (?, ?, ?)";
    int64_t site;
    int code = intern_site(store, ld_site_of(sample, NULL), &site, error);
    if (code == 0)
        code = ld_store_write(store, error, insert, "tii", hash, site, (int64_t)sample->frame_count);
    if (code)
        return code;
    int64_t stack = sqlite3_last_insert_rowid(store->db);
    for (uint32_t i = 0; i < depth_of(sample) && code == 0; i++) {
        int64_t frame;
        code = intern_frame(store, sample->frames[i], &frame, error);
        if (code == 0)
            code = ld_store_write(store, error, insert_frame, "iii", stack, (int64_t)i, frame);
    }
    if (code == 0)
        *ret_stack = stack;
    return code;
}

static int write_stacks(struct ld_store *store, int64_t id, const struct ld_profile *profile, struct ld_error *error)
{
    static const char find_stack[] = "SELECT stack FROM stack WHERE hash = ?";
    /* Sums that pass 64 bits stay at the limit: SQLite would turn them into real numbers and refuse them. */
    static const char add_count[] =
        "INSERT INTO stack_count (profile, stack, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
        "value = max(-9223372036854775807, min(9223372036854775807, value + excluded.value))";
    uint32_t last = profile->value_count ? profile->value_count - 1 : 0;
    for (uint32_t i = 0; i < profile->sample_count && i < SAMPLES_MAX; i++) {
        const struct ld_sample *sample = &profile->samples[i];
        char hash[LD_HASH_HEX];
        hash_stack(sample, hash);
        int64_t stack;
        int code = ld_store_number(store, error, &stack, find_stack, "t", hash);
        if (code == LD_ENOENT)
            code = insert_stack(store, sample, hash, &stack, error);
        if (code == 0)
            code = ld_store_write(store, error, add_count, "iii", id, stack, sample->values[last]);
        if (code)
            return code;
    }
    return 0;
}

static int write_sites(struct ld_store *store, int64_t id, const struct ld_profile *profile, struct ld_error *error)
{
    static const char insert_count[] =
        "INSERT INTO site_count (profile, site, wait, count, leaked, created_by) VALUES (?, ?, ?, ?, ?, ?)";
    struct ld_site_counts counts;
    int code = ld_site_counts_of(&counts, profile);
    if (code)
        return ld_fail(error, code, "%s: cannot count the sites of a profile", store->path);
    for (size_t i = 0; i < counts.count && i < SITES_MAX && code == 0; i++) {
        const struct ld_site_count *item = &counts.items[i];
        int64_t site;
        code = intern_site(store, item->site, &site, error);
        if (code == 0)
            code = ld_store_write(store, error, insert_count, "iitiit", id, site, ld_wait_name(item->wait), item->count,
                                  item->leaked, item->created_by ? item->created_by : "");
    }
    ld_site_counts_done(&counts);
    return code;
}

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static int write_profile(struct ld_store *store, int64_t body, enum ld_profile_kind kind,
                         const struct ld_profile *profile, int64_t *ret_profile, struct ld_error *error)
{
    static const char insert_profile[] =
        "INSERT INTO profile (body, kind, total, samples, value_type, value_unit, truncated, samples_left_out) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    const struct ld_value_type none = {"", ""};
    const struct ld_value_type *value = profile->value_count ? &profile->value_types[profile->value_count - 1] : &none;
    int64_t left_out = profile->sample_count > SAMPLES_MAX ? profile->sample_count - SAMPLES_MAX : 0;
    int code = ld_store_write(store, error, insert_profile, "itiittii", body, ld_profile_kind_name(kind),
                              profile->total, (int64_t)profile->sample_count, text_or_empty(value->type),
                              text_or_empty(value->unit), (int64_t)profile->truncated, left_out);
    if (code)
        return code;
    int64_t id = sqlite3_last_insert_rowid(store->db);
    code = write_stacks(store, id, profile, error);
    if (code == 0 && (kind == LD_PROFILE_GOROUTINE || kind == LD_PROFILE_GOROUTINELEAK))
        code = write_sites(store, id, profile, error);
    if (code == 0)
        *ret_profile = id;
    return code;
}

int ld_store_profile(struct ld_store *store, int64_t body, const struct ld_observation *observation,
                     int64_t *ret_profile, struct ld_error *error)
{
    static const char find_profile[] = "SELECT profile FROM profile WHERE body = ? AND kind = ?";
    enum ld_profile_kind kind = observation->profile_kind;
    int code = ld_store_number(store, error, ret_profile, find_profile, "it", body, ld_profile_kind_name(kind));
    if (code != LD_ENOENT)
        return code;
    if (observation->profile)
        return write_profile(store, body, kind, observation->profile, ret_profile, error);
    struct ld_profile parsed;
    code = ld_profile_parse(&parsed, kind, observation->body, observation->body_length, NULL, error);
    if (code)
        return code;
    code = write_profile(store, body, kind, &parsed, ret_profile, error);
    ld_profile_done(&parsed);
    return code;
}
