/* The guards against the Raft library's defects, one test for each (controller/README.md).
 *
 * One real controller, node 0, among two puppets: hosts that speak Raft's messages as the test
 * says. So every schedule can be forced. */
#include "../unit/tap.h"

#include <raft.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/consensus.h"
#include "controller/controller_private.h"
#include "controller/raft_backend.h"
#include "controller/raft_codec.h"
#include "controller/raft_peers.h"
#include "meta/channel.h"
#include "raft_puppets.h"

/* The library itself forgets a few bytes when it is closed while a snapshot is being installed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft.so\n";
}

/* ---- the guards ---- */

/* 1: figure 8 of the Raft paper. Entry 2 is of term 1 and on two nodes; node 0 leads in a later
 * term. It must not commit entry 2 by counting before its own barrier is stored. */
static void an_old_entry_waits_for_the_barrier(void)
{
    begin();
    say_append(&puppets[1], 1, 1, 1, 1, 1, 1);
    sim_run_for(sim, 10 * MS);
    CHECK_INT(consensus_committed(controller->consensus), 1);
    uint64_t term = let_stand();
    sim_disk_set_sync_us(node0, 200 * MS, 200 * MS);
    say_vote(&puppets[0], term, false);
    for (int i = 0; i < 15; i++) { /* the barrier is being written */
        sim_run_for(sim, 10 * MS);
        say_appended(&puppets[0], term, 2);
        CHECK_INT(consensus_committed(controller->consensus), 1);
    }
    sim_disk_set_sync_us(node0, 100, 100);
    sim_run_for(sim, SECOND / 5);
    CHECK_INT(consensus_committed(controller->consensus), 1); /* the barrier is on one node only */
    CHECK(!controller_is_active(controller));
    say_appended(&puppets[0], term, 3);
    CHECK(sim_run_until(sim, is_active, NULL, sim_now_us(sim) + SECOND));
    finish();
}

static bool has_failed(void *data)
{
    (void)data;
    return node0_failed;
}

/* 2: a failed write ends the process, at once, and confirms nothing. */
static void a_disk_error_stops_the_node(void)
{
    begin();
    sim_disk_fail_sync(node0);
    say_append(&puppets[1], 1, 1, 1, 1, 3, 4);
    CHECK(sim_run_until(sim, has_failed, NULL, sim_now_us(sim) + 100 * MS));
    sim_run_for(sim, SECOND);
    CHECK_INT(puppet_saw(&puppets[1], META__FRAME__BODY_APPEND_ENTRIES_RESULT), 0);
    CHECK_INT(consensus_committed(controller->consensus), 1);
    finish();
}

/* 2, as a leader: nothing is sent under its term any more. */
static void a_leaders_disk_error_stops_it(void)
{
    begin();
    uint64_t term = let_lead();
    sim_run_for(sim, 100 * MS);
    uint64_t last = (uint64_t)consensus_next_index(controller->consensus) - 1;
    sim_disk_fail_sync(node0);
    CHECK(controller->pipeline != NULL);
    for (int i = 0; i < 3 && !node0_failed; i++)
        sim_run_for(sim, 100 * MS);
    if (!node0_failed) { /* nothing was written in between: write something */
        say_append(&puppets[1], 99, last, term, 99, 1, 1);
        CHECK(sim_run_until(sim, has_failed, NULL, sim_now_us(sim) + SECOND));
    }
    puppet_forget(&puppets[0]);
    sim_run_for(sim, SECOND);
    CHECK_INT(puppets[0].seen_count, 0);
    finish();
}

/* 3: a full disk is the same, and the node starts again. */
static void a_full_disk_stops_the_node(void)
{
    begin();
    sim_node_disk_full(node0, true);
    say_append(&puppets[1], 1, 1, 1, 1, 3, 4);
    say_append(&puppets[1], 1, 4, 1, 1, 3, 4);
    CHECK(sim_run_until(sim, has_failed, NULL, sim_now_us(sim) + SECOND));
    sim_run_for(sim, SECOND);
    stop_node0();
    sim_node_restart(node0);
    struct buf problem;
    buf_init(&problem);
    CHECK_INT(start_node0(voters, &problem), 0); /* also while there is none */
    CHECK_INT(consensus_next_index(controller->consensus), 2);
    sim_node_disk_full(node0, false);
    buf_close(&problem);
    finish();
}

