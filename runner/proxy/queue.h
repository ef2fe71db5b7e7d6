/* Messages between the two threads: a locked list and a descriptor that wakes the loop of the one that reads it.
 *
 * Not uv_async_send: a reader spins while a sender is in the middle of it, and the proxy's thread, in real time, would
 * keep from its core the very sender that it waits for. For the same reason the lock hands its holder the priority of
 * the one that waits. */
#ifndef LD_PROXY_QUEUE_H
#define LD_PROXY_QUEUE_H

#include <pthread.h>
#include <uv.h>

struct message;

struct queue {
    pthread_mutex_t lock;
    struct message *head, **tail;
    int wake_fd; /* readable while there is something to take */
};

int queue_init(struct queue *queue);  /* 0 or LD_ESYSTEM */
void queue_done(struct queue *queue); /* must be empty, and nobody may read or post */
/* `poll` tells when there is something to take; queue_take asks for the next time. 0 or libuv's error. */
int queue_watch(struct queue *queue, uv_loop_t *loop, uv_poll_t *poll, uv_poll_cb ready);
void queue_post(struct queue *queue, struct message *message);
/* All messages posted so far, oldest first, linked by `next`; NULL when there is none. */
struct message *queue_take(struct queue *queue);

#endif
