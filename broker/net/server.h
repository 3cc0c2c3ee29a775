/* The broker's listeners and all client connections. */
#ifndef BROKER_NET_SERVER_H
#define BROKER_NET_SERVER_H

#include "base/buf.h"
#include "base/check.h"
#include "base/logger.h"
#include "broker/net/api_table.h"
#include "config/config.h"
#include "env/env.h"

struct broker;
struct frame_opening;
struct request_hook;
struct request_quota;
struct server;

struct server_limits {
    size_t request_bytes;         /* of one request */
    size_t queued_bytes;          /* received bytes of all; holds the largest request */
    int64_t idle_ms;              /* -1: idle connections stay */
    int64_t connections;          /* of clients */
    int64_t connections_per_host; /* of clients, too */
    int64_t connection_rate;      /* new ones a second; INT32_MAX: as many as come */
    int unpaced_listener;         /* for which that does not count; -1 */
};
/* What the settings file says. */
void server_limits_read(struct server_limits *limits, const struct config *config);

/* What a server asks of who built it; `data` is that of its deps. */
struct server_events {
    /* The cluster has so many brokers beside this one, which get in above the limits of clients;
     * and whether that id is one of them. */
    int64_t (*count_other_brokers)(void *data);
    bool (*is_other_broker)(void *data, int32_t id);
    /* Others wait for the memory of requests: what can be asked for again may be given up. */
    void (*starved)(void *data);
};

/* All but the limits is borrowed for the life of the server. */
struct server_deps {
    struct env *env;
    struct logger *logger; /* for every line that clients can cause: bounded by who built it */
    const struct api_table *apis;
    const struct config_listener *listeners;
    int listener_count; /* 0: all connections come by server_adopt, and are of the first listener */
    const char *listeners_setting; /* which setting names their addresses, for people */
    struct server_limits limits;
    const char *limits_text; /* which limit is used up, when connections are refused */
    const struct server_events *events;
    void *data;
    struct broker *broker; /* for handlers: net/ only hands it on */
};

/* How the descriptors of this process are shared out. */
struct server_files {
    int64_t connections;    /* at most so many, also when max.connections says more */
    uint32_t open_segments; /* of logs, three descriptors each */
};
struct server_files server_share_files(int64_t limit);

/* Listens on every listener. ERR_ADDRESS_IN_USE and the like with one sentence in
 * `problem` that names the address, the setting and, when it can be told, who holds the port. */
int server_new(const struct server_deps *deps, struct buf *problem,
               struct server **server) MUST_CHECK;
/* Other limits of connections: for those that come from now on. */
void server_set_connections(struct server *server, int64_t all, int64_t per_host, int64_t rate);
/* Those of max.connections.per.ip.overrides, as the setting has them. */
void server_set_host_limits(struct server *server, const char *overrides);
/* A connection that another listener has accepted: the server's now, within its limits. */
void server_adopt(struct server *server, struct frame_opening *opening);
/* Connections that are open. */
size_t server_connections(const struct server *server);
/* From now on it hears of the end of requests (net/request_end.h). */
void server_add_hook(struct server *server, struct request_hook *hook);
/* From now on clients are held to quotas (net/request_quota.h); once, before it has clients. */
void server_set_quota(struct server *server, struct request_quota *quota);
/* Who waits since a quota was used up need not wait any longer. */
void server_end_throttles(struct server *server);
/* Port of listener i (of interest when the settings say 0). */
uint16_t server_port(const struct server *server, int i);
/* Appends how many connections there are and what they hold, for people. */
void server_summarise(const struct server *server, struct buf *out);
/* No new connections; those that are there stay until server_free. */
void server_stop_accepting(struct server *server);
/* The leaders begin to move away: from now on it is noted which clients are told so
 * (request_note_moved). */
void server_leave(struct server *server);
/* The leaders have moved away: closes, one after the other, the connections whose clients have been
 * told so since server_leave, before this call or later. Such a client looks for the new leader
 * at once; librdkafka before 2.4 otherwise pauses first (topic.metadata.refresh.fast.interval.ms).
 * One that was not told yet would look for it only a second later. */
void server_let_go(struct server *server);
/* Closes the listeners and every connection. Requests that wait for an answer live on until their
 * handlers give it; they are charged to the server, which therefore goes after them. */
void server_close(struct server *server);
void server_free(struct server *server);

#endif
