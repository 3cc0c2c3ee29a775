/* ListGroups: the groups that this broker coordinates. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

void handle_list_groups(struct request *request)
{
    struct list_groups_response response;
    group_manager_list(request->broker->groups, request->body, &request->arena, &response);
    request_reply(request, &response, NULL);
}
