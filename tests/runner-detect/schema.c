/* protocol.schema.json says what leakdrill does: each line that is told keeps it, and it takes and refuses the same
 * lines of a detector as the reader does. The part of JSON Schema that the file uses is here; a keyword that is not
 * fails. */
#include "groups.h"

#include <jansson.h>
#include <math.h>
#include <regex.h>

#include "runner/detect/answer.h"

static json_t *schema;

static bool keeps(const json_t *rule, const json_t *value);

static bool is_type(const char *type, const json_t *value)
{
    double real = json_number_value(value);
    return (strcmp(type, "object") == 0 && json_is_object(value)) ||
           (strcmp(type, "array") == 0 && json_is_array(value)) ||
           (strcmp(type, "string") == 0 && json_is_string(value)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(value)) ||
           (strcmp(type, "null") == 0 && json_is_null(value)) ||
           (strcmp(type, "number") == 0 && json_is_number(value)) ||
           (strcmp(type, "integer") == 0 && json_is_number(value) && real == floor(real));
}

static bool keeps_type(const json_t *rule, const json_t *argument, const json_t *value)
{
    bool held = json_is_string(argument) && is_type(json_string_value(argument), value);
    (void)rule;
    for (size_t i = 0; i < json_array_size(argument); i++)
        held = held || is_type(json_string_value(json_array_get(argument, i)), value);
    return held;
}

static bool keeps_ref(const json_t *rule, const json_t *argument, const json_t *value)
{
    static const char before[] = "#/$defs/";
    const char *name = json_string_value(argument);
    (void)rule;
    assert_true(strncmp(name, before, strlen(before)) == 0);
    const json_t *meant = json_object_get(json_object_get(schema, "$defs"), name + strlen(before));
    if (!meant)
        fail_msg("the schema has no %s", name);
    return keeps(meant, value);
}

static size_t count_kept(const json_t *rules, const json_t *value)
{
    size_t held = 0;
    for (size_t i = 0; i < json_array_size(rules); i++)
        held += keeps(json_array_get(rules, i), value);
    return held;
}

static bool keeps_any(const json_t *rule, const json_t *argument, const json_t *value)
{
    (void)rule;
    return count_kept(argument, value) > 0;
}

static bool keeps_one(const json_t *rule, const json_t *argument, const json_t *value)
{
    (void)rule;
    return count_kept(argument, value) == 1;
}

static bool keeps_const(const json_t *rule, const json_t *argument, const json_t *value)
{
    (void)rule;
    return json_is_number(argument) ? json_number_value(argument) == json_number_value(value)
                                    : json_equal((json_t *)argument, (json_t *)value);
}

static bool keeps_enum(const json_t *rule, const json_t *argument, const json_t *value)
{
    bool held = false;
    for (size_t i = 0; i < json_array_size(argument); i++)
        held = held || keeps_const(rule, json_array_get(argument, i), value);
    return held;
}

static bool keeps_required(const json_t *rule, const json_t *argument, const json_t *value)
{
    bool held = true;
    (void)rule;
    for (size_t i = 0; i < json_array_size(argument); i++)
        held = held && json_object_get(value, json_string_value(json_array_get(argument, i)));
    return held;
}

static bool keeps_properties(const json_t *rule, const json_t *argument, const json_t *value)
{
    const char *name;
    json_t *property;
    bool held = true;
    (void)rule;
    json_object_foreach((json_t *)value, name, property)
    {
        const json_t *its = json_object_get(argument, name);
        held = held && (!its || keeps(its, property));
    }
    return held;
}

static bool keeps_additional(const json_t *rule, const json_t *argument, const json_t *value)
{
    const char *name;
    json_t *property;
    bool held = true;
    json_object_foreach((json_t *)value, name, property)
    {
        bool named = json_object_get(json_object_get(rule, "properties"), name) != NULL;
        held = held && (named || (!json_is_false(argument) && keeps(argument, property)));
    }
    return held;
}

static bool keeps_items(const json_t *rule, const json_t *argument, const json_t *value)
{
    bool held = true;
    (void)rule;
    for (size_t i = 0; i < json_array_size(value); i++)
        held = held && keeps(argument, json_array_get(value, i));
    return held;
}

