/* Raft, over the library's core.
 *
 * Happy path: after every event the core's state is looked at; a node that has become leader
 * submits a barrier at once, and is active when it commits. Proposals go in, committed entries
 * come out.
 *
 * Fast fail-over: when the leader's process is known to be dead, its followers do not wait for the
 * timeout: each sets its own to (rank among the living) x RANK_MS, forgets the leader, and the
 * first one stands for election at once. Time never decides safety in Raft, so a false alarm costs
 * an election at most. The same is done once at start, as soon as a majority is connected.
 *
 * Failure modes: the core becoming unavailable is final and is reported like a disk error. */
#include "controller/consensus.h"

#include <raft.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/state.h"
#include "controller/consensus_private.h"
#include "controller/raft_history.h"
#include "controller/raft_sense.h"
#include "controller/raft_version.h"

enum {
    RANK_MS = 50,          /* between candidates of a fast fail-over; else they split the votes */
    FAST_TIMEOUT_MS = 80,  /* for further rounds of it */
    FAST_PERIOD_MS = 2000, /* then the ordinary timeouts hold again */
    BOOT_DELAY_MS = 30,    /* a leader that is there makes itself known first */
    DISK_HANG_MS = 2000,   /* a write takes longer only where the disk hangs */
    TRANSFER_TRIES = 3     /* the request may get lost on the way (defect 9) */
};

STATIC_ASSERT(BOOT_DELAY_MS < FAST_PERIOD_MS, "a boot election is over within the period");
STATIC_ASSERT(FAST_TIMEOUT_MS < FAST_PERIOD_MS, "several rounds of it");
STATIC_ASSERT(RANK_MS <= FAST_TIMEOUT_MS, "the next candidate stands before the round is over");
struct proposal {
    struct raft_apply req;
    struct consensus *consensus;
    void (*done)(void *data, int err);
    void *data;
};

enum { CONSENSUS_ENDS = STATE_BIT(CONSENSUS_FAILED) | STATE_BIT(CONSENSUS_CLOSED) };

static const struct state_row consensus_states[CONSENSUS_STATES] = {
    [CONSENSUS_OPENING] = {"opening", STATE_BIT(CONSENSUS_FOLLOWING) | CONSENSUS_ENDS},
    [CONSENSUS_FOLLOWING] = {"following", STATE_BIT(CONSENSUS_ELECTED) | CONSENSUS_ENDS},
    [CONSENSUS_ELECTED] = {"elected", STATE_BIT(CONSENSUS_BARRIER) |
                                          STATE_BIT(CONSENSUS_FOLLOWING) | CONSENSUS_ENDS},
    [CONSENSUS_BARRIER] = {"waiting for its barrier", STATE_BIT(CONSENSUS_LED) |
                                                          STATE_BIT(CONSENSUS_FOLLOWING) |
                                                          CONSENSUS_ENDS},
    [CONSENSUS_LED] = {"leading", STATE_BIT(CONSENSUS_ACTIVE) | STATE_BIT(CONSENSUS_FOLLOWING) |
                                      CONSENSUS_ENDS},
    [CONSENSUS_ACTIVE] = {"active", STATE_BIT(CONSENSUS_FOLLOWING) | CONSENSUS_ENDS},
    [CONSENSUS_CLOSED] = {"closed", STATE_BIT(CONSENSUS_FAILED)}, /* by what it still writes */
    [CONSENSUS_FAILED] = {"failed", 0},
};

/* What holds after each event. */
static void consensus_check(const struct consensus *consensus)
{
    ASSERT(!consensus_runs(consensus) || consensus->made);
    ASSERT(consensus->proposals >= 0);
    ASSERT(consensus->proposals <= CONSENSUS_PROPOSALS_MAX);
    ASSERT(consensus->transfer_tries >= 0);
    ASSERT(consensus->transfer_tries <= TRANSFER_TRIES);
    ASSERT(!consensus->transferred || consensus->transferring);
    ASSERT(consensus->former_leader != consensus->node_id);
    ASSERT(consensus->raft.last_applied <= consensus->raft.commit_index);
    ASSERT(consensus->barrier_term <= consensus->raft.current_term);
}

