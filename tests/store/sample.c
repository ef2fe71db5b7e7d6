#include "sample.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[128];

void sample_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/leakdrill-store-XXXXXX", base && strlen(base) < 64 ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
}

const char *sample_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%.255s", folder, name);
    return path;
}

void sample_clean(void)
{
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            unlink(sample_path(entry->d_name));
    closedir(directory);
    assert_int_equal(rmdir(folder), 0);
}

void sample_done(int code, const struct ld_error *error, const char *file, int line)
{
    if (code)
        print_error("%s:%d: %s: %s\n", file, line, ld_code_name(code), error->message);
    _assert_int_equal((uintmax_t)code, 0, file, line);
}

void sample_fails(int got, int code, const struct ld_error *error, const char *text, const char *more, const char *file,
                  int line)
{
    _assert_int_equal((uintmax_t)got, (uintmax_t)code, file, line);
    if ((text && !strstr(error->message, text)) || (more && !strstr(error->message, more))) {
        print_error("%s:%d: \"%s\" does not hold \"%s\" and \"%s\"\n", file, line, error->message, text ? text : "",
                    more ? more : "");
        _fail(file, line);
    }
}

static struct ld_fault_spec faults[] = {
    {.at_ns = 3000000000,
     .for_ns = 6000000000,
     .type = LD_FAULT_LATENCY,
     .id = "slow/0/latency",
     .attributes
         .latency = {.reach = {0.99, LD_STREAM_DOWN}, .latency_ns = 200000000, .jitter_ns = 50000000}},
    {.at_ns = 4000000000,
     .for_ns = -1,
     .type = LD_FAULT_KILL,
     .id = "slow/1/kill",
     .attributes.kill = {.victims = {LD_WHO_UPSTREAM, -1, 1}, .restart_after_ns = -1, .times = 1}},
};
static struct ld_fault_case cases[] = {{.name = "none"}, {.name = "slow", .fault_count = 2, .faults = faults}};
static struct ld_scenario scenario = {.file = "scenarios/documented/one.yaml",
                                      .name = "one",
                                      .doc = "",
                                      .text = "leakdrill: 1\nname: one # \xc3\xa9\n",
                                      .text_length = 27,
                                      .hash = "abc",
                                      .fault_case_count = 2,
                                      .fault_cases = cases};

const struct ld_plan *sample_plan(void)
{
    static struct ld_cell cells[] = {
        {.index = 0, .scenario = &scenario, .variant = LD_VARIANT_LEAKY, .rate = 1, .name = "one/leaky/none"},
        {.index = 1,
         .scenario = &scenario,
         .variant = LD_VARIANT_HEALTHY,
         .fault_case = 1,
         .rate = 0.25,
         .depth = 3,
         .reads = 7,
         .name = "one/healthy/slow"},
    };
    static const struct ld_action actions[] = {{.at_ns = 0, .kind = LD_ACTION_LOAD_ON},
                                               {.at_ns = 5, .kind = LD_ACTION_FAULT_ON, .fault = 1}};
    static struct ld_run_plan runs[SAMPLE_RUNS];
    static struct ld_plan plan = {.seed = 42,
                                  .cell_count = 2,
                                  .cells = cells,
                                  .run_count = SAMPLE_RUNS,
                                  .runs = runs,
                                  .hash = "feedface",
                                  .json = "{\"version\":1}"};
    for (uint32_t i = 0; i < SAMPLE_RUNS; i++)
        runs[i] = (struct ld_run_plan){.index = i,
                                       .order = SAMPLE_RUNS - 1 - i,
                                       .cell = i % 2,
                                       .repetition = i / 2,
                                       .seed = UINT64_MAX - i,
                                       .load_per_second = 40.5,
                                       .phase_ns = 17,
                                       .action_count = i % 2 ? 2 : 0,
                                       .actions = actions};
    return &plan;
}

