/* The controller: its parts put together.
 *
 * Happy path: consensus applies committed entries to the image and hands them to the stream; when
 * this node becomes active, the pipeline, liveness and the balance timer start. Failure modes: a
 * disk error ends the process (or calls the configured hook), because what Raft has promised can't
 * be kept then. */
#include "controller/controller.h"

#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "controller/controller_private.h"
#include "controller/mutations.h"
#include "controller/requests.h"
#include "controller/sessions.h"

/* Who can reach the listener can cause these lines: a start of a large cluster has a few for each
 * broker. */
enum { PEER_LINES = 50, PEER_LINES_MS = 10000 };

/* ---- failing ---- */

static void on_failed(void *data, const char *sentence)
{
    struct controller *controller = data;
    controller->failed = true;
    logger_error(&controller->logger,
                 "%s. This node stops now: going on could lose metadata that it has confirmed",
                 sentence);
    if (controller->config.fail_stop)
        controller->config.fail_stop(controller->config.fail_data, sentence);
    else
        _exit(1); /* no clean-up may write to that disk */
}

/* ---- the state machine ---- */

static void check_cluster(struct controller *controller)
{
    const char *have = image_cluster_id(controller->image), *want = controller->config.cluster_id;
    if (!want[0] || !have[0] || strcmp(have, want) == 0)
        return;
    char *sentence = mem_printf("the log directories belong to cluster %s, but the quorum in %s "
                                "to cluster %s",
                                want, controller->config.dir, have);
    on_failed(controller, sentence);
    mem_free(sentence);
}

static void on_apply(void *data, int64_t index, int64_t term, const void *bytes, size_t len)
{
    struct controller *controller = data;
    bool had_cluster = image_cluster_id(controller->image)[0] != 0;
    Meta__Entry *entry = meta__entry__unpack(NULL, len, bytes);
    int err = entry ? image_apply_entry(controller->image, entry) : ERR_MALFORMED;
    ASSERT(index > 0);
    if (entry)
        meta__entry__free_unpacked(entry, NULL);
    if (err) {
        char *sentence =
            mem_printf("metadata entry %lld can't be applied: %s", (long long)index, err_text(err));
        on_failed(controller, sentence);
        mem_free(sentence);
        return;
    }
    stream_push(controller->stream, index, term, bytes, len);
    if (!had_cluster && image_cluster_id(controller->image)[0]) {
        check_cluster(controller);
        if (controller->sessions)
            sessions_welcome_all(controller->sessions);
    }
}

static int on_snapshot(void *data, struct buf *out)
{
    struct controller *controller = data;
    return image_pack(controller->image, out);
}

static int on_restore(void *data, int64_t index, int64_t term, const void *bytes, size_t len)
{
    struct controller *controller = data;
    Meta__Entry *entry = meta__entry__unpack(NULL, len, bytes);
    if (!entry)
        return ERR_MALFORMED;
    image_clear(controller->image);
    int err = image_apply_entry(controller->image, entry);
    meta__entry__free_unpacked(entry, NULL);
    if (err)
        return err;
    stream_reset(controller->stream, index, term);
    check_cluster(controller);
    return 0;
}

/* ---- leadership ---- */

static void on_active(void *data, bool active)
{
    struct controller *controller = data;
    if (active) {
        logger_info(&controller->logger, "node %d is the active controller, term %lld",
                    controller->config.node_id, (long long)consensus_term(controller->consensus));
        pipeline_start(controller->pipeline);
        int64_t heard_ms;
        int32_t former = consensus_former_leader(controller->consensus, &heard_ms);
        liveness_start(controller->liveness, controller->image, former, heard_ms);
        if (!image_cluster_id(controller->image)[0])
            requests_found_cluster(controller);
        if (controller->config.auto_leader_rebalance)
            env_timer_start(&controller->balance, controller->config.leader_rebalance_check_ms);
    } else {
        logger_info(&controller->logger, "node %d is no longer the active controller",
                    controller->config.node_id);
        env_timer_stop(&controller->balance);
        liveness_stop(controller->liveness);
        sessions_deposed(controller->sessions);
        pipeline_stop(controller->pipeline);
    }
    sessions_welcome_all(controller->sessions);
}

static void on_leader(void *data, int32_t leader_id, int64_t term)
{
    struct controller *controller = data;
    logger_debug(&controller->logger, "leader %d, term %lld", leader_id, (long long)term);
    sessions_welcome_all(controller->sessions);
}

