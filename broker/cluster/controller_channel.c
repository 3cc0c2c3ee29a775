/* The line to the controllers.
 *
 * Happy path: each voter is dialled and greeted; the Welcome of the active one makes it the active
 * link: Register, Follow from the index that we have, heartbeats on a timer, commands as they come.
 * Failure modes: a link that breaks is dialled again after a short pause; commands that were sent
 * on it and have no answer are sent again to the next active controller (they are compare-and-set
 * or named by what they create, so a second one is refused, not done twice). While no controller is
 * active, that is said every few seconds, with what each voter answered. Who observes takes no
 * refusal as final. */
#include "broker/cluster/controller_channel.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/state.h"
#include "broker/cluster/controller_links.h"
#include "meta/channel.h"
#include "wire/frame.h"

enum {
    CHANNEL_REDIAL_MS = 20,         /* a controller that restarts is found within a blink */
    CHANNEL_DIAL_TIMEOUT_MS = 1000, /* a host that does not answer */
    CHANNEL_DOUBT_MS = 10000,       /* a deposed controller knows that after an election timeout */
    CHANNEL_REFUSED_MS = 1000,      /* somebody has to correct a file first */
    CHANNEL_SEARCH_MS = 3000,       /* an election is long over by then: something is wrong */
    LINK_NAME_MAX = 300             /* an id, the longest name of a host (253) and a port */
};

enum { LINK_WELCOMED = STATE_BIT(LINK_STANDBY) | STATE_BIT(LINK_ACTIVE) };

/* A voter says Welcome again when it knows another leader, perhaps the same news twice. */
static const struct state_row link_states[LINK_STATES] = {
    [LINK_WAITING] = {"waiting", STATE_BIT(LINK_DIALLING)},
    [LINK_DIALLING] = {"dialling", STATE_BIT(LINK_GREETED) | STATE_BIT(LINK_WAITING)},
    [LINK_GREETED] = {"greeted", LINK_WELCOMED | STATE_BIT(LINK_WAITING)},
    [LINK_STANDBY] = {"standby", LINK_WELCOMED | STATE_BIT(LINK_WAITING)},
    [LINK_ACTIVE] = {"active", LINK_WELCOMED | STATE_BIT(LINK_WAITING)},
};

enum { CHANNEL_KNOWS = STATE_BIT(CHANNEL_REGISTERING) | STATE_BIT(CHANNEL_REGISTERED) };

/* A controller answers each registration; heartbeats that were on their way are refused one by one,
 * each a reason to register. */
static const struct state_row channel_states[CHANNEL_STATES] = {
    [CHANNEL_SEARCHING] = {"searching", STATE_BIT(CHANNEL_REGISTERING)},
    [CHANNEL_REGISTERING] = {"registering", CHANNEL_KNOWS | STATE_BIT(CHANNEL_SEARCHING)},
    [CHANNEL_REGISTERED] = {"registered", CHANNEL_KNOWS | STATE_BIT(CHANNEL_SEARCHING)},
};

static void link_dial(void *data);
static void link_drop(struct link *link);

/* "1@host:9093", or "host:9093" for one whose id is not known. */
static const char *link_name(const struct link *link, char name[LINK_NAME_MAX])
{
    if (link->voter_id == IMAGE_NO_NODE)
        snprintf(name, LINK_NAME_MAX, "%s:%u", link->host, (unsigned)link->port);
    else
        snprintf(name, LINK_NAME_MAX, "%d@%s:%u", link->voter_id, link->host, (unsigned)link->port);
    return name;
}

/* ---- states ---- */

static void link_check(const struct link *link)
{
    ASSERT((link->state == LINK_DIALLING) == (link->connect != NULL));
    ASSERT((link->state >= LINK_GREETED) == (link->conn != NULL));
    ASSERT(link->state != LINK_WAITING || env_timer_running(&link->redial));
    ASSERT(link->state == LINK_ACTIVE || link->channel->current != link);
}

/* What holds between two events. */
static void channel_check(const struct controller_channel *channel)
{
    const struct link *current = channel->current;
    ASSERT((channel->state == CHANNEL_SEARCHING) == (current == NULL));
    ASSERT(channel->state != CHANNEL_REGISTERED || channel->broker_epoch >= 0);
    ASSERT(channel->answers >= 0);
    ASSERT(channel->stall_beat <= channel->beats);
    if (current)
        link_check(current);
}

