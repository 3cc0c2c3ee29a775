/* Where the other nodes reach this node's controller, and which of them founds the quorum, when no
 * setting names the voters. */
#include "config/config_private.h"

#include <string.h>
#include <strings.h>

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

const char *config_controller_name(const struct config *config, size_t *len)
{
    static const char usual[] = "CONTROLLER";
    const char *names = config_str(config, CONFIG_CONTROLLER_LISTENER_NAMES), *name;
    if (config_next_element(&names, &name, len))
        return name;
    *len = strlen(usual);
    return usual;
}

/* ---- who founds it ---- */

bool config_host_is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

bool config_bootstrap_supposed(const struct config *config)
{
    return config->bootstrap_supposed;
}

int config_bootstrap_founder(const struct config *config)
{
    const struct config_voter *all = config->bootstrap;
    int lowest = config->bootstrap_count > 0 ? 0 : -1;
    for (int i = 1; i < config->bootstrap_count; i++)
        if (config_address_compare(all[i].host, all[i].port, all[lowest].host, all[lowest].port) <
            0)
            lowest = i;
    return lowest;
}
