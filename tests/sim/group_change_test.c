/* Members that change between the classic and the consumer protocol (KIP-848) at any moment: groups
 * upgrade and downgrade in the middle of stores, while coordinators move at any append and keep a
 * part of what was not replicated, disks are full, batches are small, and a topic is deleted and
 * made again under the commits; and clients that mean harm (group_hostile.h) ask for what is huge,
 * unreadable or not theirs, in this group and in others. In no epoch does a partition have two
 * owners, and no acknowledged commit goes back; when it is calm again, everybody gets a part.
 *
 * Environment: SIM_SEEDS (how many, 100), SIM_FIRST (from which on), SIM_SEED (only that one, with
 * a trace). */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "broker/group/classic.h"
#include "broker/group/consumer.h"
#include "broker/group/group.h"
#include "broker/group/manager_private.h"
#include "group_hostile.h"
#include "group_world.h"
#include "kafka/batch.h"

enum {
    SLOTS = 5,
    TOPICS = 2,
    PARTITIONS = 8, /* of "t"; "u" has fewer */
    U_PARTITIONS = 4,
    STEPS = 120,
    SESSION_MS = 6000,
    REBALANCE_MS = 4000,
    CALM_MS = 90000,
    MEMORY_MAX = 8 << 20 /* of all groups, in half of the seeds: hostile ones fill it */
};

static const char group[] = "g";
static const char *const topics[TOPICS] = {"t", "u"};

/* One process after the other, which is a member; at most one at a time. */
struct slot {
    char instance[16]; /* "" = dynamic */
    char id[GROUP_WORLD_TEXT];
    bool alive;
    bool modern; /* speaks the consumer protocol */
    bool reads_u;
    bool in;       /* has a part, which may be empty */
    bool told;     /* the next heartbeat says what it has */
    bool busy;     /* a request is on its way */
    uint64_t life; /* answers to an earlier life are not heard */
    int32_t epoch; /* or generation */
    uint64_t owned[TOPICS];
    uint64_t held[TOPICS]; /* and what it gives up with its next heartbeat */
    uint64_t fetched[TOPICS];
    int64_t position[TOPICS][PARTITIONS];
    struct env_timer timer;
};

struct answer {
    struct slot *slot;
    uint64_t life;
    uint64_t reign;
    uint64_t incarnation;
    void *call;
};

struct pending {
    struct group_world_commit *commit;
    struct slot *slot;
    uint64_t life;
    uint64_t incarnation;
    int topic, partition;
    int64_t value;
};

enum { ANSWERS_MAX = 20000, PENDING_MAX = 40000 };

static struct group_world world;
static struct slot slots[SLOTS + 1]; /* the last one stands for all that mean harm */
static struct group_hostile hostile;
static struct map owners; /* reign, epoch, topic, partition -> slot */
static uint64_t reign;    /* a group that was empty counts its epochs from the start again */
static bool reigns;
static int32_t seen_epoch;  /* of the group, when it was looked at last, */
static int seen_loads;      /* and how often its partition was loaded by then */
static int move_at_batches; /* 0 = it does not */
static int64_t acked[TOPICS][PARTITIONS];
static int64_t gone;         /* what was issued for "u" before it was deleted last */
static uint64_t incarnation; /* of "u" */
static bool u_lives;
static int64_t last_value;
static struct answer answers[ANSWERS_MAX];
static size_t answer_count;
static struct pending pending[PENDING_MAX];
static size_t pending_head, pending_tail;
static int commits_acked, upgrades, parts_given, harmful, harmless;
static char problem[256];
static bool verbose;

#define SAY(...)                                                                                   \
    do {                                                                                           \
        if (verbose) {                                                                             \
            printf("# %8.3f ", (double)sim_now_us(world.sim) / 1e6);                               \
            printf(__VA_ARGS__);                                                                   \
        }                                                                                          \
    } while (0)

static uint64_t chance(uint64_t n)
{
    return sim_random(world.sim) % n;
}

