/* The writer's thread: order, durability, bounded queue, sticky errors, copies, and SIGKILL. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "groups.h"
#include "runner/run/writer.h"

#define RUNS 40

static char folder[128], path[160];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/leakdrill-writer-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/w.db", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char log[180];
    unlink(path);
    snprintf(log, sizeof log, "%s-wal", path);
    unlink(log);
    snprintf(log, sizeof log, "%s-shm", path);
    unlink(log);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static struct ld_fault_case cases[] = {{.name = "none"}};
static struct ld_scenario scenario = {.file = "one.yaml",
                                      .name = "one",
                                      .doc = "",
                                      .text = "x",
                                      .text_length = 1,
                                      .fault_case_count = 1,
                                      .fault_cases = cases};

static int create(struct ld_store **ret_store, struct ld_error *error)
{
    static const struct ld_cell cell = {.scenario = &scenario, .rate = 1, .name = "one/leaky/none"};
    static struct ld_run_plan runs[RUNS];
    struct ld_plan plan = {.cell_count = 1, .cells = &cell, .run_count = RUNS, .runs = runs, .hash = "0", .json = "{}"};
    for (uint32_t i = 0; i < RUNS; i++)
        runs[i].index = i;
    int code = ld_store_create(ret_store, path, error);
    if (code == 0)
        code = ld_store_campaign(*ret_store, "c", 1, 2, NULL, 0, error);
    return code ? code : ld_store_plan(*ret_store, &plan, error);
}

static void done(int code, const struct ld_error *error)
{
    if (code)
        fail_msg("%s: %s", ld_code_name(code), error->message);
}

static struct ld_writer *start(struct ld_store **ret_store, const struct ld_writer_setting *setting)
{
    struct ld_error error = {0};
    struct ld_writer *writer = NULL;
    done(create(ret_store, &error), &error);
    done(ld_writer_start(&writer, *ret_store, setting, &error), &error);
    return writer;
}

static void finish(struct ld_writer *writer, struct ld_store *store)
{
    struct ld_error error = {0};
    done(ld_writer_stop(writer, &error), &error);
    done(ld_store_close(store, &error), &error);
}

static void post(void *context)
{
    sem_post(context);
}

static int observe(struct ld_writer *writer, uint32_t run, uint64_t sequence, const char *text)
{
    struct ld_observation o = {.sequence = sequence,
                               .time_ns = (int64_t)sequence,
                               .incarnation = 1,
                               .kind = LD_OBSERVATION_LINE,
                               .text = text};
    return ld_writer_observation(writer, run, &o);
}

static int count_in_order(void *context, const struct ld_observation *o)
{
    uint64_t *count = context;
    assert_int_equal(o->sequence, ++*count);
    return 0;
}

static uint64_t stored_observations(uint32_t run)
{
    struct ld_error error = {0};
    struct ld_store *reader = NULL;
    uint64_t count = 0;
    struct ld_replay_sink sink = {count_in_order, NULL, &count};
    done(ld_store_open(&reader, path, false, &error), &error);
    done(ld_store_replay(reader, run, &sink, &error), &error);
    ld_store_close(reader, NULL);
    return count;
}

/* When a flush is settled, another connection sees everything before it. */
static void flush_is_durable(void **state)
{
    (void)state;
    struct ld_store *store;
    struct ld_writer *writer = start(&store, NULL);
    sem_t settled;
    sem_init(&settled, 0, 0);
    for (uint64_t round = 1; round <= 5; round++) {
        uint64_t ticket = 0;
        for (uint64_t i = 1; i <= 100; i++)
            assert_int_equal(observe(writer, 0, (round - 1) * 100 + i, "line"), 0);
        assert_int_equal(ld_writer_flush(writer, (struct ld_writer_wake){post, &settled}, &ticket), 0);
        sem_wait(&settled);
        assert_true(ld_writer_durable(writer) >= ticket);
        assert_true(ld_writer_kept(writer, ticket));
        assert_int_equal(ticket, round);
        assert_int_equal(stored_observations(0), round * 100);
    }
    sem_destroy(&settled);
    finish(writer, store);
}

/* The intent of a fault is in the file before its caller hears of it. */
static void intent_before_the_fault(void **state)
{
    (void)state;
    struct ld_store *store, *reader;
    struct ld_error error = {0};
    struct ld_writer_setting late = {.group_ns = LD_HOUR};
    struct ld_writer *writer = start(&store, &late);
    char id[] = "case/0/kill";
    struct ld_fault_spec fault = {.type = LD_FAULT_KILL, .for_ns = -1, .id = id};
    sem_t settled;
    sem_init(&settled, 0, 0);
    assert_int_equal(ld_writer_fault_intent(writer, 0, &fault, 5, 6, (struct ld_writer_wake){post, &settled}, NULL), 0);
    memset(id, 'x', sizeof id - 1); /* the writer has its own copy */
    sem_wait(&settled);
    assert_int_equal(ld_writer_status(writer, &error), 0);
    struct ld_arena *arena = ld_arena_new((size_t)1 << 20);
    struct ld_timeline_row *rows;
    size_t count;
    done(ld_store_open(&reader, path, false, &error), &error);
    done(ld_store_read_timeline(reader, 0, &rows, &count, arena, &error), &error);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].who, "case/0/kill");
    ld_store_close(reader, NULL);
    ld_arena_free(arena);
    sem_destroy(&settled);
    finish(writer, store);
}

