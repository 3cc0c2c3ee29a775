/* From subscriptions to what each member has: the topics of the group, the target assignment, and
 * the steps of a member towards it.
 *
 * Happy path: a change raises the group's epoch; the next heartbeat of anybody makes the target for
 * it, once the time between two targets has passed; of a huge group it is made on the worker pool,
 * and heartbeats wait for it. Each member's heartbeats take it there: first it gives up what is
 * another's now, then it gets its new epoch, then what has become free. Nothing is given to a
 * member while another has it, or has not yet said that it gave it up. Failure modes: a target that
 * no record holds is dropped; a group that is gone leaves its job alone. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/sort.h"
#include "broker/group/assignor.h"
#include "broker/group/consumer.h"

enum {
    TARGET_TOPIC_BYTES = 16 + 4 + 8, /* of a record, for each topic */
    TARGET_NUMBERS_BYTES = 64        /* and besides them and the ids */
};

/* ---- the topics of the group ---- */

struct consumer_topics {
    struct map by_name; /* name -> struct consumer_topic */
    struct consumer_topic *items;
    struct assignor_topic *assignable; /* the same order */
    int32_t count;
};

struct consumer_topic {
    const struct image_topic *topic;
    int32_t index;
};

static void topics_add(struct consumer_topics *topics, const struct image *image, const char *name)
{
    size_t len = strlen(name);
    if (map_get(&topics->by_name, name, len))
        return;
    const struct image_topic *topic = image_topic_by_name(image, name, len);
    if (!topic)
        return;
    struct consumer_topic *item = &topics->items[topics->count];
    *item = (struct consumer_topic){topic, topics->count};
    topics->assignable[topics->count].id = topic->id;
    topics->assignable[topics->count].partitions = topic->partition_count;
    topics->count++;
    map_put(&topics->by_name, name, len, item);
}

static size_t topics_bound(const struct consumer *consumer)
{
    const struct consumer_list *list;
    const struct consumer_pattern *used;
    size_t names = 0;
    size_t cursor = 0;
    while ((list = map_next(&consumer->lists, &cursor, NULL, NULL)))
        names += list->count;
    cursor = 0;
    while ((used = map_next(&consumer->patterns, &cursor, NULL, NULL)))
        names += expression_count(used->expression);
    size_t known = image_topic_count(group_image(consumer->group));
    return names < known ? names : known;
}

/* The topics that exist of those that members read. */
static void topics_gather(struct consumer_topics *topics, const struct consumer *consumer)
{
    const struct image *image = group_image(consumer->group);
    size_t bound = topics_bound(consumer) + 1;
    const struct consumer_list *list;
    const struct consumer_pattern *used;
    size_t cursor = 0;
    *topics = (struct consumer_topics){0};
    map_init(&topics->by_name);
    topics->items = mem_alloc(bound * sizeof(*topics->items));
    topics->assignable = mem_alloc(bound * sizeof(*topics->assignable));
    while ((list = map_next(&consumer->lists, &cursor, NULL, NULL)))
        for (size_t i = 0; i < list->count; i++)
            topics_add(topics, image, list->names[i]);
    cursor = 0;
    while ((used = map_next(&consumer->patterns, &cursor, NULL, NULL))) {
        const char *name;
        size_t at = 0;
        while ((name = expression_next(used->expression, &at)))
            topics_add(topics, image, name);
    }
}

static void topics_close(struct consumer_topics *topics)
{
    map_close(&topics->by_name);
    mem_free(topics->items);
    mem_free(topics->assignable);
}

/* The order of topics does not matter: their hashes are added. */
static int64_t topics_hash(const struct consumer_topics *topics)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < topics->count; i++) {
        uint64_t hash = 0xcbf29ce484222325u;
        for (size_t j = 0; j < sizeof(topics->assignable[i].id.bytes); j++)
            hash = (hash ^ topics->assignable[i].id.bytes[j]) * 0x100000001b3u;
        hash = (hash ^ (uint64_t)topics->assignable[i].partitions) * 0x9e3779b97f4a7c15u;
        sum += hash ^ hash >> 29;
    }
    return (int64_t)sum;
}

