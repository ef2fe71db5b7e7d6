/* Points of an ended run: from plain rows into series, and back.
 *
 * A series lies together by metric, carries its summary, and takes about three quarters of plain rows (bench_store: 16
 * bytes a number against 21); a binary one would take half, but no sqlite3 shell could unfold it, as json_each does
 * with this. The text is exact: the digits read back to the very bits (strtod), and what JSON has no number for is
 * written as its bits. Sequences stand for times: the observation has them in full nanoseconds. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

#define PIECE_SAMPLES 4096u
#define POINTS_MAX ((size_t)64 << 20) /* of one run: weeks of sampling */

/* One row of series in the making. */
struct piece {
    int64_t instance, incarnation, metric, number;
    int64_t count, first_ns, last_ns;
    double first, last, minimum, maximum;
    int64_t ordinal;   /* of the first sample */
    bool same_ordinal; /* of all so far */
    struct ld_buffer ordinals, samples;
};

static void piece_begin(struct piece *piece, int64_t instance, int64_t incarnation, int64_t metric)
{
    bool next =
        piece->count && piece->instance == instance && piece->incarnation == incarnation && piece->metric == metric;
    piece->number = next ? piece->number + 1 : 0;
    piece->instance = instance;
    piece->incarnation = incarnation;
    piece->metric = metric;
    piece->count = 0;
    piece->same_ordinal = true;
    piece->minimum = INFINITY;
    piece->maximum = -INFINITY;
    ld_buffer_clear(&piece->ordinals);
    ld_buffer_clear(&piece->samples);
}

/* ",[sequence,value]" with the fewest digits that read back to the same bits; `size` is enough for any. */
static void format_sample(char *text, size_t size, const char *comma, uint64_t sequence, double value)
{
    int used = snprintf(text, size, "%s[%" PRIu64 ",", comma, sequence);
    char *at = text + used;
    size_t left = size - (size_t)used;
    if (!isfinite(value) || !ld_store_keeps(value)) {
        snprintf(at, left, "\"0x%016" PRIx64 "\"]", (uint64_t)ld_store_bits(value));
        return;
    }
    if (fabs(value) < 1e15 && value == (double)(int64_t)value) { /* most are counts and bytes */
        snprintf(at, left, "%" PRId64 "]", (int64_t)value);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(at, left, "%.*g]", digits, value);
        if (ld_store_bits(strtod(at, NULL)) == ld_store_bits(value))
            return;
    }
}

static int piece_add(struct piece *piece, uint64_t sequence, int64_t time_ns, int64_t ordinal, double value)
{
    if (piece->count == 0) {
        piece->ordinal = ordinal;
        piece->first_ns = time_ns;
        piece->first = value;
    }
    piece->same_ordinal = piece->same_ordinal && ordinal == piece->ordinal;
    piece->last_ns = time_ns;
    piece->last = value;
    piece->minimum = fmin(piece->minimum, value);
    piece->maximum = fmax(piece->maximum, value);
    const char *comma = piece->count++ ? "," : "";
    char text[80];
    snprintf(text, sizeof text, "%s%" PRId64, comma, ordinal);
    int code = ld_buffer_add_text(&piece->ordinals, text);
    format_sample(text, sizeof text, comma, sequence, value);
    return code ? code : ld_buffer_add_text(&piece->samples, text);
}

static int piece_write(struct ld_store *store, uint32_t run, const struct piece *piece, struct ld_error *error)
{
    static const char insert[] = "INSERT INTO series (run, instance, incarnation, metric, piece, count, first_ns, "
                                 "last_ns, first, last, minimum, "
                                 "maximum, ordinals, samples) "
                                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[' || ? || ']', '[' || ? || ']')";
    char ordinal[32];
    snprintf(ordinal, sizeof ordinal, "%" PRId64, piece->ordinal);
    return ld_store_write(store, error, insert, "iiiiiiiirrrrtt", (int64_t)run, piece->instance, piece->incarnation,
                          piece->metric, piece->number, piece->count, piece->first_ns, piece->last_ns, piece->first,
                          piece->last, piece->minimum, piece->maximum,
                          piece->same_ordinal ? ordinal : ld_buffer_text(&piece->ordinals),
                          ld_buffer_text(&piece->samples));
}

