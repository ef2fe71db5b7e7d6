#include "runner/detect/exec.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "pprof/inflate.h"
#include "runner/detect/answer.h"
#include "runner/detect/limits.h"
#include "runner/detect/program.h"
#include "runner/process/identity.h"
#include "runner/process/process.h"
#include "runner/process/sweep.h"

#define EXEC_MAGIC 0x6c646578u
#define QUESTION_BYTES_MAX ((size_t)1 << 20)
#define WATCH_EVERY_MS 200
#define EXIT_AFTER_OUTPUT_MS 1000 /* the news of a death comes by another way than the end of its output */
#define STDERR_KEPT ((size_t)LD_EXEC_STDERR_BYTES_MAX)
#define HARMLESS_MAX 4u /* a byte may become \xff */
#define PIECE_BYTES 48
#define PROFILES "profiles"

/* An observation that waits, as it will be told. */
struct waiting {
    struct waiting *next;
    struct ld_question question;
    char *line;
    size_t length, body_length;
    char path[LD_EXEC_PATH_MAX]; /* of its profile, "" without one */
};

struct ld_exec {
    unsigned magic;
    struct ld_exec_setting setting;
    const struct ld_exec_events *events;
    void *context;
    struct ld_answers *answers;
    char folder[PATH_MAX];
    bool folder_made;

    struct ld_process process;
    bool process_open, exited;
    int64_t exit_status;
    uv_pipe_t input, output, error_output;
    bool input_open, output_open, error_open; /* as handles of the loop */
    uv_timer_t answer_timer, deadline_timer, watch_timer;
    unsigned timers;  /* open */
    bool answer_late; /* the timer came once; the loop looks at the pipe before it comes again */
    struct ld_buffer error_text;
    uint64_t error_bytes;

    struct waiting *first, *last, *told; /* told: the one it was asked about */
    size_t waiting_count, waiting_bytes;
    struct ld_question asked; /* the last */

    enum ld_exec_fault fault;
    bool started, ending, hurried, input_ended, lingered, judged, over, closed;
};

static void maybe_over(struct ld_exec *exec);
static void tell_next(struct ld_exec *exec);

/* ---- breaking it */

static void free_waiting(struct waiting *item)
{
    if (item)
        free(item->line);
    free(item);
}

static void forget_waiting(struct ld_exec *exec)
{
    while (exec->first) {
        struct waiting *item = exec->first;
        exec->first = item->next;
        free_waiting(item);
    }
    exec->last = NULL;
    exec->waiting_count = exec->waiting_bytes = 0;
}

static void on_input_closed(uv_handle_t *handle)
{
    struct ld_exec *exec = handle->data;
    exec->input_open = false;
    maybe_over(exec);
}

static void on_output_closed(uv_handle_t *handle)
{
    struct ld_exec *exec = handle->data;
    exec->output_open = false;
    maybe_over(exec);
}

static void on_error_closed(uv_handle_t *handle)
{
    struct ld_exec *exec = handle->data;
    exec->error_open = false;
    maybe_over(exec);
}

static void close_pipe(uv_pipe_t *pipe, bool open, uv_close_cb closed)
{
    if (open && !uv_is_closing((uv_handle_t *)pipe))
        uv_close((uv_handle_t *)pipe, closed);
}

/* Kill it and hear no more of what it says. */
static void stop(struct ld_exec *exec)
{
    forget_waiting(exec);
    uv_timer_stop(&exec->answer_timer);
    uv_timer_stop(&exec->deadline_timer);
    close_pipe(&exec->input, exec->input_open, on_input_closed);
    close_pipe(&exec->output, exec->output_open, on_output_closed);
    if (exec->process_open)
        ld_process_end(&exec->process);
    maybe_over(exec);
}

