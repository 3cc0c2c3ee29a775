/* Requests of brokers.
 *
 * Happy path: a request that changes something becomes a job; it is decided in its turn and
 * answered when its records are committed. A heartbeat that changes nothing is answered at once.
 * Failure modes: when this node is not active, the answer is NOT_CONTROLLER; when it ceases to be
 * while a job is under way, NOT_CONTROLLER or REQUEST_TIMED_OUT, by whether the outcome is
 * known. */
#include "controller/requests.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/plural.h"
#include "controller/brokers.h"
#include "controller/commands.h"
#include "controller/elections.h"
#include "controller/features.h"
#include "controller/quorum_requests.h"

enum {
    BALANCE_MAX = 1000,    /* leaderships moved by one entry: moving them all at once would hurt */
    BALANCE_MORE_MS = 1000 /* until the next ones */
};

/* A request of a session, or of the controller itself (session 0, no frame). */
struct request {
    struct job job;
    struct controller *controller;
    uint64_t session;
    Meta__Frame *frame;
    int32_t broker_id;
    int64_t epoch;
};

static struct request *request_new(struct controller *controller, const struct job_class *class,
                                   struct session *session, Meta__Frame *frame)
{
    struct request *request = mem_alloc(sizeof(*request));
    ASSERT(class->decide != NULL);
    ASSERT(class->finish != NULL);
    request->job.class = class;
    request->job.principal = "";
    request->job.client_id = "";
    request->job.via_broker = -1;
    request->controller = controller;
    request->frame = frame;
    if (session) {
        request->session = session->number;
        request->broker_id = session->broker_id;
        ASSERT(session->waiting >= 0);
        if (++session->waiting >= SESSIONS_COMMANDS_MAX)
            link_pause(session->peer, true);
    }
    return request;
}

static void request_free(struct request *request)
{
    if (request->frame)
        meta__frame__free_unpacked(request->frame, NULL);
    mem_free(request);
}

/* The session that waits, if it is still there; it may send more now. */
static struct session *request_session(struct request *request)
{
    if (!request->session)
        return NULL;
    struct session *session = sessions_find(request->controller->sessions, request->session);
    ASSERT(!session || session->waiting > 0);
    if (session && session->waiting-- == SESSIONS_COMMANDS_MAX)
        link_pause(session->peer, false);
    return session;
}

static bool is_active(const struct controller *controller)
{
    return pipeline_image(controller->pipeline) != NULL && !controller->stopping;
}

static struct request *request_of(struct job *job)
{
    return CONTAINER_OF(job, struct request, job);
}

/* ---- registration ---- */

static void send_registered(struct session *session, int err, const char *message,
                            const Meta__Registered *reply)
{
    Meta__Registered body = META__REGISTERED__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    ASSERT(err <= 0);
    ASSERT(err || reply);
    frame.body_case = META__FRAME__BODY_REGISTERED;
    frame.registered = &body;
    if (err) {
        body.error = err_to_wire(err);
        body.message = (char *)(uintptr_t)message;
        body.broker_epoch = -1;
    } else {
        body = *reply;
    }
    link_send(session->peer, &frame);
}

static bool same_address(const struct image_broker *broker, const Meta__Register *asked)
{
    return broker->endpoint_count > 0 && asked->n_endpoints > 0 &&
           strcmp(broker->endpoints[0].host, asked->endpoints[0]->host) == 0 &&
           broker->endpoints[0].port == asked->endpoints[0]->port;
}

/* Whether an earlier process of the broker may still live. One that is not connected, and whose
 * address the new one now has, does not. */
static bool other_alive(struct controller *controller, const struct image_broker *old,
                        const Meta__Register *asked)
{
    struct uuid incarnation;
    memcpy(incarnation.bytes, asked->incarnation.data, sizeof(incarnation.bytes));
    if (!old || uuid_equal(&old->incarnation, &incarnation))
        return false;
    if (!liveness_recent(controller->liveness, asked->broker_id))
        return false;
    if (sessions_other_process(controller->sessions, asked->broker_id, &incarnation))
        return true;
    return !old->fenced && !same_address(old, asked);
}

