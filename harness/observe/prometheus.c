#include "observe/prometheus.h"

#include <math.h>
#include <stdlib.h>

#include "pprof/scan.h"

#define NUMBER_MAX 64 /* bytes of a number's text: Go prints at most 24 */

struct exposition {
    struct ld_point *points;
    size_t room, count;
    bool seen[LD_METRIC_COUNT];
};

static bool is_name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || (!first && c >= '0' && c <= '9');
}

static bool scan_name(struct ld_span *line, struct ld_span *ret_name)
{
    const char *start = line->at;
    while (line->at < line->end && is_name_byte(*line->at, line->at == start))
        line->at++;
    *ret_name = (struct ld_span){start, line->at};
    return line->at > start;
}

static void skip_blanks(struct ld_span *line)
{
    while (line->at < line->end && (*line->at == ' ' || *line->at == '\t'))
        line->at++;
}

/* {a="b", c="d\"e"}; whatever the labels say. */
static bool skip_labels(struct ld_span *line)
{
    bool quoted = false;
    for (line->at++; line->at < line->end; line->at++) {
        if (quoted && *line->at == '\\' && line->at + 1 < line->end)
            line->at++;
        else if (*line->at == '"')
            quoted = !quoted;
        else if (*line->at == '}' && !quoted) {
            line->at++;
            return true;
        }
    }
    return false;
}

static bool scan_word(struct ld_span *line, struct ld_span *ret_word)
{
    const char *start = line->at;
    while (line->at < line->end && *line->at != ' ' && *line->at != '\t')
        line->at++;
    *ret_word = (struct ld_span){start, line->at};
    return line->at > start;
}

/* A number as Go's ParseFloat prints it: decimal, perhaps with an exponent, or NaN, +Inf, -Inf. */
static bool parse_value(struct ld_span word, double *ret_value)
{
    static const char *const specials[] = {"NaN", "+Inf", "-Inf", "Inf"};
    char text[NUMBER_MAX + 1], *end;
    size_t length = ld_span_length(word);
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++)
        if (ld_span_is(word, specials[i])) {
            *ret_value = (double)NAN;
            return true;
        }
    if (length > NUMBER_MAX)
        return false;
    memcpy(text, word.at, length);
    text[length] = '\0';
    if (strspn(text, "+-.0123456789eE") != length)
        return false;
    *ret_value = strtod(text, &end);
    return end == text + length;
}

static bool is_timestamp(struct ld_span word)
{
    uint64_t ms;
    if (!ld_scan_text(&word, "-"))
        ld_scan_text(&word, "+");
    return ld_scan_decimal(&word, &ms) && word.at == word.end;
}

static int find_metric(struct ld_span name)
{
    for (int i = 0; i < LD_METRIC_COUNT; i++)
        if (ld_metric_table[i].prometheus && ld_span_is(name, ld_metric_table[i].prometheus))
            return i;
    return -1;
}

/* One line: blank, comment or sample. False when it is none of them, or a metric told twice. */
static bool read_line(struct exposition *exposition, struct ld_span line)
{
    struct ld_span name, word;
    double value;
    skip_blanks(&line);
    if (line.at == line.end || *line.at == '#')
        return true;
    if (!scan_name(&line, &name))
        return false;
    skip_blanks(&line);
    bool labelled = line.at < line.end && *line.at == '{';
    if (labelled && !skip_labels(&line))
        return false;
    skip_blanks(&line);
    if (!labelled && line.at == name.end)
        return false;
    if (!scan_word(&line, &word) || !parse_value(word, &value))
        return false;
    skip_blanks(&line);
    if (line.at < line.end && (!scan_word(&line, &word) || !is_timestamp(word)))
        return false;
    skip_blanks(&line);
    if (line.at < line.end)
        return false;
    int metric = labelled ? -1 : find_metric(name);
    if (metric < 0)
        return true;
    if (exposition->seen[metric])
        return false;
    exposition->seen[metric] = true;
    if (isfinite(value) && exposition->count < exposition->room)
        exposition->points[exposition->count++] = (struct ld_point){(enum ld_metric)metric, value};
    return true;
}

static int fail_line(struct ld_error *error, int code, unsigned number, const char *what)
{
    ld_fail(error, code, "%s in line %u of the metrics", what, number);
    if (error)
        error->line = number;
    return code;
}

int ld_prometheus_parse(const char *bytes, size_t length, struct ld_point *points, size_t room, size_t *ret_count,
                        struct ld_error *error)
{
    struct exposition exposition = {.points = points, .room = room};
    struct ld_span text = {bytes, bytes + length}, line;
    unsigned number = 1;
    for (; ld_scan_line(&text, &line); number++)
        if (!read_line(&exposition, line))
            return fail_line(error, LD_ESYNTAX, number, "no comment and no sample");
    if (text.at < text.end)
        return fail_line(error, LD_ETRUNCATED, number, "no newline");
    *ret_count = exposition.count;
    return 0;
}
