/* Assignors. Uniform keeps what members had, takes from those that have too much, gives what is
 * free to those that have least; members with different subscriptions are evened out by moving
 * single partitions while that helps. */
#include "broker/group/assignor.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

enum { UNIFORM_PASSES_MAX = 64 }; /* each pass moves what it can; a few are enough in practice */

static int member_compare(const void *a, const void *b)
{
    const struct assignor_member *const *one = a;
    const struct assignor_member *const *other = b;
    return strcmp((*one)->order, (*other)->order);
}

static struct assignor_member **members_in_order(struct assignor_member *members, int32_t count)
{
    struct assignor_member **order =
        mem_alloc((size_t)(count + 1) * sizeof(struct assignor_member *));
    for (int32_t i = 0; i < count; i++)
        order[i] = &members[i];
    qsort(order, (size_t)count, sizeof(struct assignor_member *), member_compare);
    return order;
}

static bool member_reads(const struct assignor_member *member, int32_t topic)
{
    int32_t low = 0;
    int32_t high = member->topic_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (member->topics[middle] < topic)
            low = middle + 1;
        else
            high = middle;
    }
    return low < member->topic_count && member->topics[low] == topic;
}

/* ---- range ---- */

static void range_assign_topic(const struct assignor_topic *topic, int32_t index,
                               struct assignor_member **order, int32_t member_count)
{
    int32_t readers = 0;
    for (int32_t i = 0; i < member_count; i++)
        readers += member_reads(order[i], index);
    int32_t next = 0;
    int32_t seen = 0;
    for (int32_t i = 0; i < member_count; i++) {
        if (!member_reads(order[i], index))
            continue;
        int32_t share = topic->partitions / readers + (seen++ < topic->partitions % readers);
        for (int32_t end = next + share; next < end; next++)
            partition_set_append(&order[i]->after, &topic->id, next);
    }
}

/* Topics come in no order of their ids: each set is sorted once. */
static void members_settle(struct assignor_member **order, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        partition_set_settle(&order[i]->after);
}

static int64_t range_assign(const struct assignor_topic *topics, int32_t topic_count,
                         struct assignor_member *members, int32_t member_count)
{
    struct assignor_member **order = members_in_order(members, member_count);
    for (int32_t i = 0; i < topic_count; i++)
        range_assign_topic(&topics[i], i, order, member_count);
    members_settle(order, member_count);
    mem_free(order);
    return (int64_t)topic_count * member_count;
}

/* ---- uniform ---- */

/* Every partition has a number: those of topic i from base[i] on. */
struct uniform {
    const struct assignor_topic *topics;
    int32_t topic_count;
    struct assignor_member **order;
    int32_t member_count;
    int32_t *base;
    int32_t total;
    int32_t *owner; /* by number; -1 = free */
    int32_t *load;  /* by member */
    struct map by_id; /* topic id -> its struct assignor_topic */
    int64_t steps;
    int32_t *heap;    /* members, the one with the least load first; only while all read all */
};

static void uniform_give(struct uniform *uniform, int32_t number, int32_t member)
{
    if (uniform->owner[number] >= 0)
        uniform->load[uniform->owner[number]]--;
    uniform->owner[number] = member;
    if (member >= 0)
        uniform->load[member]++;
}

static int32_t uniform_topic_of(const struct uniform *uniform, const struct uuid *id)
{
    const struct assignor_topic *topic = map_get(&uniform->by_id, id, sizeof(*id));
    return topic ? (int32_t)(topic - uniform->topics) : -1;
}

/* What a member had and may still have stays. */
static void uniform_keep(struct uniform *uniform, int32_t member)
{
    const struct partition_set *before = uniform->order[member]->before;
    const struct partition_name *run;
    size_t at = 0;
    size_t count;
    while ((run = partition_set_next_topic(before, &at, &count))) {
        int32_t topic = uniform_topic_of(uniform, &run->topic_id);
        uniform->steps += (int64_t)count;
        if (topic < 0 || !member_reads(uniform->order[member], topic))
            continue;
        for (size_t i = 0; i < count; i++) {
            int32_t number = uniform->base[topic] + run[i].partition;
            if (run[i].partition < uniform->topics[topic].partitions && uniform->owner[number] < 0)
                uniform_give(uniform, number, member);
        }
    }
}

