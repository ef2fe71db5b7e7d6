#include "scenario/claim.h"

#include <stddef.h>

const struct ld_claim ld_claims[] = {
#define X(name, runs, text) {runs, text},
    LD_CLAIMS(X)
#undef X
    {0, NULL},
};
