/* Happy path of a new voter: it asks, or a person names it; it is added as a spare (which the core
 * sends nothing), made a stand-by (which follows), and when it says that it is ready, a voter. Each
 * step is an entry that has to commit before the next one.
 *
 * From one voter to three: with two voters the end of either stops the quorum, so the second one is
 * made a voter by itself only when a third one is ready too.
 *
 * Failure modes: leadership is lost, then the next leader goes on with who still asks, and a person
 * is told so; who has not come to vote and asks no longer leaves again, since there is room for a
 * few only. When it is back it asks anew. */
#include "controller/raft_quorum.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/raft_candidates.h"
#include "controller/raft_members.h"
#include "controller/raft_places.h"
#include "controller/raft_roster.h"

enum {
    QUORUM_GONE_MS = 30000, /* and who does not vote and has not asked for so long is forgotten */
    QUORUM_LOOK_MS = 1000,
    QUORUM_VAIN_MS = 10000, /* who was named and has not asked for so long is not there */
    QUORUM_TWIN_MS = 1000,  /* what a process said before its end may come a little later */
    QUORUM_TELL_MS = 60000,
    QUORUM_LEARNED_MAX = RAFT_QUORUM_MEMBERS_MAX
};

enum wish_kind { WISH_NONE, WISH_ADD, WISH_REMOVE, WISH_FORGET, WISH_MOVE };

struct raft_quorum {
    struct raft_quorum_config with;
    void (*changed)(void *data);
    void *data;
    bool active;
    int64_t active_ms; /* since when it has been, or has not been */
    bool stopped;
    bool removed;  /* the active controller says so, and this node's log does not know it yet */
    bool changing; /* the core has a request of ours */
    struct raft_change change;
    struct raft_roster roster;
    struct raft_places places;
    struct raft_member learned[QUORUM_LEARNED_MAX];
    int learned_count;
    struct raft_candidates candidates;
    int64_t twin_told_ms; /* 0: never */
    enum wish_kind wish;
    struct raft_member wished;
    raft_quorum_done *done;
    void *done_data;
    int64_t wish_begun_ms, wish_end_ms;
    int32_t vain;          /* a node that was named and never came; -1 */
    struct env_timer turn; /* peers and wishes are seen to in a turn of their own */
};

/* ---- who is in it ---- */

static const struct raft_member *find_member(const struct raft_quorum *quorum, int32_t id)
{
    return raft_roster_find(&quorum->roster, id);
}

/* It speaks as a member from where it is spoken to. That its address takes a connection would say
 * nothing: who listens there may be a stranger. */
static bool is_heard(const struct raft_quorum *quorum, int32_t id)
{
    int64_t heard_ms = quorum->with.heard_ms(quorum->data, id);
    return heard_ms >= 0 && env_now_ms(quorum->with.env) - heard_ms < RAFT_CANDIDATES_HEARD_MS;
}

/* `home`: also the address in the log of one that was found elsewhere. */
static struct controller_voter *list_known(const struct raft_quorum *quorum, bool home, int *count)
{
    struct controller_voter *all =
        mem_alloc((size_t)(2 * quorum->roster.count + quorum->learned_count + 1) * sizeof(*all));
    *count = 0;
    for (int i = 0; i < quorum->roster.count; i++) {
        const struct raft_member *member = &quorum->roster.members[i];
        const struct raft_member *found = raft_places_find(&quorum->places, member->id);
        if (found)
            all[(*count)++] = raft_member_place(found);
        if (!found || home)
            all[(*count)++] = raft_member_place(member);
    }
    for (int i = 0; i < quorum->learned_count; i++)
        if (!find_member(quorum, quorum->learned[i].id))
            all[(*count)++] = raft_member_place(&quorum->learned[i]);
    return all;
}

struct controller_voter *raft_quorum_known(const struct raft_quorum *quorum, int *count)
{
    return list_known(quorum, true, count);
}

static void forget_learned(struct raft_quorum *quorum)
{
    while (quorum->learned_count > 0)
        mem_free(quorum->learned[--quorum->learned_count].host);
}

