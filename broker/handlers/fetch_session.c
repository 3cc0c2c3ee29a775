/* Fetch sessions. Happy path: a full fetch makes a session and its slots, incremental fetches
 * change some; changes of replicas put slots in the ready list and wake the fetch that waits.
 * Failure modes: an unknown id or wrong epoch (the client starts again); the limit of sessions or
 * of their memory (one that was idle for long gives way, else the fetch is answered without a
 * session, and a session that grows too large ends). */
#include "broker/handlers/fetch_session.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/handlers/fetch_convert.h"

enum {
    SESSION_COMMITTED = 1,       /* of isolation levels */
    SESSIONS_BUDGET = 128 << 20, /* of memory for all: half a million partitions */
    SESSIONS_KEPT = 64 << 20,    /* of it for those that are kept: the rest is for single fetches */
    /* A consumer that is closed asks for metadata and learns where they are. A fetch of 100,000
     * that nobody has would hold the loop for a quarter of a second. */
    UNKNOWN_MAX = 10000,
    SESSION_IDLE_MS = 120 * 1000, /* one that was not used for so long gives way to another */
    /* What a map and the allocator add to each of them. */
    SESSION_COST = sizeof(struct fetch_session) + 512,
    TOPIC_COST = sizeof(struct fetch_session_topic) + 128,
    SLOT_COST = sizeof(struct fetch_session_slot) + 112
};
STATIC_ASSERT(SESSIONS_KEPT < SESSIONS_BUDGET,
              "single fetches have room beside those that are kept");

struct fetch_sessions {
    struct partitions *partitions;
    struct env *env;
    struct fetch_converter *converter;
    struct map by_id;
    struct list used;    /* kept sessions, the least recently used first */
    struct list passing; /* sessions of one fetch that waits */
    struct mem_budget budget;
    size_t count;
    size_t max;
    bool nearest;
};

static bool sessions_evict(struct fetch_sessions *sessions, const struct fetch_session *favoured);

/* What holds whenever a call of this file returns, as far as that is seen at once. */
static void session_check(const struct fetch_session *session)
{
    ASSERT(session->id >= 0);
    ASSERT(session->id == 0 || session->epoch > 0);
    ASSERT(session->charged >= SESSION_COST);
    ASSERT(session->charged <= session->owner->budget.used);
    ASSERT(list_empty(&session->slots) == (session->by_key.count == 0));
    ASSERT(session->topics.count <= session->by_key.count);
    ASSERT((session->topics.count == 0) == (session->by_key.count == 0));
    ASSERT(session->topics.count <= session->topics_made);
    ASSERT(list_empty(&session->ready) || !list_empty(&session->slots));
}

static uint64_t slot_key(const struct fetch_session_topic *topic, int32_t partition)
{
    return (uint64_t)topic->number << 32 | (uint32_t)partition;
}

static void session_check_slots(const struct fetch_session *session)
{
    size_t count = 0;
    LIST_EACH(step, &session->slots) {
        const struct fetch_session_slot *slot =
            LIST_ENTRY(step, struct fetch_session_slot, all_link);
        ASSERT(slot->topic->session == session);
        ASSERT(slot->topic->slots > 0);
        ASSERT(map_get_u64(&session->by_key, slot_key(slot->topic, slot->partition)) == slot);
        ASSERT(slot->topic->number < session->topics_made);
        count++;
    }
    ASSERT(count == session->by_key.count);
    session_check(session);
}

void fetch_sessions_check(const struct fetch_sessions *sessions)
{
    size_t kept = 0, charged = 0;
    LIST_EACH(step, &sessions->used) {
        const struct fetch_session *session = LIST_ENTRY(step, struct fetch_session, link);
        session_check_slots(session);
        ASSERT(map_get_u64(&sessions->by_id, (uint64_t)session->id) == session);
        charged += session->charged;
        kept++;
    }
    ASSERT(kept == sessions->count);
    ASSERT(kept == sessions->by_id.count);
    ASSERT(kept <= sessions->max);
    LIST_EACH(step, &sessions->passing) {
        const struct fetch_session *session = LIST_ENTRY(step, struct fetch_session, link);
        session_check_slots(session);
        ASSERT(session->id == 0);
        charged += session->charged;
    }
    ASSERT(charged == sessions->budget.used);
}

