/* EndTxn: commits or aborts a transaction. The answer comes when that can't be lost any more; from
 * v5 on it says as whom the producer goes on. One that came late, when its producer has gone on by
 * another connection, is not answered: nobody waits for it. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/handlers/txn_error.h"
#include "broker/net/request.h"
#include "broker/txn/txn_manager.h"
#include "kafka/messages/end_txn.h"

enum { END_TXN_BUMPS_VERSION = 5 /* of transaction.version 2 */ };

struct end_txn {
    struct txn_end end;
    struct request *request;
};

static void end_txn_done(struct txn_end *end, int err)
{
    struct request *request = CONTAINER_OF(end, struct end_txn, end)->request;
    struct end_txn_response response;
    if (err == ERR_CAME_LATE) {
        request_fail(request, err, "would end a transaction that is not the one it was sent for");
        return;
    }
    wire_defaults(&end_txn_response_desc, &response);
    response.error_code = err_to_wire(txn_error_for(err, request->version));
    if (!err && request->version >= END_TXN_BUMPS_VERSION) {
        response.producer_id = end->new_producer_id;
        response.producer_epoch = end->new_epoch;
    }
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
        .bumps = request->version >= END_TXN_BUMPS_VERSION,
        .opened_us = request_opened_us(request),
        .done = end_txn_done};
    txn_manager_end(request->broker->txns, &end_txn->end);
}
