/* Produce: appends a batch to each partition named and answers when all of them are safe.
 *
 * Happy path: each batch becomes an append (partition_ops.h), which keeps the order of the client's
 * batches, has a worker look at those that are compressed or large, and ends when the flush
 * (acks=1) or the high watermark (acks=all) has passed the batch; then comes the answer. Failure
 * modes are errors of single partitions; what is not safe when the time is over is answered
 * REQUEST_TIMED_OUT (outcome unknown). The time counts from the last append on. With acks=0 nothing
 * is answered, and an error closes the connection so that the client refreshes its metadata. A
 * client that goes away while its batches wait for workers: they are appended, but for those of an
 * idempotent producer, which sends them again and in order. */
#include "broker/handlers/handlers.h"

#include "base/check.h"
#include "base/err.h"
#include "base/siphash.h"
#include "broker/broker.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/produce_verify.h"
#include "broker/handlers/topic_name.h"
#include "broker/net/request.h"
#include "broker/replica/partition_ops.h"
#include "kafka/batch.h"
#include "kafka/messages/produce.h"

enum {
    PRODUCE_BATCHES_VERSION = 3, /* older ones bring messages of magic 0 or 1 */
    PRODUCE_ZSTD_VERSION = 7,
    PRODUCE_ERRORS_VERSION = 8, /* bad records are told one by one */
    PRODUCE_IDS_VERSION = 13
};

STATIC_ASSERT(PRODUCE_BATCHES_VERSION < PRODUCE_ZSTD_VERSION, "only batches are compressed so");
STATIC_ASSERT(PRODUCE_ZSTD_VERSION < PRODUCE_ERRORS_VERSION, "the versions follow each other");
STATIC_ASSERT(PRODUCE_ERRORS_VERSION < PRODUCE_IDS_VERSION, "the versions follow each other");
struct produce;

struct produce_item {
    struct partition_append_op append;
    struct produce *produce;
    struct produce_response_partition_produce_response *answer;
    bool transactional;
    int64_t producer_id; /* of a transactional batch */
    int16_t producer_epoch;
    struct produce_verify *verify; /* its coordinator was asked; or NULL */
};

struct produce {
    struct request *request;
    struct produce_response response;
    struct env_timer timer;
    struct produce_item *items; /* in the request's arena */
    int32_t item_count;
    int32_t open; /* not appended or refused yet; and one while the handler runs */
    int32_t waiting;
    int failed; /* the last error of a partition */
};

static void produce_finish(struct produce *produce)
{
    struct request *request = produce->request;
    const struct produce_request *body = request->body;
    ASSERT(produce->open == 0);
    ASSERT(body != NULL);
    env_timer_stop(&produce->timer);
    if (body->acks != PARTITION_ACKS_NONE) {
        nodes_fill_endpoints(request, &produce->response);
        request_reply(request, &produce->response, NULL);
    } else if (produce->failed) {
        request_fail(request, produce->failed, "with acks=0 could not be appended");
    } else {
        request_reply_none(request);
    }
}

/* One less is open. The produce may be gone then. */
static void produce_settle(struct produce *produce)
{
    const struct produce_request *body = produce->request->body;
    ASSERT(produce->open > 0);
    ASSERT(produce->waiting >= 0);
    if (--produce->open > 0)
        return;
    if (produce->waiting == 0)
        produce_finish(produce);
    else
        env_timer_start(&produce->timer, body->timeout_ms > 0 ? body->timeout_ms : 0);
}

static void produce_timeout(void *data)
{
    struct produce *produce = data;
    ASSERT(produce->open == 0);
    ASSERT(produce->waiting > 0);
    for (int32_t i = 0; i < produce->item_count; i++) {
        struct produce_item *item = &produce->items[i];
        if (!partition_op_is_open(&item->append.op))
            continue;
        produce_verify_cancel(item->verify);
        partition_op_cancel(&item->append.op);
        item->answer->error_code = err_to_wire(ERR_REQUEST_TIMED_OUT);
        item->answer->base_offset = -1;
    }
    produce_finish(produce);
}

/* ---- the client ---- */

static void produce_client_left(void *client)
{
    partition_client_leave(client);
}

/* Who sends on this connection, as the partitions know him. */
static struct partition_client *produce_client(struct request *request)
{
    struct request_kept *kept = request_kept(request);
    if (!kept->data) {
        kept->data = partition_client_new(request->broker->partitions);
        kept->left = produce_client_left;
    }
    return kept->data;
}

