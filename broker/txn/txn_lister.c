/* ListTransactions: see the header.
 *
 * What is listed is copied, since an id may go before the answer is complete. While a partition
 * loads, the answer says so and lists nothing, as in Kafka: a list without its ids would be wrong.
 * Failure modes: memory is out, or the expression is wrong or too slow: the answer is an error in
 * the place of a part of the list. */
#include "broker/txn/txn_lister.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/sort.h"
#include "broker/group/topic_pattern.h"
#include "broker/txn/txn_private.h"

enum { TXN_LISTER_ROOM_MIN = 64 };

STATIC_ASSERT(TXN_STATES <= 32, "states are bits of an unsigned");
typedef struct list_transactions_response_transaction_state listed;

/* ---- the filters of a request ---- */

/* TXN_STATES: there is no such name. NEW is told as Empty. */
static int lister_state(struct wire_str name)
{
    for (int state = TXN_EMPTY; state < TXN_STATES; state++)
        if (wire_str_is(name, txn_state_title((enum txn_state)state)))
            return state;
    return TXN_STATES;
}

/* Looked at once a request, so that long filters cost no more for many ids. False: memory is
 * out. */
static bool lister_read_filters(struct txn_list *list)
{
    const struct list_transactions_request *request = list->request;
    int32_t count = request->state_filters.count, unknown = 0;
    struct wire_str *out =
        WIRE_ARRAY(list->arena, &list->response.unknown_state_filters, count, NULL);
    if (!out)
        return false;
    list->states = count == 0 ? ~0u : 0;
    for (int32_t i = 0; i < count; i++) {
        int state = lister_state(request->state_filters.items[i]);
        if (state == TXN_STATES)
            out[unknown++] = request->state_filters.items[i];
        else
            list->states |= 1u << state;
    }
    list->response.unknown_state_filters.count = unknown;
    list->producer_count = request->producer_id_filters.count;
    list->producers =
        arena_alloc_array(list->arena, (size_t)list->producer_count + 1, sizeof(*list->producers));
    for (int32_t i = 0; list->producers && i < list->producer_count; i++)
        list->producers[i] = request->producer_id_filters.items[i];
    if (list->producers)
        sort_int64(list->producers, (size_t)list->producer_count);
    return list->producers != NULL;
}

/* Whether its transaction has been open for longer than that. */
static bool lister_is_long(const struct txn *txn, int64_t duration_ms)
{
    int64_t now_ms = env_wall_ms(txn->shard->manager->deps.env);
    if (duration_ms < 0)
        return true;
    if (txn_is_idle(txn) || txn->value.start_ms < 0 || txn->value.start_ms > now_ms)
        return false;
    return now_ms - txn->value.start_ms > duration_ms;
}

static bool lister_wants(const struct txn_list *list, const struct txn *txn)
{
    if (txn->state == TXN_DEAD || txn->state == TXN_NEW)
        return false;
    if (!(list->states & 1u << txn->state))
        return false;
    if (list->producer_count > 0 &&
        !sorted_has_int64(list->producers, (size_t)list->producer_count, txn->value.producer_id))
        return false;
    return lister_is_long(txn, list->request->duration_filter);
}

/* ---- the list ---- */

static bool lister_put(struct txn_list *list, const struct txn *txn)
{
    int32_t count = list->response.transaction_states.count;
    if (count == list->room) {
        int32_t room = list->room ? list->room * 2 : TXN_LISTER_ROOM_MIN;
        listed *items =
            room > 0 ? mem_try_realloc(list->listed, (size_t)room * sizeof(*items)) : NULL;
        if (!items)
            return false;
        list->listed = items;
        list->room = room;
    }
    ASSERT(count < list->room);
    const char *id = arena_strndup(list->arena, txn->id, (size_t)txn->id_len);
    if (!id)
        return false;
    list->listed[count] = (listed){.transactional_id = wire_str_of(id, (size_t)txn->id_len),
                                   .producer_id = txn->value.producer_id,
                                   .transaction_state = wire_str_from(txn_state_title(txn->state))};
    list->response.transaction_states.count = count + 1;
    return true;
}