/* ---- 4: the send cap ---- */

static int sends_done, sends_refused, inside_send;

static void on_send_done(void *data, int status)
{
    (void)data;
    if (inside_send)
        node0_failed = true;
    sends_done++;
    sends_refused += status == ERR_NO_MEMORY;
}

static void no_frame(void *data, int32_t id, Meta__Frame *frame)
{
    (void)data;
    (void)id;
    meta__frame__free_unpacked(frame, NULL);
}

static void no_peer(void *data, int32_t id)
{
    (void)data;
    (void)id;
}

static const char *no_cluster(void *data)
{
    (void)data;
    return "";
}

static void a_silent_peer_costs_bounded_memory(void)
{
    static const struct raft_peers_handlers handlers = {
        .frame = no_frame, .dead = no_peer, .connected = no_peer};
    struct uuid incarnation = {{9}};
    begin();
    struct sim_node *extra = sim_node_new(sim, "extra");
    struct env *env = sim_env_new(extra);
    struct raft_peers *peers =
        raft_peers_new(env, &logger, 7, voters, 3, &incarnation, no_cluster, &handlers, NULL);
    raft_peers_start(peers);
    sim_run_for(sim, 20 * MS);
    sim_node_pause(puppets[0].node, 10 * SECOND);
    sends_done = sends_refused = 0;
    for (int i = 0; i < 100; i++) {
        struct buf frames;
        uint8_t *bytes = mem_alloc(1024 * 1024);
        buf_init(&frames);
        CHECK_INT(buf_append(&frames, bytes, 1024 * 1024), 0);
        mem_free(bytes);
        inside_send = 1;
        raft_peers_send(peers, 1, &frames, on_send_done, NULL);
        inside_send = 0;
        sim_run_for(sim, MS);
    }
    CHECK(!node0_failed);
    CHECK_INT(sends_done, 100 - RAFT_PEERS_SENDS_MAX);
    CHECK(sends_refused >= 80);
    raft_peers_free(peers);
    finish();
}

/* ---- 5: nobody to answer ---- */

static int late_status;
static bool late_called;

static void on_late(struct raft_io_send *req, int status)
{
    (void)req;
    late_called = true;
    late_status = status;
}

static void nothing_changed(void *data)
{
    (void)data;
}

static void an_answer_without_an_address_is_dropped(void)
{
    begin();
    struct raft raft;
    memset(&raft, 0, sizeof(raft));
    struct raft_backend *backend =
        raft_backend_new(env0, &logger, &raft, NULL, NULL, nothing_changed, NULL);
    struct raft_io *io = raft_backend_io(backend);
    struct raft_io_send request = {0};
    struct raft_message message = {.type = RAFT_IO_APPEND_ENTRIES_RESULT, .server_id = 0};
    late_called = false;
    CHECK_INT(io->send(io, &request, &message, on_late), 0);
    CHECK(!late_called); /* never inside the call */
    sim_run_for(sim, MS);
    CHECK(late_called);
    CHECK_INT(late_status, RAFT_NOCONNECTION);
    raft_backend_free(backend);
    finish();
}

/* A configuration that another voter sent may name any server. */
static void an_answer_to_an_unknown_server_is_dropped(void)
{
    static const struct raft_peers_handlers handlers = {
        .frame = no_frame, .dead = no_peer, .connected = no_peer};
    static const raft_id unknown[] = {100, UINT64_MAX, (raft_id)INT32_MAX + 2};
    struct uuid incarnation = {{9}};
    begin();
    struct raft raft;
    memset(&raft, 0, sizeof(raft));
    struct raft_peers *peers =
        raft_peers_new(env0, &logger, 7, voters, 3, &incarnation, no_cluster, &handlers, NULL);
    struct raft_backend *backend =
        raft_backend_new(env0, &logger, &raft, NULL, peers, nothing_changed, NULL);
    struct raft_io *io = raft_backend_io(backend);
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        struct raft_io_send request = {0};
        struct raft_message message = {.type = RAFT_IO_APPEND_ENTRIES_RESULT,
                                       .server_id = unknown[i],
                                       .server_address = "elsewhere:1"};
        late_called = false;
        CHECK_INT(io->send(io, &request, &message, on_late), 0);
        sim_run_for(sim, MS);
        CHECK(late_called);
        CHECK_INT(late_status, RAFT_NOCONNECTION);
    }
    raft_backend_free(backend);
    raft_peers_free(peers);
    finish();
}