static void consensus_move(struct consensus *consensus, enum consensus_state to)
{
    STATE_MOVE_TOLD(consensus_states, consensus->state, to, consensus->logger, LOGGER_DEBUG,
                    "consensus, term %lld", (long long)consensus->raft.current_term);
}

void consensus_started(struct consensus *consensus)
{
    if (consensus->state == CONSENSUS_OPENING) /* else its start has failed on the disk */
        consensus_move(consensus, CONSENSUS_FOLLOWING);
}

/* ---- failing ---- */

void consensus_fail(struct consensus *consensus, const char *sentence)
{
    ASSERT(sentence != NULL);
    if (consensus->state == CONSENSUS_FAILED)
        return;
    consensus_move(consensus, CONSENSUS_FAILED);
    if (consensus->backend)
        raft_backend_kill(consensus->backend);
    consensus->handlers->failed(consensus->data, sentence);
}

static void consensus_on_store_failed(void *data, const char *sentence)
{
    consensus_fail(data, sentence);
}

/* ---- the state machine ---- */

static int consensus_fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
    struct consensus *consensus = fsm->data;
    raft_index index = consensus->raft.last_applied + 1;
    ASSERT(index <= consensus->raft.commit_index);
    *result = NULL;
    consensus->handlers->apply(consensus->data, (int64_t)index,
                               (int64_t)raft_sense_term_at(&consensus->raft, index), buf->base,
                               buf->len);
    return 0;
}

static int consensus_fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[],
                                  unsigned *n_bufs)
{
    struct consensus *consensus = fsm->data;
    struct buf bytes;
    buf_init(&bytes);
    int err = consensus->handlers->snapshot(consensus->data, &bytes);
    struct raft_buffer *out = err ? NULL : raft_malloc(sizeof(*out));
    void *base = out ? raft_malloc(bytes.len + 1) : NULL;
    if (base) {
        if (bytes.len)
            memcpy(base, bytes.data, bytes.len);
        *out = (struct raft_buffer){base, bytes.len};
        *bufs = out;
        *n_bufs = 1;
    } else {
        raft_free(out);
    }
    buf_close(&bytes);
    return base ? 0 : RAFT_BUSY; /* the only error that the core takes as "later" */
}

static int consensus_fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
    struct consensus *consensus = fsm->data;
    const struct raft_log *ring = &consensus->raft.log;
    bool boot = consensus->state == CONSENSUS_OPENING;
    uint64_t index = boot ? consensus->boot_snapshot.index : ring->snapshot.last_index;
    uint64_t term = boot ? consensus->boot_snapshot.term : ring->snapshot.last_term;
    int err = consensus->handlers->restore(consensus->data, (int64_t)index, (int64_t)term,
                                           buf->base, buf->len);
    if (err)
        return RAFT_CORRUPT;
    raft_free(buf->base);
    return 0;
}

/* ---- looking at the core ---- */

static void consensus_on_barrier(struct raft_barrier *req, int status)
{
    struct consensus *consensus = req->data;
    if (status != 0 || consensus->barrier_term != consensus->raft.current_term ||
        !consensus_runs(consensus))
        return;
    consensus_move(consensus, CONSENSUS_LED);
    raft_backend_led(consensus->backend);
}

/* The core takes no entries while a transfer of an earlier leadership of ours is on, which ended
 * without it: it gives that up in its next ticks, and then the barrier is sent. */
static void consensus_send_barrier(struct consensus *consensus)
{
    ASSERT(consensus->state == CONSENSUS_ELECTED);
    ASSERT(consensus->raft.state == RAFT_LEADER);
    consensus->barrier.data = consensus;
    int rc = raft_barrier(&consensus->raft, &consensus->barrier, consensus_on_barrier);
    ASSERT(rc == 0 || consensus->raft.transfer); /* the back end has no errors */
    if (rc == 0)
        consensus_move(consensus, CONSENSUS_BARRIER);
}

/* Guard 1: nothing of older terms counts as committed until an entry of this term is. */
static void consensus_begin_leading(struct consensus *consensus)
{
    ASSERT(consensus->barrier_term < consensus->raft.current_term); /* a term is led once */
    consensus_move(consensus, CONSENSUS_ELECTED);
    consensus->barrier_term = consensus->raft.current_term;
    raft_backend_set_barrier(consensus->backend, raft_last_index(&consensus->raft) + 1);
    consensus_send_barrier(consensus);
}

