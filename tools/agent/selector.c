/* Selectors: tables of sets of channels, made once from the configuration.
 *
 * Happy path: a lookup of the header's value in a map. Where a value has no required channels of
 * its own the default ones are required, as in Flume, and its optional ones stay. Failure modes: a
 * name that is none of the source's channels is a mistake in the file. */
#include "tools/agent/selector.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "tools/agent/types.h"

enum selector_way { SELECTOR_ALL, SELECTOR_BY_HEADER, SELECTOR_IN_TURNS, SELECTOR_BY_CHANCE };

struct selector {
    enum selector_way way;
    struct selector_route standard;
    size_t channels, turn;
    uint32_t chance;
    const char *header;
    struct map routes; /* value -> struct selector_route */
};

/* clang-format off */
static const struct key_row replicating_keys[] = {
    KEY_NAMES("optional", NULL, "The channels that may miss events when they are full or fail."),
    KEY_END,
};
static const struct key_row multiplexing_keys[] = {
    KEY("header", "flume.selector.header", "The header that says where an event goes."),
    KEY_NAMES("default", NULL, "The channels for events with no other mapping."),
    KEY_NAMES("mapping.*", NULL, "The channels for events in which the header has that value."),
    KEY_NAMES("optional.*", NULL,
              "More channels for that value, which may miss events when they are full or fail."),
    KEY_END,
};
static const struct key_row load_balancing_keys[] = {
    KEY_ONE_OF("policy", "round_robin", "round_robin|random", "Which channel is next."),
    KEY_END,
};
/* clang-format on */

static uint64_t selector_all(size_t count)
{
    return count == SELECTOR_CHANNELS_MAX ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

static uint64_t selector_set(const struct part *part, const char *key, const char *const *names,
                             size_t count, struct buf *problems)
{
    char name[256];
    uint64_t set = 0;
    for (size_t n = 0; part_list(part, key, n, name, sizeof(name)); n++) {
        size_t i = 0;
        while (i < count && strcmp(names[i], name) != 0)
            i++;
        if (i < count)
            set |= UINT64_C(1) << i;
        else
            part_complain(part, key, problems,
                          "%s is none of the source's channels: add it to channels", name);
    }
    return set;
}

static struct selector_route *selector_at(struct selector *selector, const char *value)
{
    size_t len = strlen(value);
    struct selector_route *route = map_get(&selector->routes, value, len);
    if (!route) {
        route = mem_alloc(sizeof(*route));
        map_put(&selector->routes, value, len, route);
    }
    return route;
}

static void selector_read_multiplexing(struct selector *selector, const struct part *part,
                                       const char *const *names, size_t count, struct buf *problems)
{
    const char *rest;
    selector->way = SELECTOR_BY_HEADER;
    selector->header = part_text(part, "header");
    selector->standard.required = selector_set(part, "default", names, count, problems);
    for (size_t at = 0; part_next(part, "mapping.", &at, &rest);) {
        char *key = mem_printf("mapping.%s", rest);
        selector_at(selector, rest)->required = selector_set(part, key, names, count, problems);
        mem_free(key);
    }
    for (size_t at = 0; part_next(part, "optional.", &at, &rest);) {
        char *key = mem_printf("optional.%s", rest);
        selector_at(selector, rest)->optional = selector_set(part, key, names, count, problems);
        mem_free(key);
    }
    struct selector_route *route;
    for (size_t at = 0; (route = map_next(&selector->routes, &at, NULL, NULL));) {
        if (!route->required)
            route->required = selector->standard.required;
        route->optional &= ~route->required;
    }
}

struct selector *selector_new(const struct part *part, const char *const *names, size_t count,
                              struct buf *problems)
{
    ASSERT(count <= SELECTOR_CHANNELS_MAX);
    struct selector *selector = mem_alloc(sizeof(*selector));
    map_init(&selector->routes);
    selector->standard.required = selector_all(count);
    selector->channels = count;
    selector->chance = 1;
    if (part && part->type == &load_balancing_selector_type) {
        selector->way = part_is(part, "policy", "random") ? SELECTOR_BY_CHANCE : SELECTOR_IN_TURNS;
    } else if (part && part->type == &multiplexing_selector_type) {
        selector_read_multiplexing(selector, part, names, count, problems);
    } else if (part) {
        selector->standard.optional = selector_set(part, "optional", names, count, problems);
        selector->standard.required &= ~selector->standard.optional;
    }
    ASSERT((selector->standard.required & selector->standard.optional) == 0);
    return selector;
}

void selector_free(struct selector *selector)
{
    struct selector_route *route;
    for (size_t at = 0; (route = map_next(&selector->routes, &at, NULL, NULL));)
        mem_free(route);
    map_close(&selector->routes);
    mem_free(selector);
}

bool selector_is_uniform(const struct selector *selector, struct selector_route *route)
{
    *route = selector->standard;
    return selector->way == SELECTOR_ALL;
}

/* xorshift32: which channel gets an event is no secret. */
static size_t selector_any(struct selector *selector)
{
    selector->chance ^= selector->chance << 13;
    selector->chance ^= selector->chance >> 17;
    selector->chance ^= selector->chance << 5;
    return selector->chance % selector->channels;
}

struct selector_route selector_route(struct selector *selector, const struct event *event)
{
    ASSERT(selector->channels > 0 || selector->way == SELECTOR_ALL);
    if (selector->way == SELECTOR_IN_TURNS)
        selector->turn = (selector->turn + 1) % selector->channels;
    if (selector->way == SELECTOR_BY_CHANCE)
        selector->turn = selector_any(selector);
    if (selector->way == SELECTOR_IN_TURNS || selector->way == SELECTOR_BY_CHANCE)
        return (struct selector_route){.required = UINT64_C(1) << selector->turn};
    if (selector->way == SELECTOR_ALL)
        return selector->standard;
    const struct header *header = headers_find(event->headers, selector->header);
    const struct selector_route *route =
        header ? map_get(&selector->routes, header->value, header->value_len) : NULL;
    return route ? *route : selector->standard;
}

const struct part_type replicating_selector_type = {
    .kind = PART_SELECTOR,
    .name = "replicating",
    .class_name = "org.apache.flume.channel.ReplicatingChannelSelector",
    .doc = "Every event goes to all channels of the source.",
    .keys = replicating_keys,
};

const struct part_type load_balancing_selector_type = {
    .kind = PART_SELECTOR,
    .name = "load_balancing",
    .class_name = "org.apache.flume.channel.LoadBalancingChannelSelector",
    .doc = "Each event goes to one channel of the source.",
    .keys = load_balancing_keys,
};

const struct part_type multiplexing_selector_type = {
    .kind = PART_SELECTOR,
    .name = "multiplexing",
    .class_name = "org.apache.flume.channel.MultiplexingChannelSelector",
    .doc = "A header of the event says which channels it goes to.",
    .keys = multiplexing_keys,
};
