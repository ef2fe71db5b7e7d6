#include "runner/proxy/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "runner/proxy/internal.h"

static int make_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0)
        return LD_ESYSTEM;
    int failure = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    if (failure == 0)
        failure = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return failure ? LD_ESYSTEM : 0;
}

int queue_init(struct queue *queue)
{
    queue->head = NULL;
    queue->tail = &queue->head;
    queue->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (queue->wake_fd < 0)
        return LD_ESYSTEM;
    if (make_lock(&queue->lock) == 0)
        return 0;
    close(queue->wake_fd);
    return LD_ESYSTEM;
}

void queue_done(struct queue *queue)
{
    assert(!queue->head);
    pthread_mutex_destroy(&queue->lock);
    close(queue->wake_fd);
}

int queue_watch(struct queue *queue, uv_loop_t *loop, uv_poll_t *poll, uv_poll_cb ready)
{
    int result = uv_poll_init(loop, poll, queue->wake_fd);
    return result ? result : uv_poll_start(poll, UV_READABLE, ready);
}

void queue_post(struct queue *queue, struct message *message)
{
    const uint64_t one = 1;
    message->next = NULL;
    pthread_mutex_lock(&queue->lock);
    *queue->tail = message;
    queue->tail = &message->next;
    pthread_mutex_unlock(&queue->lock);
    if (write(queue->wake_fd, &one, sizeof one) < 0)
        assert(errno == EAGAIN); /* nobody took the last 2^64 */
}

struct message *queue_take(struct queue *queue)
{
    uint64_t posts;
    if (read(queue->wake_fd, &posts, sizeof posts) < 0)
        assert(errno == EAGAIN); /* taken with what was posted before */
    pthread_mutex_lock(&queue->lock);
    struct message *first = queue->head;
    queue->head = NULL;
    queue->tail = &queue->head;
    pthread_mutex_unlock(&queue->lock);
    return first;
}
