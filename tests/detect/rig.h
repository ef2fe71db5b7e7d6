/* A detector at work on synthetic observations, its options written as in a scenario. */
#ifndef LD_TEST_DETECT_RIG_H
#define LD_TEST_DETECT_RIG_H

#include "detect/feed.h"

struct rig {
    struct ld_detector *detector;
    struct feed *feed;
    void *options;
    struct ld_arena *arena;
    struct ld_document document;
};

/* `options`: YAML such as "{growth: 5}"; `setting` gives the rest. 0 or the code of open, with *ret_error filled. */
static inline int rig_open(struct rig *rig, const char *name, const char *options, struct ld_detector_setting setting,
                           struct ld_error *error)
{
    const struct ld_detector_kind *kind = ld_detector_find(name);
    assert_non_null(kind);
    *rig = (struct rig){.arena = ld_arena_new((size_t)1 << 20)};
    struct ld_errors errors = {0};
    struct ld_schema_context context = {.file = "s.yaml", .arena = rig->arena, .errors = &errors};
    assert_int_equal(ld_document_parse(&rig->document, "s.yaml", options, strlen(options), &errors), 0);
    if (kind->options) {
        rig->options = calloc(1, kind->options_size);
        if (ld_schema_bind(&context, kind->options, rig->document.root, rig->options) != 0)
            fail_msg("%s: %s", name, errors.items[0].message);
    }
    setting.name = name;
    setting.options = rig->options;
    setting.data_folder = setting.data_folder ? setting.data_folder : SOURCE_FOLDER;
    setting.time_scale = setting.time_scale > 0 ? setting.time_scale : 1;
    setting.period_ns = PERIOD_NS;
    int code = ld_detector_open(&rig->detector, kind, &setting, error);
    rig->feed = feed_new(rig->detector, deliver_detector);
    return code;
}

static inline struct rig rig_of(const char *name, const char *options)
{
    struct rig rig;
    struct ld_error error;
    if (rig_open(&rig, name, options, (struct ld_detector_setting){.seed = 7, .manifest = 3}, &error) != 0)
        fail_msg("%s: %s", name, error.message);
    return rig;
}

static inline void rig_done(struct rig *rig)
{
    ld_detector_free(rig->detector);
    free(rig->feed);
    free(rig->options);
    ld_arena_free(rig->arena);
    ld_document_done(&rig->document);
}

static inline void pass(struct rig *rig, int64_t time_ns)
{
    rig->feed->time_ns += time_ns;
}

static inline size_t opens(const struct rig *rig)
{
    return count_action(&rig->feed->kept, LD_ALERT_OPEN);
}

static inline size_t closes(const struct rig *rig)
{
    return count_action(&rig->feed->kept, LD_ALERT_CLOSE);
}

static inline size_t unknowns(const struct rig *rig)
{
    return count_action(&rig->feed->kept, LD_ALERT_UNKNOWN);
}

static inline size_t knowns(const struct rig *rig)
{
    return count_action(&rig->feed->kept, LD_ALERT_KNOWN);
}

static inline void hand_line(struct feed *feed, const char *text)
{
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_LINE, .text = text});
}

#define WAITING(count, function) {count, {"runtime.gopark", "runtime.chanrecv1", function, "runtime.goexit"}}

#endif
