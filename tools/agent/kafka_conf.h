/* Settings of librdkafka from the keys of a part: what the kafka source, channel and sink share. */
#ifndef AGENT_KAFKA_CONF_H
#define AGENT_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "tools/agent/part.h"

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

#endif
