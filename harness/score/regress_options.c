/* What differs in a detector's options, key by key. They are texts of JSON, and those of a baseline foreign ones. */
#include <string.h>

#include "score/regressing.h"

#define OPTIONS_SAID 4

/* A member of a JSON object: where its name and its value are in the text. */
struct member {
    const char *name, *value;
    size_t name_length, value_length;
};

/* Behind the string that begins here; its end when it has none. */
static const char *skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        at += at[0] == '\\' && at[1];
    return *at ? at + 1 : at;
}

/* Behind the value: where a comma or a bracket of the object follows. */
static const char *skip_value(const char *at)
{
    size_t depth = 0;
    while (*at && (depth || !strchr(",}]", *at))) {
        depth += *at == '{' || *at == '[';
        depth -= depth && (*at == '}' || *at == ']');
        at = *at == '"' ? skip_string(at) : at + 1;
    }
    return at;
}

/* The member from `*at` on, behind the object's bracket or the last member; false: there is none, or no JSON. */
static bool next_member(const char **at, struct member *ret_member)
{
    const char *name = *at + strspn(*at, "{, ");
    if (*name != '"')
        return false;
    const char *end = skip_string(name), *value = end + strspn(end, ": ");
    if (end - name < 2 || *end != ':')
        return false;
    *at = skip_value(value);
    *ret_member = (struct member){name + 1, value, (size_t)(end - name) - 2, (size_t)(*at - value)};
    return true;
}

static bool find_member(const char *options, const struct member *like, struct member *ret_member)
{
    while (next_member(&options, ret_member))
        if (ret_member->name_length == like->name_length &&
            memcmp(ret_member->name, like->name, like->name_length) == 0)
            return true;
    return false;
}

static bool is_same(const struct member *left, const struct member *right)
{
    return left->value_length == right->value_length && memcmp(left->value, right->value, left->value_length) == 0;
}

static void say_value(struct ld_regression *item, const char *word, const struct member *member)
{
    const int room = 100;
    bool cut = member->value_length > (size_t)room;
    regress_say(item, " %s %.*s%s", word, cut ? room : (int)member->value_length, member->value, cut ? "..." : "");
}

/* Either side may lack it: then a default holds there that another version of leakdrill has not. */
static void say_member(struct ld_regression *item, const struct member *then, const struct member *now)
{
    const struct member *any = then ? then : now;
    regress_say(item, "; its %.*s", any->name_length > 60 ? 60 : (int)any->name_length, any->name);
    if (then)
        say_value(item, "was", then);
    else
        regress_say(item, " was not there");
    if (now)
        say_value(item, "and is", now);
    else
        regress_say(item, " and is no more");
}

void regress_say_options(struct ld_regression *item, const struct ld_baseline_row *before,
                         const struct ld_baseline_row *now)
{
    struct member member, other;
    size_t said = 0;
    if (!*before->options || !*now->options)
        return;
    for (const char *at = now->options; next_member(&at, &member);) {
        bool known = find_member(before->options, &member, &other);
        if ((!known || !is_same(&other, &member)) && said++ < OPTIONS_SAID)
            say_member(item, known ? &other : NULL, &member);
    }
    for (const char *at = before->options; next_member(&at, &member);)
        if (!find_member(now->options, &member, &other) && said++ < OPTIONS_SAID)
            say_member(item, &member, NULL);
    if (said > OPTIONS_SAID)
        regress_say(item, "; %zu more of its options differ", said - OPTIONS_SAID);
}
