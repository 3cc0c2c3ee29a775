/* The listeners.
 *
 * Happy path: accept, wrap in a connection, forget about it until it closes. Failure modes: the
 * limit of connections is reached (the newest is closed, said once a second, unless it proves to be
 * another broker's: those have room of their own, or clients could keep the followers out), a port
 * is taken (start fails and says by whom). Idle connections are swept out on a timer. */
#include "broker/net/server.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/plural.h"
#include "base/rate.h"
#include "broker/net/connection.h"
#include "broker/net/request_quota.h"
#include "meta/channel.h"

enum {
    SERVER_BUDGET = 256 << 20, /* received bytes that wait for their handlers, over all connections:
                                * two of the largest requests and room for ordinary ones */
    SERVER_SWEEP_MS = 1000,
    /* Descriptors that no client gets: the loops and their wakeups, listeners, directory locks,
     * Raft's files and links to other voters, fetchers to other leaders, what the workers open for
     * a moment, and what each thread holds back (env_files_ready). */
    SERVER_FILES_OWN = 96,
    /* A third of what is left is for the files of logs, up to what is of use. */
    SERVER_SEGMENTS_MAX = 2048,
    SERVER_SEGMENT_FILES = 3,
    SERVER_SEGMENTS_MIN = 4,
    SERVER_CONNECTIONS_MIN = 16,
    /* Above the limit, not yet known to be another broker's. Each has a part of the time between
     * two clients that dial: so many that a fetch comes in it. */
    SERVER_TRIALS_MAX = 16,
    SERVER_TRIALS_MIN = 4,   /* clients may have come before the other brokers were known */
    SERVER_TRIM_SWEEPS = 10, /* between two looks at freed memory */
    SERVER_CALM_PART = 8,    /* of its budget, which requests hold at most meanwhile */
    SERVER_SETTLE_SWEEPS = 60,
    SERVER_RATE_NONE = INT32_MAX, /* new connections a second: as many as come */
    SERVER_PACE_SAMPLES = 11,     /* as for quotas, of a second each */
    SERVER_PART_MS = 10000        /* a part of a request may hold memory that others need so long */
};

STATIC_ASSERT(SERVER_SEGMENTS_MIN <= SERVER_SEGMENTS_MAX, "the files of logs have a range");
STATIC_ASSERT(SERVER_TRIALS_MIN <= SERVER_TRIALS_MAX, "connections on trial have a range");
STATIC_ASSERT((int)SERVER_CONNECTIONS_MIN > (int)CONNECTION_BROKER_MAX,
              "clients get in beside another broker");
struct server_listener {
    struct server *server;
    int index;
    struct env_listener *listener;
};

struct server {
    struct connection_owner owner;
    struct server_listener *listeners;
    int listener_count;
    struct env_timer sweep;
    struct env_timer pace; /* runs while nothing is accepted, since too much came at once */
    struct rate_window pace_window;
    struct rate *accepted;
    struct config_host_limit *host_limits; /* of max.connections.per.ip.overrides */
    size_t host_limit_count;
    int64_t files_max; /* connections that the descriptors allow */
    int64_t refused;   /* since the last sweep */
    int64_t paced;     /* likewise: pauses of accepting */
    bool lacks_files;  /* why: the descriptors, or the memory of the process */
    bool lacks_memory;
    bool paced_told;
    unsigned sweeps;
};

/* How many may come from the host of that one. */
static int64_t server_per_host(const struct server *server, const struct connection *connection)
{
    const char *host = connection_host(connection) + 1;
    for (size_t i = 0; i < server->host_limit_count; i++)
        if (strcmp(server->host_limits[i].host, host) == 0)
            return server->host_limits[i].max;
    return server->owner.deps.limits.connections_per_host;
}

/* How many connections come from the same host. */
static int64_t server_count_host(const struct server *server, const struct connection *connection)
{
    int64_t count = 0;
    LIST_EACH(step, &server->owner.connections)
        count += strcmp(connection_host(connection_of(step)), connection_host(connection)) == 0;
    return count;
}

static int64_t server_count_others(const struct server *server)
{
    const struct server_deps *deps = &server->owner.deps;
    return deps->events->count_other_brokers(deps->data);
}

/* What the descriptors leave for clients, beside `others` brokers and connections on trial. The
 * clients keep half of it in any case. */
