#include "lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#define SMALL_FILE_MAX ((size_t)16 << 20)
#define AWAIT_S 120 /* for a row that never comes */

/* ---- the folder */

void lab_open(struct lab *lab)
{
    *lab = (struct lab){.folder = "/tmp/leakdrill-lab-XXXXXX"};
    assert_non_null(mkdtemp(lab->folder));
    lab->marker = strrchr(lab->folder, '/') + 1;
    snprintf(lab->scratch, sizeof lab->scratch, "%s/scratch", lab->folder);
    assert_int_equal(mkdir(lab->scratch, 0700), 0);
    snprintf(lab->temporary, sizeof lab->temporary, "TMPDIR=%s", lab->scratch);
    snprintf(lab->fixtures, sizeof lab->fixtures, "LEAKDRILL_FIXTURES_FILE=" BUILD_FOLDER "/fixtures/fixtures.json");
    lab->environment[0] = lab->temporary;
    lab->environment[1] = lab->fixtures;
}

bool lab_has_programs(void)
{
    return access(BUILD_FOLDER "/fixtures/fixtures.json", R_OK) == 0;
}

void lab_write(const struct lab *lab, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", lab->folder, name);
    FILE *stream = fopen(path, "we");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

void lab_fixtures(struct lab *lab, const char *json)
{
    lab_write(lab, "fixtures.json", json);
    snprintf(lab->fixtures, sizeof lab->fixtures, "LEAKDRILL_FIXTURES_FILE=%s/fixtures.json", lab->folder);
}

static char *read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct ld_buffer text;
    ld_buffer_init(&text, SMALL_FILE_MAX);
    char piece[65536];
    for (ssize_t n; (n = read(fd, piece, sizeof piece)) > 0;)
        assert_int_equal(ld_buffer_add(&text, piece, (size_t)n), 0);
    close(fd);
    char *bytes = malloc(text.length + 1);
    assert_non_null(bytes);
    memcpy(bytes, ld_buffer_text(&text), text.length + 1);
    ld_buffer_done(&text);
    return bytes;
}

char *lab_read(const struct lab *lab, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", lab->folder, name);
    return read_file(path);
}

bool lab_has(const struct lab *lab, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", lab->folder, name);
    return access(path, F_OK) == 0;
}

/* The text for the word that `text` begins with; NULL: none does. */
static const char *filled(const struct lab *lab, const char *text, const char *const *words, size_t *ret_length)
{
    const char *const own[] = {"MARKER", lab->marker, "PROGRAM", TARGETS_FOLDER "/service", NULL};
    const char *const *const lists[] = {words, own};
    for (size_t i = 0; i < 2; i++)
        for (const char *const *word = lists[i]; word[0]; word += 2)
            if (strncmp(text, word[0], strlen(word[0])) == 0) {
                *ret_length = strlen(word[0]);
                return word[1];
            }
    return NULL;
}

void lab_scenario(const struct lab *lab, const char *name, const char *template, const char *const *words)
{
    char path[512];
    struct ld_buffer out;
    snprintf(path, sizeof path, TEST_DATA "/program/%s", template);
    char *text = read_file(path);
    assert_non_null(text);
    ld_buffer_init(&out, SMALL_FILE_MAX);
    for (const char *cursor = text; *cursor;) {
        size_t length = 1;
        const char *by = filled(lab, cursor, words, &length);
        assert_int_equal(by ? ld_buffer_printf(&out, "%s", by) : ld_buffer_add(&out, cursor, 1), 0);
        cursor += length;
    }
    lab_write(lab, name, ld_buffer_text(&out));
    ld_buffer_done(&out);
    free(text);
}

/* ---- what is left */

/* Does the file (its first megabyte, NULs and all) or the link at /proc/PID/what speak of the lab? */
static bool speaks_of(const char *pid, const char *what, bool is_link, const char *marker)
{
    static char bytes[1 << 20];
    char path[64];
    ssize_t length;
    snprintf(path, sizeof path, "/proc/%.20s/%s", pid, what);
    if (is_link) {
        length = readlink(path, bytes, sizeof bytes);
    } else {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        length = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
        if (fd >= 0)
            close(fd);
    }
    return length > 0 && memmem(bytes, (size_t)length, marker, strlen(marker)) != NULL;
}

static bool belongs(const char *pid, const char *marker)
{
    return speaks_of(pid, "cmdline", false, marker) || speaks_of(pid, "environ", false, marker) ||
           speaks_of(pid, "cwd", true, marker) || speaks_of(pid, "exe", true, marker);
}

static void assert_no_process(const struct lab *lab)
{
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    for (struct dirent *entry; (entry = readdir(processes));) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !belongs(entry->d_name, lab->marker))
            continue;
        char path[64];
        snprintf(path, sizeof path, "/proc/%.20s/comm", entry->d_name);
        char *name = read_file(path);
        fail_msg("process %s is left: %s", entry->d_name, name ? name : "?");
    }
    closedir(processes);
}

