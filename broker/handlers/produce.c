/* Produce: appends a batch to each partition named and answers when all of them are safe.
 *
 * Happy path: find the replica, append the received bytes as they are, wait for the flush (acks=1)
 * or the high watermark (acks=all), answer. A batch that is compressed or large, and a message set
 * of an old client, goes through the hands of a worker first; what its client sends behind it for
 * the same partition waits for it (produce_order.h). Failure modes are errors of single partitions;
 * what is not safe when the time is over is answered REQUEST_TIMED_OUT (outcome unknown). The time
 * counts from the last append on. With acks=0 nothing is answered, and an error closes the
 * connection so that the client refreshes its metadata. A client that goes away while its batches
 * wait: they are appended, but for those of an idempotent producer, which sends them again and in
 * order. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "base/siphash.h"
#include "broker/broker.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/produce_order.h"
#include "broker/handlers/topic_name.h"
#include "broker/net/refused.h"
#include "broker/net/request.h"
#include "broker/replica/replica_manager.h"
#include "kafka/batch.h"
#include "kafka/messages/produce.h"

enum {
    PRODUCE_BATCHES_VERSION = 3, /* older ones bring messages of magic 0 or 1 */
    PRODUCE_ZSTD_VERSION = 7,
    PRODUCE_ERRORS_VERSION = 8, /* bad records are told one by one */
    PRODUCE_IDS_VERSION = 13
};

struct produce;

struct produce_item {
    struct partition_wait wait;
    struct produce_turn turn;
    struct log_check check;
    struct produce *produce;
    const struct produce_request_topic_produce_data *topic;
    struct partition *partition; /* while it waits */
    const struct wire_records *records;
    struct produce_response_partition_produce_response *answer;
    bool checked; /* by a worker */
    bool queued;  /* its turn did not come at once */
    bool waiting;
};

struct produce {
    struct request *request;
    struct produce_response response;
    struct env_timer timer;
    struct produce_item *items; /* in the request's arena */
    int32_t item_count;
    int32_t open; /* not appended or refused yet; and one while the handler runs */
    int32_t waiting;
    size_t plain; /* bytes of plain batches that the loop looked at */
    int failed;   /* the last error of a partition */
};

static void produce_finish(struct produce *produce)
{
    struct request *request = produce->request;
    const struct produce_request *body = request->body;
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
    for (int32_t i = 0; i < produce->item_count; i++) {
        struct produce_item *item = &produce->items[i];
        if (!item->waiting)
            continue;
        partition_wait_cancel(&item->wait);
        item->answer->error_code = err_to_wire(ERR_REQUEST_TIMED_OUT);
        item->answer->base_offset = -1;
    }
    produce_finish(produce);
}

/* Who leads now, for clients that need not ask then (KIP-951). */
static void produce_say_moved(struct produce_item *item, const struct partition *partition)
{
    struct request *request = item->produce->request;
    request_note_moved(request);
    if (!partition || request->version < NODES_PRODUCE_VERSION)
        return;
    item->answer->current_leader.leader_id = partition_leader(partition);
    item->answer->current_leader.leader_epoch = partition_leader_epoch(partition);
}

static void produce_safe(struct partition_wait *wait, int err)
{
    struct produce_item *item = CONTAINER_OF(wait, struct produce_item, wait);
    struct produce *produce = item->produce;
    item->waiting = false;
    item->answer->error_code = err_to_wire(err);
    if (err)
        item->answer->base_offset = -1;
    if (err == ERR_NOT_LEADER_OR_FOLLOWER)
        produce_say_moved(item, item->partition);
    if (--produce->waiting == 0 && produce->open == 0)
        produce_finish(produce);
}

/* ---- checks ---- */

/* Kafka's rule for Produce v3+: exactly one batch of magic 2 for a partition. */
static int produce_check_batch(const struct request *request, const struct wire_records *records,
                               struct batch *batch, const char **message)
{
    int err = batch_parse_frame(records->data, (size_t)records->len, batch);
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
    if (batch_is_transactional(batch)) {
        *message = "transactions are not available yet";
        return ERR_INVALID_TXN_STATE;
    }
    return 0;
}

