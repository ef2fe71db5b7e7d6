#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "runner/cli/command.h"
#include "runner/cli/scaffold.h"

#define LIST "fixtures-go/cases.json"
#define PART_MAX 24    /* bytes of a family or a name */
#define OPENERS_MAX 64 /* cases of one program */
#define OPENERS "map[string]instrument.Opener{"
#define MARK "// d0 " /* on the line at fault */

/* What would tell whoever reads a profile what the program is for; as fixtures-go/alike_test.go has it. */
static const char *const telling[] = {"leak", "fixture", "healthy", "twin", "repaired", "drill", "culprit"};

/* Words that Go keeps for itself or that the files use; folders that go build passes over. */
static const char *const taken[] = {
    "break", "case",   "chan",       "const",    "continue", "default", "defer",     "else",     "fallthrough",
    "for",   "func",   "go",         "goto",     "if",       "import",  "interface", "map",      "package",
    "range", "return", "select",     "struct",   "switch",   "type",    "var",       "bytes",    "context",
    "flow",  "fmt",    "instrument", "internal", "main",     "max",     "strings",   "testdata", "vendor",
};

struct request {
    char family[PART_MAX + 1], name[PART_MAX + 1];
    const char *fixture; /* family/name */
    const char *program; /* owned by the scaffold */
    bool program_is_new;
    const char *list;    /* the text of cases.json; owned by the scaffold */
};

/* ---- names */

static int check_part(const struct ld_command *command, const char *part)
{
    size_t length = strlen(part);
    bool good = length >= 2 && length <= PART_MAX && islower((unsigned char)part[0]);
    for (const char *at = part; *at; at++)
        good = good && (islower((unsigned char)*at) || isdigit((unsigned char)*at));
    if (!good)
        return ld_usage_error(command,
                              "\"%.60s\" is no name here: it becomes the name of a Go package or program, so it is "
                              "2 to %d lower-case letters and digits",
                              part, PART_MAX);
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++)
        if (strstr(part, telling[i]))
            return ld_usage_error(command,
                                  "\"%s\" says \"%s\". The name shows in profiles, in /proc and in the program's "
                                  "symbols: a detector shall find the leak, not its name. Take a word of an "
                                  "ordinary service, such as counter/receipts",
                                  part, telling[i]);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(part, taken[i]) == 0)
            return ld_usage_error(command, "\"%s\" means something else in Go or in these programs", part);
    return 0;
}

static int read_names(const struct ld_invocation *invocation, struct request *request)
{
    const struct ld_command *command = invocation->command;
    if (invocation->argument_count != 1)
        return ld_usage_error(command, "one FAMILY/NAME is needed, such as counter/receipts");
    const char *text = invocation->arguments[0], *slash = strchr(text, '/');
    if (!slash || slash == text || !slash[1])
        return ld_usage_error(command, "\"%.60s\" is not FAMILY/NAME, such as counter/receipts", text);
    char family[2 * PART_MAX], name[2 * PART_MAX]; /* longer than allowed, so that check_part sees it */
    snprintf(family, sizeof family, "%.*s", (int)(slash - text), text);
    snprintf(name, sizeof name, "%s", slash + 1);
    int exit = check_part(command, family);
    if (!exit)
        exit = check_part(command, name);
    if (exit)
        return exit;
    *request = (struct request){.fixture = text};
    memcpy(request->family, family, strlen(family) + 1);
    memcpy(request->name, name, strlen(name) + 1);
    return 0;
}

/* ---- cases.json */

/* The program of the family's fixtures, if one of them is an ordinary one: built without cgo, in both variants. Else a
 * new program of the family's name. */
static int choose_program(struct ld_scaffold *scaffold, struct request *request, json_t *fixtures,
                          struct ld_error *error)
{
    const char *name;
    json_t *value;
    size_t length = strlen(request->family);
    request->program = request->family;
    json_object_foreach(fixtures, name, value)
    {
        const char *program = json_string_value(json_object_get(value, "program"));
        if (program && strncmp(name, request->family, length) == 0 && name[length] == '/' &&
            !json_object_get(value, "build") && !json_object_get(value, "variants"))
            request->program = ld_arena_text(scaffold->arena, program);
    }
    if (!request->program)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    request->program_is_new = request->program == request->family;
    char folder[sizeof "fixtures-go/cmd/" + PART_MAX];
    snprintf(folder, sizeof folder, "fixtures-go/cmd/%s", request->family);
    if (request->program_is_new && ld_scaffold_has(scaffold, folder))
        return ld_fail(error, LD_EUSAGE, "there is a program %s already, of another family: take another FAMILY",
                       request->family);
    return 0;
}

