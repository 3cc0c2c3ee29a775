/* AddPartitionsToTxn: partitions that a producer is about to write to (v0-3), and what brokers ask
 * in the name of many producers (v4+), among that whether partitions are in a transaction.
 *
 * Happy path: each transaction is asked of the coordinator, and the answer leaves when the last of
 * them is stored. Failure modes: when a partition does not exist, or is of a topic that brokers
 * keep for themselves, none of its transaction is added, and the others say so. */
#include "broker/handlers/handlers.h"

#include "base/check.h"
#include "base/err.h"
#include "broker/broker.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/topic_name.h"
#include "broker/handlers/txn_error.h"
#include "broker/net/request.h"
#include "broker/txn/txn_manager.h"

enum {
    ADD_PARTITIONS_MAX = 50000, /* of one request: all are looked up in one turn of the loop */
    ADD_PARTITIONS_BATCHED_VERSION = 4,
    ADD_PARTITIONS_ABORTABLE_VERSION = 5 /* TRANSACTION_ABORTABLE is known */
};

typedef struct add_partitions_to_txn_request_add_partitions_to_txn_topic topic_named;
typedef struct add_partitions_to_txn_response_add_partitions_to_txn_topic_result topic_result;
typedef struct add_partitions_to_txn_response_add_partitions_to_txn_result txn_result;

struct add_partitions;

struct add_item {
    struct txn_add add;
    struct add_partitions *all;
    bool verify_only;
    topic_result *results; /* of the answer, one for each topic that was named */
};

struct add_partitions {
    struct request *request;
    struct add_partitions_to_txn_response response;
    struct add_item *items;
    int32_t count;
    int32_t named; /* partitions so far */
    int32_t open;  /* not answered by the coordinator; and one while the handler runs */
};

static void add_finish(struct add_partitions *all)
{
    ASSERT(all->open > 0);
    if (--all->open == 0)
        request_reply(all->request, &all->response, NULL);
}

