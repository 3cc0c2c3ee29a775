/* Addresses of brokers as one client should see them. */
#include "broker/handlers/nodes.h"

#include <string.h>

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/controller_channel.h"
#include "broker/cluster/metadata.h"
#include "broker/handlers/listener.h"
#include "kafka/messages/produce.h"

const struct image *nodes_image(const struct request *request)
{
    return metadata_image(request->broker->metadata);
}

const struct image_endpoint *nodes_listener(const struct request *request,
                                            const struct image_broker *broker)
{
    const char *name = listener_name(request);
    for (size_t i = 0; i < broker->endpoint_count; i++)
        if (strcmp(broker->endpoints[i].listener, name) == 0)
            return &broker->endpoints[i];
    return NULL;
}

const struct image_endpoint *nodes_endpoint(const struct request *request,
                                            const struct image_broker *broker)
{
    return broker && !broker->fenced ? nodes_listener(request, broker) : NULL;
}

static bool nodes_is_online(const struct request *request, int32_t id)
{
    const struct image_broker *broker = image_broker(nodes_image(request), id);
    return broker && !broker->fenced;
}

int32_t *nodes_offline(const struct request *request, struct arena *arena,
                       const struct image_partition *partition, int32_t *count)
{
    int32_t *ids = arena_alloc_array(arena, (size_t)partition->replicas.count, sizeof(*ids));
    *count = 0;
    for (int32_t i = 0; ids && i < partition->replicas.count; i++) {
        int32_t id = partition->replicas.ids[i];
        if (!nodes_is_online(request, id) || image_ids_have(&partition->offline, id))
            ids[(*count)++] = id;
    }
    return ids;
}

int nodes_leader_error(const struct request *request, const struct image_partition *partition)
{
    if (nodes_endpoint(request, image_broker(nodes_image(request), partition->leader)))
        return 0;
    return nodes_is_online(request, partition->leader) ? ERR_LISTENER_NOT_FOUND
                                                       : ERR_LEADER_NOT_AVAILABLE;
}

int32_t nodes_controller(const struct request *request)
{
    int32_t active = controller_channel_active(request->broker->channel);
    const struct image_broker *broker = image_broker(nodes_image(request), active);
    return nodes_endpoint(request, broker) ? active : request->broker->node_id;
}

void nodes_fill_endpoints(struct request *request, struct produce_response *response)
{
    int32_t leader = IMAGE_NO_NODE;
    for (int32_t i = 0; i < response->responses.count && leader < 0; i++)
        for (int32_t j = 0; j < response->responses.items[i].partition_responses.count; j++)
            if (response->responses.items[i]
                    .partition_responses.items[j]
                    .current_leader.leader_id >= 0)
                leader = response->responses.items[i]
                             .partition_responses.items[j]
                             .current_leader.leader_id;
    const struct image_broker *broker = image_broker(nodes_image(request), leader);
    const struct image_endpoint *endpoint = nodes_endpoint(request, broker);
    if (request->version < NODES_PRODUCE_VERSION || !endpoint)
        return;
    struct produce_response_node_endpoint *node = WIRE_ARRAY(
        &request->arena, &response->node_endpoints, 1, &produce_response_node_endpoint_desc);
    if (!node)
        return;
    node->node_id = leader;
    node->host = wire_str_from(endpoint->host);
    node->port = endpoint->port;
    node->rack = wire_str_from(broker->rack);
}