void consumer_check_topics(struct consumer *consumer, bool force, struct records *records)
{
    struct consumer_topics topics;
    uint64_t now = group_manager_topics(consumer->group->shard->manager);
    if ((!force && consumer->topics_seen == now) || !consumer_is_settled(consumer))
        return;
    consumer->topics_seen = now;
    topics_gather(&topics, consumer);
    int64_t hash = topics_hash(&topics);
    topics_close(&topics);
    if (hash == consumer->metadata_hash)
        return;
    consumer->metadata_hash = hash;
    if (records)
        consumer_raise_epoch(consumer, records);
}

/* ---- the target ---- */

static void target_add_topic(const struct consumer_topics *topics, const char *name, int32_t *to,
                             int32_t *count)
{
    const struct consumer_topic *found = map_get(&topics->by_name, name, strlen(name));
    if (found)
        to[(*count)++] = found->index;
}

/* What names and an expression (either may be missing) stand for, as indexes, rising, once each. */
static struct consumer_indexes target_look_up(const struct consumer_topics *topics,
                                              const struct consumer_list *list,
                                              const struct expression *pattern)
{
    size_t bound = (list ? list->count : 0) + (pattern ? expression_count(pattern) : 0);
    struct consumer_indexes indexes = {mem_alloc((bound + 1) * sizeof(int32_t)), 0};
    const char *name;
    size_t at = 0;
    int32_t all = 0;
    for (size_t i = 0; list && i < list->count; i++)
        target_add_topic(topics, list->names[i], indexes.items, &all);
    while (pattern && (name = expression_next(pattern, &at)))
        target_add_topic(topics, name, indexes.items, &all);
    sort_int32(indexes.items, (size_t)all);
    for (int32_t i = 0; i < all; i++)
        if (indexes.count == 0 || indexes.items[indexes.count - 1] != indexes.items[i])
            indexes.items[indexes.count++] = indexes.items[i];
    return indexes;
}

/* Members that say the same share what it stands for; who has names and an expression gets indexes
 * of its own, which *own keeps. */
static void target_topics(const struct consumer_member *member,
                          const struct consumer_topics *topics, struct assignor_member *to,
                          int32_t **own)
{
    static const int32_t none;
    struct consumer_list *list = member->list;
    struct consumer_pattern *used =
        member->pattern
            ? map_get(&member->consumer->patterns, member->pattern, strlen(member->pattern))
            : NULL;
    struct consumer_indexes both = {NULL, 0};
    struct consumer_indexes *indexes = list ? &list->indexes : used ? &used->indexes : NULL;
    if (list && used)
        indexes = &both;
    to->topics = &none;
    to->topic_count = 0;
    if (!indexes)
        return;
    if (!indexes->items)
        *indexes = target_look_up(topics, list, used ? used->expression : NULL);
    to->topics = indexes->items;
    to->topic_count = indexes->count;
    *own = both.items;
}

const char *consumer_assignor_name(const struct consumer *consumer)
{
    const char *enabled = group_settings(consumer->group)->assignors;
    const char *best = assignor_default(enabled);
    struct map votes; /* assignor -> how many want it, as a pointer */
    uintptr_t most = 0;
    map_init(&votes);
    LIST_EACH(step, &consumer->members) {
        const char *vote = LIST_ENTRY(step, struct consumer_member, link)->assignor;
        if (!vote)
            continue;
        uintptr_t count = (uintptr_t)map_get(&votes, vote, strlen(vote)) + 1;
        map_put(&votes, vote, strlen(vote), (void *)count);
        if (count > most) {
            most = count;
            best = vote;
        }
    }
    map_close(&votes);
    /* A member that was loaded may ask for one that is not enabled any more. */
    return assignor_find(wire_str_from(best), enabled) ? best : assignor_default(enabled);
}

static bool target_fits(const struct consumer_member *member, const struct partition_set *set)
{
    size_t bytes = partition_set_topics(set) * TARGET_TOPIC_BYTES + set->count * sizeof(int32_t);
    return bytes + strlen(member->id) + TARGET_NUMBERS_BYTES <=
           group_record_max(member->consumer->group);
}

