/* Whether brokers live, as the active controller sees it, on the monotonic clock only.
 *
 * A broker lives while it heartbeats. When its connection breaks, or a controller that has just
 * become active has none of it, the address of its first listener is dialled: refused means that
 * the process is gone, and it is fenced at once (by a new controller: as soon as it has heard of
 * another broker, which could take over). Anything else may be the network, and then the session
 * has to time out. */
#ifndef CONTROLLER_LIVENESS_H
#define CONTROLLER_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/logger.h"
#include "env/env.h"
#include "meta/image.h"

struct liveness;

/* `fence(data, id, epoch, reason)`: the broker is dead. It may be called again until the broker is
 * fenced in the image. */
struct liveness *
liveness_new(struct env *env, struct logger *logger, int64_t session_timeout_ms,
             void (*fence)(void *data, int32_t id, int64_t epoch, const char *reason), void *data);
void liveness_free(struct liveness *liveness);

/* The node is active: every broker of the image that is not fenced is watched. The image is
 * borrowed until liveness_stop. The silence of the former active controller's process (-1: none)
 * counts from when it was last heard of as a voter, since the broker in it hangs with it. */
void liveness_start(struct liveness *liveness, const struct image *image, int32_t former_id,
                    int64_t former_heard_ms);
void liveness_stop(struct liveness *liveness);

/* Whether the broker was ever touched since liveness_start. */
bool liveness_heard(const struct liveness *liveness, int32_t id);
/* The broker registered or sent a heartbeat on a connection. */
void liveness_touch(struct liveness *liveness, int32_t id);
/* Its connection, on which it was last touched, broke. */
void liveness_lost(struct liveness *liveness, int32_t id);
/* Heard of within the session timeout, and not refused since. */
bool liveness_recent(const struct liveness *liveness, int32_t id);
bool liveness_connected(const struct liveness *liveness, int32_t id);

#endif
