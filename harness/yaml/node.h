/* A YAML document as a tree of nodes that remember where they stand.
 *
 * libyaml's event parser underneath; ours is what makes it strict: exactly one document, no duplicate keys, keys are
 * plain scalars, no tags, no merge keys, bounded size, depth and node count; an alias is allowed while the expanded
 * document stays within the node limit ("anchors that explode" do not). Values stay text: the schema gives types. */
#ifndef LD_YAML_NODE_H
#define LD_YAML_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

#define LD_YAML_BYTES_MAX ((size_t)1 << 20)
#define LD_YAML_DEPTH_MAX 32
#define LD_YAML_NODES_MAX 50000 /* after expansion of aliases */
#define LD_YAML_ANCHORS_MAX 1000
/* Bytes: the text of the largest document, each node with its places in arrays, and as much again to spare. */
#define LD_YAML_ARENA_MAX ((size_t)24 << 20)

enum ld_node_kind { LD_NODE_SCALAR, LD_NODE_SEQUENCE, LD_NODE_MAPPING };

struct ld_node {
    enum ld_node_kind kind;
    unsigned line, column;      /* 1-based, of the first byte */
    const char *text;           /* scalar: NUL-terminated, contains no NUL inside */
    bool quoted;                /* scalar: was quoted or a block, so it is text whatever it looks like */
    size_t count;               /* items of a sequence, pairs of a mapping */
    struct ld_node **items;     /* sequence: items; mapping: values */
    struct ld_node **keys;      /* mapping only: scalars */
};

struct ld_document {
    const char *file;           /* as the user named it */
    struct ld_node *root;
    struct ld_arena *arena;     /* owns everything above */
};

/* Parse `bytes`. On failure every error found is in `errors` and the code of the first is returned: LD_ESYNTAX (not
 * YAML), LD_ESPEC (YAML that we refuse, and limits) or LD_ENOMEM. On failure `ret_document` is untouched. */
int ld_document_parse(struct ld_document *ret_document, const char *file, const void *bytes, size_t length,
                      struct ld_errors *errors);
/* The same into an arena of the caller's (LD_YAML_ARENA_MAX is enough), which owns the nodes and what a failure leaves.
 * For finding the errors of YAML and schema in one pass: *ret_root is set even when a code is returned, to the tree as
 * far as it can be used when the file could be read to its end (a duplicate key, a tag, …), else to NULL. */
int ld_node_parse(struct ld_node **ret_root, struct ld_arena *arena, const char *file, const void *bytes,
                  size_t length, struct ld_errors *errors);
struct ld_buffer;
/* ld_file_read (base/file.h) with the error in `errors`; initialise the buffer with LD_YAML_BYTES_MAX. */
int ld_yaml_read(const char *file, struct ld_buffer *bytes, struct ld_errors *errors);
/* Read and parse a file. Also the codes of ld_file_read. */
int ld_document_read(struct ld_document *ret_document, const char *file, struct ld_errors *errors);
void ld_document_done(struct ld_document *document);

/* The value under `key`, NULL when absent or `node` is no mapping. */
const struct ld_node *ld_node_get(const struct ld_node *node, const char *key);

#endif
