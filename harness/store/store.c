/* Opening, creating, committing and closing. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

#define BUSY_MS 10000

static void store_free(struct ld_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->statement_count; i++)
        sqlite3_finalize(store->statements[i].handle);
    /* A file at rest is one file: readers of a WAL database need to write beside it, on a read-only medium they could
     * not read it at all. While somebody still reads, the mode stays; the next writer sees to it. */
    if (store->writable) {
        sqlite3_busy_timeout(store->db, 0);
        sqlite3_exec(store->db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    }
    sqlite3_close(store->db);
    free(store->path);
    store->magic = 0;
    free(store);
}

/* Nothing in a file may make us run what we did not write. */
static void distrust(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, (int)LD_STORE_TEXT_MAX);
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_extended_result_codes(db, 1);
}

/* `name` is what messages call it. */
static int connect(struct ld_store **ret_store, const char *path, const char *name, int flags, struct ld_error *error)
{
    struct ld_store *store = calloc(1, sizeof *store);
    if (store)
        store->path = strdup(name);
    if (!store || !store->path) {
        free(store);
        return ld_fail(error, LD_ENOMEM, "%s: out of memory", name);
    }
    store->magic = LD_STORE_MAGIC;
    store->writable = (flags & SQLITE_OPEN_READWRITE) != 0;
    if (sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        int saved = store->db ? sqlite3_system_errno(store->db) : 0;
        if (saved)
            ld_fail_errno(error, LD_ESTORE, saved, "%s: cannot open", name);
        else
            ld_fail(error, LD_ESTORE, "%s: cannot open: %s", name,
                    store->db ? sqlite3_errmsg(store->db) : "out of memory");
        store_free(store);
        return LD_ESTORE;
    }
    /* SQLite falls back to reading when it may not write. */
    if (store->writable && sqlite3_db_readonly(store->db, "main") == 1) {
        store_free(store);
        return ld_fail(error, LD_ESTORE, "%s: cannot be written: it or its file system is read-only", name);
    }
    distrust(store->db);
    *ret_store = store;
    return 0;
}

/* Write-ahead logging: readers never block the writer, a crash leaves the last commit. */
static int use_wal(struct ld_store *store, struct ld_error *error)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(store->db, "PRAGMA journal_mode=WAL", -1, &statement, NULL) != SQLITE_OK)
        return ld_store_fail(store, error, "set its journal");
    int code = sqlite3_step(statement) == SQLITE_ROW ? 0 : ld_store_fail(store, error, "set its journal");
    if (code == 0 && strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0)
        code = ld_store_damaged(store, error, "its file system cannot carry a write-ahead log; choose a local one");
    sqlite3_finalize(statement);
    if (code == 0)
        code = ld_store_execute(store, error, "PRAGMA synchronous=NORMAL", "set its journal");
    return code;
}

static int make_schema(struct ld_store *store, struct ld_error *error)
{
    static const char count_objects[] = "SELECT count(*) FROM sqlite_schema";
    int64_t objects = 0;
    int code = ld_store_number(store, error, &objects, count_objects, "");
    if (code)
        return code;
    if (objects)
        return ld_fail(error, LD_EUSAGE, "%s exists; a campaign needs a new database", store->path);
    code = ld_store_migrate(store, ld_store_migrations, ld_store_migration_count, 0, LD_STORE_VERSION, error);
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA application_id=%d", LD_STORE_APPLICATION_ID);
    if (code == 0)
        code = ld_store_execute(store, error, pragma, "mark it");
    if (code == 0)
        code = ld_store_metrics(store, error);
    return code;
}

