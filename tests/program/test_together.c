/* A campaign that is not alone: another one beside it, and a disk that is full. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "aftermath.h"
#include "groups.h"
#include "in_lab.h"

/* What "Database: PATH" on stdout says. */
static void database_of(const struct program_result *result, char *ret_path, size_t room)
{
    const char *line = strstr(result->out, "Database: ");
    assert_non_null(line);
    line += strlen("Database: ");
    snprintf(ret_path, room, "%.*s", (int)strcspn(line, "\n"), line);
}

static void assert_campaign_whole(const char *database, int64_t runs)
{
    lab_assert_text(&lab, database, "PRAGMA integrity_check", "ok");
    lab_assert_number(&lab, database, "SELECT count(*) FROM run WHERE validity IS NOT NULL", runs);
    lab_assert_number(&lab, database, "SELECT count(*) FROM run", runs);
    lab_assert_number(&lab, database, "SELECT count(*) FROM campaign WHERE verdict IS NOT NULL", 1);
    lab_assert_number(&lab, database, "SELECT sum(left_processes) FROM run", 0);
}

static void two_campaigns_in_one_folder(void **state)
{
    struct running_program running[2];
    struct program_result results[2];
    char databases[2][128];
    (void)state;
    LAB_START(&lab, &running[0], "run", "recv.yaml", "--jobs", "2");
    LAB_START(&lab, &running[1], "run", "body.yaml", "--jobs", "2");
    for (int i = 0; i < 2; i++) {
        program_finish(&running[i], &results[i]);
        database_of(&results[i], databases[i], sizeof databases[i]);
        lab_check_judged(&lab, &results[i], databases[i]); /* on a small machine they may void each other's runs */
        program_result_done(&results[i]);
    }
    assert_string_not_equal(databases[0], databases[1]);
    for (int i = 0; i < 2; i++)
        assert_campaign_whole(databases[i], 6);
    lab_assert_number(&lab, databases[0], "SELECT count(*) FROM scenario WHERE name = 'recv'", 1);
    lab_assert_number(&lab, databases[1], "SELECT count(*) FROM scenario WHERE name = 'body'", 1);
    assert_no_child_within(CHILDREN_GO_S);
    lab_assert_clean(&lab);
}

/* ---- a disk of so many kilobytes at the folder `disk`; false: this machine does not let us */

static bool mount_disk(unsigned kilobytes)
{
    char path[256], size[32];
    snprintf(path, sizeof path, "%s/disk", lab.folder);
    snprintf(size, sizeof size, "size=%uk", kilobytes);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, size) == 0)
        return true;
    print_message("cannot mount a small disk: %s\n", strerror(errno));
    return false;
}

/* As somebody who reads what the error says would do: without room SQLite cannot read either. */
static void make_room(void)
{
    char path[256];
    snprintf(path, sizeof path, "%s/disk", lab.folder);
    assert_int_equal(mount("tmpfs", path, "tmpfs", MS_REMOUNT | MS_NOSUID | MS_NODEV, "size=64m"), 0);
}

static int unmount_disk(void **state)
{
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s/disk", lab.folder);
    umount2(path, MNT_DETACH);
    return rmdir(path) == 0 || errno == ENOENT ? 0 : -1;
}

static int clean_up_disk(void **state)
{
    after_test(state);
    return unmount_disk(state);
}

static size_t count(const char *text, const char *word)
{
    size_t times = 0;
    for (const char *at = text; (at = strstr(at, word)); at++)
        times++;
    return times;
}

