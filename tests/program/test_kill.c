/* SIGKILL at random instants of a campaign: nothing may be left but the database, and that must be whole.
 *
 * LEAKDRILL_TEST_KILLS=N: so many instants instead of 30 (program-kill-long: 300). LEAKDRILL_TEST_SEED=N: others. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "aftermath.h"
#include "base/random.h"
#include "groups.h"
#include "in_lab.h"
#include "store/store.h"

#define KILLS 30
#define JOBS 4          /* runs at a time */
#define RUNS 15         /* of the quick scenarios */
#define CAMPAIGN_MS 2300 /* about what they take */

enum victim { VICTIM_LEAKDRILL, VICTIM_GUARD, VICTIM_BOTH, VICTIMS };
static const char *const victim_names[] = {"leakdrill", "guard", "both"};

struct kill {
    unsigned number;
    enum victim victim;
    char database[32];
};

static char instant[128]; /* the last one, shown when a test fails */

static uint64_t setting(const char *name, uint64_t initial)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : initial;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Read what it says until the instant. */
static void read_until(struct running_program *running, int64_t until_ms)
{
    char piece[4096];
    for (int64_t left; running->err >= 0 && (left = until_ms - now_ms()) > 0;) {
        struct pollfd polls[] = {{.fd = running->err, .events = POLLIN}};
        if (poll(polls, 1, (int)left) <= 0)
            continue;
        ssize_t n = read(running->err, piece, sizeof piece);
        if (n > 0)
            assert_int_equal(ld_buffer_add(&running->err_text, piece, (size_t)n), 0);
        if (n == 0) {
            close(running->err);
            running->err = -1;
        }
    }
}

/* By the clock from the start, or a few milliseconds after so many runs ended. */
static void wait_for_instant(struct running_program *running, struct ld_random *random, struct kill *kill)
{
    if (ld_random_below(random, 2) == 0) {
        int64_t after = (int64_t)ld_random_below(random, CAMPAIGN_MS);
        snprintf(instant, sizeof instant, "kill %u of %s, %lld ms after the start", kill->number,
                 victim_names[kill->victim], (long long)after);
        read_until(running, now_ms() + after);
        return;
    }
    unsigned ended = (unsigned)ld_random_below(random, RUNS + 1);
    int64_t after = (int64_t)ld_random_below(random, 60);
    char text[32];
    if (ended)
        snprintf(text, sizeof text, "[%u/", ended);
    else
        snprintf(text, sizeof text, "leakdrill:");
    snprintf(instant, sizeof instant, "kill %u of %s, %lld ms after \"%s\"", kill->number,
             victim_names[kill->victim], (long long)after, text);
    program_await_err(running, text);
    read_until(running, now_ms() + after);
}

/* Every run that was said to have ended is in the database with all that belongs to it. */
static void assert_runs_whole(const char *database, const char *said)
{
    char sql[512];
    for (const char *line = said; (line = strstr(line, "] run ")); line++) {
        unsigned run = (unsigned)strtoul(line + strlen("] run "), NULL, 10);
        snprintf(sql, sizeof sql,
                 "SELECT validity IS NOT NULL AND ended_ns > 0 AND EXISTS (SELECT 1 FROM phase WHERE phase.run = r.run "
                 "AND name = 'done') AND NOT EXISTS (SELECT 1 FROM point WHERE point.run = r.run) AND (SELECT count(*) "
                 "= max(sequence) FROM observation WHERE observation.run = r.run) IS NOT 0 AND (SELECT count(*) FROM "
                 "detector WHERE detector.run = r.run) = 7 FROM run AS r WHERE run = %u",
                 run);
        if (lab_number(&lab, database, sql) != 1)
            fail_msg("%s: run %u was said to have ended and is not whole", database, run);
    }
}

static size_t count_texts(const char *said, const char *text)
{
    size_t times = 0;
    for (const char *at = said; (at = strstr(at, text)); at++)
        times++;
    return times;
}

/* Runs that were said to have ended. */
static size_t count_lines(const char *said)
{
    return count_texts(said, "] run ");
}

/* As any command of leakdrill opens it: what was begun when its writer died is taken back. */
static void open_store(const char *database)
{
    char path[160];
    struct ld_store *store;
    struct ld_error error;
    snprintf(path, sizeof path, "%s/%s", lab.folder, database);
    if (ld_store_open(&store, path, false, &error) == 0)
        ld_store_close(store, NULL);
}