static void break_it(struct ld_exec *exec, enum ld_exec_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void break_it(struct ld_exec *exec, enum ld_exec_fault fault, const char *format, ...)
{
    char why[320], reason[400];
    va_list arguments;
    if (exec->fault || exec->hurried)
        return;
    exec->fault = fault;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    snprintf(reason, sizeof reason, "%s: %s", ld_exec_fault_name(fault), why);
    exec->events->broken(exec->context, fault, reason);
    stop(exec);
}

/* "hello" or "observation 41" */
static const char *asked_about(const struct ld_exec *exec, char text[48])
{
    if (exec->asked.sequence)
        snprintf(text, 48, "observation %llu", (unsigned long long)exec->asked.sequence);
    else
        snprintf(text, 48, "hello");
    return text;
}

/* ---- its end */

/* Its process is dead and all it said was read: was it meant to end? */
static void judge_end(struct ld_exec *exec)
{
    char asked[48], how[64];
    if (!exec->exited || exec->output_open || exec->fault || exec->hurried || exec->judged)
        return;
    exec->judged = true;
    int64_t status = exec->exit_status;
    snprintf(how, sizeof how, "%s %lld", status < 0 ? "signal" : "exit code",
             (long long)(status < 0 ? -status : status));
    if (!exec->input_ended)
        break_it(exec, LD_EXEC_FAULT_CRASHED, "it ended with %s, %s %s", how,
                 exec->told ? "while asked about" : "after", asked_about(exec, asked));
    else if (status != 0) {
        char text[160];
        snprintf(text, sizeof text, "it ended with %s after its input's end", how);
        exec->events->note(exec->context, text);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct ld_exec *exec = handle->data;
    if (--exec->timers)
        return;
    exec->closed = true;
    if (exec->ending)
        exec->events->closed(exec->context);
}

/* Bytes of any kind become text that can be stored and printed. When the oldest were dropped, what is left may begin
 * within a character: that one is left out, too. */
static void clean_errors(struct ld_exec *exec)
{
    struct ld_buffer kept = exec->error_text;
    size_t from = 0;
    while (exec->error_bytes > kept.length && from < kept.length && from < 3 && (kept.bytes[from] & 0xc0) == 0x80)
        from++;
    ld_buffer_init(&exec->error_text, kept.maximum * HARMLESS_MAX);
    if (kept.length) /* evidence: what finds no memory is left out */
        (void)ld_add_harmless_lines(&exec->error_text, (const char *)kept.bytes + from, kept.length - from);
    ld_buffer_done(&kept);
}

static void maybe_over(struct ld_exec *exec)
{
    if (exec->over || !exec->started || exec->process_open || exec->output_open)
        return;
    judge_end(exec);
    if (exec->over || exec->error_open || exec->input_open || (!exec->fault && !exec->ending && !exec->exited))
        return;
    exec->over = true;
    clean_errors(exec);
    if (exec->error_text.length)
        exec->events->note(exec->context, ld_buffer_text(&exec->error_text));
    if (exec->folder_made)
        (void)ld_remove_tree(exec->folder);
    uv_close((uv_handle_t *)&exec->answer_timer, on_timer_closed);
    uv_close((uv_handle_t *)&exec->deadline_timer, on_timer_closed);
    uv_close((uv_handle_t *)&exec->watch_timer, on_timer_closed);
}

static void set_timer(struct ld_exec *exec, uv_timer_t *timer, uv_timer_cb call, int64_t milliseconds)
{
    uv_update_time(exec->setting.loop);
    uv_timer_start(timer, call, (uint64_t)milliseconds, 0);
}

static void on_deadline(uv_timer_t *timer)
{
    struct ld_exec *exec = timer->data;
    char asked[48];
    if (exec->input_ended) {
        exec->lingered = true;
        exec->events->note(exec->context, "it did not end after its input's end and was killed");
        ld_process_end(&exec->process);
    } else if (!exec->output_open) {
        break_it(exec, LD_EXEC_FAULT_CRASHED, "it closed its output, %s %s", exec->told ? "while asked about" : "after",
                 asked_about(exec, asked));
    } else {
        break_it(exec, LD_EXEC_FAULT_FELL_BEHIND, "%zu observations still waited %d ms after the run's end",
                 exec->waiting_count + (exec->told != NULL), LD_EXEC_BACKLOG_MS_MAX);
    }
}

/* Nothing more will be said to it. */
static void end_input(struct ld_exec *exec)
{
    exec->input_ended = true;
    close_pipe(&exec->input, exec->input_open, on_input_closed);
    set_timer(exec, &exec->deadline_timer, on_deadline, LD_EXEC_END_MS_MAX);
}

/* ---- its answers */

static void forget_profile(struct ld_exec *exec, const struct waiting *item)
{
    char path[PATH_MAX + LD_EXEC_PATH_MAX];
    if (!item || !item->path[0])
        return;
    snprintf(path, sizeof path, "%s/%s", exec->folder, item->path);
    unlink(path);
}

static void answered(struct ld_exec *exec)
{
    uv_timer_stop(&exec->answer_timer);
    forget_profile(exec, exec->told);
    free_waiting(exec->told);
    exec->told = NULL;
    tell_next(exec);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    (void)suggested;
    /* The callback empties it; small, so that who floods does not hold up the loop. */
    static char bytes[4096];
    *buffer = uv_buf_init(bytes, sizeof bytes);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct ld_exec *exec = stream->data;
    char asked[48];
    if (n < 0) {
        close_pipe(&exec->output, true, on_output_closed);
        uv_timer_stop(&exec->answer_timer);
        if (!exec->exited && !exec->input_ended)
            set_timer(exec, &exec->deadline_timer, on_deadline, EXIT_AFTER_OUTPUT_MS);
        return;
    }
    if (n == 0 || exec->fault || exec->hurried)
        return;
    enum ld_exec_fault fault = ld_answers_take(exec->answers, buffer->base, (size_t)n);
    if (fault)
        break_it(exec, fault, "%s: %s", asked_about(exec, asked), ld_answers_why(exec->answers));
    else if (exec->told && !ld_answers_waiting(exec->answers))
        answered(exec);
}

static void on_error_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct ld_exec *exec = stream->data;
    if (n < 0) {
        close_pipe(&exec->error_output, true, on_error_closed);
        return;
    }
    if (exec->error_text.length + (size_t)n > exec->error_text.maximum)
        ld_buffer_drop(&exec->error_text, exec->error_text.length + (size_t)n - exec->error_text.maximum);
    (void)ld_buffer_add(&exec->error_text, buffer->base, (size_t)n); /* evidence: what finds no memory is left out */
    exec->error_bytes += (uint64_t)n;
    if (exec->error_bytes > LD_EXEC_STDERR_TOTAL_BYTES_MAX)
        break_it(exec, LD_EXEC_FAULT_FLOODED, "more than %d bytes on standard error", LD_EXEC_STDERR_TOTAL_BYTES_MAX);
}

/* ---- telling it */

/* A line on its way, whole or piece by piece. */
struct telling {
    uv_write_t request;
    struct ld_exec *exec;
    char *line;
    size_t length, done;
};

static int write_piece(struct telling *telling);

static void telling_free(struct telling *telling)
{
    free(telling->line);
    free(telling);
}

static void on_written(uv_write_t *request, int status)
{
    struct telling *telling = request->data;
    /* One that reads no more has ended, or will not answer: both are judged elsewhere. */
    if (status != 0 || telling->done == telling->length || write_piece(telling) != 0)
        telling_free(telling);
}

static int write_piece(struct telling *telling)
{
    size_t left = telling->length - telling->done;
    size_t piece = telling->exec->setting.in_pieces && left > PIECE_BYTES ? PIECE_BYTES : left;
    uv_buf_t bytes = uv_buf_init(telling->line + telling->done, (unsigned)piece);
    telling->request.data = telling;
    telling->done += piece;
    return uv_write(&telling->request, (uv_stream_t *)&telling->exec->input, &bytes, 1, on_written);
}

static void on_answer_time(uv_timer_t *timer)
{
    struct ld_exec *exec = timer->data;
    char asked[48], limit[32];
    if (!exec->answer_late) {
        /* Was it late, or did we not look? */
        exec->answer_late = true;
        set_timer(exec, timer, on_answer_time, 1);
        return;
    }
    int64_t limit_ns = exec->asked.sequence ? exec->setting.hello.options->timeout_ns : LD_EXEC_START_MS_MAX * LD_MS;
    break_it(exec, LD_EXEC_FAULT_HUNG, "%s was not answered within %s%s", asked_about(exec, asked),
             ld_format_duration(limit_ns, limit, sizeof limit),
             exec->asked.sequence ? "" : "; does it flush each line that it writes, and read one line without waiting "
                                         "for more?");
}

static void tell(struct ld_exec *exec, struct waiting *item)
{
    int64_t limit_ns = item->question.sequence ? exec->setting.hello.options->timeout_ns : LD_EXEC_START_MS_MAX * LD_MS;
    struct telling *telling = malloc(sizeof *telling);
    exec->told = item;
    exec->asked = item->question;
    exec->answer_late = false;
    ld_answers_ask(exec->answers, &item->question);
    if (telling)
        *telling = (struct telling){.exec = exec, .line = item->line, .length = item->length};
    int problem = telling ? write_piece(telling) : UV_ENOMEM;
    if (problem == 0) {
        item->line = NULL; /* the telling's */
        set_timer(exec, &exec->answer_timer, on_answer_time, limit_ns / LD_MS);
        return;
    }
    free(telling);
    if (problem != UV_EPIPE) /* its end is on the way */
        break_it(exec, LD_EXEC_FAULT_HARNESS, "cannot write to it: %s", uv_strerror(problem));
}

static void tell_next(struct ld_exec *exec)
{
    struct waiting *item = exec->first;
    if (exec->told || exec->fault || exec->hurried || !exec->input_open || uv_is_closing((uv_handle_t *)&exec->input))
        return; /* an input that closes: how it ended is judged when all it said was read */
    if (item && exec->output_open) {
        exec->first = item->next;
        exec->last = exec->first ? exec->last : NULL;
        exec->waiting_count--;
        exec->waiting_bytes -= item->body_length;
        tell(exec, item);
    } else if (!item && exec->ending && !exec->input_ended) {
        end_input(exec);
    }
}

static void enqueue(struct ld_exec *exec, struct waiting *item)
{
    if (exec->last)
        exec->last->next = item;
    else
        exec->first = item;
    exec->last = item;
    exec->waiting_count++;
    exec->waiting_bytes += item->body_length;
}

/* A queued line, or NULL after a fault. Takes the buffer's bytes. */
static struct waiting *add_line(struct ld_exec *exec, struct ld_buffer *line, int code)
{
    struct waiting *item = code ? NULL : calloc(1, sizeof *item);
    if (!item) {
        ld_buffer_done(line);
        break_it(exec, LD_EXEC_FAULT_HARNESS, "%s", ld_code_text(code ? code : LD_ENOMEM));
        return NULL;
    }
    item->line = ld_buffer_take(line, &item->length);
    return item;
}

static bool write_profile(struct ld_exec *exec, const struct ld_observation *observation, const char *path)
{
    char full[PATH_MAX + LD_EXEC_PATH_MAX];
    snprintf(full, sizeof full, "%s/%s", exec->folder, path);
    int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
    bool good = fd >= 0;
    for (size_t done = 0; good && done < observation->body_length;) {
        ssize_t n = write(fd, (const char *)observation->body + done, observation->body_length - done);
        good = n > 0 || (n < 0 && errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (!good)
        break_it(exec, LD_EXEC_FAULT_HARNESS, "cannot write %s: %s", full, strerror(saved));
    return good;
}

static void take_observation(struct ld_exec *exec, const struct ld_observation *observation)
{
    bool profile = observation->kind == LD_OBSERVATION_PROFILE;
    size_t body = profile ? observation->body_length : 0;
    if (exec->waiting_count == LD_EXEC_BEHIND_MAX || exec->waiting_bytes + body > LD_EXEC_BEHIND_BYTES_MAX) {
        break_it(exec, LD_EXEC_FAULT_FELL_BEHIND, "%zu observations with %zu bytes of profiles waited",
                 exec->waiting_count, exec->waiting_bytes);
        return;
    }
    char path[LD_EXEC_PATH_MAX] = "";
    struct ld_buffer line;
    ld_buffer_init(&line, QUESTION_BYTES_MAX);
    if (profile && !write_profile(exec, observation, ld_question_path(observation, path)))
        return;
    struct waiting *item = add_line(exec, &line, ld_question_observation(&line, observation, path));
    if (!item)
        return;
    item->question = (struct ld_question){.sequence = observation->sequence,
                                          .time_ns = observation->time_ns,
                                          .instance = observation->instance,
                                          .incarnation = observation->incarnation,
                                          .ends_life = observation->kind == LD_OBSERVATION_LIFE &&
                                                       observation->life == LD_LIFE_ENDED};
    item->body_length = body;
    snprintf(item->path, sizeof item->path, "%s", path);
    enqueue(exec, item);
    tell_next(exec);
}

void ld_exec_observe(struct ld_exec *exec, const struct ld_observation *observation)
{
    assert(exec->magic == EXEC_MAGIC);
    if (exec->fault || exec->ending || !exec->started || !ld_question_wanted(exec->setting.hello.options, observation))
        return;
    bool proto = observation->kind == LD_OBSERVATION_PROFILE && observation->encoding == LD_ENCODING_PROTO;
    if (!proto || ld_is_gzip(observation->body, observation->body_length)) {
        take_observation(exec, observation);
        return;
    }
    /* A program may serve, and a file may hold, protobuf that is not packed: the page promises gzip. */
    struct ld_buffer body;
    ld_buffer_init(&body, LD_EXEC_BEHIND_BYTES_MAX);
    int code = ld_deflate(&body, observation->body, observation->body_length);
    struct ld_observation packed = *observation;
    packed.body = body.bytes;
    packed.body_length = body.length;
    if (code)
        break_it(exec, LD_EXEC_FAULT_HARNESS, "cannot pack a profile: %s", ld_code_text(code));
    else
        take_observation(exec, &packed);
    ld_buffer_done(&body);
}

/* ---- its process */

/* CPU time and resident memory of the process itself, from /proc/PID/stat; false when it is gone. */
static bool read_usage(int64_t pid, int64_t *ret_cpu_ns, uint64_t *ret_bytes)
{
    struct ld_proc_stat stat;
    if (!ld_proc_stat_read(pid, &stat))
        return false;
    *ret_cpu_ns = (int64_t)(stat.user_ticks + stat.system_ticks) * (LD_SECOND / sysconf(_SC_CLK_TCK));
    *ret_bytes = stat.resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

static void on_watch(uv_timer_t *timer)
{
    struct ld_exec *exec = timer->data;
    const struct ld_exec_options *options = exec->setting.hello.options;
    char text[32], limit[32];
    int64_t cpu_ns;
    uint64_t bytes;
    if (exec->exited || exec->process.pid <= 0 || !read_usage(exec->process.pid, &cpu_ns, &bytes))
        return;
    if (bytes > options->memory_bytes)
        break_it(exec, LD_EXEC_FAULT_MEMORY, "%llu MiB resident, over its limit of %s",
                 (unsigned long long)(bytes >> 20), ld_format_size(options->memory_bytes, limit, sizeof limit));
    else if (cpu_ns > options->cpu_ns)
        break_it(exec, LD_EXEC_FAULT_CPU, "%s of CPU time, over its limit of %s",
                 ld_format_duration_short(cpu_ns, text, sizeof text),
                 ld_format_duration(options->cpu_ns, limit, sizeof limit));
}

static void on_started(struct ld_process *process, int64_t pid)
{
    struct ld_exec *exec = process->context;
    (void)pid;
    if (!exec->fault)
        uv_timer_start(&exec->watch_timer, on_watch, WATCH_EVERY_MS, WATCH_EVERY_MS);
}

static void on_failed(struct ld_process *process, const struct ld_error *error)
{
    struct ld_exec *exec = process->context;
    break_it(exec, process->started ? LD_EXEC_FAULT_HARNESS : LD_EXEC_FAULT_NOT_STARTED, "%s", error->message);
}

static void on_exited(struct ld_process *process, int64_t status)
{
    struct ld_exec *exec = process->context;
    exec->exited = true;
    exec->exit_status = status;
    uv_timer_stop(&exec->watch_timer);
    uv_timer_stop(&exec->answer_timer);
    uv_timer_stop(&exec->deadline_timer);
    ld_process_end(process); /* what it forked dies too, so that its pipes end */
}

static void on_ended(struct ld_process *process, int64_t swept, int64_t left)
{
    struct ld_exec *exec = process->context;
    if (left > 0 || swept == LD_PROCESS_UNSWEPT) {
        close_pipe(&exec->output, exec->output_open, on_output_closed);
        close_pipe(&exec->error_output, exec->error_open, on_error_closed);
    }
    ld_process_close(process);
}

static void on_process_closed(struct ld_process *process)
{
    struct ld_exec *exec = process->context;
    exec->process_open = false;
    close_pipe(&exec->input, exec->input_open, on_input_closed);
    maybe_over(exec);
}

static const struct ld_process_events process_events = {
    .started = on_started, .failed = on_failed, .exited = on_exited, .ended = on_ended, .closed = on_process_closed};

/* ---- starting it */

struct command {
    char *words[128]; /* argv, ends with NULL */
    char *environment[128];
    size_t word_count, environment_count;
    char program[PATH_MAX];
};

static void command_done(struct command *command)
{
    for (size_t i = 0; i < command->word_count; i++)
        free(command->words[i]);
    for (size_t i = 0; i < command->environment_count; i++)
        free(command->environment[i]);
}

static int add_environment(struct command *command, const char *name, const char *value, struct ld_error *error)
{
    char *text = NULL;
    if (asprintf(&text, "%s%s", name, value) < 0)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    command->environment[command->environment_count++] = text;
    return 0;
}

static int fill_environment(const struct ld_exec *exec, struct command *command, struct ld_error *error)
{
    const struct ld_list *more = &exec->setting.hello.options->environment;
    const char *path = getenv("PATH");
    int code = add_environment(command, "PATH=", path ? path : "/usr/local/bin:/usr/bin:/bin", error);
    if (!code)
        code = add_environment(command, "HOME=", exec->folder, error);
    if (!code)
        code = add_environment(command, "TMPDIR=", exec->folder, error);
    if (!code)
        code = add_environment(command, "LANG=", "C.UTF-8", error);
    for (size_t i = 0; i < more->count && !code; i++)
        code = add_environment(command, ((const char *const *)more->items)[i], "", error);
    return code;
}

static int fill_command(const struct ld_exec *exec, struct command *command, struct ld_error *error)
{
    const struct ld_list *given = &exec->setting.hello.options->command;
    const char *const *words = given->items;
    char word[PATH_MAX];
    int code = ld_program_find(exec->setting.file, words[0], command->program, sizeof command->program, error);
    for (size_t i = 0; i < given->count && !code; i++) {
        code = ld_program_word(exec->setting.file, words[i], word, sizeof word, error);
        if (!code && !(command->words[command->word_count] = strdup(word)))
            code = ld_fail(error, LD_ENOMEM, "out of memory");
        command->word_count += code == 0;
    }
    return code ? code : fill_environment(exec, command, error);
}

static int make_folder(struct ld_exec *exec, struct ld_error *error)
{
    char profiles[PATH_MAX + sizeof PROFILES + 1];
    int length = snprintf(exec->folder, sizeof exec->folder, "%s/%016llx", exec->setting.work_folder,
                          (unsigned long long)exec->setting.folder_token);
    if (length >= (int)sizeof exec->folder)
        return ld_fail(error, LD_ELIMIT, "the work folder's path is too long");
    if (mkdir(exec->folder, 0700) != 0)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make %.200s", exec->folder);
    exec->folder_made = true;
    snprintf(profiles, sizeof profiles, "%s/" PROFILES, exec->folder);
    return mkdir(profiles, 0700) == 0 ? 0 : ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make %.200s", profiles);
}

static bool watch_pipe(struct ld_exec *exec, uv_pipe_t *pipe, bool *open, int *fd)
{
    if (uv_pipe_init(exec->setting.loop, pipe, 0) != 0)
        return false;
    pipe->data = exec;
    *open = true;
    if (uv_pipe_open(pipe, *fd) != 0)
        return false;
    *fd = -1;
    return true;
}

/* `fds`: our ends of input, output and error; those that the loop has taken become -1. */
static int watch_pipes(struct ld_exec *exec, int fds[3], struct ld_error *error)
{
    bool good = watch_pipe(exec, &exec->input, &exec->input_open, &fds[0]) &&
                watch_pipe(exec, &exec->output, &exec->output_open, &fds[1]) &&
                watch_pipe(exec, &exec->error_output, &exec->error_open, &fds[2]) &&
                uv_read_start((uv_stream_t *)&exec->output, on_alloc, on_output) == 0 &&
                uv_read_start((uv_stream_t *)&exec->error_output, on_alloc, on_error_output) == 0;
    return good ? 0 : ld_fail(error, LD_ESYSTEM, "its pipes cannot be watched");
}

static int spawn(struct ld_exec *exec, const struct command *command, struct ld_error *error)
{
    int ours[3] = {-1, -1, -1}, its[3] = {-1, -1, -1}, pair[2];
    int code = 0;
    for (int i = 0; i < 3 && !code; i++) {
        if (pipe2(pair, O_CLOEXEC) != 0)
            code = ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make its pipes");
        else {
            its[i] = pair[i == 0 ? 0 : 1];
            ours[i] = pair[i == 0 ? 1 : 0];
        }
    }
    struct ld_spawn request = {.program = command->program,
                               .folder = exec->folder,
                               .arguments = (const char *const *)command->words,
                               .environment = (const char *const *)command->environment,
                               .stdin_fd = its[0],
                               .stdout_fd = its[1],
                               .stderr_fd = its[2],
                               .listen_fd = -1,
                               .truth_fd = -1,
                               .setting_fd = -1};
    if (!code)
        code = ld_process_start(&exec->process, exec->setting.loop, exec->setting.guard, &request, &process_events,
                                exec, error);
    exec->process_open = code == 0;
    if (!code)
        code = watch_pipes(exec, ours, error);
    for (int i = 0; i < 3; i++) {
        if (its[i] >= 0)
            close(its[i]);
        if (ours[i] >= 0)
            close(ours[i]);
    }
    return code;
}

static void say_hello(struct ld_exec *exec)
{
    struct ld_buffer line;
    ld_buffer_init(&line, QUESTION_BYTES_MAX);
    struct waiting *item = add_line(exec, &line, ld_question_hello(&line, &exec->setting.hello));
    if (item) {
        enqueue(exec, item);
        tell_next(exec);
    }
}

void ld_exec_start(struct ld_exec *exec)
{
    struct command command = {0};
    struct ld_error error;
    uv_timer_t *const timers[] = {&exec->answer_timer, &exec->deadline_timer, &exec->watch_timer};
    assert(exec->magic == EXEC_MAGIC && !exec->started);
    exec->started = true;
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
        uv_timer_init(exec->setting.loop, timers[i]);
        timers[i]->data = exec;
        exec->timers++;
    }
    int code = make_folder(exec, &error);
    if (!code)
        code = fill_command(exec, &command, &error);
    if (!code)
        code = spawn(exec, &command, &error);
    command_done(&command);
    if (code)
        close_pipe(&exec->error_output, exec->error_open, on_error_closed);
    if (code)
        break_it(exec, code == LD_ESYSTEM || code == LD_ENOMEM ? LD_EXEC_FAULT_HARNESS : LD_EXEC_FAULT_NOT_STARTED,
                 "%s", error.message);
    else
        say_hello(exec);
}

/* ---- from the outside */

static void on_answers_alert(void *context, const struct ld_alert *alert)
{
    const struct ld_exec *exec = context;
    exec->events->alert(exec->context, alert);
}

static bool site_known(void *context, const char *site, uint64_t sequence)
{
    const struct ld_exec *exec = context;
    return ld_seen_has(exec->setting.seen, site, sequence);
}

int ld_exec_new(struct ld_exec **ret_exec, const struct ld_exec_setting *setting, const struct ld_exec_events *events,
                void *context)
{
    struct ld_exec *exec = calloc(1, sizeof *exec);
    if (!exec)
        return LD_ENOMEM;
    const struct ld_answers_setting answers = {
        .instances = setting->hello.instances, .sink = {on_answers_alert, exec}, .site_known = site_known};
    exec->answers = ld_answers_new(&answers);
    if (!exec->answers) {
        free(exec);
        return LD_ENOMEM;
    }
    exec->magic = EXEC_MAGIC;
    exec->setting = *setting;
    exec->events = events;
    exec->context = context;
    ld_buffer_init(&exec->error_text, STDERR_KEPT);
    *ret_exec = exec;
    return 0;
}

bool ld_exec_end(struct ld_exec *exec, bool hurry)
{
    assert(exec->magic == EXEC_MAGIC && !exec->ending);
    if (!exec->started || exec->closed)
        return false;
    exec->ending = true;
    exec->hurried = hurry && !exec->fault;
    if (exec->hurried)
        stop(exec);
    else if (!exec->fault && !exec->exited) {
        if (exec->output_open)
            set_timer(exec, &exec->deadline_timer, on_deadline, LD_EXEC_BACKLOG_MS_MAX);
        tell_next(exec);
    }
    return true;
}

bool ld_exec_idle(const struct ld_exec *exec)
{
    return exec->fault || !exec->started || (!exec->told && !exec->first);
}

bool ld_exec_lingered(const struct ld_exec *exec)
{
    return exec->lingered;
}

int64_t ld_exec_status(const struct ld_exec *exec)
{
    return exec->exit_status;
}

const char *ld_exec_errors(const struct ld_exec *exec)
{
    return ld_buffer_text(&exec->error_text);
}

const char *ld_exec_line(const struct ld_exec *exec)
{
    return ld_answers_line(exec->answers);
}

void ld_exec_free(struct ld_exec *exec)
{
    if (!exec)
        return;
    assert(exec->magic == EXEC_MAGIC && (!exec->started || exec->closed));
    forget_waiting(exec);
    free_waiting(exec->told);
    ld_answers_free(exec->answers);
    ld_buffer_done(&exec->error_text);
    exec->magic = 0;
    free(exec);
}
