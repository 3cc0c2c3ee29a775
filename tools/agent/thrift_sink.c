/* The thrift sink: events go to the thrift source of another agent, of Flume or of Millrace. What
 * it does stands in rpc_sink.c, rpc_client.c and thrift_rpc.c. */
#include "tools/agent/rpc_sink.h"
#include "tools/agent/types.h"

/* clang-format off */
static const struct key_row thrift_sink_keys[] = {
    RPC_SINK_KEYS,
    KEY_OLDER_NAME("connection-reset-interval", "reset-connection-interval"),
    KEY_ONE_OF("protocol", "compact", "compact|binary",
               "How calls are written; the source at the other end must say the same."),
    KEY_INT("connectionPoolSize", NULL, 1, KEY_MAX_INT,
            "Nothing depends on it: one connection keeps the order of the channel."),
    KEY_BOOL("kerberos", "false", "Only false: there is no Kerberos here."),
    KEY_NOT_HERE("client-principal", "there is no Kerberos here: leave it out"),
    KEY_NOT_HERE("client-keytab", "there is no Kerberos here: leave it out"),
    KEY_NOT_HERE("server-principal", "there is no Kerberos here: leave it out"),
    KEY_END,
};
/* clang-format on */

static void thrift_sink_check(const struct part *part, struct buf *problems)
{
    tls_check(part, problems);
    if (part_flag(part, "kerberos"))
        part_complain(part, "kerberos", problems, "there is no Kerberos here: leave it out");
}

static int thrift_sink_start(struct sink *sink, struct buf *problem)
{
    (void)problem;
    rpc_sink_start(sink, &thrift_rpc, -1, part_is(sink->part, "protocol", "compact"));
    return 0;
}

const struct sink_type thrift_sink_type = {
    .part = {.kind = PART_SINK,
             .name = "thrift",
             .class_name = "org.apache.flume.sink.ThriftSink",
             .doc = "Events go to the thrift source of another agent, of Flume or of Millrace.",
             .keys = thrift_sink_keys,
             .check = thrift_sink_check},
    .size = sizeof(struct rpc_sink),
    .batch_key = "batch-size",
    .depth = 1,
    .start = thrift_sink_start,
    .stop = rpc_sink_stop,
    .deliver = rpc_sink_deliver,
};