void raft_quorum_found(struct raft_quorum *quorum, const Meta__Member *named, const char *host,
                       uint32_t port)
{
    const struct raft_member *member = find_member(quorum, named->id);
    const struct raft_member *before = raft_places_find(&quorum->places, named->id);
    if (!member || raft_members_id(member->id) == quorum->with.raft->id ||
        !raft_member_is_directory(member, &named->directory_id) || !raft_servers_host(host) ||
        port == 0 || port > UINT16_MAX || (!before && is_heard(quorum, member->id)) ||
        !raft_places_note(&quorum->places, member, host, (uint16_t)port,
                          env_now_ms(quorum->with.env)))
        return;
    logger_info(quorum->with.logger, "node %d is found at %s:%u; the quorum has it at %s:%u",
                member->id, host, port, member->host, member->port);
    env_timer_start(&quorum->turn, 0);
}

const struct raft_member *raft_quorum_elsewhere(const struct raft_quorum *quorum, int i)
{
    ASSERT(i >= 0);
    return i < quorum->places.count ? &quorum->places.items[i].member : NULL;
}

uint64_t raft_quorum_index(const struct raft_quorum *quorum)
{
    const struct raft *raft = quorum->with.raft;
    return raft->configuration_uncommitted_index ? raft->configuration_uncommitted_index
                                                 : raft->configuration_index;
}

/* A voter that was away while it was removed would call at the others for ever. */
static void note_removed(struct raft_quorum *quorum, Meta__Member *const *members, size_t count)
{
    const struct raft *raft = quorum->with.raft;
    bool named = false;
    for (size_t i = 0; i < count; i++)
        named |= members[i]->id == raft_members_node(raft->id);
    bool removed = !named && raft_servers_find(raft, raft->id) != NULL &&
                   !raft_backend_newcomer(quorum->with.backend); /* which comes in again */
    if (removed && !quorum->removed)
        logger_warn(quorum->with.logger,
                    "this node was removed from the quorum: kafka-metadata-quorum.sh "
                    "add-controller brings it back, process.roles=broker makes it a broker alone");
    quorum->removed = removed;
}

bool raft_quorum_is_removed(const struct raft_quorum *quorum)
{
    return quorum->removed;
}

void raft_quorum_learn(struct raft_quorum *quorum, Meta__Member *const *members, size_t count,
                       bool all)
{
    ASSERT(quorum->learned_count <= QUORUM_LEARNED_MAX);
    if (all) {
        forget_learned(quorum);
        note_removed(quorum, members, count);
    }
    for (size_t i = 0; i < count; i++) {
        bool known = quorum->learned_count == QUORUM_LEARNED_MAX;
        for (int j = 0; j < quorum->learned_count; j++)
            known |= quorum->learned[j].id == members[i]->id;
        if (!known && raft_member_is_place(members[i]))
            raft_member_read(&quorum->learned[quorum->learned_count++], members[i]);
    }
    env_timer_start(&quorum->turn, 0);
}

const struct raft_member *raft_quorum_members(const struct raft_quorum *quorum, int *count)
{
    ASSERT(quorum->roster.count == 0 || quorum->roster.members);
    *count = quorum->roster.count;
    return quorum->roster.members;
}

/* ---- who asks ---- */

static struct raft_candidate *find_candidate(struct raft_quorum *quorum, int32_t id)
{
    return raft_candidates_find(&quorum->candidates, id);
}

static bool is_recent(const struct raft_quorum *quorum, const struct raft_candidate *candidate)
{
    return raft_candidates_recent(candidate, env_now_ms(quorum->with.env));
}

void raft_quorum_heard(struct raft_quorum *quorum, const Meta__Join *join)
{
    if (raft_candidates_heard(&quorum->candidates, join, env_now_ms(quorum->with.env)))
        env_timer_start(&quorum->turn, 0);
}

/* ---- changing ---- */

static void on_changed(struct raft_change *req, int status)
{
    struct raft_quorum *quorum = req->data;
    ASSERT(quorum->changing);
    quorum->changing = false;
    if (quorum->stopped)
        return;
    if (status)
        logger_info(quorum->with.logger, "a change of the quorum did not come about: %s",
                    raft_strerror(status));
    env_timer_start(&quorum->turn, 0);
}

static void change_add(struct raft_quorum *quorum, const struct raft_member *member)
{
    ASSERT(quorum->active && !quorum->changing);
    char *address = raft_servers_address(member);
    quorum->change.data = quorum;
    quorum->changing = true;
    if (raft_add(quorum->with.raft, &quorum->change, raft_members_id(member->id), address,
                 on_changed))
        quorum->changing = false;
    mem_free(address);
}

