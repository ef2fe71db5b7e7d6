#include "runner/cli/manual.h"

#include <stdio.h>

#include "runner/cli/help.h"

#define MANUAL_MAX ((size_t)1 << 20)

/* As README has them: they are part of the interface. */
static const struct {
    const char *code, *meaning;
} exit_codes[] = {
    {"0", "All expectations are met."},
    {"1",
     "An expectation is not met; run --against: a detector got worse; replay: the alerts are not the stored ones."},
    {"2", "A scenario or rule file is wrong."},
    {"3", "The harness or its environment failed; doctor: no run is possible here."},
    {"4", "The command line is wrong."},
    {"5", "Inconclusive: not enough evidence."},
    {"77", "Everything was skipped."},
    {"130, 143", "Interrupted (SIGINT, SIGTERM), after a clean teardown."},
};

static const struct {
    const char *name, *meaning;
} variables[] = {
    {"TMPDIR", "Where the work folder of a campaign is made; /tmp when unset or relative."},
    {"LEAKDRILL_FIXTURES_FILE",
     "The list of the built Go programs; default: fixtures/fixtures.json of the build folder."},
    {"NO_COLOR", "When set and not empty: no colour."},
    {"LC_ALL, LC_CTYPE, LANG", "The first that is set says whether UTF-8 may be written."},
};

/* One character of text (UTF-8) as roff has it. Returns its bytes. */
static size_t add_character(struct ld_buffer *out, const char *text)
{
    unsigned char byte = (unsigned char)text[0];
    if (byte < 0x80) {
        if (byte == '\\')
            ld_buffer_add_text(out, "\\e");
        else if (byte == '-')
            ld_buffer_add_text(out, "\\-");
        else
            ld_buffer_add(out, text, 1);
        return 1;
    }
    size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    unsigned point = byte & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        point = point << 6 | ((unsigned char)text[i] & 0x3f);
    ld_buffer_printf(out, "\\[u%04X]", point);
    return length;
}

/* Text of a table as one or more roff lines: a new line becomes a new paragraph, and none begins as a request. */
static void add_text(struct ld_buffer *out, const char *text)
{
    ld_buffer_add_text(out, "\\&");
    while (*text) {
        if (*text == '\n') {
            ld_buffer_add_text(out, "\n.br\n\\&");
            text++;
        } else {
            text += add_character(out, text);
        }
    }
    ld_buffer_add_text(out, "\n");
}

static void add_tagged(struct ld_buffer *out, const char *tag, const char *value, const char *text)
{
    ld_buffer_add_text(out, ".TP\n\\fB");
    for (const char *at = tag; *at;)
        at += add_character(out, at);
    ld_buffer_printf(out, "\\fR%s%s%s\n", value ? " \\fI" : "", value ? value : "", value ? "\\fR" : "");
    add_text(out, text);
}

static void add_command(struct ld_buffer *out, const struct ld_command *command)
{
    ld_buffer_add_text(out, ".SS leakdrill ");
    for (const char *at = command->name; *at;)
        at += add_character(out, at);
    ld_buffer_printf(out, "%s%s%s\n", command->options ? " [OPTIONS]" : "", command->synopsis[0] ? " " : "",
                     command->synopsis);
    char summary[200];
    snprintf(summary, sizeof summary, "%s.", command->summary);
    summary[0] = (char)(summary[0] >= 'a' && summary[0] <= 'z' ? summary[0] - 'a' + 'A' : summary[0]);
    add_text(out, summary);
    if (command->doc) {
        ld_buffer_add_text(out, ".PP\n");
        add_text(out, command->doc);
    }
    for (const struct ld_option *option = command->options; option && option->name; option++) {
        char name[64];
        snprintf(name, sizeof name, "--%s", option->name);
        add_tagged(out, name, option->value, option->doc);
    }
}

static void add_page(struct ld_buffer *out)
{
    ld_buffer_add_text(out, ".TH LEAKDRILL 1 \"\" \"leakdrill " LEAKDRILL_VERSION "\" \"User commands\"\n"
                            ".SH NAME\nleakdrill \\- a proving ground for leak detectors\n"
                            ".SH SYNOPSIS\n.B leakdrill\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n"
                            ".SH DESCRIPTION\n");
    add_text(out,
             "leakdrill starts real Go programs that leak in known ways, and their healthy twins, disturbs them with "
             "faults, lets detectors watch, and says which detector found what, how fast, how often it cried wolf, "
             "and whether it named the right cause and the right place.");
    ld_buffer_add_text(out, ".PP\n");
    add_text(out, "Results go to standard output, talk to standard error.");
    ld_buffer_add_text(out, ".SH COMMANDS\n");
    for (const struct ld_command *command = ld_commands; command->name; command++)
        if (ld_command_is_there(command))
            add_command(out, command);
    ld_buffer_add_text(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++)
        add_tagged(out, exit_codes[i].code, NULL, exit_codes[i].meaning);
    ld_buffer_add_text(out, ".SH ENVIRONMENT\n");
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        add_tagged(out, variables[i].name, NULL, variables[i].meaning);
    ld_buffer_add_text(out, ".SH EXAMPLES\n");
    add_tagged(out, "leakdrill run", NULL, "Run the documented leaks and what looks like them.");
    add_tagged(out, "leakdrill explain target.limits", NULL, "What a key of a scenario file means.");
    add_tagged(out, "leakdrill show 0", NULL, "The story of run 0 of the newest database.");
}

int ld_manual_put(const struct ld_command *asked_by)
{
    struct ld_buffer out;
    ld_buffer_init(&out, MANUAL_MAX);
    add_page(&out);
    /* A page is far below the maximum: only memory can have run out on the way, and then the last line is missing too.
     */
    struct ld_error error = {0};
    int code = ld_buffer_add_text(&out, ".SH SEE ALSO\nREADME.md in the source folder; sqlite3(1)\n");
    code = ld_put_done(&out, code, &error);
    return code ? ld_say_error(asked_by, &error) : LD_EXIT_OK;
}
