/* Requests that come late. Happy path: the connection that was given up lies still, brings its
 * request when its time has come, and is closed by the answer. Failure modes: it has broken
 * meanwhile, or nobody answers: then nothing arrived, or nobody will know. */
#include "cluster_late.h"

#include "base/err.h"
#include "base/list.h"
#include "cluster.h"
#include "cluster_line.h"

enum { LATE_MAX_MS = 2000 };

struct late_item {
    struct cluster_late *late;
    struct list link;
    struct client_conn *conn;
    struct late_request request;
    struct env_timer timer;
};

struct cluster_late {
    struct cluster *cluster;
    struct env *env;
    struct list items;
    int64_t answered;
};

static const void *late_fill_end(const struct late_request *from, struct arena *arena)
{
    struct end_txn_request *to = arena_alloc(arena, sizeof(*to));
    ASSERT(to);
    wire_defaults(&end_txn_request_desc, to);
    to->transactional_id = wire_str_from(from->id);
    to->producer_id = from->producer_id;
    to->producer_epoch = from->epoch;
    to->committed = from->commits;
    return to;
}

const void *late_request_fill(struct late_request *from, struct arena *arena)
{
    if (from->key == KAFKA_API_END_TXN)
        return late_fill_end(from, arena);
    struct produce_request *to = arena_alloc(arena, sizeof(*to));
    ASSERT(to);
    cluster_line_produce(arena, to, from->partition, PARTITION_ACKS_ALL, CLUSTER_LINE_TIMEOUT_MS,
                         from->batch.data, from->batch.len);
    to->transactional_id = wire_str_from(from->id);
    return to;
}

static void late_item_free(struct late_item *item)
{
    list_remove(&item->link);
    env_timer_stop(&item->timer);
    client_conn_close(item->conn);
    buf_close(&item->request.batch);
    mem_free(item);
}

static int late_said(const struct late_item *item, const struct client_answer *answer)
{
    if (item->request.key == KAFKA_API_END_TXN)
        return ((const struct end_txn_response *)answer->response)->error_code;
    const struct produce_response *produce = answer->response;
    return produce->responses.items[0].partition_responses.items[0].error_code;
}

static void late_answered(void *data, int err, struct client_answer *answer)
{
    struct late_item *item = data;
    struct cluster_late *late = item->late;
    if (!err)
        err = err_from_wire((int16_t)late_said(item, answer));
    late->answered++;
    cluster_note(late->cluster, -1, "%s of %s (epoch %d) came late: %s",
                 item->request.key == KAFKA_API_END_TXN ? "an end" : "a batch", item->request.id,
                 item->request.epoch, err ? err_text(err) : "taken");
    client_answer_free(answer);
    late_item_free(item);
}

static void late_due(void *data)
{
    struct late_item *item = data;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    int err = client_conn_send(item->conn, item->request.key, item->request.version,
                               late_request_fill(&item->request, &arena), CLUSTER_LINE_TIMEOUT_MS,
                               late_answered, item);
    arena_close(&arena);
    if (err)
        late_item_free(item);
}

void cluster_late_send(struct cluster_late *late, struct client_conn *conn,
                       struct late_request *request)
{
    struct late_item *item = mem_alloc(sizeof(*item));
    item->late = late;
    item->conn = conn;
    item->request = *request;
    buf_init(&request->batch);
    list_push(&late->items, &item->link);
    env_timer_init(late->env, &item->timer, late_due, item);
    env_timer_start(&item->timer, 1 + (int64_t)(env_random(late->env) % LATE_MAX_MS));
}

bool cluster_late_idle(const struct cluster_late *late)
{
    return list_empty(&late->items);
}

int64_t cluster_late_answered(const struct cluster_late *late)
{
    return late->answered;
}

struct cluster_late *cluster_late_new(struct cluster *cluster, struct env *env)
{
    struct cluster_late *late = mem_alloc(sizeof(*late));
    late->cluster = cluster;
    late->env = env;
    list_init(&late->items);
    return late;
}

void cluster_late_free(struct cluster_late *late)
{
    while (!list_empty(&late->items))
        late_item_free(LIST_ENTRY(late->items.next, struct late_item, link));
    mem_free(late);
}
