/* The answer of Prometheus' /api/v1/query_range: a matrix of series, each with its labels and its [time, "value"]. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "import/internal.h"

#define SECONDS_MAX 7e9 /* year 2191 */

struct range {
    struct ld_import *import;
    struct ld_errors *errors;
    const char *file;
    uint16_t file_index;
};

/* At a key path of the document: jansson keeps no lines. */
static int fail_at(const struct range *range, int code, const char *path, const char *what)
{
    struct ld_error error = {.code = code};
    snprintf(error.file, sizeof error.file, "%s", range->file);
    snprintf(error.path, sizeof error.path, "%s", path);
    snprintf(error.message, sizeof error.message, "%s", what);
    ld_errors_add(range->errors, &error);
    return code;
}

static int fail_value(const struct range *range, int code, size_t series, size_t value, const char *what)
{
    char path[96];
    snprintf(path, sizeof path, "data.result[%zu].values[%zu]", series, value);
    return fail_at(range, code, path, what);
}

/* [1795249800.123, "17"]: Prometheus keeps milliseconds. */
static int read_value(const struct range *range, const json_t *pair, struct ld_import_number *number, bool *ret_finite,
                      const char **ret_why)
{
    const json_t *time = json_array_get(pair, 0);
    const char *text = json_string_value(json_array_get(pair, 1));
    (void)range;
    *ret_why = "is not [time, \"value\"]";
    if (!json_is_array(pair) || json_array_size(pair) != 2 || !json_is_number(time) || !text)
        return LD_ESYNTAX;
    double seconds = json_number_value(time);
    *ret_why = "a time out of range: Unix seconds";
    if (!(seconds >= 0 && seconds < SECONDS_MAX))
        return LD_ESYNTAX;
    number->wall_ns = json_is_integer(time) ? (int64_t)json_integer_value(time) * LD_SECOND
                                            : llround(seconds * 1000) * LD_MS;
    *ret_why = "a value that is no number";
    return ld_import_value(text, &number->value, ret_finite) ? 0 : LD_ESYNTAX;
}

static int read_values(const struct range *range, const json_t *values, size_t series, struct ld_import_number *number)
{
    int code = 0;
    size_t index;
    const json_t *pair;
    json_array_foreach(values, index, pair) {
        bool finite = false;
        const char *why;
        int failed = read_value(range, pair, number, &finite, &why);
        number->column = (uint32_t)index;
        if (!failed && finite)
            failed = ld_import_add_number(range->import, number);
        else if (!failed)
            ld_import_left_value(range->import, number->file, 0);
        if (failed)
            fail_value(range, failed, series, index, failed == LD_ESYNTAX ? why : ld_import_why(failed));
        code = code ? code : failed;
        if (failed && failed != LD_ESYNTAX)
            return code;
    }
    return code;
}

static const char *label(const json_t *labels, const char *name)
{
    const char *text = json_string_value(json_object_get(labels, name));
    return text && *text ? text : NULL;
}

/* The process: the pod where there is one, for `instance` is then an address that changes. */
static const char *instance_of(const json_t *labels)
{
    const char *name = label(labels, "pod");
    name = name ? name : label(labels, "instance");
    return name ? name : "";
}

static int read_series(struct range *range, const json_t *series, size_t index)
{
    char path[64];
    const json_t *labels = json_object_get(series, "metric"), *values = json_object_get(series, "values");
    const char *name = label(labels, "__name__");
    snprintf(path, sizeof path, "data.result[%zu]", index);
    if (!json_is_object(labels))
        return fail_at(range, LD_ESYNTAX, path, "has no `metric`");
    if (!name)
        return fail_at(range, LD_ESPEC, path,
                       "has no name: a function such as rate() drops it; ask for the metric itself");
    int role = ld_import_role_of(range->import, name);
    bool of_metric = role >= 0 && role <= LD_IMPORT_START;
    /* A summary's quantiles have the name of the summary, and no metric of the registry has any. */
    if (!of_metric || label(labels, "quantile") || label(labels, "le")) {
        if (role != LD_IMPORT_NOTHING)
            ld_import_leave_out(range->import, name);
        return 0;
    }
    if (!json_is_array(values))
        return fail_at(range, LD_ESYNTAX, path, "has no `values`");
    struct ld_import_number number = {.role = (uint16_t)role, .file = range->file_index, .line = (uint32_t)index};
    const char *instance = instance_of(labels);
    int code = ld_import_instance(range->import, instance, strlen(instance), &number.instance);
    if (code)
        return fail_at(range, code, path, ld_import_why_instance(code));
    return read_values(range, values, index, &number);
}

static int read_answer(struct range *range, const json_t *root)
{
    const json_t *status = json_object_get(root, "status"), *data = json_object_get(root, "data");
    if (status && strcmp(json_string_value(status) ? json_string_value(status) : "", "success") != 0) {
        const char *why = json_string_value(json_object_get(root, "error"));
        return fail_at(range, LD_ESPEC, "status", why ? why : "is not success: the query failed");
    }
    data = data ? data : root;
    const char *type = json_string_value(json_object_get(data, "resultType"));
    const json_t *result = json_object_get(data, "result");
    if (!type || !json_is_array(result))
        return fail_at(range, LD_ESPEC, "data", "is no answer of /api/v1/query_range: no `resultType` and `result`");
    if (strcmp(type, "matrix") != 0)
        return fail_at(range, LD_ESPEC, "data.resultType", "is not matrix: ask /api/v1/query_range, not /api/v1/query");
    int code = 0;
    size_t before = range->import->number_count, index;
    const json_t *series;
    json_array_foreach(result, index, series) {
        int failed = read_series(range, series, index);
        code = code ? code : failed;
        if (failed == LD_ELIMIT || failed == LD_ENOMEM)
            return code;
    }
    if (!code && range->import->number_count == before)
        code = fail_at(range, LD_ESPEC, "data.result",
                       json_array_size(result) ? "holds no metric of the registry (leakdrill help import)"
                                               : "is empty: the query found no series");
    return code;
}

int ld_import_range(struct ld_import *import, const struct ld_import_file *file, struct ld_errors *errors)
{
    json_error_t why;
    struct range range = {.import = import, .errors = errors, .file = file->file};
    int code = ld_import_add_file(import, file->file, &range.file_index);
    if (code)
        return ld_import_fail(errors, code, file->file, 0, 0, "%s", ld_import_why(code));
    import->of_range[range.file_index] = true;
    json_t *root = json_loadb(file->bytes, file->length, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return ld_import_fail(errors, LD_ESYNTAX, file->file, why.line > 0 ? (unsigned)why.line : 0,
                              why.column > 0 ? (unsigned)why.column : 0, "is no JSON: %.200s", why.text);
    code = json_is_object(root) ? read_answer(&range, root)
                                : fail_at(&range, LD_ESPEC, "", "is no answer of /api/v1/query_range");
    json_decref(root);
    return code;
}
