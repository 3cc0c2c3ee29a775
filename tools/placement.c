/* Plans of where replicas shall be.
 *
 * Happy path of a drain: each replica of a broker that leaves goes to the emptiest broker that may
 * have it, the largest first; then paths of moves are sought that make the counts more even, over
 * what was moved anyway. Of a balance: the same paths over all replicas, then exchanges of large
 * ones for small ones, then other orders of replicas, which copy nothing. Failure modes: a
 * partition has no broker to go to. */
#include "tools/placement.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { PLACEMENT_NONE = -1 };

/* An exchange of bytes has to bring this share of the slack: else they would never end. */
enum { PLACEMENT_SLACK_PARTS = 8 };
/* How many partitions of about the right size are looked at for each that leaves. */
enum { PLACEMENT_NEAR = 8 };

struct placement_work {
    struct placement *p;
    int32_t *replicas, *leaders; /* of each broker */
    int64_t *bytes;
    int32_t *topics; /* [topic * brokers + broker]: replicas */
    bool drain;      /* only what a broker that leaves had may be moved */
};

/* Lower is better, the first number that differs decides. */
struct placement_price {
    int64_t by[4];
};

/* One kind of load, and what moves it from a broker to another. */
struct placement_flow {
    const struct placement_work *work;
    const int32_t *loads; /* of each broker */
    bool (*may)(const struct placement_work *w, const struct placement_partition *partition,
                int32_t from, int32_t to);
    struct placement_price (*price)(const struct placement_work *w,
                                    const struct placement_partition *partition, int32_t from,
                                    int32_t to);
};

typedef void placement_move(struct placement_work *w, struct placement_partition *partition,
                            int32_t from, int32_t to);

/* ---- the arrays ---- */

void placement_free(struct placement *p)
{
    for (int32_t i = 0; i < p->partition_count; i++) {
        mem_free(p->partitions[i].replicas);
        mem_free(p->partitions[i].before);
    }
    mem_free(p->partitions);
    mem_free(p->brokers);
    *p = (struct placement){0};
}

int32_t placement_add_broker(struct placement *p, const struct placement_broker *broker)
{
    ASSERT(placement_find_broker(p, broker->id) == PLACEMENT_NONE);
    ASSERT(!(broker->takes && broker->leaves));
    p->brokers = mem_realloc(p->brokers, ((size_t)p->broker_count + 1) * sizeof(*p->brokers));
    p->brokers[p->broker_count] = *broker;
    return p->broker_count++;
}

int32_t placement_find_broker(const struct placement *p, int32_t id)
{
    for (int32_t i = 0; i < p->broker_count; i++)
        if (p->brokers[i].id == id)
            return i;
    return PLACEMENT_NONE;
}

int32_t placement_add(struct placement *p, int32_t topic, int64_t bytes, const int32_t *replicas,
                      int32_t count)
{
    size_t size = (size_t)count * sizeof(*replicas);
    ASSERT(topic >= 0);
    ASSERT(bytes >= 0);
    ASSERT(count > 0);
    /* In steps: a cluster may have a hundred thousand of them. */
    if ((p->partition_count & (p->partition_count - 1)) == 0) {
        size_t room = p->partition_count ? 2 * (size_t)p->partition_count : 1;
        p->partitions = mem_realloc(p->partitions, room * sizeof(*p->partitions));
    }
    p->partitions[p->partition_count] = (struct placement_partition){
        topic, count, mem_dup(replicas, size), mem_dup(replicas, size), bytes};
    p->topic_count = topic >= p->topic_count ? topic + 1 : p->topic_count;
    return p->partition_count++;
}

static int32_t placement_place(const int32_t *ids, int32_t count, int32_t broker)
{
    for (int32_t i = 0; i < count; i++)
        if (ids[i] == broker)
            return i;
    return PLACEMENT_NONE;
}

static bool placement_has(const struct placement_partition *partition, int32_t broker)
{
    return placement_place(partition->replicas, partition->count, broker) >= 0;
}

static bool placement_had(const struct placement_partition *partition, int32_t broker)
{
    return placement_place(partition->before, partition->count, broker) >= 0;
}

