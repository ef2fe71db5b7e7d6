/* Names: of functions, files and programs. */
#include "blind/internal.h"

/* ---- taking a function's name apart */

/* Where the package path ends: at the first dot behind the last slash, both before any type or argument. NULL: C code,
 * assembly. */
static const char *end_of_package(struct ld_span symbol)
{
    const char *limit = symbol.at, *slash = symbol.at;
    for (; limit < symbol.end && *limit != '(' && *limit != '[' && *limit != ' '; limit++)
        if (*limit == '/')
            slash = limit + 1;
    return limit > slash ? memchr(slash, '.', (size_t)(limit - slash)) : NULL;
}

static struct ld_span name_at(const char *at, const char *end)
{
    struct ld_span name = {at, at};
    while (name.end < end && ld_blind_is_name_byte(*name.end))
        name.end++;
    return name;
}

static bool all_digits(struct ld_span text)
{
    for (const char *at = text.at; at < text.end; at++)
        if (!ld_blind_is_digit(*at))
            return false;
    return true;
}

/* "func12" for "func" */
static bool is_numbered(struct ld_span name, const char *word)
{
    return ld_scan_text(&name, word) && name.at < name.end && all_digits(name);
}

/* What the compiler or the language calls so, in everybody's code. */
static bool is_go_word(struct ld_span name, bool first, bool in_main)
{
    static const char *const numbered[] = {"func", "gowrap", "deferwrap", "range", NULL};
    for (const char *const *word = numbered; *word; word++)
        if (is_numbered(name, *word))
            return true;
    if (first && (ld_span_is(name, "init") || ld_span_is(name, "glob") || (in_main && ld_span_is(name, "main"))))
        return true;
    return all_digits(name) || ld_span_is(name, "_");
}

/* ---- identifiers */

/* "_cgo_1a2b3c4d5e6f_Cfunc_" and "_cgoexp_1a2b3c4d5e6f_" */
static bool take_cgo_hash(struct ld_span *name)
{
    struct ld_span rest = *name;
    bool exported = ld_scan_text(&rest, "_cgoexp_");
    if (!exported && !ld_scan_text(&rest, "_cgo_"))
        return false;
    const char *start = rest.at;
    while (rest.at < rest.end && (ld_blind_is_digit(*rest.at) || (*rest.at >= 'a' && *rest.at <= 'f')))
        rest.at++;
    if (rest.at == start || !ld_scan_text(&rest, exported ? "_" : "_Cfunc_"))
        return false;
    *name = rest;
    return true;
}

int ld_blind_identifier(struct ld_blind *blind, struct ld_span name, struct ld_buffer *out)
{
    static const char *const prefixes[] = {"_Cfunc_", "_C2func_", "_Cmacro_", "_Ctype_struct_", "_Ctype_union_",
                                           "_Ctype_enum_", "_Ctype_", "_Cvar_", "_Cgo_ptr", NULL};
    struct ld_span rest = name;
    bool from_c = take_cgo_hash(&rest);
    for (const char *const *prefix = prefixes; !from_c && *prefix; prefix++)
        from_c = ld_scan_text(&rest, *prefix);
    int code = ld_blind_copy((struct ld_span){name.at, rest.at}, out);
    if (code || rest.at == rest.end)
        return code;
    return from_c && ld_blind_is_c_library(rest) ? ld_blind_copy(rest, out)
                                                 : ld_blind_token(blind, LD_BLIND_NAME, rest, out);
}

