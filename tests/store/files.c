/* Creating, opening, versions, limits. */
#include "sample.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "groups.h"
#include "store/internal.h"

static int setup(void **state)
{
    (void)state;
    sample_folder();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sample_clean();
    return 0;
}

static void execute(const char *path, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void opens_clean(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_store *store = sample_store(sample_path("a.db"));
    assert_done(ld_store_close(store, &error), &error);
    assert_done(ld_store_close(NULL, &error), &error);
    assert_done(ld_store_open(&store, sample_path("a.db"), true, &error), &error);
    assert_done(ld_store_note(store, 0, 1, "a", "b", &error), &error);
    assert_done(ld_store_close(store, &error), &error);
    assert_done(ld_store_open(&store, sample_path("a.db"), false, &error), &error);
    assert_fails(ld_store_note(store, 0, 1, "a", "b", &error), LD_ESTORE, &error, "reading only", "a.db");
    assert_done(ld_store_close(store, &error), &error);
}

/* Byte 18 of the header is 2 in WAL mode, 1 without (sqlite.org/fileformat2.html, 1.3). */
static int write_version(const char *path)
{
    unsigned char header[20];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(header, 1, sizeof header, file), sizeof header);
    fclose(file);
    return header[18];
}

static void a_closed_file_is_one_file(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_store *store = sample_store(sample_path("a.db"));
    assert_int_equal(write_version(sample_path("a.db")), 2);
    assert_done(ld_store_close(store, &error), &error);
    assert_int_equal(write_version(sample_path("a.db")), 1);
    assert_done(ld_store_open(&store, sample_path("a.db"), false, &error), &error);
    assert_int_not_equal(access(sample_path("a.db-wal"), F_OK), 0);
    assert_int_not_equal(access(sample_path("a.db-shm"), F_OK), 0);
    assert_done(ld_store_close(store, &error), &error);
}

