/* The door for Kafka's clients at the controller's listener: what Kafka serves there (KIP-919), in
 * the process of a controller, whether or not it is a broker, too. It is no broker: it reads the
 * metadata and sends commands like one, and holds no records. It lives on the controller's loop. */
#ifndef BROKER_DOOR_H
#define BROKER_DOOR_H

#include "base/logger.h"
#include "config/config.h"
#include "env/env.h"

struct door;
struct frame_opening;

/* Costs nothing before the first client comes. `config` is borrowed, `logger` copied, but for its
 * levels. */
struct door *door_new(struct env *env, struct logger *logger, const struct config *config);
/* In place of the one before, whose texts stay. */
void door_reload(struct door *door, const struct config *config);
/* A client's connection: the door's now. */
void door_take(struct door *door, struct frame_opening *opening);
/* NULL = nothing. */
void door_free(struct door *door);

#endif
