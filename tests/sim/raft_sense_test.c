/* Raft messages that decode and make no sense: nothing of them reaches the disk. */
#include "../unit/tap.h"

#include <string.h>

#include "controller/consensus.h"
#include "raft_puppets.h"

/* The library itself forgets a few bytes when it is closed while a snapshot is being installed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft.so\n";
}

static void say_install(struct puppet *puppet, uint64_t term, uint64_t last_term, const char *data)
{
    static uint8_t conf[] = {1, 3, 0, 0, 0, 0, 0, 0, 0,          /* */
                             1, 0, 0, 0, 0, 0, 0, 0, 'a', 0, 1,  /* id, address, role */
                             2, 0, 0, 0, 0, 0, 0, 0, 'b', 0, 1,  /* */
                             3, 0, 0, 0, 0, 0, 0, 0, 'c', 0, 1}; /* */
    Meta__InstallSnapshot body = META__INSTALL_SNAPSHOT__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.term = term;
    body.last_index = 50;
    body.last_term = last_term;
    body.conf_index = 1;
    body.conf = (ProtobufCBinaryData){sizeof(conf), conf};
    body.data = (ProtobufCBinaryData){strlen(data), (uint8_t *)(uintptr_t)data};
    frame.body_case = META__FRAME__BODY_INSTALL_SNAPSHOT;
    frame.install_snapshot = &body;
    link_send(puppet->out, &frame);
}

static void say_command(struct puppet *puppet, uint64_t term, const char *data)
{
    Meta__AppendEntries body = META__APPEND_ENTRIES__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    Meta__RaftEntry entry = META__RAFT_ENTRY__INIT, *entries[] = {&entry};
    entry.term = term;
    entry.type = RAFT_COMMAND;
    entry.data = (ProtobufCBinaryData){strlen(data), (uint8_t *)(uintptr_t)data};
    body.term = term;
    body.prev_log_index = body.prev_log_term = 1;
    body.leader_commit = 2;
    body.n_entries = 1;
    body.entries = entries;
    frame.body_case = META__FRAME__BODY_APPEND_ENTRIES;
    frame.append_entries = &body;
    link_send(puppet->out, &frame);
}

static void nonsense_reaches_no_disk(void)
{
    begin();
    struct puppet *puppet = &puppets[1];
    say_append(puppet, 3, 0, 0, 3, 6, 6);       /* another first entry than the one committed */
    say_append(puppet, 3, 1, 1, 9, 1, 1);       /* an entry of a later term than its leader's */
    say_append(puppet, 3, 1, 0, 3, 1, 1);       /* a place without a term */
    say_command(puppet, 3, "\xff\xff garbage"); /* an entry that is no metadata */
    say_install(puppet, 3, 2, "garbage");       /* a snapshot that does not decode */
    say_install(puppet, 3, 9, "");              /* of a later term than its leader's */
    say_request_vote(puppet, (uint64_t)1 << 40, 100, 1); /* a term far ahead */
    say_append(puppet, UINT64_MAX - 1, 1, 1, 1, 1, 1);
    say_request_vote(puppet, UINT64_MAX, 100, 1);
    sim_run_for(sim, 100 * MS);
    CHECK(consensus_term(controller->consensus) >= 0 && consensus_term(controller->consensus) < 3);
    CHECK_INT(consensus_next_index(controller->consensus), 2);
    CHECK(!node0_failed);
    stop_node0();
    sim_node_restart(node0);
    struct buf problem;
    buf_init(&problem);
    CHECK_INT(start_node0(voters, &problem), 0);
    buf_close(&problem);
    finish();
}

static void a_second_leader_of_a_term_is_refused(void)
{
    begin();
    uint64_t term = let_lead();
    sim_run_for(sim, 50 * MS);
    int64_t next = consensus_next_index(controller->consensus);
    say_append(&puppets[1], term, 1, 1, term, 8, 1);
    sim_run_for(sim, 50 * MS);
    CHECK(controller_is_active(controller));
    CHECK_INT(consensus_next_index(controller->consensus), next);
    CHECK(!node0_failed);
    finish();
}

/* Leadership is handed over: the candidate brings the term, and leads in it a moment later. */
static void a_leader_of_the_next_term_is_followed(void)
{
    begin();
    say_append(&puppets[0], 3, 1, 1, 3, 1, 1);
    sim_run_for(sim, 50 * MS);
    CHECK_INT(consensus_next_index(controller->consensus), 3);
    say_append(&puppets[0], 3, 2, 3, 3, 0, 2); /* a new voter has caught up, and may vote */
    sim_run_for(sim, 50 * MS);
    say_request_vote(&puppets[1], 4, 100, 3);
    sim_run_for(sim, 50 * MS);
    CHECK_INT(consensus_term(controller->consensus), 4);
    say_append(&puppets[1], 4, 2, 3, 4, 1, 2);
    sim_run_for(sim, 50 * MS);
    CHECK_INT(consensus_next_index(controller->consensus), 4);
    CHECK(!node0_failed);
    finish();
}

TAP_MAIN(TAP_TEST(nonsense_reaches_no_disk), TAP_TEST(a_second_leader_of_a_term_is_refused),
         TAP_TEST(a_leader_of_the_next_term_is_followed))
