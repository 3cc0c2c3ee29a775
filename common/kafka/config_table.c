/* The rows of the table of settings, finding them, and checking a value against its row.
 *
 * Happy path: a name is found, its value parses as the type of the row and lies in its range.
 * Failure modes: an unknown name (the nearest known one is offered), a value of another type or out
 * of range (the sentence says which values are right). */
#include "kafka/config_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* Settings of Kafka that real files contain and that change nothing here. A name that ends with a
 * dot stands for all that begin with it. */
static const char *const config_foreign[] = {
    "add.partitions.to.txn.retry.backoff.max.ms",
    "add.partitions.to.txn.retry.backoff.ms",
    "allow.everyone.if.no.acl.found",
    "alter.config.policy.class.name",
    "alter.log.dirs.replication.quota.window.num",
    "alter.log.dirs.replication.quota.window.size.seconds",
    "auto.include.jmx.reporter",
    "background.threads",
    "broker.id.generation.enable",
    "client.quota.callback.class",
    "confluent.",
    "connection.failed.authentication.delay.ms",
    "connections.max.reauth.ms",
    "control.plane.listener.name",
    "controller.performance.",
    "controller.quorum.append.linger.ms",
    "controller.quorum.auto.join.enable",
    "controller.quota.window.num",
    "controller.quota.window.size.seconds",
    "controller.socket.timeout.ms",
    "delegation.token.",
    "delete.records.purgatory.purge.interval.requests",
    "eligible.leader.replicas.enable",
    "early.start.listeners",
    "fetch.purgatory.purge.interval.requests",
    "group.consumer.regex.refresh.interval.ms",
    "group.coordinator.",
    "group.id",
    "group.share.",
    "group.streams.",
    "inter.broker.protocol.version",
    "internal.",
    "kafka.",
    "listener.name.",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.io.buffer.size",
    "log.cleaner.io.max.bytes.per.second",
    "log.cleaner.threads",
    "log.dir.failure.timeout.ms",
    "log.initial.task.delay.ms",
    "log.local.retention.bytes",
    "log.local.retention.ms",
    "log4j.",
    "max.connection.creation.rate",
    "max.connections.per.ip.overrides",
    "metadata.log.segment.bytes",
    "metadata.log.segment.ms",
    "metadata.log.segment.min.bytes",
    "metadata.max.idle.interval.ms",
    "metadata.max.retention.bytes",
    "metadata.max.retention.ms",
    "metric.reporters",
    "metrics.",
    "migration.",
    "num.io.threads",
    "num.network.threads",
    "num.replica.alter.log.dirs.threads",
    "offsets.commit.required.acks",
    "password.encoder.",
    "principal.builder.class",
    "producer.id.expiration.check.interval.ms",
    "producer.purgatory.purge.interval.requests",
    "quota.",
    "quota.consumer.default",
    "quota.producer.default",
    "remote.list.offsets.request.timeout.ms",
    "remote.fetch.max.wait.ms",
    "remote.log.",
    "replication.quota.window.num",
    "replication.quota.window.size.seconds",
    "reserved.broker.max.id",
    "sasl.",
    "schema.registry.",
    "security.providers",
    "server.max.startup.time.ms",
    "share.coordinator.",
    "share.fetch.purgatory.purge.interval.requests",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
    "ssl.",
    "super.users",
    "telemetry.",
    "transaction.",
    "transactional.id.expiration.ms",
    "unclean.leader.election.interval.ms",
    "unstable.api.versions.enable",
    "unstable.feature.versions.enable",
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

bool config_is_foreign(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(config_foreign); i++) {
        const char *known = config_foreign[i];
        size_t len = strlen(known);
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
        unsigned distance = config_distance(name, known);
        if (distance < best_distance) {
            best_distance = distance;
            best = known;
        }
    }
    return best;
}

bool config_parse_int(const char *text, int64_t *value)
{
    const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
    size_t len = strspn(digits, "0123456789");
    if (len == 0 || digits[len] != '\0')
        return false;
    errno = 0;
    *value = strtoll(text, NULL, 10);
    return errno == 0;
}

bool config_parse_double(const char *text, double *value)
{
    char *end;
    if (*text == '\0' || strspn(text, "+-.0123456789eE") != strlen(text))
        return false;
    errno = 0;
    *value = strtod(text, &end);
    return *end == '\0' && errno == 0;
}

bool config_is_text(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        unsigned rest = *c < 0x80 ? 0 : *c < 0xc2 ? 4 : *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : 3;
        if ((*c < 0x20 && *c != '\t') || *c == 0x7f || rest == 4 || *c > 0xf4)
            return false;
        for (; rest > 0; rest--)
            if ((*++c & 0xc0) != 0x80)
                return false;
    }
    return true;
}

