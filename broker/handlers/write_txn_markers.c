/* WriteTxnMarkers: ends transactions in partitions that this broker leads, as their coordinator
 * says.
 *
 * Happy path: each partition of each marker gets a control batch, and is answered when all in-sync
 * replicas have it on disk. Failure modes are errors of single partitions; the coordinator asks
 * again, and a marker that is there twice does no harm: what is not safe when the time is over is
 * answered REQUEST_TIMED_OUT. What comes late, over a connection that its sender has given up, is
 * not heard (line_numbers.h): it could end the producer's next transaction. Kafka asks for
 * CLUSTER_ACTION, and without an authorizer it takes markers from everybody, as this does. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "base/mem.h"
#include "broker/broker.h"
#include "broker/cluster/line_numbers.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"
#include "broker/replica/partition_ops.h"
#include "kafka/messages/write_txn_markers.h"
#include "kafka/txn_marker.h"

enum {
    MARKERS_MAX = 4000,        /* partitions of a request: twice what our coordinators ask for */
    MARKERS_TIMEOUT_MS = 5000, /* well before the coordinator gives the connection up */
    MARKERS_BUMPED_VERSION = 2 /* transaction.version from which each end raises the epoch */
};

typedef const struct write_txn_markers_request_writable_txn_marker asked_marker;
typedef struct write_txn_markers_response_writable_txn_marker_result told_marker;
typedef struct write_txn_markers_response_writable_txn_marker_topic_result told_topic;
typedef struct write_txn_markers_response_writable_txn_marker_partition_result told_partition;

struct markers;

/* One in a partition of __consumer_offsets, which goes through the group coordinator: it can't be
 * taken back, and lives until it is done. */
struct marker_offsets {
    struct group_marker op;
    struct marker_item *item; /* NULL: it was answered, as its time was over */
};

/* One marker in one partition. */
struct marker_item {
    struct marker_offsets *offsets; /* on its way there; then `append` is not used */
    struct partition_append_op append;
    struct markers *markers;
    told_partition *answer;
    uint8_t bytes[TXN_MARKER_SIZE];
};

struct markers {
    struct request *request;
    struct write_txn_markers_response response;
    struct env_timer timer;
    struct marker_item *items; /* in the request's arena */
    int32_t item_count;
    int32_t open; /* not done yet; and one while the handler runs */
};

static void markers_finish(struct markers *markers)
{
    env_timer_stop(&markers->timer);
    request_reply(markers->request, &markers->response, NULL);
}

static void markers_settle(struct markers *markers)
{
    ASSERT(markers->open > 0);
    if (--markers->open == 0)
        markers_finish(markers);
}

static void markers_timeout(void *data)
{
    struct markers *markers = data;
    for (int32_t i = 0; i < markers->item_count; i++) {
        struct marker_item *item = &markers->items[i];
        if (!item->offsets && !partition_op_is_open(&item->append.op))
            continue;
        partition_op_cancel(&item->append.op);
        if (item->offsets)
            item->offsets->item = NULL;
        item->answer->error_code = err_to_wire(ERR_REQUEST_TIMED_OUT);
    }
    markers_finish(markers);
}

static void marker_done(struct partition_op *op)
{
    struct marker_item *item =
        CONTAINER_OF(CONTAINER_OF(op, struct partition_append_op, op), struct marker_item, append);
    item->answer->error_code = err_to_wire(op->err);
    markers_settle(item->markers);
}

static void marker_offsets_done(struct group_marker *op)
{
    struct marker_offsets *offsets = CONTAINER_OF(op, struct marker_offsets, op);
    struct marker_item *item = offsets->item;
    int err = op->err;
    mem_free(offsets);
    if (!item)
        return;
    item->offsets = NULL;
    item->answer->error_code = err_to_wire(err);
    markers_settle(item->markers);
}

/* The group coordinator writes it, so that the offsets it decides change in the log's order. */
static void marker_begin_offsets(struct marker_item *item, const struct txn_marker *marker,
                                 bool bumped, int32_t index)
{
    struct marker_offsets *offsets = mem_alloc(sizeof(*offsets));
    *offsets = (struct marker_offsets){.op = {.partition = index,
                                              .marker = *marker,
                                              .bumped = bumped,
                                              .done = marker_offsets_done},
                                       .item = item};
    item->offsets = offsets;
    item->markers->open++;
    group_manager_write_marker(item->markers->request->broker->groups, &offsets->op);
}

