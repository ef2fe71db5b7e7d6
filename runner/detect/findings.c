#include "runner/detect/findings.h"

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

#define LINE_MAX_BYTES 4096u
#define REASON_MAX 300

static int add(struct ld_findings *findings, const struct ld_finding *finding, struct ld_arena *arena)
{
    if (findings->count == LD_FINDINGS_MAX) {
        findings->passed_over++;
        return 0;
    }
    if (findings->count == findings->room) {
        size_t room = findings->room ? findings->room * 2 : 16;
        struct ld_finding *items = ld_arena_array(arena, room, sizeof *items);
        if (!items)
            return LD_ENOMEM;
        if (findings->count)
            memcpy(items, findings->items, findings->count * sizeof *items);
        findings->items = items;
        findings->room = room;
    }
    struct ld_finding *item = &findings->items[findings->count];
    *item = *finding;
    item->file = ld_arena_text(arena, finding->file);
    item->code = ld_arena_text(arena, finding->code);
    item->message = ld_arena_text(arena, finding->message);
    if (!item->file || !item->code || !item->message)
        return LD_ENOMEM;
    findings->count++;
    return 0;
}

static int unreadable(const char *text, size_t length, struct ld_arena *arena, const char **ret_reason)
{
    *ret_reason = ld_arena_printf(arena, "%.*s", (int)(length < REASON_MAX ? length : REASON_MAX), text);
    return *ret_reason ? LD_ESYNTAX : LD_ENOMEM;
}

/* A number from 1 on at `text`; *ret_end is behind it. 0: there is none. */
static unsigned read_number(const char *text, const char **ret_end)
{
    unsigned number = 0;
    for (; isdigit((unsigned char)*text); text++)
        number = number < 100000000u ? number * 10 + (unsigned)(*text - '0') : number;
    *ret_end = text;
    return number;
}

/* "file.go:12:3" or "file.go:12" at the beginning of `text`, in which the name is ended. NULL: it does not begin so. */
static const char *read_place(char *text, struct ld_finding *finding)
{
    char *end = strstr(text, ".go:");
    const char *rest;
    if (!end || !isdigit((unsigned char)end[4]))
        return NULL;
    end[3] = '\0';
    finding->file = text;
    finding->line = read_number(end + 4, &rest);
    finding->column = 0;
    if (*rest == ':' && isdigit((unsigned char)rest[1]))
        finding->column = read_number(rest + 1, &rest);
    return finding->line ? rest : NULL;
}

/* ---- go vet -json */

static int add_diagnostic(struct ld_findings *findings, const char *check, const json_t *diagnostic,
                          struct ld_arena *arena)
{
    const char *place = json_string_value(json_object_get(diagnostic, "posn"));
    const char *message = json_string_value(json_object_get(diagnostic, "message"));
    struct ld_finding finding = {.code = check, .message = message ? message : ""};
    char *text = ld_arena_text(arena, place ? place : "");
    if (!text)
        return LD_ENOMEM;
    return read_place(text, &finding) ? add(findings, &finding, arena) : 0;
}

static int add_package(struct ld_findings *findings, const json_t *checks, struct ld_arena *arena,
                       const char **ret_reason)
{
    const char *check;
    json_t *diagnostics;
    json_object_foreach((json_t *)checks, check, diagnostics)
    {
        const char *failed = json_string_value(json_object_get(diagnostics, "error"));
        if (failed)
            return unreadable(failed, strlen(failed), arena, ret_reason);
        for (size_t i = 0; i < json_array_size(diagnostics); i++) {
            int code = add_diagnostic(findings, check, json_array_get(diagnostics, i), arena);
            if (code)
                return code;
        }
    }
    return 0;
}