static void uniform_begin(struct uniform *uniform, struct assignor_member *members)
{
    uniform->order = members_in_order(members, uniform->member_count);
    map_init(&uniform->by_id);
    uniform->base = mem_alloc((size_t)(uniform->topic_count + 1) * sizeof(int32_t));
    for (int32_t i = 0; i < uniform->topic_count; i++) {
        uniform->base[i] = uniform->total;
        uniform->total += uniform->topics[i].partitions;
        map_put(&uniform->by_id, &uniform->topics[i].id, sizeof(uniform->topics[i].id),
                (void *)(uintptr_t)&uniform->topics[i]);
    }
    uniform->owner = mem_alloc((size_t)(uniform->total + 1) * sizeof(int32_t));
    uniform->load = mem_alloc((size_t)(uniform->member_count + 1) * sizeof(int32_t));
    for (int32_t i = 0; i < uniform->total; i++)
        uniform->owner[i] = -1;
    for (int32_t i = 0; i < uniform->member_count; i++)
        uniform_keep(uniform, i);
}

static void uniform_end(struct uniform *uniform)
{
    uniform->steps += uniform->total;
    for (int32_t i = 0; i < uniform->topic_count; i++)
        for (int32_t p = 0; p < uniform->topics[i].partitions; p++) {
            int32_t owner = uniform->owner[uniform->base[i] + p];
            if (owner >= 0)
                partition_set_append(&uniform->order[owner]->after, &uniform->topics[i].id, p);
        }
    members_settle(uniform->order, uniform->member_count);
    map_close(&uniform->by_id);
    mem_free(uniform->order);
    mem_free(uniform->base);
    mem_free(uniform->owner);
    mem_free(uniform->load);
}

static bool uniform_is_homogeneous(const struct uniform *uniform)
{
    for (int32_t i = 0; i < uniform->member_count; i++)
        if (uniform->order[i]->topic_count != uniform->topic_count)
            return false;
    return true;
}

/* Everybody reads everything: each has total / members, some one more. */
static void uniform_trim(struct uniform *uniform)
{
    int32_t share = uniform->total / uniform->member_count;
    int32_t extra = uniform->total % uniform->member_count;
    int32_t *allowed = mem_alloc((size_t)uniform->member_count * sizeof(int32_t));
    for (int32_t i = 0; i < uniform->member_count; i++) {
        bool more = uniform->load[i] > share && extra > 0;
        allowed[i] = share + more;
        extra -= more;
    }
    for (int32_t number = uniform->total - 1; number >= 0; number--) {
        int32_t owner = uniform->owner[number];
        if (owner >= 0 && uniform->load[owner] > allowed[owner])
            uniform_give(uniform, number, -1);
    }
    mem_free(allowed);
}

/* The reader with the least; -1 when nobody reads the topic. */
static int32_t uniform_least(struct uniform *uniform, int32_t topic)
{
    int32_t least = -1;
    uniform->steps += uniform->member_count;
    for (int32_t i = 0; i < uniform->member_count; i++)
        if (member_reads(uniform->order[i], topic) &&
            (least < 0 || uniform->load[i] < uniform->load[least]))
            least = i;
    return least;
}

/* ---- everybody reads everything: a heap of the members ---- */

static bool uniform_is_before(const struct uniform *uniform, int32_t a, int32_t b)
{
    return uniform->load[a] < uniform->load[b] || (uniform->load[a] == uniform->load[b] && a < b);
}

