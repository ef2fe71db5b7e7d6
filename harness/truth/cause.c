#include "truth/cause.h"

#include <string.h>

const struct ld_cause_info ld_cause_table[LD_CAUSE_COUNT] = {
#define X(id, name_text, class_text, doc_text) \
    [LD_CAUSE_##id] = {.name = name_text, .class_name = class_text, .doc = doc_text},
    LD_CAUSES(X)
#undef X
};

int ld_cause_find(const char *name)
{
    for (int i = 0; i < LD_CAUSE_COUNT; i++) {
        if (strcmp(ld_cause_table[i].name, name) == 0)
            return i;
    }
    return -1;
}

enum ld_cause_match ld_cause_compare(enum ld_cause truth, enum ld_cause alert)
{
    const char *claimed = ld_cause_table[alert].class_name;
    if (strcmp(claimed, "any") == 0 || strcmp(claimed, "none") == 0)
        return LD_CAUSE_UNNAMED;
    return strcmp(claimed, ld_cause_table[truth].class_name) == 0 ? LD_CAUSE_RIGHT : LD_CAUSE_WRONG;
}
