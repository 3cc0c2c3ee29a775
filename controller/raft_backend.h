/* The library's `struct raft_io` over raft_store and raft_peers, with the guards that the
 * library's core needs at this seam (numbers as in the list of its defects, README.md):
 *
 *   1     results that could commit entries of older terms wait until the barrier is stored
 *   2, 3  a disk error ends the process; the core never sees one
 *   4     bounded sends, refused later (raft_peers.h)
 *   5     a message to an unknown leader is dropped
 *   6     no candidacy while own writes or an install are unfinished
 *   8     a RequestVote of a term in which another got the vote is dropped
 *   11    which configuration holds is worked out from the log (raft_servers.h)
 *
 * Which files include <raft.h> is in README.md. Raft's ids are node ids plus one, since Raft's must
 * be above 0. */
#ifndef CONTROLLER_RAFT_BACKEND_H
#define CONTROLLER_RAFT_BACKEND_H

#include <raft.h>

#include "controller/raft_members.h"
#include "controller/raft_store.h"
#include "controller/raft_peers.h"
#include "controller/raft_version.h"
#include "env/env.h"

struct raft_backend;

/* `changed(data)` is called after every event that the core has seen: tick, message, finished
 * write. */
struct raft_backend *raft_backend_new(struct env *env, struct logger *logger, struct raft *raft,
                                      struct raft_store *store, struct raft_peers *peers,
                                      void (*changed)(void *data), void *data);
void raft_backend_free(struct raft_backend *backend);
struct raft_io *raft_backend_io(struct raft_backend *backend);

/* A Raft message from the voter; the frame is the callee's. What is no Raft message, or breaks a
 * bound, is dropped and logged. */
void raft_backend_receive(struct raft_backend *backend, int32_t node_id, Meta__Frame *frame);

/* The quorum may change (raft_quorum.h); before the core starts. */
void raft_backend_change(struct raft_backend *backend);
/* Whether this node may not vote yet (raft_newcomer.h). */
bool raft_backend_newcomer(const struct raft_backend *backend);
/* Whether that member votes and has said that it is a newcomer: it has lost its log. */
bool raft_backend_lost(const struct raft_backend *backend, raft_id id);
/* Whether it has said that it will join a quorum, and has not caught up yet. */
bool raft_backend_joins(const struct raft_backend *backend);
/* This node will join a quorum with its empty log; durable on return. */
int raft_backend_join(struct raft_backend *backend) MUST_CHECK;
/* This node leads, and what it wrote in its own term is committed. */
void raft_backend_led(struct raft_backend *backend);
/* Guard 1: the index of this term's barrier; 0 when this node does not lead. */
void raft_backend_set_barrier(struct raft_backend *backend, raft_index index);
/* Runs the tick now instead of at its time. */
void raft_backend_tick(struct raft_backend *backend);
/* Closing from now on is at once: every open operation of the core ends as the contract of close
 * demands, nothing is written or sent. For a crash, where the loop does not run any more. */
void raft_backend_abandon(struct raft_backend *backend);
/* The log has failed: nothing moves any more. */
void raft_backend_kill(struct raft_backend *backend);

#endif
