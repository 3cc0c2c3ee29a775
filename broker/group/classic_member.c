/* Members of a classic group: finding, adding, removing, and the protocols that they support. */
#include "broker/group/classic.h"

#include <string.h>

#include "base/err.h"

/* ---- finding ---- */

struct classic_member *classic_find(const struct classic *classic, struct wire_str id)
{
    return id.len > 0 ? map_get(&classic->by_id, id.data, (size_t)id.len) : NULL;
}

struct classic_member *classic_find_instance(const struct classic *classic, struct wire_str id)
{
    return id.len > 0 ? map_get(&classic->by_instance, id.data, (size_t)id.len) : NULL;
}

int classic_identify(const struct classic *classic, struct wire_str member_id,
                     struct wire_str instance_id, struct classic_member **member)
{
    if (!wire_str_is_null(instance_id)) {
        *member = classic_find_instance(classic, instance_id);
        if (!*member)
            return ERR_UNKNOWN_MEMBER_ID;
        return wire_str_is(member_id, (*member)->id) ? 0 : ERR_FENCED_INSTANCE_ID;
    }
    *member = classic_find(classic, member_id);
    return *member ? 0 : ERR_UNKNOWN_MEMBER_ID;
}

/* ---- memory ---- */

enum { CLASSIC_MEMBER_OVERHEAD = 512 }; /* its places in tables */

/* Called when what the member has of memory has changed. */
static void classic_charge(struct classic_member *member)
{
    int64_t bytes = (int64_t)sizeof(*member) + CLASSIC_MEMBER_OVERHEAD + member->assignment.len +
                    member->next.len + 2 * (int64_t)strlen(member->id) +
                    (int64_t)strlen(member->client_id) + (int64_t)strlen(member->client_host);
    if (member->instance_id)
        bytes += 2 * (int64_t)strlen(member->instance_id);
    for (int32_t i = 0; i < member->protocols.count; i++)
        bytes += (int64_t)sizeof(*member->protocols.items) + member->protocols.items[i].name.len +
                 member->protocols.items[i].metadata.len;
    group_charge(member->classic->group, &member->charged, bytes);
}

/* ---- adding and removing ---- */

/* Nothing was heard of the member for a session. */
static void classic_member_expired(void *data)
{
    struct classic_member *member = data;
    struct classic *classic = member->classic;
    struct group *group = classic->group;
    int64_t patience_ms = shard_patience_ms(group->shard, member->session_ms, false);
    if (patience_ms > 0) {
        env_timer_start(&member->session_timer, patience_ms);
        return;
    }
    logger_info(group_logger(group), "group %s: member %s is removed: no heartbeat for %d ms",
                group->id, member->id, member->session_ms);
    group_hold(group);
    classic_member_remove(member, ERR_UNKNOWN_MEMBER_ID);
    classic_rebalance(classic, "a member's session timed out");
    group_release(group);
}

struct classic_member *classic_member_new(struct classic *classic, struct wire_str id,
                                          struct wire_str instance_id, struct wire_str client_id,
                                          const char *client_host)
{
    struct classic_member *member = mem_alloc(sizeof(*member));
    member->classic = classic;
    member->id = wire_str_dup(id);
    member->instance_id = wire_str_is_empty(instance_id) ? NULL : wire_str_dup(instance_id);
    member->client_id = mem_strndup(client_id.len > 0 ? client_id.data : "",
                                    client_id.len > 0 ? (size_t)client_id.len : 0);
    member->client_host = mem_strdup(client_host);
    env_timer_init(group_env(classic->group), &member->session_timer, classic_member_expired,
                   member);
    list_push(&classic->members, &member->link);
    classic->member_count++;
    map_put(&classic->by_id, member->id, strlen(member->id), member);
    if (member->instance_id)
        map_put(&classic->by_instance, member->instance_id, strlen(member->instance_id), member);
    if (!classic->leader)
        classic->leader = member;
    return member;
}