/* Takes memory for something of the session; others give way to it if they may. */
static int session_charge(struct fetch_session *session, size_t size)
{
    struct fetch_sessions *sessions = session->owner;
    while (mem_budget_take(&sessions->budget, size))
        if (!sessions_evict(sessions, session))
            return ERR_NO_MEMORY;
    session->charged += size;
    return 0;
}

static void session_refund(struct fetch_session *session, size_t size)
{
    ASSERT(session->charged >= size);
    mem_budget_give(&session->owner->budget, size);
    session->charged -= size;
}

/* ---- topics ---- */

static size_t topic_name_len(const struct fetch_session *session, struct wire_str name)
{
    return !session->by_id && name.len > 0 ? (size_t)name.len : 0;
}

static struct fetch_session_topic *topic_find(const struct fetch_session *session,
                                              const struct uuid *id, struct wire_str name)
{
    return session->by_id ? map_get(&session->topics, id->bytes, sizeof(id->bytes))
                          : map_get(&session->topics, name.data, topic_name_len(session, name));
}

static struct fetch_session_topic *topic_add(struct fetch_session *session, const struct uuid *id,
                                             struct wire_str name)
{
    size_t len = topic_name_len(session, name);
    if (session_charge(session, TOPIC_COST + 2 * len))
        return NULL;
    struct fetch_session_topic *topic = mem_alloc(sizeof(*topic));
    topic->session = session;
    topic->number = session->topics_made++;
    if (session->by_id) {
        topic->id = *id;
        map_put(&session->topics, id->bytes, sizeof(id->bytes), topic);
    } else {
        topic->name = mem_alloc(len + 1);
        topic->name_len = len;
        if (len)
            memcpy(topic->name, name.data, len);
        map_put(&session->topics, topic->name, len, topic);
    }
    return topic;
}

static void topic_free(struct fetch_session_topic *topic)
{
    struct fetch_session *session = topic->session;
    ASSERT(topic->slots == 0);
    session_refund(session, TOPIC_COST + 2 * topic->name_len);
    if (session->by_id)
        map_del(&session->topics, topic->id.bytes, sizeof(topic->id.bytes));
    else
        map_del(&session->topics, topic->name, topic->name_len);
    mem_free(topic->name);
    mem_free(topic);
}

/* ---- slots ---- */

void fetch_slot_ready(struct fetch_session_slot *slot)
{
    struct fetch_session *session = slot->topic->session;
    if (list_empty(&slot->ready_link))
        list_push(&session->ready, &slot->ready_link);
}

void fetch_slot_last(struct fetch_session_slot *slot)
{
    list_remove(&slot->ready_link);
    fetch_slot_ready(slot);
}

void fetch_slot_idle(struct fetch_session_slot *slot)
{
    if (slot->interest.news)
        return;
    /* A follower names no partition that is idle: what the leader does not know by then it would
     * never be told. */
    ASSERT(slot->topic->session->replica_id < 0 || !slot->interest.watching || slot->sent ||
           slot->known);
    list_remove(&slot->ready_link);
}

static bool session_tells_watermark(const struct fetch_session *session)
{
    return session->replica_id >= 0 && session->owner->nearest;
}

bool fetch_slot_tells_watermark(const struct fetch_session_slot *slot)
{
    return session_tells_watermark(slot->topic->session);
}

/* Changes that go into the next answer and are not waited for: the high watermark where that is not
 * the end of what is read, unless consumers wait for it at the follower. */
static unsigned session_unawaited(const struct fetch_session *session)
{
    bool awaited = session->replica_id < 0 ? !session->committed : session_tells_watermark(session);
    return awaited ? 0 : PARTITION_CHANGED_HW;
}

static void slot_changed(struct partition_interest *interest, unsigned change)
{
    struct fetch_session_slot *slot = CONTAINER_OF(interest, struct fetch_session_slot, interest);
    struct fetch_session *session = slot->topic->session;
    fetch_slot_ready(slot);
    if (session->wake && change & ~session_unawaited(session))
        session->wake(session->wake_data);
}

