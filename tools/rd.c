/* librdkafka for the console tools.
 *
 * Happy path: a setting has the same name in both worlds. Failure modes: it has another name or
 * unit (the table), it exists in Java only (it has no effect, which is said), nowhere (a message).
 */
#include "tools/rd.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

/* A Java name; what librdkafka calls it, NULL = nothing; and a divisor for another unit. */
struct rd_name {
    const char *java;
    const char *name;
    int64_t divisor;
};
static const struct rd_name rd_names[] = {
    {"allow.auto.create.topics", "allow.auto.create.topics", 1},
    {"auto.include.jmx.reporter", NULL, 1},
    {"buffer.memory", "queue.buffering.max.kbytes", 1024},
    {"client.dns.lookup", NULL, 1},
    {"compression.gzip.level", NULL, 1},
    {"compression.lz4.level", NULL, 1},
    {"compression.zstd.level", NULL, 1},
    {"default.api.timeout.ms", NULL, 1},
    {"delivery.timeout.ms", "message.timeout.ms", 1},
    {"enable.metrics.push", NULL, 1},
    {"exclude.internal.topics", NULL, 1},
    {"fetch.max.wait.ms", "fetch.wait.max.ms", 1},
    {"interceptor.classes", NULL, 1},
    {"key.deserializer", NULL, 1},
    {"key.serializer", NULL, 1},
    {"max.block.ms", NULL, 1},
    {"max.poll.records", NULL, 1},
    {"max.request.size", "message.max.bytes", 1},
    {"metadata.max.idle.ms", NULL, 1},
    {"metadata.recovery.rebootstrap.trigger.ms", NULL, 1},
    {"metadata.recovery.strategy", NULL, 1},
    {"metric.reporters", NULL, 1},
    {"metrics.num.samples", NULL, 1},
    {"metrics.recording.level", NULL, 1},
    {"metrics.sample.window.ms", NULL, 1},
    {"partitioner.adaptive.partitioning.enable", NULL, 1},
    {"partitioner.availability.timeout.ms", NULL, 1},
    {"partitioner.class", NULL, 1},
    {"partitioner.ignore.keys", NULL, 1},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes", 1},
    {"reconnect.backoff.max.ms", "reconnect.backoff.max.ms", 1},
    {"retry.backoff.max.ms", NULL, 1},
    {"send.buffer.bytes", "socket.send.buffer.bytes", 1},
    {"socket.connection.setup.timeout.max.ms", NULL, 1},
    {"value.deserializer", NULL, 1},
    {"value.serializer", NULL, 1},
};

static volatile sig_atomic_t rd_signal; /* a signal handler can reach nothing else */

enum rd_setting rd_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, char *error,
                            size_t error_size)
{
    char scaled[32];
    const char *known = name;
    for (size_t i = 0; i < ARRAY_LEN(rd_names); i++) {
        if (strcmp(rd_names[i].java, name) != 0)
            continue;
        known = rd_names[i].name;
        if (rd_names[i].divisor > 1) {
            snprintf(scaled, sizeof(scaled), "%lld",
                     strtoll(value, NULL, 10) / (long long)rd_names[i].divisor);
            value = scaled;
        }
    }
    if (!known)
        return RD_SETTING_NO_EFFECT;
    bool set = rd_kafka_conf_set(conf, known, value, error, error_size) == RD_KAFKA_CONF_OK;
    return set ? RD_SETTING_TAKEN : RD_SETTING_REFUSED;
}

int rd_set(const struct tool_run *run, rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[512];
    enum rd_setting setting = rd_conf_set(conf, name, value, error, sizeof(error));
    if (setting == RD_SETTING_REFUSED)
        return tool_fail(run, "%s=%s: %s", name, value, error);
    /* The console producer reads max.block.ms by itself. */
    if (setting == RD_SETTING_NO_EFFECT && strcmp(name, "max.block.ms") != 0)
        tool_warn(run, "%s has no effect here: it is a setting of Java's clients", name);
    return 0;
}

int rd_set_int(const struct tool_run *run, rd_kafka_conf_t *conf, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, value);
    return rd_set(run, conf, name, text);
}

bool rd_split(const char *pair, char name[64], const char **value)
{
    const char *equals = strchr(pair, '=');
    if (!equals || equals == pair || equals - pair >= 64)
        return false;
    memcpy(name, pair, (size_t)(equals - pair));
    name[equals - pair] = '\0';
    *value = equals + 1;
    return true;
}

int rd_set_pair(const struct tool_run *run, rd_kafka_conf_t *conf, const char *option,
                const char *pair)
{
    char name[64];
    const char *value;
    if (!rd_split(pair, name, &value))
        return tool_misuse(run, "--%s %s: write it as --%s name=value", option, pair, option);
    if (strcmp(name, "bootstrap.servers") == 0)
        return 0; /* rd_take_bootstrap has it, where the tool takes it from there */
    return rd_set(run, conf, name, value);
}

int rd_set_all(const struct tool_run *run, rd_kafka_conf_t *conf, const char *pairs)
{
    const char *pair;
    size_t cursor = 0;
    int status = 0;
    for (size_t i = 0; i < run->props.count && status == 0; i++)
        if (strcmp(run->props.entries[i].key, "bootstrap.servers") != 0)
            status = rd_set(run, conf, run->props.entries[i].key, run->props.entries[i].value);
    while (status == 0 && pairs && (pair = options_next(run->options, pairs, &cursor)))
        status = rd_set_pair(run, conf, options_written(run->options, pairs), pair);
    return status;
}

