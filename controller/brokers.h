/* Brokers: registration, fencing, controlled shutdown, removal. Whether a broker lives is decided
 * in liveness.c; here stands what follows from it. */
#ifndef CONTROLLER_BROKERS_H
#define CONTROLLER_BROKERS_H

#include "controller/decision.h"

/* In place of the epoch of a log directory: it has no partitions, and notes none. */
enum { BROKERS_DIR_NEW = -1 };

/* Registers the process: a new incarnation starts fenced, with the entry's index as its epoch; the
 * same one again keeps its epoch. Fills `reply`. The caller has made sure that no other incarnation
 * of the broker is alive. ERR_INVALID_REGISTRATION when the request breaks a rule. */
int brokers_register(struct decision *decision, const Meta__Register *request,
                     Meta__Registered *reply) MUST_CHECK;

/* Out of service: fenced, its leaderships moved. Nothing happens when it is fenced already. */
void brokers_fence(struct decision *decision, int32_t broker_id);
/* Into service: partitions without a leader may get one. `noted`: the epoch that each of its log
 * directories has noted, if the broker says so (`count` 0 = all of them, its own). */
void brokers_unfence(struct decision *decision, int32_t broker_id, const int64_t *noted,
                     size_t count);
/* Whether all of its log directories are cordoned (KIP-1066): it gets no new replicas then, and
 * keeps those it has. */
void brokers_cordon(struct decision *decision, int32_t broker_id, bool cordoned);
/* Controlled shutdown: marked as stopping, its leaderships moved. The new leaders take it out of
 * their in-sync sets. */
void brokers_stop(struct decision *decision, int32_t broker_id);

/* The UnregisterBroker command. */
void brokers_unregister(struct decision *decision, const Meta__UnregisterBroker *command,
                        Meta__CommandReply *reply);
/* The AllocateProducerIds command (KIP-730): a block of ids that nobody else ever gets. A random
 * number of blocks before it is left out: after controllers were restored from an older copy they
 * would give away again what the copy does not know of, and logs take the first batches of such a
 * producer for repeated ones. With a block a second the ids last for 9,000 years. */
enum { BROKERS_PRODUCER_IDS = 1000, BROKERS_ID_GAP = 1 << 16 };
void brokers_producer_ids(struct decision *decision, const Meta__AllocateProducerIds *command,
                          Meta__CommandReply *reply);

#endif