static void slot_free(struct fetch_session_slot *slot)
{
    partition_unwatch(&slot->interest);
    list_remove(&slot->all_link);
    list_remove(&slot->ready_link);
    struct fetch_session_topic *topic = slot->topic;
    ASSERT(topic->session->by_key.count > 0);
    ASSERT(topic->slots > 0);
    const void *former = map_del_u64(&topic->session->by_key, slot_key(topic, slot->partition));
    ASSERT(former == slot);
    session_refund(topic->session, SLOT_COST);
    if (--topic->slots == 0)
        topic_free(topic);
    mem_free(slot);
}

struct partition_read_args fetch_slot_args(const struct fetch_session_slot *slot)
{
    const struct fetch_session *session = slot->topic->session;
    return (struct partition_read_args){.replica_id = session->replica_id,
                                        .replica_epoch = session->replica_epoch,
                                        .current_leader_epoch = slot->current_leader_epoch,
                                        .last_fetched_epoch = slot->last_fetched_epoch,
                                        .offset = slot->offset,
                                        .log_start_offset = slot->log_start_offset,
                                        .follower_ok = session->follower_ok,
                                        .committed = session->committed};
}

int fetch_slot_ref(const struct fetch_session_slot *slot, struct partition_ref *ref)
{
    const struct fetch_session_topic *topic = slot->topic;
    const struct fetch_session *session = topic->session;
    if (!session->by_id)
        return partitions_by_name(session->owner->partitions, topic->name, topic->name_len,
                                  slot->partition, ref);
    *ref = (struct partition_ref){.topic_id = topic->id, .index = slot->partition};
    return 0;
}

static void slot_init_interest(struct fetch_session_slot *slot)
{
    unsigned mask = PARTITION_CHANGED_ROLE | PARTITION_CHANGED_START | PARTITION_CHANGED_HW;
    mask |= slot->topic->session->replica_id < 0 ? PARTITION_CHANGED_STABLE
                                                 : PARTITION_CHANGED_END | PARTITION_CHANGED_FORGOT;
    slot->interest.mask = (uint8_t)mask;
    slot->interest.changed = slot_changed;
}

static struct fetch_session_slot *slot_add(struct fetch_session_topic *topic, int32_t partition)
{
    struct fetch_session *session = topic->session;
    if (session_charge(session, SLOT_COST))
        return NULL;
    struct fetch_session_slot *slot = mem_try_alloc(sizeof(*slot));
    if (!slot) {
        session_refund(session, SLOT_COST);
        return NULL;
    }
    *slot = (struct fetch_session_slot){
        .topic = topic, .partition = partition, .told_hw = -1, .told_log_start = -1};
    list_init(&slot->all_link);
    list_init(&slot->ready_link);
    slot_init_interest(slot);
    list_push(&session->slots, &slot->all_link);
    const void *former = map_put_u64(&session->by_key, slot_key(topic, partition), slot);
    ASSERT(former == NULL);
    topic->slots++;
    return slot;
}

/* Whether a replica of it is here. */
static bool session_finds(const struct fetch_session *session,
                          const struct fetch_session_topic *topic, int32_t index)
{
    const struct partitions *partitions = session->owner->partitions;
    struct partition_ref ref;
    return session->by_id
               ? partitions_by_id(partitions, &topic->id, index, &ref) == 0
               : partitions_by_name(partitions, topic->name, topic->name_len, index, &ref) == 0;
}

