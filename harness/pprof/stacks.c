/* debug=2: one paragraph a goroutine, as runtime.Stack prints it (runtime/traceback.go of Go 1.19 to 1.27).
 *
 *     goroutine 34 gp=0x… m=0 mp=0x… [chan receive (leaked), 2 minutes, locked to thread] {tenant: "a b"}:
 *     main.(*Queue).take(0xc000012345, {0x1, 0x2})
 *         /src/queue.go:41 +0x1f
 *     ...12 frames elided...
 *     created by main.serve in goroutine 1
 *         /src/main.go:9 +0x20
 *     [originating from goroutine 1]:
 *
 * Text that ends within a paragraph was cut: the paragraph is left out and the profile marked as truncated. */
#include "pprof/builder.h"

#define CUT_LENGTH ((size_t)64 << 20) /* runtime/pprof gives up at 64 MiB without a word */

struct stacks {
    struct ld_builder *builder;
    struct ld_span body; /* what is left */
    const char *start;
    struct ld_sample sample; /* at hand */
    bool cut;                /* the text ended within a paragraph */
};

static int fail_at(const struct stacks *stacks, const char *at, const char *what)
{
    return ld_fail(stacks->builder->error, LD_ESYNTAX, "%s at byte %zu of the dump", what,
                   (size_t)(at - stacks->start));
}

/* ---- the header: labels */

/* A key or a value: quoted, or as it is when it has letters, digits, '.', '/' and '_' only, perhaps none. */
static int read_word(struct stacks *stacks, struct ld_span *text, const char **ret_word)
{
    char *room;
    size_t length;
    int code;
    if (text->at < text->end && *text->at == '"') {
        if ((code = ld_builder_scratch(stacks->builder, ld_span_length(*text), &room)))
            return code;
        if (!ld_scan_quoted(text, room, &length))
            return fail_at(stacks, text->at, "a label that is not quoted well");
        return ld_builder_text(stacks->builder, (struct ld_span){room, room + length}, ret_word);
    }
    const char *start = text->at;
    while (text->at < text->end && !strchr(":,}\" ", *text->at))
        text->at++;
    return ld_builder_text(stacks->builder, (struct ld_span){start, text->at}, ret_word);
}

/* {key: value, "other key": "other value"} */
static int read_labels(struct stacks *stacks, struct ld_span *text)
{
    struct ld_label label = {0};
    int code;
    if (!ld_scan_text(text, "{"))
        return fail_at(stacks, text->at, "labels without \"{\"");
    do {
        if ((code = read_word(stacks, text, &label.key)))
            return code;
        if (!ld_scan_text(text, ": "))
            return fail_at(stacks, text->at, "a label without \": \"");
        if ((code = read_word(stacks, text, &label.text)) || (code = ld_builder_push_label(stacks->builder, &label)))
            return code;
    } while (ld_scan_text(text, ", "));
    return ld_scan_text(text, "}") ? 0 : fail_at(stacks, text->at, "labels without \"}\"");
}

/* ---- the header: what stands in the bracket */

/* The wait reason, with the marks that the runtime appends to it taken off. "(durable)" belongs to the reason in Go
 * 1.25 and later, and says only that synctest counts the goroutine as idle. */
static int read_state(struct stacks *stacks, struct ld_span state)
{
    for (bool found = true; found;) {
        found = ld_scan_suffix(&state, " (durable)") || ld_scan_suffix(&state, " (scan)");
        if (ld_scan_suffix(&state, " (leaked)"))
            found = stacks->sample.leaked = true;
    }
    return ld_builder_text(stacks->builder, state, &stacks->sample.state);
}

/* What follows the state: ", 5 minutes", ", locked to thread", ", synctest bubble 3"; " labels:{…}" in Go 1.26. */
static int read_remarks(struct stacks *stacks, struct ld_span *text)
{
    struct ld_sample *sample = &stacks->sample;
    while (ld_scan_text(text, ", ")) {
        uint64_t bubble;
        if (ld_scan_text(text, "locked to thread"))
            sample->locked_to_thread = true;
        else if (ld_scan_text(text, "synctest bubble ") ? !ld_scan_decimal(text, &bubble)
                                                        : !(ld_scan_count(text, &sample->age_minutes) &&
                                                            ld_scan_text(text, " minutes")))
            return fail_at(stacks, text->at, "an unknown remark on a goroutine");
    }
    if (ld_scan_text(text, " labels:"))
        return read_labels(stacks, text);
    return 0;
}

