/* A shard: the table of transactional ids, and what the machine of its partition asks for.
 *
 * Loading: the machine replays all records, of which the newest of an id counts; then the ids start
 * some at a time: what was prepared goes on, what is open has its time. Failure mode: the load
 * fails; what was read so far is forgotten, and the machine tries again. */
#include "broker/txn/txn_shard.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/plural.h"
#include "broker/txn/txn_private.h"

enum {
    TXN_SHARD_START_SLICE = 2000, /* ids of one turn: a millisecond or so */
    TXN_SHARD_ARENA_MAX = 64 << 20
};

static struct txn_shard *txn_shard_of(struct machine *machine)
{
    return CONTAINER_OF(machine, struct txn_shard, machine);
}

/* What holds between two events. */
static void txn_shard_check(const struct txn_shard *shard)
{
    bool starting = !list_empty(&shard->start_mark);
    ASSERT(!starting || shard->machine.state != MACHINE_ACTIVE);
    ASSERT(starting || !env_timer_running(&shard->start_timer));
    ASSERT(shard->ids.count == 0 || !list_empty(&shard->order));
}

/* ---- ids ---- */

struct txn *txn_shard_find(struct txn_shard *shard, struct wire_str id)
{
    return map_get(&shard->ids, id.data, (size_t)id.len);
}

struct txn *txn_shard_add(struct txn_shard *shard, struct wire_str id)
{
    ASSERT(id.len > 0);
    ASSERT(id.len <= TXN_ID_MAX);
    ASSERT(!txn_shard_find(shard, id));
    struct txn *txn = txn_new(shard, id);
    map_put(&shard->ids, id.data, (size_t)id.len, txn);
    return txn;
}

void txn_shard_remove(struct txn_shard *shard, struct txn *txn)
{
    struct txn *removed = map_del(&shard->ids, txn->id, (size_t)txn->id_len);
    ASSERT(removed == txn);
    txn_walk_skip(&shard->manager->expiry.walk, txn);
    txn_walk_skip(&shard->manager->lister.walk, txn);
    txn_free(txn);
}

/* ---- what the machine asks for ---- */

static void txn_shard_replay_value(struct txn_shard *shard, const struct transaction_log_key *key,
                                   struct wire_bytes bytes)
{
    struct transaction_log_value value;
    struct txn *txn = txn_shard_find(shard, key->transactional_id);
    struct arena arena;
    arena_init(&arena, TXN_SHARD_ARENA_MAX);
    int err =
        machine_read_value(&shard->machine, bytes, &transaction_log_value_desc, &arena, &value);
    if (!err)
        txn_replay(txn ? txn : txn_shard_add(shard, key->transactional_id), &value);
    else if (err != ERR_NO_MEMORY)
        logger_warn(txn_manager_deps(shard->manager)->logger,
                    "%s-%d: the record of transactional id %.*s can't be read: it is passed over",
                    TXN_STATE_TOPIC, shard->machine.index, WIRE_STR_ARGS(key->transactional_id));
    arena_close(&arena);
}

static void txn_shard_replay(struct machine *machine, const struct batch *batch,
                             const struct record *record)
{
    struct txn_shard *shard = txn_shard_of(machine);
    struct transaction_log_key key;
    if (batch_is_control(batch) || records_type(record->key) != 0 ||
        records_read_key(record->key, &transaction_log_key_desc, &key) ||
        wire_str_is_empty(key.transactional_id))
        return;
    struct txn *txn = txn_shard_find(shard, key.transactional_id);
    if (record->value.len >= 0)
        txn_shard_replay_value(shard, &key, record->value);
    else if (txn && txn->state == TXN_NEW && !txn->record)
        txn_shard_remove(shard, txn); /* while all of it is read */
}

