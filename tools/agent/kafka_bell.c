/* Posts of a bell may still be on their way when its owner is gone: the bell outlives them, and
 * rings for nobody then. */
#include "tools/agent/kafka_bell.h"

#include <stdatomic.h>

#include "base/mem.h"

struct kafka_bell {
    struct env *env;
    void (*fn)(void *data); /* NULL = muted; the loop's */
    void *data;
    _Atomic size_t posted; /* posts that have not run */
    bool gone;             /* freed by the last of them */
};

static void kafka_bell_on_post(void *data)
{
    struct kafka_bell *bell = data;
    size_t left = atomic_fetch_sub(&bell->posted, 1) - 1;
    ASSERT(left < SIZE_MAX);
    if (bell->fn)
        bell->fn(bell->data);
    else if (bell->gone && left == 0)
        mem_free(bell);
}

/* On a thread of librdkafka's. */
static void kafka_bell_ring(rd_kafka_t *rd, void *opaque)
{
    struct kafka_bell *bell = opaque;
    (void)rd;
    atomic_fetch_add(&bell->posted, 1);
    env_post(bell->env, kafka_bell_on_post, bell);
}

struct kafka_bell *kafka_bell_new(struct env *env, rd_kafka_queue_t *queue, void (*fn)(void *data),
                                  void *data)
{
    struct kafka_bell *bell = mem_alloc(sizeof(*bell));
    ASSERT(fn);
    bell->env = env;
    bell->fn = fn;
    bell->data = data;
    rd_kafka_queue_cb_event_enable(queue, kafka_bell_ring, bell);
    kafka_bell_ring(NULL, bell); /* the queue calls when it was empty, and it may not have been */
    return bell;
}

void kafka_bell_mute(struct kafka_bell *bell, rd_kafka_queue_t *queue)
{
    ASSERT(bell->fn);
    bell->fn = NULL;
    rd_kafka_queue_cb_event_enable(queue, NULL, NULL);
}

void kafka_bell_free(struct kafka_bell *bell)
{
    ASSERT(!bell->fn);
    ASSERT(!bell->gone);
    bell->gone = true;
    if (atomic_load(&bell->posted) == 0) /* no thread rings any more */
        mem_free(bell);
}