static int session_put(struct fetch_session_topic *topic,
                       const struct fetch_request_fetch_partition *item)
{
    struct fetch_session *session = topic->session;
    struct fetch_session_slot *slot =
        map_get_u64(&session->by_key, slot_key(topic, item->partition));
    if (!slot)
        slot = slot_add(topic, item->partition);
    if (!slot)
        return ERR_NO_MEMORY;
    slot->current_leader_epoch = item->current_leader_epoch;
    slot->last_fetched_epoch = item->last_fetched_epoch;
    slot->offset = item->fetch_offset;
    slot->log_start_offset = item->log_start_offset;
    slot->max_bytes = item->partition_max_bytes;
    slot->sent = false;
    slot->named = session->replica_id >= 0;
    if (!session_finds(session, topic, item->partition) && ++session->unknown > UNKNOWN_MAX &&
        session->replica_id < 0)
        return ERR_INVALID_REQUEST;
    fetch_slot_ready(slot);
    return 0;
}

static int session_put_topic(struct fetch_session *session,
                             const struct fetch_request_fetch_topic *asked)
{
    struct fetch_session_topic *topic = topic_find(session, &asked->topic_id, asked->topic);
    if (asked->partitions.count <= 0)
        return 0;
    if (!topic)
        topic = topic_add(session, &asked->topic_id, asked->topic);
    if (!topic)
        return ERR_NO_MEMORY;
    topic->slots++; /* it stays while it is filled */
    int err = 0;
    for (int32_t i = 0; i < asked->partitions.count && !err; i++)
        err = session_put(topic, &asked->partitions.items[i]);
    if (--topic->slots == 0)
        topic_free(topic);
    return err;
}

static void session_forget(struct fetch_session *session,
                           const struct fetch_request_forgotten_topic *forgotten)
{
    for (int32_t i = 0; i < forgotten->partitions.count; i++) {
        struct fetch_session_topic *topic =
            topic_find(session, &forgotten->topic_id, forgotten->topic);
        if (!topic)
            return;
        struct fetch_session_slot *slot =
            map_get_u64(&session->by_key, slot_key(topic, forgotten->partitions.items[i]));
        if (slot)
            slot_free(slot);
    }
}

/* ---- sessions ---- */

static void session_close(struct fetch_session *session);

static void session_connection_closed(struct request_watch *watch)
{
    session_close(CONTAINER_OF(watch, struct fetch_session, connection));
}

static struct fetch_session *session_new(struct fetch_sessions *sessions, int32_t replica_id,
                                         int16_t version)
{
    struct fetch_session *session = mem_alloc(sizeof(*session));
    session->owner = sessions;
    session->replica_id = replica_id;
    session->by_id = version >= 13;
    session->follower_ok = version >= 11;
    session->used_ms = env_now_ms(sessions->env);
    list_init(&session->slots);
    list_init(&session->ready);
    list_init(&session->connection.link);
    session->connection.closed = session_connection_closed;
    map_init(&session->topics);
    map_init(&session->by_key);
    list_push(&sessions->passing, &session->link);
    return session;
}

void fetch_session_free(struct fetch_session *session)
{
    if (session->id) {
        map_del_u64(&session->owner->by_id, (uint64_t)session->id);
        session->owner->count--;
    }
    list_remove(&session->link);
    list_remove(&session->connection.link);
    LIST_EACH(step, &session->slots)
        slot_free(LIST_ENTRY(step, struct fetch_session_slot, all_link));
    ASSERT(session->topics.count == 0 && session->by_key.count == 0);
    mem_budget_give(&session->owner->budget, session->charged);
    map_close(&session->topics);
    map_close(&session->by_key);
    mem_free(session);
}

void fetch_session_done(struct fetch_session *session)
{
    session_check(session);
    session->wake = NULL;
    session->supersede = NULL;
    if (session->id == 0)
        fetch_session_free(session);
}

/* Somebody gives way to `favoured`: the consumer's session that was idle for longest, if it was
 * idle for long or a follower needs the room. */
static bool sessions_evict(struct fetch_sessions *sessions, const struct fetch_session *favoured)
{
    int64_t now_ms = env_now_ms(sessions->env);
    LIST_EACH(step, &sessions->used) {
        struct fetch_session *oldest = LIST_ENTRY(step, struct fetch_session, link);
        bool idle = now_ms - oldest->used_ms >= SESSION_IDLE_MS;
        if (oldest == favoured || oldest->wake || oldest->replica_id >= 0 ||
            (!idle && favoured->replica_id < 0))
            continue;
        fetch_session_free(oldest);
        return true;
    }
    return false;
}

