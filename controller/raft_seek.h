/* Asking who is in the quorum: a controller that is in none yet, or whose leader is gone for long,
 * asks at every address that it knows, again and again. */
#ifndef CONTROLLER_RAFT_SEEK_H
#define CONTROLLER_RAFT_SEEK_H

#include "base/logger.h"
#include "common/meta/channel.pb-c.h"
#include "controller/controller.h"
#include "env/env.h"

struct raft_seek;

enum raft_seek_whom {
    RAFT_SEEK_NOBODY,
    RAFT_SEEK_STRANGERS, /* the servers that have named no quorum since the start: they may be about
                          * to found another one, and hear of this one so */
    RAFT_SEEK_ALL
};

struct raft_seek_handlers {
    /* Fills what is asked, borrowed while it is sent, and says who is to be asked now. */
    enum raft_seek_whom (*ask)(void *data, Meta__Join *join);
    void (*answered)(void *data, const struct controller_voter *from, const Meta__JoinReply *reply);
};

/* `servers` are controller.quorum.bootstrap.servers; copied. */
struct raft_seek *raft_seek_new(struct env *env, struct logger *logger,
                                const struct controller_voter *servers, int server_count,
                                const struct raft_seek_handlers *handlers, void *data);
void raft_seek_start(struct raft_seek *seek, int64_t every_ms);
void raft_seek_stop(struct raft_seek *seek);
void raft_seek_free(struct raft_seek *seek);
/* The other addresses to be asked from now on. Not inside `answered`. */
void raft_seek_set(struct raft_seek *seek, const struct controller_voter *voters, int count);
/* One that has neither answered nor refused, or could not be reached, once; NULL: there is none.
 * Where nobody has been for nobody_ms is none either; INT64_MAX: who hangs up is somebody. */
const struct controller_voter *raft_seek_untried(const struct raft_seek *seek, int64_t nobody_ms);
/* For how long nobody who could be asked has been there: each dial was refused, or who took it hung
 * up, or its quorum has fixed voters. -1: somebody was at the last time, or it is not known. */
int64_t raft_seek_nobody_ms(const struct raft_seek *seek, const struct controller_voter *at);
/* This node itself is there, and is asked no more. May be called inside `answered`. */
void raft_seek_skip(struct raft_seek *seek, const struct controller_voter *at);

#endif
