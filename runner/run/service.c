#include "runner/run/service.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVICE_MAGIC 0x6c647376u
#define PROBE_EVERY_MS 10 /* a foreign program has no other way to say that it is ready than to answer */
#define BACKLOG 1024
#define LAST_WORDS_MAX ((size_t)64 * 1024)

static void maybe_gone(struct ld_service *service);

/* ---- lines from fd 4 and stderr */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    (void)suggested;
    /* The control loop reads one pipe at a time and the callback empties it. libuv fills it up to 32 times a turn: a
     * target that floods stderr must not hold up the loop that all runs share. */
    static char bytes[1024];
    *buffer = uv_buf_init(bytes, sizeof bytes);
}

static void hand_out_lines(struct ld_line_reader *reader)
{
    size_t used = 0;
    for (char *newline; used < reader->text.length &&
                        (newline = memchr(reader->text.bytes + used, '\n', reader->text.length - used));) {
        size_t length = (size_t)(newline - reader->text.bytes) - used;
        if (!reader->overlong)
            reader->line(reader->service, reader->text.bytes + used, length);
        reader->overlong = false;
        used += length + 1;
    }
    ld_buffer_drop(&reader->text, used);
}

static void on_reader_closed(uv_handle_t *handle)
{
    struct ld_line_reader *reader = handle->data;
    reader->open = false;
    ld_buffer_done(&reader->text);
    maybe_gone(reader->service);
}

static void take_bytes(struct ld_line_reader *reader, const char *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        size_t room = reader->text.maximum - reader->text.length;
        size_t piece = size - done < room ? size - done : room;
        int code = ld_buffer_add(&reader->text, bytes + done, piece);
        done += piece;
        if (code == 0)
            hand_out_lines(reader);
        if (code || reader->text.length == reader->text.maximum) {
            /* No line of ours is that long. What there is of it is handed out, so that nothing is lost unseen (a truth
             * line cut short voids the run); the rest, up to its newline, is passed over. */
            if (!reader->overlong)
                reader->line(reader->service, ld_buffer_text(&reader->text), reader->text.length);
            reader->overlong = true;
            ld_buffer_clear(&reader->text);
        }
    }
}

static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct ld_line_reader *reader = stream->data;
    if (n < 0) {
        if (reader->text.length && !reader->overlong)
            reader->line(reader->service, reader->text.bytes, reader->text.length);
        uv_close((uv_handle_t *)stream, on_reader_closed);
        return;
    }
    take_bytes(reader, buffer->base, (size_t)n);
}

static int open_reader(struct ld_service *service, struct ld_line_reader *reader, int fd,
                       void (*line)(struct ld_service *, const char *, size_t))
{
    reader->service = service;
    reader->line = line;
    reader->overlong = false;
    ld_buffer_init(&reader->text, LD_SERVICE_LINE_MAX);
    if (uv_pipe_init(service->loop, &reader->pipe, 0) != 0)
        return LD_ESYSTEM;
    reader->pipe.data = reader;
    reader->open = true;
    if (uv_pipe_open(&reader->pipe, fd) != 0 || uv_read_start((uv_stream_t *)&reader->pipe, on_alloc, on_bytes) != 0) {
        uv_close((uv_handle_t *)&reader->pipe, on_reader_closed);
        return LD_ESYSTEM;
    }
    return 0;
}

/* What a process that has just ended wrote before: its last words come before the news of its death, which comes over
 * another way. At most what a pipe holds by itself: somebody else may go on writing. */
static void read_last_words(struct ld_line_reader *reader)
{
    char bytes[1024];
    uv_os_fd_t fd;
    if (!reader->open || uv_is_closing((uv_handle_t *)&reader->pipe) ||
        uv_fileno((uv_handle_t *)&reader->pipe, &fd) != 0)
        return;
    for (size_t total = 0; total < LAST_WORDS_MAX;) {
        ssize_t n = read(fd, bytes, sizeof bytes); /* libuv has made it non-blocking; an end is left to it */
        if (n <= 0)
            return;
        take_bytes(reader, bytes, (size_t)n);
        total += (size_t)n;
    }
}

