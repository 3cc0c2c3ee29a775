/* librdkafka for the console tools: settings under their Java names, and its messages in ours. */
#ifndef TOOLS_RD_H
#define TOOLS_RD_H

#include <librdkafka/rdkafka.h>

#include "tools/tool.h"

/* A setting by its Java or librdkafka name. Settings of Java clients that have no counterpart are
 * taken without effect, which is said. 0, or 1 with the message printed. */
int rd_set(const struct tool_run *run, rd_kafka_conf_t *conf, const char *name, const char *value);
int rd_set_int(const struct tool_run *run, rd_kafka_conf_t *conf, const char *name, int64_t value);
/* The bootstrap servers, from where tool_bootstrap takes them; checked. */
int rd_set_bootstrap(struct tool_run *run, rd_kafka_conf_t *conf);
/* What the files and options say of a client setting, by its Java name: the last value of the
 * option `pairs`, else run->props; NULL when they are silent. Borrowed. */
const char *rd_said(const struct tool_run *run, const char *pairs, const char *name);
/* "name=value", as --producer-property and its like give it. */
int rd_set_pair(const struct tool_run *run, rd_kafka_conf_t *conf, const char *option,
                const char *pair);
/* All of run->props, then each value of the option `pairs`. */
int rd_set_all(const struct tool_run *run, rd_kafka_conf_t *conf, const char *pairs);

/* Why the cluster can't be reached: the last connection error and how many brokers are down. */
struct rd_watch {
    char reason[512];
    bool all_down;
    bool fatal; /* nothing will get better by waiting */
};
/* Makes librdkafka's errors go to `watch`, which outlives the handle. Sets the opaque. */
void rd_watch_errors(rd_kafka_conf_t *conf, struct rd_watch *watch);

/* Set by SIGINT and SIGTERM, once rd_catch_signals was called. */
bool rd_interrupted(void);
void rd_catch_signals(void);

/* Splits "name=value" properties (--property print.key=true). False when there is no '='. */
bool rd_split(const char *pair, char name[64], const char **value);

/* "\t", "\n", "\r", "\\" in a separator, as people write them on a command line; the caller's to
 * mem_free. */
char *rd_unescape(const char *text);

#endif
