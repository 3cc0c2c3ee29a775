/* Types of Flume that are not here, each with what to do instead: a configuration that names one is
 * refused with that sentence. */
#include "tools/agent/types.h"

#define REFUSED_CONNECT                                                                            \
    "send the events to a topic with a kafka sink, and have Kafka Connect write them on: it is a " \
    "client of this cluster like any other, and has a connector for it"

#define REFUSED_SINK(id, short_name, full, sentence, why)                                          \
    const struct sink_type id = {.part = {.kind = PART_SINK,                                       \
                                          .name = short_name,                                      \
                                          .class_name = full,                                      \
                                          .doc = sentence,                                         \
                                          .missing = why}}
#define REFUSED_SOURCE(id, short_name, full, sentence, why)                                        \
    const struct source_type id = {.part = {.kind = PART_SOURCE,                                   \
                                            .name = short_name,                                    \
                                            .class_name = full,                                    \
                                            .doc = sentence,                                       \
                                            .missing = why}}

REFUSED_SINK(hdfs_sink_type, "hdfs", "org.apache.flume.sink.hdfs.HDFSEventSink",
             "Writes events into files of Hadoop.", "there is no HDFS sink: " REFUSED_CONNECT);
REFUSED_SINK(hive_sink_type, "hive", "org.apache.flume.sink.hive.HiveSink",
             "Writes events into tables of Hive.", "there is no Hive sink: " REFUSED_CONNECT);
REFUSED_SINK(hbase_sink_type, "hbase", "org.apache.flume.sink.hbase.HBaseSink",
             "Writes events into tables of HBase.", "there is no HBase sink: " REFUSED_CONNECT);
REFUSED_SINK(hbase2_sink_type, "hbase2", "org.apache.flume.sink.hbase2.HBase2Sink",
             "Writes events into tables of HBase 2.", "there is no HBase sink: " REFUSED_CONNECT);
REFUSED_SINK(asynchbase_sink_type, "asynchbase", "org.apache.flume.sink.hbase.AsyncHBaseSink",
             "Writes events into tables of HBase.", "there is no HBase sink: " REFUSED_CONNECT);
REFUSED_SINK(morphline_sink_type, "morphline_solr",
             "org.apache.flume.sink.solr.morphline.MorphlineSolrSink", "Writes events into Solr.",
             "there is no Solr sink: " REFUSED_CONNECT);
REFUSED_SINK(kite_sink_type, "kite", "org.apache.flume.sink.kite.DatasetSink",
             "Writes events into data sets of Kite.", "there is no Kite sink: " REFUSED_CONNECT);
REFUSED_SINK(irc_sink_type, "irc", "org.apache.flume.sink.irc.IRCSink",
             "Says events in a channel of IRC.",
             "there is no IRC sink: send the events to a program of yours with an http sink");

REFUSED_SOURCE(jms_source_type, "jms", "org.apache.flume.source.jms.JMSSource",
               "Messages of a Java message service.",
               "there is no JMS source: have Kafka Connect bring them to a topic, which a kafka "
               "source reads");
REFUSED_SOURCE(twitter_source_type, "twitter", "org.apache.flume.source.twitter.TwitterSource",
               "Messages of Twitter.", "what it reads is not offered any more: leave it out");
REFUSED_SOURCE(scribe_source_type, "scribe", "org.apache.flume.source.scribe.ScribeSource",
               "Messages of Scribe.",
               "there is no Scribe source: send to an http or syslog source");
REFUSED_SOURCE(avro_legacy_source_type, "avro_legacy",
               "org.apache.flume.source.avroLegacy.AvroLegacySource", "Events of Flume 0.9.",
               "Flume 0.9 is not spoken here: a Flume agent in between can speak it");
REFUSED_SOURCE(thrift_legacy_source_type, "thrift_legacy",
               "org.apache.flume.source.thriftLegacy.ThriftLegacySource", "Events of Flume 0.9.",
               "Flume 0.9 is not spoken here: a Flume agent in between can speak it");

const struct channel_type jdbc_channel_type = {
    .part = {.kind = PART_CHANNEL,
             .name = "jdbc",
             .class_name = "org.apache.flume.channel.jdbc.JdbcChannel",
             .doc = "Keeps events in a database.",
             .missing = "there is no JDBC channel: a file channel keeps events on disk as well"},
};

const struct channel_type pseudo_channel_type = {
    .part = {.kind = PART_CHANNEL,
             .name = "pseudo_txn_memory",
             .class_name = "org.apache.flume.channel.PseudoTxnMemoryChannel",
             .doc = "Keeps events in memory, without transactions, for tests of Flume.",
             .missing = "it is for tests of Flume alone: use a memory channel"},
};

const struct interceptor_type morphline_interceptor_type = {
    .part = {.kind = PART_INTERCEPTOR,
             .name = "morphline",
             .class_name = "org.apache.flume.sink.solr.morphline.MorphlineInterceptor",
             .doc = "Filters and changes events by a file of Morphlines.",
             .missing = "there are no Morphlines: use search_replace, regex_filter and "
                        "regex_extractor interceptors"},
};
