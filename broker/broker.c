/* The broker: builds its parts in the order in which they need each other, and takes them apart in
 * the opposite one.
 *
 * States: STARTING until the controller has let us in (unfenced), SERVING, LEAVING while leaders
 * move away after a SIGTERM, CLOSING while clients are told of that for a moment, all that uses the
 * logs ends, and they are flushed.
 * Failure modes: the cluster refuses us, or all log directories are broken; `failed` is called
 * then. */
#include "broker/broker.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/mutation.h"
#include "base/plural.h"
#include "base/state.h"
#include "broker/cluster/broker_lines.h"
#include "broker/cluster/line_numbers.h"
#include "broker/cluster/controller_channel.h"
#include "broker/cluster/metadata.h"
#include "broker/cluster/producer_ids.h"
#include "broker/group/group_manager.h"
#include "broker/coordinator/partition_log.h"
#include "broker/handlers/fetch_session.h"
#include "broker/handlers/handlers.h"
#include "broker/log/log_manager.h"
#include "broker/net/request_trace.h"
#include "broker/net/server.h"
#include "broker/quota/quotas.h"
#include "broker/replica/replica_manager.h"
#include "broker/telemetry/telemetry.h"
#include "broker/txn/txn_manager.h"
#include "broker/txn/txn_verifier.h"
#include "meta/features.h"

enum {
    BROKER_LEAVE_MS = 10000, /* a controller that does not answer must not keep us for ever */
    BROKER_ALONE_MS =
        1500, /* an election is over by then: the quorum is gone, nobody can help us */
    BROKER_LEAVE_LOOK_MS = 50,
    BROKER_CLEANER_PAUSE_MIN_MS = 10, /* a look costs: even log.cleaner.backoff.ms=0 waits */
    BROKER_LINGER_MS = 100            /* for clients to be told that the leaders have moved */
};

static const struct state_row broker_states[] = {
    [BROKER_STARTING] = {"starting", STATE_BIT(BROKER_SERVING) | STATE_BIT(BROKER_LEAVING) |
                                         STATE_BIT(BROKER_CLOSING)},
    [BROKER_SERVING] = {"serving", STATE_BIT(BROKER_LEAVING) | STATE_BIT(BROKER_CLOSING)},
    [BROKER_LEAVING] = {"leaving", STATE_BIT(BROKER_CLOSING)},
    [BROKER_CLOSING] = {"closing", 0},
};
STATIC_ASSERT(ARRAY_LEN(broker_states) == BROKER_CLOSING + 1, "each state has its row");
STATIC_ASSERT(BROKER_LEAVE_LOOK_MS < BROKER_ALONE_MS, "it looks more than once before it gives up");
STATIC_ASSERT(BROKER_ALONE_MS < BROKER_LEAVE_MS, "without a controller it ends sooner");

const char *broker_state_name(const struct broker *broker)
{
    return broker_states[broker->state].name;
}

static void broker_move(struct broker *broker, enum broker_state to)
{
    STATE_MOVE_TOLD(broker_states, broker->state, to, broker->logger, LOGGER_DEBUG, "broker");
}

/* ---- what the controller tells ---- */

static int broker_cluster_known(void *data, const char *cluster_id)
{
    struct broker *broker = data;
    struct buf problem;
    buf_init(&problem);
    int err = log_manager_set_cluster_id(broker->logs, cluster_id, &problem);
    if (env_is_later(err)) {
        if (!broker->cluster_awaited)
            logger_warn(broker->logger, "%s. It is tried again until it can", buf_text(&problem));
        broker->cluster_awaited = true;
    } else if (err) {
        logger_error(broker->logger, "%s: %s", config_file(broker->config), buf_text(&problem));
        broker->failed(broker->failed_data);
    }
    buf_close(&problem);
    return err;
}

static bool broker_wants_log(void *data, const char *topic, int32_t partition,
                             const struct uuid *topic_id)
{
    struct broker *broker = data;
    const struct image *image = metadata_image(broker->metadata);
    const struct image_topic *found = topic_id ? image_topic_by_id(image, topic_id)
                                               : image_topic_by_name(image, topic, strlen(topic));
    const struct image_partition *record = found ? image_partition(found, partition) : NULL;
    return record && image_ids_have(&record->replicas, broker->node_id);
}

