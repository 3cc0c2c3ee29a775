/* Groups with their members, and the list of groups.
 *
 * Happy path: ConsumerGroupDescribe answers for groups of the consumer protocol; a broker without
 * it, or GROUP_ID_NOT_FOUND, leads to DescribeGroups, whose members carry their assignment as bytes
 * of the consumer protocol. Failure modes: an unknown group is told apart from an error; bytes that
 * are no assignment count as none. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "kafka/messages/consumer_group_describe.h"
#include "kafka/messages/consumer_protocol.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/list_groups.h"
#include "tools/group_client_private.h"

/* More words than there are states and types. */
enum { LIST_FILTERS_MAX = 32 };

bool group_view_is(const struct group_view *view, const char *state)
{
    return wire_str_is(view->state, state);
}

void group_view_free(struct group_view *view)
{
    client_answer_free(&view->answer);
}

/* ---- the consumer protocol ---- */

typedef struct consumer_group_describe_response_described_group consumer_group;
typedef struct describe_groups_response_described_group classic_group;

static int16_t consumer_error(const void *data)
{
    const struct consumer_group_describe_response *response = data;
    return response->groups.count > 0 ? response->groups.items[0].error_code : 0;
}

static int consumer_assigned(struct arena *arena,
                             const struct consumer_group_describe_response_assignment *in,
                             struct group_assigned **out, int32_t *count)
{
    *count = in->topic_partitions.count;
    *out = arena_alloc_array(arena, (size_t)*count + 1, sizeof(**out));
    for (int32_t i = 0; *out && i < *count; i++)
        (*out)[i] = (struct group_assigned){
            .topic = in->topic_partitions.items[i].topic_name,
            .partitions = in->topic_partitions.items[i].partitions.items,
            .count = in->topic_partitions.items[i].partitions.count,
        };
    return *out ? 0 : ERR_NO_MEMORY;
}

static void member_count_partitions(struct group_member *member)
{
    for (int32_t i = 0; i < member->current_count; i++)
        member->partitions += member->current[i].count;
}

static int consumer_fill(const consumer_group *in, struct group_view *view)
{
    struct arena *arena = &view->answer.arena;
    int err = 0;
    view->is_consumer = view->exists = true;
    view->state = in->group_state;
    view->assignor = in->assignor_name;
    view->epoch = in->group_epoch;
    view->assignment_epoch = in->assignment_epoch;
    view->members = arena_alloc_array(arena, (size_t)in->members.count + 1, sizeof(*view->members));
    if (!view->members)
        return ERR_NO_MEMORY;
    view->member_count = in->members.count;
    for (int32_t i = 0; i < in->members.count && !err; i++) {
        const struct consumer_group_describe_response_member *from = &in->members.items[i];
        struct group_member *member = &view->members[i];
        *member = (struct group_member){
            .id = from->member_id,
            .instance = from->instance_id,
            .client = from->client_id,
            .host = from->client_host,
            .epoch = from->member_epoch,
            .member_type = from->member_type,
        };
        err = consumer_assigned(arena, &from->assignment, &member->current, &member->current_count);
        if (!err)
            err = consumer_assigned(arena, &from->target_assignment, &member->target,
                                    &member->target_count);
        if (!err)
            member_count_partitions(member);
    }
    return err;
}

static int consumer_describe(struct group_client *groups, const char *group,
                             struct group_view *view)
{
    struct consumer_group_describe_request request;
    struct group_call call = {KAFKA_API_CONSUMER_GROUP_DESCRIBE, INT16_MAX, &request,
                              consumer_error};
    struct wire_str name = wire_str_from(group);
    wire_defaults(&consumer_group_describe_request_desc, &request);
    request.group_ids.items = &name;
    request.group_ids.count = 1;
    int err = group_call(groups, group, &call, &view->answer, &view->coordinator);
    if (err)
        return err;
    const struct consumer_group_describe_response *response = view->answer.response;
    if (response->groups.count == 1)
        return consumer_fill(&response->groups.items[0], view);
    client_answer_free(&view->answer);
    return ERR_GROUP_ID_NOT_FOUND;
}

