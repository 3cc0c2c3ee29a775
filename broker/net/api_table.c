/* The table of APIs: one row a key. The versions are all that kafka/api.h knows. */
#include "broker/net/api_table.h"

#include "base/check.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/known.h"

#define API_ROW(constant, handler)                                                                 \
    [KAFKA_API_##constant] = {.key = KAFKA_API_##constant, .handle = handler}
#define API_ROW_KNOWS(constant, handler)                                                           \
    [KAFKA_API_##constant] = {.key = KAFKA_API_##constant, .knows = true, .handle = handler}

static const struct api_row api_rows[KAFKA_API_END] = {
    API_ROW(PRODUCE, handle_produce),
    API_ROW(FETCH, handle_fetch),
    API_ROW(LIST_OFFSETS, handle_list_offsets),
    API_ROW_KNOWS(METADATA, handle_metadata),
    API_ROW(OFFSET_COMMIT, handle_offset_commit),
    API_ROW(OFFSET_FETCH, handle_offset_fetch),
    API_ROW(FIND_COORDINATOR, handle_find_coordinator),
    API_ROW(JOIN_GROUP, handle_join_group),
    API_ROW(HEARTBEAT, handle_heartbeat),
    API_ROW(LEAVE_GROUP, handle_leave_group),
    API_ROW(SYNC_GROUP, handle_sync_group),
    API_ROW(DESCRIBE_GROUPS, handle_describe_groups),
    API_ROW(LIST_GROUPS, handle_list_groups),
    API_ROW(API_VERSIONS, handle_api_versions),
    API_ROW(CREATE_TOPICS, handle_create_topics),
    API_ROW_KNOWS(DELETE_TOPICS, handle_delete_topics),
    API_ROW(DELETE_RECORDS, handle_delete_records),
    API_ROW(INIT_PRODUCER_ID, handle_init_producer_id),
    API_ROW(OFFSET_FOR_LEADER_EPOCH, handle_offset_for_leader_epoch),
    API_ROW_KNOWS(DESCRIBE_CONFIGS, handle_describe_configs),
    API_ROW_KNOWS(ALTER_CONFIGS, handle_alter_configs),
    API_ROW_KNOWS(DESCRIBE_LOG_DIRS, handle_describe_log_dirs),
    API_ROW(CREATE_PARTITIONS, handle_create_partitions),
    API_ROW(DELETE_GROUPS, handle_delete_groups),
    API_ROW(ELECT_LEADERS, handle_elect_leaders),
    API_ROW_KNOWS(INCREMENTAL_ALTER_CONFIGS, handle_incremental_alter_configs),
    API_ROW(ALTER_PARTITION_REASSIGNMENTS, handle_alter_partition_reassignments),
    API_ROW_KNOWS(LIST_PARTITION_REASSIGNMENTS, handle_list_partition_reassignments),
    API_ROW(OFFSET_DELETE, handle_offset_delete),
    API_ROW(DESCRIBE_QUORUM, handle_describe_quorum),
    API_ROW_KNOWS(DESCRIBE_CLUSTER, handle_describe_cluster),
    API_ROW(DESCRIBE_PRODUCERS, handle_describe_producers),
    API_ROW(UNREGISTER_BROKER, handle_unregister_broker),
    API_ROW(CONSUMER_GROUP_HEARTBEAT, handle_consumer_group_heartbeat),
    API_ROW(CONSUMER_GROUP_DESCRIBE, handle_consumer_group_describe),
    API_ROW_KNOWS(LIST_CONFIG_RESOURCES, handle_list_config_resources),
    API_ROW_KNOWS(DESCRIBE_TOPIC_PARTITIONS, handle_describe_topic_partitions),
};

const struct api_row *api_table_find(int16_t key)
{
    if (key < 0 || key >= KAFKA_API_END || !api_rows[key].handle)
        return NULL;
    return &api_rows[key];
}

const struct api_row *api_table_next(size_t *cursor)
{
    while (*cursor < KAFKA_API_END) {
        const struct api_row *row = api_table_find((int16_t)(*cursor)++);
        if (row)
            return row;
    }
    return NULL;
}

void api_table_handle(const struct api_row *row, struct request *request)
{
    if (row->knows)
        known_handle(request, row->handle);
    else
        row->handle(request);
}