static const char *on_cluster_id(void *data)
{
    struct controller *controller = data;
    const char *known = image_cluster_id(controller->image);
    return known[0] ? known : controller->config.cluster_id;
}

static void on_members(void *data)
{
    struct controller *controller = data;
    if (controller->sessions)
        sessions_welcome_all(controller->sessions);
}

static const struct consensus_handlers consensus_handlers = {
    .apply = on_apply,
    .snapshot = on_snapshot,
    .restore = on_restore,
    .active = on_active,
    .leader = on_leader,
    .failed = on_failed,
    .cluster_id = on_cluster_id,
    .members = on_members,
};

static void on_dead_broker(void *data, int32_t id, int64_t epoch, const char *reason)
{
    requests_fence(data, id, epoch, reason);
}

static bool on_heard(void *data, int32_t id)
{
    struct controller *controller = data;
    return liveness_heard(controller->liveness, id);
}

static void on_balance(void *data)
{
    struct controller *controller = data;
    env_timer_start(&controller->balance, controller->config.leader_rebalance_check_ms);
    requests_balance(controller); /* may want to look again sooner */
}

void controller_reload(struct controller *controller, const struct config *settings)
{
    ASSERT(controller->rules.settings && settings);
    controller->rules.settings = settings;
    controller->rules.topic_default_data = (void *)(uintptr_t)settings;
    requests_elect(controller);
}

/* ---- the listener ---- */

static int on_voter(void *data, struct link *link, const Meta__Hello *hello, struct buf *problem)
{
    struct controller *controller = data;
    int err = consensus_adopt(controller->consensus, link, hello);
    if (err == ERR_BROKER_NOT_AVAILABLE)
        buf_printf(problem, "node %d comes too early or too late: node %d is starting or stopping",
                   hello->node_id, controller->config.node_id);
    else if (err == ERR_VOTER_NOT_FOUND)
        buf_printf(problem, "this is node %d, not node %d", controller->config.node_id,
                   hello->to - 1);
    else if (err && controller->config.changes)
        buf_printf(problem, "node %d is not in the quorum as node %d knows it", hello->node_id,
                   controller->config.node_id);
    else if (err)
        buf_printf(problem, "node %d is not in controller.quorum.voters of node %d", hello->node_id,
                   controller->config.node_id);
    return err;
}

static int on_broker(void *data, struct link *link, const Meta__Hello *hello, struct buf *problem)
{
    struct controller *controller = data;
    consensus_called(controller->consensus, hello);
    return sessions_adopt(controller->sessions, link, hello, problem);
}

static const struct uuid *on_incarnation(void *data)
{
    const struct controller *controller = data;
    return &controller->incarnation;
}

/* A new node with the id of a member that is somewhere else: one of them has the wrong id. */
static bool has_its_id(const struct consensus_members *members, const Meta__Join *join)
{
    for (size_t i = 0; join->node && !join->ready && i < members->count; i++) {
        const Meta__Member *member = &members->items[i];
        if (member->id == join->node->id &&
            (member->port != join->node->port || strcmp(member->host, join->node->host) != 0))
            return true;
    }
    return false;
}

static void on_join(void *data, const Meta__Join *join, Meta__JoinReply *reply)
{
    struct controller *controller = data;
    bool changes = consensus_members(controller->consensus, &controller->members);
    reply->incarnation =
        (ProtobufCBinaryData){sizeof(controller->incarnation.bytes), controller->incarnation.bytes};
    if (changes && has_its_id(&controller->members, join)) {
        reply->error = err_to_wire(ERR_DUPLICATE_VOTER);
        reply->message = "the quorum has another node with its id: give each node its own "
                         "broker.id; if that one is gone for good, remove it first "
                         "(kafka-metadata-quorum.sh remove-controller)";
    } else if (changes) {
        consensus_heard(controller->consensus, join);
        reply->active = controller_is_active(controller);
        reply->members = controller->members.pointers;
        reply->n_members = controller->members.count;
        reply->members_index = controller->members.index;
        reply->founder = consensus_founder(controller->consensus);
        reply->self = consensus_self(controller->consensus);
        consensus_elsewhere(controller->consensus, &controller->elsewhere);
        reply->elsewhere = controller->elsewhere.pointers;
        reply->n_elsewhere = controller->elsewhere.count;
    } else {
        reply->error = err_to_wire(ERR_UNSUPPORTED_VERSION);
        reply->message = "its voters are those of controller.quorum.voters, which this node's file "
                         "has to name too";
    }
}