/* Going on would mix what both have decided since: leaders, sets, topics. */
#define REQUESTS_OLDER_METADATA                                                                    \
    "broker %d has applied metadata up to entry %lld, which this controller, whose metadata ends " \
    "at entry %lld, does not know: the controllers were restored from an older copy. Restore a "   \
    "copy that is newer; or, to go on from the older one, remove .metadata-index from each log "   \
    "directory of every broker and start them: what the metadata does not name is then set aside " \
    "and kept"

static void decide_register(struct job *job, struct decision *decision, Meta__Frame *reply)
{
    struct request *request = request_of(job);
    struct controller *controller = request->controller;
    const Meta__Register *asked = request->frame->register_;
    Meta__Registered *body = decision_alloc(decision, 1, sizeof(*body));
    ASSERT(request->frame != NULL);
    meta__registered__init(body);
    reply->body_case = META__FRAME__BODY_REGISTERED;
    reply->registered = body;
    body->broker_epoch = -1;
    struct session *session = sessions_find(controller->sessions, request->session);
    if (!session)
        return; /* gone: nobody would send heartbeats */
    if (asked->broker_id != session->broker_id || asked->incarnation.len != sizeof(struct uuid) ||
        memcmp(asked->incarnation.data, session->incarnation.bytes, sizeof(struct uuid)) != 0) {
        body->error = err_to_wire(ERR_INVALID_REGISTRATION);
        body->message = "Register and Hello name different brokers";
        return;
    }
    if (!consensus_knows(controller->consensus, asked->applied_index, asked->applied_term)) {
        body->error = err_to_wire(ERR_INVALID_REGISTRATION);
        body->message = decision_text(decision, REQUESTS_OLDER_METADATA, asked->broker_id,
                                      (long long)asked->applied_index,
                                      (long long)consensus_applied(controller->consensus));
        return;
    }
    if (other_alive(controller, image_broker(decision->image, asked->broker_id), asked)) {
        body->error = err_to_wire(ERR_DUPLICATE_BROKER_REGISTRATION);
        body->message = decision_text(
            decision,
            "another process is registered as broker %d and lives: give this one another "
            "broker.id, or stop the other",
            asked->broker_id);
        return;
    }
    if (brokers_register(decision, asked, body) == 0) {
        sessions_registered(session);
        liveness_touch(controller->liveness, asked->broker_id);
        elections_broker_in(decision, asked->broker_id); /* a new controller may wait for it */
    }
}

static bool is_at(const struct image_broker *broker, const Meta__Endpoint *endpoint)
{
    for (size_t i = 0; i < broker->endpoint_count; i++)
        if (broker->endpoints[i].port == endpoint->port &&
            strcasecmp(broker->endpoints[i].host, endpoint->host) == 0)
            return true;
    return false;
}

/* Clients that are sent to one of the two may reach the other. Something between may still tell
 * them apart, and of two that change places one comes first: it is said, not refused. */
static void say_twins(struct controller *controller, const Meta__Register *asked)
{
    const struct image_broker *broker;
    size_t cursor = 0;
    while ((broker = image_next_broker(controller->image, &cursor)))
        for (size_t i = 0; i < asked->n_endpoints; i++)
            if (broker->id != asked->broker_id && !broker->fenced &&
                is_at(broker, asked->endpoints[i]))
                logger_warn(&controller->peer_lines.logger,
                            "broker %d and broker %d both tell clients %s:%u: give each its own "
                            "advertised.listeners (or port)",
                            asked->broker_id, broker->id, asked->endpoints[i]->host,
                            asked->endpoints[i]->port);
}

static void finish_register(struct job *job, int err, int64_t index, Meta__Frame *reply)
{
    struct request *request = request_of(job);
    struct session *session = request_session(request);
    ASSERT(err <= 0);
    (void)index;
    if (session && err)
        send_registered(session, err, err_text(err), NULL);
    else if (session && reply)
        send_registered(session, 0, NULL, reply->registered);
    if (session && !err && reply && reply->registered->error)
        logger_warn(&request->controller->peer_lines.logger, "broker %d was not registered: %s",
                    request->broker_id, reply->registered->message);
    else if (session && !err)
        logger_info(&request->controller->peer_lines.logger,
                    "broker %d at %s is registered with epoch %lld", request->broker_id,
                    link_peer(session->peer), (long long)reply->registered->broker_epoch);
    if (session && !err && reply && !reply->registered->error)
        say_twins(request->controller, request->frame->register_);
    request_free(request);
}

