/* DescribeTopicPartitions (KIP-966): topics in the order of their names, in pages. Answered at
 * once.
 *
 * A page starts at the cursor and ends with the limit of partitions; the next cursor is the first
 * partition left out. A topic that is asked for and does not exist costs nothing of the limit. */
#include "broker/handlers/handlers.h"

#include <stdlib.h>

#include "base/err.h"
#include "broker/broker.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/topic_name.h"
#include "kafka/messages/describe_topic_partitions.h"

typedef struct describe_topic_partitions_response_describe_topic_partitions_response_topic
    described_topic;
typedef struct describe_topic_partitions_response_describe_topic_partitions_response_partition
    described_partition;

struct describe_page {
    struct request *request;
    struct describe_topic_partitions_response *response;
    int32_t left; /* of the limit */
    bool full;
};

static int describe_compare(struct wire_str a, struct wire_str b)
{
    int32_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.data, b.data, (size_t)shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int describe_compare_names(const void *a, const void *b)
{
    return describe_compare(*(const struct wire_str *)a, *(const struct wire_str *)b);
}

/* ---- what is asked for, sorted, without doubles ---- */

static bool describe_list_all(struct request *request, struct wire_str **names, int32_t *count)
{
    const struct image *image = nodes_image(request);
    const struct image_topic *topic;
    size_t cursor = 0;
    *names = arena_alloc_array(&request->arena, image_topic_count(image), sizeof(**names));
    for (*count = 0; *names && (topic = image_next_topic(image, &cursor)); (*count)++)
        (*names)[*count] = wire_str_from(topic->name);
    return *names != NULL;
}

static bool describe_list_asked(struct request *request, struct wire_str **names, int32_t *count)
{
    const struct describe_topic_partitions_request *body = request->body;
    int32_t asked = body->topics.count;
    struct wire_str *list = arena_alloc_array(&request->arena, (size_t)asked, sizeof(*list));
    if (!list)
        return false;
    for (int32_t i = 0; i < asked; i++)
        list[i] = body->topics.items[i].name;
    qsort(list, (size_t)asked, sizeof(*list), describe_compare_names);
    int32_t kept = 0;
    for (int32_t i = 0; i < asked; i++)
        if (kept == 0 || !wire_str_equal(list[kept - 1], list[i]))
            list[kept++] = list[i];
    *names = list;
    *count = kept;
    return true;
}

/* ---- one topic ---- */

static bool describe_fill_partition(struct request *request,
                                    const struct image_partition *partition,
                                    described_partition *out)
{
    int err = nodes_leader_error(request, partition);
    out->error_code = err_to_wire(err);
    out->partition_index = partition->index;
    out->leader_id = err ? IMAGE_NO_NODE : partition->leader;
    out->leader_epoch = partition->leader_epoch;
    out->replica_nodes.count = partition->replicas.count;
    out->replica_nodes.items = partition->replicas.ids;
    out->isr_nodes.count = partition->isr.count;
    out->isr_nodes.items = partition->isr.ids;
    /* Null would be allowed where there are none, but Java 3.9 stumbles. */
    out->eligible_leader_replicas.count = partition->elr.count;
    out->eligible_leader_replicas.items = partition->elr.ids;
    out->last_known_elr.count = partition->last_known_elr.count;
    out->last_known_elr.items = partition->last_known_elr.ids;
    out->offline_replicas.items =
        nodes_offline(request, &request->arena, partition, &out->offline_replicas.count);
    return out->offline_replicas.items != NULL;
}

static bool describe_set_cursor(struct describe_page *page, struct wire_str name, int32_t index)
{
    struct describe_topic_partitions_response_cursor *cursor =
        wire_struct_new(&page->request->arena, &describe_topic_partitions_response_cursor_desc);
    page->full = true;
    page->response->next_cursor = cursor;
    if (!cursor)
        return false;
    cursor->topic_name = name;
    cursor->partition_index = index;
    return true;
}

static bool describe_fill_topic(struct describe_page *page, const struct image_topic *topic,
                                int32_t first, described_topic *out)
{
    struct arena *arena = &page->request->arena;
    int32_t count = first < topic->partition_count ? topic->partition_count - first : 0;
    int32_t fits = count < page->left ? count : page->left;
    out->name = wire_str_from(topic->name);
    out->topic_id = topic->id;
    out->is_internal = topic_name_is_internal(out->name);
    out->topic_authorized_operations = ACL_ALL_OF_TOPIC;
    described_partition *partitions = WIRE_ARRAY(
        arena, &out->partitions, fits,
        &describe_topic_partitions_response_describe_topic_partitions_response_partition_desc);
    if (!partitions)
        return false;
    for (int32_t i = first; i < first + fits; i++) {
        const struct image_partition *partition = image_partition(topic, i);
        if (partition && !describe_fill_partition(page->request, partition, partitions++))
            return false;
    }
    out->partitions.count = (int32_t)(partitions - out->partitions.items);
    page->left -= fits;
    return fits == count || describe_set_cursor(page, out->name, first + fits);
}

static bool describe_fill(struct describe_page *page, const struct wire_str *names, int32_t count)
{
    const struct describe_topic_partitions_request *body = page->request->body;
    described_topic *out = WIRE_ARRAY(
        &page->request->arena, &page->response->topics, count,
        &describe_topic_partitions_response_describe_topic_partitions_response_topic_desc);
    if (!out)
        return false;
    for (int32_t i = 0; i < count && !page->full; i++) {
        int order = body->cursor ? describe_compare(names[i], body->cursor->topic_name) : 1;
        if (order < 0)
            continue;
        const struct image_topic *topic =
            image_topic_by_name(nodes_image(page->request), names[i].data, (size_t)names[i].len);
        int32_t first =
            order == 0 && body->cursor->partition_index > 0 ? body->cursor->partition_index : 0;
        if (topic && page->left == 0) {
            if (!describe_set_cursor(page, names[i], first))
                return false;
            break;
        }
        if (topic && !describe_fill_topic(page, topic, first, out))
            return false;
        if (!topic) {
            out->name = names[i];
            out->error_code =
                err_to_wire(topic_name_check(names[i]) ? ERR_INVALID_TOPIC_EXCEPTION
                                                       : ERR_UNKNOWN_TOPIC_OR_PARTITION);
        }
        out++;
    }
    page->response->topics.count = (int32_t)(out - page->response->topics.items);
    return true;
}

/* A cursor that can be none refuses all that was asked for by name. */
static bool describe_refuse(struct request *request)
{
    const struct describe_topic_partitions_request *body = request->body;
    struct describe_topic_partitions_response response;
    wire_defaults(&describe_topic_partitions_response_desc, &response);
    described_topic *out = WIRE_ARRAY(
        &request->arena, &response.topics, body->topics.count,
        &describe_topic_partitions_response_describe_topic_partitions_response_topic_desc);
    for (int32_t i = 0; out && i < body->topics.count; i++) {
        out[i].name = body->topics.items[i].name;
        out[i].error_code = err_to_wire(ERR_INVALID_REQUEST);
    }
    if (out)
        request_reply(request, &response, NULL);
    return out != NULL;
}

static int32_t describe_limit(const struct request *request)
{
    const struct describe_topic_partitions_request *body = request->body;
    int64_t most = config_int(request->broker->config, CONFIG_MAX_REQUEST_PARTITION_SIZE_LIMIT);
    int32_t limit = body->response_partition_limit;
    if (limit > most)
        limit = (int32_t)most;
    return limit > 0 ? limit : 1;
}

void handle_describe_topic_partitions(struct request *request)
{
    const struct describe_topic_partitions_request *body = request->body;
    struct describe_topic_partitions_response response;
    struct describe_page page = {
        .request = request, .response = &response, .left = describe_limit(request)};
    struct wire_str *names;
    int32_t count;
    wire_defaults(&describe_topic_partitions_response_desc, &response);
    if (body->cursor && body->cursor->partition_index < 0) {
        if (!describe_refuse(request))
            request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
        return;
    }
    bool ok = body->topics.count > 0 ? describe_list_asked(request, &names, &count)
                                     : describe_list_all(request, &names, &count);
    if (ok && describe_fill(&page, names, count))
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
}
