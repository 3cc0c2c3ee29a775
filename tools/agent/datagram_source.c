/* The syslogudp and the netcatudp source: each datagram is an event, up to its first newline.
 *
 * Happy path: datagrams are read until there are no more, and go to the channels as a batch.
 * Failure modes: UDP tells nobody that something is lost. While the channels are full nothing is
 * read, and the kernel keeps datagrams as long as its buffer has room. */
#include <string.h>

#include "env/datagram.h"
#include "tools/agent/source.h"
#include "tools/agent/syslog.h"
#include "tools/agent/syslog_keys.h"
#include "tools/agent/types.h"

enum { DATAGRAM_BATCH = 100 };

struct datagram_source {
    struct source source;
    struct env_stream *stream;
    struct batch batch;
    bool syslog;
    struct syslog_rules rules;
    const char *peer_header; /* NULL = none */
    uint8_t in[ENV_DATAGRAM_MAX];
};

/* clang-format off */
static const struct key_row datagram_syslog_keys[] = {
    SYSLOG_KEYS,
    KEY_INT("port", KEY_REQUIRED, 0, 65535, "The port to receive at; 0 is a free one."),
    KEY_END,
};

static const struct key_row datagram_netcat_keys[] = {
    KEY("bind", "0.0.0.0", "The address to receive at; 0.0.0.0 is any."),
    KEY_INT("port", KEY_REQUIRED, 0, 65535, "The port to receive at; 0 is a free one."),
    KEY("remoteAddressHeader", NULL, "The header with the address of who sent it."),
    KEY("remoteAddress", NULL, "The name under which Flume 1.11 reads remoteAddressHeader."),
    KEY_END,
};
/* clang-format on */

static struct datagram_source *datagram_of(struct source *source)
{
    return CONTAINER_OF(source, struct datagram_source, source);
}

static void datagram_add(struct datagram_source *datagram, size_t len, char *peer)
{
    const uint8_t *newline = memchr(datagram->in, '\n', len);
    size_t body = newline ? (size_t)(newline - datagram->in) : len;
    struct block *block = block_new(body);
    if (!block) {
        datagram->source.counters.generic_fail++;
        return;
    }
    memcpy(block->data, datagram->in, body);
    struct event event = {.block = block, .body = block->data, .len = (uint32_t)body};
    if (datagram->syslog) {
        syslog_read(&datagram->rules, env_wall_ms(datagram->source.env), false, &event);
        source_strip_port(peer);
    }
    if (datagram->peer_header)
        event_take_headers(&event,
                           headers_set(event.headers, datagram->peer_header, peer, strlen(peer)));
    batch_add(&datagram->batch, &event);
}

static void datagram_readable(void *data)
{
    struct datagram_source *datagram = data;
    char peer[ENV_ADDRESS_TEXT_MAX];
    ssize_t got = 0;
    ASSERT(datagram->batch.count == 0);
    while (!batch_is_full(&datagram->batch)) {
        got = env_datagram_read(datagram->stream, datagram->in, sizeof(datagram->in), peer);
        if (got < 0)
            break;
        datagram_add(datagram, (size_t)got, peer);
    }
    if (got < 0 && got != ERR_AGAIN)
        logger_error(&datagram->source.logger, "can't receive: %s", err_text((int)got));
    int status = datagram->batch.count > 0 ? batch_send(&datagram->batch) : 0;
    env_stream_want_read(datagram->stream, status != TRANSACTION_PENDING);
}

static void datagram_batch_done(struct batch *batch, int status)
{
    struct datagram_source *datagram = CONTAINER_OF(batch, struct datagram_source, batch);
    (void)status; /* it is patient: the channels have them */
    env_stream_want_read(datagram->stream, true);
}

static int datagram_begin(struct datagram_source *datagram, const char *host, struct buf *problem)
{
    struct source *source = &datagram->source;
    int err = source_receive(source, host, (uint16_t)part_number(source->part, "port"),
                             datagram_readable, datagram, &datagram->stream, problem);
    if (!err)
        batch_init(&datagram->batch, source, DATAGRAM_BATCH, true, datagram_batch_done);
    return err;
}

static int datagram_syslog_start(struct source *source, struct buf *problem)
{
    struct datagram_source *datagram = datagram_of(source);
    bool known = syslog_keep(&datagram->rules, part_text(source->part, "keepFields"));
    ASSERT(known);
    datagram->syslog = true;
    datagram->peer_header = part_text(source->part, "clientIPHeader");
    return datagram_begin(datagram, part_text(source->part, "host"), problem);
}

static int datagram_netcat_start(struct source *source, struct buf *problem)
{
    struct datagram_source *datagram = datagram_of(source);
    datagram->peer_header = part_text(source->part, "remoteAddressHeader");
    if (!datagram->peer_header)
        datagram->peer_header = part_text(source->part, "remoteAddress");
    return datagram_begin(datagram, part_text(source->part, "bind"), problem);
}

static void datagram_stop(struct source *source)
{
    struct datagram_source *datagram = datagram_of(source);
    batch_close(&datagram->batch);
    env_stream_close(datagram->stream);
}

const struct source_type syslog_udp_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "syslogudp",
             .class_name = "org.apache.flume.source.SyslogUDPSource",
             .doc = "Messages of syslog by UDP, each an event.",
             .keys = datagram_syslog_keys,
             .check = syslog_check},
    .size = sizeof(struct datagram_source),
    .start = datagram_syslog_start,
    .stop = datagram_stop,
};

const struct source_type netcat_udp_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "netcatudp",
             .class_name = "org.apache.flume.source.NetcatUdpSource",
             .doc = "Datagrams, each an event.",
             .keys = datagram_netcat_keys},
    .size = sizeof(struct datagram_source),
    .start = datagram_netcat_start,
    .stop = datagram_stop,
};