/* Behind the package's dot: "(*Desk).collect.func1", "Open[go.shape.int].gowrap1", "(*T).Run-fm". */
static int rename_rest(struct ld_blind *blind, struct ld_span rest, bool in_main, struct ld_buffer *out)
{
    bool first = true;
    int code = 0;
    while (rest.at < rest.end && !code) {
        struct ld_span name = name_at(rest.at, rest.end);
        const char *close = ld_scan_last(rest, ']');
        if (name.at < name.end) {
            bool keep = is_go_word(name, first, in_main) || (name.at[-1] == '-' && ld_span_is(name, "fm"));
            code = keep ? ld_blind_copy(name, out) : ld_blind_identifier(blind, name, out);
            rest.at = name.end;
            first = false;
        } else if (*rest.at == '[' && close) {
            code = ld_buffer_add_text(out, "[...]");
            rest.at = close + 1;
        } else {
            code = ld_buffer_add(out, rest.at++, 1);
        }
    }
    return code;
}

/* A library's name as it is, its generic arguments, which may be ours, left out. */
static int copy_foreign(struct ld_span symbol, struct ld_buffer *out)
{
    const char *open = ld_span_length(symbol) ? memchr(symbol.at, '[', ld_span_length(symbol)) : NULL;
    const char *close = ld_scan_last(symbol, ']');
    if (!open || !close || close < open)
        return ld_blind_copy(symbol, out);
    int code = ld_blind_copy((struct ld_span){symbol.at, open}, out);
    if (!code)
        code = ld_buffer_add_text(out, "[...]");
    return code ? code : ld_blind_copy((struct ld_span){close + 1, symbol.end}, out);
}

/* What the compiler makes for a type: "type:.eq.shop/digest.Desk"; with two dots up to Go 1.19. */
static void take_type_prefix(struct ld_span *symbol)
{
    static const char *const prefixes[] = {"type:.eq.", "type:.hash.", "type..eq.", "type..hash.", "go:", NULL};
    for (const char *const *prefix = prefixes; *prefix; prefix++)
        if (ld_scan_text(symbol, *prefix))
            return;
}

bool ld_blind_owns_c(const struct ld_blind *blind, struct ld_span name, struct ld_span file)
{
    return name.at < name.end && !end_of_package(name) && !ld_blind_is_c_library(name) && ld_blind_is_source(file) &&
           ld_blind_owns_file(blind, file);
}

/* What a type without a name of its own is made of: "[4]shop/digest.Desk", "struct { shop/digest.number int }". */
static bool is_composite(struct ld_span type)
{
    return type.at < type.end && (*type.at == '[' || *type.at == '*' || *type.at == '(' ||
                                  memchr(type.at, ' ', ld_span_length(type)));
}

int ld_blind_symbol(struct ld_blind *blind, struct ld_span symbol, struct ld_buffer *out, bool *ret_own)
{
    struct ld_span rest = symbol;
    take_type_prefix(&rest);
    if (rest.at > symbol.at && is_composite(rest)) {
        if (ret_own)
            *ret_own = false;
        int code = ld_blind_copy((struct ld_span){symbol.at, rest.at}, out);
        return code ? code : ld_buffer_add_text(out, "[...]");
    }
    const char *dot = end_of_package(rest);
    struct ld_span package = {rest.at, dot ? dot : rest.at};
    bool own = dot && ld_blind_owns_package(blind, package), in_main = ld_span_is(package, "main");
    if (ret_own)
        *ret_own = own;
    if (!own && !dot && ld_scan_text(&(struct ld_span){symbol.at, symbol.end}, "_cgo"))
        return ld_blind_identifier(blind, symbol, out); /* the C side of a call, at the top of no package */
    if (!own)
        return copy_foreign(symbol, out);
    int code = ld_blind_copy((struct ld_span){symbol.at, rest.at}, out);
    if (!code)
        code = in_main ? ld_blind_copy(package, out) : ld_blind_elements(blind, package, out);
    if (!code)
        code = ld_buffer_add(out, ".", 1);
    return code ? code : rename_rest(blind, (struct ld_span){dot + 1, rest.end}, in_main, out);
}

/* ---- a symbol within a text */

/* "(*Desk)" or "(*Desk[...])" */
static const char *skip_receiver(const char *at, const char *end)
{
    if (end - at < 2 || at[0] != '(' || at[1] != '*')
        return at;
    const char *close = at + 2;
    while (close < end && (ld_blind_is_name_byte(*close) || *close == '[' || *close == ']' || *close == '.'))
        close++;
    return close < end && *close == ')' ? close + 1 : at;
}

