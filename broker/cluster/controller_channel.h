/* The broker's line to the controllers: a connection to every voter, of which the one to the active
 * controller carries registration, heartbeats, the metadata stream and commands.
 *
 * One without a registration observes: it brings the metadata and takes commands, and no broker
 * lives or dies with it.
 *
 * A voter tells at once when it knows another leader, so a broker follows a new active controller
 * in one network hop, and a killed one costs no timeout. */
#ifndef BROKER_CLUSTER_CONTROLLER_CHANNEL_H
#define BROKER_CLUSTER_CONTROLLER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/logger.h"
#include "base/uuid.h"
#include "broker/cluster/metadata.h"
#include "common/meta/channel.pb-c.h"
#include "env/env.h"

struct config;
struct controller_channel;

struct controller_address {
    int32_t id; /* -1: it is learned when the controller there is the active one */
    const char *host;
    uint16_t port;
};

struct controller_channel_config {
    int32_t node_id;
    struct uuid incarnation;
    const struct controller_address *voters;
    int voter_count;
    bool fixed;                         /* they are the quorum, which does not change */
    const char *setting;                /* that names the voters; for messages, like the next */
    const char *settings_file;          /* borrowed like the next */
    const Meta__Register *registration; /* borrowed for the life of the channel; NULL = observes */
    int64_t heartbeat_ms;               /* broker.heartbeat.interval.ms */
    int64_t session_ms;                 /* broker.session.timeout.ms */
};

/* All but the incarnation and the registration, from the settings of a node. The addresses are the
 * caller's to mem_free once the channel is made; their texts are borrowed from the settings. */
struct controller_address *controller_channel_read(struct controller_channel_config *channel,
                                                   const struct config *config) MUST_CHECK;

/* Only the first comes to who observes. */
struct controller_channel_events {
    /* The cluster id became known; an error (with a logged reason) stops the broker. One of
     * env_is_later does not: it is called again. */
    int (*cluster_known)(void *data, const char *cluster_id);
    /* The controller's view of us changed. `dir_epochs` are the newest broker epochs under which
     * our log directories served before; 0 = not known, and so is each beyond `dir_count`. */
    void (*registered)(void *data, int64_t broker_epoch, const int64_t *dir_epochs,
                       size_t dir_count);
    void (*unfenced)(void *data);
    /* controller_channel_may_serve is true again. */
    void (*resumed)(void *data);
    void (*may_shutdown)(void *data);
    /* Refused for good: another process runs with our id, or another cluster answers. */
    void (*refused)(void *data, const char *reason);
    /* The newest entry of the metadata that this broker has ever applied. */
    void (*applied)(void *data, int64_t *index, int64_t *term);
};

struct controller_channel *controller_channel_new(struct env *env, struct logger *logger,
                                                  struct metadata *metadata,
                                                  const struct controller_channel_config *config,
                                                  const struct controller_channel_events *events,
                                                  void *data);
/* Calls that wait are told ERR_BROKER_NOT_AVAILABLE. */
void controller_channel_free(struct controller_channel *channel);

/* What it feeds. */
struct metadata *controller_channel_metadata(const struct controller_channel *channel);
int64_t controller_channel_broker_epoch(const struct controller_channel *channel); /* -1 */
bool controller_channel_is_fenced(const struct controller_channel *channel);
/* False after this process has stood still for longer than its session lasts (SIGSTOP, a machine
 * without time for it) until a controller has answered since: others may lead meanwhile what we
 * think that we lead. A controller that is away alone is no reason to stop serving. Cheap. */
bool controller_channel_may_serve(const struct controller_channel *channel);
/* Whether an active controller hears us now. */
bool controller_channel_is_registered(const struct controller_channel *channel);
/* The active controller's node id as last heard; -1 unknown. */
int32_t controller_channel_active(const struct controller_channel *channel);
/* And its epoch; -1 while it does not hear us. */
int64_t controller_channel_active_epoch(const struct controller_channel *channel);
/* The controllers of the quorum as last heard: their number, and the first `max` of them; until
 * something is heard, those of the settings that name the quorum. Borrowed until the next turn. */
size_t controller_channel_quorum(const struct controller_channel *channel,
                                 struct controller_address *controllers, size_t max);
/* Cluster id as last heard; "" unknown. */
const char *controller_channel_cluster_id(const struct controller_channel *channel);
/* While it is recovering, a broker that is fenced asks to stay so. */
void controller_channel_recovering(struct controller_channel *channel, bool recovering);
/* Likewise, for a registration that is not to be unfenced yet. */
void controller_channel_hold(struct controller_channel *channel, bool hold);
/* Whether any log directory that works takes new partitions: if none does, the controller gives
 * this broker none. It is told at once. */
void controller_channel_cordon(struct controller_channel *channel, bool cordoned);
/* From now on heartbeats ask for controlled shutdown. */
void controller_channel_want_shutdown(struct controller_channel *channel);

/* Embedded by who sends a command. */
struct controller_call {
    struct list link;
    struct env_timer timer;
    struct controller_channel *channel;
    uint64_t id;
    uint8_t *packed; /* the frame, kept so that it can go to the next active controller */
    size_t packed_len;
    bool sent;
    void (*done)(struct controller_call *call, int err, const Meta__CommandReply *reply);
};

/* Sends a command (its id is set here; the rest is borrowed until this returns) to the active
 * controller, waiting for one if there is none. `done` gets 0 and the reply (borrowed), or
 * ERR_REQUEST_TIMED_OUT (outcome unknown), or the reply's own error; never before this returns. */
void controller_channel_call(struct controller_channel *channel, struct controller_call *call,
                             Meta__Command *command, int64_t timeout_ms,
                             void (*done)(struct controller_call *call, int err,
                                          const Meta__CommandReply *reply));
/* Forgets the call: `done` does not come any more. */
void controller_call_cancel(struct controller_call *call);

#endif
