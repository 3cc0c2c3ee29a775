/* The functions of `struct raft_io`.
 *
 * Happy path: append and install go to the log's queue and call back when durable; send encodes at
 * once and hands over to the peers; messages and ticks go into the core, and after each the owner
 * looks at what changed.
 *
 * Failure modes: none reaches the core. A disk error is reported by the log, whose owner ends the
 * process; where it can't (a simulation), the backend is dead: it takes everything and calls
 * nothing. A message that can't be sent fails in a later turn, never inside the call. */
#include "controller/raft_backend.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "controller/raft_answers.h"
#include "controller/raft_codec.h"
#include "controller/raft_load.h"
#include "controller/raft_servers.h"
#include "controller/raft_newcomer.h"
#include "controller/raft_sense.h"

/* How late an expired timeout may be noticed, also by a leader that nobody else can vote for. */
enum { TICK_MS = 10, TICK_ALONE_MS = 50 };

/* An operation that the core waits for. */
enum op_kind { OP_APPEND, OP_PUT, OP_GET, OP_SEND };
struct op {
    struct list link;
    struct raft_backend *backend;
    enum op_kind kind;
    union {
        struct raft_io_append *append;
        struct raft_io_snapshot_put *put;
        struct raft_io_snapshot_get *get;
        struct raft_io_send *send;
    } req;
    union {
        raft_io_append_cb append;
        raft_io_snapshot_put_cb put;
        raft_io_snapshot_get_cb get;
        raft_io_send_cb send;
    } cb;
    raft_id server_id;       /* SEND */
    struct raft_buffer conf; /* PUT: what the store reads */
    struct buf data;
};

/* A result that waits for the barrier (guard 1): the newest of each peer. */
struct held {
    bool used;
    raft_id server_id;
    struct raft_append_entries_result result;
};

struct raft_backend {
    struct raft_io io;
    struct env *env;
    struct logger *logger;
    struct raft *raft;
    struct raft_store *store;
    struct raft_peers *peers;
    void (*changed)(void *data);
    void *data;
    struct env_timer tick;
    raft_io_tick_cb tick_cb;
    raft_io_recv_cb recv_cb;
    bool dead;
    bool abandoned;
    struct raft_newcomer newcomer;
    struct raft_servers members;
    bool changes;          /* the quorum may */
    raft_index append_end; /* last index of the AppendEntries that the core looks at; 0 = none */
    raft_index barrier;
    struct held held[RAFT_CODEC_SERVERS_MAX];
    raft_id newcomers[RAFT_CODEC_SERVERS_MAX]; /* who has said last that it is one */
    struct list ops;                           /* under way */
    struct list dropped;                       /* sends that fail in the next turn */
    struct env_timer drop;
    raft_io_close_cb close_cb;
};

static struct raft_backend *backend_of(struct raft_io *io)
{
    return io->impl;
}

static void after(struct raft_backend *backend)
{
    if (!backend->dead)
        backend->changed(backend->data);
}

static raft_time backend_time(struct raft_io *io);
static int backend_set_term(struct raft_io *io, raft_term term);
static int backend_set_vote(struct raft_io *io, raft_id server_id);

/* ---- receiving ---- */

static const char *address_of(const struct raft_backend *backend, raft_id id)
{
    const struct raft_configuration *configuration = &backend->raft->configuration;
    for (unsigned i = 0; i < configuration->n; i++)
        if (configuration->servers[i].id == id)
            return configuration->servers[i].address;
    return "?";
}

static bool hold(struct raft_backend *backend, const struct raft_message *message)
{
    const struct raft *raft = backend->raft;
    if (message->type != RAFT_IO_APPEND_ENTRIES_RESULT || raft->state != RAFT_LEADER ||
        message->append_entries_result.rejected || raft->last_stored >= backend->barrier)
        return false;
    ASSERT(message->server_id > 0);
    struct held *held = &backend->held[(message->server_id - 1) % RAFT_CODEC_SERVERS_MAX];
    if (!held->used || held->server_id != message->server_id ||
        held->result.last_log_index <= message->append_entries_result.last_log_index)
        *held = (struct held){true, message->server_id, message->append_entries_result};
    return true;
}