/* 6: while its own writes are unfinished a follower neither stands nor takes TimeoutNow. */
static void no_candidate_with_unfinished_writes(void)
{
    begin();
    say_append(&puppets[1], 1, 1, 1, 1, 0, 1); /* puppet 2 leads */
    sim_run_for(sim, 10 * MS);
    puppet_forget(&puppets[0]);
    sim_disk_set_sync_us(node0, 3 * SECOND, 3 * SECOND);
    say_append(&puppets[1], 1, 1, 1, 1, 1, 1);
    sim_run_for(sim, 20 * MS);
    say_timeout_now(&puppets[1], 1, 2, 1);
    sim_run_for(sim, 2 * SECOND + SECOND / 2);
    CHECK_INT(puppet_saw(&puppets[0], META__FRAME__BODY_REQUEST_VOTE), 0);
    sim_disk_set_sync_us(node0, 100, 100);
    CHECK(sim_run_until(sim, saw_pre_vote, NULL, sim_now_us(sim) + 3 * SECOND));
    finish();
}

/* 8: a leader that hands over to puppet 1 has voted for itself in this term already. */
static void no_second_vote_for_a_transfer_target(void)
{
    begin();
    uint64_t term = let_lead();
    sim_run_for(sim, 20 * MS);
    uint64_t last = (uint64_t)consensus_next_index(controller->consensus) - 1;
    say_appended(&puppets[0], term, last);
    sim_run_for(sim, 20 * MS);
    consensus_transfer(controller->consensus, NULL, NULL);
    sim_run_for(sim, 5 * MS);
    puppet_forget(&puppets[0]);
    say_request_vote(&puppets[0], term, last + 10, term);
    sim_run_for(sim, 50 * MS);
    const Meta__Frame *answer = puppet_last(&puppets[0], META__FRAME__BODY_REQUEST_VOTE_RESULT);
    CHECK(!answer || !answer->request_vote_result->vote_granted);
    finish();
}

static bool votes_for(struct puppet *puppet, uint64_t term, uint64_t last, uint64_t last_term)
{
    puppet_forget(puppet);
    say_request_vote(puppet, term, last, last_term);
    sim_run_for(sim, 50 * MS);
    const Meta__Frame *answer = puppet_last(puppet, META__FRAME__BODY_REQUEST_VOTE_RESULT);
    return answer && answer->request_vote_result->vote_granted;
}

/* A candidate with the longer log whose term is behind ours: it must hear our term, or it asks with
 * the old one for ever. */
static void a_late_pre_vote_is_told_our_term(void)
{
    Meta__RequestVote body = META__REQUEST_VOTE__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    begin();
    say_append(&puppets[1], 7, 1, 1, 7, 1, 1);
    sim_run_for(sim, 50 * MS);
    say_append(&puppets[1], 7, 2, 7, 7, 0, 2); /* heard: a newcomer no more */
    sim_run_for(sim, 50 * MS);
    CHECK_INT(consensus_term(controller->consensus), 7);
    puppet_forget(&puppets[0]);
    CHECK(sim_run_until(sim, saw_pre_vote, NULL, sim_now_us(sim) + 3 * SECOND)); /* no leader now */
    puppet_forget(&puppets[0]);
    body.term = 3;
    body.candidate_id = (uint64_t)puppets[0].id + 1;
    body.last_log_index = 100;
    body.last_log_term = 2;
    body.pre_vote = true;
    frame.body_case = META__FRAME__BODY_REQUEST_VOTE;
    frame.request_vote = &body;
    link_send(puppets[0].out, &frame);
    sim_run_for(sim, 50 * MS);
    const Meta__Frame *answer = puppet_last(&puppets[0], META__FRAME__BODY_REQUEST_VOTE_RESULT);
    CHECK(answer && !answer->request_vote_result->vote_granted);
    CHECK(answer && answer->request_vote_result->term == 7);
    finish();
}

