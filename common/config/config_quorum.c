/* Where the other nodes reach this node's controller, when no setting names the voters. */
#include "config/config.h"

#include "base/check.h"

const char *config_controller_host(const struct config *config)
{
    int servers, listeners;
    const struct config_voter *server = config_bootstrap(config, &servers);
    const struct config_listener *listener = config_listeners(config, &listeners);
    const struct config_endpoint *own = config_controller_listener(config);
    ASSERT(own);
    for (int i = 0; i < servers; i++)
        if (config_bootstrap_is_self(config, i))
            return server[i].host;
    if (servers == 0)
        return "127.0.0.1";
    if (own->host[0])
        return own->host;
    return listeners > 0 && listener[0].advertised_host ? listener[0].advertised_host : "localhost";
}
