/* Lines of batches, by client and partition. A line goes with its last batch. */
#include "broker/handlers/produce_order.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"

struct produce_order {
    struct map lines; /* key -> struct produce_line */
};

/* Without the gaps of the struct. */
struct order_key {
    uint8_t bytes[sizeof(void *) + sizeof(struct uuid) + sizeof(int32_t)];
};

struct produce_line {
    struct produce_order *order;
    struct order_key key;
    struct list turns;
};

static struct order_key order_key(const struct produce_key *key)
{
    struct order_key packed;
    uint8_t *at = packed.bytes;
    memcpy(at, &key->client, sizeof(key->client));
    at += sizeof(key->client);
    memcpy(at, &key->topic_id, sizeof(key->topic_id));
    memcpy(at + sizeof(key->topic_id), &key->partition, sizeof(key->partition));
    return packed;
}

struct produce_order *produce_order_new(void)
{
    struct produce_order *order = mem_alloc(sizeof(*order));
    map_init(&order->lines);
    return order;
}

void produce_order_free(struct produce_order *order)
{
    ASSERT(order->lines.count == 0);
    map_close(&order->lines);
    mem_free(order);
}

bool produce_order_is_empty(const struct produce_order *order)
{
    return order->lines.count == 0;
}

bool produce_order_is_free(const struct produce_order *order, const struct produce_key *key)
{
    struct order_key packed = order_key(key);
    return map_get(&order->lines, packed.bytes, sizeof(packed.bytes)) == NULL;
}

void produce_order_join(struct produce_order *order, const struct produce_key *key,
                        struct produce_turn *turn)
{
    struct order_key packed = order_key(key);
    struct produce_line *line = map_get(&order->lines, packed.bytes, sizeof(packed.bytes));
    if (!line) {
        line = mem_alloc(sizeof(*line));
        *line = (struct produce_line){.order = order, .key = packed};
        list_init(&line->turns);
        map_put(&order->lines, packed.bytes, sizeof(packed.bytes), line);
    }
    turn->line = line;
    turn->ready = false;
    list_push(&line->turns, &turn->link);
}

/* The first batch, when it is ready; the line may be gone then. */
static struct produce_turn *order_pop(struct produce_line *line, bool *last)
{
    struct produce_turn *turn = LIST_ENTRY(line->turns.next, struct produce_turn, link);
    if (!turn->ready)
        return NULL;
    list_remove(&turn->link);
    *last = list_empty(&line->turns);
    if (*last) {
        map_del(&line->order->lines, line->key.bytes, sizeof(line->key.bytes));
        mem_free(line);
    }
    return turn;
}

void produce_order_ready(struct produce_turn *turn)
{
    struct produce_line *line = turn->line;
    struct produce_turn *first;
    bool last = false;
    turn->ready = true;
    while (!last && (first = order_pop(line, &last)))
        first->take(first);
}
