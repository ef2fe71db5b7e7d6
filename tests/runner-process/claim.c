/* Which folders may be undone: only ours, and only when nobody lives in them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runner-process/claim.h"
#include "runner/process/claim.h"
#include "runner/process/group.h"

#define PATTERN "test-claim-XXXXXX"

static void names_are_those_of_mkdtemp(void **state)
{
    static const struct {
        const char *name;
        bool fits;
    } cases[] = {{"test-claim-aZ09bc", true},  {"test-claim-aZ09b", false},  {"test-claim-aZ09bcd", false},
                 {"test-claim-aZ_9bc", false}, {"best-claim-aZ09bc", false}, {"", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (ld_folder_name_fits(cases[i].name, PATTERN) != cases[i].fits)
            fail_msg("\"%s\" %s", cases[i].name, cases[i].fits ? "does not fit" : "fits");
}

static void only_ours_and_only_free(void **state)
{
    char path[] = "/tmp/" PATTERN, link[64];
    int lock = -1, other;
    (void)state;
    assert_non_null(mkdtemp(path));
    assert_int_equal(ld_folder_claim(path, "other-claim-XXXXXX", &lock), LD_CLAIM_NOT_OURS);
    assert_int_equal(lock, -1);
    assert_int_equal(chmod(path, 0750), 0);
    assert_int_equal(ld_folder_claim(path, PATTERN, &lock), LD_CLAIM_NOT_OURS);
    assert_int_equal(chmod(path, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
        assert_int_equal(ld_folder_claim(path, PATTERN, &lock), LD_CLAIM_NOT_OURS);
        assert_int_equal(chown(path, 0, (gid_t)-1), 0);
    }
    assert_int_equal(ld_folder_claim(path, PATTERN, &lock), LD_CLAIM_TAKEN);
    assert_int_equal(ld_folder_claim(path, PATTERN, &other), LD_CLAIM_HELD);
    close(lock);
    snprintf(link, sizeof link, "%s/test-claim-aaaaaa", path);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(ld_folder_claim(link, PATTERN, &lock), LD_CLAIM_NOT_OURS);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(ld_folder_claim(path, PATTERN, &lock), LD_CLAIM_GONE);
}

static void a_group_is_claimed_when_its_leakdrill_is_dead(void **state)
{
    struct ld_group group;
    char path[LD_GROUP_PATH_MAX], detour[LD_GROUP_PATH_MAX + 64];
    int lock = -1;
    (void)state;
    ld_group_make(&group);
    if (!group.path[0]) {
        print_message("no groups here: %s\n", group.why_not);
        skip();
    }
    snprintf(path, sizeof path, "%s", group.path);
    assert_int_equal(ld_group_claim(path, &lock), LD_CLAIM_HELD);
    close(group.lock); /* as when its leakdrill died */
    group.lock = -1;
    snprintf(detour, sizeof detour, "/tmp/../%s", path);
    assert_int_equal(ld_group_claim(detour, &lock), LD_CLAIM_NOT_OURS);
    assert_int_equal(ld_group_claim(path, &lock), LD_CLAIM_TAKEN);
    assert_true(ld_group_remove(path));
    close(lock);
    assert_int_equal(ld_group_claim(path, &lock), LD_CLAIM_GONE);
}

static void no_group_is_outside_of_the_mount_point(void **state)
{
    char path[] = "/tmp/leakdrill-XXXXXX";
    int lock = -1;
    (void)state;
    assert_non_null(mkdtemp(path));
    assert_int_equal(ld_group_claim(path, &lock), LD_CLAIM_NOT_OURS);
    assert_int_equal(rmdir(path), 0);
}

int test_claim(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_mkdtemp),
        cmocka_unit_test(only_ours_and_only_free),
        cmocka_unit_test(a_group_is_claimed_when_its_leakdrill_is_dead),
        cmocka_unit_test(no_group_is_outside_of_the_mount_point),
    };
    return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
