/* The transaction coordinator over a log in memory, on a virtual clock: for the one file of each of
 * its test programs. Leaders of partitions and producer ids are played here, in the place of
 * broker/cluster.
 *
 * The log keeps Kafka's bytes, so that what was written is what a new coordinator loads. An append
 * is replicated a few milliseconds later, unless the test holds that back or lets it fail. */
#ifndef SIM_TXN_WORLD_H
#define SIM_TXN_WORLD_H

#include "../unit/tap.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "broker/cluster/broker_lines.h"
#include "broker/coordinator/coordinator_key.h"
#include "broker/txn/txn_private.h"
#include "kafka/api.h"
#include "kafka/messages/write_txn_markers.h"
#include "sim.h"
#include "tests/lib/metadata_feed.h"

enum { WORLD_PARTITIONS = 3, WORLD_MARKERS_MAX = 20000, WORLD_MINUTE_MS = 60000 };

struct world_log {
    struct buf bytes;
    size_t safe_len; /* replicated */
    int64_t end;
    struct list waits;
    struct env_timer safe_timer;
    struct coordinator_log_load *load;
    struct env_timer load_timer;
};

/* A marker that a leader was asked for. */
struct world_marker {
    char topic[16];
    int32_t index;
    int32_t leader;
    int64_t producer_id;
    int16_t epoch;
    bool commit;
    int32_t coordinator_epoch;
    int8_t version;
    int err; /* that it answered */
};

static struct world {
    struct sim *sim;
    struct sim_node *node;
    struct env *env;
    struct logger logger;
    struct metadata *metadata;
    struct txn_manager_deps deps;
    struct txn_manager *manager;
    struct world_log logs[WORLD_PARTITIONS];
    int32_t epoch;    /* of the leader of all partitions */
    bool hold;        /* nothing becomes safe */
    size_t batch_max; /* max.message.bytes */
    int64_t wait_ms;  /* that additions may wait for their id */
    int check_error;  /* what the log knows against appends */
    int append_error; /* of the next appends: nothing is in the log */
    int safe_error;   /* of appends that would become safe, */
    int safe_errors;  /* the first so many; 0: all */
    int refuse_error; /* the same, and nothing of them is in the log */
    int appends;
    /* producer ids */
    struct list id_waits;
    struct env_timer id_timer;
    int64_t id_next;
    int id_error;
    bool hold_ids;
    /* leaders */
    struct list calls;
    struct env_timer call_timer;
    bool hold_calls;
    int call_error;   /* of whole requests */
    int marker_error; /* of each partition, or of that of `marker_topic` */
    const char *marker_topic;
    struct world_marker markers[WORLD_MARKERS_MAX];
    int marker_count;
    int call_count;
} world;

/* ---- the log ---- */

static int log_append(void *data, int32_t partition, struct partition_append_op *append)
{
    struct world_log *log = &world.logs[partition];
    (void)data;
    if (world.append_error)
        return world.append_error;
    world.appends++;
    if (!world.refuse_error) {
        for (size_t at = 0; at < append->len;) {
            struct batch batch;
            CHECK_INT(batch_parse(append->bytes + at, append->len - at, &batch), 0);
            CHECK(batch.size <= world.batch_max);
            batch_set_base_offset(append->bytes + at, log->end);
            log->end += batch.last_offset_delta + 1;
            at += batch.size;
        }
        CHECK_INT(buf_append(&log->bytes, append->bytes, append->len), 0);
    }
    append->appended = !world.refuse_error;
    list_push(&log->waits, &append->op.link);
    if (!env_timer_running(&log->safe_timer))
        env_timer_start_us(&log->safe_timer, (int64_t)(1000 + env_random(world.env) % 4000));
    return 0;
}

static void log_append_cancel(void *data, struct partition_append_op *append)
{
    (void)data;
    list_remove(&append->op.link);
}

static void log_end(struct list *step, int err)
{
    struct partition_op *op = LIST_ENTRY(step, struct partition_op, link);
    op->err = err;
    op->done(op);
}