/* ---- checks ---- */

/* Kafka's rule for Produce v3+: exactly one batch of magic 2 for a partition. */
static int produce_check_batch(const struct request *request, const struct wire_records *records,
                               struct batch *batch, const char **message)
{
    int err = batch_parse_frame(records->data, (size_t)records->len, batch);
    ASSERT(records->len > 0);
    if (err == ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT) {
        *message = "from version 3 on a produce request must bring record batches (format 2)";
        return ERR_INVALID_RECORD;
    }
    if (err == ERR_EOF) {
        *message = "the record batch ends before its length says so";
        return ERR_INVALID_RECORD;
    }
    if (err) {
        *message = "the batch's length or format is not valid";
        return err;
    }
    if (batch->size != (size_t)records->len) {
        *message = "a partition must get exactly one record batch in a produce request";
        return ERR_INVALID_RECORD;
    }
    if (batch_codec(batch) == COMPRESS_ZSTD && request->version < PRODUCE_ZSTD_VERSION)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    return 0;
}

static int produce_check(struct produce_item *item, const struct wire_records *records,
                         const char **message)
{
    struct request *request = item->produce->request;
    struct batch batch;
    if (records->len <= 0) {
        *message = "a partition must get a record batch in a produce request";
        return ERR_INVALID_RECORD;
    }
    if (request->version < PRODUCE_BATCHES_VERSION)
        return 0;
    int err = produce_check_batch(request, records, &batch, message);
    if (err || !batch_is_transactional(&batch))
        return err;
    item->transactional = true;
    item->producer_id = batch.producer_id;
    item->producer_epoch = batch.producer_epoch;
    return 0;
}

/* Kafka's rules for the request as a whole: a transaction has a name, and one producer. The first
 * one it has by who may use the name, so that its error is that of authorisation. */
static int produce_check_txn(const struct produce *produce, const char **message)
{
    const struct produce_request *body = produce->request->body;
    const struct produce_item *first = NULL;
    for (int32_t i = 0; i < produce->item_count; i++) {
        const struct produce_item *item = &produce->items[i];
        if (!item->transactional)
            continue;
        if (body->transactional_id.len < 0) {
            *message = "a transactional batch needs a transactional id in its request";
            return ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
        }
        if (!first)
            first = item;
        if (item->producer_id != first->producer_id ||
            item->producer_epoch != first->producer_epoch) {
            *message = "the transactional batches of a request must be of one producer";
            return ERR_INVALID_PRODUCER_ID_MAPPING;
        }
    }
    return 0;
}

/* A client can't write to the topics that brokers keep for themselves: a crafted key would change
 * what a coordinator loads next. Kafka lets a client pass that calls itself "__admin_client"; a
 * name that anybody may use is no permission, so here none does. */
static int produce_find(struct request *request,
                        const struct produce_request_topic_produce_data *topic, int32_t index,
                        struct partition_ref *ref)
{
    const struct broker *broker = request->broker;
    struct wire_str name = topic->name;
    int err;
    if (request->version >= PRODUCE_IDS_VERSION) {
        err = partitions_by_id(broker->partitions, &topic->topic_id, index, ref);
        const struct image_topic *known =
            image_topic_by_id(metadata_image(broker->metadata), &topic->topic_id);
        name = wire_str_from(known ? known->name : "");
    } else if (wire_str_is_empty(name)) {
        return ERR_INVALID_TOPIC_EXCEPTION;
    } else {
        err = partitions_by_name(broker->partitions, name.data, (size_t)name.len, index, ref);
    }
    return !err && topic_name_is_internal(name) ? ERR_INVALID_TOPIC_EXCEPTION : err;
}

static uint64_t produce_topic_key(const struct produce_request_topic_produce_data *topic)
{
    static const uint64_t key[2] = {0, 0}; /* a collision harms only who makes it */
    return wire_str_is_empty(topic->name)
               ? siphash_128(key, &topic->topic_id, sizeof(topic->topic_id)).low
               : siphash_128(key, topic->name.data, (size_t)topic->name.len).low;
}

/* ---- answers ---- */

/* Who leads now, for clients that need not ask then (KIP-951). */
static void produce_say_moved(struct produce_item *item)
{
    struct request *request = item->produce->request;
    request_note_moved(request);
    if (request->version < NODES_PRODUCE_VERSION)
        return;
    item->answer->current_leader.leader_id = item->append.leader;
    item->answer->current_leader.leader_epoch = item->append.leader_epoch;
}

