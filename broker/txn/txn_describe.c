/* DescribeTransactions: what is known of one transactional id. */
#include "base/err.h"
#include "broker/txn/txn_private.h"

static bool describe_topics(const struct txn *txn, struct arena *arena, txn_described *out)
{
    const struct txn_partitions *set = &txn->value.partitions;
    const struct txn_topic *topic;
    size_t cursor = 0;
    struct describe_transactions_response_topic_data *topics =
        WIRE_ARRAY(arena, &out->topics, (int32_t)set->topics.count,
                   &describe_transactions_response_topic_data_desc);
    while (topics && (topic = txn_partitions_next(set, &cursor))) {
        topics->topic = wire_str_from(topic->name);
        topics->partitions.items = topic->ids;
        topics->partitions.count = topic->count;
        topics++;
    }
    return topics != NULL;
}

int txn_manager_describe(struct txn_manager *manager, struct wire_str id, struct arena *arena,
                         txn_described *out)
{
    struct txn_shard *shard;
    int err = txn_manager_locate(manager, id, &shard);
    if (err)
        return err;
    const struct txn *txn = txn_shard_find(shard, id);
    if (!txn || txn->state == TXN_DEAD || txn->state == TXN_NEW)
        return ERR_TRANSACTIONAL_ID_NOT_FOUND;
    out->transaction_state = wire_str_from(txn_state_title(txn->state));
    out->transaction_timeout_ms = txn->value.timeout_ms;
    out->transaction_start_time_ms = txn->value.start_ms;
    out->producer_id = txn->value.producer_id;
    out->producer_epoch = txn->value.epoch;
    return describe_topics(txn, arena, out) ? 0 : ERR_UNKNOWN_SERVER_ERROR;
}
