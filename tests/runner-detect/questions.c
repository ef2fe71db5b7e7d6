/* What a detector is told: the recording that `detector check` plays comes out as it went in, hello says what is
 * declared, and nothing a machine printed can break a line. */
#include "groups.h"

#include <jansson.h>

#include "base/file.h"
#include "runner/detect/check.h"
#include "runner/detect/question.h"
#include "runner/detect/recording.h"
#include "runner/detect/seen.h"

static json_t *line_of(const struct ld_observation *observation)
{
    char path[LD_EXEC_PATH_MAX];
    struct ld_buffer line;
    ld_buffer_init(&line, 1 << 20);
    assert_int_equal(ld_question_observation(&line, observation, ld_question_path(observation, path)), 0);
    const char *newline = strchr(ld_buffer_text(&line), '\n');
    assert_non_null(newline);
    assert_ptr_equal(newline + 1, ld_buffer_text(&line) + line.length); /* one, at the end */
    json_t *object = json_loads(ld_buffer_text(&line), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    ld_buffer_done(&line);
    return object;
}

/* For who tries the recording by hand: its first line is the hello of a check that asks for all it holds. */
static void make_hello(struct ld_buffer *line, size_t profile_count)
{
    int profiles[] = {LD_EXEC_GOROUTINE, LD_EXEC_GOROUTINE_FULL, LD_EXEC_HEAP};
    const struct ld_exec_options options = {.profiles = {profile_count, profiles}, .timeout_ns = 2000000000};
    const struct ld_hello hello = ld_check_hello(&options);
    assert_int_equal(ld_question_hello(line, &hello), 0);
}

static void assert_recorded_hello(const char *recorded, size_t profile_count)
{
    struct ld_buffer line;
    ld_buffer_init(&line, 1 << 20);
    make_hello(&line, profile_count);
    if (strcmp(ld_buffer_text(&line), recorded) != 0)
        fail_msg(
            "a metric or a cause is new: LEAKDRILL_GOLDEN=write writes the hello of the recordings anew, which was "
            "%s",
            recorded);
    ld_buffer_done(&line);
}

/* The first line as it is to be, for LEAKDRILL_GOLDEN=write. */
static void write_hello(const char *path, size_t profile_count)
{
    struct ld_buffer text, line;
    struct ld_error error;
    ld_buffer_init(&text, 8 << 20);
    ld_buffer_init(&line, 1 << 20);
    make_hello(&line, profile_count);
    assert_int_equal(ld_file_read(path, &text, &error), 0);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "%s%s", ld_buffer_text(&line), strchr(ld_buffer_text(&text), '\n') + 1);
    fclose(file);
    ld_buffer_done(&line);
    ld_buffer_done(&text);
}

/* `profile_count`: kinds of profiles that it holds. */
static void recorded_lines_come_again(const char *folder, size_t profile_count)
{
    char path[512], text[65536];
    struct ld_recording recording;
    struct ld_error error;
    if (ld_recording_read(&recording, folder, &error) != 0)
        fail_msg("%s", error.message);
    snprintf(path, sizeof path, "%s/observations.jsonl", folder);
    const char *golden = getenv("LEAKDRILL_GOLDEN");
    if (golden && strcmp(golden, "write") == 0)
        write_hello(path, profile_count);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t count = 0;
    assert_non_null(fgets(text, sizeof text, file));
    assert_recorded_hello(text, profile_count);
    for (; fgets(text, sizeof text, file); count++) {
        json_t *stored = json_loads(text, 0, NULL), *now = line_of(&recording.items[count]);
        if (!json_equal(stored, now)) {
            char *said = json_dumps(now, JSON_COMPACT);
            fail_msg("line %zu: %s\nis now: %s", count + 2, text, said);
        }
        json_decref(stored);
        json_decref(now);
    }
    fclose(file);
    assert_int_equal(count, recording.count);
    assert_true(count > 50 && recording.profile_count > 10);
    ld_recording_done(&recording);
}

static void the_recording_comes_again(void **state)
{
    (void)state;
    recorded_lines_come_again(SOURCE_FOLDER "/runner/detect/recording/leaky", 3);
    recorded_lines_come_again(SOURCE_FOLDER "/runner/detect/recording/healthy", 3);
    recorded_lines_come_again(SOURCE_FOLDER "/runner/detect/recording/draining", 1);
    recorded_lines_come_again(SOURCE_FOLDER "/runner/detect/recording/generic", 1);
}

