/* UnregisterBroker: a broker that will not come back is forgotten by the cluster. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/origin.h"
#include "broker/net/request.h"
#include "kafka/messages/unregister_broker.h"

struct unregister_broker {
    struct request *request;
    struct unregister_broker_response response;
};

static void unregister_broker_result(void *data, int err, const char *sentence,
                                     const Meta__CommandReply *reply)
{
    struct unregister_broker *unregister = data;
    (void)reply;
    unregister->response.error_code = err_to_wire(err);
    unregister->response.error_message = command_keep(&unregister->request->arena, sentence);
}

static void unregister_broker_finish(void *data, int err)
{
    struct unregister_broker *unregister = data;
    (void)err;
    request_reply(unregister->request, &unregister->response, NULL);
}

static const struct command_events unregister_broker_events = {
    .result = unregister_broker_result,
    .finish = unregister_broker_finish,
};

void handle_unregister_broker(struct request *request)
{
    const struct unregister_broker_request *body = request->body;
    struct unregister_broker *unregister = request_alloc(request, sizeof(*unregister));
    if (!unregister)
        return;
    unregister->request = request;
    wire_defaults(&unregister_broker_response_desc, &unregister->response);
    Meta__UnregisterBroker message = META__UNREGISTER_BROKER__INIT;
    message.broker_id = body->broker_id;
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_UNREGISTER_BROKER;
    command.unregister_broker = &message;
    command_send(request->broker->channel, origin_of(request), &command, COMMAND_TIMEOUT_DEFAULT_MS,
                 &unregister_broker_events, unregister);
}
