/* A decision: the active controller's answer to a command, as records, against an image that
 * already has the records of every decision before it, committed or not.
 *
 * A deciding function (topics.h, isr.h, ...) looks at `image`, checks everything that can be
 * wrong, and only then emits records; an emitted record is in the image at once. So commands may
 * be decided one after another without waiting for the first to commit; when leadership is lost
 * the image is thrown away. All memory of records and replies comes from the decision's arena.
 * Pure: no clock, no sockets; random choices come from `random`. */
#ifndef CONTROLLER_DECISION_H
#define CONTROLLER_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "common/meta/channel.pb-c.h"
#include "meta/image.h"

struct mutations;

/* What the configuration says about decisions. */
struct decision_rules {
    int32_t default_partitions;
    int16_t default_replication_factor;
    /* Whether the broker has spoken to this controller since it is active; NULL: all have. */
    bool (*heard)(void *data, int32_t broker_id);
    void *heard_data;
    int32_t node_id; /* of the controller that decides: settings of this broker are its own */
    /* See struct controller_config; each may be NULL. */
    const struct config *settings;
    bool (*topic_default)(void *data, size_t i, const char **key, const char **value,
                          bool *from_file);
    void *topic_default_data;
    struct logger *logger;       /* for what a person has to know of; may be NULL */
    struct mutations *mutations; /* how fast clients may create and delete; NULL: at any rate */
    const struct features_levels *founding; /* of a new cluster; NULL: those of the table */
};

struct decision {
    struct image *image;
    const struct decision_rules *rules;
    int64_t index; /* that the entry with these records will have */
    uint64_t (*random)(void *data);
    void *random_data;
    struct arena arena;
    Meta__Record **records;
    size_t record_count;
    size_t record_cap;
    int said;                     /* lines that one decision has logged, see elections.c */
    const Meta__Command *command; /* under way; NULL: the controller's own idea */
    int32_t throttle_ms;          /* that the reply to it tells */
};

/* The image, rules and random source are borrowed. */
void decision_init(struct decision *decision, struct image *image,
                   const struct decision_rules *rules, int64_t index,
                   uint64_t (*random)(void *data), void *random_data);
void decision_close(struct decision *decision);

/* Zeroed memory that lives as long as the decision; aborts when there is none (what a command can
 * ask for is bounded by the size of its frame and by the limits of each command). */
void *decision_alloc(struct decision *decision, size_t count, size_t size);
char *decision_text(struct decision *decision, const char *format, ...) PRINTF_LIKE(2, 3);
ProtobufCBinaryData decision_uuid(struct decision *decision, const struct uuid *uuid);
void decision_new_uuid(struct decision *decision, struct uuid *uuid);

/* Records as a copy of what the image says now, to be changed and emitted. */
Meta__BrokerRecord *decision_broker(struct decision *decision, const struct image_broker *broker);
Meta__PartitionRecord *decision_partition(struct decision *decision,
                                          const struct image_topic *topic,
                                          const struct image_partition *partition);

/* Adds the record and applies it to the image. */
void decision_emit(struct decision *decision, Meta__Record__FactCase fact, void *body);

/* Registered, not fenced, not shutting down: may lead and join in-sync sets. */
bool decision_live(const struct decision *decision, int32_t broker_id);
bool decision_heard(const struct decision *decision, int32_t broker_id);

#endif
