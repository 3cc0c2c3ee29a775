/* The start of a node, and how it gets into a quorum that changes.
 *
 * Happy path: what is on disk says who is in the quorum. A node with nothing on disk asks at
 * controller.quorum.bootstrap.servers; it joins the quorum that it hears of, or founds one if that
 * is up to it (founder.h). Who may found asks as well: those whom it finds may have a quorum that
 * knows it as a voter, whose directory was emptied.
 *
 * Failure modes: nobody answers, then who may not found waits and says for whom. Of another
 * cluster: it says so and asks on, since a person may correct it. */
#include "controller/consensus_private.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/raft_founding.h"
#include "controller/raft_history.h"
#include "controller/raft_servers.h"

enum {
    START_TRAILING_MIN = 1024, /* entries kept behind a snapshot, for voters that are behind */
    START_DECIDE_MS = 50,
    START_ASK_MS = 200,
    START_LEADERLESS_MS = 1000, /* elections are over by then: the voters may be other ones */
    START_CATCH_UP_MS = 5000,   /* a node that does not move on for so long is not made a voter */
    START_TELL_MS = 5000,
    START_CHANGE_MS = 30000,    /* for a change of the quorum */
    START_STUCK_MS = 3000,      /* an election is over by then */
    START_CHANGE_MAX_MS = 60000 /* there is one at a time: nobody keeps the others from it */
};

static int start_problem(const char *dir, int rc, struct buf *problem)
{
    buf_printf(problem, "the controller in %s can't start: %s", dir, raft_strerror(rc));
    return ERR_CORRUPT;
}

/* ---- in which quorum ---- */

static bool start_is_newcomer(const struct consensus *consensus)
{
    return consensus->start.deciding || raft_backend_newcomer(consensus->backend);
}

static void start_run(struct consensus *consensus, int rc)
{
    ASSERT(consensus->start.deciding);
    consensus->start.deciding = false;
    if (consensus->state == CONSENSUS_FAILED) /* on the disk, which was told */
        return;
    ASSERT(consensus->state == CONSENSUS_OPENING);
    if (!rc)
        rc = raft_start(&consensus->raft);
    if (rc) {
        struct buf problem;
        buf_init(&problem);
        (void)start_problem(consensus->start.dir, rc, &problem);
        consensus_fail(consensus, buf_text(&problem));
        buf_close(&problem);
        return;
    }
    consensus_started(consensus);
    consensus_look(consensus);
}

static void start_found(struct consensus *consensus)
{
    const struct consensus_start *start = &consensus->start;
    struct buf text;
    buf_init(&text);
    founder_say_founds(&start->founder, &text);
    logger_info(consensus->logger, "%s", buf_text(&text));
    buf_close(&text);
    start_run(consensus,
              raft_founding_store(&consensus->raft, &start->self, 1, &start->directory_id));
}

static void start_join(struct consensus *consensus)
{
    logger_info(consensus->logger, "a quorum is there: this node joins it");
    start_run(consensus, raft_backend_join(consensus->backend) ? RAFT_IOERR : 0);
}

static void start_seek_set(struct consensus *consensus)
{
    int count, kept = 0;
    struct controller_voter *known = raft_quorum_known(consensus->quorum, &count);
    for (int i = 0; i < count; i++)
        if (known[i].id != consensus->node_id)
            known[kept++] = known[i];
    if (count == 0 && consensus->start.founder.rival.host) /* there is room for one */
        known[kept++] = consensus->start.founder.rival;
    raft_seek_set(consensus->start.seek, known, kept);
    mem_free(known);
}

static void start_decide(void *data)
{
    struct consensus *consensus = data;
    struct consensus_start *start = &consensus->start;
    if (consensus->state >= CONSENSUS_FAILED)
        return;
    start_seek_set(consensus);
    if (!start->deciding)
        return;
    int count;
    struct controller_voter *known = raft_quorum_known(consensus->quorum, &count);
    mem_free(known);
    if (count > 0)
        start_join(consensus);
    else if (!start->met && founder_may(&start->founder, start->seek,
                                        env_now_ms(consensus->env) - start->began_ms))
        start_found(consensus);
    else
        env_timer_start(&start->decide, START_DECIDE_MS);
}

/* ---- asking ---- */

