/* The leader's side of replication: what each follower has, who is in sync, the high watermark.
 * Private to partition.c. */
#ifndef BROKER_REPLICA_ISR_H
#define BROKER_REPLICA_ISR_H

#include "broker/replica/partition.h"

struct remote;

/* A new leadership: nothing is known of the followers. */
void isr_start(struct partition *partition);
/* Replicas and in-sync set as the controller says; a proposal of an older epoch is dropped. */
void isr_take(struct partition *partition, const struct image_partition *record);
void isr_close(struct partition *partition);
/* NULL when `id` is not an assigned replica other than us. */
struct remote *isr_remote(const struct partition *partition, int32_t id);
/* Whether it has said what it has, and that counts. */
bool isr_knows(const struct partition *partition, int32_t id);
/* Whether the fetch is one of an assigned replica, by the process that is registered now: any
 * client can claim a replica's id, and a fetch of an earlier process may come late (KIP-903). */
bool isr_trusts(const struct partition *partition, const struct partition_read_args *args);
void isr_acknowledge(struct partition *partition, const struct partition_read_args *args);
/* After it: lets in who has caught up. */
void isr_acknowledged(struct partition *partition);
/* We have appended: followers that had all up to `end_before` are behind from now on. */
void isr_appended(struct partition *partition, int64_t end_before);
/* Whether fewer replicas are in sync than min.insync.replicas asks for; where the partition has not
 * so many, all of them are needed, as in Kafka. So too while others could be elected (KIP-966). */
bool isr_is_short(const struct partition *partition);
/* The smallest durable end in the maximal in-sync set; the present high watermark while the set is
 * short. */
int64_t isr_high_watermark(const struct partition *partition);
/* The smallest saved log start in the maximal in-sync set; -1 while a member was not heard. */
int64_t isr_low_watermark(const struct partition *partition);

#endif
