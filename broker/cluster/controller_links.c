/* To which controllers there are lines. Failure modes: more names than CONTROLLER_LINKS_MAX are
 * passed over. */
#include "broker/cluster/controller_links.h"

#include <string.h>

#include "base/mem.h"
#include "wire/frame.h"

enum { CONTROLLER_LINKS_MAX = 128 /* more than a quorum and the settings can name */ };

struct link *controller_links_add(struct controller_channel *channel, int32_t id, const char *host,
                                  uint16_t port, void (*dial)(void *link))
{
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
