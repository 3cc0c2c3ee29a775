/* A storm of 50 members, static and dynamic, that join and leave 200 times, crash, come back,
 * and lose their coordinator meanwhile. In no generation is a partition given to two members, and
 * no committed offset goes back. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "group_world.h"

enum { SLOTS = 50, PARTITIONS = 64, EVENTS = 200, SEEDS = 6, SESSION_MS = 6000 };

static const char group[] = "storm";

struct slot {
    int index;
    char instance[16]; /* "" = dynamic */
    char id[GROUP_WORLD_TEXT];
    bool alive;
    uint64_t life; /* answers to an earlier life are not heard */
    int32_t generation;
    bool assigned;
    bool fetched;
    uint64_t owned;
    int64_t position[PARTITIONS];
    struct env_timer timer;
};

/* An answer on its way to a member of one life. */
struct answer {
    struct slot *slot;
    uint64_t life;
    void *call;
    int32_t partition;
    int64_t offset;
};

static struct group_world world;
static struct slot slots[SLOTS];
static int64_t acked[PARTITIONS];
static struct map owners; /* generation << 8 | partition -> slot */
static struct answer answers[200000];
static size_t answer_count;
static int commits_acked, generations_seen;
static const char *problem;
static bool stopped_by_chance;

static void storm_tick(void *data);
static void storm_join(struct slot *slot);

static uint64_t chance(uint64_t n)
{
    return sim_random(world.sim) % n;
}

static const char *instance_of(const struct slot *slot)
{
    return slot->instance[0] ? slot->instance : NULL;
}

static struct answer *storm_answer(struct slot *slot, void *call)
{
    struct answer *answer = &answers[answer_count++];
    *answer = (struct answer){.slot = slot, .life = slot->life, .call = call};
    return answer;
}

static void storm_again(struct slot *slot, int64_t ms)
{
    env_timer_start(&slot->timer, ms);
}

static void storm_rejoin(struct slot *slot, bool forget)
{
    slot->assigned = slot->fetched = false;
    slot->owned = 0;
    if (forget)
        slot->id[0] = '\0';
    storm_join(slot);
}

static void storm_die(struct slot *slot)
{
    slot->alive = false;
    slot->life++;
    slot->assigned = slot->fetched = false;
    slot->owned = 0;
    slot->id[0] = '\0';
    env_timer_stop(&slot->timer);
}

/* What any answer may say; true when it was an error and was dealt with. */
static bool storm_failed(struct slot *slot, int err)
{
    switch (err) {
    case 0:
        return false;
    case ERR_NOT_COORDINATOR:
    case ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case ERR_COORDINATOR_NOT_AVAILABLE:
        storm_again(slot, 50);
        slot->assigned = false;
        return true;
    case ERR_FENCED_INSTANCE_ID:
        storm_die(slot);
        return true;
    case ERR_REBALANCE_IN_PROGRESS:
        storm_rejoin(slot, false);
        return true;
    default:
        storm_rejoin(slot, true);
        return true;
    }
}

/* ---- joining and syncing ---- */

static void storm_synced(void *data)
{
    struct answer *answer = data;
    struct slot *slot = answer->slot;
    struct group_world_sync *sync = answer->call;
    /* What was promised counts, whether or not the member still lives. */
    for (int p = 0; !sync->err && p < PARTITIONS; p++) {
        uint64_t key = (uint64_t)(uint32_t)sync->request.generation_id << 8 | (uint64_t)p;
        if (!(sync->assigned >> p & 1))
            continue;
        struct slot *owner = map_put_u64(&owners, key, slot);
        if (owner && owner != slot)
            problem = "a partition is owned twice in a generation";
    }
    if (slot->life != answer->life || storm_failed(slot, sync->err))
        return;
    slot->assigned = true;
    slot->owned = sync->assigned;
    generations_seen++;
    storm_again(slot, 1);
}

static void storm_sync(struct slot *slot, struct group_world_join *join)
{
    uint64_t masks[GROUP_WORLD_MEMBERS] = {0};
    bool leads = strcmp(join->leader, join->member_id) == 0 && !join->skip;
    if (leads) {
        for (int p = 0; p < PARTITIONS; p++)
            masks[(p + join->generation) % join->member_count] |= 1ULL << p;
    }
    struct group_world_sync *sync =
        group_world_sync(&world, group, slot->id, instance_of(slot), slot->generation,
                         join->members, masks, leads ? join->member_count : 0);
    sync->data = storm_answer(slot, sync);
    sync->answered = storm_synced;
}

static void storm_joined(void *data)
{
    struct answer *answer = data;
    struct slot *slot = answer->slot;
    struct group_world_join *join = answer->call;
    if (slot->life != answer->life)
        return;
    if (join->err == ERR_MEMBER_ID_REQUIRED) {
        snprintf(slot->id, sizeof(slot->id), "%s", join->member_id);
        storm_join(slot);
        return;
    }
    if (storm_failed(slot, join->err))
        return;
    snprintf(slot->id, sizeof(slot->id), "%s", join->member_id);
    slot->generation = join->generation;
    storm_sync(slot, join);
}

static void storm_join(struct slot *slot)
{
    struct group_world_join *join = GROUP_WORLD_JOIN(
        &world, .group = group, .member_id = slot->id, .instance = instance_of(slot),
        .session_ms = SESSION_MS, .rebalance_ms = 5000);
    env_timer_stop(&slot->timer);
    join->data = storm_answer(slot, join);
    join->answered = storm_joined;
}

/* ---- working ---- */

