/* Posts of a bell may still be on their way when its owner is gone: they are dropped with it. */
#include "tools/agent/kafka_bell.h"

#include "base/mem.h"

struct kafka_bell {
    struct env *env;
    void (*fn)(void *data); /* NULL = muted; the loop's */
    void *data;
};

static void kafka_bell_on_post(void *data)
{
    struct kafka_bell *bell = data;
    ASSERT(bell->env);
    if (bell->fn)
        bell->fn(bell->data);
}

/* On a thread of librdkafka's. */
static void kafka_bell_ring(rd_kafka_t *rd, void *opaque)
{
    struct kafka_bell *bell = opaque;
    (void)rd;
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
    ASSERT(bell->env);
    env_post_drop(bell->env, kafka_bell_on_post, bell); /* no thread rings any more */
    mem_free(bell);
}
