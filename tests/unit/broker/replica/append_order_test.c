/* The order of a client's batches for a partition: by joining, however they become ready. */
#include "../../tap.h"

#include "broker/replica/append_order.h"

enum { TURNS = 5 };

struct seen {
    struct append_turn turn;
    int number;
};

static int taken[TURNS * 2];
static int taken_count;

static void seen_take(struct append_turn *turn)
{
    taken[taken_count++] = CONTAINER_OF(turn, struct seen, turn)->number;
    *turn = (struct append_turn){0}; /* the memory is its owner's again */
}

static void batches_are_taken_in_the_order_in_which_they_came(void)
{
    static const int ready[][TURNS] = {
        {0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}, {1, 0, 3, 2, 4}};
    struct append_order *order = append_order_new();
    struct append_key key = {&taken, {.bytes = {1}}, 7};
    for (size_t way = 0; way < ARRAY_LEN(ready); way++) {
        struct seen seen[TURNS];
        taken_count = 0;
        for (int i = 0; i < TURNS; i++) {
            CHECK(append_order_is_free(order, &key) == (i == 0));
            seen[i] = (struct seen){.turn.take = seen_take, .number = i};
            append_order_join(order, &key, &seen[i].turn);
        }
        for (int i = 0; i < TURNS; i++)
            append_order_ready(&seen[ready[way][i]].turn);
        CHECK_INT(taken_count, TURNS);
        for (int i = 0; i < TURNS; i++)
            CHECK_INT(taken[i], i);
        CHECK(append_order_is_empty(order));
    }
    append_order_free(order);
}

static void others_do_not_wait(void)
{
    struct append_order *order = append_order_new();
    struct append_key key = {&taken, {.bytes = {1}}, 0};
    struct append_key others[] = {{&taken, {.bytes = {1}}, 1},
                                  {&taken, {.bytes = {2}}, 0},
                                  {&taken_count, {.bytes = {1}}, 0}};
    struct seen first = {.turn.take = seen_take, .number = 1};
    taken_count = 0;
    CHECK(append_order_is_empty(order));
    append_order_join(order, &key, &first.turn);
    CHECK(!append_order_is_empty(order));
    CHECK(!append_order_is_free(order, &key));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct seen other = {.turn.take = seen_take, .number = 2};
        CHECK(append_order_is_free(order, &others[i]));
        append_order_join(order, &others[i], &other.turn);
        append_order_ready(&other.turn);
        CHECK_INT(taken[i], 2);
    }
    append_order_ready(&first.turn);
    CHECK_INT(taken_count, 4);
    CHECK(append_order_is_empty(order));
    append_order_free(order);
}

static void who_leaves_is_waited_for_no_more(void)
{
    struct append_order *order = append_order_new();
    struct append_key key = {&taken, {.bytes = {1}}, 0};
    struct seen seen[TURNS];
    taken_count = 0;
    for (int i = 0; i < TURNS; i++) {
        seen[i] = (struct seen){.turn.take = seen_take, .number = i};
        append_order_join(order, &key, &seen[i].turn);
    }
    append_order_ready(&seen[1].turn);
    append_order_ready(&seen[3].turn);
    append_order_leave(&seen[2].turn);
    CHECK_INT(taken_count, 0);
    append_order_leave(&seen[0].turn);
    CHECK_INT(taken_count, 2);
    CHECK_INT(taken[0], 1);
    CHECK_INT(taken[1], 3);
    append_order_leave(&seen[4].turn);
    CHECK(append_order_is_empty(order));
    append_order_free(order);
}

TAP_MAIN(TAP_TEST(who_leaves_is_waited_for_no_more),
         TAP_TEST(batches_are_taken_in_the_order_in_which_they_came), TAP_TEST(others_do_not_wait))