static int log_error(void)
{
    if (world.refuse_error || !world.safe_errors)
        return world.refuse_error ? world.refuse_error : world.safe_error;
    int err = world.safe_error;
    if (--world.safe_errors == 0)
        world.safe_error = 0;
    return err;
}

static void log_safe(void *data)
{
    struct world_log *log = data;
    struct list waits, *step;
    if (world.hold)
        return;
    log->safe_len = log->bytes.len;
    list_init(&waits);
    list_splice(&waits, &log->waits);
    while ((step = list_pop(&waits)))
        log_end(step, log_error());
}

static size_t log_batch_max(void *data, int32_t partition)
{
    (void)data;
    (void)partition;
    return world.batch_max;
}

static int log_check(void *data, int32_t partition)
{
    (void)data;
    (void)partition;
    return world.check_error;
}

static void log_load(void *data, int32_t partition, struct coordinator_log_load *load)
{
    (void)data;
    world.logs[partition].load = load;
    env_timer_start(&world.logs[partition].load_timer, 1);
}

static void log_load_cancel(void *data, struct coordinator_log_load *load)
{
    (void)data;
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        if (world.logs[i].load == load) {
            world.logs[i].load = NULL;
            env_timer_stop(&world.logs[i].load_timer);
        }
}

static void log_loaded(void *data)
{
    struct world_log *log = data;
    struct coordinator_log_load *load = log->load;
    log->safe_len = log->bytes.len;
    log->load = NULL;
    int err = log->bytes.len ? load->batches(load, log->bytes.data, log->bytes.len) : 0;
    load->done(load, err);
}

static const struct coordinator_log_ops world_log_ops = {.check = log_check,
                                                         .append = log_append,
                                                         .append_cancel = log_append_cancel,
                                                         .batch_max = log_batch_max,
                                                         .load = log_load,
                                                         .load_cancel = log_load_cancel};

/* ---- producer ids ---- */

static void ids_give(void *data)
{
    struct list waits, *step;
    (void)data;
    if (world.hold_ids)
        return;
    list_init(&waits);
    list_splice(&waits, &world.id_waits);
    while ((step = list_pop(&waits))) {
        struct producer_id_wait *wait = LIST_ENTRY(step, struct producer_id_wait, link);
        wait->done(wait, world.id_error, world.id_error ? -1 : world.id_next++);
    }
}

void producer_ids_take(struct producer_ids *ids, struct producer_id_wait *wait)
{
    (void)ids;
    list_push(&world.id_waits, &wait->link);
    env_timer_start(&world.id_timer, 0);
}

/* ---- the leaders of partitions ---- */

static int leader_err(const struct world_marker *marker)
{
    const struct image_topic *topic =
        image_topic_by_name(metadata_image(world.metadata), marker->topic, strlen(marker->topic));
    if (!topic || image_partition(topic, marker->index)->leader != marker->leader)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (world.marker_topic && strcmp(world.marker_topic, marker->topic) != 0)
        return 0;
    return world.marker_error;
}

static void leader_answer(struct broker_call *call)
{
    struct write_txn_markers_response response;
    struct arena arena;
    arena_init(&arena, 16 << 20);
    wire_defaults(&write_txn_markers_response_desc, &response);
    const struct write_txn_markers_request *request = call->request;
    CHECK_INT(call->key, KAFKA_API_WRITE_TXN_MARKERS);
    CHECK_INT(request->markers.count, 1);
    const struct write_txn_markers_request_writable_txn_marker *asked = request->markers.items;
    struct write_txn_markers_response_writable_txn_marker_result *result = WIRE_ARRAY(
        &arena, &response.markers, 1, &write_txn_markers_response_writable_txn_marker_result_desc);
    CHECK(WIRE_ARRAY(&arena, &result->topics, asked->topics.count,
                     &write_txn_markers_response_writable_txn_marker_topic_result_desc) != NULL);
    for (int32_t i = 0; i < asked->topics.count; i++) {
        struct write_txn_markers_response_writable_txn_marker_topic_result *topic =
            &result->topics.items[i];
        int32_t count = asked->topics.items[i].partition_indexes.count;
        topic->name = asked->topics.items[i].name;
        CHECK(WIRE_ARRAY(&arena, &topic->partitions, count,
                         &write_txn_markers_response_writable_txn_marker_partition_result_desc) !=
              NULL);
        for (int32_t j = 0; j < count; j++) {
            CHECK(world.marker_count < WORLD_MARKERS_MAX);
            struct world_marker *marker = &world.markers[world.marker_count++];
            *marker =
                (struct world_marker){.index = asked->topics.items[i].partition_indexes.items[j],
                                      .leader = call->broker_id,
                                      .producer_id = asked->producer_id,
                                      .epoch = asked->producer_epoch,
                                      .commit = asked->transaction_result,
                                      .coordinator_epoch = asked->coordinator_epoch,
                                      .version = asked->transaction_version};
            snprintf(marker->topic, sizeof(marker->topic), "%.*s", WIRE_STR_ARGS(topic->name));
            marker->err = leader_err(marker);
            topic->partitions.items[j].partition_index = marker->index;
            topic->partitions.items[j].error_code = err_to_wire(marker->err);
        }
    }
    call->done(call, 0, &response);
    arena_close(&arena);
}

