/* Lines: of net/http/pprof's texts (runtime/pprof/pprof.go, runtime/traceback.go of Go 1.19 to 1.27), of panics and
 * sanitizers' reports on standard error, and prose. */
#include "blind/internal.h"
#include "pprof/trace_line.h"

#define WORD_LEAST 3 /* letters of a word in prose that is worth hiding */

/* ---- prose */

/* "collectAll", "Desk", "read_page": nobody writes so but who means the identifier. */
static bool is_marked(struct ld_span name)
{
    for (const char *at = name.at; at < name.end; at++)
        if (*at == '_' || ld_blind_is_digit(*at) || (*at >= 'A' && *at <= 'Z' && (at > name.at || name.end - at > 3)))
            return true;
    return false;
}

static int rename_word(struct ld_blind *blind, struct ld_span name, struct ld_buffer *out)
{
    const struct ld_blind_word *word = NULL;
    if (ld_span_length(name) >= WORD_LEAST)
        word = ld_blind_known(blind, LD_BLIND_PATH, name);
    if (!word && ld_span_length(name) >= WORD_LEAST && is_marked(name))
        word = ld_blind_known(blind, LD_BLIND_NAME, name);
    return word ? ld_blind_add_token(word, out) : ld_blind_copy(name, out);
}

/* Named by the caller, or seen in an observation. */
static bool is_known_package(const struct ld_blind *blind, struct ld_span path)
{
    if (ld_span_is(path, "main"))
        return true;
    if (!ld_blind_owns_package(blind, path))
        return false;
    if (ld_blind_is_named(blind, path))
        return true;
    const char *slash = ld_scan_last(path, '/');
    return ld_blind_known(blind, LD_BLIND_PATH, (struct ld_span){slash ? slash + 1 : path.at, path.end}) != NULL;
}

/* A run of bytes that a symbol or a path may have: a source file, a symbol, a package's path, or words. */
static int rename_run(struct ld_blind *blind, struct ld_span *text, struct ld_buffer *out)
{
    struct ld_span run = {text->at, text->at};
    while (run.end < text->end && ld_blind_is_path_byte(*run.end))
        run.end++;
    size_t length = ld_blind_symbol_length(*text);
    struct ld_span symbol = {text->at, text->at + length}, package = symbol;
    if (length) {
        const char *slash = symbol.at;
        for (const char *at = symbol.at; at < symbol.end && *at != '(' && *at != '['; at++)
            slash = *at == '/' ? at + 1 : slash;
        package.end = memchr(slash, '.', (size_t)(symbol.end - slash));
    }
    if (ld_blind_is_source(run)) {
        text->at = run.end;
        return ld_blind_file(blind, run, ld_blind_owns_file(blind, run), out);
    }
    if (length && is_known_package(blind, package)) {
        text->at = symbol.end;
        return ld_blind_symbol(blind, symbol, out, NULL);
    }
    int code = 0;
    for (text->at = run.end; run.at < run.end && !code;) {
        struct ld_span name = {run.at, run.at};
        while (name.end < run.end && ld_blind_is_name_byte(*name.end))
            name.end++;
        code = name.at < name.end ? rename_word(blind, name, out) : ld_buffer_add(out, run.at, 1);
        run.at = name.at < name.end ? name.end : run.at + 1;
    }
    return code;
}

int ld_blind_prose(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out)
{
    int code = 0;
    while (text.at < text.end && !code)
        code = ld_blind_is_path_byte(*text.at) ? rename_run(blind, &text, out) : ld_buffer_add(out, text.at++, 1);
    return code;
}

/* ---- lines that say what they are */

/* "file.go:41", "file.go:41 +0x1d", a file with anything behind its last colon that begins with a number */
static int rename_place(struct ld_blind *blind, struct ld_span place, bool own, struct ld_buffer *out)
{
    const char *colon = ld_scan_last(place, ':');
    struct ld_span file = {place.at, colon ? colon : place.end};
    int code = ld_blind_file(blind, file, own, out);
    return code ? code : ld_blind_copy((struct ld_span){file.end, place.end}, out);
}