static void uniform_sink(struct uniform *uniform, int32_t at)
{
    int32_t *heap = uniform->heap;
    for (;;) {
        int32_t least = at;
        uniform->steps++;
        for (int32_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < uniform->member_count &&
                uniform_is_before(uniform, heap[child], heap[least]))
                least = child;
        if (least == at)
            return;
        int32_t moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

static void uniform_fill_all(struct uniform *uniform)
{
    uniform->heap = mem_alloc((size_t)uniform->member_count * sizeof(int32_t));
    for (int32_t i = 0; i < uniform->member_count; i++)
        uniform->heap[i] = i;
    for (int32_t i = uniform->member_count / 2; i >= 0; i--)
        uniform_sink(uniform, i);
    for (int32_t number = 0; number < uniform->total; number++) {
        if (uniform->owner[number] >= 0)
            continue;
        uniform_give(uniform, number, uniform->heap[0]);
        uniform_sink(uniform, 0);
    }
    mem_free(uniform->heap);
}

static void uniform_fill(struct uniform *uniform)
{
    for (int32_t i = 0; i < uniform->topic_count; i++)
        for (int32_t p = 0; p < uniform->topics[i].partitions; p++) {
            int32_t number = uniform->base[i] + p;
            int32_t least = uniform->owner[number] < 0 ? uniform_least(uniform, i) : -1;
            if (least >= 0)
                uniform_give(uniform, number, least);
        }
}

/* Moves partitions from members that have two more than another reader of the topic. */
static bool uniform_even_out(struct uniform *uniform)
{
    bool moved = false;
    for (int32_t i = 0; i < uniform->topic_count; i++) {
        for (int32_t p = 0; p < uniform->topics[i].partitions; p++) {
            int32_t number = uniform->base[i] + p;
            int32_t owner = uniform->owner[number];
            int32_t least = owner < 0 ? -1 : uniform_least(uniform, i);
            if (least < 0 || uniform->load[owner] <= uniform->load[least] + 1)
                continue;
            uniform_give(uniform, number, least);
            moved = true;
        }
    }
    return moved;
}

static int64_t uniform_assign(const struct assignor_topic *topics, int32_t topic_count,
                           struct assignor_member *members, int32_t member_count)
{
    struct uniform uniform = {
        .topics = topics, .topic_count = topic_count, .member_count = member_count};
    if (member_count == 0)
        return 0;
    uniform_begin(&uniform, members);
    bool homogeneous = uniform_is_homogeneous(&uniform);
    if (homogeneous) {
        uniform_trim(&uniform);
        uniform_fill_all(&uniform);
    } else {
        uniform_fill(&uniform);
    }
    for (int pass = 0; !homogeneous && pass < UNIFORM_PASSES_MAX; pass++)
        if (!uniform_even_out(&uniform))
            break;
    uniform_end(&uniform);
    return uniform.steps;
}

/* ---- by name ---- */

static const struct {
    const char *name;
    assignor *assign;
} assignors[] = {{"uniform", uniform_assign}, {"range", range_assign}};

static bool assignor_is_enabled(const char *name, const char *enabled)
{
    size_t len = strlen(name);
    for (const char *at = enabled; *at; at += strspn(at, ", ")) {
        size_t word = strcspn(at, ", ");
        if (word == len && memcmp(at, name, len) == 0)
            return true;
        at += word;
    }
    return false;
}

assignor *assignor_find(struct wire_str name, const char *enabled)
{
    for (size_t i = 0; i < ARRAY_LEN(assignors); i++)
        if (wire_str_is(name, assignors[i].name) && assignor_is_enabled(assignors[i].name, enabled))
            return assignors[i].assign;
    return NULL;
}

const char *assignor_default(const char *enabled)
{
    const char *best = assignors[0].name;
    const char *where = NULL;
    for (size_t i = 0; i < ARRAY_LEN(assignors); i++) {
        const char *at = strstr(enabled, assignors[i].name);
        if (at && (!where || at < where)) {
            where = at;
            best = assignors[i].name;
        }
    }
    return best;
}
