#include "fault/proxies.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "fault/toxic.h"

#define VALUES_MAX ((size_t)4096) /* of one toxic's attributes as text */

/* ---- addresses */

static int bind_address(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                        void *value)
{
    static const char host[] = "127.0.0.1:";
    const size_t host_length = sizeof host - 1;
    const char *unused;
    int64_t port;
    if (node->kind != LD_NODE_SCALAR || strncmp(node->text, host, host_length) != 0 ||
        ld_parse_integer(node->text + host_length, &port, &unused) != 0)
        return ld_schema_error(context, node, LD_ESPEC,
                               "must be 127.0.0.1:PORT; nothing listens or connects beyond loopback");
    if (port < (int64_t)field->minimum || port > UINT16_MAX)
        return ld_schema_error(context, node, LD_ESPEC, "the port must be from %d to %d", (int)field->minimum,
                               UINT16_MAX);
    ((struct ld_proxy_address *)value)->port = (uint16_t)port;
    return 0;
}

/* ---- toxics */

struct toxic_item {
    const char *name;
    const struct ld_node *attributes[LD_FAULT_TYPES]; /* NULL: not named */
};

#define AT(member) offsetof(struct toxic_item, member)
#define ITEM_FIELDS (LD_FAULT_TYPES + 2)

static void toxic_fields(struct ld_field fields[ITEM_FIELDS])
{
    size_t count = 0;
    memset(fields, 0, ITEM_FIELDS * sizeof *fields);
    fields[count++] = (struct ld_field){.name = "name",
                                        .type = LD_FIELD_NAME,
                                        .offset = AT(name),
                                        .doc = "What status and receipts call it, and its decisions are derived from. "
                                               "Not given: the toxic's own name."};
    for (int type = 0; type < LD_FAULT_TYPES; type++) {
        const struct ld_fault_info *info = &ld_fault_table[type];
        if (info->scope != LD_SCOPE_PROXY)
            continue;
        fields[count++] = (struct ld_field){.name = info->name,
                                            .type = LD_FIELD_NODE,
                                            .offset = AT(attributes) + (size_t)type * sizeof(const struct ld_node *),
                                            .doc = info->doc};
    }
}

/* The id is only the name for now: the proxy's comes in front once it is known. */
static int bind_toxic(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                      void *value)
{
    struct ld_fault_spec *toxic = value;
    struct toxic_item item = {0};
    struct ld_field fields[ITEM_FIELDS];
    (void)field;
    toxic_fields(fields);
    const struct ld_schema schema = {.name = "toxic", .doc = "", .fields = fields};
    enum ld_fault_type type = LD_FAULT_TYPES;
    int code = ld_schema_bind(context, &schema, node, &item);
    if (!code)
        code = ld_fault_named(context, node, item.attributes, "toxic", "latency", &type);
    if (code)
        return code;
    code = ld_fault_bind(context, type, item.attributes[type], &toxic->attributes);
    toxic->type = type;
    toxic->at_ns = 0;
    toxic->for_ns = -1;
    toxic->id = item.name ? item.name : ld_fault_table[type].name;
    return code;
}

static const struct ld_field toxic_item = {.type = LD_FIELD_CUSTOM, .custom = bind_toxic};

#undef AT

/* ---- a proxy */

#define AT(member) offsetof(struct ld_proxy_entry, member)

static const struct ld_field entry_fields[] = {
    {.name = "listen", .type = LD_FIELD_CUSTOM, .offset = AT(listen), .flags = LD_FIELD_REQUIRED,
     .custom = bind_address, .doc = "Where clients connect: 127.0.0.1:PORT; port 0 takes any and tells it."},
    {.name = "upstream", .type = LD_FIELD_CUSTOM, .offset = AT(upstream), .flags = LD_FIELD_REQUIRED, .minimum = 1,
     .custom = bind_address, .doc = "Where their connections go: 127.0.0.1:PORT."},
    {.name = "connections", .type = LD_FIELD_INTEGER, .offset = AT(connections), .minimum = 1, .maximum = 100000,
     .initial = "4096", .doc = "Connections open at once; what comes beyond is reset."},
    {.name = "toxics", .type = LD_FIELD_LIST, .offset = AT(toxics), .item = &toxic_item,
     .size = sizeof(struct ld_fault_spec), .count_max = LD_LINK_TOXICS_MAX,
     .doc = "What is done to its connections: a list of items such as {latency: {latency: 100ms}}, with the names and "
            "attributes of a scenario's faults (see: leakdrill explain faults). They act all the time, in this order."},
    {0},
};

static int check_entry(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_list *list = &((struct ld_proxy_entry *)value)->toxics;
    const struct ld_fault_spec *toxics = list->items;
    const struct ld_node *items = ld_node_get(node, "toxics");
    for (size_t i = 0; i < list->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(toxics[i].id, toxics[k].id) == 0)
                return ld_schema_error(context, items->items[i], LD_ESPEC,
                                       "another toxic is called \"%s\" already: give one a name of its own",
                                       toxics[i].id);
    return 0;
}

