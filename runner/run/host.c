#include "runner/run/host.h"

#include <assert.h>
#include <signal.h>
#include <unistd.h>

#include "runner/run/work_folder.h"

int ld_host_start(struct ld_host *host, struct ld_error *error)
{
    signal(SIGPIPE, SIG_IGN);
    int code =
        ld_work_folder_guarded(host->work_folder, sizeof host->work_folder, &host->work_lock, &host->guard, error);
    if (code)
        return code;
    int problem = uv_loop_init(&host->loop);
    if (problem == 0)
        return 0;
    ld_guard_stop(&host->guard);
    close(host->work_lock);
    return ld_fail(error, LD_ESYSTEM, "cannot make a loop: %s", uv_strerror(problem));
}

void ld_host_stop(struct ld_host *host)
{
    uv_run(&host->loop, UV_RUN_DEFAULT);
    int problem = uv_loop_close(&host->loop);
    assert(problem == 0);
    (void)problem;
    if (ld_guard_stop(&host->guard) < 0)
        ld_guard_clean_up(&host->guard, host->work_folder);
    close(host->work_lock);
}
