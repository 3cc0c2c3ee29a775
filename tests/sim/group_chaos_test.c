/* Committed offsets against a model, under everything at once: commits on their way while topics
 * are deleted and made again, groups deleted, coordinators that move at any append and lose what
 * was not replicated, full disks, slow followers, small batches. What was acknowledged is never
 * lost and never goes back; what was deleted never comes back. Some offsets are of transactions:
 * nobody sees them before the commit marker was sent, nor ever when it is an abort; once the marker
 * is answered they are as good as any other. SIM_SEEDS says how many (200),
 * SIM_FIRST from which on, SIM_SEED which one, with a trace. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "broker/group/manager_private.h"
#include "group_world.h"

enum { GROUPS = 4, TOPICS = 3, PARTITIONS = 3, STEPS = 400, COMMITS_MAX = 4096, DELETES_MAX = 512 };
enum { PRODUCERS = 5, TXN_COMMITS_MAX = 12, TXN_ID = 4000 };

/* What is known of one offset. Values rise, so that they tell which commit they are from. */
struct model {
    int64_t floor;  /* acknowledged: it, or a later one, is there; -1 none */
    int64_t gone;   /* this and what was before it must not be seen any more */
    int64_t issued; /* the newest */
};

struct sent {
    struct group_world_commit *commit;
    struct model *model;
    int64_t value;
};

/* What may be seen of a value. */
enum fate { FATE_SENT, FATE_PENDING, FATE_COMMITTED, FATE_ABORTED };

struct txn {
    struct sent commits[TXN_COMMITS_MAX];
    bool acked[TXN_COMMITS_MAX];
    int groups[TXN_COMMITS_MAX];
    int count;
    bool failed; /* one of them was not acknowledged */
    bool ending;
    bool commit;
    struct group_world_mark *marks[GROUPS]; /* of each group's partition */
    bool marked[GROUPS];
    int16_t epoch;
};

struct deletion {
    struct group_delete op;
    struct delete_groups_request request;
    struct wire_str name;
    struct arena arena;
    int group;
    bool done;
    int64_t asked; /* values up to here were sent before */
};

static struct group_world world;
static struct model models[GROUPS][TOPICS][PARTITIONS];
static bool topic_lives[TOPICS];
static struct sent sent[COMMITS_MAX];
static size_t sent_count, sent_seen;
static struct deletion *deletions[DELETES_MAX];
static size_t deletion_count, deletion_seen;
static int64_t last_value;
static struct txn txns[PRODUCERS];
static uint8_t fates[2 * COMMITS_MAX];
static int acks, looks, txn_commits, txn_aborts, unstable;
static bool verbose;
static uint64_t seed_now;

static const char *const topic_names[TOPICS] = {"c0", "c1", "c2"};
static const char *const group_names[GROUPS] = {"g0", "g1", "g2", "g3"};

static uint64_t chance(uint64_t n)
{
    return sim_random(world.sim) % n;
}

/* ---- what happens ---- */

static void chaos_commit(void)
{
    int g = (int)chance(GROUPS);
    int t = (int)chance(TOPICS);
    int p = (int)chance(PARTITIONS);
    if (!topic_lives[t] || sent_count == COMMITS_MAX)
        return;
    struct sent *s = &sent[sent_count++];
    s->model = &models[g][t][p];
    s->value = s->model->issued = ++last_value;
    s->commit =
        group_world_commit(&world, group_names[g], NULL, NULL, -1, topic_names[t], p, s->value);
    if (verbose)
        printf("# commit %s %s-%d = %lld\n", group_names[g], topic_names[t], p,
               (long long)s->value);
}

static void chaos_txn_commit(void)
{
    int g = (int)chance(GROUPS);
    int t = (int)chance(TOPICS);
    int p = (int)chance(PARTITIONS);
    int producer = (int)chance(PRODUCERS);
    struct txn *txn = &txns[producer];
    if (!topic_lives[t] || txn->ending || txn->count == TXN_COMMITS_MAX ||
        last_value + 1 >= (int64_t)ARRAY_LEN(fates))
        return;
    struct sent *s = &txn->commits[txn->count];
    txn->groups[txn->count] = g;
    txn->acked[txn->count++] = false;
    s->model = &models[g][t][p];
    s->value = s->model->issued = ++last_value;
    fates[s->value] = FATE_PENDING;
    if (verbose)
        printf("# producer %d commits %s %s-%d = %lld\n", producer, group_names[g], topic_names[t],
               p, (long long)s->value);
    s->commit = group_world_commit_txn(&world, TXN_ID + producer, txn->epoch, group_names[g], NULL,
                                       -1, topic_names[t], p, s->value);
}

