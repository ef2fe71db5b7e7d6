#include "runner/cli/observed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int ld_observed_quote(const char *text, struct ld_buffer *out)
{
    int code = ld_buffer_add_text(out, "\"");
    for (; *text && !code; text++) {
        unsigned char c = (unsigned char)*text;
        code = c < ' ' || c == 0x7f          ? ld_buffer_printf(out, "\\x%02x", c)
               : c == '"' || c == '\\' ? ld_buffer_printf(out, "\\%c", c)
                                             : ld_buffer_add(out, text, 1);
    }
    return code ? code : ld_buffer_add_text(out, "\"");
}

/* One line a detector that watches. */
static int render_each(const struct ld_observed *observed, const char *before, const char *behind,
                       struct ld_buffer *out)
{
    size_t count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    int code = 0;
    for (size_t i = 0; i < count && !code; i++)
        if (observed->watches(observed->context, kinds[i]))
            code = ld_buffer_printf(out, "%s%s%s\n", before, kinds[i]->name, behind);
    return code;
}

int ld_observed_render(const struct ld_observed *observed, struct ld_buffer *out)
{
    int code = ld_buffer_printf(out, "leakdrill: 1\nname: %s\ndoc: %s\ntarget:\n%s", observed->name, observed->doc,
                                observed->target);
    if (!code && observed->phases)
        code = ld_buffer_printf(out, "phases: %s\n", observed->phases);
    if (!code)
        code = ld_buffer_printf(out, "sampling: {every: %s, profiles: [%s]}\ndetectors:\n", observed->every,
                                observed->profiles);
    if (!code)
        code = render_each(observed, "  - ", "", out);
    if (!code)
        code = ld_buffer_add_text(out, "repeat: {runs: 1}\nexpect:\n");
    return code ? code : render_each(observed, "  - {detector: ", ", report_only: true}", out);
}

void ld_observed_path(const char *database, char *path, size_t room)
{
    size_t length = strlen(database);
    bool suffix = length > 3 && strcmp(database + length - 3, ".db") == 0;
    snprintf(path, room, "%.*s.yaml", (int)(suffix ? length - 3 : length), database);
}

int ld_observed_write(const char *path, const struct ld_buffer *text, struct ld_error *error)
{
    FILE *file = fopen(path, "wxe");
    if (!file)
        return ld_fail_errno(error, LD_EIO, errno, "cannot write %s", path);
    bool good = fwrite(text->bytes, 1, text->length, file) == text->length;
    if (fclose(file) == 0 && good)
        return 0;
    int saved = errno;
    remove(path);
    return ld_fail_errno(error, LD_EIO, saved, "cannot write %s", path);
}

bool ld_observed_may_watch(const struct ld_detector_kind *kind)
{
    const unsigned looks = LD_READ_METRICS_PERIOD | LD_READ_GOROUTINE_PERIOD | LD_READ_HEAP_PERIOD;
    return kind->type == LD_DETECTOR_BUILTIN && !kind->calibration && !kind->active && !kind->sees_truth &&
           (kind->reads & looks);
}
