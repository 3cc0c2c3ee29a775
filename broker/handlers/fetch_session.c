/* Fetch sessions. Happy path: a full fetch makes a session and its slots, incremental fetches
 * change some; changes of replicas put slots in the ready list and wake the fetch that waits.
 * Failure modes: an unknown id or wrong epoch (the client starts again), the limit of sessions (the
 * least recently used one of a consumer gives way). */
#include "broker/handlers/fetch_session.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { SESSION_KEY_MAX = 280 }; /* topic name (at most 249 bytes) or id, and a partition */

struct fetch_sessions {
    struct replica_manager *replicas;
    struct env *env;
    struct map by_id;
    struct list used;    /* kept sessions, the least recently used first */
    struct list passing; /* sessions of one fetch that waits */
    size_t count;
    size_t max;
};

/* ---- slots ---- */

static size_t slot_key(const struct uuid *id, struct wire_str name, int32_t partition, bool by_id,
                       uint8_t key[SESSION_KEY_MAX])
{
    size_t len = by_id ? sizeof(id->bytes) : (size_t)(name.len > 0 ? name.len : 0);
    if (len > SESSION_KEY_MAX - sizeof(partition))
        return 0;
    memcpy(key, &partition, sizeof(partition));
    if (len)
        memcpy(key + sizeof(partition), by_id ? (const void *)id->bytes : name.data, len);
    return len + sizeof(partition);
}

void fetch_slot_ready(struct fetch_session_slot *slot)
{
    struct fetch_session *session = slot->session;
    if (list_empty(&slot->ready_link))
        list_push(&session->ready, &slot->ready_link);
}

void fetch_slot_idle(struct fetch_session_slot *slot)
{
    list_remove(&slot->ready_link);
}

static void slot_changed(struct partition_interest *interest, unsigned change)
{
    struct fetch_session_slot *slot = CONTAINER_OF(interest, struct fetch_session_slot, interest);
    struct fetch_session *session = slot->session;
    fetch_slot_ready(slot);
    /* A follower gets a new high watermark with its next answer; it does not wait for that. */
    if (session->wake && (session->replica_id < 0 || change != PARTITION_CHANGED_HW))
        session->wake(session->wake_data);
}

static void slot_free(struct fetch_session_slot *slot)
{
    if (slot->interest.partition)
        partition_unwatch(&slot->interest);
    list_remove(&slot->all_link);
    list_remove(&slot->ready_link);
    mem_free(slot->topic);
    mem_free(slot);
}

struct partition *fetch_slot_partition(struct fetch_session_slot *slot, int *err)
{
    *err = 0;
    if (slot->interest.partition)
        return slot->interest.partition;
    struct replica_manager *replicas = slot->session->owner->replicas;
    struct partition *partition =
        slot->session->by_id
            ? replica_manager_by_id(replicas, &slot->topic_id, slot->partition, err)
            : replica_manager_by_name(replicas, slot->topic, strlen(slot->topic), slot->partition,
                                      err);
    if (!partition)
        return NULL;
    unsigned mask = PARTITION_CHANGED_ROLE | PARTITION_CHANGED_START | PARTITION_CHANGED_HW;
    if (slot->session->replica_id >= 0)
        mask |= PARTITION_CHANGED_END;
    partition_watch(partition, &slot->interest, mask, slot_changed);
    return partition;
}

static void session_put(struct fetch_session *session,
                        const struct fetch_request_fetch_topic *topic,
                        const struct fetch_request_fetch_partition *item,
                        const struct fetch_request *request, int16_t version)
{
    uint8_t key[SESSION_KEY_MAX];
    size_t len = slot_key(&topic->topic_id, topic->topic, item->partition, session->by_id, key);
    struct fetch_session_slot *slot = len ? map_get(&session->by_key, key, len) : NULL;
    if (!slot) {
        slot = mem_alloc(sizeof(*slot));
        slot->session = session;
        slot->topic_id = topic->topic_id;
        slot->topic = session->by_id ? NULL : wire_str_dup(topic->topic);
        if (!session->by_id && !slot->topic)
            slot->topic = mem_strdup("");
        slot->partition = item->partition;
        list_init(&slot->ready_link);
        list_init(&slot->interest.link);
        list_push(&session->slots, &slot->all_link);
        if (len)
            map_put(&session->by_key, key, len, slot);
        slot->told_hw = slot->told_log_start = -1;
    }
    slot->args = (struct partition_read_args){.replica_id = session->replica_id,
                                              .replica_epoch = request->replica_state.replica_epoch,
                                              .current_leader_epoch = item->current_leader_epoch,
                                              .last_fetched_epoch = item->last_fetched_epoch,
                                              .offset = item->fetch_offset,
                                              .log_start_offset = item->log_start_offset,
                                              .follower_ok = version >= 11};
    slot->max_bytes = item->partition_max_bytes;
    slot->sent = false;
    int err;
    struct partition *partition = fetch_slot_partition(slot, &err);
    if (partition && session->replica_id >= 0)
        partition_acknowledge(partition, &slot->args);
    fetch_slot_ready(slot);
}

