/* Follows the partitions that one other broker leads: one connection, one fetch session (KIP-227),
 * Kafka's Fetch API. What a fetch asks for acknowledges all below it, so a partition is named in
 * the next fetch only when what came before is durable here.
 *
 * At most two fetches are on their way: the second, sent when a partition has something new to say,
 * makes the leader answer the first at once. So nothing waits for a long poll to end. */
#ifndef BROKER_REPLICA_REPLICA_FETCHER_H
#define BROKER_REPLICA_REPLICA_FETCHER_H

#include "broker/replica/replica_manager_private.h"

struct mem_budget;
struct replica_fetcher;

/* What the answers of all leaders together may take while they come in. */
size_t replica_fetcher_memory(const struct config *config);
struct replica_fetcher *replica_fetcher_new(struct replica_manager *manager, int32_t leader_id,
                                            struct mem_budget *budget);
void replica_fetcher_free(struct replica_fetcher *fetcher);
/* The partition follows this leader, from its durable end under its present epoch. */
void replica_fetcher_add(struct replica_fetcher *fetcher, struct partition *partition);
/* No-op when the partition is with no fetcher. */
void replica_fetcher_remove(struct partition *partition);
/* The durable end has moved, or the epoch has changed. */
void replica_fetcher_ready(struct partition *partition);
/* The leader's address may have changed. */
void replica_fetcher_redial(struct replica_fetcher *fetcher);
/* When (env_now_ms) the line to the leader broke that has not come up again since; 0: none did. */
int64_t replica_fetcher_lost_ms(const struct replica_fetcher *fetcher);

#endif
