/* The memory channel: a ring of events, bounded in events and in bytes of their bodies.
 *
 * Happy path: a put copies the small event values and takes references, a take moves them out, a
 * commit makes room. The ring grows as it is needed, up to the capacity. Failure modes: no room is
 * ERR_AGAIN and the put waits; the end of the process loses what is in it, which is what this
 * channel is: the file channel keeps events. */
#include <string.h>

#include "base/mem.h"
#include "base/plural.h"
#include "tools/agent/channel.h"
#include "tools/agent/types.h"

enum { MEMORY_RING_MIN = 64, MEMORY_LOOSE = 4, MEMORY_LOOSE_MIN = 1024 };

struct memory_channel {
    struct channel channel;
    struct event *ring;
    size_t ring_cap; /* a power of two */
    size_t head;     /* the oldest; only its low bits are a place */
    size_t queued;   /* in the ring */
    size_t taken;    /* with sinks */
    size_t bytes;    /* of both */
    size_t capacity, byte_capacity;
};

/* clang-format off */
static const struct key_row memory_keys[] = {
    KEY_INT("capacity", "100", 1, KEY_MAX_INT, "The most events in the channel."),
    KEY_INT("transactionCapacity", "100", 1, TRANSACTION_MAX,
            "The most events that a source puts, or a sink takes, at once."),
    KEY_INT("keep-alive", "3", 0, KEY_MAX_INT,
            "For how many seconds a put waits for room before it fails."),
    KEY_INT("byteCapacity", "16777216", 0, KEY_MAX_LONG,
            "The most bytes of bodies in the channel, after byteCapacityBufferPercentage; 0 = no "
            "limit. Flume's default is 80 % of its heap, which is 20 MB if nothing else is said."),
    KEY_INT("byteCapacityBufferPercentage", "20", 0, 100,
            "The share of byteCapacity that is left for headers."),
    KEY_END,
};
/* clang-format on */

static struct memory_channel *memory_of(const struct channel *channel)
{
    return CONTAINER_OF(channel, struct memory_channel, channel);
}

static void memory_check(const struct part *part, struct buf *problems)
{
    if (part_number(part, "transactionCapacity") > part_number(part, "capacity"))
        part_complain(part, "transactionCapacity", problems,
                      "%s events at once have no room in a capacity of %s: lower it, or raise "
                      "capacity",
                      part_text(part, "transactionCapacity"), part_text(part, "capacity"));
}

static int memory_open(struct channel *channel, struct buf *problem)
{
    struct memory_channel *memory = memory_of(channel);
    int64_t bytes = part_number(channel->part, "byteCapacity");
    int64_t left = 100 - part_number(channel->part, "byteCapacityBufferPercentage");
    (void)problem;
    memory->capacity = (size_t)part_number(channel->part, "capacity");
    memory->byte_capacity = bytes == 0 ? SIZE_MAX : (size_t)(bytes / 100 * left);
    channel->transaction_capacity = (size_t)part_number(channel->part, "transactionCapacity");
    channel->keep_alive_ms = part_number(channel->part, "keep-alive") * 1000;
    return 0;
}

static struct event *memory_at(struct memory_channel *memory, size_t place)
{
    return &memory->ring[place & (memory->ring_cap - 1)];
}

static void memory_close(struct channel *channel)
{
    struct memory_channel *memory = memory_of(channel);
    ASSERT(memory->taken == 0);
    if (memory->queued > 0)
        logger_warn(&channel->logger, "%zu %s lost: in memory only", memory->queued,
                    plural((int64_t)memory->queued, "event is", "events are"));
    for (size_t i = 0; i < memory->queued; i++)
        event_unref(memory_at(memory, memory->head + i));
    mem_free(memory->ring);
}

/* Room for `more` events in the ring, and for those that are taken: they may come back. */
static int memory_grow(struct memory_channel *memory, size_t more)
{
    size_t cap = memory->ring_cap ? memory->ring_cap : MEMORY_RING_MIN;
    while (cap < memory->queued + memory->taken + more)
        cap *= 2;
    if (cap == memory->ring_cap)
        return 0;
    struct event *ring = mem_try_alloc(cap * sizeof(*ring));
    if (!ring)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < memory->queued; i++)
        ring[(memory->head + i) & (cap - 1)] = *memory_at(memory, memory->head + i);
    mem_free(memory->ring);
    memory->ring = ring;
    memory->ring_cap = cap;
    return 0;
}

