/* InitProducerId for idempotent producers: a new id with epoch 0, or the next epoch of the id that
 * the client names (v3+). Transactional ids are refused: there is no transaction coordinator yet.
 * The answer has no room for a reason; clients ask FindCoordinator first, and that gives it. The
 * code is one after which every client gives up. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/producer_ids.h"
#include "broker/net/request.h"
#include "kafka/messages/init_producer_id.h"

struct init_producer_id {
    struct request *request;
    struct producer_id_wait wait;
};

static void init_producer_id_answer(struct request *request, int err, int64_t id, int16_t epoch)
{
    struct init_producer_id_response response;
    wire_defaults(&init_producer_id_response_desc, &response);
    response.error_code = err_to_wire(err);
    response.producer_id = err ? -1 : id;
    response.producer_epoch = err ? -1 : epoch;
    request_reply(request, &response, NULL);
}

static void init_producer_id_done(struct producer_id_wait *wait, int err, int64_t id)
{
    struct init_producer_id *init = CONTAINER_OF(wait, struct init_producer_id, wait);
    init_producer_id_answer(init->request, err, id, 0);
}

void handle_init_producer_id(struct request *request)
{
    const struct init_producer_id_request *body = request->body;
    if (!wire_str_is_null(body->transactional_id)) {
        if (wire_str_is_empty(body->transactional_id)) {
            init_producer_id_answer(request, ERR_INVALID_REQUEST, -1, -1);
            return;
        }
        request_warn(request,
                     "%s asked for transactional id %.*s: transactions are not available in this "
                     "release",
                     request_peer(request), WIRE_STR_ARGS(body->transactional_id));
        init_producer_id_answer(request, ERR_CLUSTER_AUTHORIZATION_FAILED, -1, -1);
        return;
    }
    if ((body->producer_id == -1) != (body->producer_epoch == -1)) {
        init_producer_id_answer(request, ERR_INVALID_REQUEST, -1, -1);
        return;
    }
    if (body->producer_id >= 0 && body->producer_epoch >= 0 && body->producer_epoch < INT16_MAX) {
        init_producer_id_answer(request, 0, body->producer_id, (int16_t)(body->producer_epoch + 1));
        return;
    }
    struct init_producer_id *init = request_alloc(request, sizeof(*init));
    if (!init)
        return;
    init->request = request;
    init->wait.done = init_producer_id_done;
    producer_ids_take(request->broker->producer_ids, &init->wait);
}
