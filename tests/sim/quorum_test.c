/* A quorum that grows and changes: nodes that start in any order, come, go, crash at every step. */
#include "../unit/tap.h"

#include <raft.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/consensus_private.h"
#include "controller_world.h"

enum { SECOND = 1000 * 1000, MS = 1000, TERMS_MAX = 20000 };

static struct world world;
static int leaders[TERMS_MAX]; /* one above the id of who led in the term */
static char cluster[64];

/* The library itself forgets a few bytes when it is closed while a snapshot is being installed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft.so\n";
}

static void begin(uint64_t seed, int count)
{
    world_init_growing(&world, seed, count);
    memset(leaders, 0, sizeof(leaders));
    cluster[0] = 0;
}

/* One leader in a term, one cluster for ever. */
static void look_at(const struct member *member, int i)
{
    const struct consensus *consensus = member->controller->consensus;
    const char *id = image_cluster_id(member->controller->image);
    raft_term term = consensus->raft.current_term;
    if (id[0] && !cluster[0])
        snprintf(cluster, sizeof(cluster), "%s", id);
    if (id[0] && strcmp(id, cluster) != 0)
        world.broken = "there are two clusters";
    if (consensus->raft.state != RAFT_LEADER || term >= TERMS_MAX)
        return;
    if (leaders[term] && leaders[term] != i + 1)
        world.broken = "two nodes led in one term";
    leaders[term] = i + 1;
}

static void look(void)
{
    for (int i = 0; i < world.count; i++)
        if (world.members[i].up && !world.members[i].failed)
            look_at(&world.members[i], i);
}

static void run_for(int64_t us)
{
    for (int64_t end_us = sim_now_us(world.sim) + us; sim_now_us(world.sim) < end_us;) {
        sim_run_for(world.sim, 2 * MS);
        look();
    }
}

static int voters(void)
{
    int count = 0;
    for (int i = 0; i < world.count; i++)
        count += world_is_member(&world, i, true);
    return count;
}

static bool have_voters(int count, int64_t limit_us)
{
    for (int64_t end_us = sim_now_us(world.sim) + limit_us; sim_now_us(world.sim) < end_us;) {
        if (world.broken || voters() == count)
            break;
        run_for(20 * MS);
    }
    return !world.broken && voters() == count;
}

static int say(const char *what, uint64_t seed)
{
    printf("# seed %llu: %s (%s)\n", (unsigned long long)seed, what,
           world.broken ? world.broken : "");
    return 0;
}

static void reap_failed(void)
{
    for (int i = 0; i < world.count; i++)
        if (world.members[i].up && world.members[i].failed)
            world_kill(&world, i, false);
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
    begin(seed, 3);
    world.listed = seed % 2;
    shuffle(order, 3);
    for (int i = 0; i < 3; i++) {
        world_start(&world, order[i]);
        if (seed % 3)
            run_for((int64_t)(sim_random(world.sim) % (2 * SECOND)));
    }
    bool good = have_voters(3, 10 * SECOND) || say("no three voters", seed);
    world.asking = true;
    run_for(SECOND / 2);
    int killed = (int)(seed % 4 % 3);
    world_kill(&world, killed, seed % 5 == 0);
    run_for(2 * SECOND);
    world.asking = false;
    int acked = world.acked_count;
    good = good && (world_agrees(&world, 10 * SECOND) || say("no agreement after a kill", seed));
    good = good && (acked > 0 || say("nothing was acknowledged", seed));
    world_start(&world, killed);
    good = good && (world_agrees(&world, 10 * SECOND) || say("no agreement", seed));
    good = good && (voters() == 3 || say("a voter is lost", seed));
    world_close(&world);
    return good;
}

static uint64_t seeds(uint64_t usual)
{
    const char *count = getenv("SIM_SEEDS");
    return count ? strtoull(count, NULL, 10) : usual;
}

static uint64_t first(void)
{
    const char *from = getenv("SIM_FIRST");
    return from ? strtoull(from, NULL, 10) : 1;
}

static void nodes_started_in_any_order_are_one_cluster(void)
{
    for (uint64_t seed = first(); seed < first() + seeds(60); seed++)
        CHECK(grows(seed));
}

/* ---- what a person asks for ---- */