static int number_of(const struct slot *slot)
{
    return (int)(slot - slots);
}

static const char *instance_of(const struct slot *slot)
{
    return slot->instance[0] ? slot->instance : NULL;
}

static const char *topics_of(const struct slot *slot)
{
    return slot->reads_u ? "t,u" : "t";
}

static struct answer *change_answer(struct slot *slot, void *call)
{
    ASSERT(answer_count < ANSWERS_MAX);
    struct answer *answer = &answers[answer_count++];
    *answer = (struct answer){
        .slot = slot, .life = slot->life, .reign = reign, .incarnation = incarnation, .call = call};
    slot->busy = true;
    return answer;
}

/* Whether the process that asked still waits for it. */
static bool change_hears(const struct answer *answer)
{
    struct slot *slot = answer->slot;
    if (slot->life != answer->life)
        return false;
    slot->busy = false;
    return true;
}

static void change_again(struct slot *slot, int64_t ms)
{
    env_timer_start(&slot->timer, ms);
}

static void change_drop(struct slot *slot)
{
    slot->in = slot->told = false;
    memset(slot->owned, 0, sizeof(slot->owned));
    memset(slot->held, 0, sizeof(slot->held));
    memset(slot->fetched, 0, sizeof(slot->fetched));
}

static void change_die(struct slot *slot)
{
    slot->alive = slot->busy = false;
    slot->life++;
    change_drop(slot);
    env_timer_stop(&slot->timer);
}

/* ---- owners ---- */

static int32_t change_epoch_of(const struct group *found)
{
    if (found && found->consumer)
        return found->consumer->epoch;
    return found && found->classic ? found->classic->generation : 0;
}

/* After each event, and before each request: whether the group has members. What waited for the
 * disk is done in a row, so one event may empty and delete it, and make it anew: its epoch goes
 * back then, although nobody has loaded it. */
static void change_watch(void)
{
    int index = group_world_partition(group), loads = world.logs[index].loads;
    struct shard *shard = map_get_u64(&world.manager->shards, (uint32_t)index);
    if (!shard || !machine_is_active(&shard->machine))
        return;
    const struct group *found = shard_find(shard, wire_str_from(group));
    bool empty = !found || group_is_empty(found);
    bool anew = loads == seen_loads && change_epoch_of(found) < seen_epoch;
    if ((reigns && empty) || anew)
        reign++;
    reigns = !empty;
    seen_loads = loads;
    seen_epoch = change_epoch_of(found);
}

/* What was promised counts, whether or not it was heard; but not of a "u" that is gone. */
static void change_promise(const struct answer *answer, int32_t epoch, uint64_t *masks)
{
    struct slot *slot = answer->slot;
    parts_given++;
    if (answer->incarnation != incarnation)
        masks[1] = 0;
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < PARTITIONS; p++) {
            uint64_t topic = t ? incarnation + 1 : 0;
            if (!(masks[t] >> p & 1))
                continue;
            struct slot *owner = map_put_u64(
                &owners, answer->reign << 48 | (uint64_t)epoch << 24 | topic << 8 | (uint64_t)p,
                slot);
            if (owner && owner != slot && !problem[0])
                snprintf(problem, sizeof(problem), "%s-%d has two owners in epoch %d: %d and %d",
                         topics[t], p, epoch, number_of(owner), number_of(slot));
        }
}

static void change_take(struct slot *slot, int32_t epoch, const uint64_t *masks)
{
    slot->epoch = epoch;
    slot->in = true;
    for (int t = 0; t < TOPICS; t++) {
        slot->told |= slot->owned[t] != masks[t];
        slot->owned[t] = masks[t];
        slot->held[t] |= masks[t];
        slot->fetched[t] &= slot->held[t];
    }
    if (!u_lives)
        slot->owned[1] = slot->held[1] = slot->fetched[1] = 0;
    SAY("%d has %llx %llx in %d\n", number_of(slot), (unsigned long long)slot->owned[0],
        (unsigned long long)slot->owned[1], epoch);
}

