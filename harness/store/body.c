/* Raw bodies, once per content. */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "store/internal.h"

#define COMPRESSION_LEVEL 3
#define BODY_MAX ((size_t)256 << 20) /* as the profile parser's default limit */

static bool is_gzip(const void *bytes, size_t length)
{
    const unsigned char *head = bytes;
    return length >= 2 && head[0] == 0x1f && head[1] == 0x8b;
}

/* Compressed copy, NULL when it is not smaller (or there is no memory for it: raw will do). */
static void *compress(const void *bytes, size_t length, size_t *ret_length)
{
    if (length == 0 || is_gzip(bytes, length))
        return NULL;
    size_t bound = ZSTD_compressBound(length);
    void *packed = malloc(bound);
    if (!packed)
        return NULL;
    *ret_length = ZSTD_compress(packed, bound, bytes, length, COMPRESSION_LEVEL);
    if (!ZSTD_isError(*ret_length) && *ret_length < length)
        return packed;
    free(packed);
    return NULL;
}

int ld_store_body(struct ld_store *store, const void *bytes, size_t length, int64_t *ret_body, bool *ret_new,
                  struct ld_error *error)
{
    static const char find_body[] = "SELECT body FROM body WHERE hash = ?";
    static const char insert_body[] = "INSERT INTO body (hash, encoding, length, stored) VALUES (?, ?, ?, ?)";
    if (length > BODY_MAX)
        return ld_fail(error, LD_ELIMIT, "%s: a body of %zu bytes is too large to store", store->path, length);
    char hash[LD_HASH_HEX];
    ld_hash_of(bytes, length, hash);
    *ret_new = false;
    int code = ld_store_number(store, error, ret_body, find_body, "t", hash);
    if (code != LD_ENOENT)
        return code;
    size_t packed_length = 0;
    void *packed = compress(bytes, length, &packed_length);
    code = ld_store_write(store, error, insert_body, "ttib", hash, packed ? "zstd" : "raw", (int64_t)length,
                          packed ? packed : bytes, packed ? packed_length : length);
    free(packed);
    if (code)
        return code;
    *ret_body = sqlite3_last_insert_rowid(store->db);
    *ret_new = true;
    return 0;
}

struct stored_body {
    const char *hash, *encoding, *stored;
    size_t length, stored_length;
};

static int unpack(struct ld_store *store, const struct stored_body *body, void **ret_bytes, struct ld_error *error)
{
    bool packed = strcmp(body->encoding, "zstd") == 0;
    if (!packed && strcmp(body->encoding, "raw") != 0)
        return ld_store_damaged(store, error, "a body has the unknown encoding %.20s", body->encoding);
    /* The length is the file's claim: believe it only when the frame itself says the same. */
    if (packed ? ZSTD_getFrameContentSize(body->stored, body->stored_length) != body->length
               : body->stored_length != body->length)
        return ld_store_damaged(store, error, "a body has not the length it should have");
    void *bytes = malloc(body->length + 1);
    if (!bytes)
        return ld_store_nomem(store, error);
    if (packed) {
        size_t length = ZSTD_decompress(bytes, body->length, body->stored, body->stored_length);
        if (ZSTD_isError(length) || length != body->length) {
            free(bytes);
            return ld_store_damaged(store, error, "a body cannot be decompressed");
        }
    } else {
        memcpy(bytes, body->stored, body->length);
    }
    char hash[LD_HASH_HEX];
    ld_hash_of(bytes, body->length, hash);
    if (strcmp(hash, body->hash) != 0) {
        free(bytes);
        return ld_store_damaged(store, error, "a body was changed: its hash differs");
    }
    *ret_bytes = bytes;
    return 0;
}

int ld_store_body_read(struct ld_store *store, int64_t body, void **ret_bytes, size_t *ret_length,
                       struct ld_error *error)
{
    static const char select_body[] = "SELECT hash, encoding, length, stored FROM body WHERE body = ?";
    sqlite3_stmt *statement;
    int code = ld_store_query(store, error, select_body, &statement, "i", body);
    if (code)
        return code;
    code = ld_store_step(store, error, statement);
    if (code == 0)
        code = ld_store_damaged(store, error, "body %lld is missing", (long long)body);
    if (code == 1) {
        struct ld_row row = {.store = store, .error = error, .statement = statement, .table = "body"};
        struct stored_body stored;
        stored.hash = ld_row_text(&row);
        stored.encoding = ld_row_text(&row);
        stored.length = (size_t)ld_row_integer(&row, 0, BODY_MAX);
        stored.stored = ld_row_bytes(&row, &stored.stored_length);
        code = row.code ? row.code : unpack(store, &stored, ret_bytes, error);
        if (code == 0)
            *ret_length = stored.length;
    }
    ld_store_end(statement);
    return code;
}