/* Every call copies: what it was given may change at once. */
static void owns_copies(void **state)
{
    (void)state;
    struct ld_store *store, *reader;
    struct ld_error error = {0};
    struct ld_writer *writer = start(&store, NULL);
    char site[] = "orders.wait", why[] = "because", name[] = "matrix", id[] = "i-1";
    const char *seen[] = {site, "b"}, *calm[] = {site};
    struct ld_truth_interval interval = {
        .id = id, .seen_at = seen, .seen_at_count = 2, .culprit = why, .manifest_ns = -1};
    struct ld_truth truth = {.intervals = &interval, .interval_count = 1, .calm = calm, .calm_count = 1};
    struct ld_alert alert = {.id = 1, .site = site, .why = why, .rule = "", .rule_version = ""};
    struct ld_run_end end = {.reason = why};
    assert_int_equal(ld_writer_run_begin(writer, 0, 5), 0);
    assert_int_equal(ld_writer_detector(writer, 0, name, "matrix", false, "{}"), 0);
    assert_int_equal(ld_writer_alert(writer, 0, name, &alert), 0);
    assert_int_equal(ld_writer_truth(writer, 0, &truth), 0);
    assert_int_equal(ld_writer_run_end(writer, 0, &end, (struct ld_writer_wake){0}, NULL), 0);
    memset(site, '?', sizeof site - 1);
    memset(why, '?', sizeof why - 1);
    memset(name, '?', sizeof name - 1);
    memset(id, '?', sizeof id - 1);
    memset(seen, 0, sizeof seen);
    memset(&interval, 0, sizeof interval);
    finish(writer, store);
    struct ld_arena *arena = ld_arena_new((size_t)1 << 20);
    struct ld_run_record record;
    done(ld_store_open(&reader, path, false, &error), &error);
    done(ld_store_read_record(reader, 0, &record, arena, &error), &error);
    assert_string_equal(record.reason, "because");
    assert_string_equal(record.detectors[0].name, "matrix");
    assert_string_equal(record.detectors[0].alerts[0].site, "orders.wait");
    assert_string_equal(record.truth->intervals[0].id, "i-1");
    assert_string_equal(record.truth->intervals[0].seen_at[0], "orders.wait");
    assert_string_equal(record.truth->intervals[0].seen_at[1], "b");
    assert_string_equal(record.truth->calm[0], "orders.wait");
    ld_store_close(reader, NULL);
    ld_arena_free(arena);
}

/* A queue of four messages: producers wait, nothing is lost, the order holds. */
static void full_queue_waits(void **state)
{
    (void)state;
    struct ld_store *store;
    struct ld_writer_setting small = {.items_max = 4};
    struct ld_writer *writer = start(&store, &small);
    struct ld_writer_statistics statistics;
    static char text[20000];
    memset(text, 'x', sizeof text - 1);
    for (uint64_t i = 1; i <= 3000; i++)
        assert_int_equal(observe(writer, 0, i, text), 0);
    ld_writer_statistics(writer, &statistics);
    assert_int_equal(statistics.messages, 3000);
    assert_in_range(statistics.most_items, 1, 4);
    assert_true(statistics.waits > 0);
    assert_true(statistics.waited_ns > 0);
    finish(writer, store);
    assert_int_equal(stored_observations(0), 3000);
}

/* A message larger than the whole queue still goes through. */
static void larger_than_the_queue(void **state)
{
    (void)state;
    struct ld_store *store;
    struct ld_writer_setting small = {.bytes_max = 1000};
    struct ld_writer *writer = start(&store, &small);
    static char text[20000];
    memset(text, 'x', sizeof text - 1);
    for (uint64_t i = 1; i <= 20; i++)
        assert_int_equal(observe(writer, 0, i, i % 2 ? text : "short"), 0);
    finish(writer, store);
    assert_int_equal(stored_observations(0), 20);
}

struct producer {
    pthread_t thread;
    struct ld_writer *writer;
    uint32_t run;
};

static void *produce(void *context)
{
    struct producer *producer = context;
    for (uint64_t i = 1; i <= 500; i++)
        if (observe(producer->writer, producer->run, i, "line") ||
            (i % 50 == 0 && ld_writer_flush(producer->writer, (struct ld_writer_wake){0}, NULL)))
            abort();
    return NULL;
}

