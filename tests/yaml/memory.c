/* The 1st, 2nd, … nth allocation fails: nothing crashes, nothing leaks, and the caller is told. libyaml's allocations
 * are among them. Under a sanitizer, which owns malloc, the test is skipped. */
#include <stdlib.h>
#include <string.h>

#include "sample.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(SANITIZED) || !defined(__GLIBC__)

static void every_allocation_may_fail(void **state)
{
    (void)state;
    print_message("skipped: the sanitizer owns malloc\n");
    skip();
}

#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static long until_failure = -1; /* allocations that still succeed; -1: all */
static bool failed;
static long live; /* blocks taken and not given back while `counting` */
static bool counting;

static bool fails(void)
{
    if (!counting || until_failure < 0)
        return false;
    if (until_failure > 0) {
        until_failure--;
        return false;
    }
    failed = true;
    return true;
}

static void *counted(void *memory)
{
    live += counting && memory;
    return memory;
}

void *malloc(size_t size)
{
    return fails() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    return memory ? __libc_realloc(memory, size) : counted(__libc_malloc(size));
}

void free(void *memory)
{
    live -= counting && memory;
    __libc_free(memory);
}

static const char document[] =
    "name: a\nkept: &k [1, 2, {a: b}]\nnote: *k\nlod: 1\nperiod: {every: 1}\nnumbers: [1, 2]\nweights: {a: 1}\n"
    "extra: {every: 20ms}\nperiods: [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}]\n";

/* One reading with the given number of successful allocations; returns its code. */
static int read_with(long allocations)
{
    struct ld_errors errors = {0};
    struct ld_arena *arena;
    struct sample sample;
    struct ld_document parsed;
    live = 0;
    failed = false;
    until_failure = allocations;
    counting = true;
    int code = ld_document_parse(&parsed, "a.yaml", document, strlen(document), &errors);
    if (!code)
        ld_document_done(&parsed);
    int bound = sample_read(document, strlen(document), &sample, &arena, &errors);
    ld_arena_free(arena);
    ld_errors_done(&errors);
    counting = false;
    return code ? code : bound;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    long n = 0;
    do {
        assert_true(n < 10000);
        int code = read_with(n);
        assert_int_not_equal(code, 0);
        assert_int_equal(live, 0);
        n++;
    } while (failed);
    print_message("%ld allocations failed in turn\n", n - 1);
    assert_true(n > 50);
}

#endif

int test_memory(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