static void consensus_end_leading(struct consensus *consensus)
{
    ASSERT(consensus_leads(consensus));
    consensus_move(consensus, CONSENSUS_FOLLOWING);
    raft_backend_set_barrier(consensus->backend, 0);
}

static void consensus_end_fast(struct consensus *consensus)
{
    struct raft *raft = &consensus->raft;
    ASSERT(consensus->election_timeout_ms > 0);
    env_timer_stop(&consensus->fast);
    raft_set_election_timeout(raft, (unsigned)consensus->election_timeout_ms);
    if (raft->state == RAFT_FOLLOWER)
        raft->follower_state.randomized_election_timeout = (unsigned)raft->io->random(
            raft->io, (int)consensus->election_timeout_ms, (int)consensus->election_timeout_ms * 2);
}

static void consensus_tell_leader(struct consensus *consensus)
{
    raft_id id;
    const char *address;
    raft_leader(&consensus->raft, &id, &address);
    int32_t leader = raft_members_node(id);
    int64_t term = (int64_t)consensus->raft.current_term;
    if (leader != -1 && env_timer_running(&consensus->fast))
        consensus_end_fast(consensus);
    if (leader == consensus->leader_told && (leader == -1 || term == consensus->term_told))
        return;
    consensus->leader_told = leader;
    consensus->term_told = term;
    if (leader != -1 && leader != consensus->node_id)
        consensus->former_leader = leader;
    consensus->handlers->leader(consensus->data, leader, term);
}

/* A leader whose own disk hangs can commit nothing for long: the others have a working one. */
static void consensus_give_way_to_disks(struct consensus *consensus)
{
    const struct raft *raft = &consensus->raft;
    int64_t now_ms = env_now_ms(consensus->env);
    bool waits = raft_store_unfinished(consensus->store) > 0;
    if (!waits || raft->last_stored != consensus->stored_seen) {
        consensus->stored_seen = raft->last_stored;
        consensus->stored_seen_ms = now_ms;
    }
    if (consensus->state != CONSENSUS_ACTIVE || consensus->transferring ||
        now_ms - consensus->stored_seen_ms < DISK_HANG_MS)
        return;
    consensus->stored_seen_ms = now_ms; /* tried again after as long */
    logger_warn(consensus->logger,
                "the disk of the controller's log has written nothing for %d "
                "ms: another node is made the active controller",
                DISK_HANG_MS);
    consensus_transfer(consensus, NULL, NULL);
}

/* After every event: what has changed is acted upon, and told. */
void consensus_look(void *data)
{
    struct consensus *consensus = data;
    if (!consensus_runs(consensus))
        return;
    int state = raft_state(&consensus->raft);
    if (state == RAFT_UNAVAILABLE) {
        char *sentence = mem_printf("Raft gave up: %s", raft_errmsg(&consensus->raft));
        consensus_fail(consensus, sentence);
        mem_free(sentence);
        return;
    }
    bool leads = state == RAFT_LEADER;
    bool was_active = consensus->state == CONSENSUS_ACTIVE;
    if (consensus_leads(consensus) &&
        (!leads || consensus->barrier_term != consensus->raft.current_term))
        consensus_end_leading(consensus);
    if (leads && consensus->state == CONSENSUS_FOLLOWING)
        consensus_begin_leading(consensus);
    else if (leads && consensus->state == CONSENSUS_ELECTED)
        consensus_send_barrier(consensus);
    /* An end comes before the news of the next leader, so that nobody hears "active" with its
     * term. */
    if (was_active && consensus->state != CONSENSUS_ACTIVE && consensus_runs(consensus))
        consensus->handlers->active(consensus->data, false);
    consensus_tell_leader(consensus);
    if (consensus->state == CONSENSUS_LED) {
        consensus_move(consensus, CONSENSUS_ACTIVE);
        consensus->handlers->active(consensus->data, true);
    }
    consensus_give_way_to_disks(consensus);
    if (consensus->state == CONSENSUS_ACTIVE && raft_backend_newcomer(consensus->backend))
        raft_backend_led(consensus->backend); /* its disk failed when it tried that first */
    if (consensus->quorum) {
        raft_quorum_look(consensus->quorum,
                         consensus->state == CONSENSUS_ACTIVE && !consensus->transferring);
        consensus_start_look(consensus);
    }
    consensus_check(consensus);
}

