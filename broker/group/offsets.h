/* The committed offsets of one group, and the transactional ones whose transaction is undecided.
 * Pure memory: what is here is stored and replicated already. */
#ifndef BROKER_GROUP_OFFSETS_H
#define BROKER_GROUP_OFFSETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/uuid.h"
#include "wire/str.h"

struct offset {
    struct uuid topic_id; /* of the topic that it means; zero in what older records hold */
    int64_t offset;
    int32_t leader_epoch;  /* -1 = not said */
    int64_t record_offset; /* where its record stands in the log */
    int64_t commit_ms;
    int64_t expire_ms;        /* -1, or when the committer (version 1 to 4) wants it gone */
    struct wire_str metadata; /* never null */
};

struct offsets_topic {
    char *name;
    struct map partitions; /* index -> struct offset */
};

/* How many open transactions commit an offset of each partition. */
struct offsets_pending_topic {
    char *name;
    struct map counts; /* index -> the number itself, in the place of a pointer */
};

struct offsets {
    struct map topics;         /* name -> struct offsets_topic */
    struct map pending;        /* producer id -> struct offsets of its open transaction */
    struct map pending_topics; /* name -> struct offsets_pending_topic */
    size_t count;              /* of all topics, without the pending ones */
    int64_t bytes;             /* of memory, about; with the pending ones */
};

void offsets_init(struct offsets *offsets);
void offsets_close(struct offsets *offsets);

/* A copy of `offset` is kept. */
void offsets_set(struct offsets *offsets, struct wire_str topic, int32_t partition,
                 const struct offset *offset);
void offsets_delete(struct offsets *offsets, struct wire_str topic, int32_t partition);
/* NULL when there is none. Borrowed until the next change. */
const struct offset *offsets_get(const struct offsets *offsets, struct wire_str topic,
                                 int32_t partition);
const struct offsets_topic *offsets_find_topic(const struct offsets *offsets,
                                               struct wire_str topic);
/* Walks by cursor, as map_next. */
const struct offsets_topic *offsets_next_topic(const struct offsets *offsets, size_t *cursor);
const struct offset *offsets_next(const struct offsets_topic *topic, size_t *cursor,
                                  int32_t *partition);

/* ---- transactions (offsets_pending.c) ---- */

/* True when it is the first of the producer's transaction here. */
bool offsets_set_pending(struct offsets *offsets, int64_t producer_id, struct wire_str topic,
                         int32_t partition, const struct offset *offset);
/* The transaction is decided: its offsets count from now on, where no younger record has said
 * another one meanwhile; or they never did. */
void offsets_decide(struct offsets *offsets, int64_t producer_id, bool commit);
/* A tombstone: whatever open transactions commit of the partition is void. `ended` is told of each
 * producer that has nothing left here. */
void offsets_drop_pending(struct offsets *offsets, struct wire_str topic, int32_t partition,
                          void (*ended)(void *data, int64_t producer_id), void *data);
/* Whether an undecided transaction commits an offset of the partition, or the producer's does. */
bool offsets_is_pending(const struct offsets *offsets, struct wire_str topic, int32_t partition);
bool offsets_is_pending_of(const struct offsets *offsets, int64_t producer_id,
                           struct wire_str topic, int32_t partition);
/* Walks over partitions of which offsets are pending, by cursor, as map_next; the second returns
 * false at the end. */
const struct offsets_pending_topic *offsets_next_pending_topic(const struct offsets *offsets,
                                                               size_t *cursor);
bool offsets_next_pending(const struct offsets_pending_topic *topic, size_t *cursor,
                          int32_t *partition);
/* For offsets_close. */
void offsets_close_pending(struct offsets *offsets);

bool offsets_is_empty(const struct offsets *offsets);
/* What holds between two changes. */
void offsets_check(const struct offsets *offsets);

#endif
