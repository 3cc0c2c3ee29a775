/* ListGroups in turns; see the header.
 *
 * What is listed is copied, since a group may go before the answer is complete. Failure mode:
 * memory is out, and the answer is an error instead of a part of the list. */
#include "broker/group/lister.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "broker/group/classic.h"
#include "broker/group/consumer.h"
#include "broker/group/group.h"
#include "broker/group/manager_private.h"
#include "broker/group/subscription.h"

enum { LISTER_ROOM_MIN = 64 };

typedef struct list_groups_response_listed_group listed_group;

/* ---- the filters of a request ---- */

static const char *const lister_states[] = {
    "Empty", "PreparingRebalance", "CompletingRebalance", "Stable",
    "Dead",  "Assigning",          "Reconciling",
};
enum { LISTER_STATES = sizeof(lister_states) / sizeof(lister_states[0]) };
static const char *const lister_types[] = {"classic", "consumer"};
enum { LISTER_TYPES = 2 };

static int lister_index(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return count;
}

/* The names that the filter has, as bits; all when it is empty. Asked once a request, so that a
 * filter of very many names costs no more for many groups. */
static unsigned lister_mask(const char *const *names, int count, int32_t filter_count,
                            const struct wire_str *filter)
{
    unsigned mask = filter_count == 0 ? ~0u : 0;
    for (int32_t i = 0; i < filter_count; i++)
        for (int n = 0; n < count; n++)
            if ((size_t)filter[i].len == strlen(names[n]) &&
                strncasecmp(filter[i].data, names[n], (size_t)filter[i].len) == 0)
                mask |= 1u << n;
    return mask;
}

/* ---- one group ---- */

static const char *lister_state(const struct group *group)
{
    if (group->consumer)
        return consumer_state_name(group->consumer);
    return group->classic ? classic_state_name(group->classic) : "Empty";
}

static struct wire_str lister_copy(struct arena *arena, struct wire_str text, bool *ok)
{
    const char *copy = arena_strndup(arena, text.data, (size_t)text.len);
    *ok = *ok && copy;
    return copy ? wire_str_from(copy) : (struct wire_str){0};
}

static bool lister_grow(struct group_list *list)
{
    int32_t room = list->room ? list->room * 2 : LISTER_ROOM_MIN;
    if (list->response.groups.count < list->room)
        return true;
    listed_group *items =
        room > 0 ? mem_try_realloc(list->groups, (size_t)room * sizeof(*items)) : NULL;
    if (!items)
        return false;
    list->groups = items;
    list->room = room;
    return true;
}

static bool lister_put(struct group_list *list, const struct group *group)
{
    const char *type = group->classic ? group->classic->protocol_type : NULL;
    bool consumer = group->consumer != NULL;
    const char *state = lister_state(group);
    if (!(list->states & 1u << lister_index(lister_states, LISTER_STATES, state)) ||
        !(list->types & 1u << consumer))
        return true;
    if (!lister_grow(list))
        return false;
    bool ok = true;
    ASSERT(list->response.groups.count < list->room);
    listed_group *out = &list->groups[list->response.groups.count++];
    memset(out, 0, sizeof(*out));
    out->group_id = lister_copy(list->arena, group_id(group), &ok);
    if (consumer)
        out->protocol_type = wire_str_from(SUBSCRIPTION_TYPE);
    else
        out->protocol_type = lister_copy(list->arena, wire_str_from(type ? type : ""), &ok);
    out->group_state = wire_str_from(state);
    out->group_type = wire_str_from(lister_types[consumer]);
    return ok;
}

/* ---- the walk ---- */

static void lister_begin(struct lister *lister, struct group_list *list)
{
    const struct list_groups_request *request = list->request;
    ASSERT(!lister->running);
    struct shard *shard;
    size_t cursor = 0;
    lister->running = true;
    lister->next_shard = 0;
    while ((shard = map_next(&lister->manager->shards, &cursor, NULL, NULL)))
        if (!machine_is_active(&shard->machine))
            list->response.error_code = err_to_wire(ERR_COORDINATOR_LOAD_IN_PROGRESS);
    list->states = lister_mask(lister_states, LISTER_STATES, request->states_filter.count,
                               request->states_filter.items);
    list->types = lister_mask(lister_types, LISTER_TYPES, request->types_filter.count,
                              request->types_filter.items);
}

