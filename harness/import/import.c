/* What every kind of file needs: instances, numbers and reads, and their order. */
#include "import/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "import/internal.h"

#define IMPORT_MEMORY (LD_IMPORT_BYTES_MAX + ((size_t)512 << 20))
#define START_TOLERANCE_S 1.0 /* start times are computed and rounded */

int ld_import_new(struct ld_import **ret_import, const struct ld_import_setting *setting, struct ld_error *error)
{
    struct ld_import *import = calloc(1, sizeof *import);
    if (!import || !(import->arena = ld_arena_new(IMPORT_MEMORY))) {
        free(import);
        return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    }
    import->setting = *setting;
    *ret_import = import;
    return 0;
}

void ld_import_free(struct ld_import *import)
{
    if (!import)
        return;
    free(import->reads);
    free(import->numbers);
    ld_arena_free(import->arena);
    free(import);
}

int ld_import_fail(struct ld_errors *errors, int code, const char *file, unsigned line, unsigned column,
                   const char *format, ...)
{
    struct ld_error error = {.code = code, .line = line, .column = column};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    snprintf(error.file, sizeof error.file, "%s", file);
    ld_errors_add(errors, &error);
    return code;
}

const char *ld_import_why(int code)
{
    return code == LD_ELIMIT ? "there is more than an import may hold" : ld_code_text(code);
}

const char *ld_import_why_instance(int code)
{
    return code == LD_ELIMIT ? "more than 64 instances, or a name longer than 200 bytes" : ld_code_text(code);
}

static int grow(void *items, size_t *room, size_t count, size_t size, size_t most)
{
    void **array = items;
    if (count >= most)
        return LD_ELIMIT;
    if (count < *room)
        return 0;
    size_t wanted = *room ? *room * 2 : 1024;
    void *grown = realloc(*array, wanted * size);
    if (!grown)
        return LD_ENOMEM;
    *array = grown;
    *room = wanted;
    return 0;
}

int ld_import_add_number(struct ld_import *import, const struct ld_import_number *number)
{
    int code = grow(&import->numbers, &import->number_room, import->number_count, sizeof *import->numbers,
                    LD_IMPORT_POINTS_MAX);
    if (!code)
        import->numbers[import->number_count++] = *number;
    return code;
}

int ld_import_add_read(struct ld_import *import, const struct ld_import_read *read)
{
    int code = grow(&import->reads, &import->read_room, import->read_count, sizeof *import->reads,
                    LD_IMPORT_POINTS_MAX);
    if (!code)
        import->reads[import->read_count++] = *read;
    return code;
}

int ld_import_add_file(struct ld_import *import, const char *file, uint16_t *ret_index)
{
    char *copy = import->file_count < LD_IMPORT_FILES_MAX ? ld_arena_text(import->arena, file) : NULL;
    if (!copy)
        return import->file_count < LD_IMPORT_FILES_MAX ? LD_ENOMEM : LD_ELIMIT;
    *ret_index = (uint16_t)import->file_count;
    import->files[import->file_count++] = copy;
    return 0;
}

int ld_import_instance(struct ld_import *import, const char *name, size_t length, uint32_t *ret_instance)
{
    if (length > LD_IMPORT_NAME_MAX)
        return LD_ELIMIT;
    for (uint32_t i = 0; i < import->instance_count; i++)
        if (strlen(import->instances[i]) == length && memcmp(import->instances[i], name, length) == 0) {
            *ret_instance = i;
            return 0;
        }
    if (import->instance_count == LD_IMPORT_INSTANCES_MAX)
        return LD_ELIMIT;
    char *copy = ld_arena_copy(import->arena, name, length);
    if (!copy)
        return LD_ENOMEM;
    *ret_instance = import->instance_count;
    import->instances[import->instance_count++] = copy;
    return 0;
}

void ld_import_leave_out(struct ld_import *import, const char *name)
{
    for (size_t i = 0; i < import->left_out_count; i++)
        if (strcmp(import->left_out[i], name) == 0)
            return;
    if (import->left_out_count == LD_IMPORT_LEFT_OUT_MAX)
        return;
    char *copy = ld_arena_text(import->arena, name);
    if (copy)
        import->left_out[import->left_out_count++] = copy;
}

