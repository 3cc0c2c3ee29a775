/* By which listener a client came in. */
#ifndef BROKER_HANDLERS_LISTENER_H
#define BROKER_HANDLERS_LISTENER_H

#include "broker/net/request.h"

/* Its name, which is the broker's. */
const char *listener_name(const struct request *request);

#endif