bool placement_changed(const struct placement_partition *partition)
{
    for (int32_t i = 0; i < partition->count; i++)
        if (partition->replicas[i] != partition->before[i])
            return true;
    return false;
}

int32_t placement_moved(const struct placement_partition *partition)
{
    int32_t moved = 0;
    for (int32_t i = 0; i < partition->count; i++)
        moved += !placement_had(partition, partition->replicas[i]);
    return moved;
}

void placement_loads(const struct placement *p, bool before, struct placement_load *loads)
{
    for (int32_t i = 0; i < p->broker_count; i++)
        loads[i] = (struct placement_load){0};
    for (int32_t i = 0; i < p->partition_count; i++) {
        const struct placement_partition *partition = &p->partitions[i];
        const int32_t *ids = before ? partition->before : partition->replicas;
        loads[ids[0]].leaders++;
        for (int32_t j = 0; j < partition->count; j++) {
            loads[ids[j]].replicas++;
            loads[ids[j]].bytes += partition->bytes;
        }
    }
}

/* ---- what brokers have meanwhile ---- */

static int32_t *placement_topic(const struct placement_work *w,
                                const struct placement_partition *partition, int32_t broker)
{
    return &w->topics[(size_t)partition->topic * (size_t)w->p->broker_count + (size_t)broker];
}

static void placement_count(struct placement_work *w, const struct placement_partition *partition,
                            int32_t broker, int sign)
{
    w->replicas[broker] += sign;
    w->bytes[broker] += sign * partition->bytes;
    *placement_topic(w, partition, broker) += sign;
    ASSERT(w->replicas[broker] >= 0);
    ASSERT(w->bytes[broker] >= 0);
}

static void placement_begin(struct placement_work *w, struct placement *p, bool drain)
{
    size_t brokers = (size_t)p->broker_count, topics = (size_t)p->topic_count;
    *w = (struct placement_work){.p = p, .drain = drain};
    w->replicas = mem_alloc((brokers + 1) * sizeof(*w->replicas));
    w->leaders = mem_alloc((brokers + 1) * sizeof(*w->leaders));
    w->bytes = mem_alloc((brokers + 1) * sizeof(*w->bytes));
    w->topics = mem_alloc((brokers * topics + 1) * sizeof(*w->topics));
    for (int32_t i = 0; i < p->partition_count; i++) {
        const struct placement_partition *partition = &p->partitions[i];
        w->leaders[partition->replicas[0]]++;
        for (int32_t j = 0; j < partition->count; j++)
            placement_count(w, partition, partition->replicas[j], 1);
    }
}

static void placement_end(struct placement_work *w)
{
    mem_free(w->replicas);
    mem_free(w->leaders);
    mem_free(w->bytes);
    mem_free(w->topics);
}

/* The replica goes, and takes its place in the order along. */
static void placement_move_replica(struct placement_work *w, struct placement_partition *partition,
                                   int32_t from, int32_t to)
{
    int32_t at = placement_place(partition->replicas, partition->count, from);
    ASSERT(at >= 0);
    ASSERT(!placement_has(partition, to));
    placement_count(w, partition, from, -1);
    placement_count(w, partition, to, 1);
    w->leaders[from] -= at == 0;
    w->leaders[to] += at == 0;
    partition->replicas[at] = to;
}

static void placement_move_leader(struct placement_work *w, struct placement_partition *partition,
                                  int32_t from, int32_t to)
{
    int32_t at = placement_place(partition->replicas, partition->count, to);
    ASSERT(at > 0);
    ASSERT(partition->replicas[0] == from);
    partition->replicas[at] = from;
    partition->replicas[0] = to;
    w->leaders[from]--;
    w->leaders[to]++;
}

/* ---- racks ---- */

static int32_t placement_in_rack(const struct placement *p,
                                 const struct placement_partition *partition, int32_t rack)
{
    int32_t count = 0;
    for (int32_t i = 0; i < partition->count; i++)
        count += p->brokers[partition->replicas[i]].rack == rack;
    return count;
}

/* How many more replicas the rack of `from` has than that of `to`; one for brokers of one rack, so
 * that a move is right for the racks when it is at least one, and better when it is two. */
