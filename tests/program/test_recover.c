/* What is left when leakdrill and its guard are killed at once, and how it is undone; and what touches nothing. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "aftermath.h"
#include "base/hash.h"
#include "groups.h"
#include "in_lab.h"
#include "runner/process/identity.h"

#define FAULTS "  pause: [{at: 200ms, for: 60s, pause: {}}]\n  killed: [{at: 60s, kill: {who: target}}]\n"

static void execute(const char *database, const char *sql)
{
    char path[256], *why = NULL;
    sqlite3 *handle;
    snprintf(path, sizeof path, "%s/%s", lab.folder, database);
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(handle);
}

/* A campaign with a paused target, up to the moment in which the pause is durable. */
static void start_paused(struct running_program *running, const char *database)
{
    LAB_SCENARIO(&lab, "paused.yaml", "faults.yaml", "NAME", "paused", "BEHAVIOUR", "growing", "INSTANCES", "2",
                 "FAULTS", FAULTS, "wall: 2m", "wall: 3m");
    LAB_START(&lab, running, "run", "paused.yaml", "--jobs", "2", "--db", database, "--filter", "*/pause");
    program_await_err(running, "leakdrill:");
    lab_await_number(&lab, database, "SELECT count(*) FROM fault_intent", 1);
}

/* Both at the same instant, in the middle of a pause. */
static void cut_off(const char *database)
{
    struct running_program running;
    struct program_result result;
    start_paused(&running, database);
    pid_t guard = guard_of(running.pid);
    assert_true(guard > 0);
    int status = 0;
    kill(running.pid, SIGSTOP); /* so that it sees nothing of its guard's death */
    assert_int_equal(waitpid(running.pid, &status, WUNTRACED), running.pid);
    assert_true(WIFSTOPPED(status));
    kill(guard, SIGKILL);
    kill(running.pid, SIGKILL);
    program_finish(&running, &result);
    assert_int_equal(result.signal, SIGKILL);
    program_result_done(&result);
    assert_no_child_within(CHILDREN_GO_S);
}

static void recover(const char *database, int exit_code, const char *out)
{
    struct program_result result;
    LAB_RUN(&lab, &result, "recover", database);
    lab_check(&result, exit_code, out, NULL);
    program_result_done(&result);
}

/* What other campaigns of this machine left may be removed meanwhile: nothing is said of this one. */
static void recover_nothing(const char *database)
{
    struct program_result result;
    LAB_RUN(&lab, &result, "recover", database);
    lab_check(&result, 0, "0 left\n", NULL);
    if (strstr(result.out, database))
        fail_msg("there was something to recover: %s", result.out);
    program_result_done(&result);
}

static void a_cut_off_campaign_is_undone_once(void **state)
{
    struct program_result result;
    (void)state;
    cut_off("cut.db");
    LAB_RUN(&lab, &result, "recover", "cut.db", "--dry-run");
    lab_check(&result, 0, "cut.db: would remove the work folder ", NULL);
    lab_check(&result, 0, "cut.db: would mark 1 run that never ended, and 1 fault without a receipt", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "cut.db", "SELECT count(*) FROM fault_receipt", 0);
    LAB_RUN(&lab, &result, "recover", "cut.db");
    lab_check(&result, 0, "cut.db: removed the work folder ", NULL);
    lab_check(&result, 0, "cut.db: marked 1 run that never ended, and 1 fault without a receipt", NULL);
    lab_check(&result, 0, "\n0 left\n", NULL);
    program_result_done(&result);
    lab_assert_clean(&lab);
    lab_assert_database(&lab, "cut.db");
    lab_assert_number(&lab, "cut.db",
                      "SELECT count(*) FROM fault_intent LEFT JOIN fault_receipt USING (run, fault) WHERE "
                      "effective IS NOT 0",
                      0);
    lab_assert_number(&lab, "cut.db", "SELECT count(*) FROM note WHERE kind = 'recover'", 1);
    lab_assert_number(&lab, "cut.db", "SELECT count(*) FROM note WHERE kind = 'process'", 2);
    recover_nothing("cut.db");
    lab_assert_number(&lab, "cut.db", "SELECT count(*) FROM note WHERE kind = 'recover'", 1);
    /* What was observed until then is there to be judged. */
    LAB_RUN(&lab, &result, "replay", "--db", "cut.db");
    lab_check(&result, 0, "identical to the stored ones as far as it went: it never ended\n", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "cut.db", "--detector", "threshold: {warn: 2}");
    lab_check(&result, 0, " of threshold, which did not watch", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "cut.db", "77");
    lab_check(&result, 4, NULL, "the campaign has no run 77 that began");
    program_result_done(&result);
}