/* ---- fast fail-over ---- */

static void consensus_arm(struct consensus *consensus, int64_t delay_ms)
{
    struct raft *raft = &consensus->raft;
    ASSERT(delay_ms >= 0);
    ASSERT(consensus_runs(consensus));
    ASSERT(raft->state == RAFT_FOLLOWER); /* the fields share memory with those of other states */
    raft->follower_state.randomized_election_timeout = (unsigned)delay_ms;
    raft->follower_state.current_leader.id = 0;
    raft->election_timer_start = raft->io->time(raft->io);
    raft_set_election_timeout(raft, FAST_TIMEOUT_MS);
    env_timer_start(&consensus->fast, FAST_PERIOD_MS);
    if (delay_ms == 0)
        raft_backend_tick(consensus->backend);
    else
        consensus_look(consensus);
}

static int consensus_votes(const struct consensus *consensus)
{
    int count = 0;
    for (int i = 0; i < consensus->voter_count; i++)
        count += consensus->voters[i].votes;
    return count;
}

static int64_t consensus_rank(const struct consensus *consensus)
{
    int64_t lower = 0;
    for (int i = 0; i < consensus->voter_count; i++)
        if (consensus->voters[i].votes && consensus->voters[i].id < consensus->node_id)
            lower += raft_peers_alive(consensus->peers, consensus->voters[i].id);
    ASSERT(lower <= consensus->voter_count);
    return lower;
}

static void consensus_on_peer_dead(void *data, int32_t id)
{
    struct consensus *consensus = data;
    struct raft *raft = &consensus->raft;
    ASSERT(id != consensus->node_id);
    if (!consensus_runs(consensus) || raft->state != RAFT_FOLLOWER)
        return;
    raft_id leader = raft->follower_state.current_leader.id;
    if (leader != 0 && leader != raft_members_id(id))
        return;
    logger_info(consensus->logger, "the process of voter %d is gone%s", id,
                leader ? ", and it led: a new leader is elected at once" : "");
    consensus_arm(consensus, consensus_rank(consensus) * RANK_MS);
}

/* A snapshot that was on its way to the peer is lost with the connection. The core would wait for
 * the install timeout; so that is made to look as if it had passed. */
static void consensus_retry_snapshot(struct consensus *consensus, int32_t id)
{
    struct raft *raft = &consensus->raft;
    if (!consensus_runs(consensus) || raft->state != RAFT_LEADER)
        return;
    int i = raft_members_find(raft, id);
    if (i >= 0)
        raft->leader_state.progress[i].snapshot_last_send =
            raft->io->time(raft->io) - raft->install_snapshot_timeout;
}

static void consensus_on_peer_connected(void *data, int32_t id)
{
    struct consensus *consensus = data;
    struct raft *raft = &consensus->raft;
    ASSERT(id != consensus->node_id);
    consensus_retry_snapshot(consensus, id);
    if (consensus->boot_election_done || !consensus_runs(consensus))
        return;
    if ((raft_peers_connected(consensus->peers) + 1) * 2 <= consensus_votes(consensus))
        return;
    consensus->boot_election_done = true;
    if (raft->state == RAFT_FOLLOWER && raft->follower_state.current_leader.id == 0)
        consensus_arm(consensus, BOOT_DELAY_MS + consensus_rank(consensus) * RANK_MS);
}

static void consensus_on_fast(void *data)
{
    struct consensus *consensus = data;
    if (consensus_runs(consensus))
        consensus_end_fast(consensus);
}

/* ---- peers ---- */

static struct voter *consensus_find_voter(struct consensus *consensus, int32_t id)
{
    for (int i = 0; i < consensus->voter_count; i++)
        if (consensus->voters[i].id == id)
            return &consensus->voters[i];
    return NULL;
}

static void consensus_on_peer_frame(void *data, int32_t id, Meta__Frame *frame)
{
    struct consensus *consensus = data;
    struct voter *voter = consensus_find_voter(consensus, id);
    ASSERT(id != consensus->node_id);
    if (!consensus_runs(consensus)) {
        meta__frame__free_unpacked(frame, NULL);
        return;
    }
    ASSERT(voter || consensus->quorum); /* raft_peers has lines to those of the settings only */
    if (voter)
        voter->heard_ms = env_now_ms(consensus->env);
    raft_backend_receive(consensus->backend, id, frame);
    voter = consensus_find_voter(consensus, id); /* there may be other ones now */
    if (voter && consensus->state != CONSENSUS_FAILED &&
        raft_members_match(&consensus->raft, id) >= raft_last_index(&consensus->raft))
        voter->caught_up_ms = voter->heard_ms;
}