/* 0: it is under way. */
static int marker_begin(struct marker_item *item, asked_marker *asked, struct wire_str topic,
                        int32_t index)
{
    struct broker *broker = item->markers->request->broker;
    struct partition_append_op *append = &item->append;
    bool bumped = asked->transaction_version >= MARKERS_BUMPED_VERSION;
    struct txn_marker marker = {.producer_id = asked->producer_id,
                                .producer_epoch = asked->producer_epoch,
                                .commit = asked->transaction_result,
                                .coordinator_epoch = asked->coordinator_epoch};
    if (wire_str_is(topic, GROUP_OFFSETS_TOPIC)) {
        marker_begin_offsets(item, &marker, bumped, index);
        return 0;
    }
    int err = partitions_by_name(broker->partitions, topic.data, (size_t)topic.len, index,
                                 &append->op.ref);
    if (err)
        return err;
    txn_marker_write(&marker, env_wall_ms(broker->env), item->bytes);
    append->op.done = marker_done;
    append->bytes = item->bytes;
    append->len = sizeof(item->bytes);
    append->acks = PARTITION_ACKS_ALL;
    append->is_marker = true;
    append->is_bumped = bumped;
    item->markers->open++;
    partitions_append(broker->partitions, append);
    return 0;
}

static void markers_begin(struct markers *markers)
{
    const struct write_txn_markers_request *body = markers->request->body;
    struct marker_item *item = markers->items;
    for (int32_t i = 0; i < body->markers.count; i++) {
        asked_marker *asked = &body->markers.items[i];
        told_marker *told = &markers->response.markers.items[i];
        for (int32_t j = 0; j < asked->topics.count; j++)
            for (int32_t k = 0; k < asked->topics.items[j].partition_indexes.count; k++, item++) {
                int32_t index = asked->topics.items[j].partition_indexes.items[k];
                item->markers = markers;
                item->answer = &told->topics.items[j].partitions.items[k];
                item->answer->partition_index = index;
                int err = marker_begin(item, asked, asked->topics.items[j].name, index);
                if (err)
                    item->answer->error_code = err_to_wire(err);
            }
    }
}

/* Room for the answers of one marker. */
static bool markers_prepare_one(struct markers *markers, asked_marker *asked, told_marker *told)
{
    struct arena *arena = &markers->request->arena;
    told->producer_id = asked->producer_id;
    if (!WIRE_ARRAY(arena, &told->topics, asked->topics.count,
                    &write_txn_markers_response_writable_txn_marker_topic_result_desc))
        return false;
    for (int32_t i = 0; i < asked->topics.count; i++) {
        told_topic *topic = &told->topics.items[i];
        int32_t count = asked->topics.items[i].partition_indexes.count;
        topic->name = asked->topics.items[i].name;
        if (count > MARKERS_MAX - markers->item_count)
            return false;
        markers->item_count += count;
        if (!WIRE_ARRAY(arena, &topic->partitions, count,
                        &write_txn_markers_response_writable_txn_marker_partition_result_desc))
            return false;
    }
    return true;
}

static bool markers_prepare(struct markers *markers)
{
    const struct write_txn_markers_request *body = markers->request->body;
    struct arena *arena = &markers->request->arena;
    wire_defaults(&write_txn_markers_response_desc, &markers->response);
    if (!WIRE_ARRAY(arena, &markers->response.markers, body->markers.count,
                    &write_txn_markers_response_writable_txn_marker_result_desc))
        return false;
    for (int32_t i = 0; i < body->markers.count; i++)
        if (!markers_prepare_one(markers, &body->markers.items[i],
                                 &markers->response.markers.items[i]))
            return false;
    markers->items = arena_alloc_array(arena, (size_t)markers->item_count, sizeof(*markers->items));
    return markers->items != NULL;
}

void handle_write_txn_markers(struct request *request)
{
    struct markers *markers = request_alloc(request, sizeof(*markers));
    if (!markers)
        return;
    if (!line_numbers_take(request->broker->line_numbers, request->client_id)) {
        request_fail(request, ERR_NOT_COORDINATOR,
                     "comes late: its broker has asked again over a newer connection");
        return;
    }
    markers->request = request;
    env_timer_init(request->broker->env, &markers->timer, markers_timeout, markers);
    if (!markers_prepare(markers)) {
        request_fail(request, ERR_NO_MEMORY,
                     "names more partitions than a request may, or than fit in memory");
        return;
    }
    markers->open = 1;
    env_timer_start(&markers->timer, MARKERS_TIMEOUT_MS);
    markers_begin(markers);
    markers_settle(markers);
}