static int64_t server_client_files(const struct server *server, int64_t others)
{
    ASSERT(others >= 0);
    ASSERT(server->files_max > 0);
    if (others == 0)
        return server->files_max;
    int64_t rest = server->files_max - others * CONNECTION_BROKER_MAX - SERVER_TRIALS_MAX;
    ASSERT(rest <= server->files_max);
    return rest > server->files_max / 2 ? rest : server->files_max / 2;
}

/* It is one too many, of all clients or of its host, if it is a client's. */
static void server_try(struct server *server, struct connection *connection, int64_t others)
{
    const struct connection_owner *owner = &server->owner;
    int64_t room = server->files_max - (int64_t)(owner->count - owner->trials);
    ASSERT(owner->count >= owner->trials);
    ASSERT(owner->count > 0);
    if (others > 0) {
        room = room < SERVER_TRIALS_MAX ? room : SERVER_TRIALS_MAX;
        connection_try(connection, room > SERVER_TRIALS_MIN ? (size_t)room : SERVER_TRIALS_MIN);
    } else {
        server->refused++;
        connection_close(connection);
    }
}

/* ---- the rate of new connections ---- */

static void server_pause_accepting(struct server *server, bool paused)
{
    for (int i = 0; i < server->listener_count; i++)
        if (server->listeners[i].listener && i != server->owner.deps.limits.unpaced_listener)
            env_listener_pause(server->listeners[i].listener, paused);
}

static void server_pace_over(void *data)
{
    server_pause_accepting(data, false);
}

/* While more come than max.connection.creation.rate lets in, they wait in the kernel. */
static void server_pace(struct server *server, int listener)
{
    const struct server_limits *limits = &server->owner.deps.limits;
    if (limits->connection_rate >= SERVER_RATE_NONE || listener == limits->unpaced_listener)
        return;
    int64_t now_us = env_now_us(server->owner.deps.env);
    rate_add(server->accepted, &server->pace_window, now_us, 1);
    int64_t wait_us = rate_wait_us(server->accepted, &server->pace_window, now_us,
                                   (double)limits->connection_rate);
    if (wait_us == 0)
        return;
    ASSERT(wait_us > 0);
    server->paced++;
    server_pause_accepting(server, true);
    env_timer_start(&server->pace, (wait_us + 999) / 1000);
}

/* By the quota of its address. False: it was closed. */
static bool server_admit(struct server *server, struct connection *connection)
{
    const struct request_quota *quota = server->owner.quota;
    if (!quota || !quota->hosts_on)
        return true;
    int32_t wait_ms = quota->arrive(quota->data, connection_host(connection) + 1);
    if (wait_ms > 0)
        connection_hold(connection, wait_ms);
    if (wait_ms >= 0)
        return true;
    server->refused++;
    connection_close(connection);
    return false;
}

static void server_accepted(void *data, struct env_stream *stream)
{
    struct server_listener *listener = data;
    struct server *server = listener->server;
    const struct server_limits *limits = &server->owner.deps.limits;
    ASSERT(stream != NULL);
    ASSERT(listener->index >= 0);
    ASSERT(listener->index < server->owner.deps.listener_count);
    server_pace(server, listener->index);
    if (!mem_reserve_is_full()) {
        server->lacks_memory = true;
        server->refused++;
        env_stream_close(stream);
        return;
    }
    int64_t max = limits->connections;
    int64_t others = server_count_others(server), files = server_client_files(server, others);
    struct connection_owner *owner = &server->owner;
    ASSERT(owner->count >= owner->trials + owner->brokers);
    bool full =
        (int64_t)(owner->count - owner->trials - owner->brokers) >= (max < files ? max : files);
    server->lacks_files |= full && files <= max;
    if (full && others == 0) {
        server->refused++;
        env_stream_close(stream);
        return;
    }
    struct connection *connection;
    struct frame_opening opening = {.transport = transport_plain(stream)};
    if (connection_new(&server->owner, &opening, listener->index, &connection)) {
        server->refused++;
        return;
    }
    if (!server_admit(server, connection))
        return;
    int64_t per_host = server_per_host(server, connection);
    if (full ||
        ((int64_t)owner->count > per_host && server_count_host(server, connection) > per_host))
        server_try(server, connection, others);
}

void server_adopt(struct server *server, struct frame_opening *opening)
{
    const struct server_limits *limits = &server->owner.deps.limits;
    const struct connection_owner *owner = &server->owner;
    struct connection *connection;
    bool reserve = mem_reserve_is_full();
    server->lacks_memory |= !reserve;
    if (!reserve || (int64_t)owner->count >= limits->connections) {
        server->refused++;
        frame_opening_close(opening);
    } else if (connection_new(&server->owner, opening, 0, &connection)) {
        server->refused++;
    } else if ((int64_t)owner->count > limits->connections_per_host &&
               server_count_host(server, connection) > limits->connections_per_host) {
        server->refused++;
        connection_close(connection);
    }
}