/* The log directories have noted the epoch: what is acknowledged from now on belongs to it. */
static void broker_noted(void *data)
{
    struct broker *broker = data;
    for (size_t i = 0; i < broker->registration->n_log_dirs; i++)
        broker->registration->log_dir_epochs[i] = log_manager_dir_served(broker->logs, (int)i);
    replica_manager_registered(broker->replicas);
    controller_channel_hold(broker->channel, false);
}

static void broker_registered(void *data, int64_t broker_epoch, const int64_t *dir_epochs,
                              size_t dir_count)
{
    struct broker *broker = data;
    logger_info(broker->logger, "registered with the controller, broker epoch %lld",
                (long long)broker_epoch);
    if (MUTATION(STRAY_ON_A_GUESS))
        log_manager_set_strays_aside(broker->logs, broker_wants_log, broker);
    controller_channel_hold(broker->channel, true);
    log_manager_serve(broker->logs, broker_epoch, dir_epochs, dir_count, broker_noted, broker);
}

static void broker_unfenced(void *data)
{
    struct broker *broker = data;
    if (broker->state != BROKER_STARTING)
        return;
    broker_move(broker, BROKER_SERVING);
    log_manager_set_strays_aside(broker->logs, broker_wants_log, broker);
    logger_info(
        broker->logger, "serving after %.1f ms, %zu %s",
        (double)(env_now_us(broker->env) - broker->started_us) / 1000.0,
        replica_manager_count(broker->replicas),
        plural((int64_t)replica_manager_count(broker->replicas), "partition", "partitions"));
}

static void broker_refused(void *data, const char *reason)
{
    struct broker *broker = data;
    (void)reason; /* the channel has logged it */
    broker->failed(broker->failed_data);
}

static void broker_settled(void *data)
{
    struct broker *broker = data;
    log_manager_saw_metadata(broker->logs, metadata_index(broker->metadata),
                             metadata_term(broker->metadata));
}

static void broker_applied(void *data, int64_t *index, int64_t *term)
{
    struct broker *broker = data;
    log_manager_metadata_seen(broker->logs, index, term);
}

static void broker_log_closed(void *data)
{
    struct broker *broker = data;
    ASSERT(broker->state == BROKER_CLOSING);
    ASSERT(broker->stopped != NULL);
    broker->stopped(broker->stopped_data);
}

static void broker_free_users(struct broker *broker);

/* What could still append, cut, lead or open a log is gone before the logs are closed: else they
 * would be marked as cleanly shut down while they change. */
static void broker_close_due(void *data)
{
    struct broker *broker = data;
    ASSERT(broker->state == BROKER_CLOSING);
    broker_free_users(broker);
    log_manager_shutdown(broker->logs, broker_log_closed, broker);
}

/* The rest follows in a later turn: this may be called from inside the parts that end. */
static void broker_close_in(struct broker *broker, int64_t linger_ms)
{
    ASSERT(broker->server != NULL);
    ASSERT(broker->stopped != NULL);
    env_timer_stop(&broker->leave_timer);
    broker_move(broker, BROKER_CLOSING);
    server_stop_accepting(broker->server);
    env_timer_start(&broker->close_timer, linger_ms);
}

static void broker_close(struct broker *broker)
{
    broker_close_in(broker, 0);
}

/* Leaders can move away only while there is a controller that moves them. */
static void broker_leave_look(void *data)
{
    struct broker *broker = data;
    int64_t now_us = env_now_us(broker->env);
    ASSERT(broker->state == BROKER_LEAVING);
    if (controller_channel_is_registered(broker->channel))
        broker->alone_since_us = 0;
    else if (!broker->alone_since_us)
        broker->alone_since_us = now_us;
    bool alone =
        broker->alone_since_us && now_us - broker->alone_since_us >= BROKER_ALONE_MS * 1000;
    if (!alone && now_us - broker->leave_since_us < BROKER_LEAVE_MS * 1000) {
        env_timer_start(&broker->leave_timer, BROKER_LEAVE_LOOK_MS);
        return;
    }
    logger_warn(broker->logger, "%s: stopping without having moved leaders away",
                alone ? "there is no active controller" : "the controller does not let us go");
    broker_close(broker);
}

