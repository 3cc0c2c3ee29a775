/* The broker's listeners and all client connections. */
#ifndef BROKER_NET_SERVER_H
#define BROKER_NET_SERVER_H

#include "base/buf.h"
#include "base/check.h"
#include "broker/broker.h"

struct server;

/* How the descriptors of this process are shared out. */
struct server_files {
    int64_t connections;    /* at most so many, also when max.connections says more */
    uint32_t open_segments; /* of logs, three descriptors each */
};
struct server_files server_share_files(int64_t limit);

/* Listens on every listener of the settings. ERR_ADDRESS_IN_USE and the like with one sentence in
 * `problem` that names the address, the setting and, when it can be told, who holds the port. */
int server_new(struct broker *broker, struct buf *problem, struct server **server) MUST_CHECK;
/* Port of listener i (of interest when the settings say 0). */
uint16_t server_port(const struct server *server, int i);
/* Appends how many connections there are and what they hold, for people. */
void server_summarise(const struct server *server, struct buf *out);
/* No new connections; those that are there stay until server_free. */
void server_stop_accepting(struct server *server);
/* The leaders have moved away: closes, one after the other, the connections whose clients have been
 * told so (request_note_moved), before this call or later. Such a client looks for the new leader
 * at once; librdkafka before 2.4 otherwise pauses first (topic.metadata.refresh.fast.interval.ms).
 * One that was not told yet would look for it only a second later. */
void server_let_go(struct server *server);
/* Closes the listeners and every connection. Requests that wait for an answer live on until their
 * handlers give it; they are charged to the server, which therefore goes after them. */
void server_close(struct server *server);
void server_free(struct server *server);

#endif
