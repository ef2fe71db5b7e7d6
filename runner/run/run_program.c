/* The programs of a run: put into its folder, and described as the services that instances and upstream start. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "blind/blind.h"
#include "runner/run/run_internal.h"

static bool copy_program(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    ssize_t n = out < 0 ? -1 : 0;
    if (out >= 0)
        do
            n = sendfile(out, in, NULL, (size_t)1 << 30);
        while (n > 0);
    int saved = errno;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) != 0)
        n = -1;
    errno = saved;
    return n == 0;
}

/* A program is started from the run's own folder, under its own name: nothing in /proc tells which variant it is. A
 * hard link; a copy where the work folder is on another file system. */
static const char *stage(struct ld_run *run, const char *program, const char *name, struct ld_error *error)
{
    /* Profiles and /proc show the path: the folder's name says nothing, least of all which run of the plan it is. */
    uint64_t token = ld_derive(run->run_plan->seed, name, run->run_plan->index);
    char *path = ld_arena_printf(run->arena, "%s/%016llx", run->control->work_folder, (unsigned long long)token);
    if (path)
        mkdir(path, 0700);
    path = ld_arena_printf(run->arena, "%s/%016llx/%s", run->control->work_folder, (unsigned long long)token, name);
    if (!path)
        ld_fail(error, LD_ENOMEM, "out of memory");
    else if (access(program, F_OK) != 0)
        ld_fail_errno(error, LD_ESYSTEM, errno, "the program %s is not built: the build makes it (cmake --build)",
                      program);
    else if (link(program, path) != 0 && !copy_program(program, path))
        ld_fail_errno(error, LD_ESYSTEM, errno, "cannot put %s into the work folder %s", program,
                      run->control->work_folder);
    else
        return path;
    return NULL;
}

static const char **environment_of(struct ld_run *run, bool target)
{
    const struct ld_target_spec *spec = &run->scenario->target;
    size_t own = target ? spec->environment.names.count : 0, count = 0;
    const char **environment = ld_arena_array(run->arena, own + 8, sizeof *environment);
    if (!environment)
        return NULL;
    environment[count++] = "PATH=/usr/local/bin:/usr/bin:/bin";
    environment[count++] = "HOME=/nonexistent";
    environment[count++] = "GOTRACEBACK=all";
    environment[count++] = "GODEBUG=gctrace=1";
    if (target && spec->kind == LD_TARGET_INSTRUMENT)
        environment[count++] = "INHERITED_LISTENER=3"; /* what runner/build adds to it looks for this */
    if (target && spec->gomaxprocs)
        environment[count++] = ld_arena_printf(run->arena, "GOMAXPROCS=%lld", (long long)spec->gomaxprocs);
    if (target && spec->limits.memory_bytes)
        environment[count++] =
            ld_arena_printf(run->arena, "GOMEMLIMIT=%llu", (unsigned long long)spec->limits.memory_bytes);
    for (size_t i = 0; i < own; i++)
        environment[count++] = ld_arena_printf(run->arena, "%s=%s", ((const char **)spec->environment.names.items)[i],
                                               ((const char **)spec->environment.values.items)[i]);
    for (size_t i = 0; i < count; i++)
        if (!environment[i])
            return NULL;
    return environment;
}

const char *ld_run_target_setting(struct ld_run *run, uint32_t instance)
{
    const char *case_name = run->programs.target_case ? run->programs.target_case : "";
    return ld_arena_printf(run->arena,
                           "{\"case\":\"%s\",\"rate\":%.6f,\"depth\":%lld,\"seed\":\"%llu\",\"upstream\":\"%s\","
                           "\"time_scale\":%.6f}",
                           case_name, run->cell->rate, (long long)run->cell->depth,
                           (unsigned long long)run->run_plan->seed, ld_line_address(run, instance),
                           run->scenario->time_scale);
}

/* What /proc, profiles and the program itself show as its name; in a blind run it is one of the run's tokens. */
static const char *shown_name(struct ld_run *run, const char *name)
{
    struct ld_span word = {name, name + strlen(name)};
    struct ld_buffer out;
    if (!run->blind)
        return name;
    ld_buffer_init(&out, 64);
    const char *shown =
        ld_blind_program(run->blind, word, &out) ? NULL : ld_arena_text(run->arena, ld_buffer_text(&out));
    ld_buffer_done(&out);
    return shown;
}

static int describe_contract(struct ld_run *run, struct ld_service_spec *spec, struct ld_error *error)
{
    const char **arguments = ld_arena_array(run->arena, 2, sizeof *arguments);
    const char *name = shown_name(run, run->programs.target_name);
    const char *program = name ? stage(run, run->programs.target, name, error) : NULL;
    if (!program || !arguments)
        return program || !name ? ld_fail(error, LD_ENOMEM, "out of memory") : LD_ESYSTEM;
    arguments[0] = name;
    spec->kind = LD_SERVICE_CONTRACT;
    spec->program = program;
    spec->arguments = arguments;
    return 0;
}