/* A voter that is a newcomer has lost what it had confirmed: nothing that it confirms is counted
 * until it has been taken out of the quorum and in again (raft_quorum). It is there, though: a
 * leader with one other voter needs it for that. */
static bool lost_log(struct raft_backend *backend, const struct raft_message *message,
                     bool newcomer)
{
    struct raft *raft = backend->raft;
    if (!backend->changes || message->type != RAFT_IO_APPEND_ENTRIES_RESULT)
        return false;
    raft_id id = message->server_id;
    backend->newcomers[(id - 1) % RAFT_CODEC_SERVERS_MAX] = newcomer ? id : 0;
    if (!raft_backend_lost(backend, id) || message->append_entries_result.term > raft->current_term)
        return false;
    int i = raft->state == RAFT_LEADER ? raft_members_find(raft, raft_members_node(id)) : -1;
    if (i >= 0)
        raft->leader_state.progress[i].recent_recv = true;
    return true;
}

/* True when a guard keeps the message from the core. `newcomer`: the sender is one; it may have
 * lost what it had confirmed, and what it has fetched anew since may lack a part of that, so that
 * only other newcomers vote for it. */
static bool guarded(struct raft_backend *backend, const struct raft_message *message, bool newcomer)
{
    const struct raft *raft = backend->raft;
    if (message->type == RAFT_IO_TIMEOUT_NOW)
        return raft_store_unfinished(backend->store) > 0;
    if (message->type == RAFT_IO_REQUEST_VOTE)
        return (newcomer && !backend->newcomer.is) ||
               ((!newcomer || backend->newcomer.changes) &&
                raft_newcomer_abstains(&backend->newcomer, &message->request_vote)) ||
               (!message->request_vote.pre_vote &&
                message->request_vote.term == raft->current_term && raft->voted_for != 0 &&
                raft->voted_for != message->request_vote.candidate_id);
    return lost_log(backend, message, newcomer) || hold(backend, message);
}

/* Who is in the candidate's configuration is asked for his vote, also when he has not heard yet
 * that he may vote: a voter that was added as the second one would else be waited for in vain when
 * the first one ends before it has told him. The core looks at its own configuration only. */
static void deliver_vote(struct raft_backend *backend, struct raft_message *message)
{
    struct raft *raft = backend->raft;
    struct raft_server *self = raft_servers_find(raft, raft->id);
    int role = self ? self->role : RAFT_VOTER;
    raft_load_forget_candidate(raft, message->server_id);
    if (self)
        self->role = RAFT_VOTER;
    backend->recv_cb(&backend->io, message);
    if (self)
        self->role = role; /* votes change no configuration */
}

static void deliver_append(struct raft_backend *backend, struct raft_message *message)
{
    raft_index pending = raft_servers_before(&backend->members, backend->raft);
    backend->recv_cb(&backend->io, message);
    if (raft_servers_after(&backend->members, backend->raft, pending)) {
        logger_error(backend->logger, "no memory for the quorum's configuration");
        abort();
    }
}

static void deliver(struct raft_backend *backend, struct raft_message *message)
{
    message->server_address = address_of(backend, message->server_id);
    if (message->type == RAFT_IO_APPEND_ENTRIES) {
        raft_load_skip(backend->raft, &message->append_entries);
        backend->append_end =
            message->append_entries.prev_log_index + message->append_entries.n_entries;
    }
    raft_term term = backend->raft->current_term;
    const struct raft_append_entries args = message->append_entries;
    bool append = message->type == RAFT_IO_APPEND_ENTRIES;
    if (append)
        deliver_append(backend, message);
    else if (message->type == RAFT_IO_REQUEST_VOTE && backend->changes)
        deliver_vote(backend, message);
    else
        backend->recv_cb(&backend->io, message);
    backend->append_end = 0;
    raft_load_forget_leader(backend->raft, message, term);
    if (append)
        raft_newcomer_heard(&backend->newcomer, backend->raft, &args);
}