static void chaos_mark(struct txn *txn, int g)
{
    int producer = (int)(txn - txns);
    txn->marks[g] =
        group_world_mark(&world, group_names[g], TXN_ID + producer, txn->epoch, txn->commit);
}

/* As a producer and its coordinator do: only what was acknowledged is committed. */
static void chaos_txn_end(struct txn *txn, bool commit)
{
    if (txn->ending || txn->count == 0)
        return;
    for (int i = 0; i < txn->count; i++)
        if (txn->commits[i].commit)
            return;
    txn->ending = true;
    txn->commit = commit && !txn->failed;
    if (verbose)
        printf("# producer %d %s\n", (int)(txn - txns), txn->commit ? "commits" : "aborts");
    for (int i = 0; i < txn->count; i++)
        fates[txn->commits[i].value] = txn->commit ? FATE_COMMITTED : FATE_ABORTED;
    for (int i = 0; i < txn->count; i++)
        if (!txn->marks[txn->groups[i]])
            chaos_mark(txn, txn->groups[i]);
}

static void chaos_topic(void)
{
    int t = (int)chance(TOPICS);
    if (verbose)
        printf("# %s %s\n", topic_lives[t] ? "remove" : "add", topic_names[t]);
    if (!topic_lives[t]) {
        group_world_add_topic(&world, topic_names[t], PARTITIONS);
        topic_lives[t] = true;
        return;
    }
    group_world_remove_topic(&world, topic_names[t]);
    topic_lives[t] = false;
    for (int g = 0; g < GROUPS; g++)
        for (int p = 0; p < PARTITIONS; p++)
            models[g][t][p] = (struct model){.floor = -1, .gone = last_value, .issued = -1};
    if (chance(2)) {
        group_world_add_topic(&world, topic_names[t], PARTITIONS);
        topic_lives[t] = true;
    }
}

static void chaos_deleted(struct group_delete *op)
{
    CONTAINER_OF(op, struct deletion, op)->done = true;
}

/* From now on nobody knows, until it is answered. */
static void chaos_delete(void)
{
    if (deletion_count == DELETES_MAX)
        return;
    struct deletion *d = mem_alloc(sizeof(*d));
    deletions[deletion_count++] = d;
    d->group = (int)chance(GROUPS);
    d->name = wire_str_from(group_names[d->group]);
    d->asked = last_value;
    arena_init(&d->arena, 1 << 20);
    wire_defaults(&delete_groups_request_desc, &d->request);
    d->request.groups_names.items = &d->name;
    d->request.groups_names.count = 1;
    d->op.request = &d->request;
    d->op.arena = &d->arena;
    d->op.done = chaos_deleted;
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < PARTITIONS; p++)
            models[d->group][t][p].floor = -1;
    if (verbose)
        printf("# delete %s\n", group_names[d->group]);
    group_manager_delete(world.manager, &d->op);
}

static void chaos_fault(void)
{
    static const int errors[] = {ERR_KAFKA_STORAGE_ERROR, ERR_NOT_ENOUGH_REPLICAS,
                                 ERR_NOT_LEADER_OR_FOLLOWER};
    switch (chance(6)) {
    case 0:
        world.append_error = world.append_error ? 0 : errors[chance(ARRAY_LEN(errors))];
        world.check_passes = chance(2);
        break;
    case 1:
        world.hold = !world.hold;
        break;
    case 2:
        world.batch_max = chance(2) ? 200 : 1 << 20;
        break;
    default:
        world.append_error = 0;
        world.hold = false;
        group_world_failover(&world, chance(2));
        break;
    }
    if (verbose)
        printf("# error %d, check %d, hold %d, batches of %zu\n", world.append_error,
               !world.check_passes, world.hold, world.batch_max);
    for (int i = 0; !world.hold && i < GROUP_WORLD_PARTITIONS; i++)
        if (!list_empty(&world.logs[i].waits) && !env_timer_running(&world.logs[i].safe_timer))
            env_timer_start(&world.logs[i].safe_timer, 1);
}

/* ---- what must hold ---- */

static bool chaos_was_deleted(const struct sent *s)
{
    for (size_t i = 0; i < deletion_count; i++)
        if (s->model >= &models[deletions[i]->group][0][0] &&
            s->model <= &models[deletions[i]->group][TOPICS - 1][PARTITIONS - 1] &&
            s->value <= deletions[i]->asked)
            return true;
    return false;
}

