/* Connections to the other voters.
 *
 * Happy path: dial, say Hello, send. A peer that dials us lives, so it is dialled back at once.
 * That it is the peer is believed when its incarnation is known, or when the process that listens
 * at the voter's address says so (raft_ask): anybody can say Hello in a voter's name.
 *
 * Failure modes: a connection that ends is dialled again at once; a refusal means that the process
 * is gone (told once, if it had been there) and is tried again every REDIAL_MS. A peer that takes
 * nothing for STUCK_MS with all its sends used up is disconnected and dialled anew: its machine
 * may be dead, and TCP would notice only after minutes. A new incarnation at the voter's address
 * means that the process we knew is gone, also when our connection to it still seems to stand. */
#include "controller/raft_peers.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "controller/raft_ask.h"
#include "meta/channel.h"

enum {
    REDIAL_MS = 50,
    /* Right after a stream ended: the port of a dying process may still take a connection. */
    REDIAL_SOON_MS = 5,
    DIAL_TIMEOUT_MS = 300,
    STUCK_MS = 1000
};

struct send {
    struct list link;
    struct peer *peer;
    void (*done)(void *data, int status);
    void *data;
    int status;
    int64_t started_ms;
};

struct peer {
    struct raft_peers *peers;
    int32_t id;
    char *host;
    uint16_t port;
    struct env_connect *dial;
    struct env_timer redial;
    struct link *out;     /* what we dialled; NULL while not connected */
    struct link *in;      /* what it dialled */
    struct raft_ask *ask; /* about those who said Hello in its name */
    struct list sends;    /* on the way, oldest first */
    int send_count;
    bool refused;  /* the last dial was */
    bool nameless; /* the last Hello named no cluster */
    bool rejected; /* it has refused our Hello */
    bool seen;     /* its process was there: tell when it is gone */
    bool closing;  /* `out` is being closed: what it releases was not sent */
    bool incarnation_known;
    struct uuid incarnation;
    bool told_refusal;
    struct uuid told_by; /* the incarnation of who told, in its last Hello, that it is `told` */
    struct raft_member told;
};

struct raft_peers {
    struct env *env;
    struct logger *logger;
    int32_t self;
    struct uuid incarnation;
    const char *(*cluster_id)(void *data);
    const struct raft_peers_handlers *handlers;
    void *data;
    bool running;
    bool passive;         /* dials only those who have dialled it */
    struct list finished; /* sends whose callback is due */
    struct env_timer finish;
    void (*stopped)(void *data);
    void *stopped_data;
    char learned[64]; /* the cluster's id as a peer told it, until the log does */
    char *host; /* for Hello: where this voter is, if the settings of the others don't say it */
    uint16_t port;
    struct uuid directory_id;
    int count;
    struct peer **peers;
};

static void peer_dial(struct peer *peer);
static void peer_break(struct peer *peer);

/* What holds between two events. */
static void peer_check(const struct peer *peer)
{
    ASSERT(peer->host != NULL);
    ASSERT(peer->ask != NULL);
    ASSERT(!peer->closing);
    ASSERT(peer->id >= 0);
    ASSERT(peer->send_count >= 0);
    ASSERT(peer->send_count <= RAFT_PEERS_SENDS_MAX);
    ASSERT(list_empty(&peer->sends) == (peer->send_count == 0));
    ASSERT(!peer->out || !peer->dial);
    ASSERT(!peer->out || !peer->refused);
    ASSERT(peer->id != peer->peers->self);
}

/* ---- sends ---- */

static void send_finish(struct send *send, int status)
{
    struct raft_peers *peers = send->peer->peers;
    ASSERT(status <= 0);
    ASSERT(send->peer != NULL);
    send->status = status;
    list_remove(&send->link);
    list_push(&peers->finished, &send->link);
    env_timer_start(&peers->finish, 0);
}

static void on_finish(void *data)
{
    struct raft_peers *peers = data;
    struct list due;
    list_init(&due);
    list_splice(&due, &peers->finished);
    struct list *step;
    while ((step = list_pop(&due))) {
        struct send *send = LIST_ENTRY(step, struct send, link);
        if (send->done)
            send->done(send->data, send->status);
        mem_free(send);
    }
    if (peers->stopped && list_empty(&peers->finished)) {
        void (*stopped)(void *data) = peers->stopped;
        peers->stopped = NULL;
        stopped(peers->stopped_data);
    }
}