static void broker_resumed(void *data)
{
    struct broker *broker = data;
    replica_manager_resume(broker->replicas);
}

static void broker_may_shutdown(void *data)
{
    struct broker *broker = data;
    if (broker->state != BROKER_LEAVING)
        return;
    broker_close_in(broker, BROKER_LINGER_MS);
    server_let_go(broker->server);
}

static const struct controller_channel_events broker_channel_events = {
    .cluster_known = broker_cluster_known,
    .registered = broker_registered,
    .unfenced = broker_unfenced,
    .resumed = broker_resumed,
    .may_shutdown = broker_may_shutdown,
    .refused = broker_refused,
    .applied = broker_applied,
};

/* ---- log directories ---- */

/* The channel is made after the logs, and may be gone before them. */
static void broker_tell_cordoned(struct broker *broker)
{
    if (broker->channel)
        controller_channel_cordon(broker->channel, log_manager_is_cordoned(broker->logs));
}

static void broker_dir_failed(void *data, const char *dir)
{
    struct broker *broker = data;
    logger_error(
        broker->logger,
        "log directory %s failed and is offline until the broker is restarted: replace the "
        "disk or remove the directory from log.dirs",
        dir);
    if (log_manager_dirs_work(broker->logs)) {
        broker_tell_cordoned(broker);
        return;
    }
    logger_error(broker->logger, "no log directory works any more: the broker ends");
    broker->failed(broker->failed_data);
}

/* The timer of the limit begins when somebody uses transactions: until then nothing of them costs
 * anything, and nothing of them is logged. */
static void broker_limit_txn_lines(struct broker *broker)
{
    if (!broker->txn_lines.whole)
        line_limit_init(&broker->txn_lines, broker->env, &broker->loggers[LOGGER_BROKER_TXN], 50,
                        10000, "lines about transactions were held back");
}

static void broker_leader_changed(void *data, const char *topic, int32_t index, bool leader)
{
    struct broker *broker = data;
    if (broker->groups && strcmp(topic, GROUP_OFFSETS_TOPIC) == 0)
        group_manager_leader_changed(broker->groups, index, leader);
    if (broker->txns && strcmp(topic, TXN_STATE_TOPIC) == 0) {
        broker_limit_txn_lines(broker);
        txn_manager_leader_changed(broker->txns, index, leader);
    }
}

static const struct log_manager_events broker_log_events = {.dir_failed = broker_dir_failed};

static int64_t broker_cleaner_pause(int64_t backoff_ms)
{
    return backoff_ms < BROKER_CLEANER_PAUSE_MIN_MS ? BROKER_CLEANER_PAUSE_MIN_MS : backoff_ms;
}

static int broker_open_logs(struct broker *broker, struct buf *problem)
{
    const struct config *config = broker->config;
    struct log_manager_config settings = {
        .node_id = broker->node_id,
        .retention_check_ms = config_int(config, CONFIG_LOG_RETENTION_CHECK_INTERVAL_MS),
        .flush_check_ms = config_int(config, CONFIG_LOG_FLUSH_SCHEDULER_INTERVAL_MS),
        .checkpoint_ms = config_int(config, CONFIG_LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS),
        .start_offset_checkpoint_ms =
            config_int(config, CONFIG_LOG_FLUSH_START_OFFSET_CHECKPOINT_INTERVAL_MS),
        .stray_retention_ms = config_int(config, CONFIG_LOG_DIR_STRAY_RETENTION_MS),
        .disk_reserve_bytes = config_int(config, CONFIG_LOG_DIR_RESERVE_BYTES),
        .cleaner_backoff_ms =
            broker_cleaner_pause(config_int(config, CONFIG_LOG_CLEANER_BACKOFF_MS)),
        .cleaner_enable = config_bool(config, CONFIG_LOG_CLEANER_ENABLE),
        .open_segments = server_share_files(env_files_limit(broker->env)).open_segments,
        .cleaner_dedupe_bytes = (size_t)config_int(config, CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE),
    };
    settings.dirs = config_log_dirs(config, &settings.dir_count);
    int err = log_manager_new(broker->env, &broker->loggers[LOGGER_BROKER_LOG], &settings,
                              &broker_log_events, broker, problem, &broker->logs);
    if (err)
        return err;
    log_manager_set_cordoned(broker->logs, config_str(config, CONFIG_CORDONED_LOG_DIRS));
    log_manager_set_move_rate(
        broker->logs, config_int(config, CONFIG_REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND));
    return 0;
}

