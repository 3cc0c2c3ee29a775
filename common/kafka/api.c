/* The table of APIs, indexed by key. */
#include "kafka/api.h"

#include "base/check.h"

#include "kafka/messages/add_offsets_to_txn.h"
#include "kafka/messages/add_partitions_to_txn.h"
#include "kafka/messages/add_raft_voter.h"
#include "kafka/messages/alter_client_quotas.h"
#include "kafka/messages/alter_configs.h"
#include "kafka/messages/alter_partition_reassignments.h"
#include "kafka/messages/alter_replica_log_dirs.h"
#include "kafka/messages/alter_user_scram_credentials.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/consumer_group_describe.h"
#include "kafka/messages/consumer_group_heartbeat.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_groups.h"
#include "kafka/messages/delete_records.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/describe_client_quotas.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/describe_log_dirs.h"
#include "kafka/messages/describe_producers.h"
#include "kafka/messages/describe_quorum.h"
#include "kafka/messages/describe_topic_partitions.h"
#include "kafka/messages/describe_transactions.h"
#include "kafka/messages/describe_user_scram_credentials.h"
#include "kafka/messages/elect_leaders.h"
#include "kafka/messages/end_txn.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/get_telemetry_subscriptions.h"
#include "kafka/messages/heartbeat.h"
#include "kafka/messages/incremental_alter_configs.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/messages/join_group.h"
#include "kafka/messages/leave_group.h"
#include "kafka/messages/list_config_resources.h"
#include "kafka/messages/list_groups.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/list_partition_reassignments.h"
#include "kafka/messages/list_transactions.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_delete.h"
#include "kafka/messages/offset_fetch.h"
#include "kafka/messages/offset_for_leader_epoch.h"
#include "kafka/messages/produce.h"
#include "kafka/messages/push_telemetry.h"
#include "kafka/messages/remove_raft_voter.h"
#include "kafka/messages/sasl_authenticate.h"
#include "kafka/messages/sasl_handshake.h"
#include "kafka/messages/sync_group.h"
#include "kafka/messages/txn_offset_commit.h"
#include "kafka/messages/unregister_broker.h"
#include "kafka/messages/unregister_controller.h"
#include "kafka/messages/update_features.h"
#include "kafka/messages/update_raft_voter.h"
#include "kafka/messages/write_txn_markers.h"

#define API_ROW(upper, number, text, messages, last, flexible)                                     \
    [number] = {.key = number,                                                                     \
                .name = text,                                                                      \
                .constant = #upper,                                                                \
                .min = 0,                                                                          \
                .max = last,                                                                       \
                .flexible_since = flexible,                                                        \
                .request = &messages##_request_desc,                                               \
                .response = &messages##_response_desc},
static const struct kafka_api api_table[KAFKA_API_END] = {KAFKA_API_LIST(API_ROW)};

/* Keys of Kafka that have no row above, for lines that people read. */
static const char *const api_other_names[] = {
    [4] = "LeaderAndIsr",
    [5] = "StopReplica",
    [6] = "UpdateMetadata",
    [7] = "ControlledShutdown",
    [29] = "DescribeAcls",
    [30] = "CreateAcls",
    [31] = "DeleteAcls",
    [38] = "CreateDelegationToken",
    [39] = "RenewDelegationToken",
    [40] = "ExpireDelegationToken",
    [41] = "DescribeDelegationToken",
    [48] = "DescribeClientQuotas",
    [49] = "AlterClientQuotas",
    [52] = "Vote",
    [53] = "BeginQuorumEpoch",
    [54] = "EndQuorumEpoch",
    [56] = "AlterPartition",
    [58] = "Envelope",
    [59] = "FetchSnapshot",
    [62] = "BrokerRegistration",
    [63] = "BrokerHeartbeat",
    [67] = "AllocateProducerIds",
    [70] = "ControllerRegistration",
    [73] = "AssignReplicasToDirs",
    [76] = "ShareGroupHeartbeat",
    [77] = "ShareGroupDescribe",
    [78] = "ShareFetch",
    [79] = "ShareAcknowledge",
    [82] = "UpdateRaftVoter",
    [83] = "InitializeShareGroupState",
    [84] = "ReadShareGroupState",
    [85] = "WriteShareGroupState",
    [86] = "DeleteShareGroupState",
    [87] = "ReadShareGroupStateSummary",
    [88] = "StreamsGroupHeartbeat",
    [89] = "StreamsGroupDescribe",
    [90] = "DescribeShareGroupOffsets",
    [91] = "AlterShareGroupOffsets",
    [92] = "DeleteShareGroupOffsets",
    [93] = "StreamsGroupTopologyDescriptionUpdate",
    [94] = "UnregisterController",
};

const char *kafka_api_name(int16_t key)
{
    const struct kafka_api *api = kafka_api_find(key);
    if (api)
        return api->name;
    return key >= 0 && key < (int16_t)ARRAY_LEN(api_other_names) ? api_other_names[key] : NULL;
}

const struct kafka_api *kafka_api_find(int16_t key)
{
    if (key < 0 || key >= KAFKA_API_END || !api_table[key].name)
        return NULL;
    return &api_table[key];
}

int16_t kafka_api_request_header_version(const struct kafka_api *api, int16_t version)
{
    return version >= api->flexible_since ? 2 : 1;
}

int16_t kafka_api_response_header_version(const struct kafka_api *api, int16_t version)
{
    return version >= api->flexible_since && api->key != KAFKA_API_API_VERSIONS ? 1 : 0;
}