size_t server_connections(const struct server *server)
{
    return server->owner.count;
}

/* Others wait for memory: what can be given up makes room, and the largest request that has been
 * coming for long. */
static void server_make_room(struct server *server)
{
    struct connection *worst = NULL;
    size_t most = 0;
    const struct server_deps *deps = &server->owner.deps;
    int64_t now_ms = env_now_ms(deps->env), since_ms;
    server->owner.budget.starved = false;
    deps->events->starved(deps->data);
    LIST_EACH(step, &server->owner.connections) {
        size_t held = connection_held(connection_of(step), &since_ms);
        if (held > most && now_ms - since_ms >= SERVER_PART_MS) {
            worst = connection_of(step);
            most = held;
        }
    }
    if (!worst)
        return;
    logger_warn(deps->logger,
                "closing the connection of %s: a part of a request holds %zu bytes, and others "
                "wait for memory (queued.max.request.bytes)",
                connection_peer(worst), most);
    connection_close(worst);
}

static void server_sweep(void *data)
{
    struct server *server = data;
    const struct server_deps *deps = &server->owner.deps;
    struct logger *logger = deps->logger;
    int64_t idle_ms = deps->limits.idle_ms;
    int64_t now_ms = env_now_ms(deps->env);
    LIST_EACH(step, &server->owner.connections) {
        struct connection *connection = connection_of(step);
        if (idle_ms >= 0 && now_ms - connection_active_ms(connection) > idle_ms &&
            !connection_is_waiting(connection))
            connection_close(connection);
    }
    server->refused += server->owner.unproven;
    server->owner.unproven = 0;
    (void)mem_reserve_fill();
    told_sweep(&server->owner.told, logger, now_ms);
    if (server->owner.budget.starved)
        server_make_room(server);
    /* Takes 50 ms where much is to be given back, and what requests hold now they want again. */
    const struct mem_budget *budget = &server->owner.budget;
    bool calm = budget->used <= budget->limit / SERVER_CALM_PART;
    if (++server->sweeps % SERVER_TRIM_SWEEPS == 0 && calm)
        mem_give_back();
    /* A start was just before the first. */
    if (server->sweeps % SERVER_SETTLE_SWEEPS == SERVER_TRIM_SWEEPS && calm)
        mem_settle();
    const char *refused = plural(server->refused, "connection", "connections");
    if (server->lacks_memory)
        logger_warn(logger,
                    "refused %lld %s: this process gets no more memory: raise its limit, "
                    "or lower queued.max.request.bytes",
                    (long long)server->refused, refused);
    else if (server->lacks_files)
        logger_warn(logger,
                    "refused %lld %s: the limit of open files leaves room for %lld: raise "
                    "ulimit -n (LimitNOFILE of a systemd unit)",
                    (long long)server->refused, refused,
                    (long long)server_client_files(server, server_count_others(server)));
    else if (server->refused > 0)
        logger_warn(logger, "refused %lld %s: %s, or the memory for them, is used up",
                    (long long)server->refused, refused, deps->limits_text);
    if (server->paced > 0 && !server->paced_told)
        logger_warn(logger,
                    "more connections come than max.connection.creation.rate lets in, which "
                    "is %lld a second: they wait; said once",
                    (long long)deps->limits.connection_rate);
    server->paced_told |= server->paced > 0;
    server->paced = 0;
    server->refused = 0;
    server->lacks_memory = false;
    server->lacks_files &= server->owner.trials > 0; /* theirs is told when they end */
    env_timer_start(&server->sweep, SERVER_SWEEP_MS);
}

static int server_listen(struct server *server, int index, struct buf *problem)
{
    const struct server_deps *deps = &server->owner.deps;
    const struct config_listener *settings = &deps->listeners[index];
    struct server_listener *listener = &server->listeners[index];
    const char *setting = deps->listeners_setting;
    ASSERT(index >= 0);
    ASSERT(index < deps->listener_count);
    listener->server = server;
    listener->index = index;
    int err = env_listen(deps->env, settings->host, settings->port, server_accepted, listener,
                         &listener->listener);
    if (err == ERR_ADDRESS_IN_USE) {
        buf_printf(problem, "%s: port %u of listener %s is in use by ", setting, settings->port,
                   settings->name);
        env_port_holder(deps->env, settings->port, problem);
        buf_printf(problem, ": stop it, or choose another port in %s", setting);
    } else if (err) {
        buf_printf(problem,
                   "%s: can't listen on %s:%u for listener %s: %s: write an address of this host",
                   setting, settings->host[0] ? settings->host : "0.0.0.0", settings->port,
                   settings->name, err_text(err));
    }
    return err;
}

