/* Commands to the active controller, on behalf of a client's request or of the broker itself.
 *
 *     command_send -> controller_channel_call -> `result` -> metadata_wait -> `finish`
 *
 * After success, `finish` waits (a bounded time) until this broker has applied what the command
 * wrote, so that a client that asks again here sees its own change. A command that failed finishes
 * at once. Both callbacks come exactly once, also when the broker stops
 * (ERR_BROKER_NOT_AVAILABLE): then `data` must be freed but neither the channel nor the metadata
 * be asked for anything. A request's connection may go away meanwhile; its answer is then dropped
 * like any other. */
#ifndef BROKER_CLUSTER_COMMAND_H
#define BROKER_CLUSTER_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "broker/cluster/controller_channel.h"
#include "common/meta/channel.pb-c.h"
#include "wire/str.h"

enum {
    COMMAND_TIMEOUT_DEFAULT_MS = 20000, /* for APIs that name none: below the 30 s of clients */
    COMMAND_TIMEOUT_MIN_MS = 1000, /* clients that send 0 want no wait, not a command that fails */
    COMMAND_TIMEOUT_MAX_MS = 300000, /* a silly number must not keep a request for days */
    COMMAND_APPLY_MS = 5000          /* this broker lags so long only when it is cut off */
};

struct command_events {
    /* The outcome of the whole command: 0 and the reply, or an error with a sentence (never NULL)
     * and no reply. Everything is borrowed until it returns. */
    void (*result)(void *data, int err, const char *sentence, const Meta__CommandReply *reply);
    /* The end; `err` as above. */
    void (*finish)(void *data, int err);
};

/* Who asks, as it is written into the entry that the command becomes. Both are borrowed. */
struct command_origin {
    const char *principal; /* "User:ANONYMOUS" */
    struct wire_str client_id;
};

/* Packs the command, hence it is borrowed until this returns; its id and origin are set here.
 * `timeout_ms` is brought between the limits above. When the command is larger than a controller
 * takes, the callbacks come before this returns (ERR_INVALID_REQUEST), else later on the loop. */
void command_send(struct controller_channel *channel, struct command_origin origin,
                  Meta__Command *command, int64_t timeout_ms, const struct command_events *events,
                  void *data);

/* ---- creating topics for the broker itself (automatic creation, the offsets topic) ---- */

struct command_setting {
    const char *key;
    const char *value;
};

struct command_topic {
    const char *name;
    int32_t partitions;         /* -1: num.partitions */
    int32_t replication_factor; /* -1: default.replication.factor */
    const struct command_setting *settings;
    size_t setting_count;
};

/* `done(data, err, errors)` once, later on the loop, or at once when it is too large or memory is
 * out. `err` concerns all; errors[i] is topic i's, 0 also when it existed already. The topics are
 * known to this broker then, unless it lags. `errors` is NULL when err is not 0. `topics` is
 * borrowed until this returns. */
void command_create_topics(struct controller_channel *channel, struct command_origin origin,
                           const struct command_topic *topics, size_t count, int64_t timeout_ms,
                           void (*done)(void *data, int err, const int *errors), void *data);

/* ---- for building commands in an arena ---- */

/* `count` pointers to initialised messages; NULL when the arena's limit is reached. */
void *command_messages(struct arena *arena, size_t count,
                       const ProtobufCMessageDescriptor *descriptor) MUST_CHECK;
/* *text = the string with a NUL ("" for null). ERR_INVALID when it contains one, since the
 * controller would see another string; ERR_NO_MEMORY. */
int command_text(struct arena *arena, struct wire_str str, char **text) MUST_CHECK;
/* A copy of the text of a reply; null for "" and when the arena's limit is reached. */
struct wire_str command_keep(struct arena *arena, const char *text);

#endif
