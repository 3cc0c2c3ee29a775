/* Throttles of kafka-reassign-partitions: settings of topics (which replicas) and of brokers (how
 * fast). Happy path: one IncrementalAlterConfigs about all of them. Failure modes: the first
 * resource that is refused ends the tool, with the broker's sentence. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "base/sort.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/incremental_alter_configs.h"
#include "tools/config_changes.h"
#include "tools/reassign_ask.h"

enum {
    THROTTLE_TOPIC = 2, /* kinds of resources, as the protocol numbers them */
    THROTTLE_BROKER = 4,
    THROTTLE_KEYS_MAX = 3
};

typedef struct incremental_alter_configs_request_alter_configs_resource throttle_resource;
typedef struct incremental_alter_configs_request_alterable_config throttle_change;

static const char *const throttle_topic_keys[] = {"leader.replication.throttled.replicas",
                                                  "follower.replication.throttled.replicas"};
static const char *const throttle_broker_keys[] = {
    "leader.replication.throttled.rate", "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second"};

/* The changes of one request; all text is its own. */
struct throttle_request {
    throttle_resource *resources;
    int32_t count;
};

static throttle_resource *throttle_add(struct throttle_request *request, int8_t type, char *name,
                                       size_t keys)
{
    size_t size = ((size_t)request->count + 1) * sizeof(*request->resources);
    request->resources = mem_realloc(request->resources, size);
    throttle_resource *resource = &request->resources[request->count++];
    wire_defaults(&incremental_alter_configs_request_alter_configs_resource_desc, resource);
    resource->resource_type = type;
    resource->resource_name = wire_str_from(name);
    resource->configs.items = mem_alloc(keys * sizeof(throttle_change));
    return resource;
}

/* `value` is taken over; NULL: the setting is deleted. */
static void throttle_change_to(throttle_resource *resource, const char *key, char *value)
{
    resource->configs.items[resource->configs.count++] =
        (throttle_change){wire_str_from(key), value ? CONFIG_CHANGE_SET : CONFIG_CHANGE_DELETE,
                          value ? wire_str_from(value) : WIRE_STR_NULL};
}

static void throttle_free(struct throttle_request *request)
{
    for (int32_t i = 0; i < request->count; i++) {
        throttle_resource *resource = &request->resources[i];
        for (int32_t j = 0; j < resource->configs.count; j++)
            mem_free((void *)(uintptr_t)resource->configs.items[j].value.data);
        mem_free(resource->configs.items);
        mem_free((void *)(uintptr_t)resource->resource_name.data);
    }
    mem_free(request->resources);
}

static bool throttle_moved(const void *data)
{
    const struct incremental_alter_configs_response *response = data;
    for (int32_t i = 0; i < response->responses.count; i++)
        if (err_from_wire(response->responses.items[i].error_code) == ERR_NOT_CONTROLLER)
            return true;
    return false;
}

static int throttle_send(struct tool_run *run, const struct throttle_request *request)
{
    struct incremental_alter_configs_request message;
    struct client_answer answer = {0};
    struct buf text;
    int version = tool_version(run, KAFKA_API_INCREMENTAL_ALTER_CONFIGS);
    if (version < 0)
        return 1;
    if (request->count == 0)
        return 0;
    wire_defaults(&incremental_alter_configs_request_desc, &message);
    message.resources.items = request->resources;
    message.resources.count = request->count;
    if (tool_call_controller(run, KAFKA_API_INCREMENTAL_ALTER_CONFIGS, version, &message,
                             throttle_moved, &answer))
        return 1;
    const struct incremental_alter_configs_response *response = answer.response;
    int status = 0;
    buf_init(&text);
    for (int32_t i = 0; status == 0 && i < response->responses.count; i++)
        if (response->responses.items[i].error_code)
            status = tool_fail(run, "the throttle of %.*s: %s",
                               WIRE_STR_ARGS(response->responses.items[i].resource_name),
                               tool_error_text(response->responses.items[i].error_code,
                                               response->responses.items[i].error_message, &text));
    buf_close(&text);
    client_answer_free(&answer);
    return status;
}

/* ---- setting ---- */

/* From where replicas are copied, and to where: of a move that is under way its old replicas are
 * the source. */
