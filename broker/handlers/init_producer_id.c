/* InitProducerId. For idempotent producers: a new id with epoch 0, whatever id and epoch the client
 * has (v3+), as in Kafka: nobody here could tell whether they were ever given to it, and its own
 * epochs it raises by itself (KIP-360). With a transactional id the transaction coordinator decides
 * (broker/txn): the answer fences all producers that used it before. A build that does not tell of
 * transactions refuses them, with a code after which every client gives up; FindCoordinator has
 * said why. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/producer_ids.h"
#include "broker/handlers/txn_error.h"
#include "broker/net/request.h"
#include "broker/txn/txn_manager.h"
#include "kafka/messages/init_producer_id.h"

enum { INIT_PRODUCER_ID_FENCED_VERSION = 4 /* PRODUCER_FENCED is known */ };

struct init_producer_id {
    struct request *request;
    struct producer_id_wait wait;
    struct txn_init init;
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

static void init_producer_id_begun(struct txn_init *txn_init, int err)
{
    struct init_producer_id *init = CONTAINER_OF(txn_init, struct init_producer_id, init);
    bool knows = init->request->version >= INIT_PRODUCER_ID_FENCED_VERSION;
    init_producer_id_answer(init->request, txn_error_fenced(err, knows), txn_init->new_producer_id,
                            txn_init->new_epoch);
}

static void init_producer_id_transactional(struct init_producer_id *init,
                                           const struct init_producer_id_request *body)
{
    init->init.id = body->transactional_id;
    init->init.timeout_ms = body->transaction_timeout_ms;
    init->init.producer_id = body->producer_id;
    init->init.epoch = body->producer_epoch;
    init->init.done = init_producer_id_begun;
    txn_manager_init_producer(init->request->broker->txns, &init->init);
}

void handle_init_producer_id(struct request *request)
{
    const struct init_producer_id_request *body = request->body;
    if ((body->producer_id == -1) != (body->producer_epoch == -1)) {
        init_producer_id_answer(request, ERR_INVALID_REQUEST, -1, -1);
        return;
    }
    struct init_producer_id *init = request_alloc(request, sizeof(*init));
    if (!init)
        return;
    init->request = request;
    init->wait.done = init_producer_id_done;
    if (wire_str_is_null(body->transactional_id))
        producer_ids_take(request->broker->producer_ids, &init->wait);
    else
        init_producer_id_transactional(init, body);
}
