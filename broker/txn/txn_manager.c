/* The coordinator's front: which partition an id lives in, who asks, and memory. */
#include "broker/txn/txn_manager.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/coordinator/coordinator_key.h"
#include "broker/txn/txn_private.h"
#include "config/config.h"

void txn_settings_read(struct txn_settings *settings, const struct config *config)
{
    *settings = (struct txn_settings){
        .timeout_max_ms = config_int(config, CONFIG_TRANSACTION_MAX_TIMEOUT_MS),
        .expiration_ms = config_int(config, CONFIG_TRANSACTIONAL_ID_EXPIRATION_MS),
        .expiration_check_ms =
            config_int(config, CONFIG_TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS),
        .memory_max = config_int(config, CONFIG_TRANSACTION_COORDINATOR_MEMORY_MAX_BYTES),
    };
}

/* ---- who asks for what ---- */

static const struct image_topic *txn_manager_topic(const struct txn_manager *manager)
{
    return image_topic_by_name(metadata_image(manager->deps.metadata), TXN_STATE_TOPIC,
                               strlen(TXN_STATE_TOPIC));
}

int txn_manager_locate(const struct txn_manager *manager, struct wire_str id,
                       struct txn_shard **out)
{
    if (wire_str_is_empty(id) || id.len > TXN_ID_MAX)
        return ERR_INVALID_REQUEST;
    const struct image_topic *topic = txn_manager_topic(manager);
    if (!topic || topic->partition_count == 0)
        return ERR_NOT_COORDINATOR; /* whoever asks for the coordinator has the topic made */
    int32_t index = coordinator_key_partition(id, topic->partition_count);
    struct txn_shard *shard = map_get_u64(&manager->shards, (uint32_t)index);
    if (!shard)
        return ERR_NOT_COORDINATOR;
    *out = shard;
    return machine_may_answer(&shard->machine);
}

int txn_manager_find(const struct txn_manager *manager, const struct txn_producer *producer,
                     struct txn **out)
{
    struct txn_shard *shard;
    int err = txn_manager_locate(manager, producer->id, &shard);
    if (err)
        return err;
    struct txn *txn = txn_shard_find(shard, producer->id);
    err = txn ? txn_check_producer(txn, producer) : ERR_INVALID_PRODUCER_ID_MAPPING;
    *out = txn;
    return err;
}

static bool txn_manager_err_is_final(int err)
{
    return err == ERR_PRODUCER_FENCED || err == ERR_INVALID_PRODUCER_ID_MAPPING ||
           err == ERR_INVALID_TXN_STATE || err == ERR_TRANSACTION_ABORTABLE;
}

bool txn_manager_doubts(struct txn_manager *manager, const struct txn_producer *producer, int err,
                        struct txn_sure *sure, void (*done)(struct txn_sure *sure, int err))
{
    struct txn_shard *shard;
    ASSERT(done != NULL);
    if (!txn_manager_err_is_final(err) || txn_manager_locate(manager, producer->id, &shard))
        return false;
    const struct txn *txn = txn_shard_find(shard, producer->id);
    if (err == ERR_PRODUCER_FENCED && txn_refusal_stays(txn, producer))
        return false;
    return txn_sure_asks(shard, sure, done);
}

/* ---- leadership ---- */

void txn_manager_leader_changed(struct txn_manager *manager, int32_t partition, bool leader)
{
    ASSERT(partition >= 0);
    struct txn_shard *shard = map_del_u64(&manager->shards, (uint32_t)partition);
    const struct image_topic *topic = txn_manager_topic(manager);
    const struct image_partition *record = topic ? image_partition(topic, partition) : NULL;
    if (shard)
        txn_shard_free(shard, ERR_NOT_COORDINATOR);
    if (!leader || !record)
        return;
    ASSERT(record->leader_epoch >= 0);
    map_put_u64(&manager->shards, (uint32_t)partition,
                txn_shard_new(manager, partition, record->leader_epoch));
    txn_expiry_start(&manager->expiry);
}

/* ---- memory ---- */

void txn_manager_charge(struct txn_manager *manager, int64_t bytes)
{
    int64_t max = manager->deps.settings.memory_max;
    manager->bytes += bytes;
    ASSERT(manager->bytes >= 0);
    /* Told at the limit, and once more when a tenth is free again, not at each step in between. */
    if (!manager->full && manager->bytes >= max) {
        manager->full = true;
        logger_error(manager->deps.logger,
                     "transactional ids take %lld bytes: new ones are refused: use fewer, or raise "
                     "transaction.coordinator.memory.max.bytes",
                     (long long)manager->bytes);
    } else if (manager->full && manager->bytes < max - max / 10) {
        manager->full = false;
        logger_info(manager->deps.logger,
                    "transactional ids take %lld bytes: new ones are taken again",
                    (long long)manager->bytes);
    }
}

bool txn_manager_has_room(const struct txn_manager *manager)
{
    return manager->bytes < manager->deps.settings.memory_max;
}

void txn_manager_summarise(const struct txn_manager *manager, struct buf *out)
{
    const struct txn_shard *shard;
    size_t cursor = 0, ids = 0;
    while ((shard = map_next(&manager->shards, &cursor, NULL, NULL)))
        ids += shard->ids.count;
    buf_printf(out,
               "%zu transactional ids in %zu partitions of %s, memory for them %lld of %lld bytes",
               ids, manager->shards.count, TXN_STATE_TOPIC, (long long)manager->bytes,
               (long long)manager->deps.settings.memory_max);
}

void txn_manager_list(struct txn_manager *manager, struct txn_list *list)
{
    txn_lister_add(&manager->lister, list);
}

/* ---- life ---- */

struct txn_manager *txn_manager_new(const struct txn_manager_deps *deps)
{
    struct txn_manager *manager = mem_alloc(sizeof(*manager));
    ASSERT(deps->env != NULL);
    ASSERT(deps->metadata != NULL);
    ASSERT(deps->log != NULL);
    manager->deps = *deps;
    manager->machine_deps = (struct machine_deps){.env = deps->env,
                                                  .logger = deps->logger,
                                                  .topic = TXN_STATE_TOPIC,
                                                  .log = deps->log,
                                                  .log_data = deps->log_data,
                                                  .client = &txn_shard_client};
    map_init(&manager->shards);
    txn_expiry_init(&manager->expiry, manager);
    txn_lister_init(&manager->lister, manager);
    return manager;
}

void txn_manager_free(struct txn_manager *manager)
{
    struct txn_shard *shard;
    size_t cursor = 0;
    while ((shard = map_next(&manager->shards, &cursor, NULL, NULL)))
        txn_shard_free(shard, ERR_COORDINATOR_NOT_AVAILABLE);
    txn_expiry_close(&manager->expiry);
    txn_lister_close(&manager->lister);
    ASSERT(manager->bytes == 0);
    map_close(&manager->shards);
    mem_free(manager);
}

const struct txn_manager_deps *txn_manager_deps(const struct txn_manager *manager)
{
    return &manager->deps;
}

const struct machine_deps *txn_manager_machine_deps(const struct txn_manager *manager)
{
    return &manager->machine_deps;
}