/* ---- the server ---- */

static int64_t broker_count_others(void *data)
{
    const struct broker *broker = data;
    const struct image *image = metadata_image(broker->metadata);
    int64_t count = 0;
    size_t cursor = 0;
    const struct image_broker *other;
    while ((other = image_next_broker(image, &cursor)))
        count += other->id != broker->node_id;
    return count;
}

static bool broker_is_other(void *data, int32_t id)
{
    const struct broker *broker = data;
    return id != broker->node_id && image_broker(metadata_image(broker->metadata), id);
}

/* Batches that wait for a slow look at them make room. */
static void broker_starved(void *data)
{
    struct broker *broker = data;
    log_manager_shed_checks(broker->logs);
}

static const struct server_events broker_server_events = {
    .count_other_brokers = broker_count_others,
    .is_other_broker = broker_is_other,
    .starved = broker_starved,
};

static int broker_open_server(struct broker *broker, struct buf *problem)
{
    const struct config *config = broker->config;
    struct server_deps deps = {
        .env = broker->env,
        .logger = &broker->client_lines.logger,
        .apis = &handlers_table,
        .listeners_setting = config_is_set(config, CONFIG_LISTENERS) ? "listeners" : "port",
        .limits_text = "max.connections, max.connections.per.ip",
        .events = &broker_server_events,
        .data = broker,
        .broker = broker,
    };
    ASSERT(broker->logs != NULL);
    deps.listeners = config_listeners(config, &deps.listener_count);
    server_limits_read(&deps.limits, config);
    int err = server_new(&deps, problem, &broker->server);
    if (err)
        return err;
    server_set_host_limits(broker->server,
                           config_str(config, CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES));
    broker->request_trace = mem_alloc(sizeof(*broker->request_trace));
    request_trace_init(broker->request_trace, &broker->loggers[LOGGER_REQUEST], deps.listeners);
    request_trace_restrict(broker->request_trace,
                           config_str(config, CONFIG_REQUEST_LOGGER_CLIENT_IDS),
                           config_str(config, CONFIG_REQUEST_LOGGER_APIS));
    server_add_hook(broker->server, &broker->request_trace->hook);
    return 0;
}

/* ---- dynamic settings ---- */

static const enum config_id broker_live_ids[] = {
    CONFIG_CORDONED_LOG_DIRS,
    CONFIG_REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND,
    CONFIG_LOG_CLEANER_BACKOFF_MS,
    CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE,
    CONFIG_MAX_CONNECTIONS,
    CONFIG_MAX_CONNECTIONS_PER_IP,
    CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES,
    CONFIG_MAX_CONNECTION_CREATION_RATE,
    CONFIG_REQUEST_LOGGER_CLIENT_IDS,
    CONFIG_REQUEST_LOGGER_APIS,
    CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS,
    CONFIG_TRANSACTION_PARTITION_VERIFICATION_ENABLE,
};

