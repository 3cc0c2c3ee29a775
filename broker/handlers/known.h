/* A broker that has just started does not know the cluster for a moment: its own registration is
 * not in its metadata, or no broker is there that a client could be told of. Until then it must not
 * say that something is not there. Where the controller's listener is served, the cluster is known
 * as soon as the metadata is. */
#ifndef BROKER_HANDLERS_KNOWN_H
#define BROKER_HANDLERS_KNOWN_H

#include "broker/net/request.h"

enum { KNOWN_WAIT_MS = 5000 }; /* then the client should try another broker */

bool known_cluster(const struct request *request);
/* Calls handle(request), now or once the cluster is known. When that takes too long, or the broker
 * stops, the connection is closed. */
void known_handle(struct request *request, void (*handle)(struct request *request));

#endif
