/* One handler for each API; the rules are those of net/request.h. */
#ifndef BROKER_HANDLERS_HANDLERS_H
#define BROKER_HANDLERS_HANDLERS_H

struct request;

void handle_alter_configs(struct request *request);
void handle_alter_partition_reassignments(struct request *request);
void handle_api_versions(struct request *request);
void handle_consumer_group_describe(struct request *request);
void handle_consumer_group_heartbeat(struct request *request);
void handle_create_partitions(struct request *request);
void handle_create_topics(struct request *request);
void handle_delete_groups(struct request *request);
void handle_delete_records(struct request *request);
void handle_delete_topics(struct request *request);
void handle_describe_cluster(struct request *request);
void handle_describe_configs(struct request *request);
void handle_describe_groups(struct request *request);
void handle_describe_log_dirs(struct request *request);
void handle_describe_producers(struct request *request);
void handle_describe_quorum(struct request *request);
void handle_describe_topic_partitions(struct request *request);
void handle_elect_leaders(struct request *request);
void handle_fetch(struct request *request);
void handle_find_coordinator(struct request *request);
void handle_heartbeat(struct request *request);
void handle_incremental_alter_configs(struct request *request);
void handle_init_producer_id(struct request *request);
void handle_join_group(struct request *request);
void handle_leave_group(struct request *request);
void handle_list_config_resources(struct request *request);
void handle_list_groups(struct request *request);
void handle_list_offsets(struct request *request);
void handle_list_partition_reassignments(struct request *request);
void handle_metadata(struct request *request);
void handle_offset_commit(struct request *request);
void handle_offset_delete(struct request *request);
void handle_offset_fetch(struct request *request);
void handle_offset_for_leader_epoch(struct request *request);
void handle_produce(struct request *request);
void handle_sync_group(struct request *request);
void handle_unregister_broker(struct request *request);

#endif