/* Where the state ends: at "]", at a remark, or before the labels of Go 1.26. No wait reason contains any of them. */
static const char *end_of_state(struct ld_span text)
{
    for (; text.at < text.end && *text.at != ']' && *text.at != ','; text.at++)
        if (*text.at == ' ' && ld_scan_text(&text, " labels:{"))
            return text.at - strlen(" labels:{");
    return text.at;
}

/* "gp=0xc000… m=0 mp=0x… ", printed with GOTRACEBACK=system; m=nil when no thread runs it. */
static bool skip_system(struct ld_span *text)
{
    uint64_t number;
    if (!ld_scan_text(text, "gp="))
        return true;
    if (!ld_scan_hex(text, &number) || !ld_scan_text(text, " m="))
        return false;
    if (ld_scan_text(text, "nil "))
        return true;
    return ld_scan_decimal(text, &number) && ld_scan_text(text, " mp=") && ld_scan_hex(text, &number) &&
           ld_scan_text(text, " ");
}

static int read_header(struct stacks *stacks, struct ld_span text)
{
    int code;
    stacks->sample = (struct ld_sample){.values = {1}, .age_minutes = -1, .runtime_hidden = true};
    if (!ld_scan_text(&text, "goroutine ") || !ld_scan_decimal(&text, &stacks->sample.goroutine) ||
        !ld_scan_text(&text, " ") || !skip_system(&text) || !ld_scan_text(&text, "["))
        return fail_at(stacks, text.at, "no goroutine header");
    struct ld_span state = {text.at, end_of_state(text)};
    text.at = state.end;
    if ((code = read_state(stacks, state)) || (code = read_remarks(stacks, &text)))
        return code;
    if (!ld_scan_text(&text, "]"))
        return fail_at(stacks, text.at, "a goroutine header without \"]\"");
    if (ld_scan_text(&text, " ") && (code = read_labels(stacks, &text)))
        return code;
    return ld_span_is(text, ":") ? 0 : fail_at(stacks, text.at, "a goroutine header without its colon");
}

/* ---- frames */

/* "\t/path with spaces/file.go:41 +0x1f fp=0x… sp=0x… pc=0x…", "\tfile.c:12 pc=0x…" or "\tpc=0x…" (C code). */
static bool read_place(struct ld_span text, struct ld_span *ret_file, int64_t *ret_line, uint64_t *ret_address)
{
    *ret_file = (struct ld_span){text.at, text.at};
    *ret_line = 0;
    if (ld_scan_text(&text, "pc="))
        return ld_scan_hex(&text, ret_address) && text.at == text.end;
    const char *colon = ld_scan_last(text, ':');
    if (!colon)
        return false;
    *ret_file = (struct ld_span){text.at, colon};
    text.at = colon + 1;
    if (!ld_scan_count(&text, ret_line))
        return false;
    return text.at == text.end || *text.at == ' ';
}

/* The line below a function. False at the end of the text: then it was cut. */
static int read_frame(struct stacks *stacks, struct ld_span function, const struct ld_frame **ret_frame)
{
    struct ld_span line, file;
    int64_t number;
    uint64_t address = 0;
    if (!ld_scan_line(&stacks->body, &line)) {
        stacks->cut = true;
        return 0;
    }
    if (!ld_scan_text(&line, "\t") || !read_place(line, &file, &number, &address))
        return fail_at(stacks, line.at, "no file and line below a function");
    return ld_builder_frame(stacks->builder, function, file, number, address, ret_frame);
}

/* "main.(*T).f(0x1, {0x2, 0x3})" without the arguments, which hold no parentheses. C functions have none. */
static struct ld_span without_arguments(struct ld_span line)
{
    const char *open = line.end > line.at && line.end[-1] == ')' ? ld_scan_last(line, '(') : NULL;
    if (open && open > line.at)
        line.end = open;
    return line;
}

/* "main.serve in goroutine 1" (from Go 1.21) or "main.serve". */
static int read_creator(struct stacks *stacks, struct ld_span text)
{
    const char *last = ld_scan_last(text, ' ');
    if (last) {
        struct ld_span number = {last + 1, text.end}, name = {text.at, last};
        uint64_t id;
        if (ld_scan_suffix(&name, " in goroutine") && ld_scan_decimal(&number, &id) && number.at == number.end) {
            stacks->sample.created_in = id;
            text = name;
        }
    }
    return read_frame(stacks, text, &stacks->sample.created_by);
}

static int read_function(struct stacks *stacks, struct ld_span line)
{
    const struct ld_frame *frame = NULL;
    struct ld_span nothing = {"", ""}, c_code = line;
    uint64_t address;
    int code;
    if (ld_scan_text(&c_code, "non-Go function at pc=") && ld_scan_hex(&c_code, &address))
        code = ld_builder_frame(stacks->builder, nothing, nothing, 0, address, &frame);
    else
        code = read_frame(stacks, without_arguments(line), &frame);
    if (code || stacks->cut)
        return code;
    return ld_builder_push_frame(stacks->builder, frame);
}

