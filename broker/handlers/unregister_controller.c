/* UnregisterController (KIP-1312): a controller that does not vote, and will not come back, is
 * forgotten by the quorum. One that votes is refused: it has to be removed first. */
#include "broker/handlers/handlers.h"

#include "broker/cluster/command.h"
#include "broker/handlers/verdict.h"
#include "kafka/messages/unregister_controller.h"

struct unregister_controller {
    struct verdict verdict;
    struct unregister_controller_response response;
};

void handle_unregister_controller(struct request *request)
{
    const struct unregister_controller_request *body = request->body;
    struct unregister_controller *unregister = request_alloc(request, sizeof(*unregister));
    if (!unregister)
        return;
    wire_defaults(&unregister_controller_response_desc, &unregister->response);
    unregister->verdict = (struct verdict){.request = request,
                                           .response = &unregister->response,
                                           .error_code = &unregister->response.error_code,
                                           .error_message = &unregister->response.error_message};
    Meta__UnregisterController message = META__UNREGISTER_CONTROLLER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    message.id = body->controller_id;
    command.body_case = META__COMMAND__BODY_UNREGISTER_CONTROLLER;
    command.unregister_controller = &message;
    verdict_ask(&unregister->verdict, &command, COMMAND_TIMEOUT_DEFAULT_MS);
}