/* True when it was an error and was dealt with. */
static bool change_failed(struct slot *slot, const char *what, int err)
{
    if (!err)
        return false;
    SAY("%d: %s: %s\n", number_of(slot), what, err_text(err));
    slot->told = true;
    switch (err) {
    case ERR_NOT_COORDINATOR:
    case ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case ERR_COORDINATOR_NOT_AVAILABLE:
        break;
    case ERR_UNKNOWN_MEMBER_ID:
    case ERR_ILLEGAL_GENERATION:
        if (!slot->modern && err == ERR_UNKNOWN_MEMBER_ID)
            slot->id[0] = '\0';
        change_drop(slot);
        break;
    default:
        change_drop(slot);
        break;
    }
    change_again(slot, (int64_t)(20 + chance(200)));
    return true;
}

/* ---- the consumer protocol ---- */

static void change_beaten(void *data)
{
    struct answer *answer = data;
    struct slot *slot = answer->slot;
    struct group_world_beat *beat = answer->call;
    if (!beat->err && beat->has_assignment)
        change_promise(answer, beat->epoch, beat->assigned);
    if (!change_hears(answer) || change_failed(slot, "heartbeat", beat->err))
        return;
    change_take(slot, beat->epoch, beat->has_assignment ? beat->assigned : slot->owned);
    change_again(slot, (int64_t)(100 + chance(800)));
}

static void change_beat(struct slot *slot)
{
    bool joins = !slot->in;
    bool tells = joins || slot->told || chance(4) == 0;
    memcpy(slot->held, slot->owned, sizeof(slot->held));
    slot->told = false;
    struct group_world_beat *beat = GROUP_WORLD_BEAT(
        &world, .group = group, .member_id = slot->id, .epoch = joins ? 0 : slot->epoch,
        .instance = instance_of(slot), .topics = tells ? topics_of(slot) : NULL,
        .owned = tells ? slot->owned : NULL, .rebalance_ms = tells ? REBALANCE_MS : 0);
    beat->data = change_answer(slot, beat);
    beat->answered = change_beaten;
}

/* ---- the classic protocol ---- */

static void change_synced(void *data)
{
    struct answer *answer = data;
    struct slot *slot = answer->slot;
    struct group_world_sync *sync = answer->call;
    if (!sync->err && !sync->readable && !problem[0])
        snprintf(problem, sizeof(problem), "an assignment that can't be read");
    if (!sync->err)
        change_promise(answer, sync->request.generation_id, sync->masks);
    if (!change_hears(answer) || change_failed(slot, "sync", sync->err))
        return;
    change_take(slot, slot->epoch, sync->masks);
    change_again(slot, 1);
}

static void change_sync(struct slot *slot, struct group_world_join *join)
{
    uint64_t masks[GROUP_WORLD_MEMBERS] = {0};
    bool leads = strcmp(join->leader, join->member_id) == 0 && !join->skip;
    for (int p = 0; leads && p < PARTITIONS; p++)
        masks[(p + join->generation) % join->member_count] |= 1ULL << p;
    struct group_world_sync *sync =
        group_world_sync(&world, group, slot->id, instance_of(slot), slot->epoch, join->members,
                         masks, leads ? join->member_count : 0);
    sync->data = change_answer(slot, sync);
    sync->answered = change_synced;
}

static void change_join(struct slot *slot);

static void change_joined(void *data)
{
    struct answer *answer = data;
    struct slot *slot = answer->slot;
    struct group_world_join *join = answer->call;
    change_watch();
    if (!change_hears(answer))
        return;
    if (join->err == ERR_MEMBER_ID_REQUIRED) {
        snprintf(slot->id, sizeof(slot->id), "%s", join->member_id);
        change_join(slot);
        return;
    }
    if (change_failed(slot, "join", join->err))
        return;
    snprintf(slot->id, sizeof(slot->id), "%s", join->member_id);
    slot->epoch = join->generation;
    SAY("%d joined %d, %s\n", number_of(slot), slot->epoch,
        strcmp(join->leader, join->member_id) == 0 ? "leads" : "follows");
    change_sync(slot, join);
}

