/* Subscriptions of client metrics (KIP-714): which metrics which clients push to the brokers, and
 * how often. Each is a resource of its own, with three settings that are in no file. Names, limits
 * and sentences are Kafka's. Pure: controller and brokers ask the same before a change becomes a
 * record. */
#ifndef CONFIG_METRICS_H
#define CONFIG_METRICS_H

#include "config/config.h"

#define CONFIG_METRICS_UNKNOWN "Unknown client metrics configuration: "

enum config_metrics_id {
    CONFIG_METRICS_INTERVAL_MS, /* in the order of their names */
    CONFIG_METRICS_MATCH,
    CONFIG_METRICS_METRICS,
    CONFIG_METRICS_COUNT
};

enum {
    CONFIG_METRICS_INTERVAL_DEFAULT_MS = 300000,
    /* In one list, since each client that comes is looked at by all of them: Kafka has no limit. */
    CONFIG_METRICS_ELEMENTS_MAX = 200,
    CONFIG_METRICS_SUBSCRIPTIONS_MAX = 100, /* for the same reason */
    CONFIG_METRICS_NAME_MAX = 255           /* bytes of the name of one */
};

const struct config_row *config_metrics_row(enum config_metrics_id id);
/* CONFIG_METRICS_COUNT when there is no such setting. */
enum config_metrics_id config_metrics_find(const char *name);
/* 0, or ERR_INVALID_REQUEST and ERR_INVALID_CONFIG with a sentence in `problem`. */
int config_metrics_check(const char *name, const char *value, struct buf *problem) MUST_CHECK;

/* What a client can be told by in `match`. */
enum config_metrics_attribute {
    CONFIG_METRICS_CLIENT_INSTANCE_ID,
    CONFIG_METRICS_CLIENT_ID,
    CONFIG_METRICS_SOFTWARE_NAME,
    CONFIG_METRICS_SOFTWARE_VERSION,
    CONFIG_METRICS_SOURCE_ADDRESS,
    CONFIG_METRICS_SOURCE_PORT,
    CONFIG_METRICS_ATTRIBUTES
};

/* One element of `match`: "client_id=app-.*". The expression is borrowed; nobody has looked whether
 * it is one. */
struct config_metrics_match {
    enum config_metrics_attribute attribute;
    const char *expression;
    size_t len; /* not 0 */
};
/* Moves on by one: 1 and the element, 0 at the end of the list, ERR_INVALID. */
int config_metrics_next_match(const char **list, struct config_metrics_match *match) MUST_CHECK;

#endif