static void change(int from, bool add, int id)
{
    Meta__Member voter = META__MEMBER__INIT;
    Meta__AddVoter add_voter = META__ADD_VOTER__INIT;
    Meta__RemoveVoter remove_voter = META__REMOVE_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    voter.id = remove_voter.id = id;
    voter.host = (char *)(uintptr_t)world.voters[id].host;
    voter.port = world.voters[id].port;
    add_voter.voter = &voter;
    add_voter.timeout_ms = 3000;
    command.body_case = add ? META__COMMAND__BODY_ADD_VOTER : META__COMMAND__BODY_REMOVE_VOTER;
    if (add)
        command.add_voter = &add_voter;
    else
        command.remove_voter = &remove_voter;
    (void)world_send(&world, from, &command);
}

static void a_voter_is_added_and_removed(void)
{
    begin(3, 3);
    world.joins = CONTROLLER_JOINS_NEVER;
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    run_for(5 * SECOND);
    CHECK_INT(voters(), 1);
    change(0, true, 1);
    CHECK(have_voters(2, 5 * SECOND));
    world_kill(&world, 0, true);
    world_kill(&world, 1, true);
    world_start(&world, 1);
    world_start(&world, 0);
    CHECK(world_settle(&world, 5 * SECOND));
    CHECK_INT(voters(), 2);
    change(2, true, 2);
    CHECK(have_voters(3, 5 * SECOND));
    CHECK(world_agrees(&world, 5 * SECOND));
    int active = world_active(&world);
    change(2, false, active); /* leadership goes first */
    run_for(SECOND);
    CHECK(world_active(&world) != active);
    change(2, false, active); /* as a broker does that is told that this is not the controller */
    CHECK(have_voters(2, 5 * SECOND));
    CHECK(!world_is_member(&world, active, false));
    change(2, true, active);
    CHECK(have_voters(3, 5 * SECOND));
    CHECK(world_agrees(&world, 5 * SECOND));
    world_close(&world);
}

/* An emptied founder must not found anew beside the quorum that it is a voter of. */
static void an_emptied_founder_comes_back(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        begin(seed, 3);
        world.listed = seed % 2;
        for (int i = 0; i < 3; i++)
            world_start(&world, i);
        CHECK(have_voters(3, 10 * SECOND));
        CHECK(world_agrees(&world, 5 * SECOND));
        int lost = (int)(seed % 3);
        world_kill(&world, lost, false);
        CHECK_INT(sim_disk_remove(world.members[lost].node, "/data/controller"), 0);
        run_for((int64_t)(sim_random(world.sim) % SECOND));
        world_start(&world, lost);
        run_for(3 * SECOND);
        CHECK(world_agrees(&world, 10 * SECOND));
        CHECK_INT(voters(), 3);
        /* It votes again. */
        world_kill(&world, (lost + 1) % 3, false);
        run_for(2 * SECOND);
        CHECK(world_settle(&world, 10 * SECOND));
        CHECK(!world.broken);
        world_close(&world);
    }
}

