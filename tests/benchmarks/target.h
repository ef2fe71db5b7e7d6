/* A program that keeps the contract of the fixtures, started with as little as it takes: a socket on descriptor 3,
 * truth on 4, the setting on 5. This is the bare baseline; it shares no code with the runner. Failures end the
 * benchmark. */
#ifndef LD_BENCHMARKS_TARGET_H
#define LD_BENCHMARKS_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bench_target {
    pid_t pid;
    uint16_t port;
    int truth, setting; /* our ends */
    char text[8192];    /* read from truth, not yet looked at */
    size_t length;
};

/* posix_spawn; `case_name` as in fixtures-go/cases.json. Waits for nothing. */
void bench_target_start(struct bench_target *target, const char *program, const char *case_name);
/* Waits for a line of truth of this kind: "ready", "gc". */
void bench_target_await(struct bench_target *target, const char *kind);
/* One line of JSON, as the runner sends it. */
void bench_target_command(struct bench_target *target, const char *json);
/* Sends the signal, waits for the end, closes our descriptors. */
void bench_target_end(struct bench_target *target, int number);

/* Waits for a child to exit with 0. */
void bench_await_success(pid_t pid, const char *what);
/* Starts a program with its output going to the file `output`. */
pid_t bench_spawn(const char *const *arguments, const char *output);
/* `name` beside or above the folder this benchmark lies in, as an absolute path; 4096 bytes. */
void bench_built(char *ret_path, const char *name);

int64_t bench_now_ns(void); /* CLOCK_MONOTONIC */
/* Ends the benchmark with exit code 3 and errno's text unless `succeeded`. */
void bench_check(int succeeded, const char *what);
/* Load averages, on one line with `label`: how loud it was. */
void bench_print_load(const char *label);

#endif
