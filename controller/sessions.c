/* Connections of brokers. Happy path: Welcome, Register, Follow, Heartbeat, Heartbeat, Command,
 * ... Failure modes: a broken connection is told to liveness, which finds out whether the broker
 * is dead; a frame that does not belong here ends the connection. */
#include "controller/sessions.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "controller/requests.h"
#include "meta/channel.h"

struct sessions {
    struct controller *controller;
    struct list list;
    struct map by_number;
    uint64_t number_next;
    int count;
};

struct sessions *sessions_new(struct controller *controller)
{
    struct sessions *sessions = mem_alloc(sizeof(*sessions));
    sessions->controller = controller;
    sessions->number_next = 1;
    list_init(&sessions->list);
    map_init(&sessions->by_number);
    return sessions;
}

static void sessions_check(const struct sessions *sessions)
{
    ASSERT(sessions->count >= 0);
    ASSERT(sessions->count <= SESSIONS_MAX);
    ASSERT((size_t)sessions->count == sessions->by_number.count);
    ASSERT(list_empty(&sessions->list) == (sessions->count == 0));
    ASSERT(sessions->number_next > 0);
}

static void session_close(struct session *session)
{
    struct controller *controller = session->controller;
    struct sessions *sessions = controller->sessions;
    bool registered = session->registered;
    int32_t broker_id = session->broker_id;
    stream_leave(&session->follower);
    list_remove(&session->link);
    ASSERT(sessions->count > 0);
    const void *former = map_del_u64(&sessions->by_number, session->number);
    ASSERT(former == session);
    sessions->count--;
    sessions_check(sessions);
    link_close(session->peer);
    mem_free(session);
    if (!registered)
        return;
    /* It may have connected anew before this end was noticed. */
    struct session *other = NULL;
    while ((other = sessions_next(sessions, other)))
        if (other->registered && other->broker_id == broker_id)
            return;
    liveness_lost(controller->liveness, broker_id);
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    while (!list_empty(&sessions->list))
        session_close(LIST_ENTRY(sessions->list.next, struct session, link));
    map_close(&sessions->by_number);
    mem_free(sessions);
}

struct session *sessions_find(const struct sessions *sessions, uint64_t number)
{
    return map_get_u64(&sessions->by_number, number);
}

struct session *sessions_next(const struct sessions *sessions, struct session *after)
{
    struct list *next = after ? after->link.next : sessions->list.next;
    return next == &sessions->list ? NULL : LIST_ENTRY(next, struct session, link);
}

bool sessions_other_process(const struct sessions *sessions, int32_t broker_id,
                            const struct uuid *incarnation)
{
    struct session *session = NULL;
    while ((session = sessions_next(sessions, session)))
        if (session->registered && session->broker_id == broker_id &&
            !uuid_equal(&session->incarnation, incarnation))
            return true;
    return false;
}

static void welcome(struct session *session)
{
    struct controller *controller = session->controller;
    Meta__Welcome body = META__WELCOME__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.cluster_id = (char *)(uintptr_t)image_cluster_id(controller->image);
    body.leader_id = consensus_leader(controller->consensus);
    body.leader_epoch = consensus_term(controller->consensus);
    body.active = consensus_active(controller->consensus) && !controller->stopping;
    if (consensus_members(controller->consensus, &controller->members)) {
        body.voters = controller->members.pointers;
        body.n_voters = controller->members.count;
    }
    frame.body_case = META__FRAME__BODY_WELCOME;
    frame.welcome = &body;
    link_send(session->peer, &frame);
}

void sessions_welcome_all(struct sessions *sessions)
{
    struct session *session = NULL;
    while ((session = sessions_next(sessions, session)))
        welcome(session);
}

void sessions_deposed(struct sessions *sessions)
{
    struct session *session = NULL;
    while ((session = sessions_next(sessions, session)))
        session->registered = false;
}

static void on_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    struct session *session = owner;
    struct controller *controller = session->controller;
    switch (frame->body_case) {
    case META__FRAME__BODY_REGISTER:
        requests_register(session, frame);
        return;
    case META__FRAME__BODY_HEARTBEAT:
        requests_heartbeat(session, frame);
        return;
    case META__FRAME__BODY_COMMAND:
        requests_command(session, frame);
        return;
    case META__FRAME__BODY_FOLLOW:
        stream_follow(controller->stream, &session->follower, link, frame->follow->from_index);
        break;
    default:
        logger_warn(&controller->peer_lines.logger,
                    "broker %d at %s sent a frame that has no place here: disconnected",
                    session->broker_id, link_peer(link));
        session_close(session);
    }
    meta__frame__free_unpacked(frame, NULL);
}

