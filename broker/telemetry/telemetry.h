/* Metrics that clients push (KIP-714): who may push what, how often, and what each pushed last.
 *
 * A client is known by an id that it keeps as long as it lives, and which the first broker that it
 * asks makes for it. Any broker may be asked: one that does not know the client works out the same
 * subscription from the metadata. What clients are remembered for, and the bytes that they pushed,
 * have bounds in count, size and age. */
#ifndef BROKER_TELEMETRY_TELEMETRY_H
#define BROKER_TELEMETRY_TELEMETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/logger.h"
#include "base/uuid.h"
#include "broker/cluster/metadata.h"
#include "config/config_metrics.h"
#include "wire/str.h"

struct telemetry;
struct telemetry_job;

enum {
    TELEMETRY_CLIENTS_MAX = 16384,    /* Kafka's number; some 5 MB */
    TELEMETRY_KEPT_MAX = 32 << 20,    /* bytes of all that is kept of pushes */
    TELEMETRY_CLIENT_MAX = 1 << 20,   /* and of one client's */
    TELEMETRY_DECODED_MAX = 4 << 20,  /* that a push may open to */
    TELEMETRY_SILENCE_MIN_MS = 60000, /* a client is forgotten after it, or three intervals */
    TELEMETRY_SWEEP_MS = 10000
};

struct telemetry_deps {
    struct env *env;
    struct logger *logger; /* for lines that clients can cause: bounded by who built it */
    struct metadata *metadata;
    int32_t max_bytes; /* telemetry.max.bytes */
};

struct telemetry *telemetry_new(const struct telemetry_deps *deps);
/* Calls under way are told ERR_BROKER_NOT_AVAILABLE. The metadata calls nobody any more. */
void telemetry_free(struct telemetry *telemetry);

/* Embedded by who asks for its subscription, or pushes; everything is borrowed until `done`, which
 * comes once, perhaps before telemetry_ask returns. */
struct telemetry_call {
    struct uuid id; /* zero, in a call that does not push: one is made */
    /* Of the client; that of the id is filled in. */
    const char *attributes[CONFIG_METRICS_ATTRIBUTES];
    bool push;
    int32_t pushed_subscription; /* by which it was pushed */
    bool terminating;            /* it is the last push */
    int8_t compression;          /* enum compress_codec, or a number that is none */
    struct wire_bytes metrics;   /* MetricsData */
    /* 0, or an error that Kafka has for it. */
    void (*done)(struct telemetry_call *call, int err);

    /* The subscription of a call that does not push; until `done` returns. */
    int32_t subscription_id;
    int32_t interval_ms;
    const char *wanted; /* names, each ended by NUL */
    size_t wanted_len;

    /* Its own. */
    struct list link;
    char id_text[UUID_TEXT_LEN + 1];
    bool decodes; /* it is a push that was let through */
};

void telemetry_ask(struct telemetry *telemetry, struct telemetry_call *call);

/* What the client pushed last, as MetricsData; NULL: nothing that is kept. Borrowed until the next
 * call. */
const struct buf *telemetry_kept(const struct telemetry *telemetry, const struct uuid *id);
/* "telemetry: ..." for people. */
void telemetry_summarise(const struct telemetry *telemetry, struct buf *out);
/* What always holds; looks at every client, so it is for tests. */
void telemetry_check(const struct telemetry *telemetry);

#endif
