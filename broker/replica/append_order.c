/* Lines of batches, by client and partition. A line goes with its last batch. */
#include "broker/replica/append_order.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"

struct append_order {
    struct map lines; /* key -> struct append_line */
};

/* Without the gaps of the struct. */
struct order_key {
    uint8_t bytes[sizeof(void *) + sizeof(struct uuid) + sizeof(int32_t)];
};
STATIC_ASSERT(sizeof(struct order_key) == sizeof(void *) + sizeof(struct uuid) + sizeof(int32_t),
              "a key of a map has no gaps");

struct append_line {
    struct append_order *order;
    struct order_key key;
    struct list turns;
};

static struct order_key order_key(const struct append_key *key)
{
    struct order_key packed;
    uint8_t *at = packed.bytes;
    memcpy(at, &key->client, sizeof(key->client));
    at += sizeof(key->client);
    memcpy(at, &key->topic_id, sizeof(key->topic_id));
    memcpy(at + sizeof(key->topic_id), &key->partition, sizeof(key->partition));
    return packed;
}

struct append_order *append_order_new(void)
{
    struct append_order *order = mem_alloc(sizeof(*order));
    map_init(&order->lines);
    return order;
}

void append_order_free(struct append_order *order)
{
    ASSERT(order->lines.count == 0);
    map_close(&order->lines);
    mem_free(order);
}

bool append_order_is_empty(const struct append_order *order)
{
    return order->lines.count == 0;
}

bool append_order_is_free(const struct append_order *order, const struct append_key *key)
{
    struct order_key packed = order_key(key);
    return map_get(&order->lines, packed.bytes, sizeof(packed.bytes)) == NULL;
}

void append_order_join(struct append_order *order, const struct append_key *key,
                       struct append_turn *turn)
{
    ASSERT(turn->line == NULL);
    ASSERT(turn->take != NULL);
    struct order_key packed = order_key(key);
    struct append_line *line = map_get(&order->lines, packed.bytes, sizeof(packed.bytes));
    if (!line) {
        line = mem_alloc(sizeof(*line));
        *line = (struct append_line){.order = order, .key = packed};
        list_init(&line->turns);
        map_put(&order->lines, packed.bytes, sizeof(packed.bytes), line);
    }
    turn->line = line;
    turn->ready = false;
    list_push(&line->turns, &turn->link);
    ASSERT(turn->line->order == order);
}

static void order_free_line(struct append_line *line)
{
    ASSERT(list_empty(&line->turns));
    const void *former = map_del(&line->order->lines, line->key.bytes, sizeof(line->key.bytes));
    ASSERT(former == line);
    mem_free(line);
}

/* Takes the first batch out of its line, when it is ready; the line may be gone then. */
static struct append_turn *order_pop(struct append_line *line, bool *last)
{
    ASSERT(!list_empty(&line->turns));
    struct append_turn *turn = LIST_ENTRY(line->turns.next, struct append_turn, link);
    ASSERT(turn->line == line);
    if (!turn->ready)
        return NULL;
    list_remove(&turn->link);
    turn->line = NULL;
    *last = list_empty(&line->turns);
    if (*last)
        order_free_line(line);
    return turn;
}

static void order_pump(struct append_line *line)
{
    struct append_turn *first;
    bool last = false;
    while (!last && (first = order_pop(line, &last)))
        first->take(first);
}

void append_order_ready(struct append_turn *turn)
{
    ASSERT(turn->line);
    ASSERT(!turn->ready);
    turn->ready = true;
    order_pump(turn->line);
}

void append_order_leave(struct append_turn *turn)
{
    struct append_line *line = turn->line;
    ASSERT(line);
    ASSERT(!list_empty(&line->turns));
    list_remove(&turn->link);
    turn->line = NULL;
    if (list_empty(&line->turns))
        order_free_line(line);
    else
        order_pump(line);
}
