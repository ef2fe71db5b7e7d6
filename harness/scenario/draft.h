/* Inside the room: what the schema binds into before the cross checks, and the pieces of the schema.
 *
 * A draft is a scenario plus what the file's shape needs and the scenario does not (maps and lists that become arrays,
 * the tree of nodes for the places of errors). It lives during one parse. */
#ifndef LD_SCENARIO_DRAFT_H
#define LD_SCENARIO_DRAFT_H

#include "scenario/scenario.h"
#include "yaml/node.h"

struct ld_scenario_draft {
    struct ld_scenario scenario;
    int64_t version;
    struct ld_map faults;        /* struct ld_list of struct ld_fault_spec */
    struct ld_list detectors;    /* struct ld_detector_spec */
    struct ld_list expectations; /* struct ld_expectation */
    struct ld_steady *steady;    /* NULL: not given */
    struct ld_list aborts;       /* struct ld_when */
    const struct ld_node *root;
};

/* ---- schemas of the parts, each with its own checks */
extern const struct ld_schema ld_target_schema;
extern const struct ld_schema ld_load_schema;
extern const struct ld_schema ld_expectation_schema;
extern const struct ld_schema ld_abort_schema;
extern const struct ld_schema ld_sequential_schema;

/* ---- one fault of a fault case: at, for and exactly one row of the fault table */
#define LD_FAULT_ITEM_FIELDS (LD_FAULT_TYPES + 4)
int ld_fault_item_bind(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                       void *value);
/* The keys of a fault item, from the fault table; ends with a zero row. */
void ld_fault_item_fields(struct ld_field fields[LD_FAULT_ITEM_FIELDS]);

/* ---- abort: one condition, or a list of them; binds a struct ld_list of struct ld_when */
int ld_aborts_bind(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                   void *value);
/* Checks across parts: detectors that conditions name, loads that they need. */
int ld_conditions_check(struct ld_schema_context *context, struct ld_scenario_draft *draft);

/* ---- one detector: a name, or a mapping of one name to its options */
int ld_detector_item_bind(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                          void *value);
/* The schema of a kind's options with `as` added, in `arena`; NULL when out of memory. */
const struct ld_schema *ld_detector_item_schema(const struct ld_detector_kind *kind, struct ld_arena *arena);

/* repeat.sequential against expectations: something is decided, within max, and nothing asked that it cannot say. */
int ld_sequential_check(struct ld_schema_context *context, const struct ld_scenario_draft *draft);

/* No more toxics at once in a case than a connection takes. */
int ld_toxics_check(struct ld_schema_context *context, const struct ld_scenario_draft *draft);

/* Values a URL path and a name may have; each reports at the current key path. */
int ld_check_url_path(struct ld_schema_context *context, const struct ld_node *node, const char *key, const char *path);

/* unknown <what> "x"; did you mean "y"? `names` ends with NULL and may be NULL. Returns LD_ESPEC. */
int ld_unknown_name(struct ld_schema_context *context, const struct ld_node *node, const char *what, const char *text,
                    const char *const *names);

/* Everything that looks across parts; after the whole draft was bound. 0, or the code of the first error. */
int ld_scenario_check(struct ld_schema_context *context, struct ld_scenario_draft *draft,
                      const struct ld_catalogue *catalogue);

#endif
