#include "runner/run/own.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"

#define PROGRAM_MAX ((off_t)1 << 30)
#define MODULE_MAX 512
#define MODULES_MAX ((size_t)16 << 10)

/* "": it is no Go program, or cannot be read. */
static void read_module(const char *program, char module[MODULE_MAX])
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
    if (ld_blind_module(bytes, (size_t)facts.st_size, module, MODULE_MAX) != 0)
        *module = '\0';
    munmap(bytes, (size_t)facts.st_size);
}

const char *ld_own_modules(const struct ld_scenario *scenario, const char *program, struct ld_arena *arena)
{
    char module[MODULE_MAX] = "";
    struct ld_buffer text;
    const char *const *own = scenario->target.own.items;
    ld_buffer_init(&text, MODULES_MAX);
    if (program)
        read_module(program, module);
    int code = ld_buffer_add_text(&text, module);
    for (size_t i = 0; i < scenario->target.own.count && !code; i++)
        code = ld_buffer_printf(&text, "%s%s", text.length ? " " : "", own[i]);
    const char *modules = code ? NULL : ld_arena_text(arena, ld_buffer_text(&text));
    ld_buffer_done(&text);
    return modules;
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
    int code = ld_blind_new(ret_blind, ld_derive(run->seed, "names", run->index), own, count);
    free(copy);
    return code;
}