bool consumer_targets_fit(const struct consumer *consumer)
{
    LIST_EACH(step, &consumer->members) {
        const struct consumer_member *member = LIST_ENTRY(step, struct consumer_member, link);
        if (!target_fits(member, &member->target) || !target_fits(member, &member->assigned))
            return false;
    }
    return true;
}

/* A clock that went back does not hold the group up. */
bool consumer_target_is_due(const struct consumer *consumer)
{
    int64_t passed_ms = env_wall_ms(group_env(consumer->group)) - consumer->target_ms;
    if (consumer->target_epoch >= consumer->epoch || consumer->job)
        return false;
    return consumer->target_ms == 0 || passed_ms < 0 ||
           passed_ms >= group_consumer_ms(consumer->group, CONFIG_GROUP_ASSIGNMENT);
}

/* What the assignor reads and makes, apart from the group: it may run on the worker pool. */
struct target_job {
    struct env_work work;
    struct consumer *consumer; /* NULL once it is gone */
    int32_t epoch;
    assignor *assign;
    struct consumer_topics topics;
    struct assignor_member *members;
    struct target_member *names; /* the same order */
    int32_t member_count;
    int32_t **indexes; /* what lists and expressions stand for */
    size_t index_count;
};

struct target_member {
    char *id;
    char *instance_id; /* NULL = dynamic */
    struct partition_set before;
    int32_t *own; /* indexes that it shares with nobody; NULL = none */
};

/* The indexes that members share are the job's from now on. */
static void target_keep_indexes(struct target_job *job)
{
    struct consumer *consumer = job->consumer;
    struct consumer_list *list;
    struct consumer_pattern *used;
    size_t cursor = 0;
    job->indexes =
        mem_alloc((consumer->lists.count + consumer->patterns.count + 1) * sizeof(*job->indexes));
    while ((list = map_next(&consumer->lists, &cursor, NULL, NULL))) {
        job->indexes[job->index_count++] = list->indexes.items;
        list->indexes = (struct consumer_indexes){NULL, 0};
    }
    cursor = 0;
    while ((used = map_next(&consumer->patterns, &cursor, NULL, NULL))) {
        job->indexes[job->index_count++] = used->indexes.items;
        used->indexes = (struct consumer_indexes){NULL, 0};
    }
}

static struct target_job *target_begin(struct consumer *consumer)
{
    ASSERT(consumer->job == NULL);
    ASSERT(consumer->target_epoch < consumer->epoch);
    struct target_job *job = mem_alloc(sizeof(*job));
    size_t slots = (size_t)consumer->member_count + 1;
    job->consumer = consumer;
    job->epoch = consumer->epoch;
    job->assign = assignor_find(wire_str_from(consumer_assignor_name(consumer)),
                                group_settings(consumer->group)->assignors);
    job->members = mem_alloc(slots * sizeof(*job->members));
    job->names = mem_alloc(slots * sizeof(*job->names));
    topics_gather(&job->topics, consumer);
    LIST_EACH(step, &consumer->members) {
        const struct consumer_member *member = LIST_ENTRY(step, struct consumer_member, link);
        struct assignor_member *to = &job->members[job->member_count];
        struct target_member *name = &job->names[job->member_count++];
        name->id = mem_strdup(member->id);
        name->instance_id = member->instance_id ? mem_strdup(member->instance_id) : NULL;
        partition_set_init(&name->before);
        partition_set_copy(&name->before, &member->target);
        target_topics(member, &job->topics, to, &name->own);
        to->order = name->instance_id ? name->instance_id : name->id;
        to->before = &name->before;
        partition_set_init(&to->after);
    }
    target_keep_indexes(job);
    return job;
}