/* What a worker or the log found, record by record, as far as the version can tell it. */
static void produce_tell_bad_records(struct produce_item *item)
{
    struct request *request = item->produce->request;
    const struct partition_appended *result = &item->append.result;
    struct produce_response_partition_produce_response *answer = item->answer;
    ASSERT(result->bad_count >= 0);
    ASSERT(result->bad_count <= PARTITION_BAD_RECORDS_MAX);
    if (result->bad_count == 0 || request->version < PRODUCE_ERRORS_VERSION ||
        !WIRE_ARRAY(&request->arena, &answer->record_errors, result->bad_count,
                    &produce_response_batch_index_and_error_message_desc))
        return;
    for (int32_t i = 0; i < result->bad_count; i++) {
        answer->record_errors.items[i].batch_index = result->bad[i];
        answer->record_errors.items[i].batch_index_error_message =
            wire_str_from(result->bad_text[i]);
    }
}

static void produce_refuse(struct produce_item *item, int err)
{
    struct produce_response_partition_produce_response *answer = item->answer;
    ASSERT(err < 0);
    ASSERT(answer != NULL);
    answer->base_offset = -1;
    answer->log_append_time_ms = -1;
    answer->error_code = err_to_wire(err);
    answer->error_message = wire_str_from(item->append.result.message);
    produce_tell_bad_records(item);
    item->produce->failed = err;
    if (err == ERR_NOT_LEADER_OR_FOLLOWER)
        produce_say_moved(item);
}

static void produce_fill(struct produce_item *item)
{
    const struct partition_appended *result = &item->append.result;
    ASSERT(item->answer != NULL);
    item->answer->base_offset = result->base_offset;
    item->answer->log_append_time_ms = result->append_time_ms;
    item->answer->log_start_offset = result->log_start_offset;
}

/* ---- appending ---- */

static struct produce_item *produce_item_of(struct partition_append_op *append)
{
    return CONTAINER_OF(append, struct produce_item, append);
}

/* Appended; its safety is waited for. */
static void produce_taken(struct partition_append_op *append)
{
    struct produce_item *item = produce_item_of(append);
    ASSERT(append->appended);
    ASSERT(item->produce->open > 0);
    produce_fill(item);
    item->produce->waiting++;
    produce_settle(item->produce);
}

static void produce_safe(struct produce_item *item, int err)
{
    struct produce *produce = item->produce;
    ASSERT(item->append.appended);
    ASSERT(err <= 0);
    item->answer->error_code = err_to_wire(err);
    if (err)
        item->answer->base_offset = -1;
    if (err == ERR_NOT_LEADER_OR_FOLLOWER)
        produce_say_moved(item);
    ASSERT(produce->waiting > 0);
    if (--produce->waiting == 0 && produce->open == 0)
        produce_finish(produce);
}

static void produce_done(struct partition_op *op)
{
    struct produce_item *item = produce_item_of(CONTAINER_OF(op, struct partition_append_op, op));
    const struct produce_request *body = item->produce->request->body;
    ASSERT(op->err <= 0);
    ASSERT(!partition_op_is_open(op));
    produce_verify_cancel(item->verify);
    if (item->append.appended && body->acks != PARTITION_ACKS_NONE) {
        produce_safe(item, op->err);
        return;
    }
    if (op->err)
        produce_refuse(item, op->err);
    else
        produce_fill(item);
    produce_settle(item->produce);
}

/* The broker ends while a worker looks at the bytes. */
static void *produce_give_block(struct partition_append_op *append)
{
    return request_take_block(produce_item_of(append)->produce->request);
}

/* It would begin a transaction in its partition. */
static void produce_ask_coordinator(struct partition_append_op *append)
{
    struct produce_item *item = produce_item_of(append);
    struct request *request = item->produce->request;
    const struct produce_request *body = request->body;
    struct txn_producer producer = {body->transactional_id, item->producer_id,
                                    item->producer_epoch};
    ASSERT(item->transactional);
    ASSERT(item->verify == NULL);
    item->verify = produce_verify_begin(request, append, &producer);
}

/* What the batch says of itself; nothing is under way yet. */
static void produce_read(struct produce_item *item,
                         const struct produce_request_partition_produce_data *data)
{
    ASSERT(!partition_op_is_open(&item->append.op));
    ASSERT(item->answer != NULL);
    item->answer->index = data->index;
    item->append.verdict = produce_check(item, &data->records, &item->append.verdict_text);
}