static void start_tell_waiting(struct consensus *consensus)
{
    struct consensus_start *start = &consensus->start;
    int64_t now_ms = env_now_ms(consensus->env);
    bool called = start->deciding && start->called[0] &&
                  (founder_claims(&start->founder) || start->founder.supposed);
    if (consensus->raft.configuration.n > 0 || now_ms - start->told_ms < START_TELL_MS ||
        (!called && start->met))
        return;
    start->told_ms = now_ms;
    if (called) {
        logger_error(consensus->logger,
                     "this node has no metadata and would found a cluster, but a broker of cluster "
                     "%s calls at it: to join that one, name only controllers of it in "
                     "controller.quorum.bootstrap.servers; to found another one, end the brokers "
                     "of that one or name other servers in their files",
                     start->called);
        return;
    }
    struct buf text;
    buf_init(&text);
    founder_say_waits(&start->founder, start->seek, &text);
    logger_warn(consensus->logger, "%s", buf_text(&text));
    buf_close(&text);
}

static enum raft_seek_whom start_whom(const struct consensus *consensus)
{
    const struct consensus_start *start = &consensus->start;
    const struct raft_server *own = raft_servers_find(&consensus->raft, consensus->raft.id);
    int64_t since_ms = env_now_ms(consensus->env) - start->leaderless_ms;
    bool lost = start->leaderless_ms >= 0 && since_ms >= START_LEADERLESS_MS;
    if (consensus->state >= CONSENSUS_FAILED)
        return RAFT_SEEK_NOBODY;
    if (!own || own->role != RAFT_VOTER || start_is_newcomer(consensus) || lost)
        return RAFT_SEEK_ALL;
    /* Others of this machine look here by themselves. */
    return start->founder.supposed ? RAFT_SEEK_NOBODY : RAFT_SEEK_STRANGERS;
}

/* Whether it is in the quorum only if it asks to be. Who was removed by a person comes back by
 * itself only where the settings say so in as many words, as in Kafka. */
static bool start_is_outside(const struct consensus *consensus)
{
    const struct raft_server *own = raft_servers_find(&consensus->raft, consensus->raft.id);
    bool removed = consensus->quorum && raft_quorum_is_removed(consensus->quorum);
    return start_is_newcomer(consensus) || (own && own->role != RAFT_VOTER) ||
           (removed && consensus->start.joins == CONTROLLER_JOINS_ALWAYS);
}

static enum raft_seek_whom start_ask(void *data, Meta__Join *join)
{
    struct consensus *consensus = data;
    struct consensus_start *start = &consensus->start;
    bool newcomer = start_is_newcomer(consensus);
    enum raft_seek_whom whom = start_whom(consensus);
    if (whom == RAFT_SEEK_ALL)
        start_tell_waiting(consensus);
    join->node->id = consensus->node_id;
    join->node->host = (char *)(uintptr_t)start->self.host;
    join->node->port = start->self.port;
    if (!uuid_is_zero(&start->directory_id))
        join->node->directory_id =
            (ProtobufCBinaryData){sizeof(start->directory_id.bytes), start->directory_id.bytes};
    join->cluster_id = (char *)(uintptr_t)consensus->handlers->cluster_id(consensus->data);
    join->ready = !newcomer;
    join->wants = start->joins != CONTROLLER_JOINS_NEVER && start_is_outside(consensus);
    join->beyond = start->joins == CONTROLLER_JOINS_ALWAYS;
    join->founds = start->deciding && founder_claims(&start->founder);
    return whom;
}

/* Each of two voters has confirmed all that was committed, so the other one has it. But it may have
 * been removed since, which only the one that lost its directory knew: a person has to say so. */
static void start_tell_stuck(struct consensus *consensus, const Meta__JoinReply *reply)
{
    struct consensus_start *start = &consensus->start;
    int64_t now_ms = env_now_ms(consensus->env);
    const Meta__Member *other = NULL;
    size_t voters = 0, own = 0;
    for (size_t i = 0; i < reply->n_members; i++) {
        const Meta__Member *member = reply->members[i];
        voters += member->votes;
        own += member->votes && member->id == consensus->node_id;
        other = member->votes && member->id != consensus->node_id ? member : other;
    }
    if (reply->active || !start_is_newcomer(consensus) || voters != 2 || own != 1 || !other ||
        start->leaderless_ms < 0 || now_ms - start->leaderless_ms < START_STUCK_MS ||
        now_ms - start->told_ms < START_TELL_MS)
        return;
    start->told_ms = now_ms;
    logger_error(consensus->logger,
                 "this node is one of two voters and its directory was empty when it started; node "
                 "%d at %s:%u can't lead without it, and has all that is committed unless it was "
                 "removed from the quorum: stop both, replace %s by a copy of that node's "
                 "controller directory, and start both",
                 other->id, other->host, other->port, start->dir);
}