static const char *consensus_cluster_id(void *data)
{
    struct consensus *consensus = data;
    return consensus->handlers->cluster_id(consensus->data);
}

static const struct raft_peers_handlers consensus_peer_handlers = {.frame = consensus_on_peer_frame,
                                                                   .dead = consensus_on_peer_dead,
                                                                   .connected =
                                                                       consensus_on_peer_connected};

int consensus_adopt(struct consensus *consensus, struct link *link, const Meta__Hello *hello)
{
    if (consensus->quorum && hello->to && hello->to != consensus->node_id + 1)
        return ERR_VOTER_NOT_FOUND; /* it listens where that one did */
    if (consensus->quorum)
        consensus_start_met(consensus, hello);
    return raft_peers_adopt(consensus->peers, link, hello);
}

/* ---- start ---- */

int consensus_new(struct env *env, struct logger *logger, const struct consensus_config *config,
                  const struct consensus_handlers *handlers, void *data, struct buf *problem,
                  struct consensus **out)
{
    struct consensus *consensus = mem_alloc(sizeof(*consensus));
    consensus->env = env;
    consensus->logger = logger;
    consensus->handlers = handlers;
    consensus->data = data;
    consensus->node_id = config->node_id;
    consensus->election_timeout_ms = config->election_timeout_ms;
    consensus->leader_told = consensus->former_leader = -1;
    consensus->fsm = (struct raft_fsm){.version = 1,
                                       .data = consensus,
                                       .apply = consensus_fsm_apply,
                                       .snapshot = consensus_fsm_snapshot,
                                       .restore = consensus_fsm_restore};
    ASSERT(config->voter_count > 0);
    ASSERT(config->node_id >= 0);
    ASSERT(handlers->apply != NULL);
    ASSERT(handlers->restore != NULL);
    ASSERT(handlers->snapshot != NULL);
    ASSERT(handlers->active != NULL);
    ASSERT(handlers->leader != NULL);
    ASSERT(handlers->failed != NULL);
    ASSERT(handlers->cluster_id != NULL);
    consensus->voter_count = config->voter_count;
    consensus->voters = mem_alloc((size_t)config->voter_count * sizeof(*consensus->voters));
    for (int i = 0; i < config->voter_count; i++)
        consensus->voters[i] = (struct voter){
            .id = config->voters[i].id, .votes = true, .heard_ms = -1, .caught_up_ms = -1};
    env_timer_init(env, &consensus->fast, consensus_on_fast, consensus);
    env_timer_init(env, &consensus->transfer_timer, NULL, consensus);
    int err = raft_store_open(env, logger, config->dir, consensus_on_store_failed, consensus,
                              problem, &consensus->store);
    if (err)
        goto err_after_consensus;
    consensus->boot_snapshot = raft_store_state(consensus->store)->snapshot;
    consensus->peers = raft_peers_new(env, config->peer_logger, config->node_id, config->voters,
                                      config->voter_count, &config->incarnation,
                                      consensus_cluster_id, &consensus_peer_handlers, consensus);
    consensus->backend =
        raft_backend_new(env, config->peer_logger, &consensus->raft, consensus->store,
                         consensus->peers, consensus_look, consensus);
    err = consensus_start(consensus, config, problem);
    if (err)
        goto err_after_consensus;
    *out = consensus;
    consensus_look(consensus);
    return 0;

err_after_consensus:
    consensus_free(consensus);
    return err;
}

/* ---- proposals ---- */

bool consensus_active(const struct consensus *consensus)
{
    return consensus->state == CONSENSUS_ACTIVE;
}

int32_t consensus_leader(const struct consensus *consensus)
{
    return consensus->leader_told;
}

int32_t consensus_former_leader(const struct consensus *consensus, int64_t *heard_ms)
{
    *heard_ms = -1;
    for (int i = 0; i < consensus->voter_count; i++)
        if (consensus->voters[i].id == consensus->former_leader)
            *heard_ms = consensus->voters[i].heard_ms;
    return *heard_ms < 0 ? -1 : consensus->former_leader;
}