/* A client can't write to the topics that brokers keep for themselves: a crafted key would change
 * what a coordinator loads next. Kafka lets a client pass that calls itself "__admin_client"; a
 * name that anybody may use is no permission, so here none does. */
static struct partition *produce_find(struct request *request,
                                      const struct produce_request_topic_produce_data *topic,
                                      int32_t index, int *err)
{
    struct replica_manager *replicas = request->broker->replicas;
    struct partition *partition;
    if (request->version >= PRODUCE_IDS_VERSION) {
        partition = replica_manager_by_id(replicas, &topic->topic_id, index, err);
    } else if (wire_str_is_empty(topic->name)) {
        *err = ERR_INVALID_TOPIC_EXCEPTION;
        return NULL;
    } else {
        partition = replica_manager_by_name(replicas, topic->name.data, (size_t)topic->name.len,
                                            index, err);
    }
    if (partition && topic_name_is_internal(wire_str_from(partition_topic(partition)))) {
        *err = ERR_INVALID_TOPIC_EXCEPTION;
        return NULL;
    }
    return partition;
}

/* ---- the order of a producer's batches ---- */

static struct refused_batch produce_identity(const struct produce_item *item,
                                             const struct batch *batch)
{
    static const uint64_t key[2] = {0, 0}; /* a collision harms only who makes it */
    const struct produce_request_topic_produce_data *topic = item->topic;
    struct siphash hash = wire_str_is_empty(topic->name)
                              ? siphash_128(key, &topic->topic_id, sizeof(topic->topic_id))
                              : siphash_128(key, topic->name.data, (size_t)topic->name.len);
    return (struct refused_batch){.topic = hash.low,
                                  .partition = item->answer->index,
                                  .sequence = batch->base_sequence,
                                  .producer_id = batch->producer_id,
                                  .producer_epoch = batch->producer_epoch};
}

/* Refused before it was looked at: what was sent right behind it must not be taken first. */
static void produce_note_refused(struct produce_item *item, int err)
{
    struct request *request = item->produce->request;
    const struct wire_records *records = item->records;
    struct batch batch;
    bool passing = err == ERR_NOT_LEADER_OR_FOLLOWER || err == ERR_UNKNOWN_TOPIC_OR_PARTITION ||
                   err == ERR_UNKNOWN_TOPIC_ID || err == ERR_NOT_ENOUGH_REPLICAS ||
                   err == ERR_KAFKA_STORAGE_ERROR;
    if (!passing || !request_is_heard(request) || request->version < PRODUCE_BATCHES_VERSION ||
        records->len <= 0 || batch_parse(records->data, (size_t)records->len, &batch) ||
        batch.producer_id < 0)
        return;
    struct refused_batch identity = produce_identity(item, &batch);
    refused_note(request_refused(request), &identity);
}

static bool produce_is_overtaking(struct produce_item *item, struct partition *partition,
                                  const struct batch *batch)
{
    const struct log *log = partition_log(partition);
    if (batch->producer_id < 0)
        return false;
    /* Its client sends all again that was not answered, and some of it may have been refused. */
    if (item->queued && !request_is_heard(item->produce->request))
        return true;
    struct refused *refused = request_refused(item->produce->request);
    if (refused->count == 0 || !log ||
        log_knows_producer(log, batch->producer_id, batch->producer_epoch))
        return false;
    struct refused_batch identity = produce_identity(item, batch);
    return refused_is_behind(refused, &identity);
}

static void produce_note_taken(struct produce_item *item, const struct batch *batch)
{
    if (batch->producer_id < 0)
        return;
    struct refused *refused = request_refused(item->produce->request);
    if (refused->count == 0)
        return;
    struct refused_batch identity = produce_identity(item, batch);
    refused_taken(refused, &identity);
}