/* The parts go before the metadata does. */
static void broker_configure(void *data)
{
    struct broker *broker = data;
    const struct live_settings *live = broker->live;
    log_manager_set_cleaner(
        broker->logs, broker_cleaner_pause(live_settings_int(live, CONFIG_LOG_CLEANER_BACKOFF_MS)),
        (size_t)live_settings_int(live, CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE));
    log_manager_set_cordoned(broker->logs, live_settings_text(live, CONFIG_CORDONED_LOG_DIRS));
    broker_tell_cordoned(broker);
    log_manager_set_move_rate(
        broker->logs,
        live_settings_int(live, CONFIG_REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND));
    server_set_connections(broker->server, live_settings_int(live, CONFIG_MAX_CONNECTIONS),
                           live_settings_int(live, CONFIG_MAX_CONNECTIONS_PER_IP),
                           live_settings_int(live, CONFIG_MAX_CONNECTION_CREATION_RATE));
    server_set_host_limits(broker->server,
                           live_settings_text(live, CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES));
    request_trace_restrict(broker->request_trace,
                           live_settings_text(live, CONFIG_REQUEST_LOGGER_CLIENT_IDS),
                           live_settings_text(live, CONFIG_REQUEST_LOGGER_APIS));
    if (broker->groups)
        group_manager_set_assignment_interval(
            broker->groups, live_settings_int(live, CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS));
    if (broker->txn_verifier)
        txn_verifier_set_wanted(
            broker->txn_verifier,
            live_settings_bool(live, CONFIG_TRANSACTION_PARTITION_VERIFICATION_ENABLE));
}

static void broker_listen(struct broker *broker)
{
    ASSERT(broker->metadata != NULL);
    broker->live = live_settings_new(broker->config, broker->metadata, broker->node_id);
    broker->configured = (struct live_subscriber){.ids = broker_live_ids,
                                                  .count = ARRAY_LEN(broker_live_ids),
                                                  .changed = broker_configure,
                                                  .data = broker};
    live_settings_subscribe(broker->live, &broker->configured);
    broker->listener = (struct metadata_listener){.settled = broker_settled, .data = broker};
    metadata_listen(broker->metadata, &broker->listener);
}

/* ---- registration ---- */

static void broker_add_endpoint(struct broker *broker, const struct config_listener *listener,
                                int i)
{
    Meta__Register *registration = broker->registration;
    Meta__Endpoint *endpoint = mem_alloc(sizeof(*endpoint));
    meta__endpoint__init(endpoint);
    endpoint->listener = mem_strdup(listener->name);
    endpoint->host = mem_strdup(listener->advertised_host);
    endpoint->port =
        listener->advertised_port ? listener->advertised_port : server_port(broker->server, i);
    endpoint->security = (uint32_t)listener->security;
    registration->endpoints[registration->n_endpoints++] = endpoint;
}

static ProtobufCBinaryData broker_bytes(const struct uuid *uuid)
{
    return (ProtobufCBinaryData){sizeof(uuid->bytes), mem_dup(uuid->bytes, sizeof(uuid->bytes))};
}

static void broker_make_registration(struct broker *broker)
{
    int count;
    const struct config_listener *listeners = config_listeners(broker->config, &count);
    int dirs = log_manager_dir_count(broker->logs);
    Meta__Register *registration = mem_alloc(sizeof(*registration));
    meta__register__init(registration);
    broker->registration = registration;
    registration->broker_id = broker->node_id;
    registration->features_step = FEATURES_STEP;
    registration->stopped_epoch = log_manager_stopped_epoch(broker->logs);
    registration->incarnation = broker_bytes(&broker->incarnation);
    registration->rack = mem_strdup(config_str(broker->config, CONFIG_BROKER_RACK));
    registration->endpoints = mem_alloc((size_t)count * sizeof(*registration->endpoints));
    for (int i = 0; i < count; i++)
        broker_add_endpoint(broker, &listeners[i], i);
    registration->log_dirs = mem_alloc((size_t)dirs * sizeof(*registration->log_dirs));
    registration->log_dir_epochs = mem_alloc((size_t)dirs * sizeof(*registration->log_dir_epochs));
    for (int i = 0; i < dirs; i++) {
        registration->log_dirs[registration->n_log_dirs++] =
            broker_bytes(log_manager_dir_id(broker->logs, i));
        registration->log_dir_epochs[registration->n_log_dir_epochs++] =
            log_manager_dir_served(broker->logs, i);
    }
    ASSERT(registration->n_endpoints == (size_t)count);
    ASSERT(registration->n_log_dirs == (size_t)dirs);
}

