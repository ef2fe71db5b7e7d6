#include "yaml/node.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/buffer.h"
#include "base/file.h"
#include "yaml/utf8.h"

/* An anchor: its node, and how much an alias to it adds to the expanded document. */
struct anchor {
    const char *name;
    struct ld_node *node; /* NULL while the node is still open: an alias now would contain itself */
    size_t node_count;
    unsigned height;
    struct anchor *next;
};

/* What is known of a finished node beside the node itself. */
struct extent {
    size_t node_count; /* with everything below it, aliases expanded */
    unsigned height;   /* 1 for a scalar */
};

struct builder {
    yaml_parser_t parser;
    const char *file;
    const char *bytes;
    size_t length;
    struct ld_arena *arena;
    struct ld_errors *errors;
    int code;                /* of the first error, 0 while there is none */
    bool stopped;            /* nothing more can be read */
    size_t node_count;
    struct anchor *anchors;
    size_t anchor_count;
    struct ld_node **stack;  /* owned: children of the collections that are still open */
    size_t stack_count, stack_capacity;
};

static void record_at(struct builder *builder, int code, unsigned line, unsigned column, const char *message)
{
    struct ld_error error;
    ld_fail(&error, code, "%s", message);
    snprintf(error.file, sizeof error.file, "%s", builder->file);
    error.line = line;
    error.column = column;
    ld_errors_add(builder->errors, &error);
    if (!builder->code)
        builder->code = code;
}

static void record(struct builder *builder, int code, const yaml_mark_t *mark, const char *message)
{
    record_at(builder, code, (unsigned)mark->line + 1, (unsigned)mark->column + 1, message);
}

static void stop(struct builder *builder, int code, const yaml_mark_t *mark, const char *message)
{
    record(builder, code, mark, message);
    builder->stopped = true;
}

static void stop_without_memory(struct builder *builder, const yaml_mark_t *mark)
{
    stop(builder, LD_ENOMEM, mark, ld_code_text(LD_ENOMEM));
}

/* ---- reading events */

/* The byte at a mark, 0 at the end. libyaml counts columns in characters; a tab or two bytes ahead do not matter here,
 * since only the white space that begins a line is asked for. */
static char byte_at_line_start(const struct builder *builder, const yaml_mark_t *mark)
{
    size_t line = 0, i = 0;
    while (i < builder->length && line < mark->line)
        line += builder->bytes[i++] == '\n';
    i += mark->column;
    return i < builder->length ? builder->bytes[i] : '\0';
}

/* libyaml's reader refuses control characters and knows only their offset. */
static void record_control_character(struct builder *builder)
{
    unsigned line = 1, column = 1;
    char message[120];
    for (size_t i = 0; i < builder->parser.problem_offset && i < builder->length; i++) {
        bool begins_character = ((unsigned char)builder->bytes[i] & 0xc0) != 0x80;
        column = builder->bytes[i] == '\n' ? 1 : column + begins_character;
        line += builder->bytes[i] == '\n';
    }
    snprintf(message, sizeof message, "character U+%04X is not allowed in YAML",
             (unsigned)builder->parser.problem_value);
    record_at(builder, LD_ESYNTAX, line, column, message);
}

static void record_syntax(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    if (parser->error == YAML_MEMORY_ERROR) {
        record_at(builder, LD_ENOMEM, 0, 0, ld_code_text(LD_ENOMEM));
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        record_control_character(builder);
        return;
    }
    char message[256];
    const char *problem = parser->problem ? parser->problem : "malformed YAML";
    if (byte_at_line_start(builder, &parser->problem_mark) == '\t')
        snprintf(message, sizeof message, "a tab cannot indent YAML; use spaces");
    else if (parser->context)
        snprintf(message, sizeof message, "malformed YAML: %s, %s that began at line %zu", problem, parser->context,
                 parser->context_mark.line + 1);
    else
        snprintf(message, sizeof message, "malformed YAML: %s", problem);
    record(builder, LD_ESYNTAX, &parser->problem_mark, message);
}

/* False when there is no next event; the error is recorded. */
static bool next_event(struct builder *builder, yaml_event_t *ret_event)
{
    if (builder->stopped)
        return false;
    if (yaml_parser_parse(&builder->parser, ret_event))
        return true;
    record_syntax(builder);
    builder->stopped = true;
    return false;
}

/* ---- nodes */

