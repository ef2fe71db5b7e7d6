/* Reactions: the load is changed, or the target's own breaker opened, for a time. The receipt is what the load saw. */
#include <stdio.h>

#include "runner/run/run_internal.h"

#define RATE_TOLERANCE 0.25 /* share by which the load may miss the rate asked for */
#define RATE_SLACK 2        /* requests: the grid of arrivals begins anew */

static const struct ld_fault_load *load_of(const struct ld_run_fault *fault)
{
    return &fault->spec->attributes.load;
}

/* Tell every instance that is up; one that comes up later begins with its breaker closed. */
static void set_breakers(struct ld_run *run, bool open)
{
    for (uint32_t i = 0; i < run->instance_count; i++) {
        struct ld_instance *instance = &run->instances[i];
        if (instance->up && ld_service_command(&instance->service, open ? "{\"command\":\"breaker\",\"n\":1}"
                                                                        : "{\"command\":\"breaker\",\"n\":0}") != 0)
            ld_run_void(run, LD_INVALID_HARNESS, "%s does not take commands", instance->name);
    }
}

void ld_run_reaction_begin(struct ld_run_fault *fault)
{
    struct ld_run *run = fault->run;
    fault->before = (struct ld_load_counts){.requests = run->load.requests,
                                            .responses = run->load.responses,
                                            .unavailable = run->load.unavailable,
                                            .offered = ld_load_offered(&run->load)};
    if (fault->spec->type == LD_FAULT_LOAD)
        ld_load_factor(&run->load, load_of(fault)->factor);
    else
        set_breakers(run, true);
}

static void receipt_of_load(const struct ld_run_fault *fault, struct ld_receipt *receipt)
{
    const struct ld_load *load = &fault->run->load;
    double factor = load_of(fault)->factor, offered = ld_load_offered(load) - fault->before.offered;
    double sent = (double)(load->requests - fault->before.requests), wanted = offered * factor;
    receipt->touched = offered > sent ? (uint64_t)(offered - sent + 0.5) : 0;
    receipt->spared = (uint64_t)sent;
    receipt->count = (uint64_t)sent;
    receipt->effective = offered >= 1 && sent >= wanted * (1 - RATE_TOLERANCE) - RATE_SLACK &&
                         sent <= wanted * (1 + RATE_TOLERANCE) + RATE_SLACK;
    snprintf(receipt->text, sizeof receipt->text, "asked %g times the load, sent %.0f requests of %.0f", factor, sent,
             offered);
}

static void receipt_of_breaker(const struct ld_run_fault *fault, struct ld_receipt *receipt)
{
    const struct ld_load *load = &fault->run->load;
    receipt->touched = receipt->count = load->unavailable - fault->before.unavailable;
    receipt->spared = load->responses - fault->before.responses;
    receipt->effective = receipt->touched > 0;
    snprintf(receipt->text, sizeof receipt->text, "%llu requests answered with 503, %llu with success meanwhile",
             (unsigned long long)receipt->touched, (unsigned long long)receipt->spared);
}

void ld_run_reaction_end(struct ld_run_fault *fault)
{
    struct ld_run *run = fault->run;
    struct ld_receipt receipt = {0};
    if (fault->spec->type == LD_FAULT_LOAD) {
        receipt_of_load(fault, &receipt);
        ld_load_factor(&run->load, 1);
    } else {
        receipt_of_breaker(fault, &receipt);
        set_breakers(run, false);
    }
    ld_run_fault_finish(fault, &receipt);
}
