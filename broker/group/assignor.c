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

/* ---- who reads a topic ---- */

/* Those of topic i are items[start[i]] up to start[i + 1]: numbers in the order of the members. */
struct readers {
    int32_t *start;
    int32_t *items;
};

static void readers_init(struct readers *readers, int32_t topic_count,
                         struct assignor_member **order, int32_t member_count)
{
    int64_t all = 0;
    readers->start = mem_alloc((size_t)(topic_count + 2) * sizeof(int32_t));
    for (int32_t i = 0; i < member_count; i++) {
        all += order[i]->topic_count;
        for (int32_t j = 0; j < order[i]->topic_count; j++)
            readers->start[order[i]->topics[j] + 2]++;
    }
    ASSERT(all <= INT32_MAX); /* each took bytes of a request, and its member is in memory */
    readers->items = mem_alloc((size_t)(all + 1) * sizeof(int32_t));
    for (int32_t i = 0; i < topic_count; i++)
        readers->start[i + 2] += readers->start[i + 1];
    /* start[i + 1] is where the next reader of topic i goes; then it is where those of i end. */
    for (int32_t i = 0; i < member_count; i++)
        for (int32_t j = 0; j < order[i]->topic_count; j++)
            readers->items[readers->start[order[i]->topics[j] + 1]++] = i;
}

static void readers_close(struct readers *readers)
{
    mem_free(readers->start);
    mem_free(readers->items);
}

static int32_t readers_count(const struct readers *readers, int32_t topic)
{
    return readers->start[topic + 1] - readers->start[topic];
}

/* ---- range ---- */

static int64_t range_assign_topic(const struct assignor_topic *topic, const int32_t *readers,
                                  int32_t count, struct assignor_member **order)
{
    int32_t next = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t share = topic->partitions / count + (i < topic->partitions % count);
        for (int32_t end = next + share; next < end; next++)
            partition_set_append(&order[readers[i]]->after, &topic->id, next);
    }
    return (int64_t)count + next;
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
    struct readers readers;
    int64_t steps = 0;
    readers_init(&readers, topic_count, order, member_count);
    for (int32_t i = 0; i < topic_count; i++)
        steps += range_assign_topic(&topics[i], readers.items + readers.start[i],
                                    readers_count(&readers, i), order);
    members_settle(order, member_count);
    readers_close(&readers);
    mem_free(order);
    return steps;
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
    int32_t *owner;   /* by number; -1 = free */
    int32_t *load;    /* by member */
    struct map by_id; /* topic id -> its struct assignor_topic */
    int64_t steps;
    int32_t *heap; /* members, the one with the least load first */
    int32_t *at;   /* by member: its place in the heap */
    int32_t heap_count;
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
    uniform->heap = mem_alloc((size_t)(uniform->member_count + 1) * sizeof(int32_t));
    uniform->at = mem_alloc((size_t)(uniform->member_count + 1) * sizeof(int32_t));
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
    mem_free(uniform->heap);
    mem_free(uniform->at);
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

/* ---- the member with the least ---- */

static bool uniform_is_before(const struct uniform *uniform, int32_t a, int32_t b)
{
    return uniform->load[a] < uniform->load[b] || (uniform->load[a] == uniform->load[b] && a < b);
}

static void uniform_swap(struct uniform *uniform, int32_t i, int32_t j)
{
    int32_t moved = uniform->heap[i];
    uniform->heap[i] = uniform->heap[j];
    uniform->heap[j] = moved;
    uniform->at[uniform->heap[i]] = i;
    uniform->at[uniform->heap[j]] = j;
}

static void uniform_sink(struct uniform *uniform, int32_t at)
{
    for (;;) {
        int32_t least = at;
        uniform->steps++;
        for (int32_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < uniform->heap_count &&
                uniform_is_before(uniform, uniform->heap[child], uniform->heap[least]))
                least = child;
        if (least == at)
            return;
        uniform_swap(uniform, at, least);
        at = least;
    }
}

static void uniform_lift(struct uniform *uniform, int32_t at)
{
    while (at > 0 && uniform_is_before(uniform, uniform->heap[at], uniform->heap[(at - 1) / 2])) {
        uniform_swap(uniform, at, (at - 1) / 2);
        at = (at - 1) / 2;
        uniform->steps++;
    }
}

/* `members` NULL = the first `count`. */
static void uniform_heap(struct uniform *uniform, const int32_t *members, int32_t count)
{
    uniform->heap_count = count;
    for (int32_t i = 0; i < count; i++) {
        uniform->heap[i] = members ? members[i] : i;
        uniform->at[uniform->heap[i]] = i;
    }
    for (int32_t i = count / 2; i >= 0; i--)
        uniform_sink(uniform, i);
}

/* ---- everybody reads everything ---- */

static void uniform_fill_all(struct uniform *uniform)
{
    uniform_heap(uniform, NULL, uniform->member_count);
    for (int32_t number = 0; number < uniform->total; number++) {
        if (uniform->owner[number] >= 0)
            continue;
        uniform_give(uniform, number, uniform->heap[0]);
        uniform_sink(uniform, 0);
    }
}

/* ---- different subscriptions ---- */

/* Gives what is free; or moves partitions from members that have two more than another reader of
 * the topic. Whether anything was given. */
static bool uniform_share_topic(struct uniform *uniform, int32_t topic, bool move)
{
    bool given = false;
    for (int32_t p = 0; p < uniform->topics[topic].partitions; p++) {
        int32_t number = uniform->base[topic] + p;
        int32_t owner = uniform->owner[number];
        int32_t least = uniform->heap[0];
        if (owner >= 0 && (!move || uniform->load[owner] <= uniform->load[least] + 1))
            continue;
        uniform_give(uniform, number, least);
        uniform_sink(uniform, 0);
        if (owner >= 0)
            uniform_lift(uniform, uniform->at[owner]);
        given = true;
    }
    return given;
}

static bool uniform_share(struct uniform *uniform, const struct readers *readers, bool move)
{
    bool given = false;
    for (int32_t i = 0; i < uniform->topic_count; i++) {
        int32_t count = readers_count(readers, i);
        if (count == 0)
            continue;
        uniform_heap(uniform, readers->items + readers->start[i], count);
        given |= uniform_share_topic(uniform, i, move);
    }
    return given;
}

static void uniform_share_all(struct uniform *uniform)
{
    struct readers readers;
    readers_init(&readers, uniform->topic_count, uniform->order, uniform->member_count);
    uniform_share(uniform, &readers, false);
    for (int pass = 0; pass < UNIFORM_PASSES_MAX; pass++)
        if (!uniform_share(uniform, &readers, true))
            break;
    readers_close(&readers);
}

static int64_t uniform_assign(const struct assignor_topic *topics, int32_t topic_count,
                              struct assignor_member *members, int32_t member_count)
{
    struct uniform uniform = {
        .topics = topics, .topic_count = topic_count, .member_count = member_count};
    if (member_count == 0)
        return 0;
    uniform_begin(&uniform, members);
    if (uniform_is_homogeneous(&uniform)) {
        uniform_trim(&uniform);
        uniform_fill_all(&uniform);
    } else {
        uniform_share_all(&uniform);
    }
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
