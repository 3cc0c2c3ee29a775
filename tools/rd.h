/* librdkafka for the console tools: settings under their Java names, and its messages in ours. */
#ifndef TOOLS_RD_H
#define TOOLS_RD_H

#include <librdkafka/rdkafka.h>

#include "tools/tool.h"

/* Sets it by its Java or librdkafka name; `error` gets the reason when it is refused. */
enum rd_setting { RD_SETTING_TAKEN, RD_SETTING_NO_EFFECT, RD_SETTING_REFUSED };
enum rd_setting rd_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, char *error,
                            size_t error_size) MUST_CHECK;
/* A setting by its Java or librdkafka name. Settings of Java clients that have no counterpart are
 * taken without effect, which is said. 0, or 1 with the message printed. */
int rd_set(const struct tool_run *run, rd_kafka_conf_t *conf, const char *name, const char *value);
int rd_set_int(const struct tool_run *run, rd_kafka_conf_t *conf, const char *name, int64_t value);
/* The bootstrap servers, from where tool_bootstrap takes them; checked. */
int rd_set_bootstrap(struct tool_run *run, rd_kafka_conf_t *conf);
/* What the files and options say of a client setting, by its Java name: the last value of the
 * option `pairs` (NULL: there is none), else run->props; NULL when they are silent. Borrowed. */
const char *rd_said(const struct tool_run *run, const char *pairs, const char *name);
/* "name=value", as --producer-property and its like give it. */
int rd_set_pair(const struct tool_run *run, rd_kafka_conf_t *conf, const char *option,
                const char *pair);
/* All of run->props, then each value of the option `pairs`, if it is not NULL. */
int rd_set_all(const struct tool_run *run, rd_kafka_conf_t *conf, const char *pairs);

/* bootstrap.servers of the option `pairs` counts as if it stood in the properties file. */
void rd_take_bootstrap(struct tool_run *run, const char *pairs);
/* Whether a producer is idempotent, as Java's are unless they are asked for what that can't be had
 * with: acks other than all, no retries, many requests in flight. `acks` is what another option of
 * the tool says of it, or NULL. False when it was said: then it is set as it was said. */
bool rd_wants_idempotence(const struct tool_run *run, const char *pairs, const char *acks);

/* Why the cluster can't be reached: the last connection error and how many brokers are down. */
struct rd_watch {
    char reason[512];
    bool all_down;
    bool fatal; /* nothing will get better by waiting */
};
/* Kinds of errors that were told; zeroed memory: none. */
enum { RD_TOLD_MAX = 64 };
struct rd_told {
    rd_kafka_resp_err_t errors[RD_TOLD_MAX];
    int count;
};
/* Whether it is to be told: the first of its kind, of which no more than RD_TOLD_MAX are told, and
 * no mere end of a partition. */
bool rd_told_first(struct rd_told *told, rd_kafka_resp_err_t err);

/* Makes librdkafka's errors go to `watch`, which outlives the handle. Sets the opaque. */
void rd_watch_errors(rd_kafka_conf_t *conf, struct rd_watch *watch);
/* Says that no broker answers, when that is so; true when it has said it. */
bool rd_watch_warn(const struct tool_run *run, const struct rd_watch *watch);

/* Takes or gives up partitions in a rebalance callback, by the protocol of the group's assignor. */
void rd_assign(rd_kafka_t *rd, bool gives, const rd_kafka_topic_partition_list_t *partitions);
/* The topic, or those whose whole names match the expression. 0, or 1 with the message printed. */
int rd_subscribe(const struct tool_run *run, rd_kafka_t *rd, const char *topic,
                 const char *include);
/* Milliseconds since 1970. */
int64_t rd_wall_ms(void);
/* Monotonic milliseconds. */
int64_t rd_now_ms(void);

/* Set by SIGINT and SIGTERM, once rd_catch_signals was called. */
bool rd_interrupted(void);
/* The exit status of a Java program that such a signal ended: 128 and its number; 0 = none came. */
int rd_signal_status(void);
void rd_catch_signals(void);

/* Splits "name=value" properties (--property print.key=true). False when there is no '='. */
bool rd_split(const char *pair, char name[64], const char **value);

/* "\t", "\n", "\r", "\\" in a separator, as people write them on a command line; the caller's to
 * mem_free. */
char *rd_unescape(const char *text);

#endif
