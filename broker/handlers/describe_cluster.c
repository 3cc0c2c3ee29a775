/* DescribeCluster: the brokers at the addresses of this listener; at the controller's listener, the
 * controllers (KIP-919). Answered at once, but for a controller's that has just been asked for the
 * first time and knows neither. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/controller_channel.h"
#include "broker/handlers/door_wait.h"
#include "broker/handlers/known.h"
#include "broker/handlers/nodes.h"
#include "kafka/messages/describe_cluster.h"

enum {
    DESCRIBE_CLUSTER_OF_BROKERS = 1,
    DESCRIBE_CLUSTER_OF_CONTROLLERS = 2,
    DESCRIBE_CLUSTER_CONTROLLERS_MAX = 64 /* four times as many as a quorum has room for */
};

static int describe_cluster_check(const struct request *request, const char **message)
{
    const struct describe_cluster_request *body = request->body;
    bool controllers = body->endpoint_type == DESCRIBE_CLUSTER_OF_CONTROLLERS;
    if (!controllers && body->endpoint_type != DESCRIBE_CLUSTER_OF_BROKERS) {
        *message = "Unsupported endpoint type";
        return ERR_UNSUPPORTED_ENDPOINT_TYPE;
    }
    if (controllers == request->broker->at_controller)
        return 0;
    *message = controllers ? "The request was sent to an endpoint of type BROKER, but we wanted an "
                             "endpoint of type CONTROLLER"
                           : "The request was sent to an endpoint of type CONTROLLER, but we "
                             "wanted an endpoint of type BROKER";
    return ERR_MISMATCHED_ENDPOINT_TYPE;
}

static bool describe_cluster_fill_controllers(struct request *request,
                                              struct describe_cluster_response *response)
{
    struct controller_address controllers[DESCRIBE_CLUSTER_CONTROLLERS_MAX];
    size_t count = controller_channel_quorum(request->broker->channel, controllers,
                                             DESCRIBE_CLUSTER_CONTROLLERS_MAX);
    ASSERT(count <= DESCRIBE_CLUSTER_CONTROLLERS_MAX);
    struct describe_cluster_response_describe_cluster_broker *out =
        WIRE_ARRAY(&request->arena, &response->brokers, (int32_t)count,
                   &describe_cluster_response_describe_cluster_broker_desc);
    for (size_t i = 0; out && i < count; i++) {
        out[i].broker_id = controllers[i].id;
        out[i].host = wire_str_from(controllers[i].host);
        out[i].port = controllers[i].port;
        out[i].rack = WIRE_STR_NULL;
    }
    return out != NULL;
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

static void describe_cluster_answer(struct request *request)
{
    const struct describe_cluster_request *body = request->body;
    struct describe_cluster_response response;
    const char *message = NULL;
    wire_defaults(&describe_cluster_response_desc, &response);
    int err = describe_cluster_check(request, &message);
    response.error_code = err_to_wire(err);
    response.error_message = wire_str_from(message);
    response.cluster_id = wire_str_from(controller_channel_cluster_id(request->broker->channel));
    if (!err) {
        bool controllers = request->broker->at_controller;
        response.endpoint_type = body->endpoint_type;
        response.controller_id = controllers ? controller_channel_active(request->broker->channel)
                                             : nodes_controller(request);
        if (body->include_cluster_authorized_operations)
            response.cluster_authorized_operations = ACL_ALL_OF_CLUSTER;
        if (!(controllers ? describe_cluster_fill_controllers(request, &response)
                          : describe_cluster_fill(request, &response))) {
            request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
            return;
        }
    }
    request_reply(request, &response, NULL);
}

void handle_describe_cluster(struct request *request)
{
    if (request->broker->at_controller)
        door_wait(request, describe_cluster_answer);
    else
        known_handle(request, describe_cluster_answer);
}
