#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "reports/report.h"
#include "runner/cli/database.h"
#include "runner/cli/style.h"
#include "runner/run/imported.h"

#define SHOW_MEMORY ((size_t)1 << 30)

/* What an import called its instances; none when one has no name. */
static int read_names(struct ld_store *store, struct ld_stored_run *run, struct ld_arena *arena, struct ld_error *error)
{
    struct ld_campaign_info info;
    const char **names = ld_arena_array(arena, LD_IMPORT_INSTANCES_MAX, sizeof *names);
    int code = names ? ld_store_read_campaign(store, &info, arena, error)
                     : ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    for (size_t i = 0; !code && i < LD_IMPORT_INSTANCES_MAX; i++) {
        char fact[48];
        snprintf(fact, sizeof fact, LD_FACT_IMPORT_INSTANCE ".%zu", i);
        names[i] = ld_database_fact(&info, fact);
        if (!names[i] || !*names[i])
            break;
        run->instance_name_count = i + 1;
    }
    run->instance_names = names;
    return code;
}

static int show(const struct ld_invocation *invocation, struct ld_store *store, uint32_t run, struct ld_arena *arena,
                struct ld_error *error)
{
    struct ld_stored_run stored;
    struct ld_timeline_row *rows;
    size_t count;
    struct ld_text_style style = ld_style_of(STDOUT_FILENO, invocation->colour);
    int code = ld_store_read_run(store, run, &stored, arena, error);
    if (!code)
        code = read_names(store, &stored, arena, error);
    if (!code)
        code = ld_store_read_timeline(store, run, &rows, &count, arena, error);
    if (code)
        return code;
    struct ld_buffer out;
    ld_buffer_init(&out, SHOW_MEMORY);
    return ld_put_done(&out, ld_report_run(&stored, rows, count, &style, &out), error);
}

int ld_command_show(const struct ld_invocation *invocation)
{
    struct ld_error error = {0};
    struct ld_store *store = NULL;
    char path[512];
    int64_t run;
    const char *expected;
    if (invocation->argument_count != 1)
        return ld_usage_error(invocation->command, "takes one run, by its number");
    if (ld_parse_integer(invocation->arguments[0], &run, &expected) != 0 || run < 0 || run > UINT32_MAX)
        return ld_usage_error(invocation->command, "\"%s\" is no run; write its number, such as 0",
                              invocation->arguments[0]);
    struct ld_arena *arena = ld_arena_new(SHOW_MEMORY);
    int code = arena ? ld_database_find(ld_option_text(invocation, "db"), path, sizeof path, &error)
                     : ld_fail(&error, LD_ENOMEM, "out of memory");
    if (!code)
        code = ld_store_open(&store, path, false, &error);
    if (!code)
        code = show(invocation, store, (uint32_t)run, arena, &error);
    if (store)
        ld_store_close(store, NULL);
    ld_arena_free(arena);
    if (code == LD_ENOENT)
        return ld_usage_error(invocation->command, "%s", error.message);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
