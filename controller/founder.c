/* Happy path: the lowest address is this node's, everybody who listens at another one has answered
 * that he knows no quorum, and half a second is over (a second where servers are named). Failure
 * modes: one that takes connections and does not answer may know a quorum, so it is waited for; of
 * who can't be reached nothing is known, and the lowest one founds without it. */
#include "controller/founder.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "config/config.h"

enum {
    /* Voters of a quorum that is there dial this node every 50 ms. */
    FOUNDER_MS = 500,
    /* Those whose list has this node ask here every 200 ms, and a dial may be lost before it is
     * up. */
    FOUNDER_LISTED_MS = 1000,
    /* For the lower address, which founds as soon as it is started. */
    FOUNDER_NOBODY_MS = 2000
};

static void founder_check(const struct founder *founder)
{
    ASSERT(founder->count >= 0);
    ASSERT(founder->own >= -1 && founder->own < founder->count);
    ASSERT(founder->lowest >= -1 && founder->lowest < founder->count);
    ASSERT((founder->lowest == -1) == (founder->count == 0));
}

static int founder_compare(const struct controller_voter *a, const struct controller_voter *b)
{
    return config_address_compare(a->host, a->port, b->host, b->port);
}

void founder_init(struct founder *founder, const struct controller_voter *servers, int count,
                  int own, bool supposed)
{
    bool loopback = false, other = false;
    *founder = (struct founder){.count = count, .own = own, .lowest = -1, .supposed = supposed};
    founder->servers = mem_alloc((size_t)(count ? count : 1) * sizeof(*founder->servers));
    for (int i = 0; i < count; i++) {
        founder->servers[i] = servers[i];
        founder->servers[i].host = mem_strdup(servers[i].host);
        loopback |= config_host_is_loopback(servers[i].host);
        other |= !config_host_is_loopback(servers[i].host);
        if (i == 0 || founder_compare(&servers[i], &servers[founder->lowest]) < 0)
            founder->lowest = i;
    }
    founder->mixed = loopback && other;
    founder_check(founder);
}

void founder_close(struct founder *founder)
{
    for (int i = 0; i < founder->count; i++)
        mem_free((char *)(uintptr_t)founder->servers[i].host);
    mem_free(founder->servers);
    mem_free((char *)(uintptr_t)founder->rival.host);
    *founder = (struct founder){0};
}

bool founder_asks(const struct founder *founder)
{
    return founder->count > 0;
}

bool founder_claims(const struct founder *founder)
{
    return !founder->mixed && founder->lowest >= 0 && founder->own == founder->lowest;
}

void founder_found_itself(struct founder *founder, const struct controller_voter *at)
{
    for (int i = 0; i < founder->count && founder->own < 0; i++)
        if (founder_compare(&founder->servers[i], at) == 0)
            founder->own = i;
    founder_check(founder);
}

bool founder_hears(struct founder *founder, int32_t own_id, const Meta__Member *other)
{
    if (!other || other->id == own_id || other->port == 0 || other->port > UINT16_MAX ||
        (founder_claims(founder) && other->id > own_id) ||
        (founder->rival.host && other->id >= founder->rival.id))
        return false;
    mem_free((char *)(uintptr_t)founder->rival.host);
    founder->rival =
        (struct controller_voter){other->id, mem_strdup(other->host), (uint16_t)other->port};
    return true;
}

/* Whether nobody is at any address that would come before this node's. */
static bool founder_is_alone(const struct founder *founder, const struct raft_seek *seek)
{
    const struct controller_voter *own = founder->own < 0 ? NULL : &founder->servers[founder->own];
    int64_t ms = own ? FOUNDER_NOBODY_MS : FOUNDER_MS;
    bool alone = founder->supposed;
    for (int i = 0; i < founder->count && alone; i++)
        if (i != founder->own && (!own || founder_compare(&founder->servers[i], own) < 0))
            alone = raft_seek_nobody_ms(seek, &founder->servers[i]) >= ms;
    return alone;
}

/* Who is to answer before. An address that nobody has named may be any program's. */
static const struct controller_voter *founder_untried(const struct founder *founder,
                                                      const struct raft_seek *seek)
{
    return raft_seek_untried(seek, founder->supposed ? FOUNDER_NOBODY_MS : INT64_MAX);
}

bool founder_may(const struct founder *founder, const struct raft_seek *seek, int64_t since_ms)
{
    return !founder->mixed && !founder->rival.host &&
           since_ms >=
               (founder->count > 1 && !founder->supposed ? FOUNDER_LISTED_MS : FOUNDER_MS) &&
           !founder_untried(founder, seek) &&
           (founder_claims(founder) || founder_is_alone(founder, seek));
}

void founder_say_waits(const struct founder *founder, const struct raft_seek *seek, struct buf *out)
{
    const struct controller_voter *silent = founder_untried(founder, seek);
    const struct controller_voter *first =
        founder->count ? &founder->servers[founder->lowest] : NULL;
    ASSERT(first);
    buf_printf(out, "no quorum is there yet: ");
    if (founder->mixed)
        buf_printf(out, "controller.quorum.bootstrap.servers names localhost beside other hosts, "
                        "and each node means itself by that: write the name of this host there, "
                        "then the lowest address founds a quorum");
    else if (founder->rival.host)
        buf_printf(out,
                   "waiting for node %d at %s:%u, which founds it: the files of the two differ in "
                   "controller.quorum.bootstrap.servers",
                   founder->rival.id, founder->rival.host, founder->rival.port);
    else if (founder_claims(founder) && silent)
        buf_printf(out,
                   "waiting for the answer of what listens at %s:%u, which may know one; if it is "
                   "no controller, take it out of controller.quorum.bootstrap.servers",
                   silent->host, silent->port);
    else
        buf_printf(out,
                   "waiting for the node at %s:%u, the lowest address of "
                   "controller.quorum.bootstrap.servers, which founds it",
                   first->host, first->port);
}

void founder_say_founds(const struct founder *founder, struct buf *out)
{
    buf_printf(out, "no quorum is there: this node founds one");
    if (!founder_claims(founder) && founder->own >= 0)
        buf_printf(out, ", since nobody listens at %s:%u, which would come first",
                   founder->servers[founder->lowest].host, founder->servers[founder->lowest].port);
    else if (!founder_claims(founder) && founder->count > 0)
        buf_printf(out, ", alone: nodes that are to be one cluster name each other in "
                        "controller.quorum.bootstrap.servers");
}
