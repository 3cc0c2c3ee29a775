/* Happy path: the configuration is the one of the last time. Failure modes: an address that this
 * program has not written names no member. */
#include "controller/raft_roster.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "controller/raft_members.h"

static void roster_forget_seen(struct raft_roster *roster)
{
    for (int i = 0; i < roster->seen_count; i++)
        mem_free(roster->seen[i].address);
    mem_free(roster->seen);
    roster->seen = NULL;
    roster->seen_count = 0;
}

static bool roster_is_seen(const struct raft_roster *roster, const struct raft_configuration *now)
{
    bool same = roster->seen && roster->seen_count == (int)now->n;
    ASSERT(roster->seen || roster->seen_count == 0);
    for (int i = 0; same && i < roster->seen_count; i++)
        same = roster->seen[i].role == now->servers[i].role &&
               strcmp(roster->seen[i].address, now->servers[i].address) == 0;
    return same;
}

static void roster_note_seen(struct raft_roster *roster, const struct raft_configuration *now)
{
    ASSERT(now->n == 0 || now->servers);
    roster_forget_seen(roster);
    roster->seen = mem_alloc((now->n ? now->n : 1) * sizeof(*roster->seen));
    roster->seen_count = (int)now->n;
    for (unsigned i = 0; i < now->n; i++)
        roster->seen[i] =
            (struct raft_roster_seen){mem_strdup(now->servers[i].address), now->servers[i].role};
    ASSERT(roster->seen_count == (int)now->n);
}

static void roster_forget_members(struct raft_roster *roster)
{
    ASSERT(roster->count == 0 || roster->members);
    for (int i = 0; i < roster->count; i++)
        mem_free(roster->members[i].host);
    mem_free(roster->members);
    roster->members = NULL;
    roster->count = 0;
}

void raft_roster_close(struct raft_roster *roster)
{
    roster_forget_seen(roster);
    roster_forget_members(roster);
}

bool raft_roster_refresh(struct raft_roster *roster, const struct raft_configuration *now)
{
    if (roster_is_seen(roster, now))
        return false;
    roster_note_seen(roster, now);
    roster_forget_members(roster);
    roster->members = mem_alloc((size_t)(now->n ? now->n : 1) * sizeof(*roster->members));
    for (unsigned i = 0; i < now->n; i++) {
        struct raft_member *member = &roster->members[roster->count];
        if (!raft_servers_parse(now->servers[i].address, member))
            continue;
        member->id = raft_members_node(now->servers[i].id);
        member->role = now->servers[i].role;
        roster->count++;
    }
    ASSERT(roster->count <= roster->seen_count);
    ASSERT(roster_is_seen(roster, now));
    return true;
}

const struct raft_member *raft_roster_find(const struct raft_roster *roster, int32_t id)
{
    ASSERT(roster->count == 0 || roster->members);
    for (int i = 0; i < roster->count; i++)
        if (roster->members[i].id == id)
            return &roster->members[i];
    return NULL;
}

void raft_roster_tell(const struct raft_roster *roster, struct logger *logger)
{
    struct buf text;
    buf_init(&text);
    for (int i = 0; i < roster->count; i++) {
        const struct raft_member *member = &roster->members[i];
        buf_printf(&text, "%s%d@%s:%u%s", i ? ", " : "", member->id, member->host, member->port,
                   member->role == RAFT_VOTER ? "" : " (does not vote yet)");
    }
    if (roster->count > 0)
        logger_info(logger, "the quorum is %s", buf_text(&text));
    buf_close(&text);
}
