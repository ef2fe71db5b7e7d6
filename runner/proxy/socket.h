/* Loopback sockets, non-blocking and close-on-exec from their birth: no child inherits one. */
#ifndef LD_PROXY_SOCKET_H
#define LD_PROXY_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A socket bound to 127.0.0.1:port with SO_REUSEADDR (port 0: any, told in ret_port). The descriptor, or -errno. */
int socket_bind(uint16_t port, uint16_t *ret_port);
/* A socket to connect with. The descriptor, or -errno. */
int socket_new(void);
/* Start to connect it to 127.0.0.1:port. 0, or -errno (refused); the descriptor stays open. */
int socket_connect(int fd, uint16_t port, bool *ret_connected);
/* Whether a started connect came to its end: 0 or -errno. */
int socket_error(int fd);
/* Whether a connect to 127.0.0.1:port is refused. Tries it: does not wait for longer than a moment. */
bool socket_refuses(uint16_t port);
size_t socket_unread(int fd); /* bytes that arrived and were not read */
size_t socket_unsent(int fd); /* bytes that were written and that the peer's kernel was not given yet */
void socket_set_no_delay(int fd);
/* Close with a FIN, though there may be unread bytes: they are dropped first, for the kernel would reset. */
void socket_finish(int fd);
/* Close with a reset instead of a FIN; what was not sent yet is dropped. */
void socket_reset(int fd);

#endif