struct ld_store *sample_store(const char *path)
{
    const struct ld_fact facts[] = {{"kernel", "6.1"}, {"go", "1.27.3"}};
    struct ld_error error = {0};
    struct ld_store *store = NULL;
    assert_done(ld_store_create(&store, path, &error), &error);
    assert_done(ld_store_campaign(store, "c-1", UINT64_MAX - 1, 1700000000000000000, facts, 2, &error), &error);
    assert_done(ld_store_plan(store, sample_plan(), &error), &error);
    return store;
}

/* ---- random things */

static double random_value(struct ld_random *random)
{
    static const double odd[] = {0.0,
                                 -0.0,
                                 INFINITY,
                                 -INFINITY,
                                 NAN,
                                 5e-324,
                                 1.7976931348623157e308,
                                 0.1,
                                 9007199254740993.0,
                                 -9223372036854775808.0};
    uint64_t draw = ld_random_below(random, 4);
    if (draw == 0)
        return odd[ld_random_below(random, sizeof odd / sizeof odd[0])];
    if (draw == 1)
        return (double)ld_random_below(random, 100000);
    uint64_t bits = ld_random_next(random);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Any bytes but NUL: a target may write what it likes on stderr. Sometimes NULL, sometimes "". */
static const char *random_text(struct ld_random *random, struct ld_arena *arena)
{
    uint64_t length = ld_random_below(random, 40);
    if (length == 0)
        return NULL;
    char *text = ld_arena_take(arena, length);
    assert_non_null(text);
    for (uint64_t i = 0; i + 1 < length; i++)
        text[i] = (char)(1 + ld_random_below(random, 255));
    return text;
}

static const struct sample_body {
    const char *file;
    enum ld_profile_kind kind;
    enum ld_profile_encoding encoding;
} bodies[] = {
    {"goroutine.debug0.pb.gz", LD_PROFILE_GOROUTINE, LD_ENCODING_PROTO},
    {"goroutine.debug1.txt", LD_PROFILE_GOROUTINE, LD_ENCODING_GROUPS},
    {"goroutine.debug2.txt", LD_PROFILE_GOROUTINE, LD_ENCODING_STACKS},
    {"goroutineleak.debug1.txt", LD_PROFILE_GOROUTINELEAK, LD_ENCODING_GROUPS},
};

static void *read_file(const char *path, size_t *ret_length, struct ld_arena *arena)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *ret_length = (size_t)ftell(file);
    rewind(file);
    void *bytes = ld_arena_take(arena, *ret_length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *ret_length, file), *ret_length);
    fclose(file);
    return bytes;
}

static void fill_profile(struct ld_random *random, struct ld_observation *o, struct ld_arena *arena)
{
    const struct sample_body *body = &bodies[ld_random_below(random, sizeof bodies / sizeof bodies[0])];
    char path[512];
    snprintf(path, sizeof path, TEST_DATA "/goprof/go1.26/%s", body->file);
    o->profile_kind = body->kind;
    o->encoding = body->encoding;
    o->body = read_file(path, &o->body_length, arena);
}

static void fill_points(struct ld_random *random, struct ld_observation *o, struct ld_arena *arena)
{
    o->point_count = ld_random_below(random, 24);
    struct ld_point *points = ld_arena_array(arena, o->point_count + 1, sizeof *points);
    assert_non_null(points);
    for (size_t i = 0; i < o->point_count; i++) {
        points[i].metric = (enum ld_metric)ld_random_below(random, LD_METRIC_COUNT);
        points[i].value = random_value(random);
    }
    o->points = o->point_count ? points : NULL;
}

static void fill_failure(struct ld_random *random, struct ld_observation *o, struct ld_arena *arena)
{
    o->profile_kind = (enum ld_profile_kind)ld_random_below(random, LD_PROFILE_KINDS);
    o->of_profile = ld_random_below(random, 2);
    o->encoding = (enum ld_profile_encoding)ld_random_below(random, 3);
    o->failure = (enum ld_read_failure)ld_random_below(random, LD_READ_FAILURE_COUNT);
    o->http_status = (int)ld_random_below(random, 600);
    o->text = random_text(random, arena);
    if (ld_random_below(random, 3) == 0) { /* of a path, not of a profile */
        o->path = "/health?deep=1";
        o->of_profile = false;
        o->profile_kind = (enum ld_profile_kind)0;
        o->encoding = (enum ld_profile_encoding)0;
    }
    if (ld_random_below(random, 3) == 0) { /* the part of a body that came */
        o->body = "cut sho";
        o->body_length = ld_random_below(random, 7);
    }
}