static void assert_database(const char *database, const char *said)
{
    size_t lines = count_lines(said);
    if (!lab_has(&lab, database)) {
        assert_int_equal(lines, 0);
        return;
    }
    open_store(database);
    lab_assert_text(&lab, database, "PRAGMA integrity_check", "ok");
    if (lab_number(&lab, database, "SELECT count(*) FROM sqlite_schema WHERE name = 'run'") == 0) {
        assert_int_equal(lines, 0);
        return;
    }
    lab_assert_number(&lab, database, "SELECT count(*) FROM pragma_foreign_key_check", 0);
    int64_t ended = lab_number(&lab, database, "SELECT count(*) FROM run WHERE validity IS NOT NULL");
    if (ended < (int64_t)lines)
        fail_msg("%s: %lld runs ended, %zu were said to have", database, (long long)ended, lines);
    assert_runs_whole(database, said);
}

/* A fault's file system is mounted for its target alone; here it is never seen. */
static void assert_no_mount_left(void)
{
    char line[1024];
    FILE *mounts = fopen("/proc/self/mounts", "re");
    assert_non_null(mounts);
    while (fgets(line, sizeof line, mounts))
        if (strstr(line, lab.marker))
            fail_msg("a mount is left: %s", line);
    fclose(mounts);
}

/* Work folders that are left in TMPDIR. */
static size_t work_folders(void)
{
    char command[256];
    size_t count = 0;
    snprintf(command, sizeof command, "ls -A %s", lab.scratch);
    FILE *list = popen(command, "re");
    assert_non_null(list);
    for (int c; (c = getc(list)) != EOF;)
        count += c == '\n';
    assert_int_equal(pclose(list), 0);
    return count;
}

/* Whether there is a campaign in the database. */
static bool has_campaign(const char *database)
{
    return lab_has(&lab, database) &&
           lab_number(&lab, database, "SELECT count(*) FROM sqlite_schema WHERE name = 'campaign'") == 1 &&
           lab_number(&lab, database, "SELECT count(*) FROM campaign") == 1;
}

/* The cgroup of the campaign is gone. */
static void assert_no_group_left(const char *database)
{
    if (!has_campaign(database))
        return;
    char *group = lab_text(&lab, database, "SELECT value FROM fact WHERE name = 'recover.group'");
    if (group[0] && access(group, F_OK) == 0)
        fail_msg("the cgroup %s is left", group);
    free(group);
}

/* What nobody was there to undo. */
static void recover(const char *database)
{
    struct program_result result;
    if (has_campaign(database))
        LAB_RUN(&lab, &result, "recover", database);
    else
        LAB_RUN(&lab, &result, "recover");
    lab_check(&result, 0, "\n0 left\n", NULL);
    program_result_done(&result);
    assert_int_equal(work_folders(), 0);
    if (has_campaign(database))
        lab_assert_number(&lab, database, "SELECT count(*) FROM fault_intent LEFT JOIN fault_receipt AS r USING (run, "
                                          "fault) JOIN run USING (run) WHERE r.run IS NULL AND validity IS NULL", 0);
}

/* false: there was no guard to kill. */
static bool strike(const struct kill *kill_, pid_t pid, pid_t guard)
{
    if (kill_->victim != VICTIM_LEAKDRILL && guard == 0)
        return false;
    bool guard_first = kill_->number % 2;
    if (kill_->victim != VICTIM_LEAKDRILL && guard_first)
        kill(guard, SIGKILL);
    if (kill_->victim != VICTIM_GUARD)
        kill(pid, SIGKILL);
    if (kill_->victim != VICTIM_LEAKDRILL && !guard_first)
        kill(guard, SIGKILL);
    return true;
}

/* Returns whether somebody was killed while the campaign was under way. */
static bool kill_once(struct kill *kill, struct ld_random *random)
{
    static struct listeners before;
    struct running_program running;
    struct program_result result;
    char seed[16];
    snprintf(kill->database, sizeof kill->database, "kill-%u.db", kill->number);
    snprintf(seed, sizeof seed, "%u", kill->number + 1);
    listeners_look(&before);
    LAB_START(&lab, &running, "run", "recv.yaml", "body.yaml", "every.yaml", "--jobs", "4", "--db", kill->database,
              "--seed", seed);
    wait_for_instant(&running, random, kill);
    pid_t guard = guard_of(running.pid);
    bool struck = strike(kill, running.pid, guard);
    program_finish(&running, &result);
    assert_false(result.timed_out);
    assert_no_child_within(CHILDREN_GO_S);
    assert_no_listener_left(&before);
    assert_no_mount_left();
    assert_database(kill->database, result.err);
    /* Its own, when nobody was there to remove it; never one of those before. */
    size_t folders = work_folders();
    bool guarded = kill->victim == VICTIM_GUARD || (kill->victim == VICTIM_LEAKDRILL && guard);
    if (folders > !guarded)
        fail_msg("%zu work folders are left, %s a guard", folders, guard ? "with" : "without");
    if (!guarded)
        recover(kill->database);
    assert_no_group_left(kill->database);
    /* The guard may have done its work an instant before. */
    bool complete = count_lines(result.err) == RUNS;
    if (struck && kill->victim == VICTIM_GUARD && !(complete && result.signal == 0 && result.exit_code != 3)) {
        lab_check(&result, 3, NULL, "the guard process was killed");
        /* Those in hand were lost with it, and no other was begun. */
        size_t lost = count_texts(result.err, "harness: the guard process was killed") +
                      count_texts(result.err, "the process that guards it was killed") +
                      count_texts(result.err, "the guard process cannot be reached");
        if (lost > JOBS)
            lab_check(&result, 3, NULL, "at most 4 runs lost with the guard");
    }
    program_result_done(&result);
    instant[0] = '\0';
    return struck;
}