/* Each of them in turn, the leader too, comes back on another port, also while one is away. */
static void a_voter_that_moved_is_found(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        begin(seed, 3);
        for (int i = 0; i < 3; i++) {
            memset(world.directories[i].bytes, i + 1, sizeof(world.directories[i].bytes));
            world_start(&world, i);
        }
        CHECK(have_voters(3, 10 * SECOND));
        for (int i = 0; i < 3; i++) {
            world_kill(&world, i, seed % 2);
            run_for((int64_t)(sim_random(world.sim) % SECOND));
            world.voters[i].port += 100;
            world_start(&world, i);
            CHECK(world_agrees(&world, 10 * SECOND));
            world_kill(&world, (i + 1) % 3, false);
            run_for(2 * SECOND);
            CHECK(world_settle(&world, 10 * SECOND)); /* it votes */
            world_start(&world, (i + 1) % 3);
            CHECK(world_agrees(&world, 10 * SECOND));
            CHECK_INT(voters(), 3);
        }
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

static int asked_to_remove(int32_t id)
{
    struct uuid zero = {{0}};
    Meta__RemoveVoter remove = META__REMOVE_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    remove.id = id;
    remove.directory_id = (ProtobufCBinaryData){sizeof(zero.bytes), zero.bytes};
    command.body_case = META__COMMAND__BODY_REMOVE_VOTER;
    command.remove_voter = &remove;
    const Meta__CommandReply *reply = world_ask(&world, 0, &command);
    return reply ? reply->error : -1;
}

static void what_can_not_be_a_voter_is_refused(void)
{
    static const char *const hosts[] = {"", "a/b", "a@b", "a b", "a\nb", "h\xc3\xb6", NULL};
    char *longest = mem_alloc(30001);
    Meta__Member voter = META__MEMBER__INIT;
    begin(5, 3);
    for (int i = 0; i < 3; i++) {
        memset(world.directories[i].bytes, i + 1, sizeof(world.directories[i].bytes));
        world_start(&world, i);
    }
    CHECK(have_voters(3, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    for (int i = 0; i < 3; i++)
        CHECK_INT(asked_to_remove(i), err_to_wire(ERR_VOTER_NOT_FOUND)); /* another directory */
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
    CHECK_INT(asked_to_add(&voter), err_to_wire(ERR_INVALID_REQUEST));
    CHECK(world_agrees(&world, 5 * SECOND));
    CHECK_INT(voters(), 3);
    world_close(&world);
    mem_free(longest);
}

/* Who was named and never came takes no place for ever: there is room for a few only. */
static void who_never_comes_is_forgotten(void)
{
    Meta__Member voter = META__MEMBER__INIT;
    begin(6, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(have_voters(3, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    voter.host = (char *)(uintptr_t)world.voters[0].host;
    voter.port = 9;
    for (voter.id = 100; voter.id < 120; voter.id++) {
        CHECK_INT(asked_to_add(&voter), err_to_wire(ERR_REQUEST_TIMED_OUT));
        run_for(3 * SECOND);
    }
    run_for(40 * SECOND);
    const struct controller *active = world.members[world_active(&world)].controller;
    CHECK_INT(active->consensus->raft.configuration.n, 3);
    CHECK(world_agrees(&world, 5 * SECOND));
    world_close(&world);
}

/* Else one request could keep all others from changing the quorum for weeks. */
static void an_addition_ends_though_it_has_time(void)
{
    Meta__Member voter = META__MEMBER__INIT;
    Meta__AddVoter add = META__ADD_VOTER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    begin(8, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(have_voters(3, 10 * SECOND));
    CHECK(world_settle(&world, 5 * SECOND));
    voter.id = 100;
    voter.host = (char *)(uintptr_t)world.voters[0].host;
    voter.port = 9;
    add.voter = &voter;
    add.timeout_ms = INT32_MAX;
    command.body_case = META__COMMAND__BODY_ADD_VOTER;
    command.add_voter = &add;
    CHECK(world_send(&world, 0, &command));
    run_for(SECOND);
    CHECK_INT(asked_to_remove(7), err_to_wire(ERR_REQUEST_TIMED_OUT));
    run_for(70 * SECOND);
    CHECK_INT(asked_to_remove(7), err_to_wire(ERR_VOTER_NOT_FOUND));
    world_close(&world);
}

/* Nobody in the quorum calls at one that is no voter any more, but brokers do. */
static void a_founder_that_left_does_not_found_anew(void)
{
    begin(7, 3);
    for (int i = 0; i < 3; i++)
        world_start(&world, i);
    CHECK(have_voters(3, 10 * SECOND));
    CHECK(world_agrees(&world, 5 * SECOND));
    world_kill(&world, 0, false);
    CHECK(world_settle(&world, 10 * SECOND));
    change(1, false, 0);
    CHECK(have_voters(2, 5 * SECOND));
    world.members[1].fake->cluster_id = world.members[2].fake->cluster_id = cluster;
    CHECK_INT(sim_disk_remove(world.members[0].node, "/data/controller"), 0);
    world_start(&world, 0);
    run_for(5 * SECOND);
    CHECK(!world.broken);
    CHECK_INT(voters(), 2);
    world_close(&world);
}

/* ---- chaos ---- */

static void one_fault(void)
{
    int i = (int)(sim_random(world.sim) % (uint64_t)world.count);
    int j = (int)(sim_random(world.sim) % (uint64_t)world.count);
    struct member *member = &world.members[i];
    int fault = (int)(sim_random(world.sim) % 14);
    if (world.verbose)
        fprintf(stderr, "# %.3f fault %d at node %d, %d\n", (double)sim_now_us(world.sim) / 1e6,
                fault, i, j);
    switch (fault) {
    case 0:
        world_kill(&world, i, false);
        break;
    case 1:
        world_kill(&world, i, true);
        break;
    case 2:
        for (int k = 0; k < world.count; k++)
            world_kill(&world, k, true);
        break;
    case 3:
        sim_isolate(world.sim, member->node);
        break;
    case 4:
        if (i != j)
            sim_cut(world.sim, member->node, world.members[j].node, sim_random(world.sim) % 2);
        break;
    case 5:
        if (member->up)
            sim_node_pause(member->node, (int64_t)(sim_random(world.sim) % (2 * SECOND)));
        break;
    case 6:
        if (member->up)
            sim_disk_fail_at(member->node, 1 + sim_random(world.sim) % 20);
        break;
    case 7:
        sim_heal_all(world.sim);
        break;
    default: /* a change, and now and then the end of somebody in the middle of it */
        if (!member->up)
            break;
        change(i, fault % 2, j);
        run_for((int64_t)(sim_random(world.sim) % (20 * MS)));
        if (fault >= 12)
            world_kill(&world,
                       fault == 12                ? j
                       : world_active(&world) < 0 ? i
                                                  : world_active(&world),
                       sim_random(world.sim) % 2);
    }
}

static void restart_some(bool all)
{
    for (int i = 0; i < world.count; i++)
        if (!world.members[i].up && (all || sim_random(world.sim) % 2)) {
            sim_disk_fail_at(world.members[i].node, 0);
            world_start(&world, i);
        }
}

static bool chaos(uint64_t seed)
{
    begin(seed, 5);
    world.snapshot_entries = 20 + (int64_t)(seed % 60);
    world.joins = (enum controller_joins)(seed % 3);
    world.listed = seed % 2;
    for (int i = 0; i < world.count; i++)
        world_start(&world, i);
    world.asking = true;
    for (int round = 0; round < 14 && !world.broken; round++) {
        run_for((int64_t)(sim_random(world.sim) % (SECOND / 2)));
        reap_failed();
        one_fault();
        run_for((int64_t)(sim_random(world.sim) % SECOND));
        reap_failed();
        restart_some(false);
    }
    reap_failed();
    for (int i = 0; i < world.count; i++)
        sim_disk_fail_at(world.members[i].node, 0);
    sim_heal_all(world.sim);
    restart_some(true);
    run_for(SECOND);
    reap_failed();
    restart_some(true);
    world.asking = false;
    bool good = !world.broken && world_agrees(&world, 30 * SECOND);
    look();
    good = good && !world.broken;
    if (!good)
        printf("# seed %llu: %s, %d topics acknowledged, %d voters\n", (unsigned long long)seed,
               world.broken ? world.broken : "no agreement", world.acked_count, voters());
    world_close(&world);
    return good;
}

static void nothing_acknowledged_is_lost(void)
{
    for (uint64_t seed = first(); seed < first() + seeds(200); seed++)
        CHECK(chaos(seed));
}

/* ---- a crash at every step ---- */

/* The n-th change that a node makes to its disk is its last one; it starts again. False when it
 * made fewer. */
static bool crashes_at(int who, uint64_t n)
{
    begin(n * 7 + (uint64_t)who, 3);
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
    for (int i = 0; i < 100 && !crashed && voters() < 3; i++) {
        run_for(20 * MS);
        crashed = sim_node_is_down(world.members[who].node);
    }
    if (crashed) {
        world_kill(&world, who, true);
        run_for((int64_t)(sim_random(world.sim) % SECOND));
        world_start(&world, who);
    }
    CHECK(have_voters(3, 10 * SECOND));
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

TAP_MAIN(TAP_TEST(nodes_started_in_any_order_are_one_cluster),
         TAP_TEST(a_voter_is_added_and_removed), TAP_TEST(an_emptied_founder_comes_back),
         TAP_TEST(a_voter_that_moved_is_found), TAP_TEST(what_can_not_be_a_voter_is_refused),
         TAP_TEST(who_never_comes_is_forgotten), TAP_TEST(an_addition_ends_though_it_has_time),
         TAP_TEST(a_founder_that_left_does_not_found_anew),
         TAP_TEST(a_crash_at_any_step_of_growing_is_survived),
         TAP_TEST(nothing_acknowledged_is_lost))
