#include "detect/go_source.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* ---- tokens: as coarse as will do */

enum token { END, SPACE, NEWLINE, COMMENT, TEXT, WORD, OTHER };

struct span {
    size_t from, to;
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

static size_t end_of_line(const char *text, size_t length, size_t at)
{
    const char *newline = memchr(text + at, '\n', length - at);
    return newline ? (size_t)(newline - text) : length;
}

static size_t end_of_block(const char *text, size_t length, size_t at)
{
    for (at += 2; at + 1 < length; at++)
        if (text[at] == '*' && text[at + 1] == '/')
            return at + 2;
    return length;
}

/* Behind a string or rune that begins at `at`; one of a line that is not closed there ends with the line. */
static size_t end_of_text(const char *text, size_t length, size_t at)
{
    char quote = text[at++];
    for (; at < length && text[at] != quote; at++) {
        if (quote != '`' && text[at] == '\n')
            return at;
        if (quote != '`' && text[at] == '\\' && at + 1 < length && text[at + 1] != '\n')
            at++;
    }
    return at < length ? at + 1 : length;
}

/* The token at `at`, and where it ends. */
static enum token next(const char *text, size_t length, size_t at, size_t *ret_end)
{
    if (at >= length)
        return END;
    char c = text[at], then = at + 1 < length ? text[at + 1] : '\0';
    *ret_end = at + 1;
    if (c == '\n')
        return NEWLINE;
    if (c == ' ' || c == '\t' || c == '\r')
        return SPACE;
    if (c == '/' && then == '/') {
        *ret_end = end_of_line(text, length, at);
        return COMMENT;
    }
    if (c == '/' && then == '*') {
        *ret_end = end_of_block(text, length, at);
        return COMMENT;
    }
    if (c == '"' || c == '`' || c == '\'') {
        *ret_end = end_of_text(text, length, at);
        return TEXT;
    }
    if (!is_word(c))
        return OTHER;
    while (*ret_end < length && is_word(text[*ret_end]))
        ++*ret_end;
    return WORD;
}

static bool equals(const char *text, struct span span, const char *what)
{
    return span.to - span.from == strlen(what) && memcmp(text + span.from, what, span.to - span.from) == 0;
}

/* ---- comments */

static bool is_directive(const char *text, struct span comment)
{
    static const char *const directives[] = {"//go:", "//export ", "//line ", "// +build "};
    for (size_t i = 0; i < sizeof directives / sizeof *directives; i++) {
        size_t length = strlen(directives[i]);
        if (comment.to - comment.from >= length && memcmp(text + comment.from, directives[i], length) == 0)
            return true;
    }
    return false;
}

static void blank(char *bytes, struct span comment)
{
    for (size_t i = comment.from; i < comment.to; i++)
        if (bytes[i] != '\n' && bytes[i] != '\r')
            bytes[i] = ' ';
}

/* What may turn out to be C: the comments that end on the line before a declaration or a spec of it. */
struct preamble {
    struct span group;    /* the latest comments without an empty line or code among them; from == to: none */
    size_t newlines;      /* since they ended */
    struct span of_import; /* what stood before the word import */
    bool in_import;       /* that word was met, and nothing but its specs since */
    int depth;            /* of its parenthesis */
};

static void keep(const char *text, char *bytes, struct span group)
{
    memcpy(bytes + group.from, text + group.from, group.to - group.from);
}

static void note_comment(struct preamble *preamble, struct span comment)
{
    if (preamble->group.from == preamble->group.to || preamble->newlines > 1)
        preamble->group.from = comment.from;
    preamble->group.to = comment.to;
    preamble->newlines = 0;
}

static void note_code(struct preamble *preamble, const char *text, char *bytes, enum token token, struct span span)
{
    const struct span before = preamble->newlines <= 1 ? preamble->group : (struct span){0, 0};
    if (token == WORD && equals(text, span, "import")) {
        *preamble = (struct preamble){.of_import = before, .in_import = true};
        return;
    }
    if (preamble->in_import && token == TEXT && equals(text, span, "\"C\"")) {
        keep(text, bytes, preamble->of_import);
        keep(text, bytes, before);
    }
    if (preamble->in_import && token == OTHER)
        preamble->depth += (text[span.from] == '(') - (text[span.from] == ')');
    preamble->in_import = preamble->in_import && (token != TEXT || preamble->depth > 0) && preamble->depth >= 0 &&
                          !(token == OTHER && text[span.from] == ')');
    preamble->group = (struct span){0, 0};
}

int ld_go_strip(const char *text, size_t length, struct ld_buffer *out)
{
    struct preamble preamble = {0};
    size_t start = out->length;
    if (length > LD_GO_SOURCE_MAX)
        return LD_ELIMIT;
    int code = ld_buffer_add(out, text, length);
    if (code)
        return code;
    char *bytes = out->bytes + start;
    enum token token;
    for (size_t at = 0, end; (token = next(text, length, at, &end)) != END; at = end) {
        struct span span = {at, end};
        if (token == NEWLINE)
            preamble.newlines++;
        else if (token == COMMENT) {
            note_comment(&preamble, span);
            if (!is_directive(text, span))
                blank(bytes, span);
        } else if (token != SPACE)
            note_code(&preamble, text, bytes, token, span);
    }
    return 0;
}

/* ---- functions */

struct reading {
    const char *text;
    size_t length, at, line;
    struct span span; /* of the token in hand */
};

/* The next token that is more than space; lines are counted. */
static enum token read_token(struct reading *reading)
{
    enum token token;
    do {
        size_t end = reading->at;
        token = next(reading->text, reading->length, reading->at, &end);
        reading->span = (struct span){reading->at, end};
        for (size_t i = reading->at; i < end; i++)
            reading->line += reading->text[i] == '\n';
        reading->at = end;
    } while (token == SPACE || token == NEWLINE || token == COMMENT);
    return token;
}

static bool is_mark(const struct reading *reading, enum token token, char mark)
{
    return token == OTHER && reading->text[reading->span.from] == mark;
}

/* Behind an opening mark: to its closing one. The last word on the outermost level is in *ret_last, whether a `*` and a
 * `[` were met there too. */
static enum token skip(struct reading *reading, char open, char close, struct span *ret_last, bool *ret_star,
                       bool *ret_generic)
{
    int depth = 1, inner = 0;
    enum token token = OTHER;
    while (depth > 0 && (token = read_token(reading)) != END) {
        char mark = token == OTHER ? reading->text[reading->span.from] : '\0';
        depth += (mark == open) - (mark == close);
        if (open != '[' && depth > 0) {
            *ret_star = *ret_star || mark == '*';
            *ret_generic = *ret_generic || mark == '[';
            inner += (mark == '[') - (mark == ']');
        }
        if (token == WORD && depth == 1 && inner == 0)
            *ret_last = reading->span;
    }
    return token;
}

static int cut(struct span span)
{
    size_t length = span.to - span.from;
    return (int)(length < 200 ? length : 200);
}

/* Behind the word func on the outermost level: its name as profiles have it; "" when it is none with a name. */
static void read_header(struct reading *reading, const char *package, char *ret_name)
{
    struct span type = {0, 0}, name;
    bool star = false, generic = false, method = false;
    enum token token = read_token(reading);
    ret_name[0] = '\0';
    if (is_mark(reading, token, '(')) {
        method = true;
        if (skip(reading, '(', ')', &type, &star, &generic) == END)
            return;
        token = read_token(reading);
    }
    if (token != WORD)
        return;
    name = reading->span;
    size_t at = reading->at, line = reading->line;
    bool own = is_mark(reading, read_token(reading), '['); /* type parameters */
    reading->at = at;
    reading->line = line;
    const char *text = reading->text, *parameters = generic ? "[...]" : "";
    if (method)
        snprintf(ret_name, LD_GO_FUNCTION_MAX, "%.100s.%s%.*s%s%s.%.*s", package, star ? "(*" : "", cut(type),
                 text + type.from, parameters, star ? ")" : "", cut(name), text + name.from);
    else
        snprintf(ret_name, LD_GO_FUNCTION_MAX, "%.100s.%.*s%s", package, cut(name), text + name.from,
                 own ? "[...]" : "");
}

void ld_go_function_at(const char *text, size_t length, size_t line, const char *package, char *ret_name)
{
    struct reading reading = {.text = text, .length = length, .line = 1};
    int depth = 0;         /* of parentheses and braces */
    size_t from = 0;       /* line of the func on the outermost level whose body is not over; 0: none */
    bool in_body = false;
    enum token token;
    char name[LD_GO_FUNCTION_MAX] = "";
    snprintf(ret_name, LD_GO_FUNCTION_MAX, "%.100s.init", package);
    while ((token = read_token(&reading)) != END) {
        char mark = token == OTHER ? text[reading.span.from] : '\0';
        if (depth == 0 && !from && token == WORD && equals(text, reading.span, "func") &&
            (reading.span.from == 0 || text[reading.span.from - 1] == '\n')) {
            from = reading.line;
            in_body = false;
            read_header(&reading, package, name);
            continue;
        }
        in_body = in_body || (from && depth == 0 && mark == '{');
        depth += (mark == '{' || mark == '(') - (mark == '}' || mark == ')');
        depth = depth < 0 ? 0 : depth;
        if (!(from && in_body && depth == 0 && mark == '}'))
            continue;
        if (line >= from && line <= reading.line && name[0]) {
            snprintf(ret_name, LD_GO_FUNCTION_MAX, "%s", name);
            return;
        }
        from = 0;
    }
}
