/* ListOffsets: offsets by timestamp, the earliest and the latest. Answered at once. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "base/map.h"
#include "broker/net/request.h"
#include "broker/replica/replica_manager.h"
#include "kafka/messages/list_offsets.h"

enum { LIST_OFFSETS_EPOCH_VERSION = 4, LIST_OFFSETS_NOT_AVAILABLE_VERSION = 5 };

static int list_offsets_find(struct request *request, struct wire_str topic,
                             const struct list_offsets_request_list_offsets_partition *asked,
                             struct partition_offset *found)
{
    const struct list_offsets_request *body = request->body;
    int err;
    struct partition *partition = replica_manager_by_name(
        request->broker->replicas, topic.data, (size_t)topic.len, asked->partition_index, &err);
    if (partition)
        err = partition_find_offset(partition, asked->current_leader_epoch, asked->timestamp,
                                    body->replica_id >= 0, found);
    if (err == ERR_OFFSET_NOT_AVAILABLE && request->version < LIST_OFFSETS_NOT_AVAILABLE_VERSION)
        err = ERR_LEADER_NOT_AVAILABLE;
    return err;
}

/* What stands twice in a request, in one entry of its topic or in two, is refused, as by Kafka: one
 * lookup by time may have to open a large batch. */
struct list_offsets_seen {
    struct map topics;     /* name -> its first entry */
    struct map partitions; /* of that entry's number and the partition */
};

static bool list_offsets_is_repeated(struct list_offsets_seen *seen,
                                     const struct list_offsets_request *body, int32_t at,
                                     int32_t partition)
{
    struct wire_str name = body->topics.items[at].name;
    void *first = map_get(&seen->topics, name.data, (size_t)name.len);
    if (!first) {
        first = &body->topics.items[at];
        map_put(&seen->topics, name.data, (size_t)name.len, first);
    }
    uint64_t number = (uint64_t)((struct list_offsets_request_list_offsets_topic *)first -
                                 body->topics.items);
    return map_put_u64(&seen->partitions, number << 32 | (uint32_t)partition, first) != NULL;
}

static bool list_offsets_fill(struct request *request,
                              const struct list_offsets_request_list_offsets_topic *topic,
                              int32_t at, struct list_offsets_seen *seen,
                              struct list_offsets_response_list_offsets_partition_response *answer)
{
    struct partition_offset found = {-1, -1, -1};
    const struct list_offsets_request *body = request->body;
    const struct list_offsets_request_list_offsets_partition *asked = &topic->partitions.items[at];
    int err = list_offsets_is_repeated(seen, body, (int32_t)(topic - body->topics.items),
                                       asked->partition_index)
                  ? ERR_INVALID_REQUEST
                  : list_offsets_find(request, topic->name, asked, &found);
    answer->partition_index = asked->partition_index;
    answer->error_code = err_to_wire(err);
    if (err)
        return true;
    answer->offset = found.offset;
    answer->timestamp = found.timestamp_ms;
    if (request->version >= LIST_OFFSETS_EPOCH_VERSION)
        answer->leader_epoch = found.leader_epoch;
    if (request->version > 0 || found.offset < 0)
        return true;
    int64_t *old = WIRE_ARRAY(&request->arena, &answer->old_style_offsets, 1, NULL);
    if (old)
        *old = found.offset;
    answer->offset = answer->timestamp = -1;
    return old != NULL;
}

void handle_list_offsets(struct request *request)
{
    const struct list_offsets_request *body = request->body;
    struct arena *arena = &request->arena;
    struct list_offsets_response response;
    wire_defaults(&list_offsets_response_desc, &response);
    bool ok = WIRE_ARRAY(arena, &response.topics, body->topics.count,
                         &list_offsets_response_list_offsets_topic_response_desc) != NULL;
    struct list_offsets_seen seen;
    map_init(&seen.topics);
    map_init(&seen.partitions);
    for (int32_t i = 0; ok && i < body->topics.count; i++) {
        const struct list_offsets_request_list_offsets_topic *asked = &body->topics.items[i];
        struct list_offsets_response_list_offsets_topic_response *topic = &response.topics.items[i];
        topic->name = asked->name;
        ok = WIRE_ARRAY(arena, &topic->partitions, asked->partitions.count,
                        &list_offsets_response_list_offsets_partition_response_desc) != NULL;
        for (int32_t j = 0; ok && j < asked->partitions.count; j++)
            ok = list_offsets_fill(request, asked, j, &seen, &topic->partitions.items[j]);
    }
    map_close(&seen.topics);
    map_close(&seen.partitions);
    if (ok)
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
}