/* Node 0 begins in an empty directory, as after the loss of its disks. It may have confirmed what
 * the candidate lacks, so it gives no vote before a leader has told what is committed. */
static void an_emptied_voter_gives_no_vote(void)
{
    begin();
    CHECK(!votes_for(&puppets[1], 5, 50, 4));
    CHECK(env_path_exists(env0, "/data/newcomer")); /* also for the next process */
    say_append(&puppets[0], 7, 1, 1, 7, 1, 1);      /* not yet committed */
    sim_run_for(sim, 50 * MS);
    CHECK(!votes_for(&puppets[1], 8, 50, 7));
    say_append(&puppets[0], 8, 2, 7, 8, 1, 2); /* what is committed in term 8 is not told */
    sim_run_for(sim, 50 * MS);
    CHECK(!votes_for(&puppets[1], 9, 50, 8));
    say_append(&puppets[0], 9, 3, 8, 9, 1, 3);
    sim_run_for(sim, 50 * MS);
    say_append(&puppets[0], 9, 4, 9, 9, 0, 10); /* more is committed than is here */
    sim_run_for(sim, 50 * MS);
    CHECK(env_path_exists(env0, "/data/newcomer"));
    say_append(&puppets[0], 9, 4, 9, 9, 6, 10);
    sim_run_for(sim, 50 * MS);
    say_append(&puppets[0], 9, 10, 9, 9, 0, 10);
    sim_run_for(sim, 50 * MS);
    CHECK(!env_path_exists(env0, "/data/newcomer"));
    CHECK(votes_for(&puppets[1], 10, 50, 9));
    finish();
}

static bool votes_for_newcomer(struct puppet *puppet, uint64_t term, uint64_t last,
                               uint64_t last_term)
{
    Meta__RequestVote body = META__REQUEST_VOTE__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.term = term;
    body.candidate_id = (uint64_t)puppet->id + 1;
    body.last_log_index = last;
    body.last_log_term = last_term;
    body.newcomer = true;
    body.disrupt_leader = true;
    frame.body_case = META__FRAME__BODY_REQUEST_VOTE;
    frame.request_vote = &body;
    puppet_forget(puppet);
    link_send(puppet->out, &frame);
    sim_run_for(sim, 50 * MS);
    const Meta__Frame *answer = puppet_last(puppet, META__FRAME__BODY_REQUEST_VOTE_RESULT);
    return answer && answer->request_vote_result->vote_granted;
}

/* Puppet 1 lost its directory, and with it an entry that it had confirmed and we never had. What it
 * has fetched since is no shorter than our log: with our vote it would lead without that entry. */
static void an_emptied_voter_gets_no_vote(void)
{
    begin();
    CHECK(votes_for_newcomer(&puppets[1], 2, 1, 1)); /* while all are new */
    say_append(&puppets[0], 7, 1, 1, 7, 1, 1);
    sim_run_for(sim, 50 * MS);
    say_append(&puppets[0], 7, 2, 7, 7, 0, 2); /* heard: we are no newcomer any more */
    sim_run_for(sim, 50 * MS);
    CHECK(!votes_for_newcomer(&puppets[1], 8, 50, 7));
    CHECK(votes_for(&puppets[1], 9, 50, 7)); /* once it has caught up */
    finish();
}

/* Our leadership ends while we hand it over, and we are elected again soon: the core still holds
 * the transfer, and takes no entries. */
static void a_transfer_outlives_its_leadership(void)
{
    begin();
    uint64_t term = let_lead();
    sim_run_for(sim, 20 * MS);
    uint64_t last = (uint64_t)consensus_next_index(controller->consensus) - 1;
    say_appended(&puppets[0], term, last);
    sim_run_for(sim, 20 * MS);
    consensus_transfer(controller->consensus, NULL, NULL);
    sim_run_for(sim, 5 * MS);
    /* Another one leads than was to. */
    say_append(&puppets[1], term + 1, last, term, term + 1, 0, last);
    sim_run_for(sim, 5 * MS);
    CHECK(!controller_is_active(controller));
    puppet_forget(&puppets[0]);
    say_timeout_now(&puppets[1], term + 1, last, term);
    CHECK(sim_run_until(sim, saw_candidate, NULL, sim_now_us(sim) + SECOND / 10));
    term = puppet_last(&puppets[0], META__FRAME__BODY_REQUEST_VOTE)->request_vote->term;
    say_vote(&puppets[0], term, false);
    int64_t end_us = sim_now_us(sim) + 5 * SECOND;
    while (!controller_is_active(controller) && sim_now_us(sim) < end_us) {
        say_appended(&puppets[0], term, (uint64_t)consensus_next_index(controller->consensus) - 1);
        sim_run_for(sim, 10 * MS);
    }
    CHECK(controller_is_active(controller));
    finish();
}