/* As a target that survived: nobody is its parent but us. */
static pid_t start_survivor(struct ld_identity *ret_identity)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody stopped */
        setsid();
        (void)!write(ready[1], "", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    kill(child, SIGSTOP); /* as the fault left it */
    assert_true(ld_identity_read(child, ret_identity));
    return child;
}

static void note_survivor(const char *database, const struct ld_identity *identity)
{
    char sql[256], text[64];
    snprintf(
        sql, sizeof sql,
        "INSERT INTO note (run, time_ns, kind, text) SELECT run, 1, 'process', '%s target survivor' FROM run WHERE "
        "started_wall_ns IS NOT NULL LIMIT 1",
        ld_identity_text(identity, text, sizeof text));
    execute(database, sql);
}

static bool lives(pid_t child)
{
    return waitpid(child, NULL, WNOHANG) == 0;
}

static void a_survivor_is_known_by_pid_and_start_time(void **state)
{
    struct ld_identity identity, other;
    (void)state;
    cut_off("alive.db");
    pid_t child = start_survivor(&identity);
    other = identity;
    other.start_ticks--; /* a process of that number, but not that process */
    note_survivor("alive.db", &other);
    recover("alive.db", 0, "0 left\n");
    assert_true(lives(child));
    note_survivor("alive.db", &identity);
    execute("alive.db",
            "CREATE TABLE boot AS SELECT value FROM fact WHERE name = 'recover.boot'; UPDATE fact SET value = "
            "'another' WHERE name = 'recover.boot'");
    recover_nothing("alive.db"); /* pids of another boot */
    assert_true(lives(child));
    execute("alive.db",
            "UPDATE fact SET value = (SELECT value FROM boot) WHERE name = 'recover.boot'; DROP TABLE boot");
    recover("alive.db", 0, ", target survivor\n");
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL);
    recover_nothing("alive.db");
}

static void a_campaign_that_goes_on_is_not_touched(void **state)
{
    struct running_program running;
    struct program_result result;
    (void)state;
    start_paused(&running, "on.db");
    recover("on.db", 4, "on.db: this campaign is still running");
    lab_assert_number(&lab, "on.db", "SELECT count(*) FROM note WHERE kind = 'recover'", 0);
    kill(running.pid, SIGTERM);
    program_finish(&running, &result);
    lab_check(&result, 143, NULL, NULL);
    program_result_done(&result);
    lab_assert_clean(&lab);
    recover_nothing("on.db");
}

/* ---- what is not to be touched */

/* Everything that SQLite keeps of a database, as one text: what is not there, or changed, shows. */
static void look_at_bytes(const char *database, char ret_hex[LD_HASH_HEX])
{
    static const char *const parts[] = {"", "-wal", "-shm", "-journal"};
    struct ld_hash hash;
    ld_hash_init(&hash);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char path[256], piece[4096];
        snprintf(path, sizeof path, "%s/%s%s", lab.folder, database, parts[i]);
        FILE *stream = fopen(path, "re");
        ld_hash_add_text(&hash, stream ? parts[i] : "missing");
        for (size_t n; stream && (n = fread(piece, 1, sizeof piece, stream)) > 0;)
            ld_hash_add(&hash, piece, n);
        if (stream)
            fclose(stream);
    }
    ld_hash_end(&hash, ret_hex);
}

static void recover_leaves(const char *database, const char *option, int exit_code, const char *out)
{
    char before[LD_HASH_HEX], after[LD_HASH_HEX];
    struct program_result result;
    look_at_bytes(database, before);
    LAB_RUN(&lab, &result, "recover", database, option);
    lab_check(&result, exit_code, out, NULL);
    program_result_done(&result);
    look_at_bytes(database, after);
    assert_string_equal(before, after);
}

static void a_dry_recover_changes_no_byte(void **state)
{
    (void)state;
    cut_off("dry.db");
    assert_true(lab_has(&lab, "dry.db-wal"));
    assert_true(lab_has(&lab, "dry.db-shm"));
    recover_leaves("dry.db", "--dry-run", 0, "dry.db: would mark 1 run that never ended, and 1 fault without a ");
    recover("dry.db", 0, "dry.db: marked 1 run");
    recover_leaves("dry.db", "--dry-run", 0, "\n0 left\n"); /* at rest, and read where it stands */
    lab_write(&lab, "no.db-wal", "");
    lab_write(&lab, "no.db", "this is no database, but long enough to look like one");
    struct program_result result;
    LAB_RUN(&lab, &result, "recover", "no.db", "--dry-run");
    lab_check(&result, 3, NULL, "no.db: is not a database");
    program_result_done(&result);
}

