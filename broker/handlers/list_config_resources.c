/* ListConfigResources: what settings may be described for. v0 asks for the subscriptions of client
 * metrics. Of groups those that have settings. Answered at once. */
#include "broker/handlers/handlers.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/resources.h"
#include "kafka/messages/list_config_resources.h"

enum { LIST_TYPES_VERSION = 1 };

typedef struct list_config_resources_response_config_resource listed_resource;

static const Meta__ConfigRecord__Resource list_metrics =
    META__CONFIG_RECORD__RESOURCE__CLIENT_METRICS;
static const Meta__ConfigRecord__Resource list_groups = META__CONFIG_RECORD__RESOURCE__GROUP;

/* Bits of resources_type: 0 for a type that is not known. */
static unsigned list_types(const struct request *request)
{
    const struct list_config_resources_request *body = request->body;
    const unsigned all = RESOURCES_TOPIC | RESOURCES_BROKER | RESOURCES_BROKER_LOGGER |
                         RESOURCES_CLIENT_METRICS | RESOURCES_GROUP;
    unsigned types = 0;
    if (request->version < LIST_TYPES_VERSION)
        return RESOURCES_CLIENT_METRICS;
    for (int32_t i = 0; i < body->resource_types.count; i++) {
        unsigned type = (uint8_t)body->resource_types.items[i];
        if (type == 0 || (type & (type - 1)) || !(type & all))
            return 0;
        types |= type;
    }
    return types ? types : all;
}

static listed_resource *list_brokers(struct request *request, int8_t type, listed_resource *out)
{
    const struct image_broker *broker;
    size_t cursor = 0;
    while (out && (broker = image_next_broker(nodes_image(request), &cursor))) {
        char text[12];
        int len = snprintf(text, sizeof(text), "%" PRId32, broker->id);
        const char *name = arena_strndup(&request->arena, text, (size_t)len);
        if (!name)
            return NULL;
        *out++ = (listed_resource){wire_str_from(name), type};
    }
    return out;
}

/* Those of which nothing is known but their settings; their numbers are those of the protocol. */
static listed_resource *list_settings(struct request *request, Meta__ConfigRecord__Resource of,
                                      listed_resource *out)
{
    const char *name;
    size_t cursor = 0;
    while (out && (name = image_next_config_resource(nodes_image(request), of, &cursor)))
        *out++ = (listed_resource){wire_str_from(name), (int8_t)of};
    return out;
}

static bool list_fill(struct request *request, unsigned types,
                      struct list_config_resources_response *response)
{
    const struct image *image = nodes_image(request);
    const struct image_topic *topic;
    size_t count = image_topic_count(image) + image_config_resources(image, list_metrics) +
                   image_config_resources(image, list_groups);
    size_t cursor = 0;
    while (image_next_broker(image, &cursor))
        count += 2;
    listed_resource *out = WIRE_ARRAY(&request->arena, &response->config_resources, (int32_t)count,
                                      &list_config_resources_response_config_resource_desc);
    if (types & RESOURCES_BROKER)
        out = list_brokers(request, RESOURCES_BROKER, out);
    if (types & RESOURCES_BROKER_LOGGER)
        out = list_brokers(request, RESOURCES_BROKER_LOGGER, out);
    cursor = 0;
    while (out && (types & RESOURCES_TOPIC) && (topic = image_next_topic(image, &cursor)))
        *out++ = (listed_resource){wire_str_from(topic->name), RESOURCES_TOPIC};
    if (types & RESOURCES_CLIENT_METRICS)
        out = list_settings(request, list_metrics, out);
    if (types & RESOURCES_GROUP)
        out = list_settings(request, list_groups, out);
    if (out)
        response->config_resources.count = (int32_t)(out - response->config_resources.items);
    return out != NULL;
}

void handle_list_config_resources(struct request *request)
{
    struct list_config_resources_response response;
    wire_defaults(&list_config_resources_response_desc, &response);
    unsigned types = list_types(request);
    if (!types)
        response.error_code = err_to_wire(ERR_UNSUPPORTED_VERSION);
    if (types && !list_fill(request, types, &response))
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
    else
        request_reply(request, &response, NULL);
}
