/* To which controllers there are lines. Failure modes: more names than CONTROLLER_LINKS_MAX are
 * passed over. */
#include "broker/cluster/controller_links.h"

#include <string.h>

#include "base/mem.h"
#include "config/config.h"
#include "wire/frame.h"

enum { CONTROLLER_LINKS_MAX = 128 /* more than a quorum and the settings can name */ };

struct link *controller_links_add(struct controller_channel *channel, int32_t id, const char *host,
                                  uint16_t port, void (*dial)(void *link))
{
    ASSERT(dial != NULL);
    ASSERT(channel->link_count >= 0 && host);
    struct link *link = mem_alloc(sizeof(*link));
    link->channel = channel;
    link->voter_id = id;
    link->host = mem_strdup(host);
    link->port = port;
    link->leader_id = IMAGE_NO_NODE;
    env_timer_init(channel->env, &link->redial, dial, link);
    channel->links =
        mem_realloc(channel->links, (size_t)(channel->link_count + 1) * sizeof(*channel->links));
    channel->links[channel->link_count++] = link;
    return link;
}

void controller_links_free(struct link *link)
{
    env_timer_stop(&link->redial);
    if (link->connect)
        env_connect_cancel(link->connect);
    if (link->conn)
        frame_conn_close(link->conn);
    mem_free(link->host);
    mem_free(link);
}

/* ---- the settings ---- */

