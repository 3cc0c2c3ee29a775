/* Subscriptions and assignments of the consumer protocol: an int16 version, then its fields. */
#include "broker/group/subscription.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "broker/group/group.h"

enum {
    SUBSCRIPTION_VERSION_SIZE = 2,
    SUBSCRIPTION_ARENA_MAX = 16 << 20 /* the bytes came in one request; their arrays are as large */
};

static int subscription_decode_as(struct wire_bytes bytes, int16_t version,
                                  const struct wire_desc *desc, struct arena *arena, void *out)
{
    size_t used;
    if (bytes.len < SUBSCRIPTION_VERSION_SIZE)
        return ERR_MALFORMED;
    return wire_decode(desc, version, (uint8_t *)bytes.data + SUBSCRIPTION_VERSION_SIZE,
                       (size_t)bytes.len - SUBSCRIPTION_VERSION_SIZE, arena, out, &used);
}

static int subscription_decode(struct wire_bytes bytes, const struct wire_desc *desc,
                               struct arena *arena, void *out)
{
    if (bytes.len >= SUBSCRIPTION_VERSION_SIZE && (int16_t)bytes_get_u16(bytes.data) < 0)
        return ERR_MALFORMED;
    return subscription_decode_as(bytes, subscription_version(bytes), desc, arena, out);
}

int16_t subscription_version(struct wire_bytes bytes)
{
    int16_t version =
        bytes.len >= SUBSCRIPTION_VERSION_SIZE ? (int16_t)bytes_get_u16(bytes.data) : 0;
    int16_t max = consumer_protocol_assignment_desc.version_max;
    return version < 0 ? 0 : version > max ? max : version;
}

int subscription_read(struct wire_bytes bytes, struct arena *arena,
                      struct consumer_protocol_subscription *subscription)
{
    return subscription_decode(bytes, &consumer_protocol_subscription_desc, arena, subscription);
}

int subscription_read_assignment(struct wire_bytes bytes, struct arena *arena,
                                 struct consumer_protocol_assignment *assignment)
{
    wire_defaults(&consumer_protocol_assignment_desc, assignment);
    if (bytes.len <= 0)
        return 0;
    return subscription_decode(bytes, &consumer_protocol_assignment_desc, arena, assignment);
}

static int subscription_compare(const void *a, const void *b)
{
    const struct wire_str *one = a;
    const struct wire_str *other = b;
    int32_t len = one->len < other->len ? one->len : other->len;
    int order = len > 0 ? memcmp(one->data, other->data, (size_t)len) : 0;
    return order ? order : (one->len > other->len) - (one->len < other->len);
}

/* Sorts the names and takes doubles out. */
static void subscription_settle(struct consumer_protocol_subscription *subscription)
{
    struct wire_str *names = subscription->topics.items;
    int32_t kept = 0;
    if (subscription->topics.count > 0)
        qsort(names, (size_t)subscription->topics.count, sizeof(*names), subscription_compare);
    for (int32_t i = 0; i < subscription->topics.count; i++)
        if (kept == 0 || !wire_str_equal(names[kept - 1], names[i]))
            names[kept++] = names[i];
    subscription->topics.count = kept;
}

bool subscription_same_topics(struct wire_bytes a_bytes, struct wire_bytes b_bytes)
{
    struct consumer_protocol_subscription a, b;
    struct arena arena;
    if (wire_bytes_equal(a_bytes, b_bytes))
        return true;
    arena_init(&arena, SUBSCRIPTION_ARENA_MAX);
    bool same = !subscription_read(a_bytes, &arena, &a) && !subscription_read(b_bytes, &arena, &b);
    if (same) {
        subscription_settle(&a);
        subscription_settle(&b);
        same = a.topics.count == b.topics.count;
    }
    for (int32_t i = 0; same && i < a.topics.count; i++)
        same = wire_str_equal(a.topics.items[i], b.topics.items[i]);
    arena_close(&arena);
    return same;
}

void subscription_add_topics(struct wire_bytes bytes, struct subscribed *subscribed)
{
    struct consumer_protocol_subscription subscription;
    struct arena arena;
    arena_init(&arena, SUBSCRIPTION_ARENA_MAX);
    /* Every version begins with the fields of the first. */
    if (subscription_decode_as(bytes, 0, &consumer_protocol_subscription_desc, &arena,
                               &subscription))
        subscribed->all = true;
    else
        for (int32_t i = 0; i < subscription.topics.count; i++)
            subscribed_add(subscribed, subscription.topics.items[i]);
    arena_close(&arena);
}
