#include "runner/run/catalogue.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/text.h"

#define ARENA_MAX ((size_t)4 << 20)
#define FILE_MAX ((size_t)4 << 20)
#define UPSTREAM_FOLDER LD_VARIANTS /* behind the folders of the variants */

struct entry {
    const char *case_name;
    const char *paths[LD_VARIANTS]; /* an upstream has one program: the first; NULL: it has no such variant */
    const char *unavailable;        /* why it could not be built here; NULL when it was */
    const char *package;            /* "./cmd/storefront" */
    bool cgo;
};

struct part {
    size_t count;
    const char **names; /* ends with NULL */
    struct entry *entries;
};

struct ld_installed {
    struct ld_arena *arena;
    struct part fixtures, upstreams;
    const char *source; /* "" when it is not said */
    struct ld_catalogue catalogue;
};

static int no_memory(struct ld_error *error)
{
    return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
}

/* "folder/program", the folder relative to where `file` is unless absolute; NULL when out of memory. */
static const char *program_path(struct ld_arena *arena, const char *file, const char *folder, const char *program)
{
    const char *slash = strrchr(file, '/');
    int length = folder[0] == '/' || !slash ? 0 : (int)(slash - file + 1);
    return ld_arena_printf(arena, "%.*s%s/%s", length, file, folder, program);
}

static const struct entry *entry_named(const struct part *part, const char *name)
{
    for (size_t i = 0; i < part->count; i++)
        if (strcmp(part->names[i], name) == 0)
            return &part->entries[i];
    return NULL;
}

/* For the checks of scenarios: a fixture that is not known has none missing, its name is the error. */
static bool fixture_has_variant(void *context, const char *name, enum ld_variant variant)
{
    const struct ld_installed *installed = context;
    const struct entry *entry = entry_named(&installed->fixtures, name);
    return !entry || entry->paths[variant];
}

/* A case of a calm program comes in one variant only. */
static bool has_variant(const json_t *variants, enum ld_variant variant)
{
    const json_t *value;
    size_t i;
    json_array_foreach(variants, i, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), ld_variant_name(variant)) == 0)
            return true;
    }
    return variants == NULL;
}

static int read_entry(struct ld_arena *arena, const char *file, json_t *value, const char *const *folders,
                      size_t folder_count, struct entry *entry, struct ld_error *error)
{
    const char *program = NULL, *case_name = "", *unavailable = NULL, *build = "go";
    json_t *variants = NULL;
    if (json_unpack(value, "{s:s, s?s, s?s, s?s, s?o}", "program", &program, "case", &case_name, "unavailable",
                    &unavailable, "build", &build, "variants", &variants) != 0)
        return ld_fail(error, LD_EUNAVAILABLE,
                       "%s: an entry needs a program, and may have a case, variants and why it is unavailable", file);
    entry->case_name = ld_arena_text(arena, case_name);
    entry->package = ld_arena_printf(arena, "./cmd/%s", program);
    entry->cgo = strcmp(build, "go") != 0;
    if (unavailable && !(entry->unavailable = ld_arena_text(arena, unavailable)))
        return no_memory(error);
    for (size_t i = 0; i < folder_count; i++) {
        if (!has_variant(variants, (enum ld_variant)i))
            continue;
        entry->paths[i] = program_path(arena, file, folders[i], program);
        if (!entry->paths[i])
            return no_memory(error);
    }
    return entry->case_name && entry->package ? 0 : no_memory(error);
}

static int read_part(struct ld_arena *arena, const char *file, json_t *object, const char *const *folders,
                     size_t folder_count, struct part *part, struct ld_error *error)
{
    size_t count = json_object_size(object);
    part->names = ld_arena_array(arena, count + 1, sizeof(const char *));
    part->entries = ld_arena_array(arena, count, sizeof(struct entry));
    if (!part->names || !part->entries)
        return no_memory(error);
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        part->names[part->count] = ld_arena_text(arena, name);
        if (!part->names[part->count])
            return no_memory(error);
        struct entry *entry = &part->entries[part->count];
        int code = read_entry(arena, file, value, folders, folder_count, entry, error);
        if (code)
            return code;
        part->count++;
    }
    return 0;
}

