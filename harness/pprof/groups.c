/* debug=1: one group a distinct stack (printCountProfile, writeHeapInternal, writeProfileInternal and
 * printStackRecord of runtime/pprof/pprof.go, Go 1.19 to 1.27).
 *
 *     goroutine profile: total 7
 *     6 @ 0x48516a 0x414c9c 0x521e7e
 *     # labels: {"tenant":"a b"}
 *     #	0x521e7d	main.work.func1+0x1d	/src/main.go:23
 *
 * Leading runtime functions have no frame line. Counts that fall short of the printed total betray a cut body. */
#include "pprof/builder.h"

struct groups {
    struct ld_builder *builder;
    struct ld_span body; /* what is left */
    const char *start;
    int64_t printed;           /* the total of the header, -1 when it has none */
    uint64_t cycles_per_second; /* mutex and block */
    struct ld_sample sample;   /* at hand */
    bool open;                 /* there is one at hand */
};

static int fail_at(const struct groups *groups, const char *at, const char *what)
{
    return ld_fail(groups->builder->error, LD_ESYNTAX, "%s at byte %zu of the profile", what,
                   (size_t)(at - groups->start));
}

/* ---- the three forms of a group's first line, up to " @" */

static bool read_count(struct groups *groups, struct ld_span *line)
{
    return ld_scan_count(line, &groups->sample.values[0]);
}

/* "in-use objects: bytes [allocated objects: bytes]", in the order of debug=0 */
static bool read_heap_counts(struct ld_span *line, int64_t values[4])
{
    return ld_scan_count(line, &values[2]) && ld_scan_text(line, ": ") && ld_scan_count(line, &values[3]) &&
           ld_scan_text(line, " [") && ld_scan_count(line, &values[0]) && ld_scan_text(line, ": ") &&
           ld_scan_count(line, &values[1]) && ld_scan_text(line, "]");
}

static bool read_heap(struct groups *groups, struct ld_span *line)
{
    return read_heap_counts(line, groups->sample.values);
}

/* "cycles contentions" */
static bool read_cycles(struct groups *groups, struct ld_span *line)
{
    int64_t *values = groups->sample.values;
    uint64_t cycles;
    if (!ld_scan_decimal(line, &cycles) || !ld_scan_text(line, " ") || !ld_scan_count(line, &values[0]))
        return false;
    unsigned __int128 ns = (unsigned __int128)cycles * 1000000000 / groups->cycles_per_second;
    values[1] = ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
    return true;
}

/* ---- headers */

static bool read_total(struct groups *groups, struct ld_span *line)
{
    return ld_scan_text(line, "total ") && ld_scan_count(line, &groups->printed);
}

/* "1: 16 [3: 48] @ heap/1048576": the rate printed is twice runtime.MemProfileRate. */
static bool read_heap_total(struct groups *groups, struct ld_span *line)
{
    int64_t values[4], rate;
    if (!read_heap_counts(line, values) || !ld_scan_text(line, " @ heap/") || !ld_scan_count(line, &rate))
        return false;
    groups->printed = values[0];
    groups->builder->profile.period = rate / 2;
    return true;
}

/* The line below "--- mutex:", and for mutexes "sampling period=N" below that. */
static bool read_rates(struct groups *groups, struct ld_span *line)
{
    struct ld_span rate, period;
    if (line->at != line->end || !ld_scan_line(&groups->body, &rate) || !ld_scan_text(&rate, "cycles/second=") ||
        !ld_scan_decimal(&rate, &groups->cycles_per_second) || rate.at != rate.end || !groups->cycles_per_second)
        return false;
    struct ld_span ahead = groups->body;
    if (ld_scan_line(&ahead, &period) && ld_scan_text(&period, "sampling period=")) {
        groups->body = ahead;
        return ld_scan_count(&period, &groups->builder->profile.period) && period.at == period.end;
    }
    return true;
}

struct form {
    const char *header;
    bool (*read_header)(struct groups *groups, struct ld_span *line);
    bool (*read_group)(struct groups *groups, struct ld_span *line);
    struct ld_value_type types[5];
};

