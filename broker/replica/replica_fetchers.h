/* One fetcher for each broker that leads partitions which we follow, made when the first of them
 * comes, and the memory that the answers of all share. */
#ifndef BROKER_REPLICA_REPLICA_FETCHERS_H
#define BROKER_REPLICA_REPLICA_FETCHERS_H

#include "broker/replica/replica_manager_private.h"

struct replica_fetchers;

struct replica_fetchers *replica_fetchers_new(struct replica_manager *manager);
/* The partitions are gone already. */
void replica_fetchers_free(struct replica_fetchers *fetchers);
/* The partition follows this leader from now on, and no other; IMAGE_NO_NODE: nobody. */
void replica_fetchers_follow(struct replica_fetchers *fetchers, struct partition *partition,
                             int32_t leader_id);
/* The broker's address may have changed. */
void replica_fetchers_redial(struct replica_fetchers *fetchers, int32_t broker_id);
/* As replica_manager_lost_ms. */
int64_t replica_fetchers_lost_ms(const struct replica_fetchers *fetchers, int32_t broker_id);
/* Appends how many there are and what memory they use, for people. */
void replica_fetchers_summarise(const struct replica_fetchers *fetchers, struct buf *out);

#endif