/* A consumer's session holds only partitions that are here. Who has none fetches without one, as
 * when there is no room: SessionId 0. */
static bool session_may_be_kept(const struct fetch_session *session)
{
    return !list_empty(&session->slots) && (!session->unknown || session->replica_id >= 0);
}

static void sessions_keep(struct fetch_sessions *sessions, struct fetch_session *session)
{
    if (!session_may_be_kept(session))
        return;
    ASSERT(session->id == 0);
    while (sessions->count >= sessions->max || sessions->budget.used > SESSIONS_KEPT)
        if (!sessions_evict(sessions, session))
            return;
    do {
        session->id = (int32_t)(env_random(sessions->env) & INT32_MAX);
    } while (session->id == 0 || map_get_u64(&sessions->by_id, (uint64_t)session->id));
    session->epoch = 1;
    map_put_u64(&sessions->by_id, (uint64_t)session->id, session);
    list_remove(&session->link);
    list_push(&sessions->used, &session->link);
    sessions->count++;
    ASSERT(sessions->count == sessions->by_id.count);
    ASSERT(sessions->count <= sessions->max);
}

/* Whether it would be refused for that. To look is a tenth of the work, and nothing is kept. */
static bool session_names_too_many(const struct fetch_session *session,
                                   const struct fetch_request *request)
{
    const struct partitions *partitions = session->owner->partitions;
    size_t named = 0, unknown = session->unknown;
    for (int32_t i = 0; i < request->topics.count; i++)
        if (request->topics.items[i].partitions.count > 0)
            named += (size_t)request->topics.items[i].partitions.count;
    if (named <= UNKNOWN_MAX || session->replica_id >= 0)
        return false;
    for (int32_t i = 0; i < request->topics.count && unknown <= UNKNOWN_MAX; i++) {
        const struct fetch_request_fetch_topic *topic = &request->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count && unknown <= UNKNOWN_MAX; j++) {
            int32_t index = topic->partitions.items[j].partition;
            struct partition_ref ref;
            unknown +=
                session->by_id
                    ? partitions_by_id(partitions, &topic->topic_id, index, &ref) != 0
                    : partitions_by_name(partitions, topic->topic.data,
                                         topic_name_len(session, topic->topic), index, &ref) != 0;
        }
    }
    return unknown > UNKNOWN_MAX;
}

/* Who reads up to another end may find something where there was nothing. */
static void session_set_isolation(struct fetch_session *session, bool committed)
{
    committed = committed && session->replica_id < 0;
    if (session->committed == committed)
        return;
    session->committed = committed;
    LIST_EACH(step, &session->slots)
        fetch_slot_ready(LIST_ENTRY(step, struct fetch_session_slot, all_link));
}

static int session_take(struct fetch_session *session, const struct fetch_request *request)
{
    if (session_names_too_many(session, request))
        return ERR_INVALID_REQUEST;
    session->replica_epoch = request->replica_state.replica_epoch;
    session_set_isolation(session, request->isolation_level == SESSION_COMMITTED);
    for (int32_t i = 0; i < request->forgotten_topics_data.count; i++)
        session_forget(session, &request->forgotten_topics_data.items[i]);
    int err = 0;
    for (int32_t i = 0; i < request->topics.count && !err; i++)
        err = session_put_topic(session, &request->topics.items[i]);
    return err;
}

/* A kept session grows only within what is for kept ones. */
static bool session_grew_too_large(struct fetch_session *session, size_t charged_before)
{
    struct fetch_sessions *sessions = session->owner;
    while (session->charged > charged_before && sessions->budget.used > SESSIONS_KEPT)
        if (!sessions_evict(sessions, session))
            return true;
    return false;
}

