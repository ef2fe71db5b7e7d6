/* What is made from the table of commands for other programs to read: completion scripts and the manual page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define NAMES_MAX 64

struct names {
    size_t count;
    char items[NAMES_MAX][32];
};

/* The commands, from the lines "  NAME  SUMMARY" of leakdrill help. */
static struct names commands(void)
{
    struct names names = {0};
    struct program_result result;
    RUN(&result, "help");
    for (char *line = strtok(result.out, "\n"); line; line = strtok(NULL, "\n"))
        if (line[0] == ' ' && line[2] != ' ' && names.count < NAMES_MAX)
            names.count += sscanf(line, "  %31s", names.items[names.count]) == 1;
    program_result_done(&result);
    assert_true(names.count >= 10);
    return names;
}

static void sh(const char *shell, const char *script, int exit_code, const char *out)
{
    struct program_result result;
    LAB_RUN_PROGRAM(&lab, &result, shell, "-c", script);
    lab_check(&result, exit_code, NULL, NULL);
    if (out && strcmp(result.out, out) != 0)
        fail_msg("%s\nsays \"%s\", not \"%s\"; stderr: %s", script, result.out, out, result.err);
    program_result_done(&result);
}

static bool has(const char *program)
{
    char command[64];
    snprintf(command, sizeof command, "command -v %s >/dev/null", program);
    return system(command) == 0;
}

/* `word` in `text` with no name's character on either side. */
static bool has_word(const char *text, const char *word)
{
    static const char inside[] = "abcdefghijklmnopqrstuvwxyz-";
    size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at++)
        if ((at == text || !strchr(inside, at[-1])) && (!at[length] || !strchr(inside, at[length])))
            return true;
    return false;
}

static void every_shell_is_told_every_command(void **state)
{
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    struct names names = commands();
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        struct program_result result;
        RUN(&result, "completion", shells[i]);
        lab_check(&result, 0, NULL, NULL);
        for (size_t k = 0; k < names.count; k++)
            if (!has_word(result.out, names.items[k]))
                fail_msg("%s is not told of %s", shells[i], names.items[k]);
        if (has_word(result.out, "verify"))
            fail_msg("%s is told of a command that is not there", shells[i]);
        lab_write(&lab, "script", result.out);
        char check[64];
        snprintf(check, sizeof check, "%s -n script", shells[i]);
        if (has(shells[i]))
            sh("/bin/sh", check, 0, "");
        program_result_done(&result);
    }
}

static void bash_completes(void **state)
{
    (void)state;
    static const struct {
        const char *words, *replies;
    } cases[] = {
        {"leakdrill repl", "replay"},
        {"leakdrill run --fail", "--fail-fast"},
        {"leakdrill help doc", "doctor"},
        {"leakdrill completion ''", "bash zsh fish"},
        {"leakdrill explain target.fixt", "target.fixture"},
        {"leakdrill explain whe", "when"},
        {"leakdrill explain faults.when.sev", "faults.when.severity"},
        {"leakdrill replay --detector thr", "threshold"},
        {"leakdrill lint tw", "two words.yaml"},
        {"leakdrill run --db tw", "two words.yaml"},
        {"leakdrill run --seed ''", ""},
        {"leakdrill version ''", ""},
    };
    if (!has("bash"))
        skip_for("there is no bash");
    lab_write(&lab, "two words.yaml", "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char script[600], expected[100];
        snprintf(script, sizeof script,
                 "eval \"$('" LEAKDRILL "' completion bash)\"; compopt() { :; }; COMP_WORDS=(%s); "
                 "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _leakdrill; echo \"${COMPREPLY[*]}\"",
                 cases[i].words);
        snprintf(expected, sizeof expected, "%s\n", cases[i].replies);
        sh("/bin/bash", script, 0, expected);
    }
}

static void other_shells_are_refused(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "completion", "csh");
    lab_check(&result, 4, NULL, "bash, zsh and fish");
    program_result_done(&result);
    RUN(&result, "completion");
    lab_check(&result, 4, NULL, "which shell?");
    program_result_done(&result);
}

static void manual_has_every_command(void **state)
{
    (void)state;
    struct names names = commands();
    struct program_result result;
    RUN(&result, "help", "--man");
    lab_check(&result, 0, ".TH LEAKDRILL 1", NULL);
    lab_check(&result, 0, "\\fB\\-\\-shard\\fR \\fIK/N\\fR", NULL);
    for (size_t i = 0; i < names.count; i++) {
        char heading[100], *out = heading + sprintf(heading, ".SS leakdrill ");
        for (const char *at = names.items[i]; *at; at++)
            out += sprintf(out, *at == '-' ? "\\-" : "%c", *at);
        lab_check(&result, 0, heading, NULL);
    }
    lab_write(&lab, "leakdrill.1", result.out);
    if (has("groff"))
        sh("/bin/sh", "groff -man -Tutf8 -ww leakdrill.1 2>&1 >/dev/null", 0, "");
    program_result_done(&result);
    RUN(&result, "help", "--man", "run");
    lab_check(&result, 4, NULL, "one page for all commands");
    program_result_done(&result);
}

int test_completion(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(every_shell_is_told_every_command),
        IN_LAB(bash_completes),
        IN_GROUP(other_shells_are_refused),
        IN_LAB(manual_has_every_command),
    };
    return cmocka_run_group_tests_name("completion", tests, NULL, NULL);
}
