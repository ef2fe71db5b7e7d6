#include "runner/detect/static_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "runner/build/build.h"
#include "runner/detect/findings.h"
#include "runner/detect/program.h"
#include "runner/detect/static_source.h"
#include "runner/process/tool.h"

#define SAID_MAX ((size_t)16 << 20)
#define SAID_OF_ERROR 300 /* bytes of what a tool said that are quoted */
#define WORDS_MAX 128

extern char **environ;
extern const char ld_static_tools_mod[], ld_static_tools_sum[];

struct working {
    const struct ld_static_job *job;
    struct ld_arena *arena;
    struct ld_error *error;
    const char *go;
    const char *const *environment;
    int64_t deadline_ns;
    struct ld_source source;
    struct ld_buffer out, err;
};

static int no_memory(struct working *working)
{
    return ld_fail(working->error, LD_ENOMEM, "out of memory");
}

/* ---- running */

/* Ours, with what makes go read and not write. The tool looks for go on PATH. */
static int make_environment(struct working *working)
{
    static const char *const ours[] = {"PATH=", "GOFLAGS=", "GOWORK=", "CGO_ENABLED=", "TMPDIR=", "GOTMPDIR=", "PWD="};
    const struct ld_static_job *job = working->job;
    const char *path = getenv("PATH");
    const struct ld_environment_spec none = {0}, *given = job->environment ? job->environment : &none;
    size_t count = 0, room = sizeof ours / sizeof *ours + 1 + given->names.count;
    for (char **entry = environ; *entry; entry++)
        room++;
    const char **environment = ld_arena_array(working->arena, room, sizeof *environment);
    if (!environment)
        return no_memory(working);
    for (char **entry = environ; *entry; entry++) {
        bool is_ours = false;
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
            is_ours = is_ours || strncmp(*entry, ours[i], strlen(ours[i])) == 0;
        if (!is_ours)
            environment[count++] = *entry;
    }
    int folder = (int)(strrchr(working->go, '/') - working->go);
    environment[count++] =
        ld_arena_printf(working->arena, "PATH=%.*s:%s", folder, working->go, path ? path : "");
    environment[count++] = "GOFLAGS=-mod=readonly";
    environment[count++] = "GOWORK=off";
    environment[count++] = job->cgo ? "CGO_ENABLED=1" : "CGO_ENABLED=0";
    environment[count++] = ld_arena_printf(working->arena, "TMPDIR=%s", job->folder);
    environment[count++] = ld_arena_printf(working->arena, "GOTMPDIR=%s", job->folder);
    for (size_t i = 0; i < given->names.count; i++) /* of two of one name go takes the last */
        environment[count++] = ld_arena_printf(working->arena, "%s=%s", ((const char **)given->names.items)[i],
                                               ((const char **)given->values.items)[i]);
    for (size_t i = 0; i < count; i++)
        if (!environment[i])
            return no_memory(working);
    working->environment = environment;
    return 0;
}

/* It did not do what it was asked: LD_ETARGET, with the beginning of what it said. */
static int complain(struct working *working, const char *what)
{
    const struct ld_buffer *said = working->err.length ? &working->err : &working->out;
    const char *text = ld_buffer_text(said), *end;
    while (*text == '#' && (end = strchr(text, '\n'))) /* "# shop/cases/prices": whose turn it was */
        text = end + 1;
    return ld_fail(working->error, LD_ETARGET, "%s: %.*s", what, (int)strnlen(text, SAID_OF_ERROR), text);
}

/* `program` in `folder`; what it writes is in working->out and err. */
static int run(struct working *working, const char *program, const char *folder, const char *const *arguments,
               int64_t *ret_status)
{
    const struct ld_tool tool = {.loop = working->job->loop,
                                 .guard = working->job->guard,
                                 .program = program,
                                 .folder = folder,
                                 .arguments = arguments,
                                 .environment = working->environment,
                                 .deadline_ns = working->deadline_ns,
                                 .cancelled = working->job->cancelled};
    ld_buffer_clear(&working->out);
    ld_buffer_clear(&working->err);
    return ld_tool_run(&tool, &working->out, &working->err, ret_status, working->error);
}

/* go, which must succeed. */
static int run_go(struct working *working, const char *folder, const char *what, const char *const *arguments)
{
    int64_t status = 0;
    int code = run(working, working->go, folder, arguments, &status);
    return code || status == 0 ? code : complain(working, what);
}

