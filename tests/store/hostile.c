/* Files that were edited, cut or damaged: clear errors, never a crash. */
#include "sample.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "groups.h"

#define FLIPS 150

static int setup(void **state)
{
    (void)state;
    sample_folder();
    struct ld_store *store = sample_store(sample_path("a.db"));
    sample_write_run(store, 0, 40, 3);
    sample_write_run(store, 1, 5, 4);
    struct ld_error error = {0};
    assert_done(ld_store_close(store, &error), &error);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sample_clean();
    return 0;
}

static char *read_whole(const char *path, size_t *ret_length)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *ret_length = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*ret_length);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *ret_length, file), *ret_length);
    fclose(file);
    return bytes;
}

static void write_whole(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

/* Read everything; an error must say which file. */
static int try_file(const char *name, struct ld_error *error)
{
    char path[256];
    snprintf(path, sizeof path, "%s", sample_path(name));
    struct ld_store *store = NULL;
    memset(error, 0, sizeof *error);
    int code = ld_store_open(&store, path, false, error);
    if (code == 0)
        code = sample_read_all(store, error);
    ld_store_close(store, NULL);
    if (code && !strstr(error->message, name))
        fail_msg("%s: \"%s\" does not name the file", ld_code_name(code), error->message);
    return code;
}

/* What somebody may do to a file, and what we say then. */
static const struct edit {
    const char *sql, *says;
} edits[] = {
    {"UPDATE observation SET kind = 'gossip' WHERE sequence = 2 AND run = 0", "observation.kind: is a word"},
    {"UPDATE observation SET purpose = 'fun' WHERE kind = 'metrics'", "observation.purpose"},
    {"UPDATE observation SET points = 4611686018427387904 WHERE sequence = 1 AND run = 0",
     "should have 4611686018427387904 points"},
    {"UPDATE observation SET points = -1 WHERE sequence = 1 AND run = 0", "observation.points: is out of range"},
    {"UPDATE observation SET instance = 4294967296 WHERE sequence = 1 AND run = 0",
     "observation.instance: is out of range"},
    {"UPDATE observation SET body = NULL WHERE kind = 'profile'", "is a profile without a body"},
    {"UPDATE observation SET body = 999999 WHERE kind = 'profile'", "body 999999 is missing"},
    {"UPDATE observation SET expected = 2 WHERE kind = 'life'", "observation.expected: is out of range"},
    {"UPDATE body SET stored = zeroblob(length(stored))", "body"},
    {"UPDATE body SET length = 9223372036854775807", "body.length: is out of range"},
    {"UPDATE body SET length = length + 1", "has not the length"},
    {"UPDATE body SET encoding = 'rot13'", "unknown encoding rot13"},
    {"UPDATE body SET hash = hash || 'x'", "its hash differs"},
    {"UPDATE series SET count = count + 1", "a series is damaged"},
    {"UPDATE series SET count = 1000000000", "series.count: is out of range"},
    {"UPDATE series SET samples = '[[1,2'", "a series is damaged"},
    {"UPDATE series SET samples = '[[99999999999999999999999999,2]]', count = 1, ordinals = '[0]'",
     "a series is damaged"},
    {"UPDATE series SET samples = replace(samples, ',', ', ')", "a series is damaged"},
    {"UPDATE series SET ordinals = '[]'", "a series is damaged"},
    {"UPDATE series SET ordinals = '[4294967296]'", "a series is damaged"},
    {"UPDATE metric SET name = 'x' || name", "metric that this leakdrill does not know"},
    {"UPDATE truth_event SET seen_at = '{}'", "truth_event.seen_at"},
    {"UPDATE truth_event SET seen_at = '[1]'", "truth_event.seen_at"},
    {"UPDATE truth_event SET cause = 'fate'", "truth_event.cause"},
    {"UPDATE truth_interval SET ended_by = 'boredom'", "truth_interval.ended_by"},
    {"UPDATE alert SET detector = 'nobody'", "unknown detector nobody"},
    {"UPDATE alert SET severity = 'mauve'", "alert.severity"},
    {"UPDATE alert SET amount = NULL, amount_bits = NULL", "neither value nor bits"},
    {"UPDATE run SET validity = 'perhaps' WHERE run = 0", "run.validity"},
    {"UPDATE run SET repetition = -1", "run.repetition: is out of range"},
    {"UPDATE phase SET name = 'a' || char(0) || 'b'", "holds a NUL byte"},
    {"DELETE FROM campaign", "holds no campaign"},
    {"DROP TABLE point; CREATE TABLE point (run, sequence, ordinal, metric, value, bits); "
     "INSERT INTO point VALUES (0, 'one', 2, 3, 4, 5)",
     "point.sequence: is not an integer"},
    {"DROP TABLE observation; CREATE TABLE observation (run)", "cannot use its tables"},
    {"DROP TABLE incarnation; CREATE VIEW incarnation AS SELECT 0 AS run, NULL AS instance, x'00' AS incarnation, "
     "1.5 AS from_ns, 'x' AS to_ns",
     "incarnation.instance: is not an integer"},
};

static void edited_rows(void **state)
{
    (void)state;
    size_t length;
    char *bytes = read_whole(sample_path("a.db"), &length);
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        sqlite3 *db;
        char *message = NULL;
        struct ld_error error;
        write_whole(sample_path("b.db"), bytes, length);
        assert_int_equal(sqlite3_open(sample_path("b.db"), &db), SQLITE_OK);
        sqlite3_db_config(db, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, 1, NULL);
        if (sqlite3_exec(db, edits[i].sql, NULL, NULL, &message) != SQLITE_OK)
            fail_msg("%s: %s", edits[i].sql, message);
        sqlite3_close(db);
        int code = try_file("b.db", &error);
        if (code == 0 || !strstr(error.message, edits[i].says))
            fail_msg("%s: %s \"%s\" instead of \"%s\"", edits[i].sql, ld_code_name(code), error.message, edits[i].says);
    }
    free(bytes);
}

static void truncated_files(void **state)
{
    (void)state;
    size_t length;
    struct ld_error error;
    char *bytes = read_whole(sample_path("a.db"), &length);
    for (size_t keep = 1; keep < length; keep = keep * 3 / 2 + 1) {
        write_whole(sample_path("b.db"), bytes, keep);
        assert_int_not_equal(try_file("b.db", &error), 0);
    }
    free(bytes);
}

/* Whatever is flipped: it reads, or it says why not. The sanitizers watch. */
static void flipped_bytes(void **state)
{
    (void)state;
    size_t length;
    char *bytes = read_whole(sample_path("a.db"), &length);
    char *copy = malloc(length);
    struct ld_random random;
    struct ld_error error;
    int refused = 0;
    ld_random_init(&random, 7);
    for (int i = 0; i < FLIPS; i++) {
        memcpy(copy, bytes, length);
        uint64_t flips = 1 + ld_random_below(&random, i % 3 ? 4 : 200);
        for (uint64_t n = 0; n < flips; n++)
            copy[100 + ld_random_below(&random, length - 100)] = (char)ld_random_next(&random);
        write_whole(sample_path("b.db"), copy, length);
        refused += try_file("b.db", &error) != 0;
    }
    assert_in_range(refused, 1, FLIPS); /* some must have hit something */
    free(copy);
    free(bytes);
}

int test_hostile(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(edited_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(truncated_files, setup, teardown),
        cmocka_unit_test_setup_teardown(flipped_bytes, setup, teardown),
    };
    return cmocka_run_group_tests_name("store: hostile", tests, NULL, NULL);
}