/* The network took the bytes, or the connection is being closed. */
static void on_sent(void *data)
{
    struct send *send = data;
    struct peer *peer = send->peer;
    ASSERT(peer->send_count > 0);
    ASSERT(send->status == 0);
    ASSERT(!list_empty(&send->link));
    peer->send_count--;
    send_finish(send, peer->closing ? ERR_RESET : 0);
}

static bool peer_stuck(const struct peer *peer)
{
    if (list_empty(&peer->sends))
        return false;
    const struct send *oldest = LIST_ENTRY(peer->sends.next, struct send, link);
    return env_now_ms(peer->peers->env) - oldest->started_ms > STUCK_MS;
}

static struct peer *peer_find(const struct raft_peers *peers, int32_t id)
{
    for (int i = 0; i < peers->count; i++)
        if (peers->peers[i]->id == id)
            return peers->peers[i];
    return NULL;
}

bool raft_peers_knows(const struct raft_peers *peers, int32_t id)
{
    return peer_find(peers, id) != NULL;
}

void raft_peers_send(struct raft_peers *peers, int32_t id, struct buf *frames,
                     void (*done)(void *data, int status), void *data)
{
    struct peer *peer = peer_find(peers, id);
    ASSERT(peer);
    ASSERT(frames->len > 0);
    struct send *send = mem_alloc(sizeof(*send));
    list_init(&send->link);
    send->peer = peer;
    send->done = done;
    send->data = data;
    send->started_ms = env_now_ms(peers->env);
    if (peer->out && peer->send_count >= RAFT_PEERS_SENDS_MAX && peer_stuck(peer))
        peer_break(peer);
    if (!peer->out || peer->send_count >= RAFT_PEERS_SENDS_MAX) {
        buf_close(frames);
        send_finish(send, peer->out ? ERR_NO_MEMORY : ERR_RESET);
        return;
    }
    peer->send_count++;
    list_push(&peer->sends, &send->link);
    peer_check(peer);
    link_send_buf(peer->out, frames, on_sent, send);
}

/* ---- the connection that we dial ---- */

static void peer_close_out(struct peer *peer)
{
    if (!peer->out)
        return;
    struct link *out = peer->out;
    ASSERT(!peer->closing);
    peer->closing = true;
    peer->out = NULL;
    link_close(out);
    peer->closing = false;
    ASSERT(list_empty(&peer->sends));
    ASSERT(peer->send_count == 0);
    peer_check(peer);
}

static void peer_dead(struct peer *peer)
{
    if (!peer->seen)
        return;
    peer->seen = false;
    peer->peers->handlers->dead(peer->peers->data, peer->id);
}

static void on_redial(void *data)
{
    peer_dial(data);
}

static void peer_break(struct peer *peer)
{
    peer_close_out(peer);
    if (peer->peers->running && !peer->dial)
        env_timer_start(&peer->redial, 0);
}

static void out_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    struct peer *peer = owner;
    struct raft_peers *peers = peer->peers;
    ASSERT(peer->out == link);
    ASSERT(!peer->closing);
    (void)link;
    bool welcome = frame->body_case == META__FRAME__BODY_WELCOME;
    /* The acceptor says something only when it refuses us: a new node is told whom it has met. */
    if (welcome && peer->nameless)
        snprintf(peers->learned, sizeof(peers->learned), "%s", frame->welcome->cluster_id);
    peer->rejected = welcome && !peer->nameless;
    if (peer->rejected && frame->welcome->error)
        logger_print(peer->peers->logger, peer->told_refusal ? LOGGER_DEBUG : LOGGER_WARN,
                     "voter %d at %s:%u refuses us: %s", peer->id, peer->host, peer->port,
                     frame->welcome->message);
    peer->told_refusal |= peer->rejected;
    meta__frame__free_unpacked(frame, NULL);
}