/* What a partition can't be added for, whoever asks. */
static int add_check_partition(const struct request *request, const topic_named *named,
                               int32_t index)
{
    if (request->version < ADD_PARTITIONS_BATCHED_VERSION && topic_name_is_internal(named->name))
        return ERR_INVALID_TOPIC_EXCEPTION;
    const struct image_topic *topic =
        wire_str_is_empty(named->name)
            ? NULL
            : image_topic_by_name(nodes_image(request), named->name.data, (size_t)named->name.len);
    return topic && image_partition(topic, index) ? 0 : ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static int16_t add_code(const struct add_item *item, int err)
{
    int16_t version = item->all->request->version;
    if (err == ERR_TRANSACTION_ABORTABLE && version < ADD_PARTITIONS_ABORTABLE_VERSION)
        err = ERR_INVALID_TXN_STATE;
    return err_to_wire(txn_error_for(err, version));
}

/* One error for all partitions of a transaction. */
static void add_fill(struct add_item *item, int err)
{
    for (int32_t i = 0; i < item->add.topic_count; i++)
        for (int32_t j = 0; j < item->results[i].results_by_partition.count; j++)
            item->results[i].results_by_partition.items[j].partition_error_code =
                add_code(item, err);
}

/* Whether one of them can't be added; then all have their answer. */
static bool add_refuse(struct add_item *item)
{
    const struct request *request = item->all->request;
    bool refused = false;
    ASSERT(item->results != NULL || item->add.topic_count == 0);
    add_fill(item, ERR_OPERATION_NOT_ATTEMPTED);
    for (int32_t i = 0; i < item->add.topic_count; i++)
        for (int32_t j = 0; j < item->add.topics[i].partitions.count; j++) {
            int err = add_check_partition(request, &item->add.topics[i],
                                          item->add.topics[i].partitions.items[j]);
            if (!err)
                continue;
            item->results[i].results_by_partition.items[j].partition_error_code = err_to_wire(err);
            refused = true;
        }
    return refused;
}

static void add_verified(struct txn_add *add, const struct txn *txn, int err)
{
    struct add_item *item = CONTAINER_OF(add, struct add_item, add);
    ASSERT(err <= 0);
    ASSERT(item->verify_only);
    for (int32_t i = 0; i < add->topic_count; i++)
        for (int32_t j = 0; j < add->topics[i].partitions.count; j++) {
            int one = err ? err
                          : txn_verify_partition(txn, add->topics[i].name,
                                                 add->topics[i].partitions.items[j]);
            item->results[i].results_by_partition.items[j].partition_error_code =
                add_code(item, one);
        }
    add_finish(item->all);
}

static void add_done(struct txn_add *add, int err)
{
    struct add_item *item = CONTAINER_OF(add, struct add_item, add);
    ASSERT(err <= 0);
    ASSERT(!item->verify_only);
    add_fill(item, err);
    add_finish(item->all);
}

static void add_ask(struct add_item *item)
{
    ASSERT(item->all->open > 0);
    if (add_refuse(item))
        return;
    item->all->open++;
    if (item->verify_only) {
        item->add.verified = add_verified;
        txn_manager_verify(item->all->request->broker->txns, &item->add);
        return;
    }
    item->add.done = add_done;
    bool batched = item->all->request->version >= ADD_PARTITIONS_BATCHED_VERSION;
    if (!batched)
        item->add.opened_us = request_opened_us(item->all->request);
    /* A broker adds in the name of a producer only that does not do so itself. */
    item->add.bumps = batched;
    item->add.wait_ms = batched ? TXN_WAIT_BATCHED_MS : TXN_WAIT_MS;
    txn_manager_add(item->all->request->broker->txns, &item->add);
}

/* ---- the answer, as far as the request says what is in it ---- */

static bool add_name_topics(struct add_partitions *all, const struct txn_add *add,
                            topic_result *out)
{
    ASSERT(all->named <= ADD_PARTITIONS_MAX);
    for (int32_t i = 0; i < add->topic_count; i++) {
        const topic_named *named = &add->topics[i];
        out[i].name = named->name;
        if (named->partitions.count > ADD_PARTITIONS_MAX - all->named)
            return false;
        all->named += named->partitions.count;
        if (!WIRE_ARRAY(
                &all->request->arena, &out[i].results_by_partition, named->partitions.count,
                &add_partitions_to_txn_response_add_partitions_to_txn_partition_result_desc))
            return false;
        for (int32_t j = 0; j < named->partitions.count; j++)
            out[i].results_by_partition.items[j].partition_index = named->partitions.items[j];
    }
    return true;
}

static bool add_prepare_one(struct add_partitions *all)
{
    const struct add_partitions_to_txn_request *body = all->request->body;
    struct add_item *item = all->items;
    ASSERT(all->count == 1);
    item->add.producer =
        (struct txn_producer){body->v3_and_below_transactional_id, body->v3_and_below_producer_id,
                              body->v3_and_below_producer_epoch};
    item->add.topics = body->v3_and_below_topics.items;
    item->add.topic_count = body->v3_and_below_topics.count;
    item->results = WIRE_ARRAY(
        &all->request->arena, &all->response.results_by_topic_v3_and_below, item->add.topic_count,
        &add_partitions_to_txn_response_add_partitions_to_txn_topic_result_desc);
    return item->results && add_name_topics(all, &item->add, item->results);
}

static bool add_prepare_many(struct add_partitions *all)
{
    const struct add_partitions_to_txn_request *body = all->request->body;
    struct arena *arena = &all->request->arena;
    ASSERT(all->count == body->transactions.count);
    txn_result *out = WIRE_ARRAY(arena, &all->response.results_by_transaction, all->count,
                                 &add_partitions_to_txn_response_add_partitions_to_txn_result_desc);
    for (int32_t i = 0; out && i < all->count; i++) {
        struct add_item *item = &all->items[i];
        const struct add_partitions_to_txn_request_add_partitions_to_txn_transaction *named =
            &body->transactions.items[i];
        item->add.producer = (struct txn_producer){named->transactional_id, named->producer_id,
                                                   named->producer_epoch};
        item->add.topics = named->topics.items;
        item->add.topic_count = named->topics.count;
        item->verify_only = named->verify_only;
        out[i].transactional_id = named->transactional_id;
        item->results =
            WIRE_ARRAY(arena, &out[i].topic_results, named->topics.count,
                       &add_partitions_to_txn_response_add_partitions_to_txn_topic_result_desc);
        if (!item->results || !add_name_topics(all, &item->add, item->results))
            return false;
    }
    return out != NULL;
}

static bool add_prepare(struct add_partitions *all)
{
    const struct add_partitions_to_txn_request *body = all->request->body;
    bool batched = all->request->version >= ADD_PARTITIONS_BATCHED_VERSION;
    wire_defaults(&add_partitions_to_txn_response_desc, &all->response);
    all->count = batched ? body->transactions.count : 1;
    all->items = arena_alloc_array(&all->request->arena, (size_t)all->count, sizeof(*all->items));
    for (int32_t i = 0; all->items && i < all->count; i++)
        all->items[i].all = all;
    return all->items && (batched ? add_prepare_many(all) : add_prepare_one(all));
}

void handle_add_partitions_to_txn(struct request *request)
{
    struct add_partitions *all = request_alloc(request, sizeof(*all));
    if (!all)
        return;
    all->request = request;
    if (!add_prepare(all)) {
        request_fail(request, ERR_NO_MEMORY,
                     "names more partitions than a request may, or than fit in memory");
        return;
    }
    all->open = 1;
    for (int32_t i = 0; i < all->count; i++)
        add_ask(&all->items[i]);
    add_finish(all);
}