static struct ld_node *node_new(struct builder *builder, enum ld_node_kind kind, const yaml_mark_t *mark)
{
    if (++builder->node_count > LD_YAML_NODES_MAX) {
        stop(builder, LD_ESPEC, mark, "too many values: a document may hold 50000, aliases expanded");
        return NULL;
    }
    struct ld_node *node = ld_arena_take(builder->arena, sizeof *node);
    if (!node) {
        stop_without_memory(builder, mark);
        return NULL;
    }
    node->kind = kind;
    node->line = (unsigned)mark->line + 1;
    node->column = (unsigned)mark->column + 1;
    return node;
}

/* What stands in for a node that was refused, so that reading can go on. */
static struct ld_node *empty_text(struct builder *builder, const yaml_mark_t *mark)
{
    struct ld_node *node = node_new(builder, LD_NODE_SCALAR, mark);
    if (node)
        node->text = "";
    return node;
}

static bool push(struct builder *builder, struct ld_node *node, const yaml_mark_t *mark)
{
    if (builder->stack_count == builder->stack_capacity) {
        size_t capacity = builder->stack_capacity ? builder->stack_capacity * 2 : 64;
        struct ld_node **grown = realloc(builder->stack, capacity * sizeof(struct ld_node *));
        if (!grown) {
            stop_without_memory(builder, mark);
            return false;
        }
        builder->stack = grown;
        builder->stack_capacity = capacity;
    }
    builder->stack[builder->stack_count++] = node;
    return true;
}

static struct anchor *anchor_find(struct builder *builder, const yaml_char_t *name)
{
    for (struct anchor *anchor = builder->anchors; anchor; anchor = anchor->next)
        if (strcmp(anchor->name, (const char *)name) == 0)
            return anchor;
    return NULL;
}

/* Remember the anchor of a node that begins; NULL when it has none. */
static struct anchor *anchor_open(struct builder *builder, const yaml_char_t *name, const yaml_mark_t *mark)
{
    if (!name)
        return NULL;
    if (anchor_find(builder, name)) {
        char message[160];
        snprintf(message, sizeof message, "anchor &%.100s is defined twice", (const char *)name);
        record(builder, LD_ESPEC, mark, message);
        return NULL;
    }
    if (++builder->anchor_count > LD_YAML_ANCHORS_MAX) {
        stop(builder, LD_ESPEC, mark, "too many anchors: a document may define 1000");
        return NULL;
    }
    struct anchor *anchor = ld_arena_take(builder->arena, sizeof *anchor);
    if (anchor)
        anchor->name = ld_arena_text(builder->arena, (const char *)name);
    if (!anchor || !anchor->name) {
        stop_without_memory(builder, mark);
        return NULL;
    }
    anchor->next = builder->anchors;
    builder->anchors = anchor;
    return anchor;
}

static void anchor_close(struct anchor *anchor, struct ld_node *node, const struct extent *extent)
{
    if (!anchor)
        return;
    anchor->node = node;
    anchor->node_count = extent->node_count;
    anchor->height = extent->height;
}

static struct ld_node *build(struct builder *builder, const yaml_event_t *event, unsigned depth,
                             struct extent *ret_extent);

static struct ld_node *build_alias(struct builder *builder, const yaml_event_t *event, unsigned depth,
                                   struct extent *ret_extent)
{
    const yaml_mark_t *mark = &event->start_mark;
    const struct anchor *anchor = anchor_find(builder, event->data.alias.anchor);
    char message[160];
    if (!anchor || !anchor->node) {
        snprintf(message, sizeof message, anchor ? "alias *%.100s would contain itself" : "alias *%.100s has no anchor",
                 (const char *)event->data.alias.anchor);
        record(builder, LD_ESPEC, mark, message);
        *ret_extent = (struct extent){1, 1};
        return empty_text(builder, mark);
    }
    if (anchor->node_count > LD_YAML_NODES_MAX - builder->node_count) {
        stop(builder, LD_ESPEC, mark, "too many values: a document may hold 50000, aliases expanded");
        return NULL;
    }
    if (depth + anchor->height - 1 > LD_YAML_DEPTH_MAX) {
        stop(builder, LD_ESPEC, mark, "nested deeper than 32 levels, aliases expanded");
        return NULL;
    }
    builder->node_count += anchor->node_count;
    *ret_extent = (struct extent){anchor->node_count, anchor->height};
    return anchor->node;
}