/* All is given up before. */
static void change_join(struct slot *slot)
{
    change_drop(slot);
    SAY("%d joins as \"%s\"\n", number_of(slot), slot->id);
    struct group_world_join *join = GROUP_WORLD_JOIN(
        &world, .group = group, .member_id = slot->id, .instance = instance_of(slot),
        .topics = topics_of(slot), .session_ms = SESSION_MS, .rebalance_ms = REBALANCE_MS);
    join->data = change_answer(slot, join);
    join->answered = change_joined;
}

/* ---- commits ---- */

static void change_collect(void)
{
    for (; pending_head < pending_tail; pending_head++) {
        struct pending *p = &pending[pending_head];
        if (!p->commit->done)
            return;
        bool of_old = p->topic && p->incarnation != incarnation;
        if (p->commit->err || p->slot->life != p->life || of_old)
            continue;
        commits_acked++;
        SAY("%d's commit of %s-%d at %lld is taken\n", number_of(p->slot), topics[p->topic],
            p->partition, (long long)p->value);
        int64_t *known = &acked[p->topic][p->partition];
        if (p->value < *known && !problem[0])
            snprintf(problem, sizeof(problem),
                     "%s-%d: %d's commit of %lld was taken after one of %lld", topics[p->topic],
                     p->partition, number_of(p->slot), (long long)p->value, (long long)*known);
        *known = p->value;
    }
}

static bool change_look_at(int t, int p, int64_t *seen)
{
    change_collect();
    *seen = group_world_fetch(&world, group, topics[t], p);
    if (*seen < -1)
        return false;
    bool stale = t && *seen >= 0 && *seen <= gone;
    if ((*seen < acked[t][p] || *seen > last_value || stale) && !problem[0])
        snprintf(problem, sizeof(problem),
                 "%s-%d is committed at %lld: acknowledged %lld, gone %lld, newest %lld", topics[t],
                 p, (long long)*seen, (long long)acked[t][p], (long long)(t ? gone : 0),
                 (long long)last_value);
    return true;
}

static bool change_may_read(int t, int p)
{
    return t == 0 || (u_lives && p < U_PARTITIONS);
}

/* Where it goes on with what is new to it. */
static void change_fetch(struct slot *slot)
{
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < PARTITIONS; p++) {
            int64_t seen;
            if (!((slot->owned[t] & ~slot->fetched[t]) >> p & 1) || !change_may_read(t, p) ||
                !change_look_at(t, p, &seen))
                continue;
            SAY("%d reads %s-%d from %lld\n", number_of(slot), topics[t], p, (long long)seen);
            slot->position[t][p] = seen;
            slot->fetched[t] |= 1ULL << p;
        }
}

/* It adds to where it was, so that one that was put out and goes on unheard is found by its lower
 * value. */
static void change_commit(struct slot *slot)
{
    int t = (int)chance(TOPICS);
    int p = (int)chance(PARTITIONS);
    if (!(slot->held[t] & slot->fetched[t]) || pending_tail == PENDING_MAX)
        return;
    while (!((slot->held[t] & slot->fetched[t]) >> p & 1))
        p = (p + 1) % PARTITIONS;
    if (!change_may_read(t, p))
        return;
    int64_t *position = &slot->position[t][p];
    if (t && *position <= gone)
        *position = gone;
    *position += 1 + (int64_t)chance(10);
    if (*position > last_value)
        last_value = *position;
    SAY("%d commits %s-%d at %lld\n", number_of(slot), topics[t], p, (long long)*position);
    struct pending *next = &pending[pending_tail];
    *next = (struct pending){.slot = slot,
                             .life = slot->life,
                             .incarnation = incarnation,
                             .topic = t,
                             .partition = p,
                             .value = *position};
    next->commit = group_world_commit(&world, group, slot->id, instance_of(slot), slot->epoch,
                                      topics[t], p, *position);
    pending_tail++;
}

