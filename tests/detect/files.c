/* The files that detectors read: once, whatever becomes of them on disk. */
#include <stdio.h>
#include <unistd.h>

#include "detect/builtin.h"
#include "detect/groups.h"
#include "detect/prometheus.h"
#include "detect/rig.h"

static char folder[] = "/tmp/leakdrill-files-XXXXXX";
static char path[64], other[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/rules.yaml", folder);
    snprintf(other, sizeof other, "%s/other.yaml", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return rmdir(folder);
}

static void write_bytes(const char *file, const char *bytes, size_t length)
{
    FILE *stream = fopen(file, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, length, stream), length);
    assert_int_equal(fclose(stream), 0);
}

static void write_text(const char *file, const char *text)
{
    write_bytes(file, text, strlen(text));
}

static void what_was_read_stays(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_buffer bytes;
    char hash[LD_HASH_HEX];
    struct ld_detector_files *files = ld_detector_files_new();
    assert_non_null(files);
    write_text(path, "as it was");
    write_text(other, "the other");
    assert_null(ld_detector_files_find(files, "rules.yaml"));
    assert_null(ld_detector_files_find(NULL, "rules.yaml"));
    assert_int_equal(ld_detector_files_read(files, "rules.yaml", path, NULL, &error), 0);
    assert_int_equal(ld_detector_files_read(files, "", other, NULL, &error), 0);
    write_text(path, "edited");
    assert_int_equal(ld_detector_files_read(files, "rules.yaml", path, NULL, &error), 0);
    assert_int_equal(ld_detector_files_count(files), 2);
    const struct ld_detector_file *file = ld_detector_files_find(files, "rules.yaml");
    assert_ptr_equal(file, ld_detector_files_at(files, 0));
    assert_string_equal(file->text, "as it was");
    assert_int_equal(file->length, strlen("as it was"));
    ld_hash_of("as it was", strlen("as it was"), hash);
    assert_string_equal(file->hash, hash);
    ld_buffer_init(&bytes, 100);
    assert_int_equal(ld_detector_files_take(files, "rules.yaml", path, NULL, &bytes, &error), 0);
    assert_string_equal(ld_buffer_text(&bytes), "as it was");
    ld_buffer_clear(&bytes);
    assert_int_equal(ld_detector_files_take(NULL, "rules.yaml", path, NULL, &bytes, &error), 0);
    assert_string_equal(ld_buffer_text(&bytes), "edited");
    ld_buffer_done(&bytes);
    ld_detector_files_free(files);
}

static int refuse(const char *file, struct ld_buffer *bytes, struct ld_error *error)
{
    (void)bytes;
    return ld_fail(error, LD_ESPEC, "%s is refused", strrchr(file, '/') + 1);
}

static int replace(const char *file, struct ld_buffer *bytes, struct ld_error *error)
{
    (void)file;
    (void)error;
    ld_buffer_clear(bytes);
    return ld_buffer_add_text(bytes, "kept");
}

static void what_cannot_be_kept_is_refused(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_detector_files *files = ld_detector_files_new();
    assert_non_null(files);
    unlink(path);
    assert_int_equal(ld_detector_files_read(files, "a", path, NULL, &error), LD_ENOENT);
    write_bytes(path, "a\0b", 3);
    assert_int_equal(ld_detector_files_read(files, "a", path, NULL, &error), LD_ESPEC);
    assert_string_equal(error.message, "has a NUL character at byte 2");
    assert_string_equal(error.file, path);
    write_text(path, "text");
    assert_int_equal(ld_detector_files_read(files, "a", path, refuse, &error), LD_ESPEC);
    assert_string_equal(error.message, "rules.yaml is refused");
    assert_int_equal(ld_detector_files_count(files), 0);
    assert_int_equal(ld_detector_files_read(files, "a", path, replace, &error), 0);
    assert_string_equal(ld_detector_files_find(files, "a")->text, "kept");
    for (int i = 1; i < LD_DETECTOR_FILES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(ld_detector_files_add(files, name, "", 0), 0);
    }
    assert_int_equal(ld_detector_files_read(files, "b", path, NULL, &error), LD_ESPEC);
    assert_int_equal(ld_detector_files_read(files, "a", path, NULL, &error), 0);
    ld_detector_files_free(files);
}

static const char rules[] = "matrix: 1\nversion: %s\nrows:\n"
                            "  - id: many\n    scope: instance\n    cause: any\n    colour: red\n"
                            "    explain: x\n    repair: y\n    when:\n"
                            "      - {column: goroutines, at_least: 100}\n"
                            "      - {column: goroutines_growth, over: 4s, at_least: 1}\n";

static void write_rules(const char *version)
{
    char text[sizeof rules + 16];
    snprintf(text, sizeof text, rules, version);
    write_text(path, text);
}

static void the_matrix_of_a_campaign_is_not_edited(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_rule_set set;
    const struct { const char *rules; } options = {path}; /* as the matrix has them */
    struct ld_arena *arena = ld_arena_new((size_t)1 << 20);
    struct ld_detector_files *files = ld_detector_files_new();
    struct ld_detector_setting setting = {.name = "matrix", .options = &options, .time_scale = 1,
                                          .period_ns = LD_SECOND};
    write_rules("1.0.0");
    if (ld_detector_read_files(&ld_detector_matrix, &setting, files, &error) != 0)
        fail_msg("%s", error.message);
    write_rules("2.0.0");
    setting.files = files;
    assert_int_equal(ld_detector_matrix.rules(&set, &setting, arena), 0);
    assert_memory_equal(set.version, "v1.0.0-", 7);
    setting.files = NULL;
    assert_int_equal(ld_detector_matrix.rules(&set, &setting, arena), 0);
    assert_memory_equal(set.version, "v2.0.0-", 7);
    ld_detector_files_free(files);
    ld_arena_free(arena);
}

static void files_beside_a_scenario_are_named_from_there(void **state)
{
    (void)state;
    static const struct {
        const char *scenario, *name, *path;
    } rows[] = {{"a/b/s.yaml", "r.yml", "a/b/r.yml"}, {"a/b/s.yaml", "./r.yml", "a/b/r.yml"},
                {"a/b/s.yaml", "../r.yml", "a/b/../r.yml"}, {"s.yaml", "r.yml", "r.yml"},
                {"a/s.yaml", "/r.yml", "/r.yml"}, {"", "r.yml", "r.yml"}, {NULL, "./r.yml", "r.yml"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char found[64];
        ld_detector_beside(rows[i].scenario, rows[i].name, found, sizeof found);
        assert_string_equal(found, rows[i].path);
    }
}

int test_files(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_stays),
        cmocka_unit_test(what_cannot_be_kept_is_refused),
        cmocka_unit_test(the_matrix_of_a_campaign_is_not_edited),
        cmocka_unit_test(files_beside_a_scenario_are_named_from_there),
    };
    return cmocka_run_group_tests_name("files", tests, make_folder, remove_folder);
}
