/* The listener of a request. Nothing fails. */
#include "broker/handlers/listener.h"

#include "broker/broker.h"

const char *listener_name(const struct request *request)
{
    int count;
    const struct config_listener *listeners = config_listeners(request->broker->config, &count);
    ASSERT((int)request->listener < count);
    return listeners[request->listener].name;
}
