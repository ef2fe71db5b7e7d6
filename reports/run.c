/* `show RUN`: what a run was, how many goroutines it had, and what happened when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "detect/alert.h"
#include "detect/detector.h"
#include "reports/style.h"

#define SPARK_MAX STYLE_WIDTH_MAX
#define SPARK_MARGIN 24 /* label and range beside the sparkline */

static bool is_kind(const struct ld_timeline_row *row, const char *kind)
{
    return strcmp(row->kind, kind) == 0;
}

static size_t count_kind(const struct ld_timeline_row *rows, size_t count, const char *kind)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += is_kind(&rows[i], kind);
    return found;
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

#define TEXT_MAX 8192 /* bytes of one row that are shown */
#define NO_RULE " (, rules "

/* The text of a row; an alert of rules that names none of them has the version alone. */
static void copy_text(const char *text, char *ret_text, size_t size)
{
    const char *at = strstr(text, NO_RULE);
    if (at)
        snprintf(ret_text, size, "%.*s (rules %s", (int)(at - text), text, at + strlen(NO_RULE));
    else
        snprintf(ret_text, size, "%s", text);
}

/* Is it the first half of an update, the close of the claim as it was? Behind its `why` stands at most its rule. */
static bool begins_update(const struct ld_timeline_row *row)
{
    static const char why[] = ": " LD_ALERT_UPDATED;
    if (!is_kind(row, "alert") || !begins_with(row->text, "close "))
        return false;
    const char *at = strstr(row->text, why);
    return at && (at[strlen(why)] == '\0' || begins_with(at + strlen(why), " ("));
}

/* As everywhere: those that were opened, without those of the calibration set; an update opens none. */
static size_t count_alerts(const struct ld_timeline_row *rows, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ld_detector_kind *kind = ld_detector_find(rows[i].who);
        if (!is_kind(&rows[i], "alert") || (kind && kind->calibration))
            continue;
        found += begins_with(rows[i].text, "open ");
        found -= begins_update(&rows[i]);
    }
    return found;
}

static void counts(struct styled *styled, const struct ld_timeline_row *rows, size_t count)
{
    static const struct {
        const char *kind, *words;
    } parts[] = {{"truth", "truth event"}, {"alert", "alert"}, {"fault", "fault event"}, {"read", "failed read"}};
    char line[256] = "";
    for (size_t i = 0, used = 0; i < sizeof parts / sizeof *parts; i++) {
        bool alerts = strcmp(parts[i].kind, "alert") == 0;
        size_t found = alerts ? count_alerts(rows, count) : count_kind(rows, count, parts[i].kind);
        used += (size_t)snprintf(line + used, sizeof line - used, "%s%zu %s%s", used ? ", " : "", found, parts[i].words,
                                 found == 1 ? "" : "s");
    }
    styled_wrapped(styled, 0, 0, line);
}

static void header(struct styled *styled, const struct ld_stored_run *run, const struct ld_timeline_row *rows,
                   size_t count)
{
    char line[1024], lasted[32], lag[32];
    snprintf(line, sizeof line, "run %u: %s", run->run, run->cell);
    styled_colour(styled, STYLE_BOLD);
    styled_cell(styled, line, (int)styled->style.width, false);
    styled_colour(styled, STYLE_PLAIN);
    styled_printf(styled, "\nseed %llu, repetition %u, rate %g, depth %lld\n", (unsigned long long)run->seed,
                  run->repetition, run->rate, (long long)run->depth);
    if (!run->ended) {
        styled_text(styled, "it never ended: nothing of it counts\n");
    } else {
        bool valid = run->end.validity == LD_VALID;
        ld_format_duration_short(run->end.observed_to_ns - run->end.observed_from_ns, lasted, sizeof lasted);
        ld_format_duration_short(run->end.lag_p99_ns, lag, sizeof lag);
        styled_colour(styled, valid ? STYLE_GREEN : STYLE_RED);
        styled_text(styled, valid ? "valid" : "no evidence");
        styled_colour(styled, STYLE_PLAIN);
        styled_printf(styled, ", observed %s, loop lag p99 %s\n", lasted, lag);
        if (!valid) {
            snprintf(line, sizeof line, "%s: %s", ld_validity_name(run->end.validity),
                     run->end.reason ? run->end.reason : "");
            styled_wrapped(styled, 0, 2, line);
        }
    }
    counts(styled, rows, count);
    for (size_t i = 0; i < run->instance_name_count; i++) {
        snprintf(line, sizeof line, "instance %zu: %.900s", i, run->instance_names[i]);
        styled_wrapped(styled, 1, 2, line); /* the first line at the margin */
    }
}

/* The last count at or before each of `cells` equal steps over [from, to]; -1 before the first. */
static void fill_spark(long *values, unsigned cells, const struct ld_timeline_row *rows, size_t count, const char *who,
                       int64_t from_ns, int64_t to_ns)
{
    long last = -1;
    size_t at = 0;
    for (unsigned cell = 0; cell < cells; cell++) {
        double share = cells > 1 ? (double)cell / (double)(cells - 1) : 1;
        int64_t until_ns = from_ns + (int64_t)(share * (double)(to_ns - from_ns));
        for (; at < count && rows[at].time_ns <= until_ns; at++) {
            if (is_kind(&rows[at], "count") && strcmp(rows[at].who, who) == 0)
                last = strtol(rows[at].text, NULL, 10);
        }
        values[cell] = last;
    }
}