static void link_move(struct link *link, enum link_state to)
{
    char name[LINK_NAME_MAX];
    STATE_MOVE_TOLD(link_states, link->state, to, link->channel->logger, LOGGER_DEBUG,
                    "line to controller %s", link_name(link, name));
}

static void channel_move(struct controller_channel *channel, enum channel_state to)
{
    STATE_MOVE_TOLD(channel_states, channel->state, to, channel->logger, LOGGER_DEBUG,
                    "controller channel, broker epoch %lld", (long long)channel->broker_epoch);
}

/* ---- sending ---- */

static void link_send(struct link *link, Meta__Frame *frame)
{
    ASSERT(link->conn != NULL);
    size_t len = meta__frame__get_packed_size(frame);
    uint8_t *packed = mem_alloc(len);
    meta__frame__pack(frame, packed);
    /* A frame that can't be queued for want of memory is lost like one on a broken line. */
    char name[LINK_NAME_MAX];
    if (frame_conn_send_copy(link->conn, packed, len))
        logger_warn(link->channel->logger, "no memory to send to controller %s",
                    link_name(link, name));
    mem_free(packed);
}

static void link_send_hello(struct link *link)
{
    struct controller_channel *channel = link->channel;
    Meta__Hello hello = META__HELLO__INIT;
    ASSERT(link->state == LINK_GREETED);
    hello.role = META__HELLO__ROLE__BROKER;
    hello.node_id = channel->config.node_id;
    hello.cluster_id = channel->cluster_id[0] ? channel->cluster_id : channel->hello_id;
    link->nameless = !hello.cluster_id[0];
    hello.incarnation.data = channel->config.incarnation.bytes;
    hello.incarnation.len = sizeof(channel->config.incarnation.bytes);
    Meta__Frame frame = META__FRAME__INIT;
    frame.body_case = META__FRAME__BODY_HELLO;
    frame.hello = &hello;
    link_send(link, &frame);
}

static bool channel_observes(const struct controller_channel *channel)
{
    return channel->config.registration == NULL;
}

static void channel_send_heartbeat(struct controller_channel *channel)
{
    if (channel->state != CHANNEL_REGISTERED || channel_observes(channel))
        return;
    ASSERT(channel->current != NULL);
    Meta__Heartbeat heartbeat = META__HEARTBEAT__INIT;
    heartbeat.broker_epoch = channel->broker_epoch;
    heartbeat.applied_index = metadata_index(channel->metadata);
    heartbeat.want_shutdown = channel->want_shutdown;
    heartbeat.want_fence = (channel->recovering && channel->fenced) || channel->held;
    heartbeat.cordoned = channel->cordoned;
    if (channel->fenced && !heartbeat.want_fence) {
        heartbeat.n_log_dir_epochs = channel->config.registration->n_log_dir_epochs;
        heartbeat.log_dir_epochs = channel->config.registration->log_dir_epochs;
    }
    Meta__Frame frame = META__FRAME__INIT;
    frame.body_case = META__FRAME__BODY_HEARTBEAT;
    frame.heartbeat = &heartbeat;
    ASSERT(channel->broker_epoch > 0);
    channel->beats++;
    link_send(channel->current, &frame);
}

/* Called before anything that came meanwhile is looked at. */
static void channel_notice_stall(struct controller_channel *channel)
{
    int64_t stood_ms = env_now_ms(channel->env) - channel->alive_ms;
    channel->alive_ms += stood_ms;
    if (stood_ms <= channel->config.session_ms)
        return;
    logger_warn(channel->logger,
                "this process stood still for %lld ms, longer than its session with the "
                "controller lasts: it serves again when a controller has answered",
                (long long)stood_ms);
    channel->stalled = true;
    channel->stall_beat = channel->beats;
    channel->answer_index = -1;
}

static void channel_send_call(struct controller_channel *channel, struct controller_call *call)
{
    if (channel->state != CHANNEL_REGISTERED)
        return;
    ASSERT(channel->current != NULL);
    call->sent = true;
    if (frame_conn_send_copy(channel->current->conn, call->packed, call->packed_len))
        call->sent = false; /* memory is out: it goes with the next heartbeat */
}