static void session_forget(struct fetch_session *session,
                           const struct fetch_request_forgotten_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        uint8_t key[SESSION_KEY_MAX];
        size_t len = slot_key(&topic->topic_id, topic->topic, topic->partitions.items[i],
                              session->by_id, key);
        struct fetch_session_slot *slot = len ? map_del(&session->by_key, key, len) : NULL;
        if (slot)
            slot_free(slot);
    }
}

/* ---- sessions ---- */

static struct fetch_session *session_new(struct fetch_sessions *sessions, int32_t replica_id,
                                         int16_t version)
{
    struct fetch_session *session = mem_alloc(sizeof(*session));
    session->owner = sessions;
    session->replica_id = replica_id;
    session->by_id = version >= 13;
    list_init(&session->slots);
    list_init(&session->ready);
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
    LIST_EACH(step, &session->slots)
    slot_free(LIST_ENTRY(step, struct fetch_session_slot, all_link));
    map_close(&session->by_key);
    mem_free(session);
}

void fetch_session_done(struct fetch_session *session)
{
    session->wake = NULL;
    session->supersede = NULL;
    if (session->id == 0)
        fetch_session_free(session);
}

/* Room for one more: the consumer session that was idle for longest gives way. */
static bool sessions_make_room(struct fetch_sessions *sessions, bool privileged)
{
    if (sessions->count < sessions->max)
        return true;
    LIST_EACH(step, &sessions->used)
    {
        struct fetch_session *oldest = LIST_ENTRY(step, struct fetch_session, link);
        if (oldest->wake || (oldest->replica_id >= 0 && !privileged))
            continue;
        fetch_session_free(oldest);
        return true;
    }
    return false;
}

static void sessions_keep(struct fetch_sessions *sessions, struct fetch_session *session)
{
    if (list_empty(&session->slots) || !sessions_make_room(sessions, session->replica_id >= 0))
        return;
    do {
        session->id = (int32_t)(env_random(sessions->env) & INT32_MAX);
    } while (session->id == 0 || map_get_u64(&sessions->by_id, (uint64_t)session->id));
    session->epoch = 1;
    map_put_u64(&sessions->by_id, (uint64_t)session->id, session);
    list_remove(&session->link);
    list_push(&sessions->used, &session->link);
    sessions->count++;
}

static void session_take(struct fetch_session *session, const struct fetch_request *request,
                         int16_t version)
{
    for (int32_t i = 0; i < request->forgotten_topics_data.count; i++)
        session_forget(session, &request->forgotten_topics_data.items[i]);
    for (int32_t i = 0; i < request->topics.count; i++) {
        const struct fetch_request_fetch_topic *topic = &request->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++)
            session_put(session, topic, &topic->partitions.items[j], request, version);
    }
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
    /* The fetch that still waits is answered now: this one is newer. */
    if (session->supersede)
        session->supersede(session->wake_data);
    session->epoch = session->epoch == INT32_MAX ? 1 : session->epoch + 1;
    list_remove(&session->link);
    list_push(&sessions->used, &session->link);
    session_take(session, request, version);
    *out = session;
    return 0;
}

static void session_close(struct fetch_session *session)
{
    if (session->supersede)
        session->supersede(session->wake_data);
    fetch_session_free(session);
}

/* A follower has one session: what comes late on an older one must not count any more. */
static void sessions_close_of_replica(struct fetch_sessions *sessions, int32_t replica_id)
{
    LIST_EACH(step, &sessions->used)
    {
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
        replica_manager_heard(sessions->replicas, replica_id);
    *full = request->session_epoch <= 0;
    if (!*full)
        return sessions_continue(sessions, request, version, out);
    struct fetch_session *old = map_get_u64(&sessions->by_id, (uint64_t)request->session_id);
    if (old)
        session_close(old);
    if (replica_id >= 0)
        sessions_close_of_replica(sessions, replica_id);
    struct fetch_session *session = session_new(sessions, replica_id, version);
    session_take(session, request, version);
    if (request->session_epoch == 0 && version >= 7)
        sessions_keep(sessions, session);
    *out = session;
    return 0;
}

struct fetch_sessions *fetch_sessions_new(struct replica_manager *replicas, struct env *env,
                                          int32_t max)
{
    struct fetch_sessions *sessions = mem_alloc(sizeof(*sessions));
    sessions->replicas = replicas;
    sessions->env = env;
    sessions->max = (size_t)max;
    map_init(&sessions->by_id);
    list_init(&sessions->used);
    list_init(&sessions->passing);
    return sessions;
}

void fetch_sessions_free(struct fetch_sessions *sessions)
{
    list_splice(&sessions->used, &sessions->passing);
    while (!list_empty(&sessions->used)) {
        struct fetch_session *session = LIST_ENTRY(sessions->used.next, struct fetch_session, link);
        bool passing = session->id == 0;
        if (session->supersede)
            session->supersede(session->wake_data);
        if (!passing)
            fetch_session_free(session);
    }
    map_close(&sessions->by_id);
    mem_free(sessions);
}
