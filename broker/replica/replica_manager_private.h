/* The replica manager as the other parts of this folder see it. */
#ifndef BROKER_REPLICA_REPLICA_MANAGER_PRIVATE_H
#define BROKER_REPLICA_REPLICA_MANAGER_PRIVATE_H

#include "broker/log/log_manager.h"
#include "broker/replica/partition.h"
#include "broker/replica/replica_manager.h"

struct replica_throttle;

/* The replica here, or NULL with the reason in *err: ERR_UNKNOWN_TOPIC_OR_PARTITION when the
 * cluster has no such partition (ERR_UNKNOWN_TOPIC_ID when asked by id), else
 * ERR_NOT_LEADER_OR_FOLLOWER: also while this broker, which starts, does not know that yet. */
struct partition *replica_manager_find(struct replica_manager *manager,
                                       const struct image_topic *topic, int32_t index, int *err);
struct partition *replica_manager_by_name(struct replica_manager *manager, const char *name,
                                          size_t name_len, int32_t index, int *err);
struct partition *replica_manager_by_id(struct replica_manager *manager, const struct uuid *id,
                                        int32_t index, int *err);
struct partition *replica_manager_next(struct replica_manager *manager, size_t *cursor);

const struct replica_deps *replica_manager_deps(const struct replica_manager *manager);
/* The partition can't serve any more, or can again, or there is a new record of it. If it is
 * damaged, it is set aside and opened anew when another broker leads it and we are not in its
 * in-sync set. */
void replica_manager_review(struct replica_manager *manager, struct partition *partition);
/* A log has come, or can't be opened. */
void replica_manager_opened(struct replica_manager *manager);
/* The controller has been told of all that can't serve here. */
void replica_manager_reported(struct replica_manager *manager);
/* The replica here, whatever the metadata says of it now, or NULL. */
struct partition *replica_manager_get(struct replica_manager *manager, const struct uuid *topic_id,
                                      int32_t index);
/* Each partition that we lead looks at its in-sync set again. */
void replica_manager_review_isrs(struct replica_manager *manager);
/* A follower of ours has fetched. */
void replica_manager_heard(struct replica_manager *manager, int32_t replica_id);

/* Of what is copied to and from replicas that are not in sync. */
struct replica_throttle *replica_manager_throttle(const struct replica_manager *manager);

#endif
