/* The avro sink: events go to the avro source of another agent, of Flume or of Millrace. What it
 * does stands in rpc_sink.c, rpc_client.c and avro_rpc.c. */
#include "tools/agent/rpc_sink.h"
#include "tools/agent/types.h"

/* clang-format off */
static const struct key_row avro_sink_keys[] = {
    RPC_SINK_KEYS,
    KEY_ONE_OF("compression-type", "none", "none|deflate",
               "How the connection is compressed; the source at the other end must say the same."),
    KEY_INT("compression-level", "6", 0, 9, "How hard deflate tries."),
    KEY_INT("maxIoWorkers", NULL, 1, KEY_MAX_INT,
            "Nothing depends on it: one loop serves all connections."),
    KEY_END,
};
/* clang-format on */

static int avro_sink_start(struct sink *sink, struct buf *problem)
{
    const struct part *part = sink->part;
    bool zips = part_is(part, "compression-type", "deflate");
    (void)problem;
    rpc_sink_start(sink, &avro_rpc, zips ? (int)part_number(part, "compression-level") : -1, false);
    return 0;
}

const struct sink_type avro_sink_type = {
    .part = {.kind = PART_SINK,
             .name = "avro",
             .class_name = "org.apache.flume.sink.AvroSink",
             .doc = "Events go to the avro source of another agent, of Flume or of Millrace.",
             .keys = avro_sink_keys,
             .check = tls_check},
    .size = sizeof(struct rpc_sink),
    .batch_key = "batch-size",
    .depth = 1,
    .start = avro_sink_start,
    .stop = rpc_sink_stop,
    .deliver = rpc_sink_deliver,
};
