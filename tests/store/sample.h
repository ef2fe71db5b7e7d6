/* What the tests of the store share: a folder, a plan, and random observations. */
#ifndef TEST_STORE_SAMPLE_H
#define TEST_STORE_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "store/store.h"

#define SAMPLE_RUNS 64

/* A new empty folder; the path of a file in it (static, overwritten by the next call); remove it with all it holds. */
void sample_folder(void);
const char *sample_path(const char *name);
void sample_clean(void);

/* Fails the test with the message when `code` is not 0. */
#define assert_done(code, error) sample_done((code), (error), __FILE__, __LINE__)
void sample_done(int code, const struct ld_error *error, const char *file, int line);
/* The call must fail with `code`, and its message must hold both texts (NULL: any). */
#define assert_fails(got, code, error, text, more)                                                                     \
    sample_fails((got), (code), (error), (text), (more), __FILE__, __LINE__)
void sample_fails(int got, int code, const struct ld_error *error, const char *text, const char *more, const char *file,
                  int line);

const struct ld_plan *sample_plan(void);
/* A created store with campaign and plan. */
struct ld_store *sample_store(const char *path);

/* A random observation of any kind; what it points to belongs to `arena`. Bodies are real profiles. */
void sample_observation(struct ld_random *random, uint64_t sequence, struct ld_observation *ret_observation,
                        struct ld_arena *arena);
void sample_truth_event(struct ld_random *random, uint64_t after_sequence, struct ld_truth_event *ret_event,
                        struct ld_arena *arena);
void sample_same_observation(const struct ld_observation *seen, const struct ld_observation *wanted);
void sample_same_event(const struct ld_truth_event *seen, const struct ld_truth_event *wanted);
/* Begin, `count` observations with truth between them, a fault, a detector with alerts, end. */
void sample_write_run(struct ld_store *store, uint32_t run, size_t count, uint64_t seed);
/* Everything there is to read; 0 or the first error. */
int sample_read_all(struct ld_store *store, struct ld_error *error);

#endif
