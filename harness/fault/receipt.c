#include "fault/receipt.h"

#include <stdio.h>

bool ld_receipt_proves(const struct ld_receipt *receipt)
{
    return receipt->effective && receipt->touched + receipt->count > 0;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool is_broken(const struct ld_receipt *receipt)
{
    return !receipt->effective && !receipt->idle;
}

/* What went wrong is said before what went well, and both before where nothing was. */
static bool is_better_shown(const struct ld_receipt *receipt, const struct ld_receipt *shown)
{
    if (is_broken(receipt) != is_broken(shown))
        return is_broken(receipt);
    if (receipt->idle != shown->idle)
        return shown->idle;
    return !is_broken(receipt) && receipt->count > shown->count;
}

void ld_receipt_sum_add(struct ld_receipt_sum *sum, const struct ld_receipt *receipt)
{
    struct ld_receipt *all = &sum->sum;
    if (sum->places == 0 || is_better_shown(receipt, &sum->shown))
        sum->shown = *receipt;
    sum->places++;
    sum->idle += receipt->idle;
    sum->broken += is_broken(receipt);
    all->touched += receipt->touched;
    all->spared += receipt->spared;
    all->count += receipt->count;
    all->p50_ns = larger(all->p50_ns, receipt->p50_ns);
    all->p99_ns = larger(all->p99_ns, receipt->p99_ns);
    all->worst_early_ns = larger(all->worst_early_ns, receipt->worst_early_ns);
}

void ld_receipt_sum_take(const struct ld_receipt_sum *sum, struct ld_receipt *ret_receipt)
{
    struct ld_receipt receipt = sum->sum;
    const struct ld_receipt *shown = &sum->shown;
    receipt.asked_ns = shown->asked_ns;
    receipt.unit = shown->unit;
    receipt.asked = shown->asked;
    receipt.delivered = shown->delivered;
    receipt.idle = sum->idle == sum->places;
    receipt.effective = sum->broken == 0 && !receipt.idle;
    if (sum->places <= 1)
        snprintf(receipt.text, sizeof receipt.text, "%s", shown->text);
    else if (sum->broken)
        snprintf(receipt.text, sizeof receipt.text, "%u instances, not on %u, one of them: %.130s", sum->places,
                 sum->broken, shown->text);
    else
        snprintf(receipt.text, sizeof receipt.text, "%u instances, one of them: %.150s", sum->places, shown->text);
    *ret_receipt = receipt;
}
