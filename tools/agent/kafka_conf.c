/* Settings of Java's clients that have no counterpart, serializers and the like, are taken without
 * effect: events are bytes. */
#include "tools/agent/kafka_conf.h"

#include "base/mem.h"
#include "tools/rd.h"

void kafka_conf_put(const struct part *part, const char *key, rd_kafka_conf_t *conf,
                    const char *name, const char *value, struct buf *problems)
{
    char error[512];
    ASSERT(value);
    if (rd_conf_set(conf, name, value, error, sizeof(error)) == RD_SETTING_REFUSED)
        part_complain(part, key, problems, "%s", error);
}

void kafka_conf_pass(const struct part *part, const char *prefix, rd_kafka_conf_t *conf,
                     struct buf *problems)
{
    const char *rest, *value;
    for (size_t at = 0; (value = part_next(part, prefix, &at, &rest));) {
        char *key = mem_printf("%s%s", prefix, rest);
        kafka_conf_put(part, key, conf, rest, value, problems);
        mem_free(key);
    }
}

void kafka_conf_servers(const struct part *part, rd_kafka_conf_t *conf, struct buf *problems)
{
    const char *servers = part_text(part, "kafka.bootstrap.servers");
    if (servers)
        kafka_conf_put(part, "kafka.bootstrap.servers", conf, "bootstrap.servers", servers,
                       problems);
}

void kafka_conf_consumer(const struct part *part, rd_kafka_conf_t *conf, struct buf *problems)
{
    kafka_conf_servers(part, conf, problems);
    kafka_conf_put(part, "type", conf, "enable.auto.commit", "false", problems);
    kafka_conf_put(part, "type", conf, "enable.auto.offset.store", "false", problems);
    kafka_conf_put(part, "kafka.consumer.group.id", conf, "group.id",
                   part_text(part, "kafka.consumer.group.id"), problems);
}
