/* Completion for shells: bash, zsh and fish scripts from the tables of subcommands, options, detectors and faults. */
#include <stdio.h>
#include <string.h>

#include "detect/detector.h"
#include "fault/fault.h"
#include "runner/cli/command.h"
#include "runner/cli/new_detector.h"
#include "runner/cli/formats.h"
#include "runner/cli/help.h"
#include "scenario/scenario.h"

#define SCRIPT_MAX ((size_t)1 << 20)

/* ---- what stands for what: the words that synopses and options' values use */

static const char *const no_words[] = {NULL};
static const char *const shells[] = {"bash", "zsh", "fish", NULL};
static const char *const topics[] = {"faults", "detectors", "when", "matrix", "causes", "outcomes", "proxy", NULL};

#define KEYS_MAX 512

static const char *const *command_words(void)
{
    static const char *names[LD_COMMANDS_MAX + 1];
    size_t count = 0;
    for (const struct ld_command *command = ld_commands; command->name; command++)
        if (ld_command_is_there(command))
            names[count++] = command->name;
    names[count] = NULL;
    return names;
}

static const char *const *shell_words(void)
{
    return shells;
}

static const char *const *topic_words(void)
{
    static char paths[KEYS_MAX][LD_KEY_PATH_MAX];
    static const char *words[KEYS_MAX + LD_FAULT_TYPES + sizeof topics / sizeof *topics];
    size_t keys = ld_scenario_key_paths(paths, KEYS_MAX), count = 0;
    for (size_t i = 0; topics[i]; i++)
        words[count++] = topics[i];
    for (size_t i = 0; i < keys; i++)
        if (strcmp(paths[i], "faults") != 0 && strcmp(paths[i], "detectors") != 0) /* among the topics */
            words[count++] = paths[i];
    for (int type = 0; type < LD_FAULT_TYPES; type++)
        words[count++] = ld_fault_table[type].name;
    words[count] = NULL;
    return words;
}

static const struct placeholder {
    const char *word;
    bool files;
    const char *const *(*words)(void); /* may be NULL */
} placeholders[] = {
    {"SCENARIO", true, NULL},
    {"FILE", true, NULL},
    {"FOLDER", true, NULL},
    {"COMMAND", false, command_words},
    {"SHELL", false, shell_words},
    {"KEY", false, topic_words},
    {"DETECTOR", false, ld_detector_names},
    {"FORMAT", false, ld_report_format_names},
    {"LANGUAGE", false, ld_exec_languages},
    {"CMD", true, NULL},
};

/* The first placeholder that stands in `text`; NULL: nothing is known of what belongs there. */
static const struct placeholder *placeholder_in(const char *text)
{
    for (size_t i = 0; text && i < sizeof placeholders / sizeof *placeholders; i++)
        if (strstr(text, placeholders[i].word))
            return &placeholders[i];
    return NULL;
}

static const char *const *words_of(const struct placeholder *placeholder)
{
    return placeholder && placeholder->words ? placeholder->words() : no_words;
}

/* ---- writing */

static void add_words(struct ld_buffer *out, const char *const *words)
{
    for (const char *before = ""; *words; words++, before = " ")
        ld_buffer_printf(out, "%s%s", before, *words);
}

static void add_options(struct ld_buffer *out, const struct ld_command *command)
{
    for (const struct ld_option *option = command->options; option && option->name; option++)
        ld_buffer_printf(out, "--%s ", option->name);
    ld_buffer_add_text(out, "--help");
}

/* The first line of a text, for between single quotes of a shell; a backslash before each of `escaped`: a colon and
 * brackets mean something to zsh's _arguments. */
static void add_quotable(struct ld_buffer *out, const char *text, const char *escaped)
{
    for (; *text && *text != '\n'; text++) {
        if (*text == '\'')
            ld_buffer_add_text(out, "'\\''");
        else
            ld_buffer_printf(out, "%s%c", strchr(escaped, *text) ? "\\" : "", *text);
    }
}

/* ---- bash */

static void add_bash_reply(struct ld_buffer *out, const struct placeholder *placeholder)
{
    if (placeholder && placeholder->files) {
        ld_buffer_add_text(out, "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\")");
        return;
    }
    ld_buffer_add_text(out, "mapfile -t COMPREPLY < <(compgen -W '");
    add_words(out, words_of(placeholder));
    ld_buffer_add_text(out, "' -- \"$current\")");
}

static void add_bash_command(struct ld_buffer *out, const struct ld_command *command)
{
    ld_buffer_printf(out, "    %s)\n        case $previous in\n", command->name);
    for (const struct ld_option *option = command->options; option && option->name; option++) {
        if (!option->value)
            continue;
        ld_buffer_printf(out, "        --%s) ", option->name);
        add_bash_reply(out, placeholder_in(option->value));
        ld_buffer_add_text(out, "; return ;;\n");
    }
    ld_buffer_add_text(out, "        esac\n        if [[ $current == -* ]]; then\n"
                            "            mapfile -t COMPREPLY < <(compgen -W '");
    add_options(out, command);
    ld_buffer_add_text(out, "' -- \"$current\")\n        else\n            ");
    add_bash_reply(out, placeholder_in(command->synopsis));
    ld_buffer_add_text(out, "\n        fi ;;\n");
}

static void add_bash(struct ld_buffer *out)
{
    ld_buffer_add_text(out, "# bash completion of leakdrill: eval \"$(leakdrill completion bash)\"\n"
                            "_leakdrill() {\n"
                            "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
                            "    COMPREPLY=()\n"
                            "    if ((COMP_CWORD == 1)); then\n"
                            "        mapfile -t COMPREPLY < <(compgen -W '");
    add_words(out, command_words());
    ld_buffer_add_text(out, "' -- \"$current\")\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n");
    for (const struct ld_command *command = ld_commands; command->name; command++)
        if (ld_command_is_there(command))
            add_bash_command(out, command);
    ld_buffer_add_text(out, "    esac\n}\ncomplete -F _leakdrill leakdrill\n");
}