static void target_free(struct target_job *job)
{
    for (int32_t i = 0; i < job->member_count; i++) {
        partition_set_close(&job->members[i].after);
        partition_set_close(&job->names[i].before);
        mem_free(job->names[i].id);
        mem_free(job->names[i].instance_id);
        mem_free(job->names[i].own);
    }
    for (size_t i = 0; i < job->index_count; i++)
        mem_free(job->indexes[i]);
    mem_free(job->indexes);
    mem_free(job->names);
    mem_free(job->members);
    topics_close(&job->topics);
    mem_free(job);
}

/* About how many steps the assignor takes: its own are bound by these (assignor.h). */
static int64_t target_steps(const struct target_job *job)
{
    int64_t steps = job->member_count;
    for (int32_t i = 0; i < job->topics.count; i++)
        steps += job->topics.assignable[i].partitions;
    for (int32_t i = 0; i < job->member_count; i++)
        steps += job->members[i].topic_count + (int64_t)job->names[i].before.count;
    return steps;
}

/* NULL when it has gone since. A static member may have come back under another id. */
static struct consumer_member *target_find(const struct consumer *consumer,
                                           const struct target_member *name)
{
    return name->instance_id ? consumer_find_instance(consumer, wire_str_from(name->instance_id))
                             : consumer_find(consumer, wire_str_from(name->id));
}

static bool target_all_fit(const struct target_job *job)
{
    for (int32_t i = 0; i < job->member_count; i++) {
        const struct consumer_member *member = target_find(job->consumer, &job->names[i]);
        if (member && !target_fits(member, &job->members[i].after))
            return false;
    }
    return true;
}

static int target_take_over(struct target_job *job, struct records *records)
{
    struct consumer *consumer = job->consumer;
    if (!target_all_fit(job))
        return ERR_TOO_LARGE;
    for (int32_t i = 0; i < job->member_count; i++) {
        struct consumer_member *member = target_find(consumer, &job->names[i]);
        if (!member || partition_set_equal(&member->target, &job->members[i].after))
            continue;
        partition_set_move(&member->target, &job->members[i].after);
        consumer_charge(member);
        consumer_put_target(member, records);
    }
    consumer->target_epoch = job->epoch;
    consumer->target_ms = env_wall_ms(group_env(consumer->group));
    consumer_put_target_epoch(consumer, records);
    return 0;
}

static void target_run(struct env_work *work)
{
    struct target_job *job = CONTAINER_OF(work, struct target_job, work);
    if (job->assign)
        job->assign(job->topics.assignable, job->topics.count, job->members, job->member_count);
}

static void target_ignore(void *data, int err)
{
    (void)data;
    (void)err; /* the shard loads anew, or is gone */
}

/* The group has gone on meanwhile: members that came since have no part in it, and who went leaves
 * a gap; both have raised the epoch, so that the next target is due. */
static void target_done(struct env_work *work)
{
    struct target_job *job = CONTAINER_OF(work, struct target_job, work);
    struct consumer *consumer = job->consumer;
    if (!consumer) {
        target_free(job);
        return;
    }
    struct group *group = consumer->group;
    struct records records;
    ASSERT(consumer->job == job);
    consumer->job = NULL;
    group_hold(group);
    group_records(group, &records);
    int err = consumer_check_write(group);
    if (!err)
        err = target_take_over(job, &records);
    target_free(job);
    consumer_target_made(consumer, err, &records);
    if (records.count > 0)
        consumer_write(group, &records, target_ignore, NULL);
    records_close(&records);
    group_release(group);
}

void consumer_leave_job(struct consumer *consumer)
{
    ASSERT(!consumer->job || consumer->job->consumer == consumer);
    if (consumer->job)
        consumer->job->consumer = NULL;
    consumer->job = NULL;
}

int consumer_update_target(struct consumer *consumer, struct records *records)
{
    if (!consumer_target_is_due(consumer))
        return 0;
    struct target_job *job = target_begin(consumer);
    if (target_steps(job) > group_settings(consumer->group)->assign_at_once_max) {
        consumer->job = job;
        env_work_submit_heavy(group_env(consumer->group), &job->work, target_run, target_done);
        return 0;
    }
    target_run(&job->work);
    int err = target_take_over(job, records);
    target_free(job);
    return err;
}

/* ---- the steps of a member ---- */

