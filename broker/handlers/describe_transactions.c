/* DescribeTransactions: the transactional ids that the request names, of those that this broker
 * coordinates. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/net/request.h"
#include "broker/txn/txn_manager.h"

void handle_describe_transactions(struct request *request)
{
    const struct describe_transactions_request *body = request->body;
    struct describe_transactions_response response;
    wire_defaults(&describe_transactions_response_desc, &response);
    struct describe_transactions_response_transaction_state *out =
        WIRE_ARRAY(&request->arena, &response.transaction_states, body->transactional_ids.count,
                   &describe_transactions_response_transaction_state_desc);
    if (!out) {
        request_fail(request, ERR_NO_MEMORY, "names more transactional ids than fit in memory");
        return;
    }
    for (int32_t i = 0; i < body->transactional_ids.count; i++) {
        struct wire_str id = body->transactional_ids.items[i];
        int err = txn_manager_describe(request->broker->txns, id, &request->arena, &out[i]);
        out[i].transactional_id = id;
        out[i].error_code = err_to_wire(err);
    }
    request_reply(request, &response, NULL);
}
