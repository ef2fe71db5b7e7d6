#include "runner/cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define ROWS_MAX 16   /* runs in hand that the live table shows */
#define ROWS_BESIDE 2 /* lines of the terminal that are not theirs: the sum and the cursor's */

unsigned ld_terminal_width(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    return 80;
}

/* As many as can be erased again: what has left the top of the terminal stays in its history. */
static size_t rows_that_fit(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_row >= ROWS_MAX + ROWS_BESIDE)
        return ROWS_MAX;
    return size.ws_row > ROWS_BESIDE ? size.ws_row - ROWS_BESIDE : 0;
}

void ld_progress_init(struct ld_progress *progress, unsigned jobs)
{
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    *progress = (struct ld_progress){.live = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0,
                                     .colour = isatty(STDERR_FILENO) && !(no_colour && *no_colour),
                                     .width = ld_terminal_width(STDERR_FILENO),
                                     .jobs = jobs};
}

static void erase(struct ld_progress *progress)
{
    for (; progress->drawn > 0; progress->drawn--)
        fputs("\033[1A\033[2K", stderr);
}

/* One line cut to the terminal's width. */
static void put_line(struct ld_progress *progress, const char *line)
{
    fprintf(stderr, "%.*s\n", (int)progress->width - 1, line);
    progress->drawn++;
}

static void describe(const struct ld_campaign_progress *state, char *text, size_t room)
{
    char elapsed[32], left[64] = "";
    ld_format_duration_short(state->elapsed_ns / LD_SECOND * LD_SECOND, elapsed, sizeof elapsed);
    if (state->finished >= 3 && state->finished < state->planned) {
        int64_t rest = state->elapsed_ns / (int64_t)state->finished * (int64_t)(state->planned - state->finished);
        char duration[24];
        ld_format_duration_short(rest / LD_SECOND * LD_SECOND, duration, sizeof duration);
        snprintf(left, sizeof left, ", about %s left", duration);
    }
    snprintf(text, room, "%zu of %zu run%s, %zu in hand, %zu void, %u alert%s, %s%s", state->finished, state->planned,
             state->planned == 1 ? "" : "s", state->running, state->void_runs, state->alerts,
             state->alerts == 1 ? "" : "s", elapsed, left);
}

static void on_run(void *context, const struct ld_cell *cell, const struct ld_run_plan *run,
                   const struct ld_run_summary *summary, const struct ld_campaign_progress *state)
{
    struct ld_progress *progress = context;
    if (!summary)
        return;
    bool was_void = summary->validity != LD_VALID;
    if (progress->live && !was_void)
        return; /* the table says it; only what went wrong stays on the screen */
    erase(progress);
    char duration[32];
    ld_format_duration_short(summary->duration_ns, duration, sizeof duration);
    fprintf(stderr, "[%zu/%zu] run %u %s: ", state->finished, state->planned, run->index, cell->name);
    if (was_void)
        fprintf(stderr, "%svoid%s, %s: %s\n", progress->colour ? "\033[33m" : "", progress->colour ? "\033[0m" : "",
                ld_validity_name(summary->validity), summary->reason);
    else
        fprintf(stderr, "%u alert%s, %s\n", summary->alerts, summary->alerts == 1 ? "" : "s", duration);
}

static void on_tick(void *context, struct ld_run *const *runs, size_t count, const struct ld_campaign_progress *state)
{
    struct ld_progress *progress = context;
    if (!progress->live)
        return;
    char line[512];
    size_t rows = rows_that_fit(STDERR_FILENO);
    progress->width = ld_terminal_width(STDERR_FILENO);
    erase(progress);
    for (size_t i = 0; i < count && i < rows; i++) {
        const struct ld_run_plan *run = ld_run_plan_of(runs[i]);
        snprintf(line, sizeof line, "  %-9s run %-5u %3u alerts  %s", ld_run_phase_name(runs[i]), run->index,
                 ld_run_alerts(runs[i]), ld_run_cell_name(runs[i]));
        put_line(progress, line);
    }
    describe(state, line, sizeof line);
    put_line(progress, line);
    fflush(stderr);
}

static void on_talk(void *context, const char *text)
{
    erase(context);
    fprintf(stderr, "leakdrill: %s\n", text);
}

struct ld_campaign_events ld_progress_events(struct ld_progress *progress)
{
    return (struct ld_campaign_events){on_run, on_tick, on_talk, progress};
}

void ld_progress_end(struct ld_progress *progress)
{
    erase(progress);
    fflush(stderr);
}