static void change_remove(struct raft_quorum *quorum, int32_t id)
{
    ASSERT(quorum->active && !quorum->changing);
    ASSERT(raft_members_id(id) != quorum->with.raft->id);
    quorum->change.data = quorum;
    quorum->changing = true;
    if (raft_remove(quorum->with.raft, &quorum->change, raft_members_id(id), on_changed))
        quorum->changing = false;
}

static void change_role(struct raft_quorum *quorum, int32_t id, int role)
{
    ASSERT(quorum->active && !quorum->changing);
    quorum->change.data = quorum;
    quorum->changing = true;
    if (raft_assign(quorum->with.raft, &quorum->change, raft_members_id(id), role, on_changed))
        quorum->changing = false;
}

/* The same members, one of them with another address. The core has no call for that; it is given a
 * change of role to make which the member is about to have again, and at once, as if it had all of
 * the log: else the core would wait for that. Who votes stays the same, so nothing depends on it.
 */
static void change_address(struct raft_quorum *quorum, const struct raft_member *to)
{
    struct raft *raft = quorum->with.raft;
    struct raft_server *server = raft_servers_find(raft, raft_members_id(to->id));
    struct raft_progress *progress = &raft->leader_state.progress[raft_members_find(raft, to->id)];
    char *text = raft_servers_address(to), *old = server->address;
    char *address = raft_malloc(strlen(text) + 1);
    int role = server->role;
    raft_index match = progress->match_index;
    ASSERT(quorum->active && !quorum->changing);
    if (address) {
        memcpy(address, text, strlen(text) + 1);
        server->address = address;
        server->role = role == RAFT_SPARE ? RAFT_STANDBY : RAFT_SPARE;
        progress->match_index = raft_last_index(raft);
        change_role(quorum, to->id, role);
        progress->match_index = match;
        server->role = role;
        if (!quorum->changing)
            server->address = old;
        raft_free(quorum->changing ? old : address);
    }
    mem_free(text);
}

/* Who asks in a member's name from elsewhere: a copy of its disk, or a liar. Both would vote. */
static void tell_twin(struct raft_quorum *quorum, const struct raft_member *member,
                      const struct raft_candidate *twin)
{
    int64_t now_ms = env_now_ms(quorum->with.env);
    if (quorum->with.heard_ms(quorum->data, member->id) < twin->since_ms + QUORUM_TWIN_MS ||
        (quorum->twin_told_ms && now_ms - quorum->twin_told_ms < QUORUM_TELL_MS))
        return;
    quorum->twin_told_ms = now_ms;
    logger_warn(quorum->with.logger,
                "two live nodes have the id %d and the same directory id, at %s:%u and at %s:%u: "
                "the first one stays the voter. One is a copy of the other's disk: stop it, empty "
                "its directories, and give it an id of its own",
                member->id, member->host, member->port, twin->member.host, twin->member.port);
}

/* A voter spoken to at another place than the log has says where it is; raft_ask knows it. */
static bool is_placed(const struct raft_quorum *quorum, const struct raft_member *member,
                      struct raft_member *told)
{
    return raft_places_find(&quorum->places, member->id) && is_heard(quorum, member->id) &&
           raft_peers_told(quorum->with.peers, member->id, told) &&
           !raft_member_same_place(member, told) &&
           uuid_equal(&member->directory_id, &told->directory_id);
}

/* A member that listens somewhere else since it started again; or that a person has named by
 * another of its names, while it does not vote. Of this node itself all is known. */
static void step_address(struct raft_quorum *quorum)
{
    const struct raft *raft = quorum->with.raft;
    for (int i = 0; i < quorum->roster.count && !quorum->changing; i++) {
        const struct raft_member *member = &quorum->roster.members[i];
        const struct raft_candidate *candidate = find_candidate(quorum, member->id);
        struct raft_member told;
        struct raft_member self = {.id = member->id,
                                   .host = (char *)(uintptr_t)quorum->with.self->host,
                                   .port = quorum->with.self->port,
                                   .directory_id = *quorum->with.directory_id};
        if (raft_members_id(member->id) == raft->id) {
            if (!raft_member_same_place(member, &self) ||
                !uuid_equal(&member->directory_id, &self.directory_id))
                change_address(quorum, &self);
        } else if (is_placed(quorum, member, &told)) {
            change_address(quorum, &told);
        } else if (raft_candidates_moved(candidate, member, env_now_ms(quorum->with.env))) {
            if (member->role == RAFT_VOTER && is_heard(quorum, member->id))
                tell_twin(quorum, member, candidate);
            else
                change_address(quorum, &candidate->member);
        }
    }
}

