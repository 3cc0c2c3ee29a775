/* The controller in simulation: elections, kills, power cuts, cut networks, disk errors. */
#include "../unit/tap.h"

#include <raft.h>
#include <stdlib.h>

#include "base/mem.h"
#include "controller_world.h"
#include "meta/quota.h"

enum { SECOND = 1000 * 1000 };

static struct world world;

/* The library itself forgets a few bytes when it is closed while a snapshot is being installed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft.so\n";
}

static void one_node_serves(void)
{
    world_init(&world, 1, 1);
    CHECK(world_settle(&world, 2 * SECOND));
    CHECK(sim_now_us(world.sim) < SECOND);
    CHECK(image_cluster_id(world_image(&world))[0] != 0);
    world_close(&world);
}

static void three_nodes_serve(void)
{
    world_init(&world, 2, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    CHECK(world_agrees(&world, SECOND));
    world_close(&world);
}

/* ---- brokers ---- */

static bool fenced(int i)
{
    const struct image *image = world_image(&world);
    const struct image_broker *broker = image ? image_broker(image, i) : NULL;
    return broker && broker->fenced;
}

static int an_idle_node(void)
{
    return (world_active(&world) + 1) % 3;
}

static void a_killed_broker_is_fenced_at_once(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        world_init(&world, seed, 3);
        CHECK(world_settle(&world, 5 * SECOND));
        int i = an_idle_node();
        world_kill(&world, i, false);
        sim_run_for(world.sim, SECOND / 10);
        CHECK(fenced(i));
        world_start(&world, i);
        CHECK(world_settle(&world, 5 * SECOND));
        world_close(&world);
    }
}