/* Whether events keep much more memory alive than they need: a filter has let few of a block
 * through, or a connection has sent one line. */
static bool memory_is_loose(const struct put *put, size_t bytes)
{
    size_t held = 0;
    for (size_t i = 0; i < put->count; i++)
        if (i == 0 || put->events[i].block != put->events[i - 1].block)
            held += put->events[i].block->cap;
    return held > MEMORY_LOOSE_MIN && held / MEMORY_LOOSE > bytes;
}

static void memory_push(struct memory_channel *memory, const struct event *event)
{
    *memory_at(memory, memory->head + memory->queued++) = *event;
}

/* Copies of the bodies, in one block of their own. */
static bool memory_push_compact(struct memory_channel *memory, const struct put *put, size_t bytes)
{
    struct block *block = block_new(bytes);
    uint8_t *to = block ? block->data : NULL;
    if (!block)
        return false;
    for (size_t i = 0; i < put->count; i++) {
        const struct event *event = &put->events[i];
        memcpy(to, event->body, event->len);
        memory_push(memory, &(struct event){.block = block_ref(block),
                                            .headers = headers_ref(event->headers),
                                            .body = to,
                                            .len = event->len});
        to += event->len;
    }
    block_unref(block);
    return true;
}

static int memory_put(struct channel *channel, struct put *put)
{
    struct memory_channel *memory = memory_of(channel);
    size_t bytes = 0, count = memory->queued + memory->taken;
    for (size_t i = 0; i < put->count; i++)
        bytes += put->events[i].len;
    ASSERT(count <= memory->capacity);
    if (put->count > memory->capacity - count)
        return ERR_AGAIN;
    /* One event that is larger than the limit gets through alone: it would wait for ever. */
    size_t room = memory->bytes < memory->byte_capacity ? memory->byte_capacity - memory->bytes : 0;
    if (memory->bytes > 0 && bytes > room)
        return ERR_AGAIN;
    if (memory_grow(memory, put->count))
        return ERR_AGAIN;
    if (!memory_is_loose(put, bytes) || !memory_push_compact(memory, put, bytes))
        for (size_t i = 0; i < put->count; i++) {
            struct event event = event_ref(&put->events[i]);
            memory_push(memory, &event);
        }
    memory->bytes += bytes;
    return 0;
}

static void memory_take(struct channel *channel, struct take *take, size_t max)
{
    struct memory_channel *memory = memory_of(channel);
    take->count = max < memory->queued ? max : memory->queued;
    take->mark = memory->head;
    for (size_t i = 0; i < take->count; i++)
        take->events[i] = *memory_at(memory, memory->head + i);
    memory->head += take->count;
    memory->queued -= take->count;
    memory->taken += take->count;
}

static void memory_commit(struct channel *channel, const struct take *take)
{
    struct memory_channel *memory = memory_of(channel);
    ASSERT(memory->taken >= take->count);
    memory->taken -= take->count;
    for (size_t i = 0; i < take->count; i++) {
        ASSERT(memory->bytes >= take->events[i].len);
        memory->bytes -= take->events[i].len;
    }
}

static void memory_rollback(struct channel *channel, struct take *take)
{
    struct memory_channel *memory = memory_of(channel);
    ASSERT(memory->taken >= take->count);
    ASSERT(memory->queued + take->count <= memory->ring_cap); /* memory_grow has seen to it */
    memory->head -= take->count;
    memory->queued += take->count;
    memory->taken -= take->count;
    for (size_t i = 0; i < take->count; i++)
        *memory_at(memory, memory->head + i) = take->events[i];
}

static size_t memory_count(const struct channel *channel)
{
    return memory_of(channel)->queued + memory_of(channel)->taken;
}

static size_t memory_capacity(const struct channel *channel)
{
    return memory_of(channel)->capacity;
}

const struct channel_type memory_channel_type = {
    .part = {.kind = PART_CHANNEL,
             .name = "memory",
             .class_name = "org.apache.flume.channel.MemoryChannel",
             .doc = "Events in memory: fast, and lost when the process ends.",
             .keys = memory_keys,
             .check = memory_check},
    .size = sizeof(struct memory_channel),
    .open = memory_open,
    .close = memory_close,
    .put = memory_put,
    .take = memory_take,
    .commit = memory_commit,
    .rollback = memory_rollback,
    .count = memory_count,
    .capacity = memory_capacity,
};
