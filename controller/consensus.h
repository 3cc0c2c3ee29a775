/* The replicated log: what the controller knows of Raft.
 *
 * One of the voters leads; what it proposes is applied on every voter in the same order once it is
 * committed. A node is `active` when it leads and has applied everything of older terms (a barrier
 * of its own term has committed), so its state is complete. Bytes are opaque here.
 *
 * A disk error, or an inner error of the library, is reported once by `failed`; nothing happens
 * after that. */
#ifndef CONTROLLER_CONSENSUS_H
#define CONTROLLER_CONSENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/logger.h"
#include "base/uuid.h"
#include "controller/controller.h"
#include "controller/link.h"
#include "env/env.h"

struct consensus;

enum {
    /* Proposals that may be unfinished: the library judges commits at the newest entry only, so an
     * endless stream would put every commit off (defect 10). */
    CONSENSUS_PROPOSALS_MAX = 64,
    CONSENSUS_MEMBERS_MAX = 32 /* more than a quorum that changes can have */
};

struct consensus_config {
    int32_t node_id;
    const char *dir;
    const struct controller_voter *voters;
    int voter_count;
    struct uuid incarnation;
    int64_t heartbeat_ms;
    int64_t election_timeout_ms;
    int64_t snapshot_entries;
    /* The cluster that this node has belonged to, "" for a new one: an empty directory is then a
     * lost one, and refused. */
    const char *lived_cluster;
    /* As in controller_config; where the quorum changes, `voters` is this node alone. */
    bool changes;
    enum controller_joins joins;
    struct uuid directory_id;
    const struct controller_voter *servers;
    int server_count, own_server;
    bool servers_supposed;
    struct logger *peer_logger; /* for lines that other voters can cause */
};

struct consensus_handlers {
    /* A committed entry. Indexes rise, with gaps (Raft has entries of its own). */
    void (*apply)(void *data, int64_t index, int64_t term, const void *bytes, size_t len);
    /* The state as bytes, for a snapshot: everything applied so far. */
    int (*snapshot)(void *data, struct buf *out);
    /* Replaces the state by a snapshot that stands for everything up to `index`. ERR_x =
     * unusable. */
    int (*restore)(void *data, int64_t index, int64_t term, const void *bytes, size_t len);
    /* This node became active, or ceased to be. Not called inside the other handlers. */
    void (*active)(void *data, bool active);
    /* Another leader is known (-1 none), or the term changed. As above. */
    void (*leader)(void *data, int32_t leader_id, int64_t term);
    /* The end; see above. */
    void (*failed)(void *data, const char *sentence);
    const char *(*cluster_id)(void *data);
    /* Other nodes are in the quorum now. As `active`. */
    void (*members)(void *data);
};

/* Opens the log, applies the snapshot, connects and votes. On an error `problem` gets a
 * sentence. */
int consensus_new(struct env *env, struct logger *logger, const struct consensus_config *config,
                  const struct consensus_handlers *handlers, void *data, struct buf *problem,
                  struct consensus **consensus) MUST_CHECK;
/* Hands leadership on if it leads, closes, then calls `done`; only consensus_free may follow. */
void consensus_stop(struct consensus *consensus, void (*done)(void *data), void *data);
/* Frees; without consensus_stop this is what a crash leaves. */
void consensus_free(struct consensus *consensus);

/* A voter's link (raft_peers_adopt). */
int consensus_adopt(struct consensus *consensus, struct link *link,
                    const Meta__Hello *hello) MUST_CHECK;
/* A broker has said Hello: a node that is about to found a cluster hears of one in this way. */
void consensus_called(struct consensus *consensus, const Meta__Hello *hello);

bool consensus_active(const struct consensus *consensus);
int32_t consensus_leader(const struct consensus *consensus);
/* The voter that led before this node, and when (env_now_ms) it was last heard of; -1 when none is
 * known. */
int32_t consensus_former_leader(const struct consensus *consensus, int64_t *heard_ms);
int64_t consensus_term(const struct consensus *consensus);
int64_t consensus_committed(const struct consensus *consensus);
int64_t consensus_applied(const struct consensus *consensus);
/* Whether an entry that a broker has applied is one that was applied here: Raft's own entries count
 * too, since a snapshot may end at one. Of an entry that is no longer in the log only the term can
 * be judged: terms never fall. Index 0 = nothing was applied. */
bool consensus_knows(const struct consensus *consensus, int64_t index, int64_t term);
/* The index that the next proposal will have. */
int64_t consensus_next_index(const struct consensus *consensus);
/* Proposals that may still be made now. */
int consensus_room(const struct consensus *consensus);

/* Proposes an entry (the bytes are copied). `done` gets 0 after the entry was applied here, or
 * ERR_TIMED_OUT: leadership was lost and the outcome is unknown. It may be called inside `apply`'s
 * turn: it must not propose. ERR_NOT_LEADER when not active, ERR_AGAIN when there is no room. */
int consensus_propose(struct consensus *consensus, const void *bytes, size_t len,
                      void (*done)(void *data, int err), void *data) MUST_CHECK;
/* Gives leadership up, best effort: tries a few times, then calls `done` (may be NULL). */
void consensus_transfer(struct consensus *consensus, void (*done)(void *data), void *data);

/* Where the quorum changes: its members, as the log of this node has them. Borrowed until the next
 * event. */
struct consensus_members {
    Meta__Member items[CONSENSUS_MEMBERS_MAX];
    Meta__Member *pointers[CONSENSUS_MEMBERS_MAX];
    size_t count;
    uint64_t index; /* of the entry that has them; 0: none has */
};
/* False where the settings name the voters; nothing is filled then. */
bool consensus_members(struct consensus *consensus, struct consensus_members *members);
/* Members that were found at other addresses than the log has: filled with these. Borrowed as
 * above. */
void consensus_elsewhere(struct consensus *consensus, struct consensus_members *members);
/* This node where the quorum changes; else NULL. Borrowed as above. */
Meta__Member *consensus_self(struct consensus *consensus);
/* This node, while it is about to found a quorum; else NULL. Borrowed as above. */
Meta__Member *consensus_founder(struct consensus *consensus);
/* A node wants to be in the quorum, or to know who is; the leader remembers it. */
void consensus_heard(struct consensus *consensus, const Meta__Join *join);
/* Changes the quorum, on the active controller. `done` comes from the loop, or before this returns:
 * 0, or an error with a sentence (may be ""); ERR_NOT_CONTROLLER: ask the next one, which this node
 * sees to where it would have to remove itself. ERR_CANCELED: this node ends, and nothing may be
 * sent. */
void consensus_add_voter(struct consensus *consensus, const Meta__AddVoter *add,
                         void (*done)(void *data, int err, const char *sentence), void *data);
void consensus_remove_voter(struct consensus *consensus, const Meta__RemoveVoter *remove,
                            void (*done)(void *data, int err, const char *sentence), void *data);
void consensus_update_voter(struct consensus *consensus, const Meta__UpdateVoter *update,
                            void (*done)(void *data, int err, const char *sentence), void *data);
/* Forgets a controller that does not vote. */
void consensus_unregister(struct consensus *consensus, int32_t id,
                          void (*done)(void *data, int err, const char *sentence), void *data);

/* For DescribeQuorum: voter number i as the leader knows it; false past the last one. Times are
 * monotonic milliseconds, -1 unknown. */
struct consensus_voter {
    int32_t id;
    int64_t log_end;
    int64_t heard_ms;
    int64_t caught_up_ms;
    bool votes; /* else it follows, to be a voter later */
};
bool consensus_voter(const struct consensus *consensus, int i, struct consensus_voter *voter);

#endif