struct sealing {
    uint32_t run;
    struct piece piece;
};

/* One plain row into the piece in hand, which is written first when it is full or of another series. */
static int seal_row(struct ld_row *row, void *context)
{
    struct sealing *sealing = context;
    struct piece *piece = &sealing->piece;
    int64_t instance = ld_row_index(row), incarnation = ld_row_index(row), metric = ld_row_integer(row, 0, INT64_MAX);
    uint64_t sequence = ld_row_unsigned(row);
    int64_t ordinal = ld_row_index(row), time_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    double value = ld_row_double(row);
    if (row->code)
        return row->code;
    if (piece->count == PIECE_SAMPLES || piece->instance != instance || piece->incarnation != incarnation ||
        piece->metric != metric) {
        int code = piece->count ? piece_write(row->store, sealing->run, piece, row->error) : 0;
        if (code)
            return code;
        piece_begin(piece, instance, incarnation, metric);
    }
    int code = piece_add(piece, sequence, time_ns, ordinal, value);
    if (code)
        ld_fail(row->error, code, "%s: cannot seal the points of run %u", row->store->path, sealing->run);
    return code;
}

int ld_store_seal(struct ld_store *store, uint32_t run, struct ld_error *error)
{
    static const char select_points[] =
        "SELECT o.instance, o.incarnation, p.metric, p.sequence, p.ordinal, o.time_ns, p.value, p.bits FROM point AS p "
        "JOIN observation AS o ON o.run = p.run AND o.sequence = p.sequence WHERE p.run = ? "
        "ORDER BY o.instance, o.incarnation, p.metric, p.sequence, p.ordinal";
    static const char delete_points[] = "DELETE FROM point WHERE run = ?";
    int code = ld_store_group(store, error);
    if (code)
        return code;
    struct sealing sealing = {.run = run, .piece.instance = -1};
    struct piece *piece = &sealing.piece;
    ld_buffer_init(&piece->ordinals, (size_t)1 << 20);
    ld_buffer_init(&piece->samples, (size_t)1 << 20);
    code = ld_store_each(store, error, select_points, run, "point", NULL, seal_row, &sealing);
    if (code == 0 && piece->count)
        code = piece_write(store, run, piece, error);
    if (code == 0)
        code = ld_store_write(store, error, delete_points, "i", (int64_t)run);
    ld_buffer_done(&piece->ordinals);
    ld_buffer_done(&piece->samples);
    return code;
}

/* ---- reading back */

static int add_point(struct ld_stored_points *points, const struct ld_stored_point *point)
{
    if (points->count == POINTS_MAX)
        return LD_ELIMIT;
    if (points->count == points->capacity) {
        size_t capacity = points->capacity ? points->capacity * 2 : 256;
        struct ld_stored_point *grown = realloc(points->items, capacity * sizeof *grown);
        if (!grown)
            return LD_ENOMEM;
        points->items = grown;
        points->capacity = capacity;
    }
    points->items[points->count++] = *point;
    return 0;
}

/* A cursor in JSON that we wrote: no spaces. Each of these returns false when the text is not what it must be. */
static bool take(const char **at, char wanted)
{
    return **at == wanted && (*at)++;
}

static bool take_number(const char **at, uint64_t *ret_number)
{
    if (**at < '0' || **at > '9')
        return false;
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(**at - '0'), &number))
            return false;
    *ret_number = number;
    return true;
}

static bool take_value(const char **at, double *ret_value)
{
    char *end;
    if (take(at, '"')) {
        if (strncmp(*at, "0x", 2) != 0)
            return false;
        uint64_t bits = strtoull(*at, &end, 16);
        if (end != *at + 18)
            return false;
        *ret_value = ld_store_from_bits((int64_t)bits);
        *at = end;
        return take(at, '"');
    }
    if (**at != '-' && (**at < '0' || **at > '9'))
        return false;
    *ret_value = strtod(*at, &end);
    *at = end;
    return true;
}

