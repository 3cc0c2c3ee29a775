/* PushTelemetry (KIP-714): the metrics of a client, which broker/telemetry keeps. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/handlers/telemetry_caller.h"
#include "kafka/messages/push_telemetry.h"

struct push_telemetry {
    struct telemetry_call call;
    struct request *request;
};

static void push_telemetry_done(struct telemetry_call *call, int err)
{
    struct request *request = CONTAINER_OF(call, struct push_telemetry, call)->request;
    struct push_telemetry_response response;
    if (err == ERR_BROKER_NOT_AVAILABLE) {
        request_fail(request, err, "finds this broker stopping");
        return;
    }
    wire_defaults(&push_telemetry_response_desc, &response);
    response.error_code = err_to_wire(err);
    request_reply(request, &response, NULL);
}

void handle_push_telemetry(struct request *request)
{
    const struct push_telemetry_request *body = request->body;
    struct push_telemetry *push = request_alloc(request, sizeof(*push));
    if (!push)
        return;
    push->request = request;
    push->call = (struct telemetry_call){.id = body->client_instance_id,
                                         .push = true,
                                         .pushed_subscription = body->subscription_id,
                                         .terminating = body->terminating,
                                         .compression = body->compression_type,
                                         .metrics = body->metrics,
                                         .done = push_telemetry_done};
    if (telemetry_caller_fill(request, &push->call))
        telemetry_ask(request->broker->telemetry, &push->call);
    else
        request_fail(request, ERR_NO_MEMORY, "has no memory left");
}