static void classic_member_free(struct classic_member *member)
{
    ASSERT(!member->join);
    ASSERT(!member->sync);
    struct classic_protocols protocols =
        classic_set_protocols(member, (struct classic_protocols){0});
    env_timer_stop(&member->session_timer);
    group_charge(member->classic->group, &member->charged, 0);
    classic_protocols_free(&protocols);
    mem_free((void *)member->assignment.data);
    mem_free((void *)member->next.data);
    mem_free(member->id);
    mem_free(member->instance_id);
    mem_free(member->client_id);
    mem_free(member->client_host);
    mem_free(member);
}

void classic_member_remove(struct classic_member *member, int err)
{
    struct classic *classic = member->classic;
    ASSERT(member->classic->member_count > 0);
    if (member->join)
        classic_answer_join(member, err);
    if (member->sync)
        classic_answer_sync(member, err);
    list_remove(&member->link);
    classic->member_count--;
    map_del(&classic->by_id, member->id, strlen(member->id));
    if (member->instance_id)
        map_del(&classic->by_instance, member->instance_id, strlen(member->instance_id));
    if (classic->leader == member)
        classic->leader = list_empty(&classic->members)
                              ? NULL
                              : LIST_ENTRY(classic->members.next, struct classic_member, link);
    classic_member_free(member);
}

void classic_member_rename(struct classic_member *member, const char *id)
{
    struct classic *classic = member->classic;
    map_del(&classic->by_id, member->id, strlen(member->id));
    mem_free(member->id);
    member->id = mem_strdup(id);
    map_put(&classic->by_id, member->id, strlen(member->id), member);
    classic_charge(member);
}

static void classic_set_bytes(struct wire_bytes *to, struct wire_bytes bytes)
{
    ASSERT(bytes.len <= 0 || bytes.data != NULL);
    mem_free((void *)to->data);
    *to = (struct wire_bytes){NULL, 0};
    if (bytes.len > 0)
        *to = (struct wire_bytes){mem_dup(bytes.data, (size_t)bytes.len), bytes.len};
}

void classic_set_assignment(struct classic_member *member, struct wire_bytes assignment)
{
    classic_set_bytes(&member->assignment, assignment);
    classic_charge(member);
}

void classic_set_next(struct classic_member *member, struct wire_bytes assignment)
{
    classic_set_bytes(&member->next, assignment);
    classic_charge(member);
}

void classic_take_next(struct classic_member *member)
{
    mem_free((void *)member->assignment.data);
    member->assignment = member->next;
    member->next = (struct wire_bytes){NULL, 0};
    classic_charge(member);
}

int64_t classic_rebalance_timeout(const struct classic *classic)
{
    int64_t longest = 0;
    LIST_EACH(step, &classic->members) {
        int32_t own = LIST_ENTRY(step, struct classic_member, link)->rebalance_ms;
        longest = own > longest ? own : longest;
    }
    return longest;
}

/* ---- protocols ---- */

static uint8_t *classic_protocols_put(struct classic_protocol *item, uint8_t *bytes,
                                      struct wire_str name, struct wire_bytes metadata)
{
    if (name.len > 0)
        memcpy(bytes, name.data, (size_t)name.len);
    item->name = (struct wire_str){(char *)bytes, name.len};
    bytes += name.len;
    if (metadata.len > 0)
        memcpy(bytes, metadata.data, (size_t)metadata.len);
    item->metadata = (struct wire_bytes){bytes, metadata.len};
    return bytes + metadata.len;
}

/* One block: the items, then the bytes that they point to. */
int classic_protocols_copy(struct classic_protocols *to, const struct group_join *join)
{
    const struct join_group_request *request = join->request;
    size_t count = (size_t)request->protocols.count;
    size_t size = count * sizeof(*to->items);
    for (size_t i = 0; i < count; i++)
        size += (size_t)request->protocols.items[i].name.len +
                (size_t)request->protocols.items[i].metadata.len;
    struct classic_protocol *items = mem_try_alloc(size ? size : 1);
    if (!items)
        return ERR_NO_MEMORY;
    uint8_t *bytes = (uint8_t *)(items + count);
    for (size_t i = 0; i < count; i++)
        bytes = classic_protocols_put(&items[i], bytes, request->protocols.items[i].name,
                                      request->protocols.items[i].metadata);
    *to = (struct classic_protocols){items, (int32_t)count};
    return 0;
}

