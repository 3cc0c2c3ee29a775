/* DescribeCluster: the brokers at the addresses of this listener. Answered at once. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/controller_channel.h"
#include "broker/handlers/nodes.h"
#include "kafka/messages/describe_cluster.h"

enum { DESCRIBE_CLUSTER_OF_BROKERS = 1, DESCRIBE_CLUSTER_OF_CONTROLLERS = 2 };

/* This listener is one of brokers. */
static int describe_cluster_check(const struct describe_cluster_request *body, const char **message)
{
    if (body->endpoint_type == DESCRIBE_CLUSTER_OF_BROKERS)
        return 0;
    if (body->endpoint_type == DESCRIBE_CLUSTER_OF_CONTROLLERS) {
        *message = "The request was sent to an endpoint of type BROKER, but we wanted an endpoint "
                   "of type CONTROLLER";
        return ERR_MISMATCHED_ENDPOINT_TYPE;
    }
    *message = "Unsupported endpoint type";
    return ERR_UNSUPPORTED_ENDPOINT_TYPE;
}

static bool describe_cluster_fill(struct request *request,
                                  struct describe_cluster_response *response)
{
    const struct describe_cluster_request *body = request->body;
    const struct image *image = nodes_image(request);
    const struct image_broker *broker;
    int32_t count = 0;
    size_t cursor = 0;
    while (image_next_broker(image, &cursor))
        count++;
    struct describe_cluster_response_describe_cluster_broker *out =
        WIRE_ARRAY(&request->arena, &response->brokers, count,
                   &describe_cluster_response_describe_cluster_broker_desc);
    cursor = 0;
    while (out && (broker = image_next_broker(image, &cursor))) {
        const struct image_endpoint *endpoint = nodes_listener(request, broker);
        if (!endpoint || (broker->fenced && !body->include_fenced_brokers))
            continue;
        out->broker_id = broker->id;
        out->host = wire_str_from(endpoint->host);
        out->port = endpoint->port;
        out->rack = wire_str_from(broker->rack);
        out->is_fenced = broker->fenced;
        out++;
    }
    if (out)
        response->brokers.count = (int32_t)(out - response->brokers.items);
    return out != NULL;
}

void handle_describe_cluster(struct request *request)
{
    const struct describe_cluster_request *body = request->body;
    struct describe_cluster_response response;
    const char *message = NULL;
    wire_defaults(&describe_cluster_response_desc, &response);
    int err = describe_cluster_check(body, &message);
    response.error_code = err_to_wire(err);
    response.error_message = wire_str_from(message);
    response.cluster_id = wire_str_from(controller_channel_cluster_id(request->broker->channel));
    if (!err) {
        response.controller_id = nodes_controller(request);
        if (body->include_cluster_authorized_operations)
            response.cluster_authorized_operations = ACL_ALL_OF_CLUSTER;
        if (!describe_cluster_fill(request, &response)) {
            request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
            return;
        }
    }
    request_reply(request, &response, NULL);
}