static void channel_heartbeat_due(void *data)
{
    struct controller_channel *channel = data;
    struct link *link = channel->current;
    channel_notice_stall(channel);
    if (channel->state == CHANNEL_REGISTERED && !channel->stalled && !channel_observes(channel) &&
        channel->alive_ms - link->heard_ms > channel->config.session_ms) {
        logger_warn(channel->logger, "the active controller %d is silent: dialling it anew",
                    link->voter_id);
        link_drop(link);
    }
    channel_send_heartbeat(channel);
    LIST_EACH(step, &channel->calls) {
        struct controller_call *call = LIST_ENTRY(step, struct controller_call, link);
        if (!call->sent)
            channel_send_call(channel, call);
    }
    env_timer_start(&channel->heartbeat, channel->config.heartbeat_ms);
    channel_check(channel);
}

static void channel_follow(struct controller_channel *channel)
{
    Meta__Frame frame = META__FRAME__INIT;
    Meta__Follow follow = META__FOLLOW__INIT;
    int64_t applied = metadata_index(channel->metadata);
    ASSERT(channel->current != NULL);
    follow.from_index = applied > 0 ? applied + 1 : 0;
    frame.body_case = META__FRAME__BODY_FOLLOW;
    frame.follow = &follow;
    link_send(channel->current, &frame);
}

static void channel_send_calls(struct controller_channel *channel)
{
    LIST_EACH(step, &channel->calls)
        channel_send_call(channel, LIST_ENTRY(step, struct controller_call, link));
}

static void channel_register(struct controller_channel *channel)
{
    ASSERT(channel->current != NULL);
    channel_move(channel, CHANNEL_REGISTERING);
    if (channel_observes(channel)) {
        channel->broker_epoch = 0;
        channel_follow(channel);
        channel_move(channel, CHANNEL_REGISTERED);
        channel_send_calls(channel);
        return;
    }
    Meta__Register registration = *channel->config.registration;
    if (channel->events->applied)
        channel->events->applied(channel->data, &registration.applied_index,
                                 &registration.applied_term);
    Meta__Frame frame = META__FRAME__INIT;
    frame.body_case = META__FRAME__BODY_REGISTER;
    frame.register_ = &registration;
    link_send(channel->current, &frame);
    channel_follow(channel);
}

/* ---- links ---- */

static void channel_lose_current(struct controller_channel *channel)
{
    ASSERT(channel->current != NULL);
    channel->current = NULL;
    channel_move(channel, CHANNEL_SEARCHING);
    channel->beats = channel->answers = channel->stall_beat = 0;
    channel->answer_index = -1;
    LIST_EACH(step, &channel->calls)
        LIST_ENTRY(step, struct controller_call, link)->sent = false;
}

static void channel_choose(struct controller_channel *channel);

/* Also for a link that is fine but not the active controller's any more: its stream goes on, and
 * what it brings meanwhile is not taken. Should it become the active one again, the stream has to
 * be a new one. */
static void link_drop(struct link *link)
{
    bool was_current = link->channel->current == link;
    ASSERT(link->conn != NULL);
    ASSERT(link->state >= LINK_GREETED);
    if (was_current)
        channel_lose_current(link->channel);
    frame_conn_close(link->conn);
    link->conn = NULL;
    link_move(link, LINK_WAITING);
    env_timer_start(&link->redial, CHANNEL_REDIAL_MS);
    link_check(link);
    if (was_current)
        channel_choose(link->channel);
}

static void link_broken(void *data, int err)
{
    struct link *link = data;
    ASSERT(err < 0);
    link->error = err;
    if (link->channel->current == link)
        logger_info(link->channel->logger, "lost the active controller %d: %s", link->voter_id,
                    err_text(err));
    link_drop(link);
}

static void channel_refused(struct controller_channel *channel, int32_t error, const char *reason)
{
    logger_error(channel->logger, "the controller refused this broker: %s (%s)", reason,
                 err_name(err_from_wire((int16_t)error)));
    channel->events->refused(channel->data, reason);
}

/* Follows the active controller of the newest term. One that was cut off may still think that it
 * leads; it does so in an older term. */