static void sparkline(struct styled *styled, const struct ld_timeline_row *rows, size_t count, const char *who)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const signs[] = {".", ":", "-", "=", "+", "*", "#", "@"};
    long values[SPARK_MAX], least = -1, most = -1;
    unsigned cells = styled->style.width - 2 * SPARK_MARGIN + SPARK_MARGIN / 2;
    fill_spark(values, cells, rows, count, who, rows[0].time_ns, rows[count - 1].time_ns);
    for (unsigned i = 0; i < cells; i++) {
        if (values[i] < 0)
            continue;
        least = least < 0 || values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    styled_cell(styled, who, SPARK_MARGIN / 2, true);
    for (unsigned i = 0; i < cells; i++) {
        long level = most > least && values[i] >= 0 ? (values[i] - least) * 7 / (most - least) : 0;
        styled_text(styled, values[i] < 0 ? " " : (styled->style.utf8 ? blocks : signs)[level]);
    }
    char range[48];
    snprintf(range, sizeof range, " %ld to %ld", least, most);
    styled_cell(styled, range, SPARK_MARGIN, false);
    styled_text(styled, "\n");
}

static void sparklines(struct styled *styled, const struct ld_timeline_row *rows, size_t count)
{
    if (!count_kind(rows, count, "count"))
        return;
    styled_text(styled, "goroutines\n");
    for (size_t i = 0; i < count; i++) {
        bool seen = !is_kind(&rows[i], "count");
        for (size_t j = 0; !seen && j < i; j++)
            seen = is_kind(&rows[j], "count") && strcmp(rows[j].who, rows[i].who) == 0;
        if (!seen)
            sparkline(styled, rows, count, rows[i].who);
    }
}

static enum style_colour colour_of(const struct ld_timeline_row *row)
{
    static const struct {
        const char *kind;
        enum style_colour colour;
    } colours[] = {{"phase", STYLE_BOLD}, {"truth", STYLE_YELLOW}, {"alert", STYLE_RED}, {"read", STYLE_DIM}};
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        if (is_kind(row, colours[i].kind))
            return colours[i].colour;
    }
    return STYLE_PLAIN;
}

/* Where the amount stands in a truth row's text, from ", " to the space behind it; NULL when it does not. */
static const char *find_amount(const struct ld_timeline_row *row, size_t *ret_length)
{
    char words[32];
    int length = snprintf(words, sizeof words, ", %lld ", (long long)row->amount);
    *ret_length = (size_t)length;
    return row->amount >= 0 ? strstr(row->text, words) : NULL;
}

/* Do two rows say the same but for the amount? */
static bool says_the_same(const struct ld_timeline_row *left, const struct ld_timeline_row *right)
{
    if (strcmp(left->kind, right->kind) != 0 || strcmp(left->who, right->who) != 0 || left->instance != right->instance)
        return false;
    size_t left_length, right_length;
    const char *left_amount = find_amount(left, &left_length), *right_amount = find_amount(right, &right_length);
    if (!left_amount || !right_amount)
        return !left_amount && !right_amount && strcmp(left->text, right->text) == 0;
    size_t before = (size_t)(left_amount - left->text);
    return before == (size_t)(right_amount - right->text) && memcmp(left->text, right->text, before) == 0 &&
           strcmp(left_amount + left_length, right_amount + right_length) == 0;
}

static bool is_foldable(const struct ld_timeline_row *row)
{
    return row->amount >= 0 || is_kind(row, "read") || is_kind(row, "alert");
}

/* Does `row` end the stretch of `first`? What happens to another instance and what is not shown does not, nor do two
 * leaks of one instance end one another's. */
static bool ends_stretch(const struct ld_timeline_row *first, const struct ld_timeline_row *row)
{
    if (is_kind(row, "count") || (row->instance >= 0 && row->instance != first->instance))
        return false;
    size_t verb = strcspn(first->text, " ");
    bool same_verb = strncmp(row->text, first->text, verb + 1) == 0;
    return !(same_verb && row->amount >= 0 && strcmp(row->who, first->who) != 0);
}

struct stretch {
    size_t rows;
    const struct ld_timeline_row *last;
    bool update; /* from the close of the claim as it was to `last`, its open as it is */
};

/* The second half of the update that `rows[at]` begins; `count` when it is not there. */
static size_t find_update(const struct ld_timeline_row *rows, size_t count, size_t at)
{
    size_t i = at + 1;
    while (i < count && !(is_kind(&rows[i], "alert") && strcmp(rows[i].who, rows[at].who) == 0))
        i++;
    return i < count && begins_with(rows[i].text, "open ") ? i : count;
}

