/* Proof that this broker still coordinates: see the header.
 *
 * Failure modes: the log takes no record, or the partition is lost meanwhile: all who wait are told
 * so, and their clients look for the coordinator. */
#include "broker/txn/txn_sure.h"

#include "base/err.h"
#include "base/mutation.h"
#include "broker/txn/txn_private.h"

/* What holds between two events. */
static void txn_proof_check(const struct txn_proof *proof)
{
    ASSERT(list_empty(&proof->next) || !list_empty(&proof->written));
}

void txn_proof_init(struct txn_proof *proof)
{
    list_init(&proof->next);
    list_init(&proof->written);
}

void txn_proof_close(struct txn_proof *proof)
{
    ASSERT(list_empty(&proof->next));
    ASSERT(list_empty(&proof->written));
}

static void txn_sure_tell(struct list *all, int err)
{
    struct list told, *step;
    list_init(&told);
    list_splice(&told, all);
    while ((step = list_pop(&told))) {
        struct txn_sure *sure = LIST_ENTRY(step, struct txn_sure, link);
        sure->done(sure, err);
    }
}

/* A tombstone of an id that there is not. */
static int txn_sure_append(struct txn_shard *shard,
                           void (*done)(struct machine_write *write, int err))
{
    struct transaction_log_key nobody = {.transactional_id = {"", 0}};
    struct records records;
    int err = machine_check(&shard->machine);
    if (err)
        return err;
    records_init(&records, env_wall_ms(txn_manager_deps(shard->manager)->env));
    records_put(&records, TXN_KEY_TYPE, &transaction_log_key_desc, &nobody, 0,
                &transaction_log_value_desc, NULL);
    err = machine_write(&shard->machine, &records, &shard->proof.write, done);
    records_close(&records);
    return err;
}

static void txn_sure_write(struct txn_shard *shard);

static void txn_sure_written(struct machine_write *write, int err)
{
    struct txn_proof *proof = CONTAINER_OF(write, struct txn_proof, write);
    struct txn_shard *shard = CONTAINER_OF(proof, struct txn_shard, proof);
    struct list told;
    list_init(&told);
    list_splice(&told, &proof->written);
    ASSERT(!list_empty(&told));
    if (!list_empty(&proof->next))
        txn_sure_write(shard);
    txn_proof_check(proof);
    txn_sure_tell(&told, err);
}

/* One record for all who wait. */
static void txn_sure_write(struct txn_shard *shard)
{
    struct txn_proof *proof = &shard->proof;
    ASSERT(list_empty(&proof->written));
    ASSERT(!list_empty(&proof->next));
    list_splice(&proof->written, &proof->next);
    int err = txn_sure_append(shard, txn_sure_written);
    if (err)
        txn_sure_tell(&proof->written, err);
}

bool txn_sure_asks(struct txn_shard *shard, struct txn_sure *sure,
                   void (*done)(struct txn_sure *sure, int err))
{
    struct txn_proof *proof = &shard->proof;
    ASSERT(done != NULL);
    if (sure->asked || MUTATION(TXN_STALE_REFUSALS))
        return false;
    sure->asked = true;
    sure->done = done;
    list_init(&sure->link);
    list_push(&proof->next, &sure->link);
    if (list_empty(&proof->written))
        txn_sure_write(shard);
    txn_proof_check(proof);
    return true;
}