void raft_backend_receive(struct raft_backend *backend, int32_t node_id, Meta__Frame *frame)
{
    struct raft_message message;
    raft_id server_id = raft_members_id(node_id);
    if (backend->dead || !backend->recv_cb || backend->close_cb) {
        meta__frame__free_unpacked(frame, NULL);
        return;
    }
    bool newcomer = raft_codec_newcomer(frame);
    int err = raft_codec_get(frame, server_id, &message);
    meta__frame__free_unpacked(frame, NULL);
    if (err) {
        logger_warn(backend->logger, "dropped a Raft message from voter %d: %s", node_id,
                    err_text(err));
        return;
    }
    const char *wrong = raft_sense_check(backend->raft, &message, !backend->changes);
    if (wrong) {
        logger_warn(backend->logger, "refused a Raft message of kind %d from voter %d at %s: %s",
                    message.type, node_id, address_of(backend, server_id), wrong);
        raft_codec_release(&message);
        return;
    }
    if (!guarded(backend, &message, newcomer))
        deliver(backend, &message);
    after(backend);
}

/* Results held back are delivered once the barrier is stored (guard 1). */
static void release_held(struct raft_backend *backend)
{
    if (backend->raft->state != RAFT_LEADER || backend->raft->last_stored < backend->barrier)
        return;
    for (size_t i = 0; i < ARRAY_LEN(backend->held) && backend->raft->state == RAFT_LEADER; i++) {
        struct held *held = &backend->held[i];
        if (!held->used)
            continue;
        held->used = false;
        struct raft_message message = {.type = RAFT_IO_APPEND_ENTRIES_RESULT,
                                       .server_id = held->server_id};
        message.append_entries_result = held->result;
        deliver(backend, &message);
    }
}

void raft_backend_set_barrier(struct raft_backend *backend, raft_index index)
{
    ASSERT(index == 0 || backend->raft->state == RAFT_LEADER);
    backend->barrier = index;
    for (size_t i = 0; i < ARRAY_LEN(backend->held); i++)
        backend->held[i].used = false;
}

void raft_backend_change(struct raft_backend *backend)
{
    backend->changes = backend->newcomer.changes = true;
}

bool raft_backend_newcomer(const struct raft_backend *backend)
{
    return backend->newcomer.is;
}

bool raft_backend_lost(const struct raft_backend *backend, raft_id id)
{
    const struct raft_server *server = raft_servers_find(backend->raft, id);
    return server && server->role == RAFT_VOTER &&
           backend->newcomers[(id - 1) % RAFT_CODEC_SERVERS_MAX] == id;
}

bool raft_backend_joins(const struct raft_backend *backend)
{
    return backend->newcomer.is && backend->newcomer.joins;
}

int raft_backend_join(struct raft_backend *backend)
{
    return raft_newcomer_begin(&backend->newcomer, true);
}

void raft_backend_led(struct raft_backend *backend)
{
    raft_newcomer_led(&backend->newcomer);
}

/* ---- the clock ---- */

/* Where the quorum changes, newcomers join and don't found: one that stands has lost its log. A
 * sole voter that has become a follower must lead in a term of its own: the core would make it the
 * leader of the one that it is in. */
static bool stays_follower(struct raft_backend *backend)
{
    struct raft *raft = backend->raft;
    if (!backend->changes || raft->state != RAFT_FOLLOWER)
        return false;
    bool alone = raft_servers_alone(raft);
    if (alone && backend_time(&backend->io) - raft->election_timer_start >=
                     raft->follower_state.randomized_election_timeout) {
        raft->current_term++;
        raft->voted_for = raft->id;
        backend_set_term(&backend->io, raft->current_term);
        backend_set_vote(&backend->io, raft->id);
    }
    return backend->newcomer.is && !alone;
}

static void tick_run(struct raft_backend *backend)
{
    /* Guard 6: a follower whose writes are unfinished must not stand for election. */
    bool writing =
        backend->raft->state == RAFT_FOLLOWER && raft_store_unfinished(backend->store) > 0;
    ASSERT(backend->tick_cb != NULL);
    if (!writing && !stays_follower(backend))
        backend->tick_cb(&backend->io);
    after(backend);
}

