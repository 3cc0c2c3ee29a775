/* ListTransactions: the transactional ids that this broker coordinates. */
#include "broker/handlers/handlers.h"

#include "broker/broker.h"
#include "broker/net/request.h"
#include "broker/txn/txn_manager.h"

struct list_transactions {
    struct txn_list list;
    struct request *request;
};

static bool list_transactions_heard(const struct txn_list *list)
{
    return request_is_heard(CONTAINER_OF(list, struct list_transactions, list)->request);
}

static void list_transactions_done(struct txn_list *list)
{
    struct list_transactions_response_transaction_state *listed = list->listed;
    request_reply(CONTAINER_OF(list, struct list_transactions, list)->request, &list->response,
                  NULL);
    mem_free(listed); /* the answer is encoded, and `list` is gone with the request */
}

void handle_list_transactions(struct request *request)
{
    struct list_transactions *list = request_alloc(request, sizeof(*list));
    if (!list)
        return;
    list->request = request;
    list->list.request = request->body;
    list->list.arena = &request->arena;
    list->list.heard = list_transactions_heard;
    list->list.done = list_transactions_done;
    txn_manager_list(request->broker->txns, &list->list);
}