static void chaos_raise(const struct sent *s)
{
    if (s->value > s->model->gone && s->value > s->model->floor && !chaos_was_deleted(s))
        s->model->floor = s->value;
}

static void chaos_txn_answers(struct txn *txn)
{
    for (int i = 0; i < txn->count; i++) {
        struct sent *s = &txn->commits[i];
        if (!s->commit || !s->commit->done)
            continue;
        txn->acked[i] = !s->commit->err;
        txn->failed |= s->commit->err != 0;
        s->commit = NULL;
    }
}

/* Markers are written until each is answered: as a transaction's coordinator does. */
static void chaos_txn_marks(struct txn *txn)
{
    bool over = true;
    for (int g = 0; g < GROUPS; g++) {
        struct group_world_mark *mark = txn->marks[g];
        if (mark && !txn->marked[g] && mark->done && mark->op.err)
            chaos_mark(txn, g);
        mark = txn->marks[g];
        txn->marked[g] |= mark && mark->done && !mark->op.err;
        over &= !mark || txn->marked[g];
    }
    if (!over)
        return;
    for (int i = 0; txn->commit && i < txn->count; i++)
        chaos_raise(&txn->commits[i]);
    txn_commits += txn->commit;
    txn_aborts += !txn->commit;
    *txn = (struct txn){.epoch = txn->epoch + (int16_t)chance(2)};
}

static void chaos_txns(void)
{
    for (int i = 0; i < PRODUCERS; i++) {
        chaos_txn_answers(&txns[i]);
        if (txns[i].ending)
            chaos_txn_marks(&txns[i]);
    }
}

/* Answers, in the order of the requests of one partition of the log. */
static void chaos_collect(void)
{
    for (size_t i = sent_seen; i < sent_count; i++) {
        struct sent *s = &sent[i];
        if (!s->commit || !s->commit->done)
            continue;
        if (verbose)
            printf("# %lld answered %d\n", (long long)s->value, s->commit->err);
        if (!s->commit->err) {
            acks++;
            chaos_raise(s);
        }
        s->commit = NULL;
    }
    while (sent_seen < sent_count && !sent[sent_seen].commit)
        sent_seen++;
    for (; deletion_seen < deletion_count && deletions[deletion_seen]->done; deletion_seen++) {
        struct deletion *d = deletions[deletion_seen];
        if (verbose)
            printf("# %s deleted up to %lld: %d\n", group_names[d->group], (long long)d->asked,
                   d->op.response.results.items[0].error_code);
        if (d->op.response.results.items[0].error_code)
            continue;
        for (int t = 0; t < TOPICS; t++)
            for (int p = 0; p < PARTITIONS; p++) {
                struct model *m = &models[d->group][t][p];
                m->gone = m->gone > d->asked ? m->gone : d->asked;
            }
    }
}

/* Who asks for stable offsets is told of what an open transaction has acknowledged. */
static void chaos_look_stable(void)
{
    world.stable = true;
    for (int i = 0; i < PRODUCERS; i++)
        for (int j = 0; !txns[i].ending && j < txns[i].count; j++) {
            const struct sent *s = &txns[i].commits[j];
            ptrdiff_t at = s->model - &models[0][0][0];
            if (!txns[i].acked[j] || s->value <= s->model->gone || chaos_was_deleted(s))
                continue;
            int64_t seen = group_world_fetch(&world, group_names[at / (TOPICS * PARTITIONS)],
                                             topic_names[at / PARTITIONS % TOPICS],
                                             (int32_t)(at % PARTITIONS));
            CHECK(seen < -1);
            unstable += seen == ERR_UNSTABLE_OFFSET_COMMIT;
        }
    world.stable = false;
}

static void chaos_look(void)
{
    chaos_look_stable();
    for (int g = 0; g < GROUPS; g++)
        for (int t = 0; t < TOPICS; t++)
            for (int p = 0; p < PARTITIONS; p++) {
                const struct model *m = &models[g][t][p];
                int64_t seen = group_world_fetch(&world, group_names[g], topic_names[t], p);
                if (seen < -1)
                    continue;
                looks++;
                bool good = seen >= m->floor && seen <= m->issued &&
                            (seen < 0 || (seen > m->gone && fates[seen] != FATE_PENDING &&
                                          fates[seen] != FATE_ABORTED));
                if (!good)
                    printf("# seed %llu: %s %s-%d is %lld: floor %lld, gone %lld, "
                           "issued %lld\n",
                           (unsigned long long)seed_now, group_names[g], topic_names[t], p,
                           (long long)seen, (long long)m->floor, (long long)m->gone,
                           (long long)m->issued);
                CHECK(good);
            }
}

