/* A shard: the order of operations, loading, and the table of groups.
 *
 * Operations: an append goes to the log at once and waits in `ops`; when the log says that it is
 * safe, everything at the head that is finished is told, in order. Loading: the log gives all
 * batches, the replay (replay.c) takes them over, and when everything that was read is replicated
 * the shard serves. Failure mode: the log can't be read; that is logged and tried again, since
 * serving without it would tell consumers that they never committed anything. */
#include "broker/group/shard.h"

#include "base/err.h"
#include "broker/group/classic.h"
#include "broker/group/consumer.h"
#include "broker/group/group.h"
#include "broker/group/lister.h"
#include "broker/group/replay.h"
#include "broker/group/sweep.h"

enum {
    SHARD_RETRY_MS = 1000,
    SHARD_START_SLICE = 2000, /* groups of one turn: a millisecond or so */
    SHARD_RELOAD_WAIT_MAX_MS = 30000,
    SHARD_GOOD_MS = 60000 /* a shard that served so long before it had to reload begins anew */
};

/* ---- operations ---- */

int shard_error(int err)
{
    switch (err) {
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ERR_REQUEST_TIMED_OUT:
        return ERR_COORDINATOR_NOT_AVAILABLE;
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_KAFKA_STORAGE_ERROR:
    case ERR_IO:
    case ERR_NO_SPACE:
        return ERR_NOT_COORDINATOR;
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_RECORD_LIST_TOO_LARGE:
    case ERR_TOO_LARGE:
        return ERR_INVALID_COMMIT_OFFSET_SIZE;
    default:
        return err;
    }
}

/* Tells all at the head that are through, in the order of the log. */
static void shard_drain(struct shard *shard)
{
    while (!list_empty(&shard->ops)) {
        struct shard_op *op = LIST_ENTRY(shard->ops.next, struct shard_op, link);
        if (op->appended && !op->finished)
            return;
        list_remove(&op->link);
        /* What only waited fares as the append before it. */
        if (op->appended)
            shard->last_err = op->err;
        op->done(op, shard->last_err);
    }
}

static void shard_op_safe(struct partition_wait *wait, int err)
{
    struct shard_op *op = CONTAINER_OF(wait, struct shard_op, wait);
    op->finished = true;
    op->err = shard_error(err);
    shard_drain(op->shard);
}

static void shard_op_init(struct shard *shard, struct shard_op *op,
                          void (*done)(struct shard_op *op, int err))
{
    *op = (struct shard_op){.shard = shard, .done = done, .wait.done = shard_op_safe};
    list_init(&op->link);
    list_init(&op->wait.link);
}

int shard_append(struct shard *shard, struct records *records, struct shard_op *op,
                 void (*done)(struct shard_op *op, int err))
{
    const struct group_manager_deps *deps = group_manager_deps(shard->manager);
    shard_op_init(shard, op, done);
    int err = records_finish(records);
    if (err)
        return shard_error(err);
    ASSERT(records->count > 0);
    if (shard->closed)
        return ERR_NOT_COORDINATOR;
    err = deps->log->append(deps->log_data, shard->index, records->batches.data,
                            records->batches.len, &op->wait);
    if (err)
        return shard_error(err);
    op->appended = true;
    list_push(&shard->ops, &op->link);
    return 0;
}

void shard_barrier(struct shard *shard, struct shard_op *op,
                   void (*done)(struct shard_op *op, int err))
{
    shard_op_init(shard, op, done);
    if (list_empty(&shard->ops))
        done(op, shard->closed ? ERR_NOT_COORDINATOR : 0);
    else
        list_push(&shard->ops, &op->link);
}

int shard_check(const struct shard *shard)
{
    const struct group_manager_deps *deps = group_manager_deps(shard->manager);
    if (shard->closed || shard->state != SHARD_ACTIVE)
        return ERR_NOT_COORDINATOR;
    return shard_error(deps->log->check(deps->log_data, shard->index));
}

static void shard_reload_now(void *data)
{
    struct shard *shard = data;
    struct group_manager *manager = shard->manager;
    int32_t index = shard->index;
    int64_t lived_us = env_now_us(group_manager_deps(manager)->env) - shard->load_started_us;
    int64_t wait_ms = shard->reload_wait_ms ? 2 * shard->reload_wait_ms : SHARD_RETRY_MS;
    if (lived_us > (SHARD_GOOD_MS + shard->reload_wait_ms) * 1000)
        wait_ms = 0;
    group_manager_leader_changed(manager, index, true); /* frees the shard */
    group_manager_shard(manager, index)->reload_wait_ms =
        wait_ms < SHARD_RELOAD_WAIT_MAX_MS ? wait_ms : SHARD_RELOAD_WAIT_MAX_MS;
}