static void broker_free_registration(Meta__Register *registration)
{
    if (!registration)
        return;
    for (size_t i = 0; i < registration->n_endpoints; i++) {
        mem_free(registration->endpoints[i]->listener);
        mem_free(registration->endpoints[i]->host);
        mem_free(registration->endpoints[i]);
    }
    for (size_t i = 0; i < registration->n_log_dirs; i++)
        mem_free(registration->log_dirs[i].data);
    mem_free(registration->endpoints);
    mem_free(registration->log_dirs);
    mem_free(registration->log_dir_epochs);
    mem_free(registration->incarnation.data);
    mem_free(registration->rack);
    mem_free(registration);
}

static void broker_open_channel(struct broker *broker)
{
    struct controller_channel_config settings;
    struct controller_address *addresses = controller_channel_read(&settings, broker->config);
    settings.incarnation = broker->incarnation;
    settings.registration = broker->registration;
    broker->channel =
        controller_channel_new(broker->env, &broker->loggers[LOGGER_BROKER_CHANNEL],
                               broker->metadata, &settings, &broker_channel_events, broker);
    broker_tell_cordoned(broker);
    mem_free(addresses);
}

/* ---- life ---- */

static void broker_build_groups(struct broker *broker)
{
    struct group_manager_deps deps = {
        .env = broker->env,
        .logger = &broker->group_lines.logger,
        .metadata = broker->metadata,
        .log = &partition_log_ops,
    };
    group_settings_read(&deps.settings, broker->config);
    broker->offsets_log = partition_log_new(broker->env, broker->partitions, GROUP_OFFSETS_TOPIC);
    deps.log_data = broker->offsets_log;
    broker->groups = group_manager_new(&deps);
}

static void broker_free_groups(struct broker *broker)
{
    if (!broker->groups)
        return;
    group_manager_free(broker->groups);
    partition_log_free(broker->offsets_log);
    broker->groups = NULL;
}

/* Those of markers are numbered: see line_numbers.h. */
static struct broker_lines *broker_make_lines(struct broker *broker, struct logger *logger,
                                              const char *client_id, bool numbered)
{
    return broker_lines_new(&(struct broker_lines_deps){.env = broker->env,
                                                        .logger = logger,
                                                        .metadata = broker->metadata,
                                                        .config = broker->config,
                                                        .client_id = client_id,
                                                        .numbered = numbered,
                                                        .node_id = broker->node_id});
}

/* For partitions that are led here: they ask the coordinators of what is written to them. */
static void broker_build_verifier(struct broker *broker)
{
    broker->verifier_lines =
        broker_make_lines(broker, &broker->client_lines.logger, "millrace-verifier", false);
    struct txn_verifier_deps deps = {
        .env = broker->env,
        .metadata = broker->metadata,
        .lines = broker->verifier_lines,
        .retry_ms = config_int(broker->config, CONFIG_ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS),
        .retry_max_ms =
            config_int(broker->config, CONFIG_ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MAX_MS)};
    broker->txn_verifier = txn_verifier_new(&deps);
    txn_verifier_set_wanted(
        broker->txn_verifier,
        config_bool(broker->config, CONFIG_TRANSACTION_PARTITION_VERIFICATION_ENABLE));
}

static void broker_free_verifier(struct broker *broker)
{
    if (!broker->txn_verifier)
        return;
    txn_verifier_free(broker->txn_verifier);
    broker_lines_free(broker->verifier_lines);
    broker->txn_verifier = NULL;
}

