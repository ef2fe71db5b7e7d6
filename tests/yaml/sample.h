/* A schema with a field of each type, and helpers that parse text and compare the errors. */
#ifndef LD_TEST_YAML_SAMPLE_H
#define LD_TEST_YAML_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "yaml/schema.h"

struct sample_period {
    int64_t every_ns;
    double share;
    uint64_t memory;
};

struct sample {
    const char *name;
    const char *note;
    bool loud;
    int64_t runs;
    double weight;
    double rate;
    int variant;
    struct sample_period period;
    struct sample_period *extra;
    struct ld_list numbers;
    struct ld_list periods;
    struct ld_map weights;
    const struct ld_node *kept;
    int even;
};

extern const struct ld_schema sample_schema;

/* Parse and bind; *ret_arena owns the values (free it in any case). Returns the first error's code. */
int sample_read(const char *bytes, size_t length, struct sample *ret_sample, struct ld_arena **ret_arena,
                struct ld_errors *errors);
/* All errors of `yaml`, one a line, must be `expected`. */
void expect_errors(const char *yaml, const char *expected);
void expect_errors_of(const char *bytes, size_t length, const char *expected);

int test_document(void);
int test_schema(void);
int test_explain(void);
int test_memory(void);
int test_values(void);

#endif
