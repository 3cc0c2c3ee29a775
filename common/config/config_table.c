/* The rows of the table of settings, and finding them. Failure mode: an unknown name; the nearest
 * known one can be offered. */
#include "config/config_private.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"

#define CONFIG_ROW(id, row_name, row_type, row_default, row_topic, row_min, row_max, row_allowed,  \
                   row_flags, row_doc)                                                             \
    [CONFIG_##id] = {                                                                              \
        .name = row_name,                                                                          \
        .topic_name = row_topic,                                                                   \
        .default_text = row_default,                                                               \
        .allowed = row_allowed,                                                                    \
        .doc = row_doc,                                                                            \
        .min = row_min,                                                                            \
        .max = row_max,                                                                            \
        .type = CONFIG_TYPE_##row_type,                                                            \
        .flags = row_flags,                                                                        \
    },
static const struct config_row config_rows[CONFIG_COUNT] = {CONFIG_LIST(CONFIG_ROW)};

/* Names without a row that real files contain: of older and newer releases, of plug-ins. A name
 * that ends with a dot stands for all that begin with it. */
static const char *const config_foreign[] = {
    "allow.everyone.if.no.acl.found",
    "auto.include.jmx.reporter",
    "broker.id.generation.enable",
    "confluent.",
    "control.plane.listener.name",
    "controller.performance.",
    "delegation.token.",
    "eligible.leader.replicas.enable",
    "group.coordinator.",
    "group.id",
    "group.share.",
    "group.streams.",
    "inter.broker.protocol.version",
    "internal.",
    "kafka.",
    "listener.name.",
    "log4j.",
    "metadata.log.segment.min.bytes",
    "metrics.",
    "migration.",
    "offsets.commit.required.acks",
    "password.encoder.",
    "quota.",
    "quota.consumer.default",
    "quota.producer.default",
    "remote.log.",
    "reserved.broker.max.id",
    "rlmm.config.",
    "rsm.config.",
    "sasl.",
    "schema.registry.",
    "share.coordinator.",
    "ssl.",
    "super.users",
    "telemetry.",
    "transaction.",
    "zookeeper.",
};

/* Longer names are refused before they are compared: no setting of Kafka is nearly as long. */
enum { CONFIG_NAME_MAX = 120 };

const struct config_row *config_row(enum config_id id)
{
    ASSERT(id < CONFIG_COUNT);
    return &config_rows[id];
}

enum config_id config_find(const char *name)
{
    for (unsigned i = 0; i < CONFIG_COUNT; i++)
        if (!(config_rows[i].flags & CONFIG_TOPIC_ONLY) && strcmp(config_rows[i].name, name) == 0)
            return (enum config_id)i;
    return CONFIG_COUNT;
}

enum config_id config_find_topic(const char *topic_name)
{
    for (unsigned i = 0; i < CONFIG_COUNT; i++)
        if (config_rows[i].topic_name && strcmp(config_rows[i].topic_name, topic_name) == 0)
            return (enum config_id)i;
    return CONFIG_COUNT;
}

/* Settings that a listener may have once for each way to log in. */
static bool config_is_of_mechanism(enum config_id id)
{
    return id == CONFIG_CONNECTIONS_MAX_REAUTH_MS || id == CONFIG_SASL_JAAS_CONFIG ||
           id == CONFIG_SASL_LOGIN_CALLBACK_HANDLER_CLASS || id == CONFIG_SASL_LOGIN_CLASS ||
           id == CONFIG_SASL_SERVER_CALLBACK_HANDLER_CLASS;
}

enum config_id config_find_base(const char *name, bool *listener)
{
    static const char prefix[] = "listener.name.";
    const size_t len = sizeof(prefix) - 1;
    const char *dot = strncmp(name, prefix, len) == 0 ? strchr(name + len, '.') : NULL;
    ASSERT(name != NULL);
    ASSERT(listener != NULL);
    *listener = dot != NULL;
    if (!dot)
        return config_find(name);
    enum config_id id = config_find(dot + 1);
    dot = strchr(dot + 1, '.');
    if (id < CONFIG_COUNT || !dot)
        return id;
    id = config_find(dot + 1); /* behind the name of a mechanism */
    return id < CONFIG_COUNT && config_is_of_mechanism(id) ? id : CONFIG_COUNT;
}

bool config_is_for_all(enum config_id id, bool listener)
{
    ASSERT(id <= CONFIG_COUNT);
    if (listener)
        return id == CONFIG_MAX_CONNECTIONS || id == CONFIG_MAX_CONNECTION_CREATION_RATE ||
               id == CONFIG_NUM_NETWORK_THREADS;
    return id == CONFIG_COUNT ||
           !(config_rows[id].flags & (CONFIG_PER_BROKER | CONFIG_PER_LISTENER));
}

bool config_is_foreign(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(config_foreign); i++) {
        const char *known = config_foreign[i];
        size_t len = strlen(known);
        ASSERT(len > 0);
        if (known[len - 1] == '.' ? strncmp(name, known, len) == 0 : strcmp(name, known) == 0)
            return true;
    }
    return false;
}

/* How many letters must be added, removed or changed to make one name of the other. */
static unsigned config_distance(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    unsigned row[CONFIG_NAME_MAX + 1];
    ASSERT(b_len <= CONFIG_NAME_MAX);
    ASSERT(a_len <= CONFIG_NAME_MAX);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            unsigned shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < shift ? change : shift;
        }
    }
    return row[b_len];
}

const char *config_nearest(const char *name, bool topic)
{
    const char *best = NULL;
    size_t len = strlen(name);
    /* More than a third of the letters wrong is no slip of the fingers. */
    unsigned best_distance = (unsigned)(len / 3 + 2);
    if (len > CONFIG_NAME_MAX)
        return NULL;
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        const struct config_row *row = &config_rows[i];
        const char *known = topic ? row->topic_name : row->name;
        if (!known || (!topic && (row->flags & CONFIG_TOPIC_ONLY)))
            continue;
        ASSERT(best_distance > 0);
        unsigned distance = config_distance(name, known);
        if (distance < best_distance) {
            best_distance = distance;
            best = known;
        }
    }
    return best;
}
