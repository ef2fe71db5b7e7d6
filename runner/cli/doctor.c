#include "runner/cli/doctor.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/cli/command.h"
#include "runner/cli/progress.h"
#include "runner/cli/wrap.h"

#define TEXT_MAX ((size_t)1 << 20)
#define NAME_WIDTH 16
#define HEALTH_WIDTH 8
#define INDENT (2 + NAME_WIDTH + 2 + HEALTH_WIDTH + 2)
#define WIDTH_MIN 60
#define WIDTH_MAX 110

static const struct check {
    const char *name;
    bool needed;
    const char *lost;
    void (*look)(struct ld_finding *finding);
} checks[] = {
#define X(id, name, needed, lost) {name, needed, lost, ld_doctor_##id},
    LD_DOCTOR_CHECKS(X)
#undef X
};
#define CHECK_COUNT (sizeof checks / sizeof checks[0])

static const struct {
    const char *name, *colour;
} healths[] = {[LD_HEALTH_OK] = {"ok", "\033[32m"},
               [LD_HEALTH_DEGRADED] = {"degraded", "\033[33m"},
               [LD_HEALTH_MISSING] = {"missing", "\033[31m"}};

void ld_found(struct ld_finding *finding, enum ld_health health, const char *format, ...)
{
    va_list arguments;
    finding->health = health;
    va_start(arguments, format);
    vsnprintf(finding->found, sizeof finding->found, format, arguments);
    va_end(arguments);
}

bool ld_doctor_ask(const char *command, char *ret_line, unsigned room)
{
    FILE *stream = popen(command, "re");
    if (!stream)
        return false;
    bool good = fgets(ret_line, (int)room, stream) != NULL;
    char rest[256];
    while (fgets(rest, sizeof rest, stream))
        ; /* or it dies of a broken pipe */
    int status = pclose(stream);
    if (good)
        ret_line[strcspn(ret_line, "\n")] = '\0';
    return good && ret_line[0] && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* `text` in the last column; the first line continues the line that is there. */
static int add_text(struct ld_buffer *out, const char *text, unsigned width)
{
    struct ld_buffer wrapped;
    ld_buffer_init(&wrapped, TEXT_MAX);
    int code = ld_wrap(text, width - INDENT, &wrapped);
    const char *line = ld_buffer_text(&wrapped);
    for (int indent = 0; !code && *line; indent = INDENT) {
        size_t length = strcspn(line, "\n");
        code = ld_buffer_printf(out, "%*s%.*s\n", indent, "", (int)length, line);
        line += length + (line[length] == '\n');
    }
    ld_buffer_done(&wrapped);
    return code;
}

static const char *lost_without(const struct check *check, const struct ld_finding *finding)
{
    return finding->lost ? finding->lost : check->lost;
}

static int add_row(struct ld_buffer *out, const struct check *check, const struct ld_finding *finding, unsigned width,
                   bool colour)
{
    char lost[1000];
    int code = ld_buffer_printf(out, "  %-*s  %s%-*s%s  ", NAME_WIDTH, check->name,
                                colour ? healths[finding->health].colour : "", HEALTH_WIDTH,
                                healths[finding->health].name, colour ? "\033[0m" : "");
    if (!code)
        code = add_text(out, finding->found, width);
    if (code || finding->health == LD_HEALTH_OK)
        return code;
    snprintf(lost, sizeof lost, "lost: %s", lost_without(check, finding));
    code = ld_buffer_printf(out, "%*s", INDENT, "");
    return code ? code : add_text(out, lost, width);
}

static int add_table(struct ld_buffer *out, const struct ld_finding *findings, bool possible, bool colour)
{
    unsigned width = ld_terminal_width(STDOUT_FILENO);
    width = width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
    int code = 0;
    for (size_t i = 0; !code && i < CHECK_COUNT; i++)
        code = add_row(out, &checks[i], &findings[i], width, colour);
    return code ? code : ld_buffer_printf(out, "\nRuns are %spossible on this machine.\n", possible ? "" : "not ");
}

static int add_json(struct ld_buffer *out, const struct ld_finding *findings, bool possible)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        bool lacking = findings[i].health != LD_HEALTH_OK;
        json_array_append_new(rows, json_pack("{s:s, s:s, s:b, s:s, s:s?}", "name", checks[i].name, "status",
                                              healths[findings[i].health].name, "needed", checks[i].needed, "found",
                                              findings[i].found, "lost",
                                              lacking ? lost_without(&checks[i], &findings[i]) : NULL));
    }
    json_t *root =
        json_pack("{s:s, s:b, s:o}", "version", LEAKDRILL_VERSION, "runs_possible", possible, "checks", rows);
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    int code = text ? ld_buffer_printf(out, "%s\n", text) : LD_ENOMEM;
    free(text);
    json_decref(root);
    return code;
}

int ld_command_doctor(const struct ld_invocation *invocation)
{
    struct ld_finding findings[CHECK_COUNT] = {0};
    bool possible = true;
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        checks[i].look(&findings[i]);
        possible = possible && !(checks[i].needed && findings[i].health == LD_HEALTH_MISSING);
    }
    struct ld_buffer out;
    ld_buffer_init(&out, TEXT_MAX);
    int code = ld_option_given(invocation, "json") ? add_json(&out, findings, possible)
                                                   : add_table(&out, findings, possible, invocation->colour);
    struct ld_error error = {0};
    code = ld_put_done(&out, code, &error);
    if (code)
        return ld_say_error(invocation->command, &error);
    return possible ? LD_EXIT_OK : LD_EXIT_HARNESS;
}
