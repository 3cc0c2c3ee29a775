/* The brokers' connections: what arrives on them, and what goes back.
 *
 * Every voter takes them and answers Hello with Welcome, and sends another one whenever the leader
 * that it knows changes. Only the active controller registers, counts heartbeats and takes
 * commands. */
#ifndef CONTROLLER_SESSIONS_H
#define CONTROLLER_SESSIONS_H

#include "controller/controller_private.h"

enum {
    SESSIONS_MAX = 10000,       /* brokers of a cluster, several connections each */
    SESSIONS_PART = 8,          /* of the files that the process may have open, within that */
    SESSIONS_MIN = 32,          /* however few these are */
    SESSIONS_OF_ONE = 8,        /* with one broker id: a restart or two leave some behind */
    SESSIONS_COMMANDS_MAX = 64, /* of one session that wait: then reading from it stops */
    /* Of sessions whose broker is not registered: how many, the commands of all of them that wait,
     * and the largest frame. A controller without a broker sends what its clients ask for so. */
    SESSIONS_STRANGERS_MAX = 256,
    SESSIONS_STRANGE_COMMANDS = 64,
    SESSIONS_STRANGE_FRAME = 1024 * 1024
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
/* Whether nobody is registered as this process. Anybody can say Hello as a broker: those who are no
 * more than that get half of the connections at most, and little room for what they send. The
 * oldest of them makes room for the next one. */
bool sessions_is_stranger(const struct session *session);
/* The broker is registered: it may send all that brokers send. */
void sessions_registered(struct session *session);
/* Commands that wait of those whose broker is not registered. */
int sessions_strange_commands(const struct sessions *sessions);
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