static void a_full_disk_below_the_database(void **state)
{
    /* From one that holds nothing to one that holds about half of the campaign. */
    static const unsigned sizes[] = {16, 256, 2000};
    int64_t most = 0;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct program_result result;
        if (!mount_disk(sizes[i]))
            skip_for("a small disk cannot be mounted");
        LAB_RUN(&lab, &result, "run", "recv.yaml", "body.yaml", "--jobs", "3", "--db", "disk/full.db", "--runs", "4");
        lab_check(&result, 3, NULL, "disk/full.db");
        lab_check(&result, 3, NULL, "full");
        assert_no_child_within(CHILDREN_GO_S);
        lab_assert_clean(&lab);
        make_room();
        if (lab_has(&lab, "disk/full.db") &&
            lab_number(&lab, "disk/full.db", "SELECT count(*) FROM sqlite_schema WHERE name = 'run'")) {
            lab_assert_text(&lab, "disk/full.db", "PRAGMA integrity_check", "ok");
            int64_t ended = lab_number(&lab, "disk/full.db", "SELECT count(*) FROM run WHERE validity IS NOT NULL");
            size_t whole = count(result.err, " alert");
            if (ended < (int64_t)whole)
                fail_msg("%lld runs ended, %zu were said to have:\n%s", (long long)ended, whole, result.err);
            most = ended > most ? ended : most;
            /* What it says about what is there is true. */
            char said[64];
            snprintf(said, sizeof said, "%lld finished runs are in disk/full.db", (long long)ended);
            if (strstr(result.err, "finished runs are in") && !strstr(result.err, said))
                lab_check(&result, 3, NULL, said);
        }
        program_result_done(&result);
        assert_int_equal(unmount_disk(state), 0);
    }
    assert_true(most > 0); /* or it never filled while runs were under way */
}

static void a_full_disk_for_the_work_folder(void **state)
{
    struct program_result result;
    struct lab elsewhere = lab;
    (void)state;
    if (!mount_disk(64)) /* the programs do not fit */
        skip_for("a small disk cannot be mounted");
    snprintf(elsewhere.temporary, sizeof elsewhere.temporary, "TMPDIR=%s/disk", lab.folder);
    elsewhere.environment[0] = elsewhere.temporary;
    elsewhere.environment[1] = elsewhere.fixtures;
    LAB_RUN(&elsewhere, &result, "run", "recv.yaml", "--db", "work.db", "--filter", "recv/leaky/*");
    lab_check(&result, 3, NULL, "/disk/leakdrill-work-");
    lab_check(&result, 3, NULL, "No space left on device");
    program_result_done(&result);
    assert_no_child_within(CHILDREN_GO_S);
    lab_assert_text(&lab, "work.db", "PRAGMA integrity_check", "ok");
    assert_int_equal(unmount_disk(state), 0); /* rmdir: nothing was left on it */
}

static void a_work_folder_that_cannot_be_made(void **state)
{
    struct program_result result;
    struct lab elsewhere = lab;
    (void)state;
    snprintf(elsewhere.temporary, sizeof elsewhere.temporary, "TMPDIR=%s/missing", lab.folder);
    elsewhere.environment[0] = elsewhere.temporary;
    elsewhere.environment[1] = elsewhere.fixtures;
    LAB_RUN(&elsewhere, &result, "run", "recv.yaml", "--db", "missing.db");
    lab_check(&result, 3, NULL, "/missing/leakdrill-work-");
    program_result_done(&result);
    assert_no_child_within(CHILDREN_GO_S);
}

static int prepare(void **state)
{
    static const char *const nothing[] = {NULL};
    open_lab(state);
    become_subreaper();
    lab_scenario(&lab, "recv.yaml", "quick-recv.yaml", nothing);
    lab_scenario(&lab, "body.yaml", "quick-body.yaml", nothing);
    return 0;
}

int test_together(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(two_campaigns_in_one_folder),
        IN_GROUP_TEARDOWN(a_full_disk_below_the_database, clean_up_disk),
        IN_GROUP_TEARDOWN(a_full_disk_for_the_work_folder, clean_up_disk),
        IN_GROUP(a_work_folder_that_cannot_be_made),
    };
    if (lacks_programs("together"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("together", tests, prepare, close_lab);
}