static struct plan *throttle_moves(const struct plan *moves, const struct plan *plan,
                                   const struct plan *current)
{
    struct plan *all = mem_alloc(sizeof(*all));
    for (size_t i = 0; i < moves->count; i++) {
        const struct plan_item *move = &moves->items[i];
        struct plan_item *item = plan_add(all, move->topic, move->partition, NULL, 0);
        item->replicas.ids = mem_alloc((size_t)move->replicas.count * sizeof(int32_t));
        for (int32_t j = 0; j < move->replicas.count; j++)
            if (!plan_ids_have(&move->adding, move->replicas.ids[j]))
                item->replicas.ids[item->replicas.count++] = move->replicas.ids[j];
        plan_set_ids(&item->adding, move->adding.ids, move->adding.count);
    }
    plan_sort(all);
    size_t under_way = all->count;
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_item *asked = &plan->items[i];
        struct plan known = {all->items, under_way};
        struct plan_item *item =
            (struct plan_item *)(uintptr_t)plan_find(&known, asked->topic, asked->partition);
        if (!item) {
            const struct plan_item *now = plan_find(current, asked->topic, asked->partition);
            item = plan_add(all, asked->topic, asked->partition, now ? now->replicas.ids : NULL,
                            now ? now->replicas.count : 0);
        }
        plan_set_ids(&item->adding, asked->replicas.ids, asked->replicas.count);
    }
    plan_sort(all);
    return all;
}

static int throttle_compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "0:1,0:2", sorted as text, as Kafka writes it. */
static char *throttle_list(const struct plan_item *items, size_t count, bool targets)
{
    char **parts = NULL;
    size_t n = 0;
    struct buf text;
    for (size_t i = 0; i < count; i++) {
        const struct plan_ids *ids = targets ? &items[i].adding : &items[i].replicas;
        for (int32_t j = 0; j < ids->count; j++) {
            if (targets && plan_ids_have(&items[i].replicas, ids->ids[j]))
                continue;
            parts = mem_realloc(parts, (n + 1) * sizeof(*parts));
            parts[n++] = mem_printf("%d:%d", items[i].partition, ids->ids[j]);
        }
    }
    if (n > 0)
        qsort(parts, n, sizeof(*parts), throttle_compare_text);
    buf_init(&text);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&text, "%s%s", i ? "," : "", parts[i]);
        mem_free(parts[i]);
    }
    char *list = mem_strdup(buf_text(&text));
    buf_close(&text);
    mem_free(parts);
    return list;
}

static void throttle_add_broker(struct plan_ids *brokers, int32_t id)
{
    if (plan_ids_have(brokers, id))
        return;
    brokers->ids = mem_realloc(brokers->ids, ((size_t)brokers->count + 1) * sizeof(int32_t));
    brokers->ids[brokers->count++] = id;
}

static void throttle_add_brokers(struct plan_ids *brokers, const struct plan_ids *ids)
{
    for (int32_t i = 0; i < ids->count; i++)
        throttle_add_broker(brokers, ids->ids[i]);
}

int reassign_throttle_set(struct tool_run *run, const struct plan *moves, const struct plan *plan,
                          const struct plan *current, int64_t rate, FILE *out)
{
    struct plan *all = throttle_moves(moves, plan, current);
    struct throttle_request request = {0};
    struct plan_ids brokers = {0};
    for (size_t i = 0; i < all->count; i += plan_of_topic(all, i)) {
        const struct plan_item *items = &all->items[i];
        size_t count = plan_of_topic(all, i);
        throttle_resource *resource =
            throttle_add(&request, THROTTLE_TOPIC, mem_strdup(items->topic), THROTTLE_KEYS_MAX);
        throttle_change_to(resource, throttle_topic_keys[0], throttle_list(items, count, false));
        throttle_change_to(resource, throttle_topic_keys[1], throttle_list(items, count, true));
        for (size_t j = 0; j < count; j++) {
            throttle_add_brokers(&brokers, &items[j].replicas);
            throttle_add_brokers(&brokers, &items[j].adding);
        }
    }
    for (int32_t i = 0; i < brokers.count; i++) {
        throttle_resource *resource = throttle_add(
            &request, THROTTLE_BROKER, mem_printf("%d", brokers.ids[i]), THROTTLE_KEYS_MAX);
        for (size_t j = 0; j < 2; j++)
            throttle_change_to(resource, throttle_broker_keys[j], mem_printf("%" PRId64, rate));
    }
    int status = throttle_send(run, &request);
    if (status == 0)
        fprintf(out, "The inter-broker throttle limit was set to %" PRId64 " B/s\n", rate);
    throttle_free(&request);
    mem_free(brokers.ids);
    plan_free(all);
    mem_free(all);
    return status;
}

int reassign_throttle_dirs(struct tool_run *run, const struct reassign_dirs *dirs, int64_t rate)
{
    struct throttle_request request = {0};
    struct plan_ids brokers = {0};
    for (size_t i = 0; i < dirs->count; i++)
        throttle_add_broker(&brokers, dirs->rows[i].broker);
    for (int32_t i = 0; i < brokers.count; i++)
        throttle_change_to(throttle_add(&request, THROTTLE_BROKER, mem_printf("%d", brokers.ids[i]),
                                        THROTTLE_KEYS_MAX),
                           throttle_broker_keys[2], mem_printf("%" PRId64, rate));
    int status = throttle_send(run, &request);
    if (status == 0)
        printf("The replica-alter-dir throttle limit was set to %" PRId64 " B/s\n", rate);
    throttle_free(&request);
    mem_free(brokers.ids);
    return status;
}