static const struct job_class register_class = {
    .decide = decide_register, .finish = finish_register, .first = true};

void requests_register(struct session *session, Meta__Frame *frame)
{
    struct controller *controller = session->controller;
    if (!is_active(controller)) {
        send_registered(session, ERR_NOT_CONTROLLER, "this node is not the active controller",
                        NULL);
        meta__frame__free_unpacked(frame, NULL);
        return;
    }
    struct request *request = request_new(controller, &register_class, session, frame);
    request->job.via_broker = session->broker_id;
    pipeline_submit(controller->pipeline, &request->job);
}

/* ---- heartbeats ---- */

static void send_heartbeat_reply(struct session *session, int err)
{
    struct controller *controller = session->controller;
    const struct image_broker *broker = image_broker(controller->image, session->broker_id);
    Meta__HeartbeatReply body = META__HEARTBEAT_REPLY__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.error = err_to_wire(err);
    body.fenced = !broker || broker->fenced;
    body.index = stream_applied(controller->stream);
    body.may_shutdown = !err && broker && broker->stopping &&
                        elections_needing(controller->image, session->broker_id) == 0;
    frame.body_case = META__FRAME__BODY_HEARTBEAT_REPLY;
    frame.heartbeat_reply = &body;
    link_send(session->peer, &frame);
}

enum heartbeat_action { NOTHING, FENCE, UNFENCE, STOP };

/* What the heartbeat asks for, by the rules of KIP-631: a broker serves once it has caught up with
 * the metadata, and no more once it is shutting down. */
static enum heartbeat_action heartbeat_action(const struct image_broker *broker,
                                              const Meta__Heartbeat *heartbeat)
{
    if (heartbeat->want_shutdown && !broker->stopping)
        return STOP;
    if (!broker->fenced && heartbeat->want_fence)
        return FENCE;
    bool caught_up = heartbeat->applied_index >= broker->epoch;
    if (broker->fenced && !heartbeat->want_fence && !broker->stopping && caught_up)
        return UNFENCE;
    return NOTHING;
}

/* A broker that has not caught up may not know its own settings yet. */
static bool heartbeat_cordons(const struct image_broker *broker, const Meta__Heartbeat *heartbeat)
{
    return heartbeat->applied_index >= broker->epoch &&
           (bool)heartbeat->cordoned != broker->cordoned;
}

static void decide_heartbeat(struct job *job, struct decision *decision, Meta__Frame *reply)
{
    struct request *request = request_of(job);
    const Meta__Heartbeat *heartbeat = request->frame->heartbeat;
    const struct image_broker *broker = image_broker(decision->image, request->broker_id);
    ASSERT(request->frame != NULL);
    (void)reply;
    if (!broker || broker->epoch != heartbeat->broker_epoch)
        return;
    enum heartbeat_action action = heartbeat_action(broker, heartbeat);
    if (heartbeat_cordons(broker, heartbeat))
        brokers_cordon(decision, request->broker_id, heartbeat->cordoned);
    switch (action) {
    case STOP:
        brokers_stop(decision, request->broker_id);
        break;
    case FENCE:
        brokers_fence(decision, request->broker_id);
        break;
    case UNFENCE:
        brokers_unfence(decision, request->broker_id, heartbeat->log_dir_epochs,
                        heartbeat->n_log_dir_epochs);
        break;
    case NOTHING:
        elections_broker_in(decision, request->broker_id); /* heard for the first time */
        break;
    }
}

static void finish_heartbeat(struct job *job, int err, int64_t index, Meta__Frame *reply)
{
    struct request *request = request_of(job);
    struct session *session = request_session(request);
    ASSERT(err <= 0);
    (void)index;
    (void)reply;
    if (session)
        send_heartbeat_reply(session, err);
    request_free(request);
}

