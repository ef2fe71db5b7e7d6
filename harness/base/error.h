/* Error codes and the error a user sees.
 *
 * Every function that can fail returns 0 or one of the negative LD_E… codes below; what a user can cause also fills
 * a struct ld_error (code, message, place). A struct ld_error is a plain value: nothing in it is owned or freed.
 * The table gives each code its text and the exit code that main turns it into (they are API, see README). */
#ifndef LD_BASE_ERROR_H
#define LD_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#define LD_EXIT_OK 0           /* all expectations met */
#define LD_EXIT_EXPECTATION 1  /* an expectation or gate failed */
#define LD_EXIT_SPEC 2         /* a scenario, rule or detector file is wrong */
#define LD_EXIT_HARNESS 3      /* the harness or its environment failed */
#define LD_EXIT_USAGE 4        /* the command line is wrong */
#define LD_EXIT_INCONCLUSIVE 5 /* not enough evidence */
#define LD_EXIT_SKIPPED 77     /* everything was skipped */
#define LD_EXIT_INTERRUPTED 130 /* SIGINT, after a clean teardown (SIGTERM: 143) */
#define LD_EXIT_TERMINATED 143

/*    name, value, text, exit code */
#define LD_ERRORS(X)                                                             \
    X(NOMEM, -1, "out of memory", LD_EXIT_HARNESS)                               \
    X(LIMIT, -2, "a limit was exceeded", LD_EXIT_HARNESS)                        \
    X(SYNTAX, -3, "malformed input", LD_EXIT_SPEC)                               \
    X(SPEC, -4, "a specification is wrong", LD_EXIT_SPEC)                        \
    X(NOTYET, -5, "not implemented yet", LD_EXIT_SPEC)                           \
    X(USAGE, -6, "wrong usage", LD_EXIT_USAGE)                                   \
    X(NOENT, -7, "not found", LD_EXIT_HARNESS)                                   \
    X(IO, -8, "input or output failed", LD_EXIT_HARNESS)                         \
    X(SYSTEM, -9, "a system call failed", LD_EXIT_HARNESS)                       \
    X(STORE, -10, "the database failed", LD_EXIT_HARNESS)                        \
    X(TARGET, -11, "the target failed", LD_EXIT_HARNESS)                         \
    X(DETECTOR, -12, "a detector failed", LD_EXIT_HARNESS)                       \
    X(TRUNCATED, -13, "input ends too early", LD_EXIT_HARNESS)                   \
    X(UNAVAILABLE, -14, "not available here", LD_EXIT_HARNESS)                   \
    X(TIMEOUT, -15, "took too long", LD_EXIT_HARNESS)                            \
    X(CANCELLED, -16, "interrupted", LD_EXIT_INTERRUPTED)                        \
    X(EXPECTATION, -17, "an expectation was not met", LD_EXIT_EXPECTATION)       \
    X(INCONCLUSIVE, -18, "not enough evidence", LD_EXIT_INCONCLUSIVE)

enum ld_code {
    LD_OK = 0,
#define X(name, value, text, exit) LD_E##name = value,
    LD_ERRORS(X)
#undef X
};

struct ld_error {
    int code;           /* LD_E…, 0 when unset */
    unsigned line;      /* 1-based, 0: no place in a file */
    unsigned column;    /* 1-based, 0: none */
    char file[256];     /* as the user named it, "" when none */
    char path[192];     /* key path such as target.limits.memory, "" when none */
    char message[512];  /* one sentence without a full stop */
};

/* Several errors of one input; at most LD_ERRORS_MAX are kept, the rest only counted. Zero-initialise. */
#define LD_ERRORS_MAX 100
struct ld_errors {
    struct ld_error *items; /* owned; freed by ld_errors_done */
    size_t count;
    size_t dropped; /* errors beyond the limit, or that found no memory */
};

const char *ld_code_name(int code); /* "LD_ENOMEM"; static */
const char *ld_code_text(int code); /* "out of memory"; static */
int ld_code_exit(int code);         /* the process exit code for it; 0 for 0 */

/* Fill `error` (may be NULL) and return `code`. The place fields are cleared. */
int ld_fail(struct ld_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same with ": strerror(saved_errno)" behind the message. */
int ld_fail_errno(struct ld_error *error, int code, int saved_errno, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Append a copy of `error`. Never fails: what finds no room is counted in dropped. */
void ld_errors_add(struct ld_errors *errors, const struct ld_error *error);
void ld_errors_done(struct ld_errors *errors);

/* "file:line:column: path: message" into `buffer`, the parts that are unset left out and control
 * characters made harmless (ld_format_harmless): a file's name is the user's. Returns buffer. */
const char *ld_error_format(const struct ld_error *error, char *buffer, size_t size);

#endif
