/* What a listener is doing, taken on the engine's thread and told on the owner's. */
#include <stdlib.h>
#include <string.h>

#include "runner/proxy/internal.h"

struct status {
    struct ld_proxy_status told;
    struct ld_proxy_fault_status faults[]; /* their ids are owned */
};

static size_t held_by(const struct listener *listener)
{
    size_t held = 0;
    for (const struct connection *connection = listener->connections; connection; connection = connection->next)
        held += ld_link_held(connection->up.link) + connection->up.piped + ld_link_held(connection->down.link) +
                connection->down.piped;
    return held;
}

struct status *status_of(const struct listener *listener)
{
    size_t count = 0;
    for (const struct fault *fault = listener->faults; fault; fault = fault->next)
        count++;
    struct status *status = calloc(1, sizeof *status + count * sizeof status->faults[0]);
    if (!status)
        return NULL;
    status->told = (struct ld_proxy_status){.counts = listener->counts,
                                            .connections = listener->connection_count,
                                            .held = held_by(listener),
                                            .fault_count = count,
                                            .faults = status->faults};
    size_t i = 0;
    for (const struct fault *fault = listener->faults; fault; fault = fault->next, i++) {
        status->faults[i].id = strdup(fault->spec.id);
        status->faults[i].began_ns = fault->began_ns;
        ld_effect_receipt(fault->effect, &fault->spec, &status->faults[i].receipt);
        if (status->faults[i].id)
            continue;
        status_free(status);
        return NULL;
    }
    return status;
}

const struct ld_proxy_status *status_told(const struct status *status)
{
    return status ? &status->told : NULL;
}

void status_free(struct status *status)
{
    if (!status)
        return;
    for (size_t i = 0; i < status->told.fault_count; i++)
        free((char *)status->faults[i].id);
    free(status);
}
