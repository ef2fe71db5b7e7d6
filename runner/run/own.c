#include "runner/run/own.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "observe/package.h"

#define PROGRAM_MAX ((off_t)1 << 30)
#define MODULES_MAX ((size_t)16 << 10)

/* "": it is no Go program, or cannot be read. */
static void read_module(const char *program, char module[LD_OWN_MODULE_MAX])
{
    struct stat facts;
    *module = '\0';
    int fd = open(program, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    void *bytes = MAP_FAILED;
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0 && facts.st_size <= PROGRAM_MAX)
        bytes = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return;
    if (ld_blind_module(bytes, (size_t)facts.st_size, module, LD_OWN_MODULE_MAX) != 0)
        *module = '\0';
    munmap(bytes, (size_t)facts.st_size);
}

/* Go's own tools only start what somebody else wrote: "cmd/go" of go run. */
static bool is_of_go(const char *module)
{
    size_t length = strcspn(module, "/");
    return (length == 3 && strncmp(module, "cmd", 3) == 0) || ld_package_is_go(module, length);
}

static bool is_listed(const char *modules, const char *module)
{
    size_t length = strlen(module);
    for (const char *at = modules; (at = strstr(at, module)); at += length)
        if ((at == modules || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

static int list(struct ld_buffer *text, const char *module)
{
    if (is_listed(ld_buffer_text(text), module))
        return 0;
    return ld_buffer_printf(text, "%s%s", text->length ? " " : "", module);
}

const char *ld_own_modules(const struct ld_scenario *scenario, const char *const *programs, size_t count,
                           struct ld_arena *arena, const char **ret_unknown)
{
    struct ld_buffer text;
    const char *const *own = scenario->target.own.items;
    const char *unknown = scenario->target.kind == LD_TARGET_ATTACH ? "" : NULL;
    int code = 0;
    ld_buffer_init(&text, MODULES_MAX);
    for (size_t i = 0; i < count && !code; i++) {
        char module[LD_OWN_MODULE_MAX];
        read_module(programs[i], module);
        if (*module && !is_of_go(module))
            code = list(&text, module);
        else if (!unknown)
            unknown = programs[i];
    }
    for (size_t i = 0; i < scenario->target.own.count && !code; i++)
        code = list(&text, own[i]);
    const char *modules = code ? NULL : ld_arena_text(arena, ld_buffer_text(&text));
    ld_buffer_done(&text);
    if (modules)
        *ret_unknown = scenario->target.own.count ? NULL : unknown;
    return modules;
}

int ld_own_refuse(const struct ld_scenario *scenario, const char *unknown, struct ld_error *error)
{
    return ld_fail(error, LD_EUSAGE,
                   "--blind: %s: nobody knows which packages are the target's own, for %s%s; name its modules: "
                   "target: {own: [example.com/shop]}",
                   scenario->file, *unknown ? unknown : "it is attached",
                   *unknown ? " cannot be read as a Go program, or is one of Go's tools" : "");
}

/* Of a module or of a package in it. */
static bool is_within(const char *modules, const char *module)
{
    for (const char *at = modules; *at; at += strcspn(at, " "), at += *at == ' ') {
        size_t length = strcspn(at, " ");
        if (strncmp(at, module, length) == 0 && (!module[length] || module[length] == '/'))
            return true;
    }
    return false;
}

bool ld_own_is_stranger(const char *modules, int64_t pid, char ret_module[LD_OWN_MODULE_MAX])
{
    char program[64];
    snprintf(program, sizeof program, "/proc/%lld/exe", (long long)pid);
    read_module(program, ret_module);
    return *ret_module && !is_of_go(ret_module) && !is_within(modules, ret_module);
}

int ld_own_blind(struct ld_blind **ret_blind, const struct ld_run_plan *run, const char *modules)
{
    const char *own[LD_BLIND_OWN_MAX];
    size_t count = 0;
    char *copy = strdup(modules), *rest = copy;
    if (!copy)
        return LD_ENOMEM;
    for (char *module; count < LD_BLIND_OWN_MAX && (module = strtok_r(rest, " ", &rest));)
        own[count++] = module;
    bool more = count == LD_BLIND_OWN_MAX && rest && *rest;
    int code = more ? LD_ELIMIT : ld_blind_new(ret_blind, ld_derive(run->seed, "names", run->index), own, count);
    free(copy);
    return code;
}
