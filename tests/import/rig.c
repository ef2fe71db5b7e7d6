#include "rig.h"

void rig_open(struct rig *rig, const struct ld_import_setting *setting)
{
    static const struct ld_import_setting nothing;
    *rig = (struct rig){0};
    assert_int_equal(ld_import_new(&rig->import, setting ? setting : &nothing, NULL), 0);
    ld_buffer_init(&rig->lines, 1 << 20);
}

void rig_close(struct rig *rig)
{
    ld_import_free(rig->import);
    ld_errors_done(&rig->errors);
    ld_buffer_done(&rig->lines);
}

int rig_add(struct rig *rig, const char *place, const char *name, const void *bytes, size_t length)
{
    /* Memory of its exact size: a sanitizer sees the first byte behind it. */
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    const struct ld_import_file file = {
        .file = name, .place = place, .name = name, .bytes = copy, .length = length, .modified_ns = 1000000000};
    int code = LD_EUSAGE;
    switch (ld_import_kind_of(name, copy, length)) {
    case LD_IMPORT_PROFILE:
        code = ld_import_profile(rig->import, &file, &rig->errors);
        break;
    case LD_IMPORT_CSV:
        code = ld_import_csv(rig->import, &file, &rig->errors);
        break;
    case LD_IMPORT_RANGE:
        code = ld_import_range(rig->import, &file, &rig->errors);
        break;
    case LD_IMPORT_UNKNOWN:
        break;
    }
    free(copy);
    return code;
}

int rig_text(struct rig *rig, const char *name, const char *text)
{
    return rig_add(rig, "", name, text, strlen(text));
}

static int on_observation(void *context, const struct ld_observation *o)
{
    struct rig *rig = context;
    ld_buffer_printf(&rig->lines, "%.3f i%u/%u %s", (double)o->time_ns / 1e9, o->instance, o->incarnation,
                     ld_observation_kind_name(o->kind));
    if (o->kind == LD_OBSERVATION_LIFE)
        ld_buffer_printf(&rig->lines, " %s", ld_life_name(o->life));
    if (o->kind == LD_OBSERVATION_PROFILE || o->of_profile)
        ld_buffer_printf(&rig->lines, " %s", ld_profile_kind_name(o->profile_kind));
    if (o->kind == LD_OBSERVATION_PROFILE)
        ld_buffer_printf(&rig->lines, " debug=%d %lld", (int)o->encoding, (long long)o->profile->total);
    for (size_t i = 0; i < o->point_count; i++)
        ld_buffer_printf(&rig->lines, " %s=%.9g", ld_metric_table[o->points[i].metric].name, o->points[i].value);
    return ld_buffer_add_text(&rig->lines, "\n");
}

void rig_assert_errors(struct rig *rig, const char *expected)
{
    struct ld_buffer text;
    char line[1024];
    ld_buffer_init(&text, 1 << 20);
    for (size_t i = 0; i < rig->errors.count; i++)
        ld_buffer_printf(&text, "%s\n", ld_error_format(&rig->errors.items[i], line, sizeof line));
    assert_string_equal(ld_buffer_text(&text), expected);
    ld_buffer_done(&text);
}

void rig_deliver(struct rig *rig)
{
    const struct ld_import_sink sink = {on_observation, rig};
    struct ld_error error = {0};
    ld_import_finish(rig->import, &rig->errors);
    rig_assert_errors(rig, "");
    ld_import_summarise(rig->import, &rig->summary);
    if (ld_import_deliver(rig->import, &sink, &error) != 0)
        fail_msg("%s", error.message);
}

void rig_assert_lines(const struct rig *rig, const char *expected)
{
    assert_string_equal(rig->lines.bytes ? rig->lines.bytes : "", expected);
}
