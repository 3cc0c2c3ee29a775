/* A shard: the table of groups, and what the machine of its partition asks for.
 *
 * Loading: the machine replays all records (replay.c), then sessions start some groups at a time,
 * then all of them are served at once. Failure mode: the load fails; then the groups that were read
 * so far are forgotten, and the machine tries again. */
#include "broker/group/shard.h"

#include "base/err.h"
#include "base/plural.h"
#include "broker/group/classic.h"
#include "broker/group/consumer.h"
#include "broker/group/group.h"
#include "broker/group/lister.h"
#include "broker/group/replay.h"
#include "broker/group/sweep.h"

enum {
    SHARD_START_SLICE = 2000,   /* groups of one turn: a millisecond or so */
    SHARD_PATIENCE_MIN_MS = 100 /* how often it looks whether it may answer: limits may be 0 */
};

static struct shard *shard_of(struct machine *machine)
{
    return CONTAINER_OF(machine, struct shard, machine);
}

/* What holds between two events. */
static void shard_check(const struct shard *shard)
{
    bool starting = !list_empty(&shard->start_mark);
    ASSERT(!starting || shard->machine.state != MACHINE_ACTIVE);
    ASSERT(starting || !env_timer_running(&shard->start_timer));
    ASSERT(shard->groups.count == 0 || !list_empty(&shard->order));
}

/* ---- groups ---- */

struct group *shard_find(struct shard *shard, struct wire_str id)
{
    return map_get(&shard->groups, id.data, (size_t)id.len);
}

struct group *shard_group(struct shard *shard, struct wire_str id)
{
    struct group *group = shard_find(shard, id);
    if (group)
        return group;
    group = group_new(shard, id);
    map_put(&shard->groups, id.data, (size_t)id.len, group);
    ASSERT(group->shard == shard);
    ASSERT(!list_empty(&shard->order));
    return group;
}

/* ---- who may be heard ---- */

static int64_t shard_now_ms(const struct shard *shard)
{
    return env_now_ms(group_manager_deps(shard->manager)->env);
}

int shard_may_answer(struct shard *shard)
{
    int err = machine_may_answer(&shard->machine);
    if (err)
        shard->deaf_ms = shard_now_ms(shard);
    return err;
}

int shard_may_change(struct shard *shard)
{
    int err = machine_check(&shard->machine);
    if (err)
        shard->stuck_ms = shard_now_ms(shard);
    return err;
}

int64_t shard_patience_ms(struct shard *shard, int64_t limit_ms, bool changes)
{
    int err = shard_may_answer(shard);
    if (!err && changes)
        err = shard_may_change(shard);
    if (err)
        return limit_ms > SHARD_PATIENCE_MIN_MS ? limit_ms : SHARD_PATIENCE_MIN_MS;
    int64_t last_ms = shard->deaf_ms;
    if (changes && shard->stuck_ms > last_ms)
        last_ms = shard->stuck_ms;
    int64_t heard_ms = shard_now_ms(shard) - last_ms;
    ASSERT(heard_ms >= 0);
    return last_ms < 0 || heard_ms >= limit_ms ? 0 : limit_ms - heard_ms;
}

/* ---- what the machine asks for ---- */

static void shard_replay(struct machine *machine, const struct batch *batch,
                         const struct record *record)
{
    replay_record(shard_of(machine), batch, record);
}

static void shard_forget(struct machine *machine, int err)
{
    struct shard *shard = shard_of(machine);
    struct group *group;
    size_t cursor = 0;
    env_timer_stop(&shard->start_timer);
    list_remove(&shard->start_mark);
    open_txns_clear(&shard->open_txns);
    while ((group = map_next(&shard->groups, &cursor, NULL, NULL))) {
        if (group->classic)
            classic_free(group->classic, err);
        if (group->consumer)
            consumer_free(group->consumer);
        group->classic = NULL;
        group->consumer = NULL;
        group_free(group);
    }
    map_close(&shard->groups);
    map_init(&shard->groups);
    ASSERT(list_empty(&shard->order));
    ASSERT(shard->groups.count == 0);
    shard_check(shard);
}

/* Walks over groups leave. */
static void shard_lost(struct machine *machine)
{
    struct shard *shard = shard_of(machine);
    txn_guards_break_all(&shard->guards, ERR_NOT_COORDINATOR);
    sweep_leave(group_manager_sweep(shard->manager), shard);
    lister_leave(group_manager_lister(shard->manager), shard);
}

static void shard_started(struct shard *shard)
{
    ASSERT(list_empty(&shard->start_mark));
    const struct group_manager_deps *deps = group_manager_deps(shard->manager);
    const struct machine *machine = &shard->machine;
    machine_serve(&shard->machine);
    logger_print(deps->logger, shard->groups.count ? LOGGER_INFO : LOGGER_DEBUG,
                 "loaded %zu %s of %s-%d, %lld bytes, in %.1f ms", shard->groups.count,
                 plural((int64_t)shard->groups.count, "group", "groups"), GROUP_OFFSETS_TOPIC,
                 machine->index, (long long)machine->loaded_bytes,
                 (double)(env_now_us(deps->env) - machine->load_started_us) / 1000.0);
    sweep_start(group_manager_sweep(shard->manager)); /* topics may have gone meanwhile */
    shard_check(shard);
}

static void shard_start_groups(void *data)
{
    struct shard *shard = data;
    ASSERT(!list_empty(&shard->start_mark));
    for (int n = 0; n < SHARD_START_SLICE && shard->start_mark.next != &shard->order; n++) {
        struct list *next = shard->start_mark.next;
        list_remove(&shard->start_mark);
        list_push(next->next, &shard->start_mark);
        replay_start_group(LIST_ENTRY(next, struct group, link)); /* may free it */
    }
    if (shard->start_mark.next != &shard->order) {
        env_timer_start(&shard->start_timer, 0);
        return;
    }
    list_remove(&shard->start_mark);
    shard_started(shard);
}

static void shard_loaded(struct machine *machine)
{
    struct shard *shard = shard_of(machine);
    ASSERT(list_empty(&shard->start_mark));
    list_push(shard->order.next, &shard->start_mark);
    shard_start_groups(shard);
}

const struct machine_client shard_client = {
    .what = "groups",
    .too_large_err = ERR_INVALID_COMMIT_OFFSET_SIZE,
    .replay = shard_replay,
    .loaded = shard_loaded,
    .lost = shard_lost,
    .forget = shard_forget,
};

/* ---- life ---- */

struct shard *shard_new(struct group_manager *manager, int32_t index)
{
    struct shard *shard = mem_alloc(sizeof(*shard));
    shard->manager = manager;
    shard->deaf_ms = shard->stuck_ms = -1;
    map_init(&shard->groups);
    open_txns_init(&shard->open_txns);
    txn_guards_init(&shard->guards);
    list_init(&shard->order);
    list_init(&shard->start_mark);
    env_timer_init(group_manager_deps(manager)->env, &shard->start_timer, shard_start_groups,
                   shard);
    machine_init(&shard->machine, group_manager_machine_deps(manager), index);
    return shard;
}

void shard_free(struct shard *shard, int err)
{
    ASSERT(shard != NULL);
    machine_close(&shard->machine, err);
    ASSERT(shard->groups.count == 0);
    ASSERT(list_empty(&shard->order));
    open_txns_clear(&shard->open_txns);
    txn_guards_close(&shard->guards);
    map_close(&shard->groups);
    mem_free(shard);
}