/* The lock on the work folder of a campaign whose process does not show, as in another PID namespace. */
static void a_locked_campaign_is_not_touched(void **state)
{
    (void)state;
    cut_off("locked.db");
    char *folder = lab_text(&lab, "locked.db", "SELECT value FROM fact WHERE name = 'recover.work_folder'");
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
    recover_leaves("locked.db", "--dry-run", 4, "locked.db: this campaign is still running (");
    recover("locked.db", 4, "locked.db: this campaign is still running (");
    lab_assert_number(&lab, "locked.db", "SELECT count(*) FROM note WHERE kind = 'recover'", 0);
    assert_int_equal(access(folder, F_OK), 0);
    close(lock);
    recover("locked.db", 0, "locked.db: removed the work folder ");
    assert_int_not_equal(access(folder, F_OK), 0);
    free(folder);
}

static sqlite3 *open_reader(const char *database)
{
    char path[256];
    sqlite3 *handle;
    snprintf(path, sizeof path, "%s/%s", lab.folder, database);
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "SELECT count(*) FROM run", NULL, NULL, NULL), SQLITE_OK);
    return handle;
}

/* Where neither process nor folder shows, its database does. Where the folder's lock is free, a reader is another. */
static void an_open_database_may_be_a_campaign(void **state)
{
    (void)state;
    cut_off("read.db");
    sqlite3 *handle = open_reader("read.db");
    recover("read.db", 0, "read.db: removed the work folder ");
    sqlite3_close(handle);
    cut_off("open.db");
    execute("open.db", "UPDATE fact SET value = '' WHERE name IN ('recover.work_folder', 'recover.group')");
    handle = open_reader("open.db");
    recover("open.db", 4, "open.db: another process has it open, so this campaign may still be running");
    sqlite3_close(handle);
    lab_assert_number(&lab, "open.db", "SELECT count(*) FROM note WHERE kind = 'recover'", 0);
    recover("open.db", 0, "open.db: marked 1 run");
}

/* `recover` as it is in a container beside: in a PID namespace of its own. false: there can be none here. */
static bool recover_in_namespace(const char *database, struct program_result *ret_result)
{
    static const char *const probe[] = {"-U", "-c", "-pf", "--mount-proc", "true", NULL};
    const char *const arguments[] = {"-U", "-c", "-pf", "--mount-proc", LEAKDRILL, "recover", database, NULL};
    bool root = geteuid() == 0; /* who needs no user namespace */
    struct running_program running;
    program_start(&running, PROGRAM_HANGS_S, "/usr/bin/unshare", lab.folder, lab.environment, probe + 2 * root);
    program_finish(&running, ret_result);
    bool possible = ret_result->exit_code == 0;
    program_result_done(ret_result);
    if (!possible)
        return false;
    program_start(&running, PROGRAM_HANGS_S, "/usr/bin/unshare", lab.folder, lab.environment, arguments + 2 * root);
    program_finish(&running, ret_result);
    return true;
}

static void a_campaign_is_seen_from_another_namespace(void **state)
{
    struct running_program running;
    struct program_result result;
    (void)state;
    start_paused(&running, "beside.db");
    bool possible = recover_in_namespace("beside.db", &result);
    if (possible) {
        lab_check(&result, 4, "beside.db: this campaign is still running (", NULL);
        program_result_done(&result);
        lab_assert_number(&lab, "beside.db", "SELECT count(*) FROM note WHERE kind = 'recover'", 0);
    }
    kill(running.pid, SIGTERM);
    program_finish(&running, &result);
    lab_check(&result, 143, NULL, NULL); /* it heard nothing of it */
    program_result_done(&result);
    if (!possible)
        skip_for("there are no PID namespaces here");
}

static void name_in_database(const char *database, const char *fact, const char *value)
{
    char sql[512];
    snprintf(sql, sizeof sql, "UPDATE fact SET value = '%s' WHERE name = 'recover.%s'", value, fact);
    execute(database, sql);
}

static void make_precious(char *ret_path, size_t room, const char *parent, const char *name)
{
    char path[256];
    snprintf(ret_path, room, "%s/%s", parent, name);
    assert_int_equal(mkdir(ret_path, 0700), 0);
    snprintf(path, sizeof path, "%s/1", ret_path); /* as a cgroup has them */
    assert_int_equal(mkdir(path, 0700), 0);
}

static void assert_precious(const char *path, bool remove)
{
    char inner[256];
    snprintf(inner, sizeof inner, "%s/1", path);
    if (access(inner, F_OK) != 0)
        fail_msg("%s was touched", path);
    if (remove) {
        assert_int_equal(rmdir(inner), 0);
        assert_int_equal(rmdir(path), 0);
    }
}