static void close_reader(struct ld_line_reader *reader)
{
    if (reader->open && !uv_is_closing((uv_handle_t *)&reader->pipe))
        uv_close((uv_handle_t *)&reader->pipe, on_reader_closed);
}

static void on_error_line(struct ld_service *service, const char *line, size_t length)
{
    if (service->evidence.length + length + 1 > service->evidence.maximum)
        ld_buffer_drop(&service->evidence, service->evidence.length / 2 + length + 1);
    if (ld_buffer_add(&service->evidence, line, length) == 0)
        (void)ld_buffer_add(&service->evidence, "\n", 1);
    service->events->line(service, line, length);
}

static void on_truth_line(struct ld_service *service, const char *line, size_t length)
{
    service->events->truth(service, line, length);
}

/* ---- ready */

void ld_service_set_ready(struct ld_service *service)
{
    if (service->state != LD_SERVICE_STARTING)
        return;
    /* Its own pipe may be heard before the shim's word that it runs. Without a pid nobody could look at /proc. */
    service->said_ready = true;
    if (service->process_open && !service->process.started)
        return;
    uv_timer_stop(&service->timer);
    service->state = LD_SERVICE_READY;
    service->events->ready(service);
}

static void report(struct ld_service *service, int code, const char *what, const char *detail)
{
    struct ld_error error;
    ld_fail(&error, code, "%s %s%s", service->spec.name, what, detail);
    service->events->failed(service, &error);
}

static void never_ready(struct ld_service *service)
{
    char detail[400];
    snprintf(detail, sizeof detail, "%.1f s%s%s", (double)service->spec.ready_ns / 1e9,
             service->last_answer[0] ? ": " : "", service->last_answer);
    report(service, LD_ETARGET, "was not ready within ", detail);
    ld_service_kill(service);
}

static void on_ready_limit(uv_timer_t *timer)
{
    never_ready(timer->data);
}

static void probe(uv_timer_t *timer);

#define PPROF_PATH "/debug/pprof/"

/* The service first, if it has a path of its own for that; then pprof, when it is elsewhere. */
static void probe_url(const struct ld_service *service, char *ret_url, size_t room)
{
    const char *path = service->service_answered ? PPROF_PATH : service->spec.ready_path;
    bool of_profiles = strncmp(path, PPROF_PATH, strlen(PPROF_PATH)) == 0;
    snprintf(ret_url, room, "http://%s%s", of_profiles ? service->profiles : service->address, path);
}

static void note_answer(struct ld_service *service, const struct ld_fetch_result *result)
{
    static const char *const words[] = {[LD_FETCH_REFUSED] = "nobody listens there",
                                        [LD_FETCH_TIMEOUT] = "no answer",
                                        [LD_FETCH_TRUNCATED] = "an answer cut short",
                                        [LD_FETCH_TOO_LARGE] = "too long an answer",
                                        [LD_FETCH_BROKEN] = "an answer that is not HTTP"};
    char url[256];
    probe_url(service, url, sizeof url);
    bool no_pprof = result->status == 404 && strstr(url, PPROF_PATH);
    if (result->failure == LD_FETCH_OK)
        snprintf(service->last_answer, sizeof service->last_answer, "%s answers with HTTP %ld%s", url,
                 (long)result->status, no_pprof ? ", so it serves no pprof" : "");
    else
        snprintf(service->last_answer, sizeof service->last_answer, "%s: %s", url, words[result->failure]);
}