void lab_assert_clean(const struct lab *lab)
{
    assert_no_process(lab);
    DIR *scratch = opendir(lab->scratch);
    assert_non_null(scratch);
    for (struct dirent *entry; (entry = readdir(scratch));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fail_msg("%s/%s is left", lab->scratch, entry->d_name);
    closedir(scratch);
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status;
    (void)flag;
    (void)walk;
    return remove(path);
}

void lab_close(struct lab *lab)
{
    lab_assert_clean(lab);
    assert_int_equal(nftw(lab->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- running */

void lab_run(const struct lab *lab, struct program_result *ret_result, const char *const *arguments)
{
    run_program(ret_result, PROGRAM_HANGS_S, lab->folder, lab->environment, arguments);
}

void lab_start(const struct lab *lab, struct running_program *ret_running, const char *const *arguments)
{
    program_start(ret_running, PROGRAM_HANGS_S, NULL, lab->folder, lab->environment, arguments);
}

void lab_run_program(const struct lab *lab, struct program_result *ret_result, const char *program,
                     const char *const *arguments)
{
    struct running_program running;
    program_start(&running, PROGRAM_HANGS_S, program, lab->folder, lab->environment, arguments);
    program_finish(&running, ret_result);
}

void lab_sh(const struct lab *lab, const char *commands)
{
    struct program_result result;
    LAB_RUN_PROGRAM(lab, &result, "/bin/sh", "-ec", commands);
    lab_check(&result, 0, NULL, NULL);
    program_result_done(&result);
}

/* cmocka cuts a message at a kilobyte: what was said goes before it. */
static void fail_with(const struct program_result *result, int exit_code, const char *out, const char *err)
{
    programs_show();
    fail_msg("exit code %d (signal %d%s), not %d; wanted on stdout: %s; wanted on stderr: %s", result->exit_code,
             result->signal, result->timed_out ? ", timed out" : "", exit_code, out ? out : "-", err ? err : "-");
}

void lab_check(const struct program_result *result, int exit_code, const char *out, const char *err)
{
    if (result->exit_code != exit_code || (out && !strstr(result->out, out)) || (err && !strstr(result->err, err)))
        fail_with(result, exit_code, out, err);
}

void lab_check_said(const struct program_result *result, const char *out, const char *err)
{
    int code = result->exit_code;
    lab_check(result, code == 1 || code == 3 || code == 5 ? code : 0, out, err);
}

/* ---- databases */

/* The first column of the first row, to be freed; NULL with what went wrong in `why`. */
static char *query(const char *path, const char *sql, char *why, size_t room)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    char *copy = NULL;
    if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(statement, 0);
        copy = strdup(text ? (const char *)text : "");
        assert_non_null(copy);
    }
    snprintf(why, room, "%s", sqlite3_errmsg(handle));
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return copy;
}

char *lab_text(const struct lab *lab, const char *database, const char *sql)
{
    char path[512], why[256];
    snprintf(path, sizeof path, "%s/%s", lab->folder, database);
    char *text = query(path, sql, why, sizeof why);
    if (!text)
        fail_msg("%s: %s: %s", path, sql, why);
    return text;
}

/* ---- what explains a failure */

#define ROWS_SHOWN 5
#define RUNS_SHOWN 20
#define VALUE_SHOWN 100

static void show_row(sqlite3_stmt *statement)
{
    const char *separator = "    ";
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        if (sqlite3_column_type(statement, i) == SQLITE_NULL)
            continue;
        fprintf(stderr, "%s%s ", separator, sqlite3_column_name(statement, i));
        if (sqlite3_column_type(statement, i) == SQLITE_BLOB)
            fprintf(stderr, "(%d bytes)", sqlite3_column_bytes(statement, i));
        else
            fprintf(stderr, "%.*s", VALUE_SHOWN, (const char *)sqlite3_column_text(statement, i));
        separator = ", ";
    }
    fprintf(stderr, "\n");
}

/* The first rows of a query, under a title; neither where there are none. */
static void show_rows(const struct lab *lab, const char *database, const char *title, const char *sql, int most)
{
    char path[512];
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    snprintf(path, sizeof path, "%s/%s", lab->folder, database);
    int rows = 0;
    if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK)
        while (rows < most && sqlite3_step(statement) == SQLITE_ROW) {
            if (rows++ == 0)
                fprintf(stderr, "---- %s: %s\n", database, title);
            show_row(statement);
        }
    if (rows == most)
        fprintf(stderr, "    (there may be more)\n");
    sqlite3_finalize(statement);
    sqlite3_close(handle);
}

void lab_show_runs(const struct lab *lab, const char *database)
{
    show_rows(
        lab, database, "runs that do not count",
        "SELECT run, name AS cell, validity, reason, lag_p99_ns, lag_max_ns FROM run JOIN cell USING (cell) WHERE "
        "validity IS NOT 'valid' AND started_wall_ns IS NOT NULL",
        RUNS_SHOWN);
}