static void channel_choose(struct controller_channel *channel)
{
    struct link *best = channel->current;
    for (int i = 0; i < channel->link_count; i++) {
        struct link *link = channel->links[i];
        if (link->state == LINK_ACTIVE && (!best || link->term > best->term))
            best = link;
    }
    if (!best || best == channel->current)
        return;
    if (channel->current) {
        link_drop(channel->current); /* and chooses anew */
        return;
    }
    channel->current = best;
    channel->active_id = best->voter_id;
    logger_info(channel->logger, "the active controller is %d, epoch %lld", best->voter_id,
                (long long)best->term);
    channel_register(channel);
    channel_check(channel);
}

/* One voter of another cluster, put into our quorum by mistake, must not end the healthy nodes:
 * that most of the voters call us strangers is what makes us one. */
static void link_refused(struct link *link, const Meta__Welcome *welcome)
{
    struct controller_channel *channel = link->channel;
    if (welcome->error == err_to_wire(ERR_INCONSISTENT_CLUSTER_ID) && link->nameless) {
        if (!channel->hello_id[0])
            snprintf(channel->hello_id, sizeof(channel->hello_id), "%s", welcome->cluster_id);
        link_drop(link);
        env_timer_start(&link->redial, 0); /* with the id of the cluster that it has met */
        return;
    }
    int refusals = 0;
    bool again = link->refused;
    link->refused = true;
    for (int i = 0; i < channel->link_count; i++)
        refusals += channel->links[i]->refused;
    if (!channel_observes(channel) && (welcome->error != err_to_wire(ERR_INCONSISTENT_CLUSTER_ID) ||
                                       2 * refusals > channel->link_count)) {
        channel_refused(channel, welcome->error, welcome->message);
        return;
    }
    char name[LINK_NAME_MAX];
    if (!again)
        logger_warn(channel->logger, "controller %s turns this node away: %s",
                    link_name(link, name), welcome->message);
    link_drop(link);
    env_timer_start(&link->redial, CHANNEL_REFUSED_MS);
}

static void link_welcome(struct link *link, const Meta__Welcome *welcome)
{
    struct controller_channel *channel = link->channel;
    if (welcome->error) {
        link_refused(link, welcome);
        return;
    }
    link->refused = false;
    controller_links_learn(channel, link, welcome, link_dial);
    if (welcome->active && welcome->cluster_id[0] && !channel->cluster_id[0]) {
        snprintf(channel->cluster_id, sizeof(channel->cluster_id), "%s", welcome->cluster_id);
        int err = channel->events->cluster_known(channel->data, channel->cluster_id);
        if (env_is_later(err)) {
            channel->cluster_id[0] = '\0';
            link_drop(link);
            env_timer_start(&link->redial, channel->config.heartbeat_ms);
        }
        if (err)
            return;
    }
    link_move(link, welcome->active ? LINK_ACTIVE : LINK_STANDBY);
    link->leader_id = welcome->leader_id;
    link->term = welcome->leader_epoch;
    if (welcome->active && link->voter_id == IMAGE_NO_NODE)
        link->voter_id = welcome->leader_id;
    if (channel->current == link && !welcome->active)
        link_drop(link);
    else
        channel_choose(channel);
}

/* A controller of an older term than what we have applied is one that was deposed and does not know
 * it yet, or one of a quorum that was restored from an older copy. The former is gone soon. */
static bool link_is_doubtful(struct link *link)
{
    struct controller_channel *channel = link->channel;
    int64_t index = 0, term = 0;
    if (channel->events->applied)
        channel->events->applied(channel->data, &index, &term);
    if (link->term >= term)
        return false;
    if (channel->doubt_ms < 0)
        channel->doubt_ms = channel->alive_ms;
    return channel->alive_ms - channel->doubt_ms < CHANNEL_DOUBT_MS;
}

