/* Plans of where replicas shall be: even, right for the racks, and of few moves. */
#include "../tap.h"

#include "base/err.h"
#include "base/mem.h"
#include "tools/placement.h"

enum { BROKERS_MAX = 12, REPLICAS_MAX = 5 };

static uint64_t seed;

static int32_t pick(int32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int32_t)((seed >> 33) % (uint64_t)below);
}

/* Brokers 0, 1, ... of as many racks, in turn. */
static struct placement brokers(int32_t count, int32_t racks)
{
    struct placement p = {0};
    for (int32_t i = 0; i < count; i++)
        placement_add_broker(
            &p, &(struct placement_broker){.id = i, .rack = 1 + i % racks, .takes = true});
    return p;
}

static void leave(struct placement *p, int32_t broker)
{
    p->brokers[broker].takes = false;
    p->brokers[broker].leaves = true;
}

/* `factor` different brokers by chance. */
static void add_random(struct placement *p, int32_t topic, int64_t bytes, int32_t factor)
{
    int32_t replicas[REPLICAS_MAX], count = 0;
    while (count < factor) {
        int32_t broker = pick(p->broker_count);
        bool there = false;
        for (int32_t i = 0; i < count; i++)
            there = there || replicas[i] == broker;
        if (!there)
            replicas[count++] = broker;
    }
    placement_add(p, topic, bytes, replicas, factor);
}

/* Replica j of partition i on broker i + j: as a cluster of so many brokers is made. */
static void add_ring(struct placement *p, int32_t partitions, int32_t factor, int32_t ring)
{
    int32_t replicas[REPLICAS_MAX];
    for (int32_t i = 0; i < partitions; i++) {
        for (int32_t j = 0; j < factor; j++)
            replicas[j] = (i + j) % ring;
        placement_add(p, 0, 1000, replicas, factor);
    }
}

static int32_t racks_of(const struct placement *p, const int32_t *ids, int32_t count)
{
    int32_t racks = 0;
    for (int32_t i = 0; i < count; i++) {
        bool seen = false;
        for (int32_t j = 0; j < i; j++)
            seen = seen || p->brokers[ids[j]].rack == p->brokers[ids[i]].rack;
        racks += !seen;
    }
    return racks;
}

static int32_t moves(const struct placement *p)
{
    int32_t moved = 0;
    for (int32_t i = 0; i < p->partition_count; i++)
        moved += placement_moved(&p->partitions[i]);
    return moved;
}

static bool changed(const struct placement *p)
{
    for (int32_t i = 0; i < p->partition_count; i++)
        if (placement_changed(&p->partitions[i]))
            return true;
    return false;
}

/* Different brokers, none that leaves, new ones only among those that take. */
static void check_right(const struct placement *p)
{
    for (int32_t i = 0; i < p->partition_count; i++) {
        const struct placement_partition *partition = &p->partitions[i];
        for (int32_t j = 0; j < partition->count; j++) {
            bool was = false;
            CHECK(!p->brokers[partition->replicas[j]].leaves);
            for (int32_t k = 0; k < partition->count; k++) {
                CHECK(j == k || partition->replicas[j] != partition->replicas[k]);
                was = was || partition->before[k] == partition->replicas[j];
            }
            CHECK(was || p->brokers[partition->replicas[j]].takes);
        }
    }
}

enum load { REPLICAS, LEADERS, BYTES };

static int64_t load_of(const struct placement_load *load, enum load kind)
{
    return kind == REPLICAS ? load->replicas : kind == LEADERS ? load->leaders : load->bytes;
}