static void fill_answer(struct ld_random *random, struct ld_observation *o)
{
    o->path = ld_random_below(random, 2) ? "/debug/goleak?settle=100ms" : "/health";
    o->http_status = (int)ld_random_below(random, 600);
    o->body = "not now\n";
    o->body_length = ld_random_below(random, 9);
}

void sample_observation(struct ld_random *random, uint64_t sequence, struct ld_observation *ret_observation,
                        struct ld_arena *arena)
{
    struct ld_observation o = {.sequence = sequence};
    o.time_ns = (int64_t)(sequence * 250000000 + ld_random_below(random, 1000000));
    o.instance = (uint32_t)ld_random_below(random, 3);
    o.incarnation = (uint32_t)(1 + ld_random_below(random, 2));
    o.kind = (enum ld_observation_kind)ld_random_below(random, LD_OBSERVATION_KINDS);
    if (o.kind == LD_OBSERVATION_METRICS || o.kind == LD_OBSERVATION_PROFILE || o.kind == LD_OBSERVATION_FAILED ||
        o.kind == LD_OBSERVATION_ANSWER) {
        o.purpose = (enum ld_purpose)ld_random_below(random, LD_PURPOSES);
        o.read_ns = (int64_t)ld_random_below(random, 10000000);
    }
    if (o.kind == LD_OBSERVATION_METRICS)
        fill_points(random, &o, arena);
    if (o.kind == LD_OBSERVATION_PROFILE)
        fill_profile(random, &o, arena);
    if (o.kind == LD_OBSERVATION_FAILED)
        fill_failure(random, &o, arena);
    if (o.kind == LD_OBSERVATION_LIFE) {
        o.life = (enum ld_life)ld_random_below(random, 3);
        o.exit_status = (int64_t)ld_random_below(random, 20) - 10;
        o.expected = ld_random_below(random, 2);
    }
    if (o.kind == LD_OBSERVATION_ANSWER)
        fill_answer(random, &o);
    if (o.kind == LD_OBSERVATION_LINE)
        o.text = random_text(random, arena);
    *ret_observation = o;
}

void sample_truth_event(struct ld_random *random, uint64_t after_sequence, struct ld_truth_event *ret_event,
                        struct ld_arena *arena)
{
    struct ld_truth_event event = {.after_sequence = after_sequence, .time_ns = (int64_t)(after_sequence * 250000000)};
    event.instance = (uint32_t)ld_random_below(random, 3);
    event.incarnation = (uint32_t)(1 + ld_random_below(random, 2));
    event.kind = (enum ld_truth_kind)ld_random_below(random, LD_TRUTH_ENDED + 1);
    event.interval = ld_random_below(random, 2) ? "i-1" : "";
    event.cause = (enum ld_cause)ld_random_below(random, LD_CAUSE_COUNT);
    event.unit = (enum ld_unit)ld_random_below(random, LD_UNIT_CPU + 1);
    event.amount = (int64_t)ld_random_next(random);
    event.goroutines_per_unit = (int64_t)ld_random_below(random, 3);
    event.descriptors_per_unit = (int64_t)ld_random_below(random, 3);
    event.bytes_per_unit = (int64_t)ld_random_below(random, 3000);
    event.seen_at_count = ld_random_below(random, LD_TRUTH_SITES_MAX + 1);
    for (size_t i = 0; i < event.seen_at_count; i++)
        event.seen_at[i] = ld_arena_printf(arena, "net/http.(*persistConn).\"readLoop\"\xc3\xa9%d", (int)i);
    event.culprit = ld_random_below(random, 2) ? "orders.go:41 orders.fetch" : "";
    event.text = random_text(random, arena);
    *ret_event = event;
}

