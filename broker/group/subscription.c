/* Subscriptions and assignments of the consumer protocol: an int16 version, then its fields. */
#include "broker/group/subscription.h"

#include "base/bytes.h"
#include "base/err.h"

enum {
    SUBSCRIPTION_VERSION_SIZE = 2,
    SUBSCRIPTION_ARENA_MAX = 16 << 20 /* the bytes came in one request; their arrays are as large */
};

static int subscription_decode(struct wire_bytes bytes, const struct wire_desc *desc,
                               struct arena *arena, void *out)
{
    size_t used;
    if (bytes.len < SUBSCRIPTION_VERSION_SIZE)
        return ERR_MALFORMED;
    int16_t version = (int16_t)bytes_get_u16(bytes.data);
    if (version < 0)
        return ERR_MALFORMED;
    if (version > desc->version_max)
        version = desc->version_max;
    return wire_decode(desc, version, (uint8_t *)bytes.data + SUBSCRIPTION_VERSION_SIZE,
                       (size_t)bytes.len - SUBSCRIPTION_VERSION_SIZE, arena, out, &used);
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

static bool subscription_names(const struct consumer_protocol_subscription *subscription,
                               struct wire_str topic)
{
    for (int32_t i = 0; i < subscription->topics.count; i++)
        if (wire_str_equal(subscription->topics.items[i], topic))
            return true;
    return false;
}

static bool subscription_names_all(const struct consumer_protocol_subscription *a,
                                   const struct consumer_protocol_subscription *b)
{
    for (int32_t i = 0; i < b->topics.count; i++)
        if (!subscription_names(a, b->topics.items[i]))
            return false;
    return true;
}

bool subscription_same_topics(struct wire_bytes a_bytes, struct wire_bytes b_bytes)
{
    struct consumer_protocol_subscription a, b;
    struct arena arena;
    if (wire_bytes_equal(a_bytes, b_bytes))
        return true;
    arena_init(&arena, SUBSCRIPTION_ARENA_MAX);
    bool same = !subscription_read(a_bytes, &arena, &a) &&
                !subscription_read(b_bytes, &arena, &b) && subscription_names_all(&a, &b) &&
                subscription_names_all(&b, &a);
    arena_close(&arena);
    return same;
}

bool subscription_has_topic(struct wire_bytes bytes, struct wire_str topic)
{
    struct consumer_protocol_subscription subscription;
    struct arena arena;
    arena_init(&arena, SUBSCRIPTION_ARENA_MAX);
    bool has = !subscription_read(bytes, &arena, &subscription) &&
               subscription_names(&subscription, topic);
    arena_close(&arena);
    return has;
}