static bool keeps_minimum(const json_t *rule, const json_t *argument, const json_t *value)
{
    (void)rule;
    return !json_is_number(value) || json_number_value(value) >= json_number_value(argument);
}

static bool keeps_more(const json_t *rule, const json_t *argument, const json_t *value)
{
    (void)rule;
    return !json_is_number(value) || json_number_value(value) > json_number_value(argument);
}

static bool keeps_length(const json_t *rule, const json_t *argument, const json_t *value)
{
    (void)rule;
    return json_string_length(value) <= (size_t)json_integer_value(argument); /* the tests' texts are ASCII */
}

static bool keeps_pattern(const json_t *rule, const json_t *argument, const json_t *value)
{
    regex_t pattern;
    (void)rule;
    assert_int_equal(regcomp(&pattern, json_string_value(argument), REG_EXTENDED | REG_NOSUB), 0);
    bool held = !json_is_string(value) || regexec(&pattern, json_string_value(value), 0, NULL, 0) == 0;
    regfree(&pattern);
    return held;
}

static bool keeps_always(const json_t *rule, const json_t *argument, const json_t *value)
{
    (void)rule;
    (void)argument;
    (void)value;
    return true;
}

static bool keeps(const json_t *rule, const json_t *value)
{
    static const struct {
        const char *name;
        bool (*keeps)(const json_t *rule, const json_t *argument, const json_t *value);
    } keywords[] = {{"$ref", keeps_ref},         {"anyOf", keeps_any},
                    {"oneOf", keeps_one},        {"type", keeps_type},
                    {"const", keeps_const},      {"enum", keeps_enum},
                    {"required", keeps_required}, {"properties", keeps_properties},
                    {"items", keeps_items},      {"additionalProperties", keeps_additional},
                    {"minimum", keeps_minimum},  {"exclusiveMinimum", keeps_more},
                    {"maxLength", keeps_length}, {"pattern", keeps_pattern},
                    {"$defs", keeps_always},     {"description", keeps_always},
                    {"title", keeps_always},     {"$schema", keeps_always},
                    {"$id", keeps_always}};
    const char *name;
    json_t *argument;
    bool held = true;
    json_object_foreach((json_t *)rule, name, argument)
    {
        size_t i = 0;
        while (i < sizeof keywords / sizeof *keywords && strcmp(keywords[i].name, name) != 0)
            i++;
        if (i == sizeof keywords / sizeof *keywords)
            fail_msg("this test does not know the schema's keyword %s", name);
        held = held && keywords[i].keeps(rule, argument, value);
    }
    return held;
}

static const json_t *definition(const char *name)
{
    const json_t *found = json_object_get(json_object_get(schema, "$defs"), name);
    assert_non_null(found);
    return found;
}

static int read_schema(void **state)
{
    json_error_t problem;
    (void)state;
    schema = json_load_file(SOURCE_FOLDER "/runner/detect/protocol.schema.json", JSON_REJECT_DUPLICATES, &problem);
    return schema ? 0 : -1;
}

static int drop_schema(void **state)
{
    (void)state;
    json_decref(schema);
    return 0;
}

/* Another group asserts that leakdrill says these very lines. The schema takes each, and none that lacks a key. */
static void what_is_told_keeps_the_schema(void **state)
{
    static const char *const recordings[] = {"leaky", "healthy", "draining", "generic"};
    char path[512], text[65536];
    (void)state;
    for (size_t i = 0; i < sizeof recordings / sizeof *recordings; i++) {
        snprintf(path, sizeof path, SOURCE_FOLDER "/runner/detect/recording/%s/observations.jsonl", recordings[i]);
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        for (unsigned number = 1; fgets(text, sizeof text, file); number++) {
            json_t *line = json_loads(text, 0, NULL);
            if (!keeps(definition("told"), line) || !keeps(schema, line))
                fail_msg("%s, line %u, is not what the schema says: %.200s", recordings[i], number, text);
            const char *name;
            json_t *value;
            void *next;
            json_object_foreach_safe(line, next, name, value)
            {
                json_t *less = json_copy(line);
                json_object_del(less, name);
                if (keeps(definition("told"), less))
                    fail_msg("%s, line %u: the schema does not require %s", recordings[i], number, name);
                json_decref(less);
            }
            json_decref(line);
        }
        fclose(file);
    }
}

