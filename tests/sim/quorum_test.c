/* A quorum that grows and changes: nodes that start in any order, come, go, crash at every step. */
#include "../unit/tap.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/consensus_private.h"
#include "controller/raft_sense.h"
#include "quorum_world.h"

/* The library itself forgets a few bytes when it is closed while a snapshot is being installed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft.so\n";
}

static int say(const char *what, uint64_t seed)
{
    printf("# seed %llu: %s (%s)\n", (unsigned long long)seed, what,
           world.broken ? world.broken : "");
    return 0;
}

/* ---- the tutorial ---- */

static void shuffle(int *order, int count)
{
    for (int i = 0; i < count; i++)
        order[i] = i;
    for (int i = count - 1; i > 0; i--) {
        int j = (int)(sim_random(world.sim) % (uint64_t)(i + 1)), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

static bool grows(uint64_t seed)
{
    int order[3];
    quorum_begin(seed, 3);
    world.listed = seed % 4 != 0;
    world.differ = seed % 4 == 1;
    world.supposed = seed % 4 == 2;
    world.unaware = seed % 8 == 3;
    shuffle(order, 3);
    for (int i = 0; i < 3; i++) {
        world_start(&world, order[i]);
        if (seed % 3)
            quorum_run_for((int64_t)(sim_random(world.sim) % (2 * SECOND)));
    }
    bool good = quorum_have_voters(3, 10 * SECOND) || say("no three voters", seed);
    world.asking = true;
    quorum_run_for(SECOND / 2);
    int killed = (int)(seed % 4 % 3);
    world_kill(&world, killed, seed % 5 == 0);
    quorum_run_for(2 * SECOND);
    world.asking = false;
    int acked = world.acked_count;
    good = good && (world_agrees(&world, 10 * SECOND) || say("no agreement after a kill", seed));
    good = good && (acked > 0 || say("nothing was acknowledged", seed));
    world_start(&world, killed);
    good = good && (world_agrees(&world, 10 * SECOND) || say("no agreement", seed));
    good = good && (quorum_voters() == 3 || say("a voter is lost", seed));
    world_close(&world);
    return good;
}

static void nodes_started_in_any_order_are_one_cluster(void)
{
    for (uint64_t seed = quorum_first(); seed < quorum_first() + quorum_seeds(60); seed++)
        CHECK(grows(seed));
}

static void store_failed(void *data, const char *sentence)
{
    (void)data;
    printf("# %s\n", sentence);
}

/* As if it had been started alone thousands of times: each start takes a term of its own. */
static void raise_term(int i, uint64_t term)
{
    struct sim_node *node = world.members[i].node;
    struct raft_store *store;
    struct buf problem;
    buf_init(&problem);
    sim_node_restart(node);
    CHECK_INT(raft_store_open(sim_env_new(node), &world.members[i].logger, "/data/controller",
                              store_failed, NULL, &problem, &store),
              0);
    CHECK_INT(raft_store_raise_term(store, term, raft_members_id(i)), 0);
    sim_node_kill(node);
    raft_store_free(store);
    buf_close(&problem);
}

static void a_node_that_was_alone_for_long_grows(void)
{
    quorum_begin(12, 3);
    world_start(&world, 0);
    CHECK(quorum_have_voters(1, 10 * SECOND));
    world_kill(&world, 0, false);
    raise_term(0, 4 * RAFT_SENSE_TERM_LEAP);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_agrees(&world, 5 * SECOND));
    world_close(&world);
}

/* What is supposed names the nodes of one machine: any of them comes up alone, and the others are
 * of its cluster. Who was named is waited for. */
static void the_last_of_the_list_founds_alone_where_nobody_named_it(void)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        quorum_begin(seed, 3);
        world.listed = true;
        world.supposed = seed % 2;
        world_start(&world, 2);
        quorum_run_for(10 * SECOND);
        CHECK_INT(world_active(&world), world.supposed ? 2 : -1);
        world_start(&world, seed % 3 == 0);
        world_start(&world, seed % 3 != 0);
        CHECK(quorum_have_voters(3, 10 * SECOND));
        CHECK(world_agrees(&world, 10 * SECOND));
        world_close(&world);
    }
}

