/* Settings of Java's clients that have no counterpart, serializers and the like, are taken without
 * effect: events are bytes. */
#include "tools/agent/kafka_conf.h"

#include "base/mem.h"
#include "tools/rd.h"

enum { KAFKA_TELL_MS = 10000 };

void kafka_tell(struct kafka_teller *teller, const char *what)
{
    int64_t now_ms = env_now_ms(teller->env);
    ASSERT(teller->said_ms <= now_ms);
    if (teller->said_ms && now_ms - teller->said_ms < KAFKA_TELL_MS)
        return;
    teller->said_ms = now_ms;
    logger_warn(teller->logger, "%s", what);
}

static void kafka_conf_on_log(const rd_kafka_t *rd, int level, const char *facility,
                              const char *text)
{
    (void)rd;
    (void)level;
    (void)facility;
    (void)text;
}

static void kafka_conf_on_error(rd_kafka_t *rd, int err, const char *reason, void *opaque)
{
    (void)rd;
    (void)err;
    kafka_tell(opaque, reason);
}

void kafka_conf_hush(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_log_cb(conf, kafka_conf_on_log);
}

void kafka_conf_tell(rd_kafka_conf_t *conf, struct kafka_teller *teller)
{
    ASSERT(teller->env && teller->logger);
    kafka_conf_hush(conf);
    rd_kafka_conf_set_opaque(conf, teller);
    rd_kafka_conf_set_error_cb(conf, kafka_conf_on_error);
}

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
    if (part_text(part, "kafka.consumer.group.id")[0] == '\0')
        part_complain(part, "kafka.consumer.group.id", problems,
                      "it is empty: who reads is a member of a group");
}

rd_kafka_conf_t *kafka_conf_unless(rd_kafka_conf_t *conf, bool wrong)
{
    ASSERT(conf);
    if (!wrong)
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}
