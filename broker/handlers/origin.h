/* Whose request a command to the controllers comes from: the entry that it becomes is kept with it,
 * and a quota that the controller keeps is its. */
#ifndef BROKER_HANDLERS_ORIGIN_H
#define BROKER_HANDLERS_ORIGIN_H

#include "broker/cluster/command.h"
#include "broker/net/request.h"

static inline struct command_origin origin_of(const struct request *request)
{
    return (struct command_origin){request->principal, request->client_id};
}

/* What the controller has found of the client's quota. */
static inline void origin_throttle(struct request *request, const Meta__CommandReply *reply)
{
    if (reply->throttle_ms > 0)
        request_throttle(request, reply->throttle_ms);
}

#endif