static void change_tick(void *data)
{
    struct slot *slot = data;
    change_watch();
    if (!slot->alive || slot->busy)
        return;
    for (int i = 0; slot->in && i < 3; i++)
        change_commit(slot);
    if (slot->modern) {
        change_fetch(slot);
        change_beat(slot);
        return;
    }
    if (!slot->in) {
        change_join(slot);
        return;
    }
    int err = group_world_heartbeat(&world, group, slot->id, instance_of(slot), slot->epoch);
    if (err == ERR_REBALANCE_IN_PROGRESS) {
        change_join(slot);
        return;
    }
    if (change_failed(slot, "heartbeat", err))
        return;
    change_fetch(slot);
    change_again(slot, (int64_t)(100 + chance(800)));
}

/* ---- what happens ---- */

/* The new coordinator has some of what was not replicated: batches from the start on. */
static void change_move(int32_t i)
{
    struct group_world_log *log = &world.logs[i];
    struct batch batch;
    bool loses = chance(2);
    while (loses && log->safe_len < log->bytes.len && chance(3)) {
        int err =
            batch_parse(log->bytes.data + log->safe_len, log->bytes.len - log->safe_len, &batch);
        ASSERT(!err);
        log->safe_len += batch.size;
    }
    SAY("the coordinator moves, %zu bytes are lost\n", loses ? log->bytes.len - log->safe_len : 0);
    group_world_lose(&world, i, loses);
    group_world_lead(&world, i);
}

/* In the middle of a store: as soon as so many batches are appended and not replicated. */
static void change_move_at_append(void)
{
    int32_t i = group_world_partition(group);
    const struct group_world_log *log = &world.logs[i];
    struct batch batch;
    int batches = 0;
    for (size_t at = log->safe_len; move_at_batches && at < log->bytes.len; at += batch.size) {
        int err = batch_parse(log->bytes.data + at, log->bytes.len - at, &batch);
        ASSERT(!err);
        batches++;
    }
    if (!move_at_batches || batches < move_at_batches)
        return;
    move_at_batches = 0;
    world.append_error = 0;
    change_move(i);
}

/* After each event. */
static bool change_step(void *data)
{
    (void)data;
    change_watch();
    change_move_at_append();
    return false;
}

static void change_start(struct slot *slot, bool keep_id)
{
    slot->alive = true;
    slot->life++;
    slot->reads_u = chance(2);
    bool modern = chance(2);
    if (modern != slot->modern)
        upgrades++;
    slot->modern = modern;
    if (!modern && !keep_id)
        slot->id[0] = '\0';
    if (modern && (!keep_id || !slot->id[0]))
        snprintf(slot->id, sizeof(slot->id), "m-%d-%d", number_of(slot), (int)slot->life);
    SAY("%d starts as %s, \"%s\"\n", number_of(slot), modern ? "consumer" : "classic", slot->id);
    change_again(slot, (int64_t)chance(200));
}

/* Nobody waits for the answer. */
static void change_leave(struct slot *slot)
{
    SAY("%d leaves\n", number_of(slot));
    if (!slot->id[0])
        return;
    if (!slot->modern)
        (void)group_world_leave(&world, group, slot->id, instance_of(slot));
    else
        (void)GROUP_WORLD_BEAT(&world, .group = group, .member_id = slot->id,
                               .instance = instance_of(slot),
                               .epoch = instance_of(slot) && chance(2) ? -2 : -1);
}

static void change_event(struct slot *slot)
{
    if (!slot->alive) {
        change_start(slot, false);
        return;
    }
    uint64_t how = chance(4);
    if (how == 0)
        change_leave(slot);
    change_die(slot);
    SAY("%d is gone\n", number_of(slot));
    /* Restarts at once, under the id that it had or another. */
    if (how > 1)
        change_start(slot, how == 3 && !instance_of(slot));
}