static void on_tick(void *data)
{
    struct raft_backend *backend = data;
    if (backend->dead || backend->close_cb)
        return;
    bool alone = backend->raft->state == RAFT_LEADER && backend->raft->configuration.n == 1;
    env_timer_start(&backend->tick, alone ? TICK_ALONE_MS : TICK_MS);
    tick_run(backend);
}

void raft_backend_tick(struct raft_backend *backend)
{
    if (!backend->dead && !backend->close_cb)
        tick_run(backend);
}

static raft_time backend_time(struct raft_io *io)
{
    return (raft_time)env_now_ms(backend_of(io)->env);
}

static int backend_random(struct raft_io *io, int min, int max)
{
    if (max <= min)
        return min;
    return min + (int)(env_random(backend_of(io)->env) % (uint64_t)(max - min));
}

/* ---- start ---- */

static int backend_init(struct raft_io *io, raft_id id, const char *address)
{
    (void)io;
    (void)id;
    (void)address;
    return 0;
}

static int backend_bootstrap(struct raft_io *io, const struct raft_configuration *configuration)
{
    struct raft_backend *backend = backend_of(io);
    struct raft_buffer conf;
    if (!raft_store_fresh(backend->store))
        return RAFT_CANTBOOTSTRAP;
    int rc = raft_codec_encode_configuration(configuration, &conf);
    if (rc)
        return rc;
    struct raft_store_entry entry = {1, RAFT_CHANGE, conf.base, conf.len};
    int err = raft_newcomer_begin(&backend->newcomer, false);
    if (!err)
        err = raft_store_bootstrap(backend->store, &entry);
    raft_free(conf.base);
    return err ? RAFT_IOERR : 0;
}

static int backend_recover(struct raft_io *io, const struct raft_configuration *configuration)
{
    (void)io;
    (void)configuration;
    return RAFT_INVALID; /* an operator's tool for a lost quorum, not part of the server */
}

static int backend_load(struct raft_io *io, raft_term *term, raft_id *voted_for,
                        struct raft_snapshot **snapshot, raft_index *start_index,
                        struct raft_entry *entries[], size_t *n_entries)
{
    const struct raft_store_state *state = raft_store_state(backend_of(io)->store);
    *term = state->term;
    *voted_for = state->vote;
    *start_index = state->start_index;
    *n_entries = state->count;
    *snapshot = NULL;
    *entries = NULL;
    if (state->has_snapshot) {
        *snapshot = raft_load_snapshot(&state->snapshot);
        if (!*snapshot ||
            raft_servers_set_base(&backend_of(io)->members, &(*snapshot)->configuration,
                                  (*snapshot)->configuration_index))
            return RAFT_CORRUPT;
    }
    int rc = state->count ? raft_load_entries(state, entries) : 0;
    raft_store_forget(backend_of(io)->store);
    return rc;
}

static int backend_start(struct raft_io *io, unsigned msecs, raft_io_tick_cb tick,
                         raft_io_recv_cb recv)
{
    struct raft_backend *backend = backend_of(io);
    (void)msecs;
    ASSERT(!backend->tick_cb);
    ASSERT(!backend->recv_cb);
    ASSERT(tick != NULL);
    ASSERT(recv != NULL);
    backend->tick_cb = tick;
    backend->recv_cb = recv;
    env_timer_start(&backend->tick, TICK_MS);
    raft_peers_start(backend->peers);
    return 0;
}

/* ---- disk ---- */

static int backend_set_term(struct raft_io *io, raft_term term)
{
    struct raft_backend *backend = backend_of(io);
    /* After a disk error the core is told nothing: its own error paths are not safe. */
    if (!backend->dead && raft_store_set_term(backend->store, term))
        backend->dead = true;
    return 0;
}

static int backend_set_vote(struct raft_io *io, raft_id server_id)
{
    struct raft_backend *backend = backend_of(io);
    if (!backend->dead && raft_store_set_vote(backend->store, server_id))
        backend->dead = true;
    return 0;
}