static void produce_partition(struct produce_item *item,
                              const struct produce_request_topic_produce_data *topic,
                              const struct produce_request_partition_produce_data *data)
{
    struct produce *produce = item->produce;
    struct request *request = produce->request;
    struct partition_append_op *append = &item->append;
    ASSERT(!partition_op_is_open(&append->op));
    ASSERT(produce->open > 0);
    append->op.done = produce_done;
    append->bytes = data->records.data;
    append->len = data->records.len > 0 ? (size_t)data->records.len : 0;
    append->acks = ((const struct produce_request *)request->body)->acks;
    append->is_messages = request->version < PRODUCE_BATCHES_VERSION;
    append->client = produce_client(request);
    append->topic_key = produce_topic_key(topic);
    append->taken = produce_taken;
    append->give_block = produce_give_block;
    append->leader = append->leader_epoch = -1;
    if (item->transactional && produce_verify_is_wanted(request))
        append->verify = produce_ask_coordinator;
    append->bumps = request->version >= PRODUCE_ADDS_VERSION;
    int err = produce_find(request, topic, data->index, &append->op.ref);
    if (!err) {
        produce->open++;
        partitions_append(request->broker->partitions, append);
        return;
    }
    if (!append->is_messages)
        partition_client_note_refused(append->client, append->topic_key, data->index, append->bytes,
                                      append->len, err);
    produce_refuse(item, err);
}

static bool produce_prepare(struct produce *produce)
{
    const struct produce_request *body = produce->request->body;
    struct arena *arena = &produce->request->arena;
    wire_defaults(&produce_response_desc, &produce->response);
    for (int32_t i = 0; i < body->topic_data.count; i++)
        produce->item_count += body->topic_data.items[i].partition_data.count;
    ASSERT(produce->item_count >= 0);
    produce->items = arena_alloc_array(arena, (size_t)produce->item_count, sizeof(*produce->items));
    if (!produce->items || !WIRE_ARRAY(arena, &produce->response.responses, body->topic_data.count,
                                       &produce_response_topic_produce_response_desc))
        return false;
    struct produce_item *item = produce->items;
    for (int32_t i = 0; i < body->topic_data.count; i++) {
        struct produce_response_topic_produce_response *topic =
            &produce->response.responses.items[i];
        topic->name = body->topic_data.items[i].name;
        topic->topic_id = body->topic_data.items[i].topic_id;
        int32_t count = body->topic_data.items[i].partition_data.count;
        if (!WIRE_ARRAY(arena, &topic->partition_responses, count,
                        &produce_response_partition_produce_response_desc))
            return false;
        for (int32_t j = 0; j < count; j++, item++) {
            item->produce = produce;
            item->answer = &topic->partition_responses.items[j];
        }
    }
    ASSERT(item == produce->items + produce->item_count);
    return true;
}

static void produce_refuse_all(struct produce *produce, int err, const char *message)
{
    ASSERT(produce->open == 1);
    ASSERT(produce->waiting == 0);
    for (int32_t i = 0; i < produce->item_count; i++) {
        produce->items[i].append.result.message = message;
        produce_refuse(&produce->items[i], err);
    }
}

static void produce_begin(struct produce *produce)
{
    const struct produce_request *body = produce->request->body;
    struct produce_item *item = produce->items;
    const char *message = NULL;
    for (int32_t i = 0; i < body->topic_data.count; i++)
        for (int32_t j = 0; j < body->topic_data.items[i].partition_data.count; j++)
            produce_read(item++, &body->topic_data.items[i].partition_data.items[j]);
    ASSERT(item == produce->items + produce->item_count);
    int err = produce_check_txn(produce, &message);
    if (err) {
        produce_refuse_all(produce, err, message);
        return;
    }
    item = produce->items;
    for (int32_t i = 0; i < body->topic_data.count; i++) {
        const struct produce_request_topic_produce_data *topic = &body->topic_data.items[i];
        for (int32_t j = 0; j < topic->partition_data.count; j++)
            produce_partition(item++, topic, &topic->partition_data.items[j]);
    }
    ASSERT(item == produce->items + produce->item_count);
}

void handle_produce(struct request *request)
{
    struct produce *produce = request_alloc(request, sizeof(*produce));
    if (!produce)
        return;
    produce->request = request;
    env_timer_init(request->broker->env, &produce->timer, produce_timeout, produce);
    if (!produce_prepare(produce)) {
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
        return;
    }
    produce->open = 1;
    produce_begin(produce);
    produce_settle(produce);
}