static void nothing_is_left_after_sigkill(void **state)
{
    struct ld_random random;
    uint64_t seed = setting("LEAKDRILL_TEST_SEED", 1);
    unsigned kills = (unsigned)setting("LEAKDRILL_TEST_KILLS", KILLS), struck[VICTIMS] = {0};
    struct program_result result;
    (void)state;
    ld_random_init(&random, seed);
    for (unsigned i = 0; i < kills; i++) {
        struct kill kill = {.number = i, .victim = (enum victim)(i % VICTIMS)};
        struct ld_random instants;
        ld_random_init(&instants, ld_random_next(&random));
        struck[kill.victim] += kill_once(&kill, &instants);
    }
    print_message("killed %u times leakdrill, %u times its guard, %u times both\n", struck[VICTIM_LEAKDRILL],
                  struck[VICTIM_GUARD], struck[VICTIM_BOTH]);
    for (int i = 0; i < VICTIMS; i++)
        if (struck[i] < kills / VICTIMS / 3)
            fail_msg("%s was killed only %u times", victim_names[i], struck[i]);
    LAB_RUN(&lab, &result, "run", "recv.yaml", "--db", "after.db");
    assert_int_equal(result.signal, 0);
    program_result_done(&result);
    lab_assert_clean(&lab);
}

static int show_instant(void **state)
{
    if (instant[0])
        print_message("the seed was %llu, the instant: %s\n",
                      (unsigned long long)setting("LEAKDRILL_TEST_SEED", 1), instant);
    return after_test(state);
}

static void make_folder(const char *name, const char *file)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", lab.scratch, name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/%s", lab.scratch, name, file);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static bool take_folder(const char *name, const char *file)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s", lab.scratch, name, file);
    bool there = unlink(path) == 0;
    snprintf(path, sizeof path, "%s/%s", lab.scratch, name);
    return rmdir(path) == 0 && there;
}

static void a_campaign_removes_the_folders_of_dead_ones_only(void **state)
{
    struct program_result result;
    char path[256];
    (void)state;
    make_folder("leakdrill-work-aaaaaa", "program"); /* as a double SIGKILL leaves it */
    make_folder("leakdrill-work-bbbbbb", "program"); /* of a campaign that goes on */
    make_folder("leakdrill-work-notes", "program");  /* somebody's */
    snprintf(path, sizeof path, "%s/leakdrill-work-bbbbbb", lab.scratch);
    int lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    LAB_RUN(&lab, &result, "run", "recv.yaml", "--db", "sweep.db", "--filter", "recv/healthy/none");
    assert_int_equal(result.signal, 0);
    program_result_done(&result);
    assert_false(take_folder("leakdrill-work-aaaaaa", "program"));
    assert_true(take_folder("leakdrill-work-bbbbbb", "program"));
    assert_true(take_folder("leakdrill-work-notes", "program"));
    close(lock);
    lab_assert_clean(&lab);
}

static int prepare(void **state)
{
    static const char *const nothing[] = {NULL};
    open_lab(state);
    become_subreaper();
    lab_scenario(&lab, "recv.yaml", "quick-recv.yaml", nothing);
    lab_scenario(&lab, "body.yaml", "quick-body.yaml", nothing);
    lab_scenario(&lab, "every.yaml", "quick-every.yaml", nothing);
    return 0;
}

int test_kill(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(a_campaign_removes_the_folders_of_dead_ones_only),
        IN_GROUP_TEARDOWN(nothing_is_left_after_sigkill, show_instant),
    };
    if (lacks_programs("kill"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("kill", tests, prepare, close_lab);
}