static void out_broken(void *owner, struct link *link, int err)
{
    struct peer *peer = owner;
    ASSERT(err < 0);
    ASSERT(peer->out == link);
    (void)link;
    logger_debug(peer->peers->logger, "connection to voter %d ended: %s", peer->id, err_text(err));
    peer_break(peer);
    env_timer_start(&peer->redial, peer->rejected ? REDIAL_MS : 0);
}

static const struct link_handlers out_handlers = {.frame = out_frame, .broken = out_broken};

static void say_hello(struct peer *peer)
{
    struct raft_peers *peers = peer->peers;
    Meta__Hello hello = META__HELLO__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    ASSERT(peer->out != NULL);
    hello.role = META__HELLO__ROLE__VOTER;
    hello.node_id = peers->self;
    const char *known = peers->cluster_id(peers->data);
    hello.cluster_id = known[0] ? (char *)(uintptr_t)known : peers->learned;
    peer->nameless = !hello.cluster_id[0];
    hello.host = peers->host;
    hello.port = peers->port;
    if (peers->host[0])
        hello.to = peer->id + 1;
    if (!uuid_is_zero(&peers->directory_id))
        hello.directory_id =
            (ProtobufCBinaryData){sizeof(peers->directory_id.bytes), peers->directory_id.bytes};
    hello.incarnation =
        (ProtobufCBinaryData){sizeof(peers->incarnation.bytes), peers->incarnation.bytes};
    frame.body_case = META__FRAME__BODY_HELLO;
    frame.hello = &hello;
    link_send(peer->out, &frame);
}

static void on_dialled(void *data, int status, struct env_stream *stream)
{
    struct peer *peer = data;
    ASSERT(peer->out == NULL);
    ASSERT((status == 0) == (stream != NULL));
    peer->dial = NULL;
    if (status) {
        env_timer_start(&peer->redial, REDIAL_MS);
        peer->refused = status == ERR_REFUSED;
        if (peer->refused)
            peer_dead(peer);
        return;
    }
    peer->refused = peer->rejected = false;
    peer->seen = true;
    peer->out = link_new(peer->peers->env, stream, CHANNEL_HELLO_MAX, &out_handlers, peer);
    link_set_urgent(peer->out);
    say_hello(peer);
    peer_check(peer);
    peer->peers->handlers->connected(peer->peers->data, peer->id);
}

static void peer_dial(struct peer *peer)
{
    bool waits = peer->peers->passive && !peer->in;
    if (!peer->peers->running || waits || peer->out || peer->dial)
        return;
    int err = env_connect(peer->peers->env, peer->host, peer->port, DIAL_TIMEOUT_MS, on_dialled,
                          peer, &peer->dial);
    if (err) {
        peer->dial = NULL;
        env_timer_start(&peer->redial, REDIAL_MS);
    }
    ASSERT(err || peer->dial != NULL || peer->out != NULL);
}

/* ---- the connection that the peer dialled ---- */

static void in_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    struct peer *peer = owner;
    ASSERT(peer->in == link);
    (void)link;
    peer->peers->handlers->frame(peer->peers->data, peer->id, frame);
}

static void in_broken(void *owner, struct link *link, int err)
{
    struct peer *peer = owner;
    ASSERT(err < 0);
    ASSERT(peer->in == link);
    if (err != ERR_EOF && err != ERR_RESET)
        logger_warn(peer->peers->logger, "connection from voter %d ended: %s", peer->id,
                    err_text(err));
    peer->in = NULL;
    link_close(link);
    if (!peer->out && !peer->dial)
        env_timer_start(&peer->redial, REDIAL_SOON_MS);
}

static const struct link_handlers in_handlers = {.frame = in_frame, .broken = in_broken};

/* Another process than the one that we knew: that one is gone. */
static void note_incarnation(struct peer *peer, const struct uuid *incarnation)
{
    bool changed = peer->incarnation_known && !uuid_equal(&peer->incarnation, incarnation);
    peer->incarnation_known = true;
    peer->incarnation = *incarnation;
    if (changed) {
        peer_break(peer); /* what is queued there was meant for the old process */
        peer_dead(peer);
    }
    peer->refused = false;
    peer->seen = true;
}