static int read_all(struct ld_installed *installed, const char *file, json_t *root, struct ld_error *error)
{
    json_t *fixtures, *upstreams;
    const char *folders[LD_VARIANTS + 1], *source = "";
    if (json_unpack(root, "{s:o, s:o, s:{s:s, s:s, s:s}, s?s}", "fixtures", &fixtures, "upstreams", &upstreams,
                    "folders", "leaky", &folders[LD_VARIANT_LEAKY], "healthy", &folders[LD_VARIANT_HEALTHY], "upstream",
                    &folders[UPSTREAM_FOLDER], "source", &source) != 0 ||
        !json_is_object(fixtures) || !json_is_object(upstreams))
        return ld_fail(error, LD_EUNAVAILABLE,
                       "%s: needs fixtures, upstreams and folders (leaky, healthy, upstream)", file);
    installed->source = *source ? program_path(installed->arena, file, source, "") : "";
    if (!installed->source)
        return no_memory(error);
    int code = read_part(installed->arena, file, fixtures, folders, LD_VARIANTS, &installed->fixtures, error);
    if (!code)
        code = read_part(installed->arena, file, upstreams, folders + UPSTREAM_FOLDER, 1, &installed->upstreams, error);
    return code;
}

/* Missing stays LD_ENOENT; anything else that is no such file is LD_EUNAVAILABLE, like a malformed one. */
static int load(const char *file, json_t **ret_root, struct ld_error *error)
{
    struct ld_buffer bytes;
    json_error_t json_error;
    json_t *root = NULL;
    ld_buffer_init(&bytes, FILE_MAX);
    int code = ld_file_read(file, &bytes, error);
    if (code == LD_ESPEC)
        error->code = code = LD_EUNAVAILABLE;
    if (!code) {
        root = json_loadb(ld_buffer_text(&bytes), bytes.length, JSON_REJECT_DUPLICATES, &json_error);
        if (!root)
            code = ld_fail(error, LD_EUNAVAILABLE, "%s:%d:%d: %s", file, json_error.line, json_error.column,
                           json_error.text);
    }
    ld_buffer_done(&bytes);
    if (!code)
        *ret_root = root;
    return code;
}

int ld_installed_read(struct ld_installed **ret_installed, const char *file, struct ld_error *error)
{
    json_t *root;
    int code = load(file, &root, error);
    if (code)
        return code;
    struct ld_installed *installed = calloc(1, sizeof *installed);
    if (installed)
        installed->arena = ld_arena_new(ARENA_MAX);
    code = installed && installed->arena ? read_all(installed, file, root, error) : no_memory(error);
    json_decref(root);
    if (code) {
        ld_installed_free(installed);
        return code;
    }
    installed->catalogue.fixtures = installed->fixtures.names;
    installed->catalogue.upstreams = installed->upstreams.names;
    installed->catalogue.has_variant = fixture_has_variant;
    installed->catalogue.context = installed;
    *ret_installed = installed;
    return 0;
}

void ld_installed_free(struct ld_installed *installed)
{
    if (!installed)
        return;
    ld_arena_free(installed->arena);
    free(installed);
}

const struct ld_catalogue *ld_installed_catalogue(const struct ld_installed *installed)
{
    return &installed->catalogue;
}

static const struct entry *find(const struct part *part, const char *what, const char *name, struct ld_error *error)
{
    const struct entry *entry = entry_named(part, name);
    if (entry)
        return entry;
    const char *nearest = ld_nearest(name, part->names);
    ld_fail(error, LD_ENOENT, "no %s is called \"%.100s\"%s%s%s", what, name, nearest ? "; did you mean \"" : "",
            nearest ? nearest : "", nearest ? "\"?" : "");
    return NULL;
}

int ld_installed_fixture(const struct ld_installed *installed, const char *name, enum ld_variant variant,
                         struct ld_program *ret_program, struct ld_error *error)
{
    const struct entry *entry = find(&installed->fixtures, "fixture", name, error);
    if (!entry)
        return LD_ENOENT;
    if (entry->unavailable)
        return ld_fail(error, LD_EUNAVAILABLE, "fixture %s could not be built here: %s", name, entry->unavailable);
    if (!entry->paths[variant])
        return ld_fail(error, LD_ESPEC, "fixture %s has no %s variant", name, ld_variant_name(variant));
    *ret_program = (struct ld_program){.path = entry->paths[variant], .case_name = entry->case_name};
    return 0;
}

int ld_installed_source(const struct ld_installed *installed, const char *name, struct ld_program_source *ret_source,
                        struct ld_error *error)
{
    const struct entry *entry = find(&installed->fixtures, "fixture", name, error);
    if (!entry)
        return LD_ENOENT;
    if (!*installed->source)
        return ld_fail(error, LD_EUNAVAILABLE, "fixtures.json does not say where the source of %s is", name);
    *ret_source = (struct ld_program_source){
        .module = installed->source, .package = entry->package, .case_name = entry->case_name, .cgo = entry->cgo};
    return 0;
}

int ld_installed_upstream(const struct ld_installed *installed, const char *name, struct ld_program *ret_program,
                          struct ld_error *error)
{
    const struct entry *entry = find(&installed->upstreams, "upstream", name, error);
    if (!entry)
        return LD_ENOENT;
    *ret_program = (struct ld_program){.path = entry->paths[0], .case_name = ""};
    return 0;
}