/* ---- the classic protocol ---- */

static int16_t classic_error(const void *data)
{
    const struct describe_groups_response *response = data;
    return response->groups.count > 0 ? response->groups.items[0].error_code : 0;
}

/* Version, topics, user data: the bytes that the leader of a classic group hands out. */
static void classic_assigned(struct arena *arena, struct wire_bytes bytes,
                             struct group_member *member)
{
    struct consumer_protocol_assignment assignment;
    size_t used;
    if (bytes.len < (int32_t)sizeof(int16_t))
        return;
    uint8_t *copy = arena_alloc(arena, (size_t)bytes.len);
    if (!copy)
        return;
    memcpy(copy, bytes.data, (size_t)bytes.len);
    int16_t version = (int16_t)bytes_get_u16(copy);
    int16_t last = consumer_protocol_assignment_desc.version_max;
    if (version < 0 || wire_decode(&consumer_protocol_assignment_desc,
                                   version < last ? version : last, copy + sizeof(version),
                                   (size_t)bytes.len - sizeof(version), arena, &assignment, &used))
        return;
    int32_t count = assignment.assigned_partitions.count;
    member->current = arena_alloc_array(arena, (size_t)count + 1, sizeof(*member->current));
    for (int32_t i = 0; member->current && i < count; i++) {
        member->current[i].topic = assignment.assigned_partitions.items[i].topic;
        member->current[i].partitions = assignment.assigned_partitions.items[i].partitions.items;
        member->current[i].count = assignment.assigned_partitions.items[i].partitions.count;
    }
    member->current_count = member->current ? count : 0;
}

static int classic_fill(const classic_group *in, struct group_view *view)
{
    struct arena *arena = &view->answer.arena;
    view->state = in->group_state;
    view->exists = !wire_str_is(in->group_state, "Dead");
    view->assignor = in->protocol_data;
    view->members = arena_alloc_array(arena, (size_t)in->members.count + 1, sizeof(*view->members));
    if (!view->members)
        return ERR_NO_MEMORY;
    view->member_count = in->members.count;
    for (int32_t i = 0; i < in->members.count; i++) {
        const struct describe_groups_response_described_group_member *from = &in->members.items[i];
        struct group_member *member = &view->members[i];
        *member = (struct group_member){
            .id = from->member_id,
            .instance = from->group_instance_id,
            .client = from->client_id,
            .host = from->client_host,
            .epoch = GROUP_NONE,
            .member_type = GROUP_NONE,
            .target_count = GROUP_NONE,
        };
        classic_assigned(arena, from->member_assignment, member);
        member_count_partitions(member);
    }
    return 0;
}

static int classic_describe(struct group_client *groups, const char *group, struct group_view *view)
{
    struct describe_groups_request request;
    struct group_call call = {KAFKA_API_DESCRIBE_GROUPS, INT16_MAX, &request, classic_error};
    struct wire_str name = wire_str_from(group);
    wire_defaults(&describe_groups_request_desc, &request);
    request.groups.items = &name;
    request.groups.count = 1;
    int err = group_call(groups, group, &call, &view->answer, &view->coordinator);
    if (err)
        return err;
    const struct describe_groups_response *response = view->answer.response;
    if (response->groups.count == 1)
        return classic_fill(&response->groups.items[0], view);
    client_answer_free(&view->answer);
    return ERR_GROUP_ID_NOT_FOUND;
}

