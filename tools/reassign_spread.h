/* Where kafka-reassign-partitions --generate puts replicas: evenly over brokers, and over racks. */
#ifndef TOOLS_REASSIGN_SPREAD_H
#define TOOLS_REASSIGN_SPREAD_H

#include "tools/reassign_plan.h"

struct spread_broker {
    int32_t id;
    int32_t rack; /* a number for each rack; 0 for all where racks don't count */
};

#define REASSIGN_RACKS_DIFFER                                                                      \
    "some brokers have a rack and others have none: set broker.rack on all of them, or add "       \
    "--disable-rack-aware"

/* The rack's number: 1 and up, as they were seen; 0: it has none. `racks` starts as zeroed memory
 * and is the caller's to plan_free. */
int32_t reassign_rack_number(struct plan *racks, struct wire_str rack);

/* Gives each item of a topic, with partitions 0, 1, ..., `factor` replicas on different brokers,
 * and on as many racks as possible. Leaders walk round the brokers from one that `seed` chooses,
 * and followers stand at a distance that grows with each round, so that each pair of brokers shares
 * about as many partitions. `factor` is at most the count of brokers. */
void reassign_spread(struct spread_broker *brokers, int32_t count, int32_t factor, uint64_t seed,
                     struct plan_item *items, size_t item_count);

#endif