/* As in Kafka, that of the brokers, where it is another one than that of the clients. */
static int server_unpaced(const struct config *config)
{
    int count;
    const struct config_listener *listeners = config_listeners(config, &count);
    const struct config_listener *own = config_inter_broker_listener(config);
    return count > 1 && own ? (int)(own - listeners) : -1;
}

/* The settings see to it that the largest request fits into queued.max.request.bytes. */
void server_limits_read(struct server_limits *limits, const struct config *config)
{
    int64_t queued = config_int(config, CONFIG_QUEUED_MAX_REQUEST_BYTES);
    int64_t request = config_int(config, CONFIG_SOCKET_REQUEST_MAX_BYTES);
    if (queued <= 0)
        queued = request > SERVER_BUDGET ? request : SERVER_BUDGET;
    *limits = (struct server_limits){
        .request_bytes = (size_t)request,
        .queued_bytes = (size_t)queued,
        .idle_ms = config_int(config, CONFIG_CONNECTIONS_MAX_IDLE_MS),
        .connections = config_int(config, CONFIG_MAX_CONNECTIONS),
        .connections_per_host = config_int(config, CONFIG_MAX_CONNECTIONS_PER_IP),
        .connection_rate = config_int(config, CONFIG_MAX_CONNECTION_CREATION_RATE),
        .unpaced_listener = server_unpaced(config),
    };
}

void server_set_connections(struct server *server, int64_t all, int64_t per_host, int64_t rate)
{
    struct server_limits *limits = &server->owner.deps.limits;
    server->paced_told &= limits->connection_rate == rate;
    limits->connections = all;
    limits->connections_per_host = per_host;
    limits->connection_rate = rate;
}

void server_set_host_limits(struct server *server, const char *overrides)
{
    struct config_host_limit limit;
    server->host_limit_count = 0;
    while (config_next_host_limit(&overrides, &limit) > 0 &&
           server->host_limit_count < CONFIG_HOST_LIMITS_MAX) {
        size_t count = server->host_limit_count + 1;
        server->host_limits = mem_realloc(server->host_limits, count * sizeof(limit));
        server->host_limits[server->host_limit_count++] = limit;
    }
    ASSERT(server->host_limit_count <= CONFIG_HOST_LIMITS_MAX);
}

struct server_files server_share_files(int64_t limit)
{
    /* The process may be a controller, too: who greets it has a share. */
    int64_t rest = limit - SERVER_FILES_OWN - channel_greetings(limit);
    int64_t segments = rest / 3 / SERVER_SEGMENT_FILES;
    if (segments > SERVER_SEGMENTS_MAX)
        segments = SERVER_SEGMENTS_MAX;
    if (segments < SERVER_SEGMENTS_MIN)
        segments = SERVER_SEGMENTS_MIN;
    ASSERT(segments >= SERVER_SEGMENTS_MIN);
    ASSERT(segments <= SERVER_SEGMENTS_MAX);
    int64_t connections = rest - segments * SERVER_SEGMENT_FILES;
    if (connections < SERVER_CONNECTIONS_MIN)
        connections = SERVER_CONNECTIONS_MIN;
    ASSERT(connections >= SERVER_CONNECTIONS_MIN);
    return (struct server_files){connections, (uint32_t)segments};
}