static void broker_build_txns(struct broker *broker)
{
    struct txn_manager_deps deps = {
        .env = broker->env,
        .logger = &broker->txn_lines.logger,
        .metadata = broker->metadata,
        .log = &partition_log_ops,
        .ids = broker->producer_ids,
    };
    txn_settings_read(&deps.settings, broker->config);
    broker->txn_log = partition_log_new(broker->env, broker->partitions, TXN_STATE_TOPIC);
    broker->marker_lines =
        broker_make_lines(broker, &broker->txn_lines.logger, LINE_NUMBERS_MARKERS, true);
    broker->line_numbers = line_numbers_new(broker->metadata);
    deps.log_data = broker->txn_log;
    deps.lines = broker->marker_lines;
    ASSERT(broker->txns == NULL);
    broker->txns = txn_manager_new(&deps);
}

static void broker_free_txns(struct broker *broker)
{
    if (!broker->txns)
        return;
    txn_manager_free(broker->txns);
    broker_lines_free(broker->marker_lines);
    line_numbers_free(broker->line_numbers);
    partition_log_free(broker->txn_log);
    broker->txns = NULL;
}

static void broker_build_quotas(struct broker *broker)
{
    struct quotas_deps deps = {
        .env = broker->env,
        .logger = &broker->client_lines.logger,
        .metadata = broker->metadata,
        .server = broker->server,
        .window = rate_window_of(config_int(broker->config, CONFIG_QUOTA_WINDOW_NUM),
                                 config_int(broker->config, CONFIG_QUOTA_WINDOW_SIZE_SECONDS))};
    ASSERT(broker->server != NULL);
    broker->quotas = quotas_new(&deps);
}

static void broker_build_telemetry(struct broker *broker)
{
    struct telemetry_deps deps = {
        .env = broker->env,
        .logger = &broker->client_lines.logger,
        .metadata = broker->metadata,
        .max_bytes = (int32_t)config_int(broker->config, CONFIG_TELEMETRY_MAX_BYTES)};
    broker->telemetry = telemetry_new(&deps);
}

static void broker_build(struct broker *broker)
{
    ASSERT(broker->logs != NULL);
    ASSERT(broker->server != NULL);
    broker_make_registration(broker);
    broker->metadata = metadata_new(broker->env, &broker->loggers[LOGGER_BROKER_METADATA]);
    broker_listen(broker);
    broker_build_quotas(broker);
    broker_build_telemetry(broker);
    broker_open_channel(broker);
    struct replica_deps deps = {
        .env = broker->env,
        .logger = &broker->loggers[LOGGER_BROKER_REPLICA],
        .role_logger = &broker->role_lines.logger,
        .config = broker->config,
        .live = broker->live,
        .node_id = broker->node_id,
        .metadata = broker->metadata,
        .channel = broker->channel,
        .logs = broker->logs,
        .leader_changed = broker_leader_changed,
        .data = broker,
    };
    broker->replicas = replica_manager_new(&deps);
    broker->partitions = replica_manager_partitions(broker->replicas);
    broker->fetch_sessions = fetch_sessions_new(
        broker->partitions, broker->env,
        (int32_t)config_int(broker->config, CONFIG_MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS),
        config_str(broker->config, CONFIG_REPLICA_SELECTOR_CLASS)[0] != 0);
    broker->producer_ids = producer_ids_new(broker->env, broker->channel, broker->node_id);
    broker_build_groups(broker);
    broker_build_txns(broker);
    broker_build_verifier(broker);
    live_settings_check(broker->live);
}

/* Twenty lines tell enough of who knocks, members of groups say more in a day, and five partitions
 * of a start are an example. */
static void broker_limit_lines(struct broker *broker)
{
    line_limit_init(&broker->client_lines, broker->env, &broker->loggers[LOGGER_BROKER_NET], 20,
                    10000, "lines that clients caused were held back");
    line_limit_init(&broker->group_lines, broker->env, &broker->loggers[LOGGER_BROKER_GROUP], 50,
                    10000, "lines about groups were held back");
    line_limit_init(&broker->role_lines, broker->env, &broker->loggers[LOGGER_BROKER_REPLICA], 5,
                    1000, "partitions are led: see kafka-topics.sh --describe");
}

