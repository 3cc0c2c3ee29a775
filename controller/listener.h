/* The controller listener: accepts connections, hears who speaks (Hello), and hands the link on. */
#ifndef CONTROLLER_LISTENER_H
#define CONTROLLER_LISTENER_H

#include <stdint.h>

#include "base/logger.h"
#include "base/uuid.h"
#include "controller/link.h"
#include "env/env.h"

struct frame_opening;
struct listener;

struct listener_handlers {
    /* A voter or broker said Hello: 0 = the link is the callee's now; else an ERR_x, and `problem`
     * has the sentence for the peer, who gets a Welcome with both and is disconnected. */
    int (*voter)(void *data, struct link *link, const Meta__Hello *hello, struct buf *problem);
    int (*broker)(void *data, struct link *link, const Meta__Hello *hello, struct buf *problem);
    /* A controller asks who is in the quorum: `reply` is filled, with what is borrowed until the
     * next call. */
    void (*join)(void *data, const Meta__Join *join, Meta__JoinReply *reply);
    /* A client of Kafka's protocol: the connection is the callee's. NULL: they are turned away. */
    void (*client)(void *data, struct frame_opening *opening);
    const char *(*cluster_id)(void *data);
    /* Of this process; lives as long as the listener. */
    const struct uuid *(*incarnation)(void *data);
};

int listener_new(struct env *env, struct logger *logger, const char *host, uint16_t port,
                 const struct listener_handlers *handlers, void *data,
                 struct listener **listener) MUST_CHECK;
uint16_t listener_port(const struct listener *listener);
void listener_free(struct listener *listener);

#endif
