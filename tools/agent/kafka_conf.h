/* What the kafka source, channel and sink share: settings of librdkafka from the keys of a part,
 * and what it tells. */
#ifndef AGENT_KAFKA_CONF_H
#define AGENT_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "base/logger.h"
#include "env/env.h"
#include "tools/agent/part.h"

/* Failures last, and are told again and again: one line in ten seconds is enough. */
struct kafka_teller {
    struct env *env;
    struct logger *logger; /* borrowed */
    int64_t said_ms;
};
void kafka_tell(struct kafka_teller *teller, const char *what);
/* librdkafka prints nothing: its lines are for its developers. */
void kafka_conf_hush(rd_kafka_conf_t *conf);
/* That, and its errors go to the teller, which becomes the opaque. */
void kafka_conf_tell(rd_kafka_conf_t *conf, struct kafka_teller *teller);

/* Sets it by its Java name; what is refused is complained of under the part's key. */
void kafka_conf_put(const struct part *part, const char *key, rd_kafka_conf_t *conf,
                    const char *name, const char *value, struct buf *problems);
/* All keys that begin with `prefix` ("kafka.consumer."), by what stands behind it. */
void kafka_conf_pass(const struct part *part, const char *prefix, rd_kafka_conf_t *conf,
                     struct buf *problems);
/* kafka.bootstrap.servers, where it is given. */
void kafka_conf_servers(const struct part *part, rd_kafka_conf_t *conf, struct buf *problems);
/* What the kafka source and channel have their consumers do alike: where they connect, their group,
 * and offsets that only they commit. */
void kafka_conf_consumer(const struct part *part, rd_kafka_conf_t *conf, struct buf *problems);
/* Itself, the caller's to destroy; NULL when it is wrong: then it is destroyed. */
rd_kafka_conf_t *kafka_conf_unless(rd_kafka_conf_t *conf, bool wrong);

#endif