int group_client_describe(struct group_client *groups, const char *group, struct group_view *view)
{
    *view = (struct group_view){
        .coordinator = GROUP_NONE, .epoch = GROUP_NONE, .assignment_epoch = GROUP_NONE};
    int err = consumer_describe(groups, group, view);
    if (err == ERR_GROUP_ID_NOT_FOUND || err == ERR_UNSUPPORTED_VERSION)
        err = classic_describe(groups, group, view);
    if (err != ERR_GROUP_ID_NOT_FOUND)
        return err;
    view->state = wire_str_from("Dead");
    return 0;
}

/* ---- the list ---- */

/* Words between commas, blanks around them left out; the words point into `text`. */
static int32_t list_split(const char *text, struct wire_str *words)
{
    int32_t count = 0;
    while (text && *text && count < LIST_FILTERS_MAX) {
        size_t len = strcspn(text, ",");
        size_t front = strspn(text, " ");
        size_t end = len;
        while (end > front && text[end - 1] == ' ')
            end--;
        if (end > front)
            words[count++] = wire_str_of(text + front, end - front);
        text += len + (text[len] == ',');
    }
    return count;
}

static void list_keep(struct group_list *list, const struct list_groups_response *response)
{
    list->items = mem_realloc(list->items, (list->count + (size_t)response->groups.count + 1) *
                                               sizeof(*list->items));
    for (int32_t i = 0; i < response->groups.count; i++) {
        const struct list_groups_response_listed_group *in = &response->groups.items[i];
        list->items[list->count++] = (struct group_listed){
            .id = wire_str_dup(in->group_id),
            .protocol = wire_str_dup(in->protocol_type),
            .state = wire_str_dup(in->group_state),
            .type = wire_str_dup(in->group_type),
        };
    }
}

static int list_ask(struct group_client *groups, int32_t node, struct list_groups_request *request,
                    struct group_list *list)
{
    struct client *client = groups->run->client;
    struct env *env = groups->run->env;
    int64_t end = env_now_ms(env) + groups->timeout_ms;
    for (;;) {
        struct client_answer answer = {0};
        int version = client_version(client, node, KAFKA_API_LIST_GROUPS, INT16_MAX);
        if (version < 0)
            return version;
        int err =
            client_call(client, node, KAFKA_API_LIST_GROUPS, (int16_t)version, request, &answer);
        if (err)
            return err;
        const struct list_groups_response *response = answer.response;
        err = err_from_wire(response->error_code);
        if (!err)
            list_keep(list, response);
        client_answer_free(&answer);
        if (err != ERR_COORDINATOR_LOAD_IN_PROGRESS || env_now_ms(env) >= end) {
            if (err)
                client_set_problem(client, "broker %d can't list its groups: %s", node,
                                   err_text(err));
            return err;
        }
        client_wait(client, GROUP_RETRY_MS);
    }
}

static int list_compare(const void *a, const void *b)
{
    const struct group_listed *x = a, *y = b;
    return strcmp(x->id, y->id);
}

int group_client_list(struct group_client *groups, const char *states, const char *types,
                      struct group_list *list)
{
    struct list_groups_request request;
    struct wire_str state_words[LIST_FILTERS_MAX], type_words[LIST_FILTERS_MAX];
    const struct metadata_response *metadata;
    *list = (struct group_list){0};
    wire_defaults(&list_groups_request_desc, &request);
    request.states_filter.items = state_words;
    request.states_filter.count = list_split(states, state_words);
    request.types_filter.items = type_words;
    request.types_filter.count = list_split(types, type_words);
    int err = group_client_metadata(groups, &metadata);
    for (int32_t i = 0; !err && i < metadata->brokers.count; i++)
        err = list_ask(groups, metadata->brokers.items[i].node_id, &request, list);
    if (!err && list->count > 0)
        qsort(list->items, list->count, sizeof(*list->items), list_compare);
    return err;
}

void group_list_free(struct group_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i].id);
        mem_free(list->items[i].protocol);
        mem_free(list->items[i].state);
        mem_free(list->items[i].type);
    }
    mem_free(list->items);
    *list = (struct group_list){0};
}
