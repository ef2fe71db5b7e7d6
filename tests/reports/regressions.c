/* What is worse than a baseline, for machines: no finding is left out, whatever its texts hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "reports/groups.h"
#include "reports/report.h"

static json_t *in_json(const struct ld_regressions *regressions, const char *baseline)
{
    struct ld_buffer out;
    json_error_t why;
    ld_buffer_init(&out, 1 << 16);
    assert_int_equal(ld_report_regressions_json(regressions, baseline, &out), 0);
    json_t *document = json_loads(ld_buffer_text(&out), 0, &why);
    if (!document)
        fail_msg("%s: %s", why.text, ld_buffer_text(&out));
    ld_buffer_done(&out);
    return document;
}

/* A site or an option that was cut in the middle of a character. */
static void broken_texts_are_told_all_the_same(void **state)
{
    struct ld_regression items[] = {
        {.kind = LD_REGRESSION_LOST,
         .worse = true,
         .cell = "a/leaky/none",
         .detector = "subject",
         .text = "at caf\xc3"},
        {.kind = LD_REGRESSION_GONE, .cell = "b\xff", .detector = "other", .text = "not in this campaign"}};
    const struct ld_regressions regressions = {.count = 2, .items = items, .compared = 1};
    (void)state;
    json_t *document = in_json(&regressions, "ma\xc3");
    const json_t *findings = json_object_get(document, "findings");
    assert_int_equal(json_array_size(findings), 2);
    assert_string_equal(json_string_value(json_object_get(document, "baseline")), "ma?");
    assert_string_equal(json_string_value(json_object_get(json_array_get(findings, 0), "text")), "at caf?");
    assert_string_equal(json_string_value(json_object_get(json_array_get(findings, 1), "cell")), "b?");
    json_decref(document);
}

int test_regressions_report(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_texts_are_told_all_the_same),
    };
    return cmocka_run_group_tests_name("regressions report", tests, NULL, NULL);
}