#define RUN_GO(working, folder, what, ...)                                                                            \
    run_go(working, folder, what, (const char *const[]){"go", __VA_ARGS__, NULL})

/* ---- the source */

static int copy_source(struct working *working)
{
    const struct ld_static_job *job = working->job;
    const char *folder = ld_arena_printf(working->arena, "%s/source", job->folder);
    if (!folder)
        return no_memory(working);
    int code = RUN_GO(working, job->module, "go list", "list", "-deps", "-f", LD_SOURCE_FORMAT, job->package);
    if (code)
        return code;
    const struct ld_source_spec spec = {
        .listing = ld_buffer_text(&working->out), .case_name = job->case_name, .repaired = job->repaired};
    return ld_source_copy(&working->source, &spec, folder, working->arena, working->error);
}

/* ---- the tools */

static int write_text(struct working *working, const char *path, const char *text)
{
    FILE *file = fopen(path, "wxe");
    bool good = file && fputs(text, file) >= 0;
    int saved = errno;
    if (file && fclose(file) != 0)
        good = false;
    return good ? 0 : ld_fail_errno(working->error, LD_EIO, saved, "cannot write %s", path);
}

/* Where a tool of ours is, built if it is not yet: go keeps what it built, and fetches what it lacks. */
static int find_tool(struct working *working, const char *name, const char **ret_program)
{
    const char *folder = ld_arena_printf(working->arena, "%s/tools", working->job->folder);
    const char *mod = ld_arena_printf(working->arena, "%s/go.mod", folder ? folder : "");
    const char *sum = ld_arena_printf(working->arena, "%s/go.sum", folder ? folder : "");
    if (!folder || !mod || !sum)
        return no_memory(working);
    if (mkdir(folder, 0700) != 0)
        return ld_fail_errno(working->error, LD_EIO, errno, "cannot make %s", folder);
    int code = write_text(working, mod, ld_static_tools_mod);
    if (!code)
        code = write_text(working, sum, ld_static_tools_sum);
    if (!code)
        code = RUN_GO(working, folder, "it cannot be built (the first time it is fetched, which needs a network)",
                      "tool", "-n", name);
    if (code)
        return code;
    const char *path = ld_buffer_text(&working->out);
    *ret_program = ld_arena_copy(working->arena, path, strcspn(path, "\n"));
    return *ret_program ? 0 : no_memory(working);
}

/* Both streams: which of them the JSON goes to has changed. */
static int read_vet(struct working *working, struct ld_findings *findings, const char **ret_reason)
{
    int code = ld_findings_of_vet(findings, ld_buffer_text(&working->out), working->out.length, working->arena,
                                  ret_reason);
    return code ? code
                : ld_findings_of_vet(findings, ld_buffer_text(&working->err), working->err.length, working->arena,
                                     ret_reason);
}

static int use_vet(struct working *working, struct ld_findings *findings, const char **ret_reason)
{
    int code = RUN_GO(working, working->source.folder, "go vet", "vet", "-json", "./...");
    return code ? code : read_vet(working, findings, ret_reason);
}

static int use_bodyclose(struct working *working, struct ld_findings *findings, const char **ret_reason)
{
    const char *program = NULL;
    int code = find_tool(working, "bodyclose", &program);
    const char *flag = code ? NULL : ld_arena_printf(working->arena, "-vettool=%s", program);
    if (!code && !flag)
        return no_memory(working);
    if (!code)
        code = RUN_GO(working, working->source.folder, "bodyclose", "vet", "-json", flag, "./...");
    return code ? code : read_vet(working, findings, ret_reason);
}

static int use_staticcheck(struct working *working, struct ld_findings *findings, const char **ret_reason)
{
    const char *program = NULL;
    int64_t status = 0;
    int code = find_tool(working, "staticcheck", &program);
    const char *const arguments[] = {"staticcheck", "-f", "json", "-checks", "all", "./...", NULL};
    if (!code)
        code = run(working, program, working->source.folder, arguments, &status);
    if (!code && status != 0 && status != 1) /* 1: it found something */
        return complain(working, "staticcheck");
    return code ? code
                : ld_findings_of_staticcheck(findings, ld_buffer_text(&working->out), working->out.length,
                                             working->arena, ret_reason);
}