static const char *skip_generics(const char *at, const char *end)
{
    return end - at >= 5 && memcmp(at, "[...]", 5) == 0 ? at + 5 : at;
}

size_t ld_blind_symbol_length(struct ld_span text)
{
    const char *at = text.at;
    while (at < text.end && ld_blind_is_path_byte(*at))
        at++;
    const char *run = at;
    const char *dot = end_of_package((struct ld_span){text.at, run < text.end && *run == '(' ? run + 1 : run});
    if (!dot || dot == text.at)
        return 0;
    /* Names, receivers and generic arguments, joined by dots; -fm and -range1 behind a name. */
    at = dot + 1;
    for (const char *before = NULL; at != before && at < text.end;) {
        before = at;
        at = skip_generics(skip_receiver(name_at(at, text.end).end, text.end), text.end);
        if (at > before && at < text.end - 1 && (*at == '.' || *at == '-') &&
            (ld_blind_is_name_byte(at[1]) || at[1] == '('))
            at++;
    }
    return at > dot + 1 ? (size_t)(at - text.at) : 0;
}

/* ---- files */

/* A package's path, or the folders of a file. */
int ld_blind_elements(struct ld_blind *blind, struct ld_span path, struct ld_buffer *out)
{
    int code = 0;
    while (path.at < path.end && !code) {
        const char *slash = memchr(path.at, '/', ld_span_length(path));
        struct ld_span element = {path.at, slash ? slash : path.end};
        bool plain = element.at == element.end || ld_span_is(element, ".") || ld_span_is(element, "..");
        code = plain ? ld_blind_copy(element, out) : ld_blind_token(blind, LD_BLIND_PATH, element, out);
        if (!code && slash)
            code = ld_buffer_add(out, "/", 1);
        path.at = slash ? slash + 1 : path.end;
    }
    return code;
}

int ld_blind_file(struct ld_blind *blind, struct ld_span path, bool own, struct ld_buffer *out)
{
    static const char vendor[] = "/vendor/";
    const char *slash = ld_scan_last(path, '/');
    struct ld_span base = {slash ? slash + 1 : path.at, path.end};
    if (!own) { /* a library's copy below our own folders */
        const char *copy = ld_span_length(path) ? memmem(path.at, ld_span_length(path), vendor, strlen(vendor)) : NULL;
        bool goroot = copy && !ld_blind_owns_file(blind, path);
        int code = copy && !goroot ? ld_blind_elements(blind, (struct ld_span){path.at, copy}, out) : 0;
        return code ? code : ld_blind_copy((struct ld_span){copy && !goroot ? copy : path.at, path.end}, out);
    }
    if (path.at == path.end || *path.at == '<' || *path.at == '?' || ld_span_is(base, "_cgo_gotypes.go"))
        return ld_blind_copy(base, out);
    const char *dot = memchr(base.at, '.', ld_span_length(base));
    struct ld_span stem = {base.at, dot ? dot : base.end};
    int code = ld_blind_elements(blind, (struct ld_span){path.at, base.at}, out);
    if (!code && stem.at < stem.end)
        code = ld_blind_token(blind, LD_BLIND_PATH, stem, out);
    return code ? code : ld_blind_copy((struct ld_span){stem.end, path.end}, out);
}

int ld_blind_program(struct ld_blind *blind, struct ld_span path, struct ld_buffer *out)
{
    const char *slash = ld_scan_last(path, '/');
    struct ld_span base = {slash ? slash + 1 : path.at, path.end};
    bool library = ld_span_length(base) && memmem(base.at, ld_span_length(base), ".so", 3);
    if (library || path.at == path.end || *path.at == '[')
        return ld_blind_copy(path, out);
    return ld_blind_elements(blind, path, out);
}