/* Who takes connections and says nothing may know a quorum: it founded one, and stands still. */
static void who_is_silent_is_waited_for(void)
{
    quorum_begin(11, 3);
    world.listed = true;
    world.differ = true; /* 0: 0 and 1; 2: 2 and 0 */
    world_start(&world, 2);
    world_start(&world, 1);
    sim_node_pause(world.members[1].node, 5 * SECOND);
    world_start(&world, 0);
    quorum_run_for(4 * SECOND);
    CHECK_INT(world_active(&world), -1);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_agrees(&world, 10 * SECOND));
    world_close(&world);
}

/* ---- what a person asks for ---- */

static void a_voter_is_added_and_removed(void)
{
    quorum_begin(3, 3);
    world.joins = CONTROLLER_JOINS_NEVER;
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    quorum_run_for(5 * SECOND);
    CHECK_INT(quorum_voters(), 1);
    quorum_change(0, true, 1);
    CHECK(quorum_have_voters(2, 5 * SECOND));
    world_kill(&world, 0, true);
    world_kill(&world, 1, true);
    world_start(&world, 1);
    world_start(&world, 0);
    CHECK(world_settle(&world, 5 * SECOND));
    CHECK_INT(quorum_voters(), 2);
    quorum_change(2, true, 2);
    CHECK(quorum_have_voters(3, 5 * SECOND));
    CHECK(world_agrees(&world, 5 * SECOND));
    quorum_run_for(SECOND); /* the addition is over when it is committed */
    int active = world_active(&world);
    quorum_change(2, false, active); /* leadership goes first */
    quorum_run_for(SECOND);
    CHECK(world_active(&world) != active);
    quorum_change(2, false,
                  active); /* as a broker does that is told that this is not the controller */
    CHECK(quorum_have_voters(2, 5 * SECOND));
    CHECK(!world_is_member(&world, active, false));
    quorum_change(2, true, active);
    CHECK(quorum_have_voters(3, 5 * SECOND));
    CHECK(world_agrees(&world, 5 * SECOND));
    world_close(&world);
}

/* Also one that has asked to join a moment before; and it stays out when it starts again. */
static void who_was_removed_comes_back_only_if_told_so(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        bool always = seed % 2;
        quorum_begin(seed, 3);
        world.joins = always ? CONTROLLER_JOINS_ALWAYS : CONTROLLER_JOINS_TO_THREE;
        for (int i = 0; i < 3; i++)
            world_start(&world, i);
        CHECK(quorum_have_voters(3, 10 * SECOND));
        CHECK(world_agrees(&world, 5 * SECOND));
        int active = world_active(&world), removed = (active + 1) % 3;
        quorum_change(active, false, removed);
        CHECK(quorum_have_voters(2, 5 * SECOND));
        quorum_run_for(10 * SECOND);
        CHECK_INT(quorum_voters(), always ? 3 : 2);
        world_kill(&world, removed, seed % 3);
        world_start(&world, removed);
        quorum_run_for(10 * SECOND);
        CHECK_INT(quorum_voters(), always ? 3 : 2);
        quorum_look();
        CHECK(!world.broken);
        world_close(&world);
    }
}

