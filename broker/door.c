/* The door at the controller's listener. Happy path: the first client opens it, which makes the few
 * parts of a broker that the handlers of handlers_controller_table use: a server without sockets of
 * its own, a line to the controllers that observes, the metadata and the settings. A command goes
 * to the active controller from any node. Failure modes: more clients than the descriptors leave
 * are turned away, and voters and brokers, who are counted elsewhere, are not; without an active
 * controller requests end as they do at a broker. When nobody has been here for a while it is shut,
 * since it holds all metadata of the cluster once more. */
#include "broker/door.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/broker.h"
#include "broker/cluster/controller_channel.h"
#include "broker/handlers/handlers.h"
#include "broker/net/request_trace.h"
#include "broker/net/server.h"
#include "meta/channel.h"
#include "wire/frame.h"

enum {
    DOOR_LOOK_MS = 10000,
    DOOR_IDLE_MS = 60000 /* a person who asks several times in a row waits for no metadata */
};

struct door {
    struct broker context; /* what handlers are given; its `server` is NULL while it is shut */
    struct config_listener listener;
    char *listener_name;
    struct live_subscriber configured;
    struct env_timer look;
    int64_t used_ms; /* when somebody was here last */
};

static void door_check(const struct door *door)
{
    const struct broker *context = &door->context;
    ASSERT((context->server == NULL) == (context->channel == NULL));
    ASSERT((context->server == NULL) == (context->metadata == NULL));
}

/* ---- opening ---- */

static int64_t door_count_brokers(void *data)
{
    (void)data;
    return 0; /* they have their own way in, before this one */
}

static bool door_is_broker(void *data, int32_t id)
{
    (void)data;
    (void)id;
    return false;
}

static void door_starved(void *data)
{
    (void)data; /* nothing that is held here could be given up */
}

static const struct server_events door_server_events = {
    .count_other_brokers = door_count_brokers,
    .is_other_broker = door_is_broker,
    .starved = door_starved,
};

static void door_open_server(struct door *door)
{
    struct broker *context = &door->context;
    struct server_deps deps = {
        .env = context->env,
        .logger = &context->client_lines.logger,
        .apis = &handlers_controller_table,
        .listeners = &door->listener,
        .listeners_setting = "controller.listener.names",
        .limits_text = "what a controller's listener has for clients, or max.connections.per.ip",
        .events = &door_server_events,
        .data = door,
        .broker = context,
    };
    struct buf problem;
    server_limits_read(&deps.limits, context->config);
    int64_t most = channel_clients(env_files_limit(context->env));
    if (deps.limits.connections > most)
        deps.limits.connections = most;
    buf_init(&problem);
    int err = server_new(&deps, &problem, &context->server);
    buf_close(&problem);
    ASSERT(err == 0); /* it listens nowhere */
    context->request_trace = mem_alloc(sizeof(*context->request_trace));
    request_trace_init(context->request_trace, &context->loggers[LOGGER_REQUEST], &door->listener);
    server_add_hook(context->server, &context->request_trace->hook);
}

static int door_cluster_known(void *data, const char *cluster_id)
{
    (void)data;
    (void)cluster_id;
    return 0;
}

static void door_open_channel(struct door *door)
{
    static const struct controller_channel_events events = {.cluster_known = door_cluster_known};
    struct broker *context = &door->context;
    struct controller_channel_config settings;
    struct controller_address *addresses = controller_channel_read(&settings, context->config);
    settings.incarnation = context->incarnation;
    context->channel =
        controller_channel_new(context->env, &context->loggers[LOGGER_BROKER_CHANNEL],
                               context->metadata, &settings, &events, door);
    mem_free(addresses);
}

static const enum config_id door_live_ids[] = {
    CONFIG_REQUEST_LOGGER_CLIENT_IDS,
    CONFIG_REQUEST_LOGGER_APIS,
};

