#include "base/hash.h"

#include <sodium/utils.h>
#include <string.h>

void ld_hash_init(struct ld_hash *hash)
{
    crypto_hash_sha256_init(&hash->state);
}

void ld_hash_add(struct ld_hash *hash, const void *bytes, size_t length)
{
    if (length)
        crypto_hash_sha256_update(&hash->state, bytes, length);
}

void ld_hash_add_text(struct ld_hash *hash, const char *text)
{
    ld_hash_add(hash, text, strlen(text) + 1);
}

void ld_hash_end(struct ld_hash *hash, char ret_hex[LD_HASH_HEX])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&hash->state, digest);
    sodium_bin2hex(ret_hex, LD_HASH_HEX, digest, sizeof digest);
}

void ld_hash_of(const void *bytes, size_t length, char ret_hex[LD_HASH_HEX])
{
    struct ld_hash hash;
    ld_hash_init(&hash);
    ld_hash_add(&hash, bytes, length);
    ld_hash_end(&hash, ret_hex);
}