static const struct job_class heartbeat_class = {.decide = decide_heartbeat,
                                                 .finish = finish_heartbeat};

void requests_heartbeat(struct session *session, Meta__Frame *frame)
{
    struct controller *controller = session->controller;
    const Meta__Heartbeat *heartbeat = frame->heartbeat;
    const struct image *image = pipeline_image(controller->pipeline);
    const struct image_broker *broker = image ? image_broker(image, session->broker_id) : NULL;
    session->applied_index = heartbeat->applied_index;
    session->heartbeat_ms = env_now_ms(controller->env);
    int err = 0;
    if (!is_active(controller))
        err = ERR_NOT_CONTROLLER;
    else if (!broker)
        err = ERR_BROKER_ID_NOT_REGISTERED;
    else if (broker->epoch != heartbeat->broker_epoch ||
             !uuid_equal(&broker->incarnation, &session->incarnation))
        err = ERR_STALE_BROKER_EPOCH;
    bool heard = err || liveness_heard(controller->liveness, session->broker_id);
    if (!err) {
        session->registered = true;
        liveness_touch(controller->liveness, session->broker_id);
    }
    if (err || (heard && heartbeat_action(broker, heartbeat) == NOTHING &&
                !heartbeat_cordons(broker, heartbeat))) {
        send_heartbeat_reply(session, err);
        meta__frame__free_unpacked(frame, NULL);
        return;
    }
    struct request *request = request_new(controller, &heartbeat_class, session, frame);
    pipeline_submit(controller->pipeline, &request->job);
}

/* ---- commands ---- */

static void send_command_reply(struct session *session, Meta__CommandReply *reply)
{
    Meta__Frame frame = META__FRAME__INIT;
    frame.body_case = META__FRAME__BODY_COMMAND_REPLY;
    frame.command_reply = reply;
    link_send(session->peer, &frame);
}

static void refuse_command(struct session *session, uint64_t id, int err, const char *sentence)
{
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.id = id;
    reply.error = err_to_wire(err);
    reply.message = (char *)(uintptr_t)sentence;
    send_command_reply(session, &reply);
}

static void send_command_error(struct session *session, uint64_t id, int err)
{
    refuse_command(session, id, err, err_text(err));
}

static void decide_command(struct job *job, struct decision *decision, Meta__Frame *reply)
{
    struct request *request = request_of(job);
    reply->body_case = META__FRAME__BODY_COMMAND_REPLY;
    reply->command_reply = commands_decide(decision, request->frame->command);
}

static void finish_command(struct job *job, int err, int64_t index, Meta__Frame *reply)
{
    struct request *request = request_of(job);
    struct session *session = request_session(request);
    if (session && err) {
        int shown = err == ERR_TIMED_OUT ? ERR_REQUEST_TIMED_OUT : err;
        send_command_error(session, request->frame->command->id, shown);
    } else if (session) {
        reply->command_reply->index = index;
        send_command_reply(session, reply->command_reply);
    }
    request_free(request);
}

static const struct job_class command_class = {.decide = decide_command, .finish = finish_command};

void requests_command(struct session *session, Meta__Frame *frame)
{
    struct controller *controller = session->controller;
    Meta__Command *command = frame->command;
    if (!is_active(controller)) {
        send_command_error(session, command->id, ERR_NOT_CONTROLLER);
        meta__frame__free_unpacked(frame, NULL);
        return;
    }
    if (sessions_is_stranger(session) &&
        sessions_strange_commands(controller->sessions) >= SESSIONS_STRANGE_COMMANDS) {
        refuse_command(session, command->id, ERR_THROTTLING_QUOTA_EXCEEDED,
                       "too many commands wait that come from brokers which are not registered");
        meta__frame__free_unpacked(frame, NULL);
        return;
    }
    if (quorum_requests_command(session, command)) {
        meta__frame__free_unpacked(frame, NULL);
        return;
    }
    struct request *request = request_new(controller, &command_class, session, frame);
    request->job.principal = command->principal;
    request->job.client_id = command->client_id;
    request->job.via_broker = session->broker_id;
    pipeline_submit(controller->pipeline, &request->job);
}