static struct op *op_new(struct raft_backend *backend, enum op_kind kind)
{
    struct op *op = mem_alloc(sizeof(*op));
    op->backend = backend;
    op->kind = kind;
    buf_init(&op->data);
    list_push(&backend->ops, &op->link);
    return op;
}

static void op_free(struct op *op)
{
    list_remove(&op->link);
    raft_free(op->conf.base);
    buf_close(&op->data);
    mem_free(op);
}

/* Ends an operation. `err` is 0 or a code of the library, `snapshot` the result of a GET. */
static void op_end(struct op *op, int err, struct raft_snapshot *snapshot)
{
    struct op done = *op;
    ASSERT(done.kind == OP_GET || !snapshot);
    op_free(op);
    switch (done.kind) {
    case OP_APPEND:
        done.cb.append(done.req.append, err);
        break;
    case OP_PUT:
        done.cb.put(done.req.put, err);
        break;
    case OP_GET:
        done.cb.get(done.req.get, snapshot, err);
        break;
    case OP_SEND:
        if (done.cb.send) /* without one the request may be gone already */
            done.cb.send(done.req.send, err);
        break;
    }
}

static void on_appended(void *data)
{
    struct op *op = data;
    struct raft_backend *backend = op->backend;
    ASSERT(op->kind == OP_APPEND);
    op_end(op, 0, NULL);
    release_held(backend);
    after(backend);
}

static int backend_append(struct raft_io *io, struct raft_io_append *req,
                          const struct raft_entry entries[], unsigned n, raft_io_append_cb cb)
{
    struct raft_backend *backend = backend_of(io);
    ASSERT(n > 0);
    struct op *op = op_new(backend, OP_APPEND);
    op->req.append = req;
    op->cb.append = cb;
    struct raft_store_entry *copies = mem_alloc(n * sizeof(*copies));
    for (unsigned i = 0; i < n; i++) {
        raft_codec_clean(&entries[i]);
        copies[i] = (struct raft_store_entry){entries[i].term, (uint8_t)entries[i].type,
                                              entries[i].buf.base, entries[i].buf.len};
    }
    raft_store_append(backend->store, copies, n, on_appended, op);
    mem_free(copies);
    return 0;
}

static int backend_truncate(struct raft_io *io, raft_index index)
{
    backend_of(io)->members.cut = true;
    raft_store_truncate(backend_of(io)->store, index);
    return 0;
}

static void on_saved(void *data, int err)
{
    struct op *op = data;
    struct raft_backend *backend = op->backend;
    ASSERT(op->kind == OP_PUT);
    op_end(op, err ? RAFT_IOERR : 0, NULL);
    after(backend);
}

static void on_installed(void *data)
{
    on_saved(data, 0);
}

/* The configuration that goes with a snapshot. One that this node takes itself gets that which
 * holds at its last entry: the core gives its newest, which may not be committed. */
static int put_configuration(struct raft_backend *backend, unsigned trailing,
                             const struct raft_snapshot *snapshot, struct raft_buffer *conf,
                             raft_index *index)
{
    struct raft_configuration at;
    *index = snapshot->configuration_index;
    int rc = 0;
    if (trailing == 0) {
        rc = raft_servers_set_base(&backend->members, &snapshot->configuration, *index);
        return rc ? rc : raft_codec_encode_configuration(&snapshot->configuration, conf);
    }
    rc = raft_servers_at(&backend->members, backend->raft, snapshot->index, &at, index);
    if (rc)
        return rc;
    rc = raft_codec_encode_configuration(&at, conf);
    if (!rc)
        rc = raft_servers_set_base(&backend->members, &at, *index);
    raft_configuration_close(&at);
    return rc;
}