/* ---- finish: instances by name, so that the order of files does not show */

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void sort_instances(struct ld_import *import)
{
    const char *sorted[LD_IMPORT_INSTANCES_MAX];
    uint32_t places[LD_IMPORT_INSTANCES_MAX] = {0};
    uint32_t count = import->instance_count;
    memcpy(sorted, import->instances, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_names);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < count; k++)
            if (sorted[k] == import->instances[i])
                places[i] = k;
    memcpy(import->instances, sorted, count * sizeof *sorted);
    for (size_t i = 0; i < import->number_count; i++)
        import->numbers[i].instance = places[import->numbers[i].instance];
    for (size_t i = 0; i < import->read_count; i++)
        import->reads[i].instance = places[import->reads[i].instance];
}

/* ---- numbers become reads */

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static int compare_numbers(const void *left, const void *right)
{
    const struct ld_import_number *a = left, *b = right;
    int order = ORDER(a->wall_ns, b->wall_ns);
    order = order ? order : ORDER(a->instance, b->instance);
    order = order ? order : ORDER(a->role, b->role);
    order = order ? order : ORDER(a->file, b->file);
    order = order ? order : ORDER(a->line, b->line);
    return order ? order : ORDER(a->column, b->column);
}

static bool same_place(const struct ld_import_number *a, const struct ld_import_number *b)
{
    return a->wall_ns == b->wall_ns && a->instance == b->instance && a->role == b->role;
}

static const char *role_name(uint16_t role)
{
    return role == LD_IMPORT_START ? "process_start_time_seconds" : ld_metric_table[role].name;
}

static const char *place_of(const struct ld_import *import, const struct ld_import_number *number, char *text,
                            size_t room)
{
    bool of_range = import->of_range[number->file];
    snprintf(text, room, "%s%u%s%u%s", of_range ? "data.result[" : "", number->line, of_range ? "].values[" : ":",
             number->column, of_range ? "]" : "");
    return text;
}

static int fail_contradiction(const struct ld_import *import, const struct ld_import_number *number,
                              const struct ld_import_number *before, struct ld_errors *errors)
{
    char here[64], there[64];
    bool of_range = import->of_range[number->file];
    place_of(import, number, here, sizeof here);
    return ld_import_fail(
        errors, LD_ESPEC, import->files[number->file], of_range ? 0 : number->line, of_range ? 0 : number->column,
        "%s%s%s is %.17g here and %.17g at the same instant in %s, %s; what tells the two apart is no "
        "instance",
        of_range ? here : "", of_range ? ": " : "", role_name(number->role), number->value, before->value,
        import->files[before->file], place_of(import, before, there, sizeof there));
}

/* The same number twice is one; two that differ cannot both be right. */
static int drop_duplicates(struct ld_import *import, struct ld_errors *errors)
{
    size_t kept = 0;
    int code = 0;
    for (size_t i = 0; i < import->number_count; i++) {
        const struct ld_import_number *number = &import->numbers[i];
        const struct ld_import_number *before = kept ? &import->numbers[kept - 1] : NULL;
        if (!before || !same_place(before, number)) {
            import->numbers[kept++] = *number;
            continue;
        }
        import->summary.duplicates++;
        if (memcmp(&before->value, &number->value, sizeof number->value) != 0)
            code = fail_contradiction(import, number, before, errors);
    }
    import->number_count = kept;
    return code;
}

static bool is_counter(uint16_t role)
{
    return role == LD_METRIC_GC_CYCLES || role == LD_METRIC_GC_PAUSE_SUM || role == LD_METRIC_CPU ||
           role == LD_METRIC_REQUESTS || role == LD_METRIC_RESPONSES || role == LD_METRIC_ERRORS;
}

struct last_values {
    bool seen[LD_METRIC_COUNT + 1];
    double values[LD_METRIC_COUNT + 1];
};

/* Does this number say that the process is another one than before? */
static bool tells_restart(struct last_values *last, const struct ld_import_number *number)
{
    double before = last->values[number->role];
    bool restarts = false;
    if (last->seen[number->role] && number->role == LD_IMPORT_START)
        restarts = number->value > before + START_TOLERANCE_S || number->value < before - START_TOLERANCE_S;
    else if (last->seen[number->role])
        restarts = is_counter(number->role) && number->value < before;
    last->seen[number->role] = true;
    last->values[number->role] = number->value;
    return restarts;
}