static void same_text(const char *seen, const char *wanted)
{
    if (!seen || !wanted)
        assert_ptr_equal(seen, wanted);
    else
        assert_string_equal(seen, wanted);
}

static void same_profile(const struct ld_profile *seen, const struct ld_observation *wanted)
{
    struct ld_error error = {0};
    struct ld_profile parsed;
    assert_non_null(seen);
    assert_done(ld_profile_parse(&parsed, wanted->profile_kind, wanted->body, wanted->body_length, NULL, &error),
                &error);
    assert_int_equal(seen->encoding, parsed.encoding);
    assert_int_equal(seen->total, parsed.total);
    assert_int_equal(seen->sample_count, parsed.sample_count);
    for (uint32_t i = 0; i < parsed.sample_count; i++) {
        assert_memory_equal(seen->samples[i].values, parsed.samples[i].values, sizeof parsed.samples[i].values);
        assert_int_equal(seen->samples[i].frame_count, parsed.samples[i].frame_count);
        for (uint32_t j = 0; j < parsed.samples[i].frame_count; j++)
            assert_string_equal(seen->samples[i].frames[j]->function, parsed.samples[i].frames[j]->function);
    }
    ld_profile_done(&parsed);
}

void sample_same_observation(const struct ld_observation *seen, const struct ld_observation *wanted)
{
    assert_int_equal(seen->sequence, wanted->sequence);
    assert_int_equal(seen->time_ns, wanted->time_ns);
    assert_int_equal(seen->instance, wanted->instance);
    assert_int_equal(seen->incarnation, wanted->incarnation);
    assert_string_equal(ld_observation_kind_name(seen->kind), ld_observation_kind_name(wanted->kind));
    assert_int_equal(seen->purpose, wanted->purpose);
    assert_int_equal(seen->read_ns, wanted->read_ns);
    assert_int_equal(seen->point_count, wanted->point_count);
    for (size_t i = 0; i < wanted->point_count; i++) {
        assert_int_equal(seen->points[i].metric, wanted->points[i].metric);
        assert_memory_equal(&seen->points[i].value, &wanted->points[i].value, sizeof(double));
    }
    assert_int_equal(seen->profile_kind, wanted->profile_kind);
    assert_int_equal(seen->encoding, wanted->encoding);
    assert_int_equal(seen->of_profile, wanted->of_profile);
    assert_int_equal(seen->failure, wanted->failure);
    assert_int_equal(seen->http_status, wanted->http_status);
    assert_int_equal(seen->life, wanted->life);
    assert_int_equal(seen->exit_status, wanted->exit_status);
    assert_int_equal(seen->expected, wanted->expected);
    assert_int_equal(seen->body_length, wanted->body_length);
    assert_int_equal(seen->body == NULL, wanted->body == NULL);
    if (wanted->body_length)
        assert_memory_equal(seen->body, wanted->body, wanted->body_length);
    if (wanted->kind == LD_OBSERVATION_PROFILE)
        same_profile(seen->profile, wanted);
    same_text(seen->path, wanted->path);
    same_text(seen->text, wanted->text);
}

void sample_same_event(const struct ld_truth_event *seen, const struct ld_truth_event *wanted)
{
    assert_int_equal(seen->after_sequence, wanted->after_sequence);
    assert_int_equal(seen->time_ns, wanted->time_ns);
    assert_int_equal(seen->instance, wanted->instance);
    assert_int_equal(seen->incarnation, wanted->incarnation);
    assert_int_equal(seen->kind, wanted->kind);
    same_text(seen->interval, wanted->interval);
    assert_int_equal(seen->cause, wanted->cause);
    assert_int_equal(seen->unit, wanted->unit);
    assert_int_equal(seen->amount, wanted->amount);
    assert_int_equal(seen->goroutines_per_unit, wanted->goroutines_per_unit);
    assert_int_equal(seen->descriptors_per_unit, wanted->descriptors_per_unit);
    assert_int_equal(seen->bytes_per_unit, wanted->bytes_per_unit);
    assert_int_equal(seen->seen_at_count, wanted->seen_at_count);
    for (size_t i = 0; i < wanted->seen_at_count; i++)
        assert_string_equal(seen->seen_at[i], wanted->seen_at[i]);
    same_text(seen->culprit, wanted->culprit);
    same_text(seen->text, wanted->text);
}

