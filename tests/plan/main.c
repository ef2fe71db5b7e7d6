#include "groups.h"

#include <string.h>

struct ld_scenario *test_scenario(const char *text)
{
    char line[1024];
    struct ld_errors errors = {0};
    struct ld_scenario *scenario = NULL;
    if (ld_scenario_parse(&scenario, "test.yaml", text, strlen(text), NULL, &errors) != 0)
        fail_msg("%s", errors.count ? ld_error_format(&errors.items[0], line, sizeof line) : "refused");
    ld_errors_done(&errors);
    return scenario;
}

struct ld_plan *test_plan(const struct ld_scenario *scenario, const struct ld_plan_setting *setting)
{
    struct ld_error error = {0};
    struct ld_plan *plan = NULL;
    if (ld_plan_make(&plan, &scenario, 1, setting, &error) != 0)
        fail_msg("%s", error.message);
    return plan;
}

int main(void)
{
    int failed = test_make();
    failed += test_select();
    failed += test_text();
    failed += test_json();
    failed += test_arms();
    failed += test_sequential();
    return failed != 0;
}
