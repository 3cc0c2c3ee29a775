/* Calls about groups: to the coordinator, and to the leaders of what they read.
 *
 * Happy path: FindCoordinator names the broker, the request goes there, the answer is turned into
 * rows. Failure modes: the coordinator is loading, moved or is gone: it is looked up again after a
 * pause, until the time limit; then the last error stands. */
#include "tools/group_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/delete_groups.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/leave_group.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_delete.h"
#include "kafka/messages/offset_fetch.h"
#include "tools/group_client_private.h"

/* The last versions in which topics stand by name and one group is asked for. */
enum { GROUP_FIND_VERSION = 3, GROUP_FETCH_VERSION = 7, GROUP_COMMIT_VERSION = 9 };
/* What one request may hold: a million partitions, by far. */
enum { GROUP_ARENA_MAX = 256 << 20 };

void group_client_init(struct group_client *groups, struct tool_run *run, int64_t timeout_ms)
{
    *groups = (struct group_client){.run = run, .timeout_ms = timeout_ms};
}

void group_client_close(struct group_client *groups)
{
    client_answer_free(&groups->metadata);
}

/* ---- rows ---- */

struct group_row *group_rows_add(struct group_rows *rows, const char *topic, size_t topic_len,
                                 int32_t partition)
{
    if ((rows->count & (rows->count - 1)) == 0) /* full: sizes are powers of two */
        rows->items =
            mem_realloc(rows->items, (rows->count ? rows->count * 2 : 1) * sizeof(*rows->items));
    struct group_row *row = &rows->items[rows->count++];
    *row = (struct group_row){
        .topic = mem_strndup(topic, topic_len),
        .partition = partition,
        .committed = GROUP_NONE,
        .leader_epoch = GROUP_NONE,
        .found = GROUP_NONE,
        .member = GROUP_NONE,
    };
    return row;
}

