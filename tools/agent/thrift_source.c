/* The thrift source: events of other agents and of Flume's clients, by Thrift's calls. What it does
 * stands in rpc_source.c and thrift_rpc.c. */
#include "tools/agent/rpc_source.h"
#include "tools/agent/tls_keys.h"
#include "tools/agent/types.h"

#define THRIFT_NO_KERBEROS "there is no Kerberos here: leave it out"

/* clang-format off */
static const struct key_row thrift_source_keys[] = {
    KEY("bind", KEY_REQUIRED, "The address to listen on; 0.0.0.0 is any."),
    KEY_INT("port", KEY_REQUIRED, 0, 65535, "The port to listen on; 0 is a free one."),
    KEY_INT("threads", NULL, 0, KEY_MAX_INT,
            "Nothing depends on it: one loop serves all connections."),
    KEY_ONE_OF("protocol", "compact", "compact|binary",
               "How calls are written; the sinks at the other end must say the same."),
    KEY_BOOL("kerberos", "false", "Only false: there is no Kerberos here."),
    KEY_NOT_HERE("agent-principal", THRIFT_NO_KERBEROS),
    KEY_NOT_HERE("agent-keytab", THRIFT_NO_KERBEROS),
    TLS_KEYS("keystore", "keystore-password", "keystore-type"),
    KEY_END,
};
/* clang-format on */

static void thrift_source_check(const struct part *part, struct buf *problems)
{
    tls_check(part, problems);
    if (part_flag(part, "kerberos"))
        part_complain(part, "kerberos", problems, THRIFT_NO_KERBEROS);
}

static int thrift_source_start(struct source *source, struct buf *problem)
{
    struct rpc_source *rpc = CONTAINER_OF(source, struct rpc_source, source);
    rpc->protocol = &thrift_rpc;
    rpc->compact = part_is(source->part, "protocol", "compact");
    return rpc_source_start(rpc, problem);
}

static void thrift_source_stop(struct source *source)
{
    rpc_source_stop(CONTAINER_OF(source, struct rpc_source, source));
}

const struct source_type thrift_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "thrift",
             .class_name = "org.apache.flume.source.ThriftSource",
             .doc = "Events of other agents, of Flume or of Millrace, by Thrift's calls.",
             .keys = thrift_source_keys,
             .check = thrift_source_check},
    .size = sizeof(struct rpc_source),
    .start = thrift_source_start,
    .stop = thrift_source_stop,
};