static bool lister_is_heard(const struct txn_list *list)
{
    return !list->heard || list->heard(list);
}

static void lister_finish(struct txn_lister *lister, struct txn_list *list, int err)
{
    ASSERT(err <= 0);
    ASSERT(list->done != NULL);
    lister->walking = false;
    lister->walk.shard = NULL;
    list_remove(&list->link);
    if (err) {
        list->response.error_code = err_to_wire(err);
        list->response.transaction_states.count = 0;
    }
    list->response.transaction_states.items = list->listed;
    list->done(list);
}

/* ---- the expression ---- */

/* What a worker gets: all of it is its own, so that the lister may end meanwhile. */
struct txn_match {
    struct env_work work;
    struct txn_lister *lister; /* NULL: nobody waits any more */
    char *text;
    int32_t text_len;
    struct topic_pattern *pattern; /* the first job compiles it */
    char *ids[TXN_LISTER_SLICE];
    bool matches[TXN_LISTER_SLICE];
    int32_t count;
    int err;
};

static void match_forget_ids(struct txn_match *match)
{
    for (int32_t i = 0; i < match->count; i++)
        mem_free(match->ids[i]);
    match->count = 0;
}

static void match_free(struct txn_match *match)
{
    match_forget_ids(match);
    if (match->pattern)
        topic_pattern_free(match->pattern);
    mem_free(match->text);
    mem_free(match);
}

static void match_run(struct env_work *work)
{
    struct txn_match *match = CONTAINER_OF(work, struct txn_match, work);
    if (!match->pattern)
        match->err =
            topic_pattern_new((struct wire_str){match->text, match->text_len}, &match->pattern);
    for (int32_t i = 0; !match->err && i < match->count; i++) {
        int found = topic_pattern_matches(match->pattern, match->ids[i]);
        match->matches[i] = found > 0;
        match->err = found < 0 ? found : 0;
    }
}

static void match_done(struct env_work *work);

/* The next ids, at least none: an expression is also looked at when nothing is listed. */
static void match_submit(struct txn_lister *lister, const struct txn_list *list)
{
    struct txn_match *match = lister->match;
    int32_t left = list->response.transaction_states.count - lister->seen;
    ASSERT(left >= 0);
    match->count = left < TXN_LISTER_SLICE ? left : TXN_LISTER_SLICE;
    ASSERT(match->count <= TXN_LISTER_SLICE);
    for (int32_t i = 0; i < match->count; i++)
        match->ids[i] = wire_str_dup(list->listed[lister->seen + i].transactional_id);
    env_work_submit_heavy(lister->walk.manager->deps.env, &match->work, match_run, match_done);
}

static void match_begin(struct txn_lister *lister, const struct txn_list *list)
{
    struct wire_str pattern = list->request->transactional_id_pattern;
    ASSERT(!lister->match);
    lister->match = mem_alloc(sizeof(*lister->match));
    lister->match->lister = lister;
    lister->match->text = wire_str_dup(pattern);
    lister->match->text_len = pattern.len;
    lister->seen = lister->kept = 0;
    match_submit(lister, list);
}

static void match_done(struct env_work *work)
{
    struct txn_match *match = CONTAINER_OF(work, struct txn_match, work);
    struct txn_lister *lister = match->lister;
    if (!lister) {
        match_free(match);
        return;
    }
    ASSERT(!list_empty(&lister->waiting));
    struct txn_list *list = LIST_ENTRY(lister->waiting.next, struct txn_list, link);
    for (int32_t i = 0; i < match->count; i++)
        if (match->matches[i])
            list->listed[lister->kept++] = list->listed[lister->seen + i];
    lister->seen += match->count;
    ASSERT(lister->kept <= lister->seen);
    ASSERT(lister->seen <= list->response.transaction_states.count);
    match_forget_ids(match);
    int err = match->err;
    if (!err && lister->seen < list->response.transaction_states.count && lister_is_heard(list)) {
        match_submit(lister, list);
        return;
    }
    lister->match = NULL;
    match_free(match);
    list->response.transaction_states.count = lister->kept;
    if (!list_empty(&lister->waiting) && !env_timer_running(&lister->timer))
        env_timer_start(&lister->timer, 0);
    lister_finish(lister, list, err);
}

