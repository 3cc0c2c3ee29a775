/* Types of Flume that are not here, each with what to do instead: a configuration that names one is
 * refused with that sentence. */
#include "tools/agent/types.h"

#define REFUSED_CONNECT                                                                            \
    "send the events to a topic with a kafka sink, and have Kafka Connect write them on: it is a " \
    "client of this cluster like any other, and has a connector for it"

const struct sink_type hdfs_sink_type = {
    .part = {.kind = PART_SINK,
             .name = "hdfs",
             .class_name = "org.apache.flume.sink.hdfs.HDFSEventSink",
             .doc = "Writes events into files of Hadoop.",
             .missing = "there is no HDFS sink: " REFUSED_CONNECT},
};

const struct sink_type hive_sink_type = {
    .part = {.kind = PART_SINK,
             .name = "hive",
             .class_name = "org.apache.flume.sink.hive.HiveSink",
             .doc = "Writes events into tables of Hive.",
             .missing = "there is no Hive sink: " REFUSED_CONNECT},
};
