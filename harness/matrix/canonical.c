/* The canonical form of a rule file and its identity. JSON with sorted keys; what has no order (rows, cells, names,
 * libraries) is sorted; bounds are in base units, windows in nanoseconds. Comments, key order and the spelling of
 * quantities (2s or 2000ms) leave no trace; every text that people read and sign does. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "matrix/rules.h"
#include "truth/cause.h"

#define DUMP (JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17))

static json_t *texts(const char *const *items, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++)
        json_array_append_new(array, json_string(items[i]));
    return array;
}

static void put(json_t *object, const char *key, const char *text)
{
    if (text && text[0])
        json_object_set_new(object, key, json_string(text));
}

static json_t *cell_json(const struct ld_cell *cell)
{
    json_t *object = json_object();
    put(object, cell->metric_name ? "metric" : "column", cell->column->name);
    if (cell->metric_name)
        put(object, "fact", cell->fact_name ? cell->fact_name : ld_metric_facts[0]);
    put(object, "as", cell->as);
    put(object, "at", cell->at);
    put(object, "waiting", cell->waiting);
    if (cell->over_ns)
        json_object_set_new(object, "over_ns", json_integer(cell->over_ns));
    for (int i = 0; i < LD_BOUNDS; i++)
        if (cell->bounded[i])
            json_object_set_new(object, ld_bound_names[i], json_real(cell->bounds[i]));
    if (cell->name_count)
        json_object_set_new(object, cell->negated ? "is_not" : "is",
                            texts((const char *const *)cell->names, cell->name_count));
    return object;
}

struct keyed_cell {
    char *text;
    struct ld_cell cell;
};

static int compare_cells(const void *a, const void *b)
{
    return strcmp(((const struct keyed_cell *)a)->text, ((const struct keyed_cell *)b)->text);
}

/* Cells have no order of their own: sort them by what they say. */
static int sort_cells(struct ld_row *row)
{
    struct keyed_cell *keyed = calloc(row->when.count + 1, sizeof *keyed);
    bool whole = keyed != NULL;
    for (size_t i = 0; whole && i < row->when.count; i++) {
        json_t *json = cell_json(ld_row_cell(row, i));
        keyed[i].text = json ? json_dumps(json, DUMP) : NULL;
        keyed[i].cell = *ld_row_cell(row, i);
        json_decref(json);
        whole = keyed[i].text != NULL;
    }
    if (whole)
        qsort(keyed, row->when.count, sizeof *keyed, compare_cells);
    for (size_t i = 0; whole && i < row->when.count; i++)
        *ld_row_cell(row, i) = keyed[i].cell;
    for (size_t i = 0; keyed && i < row->when.count; i++)
        free(keyed[i].text);
    free(keyed);
    return whole ? 0 : LD_ENOMEM;
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct ld_row *)a)->id, ((const struct ld_row *)b)->id);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *row_json(const struct ld_row *row)
{
    static const char *const colours[] = {"green", "amber", "red"};
    json_t *object = json_object(), *when = json_array();
    for (size_t i = 0; i < row->when.count; i++)
        json_array_append_new(when, cell_json(ld_row_cell(row, i)));
    put(object, "id", row->id);
    put(object, "doc", row->doc);
    put(object, "scope", row->scope == LD_LEVEL_SITE ? "site" : "instance");
    put(object, "cause", ld_cause_table[row->cause].name);
    put(object, "colour", colours[row->colour]);
    put(object, "explain", row->explain);
    put(object, "repair", row->repair);
    json_object_set_new(object, "when", when);
    return object;
}

static char *dump(const struct ld_matrix *matrix)
{
    json_t *object = json_object(), *rows = json_array();
    for (size_t i = 0; i < matrix->rows.count; i++)
        json_array_append_new(rows, row_json(ld_matrix_row(matrix, i)));
    json_object_set_new(object, "matrix", json_integer(matrix->format));
    put(object, "version", matrix->semver);
    put(object, "doc", matrix->doc);
    json_object_set_new(object, "libraries", texts(ld_matrix_libraries(matrix), matrix->libraries.count));
    json_object_set_new(object, "rows", rows);
    char *text = json_dumps(object, DUMP);
    json_decref(object);
    return text;
}

int ld_matrix_identify(struct ld_matrix *matrix)
{
    if (matrix->libraries.count)
        qsort(matrix->libraries.items, matrix->libraries.count, sizeof(char *), compare_texts);
    for (size_t i = 0; i < matrix->rows.count; i++) {
        int code = sort_cells(ld_matrix_row(matrix, i));
        if (code)
            return code;
    }
    if (matrix->rows.count)
        qsort(matrix->rows.items, matrix->rows.count, sizeof(struct ld_row), compare_rows);
    matrix->canonical = dump(matrix);
    if (!matrix->canonical)
        return LD_ENOMEM;
    ld_hash_of(matrix->canonical, strlen(matrix->canonical), matrix->hash);
    snprintf(matrix->version, sizeof matrix->version, "v%s-%.6s", matrix->semver, matrix->hash);
    return 0;
}
