/* Real dumps under dated names. */
#include "groups.h"
#include "rig.h"

static int add_golden(struct rig *rig, const char *place, const char *name, const char *golden)
{
    size_t length;
    char *bytes = read_golden(golden, &length);
    int code = rig_add(rig, place, name, bytes, length);
    free(bytes);
    return code;
}

static void kinds_times_and_instances(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, NULL);
    /* Out of order, every encoding, two processes, one of them a folder. */
    assert_int_equal(add_golden(&rig, "", "x-20261121-083010.gz", "goprof/go1.26/goroutine.debug0.pb.gz"), 0);
    assert_int_equal(add_golden(&rig, "", "x-20261121-083000.txt", "goprof/go1.26/goroutine.debug1.txt"), 0);
    assert_int_equal(add_golden(&rig, "", "x-20261121-083020.txt", "goprof/go1.26/goroutine.debug2.txt"), 0);
    assert_int_equal(add_golden(&rig, "", "x-20261121-083020.pb", "goprof/go1.26/goroutineleak.debug0.pb.gz"), 0);
    assert_int_equal(add_golden(&rig, "host/b", "20261121-083015.txt", "goprof/go1.26/goroutineleak.debug1.txt"), 0);
    assert_int_equal(add_golden(&rig, "", "x-20261121-083000-copy.txt", "goprof/go1.26/goroutine.debug1.txt"), 0);
    rig_deliver(&rig);
    assert_int_equal(rig.summary.instances, 3);
    assert_string_equal(rig.summary.instance_names[0], "host/b");
    assert_string_equal(rig.summary.instance_names[1], "x");
    assert_string_equal(rig.summary.instance_names[2], "x-copy");
    assert_int_equal(rig.summary.profiles, 6);
    assert_true(rig.summary.kinds[LD_PROFILE_GOROUTINE] && rig.summary.kinds[LD_PROFILE_GOROUTINELEAK]);
    assert_non_null(strstr(rig.lines.bytes, "0.000 i1/1 metrics go_sched_goroutines_count="));
    assert_non_null(strstr(rig.lines.bytes, "0.000 i1/1 profile goroutine debug=1 "));
    assert_non_null(strstr(rig.lines.bytes, "10.000 i1/1 profile goroutine debug=0 "));
    assert_non_null(strstr(rig.lines.bytes, "15.000 i0/1 profile goroutineleak debug=1 "));
    assert_non_null(strstr(rig.lines.bytes, "20.000 i1/1 profile goroutine debug=2 "));
    assert_non_null(strstr(rig.lines.bytes, "20.000 i1/1 profile goroutineleak debug=0 "));
    rig_close(&rig);
}

static void other_places_of_time_and_instance(void **state)
{
    const struct ld_import_setting setting = {.one_instance = true, .times = LD_IMPORT_TIMES_FILE};
    struct rig rig;
    (void)state;
    rig_open(&rig, NULL); /* no time in the name: its own */
    assert_int_equal(add_golden(&rig, "", "one.pb.gz", "goprof/go1.26/goroutine.debug0.pb.gz"), 0);
    rig_deliver(&rig);
    assert_true(rig.summary.from_ns > INT64_C(1700000000000000000));
    rig_close(&rig);
    rig_open(&rig, &setting);
    assert_int_equal(add_golden(&rig, "", "one.txt", "goprof/go1.26/goroutine.debug2.txt"), 0);
    assert_int_equal(add_golden(&rig, "", "two.txt", "goprof/go1.26/goroutine.debug2.txt"), 0);
    rig_deliver(&rig);
    assert_int_equal(rig.summary.from_ns, 1000000000);
    assert_int_equal(rig.summary.instances, 1);
    assert_int_equal(rig.summary.duplicates, 1);
    rig_close(&rig);
}

/* A script that fetches two kinds, one a second after the other, every minute. */
static void the_period_is_that_of_a_kind(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, NULL);
    for (int minute = 0; minute < 4; minute++) {
        char name[64];
        snprintf(name, sizeof name, "goroutine-20261121-08%02d00.gz", minute);
        assert_int_equal(add_golden(&rig, "", name, "goprof/go1.26/goroutine.debug0.pb.gz"), 0);
        snprintf(name, sizeof name, "goroutineleak-20261121-08%02d01.gz", minute);
        assert_int_equal(add_golden(&rig, "", name, "goprof/go1.26/goroutineleak.debug0.pb.gz"), 0);
    }
    rig_deliver(&rig);
    assert_int_equal(rig.summary.period_ns, INT64_C(60000000000));
    rig_close(&rig);
}

static void what_is_not_clear_is_an_error(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, NULL);
    assert_int_not_equal(add_golden(&rig, "", "goroutine.txt", "goprof/go1.26/goroutine.debug2.txt"), 0);
    assert_int_not_equal(add_golden(&rig, "", "20261121-083000-20261122-083000.txt",
                                    "goprof/go1.26/goroutine.debug2.txt"), 0);
    assert_int_not_equal(rig_text(&rig, "20261121-083000.pb.gz", "\x1f\x8b broken"), 0);
    assert_int_equal(rig.errors.count, 3);
    assert_string_equal(rig.errors.items[0].message,
                        "no time in its name (such as 20261121-083000) and none in the profile; --times mtime takes "
                        "the file's");
    assert_string_equal(rig.errors.items[1].message, "has two different times in its name");
    assert_string_equal(rig.errors.items[2].file, "20261121-083000.pb.gz");
    rig_close(&rig);
    rig_open(&rig, NULL);
    assert_int_equal(add_golden(&rig, "", "1-20261121-083000.txt", "goprof/go1.26/goroutine.debug2.txt"), 0);
    assert_int_equal(add_golden(&rig, "", "2-20261121-083000.txt", "goprof/go1.25/goroutine.debug2.txt"), 0);
    assert_int_equal(ld_import_finish(rig.import, &rig.errors), LD_ESPEC);
    rig_assert_errors(&rig, "2-20261121-083000.txt: is another goroutine profile of the same instant and instance as "
                            "1-20261121-083000.txt\n");
    rig_close(&rig);
}

int test_profiles(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_times_and_instances),
                                       cmocka_unit_test(other_places_of_time_and_instance),
                                       cmocka_unit_test(the_period_is_that_of_a_kind),
                                       cmocka_unit_test(what_is_not_clear_is_an_error)};
    return cmocka_run_group_tests_name("profiles", tests, NULL, NULL);
}
