/* The schema of rule files, and reading them. */
#include "matrix/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "truth/cause.h"

#define ARENA_MAX ((size_t)64 << 20)

const char *const ld_bound_names[LD_BOUNDS] = {"at_least", "at_most", "above", "below"};

/* ---- cells */

static int wrong(int *first, int code)
{
    if (!*first)
        *first = code;
    return code;
}

static const struct ld_node *key_node(const struct ld_node *node, const char *key)
{
    const struct ld_node *found = ld_node_get(node, key);
    return found ? found : node;
}

static const char *suggestion(const char *text, const char *const *names, char *buffer, size_t size)
{
    const char *nearest = ld_nearest(text, names);
    buffer[0] = '\0';
    if (nearest)
        snprintf(buffer, size, "; did you mean %s?", nearest);
    return buffer;
}

static int find_column(struct ld_schema_context *context, const struct ld_node *node, struct ld_cell *cell)
{
    const struct ld_column *column = ld_column_find(cell->column_name);
    const struct ld_node *place = key_node(node, "column");
    char hint[128];
    if (!column)
        return ld_schema_error(context, place, LD_ESPEC, "there is no column %.80s%s", cell->column_name,
                               suggestion(cell->column_name, ld_column_names(), hint, sizeof hint));
    if (column->not_yet)
        return ld_schema_error(context, place, LD_ENOTYET, "the column %s is not implemented yet", column->name);
    cell->column = column;
    return 0;
}

