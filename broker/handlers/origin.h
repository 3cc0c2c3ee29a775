/* Whose request a command to the controllers comes from: the entry that it becomes is kept with
 * it. */
#ifndef BROKER_HANDLERS_ORIGIN_H
#define BROKER_HANDLERS_ORIGIN_H

#include "broker/cluster/command.h"
#include "broker/net/request.h"

static inline struct command_origin origin_of(const struct request *request)
{
    return (struct command_origin){request->principal, request->client_id};
}

#endif
