/* The door at a controller's listener has no metadata when its first client comes. What is told of
 * the cluster as a whole waits a moment for it. */
#ifndef BROKER_HANDLERS_DOOR_WAIT_H
#define BROKER_HANDLERS_DOOR_WAIT_H

#include "broker/net/request.h"

/* Who is told of no active controller gets an answer at least: clients ask each one they know. */
enum { DOOR_WAIT_MS = 1000 };

/* Calls handle(request): now, when the metadata is here, or when it has waited for long enough. */
void door_wait(struct request *request, void (*handle)(struct request *request));

#endif