static int read_numbers(struct ld_import *import, struct ld_errors *errors)
{
    struct last_values *last = calloc(import->instance_count + 1, sizeof *last);
    int code = last ? 0 : LD_ENOMEM;
    for (size_t first = 0; first < import->number_count && !code;) {
        const struct ld_import_number *number = &import->numbers[first];
        struct ld_import_read read = {
            .wall_ns = number->wall_ns, .instance = number->instance, .first = first, .goroutines = -1};
        size_t end = first;
        while (end < import->number_count && import->numbers[end].wall_ns == read.wall_ns &&
               import->numbers[end].instance == read.instance) {
            if (tells_restart(&last[read.instance], &import->numbers[end]))
                read.restarts = true;
            read.count += import->numbers[end++].role != LD_IMPORT_START; /* which stands last */
        }
        first = end;
        code = ld_import_add_read(import, &read);
    }
    free(last);
    return code ? ld_import_fail(errors, code, "", 0, 0, "%s", ld_import_why(code)) : 0;
}

/* ---- the order of reads */

static int compare_reads(const void *left, const void *right)
{
    const struct ld_import_read *a = left, *b = right;
    int order = ORDER(a->wall_ns, b->wall_ns);
    order = order ? order : ORDER(a->instance, b->instance);
    order = order ? order : ORDER(a->of_profile, b->of_profile);
    order = order ? order : ORDER(a->kind, b->kind);
    order = order ? order : ORDER(a->encoding, b->encoding);
    return order ? order : strcmp(a->file ? a->file : "", b->file ? b->file : "");
}

static bool same_profile(const struct ld_import_read *a, const struct ld_import_read *b)
{
    return a->of_profile && b->of_profile && a->wall_ns == b->wall_ns && a->instance == b->instance &&
           a->kind == b->kind && a->encoding == b->encoding;
}

static int drop_profiles(struct ld_import *import, struct ld_errors *errors)
{
    size_t kept = 0;
    int code = 0;
    for (size_t i = 0; i < import->read_count; i++) {
        const struct ld_import_read *read = &import->reads[i];
        const struct ld_import_read *before = kept ? &import->reads[kept - 1] : NULL;
        if (!before || !same_profile(before, read)) {
            import->reads[kept++] = *read;
            continue;
        }
        import->summary.duplicates++;
        if (before->length != read->length || memcmp(before->body, read->body, read->length) != 0)
            code = ld_import_fail(errors, LD_ESPEC, read->file, 0, 0,
                                  "is another %s profile of the same instant and instance as %s",
                                  ld_profile_kind_name(read->kind), before->file);
    }
    import->read_count = kept;
    return code;
}

static void number_lives(struct ld_import *import)
{
    uint32_t lives[LD_IMPORT_INSTANCES_MAX];
    bool begun[LD_IMPORT_INSTANCES_MAX] = {false};
    for (size_t i = 0; i < LD_IMPORT_INSTANCES_MAX; i++)
        lives[i] = 1;
    for (size_t i = 0; i < import->read_count; i++) {
        struct ld_import_read *read = &import->reads[i];
        read->restarts = read->restarts && begun[read->instance]; /* before its first read there was no other life */
        lives[read->instance] += read->restarts;
        import->summary.restarts += read->restarts;
        begun[read->instance] = true;
        read->incarnation = lives[read->instance];
    }
}

static int compare_times(const void *left, const void *right)
{
    return ORDER(*(const int64_t *)left, *(const int64_t *)right);
}

int64_t ld_import_median(int64_t *differences, size_t count)
{
    if (!count)
        return 0;
    qsort(differences, count, sizeof *differences, compare_times);
    return differences[count / 2];
}

/* Nobody reads so seldom: one of the two times is not what it says. */
static int fail_apart(const struct ld_import *import, const struct ld_import_read *read, int64_t before_ns,
                      struct ld_errors *errors)
{
    const struct ld_import_number *number = read->count ? &import->numbers[read->first] : NULL;
    bool line = number && !import->of_range[number->file];
    return ld_import_fail(errors, LD_ESPEC, read->of_profile ? read->file : number ? import->files[number->file] : "",
                          line ? number->line : 0, line ? 1 : 0, "%lld days after the read before it: is a time wrong?",
                          (long long)((read->wall_ns - before_ns) / LD_DAY));
}

