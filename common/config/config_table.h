/* The table of settings: one row is a name, a type, a default, a range and a sentence. Everything
 * that knows a setting (the parser, the getters, DescribeConfigs, the checks of what is changed)
 * reads its row.
 *
 * X(id, name, type, default, topic name, min, max, allowed, flags, doc)
 * - id: the name in upper case with _ for the dots, without the CONFIG_ of the enum;
 * - default: text, NULL = unset;
 * - topic name: the override of a topic, NULL = none;
 * - min, max: for numbers; CONFIG_MAX_INT, CONFIG_MAX_LONG are the limits of Java;
 * - allowed: values separated by |, NULL = any; for a LIST each element is checked;
 * - flags: enum config_flags.
 *
 * Names, types and defaults are Kafka's (4.x, with those of 2.1 that files still contain), and some
 * rows are our own. Defaults that differ: log.flush.interval.messages is 1, so that an acknowledged
 * record is on disk; group.consumer.assignment.interval.ms is 0, so that who joins need not wait;
 * broker.heartbeat.interval.ms, broker.session.timeout.ms and controller.quorum.election.timeout.ms
 * are shorter, so that a node that hangs is found soon; group.coordinator.rebalance.protocols lacks
 * streams, which is not there; node.id and process.roles need not be set;
 * controller.quorum.bootstrap.servers names three ports of localhost. A row that is CONFIG_DYNAMIC
 * and has an effect needs a part of the broker that subscribes to it
 * (broker/cluster/live_settings.h), or is CONFIG_AT_CONTROLLER. */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include <stdint.h>

#include "config/config_idle.h"

#define CONFIG_MIN_SHORT     INT16_MIN
#define CONFIG_MAX_SHORT     INT16_MAX
#define CONFIG_MIN_INT       INT32_MIN
#define CONFIG_MAX_INT       INT32_MAX
#define CONFIG_MIN_LONG      INT64_MIN
#define CONFIG_MAX_LONG      INT64_MAX
#define CONFIG_MAX_LONG_TEXT "9223372036854775807"
#define CONFIG_MAX_INT_TEXT  "2147483647"

/* The APIs that a broker serves (broker/handlers/handlers.h), since this knows nothing of the
 * protocol. tests/unit/broker/handlers/api_versions_test.c compares them. */
#define CONFIG_APIS                                                                                \
    "Produce|Fetch|ListOffsets|Metadata|OffsetCommit|OffsetFetch|FindCoordinator|JoinGroup|"       \
    "Heartbeat|LeaveGroup|SyncGroup|DescribeGroups|ListGroups|ApiVersions|CreateTopics|"           \
    "DeleteTopics|DeleteRecords|InitProducerId|OffsetForLeaderEpoch|AddPartitionsToTxn|"           \
    "AddOffsetsToTxn|EndTxn|WriteTxnMarkers|TxnOffsetCommit|DescribeConfigs|AlterConfigs|"         \
    "AlterReplicaLogDirs|DescribeLogDirs|CreatePartitions|DeleteGroups|ElectLeaders|"              \
    "IncrementalAlterConfigs|"                                                                     \
    "AlterPartitionReassignments|ListPartitionReassignments|OffsetDelete|DescribeClientQuotas|"    \
    "AlterClientQuotas|DescribeUserScramCredentials|AlterUserScramCredentials|DescribeQuorum|"     \
    "UpdateFeatures|DescribeCluster|DescribeProducers|UnregisterBroker|DescribeTransactions|"      \
    "ListTransactions|ConsumerGroupHeartbeat|ConsumerGroupDescribe|ListConfigResources|"           \
    "GetTelemetrySubscriptions|PushTelemetry|DescribeTopicPartitions|AddRaftVoter|"                \
    "RemoveRaftVoter|"                                                                             \
    "UpdateRaftVoter|UnregisterController"

