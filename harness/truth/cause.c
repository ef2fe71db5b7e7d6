#include "truth/cause.h"

#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"

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

/* Does an alert that says so claim no cause? */
static bool names_none(enum ld_cause cause)
{
    return ld_cause_compare(cause, cause) == LD_CAUSE_UNNAMED;
}

int ld_causes_explain(struct ld_buffer *out)
{
    int code = ld_buffer_add_text(
        out, "causes: what an alert may name. Its cause is right when it is of the leak's class: what a detector's "
             "inputs cannot tell apart is one class. Those of the classes any and none name no cause: neither right "
             "nor wrong.\n");
    for (int i = 0; i < LD_CAUSE_COUNT && !code; i++)
        code = ld_buffer_printf(out, "  %-16s  %s: %s\n", ld_cause_table[i].name, ld_cause_table[i].class_name,
                                ld_cause_table[i].doc);
    return code;
}

int ld_cause_explain(enum ld_cause cause, struct ld_buffer *out)
{
    const struct ld_cause_info *info = &ld_cause_table[cause];
    int code = ld_buffer_printf(out, "%s: %s\nIts class is %s. An alert that names ", info->name, info->doc,
                                info->class_name);
    const char *before = "";
    for (int i = 0; i < LD_CAUSE_COUNT && !code; i++) {
        if (strcmp(ld_cause_table[i].class_name, info->class_name) != 0)
            continue;
        code = ld_buffer_printf(out, "%s%s", before, ld_cause_table[i].name);
        before = " or ";
    }
    if (!code)
        code = ld_buffer_add_text(out, names_none(cause) ? " claims no cause: neither right nor wrong.\n"
                                                         : " names the right cause for such a leak.\n");
    return code;
}