/* An emptied founder must not found anew beside the quorum that it is a voter of. */
static void an_emptied_founder_comes_back(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        quorum_begin(seed, 3);
        world.listed = seed % 2;
        for (int i = 0; i < 3; i++)
            world_start(&world, i);
        CHECK(quorum_have_voters(3, 10 * SECOND));
        CHECK(world_agrees(&world, 5 * SECOND));
        int lost = (int)(seed % 3);
        world_kill(&world, lost, false);
        CHECK_INT(sim_disk_remove(world.members[lost].node, "/data/controller"), 0);
        quorum_run_for((int64_t)(sim_random(world.sim) % SECOND));
        world_start(&world, lost);
        quorum_run_for(3 * SECOND);
        CHECK(world_agrees(&world, 10 * SECOND));
        CHECK_INT(quorum_voters(), 3);
        /* It votes again. */
        world_kill(&world, (lost + 1) % 3, false);
        quorum_run_for(2 * SECOND);
        CHECK(world_settle(&world, 10 * SECOND));
        CHECK(!world.broken);
        world_close(&world);
    }
}

static int asked_to_add(const Meta__Member *voter)
{
    Meta__AddVoter add = META__ADD_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    Meta__Member copy = *voter;
    add.voter = &copy;
    add.timeout_ms = 1000;
    command.body_case = META__COMMAND__BODY_ADD_VOTER;
    command.add_voter = &add;
    const Meta__CommandReply *reply = world_ask(&world, 0, &command);
    return reply ? reply->error : -1;
}

static int asked_to_remove_from(int32_t id, struct uuid directory_id)
{
    Meta__RemoveVoter remove = META__REMOVE_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    remove.id = id;
    remove.directory_id = (ProtobufCBinaryData){sizeof(directory_id.bytes), directory_id.bytes};
    command.body_case = META__COMMAND__BODY_REMOVE_VOTER;
    command.remove_voter = &remove;
    const Meta__CommandReply *reply = world_ask(&world, 0, &command);
    return reply ? reply->error : -1;
}

static int asked_to_remove(int32_t id)
{
    struct uuid other;
    memset(other.bytes, 0xee, sizeof(other.bytes));
    return asked_to_remove_from(id, other);
}

/* The cluster's id, as the refusal names it. */
static const char *asked_of_another_cluster(void)
{
    static char named[64];
    Meta__RemoveVoter remove = META__REMOVE_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    remove.id = 1;
    remove.cluster_id = "other";
    command.body_case = META__COMMAND__BODY_REMOVE_VOTER;
    command.remove_voter = &remove;
    const Meta__CommandReply *reply = world_ask(&world, 0, &command);
    CHECK(reply && reply->error == err_to_wire(ERR_INCONSISTENT_CLUSTER_ID));
    named[0] = 0;
    if (reply)
        sscanf(reply->message, "The given id \"other\" doesn't match the cluster id \"%60[^\"]\"",
               named);
    return named;
}