/* A voter that lost its log is taken out, and comes in again as a new one. The others have to
 * commit that without it, so no leader of long ago can. */
static void step_lost(struct raft_quorum *quorum)
{
    for (int i = 0; i < quorum->roster.count && !quorum->changing; i++) {
        const struct raft_member *member = &quorum->roster.members[i];
        struct raft_candidate *candidate = find_candidate(quorum, member->id);
        bool lost = raft_backend_lost(quorum->with.backend, raft_members_id(member->id));
        if (!candidate || member->role != RAFT_VOTER)
            continue;
        candidate->returns = lost && is_recent(quorum, candidate) && !candidate->ready;
        if (!candidate->returns)
            continue;
        logger_warn(quorum->with.logger,
                    "voter %d has lost what it had confirmed: it is taken out of the quorum, and "
                    "comes in again when it has what the others have",
                    member->id);
        change_remove(quorum, member->id);
    }
}

/* It asks, and is the one that is in the quorum: who is ready elsewhere has said nothing of it. */
static bool is_ready(struct raft_quorum *quorum, int32_t id)
{
    const struct raft_candidate *candidate = find_candidate(quorum, id);
    const struct raft_member *known = find_member(quorum, id);
    return candidate && known && is_recent(quorum, candidate) && candidate->ready &&
           uuid_equal(&known->directory_id, &candidate->member.directory_id) &&
           raft_member_same_place(known, &candidate->member);
}

static int ready_standbys(struct raft_quorum *quorum)
{
    int count = 0;
    for (int i = 0; i < quorum->candidates.count; i++) {
        const struct raft_candidate *candidate = &quorum->candidates.items[i];
        const struct raft_server *server =
            raft_servers_find(quorum->with.raft, raft_members_id(candidate->member.id));
        count += server && server->role == RAFT_STANDBY && candidate->wants &&
                 is_ready(quorum, candidate->member.id);
    }
    return count;
}

/* Whether one that asks may vote without being told by a person. */
static bool may_grow(struct raft_quorum *quorum, const struct raft_candidate *candidate)
{
    int voters = raft_servers_count(quorum->with.raft, RAFT_VOTER);
    if (candidate->returns)
        return true;
    if (!candidate->wants)
        return false;
    if (voters >= RAFT_QUORUM_GROWS_TO)
        return candidate->beyond;
    return candidate->beyond || voters + ready_standbys(quorum) >= RAFT_QUORUM_GROWS_TO;
}

static bool has_room(const struct raft_quorum *quorum, const struct raft_candidate *candidate)
{
    bool grows = candidate->beyond ||
                 raft_servers_count(quorum->with.raft, RAFT_VOTER) < RAFT_QUORUM_GROWS_TO;
    return (candidate->returns || (candidate->wants && grows)) &&
           quorum->with.raft->configuration.n < RAFT_QUORUM_MEMBERS_MAX;
}

/* One in the quorum with that id is another node: its directory was replaced, or the id is given
 * twice. Who votes stays, and so does who speaks, unless a person says otherwise. */
static bool is_other(const struct raft_quorum *quorum, const struct raft_server *server,
                     const struct raft_member *member, bool wished)
{
    const struct raft_member *known = find_member(quorum, member->id);
    return server && known && server->role != RAFT_VOTER &&
           !uuid_equal(&known->directory_id, &member->directory_id) &&
           (wished || !is_heard(quorum, member->id));
}