bool config_parse_bool(const char *text, bool *value)
{
    *value = strcasecmp(text, "true") == 0;
    return *value || strcasecmp(text, "false") == 0;
}

bool config_next_element(const char **list, const char **element, size_t *len)
{
    const char *at = *list;
    at += strspn(at, ", \t");
    if (*at == '\0')
        return false;
    *element = at;
    size_t n = strcspn(at, ",");
    *list = at + n;
    while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t'))
        n--;
    *len = n;
    return true;
}

static bool config_is_allowed(const char *allowed, const char *value, size_t len)
{
    for (const char *at = allowed; *at;) {
        size_t n = strcspn(at, "|");
        if (n == len && strncasecmp(at, value, n) == 0)
            return true;
        at += n + (at[n] == '|');
    }
    return false;
}

/* "a, b or c" */
static void config_say_allowed(const char *allowed, struct buf *problem)
{
    for (const char *at = allowed; *at;) {
        size_t n = strcspn(at, "|");
        const char *next = at + n + (at[n] == '|');
        const char *before = at == allowed ? "" : *next ? ", " : " or ";
        buf_printf(problem, "%s%.*s", before, (int)n, at);
        at = next;
    }
}

static int config_check_words(const struct config_row *row, const char *name, const char *value,
                              struct buf *problem)
{
    bool right = true;
    if (row->type == CONFIG_TYPE_LIST) {
        const char *element;
        size_t len;
        const char *list = value;
        while (right && config_next_element(&list, &element, &len))
            right = config_is_allowed(row->allowed, element, len);
    } else {
        right = config_is_allowed(row->allowed, value, strlen(value));
    }
    if (right)
        return 0;
    buf_printf(problem, "%s=%s is not possible: write ", name, value);
    config_say_allowed(row->allowed, problem);
    return ERR_INVALID_CONFIG;
}

static void config_say_range(const struct config_row *row, struct buf *problem)
{
    if (row->max == CONFIG_MAX_LONG)
        buf_printf(problem, "from %" PRId64 " upwards", row->min);
    else
        buf_printf(problem, "from %" PRId64 " to %" PRId64, row->min, row->max);
}

static int config_check_number(const struct config_row *row, const char *name, const char *value,
                               struct buf *problem)
{
    int64_t number = 0;
    double real = 0;
    bool is_real = row->type == CONFIG_TYPE_DOUBLE;
    if (is_real ? !config_parse_double(value, &real) : !config_parse_int(value, &number)) {
        buf_printf(problem, "%s=%s is not a %s: write one ", name, value,
                   is_real ? "number" : "whole number");
        config_say_range(row, problem);
        return ERR_INVALID_CONFIG;
    }
    if (is_real ? real >= (double)row->min && real <= (double)row->max
                : number >= row->min && number <= row->max)
        return 0;
    buf_printf(problem, "%s=%s is out of range: write a number ", name, value);
    config_say_range(row, problem);
    return ERR_INVALID_CONFIG;
}

/* What the range can't say. */
static int config_check_special(const struct config_row *row, const char *name, const char *value,
                                struct buf *problem)
{
    if (row != &config_rows[CONFIG_LOG_RETENTION_MS] &&
        row != &config_rows[CONFIG_LOG_RETENTION_MINUTES] &&
        row != &config_rows[CONFIG_LOG_RETENTION_HOURS])
        return 0;
    int64_t number = 0;
    if (!config_parse_int(value, &number) || number != 0)
        return 0;
    buf_printf(problem, "%s=%s is out of range: write -1 (keep for ever) or a number from 1", name,
               value);
    return ERR_INVALID_CONFIG;
}

int config_check_value(const struct config_row *row, const char *name, const char *value,
                       struct buf *problem)
{
    bool is_true;
    switch (row->type) {
    case CONFIG_TYPE_BOOL:
        if (!config_parse_bool(value, &is_true)) {
            buf_printf(problem, "%s=%s is not possible: write true or false", name, value);
            return ERR_INVALID_CONFIG;
        }
        break;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_LONG:
    case CONFIG_TYPE_DOUBLE:;
        int err = config_check_number(row, name, value, problem);
        return err ? err : config_check_special(row, name, value, problem);
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_LIST:
    case CONFIG_TYPE_PASSWORD:
        break;
    }
    return row->allowed ? config_check_words(row, name, value, problem) : 0;
}

int config_topic_check(const char *key, const char *value, struct buf *problem)
{
    enum config_id id = config_find_topic(key);
    if (id < CONFIG_COUNT)
        return config_check_value(&config_rows[id], key, value, problem);
    const char *nearest = config_nearest(key, true);
    buf_printf(problem, "%s is not a setting of a topic", key);
    if (nearest)
        buf_printf(problem, ": did you mean %s?", nearest);
    return ERR_INVALID_CONFIG;
}