/* A database says what it likes. */
static void a_folder_that_is_not_ours_is_not_touched(void **state)
{
    char precious[128], beside[128], readable[128];
    struct ld_identity identity;
    (void)state;
    cut_off("named.db");
    recover("named.db", 0, "named.db: removed the work folder ");
    make_precious(precious, sizeof precious, lab.folder, "precious");
    make_precious(beside, sizeof beside, lab.folder, "leakdrill-work-aaaaaa"); /* our name, but not our place */
    make_precious(readable, sizeof readable, lab.scratch, "leakdrill-work-bbbbbb"); /* our name, but not our mode */
    assert_int_equal(chmod(readable, 0755), 0);
    const char *const folders[] = {precious, beside, readable};
    assert_int_equal(chdir(precious), 0);
    pid_t child = start_survivor(&identity); /* which works in it */
    for (size_t i = 0; i < 3; i++) {
        name_in_database("named.db", "work_folder", folders[i]);
        recover("named.db", 3, " is no work folder that leakdrill made for this user in ");
        assert_precious(folders[i], false);
    }
    assert_true(lives(child));
    execute("named.db", "UPDATE fact SET value = 'another' WHERE name = 'recover.boot'");
    name_in_database("named.db", "work_folder", precious);
    recover("named.db", 0, "named.db: it ran on another machine, or before this one was started: ");
    assert_true(lives(child));
    assert_int_equal(chdir("/"), 0);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (size_t i = 0; i < 3; i++)
        assert_precious(folders[i], true);
}

static void a_group_that_is_not_ours_is_not_touched(void **state)
{
    char precious[128], beside[128];
    (void)state;
    cut_off("group.db");
    recover("group.db", 0, "group.db: removed the work folder ");
    make_precious(precious, sizeof precious, lab.folder, "precious");
    make_precious(beside, sizeof beside, lab.folder, "leakdrill-aaaaaa"); /* our name, but no cgroup */
    const char *const groups[] = {precious, beside};
    for (size_t i = 0; i < 2; i++) {
        name_in_database("group.db", "group", groups[i]);
        recover("group.db", 3, " is no cgroup that leakdrill made for this user: it was not touched");
        assert_precious(groups[i], true);
    }
}

static void it_says_what_it_cannot_read(void **state)
{
    struct program_result result;
    (void)state;
    lab_write(&lab, "no.db", "this is no database, but long enough to look like one");
    LAB_RUN(&lab, &result, "recover", "no.db");
    lab_check(&result, 3, NULL, "no.db");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "recover", "missing.db");
    lab_check(&result, 3, NULL, "missing.db");
    program_result_done(&result);
}

/* With a TMPDIR that is not there a campaign fails before it starts its first process: so neither was tried. */
static void a_dry_run_touches_nothing(void **state)
{
    static const char *const nowhere[] = {"TMPDIR=/nonexistent/folder", NULL};
    static const char *const dry[] = {"run", "calm.yaml", "--dry-run", "--report", "reports", NULL};
    static const char *const wet[] = {"run", "calm.yaml", NULL};
    static const char *const plan[] = {"plan", "calm.yaml", NULL};
    struct program_result result, planned;
    (void)state;
    LAB_SCENARIO(&lab, "calm.yaml", "faults.yaml", "NAME", "calm", "BEHAVIOUR", "calm", "INSTANCES", "1", "FAULTS",
                 FAULTS, "wall: 2m", "wall: 3m");
    run_program(&result, PROGRAM_HANGS_S, lab.folder, nowhere, wet);
    lab_check(&result, 3, NULL, "cannot make the work folder");
    program_result_done(&result);
    run_program(&result, PROGRAM_HANGS_S, lab.folder, nowhere, dry);
    lab_check(&result, 0, "pause/0/pause for 1m", NULL);
    run_program(&planned, PROGRAM_HANGS_S, lab.folder, nowhere, plan);
    assert_string_equal(result.out, planned.out);
    program_result_done(&result);
    program_result_done(&planned);
    assert_false(lab_has(&lab, "reports"));
    lab_assert_clean(&lab);
}

static int prepare(void **state)
{
    open_lab(state);
    become_subreaper();
    return 0;
}

int test_recover(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB_OF(a_cut_off_campaign_is_undone_once, prepare, close_lab),
        IN_LAB_OF(a_survivor_is_known_by_pid_and_start_time, prepare, close_lab),
        IN_LAB_OF(a_campaign_that_goes_on_is_not_touched, prepare, close_lab),
        IN_LAB_OF(a_dry_recover_changes_no_byte, prepare, close_lab),
        IN_LAB_OF(a_locked_campaign_is_not_touched, prepare, close_lab),
        IN_LAB_OF(an_open_database_may_be_a_campaign, prepare, close_lab),
        IN_LAB_OF(a_campaign_is_seen_from_another_namespace, prepare, close_lab),
        IN_LAB_OF(a_folder_that_is_not_ours_is_not_touched, prepare, close_lab),
        IN_LAB_OF(a_group_that_is_not_ours_is_not_touched, prepare, close_lab),
        IN_LAB_OF(it_says_what_it_cannot_read, prepare, close_lab),
        IN_LAB_OF(a_dry_run_touches_nothing, prepare, close_lab),
    };
    return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
