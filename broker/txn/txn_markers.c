/* Markers of a transaction: see the header.
 *
 * Happy path: one WriteTxnMarkers to each leader, all at once; each partition that is answered
 * without an error is done. Failure modes: an error of a partition or of a whole request leaves its
 * partitions for the next round; one that only a newer coordinator can be the reason of (this one
 * is fenced) is told once, and asked again all the same: the loss of our partition follows, and if
 * it does not, nothing but the markers ends this transaction. A partition that knows the producer
 * under a newer epoch will never take the marker, and has nothing of this transaction that it could
 * end: it is told and done. Kafka stops there, and the id is busy until it is loaded anew. */
#include "broker/txn/txn_markers.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/state.h"
#include "broker/cluster/broker_lines.h"
#include "broker/txn/txn.h"
#include "broker/txn/txn_manager.h"
#include "broker/txn/txn_shard.h"
#include "kafka/api.h"
#include "kafka/messages/write_txn_markers.h"

typedef struct write_txn_markers_request_writable_txn_marker request_marker;
typedef struct write_txn_markers_request_writable_txn_marker_topic request_topic;
typedef struct write_txn_markers_response_writable_txn_marker_topic_result answer_topic;

STATIC_ASSERT(TXN_MARKERS_PAUSE_MS <= TXN_MARKERS_PAUSE_MAX_MS, "a pause grows up to it");
struct marker {
    const char *topic; /* of the transaction's set */
    int32_t index;
    enum marker_state { MARKER_LEFT, MARKER_SENT, MARKER_DONE } state;
    int32_t leader; /* while a round is made */
};

static const struct state_row marker_states[] = {
    [MARKER_LEFT] = {"left", STATE_BIT(MARKER_SENT) | STATE_BIT(MARKER_DONE)},
    [MARKER_SENT] = {"sent", STATE_BIT(MARKER_LEFT) | STATE_BIT(MARKER_DONE)},
    [MARKER_DONE] = {"done", 0},
};

/* A request to one leader. */
struct marker_call {
    struct broker_call call;
    struct list link;
    struct txn_markers *markers;
    struct write_txn_markers_request request;
    struct arena arena;   /* of the request */
    struct marker **sent; /* rising by topic and index */
    int32_t count;
};

struct txn_markers {
    struct txn *txn;
    struct marker *all; /* rising by topic and index */
    int32_t count;
    int32_t left; /* that are not done */
    struct list calls;
    struct env_timer timer; /* the next round */
    int64_t pause_ms;
    bool told;
};

static const struct txn_manager_deps *markers_deps(const struct txn_markers *markers)
{
    return txn_manager_deps(markers->txn->shard->manager);
}

/* What holds between two events. */
static void markers_check(const struct txn_markers *markers)
{
    ASSERT(txn_is_preparing(markers->txn));
    ASSERT(markers->left >= 0);
    ASSERT(markers->left <= markers->count);
    ASSERT(markers->pause_ms >= TXN_MARKERS_PAUSE_MS);
    ASSERT(markers->pause_ms <= TXN_MARKERS_PAUSE_MAX_MS);
}

int32_t txn_markers_left(const struct txn_markers *markers)
{
    return markers->left;
}

static void marker_move(struct marker *marker, enum marker_state to)
{
    STATE_MOVE(marker_states, marker->state, to);
}

