/* The walk over groups; see the header.
 *
 * Of a group that is empty every offset expires, counted from when it became empty; of one with
 * consumers only what none of them subscribes to, counted from the commit (as Kafka does). What is
 * on its way to the log stays, and its group: a tombstone must not stand behind a commit that
 * memory does not know. Failure mode: a tombstone that can't be written is logged. */
#include "broker/group/sweep.h"

#include <string.h>

#include "base/err.h"
#include "broker/group/classic.h"
#include "broker/group/commits.h"
#include "broker/group/consumer.h"
#include "broker/group/manager_private.h"
#include "broker/group/subscription.h"
#include "broker/group/write.h"

/* What goes of one group, in one slice. */
struct sweep_group {
    struct group *group;
    struct subscribed subscribed;
    bool read; /* `subscribed` is filled: only when an offset is old enough to ask */
    bool busy; /* writes are on their way: `flight` has them */
    struct map flight;
    bool empty;
    bool consumers; /* members whose subscriptions are known */
    int64_t now_ms;
    int32_t deleted; /* of deleted topics */
    int32_t expired;
    struct records records;
};

/* ---- one offset ---- */

static int64_t sweep_expires_at_ms(const struct sweep_group *s, const struct offset *offset)
{
    const struct group *group = s->group;
    int64_t since_ms = offset->commit_ms;
    if (offset->expire_ms >= 0)
        return offset->expire_ms;
    if (s->empty && group->classic && group->classic->state_ms > since_ms)
        since_ms = group->classic->state_ms;
    if (s->empty && group->consumer && consumer_empty_since_ms(group->consumer) > since_ms)
        since_ms = consumer_empty_since_ms(group->consumer);
    return commits_later_ms(since_ms, group_settings(group)->retention_ms);
}

static bool sweep_is_expired(struct sweep_group *s, struct wire_str topic,
                             const struct offset *offset)
{
    if ((!s->empty && !s->consumers) || sweep_expires_at_ms(s, offset) > s->now_ms)
        return false;
    if (s->empty)
        return true;
    if (!s->read)
        group_subscribed(s->group, &s->subscribed);
    s->read = true;
    return !subscribed_has(&s->subscribed, topic);
}

static void sweep_offset(struct sweep_group *s, struct wire_str topic, int32_t partition,
                         const struct offset *offset)
{
    bool deleted = commits_is_stale(s->group, topic, offset);
    if (!deleted && !sweep_is_expired(s, topic, offset))
        return;
    /* A tombstone would end what the transaction commits, perhaps of a topic that came anew. */
    if (offsets_is_pending(&s->group->offsets, topic, partition))
        return;
    if (s->busy && write_has(&s->flight, topic, partition))
        return;
    s->deleted += deleted;
    s->expired += !deleted;
    group_records_put_offset(&s->records, group_id(s->group), topic, partition, NULL);
}

/* ---- one group ---- */

/* Offsets from where the walk is on, as many as the turn has steps for. Whether all were seen. */
static bool sweep_offsets(struct sweep *sweep, struct sweep_group *s, int *left)
{
    const struct offsets *offsets = &s->group->offsets;
    size_t at = sweep->topic_cursor;
    const struct offsets_topic *topic;
    while ((topic = offsets_next_topic(offsets, &at))) {
        const struct offset *offset;
        int32_t partition;
        while ((offset = offsets_next(topic, &sweep->partition_cursor, &partition))) {
            sweep_offset(s, wire_str_from(topic->name), partition, offset);
            if (--*left <= 0 || s->records.count >= SWEEP_TOMBSTONES)
                return false;
        }
        sweep->partition_cursor = 0;
        sweep->topic_cursor = at;
    }
    return true;
}

/* Nothing is left of the group but what this slice takes away. */
static bool sweep_is_over(const struct sweep_group *s)
{
    const struct group *group = s->group;
    return s->empty && (size_t)(s->deleted + s->expired) == group->offsets.count &&
           group->offsets.pending.count == 0 &&
           !(group->classic && group->classic->pending.count > 0);
}

static void sweep_written(void *data, int err)
{
    struct sweep *sweep = data;
    (void)err; /* what is still there is met again */
    ASSERT(sweep->waiting);
    sweep->waiting = false;
    if (sweep->running)
        env_timer_start(&sweep->timer, 0);
}

/* `sweep`: of a slice after which the group goes on, when it is written; else NULL. */
static void sweep_write(struct sweep_group *s, bool over, struct sweep *sweep)
{
    struct group *group = s->group;
    int err = 0;
    if (over)
        group_put_members_gone(group, &s->records);
    if (s->deleted || s->expired)
        logger_info(group_logger(group), "group %s: %d offsets expired, %d of deleted topics go%s",
                    group->id, s->expired, s->deleted, over ? ", and the group with them" : "");
    if (s->records.count > 0 || s->records.err) {
        err = write_records(group, &s->records, sweep ? sweep_written : NULL, sweep);
        /* What goes moves others about in their table, perhaps past the cursor. */
        if (sweep && !err)
            sweep->waiting = sweep->again = true;
    }
    if (err)
        logger_warn(group_logger(group), "group %s: removing offsets failed, it is tried again: %s",
                    group->id, err_text(err));
    else if (over)
        group_drop_members(group);
}

