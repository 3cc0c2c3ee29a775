/* The inside of a fetcher, for replica_fetcher.c and replica_slot.c. */
#ifndef BROKER_REPLICA_REPLICA_FETCHER_PRIVATE_H
#define BROKER_REPLICA_REPLICA_FETCHER_PRIVATE_H

#include "broker/replica/replica_fetcher.h"
#include "broker/replica/replica_manager.h"
#include "kafka/messages/fetch.h"

enum fetcher_state {
    FETCHER_IDLE, /* no line; one is dialled when there is something to follow */
    FETCHER_DIALLING,
    FETCHER_CONNECTED, /* without a session: the next fetch is a full one */
    FETCHER_OPENING,   /* it has no answer yet: nothing else may be sent */
    FETCHER_SESSION,   /* fetches name what has changed */
    FETCHER_STATES
};

struct replica_fetcher {
    enum fetcher_state state;
    struct replica_manager *manager;
    const struct replica_deps *deps;
    int32_t leader_id;
    struct mem_budget *budget; /* for what comes in; shared with the other fetchers */
    struct list slots;
    struct list ready;
    struct list backoff;
    struct list full;      /* likewise, while their disk is */
    struct list held;      /* likewise, until the throttle of replication lets them go on */
    struct list forgotten; /* to be named in the next fetch */
    struct env_connect *connect;
    struct frame_conn *conn;
    struct env_timer dial_timer;
    struct env_timer send_timer;
    struct env_timer flush_timer; /* runs while only flushes keep the next fetch back */
    struct env_timer retry_timer;
    struct env_timer full_timer;
    struct env_timer held_timer;
    struct env_timer answer_timer; /* runs while a fetch has no answer */
    int in_flight;
    int32_t correlation_id; /* of the last fetch that was sent */
    int32_t session_first;  /* of the first one of this session */
    int32_t session_id;
    int32_t session_epoch;
    int64_t told_epoch; /* our broker epoch, as the leader heard it last */
    int64_t lost_ms;    /* when the line broke; 0 while the leader answers */
    int64_t redial_ms;  /* the next pause */
    int64_t told_ms;    /* when a lost line was logged */
    int losses;         /* of lines, since the last answer */
    bool flushes_long;  /* the flushes that are under way: nothing waits for them */
};

enum slot_state {
    SLOT_NEW,
    SLOT_READY,    /* has something to say in the next fetch */
    SLOT_ASKED,    /* named in a fetch (or in the session), an answer may come */
    SLOT_FLUSHING, /* appended; waits until it is durable */
    SLOT_BACKOFF,  /* had an error, or is throttled; waits for a timer */
    SLOT_STATES
};

struct fetch_slot {
    struct list link;       /* in the fetcher's slots */
    struct list ready_link; /* in the fetcher's ready or backoff list */
    struct replica_fetcher *fetcher;
    struct partition *partition;
    enum slot_state state;
    /* How it was last asked for. An answer to an older fetch than that says nothing about it. */
    int32_t asked_in; /* correlation id of the fetch */
    int32_t leader_epoch;
    int64_t asked_offset;
    int64_t told_start; /* the log start that was said then */
    size_t limit;       /* the most bytes that a throttle lets us ask for; 0 = there is none */
    int told_err;       /* the error that was logged; 0 after an answer without one */
};

/* Correlation ids wrap around. */
static inline int32_t fetcher_id_add(int32_t id, int32_t count)
{
    return (int32_t)((uint32_t)id + (uint32_t)count);
}

static inline bool fetcher_id_before(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b) < 0;
}

/* The next fetch goes at the end of this turn, if there is something to say. */
void replica_fetcher_wake(struct replica_fetcher *fetcher);

/* ---- replica_slot.c ---- */

/* What holds between two events. */
void replica_slot_check(const struct fetch_slot *slot);
/* It has something to say in the next fetch. */
void replica_slot_ready(struct fetch_slot *slot);
/* It was appended, and has something to say when that is durable. */
void replica_slot_flushing(struct fetch_slot *slot);
/* It has to wait until its throttle allows more. */
void replica_slot_hold(struct fetch_slot *slot);
/* It is named in the fetch that is being built: false when memory is out. */
bool replica_slot_ask(struct fetch_slot *slot, struct fetch_request_fetch_topic *topic,
                      struct arena *arena) MUST_CHECK;
/* `answered` is the fetch that this is the answer to. A fetch of the session answers for what an
 * earlier one has named, but never for what a later one names: its offset is another one. */
void replica_slot_answered(struct fetch_slot *slot, int32_t answered,
                           const struct fetch_response_partition_data *data);

#endif