static struct ld_node *build_scalar(struct builder *builder, const yaml_event_t *event, struct extent *ret_extent)
{
    const yaml_mark_t *mark = &event->start_mark;
    struct ld_node *node = node_new(builder, LD_NODE_SCALAR, mark);
    if (!node)
        return NULL;
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(value, '\0', length)) {
        record(builder, LD_ESPEC, mark, "text cannot contain a NUL byte");
        length = strlen(value);
    }
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = ld_arena_copy(builder->arena, value, length);
    if (!node->text) {
        stop_without_memory(builder, mark);
        return NULL;
    }
    *ret_extent = (struct extent){1, 1};
    return node;
}

/* What is wrong with the key that `event` begins, NULL when nothing is. */
static const char *key_fault(const yaml_event_t *event, const struct ld_node *key)
{
    if (event->type != YAML_SCALAR_EVENT)
        return "a key must be plain text, not an alias, a list or a mapping";
    if (key->text[0] == '\0')
        return "a key is empty";
    if (!key->quoted && strcmp(key->text, "<<") == 0)
        return "merge keys (<<) are not allowed; write the keys out";
    return NULL;
}

/* Build the key and push it. A key that is refused is read to its end and becomes "", which the schema passes over. */
static bool build_key(struct builder *builder, const yaml_event_t *event, unsigned depth)
{
    struct extent extent;
    struct ld_node *key = build(builder, event, depth, &extent);
    if (!key)
        return false;
    const char *fault = key_fault(event, key);
    if (fault) {
        record(builder, LD_ESPEC, &event->start_mark, fault);
        key = empty_text(builder, &event->start_mark);
    }
    return key && push(builder, key, &event->start_mark);
}

static int compare_keys(const void *left, const void *right)
{
    const struct ld_node *a = *(struct ld_node *const *)left, *b = *(struct ld_node *const *)right;
    int order = strcmp(a->text, b->text);
    if (order == 0)
        order = a->line < b->line ? -1 : a->line > b->line;
    if (order == 0)
        order = a->column < b->column ? -1 : a->column > b->column;
    return order;
}

/* Sorted rather than compared in pairs: a hostile mapping may have tens of thousands of keys. `sorted` is scratch. */
static void check_duplicates(struct builder *builder, struct ld_node **sorted, size_t count)
{
    qsort(sorted, count, sizeof(struct ld_node *), compare_keys);
    for (size_t i = 1; i < count; i++) {
        const struct ld_node *first = sorted[i - 1], *again = sorted[i];
        if (strcmp(first->text, again->text) != 0 || again->text[0] == '\0')
            continue;
        char message[200];
        snprintf(message, sizeof message, "duplicate key \"%.100s\"; first given at line %u", again->text, first->line);
        record_at(builder, LD_ESPEC, again->line, again->column, message);
    }
}

/* Move what was pushed since `base` into the node: items, or keys and values in turn. */
static bool take_children(struct builder *builder, struct ld_node *node, size_t base, const yaml_mark_t *mark)
{
    size_t pushed = builder->stack_count - base;
    struct ld_node **children = pushed ? builder->stack + base : NULL;
    builder->stack_count = base;
    bool mapping = node->kind == LD_NODE_MAPPING;
    node->count = mapping ? pushed / 2 : pushed;
    node->items = ld_arena_array(builder->arena, node->count, sizeof(struct ld_node *));
    node->keys = mapping ? ld_arena_array(builder->arena, node->count, sizeof(struct ld_node *)) : NULL;
    if (!node->items || (mapping && !node->keys)) {
        stop_without_memory(builder, mark);
        return false;
    }
    for (size_t i = 0; i < node->count; i++) {
        node->items[i] = mapping ? children[2 * i + 1] : children[i];
        if (mapping)
            node->keys[i] = children[2 * i];
    }
    if (mapping && node->count) {
        memcpy(children, node->keys, node->count * sizeof(struct ld_node *));
        check_duplicates(builder, children, node->count);
    }
    return true;
}

