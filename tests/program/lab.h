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
    bool given_up; /* its campaign was disturbed each time: no test can be made of it */
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
#define LAB_SCENARIO(lab, name, template, ...)                                                                         \
    lab_scenario(lab, name, template, (const char *const[]){__VA_ARGS__, NULL})
void lab_write(const struct lab *lab, const char *name, const char *text);
/* The file's bytes, NUL-terminated; free(). NULL when there is none. */
char *lab_read(const struct lab *lab, const char *name);
bool lab_has(const struct lab *lab, const char *name);

/* Run leakdrill in the lab. */
void lab_run(const struct lab *lab, struct program_result *ret_result, const char *const *arguments);
#define LAB_RUN(lab, result, ...) lab_run(lab, result, (const char *const[]){__VA_ARGS__, NULL})
/* The same, without waiting for its end. */
void lab_start(const struct lab *lab, struct running_program *ret_running, const char *const *arguments);
#define LAB_START(lab, running, ...) lab_start(lab, running, (const char *const[]){__VA_ARGS__, NULL})

/* Another program in the lab, with the lab's environment; NULL: leakdrill. */
void lab_run_program(const struct lab *lab, struct program_result *ret_result, const char *program,
                     const char *const *arguments);
#define LAB_RUN_PROGRAM(lab, result, program, ...) \
    lab_run_program(lab, result, program, (const char *const[]){__VA_ARGS__, NULL})
/* Commands of a shell (sh -e) in the lab, which must succeed. */
void lab_sh(const struct lab *lab, const char *commands);

/* ---- campaigns on a machine that does other things too
 *
 * Such a machine voids runs: leakdrill came too late for its schedule (lag) or its reads (gaps), or a target was not
 * ready in time. What a void run shows is no evidence, and nothing is to be asserted of it but what holds of every run.
 * So a test says which evidence it needs, and its campaign is run again until it is there. */

#define LAB_ATTEMPTS 5

/* SQL of the runs that the machine voided, and no fault of the program's. */
#define LAB_DISTURBED "(validity IN ('lag', 'gaps') OR reason LIKE '%was not ready within%')"
/* Evidence: every run that began counts. */
#define LAB_UNDISTURBED "SELECT count(*) = 0 FROM run WHERE " LAB_DISTURBED
/* Evidence: every cell that was run has a run that counts. */
#define LAB_EACH_CELL                                                                                                  \
    "SELECT count(*) = 0 FROM (SELECT cell FROM run WHERE started_wall_ns IS NOT NULL GROUP BY cell HAVING "           \
    "sum(validity = 'valid') = 0)"

/* Run leakdrill with `arguments` and --db `database` until `evidence` (SQL of that database, which gives a number) is
 * not 0, LAB_ATTEMPTS times at most; the database is the last attempt's. An attempt without evidence whose runs the
 * machine did not disturb fails the test: then the program is to blame. When all attempts were disturbed, this says so,
 * with the void runs, and returns false. */
bool lab_run_until(const struct lab *lab, struct program_result *ret_result, const char *evidence, const char *database,
                   const char *program, const char *const *arguments);
/* How often that was so. */
unsigned lab_given_up(void);
/* For what holds of void runs, too: the campaign met what it expects, or came to no verdict (5, 3) because the machine
 * disturbed some runs. */
void lab_check_judged(const struct lab *lab, const struct program_result *result, const char *database);

/* For texts that stand there whatever came of it: the exit code is one of a campaign that came to its end (0, 1, 3, 5).
 */
void lab_check_said(const struct program_result *result, const char *out, const char *err);

/* Exit code and texts that must stand on stdout and stderr (NULL: not asked). */
void lab_check(const struct program_result *result, int exit_code, const char *out, const char *err);

/* The first column of the first row; fails the test without a row. The text must be freed. */
int64_t lab_number(const struct lab *lab, const char *database, const char *sql);
char *lab_text(const struct lab *lab, const char *database, const char *sql);
/* When it fails: the first rows that "SELECT count(*) FROM ..." counted, and the void runs with their reasons. */
void lab_assert_number(const struct lab *lab, const char *database, const char *sql, int64_t expected);
/* The runs that do not count, and why, on stderr; nothing where the database has none. */
void lab_show_runs(const struct lab *lab, const char *database);
/* Until the number is at least `least`: for what has no other event than its row. */
void lab_await_number(const struct lab *lab, const char *database, const char *sql, int64_t least);
/* `expected` stands in the text. */
void lab_assert_text(const struct lab *lab, const char *database, const char *sql, const char *expected);
/* The file is a whole database: integrity, foreign keys, and no journal beside it. Before any other look at it: those
 * leave a journal themselves. */
void lab_assert_database(const struct lab *lab, const char *database);

#endif
