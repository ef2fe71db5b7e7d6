/* The proxies of `leakdrill proxy`, kept as its file says: what a new file changes is changed, the rest is left alone.
 *
 * Belongs to the loop it is made on. Talk (what listens, what is refused, who stands still) goes to stderr, what a
 * toxic did to stdout when it ends. */
#ifndef LD_RUNNER_CLI_PROXY_SET_H
#define LD_RUNNER_CLI_PROXY_SET_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "base/error.h"
#include "fault/proxies.h"

struct ld_proxy_set;

/* LD_ENOMEM, LD_ESYSTEM. */
int ld_proxy_set_new(struct ld_proxy_set **ret_set, uv_loop_t *loop, struct ld_error *error);
/* Make the proxies what the file says; takes it over when it succeeds. Connections stay, also those of a proxy that is
 * no longer there or that listens elsewhere now. All or nothing: LD_ESPEC (what cannot be changed without a restart),
 * LD_ESYSTEM (a port is taken), LD_ENOMEM. */
int ld_proxy_set_apply(struct ld_proxy_set *set, struct ld_proxies *proxies, struct ld_error *error);
/* What is done now, to be told by `told` from the loop: an array of proxies, owned by the caller; NULL when out of
 * memory. Questions asked at the same time get their answers in order. LD_ENOMEM. */
int ld_proxy_set_status(struct ld_proxy_set *set, void (*told)(void *context, json_t *proxies), void *context);
/* The question asked with this context is not to be answered any more. */
void ld_proxy_set_forget(struct ld_proxy_set *set, const void *context);
/* Accept no more; `drained` when no connection is left. */
void ld_proxy_set_drain(struct ld_proxy_set *set, void (*drained)(void *context), void *context);
/* Close everything, drained or not; `gone` is the last that is heard. Unanswered questions are told NULL. */
void ld_proxy_set_close(struct ld_proxy_set *set, void (*gone)(void *context), void *context);

#endif