/* Its writer died in the middle of a change outside of the log: as when a file is begun or closed. */
static void reads_what_must_be_rolled_back(void **state)
{
    (void)state;
    struct ld_store *store;
    struct ld_error error;
    assert_done(ld_store_create(&store, sample_path("hot.db"), &error), &error);
    assert_done(ld_store_close(store, &error), &error);
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db;
        sqlite3_open(sample_path("hot.db"), &db);
        /* A cache of one page: what is changed reaches the file before the end, and the journal
         * the disk before that. */
        sqlite3_exec(db,
                     "PRAGMA cache_size=1; BEGIN; CREATE TABLE half (text); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                     "SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO half SELECT hex(randomblob(200)) FROM n",
                     NULL, NULL, NULL);
        _exit(access(sample_path("hot.db-journal"), F_OK) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_done(ld_store_open(&store, sample_path("hot.db"), false, &error), &error);
    int64_t tables = -1;
    assert_done(ld_store_number(store, &error, &tables, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'", ""),
                &error);
    assert_int_equal(tables, 0);
    assert_done(ld_store_close(store, &error), &error);
}

/* A child leaves `path` as a writer that is killed does: with a log that holds all there is. */
static void leave_log(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db;
        sqlite3_open(path, &db);
        sqlite3_exec(db, "PRAGMA journal_mode=WAL; CREATE TABLE logged (text)", NULL, NULL, NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static off_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : -1;
}

static void remove_copy(const char *of)
{
    static const char *const parts[] = {"copy.db", "copy.db-wal", "copy.db-shm"};
    char path[300];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(path, sizeof path, "%s/%s", of, parts[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(of), 0);
}

static void reads_without_touching(void **state)
{
    (void)state;
    struct ld_store *store;
    struct ld_error error;
    int64_t tables = -1;
    assert_done(ld_store_create(&store, sample_path("log.db"), &error), &error);
    assert_done(ld_store_close(store, &error), &error);
    leave_log(sample_path("log.db"));
    assert_int_equal(symlink("log.db", sample_path("link.db")), 0);
    off_t before = size_of(sample_path("log.db-wal"));
    assert_true(before > 0);
    assert_int_equal(unlink(sample_path("log.db-shm")), 0);
    static const char *const names[] = {"log.db", "link.db"};
    char folder[256];
    snprintf(folder, sizeof folder, "%s", sample_path("copies"));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(mkdir(folder, 0700), 0);
        assert_done(ld_store_open_untouched(&store, sample_path(names[i]), folder, &error), &error);
        assert_done(ld_store_number(store, &error, &tables,
                                    "SELECT count(*) FROM sqlite_schema WHERE name = 'logged'", ""),
                    &error);
        assert_int_equal(tables, 1);
        assert_done(ld_store_close(store, &error), &error);
        assert_int_equal(size_of(sample_path("log.db-wal")), before);
        assert_int_equal(size_of(sample_path("log.db-shm")), -1);
        remove_copy(folder);
    }
    assert_fails(ld_store_open_untouched(&store, sample_path("log.db"), folder, &error), LD_ESTORE, &error,
                 "cannot copy it", "log.db");
    assert_fails(ld_store_open_untouched(&store, sample_path("none.db"), folder, &error), LD_ESTORE, &error,
                 "cannot open", "none.db");
}

static void tells_whether_another_has_it_open(void **state)
{
    (void)state;
    struct ld_store *store;
    struct ld_error error;
    int ready[2], done[2];
    char byte;
    assert_done(ld_store_create(&store, sample_path("used.db"), &error), &error);
    assert_done(ld_store_close(store, &error), &error);
    assert_false(ld_store_in_use(sample_path("used.db")));
    assert_false(ld_store_in_use(sample_path("none.db")));
    assert_int_equal(pipe(ready) + pipe(done), 0);
    pid_t child = fork();
    if (child == 0) {
        close(done[1]);
        int code = ld_store_open(&store, sample_path("used.db"), true, &error);
        (void)!write(ready[1], "", 1);
        (void)!read(done[0], &byte, 1); /* ends with the parent, too */
        _exit(code != 0);
    }
    close(done[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_true(ld_store_in_use(sample_path("used.db")));
    close(done[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(ld_store_in_use(sample_path("used.db")));
    close(ready[0]);
    close(ready[1]);
}

static void refuses_what_exists(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_store *store;
    ld_store_close(sample_store(sample_path("a.db")), NULL);
    assert_fails(ld_store_create(&store, sample_path("a.db"), &error), LD_EUSAGE, &error, "exists; ", "a.db");
    write_file(sample_path("text"), "this is a letter to my grandmother, which is longer than a header of SQLite is: "
                                    "one hundred bytes, and some more for good measure, dear grandmother");
    assert_fails(ld_store_create(&store, sample_path("text"), &error), LD_ESTORE, &error, "is not a database", "text");
    write_file(sample_path("empty"), "");
    assert_done(ld_store_create(&store, sample_path("empty"), &error), &error);
    assert_done(ld_store_close(store, &error), &error);
}

static void refuses_what_is_no_store(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_store *store;
    assert_fails(ld_store_open(&store, sample_path("none.db"), false, &error), LD_ESTORE, &error, "No such file",
                 "none.db");
    assert_fails(ld_store_create(&store, sample_path("no/folder.db"), &error), LD_ESTORE, &error, "cannot open",
                 "no/folder.db");
    assert_fails(ld_store_create(&store, "/proc/leakdrill.db", &error), LD_ESTORE, &error, "cannot",
                 "/proc/leakdrill.db");
    write_file(sample_path("empty"), "");
    assert_fails(ld_store_open(&store, sample_path("empty"), false, &error), LD_ESTORE, &error, "not a store", "empty");
    execute(sample_path("other.db"), "PRAGMA application_id=7; CREATE TABLE t (a)");
    assert_fails(ld_store_open(&store, sample_path("other.db"), false, &error), LD_ESTORE, &error, "not a store",
                 "other.db");
}

static void refuses_the_future(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_store *store;
    ld_store_close(sample_store(sample_path("a.db")), NULL);
    execute(sample_path("a.db"), "PRAGMA user_version=3");
    assert_fails(ld_store_open(&store, sample_path("a.db"), false, &error), LD_ESTORE, &error,
                 "newer leakdrill (version 3, this one knows up to 2)", "a.db");
    assert_fails(ld_store_open(&store, sample_path("a.db"), true, &error), LD_ESTORE, &error, "newer", NULL);
    execute(sample_path("a.db"), "PRAGMA user_version=0");
    assert_fails(ld_store_open(&store, sample_path("a.db"), true, &error), LD_ESTORE, &error, "has no version", NULL);
}

/* Version 1 had no arms. Such a file is read as it is, and brought to this version by whoever writes to it. */
static void brings_version_1_here(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_store *store = sample_store(sample_path("a.db"));
    int64_t value = 0;
    assert_done(sample_read_all(store, &error), &error);
    assert_done(ld_store_close(store, &error), &error);
    execute(sample_path("a.db"), "ALTER TABLE cell DROP COLUMN arm; PRAGMA user_version=1");
    assert_done(ld_store_open(&store, sample_path("a.db"), false, &error), &error);
    assert_done(sample_read_all(store, &error), &error);
    assert_done(ld_store_number(store, &error, &value, "PRAGMA user_version", ""), &error);
    assert_int_equal(value, 1);
    assert_done(ld_store_close(store, &error), &error);
    for (int i = 0; i < 2; i++) { /* migrated once */
        assert_done(ld_store_open(&store, sample_path("a.db"), true, &error), &error);
        assert_done(ld_store_number(store, &error, &value, "PRAGMA user_version", ""), &error);
        assert_int_equal(value, LD_STORE_VERSION);
        assert_done(ld_store_number(store, &error, &value, "SELECT count(*) FROM cell WHERE arm <> ''", ""), &error);
        assert_int_equal(value, 0);
        assert_done(sample_read_all(store, &error), &error);
        assert_done(ld_store_close(store, &error), &error);
    }
}

static void migrates_by_steps(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_store *store = sample_store(sample_path("a.db"));
    const struct ld_migration steps[] = {
        {2, 3, "CREATE TABLE third (a INTEGER) STRICT; INSERT INTO third SELECT b FROM second"},
        {1, 2, "CREATE TABLE second (b INTEGER) STRICT; INSERT INTO second VALUES (7)"},
        {5, 6, "THIS IS NO SQL"},
    };
    int64_t value = 0;
    assert_done(ld_store_group(store, &error), &error);
    assert_done(ld_store_migrate(store, steps, 3, 1, 3, &error), &error);
    assert_done(ld_store_number(store, &error, &value, "SELECT a FROM third", ""), &error);
    assert_int_equal(value, 7);
    assert_done(ld_store_number(store, &error, &value, "PRAGMA user_version", ""), &error);
    assert_int_equal(value, 3);
    assert_fails(ld_store_migrate(store, steps, 3, 3, 4, &error), LD_ESTORE, &error, "nothing leads from there to 4",
                 NULL);
    assert_fails(ld_store_migrate(store, steps, 3, 5, 6, &error), LD_ESTORE, &error, "syntax error", "a.db");
    assert_fails(ld_store_close(store, &error), LD_ESTORE, &error, "syntax error", NULL); /* sticky: rolled back */
    assert_done(ld_store_open(&store, sample_path("a.db"), false, &error), &error);       /* still as it was */
    assert_done(ld_store_close(store, &error), &error);
}

/* A full disk: a clear message with the path, no crash, and what was finished stays. */
static void full_disk(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_store *store = sample_store(sample_path("full.db"));
    sample_write_run(store, 0, 30, 1);
    assert_done(ld_store_limit(store, 700000, &error), &error);
    int code = 0;
    static char text[10000];
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 1000 && code == 0; i++)
        code = ld_store_note(store, 1, i, "fill", text, &error);
    assert_fails(code, LD_ESTORE, &error, "the disk is full", "full.db");
    memset(&error, 0, sizeof error);
    assert_fails(ld_store_run_begin(store, 1, 5, &error), LD_ESTORE, &error, "the disk is full", "full.db");
    assert_fails(ld_store_commit(store, true, &error), LD_ESTORE, &error, "the disk is full", "full.db");
    assert_done(sample_read_all(store, &error), &error);
    assert_fails(ld_store_close(store, &error), LD_ESTORE, &error, "the disk is full", "full.db");
    assert_done(ld_store_open(&store, sample_path("full.db"), false, &error), &error);
    assert_done(sample_read_all(store, &error), &error);
    assert_done(ld_store_close(store, &error), &error);
}

/* The system itself refuses to let the file grow. */
static void file_size_limit(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct ld_error error = {0};
        struct ld_store *store = NULL;
        struct rlimit limit = {400000, 400000};
        signal(SIGXFSZ, SIG_IGN);
        if (ld_store_create(&store, sample_path("small.db"), &error) || setrlimit(RLIMIT_FSIZE, &limit))
            _exit(1);
        static char text[10000];
        memset(text, 'x', sizeof text - 1);
        int code = 0;
        for (int i = 0; i < 1000 && code == 0; i++) {
            code = ld_store_note(store, 1, i, "fill", text, &error);
            if (code == 0)
                code = ld_store_commit(store, false, &error);
        }
        int failed_well = code == LD_ESTORE && strstr(error.message, "small.db");
        ld_store_close(store, NULL);
        _exit(failed_well ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Many processes create one path at once: one wins, the others are told. */
static void one_creator(void **state)
{
    (void)state;
    enum { CREATORS = 6 };
    int gate[2], wins = 0, refused = 0;
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < CREATORS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            char byte;
            struct ld_error error = {0};
            struct ld_store *store = NULL;
            close(gate[1]);
            if (read(gate[0], &byte, 1) != 0) /* ends for all at once */
                _exit(3);
            int code = ld_store_create(&store, sample_path("race.db"), &error);
            if (code && (code != LD_EUSAGE || !strstr(error.message, "exists; ")))
                fprintf(stderr, "%s\n", error.message);
            bool told = code == LD_EUSAGE && strstr(error.message, "exists; ");
            ld_store_close(store, NULL);
            _exit(code == 0 ? 10 : told ? 11 : 12);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < CREATORS; i++) {
        int status;
        assert_true(wait(&status) > 0);
        wins += WIFEXITED(status) && WEXITSTATUS(status) == 10;
        refused += WIFEXITED(status) && WEXITSTATUS(status) == 11;
    }
    assert_int_equal(wins, 1);
    assert_int_equal(refused, CREATORS - 1);
}

int test_files(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_clean, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_without_touching, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_whether_another_has_it_open, setup, teardown),
        cmocka_unit_test_setup_teardown(a_closed_file_is_one_file, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_what_must_be_rolled_back, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_exists, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_store, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_the_future, setup, teardown),
        cmocka_unit_test_setup_teardown(brings_version_1_here, setup, teardown),
        cmocka_unit_test_setup_teardown(migrates_by_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(file_size_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(one_creator, setup, teardown),
    };
    return cmocka_run_group_tests_name("store: files", tests, NULL, NULL);
}
