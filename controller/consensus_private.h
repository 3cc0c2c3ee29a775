/* The parts of consensus, for consensus.c and consensus_start.c. */
#ifndef CONTROLLER_CONSENSUS_PRIVATE_H
#define CONTROLLER_CONSENSUS_PRIVATE_H

#include <raft.h>

#include "controller/consensus.h"
#include "controller/founder.h"
#include "controller/raft_backend.h"
#include "controller/raft_members.h"
#include "controller/raft_peers.h"
#include "controller/raft_quorum.h"
#include "controller/raft_seek.h"
#include "controller/raft_store.h"

/* Of a node whose quorum changes: what it was told, and how far its start is. */
struct consensus_start {
    struct controller_voter self; /* with its own copy of the host */
    struct uuid directory_id;
    enum controller_joins joins;
    char *dir;
    bool deciding;   /* between founding a quorum and joining one */
    bool met;        /* a quorum is there that has this node, or refuses it */
    char called[64]; /* the cluster of a broker that calls at a node which is about to found one */
    int64_t began_ms;
    int64_t told_ms;
    int64_t leaderless_ms; /* since when no leader is known; -1 = one is */
    struct founder founder;
    Meta__Member told_founder, told_self; /* borrowed by an answer */
    struct uuid incarnation;
    struct raft_seek *seek;
    struct env_timer decide;
};

struct voter {
    int32_t id;
    bool votes; /* in a quorum that changes it may only follow */
    int64_t heard_ms;
    int64_t caught_up_ms;
    bool tried; /* to hand leadership over to it, this time */
};

/* In this order; those from FOLLOWING to ACTIVE are the life of a node that runs. */
enum consensus_state {
    CONSENSUS_OPENING,
    CONSENSUS_FOLLOWING, /* or a candidate */
    CONSENSUS_ELECTED,   /* leads, and its barrier is still to be sent */
    CONSENSUS_BARRIER,   /* the barrier is on its way */
    CONSENSUS_LED,       /* it has committed; the owner is about to be told */
    CONSENSUS_ACTIVE,
    CONSENSUS_FAILED,
    CONSENSUS_CLOSED,
    CONSENSUS_STATES
};

struct consensus {
    struct env *env;
    struct logger *logger;
    const struct consensus_handlers *handlers;
    void *data;
    int32_t node_id;
    int64_t election_timeout_ms;
    struct voter *voters;
    int voter_count;

    struct raft raft;
    struct raft_fsm fsm;
    struct raft_store *store;
    struct raft_peers *peers;
    struct raft_backend *backend;
    struct raft_quorum *quorum; /* NULL: the voters are those of the settings */
    struct consensus_start start;
    enum consensus_state state; /* as last seen */
    bool made;                  /* the raft object holds memory, in whichever state */

    struct raft_barrier barrier;
    uint64_t barrier_term;
    int32_t leader_told;
    int32_t former_leader; /* the last one but this node */
    int64_t term_told;
    int proposals;

    bool boot_election_done;
    struct env_timer fast;                    /* runs in a fast period, and is its end */
    struct raft_store_snapshot boot_snapshot; /* index and term only */

    struct raft_transfer transfer;
    int transfer_tries;
    bool transferring;
    void (*transferred)(void *data);
    void *transferred_data;
    struct env_timer transfer_timer;
    raft_index stored_seen; /* how far our own disk has come, */
    int64_t stored_seen_ms; /* since when it has not moved on */

    void (*stopped)(void *data);
    void *stopped_data;
};

/* It votes and takes entries: neither before the start, nor after its end. */
static inline bool consensus_runs(const struct consensus *consensus)
{
    return consensus->state >= CONSENSUS_FOLLOWING && consensus->state <= CONSENSUS_ACTIVE;
}

static inline bool consensus_leads(const struct consensus *consensus)
{
    return consensus->state >= CONSENSUS_ELECTED && consensus->state <= CONSENSUS_ACTIVE;
}

/* The core runs from now on. */
void consensus_started(struct consensus *consensus);
/* Final; told once. */
void consensus_fail(struct consensus *consensus, const char *sentence);
/* After every event: what has changed is acted upon, and told. */
void consensus_look(void *data);

/* consensus_start.c: what is found on disk decides; a new node founds or joins. */
int consensus_start(struct consensus *consensus, const struct consensus_config *config,
                    struct buf *problem) MUST_CHECK;
/* After every event, in a quorum that changes. */
void consensus_start_look(struct consensus *consensus);
/* A voter has said Hello. */
void consensus_start_met(struct consensus *consensus, const Meta__Hello *hello);
/* Nothing is asked and changed any more. */
void consensus_start_stop(struct consensus *consensus);
void consensus_start_free(struct consensus *consensus);

#endif