/* debug=1: "0x521e7d\tmain.work.func1+0x1d\t\t/src/main.go:23" */
static int rename_group_frame(struct ld_blind *blind, struct ld_span line, struct ld_buffer *out)
{
    const char *start = line.at;
    uint64_t address;
    bool own = false;
    while (line.at < line.end && (*line.at == '#' || *line.at == '\t'))
        line.at++;
    if (!ld_scan_hex(&line, &address))
        return ld_blind_prose(blind, (struct ld_span){start, line.end}, out);
    while (line.at < line.end && *line.at == '\t')
        line.at++;
    const char *tab = ld_span_length(line) ? memchr(line.at, '\t', ld_span_length(line)) : NULL;
    struct ld_span function = {line.at, tab ? tab : line.end};
    const char *plus = ld_scan_last(function, '+');
    struct ld_span name = {function.at, plus ? plus : function.end};
    struct ld_span place = {function.end, line.end};
    while (place.at < place.end && *place.at == '\t')
        place.at++;
    const char *colon = ld_scan_last(place, ':');
    bool own_c = ld_blind_owns_c(blind, name, (struct ld_span){place.at, colon ? colon : place.end});
    int code = ld_blind_copy((struct ld_span){start, name.at}, out);
    if (!code && own_c)
        code = ld_blind_identifier(blind, name, out);
    else if (!code)
        code = ld_blind_symbol(blind, name, out, &own);
    if (!code)
        code = ld_blind_copy((struct ld_span){name.end, place.at}, out);
    return code ? code : rename_place(blind, place, own || own_c, out);
}

/* The header of a goroutine: only the values of its labels can hold a name. */
static int rename_header(struct ld_blind *blind, struct ld_span line, struct ld_buffer *out)
{
    const char *labels = memchr(line.at, '{', ld_span_length(line));
    struct ld_span front = {line.at, labels ? labels : line.end};
    int code = ld_blind_copy(front, out);
    return code ? code : ld_blind_prose(blind, (struct ld_span){front.end, line.end}, out);
}

static bool is_header(struct ld_span line)
{
    uint64_t id;
    return ld_scan_text(&line, "goroutine ") && ld_scan_decimal(&line, &id) && ld_scan_text(&line, " ") &&
           (ld_scan_text(&line, "[") || ld_scan_text(&line, "gp="));
}

/* goleak's "[Goroutine 7 in state chan receive, with shop.wait on top of the stack:": the state's words are Go's. */
static bool is_goleak_head(struct ld_span line, struct ld_span *ret_name)
{
    static const char with[] = ", with ";
    struct ld_span rest = line;
    if (*rest.at == '[' || *rest.at == ' ')
        rest.at++;
    if (!ld_scan_text(&rest, "Goroutine ") || !ld_scan_suffix(&rest, " on top of the stack:"))
        return false;
    ret_name->at = NULL;
    for (; rest.at < rest.end; rest.at++)
        if (*rest.at == ',' && ld_scan_text(&(struct ld_span){rest.at, rest.end}, with))
            *ret_name = (struct ld_span){rest.at + strlen(with), rest.end};
    return ret_name->at != NULL;
}

static int rename_goleak_head(struct ld_blind *blind, struct ld_span line, struct ld_span name, struct ld_buffer *out)
{
    int code = ld_blind_copy((struct ld_span){line.at, name.at}, out);
    if (!code)
        code = ld_blind_symbol(blind, name, out, NULL);
    return code ? code : ld_blind_copy((struct ld_span){name.end, line.end}, out);
}

/* "created by main.serve in goroutine 1" or "created by main.serve" */
static int rename_creator(struct ld_blind *blind, struct ld_blind_text *text, struct ld_span line,
                          struct ld_buffer *out)
{
    static const char in[] = " in goroutine ";
    struct ld_span name = line;
    int code = ld_buffer_add_text(out, "created by ");
    ld_scan_text(&name, "created by ");
    const char *tail = ld_span_length(name) ? memmem(name.at, ld_span_length(name), in, strlen(in)) : NULL;
    if (tail)
        name.end = tail;
    text->after_function = true;
    if (!code)
        code = ld_blind_symbol(blind, name, out, &text->own);
    return code ? code : ld_blind_copy((struct ld_span){name.end, line.end}, out);
}