/* clang-format off */
#define CONFIG_NODE_ROWS(X) \
    X(BROKER_ID, "broker.id", INT, "-1", NULL, -1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The id of this node, the older name of node.id.") \
    X(NODE_ID, "node.id", INT, "-1", NULL, -1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_OWN_DEFAULT, \
      "The id of this node; unique in the cluster.") \
    X(PROCESS_ROLES, "process.roles", LIST, "broker,controller", NULL, 0, 0, "broker|controller", \
      CONFIG_READ_ONLY | CONFIG_OWN_DEFAULT | CONFIG_FILLED, \
      "What this process does: broker, controller, or both.") \
    X(CONFIG_PROVIDERS, "config.providers", LIST, "", NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "Where values of this file stand that are written as ${name:path:key}: names, each with " \
      "config.providers.NAME.class.") \
    X(LOGGER_LEVEL, "logger.level", STRING, "INFO", NULL, 0, 0, \
      "TRACE|DEBUG|INFO|WARN|ERROR|FATAL", CONFIG_READ_ONLY, \
      "How grave a line of this program's log must be to be written.") \
    X(LOGGER_FORMAT, "logger.format", STRING, "text", NULL, 0, 0, "text|json", CONFIG_READ_ONLY, \
      "How a line of this program's log is written: for people (text), or as a JSON object with " \
      "time, level, area, node and message.") \
    X(LOGGER_LEVELS, "logger.levels", LIST, "", NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "The same for single areas of the program: area=LEVEL, separated by commas. While it runs, " \
      "kafka-configs --entity-type broker-loggers shows and changes them.") \
    X(AGENT_CONF_FILE, "agent.conf.file", STRING, "", NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "The file, in Flume's format, of an agent of sources, channels and sinks that works inside " \
      "this process (docs/agent.md). Empty: none does.") \
    X(AGENT_NAME, "agent.name", STRING, "a1", NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "Which agent of agent.conf.file it is: the name that its lines begin with.") \
    X(AGENT_PROPERTIES, "agent.properties", LIST, "", NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "KEY=VALUE, separated by commas: what -D gives to flume-ng agent, for ${sys:KEY} in its " \
      "file, and flume.monitoring.type and flume.monitoring.port.") \
    X(REQUEST_LOGGER_CLIENT_IDS, "request.logger.client.ids", LIST, "", NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC, \
      "Whose requests kafka.request.logger tells, by client id, where a * at the end stands for " \
      "any rest. Empty: everybody's.") \
    X(REQUEST_LOGGER_APIS, "request.logger.apis", LIST, "", NULL, 0, 0, CONFIG_APIS, \
      CONFIG_DYNAMIC, \
      "The APIs whose requests kafka.request.logger tells. Empty: all of them.") \
    X(BROKER_RACK, "broker.rack", STRING, NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "The rack of this broker; replicas of a partition are spread over racks.") \
    X(LISTENERS, "listeners", LIST, NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_FILLED, \
      "Where this node listens: NAME://host:port, separated by commas; an empty host is any.") \
    X(ADVERTISED_LISTENERS, "advertised.listeners", LIST, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_FILLED, \
      "The addresses that clients and other brokers are told, when they differ from listeners.") \
    X(LISTENER_SECURITY_PROTOCOL_MAP, "listener.security.protocol.map", STRING, NULL, NULL, 0, 0, \
      NULL, CONFIG_READ_ONLY, "The security protocol of each listener name: NAME:PROTOCOL.") \
    X(INTER_BROKER_LISTENER_NAME, "inter.broker.listener.name", STRING, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY, "The listener that brokers use among themselves.") \
    X(SECURITY_INTER_BROKER_PROTOCOL, "security.inter.broker.protocol", STRING, "PLAINTEXT", \
      NULL, 0, 0, "PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL", CONFIG_READ_ONLY, \
      "The protocol between brokers, when inter.broker.listener.name is not set.") \
    X(PORT, "port", INT, "9092", NULL, 0, 65535, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD, \
      "The port to listen on, when listeners is not set.") \
    X(HOST_NAME, "host.name", STRING, NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD, \
      "The host to listen on, when listeners is not set; empty is any.") \
    X(ADVERTISED_HOST_NAME, "advertised.host.name", STRING, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD, \
      "The host that clients are told, when neither listeners nor advertised.listeners is set.") \
    X(ADVERTISED_PORT, "advertised.port", INT, NULL, NULL, 0, 65535, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD, \
      "The port that clients are told, when neither listeners nor advertised.listeners is set.") \
    X(LOG_DIR, "log.dir", LIST, "/tmp/kafka-logs", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_FILLED, \
      "The directory of the logs, when log.dirs is not set.") \
    X(LOG_DIRS, "log.dirs", LIST, NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_FILLED, \
      "The directories of the logs, separated by commas.") \
    X(CORDONED_LOG_DIRS, "cordoned.log.dirs", LIST, "", NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER, \
      "Directories of log.dirs that get no new replicas, separated by commas; * is all of them. " \
      "What lies in them is served as before.") \
    X(REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND, \
      "replica.alter.log.dirs.io.max.bytes.per.second", LONG, CONFIG_MAX_LONG_TEXT, NULL, 0, \
      CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC | CONFIG_NOT_TOLD, \
      "The most that is copied while replicas move between the log directories of the broker.") \
    X(METADATA_LOG_DIR, "metadata.log.dir", STRING, NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "The directory of the cluster metadata; the first log directory when it is not set.") \
    X(INITIAL_BROKER_REGISTRATION_TIMEOUT_MS, "initial.broker.registration.timeout.ms", INT, \
      "60000", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "How long a starting broker tries to register before it gives up.") \
    X(BROKER_SESSION_TIMEOUT_MS, "broker.session.timeout.ms", INT, NULL, NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "A broker without heartbeats for this long is fenced; six intervals when it is not set.") \
    X(BROKER_HEARTBEAT_INTERVAL_MS, "broker.heartbeat.interval.ms", INT, "200", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The time between two heartbeats to the controller.") \
    X(CONTROLLED_SHUTDOWN_ENABLE, "controlled.shutdown.enable", BOOL, "true", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY, "Whether SIGTERM moves the leaders away before the broker stops.") \
    X(CONTROLLED_SHUTDOWN_MAX_RETRIES, "controlled.shutdown.max.retries", INT, "3", NULL, 0, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT | CONFIG_NOT_TOLD, \
      "How often a controlled shutdown is tried.") \
    X(CONTROLLED_SHUTDOWN_RETRY_BACKOFF_MS, "controlled.shutdown.retry.backoff.ms", LONG, "5000", \
      NULL, 0, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT | CONFIG_NOT_TOLD, \
      "The wait between two of these tries.")

#define CONFIG_QUORUM_ROWS(X) \
    X(CONTROLLER_QUORUM_VOTERS, "controller.quorum.voters", LIST, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY, "The nodes that keep the metadata: id@host:port, separated by commas.") \
    X(CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, "controller.quorum.bootstrap.servers", LIST, \
      "localhost:19092,localhost:19093,localhost:19094", NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "Where to find the metadata quorum: host:port,... The lowest address founds it.") \
    X(CONTROLLER_QUORUM_AUTO_JOIN_ENABLE, "controller.quorum.auto.join.enable", BOOL, "false", \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "A new controller joins the quorum; not set: while it has fewer than three voters.") \
    X(CONTROLLER_LISTENER_NAMES, "controller.listener.names", LIST, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_FILLED, \
      "The names in listeners that belong to the controller.") \
    X(CONTROLLER_QUORUM_ELECTION_TIMEOUT_MS, "controller.quorum.election.timeout.ms", INT, \
      "400", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "A voter that hears nothing of a leader for this long starts an election.") \
    X(CONTROLLER_QUORUM_FETCH_TIMEOUT_MS, "controller.quorum.fetch.timeout.ms", INT, "2000", \
      NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "A leader that reaches no majority for this long steps down.") \
    X(CONTROLLER_QUORUM_ELECTION_BACKOFF_MAX_MS, "controller.quorum.election.backoff.max.ms", \
      INT, "1000", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "The longest wait before another election.") \
    X(CONTROLLER_QUORUM_REQUEST_TIMEOUT_MS, "controller.quorum.request.timeout.ms", INT, "2000", \
      NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "How long a request to the controller may take.") \
    X(CONTROLLER_QUORUM_RETRY_BACKOFF_MS, "controller.quorum.retry.backoff.ms", INT, "20", NULL, \
      0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "The wait before a request to the controller is repeated.") \
    X(METADATA_LOG_MAX_RECORD_BYTES_BETWEEN_SNAPSHOTS, \
      "metadata.log.max.record.bytes.between.snapshots", LONG, "20971520", NULL, 1, \
      CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "A metadata snapshot is made after this many bytes of records.") \
    X(METADATA_LOG_MAX_SNAPSHOT_INTERVAL_MS, "metadata.log.max.snapshot.interval.ms", LONG, \
      "3600000", NULL, 0, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "A metadata snapshot is made after this time; 0 = by size only.")

#define CONFIG_TOPIC_ROWS(X) \
    X(NUM_PARTITIONS, "num.partitions", INT, "1", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY, "The partitions of a topic that is created without a count.") \
    X(DEFAULT_REPLICATION_FACTOR, "default.replication.factor", INT, "1", NULL, 1, 32767, NULL, \
      CONFIG_READ_ONLY, "The replicas of a topic that is created without a count.") \
    X(MIN_INSYNC_REPLICAS, "min.insync.replicas", INT, "1", "min.insync.replicas", 1, \
      CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC, \
      "With fewer in-sync replicas, a write with acks=all is refused.") \
    X(AUTO_CREATE_TOPICS_ENABLE, "auto.create.topics.enable", BOOL, "true", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY, "Whether using an unknown topic creates it.") \
    X(DELETE_TOPIC_ENABLE, "delete.topic.enable", BOOL, "true", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY, "Whether topics may be deleted.") \
    X(MESSAGE_MAX_BYTES, "message.max.bytes", INT, "1048588", "max.message.bytes", 0, \
      CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC, "The largest record batch that is accepted.") \
    X(PRODUCE_BATCH_VALIDATION, "produce.batch.validation", STRING, "strict", NULL, 0, 0, \
      "strict|headers", CONFIG_READ_ONLY, \
      "How much of a client's batch is looked at before it is taken: each record (strict), or " \
      "only the header, whose timestamps are then believed (headers).") \
    X(COMPRESSION_TYPE, "compression.type", STRING, "producer", "compression.type", 0, 0, \
      "producer|uncompressed|gzip|snappy|lz4|zstd", CONFIG_DYNAMIC, \
      "The codec of stored batches; producer keeps what was sent.") \
    X(COMPRESSION_GZIP_LEVEL, "compression.gzip.level", INT, "-1", "compression.gzip.level", -1, \
      9, NULL, CONFIG_DYNAMIC, \
      "The level of gzip when a batch is compressed again.") \
    X(COMPRESSION_LZ4_LEVEL, "compression.lz4.level", INT, "9", "compression.lz4.level", 1, 17, \
      NULL, CONFIG_DYNAMIC, \
      "The level of lz4 when a batch is compressed again.") \
    X(COMPRESSION_ZSTD_LEVEL, "compression.zstd.level", INT, "3", "compression.zstd.level", \
      -131072, 22, NULL, CONFIG_DYNAMIC, \
      "The level of zstd when a batch is compressed again.") \
    X(UNCLEAN_LEADER_ELECTION_ENABLE, "unclean.leader.election.enable", BOOL, "false", \
      "unclean.leader.election.enable", 0, 0, NULL, CONFIG_DYNAMIC | CONFIG_AT_CONTROLLER, \
      "Whether a replica that is not in sync may lead when no other is left; it loses records.") \
    X(AUTO_LEADER_REBALANCE_ENABLE, "auto.leader.rebalance.enable", BOOL, "true", NULL, 0, 0, \
      NULL, CONFIG_READ_ONLY, "Whether leadership returns to the preferred replica by itself.") \
    X(LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS, "leader.imbalance.check.interval.seconds", LONG, \
      "300", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "How often that is checked.") \
    X(LEADER_IMBALANCE_PER_BROKER_PERCENTAGE, "leader.imbalance.per.broker.percentage", INT, \
      "0", NULL, 0, 100, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD, \
      "The share of a broker's partitions that may be led elsewhere before that.") \
    X(FOLLOWER_REPLICATION_THROTTLED_REPLICAS, "follower.replication.throttled.replicas", LIST, \
      "", "follower.replication.throttled.replicas", 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_TOPIC_ONLY, \
      "Replicas (partition:broker, or *) that copy at follower.replication.throttled.rate.") \
    X(LEADER_REPLICATION_THROTTLED_REPLICAS, "leader.replication.throttled.replicas", LIST, "", \
      "leader.replication.throttled.replicas", 0, 0, NULL, CONFIG_DYNAMIC | CONFIG_TOPIC_ONLY, \
      "Replicas (partition:broker, or *) that send at leader.replication.throttled.rate.") \
    X(FOLLOWER_REPLICATION_THROTTLED_RATE, "follower.replication.throttled.rate", LONG, \
      CONFIG_MAX_LONG_TEXT, NULL, 0, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC | CONFIG_NOT_TOLD, \
      "Bytes a second that throttled replicas here copy, while they are not in sync.") \
    X(LEADER_REPLICATION_THROTTLED_RATE, "leader.replication.throttled.rate", LONG, \
      CONFIG_MAX_LONG_TEXT, NULL, 0, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC | CONFIG_NOT_TOLD, \
      "Bytes a second that throttled leaders here send to replicas that are not in sync.") \
    X(REPLICATION_QUOTA_WINDOW_NUM, "replication.quota.window.num", INT, "11", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "What such a rate leaves unused is kept for one window divided by this.") \
    X(REPLICATION_QUOTA_WINDOW_SIZE_SECONDS, "replication.quota.window.size.seconds", INT, "1", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "The length of that window.") \
    X(REMOTE_STORAGE_ENABLE, "remote.storage.enable", BOOL, "false", "remote.storage.enable", 0, \
      0, NULL, CONFIG_DYNAMIC | CONFIG_TOPIC_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_COPY_DISABLE, "remote.log.copy.disable", BOOL, "false", \
      "remote.log.copy.disable", 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_TOPIC_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_DELETE_ON_DISABLE, "remote.log.delete.on.disable", BOOL, "false", \
      "remote.log.delete.on.disable", 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_TOPIC_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(CREATE_TOPIC_POLICY, "create.topic.policy", STRING, "", NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "Rules that new topics keep, separated by ;, in the files of the controllers: " \
      "partitions<=100; replication.factor>=3; name=orders-*|audit-*; " \
      "config.min.insync.replicas>=2; given.retention.ms.") \
    X(CREATE_TOPIC_POLICY_CLASS_NAME, "create.topic.policy.class.name", CLASS, NULL, NULL, 0, 0, \
      NULL, CONFIG_READ_ONLY | CONFIG_GUARD, \
      "New topics can't be checked by a Java class: write its rules in create.topic.policy.")

#define CONFIG_LOG_ROWS(X) \
    X(LOG_SEGMENT_BYTES, "log.segment.bytes", INT, "1073741824", "segment.bytes", 1048576, \
      CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC, "The largest size of a segment file.") \
    X(INTERNAL_SEGMENT_BYTES, "internal.segment.bytes", INT, NULL, "internal.segment.bytes", \
      CONFIG_MIN_INT, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD, \
      "The size of a segment file for tests: any number, and it wins.") \
    X(LOG_ROLL_HOURS, "log.roll.hours", INT, "168", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY, "As log.roll.ms, in hours; log.roll.ms wins.") \
    X(LOG_ROLL_MS, "log.roll.ms", LONG, NULL, "segment.ms", 1, CONFIG_MAX_LONG, NULL, \
      CONFIG_DYNAMIC, "A new segment is begun after this time, full or not.") \
    X(LOG_ROLL_JITTER_HOURS, "log.roll.jitter.hours", INT, "0", NULL, 0, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY, "As log.roll.jitter.ms, in hours; log.roll.jitter.ms wins.") \
    X(LOG_ROLL_JITTER_MS, "log.roll.jitter.ms", LONG, NULL, "segment.jitter.ms", 0, \
      CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC, "The most that is taken off log.roll.ms by chance.") \
    X(LOG_RETENTION_HOURS, "log.retention.hours", INT, "168", NULL, -1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY, "As log.retention.ms, in hours; minutes and ms win.") \
    X(LOG_RETENTION_MINUTES, "log.retention.minutes", INT, NULL, NULL, -1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY, "As log.retention.ms, in minutes; log.retention.ms wins.") \
    X(LOG_RETENTION_MS, "log.retention.ms", LONG, NULL, "retention.ms", -1, CONFIG_MAX_LONG, \
      NULL, CONFIG_DYNAMIC, "Segments older than this are deleted; -1 = never.") \
    X(LOG_RETENTION_BYTES, "log.retention.bytes", LONG, "-1", "retention.bytes", -1, \
      CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC, \
      "Old segments of a larger partition are deleted; -1 = never.") \
    X(LOG_RETENTION_CHECK_INTERVAL_MS, "log.retention.check.interval.ms", LONG, "300000", NULL, \
      1, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY, "How often retention is checked.") \
    X(LOG_DIR_STRAY_RETENTION_MS, "log.dir.stray.retention.ms", LONG, "-1", NULL, -1, \
      CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY, \
      "Folders of partitions that the metadata did not name are set aside as *-stray and kept; " \
      "they are removed when they are older than this; 0 and -1 = never.") \
    X(LOG_DIR_RESERVE_BYTES, "log.dir.reserve.bytes", LONG, "8388608", NULL, 1048576, \
      1099511627776, NULL, CONFIG_READ_ONLY, \
      "When less than this is free on the disk of a log directory, clients' records are refused " \
      "and its partitions are led by others, until twice as much is free.") \
    X(LOG_CLEANUP_POLICY, "log.cleanup.policy", LIST, "delete", "cleanup.policy", 0, 0, \
      "compact|delete", CONFIG_DYNAMIC, \
      "What happens to old records: delete, compact (the last of each key stays), or both.") \
    X(LOG_CLEANER_ENABLE, "log.cleaner.enable", BOOL, "true", NULL, 0, 0, NULL, CONFIG_READ_ONLY, \
      "Whether compaction runs.") \
    X(LOG_CLEANER_DEDUPE_BUFFER_SIZE, "log.cleaner.dedupe.buffer.size", LONG, "134217728", NULL, \
      1048576, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC, \
      "Memory that a run of compaction takes at most for the keys it has seen, 24 bytes each; " \
      "with more keys than that it takes several runs.") \
    X(LOG_CLEANER_BACKOFF_MS, "log.cleaner.backoff.ms", LONG, "15000", NULL, 0, CONFIG_MAX_LONG, \
      NULL, CONFIG_DYNAMIC, "How long compaction sleeps when there is nothing to do.") \
    X(LOG_CLEANER_MIN_CLEANABLE_RATIO, "log.cleaner.min.cleanable.ratio", DOUBLE, "0.5", \
      "min.cleanable.dirty.ratio", 0, 1, NULL, CONFIG_DYNAMIC, \
      "The share of a log that must be new before it is compacted.") \
    X(LOG_CLEANER_MIN_COMPACTION_LAG_MS, "log.cleaner.min.compaction.lag.ms", LONG, "0", \
      "min.compaction.lag.ms", 0, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC, \
      "A record stays uncompacted for at least this long.") \
    X(LOG_CLEANER_MAX_COMPACTION_LAG_MS, "log.cleaner.max.compaction.lag.ms", LONG, \
      CONFIG_MAX_LONG_TEXT, "max.compaction.lag.ms", 1, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC, \
      "A record is compacted at the latest after this time.") \
    X(LOG_CLEANER_DELETE_RETENTION_MS, "log.cleaner.delete.retention.ms", LONG, "86400000", \
      "delete.retention.ms", 0, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC, \
      "How long the mark of a deleted key stays.") \
    X(LOG_SEGMENT_DELETE_DELAY_MS, "log.segment.delete.delay.ms", LONG, "60000", \
      "file.delete.delay.ms", 0, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC, \
      "How long the file of a deleted segment stays.") \
    X(LOG_INDEX_SIZE_MAX_BYTES, "log.index.size.max.bytes", INT, "10485760", \
      "segment.index.bytes", 4, CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC, \
      "The largest size of an offset index.") \
    X(LOG_INDEX_INTERVAL_BYTES, "log.index.interval.bytes", INT, "4096", "index.interval.bytes", \
      0, CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC, \
      "An index entry is written after this many bytes.") \
    X(LOG_PREALLOCATE, "log.preallocate", BOOL, "false", "preallocate", 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_IDLE "segment files grow with their records.") \
    X(LOG_FLUSH_INTERVAL_MESSAGES, "log.flush.interval.messages", LONG, "1", "flush.messages", 1, \
      CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC, \
      "1: records count as replicated only once they are on disk; Kafka's default, " \
      CONFIG_MAX_LONG_TEXT ", leaves that to the system.") \
    X(LOG_FLUSH_INTERVAL_MS, "log.flush.interval.ms", LONG, NULL, "flush.ms", 0, CONFIG_MAX_LONG, \
      NULL, CONFIG_DYNAMIC, "Records are flushed after this time at the latest.") \
    X(LOG_FLUSH_SCHEDULER_INTERVAL_MS, "log.flush.scheduler.interval.ms", LONG, \
      CONFIG_MAX_LONG_TEXT, NULL, 0, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY, \
      "The default of log.flush.interval.ms, and how often all logs are looked at for it.") \
    X(LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS, "log.flush.offset.checkpoint.interval.ms", INT, \
      "60000", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "How often the recovery points are written.") \
    X(LOG_FLUSH_START_OFFSET_CHECKPOINT_INTERVAL_MS, \
      "log.flush.start.offset.checkpoint.interval.ms", INT, "60000", NULL, 0, CONFIG_MAX_INT, \
      NULL, CONFIG_READ_ONLY, "How often the log start offsets are written.") \
    X(LOG_MESSAGE_TIMESTAMP_TYPE, "log.message.timestamp.type", STRING, "CreateTime", \
      "message.timestamp.type", 0, 0, "CreateTime|LogAppendTime", CONFIG_DYNAMIC, \
      "Whether a record keeps the producer's time or gets the broker's.") \
    X(LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS, "log.message.timestamp.before.max.ms", LONG, \
      CONFIG_MAX_LONG_TEXT, "message.timestamp.before.max.ms", 0, CONFIG_MAX_LONG, NULL, \
      CONFIG_DYNAMIC, "How far in the past a record's time may be.") \
    X(LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS, "log.message.timestamp.after.max.ms", LONG, "3600000", \
      "message.timestamp.after.max.ms", 0, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC, \
      "How far in the future a record's time may be.") \
    X(PRODUCER_ID_EXPIRATION_MS, "producer.id.expiration.ms", INT, "86400000", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC, \
      "How long the state of an idempotent producer is kept after its last write.")

#define CONFIG_REPLICA_ROWS(X) \
    X(REPLICA_LAG_TIME_MAX_MS, "replica.lag.time.max.ms", LONG, "30000", NULL, 1, \
      CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY, \
      "A follower that is behind for this long leaves the in-sync set.") \
    X(REPLICA_SOCKET_TIMEOUT_MS, "replica.socket.timeout.ms", INT, "30000", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "How long a follower waits for an answer of the leader.") \
    X(REPLICA_SOCKET_RECEIVE_BUFFER_BYTES, "replica.socket.receive.buffer.bytes", INT, "65536", \
      NULL, -1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "The receive buffer of a follower.") \
    X(REPLICA_FETCH_MAX_BYTES, "replica.fetch.max.bytes", INT, "1048576", NULL, 0, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "How much of one partition a follower fetches at a time.") \
    X(REPLICA_FETCH_WAIT_MAX_MS, "replica.fetch.wait.max.ms", INT, "500", NULL, 0, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "How long the leader holds a fetch that has nothing to return.") \
    X(REPLICA_FETCH_MIN_BYTES, "replica.fetch.min.bytes", INT, "1", NULL, 0, CONFIG_MAX_INT, \
      NULL, CONFIG_READ_ONLY, "The least that a follower wants to be answered with.") \
    X(REPLICA_FETCH_RESPONSE_MAX_BYTES, "replica.fetch.response.max.bytes", INT, "10485760", \
      NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The most that one fetch of a follower returns.") \
    X(REPLICA_FETCH_BACKOFF_MS, "replica.fetch.backoff.ms", INT, "1000", NULL, 0, CONFIG_MAX_INT, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "The wait before a partition is fetched again after an error.") \
    X(REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS, \
      "replica.high.watermark.checkpoint.interval.ms", LONG, "5000", NULL, 1, CONFIG_MAX_LONG, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, "How often the high watermarks are written.") \
    X(REPLICA_SELECTOR_CLASS, "replica.selector.class", STRING, NULL, NULL, 0, 0, \
      "org.apache.kafka.common.replica.RackAwareReplicaSelector", CONFIG_READ_ONLY, \
      "Which replica a consumer reads from: with RackAwareReplicaSelector one in sync whose " \
      "broker.rack is the consumer's client.rack; unset, the leader.")

#define CONFIG_NET_ROWS(X) \
    X(SOCKET_SEND_BUFFER_BYTES, "socket.send.buffer.bytes", INT, "102400", NULL, -1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "The send buffer of a connection.") \
    X(SOCKET_RECEIVE_BUFFER_BYTES, "socket.receive.buffer.bytes", INT, "102400", NULL, -1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "The receive buffer of a connection.") \
    X(SOCKET_REQUEST_MAX_BYTES, "socket.request.max.bytes", INT, "104857600", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The largest request that is read; a larger one closes the connection.") \
    X(SOCKET_LISTEN_BACKLOG_SIZE, "socket.listen.backlog.size", INT, "50", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "The queue of connections not yet accepted.") \
    X(QUEUED_MAX_REQUESTS, "queued.max.requests", INT, "500", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_IDLE "requests wait for no thread; queued.max.request.bytes bounds them.") \
    X(QUEUED_MAX_REQUEST_BYTES, "queued.max.request.bytes", LONG, "-1", NULL, -1, \
      CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY, \
      "The most memory that requests in progress may take; -1 = a limit of our own.") \
    X(MAX_CONNECTIONS, "max.connections", INT, CONFIG_MAX_INT_TEXT, NULL, 1, CONFIG_MAX_INT, \
      NULL, CONFIG_DYNAMIC, \
      "The most connections at a time; with 0, which Kafka takes, nobody could change it back.") \
    X(MAX_CONNECTIONS_PER_IP, "max.connections.per.ip", INT, CONFIG_MAX_INT_TEXT, NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC, "The most connections from one address.") \
    X(MAX_CONNECTIONS_PER_IP_OVERRIDES, "max.connections.per.ip.overrides", STRING, "", NULL, 0, \
      0, NULL, CONFIG_DYNAMIC, "Other limits of some addresses: 10.0.0.1:5,::1:100.") \
    X(MAX_CONNECTION_CREATION_RATE, "max.connection.creation.rate", INT, CONFIG_MAX_INT_TEXT, \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC, \
      "The most new connections a second; others wait until they are accepted.") \
    X(QUOTA_WINDOW_NUM, "quota.window.num", INT, "11", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY, \
      "The samples that the rate of a quota is taken over; more than 32 are joined.") \
    X(QUOTA_WINDOW_SIZE_SECONDS, "quota.window.size.seconds", INT, "1", NULL, 1, CONFIG_MAX_INT, \
      NULL, CONFIG_READ_ONLY, "The length of each of these samples.") \
    X(CONTROLLER_QUOTA_WINDOW_NUM, "controller.quota.window.num", INT, "11", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The samples of controller_mutation_rate: what they bring may be used at once.") \
    X(CONTROLLER_QUOTA_WINDOW_SIZE_SECONDS, "controller.quota.window.size.seconds", INT, "1", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "The length of each of these samples.") \
    X(TELEMETRY_MAX_BYTES, "telemetry.max.bytes", INT, "1048576", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY, "The most that a client may push of its metrics at a time.") \
    X(CONNECTIONS_MAX_IDLE_MS, "connections.max.idle.ms", LONG, "600000", NULL, -1, \
      CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY, \
      "A connection without a request for this long is closed; -1 = never.") \
    X(REQUEST_TIMEOUT_MS, "request.timeout.ms", INT, "30000", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "How long a request of this broker to another node may take.") \
    X(FETCH_MAX_BYTES, "fetch.max.bytes", INT, "57671680", NULL, 1024, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY, "The most that one fetch returns.") \
    X(MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS, "max.incremental.fetch.session.cache.slots", \
      INT, "1000", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "The most fetch sessions.") \
    X(MAX_REQUEST_PARTITION_SIZE_LIMIT, "max.request.partition.size.limit", INT, "2000", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The most partitions in one answer of DescribeTopicPartitions.")

#define CONFIG_GROUP_ROWS(X) \
    X(GROUP_MIN_SESSION_TIMEOUT_MS, "group.min.session.timeout.ms", INT, "6000", NULL, 0, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "The shortest session timeout of a group member.") \
    X(GROUP_MAX_SESSION_TIMEOUT_MS, "group.max.session.timeout.ms", INT, "1800000", NULL, 0, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "The longest session timeout of a group member.") \
    X(GROUP_INITIAL_REBALANCE_DELAY_MS, "group.initial.rebalance.delay.ms", INT, "3000", NULL, 0, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "How long a new group waits for more members.") \
    X(GROUP_MAX_SIZE, "group.max.size", INT, CONFIG_MAX_INT_TEXT, NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY, "The most members of a group.") \
    X(GROUP_COORDINATOR_MEMORY_MAX_BYTES, "group.coordinator.memory.max.bytes", LONG, \
      "1073741824", NULL, 1048576, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY, \
      "Memory that the groups of this broker may take; above it new members and new offsets are " \
      "refused.") \
    X(GROUP_COORDINATOR_REBALANCE_PROTOCOLS, "group.coordinator.rebalance.protocols", LIST, \
      "classic,consumer", NULL, 0, 0, "classic|consumer|streams|share", \
      CONFIG_READ_ONLY | CONFIG_FILLED, \
      "The group protocols that are served.") \
    X(GROUP_COORDINATOR_THREADS, "group.coordinator.threads", INT, "4", NULL, 1, CONFIG_MAX_INT, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, "The threads of the group coordinator.") \
    X(GROUP_COORDINATOR_APPEND_LINGER_MS, "group.coordinator.append.linger.ms", INT, "-1", NULL, \
      -1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "How long the coordinator gathers records for a write.") \
    X(GROUP_CONSUMER_SESSION_TIMEOUT_MS, "group.consumer.session.timeout.ms", INT, "45000", NULL, \
      1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "The session timeout of the consumer protocol.") \
    X(GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS, "group.consumer.min.session.timeout.ms", INT, \
      "45000", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The shortest that a group may be given.") \
    X(GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS, "group.consumer.max.session.timeout.ms", INT, \
      "60000", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The longest that a group may be given.") \
    X(GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, "group.consumer.heartbeat.interval.ms", INT, "5000", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The heartbeat interval of the consumer protocol.") \
    X(GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS, "group.consumer.min.heartbeat.interval.ms", INT, \
      "5000", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The shortest that a group may be given.") \
    X(GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS, "group.consumer.max.heartbeat.interval.ms", INT, \
      "15000", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The longest that a group may be given.") \
    X(GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, "group.consumer.assignment.interval.ms", INT, "0", \
      NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC, \
      "How long after one assignment the next is made, so that it covers several changes of a " \
      "group; 0 makes it at once. Kafka has 1000, and with it a member that joins may wait for " \
      "its partitions until its second heartbeat.") \
    X(GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS, "group.consumer.min.assignment.interval.ms", \
      INT, "0", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The shortest that a group may be given.") \
    X(GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS, "group.consumer.max.assignment.interval.ms", \
      INT, "15000", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The longest that a group may be given.") \
    X(GROUP_CONSUMER_MAX_SIZE, "group.consumer.max.size", INT, CONFIG_MAX_INT_TEXT, NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The most members of a group of the consumer protocol.") \
    X(GROUP_CONSUMER_ASSIGNORS, "group.consumer.assignors", LIST, "uniform,range", NULL, 0, 0, \
      NULL, CONFIG_READ_ONLY | CONFIG_FILLED, \
      "The assignors of the broker; the first is the default.") \
    X(GROUP_CONSUMER_MIGRATION_POLICY, "group.consumer.migration.policy", STRING, \
      "bidirectional", NULL, 0, 0, "bidirectional|upgrade|downgrade|disabled", \
      CONFIG_READ_ONLY | CONFIG_ANY_CASE, \
      "Whether groups may move between the classic and the consumer protocol.") \
    X(OFFSET_METADATA_MAX_BYTES, "offset.metadata.max.bytes", INT, "4096", NULL, 0, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The largest text that may go with a committed offset.") \
    X(OFFSETS_LOAD_BUFFER_SIZE, "offsets.load.buffer.size", INT, "5242880", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      "How much is read at a time when offsets are loaded.") \
    X(OFFSETS_TOPIC_REPLICATION_FACTOR, "offsets.topic.replication.factor", SHORT, "3", NULL, 1, \
      32767, NULL, CONFIG_READ_ONLY, \
      "The replicas of the offsets topic; where it is not set, fewer brokers make it fewer.") \
    X(OFFSETS_TOPIC_NUM_PARTITIONS, "offsets.topic.num.partitions", INT, "50", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The partitions of the offsets topic; never changed.") \
    X(OFFSETS_TOPIC_SEGMENT_BYTES, "offsets.topic.segment.bytes", INT, "104857600", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "The segment size of the offsets topic.") \
    X(OFFSETS_TOPIC_COMPRESSION_CODEC, "offsets.topic.compression.codec", INT, "0", NULL, 0, 4, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, "The codec of the offsets topic.") \
    X(OFFSETS_RETENTION_MINUTES, "offsets.retention.minutes", INT, "10080", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "How long the offsets of an empty group are kept.") \
    X(OFFSETS_RETENTION_CHECK_INTERVAL_MS, "offsets.retention.check.interval.ms", LONG, "600000", \
      NULL, 1, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY, "How often that is checked.") \
    X(OFFSETS_COMMIT_TIMEOUT_MS, "offsets.commit.timeout.ms", INT, "5000", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, "How long a commit of offsets may take.")

#define CONFIG_TXN_ROWS(X) \
    X(ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MAX_MS, "add.partitions.to.txn.retry.backoff.max.ms", \
      INT, "100", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "How long a leader has a partition added to a transaction while the one before is ended.") \
    X(ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS, "add.partitions.to.txn.retry.backoff.ms", INT, \
      "20", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "How long it waits between two attempts.") \
    X(TRANSACTION_COORDINATOR_MEMORY_MAX_BYTES, "transaction.coordinator.memory.max.bytes", LONG, \
      "268435456", NULL, 1048576, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY, \
      "Memory that the transactional ids of this broker may take; above it new ones are refused.") \
    X(TRANSACTION_MAX_TIMEOUT_MS, "transaction.max.timeout.ms", INT, "900000", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The longest time that a client may ask for its transactions.") \
    X(TRANSACTION_PARTITION_VERIFICATION_ENABLE, "transaction.partition.verification.enable", \
      BOOL, "true", NULL, 0, 0, NULL, CONFIG_DYNAMIC, \
      "Whether leaders ask the coordinator before a batch begins a transaction in a partition.") \
    X(TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS, \
      "transaction.remove.expired.transaction.cleanup.interval.ms", INT, "3600000", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "How often it is looked for transactional ids that nobody uses.") \
    X(TRANSACTION_STATE_LOG_MIN_ISR, "transaction.state.log.min.isr", INT, "2", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "min.insync.replicas of the transactions topic; at most its replicas.") \
    X(TRANSACTION_STATE_LOG_NUM_PARTITIONS, "transaction.state.log.num.partitions", INT, "50", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The partitions of the transactions topic; never changed.") \
    X(TRANSACTION_STATE_LOG_REPLICATION_FACTOR, "transaction.state.log.replication.factor", \
      SHORT, "3", NULL, 1, CONFIG_MAX_SHORT, NULL, CONFIG_READ_ONLY, \
      "The replicas of the transactions topic; where it is not set, a lone broker makes one.") \
    X(TRANSACTION_STATE_LOG_SEGMENT_BYTES, "transaction.state.log.segment.bytes", INT, \
      "104857600", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "The segment size of the transactions topic.") \
    X(TRANSACTIONAL_ID_EXPIRATION_MS, "transactional.id.expiration.ms", INT, "604800000", NULL, \
      1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY, \
      "How long a transactional id is kept that nobody uses.")
/* clang-format on */

#define CONFIG_LIST(X)                                                                             \
    CONFIG_NODE_ROWS(X)                                                                            \
    CONFIG_QUORUM_ROWS(X)                                                                          \
    CONFIG_TOPIC_ROWS(X)                                                                           \
    CONFIG_LOG_ROWS(X)                                                                             \
    CONFIG_REPLICA_ROWS(X)                                                                         \
    CONFIG_NET_ROWS(X)                                                                             \
    CONFIG_GROUP_ROWS(X)                                                                           \
    CONFIG_TXN_ROWS(X)                                                                             \
    CONFIG_IDLE_LIST(X)

enum config_id {
#define CONFIG_ENUM_ROW(id, ...) CONFIG_##id,
    CONFIG_LIST(CONFIG_ENUM_ROW)
#undef CONFIG_ENUM_ROW
        CONFIG_COUNT
};

#endif
