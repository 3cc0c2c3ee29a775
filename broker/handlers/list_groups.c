/* ListGroups: the groups that this broker coordinates. */
#include "broker/handlers/handlers.h"

#include "broker/broker.h"
#include "broker/group/group_manager.h"
#include "broker/net/request.h"

struct list_groups {
    struct group_list list;
    struct request *request;
};

static bool list_groups_heard(const struct group_list *list)
{
    return request_is_heard(CONTAINER_OF(list, struct list_groups, list)->request);
}

static void list_groups_done(struct group_list *list)
{
    struct list_groups_response_listed_group *groups = list->groups;
    request_reply(CONTAINER_OF(list, struct list_groups, list)->request, &list->response, NULL);
    mem_free(groups); /* the answer is encoded, and `list` is gone with the request */
}

void handle_list_groups(struct request *request)
{
    struct list_groups *list = request_alloc(request, sizeof(*list));
    if (!list)
        return;
    list->request = request;
    list->list.request = request->body;
    list->list.arena = &request->arena;
    list->list.heard = list_groups_heard;
    list->list.done = list_groups_done;
    group_manager_list(request->broker->groups, &list->list);
}