static void on_probed(void *context, const struct ld_fetch_result *result)
{
    struct ld_service *service = context;
    service->probe = NULL;
    if (service->state != LD_SERVICE_STARTING)
        return;
    bool good = result->failure == LD_FETCH_OK && result->status == 200;
    note_answer(service, result);
    if (good && (service->service_answered || strcmp(service->address, service->profiles) == 0))
        ld_service_set_ready(service);
    else if ((int64_t)uv_hrtime() >= service->ready_deadline_ns)
        never_ready(service);
    else
        uv_timer_start(&service->timer, probe, good ? 0 : PROBE_EVERY_MS, 0);
    service->service_answered = service->service_answered || good;
}

static void probe(uv_timer_t *timer)
{
    struct ld_service *service = timer->data;
    char url[384];
    int64_t left = service->ready_deadline_ns - (int64_t)uv_hrtime();
    probe_url(service, url, sizeof url);
    struct ld_fetch_request request = {
        .url = url, .timeout_ns = left > 1000000 ? left : 1000000, .body_max = (size_t)16 << 20};
    if (ld_fetch_start(&service->probe, service->fetcher, &request, on_probed, service) != 0)
        never_ready(service);
}

static void await_ready(struct ld_service *service)
{
    service->ready_deadline_ns = (int64_t)uv_hrtime() + service->spec.ready_ns;
    uv_update_time(service->loop);
    if (service->spec.kind == LD_SERVICE_CONTRACT)
        uv_timer_start(&service->timer, on_ready_limit, (uint64_t)(service->spec.ready_ns / 1000000), 0);
    else
        uv_timer_start(&service->timer, probe, 0, 0);
}

/* ---- the process */

static void cancel_waiting(struct ld_service *service)
{
    uv_timer_stop(&service->timer);
    ld_fetch_cancel(service->probe);
    service->probe = NULL;
}

static void on_started(struct ld_process *process, int64_t pid)
{
    struct ld_service *service = process->context;
    service->pid = pid;
    service->events->started(service, pid);
    if (service->said_ready)
        ld_service_set_ready(service);
}

static void on_failed(struct ld_process *process, const struct ld_error *error)
{
    struct ld_service *service = process->context;
    cancel_waiting(service);
    service->state = LD_SERVICE_ENDING; /* before anybody hears: what they do to it must find it dead */
    report(service, error->code, "", error->message);
}

static void on_exited(struct ld_process *process, int64_t status)
{
    struct ld_service *service = process->context;
    bool early = service->state == LD_SERVICE_STARTING;
    cancel_waiting(service);
    read_last_words(&service->error_output);
    service->state = LD_SERVICE_ENDING;
    service->events->ended(service, status);
    if (early) {
        char text[64];
        snprintf(text, sizeof text, "%s %d", status < 0 ? "signal" : "exit code", (int)(status < 0 ? -status : status));
        report(service, LD_ETARGET, "died before it was ready, ", text);
    }
    ld_process_end(process);
}

static void on_ended(struct ld_process *process, int64_t swept, int64_t left)
{
    struct ld_service *service = process->context;
    uv_timer_stop(&service->timer);
    service->swept = swept == LD_PROCESS_UNSWEPT ? 0 : swept;
    service->left = left;
    /* What cannot be killed, or what outlived its shim, may hold the pipes for ever: their ends are not waited for. */
    if (left > 0 || swept == LD_PROCESS_UNSWEPT) {
        close_reader(&service->error_output);
        close_reader(&service->truth);
    }
    ld_process_close(process);
}

static void on_process_closed(struct ld_process *process)
{
    struct ld_service *service = process->context;
    service->process_open = false;
    service->process_gone = true;
    maybe_gone(service);
}

static void on_strained(struct ld_process *process, enum ld_strain strain, enum ld_means means, int saved_errno)
{
    struct ld_service *service = process->context;
    if (service->events->strained)
        service->events->strained(service, strain, means, saved_errno);
}

static const struct ld_process_events process_events = {on_started, on_failed,         on_exited,
                                                        on_ended,   on_process_closed, on_strained};