/* The next step for one node; a person wants it to vote, or it does so itself. */
static void step_toward(struct raft_quorum *quorum, const struct raft_member *member, bool wished)
{
    ASSERT(quorum->active && quorum->with.raft->state == RAFT_LEADER);
    const struct raft_server *server =
        raft_servers_find(quorum->with.raft, raft_members_id(member->id));
    const struct raft_candidate *candidate = find_candidate(quorum, member->id);
    bool asks = candidate && is_recent(quorum, candidate);
    if (!server && (wished || (asks && has_room(quorum, candidate))))
        change_add(quorum, member);
    else if ((wished || asks) && is_other(quorum, server, member, wished))
        change_remove(quorum, member->id);
    else if (server && server->role == RAFT_SPARE && (wished || asks))
        change_role(quorum, member->id, RAFT_STANDBY);
    else if (server && server->role == RAFT_STANDBY && is_ready(quorum, member->id) &&
             (wished || may_grow(quorum, candidate)))
        change_role(quorum, member->id, RAFT_VOTER);
}

/* ---- what a person asks for ---- */

static void wish_end(struct raft_quorum *quorum, int err, const char *sentence)
{
    raft_quorum_done *done = quorum->done;
    ASSERT(quorum->wish != WISH_NONE && done);
    quorum->wish = WISH_NONE;
    quorum->done = NULL;
    mem_free(quorum->wished.host);
    quorum->wished.host = NULL;
    done(quorum->done_data, err, sentence);
}

/* The configuration that is committed says so. */
static bool wish_is_true(const struct raft_quorum *quorum)
{
    const struct raft_server *server =
        raft_servers_find(quorum->with.raft, raft_members_id(quorum->wished.id));
    const struct raft_member *member = find_member(quorum, quorum->wished.id);
    ASSERT(quorum->wish != WISH_NONE && quorum->wished.host);
    switch (quorum->wish) {
    case WISH_ADD:
        return server && server->role == RAFT_VOTER && member &&
               uuid_equal(&member->directory_id, &quorum->wished.directory_id);
    case WISH_MOVE:
        return member && raft_member_same_place(member, &quorum->wished);
    default:
        return !server;
    }
}

/* One that can be added asks all the time. */
static bool wish_is_vain(struct raft_quorum *quorum)
{
    const struct raft_candidate *candidate = find_candidate(quorum, quorum->wished.id);
    int64_t since_ms = env_now_ms(quorum->with.env) - QUORUM_VAIN_MS;
    return quorum->wish_begun_ms <= since_ms && (!candidate || candidate->heard_ms <= since_ms);
}

static void wish_end_late(struct raft_quorum *quorum)
{
    char *sentence = quorum->wish == WISH_ADD
                         ? raft_candidates_why_late(&quorum->candidates, quorum->with.raft,
                                                    &quorum->wished, env_now_ms(quorum->with.env))
                         : mem_strdup("The change of the quorum was not committed in time.");
    logger_warn(quorum->with.logger, "node %d: %s", quorum->wished.id, sentence);
    wish_end(quorum, ERR_REQUEST_TIMED_OUT, sentence);
    mem_free(sentence);
}

/* True when it is over. */
static bool wish_look(struct raft_quorum *quorum)
{
    bool settled = !quorum->changing && quorum->with.raft->configuration_uncommitted_index == 0;
    bool vain = quorum->wish == WISH_ADD && wish_is_vain(quorum);
    if (quorum->wish == WISH_NONE)
        return true;
    if (!quorum->active)
        wish_end(quorum, ERR_NOT_CONTROLLER, "");
    else if (settled && wish_is_true(quorum))
        wish_end(quorum, 0, "");
    else if (vain || env_now_ms(quorum->with.env) >= quorum->wish_end_ms) {
        quorum->vain = vain ? quorum->wished.id : quorum->vain;
        wish_end_late(quorum);
    } else {
        return false;
    }
    return true;
}

/* A person has named it, maybe with another directory: the two would take turns in the quorum. */
static bool is_being_added(const struct raft_quorum *quorum, int32_t id)
{
    return quorum->wish == WISH_ADD && quorum->wished.id == id;
}

/* Who does not vote and does not come: one that a person named in vain, or that was lost. */
static void step_forget(struct raft_quorum *quorum)
{
    const struct raft_configuration *now = &quorum->with.raft->configuration;
    int64_t since_ms = env_now_ms(quorum->with.env) - QUORUM_GONE_MS;
    ASSERT(quorum->active && !quorum->changing);
    for (unsigned i = 0; i < now->n; i++) {
        int32_t id = raft_members_node(now->servers[i].id);
        if (quorum->active_ms > since_ms && id != quorum->vain)
            continue;
        const struct raft_candidate *candidate = find_candidate(quorum, id);
        if (now->servers[i].role == RAFT_VOTER || is_being_added(quorum, id) ||
            (candidate && candidate->heard_ms > since_ms))
            continue;
        logger_info(quorum->with.logger, "node %d does not come to vote: it is forgotten", id);
        change_remove(quorum, id);
        return;
    }
}

