/* Times in texts and in the names of files, and what else such a name holds. */
#include "groups.h"
#include "import/import.h"
#include "pprof/support.h"

#define NOON INT64_C(1795249800000000000) /* 2026-11-21T08:30:00Z */

static void whole_texts(void **state)
{
    static const struct {
        const char *text;
        int64_t ns; /* -1: none */
    } rows[] = {
        {"2026-11-21T08:30:00Z", NOON},
        {"2026-11-21 08:30:00", NOON},
        {"2026-11-21T10:30:00+02:00", NOON},
        {"2026-11-21T03:30:00.25-05:00", NOON + 250000000},
        {"1795249800", NOON},
        {"1795249800.001", NOON + 1000000},
        {"1795249800123", NOON + 123000000},
        {"1795249800123456", NOON + 123456000},
        {"1795249800123456789", NOON + 123456789},
        {"0", 0},
        {"", -1},
        {"2026-11-21", -1},
        {"20261121", -1},
        {"20261321", INT64_C(20261321000000000)}, /* nor is this a date */
        {"2026-02-30T08:30:00Z", -1},
        {"2026-13-21T08:30:00Z", -1},
        {"2026-11-21T24:30:00Z", -1},
        {"2026-11-21T08:30:00Zulu", -1},
        {"-5", -1},
        {"1e9", -1},
        {"99999999999999999999", -1},
        {"9223372036854775807", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ns = -1;
        int code = ld_import_time_parse(rows[i].text, &ns);
        if (ns != rows[i].ns || (code != 0) != (rows[i].ns < 0))
            fail_msg("\"%s\": %lld, expected %lld (%d)", rows[i].text, (long long)ns, (long long)rows[i].ns, code);
    }
}

static void names_of_files(void **state)
{
    static const struct {
        const char *name;
        int code;
        int64_t ns;
        const char *instance, *word;
    } rows[] = {
        {"goroutine-20261121-083000.pb.gz", 0, NOON, "", "goroutine"},
        {"api-1-goroutine-20261121-083000.pb.gz", 0, NOON, "api-1", "goroutine"},
        {"20261121T083000Z-heap_api-7d9f.pb.gz", 0, NOON, "api-7d9f", "heap"},
        {"goroutine.debug2.2026-11-21_08-30-00.txt", 0, NOON, "", "goroutine"},
        {"goroutine_debug=2_1795249800.txt", 0, NOON, "", "goroutine"},
        {"shop.goroutines.1795249800123.txt", 0, NOON + 123000000, "shop", "goroutine"},
        {"2026-11-21T08:30:00.5+00:00.goroutineleak.txt", 0, NOON + 500000000, "", "goroutineleak"},
        {"20261121083000.pprof", 0, NOON, "", NULL},
        {"20261121-0830-mutex.gz", 0, NOON, "", "mutex"},
        {"a-20261121-083000-b-20261121-083000.pb", 0, NOON, "a-b-20261121-083000", NULL},
        {"a-20261121-083000-to-20261121-093000.pb", LD_ESPEC, 0, "", NULL},
        {"heap.001.pb.gz", LD_ENOENT, 0, "", "heap"},
        {"heap-20261121.pb.gz", LD_ENOENT, 0, "", "heap"},
        {"goroutine-1234567.pb.gz", LD_ENOENT, 0, "", "goroutine"},
        {"order-5551234567890-heap.pb.gz", LD_ENOENT, 0, "order-5551234567890", "heap"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ns = 0;
        size_t from = 0, to = 0;
        char instance[LD_IMPORT_NAME_MAX + 1];
        enum ld_profile_kind kind;
        int code = ld_import_time_of_name(rows[i].name, &ns, &from, &to);
        if (code != rows[i].code || (!code && ns != rows[i].ns))
            fail_msg("%s: %d, %lld", rows[i].name, code, (long long)ns);
        if (code == LD_ESPEC)
            continue;
        ld_import_instance_of_name(rows[i].name, from, to, instance, &kind);
        const char *word = kind == LD_PROFILE_KINDS ? NULL : ld_profile_kind_name(kind);
        if (strcmp(instance, rows[i].instance) != 0 || strcmp(word ? word : "", rows[i].word ? rows[i].word : "") != 0)
            fail_msg("%s: instance \"%s\", kind %s", rows[i].name, instance, word ? word : "none");
    }
}

/* Of two long names that differ at their end, neither becomes the other. */
static void a_name_is_not_cut(void **state)
{
    char name[256], instance[LD_IMPORT_NAME_MAX + 1];
    enum ld_profile_kind kind;
    (void)state;
    memset(name, 'a', 150);
    snprintf(name + 150, sizeof name - 150, "-%0*d-heap.pb", 48, 7);
    assert_int_equal(ld_import_instance_of_name(name, 0, 0, instance, &kind), 0);
    assert_int_equal(strlen(instance), LD_IMPORT_NAME_MAX - 1);
    snprintf(name + 150, sizeof name - 150, "-%0*d-heap.pb", 50, 7);
    assert_int_equal(ld_import_instance_of_name(name, 0, 0, instance, &kind), LD_ELIMIT);
}

int test_times(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole_texts), cmocka_unit_test(names_of_files),
                                       cmocka_unit_test(a_name_is_not_cut)};
    return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
