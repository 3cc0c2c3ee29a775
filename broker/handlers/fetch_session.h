/* Fetch sessions (KIP-227): what a client reads, kept between its fetches.
 *
 * Each partition of a session is a slot that watches its replica here. A slot stands in the
 * session's ready list while there may be something to say of it, so a fetch costs what has
 * changed, not what the session holds. A fetch without a session gets one that lives as long as the
 * fetch.
 *
 * What peers name costs memory, so all sessions together have a budget. A session ends with the
 * connection that used it last; one of a consumer also when it is idle and the room is needed, and
 * when it names a partition that is not here, for which no memory is kept. */
#ifndef BROKER_HANDLERS_FETCH_SESSION_H
#define BROKER_HANDLERS_FETCH_SESSION_H

#include "base/map.h"
#include "broker/net/request.h"
#include "broker/replica/partition_ops.h"
#include "kafka/messages/fetch.h"

struct fetch_converter;
struct fetch_session;
struct fetch_sessions;

/* A topic of a session: what its slots share. */
struct fetch_session_topic {
    struct fetch_session *session;
    struct uuid id; /* zero when the session goes by names */
    char *name;     /* NULL when it goes by ids; as it was sent, of any bytes */
    size_t name_len;
    uint32_t number;
    uint32_t slots;
};

/* There may be some hundred thousand of them: every field counts. */
struct fetch_session_slot {
    struct list all_link;   /* in the order of the session */
    struct list ready_link; /* in the ready list, or a ring of its own */
    struct fetch_session_topic *topic;
    struct partition_interest interest; /* watches since its first read */
    int64_t offset;                     /* what was asked for, as in partition_read_args */
    int64_t log_start_offset;
    int64_t told_hw; /* what the last answer said; -1 = say it again */
    int64_t told_log_start;
    int32_t partition;
    int32_t current_leader_epoch;
    int32_t last_fetched_epoch;
    int32_t max_bytes;
    uint32_t pass; /* of the session, that has read it last */
    bool named;    /* a follower has named it, and no read has told its partition so yet */
    bool known;    /* its partition counts what the follower said last */
    bool sent;     /* a follower has bytes from us on their way: more only when it asks again */
};

struct fetch_session {
    struct fetch_sessions *owner;
    struct list link; /* in the owner's, the least recently used first */
    int32_t id;       /* 0 = lives for one fetch */
    int32_t epoch;    /* that the next fetch must carry */
    bool by_id;       /* topic ids (v13+) */
    uint32_t unknown; /* partitions that it named and that are not here */
    bool follower_ok; /* a consumer may read from a follower (v11+) */
    bool committed;   /* a consumer that reads only what is decided, as its last fetch said */
    int32_t replica_id;
    int64_t replica_epoch;
    int64_t used_ms;
    size_t charged; /* to the owner's budget */
    uint32_t topics_made;
    uint32_t pass; /* counts the walks over what may have news */
    struct list slots;
    struct list ready;
    struct map topics;               /* id or name -> struct fetch_session_topic */
    struct map by_key;               /* number of the topic, partition -> slot */
    struct request_watch connection; /* it ends with it */
    void (*wake)(void *data);        /* set while a fetch is under way: something is ready */
    void (*supersede)(void *data);   /* likewise: end it, now */
    void *wake_data;
};

/* `nearest`: consumers are sent to followers in their rack (KIP-392). So a follower hears at once
 * when a high watermark has moved, and not with the next records. */
struct fetch_sessions *fetch_sessions_new(struct partitions *partitions, struct env *env,
                                          int32_t max, bool nearest);
void fetch_sessions_free(struct fetch_sessions *sessions);

/* As it was made. */
bool fetch_sessions_are_nearest(const struct fetch_sessions *sessions);

/* What converts for old clients; it ends with the sessions. */
struct fetch_converter *fetch_sessions_converter(struct fetch_sessions *sessions);

/* What always holds; looks at every session and slot, so it is for tests. */
void fetch_sessions_check(const struct fetch_sessions *sessions);

/* Finds or makes the session that the request means, takes over what it names and forgets what it
 * drops. 0 and the session; or ERR_FETCH_SESSION_ID_NOT_FOUND (also when the session can't hold
 * what it should now), ERR_INVALID_FETCH_SESSION_EPOCH, ERR_FETCH_SESSION_TOPIC_ID_ERROR,
 * ERR_NO_MEMORY (not even for one fetch). *full: the answer must list every partition. */
int fetch_sessions_open(struct fetch_sessions *sessions, const struct fetch_request *request,
                        int16_t version, struct fetch_session **session, bool *full) MUST_CHECK;
/* The answer to a fetch is made: a session for one fetch ends here. */
void fetch_session_done(struct fetch_session *session);
void fetch_session_free(struct fetch_session *session);

/* What to read for a slot, without its limits. */
struct partition_read_args fetch_slot_args(const struct fetch_session_slot *slot);
/* Which partition it is now; or why that can't be told. */
int fetch_slot_ref(const struct fetch_session_slot *slot, struct partition_ref *ref) MUST_CHECK;
/* Whether an answer need not wait for more when all that it has to say is a new high watermark. */
bool fetch_slot_tells_watermark(const struct fetch_session_slot *slot);
/* There may be something to say. */
void fetch_slot_ready(struct fetch_session_slot *slot);
/* The others come first. */
void fetch_slot_last(struct fetch_session_slot *slot);
/* There is nothing to say until the replica changes, unless it has since it was read. */
void fetch_slot_idle(struct fetch_session_slot *slot);

#endif