static void on_client(void *data, struct frame_opening *opening)
{
    struct controller *controller = data;
    ASSERT(controller->config.client != NULL);
    controller->config.client(controller->config.client_data, opening);
}

static const struct listener_handlers listener_handlers = {.voter = on_voter,
                                                           .broker = on_broker,
                                                           .join = on_join,
                                                           .cluster_id = on_cluster_id,
                                                           .incarnation = on_incarnation};

/* ---- life ---- */

static struct controller_voter *copy_voters(const struct controller_voter *from, int count)
{
    struct controller_voter *voters = mem_alloc((size_t)(count ? count : 1) * sizeof(*voters));
    ASSERT(count >= 0);
    for (int i = 0; i < count; i++) {
        voters[i] = from[i];
        voters[i].host = mem_strdup(from[i].host);
    }
    return voters;
}

static void free_voters(const struct controller_voter *voters, int count)
{
    for (int i = 0; i < count; i++)
        mem_free((char *)(uintptr_t)voters[i].host);
    mem_free((struct controller_voter *)(uintptr_t)voters);
}

static void copy_config(struct controller *controller, const struct controller_config *config)
{
    struct controller_config *to = &controller->config;
    *to = *config;
    to->dir = mem_strdup(config->dir);
    to->listen_host = config->listen_host ? mem_strdup(config->listen_host) : NULL;
    to->cluster_id = mem_strdup(config->cluster_id ? config->cluster_id : "");
    to->voters = copy_voters(config->voters, config->voter_count);
    to->servers = copy_voters(config->servers, config->server_count);
    controller->rules = (struct decision_rules){
        .default_partitions = config->default_partitions,
        .default_replication_factor = config->default_replication_factor,
        .node_id = config->node_id,
        .settings = config->settings,
        .founding = config->founding,
        .topic_default = config->topic_default,
        .topic_default_data = config->topic_default_data,
        .heard = on_heard,
        .heard_data = controller,
        .logger = &controller->election_logger,
    };
}

static void free_config(struct controller_config *config)
{
    free_voters(config->voters, config->voter_count);
    free_voters(config->servers, config->server_count);
    mem_free((char *)(uintptr_t)config->cluster_id);
    mem_free((char *)(uintptr_t)config->listen_host);
    mem_free((char *)(uintptr_t)config->dir);
}

static int open_listener(struct controller *controller, struct buf *problem)
{
    const struct controller_config *config = &controller->config;
    ASSERT(controller->listener == NULL);
    controller->listener_handlers = listener_handlers;
    controller->listener_handlers.client = config->client ? on_client : NULL;
    int err = listener_new(controller->env, &controller->peer_lines.logger, config->listen_host,
                           config->listen_port, &controller->listener_handlers, controller,
                           &controller->listener);
    const char *remedy = "choose another address for it in controller.quorum.voters (and in "
                         "listeners, where controller.listener.names has its name)";
    if (err == ERR_ADDRESS_IN_USE) {
        buf_printf(problem, "port %u of the controller's listener is in use by ",
                   config->listen_port);
        env_port_holder(controller->env, config->listen_port, problem);
        buf_printf(problem, ": stop it, or %s", remedy);
    } else if (err) {
        buf_printf(problem, "can't listen on the controller's listener %s:%u: %s: %s",
                   config->listen_host ? config->listen_host : "*", config->listen_port,
                   err_text(err), remedy);
    }
    return err;
}

static int start(struct controller *controller, struct buf *problem)
{
    const struct controller_config *config = &controller->config;
    struct consensus_config consensus = {
        .node_id = config->node_id,
        .peer_logger = &controller->peer_lines.logger,
        .dir = config->dir,
        .voters = config->voters,
        .voter_count = config->voter_count,
        .incarnation = controller->incarnation,
        .heartbeat_ms = config->heartbeat_ms,
        .election_timeout_ms = config->election_timeout_ms,
        .snapshot_entries = config->snapshot_entries,
        .lived_cluster = config->found_known ? "" : config->cluster_id,
        .changes = config->changes,
        .joins = config->joins,
        .directory_id = config->directory_id,
        .servers = config->servers,
        .server_count = config->server_count,
        .own_server = config->own_server,
        .servers_supposed = config->servers_supposed,
    };
    int err = open_listener(controller, problem);
    ASSERT(controller->consensus == NULL);
    if (!err)
        err = consensus_new(controller->env, &controller->raft_logger, &consensus,
                            &consensus_handlers, controller, problem, &controller->consensus);
    return err;
}