/* What was so when the person asked may be no more: a change was under way then. */
static void step_wish(struct raft_quorum *quorum)
{
    const struct raft_server *server =
        raft_servers_find(quorum->with.raft, raft_members_id(quorum->wished.id));
    struct raft_candidate *candidate = find_candidate(quorum, quorum->wished.id);
    ASSERT(quorum->active && !quorum->changing);
    switch (quorum->wish) {
    case WISH_ADD:
        step_toward(quorum, &quorum->wished, true);
        break;
    case WISH_FORGET:
        if (server && server->role == RAFT_VOTER)
            wish_end(quorum, ERR_INVALID_REQUEST, RAFT_QUORUM_VOTES);
        else if (server)
            change_remove(quorum, quorum->wished.id);
        break;
    case WISH_REMOVE:
        /* What it asked for before that is over: who was added a moment ago would come back. */
        if (candidate)
            candidate->wants = false;
        if (server)
            change_remove(quorum, quorum->wished.id);
        break;
    case WISH_MOVE:
        if (server && !wish_is_true(quorum))
            change_address(quorum, &quorum->wished);
        break;
    default:
        break;
    }
}

static void step(struct raft_quorum *quorum)
{
    struct raft *raft = quorum->with.raft;
    ASSERT(!quorum->active || !quorum->stopped);
    /* Who would be a newcomer again after a crash can't be one of two: it would give no vote. */
    bool idle = quorum->active && !quorum->changing && raft->state == RAFT_LEADER &&
                !raft->transfer && raft->configuration_uncommitted_index == 0 &&
                !raft_backend_newcomer(quorum->with.backend);
    if (idle)
        step_lost(quorum);
    if (idle && !quorum->changing)
        step_address(quorum);
    if (idle && !quorum->changing && quorum->wish != WISH_NONE)
        step_wish(quorum);
    for (int i = 0; idle && !quorum->changing && i < quorum->candidates.count; i++)
        if (!is_being_added(quorum, quorum->candidates.items[i].member.id))
            step_toward(quorum, &quorum->candidates.items[i].member, false);
    if (idle && !quorum->changing)
        step_forget(quorum);
    if (idle && !env_timer_running(&quorum->turn) &&
        (raft->configuration.n > (unsigned)raft_servers_count(raft, RAFT_VOTER) ||
         quorum->places.count > 0))
        env_timer_start(&quorum->turn, QUORUM_LOOK_MS);
}

/* The silence of others tells nothing of a time in which this process itself stood still. */
static void forgive(struct raft_quorum *quorum)
{
    int64_t still_ms = raft_candidates_look(&quorum->candidates, env_now_ms(quorum->with.env));
    quorum->active_ms += still_ms;
    quorum->wish_begun_ms += still_ms;
    quorum->wish_end_ms += still_ms;
}

static void on_turn(void *data)
{
    struct raft_quorum *quorum = data;
    int count;
    forgive(quorum);
    struct controller_voter *known = list_known(quorum, false, &count);
    raft_peers_set(quorum->with.peers, known, count,
                   quorum->removed || !raft_servers_find(quorum->with.raft, quorum->with.raft->id));
    mem_free(known);
    if (!wish_look(quorum) && !env_timer_running(&quorum->turn))
        env_timer_start(&quorum->turn, 100);
    step(quorum);
    if (env_timer_running(&quorum->turn))
        quorum->candidates.due_ms = env_now_ms(quorum->with.env) + RAFT_CANDIDATES_LOOK_MS;
}

