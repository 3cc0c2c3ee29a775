/* The metrics of a client for --print-metrics: librdkafka's statistics, in the lines in which
 * Kafka's tools print those of Java's clients. The names are librdkafka's. */
#ifndef TOOLS_RD_METRICS_H
#define TOOLS_RD_METRICS_H

#include "tools/rd.h"

struct rd_metrics {
    char *json; /* the newest statistics */
    size_t len;
};

/* Has librdkafka make them, if the tool's --print-metrics was given. It comes behind
 * rd_watch_errors, whose struct is the opaque; `metrics_of` finds the place from it. 0, or 1 with
 * the message printed. */
int rd_metrics_want(const struct tool_run *run, rd_kafka_conf_t *conf,
                    int (*take)(rd_kafka_t *rd, char *json, size_t len, void *opaque));
/* Keeps the statistics; returns 0, which leaves librdkafka its own. */
int rd_metrics_take(struct rd_metrics *metrics, const char *json, size_t len);
/* Waits for statistics that are newer than this call, and prints them, sorted. */
void rd_metrics_print(struct rd_metrics *metrics, rd_kafka_t *rd, FILE *out);
void rd_metrics_close(struct rd_metrics *metrics);

#endif
