/* Migration: one step from each version to the next. Version 0 is the empty file, so that a new file is made by the
 * first step, schema.sql, which leads to the newest version at once. A later version changes schema.sql and appends the
 * step that brings the version before it there. */
#include <stdio.h>

#include "store/internal.h"

const struct ld_migration ld_store_migrations[] = {
    {.from = 0, .to = LD_STORE_VERSION, .sql = ld_store_schema},
    {.from = 1, .to = 2, .sql = "ALTER TABLE cell ADD COLUMN arm TEXT NOT NULL DEFAULT ''"},
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
    while (version < target) {
        const struct ld_migration *step = step_from(steps, count, version);
        if (!step || step->to > target)
            return ld_store_damaged(store, error, "has version %d, and nothing leads from there to %d", version,
                                    target);
        int code = ld_store_execute(store, error, step->sql, "bring it to this version");
        if (code)
            return code;
        version = step->to;
    }
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d", target);
    return ld_store_execute(store, error, pragma, "set its version");
}
