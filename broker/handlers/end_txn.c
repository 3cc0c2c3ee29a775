/* EndTxn: commits or aborts a transaction. The answer comes when that can't be lost any more. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/handlers/txn_error.h"
#include "broker/net/request.h"
#include "broker/txn/txn_manager.h"
#include "kafka/messages/end_txn.h"

struct end_txn {
    struct txn_end end;
    struct request *request;
};

static void end_txn_done(struct txn_end *end, int err)
{
    struct request *request = CONTAINER_OF(end, struct end_txn, end)->request;
    struct end_txn_response response;
    wire_defaults(&end_txn_response_desc, &response);
    response.error_code = err_to_wire(txn_error_for(err, request->version));
    request_reply(request, &response, NULL);
}

void handle_end_txn(struct request *request)
{
    const struct end_txn_request *body = request->body;
    struct end_txn *end_txn = request_alloc(request, sizeof(*end_txn));
    if (!end_txn)
        return;
    end_txn->request = request;
    end_txn->end = (struct txn_end){
        .producer = {body->transactional_id, body->producer_id, body->producer_epoch},
        .commit = body->committed,
        .done = end_txn_done};
    txn_manager_end(request->broker->txns, &end_txn->end);
}