static int marker_compare(const struct marker *a, const struct marker *b)
{
    int order = strcmp(a->topic, b->topic);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static int marker_compare_items(const void *a, const void *b)
{
    return marker_compare(a, b);
}

static int marker_compare_places(const void *a, const void *b)
{
    return marker_compare(*(const struct marker *const *)a, *(const struct marker *const *)b);
}

static int marker_compare_leaders(const void *a, const void *b)
{
    const struct marker *left = *(const struct marker *const *)a;
    const struct marker *right = *(const struct marker *const *)b;
    if (left->leader != right->leader)
        return left->leader < right->leader ? -1 : 1;
    return marker_compare(left, right);
}

/* ---- the next round ---- */

void txn_markers_again(struct txn_markers *markers)
{
    if (!env_timer_running(&markers->timer)) {
        env_timer_start(&markers->timer, markers->pause_ms);
        markers->pause_ms *= 2;
        if (markers->pause_ms > TXN_MARKERS_PAUSE_MAX_MS)
            markers->pause_ms = TXN_MARKERS_PAUSE_MAX_MS;
    }
    markers_check(markers);
}

/* The markers may be gone then. */
static void markers_review(struct txn_markers *markers)
{
    markers_check(markers);
    if (!list_empty(&markers->calls))
        return;
    if (markers->left > 0 || txn_complete(markers->txn))
        txn_markers_again(markers);
}

static void markers_done(struct txn_markers *markers, struct marker *marker)
{
    marker_move(marker, MARKER_DONE);
    ASSERT(markers->left > 0);
    markers->left--;
}

/* ---- answers ---- */

static void marker_call_free(struct marker_call *call)
{
    ASSERT(call->markers != NULL);
    for (int32_t i = 0; i < call->count; i++)
        if (call->sent[i]->state == MARKER_SENT)
            marker_move(call->sent[i], MARKER_LEFT);
    broker_call_cancel(&call->call);
    list_remove(&call->link);
    arena_close(&call->arena);
    mem_free(call->sent);
    mem_free(call);
}

static void markers_tell(struct txn_markers *markers, const char *topic, int32_t index, int err,
                         const char *then)
{
    const struct txn *txn = markers->txn;
    if (markers->told)
        return;
    markers->told = true;
    logger_warn(markers_deps(markers)->logger,
                "transactional id %.*s: %s-%d does not take the marker of producer %lld with epoch "
                "%d: %s: %s",
                WIRE_STR_ARGS(txn_id(txn)), topic, index, (long long)txn->value.producer_id,
                txn->value.epoch, err_text(err), then);
}

/* Nobody need be told of it. */
static bool marker_err_is_usual(int err)
{
    switch (err) {
    case 0:
    case ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case ERR_UNKNOWN_TOPIC_OR_PARTITION: /* it has not heard of it yet, or not any more: the
                                          * metadata tells which */
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ERR_KAFKA_STORAGE_ERROR:
    case ERR_REQUEST_TIMED_OUT:
    case ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case ERR_COORDINATOR_NOT_AVAILABLE:
    case ERR_NOT_COORDINATOR:
        return true;
    default:
        return false;
    }
}

/* The partition has the marker, or there is nothing in it that one could end: a log that can't hold
 * markers can't hold what they end either, and a newer epoch of the producer comes behind the end
 * of all older ones. */
static bool marker_err_is_final(int err)
{
    return err == 0 || err == ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT ||
           err == ERR_INVALID_PRODUCER_EPOCH;
}

static void marker_answered(struct marker_call *call, const char *topic, int32_t index, int err)
{
    struct marker wanted = {.topic = topic, .index = index};
    struct marker *key = &wanted;
    struct marker **found =
        bsearch(&key, call->sent, (size_t)call->count, sizeof(*call->sent), marker_compare_places);
    ASSERT(call->count > 0);
    if (!found || (*found)->state != MARKER_SENT)
        return; /* it was not asked for */
    if (err == ERR_INVALID_PRODUCER_EPOCH)
        markers_tell(call->markers, topic, index, err, "nothing is left to be ended there");
    else if (!marker_err_is_usual(err))
        markers_tell(call->markers, topic, index, err, "it is asked again");
    if (marker_err_is_final(err))
        markers_done(call->markers, *found);
}

static void marker_topic_answered(struct marker_call *call, const answer_topic *topic)
{
    char *name = wire_str_dup(topic->name);
    for (int32_t i = 0; name && i < topic->partitions.count; i++)
        marker_answered(call, name, topic->partitions.items[i].partition_index,
                        err_from_wire(topic->partitions.items[i].error_code));
    mem_free(name);
}

static void marker_call_done(struct broker_call *broker_call, int err, const void *body)
{
    struct marker_call *call = CONTAINER_OF(broker_call, struct marker_call, call);
    struct txn_markers *markers = call->markers;
    const struct write_txn_markers_response *response = body;
    int32_t left = markers->left;
    ASSERT(err <= 0);
    ASSERT(err || body);
    for (int32_t i = 0; !err && i < response->markers.count; i++)
        for (int32_t j = 0; j < response->markers.items[i].topics.count; j++)
            marker_topic_answered(call, &response->markers.items[i].topics.items[j]);
    if (markers->left < left)
        markers->pause_ms = TXN_MARKERS_PAUSE_MS;
    marker_call_free(call);
    markers_review(markers);
}

/* ---- requests ---- */

/* The markers of a call by topic. */
static bool marker_call_fill(struct marker_call *call, request_marker *out)
{
    int32_t topics = 0;
    ASSERT(call->count > 0);
    for (int32_t i = 0; i < call->count; i++)
        topics += i == 0 || strcmp(call->sent[i]->topic, call->sent[i - 1]->topic) != 0;
    request_topic *topic = WIRE_ARRAY(&call->arena, &out->topics, topics,
                                      &write_txn_markers_request_writable_txn_marker_topic_desc);
    for (int32_t i = 0, end; topic && i < call->count; i = end, topic++) {
        for (end = i + 1; end < call->count; end++)
            if (strcmp(call->sent[i]->topic, call->sent[end]->topic) != 0)
                break;
        topic->name = wire_str_from(call->sent[i]->topic);
        int32_t *indexes = WIRE_ARRAY(&call->arena, &topic->partition_indexes, end - i, NULL);
        if (!indexes)
            return false;
        for (int32_t j = i; j < end; j++)
            indexes[j - i] = call->sent[j]->index;
    }
    return topic != NULL;
}

/* False when memory is out. */
static bool marker_call_prepare(struct marker_call *call)
{
    const struct txn *txn = call->markers->txn;
    ASSERT(txn_is_preparing(txn));
    wire_defaults(&write_txn_markers_request_desc, &call->request);
    request_marker *out = WIRE_ARRAY(&call->arena, &call->request.markers, 1,
                                     &write_txn_markers_request_writable_txn_marker_desc);
    if (!out)
        return false;
    out->producer_id = txn->value.producer_id;
    out->producer_epoch = txn->value.epoch;
    out->transaction_result = txn->state == TXN_PREPARE_COMMIT;
    out->coordinator_epoch = txn->shard->epoch;
    out->transaction_version = (int8_t)txn->value.version;
    return marker_call_fill(call, out);
}

/* To one leader. */
static void markers_send(struct txn_markers *markers, struct marker **sent, int32_t count)
{
    struct marker_call *call = mem_alloc(sizeof(*call));
    ASSERT(count > 0);
    ASSERT(count <= TXN_MARKERS_CALL_MAX);
    call->markers = markers;
    call->sent = mem_dup(sent, (size_t)count * sizeof(*sent));
    call->count = count;
    arena_init_own(&call->arena);
    list_init(&call->link);
    for (int32_t i = 0; i < count; i++)
        marker_move(sent[i], MARKER_SENT);
    if (!marker_call_prepare(call)) {
        marker_call_free(call);
        return;
    }
    list_push(&markers->calls, &call->link);
    call->call.broker_id = sent[0]->leader;
    call->call.key = KAFKA_API_WRITE_TXN_MARKERS;
    call->call.version_max = kafka_api_find(KAFKA_API_WRITE_TXN_MARKERS)->max;
    call->call.request = &call->request;
    call->call.timeout_ms = TXN_MARKERS_TIMEOUT_MS;
    call->call.done = marker_call_done;
    broker_lines_call(markers_deps(markers)->lines, &call->call);
}

/* Those that have a leader now, by leader; those whose topic is gone are done. */
static int32_t markers_gather(struct txn_markers *markers, struct marker **out)
{
    const struct image *image = metadata_image(markers_deps(markers)->metadata);
    const struct image_topic *topic = NULL;
    const char *name = NULL;
    int32_t count = 0;
    for (int32_t i = 0; i < markers->count; i++) {
        struct marker *marker = &markers->all[i];
        if (marker->state != MARKER_LEFT)
            continue;
        if (name != marker->topic)
            topic = image_topic_by_name(image, marker->topic, strlen(marker->topic));
        name = marker->topic;
        const struct image_partition *partition =
            topic ? image_partition(topic, marker->index) : NULL;
        if (!partition)
            markers_done(markers, marker);
        else if ((marker->leader = partition->leader) != IMAGE_NO_NODE)
            out[count++] = marker;
    }
    ASSERT(count <= markers->left);
    return count;
}

static void markers_round(void *data)
{
    struct txn_markers *markers = data;
    struct marker **ready = mem_alloc(((size_t)markers->left + 1) * sizeof(*ready));
    int32_t count = markers_gather(markers, ready);
    qsort(ready, (size_t)count, sizeof(*ready), marker_compare_leaders);
    for (int32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && end - i < TXN_MARKERS_CALL_MAX; end++)
            if (ready[end]->leader != ready[i]->leader)
                break;
        markers_send(markers, ready + i, end - i);
    }
    mem_free(ready);
    markers_review(markers);
}