/* 9: a transfer whose request gets lost is tried again, and given up in the end. */
static bool transferred;
static void on_transferred(void *data)
{
    (void)data;
    transferred = true;
}

static bool was_transferred(void *data)
{
    (void)data;
    return transferred;
}

static void a_lost_transfer_is_given_up(void)
{
    begin();
    uint64_t term = let_lead();
    transferred = false;
    consensus_transfer(controller->consensus, on_transferred, NULL);
    int64_t end_us = sim_now_us(sim) + 10 * SECOND;
    while (!transferred && sim_now_us(sim) < end_us) {
        say_appended(&puppets[0], term, (uint64_t)consensus_next_index(controller->consensus) - 1);
        sim_run_until(sim, was_transferred, NULL, sim_now_us(sim) + 20 * MS);
    }
    CHECK(transferred);
    CHECK(puppet_saw(&puppets[0], META__FRAME__BODY_TIMEOUT_NOW) >= 2);
    finish();
}

/* One is still under way when the node is to stop: the core ends it while it closes. */
static void a_stop_ends_a_transfer_that_is_under_way(void)
{
    begin();
    uint64_t term = let_lead();
    sim_run_for(sim, 20 * MS);
    say_appended(&puppets[0], term, (uint64_t)consensus_next_index(controller->consensus) - 1);
    sim_run_for(sim, 20 * MS);
    consensus_transfer(controller->consensus, NULL, NULL);
    sim_run_for(sim, 5 * MS);
    CHECK_INT(puppet_saw(&puppets[0], META__FRAME__BODY_TIMEOUT_NOW), 1);
    transferred = false;
    controller_stop(controller, on_transferred, NULL);
    CHECK(sim_run_until(sim, was_transferred, NULL, sim_now_us(sim) + SECOND));
    sim_run_for(sim, 20 * MS);
    finish();
}

/* Puppet 0 is connected and hangs: leadership goes to one that answers. */
static void a_transfer_goes_to_one_that_answers(void)
{
    begin();
    uint64_t term = let_lead();
    sim_run_for(sim, 50 * MS);
    uint64_t last = (uint64_t)consensus_next_index(controller->consensus) - 1;
    say_appended(&puppets[0], term, last);
    for (int i = 0; i < 100; i++) {
        say_appended(&puppets[1], term, last);
        sim_run_for(sim, 20 * MS);
    }
    CHECK(controller_is_active(controller));
    transferred = false;
    consensus_transfer(controller->consensus, on_transferred, NULL);
    sim_run_for(sim, 50 * MS);
    CHECK_INT(puppet_saw(&puppets[0], META__FRAME__BODY_TIMEOUT_NOW), 0);
    CHECK_INT(puppet_saw(&puppets[1], META__FRAME__BODY_TIMEOUT_NOW), 1);
    finish();
}

/* 10: the number of unfinished proposals is bounded. */
static void on_proposed(void *data, int err)
{
    (void)data;
    (void)err;
}

static void proposals_are_bounded(void)
{
    begin();
    let_lead();
    sim_run_for(sim, 5 * MS);
    int made = 0, err = 0;
    while (!err && made < 1000) {
        err = consensus_propose(controller->consensus, "", 0, on_proposed, NULL);
        made += err == 0;
    }
    CHECK_INT(err, ERR_AGAIN);
    CHECK(made <= 64);
    finish();
}

