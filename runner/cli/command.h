/* The command line: one table of subcommands (commands.c), one file for each, from which dispatch, help and the check
 * of options come.
 *
 * Results go to stdout, talk to stderr. A subcommand returns an exit code (LD_EXIT_…). */
#ifndef LD_RUNNER_CLI_COMMAND_H
#define LD_RUNNER_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define LD_OPTIONS_MAX 24 /* of one subcommand */

struct ld_option {
    const char *name;  /* without the two dashes; options.c knows some by one letter */
    const char *value; /* what to call its value in help, such as "N"; NULL: a flag; completion knows some */
    const char *doc;
};

struct ld_invocation;

/* The first argument is ours, the second a program: what follows is the program's, options and all. */
#define LD_TAKES_COMMAND 2u

struct ld_command {
    const char *name;
    const char *synopsis; /* behind "leakdrill NAME", "" when nothing follows; completion knows its words */
    const char *summary;  /* half a line, for the list of subcommands */
    const char *doc;      /* for its own help; NULL: the summary says all */
    const struct ld_option *options; /* ends with a zero row; NULL: none */
    unsigned takes_arguments; /* 0 (false): none; 1 (true): any; LD_TAKES_COMMAND */
    int (*run)(const struct ld_invocation *invocation);
};

struct ld_invocation {
    const struct ld_command *command;
    const char *values[LD_OPTIONS_MAX]; /* by row of command->options: NULL not given, "" a flag */
    char **arguments;                   /* what is left, in order */
    size_t argument_count;
    bool colour;                        /* stdout is a terminal and NO_COLOR is not set */
};

/* The table; ends with a zero row. */
extern const struct ld_command ld_commands[];
const struct ld_command *ld_command_find(const char *name); /* NULL when unknown */
/* The names of all subcommands for ld_nearest; `ret_names` has room for LD_COMMANDS_MAX + 1. */
#define LD_COMMANDS_MAX 48
void ld_command_names(const char **ret_names);

/* ---- the subcommands, one file each */
int ld_command_baseline(const struct ld_invocation *invocation);
int ld_command_compare(const struct ld_invocation *invocation);
int ld_command_board(const struct ld_invocation *invocation);
int ld_command_cost(const struct ld_invocation *invocation);
int ld_command_completion(const struct ld_invocation *invocation);
int ld_command_detector(const struct ld_invocation *invocation);
int ld_command_doctor(const struct ld_invocation *invocation);
int ld_command_explain(const struct ld_invocation *invocation);
int ld_command_help(const struct ld_invocation *invocation);
int ld_command_import(const struct ld_invocation *invocation);
int ld_command_lint(const struct ld_invocation *invocation);
int ld_command_list(const struct ld_invocation *invocation);
int ld_command_new_detector(const struct ld_invocation *invocation);
int ld_command_new_fixture(const struct ld_invocation *invocation);
int ld_command_plan(const struct ld_invocation *invocation);
int ld_command_proxy(const struct ld_invocation *invocation);
int ld_command_recover(const struct ld_invocation *invocation);
int ld_command_record(const struct ld_invocation *invocation);
int ld_command_replay(const struct ld_invocation *invocation);
int ld_command_report(const struct ld_invocation *invocation);
int ld_command_run(const struct ld_invocation *invocation);
int ld_command_show(const struct ld_invocation *invocation);
int ld_command_version(const struct ld_invocation *invocation);
int ld_command_not_yet(const struct ld_invocation *invocation); /* says so and returns LD_EXIT_USAGE */

/* ---- options (options.c) */

/* Sort the words behind the subcommand's name into options and arguments (in place). 0, or LD_EXIT_USAGE after saying
 * what is wrong. `ret_help`: --help was among them. */
int ld_options_parse(struct ld_invocation *invocation, char **words, size_t count, bool *ret_help);
/* The value of an option, NULL when not given. The name must be in the command's table. */
const char *ld_option_text(const struct ld_invocation *invocation, const char *name);
/* Give it one, for a subcommand that calls another. */
void ld_option_set(struct ld_invocation *invocation, const char *name, const char *value);
bool ld_option_given(const struct ld_invocation *invocation, const char *name);
/* A whole number within bounds; `initial` when not given. 0, or LD_EXIT_USAGE after saying what is wrong. */
int ld_option_integer(const struct ld_invocation *invocation, const char *name, int64_t minimum, int64_t maximum,
                      int64_t initial, int64_t *ret_value);
/* --runs, 0 when not given, and --full; not both. */
int ld_option_runs(const struct ld_invocation *invocation, int64_t *ret_runs, bool *ret_full);
/* --shard K/N: 1 <= K <= N <= 10000; 1/1 when not given. */
int ld_option_shard(const struct ld_invocation *invocation, uint32_t *ret_shard, uint32_t *ret_shards);
/* --jobs: ld_campaign_default_jobs when not given. */
int ld_option_jobs(const struct ld_invocation *invocation, unsigned *ret_jobs);

/* ---- talk (talk.c) */

/* "leakdrill NAME: message" and a hint to stderr; returns LD_EXIT_USAGE. */
int ld_usage_error(const struct ld_command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "leakdrill NAME: error" to stderr; returns the error's exit code. */
int ld_say_error(const struct ld_command *command, const struct ld_error *error);
/* The errors of files, one a line, to `stream` (a FILE *). */
void ld_say_errors(void *stream, const struct ld_errors *errors);
/* The buffer to stdout; returns LD_EXIT_OK. That stdout took all is checked once, by main. */
int ld_put(const struct ld_buffer *out);
/* The end of a rendering that came to `code`: the buffer to stdout, or its failure into `error` when nobody said it
 * yet. The buffer is done either way. Returns `code`. */
int ld_put_done(struct ld_buffer *out, int code, struct ld_error *error);

#endif