/* ---- the walk ---- */

static int lister_begin(struct txn_lister *lister, struct txn_list *list)
{
    const struct txn_shard *shard;
    size_t cursor = 0;
    ASSERT(!lister->walking);
    while ((shard = map_next(&lister->walk.manager->shards, &cursor, NULL, NULL)))
        if (!machine_is_active(&shard->machine))
            return ERR_COORDINATOR_LOAD_IN_PROGRESS;
    if (!lister_read_filters(list))
        return ERR_UNKNOWN_SERVER_ERROR;
    txn_walk_begin(&lister->walk, lister->walk.manager);
    lister->walking = true;
    return 0;
}

/* Whether the walk is over; `err` says how. */
static bool lister_go_on(struct txn_lister *lister, struct txn_list *list, int *left, int *err)
{
    struct txn *txn = NULL;
    ASSERT(*left >= 0);
    *err = lister->walking ? 0 : lister_begin(lister, list);
    if (*err || !lister_is_heard(list))
        return true;
    while (*left > 0 && (txn = txn_walk_next(&lister->walk))) {
        --*left;
        if (lister_wants(list, txn) && !lister_put(list, txn)) {
            *err = ERR_UNKNOWN_SERVER_ERROR;
            return true;
        }
    }
    return *left > 0;
}

static void lister_turn(void *data)
{
    struct txn_lister *lister = data;
    int left = TXN_LISTER_STEPS;
    while (left > 0 && !lister->match && !list_empty(&lister->waiting)) {
        struct txn_list *list = LIST_ENTRY(lister->waiting.next, struct txn_list, link);
        int err;
        left--; /* also a list of nothing costs something */
        if (!lister_go_on(lister, list, &left, &err))
            continue;
        if (!err && !wire_str_is_empty(list->request->transactional_id_pattern))
            match_begin(lister, list);
        else
            lister_finish(lister, list, err);
    }
    if (TXN_LISTER_STEPS - left > lister->most_steps)
        lister->most_steps = TXN_LISTER_STEPS - left;
    if (!lister->match && !list_empty(&lister->waiting))
        env_timer_start(&lister->timer, 0);
}

void txn_lister_add(struct txn_lister *lister, struct txn_list *list)
{
    ASSERT(list->done != NULL);
    ASSERT(list->request != NULL);
    wire_defaults(&list_transactions_response_desc, &list->response);
    list->listed = NULL;
    list->room = 0;
    list_push(&lister->waiting, &list->link);
    if (!lister->match && !env_timer_running(&lister->timer))
        env_timer_start(&lister->timer, 0);
}

void txn_lister_init(struct txn_lister *lister, struct txn_manager *manager)
{
    *lister = (struct txn_lister){.walking = false};
    txn_walk_begin(&lister->walk, manager);
    list_init(&lister->waiting);
    env_timer_init(manager->deps.env, &lister->timer, lister_turn, lister);
}

void txn_lister_close(struct txn_lister *lister)
{
    ASSERT(!lister->walk.shard);
    env_timer_stop(&lister->timer);
    if (lister->match)
        lister->match->lister = NULL;
    lister->match = NULL;
    while (!list_empty(&lister->waiting))
        lister_finish(lister, LIST_ENTRY(lister->waiting.next, struct txn_list, link),
                      ERR_COORDINATOR_NOT_AVAILABLE);
}