/* The incarnation is over when its process is and both pipes were read to their ends. */
static void maybe_gone(struct ld_service *service)
{
    if (!service->process_gone || service->error_output.open || service->truth.open)
        return;
    service->process_gone = false;
    if (service->setting >= 0)
        close(service->setting);
    service->setting = -1;
    service->pid = 0;
    service->state = LD_SERVICE_DOWN;
    service->events->gone(service, service->swept, service->left);
}

/* ---- starting */

struct descriptors {
    int listening; /* where pprof is */
    int own;       /* where the service is, when that is elsewhere */
    int truth[2], setting[2], error_output[2];
};

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

static void close_descriptors(struct descriptors *fds)
{
    if (fds->listening >= 0)
        close(fds->listening);
    if (fds->own >= 0)
        close(fds->own);
    close_pair(fds->truth);
    close_pair(fds->setting);
    close_pair(fds->error_output);
}

/* A socket bound to a free port of 127.0.0.1; -1 with errno. */
static int bind_loopback(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int open_descriptors(struct ld_service *service, struct descriptors *fds, struct ld_error *error)
{
    bool contract = service->spec.kind == LD_SERVICE_CONTRACT;
    uint16_t profiles_port;
    bool good = (fds->listening = bind_loopback(&profiles_port)) >= 0 && pipe2(fds->error_output, O_CLOEXEC) == 0;
    if (good && service->spec.apart)
        good = (fds->own = bind_loopback(&service->port)) >= 0;
    else if (good)
        service->port = profiles_port;
    if (good && contract)
        good = pipe2(fds->truth, O_CLOEXEC) == 0 &&
               socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds->setting) == 0;
    if (!good)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "%s: cannot make its descriptors", service->spec.name);
    /* The target's end must block, or Go's runtime would have to poll it; ours never may. */
    if (contract && fcntl(fds->setting[1], F_SETFL, 0) < 0)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "%s: cannot make its descriptors", service->spec.name);
    if (!contract && !service->spec.inherits) {
        /* A command opens its port itself: we only found one that is free. */
        close(fds->listening);
        fds->listening = -1;
    }
    snprintf(service->address, sizeof service->address, "127.0.0.1:%u", service->port);
    snprintf(service->profiles, sizeof service->profiles, "127.0.0.1:%u", profiles_port);
    return 0;
}

#define PLACE_MAX 64    /* bytes of what stands for a place */
#define PLACES_OF_WORD 4 /* more of them in one word stay as they are */

struct place {
    const char *name, *becomes;
};

/* The place that begins at `text`; NULL when none does. */
static const struct place *place_at(const struct place *places, const char *text)
{
    for (; *text == '{' && places->name; places++)
        if (strncmp(text, places->name, strlen(places->name)) == 0)
            return places;
    return NULL;
}

static char *fill_word(const struct place *places, const char *word, char *cursor)
{
    for (unsigned replaced = 0; *word;) {
        const struct place *place = replaced < PLACES_OF_WORD ? place_at(places, word) : NULL;
        if (place) {
            cursor = stpcpy(cursor, place->becomes);
            word += strlen(place->name);
            replaced++;
        } else {
            *cursor++ = *word++;
        }
    }
    *cursor++ = '\0';
    return cursor;
}

/* Arguments with their places filled in; NULL when out of memory. free() what is returned, one block. */
static char **fill_arguments(const struct ld_service *service)
{
    const struct place places[] = {{"{listen}", service->address},
                                   {"{port}", strrchr(service->address, ':') + 1},
                                   {"{pprof}", service->profiles},
                                   {"{pprof_port}", strrchr(service->profiles, ':') + 1},
                                   {"{upstream}", service->spec.upstream ? service->spec.upstream : ""},
                                   {NULL, NULL}};
    const char *const *given = service->spec.arguments;
    size_t count = 0, bytes = 0;
    for (; given[count]; count++)
        bytes += strlen(given[count]) + PLACES_OF_WORD * PLACE_MAX + 1;
    char **filled = malloc((count + 1) * sizeof *filled + bytes);
    if (!filled)
        return NULL;
    char *cursor = (char *)(filled + count + 1);
    for (size_t i = 0; i < count; i++) {
        filled[i] = cursor;
        cursor = fill_word(places, given[i], cursor);
    }
    filled[count] = NULL;
    return filled;
}