static const struct ld_schema entry_schema = {
    .name = "proxy",
    .doc = "One port and where it leads.",
    .fields = entry_fields,
    .check = check_entry,
};
static const struct ld_field entry_item = {.type = LD_FIELD_OBJECT, .object = &entry_schema};

#undef AT

/* ---- the file */

struct draft {
    int64_t version, seed;
    struct ld_proxy_address status;
    struct ld_map proxies;
};

#define AT(member) offsetof(struct draft, member)

/* Two that listen on one port, or a status page there. */
static int check_ports(struct ld_schema_context *context, const struct draft *draft)
{
    const struct ld_proxy_entry *entries = draft->proxies.items;
    for (size_t i = 0; i < draft->proxies.count; i++) {
        uint16_t port = entries[i].listen.port;
        if (port && port == draft->status.port)
            return ld_schema_error(context, draft->proxies.name_nodes[i], LD_ESPEC,
                                   "proxy \"%s\" listens where the status page is, on 127.0.0.1:%u",
                                   draft->proxies.names[i], port);
        for (size_t k = 0; port && k < i; k++)
            if (entries[k].listen.port == port)
                return ld_schema_error(context, draft->proxies.name_nodes[i], LD_ESPEC,
                                       "proxy \"%s\" listens on 127.0.0.1:%u already", draft->proxies.names[k], port);
    }
    return 0;
}

/* Which proxy of the file this one leads to; the count when to none. */
static size_t next_of(const struct draft *draft, size_t index)
{
    const struct ld_proxy_entry *entries = draft->proxies.items;
    size_t next = 0;
    while (next < draft->proxies.count && entries[next].listen.port != entries[index].upstream.port)
        next++;
    return next;
}

/* Is it the first in the file of a circle? Every proxy leads to one place, so that no more steps than proxies tell. */
static bool begins_circle(const struct draft *draft, size_t index)
{
    size_t at = next_of(draft, index);
    for (size_t steps = 0; steps < draft->proxies.count && at < draft->proxies.count && at > index; steps++)
        at = next_of(draft, at);
    return at == index;
}

/* One client of a circle would be a connection for every one that the limits allow. */
static int check_circles(struct ld_schema_context *context, const struct ld_node *proxies, const struct draft *draft)
{
    int code = 0;
    for (size_t i = 0; i < draft->proxies.count; i++) {
        if (!begins_circle(draft, i))
            continue;
        size_t next = next_of(draft, i), length = ld_schema_push(context, "proxies");
        ld_schema_push(context, draft->proxies.names[i]);
        ld_schema_push(context, "upstream");
        const struct ld_node *place = ld_node_get(proxies->items[i], "upstream");
        if (next == i)
            code = ld_schema_error(context, place, LD_ESPEC, "is where the proxy itself listens");
        else
            code = ld_schema_error(context, place, LD_ESPEC, "leads to \"%s\" and from there back to \"%s\"",
                                   draft->proxies.names[next], draft->proxies.names[i]);
        ld_schema_pop(context, length);
    }
    return code;
}

static int check_file(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct draft *draft = value;
    if (draft->proxies.count == 0)
        return ld_schema_error(context, ld_node_get(node, "proxies"), LD_ESPEC, "there is no proxy in it");
    int code = check_ports(context, draft);
    return code ? code : check_circles(context, ld_node_get(node, "proxies"), draft);
}

static const struct ld_field file_fields[] = {
    {.name = "leakdrill-proxy", .type = LD_FIELD_INTEGER, .offset = AT(version), .flags = LD_FIELD_REQUIRED,
     .minimum = 1, .maximum = 1, .doc = "The version of this format: 1."},
    {.name = "seed", .type = LD_FIELD_INTEGER, .offset = AT(seed), .minimum = 0, .maximum = 9e15, .initial = "1",
     .doc = "Decides which connections a toxic touches and what it draws: the same seed, the same decisions."},
    {.name = "status", .type = LD_FIELD_CUSTOM, .offset = AT(status), .custom = bind_address,
     .initial = "127.0.0.1:8475", .doc = "Where the status page is: http://127.0.0.1:PORT/; port 0 takes any."},
    {.name = "proxies", .type = LD_FIELD_MAP, .offset = AT(proxies), .flags = LD_FIELD_REQUIRED, .item = &entry_item,
     .size = sizeof(struct ld_proxy_entry), .count_max = LD_PROXIES_MAX, .doc = "The proxies, by name."},
    {0},
};

static const struct ld_schema file_schema = {
    .name = "proxies",
    .doc = "The file of leakdrill proxy. Read again, a proxy goes on as the one that listens on the same port, "
           "whatever its name now: its connections stay, and the toxics of the new name act on them. While a toxic "
           "acts, the proxy's thread asks for the lowest real-time priority (SCHED_RR), so that a busy machine does "
           "not make it late: that takes root or CAP_SYS_NICE; refused, it does without.",
    .fields = file_fields,
    .check = check_file,
};

