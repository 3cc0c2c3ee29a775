/* librdkafka's statistics as lines.
 *
 * Happy path: the statistics come as one JSON object in a callback; its numbers and words become
 * "group:name:{client-id=...,broker=...}", sorted. Failure modes: no statistics come within some
 * seconds (nothing is printed but the sentence). */
#include "tools/rd_metrics.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/rd_wait.h"

enum { RD_METRICS_INTERVAL_MS = 500, RD_METRICS_WAIT_MS = 10000, RD_METRICS_DEPTH = 8 };

struct rd_metric {
    char *name, *value;
};
struct rd_metric_list {
    struct rd_metric *items;
    size_t count;
    int widest;
};

/* Objects whose members are objects of one kind, and what a member is called in the tags. */
static const struct {
    const char *name, *group, *tag;
} rd_metrics_maps[] = {
    {"brokers", "broker", "broker"},
    {"topics", "topic", "topic"},
    {"partitions", "partition", "partition"},
};

int rd_metrics_want(const struct tool_run *run, rd_kafka_conf_t *conf,
                    int (*take)(rd_kafka_t *rd, char *json, size_t len, void *opaque))
{
    if (!options_has(run->options, "print-metrics"))
        return 0;
    rd_kafka_conf_set_stats_cb(conf, take);
    return rd_set_int(run, conf, "statistics.interval.ms", RD_METRICS_INTERVAL_MS);
}

int rd_metrics_take(struct rd_metrics *metrics, const char *json, size_t len)
{
    mem_free(metrics->json);
    metrics->json = mem_strndup(json, len);
    metrics->len = len;
    return 0;
}

void rd_metrics_close(struct rd_metrics *metrics)
{
    mem_free(metrics->json);
}

static void rd_metrics_add(struct rd_metric_list *list, char *name, const json_t *value)
{
    char *text = NULL;
    if (json_is_integer(value))
        text = mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        text = mem_printf("%.3f", json_real_value(value));
    else if (json_is_boolean(value))
        text = mem_strdup(json_is_true(value) ? "true" : "false");
    else
        text = mem_strdup(json_string_value(value));
    list->items = mem_realloc(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = (struct rd_metric){name, text};
    int width = (int)strlen(name);
    list->widest = width > list->widest ? width : list->widest;
}

static int rd_metrics_map(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rd_metrics_maps); i++)
        if (strcmp(rd_metrics_maps[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* `prefix` are the names of the objects around this one that are no maps: "rtt.". */
static void rd_metrics_walk(struct rd_metric_list *list, json_t *object, const char *group,
                            const char *prefix, const char *tags, int depth)
{
    const char *key, *member;
    json_t *value, *inner;
    json_object_foreach(object, key, value)
    {
        int map = rd_metrics_map(key);
        if (depth == RD_METRICS_DEPTH || json_is_array(value) || json_is_null(value))
            continue;
        if (map >= 0 && json_is_object(value)) {
            json_object_foreach(value, member, inner)
            {
                char *more = mem_printf("%s,%s=%s", tags, rd_metrics_maps[map].tag, member);
                if (json_is_object(inner))
                    rd_metrics_walk(list, inner, rd_metrics_maps[map].group, "", more, depth + 1);
                mem_free(more);
            }
        } else if (json_is_object(value)) {
            char *more = mem_printf("%s%s.", prefix, key);
            rd_metrics_walk(list, value, group, more, tags, depth + 1);
            mem_free(more);
        } else {
            rd_metrics_add(list, mem_printf("%s:%s%s:{%s}", group, prefix, key, tags), value);
        }
    }
}

static int rd_metrics_compare(const void *a, const void *b)
{
    return strcmp(((const struct rd_metric *)a)->name, ((const struct rd_metric *)b)->name);
}

static void rd_metrics_print_list(struct rd_metric_list *list, FILE *out)
{
    if (list->count > 0)
        qsort(list->items, list->count, sizeof(*list->items), rd_metrics_compare);
    fprintf(out, "\n%-*s   Value\n", list->widest, "Metric Name");
    for (size_t i = 0; i < list->count; i++) {
        fprintf(out, "%-*s : %s\n", list->widest, list->items[i].name, list->items[i].value);
        mem_free(list->items[i].name);
        mem_free(list->items[i].value);
    }
    mem_free(list->items);
}

void rd_metrics_print(struct rd_metrics *metrics, rd_kafka_t *rd, FILE *out)
{
    int64_t deadline = rd_now_ms() + RD_METRICS_WAIT_MS;
    struct rd_metric_list list = {0};
    json_error_t problem;
    mem_free(metrics->json);
    metrics->json = NULL;
    while (!metrics->json && rd_now_ms() < deadline)
        rd_kafka_poll(rd, RD_METRICS_INTERVAL_MS);
    json_t *root = metrics->json ? json_loadb(metrics->json, metrics->len, 0, &problem) : NULL;
    if (!root) {
        fprintf(stderr, "--print-metrics: the client library gave no statistics\n");
        return;
    }
    char *tags = mem_printf("client-id=%s", json_string_value(json_object_get(root, "client_id")));
    rd_metrics_walk(&list, root, "client", "", tags, 0);
    mem_free(tags);
    rd_metrics_print_list(&list, out);
    json_decref(root);
}