/* Between those that take: the most that one has more than another. */
static int64_t spread(const struct placement *p, enum load kind)
{
    struct placement_load loads[BROKERS_MAX];
    int64_t least = INT64_MAX, most = 0;
    placement_loads(p, false, loads);
    for (int32_t i = 0; i < p->broker_count; i++) {
        if (!p->brokers[i].takes)
            continue;
        int64_t value = load_of(&loads[i], kind);
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    return most - least;
}

/* ---- drain ---- */

static void a_drain_moves_nothing_else(void)
{
    struct placement p = brokers(5, 1);
    int32_t stuck;
    add_ring(&p, 40, 3, 5);
    leave(&p, 2);
    CHECK_INT(placement_drain(&p, &stuck), 0);
    check_right(&p);
    CHECK_INT(moves(&p), 24); /* what the broker had */
    CHECK_INT(spread(&p, REPLICAS), 0);
    CHECK(spread(&p, LEADERS) <= 1);
    for (int32_t i = 0; i < p.partition_count; i++) {
        const struct placement_partition *partition = &p.partitions[i];
        bool had = false;
        for (int32_t j = 0; j < 3; j++)
            had = had || partition->before[j] == 2;
        CHECK_INT(placement_moved(partition), had);
        CHECK(had || !placement_changed(partition));
    }
    placement_free(&p);
}

static void a_drain_keeps_the_racks(void)
{
    struct placement p = brokers(6, 3); /* 0 and 3, 1 and 4, 2 and 5 */
    int32_t stuck;
    add_ring(&p, 30, 3, 6);
    leave(&p, 4);
    CHECK_INT(placement_drain(&p, &stuck), 0);
    check_right(&p);
    for (int32_t i = 0; i < p.partition_count; i++)
        CHECK_INT(racks_of(&p, p.partitions[i].replicas, 3), 3);
    leave(&p, 1); /* its rack is gone: two stand in one rack */
    placement_free(&p);
    p = brokers(3, 3);
    p.brokers[2].rack = 1;
    add_ring(&p, 4, 2, 2);
    leave(&p, 1);
    CHECK_INT(placement_drain(&p, &stuck), 0);
    for (int32_t i = 0; i < 4; i++)
        CHECK_INT(racks_of(&p, p.partitions[i].replicas, 2), 1);
    placement_free(&p);
}

static void a_drain_without_room_says_which(void)
{
    struct placement p = brokers(4, 1);
    int32_t stuck = -1;
    int32_t all[] = {3, 0, 1};
    add_ring(&p, 5, 2, 4);
    placement_add(&p, 1, 10, all, 3);
    leave(&p, 3);
    p.brokers[2].takes = false; /* it is down */
    CHECK_INT(placement_drain(&p, &stuck), ERR_INVALID_REPLICATION_FACTOR);
    CHECK_INT(stuck, 5);
    placement_free(&p);
}

static int64_t squares(const int32_t *loads, int32_t count)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < count; i++)
        sum += (int64_t)loads[i] * loads[i];
    return sum;
}

/* The least sum of squares of all ways to give away what broker 0 has, from partition i on. */
static int64_t best_squares(const struct placement *p, int32_t i, int32_t *loads)
{
    while (i < p->partition_count && p->partitions[i].before[0] != 0)
        i++;
    if (i == p->partition_count)
        return squares(loads, p->broker_count);
    const struct placement_partition *partition = &p->partitions[i];
    int64_t best = INT64_MAX;
    for (int32_t to = 1; to < p->broker_count; to++) {
        bool has = false;
        for (int32_t j = 1; j < partition->count; j++)
            has = has || partition->before[j] == to;
        if (has)
            continue;
        loads[to]++;
        int64_t found = best_squares(p, i + 1, loads);
        loads[to]--;
        best = found < best ? found : best;
    }
    return best;
}

/* Small clusters, against all ways that there are. */
static void a_drain_is_as_even_as_can_be(void)
{
    for (int32_t round = 0; round < 300; round++) {
        seed = (uint64_t)round;
        struct placement p = brokers(4 + pick(2), 1);
        struct placement_load before[BROKERS_MAX], after[BROKERS_MAX];
        int32_t loads[BROKERS_MAX] = {0}, got[BROKERS_MAX] = {0}, stuck;
        int32_t factor = 2 + pick(2);
        for (int32_t i = 0; i < 7; i++) {
            add_random(&p, pick(2), pick(100), factor);
            /* Broker 0 first, where it is at all, for best_squares. */
            struct placement_partition *last = &p.partitions[i];
            for (int32_t j = 1; j < factor; j++)
                if (last->replicas[j] == 0) {
                    last->replicas[j] = last->before[j] = last->replicas[0];
                    last->replicas[0] = last->before[0] = 0;
                }
        }
        leave(&p, 0);
        placement_loads(&p, true, before);
        for (int32_t i = 1; i < p.broker_count; i++)
            loads[i] = before[i].replicas;
        CHECK_INT(placement_drain(&p, &stuck), 0);
        check_right(&p);
        placement_loads(&p, false, after);
        for (int32_t i = 0; i < p.broker_count; i++)
            got[i] = after[i].replicas;
        CHECK_INT(squares(got, p.broker_count), best_squares(&p, 0, loads));
        placement_free(&p);
    }
}