static void change_resume(void)
{
    for (int i = 0; !world.hold && i < GROUP_WORLD_PARTITIONS; i++)
        if (!list_empty(&world.logs[i].waits) && !env_timer_running(&world.logs[i].safe_timer))
            env_timer_start(&world.logs[i].safe_timer, 1);
}

static void change_fault(void)
{
    static const int errors[] = {ERR_KAFKA_STORAGE_ERROR, ERR_NOT_ENOUGH_REPLICAS,
                                 ERR_NOT_LEADER_OR_FOLLOWER};
    static const size_t sizes[] = {600, 1200, 1 << 20};
    switch (chance(8)) {
    case 0:
        world.append_error = world.append_error ? 0 : errors[chance(ARRAY_LEN(errors))];
        world.check_passes = chance(2);
        SAY("appends: %s\n", world.append_error ? err_text(world.append_error) : "work");
        break;
    case 1:
        world.hold = !world.hold;
        SAY("%s\n", world.hold ? "nothing is replicated" : "replication goes on");
        break;
    case 2:
        world.batch_max = sizes[chance(ARRAY_LEN(sizes))];
        SAY("batches of %zu\n", world.batch_max);
        break;
    case 3:
    case 4:
        move_at_batches = 1 + (int)chance(3);
        SAY("the coordinator moves when %d batches are on their way\n", move_at_batches);
        break;
    default:
        world.append_error = 0;
        world.hold = false;
        change_move(group_world_partition(group));
        break;
    }
    change_resume();
}

/* ---- those that mean harm ---- */

static void *change_hostile_asks(void *data)
{
    (void)data;
    change_watch();
    return change_answer(&slots[SLOTS], NULL);
}

static void change_hostile_given(void *ticket, int32_t epoch, uint64_t *masks)
{
    change_promise(ticket, epoch, masks);
}

static void change_harm(void)
{
    const struct slot *slot = &slots[chance(SLOTS)];
    SAY("harm is done near %d\n", number_of(slot));
    group_hostile_act(&hostile, slot->id, slot->epoch);
}

static void change_topic(void)
{
    SAY("%s u\n", u_lives ? "deletes" : "makes");
    if (u_lives) {
        group_world_remove_topic(&world, "u");
        gone = last_value;
        incarnation++;
        for (int p = 0; p < PARTITIONS; p++)
            acked[1][p] = -1;
        for (int i = 0; i < SLOTS; i++) {
            slots[i].owned[1] = slots[i].held[1] = slots[i].fetched[1] = 0;
            slots[i].told = true;
        }
    }
    if (!u_lives || chance(2)) {
        group_world_add_topic(&world, "u", U_PARTITIONS);
        u_lives = true;
    } else {
        u_lives = false;
    }
}

static bool change_run(int64_t ms)
{
    int64_t until_us = sim_now_us(world.sim) + ms * 1000;
    change_watch();
    (void)sim_run_until(world.sim, change_step, NULL, until_us);
    sim_run_for(world.sim, until_us - sim_now_us(world.sim)); /* nothing happens any more */
    change_collect();
    if (hostile.problem && !problem[0])
        snprintf(problem, sizeof(problem), "%s was taken", hostile.problem);
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < PARTITIONS; p++) {
            int64_t seen;
            if (change_may_read(t, p))
                (void)change_look_at(t, p, &seen);
        }
    return !problem[0];
}

/* When nothing happens any more, everybody is in, and "t" is shared out. */
static bool change_settles(void)
{
    uint64_t all = 0;
    int alive = 0;
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &slots[i];
        if (!slot->alive)
            continue;
        alive++;
        if ((!slot->in || (all & slot->owned[0])) && !problem[0])
            snprintf(problem, sizeof(problem), "%d %s", i,
                     slot->in ? "has what another one has" : "has no part in the end");
        all |= slot->owned[0];
    }
    if (alive && all != (1U << PARTITIONS) - 1 && !problem[0])
        snprintf(problem, sizeof(problem), "nobody has some of t in the end: %llx",
                 (unsigned long long)all);
    return !problem[0];
}