/* "...12 frames elided..." and, in Go 1.19 and 1.20 and for ancestors, "...additional frames elided...". */
static bool read_elided(struct stacks *stacks, struct ld_span line)
{
    uint64_t count = LD_ELIDED_UNKNOWN;
    if (!ld_scan_text(&line, "..."))
        return false;
    if (!ld_scan_text(&line, "additional") && !ld_scan_decimal(&line, &count))
        return false;
    if (!ld_span_is(line, " frames elided..."))
        return false;
    stacks->sample.elided = count < LD_ELIDED_UNKNOWN ? (uint32_t)count : LD_ELIDED_UNKNOWN;
    return true;
}

/* The stacks of the creator, its creator …, with GODEBUG=tracebackancestors: where they were then, not now. */
static void skip_ancestors(struct stacks *stacks)
{
    struct ld_span line;
    while (stacks->body.at < stacks->body.end && *stacks->body.at != '\n')
        if (!ld_scan_line(&stacks->body, &line)) {
            stacks->cut = true;
            return;
        }
}

static int read_line(struct stacks *stacks, struct ld_span line)
{
    if (*line.at == 'c' && ld_scan_text(&line, "created by "))
        return read_creator(stacks, line);
    if (*line.at == '.' && read_elided(stacks, line))
        return 0;
    if (*line.at == '[' && ld_scan_text(&line, "[originating from goroutine ")) {
        skip_ancestors(stacks);
        return 0;
    }
    if (*line.at == '\t' && ld_span_is(line, "\tgoroutine running on other thread; stack unavailable")) {
        stacks->sample.stack_unavailable = true;
        return 0;
    }
    return read_function(stacks, line);
}

/* ---- paragraphs */

/* Up to and with the blank line behind it. */
static int read_paragraph(struct stacks *stacks)
{
    struct ld_span line;
    int code;
    if (!ld_scan_line(&stacks->body, &line)) {
        stacks->cut = true;
        return 0;
    }
    if ((code = read_header(stacks, line)))
        return code;
    while (!stacks->cut && stacks->body.at < stacks->body.end) {
        if (!ld_scan_line(&stacks->body, &line)) {
            stacks->cut = true;
            break;
        }
        if (line.at == line.end)
            break;
        if ((code = read_line(stacks, line)))
            return code;
    }
    return 0;
}

static int add_paragraph(struct stacks *stacks)
{
    struct ld_profile *profile = &stacks->builder->profile;
    if (stacks->cut) {
        profile->truncated = true;
        ld_builder_drop_sample(stacks->builder);
        return 0;
    }
    if (profile->kind == LD_PROFILE_GOROUTINELEAK && !stacks->sample.leaked)
        stacks->sample.values[0] = 0;
    return ld_builder_add_sample(stacks->builder, &stacks->sample);
}

int ld_stacks_parse(struct ld_builder *builder, const char *bytes, size_t length)
{
    struct stacks stacks = {.builder = builder, .body = {bytes, bytes + length}, .start = bytes};
    struct ld_profile *profile = &builder->profile;
    if (profile->kind == LD_PROFILE_KINDS)
        profile->kind = LD_PROFILE_GOROUTINE;
    const char *name = ld_profile_kind_name(profile->kind);
    if (profile->kind != LD_PROFILE_GOROUTINE && profile->kind != LD_PROFILE_GOROUTINELEAK)
        return ld_fail(builder->error, LD_ESYNTAX, "a dump of goroutines where \"%s\" was expected, at byte 0", name);
    ld_builder_set_values(builder, (const struct ld_value_type[]){{name, "count"}, {NULL, NULL}});
    while (stacks.body.at < stacks.body.end && !stacks.cut) {
        int code;
        if (*stacks.body.at == '\n') { /* Println behind a dump leaves a blank line at the end */
            stacks.body.at++;
            continue;
        }
        if ((code = read_paragraph(&stacks)))
            return code;
        /* At exactly the length where the runtime stops, a paragraph without its blank line is not
         * known to be whole. */
        if (length == CUT_LENGTH && stacks.body.at == stacks.body.end)
            stacks.cut = true;
        if ((code = add_paragraph(&stacks)))
            return code;
    }
    if (profile->sample_count == 0)
        return ld_fail(builder->error, LD_ETRUNCATED, "the dump ends within its first goroutine, at byte %zu", length);
    return 0;
}