static void txn_shard_forget(struct machine *machine, int err)
{
    struct txn_shard *shard = txn_shard_of(machine);
    ASSERT(err < 0);
    env_timer_stop(&shard->start_timer);
    list_remove(&shard->start_mark);
    map_close(&shard->ids);
    map_init(&shard->ids);
    while (!list_empty(&shard->order)) {
        struct txn *txn = LIST_ENTRY(shard->order.next, struct txn, link);
        txn_waits_refuse(txn, err); /* who waits for a write has been told: it has ended */
        txn_free(txn);
    }
    ASSERT(shard->ids.count == 0);
    txn_shard_check(shard);
}

static void txn_shard_lost(struct machine *machine)
{
    struct txn_shard *shard = txn_shard_of(machine);
    struct txn *txn;
    size_t cursor = 0;
    txn_walk_leave(&shard->manager->expiry.walk, shard);
    txn_walk_leave(&shard->manager->lister.walk, shard);
    while ((txn = map_next(&shard->ids, &cursor, NULL, NULL)))
        txn_stop(txn);
}

static void txn_shard_started(struct txn_shard *shard)
{
    const struct txn_manager_deps *deps = txn_manager_deps(shard->manager);
    const struct machine *machine = &shard->machine;
    ASSERT(list_empty(&shard->start_mark));
    machine_serve(&shard->machine);
    logger_print(deps->logger, shard->ids.count ? LOGGER_INFO : LOGGER_DEBUG,
                 "loaded %zu transactional %s of %s-%d, %lld bytes, in %.1f ms", shard->ids.count,
                 plural((int64_t)shard->ids.count, "id", "ids"), TXN_STATE_TOPIC, machine->index,
                 (long long)machine->loaded_bytes,
                 (double)(env_now_us(deps->env) - machine->load_started_us) / 1000.0);
    txn_shard_check(shard);
}

static void txn_shard_start_ids(void *data)
{
    struct txn_shard *shard = data;
    for (int n = 0; n < TXN_SHARD_START_SLICE && shard->start_mark.next != &shard->order; n++) {
        struct list *next = shard->start_mark.next;
        list_remove(&shard->start_mark);
        list_push(next->next, &shard->start_mark);
        txn_start(LIST_ENTRY(next, struct txn, link)); /* may free it */
    }
    if (shard->start_mark.next != &shard->order) {
        env_timer_start(&shard->start_timer, 0);
        return;
    }
    list_remove(&shard->start_mark);
    txn_shard_started(shard);
}

static void txn_shard_loaded(struct machine *machine)
{
    struct txn_shard *shard = txn_shard_of(machine);
    ASSERT(list_empty(&shard->start_mark));
    list_push(shard->order.next, &shard->start_mark);
    txn_shard_start_ids(shard);
}

const struct machine_client txn_shard_client = {
    .what = "transactional ids",
    .too_large_err = ERR_UNKNOWN_SERVER_ERROR,
    .replay = txn_shard_replay,
    .loaded = txn_shard_loaded,
    .lost = txn_shard_lost,
    .forget = txn_shard_forget,
};

/* ---- life ---- */

struct txn_shard *txn_shard_new(struct txn_manager *manager, int32_t index, int32_t epoch)
{
    struct txn_shard *shard = mem_alloc(sizeof(*shard));
    ASSERT(index >= 0);
    ASSERT(epoch >= 0);
    shard->manager = manager;
    shard->epoch = epoch;
    map_init(&shard->ids);
    list_init(&shard->order);
    list_init(&shard->start_mark);
    txn_proof_init(&shard->proof);
    env_timer_init(txn_manager_deps(manager)->env, &shard->start_timer, txn_shard_start_ids, shard);
    machine_init(&shard->machine, txn_manager_machine_deps(manager), index);
    return shard;
}

void txn_shard_free(struct txn_shard *shard, int err)
{
    ASSERT(shard != NULL);
    machine_close(&shard->machine, err);
    ASSERT(list_empty(&shard->order));
    txn_proof_close(&shard->proof);
    map_close(&shard->ids);
    mem_free(shard);
}
