/* The programs of detectors, edited in the middle of a campaign or not. */
#include "groups.h"

#include <sys/stat.h>
#include <unistd.h>

#include "detect/builtin.h"
#include "detect/exec.h"
#include "runner/detect/watched_programs.h"

static char folder[] = "/tmp/leakdrill-watched-XXXXXX";
static char scenario_file[64], script[64];
static const char *words[] = {"sh", "./mine.sh", "plain", "./gone"};
static struct ld_exec_options options = {.command = {4, words}};
static struct ld_detector_spec spec = {.name = "mine", .kind = &ld_detector_exec, .options = &options};
static struct ld_scenario scenario = {.file = scenario_file, .detector_count = 1, .detectors = &spec};

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(scenario_file, sizeof scenario_file, "%s/s.yaml", folder);
    snprintf(script, sizeof script, "%s/mine.sh", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(script);
    return rmdir(folder);
}

static void write_script(const char *text)
{
    FILE *stream = fopen(script, "w");
    assert_non_null(stream);
    fputs(text, stream);
    fclose(stream);
}

static void what_is_edited_is_noticed(void **state)
{
    (void)state;
    struct ld_cell cell = {.scenario = &scenario};
    const struct ld_plan plan = {.cell_count = 1, .cells = &cell};
    struct ld_watched_programs *programs;
    struct ld_error error;
    const char *path, *hash;
    char text[400], expected[400], later[LD_HASH_HEX];
    write_script("a");
    assert_int_equal(ld_watched_programs_new(&programs, &plan, &error), 0);
    assert_int_equal(ld_watched_programs_count(programs), 2); /* the shell, and the script that is there */
    ld_watched_programs_at(programs, 1, &path, &hash);
    assert_string_equal(path, script);
    ld_hash_of("a", 1, later);
    assert_string_equal(hash, later);
    assert_false(ld_watched_programs_changed(programs, &scenario, &spec, text, sizeof text));
    write_script("b");
    assert_true(ld_watched_programs_changed(programs, &scenario, &spec, text, sizeof text));
    ld_hash_of("b", 1, later);
    snprintf(expected, sizeof expected, "%s is %.12s and was %.12s when the campaign began", script, later, hash);
    assert_string_equal(text, expected);
    write_script("a"); /* it was written, and is what it was */
    assert_false(ld_watched_programs_changed(programs, &scenario, &spec, text, sizeof text));
    unlink(script);
    assert_true(ld_watched_programs_changed(programs, &scenario, &spec, text, sizeof text));
    snprintf(expected, sizeof expected, "%s cannot be read any more", script);
    assert_string_equal(text, expected);
    assert_false(ld_watched_programs_changed(NULL, &scenario, &spec, text, sizeof text));
    ld_watched_programs_free(programs);
}

int test_watched(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_edited_is_noticed),
    };
    return cmocka_run_group_tests_name("watched", tests, make_folder, remove_folder);
}
