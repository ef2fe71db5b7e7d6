#include "base/error.h"

#include <errno.h>
#include <string.h>

#include "groups.h"

static void codes_have_names_texts_and_exits(void **state)
{
    (void)state;
    assert_string_equal(ld_code_name(LD_ENOMEM), "LD_ENOMEM");
    assert_string_equal(ld_code_text(LD_ENOTYET), "not implemented yet");
    assert_int_equal(ld_code_exit(0), 0);
    assert_int_equal(ld_code_exit(LD_EEXPECTATION), 1);
    assert_int_equal(ld_code_exit(LD_ESPEC), 2);
    assert_int_equal(ld_code_exit(LD_ENOTYET), 2);
    assert_int_equal(ld_code_exit(LD_ETARGET), 3);
    assert_int_equal(ld_code_exit(LD_EUSAGE), 4);
    assert_int_equal(ld_code_exit(LD_EINCONCLUSIVE), 5);
    assert_int_equal(ld_code_exit(LD_ECANCELLED), 130);
    assert_int_equal(ld_code_exit(-999), 3);
    assert_string_equal(ld_code_name(-999), "LD_E?");
}

static void fail_fills_and_clears(void **state)
{
    (void)state;
    struct ld_error error = {.code = 1, .line = 7, .column = 8, .file = "old", .path = "old"};
    assert_int_equal(ld_fail(&error, LD_EIO, "cannot %s %d", "read", 3), LD_EIO);
    assert_int_equal(error.code, LD_EIO);
    assert_string_equal(error.message, "cannot read 3");
    assert_int_equal(error.line, 0);
    assert_string_equal(error.file, "");
    assert_string_equal(error.path, "");
    assert_int_equal(ld_fail(NULL, LD_EIO, "nobody listens"), LD_EIO);
    assert_int_equal(ld_fail_errno(&error, LD_ESYSTEM, ENOENT, "open %s", "x"), LD_ESYSTEM);
    assert_string_equal(error.message, "open x: No such file or directory");
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    struct ld_error error;
    char text[2000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    ld_fail_errno(&error, LD_EIO, ENOENT, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
}

static void format_leaves_out_what_is_unset(void **state)
{
    (void)state;
    char buffer[1200];
    struct ld_error error;
    ld_fail(&error, LD_ESPEC, "wrong");
    assert_string_equal(ld_error_format(&error, buffer, sizeof buffer), "wrong");
    strcpy(error.file, "a.yaml");
    assert_string_equal(ld_error_format(&error, buffer, sizeof buffer), "a.yaml: wrong");
    error.line = 3;
    error.column = 9;
    strcpy(error.path, "target.limits");
    assert_string_equal(ld_error_format(&error, buffer, sizeof buffer), "a.yaml:3:9: target.limits: wrong");
    assert_string_equal(ld_error_format(&error, buffer, 9), "a.yaml:3");
    buffer[0] = 'x';
    ld_error_format(&error, buffer, 0);
    assert_int_equal(buffer[0], 'x');
}

static void errors_beyond_the_limit_are_counted(void **state)
{
    (void)state;
    struct ld_errors errors = {0};
    struct ld_error error;
    for (int i = 0; i < LD_ERRORS_MAX + 5; i++) {
        ld_fail(&error, LD_ESPEC, "error %d", i);
        ld_errors_add(&errors, &error);
    }
    assert_int_equal(errors.count, LD_ERRORS_MAX);
    assert_int_equal(errors.dropped, 5);
    assert_string_equal(errors.items[LD_ERRORS_MAX - 1].message, "error 99");
    ld_errors_done(&errors);
    assert_int_equal(errors.count, 0);
    assert_null(errors.items);
}

int test_error(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_names_texts_and_exits), cmocka_unit_test(fail_fills_and_clears),
        cmocka_unit_test(long_messages_are_cut),            cmocka_unit_test(format_leaves_out_what_is_unset),
        cmocka_unit_test(errors_beyond_the_limit_are_counted),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
