/* Where this node's controller listens, where the other nodes reach it, and which of them founds
 * the quorum when no setting names the voters. */
#include "config/config_private.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/err.h"

/* The controller listens that much above the broker, when nothing says where. */
enum { CONFIG_CONTROLLER_PORT_ABOVE = 10000 };

const struct config_voter *config_find_voter(const struct config *config, int32_t id)
{
    ASSERT(config->voter_count >= 0);
    ASSERT(config->voter_count <= CONFIG_VOTERS_MAX);
    for (int i = 0; i < config->voter_count; i++)
        if (config->voters[i].id == id)
            return &config->voters[i];
    return NULL;
}

/* ---- the controller's listener ---- */

static bool config_is_local(const struct config *config)
{
    ASSERT(config->bootstrap_count <= CONFIG_VOTERS_MAX);
    for (int i = 0; i < config->bootstrap_count; i++)
        if (!config_host_is_loopback(config->bootstrap[i].host))
            return false;
    return true;
}

int config_derive_controller(struct config *config, struct buf *problem, struct buf *notes)
{
    const struct config_voter *self = config_find_voter(config, config->node_id);
    ASSERT(config->roles & CONFIG_ROLE_CONTROLLER);
    if (config->controller.host && self && self->port != config->controller.port)
        buf_printf(notes,
                   "%s: the controller listens on port %u (listeners), and the others are told "
                   "port %u (controller.quorum.voters): write the same, unless something between "
                   "translates\n",
                   config->file, config->controller.port, self->port);
    if (!config->controller.host && self) {
        config->controller.host = config_host_is_loopback(self->host) ? self->host : "";
        config->controller.port = self->port;
    } else if (!config->controller.host) {
        unsigned port = config->listener_count > 0 ? config->listeners[0].port : 0;
        unsigned above = port + CONFIG_CONTROLLER_PORT_ABOVE;
        /* Only nodes that the bootstrap servers stand for need to reach it. */
        config->controller.host = config_is_local(config) ? "localhost" : "";
        config->controller.port =
            (uint16_t)(port == 0            ? 0
                       : above > UINT16_MAX ? port - CONFIG_CONTROLLER_PORT_ABOVE
                                            : above);
    }
    if (config->controller.port == 0) {
        config_say_where(config, CONFIG_LISTENERS, problem);
        buf_printf(problem,
                   "listeners: other controllers, and this one after a restart, are told the "
                   "controller's port, so it can't be 0: add CONTROLLER://localhost:9093 to "
                   "listeners, with a port that is free");
        return ERR_INVALID;
    }
    ASSERT(config->controller.host != NULL);
    ASSERT(config->controller.port != 0);
    for (int i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].port != config->controller.port)
            continue;
        config_say_where(config, CONFIG_CONTROLLER_QUORUM_VOTERS, problem);
        buf_printf(problem,
                   "controller.quorum.voters gives this node's controller port %u, where "
                   "listener %s is: give it its own",
                   config->controller.port, config->listeners[i].name);
        return ERR_INVALID;
    }
    return 0;
}

/* ---- where it is reached ---- */

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