/* Takes away what others have, or have not yet given up; whether there was any. */
static bool reconcile_drop_taken(const struct consumer_member *member, struct partition_set *wanted)
{
    size_t before = wanted->count;
    LIST_EACH(step, &member->consumer->members) {
        const struct consumer_member *other = LIST_ENTRY(step, struct consumer_member, link);
        if (wanted->count == 0)
            break;
        if (other == member)
            continue;
        partition_set_subtract(wanted, &other->assigned);
        partition_set_subtract(wanted, &other->revoking);
    }
    return wanted->count < before;
}

bool consumer_waits_for_others(const struct consumer_member *member)
{
    struct partition_set wanted;
    partition_set_init(&wanted);
    partition_set_copy(&wanted, &member->target);
    partition_set_subtract(&wanted, &member->assigned);
    bool waits = reconcile_drop_taken(member, &wanted);
    partition_set_close(&wanted);
    return waits;
}

struct reconcile {
    enum consumer_member_state becomes;
    int32_t epoch;
    struct partition_set assigned;
    struct partition_set revoking;
};

/* What comes next for a member that has `member->assigned`. */
static void reconcile_next(const struct consumer_member *member, const struct partition_set *owned,
                           struct reconcile *next)
{
    ASSERT(next->becomes == member->state);
    ASSERT(next->assigned.count == 0);
    ASSERT(next->revoking.count == 0);
    struct partition_set wanted;
    partition_set_copy(&next->assigned, &member->assigned);
    partition_set_intersect(&next->assigned, &member->target);
    partition_set_copy(&next->revoking, &member->assigned);
    partition_set_subtract(&next->revoking, &member->target);
    if (next->revoking.count > 0 && (!owned || partition_set_meets(owned, &next->revoking))) {
        next->becomes = CONSUMER_UNREVOKED;
        return;
    }
    partition_set_clear(&next->revoking);
    partition_set_init(&wanted);
    partition_set_copy(&wanted, &member->target);
    partition_set_subtract(&wanted, &next->assigned);
    bool taken = reconcile_drop_taken(member, &wanted);
    partition_set_unite(&next->assigned, &wanted);
    partition_set_close(&wanted);
    next->epoch = member->consumer->target_epoch;
    next->becomes = taken ? CONSUMER_UNRELEASED : CONSUMER_STABLE;
}

/* Whether anything changed; *given: what the member has did. */
static bool reconcile_take_over(struct consumer_member *member, struct reconcile *next,
                                struct records *records, bool *given)
{
    *given = !partition_set_equal(&next->assigned, &member->assigned);
    bool changed = *given || next->becomes != member->state || next->epoch != member->epoch ||
                   !partition_set_equal(&next->revoking, &member->revoking);
    if (changed) {
        if (next->epoch != member->epoch)
            member->previous_epoch = member->epoch;
        consumer_member_move(member, next->becomes);
        member->epoch = next->epoch;
        partition_set_move(&member->assigned, &next->assigned);
        partition_set_move(&member->revoking, &next->revoking);
        consumer_put_current(member, records);
    }
    partition_set_close(&next->assigned);
    partition_set_close(&next->revoking);
    return changed;
}

bool consumer_reconcile(struct consumer_member *member, const struct partition_set *owned,
                        struct records *records)
{
    struct reconcile next = {.becomes = member->state, .epoch = member->epoch};
    /* Nobody who left for a while is moved. */
    if (member->epoch == CONSUMER_AWAY_EPOCH)
        return false;
    if (member->state == CONSUMER_UNREVOKED &&
        (!owned || partition_set_meets(owned, &member->revoking)))
        return false; /* it has not given them up yet */
    if (member->state == CONSUMER_STABLE && member->epoch == member->consumer->target_epoch)
        return false;
    bool given;
    reconcile_next(member, owned, &next);
    bool changed = reconcile_take_over(member, &next, records, &given);
    if (member->state != CONSUMER_UNREVOKED)
        env_timer_stop(&member->rebalance_timer);
    else if (changed)
        env_timer_start(&member->rebalance_timer, member->rebalance_ms);
    return given;
}