static void storm_fetch(struct slot *slot)
{
    for (int p = 0; p < PARTITIONS; p++) {
        if (!(slot->owned >> p & 1))
            continue;
        int64_t known = acked[p];
        int64_t offset = group_world_fetch(&world, group, "storm-topic", p);
        if (offset < -1)
            return;
        if (offset < known)
            problem = "a committed offset went back";
        slot->position[p] = offset < 0 ? 0 : offset;
    }
    slot->fetched = true;
}

static void storm_committed(void *data)
{
    struct answer *answer = data;
    struct group_world_commit *commit = answer->call;
    if (!commit->done) {
        problem = "a commit was never answered";
        return;
    }
    if (commit->err)
        return;
    commits_acked++;
    if (answer->offset < acked[answer->partition])
        problem = "an older offset was committed over a newer one";
    acked[answer->partition] = answer->offset;
}

/* The answer is looked at when it is there; the order of the answers is that of the log. */
static struct answer *pending_commits[100000];
static size_t pending_head, pending_tail;

static void storm_collect(void)
{
    while (pending_head < pending_tail &&
           ((struct group_world_commit *)pending_commits[pending_head]->call)->done)
        storm_committed(pending_commits[pending_head++]);
}

static void storm_commit(struct slot *slot)
{
    int p = (int)chance(PARTITIONS);
    if (!slot->owned)
        return;
    while (!(slot->owned >> p & 1))
        p = (p + 1) % PARTITIONS;
    slot->position[p] += (int64_t)chance(10);
    struct group_world_commit *commit =
        group_world_commit(&world, group, slot->id, instance_of(slot), slot->generation,
                           "storm-topic", p, slot->position[p]);
    struct answer *answer = storm_answer(slot, commit);
    answer->partition = p;
    answer->offset = slot->position[p];
    pending_commits[pending_tail++] = answer;
}

static void storm_tick(void *data)
{
    struct slot *slot = data;
    if (!slot->alive)
        return;
    if (!slot->id[0] || !slot->generation) {
        storm_join(slot);
        return;
    }
    /* It commits before it hears that the world has moved on, as a consumer does. */
    if (slot->fetched)
        for (int i = 0; i < 3; i++)
            storm_commit(slot);
    int err = group_world_heartbeat(&world, group, slot->id, instance_of(slot), slot->generation);
    if (storm_failed(slot, err))
        return;
    if (!slot->assigned) {
        storm_rejoin(slot, false);
        return;
    }
    if (!slot->fetched)
        storm_fetch(slot);
    /* Now and then it is stopped for longer than a rebalance or a session. */
    storm_again(slot, (int64_t)(chance(40) || !stopped_by_chance ? 200 + chance(600)
                                                                 : 3000 + chance(7000)));
}

/* ---- the storm ---- */

static void storm_start(struct slot *slot)
{
    slot->alive = true;
    slot->life++;
    slot->generation = 0;
    storm_again(slot, (int64_t)chance(200));
}

static void storm_event(struct slot *slot)
{
    if (!slot->alive) {
        storm_start(slot);
        return;
    }
    switch (chance(3)) {
    case 0: /* leaves */
        if (slot->id[0])
            (void)group_world_leave(&world, group, slot->id, instance_of(slot));
        storm_die(slot);
        break;
    case 1: /* crashes */
        storm_die(slot);
        break;
    default: /* restarts at once: a static member keeps its part */
        storm_die(slot);
        storm_start(slot);
        break;
    }
}

static void storm_run(int64_t ms)
{
    for (; ms > 0; ms -= 10) {
        group_world_run(&world, 10);
        storm_collect();
        CHECK_STR(problem ? problem : "", "");
    }
}

static void storm_check_calm(void)
{
    uint64_t all = 0;
    int32_t generation = 0;
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &slots[i];
        if (!slot->alive)
            continue;
        CHECK(slot->assigned);
        if (!generation)
            generation = slot->generation;
        CHECK_INT(slot->generation, generation);
        CHECK_INT(all & slot->owned, 0);
        all |= slot->owned;
    }
    CHECK(all == UINT64_MAX);
}

static void storm(uint64_t seed)
{
    group_world_init(&world, seed);
    group_world_add_topic(&world, "storm-topic", PARTITIONS);
    map_init(&owners);
    memset(slots, 0, sizeof(slots));
    memset(acked, 0xff, sizeof(acked));
    answer_count = pending_head = pending_tail = 0;
    commits_acked = generations_seen = 0;
    problem = NULL;
    stopped_by_chance = true;
    for (int i = 0; i < SLOTS; i++) {
        slots[i].index = i;
        if (i % 2)
            snprintf(slots[i].instance, sizeof(slots[i].instance), "instance-%d", i);
        env_timer_init(world.env, &slots[i].timer, storm_tick, &slots[i]);
        storm_start(&slots[i]);
    }
    storm_run(20000);
    for (int i = 0; i < EVENTS; i++) {
        storm_event(&slots[chance(SLOTS)]);
        if (chance(20) == 0)
            group_world_failover(&world, chance(2));
        storm_run((int64_t)(10 * (1 + chance(200))));
    }
    stopped_by_chance = false;
    storm_run(60000);
    storm_check_calm();
    CHECK(commits_acked > 1000);
    printf("# seed %d: %d assignments, %d commits\n", (int)seed, generations_seen, commits_acked);
    for (int i = 0; i < SLOTS; i++)
        env_timer_stop(&slots[i].timer);
    map_close(&owners);
    group_world_close(&world);
}

/* GROUP_STORM_SEEDS: more of them. */
static void storms(void)
{
    const char *many = getenv("GROUP_STORM_SEEDS");
    uint64_t seeds = many ? strtoull(many, NULL, 10) : SEEDS;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        storm(seed);
}

TAP_MAIN(TAP_TEST(storms))
