/* The file of `leakdrill proxy`: named proxies, each with its toxics, written as in a scenario. */
#ifndef LD_FAULT_PROXIES_H
#define LD_FAULT_PROXIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "fault/fault.h"
#include "yaml/schema.h"

#define LD_PROXIES_MAX 256

struct ld_buffer;

/* A place on 127.0.0.1, the only address there is. */
struct ld_proxy_address {
    uint16_t port; /* 0: any, to listen on */
};

struct ld_proxy_entry {
    const char *name;
    struct ld_proxy_address listen, upstream;
    int64_t connections; /* open at once */
    struct ld_list toxics; /* of struct ld_fault_spec, id "<proxy>/<toxic>"; at once and without end */
};

struct ld_proxies {
    struct ld_arena *arena; /* owns all of it */
    const char *file;
    int64_t seed;
    struct ld_proxy_address status;
    size_t count;
    struct ld_proxy_entry *items; /* in the file's order */
};

/* Read and check a file. Every error is in `errors`; 0 or the first code. */
int ld_proxies_read(struct ld_proxies **ret_proxies, const char *file, struct ld_errors *errors);
/* The same of bytes; `file` is what errors call it. */
int ld_proxies_parse(struct ld_proxies **ret_proxies, const char *file, const void *bytes, size_t length,
                     struct ld_errors *errors);
void ld_proxies_free(struct ld_proxies *proxies); /* NULL is allowed */
const struct ld_proxy_entry *ld_proxies_find(const struct ld_proxies *proxies, const char *name); /* or NULL */
/* Same type and attributes? Ids are not looked at. */
bool ld_proxy_toxics_equal(const struct ld_fault_spec *a, const struct ld_fault_spec *b);

/* The file's documentation. LD_ENOMEM, LD_ELIMIT. */
int ld_proxies_explain(struct ld_buffer *out);

#endif
