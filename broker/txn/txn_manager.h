/* The transaction coordinator: who may write under a transactional id, and how its transactions
 * end.
 *
 * A transactional id lives in one partition of __transaction_state, chosen by its hash; the broker
 * that leads the partition coordinates it. Each change is appended there, and answered when it is
 * replicated. On becoming leader a broker reads the partition back, sends the markers of what was
 * prepared again, and answers COORDINATOR_LOAD_IN_PROGRESS meanwhile.
 *
 * For handlers: a request is a struct that the handler fills and keeps until `done`, which comes
 * exactly once, perhaps before the call returns; `err` is the answer. What versions of an API call
 * it is the handler's. Sources: the Kafka protocol guide, KIP-98, 360, 447, 664 and 890. */
#ifndef BROKER_TXN_TXN_MANAGER_H
#define BROKER_TXN_TXN_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/logger.h"
#include "broker/cluster/metadata.h"
#include "broker/cluster/producer_ids.h"
#include "broker/coordinator/coordinator_log.h"
#include "broker/txn/txn_sure.h"
#include "broker/txn/txn_wait.h"
#include "env/env.h"
#include "kafka/messages/add_partitions_to_txn.h"
#include "kafka/messages/describe_transactions.h"
#include "kafka/messages/list_transactions.h"
#include "wire/str.h"

struct broker_lines;
struct config;
struct machine_deps;
struct txn;
struct txn_manager;

#define TXN_STATE_TOPIC "__transaction_state"

/* The settings transaction.* and transactional.*. */
struct txn_settings {
    int64_t timeout_max_ms;
    int64_t expiration_ms;       /* of an id that nobody uses */
    int64_t expiration_check_ms; /* how often it is looked for such */
    int64_t memory_max;          /* what all ids take */
};

void txn_settings_read(struct txn_settings *settings, const struct config *config);

/* Everything is borrowed and outlives the manager, but for the ids: they end before it. */
struct txn_manager_deps {
    struct env *env;
    struct logger *logger;
    const struct metadata *metadata;
    struct txn_settings settings;
    const struct coordinator_log_ops *log;
    void *log_data;
    struct producer_ids *ids;
    struct broker_lines *lines; /* for markers */
};

struct txn_manager *txn_manager_new(const struct txn_manager_deps *deps);
/* Who waits is told COORDINATOR_NOT_AVAILABLE. The producer ids have been freed before. */
void txn_manager_free(struct txn_manager *manager);

/* A partition of __transaction_state became ours to lead, or is ours no longer. Hearing the same
 * twice is fine: leading again under a new epoch loads anew. */
void txn_manager_leader_changed(struct txn_manager *manager, int32_t partition, bool leader);

/* Appends how many ids there are and what they hold, for people. */
void txn_manager_summarise(const struct txn_manager *manager, struct buf *out);

/* ---- requests ---- */

/* InitProducerId with a transactional id. Errors besides those of a coordinator: INVALID_REQUEST,
 * INVALID_TRANSACTION_TIMEOUT, CONCURRENT_TRANSACTIONS (also while what was open is aborted),
 * PRODUCER_FENCED. */
struct txn_init {
    struct wire_str id; /* all of it stays until done */
    int32_t timeout_ms;
    int64_t producer_id; /* who asks, if he says so: else -1, both */
    int16_t epoch;
    void (*done)(struct txn_init *init, int err);
    /* The answer. */
    int64_t new_producer_id;
    int16_t new_epoch;
    /* The rest is the manager's. */
    struct txn_manager *manager;
    struct producer_id_wait wait;
    struct txn_sure sure;
    int64_t spare_id; /* that was given out for it */
    int64_t last_producer_id;
    int16_t last_epoch;
};
void txn_manager_init_producer(struct txn_manager *manager, struct txn_init *init);

/* Who asks in the name of a transactional id. */
struct txn_producer {
    struct wire_str id;
    int64_t producer_id;
    int16_t epoch;
};