int rd_set_bootstrap(struct tool_run *run, rd_kafka_conf_t *conf)
{
    const char *option;
    char *bootstrap = tool_bootstrap(run, &option);
    struct buf problem;
    if (!bootstrap)
        return 1;
    buf_init(&problem);
    int status = client_check_bootstrap(bootstrap, option, &problem)
                     ? tool_fail(run, "%s", buf_text(&problem))
                     : rd_set(run, conf, "bootstrap.servers", bootstrap);
    buf_close(&problem);
    mem_free(bootstrap);
    return status;
}

const char *rd_said(const struct tool_run *run, const char *pairs, const char *name)
{
    const char *pair, *said = props_get(&run->props, name);
    size_t cursor = 0, len = strlen(name);
    while (pairs && (pair = options_next(run->options, pairs, &cursor)))
        if (strncmp(pair, name, len) == 0 && pair[len] == '=')
            said = pair + len + 1;
    return said;
}

void rd_take_bootstrap(struct tool_run *run, const char *pairs)
{
    const char *said = rd_said(run, pairs, "bootstrap.servers");
    if (said)
        props_set(&run->props, "bootstrap.servers", said);
}

bool rd_wants_idempotence(const struct tool_run *run, const char *pairs, const char *acks)
{
    static const char *const names[] = {"acks", "request.required.acks"};
    const char *said = rd_said(run, pairs, "enable.idempotence");
    const char *retries = rd_said(run, pairs, "retries");
    const char *flight = rd_said(run, pairs, "max.in.flight.requests.per.connection");
    if (said)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (rd_said(run, pairs, names[i]))
            acks = rd_said(run, pairs, names[i]);
    return (!acks || strcmp(acks, "-1") == 0 || strcmp(acks, "all") == 0) &&
           (!retries || strcmp(retries, "0") != 0) && (!flight || strtol(flight, NULL, 10) <= 5);
}

static void rd_on_error(rd_kafka_t *rd, int err, const char *reason, void *opaque)
{
    struct rd_watch *watch = opaque;
    (void)rd;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        watch->all_down = true;
    else
        snprintf(watch->reason, sizeof(watch->reason), "%s", reason);
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR__FATAL)
        watch->fatal = true;
}

/* Its log lines are for its developers; errors come through rd_on_error. */
static void rd_on_log(const rd_kafka_t *rd, int level, const char *facility, const char *text)
{
    (void)rd;
    (void)level;
    (void)facility;
    (void)text;
}

void rd_watch_errors(rd_kafka_conf_t *conf, struct rd_watch *watch)
{
    *watch = (struct rd_watch){0};
    rd_kafka_conf_set_opaque(conf, watch);
    rd_kafka_conf_set_error_cb(conf, rd_on_error);
    rd_kafka_conf_set_log_cb(conf, rd_on_log);
}

bool rd_watch_warn(const struct tool_run *run, const struct rd_watch *watch)
{
    if (watch->all_down)
        tool_warn(run, "no broker answers, trying on: %s", watch->reason);
    return watch->all_down;
}

bool rd_told_first(struct rd_told *told, rd_kafka_resp_err_t err)
{
    for (int i = 0; i < told->count; i++)
        if (told->errors[i] == err)
            return false;
    if (err == RD_KAFKA_RESP_ERR__PARTITION_EOF || told->count == RD_TOLD_MAX)
        return false;
    told->errors[told->count++] = err;
    return true;
}

void rd_assign(rd_kafka_t *rd, bool gives, const rd_kafka_topic_partition_list_t *partitions)
{
    const char *protocol = rd_kafka_rebalance_protocol(rd);
    bool cooperative = protocol && strcmp(protocol, "COOPERATIVE") == 0;
    rd_kafka_error_t *error = NULL;
    if (cooperative)
        error = gives ? rd_kafka_incremental_assign(rd, partitions)
                      : rd_kafka_incremental_unassign(rd, partitions);
    else
        rd_kafka_assign(rd, gives ? partitions : NULL);
    if (error)
        rd_kafka_error_destroy(error); /* the group rebalances again */
}

int rd_subscribe(const struct tool_run *run, rd_kafka_t *rd, const char *topic, const char *include)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    char *pattern = include ? mem_printf("^(%s)$", include) : NULL;
    rd_kafka_topic_partition_list_add(list, pattern ? pattern : topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(rd, list);
    rd_kafka_topic_partition_list_destroy(list);
    mem_free(pattern);
    return err ? tool_fail(run, "the subscription failed: %s", rd_kafka_err2str(err)) : 0;
}

int64_t rd_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t rd_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void rd_on_signal(int signum)
{
    rd_signal = signum;
}

void rd_catch_signals(void)
{
    struct sigaction action = {.sa_handler = rd_on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL); /* without SA_RESTART: a blocked read ends */
    sigaction(SIGTERM, &action, NULL);
}

bool rd_interrupted(void)
{
    return rd_signal != 0;
}

int rd_signal_status(void)
{
    return rd_signal ? 128 + rd_signal : 0;
}

char *rd_unescape(const char *text)
{
    char *out = mem_alloc(strlen(text) + 1), *to = out;
    for (const char *c = text; *c; c++) {
        const char *from = "tnr0\\";
        const char *escape = *c == '\\' && c[1] ? strchr(from, c[1]) : NULL;
        if (escape) {
            *to++ = "\t\n\r\0\\"[escape - from];
            c++;
        } else {
            *to++ = *c;
        }
    }
    *to = '\0';
    return out;
}
