/* What a request to the read gateway may ask for: /<token>/<instance>/debug/pprof/… or …/metrics, and who asks.
 *
 * The raw request target is judged as it was sent, before anything decodes it: what passes holds no percent sign, no
 * dot segment and no control character in its path, so that it means the same to us, to libcurl and to the target. */
#ifndef LD_SAMPLE_ADDRESS_H
#define LD_SAMPLE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LD_ADDRESS_MAX 512      /* bytes of a request target with its query */
#define LD_ADDRESS_PATH_MAX 255 /* bytes of what is asked of the instance */
#define LD_READER_MAX 32        /* bytes of a reader's name */
#define LD_LASTS_UNKNOWN (-1)
#define LD_LASTS_MOST_S 1000000 /* more is not told apart */

struct ld_address {
    uint64_t token;
    uint32_t instance;
    char path[LD_ADDRESS_PATH_MAX + 1]; /* with its query, unchanged */
};

/* LD_ELIMIT (too long), LD_ESYNTAX (characters that are not allowed), LD_ENOENT (not an address of the gateway). */
int ld_address_parse(const char *target, struct ld_address *ret_address);
/* May this path of an instance be read? `metrics_path`: "" when it has none. */
bool ld_address_readable(const struct ld_address *address, const char *metrics_path);
/* How many seconds the target takes for it by itself, as its path and query ask: `profile` 30 and `trace` 1 unless told
 * otherwise, and whatever has `seconds`. 0: it answers at once; LD_LASTS_UNKNOWN: the query is percent-encoded. */
int64_t ld_address_lasts_s(const struct ld_address *address);
/* "http:" and the reader's name: `reader`, else the first word of `user_agent`; each may be NULL. */
void ld_address_reader(const char *reader, const char *user_agent, char ret_name[LD_READER_MAX + 6]);

#endif
