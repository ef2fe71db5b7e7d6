/* What holds for the receipt of every fault, and the one of a fault that acts in several places at once, such as on the
 * lines of several instances. */
#ifndef LD_FAULT_RECEIPT_H
#define LD_FAULT_RECEIPT_H

#include "fault/fault.h"

/* Is it effective? Whoever judged it: where nobody was touched and nothing was measured, nothing is proven. */
bool ld_receipt_proves(const struct ld_receipt *receipt);

/* Begin with zeros. */
struct ld_receipt_sum {
    struct ld_receipt shown; /* the one whose text says it: the first that is not effective, or that measured most */
    struct ld_receipt sum;   /* without a text */
    uint32_t places, idle, broken;
};

/* One place's receipt. */
void ld_receipt_sum_add(struct ld_receipt_sum *sum, const struct ld_receipt *receipt);
/* Of one place it is that place's. Of several: sums, the slowest quantiles, and the rate and the text of the place that
 * is shown. Effective when it was in every place that was not idle, and one was not idle. */
void ld_receipt_sum_take(const struct ld_receipt_sum *sum, struct ld_receipt *ret_receipt);

#endif