/* 11: other voters in the settings than in the log are refused with a sentence. */
static void other_voters_are_refused(void)
{
    static const struct controller_voter others[] = {
        {0, "node0", PORT}, {1, "node1", PORT}, {5, "node5", PORT}};
    begin();
    stop_node0();
    sim_node_restart(node0);
    struct buf problem;
    buf_init(&problem);
    CHECK_INT(start_node0(others, &problem), ERR_INVALID);
    CHECK(strstr(buf_text(&problem), "controller.quorum.voters") != NULL);
    buf_close(&problem);
    finish();
}

/* An answer to the first part of a cut AppendEntries does not count what an old leader left
 * behind. */
static void an_answer_claims_no_more_than_was_asked(void)
{
    begin();
    say_append(&puppets[1], 1, 1, 1, 1, 6, 1); /* 2..7 of term 1, not committed */
    sim_run_for(sim, 10 * MS);
    puppet_forget(&puppets[0]);
    say_append(&puppets[0], 2, 1, 1, 1, 2, 1); /* a new leader: 2..3 are the same */
    sim_run_for(sim, 10 * MS);
    const Meta__Frame *answer = puppet_last(&puppets[0], META__FRAME__BODY_APPEND_ENTRIES_RESULT);
    CHECK(answer != NULL);
    CHECK_INT(answer->append_entries_result->rejected, 0);
    CHECK_INT(answer->append_entries_result->last_log_index, 3);
    finish();
}

/* Frames that break a rule never reach the core. */
static void damaged_messages_are_dropped(void)
{
    begin();
    Meta__AppendEntries body = META__APPEND_ENTRIES__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    Meta__RaftEntry entry = META__RAFT_ENTRY__INIT, *entries[] = {&entry};
    uint8_t garbage[] = {1, 255, 255, 255, 255, 255, 255, 255, 255, 9};
    body.term = 1;
    body.prev_log_index = body.prev_log_term = 1;
    body.n_entries = 1;
    body.entries = entries;
    frame.body_case = META__FRAME__BODY_APPEND_ENTRIES;
    frame.append_entries = &body;
    entry.term = 1;
    for (uint32_t type = 0; type < 6; type++) {
        if (type == RAFT_COMMAND || type == RAFT_BARRIER)
            continue;
        entry.type = type;
        entry.data = (ProtobufCBinaryData){sizeof(garbage), garbage};
        link_send(puppets[1].out, &frame);
    }
    say_request_vote(&puppets[0], 1, 5, 5);
    sim_run_for(sim, 50 * MS);
    CHECK_INT(consensus_next_index(controller->consensus), 2);
    Meta__RequestVote vote = META__REQUEST_VOTE__INIT; /* in the name of another */
    vote.term = 50;
    vote.candidate_id = 3;
    vote.last_log_index = 100;
    frame.body_case = META__FRAME__BODY_REQUEST_VOTE;
    frame.request_vote = &vote;
    link_send(puppets[0].out, &frame);
    sim_run_for(sim, 50 * MS);
    CHECK(consensus_term(controller->consensus) < 50);
    finish();
}

TAP_MAIN(TAP_TEST(an_old_entry_waits_for_the_barrier), TAP_TEST(a_disk_error_stops_the_node),
         TAP_TEST(a_leaders_disk_error_stops_it), TAP_TEST(a_full_disk_stops_the_node),
         TAP_TEST(a_silent_peer_costs_bounded_memory),
         TAP_TEST(an_answer_without_an_address_is_dropped),
         TAP_TEST(an_answer_to_an_unknown_server_is_dropped),
         TAP_TEST(no_candidate_with_unfinished_writes),
         TAP_TEST(no_second_vote_for_a_transfer_target), TAP_TEST(a_late_pre_vote_is_told_our_term),
         TAP_TEST(an_emptied_voter_gives_no_vote), TAP_TEST(an_emptied_voter_gets_no_vote),
         TAP_TEST(a_transfer_outlives_its_leadership), TAP_TEST(a_lost_transfer_is_given_up),
         TAP_TEST(a_stop_ends_a_transfer_that_is_under_way),
         TAP_TEST(a_transfer_goes_to_one_that_answers), TAP_TEST(proposals_are_bounded),
         TAP_TEST(other_voters_are_refused), TAP_TEST(an_answer_claims_no_more_than_was_asked),
         TAP_TEST(damaged_messages_are_dropped))