static bool any_site(void *context, const char *site, uint64_t sequence)
{
    (void)context;
    (void)sequence;
    return *site != '\0';
}

static void hear_nothing(void *context, const struct ld_alert *alert)
{
    (void)context;
    (void)alert;
}

/* Is the line on the protocol when a claim "b" is open and instance 0 unknown? */
static bool is_taken(const char *line)
{
    const struct ld_answers_setting setting = {.instances = 2, .sink = {hear_nothing, NULL}, .site_known = any_site};
    struct ld_answers *answers = ld_answers_new(&setting);
    static const char before[] = "{\"type\":\"open\",\"id\":\"b\"}\n{\"type\":\"unknown\"}\n";
    assert_non_null(answers);
    ld_answers_ask(answers, &(struct ld_question){7, 7000, 0, 1, false});
    assert_int_equal(ld_answers_take(answers, before, strlen(before)), 0);
    enum ld_exec_fault fault = ld_answers_take(answers, line, strlen(line));
    if (!fault)
        fault = ld_answers_take(answers, "\n", 1);
    ld_answers_free(answers);
    if (fault && fault != LD_EXEC_FAULT_OFF_PROTOCOL && fault != LD_EXEC_FAULT_GAVE_UP)
        fail_msg("%s: %s", line, ld_exec_fault_name(fault));
    return fault != LD_EXEC_FAULT_OFF_PROTOCOL;
}

static void assert_agree(const json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    bool kept = keeps(definition("said"), line), taken = is_taken(text);
    if (kept != taken)
        fail_msg("%s: the schema %s it, the reader %s it", text, kept ? "takes" : "refuses",
                 taken ? "takes" : "refuses");
    free(text);
}

/* Every type with what it needs, with each key on top of that, and with a value of another type in it. */
static void what_is_said_is_taken_by_both_or_by_none(void **state)
{
    static const char *const types[] = {"done", "open", "update", "close", "unknown", "known", "gave-up", "claim"};
    static const char keys[] =
        "{\"seq\":7,\"id\":\"b\",\"cause\":\"lock\",\"site\":\"main.take\",\"amount\":2.5,\"severity\":\"amber\","
        "\"why\":\"it grew\",\"rule\":\"r\",\"version\":\"v1\",\"instance\":0,\"colour\":\"red\"}";
    static const char *const others[] = {"null", "true", "-1", "7.5", "\"purple\"", "[]", "{}"};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        json_t *all = json_loads(keys, 0, NULL);
        const char *name;
        json_t *value;
        json_t *least = json_pack("{s:s}", "type", types[i]);
        assert_agree(least);
        json_object_foreach(all, name, value)
        {
            /* On top of what the type requires, this key. */
            json_t *line = json_copy(least);
            if (strcmp(types[i], "done") == 0)
                json_object_set_new(line, "seq", json_integer(7));
            if (strcmp(types[i], "open") == 0)
                json_object_set_new(line, "id", json_string("a"));
            if (strcmp(types[i], "update") == 0 || strcmp(types[i], "close") == 0)
                json_object_set_new(line, "id", json_string("b"));
            if (strcmp(types[i], "gave-up") == 0)
                json_object_set_new(line, "why", json_string("no"));
            assert_agree(line);
            bool own = json_object_get(line, name) != NULL;
            if (!own)
                json_object_set(line, name, value);
            assert_agree(line);
            for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
                bool text = json_is_string(json_object_get(all, name)) && strcmp(name, "cause") != 0 &&
                            strcmp(name, "severity") != 0 && *others[k] == '"';
                json_t *other = json_loads(others[k], JSON_DECODE_ANY, NULL);
                if (!text)
                    json_object_set(line, name, other);
                json_decref(other);
                assert_agree(line);
            }
            json_decref(line);
        }
        json_decref(least);
        json_decref(all);
    }
}

int test_schema(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_keeps_the_schema),
        cmocka_unit_test(what_is_said_is_taken_by_both_or_by_none),
    };
    return cmocka_run_group_tests_name("schema", tests, read_schema, drop_schema);
}
