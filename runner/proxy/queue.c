#include "runner/proxy/queue.h"

#include <assert.h>

#include "base/error.h"
#include "runner/proxy/internal.h"

int queue_init(struct queue *queue, uv_async_t *wake)
{
    if (uv_mutex_init(&queue->lock) != 0)
        return LD_ESYSTEM;
    queue->head = NULL;
    queue->tail = &queue->head;
    queue->wake = wake;
    return 0;
}

void queue_done(struct queue *queue)
{
    assert(!queue->head);
    uv_mutex_destroy(&queue->lock);
}

void queue_post(struct queue *queue, struct message *message)
{
    message->next = NULL;
    uv_mutex_lock(&queue->lock);
    *queue->tail = message;
    queue->tail = &message->next;
    /* under the lock: the reader may close its loop on account of this very message, once it has it */
    uv_async_send(queue->wake);
    uv_mutex_unlock(&queue->lock);
}

struct message *queue_take(struct queue *queue)
{
    uv_mutex_lock(&queue->lock);
    struct message *first = queue->head;
    queue->head = NULL;
    queue->tail = &queue->head;
    uv_mutex_unlock(&queue->lock);
    return first;
}
