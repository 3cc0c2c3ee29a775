/* Verification of transactional batches (KIP-890): see the header.
 *
 * Happy path: the coordinator says that the partition is in the producer's transaction, and the
 * batch is appended. From Produce v12 on nobody has added it before: the question adds it. Failure
 * modes: what says that the batch does not belong is told in the words of the client's version;
 * what only means that it is not known now is NOT_ENOUGH_REPLICAS, which every client tries again,
 * as Kafka has it. */
#include "broker/handlers/produce_verify.h"

#include "base/check.h"
#include "base/err.h"
#include "broker/broker.h"
#include "kafka/messages/produce.h"

struct produce_verify {
    struct txn_verify txn;
    struct partition_append_op *append;
    int16_t version;
};

bool produce_verify_is_wanted(const struct request *request)
{
    return request->version >= PRODUCE_ADDS_VERSION ||
           txn_verifier_is_wanted(request->broker->txn_verifier);
}

static int produce_verify_error(const struct produce_verify *verify, int err, const char **message)
{
    ASSERT(err <= 0);
    *message = NULL;
    switch (err) {
    case 0:
        return 0;
    case ERR_TRANSACTION_ABORTABLE:
    case ERR_INVALID_TXN_STATE:
        *message = "the partition was not added to the transaction";
        return verify->version >= PRODUCE_ABORTABLE_VERSION ? ERR_TRANSACTION_ABORTABLE
                                                            : ERR_INVALID_TXN_STATE;
    case ERR_PRODUCER_FENCED:
    case ERR_INVALID_PRODUCER_EPOCH:
        *message = "a newer producer has the transactional id";
        return ERR_INVALID_PRODUCER_EPOCH;
    case ERR_INVALID_PRODUCER_ID_MAPPING:
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
        return err;
    default:
        *message = "the coordinator of the transaction could not be asked: try again";
        return ERR_NOT_ENOUGH_REPLICAS;
    }
}

static void produce_verify_done(struct txn_verify *txn, int err)
{
    struct produce_verify *verify = CONTAINER_OF(txn, struct produce_verify, txn);
    const char *message;
    ASSERT(!txn->open);
    ASSERT(verify->append->verifying);
    int told = produce_verify_error(verify, err, &message);
    ASSERT(told <= 0);
    partition_append_verified(verify->append, told, message);
}

static void produce_verify_asking(struct txn_verify *txn)
{
    ASSERT(CONTAINER_OF(txn, struct produce_verify, txn)->append->verifying);
    partition_append_verify_anew(CONTAINER_OF(txn, struct produce_verify, txn)->append);
}

static bool produce_verify_outdated(const struct txn_verify *txn)
{
    const struct produce_verify *verify = CONTAINER_OF(txn, const struct produce_verify, txn);
    ASSERT(verify->append->verifying);
    return partition_append_is_outdated(verify->append);
}

/* The name of a topic lives as long as the topic: the question may take longer. */
static bool produce_verify_name(struct request *request, struct produce_verify *verify)
{
    const struct partition_ref *ref = &verify->append->op.ref;
    const struct image_topic *topic =
        image_topic_by_id(metadata_image(request->broker->metadata), &ref->topic_id);
    verify->txn.topic = wire_str_from(topic ? topic->name : "");
    return wire_str_keep(&request->arena, &verify->txn.topic);
}

struct produce_verify *produce_verify_begin(struct request *request,
                                            struct partition_append_op *append,
                                            const struct txn_producer *producer)
{
    struct produce_verify *verify = arena_alloc(&request->arena, sizeof(*verify));
    ASSERT(append->verifying);
    if (verify) {
        verify->append = append;
        verify->version = request->version;
        verify->txn.producer = *producer;
        verify->txn.partition = append->op.ref.index;
        verify->txn.add = request->version >= PRODUCE_ADDS_VERSION;
        verify->txn.done = produce_verify_done;
        verify->txn.asking = produce_verify_asking;
        verify->txn.outdated = produce_verify_outdated;
    }
    if (!verify || !produce_verify_name(request, verify)) {
        partition_append_verified(append, ERR_NOT_ENOUGH_REPLICAS,
                                  "the request has no memory left to ask its coordinator");
        return NULL;
    }
    txn_verifier_ask(request->broker->txn_verifier, &verify->txn);
    return verify;
}

void produce_verify_cancel(struct produce_verify *verify)
{
    if (verify)
        txn_verify_cancel(&verify->txn);
}