static bool change_calm(void)
{
    move_at_batches = 0;
    world.append_error = 0;
    world.hold = world.check_passes = false;
    world.batch_max = 1 << 20;
    if (!u_lives)
        change_topic();
    change_resume();
    for (int64_t ms = 0; ms < CALM_MS; ms += 1000)
        if (!change_run(1000))
            return false;
    if (!change_settles())
        return false;
    for (int i = 0; i < SLOTS; i++)
        change_die(&slots[i]);
    group_world_failover(&world, false);
    if (!change_run(2000))
        return false;
    if (pending_head < pending_tail)
        snprintf(problem, sizeof(problem), "a commit was never answered");
    return !problem[0];
}

static bool change_course(void)
{
    for (int step = 0; step < STEPS; step++) {
        uint64_t what = chance(100);
        if (what < 30)
            change_event(&slots[chance(SLOTS)]);
        else if (what < 60)
            change_fault();
        else if (what < 66)
            change_topic();
        else if (what < 76)
            change_harm();
        if (!change_run((int64_t)(chance(3) ? chance(30) : chance(1500))))
            return false;
    }
    return change_calm();
}

static bool change_seed(uint64_t seed)
{
    group_world_init(&world, seed);
    world.real_assignments = true;
    world.deps.settings.consumer_session_ms = SESSION_MS;
    if (chance(2))
        world.deps.settings.memory_max = MEMORY_MAX;
    group_world_restart(&world);
    map_init(&owners);
    memset(slots, 0, sizeof(slots));
    hostile = (struct group_hostile){.world = &world,
                                     .group = group,
                                     .asks = change_hostile_asks,
                                     .given = change_hostile_given};
    group_hostile_init(&hostile);
    memset(acked, 0xff, sizeof(acked));
    answer_count = pending_head = pending_tail = 0;
    gone = last_value = 0;
    incarnation = reign = 0;
    reigns = false;
    seen_epoch = seen_loads = 0;
    move_at_batches = 0;
    u_lives = true;
    problem[0] = '\0';
    for (int i = 0; i < SLOTS; i++) {
        if (i % 2)
            snprintf(slots[i].instance, sizeof(slots[i].instance), "instance-%d", i);
        env_timer_init(world.env, &slots[i].timer, change_tick, &slots[i]);
        change_start(&slots[i], false);
    }
    bool ok = change_course();
    if (!ok)
        printf("# seed %llu: %s\n# replay: SIM_SEED=%llu build/tests/sim/group_change_test\n",
               (unsigned long long)seed, problem, (unsigned long long)seed);
    for (int i = 0; i < SLOTS; i++)
        env_timer_stop(&slots[i].timer);
    map_close(&owners);
    harmful += hostile.taken;
    harmless += hostile.refused;
    group_world_close(&world);
    group_hostile_close(&hostile);
    return ok;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void members_change_protocol(void)
{
    verbose = getenv("SIM_SEED") != NULL;
    uint64_t first = setting(verbose ? "SIM_SEED" : "SIM_FIRST", 1);
    uint64_t count = verbose ? 1 : setting("SIM_SEEDS", 100);
    int failed = 0;
    commits_acked = upgrades = parts_given = harmful = harmless = 0;
    uint64_t seed = first;
    for (; seed < first + count && failed < 5; seed++)
        failed += !change_seed(seed);
    printf(
        "# seeds %llu to %llu: %d changes of protocol, %d parts given, %d commits; of those that "
        "mean harm %d were let in, %d were not\n",
        (unsigned long long)first, (unsigned long long)seed - 1, upgrades, parts_given,
        commits_acked, harmful, harmless);
    CHECK_INT(failed, 0);
    CHECK(commits_acked > 0 && upgrades > 0);
}

TAP_MAIN(TAP_TEST(members_change_protocol))
