/* A group of the consumer protocol (KIP-848). */
#ifndef BROKER_GROUP_CONSUMER_H
#define BROKER_GROUP_CONSUMER_H

#include "broker/group/group.h"

struct consumer {
    struct group *group;
};

void consumer_free(struct consumer *consumer);
bool consumer_is_empty(const struct consumer *consumer);
bool consumer_is_subscribed(const struct consumer *consumer, struct wire_str topic);
void consumer_put_tombstones(struct consumer *consumer, struct records *records);
int consumer_check_commit(struct consumer *consumer, struct wire_str member_id,
                          struct wire_str instance_id, int32_t epoch, int16_t version) MUST_CHECK;
int consumer_check_fetch(struct consumer *consumer, struct wire_str member_id,
                         int32_t epoch) MUST_CHECK;
/* Classic members of the group. */
void consumer_classic_join(struct consumer *consumer, struct group_join *join);
void consumer_classic_sync(struct consumer *consumer, struct group_sync *sync);
int consumer_classic_heartbeat(struct consumer *consumer,
                               const struct heartbeat_request *request) MUST_CHECK;
void consumer_classic_leave(struct consumer *consumer, struct group_leave *leave);
const char *consumer_state_name(const struct consumer *consumer);
int64_t consumer_empty_since_ms(const struct consumer *consumer);

#endif
