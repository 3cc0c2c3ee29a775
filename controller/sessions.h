/* The brokers' connections: what arrives on them, and what goes back.
 *
 * Every voter takes them and answers Hello with Welcome, and sends another one whenever the leader
 * that it knows changes. Only the active controller registers, counts heartbeats and takes
 * commands. */
#ifndef CONTROLLER_SESSIONS_H
#define CONTROLLER_SESSIONS_H

#include "controller/controller_private.h"

enum {
    SESSIONS_MAX = 10000,      /* brokers of a cluster, several connections each */
    SESSIONS_COMMANDS_MAX = 64 /* of one session that wait: then reading from it stops */
};

struct session {
    struct list link;
    uint64_t number; /* never used again: answers find their session by it */
    struct controller *controller;
    struct link *peer;
    int32_t broker_id;
    struct uuid incarnation;
    struct stream_follower follower;
    bool registered; /* with this controller, in its present term of office */
    int64_t applied_index;
    int64_t heartbeat_ms;
    int waiting; /* commands that are not answered yet */
};

struct sessions *sessions_new(struct controller *controller);
void sessions_free(struct sessions *sessions);

/* A link on which a broker said Hello. ERR_x with a sentence. */
int sessions_adopt(struct sessions *sessions, struct link *link, const Meta__Hello *hello,
                   struct buf *problem) MUST_CHECK;
/* NULL when it is gone. */
struct session *sessions_find(const struct sessions *sessions, uint64_t number);
/* Walks; start with NULL. */
struct session *sessions_next(const struct sessions *sessions, struct session *after);
/* Tells every broker who leads. */
void sessions_welcome_all(struct sessions *sessions);
/* The node is no longer active: registrations with it are void. */
void sessions_deposed(struct sessions *sessions);
/* Another process of the broker is registered here and connected. */
bool sessions_other_process(const struct sessions *sessions, int32_t broker_id,
                            const struct uuid *incarnation);

#endif
