/* Kafka's tools whose job Millrace does not do: each says so in one sentence, with what to do
 * instead, and ends with 1, so that a script that needs it stops there. */
#include "tools/tools.h"

static int missing_run(struct tool_run *run)
{
    return tool_fail(run, "%s", run->tool->missing);
}

#define MISSING_TOOL(id, title, command, job, reason)                                              \
    const struct tool id = {                                                                       \
        .name = title,                                                                             \
        .link = command,                                                                           \
        .synopsis = "",                                                                            \
        .summary = job,                                                                            \
        .missing = reason,                                                                         \
        .run = missing_run,                                                                        \
    };

#define MISSING_SHARE                                                                              \
    "share groups are not available yet: read with a consumer group instead, which "               \
    "kafka-consumer-groups shows"
#define MISSING_CONNECT                                                                            \
    "Millrace has no Kafka Connect of its own: run that of Apache Kafka's distribution with the "  \
    "addresses of this cluster in bootstrap.servers; it is a client like any other"

MISSING_TOOL(tool_acls, "acls", "kafka-acls", "Add, remove and list access rules.",
             "there are no access rules yet: whoever reaches a listener may do everything, so let "
             "only trusted networks reach it (listeners, a firewall)")
MISSING_TOOL(tool_delegation_tokens, "delegation-tokens", "kafka-delegation-tokens",
             "Create, renew, expire and describe delegation tokens.",
             "there are no delegation tokens yet, since no listener asks who a client is: let only "
             "trusted networks reach the listeners")
MISSING_TOOL(tool_streams_groups, "streams-groups", "kafka-streams-groups",
             "List, describe, reset and delete streams groups.",
             "the protocol of streams groups is not available yet: Kafka Streams works with "
             "group.protocol=classic, and kafka-consumer-groups shows such groups")
MISSING_TOOL(tool_share_groups, "share-groups", "kafka-share-groups",
             "List, describe, reset and delete share groups.", MISSING_SHARE)
MISSING_TOOL(tool_console_share_consumer, "console-share-consumer", "kafka-console-share-consumer",
             "Print the records of a topic, as a member of a share group.", MISSING_SHARE)
MISSING_TOOL(tool_console_share_producer, "console-share-producer", "kafka-console-share-producer",
             "Write the lines of stdin to a topic that share groups read.",
             "share groups are not available yet, and records for them need no producer of their "
             "own: write with kafka-console-producer")
MISSING_TOOL(tool_share_consumer_perf, "share-consumer-perf-test", "kafka-share-consumer-perf-test",
             "Read many records as members of a share group, and say how fast that went.",
             "share groups are not available yet: measure with kafka-consumer-perf-test, which "
             "reads in a consumer group")
MISSING_TOOL(tool_verifiable_share_consumer, "verifiable-share-consumer",
             "kafka-verifiable-share-consumer",
             "Read a topic in a share group, and print lines of JSON about what it was given.",
             "share groups are not available yet: use kafka-verifiable-consumer, which reads in a "
             "consumer group")
MISSING_TOOL(tool_trogdor, "trogdor", "trogdor", "Run workloads and faults of Kafka's test bench.",
             "Millrace has no agents that hurt a cluster: put load on it with "
             "kafka-producer-perf-test and kafka-verifiable-producer, and run Trogdor of Apache "
             "Kafka's distribution against it as a client")
MISSING_TOOL(tool_zookeeper_shell, "zookeeper-shell", "zookeeper-shell",
             "Look at the nodes of ZooKeeper.",
             "there is no ZooKeeper: the metadata is in the quorum of the controllers; "
             "kafka-metadata-shell shows it as a tree, zkServer.sh status tells what a node is in "
             "the quorum")
MISSING_TOOL(tool_zookeeper_migration, "zookeeper-security-migration",
             "zookeeper-security-migration", "Change who may write the nodes of ZooKeeper.",
             "there is no ZooKeeper, hence nothing in it to be protected: keep the controllers' "
             "listeners to trusted networks")
MISSING_TOOL(
    tool_preferred_election, "preferred-replica-election", "kafka-preferred-replica-election",
    "Have the first replicas lead.",
    "as in Kafka today this is kafka-leader-election: give it --election-type preferred and "
    "--all-topic-partitions, or the file with --path-to-json-file")
MISSING_TOOL(tool_run_class, "run-class", "kafka-run-class", "Run a class of Kafka's Java code.",
             "Millrace is no Java program: call the tool of the class by its name, such as "
             "kafka-get-offsets for kafka.tools.GetOffsetShell")
MISSING_TOOL(tool_jmx, "jmx", "kafka-jmx", "Print values of JMX beans.",
             "Millrace is no Java program and has no JMX: kafka-consumer-groups --describe shows "
             "lag, kafka-topics --describe --under-replicated-partitions what is behind, "
             "kafka-log-dirs sizes")
MISSING_TOOL(tool_mirror_maker, "mirror-maker", "kafka-mirror-maker",
             "Copy topics from one cluster to another.",
             "Millrace has no mirroring of its own: run connect-mirror-maker of Apache Kafka's "
             "distribution with the addresses of both clusters; it is a client like any other")
MISSING_TOOL(tool_connect_mirror_maker, "connect-mirror-maker", "connect-mirror-maker",
             "Copy topics from one cluster to another.", MISSING_CONNECT)
MISSING_TOOL(tool_connect_standalone, "connect-standalone", "connect-standalone",
             "Run connectors in one process.", MISSING_CONNECT)
MISSING_TOOL(tool_connect_distributed, "connect-distributed", "connect-distributed",
             "Run connectors in a group of processes.", MISSING_CONNECT)
MISSING_TOOL(tool_connect_plugin_path, "connect-plugin-path", "connect-plugin-path",
             "List and migrate the plug-ins of Kafka Connect.", MISSING_CONNECT)