/* ---- the controller's own ---- */

static void finish_own(struct job *job, int err, int64_t index, Meta__Frame *reply)
{
    (void)err;
    (void)index;
    (void)reply;
    request_free(request_of(job));
}

static void decide_fence(struct job *job, struct decision *decision, Meta__Frame *reply)
{
    struct request *request = request_of(job);
    struct liveness *liveness = request->controller->liveness;
    const struct image_broker *broker = image_broker(decision->image, request->broker_id);
    (void)reply;
    /* It may have come back since: then it has a new epoch, or a connection. */
    if (!broker || broker->epoch != request->epoch ||
        (liveness_connected(liveness, request->broker_id) &&
         liveness_recent(liveness, request->broker_id)))
        return;
    brokers_fence(decision, request->broker_id);
}

static const struct job_class fence_class = {.decide = decide_fence, .finish = finish_own};

void requests_fence(struct controller *controller, int32_t broker_id, int64_t epoch,
                    const char *reason)
{
    if (!is_active(controller))
        return;
    const struct image_broker *broker =
        image_broker(pipeline_image(controller->pipeline), broker_id);
    if (!broker || broker->fenced)
        return;
    logger_info(&controller->peer_lines.logger, "broker %d is fenced: %s", broker_id, reason);
    struct request *request = request_new(controller, &fence_class, NULL, NULL);
    request->broker_id = broker_id;
    request->epoch = epoch;
    pipeline_submit(controller->pipeline, &request->job);
}

static void decide_found(struct job *job, struct decision *decision, Meta__Frame *reply)
{
    struct request *request = request_of(job);
    (void)reply;
    if (image_cluster_id(decision->image)[0])
        return;
    Meta__ClusterRecord *record = decision_alloc(decision, 1, sizeof(*record));
    meta__cluster_record__init(record);
    const char *wanted = request->controller->config.cluster_id;
    char text[UUID_TEXT_LEN + 1];
    if (!wanted[0]) {
        struct uuid uuid;
        decision_new_uuid(decision, &uuid);
        uuid_format(&uuid, text);
        wanted = text;
    }
    record->cluster_id = decision_text(decision, "%s", wanted);
    decision_emit(decision, META__RECORD__FACT_CLUSTER, record);
    features_found(decision);
}

static const struct job_class found_class = {.decide = decide_found, .finish = finish_own};

void requests_found_cluster(struct controller *controller)
{
    struct request *request = request_new(controller, &found_class, NULL, NULL);
    pipeline_submit(controller->pipeline, &request->job);
}

static void decide_balance(struct job *job, struct decision *decision, Meta__Frame *reply)
{
    struct controller *controller = request_of(job)->controller;
    (void)reply;
    size_t moved =
        elections_balance(decision, controller->config.leader_imbalance_percent, BALANCE_MAX);
    if (moved)
        logger_info(&controller->logger, "moved %zu %s", moved,
                    plural((int64_t)moved, "leadership to its preferred replica",
                           "leaderships to their preferred replicas"));
    if (moved == BALANCE_MAX) /* there are more: they don't wait for the next look */
        env_timer_start(&controller->balance, BALANCE_MORE_MS);
}

static const struct job_class balance_class = {.decide = decide_balance, .finish = finish_own};

void requests_balance(struct controller *controller)
{
    if (!is_active(controller))
        return;
    struct request *request = request_new(controller, &balance_class, NULL, NULL);
    pipeline_submit(controller->pipeline, &request->job);
}

static void decide_elect(struct job *job, struct decision *decision, Meta__Frame *reply)
{
    (void)job, (void)reply;
    elections_all(decision);
}

static const struct job_class elect_class = {.decide = decide_elect, .finish = finish_own};

void requests_elect(struct controller *controller)
{
    if (!is_active(controller))
        return;
    struct request *request = request_new(controller, &elect_class, NULL, NULL);
    pipeline_submit(controller->pipeline, &request->job);
}