/* "main.(*T).f(0x1, {0x2, 0x3})", "main.f(...)": a symbol, then arguments to the line's end. */
static struct ld_span called_function(struct ld_span line)
{
    struct ld_span nothing = {line.at, line.at};
    const char *open = line.end > line.at && line.end[-1] == ')' ? ld_scan_last(line, '(') : NULL;
    if (!open || open == line.at)
        return nothing;
    struct ld_span name = {line.at, open};
    for (const char *at = name.at; at < name.end; at++)
        if (!ld_blind_is_path_byte(*at) && !strchr("(*)[]", *at))
            return nothing;
    return ld_blind_symbol_length(name) ? name : nothing;
}

/* "    #1 0x4a2f in leak_it /src/shop/x.c:12:5", "... in main.f /x.go:3", "... in free (/usr/bin/x+0x1f)" */
static bool is_sanitizer_frame(struct ld_span line, struct ld_span *ret_name)
{
    uint64_t number;
    while (line.at < line.end && *line.at == ' ')
        line.at++;
    if (!ld_scan_text(&line, "#") || !ld_scan_decimal(&line, &number) || !ld_scan_text(&line, " ") ||
        !ld_scan_hex(&line, &number) || !ld_scan_text(&line, " in ") || line.at == line.end)
        return false;
    const char *space = memchr(line.at, ' ', ld_span_length(line));
    *ret_name = (struct ld_span){line.at, space ? space : line.end};
    return true;
}

/* A module in parentheses: "(/tmp/x/orders+0x4a2f) (BuildId: 12ab)" */
static int rename_module(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out)
{
    const char *plus = memmem(text.at, ld_span_length(text), "+0x", 3);
    struct ld_span program = {text.at, plus ? plus : text.end};
    int code = ld_blind_program(blind, program, out);
    return code ? code : ld_blind_copy((struct ld_span){program.end, text.end}, out);
}

static int rename_sanitizer_frame(struct ld_blind *blind, struct ld_span line, struct ld_span name,
                                  struct ld_buffer *out)
{
    struct ld_span rest = {name.end, line.end}, place = rest;
    bool own = false, module = false;
    while (place.at < place.end && *place.at == ' ')
        place.at++;
    const char *colon = ld_span_length(place) ? memchr(place.at, ':', ld_span_length(place)) : NULL;
    struct ld_span file = {place.at, colon ? colon : place.end};
    module = ld_scan_text(&place, "(");
    int code = ld_blind_copy((struct ld_span){line.at, name.at}, out);
    bool of_file = !module && ld_blind_is_source(file), own_file = of_file && ld_blind_owns_file(blind, file);
    bool in_library = module && memmem(place.at, ld_span_length(place), ".so", 3);
    if (!code && (ld_blind_symbol_length(name) || ld_scan_text(&(struct ld_span){name.at, name.end}, "_cgo")))
        code = ld_blind_symbol(blind, name, out, &own);
    else if (!code && !in_library && !ld_blind_is_c_library(name) && (own_file || module))
        code = ld_blind_identifier(blind, name, out);
    else if (!code)
        code = ld_blind_copy(name, out);
    if (!code)
        code = ld_blind_copy((struct ld_span){rest.at, place.at}, out);
    if (!code && module)
        return rename_module(blind, place, out);
    if (!code && of_file)
        code = ld_blind_file(blind, file, own || own_file, out);
    return code ? code : ld_blind_prose(blind, (struct ld_span){of_file ? file.end : place.at, line.end}, out);
}

/* "6 @ 0x4851 0x414c", "1: 16 [3: 48] @ heap/1048576", "# HeapInuse = 4096", "goroutine profile: total 7" */
static bool is_of_profile(struct ld_span line)
{
    struct ld_span rest = line;
    if (ld_scan_text(&rest, "# "))
        return !ld_scan_text(&rest, "labels: ");
    const char *space = memchr(line.at, ' ', ld_span_length(line));
    return memmem(line.at, ld_span_length(line), " @ ", 3) ? ld_blind_is_digit(*line.at)
           : space ? ld_scan_text(&(struct ld_span){space, line.end}, " profile: ") : false;
}

