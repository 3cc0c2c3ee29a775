/* Which brokers a client is told of, and at which address: that of the listener it came in by. */
#ifndef BROKER_HANDLERS_NODES_H
#define BROKER_HANDLERS_NODES_H

#include "broker/net/request.h"
#include "meta/image.h"

struct produce_response;

enum { NODES_PRODUCE_VERSION = 10 }; /* from here Produce answers name the new leader */
const struct image *nodes_image(const struct request *request);
/* The broker's endpoint on the listener that this client came in by, fenced or not; NULL when it
 * has no such listener. */
const struct image_endpoint *nodes_listener(const struct request *request,
                                            const struct image_broker *broker);
/* The broker's endpoint for this client, or NULL when it is fenced or has no such listener. */
const struct image_endpoint *nodes_endpoint(const struct request *request,
                                            const struct image_broker *broker);
/* 0, or why a client can't reach the leader: ERR_LEADER_NOT_AVAILABLE, ERR_LISTENER_NOT_FOUND. */
int nodes_leader_error(const struct request *request, const struct image_partition *partition);
/* The replicas that can't serve: fenced brokers, and those that say so themselves. NULL when memory
 * is out. */
int32_t *nodes_offline(const struct request *request, struct arena *arena,
                       const struct image_partition *partition, int32_t *count) MUST_CHECK;
/* The node that requests for the controller may be sent to: every broker takes them, so this one,
 * or the active controller's when it is a broker that the client can reach. */
int32_t nodes_controller(const struct request *request);
/* Adds the addresses of the leaders that a Produce answer names (v10+). */
void nodes_fill_endpoints(struct request *request, struct produce_response *response);

#endif
