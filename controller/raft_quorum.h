/* A quorum that changes: who is in it, who wants to be, and one change at a time.
 *
 * The set is part of the log (the library's configuration). A new voter is added as one that does
 * not count, follows until it has what the leader has, and votes then. Only a leader that has
 * committed an entry of its own term changes anything, and nothing while another change is not
 * committed. */
#ifndef CONTROLLER_RAFT_QUORUM_H
#define CONTROLLER_RAFT_QUORUM_H

#include <raft.h>

#include "base/logger.h"
#include "common/meta/channel.pb-c.h"
#include "controller/raft_backend.h"
#include "controller/raft_servers.h"
#include "controller/raft_peers.h"
#include "env/env.h"

enum {
    /* Voters that a quorum grows to by itself: with three any one may be lost. */
    RAFT_QUORUM_GROWS_TO = 3,
    /* Of one quorum, those that do not vote included. Each has a connection to each. */
    RAFT_QUORUM_MEMBERS_MAX = 16
};

/* Why one is not forgotten. */
#define RAFT_QUORUM_VOTES                                                                          \
    "The controller votes: remove it first (kafka-metadata-quorum.sh remove-controller)."

struct raft_quorum;

struct raft_quorum_config {
    struct env *env;
    struct logger *logger;
    struct raft *raft;
    struct raft_backend *backend;
    struct raft_peers *peers;
    /* This node; borrowed. */
    const struct controller_voter *self;
    const struct uuid *directory_id;
    /* When a member was last heard as one (env_now_ms), -1 never; with the data of `changed`. */
    int64_t (*heard_ms)(void *data, int32_t id);
};

/* `changed(data)`: there are other members now; from the loop. */
struct raft_quorum *raft_quorum_new(const struct raft_quorum_config *config,
                                    void (*changed)(void *data), void *data);
/* Changes nothing any more, and ends what a person asked for with ERR_CANCELED. */
void raft_quorum_stop(struct raft_quorum *quorum);
void raft_quorum_free(struct raft_quorum *quorum);
/* After every event. `active`: this node leads and has committed an entry of its term. */
void raft_quorum_look(struct raft_quorum *quorum, bool active);
/* Borrowed until the next change. */
const struct raft_member *raft_quorum_members(const struct raft_quorum *quorum, int *count);

/* The member with that id and directory has answered there, or one that it asked says so. While it
 * is not heard where the log has it, it is spoken to there. */
void raft_quorum_found(struct raft_quorum *quorum, const Meta__Member *member, const char *host,
                       uint32_t port);
/* Where the i-th member that is somewhere else was found; NULL past the last one. Borrowed until
 * the next change. */
const struct raft_member *raft_quorum_elsewhere(const struct raft_quorum *quorum, int i);
/* The entry of the log that has the members, committed or not; 0: there is none. */
uint64_t raft_quorum_index(const struct raft_quorum *quorum);
/* Others that may be in the quorum, as one of it said, with their addresses: they are spoken to
 * until the log tells who they are. `all`: those known so far are no longer needed. */
void raft_quorum_learn(struct raft_quorum *quorum, Meta__Member *const *members, size_t count,
                       bool all);
/* A person has removed this node, as the active controller says; its own log does not know it. */
bool raft_quorum_is_removed(const struct raft_quorum *quorum);
/* The addresses of all that this node knows of, for asking: two of one that was found elsewhere.
 * The caller frees the array. */
struct controller_voter *raft_quorum_known(const struct raft_quorum *quorum, int *count);
/* A node asks; the leader remembers that it wants in. */
void raft_quorum_heard(struct raft_quorum *quorum, const Meta__Join *join);

/* What a person asks for; one at a time. `done` comes from the loop with 0 or an error, and
 * `sentence` about it (may be ""). ERR_REQUEST_TIMED_OUT: it may still come about. */
typedef void raft_quorum_done(void *data, int err, const char *sentence);
void raft_quorum_add(struct raft_quorum *quorum, const Meta__Member *member, int64_t timeout_ms,
                     raft_quorum_done *done, void *data);
/* A voter, found by its id and that of its directory, listens there now. */
void raft_quorum_update(struct raft_quorum *quorum, const Meta__Member *member, int64_t timeout_ms,
                        raft_quorum_done *done, void *data);
/* A member that does not vote is forgotten. */
void raft_quorum_unregister(struct raft_quorum *quorum, int32_t id, int64_t timeout_ms,
                            raft_quorum_done *done, void *data);
/* Else `done` was called with the reason. */
bool raft_quorum_may_remove(const struct raft_quorum *quorum, int32_t id,
                            const struct uuid *directory_id, raft_quorum_done *done,
                            void *data) MUST_CHECK;
/* One that may be removed; not this node, which leads: leadership goes to another one first. */
void raft_quorum_remove(struct raft_quorum *quorum, int32_t id, int64_t timeout_ms,
                        raft_quorum_done *done, void *data);

#endif
