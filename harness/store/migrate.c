/* Migration: one step from each version to the next. Version 0 is the empty file, so that a new file is made by the
 * first step and the mechanism is used by every campaign. A later version appends its step here and changes
 * schema.sql; files of version 1 then pass through both. */
#include <stdio.h>

#include "store/internal.h"

const struct ld_migration ld_store_migrations[] = {
    {.from = 0, .sql = ld_store_schema},
};
const size_t ld_store_migration_count = sizeof ld_store_migrations / sizeof ld_store_migrations[0];

static const struct ld_migration *step_from(const struct ld_migration *steps, size_t count, int version)
{
    for (size_t i = 0; i < count; i++)
        if (steps[i].from == version)
            return &steps[i];
    return NULL;
}

int ld_store_migrate(struct ld_store *store, const struct ld_migration *steps, size_t count, int version, int target,
                     struct ld_error *error)
{
    for (; version < target; version++) {
        const struct ld_migration *step = step_from(steps, count, version);
        if (!step)
            return ld_store_damaged(store, error, "has version %d, and nothing leads from there to %d", version,
                                    target);
        int code = ld_store_execute(store, error, step->sql, "bring it to this version");
        if (code)
            return code;
    }
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d", target);
    return ld_store_execute(store, error, pragma, "set its version");
}