static void link_registered(struct link *link, const Meta__Registered *registered)
{
    struct controller_channel *channel = link->channel;
    if (channel->current != link)
        return;
    if (registered->error == err_to_wire(ERR_NOT_CONTROLLER) ||
        registered->error == err_to_wire(ERR_REQUEST_TIMED_OUT)) {
        link_drop(link);
        return;
    }
    if (registered->error == err_to_wire(ERR_DUPLICATE_BROKER_REGISTRATION)) {
        /* The session of our own earlier life may still run: it ends within the session timeout. */
        logger_warn(channel->logger, "%s", registered->message);
        link_drop(link);
        env_timer_start(&link->redial, channel->config.heartbeat_ms);
        return;
    }
    if (registered->error && link_is_doubtful(link)) {
        link_drop(link);
        env_timer_start(&link->redial, channel->config.heartbeat_ms);
        return;
    }
    if (registered->error) {
        channel_refused(channel, registered->error, registered->message);
        return;
    }
    channel->doubt_ms = -1;
    channel->broker_epoch = registered->broker_epoch;
    channel_move(channel, CHANNEL_REGISTERED);
    channel_check(channel);
    channel->events->registered(channel->data, registered->broker_epoch, registered->log_dir_epochs,
                                registered->n_log_dir_epochs);
    channel_send_heartbeat(channel);
    channel_send_calls(channel);
}

/* The answer may be ahead of the entries that take our leaderships away. */
static void channel_resume(struct controller_channel *channel)
{
    if (!channel->stalled || channel->answer_index < 0 ||
        metadata_index(channel->metadata) < channel->answer_index)
        return;
    channel->stalled = false;
    channel->events->resumed(channel->data);
}

static void link_heartbeat_reply(struct link *link, const Meta__HeartbeatReply *reply)
{
    struct controller_channel *channel = link->channel;
    if (channel->current != link)
        return;
    channel->answers++;
    if (reply->error == err_to_wire(ERR_NOT_CONTROLLER)) {
        link_drop(link);
        return;
    }
    if (reply->error) {
        channel_register(channel);
        return;
    }
    bool was_fenced = channel->fenced;
    channel->fenced = reply->fenced;
    if (channel->stalled && !reply->fenced && channel->answers > channel->stall_beat)
        channel->answer_index = reply->index;
    channel_resume(channel);
    if (was_fenced && !reply->fenced)
        channel->events->unfenced(channel->data);
    if (reply->may_shutdown && channel->want_shutdown)
        channel->events->may_shutdown(channel->data);
}

static void link_command_reply(struct link *link, const Meta__CommandReply *reply)
{
    LIST_EACH(step, &link->channel->calls) {
        struct controller_call *call = LIST_ENTRY(step, struct controller_call, link);
        if (call->id != reply->id)
            continue;
        if (reply->error == err_to_wire(ERR_NOT_CONTROLLER)) {
            call->sent = false; /* goes to the next active controller */
            return;
        }
        controller_call_cancel(call);
        call->done(call, reply->error ? err_from_wire((int16_t)reply->error) : 0, reply);
        return;
    }
}

/* The stream of a link that is not the active controller's any more is not followed. */
static int link_metadata(struct link *link, const Meta__Frame *frame)
{
    struct controller_channel *channel = link->channel;
    if (channel->current != link)
        return 0;
    int64_t before = metadata_index(channel->metadata);
    int err = frame->body_case == META__FRAME__BODY_ENTRIES
                  ? metadata_apply_entries(channel->metadata, frame->entries)
                  : metadata_apply_snapshot(channel->metadata, frame->snapshot);
    /* Caught up: be unfenced, or let go, at once and not a beat later. */
    if (err == 0 && (channel->fenced || channel->want_shutdown) &&
        metadata_index(channel->metadata) > before)
        channel_send_heartbeat(channel);
    if (err == 0)
        channel_resume(channel);
    return err;
}

static int link_dispatch(struct link *link, const Meta__Frame *frame)
{
    switch (frame->body_case) {
    case META__FRAME__BODY_WELCOME:
        link_welcome(link, frame->welcome);
        return 0;
    case META__FRAME__BODY_REGISTERED:
        if (!frame->registered->error && frame->registered->broker_epoch <= 0)
            return ERR_MALFORMED;
        link_registered(link, frame->registered);
        return 0;
    case META__FRAME__BODY_HEARTBEAT_REPLY:
        link_heartbeat_reply(link, frame->heartbeat_reply);
        return 0;
    case META__FRAME__BODY_ENTRIES:
    case META__FRAME__BODY_SNAPSHOT:
        return link_metadata(link, frame);
    case META__FRAME__BODY_COMMAND_REPLY:
        link_command_reply(link, frame->command_reply);
        return 0;
    default:
        return ERR_MALFORMED;
    }
}

