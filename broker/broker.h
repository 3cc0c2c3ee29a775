/* One Kafka broker: everything that it owns hangs off `struct broker`, and all of it belongs to the
 * broker loop. Modules receive the part that they need; handlers receive the broker. */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/logger.h"
#include "base/uuid.h"
#include "env/env.h"
#include "kafka/config.h"

struct controller_channel;
struct fetch_sessions;
struct log_manager;
struct metadata;
struct producer_ids;
struct replica_manager;
struct server;

struct broker {
    struct env *env;
    struct logger *logger;
    const struct config *config;
    int32_t node_id;
    struct uuid incarnation; /* of this process */
    struct metadata *metadata;
    struct controller_channel *channel;
    struct log_manager *logs;
    struct replica_manager *replicas;
    struct fetch_sessions *fetch_sessions;
    struct producer_ids *producer_ids;
    struct server *server;
    bool stopping;
    void (*stopped)(void *data);
    void *stopped_data;
    struct env_timer stop_timer;
    int64_t stop_deadline_ms;
};

/* Locks the log directories, starts listening and looks for the controller. `config` is borrowed. On
 * an error `problem` gets one sentence that names the file or port, the setting and the remedy. */
int broker_new(struct env *env, struct logger *logger, const struct config *config,
               struct buf *problem, struct broker **broker) MUST_CHECK;
/* Controlled shutdown: asks the controller to move leaders away (waiting a bounded time for it),
 * closes the listeners and the logs, then calls `stopped`; only broker_free may follow. */
void broker_stop(struct broker *broker, void (*stopped)(void *data), void *data);
/* Frees; without broker_stop this is what a crash leaves. */
void broker_free(struct broker *broker);

#endif