int64_t consensus_term(const struct consensus *consensus)
{
    return (int64_t)consensus->raft.current_term;
}

int64_t consensus_committed(const struct consensus *consensus)
{
    return (int64_t)consensus->raft.commit_index;
}

int64_t consensus_applied(const struct consensus *consensus)
{
    return (int64_t)consensus->raft.last_applied;
}

bool consensus_knows(const struct consensus *consensus, int64_t index, int64_t term)
{
    return raft_history_knows(&consensus->raft, index, term);
}

int64_t consensus_next_index(const struct consensus *consensus)
{
    /* The library's function only reads, though it does not say so. */
    return (int64_t)raft_last_index((struct raft *)(uintptr_t)&consensus->raft) + 1;
}

int consensus_room(const struct consensus *consensus)
{
    ASSERT(consensus->proposals <= CONSENSUS_PROPOSALS_MAX);
    bool ready = consensus->state == CONSENSUS_ACTIVE && !consensus->transferring;
    return ready ? CONSENSUS_PROPOSALS_MAX - consensus->proposals : 0;
}

static void consensus_on_proposed(struct raft_apply *req, int status, void *result)
{
    struct proposal *proposal = req->data;
    struct consensus *consensus = proposal->consensus;
    (void)result;
    ASSERT(consensus->proposals > 0);
    ASSERT(proposal->done != NULL);
    consensus->proposals--;
    proposal->done(proposal->data, status == 0 ? 0 : ERR_TIMED_OUT);
    mem_free(proposal);
}

int consensus_propose(struct consensus *consensus, const void *bytes, size_t len,
                      void (*done)(void *data, int err), void *data)
{
    ASSERT(done != NULL);
    ASSERT(len == 0 || bytes != NULL);
    if (consensus->state != CONSENSUS_ACTIVE || consensus->transferring)
        return ERR_NOT_LEADER;
    if (consensus->proposals >= CONSENSUS_PROPOSALS_MAX)
        return ERR_AGAIN;
    struct raft_buffer buf = {raft_malloc(len ? len : 1), len};
    if (!buf.base)
        return ERR_NO_MEMORY;
    memcpy(buf.base, bytes, len);
    struct proposal *proposal = mem_alloc(sizeof(*proposal));
    proposal->consensus = consensus;
    proposal->done = done;
    proposal->data = data;
    proposal->req.data = proposal;
    int rc = raft_apply(&consensus->raft, &proposal->req, &buf, 1, consensus_on_proposed);
    if (rc) {
        raft_free(buf.base);
        mem_free(proposal);
        return ERR_NOT_LEADER;
    }
    consensus->proposals++;
    ASSERT(consensus->raft.state == RAFT_LEADER);
    consensus_check(consensus);
    return 0;
}

/* ---- handing over ---- */

static void consensus_transfer_end(struct consensus *consensus)
{
    ASSERT(consensus->transferring);
    consensus->transferring = false;
    void (*transferred)(void *data) = consensus->transferred;
    consensus->transferred = NULL;
    if (transferred)
        transferred(consensus->transferred_data);
}

/* Whether `one` is the better one to hand over to: one that answers, that was not tried in vain,
 * and that has most of the log, in this order. One that hangs is connected, too. */
static bool consensus_is_better(const struct consensus *consensus, const struct voter *one,
                                const struct voter *other)
{
    int64_t since_ms = env_now_ms(consensus->env) - consensus->election_timeout_ms;
    bool one_heard = one->heard_ms >= since_ms, other_heard = other->heard_ms >= since_ms;
    if (one_heard != other_heard)
        return one_heard;
    if (one->tried != other->tried)
        return other->tried;
    return raft_members_match(&consensus->raft, one->id) >
           raft_members_match(&consensus->raft, other->id);
}

static raft_id consensus_transfer_target(struct consensus *consensus)
{
    struct voter *target = NULL;
    for (int i = 0; i < consensus->voter_count; i++) {
        struct voter *voter = &consensus->voters[i];
        if (voter->id == consensus->node_id || !voter->votes ||
            !raft_peers_alive(consensus->peers, voter->id))
            continue;
        if (!target || consensus_is_better(consensus, voter, target))
            target = voter;
    }
    if (target)
        target->tried = true;
    return target ? raft_members_id(target->id) : 0;
}