static void any_text_fits_in_a_line(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"plain", "plain"},
        {"two\nlines \"and\" \\", "two\nlines \"and\" \\"},
        {"\xc3\xa4", "\xc3\xa4"},
        {"\xff\xfe x \xc3\xa4", "?? x ??"},
        {"\x01\x1b[31m", "\x01\x1b[31m"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ld_observation observation = {.sequence = 1, .kind = LD_OBSERVATION_LINE, .text = texts[i][0]};
        json_t *line = line_of(&observation);
        assert_string_equal(json_string_value(json_object_get(line, "text")), texts[i][1]);
        json_decref(line);
    }
}

static void numbers_survive(void **state)
{
    (void)state;
    const struct ld_point points[] = {
        {LD_METRIC_GOROUTINES, 0.1}, {LD_METRIC_CPU, 1e300 * 1e10}, {LD_METRIC_RSS, 123456789012345678.0}};
    struct ld_observation observation = {
        .sequence = 1, .kind = LD_OBSERVATION_METRICS, .point_count = 3, .points = points};
    json_t *line = line_of(&observation), *values = json_object_get(line, "values");
    double value = json_real_value(json_object_get(values, "go_sched_goroutines_count"));
    assert_memory_equal(&value, &points[0].value, sizeof value);
    assert_true(json_is_null(json_object_get(values, "process_cpu_time_seconds")));
    value = json_real_value(json_object_get(values, "process_memory_resident_bytes"));
    assert_memory_equal(&value, &points[2].value, sizeof value);
    json_decref(line);
}

static void hello_says_what_is_declared(void **state)
{
    (void)state;
    int profiles[] = {LD_EXEC_HEAP};
    const char *names[] = {"growth"}, *values[] = {"8"};
    const struct ld_exec_options options = {
        .profiles = {1, profiles}, .options = {.count = 1, .names = names, .items = values}, .timeout_ns = 2000000000};
    struct ld_hello hello = {
        .token = 0xabc, .instances = 2, .time_scale = 30, .period_ns = 250000000, .options = &options};
    const char *urls[] = {"http://127.0.0.1:1/x/0", "http://127.0.0.1:1/x/1"};
    for (int with_gateway = 0; with_gateway <= 1; with_gateway++) {
        struct ld_buffer line;
        ld_buffer_init(&line, 1 << 20);
        hello.gateway = with_gateway ? urls : NULL;
        assert_int_equal(ld_question_hello(&line, &hello), 0);
        json_t *object = json_loads(ld_buffer_text(&line), 0, NULL);
        assert_non_null(object);
        assert_string_equal(json_string_value(json_object_get(object, "run")), "0000000000000abc");
        assert_int_equal(json_integer_value(json_object_get(object, "protocol")), LD_EXEC_PROTOCOL);
        assert_string_equal(json_string_value(json_array_get(json_object_get(object, "profiles"), 0)), "heap");
        assert_string_equal(json_string_value(json_object_get(json_object_get(object, "options"), "growth")), "8");
        assert_int_equal(json_object_size(json_object_get(object, "metrics")), LD_METRIC_COUNT);
        assert_int_equal(json_array_size(json_object_get(object, "gateway")), with_gateway ? 2 : 0);
        json_decref(object);
        ld_buffer_done(&line);
    }
}

static void names_are_known_from_when_they_were_shown(void **state)
{
    (void)state;
    struct ld_recording recording;
    struct ld_error error;
    struct ld_seen *seen = ld_seen_new();
    assert_non_null(seen);
    if (ld_recording_read(&recording, SOURCE_FOLDER "/runner/detect/recording/leaky", &error) != 0)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < recording.count; i++)
        ld_seen_add(seen, &recording.items[i]);
    assert_true(ld_seen_has(seen, "runtime.gopark", recording.count));
    assert_false(ld_seen_has(seen, "runtime.gopark", 2)); /* no profile by then */
    assert_false(ld_seen_has(seen, "runtime.gopar", recording.count));
    ld_recording_done(&recording);
    struct ld_observation line = {.sequence = 500,
                                  .kind = LD_OBSERVATION_LINE,
                                  .text = "    #1 0x4c1 in take_message(void*) /src/a.c:12 main.(*T).run(0x1, 0x2)"};
    ld_seen_add(seen, &line);
    assert_true(ld_seen_has(seen, "take_message", 500));
    assert_true(ld_seen_has(seen, "main.(*T).run", 500));
    assert_false(ld_seen_has(seen, "take_message", 499));
    ld_seen_free(seen);
}

int test_questions(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recording_comes_again),
        cmocka_unit_test(any_text_fits_in_a_line),
        cmocka_unit_test(numbers_survive),
        cmocka_unit_test(hello_says_what_is_declared),
        cmocka_unit_test(names_are_known_from_when_they_were_shown),
    };
    return cmocka_run_group_tests_name("questions", tests, NULL, NULL);
}