static int spawn(struct ld_service *service, struct descriptors *fds, struct ld_error *error)
{
    char **arguments = fill_arguments(service);
    if (!arguments)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    struct ld_spawn request = {.program = service->spec.program,
                               .folder = service->spec.folder,
                               .arguments = (const char *const *)arguments,
                               .environment = service->spec.environment,
                               .stdout_fd = -1,
                               .stderr_fd = fds->error_output[1],
                               .listen_fd = fds->listening,
                               .truth_fd = fds->truth[1],
                               .setting_fd = fds->setting[1],
                               .open_files = service->spec.open_files,
                               .disk_folder = service->spec.disk_folder,
                               .disk_bytes = service->spec.disk_bytes};
    int code = ld_process_start(&service->process, service->loop, service->guard, &request, &process_events, service,
                                error);
    free(arguments);
    return code;
}

static int start_process(struct ld_service *service, struct ld_error *error)
{
    struct descriptors fds = {-1, -1, {-1, -1}, {-1, -1}, {-1, -1}};
    int code = open_descriptors(service, &fds, error);
    if (!code && fds.own >= 0) {
        close(fds.own); /* likewise only found; both were held, so that they differ */
        fds.own = -1;
    }
    if (!code)
        code = spawn(service, &fds, error);
    if (!code) {
        service->process_open = true;
        service->process_gone = false;
        service->setting = fds.setting[0];
        fds.setting[0] = -1;
        if (service->setting >= 0)
            (void)ld_service_command(service, service->spec.setting); /* an empty socket takes a line at once */
        /* A pipe that cannot be watched reads as closed at once: the incarnation fails as never ready. */
        (void)open_reader(service, &service->error_output, fds.error_output[0], on_error_line);
        fds.error_output[0] = -1;
        if (fds.truth[0] >= 0)
            (void)open_reader(service, &service->truth, fds.truth[0], on_truth_line);
        fds.truth[0] = -1;
    }
    close_descriptors(&fds);
    return code;
}

int ld_service_start(struct ld_service *service, struct ld_error *error)
{
    assert(service->magic == SERVICE_MAGIC && service->state == LD_SERVICE_DOWN && !service->closing);
    service->incarnation++;
    service->swept = service->left = 0;
    service->ignored_stop = service->said_ready = service->service_answered = false;
    service->last_answer[0] = '\0';
    ld_buffer_clear(&service->evidence);
    if (service->spec.kind == LD_SERVICE_ATTACHED) {
        const char *profiles = service->spec.profiles ? service->spec.profiles : service->spec.address;
        /* A slash behind the port is the path's. */
        snprintf(service->address, sizeof service->address, "%.*s", (int)strcspn(service->spec.address, "/"),
                 service->spec.address);
        snprintf(service->profiles, sizeof service->profiles, "%.*s", (int)strcspn(profiles, "/"), profiles);
        service->state = LD_SERVICE_STARTING;
        service->events->started(service, 0);
    } else {
        int code = start_process(service, error);
        if (code)
            return code;
        service->state = LD_SERVICE_STARTING;
    }
    await_ready(service);
    return 0;
}

/* ---- what is done to it */

int ld_service_signal(struct ld_service *service, int number)
{
    return service->process_open ? ld_process_signal(&service->process, number) : LD_ESYSTEM;
}