/* Who answers at an address is a member that is not where the log has it; or knows of others, since
 * it has found them, or its log is newer. */
static void start_note_places(struct consensus *consensus, const struct controller_voter *from,
                              const Meta__JoinReply *reply)
{
    if (reply->self)
        raft_quorum_found(consensus->quorum, reply->self, from->host, from->port);
    for (size_t i = 0; i < reply->n_elsewhere; i++)
        raft_quorum_found(consensus->quorum, reply->elsewhere[i], reply->elsewhere[i]->host,
                          reply->elsewhere[i]->port);
    bool newer = reply->members_index > raft_quorum_index(consensus->quorum);
    for (size_t i = 0; newer && i < reply->n_members; i++)
        raft_quorum_found(consensus->quorum, reply->members[i], reply->members[i]->host,
                          reply->members[i]->port);
}

static void start_answered(void *data, const struct controller_voter *from,
                           const Meta__JoinReply *reply)
{
    struct consensus *consensus = data;
    struct consensus_start *start = &consensus->start;
    int64_t now_ms = env_now_ms(consensus->env);
    if (reply->incarnation.len == sizeof(start->incarnation.bytes) &&
        memcmp(reply->incarnation.data, start->incarnation.bytes, reply->incarnation.len) == 0) {
        founder_found_itself(&start->founder, from);
        raft_seek_skip(start->seek, from);
        return;
    }
    if (start->deciding && founder_hears(&start->founder, consensus->node_id, reply->founder))
        env_timer_start(&start->decide, 0);
    if (reply->error) {
        /* Fixed voters are none of this node's where nobody has named their address. */
        start->met |=
            !start->founder.supposed || reply->error != err_to_wire(ERR_UNSUPPORTED_VERSION);
        if (now_ms - start->told_ms >= START_TELL_MS)
            logger_error(consensus->logger, "the controller at %s:%u refuses this node: %s",
                         from->host, from->port, reply->message);
        if (now_ms - start->told_ms >= START_TELL_MS)
            start->told_ms = now_ms;
        return;
    }
    if (reply->n_members == 0)
        return;
    ASSERT(consensus->quorum && start->seek);
    start->met = true;
    start_tell_stuck(consensus, reply);
    start_note_places(consensus, from, reply);
    if (reply->cluster_id[0])
        raft_peers_learn(consensus->peers, reply->cluster_id);
    raft_quorum_learn(consensus->quorum, reply->members, reply->n_members, reply->active);
    env_timer_start(&start->decide, 0);
}

static const struct raft_seek_handlers start_seek_handlers = {.ask = start_ask,
                                                              .answered = start_answered};

/* A member of a quorum has come to a node that is in none. */
static void start_meet(struct consensus *consensus, Meta__Member *member, const char *cluster_id)
{
    if (!start_is_newcomer(consensus) || !cluster_id[0] || !raft_servers_host(member->host) ||
        member->port == 0 || member->port > UINT16_MAX || member->id == consensus->node_id)
        return;
    consensus->start.met = true;
    raft_peers_learn(consensus->peers, cluster_id);
    raft_quorum_learn(consensus->quorum, &member, 1, false);
    env_timer_start(&consensus->start.decide, 0);
}

/* Voters of a quorum dial those who are in it: so this node is. */
void consensus_start_met(struct consensus *consensus, const Meta__Hello *hello)
{
    Meta__Member member = META__MEMBER__INIT;
    member.id = hello->node_id;
    member.host = hello->host;
    member.port = hello->port;
    start_meet(consensus, &member, hello->cluster_id);
}

/* Its voters don't dial a node that was removed from a quorum and has lost its directory since; but
 * brokers dial whom their settings name, at once and again and again. */
