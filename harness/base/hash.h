/* SHA-256 (libsodium) over bytes fed in pieces, as lower-case hex. Used for plan, rule, scenario and content hashes. */
#ifndef LD_BASE_HASH_H
#define LD_BASE_HASH_H

#include <stddef.h>
#include <sodium/crypto_hash_sha256.h>

#define LD_HASH_HEX 65 /* 64 hex digits and a NUL */

struct ld_hash {
    crypto_hash_sha256_state state;
};

void ld_hash_init(struct ld_hash *hash);
void ld_hash_add(struct ld_hash *hash, const void *bytes, size_t length);
/* The text and its terminating NUL, so that neighbouring texts cannot run together. */
void ld_hash_add_text(struct ld_hash *hash, const char *text);
void ld_hash_end(struct ld_hash *hash, char ret_hex[LD_HASH_HEX]);
void ld_hash_of(const void *bytes, size_t length, char ret_hex[LD_HASH_HEX]);

#endif
