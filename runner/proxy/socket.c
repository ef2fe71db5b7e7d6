#include "runner/proxy/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int stream_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

int socket_bind(uint16_t port, uint16_t *ret_port)
{
    struct sockaddr_in address = loopback(port);
    socklen_t length = sizeof address;
    int one = 1;
    int fd = stream_socket();
    if (fd < 0)
        return fd;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        int failure = -errno;
        close(fd);
        return failure;
    }
    if (ret_port)
        *ret_port = ntohs(address.sin_port);
    return fd;
}

int socket_connect(uint16_t port, bool *ret_connected)
{
    struct sockaddr_in address = loopback(port);
    int fd = stream_socket();
    if (fd < 0)
        return fd;
    socket_set_no_delay(fd);
    int result = connect(fd, (const struct sockaddr *)&address, sizeof address);
    if (result != 0 && errno != EINPROGRESS) {
        int failure = -errno;
        close(fd);
        return failure;
    }
    *ret_connected = result == 0;
    return fd;
}

int socket_error(int fd)
{
    int value = 0;
    socklen_t length = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length) != 0)
        return -errno;
    return -value;
}

void socket_set_no_delay(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* fails on a socket that is dead already: no matter */
}

void socket_reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}
