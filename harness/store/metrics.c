/* The metric registry of a file. Row ids belong to the file: a later leakdrill may order its table anew. */
#include <string.h>

#include "store/internal.h"

static int write_missing(struct ld_store *store, struct ld_error *error)
{
    static const char insert_metric[] =
        "INSERT OR IGNORE INTO metric (name, unit, source, prometheus, doc) VALUES (?, ?, ?, ?, ?)";
    for (int i = 0; i < LD_METRIC_COUNT; i++) {
        const struct ld_metric_info *info = &ld_metric_table[i];
        int code = ld_store_write(store, error, insert_metric, "ttttt", info->name, info->unit,
                                  ld_metric_source_name(info->source), info->prometheus, info->doc);
        if (code)
            return code;
    }
    return 0;
}

static int learn(struct ld_store *store, struct ld_error *error)
{
    static const char select_metrics[] = "SELECT metric, name FROM metric";
    memset(store->metrics, 0, sizeof store->metrics);
    sqlite3_stmt *statement;
    int code = ld_store_query(store, error, select_metrics, &statement, "");
    if (code)
        return code;
    while ((code = ld_store_step(store, error, statement)) == 1) {
        struct ld_row row = {.store = store, .error = error, .statement = statement, .table = "metric"};
        int64_t id = ld_row_integer(&row, 1, INT64_MAX);
        int metric = ld_metric_find(ld_row_text(&row));
        if (row.code) {
            code = row.code;
            break;
        }
        if (metric >= 0)
            store->metrics[metric] = id;
    }
    ld_store_end(statement);
    return code;
}

int ld_store_metrics(struct ld_store *store, struct ld_error *error)
{
    int code = learn(store, error);
    bool missing = false;
    for (int i = 0; i < LD_METRIC_COUNT; i++)
        missing = missing || store->metrics[i] == 0;
    if (code || !missing || !store->writable)
        return code;
    code = write_missing(store, error);
    return code ? code : learn(store, error);
}

int ld_store_metric_of(const struct ld_store *store, int64_t id)
{
    for (int i = 0; i < LD_METRIC_COUNT; i++)
        if (store->metrics[i] == id)
            return i;
    return -1;
}