static int64_t mutation_window_s(const struct config *settings)
{
    const int64_t samples = 11, seconds = 1; /* Kafka's defaults */
    if (!settings)
        return samples * seconds;
    return config_int(settings, CONFIG_CONTROLLER_QUOTA_WINDOW_NUM) *
           config_int(settings, CONFIG_CONTROLLER_QUOTA_WINDOW_SIZE_SECONDS);
}

int controller_new(struct env *env, struct logger *logger, const struct controller_config *config,
                   struct buf *problem, struct controller **out)
{
    struct controller *controller = mem_alloc(sizeof(*controller));
    ASSERT(config->dir != NULL);
    ASSERT(config->voter_count >= 0);
    controller->env = env;
    controller->logger = logger_of_area(logger, LOGGER_CONTROLLER);
    controller->election_logger = logger_of_area(logger, LOGGER_CONTROLLER_ELECTION);
    controller->peer_logger = logger_of_area(logger, LOGGER_CONTROLLER_PEER);
    controller->raft_logger = logger_of_area(logger, LOGGER_CONTROLLER_RAFT);
    line_limit_init(&controller->peer_lines, env, &controller->peer_logger, PEER_LINES,
                    PEER_LINES_MS, "lines that nodes and clients caused were held back");
    copy_config(controller, config);
    env_random_bytes(env, controller->incarnation.bytes, sizeof(controller->incarnation.bytes));
    env_timer_init(env, &controller->balance, on_balance, controller);
    controller->image = image_new();
    controller->rules.mutations = mutations_new(env, mutation_window_s(config->settings));
    controller->stream = stream_new(env, controller->image);
    controller->liveness = liveness_new(env, &controller->logger, config->broker_session_timeout_ms,
                                        on_dead_broker, controller);
    controller->sessions = sessions_new(controller);
    controller->pipeline = pipeline_new(env, &controller->logger, &controller->consensus,
                                        controller->image, &controller->rules);
    int err = start(controller, problem);
    if (err) {
        controller_free(controller);
        return err;
    }
    *out = controller;
    return 0;
}

bool controller_is_active(const struct controller *controller)
{
    return consensus_active(controller->consensus);
}

void controller_say_state(struct controller *controller)
{
    struct logger logger = controller->logger;
    size_t cursor = 0, brokers = 0, fenced = 0;
    const struct image_broker *broker;
    while ((broker = image_next_broker(controller->image, &cursor))) {
        brokers++;
        fenced += broker->fenced;
    }
    logger.levels = NULL;
    logger.level = LOGGER_INFO;
    logger_info(&logger,
                "state: controller %d, %s, leader %d, term %lld, committed %lld, applied %lld, "
                "%zu brokers, %zu of them fenced, %zu topics",
                controller->config.node_id, controller_is_active(controller) ? "active" : "standby",
                consensus_leader(controller->consensus),
                (long long)consensus_term(controller->consensus),
                (long long)consensus_committed(controller->consensus),
                (long long)consensus_applied(controller->consensus), brokers, fenced,
                image_topic_count(controller->image));
}

static void on_stopped(void *data)
{
    struct controller *controller = data;
    ASSERT(controller->stopping);
    ASSERT(controller->stopped != NULL);
    controller->stopped(controller->stopped_data);
}

void controller_stop(struct controller *controller, void (*done)(void *data), void *data)
{
    ASSERT(done != NULL);
    controller->stopping = true;
    controller->stopped = done;
    controller->stopped_data = data;
    consensus_stop(controller->consensus, on_stopped, controller);
}

void controller_free(struct controller *controller)
{
    if (!controller)
        return;
    env_timer_stop(&controller->balance);
    consensus_free(controller->consensus);
    pipeline_free(controller->pipeline);
    sessions_free(controller->sessions);
    liveness_free(controller->liveness);
    listener_free(controller->listener);
    stream_free(controller->stream);
    image_free(controller->image);
    mutations_free(controller->rules.mutations);
    line_limit_close(&controller->peer_lines);
    free_config(&controller->config);
    mem_free(controller);
}