static int sessions_continue(struct fetch_sessions *sessions, const struct fetch_request *request,
                             int16_t version, struct fetch_session **out)
{
    struct fetch_session *session = map_get_u64(&sessions->by_id, (uint64_t)request->session_id);
    if (!session)
        return ERR_FETCH_SESSION_ID_NOT_FOUND;
    if (session->epoch != request->session_epoch)
        return ERR_INVALID_FETCH_SESSION_EPOCH;
    if (session->by_id != (version >= 13))
        return ERR_FETCH_SESSION_TOPIC_ID_ERROR;
    ASSERT(session->id == request->session_id);
    /* The fetch that is still under way is answered now: this one is newer. */
    if (session->supersede)
        session->supersede(session->wake_data);
    session->epoch = session->epoch == INT32_MAX ? 1 : session->epoch + 1;
    list_remove(&session->link);
    list_push(&sessions->used, &session->link);
    session->used_ms = env_now_ms(sessions->env);
    size_t charged = session->charged;
    if (session_take(session, request) || session_grew_too_large(session, charged) ||
        (session->unknown && session->replica_id < 0)) {
        fetch_session_free(session);
        return ERR_FETCH_SESSION_ID_NOT_FOUND; /* a full fetch comes next */
    }
    session_check(session);
    *out = session;
    return 0;
}

/* The fetch that is under way in it is answered; one for a single fetch ends with that. */
static void session_close(struct fetch_session *session)
{
    bool passing = session->id == 0;
    if (session->supersede)
        session->supersede(session->wake_data);
    if (!passing)
        fetch_session_free(session);
}

/* A follower has one session: what comes late on an older one must not count any more. */
static void sessions_close_of_replica(struct fetch_sessions *sessions, int32_t replica_id)
{
    LIST_EACH(step, &sessions->used) {
        struct fetch_session *session = LIST_ENTRY(step, struct fetch_session, link);
        if (session->replica_id == replica_id) {
            session_close(session);
            return;
        }
    }
}

int fetch_sessions_open(struct fetch_sessions *sessions, const struct fetch_request *request,
                        int16_t version, struct fetch_session **out, bool *full)
{
    int32_t replica_id = version >= 15 ? request->replica_state.replica_id : request->replica_id;
    if (replica_id >= 0)
        partitions_heard(sessions->partitions, replica_id);
    *full = request->session_epoch <= 0;
    if (!*full)
        return sessions_continue(sessions, request, version, out);
    struct fetch_session *old = map_get_u64(&sessions->by_id, (uint64_t)request->session_id);
    if (old)
        session_close(old);
    if (replica_id >= 0)
        sessions_close_of_replica(sessions, replica_id);
    struct fetch_session *session = session_new(sessions, replica_id, version);
    int err = session_charge(session, SESSION_COST);
    if (!err)
        err = session_take(session, request);
    if (err) {
        fetch_session_free(session);
        return err;
    }
    if (request->session_epoch == 0 && version >= 7)
        sessions_keep(sessions, session);
    session_check(session);
    *out = session;
    return 0;
}

struct fetch_sessions *fetch_sessions_new(struct partitions *partitions, struct env *env,
                                          int32_t max, bool nearest)
{
    struct fetch_sessions *sessions = mem_alloc(sizeof(*sessions));
    sessions->nearest = nearest;
    sessions->partitions = partitions;
    sessions->env = env;
    sessions->converter = fetch_converter_new(env);
    sessions->max = (size_t)max;
    mem_budget_init(&sessions->budget, SESSIONS_BUDGET);
    map_init(&sessions->by_id);
    list_init(&sessions->used);
    list_init(&sessions->passing);
    return sessions;
}

bool fetch_sessions_are_nearest(const struct fetch_sessions *sessions)
{
    return sessions->nearest;
}

struct fetch_converter *fetch_sessions_converter(struct fetch_sessions *sessions)
{
    return sessions->converter;
}

void fetch_sessions_free(struct fetch_sessions *sessions)
{
    list_splice(&sessions->used, &sessions->passing);
    while (!list_empty(&sessions->used))
        session_close(LIST_ENTRY(sessions->used.next, struct fetch_session, link));
    ASSERT(sessions->count == 0);
    ASSERT(sessions->by_id.count == 0);
    ASSERT(sessions->budget.used == 0);
    fetch_converter_free(sessions->converter);
    map_close(&sessions->by_id);
    mem_free(sessions);
}
