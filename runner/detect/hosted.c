#include "runner/detect/hosted.h"

static const struct ld_hosted_kind *const kinds[] = {
#define X(id) &ld_hosted_##id,
    LD_HOSTED_KINDS(X)
#undef X
};

const struct ld_hosted_kind *ld_hosted_find(const struct ld_detector_kind *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i]->kind == kind)
            return kinds[i];
    return NULL;
}