static int backend_snapshot_put(struct raft_io *io, unsigned trailing,
                                struct raft_io_snapshot_put *req,
                                const struct raft_snapshot *snapshot, raft_io_snapshot_put_cb cb)
{
    struct raft_backend *backend = backend_of(io);
    struct op *op = op_new(backend, OP_PUT);
    raft_index conf_index;
    op->req.put = req;
    op->cb.put = cb;
    int rc = put_configuration(backend, trailing, snapshot, &op->conf, &conf_index);
    for (unsigned i = 0; !rc && i < snapshot->n_bufs; i++)
        rc = buf_append(&op->data, snapshot->bufs[i].base, snapshot->bufs[i].len) ? RAFT_NOMEM : 0;
    if (rc) {
        op_free(op);
        return rc;
    }
    struct raft_store_snapshot out = {.index = snapshot->index,
                                      .term = snapshot->term,
                                      .conf_index = conf_index,
                                      .conf = op->conf.base,
                                      .conf_len = op->conf.len,
                                      .data = op->data.data,
                                      .data_len = op->data.len};
    if (trailing == 0)
        raft_store_install(backend->store, &out, on_installed, op);
    else
        raft_store_save(backend->store, &out,
                        snapshot->index > trailing ? snapshot->index - trailing : 0, on_saved, op);
    return 0;
}

static void on_got(void *data, const struct raft_store_snapshot *from)
{
    struct op *op = data;
    struct raft_backend *backend = op->backend;
    ASSERT(op->kind == OP_GET);
    struct raft_snapshot *snapshot = from ? raft_load_snapshot(from) : NULL;
    op_end(op, snapshot ? 0 : RAFT_NOMEM, snapshot);
    after(backend);
}

static int backend_snapshot_get(struct raft_io *io, struct raft_io_snapshot_get *req,
                                raft_io_snapshot_get_cb cb)
{
    struct raft_backend *backend = backend_of(io);
    struct op *op = op_new(backend, OP_GET);
    op->req.get = req;
    op->cb.get = cb;
    raft_store_read_snapshot(backend->store, on_got, op);
    return 0;
}

/* ---- sending ---- */

/* A failed AppendEntries makes the core begin again behind what the peer is known to have, which
 * for one that this leader has not heard of is nothing; then it would be sent a snapshot that it
 * may not need. So it is asked from the end of the log on, as a new leader does. */
static void send_failed(struct op *op)
{
    struct raft *raft = op->backend->raft;
    ASSERT(op->kind == OP_SEND);
    raft_id server_id = op->server_id;
    op_end(op, RAFT_NOCONNECTION, NULL);
    if (raft->state != RAFT_LEADER)
        return;
    for (unsigned i = 0; i < raft->configuration.n; i++) {
        struct raft_progress *progress = &raft->leader_state.progress[i];
        if (raft->configuration.servers[i].id == server_id && progress->match_index == 0 &&
            progress->next_index == 1)
            progress->next_index = raft_last_index(raft) + 1;
    }
}

static void on_sent(void *data, int status)
{
    struct op *op = data;
    struct raft_backend *backend = op->backend;
    ASSERT(op->kind == OP_SEND);
    if (backend->dead)
        return;
    if (status == 0)
        op_end(op, 0, NULL);
    else
        send_failed(op);
    after(backend);
}

static void on_drop(void *data)
{
    struct raft_backend *backend = data;
    struct list due, *step;
    if (backend->dead)
        return;
    list_init(&due);
    list_splice(&due, &backend->dropped);
    while ((step = list_pop(&due)))
        send_failed(LIST_ENTRY(step, struct op, link));
}

static int backend_send(struct raft_io *io, struct raft_io_send *req,
                        const struct raft_message *message, raft_io_send_cb cb)
{
    struct raft_backend *backend = backend_of(io);
    struct op *op = op_new(backend, OP_SEND);
    struct raft_message out = *message;
    struct buf frames;
    op->req.send = req;
    op->cb.send = cb;
    op->server_id = message->server_id;
    raft_answers_clamp(&out, backend->append_end);
    raft_answers_tell_term(backend->raft, &out);
    buf_init(&frames);
    /* Guard 5: the core answers a leader whose address it has forgotten. And a configuration that
     * another voter sent may name servers that are none. */
    bool newcomer =
        backend->newcomer.is && (backend->changes || message->type == RAFT_IO_REQUEST_VOTE);
    bool known = message->server_id >= RAFT_ID_OF_NODE && message->server_address != NULL &&
                 message->server_id - RAFT_ID_OF_NODE <= INT32_MAX &&
                 raft_peers_knows(backend->peers, (int32_t)(message->server_id - RAFT_ID_OF_NODE));
    if (!known || backend->dead || backend->close_cb || raft_codec_put(&out, newcomer, &frames)) {
        buf_close(&frames);
        list_remove(&op->link);
        list_push(&backend->dropped, &op->link);
        env_timer_start(&backend->drop, 0);
        return 0;
    }
    raft_peers_send(backend->peers, (int32_t)(message->server_id - RAFT_ID_OF_NODE), &frames,
                    on_sent, op);
    return 0;
}