/* What `rows[at]` begins; the later ones of the stretch are marked as folded. */
static struct stretch fold_stretch(const struct ld_timeline_row *rows, size_t count, size_t at, bool *folded)
{
    struct stretch stretch = {.rows = 1, .last = &rows[at]};
    size_t update = begins_update(&rows[at]) ? find_update(rows, count, at) : count;
    if (update < count) {
        folded[update] = true;
        return (struct stretch){.rows = 2, .last = &rows[update], .update = true};
    }
    for (size_t i = at + 1; is_foldable(&rows[at]) && i < count; i++) {
        if (says_the_same(&rows[at], &rows[i])) {
            folded[i] = true;
            stretch.last = &rows[i];
            stretch.rows++;
        } else if (ends_stretch(&rows[at], &rows[i])) {
            break;
        }
    }
    return stretch;
}

/* "leak chan-receive, 1 to 37 goroutines outstanding, over 935ms". */
static void describe_stretch(const struct ld_timeline_row *first, const struct stretch *stretch, char *text,
                             size_t size)
{
    char lasted[32];
    size_t length;
    const char *amount = find_amount(first, &length);
    char whole[TEXT_MAX - 128]; /* what stands around it has room, too */
    copy_text(stretch->update ? stretch->last->text + strlen("open ") : first->text, whole, sizeof whole);
    ld_format_duration_short(stretch->last->time_ns - first->time_ns, lasted, sizeof lasted);
    if (stretch->update)
        snprintf(text, size, "update %s", whole);
    else if (stretch->rows == 1)
        snprintf(text, size, "%s", whole);
    else if (amount)
        snprintf(text, size, "%.*s, %lld to %lld %s, over %s", (int)(amount - first->text), first->text,
                 (long long)first->amount, (long long)stretch->last->amount, amount + length, lasted);
    else
        snprintf(text, size, "%s, %zu times in %s", whole, stretch->rows, lasted);
}

#define NARROW_MARGIN 20 /* of a text's further lines, where its own column is too narrow to read */

static unsigned who_width(const struct styled *styled)
{
    return styled->style.width >= 100 ? 18 : 13;
}

static void line(struct styled *styled, const struct ld_timeline_row *row, const char *goroutines, const char *text)
{
    unsigned margin = who_width(styled) + 27;
    styled_printf(styled, "%+9.3fs ", (double)row->time_ns / (double)LD_SECOND);
    styled_cell(styled, goroutines, -6, true);
    styled_text(styled, "  ");
    styled_colour(styled, colour_of(row));
    styled_cell(styled, row->kind, 6, true);
    styled_colour(styled, STYLE_PLAIN);
    styled_text(styled, " ");
    styled_cell(styled, row->who, (int)who_width(styled), true);
    styled_text(styled, " ");
    if (*text)
        styled_wrapped(styled, margin, styled->style.width >= 80 ? margin : NARROW_MARGIN, text);
    else
        styled_text(styled, "\n");
}

static bool has_instances(const struct ld_timeline_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].instance > 0)
            return true;
    return false;
}

/* Of which of several instances: who of the others says so already. */
static void name_instance(const struct ld_timeline_row *row, char *text, size_t size)
{
    char before[32];
    if (row->instance < 0 || !(is_kind(row, "alert") || is_kind(row, "truth")))
        return;
    size_t length = (size_t)snprintf(before, sizeof before, "instance %lld: ", (long long)row->instance);
    size_t kept = strlen(text) + 1 + length > size ? size - length - 1 : strlen(text);
    memmove(text + length, text, kept);
    memcpy(text, before, length);
    text[length + kept] = '\0';
}

/* Relative to the run's start; goroutines as last counted; kind; who; what. */
static int timeline(struct styled *styled, const struct ld_timeline_row *rows, size_t count)
{
    char goroutines[24] = "", text[TEXT_MAX];
    const bool several = has_instances(rows, count);
    bool *folded = calloc(count, sizeof *folded);
    if (!folded)
        return LD_ENOMEM;
    styled_printf(styled, "%10s %6s  %-6s %-*s what\n", "time", "count", "kind",
                  (int)who_width(styled), "who");
    for (size_t i = 0; i < count; i++) {
        if (is_kind(&rows[i], "count"))
            snprintf(goroutines, sizeof goroutines, "%ld", strtol(rows[i].text, NULL, 10));
        if (is_kind(&rows[i], "count") || folded[i])
            continue;
        const struct stretch stretch = fold_stretch(rows, count, i, folded);
        describe_stretch(&rows[i], &stretch, text, sizeof text);
        if (several)
            name_instance(&rows[i], text, sizeof text);
        line(styled, &rows[i], goroutines, text);
    }
    free(folded);
    return 0;
}

int ld_report_run(const struct ld_stored_run *run, const struct ld_timeline_row *rows, size_t count,
                  const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    int code = 0;
    styled_begin(&styled, style, out);
    header(&styled, run, rows, count);
    if (count > 0) {
        sparklines(&styled, rows, count);
        styled_rule(&styled);
        code = timeline(&styled, rows, count);
    }
    return code ? code : styled.code;
}