static int row_compare(const void *a, const void *b)
{
    const struct group_row *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

void group_rows_sort(struct group_rows *rows)
{
    if (rows->count > 0)
        qsort(rows->items, rows->count, sizeof(*rows->items), row_compare);
}

struct group_row *group_rows_find(const struct group_rows *rows, const char *topic,
                                  size_t topic_len, int32_t partition)
{
    struct group_row key = {.topic = mem_strndup(topic, topic_len), .partition = partition};
    struct group_row *row =
        rows->count ? bsearch(&key, rows->items, rows->count, sizeof(key), row_compare) : NULL;
    mem_free(key.topic);
    return row;
}

void group_rows_free(struct group_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        mem_free(rows->items[i].topic);
    mem_free(rows->items);
    *rows = (struct group_rows){0};
}

/* The number of rows of the same topic from `i` on. */
static size_t rows_topic_end(const struct group_rows *rows, size_t i)
{
    size_t end = i + 1;
    while (end < rows->count && strcmp(rows->items[end].topic, rows->items[i].topic) == 0)
        end++;
    return end;
}

/* ---- the coordinator ---- */

static bool group_may_retry(int err)
{
    switch (err) {
    case ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case ERR_COORDINATOR_NOT_AVAILABLE:
    case ERR_NOT_COORDINATOR:
    case ERR_REFUSED:
    case ERR_RESET:
    case ERR_EOF:
    case ERR_CLOSED:
        return true;
    default:
        return false;
    }
}

static int group_find(struct group_client *groups, const char *group, int32_t *node)
{
    struct client *client = groups->run->client;
    struct find_coordinator_request request;
    struct client_answer answer = {0};
    int version =
        client_version(client, CLIENT_ANY, KAFKA_API_FIND_COORDINATOR, GROUP_FIND_VERSION);
    if (version < 0)
        return version;
    wire_defaults(&find_coordinator_request_desc, &request);
    request.key = wire_str_from(group);
    int err = client_call(client, CLIENT_ANY, KAFKA_API_FIND_COORDINATOR, (int16_t)version,
                          &request, &answer);
    if (err)
        return err;
    const struct find_coordinator_response *response = answer.response;
    err = err_from_wire(response->error_code);
    *node = response->node_id;
    if (err)
        client_set_problem(client, "the coordinator of group %s can't be found: %s", group,
                           err_text(err));
    client_answer_free(&answer);
    return err;
}

static int group_call_once(struct group_client *groups, const char *group,
                           const struct group_call *call, struct client_answer *answer,
                           int32_t *node)
{
    struct client *client = groups->run->client;
    int err = group_find(groups, group, node);
    if (err)
        return err;
    int version = client_version(client, *node, call->key, call->limit);
    if (version < 0)
        return version;
    err = client_call(client, *node, call->key, (int16_t)version, call->request, answer);
    if (err)
        return err;
    err = err_from_wire(call->error(answer->response));
    if (err) {
        client_set_problem(client, "group %s: broker %d says: %s (%s)", group, *node, err_text(err),
                           err_name(err));
        client_answer_free(answer);
    }
    return err;
}

int group_call(struct group_client *groups, const char *group, const struct group_call *call,
               struct client_answer *answer, int32_t *node)
{
    struct env *env = groups->run->env;
    int64_t end = env_now_ms(env) + groups->timeout_ms;
    int32_t unused;
    for (;;) {
        int err = group_call_once(groups, group, call, answer, node ? node : &unused);
        if (!group_may_retry(err) || env_now_ms(env) >= end)
            return err;
        client_wait(groups->run->client, GROUP_RETRY_MS);
    }
}

/* ---- committed offsets ---- */

static int16_t fetch_error(const void *response)
{
    return ((const struct offset_fetch_response *)response)->error_code;
}

int group_client_committed(struct group_client *groups, const char *group, struct group_rows *rows)
{
    struct offset_fetch_request request;
    struct client_answer answer = {0};
    struct group_call call = {KAFKA_API_OFFSET_FETCH, GROUP_FETCH_VERSION, &request, fetch_error};
    wire_defaults(&offset_fetch_request_desc, &request);
    request.group_id = wire_str_from(group);
    request.topics.count = -1; /* all */
    int err = group_call(groups, group, &call, &answer, NULL);
    if (err)
        return err;
    const struct offset_fetch_response *response = answer.response;
    for (int32_t t = 0; t < response->topics.count; t++) {
        const struct offset_fetch_response_offset_fetch_response_topic *topic =
            &response->topics.items[t];
        for (int32_t p = 0; p < topic->partitions.count; p++) {
            struct group_row *row = group_rows_add(rows, topic->name.data, (size_t)topic->name.len,
                                                   topic->partitions.items[p].partition_index);
            row->committed = topic->partitions.items[p].committed_offset;
            row->leader_epoch = topic->partitions.items[p].committed_leader_epoch;
        }
    }
    client_answer_free(&answer);
    group_rows_sort(rows);
    return 0;
}

/* ---- committing ---- */

/* An error of any partition that a new look for the coordinator can heal. */
static int16_t commit_error(const void *data)
{
    const struct offset_commit_response *response = data;
    for (int32_t t = 0; t < response->topics.count; t++)
        for (int32_t p = 0; p < response->topics.items[t].partitions.count; p++) {
            int16_t code = response->topics.items[t].partitions.items[p].error_code;
            if (code && group_may_retry(err_from_wire(code)))
                return code;
        }
    return 0;
}

static bool commit_fill(struct arena *arena, const struct group_rows *rows,
                        struct offset_commit_request *request)
{
    struct offset_commit_request_offset_commit_request_topic *topics =
        WIRE_ARRAY(arena, &request->topics, (int32_t)rows->count,
                   &offset_commit_request_offset_commit_request_topic_desc);
    request->topics.count = 0;
    for (size_t i = 0, end; topics && i < rows->count; i = end) {
        struct offset_commit_request_offset_commit_request_topic *topic =
            &topics[request->topics.count];
        end = rows_topic_end(rows, i);
        struct offset_commit_request_offset_commit_request_partition *out =
            WIRE_ARRAY(arena, &topic->partitions, (int32_t)(end - i),
                       &offset_commit_request_offset_commit_request_partition_desc);
        topic->partitions.count = 0;
        topic->name = wire_str_from(rows->items[i].topic);
        for (size_t j = i; out && j < end; j++) {
            const struct group_row *row = &rows->items[j];
            if (row->err)
                continue;
            out[topic->partitions.count].partition_index = row->partition;
            out[topic->partitions.count].committed_metadata = wire_str_from("");
            out[topic->partitions.count++].committed_offset = row->planned;
        }
        if (!out)
            return false;
        request->topics.count += topic->partitions.count > 0;
    }
    return topics != NULL;
}

static void rows_set_error(struct group_rows *rows, struct wire_str topic, int32_t partition,
                           int16_t code)
{
    struct group_row *row = group_rows_find(rows, topic.data, (size_t)topic.len, partition);
    if (row)
        row->err = err_from_wire(code);
}

int group_client_commit(struct group_client *groups, const char *group, struct group_rows *rows)
{
    struct offset_commit_request request;
    struct client_answer answer = {0};
    struct group_call call = {KAFKA_API_OFFSET_COMMIT, GROUP_COMMIT_VERSION, &request,
                              commit_error};
    struct arena arena;
    arena_init(&arena, GROUP_ARENA_MAX);
    wire_defaults(&offset_commit_request_desc, &request);
    request.group_id = wire_str_from(group);
    int err = ERR_NO_MEMORY;
    if (!commit_fill(&arena, rows, &request))
        client_set_problem(groups->run->client, "these are too many partitions: reset fewer");
    else if (request.topics.count == 0)
        err = 0;
    else
        err = group_call(groups, group, &call, &answer, NULL);
    const struct offset_commit_response *response = answer.response;
    for (int32_t t = 0; response && t < response->topics.count; t++)
        for (int32_t p = 0; p < response->topics.items[t].partitions.count; p++)
            rows_set_error(rows, response->topics.items[t].name,
                           response->topics.items[t].partitions.items[p].partition_index,
                           response->topics.items[t].partitions.items[p].error_code);
    client_answer_free(&answer);
    arena_close(&arena);
    return err;
}

/* ---- deleting ---- */

static int16_t delete_offsets_error(const void *response)
{
    return ((const struct offset_delete_response *)response)->error_code;
}

static bool delete_fill(struct arena *arena, const struct group_rows *rows,
                        struct offset_delete_request *request)
{
    struct offset_delete_request_offset_delete_request_topic *topics =
        WIRE_ARRAY(arena, &request->topics, (int32_t)rows->count,
                   &offset_delete_request_offset_delete_request_topic_desc);
    request->topics.count = 0;
    for (size_t i = 0, end; topics && i < rows->count; i = end) {
        struct offset_delete_request_offset_delete_request_topic *topic =
            &topics[request->topics.count];
        end = rows_topic_end(rows, i);
        struct offset_delete_request_offset_delete_request_partition *out =
            WIRE_ARRAY(arena, &topic->partitions, (int32_t)(end - i),
                       &offset_delete_request_offset_delete_request_partition_desc);
        topic->partitions.count = 0;
        topic->name = wire_str_from(rows->items[i].topic);
        for (size_t j = i; out && j < end; j++)
            if (!rows->items[j].err)
                out[topic->partitions.count++].partition_index = rows->items[j].partition;
        if (!out)
            return false;
        request->topics.count += topic->partitions.count > 0;
    }
    return topics != NULL;
}

int group_client_delete_offsets(struct group_client *groups, const char *group,
                                struct group_rows *rows)
{
    struct offset_delete_request request;
    struct client_answer answer = {0};
    struct group_call call = {KAFKA_API_OFFSET_DELETE, INT16_MAX, &request, delete_offsets_error};
    struct arena arena;
    arena_init(&arena, GROUP_ARENA_MAX);
    wire_defaults(&offset_delete_request_desc, &request);
    request.group_id = wire_str_from(group);
    int err = ERR_NO_MEMORY;
    if (delete_fill(&arena, rows, &request))
        err = group_call(groups, group, &call, &answer, NULL);
    else
        client_set_problem(groups->run->client, "these are too many partitions: name fewer");
    const struct offset_delete_response *response = answer.response;
    for (int32_t t = 0; response && t < response->topics.count; t++)
        for (int32_t p = 0; p < response->topics.items[t].partitions.count; p++)
            rows_set_error(rows, response->topics.items[t].name,
                           response->topics.items[t].partitions.items[p].partition_index,
                           response->topics.items[t].partitions.items[p].error_code);
    client_answer_free(&answer);
    arena_close(&arena);
    return err;
}

static int16_t delete_error(const void *data)
{
    const struct delete_groups_response *response = data;
    return response->results.count > 0 ? response->results.items[0].error_code : 0;
}

int group_client_delete(struct group_client *groups, const char *group)
{
    struct delete_groups_request request;
    struct client_answer answer = {0};
    struct group_call call = {KAFKA_API_DELETE_GROUPS, INT16_MAX, &request, delete_error};
    struct wire_str name = wire_str_from(group);
    wire_defaults(&delete_groups_request_desc, &request);
    request.groups_names.items = &name;
    request.groups_names.count = 1;
    int err = group_call(groups, group, &call, &answer, NULL);
    client_answer_free(&answer);
    return err;
}

/* ---- removing members ---- */

/* The error of the whole answer; that of a member who is gone by itself is none. */
static int16_t leave_error(const void *data)
{
    const struct leave_group_response *response = data;
    if (response->error_code)
        return response->error_code;
    for (int32_t i = 0; i < response->members.count; i++)
        if (response->members.items[i].error_code &&
            err_from_wire(response->members.items[i].error_code) != ERR_UNKNOWN_MEMBER_ID)
            return response->members.items[i].error_code;
    return 0;
}

int group_client_remove_members(struct group_client *groups, const char *group,
                                const struct group_view *view)
{
    struct leave_group_request request;
    struct client_answer answer = {0};
    struct group_call call = {KAFKA_API_LEAVE_GROUP, INT16_MAX, &request, leave_error};
    struct leave_group_request_member_identity *members =
        mem_alloc(((size_t)view->member_count + 1) * sizeof(*members));
    wire_defaults(&leave_group_request_desc, &request);
    request.group_id = wire_str_from(group);
    request.members.items = members;
    request.members.count = view->member_count;
    for (int32_t i = 0; i < view->member_count; i++) {
        wire_defaults(&leave_group_request_member_identity_desc, &members[i]);
        members[i].member_id = view->members[i].id;
        if (view->members[i].instance.len > 0)
            members[i].group_instance_id = view->members[i].instance;
    }
    int err = group_call(groups, group, &call, &answer, NULL);
    client_answer_free(&answer);
    mem_free(members);
    return err;
}

/* ---- offsets of partitions ---- */

int group_client_metadata(struct group_client *groups, const struct metadata_response **metadata)
{
    struct metadata_request request;
    struct client *client = groups->run->client;
    if (!groups->metadata.response) {
        int version = client_version(client, CLIENT_ANY, KAFKA_API_METADATA, INT16_MAX);
        if (version < 0)
            return version;
        wire_defaults(&metadata_request_desc, &request);
        request.topics.count = version == 0 ? 0 : -1;
        int err = client_call(client, CLIENT_ANY, KAFKA_API_METADATA, (int16_t)version, &request,
                              &groups->metadata);
        if (err)
            return err;
    }
    *metadata = groups->metadata.response;
    return 0;
}

const struct metadata_response_metadata_response_topic *
group_client_topic(const struct metadata_response *metadata, const char *name, size_t len)
{
    struct wire_str wanted = wire_str_of(name, len);
    for (int32_t i = 0; i < metadata->topics.count; i++)
        if (wire_str_equal(metadata->topics.items[i].name, wanted))
            return &metadata->topics.items[i];
    return NULL;
}

static int32_t metadata_leader(const struct metadata_response *metadata, const char *topic,
                               int32_t partition)
{
    const struct metadata_response_metadata_response_topic *found =
        group_client_topic(metadata, topic, strlen(topic));
    for (int32_t i = 0; found && i < found->partitions.count; i++)
        if (found->partitions.items[i].partition_index == partition)
            return found->partitions.items[i].leader_id;
    return GROUP_NONE;
}

static bool offsets_fill(struct arena *arena, const struct group_rows *rows, const int32_t *leaders,
                         int32_t leader, struct list_offsets_request *request)
{
    struct list_offsets_request_list_offsets_topic *topics =
        WIRE_ARRAY(arena, &request->topics, (int32_t)rows->count,
                   &list_offsets_request_list_offsets_topic_desc);
    request->topics.count = 0;
    for (size_t i = 0, end; topics && i < rows->count; i = end) {
        struct list_offsets_request_list_offsets_topic *topic = &topics[request->topics.count];
        end = rows_topic_end(rows, i);
        struct list_offsets_request_list_offsets_partition *out =
            WIRE_ARRAY(arena, &topic->partitions, (int32_t)(end - i),
                       &list_offsets_request_list_offsets_partition_desc);
        topic->partitions.count = 0;
        topic->name = wire_str_from(rows->items[i].topic);
        for (size_t j = i; out && j < end; j++) {
            if (leaders[j] != leader)
                continue;
            out[topic->partitions.count].partition_index = rows->items[j].partition;
            out[topic->partitions.count++].timestamp = rows->items[j].asked;
        }
        if (!out)
            return false;
        request->topics.count += topic->partitions.count > 0;
    }
    return topics != NULL;
}

static void offsets_keep(struct group_rows *rows, const struct list_offsets_response *response)
{
    for (int32_t t = 0; t < response->topics.count; t++) {
        struct wire_str name = response->topics.items[t].name;
        for (int32_t p = 0; p < response->topics.items[t].partitions.count; p++) {
            const struct list_offsets_response_list_offsets_partition_response *in =
                &response->topics.items[t].partitions.items[p];
            struct group_row *row =
                group_rows_find(rows, name.data, (size_t)name.len, in->partition_index);
            if (!row)
                continue;
            row->err = err_from_wire(in->error_code);
            row->found =
                in->old_style_offsets.count > 0 ? in->old_style_offsets.items[0] : in->offset;
        }
    }
}

static int offsets_ask(struct group_client *groups, struct group_rows *rows, const int32_t *leaders,
                       int32_t leader)
{
    struct client *client = groups->run->client;
    struct list_offsets_request request;
    struct client_answer answer = {0};
    struct arena arena;
    int version = client_version(client, leader, KAFKA_API_LIST_OFFSETS, INT16_MAX);
    if (version < 0)
        return version;
    arena_init(&arena, GROUP_ARENA_MAX);
    wire_defaults(&list_offsets_request_desc, &request);
    request.replica_id = -1;
    int err = ERR_NO_MEMORY;
    if (offsets_fill(&arena, rows, leaders, leader, &request))
        err = client_call(client, leader, KAFKA_API_LIST_OFFSETS, (int16_t)version, &request,
                          &answer);
    else
        client_set_problem(client, "these are too many partitions for one request");
    if (!err)
        offsets_keep(rows, answer.response);
    client_answer_free(&answer);
    arena_close(&arena);
    return err;
}

int group_client_list_offsets(struct group_client *groups, struct group_rows *rows)
{
    const struct metadata_response *metadata;
    int err = group_client_metadata(groups, &metadata);
    if (err || rows->count == 0)
        return err;
    int32_t *leaders = mem_alloc(rows->count * sizeof(*leaders));
    for (size_t i = 0; i < rows->count; i++) {
        leaders[i] = metadata_leader(metadata, rows->items[i].topic, rows->items[i].partition);
        rows->items[i].err = leaders[i] < 0 ? ERR_LEADER_NOT_AVAILABLE : 0;
        rows->items[i].found = GROUP_NONE;
    }
    for (int32_t b = 0; !err && b < metadata->brokers.count; b++) {
        bool leads = false;
        for (size_t i = 0; i < rows->count; i++)
            leads |= leaders[i] == metadata->brokers.items[b].node_id;
        if (leads)
            err = offsets_ask(groups, rows, leaders, metadata->brokers.items[b].node_id);
    }
    mem_free(leaders);
    return err;
}
