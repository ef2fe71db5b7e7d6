#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "fault/proxies.h"
#include "matrix/matrix.h"
#include "reports/report.h"
#include "runner/cli/command.h"
#include "runner/cli/wrap.h"
#include "scenario/scenario.h"
#include "truth/cause.h"

#define TEXT_MAX ((size_t)1 << 20)

/* The detector of that name, then the language of its rules. */
static int explain_matrix(struct ld_buffer *out)
{
    struct ld_error error;
    int code = ld_scenario_explain("matrix", out, &error);
    if (!code)
        code = ld_buffer_add_text(out, "\n");
    return code ? code : ld_matrix_explain(out);
}

static const struct ld_text_style plain = {.width = 80};

static int explain_outcomes(struct ld_buffer *out)
{
    return ld_report_explain(NULL, &plain, out);
}

/* What is explained beside the keys of a scenario. */
static const struct {
    const char *name;
    int (*explain)(struct ld_buffer *out);
} topics[] = {{"causes", ld_causes_explain},
              {"matrix", explain_matrix},
              {"outcomes", explain_outcomes},
              {"proxy", ld_proxies_explain}};

#define TOPICS (sizeof topics / sizeof *topics)

static int explain_topic(const char *key, struct ld_buffer *out)
{
    for (size_t i = 0; i < TOPICS; i++)
        if (strcmp(key, topics[i].name) == 0)
            return topics[i].explain(out);
    return LD_ENOENT;
}

static int explain_cause(const char *key, struct ld_buffer *out)
{
    int cause = ld_cause_find(key);
    return cause >= 0 ? ld_cause_explain((enum ld_cause)cause, out) : LD_ENOENT;
}

/* A word that tables print. */
static int explain_word(const char *key, struct ld_buffer *out)
{
    return ld_report_has_word(key) ? ld_report_explain(key, &plain, out) : LD_ENOENT;
}

/* The key under its whole path, in place of the first line, which for some is their own name alone. */
static int explain_under(const char *path, struct ld_buffer *out)
{
    struct ld_buffer part;
    struct ld_error error;
    ld_buffer_init(&part, TEXT_MAX);
    int code = ld_scenario_explain(path, &part, &error);
    const char *text = ld_buffer_text(&part);
    if (!code)
        code = ld_buffer_printf(out, "%s%s%s", out->length ? "\n" : "", path, text + strcspn(text, "\n"));
    ld_buffer_done(&part);
    return code;
}

/* Keys by the end of their path: "detection" is expect.detection. */
static int explain_ends(const char *key, struct ld_buffer *out)
{
    static char paths[LD_KEY_ENDS_MAX][LD_KEY_PATH_MAX];
    size_t count = ld_scenario_keys_ending(key, paths, LD_KEY_ENDS_MAX);
    int code = count || out->length ? 0 : LD_ENOENT;
    for (size_t i = 0; i < count && !code; i++)
        code = explain_under(paths[i], out);
    return code;
}

/* "cause" may have meant causes; and commands have names of keys. */
static int point_elsewhere(const char *key, struct ld_buffer *out)
{
    int code = 0;
    for (size_t i = 0; i < TOPICS && !code; i++)
        if (strncmp(topics[i].name, key, strlen(key)) == 0 && topics[i].name[strlen(key)])
            code = ld_buffer_printf(out, "\nSee also: leakdrill explain %s\n", topics[i].name);
    if (!code && ld_command_find(key))
        code = ld_buffer_printf(out, "\nThe command %s: leakdrill help %s\n", key, key);
    return code;
}

/* What is nobody's name, with the name that was meant. */
static int unknown(const char *key, struct ld_error *error)
{
    const char *names[TOPICS + 1] = {NULL};
    for (size_t i = 0; i < TOPICS; i++)
        names[i] = topics[i].name;
    const char *nearest = ld_nearest(key, names);
    if (ld_command_find(key))
        return ld_fail(error, LD_ENOENT, "%s is a command: leakdrill help %s", key, key);
    return nearest ? ld_fail(error, LD_ENOENT, "nothing is called \"%.60s\"; did you mean \"%s\"?", key, nearest)
                   : LD_ENOENT;
}

/* In this order: topics, all of a scenario or a part of it by its path, causes, words of tables, ends of paths. */
static int explain(const char *key, struct ld_buffer *out, struct ld_error *error)
{
    int code = key ? explain_topic(key, out) : LD_ENOENT;
    if (code == LD_ENOENT)
        code = ld_scenario_explain(key, out, error);
    if (!key)
        return code;
    if (code == LD_ENOENT)
        code = explain_cause(key, out);
    if (code == LD_ENOENT)
        code = explain_word(key, out);
    if (code == LD_ENOENT || (!code && ld_report_has_word(key)))
        code = explain_ends(key, out);
    if (code == LD_ENOENT)
        return unknown(key, error);
    if (!code)
        code = point_elsewhere(key, out);
    return code ? ld_fail(error, code, "%s", ld_code_text(code)) : 0;
}

int ld_command_explain(const struct ld_invocation *invocation)
{
    struct ld_buffer out;
    struct ld_error error;
    if (invocation->argument_count > 1)
        return ld_usage_error(invocation->command, "one key at a time");
    const char *key = invocation->argument_count ? invocation->arguments[0] : NULL;
    ld_buffer_init(&out, TEXT_MAX);
    int code = explain(key, &out, &error);
    bool unknown = code == LD_ENOENT;
    if (!code && (code = ld_put_wrapped(stdout, &out)) != 0)
        ld_fail(&error, code, "%s", ld_code_text(code));
    ld_buffer_done(&out);
    if (unknown)
        return ld_usage_error(invocation->command, "%s", error.message);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