void consensus_called(struct consensus *consensus, const Meta__Hello *hello)
{
    struct consensus_start *start = &consensus->start;
    if (!consensus->quorum || !start->deciding || hello->node_id == consensus->node_id ||
        !hello->cluster_id[0] || consensus->handlers->cluster_id(consensus->data)[0])
        return;
    if (!start->called[0])
        start->told_ms = env_now_ms(consensus->env) - START_TELL_MS;
    snprintf(start->called, sizeof(start->called), "%s", hello->cluster_id);
    start->met = true;
}

/* ---- members ---- */

static const struct voter *start_find_voter(const struct voter *voters, int count, int32_t id)
{
    for (int i = 0; i < count; i++)
        if (voters[i].id == id)
            return &voters[i];
    return NULL;
}

static int64_t start_heard_ms(void *data, int32_t id)
{
    const struct consensus *consensus = data;
    const struct voter *voter = start_find_voter(consensus->voters, consensus->voter_count, id);
    return voter ? voter->heard_ms : -1;
}

static void start_members_changed(void *data)
{
    struct consensus *consensus = data;
    int count;
    const struct raft_member *members = raft_quorum_members(consensus->quorum, &count);
    ASSERT(count >= 0 && consensus->quorum);
    struct voter *voters = mem_alloc((size_t)(count ? count : 1) * sizeof(*voters));
    for (int i = 0; i < count; i++) {
        const struct voter *old =
            start_find_voter(consensus->voters, consensus->voter_count, members[i].id);
        voters[i] =
            old ? *old : (struct voter){.id = members[i].id, .heard_ms = -1, .caught_up_ms = -1};
        voters[i].votes = members[i].role == RAFT_VOTER;
    }
    mem_free(consensus->voters);
    consensus->voters = voters;
    consensus->voter_count = count;
    env_timer_start(&consensus->start.decide, 0);
    if (consensus->handlers->members)
        consensus->handlers->members(consensus->data);
}

static void start_put_member(const struct raft_member *member, Meta__Member *out)
{
    meta__member__init(out);
    out->id = member->id;
    out->host = member->host;
    out->port = member->port;
    out->votes = member->role == RAFT_VOTER;
    if (!uuid_is_zero(&member->directory_id))
        out->directory_id = (ProtobufCBinaryData){sizeof(member->directory_id.bytes),
                                                  (uint8_t *)(uintptr_t)member->directory_id.bytes};
}

bool consensus_members(struct consensus *consensus, struct consensus_members *out)
{
    int count;
    out->count = 0;
    if (!consensus->quorum)
        return false;
    out->index = raft_quorum_index(consensus->quorum);
    const struct raft_member *members = raft_quorum_members(consensus->quorum, &count);
    for (int i = 0; i < count && i < CONSENSUS_MEMBERS_MAX; i++) {
        start_put_member(&members[i], &out->items[i]);
        out->pointers[i] = &out->items[i];
        out->count++;
    }
    return true;
}

void consensus_elsewhere(struct consensus *consensus, struct consensus_members *out)
{
    const struct raft_member *found;
    out->count = 0;
    while (out->count < CONSENSUS_MEMBERS_MAX &&
           (found = raft_quorum_elsewhere(consensus->quorum, (int)out->count))) {
        start_put_member(found, &out->items[out->count]);
        out->pointers[out->count] = &out->items[out->count];
        out->count++;
    }
}

Meta__Member *consensus_self(struct consensus *consensus)
{
    struct consensus_start *start = &consensus->start;
    struct raft_member self = {.id = consensus->node_id,
                               .host = (char *)(uintptr_t)start->self.host,
                               .port = start->self.port,
                               .role = RAFT_SPARE};
    if (!consensus->quorum)
        return NULL;
    start_put_member(&self, &start->told_self);
    if (!uuid_is_zero(&start->directory_id))
        start->told_self.directory_id =
            (ProtobufCBinaryData){sizeof(start->directory_id.bytes), start->directory_id.bytes};
    return &start->told_self;
}

Meta__Member *consensus_founder(struct consensus *consensus)
{
    struct consensus_start *start = &consensus->start;
    if (!start->deciding || !founder_claims(&start->founder))
        return NULL;
    meta__member__init(&start->told_founder);
    start->told_founder.id = consensus->node_id;
    start->told_founder.host = (char *)(uintptr_t)start->self.host;
    start->told_founder.port = start->self.port;
    return &start->told_founder;
}