/* Read one child of an open collection, or its end (`ret_end`). False: nothing more can be read. */
static bool build_child(struct builder *builder, bool key, unsigned depth, struct extent *total, bool *ret_end)
{
    yaml_event_t event;
    if (!next_event(builder, &event))
        return false;
    *ret_end = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
    bool good = true;
    if (!*ret_end && key) {
        good = build_key(builder, &event, depth);
        total->node_count++;
    } else if (!*ret_end) {
        struct extent extent;
        struct ld_node *child = build(builder, &event, depth, &extent);
        good = child && push(builder, child, &event.start_mark);
        if (good) {
            total->node_count += extent.node_count;
            total->height = extent.height + 1 > total->height ? extent.height + 1 : total->height;
        }
    }
    yaml_event_delete(&event);
    return good;
}

static struct ld_node *build_collection(struct builder *builder, const yaml_event_t *event, unsigned depth,
                                        struct extent *ret_extent)
{
    const yaml_mark_t *mark = &event->start_mark;
    bool mapping = event->type == YAML_MAPPING_START_EVENT;
    struct ld_node *node = node_new(builder, mapping ? LD_NODE_MAPPING : LD_NODE_SEQUENCE, mark);
    if (!node)
        return NULL;
    struct extent total = {1, 1};
    size_t base = builder->stack_count;
    bool key = mapping, end = false;
    while (build_child(builder, key, depth + 1, &total, &end) && !end)
        key = mapping && !key;
    if (builder->stopped || !take_children(builder, node, base, mark))
        return NULL;
    *ret_extent = total;
    return node;
}

static void check_tag(struct builder *builder, const yaml_event_t *event, const yaml_char_t *tag)
{
    char message[200];
    if (!tag)
        return;
    snprintf(message, sizeof message, "tags (%.100s) are not allowed", (const char *)tag);
    record(builder, LD_ESPEC, &event->start_mark, message);
}

