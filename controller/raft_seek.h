/* Asking who is in the quorum: a controller that is in none yet, or whose leader is gone for long,
 * asks at every address that it knows, again and again. */
#ifndef CONTROLLER_RAFT_SEEK_H
#define CONTROLLER_RAFT_SEEK_H

#include "base/logger.h"
#include "common/meta/channel.pb-c.h"
#include "controller/controller.h"
#include "env/env.h"

struct raft_seek;

struct raft_seek_handlers {
    /* Fills what is asked, borrowed while it is sent; false = not to be asked now. */
    bool (*ask)(void *data, Meta__Join *join);
    void (*answered)(void *data, const struct controller_voter *from, const Meta__JoinReply *reply);
};

/* `servers` are controller.quorum.bootstrap.servers, without this node; copied. */
struct raft_seek *raft_seek_new(struct env *env, struct logger *logger,
                                const struct controller_voter *servers, int server_count,
                                const struct raft_seek_handlers *handlers, void *data);
void raft_seek_start(struct raft_seek *seek, int64_t every_ms);
void raft_seek_stop(struct raft_seek *seek);
void raft_seek_free(struct raft_seek *seek);
/* The other addresses to be asked from now on. Not inside `answered`. */
void raft_seek_set(struct raft_seek *seek, const struct controller_voter *voters, int count);
/* Whether each address was tried once at least. */
bool raft_seek_tried_all(const struct raft_seek *seek);

#endif