static bool chaos_txns_are_over(void)
{
    for (int i = 0; i < PRODUCERS; i++)
        if (txns[i].count > 0)
            return false;
    return true;
}

static void chaos_end_txns(void)
{
    for (int n = 0; n < 100 && !chaos_txns_are_over(); n++) {
        for (int i = 0; i < PRODUCERS; i++)
            chaos_txn_end(&txns[i], chance(2));
        group_world_run(&world, 20);
        chaos_txns();
    }
    CHECK(chaos_txns_are_over());
}

/* Nothing is left of a transaction that has ended. */
static void chaos_check_no_pending(void)
{
    const struct shard *shard;
    size_t cursor = 0;
    while ((shard = map_next(&world.manager->shards, &cursor, NULL, NULL)))
        CHECK_INT((int)shard->open_txns.producers.count, 0);
}

static void chaos_calm(void)
{
    world.append_error = 0;
    world.hold = false;
    world.check_passes = false;
    world.batch_max = 1 << 20;
    for (int i = 0; i < GROUP_WORLD_PARTITIONS; i++)
        if (!list_empty(&world.logs[i].waits))
            env_timer_start(&world.logs[i].safe_timer, 1);
    group_world_run(&world, 120000);
    chaos_collect();
    chaos_end_txns();
    chaos_check_no_pending();
    chaos_look();
    group_world_failover(&world, false);
    group_world_run(&world, 1000);
    chaos_check_no_pending();
    chaos_look();
    for (size_t i = 0; i < deletion_count; i++)
        CHECK(deletions[i]->done);
    CHECK_INT((int)sent_seen, (int)sent_count);
}

static void chaos(uint64_t seed)
{
    group_world_init(&world, seed);
    sent_count = sent_seen = deletion_count = deletion_seen = 0;
    last_value = 0;
    memset(txns, 0, sizeof(txns));
    memset(fates, 0, sizeof(fates));
    for (int t = 0; t < TOPICS; t++) {
        group_world_add_topic(&world, topic_names[t], PARTITIONS);
        topic_lives[t] = true;
        for (int g = 0; g < GROUPS; g++)
            for (int p = 0; p < PARTITIONS; p++)
                models[g][t][p] = (struct model){.floor = -1, .gone = 0, .issued = -1};
    }
    for (int step = 0; step < STEPS; step++) {
        uint64_t what = chance(100);
        if (what < 35)
            chaos_commit();
        else if (what < 60)
            chaos_txn_commit();
        else if (what < 70)
            chaos_txn_end(&txns[chance(PRODUCERS)], chance(3) > 0);
        else if (what < 80)
            chaos_topic();
        else if (what < 85)
            chaos_delete();
        else if (what < 92)
            chaos_fault();
        else if (what < 94)
            group_world_run(&world, 600000); /* a walk */
        if (chance(3) == 0)
            group_world_run(&world, (int64_t)chance(10));
        chaos_collect();
        chaos_txns();
        if (chance(4) == 0)
            chaos_look();
    }
    chaos_calm();
    for (size_t i = 0; i < deletion_count; i++) {
        arena_close(&deletions[i]->arena);
        mem_free(deletions[i]);
    }
    group_world_close(&world);
}

static void many_seeds(void)
{
    const char *one = getenv("SIM_SEED");
    const char *many = getenv("SIM_SEEDS");
    const char *first = one ? one : getenv("SIM_FIRST");
    uint64_t count = many ? strtoull(many, NULL, 10) : 200;
    acks = looks = txn_commits = txn_aborts = unstable = 0;
    verbose = one != NULL;
    seed_now = first ? strtoull(first, NULL, 10) : 1;
    for (uint64_t left = one ? 1 : count; left > 0; left--, seed_now++)
        chaos(seed_now);
    printf(
        "# %d commits acknowledged, %d offsets looked at, %d transactions committed, %d aborted, "
        "%d offsets pending\n",
        acks, looks, txn_commits, txn_aborts, unstable);
    CHECK(acks > 0 && looks > 0);
    CHECK(txn_commits > 0 && txn_aborts > 0 && unstable > 0);
}

TAP_MAIN(TAP_TEST(many_seeds))