/* AddPartitionsToTxn and AddOffsetsToTxn. INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED,
 * CONCURRENT_TRANSACTIONS. */
struct txn_add {
    struct txn_producer producer;
    const struct add_partitions_to_txn_request_add_partitions_to_txn_topic *topics;
    int32_t topic_count;
    bool bumps;        /* its producer acts by transaction.version 2 */
    int64_t opened_us; /* when the producer's connection was accepted, monotonic; 0: not known */
    int64_t wait_ms;   /* it may wait so long for the id, see txn_wait.h; 0: not at all */
    void (*done)(struct txn_add *add, int err);
    /* Of a question, in the place of done. With 0 the transaction, until the call ends. */
    void (*verified)(struct txn_add *add, const struct txn *txn, int err);
    /* The rest is the manager's. */
    struct txn_manager *manager;
    struct txn_wait wait;
    struct txn_sure sure;
};
void txn_manager_add(struct txn_manager *manager, struct txn_add *add);

/* Only whether the partitions are in the transaction: see txn_verify_partition. Errors as above. */
void txn_manager_verify(struct txn_manager *manager, struct txn_add *add);
/* Whether the partition is in it: 0; TRANSACTION_ABORTABLE when it is not, CONCURRENT_TRANSACTIONS
 * when it may be on its way. */
int txn_verify_partition(const struct txn *txn, struct wire_str topic,
                         int32_t partition) MUST_CHECK;

/* EndTxn: done when the end can't be lost any more; the markers follow. As above, and
 * INVALID_TXN_STATE. With `bumps` the producer goes on as whom the answer says, and may abort when
 * nothing is open. CAME_LATE: the transaction was begun, or added to, over a connection that is
 * newer than that of its end; only without `bumps`, whose epochs say the same more surely. */
struct txn_end {
    struct txn_producer producer;
    bool commit;
    bool bumps;        /* its producer acts by transaction.version 2 */
    int64_t opened_us; /* as in txn_add */
    void (*done)(struct txn_end *end, int err);
    /* The answer, with `bumps`. */
    int64_t new_producer_id;
    int16_t new_epoch;
    /* The rest is the manager's. */
    struct txn_manager *manager;
    struct producer_id_wait wait;
    struct txn_sure sure;
    int64_t spare_id; /* that was given out for it */
};
void txn_manager_end(struct txn_manager *manager, struct txn_end *end);

/* ---- administration ---- */

/* The transactional ids that this broker coordinates; `done` comes in a later turn of the loop. */
struct txn_list {
    const struct list_transactions_request *request;
    struct arena *arena;                        /* for names and filters */
    bool (*heard)(const struct txn_list *list); /* whether anybody waits for it; may be NULL */
    void (*done)(struct txn_list *list);
    struct list_transactions_response response;
    struct list_transactions_response_transaction_state
        *listed; /* of it: freed by whoever is told */
    /* The rest is the lister's. */
    struct list link;
    int32_t room;
    unsigned states;    /* asked for, as bits */
    int64_t *producers; /* asked for, rising; none: all */
    int32_t producer_count;
};
void txn_manager_list(struct txn_manager *manager, struct txn_list *list);

typedef struct describe_transactions_response_transaction_state txn_described;
/* Fills all but the id and the error; names are borrowed until the next turn of the loop. Errors
 * of a coordinator, TRANSACTIONAL_ID_NOT_FOUND, UNKNOWN_SERVER_ERROR (memory). */
int txn_manager_describe(struct txn_manager *manager, struct wire_str id, struct arena *arena,
                         txn_described *out) MUST_CHECK;

/* ---- for ids and their partitions ---- */

void txn_manager_charge(struct txn_manager *manager, int64_t bytes);
bool txn_manager_has_room(const struct txn_manager *manager);
const struct txn_manager_deps *txn_manager_deps(const struct txn_manager *manager);
const struct machine_deps *txn_manager_machine_deps(const struct txn_manager *manager);

#endif
