/* goleak prints what runtime.Stack printed, each goroutine with a first line of its own: that line is put back into the
 * runtime's form, and the whole is then read as any dump is. */
#include "detect/goleak.h"

#include "base/buffer.h"
#include "pprof/scan.h"

#define FIRST_LINE "found unexpected goroutines:\n["
#define HEAD_LINE "Goroutine "
#define HEAD_END " on top of the stack:"

struct goleak {
    struct ld_span text; /* what is left */
    const char *start;
    struct ld_buffer dump;
    size_t goroutines;
    struct ld_error *error;
};

bool ld_goleak_speaks(const void *body, size_t length)
{
    struct ld_span text = {body, (const char *)body + length};
    return ld_scan_text(&text, FIRST_LINE);
}

static int fail_at(const struct goleak *goleak, const char *at, const char *what)
{
    return ld_fail(goleak->error, LD_ESYNTAX, "%s at byte %zu", what, (size_t)(at - goleak->start));
}

/* "7 in state chan receive, 2 minutes, with shop.wait on top of the stack:". A state with labels brings its own "]":
 * goleak cuts the runtime's line at its last one. */
static int add_head(struct goleak *goleak, struct ld_span line)
{
    static const char with[] = ", with ";
    uint64_t id;
    const char *at = line.at;
    if (!ld_scan_suffix(&line, HEAD_END) || !ld_scan_decimal(&line, &id) || !ld_scan_text(&line, " in state "))
        return fail_at(goleak, at, "no first line of a goroutine");
    struct ld_span state = line, rest = line;
    for (state.end = NULL; rest.at < rest.end; rest.at++)
        if (*rest.at == ',' && ld_scan_text(&(struct ld_span){rest.at, rest.end}, with))
            state.end = rest.at;
    if (!state.end)
        return fail_at(goleak, at, "a goroutine without its top function");
    if (++goleak->goroutines > LD_GOLEAK_GOROUTINES_MAX)
        return ld_fail(goleak->error, LD_ELIMIT, "more than %d goroutines", LD_GOLEAK_GOROUTINES_MAX);
    bool closed = memchr(state.at, ']', ld_span_length(state)) != NULL;
    return ld_buffer_printf(&goleak->dump, "%sgoroutine %llu [%.*s%s:\n", goleak->goroutines > 1 ? "\n" : "",
                            (unsigned long long)id, (int)ld_span_length(state), state.at, closed ? "" : "]");
}

/* One goroutine after the other until "]" alone in its line, which may lack its end. */
static int rewrite(struct goleak *goleak)
{
    struct ld_span line;
    bool first = true;
    while (!(ld_span_is(goleak->text, "]") || ld_span_is(goleak->text, "]\n"))) {
        if (!ld_scan_line(&goleak->text, &line))
            return ld_fail(goleak->error, LD_ETRUNCATED, "the list of goroutines does not end");
        bool head = (first || ld_scan_text(&line, " ")) && ld_scan_text(&line, HEAD_LINE);
        if (first && !head)
            return fail_at(goleak, line.at, "no goroutine");
        first = false;
        int code = head                         ? add_head(goleak, line)
                   : ld_span_length(line) == 0 ? 0
                                               : ld_buffer_add(&goleak->dump, line.at, ld_span_length(line));
        if (!code && !head && ld_span_length(line))
            code = ld_buffer_add(&goleak->dump, "\n", 1);
        if (code)
            return code;
    }
    return ld_buffer_add(&goleak->dump, "\n", 1);
}

int ld_goleak_parse(struct ld_profile *ret_profile, const void *body, size_t length, struct ld_error *error)
{
    struct goleak goleak = {.text = {body, (const char *)body + length}, .start = body, .error = error};
    if (!ld_scan_text(&goleak.text, FIRST_LINE))
        return ld_fail(error, LD_ESYNTAX, "not goleak's words");
    ld_buffer_init(&goleak.dump, length + 64); /* each first line becomes shorter */
    int code = rewrite(&goleak);
    if (code == LD_ENOMEM)
        ld_fail(error, code, "out of memory");
    if (!code)
        code = ld_profile_parse(ret_profile, LD_PROFILE_GOROUTINE, goleak.dump.bytes, goleak.dump.length, NULL, error);
    ld_buffer_done(&goleak.dump);
    return code;
}