void consensus_heard(struct consensus *consensus, const Meta__Join *join)
{
    struct consensus_start *start = &consensus->start;
    if (start->deciding && join->founds &&
        founder_hears(&start->founder, consensus->node_id, join->node))
        env_timer_start(&start->decide, 0);
    if (start->deciding && join->node)
        start_meet(consensus, join->node, join->cluster_id);
    if (consensus->quorum && consensus_active(consensus))
        raft_quorum_heard(consensus->quorum, join);
}

#define START_FIXED                                                                                \
    "The voters of this quorum are those of controller.quorum.voters. To change them while it "    \
    "runs, start all of its nodes without that setting, and with "                                 \
    "controller.quorum.bootstrap.servers."

#define START_NO_DIRECTORY                                                                         \
    "The request names no directory id of the voter: it is in meta.properties of its metadata "    \
    "directory."

static void start_tell_other_cluster(const char *asked, const char *own,
                                     void (*done)(void *data, int err, const char *sentence),
                                     void *data)
{
    char *sentence =
        mem_printf("The given id \"%s\" doesn't match the cluster id \"%s\"", asked, own);
    done(data, ERR_INCONSISTENT_CLUSTER_ID, sentence);
    mem_free(sentence);
}

static bool start_may_change(struct consensus *consensus, const char *cluster_id,
                             void (*done)(void *data, int err, const char *sentence), void *data)
{
    const char *own = consensus->handlers->cluster_id(consensus->data);
    if (!consensus_active(consensus) || consensus->transferring)
        done(data, ERR_NOT_CONTROLLER, "");
    else if (!consensus->quorum)
        done(data, ERR_UNSUPPORTED_VERSION, START_FIXED);
    else if (cluster_id[0] && strcmp(cluster_id, own) != 0)
        start_tell_other_cluster(cluster_id, own, done, data);
    else
        return true;
    return false;
}

/* As in Kafka a voter is an id and a directory: else the change would be of whoever has the id. */
static bool start_has_directory(ProtobufCBinaryData id)
{
    struct uuid directory_id;
    if (id.len != sizeof(directory_id.bytes))
        return false;
    memcpy(directory_id.bytes, id.data, sizeof(directory_id.bytes));
    return !uuid_is_zero(&directory_id);
}

static bool start_is_voter(const Meta__Member *voter,
                           void (*done)(void *data, int err, const char *sentence), void *data)
{
    if (!voter || voter->id < 0 || !voter->host[0] || voter->port == 0 || voter->port > UINT16_MAX)
        done(data, ERR_INVALID_REQUEST, "A voter has an id and a listener with host and port.");
    else if (!raft_servers_host(voter->host))
        done(data, ERR_INVALID_REQUEST, "The host of the voter's listener is no name of a host.");
    else if (!start_has_directory(voter->directory_id))
        done(data, ERR_INVALID_REQUEST, START_NO_DIRECTORY);
    else
        return true;
    return false;
}

void consensus_add_voter(struct consensus *consensus, const Meta__AddVoter *add,
                         void (*done)(void *data, int err, const char *sentence), void *data)
{
    int64_t timeout_ms = add->timeout_ms > 0 ? add->timeout_ms : START_CHANGE_MS;
    if (!start_may_change(consensus, add->cluster_id, done, data))
        return;
    if (start_is_voter(add->voter, done, data))
        raft_quorum_add(consensus->quorum, add->voter,
                        timeout_ms < START_CHANGE_MAX_MS ? timeout_ms : START_CHANGE_MAX_MS, done,
                        data);
}

void consensus_remove_voter(struct consensus *consensus, const Meta__RemoveVoter *remove,
                            void (*done)(void *data, int err, const char *sentence), void *data)
{
    struct uuid directory_id;
    if (!start_may_change(consensus, remove->cluster_id, done, data))
        return;
    if (!start_has_directory(remove->directory_id)) {
        done(data, ERR_INVALID_REQUEST, START_NO_DIRECTORY);
        return;
    }
    memcpy(directory_id.bytes, remove->directory_id.data, sizeof(directory_id.bytes));
    if (!raft_quorum_may_remove(consensus->quorum, remove->id, &directory_id, done, data))
        return;
    if (remove->id == consensus->node_id) {
        /* The next leader removes this node. */
        consensus_transfer(consensus, NULL, NULL);
        done(data, ERR_NOT_CONTROLLER, "");
        return;
    }
    raft_quorum_remove(consensus->quorum, remove->id, START_CHANGE_MS, done, data);
}