/* ---- end ---- */

/* Ends every operation that is still open, and tells the core that it is over. Appends end well:
 * two cancelled ones on a former leader would damage its memory. */
static void close_end(struct raft_backend *backend)
{
    struct list *step;
    list_splice(&backend->ops, &backend->dropped);
    while ((step = list_pop(&backend->ops))) {
        struct op *op = LIST_ENTRY(step, struct op, link);
        bool wrote = op->kind == OP_APPEND || op->kind == OP_PUT;
        op_end(op, wrote ? 0 : RAFT_CANCELED, NULL);
    }
    backend->dead = true;
    backend->close_cb(&backend->io);
}

static void on_store_closed(void *data)
{
    close_end(data);
}

static void on_peers_stopped(void *data)
{
    struct raft_backend *backend = data;
    raft_store_close(backend->store, on_store_closed, backend);
}

static void backend_close(struct raft_io *io, raft_io_close_cb cb)
{
    struct raft_backend *backend = backend_of(io);
    backend->close_cb = cb;
    env_timer_stop(&backend->tick);
    if (backend->abandoned)
        close_end(backend);
    else
        raft_peers_stop(backend->peers, on_peers_stopped, backend);
}

void raft_backend_abandon(struct raft_backend *backend)
{
    backend->dead = backend->abandoned = true;
}

void raft_backend_kill(struct raft_backend *backend)
{
    backend->dead = true;
}

struct raft_backend *raft_backend_new(struct env *env, struct logger *logger, struct raft *raft,
                                      struct raft_store *store, struct raft_peers *peers,
                                      void (*changed)(void *data), void *data)
{
    struct raft_backend *backend = mem_alloc(sizeof(*backend));
    ASSERT(changed != NULL);
    backend->env = env;
    backend->logger = logger;
    backend->raft = raft;
    backend->store = store;
    backend->peers = peers;
    backend->changed = changed;
    backend->data = data;
    raft_servers_init(&backend->members);
    if (store)
        raft_newcomer_init(&backend->newcomer, env, logger, raft_store_dir(store));
    list_init(&backend->ops);
    list_init(&backend->dropped);
    env_timer_init(env, &backend->tick, on_tick, backend);
    env_timer_init(env, &backend->drop, on_drop, backend);
    backend->io = (struct raft_io){.version = 1,
                                   .impl = backend,
                                   .init = backend_init,
                                   .close = backend_close,
                                   .load = backend_load,
                                   .start = backend_start,
                                   .bootstrap = backend_bootstrap,
                                   .recover = backend_recover,
                                   .set_term = backend_set_term,
                                   .set_vote = backend_set_vote,
                                   .send = backend_send,
                                   .append = backend_append,
                                   .truncate = backend_truncate,
                                   .snapshot_put = backend_snapshot_put,
                                   .snapshot_get = backend_snapshot_get,
                                   .time = backend_time,
                                   .random = backend_random};
    return backend;
}

struct raft_io *raft_backend_io(struct raft_backend *backend)
{
    return &backend->io;
}

void raft_backend_free(struct raft_backend *backend)
{
    if (!backend)
        return;
    env_timer_stop(&backend->tick);
    env_timer_stop(&backend->drop);
    struct list *step;
    list_splice(&backend->ops, &backend->dropped);
    while ((step = list_pop(&backend->ops)))
        op_free(LIST_ENTRY(step, struct op, link));
    raft_newcomer_close(&backend->newcomer);
    raft_servers_close(&backend->members);
    mem_free(backend);
}