static void leaders_answer(void *data)
{
    struct list calls, *step;
    (void)data;
    if (world.hold_calls)
        return;
    list_init(&calls);
    list_splice(&calls, &world.calls);
    while ((step = list_pop(&calls))) {
        struct broker_call *call = LIST_ENTRY(step, struct broker_call, link);
        call->open = false;
        if (world.call_error)
            call->done(call, world.call_error, NULL);
        else
            leader_answer(call);
    }
}

void broker_lines_call(struct broker_lines *lines, struct broker_call *call)
{
    (void)lines;
    CHECK(!call->open);
    call->open = true;
    world.call_count++;
    list_push(&world.calls, &call->link);
    if (!env_timer_running(&world.call_timer))
        env_timer_start(&world.call_timer, 1);
}

void broker_call_cancel(struct broker_call *call)
{
    if (call->open)
        list_remove(&call->link);
    call->open = false;
}

static inline void world_release_calls(void)
{
    world.hold_calls = false;
    env_timer_start(&world.call_timer, 1);
}

static inline void world_release_log(void)
{
    world.hold = false;
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        env_timer_start(&world.logs[i].safe_timer, 1);
}

/* ---- metadata ---- */

static void world_partition(const char *topic, int32_t index, int32_t leader, int32_t epoch)
{
    int32_t replicas[] = {1, 2, 3};
    struct image_partition partition = {.index = index,
                                        .leader = leader,
                                        .leader_epoch = epoch,
                                        .replicas = {replicas, 3},
                                        .isr = {replicas, 3}};
    feed_partition(world.metadata, topic, &partition);
}

/* Partition i is led by broker 1 + i % 3. */
static void world_topic(const char *name, int32_t partitions)
{
    feed_topic(world.metadata, name);
    for (int32_t i = 0; i < partitions; i++)
        world_partition(name, i, 1 + i % 3, 1);
}

/* ---- the world ---- */

static void world_no_lines(void *data, const char *line, int len)
{
    (void)data;
    (void)line;
    (void)len;
}

static void world_run(int64_t ms)
{
    sim_run_for(world.sim, ms * 1000);
}

static bool world_flag(void *data)
{
    return *(const bool *)data;
}

static void world_until(const bool *flag)
{
    if (!*flag)
        CHECK(sim_run_until(world.sim, world_flag, (void *)(uintptr_t)flag,
                            sim_now_us(world.sim) + 60000 * 1000LL));
}

/* This broker becomes the coordinator of everything under a new epoch. */
static void world_lead(void)
{
    world.epoch++;
    for (int32_t i = 0; i < WORLD_PARTITIONS; i++)
        world_partition(TXN_STATE_TOPIC, i, 1, world.epoch);
    for (int32_t i = 0; i < WORLD_PARTITIONS; i++)
        txn_manager_leader_changed(world.manager, i, true);
    world_run(5);
}

