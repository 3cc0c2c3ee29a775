/* The connections between the voters. Each voter dials every other one and speaks only on the
 * connection that it dialled; what a peer has to say arrives on the one that it dialled. Frames are
 * only carried here, not understood.
 *
 * A peer whose process is gone is noticed at once: the connection ends, the re-dial is refused. */
#ifndef CONTROLLER_RAFT_PEERS_H
#define CONTROLLER_RAFT_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/logger.h"
#include "base/uuid.h"
#include "controller/controller.h"
#include "controller/link.h"
#include "controller/raft_servers.h"
#include "env/env.h"

enum {
    /* Unfinished sends to one peer. A silent peer gets its whole backlog again with each
     * heartbeat, so more would pile up in memory (raft library defect 4). */
    RAFT_PEERS_SENDS_MAX = 16
};

struct raft_peers;

struct raft_peers_handlers {
    /* A frame from the voter `id`; the callee's. */
    void (*frame)(void *data, int32_t id, Meta__Frame *frame);
    /* The process that was connected is gone for certain. */
    void (*dead)(void *data, int32_t id);
    /* This voter can speak to `id` now. */
    void (*connected)(void *data, int32_t id);
};

/* Voters are copied. `cluster_id(data)` tells the id for Hello, "" when it is not known yet. */
struct raft_peers *raft_peers_new(struct env *env, struct logger *logger, int32_t self,
                                  const struct controller_voter *voters, int voter_count,
                                  const struct uuid *incarnation,
                                  const char *(*cluster_id)(void *data),
                                  const struct raft_peers_handlers *handlers, void *data);
/* For voters whose settings don't say where this one is: Hello tells it, and its directory. */
void raft_peers_tell(struct raft_peers *peers, const struct controller_voter *self,
                     const struct uuid *directory_id);
/* What the voter has told so of itself, while it is connected; the host is borrowed until the next
 * event. False: nothing. */
bool raft_peers_told(const struct raft_peers *peers, int32_t id, struct raft_member *told);
/* The id of the cluster, for Hello, until the log has it. */
void raft_peers_learn(struct raft_peers *peers, const char *cluster_id);
/* Other voters from now on: one that stays where it is keeps its connections. `passive`: they
 * refuse this node until it is one of them, so only those are dialled who dial it. Not inside a
 * callback of the peers. */
void raft_peers_set(struct raft_peers *peers, const struct controller_voter *voters, int count,
                    bool passive);
/* Begins to dial. */
void raft_peers_start(struct raft_peers *peers);
/* Closes all connections; every send that is unfinished has its callback, with ERR_CANCELED, before
 * `done` is called; both come from the loop. */
void raft_peers_stop(struct raft_peers *peers, void (*done)(void *data), void *data);
/* Frees; without raft_peers_stop no callback comes any more. */
void raft_peers_free(struct raft_peers *peers);

/* Whether it is one of the other voters. */
bool raft_peers_knows(const struct raft_peers *peers, int32_t id);
/* Sends the whole frames in `frames` and takes the buffer over. `done` (may be NULL) always comes
 * from a later loop turn: 0 = handed to the network, ERR_RESET = the connection ended or there is
 * none, ERR_NO_MEMORY = too many are unfinished. */
void raft_peers_send(struct raft_peers *peers, int32_t id, struct buf *frames,
                     void (*done)(void *data, int status), void *data);

/* A link on which the peer said Hello as a voter. ERR_INVALID when it is none of the others,
 * ERR_BROKER_NOT_AVAILABLE before the start and while this node stops; the link stays the caller's
 * then. */
int raft_peers_adopt(struct raft_peers *peers, struct link *link,
                     const Meta__Hello *hello) MUST_CHECK;

/* False when the last dial was refused. */
bool raft_peers_alive(const struct raft_peers *peers, int32_t id);
/* Peers that this voter can speak to now. */
int raft_peers_connected(const struct raft_peers *peers);

#endif