/* Is the name free, and which program will it belong to? */
static int read_list(struct ld_scaffold *scaffold, struct request *request, struct ld_error *error)
{
    json_error_t problem;
    int code = ld_scaffold_read(scaffold, LIST, &request->list, error);
    if (code)
        return code;
    json_t *root = json_loads(request->list, JSON_REJECT_DUPLICATES, &problem);
    json_t *fixtures = json_object_get(root, "fixtures");
    if (!json_is_object(fixtures) || json_object_size(fixtures) == 0)
        code = ld_fail(error, LD_EUSAGE, "%s/%s: it has no fixtures", scaffold->source, LIST);
    else if (json_object_get(fixtures, request->fixture))
        code = ld_fail(error, LD_EUSAGE, "there is a fixture %s already", request->fixture);
    else
        code = choose_program(scaffold, request, fixtures, error);
    json_decref(root);
    return code;
}

/* The row is what makes the build see the fixture: added last, so that it is written last. */
static int add_list_row(struct ld_scaffold *scaffold, const struct request *request, struct ld_error *error)
{
    static const char begin[] = "\"fixtures\": {";
    const char *text = request->list, *at = strstr(text, begin);
    const char *row = ld_arena_printf(scaffold->arena, "\n    \"%s\": {\"program\": \"%s\", \"case\": \"%s\"},",
                                      request->fixture, request->program, request->name);
    if (!at)
        return ld_fail(error, LD_EUSAGE, "%s/%s: there is no line %s", scaffold->source, LIST, begin);
    return ld_scaffold_add(scaffold, LIST, row ? ld_scaffold_insert(scaffold, text, at + sizeof begin - 1, row) : NULL,
                           true, error);
}

/* ---- the program */

struct opener {
    const char *key, *value; /* as written, not NUL-terminated */
    int key_length, value_length;
};

/* `"key": value, …` up to the closing brace. Returns how many, or -1 when it is written in another way. */
static int read_openers(const char *text, struct opener *openers, const char **ret_end)
{
    for (int count = 0; count < OPENERS_MAX; count++) {
        struct opener *opener = &openers[count];
        text += strspn(text, " \t\n,");
        if (*text == '}') {
            *ret_end = text + 1;
            return count;
        }
        opener->key = text;
        const char *close = *text == '"' ? strchr(text + 1, '"') : NULL;
        if (!close || close[1] != ':')
            return -1;
        opener->key_length = (int)(close + 1 - text);
        text = close + 2;
        text += strspn(text, " ");
        opener->value = text;
        opener->value_length = (int)strcspn(text, ",}\n \t");
        if (opener->value_length == 0)
            return -1;
        text += opener->value_length;
    }
    return -1;
}

/* The map once more with one row more, as gofmt writes it. */
static const char *write_openers(struct ld_scaffold *scaffold, const struct opener *openers, int count,
                                 const char *name)
{
    struct opener all[OPENERS_MAX + 1];
    const char *key = ld_arena_printf(scaffold->arena, "\"%s\"", name);
    const char *value = ld_arena_printf(scaffold->arena, "%s.Open", name);
    if (!key || !value)
        return NULL;
    memcpy(all, openers, (size_t)count * sizeof *openers);
    all[count] = (struct opener){key, value, (int)strlen(key), (int)strlen(value)};
    int widest = 0;
    for (int i = 0; i <= count; i++)
        widest = all[i].key_length > widest ? all[i].key_length : widest;
    const char *text = OPENERS "\n";
    for (int i = 0; text && i <= count; i++)
        text = ld_arena_printf(scaffold->arena, "%s\t\t%.*s:%*s%.*s,\n", text, all[i].key_length, all[i].key,
                               widest - all[i].key_length + 1, "", all[i].value_length, all[i].value);
    return text ? ld_arena_printf(scaffold->arena, "%s\t}", text) : NULL;
}

/* The text with the package among the imports, in order. NULL: no memory, or no imports of ours. */
static const char *with_import(struct ld_scaffold *scaffold, const char *text, const char *name)
{
    char line[sizeof "\t\"shop/cases/\"\n" + PART_MAX];
    snprintf(line, sizeof line, "\t\"shop/cases/%s\"\n", name);
    const char *at = strstr(text, "\t\"shop/");
    while (at && strncmp(at, "\t\"shop/", 7) == 0 && strcmp(at, line) < 0)
        at = strchr(at, '\n') + 1;
    return at ? ld_scaffold_insert(scaffold, text, at, line) : NULL;
}

static int add_to_program(struct ld_scaffold *scaffold, const struct request *request, const char *path,
                          struct ld_error *error)
{
    const char *text, *end = NULL;
    struct opener openers[OPENERS_MAX];
    int code = ld_scaffold_read(scaffold, path, &text, error);
    if (code)
        return code;
    const char *begin = strstr(text, OPENERS);
    int count = begin ? read_openers(begin + sizeof OPENERS - 1, openers, &end) : -1;
    if (count < 0)
        return ld_fail(error, LD_EUSAGE,
                       "%s/%s is written in an unusual way: take a new FAMILY, which gets a program of "
                       "its own",
                       scaffold->source, path);
    const char *map = write_openers(scaffold, openers, count, request->name);
    const char *whole = map ? ld_arena_printf(scaffold->arena, "%.*s%s%s", (int)(begin - text), text, map, end) : NULL;
    return ld_scaffold_add(scaffold, path, whole ? with_import(scaffold, whole, request->name) : NULL, true, error);
}

