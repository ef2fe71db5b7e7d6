#include "runner/cli/formats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/cli/command.h"
#include "runner/cli/style.h"

#define REPORT_MAX ((size_t)256 << 20)

#define PLAIN_FORMAT(name, function)                                                                                   \
    static int name(const struct ld_report_source *source, struct ld_buffer *out, struct ld_error *error)              \
    {                                                                                                                  \
        int code = function(source->report, out);                                                                      \
        return code ? ld_fail(error, code, "the report: %s", ld_code_text(code)) : 0;                                  \
    }
PLAIN_FORMAT(render_json, ld_report_json)
PLAIN_FORMAT(render_junit, ld_report_junit)
PLAIN_FORMAT(render_markdown, ld_report_markdown)

static int render_html(const struct ld_report_source *source, struct ld_buffer *out, struct ld_error *error)
{
    struct ld_report_details details;
    int code = ld_report_details_read(&details, source->report, source->store, source->arena, error);
    if (code)
        return code;
    code = ld_report_html(source->report, &details, out);
    return code ? ld_fail(error, code, "the report: %s", ld_code_text(code)) : 0;
}

static int render_text(const struct ld_report_source *source, struct ld_buffer *out, struct ld_error *error)
{
    int code = ld_report_text(source->report, &source->style, out);
    return code ? ld_fail(error, code, "the table: %s", ld_code_text(code)) : 0;
}

const struct ld_report_format ld_report_formats[] = {
    {"text", "table.txt", render_text},
    {"html", "report.html", render_html},
    {"json", "report.json", render_json},
    {"junit", "junit.xml", render_junit},
    {"markdown", "summary.md", render_markdown},
    {0},
};

const char *const *ld_report_format_names(void)
{
    static const char *names[sizeof ld_report_formats / sizeof *ld_report_formats];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        names[i] = ld_report_formats[i].name;
    return names;
}

const struct ld_report_format *ld_report_format_find(const char *name)
{
    for (const struct ld_report_format *format = ld_report_formats; format->name; format++)
        if (strcmp(format->name, name) == 0)
            return format;
    return NULL;
}

/* Of a file that could not be written whole nothing stays; devices and pipes are nobody's to remove. */
static bool is_regular(FILE *file)
{
    struct stat status;
    return fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode);
}

static int write_file(const char *path, const struct ld_buffer *bytes, struct ld_error *error)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return ld_fail_errno(error, LD_EIO, errno, "cannot write %s", path);
    bool good = fwrite(ld_buffer_text(bytes), 1, bytes->length, file) == bytes->length;
    bool regular = is_regular(file);
    int saved = errno;
    if (fclose(file) != 0 && good) {
        good = false;
        saved = errno;
    }
    if (!good && regular)
        unlink(path);
    return good ? 0 : ld_fail_errno(error, LD_EIO, saved, "cannot write %s", path);
}

int ld_report_write_file(const char *folder, const char *name, const struct ld_buffer *bytes, struct ld_error *error)
{
    char path[1024];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return ld_fail(error, LD_EUSAGE, "--report: the path is too long");
    return write_file(path, bytes, error);
}

int ld_report_write(const struct ld_report_format *format, const struct ld_report_source *source, const char *path,
                    struct ld_error *error)
{
    struct ld_buffer out;
    struct ld_report_source destined = *source;
    if (path)
        destined.style = ld_style_of_file();
    ld_buffer_init(&out, REPORT_MAX);
    int code = format->render(&destined, &out, error);
    if (!path)
        return ld_put_done(&out, code, error);
    if (!code)
        code = write_file(path, &out, error);
    ld_buffer_done(&out);
    return code;
}

int ld_report_write_all(const struct ld_report_source *source, const char *folder, struct ld_error *error)
{
    int code = 0;
    for (const struct ld_report_format *format = ld_report_formats; format->name && !code; format++) {
        char path[1024];
        if (snprintf(path, sizeof path, "%s/%s", folder, format->file) >= (int)sizeof path)
            return ld_fail(error, LD_EUSAGE, "--report: the path is too long");
        code = ld_report_write(format, source, path, error);
    }
    return code;
}