#define COUNT_FORM(name) {name " profile: ", read_total, read_count, {{name, "count"}}}
#define HEAP_FORM                                                                                              \
    {"heap profile: ", read_heap_total, read_heap,                                                             \
     {{"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}}}
#define CYCLES_FORM(name) \
    {"--- " name ":", read_rates, read_cycles, {{"contentions", "count"}, {"delay", "nanoseconds"}}}

static const struct form forms[LD_PROFILE_KINDS] = {
    [LD_PROFILE_GOROUTINE] = COUNT_FORM("goroutine"),
    [LD_PROFILE_GOROUTINELEAK] = COUNT_FORM("goroutineleak"),
    [LD_PROFILE_HEAP] = HEAP_FORM,
    [LD_PROFILE_ALLOCS] = HEAP_FORM,
    [LD_PROFILE_MUTEX] = CYCLES_FORM("mutex"),
    [LD_PROFILE_BLOCK] = CYCLES_FORM("contention"),
    [LD_PROFILE_THREADCREATE] = COUNT_FORM("threadcreate"),
    /* CPU profiles have no text. */
};

/* ---- lines of a group */

static int close_group(struct groups *groups)
{
    if (!groups->open)
        return 0;
    groups->open = false;
    return ld_builder_add_sample(groups->builder, &groups->sample);
}

static int open_group(struct groups *groups, const struct form *form, struct ld_span line)
{
    uint64_t address;
    int code = close_group(groups);
    if (code)
        return code;
    groups->sample = (struct ld_sample){.age_minutes = -1, .runtime_hidden = true};
    if (!form->read_group(groups, &line) || !ld_scan_text(&line, " @"))
        return fail_at(groups, line.at, "no group of a profile");
    while (ld_scan_text(&line, " "))
        if (!ld_scan_hex(&line, &address))
            return fail_at(groups, line.at, "no address");
    if (line.at != line.end)
        return fail_at(groups, line.at, "something behind the addresses");
    groups->open = true;
    return 0;
}

static int read_label_text(struct groups *groups, struct ld_span *line, const char **ret_text)
{
    char *room;
    size_t length;
    int code = ld_builder_scratch(groups->builder, ld_span_length(*line), &room);
    if (code)
        return code;
    if (!ld_scan_quoted(line, room, &length))
        return fail_at(groups, line->at, "a label that is not quoted well");
    return ld_builder_text(groups->builder, (struct ld_span){room, room + length}, ret_text);
}

/* {"req":"42", "tenant":"a b"} */
static int read_labels(struct groups *groups, struct ld_span line)
{
    struct ld_label label = {0};
    int code;
    if (!ld_scan_text(&line, "{"))
        return fail_at(groups, line.at, "labels without \"{\"");
    if (ld_span_is(line, "}"))
        return 0;
    do {
        if ((code = read_label_text(groups, &line, &label.key)))
            return code;
        if (!ld_scan_text(&line, ":"))
            return fail_at(groups, line.at, "a label without \":\"");
        if ((code = read_label_text(groups, &line, &label.text)) ||
            (code = ld_builder_push_label(groups->builder, &label)))
            return code;
    } while (ld_scan_text(&line, ", "));
    return ld_span_is(line, "}") ? 0 : fail_at(groups, line.at, "labels without \"}\"");
}

static void skip_tabs(struct ld_span *line)
{
    while (line->at < line->end && *line->at == '\t')
        line->at++;
}

/* "0x521e7d\tmain.work.func1+0x1d\t\t/src/main.go:23", or the address alone when it has no symbol */
static int read_frame(struct groups *groups, struct ld_span line)
{
    struct ld_span function = {line.at, line.at}, file = function;
    const struct ld_frame *frame;
    uint64_t address;
    int64_t number = 0;
    skip_tabs(&line);
    if (!ld_scan_hex(&line, &address))
        return fail_at(groups, line.at, "no address");
    skip_tabs(&line);
    if (line.at < line.end) {
        const char *tab = memchr(line.at, '\t', ld_span_length(line));
        function = (struct ld_span){line.at, tab ? tab : line.end};
        const char *plus = ld_scan_last(function, '+');
        line.at = function.end;
        skip_tabs(&line);
        const char *colon = ld_scan_last(line, ':');
        if (!plus || !colon)
            return fail_at(groups, function.at, "no function, file and line");
        function.end = plus;
        file = (struct ld_span){line.at, colon};
        line.at = colon + 1;
        if (!ld_scan_count(&line, &number) || line.at != line.end)
            return fail_at(groups, line.at, "no line number");
    }
    int code = ld_builder_frame(groups->builder, function, file, number, address, &frame);
    return code ? code : ld_builder_push_frame(groups->builder, frame);
}

/* ---- "# HeapInuse = 4096" and the like, behind "# runtime.MemStats" */

static const struct {
    const char *name;
    size_t offset;
} memstats_fields[] = {
    {"HeapAlloc = ", offsetof(struct ld_memstats, heap_alloc)},
    {"HeapInuse = ", offsetof(struct ld_memstats, heap_inuse)},
    {"HeapSys = ", offsetof(struct ld_memstats, heap_sys)},
    {"HeapObjects = ", offsetof(struct ld_memstats, heap_objects)},
    {"NextGC = ", offsetof(struct ld_memstats, next_gc)},
    {"NumGC = ", offsetof(struct ld_memstats, num_gc)},
    {"NumForcedGC = ", offsetof(struct ld_memstats, num_forced_gc)},
};

static int read_memstats_line(struct groups *groups, struct ld_span line)
{
    for (size_t i = 0; i < sizeof memstats_fields / sizeof memstats_fields[0]; i++) {
        uint64_t value;
        struct ld_span rest = line;
        if (!ld_scan_text(&rest, memstats_fields[i].name))
            continue;
        if (!ld_scan_decimal(&rest, &value) || rest.at != rest.end)
            return fail_at(groups, rest.at, "no number in the MemStats");
        memcpy((char *)&groups->builder->profile.memstats + memstats_fields[i].offset, &value, sizeof value);
        return 0;
    }
    return 0;
}

static int read_comment(struct groups *groups, struct ld_span line)
{
    struct ld_memstats *memstats = &groups->builder->profile.memstats;
    if (memstats->present)
        return ld_scan_text(&line, " ") ? read_memstats_line(groups, line) : 0;
    if (ld_span_is(line, " runtime.MemStats")) {
        memstats->present = true;
        return close_group(groups);
    }
    if (!groups->open)
        return fail_at(groups, line.at, "a comment outside of any group");
    if (ld_scan_text(&line, " labels: "))
        return read_labels(groups, line);
    return line.at < line.end && *line.at == '\t' ? read_frame(groups, line)
                                                  : fail_at(groups, line.at, "an unknown comment");
}

/* ---- the whole */

static int read_lines(struct groups *groups, const struct form *form)
{
    struct ld_span line;
    while (groups->body.at < groups->body.end) {
        int code = 0;
        if (!ld_scan_line(&groups->body, &line))
            return ld_fail(groups->builder->error, LD_ETRUNCATED, "the profile ends within a line, at byte %zu",
                           (size_t)(groups->body.end - groups->start));
        if (ld_scan_text(&line, "#"))
            code = read_comment(groups, line);
        else if (line.at < line.end)
            code = open_group(groups, form, line);
        if (code)
            return code;
    }
    return close_group(groups);
}

/* Does the sum of the groups bear out the header? */
static int check_total(const struct groups *groups, bool heap)
{
    const struct ld_profile *profile = &groups->builder->profile;
    if (groups->printed >= 0 && profile->total > groups->printed)
        return ld_fail(groups->builder->error, LD_ESYNTAX,
                       "the groups sum up to %lld, more than the total %lld of byte 0", (long long)profile->total,
                       (long long)groups->printed);
    if ((groups->printed >= 0 && profile->total < groups->printed) || (heap && !profile->memstats.present))
        return ld_fail(
            groups->builder->error, LD_ETRUNCATED, "the profile ends early, at byte %zu: %lld of %lld counted",
            (size_t)(groups->body.end - groups->start), (long long)profile->total, (long long)groups->printed);
    return 0;
}

/* The first kind that has the header; GOROUTINE, whose parser then refuses it, when none has. */
static enum ld_profile_kind kind_of(struct ld_span line)
{
    for (int kind = 0; kind < LD_PROFILE_KINDS; kind++) {
        struct ld_span rest = line;
        if (forms[kind].header && ld_scan_text(&rest, forms[kind].header))
            return (enum ld_profile_kind)kind;
    }
    return LD_PROFILE_GOROUTINE;
}

int ld_groups_parse(struct ld_builder *builder, const char *bytes, size_t length)
{
    struct groups groups = {.builder = builder, .body = {bytes, bytes + length}, .start = bytes, .printed = -1};
    struct ld_span line;
    int code;
    if (!ld_scan_line(&groups.body, &line))
        return ld_fail(builder->error, LD_ETRUNCATED, "the profile ends within its first line, at byte %zu", length);
    if (builder->profile.kind == LD_PROFILE_KINDS)
        builder->profile.kind = kind_of(line);
    const struct form *form = &forms[builder->profile.kind];
    const char *name = ld_profile_kind_name(builder->profile.kind);
    if (!form->header || !ld_scan_text(&line, form->header))
        return fail_at(&groups, bytes, "another kind of profile than was asked for");
    if (!form->read_header(&groups, &line) || line.at != line.end)
        return ld_fail(builder->error, LD_ESYNTAX, "no header of a %s profile at byte %zu", name,
                       (size_t)(line.at - bytes));
    ld_builder_set_values(builder, form->types);
    if ((code = read_lines(&groups, form)))
        return code;
    return check_total(&groups, form->read_group == read_heap);
}
