#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "runner/cli/command.h"
#include "runner/run/campaign.h"

#define JOBS_MAX 1024
#define SHARDS_MAX 10000

static const struct ld_option no_options[] = {{0}};

static const struct ld_option *options_of(const struct ld_invocation *invocation)
{
    return invocation->command->options ? invocation->command->options : no_options;
}

static int unknown_option(const struct ld_invocation *invocation, const char *word)
{
    const char *names[LD_OPTIONS_MAX + 2];
    char name[80];
    size_t count = 0;
    for (const struct ld_option *option = options_of(invocation); option->name; option++)
        names[count++] = option->name;
    names[count++] = "help";
    names[count] = NULL;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *nearest = ld_nearest(name + strspn(name, "-"), names);
    if (nearest)
        return ld_usage_error(invocation->command, "unknown option %s; did you mean --%s?", name, nearest);
    return ld_usage_error(invocation->command, "unknown option %s", name);
}

/* One letter for an option, where a subcommand has it. */
static const struct {
    const char *letter, *option;
} short_names[] = {{"-f", "--file"}};

static const char *in_full(const char *word)
{
    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++)
        if (strcmp(word, short_names[i].letter) == 0)
            return short_names[i].option;
    return word;
}

/* One option at words[*index]; its value may be the next word. */
static int parse_option(struct ld_invocation *invocation, char **words, size_t count, size_t *index)
{
    const char *word = in_full(words[*index]);
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] ? name + length + 1 : NULL;
    const struct ld_option *options = options_of(invocation);
    size_t row = 0;
    while (options[row].name && (strlen(options[row].name) != length || strncmp(options[row].name, name, length) != 0))
        row++;
    if (word[1] != '-' || !options[row].name)
        return unknown_option(invocation, words[*index]);
    assert(row < LD_OPTIONS_MAX);
    const struct ld_option *option = &options[row];
    if (invocation->values[row])
        return ld_usage_error(invocation->command, "--%s is given twice", option->name);
    if (!option->value && value)
        return ld_usage_error(invocation->command, "--%s takes no value", option->name);
    if (option->value && !value && *index + 1 < count)
        value = words[++*index];
    if (option->value && (!value || !*value))
        return ld_usage_error(invocation->command, "--%s needs a value: --%s %s", option->name, option->name,
                              option->value);
    invocation->values[row] = option->value ? value : "";
    return 0;
}

int ld_options_parse(struct ld_invocation *invocation, char **words, size_t count, bool *ret_help)
{
    bool only_arguments = false;
    invocation->arguments = words;
    for (size_t i = 0; i < count; i++) {
        char *word = words[i];
        if (only_arguments || word[0] != '-' || word[1] == '\0') {
            words[invocation->argument_count++] = word;
            if (invocation->command->takes_arguments == LD_TAKES_COMMAND && invocation->argument_count == 2)
                only_arguments = true;
        } else if (strcmp(word, "--") == 0) {
            only_arguments = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            *ret_help = true;
            return 0;
        } else {
            int exit = parse_option(invocation, words, count, &i);
            if (exit)
                return exit;
        }
    }
    if (invocation->argument_count && !invocation->command->takes_arguments)
        return ld_usage_error(invocation->command, "unexpected argument \"%s\"", words[0]);
    return 0;
}

static size_t row_of(const struct ld_invocation *invocation, const char *name)
{
    const struct ld_option *options = options_of(invocation);
    size_t row = 0;
    while (options[row].name && strcmp(options[row].name, name) != 0)
        row++;
    assert(options[row].name);
    return row;
}

const char *ld_option_text(const struct ld_invocation *invocation, const char *name)
{
    return invocation->values[row_of(invocation, name)];
}

void ld_option_set(struct ld_invocation *invocation, const char *name, const char *value)
{
    invocation->values[row_of(invocation, name)] = value;
}

bool ld_option_given(const struct ld_invocation *invocation, const char *name)
{
    return ld_option_text(invocation, name) != NULL;
}

int ld_option_integer(const struct ld_invocation *invocation, const char *name, int64_t minimum, int64_t maximum,
                      int64_t initial, int64_t *ret_value)
{
    const char *expected;
    int64_t value = initial;
    const char *text = ld_option_text(invocation, name);
    if (text && ld_parse_integer(text, &value, &expected) != 0)
        return ld_usage_error(invocation->command, "--%s: \"%s\" is not a whole number", name, text);
    if (text && (value < minimum || value > maximum))
        return ld_usage_error(invocation->command, "--%s: %s is out of range: %lld to %lld", name, text,
                              (long long)minimum, (long long)maximum);
    *ret_value = value;
    return 0;
}

int ld_option_runs(const struct ld_invocation *invocation, int64_t *ret_runs, bool *ret_full)
{
    if (ld_option_given(invocation, "full") && ld_option_given(invocation, "runs"))
        return ld_usage_error(invocation->command, "--full and --runs both say how many runs: give one of them");
    int exit = ld_option_integer(invocation, "runs", 1, LD_PLAN_RUNS_MAX, 0, ret_runs);
    if (!exit)
        *ret_full = ld_option_given(invocation, "full");
    return exit;
}

int ld_option_shard(const struct ld_invocation *invocation, uint32_t *ret_shard, uint32_t *ret_shards)
{
    const char *text = ld_option_text(invocation, "shard");
    char part[16];
    int64_t shard = 1, shards = 1;
    const char *expected;
    if (text) {
        const char *slash = strchr(text, '/');
        bool good = slash && slash - text < (ptrdiff_t)sizeof part;
        if (good) {
            snprintf(part, sizeof part, "%.*s", (int)(slash - text), text);
            good = ld_parse_integer(part, &shard, &expected) == 0 &&
                   ld_parse_integer(slash + 1, &shards, &expected) == 0;
        }
        if (!good || shard < 1 || shards < shard || shards > SHARDS_MAX)
            return ld_usage_error(invocation->command, "--shard: \"%s\" is not K/N with 1 <= K <= N <= %d, such as 2/4",
                                  text, SHARDS_MAX);
    }
    *ret_shard = (uint32_t)shard;
    *ret_shards = (uint32_t)shards;
    return 0;
}

int ld_option_jobs(const struct ld_invocation *invocation, unsigned *ret_jobs)
{
    int64_t jobs = 1;
    int exit = ld_option_integer(invocation, "jobs", 1, JOBS_MAX, ld_campaign_default_jobs(), &jobs);
    if (!exit)
        *ret_jobs = (unsigned)jobs;
    return exit;
}