/* ---- life ---- */

struct txn_markers *txn_markers_new(struct txn *txn)
{
    const struct txn_partitions *set = &txn->value.partitions;
    struct txn_markers *markers = mem_alloc(sizeof(*markers));
    const struct txn_topic *topic;
    size_t cursor = 0;
    ASSERT(txn_is_preparing(txn));
    markers->txn = txn;
    markers->pause_ms = TXN_MARKERS_PAUSE_MS;
    list_init(&markers->calls);
    env_timer_init(markers_deps(markers)->env, &markers->timer, markers_round, markers);
    markers->all = mem_alloc(((size_t)set->count + 1) * sizeof(*markers->all));
    while ((topic = txn_partitions_next(set, &cursor)))
        for (int32_t i = 0; i < topic->count; i++)
            markers->all[markers->count++] =
                (struct marker){.topic = topic->name, .index = topic->ids[i]};
    ASSERT(markers->count == set->count);
    markers->left = markers->count;
    qsort(markers->all, (size_t)markers->count, sizeof(*markers->all), marker_compare_items);
    env_timer_start_soon(&markers->timer);
    return markers;
}

void txn_markers_stop(struct txn_markers *markers)
{
    env_timer_stop(&markers->timer);
    while (!list_empty(&markers->calls))
        marker_call_free(LIST_ENTRY(markers->calls.next, struct marker_call, link));
    ASSERT(list_empty(&markers->calls));
}

void txn_markers_free(struct txn_markers *markers)
{
    txn_markers_stop(markers);
    mem_free(markers->all);
    mem_free(markers);
}
