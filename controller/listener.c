/* The controller listener. Happy path: accept, one Hello within HELLO_MS, hand over; or one
 * Identify or Join, which is answered. Failure modes: a peer that says nothing, something else, or
 * the wrong cluster is disconnected; so many silent ones that they might be an attack lose the
 * oldest of them for each new one. Who has something to say does so as soon as it is connected. Who
 * speaks Kafka's protocol is handed on, and counts among others then. */
#include "controller/listener.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "env/told.h"
#include "meta/channel.h"
#include "wire/frame.h"

enum { HELLO_MS = 5000 };

struct greeting {
    struct list link;
    struct listener *listener;
    struct link *peer;
    struct env_timer timer;
};

struct listener {
    struct env *env;
    struct logger *logger;
    const struct listener_handlers *handlers;
    void *data;
    struct env_listener *socket;
    struct list greetings;
    int64_t count;
    int64_t most;     /* greetings at a time */
    struct told told; /* swept when another one comes */
};

static void greeting_free(struct greeting *greeting)
{
    struct listener *listener = greeting->listener;
    env_timer_stop(&greeting->timer);
    list_remove(&greeting->link);
    listener->count--;
    mem_free(greeting);
}

static void greeting_end(struct greeting *greeting)
{
    struct link *peer = greeting->peer;
    greeting_free(greeting);
    link_close(peer);
}

/* A new node hears the cluster's id in this way, and says Hello again with it. Others dial again
 * and again: a voter that was removed does until it has heard of it. */
static void refuse(struct greeting *greeting, int err, const char *sentence, bool new_node)
{
    struct listener *listener = greeting->listener;
    bool told =
        !new_node && told_is_first(&listener->told, listener->logger, env_now_ms(listener->env),
                                   link_peer(greeting->peer), sentence);
    Meta__Welcome welcome = META__WELCOME__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    welcome.error = err_to_wire(err);
    welcome.message = (char *)(uintptr_t)sentence;
    welcome.leader_id = -1;
    welcome.cluster_id =
        (char *)(uintptr_t)greeting->listener->handlers->cluster_id(greeting->listener->data);
    frame.body_case = META__FRAME__BODY_WELCOME;
    frame.welcome = &welcome;
    logger_print(listener->logger, told ? LOGGER_WARN : LOGGER_DEBUG,
                 "refused a connection from %s: %s", link_peer(greeting->peer), sentence);
    link_send(greeting->peer, &frame);
    link_finish(greeting->peer);
}

static int check_cluster(struct listener *listener, const Meta__Hello *hello, struct buf *problem)
{
    const char *ours = listener->handlers->cluster_id(listener->data);
    if (!ours[0] || strcmp(hello->cluster_id, ours) == 0)
        return 0;
    if (!hello->cluster_id[0]) {
        buf_printf(problem, "node %d has said no cluster id, this is cluster %s", hello->node_id,
                   ours);
        return ERR_INCONSISTENT_CLUSTER_ID;
    }
    buf_printf(
        problem,
        "node %d belongs to cluster %s, this is cluster %s: its log directories are those of "
        "another cluster, or its controller.quorum.voters or controller.quorum.bootstrap.servers "
        "points "
        "here by mistake",
        hello->node_id, hello->cluster_id, ours);
    return ERR_INCONSISTENT_CLUSTER_ID;
}

static void greet(struct greeting *greeting, const Meta__Hello *hello)
{
    struct listener *listener = greeting->listener;
    struct link *peer = greeting->peer;
    struct buf problem;
    buf_init(&problem);
    int err = check_cluster(listener, hello, &problem);
    if (!err && hello->role == META__HELLO__ROLE__VOTER) {
        err = listener->handlers->voter(listener->data, peer, hello, &problem);
    } else if (!err && hello->role == META__HELLO__ROLE__BROKER) {
        err = listener->handlers->broker(listener->data, peer, hello, &problem);
    } else if (!err) {
        buf_printf(&problem, "Hello names no known role");
        err = ERR_INVALID_REQUEST;
    }
    if (err)
        refuse(greeting, err, buf_text(&problem), !hello->cluster_id[0]);
    else
        greeting_free(greeting); /* the link has another owner now */
    buf_close(&problem);
}

static void answer_identify(struct greeting *greeting, const Meta__Identify *identify)
{
    struct listener *listener = greeting->listener;
    const struct uuid *ours = listener->handlers->incarnation(listener->data);
    Meta__Identity identity = META__IDENTITY__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    for (size_t i = 0; i < identify->n_incarnations; i++) {
        const ProtobufCBinaryData *asked = &identify->incarnations[i];
        if (asked->len == sizeof(ours->bytes) && memcmp(asked->data, ours->bytes, asked->len) == 0)
            identity.incarnation = *asked;
    }
    frame.body_case = META__FRAME__BODY_IDENTITY;
    frame.identity = &identity;
    link_send(greeting->peer, &frame);
    link_finish(greeting->peer);
}

