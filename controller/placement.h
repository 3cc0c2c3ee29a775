/* Where replicas go. Brokers are arranged so that neighbours stand in different racks; the leaders
 * of consecutive partitions walk round that ring, and the followers of a partition follow at a
 * distance that grows with each round, so that every pair of brokers shares about as many
 * partitions.
 *
 * As Kafka: a partition's replicas are on different brokers, and in as many racks as possible;
 * brokers that are fenced or stopping get replicas only when the live ones are too few, and lead
 * none. Those that are cordoned get none at all (KIP-1066). */
#ifndef CONTROLLER_PLACEMENT_H
#define CONTROLLER_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "meta/image.h"

struct placement {
    int32_t *brokers;     /* the ring */
    int32_t *racks;       /* rack number of each place in the ring */
    int32_t broker_count; /* live ones only */
    int32_t rack_count;
    int32_t *spares; /* the others: fenced or stopping */
    int32_t spare_count;
    int32_t cordoned_count;
    uint32_t start; /* chosen at random for each topic */
    uint32_t shift;
};

/* Arranges the brokers of the image. `seed` chooses start and shift. */
void placement_init(struct placement *placement, const struct image *image, uint64_t seed);
void placement_close(struct placement *placement);

/* The replicas of partition `index`, the leader first; `count` <= broker_count + spare_count, and
 * there is a live broker. */
void placement_choose(const struct placement *placement, int32_t index, int32_t count,
                      int32_t *replicas);

#endif
