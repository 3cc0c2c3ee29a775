/* Requests of kafka-reassign-partitions. Happy path: one ListPartitionReassignments, one Metadata,
 * one AlterPartitionReassignments. Failure modes: a broker that is too old for one of them, an
 * error of the whole request, errors of partitions, each of which has its line. */
#include "tools/reassign_ask.h"

#include <string.h>

#include "base/err.h"
#include "kafka/messages/alter_partition_reassignments.h"
#include "kafka/messages/list_partition_reassignments.h"

enum {
    REASSIGN_ASK_ARENA_MAX = 256 << 20,
    REASSIGN_ASK_TIMEOUT_MS = 10000,
    REASSIGN_ASK_PARTITIONS = 5000 /* in one request: the controller takes twice as many */
};

typedef struct list_partition_reassignments_response_ongoing_topic_reassignment moving_topic;
typedef struct list_partition_reassignments_response_ongoing_partition_reassignment moving_row;
typedef struct alter_partition_reassignments_request_reassignable_topic alter_topic;
typedef struct alter_partition_reassignments_request_reassignable_partition alter_partition;
typedef struct metadata_response_metadata_response_topic known_topic;
typedef struct metadata_response_metadata_response_partition known_partition;

/* ---- moves ---- */

static void reassign_take_moves(const moving_topic *topic, struct plan *moves)
{
    char *name = wire_str_dup(topic->name);
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        const moving_row *row = &topic->partitions.items[i];
        struct plan_item *item =
            plan_add(moves, name, row->partition_index, row->replicas.items, row->replicas.count);
        plan_set_ids(&item->adding, row->adding_replicas.items, row->adding_replicas.count);
        plan_set_ids(&item->removing, row->removing_replicas.items, row->removing_replicas.count);
    }
    mem_free(name);
}

/* Any broker asks the controller before it answers. */
int reassign_ask_moves(struct tool_run *run, bool optional, struct plan *moves)
{
    struct list_partition_reassignments_request request;
    struct client_answer answer = {0};
    struct buf text;
    int version = tool_version(run, KAFKA_API_LIST_PARTITION_REASSIGNMENTS);
    if (version < 0)
        return 1;
    wire_defaults(&list_partition_reassignments_request_desc, &request);
    request.topics.count = -1;
    if (tool_call(run, CLIENT_ANY, KAFKA_API_LIST_PARTITION_REASSIGNMENTS, version, &request,
                  &answer))
        return 1;
    const struct list_partition_reassignments_response *response = answer.response;
    int status = 0;
    buf_init(&text);
    if (response->error_code && optional)
        tool_warn(run, "which replicas are being moved is not known: %s",
                  tool_error_text(response->error_code, response->error_message, &text));
    else if (response->error_code)
        status = tool_fail(run, "%s",
                           tool_error_text(response->error_code, response->error_message, &text));
    for (int32_t i = 0; status == 0 && i < response->topics.count; i++)
        reassign_take_moves(&response->topics.items[i], moves);
    buf_close(&text);
    client_answer_free(&answer);
    plan_sort(moves);
    return status;
}

/* ---- where replicas are ---- */

static const known_topic *reassign_topic(const struct metadata_response *metadata, const char *name)
{
    for (int32_t i = 0; i < metadata->topics.count; i++)
        if (wire_str_is(metadata->topics.items[i].name, name))
            return metadata->topics.items[i].error_code ? NULL : &metadata->topics.items[i];
    return NULL;
}

static bool reassign_take_topic(const known_topic *topic, const struct plan_item *wanted,
                                struct plan *current)
{
    bool found = false;
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        const known_partition *row = &topic->partitions.items[i];
        if (wanted->partition >= 0 && wanted->partition != row->partition_index)
            continue;
        plan_add(current, wanted->topic, row->partition_index, row->replica_nodes.items,
                 row->replica_nodes.count);
        found = true;
    }
    return found;
}

int reassign_take_current(const struct tool_run *run, const struct metadata_response *metadata,
                          const struct plan *wanted, bool missing_ok, struct plan *current)
{
    const known_topic *topic = NULL;
    for (size_t i = 0; i < wanted->count; i++) {
        const struct plan_item *item = &wanted->items[i];
        if (i == 0 || strcmp(item->topic, wanted->items[i - 1].topic) != 0)
            topic = reassign_topic(metadata, item->topic);
        if (!topic && !missing_ok)
            return tool_fail(run, "Topic %s not found.", item->topic);
        if (topic && !reassign_take_topic(topic, item, current) && !missing_ok)
            return tool_fail(run, "Unable to find partition: %s-%d", item->topic, item->partition);
    }
    plan_sort(current);
    return 0;
}

