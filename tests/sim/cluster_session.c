/* The consumer's side of a fetch session.
 *
 * Happy path: a full fetch, an answer with an id, then fetches that name only what changed.
 * Failure modes: no id in the answer, so the next fetch is full again; an error of the whole
 * answer, so a new session begins. */
#include "cluster_session.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"

void cluster_session_init(struct cluster_session *session, struct env *env, bool kept)
{
    *session = (struct cluster_session){.env = env, .kept = kept};
}

static void session_drop(struct cluster_session *session)
{
    session->id = 0;
    session->epoch = 0;
}

void cluster_session_lost(struct cluster_session *session)
{
    uint64_t chance = env_random(session->env) % 4;
    if (chance > 1)
        session_drop(session);
    else if (chance > 0)
        session->epoch = 0; /* which tells the broker to end the old one */
    else
        session->id++; /* never an old one: who knows what the broker has heard of it */
}

void cluster_session_spoil(struct cluster_session *session)
{
    if (session->epoch == 0)
        return;
    if (env_random(session->env) % 2)
        session->id++;
    else
        session->epoch++;
}

static bool session_same(const struct cluster_want *a, const struct cluster_want *b)
{
    return a->wanted == b->wanted && a->offset == b->offset && a->epoch == b->epoch &&
           a->max_bytes == b->max_bytes;
}

/* In an order by chance: it is the session's, so each partition is the one without room at times.
 */
static void session_name(struct cluster_session *session, const struct cluster_want *wants,
                         const bool *named, int32_t count, struct arena *arena,
                         struct fetch_request *request)
{
    struct fetch_request_fetch_topic *topic =
        WIRE_ARRAY(arena, &request->topics, count ? 1 : 0, &fetch_request_fetch_topic_desc);
    ASSERT(topic || !count);
    if (!count)
        return;
    struct fetch_request_fetch_partition *items =
        WIRE_ARRAY(arena, &topic->partitions, count, &fetch_request_fetch_partition_desc);
    ASSERT(items);
    topic->topic = wire_str_from(cluster_topic);
    int first = (int)(env_random(session->env) % CLUSTER_PARTITIONS);
    for (int i = 0; i < CLUSTER_PARTITIONS; i++) {
        int p = (first + i) % CLUSTER_PARTITIONS;
        if (!named[p])
            continue;
        items->partition = p;
        items->current_leader_epoch = wants[p].epoch;
        items->fetch_offset = wants[p].offset;
        items->partition_max_bytes = wants[p].max_bytes;
        items++;
    }
}

static void session_forget(const bool *gone, int32_t count, struct arena *arena,
                           struct fetch_request *request)
{
    if (!count)
        return;
    struct fetch_request_forgotten_topic *topic =
        WIRE_ARRAY(arena, &request->forgotten_topics_data, 1, &fetch_request_forgotten_topic_desc);
    ASSERT(topic);
    int32_t *items = WIRE_ARRAY(arena, &topic->partitions, count, NULL);
    ASSERT(items);
    topic->topic = wire_str_from(cluster_topic);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        if (gone[p])
            *items++ = p;
}

void cluster_session_ask(struct cluster_session *session, const struct cluster_want *wants,
                         struct arena *arena, struct fetch_request *request)
{
    bool named[CLUSTER_PARTITIONS], gone[CLUSTER_PARTITIONS];
    int32_t named_count = 0, gone_count = 0;
    session->full = !session->kept || session->epoch == 0;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        named[p] =
            wants[p].wanted && (session->full || !session_same(&wants[p], &session->known[p]));
        gone[p] = !session->full && session->known[p].wanted && !wants[p].wanted;
        named_count += named[p];
        gone_count += gone[p];
        session->known[p] = wants[p];
    }
    request->session_id = session->id;
    request->session_epoch = session->kept ? session->epoch : -1;
    session_name(session, wants, named, named_count, arena, request);
    session_forget(gone, gone_count, arena, request);
}

/* Each partition once, only those of the session, and all of them where all were named. */
static const char *session_check(const struct cluster_session *session,
                                 const struct fetch_response *response)
{
    bool told[CLUSTER_PARTITIONS] = {false};
    for (int32_t i = 0; i < response->responses.count; i++) {
        const struct fetch_response_fetchable_topic_response *topic = &response->responses.items[i];
        if (!wire_str_is(topic->topic, cluster_topic))
            return "an answer to a fetch names another topic";
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            int32_t p = topic->partitions.items[j].partition_index;
            if (p < 0 || p >= CLUSTER_PARTITIONS || !session->known[p].wanted)
                return "an answer to a fetch names a partition that is not in the session";
            if (told[p])
                return "an answer to a fetch names a partition twice";
            told[p] = true;
        }
    }
    for (int p = 0; session->full && p < CLUSTER_PARTITIONS; p++)
        if (session->known[p].wanted && !told[p])
            return "an answer to a full fetch leaves out a partition";
    return NULL;
}

/* The broker may still hold the session: by chance it is told to give that one up. */
static int session_failed(struct cluster_session *session, int err)
{
    int32_t id = session->id;
    session_drop(session);
    if (err == ERR_INVALID_FETCH_SESSION_EPOCH && env_random(session->env) % 2)
        session->id = id;
    return err;
}

int cluster_session_take(struct cluster_session *session, const struct fetch_response *response,
                         const char **problem)
{
    if (response->error_code)
        return session_failed(session, err_from_wire(response->error_code));
    const char *broken = session_check(session, response);
    if (!session->full && response->session_id != session->id)
        broken = "an answer to a fetch is of another session";
    if (broken)
        *problem = broken;
    if (!session->kept)
        return broken ? ERR_UNKNOWN_SERVER_ERROR : 0;
    session->id = response->session_id;
    session->epoch = session->id ? session->epoch + 1 : 0;
    return broken ? ERR_UNKNOWN_SERVER_ERROR : 0;
}