/* ---- a whole run */

static void write_faults(struct ld_store *store, uint32_t run)
{
    struct ld_error error = {0};
    struct ld_receipt receipt = {.touched = 40,
                                 .spared = 2,
                                 .count = 812,
                                 .asked_ns = 200000000,
                                 .p50_ns = 201000000,
                                 .p99_ns = 209000000,
                                 .effective = true,
                                 .text = "asked 200ms, delivered p50 201ms p99 209ms over 812"};
    for (size_t i = 0; i < 2; i++) {
        assert_done(ld_store_fault_intent(store, run, &faults[i], 3000000000, 9000000000, &error), &error);
        assert_done(ld_store_fault_decision(store, run, faults[i].id, UINT64_MAX, true, &error), &error);
        assert_done(ld_store_fault_receipt(store, run, faults[i].id, 3001000000, 9000000001, &receipt, &error), &error);
    }
}

static void write_detectors(struct ld_store *store, uint32_t run)
{
    struct ld_error error = {0};
    assert_done(ld_store_detector(store, run, "zeta", "matrix", false, "{\"file\":\"a\"}", &error), &error);
    assert_done(ld_store_detector(store, run, "always", "always", true, NULL, &error), &error);
    assert_done(ld_store_detector(store, run, "broken", "exec", false, "{}", &error), &error);
    assert_done(ld_store_detector_failed(store, run, "broken", "it said nothing", &error), &error);
    struct ld_alert alert = {.id = 7,
                             .action = LD_ALERT_OPEN,
                             .evidence = 3,
                             .evidence_time_ns = 700,
                             .receipt_ns = 900,
                             .incarnation = 1,
                             .cause = LD_CAUSE_CHAN_RECEIVE,
                             .site = "orders.wait",
                             .amount = -0.0,
                             .severity = LD_SEVERITY_RED,
                             .why = "40 more",
                             .rule = "row",
                             .rule_version = "v1.0.0-abcdef"};
    assert_done(ld_store_alert(store, run, "zeta", &alert, &error), &error);
    alert.receipt_ns = 800; /* written later, arrived earlier */
    alert.id = 8;
    assert_done(ld_store_alert(store, run, "zeta", &alert, &error), &error);
}

static void write_truth(struct ld_store *store, uint32_t run)
{
    static const char *const seen[] = {"orders.wait", "orders.\"loop\""};
    static const char *calm[] = {"pool.idle"};
    struct ld_truth_interval intervals[] = {
        {.id = "i-1",
         .incarnation = 1,
         .cause = LD_CAUSE_HTTP_CONNECTION,
         .unit = LD_UNIT_CONNECTIONS,
         .first_ns = 5,
         .manifest_ns = 6,
         .end_ns = 7,
         .manifest_after_sequence = 2,
         .end = LD_END_KILL,
         .amount = 9,
         .final_amount = 8,
         .goroutines_per_unit = 2,
         .descriptors_per_unit = 1,
         .seen_at_count = 2,
         .seen_at = seen,
         .culprit = "orders.go:41 orders.fetch",
         .confirmed = 8},
        {.id = "i-2", .incarnation = 2, .manifest_ns = -1, .hold = true, .culprit = "", .confirmed = -1},
    };
    struct ld_truth truth = {.intervals = intervals, .interval_count = 2, .calm = calm, .calm_count = 1};
    struct ld_error error = {0};
    assert_done(ld_store_truth(store, run, &truth, &error), &error);
    assert_done(ld_store_truth(store, run, &truth, &error), &error); /* replaces */
}

