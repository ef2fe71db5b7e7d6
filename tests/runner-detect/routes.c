/* A user's Alertmanager configuration as a run is given it: amtool takes what is made of real ones. */
#include "groups.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "detect/builtin.h"
#include "detect/prometheus.h"
#include "runner/detect/prometheus_tools.h"
#include "runner/detect/routes_file.h"

#define CORPUS SOURCE_FOLDER "/tests/fuzz/corpus/alertmanager"

static int read_routes(const char *path, const struct ld_detector_files *files, struct ld_routes_file *ret_routes,
                       struct ld_error *error)
{
    struct ld_prometheus_options options = {.rules = "rules.yml", .alertmanager = path};
    const struct ld_detector_spec spec = {.kind = &ld_detector_prometheus, .options = &options};
    const struct ld_scenario scenario = {.file = "s.yaml", .files = files};
    *error = (struct ld_error){0};
    return ld_routes_file_read(ret_routes, &scenario, &spec, error);
}

static void amtool_takes_what_is_made_of_them(void **state)
{
    (void)state;
    char program[PATH_MAX];
    unsigned checked = 0;
    if (!ld_amtool_find(program)) {
        print_message("skipped: there is no amtool\n");
        skip();
    }
    DIR *folder = opendir(CORPUS);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[PATH_MAX];
        struct ld_routes_file routes;
        struct ld_error error;
        snprintf(path, sizeof path, CORPUS "/%s", entry->d_name);
        if (!strstr(path, ".yml"))
            continue;
        bool odd = strstr(path, "odd"); /* those are YAML, but match nothing */
        if (read_routes(path, NULL, &routes, &error) != 0 || (!odd && ld_routes_file_amtool(&routes, &error) != 0))
            fail_msg("%s: %s", path, error.message);
        assert_true(routes.given);
        ld_routes_file_done(&routes);
        checked += !odd;
    }
    closedir(folder);
    assert_in_range(checked, 3, 1000);
}

static void amtool_refuses_what_alertmanager_would(void **state)
{
    (void)state;
    static const char text[] = "route: {receiver: a, routes: [{matchers: ['no matcher']}]}\nreceivers: [{name: a}]\n";
    char program[PATH_MAX];
    struct ld_routes_file routes;
    struct ld_error error;
    if (!ld_amtool_find(program)) {
        print_message("skipped: there is no amtool\n");
        skip();
    }
    struct ld_detector_files *files = ld_detector_files_new();
    assert_int_equal(ld_detector_files_add(files, "my.yml", text, strlen(text)), 0);
    assert_int_equal(read_routes("my.yml", files, &routes, &error), 0);
    assert_int_equal(ld_routes_file_amtool(&routes, &error), LD_ESPEC);
    assert_string_equal(error.message, "amtool refuses it: bad matcher format: no matcher");
    assert_string_equal(error.file, "my.yml");
    ld_routes_file_done(&routes);
    ld_detector_files_free(files);
}

static void without_one_nothing_is_read(void **state)
{
    (void)state;
    struct ld_routes_file routes;
    struct ld_error error;
    assert_int_equal(read_routes(NULL, NULL, &routes, &error), 0);
    assert_false(routes.given);
    assert_int_equal(read_routes("none.yml", NULL, &routes, &error), LD_ENOENT);
    assert_false(routes.given);
}

int test_routes(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amtool_takes_what_is_made_of_them),
        cmocka_unit_test(amtool_refuses_what_alertmanager_would),
        cmocka_unit_test(without_one_nothing_is_read),
    };
    return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