static bool controller_links_is_any(const char *host)
{
    return !host[0] || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* The voters of the settings. Where these name none, this node's own controller, and the bootstrap
 * servers; they tell of the others. Where nobody has named servers the own one is enough. */
static int controller_links_read(const struct config *config, struct controller_address **out)
{
    int voter_count, server_count, count = 0;
    const struct config_voter *voters = config_voters(config, &voter_count);
    const struct config_voter *servers = config_bootstrap(config, &server_count);
    const struct config_endpoint *own = config_controller_listener(config);
    struct controller_address *all =
        mem_alloc((size_t)(voter_count + server_count + 1) * sizeof(*all));
    if (voter_count == 0 && own)
        all[count++] = (struct controller_address){
            config_node_id(config), controller_links_is_any(own->host) ? "127.0.0.1" : own->host,
            own->port};
    for (int i = 0; i < voter_count; i++)
        all[count++] = (struct controller_address){voters[i].id, voters[i].host, voters[i].port};
    for (int i = 0; i < server_count; i++)
        if (!config_bootstrap_is_self(config, i) && !(own && config_bootstrap_supposed(config)))
            all[count++] =
                (struct controller_address){CONFIG_NO_ID, servers[i].host, servers[i].port};
    ASSERT(count <= voter_count + server_count + 1);
    *out = all;
    return count;
}

struct controller_address *controller_channel_read(struct controller_channel_config *channel,
                                                   const struct config *config)
{
    int voter_count, server_count;
    struct controller_address *addresses;
    int count = controller_links_read(config, &addresses);
    (void)config_voters(config, &voter_count);
    (void)config_bootstrap(config, &server_count);
    *channel = (struct controller_channel_config){
        .node_id = config_node_id(config),
        .voters = addresses,
        .voter_count = count,
        .fixed = voter_count > 0,
        .setting = voter_count == 0 && server_count > 0 ? "controller.quorum.bootstrap.servers"
                                                        : "controller.quorum.voters",
        .settings_file = config_file(config),
        .heartbeat_ms = config_int(config, CONFIG_BROKER_HEARTBEAT_INTERVAL_MS),
        .session_ms = config_int(config, CONFIG_BROKER_SESSION_TIMEOUT_MS),
    };
    return addresses;
}

/* ---- what controllers tell ---- */

/* One that was cut off tells of an older quorum, in an older term. */
static void controller_links_note(struct controller_channel *channel, const Meta__Welcome *welcome)
{
    if (welcome->n_voters == 0 || welcome->leader_epoch < channel->told_term)
        return;
    controller_links_forget_all(channel);
    ASSERT(channel->told == NULL && channel->told_count == 0);
    channel->told = mem_alloc(welcome->n_voters * sizeof(*channel->told));
    channel->told_term = welcome->leader_epoch;
    for (size_t i = 0; i < welcome->n_voters; i++) {
        const Meta__Member *member = welcome->voters[i];
        if (member->host[0] && member->port > 0 && member->port <= UINT16_MAX)
            channel->told[channel->told_count++] = (struct controller_address){
                member->id, mem_strdup(member->host), (uint16_t)member->port};
    }
}

void controller_links_forget_all(struct controller_channel *channel)
{
    for (int i = 0; i < channel->told_count; i++)
        mem_free((char *)(uintptr_t)channel->told[i].host);
    mem_free(channel->told);
    channel->told = NULL;
    channel->told_count = 0;
    ASSERT(channel->told == NULL);
    ASSERT(channel->told_count == 0);
}

size_t controller_channel_quorum(const struct controller_channel *channel,
                                 struct controller_address *controllers, size_t max)
{
    size_t count = 0;
    for (int i = 0; i < channel->told_count && count < max; i++)
        controllers[count++] = channel->told[i];
    if (channel->told_count > 0 || !channel->config.fixed)
        return count;
    for (int i = 0; i < channel->link_count && count < max; i++) {
        const struct link *link = channel->links[i];
        controllers[count++] = (struct controller_address){link->voter_id, link->host, link->port};
    }
    return count;
}

static struct link *controller_links_find(const struct controller_channel *channel,
                                          const Meta__Member *voter)
{
    for (int i = 0; i < channel->link_count; i++) {
        struct link *link = channel->links[i];
        if (link->voter_id == voter->id ||
            (link->port == voter->port && strcmp(link->host, voter->host) == 0))
            return link;
    }
    return NULL;
}

static bool controller_links_is_voter(const struct link *link, const Meta__Welcome *welcome)
{
    for (size_t i = 0; i < welcome->n_voters; i++)
        if (welcome->voters[i]->votes && welcome->voters[i]->id == link->voter_id)
            return true;
    return false;
}

/* Who was learned of and votes no more is dialled no longer. `from` is in a call of ours. */
static void controller_links_forget(struct controller_channel *channel, const struct link *from,
                                    const Meta__Welcome *welcome)
{
    int kept = 0;
    for (int i = 0; i < channel->link_count; i++) {
        struct link *link = channel->links[i];
        bool keep = !link->learned || link == from || link->state == LINK_ACTIVE ||
                    controller_links_is_voter(link, welcome);
        if (keep)
            channel->links[kept++] = link;
        else
            controller_links_free(link);
    }
    ASSERT(kept <= channel->link_count);
    channel->link_count = kept;
}

void controller_links_learn(struct controller_channel *channel, const struct link *from,
                            const Meta__Welcome *welcome, void (*dial)(void *link))
{
    controller_links_note(channel, welcome);
    for (size_t i = 0; i < welcome->n_voters && channel->link_count < CONTROLLER_LINKS_MAX; i++) {
        const Meta__Member *voter = welcome->voters[i];
        if (!voter->votes || voter->port == 0 || voter->port > UINT16_MAX || !voter->host[0])
            continue;
        struct link *link = controller_links_find(channel, voter);
        if (link && link->learned && link->port != voter->port) { /* it has moved */
            mem_free(link->host);
            link->host = mem_strdup(voter->host);
            link->port = (uint16_t)voter->port;
        }
        if (link)
            continue;
        link = controller_links_add(channel, voter->id, voter->host, (uint16_t)voter->port, dial);
        link->learned = true;
        env_timer_start(&link->redial, 0);
    }
    if (welcome->active && welcome->n_voters > 0)
        controller_links_forget(channel, from, welcome);
}