int server_new(const struct server_deps *deps, struct buf *problem, struct server **out)
{
    struct server *server = mem_alloc(sizeof(*server));
    ASSERT(deps->limits.request_bytes <= deps->limits.queued_bytes);
    ASSERT(deps->events != NULL);
    ASSERT(deps->events->count_other_brokers != NULL);
    ASSERT(deps->events->is_other_broker != NULL);
    ASSERT(deps->events->starved != NULL);
    ASSERT(deps->apis != NULL);
    ASSERT(deps->logger != NULL);
    ASSERT(deps->listener_count >= 0);
    server->owner.deps = *deps;
    (void)mem_reserve_fill();
    server->files_max = server_share_files(env_files_limit(deps->env)).connections;
    list_init(&server->owner.connections);
    list_init(&server->owner.streams);
    env_timer_init(deps->env, &server->owner.stream_timer, request_streams_turn, &server->owner);
    mem_budget_init(&server->owner.budget, deps->limits.queued_bytes);
    server->owner.unsent_max = server->owner.budget.limit / 2;
    env_timer_init(deps->env, &server->sweep, server_sweep, server);
    env_timer_init(deps->env, &server->pace, server_pace_over, server);
    server->pace_window = rate_window_of(SERVER_PACE_SAMPLES, 1);
    server->accepted = mem_alloc(rate_size(&server->pace_window));
    server->listeners = mem_alloc((size_t)deps->listener_count * sizeof(*server->listeners));
    for (; server->listener_count < deps->listener_count; server->listener_count++) {
        int err = server_listen(server, server->listener_count, problem);
        if (err) {
            server_free(server);
            return err;
        }
    }
    env_timer_start(&server->sweep, SERVER_SWEEP_MS);
    *out = server;
    return 0;
}

void server_add_hook(struct server *server, struct request_hook *hook)
{
    struct connection_owner *owner = &server->owner;
    ASSERT(hook->wants != NULL);
    ASSERT(hook->ended != NULL);
    ASSERT(owner->hook_count < REQUEST_HOOKS_MAX);
    owner->hooks[owner->hook_count++] = hook;
}

void server_set_quota(struct server *server, struct request_quota *quota)
{
    ASSERT(quota->begin != NULL);
    ASSERT(quota->charge != NULL);
    ASSERT(quota->answer_max != NULL);
    ASSERT(quota->take != NULL);
    ASSERT(quota->end != NULL);
    ASSERT(!server->owner.quota);
    ASSERT(server->owner.count == 0);
    server->owner.quota = quota;
}

void server_end_throttles(struct server *server)
{
    LIST_EACH(step, &server->owner.connections) {
        connection_end_hold(connection_of(step));
    }
}

uint16_t server_port(const struct server *server, int i)
{
    ASSERT(i >= 0);
    ASSERT(i < server->listener_count);
    return env_listener_port(server->listeners[i].listener);
}

static void server_summarise_paused(const struct connection_owner *owner,
                                    enum connection_pause pause, struct buf *out)
{
    size_t count = 0;
    LIST_EACH(step, &owner->connections)
        count += connection_pauses(connection_of(step)) >> pause & 1;
    if (count > 0)
        buf_printf(out, ", %zu not read: they wait for %s", count, connection_pause_text(pause));
}

void server_summarise(const struct server *server, struct buf *out)
{
    const struct connection_owner *owner = &server->owner;
    buf_printf(out,
               "%zu connections, memory for requests %zu of %zu bytes, answers that were not taken "
               "yet %zu of %zu bytes",
               owner->count, owner->budget.used, owner->budget.limit, owner->unsent_bytes,
               owner->unsent_max);
    for (int i = 0; i < CONNECTION_PAUSES; i++)
        server_summarise_paused(owner, (enum connection_pause)i, out);
}

void server_stop_accepting(struct server *server)
{
    for (int i = 0; i < server->listener_count; i++)
        if (server->listeners[i].listener)
            env_listener_close(server->listeners[i].listener);
    server->listener_count = 0;
}

void server_leave(struct server *server)
{
    server->owner.leaving = true;
}

void server_let_go(struct server *server)
{
    ASSERT(!server->owner.letting_go);
    ASSERT(server->owner.leaving);
    server->owner.letting_go = true;
    LIST_EACH(step, &server->owner.connections) {
        connection_let_go(connection_of(step));
    }
}

void server_close(struct server *server)
{
    server_stop_accepting(server);
    env_timer_stop(&server->sweep);
    env_timer_stop(&server->pace);
    while (!list_empty(&server->owner.connections))
        connection_close(connection_of(server->owner.connections.next));
    request_streams_close(&server->owner);
    ASSERT(server->owner.count == 0);
    ASSERT(server->owner.trials == 0);
    ASSERT(server->owner.brokers == 0);
    ASSERT(list_empty(&server->owner.streams));
}

void server_free(struct server *server)
{
    server_close(server);
    ASSERT(server->owner.budget.used == 0);
    ASSERT(server->owner.unsent_bytes == 0);
    ASSERT(server->owner.unsent_shed == 0);
    mem_free(server->listeners);
    mem_free(server->accepted);
    mem_free(server->host_limits);
    mem_free(server);
}