void shard_reload(struct shard *shard)
{
    if (shard->closed)
        return;
    shard->state = SHARD_LOADING;
    sweep_leave(group_manager_sweep(shard->manager), shard);
    lister_leave(group_manager_lister(shard->manager), shard);
    env_timer_start(&shard->reload_timer, shard->reload_wait_ms);
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
    return group;
}

/* ---- loading ---- */

static int shard_batches(struct coordinator_log_load *load, uint8_t *bytes, size_t len)
{
    struct shard *shard = CONTAINER_OF(load, struct shard, load);
    shard->loaded_bytes += (int64_t)len;
    return replay_batches(shard, bytes, len);
}

static void shard_forget_groups(struct shard *shard, int err)
{
    struct group *group;
    size_t cursor = 0;
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
}

static void shard_started(struct shard *shard);

static void shard_start_groups(void *data)
{
    struct shard *shard = data;
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

static void shard_loaded(struct coordinator_log_load *load, int err)
{
    struct shard *shard = CONTAINER_OF(load, struct shard, load);
    const struct group_manager_deps *deps = group_manager_deps(shard->manager);
    shard->loading = false;
    if (err) {
        logger_error(deps->logger,
                     "%s-%d can't be loaded (%s): its groups wait; trying again in %d ms",
                     GROUP_OFFSETS_TOPIC, shard->index, err_text(err), SHARD_RETRY_MS);
        shard_forget_groups(shard, ERR_COORDINATOR_LOAD_IN_PROGRESS);
        env_timer_start(&shard->retry_timer, SHARD_RETRY_MS);
        return;
    }
    /* Sessions start some groups at a time, then all of them are served at once. */
    list_push(shard->order.next, &shard->start_mark);
    shard_start_groups(shard);
}

static void shard_started(struct shard *shard)
{
    const struct group_manager_deps *deps = group_manager_deps(shard->manager);
    shard->state = SHARD_ACTIVE;
    logger_print(deps->logger, shard->groups.count ? LOGGER_INFO : LOGGER_DEBUG,
                 "loaded %zu groups of %s-%d, %lld bytes, in %.1f ms", shard->groups.count,
                 GROUP_OFFSETS_TOPIC, shard->index, (long long)shard->loaded_bytes,
                 (double)(env_now_us(deps->env) - shard->load_started_us) / 1000.0);
    sweep_start(group_manager_sweep(shard->manager)); /* topics may have gone meanwhile */
}

static void shard_load(void *data)
{
    struct shard *shard = data;
    const struct group_manager_deps *deps = group_manager_deps(shard->manager);
    shard->load.batches = shard_batches;
    shard->load.done = shard_loaded;
    shard->loading = true;
    shard->loaded_bytes = 0;
    shard->load_started_us = env_now_us(deps->env);
    deps->log->load(deps->log_data, shard->index, &shard->load);
}

struct shard *shard_new(struct group_manager *manager, int32_t index)
{
    struct shard *shard = mem_alloc(sizeof(*shard));
    shard->manager = manager;
    shard->index = index;
    shard->state = SHARD_LOADING;
    map_init(&shard->groups);
    list_init(&shard->ops);
    list_init(&shard->order);
    env_timer_init(group_manager_deps(manager)->env, &shard->retry_timer, shard_load, shard);
    env_timer_init(group_manager_deps(manager)->env, &shard->reload_timer, shard_reload_now, shard);
    env_timer_init(group_manager_deps(manager)->env, &shard->start_timer, shard_start_groups,
                   shard);
    list_init(&shard->start_mark);
    shard_load(shard);
    return shard;
}

void shard_free(struct shard *shard, int err)
{
    const struct group_manager_deps *deps = group_manager_deps(shard->manager);
    struct list *step;
    shard->closed = true; /* nothing is appended from here on */
    sweep_leave(group_manager_sweep(shard->manager), shard);
    lister_leave(group_manager_lister(shard->manager), shard);
    env_timer_stop(&shard->retry_timer);
    env_timer_stop(&shard->reload_timer);
    env_timer_stop(&shard->start_timer);
    list_remove(&shard->start_mark);
    if (shard->loading)
        deps->log->load_cancel(deps->log_data, &shard->load);
    while ((step = list_pop(&shard->ops))) {
        struct shard_op *op = LIST_ENTRY(step, struct shard_op, link);
        if (op->appended && !op->finished)
            partition_wait_cancel(&op->wait);
        op->done(op, err);
    }
    shard_forget_groups(shard, err);
    map_close(&shard->groups);
    mem_free(shard);
}