int ld_service_strain(struct ld_service *service, enum ld_strain strain, int64_t value, int64_t lease_ns)
{
    return service->process_open ? ld_process_strain(&service->process, strain, value, lease_ns) : LD_ESYSTEM;
}

int ld_service_relieve(struct ld_service *service, enum ld_strain strain)
{
    return service->process_open ? ld_process_relieve(&service->process, strain) : LD_ESYSTEM;
}

static void on_stop_limit(uv_timer_t *timer)
{
    struct ld_service *service = timer->data;
    service->ignored_stop = true;
    ld_process_end(&service->process);
}

/* Attached services have no process: they are let go of on the next turn of the loop. */
static void on_let_go(uv_timer_t *timer)
{
    struct ld_service *service = timer->data;
    service->process_gone = true;
    maybe_gone(service);
}

static bool let_go(struct ld_service *service)
{
    if (service->process_open)
        return false;
    service->state = LD_SERVICE_ENDING;
    uv_timer_start(&service->timer, on_let_go, 0, 0);
    return true;
}

void ld_service_stop(struct ld_service *service)
{
    assert(service->magic == SERVICE_MAGIC);
    if (service->state == LD_SERVICE_DOWN || service->state == LD_SERVICE_ENDING ||
        service->state == LD_SERVICE_STOPPING)
        return;
    cancel_waiting(service);
    if (let_go(service))
        return;
    service->state = LD_SERVICE_STOPPING;
    if (ld_process_signal(&service->process, SIGTERM) != 0 && !service->process.started) {
        ld_process_end(&service->process);
        return;
    }
    /* One that is stopped does not hear SIGTERM, one that is held back may not end in time. */
    for (int strain = 0; strain < LD_STRAINS; strain++)
        (void)ld_service_relieve(service, (enum ld_strain)strain);
    uv_update_time(service->loop);
    uv_timer_start(&service->timer, on_stop_limit, (uint64_t)(service->spec.stop_ns / 1000000), 0);
}

void ld_service_kill(struct ld_service *service)
{
    assert(service->magic == SERVICE_MAGIC);
    if (service->state == LD_SERVICE_DOWN || service->state == LD_SERVICE_ENDING)
        return;
    cancel_waiting(service);
    if (let_go(service))
        return;
    service->state = LD_SERVICE_STOPPING;
    ld_process_end(&service->process);
}

int ld_service_command(struct ld_service *service, const char *json)
{
    char line[4096];
    int n = snprintf(line, sizeof line, "%s\n", json);
    if (service->setting < 0 || n < 0 || (size_t)n >= sizeof line)
        return LD_ESYSTEM;
    return send(service->setting, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n ? 0 : LD_ESYSTEM;
}

/* ---- life of the struct */

int ld_service_init(struct ld_service *service, uv_loop_t *loop, const struct ld_guard *guard,
                    struct ld_fetcher *fetcher, const struct ld_service_spec *spec, uint32_t index,
                    const struct ld_service_events *events, void *context)
{
    *service = (struct ld_service){.magic = SERVICE_MAGIC,
                                   .loop = loop,
                                   .guard = guard,
                                   .fetcher = fetcher,
                                   .spec = *spec,
                                   .events = events,
                                   .context = context,
                                   .index = index,
                                   .setting = -1};
    ld_buffer_init(&service->evidence, LD_SERVICE_EVIDENCE_MAX);
    service->timer.data = service;
    return uv_timer_init(loop, &service->timer) ? LD_ESYSTEM : 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct ld_service *service = handle->data;
    service->magic = 0;
    ld_buffer_done(&service->evidence);
    service->events->closed(service);
}

void ld_service_close(struct ld_service *service)
{
    assert(service->magic == SERVICE_MAGIC && service->state == LD_SERVICE_DOWN);
    service->closing = true;
    cancel_waiting(service);
    close_reader(&service->error_output);
    close_reader(&service->truth);
    uv_close((uv_handle_t *)&service->timer, on_timer_closed);
}
