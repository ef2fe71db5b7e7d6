#include "runner/cli/against.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "runner/cli/command.h"
#include "runner/cli/formats.h"
#include "runner/cli/style.h"
#include "runner/run/baseline_file.h"

#define OUTPUT_MAX ((size_t)64 << 20)

#define NAMES_MAX 256
#define NAME_ROOM 256

/* No file of that name among the baselines: which is near? */
static int unknown_name(const char *name, const char *path, struct ld_error *error)
{
    char texts[NAMES_MAX][NAME_ROOM];
    const char *names[NAMES_MAX + 1] = {NULL};
    DIR *folder = opendir(LD_BASELINES_FOLDER);
    size_t count = 0;
    for (struct dirent *entry; folder && count < NAMES_MAX && (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (length <= 5 || strcmp(entry->d_name + length - 5, ".json") != 0)
            continue;
        snprintf(texts[count], NAME_ROOM, "%.*s", (int)(length - 5), entry->d_name);
        names[count] = texts[count];
        count++;
    }
    if (folder)
        closedir(folder);
    const char *nearest = ld_nearest(name, names);
    if (nearest)
        return ld_fail(error, LD_EUSAGE, "there is no baseline %s; did you mean %s?", name, nearest);
    return ld_fail(error, LD_EUSAGE, "there is no baseline %s (no %s); leakdrill baseline list shows those there are",
                   name, path);
}

int ld_against_open(struct ld_against *against, const char *name, struct ld_error *error)
{
    char path[1024];
    if (!name)
        return 0;
    int code = ld_baseline_path(name, path, sizeof path, error);
    if (!code && access(path, F_OK) != 0 && !strchr(name, '/') && strcmp(path, name) != 0)
        return unknown_name(name, path, error);
    if (!code)
        code = ld_baseline_read(&against->baseline, path, error);
    against->given = code == 0;
    return code;
}

void ld_against_done(struct ld_against *against)
{
    ld_baseline_done(&against->baseline);
    against->given = false;
}

static int confirm(const struct ld_against *against, struct ld_regressions *regressions, const struct ld_baseline *now,
                   const struct ld_plan *plan, const struct ld_against_rerun *rerun, struct ld_error *error)
{
    struct ld_baseline again = {0};
    const char *const *cells;
    int code = ld_regressions_cells(regressions, &against->baseline, now, &cells, error);
    if (code || !cells[0])
        return code;
    uint32_t runs = ld_regressions_reruns(regressions);
    fprintf(stderr, "leakdrill: worse than the baseline, or chance; the cells concerned run %u times more\n", runs);
    code = rerun->run(rerun->context, cells, runs, &again, error);
    if (!code)
        code = ld_regressions_confirm(regressions, &against->baseline, now, &again, plan, error);
    ld_baseline_done(&again);
    return code;
}

static int in_text(const struct ld_regressions *regressions, const char *baseline, struct ld_buffer *out)
{
    const struct ld_text_style style = ld_style_of_file();
    return ld_report_regressions(regressions, baseline, &style, out);
}

/* A file for people, one for machines, one for CI. */
static int write_files(const struct ld_against *against, const struct ld_regressions *regressions,
                       struct ld_error *error)
{
    static const struct {
        const char *name;
        int (*render)(const struct ld_regressions *regressions, const char *baseline, struct ld_buffer *out);
    } files[] = {{"against.txt", in_text},
                 {"against.json", ld_report_regressions_json},
                 {"against.xml", ld_report_regressions_junit}};
    int code = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files && !code; i++) {
        struct ld_buffer out;
        ld_buffer_init(&out, OUTPUT_MAX);
        code = files[i].render(regressions, against->baseline.name, &out);
        if (code)
            ld_fail(error, code, "%s: %s", files[i].name, ld_code_text(code));
        else
            code = ld_report_write_file(against->report_folder, files[i].name, &out, error);
        ld_buffer_done(&out);
    }
    return code;
}

static int tell(const struct ld_against *against, const struct ld_regressions *regressions,
                const struct ld_text_style *style, struct ld_error *error)
{
    struct ld_buffer out;
    ld_buffer_init(&out, OUTPUT_MAX);
    int code = ld_report_regressions(regressions, against->baseline.name, style, &out);
    if (code)
        ld_fail(error, code, "%s", ld_code_text(code));
    code = ld_put_done(&out, code, error);
    return code || !against->report_folder ? code : write_files(against, regressions, error);
}

int ld_against_judge(const struct ld_against *against, const struct ld_plan *plan, const struct ld_judged *judged,
                     const struct ld_against_rerun *rerun, const struct ld_text_style *style,
                     enum ld_verdict *ret_verdict, struct ld_error *error)
{
    struct ld_baseline now = {0};
    struct ld_regressions regressions = {0};
    if (ld_judged_is_void(judged)) {
        char name[128];
        fprintf(stderr, "leakdrill: the campaign is void: not compared with the baseline %s\n",
                ld_format_harmless(against->baseline.name, name, sizeof name));
        *ret_verdict = LD_VERDICT_HARNESS;
        return 0;
    }
    int code = ld_judged_baseline(&now, judged, plan, error);
    if (!code)
        code = ld_regress(&regressions, &against->baseline, &now, plan, against->data_folder, error);
    if (!code)
        code = confirm(against, &regressions, &now, plan, rerun, error);
    if (!code)
        code = tell(against, &regressions, style, error);
    if (!code)
        *ret_verdict = ld_regressions_fail(&regressions)                                ? LD_VERDICT_FAIL
                       : ld_regressions_open(&regressions) || !regressions.compared ? LD_VERDICT_INCONCLUSIVE
                                                                                      : LD_VERDICT_PASS;
    ld_regressions_done(&regressions);
    ld_baseline_done(&now);
    return code;
}