static void consensus_on_transferred(struct raft_transfer *req)
{
    struct consensus *consensus = req->data;
    env_timer_start(&consensus->transfer_timer, 0); /* not inside the core */
}

static void consensus_transfer_try(void *data)
{
    struct consensus *consensus = data;
    if (!consensus->transferring) /* one before the last was under way until the core closed */
        return;
    if (!consensus_runs(consensus) || raft_state(&consensus->raft) != RAFT_LEADER ||
        consensus->transfer_tries == 0) {
        consensus_transfer_end(consensus);
        return;
    }
    consensus->transfer_tries--;
    raft_id target = consensus_transfer_target(consensus);
    consensus->transfer.data = consensus;
    if (target == 0 ||
        raft_transfer(&consensus->raft, &consensus->transfer, target, consensus_on_transferred))
        consensus_transfer_end(consensus);
}

void consensus_transfer(struct consensus *consensus, void (*done)(void *data), void *data)
{
    ASSERT(consensus->voter_count > 0);
    consensus->transferred = done;
    consensus->transferred_data = data;
    consensus->transfer_tries = TRANSFER_TRIES;
    consensus->transferring = true;
    for (int i = 0; i < consensus->voter_count; i++)
        consensus->voters[i].tried = false;
    consensus->transfer_timer.fn = consensus_transfer_try;
    env_timer_start(&consensus->transfer_timer, 0);
}

bool consensus_voter(const struct consensus *consensus, int i, struct consensus_voter *voter)
{
    ASSERT(i >= 0);
    if (i >= consensus->voter_count)
        return false;
    const struct voter *from = &consensus->voters[i];
    *voter =
        (struct consensus_voter){from->id, (int64_t)raft_members_match(&consensus->raft, from->id),
                                 from->heard_ms, from->caught_up_ms, from->votes};
    if (from->id == consensus->node_id) {
        voter->log_end = consensus_next_index(consensus) - 1;
        voter->heard_ms = voter->caught_up_ms = env_now_ms(consensus->env);
    }
    return true;
}

/* ---- end ---- */

static void consensus_on_closed(struct raft *raft)
{
    struct consensus *consensus = CONTAINER_OF(raft, struct consensus, raft);
    ASSERT(consensus->made);
    consensus->made = false;
    void (*stopped)(void *data) = consensus->stopped;
    consensus->stopped = NULL;
    if (stopped)
        stopped(consensus->stopped_data);
}

static void consensus_close_now(void *data)
{
    struct consensus *consensus = data;
    if (consensus->state != CONSENSUS_FAILED) /* which is final, and was told */
        consensus_move(consensus, CONSENSUS_CLOSED);
    raft_close(&consensus->raft, consensus_on_closed);
}

void consensus_stop(struct consensus *consensus, void (*done)(void *data), void *data)
{
    ASSERT(done != NULL);
    ASSERT(consensus->state != CONSENSUS_CLOSED);
    ASSERT(!consensus->stopped);
    consensus->stopped = done;
    consensus->stopped_data = data;
    consensus_start_stop(consensus);
    if (consensus->state == CONSENSUS_FAILED)
        raft_peers_stop(consensus->peers, done, data);
    else if (raft_state(&consensus->raft) == RAFT_LEADER && consensus_votes(consensus) > 1)
        consensus_transfer(consensus, consensus_close_now, consensus);
    else
        consensus_close_now(consensus);
}

void consensus_free(struct consensus *consensus)
{
    if (!consensus)
        return;
    env_timer_stop(&consensus->fast);
    env_timer_stop(&consensus->transfer_timer);
    consensus_start_stop(consensus);
    if (consensus->made) { /* a crash or no start: nothing is told, only memory is given back */
        if (consensus->state < CONSENSUS_FAILED)
            consensus_move(consensus, CONSENSUS_CLOSED);
        raft_backend_abandon(consensus->backend);
        raft_close(&consensus->raft, consensus_on_closed);
    }
    consensus_start_free(consensus);
    raft_peers_free(consensus->peers);
    raft_store_free(consensus->store);
    raft_backend_free(consensus->backend);
    mem_free(consensus->voters);
    mem_free(consensus);
}