/* The median difference between neighbours of one kind and instance, for profiles of two kinds are fetched one after
 * the other; 0 when nothing was read at two instants. */
static int find_period(struct ld_import *import, struct ld_errors *errors)
{
    int64_t last[LD_IMPORT_INSTANCES_MAX][LD_IMPORT_STREAMS];
    bool seen[LD_IMPORT_INSTANCES_MAX][LD_IMPORT_STREAMS] = {{false}};
    size_t count = 0;
    int64_t *differences = malloc((import->read_count + 1) * sizeof *differences);
    if (!differences)
        return ld_import_fail(errors, LD_ENOMEM, "", 0, 0, "%s", ld_code_text(LD_ENOMEM));
    for (size_t i = 0; i < import->read_count; i++) {
        const struct ld_import_read *read = &import->reads[i];
        size_t stream = ld_import_stream(read);
        if (read->gap || !(read->of_profile || read->count))
            continue;
        if (seen[read->instance][stream] && read->wall_ns - last[read->instance][stream] > LD_IMPORT_APART_MAX_NS) {
            free(differences);
            return fail_apart(import, read, last[read->instance][stream], errors);
        }
        if (seen[read->instance][stream] && read->wall_ns > last[read->instance][stream])
            differences[count++] = read->wall_ns - last[read->instance][stream];
        seen[read->instance][stream] = true;
        last[read->instance][stream] = read->wall_ns;
    }
    import->summary.period_ns = ld_import_median(differences, count);
    free(differences);
    return 0;
}

static void summarise(struct ld_import *import)
{
    struct ld_import_summary *summary = &import->summary;
    for (size_t i = 0; i < import->read_count; i++) {
        const struct ld_import_read *read = &import->reads[i];
        if (read->gap)
            continue;
        summary->reads += !read->of_profile && read->count;
        summary->points += read->count;
        summary->profiles += read->of_profile;
        if (read->of_profile)
            summary->kinds[read->kind] = true;
        if (read->goroutines >= 0)
            summary->metrics[LD_METRIC_GOROUTINES] = true;
        for (size_t k = 0; k < read->count; k++)
            summary->metrics[import->numbers[read->first + k].role] = true;
    }
    summary->instances = import->instance_count;
    summary->instance_names = import->instances;
    summary->left_out_count = import->left_out_count;
    summary->left_out = import->left_out;
    if (import->read_count) {
        summary->from_ns = import->reads[0].wall_ns;
        summary->to_ns = import->reads[import->read_count - 1].wall_ns;
    }
}

/* Which columns the user named that no file has: a misspelling, most likely. */
static int check_columns(const struct ld_import *import, struct ld_errors *errors)
{
    const struct ld_import_columns *columns = import->setting.columns;
    int code = 0;
    for (size_t i = 0; columns && i < columns->count; i++)
        if (!columns->items[i].used)
            code = ld_import_fail(errors, LD_EUSAGE, "", 0, 0, "--columns: no file has \"%s\"", columns->items[i].name);
    return code;
}

int ld_import_finish(struct ld_import *import, struct ld_errors *errors)
{
    int code = check_columns(import, errors);
    sort_instances(import);
    if (import->number_count)
        qsort(import->numbers, import->number_count, sizeof *import->numbers, compare_numbers);
    int failed = drop_duplicates(import, errors);
    code = code ? code : failed;
    failed = read_numbers(import, errors);
    code = code ? code : failed;
    if (import->read_count)
        qsort(import->reads, import->read_count, sizeof *import->reads, compare_reads);
    failed = drop_profiles(import, errors);
    code = code ? code : failed;
    int full = ld_import_fill_gaps(import);
    if (full && !code)
        code = ld_import_fail(errors, full, "", 0, 0, "%s", ld_import_why(full));
    if (import->read_count)
        qsort(import->reads, import->read_count, sizeof *import->reads, compare_reads);
    number_lives(import);
    failed = find_period(import, errors);
    code = code ? code : failed;
    summarise(import);
    if (!code && import->summary.reads + import->summary.profiles == 0)
        code = ld_import_fail(errors, LD_ESPEC, "", 0, 0, "there is nothing to import: no profile, no number");
    return code;
}

void ld_import_summarise(const struct ld_import *import, struct ld_import_summary *ret_summary)
{
    *ret_summary = import->summary;
}
