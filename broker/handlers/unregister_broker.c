/* UnregisterBroker: a broker that will not come back is forgotten by the cluster. */
#include "broker/handlers/handlers.h"

#include "broker/cluster/command.h"
#include "broker/handlers/verdict.h"
#include "kafka/messages/unregister_broker.h"

struct unregister_broker {
    struct verdict verdict;
    struct unregister_broker_response response;
};

void handle_unregister_broker(struct request *request)
{
    const struct unregister_broker_request *body = request->body;
    struct unregister_broker *unregister = request_alloc(request, sizeof(*unregister));
    if (!unregister)
        return;
    wire_defaults(&unregister_broker_response_desc, &unregister->response);
    unregister->verdict = (struct verdict){.request = request,
                                           .response = &unregister->response,
                                           .error_code = &unregister->response.error_code,
                                           .error_message = &unregister->response.error_message};
    Meta__UnregisterBroker message = META__UNREGISTER_BROKER__INIT;
    message.broker_id = body->broker_id;
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_UNREGISTER_BROKER;
    command.unregister_broker = &message;
    verdict_ask(&unregister->verdict, &command, COMMAND_TIMEOUT_DEFAULT_MS);
}