int classic_protocols_one(struct classic_protocols *to, struct wire_str name,
                          struct wire_bytes metadata)
{
    size_t size = sizeof(*to->items) + (size_t)name.len + (size_t)metadata.len;
    struct classic_protocol *item = mem_try_alloc(size);
    if (!item)
        return ERR_NO_MEMORY;
    classic_protocols_put(item, (uint8_t *)(item + 1), name, metadata);
    *to = (struct classic_protocols){item, 1};
    return 0;
}

void classic_protocols_free(struct classic_protocols *protocols)
{
    mem_free(protocols->items);
    *protocols = (struct classic_protocols){0};
}

const struct classic_protocol *classic_protocols_find(const struct classic_protocols *protocols,
                                                      struct wire_str name)
{
    for (int32_t i = 0; i < protocols->count; i++)
        if (wire_str_equal(protocols->items[i].name, name))
            return &protocols->items[i];
    return NULL;
}

/* A name that a member says twice counts once. */
static void classic_count_support(struct classic *classic,
                                  const struct classic_protocols *protocols, int32_t by)
{
    ASSERT(by == 1 || by == -1);
    for (int32_t i = 0; i < protocols->count; i++) {
        struct wire_str name = protocols->items[i].name;
        const char *key = name.len > 0 ? name.data : "";
        size_t len = name.len > 0 ? (size_t)name.len : 0;
        if (classic_protocols_find(protocols, name) != &protocols->items[i])
            continue;
        uintptr_t before = (uintptr_t)map_get(&classic->supporters, key, len);
        ASSERT(by > 0 || before > 0);
        uintptr_t count = before + (uintptr_t)(intptr_t)by;
        if (count > 0)
            map_put(&classic->supporters, key, len, (void *)count);
        else
            map_del(&classic->supporters, key, len);
    }
}

struct classic_protocols classic_set_protocols(struct classic_member *member,
                                               struct classic_protocols protocols)
{
    struct classic_protocols before = member->protocols;
    classic_count_support(member->classic, &before, -1);
    member->protocols = protocols;
    classic_count_support(member->classic, &protocols, 1);
    classic_charge(member);
    return before;
}

bool classic_all_support(const struct classic *classic, struct wire_str protocol)
{
    const char *key = protocol.len > 0 ? protocol.data : "";
    uintptr_t count =
        (uintptr_t)map_get(&classic->supporters, key, protocol.len > 0 ? (size_t)protocol.len : 0);
    return count == (uintptr_t)classic->member_count;
}

/* The first of the member's own protocols that all support; -1 when there is none. */
static int32_t classic_first_common(const struct classic *classic,
                                    const struct classic_protocols *protocols)
{
    for (int32_t i = 0; i < protocols->count; i++)
        if (classic_all_support(classic, protocols->items[i].name))
            return i;
    return -1;
}

/* Votes are counted on the protocols of the first member: what all support is among them. */
struct wire_str classic_vote(const struct classic *classic)
{
    ASSERT(!list_empty(&classic->members));
    const struct classic_protocols *candidates =
        &LIST_ENTRY(classic->members.next, struct classic_member, link)->protocols;
    int32_t *votes = mem_alloc((size_t)(candidates->count + 1) * sizeof(*votes));
    int32_t best = 0;
    LIST_EACH(step, &classic->members) {
        const struct classic_member *member = LIST_ENTRY(step, struct classic_member, link);
        int32_t own = classic_first_common(classic, &member->protocols);
        if (own < 0)
            continue;
        const struct classic_protocol *vote =
            classic_protocols_find(candidates, member->protocols.items[own].name);
        ASSERT(vote);
        votes[vote - candidates->items]++;
    }
    for (int32_t i = 1; i < candidates->count; i++)
        if (votes[i] > votes[best])
            best = i;
    mem_free(votes);
    return candidates->count ? candidates->items[best].name : wire_str_from("");
}

struct wire_bytes classic_metadata(const struct classic_member *member)
{
    const struct classic_protocol *found =
        classic_protocols_find(&member->protocols, wire_str_from(member->classic->protocol));
    return found ? found->metadata : (struct wire_bytes){NULL, 0};
}
