/* A lab: a fresh folder in which leakdrill runs campaigns, and the look around afterwards.
 *
 * leakdrill's working folder is the lab and its TMPDIR is a folder in the lab, so that whatever it starts carries the
 * lab's name in its arguments, environment, working directory or executable: what is left behind can be found without
 * mistaking anybody else's process for it. */
#ifndef LD_TEST_PROGRAM_LAB_H
#define LD_TEST_PROGRAM_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include "run_program.h"

struct lab {
    char folder[64];
    const char *marker; /* the folder's own name: unique */
    char scratch[80];   /* TMPDIR */
    char temporary[96], fixtures[300]; /* environment texts */
    const char *environment[4];
};

/* The Go programs are what the build made, unless lab_fixtures says otherwise. */
void lab_open(struct lab *lab);
/* Asserts that nothing is left: no process, nothing in TMPDIR. Then removes the folder. */
void lab_close(struct lab *lab);
/* The same look, in between. */
void lab_assert_clean(const struct lab *lab);
void lab_fixtures(struct lab *lab, const char *json);
/* Whether the Go programs are built. */
bool lab_has_programs(void);

/* Write the scenario `name` from tests/data/program/`template`: `words` are pairs of a word of the template and what it
 * becomes, and end with NULL. MARKER, and PROGRAM unless given, are filled in by the lab. */
void lab_scenario(const struct lab *lab, const char *name, const char *template, const char *const *words);
#define LAB_SCENARIO(lab, name, template, ...) lab_scenario(lab, name, template, (const char *const[]){__VA_ARGS__, NULL})
void lab_write(const struct lab *lab, const char *name, const char *text);
/* The file's bytes, NUL-terminated; free(). NULL when there is none. */
char *lab_read(const struct lab *lab, const char *name);
bool lab_has(const struct lab *lab, const char *name);

/* Run leakdrill in the lab, at most a minute. */
void lab_run(const struct lab *lab, struct program_result *ret_result, const char *const *arguments);
#define LAB_RUN(lab, result, ...) lab_run(lab, result, (const char *const[]){__VA_ARGS__, NULL})
/* The same, without waiting for its end. */
void lab_start(const struct lab *lab, struct running_program *ret_running, const char *const *arguments);
#define LAB_START(lab, running, ...) lab_start(lab, running, (const char *const[]){__VA_ARGS__, NULL})

/* Another program in the lab, with the lab's environment, at most so many seconds. */
void lab_run_program(const struct lab *lab, struct program_result *ret_result, unsigned timeout_s, const char *program,
                     const char *const *arguments);
#define LAB_RUN_PROGRAM(lab, result, program, ...) \
    lab_run_program(lab, result, 60, program, (const char *const[]){__VA_ARGS__, NULL})
/* Commands of a shell (sh -e) in the lab, which must succeed, at most four minutes: some of them compile. */
void lab_sh(const struct lab *lab, const char *commands);

/* Exit code and texts that must stand on stdout and stderr (NULL: not asked); shows everything when it is not so. */
void lab_check(const struct program_result *result, int exit_code, const char *out, const char *err);

/* The first column of the first row; fails the test without a row. The text must be freed. */
int64_t lab_number(const struct lab *lab, const char *database, const char *sql);
char *lab_text(const struct lab *lab, const char *database, const char *sql);
void lab_assert_number(const struct lab *lab, const char *database, const char *sql, int64_t expected);
/* Until the number is at least `least`, at most 20 seconds: for what has no other event than its row. */
void lab_await_number(const struct lab *lab, const char *database, const char *sql, int64_t least);
/* `expected` stands in the text. */
void lab_assert_text(const struct lab *lab, const char *database, const char *sql, const char *expected);
/* The file is a whole database: integrity, foreign keys, and no journal beside it. Before any other look at it: those
 * leave a journal themselves. */
void lab_assert_database(const struct lab *lab, const char *database);

#endif
