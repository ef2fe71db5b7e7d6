/* A Go program's build information (debug/buildinfo/buildinfo.go): 32 bytes of header, aligned to 16, that begin with
 * a magic text; from Go 1.18 on the version and the modules follow as texts, each behind its length as a varint. */
#include "blind/internal.h"

#define MAGIC "\xff Go buildinf:"
#define ALIGNMENT 16
#define HEADER 32
#define FLAGS 15        /* offset of the byte whose bit 1 says that the texts follow */
#define SENTINEL 16     /* bytes around the modules */

static bool take_text(struct ld_span *rest, struct ld_span *ret_text)
{
    uint64_t length = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (rest->at == rest->end || shift > 56)
            return false;
        unsigned char byte = (unsigned char)*rest->at++;
        length |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    if (length > ld_span_length(*rest))
        return false;
    *ret_text = (struct ld_span){rest->at, rest->at + length};
    rest->at += length;
    return true;
}

/* "mod\texample.com/shop\tv1.2.3\th1:…", "path\tshop/cmd/orders" */
static bool take_line(struct ld_span text, const char *key, struct ld_span *ret_value)
{
    struct ld_span line;
    while (ld_scan_line(&text, &line)) {
        if (!ld_scan_text(&line, key) || !ld_scan_text(&line, "\t"))
            continue;
        const char *tab = ld_span_length(line) ? memchr(line.at, '\t', ld_span_length(line)) : NULL;
        *ret_value = (struct ld_span){line.at, tab ? tab : line.end};
        return true;
    }
    return false;
}

static bool read_modules(struct ld_span header, struct ld_span *ret_modules)
{
    struct ld_span rest = header, version;
    rest.at += HEADER;
    return (header.at[FLAGS] & 2) && take_text(&rest, &version) && take_text(&rest, ret_modules) &&
           ld_span_length(*ret_modules) >= 2 * SENTINEL;
}

int ld_blind_module(const void *program, size_t length, char *ret_module, size_t room)
{
    const char *start = program, *end = start + length;
    for (const char *at = start; (at = memmem(at, (size_t)(end - at), MAGIC, strlen(MAGIC))); at++) {
        struct ld_span modules, value;
        if ((at - start) % ALIGNMENT || end - at < HEADER)
            continue;
        if (!read_modules((struct ld_span){at, end}, &modules))
            continue;
        modules = (struct ld_span){modules.at + SENTINEL, modules.end - SENTINEL};
        if (!take_line(modules, "mod", &value) && !take_line(modules, "path", &value))
            value = (struct ld_span){at, at};
        if (ld_span_length(value) >= room)
            return LD_ELIMIT;
        memcpy(ret_module, value.at, ld_span_length(value));
        ret_module[ld_span_length(value)] = '\0';
        return 0;
    }
    return LD_ENOENT;
}