static void on_broken(void *owner, struct link *link, int err)
{
    struct session *session = owner;
    (void)link;
    logger_info(&session->controller->peer_lines.logger, "the connection of broker %d ended: %s",
                session->broker_id, err_text(err));
    session_close(session);
}

static const struct link_handlers session_handlers = {.frame = on_frame, .broken = on_broken};

/* ---- who gets a place ---- */

static bool is_registered_process(const struct controller *controller, int32_t broker_id,
                                  const uint8_t *incarnation)
{
    const struct image_broker *broker = image_broker(controller->image, broker_id);
    return broker && memcmp(broker->incarnation.bytes, incarnation, sizeof(struct uuid)) == 0;
}

bool sessions_is_stranger(const struct session *session)
{
    return !session->registered && !is_registered_process(session->controller, session->broker_id,
                                                          session->incarnation.bytes);
}

void sessions_registered(struct session *session)
{
    session->registered = true;
    link_set_max(session->peer, CHANNEL_COMMAND_MAX);
}

int sessions_strange_commands(const struct sessions *sessions)
{
    struct session *session = NULL;
    int count = 0;
    while ((session = sessions_next(sessions, session)))
        if (session->waiting > 0 && sessions_is_stranger(session))
            count += session->waiting;
    return count;
}

static int sessions_most(const struct sessions *sessions)
{
    int64_t count = env_files_limit(sessions->controller->env) / SESSIONS_PART;
    if (count < SESSIONS_MIN)
        return SESSIONS_MIN;
    return count < SESSIONS_MAX ? (int)count : SESSIONS_MAX;
}

/* Who makes room for that one; NULL in `*leaves`: nobody has to. An error: there is none to be had.
 */
static int find_room(const struct sessions *sessions, const Meta__Hello *hello,
                     struct session **leaves, struct buf *problem)
{
    struct session *session = NULL, *oldest = NULL, *oldest_same = NULL;
    int strangers = 0, same = 0, most = sessions_most(sessions);
    bool known =
        is_registered_process(sessions->controller, hello->node_id, hello->incarnation.data);
    while ((session = sessions_next(sessions, session))) {
        bool own = session->broker_id == hello->node_id, strange = sessions_is_stranger(session);
        same += own;
        strangers += strange;
        oldest = oldest || !strange ? oldest : session;
        oldest_same = oldest_same || !strange || !own ? oldest_same : session;
    }
    int strangers_most = most / 2 < SESSIONS_STRANGERS_MAX ? most / 2 : SESSIONS_STRANGERS_MAX;
    bool full = sessions->count >= most || (!known && strangers >= strangers_most);
    *leaves = same >= SESSIONS_OF_ONE ? oldest_same : full ? oldest : NULL;
    ASSERT(!*leaves || sessions_is_stranger(*leaves));
    if (*leaves || (same < SESSIONS_OF_ONE && !full))
        return 0;
    if (same >= SESSIONS_OF_ONE)
        buf_printf(problem, "broker %d has %d connections here already", hello->node_id, same);
    else
        buf_printf(problem,
                   "brokers have %d connections here already: raise the limit of open "
                   "files (LimitNOFILE, ulimit -n)",
                   sessions->count);
    return ERR_BROKER_NOT_AVAILABLE;
}

static void make_way(struct session *session)
{
    logger_warn(&session->controller->peer_lines.logger,
                "closing the connection of %s, which calls itself broker %d and is not registered: "
                "it is the oldest of so many: find out what dials this port",
                link_peer(session->peer), session->broker_id);
    session_close(session);
}

int sessions_adopt(struct sessions *sessions, struct link *link, const Meta__Hello *hello,
                   struct buf *problem)
{
    struct session *leaves;
    if (hello->node_id < 0 || hello->incarnation.len != sizeof(struct uuid)) {
        buf_printf(problem, "Hello has no broker id or no incarnation");
        return ERR_INVALID_REQUEST;
    }
    int err = find_room(sessions, hello, &leaves, problem);
    if (err)
        return err;
    if (leaves)
        make_way(leaves);
    ASSERT(sessions->count < SESSIONS_MAX);
    struct session *session = mem_alloc(sizeof(*session));
    session->controller = sessions->controller;
    session->number = sessions->number_next++;
    session->peer = link;
    session->broker_id = hello->node_id;
    memcpy(session->incarnation.bytes, hello->incarnation.data, sizeof(struct uuid));
    list_init(&session->follower.link);
    list_push(&sessions->list, &session->link);
    const void *former = map_put_u64(&sessions->by_number, session->number, session);
    ASSERT(former == NULL);
    sessions->count++;
    sessions_check(sessions);
    link_set_owner(link,
                   sessions_is_stranger(session) ? SESSIONS_STRANGE_FRAME : CHANNEL_COMMAND_MAX,
                   &session_handlers, session);
    link_set_urgent(link);
    welcome(session);
    return 0;
}