int broker_new(struct env *env, struct logger *logger, const struct config *config,
               void (*failed)(void *data), void *data, struct buf *problem, struct broker **out)
{
    struct broker *broker = mem_alloc(sizeof(*broker));
    broker->env = env;
    for (int i = 0; i < LOGGER_AREAS; i++)
        broker->loggers[i] = logger_of_area(logger, (enum logger_area)i);
    broker->logger = &broker->loggers[LOGGER_BROKER];
    broker->levels = logger->levels;
    broker->config = config;
    broker->node_id = config_node_id(config);
    broker->started_us = env_now_us(env);
    broker->failed = failed;
    broker->failed_data = data;
    env_random_bytes(env, broker->incarnation.bytes, sizeof(broker->incarnation.bytes));
    ASSERT(failed != NULL);
    ASSERT(broker->node_id >= 0);
    broker_limit_lines(broker);
    env_timer_init(env, &broker->leave_timer, broker_leave_look, broker);
    env_timer_init(env, &broker->close_timer, broker_close_due, broker);
    state_dump_init(&broker->dump, broker);
    int err = broker_open_logs(broker, problem);
    if (!err)
        err = broker_open_server(broker, problem);
    if (err) {
        broker_free(broker);
        return err;
    }
    broker_build(broker);
    *out = broker;
    return 0;
}

void broker_stop(struct broker *broker, void (*stopped)(void *data), void *data)
{
    ASSERT(stopped != NULL);
    broker->stopped = stopped;
    broker->stopped_data = data;
    if (broker->state != BROKER_SERVING ||
        !config_bool(broker->config, CONFIG_CONTROLLED_SHUTDOWN_ENABLE)) {
        broker_close(broker);
        return;
    }
    broker_move(broker, BROKER_LEAVING);
    server_leave(broker->server);
    logger_info(broker->logger, "leaving the cluster: the controller moves leaders away");
    broker->leave_since_us = env_now_us(broker->env);
    env_timer_start(&broker->leave_timer, BROKER_LEAVE_LOOK_MS);
    controller_channel_want_shutdown(broker->channel);
}

/* Connections go first: what waits for an answer then finds nobody to send it to, and the parts
 * below release those waits as they go. */
static void broker_free_users(struct broker *broker)
{
    if (broker->server)
        server_close(broker->server);
    if (broker->metadata)
        metadata_end_waits(broker->metadata);
    if (broker->telemetry)
        telemetry_free(broker->telemetry);
    broker->telemetry = NULL;
    broker_free_groups(broker);
    broker_free_verifier(broker);
    if (broker->producer_ids)
        producer_ids_free(broker->producer_ids);
    broker_free_txns(broker); /* its producers have been told that they get no ids */
    if (broker->fetch_sessions)
        fetch_sessions_free(broker->fetch_sessions);
    if (broker->logs)
        log_manager_end_waits(broker->logs);
    if (broker->replicas)
        replica_manager_free(broker->replicas);
    if (broker->channel)
        controller_channel_free(broker->channel);
    broker->producer_ids = NULL;
    broker->fetch_sessions = NULL;
    broker->replicas = NULL;
    broker->partitions = NULL;
    broker->channel = NULL;
    ASSERT(broker->groups == NULL);
    ASSERT(broker->txns == NULL);
    ASSERT(broker->txn_verifier == NULL);
}

void broker_free(struct broker *broker)
{
    env_timer_stop(&broker->leave_timer);
    env_timer_stop(&broker->close_timer);
    state_dump_close(&broker->dump);
    broker_free_users(broker);
    live_settings_free(broker->live);
    if (broker->metadata)
        metadata_end_waits(broker->metadata);
    if (broker->logs)
        log_manager_free(broker->logs);
    if (broker->server)
        server_free(broker->server);
    quotas_free(broker->quotas);
    if (broker->metadata) {
        list_remove(&broker->listener.link);
        metadata_free(broker->metadata);
    }
    if (broker->request_trace)
        request_trace_close(broker->request_trace);
    mem_free(broker->request_trace);
    line_limit_close(&broker->client_lines);
    line_limit_close(&broker->group_lines);
    line_limit_close(&broker->txn_lines);
    line_limit_close(&broker->role_lines);
    broker_free_registration(broker->registration);
    mem_free(broker);
}