/* The epoch tells a voter that speaks of itself from one that has not heard of this leader. */
void consensus_update_voter(struct consensus *consensus, const Meta__UpdateVoter *update,
                            void (*done)(void *data, int err, const char *sentence), void *data)
{
    int64_t term = consensus_term(consensus);
    if (!start_may_change(consensus, update->cluster_id, done, data))
        return;
    if (update->leader_epoch < term)
        done(data, ERR_FENCED_LEADER_EPOCH, "The request names an older epoch of the leader.");
    else if (update->leader_epoch > term)
        done(data, ERR_UNKNOWN_LEADER_EPOCH, "The request names a newer epoch of the leader.");
    else if (start_is_voter(update->voter, done, data))
        raft_quorum_update(consensus->quorum, update->voter, START_CHANGE_MS, done, data);
}

static bool start_is_fixed_voter(const struct consensus *consensus, int32_t id)
{
    for (int i = 0; i < consensus->voter_count; i++)
        if (consensus->voters[i].id == id)
            return true;
    return false;
}

void consensus_unregister(struct consensus *consensus, int32_t id,
                          void (*done)(void *data, int err, const char *sentence), void *data)
{
    if (!consensus_active(consensus) || consensus->transferring)
        done(data, ERR_NOT_CONTROLLER, "");
    else if (consensus->quorum)
        raft_quorum_unregister(consensus->quorum, id, START_CHANGE_MS, done, data);
    else if (start_is_fixed_voter(consensus, id))
        done(data, ERR_INVALID_REQUEST, "The controller votes: it is in controller.quorum.voters.");
    else
        done(data, ERR_BROKER_ID_NOT_REGISTERED, "No controller with this id is registered.");
}

/* ---- life ---- */

void consensus_start_look(struct consensus *consensus)
{
    struct consensus_start *start = &consensus->start;
    ASSERT(!start->deciding);
    bool led = consensus_leads(consensus) || consensus->leader_told != -1;
    if (led)
        start->leaderless_ms = -1;
    else if (start->leaderless_ms < 0)
        start->leaderless_ms = env_now_ms(consensus->env);
}

static void start_init(struct consensus *consensus, const struct consensus_config *config)
{
    struct consensus_start *start = &consensus->start;
    struct raft_quorum_config quorum = {.env = consensus->env,
                                        .logger = consensus->logger,
                                        .raft = &consensus->raft,
                                        .backend = consensus->backend,
                                        .peers = consensus->peers,
                                        .self = &start->self,
                                        .directory_id = &start->directory_id,
                                        .heard_ms = start_heard_ms};
    ASSERT(config->voter_count == 1 && config->voters[0].id == config->node_id);
    start->self = config->voters[0];
    start->self.host = mem_strdup(config->voters[0].host);
    start->directory_id = config->directory_id;
    start->joins = config->joins;
    start->dir = mem_strdup(config->dir);
    founder_init(&start->founder, config->servers, config->server_count, config->own_server,
                 config->servers_supposed);
    start->incarnation = config->incarnation;
    start->began_ms = env_now_ms(consensus->env);
    start->told_ms = start->began_ms - START_TELL_MS / 2;
    start->leaderless_ms = -1;
    env_timer_init(consensus->env, &start->decide, start_decide, consensus);
    start->seek = raft_seek_new(consensus->env, consensus->logger, config->servers,
                                config->server_count, &start_seek_handlers, consensus);
    if (config->own_server >= 0)
        raft_seek_skip(start->seek, &config->servers[config->own_server]);
    raft_backend_change(consensus->backend);
    raft_peers_tell(consensus->peers, &start->self, &start->directory_id);
    consensus->quorum = raft_quorum_new(&quorum, start_members_changed, consensus);
    raft_set_max_catch_up_round_duration(&consensus->raft, START_CATCH_UP_MS);
}

