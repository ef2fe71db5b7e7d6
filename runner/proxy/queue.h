/* Messages between the two threads: a locked list and the wake-up of the loop that reads it. */
#ifndef LD_PROXY_QUEUE_H
#define LD_PROXY_QUEUE_H

#include <uv.h>

struct message;

struct queue {
    uv_mutex_t lock;
    struct message *head, **tail;
    uv_async_t *wake; /* of the reader's loop */
};

int queue_init(struct queue *queue, uv_async_t *wake); /* 0 or LD_ESYSTEM */
void queue_done(struct queue *queue);                  /* must be empty */
void queue_post(struct queue *queue, struct message *message);
/* All messages posted so far, oldest first, linked by `next`; NULL when there is none. */
struct message *queue_take(struct queue *queue);

#endif