static bool sweep_has_consumers(const struct group *group)
{
    const struct classic *classic = group->classic;
    if (group->consumer)
        return true;
    return classic && classic->state == CLASSIC_STABLE && classic->protocol_type &&
           strcmp(classic->protocol_type, SUBSCRIPTION_TYPE) == 0;
}

/* Whether it is through with the group. */
static bool sweep_one(struct sweep *sweep, struct group *group, int *left)
{
    struct sweep_group s = {.group = group, .now_ms = steady_clock_ms(&sweep->clock)};
    bool fresh = !sweep->inside;
    --*left;
    if (group->deleting)
        return true;
    ASSERT(!sweep->waiting);
    map_init(&s.flight);
    s.busy = group->in_flight > 0;
    if (s.busy)
        write_gather(group, &s.flight);
    if (fresh)
        sweep->topic_cursor = sweep->partition_cursor = 0;
    s.empty = group_is_empty(group);
    s.consumers = sweep_has_consumers(group);
    group_hold(group);
    group_records(group, &s.records);
    bool through = sweep_offsets(sweep, &s, left);
    sweep_write(&s, fresh && through && !s.busy && sweep_is_over(&s), through ? NULL : sweep);
    records_close(&s.records);
    map_close(&s.flight);
    if (s.read)
        subscribed_close(&s.subscribed);
    group_release(group);
    return through;
}

/* ---- the walk ---- */

static struct shard *sweep_find_shard(struct sweep *sweep)
{
    struct shard *best = NULL;
    struct shard *shard;
    size_t cursor = 0;
    while ((shard = map_next(&sweep->manager->shards, &cursor, NULL, NULL)))
        if (shard->machine.index >= sweep->next_shard && machine_is_active(&shard->machine) &&
            (!best || shard->machine.index < best->machine.index))
            best = shard;
    return best;
}

/* False when there is no further one. */
static bool sweep_enter_shard(struct sweep *sweep)
{
    sweep->shard = sweep_find_shard(sweep);
    if (!sweep->shard)
        return false;
    sweep->next_shard = sweep->shard->machine.index + 1;
    sweep->inside = false;
    /* At the front: new groups are added at the end. */
    list_push(sweep->shard->order.next, &sweep->mark);
    return true;
}

/* Moves the mark behind the group that is next, which is returned; NULL at the end. */
static struct group *sweep_next_group(struct sweep *sweep)
{
    struct list *next = sweep->mark.next;
    if (next == &sweep->shard->order)
        return NULL;
    list_remove(&sweep->mark);
    list_push(next->next, &sweep->mark);
    return LIST_ENTRY(next, struct group, link);
}

static void sweep_step(struct sweep *sweep, int *left)
{
    if (!sweep->inside && sweep->mark.next == &sweep->shard->order) {
        sweep_leave(sweep, sweep->shard);
        return;
    }
    struct list *before = sweep->mark.prev;
    struct group *group = sweep->inside && before != &sweep->shard->order
                              ? LIST_ENTRY(before, struct group, link)
                              : sweep_next_group(sweep);
    sweep->inside = group && !sweep_one(sweep, group, left);
}

static void sweep_finish(struct sweep *sweep)
{
    sweep->running = false;
    env_timer_start(&sweep->timer, sweep->manager->deps.settings.retention_check_ms);
    if (sweep->again)
        sweep_start(sweep);
}

static void sweep_turn(void *data)
{
    struct sweep *sweep = data;
    int left = SWEEP_STEPS;
    if (!sweep->running) {
        sweep->running = true;
        sweep->again = false;
        sweep->next_shard = 0;
    }
    while (left > 0 && !sweep->waiting) {
        if (!sweep->shard && !sweep_enter_shard(sweep)) {
            sweep_finish(sweep);
            break;
        }
        sweep_step(sweep, &left);
    }
    sweep->steps += SWEEP_STEPS - left;
    if (SWEEP_STEPS - left > sweep->most_steps)
        sweep->most_steps = SWEEP_STEPS - left;
    if (sweep->running && !sweep->waiting)
        env_timer_start(&sweep->timer, 0);
}

void sweep_start(struct sweep *sweep)
{
    if (sweep->running)
        sweep->again = true;
    else
        env_timer_start(&sweep->timer, 0);
}

void sweep_leave(struct sweep *sweep, const struct shard *shard)
{
    if (sweep->shard != shard)
        return;
    list_remove(&sweep->mark);
    sweep->shard = NULL;
    sweep->inside = false;
}

void sweep_init(struct sweep *sweep, struct group_manager *manager)
{
    *sweep = (struct sweep){.manager = manager};
    steady_clock_init(&sweep->clock, manager->deps.env);
    list_init(&sweep->mark);
    env_timer_init(manager->deps.env, &sweep->timer, sweep_turn, sweep);
    env_timer_start(&sweep->timer, manager->deps.settings.retention_check_ms);
}

void sweep_close(struct sweep *sweep)
{
    ASSERT(!sweep->shard);
    env_timer_stop(&sweep->timer);
}