/* The node that `event` begins, read to its end; NULL when nothing more can be read. */
static struct ld_node *build(struct builder *builder, const yaml_event_t *event, unsigned depth,
                             struct extent *ret_extent)
{
    const yaml_char_t *name = NULL, *tag = NULL;
    if (depth > LD_YAML_DEPTH_MAX) {
        stop(builder, LD_ESPEC, &event->start_mark, "nested deeper than 32 levels");
        return NULL;
    }
    if (event->type == YAML_ALIAS_EVENT)
        return build_alias(builder, event, depth, ret_extent);
    if (event->type == YAML_SCALAR_EVENT) {
        name = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        name = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else {
        name = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    check_tag(builder, event, tag);
    struct anchor *anchor = anchor_open(builder, name, &event->start_mark);
    if (builder->stopped)
        return NULL;
    struct ld_node *node = event->type == YAML_SCALAR_EVENT ? build_scalar(builder, event, ret_extent)
                                                             : build_collection(builder, event, depth, ret_extent);
    if (node)
        anchor_close(anchor, node, ret_extent);
    return node;
}

/* ---- documents */

static bool is_nothing(const struct ld_node *node)
{
    return node->kind == LD_NODE_SCALAR && !node->quoted && node->text && node->text[0] == '\0';
}

/* One event of the stream: the content of the first document becomes the root. False: the end. */
static bool read_stream(struct builder *builder, struct ld_node **root, unsigned *documents)
{
    yaml_event_t event;
    if (!next_event(builder, &event))
        return false;
    bool more = event.type != YAML_STREAM_END_EVENT;
    if (event.type == YAML_DOCUMENT_START_EVENT) {
        if (++*documents > 1)
            stop(builder, LD_ESPEC, &event.start_mark, "a second document begins here; a file holds one");
    } else if (more && event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_END_EVENT) {
        struct extent extent;
        *root = build(builder, &event, 1, &extent);
    }
    yaml_event_delete(&event);
    return more;
}

static struct ld_node *read_document(struct builder *builder)
{
    struct ld_node *root = NULL;
    unsigned documents = 0;
    while (read_stream(builder, &root, &documents))
        continue;
    if (!builder->code && (!root || is_nothing(root)))
        record_at(builder, LD_ESPEC, 1, 1, "the document is empty");
    return root;
}

/* Bytes that no YAML text may hold, all of them before libyaml would stop at the first. */
static void check_bytes(struct builder *builder)
{
    struct ld_utf8_place place = {.line = 1, .column = 1};
    while (ld_utf8_next_fault(builder->bytes, builder->length, &place)) {
        char message[120];
        if (place.byte == '\0')
            snprintf(message, sizeof message, "a NUL byte: this is not a text file");
        else
            snprintf(message, sizeof message, "byte 0x%02x is not valid UTF-8", place.byte);
        record_at(builder, LD_ESYNTAX, place.line, place.column, message);
    }
}

static int compare_places(const void *left, const void *right)
{
    const struct ld_error *a = left, *b = right;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->column < b->column ? -1 : a->column > b->column;
}

/* A mapping's duplicates are found at its end, so errors come out of order. */
static void sort_errors(struct ld_errors *errors, size_t from)
{
    if (errors->count > from)
        qsort(errors->items + from, errors->count - from, sizeof errors->items[0], compare_places);
}

/* YAML lets a file begin with a byte order mark. libyaml would count it as a column. */
static void skip_byte_order_mark(struct builder *builder)
{
    static const char mark[] = "\xef\xbb\xbf";
    if (builder->length < sizeof mark - 1 || memcmp(builder->bytes, mark, sizeof mark - 1) != 0)
        return;
    builder->bytes += sizeof mark - 1;
    builder->length -= sizeof mark - 1;
}

static struct ld_node *parse_all(struct builder *builder)
{
    if (builder->length > LD_YAML_BYTES_MAX) {
        record_at(builder, LD_ESPEC, 0, 0, "the file is larger than 1MiB");
        return NULL;
    }
    skip_byte_order_mark(builder);
    check_bytes(builder);
    if (builder->code)
        return NULL;
    if (!yaml_parser_initialize(&builder->parser)) {
        yaml_parser_delete(&builder->parser);
        record_at(builder, LD_ENOMEM, 0, 0, ld_code_text(LD_ENOMEM));
        return NULL;
    }
    yaml_parser_set_encoding(&builder->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder->parser, (const unsigned char *)builder->bytes, builder->length);
    struct ld_node *root = read_document(builder);
    yaml_parser_delete(&builder->parser);
    free(builder->stack);
    return root;
}

int ld_node_parse(struct ld_node **ret_root, struct ld_arena *arena, const char *file, const void *bytes,
                  size_t length, struct ld_errors *errors)
{
    struct builder builder = {
        .file = file, .bytes = length ? bytes : "", .length = length, .arena = arena, .errors = errors};
    size_t errors_before = errors->count;
    struct ld_node *root = parse_all(&builder);
    sort_errors(errors, errors_before);
    *ret_root = builder.stopped || (root && is_nothing(root)) ? NULL : root;
    return builder.code;
}

static int no_memory_for(const char *file, struct ld_errors *errors)
{
    struct ld_error error;
    ld_fail(&error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    snprintf(error.file, sizeof error.file, "%s", file);
    ld_errors_add(errors, &error);
    return LD_ENOMEM;
}

int ld_document_parse(struct ld_document *ret_document, const char *file, const void *bytes, size_t length,
                      struct ld_errors *errors)
{
    struct ld_document document = {.arena = ld_arena_new(LD_YAML_ARENA_MAX)};
    int code;
    if (document.arena)
        document.file = ld_arena_text(document.arena, file);
    if (document.file)
        code = ld_node_parse(&document.root, document.arena, document.file, bytes, length, errors);
    else
        code = no_memory_for(file, errors);
    if (code)
        ld_document_done(&document);
    else
        *ret_document = document;
    return code;
}

int ld_yaml_read(const char *file, struct ld_buffer *bytes, struct ld_errors *errors)
{
    struct ld_error error;
    int code = ld_file_read(file, bytes, &error);
    if (code)
        ld_errors_add(errors, &error);
    return code;
}

int ld_document_read(struct ld_document *ret_document, const char *file, struct ld_errors *errors)
{
    struct ld_buffer bytes;
    ld_buffer_init(&bytes, LD_YAML_BYTES_MAX);
    int code = ld_yaml_read(file, &bytes, errors);
    if (!code)
        code = ld_document_parse(ret_document, file, bytes.bytes, bytes.length, errors);
    ld_buffer_done(&bytes);
    return code;
}

void ld_document_done(struct ld_document *document)
{
    ld_arena_free(document->arena);
    *document = (struct ld_document){0};
}

const struct ld_node *ld_node_get(const struct ld_node *node, const char *key)
{
    if (!node || node->kind != LD_NODE_MAPPING)
        return NULL;
    for (size_t i = 0; i < node->count; i++)
        if (strcmp(node->keys[i]->text, key) == 0)
            return node->items[i];
    return NULL;
}
