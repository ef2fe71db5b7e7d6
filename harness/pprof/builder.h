/* What the three parsers share: building a struct ld_profile within its limits. Private to harness/pprof.
 *
 * A builder interns texts and frames, gathers the frames and labels of the sample at hand, and keeps the samples until
 * ld_builder_finish hands the profile over. A failure fills the error and leaves the builder fit only for
 * ld_builder_done. Functions return 0, LD_ELIMIT or LD_ENOMEM. */
#ifndef LD_PPROF_BUILDER_H
#define LD_PPROF_BUILDER_H

#include "pprof/profile.h"
#include "pprof/scan.h"

#define LD_PROFILE_LABELS_MAX 1024 /* per sample */

struct ld_intern_slot {
    uint64_t hash;
    const void *item; /* NULL: free */
    uint32_t name_length, file_length;
};

/* Open addressing, a power of two of slots, at most half full. */
struct ld_intern_table {
    struct ld_intern_slot *slots;
    size_t size, used;
};

struct ld_builder {
    struct ld_profile profile;
    const struct ld_profile_limits *limits;
    struct ld_error *error;
    uint64_t seed; /* of the hashes: differs from run to run, so that nobody can prepare collisions */
    struct ld_intern_table texts, frames;
    struct ld_sample *samples;
    size_t sample_room;
    const struct ld_frame **stack; /* of the sample at hand */
    size_t stack_count, stack_room;
    struct ld_label *labels;
    size_t label_count, label_room;
    char *scratch; /* for unquoting and repairing texts */
    size_t scratch_room;
};

int ld_builder_init(struct ld_builder *builder, enum ld_profile_kind kind, enum ld_profile_encoding encoding,
                    const struct ld_profile_limits *limits, struct ld_error *error);
void ld_builder_done(struct ld_builder *builder);

/* The interned copy of a text, made valid UTF-8. */
int ld_builder_text(struct ld_builder *builder, struct ld_span text, const char **ret_text);
int ld_builder_frame(struct ld_builder *builder, struct ld_span function, struct ld_span file, int64_t line,
                     uint64_t address, const struct ld_frame **ret_frame);
/* At least `size` bytes of scratch memory, valid until the next call that takes some. */
int ld_builder_scratch(struct ld_builder *builder, size_t size, char **ret_memory);

/* The sample at hand: frames leaf first, labels in order, then the rest. */
int ld_builder_push_frame(struct ld_builder *builder, const struct ld_frame *frame);
int ld_builder_push_label(struct ld_builder *builder, const struct ld_label *label);
/* Forget the frames and labels pushed since the last sample. */
void ld_builder_drop_sample(struct ld_builder *builder);
/* Takes values and flags from `sample`; adds values[0] to the total. LD_ESYNTAX when the total overflows. */
int ld_builder_add_sample(struct ld_builder *builder, const struct ld_sample *sample);

/* Declare the values; `types` ends with a NULL type. */
void ld_builder_set_values(struct ld_builder *builder, const struct ld_value_type *types);

/* Hand the profile over. The builder is empty afterwards. */
int ld_builder_finish(struct ld_builder *builder, struct ld_profile *ret_profile);

/* The parsers. */
int ld_proto_parse(struct ld_builder *builder, const char *bytes, size_t length);
int ld_groups_parse(struct ld_builder *builder, const char *bytes, size_t length);
int ld_stacks_parse(struct ld_builder *builder, const char *bytes, size_t length);

#endif
