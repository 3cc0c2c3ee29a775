/* Heartbeat of a member of a classic group. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

void handle_heartbeat(struct request *request)
{
    struct heartbeat_response response;
    wire_defaults(&heartbeat_response_desc, &response);
    response.error_code =
        err_to_wire(group_manager_heartbeat(request->broker->groups, request->body));
    request_reply(request, &response, NULL);
}