static void drains_of_any_cluster(void)
{
    for (int32_t round = 0; round < 300; round++) {
        seed = 1000 + (uint64_t)round;
        int32_t count = 4 + pick(6), racks = 1 + pick(4), factor = 1 + pick(3), stuck;
        struct placement p = brokers(count, racks), again = brokers(count, racks);
        for (int32_t i = pick(120); i >= 0; i--)
            add_random(&p, pick(5), pick(1000), factor);
        for (int32_t i = 0; i < p.partition_count; i++)
            placement_add(&again, p.partitions[i].topic, p.partitions[i].bytes,
                          p.partitions[i].before, factor);
        leave(&p, round % count);
        leave(&again, round % count);
        CHECK_INT(placement_drain(&p, &stuck), 0);
        CHECK_INT(placement_drain(&again, &stuck), 0);
        check_right(&p);
        for (int32_t i = 0; i < p.partition_count; i++) {
            const struct placement_partition *partition = &p.partitions[i];
            int32_t rest = 0, left[REPLICAS_MAX];
            for (int32_t j = 0; j < factor; j++)
                if (partition->before[j] != round % count)
                    left[rest++] = partition->before[j];
            CHECK(racks_of(&p, partition->replicas, factor) >= racks_of(&p, left, rest));
            for (int32_t j = 0; j < factor; j++)
                CHECK_INT(partition->replicas[j], again.partitions[i].replicas[j]);
        }
        placement_free(&p);
        placement_free(&again);
    }
}

/* ---- balance ---- */

static void an_even_cluster_stays(void)
{
    struct placement p = brokers(6, 3);
    add_ring(&p, 60, 3, 6);
    p.bytes_slack = 100;
    placement_balance(&p);
    CHECK(!changed(&p));
    placement_free(&p);
}

static void a_new_broker_gets_its_share(void)
{
    struct placement p = brokers(4, 1);
    add_ring(&p, 40, 3, 3); /* broker 3 is new */
    p.bytes_slack = 100;
    placement_balance(&p);
    check_right(&p);
    CHECK_INT(spread(&p, REPLICAS), 0);
    CHECK_INT(spread(&p, LEADERS), 0);
    CHECK_INT(moves(&p), 30);
    placement_free(&p);
}

/* At least what the full ones have too much, or the empty ones too little. */
static int32_t fewest(const struct placement *p)
{
    struct placement_load loads[BROKERS_MAX];
    int32_t sum = 0, over = 0, under = 0;
    placement_loads(p, true, loads);
    for (int32_t i = 0; i < p->broker_count; i++)
        sum += loads[i].replicas;
    int32_t low = sum / p->broker_count, high = low + (sum % p->broker_count != 0);
    for (int32_t i = 0; i < p->broker_count; i++) {
        over += loads[i].replicas > high ? loads[i].replicas - high : 0;
        under += loads[i].replicas < low ? low - loads[i].replicas : 0;
    }
    return over > under ? over : under;
}

static void balances_move_as_few_as_can_be(void)
{
    for (int32_t round = 0; round < 300; round++) {
        seed = 5000 + (uint64_t)round;
        struct placement p = brokers(3 + pick(7), 1);
        int32_t factor = 1 + pick(3);
        for (int32_t i = pick(100); i >= 0; i--)
            add_random(&p, pick(4), 0, factor);
        placement_balance(&p);
        check_right(&p);
        CHECK(spread(&p, REPLICAS) <= 1);
        CHECK(spread(&p, LEADERS) <= 1);
        CHECK_INT(moves(&p), fewest(&p));
        placement_free(&p);
    }
}