void raft_quorum_look(struct raft_quorum *quorum, bool active)
{
    struct raft *raft = quorum->with.raft;
    bool was = quorum->active;
    ASSERT(!active || raft->state == RAFT_LEADER);
    if (quorum->stopped)
        return;
    quorum->active = active;
    if (active != was)
        quorum->active_ms = env_now_ms(quorum->with.env);
    if (raft->configuration_uncommitted_index &&
        raft->configuration_uncommitted_index <= raft->last_applied)
        raft->configuration_uncommitted_index = 0; /* left over from before a snapshot came */
    bool news = raft_roster_refresh(&quorum->roster, &raft->configuration);
    if (news) {
        raft_roster_tell(&quorum->roster, quorum->with.logger);
        raft_places_check(&quorum->places, &quorum->roster);
    }
    quorum->removed = quorum->removed && !news && !active;
    if (quorum->learned_count && !raft_backend_newcomer(quorum->with.backend) &&
        raft_members_hear(raft)) {
        forget_learned(quorum);
        news = true;
    }
    if (news || was != active)
        env_timer_start(&quorum->turn, 0);
    if (news)
        quorum->changed(quorum->data);
}

static void wish_refuse(const struct raft_quorum *quorum, raft_quorum_done *done, void *data)
{
    static const char *const doing[] = {"", "added", "removed", "unregistered", "moved"};
    char *sentence = mem_printf("Another change of the quorum is under way: node %d is being %s.",
                                quorum->wished.id, doing[quorum->wish]);
    done(data, ERR_REQUEST_TIMED_OUT, sentence);
    mem_free(sentence);
}

static void wish_begin(struct raft_quorum *quorum, enum wish_kind kind, int64_t timeout_ms,
                       raft_quorum_done *done, void *data)
{
    ASSERT(quorum->wish == WISH_NONE && quorum->active);
    ASSERT(timeout_ms > 0);
    quorum->candidates.due_ms = env_now_ms(quorum->with.env) + RAFT_CANDIDATES_LOOK_MS;
    quorum->wish = kind;
    quorum->done = done;
    quorum->done_data = data;
    quorum->wish_begun_ms = env_now_ms(quorum->with.env);
    quorum->wish_end_ms = quorum->wish_begun_ms + timeout_ms;
    env_timer_start(&quorum->turn, 0);
}

void raft_quorum_add(struct raft_quorum *quorum, const Meta__Member *member, int64_t timeout_ms,
                     raft_quorum_done *done, void *data)
{
    const struct raft_server *server =
        raft_servers_find(quorum->with.raft, raft_members_id(member->id));
    if (!quorum->active) {
        done(data, ERR_NOT_CONTROLLER, "");
    } else if (quorum->wish != WISH_NONE) {
        wish_refuse(quorum, done, data);
    } else if (server && server->role == RAFT_VOTER) {
        done(data, ERR_DUPLICATE_VOTER, "A controller with this id votes already.");
    } else if (!server && quorum->with.raft->configuration.n >= RAFT_QUORUM_MEMBERS_MAX) {
        done(data, ERR_INVALID_REQUEST, "The quorum has too many members already.");
    } else {
        raft_member_read(&quorum->wished, member);
        wish_begin(quorum, WISH_ADD, timeout_ms, done, data);
    }
}

bool raft_quorum_may_remove(const struct raft_quorum *quorum, int32_t id,
                            const struct uuid *directory_id, raft_quorum_done *done, void *data)
{
    const struct raft_server *server =
        id < 0 ? NULL : raft_servers_find(quorum->with.raft, raft_members_id(id));
    const struct raft_member *member = find_member(quorum, id);
    if (!quorum->active)
        done(data, ERR_NOT_CONTROLLER, "");
    else if (quorum->wish != WISH_NONE)
        wish_refuse(quorum, done, data);
    else if (!server || !member || server->role != RAFT_VOTER)
        done(data, ERR_VOTER_NOT_FOUND, "No controller with this id votes.");
    else if (!uuid_is_zero(&member->directory_id) &&
             !uuid_equal(&member->directory_id, directory_id))
        done(data, ERR_VOTER_NOT_FOUND, "The voter with this id has another directory id.");
    else if (raft_servers_count(quorum->with.raft, RAFT_VOTER) == 1)
        done(data, ERR_INVALID_REQUEST, "The last voter can't be removed.");
    else
        return true;
    return false;
}

void raft_quorum_remove(struct raft_quorum *quorum, int32_t id, int64_t timeout_ms,
                        raft_quorum_done *done, void *data)
{
    ASSERT(raft_members_id(id) != quorum->with.raft->id);
    quorum->wished = (struct raft_member){.id = id, .host = mem_strdup("")};
    wish_begin(quorum, WISH_REMOVE, timeout_ms, done, data);
}