static void several_producers(void **state)
{
    (void)state;
    struct ld_store *store;
    struct ld_writer_setting small = {.items_max = 16, .group_bytes = 4096};
    struct ld_writer *writer = start(&store, &small);
    struct producer producers[4];
    for (uint32_t i = 0; i < 4; i++) {
        producers[i] = (struct producer){.writer = writer, .run = i};
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (uint32_t i = 0; i < 4; i++)
        pthread_join(producers[i].thread, NULL);
    finish(writer, store);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(stored_observations(i), 500);
}

/* A full disk: told with the path, nobody waits for ever, who waited is woken, what was durable stays. */
static void errors_stick(void **state)
{
    (void)state;
    struct ld_store *store;
    struct ld_error error = {0};
    struct ld_writer_setting small = {.items_max = 4};
    struct ld_writer *writer = start(&store, &small);
    sem_t settled;
    sem_init(&settled, 0, 0);
    assert_int_equal(observe(writer, 0, 1, "first"), 0);
    done(ld_writer_stop(writer, &error), &error);
    done(ld_store_limit(store, 600000, &error), &error);
    done(ld_writer_start(&writer, store, &small, &error), &error);
    static char text[20000];
    memset(text, 'x', sizeof text - 1);
    int code = 0;
    uint64_t sequence = 2, tickets[10000] = {0};
    while (code == 0 && sequence < 10000) {
        code = observe(writer, 0, sequence++, text);
        if (code == 0 && sequence == 5)
            code = ld_writer_flush(writer, (struct ld_writer_wake){post, &settled}, &tickets[sequence - 1]);
        else if (code == 0)
            (void)ld_writer_flush(writer, (struct ld_writer_wake){0}, &tickets[sequence - 1]);
    }
    assert_int_equal(code, LD_ESTORE);
    sem_wait(&settled);
    uint64_t kept = 0; /* the last observation that is said to be on the disk */
    for (uint64_t i = 2; i < sequence; i++)
        if (ld_writer_kept(writer, tickets[i]))
            kept = i;
    assert_true(kept >= 2 && kept < sequence - 1);
    assert_int_equal(ld_writer_status(writer, &error), LD_ESTORE);
    assert_non_null(strstr(error.message, "the disk is full"));
    assert_non_null(strstr(error.message, path));
    assert_int_equal(ld_writer_flush(writer, (struct ld_writer_wake){post, &settled}, NULL), LD_ESTORE);
    memset(&error, 0, sizeof error);
    assert_int_equal(ld_writer_stop(writer, &error), LD_ESTORE);
    assert_non_null(strstr(error.message, "the disk is full"));
    assert_int_equal(ld_store_close(store, &error), LD_ESTORE);
    assert_true(stored_observations(0) >= kept);
    sem_destroy(&settled);
}

/* ---- SIGKILL at random instants */

static int acknowledge_fd;

static void acknowledge(void *context)
{
    (void)context;
    if (write(acknowledge_fd, "e", 1) != 1)
        _exit(1);
}

static void write_until_killed(void)
{
    struct ld_error error = {0};
    struct ld_store *store = NULL;
    struct ld_writer *writer = NULL;
    struct ld_run_end end = {.reason = ""};
    int code = create(&store, &error);
    if (code == 0)
        code = ld_writer_start(&writer, store, NULL, &error);
    for (uint32_t run = 0; run < RUNS && code == 0; run++) {
        code = ld_writer_run_begin(writer, run, 1);
        for (uint64_t i = 1; i <= 10 && code == 0; i++) {
            code = observe(writer, run, i, "line");
            if (code == 0 && write(acknowledge_fd, "w", 1) != 1)
                _exit(1);
        }
        if (code == 0)
            code = ld_writer_run_end(writer, run, &end, (struct ld_writer_wake){acknowledge, NULL}, NULL);
    }
    code = code ? code : ld_writer_stop(writer, &error);
    _exit(code ? 1 : 0);
}

static uint32_t ended_runs(void)
{
    struct ld_error error = {0};
    struct ld_store *reader = NULL;
    struct ld_arena *arena = ld_arena_new((size_t)1 << 20);
    uint32_t *runs;
    size_t count;
    done(ld_store_open(&reader, path, false, &error), &error);
    done(ld_store_read_runs(reader, &runs, &count, arena, &error), &error);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(stored_observations(runs[i]), 10);
    ld_store_close(reader, NULL);
    ld_arena_free(arena);
    return (uint32_t)count;
}

static void killed_at_random(void **state)
{
    (void)state;
    struct ld_random random;
    int killed = 0;
    ld_random_init(&random, 31);
    for (int i = 0; i < 25; i++) {
        int channel[2];
        uint32_t ended = 0;
        char byte;
        uint64_t left = ld_random_below(&random, RUNS * 11);
        if (i)
            setup(NULL);
        assert_int_equal(pipe(channel), 0);
        acknowledge_fd = channel[1];
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_until_killed();
        close(channel[1]);
        while (read(channel[0], &byte, 1) == 1) {
            ended += byte == 'e';
            if (left-- == 0)
                kill(child, SIGKILL);
        }
        close(channel[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        killed += WIFSIGNALED(status);
        assert_true(ended_runs() >= ended);
        if (i < 24)
            teardown(NULL);
    }
    assert_in_range(killed, 5, 25); /* else it was no test */
}

int test_writer(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flush_is_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(intent_before_the_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(owns_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(full_queue_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(larger_than_the_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(several_producers, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_stick, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_at_random, setup, teardown),
    };
    return cmocka_run_group_tests_name("runner: writer", tests, NULL, NULL);
}