static void link_frame(void *data, uint8_t *bytes, size_t len)
{
    struct link *link = data;
    struct frame_conn *conn = link->conn;
    ASSERT(link->state >= LINK_GREETED);
    channel_notice_stall(link->channel);
    link->heard_ms = link->channel->alive_ms;
    Meta__Frame *frame = meta__frame__unpack(NULL, len, bytes);
    int err = frame ? link_dispatch(link, frame) : ERR_MALFORMED;
    if (frame)
        meta__frame__free_unpacked(frame, NULL);
    char name[LINK_NAME_MAX];
    if (err && link->conn == conn) {
        logger_error(link->channel->logger, "controller %s sent a frame that can't be used: %s",
                     link_name(link, name), err_text(err));
        link_drop(link);
    }
}

static const struct frame_handlers link_handlers = {.frame = link_frame, .broken = link_broken};

static void link_connected(void *data, int status, struct env_stream *stream)
{
    struct link *link = data;
    ASSERT(link->state == LINK_DIALLING);
    ASSERT(link->conn == NULL);
    link->connect = NULL;
    if (status == 0)
        status = frame_conn_new(link->channel->env, transport_plain(stream), CHANNEL_FRAME_MAX,
                                NULL, &link_handlers, link, &link->conn);
    link->error = status;
    link_move(link, status ? LINK_WAITING : LINK_GREETED);
    if (status) {
        env_timer_start(&link->redial, CHANNEL_REDIAL_MS);
        return;
    }
    frame_conn_set_urgent(link->conn);
    link_send_hello(link);
    link_check(link);
}

static void link_dial(void *data)
{
    struct link *link = data;
    ASSERT(link->state == LINK_WAITING);
    ASSERT(link->connect == NULL);
    if (env_connect(link->channel->env, link->host, link->port, CHANNEL_DIAL_TIMEOUT_MS,
                    link_connected, link, &link->connect))
        env_timer_start(&link->redial, CHANNEL_REDIAL_MS);
    else
        link_move(link, LINK_DIALLING);
}

static void channel_say_answer(const struct link *link, struct buf *out)
{
    char name[LINK_NAME_MAX];
    buf_printf(out, "%s (", link_name(link, name));
    if (link->error)
        buf_printf(out, "%s)", err_text(link->error));
    else if (!link->conn)
        buf_printf(out, "no answer)");
    else if (link->leader_id == IMAGE_NO_NODE)
        buf_printf(out, "connected, knows no leader either)");
    else
        buf_printf(out, "connected, says that node %d is the one)", link->leader_id);
}

static void channel_search_due(void *data)
{
    struct controller_channel *channel = data;
    env_timer_start(&channel->search, CHANNEL_SEARCH_MS);
    if (channel->current)
        return;
    struct buf voters;
    buf_init(&voters);
    for (int i = 0; i < channel->link_count; i++) {
        buf_printf(&voters, "%s", i ? ", " : "");
        channel_say_answer(channel->links[i], &voters);
    }
    logger_warn(channel->logger,
                "no active controller: asked %s; start the nodes of the quorum that are down, or "
                "correct %s in %s",
                buf_text(&voters), channel->config.setting, channel->config.settings_file);
    buf_close(&voters);
}

/* ---- public ---- */

struct controller_channel *controller_channel_new(struct env *env, struct logger *logger,
                                                  struct metadata *metadata,
                                                  const struct controller_channel_config *config,
                                                  const struct controller_channel_events *events,
                                                  void *data)
{
    struct controller_channel *channel = mem_alloc(sizeof(*channel));
    channel->env = env;
    channel->logger = logger;
    channel->metadata = metadata;
    channel->config = *config;
    channel->events = events;
    channel->data = data;
    channel->active_id = IMAGE_NO_NODE;
    channel->alive_ms = env_now_ms(env);
    channel->doubt_ms = -1;
    channel->broker_epoch = -1;
    channel->fenced = true;
    list_init(&channel->calls);
    env_timer_init(env, &channel->heartbeat, channel_heartbeat_due, channel);
    env_timer_start(&channel->heartbeat, config->heartbeat_ms);
    env_timer_init(env, &channel->search, channel_search_due, channel);
    env_timer_start(&channel->search, CHANNEL_SEARCH_MS);
    for (int i = 0; i < config->voter_count; i++)
        link_dial(controller_links_add(channel, config->voters[i].id, config->voters[i].host,
                                       config->voters[i].port, link_dial));
    return channel;
}