/* The rows that were counted, of a query that counts them all. */
static void show_counted(const struct lab *lab, const char *database, const char *sql)
{
    static const char counting[] = "SELECT count(*) FROM ";
    if (strncmp(sql, counting, strlen(counting)) != 0)
        return;
    struct ld_buffer rows;
    ld_buffer_init(&rows, 1 << 16);
    if (ld_buffer_printf(&rows, "SELECT * FROM %s", sql + strlen(counting)) == 0)
        show_rows(lab, database, "the rows", ld_buffer_text(&rows), ROWS_SHOWN);
    ld_buffer_done(&rows);
}

/* ---- campaigns until there is evidence */

static unsigned given_up;

unsigned lab_given_up(void)
{
    return given_up;
}

static void remove_database(const struct lab *lab, const char *database)
{
    static const char *const endings[] = {".db", ".db-wal", ".db-shm", "-rerun.db"}; /* the last: of --against */
    int stem = (int)(strlen(database) - strlen(".db"));
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%.*s%s", lab->folder, stem, database, endings[i]);
        unlink(path);
    }
}

bool lab_run_until(const struct lab *lab, struct program_result *ret_result, const char *evidence, const char *database,
                   const char *program, const char *const *arguments)
{
    const char *words[64] = {NULL};
    size_t count = 0;
    for (; arguments[count]; count++)
        words[count] = arguments[count];
    assert_true(count + 3 <= sizeof words / sizeof *words);
    words[count] = "--db";
    words[count + 1] = database;
    for (int attempt = 1;; attempt++) {
        remove_database(lab, database);
        lab_run_program(lab, ret_result, program, words);
        if (!lab_has(lab, database)) {
            programs_show();
            fail_msg("there is no %s", database);
        }
        if (lab_number(lab, database, evidence) > 0)
            return true;
        print_message("%s: no evidence in attempt %d of %d\n", database, attempt, LAB_ATTEMPTS);
        if (lab_number(lab, database, "SELECT count(*) FROM run WHERE " LAB_DISTURBED) == 0) {
            programs_show();
            lab_show_runs(lab, database);
            fail_msg("%s: the machine disturbed nothing, and yet not: %s", database, evidence);
        }
        if (attempt == LAB_ATTEMPTS)
            break;
        program_result_done(ret_result);
    }
    program_result_done(ret_result);
    lab_show_runs(lab, database);
    print_message("skipped: %s: the machine is too busy, %d campaigns without evidence: %s\n", database, LAB_ATTEMPTS,
                  evidence);
    given_up++;
    return false;
}

void lab_check_judged(const struct lab *lab, const struct program_result *result, const char *database)
{
    bool undecided = result->exit_code == 5 || result->exit_code == 3;
    if (undecided && lab_has(lab, database) && lab_number(lab, database, LAB_UNDISTURBED) == 0)
        return;
    if (result->exit_code != 0 && lab_has(lab, database))
        lab_show_runs(lab, database);
    lab_check(result, 0, NULL, NULL);
}

/* ---- asking a database */

void lab_await_number(const struct lab *lab, const char *database, const char *sql, int64_t least)
{
    char path[512], why[256] = "";
    struct timespec now, pause = {.tv_nsec = 5000000};
    snprintf(path, sizeof path, "%s/%s", lab->folder, database);
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (time_t until = now.tv_sec + AWAIT_S; now.tv_sec < until; clock_gettime(CLOCK_MONOTONIC, &now)) {
        char *text = query(path, sql, why, sizeof why);
        bool enough = text && strtoll(text, NULL, 10) >= least;
        free(text);
        if (enough)
            return;
        nanosleep(&pause, NULL); /* between two looks, not for something to happen */
    }
    fail_msg("%s: %s: not %lld in %d s (%s)", path, sql, (long long)least, AWAIT_S, why);
}

int64_t lab_number(const struct lab *lab, const char *database, const char *sql)
{
    char *text = lab_text(lab, database, sql), *end;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end)
        fail_msg("%s: \"%s\" is not a number", sql, text);
    free(text);
    return number;
}

void lab_assert_number(const struct lab *lab, const char *database, const char *sql, int64_t expected)
{
    int64_t number = lab_number(lab, database, sql);
    if (number == expected)
        return;
    show_counted(lab, database, sql);
    lab_show_runs(lab, database);
    fail_msg("%s: %s: %lld, not %lld", database, sql, (long long)number, (long long)expected);
}

void lab_assert_text(const struct lab *lab, const char *database, const char *sql, const char *expected)
{
    char *text = lab_text(lab, database, sql);
    if (!strstr(text, expected)) {
        lab_show_runs(lab, database);
        fail_msg("%s: %s: \"%s\" does not hold \"%s\"", database, sql, text, expected);
    }
    free(text);
}

void lab_assert_database(const struct lab *lab, const char *database)
{
    char beside[128];
    static const char *const journals[] = {"-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof journals / sizeof *journals; i++) {
        snprintf(beside, sizeof beside, "%s%s", database, journals[i]);
        if (lab_has(lab, beside))
            fail_msg("%s is left", beside);
    }
    lab_assert_text(lab, database, "PRAGMA integrity_check", "ok");
    lab_assert_number(lab, database, "SELECT count(*) FROM pragma_foreign_key_check", 0);
}
