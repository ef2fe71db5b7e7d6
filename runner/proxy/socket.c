#include "runner/proxy/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROBE_MS 20   /* loopback answers a connect at once */
#define DROPS_MAX 512 /* of 16 KiB: more than a receive buffer holds */

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int socket_new(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

int socket_bind(uint16_t port, uint16_t *ret_port)
{
    struct sockaddr_in address = loopback(port);
    socklen_t length = sizeof address;
    int one = 1;
    int fd = socket_new();
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

int socket_connect(int fd, uint16_t port, bool *ret_connected)
{
    struct sockaddr_in address = loopback(port);
    socket_set_no_delay(fd);
    int result = connect(fd, (const struct sockaddr *)&address, sizeof address);
    if (result != 0 && errno != EINPROGRESS)
        return -errno;
    *ret_connected = result == 0;
    return 0;
}

int socket_error(int fd)
{
    int value = 0;
    socklen_t length = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length) != 0)
        return -errno;
    return -value;
}

bool socket_refuses(uint16_t port)
{
    bool connected = false;
    int fd = socket_new();
    if (fd < 0)
        return false;
    int failure = socket_connect(fd, port, &connected);
    struct pollfd answer = {.fd = fd, .events = POLLOUT};
    if (failure == 0 && !connected && poll(&answer, 1, PROBE_MS) == 1)
        failure = socket_error(fd);
    socket_reset(fd);
    return failure == -ECONNREFUSED;
}

static size_t asked_of(int fd, unsigned long request)
{
    int count = 0;
    return ioctl(fd, request, &count) == 0 && count > 0 ? (size_t)count : 0;
}

size_t socket_unread(int fd)
{
    return asked_of(fd, SIOCINQ);
}

size_t socket_unsent(int fd)
{
    return asked_of(fd, SIOCOUTQNSD);
}

void socket_set_no_delay(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* fails on a socket that is dead already: no matter */
}

void socket_finish(int fd)
{
    char dropped[16 << 10];
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < DROPS_MAX && recv(fd, dropped, sizeof dropped, MSG_DONTWAIT) > 0; i++)
        continue;
    close(fd);
}

void socket_reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}
