/* What is read of a consumer's metadata: which topics, in whatever order they are named. */
#include "../../tap.h"

#include <stdlib.h>

#include "broker/group/group.h"
#include "broker/group/subscription.h"
#include "wire/out.h"

static struct wire_bytes make(struct wire_out *out, const char *const *names, int32_t count)
{
    struct consumer_protocol_subscription subscription;
    struct wire_str topics[64];
    wire_defaults(&consumer_protocol_subscription_desc, &subscription);
    for (int32_t i = 0; i < count; i++)
        topics[i] = wire_str_from(names[i]);
    subscription.topics.count = count;
    subscription.topics.items = topics;
    wire_out_init(out);
    wire_put_i16(out, 0);
    CHECK_INT(wire_encode(&consumer_protocol_subscription_desc, 0, &subscription, out), 0);
    return (struct wire_bytes){out->memory.data, (int32_t)out->memory.len};
}

static bool same(const char *const *a, int32_t a_count, const char *const *b, int32_t b_count)
{
    struct wire_out one, other;
    struct wire_bytes a_bytes = make(&one, a, a_count);
    struct wire_bytes b_bytes = make(&other, b, b_count);
    bool result = subscription_same_topics(a_bytes, b_bytes);
    CHECK(subscription_same_topics(b_bytes, a_bytes) == result);
    wire_out_close(&one);
    wire_out_close(&other);
    return result;
}

static void topics_in_any_order(void)
{
    static const char *const a[] = {"t", "u", "tt"};
    static const char *const b[] = {"tt", "t", "u", "t"};
    static const char *const c[] = {"tt", "t", "v"};
    CHECK(same(a, 3, b, 4));
    CHECK(!same(a, 3, c, 3));
    CHECK(!same(a, 3, a, 2));
    CHECK(same(a, 0, b, 0));
    CHECK(!same(a, 1, a, 0));
    struct wire_bytes junk = {(const uint8_t *)"-", 1};
    struct wire_bytes other = {(const uint8_t *)"+", 1};
    CHECK(subscription_same_topics(junk, junk));
    CHECK(!subscription_same_topics(junk, other));
}

static void names_are_gathered(void)
{
    static const char *const a[] = {"t", "u"};
    struct subscribed subscribed = {.all = false};
    struct wire_out out;
    map_init(&subscribed.names);
    subscription_add_topics(make(&out, a, 2), &subscribed);
    CHECK(subscribed_has(&subscribed, wire_str_from("u")));
    CHECK(!subscribed_has(&subscribed, wire_str_from("v")));
    /* Who can't be read may read everything. */
    subscription_add_topics((struct wire_bytes){(const uint8_t *)"-", 1}, &subscribed);
    CHECK(subscribed_has(&subscribed, wire_str_from("v")));
    subscribed_close(&subscribed);
    wire_out_close(&out);
}

TAP_MAIN(TAP_TEST(topics_in_any_order), TAP_TEST(names_are_gathered))