/* ---- zsh */

static void add_zsh_action(struct ld_buffer *out, const char *text)
{
    const struct placeholder *placeholder = placeholder_in(text);
    if (placeholder && placeholder->files) {
        ld_buffer_add_text(out, "_files");
    } else if (placeholder) {
        ld_buffer_add_text(out, "(");
        add_words(out, words_of(placeholder));
        ld_buffer_add_text(out, ")");
    }
}

static void add_zsh_command(struct ld_buffer *out, const struct ld_command *command)
{
    ld_buffer_printf(out, "    %s)\n        _arguments", command->name);
    for (const struct ld_option *option = command->options; option && option->name; option++) {
        ld_buffer_printf(out, " \\\n            '--%s%s[", option->name, option->value ? "=" : "");
        add_quotable(out, option->doc, "[]:\\");
        ld_buffer_add_text(out, "]");
        if (option->value) {
            ld_buffer_printf(out, ":%s:", option->value);
            add_zsh_action(out, option->value);
        }
        ld_buffer_add_text(out, "'");
    }
    ld_buffer_add_text(out, " \\\n            '--help[Show this help.]'");
    if (command->takes_arguments) {
        ld_buffer_add_text(out, " \\\n            '*:argument:");
        add_zsh_action(out, command->synopsis);
        ld_buffer_add_text(out, "'");
    }
    ld_buffer_add_text(out, " ;;\n");
}

static void add_zsh(struct ld_buffer *out)
{
    ld_buffer_add_text(out, "#compdef leakdrill\n# zsh completion of leakdrill: source <(leakdrill completion zsh)\n"
                            "_leakdrill() {\n    local -a commands\n    commands=(\n");
    for (const struct ld_command *command = ld_commands; command->name; command++) {
        if (!ld_command_is_there(command))
            continue;
        ld_buffer_printf(out, "        '%s:", command->name);
        add_quotable(out, command->summary, ":\\");
        ld_buffer_add_text(out, "'\n");
    }
    ld_buffer_add_text(out,
                       "    )\n    if ((CURRENT == 2)); then\n        _describe command commands\n        return\n"
                       "    fi\n    local name=$words[2]\n    shift words\n    ((CURRENT--))\n    case $name in\n");
    for (const struct ld_command *command = ld_commands; command->name; command++)
        if (ld_command_is_there(command))
            add_zsh_command(out, command);
    ld_buffer_add_text(out, "    esac\n}\ncompdef _leakdrill leakdrill\n");
}

/* ---- fish */

/* In fish's single quotes a backslash stands before a quote and before itself. */
static void add_fish_text(struct ld_buffer *out, const char *text)
{
    for (; *text && *text != '\n'; text++)
        ld_buffer_printf(out, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
}

static void add_fish_values(struct ld_buffer *out, const char *text)
{
    const struct placeholder *placeholder = placeholder_in(text);
    if (placeholder && placeholder->files) {
        ld_buffer_add_text(out, " -F");
    } else if (placeholder) {
        ld_buffer_add_text(out, " -f -a '");
        add_words(out, words_of(placeholder));
        ld_buffer_add_text(out, "'");
    }
}

static void add_fish_command(struct ld_buffer *out, const struct ld_command *command)
{
    ld_buffer_printf(out, "complete -c leakdrill -n __fish_use_subcommand -f -a %s -d '", command->name);
    add_fish_text(out, command->summary);
    ld_buffer_add_text(out, "'\n");
    for (const struct ld_option *option = command->options; option && option->name; option++) {
        ld_buffer_printf(out, "complete -c leakdrill -n '__fish_seen_subcommand_from %s' -l %s -d '", command->name,
                         option->name);
        add_fish_text(out, option->doc);
        ld_buffer_add_text(out, "'");
        if (option->value) {
            ld_buffer_add_text(out, " -r");
            add_fish_values(out, option->value);
        }
        ld_buffer_add_text(out, "\n");
    }
    if (placeholder_in(command->synopsis)) {
        ld_buffer_printf(out, "complete -c leakdrill -n '__fish_seen_subcommand_from %s'", command->name);
        add_fish_values(out, command->synopsis);
        ld_buffer_add_text(out, "\n");
    }
}

static void add_fish(struct ld_buffer *out)
{
    ld_buffer_add_text(out, "# fish completion of leakdrill: leakdrill completion fish | source\n"
                            "complete -c leakdrill -f\ncomplete -c leakdrill -l help -d 'Show this help.'\n");
    for (const struct ld_command *command = ld_commands; command->name; command++)
        if (ld_command_is_there(command))
            add_fish_command(out, command);
}

int ld_command_completion(const struct ld_invocation *invocation)
{
    static void (*const writers[])(struct ld_buffer * out) = {add_bash, add_zsh, add_fish}; /* in the order of shells */
    if (invocation->argument_count != 1)
        return ld_usage_error(invocation->command, "which shell? bash, zsh or fish");
    size_t row = 0;
    while (shells[row] && strcmp(shells[row], invocation->arguments[0]) != 0)
        row++;
    if (!shells[row])
        return ld_usage_error(invocation->command, "no completion for \"%.40s\": there is one for bash, zsh and fish",
                              invocation->arguments[0]);
    struct ld_buffer out;
    ld_buffer_init(&out, SCRIPT_MAX);
    writers[row](&out);
    struct ld_error error = {0};
    int code = ld_put_done(&out, ld_buffer_add_text(&out, "# end\n"), &error);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