/* ---- refusing ---- */

/* What a worker or the log found, record by record, as far as the version can tell it. */
static void produce_tell_bad_records(struct produce_item *item, const struct log_append *result)
{
    struct request *request = item->produce->request;
    struct produce_response_partition_produce_response *answer = item->answer;
    if (result->bad_count == 0 || request->version < PRODUCE_ERRORS_VERSION ||
        !WIRE_ARRAY(&request->arena, &answer->record_errors, result->bad_count,
                    &produce_response_batch_index_and_error_message_desc))
        return;
    for (int32_t i = 0; i < result->bad_count; i++) {
        bool time = result->bad_times >> i & 1;
        answer->record_errors.items[i].batch_index = result->bad[i];
        answer->record_errors.items[i].batch_index_error_message =
            wire_str_from(time ? LOG_BAD_TIME : LOG_NO_KEY);
    }
}

static void produce_refuse(struct produce_item *item, struct partition *partition, int err,
                           const struct log_append *result)
{
    struct produce_response_partition_produce_response *answer = item->answer;
    answer->base_offset = -1;
    answer->log_append_time_ms = -1;
    answer->error_code = err_to_wire(err);
    answer->error_message = wire_str_from(result->message);
    produce_tell_bad_records(item, result);
    item->produce->failed = err;
    produce_note_refused(item, err);
    if (err == ERR_NOT_LEADER_OR_FOLLOWER)
        produce_say_moved(item, partition);
}

/* ---- appending ---- */

static int produce_append(struct produce_item *item, struct partition *partition,
                          struct log_append *result)
{
    struct request *request = item->produce->request;
    const struct wire_records *records = item->records;
    int16_t acks = ((const struct produce_request *)request->body)->acks;
    struct batch batch = {.producer_id = -1};
    int err = 0;
    if (item->checked && item->check.err) {
        *result = item->check.result;
        return item->check.err;
    }
    if (request->version >= PRODUCE_BATCHES_VERSION)
        err = produce_check_batch(request, records, &batch, &result->message);
    if (!err && produce_is_overtaking(item, partition, &batch))
        err = ERR_NOT_LEADER_OR_FOLLOWER;
    if (err)
        return err;
    if (item->checked)
        err = partition_append_checked(partition, &item->check, acks, result, &item->wait);
    else
        err = partition_append(partition, records->data, (size_t)records->len, LOG_FROM_CLIENT,
                               acks, result, &item->wait);
    if (err >= 0)
        produce_note_taken(item, &batch);
    return err;
}

/* The replica may have changed since the batch came: it is looked for at its turn. */
static void produce_take(struct produce_turn *turn)
{
    struct produce_item *item = CONTAINER_OF(turn, struct produce_item, turn);
    struct produce *produce = item->produce;
    struct produce_response_partition_produce_response *answer = item->answer;
    struct log_append result = {.base_offset = -1, .append_time_ms = -1};
    int err;
    struct partition *partition = produce_find(produce->request, item->topic, answer->index, &err);
    if (partition)
        err = produce_append(item, partition, &result);
    if (err < 0) {
        produce_refuse(item, partition, err, &result);
    } else {
        answer->base_offset = result.base_offset;
        answer->log_append_time_ms = result.append_time_ms;
        answer->log_start_offset = log_start_offset(partition_log(partition));
        item->waiting = err == PARTITION_WAITS;
        item->partition = partition;
        produce->waiting += item->waiting;
    }
    if (item->checked)
        log_check_close(&item->check);
    produce_settle(produce);
}

/* ---- what workers look at ---- */

static void produce_checked(struct log_check *check)
{
    struct produce_item *item = CONTAINER_OF(check, struct produce_item, check);
    struct request *request = item->produce->request;
    /* The broker ends: the bytes stay until the worker has done with them, the request need not. */
    if (log_check_is_running(check))
        log_check_keep(check, request_take_block(request));
    produce_order_ready(&item->turn);
}