static void answer_join(struct greeting *greeting, const Meta__Join *join)
{
    struct listener *listener = greeting->listener;
    const char *ours = listener->handlers->cluster_id(listener->data);
    Meta__JoinReply reply = META__JOIN_REPLY__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    struct buf problem;
    buf_init(&problem);
    reply.cluster_id = (char *)(uintptr_t)ours;
    if (ours[0] && join->cluster_id[0] && strcmp(join->cluster_id, ours) != 0) {
        buf_printf(&problem,
                   "this node's data belongs to cluster %s, that node to cluster %s: correct "
                   "controller.quorum.bootstrap.servers, or log.dirs",
                   join->cluster_id, ours);
        reply.error = err_to_wire(ERR_INCONSISTENT_CLUSTER_ID);
        reply.message = (char *)(uintptr_t)buf_text(&problem);
    } else {
        listener->handlers->join(listener->data, join, &reply);
    }
    frame.body_case = META__FRAME__BODY_JOIN_REPLY;
    frame.join_reply = &reply;
    link_send(greeting->peer, &frame);
    link_finish(greeting->peer);
    buf_close(&problem);
}

static void on_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    struct greeting *greeting = owner;
    (void)link;
    if (frame->body_case == META__FRAME__BODY_HELLO)
        greet(greeting, frame->hello);
    else if (frame->body_case == META__FRAME__BODY_IDENTIFY)
        answer_identify(greeting, frame->identify);
    else if (frame->body_case == META__FRAME__BODY_JOIN)
        answer_join(greeting, frame->join);
    else
        greeting_end(greeting);
    meta__frame__free_unpacked(frame, NULL);
}

static void tell_foreign(struct listener *listener, const char *peer, const char *name)
{
    char what[64];
    snprintf(what, sizeof(what), "speaks %s", name);
    if (told_is_first(&listener->told, listener->logger, env_now_ms(listener->env), peer, what))
        logger_warn(listener->logger,
                    "closing the connection of %s: it %s, and this is the controller's listener: "
                    "clients use the broker's",
                    peer, what);
}

static void hand_client_on(struct greeting *greeting)
{
    struct listener *listener = greeting->listener;
    struct frame_opening opening;
    link_part(greeting->peer, &opening);
    greeting_free(greeting);
    listener->handlers->client(listener->data, &opening);
}

static void on_broken(void *owner, struct link *link, int err)
{
    struct greeting *greeting = owner;
    if (greeting->listener->handlers->client && link_speaks_kafka(link)) {
        hand_client_on(greeting);
        return;
    }
    const char *name = link_foreign(link);
    if (name) {
        tell_foreign(greeting->listener, link_peer(link), name);
    } else if (err == ERR_MALFORMED || err == ERR_TOO_LARGE) {
        logger_warn(greeting->listener->logger,
                    "%s does not speak the controller protocol: %s. (Clients use the broker's "
                    "listener, not this one.)",
                    link_peer(link), err_text(err));
    }
    greeting_end(greeting);
}

static const struct link_handlers greeting_handlers = {.frame = on_frame, .broken = on_broken};

static void on_timer(void *data)
{
    greeting_end(data);
}

/* They may hold no more descriptors: flushes, elections and starts need some. */
static void make_room(struct listener *listener)
{
    if (listener->count < listener->most)
        return;
    struct greeting *oldest = LIST_ENTRY(listener->greetings.next, struct greeting, link);
    const char *peer = link_peer(oldest->peer);
    if (told_is_first(&listener->told, listener->logger, env_now_ms(listener->env), peer,
                      "is silent"))
        logger_warn(listener->logger,
                    "closing the connection of %s: it is the oldest of %lld to the controller's "
                    "listener that say nothing, which is all that the limit of open files allows: "
                    "find out what dials this port",
                    peer, (long long)listener->most);
    greeting_end(oldest);
}

static void on_accepted(void *data, struct env_stream *stream)
{
    struct listener *listener = data;
    make_room(listener);
    struct greeting *greeting = mem_alloc(sizeof(*greeting));
    greeting->listener = listener;
    env_timer_init(listener->env, &greeting->timer, on_timer, greeting);
    env_timer_start(&greeting->timer, HELLO_MS);
    list_push(&listener->greetings, &greeting->link);
    greeting->peer =
        link_new(listener->env, stream, CHANNEL_HELLO_MAX, &greeting_handlers, greeting);
    link_set_answering(greeting->peer);
    listener->count++;
}

int listener_new(struct env *env, struct logger *logger, const char *host, uint16_t port,
                 const struct listener_handlers *handlers, void *data, struct listener **out)
{
    struct listener *listener = mem_alloc(sizeof(*listener));
    listener->env = env;
    listener->logger = logger;
    listener->handlers = handlers;
    listener->data = data;
    listener->most = channel_greetings(env_files_limit(env));
    if (handlers->client)
        listener->most -= channel_clients(env_files_limit(env));
    list_init(&listener->greetings);
    int err = env_listen(env, host, port, on_accepted, listener, &listener->socket);
    if (err) {
        mem_free(listener);
        return err;
    }
    *out = listener;
    return 0;
}

uint16_t listener_port(const struct listener *listener)
{
    return env_listener_port(listener->socket);
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    while (!list_empty(&listener->greetings))
        greeting_end(LIST_ENTRY(listener->greetings.next, struct greeting, link));
    env_listener_close(listener->socket);
    mem_free(listener);
}