static void world_lose(bool lose_tail)
{
    for (int32_t i = 0; i < WORLD_PARTITIONS; i++) {
        struct world_log *log = &world.logs[i];
        struct list *step;
        env_timer_stop(&log->safe_timer);
        while ((step = list_pop(&log->waits)))
            log_end(step, ERR_NOT_LEADER_OR_FOLLOWER);
        if (lose_tail)
            log->bytes.len = log->safe_len;
        log->safe_len = log->bytes.len;
        txn_manager_leader_changed(world.manager, i, false);
    }
}

static inline void world_failover(bool lose_tail)
{
    world_lose(lose_tail);
    world_lead();
}

static void world_open(void)
{
    memset(&world, 0, sizeof(world));
    world.sim = sim_new(1);
    world.node = sim_node_new(world.sim, "a");
    world.env = sim_env_new(world.node);
    world.batch_max = 1 << 20;
    world.id_next = 1000;
    list_init(&world.id_waits);
    list_init(&world.calls);
    env_timer_init(world.env, &world.id_timer, ids_give, NULL);
    env_timer_init(world.env, &world.call_timer, leaders_answer, NULL);
    logger_init(&world.logger, "test", NULL, NULL);
    if (!getenv("TXN_WORLD_LOG"))
        world.logger.sink = world_no_lines;
    world.metadata = metadata_new(world.env, &world.logger);
    for (int i = 0; i < WORLD_PARTITIONS; i++) {
        struct world_log *log = &world.logs[i];
        buf_init(&log->bytes);
        list_init(&log->waits);
        env_timer_init(world.env, &log->safe_timer, log_safe, log);
        env_timer_init(world.env, &log->load_timer, log_loaded, log);
    }
    for (int32_t i = 1; i <= 3; i++)
        feed_broker(world.metadata, i, 1, 9092, false);
    feed_topic(world.metadata, TXN_STATE_TOPIC);
    world_topic("t", 8);
    world_topic("u", 4);
    world.deps = (struct txn_manager_deps){.env = world.env,
                                           .logger = &world.logger,
                                           .metadata = world.metadata,
                                           .settings = {.timeout_max_ms = 900000,
                                                        .expiration_ms = 604800000,
                                                        .expiration_check_ms = 3600000,
                                                        .memory_max = 1 << 28},
                                           .log = &world_log_ops};
    world.manager = txn_manager_new(&world.deps);
    world_lead();
}

static void world_close(void)
{
    world.hold_ids = false;
    world.id_error = ERR_COORDINATOR_NOT_AVAILABLE;
    ids_give(NULL);
    txn_manager_free(world.manager);
    CHECK(list_empty(&world.calls));
    env_timer_stop(&world.id_timer);
    env_timer_stop(&world.call_timer);
    for (int i = 0; i < WORLD_PARTITIONS; i++) {
        CHECK(list_empty(&world.logs[i].waits));
        env_timer_stop(&world.logs[i].safe_timer);
        env_timer_stop(&world.logs[i].load_timer);
        buf_close(&world.logs[i].bytes);
    }
    env_free(world.env);
    sim_env_reap(world.env); /* what a worker is at ends */
    metadata_free(world.metadata);
    sim_free(world.sim);
}

/* ---- requests; the error is -1 while there is none ---- */

struct asked {
    bool done;
    int err;
    union {
        struct txn_init init;
        struct txn_add add;
        struct txn_end end;
    };
    struct add_partitions_to_txn_request_add_partitions_to_txn_topic topic;
    int32_t indexes[8];
};

static void asked_init_done(struct txn_init *init, int err)
{
    struct asked *asked = CONTAINER_OF(init, struct asked, init);
    CHECK(!asked->done);
    asked->done = true;
    asked->err = err;
}

/* A producer that names who it is, or nobody (-1, -1). */
static void ask_init(struct asked *asked, const char *id, int64_t producer_id, int16_t epoch)
{
    *asked = (struct asked){.init = {.id = wire_str_from(id),
                                     .timeout_ms = WORLD_MINUTE_MS,
                                     .producer_id = producer_id,
                                     .epoch = epoch,
                                     .done = asked_init_done}};
    txn_manager_init_producer(world.manager, &asked->init);
}

static struct txn_producer init_as(const char *id, int64_t producer_id, int16_t epoch, int err)
{
    struct asked asked;
    ask_init(&asked, id, producer_id, epoch);
    world_until(&asked.done);
    CHECK_INT(asked.err, err);
    return (struct txn_producer){wire_str_from(id), asked.init.new_producer_id,
                                 asked.init.new_epoch};
}