/* "<proxy>/<toxic>"; NULL when out of memory. */
static const char *toxic_id(struct ld_arena *arena, const char *proxy, const char *toxic)
{
    char id[2 * 100 + 2];
    int length = snprintf(id, sizeof id, "%s/%s", proxy, toxic);
    assert(length > 0 && (size_t)length < sizeof id); /* names have at most 100 bytes */
    return ld_arena_text(arena, id);
}

static int take_draft(struct ld_proxies *proxies, const struct draft *draft)
{
    proxies->seed = draft->seed;
    proxies->status = draft->status;
    proxies->count = draft->proxies.count;
    proxies->items = draft->proxies.items;
    for (size_t i = 0; i < proxies->count; i++) {
        struct ld_proxy_entry *entry = &proxies->items[i];
        entry->name = draft->proxies.names[i];
        for (size_t k = 0; k < entry->toxics.count; k++) {
            struct ld_fault_spec *toxic = (struct ld_fault_spec *)entry->toxics.items + k;
            toxic->id = toxic_id(proxies->arena, entry->name, toxic->id);
            if (!toxic->id)
                return LD_ENOMEM;
        }
    }
    return 0;
}

static int bind_file(struct ld_proxies *proxies, const void *bytes, size_t length, struct ld_errors *errors)
{
    struct ld_node *root = NULL;
    struct draft draft = {0};
    struct ld_schema_context context = {.file = proxies->file, .arena = proxies->arena, .errors = errors};
    int refused = ld_node_parse(&root, proxies->arena, proxies->file, bytes, length, errors);
    int code = root ? ld_schema_bind(&context, &file_schema, root, &draft) : refused;
    if (refused || code)
        return refused ? refused : code;
    return take_draft(proxies, &draft);
}

int ld_proxies_parse(struct ld_proxies **ret_proxies, const char *file, const void *bytes, size_t length,
                     struct ld_errors *errors)
{
    struct ld_error error;
    struct ld_arena *arena = ld_arena_new(2 * LD_YAML_ARENA_MAX);
    struct ld_proxies *proxies = arena ? ld_arena_array(arena, 1, sizeof *proxies) : NULL;
    int code = LD_ENOMEM;
    if (proxies) {
        *proxies = (struct ld_proxies){.arena = arena, .file = ld_arena_text(arena, file)};
        code = proxies->file ? bind_file(proxies, bytes, length, errors) : LD_ENOMEM;
    }
    if (code == 0) {
        *ret_proxies = proxies;
        return 0;
    }
    if (code == LD_ENOMEM) {
        ld_fail(&error, code, "%s: out of memory", file);
        ld_errors_add(errors, &error);
    }
    ld_arena_free(arena);
    return code;
}

int ld_proxies_read(struct ld_proxies **ret_proxies, const char *file, struct ld_errors *errors)
{
    struct ld_buffer bytes;
    ld_buffer_init(&bytes, LD_YAML_BYTES_MAX);
    int code = ld_yaml_read(file, &bytes, errors);
    if (!code)
        code = ld_proxies_parse(ret_proxies, file, ld_buffer_text(&bytes), bytes.length, errors);
    ld_buffer_done(&bytes);
    return code;
}

void ld_proxies_free(struct ld_proxies *proxies)
{
    if (proxies)
        ld_arena_free(proxies->arena);
}

const struct ld_proxy_entry *ld_proxies_find(const struct ld_proxies *proxies, const char *name)
{
    for (size_t i = 0; i < proxies->count; i++)
        if (strcmp(proxies->items[i].name, name) == 0)
            return &proxies->items[i];
    return NULL;
}

bool ld_proxy_toxics_equal(const struct ld_fault_spec *a, const struct ld_fault_spec *b)
{
    struct ld_buffer texts[2];
    if (a->type != b->type)
        return false;
    const struct ld_schema *schema = ld_fault_table[a->type].attributes;
    ld_buffer_init(&texts[0], VALUES_MAX);
    ld_buffer_init(&texts[1], VALUES_MAX);
    /* as text: unions have bytes that mean nothing */
    bool equal = ld_schema_values(schema, &a->attributes, &texts[0]) == 0 &&
                 ld_schema_values(schema, &b->attributes, &texts[1]) == 0 &&
                 strcmp(ld_buffer_text(&texts[0]), ld_buffer_text(&texts[1])) == 0;
    ld_buffer_done(&texts[0]);
    ld_buffer_done(&texts[1]);
    return equal;
}

/* ---- documentation */

int ld_proxies_explain(struct ld_buffer *out)
{
    struct ld_field fields[ITEM_FIELDS];
    toxic_fields(fields);
    const struct ld_schema toxic = {
        .name = "toxics", .doc = "The keys of one item of toxics: a name, and one toxic.", .fields = fields};
    int code = ld_schema_explain(&file_schema, 0, out);
    if (!code)
        code = ld_buffer_add_text(out, "\n");
    if (!code)
        code = ld_schema_explain(&entry_schema, 0, out);
    if (!code)
        code = ld_buffer_add_text(out, "\n");
    return code ? code : ld_schema_explain(&toxic, 0, out);
}
