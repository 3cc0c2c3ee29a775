/* UnregisterBroker. Happy path: the controller forgets the broker. Failure modes: it is not
 * registered (the cluster's answer). */
#include "tools/unregister.h"

#include "base/err.h"
#include "kafka/messages/unregister_broker.h"

static bool unregister_moved(const void *data)
{
    const struct unregister_broker_response *response = data;
    return err_from_wire(response->error_code) == ERR_NOT_CONTROLLER;
}

int unregister_broker(struct tool_run *run, int32_t id)
{
    struct unregister_broker_request request;
    struct client_answer answer = {0};
    struct buf text;
    int version = tool_version(run, KAFKA_API_UNREGISTER_BROKER);
    wire_defaults(&unregister_broker_request_desc, &request);
    request.broker_id = id;
    if (version < 0 || tool_call_controller(run, KAFKA_API_UNREGISTER_BROKER, version, &request,
                                            unregister_moved, &answer))
        return 1;
    int status = 0;
    buf_init(&text);
    const struct unregister_broker_response *response = answer.response;
    if (response->error_code)
        status = tool_fail(run, "%s",
                           tool_error_text(response->error_code, response->error_message, &text));
    client_answer_free(&answer);
    buf_close(&text);
    return status;
}