static void what_can_not_be_a_voter_is_refused(void)
{
    static const char *const hosts[] = {"", "a/b", "a@b", "a b", "a\nb", "h\xc3\xb6", NULL};
    static const struct uuid zero;
    char *longest = mem_alloc(30001);
    uint8_t directory_id[16] = {7};
    Meta__Member voter = META__MEMBER__INIT;
    quorum_begin(5, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    for (int i = 0; i < 3; i++) {
        CHECK_INT(asked_to_remove(i), err_to_wire(ERR_VOTER_NOT_FOUND)); /* another directory */
        CHECK_INT(asked_to_remove_from(i, zero), err_to_wire(ERR_INVALID_REQUEST));
    }
    CHECK_INT(asked_to_remove(-1), err_to_wire(ERR_VOTER_NOT_FOUND));
    CHECK_INT(asked_to_remove(INT32_MIN), err_to_wire(ERR_VOTER_NOT_FOUND));
    voter.id = 7;
    voter.port = 9;
    for (int i = 0; hosts[i]; i++) {
        voter.host = (char *)(uintptr_t)hosts[i];
        CHECK_INT(asked_to_add(&voter), err_to_wire(ERR_INVALID_REQUEST));
    }
    memset(longest, 'h', 30000);
    voter.host = longest;
    voter.directory_id = (ProtobufCBinaryData){sizeof(directory_id), directory_id};
    CHECK_INT(asked_to_add(&voter), err_to_wire(ERR_INVALID_REQUEST));
    CHECK_STR(asked_of_another_cluster(), quorum_cluster);
    voter.host = "h";
    voter.directory_id.len = 0;
    CHECK_INT(asked_to_add(&voter), err_to_wire(ERR_INVALID_REQUEST));
    memset(directory_id, 0, sizeof(directory_id));
    voter.directory_id.len = sizeof(directory_id);
    CHECK_INT(asked_to_add(&voter), err_to_wire(ERR_INVALID_REQUEST));
    CHECK(world_agrees(&world, 5 * SECOND));
    CHECK_INT(quorum_voters(), 3);
    world_close(&world);
    mem_free(longest);
}

static int asked_to_update(const Meta__Member *voter, int64_t epoch)
{
    Meta__UpdateVoter update = META__UPDATE_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    Meta__Member copy = *voter;
    update.voter = &copy;
    update.leader_epoch = (int32_t)epoch;
    command.body_case = META__COMMAND__BODY_UPDATE_VOTER;
    command.update_voter = &update;
    const Meta__CommandReply *reply = world_ask(&world, 0, &command);
    return reply ? reply->error : -1;
}

/* Whoever asked waits until its broker has applied that; the stream has nothing of the quorum. */
static void check_index(const Meta__CommandReply *reply)
{
    const struct controller *active = world.members[world_active(&world)].controller;
    CHECK(reply->index <= stream_applied(active->stream));
}

static int asked_to_unregister(int32_t id)
{
    Meta__UnregisterController unregister = META__UNREGISTER_CONTROLLER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    unregister.id = id;
    command.body_case = META__COMMAND__BODY_UNREGISTER_CONTROLLER;
    command.unregister_controller = &unregister;
    const Meta__CommandReply *reply = world_ask(&world, 0, &command);
    if (reply)
        check_index(reply);
    return reply ? reply->error : -1;
}

static void stranger_accepted(void *data, struct env_stream *stream)
{
    (void)data;
    (void)stream; /* it says nothing; the world ends it */
}

/* A stranger at the port of a voter that is down. */
static struct env *listen_at(int i)
{
    struct env_listener *listener;
    sim_node_restart(world.members[i].node);
    struct env *env = sim_env_new(world.members[i].node);
    return env_listen(env, NULL, world.voters[i].port, stranger_accepted, NULL, &listener) ? NULL
                                                                                           : env;
}

static void stranger_hangs_up(void *data, struct env_stream *stream)
{
    (void)data;
    env_stream_close(stream);
}

/* Another program has the port of an address that nobody has named. Of one that was named it may be
 * a controller in trouble. */
static void a_stranger_on_a_supposed_port_is_nobody(void)
{
    for (int supposed = 0; supposed < 2; supposed++) {
        struct env_listener *listener;
        quorum_begin(19, 3);
        world.listed = true;
        world.supposed = supposed;
        sim_node_restart(world.members[0].node);
        struct env *env = sim_env_new(world.members[0].node);
        CHECK_INT(env_listen(env, NULL, world.voters[0].port, stranger_hangs_up, NULL, &listener),
                  0);
        world_start(&world, 1);
        quorum_run_for(10 * SECOND);
        CHECK_INT(world_active(&world), supposed ? 1 : -1);
        sim_node_kill(world.members[0].node);
        sim_env_reap(env);
        world_close(&world);
    }
}

/* A copy of a voter's disk asks with its id and the id of its directory while the voter lives, and
 * when it does not. */
static void a_copy_moves_no_voter(void)
{
    Meta__Member copy = META__MEMBER__INIT;
    Meta__Join join = META__JOIN__INIT;
    char host[] = "elsewhere";
    quorum_begin(11, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    int32_t active = world_active(&world), other = active == 2 ? 1 : 2;
    copy.id = other;
    copy.host = host;
    copy.port = 777;
    copy.directory_id = (ProtobufCBinaryData){16, world.directories[other].bytes};
    join.node = &copy;
    join.ready = join.wants = true;
    for (int i = 0; i < 50; i++) {
        if (i == 25)
            world_kill(&world, other, false);
        consensus_heard(quorum_active(), &join);
        quorum_run_for(200 * MS);
        CHECK(i >= 25 || !quorum_knows_place(other, host, 777));
    }
    CHECK(quorum_knows_place(other, host, 777)); /* nobody else is it */
    world_close(&world);
}

/* It is the voter with that id and directory; what can't be is refused and changes nothing. */
static void a_voter_is_told_to_be_elsewhere(void)
{
    Meta__Member voter = META__MEMBER__INIT;
    quorum_begin(9, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    int32_t active = world_active(&world), other = active == 2 ? 1 : 2;
    int64_t epoch = consensus_term(quorum_active());
    char host[] = "elsewhere";
    voter.id = other;
    voter.host = host;
    voter.port = 777;
    voter.directory_id = (ProtobufCBinaryData){16, world.directories[other].bytes};
    CHECK_INT(asked_to_update(&voter, epoch), err_to_wire(ERR_INVALID_REQUEST)); /* it answers */
    CHECK(!quorum_knows_place(other, host, 777));
    world_kill(&world, other, false);
    quorum_run_for(SECOND); /* it is noticed */
    CHECK(world_settle(&world, 10 * SECOND));
    struct env *stranger = listen_at(other); /* to take a connection is no answer */
    quorum_run_for(4 * SECOND);
    CHECK_INT(asked_to_update(&voter, epoch - 1), err_to_wire(ERR_FENCED_LEADER_EPOCH));
    CHECK_INT(asked_to_update(&voter, epoch + 1), err_to_wire(ERR_UNKNOWN_LEADER_EPOCH));
    voter.directory_id.data = world.directories[active].bytes;
    CHECK_INT(asked_to_update(&voter, epoch), err_to_wire(ERR_VOTER_NOT_FOUND));
    voter.id = active; /* which knows better */
    CHECK_INT(asked_to_update(&voter, epoch), err_to_wire(ERR_VOTER_NOT_FOUND));
    voter.id = 7;
    CHECK_INT(asked_to_update(&voter, epoch), err_to_wire(ERR_VOTER_NOT_FOUND));
    voter.id = other;
    voter.port = 0;
    CHECK_INT(asked_to_update(&voter, epoch), err_to_wire(ERR_INVALID_REQUEST));
    voter.port = 777;
    voter.directory_id.data = world.directories[other].bytes;
    CHECK(!quorum_knows_place(other, host, 777));
    CHECK_INT(asked_to_update(&voter, epoch), 0);
    CHECK(quorum_knows_place(other, host, 777));
    CHECK_INT(asked_to_update(&voter, epoch), 0);
    CHECK(stranger != NULL);
    sim_node_kill(world.members[other].node);
    world_start(&world, other);
    CHECK(world_agrees(&world, 10 * SECOND));
    CHECK(quorum_knows_place(other, world.voters[other].host, world.voters[other].port));
    CHECK_INT(quorum_voters(), 3);
    world_close(&world);
}

/* A node asks and follows; a person names its id and another directory. */
static void another_node_with_the_id_is_not_added(void)
{
    uint8_t directory_id[16] = {7};
    quorum_begin(13, 2);
    world.joins = CONTROLLER_JOINS_NEVER;
    for (int i = 0; i < 2; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(1, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    Meta__Member voter = META__MEMBER__INIT;
    voter.id = 1;
    voter.host = (char *)(uintptr_t)world.voters[1].host;
    voter.port = world.voters[1].port;
    voter.directory_id = (ProtobufCBinaryData){sizeof(directory_id), directory_id};
    raft_index before = raft_last_index(&quorum_active()->raft);
    CHECK_INT(asked_to_add(&voter), err_to_wire(ERR_REQUEST_TIMED_OUT));
    CHECK_INT(quorum_voters(), 1);
    /* It is added, becomes a stand-by, and is looked at once more: the two take no turns. */
    CHECK(raft_last_index(&quorum_active()->raft) - before <= 6);
    voter.directory_id.data = world.directories[1].bytes;
    CHECK_INT(asked_to_add(&voter), 0);
    CHECK_INT(quorum_voters(), 2);
    CHECK_INT(asked_to_add(&voter), err_to_wire(ERR_DUPLICATE_VOTER));
    world_close(&world);
}

/* A name of its host that it does not use itself. */
static void a_voter_is_added_by_another_name(void)
{
    char host[] = "10.0.0.2";
    quorum_begin(14, 2);
    world.joins = CONTROLLER_JOINS_NEVER;
    for (int i = 0; i < 2; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(1, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    CHECK_STR(sim_node_address(world.members[1].node), host);
    Meta__Member voter = META__MEMBER__INIT;
    voter.id = 1;
    voter.host = host;
    voter.port = world.voters[1].port;
    voter.directory_id = (ProtobufCBinaryData){16, world.directories[1].bytes};
    CHECK_INT(asked_to_add(&voter), 0);
    CHECK_INT(quorum_voters(), 2);
    CHECK(quorum_knows_place(1, world.voters[1].host, world.voters[1].port));
    world_close(&world);
}

/* One that does not vote; it is back when it asks again. */
static void a_controller_is_unregistered(void)
{
    quorum_begin(10, 3);
    for (int i = 0; i < 2; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(1, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    quorum_run_for(2 * SECOND);
    CHECK(world_is_member(&world, 1, false) && !world_is_member(&world, 1, true));
    CHECK_INT(asked_to_unregister(0), err_to_wire(ERR_INVALID_REQUEST));
    CHECK_INT(asked_to_unregister(7), err_to_wire(ERR_BROKER_ID_NOT_REGISTERED));
    CHECK_INT(asked_to_unregister(-1), err_to_wire(ERR_BROKER_ID_NOT_REGISTERED));
    world_kill(&world, 1, false);
    quorum_run_for(5 * SECOND); /* it is not counted on any more */
    CHECK_INT(asked_to_unregister(1), 0);
    CHECK(!world_is_member(&world, 1, false));
    CHECK_INT(asked_to_unregister(1), err_to_wire(ERR_BROKER_ID_NOT_REGISTERED));
    world_start(&world, 1);
    world_start(&world, 2);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_agrees(&world, 5 * SECOND));
    world_close(&world);
}

/* True when a node that followed was asked to be forgotten while it was becoming a voter. */
static bool unregisters_while_it_is_promoted(uint64_t seed)
{
    bool found = false;
    quorum_begin(seed, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    world.asking = true;
    for (int i = 0; i < 20000 && !found && quorum_voters() < 3; i++) {
        sim_run_for(world.sim, MS / 5);
        const struct raft *raft = world_active(&world) < 0 ? NULL : &quorum_active()->raft;
        found = raft && raft->state == RAFT_LEADER && raft->leader_state.promotee_id;
        if (found)
            CHECK_INT(asked_to_unregister(raft_members_node(raft->leader_state.promotee_id)),
                      err_to_wire(ERR_INVALID_REQUEST));
    }
    world.asking = false;
    CHECK(quorum_have_voters(3, 10 * SECOND));
    world_close(&world);
    return found;
}

static void who_votes_by_then_is_not_unregistered(void)
{
    bool found = false;
    for (uint64_t seed = 1; seed <= 40 && !found; seed++)
        found = unregisters_while_it_is_promoted(seed);
    CHECK(found);
}

/* Who was named and never came takes no place for ever: there is room for a few only. */
static void who_never_comes_is_forgotten(void)
{
    uint8_t directory_id[16] = {7};
    Meta__Member voter = META__MEMBER__INIT;
    quorum_begin(6, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    voter.host = (char *)(uintptr_t)world.voters[0].host;
    voter.port = 9;
    voter.directory_id = (ProtobufCBinaryData){sizeof(directory_id), directory_id};
    for (voter.id = 100; voter.id < 120; voter.id++) {
        CHECK_INT(asked_to_add(&voter), err_to_wire(ERR_REQUEST_TIMED_OUT));
        quorum_run_for(3 * SECOND);
    }
    quorum_run_for(40 * SECOND);
    const struct controller *active = world.members[world_active(&world)].controller;
    CHECK_INT(active->consensus->raft.configuration.n, 3);
    CHECK(world_agrees(&world, 5 * SECOND));
    world_close(&world);
}

static bool world_is_added(int32_t id)
{
    return raft_servers_find(&quorum_active()->raft, raft_members_id(id)) != NULL;
}

/* Else one request could keep all others from changing the quorum for weeks. */
static void an_addition_ends_though_it_has_time(void)
{
    uint8_t directory_id[16] = {7};
    Meta__Member voter = META__MEMBER__INIT;
    Meta__AddVoter add = META__ADD_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    quorum_begin(8, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    voter.id = 100;
    voter.host = (char *)(uintptr_t)world.voters[0].host;
    voter.port = 9;
    voter.directory_id = (ProtobufCBinaryData){sizeof(directory_id), directory_id};
    add.voter = &voter;
    add.timeout_ms = INT32_MAX;
    command.body_case = META__COMMAND__BODY_ADD_VOTER;
    command.add_voter = &add;
    CHECK(world_send(&world, 0, &command));
    quorum_run_for(SECOND);
    CHECK_INT(asked_to_remove(7), err_to_wire(ERR_REQUEST_TIMED_OUT));
    CHECK(world_is_added(100));
    quorum_run_for(12 * SECOND); /* nobody is there */
    CHECK_INT(asked_to_remove(7), err_to_wire(ERR_VOTER_NOT_FOUND));
    quorum_run_for(2 * SECOND);
    CHECK(!world_is_added(100));
    world_close(&world);
}

/* Silence tells nothing of a time in which the listener itself did not run. */
static void an_addition_outlives_a_machine_that_stood_still(void)
{
    quorum_begin(9, 4);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    world.joins = CONTROLLER_JOINS_NEVER;
    world_start(&world, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    quorum_change(0, true, 3);
    while (!world_is_added(3))
        sim_run_for(world.sim, MS / 10);
    for (int i = 0; i < 4; i++)
        sim_node_pause(world.members[i].node, 20 * SECOND);
    CHECK_INT(quorum_voters(), 3);
    CHECK(quorum_have_voters(4, 25 * SECOND));
    world_close(&world);
}

/* Nobody in the quorum calls at one that is no voter any more, but brokers do. */
static void a_founder_that_left_does_not_found_anew(void)
{
    quorum_begin(7, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_agrees(&world, 5 * SECOND));
    world_kill(&world, 0, false);
    CHECK(world_settle(&world, 10 * SECOND));
    quorum_change(1, false, 0);
    CHECK(quorum_have_voters(2, 5 * SECOND));
    world.members[1].fake->cluster_id = world.members[2].fake->cluster_id = quorum_cluster;
    CHECK_INT(sim_disk_remove(world.members[0].node, "/data/controller"), 0);
    world_start(&world, 0);
    quorum_run_for(5 * SECOND);
    CHECK(!world.broken);
    CHECK_INT(quorum_voters(), 2);
    world_close(&world);
}

/* ---- a crash at every step ---- */

/* The n-th change that a node makes to its disk is its last one; it starts again. False when it
 * made fewer. */
static bool crashes_at(int who, uint64_t n)
{
    quorum_begin(n * 7 + (uint64_t)who, 3);
    for (int i = 0; i < 3; i++) {
        if (i == who)
            sim_disk_crash_at(world.members[i].node, n);
        world_start(&world, i);
    }
    bool crashed = !world.members[who].up;
    if (crashed && !sim_node_is_down(world.members[who].node))
        sim_node_kill_power(world.members[who].node);
    if (crashed)
        world.broken = NULL; /* it crashed while it started */
    for (int i = 0; i < 100 && !crashed && quorum_voters() < 3; i++) {
        quorum_run_for(20 * MS);
        crashed = sim_node_is_down(world.members[who].node);
    }
    if (crashed) {
        world_kill(&world, who, true);
        quorum_run_for((int64_t)(sim_random(world.sim) % SECOND));
        world_start(&world, who);
    }
    CHECK(quorum_have_voters(3, 10 * SECOND));
    CHECK(world_agrees(&world, 10 * SECOND));
    world_close(&world);
    return crashed;
}

static void a_crash_at_any_step_of_growing_is_survived(void)
{
    for (int who = 0; who < 3; who++)
        for (uint64_t n = 1; crashes_at(who, n); n++)
            CHECK(!world.broken);
}

/* ---- a failing disk ---- */

/* The n-th disk call of the founder fails; it goes on, or stops and starts again. Then there are
 * two voters, of which each needs the other. False when it made fewer calls. */
static bool founds_with_error_at(uint64_t n)
{
    quorum_begin(n, 2);
    world.joins = CONTROLLER_JOINS_NEVER;
    sim_disk_fail_at(world.members[0].node, n);
    for (int i = 0; i < 2; i++)
        world_start(&world, i);
    world.broken = NULL; /* its start may fail */
    quorum_run_for(SECOND);
    bool failed = !sim_node_is_faulty(world.members[0].node);
    sim_disk_fail_at(world.members[0].node, 0);
    quorum_reap();
    if (!world.members[0].up)
        world_start(&world, 0);
    CHECK(quorum_have_voters(1, 10 * SECOND));
    quorum_run_for(SECOND);
    quorum_change(0, true, 1);
    CHECK(quorum_have_voters(2, 5 * SECOND));
    for (int i = 0; i < 2; i++)
        world_kill(&world, i, true);
    for (int i = 0; i < 2; i++)
        world_start(&world, i);
    CHECK(world_settle(&world, 10 * SECOND));
    CHECK_INT(quorum_voters(), 2);
    world_close(&world);
    return failed;
}

static void a_disk_error_while_founding_leaves_no_half_voter(void)
{
    uint64_t n = 1;
    while (founds_with_error_at(n))
        n++;
    CHECK(n > 10);
}

TAP_MAIN(TAP_TEST(a_voter_is_told_to_be_elsewhere), TAP_TEST(a_copy_moves_no_voter),
         TAP_TEST(a_node_that_was_alone_for_long_grows),
         TAP_TEST(who_votes_by_then_is_not_unregistered),

         TAP_TEST(another_node_with_the_id_is_not_added),
         TAP_TEST(a_voter_is_added_by_another_name), TAP_TEST(a_controller_is_unregistered),
         TAP_TEST(a_disk_error_while_founding_leaves_no_half_voter),
         TAP_TEST(nodes_started_in_any_order_are_one_cluster),
         TAP_TEST(the_last_of_the_list_founds_alone_where_nobody_named_it),
         TAP_TEST(a_stranger_on_a_supposed_port_is_nobody), TAP_TEST(who_is_silent_is_waited_for),
         TAP_TEST(a_voter_is_added_and_removed),
         TAP_TEST(who_was_removed_comes_back_only_if_told_so),
         TAP_TEST(an_emptied_founder_comes_back),

         TAP_TEST(what_can_not_be_a_voter_is_refused), TAP_TEST(who_never_comes_is_forgotten),
         TAP_TEST(an_addition_ends_though_it_has_time),
         TAP_TEST(an_addition_outlives_a_machine_that_stood_still),
         TAP_TEST(a_founder_that_left_does_not_found_anew),
         TAP_TEST(a_crash_at_any_step_of_growing_is_survived))