static int32_t placement_rack_gap(const struct placement *p,
                                  const struct placement_partition *partition, int32_t from,
                                  int32_t to)
{
    int32_t here = p->brokers[from].rack, there = p->brokers[to].rack;
    if (here == there)
        return 1;
    return placement_in_rack(p, partition, here) - placement_in_rack(p, partition, there);
}

/* ---- what may move, and what it costs ---- */

static bool placement_may_replica(const struct placement_work *w,
                                  const struct placement_partition *partition, int32_t from,
                                  int32_t to)
{
    if (!placement_has(partition, from) || placement_has(partition, to))
        return false;
    if (w->drain && placement_had(partition, from))
        return false;
    return placement_rack_gap(w->p, partition, from, to) >= 1;
}

static bool placement_may_leader(const struct placement_work *w,
                                 const struct placement_partition *partition, int32_t from,
                                 int32_t to)
{
    if (partition->replicas[0] != from || !placement_has(partition, to))
        return false;
    return !w->drain || w->p->brokers[partition->before[0]].leaves;
}

static int64_t placement_distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* First what copies nothing more: a replica that has left its place anyway, or goes back to it.
 * Then what spreads its topic, then what brings the bytes nearest to each other. */
static struct placement_price placement_price_replica(const struct placement_work *w,
                                                      const struct placement_partition *partition,
                                                      int32_t from, int32_t to)
{
    int64_t gap = w->bytes[from] - w->bytes[to];
    return (struct placement_price){
        {placement_had(partition, from) - placement_had(partition, to),
         *placement_topic(w, partition, to) - *placement_topic(w, partition, from),
         placement_distance(partition->bytes, gap > 0 ? gap / 2 : 0), 0}};
}

static struct placement_price placement_price_leader(const struct placement_work *w,
                                                     const struct placement_partition *partition,
                                                     int32_t from, int32_t to)
{
    (void)w;
    return (struct placement_price){
        {(partition->before[0] == from) - (partition->before[0] == to), 0, 0, 0}};
}

static bool placement_cheaper(const struct placement_price *a, const struct placement_price *b)
{
    for (size_t i = 0; i < ARRAY_LEN(a->by); i++)
        if (a->by[i] != b->by[i])
            return a->by[i] < b->by[i];
    return false;
}

/* ---- evening out ---- */

/* Of what may move between the two, the cheapest. */
static int32_t placement_find(const struct placement_flow *flow, int32_t from, int32_t to)
{
    const struct placement *p = flow->work->p;
    struct placement_price least = {{0}};
    int32_t best = PLACEMENT_NONE;
    for (int32_t i = 0; i < p->partition_count; i++) {
        if (!flow->may(flow->work, &p->partitions[i], from, to))
            continue;
        struct placement_price price = flow->price(flow->work, &p->partitions[i], from, to);
        if (best == PLACEMENT_NONE || placement_cheaper(&price, &least)) {
            best = i;
            least = price;
        }
    }
    return best;
}