/* ---- moving ---- */

static bool reassign_moved(const void *data)
{
    const struct alter_partition_reassignments_response *response = data;
    return err_from_wire(response->error_code) == ERR_NOT_CONTROLLER;
}

/* The plan, sorted, as topics with their partitions. False: no memory. */
static bool reassign_fill(const struct plan *plan, bool cancel, struct arena *arena,
                          struct alter_partition_reassignments_request *request)
{
    alter_topic *topics =
        WIRE_ARRAY(arena, &request->topics, (int32_t)plan->count,
                   &alter_partition_reassignments_request_reassignable_topic_desc);
    int32_t count = 0;
    for (size_t i = 0; topics && i < plan->count;) {
        size_t end = i + plan_of_topic(plan, i);
        alter_topic *topic = &topics[count++];
        topic->name = wire_str_from(plan->items[i].topic);
        alter_partition *rows =
            WIRE_ARRAY(arena, &topic->partitions, (int32_t)(end - i),
                       &alter_partition_reassignments_request_reassignable_partition_desc);
        if (!rows)
            return false;
        for (; i < end; i++, rows++) {
            rows->partition_index = plan->items[i].partition;
            rows->replicas.items = plan->items[i].replicas.ids;
            rows->replicas.count = cancel ? -1 : plan->items[i].replicas.count;
        }
    }
    request->topics.count = count;
    return topics != NULL;
}

static int reassign_report(const struct tool_run *run,
                           const struct alter_partition_reassignments_response *response,
                           const char *heading)
{
    struct buf lines, text;
    int errors = 0;
    buf_init(&lines);
    buf_init(&text);
    if (response->error_code) {
        errors = 1;
        buf_printf(&lines, "\n%s",
                   tool_error_text(response->error_code, response->error_message, &text));
    }
    for (int32_t i = 0; !response->error_code && i < response->responses.count; i++) {
        const struct alter_partition_reassignments_response_reassignable_topic_response *topic =
            &response->responses.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            int16_t code = topic->partitions.items[j].error_code;
            if (!code)
                continue;
            errors++;
            buf_printf(&lines, "\n%.*s-%d: %s", WIRE_STR_ARGS(topic->name),
                       topic->partitions.items[j].partition_index,
                       tool_error_text(code, topic->partitions.items[j].error_message, &text));
        }
    }
    int status = errors ? tool_fail(run, "%s%s", heading, buf_text(&lines)) : 0;
    buf_close(&lines);
    buf_close(&text);
    return status;
}

static int reassign_ask_some(struct tool_run *run, const struct plan *plan, bool cancel,
                             const char *heading)
{
    struct alter_partition_reassignments_request request;
    struct client_answer answer = {0};
    struct arena arena;
    int64_t timeout_ms;
    bool keep = options_has(run->options, "disallow-replication-factor-change");
    int version = tool_version(run, KAFKA_API_ALTER_PARTITION_REASSIGNMENTS);
    if (version < 0 ||
        tool_number(run, "timeout", 0, INT32_MAX, REASSIGN_ASK_TIMEOUT_MS, &timeout_ms))
        return 1;
    if (version == 0 && keep)
        return tool_fail(run, "the brokers are too old for --disallow-replication-factor-change: "
                              "leave it out, and see to the number of replicas yourself");
    arena_init(&arena, REASSIGN_ASK_ARENA_MAX);
    wire_defaults(&alter_partition_reassignments_request_desc, &request);
    request.timeout_ms = (int32_t)timeout_ms;
    request.allow_replication_factor_change = !keep;
    int status = 0;
    if (!reassign_fill(plan, cancel, &arena, &request))
        status = tool_fail(run, "so many partitions don't fit in memory: move some of them first");
    if (status == 0)
        status = tool_call_controller(run, KAFKA_API_ALTER_PARTITION_REASSIGNMENTS, version,
                                      &request, reassign_moved, &answer);
    if (status == 0)
        status = reassign_report(run, answer.response, heading);
    client_answer_free(&answer);
    arena_close(&arena);
    return status;
}

int reassign_ask_alter(struct tool_run *run, const struct plan *plan, bool cancel,
                       const char *heading)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < plan->count; i += REASSIGN_ASK_PARTITIONS) {
        size_t left = plan->count - i;
        struct plan some = {&plan->items[i],
                            left < REASSIGN_ASK_PARTITIONS ? left : REASSIGN_ASK_PARTITIONS};
        status = reassign_ask_some(run, &some, cancel, heading);
    }
    return status;
}