static int add_program(struct ld_scaffold *scaffold, const struct request *request, struct ld_error *error)
{
    const char *path = ld_arena_printf(scaffold->arena, "fixtures-go/cmd/%s/main.go", request->program);
    if (!path)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    if (!request->program_is_new)
        return add_to_program(scaffold, request, path, error);
    char title[PART_MAX + 1];
    snprintf(title, sizeof title, "%s", request->family);
    title[0] = (char)toupper((unsigned char)title[0]);
    const char *const words[] = {"@TITLE@", title, "@NAME@", request->name, NULL};
    return ld_scaffold_add(scaffold, path, ld_scaffold_fill(scaffold, ld_template_program_go, words), false, error);
}

/* ---- the case, its twin, its scenario */

/* Which line of `text` holds the mark, from 1. */
static unsigned marked_line(const char *text)
{
    const char *mark = strstr(text, MARK);
    unsigned line = 1;
    for (const char *at = text; mark && at < mark; at++)
        line += *at == '\n';
    return line;
}

static int add_case(struct ld_scaffold *scaffold, const struct request *request, struct ld_error *error)
{
    char line[16];
    const char *const fault[] = {"@FAULT@", ld_template_fault_go, NULL};
    const char *const repair[] = {"@FAULT@", ld_template_repair_go, NULL};
    const char *written = ld_scaffold_fill(scaffold, ld_template_case_go, fault);
    const char *repaired = ld_scaffold_fill(scaffold, ld_template_case_go, repair);
    if (!written || !repaired)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    snprintf(line, sizeof line, "%u", marked_line(written));
    const char *const words[] = {"@NAME@", request->name, "@LINE@", line, NULL};
    int code = ld_scaffold_add(
        scaffold, ld_arena_printf(scaffold->arena, "fixtures-go/cases/%s/%s.go", request->name, request->name),
        ld_scaffold_fill(scaffold, written, words), false, error);
    return code ? code
                : ld_scaffold_add(scaffold,
                                  ld_arena_printf(scaffold->arena, "fixtures-go/cases/%s/repaired/%s.go", request->name,
                                                  request->name),
                                  ld_scaffold_fill(scaffold, repaired, words), false, error);
}

static int add_scenario(struct ld_scaffold *scaffold, const struct request *request, const char *path,
                        struct ld_error *error)
{
    const char *name = ld_arena_printf(scaffold->arena, "%s-%s", request->family, request->name);
    if (!name)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    const char *const words[] = {"@SCENARIO@", name, "@FIXTURE@", request->fixture, NULL};
    return ld_scaffold_add(scaffold, path, ld_scaffold_fill(scaffold, ld_template_scenario_yaml, words), false, error);
}

int ld_command_new_fixture(const struct ld_invocation *invocation)
{
    struct request request;
    struct ld_scaffold scaffold;
    struct ld_error error;
    int exit = read_names(invocation, &request);
    if (exit)
        return exit;
    char scenario[sizeof "scenarios/documented/-.yaml" + 2 * PART_MAX];
    snprintf(scenario, sizeof scenario, "scenarios/documented/%s-%s.yaml", request.family, request.name);
    int code = ld_scaffold_init(&scaffold, ld_option_text(invocation, "source"), &error);
    if (!code)
        code = add_case(&scaffold, &request, &error);
    if (!code)
        code = read_list(&scaffold, &request, &error);
    if (!code)
        code = add_program(&scaffold, &request, &error);
    if (!code)
        code = add_scenario(&scaffold, &request, scenario, &error);
    if (!code)
        code = add_list_row(&scaffold, &request, &error);
    if (!code)
        code = ld_scaffold_write(&scaffold, &error);
    if (!code) {
        ld_scaffold_tell(&scaffold);
        const char *build = ld_scaffold_build_folder(&scaffold);
        const char *program = ld_arena_printf(scaffold.arena, "%s/bin/leakdrill", build);
        const char *file = ld_arena_printf(scaffold.arena, "%s/%s", scaffold.source, scenario);
        printf("  %s run %s\n  ctest --test-dir %s -R fixtures-go\n\nThe leak is the line marked \"%s…\"; the file in "
               "repaired/ is its twin. fixtures-go/README.md says what both owe the runner.\n",
               ld_scaffold_quoted(&scaffold, program ? program : "leakdrill"),
               ld_scaffold_quoted(&scaffold, file ? file : scenario), ld_scaffold_quoted(&scaffold, build), MARK);
    }
    ld_scaffold_done(&scaffold);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