int ld_findings_of_vet(struct ld_findings *findings, const char *text, size_t length, struct ld_arena *arena,
                       const char **ret_reason)
{
    int code = 0;
    for (size_t at = 0; at < length && !code;) {
        if (isspace((unsigned char)text[at])) {
            at++;
            continue;
        }
        if (text[at] == '#') {
            const char *newline = memchr(text + at, '\n', length - at);
            at = newline ? (size_t)(newline - text) : length;
            continue;
        }
        json_error_t problem;
        json_t *root = json_loadb(text + at, length - at, JSON_DISABLE_EOF_CHECK, &problem);
        if (!json_is_object(root) || problem.position <= 0) {
            json_decref(root);
            return unreadable(text + at, length - at, arena, ret_reason);
        }
        const char *package;
        json_t *checks;
        json_object_foreach(root, package, checks)
        {
            if (!code)
                code = add_package(findings, checks, arena, ret_reason);
        }
        at += (size_t)problem.position;
        json_decref(root);
    }
    return code;
}

/* ---- by lines */

/* Each line, as a text of its own that may be written to; false when there is no other. Longer ones are cut. */
static bool next_line(const char *text, size_t length, size_t *at, char *ret_line)
{
    if (*at >= length)
        return false;
    const char *newline = memchr(text + *at, '\n', length - *at);
    size_t end = newline ? (size_t)(newline - text) : length, size = end - *at;
    size = size < LINE_MAX_BYTES - 1 ? size : LINE_MAX_BYTES - 1;
    memcpy(ret_line, text + *at, size);
    ret_line[size] = '\0';
    *at = end + 1;
    return true;
}

static int add_problem(struct ld_findings *findings, const json_t *problem, struct ld_arena *arena,
                       const char **ret_reason)
{
    static const char without[] = "a problem without code, message or place";
    const char *code = json_string_value(json_object_get(problem, "code"));
    const char *message = json_string_value(json_object_get(problem, "message"));
    const json_t *location = json_object_get(problem, "location");
    const char *file = json_string_value(json_object_get(location, "file"));
    json_int_t line = json_integer_value(json_object_get(location, "line"));
    json_int_t column = json_integer_value(json_object_get(location, "column"));
    if (!code || !message || !file)
        return unreadable(without, strlen(without), arena, ret_reason);
    if (strcmp(code, "compile") == 0)
        return unreadable(message, strlen(message), arena, ret_reason);
    struct ld_finding finding = {.file = file,
                                 .line = line > 0 && line < 100000000 ? (unsigned)line : 0,
                                 .column = column > 0 && column < 100000000 ? (unsigned)column : 0,
                                 .code = code,
                                 .message = message};
    return finding.line ? add(findings, &finding, arena) : 0;
}

int ld_findings_of_staticcheck(struct ld_findings *findings, const char *text, size_t length, struct ld_arena *arena,
                               const char **ret_reason)
{
    int code = 0;
    for (size_t at = 0, end; !code && at < length; at = end + 1) { /* a problem may be longer than any line of text */
        const char *newline = memchr(text + at, '\n', length - at);
        end = newline ? (size_t)(newline - text) : length;
        while (at < end && isspace((unsigned char)text[at]))
            at++;
        if (at == end)
            continue;
        json_t *problem = json_loadb(text + at, end - at, 0, NULL);
        code = json_is_object(problem) ? add_problem(findings, problem, arena, ret_reason)
                                       : unreadable(text + at, end - at, arena, ret_reason);
        json_decref(problem);
    }
    return code;
}

/* The check that stands in parentheses at the end, cut off there; "" when none does. */
static const char *cut_code(char *message)
{
    size_t length = strlen(message);
    char *open = strrchr(message, '(');
    if (length == 0 || message[length - 1] != ')' || !open || open == message || open[-1] != ' ' ||
        strcspn(open, " \t") != strlen(open))
        return "";
    message[length - 1] = '\0';
    open[-1] = '\0';
    return open + 1;
}

int ld_findings_of_lines(struct ld_findings *findings, const char *text, size_t length, struct ld_arena *arena)
{
    char line[LINE_MAX_BYTES];
    int code = 0;
    for (size_t at = 0; !code && next_line(text, length, &at, line);) {
        struct ld_finding finding = {0};
        char *end = line + strlen(line);
        while (end > line && isspace((unsigned char)end[-1]))
            *--end = '\0';
        const char *rest = read_place(line, &finding);
        if (!rest || strncmp(rest, ": ", 2) != 0)
            continue;
        char *message = line + (rest + 2 - line);
        finding.code = cut_code(message);
        finding.message = message;
        code = add(findings, &finding, arena);
    }
    return code;
}