static inline struct txn_producer init_anew(const char *id)
{
    return init_as(id, -1, -1, 0);
}

static void asked_add_done(struct txn_add *add, int err)
{
    struct asked *asked = CONTAINER_OF(add, struct asked, add);
    CHECK(!asked->done);
    asked->done = true;
    asked->err = err;
}

static void ask_add(struct asked *asked, const struct txn_producer *producer, const char *topic,
                    int32_t index)
{
    *asked = (struct asked){.topic = {.name = wire_str_from(topic)}, .indexes = {index}};
    asked->topic.partitions.items = asked->indexes;
    asked->topic.partitions.count = 1;
    asked->add = (struct txn_add){.producer = *producer,
                                  .topics = &asked->topic,
                                  .topic_count = 1,
                                  .wait_ms = world.wait_ms,
                                  .done = asked_add_done};
    txn_manager_add(world.manager, &asked->add);
}

static inline int add_to(const struct txn_producer *producer, const char *topic, int32_t index)
{
    struct asked asked;
    ask_add(&asked, producer, topic, index);
    world_until(&asked.done);
    return asked.err;
}

static void asked_end_done(struct txn_end *end, int err)
{
    struct asked *asked = CONTAINER_OF(end, struct asked, end);
    CHECK(!asked->done);
    asked->done = true;
    asked->err = err;
}

static void ask_end(struct asked *asked, const struct txn_producer *producer, bool commit)
{
    *asked =
        (struct asked){.end = {.producer = *producer, .commit = commit, .done = asked_end_done}};
    txn_manager_end(world.manager, &asked->end);
}

static inline int end_as(const struct txn_producer *producer, bool commit)
{
    struct asked asked;
    ask_end(&asked, producer, commit);
    world_until(&asked.done);
    return asked.err;
}

static void asked_verified(struct txn_add *add, const struct txn *txn, int err)
{
    struct asked *asked = CONTAINER_OF(add, struct asked, add);
    CHECK(!asked->done);
    asked->done = true;
    asked->err =
        err ? err : txn_verify_partition(txn, asked->topic.name, asked->topic.partitions.items[0]);
}

static void ask_verify(struct asked *asked, const struct txn_producer *producer, const char *topic,
                       int32_t index)
{
    *asked = (struct asked){.topic = {.name = wire_str_from(topic)}, .indexes = {index}};
    asked->topic.partitions.items = asked->indexes;
    asked->topic.partitions.count = 1;
    asked->add = (struct txn_add){.producer = *producer,
                                  .topics = &asked->topic,
                                  .topic_count = 1,
                                  .verified = asked_verified};
    txn_manager_verify(world.manager, &asked->add);
}

static inline int verify_in(const struct txn_producer *producer, const char *topic, int32_t index)
{
    struct asked asked;
    ask_verify(&asked, producer, topic, index);
    world_until(&asked.done);
    return asked.err;
}

/* ---- looking ---- */

static struct txn *txn_of(const char *id)
{
    struct wire_str key = wire_str_from(id);
    struct txn_shard *shard = map_get_u64(
        &world.manager->shards, (uint32_t)coordinator_key_partition(key, WORLD_PARTITIONS));
    return shard ? txn_shard_find(shard, key) : NULL;
}

static inline enum txn_state state_of(const char *id)
{
    struct txn *txn = txn_of(id);
    CHECK(txn != NULL);
    return txn->state;
}

/* How often the marker was taken, and all that were asked for it agree with that. */
static inline int markers_of(const char *topic, int32_t index, const struct txn_producer *producer,
                             bool commit)
{
    int count = 0;
    for (int i = 0; i < world.marker_count; i++) {
        const struct world_marker *marker = &world.markers[i];
        if (strcmp(marker->topic, topic) == 0 && marker->index == index &&
            marker->producer_id == producer->producer_id && marker->epoch == producer->epoch &&
            !marker->err) {
            CHECK_INT(marker->commit, commit);
            count++;
        }
    }
    return count;
}

#endif
