/* Loopback sockets, non-blocking and close-on-exec from their birth: no child inherits one. */
#ifndef LD_PROXY_SOCKET_H
#define LD_PROXY_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

/* A socket bound to 127.0.0.1:port with SO_REUSEADDR (port 0: any, told in ret_port). The descriptor, or -errno. */
int socket_bind(uint16_t port, uint16_t *ret_port);
/* Start to connect to 127.0.0.1:port. The descriptor, or -errno (refused). */
int socket_connect(uint16_t port, bool *ret_connected);
/* Whether a started connect came to its end: 0 or -errno. */
int socket_error(int fd);
void socket_set_no_delay(int fd);
/* Close with a reset instead of a FIN; what was not sent yet is dropped. */
void socket_reset(int fd);

#endif