static void a_silent_broker_times_out(void)
{
    world_init(&world, 3, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    int i = an_idle_node();
    world.members[i].fake->silent = true;
    sim_run_for(world.sim, 3 * SECOND / 2);
    CHECK(!fenced(i));
    sim_run_for(world.sim, SECOND);
    CHECK(fenced(i));
    world.members[i].fake->silent = false;
    sim_run_for(world.sim, SECOND);
    CHECK(!fenced(i));
    world_close(&world);
}

static void a_stepped_clock_fences_nobody(void)
{
    world_init(&world, 4, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    int64_t term = consensus_term(world.members[0].controller->consensus);
    for (int step = 0; step < 4; step++) {
        for (int i = 0; i < 3; i++)
            sim_node_set_wall_offset(world.members[i].node, (step % 2 ? 3600 : -3600) * 1000);
        sim_run_for(world.sim, SECOND);
        for (int i = 0; i < 3; i++)
            CHECK(!fenced(i));
    }
    CHECK_INT(consensus_term(world.members[0].controller->consensus), term);
    world_close(&world);
}

static void a_second_process_is_refused_while_the_first_lives(void)
{
    world_init(&world, 5, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    int i = an_idle_node();
    struct sim_node *node = sim_node_new(world.sim, "twin");
    struct env *env = sim_env_new(node);
    struct fake *twin = fake_new(&world, i, env);
    sim_run_for(world.sim, SECOND);
    CHECK_INT(twin->register_error, 101); /* DUPLICATE_BROKER_REGISTRATION */
    CHECK(!fenced(i));
    world_kill(&world, i, false);
    sim_run_for(world.sim, SECOND);
    CHECK_INT(twin->register_error, 0);
    CHECK(!fenced(i));
    fake_free(twin);
    world_close(&world);
}

/* ---- what brokers have applied ---- */

static int terms_known(const struct consensus *consensus, int64_t index)
{
    int known = 0;
    for (int64_t term = 0; term <= consensus_term(consensus) + 1; term++)
        known += consensus_knows(consensus, index, term);
    return known;
}

/* The broker registers again, and says that it has applied this. */
static int register_error(int64_t index, int64_t term)
{
    struct fake *fake = world.members[0].fake;
    fake->applied = index;
    fake->applied_term = term;
    fake->links[0].registered = false;
    sim_run_for(world.sim, SECOND);
    return fake->register_error;
}

/* Each start leaves a barrier, an entry that no broker sees: of another history with other terms
 * its place may hold a topic. */
static void a_broker_with_another_history_is_refused(void)
{
    int64_t term = 0;
    world_init(&world, 7, 1);
    for (int start = 0; start < 4; start++) {
        CHECK(world_settle(&world, 5 * SECOND));
        CHECK(consensus_term(world.members[0].controller->consensus) > term);
        term = consensus_term(world.members[0].controller->consensus);
        sim_run_for(world.sim, SECOND);
        world_kill(&world, 0, false);
        world_start(&world, 0);
    }
    CHECK(world_settle(&world, 5 * SECOND));
    sim_run_for(world.sim, SECOND);
    const struct consensus *consensus = world.members[0].controller->consensus;
    int64_t applied = consensus_applied(consensus), barrier = 0;
    for (int64_t index = 1; index <= applied; index++) {
        CHECK_INT(terms_known(consensus, index), 1);
        if (!world.hashes[index])
            barrier = index;
    }
    CHECK(barrier > 1 && barrier < applied);
    CHECK(consensus_knows(consensus, 0, 0));
    CHECK_INT(terms_known(consensus, applied + 1), 0);
    CHECK_INT(register_error(barrier, consensus_term(consensus)), 0);
    CHECK(register_error(barrier, consensus_term(consensus) - 1) != 0);
    CHECK_INT(register_error(barrier, consensus_term(consensus)), 0);
    world_close(&world);
}

/* Of an entry that only the snapshot stands for the term can be too new, and no more. */
static void of_compacted_entries_the_term_is_judged(void)
{
    world_init(&world, 8, 1);
    CHECK(world_settle(&world, 5 * SECOND));
    world.asking = true;
    const struct consensus *consensus = world.members[0].controller->consensus;
    for (int i = 0; i < 600 && consensus_applied(consensus) < 1500; i++)
        sim_run_for(world.sim, SECOND / 10);
    world.asking = false;
    int64_t term = consensus_term(consensus);
    CHECK(consensus_applied(consensus) >= 1500);
    CHECK(consensus_knows(consensus, 2, term));
    CHECK(!consensus_knows(consensus, 2, term + 1));
    world_close(&world);
}

static void check_refused(const char *cluster_id)
{
    world_init(&world, 6, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    struct sim_node *node = sim_node_new(world.sim, "stranger");
    struct fake *stranger = fake_new(&world, 9, sim_env_new(node));
    stranger->cluster_id = cluster_id;
    sim_run_for(world.sim, SECOND);
    CHECK_INT(stranger->welcome_error, 104); /* INCONSISTENT_CLUSTER_ID */
    CHECK(!image_broker(world_image(&world), 9));
    fake_free(stranger);
    world_close(&world);
}

static void another_cluster_is_refused(void)
{
    check_refused("AAAAAAAAAAAAAAAAAAAAAA");
    check_refused(""); /* who says none, and does not learn */
}

static const Meta__CommandReply *create_topic(int from, const char *name, int32_t partitions,
                                              int32_t factor)
{
    Meta__CreateTopics body = META__CREATE_TOPICS__INIT;
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *topics[] = {&topic};
    Meta__Command command = META__COMMAND__INIT;
    topic.name = (char *)(uintptr_t)name;
    topic.partitions = partitions;
    topic.replication_factor = factor;
    body.n_topics = 1;
    body.topics = topics;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.create_topics = &body;
    return world_ask(&world, from, &command);
}

static void a_thousand_partitions_are_one_command(void)
{
    world_init(&world, 7, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    const Meta__CommandReply *reply = create_topic(0, "wide", 1000, 3);
    CHECK(reply && reply->error == 0 && reply->topics[0]->error == 0);
    CHECK(reply->index > 0);
    CHECK(world_agrees(&world, SECOND));
    const struct image_topic *topic = image_topic_by_name(world_image(&world), "wide", 4);
    CHECK(topic && topic->partition_count == 1000);
    int leads[3] = {0};
    for (int32_t i = 0; i < 1000; i++)
        leads[topic->partitions[i].leader]++;
    for (int i = 0; i < 3; i++)
        CHECK(leads[i] >= 333 && leads[i] <= 334);
    world_close(&world);
}

/* ---- memory that is short for Raft ---- */

static int lacking; /* so many requests for memory fail */

static void *lack_malloc(void *data, size_t size)
{
    (void)data;
    return lacking > 0 && lacking-- > 0 ? NULL : malloc(size);
}

static void lack_free(void *data, void *ptr)
{
    (void)data;
    free(ptr);
}

static void *lack_calloc(void *data, size_t count, size_t size)
{
    (void)data;
    return calloc(count, size);
}

static void *lack_realloc(void *data, void *ptr, size_t size)
{
    (void)data;
    return realloc(ptr, size);
}

static void *lack_aligned_alloc(void *data, size_t alignment, size_t size)
{
    (void)data;
    return aligned_alloc(alignment, size);
}

static void lack_aligned_free(void *data, size_t alignment, void *ptr)
{
    (void)data;
    (void)alignment;
    free(ptr);
}

/* The controller goes on, and what it decides does not rest on what it could not propose. */
static void an_entry_without_memory_leaves_nothing(void)
{
    struct raft_heap heap = {.malloc = lack_malloc,
                             .free = lack_free,
                             .calloc = lack_calloc,
                             .realloc = lack_realloc,
                             .aligned_alloc = lack_aligned_alloc,
                             .aligned_free = lack_aligned_free};
    raft_heap_set(&heap);
    world_init(&world, 11, 1);
    CHECK(world_settle(&world, 2 * SECOND));
    lacking = 1;
    const Meta__CommandReply *reply = create_topic(0, "t", 1, 1);
    CHECK(lacking == 0);
    CHECK(reply && reply->error != 0);
    reply = create_topic(0, "t", 1, 1);
    CHECK(reply && reply->error == 0 && reply->topics[0]->error == 0);
    CHECK(world_agrees(&world, SECOND));
    world_close(&world);
    raft_heap_set_default();
}

/* A command is one step for readers and for the next controller, so one entry, however large:
 * 18,000 records here. */
static void a_large_command_is_one_entry(void)
{
    enum { TOPICS = 6000 };
    static Meta__CreateTopics__Topic bodies[TOPICS], *topics[TOPICS];
    static char names[TOPICS][16];
    Meta__ConfigEntry entry = META__CONFIG_ENTRY__INIT, *entries[] = {&entry};
    Meta__CreateTopics body = META__CREATE_TOPICS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    entry.key = "retention.ms";
    entry.value = "1000";
    for (int i = 0; i < TOPICS; i++) {
        meta__create_topics__topic__init(&bodies[i]);
        snprintf(names[i], sizeof(names[i]), "t%d", i);
        bodies[i].name = names[i];
        bodies[i].partitions = 1;
        bodies[i].replication_factor = 3;
        bodies[i].n_configs = 1;
        bodies[i].configs = entries;
        topics[i] = &bodies[i];
    }
    body.n_topics = TOPICS;
    body.topics = topics;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.create_topics = &body;
    world_init(&world, 7, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    int64_t before = create_topic(0, "first", 1, 3)->index;
    const Meta__CommandReply *reply = world_ask(&world, 0, &command);
    CHECK(reply && reply->error == 0);
    CHECK_INT(reply->index, before + 1);
    CHECK(world_agrees(&world, SECOND));
    CHECK_INT((int)image_topic_count(world_image(&world)), TOPICS + 1);
    world_close(&world);
}

/* As a leader does for a member that is stopping. */
static void drop_from_isr(const struct image_topic *topic, int32_t p, int32_t broker_id)
{
    const struct image_partition *from = image_partition(topic, p);
    Meta__AlterPartitions__IsrMember bodies[3], *members[3];
    Meta__AlterPartitions__Partition partition = META__ALTER_PARTITIONS__PARTITION__INIT,
                                     *partitions[] = {&partition};
    Meta__AlterPartitions alter = META__ALTER_PARTITIONS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    struct uuid id = topic->id;
    int32_t leader = from->leader;
    for (int32_t i = 0; i < from->isr.count; i++) {
        if (from->isr.ids[i] == broker_id)
            continue;
        Meta__AlterPartitions__IsrMember *member = &bodies[partition.n_isr];
        meta__alter_partitions__isr_member__init(member);
        member->broker_id = from->isr.ids[i];
        member->broker_epoch = -1;
        members[partition.n_isr++] = member;
    }
    partition.topic_id = (ProtobufCBinaryData){sizeof(id.bytes), id.bytes};
    partition.partition = p;
    partition.leader_epoch = from->leader_epoch;
    partition.partition_epoch = from->partition_epoch;
    partition.isr = members;
    alter.broker_id = leader;
    alter.broker_epoch = world.members[leader].fake->epoch;
    alter.n_partitions = 1;
    alter.partitions = partitions;
    command.body_case = META__COMMAND__BODY_ALTER_PARTITIONS;
    command.alter_partitions = &alter;
    const Meta__CommandReply *reply = world_ask(&world, leader, &command);
    CHECK(reply && reply->error == 0 && reply->partitions[0]->error == 0);
}

static void controlled_shutdown_moves_leaders_first(void)
{
    world_init(&world, 8, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    CHECK(create_topic(0, "t", 30, 3) != NULL);
    int i = an_idle_node();
    world.members[i].fake->want_shutdown = true;
    sim_run_for(world.sim, SECOND);
    CHECK(image_broker(world_image(&world), i)->stopping);
    const struct image_topic *topic = image_topic_by_name(world_image(&world), "t", 1);
    for (int32_t p = 0; p < 30; p++) {
        CHECK(topic->partitions[p].leader >= 0 && topic->partitions[p].leader != i);
        CHECK(!world.members[i].fake->may_shutdown); /* the leaders still wait for its fetches */
        drop_from_isr(topic, p, i);
    }
    sim_run_for(world.sim, SECOND);
    CHECK(world.members[i].fake->may_shutdown);
    world_close(&world);
}

static void the_quorum_is_described(void)
{
    Meta__Command command = META__COMMAND__INIT;
    Meta__DescribeQuorum body = META__DESCRIBE_QUORUM__INIT;
    world_init(&world, 9, 3);
    CHECK(world_settle(&world, 5 * SECOND));
    sim_run_for(world.sim, SECOND);
    command.body_case = META__COMMAND__BODY_DESCRIBE_QUORUM;
    command.describe_quorum = &body;
    const Meta__CommandReply *reply = world_ask(&world, 1, &command);
    CHECK(reply && reply->quorum);
    CHECK_INT(reply->quorum->leader_id, world_active(&world));
    CHECK_INT(reply->quorum->n_voters, 3);
    for (int i = 0; i < 3; i++)
        CHECK_INT(reply->quorum->voters[i]->log_end, reply->quorum->high_watermark);
    world_close(&world);
}

/* ---- fail-over ---- */

static bool another_leads(void *data)
{
    int *killed = data;
    int active = world_active(&world);
    return active >= 0 && active != *killed;
}

/* The new controller is there long before the election timeout of 300 ms could have run out. */
static void a_killed_controller_is_replaced_at_once(void)
{
    int slow = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        world_init(&world, seed, 3);
        CHECK(world_settle(&world, 5 * SECOND));
        CHECK(create_topic(0, "t", 30, 3) != NULL);
        int killed = world_active(&world);
        int64_t start_us = sim_now_us(world.sim);
        world_kill(&world, killed, false);
        CHECK(sim_run_until(world.sim, another_leads, &killed, start_us + 5 * SECOND));
        slow += sim_now_us(world.sim) - start_us > 200 * 1000;
        sim_run_for(world.sim, SECOND / 10);
        const struct image_topic *topic = image_topic_by_name(world_image(&world), "t", 1);
        for (int32_t p = 0; p < 30 && !slow; p++)
            CHECK(topic->partitions[p].leader >= 0 && topic->partitions[p].leader != killed);
        world_close(&world);
    }
    CHECK(slow <= 1);
}

static double quota_of(int i)
{
    static const char *const parts[QUOTA_PARTS] = {"alice", NULL, NULL};
    const struct image_quota *quota = image_quota(world.members[i].fake->image, parts);
    return quota && quota->has == 1u << QUOTA_PRODUCER_BYTE_RATE
               ? quota->values[QUOTA_PRODUCER_BYTE_RATE]
               : 0;
}

static void set_quota(int from, double value)
{
    Meta__QuotaPart part = META__QUOTA_PART__INIT, *parts[] = {&part};
    Meta__AlterClientQuotas__Op op = META__ALTER_CLIENT_QUOTAS__OP__INIT, *ops[] = {&op};
    Meta__AlterClientQuotas__Entry entry = META__ALTER_CLIENT_QUOTAS__ENTRY__INIT;
    Meta__AlterClientQuotas__Entry *entries[] = {&entry};
    Meta__AlterClientQuotas body = META__ALTER_CLIENT_QUOTAS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    part.type = "user";
    part.name = "alice";
    entry.n_parts = entry.n_ops = body.n_entries = 1;
    entry.parts = parts;
    entry.ops = ops;
    op.key = "producer_byte_rate";
    op.value = value;
    op.remove = value == 0;
    body.entries = entries;
    command.body_case = META__COMMAND__BODY_ALTER_CLIENT_QUOTAS;
    command.alter_client_quotas = &body;
    const Meta__CommandReply *reply = world_ask(&world, from, &command);
    CHECK(reply && reply->error == 0 && reply->n_quotas == 1);
    CHECK(reply && reply->quotas[0]->error == 0);
}

/* In the log and in snapshots, on each broker, also when the controller that decided is gone. */
static void quotas_are_kept(void)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        world_init(&world, seed, 3);
        world.snapshot_entries = seed % 2 ? 1 : 0;
        CHECK(world_settle(&world, 5 * SECOND));
        set_quota(0, 1000);
        int killed = world_active(&world);
        world_kill(&world, killed, false);
        CHECK(sim_run_until(world.sim, another_leads, &killed, sim_now_us(world.sim) + 5 * SECOND));
        world_start(&world, killed);
        CHECK(world_agrees(&world, 20 * SECOND));
        for (int i = 0; i < world.count; i++)
            CHECK(quota_of(i) == 1000);
        set_quota(killed, 0);
        CHECK(world_agrees(&world, 20 * SECOND));
        for (int i = 0; i < world.count; i++)
            CHECK(quota_of(i) == 0);
        world_close(&world);
    }
}

static bool is_stopped;
static void on_stopped(void *data)
{
    (void)data;
    is_stopped = true;
}

static bool was_stopped(void *data)
{
    (void)data;
    return is_stopped;
}

static void a_stopped_controller_hands_over(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        world_init(&world, seed, 3);
        CHECK(world_settle(&world, 5 * SECOND));
        int stopped = world_active(&world);
        is_stopped = false;
        controller_stop(world.members[stopped].controller, on_stopped, NULL);
        CHECK(sim_run_until(world.sim, was_stopped, NULL, sim_now_us(world.sim) + 5 * SECOND));
        CHECK(
            sim_run_until(world.sim, another_leads, &stopped, sim_now_us(world.sim) + 5 * SECOND));
        world_close(&world);
    }
}

/* ---- chaos ---- */

static void reap_failed(void)
{
    for (int i = 0; i < world.count; i++)
        if (world.members[i].up && world.members[i].failed)
            world_kill(&world, i, false);
}

static void one_fault(void)
{
    int i = (int)(sim_random(world.sim) % 3);
    struct member *member = &world.members[i];
    int fault = (int)(sim_random(world.sim) % 9);
    if (world.verbose)
        fprintf(stderr, "# %.3f fault %d at node %d\n", (double)sim_now_us(world.sim) / 1e6, fault,
                i);
    switch (fault) {
    case 0:
    case 1:
        world_kill(&world, i, false);
        break;
    case 2:
        world_kill(&world, i, true);
        break;
    case 3:
        for (int j = 0; j < world.count; j++)
            world_kill(&world, j, true);
        break;
    case 4:
        sim_isolate(world.sim, member->node);
        break;
    case 5:
        sim_cut(world.sim, member->node, world.members[(i + 1) % 3].node,
                sim_random(world.sim) % 2);
        break;
    case 6:
        if (member->up)
            sim_node_pause(member->node, (int64_t)(sim_random(world.sim) % (2 * SECOND)));
        break;
    case 7:
        if (member->up)
            sim_disk_fail_at(member->node, 1 + sim_random(world.sim) % 20);
        break;
    default:
        sim_heal_all(world.sim);
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
    world_init(&world, seed, 3);
    world.snapshot_entries = 20 + (int64_t)(seed % 60);
    world.asking = true;
    for (int round = 0; round < 12 && !world.broken; round++) {
        sim_run_for(world.sim, (int64_t)(sim_random(world.sim) % (SECOND / 2)));
        reap_failed();
        one_fault();
        sim_run_for(world.sim, (int64_t)(sim_random(world.sim) % SECOND));
        reap_failed();
        restart_some(false);
    }
    reap_failed();
    for (int i = 0; i < world.count; i++)
        sim_disk_fail_at(world.members[i].node, 0);
    sim_heal_all(world.sim);
    restart_some(true);
    world.asking = false;
    bool good = !world.broken && world_agrees(&world, 20 * SECOND);
    if (!good)
        printf("# seed %llu: %s, %d topics acknowledged\n", (unsigned long long)seed,
               world.broken ? world.broken : "no agreement", world.acked_count);
    for (int i = 0; !good && i < world.count; i++)
        if (world.members[i].up)
            printf("# node %d: controller at %lld, broker at %lld\n", i,
                   (long long)consensus_applied(world.members[i].controller->consensus),
                   (long long)world.members[i].fake->applied);
    world_close(&world);
    return good;
}

static void nothing_acknowledged_is_lost(void)
{
    const char *only = getenv("MILLRACE_SEED"), *count = getenv("MILLRACE_SEEDS");
    if (only) {
        CHECK(chaos(strtoull(only, NULL, 10)));
        return;
    }
    uint64_t last = count ? strtoull(count, NULL, 10) : 300;
    for (uint64_t seed = 1; seed <= last; seed++)
        CHECK(chaos(seed));
}

TAP_MAIN(TAP_TEST(one_node_serves), TAP_TEST(three_nodes_serve),
         TAP_TEST(a_killed_broker_is_fenced_at_once), TAP_TEST(a_silent_broker_times_out),
         TAP_TEST(a_stepped_clock_fences_nobody),
         TAP_TEST(a_second_process_is_refused_while_the_first_lives),
         TAP_TEST(a_broker_with_another_history_is_refused),
         TAP_TEST(of_compacted_entries_the_term_is_judged), TAP_TEST(another_cluster_is_refused),
         TAP_TEST(a_thousand_partitions_are_one_command), TAP_TEST(a_large_command_is_one_entry),
         TAP_TEST(an_entry_without_memory_leaves_nothing),
         TAP_TEST(controlled_shutdown_moves_leaders_first), TAP_TEST(the_quorum_is_described),
         TAP_TEST(a_killed_controller_is_replaced_at_once), TAP_TEST(quotas_are_kept),
         TAP_TEST(a_stopped_controller_hands_over), TAP_TEST(nothing_acknowledged_is_lost))