/* [sequence,value] pairs beside ordinals. False when damaged; *ret_code when a point cannot be kept. */
static bool unfold(const char *samples, const char *ordinals, enum ld_metric metric, int64_t count,
                   struct ld_stored_points *points, int *ret_code)
{
    bool one = !strchr(ordinals, ',');
    uint64_t ordinal = 0;
    bool good = take(&samples, '[') && take(&ordinals, '[');
    for (int64_t i = 0; good && i < count; i++) {
        struct ld_stored_point point = {.metric = metric};
        good = i == 0 || take(&samples, ',');
        if (good && (i == 0 || !one))
            good = (i == 0 || take(&ordinals, ',')) && take_number(&ordinals, &ordinal) && ordinal <= UINT32_MAX;
        good = good && take(&samples, '[') && take_number(&samples, &point.sequence) && take(&samples, ',') &&
               take_value(&samples, &point.value) && take(&samples, ']');
        point.ordinal = (uint32_t)ordinal;
        if (good)
            *ret_code = add_point(points, &point);
        good = good && *ret_code == 0;
    }
    return good && strcmp(samples, "]") == 0 && strcmp(ordinals, "]") == 0;
}

static int series_row(struct ld_row *row, void *context)
{
    struct ld_stored_points *points = context;
    int metric = ld_store_metric_of(row->store, ld_row_integer(row, 0, INT64_MAX));
    int64_t count = ld_row_integer(row, 1, PIECE_SAMPLES);
    const char *ordinals = ld_row_text(row), *samples = ld_row_text(row);
    if (row->code)
        return row->code;
    if (metric < 0)
        return ld_store_damaged(row->store, row->error, "holds a metric that this leakdrill does not know");
    int code = 0;
    if (unfold(samples, ordinals, (enum ld_metric)metric, count, points, &code))
        return 0;
    if (code)
        return ld_fail(row->error, code, "%s: a run has too many points", row->store->path);
    return ld_store_damaged(row->store, row->error, "a series is damaged");
}

static int point_row(struct ld_row *row, void *context)
{
    struct ld_stored_points *points = context;
    struct ld_stored_point point = {.sequence = ld_row_unsigned(row)};
    point.ordinal = ld_row_index(row);
    int metric = ld_store_metric_of(row->store, ld_row_integer(row, 0, INT64_MAX));
    point.value = ld_row_double(row);
    if (row->code)
        return row->code;
    if (metric < 0)
        return ld_store_damaged(row->store, row->error, "holds a metric that this leakdrill does not know");
    point.metric = (enum ld_metric)metric;
    int code = add_point(points, &point);
    return code ? ld_fail(row->error, code, "%s: a run has too many points", row->store->path) : 0;
}

static int by_place(const void *left, const void *right)
{
    const struct ld_stored_point *a = left, *b = right;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

int ld_store_points_read(struct ld_store *store, uint32_t run, struct ld_stored_points *ret_points,
                         struct ld_error *error)
{
    static const char select_series[] = "SELECT metric, count, ordinals, samples FROM series WHERE run = ?";
    static const char select_points[] =
        "SELECT sequence, ordinal, metric, value, bits FROM point WHERE run = ? ORDER BY sequence, ordinal";
    struct ld_stored_points points = {0};
    int code = ld_store_each(store, error, select_series, run, "series", NULL, series_row, &points);
    if (code == 0)
        code = ld_store_each(store, error, select_points, run, "point", NULL, point_row, &points);
    if (code) {
        ld_store_points_done(&points);
        return code;
    }
    if (points.count)
        qsort(points.items, points.count, sizeof *points.items, by_place);
    *ret_points = points;
    return 0;
}

void ld_store_points_done(struct ld_stored_points *points)
{
    free(points->items);
    *points = (struct ld_stored_points){0};
}