/* What was balanced is even: with racks, sizes, brokers that take no part. */
static void a_balance_leaves_nothing_to_do(void)
{
    for (int32_t round = 0; round < 200; round++) {
        seed = 9000 + (uint64_t)round;
        int32_t count = 4 + pick(6), racks = 1 + pick(4), factor = 1 + pick(3);
        struct placement p = brokers(count, racks), again = brokers(count, racks);
        p.brokers[count - 1].takes = again.brokers[count - 1].takes = round % 3 != 0;
        for (int32_t i = pick(100); i >= 0; i--)
            add_random(&p, pick(4), pick(1000), factor);
        p.bytes_slack = again.bytes_slack = 500;
        placement_balance(&p);
        check_right(&p);
        for (int32_t i = 0; i < p.partition_count; i++) {
            const struct placement_partition *partition = &p.partitions[i];
            CHECK(racks_of(&p, partition->replicas, factor) >=
                  racks_of(&p, partition->before, factor));
            placement_add(&again, partition->topic, partition->bytes, partition->replicas, factor);
        }
        placement_balance(&again);
        CHECK(!changed(&again));
        placement_free(&p);
        placement_free(&again);
    }
}

static void large_ones_are_exchanged_for_small_ones(void)
{
    struct placement p = brokers(3, 1);
    for (int32_t i = 0; i < 12; i++)
        placement_add(&p, 0, i % 3 == 0 ? 1000 : 10, &(int32_t){i % 3}, 1);
    p.bytes_slack = 1100;
    placement_balance(&p);
    check_right(&p);
    CHECK_INT(spread(&p, REPLICAS), 0);
    CHECK(spread(&p, BYTES) <= 1100);
    CHECK_INT(moves(&p), 4); /* two of the four large ones for two small ones */
    placement_free(&p);
}

static void a_balance_mends_racks(void)
{
    struct placement p = brokers(4, 2); /* 0 and 2, 1 and 3 */
    int32_t same[][2] = {{0, 2}, {1, 3}, {2, 0}, {3, 1}};
    for (int32_t i = 0; i < 4; i++)
        placement_add(&p, 0, 10, same[i], 2);
    placement_balance(&p);
    check_right(&p);
    for (int32_t i = 0; i < 4; i++)
        CHECK_INT(racks_of(&p, p.partitions[i].replicas, 2), 2);
    CHECK_INT(moves(&p), 4);
    CHECK_INT(spread(&p, REPLICAS), 0);
    placement_free(&p);
}

static void who_takes_no_part_keeps_what_it_has(void)
{
    struct placement p = brokers(4, 1);
    add_ring(&p, 12, 2, 2);
    p.brokers[0].takes = false;
    placement_balance(&p);
    check_right(&p);
    for (int32_t i = 0; i < 12; i++) {
        const int32_t *now = p.partitions[i].replicas;
        CHECK(now[0] == 0 || now[1] == 0);
        CHECK_INT(now[0] == 0, p.partitions[i].before[0] == 0); /* nor are its leaders taken */
    }
    CHECK_INT(spread(&p, REPLICAS), 0); /* of the other three */
    placement_free(&p);
}

TAP_MAIN(TAP_TEST(a_drain_moves_nothing_else), TAP_TEST(a_drain_keeps_the_racks),
         TAP_TEST(a_drain_without_room_says_which), TAP_TEST(a_drain_is_as_even_as_can_be),
         TAP_TEST(drains_of_any_cluster), TAP_TEST(an_even_cluster_stays),
         TAP_TEST(a_new_broker_gets_its_share), TAP_TEST(balances_move_as_few_as_can_be),
         TAP_TEST(a_balance_leaves_nothing_to_do),
         TAP_TEST(large_ones_are_exchanged_for_small_ones), TAP_TEST(a_balance_mends_racks),
         TAP_TEST(who_takes_no_part_keeps_what_it_has))