void sample_write_run(struct ld_store *store, uint32_t run, size_t count, uint64_t seed)
{
    struct ld_error error = {0};
    struct ld_random random;
    struct ld_arena *arena = ld_arena_new((size_t)256 << 20);
    ld_random_init(&random, seed);
    assert_done(ld_store_run_begin(store, run, 1700000000000000000, &error), &error);
    assert_done(ld_store_phase(store, run, "baseline", 100, &error), &error);
    assert_done(ld_store_phase(store, run, "method", 200, &error), &error);
    assert_done(ld_store_incarnation(store, run, 0, 1, 4711, 5, &error), &error);
    for (size_t i = 0; i < count; i++) {
        struct ld_observation o;
        struct ld_truth_event event;
        sample_observation(&random, i + 1, &o, arena);
        sample_truth_event(&random, i + 1, &event, arena);
        assert_done(ld_store_observation(store, run, &o, &error), &error);
        if (i % 5 == 0)
            assert_done(ld_store_truth_event(store, run, &event, &error), &error);
    }
    assert_done(ld_store_incarnation_end(store, run, 0, 1, 777, -9, true, &error), &error);
    assert_done(ld_store_incarnation(store, run, 0, 2, 4712, 800, &error), &error);
    write_faults(store, run);
    write_detectors(store, run);
    write_truth(store, run);
    assert_done(ld_store_reader(store, run, 0, "matrix", 12, 34567, 89, 1, &error), &error);
    assert_done(ld_store_note(store, run, 50, "stderr", "panic: \xff", &error), &error);
    struct ld_run_end end = {.validity = LD_INVALID_LAG,
                             .reason = "lag",
                             .method_from_ns = 200,
                             .observed_from_ns = 100,
                             .observed_to_ns = 5000,
                             .ended_ns = 6000,
                             .lag_p99_ns = 1,
                             .lag_max_ns = 2};
    assert_done(ld_store_run_end(store, run, &end, &error), &error);
    ld_arena_free(arena);
}

/* ---- reading everything */

static int touch_observation(void *context, const struct ld_observation *o)
{
    double *sum = context;
    for (size_t i = 0; i < o->point_count; i++)
        *sum += o->points[i].value + (double)o->points[i].metric;
    for (size_t i = 0; i < o->body_length; i++)
        *sum += ((const unsigned char *)o->body)[i];
    *sum += o->text ? (double)strlen(o->text) : 0;
    return 0;
}

static int touch_truth(void *context, const struct ld_truth_event *event)
{
    double *sum = context;
    for (size_t i = 0; i < event->seen_at_count; i++)
        *sum += (double)strlen(event->seen_at[i]);
    return 0;
}

int sample_read_all(struct ld_store *store, struct ld_error *error)
{
    struct ld_arena *arena = ld_arena_new((size_t)64 << 20);
    struct ld_campaign_info info;
    struct ld_stored_scenario *scenarios;
    struct ld_timeline_row *lines;
    struct ld_stored_detector *detectors;
    struct ld_run_record record;
    uint32_t *runs = NULL;
    size_t count = 0, ignored;
    double sum = 0;
    struct ld_replay_sink sink = {touch_observation, touch_truth, &sum};
    int code = ld_store_read_campaign(store, &info, arena, error);
    if (code == 0)
        code = ld_store_read_scenarios(store, &scenarios, &ignored, arena, error);
    if (code == 0)
        code = ld_store_read_runs(store, &runs, &count, arena, error);
    for (size_t i = 0; i < count && code == 0; i++) {
        code = ld_store_replay(store, runs[i], &sink, error);
        if (code == 0)
            code = ld_store_read_record(store, runs[i], &record, arena, error);
        if (code == 0)
            code = ld_store_read_detectors(store, runs[i], &detectors, &ignored, arena, error);
        if (code == 0)
            code = ld_store_read_timeline(store, runs[i], &lines, &ignored, arena, error);
    }
    ld_arena_free(arena);
    return code;
}
