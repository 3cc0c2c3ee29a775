/* A group: its committed offsets, and its members, which follow the classic or the consumer
 * protocol, if it has any. A group of neither only stores offsets. */
#ifndef BROKER_GROUP_GROUP_H
#define BROKER_GROUP_GROUP_H

#include <string.h>

#include "broker/group/group_manager.h"
#include "broker/group/group_records.h"
#include "broker/group/offsets.h"
#include "broker/group/shard.h"

struct classic;
struct consumer;

struct group {
    struct list link; /* in the shard's groups, in the order of making */
    struct shard *shard;
    char *id;
    struct offsets offsets;
    struct classic *classic; /* at most one of the two */
    struct consumer *consumer;
    int64_t charged;         /* for itself */
    int64_t charged_offsets; /* for its offsets */
    struct list commits;     /* one that takes several turns, and those behind it (commits.c) */
    struct list writes;      /* of offsets, on their way (write.c) */
    int32_t in_flight;       /* operations that hold the group */
    bool deleting;           /* DeleteGroups waits for what is in flight: others wait for that */
};

/* For shard_group and shard_free. */
struct group *group_new(struct shard *shard, struct wire_str id);
void group_free(struct group *group);

/* What groups take of memory is counted for all of them together: see settings.memory_max. A member
 * says what it takes now, and *charged what it was counted with. */
void group_charge(struct group *group, int64_t *charged, int64_t bytes);
/* The same for the group's offsets. */
void group_charge_offsets(struct group *group);
/* Whether new members and offsets are taken; what is there may change as it likes. */
bool group_has_room(const struct group *group);

/* An operation of the group begins or ends. The end may free the group. */
void group_hold(struct group *group);
void group_release(struct group *group);
/* Frees the group when it has neither members, stored state, offsets nor operations. */
void group_review(struct group *group);

/* No members, of either protocol. */
bool group_is_empty(const struct group *group);
/* The topics that live members read, as far as the broker can see. */
struct subscribed {
    struct map names; /* name -> itself */
    bool all;         /* it can't be told: all topics may be read */
};
void group_subscribed(const struct group *group, struct subscribed *subscribed);
void subscribed_add(struct subscribed *subscribed, struct wire_str topic);
bool subscribed_has(const struct subscribed *subscribed, struct wire_str topic);
void subscribed_close(struct subscribed *subscribed);

/* What is kept as text ends there, and may be the name of another. */
static inline bool group_has_nul(struct wire_str name)
{
    return name.len > 0 && memchr(name.data, '\0', (size_t)name.len);
}

static inline struct wire_str group_id(const struct group *group)
{
    return wire_str_from(group->id);
}

struct env *group_env(const struct group *group);
struct logger *group_logger(const struct group *group);
const struct group_settings *group_settings(const struct group *group);
/* What counts for this group, in ms: what it was given itself, else what its broker says of all. */
int64_t group_consumer_ms(const struct group *group, enum config_group_id id);
const struct image *group_image(const struct group *group);

/* Begins records of the group: with the time of now and the limits of its partition. */
void group_records(const struct group *group, struct records *records);
/* The largest value that a record of the group may have. */
size_t group_record_max(const struct group *group);
/* Adds the records that remove what is stored of the group's members. */
void group_put_members_gone(const struct group *group, struct records *records);
/* Those records were appended: the members' state goes at once (there are no members), offsets when
 * the records are replicated. */
void group_drop_members(struct group *group);

/* The rows of the answer, one for each member that leaves, without its error. NULL when memory is
 * out. */
struct leave_group_response_member_response *group_leave_members(struct group_leave *leave);

/* "<client id>-<random uuid>". */
char *group_new_member_id(const struct group *group, struct wire_str prefix);

#endif