/* A number outside the registry has no known source, so no rule may rest on it. */
static int find_metric(struct ld_schema_context *context, const struct ld_node *node, struct ld_cell *cell)
{
    const char *names[LD_METRIC_COUNT + 1] = {0};
    for (int i = 0; i < LD_METRIC_COUNT; i++)
        names[i] = ld_metric_table[i].name;
    char hint[128];
    int metric = ld_metric_find(cell->metric_name);
    if (metric < 0)
        return ld_schema_error(context, key_node(node, "metric"), LD_ESPEC,
                               "the metric %.100s is not in the registry, so its unit and source are unknown%s",
                               cell->metric_name, suggestion(cell->metric_name, names, hint, sizeof hint));
    int fact = 0;
    while (cell->fact_name && ld_metric_facts[fact] && strcmp(ld_metric_facts[fact], cell->fact_name) != 0)
        fact++;
    if (!ld_metric_facts[fact])
        return ld_schema_error(context, key_node(node, "fact"), LD_ESPEC,
                               "%.80s is no fact: last, growth, slope, rate or persistence", cell->fact_name);
    struct ld_column *column = ld_arena_take(context->arena, sizeof *column);
    if (!column)
        return ld_schema_error(context, node, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    *column = ld_column_of_metric((enum ld_metric)metric, fact);
    cell->column = column;
    return 0;
}

static int check_bounds(struct ld_schema_context *context, struct ld_cell *cell)
{
    int first = 0;
    for (int i = 0; i < LD_BOUNDS; i++) {
        const struct ld_node *node = cell->bound_nodes[i];
        if (!node)
            continue;
        const char *expected = ld_column_unit_text(cell->column->unit);
        if (node->kind != LD_NODE_SCALAR ||
            ld_column_parse(cell->column->unit, node->text, &cell->bounds[i], &expected) != 0)
            wrong(&first, ld_schema_error(context, node, LD_ESPEC, "%s of %s wants %s", ld_bound_names[i],
                                          cell->column->name, expected));
        cell->bounded[i] = true;
    }
    return first;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Is `name` a value that the column can take? Sites are judged by ld_matrix_lint. */
static bool possible_name(const struct ld_column *column, const char *name, const char **ret_expected)
{
    if (column->fact == LD_FACT_WAIT) {
        *ret_expected = "a wait class such as chan-receive or select";
        return ld_wait_find(name) >= 0;
    }
    if (column->fact == LD_FACT_KIND) {
        *ret_expected = "go, library or user";
        return strcmp(name, "go") == 0 || strcmp(name, "library") == 0 || strcmp(name, "user") == 0;
    }
    if (column->fact == LD_FACT_REPORT) {
        *ret_expected = "an error of AddressSanitizer such as heap-use-after-free";
        return name[0] != '\0' && !strpbrk(name, " :");
    }
    *ret_expected = "a function";
    return name[0] != '\0';
}

static int check_names(struct ld_schema_context *context, struct ld_cell *cell, const struct ld_node *list)
{
    const struct ld_node *single[1] = {list};
    const struct ld_node *const *items = list->kind == LD_NODE_SEQUENCE ? (const struct ld_node *const *)list->items
                                                                        : (const struct ld_node *const *)single;
    size_t count = list->kind == LD_NODE_SEQUENCE ? list->count : 1;
    if (list->kind == LD_NODE_MAPPING || !count || count > LD_RULES_NAMES_MAX)
        return ld_schema_error(context, list, LD_ESPEC, "wants a name or a list of 1 to %d names", LD_RULES_NAMES_MAX);
    cell->names = ld_arena_array(context->arena, count, sizeof *cell->names);
    if (!cell->names)
        return ld_schema_error(context, list, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    int first = 0;
    for (size_t i = 0; i < count; i++) {
        const char *expected = "a name";
        const char *text = items[i]->kind == LD_NODE_SCALAR ? items[i]->text : "";
        if (items[i]->kind != LD_NODE_SCALAR || !possible_name(cell->column, text, &expected))
            wrong(&first, ld_schema_error(context, items[i], LD_ESPEC, "%s cannot be \"%.80s\": wants %s",
                                          cell->column->name, text, expected));
        cell->names[cell->name_count++] = text;
    }
    qsort(cell->names, cell->name_count, sizeof *cell->names, compare_names);
    return first;
}

static int check_predicate(struct ld_schema_context *context, const struct ld_node *node, struct ld_cell *cell)
{
    bool bounded = false;
    for (int i = 0; i < LD_BOUNDS; i++)
        bounded = bounded || cell->bound_nodes[i];
    bool named = cell->is || cell->is_not;
    if (cell->column->unit != LD_COLUMN_NAME) {
        if (named || !bounded)
            return ld_schema_error(context, node, LD_ESPEC,
                                   "%s is a number: it wants at_least, at_most, above or below", cell->column->name);
        return check_bounds(context, cell);
    }
    if (bounded || !named || (cell->is && cell->is_not))
        return ld_schema_error(context, node, LD_ESPEC, "%s is a name: it wants either is or is_not",
                               cell->column->name);
    cell->negated = cell->is_not != NULL;
    return check_names(context, cell, cell->is ? cell->is : cell->is_not);
}

static int check_window(struct ld_schema_context *context, const struct ld_node *node, const struct ld_cell *cell)
{
    if (!cell->over_ns && ld_column_needs_window(cell->column))
        return ld_schema_error(context, node, LD_ESPEC, "%s looks over a window: it wants over, such as over: 2s",
                               cell->column->name);
    if (cell->over_ns && !ld_column_may_have_window(cell->column))
        return ld_schema_error(context, key_node(node, "over"), LD_ESPEC, "%s has no window", cell->column->name);
    return 0;
}

static int check_other_site(struct ld_schema_context *context, const struct ld_node *node, struct ld_cell *cell)
{
    if (!cell->at && !cell->waiting)
        return 0;
    if (!cell->at || !cell->waiting)
        return ld_schema_error(context, node, LD_ESPEC,
                               "at and waiting go together: a site and the wait to look at there");
    if (cell->column->level != LD_LEVEL_SITE || cell->column->series == LD_SERIES_NONE)
        return ld_schema_error(context, key_node(node, "at"), LD_ESPEC, "%s is not counted by site",
                               cell->column->name);
    int wait = ld_wait_find(cell->waiting);
    if (wait < 0)
        return ld_schema_error(context, key_node(node, "waiting"), LD_ESPEC,
                               "%.80s is no wait class, such as chan-receive or select", cell->waiting);
    cell->at_wait = (enum ld_wait)wait;
    return 0;
}

static int check_cell(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_cell *cell = value;
    cell->node = node;
    if ((cell->column_name != NULL) == (cell->metric_name != NULL))
        return ld_schema_error(context, node, LD_ESPEC, "a cell wants either column or metric");
    if (cell->column_name && cell->fact_name)
        return ld_schema_error(context, key_node(node, "fact"), LD_ESPEC, "fact belongs to metric, not to column");
    int first = cell->column_name ? find_column(context, node, cell) : find_metric(context, node, cell);
    if (first)
        return first;
    wrong(&first, check_predicate(context, node, cell));
    wrong(&first, check_window(context, node, cell));
    wrong(&first, check_other_site(context, node, cell));
    return first;
}

#define BOUND(key, index, text)                                                                                        \
    {                                                                                                                  \
        .name = key, .type = LD_FIELD_NODE,                                                                            \
        .offset = offsetof(struct ld_cell, bound_nodes) + (index) * sizeof(void *), .doc = text                        \
    }

static const struct ld_schema cell_schema = {
    .name = "cell",
    .doc = "A predicate on one column. All cells of a row must hold at once.",
    .fields =
        (const struct ld_field[]){
            {.name = "column", .type = LD_FIELD_TEXT, .offset = offsetof(struct ld_cell, column_name),
             .doc = "The observable; the columns are listed below."},
            {.name = "metric", .type = LD_FIELD_TEXT, .offset = offsetof(struct ld_cell, metric_name),
             .doc = "Instead of a column: a metric of the registry by its whole name."},
            {.name = "fact", .type = LD_FIELD_TEXT, .offset = offsetof(struct ld_cell, fact_name),
             .doc = "What of the metric: last (the default), growth, slope, rate or persistence."},
            {.name = "is", .type = LD_FIELD_NODE, .offset = offsetof(struct ld_cell, is),
             .doc = "One of these names; for columns that are names."},
            {.name = "is_not", .type = LD_FIELD_NODE, .offset = offsetof(struct ld_cell, is_not),
             .doc = "None of these names."},
            BOUND("at_least", LD_AT_LEAST, "Least value, in the column's unit."),
            BOUND("at_most", LD_AT_MOST, "Greatest value."),
            BOUND("above", LD_ABOVE, "More than this."),
            BOUND("below", LD_BELOW, "Less than this."),
            {.name = "over", .type = LD_FIELD_DURATION, .offset = offsetof(struct ld_cell, over_ns),
             .minimum = (double)LD_MS, .maximum = (double)LD_RULES_WINDOW_MAX_NS,
             .doc = "The window, divided by the run's time_scale. A cell whose series does not cover the window does "
                    "not hold. For a newest value: the bound holds for every point of the window."},
            {.name = "at", .type = LD_FIELD_TEXT, .offset = offsetof(struct ld_cell, at),
             .doc = "Look at this site instead of the row's own; a function of Go's or of a listed library."},
            {.name = "waiting", .type = LD_FIELD_TEXT, .offset = offsetof(struct ld_cell, waiting),
             .doc = "With at: the wait to look at there."},
            {.name = "as", .type = LD_FIELD_NAME, .offset = offsetof(struct ld_cell, as),
             .doc = "What the explanation calls this cell; by default its column."},
            {0}},
    .check = check_cell,
};

/* ---- rows and the file */

static const char *const scopes[] = {[LD_LEVEL_SITE] = "site", [LD_LEVEL_INSTANCE] = "instance", NULL};
static const char *const colours[] = {
    [LD_SEVERITY_GREEN] = "green", [LD_SEVERITY_AMBER] = "amber", [LD_SEVERITY_RED] = "red", NULL};
static const char *const causes[] = {
#define X(id, name, ...) name,
    LD_CAUSES(X)
#undef X
    NULL};

static int check_row(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    (void)context;
    struct ld_row *row = value;
    row->node = node;
    for (size_t i = 0; i < row->when.count; i++)
        if (ld_row_cell(row, i)->over_ns > row->window_ns)
            row->window_ns = ld_row_cell(row, i)->over_ns;
    return 0;
}

static const struct ld_schema row_schema = {
    .name = "row",
    .doc = "A behaviour: what it looks like, what it means, what to do.",
    .fields =
        (const struct ld_field[]){
            {.name = "id",
             .type = LD_FIELD_NAME,
             .flags = LD_FIELD_REQUIRED,
             .offset = offsetof(struct ld_row, id),
             .doc = "Unique name of the row; every alert carries it."},
            {.name = "doc",
             .type = LD_FIELD_TEXT,
             .offset = offsetof(struct ld_row, doc),
             .doc = "Why the row is as it is."},
            {.name = "scope",
             .type = LD_FIELD_CHOICE,
             .flags = LD_FIELD_REQUIRED,
             .offset = offsetof(struct ld_row, scope),
             .choices = scopes,
             .doc = "site: judged for each site in each of its waits, the alert names the site. instance: judged once "
                    "for the target."},
            {.name = "cause",
             .type = LD_FIELD_CHOICE,
             .flags = LD_FIELD_REQUIRED,
             .offset = offsetof(struct ld_row, cause),
             .choices = causes,
             .doc = "From the published partition of causes."},
            {.name = "colour",
             .type = LD_FIELD_CHOICE,
             .flags = LD_FIELD_REQUIRED,
             .offset = offsetof(struct ld_row, colour),
             .choices = colours,
             .doc = "Severity of its alerts."},
            {.name = "when",
             .type = LD_FIELD_LIST,
             .flags = LD_FIELD_REQUIRED,
             .offset = offsetof(struct ld_row, when),
             .item = &(const struct ld_field){.name = "cell",
                                              .type = LD_FIELD_OBJECT,
                                              .object = &cell_schema,
                                              .size = sizeof(struct ld_cell),
                                              .doc = "One predicate."},
             .size = sizeof(struct ld_cell),
             .count_max = LD_RULES_CELLS_MAX,
             .doc = "The cells. At least two of them must be different numbers: a single number never decides."},
            {.name = "explain",
             .type = LD_FIELD_TEXT,
             .flags = LD_FIELD_REQUIRED,
             .offset = offsetof(struct ld_row, explain),
             .doc = "What the alert says. {column} (or the cell's `as`) quotes the value, {site} and {wait} the site, "
                    "{since} the start of the row's longest window, {{ a brace."},
            {.name = "repair",
             .type = LD_FIELD_TEXT,
             .flags = LD_FIELD_REQUIRED,
             .offset = offsetof(struct ld_row, repair),
             .doc = "What to do about it; quoted behind the explanation."},
            {0}},
    .check = check_row,
};

static int check_file(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    (void)node;
    return ld_matrix_lint(context, value);
}

const struct ld_schema ld_matrix_schema = {
    .name = "rules",
    .doc = "A diagnosis matrix: rows are behaviours, columns are observables, a cell is a predicate with a window.",
    .fields =
        (const struct ld_field[]){
            {.name = "matrix",
             .type = LD_FIELD_INTEGER,
             .flags = LD_FIELD_REQUIRED,
             .offset = offsetof(struct ld_matrix, format),
             .minimum = 1,
             .maximum = 1,
             .doc = "The format: 1."},
            {.name = "version",
             .type = LD_FIELD_TEXT,
             .flags = LD_FIELD_REQUIRED,
             .offset = offsetof(struct ld_matrix, semver),
             .doc = "Semantic version, MAJOR.MINOR.PATCH."},
            {.name = "doc",
             .type = LD_FIELD_TEXT,
             .offset = offsetof(struct ld_matrix, doc),
             .doc = "What these rules are for."},
            {.name = "libraries",
             .type = LD_FIELD_LIST,
             .offset = offsetof(struct ld_matrix, libraries),
             .item = &(const struct ld_field){.name = "library",
                                              .type = LD_FIELD_TEXT,
                                              .size = sizeof(char *),
                                              .doc = "Module path such as google.golang.org/grpc."},
             .size = sizeof(char *),
             .count_max = 200,
             .doc = "Third-party modules whose functions rules may name; a first element with a dot each."},
            {.name = "rows",
             .type = LD_FIELD_LIST,
             .flags = LD_FIELD_REQUIRED,
             .offset = offsetof(struct ld_matrix, rows),
             .item = &(const struct ld_field){.name = "row",
                                              .type = LD_FIELD_OBJECT,
                                              .object = &row_schema,
                                              .size = sizeof(struct ld_row),
                                              .doc = "One behaviour."},
             .size = sizeof(struct ld_row),
             .count_max = LD_RULES_ROWS_MAX,
             .doc = "The behaviours; their order means nothing."},
            {0}},
    .check = check_file,
};

/* ---- reading */

static void note_needs(struct ld_matrix *matrix, const struct ld_cell *cell)
{
    if (cell->column->series == LD_SERIES_METRIC)
        matrix->needs_sources |= 1u << ld_metric_table[cell->column->metric].source;
    else if (cell->column->series != LD_SERIES_SANITIZER)
        matrix->needs_sites = true;
}

static int bind(struct ld_matrix *matrix, const char *file, struct ld_errors *errors)
{
    matrix->arena = ld_arena_new(ARENA_MAX);
    if (!matrix->arena)
        return LD_ENOMEM;
    struct ld_schema_context context = {.file = file, .arena = matrix->arena, .errors = errors};
    int code = ld_schema_bind(&context, &ld_matrix_schema, matrix->document.root, matrix);
    if (code)
        return code;
    for (size_t i = 0; i < matrix->rows.count; i++) {
        const struct ld_row *row = ld_matrix_row(matrix, i);
        for (size_t k = 0; k < row->when.count; k++)
            note_needs(matrix, ld_row_cell(row, k));
        if (row->window_ns > matrix->window_ns)
            matrix->window_ns = row->window_ns;
    }
    return ld_matrix_identify(matrix);
}

/* Takes the document over, whatever comes of it. */
static int build(struct ld_matrix **ret_matrix, const char *file, struct ld_document *document,
                 struct ld_errors *errors)
{
    struct ld_matrix *matrix = calloc(1, sizeof *matrix);
    if (!matrix) {
        ld_document_done(document);
        return LD_ENOMEM;
    }
    matrix->document = *document;
    int code = bind(matrix, file, errors);
    if (code) {
        ld_matrix_free(matrix);
        return code;
    }
    *ret_matrix = matrix;
    return 0;
}

int ld_matrix_parse(struct ld_matrix **ret_matrix, const char *file, const void *bytes, size_t length,
                    struct ld_errors *errors)
{
    struct ld_document document;
    int code = ld_document_parse(&document, file, bytes, length, errors);
    return code ? code : build(ret_matrix, file, &document, errors);
}

int ld_matrix_read(struct ld_matrix **ret_matrix, const char *file, struct ld_errors *errors)
{
    struct ld_document document;
    int code = ld_document_read(&document, file, errors);
    return code ? code : build(ret_matrix, file, &document, errors);
}

void ld_matrix_free(struct ld_matrix *matrix)
{
    if (!matrix)
        return;
    free(matrix->canonical);
    ld_arena_free(matrix->arena);
    ld_document_done(&matrix->document);
    free(matrix);
}

size_t ld_matrix_row_count(const struct ld_matrix *matrix)
{
    return matrix->rows.count;
}

const char *ld_matrix_row_id(const struct ld_matrix *matrix, size_t index)
{
    return ld_matrix_row(matrix, index)->id;
}

const char *ld_matrix_version(const struct ld_matrix *matrix)
{
    return matrix->version;
}

const char *ld_matrix_hash(const struct ld_matrix *matrix)
{
    return matrix->hash;
}

const char *ld_matrix_canonical(const struct ld_matrix *matrix)
{
    return matrix->canonical;
}

int64_t ld_matrix_window_ns(const struct ld_matrix *matrix)
{
    return matrix->window_ns;
}
