/* Pipes through which splice(2) carries bytes that no toxic looks at: they stay in the kernel. A direction borrows one
 * while it streams and gives it back; a few are kept for the next. */
#ifndef LD_PROXY_PIPE_H
#define LD_PROXY_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#define PIPE_BYTES ((size_t)512 << 10) /* of the first ones: few visits, and both ends still keep busy */
#define PIPES_LARGE 32                 /* these; others have what the kernel gives, its share for a user is 64 MiB */
#define PIPES_MAX 256                  /* open at once: two descriptors each */
#define PIPES_KEPT 64                  /* idle ones */

struct pipe {
    struct pipe *next; /* among the idle */
    int read_fd, write_fd;
};

struct pipes { /* zero-initialised: none */
    struct pipe *idle;
    size_t idle_count, count;
};

/* NULL when there is none to be had: bytes then go through memory. */
struct pipe *pipe_borrow(struct pipes *pipes);
/* `clean`: nothing is in it. NULL is allowed. */
void pipe_return(struct pipes *pipes, struct pipe *pipe, bool clean);
void pipes_done(struct pipes *pipes); /* all were returned */

#endif
