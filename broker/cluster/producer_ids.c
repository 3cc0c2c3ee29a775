/* Blocks of producer ids. Happy path: the next id of the block at hand; a used-up block is replaced
 * by a command to the controller, while those who ask wait. Failure mode: no controller answers in
 * time; those who wait are told to try again. */
#include "broker/cluster/producer_ids.h"

#include "base/err.h"
#include "base/mem.h"

enum { PRODUCER_IDS_TIMEOUT_MS = 10000 }; /* below the 30 s that clients wait */

struct producer_ids {
    struct env *env;
    struct controller_channel *channel;
    int32_t node_id;
    int64_t next;
    int64_t end;
    struct list waits;
    struct env_timer serve_timer;
    struct controller_call call;
    bool asking;
};

static void ids_finish(struct producer_ids *ids, int err)
{
    struct list *step;
    while ((step = list_pop(&ids->waits))) {
        struct producer_id_wait *wait = LIST_ENTRY(step, struct producer_id_wait, link);
        wait->done(wait, err, -1);
    }
}

static void ids_serve(void *data);

static void ids_allocated(struct controller_call *call, int err, const Meta__CommandReply *reply)
{
    struct producer_ids *ids = CONTAINER_OF(call, struct producer_ids, call);
    ASSERT(ids->asking);
    ASSERT(ids->next >= ids->end); /* one block at a time, and it is used up */
    ids->asking = false;
    if (err) {
        ids_finish(ids, ERR_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    ids->next = reply->producer_id_start;
    ids->end = ids->next + reply->producer_id_count;
    ids_serve(ids);
}

static void ids_ask(struct producer_ids *ids)
{
    Meta__AllocateProducerIds allocate = META__ALLOCATE_PRODUCER_IDS__INIT;
    allocate.broker_id = ids->node_id;
    allocate.broker_epoch = controller_channel_broker_epoch(ids->channel);
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_ALLOCATE_PRODUCER_IDS;
    command.allocate_producer_ids = &allocate;
    ASSERT(!ids->asking);
    ids->asking = true;
    controller_channel_call(ids->channel, &ids->call, &command, PRODUCER_IDS_TIMEOUT_MS,
                            ids_allocated);
}

static void ids_serve(void *data)
{
    struct producer_ids *ids = data;
    while (ids->next < ids->end && !list_empty(&ids->waits)) {
        struct producer_id_wait *wait =
            LIST_ENTRY(list_pop(&ids->waits), struct producer_id_wait, link);
        wait->done(wait, 0, ids->next++);
    }
    if (!list_empty(&ids->waits) && !ids->asking)
        ids_ask(ids);
}

struct producer_ids *producer_ids_new(struct env *env, struct controller_channel *channel,
                                      int32_t node_id)
{
    struct producer_ids *ids = mem_alloc(sizeof(*ids));
    ids->env = env;
    ids->channel = channel;
    ids->node_id = node_id;
    list_init(&ids->waits);
    env_timer_init(env, &ids->serve_timer, ids_serve, ids);
    return ids;
}

void producer_ids_free(struct producer_ids *ids)
{
    if (ids->asking)
        controller_call_cancel(&ids->call);
    env_timer_stop(&ids->serve_timer);
    ids_finish(ids, ERR_COORDINATOR_NOT_AVAILABLE);
    mem_free(ids);
}

void producer_ids_take(struct producer_ids *ids, struct producer_id_wait *wait)
{
    list_push(&ids->waits, &wait->link);
    if (!env_timer_running(&ids->serve_timer))
        env_timer_start(&ids->serve_timer, 0);
}