static int command_words(struct working *working, const char **ret_program, const char **words)
{
    const struct ld_list *command = &working->job->options->command;
    const char *const *given = command->items;
    char path[PATH_MAX];
    int code = ld_program_find(working->job->scenario_file, given[0], path, sizeof path, working->error);
    *ret_program = code ? NULL : ld_arena_text(working->arena, path);
    for (size_t i = 0; i < command->count && !code; i++) {
        code = ld_program_word(working->job->scenario_file, given[i], path, sizeof path, working->error);
        words[i] = code ? NULL : ld_arena_text(working->arena, path);
        if (!code && (!words[i] || !*ret_program))
            code = no_memory(working);
    }
    words[command->count] = NULL;
    return code;
}

/* Those that end with 1 because they found something are many. */
static int use_command(struct working *working, struct ld_findings *findings, const char **ret_reason)
{
    const char *program, *words[WORDS_MAX];
    int64_t status = 0;
    int code = command_words(working, &program, words);
    (void)ret_reason;
    if (!code)
        code = run(working, program, working->source.folder, words, &status);
    if (!code)
        code = ld_findings_of_lines(findings, ld_buffer_text(&working->out), working->out.length, working->arena);
    if (!code)
        code = ld_findings_of_lines(findings, ld_buffer_text(&working->err), working->err.length, working->arena);
    return !code && (status < 0 || (status != 0 && findings->count == 0)) ? complain(working, words[0]) : code;
}

static int (*const uses[LD_STATIC_TOOLS])(struct working *working, struct ld_findings *findings,
                                          const char **ret_reason) = {[LD_STATIC_GO_VET] = use_vet,
                                                                      [LD_STATIC_STATICCHECK] = use_staticcheck,
                                                                      [LD_STATIC_BODYCLOSE] = use_bodyclose,
                                                                      [LD_STATIC_COMMAND] = use_command};

/* ---- what came of it */

static int make_claims(struct working *working, const struct ld_findings *findings, struct ld_static_result *ret_result)
{
    struct ld_static_claim *claims = ld_arena_array(working->arena, findings->count + 1, sizeof *claims);
    if (!claims)
        return no_memory(working);
    for (size_t i = 0; i < findings->count; i++) {
        const struct ld_finding *finding = &findings->items[i];
        const char *file;
        if (ld_source_site(&working->source, finding->file, finding->line, working->arena, &claims[i].site, &file) != 0)
            return no_memory(working);
        claims[i].code = finding->code;
        claims[i].text = ld_arena_printf(working->arena, "%.300s:%u:%u: %.600s", file, finding->line, finding->column,
                                         finding->message);
        if (!claims[i].text)
            return no_memory(working);
    }
    *ret_result = (struct ld_static_result){
        .count = findings->count, .claims = claims, .passed_over = findings->passed_over};
    return 0;
}

static int work(struct working *working, struct ld_static_result *ret_result)
{
    struct ld_findings findings = {0};
    const char *reason = NULL;
    if (mkdir(working->job->folder, 0700) != 0)
        return ld_fail_errno(working->error, LD_EIO, errno, "cannot make %s", working->job->folder);
    int code = ld_build_find_go(working->arena, &working->go, working->error);
    if (!code)
        code = make_environment(working);
    if (!code)
        code = copy_source(working);
    if (!code)
        code = uses[working->job->options->tool](working, &findings, &reason);
    if (code == LD_ESYNTAX)
        return ld_fail(working->error, LD_ETARGET, "%s: %s", ld_static_tool_names[working->job->options->tool], reason);
    return code ? code : make_claims(working, &findings, ret_result);
}

int ld_static_tool_run(struct ld_static_result *ret_result, const struct ld_static_job *job, struct ld_arena *arena,
                       struct ld_error *error)
{
    struct working working = {
        .job = job, .arena = arena, .error = error, .deadline_ns = (int64_t)uv_hrtime() + job->options->wall_ns};
    ld_buffer_init(&working.out, SAID_MAX);
    ld_buffer_init(&working.err, SAID_MAX);
    *ret_result = (struct ld_static_result){0};
    int code = work(&working, ret_result);
    ld_buffer_done(&working.out);
    ld_buffer_done(&working.err);
    if (code == 0 || code == LD_ECANCELLED || code == LD_ENOMEM)
        return code;
    if (code == LD_ETIMEOUT)
        ret_result->broken =
            ld_arena_printf(arena, "took longer than %.0f s (wall)", (double)job->options->wall_ns / 1e9);
    else
        ret_result->broken = ld_arena_text(arena, error->message);
    return ret_result->broken ? 0 : ld_fail(error, LD_ENOMEM, "out of memory");
}