void controller_channel_free(struct controller_channel *channel)
{
    if (channel->current) /* whose call is told of the end may call once more: nothing is sent */
        channel_lose_current(channel);
    for (int i = 0; i < channel->link_count; i++)
        controller_links_free(channel->links[i]);
    controller_links_forget_all(channel);
    env_timer_stop(&channel->heartbeat);
    env_timer_stop(&channel->search);
    while (!list_empty(&channel->calls)) {
        struct controller_call *call =
            LIST_ENTRY(channel->calls.next, struct controller_call, link);
        controller_call_cancel(call);
        call->done(call, ERR_BROKER_NOT_AVAILABLE, NULL);
    }
    mem_free(channel->links);
    mem_free(channel);
}

struct metadata *controller_channel_metadata(const struct controller_channel *channel)
{
    return channel->metadata;
}

int64_t controller_channel_broker_epoch(const struct controller_channel *channel)
{
    return channel->broker_epoch;
}

bool controller_channel_is_fenced(const struct controller_channel *channel)
{
    return channel->fenced;
}

bool controller_channel_may_serve(const struct controller_channel *channel)
{
    return !channel->stalled &&
           env_now_ms(channel->env) - channel->alive_ms <= channel->config.session_ms;
}

bool controller_channel_is_registered(const struct controller_channel *channel)
{
    return channel->state == CHANNEL_REGISTERED;
}

int32_t controller_channel_active(const struct controller_channel *channel)
{
    return channel->active_id;
}

int64_t controller_channel_active_epoch(const struct controller_channel *channel)
{
    return channel->current ? channel->current->term : -1;
}

const char *controller_channel_cluster_id(const struct controller_channel *channel)
{
    return channel->cluster_id;
}

void controller_channel_recovering(struct controller_channel *channel, bool recovering)
{
    channel->recovering = recovering;
    if (!recovering && channel->fenced)
        channel_send_heartbeat(channel);
}

void controller_channel_hold(struct controller_channel *channel, bool hold)
{
    channel->held = hold;
    if (!hold)
        channel_send_heartbeat(channel);
    channel_check(channel);
}

void controller_channel_cordon(struct controller_channel *channel, bool cordoned)
{
    if (channel->cordoned == cordoned)
        return;
    channel->cordoned = cordoned;
    channel_send_heartbeat(channel);
    channel_check(channel);
}

void controller_channel_want_shutdown(struct controller_channel *channel)
{
    channel->want_shutdown = true;
    channel_send_heartbeat(channel);
    channel_check(channel);
}

static void controller_call_due(void *data)
{
    struct controller_call *call = data;
    controller_call_cancel(call);
    call->done(call, ERR_REQUEST_TIMED_OUT, NULL);
}

void controller_channel_call(struct controller_channel *channel, struct controller_call *call,
                             Meta__Command *command, int64_t timeout_ms,
                             void (*done)(struct controller_call *call, int err,
                                          const Meta__CommandReply *reply))
{
    ASSERT(done != NULL);
    ASSERT(timeout_ms >= 0);
    call->channel = channel;
    call->id = command->id = ++channel->next_call;
    call->sent = false;
    call->done = done;
    Meta__Frame frame = META__FRAME__INIT;
    frame.body_case = META__FRAME__BODY_COMMAND;
    frame.command = command;
    call->packed_len = meta__frame__get_packed_size(&frame);
    call->packed = mem_alloc(call->packed_len);
    meta__frame__pack(&frame, call->packed);
    env_timer_init(channel->env, &call->timer, controller_call_due, call);
    env_timer_start(&call->timer, timeout_ms);
    list_push(&channel->calls, &call->link);
    channel_send_call(channel, call);
    channel_check(channel);
}

void controller_call_cancel(struct controller_call *call)
{
    env_timer_stop(&call->timer);
    list_remove(&call->link);
    mem_free(call->packed);
    call->packed = NULL;
}
