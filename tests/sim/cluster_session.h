/* The consumer's side of a fetch session (KIP-227): names what changed since the last fetch, and
 * knows what the broker should know. A session is with one broker; what ends it there (the
 * connection, another one that needs the room, an epoch that does not fit) is learned from the
 * error of a fetch, and the next fetch begins a new one. */
#ifndef SIM_CLUSTER_SESSION_H
#define SIM_CLUSTER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "cluster.h"
#include "env/env.h"
#include "kafka/messages/fetch.h"

/* What is asked of a partition. */
struct cluster_want {
    bool wanted;
    int64_t offset;
    int32_t epoch;
    int32_t max_bytes;
};

struct cluster_session {
    struct env *env;
    bool kept;                                     /* false: each fetch stands alone */
    int32_t id;                                    /* 0 = none yet */
    int32_t epoch;                                 /* of the next fetch; 0 = it names everything */
    bool full;                                     /* the one on its way does */
    struct cluster_want known[CLUSTER_PARTITIONS]; /* by the broker, once it has that one */
};

void cluster_session_init(struct cluster_session *session, struct env *env, bool kept);
/* Its connection is gone: the next fetch begins a new one, or tries what is not there. */
void cluster_session_lost(struct cluster_session *session);
/* What the broker will not take: a session that it does not know, or an epoch that is not next. */
void cluster_session_spoil(struct cluster_session *session);
/* Fills the session's part of a fetch; `wants` has an item for each partition. */
void cluster_session_ask(struct cluster_session *session, const struct cluster_want *wants,
                         struct arena *arena, struct fetch_request *request);
/* Takes the answer's part. The error of the whole answer; *problem is set when it breaks a rule. */
int cluster_session_take(struct cluster_session *session, const struct fetch_response *response,
                         const char **problem);

#endif