static void lister_finish(struct lister *lister, struct group_list *list, int err)
{
    lister->running = false;
    lister->shard = NULL;
    list_remove(&list->link);
    if (err) {
        list->response.error_code = err_to_wire(err);
        list->response.groups.count = 0;
    }
    list->response.groups.items = list->groups;
    list->done(list);
}

static bool lister_enter_shard(struct lister *lister)
{
    struct shard *best = NULL;
    struct shard *shard;
    size_t cursor = 0;
    while ((shard = map_next(&lister->manager->shards, &cursor, NULL, NULL)))
        if (shard->machine.index >= lister->next_shard && machine_is_active(&shard->machine) &&
            (!best || shard->machine.index < best->machine.index))
            best = shard;
    lister->shard = best;
    if (!best)
        return false;
    lister->next_shard = best->machine.index + 1;
    lister->next = best->order.next;
    return true;
}

static int lister_members(const struct group *group)
{
    return group->consumer ? (int)group->consumer->member_count : 0;
}

/* A step of the walk: the next group of the shard, or the end of it. */
static void lister_step(struct lister *lister, struct group_list *list, int *left)
{
    struct shard *shard = lister->shard;
    struct list *next = lister->next;
    --*left;
    if (next == &shard->order) {
        lister->shard = NULL;
        return;
    }
    lister->next = next->next;
    if (next == &lister->manager->sweep.mark || next == &shard->start_mark)
        return;
    const struct group *group = LIST_ENTRY(next, struct group, link);
    *left -= lister_members(group);
    if (!lister_put(list, group))
        lister_finish(lister, list, ERR_UNKNOWN_SERVER_ERROR);
}

/* The marks of other walks move: the walk never rests on one. */
static void lister_rest(struct lister *lister)
{
    while (lister->shard && (lister->next == &lister->manager->sweep.mark ||
                             lister->next == &lister->shard->start_mark))
        lister->next = lister->next->next;
}

static void lister_turn(void *data)
{
    struct lister *lister = data;
    int left = LISTER_STEPS;
    while (left > 0 && !list_empty(&lister->waiting)) {
        struct group_list *list = LIST_ENTRY(lister->waiting.next, struct group_list, link);
        if (!lister->running)
            lister_begin(lister, list);
        if (list->heard && !list->heard(list)) {
            lister_finish(lister, list, 0);
            left--;
        } else if (lister->shard || lister_enter_shard(lister)) {
            lister_step(lister, list, &left);
        } else {
            lister_finish(lister, list, 0);
            left--;
        }
    }
    lister_rest(lister);
    lister->steps += LISTER_STEPS - left;
    if (LISTER_STEPS - left > lister->most_steps)
        lister->most_steps = LISTER_STEPS - left;
    if (!list_empty(&lister->waiting))
        env_timer_start(&lister->timer, 0);
}

/* ---- from outside ---- */

void lister_add(struct lister *lister, struct group_list *list)
{
    wire_defaults(&list_groups_response_desc, &list->response);
    list->groups = NULL;
    list->room = 0;
    list_push(&lister->waiting, &list->link);
    if (!env_timer_running(&lister->timer))
        env_timer_start(&lister->timer, 0);
}

void lister_leave(struct lister *lister, const struct shard *shard)
{
    if (lister->shard == shard)
        lister->shard = NULL;
}

void lister_skip(struct lister *lister, const struct list *group)
{
    if (lister->shard && lister->next == group) {
        lister->next = group->next;
        lister_rest(lister);
    }
}

void lister_init(struct lister *lister, struct group_manager *manager)
{
    *lister = (struct lister){.manager = manager};
    list_init(&lister->waiting);
    env_timer_init(manager->deps.env, &lister->timer, lister_turn, lister);
}

void lister_close(struct lister *lister)
{
    ASSERT(!lister->shard);
    env_timer_stop(&lister->timer);
    while (!list_empty(&lister->waiting))
        lister_finish(lister, LIST_ENTRY(lister->waiting.next, struct group_list, link),
                      ERR_COORDINATOR_NOT_AVAILABLE);
}