/* "SUMMARY: AddressSanitizer: heap-use-after-free /src/shop/x.c:12 in turn_page" */
static int rename_summary(struct ld_blind *blind, struct ld_span line, struct ld_buffer *out)
{
    const char *space = ld_scan_last(line, ' ');
    struct ld_span front = {line.at, space ? space + 1 : line.end}, before = front;
    struct ld_span name = {front.end, line.end};
    bool named = ld_scan_suffix(&before, " in ") && name.at < name.end;
    int code = ld_blind_prose(blind, named ? front : line, out);
    if (code || !named)
        return code;
    if (ld_blind_symbol_length(name))
        return ld_blind_symbol(blind, name, out, NULL);
    return ld_blind_is_c_library(name) ? ld_blind_copy(name, out) : ld_blind_identifier(blind, name, out);
}

/* Lines of the runtime and the sanitizers that name nothing, and whose words are theirs. */
static bool is_machine_line(const struct ld_blind_text *text, struct ld_span line)
{
    static const char *const beginnings[] = {"fatal error: ", "runtime: ", "scvg", "==", "exit status ", "--- ",
                                             "cycles/second=", "sampling period=", "...", "non-Go function at pc=",
                                             "[originating from goroutine ", "\tgoroutine running on other thread",
                                             "\tpc=", NULL};
    if (!text->printed && is_of_profile(line)) /* a program prints "2026/11/29 08:30:00 mail @ shop.take", too */
        return true;
    struct ld_gctrace gctrace;
    struct ld_schedtrace schedtrace;
    for (const char *const *beginning = beginnings; *beginning; beginning++)
        if (ld_scan_text(&(struct ld_span){line.at, line.end}, *beginning))
            return true;
    return ld_gctrace_parse(line.at, ld_span_length(line), &gctrace) ||
           ld_schedtrace_parse(line.at, ld_span_length(line), &schedtrace);
}

/* debug=2 of a program with C code: a name alone in its line, and its file in the next. */
static bool is_c_function(const struct ld_blind_text *text, struct ld_span line)
{
    if (text->printed || line.at == line.end)
        return false;
    for (const char *at = line.at; at < line.end; at++)
        if (!ld_blind_is_name_byte(*at))
            return false;
    return true;
}

static int rename_function(struct ld_blind *blind, struct ld_blind_text *text, struct ld_span line,
                           struct ld_span name, struct ld_buffer *out)
{
    text->after_function = true;
    int code = ld_blind_symbol(blind, name, out, &text->own);
    return code ? code : ld_blind_copy((struct ld_span){name.end, line.end}, out);
}

int ld_blind_line(struct ld_blind *blind, struct ld_blind_text *text, struct ld_span line, struct ld_buffer *out)
{
    struct ld_span name, rest = line, called = called_function(line);
    bool after_function = text->after_function, own = text->own;
    text->after_function = false;
    if (line.at == line.end || is_machine_line(text, line))
        return ld_blind_copy(line, out);
    if (after_function && ld_scan_text(&rest, "\t")) {
        int code = ld_buffer_add(out, "\t", 1);
        return code ? code : rename_place(blind, rest, own, out);
    }
    if (ld_scan_text(&rest, "#\t"))
        return rename_group_frame(blind, line, out);
    if (is_goleak_head(line, &name))
        return rename_goleak_head(blind, line, name, out);
    if (is_header(line))
        return rename_header(blind, line, out);
    if (ld_scan_text(&rest, "created by "))
        return rename_creator(blind, text, line, out);
    if (called.at < called.end)
        return rename_function(blind, text, line, called, out);
    if (ld_scan_text(&rest, "SUMMARY: "))
        return rename_summary(blind, line, out);
    if (is_sanitizer_frame(line, &name))
        return rename_sanitizer_frame(blind, line, name, out);
    if (is_c_function(text, line)) {
        text->after_function = text->own = !ld_blind_is_c_library(line);
        return text->own ? ld_blind_identifier(blind, line, out) : ld_blind_copy(line, out);
    }
    return ld_blind_prose(blind, line, out);
}

int ld_blind_lines(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out)
{
    struct ld_blind_text state = {0};
    int code = 0;
    while (text.at < text.end && !code) {
        const char *newline = memchr(text.at, '\n', ld_span_length(text));
        struct ld_span line = {text.at, newline ? newline : text.end};
        code = ld_blind_line(blind, &state, line, out);
        if (!code && newline)
            code = ld_buffer_add(out, "\n", 1);
        text.at = newline ? newline + 1 : text.end;
    }
    return code;
}