static void on_genuine(void *data, struct link *link, const struct uuid *incarnation)
{
    struct peer *peer = data;
    ASSERT(link != peer->in);
    ASSERT(link != peer->out);
    if (peer->in)
        link_close(peer->in);
    peer->in = link;
    link_set_owner(link, CHANNEL_FRAME_MAX, &in_handlers, peer);
    link_set_urgent(link);
    note_incarnation(peer, incarnation);
    if (!peer->out && !peer->dial)
        env_timer_start(&peer->redial, 0);
}

/* Nobody listens at its address any more: our connection, if it stands, leads nowhere. */
static void on_gone(void *data)
{
    peer_break(data);
}

static const struct raft_ask_handlers ask_handlers = {.genuine = on_genuine, .gone = on_gone};

/* It is believed once the incarnation is known to be the voter's own. */
static void note_told(struct peer *peer, const Meta__Hello *hello, const struct uuid *incarnation)
{
    mem_free(peer->told.host);
    peer->told = (struct raft_member){
        .id = peer->id, .host = mem_strdup(hello->host), .port = (uint16_t)hello->port};
    if (hello->directory_id.len == sizeof(peer->told.directory_id.bytes))
        memcpy(peer->told.directory_id.bytes, hello->directory_id.data, hello->directory_id.len);
    peer->told_by = *incarnation;
    ASSERT(peer->told.id == peer->id);
}

bool raft_peers_told(const struct raft_peers *peers, int32_t id, struct raft_member *told)
{
    const struct peer *peer = peer_find(peers, id);
    if (!peer || !peer->in || !peer->told.host || !raft_servers_host(peer->told.host) ||
        peer->told.port == 0 || !uuid_equal(&peer->told_by, &peer->incarnation))
        return false;
    *told = peer->told;
    return true;
}

int raft_peers_adopt(struct raft_peers *peers, struct link *link, const Meta__Hello *hello)
{
    struct peer *peer = peer_find(peers, hello->node_id);
    struct uuid incarnation = {{0}};
    if (!peer)
        return ERR_INVALID;
    if (!peers->running)
        return ERR_BROKER_NOT_AVAILABLE;
    if (hello->incarnation.len == sizeof(incarnation.bytes))
        memcpy(incarnation.bytes, hello->incarnation.data, sizeof(incarnation.bytes));
    if (hello->port <= UINT16_MAX)
        note_told(peer, hello, &incarnation);
    if (peer->incarnation_known && uuid_equal(&peer->incarnation, &incarnation))
        on_genuine(peer, link, &incarnation);
    else
        raft_ask_about(peer->ask, link, &incarnation);
    return 0;
}

/* ---- life ---- */

struct raft_peers *raft_peers_new(struct env *env, struct logger *logger, int32_t self,
                                  const struct controller_voter *voters, int voter_count,
                                  const struct uuid *incarnation,
                                  const char *(*cluster_id)(void *data),
                                  const struct raft_peers_handlers *handlers, void *data)
{
    struct raft_peers *peers = mem_alloc(sizeof(*peers));
    ASSERT(self >= 0);
    ASSERT(cluster_id != NULL);
    ASSERT(handlers->frame != NULL);
    ASSERT(handlers->dead != NULL);
    ASSERT(handlers->connected != NULL);
    peers->env = env;
    peers->logger = logger;
    peers->self = self;
    peers->incarnation = *incarnation;
    peers->cluster_id = cluster_id;
    peers->handlers = handlers;
    peers->data = data;
    list_init(&peers->finished);
    env_timer_init(env, &peers->finish, on_finish, peers);
    peers->host = mem_strdup("");
    raft_peers_set(peers, voters, voter_count, false);
    return peers;
}

void raft_peers_tell(struct raft_peers *peers, const struct controller_voter *self,
                     const struct uuid *directory_id)
{
    ASSERT(self->id == peers->self);
    mem_free(peers->host);
    peers->host = mem_strdup(self->host);
    peers->port = self->port;
    peers->directory_id = *directory_id;
}

void raft_peers_learn(struct raft_peers *peers, const char *cluster_id)
{
    snprintf(peers->learned, sizeof(peers->learned), "%s", cluster_id);
}