static void door_configure(void *data)
{
    struct door *door = data;
    const struct live_settings *live = door->context.live;
    request_trace_restrict(door->context.request_trace,
                           live_settings_text(live, CONFIG_REQUEST_LOGGER_CLIENT_IDS),
                           live_settings_text(live, CONFIG_REQUEST_LOGGER_APIS));
}

static void door_open(struct door *door)
{
    struct broker *context = &door->context;
    logger_debug(context->logger, "the controller's listener: opened for the first client");
    context->metadata = metadata_new(context->env, &context->loggers[LOGGER_BROKER_METADATA]);
    context->live = live_settings_new(context->config, context->metadata, context->node_id);
    door_open_server(door);
    door->configured = (struct live_subscriber){.ids = door_live_ids,
                                                .count = ARRAY_LEN(door_live_ids),
                                                .changed = door_configure,
                                                .data = door};
    live_settings_subscribe(context->live, &door->configured);
    door_configure(door);
    door_open_channel(door);
    env_timer_start(&door->look, DOOR_LOOK_MS);
    door_check(door);
}

/* ---- shutting ---- */

/* As a broker goes: connections first, then what their requests wait for, the server last. */
static void door_shut(struct door *door)
{
    struct broker *context = &door->context;
    if (!context->server)
        return;
    env_timer_stop(&door->look);
    server_close(context->server);
    metadata_end_waits(context->metadata);
    controller_channel_free(context->channel);
    live_settings_unsubscribe(&door->configured);
    live_settings_free(context->live);
    metadata_free(context->metadata);
    server_free(context->server);
    request_trace_close(context->request_trace);
    mem_free(context->request_trace);
    context->channel = NULL;
    context->live = NULL;
    context->metadata = NULL;
    context->server = NULL;
    context->request_trace = NULL;
    door_check(door);
}

static void door_look(void *data)
{
    struct door *door = data;
    int64_t now_ms = env_now_ms(door->context.env);
    if (server_connections(door->context.server) > 0)
        door->used_ms = now_ms;
    if (now_ms - door->used_ms < DOOR_IDLE_MS) {
        env_timer_start(&door->look, DOOR_LOOK_MS);
        return;
    }
    logger_debug(door->context.logger, "the controller's listener: nobody has been here lately");
    door_shut(door);
}

/* ---- public ---- */

struct door *door_new(struct env *env, struct logger *logger, const struct config *config)
{
    struct door *door = mem_alloc(sizeof(*door));
    struct broker *context = &door->context;
    size_t len;
    const char *name = config_controller_name(config, &len);
    door->listener_name = mem_strndup(name, len);
    door->listener = (struct config_listener){.name = door->listener_name,
                                              .host = config_controller_listener(config)->host,
                                              .port = config_controller_listener(config)->port,
                                              .advertised_host = config_controller_host(config)};
    context->env = env;
    for (int i = 0; i < LOGGER_AREAS; i++)
        context->loggers[i] = logger_of_area(logger, (enum logger_area)i);
    context->logger = &context->loggers[LOGGER_CONTROLLER];
    context->levels = logger->levels;
    context->config = config;
    context->node_id = config_node_id(config);
    context->at_controller = true;
    env_random_bytes(env, context->incarnation.bytes, sizeof(context->incarnation.bytes));
    line_limit_init(&context->client_lines, env, &context->loggers[LOGGER_BROKER_NET], 20, 10000,
                    "lines that clients of the controller's listener caused were held back");
    env_timer_init(env, &door->look, door_look, door);
    return door;
}

void door_take(struct door *door, struct frame_opening *opening)
{
    ASSERT(opening->transport.self != NULL);
    if (!door->context.server)
        door_open(door);
    door->used_ms = env_now_ms(door->context.env);
    server_adopt(door->context.server, opening);
}

void door_reload(struct door *door, const struct config *config)
{
    door->context.config = config;
    if (door->context.live)
        live_settings_reload(door->context.live, config);
}

void door_free(struct door *door)
{
    if (!door)
        return;
    door_shut(door);
    line_limit_close(&door->context.client_lines);
    mem_free(door->listener_name);
    mem_free(door);
}