/* The brokers that take, those with the least first; those of the same load by index. */
static int32_t placement_order(const struct placement *p, const int32_t *loads, int32_t *order)
{
    int32_t count = 0;
    for (int32_t i = 0; i < p->broker_count; i++) {
        int32_t at = count;
        if (!p->brokers[i].takes)
            continue;
        for (; at > 0 && loads[order[at - 1]] > loads[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
        count++;
    }
    return count;
}

/* The way that the search took to a broker. */
struct placement_step {
    int32_t from, partition; /* PLACEMENT_NONE: it was not reached */
};

/* A partition that moves twice on one way may break the rule of the racks: that looks at one move
 * only. */
static bool placement_once(const struct placement_step *steps, int32_t start, int32_t end)
{
    for (int32_t at = end; at != start; at = steps[at].from)
        for (int32_t other = steps[at].from; other != start; other = steps[other].from)
            if (steps[other].partition == steps[at].partition)
                return false;
    return true;
}

/* Breadth first, so that the shortest way is found, and the emptiest brokers first. Returns the
 * broker at its end, PLACEMENT_NONE when none has two less than `start`. */
static int32_t placement_search(const struct placement_flow *flow, int32_t start,
                                const int32_t *order, int32_t count, struct placement_step *steps)
{
    int32_t *queue = mem_alloc(((size_t)count + 1) * sizeof(*queue));
    int32_t head = 0, tail = 0, end = PLACEMENT_NONE;
    for (int32_t i = 0; i < count; i++)
        steps[order[i]] = (struct placement_step){PLACEMENT_NONE, PLACEMENT_NONE};
    queue[tail++] = start;
    while (head < tail && end == PLACEMENT_NONE) {
        int32_t at = queue[head++];
        for (int32_t i = 0; i < count && end == PLACEMENT_NONE; i++) {
            int32_t to = order[i];
            if (to == start || steps[to].partition != PLACEMENT_NONE)
                continue;
            int32_t partition = placement_find(flow, at, to);
            if (partition == PLACEMENT_NONE)
                continue;
            steps[to] = (struct placement_step){at, partition};
            queue[tail++] = to;
            if (flow->loads[to] + 2 <= flow->loads[start] && placement_once(steps, start, to))
                end = to;
        }
    }
    ASSERT(tail <= count);
    mem_free(queue);
    return end;
}

/* Moves one along a way from `start` to a broker with at least two less. False: there is no way. */
static bool placement_shift(const struct placement_flow *flow, placement_move *move,
                            struct placement_work *w, int32_t start)
{
    size_t brokers = (size_t)w->p->broker_count;
    struct placement_step *steps = mem_alloc((brokers + 1) * sizeof(*steps));
    int32_t *order = mem_alloc((brokers + 1) * sizeof(*order));
    int32_t count = placement_order(w->p, flow->loads, order), end = PLACEMENT_NONE;
    if (flow->loads[start] >= flow->loads[order[0]] + 2)
        end = placement_search(flow, start, order, count, steps);
    for (int32_t at = end; at != PLACEMENT_NONE && at != start; at = steps[at].from)
        move(w, &w->p->partitions[steps[at].partition], steps[at].from, at);
    mem_free(steps);
    mem_free(order);
    return end != PLACEMENT_NONE;
}

/* The fullest broker gives one away, then whichever is the fullest then: one that gave more at a
 * time would get some back. Who has no way waits until all others are through, since their moves
 * may open one. The sum of the squares of the loads falls with each way, so this ends. */
static void placement_even(const struct placement_flow *flow, placement_move *move,
                           struct placement_work *w)
{
    size_t brokers = (size_t)w->p->broker_count;
    int32_t *order = mem_alloc((brokers + 1) * sizeof(*order));
    bool *stuck = mem_alloc((brokers + 1) * sizeof(*stuck)), again = true;
    while (again) {
        again = false;
        memset(stuck, 0, brokers * sizeof(*stuck));
        for (;;) {
            int32_t at = placement_order(w->p, flow->loads, order) - 1;
            while (at >= 0 && stuck[order[at]])
                at--;
            if (at < 0)
                break;
            if (placement_shift(flow, move, w, order[at]))
                again = true;
            else
                stuck[order[at]] = true;
        }
    }
    mem_free(order);
    mem_free(stuck);
}

static void placement_even_replicas(struct placement_work *w)
{
    struct placement_flow flow = {w, w->replicas, placement_may_replica, placement_price_replica};
    placement_even(&flow, placement_move_replica, w);
}

static void placement_even_leaders(struct placement_work *w)
{
    struct placement_flow flow = {w, w->leaders, placement_may_leader, placement_price_leader};
    placement_even(&flow, placement_move_leader, w);
}

/* ---- draining ---- */

/* Where a replica of a broker that leaves goes: into a rack with as few as possible, and there to
 * the emptiest. */
static int32_t placement_target(const struct placement_work *w,
                                const struct placement_partition *partition, int32_t from)
{
    const struct placement *p = w->p;
    struct placement_price least = {{0}};
    int32_t best = PLACEMENT_NONE;
    for (int32_t i = 0; i < p->broker_count; i++) {
        if (!p->brokers[i].takes || placement_has(partition, i))
            continue;
        bool same = p->brokers[i].rack == p->brokers[from].rack;
        struct placement_price price = {{placement_in_rack(p, partition, p->brokers[i].rack) - same,
                                         w->replicas[i], *placement_topic(w, partition, i),
                                         w->bytes[i]}};
        if (best == PLACEMENT_NONE || placement_cheaper(&price, &least)) {
            best = i;
            least = price;
        }
    }
    return best;
}

static bool placement_larger(const struct placement *p, int32_t a, int32_t b)
{
    const struct placement_partition *left = &p->partitions[a], *right = &p->partitions[b];
    return left->bytes != right->bytes ? left->bytes > right->bytes : a < b;
}

static int placement_compare(const void *a, const void *b, void *data)
{
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    if (left == right)
        return 0;
    return placement_larger(data, left, right) ? -1 : 1;
}

static int placement_empty(struct placement_work *w, struct placement_partition *partition)
{
    for (int32_t i = 0; i < partition->count; i++) {
        int32_t from = partition->replicas[i];
        if (!w->p->brokers[from].leaves)
            continue;
        int32_t to = placement_target(w, partition, from);
        if (to == PLACEMENT_NONE)
            return ERR_INVALID_REPLICATION_FACTOR;
        placement_move_replica(w, partition, from, to);
    }
    return 0;
}

int placement_drain(struct placement *p, int32_t *stuck)
{
    struct placement_work w;
    int32_t *order = mem_alloc(((size_t)p->partition_count + 1) * sizeof(*order));
    int err = 0;
    placement_begin(&w, p, true);
    for (int32_t i = 0; i < p->partition_count; i++)
        order[i] = i;
    qsort_r(order, (size_t)p->partition_count, sizeof(*order), placement_compare, p);
    for (int32_t i = 0; !err && i < p->partition_count; i++) {
        err = placement_empty(&w, &p->partitions[order[i]]);
        *stuck = order[i];
    }
    if (!err) {
        placement_even_replicas(&w);
        placement_even_leaders(&w);
    }
    for (int32_t i = 0; !err && i < p->broker_count; i++)
        ASSERT(!p->brokers[i].leaves || w.replicas[i] == 0);
    placement_end(&w);
    mem_free(order);
    return err;
}

/* ---- balancing ---- */

/* The move that helps the racks of a partition most; false: they are as even as they can be. */
static bool placement_mend(struct placement_work *w, struct placement_partition *partition)
{
    const struct placement *p = w->p;
    struct placement_price least = {{0}};
    int32_t best_from = PLACEMENT_NONE, best_to = PLACEMENT_NONE;
    for (int32_t i = 0; i < partition->count; i++) {
        int32_t from = partition->replicas[i];
        for (int32_t to = 0; p->brokers[from].takes && to < p->broker_count; to++) {
            if (!p->brokers[to].takes || placement_has(partition, to))
                continue;
            int32_t gap = placement_rack_gap(p, partition, from, to);
            struct placement_price price = {
                {-gap, w->replicas[to] - w->replicas[from], w->bytes[to] - w->bytes[from], 0}};
            if (gap >= 2 && (best_to == PLACEMENT_NONE || placement_cheaper(&price, &least))) {
                best_from = from;
                best_to = to;
                least = price;
            }
        }
    }
    if (best_to != PLACEMENT_NONE)
        placement_move_replica(w, partition, best_from, best_to);
    return best_to != PLACEMENT_NONE;
}

/* What may go from one broker to another, the largest first. */
struct placement_list {
    int32_t *items;
    int32_t count;
};

static struct placement_list placement_movable(const struct placement_work *w, int32_t from,
                                               int32_t to)
{
    const struct placement *p = w->p;
    struct placement_list list = {mem_alloc(((size_t)p->partition_count + 1) * sizeof(*list.items)),
                                  0};
    for (int32_t i = 0; i < p->partition_count; i++)
        if (placement_may_replica(w, &p->partitions[i], from, to))
            list.items[list.count++] = i;
    qsort_r(list.items, (size_t)list.count, sizeof(*list.items), placement_compare, w->p);
    return list;
}

/* An exchange of one for the other (or for nothing), and the gap that it would leave. */
struct placement_trade {
    int32_t out, in;
    int64_t left;
};

static void placement_weigh(const struct placement_work *w, int64_t gap, int32_t out, int32_t in,
                            struct placement_trade *best)
{
    const struct placement_partition *partitions = w->p->partitions;
    int64_t least = w->p->bytes_slack / PLACEMENT_SLACK_PARTS + 1;
    int64_t d = partitions[out].bytes - (in == PLACEMENT_NONE ? 0 : partitions[in].bytes);
    if (d < least || gap - d < least)
        return;
    int64_t left = placement_distance(gap, 2 * d);
    if (best->out == PLACEMENT_NONE || left < best->left)
        *best = (struct placement_trade){out, in, left};
}

/* The first of the list that is no larger than that. */
static int32_t placement_seek(const struct placement *p, const struct placement_list *list,
                              int64_t bytes)
{
    int32_t low = 0, high = list->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (p->partitions[list->items[middle]].bytes > bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct placement_trade placement_trade_find(const struct placement_work *w, int32_t from,
                                                   int32_t to)
{
    int64_t gap = w->bytes[from] - w->bytes[to];
    struct placement_list out = placement_movable(w, from, to), in = placement_movable(w, to, from);
    struct placement_trade best = {PLACEMENT_NONE, PLACEMENT_NONE, 0};
    /* One move, where the counts stay as even as they are and it closes half of the gap. */
    for (int32_t i = 0; w->replicas[from] > w->replicas[to] && i < out.count; i++)
        placement_weigh(w, gap, out.items[i], PLACEMENT_NONE, &best);
    bool single = best.out != PLACEMENT_NONE && best.left <= gap / 2;
    for (int32_t i = 0; !single && i < out.count; i++) {
        int64_t wanted = w->p->partitions[out.items[i]].bytes - gap / 2;
        int32_t at = placement_seek(w->p, &in, wanted) - PLACEMENT_NEAR / 2;
        for (int32_t j = 0; j < PLACEMENT_NEAR; j++, at++)
            if (at >= 0 && at < in.count)
                placement_weigh(w, gap, out.items[i], in.items[at], &best);
    }
    mem_free(out.items);
    mem_free(in.items);
    return best;
}

/* The brokers that take, with the fewest bytes first. */
static int32_t placement_order_bytes(const struct placement_work *w, int32_t *order)
{
    int32_t count = 0;
    for (int32_t i = 0; i < w->p->broker_count; i++) {
        int32_t at = count;
        if (!w->p->brokers[i].takes)
            continue;
        for (; at > 0 && w->bytes[order[at - 1]] > w->bytes[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
        count++;
    }
    return count;
}

/* One exchange between a full broker and an empty one; false: none helps. */
static bool placement_trade_once(struct placement_work *w, int32_t *order)
{
    struct placement_partition *partitions = w->p->partitions;
    int32_t count = placement_order_bytes(w, order);
    for (int32_t i = count - 1; i > 0; i--)
        for (int32_t j = 0; j < i; j++) {
            int32_t from = order[i], to = order[j];
            if (w->bytes[from] - w->bytes[to] <= w->p->bytes_slack)
                break;
            struct placement_trade trade = placement_trade_find(w, from, to);
            if (trade.out == PLACEMENT_NONE)
                continue;
            placement_move_replica(w, &partitions[trade.out], from, to);
            if (trade.in != PLACEMENT_NONE)
                placement_move_replica(w, &partitions[trade.in], to, from);
            return true;
        }
    return false;
}

/* The sum of the squares of the bytes falls with each exchange, by a least amount. */
static void placement_even_bytes(struct placement_work *w)
{
    int32_t *order = mem_alloc(((size_t)w->p->broker_count + 1) * sizeof(*order));
    ASSERT(w->p->bytes_slack >= 0);
    while (placement_trade_once(w, order))
        continue;
    mem_free(order);
}

void placement_balance(struct placement *p)
{
    struct placement_work w;
    placement_begin(&w, p, false);
    for (int32_t i = 0; i < p->partition_count; i++)
        while (placement_mend(&w, &p->partitions[i]))
            continue;
    placement_even_replicas(&w);
    placement_even_bytes(&w);
    placement_even_leaders(&w);
    placement_end(&w);
}