/* A service that is told its address by words of its command line, behind `program_word` when that is given. */
static int describe_words(struct ld_run *run, struct ld_service_spec *spec, const char *program_word,
                          struct ld_error *error)
{
    const struct ld_target_spec *target = &run->scenario->target;
    const char **arguments = ld_arena_array(run->arena, target->command.count + 2, sizeof *arguments);
    size_t before = program_word != NULL;
    if (!arguments)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    arguments[0] = program_word;
    if (target->command.count)
        memcpy(arguments + before, target->command.items, target->command.count * sizeof *arguments);
    spec->kind = target->truth == LD_TRUTH_FD ? LD_SERVICE_CONTRACT : LD_SERVICE_COMMAND;
    spec->arguments = arguments;
    spec->folder = "";
    spec->ready_path = target->ready_path;
    return 0;
}

char *ld_run_find_program(const char *word)
{
    if (strchr(word, '/'))
        return realpath(word, NULL);
    const char *folders = getenv("PATH");
    for (const char *folder = folders ? folders : ""; *folder;) {
        char path[PATH_MAX];
        size_t length = strcspn(folder, ":");
        int n = snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, word);
        if (length && n > 0 && (size_t)n < sizeof path && access(path, X_OK) == 0)
            return realpath(path, NULL);
        folder += length + (folder[length] == ':');
    }
    return NULL;
}

static int describe_command(struct ld_run *run, struct ld_service_spec *spec, struct ld_error *error)
{
    const struct ld_target_spec *target = &run->scenario->target;
    int code = describe_words(run, spec, NULL, error);
    if (code)
        return code;
    char *program = ld_run_find_program(spec->arguments[0]);
    if (!program)
        return ld_fail(error, LD_ETARGET, "command %s: no such program%s", spec->arguments[0],
                       strchr(spec->arguments[0], '/') ? "; is it built?" : " on PATH");
    spec->program = ld_arena_text(run->arena, program);
    free(program);
    spec->apart = ld_target_places_pprof(target) && ld_target_listens(target);
    return spec->program ? 0 : ld_fail(error, LD_ENOMEM, "out of memory");
}

static int describe_instrumented(struct ld_run *run, struct ld_service_spec *spec, struct ld_error *error)
{
    const char *name = shown_name(run, run->programs.target_name);
    int code = name ? describe_words(run, spec, name, error) : ld_fail(error, LD_ENOMEM, "out of memory");
    if (code)
        return code;
    spec->program = stage(run, run->programs.target, name, error);
    spec->inherits = true;
    spec->apart = ld_target_listens(&run->scenario->target);
    return spec->program ? 0 : LD_ESYSTEM;
}

int ld_run_describe_target(struct ld_run *run, struct ld_service_spec *spec, struct ld_error *error)
{
    const struct ld_target_spec *target = &run->scenario->target;
    *spec = (struct ld_service_spec){.ready_ns = run->scenario->phases.ready_ns,
                                     .stop_ns = run->scenario->phases.stop_ns,
                                     .open_files = (uint64_t)target->limits.open_files,
                                     .folder = run->control->work_folder,
                                     .environment = environment_of(run, true)};
    if (!spec->environment)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    if (target->kind == LD_TARGET_FIXTURE)
        return describe_contract(run, spec, error);
    if (target->kind == LD_TARGET_COMMAND)
        return describe_command(run, spec, error);
    if (target->kind == LD_TARGET_INSTRUMENT)
        return describe_instrumented(run, spec, error);
    spec->kind = LD_SERVICE_ATTACHED;
    spec->address = target->attach + strlen("http://");
    spec->profiles = target->profiles[0] ? target->profiles + strlen("http://") : NULL;
    spec->ready_path = target->ready_path;
    return 0;
}

const char *ld_run_target_label(const struct ld_run *run)
{
    const struct ld_target_spec *target = &run->scenario->target;
    switch (target->kind) {
    case LD_TARGET_FIXTURE:
    case LD_TARGET_INSTRUMENT:
        return run->programs.target_name;
    case LD_TARGET_COMMAND:
        return ((const char **)target->command.items)[0];
    default:
        return target->attach;
    }
}

int ld_run_describe_upstream(struct ld_run *run, struct ld_service_spec *spec, struct ld_error *error)
{
    const char **arguments = ld_arena_array(run->arena, 2, sizeof *arguments);
    const char *name = shown_name(run, run->programs.upstream_name);
    const char *program = name ? stage(run, run->programs.upstream, name, error) : NULL;
    if (!program || !arguments)
        return LD_ESYSTEM;
    arguments[0] = name;
    *spec = (struct ld_service_spec){.kind = LD_SERVICE_CONTRACT,
                                   .name = ld_arena_printf(run->arena, "upstream %s", run->programs.upstream_name),
                                   .program = program,
                                   .folder = run->control->work_folder,
                                   .arguments = arguments,
                                   .environment = environment_of(run, false),
                                   .setting = ld_arena_printf(run->arena,
                                                              "{\"case\":\"\",\"rate\":0,\"depth\":0,\"seed\":\"%llu\","
                                                              "\"upstream\":\"\"}",
                                                              (unsigned long long)run->run_plan->seed),
                                   .ready_ns = run->scenario->phases.ready_ns,
                                   .stop_ns = run->scenario->phases.stop_ns};
    if (!spec->name || !spec->environment || !spec->setting)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    return 0;
}