/* Of two processes that create the same path at once, the second waits for the first and finds the file not empty. */
int ld_store_create(struct ld_store **ret_store, const char *path, struct ld_error *error)
{
    struct ld_store *store;
    int code = connect(&store, path, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    if (code)
        return code;
    code = ld_store_group(store, error);
    if (code == 0)
        code = make_schema(store, error);
    if (code == 0)
        code = ld_store_commit(store, false, error);
    if (code == 0)
        code = use_wal(store, error);
    if (code) {
        store_free(store); /* rolls back */
        return code;
    }
    *ret_store = store;
    return 0;
}

static int check_version(struct ld_store *store, struct ld_error *error)
{
    int64_t application = 0, version = 0;
    int code = ld_store_number(store, error, &application, "PRAGMA application_id", "");
    if (code == 0)
        code = ld_store_number(store, error, &version, "PRAGMA user_version", "");
    if (code)
        return code;
    if (application != LD_STORE_APPLICATION_ID)
        return ld_store_damaged(store, error, "is a database, but not a store of leakdrill");
    if (version > LD_STORE_VERSION)
        return ld_store_damaged(store, error,
                                "was written by a newer leakdrill (version %lld, this one knows up to %d)",
                                (long long)version, LD_STORE_VERSION);
    if (version < 1)
        return ld_store_damaged(store, error, "has no version");
    if (version == LD_STORE_VERSION)
        return 0;
    if (!store->writable) /* what this room reads was there from version 1 on: a file need not change to be read */
        return 0;
    code = ld_store_group(store, error);
    if (code == 0)
        code = ld_store_migrate(store, ld_store_migrations, ld_store_migration_count, (int)version, LD_STORE_VERSION,
                                error);
    return code ? code : ld_store_commit(store, true, error);
}

static int open_once(struct ld_store **ret_store, const char *path, const char *name, bool writable, int *ret_sqlite,
                     struct ld_error *error)
{
    struct ld_store *store;
    *ret_sqlite = SQLITE_OK;
    int code = connect(&store, path, name, writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY, error);
    if (code)
        return code;
    code = check_version(store, error);
    *ret_sqlite = code ? sqlite3_errcode(store->db) : SQLITE_OK;
    if (code == 0 && writable)
        code = use_wal(store, error);
    if (code == 0)
        code = ld_store_metrics(store, error);
    if (code == 0)
        code = ld_store_commit(store, false, error);
    if (code) {
        store_free(store);
        return code;
    }
    *ret_store = store;
    return 0;
}

/* A file whose writer was killed while it began or ended its log has a journal that must be rolled back before anybody
 * can read it, and a reader cannot. SQLite's locks tell whether the writer lives. */
static void roll_back(const char *path)
{
    sqlite3 *db;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
        (void)sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    sqlite3_close(db);
}

int ld_store_open_as(struct ld_store **ret_store, const char *path, const char *name, bool writable,
                     struct ld_error *error)
{
    int sqlite, code = open_once(ret_store, path, name, writable, &sqlite, error);
    if (code == 0 || writable || (sqlite & 0xff) != SQLITE_READONLY)
        return code;
    roll_back(path);
    return open_once(ret_store, path, name, writable, &sqlite, error);
}

int ld_store_open(struct ld_store **ret_store, const char *path, bool writable, struct ld_error *error)
{
    return ld_store_open_as(ret_store, path, path, writable, error);
}

int ld_store_limit(struct ld_store *store, uint64_t bytes, struct ld_error *error)
{
    char pragma[64];
    uint64_t pages = bytes / 4096;
    snprintf(pragma, sizeof pragma, "PRAGMA max_page_count=%llu",
             (unsigned long long)(bytes == 0 || pages > 4294967294u ? 4294967294u : pages + (pages == 0)));
    return ld_store_execute(store, error, pragma, "limit its size");
}

/* A commit under synchronous=NORMAL is in the write-ahead log, which may still be in the system's cache. */
static int sync_log(struct ld_store *store, struct ld_error *error)
{
    sqlite3_file *log = NULL;
    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK)
        return ld_store_fail(store, error, "find its log");
    if (log && log->pMethods && log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) != SQLITE_OK)
        return ld_fail(&store->failed, LD_ESTORE, "%s: cannot make a commit durable", store->path);
    store->unsynced = false;
    return 0;
}

int ld_store_commit(struct ld_store *store, bool durable, struct ld_error *error)
{
    assert(store->magic == LD_STORE_MAGIC);
    int code = store->failed.code;
    if (code == 0 && store->grouped) {
        code = ld_store_execute(store, error, "COMMIT", "commit");
        store->grouped = false;
        store->unsynced = store->unsynced || code == 0;
    }
    if (code == 0 && durable && store->unsynced)
        code = sync_log(store, error);
    if (store->failed.code && error)
        *error = store->failed;
    return code;
}

int ld_store_close(struct ld_store *store, struct ld_error *error)
{
    if (!store)
        return 0;
    int code = ld_store_commit(store, true, error);
    store_free(store);
    return code;
}
