/* OffsetFetch. The coordinator answers in the form of v8, a list of groups; here older versions, of
 * one group, are brought into that form and back. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

enum {
    OFFSET_FETCH_GROUPS_VERSION = 8,
    OFFSET_FETCH_MEMBER_VERSION = 9,
    OFFSET_FETCH_IDS_VERSION = 10,
    OFFSET_FETCH_ERROR_VERSION = 2 /* below, an error stands in each partition */
};

typedef struct offset_fetch_request_offset_fetch_request_group fetch_group;
typedef struct offset_fetch_response_offset_fetch_response_group fetch_answer;

static void offset_fetch_one(struct request *request, const fetch_group *group, fetch_answer *out)
{
    const struct offset_fetch_request *body = request->body;
    struct group_fetch fetch = {.request = group,
                                .by_id = request->version >= OFFSET_FETCH_IDS_VERSION,
                                .require_stable = body->require_stable,
                                .check_member = request->version >= OFFSET_FETCH_MEMBER_VERSION,
                                .arena = &request->arena};
    group_manager_fetch(request->broker->groups, &fetch, out);
}

/* ---- the old form ---- */

static bool offset_fetch_from_old(struct request *request, fetch_group *group)
{
    const struct offset_fetch_request *body = request->body;
    wire_defaults(&offset_fetch_request_offset_fetch_request_group_desc, group);
    group->group_id = body->group_id;
    if (body->topics.count < 0) {
        group->topics.count = -1;
        return true;
    }
    struct offset_fetch_request_offset_fetch_request_topics *to =
        WIRE_ARRAY(&request->arena, &group->topics, body->topics.count,
                   &offset_fetch_request_offset_fetch_request_topics_desc);
    for (int32_t i = 0; to && i < body->topics.count; i++) {
        to[i].name = body->topics.items[i].name;
        to[i].partition_indexes.count = body->topics.items[i].partition_indexes.count;
        to[i].partition_indexes.items = body->topics.items[i].partition_indexes.items;
    }
    return to != NULL;
}

static bool offset_fetch_to_old(struct request *request, const fetch_answer *answer,
                                struct offset_fetch_response *response)
{
    struct offset_fetch_response_offset_fetch_response_topic *to =
        WIRE_ARRAY(&request->arena, &response->topics, answer->topics.count,
                   &offset_fetch_response_offset_fetch_response_topic_desc);
    for (int32_t i = 0; to && i < answer->topics.count; i++) {
        const struct offset_fetch_response_offset_fetch_response_topics *from =
            &answer->topics.items[i];
        to[i].name = from->name;
        struct offset_fetch_response_offset_fetch_response_partition *out =
            WIRE_ARRAY(&request->arena, &to[i].partitions, from->partitions.count,
                       &offset_fetch_response_offset_fetch_response_partition_desc);
        for (int32_t j = 0; out && j < from->partitions.count; j++) {
            out[j].partition_index = from->partitions.items[j].partition_index;
            out[j].committed_offset = from->partitions.items[j].committed_offset;
            out[j].committed_leader_epoch = from->partitions.items[j].committed_leader_epoch;
            out[j].metadata = from->partitions.items[j].metadata;
            out[j].error_code = from->partitions.items[j].error_code;
        }
        if (!out)
            return false;
    }
    response->error_code = answer->error_code;
    return to != NULL;
}

/* v0 and v1 have no other place for the error. */
static bool offset_fetch_spread_error(struct request *request, const fetch_group *group,
                                      fetch_answer *answer)
{
    struct offset_fetch_response_offset_fetch_response_topics *topic =
        WIRE_ARRAY(&request->arena, &answer->topics, group->topics.count,
                   &offset_fetch_response_offset_fetch_response_topics_desc);
    for (int32_t i = 0; topic && i < group->topics.count; i++) {
        int32_t count = group->topics.items[i].partition_indexes.count;
        topic[i].name = group->topics.items[i].name;
        if (!WIRE_ARRAY(&request->arena, &topic[i].partitions, count,
                        &offset_fetch_response_offset_fetch_response_partitions_desc))
            return false;
        for (int32_t j = 0; j < count; j++) {
            topic[i].partitions.items[j].partition_index =
                group->topics.items[i].partition_indexes.items[j];
            topic[i].partitions.items[j].committed_offset = -1;
            topic[i].partitions.items[j].error_code = answer->error_code;
        }
    }
    return topic != NULL;
}

static bool offset_fetch_old(struct request *request, struct offset_fetch_response *response)
{
    fetch_group group;
    fetch_answer answer;
    wire_defaults(&offset_fetch_response_offset_fetch_response_group_desc, &answer);
    if (!offset_fetch_from_old(request, &group))
        return false;
    offset_fetch_one(request, &group, &answer);
    if (answer.error_code && request->version < OFFSET_FETCH_ERROR_VERSION &&
        !offset_fetch_spread_error(request, &group, &answer))
        return false;
    return offset_fetch_to_old(request, &answer, response);
}

/* ---- the list of groups ---- */

static bool offset_fetch_groups(struct request *request, struct offset_fetch_response *response)
{
    const struct offset_fetch_request *body = request->body;
    fetch_answer *out = WIRE_ARRAY(&request->arena, &response->groups, body->groups.count,
                                   &offset_fetch_response_offset_fetch_response_group_desc);
    for (int32_t i = 0; out && i < body->groups.count; i++)
        offset_fetch_one(request, &body->groups.items[i], &out[i]);
    return out != NULL;
}

void handle_offset_fetch(struct request *request)
{
    struct offset_fetch_response response;
    wire_defaults(&offset_fetch_response_desc, &response);
    if (request->version >= OFFSET_FETCH_GROUPS_VERSION ? offset_fetch_groups(request, &response)
                                                        : offset_fetch_old(request, &response))
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "asks for more offsets than fit in memory");
}