static struct peer *peer_new(struct raft_peers *peers, const struct controller_voter *voter)
{
    struct peer *peer = mem_alloc(sizeof(*peer));
    ASSERT(voter->id != peers->self);
    peer->peers = peers;
    peer->id = voter->id;
    peer->host = mem_strdup(voter->host);
    peer->port = voter->port;
    list_init(&peer->sends);
    peer->ask = raft_ask_new(peers->env, peers->logger, voter, &ask_handlers, peer);
    env_timer_init(peers->env, &peer->redial, on_redial, peer);
    return peer;
}

static void peer_close(struct peer *peer)
{
    env_timer_stop(&peer->redial);
    raft_ask_stop(peer->ask);
    if (peer->dial)
        env_connect_cancel(peer->dial);
    peer->dial = NULL;
    peer_close_out(peer);
    if (peer->in)
        link_close(peer->in);
    peer->in = NULL;
    env_timer_stop(&peer->redial);
    ASSERT(peer->in == NULL);
    ASSERT(peer->out == NULL);
}

static void peer_free(struct peer *peer)
{
    ASSERT(list_empty(&peer->sends));
    ASSERT(peer->dial == NULL);
    ASSERT(peer->send_count == 0);
    raft_ask_free(peer->ask);
    mem_free(peer->told.host);
    mem_free(peer->host);
    mem_free(peer);
}

static bool peer_is_at(const struct peer *peer, const struct controller_voter *voter)
{
    return peer->id == voter->id && peer->port == voter->port &&
           strcmp(peer->host, voter->host) == 0;
}

void raft_peers_set(struct raft_peers *peers, const struct controller_voter *voters, int count,
                    bool passive)
{
    ASSERT(count >= 0);
    peers->passive = passive;
    struct peer **kept = mem_alloc((size_t)(count ? count : 1) * sizeof(*kept));
    struct peer **old = peers->peers;
    int old_count = peers->count, kept_count = 0;
    for (int i = 0; i < count; i++) {
        if (voters[i].id == peers->self)
            continue;
        struct peer *peer = NULL;
        for (int j = 0; j < old_count && !peer; j++) {
            if (!old[j] || !peer_is_at(old[j], &voters[i]))
                continue;
            peer = old[j];
            old[j] = NULL;
        }
        kept[kept_count++] = peer ? peer : peer_new(peers, &voters[i]);
    }
    ASSERT(kept_count <= count);
    peers->peers = kept;
    peers->count = kept_count;
    for (int j = 0; j < old_count; j++) {
        if (!old[j])
            continue;
        peer_close(old[j]);
        peer_free(old[j]);
    }
    mem_free(old);
    for (int i = 0; i < kept_count; i++)
        peer_dial(kept[i]);
}

void raft_peers_start(struct raft_peers *peers)
{
    peers->running = true;
    for (int i = 0; i < peers->count; i++)
        peer_dial(peers->peers[i]);
}

static void close_all(struct raft_peers *peers)
{
    peers->running = false;
    for (int i = 0; i < peers->count; i++)
        peer_close(peers->peers[i]);
}

void raft_peers_stop(struct raft_peers *peers, void (*done)(void *data), void *data)
{
    ASSERT(done != NULL);
    ASSERT(peers->stopped == NULL);
    close_all(peers);
    peers->stopped = done;
    peers->stopped_data = data;
    env_timer_start(&peers->finish, 0);
}

void raft_peers_free(struct raft_peers *peers)
{
    if (!peers)
        return;
    close_all(peers);
    env_timer_stop(&peers->finish);
    struct list *step;
    while ((step = list_pop(&peers->finished)))
        mem_free(LIST_ENTRY(step, struct send, link));
    for (int i = 0; i < peers->count; i++)
        peer_free(peers->peers[i]);
    mem_free(peers->peers);
    mem_free(peers->host);
    mem_free(peers);
}

bool raft_peers_alive(const struct raft_peers *peers, int32_t id)
{
    const struct peer *peer = peer_find(peers, id);
    return peer && !peer->refused;
}

int raft_peers_connected(const struct raft_peers *peers)
{
    int connected = 0;
    for (int i = 0; i < peers->count; i++)
        connected += peers->peers[i]->out != NULL;
    return connected;
}