/* ---- what there is ---- */

static void throttle_take_topic(const struct describe_configs_response_describe_configs_result *row,
                                struct plan *topics)
{
    bool listed = false;
    for (int32_t i = 0; i < row->configs.count; i++)
        listed = listed || row->configs.items[i].value.len > 0;
    if (!listed)
        return;
    char *name = wire_str_dup(row->resource_name);
    plan_add(topics, name, -1, NULL, 0);
    mem_free(name);
}

int reassign_throttle_topics(struct tool_run *run, const struct metadata_response *metadata,
                             struct plan *topics)
{
    struct describe_configs_request request;
    struct client_answer answer = {0};
    struct wire_str keys[ARRAY_LEN(throttle_topic_keys)];
    int version = tool_version(run, KAFKA_API_DESCRIBE_CONFIGS);
    if (version < 0)
        return 1;
    if (metadata->topics.count == 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        keys[i] = wire_str_from(throttle_topic_keys[i]);
    wire_defaults(&describe_configs_request_desc, &request);
    request.resources.items =
        mem_alloc((size_t)metadata->topics.count * sizeof(*request.resources.items));
    for (int32_t i = 0; i < metadata->topics.count; i++) {
        struct describe_configs_request_describe_configs_resource *row =
            &request.resources.items[request.resources.count++];
        wire_defaults(&describe_configs_request_describe_configs_resource_desc, row);
        row->resource_type = THROTTLE_TOPIC;
        row->resource_name = metadata->topics.items[i].name;
        row->configuration_keys.items = keys;
        row->configuration_keys.count = ARRAY_LEN(keys);
    }
    int status = tool_call(run, CLIENT_ANY, KAFKA_API_DESCRIBE_CONFIGS, version, &request, &answer);
    const struct describe_configs_response *response = answer.response;
    for (int32_t i = 0; status == 0 && i < response->results.count; i++)
        if (!response->results.items[i].error_code)
            throttle_take_topic(&response->results.items[i], topics);
    plan_sort(topics);
    client_answer_free(&answer);
    mem_free(request.resources.items);
    return status;
}

/* ---- clearing ---- */

static void throttle_clear_keys(throttle_resource *resource, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        throttle_change_to(resource, keys[i], NULL);
}

static void throttle_clear_topics(struct throttle_request *request, const struct plan *plan,
                                  FILE *out)
{
    struct buf names;
    size_t count = 0;
    if (plan->count == 0)
        return;
    buf_init(&names);
    for (size_t i = 0; i < plan->count; i += plan_of_topic(plan, i)) {
        char *name = plan->items[i].topic;
        buf_printf(&names, "%s%s", count++ ? "," : "", name);
        throttle_clear_keys(
            throttle_add(request, THROTTLE_TOPIC, mem_strdup(name), THROTTLE_KEYS_MAX),
            throttle_topic_keys, ARRAY_LEN(throttle_topic_keys));
    }
    fprintf(out, "Clearing topic-level throttles on topic%s %s\n", plural(count, "", "s"),
            buf_text(&names));
    buf_close(&names);
}

int reassign_throttle_clear(struct tool_run *run, const struct metadata_response *metadata,
                            const struct plan *plan, FILE *out)
{
    struct throttle_request request = {0};
    struct plan_ids brokers = {0};
    struct buf text;
    for (int32_t i = 0; metadata && i < metadata->brokers.count; i++)
        throttle_add_broker(&brokers, metadata->brokers.items[i].node_id);
    for (size_t i = 0; i < plan->count; i++)
        throttle_add_brokers(&brokers, &plan->items[i].replicas);
    sort_int32(brokers.ids, (size_t)brokers.count);
    buf_init(&text);
    plan_put_ids(&brokers, &text);
    fprintf(out, "Clearing broker-level throttles on broker%s %s\n", plural(brokers.count, "", "s"),
            buf_text(&text));
    buf_close(&text);
    for (int32_t i = 0; i < brokers.count; i++)
        throttle_clear_keys(throttle_add(&request, THROTTLE_BROKER,
                                         mem_printf("%d", brokers.ids[i]), THROTTLE_KEYS_MAX),
                            throttle_broker_keys, ARRAY_LEN(throttle_broker_keys));
    throttle_clear_topics(&request, plan, out);
    int status = throttle_send(run, &request);
    throttle_free(&request);
    mem_free(brokers.ids);
    return status;
}