/* 0: the loop does it; 1: a worker has it; or an error. */
static int produce_ask_worker(struct produce_item *item, struct partition *partition)
{
    struct produce *produce = item->produce;
    struct log *log = partition_log(partition);
    struct log_check *check = &item->check;
    uint8_t *bytes = item->records->data;
    size_t len = (size_t)item->records->len;
    check->is_messages = produce->request->version < PRODUCE_BATCHES_VERSION;
    if (!check->is_messages && !log_wants_check(log, bytes, len, produce->plain)) {
        produce->plain += len;
        return 0;
    }
    check->done = produce_checked;
    check->bytes = bytes;
    check->len = len;
    item->checked = true;
    int err = log_check_start(check, log, request_check_line(produce->request));
    item->checked = err == 1;
    return err;
}

/* What can be refused at once is. Else the batch is taken, or gets into its line. */
static int produce_begin(struct produce_item *item, struct partition *partition,
                         struct log_append *result)
{
    struct request *request = item->produce->request;
    struct produce_order *order = request->broker->produce_order;
    int16_t acks = ((const struct produce_request *)request->body)->acks;
    struct batch batch;
    int err = partition_check_append(partition, acks);
    if (!err && item->records->len <= 0) {
        result->message = "a partition must get a record batch in a produce request";
        err = ERR_INVALID_RECORD;
    }
    if (!err && request->version >= PRODUCE_BATCHES_VERSION)
        err = produce_check_batch(request, item->records, &batch, &result->message);
    if (!err)
        err = produce_ask_worker(item, partition);
    if (err < 0)
        return err;
    item->produce->open++;
    if (!err && produce_order_is_empty(order)) {
        produce_take(&item->turn);
        return 0;
    }
    struct produce_key key = {.client = request_check_line(request),
                              .topic_id = *partition_topic_id(partition),
                              .partition = item->answer->index};
    if (!err && produce_order_is_free(order, &key)) {
        produce_take(&item->turn);
        return 0;
    }
    item->queued = true;
    produce_order_join(order, &key, &item->turn);
    if (!err)
        produce_order_ready(&item->turn);
    return 0;
}

static void produce_partition(struct produce_item *item,
                              const struct produce_request_topic_produce_data *topic,
                              const struct produce_request_partition_produce_data *data)
{
    struct log_append result = {.base_offset = -1, .append_time_ms = -1};
    int err;
    struct partition *partition = produce_find(item->produce->request, topic, data->index, &err);
    item->answer->index = data->index;
    item->topic = topic;
    item->records = &data->records;
    if (partition)
        err = produce_begin(item, partition, &result);
    if (err < 0)
        produce_refuse(item, partition, err, &result);
}

static bool produce_prepare(struct produce *produce)
{
    const struct produce_request *body = produce->request->body;
    struct arena *arena = &produce->request->arena;
    wire_defaults(&produce_response_desc, &produce->response);
    for (int32_t i = 0; i < body->topic_data.count; i++)
        produce->item_count += body->topic_data.items[i].partition_data.count;
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
            item->wait.done = produce_safe;
            item->turn.take = produce_take;
            item->answer = &topic->partition_responses.items[j];
        }
    }
    return true;
}

void handle_produce(struct request *request)
{
    const struct produce_request *body = request->body;
    struct produce *produce = request_alloc(request, sizeof(*produce));
    if (!produce)
        return;
    produce->request = request;
    env_timer_init(request->broker->env, &produce->timer, produce_timeout, produce);
    if (!produce_prepare(produce)) {
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
        return;
    }
    struct produce_item *item = produce->items;
    produce->open = 1;
    for (int32_t i = 0; i < body->topic_data.count; i++) {
        const struct produce_request_topic_produce_data *topic = &body->topic_data.items[i];
        for (int32_t j = 0; j < topic->partition_data.count; j++)
            produce_partition(item++, topic, &topic->partition_data.items[j]);
    }
    produce_settle(produce);
}
