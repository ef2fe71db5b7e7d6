/* Answers of /api/v1/query_range. */
#include "groups.h"
#include "rig.h"

#define MATRIX(series) "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" series "]}}"
#define SERIES(labels, values) "{\"metric\":{" labels "},\"values\":[" values "]}"

static void series_become_numbers(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, NULL);
    assert_int_equal(
        rig_text(&rig, "r.json",
                 MATRIX(SERIES("\"__name__\":\"go_goroutines\",\"instance\":\"10.0.0.1:80\",\"pod\":\"api\"",
                               "[1795249800.5,\"50\"],[1795249810.5,\"NaN\"],[1795249820.5,\"52\"]") ","
                        SERIES("\"__name__\":\"process_open_fds\",\"pod\":\"api\"", "[1795249800.5,\"9\"]") ","
                        SERIES("\"__name__\":\"go_threads\",\"instance\":\"b\"", "[1795249810,\"3\"]") ","
                        SERIES("\"__name__\":\"go_gc_duration_seconds\",\"quantile\":\"1\"", "[1795249810,\"3\"]"))),
        0);
    rig_deliver(&rig);
    rig_assert_lines(&rig,
                     "0.000 i0/1 life started\n0.000 i0/1 life ready\n"
                     "0.000 i0/1 metrics go_sched_goroutines_count=50 process_open_descriptors_count=9\n"
                     "9.500 i1/1 life started\n9.500 i1/1 life ready\n"
                     "9.500 i1/1 metrics go_sched_threads_count=3\n"
                     "20.000 i0/1 metrics go_sched_goroutines_count=52\n");
    assert_int_equal(rig.summary.left_out_count, 1);
    assert_string_equal(rig.summary.left_out[0], "go_gc_duration_seconds");
    rig_close(&rig);
}

static void mistakes_have_their_place(void **state)
{
    static const struct {
        const char *text, *errors;
    } rows[] = {
        {"{\"status\": \"success\",\n \"data\": }", "r.json:2:10: is no JSON: unexpected token near '}'\n"},
        {"{\"status\":\"error\",\"error\":\"query timed out\"}", "r.json: status: query timed out\n"},
        {"{\"a\":1}", "r.json: data: is no answer of /api/v1/query_range: no `resultType` and `result`\n"},
        {"{\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
         "r.json: data.resultType: is not matrix: ask /api/v1/query_range, not /api/v1/query\n"},
        {MATRIX(""), "r.json: data.result: is empty: the query found no series\n"},
        {MATRIX(SERIES("\"instance\":\"a\"", "[1,\"1\"]")),
         "r.json: data.result[0]: has no name: a function such as rate() drops it; ask for the metric itself\n"},
        {MATRIX(SERIES("\"__name__\":\"go_threads\"", "[1,2],[2,\"x\"],[-1,\"1\"],[3,\"4\"]")),
         "r.json: data.result[0].values[0]: is not [time, \"value\"]\n"
         "r.json: data.result[0].values[1]: a value that is no number\n"
         "r.json: data.result[0].values[2]: a time out of range: Unix seconds\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig rig;
        rig_open(&rig, NULL);
        assert_int_not_equal(rig_text(&rig, "r.json", rows[i].text), 0);
        rig_assert_errors(&rig, rows[i].errors);
        rig_close(&rig);
    }
}

static void two_series_of_one_instance_contradict(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, NULL);
    assert_int_equal(rig_text(&rig, "r.json",
                              MATRIX(SERIES("\"__name__\":\"go_threads\",\"job\":\"a\"", "[1,\"5\"]") ","
                                     SERIES("\"__name__\":\"go_threads\",\"job\":\"b\"", "[0,\"5\"],[1,\"6\"]"))),
                     0);
    assert_int_equal(ld_import_finish(rig.import, &rig.errors), LD_ESPEC);
    rig_assert_errors(&rig, "r.json: data.result[1].values[1]: go_sched_threads_count is 6 here and 5 at the same "
                            "instant in r.json, data.result[0].values[0]; what tells the two apart is no instance\n");
    rig_close(&rig);
}

int test_range(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(series_become_numbers),
                                       cmocka_unit_test(two_series_of_one_instance_contradict),
                                       cmocka_unit_test(mistakes_have_their_place)};
    return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