void raft_quorum_unregister(struct raft_quorum *quorum, int32_t id, int64_t timeout_ms,
                            raft_quorum_done *done, void *data)
{
    const struct raft_server *server =
        id < 0 ? NULL : raft_servers_find(quorum->with.raft, raft_members_id(id));
    if (!quorum->active)
        done(data, ERR_NOT_CONTROLLER, "");
    else if (quorum->wish != WISH_NONE)
        wish_refuse(quorum, done, data);
    else if (!server)
        done(data, ERR_BROKER_ID_NOT_REGISTERED, "No controller with this id is registered.");
    else if (server->role == RAFT_VOTER)
        done(data, ERR_INVALID_REQUEST, RAFT_QUORUM_VOTES);
    else {
        quorum->wished = (struct raft_member){.id = id, .host = mem_strdup("")};
        wish_begin(quorum, WISH_FORGET, timeout_ms, done, data);
    }
}

/* A leader knows where it is itself. */
static bool may_update(const struct raft_quorum *quorum, const struct raft_member *known,
                       const struct raft_server *server, const Meta__Member *member)
{
    return known && server && server->role == RAFT_VOTER &&
           raft_member_is_directory(known, &member->directory_id) &&
           (server->id != quorum->with.raft->id ||
            (member->port == known->port && strcmp(member->host, known->host) == 0));
}

/* It speaks from another place than the one that is named: whoever names that one is
 * wrong, and two such updates would leave a leader without a majority that it can reach. */
static bool is_where_it_was(const struct raft_quorum *quorum, const Meta__Member *member)
{
    const struct raft_member *known = find_member(quorum, member->id);
    bool same = member->port == known->port && strcmp(member->host, known->host) == 0;
    return !same && is_heard(quorum, member->id);
}

void raft_quorum_update(struct raft_quorum *quorum, const Meta__Member *member, int64_t timeout_ms,
                        raft_quorum_done *done, void *data)
{
    const struct raft_server *server =
        member->id < 0 ? NULL : raft_servers_find(quorum->with.raft, raft_members_id(member->id));
    if (!quorum->active) {
        done(data, ERR_NOT_CONTROLLER, "");
    } else if (quorum->wish != WISH_NONE) {
        wish_refuse(quorum, done, data);
    } else if (!may_update(quorum, find_member(quorum, member->id), server, member)) {
        done(data, ERR_VOTER_NOT_FOUND, "No voter with this id has that directory.");
    } else if (is_where_it_was(quorum, member)) {
        done(data, ERR_INVALID_REQUEST, "This voter answers where it is: it is not moved.");
    } else {
        struct raft_candidate *candidate = find_candidate(quorum, member->id);
        if (candidate) { /* what it said itself is older, until it asks again */
            mem_free(candidate->member.host);
            raft_member_read(&candidate->member, member);
        }
        raft_member_read(&quorum->wished, member);
        wish_begin(quorum, WISH_MOVE, timeout_ms, done, data);
    }
}

/* ---- life ---- */

struct raft_quorum *raft_quorum_new(const struct raft_quorum_config *config,
                                    void (*changed)(void *data), void *data)
{
    struct raft_quorum *quorum = mem_alloc(sizeof(*quorum));
    ASSERT(config->raft && config->backend && config->peers);
    quorum->with = *config;
    quorum->changed = changed;
    quorum->data = data;
    quorum->vain = -1;
    env_timer_init(config->env, &quorum->turn, on_turn, quorum);
    return quorum;
}

void raft_quorum_stop(struct raft_quorum *quorum)
{
    quorum->stopped = true;
    quorum->active = false;
    env_timer_stop(&quorum->turn);
    if (quorum->wish != WISH_NONE)
        wish_end(quorum, ERR_CANCELED, "");
}

void raft_quorum_free(struct raft_quorum *quorum)
{
    if (!quorum)
        return;
    raft_quorum_stop(quorum);
    forget_learned(quorum);
    raft_roster_close(&quorum->roster);
    raft_places_close(&quorum->places);
    raft_candidates_close(&quorum->candidates);
    mem_free(quorum->wished.host);
    mem_free(quorum);
}