/* What is stored decides; a new node founds, joins, or finds out. */
static int start_changing(struct consensus *consensus, const struct consensus_config *config,
                          struct buf *problem)
{
    struct consensus_start *start = &consensus->start;
    bool fresh = raft_store_fresh(consensus->store);
    int rc = 0;
    start_init(consensus, config);
    raft_seek_start(start->seek, START_ASK_MS);
    if (fresh && !raft_backend_joins(consensus->backend)) {
        int err = raft_founding_check(config, problem);
        if (err)
            return err;
        start->deciding = founder_asks(&start->founder);
        if (!start->deciding)
            rc = raft_founding_store(&consensus->raft, &start->self, 1, &start->directory_id);
    } else if (fresh) {
        /* A disk error or a crash may have left it there without being durable; a term that
         * outlives it would look like a lost log. */
        rc = raft_backend_join(consensus->backend) ? RAFT_IOERR : 0;
    } else if (raft_servers_stored_alone(raft_store_state(consensus->store), consensus->raft.id)) {
        rc = raft_history_begin(consensus->env, consensus->store, consensus->raft.id);
    }
    if (start->deciding) {
        env_timer_start(&start->decide, START_DECIDE_MS);
        return 0;
    }
    if (!rc)
        rc = raft_start(&consensus->raft);
    if (rc)
        return start_problem(config->dir, rc, problem);
    consensus_started(consensus);
    return 0;
}

static int start_fixed(struct consensus *consensus, const struct consensus_config *config,
                       struct buf *problem)
{
    static const struct uuid none;
    struct raft *raft = &consensus->raft;
    int rc = 0;
    if (raft_store_fresh(consensus->store)) {
        int err = raft_founding_check(config, problem);
        if (err)
            return err;
        rc = raft_founding_store(raft, config->voters, config->voter_count, &none);
    } else if (config->voter_count == 1) {
        rc = raft_history_begin(consensus->env, consensus->store, raft->id);
    }
    if (!rc)
        rc = raft_start(raft);
    if (rc)
        return start_problem(config->dir, rc, problem);
    consensus_started(consensus);
    if (raft_members_are(raft, config->voters, config->voter_count))
        return 0;
    buf_printf(problem,
               "controller.quorum.voters names other nodes than the quorum that %s belongs to: "
               "restore the setting, or remove it, then the quorum is as the log has it and "
               "kafka-metadata-quorum.sh changes it",
               config->dir);
    return ERR_INVALID;
}

int consensus_start(struct consensus *consensus, const struct consensus_config *config,
                    struct buf *problem)
{
    struct raft *raft = &consensus->raft;
    char *name = mem_printf("%d", config->node_id);
    int rc = raft_init(raft, raft_backend_io(consensus->backend), &consensus->fsm,
                       raft_members_id(config->node_id), name);
    mem_free(name);
    if (rc) {
        buf_printf(problem, "Raft can't start: %s", raft_strerror(rc));
        return ERR_NO_MEMORY;
    }
    consensus->made = true;
    raft_set_pre_vote(raft, true);
    raft_set_heartbeat_timeout(raft, (unsigned)config->heartbeat_ms);
    raft_set_election_timeout(raft, (unsigned)config->election_timeout_ms);
    raft_set_snapshot_threshold(raft, (unsigned)config->snapshot_entries);
    int64_t trailing = config->snapshot_entries / 4;
    raft_set_snapshot_trailing(
        raft, (unsigned)(trailing > START_TRAILING_MIN ? trailing : START_TRAILING_MIN));
    return config->changes ? start_changing(consensus, config, problem)
                           : start_fixed(consensus, config, problem);
}

void consensus_start_stop(struct consensus *consensus)
{
    if (!consensus->quorum)
        return;
    env_timer_stop(&consensus->start.decide);
    raft_seek_stop(consensus->start.seek);
    raft_quorum_stop(consensus->quorum);
}

void consensus_start_free(struct consensus *consensus)
{
    struct consensus_start *start = &consensus->start;
    if (!consensus->quorum)
        return;
    env_timer_stop(&start->decide);
    raft_seek_free(start->seek);
    raft_quorum_free(consensus->quorum);
    mem_free((char *)(uintptr_t)start->self.host);
    mem_free(start->dir);
    founder_close(&start->founder);
}
